"""Every estimator keeps scikit-learn's contract, survives copies and files, and repeats its numbers."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from tests.common.estimators import SHAPE, Case, arrays_of, assert_same_fit, each_case, fitted

import fastigial as fg

METHODS = ("reconstruct", "transform", "score", "save", "to_xarray")


@each_case
def test_constructor_stores_its_arguments_untouched(case: Case) -> None:
    arguments = {name: object() for name in inspect.signature(case.kind).parameters}
    model = case.kind(**arguments)
    assert vars(model) == arguments
    assert all(getattr(model, name) is value for name, value in arguments.items())
    assert model.get_params() == arguments


@each_case
def test_only_the_number_of_components_is_positional(case: Case) -> None:
    with pytest.raises(TypeError, match="positional"):
        case.kind(2, True)


@each_case
def test_set_params_changes_what_get_params_returns(case: Case) -> None:
    model = case.make()
    assert model.set_params(max_iter=7, tol=0.5) is model
    assert model.get_params(deep=True)["max_iter"] == 7
    assert model.get_params(deep=False)["tol"] == 0.5


@each_case
def test_an_unknown_parameter_is_a_value_error_and_changes_nothing(case: Case) -> None:
    model = case.make()
    before = model.get_params()
    with pytest.raises(ValueError, match="bandwidth"):
        model.set_params(max_iter=3, bandwidth=1.0)
    assert model.get_params() == before


@each_case
def test_clone_is_an_unfitted_twin(case: Case) -> None:
    model = fitted(case.name)
    twin = clone(model)
    assert twin is not model
    assert twin.get_params() == model.get_params()
    assert not hasattr(twin, "loss_")
    assert_same_fit(twin.fit(case.recording()), model)


@each_case
def test_a_clone_of_a_warm_start_can_still_be_fitted(case: Case) -> None:
    """scikit-learn's clone clones parameters too; the fitted model given as `init` must survive that."""
    warm = case.make(init=fitted(case.name))
    assert clone(warm).fit(case.recording()).loss_ == pytest.approx(warm.fit(case.recording()).loss_)


@each_case
def test_fit_returns_the_estimator_itself(case: Case) -> None:
    model = case.make()
    assert model.fit(case.recording()) is model


@each_case
def test_fit_touches_neither_its_data_nor_its_parameters(case: Case) -> None:
    X = case.recording()
    X[0, 0, 0] = np.nan
    mask = np.ones(X.shape, dtype=bool)
    mask[1, 1] = False
    X_before, mask_before = X.copy(), mask.copy()
    model = case.make()
    parameters = dict(vars(model))
    model.fit(X, mask)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(mask, mask_before)
    assert all(getattr(model, name) is value for name, value in parameters.items())


@each_case
def test_repr_is_the_call_that_makes_it(case: Case) -> None:
    model = case.make(max_iter=77)
    text = repr(model)
    assert "max_iter=77" in text
    assert "n_threads" not in text
    again = eval(text, {type(model).__name__: type(model)})
    assert again.get_params() == model.get_params()


@each_case
def test_repr_takes_any_parameter_that_fit_takes(case: Case) -> None:
    assert repr(case.make(nonnegative=np.array([False, False, False])))
    assert repr(case.make(random_state=np.random.default_rng(0), init=fitted(case.name)))


@each_case
def test_html_shows_the_fit(case: Case) -> None:
    assert "not fitted" in case.make()._repr_html_()
    assert "explained variance" in fitted(case.name)._repr_html_()


@each_case
@pytest.mark.parametrize("method", METHODS)
def test_an_unfitted_estimator_says_so(case: Case, method: str, tmp_path: Path) -> None:
    arguments: tuple[Any, ...] = ()
    if method in ("transform", "score"):
        arguments = (case.recording(),)
    elif method == "save":
        arguments = (tmp_path / "model",)
    with pytest.raises(AttributeError, match="not fitted"):
        getattr(case.make(), method)(*arguments)
    assert not list(tmp_path.iterdir())


