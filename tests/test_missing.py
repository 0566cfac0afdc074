"""Missing data: the loss is minimised over what was observed, whatever the pattern, and the rest is completed.

That nothing behind the mask is looked at, that a mask of ones is no mask and that NaN and mask say the same is in
`test_estimator_inputs.py`, for every estimator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.sparse import csr_array, hstack
from scipy.sparse.linalg import lsqr
from tests.common.estimators import Case, each_case, planted_cp, planted_slices
from tests.common.reference_cp import BoolArray, FloatArray, cp_loss
from tests.common.reference_slicetca_masked import masked_projected_loss, slicetca_als, slicetca_loss
from tests.common.reference_slicetca_nonnegative import polish, random_model

import fastigial as fg

Ranks = tuple[int, int, int]
NOISE = 0.1
# Of a standard normal variable.
MEDIAN_OF_SQUARES = 0.4549
EXACT: dict[str, Any] = {"random_state": 0, "tol": 1e-12, "max_iter": 50_000}


class Planted(NamedTuple):
    """A model to be found: how to fit it, a noise-free tensor of it, and the error that hidden entries must have.

    The error is the median square: the mean is that of the few entries that hardly any observation speaks of.
    """

    estimator: Any
    signal: Callable[[tuple[int, int, int]], FloatArray]
    hidden_error: Callable[[FloatArray, BoolArray], float]


def cp(rank: int, nonnegative: bool) -> Planted:
    """Least squares with p numbers from n observations leaves the share p / (n − p) of the noise in its predictions."""

    def hidden_error(noise: FloatArray, mask: BoolArray) -> float:
        n_numbers = rank * (sum(mask.shape) - 2)
        left = float(np.mean(noise[mask] ** 2)) * n_numbers / (int(mask.sum()) - n_numbers)
        return MEDIAN_OF_SQUARES * left

    estimator = fg.TCA(rank, nonnegative=nonnegative, n_init=4, random_state=0, max_iter=5000, tol=1e-9)
    return Planted(estimator, lambda shape: planted_cp(3, shape, rank, noise=0.0)[0], hidden_error)


def slices(ranks: Ranks, nonnegative: bool) -> Planted:
    """Slices hold nearly all the numbers: what the noise does to the regression of one who knew the loadings.

    No formula in n and p: some entries of slices rest on a few observations at which the loadings are small.
    """

    def plant(shape: tuple[int, int, int]) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
        return planted_slices(3, shape, ranks, noise=0.0, nonnegative=(nonnegative, nonnegative, nonnegative))

    def hidden_error(noise: FloatArray, mask: BoolArray) -> float:
        everywhere = slice_matrix(plant(mask.shape)[1])
        # `lsqr` ends at the shortest of several solutions.
        error = lsqr(everywhere[mask.ravel()], noise[mask], atol=1e-10, btol=1e-10)[0]
        return float(np.median((everywhere @ error)[~mask.ravel()] ** 2))

    estimator = fg.SliceTCA(ranks, nonnegative=nonnegative, n_init=4, random_state=0, max_iter=20_000, tol=1e-9)
    return Planted(estimator, lambda shape: plant(shape)[0], hidden_error)


def slice_matrix(loadings: list[FloatArray]) -> csr_array:
    """The sparse matrix from all slice entries, type by type, to all entries of the tensor."""
    shape = tuple(loading.shape[1] for loading in loadings)
    coordinates = np.indices(shape).reshape(3, -1)
    blocks = []
    for axis, loading in enumerate(loadings):
        rest = [size for other, size in enumerate(shape) if other != axis]
        column = np.ravel_multi_index([where for other, where in enumerate(coordinates) if other != axis], rest)
        for component in loading:
            values = component[coordinates[axis]], (np.arange(column.size), column)
            blocks.append(csr_array(values, shape=(column.size, int(np.prod(rest)))))
    return csr_array(hstack(blocks))


def block_missing(shape: tuple[int, int, int], overlap: int) -> BoolArray:
    """Half of the neurons recorded on the earlier trials, the others on the later, both on `overlap` in between."""
    n_trials, n_neurons, _ = shape
    mask = np.ones(shape, dtype=bool)
    mask[(n_trials + overlap) // 2 :, : n_neurons // 2] = False
    mask[: (n_trials - overlap) // 2, n_neurons // 2 :] = False
    return mask


def share_explained(truth: FloatArray, found: FloatArray) -> float:
    return float(1 - np.sum((truth - found) ** 2) / np.sum(truth**2))


# Planted models are completed


MODELS = pytest.mark.parametrize(
    "planted",
    [
        pytest.param(cp(3, False), id="tca"),
        pytest.param(cp(3, True), id="tca-nonnegative"),
        pytest.param(slices((1, 1, 1), False), id="slicetca-111"),
        pytest.param(slices((2, 1, 0), False), id="slicetca-210"),
        pytest.param(slices((0, 1, 2), False), id="slicetca-012"),
        pytest.param(slices((1, 1, 1), True), id="slicetca-nonnegative-111"),
        pytest.param(slices((2, 1, 0), True), id="slicetca-nonnegative-210"),
    ],
)


@MODELS
@pytest.mark.parametrize(("shape", "missing"), [((25, 20, 22), 0.3), ((40, 36, 38), 0.75)], ids=["30%", "75%"])
def test_entries_missing_at_random_are_completed(planted: Planted, shape: tuple[int, int, int], missing: float) -> None:
    """Half as much again as the expected error, for the loadings that nobody knew and the curvature of the model."""
    signal = planted.signal(shape)
    rng = np.random.default_rng(4)
    mask = rng.random(shape) >= missing
    noise = NOISE * rng.normal(size=shape)
    model = planted.estimator.fit(signal + noise, mask)
    error = np.median((model.reconstruct() - signal)[~mask] ** 2)
    assert error <= 1.5 * planted.hidden_error(noise, mask)
    assert share_explained(signal[~mask], model.reconstruct()[~mask]) > 0.98
    assert 0.5 * NOISE**2 < model.loss_ < NOISE**2


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(cp(3, False), id="tca"),
        pytest.param(cp(3, True), id="tca-nonnegative"),
        pytest.param(slices((2, 0, 0), False), id="slicetca-200"),
        pytest.param(slices((2, 1, 0), False), id="slicetca-210"),
        pytest.param(slices((2, 1, 0), True), id="slicetca-nonnegative-210"),
    ],
)
def test_units_recorded_on_other_days_are_completed(planted: Planted) -> None:
    """Each half of the neurons was never seen on nearly half of the trials; those seen with both tie them together.
    (Time slices, trials × neurons, hold a free number for each neuron on each trial: nothing could complete those.)"""
    shape = (40, 24, 26)
    signal, mask = planted.signal(shape), block_missing(shape, overlap=10)
    noise = NOISE * np.random.default_rng(5).normal(size=shape)
    model = planted.estimator.fit(signal + noise, mask)
    # Noise has an hundredth of the variance or less, and no number here depends on fewer than ten observations.
    assert share_explained(signal[~mask], model.reconstruct()[~mask]) > 0.98
    assert model.score(signal + noise, ~mask) > 0.97


@each_case
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_trial_neuron_or_step_without_data_is_left_out(case: Case, axis: int) -> None:
    X = case.recording()
    np.moveaxis(X, axis, 0)[4] = np.nan
    settings = {"tol": 1e-12, "max_iter": 50_000}
    model, without = case.make(**settings).fit(X), case.make(**settings).fit(np.delete(X, 4, axis))
    assert np.isfinite(model.reconstruct()).all()
    assert model.loss_ == pytest.approx(without.loss_, rel=1e-8)
    others = np.delete(model.reconstruct(), 4, axis)
    np.testing.assert_allclose(others, without.reconstruct(), rtol=0, atol=1e-3 * np.abs(others).max())


# Optimality over the observed entries


def slope_by_differences(loss: Callable[[], float], arrays: list[FloatArray], step: float) -> list[FloatArray]:
    """The gradient of a loss that is quadratic in each single entry; `loss` reads the arrays that are moved here."""
    slopes = [np.zeros_like(array) for array in arrays]
    for array, slope in zip(arrays, slopes, strict=True):
        for index in np.ndindex(*array.shape):
            centre, ends = array[index], []
            for move in (step, -step):
                array[index] = centre + move
                ends.append(loss())
            array[index] = centre
            slope[index] = (ends[0] - ends[1]) / (2 * step)
    return slopes


def ended(kind: str, missing: float) -> tuple[Callable[[], float], list[FloatArray], bool, Any]:
    """A fit to the end, as arrays of like size and the loss that reads them; whether they are bounded; the model."""
    bounded = kind.endswith("nonnegative")
    shape = (9, 8, 7)
    if kind.startswith("tca"):
        X = planted_cp(6, shape, 2, noise=0.5)[0]
    else:
        X = planted_slices(6, shape, noise=0.5, nonnegative=(bounded, bounded, bounded))[0]
    X = np.where(np.random.default_rng(7).random(shape) < missing, np.nan, X)
    if kind.startswith("tca"):
        model: Any = fg.TCA(2, nonnegative=bounded, n_init=4, **EXACT).fit(X)
        factors = [factor * np.cbrt(model.weights_) for factor in model.factors_]
        return (lambda: cp_loss(X, np.ones(2), factors)), factors, bounded, model
    model = fg.SliceTCA((1, 1, 1), nonnegative=bounded, n_init=4, **EXACT).fit(X)
    roots = [np.sqrt(np.linalg.norm(part)) for part in model.slices_]
    loadings = [loading * root for loading, root in zip(model.loadings_, roots, strict=True)]
    parts = [part / root for part, root in zip(model.slices_, roots, strict=True)]
    return (lambda: slicetca_loss(X, loadings, parts)), [*loadings, *parts], bounded, model


KINDS = pytest.mark.parametrize("kind", ["tca", "tca-nonnegative", "slicetca", "slicetca-nonnegative"])


@KINDS
@pytest.mark.parametrize("missing", [0.1, 0.3])
def test_no_slope_is_left(kind: str, missing: float) -> None:
    """Entries at zero of a bounded model may only be held there by a slope that rises."""
    loss, arrays, bounded, model = ended(kind, missing)
    assert loss() == pytest.approx(model.loss_, rel=1e-10)
    slopes = slope_by_differences(loss, arrays, 1e-4)
    left = [np.minimum(slope, array) if bounded else slope for slope, array in zip(slopes, arrays, strict=True)]
    # To first order, what moving every array by its own length could gain, as a share of the loss: without units.
    lengths = [np.linalg.norm(part) * np.linalg.norm(array) for part, array in zip(left, arrays, strict=True)]
    assert sum(lengths) < 1e-4 * model.loss_


@KINDS
@pytest.mark.parametrize("missing", [0.1, 0.3])
@pytest.mark.parametrize("size", [1e-2, 1e-4])
def test_no_small_change_lowers_the_loss(kind: str, missing: float, size: float) -> None:
    loss, arrays, bounded, model = ended(kind, missing)
    rng = np.random.default_rng(8)
    originals = [array.copy() for array in arrays]
    for _ in range(100):
        for array, original in zip(arrays, originals, strict=True):
            moved = original + size * rng.normal(size=array.shape)
            array[...] = np.maximum(moved, 0.0) if bounded else moved
        assert loss() >= model.loss_ * (1 - 1e-9)


@pytest.mark.parametrize("ranks", [(1, 1, 1), (2, 0, 1), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("missing", [0.15, 0.3])
def test_slicetca_is_at_the_optimum_of_the_reference(ranks: Ranks, missing: float) -> None:
    """The slices are the best for their loadings, exact steps of either gain nothing, other starts end no lower."""
    X = planted_slices(8, (9, 8, 8), ranks, noise=0.3)[0]
    X = np.where(np.random.default_rng(9).random(X.shape) < missing, np.nan, X)
    model = fg.SliceTCA(ranks, n_init=8, **EXACT).fit(X)
    assert model.loss_ == pytest.approx(masked_projected_loss(X, model.loadings_), rel=1e-6)
    assert slicetca_als(X, model.loadings_, 10).losses[-1] >= model.loss_ * (1 - 1e-6)
    rng, free = np.random.default_rng(10), (False, False, False)
    ends = [polish(X, *random_model(rng, X.shape, ranks, free), nonnegative=free, n_rounds=5) for _ in range(3)]
    assert model.loss_ <= min(slicetca_loss(X, *end) for end in ends) * (1 + 1e-4)
