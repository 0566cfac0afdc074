"""SliceTCA: exact where a formula exists, at the reference's optimum elsewhere, unique in canonical form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.common.estimators import planted_slices
from tests.common.reference_cp import FloatArray, unfold
from tests.common.reference_invariance import l2_closed_form, l2_objective, random_between_transformation
from tests.common.reference_slicetca import (
    block_descent,
    fibre_init,
    hosvd_init,
    projected_residual_loss,
    random_init,
    reconstruct_slicetca,
)

import fastigial as fg

Ranks = tuple[int, int, int]
ALL_RANKS: list[Ranks] = [(1, 1, 1), (2, 1, 2), (0, 2, 1), (2, 0, 2), (1, 2, 0), (3, 3, 3)]
RANKS = pytest.mark.parametrize("ranks", ALL_RANKS, ids=str)
SHAPE = (13, 11, 12)


def noisy(seed: int = 0, ranks: Ranks = (2, 1, 2), noise: float = 1.0) -> FloatArray:
    return planted_slices(seed, SHAPE, ranks, noise=noise)[0]


def fit(X: FloatArray, ranks: Ranks, **changes: Any) -> Any:
    return fg.SliceTCA(ranks, **{"random_state": 0, "tol": 1e-12, "max_iter": 5000, **changes}).fit(X)


def bases_of(model: Any) -> list[FloatArray]:
    return [np.linalg.qr(loadings.T)[0] for loadings in model.loadings_]


def type_tensors(model: Any) -> list[FloatArray]:
    return [reconstruct_slicetca(model.loadings_, model.slices_, slice_type=axis) for axis in range(3)]


# Formulas


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("rank", [1, 3, 11])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_slice_type_is_the_truncated_svd_of_the_unfolding(
    axis: int, rank: int, dtype: type[np.floating[Any]]
) -> None:
    X = noisy().astype(dtype)
    left, singular, right = np.linalg.svd(unfold(X.astype(np.float64), axis), full_matrices=False)
    ranks = [0, 0, 0]
    ranks[axis] = rank
    model = fit(X, (ranks[0], ranks[1], ranks[2]))
    rounding = 1e-4 if dtype is np.float32 else 1e-10
    expected_loss = float(np.sum(singular[rank:] ** 2)) / X.size
    assert model.loss_ == pytest.approx(expected_loss, rel=rounding, abs=rounding)
    best = (left[:, :rank] * singular[:rank]) @ right[:rank]
    np.testing.assert_allclose(unfold(model.reconstruct(), axis), best, rtol=0, atol=100 * rounding)
    loadings, slices = model.loadings_[axis], model.slices_[axis].reshape(rank, -1)
    np.testing.assert_allclose(np.linalg.norm(slices, axis=1), singular[:rank], rtol=100 * rounding)
    np.testing.assert_allclose(np.abs(loadings @ left[:, :rank]), np.eye(rank), atol=2e-2)


@RANKS
def test_the_loss_is_what_the_spans_of_the_loadings_leave(ranks: Ranks) -> None:
    """The slices are the best for their loadings: the residual is Π (1 − P_i) X."""
    X = noisy()
    model = fit(X, ranks)
    assert model.loss_ == pytest.approx(projected_residual_loss(X, bases_of(model)), rel=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_type_as_long_as_its_axis_explains_everything(axis: int) -> None:
    ranks = [1, 1, 1]
    ranks[axis] = SHAPE[axis]
    model = fit(noisy(), (ranks[0], ranks[1], ranks[2]))
    assert model.explained_variance_ == pytest.approx(1.0, abs=1e-12)


# Planted models and the reference


@RANKS
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_type_tensors_are_found(ranks: Ranks, seed: int) -> None:
    X, loadings, slices = planted_slices(seed, (25, 20, 22), ranks, noise=0.0)
    noise = 0.01 * np.random.default_rng(seed).normal(size=X.shape)
    model = fit(X + noise, ranks)
    planted = l2_closed_form(loadings, slices)
    for axis, found in enumerate(type_tensors(model)):
        truth = reconstruct_slicetca(*planted, slice_type=axis)
        assert np.linalg.norm(found - truth) <= 0.02 * np.linalg.norm(X)


@RANKS
def test_a_model_without_noise_is_fitted_exactly(ranks: Ranks) -> None:
    X = planted_slices(2, SHAPE, ranks, noise=0.0)[0]
    model = fit(X, ranks)
    np.testing.assert_allclose(model.reconstruct(), X, rtol=0, atol=1e-6 * np.abs(X).max())


@RANKS
def test_it_ends_no_higher_than_reference_block_descent(ranks: Ranks) -> None:
    X = noisy(3, (1, 1, 1), noise=2.0)
    rng = np.random.default_rng(4)
    starts = [hosvd_init(X, ranks), *(random_init(rng, SHAPE, ranks) for _ in range(4))]
    starts += [fibre_init(rng, X, ranks) for _ in range(4)]
    best = min(block_descent(X, ranks, start, n_sweeps=300).losses[-1] for start in starts)
    model = fit(X, ranks)
    assert model.loss_ <= best * (1 + 1e-6)
    further = block_descent(X, ranks, bases_of(model), n_sweeps=20).losses[-1]
    assert further >= model.loss_ * (1 - 1e-7)


@RANKS
def test_no_small_turn_of_the_spans_lowers_the_loss(ranks: Ranks) -> None:
    X = noisy(5)
    model = fit(X, ranks)
    bases = bases_of(model)
    loss = projected_residual_loss(X, bases)
    rng = np.random.default_rng(6)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(20):
            turned = [np.linalg.qr(basis + size * rng.normal(size=basis.shape))[0] for basis in bases]
            assert projected_residual_loss(X, turned) >= loss * (1 - 1e-10)


# Invariances


@RANKS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_canonical_form_is_the_closed_form(ranks: Ranks, dtype: type[np.floating[Any]]) -> None:
    model = fit(noisy().astype(dtype), ranks)
    rounding = 1e-4 if dtype is np.float32 else 1e-10
    loadings = [loading.astype(np.float64) for loading in model.loadings_]
    slices = [part.astype(np.float64) for part in model.slices_]
    reference = l2_closed_form(loadings, slices)
    for axis, found in enumerate(type_tensors(model)):
        expected = reconstruct_slicetca(*reference, slice_type=axis)
        np.testing.assert_allclose(found, expected, rtol=0, atol=10 * rounding)
    for loading, part in zip(loadings, slices, strict=True):
        np.testing.assert_allclose(loading @ loading.T, np.eye(len(loading)), atol=10 * rounding)
        gram = part.reshape(len(part), part[:1].size) @ part.reshape(len(part), part[:1].size).T
        sizes = np.diag(gram)
        rough = 1000 * rounding * max(1.0, sizes.max(initial=0))
        assert np.all(np.diff(sizes) <= 1e-4 * sizes[:-1])
        np.testing.assert_allclose(gram, np.diag(sizes), atol=rough)
        assert np.all(np.sum(loading * np.abs(loading), axis=1) >= 0)


@RANKS
def test_no_transformation_between_types_makes_the_model_smaller(ranks: Ranks) -> None:
    model = fit(noisy(), ranks)
    smallest = l2_objective(model.loadings_, model.slices_)
    rng = np.random.default_rng(7)
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(10):
            moved = random_between_transformation(rng, model.loadings_, model.slices_, size)
            whole = reconstruct_slicetca(model.loadings_, moved)
            np.testing.assert_allclose(whole, model.reconstruct(), atol=1e-10)
            assert l2_objective(model.loadings_, moved) >= smallest * (1 - 1e-12)


@RANKS
@pytest.mark.parametrize("invariance", ["full", "within", None])
def test_canonicalize_keeps_the_tensor_and_is_idempotent(ranks: Ranks, invariance: str | None) -> None:
    model = fit(noisy(), ranks, invariance=invariance)
    full = fit(noisy(), ranks)
    before = model.reconstruct()
    np.testing.assert_allclose(before, full.reconstruct(), rtol=0, atol=1e-10)
    assert model.canonicalize() is model
    np.testing.assert_allclose(model.reconstruct(), before, rtol=0, atol=1e-12 * np.abs(before).max())
    once = [array.copy() for array in (*model.loadings_, *model.slices_)]
    for array, expected in zip(once, (*full.loadings_, *full.slices_), strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-6)
    model.canonicalize()
    for array, expected in zip((*model.loadings_, *model.slices_), once, strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-9)


@RANKS
def test_within_types_components_are_orthogonal_and_ordered(ranks: Ranks) -> None:
    model = fit(noisy(), ranks, invariance="within")
    for loading, part in zip(model.loadings_, model.slices_, strict=True):
        np.testing.assert_allclose(loading @ loading.T, np.eye(len(loading)), atol=1e-9)
        flat = part.reshape(len(part), part[:1].size)
        gram = flat @ flat.T
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-7)
        assert np.all(np.diff(np.diag(gram)) <= 1e-9)


# Parts


@RANKS
def test_types_and_components_add_up_to_the_whole(ranks: Ranks) -> None:
    model = fit(noisy(), ranks)
    whole = reconstruct_slicetca(model.loadings_, model.slices_)
    np.testing.assert_allclose(model.reconstruct(), whole, atol=1e-12)
    total = np.zeros(SHAPE)
    for axis, name in enumerate(("trial", "neuron", "time")):
        part = model.reconstruct(slice_type=name)
        np.testing.assert_array_equal(part, model.reconstruct(slice_type=axis))
        components = [model.reconstruct(slice_type=axis, component=r) for r in range(ranks[axis])]
        np.testing.assert_allclose(sum(components, np.zeros(SHAPE)), part, atol=1e-12)
        total += part
        with pytest.raises(IndexError):
            model.reconstruct(axis, component=ranks[axis])
    np.testing.assert_allclose(total, whole, atol=1e-12)


@pytest.mark.parametrize("arguments", [{"slice_type": 3}, {"slice_type": "cell"}, {"component": 0}])
def test_parts_that_do_not_exist_are_a_value_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="slice_type"):
        fit(noisy(), (1, 1, 1)).reconstruct(**arguments)


@pytest.mark.parametrize("dims", [("trial", "neuron", "time"), ("time", "trial", "neuron"), ("a", "b", "c")])
def test_a_slice_type_is_named_by_the_axis_of_the_data(dims: tuple[str, str, str]) -> None:
    model = fit(xr.DataArray(noisy(), dims=dims), (1, 1, 1))
    for axis, dim in enumerate(dims):
        np.testing.assert_array_equal(model.reconstruct(slice_type=dim), model.reconstruct(slice_type=axis))
