"""Non-negative SliceTCA: the signs that were asked for, at an optimum that the slow reference does not beat.

What it shares with every estimator (scales, masks, threads, precision, files) is in the batteries over
`common.estimators.CASES`.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from tests.common.estimators import planted_slices, with_gaps
from tests.common.reference_cp import FloatArray, unfold
from tests.common.reference_slicetca import reconstruct_slicetca
from tests.common.reference_slicetca_masked import best_loadings, slicetca_loss
from tests.common.reference_slicetca_nonnegative import (
    best_slices_of_type,
    nonnegative_block_descent,
    optimality_violation,
    polish,
    random_model,
)

import fastigial as fg

Ranks = tuple[int, int, int]
Flags = tuple[bool, bool, bool]
ALL: Flags = (True, True, True)
SHAPE = (11, 9, 10)
MISSING = pytest.mark.parametrize("missing", [0.0, 0.3])
RANKS = pytest.mark.parametrize("ranks", [(1, 1, 1), (2, 1, 0), (0, 2, 1)], ids=str)
FLAGS = pytest.mark.parametrize(
    "flags", [ALL, (True, False, False), (False, True, False), (False, False, True), (True, False, True)], ids=str
)


def noisy(ranks: Ranks, flags: Flags = ALL, missing: float = 0.0, noise: float = 0.3) -> FloatArray:
    return with_gaps(planted_slices(0, SHAPE, ranks, noise=noise, nonnegative=flags)[0], missing)


def fit(X: FloatArray, ranks: Ranks, nonnegative: bool | Flags = True, **changes: Any) -> Any:
    settings: dict[str, Any] = {"random_state": 0, "tol": 1e-11, "max_iter": 50_000, "n_init": 8, **changes}
    return fg.SliceTCA(ranks, nonnegative=nonnegative, **settings).fit(X)


@lru_cache
def fitted(ranks: Ranks, flags: Flags = ALL, missing: float = 0.0) -> Any:
    """A fit shared between tests, which leave it as it is."""
    return fit(noisy(ranks, flags, missing), ranks, flags)


def is_nonnegative(model: Any, axis: int) -> bool:
    return bool(np.all(model.loadings_[axis] >= 0) and np.all(model.slices_[axis] >= 0))


# Signs


@RANKS
@MISSING
def test_all_loadings_and_slices_are_nonnegative(ranks: Ranks, missing: float) -> None:
    model = fit(noisy(ranks, missing=missing), ranks, True)
    assert all(is_nonnegative(model, axis) for axis in range(3))
    assert (model.reconstruct() >= 0).all()


@FLAGS
@MISSING
def test_only_the_types_asked_for_are_bounded(flags: Flags, missing: float) -> None:
    """The planted free types have both signs, about 1 to 1, and so must those that are found."""
    model = fitted((1, 1, 1), flags, missing)
    for axis, flag in enumerate(flags):
        assert is_nonnegative(model, axis) == flag
        if not flag:
            assert model.slices_[axis].min() < 0 < model.slices_[axis].max()


@pytest.mark.parametrize(
    ("nonnegative", "flags"), [(True, ALL), (ALL, ALL), ([True, False, True], (True, False, True))]
)
def test_one_flag_stands_for_all_types_and_any_sequence_will_do(nonnegative: Any, flags: Flags) -> None:
    X = noisy((1, 1, 1), flags)
    model, expected = fit(X, (1, 1, 1), nonnegative, n_init=2), fit(X, (1, 1, 1), flags, n_init=2)
    for one, other in zip([*model.loadings_, *model.slices_], [*expected.loadings_, *expected.slices_], strict=True):
        np.testing.assert_array_equal(one, other)


@MISSING
def test_negative_data_are_data(missing: float) -> None:
    """About half the entries are below zero; the best of what may not follow them is still better than nothing."""
    X = with_gaps(np.random.default_rng(1).normal(size=SHAPE), missing)
    model = fit(X, (1, 1, 1))
    assert all(is_nonnegative(model, axis) for axis in range(3))
    assert 0.05 < model.explained_variance_ < 0.9
    positive_part_at_the_best = np.nansum(np.maximum(X, 0.0) ** 2) / np.nansum(X**2)
    assert model.explained_variance_ <= positive_part_at_the_best


def test_of_data_below_zero_the_best_model_is_zero() -> None:
    X = -np.abs(noisy((1, 1, 1))) - 0.1
    model = fit(X, (1, 1, 1))
    np.testing.assert_array_equal(model.reconstruct(), 0.0)
    assert model.loss_ == pytest.approx(np.mean(X**2))
    assert model.explained_variance_ == pytest.approx(0.0, abs=1e-12)


# Planted models, and the losses that bound it


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ranks", [(1, 1, 1), (2, 1, 0), (0, 1, 2), (2, 1, 2)], ids=str)
def test_a_nonnegative_model_without_noise_is_explained(ranks: Ranks, seed: int) -> None:
    X = planted_slices(seed, (13, 11, 12), ranks, noise=0.0, nonnegative=ALL)[0]
    model = fg.SliceTCA(ranks, nonnegative=True, random_state=seed, max_iter=50_000, tol=1e-9).fit(X)
    assert model.explained_variance_ > 0.9999


@FLAGS
def test_a_mixed_model_without_noise_is_explained(flags: Flags) -> None:
    X = planted_slices(2, (13, 11, 12), (1, 1, 1), noise=0.0, nonnegative=flags)[0]
    assert fit(X, (1, 1, 1), flags).explained_variance_ > 0.9999


@RANKS
@MISSING
def test_every_bound_costs_and_every_freedom_gains(ranks: Ranks, missing: float) -> None:
    """The feasible sets are nested: a bounded model is a possible start, and loss, of a freer one."""
    X = noisy(ranks, missing=missing, noise=1.0)
    free, bounded = fit(X, ranks, False), fit(X, ranks, True)
    mixed = fit(X, ranks, (True, False, False), init=bounded)
    # 1e-6: what fits that stop at a gain of 1e-11 a sweep may still lie above their minimum.
    assert mixed.loss_ <= bounded.loss_ * (1 + 1e-12)
    assert free.loss_ <= mixed.loss_ * (1 + 1e-6)
    assert free.loss_ < 0.99 * bounded.loss_
    assert bounded.loss_ < np.nanmean(X**2)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("rank", [2, 4])
def test_one_slice_type_is_nonnegative_matrix_factorisation(axis: int, rank: int) -> None:
    X = np.abs(noisy((1, 1, 1), noise=1.0))
    ranks = [0, 0, 0]
    ranks[axis] = rank
    model = fit(X, (ranks[0], ranks[1], ranks[2]))
    matrix, losses = unfold(X, axis), []
    for init, seed in [("nndsvda", 0), *(("random", seed) for seed in range(5))]:
        peer = NMF(rank, init=init, random_state=seed, tol=1e-9, max_iter=3000)
        with warnings.catch_warnings():
            # How far it gets in 3000 sweeps is good enough to compare with.
            warnings.simplefilter("ignore", ConvergenceWarning)
            losses.append(np.mean((peer.fit_transform(matrix) @ peer.components_ - matrix) ** 2))
    assert model.loss_ <= 1.001 * min(losses)


# The slow reference


@pytest.mark.parametrize(
    ("ranks", "flags"),
    [
        ((1, 1, 1), ALL),
        ((2, 1, 0), ALL),
        ((0, 2, 1), ALL),
        ((1, 1, 1), (True, False, True)),
        ((1, 1, 1), (False, True, False)),
    ],
    ids=str,
)
@MISSING
def test_it_ends_no_higher_than_the_reference(ranks: Ranks, flags: Flags, missing: float) -> None:
    """Three random starts there, eight here. A sweep that gains the share g of the loss, with a rate of convergence ρ,
    leaves g ρ / (1 − ρ). Block descent meets valleys with ρ near 1 − 1e-6 on such tensors, so that a tolerance of 1e-11
    leaves 1e-5 of the loss; ten times that is allowed, far below the percents that minima lie apart."""
    X = noisy(ranks, flags, missing)
    model = fitted(ranks, flags, missing)
    rng = np.random.default_rng(4)
    losses = []
    for _ in range(3):
        start = random_model(rng, SHAPE, ranks, flags)
        blocks = nonnegative_block_descent(X, *start, 5, nonnegative=flags)
        losses.append(slicetca_loss(X, *polish(X, blocks.loadings, blocks.slices, nonnegative=flags, n_rounds=5)))
    assert model.loss_ <= min(losses) * (1 + 1e-4)


@RANKS
@MISSING
def test_the_reference_cannot_go_on_from_its_end(ranks: Ranks, missing: float) -> None:
    X, model = noisy(ranks, missing=missing), fitted(ranks, ALL, missing)
    further = nonnegative_block_descent(X, model.loadings_, model.slices_, 20).losses
    assert further[0] == pytest.approx(model.loss_, rel=1e-10)
    assert further[-1] >= model.loss_ * (1 - 1e-6)


# Optimality


@FLAGS
@MISSING
def test_the_optimality_conditions_hold(flags: Flags, missing: float) -> None:
    """One more exact step of an entry would change the tensor by less than 1e-5 of its norm, and so the loss by 1e-10
    of the data: ten times what the tolerance lets a whole sweep still gain."""
    X, model = noisy((1, 1, 1), flags, missing), fitted((1, 1, 1), flags, missing)
    assert optimality_violation(X, model.loadings_, model.slices_, nonnegative=flags) < 1e-5


@RANKS
@MISSING
@pytest.mark.parametrize("size", [1e-2, 1e-4, 1e-6])
def test_no_small_change_within_the_bounds_lowers_the_loss(ranks: Ranks, missing: float, size: float) -> None:
    """To first order no admissible direction leads down; what a step of `size` could gain is of second order in the
    violation that a converged fit has left."""
    X, model = noisy(ranks, missing=missing), fitted(ranks, ALL, missing)
    loss = slicetca_loss(X, model.loadings_, model.slices_)
    # Components share their size between loading and slice, so that a step means the same to both.
    roots = [np.sqrt(np.linalg.norm(part, axis=(1, 2))) for part in model.slices_]
    loadings = [loading * root[:, None] for loading, root in zip(model.loadings_, roots, strict=True)]
    slices = [part / root[:, None, None] for part, root in zip(model.slices_, roots, strict=True)]
    rng = np.random.default_rng(5)
    for sparse in (False, True):
        for _ in range(50):
            steps = [size * rng.normal(size=array.shape) for array in [*loadings, *slices]]
            if sparse:
                steps = [np.where(rng.random(step.shape) < 0.02, step, 0.0) for step in steps]
            moved = [np.maximum(array + step, 0.0) for array, step in zip([*loadings, *slices], steps, strict=True)]
            assert slicetca_loss(X, moved[:3], moved[3:]) >= loss * (1 - 1e-8)


# Standard form


@FLAGS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loadings_have_unit_norm_and_the_strongest_slice_comes_first(
    flags: Flags, dtype: type[np.floating[Any]]
) -> None:
    ranks = (2, 2, 2)
    model = fit(noisy(ranks, flags).astype(dtype), ranks, flags, tol=1e-7)
    for loading, part in zip(model.loadings_, model.slices_, strict=True):
        np.testing.assert_allclose(np.linalg.norm(loading, axis=1), 1.0, atol=100 * np.finfo(dtype).eps)
        assert np.all(np.diff(np.linalg.norm(part, axis=(1, 2))) <= 100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("invariance", ["full", "within", None])
def test_no_invariance_touches_a_nonnegative_model(invariance: str | None) -> None:
    """The closed forms would take sums and differences of slices: signs would be lost."""
    X = noisy((2, 2, 0))
    model = fit(X, (2, 2, 0), invariance=invariance, n_init=2)
    plain = fit(X, (2, 2, 0), invariance=None, n_init=2)
    assert all(is_nonnegative(model, axis) for axis in range(3))
    for one, other in zip([*model.loadings_, *model.slices_], [*plain.loadings_, *plain.slices_], strict=True):
        np.testing.assert_array_equal(one, other)


# Other trials


@pytest.mark.parametrize(("ranks", "unique"), [((2, 0, 0), True), ((2, 1, 0), True), ((1, 1, 1), False)], ids=str)
@MISSING
def test_transform_of_the_fitted_trials_gives_the_fit_back(ranks: Ranks, unique: bool, missing: float) -> None:
    """What a convex problem predicts where data are is unique. Its solution need not be: with neuron and time slices
    both, what belongs to v ⊗ w can be in either."""
    X, model = noisy(ranks, missing=missing), fitted(ranks, ALL, missing)
    new = model.transform(X)
    found = [new.loadings, new.neuron_slices, new.time_slices]
    assert all((part >= 0).all() for part in found)
    seen, scale = ~np.isnan(X), np.abs(model.reconstruct()).max()
    rebuilt = reconstruct_slicetca([new.loadings, *model.loadings_[1:]], [model.slices_[0], *found[1:]])
    np.testing.assert_allclose(rebuilt[seen], model.reconstruct()[seen], rtol=0, atol=1e-3 * scale)
    if unique:
        for one, other in zip(found, [model.loadings_[0], *model.slices_[1:]], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-3 * scale)


@pytest.mark.parametrize("flags", [ALL, (True, False, True), (False, True, False)], ids=str)
@MISSING
def test_transform_is_the_best_for_other_trials_within_the_bounds(flags: Flags, missing: float) -> None:
    """With loadings of neurons and time and trial slices held, the rest is convex: exact steps end in its minimum."""
    X = planted_slices(0, (16, *SHAPE[1:]), (1, 1, 1), noise=0.3, nonnegative=flags)[0]
    model = fit(X[:11], (1, 1, 1), flags)
    others = with_gaps(X[11:], missing)
    new = model.transform(others)
    loadings, slices = [new.loadings, *model.loadings_[1:]], [model.slices_[0], new.neuron_slices, new.time_slices]
    for flag, part in zip(flags, [new.loadings, *slices[1:]], strict=True):
        assert not flag or (part >= 0).all()
    # One exact step of any part, all else held, would change the trials by less than this share of them.
    before, size = reconstruct_slicetca(loadings, slices), np.sqrt(np.nansum(others**2))
    steps = [reconstruct_slicetca([best_loadings(others, loadings, slices, 0, None, flags[0]), *loadings[1:]], slices)]
    for axis in (1, 2):
        moved = [
            *slices[:axis],
            best_slices_of_type(others, loadings, slices, axis, None, flags[axis]),
            *slices[axis + 1 :],
        ]
        steps.append(reconstruct_slicetca(loadings, moved))
    seen = ~np.isnan(others)
    assert all(np.linalg.norm((step - before)[seen]) < 1e-4 * size for step in steps)
    assert slicetca_loss(others, loadings, slices) < np.nanmean(others**2)
