"""What estimators refuse, by name: parameters out of range, other neurons, other starts (data: test_any_input)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.estimators import Case, each_case, fitted


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