@each_case
def test_learned_values_do_not_exist_before_the_fit(case: Case) -> None:
    model = case.make()
    for name in (*case.learned, "loss_", "loss_history_", "n_iter_", "converged_", "dims_", "coords_"):
        assert not hasattr(model, name), name
        assert hasattr(fitted(case.name), name), name


@each_case
def test_a_failed_refit_keeps_the_earlier_fit(case: Case) -> None:
    model = case.make().fit(case.recording())
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match="infinite"):
        model.fit(np.full(SHAPE, np.inf))
    assert_same_fit(model, before)


@each_case
@pytest.mark.parametrize("through", ["pickle", "deepcopy"])
def test_copies_are_the_same_model(case: Case, through: str) -> None:
    model = fitted(case.name)
    again = pickle.loads(pickle.dumps(model)) if through == "pickle" else copy.deepcopy(model)
    assert_same_fit(again, model)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.reconstruct(), model.reconstruct())
    assert again.score(case.recording()) == model.score(case.recording())


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_files_bring_the_model_back_with_labels_and_parameters(
    case: Case, dtype: type[np.floating[Any]], tmp_path: Path
) -> None:
    coords = {
        "condition": ("trial", np.array(["go", "nögo"] * (SHAPE[0] // 2))),
        "unit": ("neuron", np.arange(SHAPE[1], dtype=np.int16)),
        "good": ("neuron", np.arange(SHAPE[1]) % 2 == 0),
        "time": ("time", (np.arange(SHAPE[2]) + 0.5) / 3),
        "day": ("trial", np.datetime64("2026-11-01") + np.arange(SHAPE[0])),
    }
    X = case.recording().astype(dtype)
    model = case.make(tol=1e-5, random_state=2**63 + 1).fit(fg.Recording(X, coords=coords))
    path = tmp_path / "model.safetensors"
    model.save(str(path))
    again = fg.load(path)
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    assert_same_fit(again, model)
    assert again.dims_ == model.dims_
    assert again.coords_.keys() == coords.keys()
    for name, (dim, values) in coords.items():
        assert again.coords_[name][0] == dim
        assert again.coords_[name][1].dtype == values.dtype
        np.testing.assert_array_equal(again.coords_[name][1], values)
    np.testing.assert_array_equal(again.reconstruct(), model.reconstruct())
    assert again.score(X) == model.score(X)
    assert again.to_xarray().equals(model.to_xarray())


@each_case
def test_the_same_seed_gives_the_same_numbers(case: Case) -> None:
    X = case.recording()
    X[::3, 2] = np.nan
    changes = {"init": "random", "n_init": 3}
    first = case.make(**changes).fit(X)
    assert_same_fit(case.make(**changes).fit(X), first)
    generated = [case.make(**changes, random_state=np.random.default_rng(5)).fit(X) for _ in range(2)]
    assert_same_fit(*generated)
    other = case.make(**changes, random_state=1, max_iter=500).fit(X)
    assert not np.array_equal(arrays_of(other)["restart_losses_"], arrays_of(first)["restart_losses_"])


@each_case
def test_refitting_is_fitting(case: Case) -> None:
    model = case.make().fit(case.recording(1))
    assert_same_fit(model.fit(case.recording()), fitted(case.name))


@each_case
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_do_not_depend_on_the_number_of_threads(
    case: Case, missing: bool, dtype: type[np.floating[Any]]
) -> None:
    X = case.recording(0, (40, 33, 57)).astype(dtype)
    if missing:
        X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    fits = [case.make(n_threads=n, n_init=3, tol=1e-5).fit(X) for n in (1, 2, 5)]
    for fit in fits[1:]:
        assert_same_fit(fit, fits[0])
        for one, other in zip(
            case.transformed(fit.transform(X[:7])),
            case.transformed(fits[0].transform(X[:7])),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(fit.reconstruct(), fits[0].reconstruct())
