"""What an input to an estimator must lead to: outcomes for the table of `test_any_input`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import DTypeLike
from tests.common.estimators import SHAPE, Case, arrays_of, assert_same_fit, fitted, with_gaps
from tests.common.reference_cp import FloatArray

import fastigial as fg


class Given(NamedTuple):
    X: Any
    mask: Any = None


Outcome = Callable[[Case, Given], None]


def assert_finite(case: Case, model: Any, given: Given) -> None:
    """No NaN or infinity in anything that the model holds or makes."""
    for name, array in arrays_of(model).items():
        assert np.isfinite(array).all(), name
    for array in (model.reconstruct(), *case.transformed(model.transform(*given))):
        assert np.isfinite(array).all()
    assert np.isfinite([model.loss_, model.explained_variance_, model.score(*given)]).all()
    assert all(np.isfinite(variable).all() for variable in model.to_xarray().data_vars.values())


def like(other: Callable[[FloatArray], Given]) -> Outcome:
    """The same as another input to the last bit: fitted, transformed and scored."""

    def outcome(case: Case, given: Given) -> None:
        expected = other(case.recording())
        assert_same_fit(case.make().fit(*given), case.make().fit(*expected))
        model = fitted(case.name)
        assert model.score(*given) == model.score(*expected)
        ours, theirs = (case.transformed(model.transform(*item)) for item in (given, expected))
        for one, another in zip(ours, theirs, strict=True):
            assert one.dtype == another.dtype
            np.testing.assert_array_equal(one, another)

    return outcome


def refused(error: type[Exception], text: str) -> Outcome:
    """An error that names the argument, from every method that takes data."""

    def outcome(case: Case, given: Given) -> None:
        for method in (case.make().fit, fitted(case.name).transform, fitted(case.name).score):
            with pytest.raises(error, match=text):
                method(*given)

    return outcome


def explained(rounding: float = 1e-6, **changes: Any) -> Outcome:
    """A model that is the data."""

    def outcome(case: Case, given: Given) -> None:
        model = case.make(tol=1e-12, max_iter=20_000, **changes).fit(*given)
        X = np.asarray(given.X, dtype=np.float64)
        size = np.abs(X).max()
        np.testing.assert_allclose(model.reconstruct(), X, rtol=0, atol=rounding * size)
        assert 0 <= model.loss_ <= (rounding * size) ** 2
        for score in (model.explained_variance_, model.score(*given)):
            assert score == pytest.approx(1.0, abs=rounding)
        assert model.converged_
        assert_finite(case, model, given)

    return outcome


def scaled(factor: float, dtype: DTypeLike, missing: float) -> Outcome:
    """The model of the same recording without the factor, times the factor."""

    def outcome(case: Case, given: Given) -> None:
        exact = {"tol": 1e-13, "max_iter": 20_000}
        plain = with_gaps(case.recording(), missing).astype(dtype)
        rounding = 1e-9 if plain.dtype == np.float64 else 1e-4
        model, other = case.make(**exact).fit(plain), case.make(**exact).fit(*given)
        assert other.reconstruct().dtype == plain.dtype
        assert other.loss_ == pytest.approx(factor**2 * model.loss_, rel=rounding)
        assert other.explained_variance_ == pytest.approx(model.explained_variance_, rel=rounding)
        assert other.score(*given) == pytest.approx(model.score(plain), rel=rounding)
        transformed = [
            case.rebuilt(*pair) for pair in ((other, other.transform(*given)), (model, model.transform(plain)))
        ]
        for ours, theirs in ((other.reconstruct(), model.reconstruct()), transformed):
            np.testing.assert_allclose(
                ours.astype(np.float64) / factor, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max()
            )
        for name in case.without_units:
            for one, another in zip(getattr(other, name), getattr(model, name), strict=True):
                np.testing.assert_allclose(one, another, rtol=0, atol=1e-3)
        assert_finite(case, other, given)

    return outcome


def left_out(axis: int, places: list[int], **changes: Any) -> Outcome:
    """The model of the recording without these trials (neurons, steps), and zeros where they stood."""

    def outcome(case: Case, given: Given) -> None:
        exact = {"tol": 1e-10, "max_iter": 5000, **changes}
        model = case.make(**exact).fit(*given)
        size = np.nanmax(np.abs(given.X))
        there = np.take(model.reconstruct(), places, axis)
        np.testing.assert_allclose(there, 0.0, atol=1e-12 * size)
        without = case.make(**exact).fit(np.delete(given.X, places, axis))
        elsewhere = np.delete(model.reconstruct(), places, axis)
        np.testing.assert_allclose(elsewhere, without.reconstruct(), rtol=0, atol=1e-4 * size)
        assert model.loss_ == pytest.approx(without.loss_, rel=1e-6)
        assert_finite(case, model, given)

    return outcome


def nothing(**changes: Any) -> Outcome:
    """The zero model: it explains all there is, and nothing of anything else."""

    def outcome(case: Case, given: Given) -> None:
        model = _fitted_anyhow(case, given, **changes)
        _assert_zero(case, model, given)

    return outcome


def _fitted_anyhow(case: Case, given: Given, **changes: Any) -> Any:
    """Fitted, whether or not the sweeps were enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fg.ConvergenceWarning)
        return case.make(**changes).fit(*given)


