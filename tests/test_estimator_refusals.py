"""What estimators refuse, by name: TypeError for what is no data, ValueError for what is out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.estimators import SHAPE, Case, each_case, fitted


@each_case
@pytest.mark.parametrize(
    "data",
    [
        np.ones(SHAPE, dtype=complex),
        np.ones(SHAPE, dtype=np.float16),
        np.ones(SHAPE, dtype=np.longdouble),
        np.ones(SHAPE, dtype=object),
        np.ones(SHAPE, dtype=str),
        np.zeros(SHAPE, dtype="M8[s]"),
        np.zeros(SHAPE, dtype=[("x", "f8")]),
        [[[1.0, 2.0], [3.0]]],
        "recording",
        None,
        {"x": 1},
        object(),
    ],
    ids=str,
)
def test_what_is_not_real_numbers_is_a_type_error(case: Case, data: Any) -> None:
    with pytest.raises(TypeError, match="X"):
        case.make().fit(data)
    for method in ("transform", "score"):
        with pytest.raises(TypeError, match="X"):
            getattr(fitted(case.name), method)(data)


@each_case
@pytest.mark.parametrize("dtype", [int, float, str, object])
def test_a_mask_that_is_not_boolean_is_a_type_error(case: Case, dtype: type) -> None:
    mask = np.ones(SHAPE, dtype=dtype)
    for method in (case.make().fit, fitted(case.name).transform, fitted(case.name).score):
        with pytest.raises(TypeError, match="mask"):
            method(case.recording(), mask)


@each_case
@pytest.mark.parametrize("shape", [(), (1,), (12, 9), (12, 9, 1), (10, 9, 12), (1, 12, 9, 10)])
def test_a_mask_of_another_shape_is_a_value_error(case: Case, shape: tuple[int, ...]) -> None:
    for method in (case.make().fit, fitted(case.name).transform, fitted(case.name).score):
        with pytest.raises(ValueError, match="mask"):
            method(case.recording(), np.ones(shape, dtype=bool))


@each_case
def test_infinities_are_a_value_error(case: Case) -> None:
    for value in (np.inf, -np.inf):
        X = case.recording()
        X[3, 4, 5] = value
        for method in (case.make().fit, fitted(case.name).transform):
            with pytest.raises(ValueError, match="infinite"):
                method(X)


@each_case
@pytest.mark.parametrize("place", [(0, 0, 0), (3, 4, 5)])
def test_infinities_have_no_score(case: Case, place: tuple[int, int, int]) -> None:
    X = case.recording()
    X[place] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        fitted(case.name).score(X)


@each_case
def test_nothing_observed_is_a_value_error(case: Case) -> None:
    X = case.recording()
    for method in (case.make().fit, fitted(case.name).transform, fitted(case.name).score):
        with pytest.raises(ValueError, match="observed"):
            method(np.full(SHAPE, np.nan))
        with pytest.raises(ValueError, match="observed"):
            method(X, np.zeros(SHAPE, dtype=bool))


@each_case
@pytest.mark.parametrize("shape", [(), (5,), (0, 9, 10), (12, 0, 10), (12, 9, 0)])
def test_too_few_axes_or_entries_are_a_value_error(case: Case, shape: tuple[int, ...]) -> None:
    for method in (case.make().fit, fitted(case.name).transform, fitted(case.name).score):
        with pytest.raises(ValueError, match=r"X|n_components"):
            method(np.ones(shape))


@each_case
@pytest.mark.parametrize("shape", [(12, 8, 10), (12, 9, 11), (9, 12, 10), (12, 90), (12, 9, 10, 1)])
def test_trials_of_other_neurons_or_times_are_a_value_error(case: Case, shape: tuple[int, ...]) -> None:
    for method in (fitted(case.name).transform, fitted(case.name).score):
        with pytest.raises(ValueError, match="X has shape"):
            method(np.ones(shape))


Refusal = tuple[dict[str, Any], type[Exception] | tuple[type[Exception], ...]]

SHARED_REFUSALS: tuple[Refusal, ...] = (
    ({"n_components": None}, (TypeError, ValueError)),
    ({"max_iter": 0}, ValueError),
    ({"max_iter": 1.5}, TypeError),
    ({"tol": -1e-9}, ValueError),
    ({"tol": np.nan}, ValueError),
    ({"tol": np.inf}, ValueError),
    ({"tol": 10**400}, ValueError),
    ({"tol": "small"}, TypeError),
    ({"n_init": 0}, ValueError),
    ({"n_init": True}, TypeError),
    ({"loss": "absolute"}, ValueError),
    ({"init": "hosvd?"}, ValueError),
    ({"init": 3}, TypeError),
    ({"n_threads": 0}, ValueError),
    ({"n_threads": -1}, ValueError),
    ({"n_threads": 10**6}, ValueError),
    ({"random_state": -1}, ValueError),
    ({"random_state": 2**64}, ValueError),
    ({"random_state": 0.5}, TypeError),
    ({"progress": "yes"}, TypeError),
    ({"nonnegative": "no"}, TypeError),
)


@each_case
@pytest.mark.parametrize(("parameters", "error"), SHARED_REFUSALS, ids=lambda value: str(value)[:40])
def test_parameters_out_of_range_are_refused_by_name(
    case: Case, parameters: dict[str, Any], error: type[Exception]
) -> None:
    (name,) = parameters
    with pytest.raises(error, match=name):
        case.make(**parameters).fit(case.recording())


@each_case
def test_parameters_of_its_own_are_refused_by_name(case: Case) -> None:
    for parameters, error in case.refused:
        (name,) = parameters
        with pytest.raises(error, match=name):
            case.make(**parameters).fit(case.recording())


@each_case
def test_an_init_of_other_shape_is_a_value_error(case: Case) -> None:
    other = case.make().fit(case.recording(0, (7, 9, 10)))
    with pytest.raises(ValueError, match="init"):
        case.make(init=other).fit(case.recording())


@each_case
def test_an_unfitted_init_is_a_value_error(case: Case) -> None:
    with pytest.raises(ValueError, match=r"init|not fitted"):
        case.make(init=case.make()).fit(case.recording())
