"""Participation ratio: known spectra, its bias from few trials and what takes it away, scale, refusals."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.common.reference_cp import FloatArray

from fastigial.analysis import participation_ratio, principal_components, variance_spectrum
from fastigial.analysis.dimensionality import _unbiased_traces


def with_spectrum(variances: FloatArray, n: int = 40, seed: int = 0) -> FloatArray:
    """Samples (n, d) whose covariance has exactly these eigenvalues, along random directions."""
    rng = np.random.default_rng(seed)
    d = len(variances)
    scores = rng.normal(size=(n, d))
    scores, _ = np.linalg.qr(scores - scores.mean(axis=0))
    directions, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return np.asarray(5 + scores * np.sqrt((n - 1) * variances) @ directions.T)


def test_isotropic_variance_fills_all_dimensions() -> None:
    assert participation_ratio(with_spectrum(np.full(12, 3.0))) == pytest.approx(12, rel=1e-12)


def test_one_direction_is_one_dimension() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 1, 11)) * rng.normal(size=(7, 1))
    assert participation_ratio(x) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_ratio_of_a_known_spectrum(seed: int) -> None:
    variances = np.sort(np.random.default_rng(seed).gamma(1.0, size=8))[::-1]
    x = with_spectrum(variances, seed=seed)
    spectrum = variance_spectrum(x)
    np.testing.assert_allclose(spectrum.variances, variances, rtol=1e-10)
    assert participation_ratio(x) == pytest.approx(variances.sum() ** 2 / np.sum(variances**2), rel=1e-12)
    assert spectrum.participation_ratio == participation_ratio(x)
    assert spectrum.n_components(1.0) == 8
    np.testing.assert_allclose(principal_components(x).variances, variances, rtol=1e-10)


def test_number_of_components_for_a_share() -> None:
    spectrum = variance_spectrum(with_spectrum(np.array([5.0, 3.0, 2.0])))
    assert [spectrum.n_components(share) for share in (0.1, 0.5, 0.51, 0.8, 0.81, 1.0)] == [1, 1, 2, 2, 3, 3]
    with pytest.raises(ValueError, match=r"share is 1.5"):
        spectrum.n_components(1.5)


def test_axes_and_standardisation_by_hand() -> None:
    x = np.random.default_rng(0).normal(size=(5, 4, 6))

    def slow(rows: FloatArray) -> float:
        values = np.linalg.eigvalsh(np.cov(rows.T))
        return float(values.sum() ** 2 / np.sum(values**2))

    assert participation_ratio(x) == pytest.approx(slow(x.transpose(0, 2, 1).reshape(-1, 4)), rel=1e-10)
    assert participation_ratio(x, axis="trial") == pytest.approx(slow(x.reshape(5, -1).T), rel=1e-10)
    assert participation_ratio(x, axis="time") == pytest.approx(slow(x.reshape(-1, 6)), rel=1e-10)
    x[:, 0] *= 100
    rows = x.transpose(0, 2, 1).reshape(-1, 4)
    correlation = np.corrcoef(rows.T)
    assert participation_ratio(x, standardize=True) == pytest.approx(16 / np.sum(correlation**2), rel=1e-10)


def test_a_network_and_a_recording_of_the_same_numbers() -> None:
    x = np.random.default_rng(0).normal(size=(5, 4, 6))
    assert participation_ratio(SimpleNamespace(states=x.transpose(0, 2, 1))) == participation_ratio(x)


@pytest.mark.parametrize("scale", [1e-200, 1e-6, 1e6, 1e200])
@pytest.mark.parametrize("correction", [None, "trials"])
def test_scale_does_not_matter(scale: float, correction: Any) -> None:
    x = np.random.default_rng(0).normal(size=(8, 4, 6))
    expected = participation_ratio(x, correction=correction)
    assert participation_ratio(scale * x, correction=correction) == pytest.approx(expected, rel=1e-9)


def test_missing_samples_are_left_out() -> None:
    x = np.random.default_rng(0).normal(size=(8, 4, 6))
    gaps = np.concatenate([x, np.full((2, 4, 6), np.nan)])
    assert participation_ratio(gaps) == pytest.approx(participation_ratio(x), rel=1e-12)


def test_traces_equal_their_averages_over_four_different_trials() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 3, 4)) + 3 * rng.normal(size=(3, 4))
    A = np.einsum("ktn,ktm->knm", x, x) / 3
    m = x.mean(axis=1)
    squares, products = [], []
    for i, j, k, l in permutations(range(6), 4):  # noqa: E741
        one, other = A[i] - np.outer(m[i], m[j]), A[k] - np.outer(m[k], m[l])
        squares.append(np.trace(one) * np.trace(other))
        products.append(np.trace(one @ other))
    np.testing.assert_allclose(_unbiased_traces(x), [np.mean(squares), np.mean(products)], rtol=1e-10)
    np.testing.assert_allclose(_unbiased_traces(x + 7), [np.mean(squares), np.mean(products)], rtol=1e-9)


def correlated(rng: np.random.Generator, n_trials: int) -> FloatArray:
    """Trials (K, N, T) of skewed noise that is alike at all steps, on a course of the mean that is the same."""
    noise = rng.exponential(size=(n_trials, 30, 1)) - 1 + 0.3 * rng.normal(size=(n_trials, 30, 4))
    return np.asarray(noise + np.outer(np.sin(np.arange(30)), np.arange(4.0)))


def test_the_correction_takes_the_bias_away() -> None:
    rng = np.random.default_rng(0)
    # Covariance over trials and steps: 1.09 from the noise, and the variance of the mean's course along one direction.
    covariance = 1.09 * np.eye(30) + np.var(np.arange(4.0)) * np.outer(np.sin(np.arange(30)), np.sin(np.arange(30)))
    truth = np.array([np.trace(covariance) ** 2, np.sum(covariance**2)])
    traces = np.array([_unbiased_traces(correlated(rng, 12).transpose(0, 2, 1)) for _ in range(2000)])
    errors = traces.std(axis=0, ddof=1) / np.sqrt(len(traces))
    assert (np.abs(traces.mean(axis=0) - truth) < 4 * errors).all()
    # The bias that is claimed: the plain ratio is below the truth by far more than the corrected one.
    x = [correlated(rng, 12) for _ in range(200)]
    plain = np.mean([participation_ratio(each) for each in x])
    corrected = np.median([participation_ratio(each, correction="trials") for each in x])
    ratio = truth[0] / truth[1]
    assert plain < 0.8 * ratio
    assert abs(corrected - ratio) < 0.1 * ratio


X = np.random.default_rng(0).normal(size=(6, 4, 5))


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.full((3, 4, 5), 0.1), {}, "x does not vary"),
        (np.full((4, 4, 5), 0.1), {"correction": "trials"}, "x does not vary"),
        (X[:1, :, :1], {}, "x has 1 sample"),
        (X, {"axis": "neuron"}, "axis is 'neuron'"),
        (X, {"correction": "split"}, "correction is 'split'"),
        (X, {"correction": "trials", "axis": "time"}, 'correction="trials" is for axis="unit"'),
        (X, {"correction": "trials", "standardize": True}, "standardize=False"),
        (X[:3], {"correction": "trials"}, "four trials or more; x has 3"),
        (np.where(np.arange(5) > 3, np.nan, X), {"axis": "time"}, "axis='time' needs all samples, but 6 are missing"),
        (np.where(np.arange(5) > 3, np.nan, X), {"correction": "trials"}, "trials of one length"),
    ],
)
def test_refusals(x: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        participation_ratio(x, **options)
