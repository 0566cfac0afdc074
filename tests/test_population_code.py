"""Population measures: analytic cases, slow loops, invariants, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.analysis import (
    coding_space,
    cross_correlation,
    mean_correlation,
    population_correlation,
    population_sparseness,
)

ALL: list[Callable[[Any], float]] = [population_correlation, mean_correlation, coding_space, population_sparseness]
each_measure = pytest.mark.parametrize("measure", ALL, ids=lambda f: f.__name__)


def activity(n: int = 80, n_units: int = 7, seed: int = 0) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=(n, n_units)) @ rng.normal(size=(n_units, n_units)))


def test_population_correlation_of_known_covariances() -> None:
    # Whitened activity has equal eigenvalues; a common factor has one.
    x = activity()
    x -= x.mean(axis=0)
    white = np.linalg.qr(x)[0]
    assert population_correlation(white) == pytest.approx(0.0, abs=1e-12)
    assert population_correlation(np.outer(np.arange(9.0), [1, -2, 3])) == pytest.approx(1.0)
    scaled = white * [1, 2, 3, 4, 5, 6, 7]
    assert population_correlation(scaled) == pytest.approx(7 / 6 * (7 / 28 - 1 / 7))


def test_measures_are_those_of_slow_loops() -> None:
    x, y = activity(), activity(seed=1)[:, :3]
    values = np.linalg.eigvalsh(np.cov(x.T))
    roots = np.sqrt(np.maximum(values, 0))
    assert population_correlation(x) == pytest.approx(7 / 6 * (roots.max() / roots.sum() - 1 / 7))
    pairs = [abs(np.corrcoef(x[:, i], x[:, j])[0, 1]) for i in range(7) for j in range(7) if i != j]
    assert mean_correlation(x) == pytest.approx(np.mean(pairs))
    assert coding_space(x) == pytest.approx(np.trace(np.cov(x.T)))
    sparse = [(7 - np.abs(row).sum() ** 2 / np.sum(row**2)) / 6 for row in x]
    assert population_sparseness(x) == pytest.approx(np.mean(sparse))
    across = [abs(np.corrcoef(x[:, i], y[:, j])[0, 1]) for i in range(7) for j in range(3)]
    assert cross_correlation(x, y) == pytest.approx(np.mean(across))
    assert cross_correlation(y, x) == pytest.approx(cross_correlation(x, y))


@each_measure
def test_recordings_trajectories_and_matrices_are_read_alike(measure: Callable[[Any], float]) -> None:
    recording = np.random.default_rng(0).normal(size=(6, 5, 11))
    rows = recording.transpose(0, 2, 1).reshape(-1, 5)

    class Run:
        states = recording.transpose(0, 2, 1)

    assert measure(recording) == pytest.approx(measure(rows), rel=1e-12)
    assert measure(Run()) == pytest.approx(measure(rows), rel=1e-12)
    shorter = recording.copy()
    shorter[2, :, 7:] = np.nan
    kept = np.delete(rows, np.arange(2 * 11 + 7, 3 * 11), axis=0)
    assert measure(shorter) == pytest.approx(measure(kept), rel=1e-12)


@each_measure
def test_nothing_depends_on_the_unit_of_measurement(measure: Callable[[Any], float]) -> None:
    x = activity()
    for scale in (1e-150, 1e150):
        square = scale**2 if measure is coding_space else 1.0
        assert measure(scale * x) / square == pytest.approx(measure(x), rel=1e-9)


def test_units_that_do_not_vary_and_samples_without_activity_are_left_out() -> None:
    x = activity()
    with_constant = np.hstack([x, np.full((80, 1), 0.1)])
    assert mean_correlation(with_constant) == pytest.approx(mean_correlation(x))
    assert cross_correlation(with_constant, x) == pytest.approx(cross_correlation(x, x))
    silent = np.vstack([x, np.zeros((3, 7))])
    assert population_sparseness(silent) == pytest.approx(population_sparseness(x))
    assert coding_space(np.ones((4, 3))) == 0.0


def test_what_has_no_answer_is_refused() -> None:
    for measure in (population_correlation, mean_correlation, population_sparseness):
        with pytest.raises(ValueError, match="unit"):
            measure(np.arange(5.0)[:, None])
    with pytest.raises(ValueError, match="does not vary"):
        population_correlation(np.ones((4, 3)))
    with pytest.raises(ValueError, match="0 units that vary"):
        mean_correlation(np.ones((4, 3)))
    with pytest.raises(ValueError, match="no activity"):
        population_sparseness(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="1 sample"):
        coding_space(np.ones((1, 3)))
    with pytest.raises(ValueError, match="b does not vary"):
        cross_correlation(activity(), np.ones((80, 2)))
    with pytest.raises(ValueError, match="expected the same"):
        cross_correlation(activity(), activity(n=79))
    with pytest.raises(TypeError, match="real"):
        coding_space(np.array([["a", "b"]]))


def test_sparse_codes_are_sparse() -> None:
    layer = fg.cerebellum.GranuleLayer(50, 1000, coding_level=0.05, activation="binary", threshold="layer")
    granule = layer.run(np.random.default_rng(0).normal(size=(100, 50)))
    # Of N binary units of which a share f is active, (N − fN) / (N − 1).
    shares = granule.mean(axis=1)
    assert population_sparseness(granule) == pytest.approx(np.mean((1000 - 1000 * shares) / 999), rel=1e-6)
