"""Scaled data give the scaled model, permuted data the permuted one: nothing depends on units or on order."""

from __future__ import annotations

import numpy as np
import pytest
from tests.common.estimators import SHAPE, Case, each_case, with_gaps

MISSING = pytest.mark.parametrize("missing", [0.0, 0.2])


@each_case
@MISSING
@pytest.mark.parametrize("exponent", [-400, -20, 20, 400])
def test_a_power_of_two_changes_neither_digits_nor_steps(case: Case, missing: float, exponent: int) -> None:
    """The data keep their digits, so the fit takes the same path: the same losses after the first sweeps."""
    X, factor = with_gaps(case.recording(), missing), 2.0**exponent
    model, scaled = case.make().fit(X), case.make().fit(factor * X)
    history = scaled.loss_history_ / factor / factor
    np.testing.assert_allclose(history[:3], model.loss_history_[:3], rtol=1e-6)
    assert scaled.loss_ == pytest.approx(factor**2 * model.loss_, rel=1e-6)
    assert abs(scaled.n_iter_ - model.n_iter_) <= 3
    assert scaled.outcome_ == model.outcome_


@each_case
@MISSING
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_scaled_data_give_the_scaled_model(case: Case, missing: float, factor: float) -> None:
    X = with_gaps(case.recording(), missing)
    exact = {"tol": 1e-13, "max_iter": 20_000}
    model, scaled = case.make(**exact).fit(X), case.make(**exact).fit(factor * X)
    size = np.abs(model.reconstruct()).max()
    assert scaled.loss_ == pytest.approx(factor**2 * model.loss_, rel=1e-9)
    assert scaled.explained_variance_ == pytest.approx(model.explained_variance_, rel=1e-9)
    np.testing.assert_allclose(scaled.reconstruct() / factor, model.reconstruct(), rtol=0, atol=1e-4 * size)
    for name in case.without_units:
        for one, other in zip(getattr(scaled, name), getattr(model, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-3)
    rebuilt = case.rebuilt(model, model.transform(X))
    rescaled = case.rebuilt(scaled, scaled.transform(factor * X)) / factor
    np.testing.assert_allclose(rescaled, rebuilt, rtol=0, atol=1e-4 * size)


@each_case
@MISSING
@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_a_warm_start_knows_the_scale(case: Case, missing: float, factor: float) -> None:
    X = factor * with_gaps(case.recording(), missing)
    model = case.make().fit(X)
    assert case.make(init=model).fit(X).loss_ <= model.loss_ * (1 + 1e-9)


@each_case
@MISSING
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_permuted_data_give_the_permuted_model(case: Case, missing: float, axis: int) -> None:
    X = with_gaps(case.recording(), missing)
    order = np.random.default_rng(6).permutation(SHAPE[axis])
    exact = {"tol": 1e-12, "max_iter": 20_000}
    model = case.make(**exact).fit(X)
    permuted = case.make(**exact).fit(np.take(X, order, axis))
    assert permuted.loss_ == pytest.approx(model.loss_, rel=1e-8)
    expected = np.take(model.reconstruct(), order, axis)
    np.testing.assert_allclose(permuted.reconstruct(), expected, rtol=0, atol=1e-4 * np.abs(X[X == X]).max())
