"""Initial weights: their variances, spectra and signs, whatever the connections; one seed, independent streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.networks import parameters, structure

from fastigial.rnn.areas import Areas
from fastigial.rnn.dale import apply_signs, signs_of
from fastigial.rnn.initialisers import Constant, Gaussian, Orthogonal, Sparse, Uniform, spectral_radius

N = 300


def full(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=bool)


def uneven_mask(n: int) -> np.ndarray:
    """In-degrees from a few to all."""
    return np.random.default_rng(1).random((n, n)) < np.linspace(0.05, 1.0, n)[:, None]


# Gaussian


@pytest.mark.parametrize("mask", [full(N, N), uneven_mask(N)], ids=["full", "uneven"])
def test_gaussian_rows_have_the_squared_gain_as_the_mean_of_their_sum_of_squares(mask: np.ndarray) -> None:
    weights = Gaussian(gain=1.5)((N, N), np.random.default_rng(0), mask)
    assert not weights[~mask].any()
    squares = (weights**2).sum(axis=1)
    # k_i squared normals have the variance 2 (g² / k_i)² k_i: the mean over rows is known to within five of its SDs.
    sd = np.sqrt((2 * 1.5**4 / mask.sum(axis=1)).sum()) / N
    assert abs(squares.mean() - 1.5**2) < 5 * sd


@pytest.mark.parametrize("mask", [full(N, N), uneven_mask(N)], ids=["full", "uneven"])
def test_the_gain_is_about_the_spectral_radius(mask: np.ndarray) -> None:
    radii = [spectral_radius(Gaussian(0.7)((N, N), np.random.default_rng(seed), mask)) for seed in range(4)]
    assert 0.7 * 0.95 < np.mean(radii) < 0.7 * 1.1


@pytest.mark.parametrize("mask", [full(40, 40), uneven_mask(40)], ids=["full", "uneven"])
def test_the_spectral_radius_that_is_asked_for_is_exact(mask: np.ndarray) -> None:
    weights = Gaussian(spectral_radius=1.25)((40, 40), np.random.default_rng(0), mask)
    assert spectral_radius(weights) == pytest.approx(1.25, rel=1e-12)


def test_a_spectral_radius_needs_a_square_with_a_loop() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"square weights, got the shape \(3, 4\)"):
        Gaussian(spectral_radius=1.0)((3, 4), rng, full(3, 4))
    with pytest.raises(ValueError, match="no loop"):
        Gaussian(spectral_radius=1.0)((3, 3), rng, np.tri(3, k=-1, dtype=bool))


# Others


@pytest.mark.parametrize("shape", [(12, 12), (20, 7), (7, 20)])
def test_orthogonal_weights_are(shape: tuple[int, int]) -> None:
    weights = Orthogonal(gain=2.0)(shape, np.random.default_rng(0), full(*shape)) / 2.0
    product = weights.T @ weights if shape[0] >= shape[1] else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_weights_favour_no_sign() -> None:
    draws = np.array([Orthogonal()((3, 3), np.random.default_rng(seed), full(3, 3)) for seed in range(2000)])
    # Entries have variance 1/3 and mean 0.
    assert np.all(np.abs(draws.mean(axis=0)) < 5 * np.sqrt(1 / 3 / 2000))


def test_orthogonal_weights_need_all_connections() -> None:
    with pytest.raises(ValueError, match="1 do not exist"):
        Orthogonal()((2, 2), np.random.default_rng(0), np.array([[True, True], [False, True]]))


def test_sparse_weights_have_their_number_within_the_connections() -> None:
    mask = uneven_mask(50)
    weights = Sparse(0.2)((50, 50), np.random.default_rng(0), mask)
    assert not weights[~mask].any()
    np.testing.assert_array_equal((weights != 0).sum(axis=1), np.maximum(np.round(0.2 * mask.sum(axis=1)), 1))


def test_uniform_weights_fill_their_bound() -> None:
    weights = Uniform()((200, 25), np.random.default_rng(0), full(200, 25))
    assert 0.19 < np.abs(weights).max() <= 0.2
    assert np.abs(weights).mean() == pytest.approx(0.1, rel=0.05)


# Parameters of a network


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gated_cells_start_as_those_of_pytorch(cell: str) -> None:
    drawn = parameters(cell=cell, n_units=100)
    for name in ("W", "W_in", "W_out", "b_out"):
        assert 0.08 < np.abs(drawn[name]).max() <= 0.1
    # Two biases of PyTorch's are one here, except in the gate n of a gru.
    n_summed = 400 if cell == "lstm" else 200
    assert 0.1 < np.abs(drawn["b"][:n_summed]).max() <= 0.2
    assert drawn["b"][:n_summed].var() == pytest.approx(2 * 0.1**2 / 3, rel=0.25)
    if cell == "gru":
        assert np.abs(drawn["b"][200:]).max() <= 0.1
        assert np.abs(drawn["b_n"]).max() <= 0.1


def test_rate_cells_start_with_spectral_radius_one_and_no_bias() -> None:
    drawn = parameters(n_units=N)
    assert 0.9 < spectral_radius(drawn["W"]) < 1.1
    assert not drawn["b"].any()
    assert not drawn["b_out"].any()


def test_low_rank_weights_start_with_spectral_radius_one() -> None:
    drawn = parameters(n_units=400, rank=80)
    assert 0.85 < spectral_radius(drawn["V"].T @ drawn["U"]) < 1.15


@pytest.mark.parametrize(
    "more",
    [
        {"feedback": True},
        {"trainable_initial_state": True},
        {"trainable_tau": True},
        {"n_outputs": 5},
        {"initial": {"b": Constant(1.0)}},
        {"density": 0.5},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_change_elsewhere_leaves_a_parameter_as_it_was(more: dict[str, Any]) -> None:
    before, after = parameters(seed=3), parameters(seed=3, **more)
    unchanged = {"W_in", "W"} - ({"W"} if "density" in more else set())
    for name in unchanged:
        np.testing.assert_array_equal(before[name], after[name])


def test_the_seed_decides_and_parameters_differ() -> None:
    first, again, other = parameters(seed=1), parameters(seed=1), parameters(seed=2)
    for name in ("W", "W_in", "W_out"):
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    assert not np.array_equal(first["W"][:, :2], first["W_in"])


def test_arrays_of_the_users_are_taken_as_they_are_where_connections_exist() -> None:
    mask = np.random.default_rng(0).random((10, 10)) < 0.5
    given = np.arange(100.0).reshape(10, 10) + 1
    drawn = parameters(initial=given, masks={"W": mask}, dtype="float32")["W"]
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, np.where(mask, given, 0))


def test_functions_of_the_users_draw_one_gate_at_a_time() -> None:
    shapes = []

    def draw(shape: tuple[int, int], rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
        shapes.append(shape)
        assert mask.shape == shape
        return rng.random(shape)

    parameters(cell="gru", initial={"W": draw, "b": draw})
    assert shapes == [(10, 10)] * 3 + [(10, 1)] * 3


@pytest.mark.parametrize(
    ("initial", "error", "words"),
    [
        ("gausian", ValueError, "initial.*'gausian', expected one of gaussian"),
        (np.zeros((3, 3)), ValueError, r"shape \(3, 3\), expected \(10, 10\)"),
        ({"Q": "zeros"}, ValueError, "initial names 'Q', expected one of W, W_in"),
        (np.full((10, 10), np.nan), ValueError, "NaN"),
        (lambda *_: np.zeros(3), ValueError, r"returned has the shape \(3,\)"),
        ({"W": ["a"]}, TypeError, "expected numbers"),
    ],
)
def test_what_cannot_start_a_network_is_refused(initial: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parameters(initial=initial)


# Dale's law


@pytest.mark.parametrize("mask", [full(N, N), uneven_mask(N)], ids=["full", "uneven"])
def test_signed_weights_keep_signs_balance_and_spectral_radius(mask: np.ndarray) -> None:
    drawn = Gaussian(1.3)((N, N), np.random.default_rng(0), mask)
    signs = signs_of(0.8, Areas.of(None, N))
    assert signs is not None
    signed = apply_signs(drawn, signs, mask)
    assert not (signed * signs < 0).any()
    assert not signed[~mask].any()
    # A unit that receives from one kind alone has nothing to balance.
    both = (mask & (signs > 0)).any(axis=1) & (mask & (signs < 0)).any(axis=1)
    assert both.sum() > N - 5
    np.testing.assert_allclose(signed.sum(axis=1)[both], 0, atol=1e-12)
    assert spectral_radius(signed) == pytest.approx(spectral_radius(drawn), rel=1e-9)


def test_signs_without_balance_would_throw_an_eigenvalue_out() -> None:
    drawn = Gaussian()((N, N), np.random.default_rng(0), full(N, N))
    signs = np.where(np.arange(N) < 0.8 * N, 1, -1).astype(np.int8)
    assert spectral_radius(np.abs(drawn) * signs) > 5 * spectral_radius(drawn)


def test_dale_with_few_connections_keeps_what_can_be_kept() -> None:
    drawn = parameters(n_units=20, dale=0.5, density=0.1, seed=2)["W"]
    signs = structure(n_units=20, dale=0.5).signs
    assert signs is not None
    assert not (drawn * signs < 0).any()
    assert np.isfinite(drawn).all()


def test_every_gate_has_the_signs() -> None:
    drawn = parameters(cell="gru", dale=0.6)["W"].reshape(3, 10, 10)
    assert (drawn[..., :6] >= 0).all()
    assert (drawn[..., 6:] <= 0).all()


def test_the_readout_can_be_that_of_excitatory_units() -> None:
    drawn = parameters(dale={"excitatory": 0.7, "readout": "excitatory"})["W_out"]
    assert drawn[:, :7].all()
    assert not drawn[:, 7:].any()


@pytest.mark.parametrize(
    ("dale", "error", "words"),
    [
        (1.0, ValueError, "dale is 1.0, expected a fraction"),
        ([1, -1], ValueError, r"shape \(2,\), expected one sign for each of 10 units"),
        ([0.5] * 10, ValueError, r"other than \+1 and −1"),
        ("half", TypeError, "dale is 'half'"),
        ({"readout": "all"}, ValueError, "keys"),
        ({"excitatory": 0.5, "readout": "some"}, ValueError, "'some'"),
    ],
)
def test_signs_that_are_none_are_refused(dale: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        structure(dale=dale)


def test_weights_of_the_wrong_sign_are_refused() -> None:
    with pytest.raises(ValueError, match="whose sign is not their unit's"):
        parameters(dale=0.5, initial=np.ones((10, 10)))
