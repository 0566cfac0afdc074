"""The slow references hold to the mathematics that they stand for, so that kernels may be held to them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import least_squares
from tests.common import reference_cp as cp
from tests.common import reference_invariance as invariance
from tests.common import reference_similarity as similarity
from tests.common import reference_slicetca as slicetca
from tests.common import reference_slicetca_masked as masked
from tests.common.hard_trials import HARD_TRIALS, HardTrials, make_jittered_trials
from tests.common.reference_cp import FloatArray

Model = tuple[list[FloatArray], list[FloatArray]]


def random_cp(seed: int, shape: tuple[int, ...], n_components: int) -> tuple[FloatArray, list[FloatArray]]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n_components), [rng.normal(size=(size, n_components)) for size in shape]


def random_slicetca(seed: int, shape: tuple[int, int, int], ranks: tuple[int, int, int]) -> Model:
    rng = np.random.default_rng(seed)
    loadings = [rng.normal(size=(rank, size)) for rank, size in zip(ranks, shape, strict=True)]
    slices = [rng.normal(size=(rank, *shape[:axis], *shape[axis + 1 :])) for axis, rank in enumerate(ranks)]
    return loadings, slices


def type_tensors(model: Model) -> list[FloatArray]:
    return [slicetca.reconstruct_slicetca(*model, slice_type=axis) for axis in range(3)]


def assert_never_rises(losses: FloatArray) -> None:
    assert losses.size > 1
    assert np.all(np.diff(losses) <= 1e-12 * losses[:-1])


# CP


def test_reconstruction_is_the_sum_of_weighted_outer_products() -> None:
    weights, factors = random_cp(0, (3, 4, 5), 2)
    expected = np.zeros((3, 4, 5))
    for where in product(range(3), range(4), range(5)):
        for component in range(2):
            terms = [factor[index, component] for factor, index in zip(factors, where, strict=True)]
            expected[where] += weights[component] * np.prod(terms)
    np.testing.assert_allclose(cp.reconstruct_cp(weights, factors), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5)])
def test_mttkrp_is_unfolding_times_khatri_rao(shape: tuple[int, ...]) -> None:
    _, factors = random_cp(1, shape, 3)
    data = np.random.default_rng(2).normal(size=shape)
    for mode in range(len(shape)):
        expected = cp.unfold(data, mode) @ cp.khatri_rao(cp.others(factors, mode))
        np.testing.assert_allclose(cp.mttkrp(data, factors, mode), expected, rtol=0, atol=1e-12)


def test_mttkrp_leaves_out_what_was_not_observed() -> None:
    _, factors = random_cp(1, (3, 4, 5), 2)
    rng = np.random.default_rng(3)
    data = rng.normal(size=(3, 4, 5))
    mask = rng.random(data.shape) < 0.7
    with_nan = np.where(mask, data, np.nan)
    for mode in range(3):
        expected = cp.mttkrp(data * mask, factors, mode)
        np.testing.assert_array_equal(cp.mttkrp(with_nan, factors, mode), expected)
        np.testing.assert_array_equal(cp.mttkrp(data, factors, mode, mask), expected)


@pytest.mark.parametrize("nonnegative", [False, True, (True, False, False)])
@pytest.mark.parametrize("fraction", [1.0, 0.6])
def test_cp_loss_never_rises(nonnegative: bool | tuple[bool, ...], fraction: float) -> None:
    rng = np.random.default_rng(4)
    data = rng.normal(size=(6, 5, 4)) + 0.5
    mask = rng.random(data.shape) < fraction
    init = [np.abs(factor) for factor in random_cp(5, data.shape, 3)[1]]
    fit = cp.cp_als(data, 3, init, 15, mask=mask, nonnegative=nonnegative)
    assert_never_rises(fit.losses)
    assert fit.losses[-1] == cp.cp_loss(data, fit.weights, fit.factors, mask)


def test_matrix_als_reaches_the_truncated_svd() -> None:
    data = np.random.default_rng(6).normal(size=(7, 5))
    fit = cp.cp_als(data, 2, random_cp(7, data.shape, 2)[1], 200)
    dropped = np.linalg.svd(data, compute_uv=False)[2:]
    assert fit.losses[-1] == pytest.approx(np.sum(dropped**2) / data.size, rel=1e-10)


def test_masked_als_finds_the_planted_model_from_two_thirds_of_the_entries() -> None:
    planted = random_cp(8, (9, 8, 7), 2)
    data = cp.reconstruct_cp(*planted)
    data[np.random.default_rng(9).random(data.shape) < 1 / 3] = np.nan
    fit = cp.cp_als(data, 2, random_cp(10, data.shape, 2)[1], 150)
    assert similarity.factor_match_score((fit.weights, fit.factors), planted) > 1 - 1e-8


def test_masked_entries_have_no_influence_on_cp() -> None:
    rng = np.random.default_rng(11)
    data = rng.normal(size=(6, 5, 4))
    mask = rng.random(data.shape) < 0.7
    init = random_cp(12, data.shape, 2)[1]
    fits = [cp.cp_als(np.where(mask, data, filler), 2, init, 10, mask=mask) for filler in (0.0, 999.0, np.nan)]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.losses, fits[0].losses)


def test_mask_of_ones_is_no_mask() -> None:
    data = np.random.default_rng(13).normal(size=(5, 4, 3))
    init = random_cp(14, data.shape, 2)[1]
    plain = cp.cp_als(data, 2, init, 10)
    full = cp.cp_als(data, 2, init, 10, mask=np.ones(data.shape, dtype=bool))
    np.testing.assert_array_equal(full.losses, plain.losses)


def test_nonnegative_rows_satisfy_the_optimality_conditions() -> None:
    data = np.random.default_rng(15).normal(size=(6, 5, 4))
    init = [np.abs(factor) for factor in random_cp(16, data.shape, 3)[1]]
    fit = cp.cp_als(data, 3, init, 5, nonnegative=True)
    last = fit.factors[2]
    residual = cp.reconstruct_cp(fit.weights, fit.factors) - data
    slope = cp.mttkrp(residual, fit.factors, 2)
    assert np.all(last >= 0)
    assert np.any(last == 0)
    assert np.all(slope >= -1e-10)
    np.testing.assert_allclose(last * slope, 0, atol=1e-10)


def test_normalising_keeps_the_tensor_and_sorts_the_weights() -> None:
    weights, factors = random_cp(17, (4, 3, 5), 3)
    new_weights, new_factors = cp.normalise_cp(weights, factors)
    before, after = cp.reconstruct_cp(weights, factors), cp.reconstruct_cp(new_weights, new_factors)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)
    assert np.any(weights < 0)
    assert np.all(new_weights > 0)
    assert np.all(np.diff(new_weights) <= 0)
    for factor in new_factors:
        np.testing.assert_allclose(np.linalg.norm(factor, axis=0), 1, atol=1e-14)


# Similarity of CP models


def test_scores_ignore_order_sign_and_scale_of_components() -> None:
    weights, factors = random_cp(18, (6, 5, 4), 3)
    order, signs, scales = [2, 0, 1], np.array([-1.0, 1.0, -1.0]), np.array([0.1, 3.0, 20.0])
    shuffled = [
        factors[0][:, order] * signs * scales,
        factors[1][:, order] * signs,
        factors[2][:, order] / scales,
    ]
    a, b = (weights, factors), (weights[order], shuffled)
    assert similarity.factor_match_score(a, b) == pytest.approx(1, abs=1e-13)
    assert similarity.factor_match_score(a, b, consider_weights=False) == pytest.approx(1, abs=1e-13)
    assert similarity.mean_cosine_score(a, b) == pytest.approx(1, abs=1e-13)


def test_scores_are_symmetric_and_ordered() -> None:
    a, b = random_cp(19, (6, 5, 4), 3), random_cp(20, (6, 5, 4), 4)
    with_weights = similarity.factor_match_score(a, b)
    without = similarity.factor_match_score(a, b, consider_weights=False)
    assert with_weights == pytest.approx(similarity.factor_match_score(b, a), abs=1e-14)
    assert 0 < with_weights < without < similarity.mean_cosine_score(a, b) < 1


def test_factor_match_score_of_known_angles_and_weights() -> None:
    turned = [np.array([[np.cos(angle)], [np.sin(angle)]]) for angle in (0.3, 0.7)]
    fixed = [np.array([[1.0], [0.0]])] * 2
    score = similarity.factor_match_score((np.array([2.0]), fixed), (np.array([5.0]), turned))
    assert score == pytest.approx(np.cos(0.3) * np.cos(0.7) * (1 - 3 / 5), abs=1e-14)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 2)])
def test_hungarian_matching_is_the_best_of_all(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(21).random(shape)
    total = float(scores[similarity.best_matching(scores)].sum())
    assert total == pytest.approx(similarity.best_total_by_enumeration(scores), abs=1e-14)


# SliceTCA: fits


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("rank", [1, 3])
def test_a_single_slice_type_is_a_truncated_svd(axis: int, rank: int) -> None:
    data = np.random.default_rng(22).normal(size=(6, 5, 4))
    ranks = [rank if other == axis else 0 for other in range(3)]
    bases = slicetca.random_init(np.random.default_rng(23), data.shape, ranks)
    fit = slicetca.block_descent(data, ranks, bases)
    left, singular, right = np.linalg.svd(cp.unfold(data, axis), full_matrices=False)
    truncated = (left[:, :rank] * singular[:rank]) @ right[:rank]
    model = slicetca.model_from_bases(data, fit.bases)
    fitted = cp.unfold(slicetca.reconstruct_slicetca(*model), axis)
    np.testing.assert_allclose(fitted, truncated, rtol=0, atol=1e-12)
    assert fit.losses[-1] == pytest.approx(np.sum(singular[rank:] ** 2) / data.size, rel=1e-12)


@pytest.mark.parametrize("ranks", [(2, 1, 2), (1, 2, 0), (0, 1, 1), (1, 1, 1)])
def test_the_projected_residual_is_what_no_slices_can_explain(ranks: tuple[int, int, int]) -> None:
    data = np.random.default_rng(24).normal(size=(5, 4, 3))
    bases = slicetca.random_init(np.random.default_rng(25), data.shape, ranks)
    loss = slicetca.projected_residual_loss(data, bases)
    model = slicetca.model_from_bases(data, bases)
    assert masked.slicetca_loss(data, *model) == pytest.approx(loss, rel=1e-12)
    assert masked.masked_projected_loss(data, model[0]) == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("ranks", [(2, 1, 2), (1, 2, 0), (1, 1, 1)])
def test_block_descent_never_rises_and_ends_where_alternation_cannot_improve(
    ranks: tuple[int, int, int],
) -> None:
    data = np.random.default_rng(26).normal(size=(6, 5, 4))
    fit = slicetca.block_descent(data, ranks, slicetca.hosvd_init(data, ranks), tol=1e-15)
    assert_never_rises(fit.losses)
    further = masked.slicetca_als(data, [basis.T for basis in fit.bases], 3)
    assert further.losses[-1] == pytest.approx(fit.losses[-1], rel=1e-9)


def test_a_planted_model_without_noise_is_fitted_exactly() -> None:
    data = slicetca.reconstruct_slicetca(*random_slicetca(27, (9, 8, 7), (1, 1, 1)))
    fit = slicetca.block_descent(data, (1, 1, 1), slicetca.hosvd_init(data, (1, 1, 1)), tol=1e-14)
    assert fit.losses[-1] < 1e-10 * np.mean(data**2)


def test_a_full_rank_type_leaves_nothing() -> None:
    data = np.random.default_rng(28).normal(size=(5, 4, 3))
    fit = slicetca.block_descent(data, (0, 4, 1), slicetca.hosvd_init(data, (0, 4, 1)), n_sweeps=2)
    assert fit.losses[-1] < 1e-25


def test_components_and_types_add_up_to_the_model() -> None:
    model = random_slicetca(29, (5, 4, 3), (2, 1, 2))
    whole = slicetca.reconstruct_slicetca(*model)
    parts = [
        slicetca.reconstruct_slicetca(*model, slice_type=axis, component=component)
        for axis, rank in enumerate((2, 1, 2))
        for component in range(rank)
    ]
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, rtol=0, atol=1e-13)
    (u, v, w), (A, B, C) = model
    expected = sum(
        np.einsum(indices, vector, part)
        for indices, vector, part in [("rk,rnt->knt", u, A), ("rn,rkt->knt", v, B), ("rt,rkn->knt", w, C)]
    )
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("instance", HARD_TRIALS, ids=lambda instance: f"seed{instance.seed}")
def test_jittered_trials_trap_the_hosvd_start(instance: HardTrials) -> None:
    data, ranks = make_jittered_trials(instance.seed), (2, 1, 2)
    trapped = slicetca.block_descent(data, ranks, slicetca.hosvd_init(data, ranks), n_sweeps=150)
    good_start = slicetca.fibre_init(np.random.default_rng(instance.good_fibre_start), data, ranks)
    free = slicetca.block_descent(data, ranks, good_start, tol=1e-7)
    assert free.losses[-1] == pytest.approx(instance.best_known_loss, rel=3e-5)
    assert trapped.losses[-1] > instance.hosvd_loss * (1 - 1e-8)
    assert instance.hosvd_loss > instance.best_known_loss * (1 + 4e-4)


# SliceTCA: invariances

ACTIVE = [ranks for ranks in product((0, 2), (0, 1), (0, 2)) if any(ranks)]


@pytest.mark.parametrize("ranks", ACTIVE)
def test_transformations_between_types_keep_the_reconstruction(ranks: tuple[int, int, int]) -> None:
    loadings, slices = random_slicetca(30, (6, 5, 4), ranks)
    moved = invariance.random_between_transformation(np.random.default_rng(31), loadings, slices)
    before = slicetca.reconstruct_slicetca(loadings, slices)
    np.testing.assert_allclose(slicetca.reconstruct_slicetca(loadings, moved), before, rtol=0, atol=1e-12)
    if sum(rank > 0 for rank in ranks) > 1:
        assert max(np.abs(new - old).max() for new, old in zip(moved, slices, strict=True) if old.size) > 0.1


@pytest.mark.parametrize("ranks", ACTIVE)
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5)])
def test_closed_form_is_the_least_of_its_orbit(ranks: tuple[int, int, int], weights: tuple[float, ...] | None) -> None:
    model = random_slicetca(32, (6, 5, 4), ranks)
    best = invariance.l2_closed_form(*model, weights)
    whole = slicetca.reconstruct_slicetca(*model)
    np.testing.assert_allclose(slicetca.reconstruct_slicetca(*best), whole, rtol=0, atol=1e-12)
    least = invariance.l2_objective(*best, weights)
    assert least <= invariance.l2_objective(*model, weights) * (1 + 1e-12)
    rng = np.random.default_rng(33)
    n_active = sum(rank > 0 for rank in ranks)
    for scale in (1e-3, 1.0):
        moved = invariance.random_between_transformation(rng, *best, scale)
        rise = invariance.l2_objective(best[0], moved, weights) - least
        assert rise > 1e-8 if n_active > 1 else rise == 0


@pytest.mark.parametrize("ranks", ACTIVE)
def test_closed_form_depends_on_the_orbit_only_and_is_idempotent(ranks: tuple[int, int, int]) -> None:
    loadings, slices = random_slicetca(34, (6, 5, 4), ranks)
    best = type_tensors(invariance.l2_closed_form(loadings, slices))
    again = type_tensors(invariance.l2_closed_form(*invariance.l2_closed_form(loadings, slices)))
    moved = invariance.random_between_transformation(np.random.default_rng(35), loadings, slices)
    from_moved = type_tensors(invariance.l2_closed_form(loadings, moved))
    for expected, *others in zip(best, again, from_moved, strict=True):
        for other in others:
            np.testing.assert_allclose(other, expected, rtol=0, atol=1e-12)


def test_closed_form_agrees_with_direct_minimisation_over_the_free_tensors() -> None:
    loadings, slices = random_slicetca(36, (5, 4, 3), (2, 1, 2))
    shapes = invariance.between_shapes(loadings)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]

    def moved_by(flat: FloatArray) -> list[FloatArray]:
        pieces = np.split(flat, np.cumsum(sizes)[:-1])
        free = {pair: piece.reshape(shapes[pair]) for pair, piece in zip(shapes, pieces, strict=True)}
        return invariance.between_transformation(loadings, slices, free)

    def stacked_types(flat: FloatArray) -> FloatArray:
        return np.concatenate([tensor.ravel() for tensor in type_tensors((loadings, moved_by(flat)))])

    numerical = least_squares(stacked_types, np.zeros(sum(sizes)), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    closed = invariance.l2_closed_form(loadings, slices)
    assert invariance.l2_objective(*closed) == pytest.approx(2 * numerical.cost / 60, rel=1e-10)
    found = type_tensors((loadings, moved_by(numerical.x)))
    for expected, tensor in zip(type_tensors(closed), found, strict=True):
        np.testing.assert_allclose(tensor, expected, rtol=0, atol=1e-6)


def test_closed_form_of_three_types_by_inclusion_and_exclusion() -> None:
    model = random_slicetca(37, (6, 5, 4), (2, 1, 2))
    whole = slicetca.reconstruct_slicetca(*model)
    bases = [invariance.span(loading) for loading in model[0]]
    for axis, tensor in enumerate(type_tensors(invariance.l2_closed_form(*model))):
        j, k = (other for other in range(3) if other != axis)
        own = slicetca.project(whole, bases[axis], axis)
        in_j, in_k = slicetca.project(own, bases[j], j), slicetca.project(own, bases[k], k)
        expected = own - in_j / 2 - in_k / 2 + slicetca.project(in_j, bases[k], k) / 3
        np.testing.assert_allclose(tensor, expected, rtol=0, atol=1e-12)


def test_closed_form_survives_dependent_loadings() -> None:
    loadings, slices = random_slicetca(38, (6, 5, 4), (2, 1, 2))
    loadings[0][1] = -2 * loadings[0][0]
    best = invariance.l2_closed_form(loadings, slices)
    whole = slicetca.reconstruct_slicetca(loadings, slices)
    np.testing.assert_allclose(slicetca.reconstruct_slicetca(*best), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ranks", ACTIVE)
def test_within_type_svd_keeps_type_tensors_and_orders_orthogonal_components(
    ranks: tuple[int, int, int],
) -> None:
    model = random_slicetca(39, (6, 5, 4), ranks)
    loadings, slices = invariance.within_svd(*model)
    for before, after in zip(type_tensors(model), type_tensors((loadings, slices)), strict=True):
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-12)
    for rank, loading, part in zip(ranks, loadings, slices, strict=True):
        flat = part.reshape(rank, -1) if rank else part.reshape(0, 1)
        gram = flat @ flat.T
        np.testing.assert_allclose(loading @ loading.T, np.eye(rank), atol=1e-13)
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-11)
        assert np.all(np.diff(np.diag(gram)) <= 0)


def test_within_type_svd_does_not_see_invertible_mixing() -> None:
    loadings, slices = random_slicetca(40, (6, 5, 4), (3, 2, 2))
    rng = np.random.default_rng(41)
    mixing = [rng.normal(size=(rank, rank)) for rank in (3, 2, 2)]
    mixed_loadings = [G.T @ loading for G, loading in zip(mixing, loadings, strict=True)]
    mixed_slices = [np.tensordot(np.linalg.inv(G), part, 1) for G, part in zip(mixing, slices, strict=True)]
    expected = invariance.within_svd(loadings, slices)
    found = invariance.within_svd(mixed_loadings, mixed_slices)
    for one, other in zip([*expected[0], *expected[1]], [*found[0], *found[1]], strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-10)


# SliceTCA: missing entries and signs


@pytest.mark.parametrize("nonnegative", [(False, False, False), (True, True, True), (True, False, False)])
@pytest.mark.parametrize("fraction", [1.0, 0.7])
def test_alternation_never_rises(nonnegative: tuple[bool, bool, bool], fraction: float) -> None:
    rng = np.random.default_rng(42)
    data = rng.normal(size=(5, 4, 3)) + 0.5
    mask = rng.random(data.shape) < fraction
    init = [np.abs(loading) for loading in random_slicetca(43, (5, 4, 3), (1, 1, 1))[0]]
    fit = masked.slicetca_als(data, init, 10, mask=mask, nonnegative=nonnegative)
    assert_never_rises(fit.losses)
    for flag, loading, part in zip(nonnegative, fit.loadings, fit.slices, strict=True):
        assert not flag or (np.all(loading >= 0) and np.all(part >= 0))


def test_masked_entries_have_no_influence_on_slicetca() -> None:
    rng = np.random.default_rng(44)
    data = rng.normal(size=(5, 4, 3))
    mask = rng.random(data.shape) < 0.8
    init = random_slicetca(45, (5, 4, 3), (1, 1, 1))[0]
    fits = [masked.slicetca_als(np.where(mask, data, filler), init, 5, mask=mask) for filler in (0.0, 999.0, np.nan)]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.losses, fits[0].losses)


def test_best_slices_satisfy_the_normal_equations_on_observed_entries() -> None:
    rng = np.random.default_rng(46)
    data = rng.normal(size=(6, 5, 4))
    mask = rng.random(data.shape) < 0.8
    loadings = random_slicetca(47, (6, 5, 4), (2, 1, 1))[0]
    slices = masked.best_slices(data, loadings, mask)
    residual = np.where(mask, data - slicetca.reconstruct_slicetca(loadings, slices), 0.0)
    for axis, loading in enumerate(loadings):
        np.testing.assert_allclose(np.tensordot(loading, residual, axes=(1, axis)), 0, atol=1e-12)


def test_best_nonnegative_slices_satisfy_the_optimality_conditions() -> None:
    data = np.random.default_rng(48).normal(size=(5, 4, 3))
    loadings = [np.abs(loading) for loading in random_slicetca(49, (5, 4, 3), (1, 1, 1))[0]]
    slices = masked.best_slices(data, loadings, nonnegative=(True, True, False))
    residual = slicetca.reconstruct_slicetca(loadings, slices) - data
    for axis in (0, 1):
        slope = np.tensordot(loadings[axis], residual, axes=(1, axis))
        assert np.all(slope >= -1e-10)
        np.testing.assert_allclose(slope * slices[axis], 0, atol=1e-10)
        assert np.any(slices[axis] == 0)
    np.testing.assert_allclose(np.tensordot(loadings[2], residual, axes=(1, 2)), 0, atol=1e-10)


def test_masked_alternation_completes_a_planted_model() -> None:
    data = slicetca.reconstruct_slicetca(*random_slicetca(50, (8, 7, 6), (1, 1, 0)))
    mask = np.random.default_rng(51).random(data.shape) < 0.85
    start = [loading + 0.3 for loading in random_slicetca(50, (8, 7, 6), (1, 1, 0))[0]]
    fit = masked.slicetca_als(data, start, 200, mask=mask, tol=1e-12)
    completed = slicetca.reconstruct_slicetca(fit.loadings, fit.slices)
    np.testing.assert_allclose(completed, data, rtol=0, atol=1e-4)
