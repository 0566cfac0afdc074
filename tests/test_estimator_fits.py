"""What every fit promises: an honest, falling loss; scores; warm starts; usable early ends."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.common.estimators import SHAPE, Case, arrays_of, each_case, fitted, with_gaps
from tests.common.reference_cp import FloatArray

import fastigial as fg

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
MISSING = pytest.mark.parametrize("missing", [0.0, 0.2])


def mean_squared_residual(X: FloatArray, model: FloatArray) -> float:
    return float(np.nanmean((X.astype(np.float64) - model) ** 2))


def share_explained(X: FloatArray, model: FloatArray) -> float:
    return float(1 - np.nansum((X - model) ** 2) / np.nansum(X**2))


# The loss


@each_case
@MISSING
@FLOATS
def test_the_loss_is_the_mean_squared_residual(case: Case, missing: float, dtype: type[np.floating[Any]]) -> None:
    X = with_gaps(case.recording(), missing).astype(dtype)
    model = case.make().fit(X)
    rounding = 1e-3 if dtype is np.float32 else 1e-10
    assert model.loss_ == pytest.approx(mean_squared_residual(X, model.reconstruct()), rel=rounding)
    assert model.explained_variance_ == pytest.approx(share_explained(X, model.reconstruct()), abs=rounding)
    assert model.loss_history_[-1] == pytest.approx(model.loss_, rel=max(rounding, 1e-6))
    assert model.loss_history_.shape == (model.n_iter_,)


@each_case
@MISSING
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("init", ["svd", "random"])
def test_the_loss_never_rises(case: Case, missing: float, noise: float, init: str) -> None:
    X = case.recording() + noise * np.random.default_rng(2).normal(size=SHAPE)
    model = case.make(init=init, max_iter=2000).fit(with_gaps(X, missing))
    assert np.all(np.diff(model.loss_history_) <= 0)
    assert np.all(model.loss_history_ >= 0)
    assert model.converged_
    assert model.outcome_ == "converged"


@each_case
def test_the_best_start_wins(case: Case) -> None:
    X = np.random.default_rng(3).normal(size=SHAPE)
    model = case.make(init="random", n_init=6, max_iter=2000).fit(X)
    assert model.restart_losses_.size >= 6
    assert model.loss_ <= model.restart_losses_.min() * (1 + 1e-9)


# Scores and other trials


@each_case
@MISSING
def test_the_score_of_the_training_data_is_the_explained_variance(case: Case, missing: float) -> None:
    X = with_gaps(case.recording(), missing)
    model = case.make().fit(X)
    assert model.score(X) == pytest.approx(model.explained_variance_, abs=1e-12)
    assert model.explained_variance_ > 0.9


@each_case
@pytest.mark.parametrize("by", ["mask", "nan"])
def test_held_out_entries_are_scored_on_the_fitted_model(case: Case, by: str) -> None:
    X = case.recording()
    train = np.random.default_rng(4).random(SHAPE) < 0.8
    model = case.make().fit(X, train) if by == "mask" else case.make().fit(np.where(train, X, np.nan))
    expected = share_explained(np.where(train, np.nan, X), model.reconstruct())
    assert model.score(X, mask=~train) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.9


@each_case
@MISSING
def test_other_trials_are_transformed_and_then_scored(case: Case, missing: float) -> None:
    new = with_gaps(case.recording(0, (20, *SHAPE[1:]))[SHAPE[0] :], missing)
    model = fitted(case.name)
    rebuilt = case.rebuilt(model, model.transform(new))
    assert rebuilt.shape == new.shape
    assert model.score(new) == pytest.approx(share_explained(new, rebuilt), abs=1e-9)


@each_case
def test_silent_entries_do_not_make_two_recordings_the_same(case: Case) -> None:
    """Sparse counts agree almost everywhere; other trials are still other trials."""
    spikes = np.random.default_rng(1).random((2, 20, 15, 30)) < 0.004
    first, second = spikes.astype(np.float64)
    model = case.make().fit(first)
    rebuilt = case.rebuilt(model, model.transform(second))
    assert model.score(second) == pytest.approx(share_explained(second, rebuilt), abs=1e-9)


@each_case
@MISSING
def test_transforming_the_fitted_trials_gives_the_fit_back(case: Case, missing: float) -> None:
    X = with_gaps(case.recording(), missing)
    model = case.make(tol=1e-12, max_iter=20_000).fit(X)
    new = model.transform(X)
    scale = np.abs(model.reconstruct()).max()
    np.testing.assert_allclose(case.rebuilt(model, new), model.reconstruct(), rtol=0, atol=1e-4 * scale)
    if case.own_trials is not None:
        for one, other in zip(case.transformed(new), case.own_trials(model), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * max(1.0, np.abs(other).max()))


@each_case
def test_each_trial_is_transformed_on_its_own(case: Case) -> None:
    model, X = fitted(case.name), with_gaps(case.recording(5), 0.2)
    X[3] = np.nan
    whole = case.rebuilt(model, model.transform(X))
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(whole[3], 0.0)
    for trial in (0, 7):
        alone = case.rebuilt(model, model.transform(X[trial : trial + 1]))
        np.testing.assert_allclose(alone[0], whole[trial], rtol=0, atol=1e-6 * np.abs(whole).max())


# Early ends and warm starts


@each_case
@MISSING
def test_running_out_of_iterations_is_a_warning_and_a_flag(case: Case, missing: float) -> None:
    X = with_gaps(np.random.default_rng(7).normal(size=SHAPE), missing)
    model = case.make(max_iter=1, n_init=1, tol=0.0)
    with pytest.warns(fg.ConvergenceWarning, match="max_iter=1"):
        model.fit(X)
    assert not model.converged_
    assert model.outcome_ == "max_iter"
    assert model.loss_ == pytest.approx(mean_squared_residual(X, model.reconstruct()), rel=1e-9)


@each_case
def test_a_converged_fit_does_not_warn(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert case.make().fit(case.recording()).converged_


@each_case
def test_progress_is_called_with_done_total_and_loss(case: Case) -> None:
    calls: list[tuple[int, int, float]] = []

    def note(*step: Any) -> None:
        calls.append(step)
        if len(calls) == 4:
            raise StopIteration

    with pytest.raises(StopIteration):
        case.make(n_init=10**6, progress=note).fit(case.recording())
    assert len(calls) == 4
    for done, total, loss in calls:
        assert isinstance(done, int)
        assert isinstance(total, int)
        assert isinstance(loss, float)
        assert 1 <= done <= total
        assert loss > 0
    assert all(one[0] < other[0] for one, other in pairwise(calls))


@each_case
@MISSING
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, StopIteration])
def test_an_exception_in_progress_ends_the_fit_and_keeps_what_was_found(
    case: Case, missing: float, error: type[BaseException]
) -> None:
    X = with_gaps(case.recording(), missing)

    def give_up(*_: Any) -> None:
        raise error("enough")

    model = case.make(n_init=10**6, progress=give_up)
    with pytest.raises(error, match="enough"):
        model.fit(X)
    assert not model.converged_
    assert model.outcome_ == "interrupted"
    assert model.loss_ == pytest.approx(mean_squared_residual(X, model.reconstruct()), rel=1e-9)
    assert model.n_iter_ == model.loss_history_.size
    assert np.isfinite(model.score(X))
    assert model.set_params(n_init=1, progress=False).fit(X).converged_


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("max_iter", [1, 7, 20])
def test_restarts_take_no_more_sweeps_than_the_fit_may(nonnegative: bool, max_iter: int) -> None:
    X = with_gaps(np.abs(np.random.default_rng(3).normal(size=SHAPE)), 0.2)
    with pytest.warns(fg.ConvergenceWarning):
        model = fg.SliceTCA((1, 1, 1), nonnegative=nonnegative, max_iter=max_iter, tol=0, random_state=0).fit(X)
    assert model.n_iter_ == max_iter


@each_case
@MISSING
def test_a_warm_start_goes_on_where_the_model_is(case: Case, missing: float) -> None:
    X = with_gaps(case.recording(), missing)
    model = case.make(tol=1e-9, max_iter=5000).fit(X)
    again = case.make(init=model, tol=1e-9).fit(X)
    assert again.loss_ <= model.loss_ * (1 + 1e-9)
    np.testing.assert_allclose(again.reconstruct(), model.reconstruct(), rtol=0, atol=1e-3)


@each_case
@MISSING
def test_a_warm_start_from_the_answer_has_little_left_to_do(case: Case, missing: float) -> None:
    X = with_gaps(case.recording(), missing)
    model = case.make(tol=1e-9, max_iter=5000).fit(X)
    assert case.make(init=model, tol=1e-6).fit(X).n_iter_ <= 5


@each_case
def test_a_warm_start_leaves_the_given_model_alone(case: Case) -> None:
    model = fitted(case.name)
    before = {name: array.copy() for name, array in arrays_of(model).items()}
    case.make(init=model).fit(case.recording(1))
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


# Precision


@each_case
@FLOATS
def test_results_keep_the_precision_of_the_data(case: Case, dtype: type[np.floating[Any]]) -> None:
    X = case.recording().astype(dtype)
    model = case.make().fit(X)
    for name in case.learned:
        value = getattr(model, name)
        arrays = value if isinstance(value, list) else [value]
        assert {array.dtype for array in arrays} == {np.dtype(dtype)}, name
    assert model.reconstruct().dtype == dtype
    assert {array.dtype for array in case.transformed(model.transform(X[:3]))} == {np.dtype(dtype)}
    assert model.loss_history_.dtype == np.float64
    assert isinstance(model.loss_, float)
    assert isinstance(model.score(X), float)


@each_case
def test_single_precision_finds_the_same_model(case: Case) -> None:
    X = case.recording()
    single = case.make().fit(X.astype(np.float32))
    np.testing.assert_allclose(single.reconstruct(), fitted(case.name).reconstruct(), atol=1e-3)
    assert single.loss_ == pytest.approx(fitted(case.name).loss_, rel=1e-4)
