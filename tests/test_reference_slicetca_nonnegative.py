"""The slow reference for non-negative SliceTCA: slopes, optimality conditions, block descent."""

from __future__ import annotations

import numpy as np
import pytest
from tests.common import reference_slicetca_nonnegative as reference
from tests.common.reference_cp import FloatArray
from tests.common.reference_slicetca import reconstruct_slicetca
from tests.common.reference_slicetca_masked import best_slices, slicetca_loss

Flags = tuple[bool, bool, bool]
SHAPE = (9, 8, 7)
RANKS = (1, 1, 1)
MASKED = pytest.mark.parametrize("fraction", [1.0, 0.8])
FLAGS = pytest.mark.parametrize(
    "flags", [(True, True, True), (True, False, False), (False, True, True), (False, False, False)], ids=str
)


def noisy(seed: int, fraction: float, flags: Flags = (True, True, True)) -> FloatArray:
    rng = np.random.default_rng(seed)
    data = reconstruct_slicetca(*reference.random_model(rng, SHAPE, RANKS, flags)) + 0.3 * rng.normal(size=SHAPE)
    return np.where(rng.random(SHAPE) < fraction, data, np.nan)


@MASKED
def test_the_gradient_is_the_limit_of_differences(fraction: float) -> None:
    """L is quadratic in each single entry, so that central differences are exact but for rounding."""
    data = noisy(0, fraction)
    loadings, slices = reference.random_model(np.random.default_rng(1), SHAPE, RANKS, (False, True, False))
    gradients = [*reference.slicetca_gradient(data, loadings, slices)[0]]
    gradients += reference.slicetca_gradient(data, loadings, slices)[1]
    step = 1e-3
    for array, gradient in zip([*loadings, *slices], gradients, strict=True):
        differences = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            centre = array[index]
            array[index] = centre + step
            above = slicetca_loss(data, loadings, slices)
            array[index] = centre - step
            below = slicetca_loss(data, loadings, slices)
            array[index] = centre
            differences[index] = (above - below) / (2 * step)
        assert np.linalg.norm(differences - gradient) < 1e-6 * np.linalg.norm(gradient)


@FLAGS
@MASKED
def test_block_descent_and_polish_fall_to_a_stationary_point(flags: Flags, fraction: float) -> None:
    data = noisy(2, fraction, flags)
    start = reference.random_model(np.random.default_rng(3), SHAPE, RANKS, flags)
    fit = reference.nonnegative_block_descent(data, *start, 20, nonnegative=flags)
    assert np.all(np.diff(fit.losses) <= 0)
    assert fit.losses[-1] == slicetca_loss(data, fit.loadings, fit.slices)
    loadings, slices = reference.polish(data, fit.loadings, fit.slices, nonnegative=flags)
    assert slicetca_loss(data, loadings, slices) <= fit.losses[-1]
    for flag, *arrays in zip(flags, fit.loadings, fit.slices, loadings, slices, strict=True):
        assert not flag or all((array >= 0).all() for array in arrays)
    before = reference.optimality_violation(data, *start, nonnegative=flags)
    after = reference.optimality_violation(data, loadings, slices, nonnegative=flags)
    assert after < 1e-6 < 1e-2 < before


@FLAGS
@MASKED
def test_at_the_end_no_exact_step_gains_anything(flags: Flags, fraction: float) -> None:
    """Neither one block at a time nor all slices at once, by another solver."""
    data = noisy(4, fraction, flags)
    start = reference.random_model(np.random.default_rng(5), SHAPE, RANKS, flags)
    loadings, slices = reference.polish(data, *start, nonnegative=flags)
    loss = slicetca_loss(data, loadings, slices)
    jointly = best_slices(data, loadings, nonnegative=flags)
    assert slicetca_loss(data, loadings, jointly) == pytest.approx(loss, rel=1e-8)
    blocks = reference.nonnegative_block_descent(data, loadings, slices, 10, nonnegative=flags)
    assert blocks.losses[-1] == pytest.approx(loss, rel=1e-8)


def test_the_violation_of_known_slopes() -> None:
    """X̂ = u A with a single entry each: L = (u A − x)², so that the scaled slope of A is (u A − x) / |x|."""
    none = [np.zeros((0, 1)), np.zeros((0, 1))], [np.zeros((0, 1, 1)), np.zeros((0, 1, 1))]

    def violation(x: float, u: float, A: float, flag: bool) -> float:
        loadings, slices = [np.array([[u]]), *none[0]], [np.array([[[A]]]), *none[1]]
        return reference.optimality_violation(np.full((1, 1, 1), x), loadings, slices, None, (flag, True, True))

    assert violation(-4.0, 1.0, 0.0, True) == 0.0  # held at zero by the sign, and rightly
    assert violation(-4.0, 1.0, 0.0, False) == pytest.approx(1.0)
    assert violation(4.0, 1.0, 0.0, True) == pytest.approx(1.0)  # zero, though growing would help
    assert violation(4.0, 2.0, 1.5, True) == pytest.approx(0.25)
    assert violation(4.0, 2.0, 2.0, True) == 0.0
    assert violation(-4.0, 1.0, 0.01, True) == pytest.approx(0.01 / 4)


def test_the_violation_has_neither_units_nor_a_favourite_scaling() -> None:
    data = noisy(6, 0.8)
    loadings, slices = reference.random_model(np.random.default_rng(7), SHAPE, RANKS)
    expected = reference.optimality_violation(data, loadings, slices)
    halved = [loading / 2 for loading in loadings], [2e6 * part for part in slices]
    assert reference.optimality_violation(1e6 * data, *halved) == pytest.approx(expected, rel=1e-9)


def test_what_was_not_observed_has_no_influence() -> None:
    rng = np.random.default_rng(8)
    data, mask = rng.normal(size=SHAPE), rng.random(SHAPE) < 0.7
    start = reference.random_model(rng, SHAPE, RANKS)
    fits = [
        reference.nonnegative_block_descent(np.where(mask, data, filler), *start, 5, mask=mask)
        for filler in (0.0, 999.0, np.nan)
    ]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.losses, fits[0].losses)