def _assert_zero(case: Case, model: Any, given: Given) -> None:
    for name, array in arrays_of(model).items():
        assert not (name.startswith(case.with_units) and array.any()), name
    assert not model.reconstruct().any()
    assert model.loss_ == 0.0
    assert model.explained_variance_ == model.score(*given) == 1.0
    assert_finite(case, model, given)
    assert model.score(np.ones(SHAPE)) < 0.5


def usable(case: Case, given: Given) -> None:
    """A finite model of the data's shape whose loss is that of its reconstruction."""
    model = case.make(max_iter=5000).fit(*given)
    assert model.reconstruct().shape == np.shape(given.X)
    loss = np.nanmean((given.X - model.reconstruct()) ** 2)
    assert model.loss_ == pytest.approx(loss, rel=1e-6, abs=1e-12)
    assert_finite(case, model, given)


def any_rank(rank: int) -> Outcome:
    """TCA takes a rank at or above a dimension; SliceTCA up to it, and is then the data."""

    def outcome(case: Case, given: Given) -> None:
        if case.kind is fg.TCA:
            with_rank = case.make(n_components=rank, max_iter=5000).fit(*given)
            # Least squares with one column more can do no worse, up to where alternating ends.
            assert with_rank.loss_ < fitted(case.name).loss_
            assert with_rank.factors_[1].shape == (SHAPE[1], rank)
            assert_finite(case, with_rank, given)
            return
        for axis, length in enumerate(SHAPE):
            ranks = tuple(rank if other == axis else 0 for other in range(3))
            if rank > length:
                with pytest.raises(ValueError, match="n_components"):
                    case.make(n_components=ranks).fit(*given)
            elif rank == length:
                bounded = np.broadcast_to(case.parameters.get("nonnegative", False), 3)[axis]
                if not bounded:
                    explained(n_components=ranks)(case, given)
                    continue
                # What is below zero is out of reach; each slice of the rest can be a component of its own.
                model = case.make(n_components=ranks, tol=1e-13, max_iter=20_000).fit(*given)
                positive = np.maximum(given.X, 0)
                np.testing.assert_allclose(model.reconstruct(), positive, rtol=0, atol=1e-5 * positive.max())

    return outcome


def honest_with_few_entries(case: Case, given: Given) -> None:
    """One entry in a hundred, fifty times: no worse than silence, and the loss is that of the reconstruction."""
    for seed in range(50):
        seen = np.random.default_rng(seed).random(np.shape(given.X)) < 0.01
        model = _fitted_anyhow(case, Given(given.X, seen))
        assert -1e-9 <= model.explained_variance_ <= 1
        loss = np.mean((given.X - model.reconstruct())[seen] ** 2)
        assert model.loss_ == pytest.approx(loss, rel=1e-6, abs=1e-9 * np.mean(given.X[seen] ** 2))


def canonical(case: Case, given: Given) -> None:
    """Bringing a SliceTCA model into its canonical form leaves its tensor; TCA has nothing to bring."""
    if np.any(case.parameters.get("nonnegative", False)) and case.kind is fg.SliceTCA:
        with pytest.raises(ValueError, match="canonical form"):
            case.make().fit(*given).canonicalize()
        return
    if case.kind is fg.SliceTCA:
        model = _fitted_anyhow(case, given, n_components=(3, 2, 3))
        whole = model.reconstruct()
        rebuilt = model.canonicalize().reconstruct()
        np.testing.assert_allclose(rebuilt, whole, rtol=0, atol=1e-6 * np.abs(whole).max())
