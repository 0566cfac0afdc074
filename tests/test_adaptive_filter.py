"""Bases and the adaptive filter: closed forms, convolutions, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.cerebellum import AdaptiveFilter, AlphaBasis, Basis, ExponentialBasis, GaussianBasis

BASES = [GaussianBasis([0.02, 0.05], 0.01), ExponentialBasis([0.01, 0.05, 0.2]), AlphaBasis([0.01, 0.04])]
DT = 0.002

each_basis = pytest.mark.parametrize("basis", BASES, ids=repr)


@each_basis
def test_expanding_is_convolving(basis: Basis) -> None:
    signals = np.random.default_rng(0).normal(size=(3, 40, 2))
    wide = basis.expand(signals, DT)
    kernels = basis.kernels(DT * np.arange(40))
    for trial in range(3):
        for i in range(2):
            for j in range(basis.n_functions):
                expected = DT * np.convolve(signals[trial, :, i], kernels[:, j])[:40]
                np.testing.assert_allclose(wide[trial, :, i * basis.n_functions + j], expected, atol=1e-14)


@each_basis
def test_kernels_are_causal_and_at_most_one(basis: Basis) -> None:
    time = 1e-3 * np.arange(-50, 1000)
    kernels = basis.kernels(time)
    assert not kernels[time < 0].any()
    assert kernels.max(axis=0) == pytest.approx(np.ones(basis.n_functions), abs=1e-3)


def test_alpha_functions_are_two_leaks_in_a_row() -> None:
    """By integrating z' = x − z/τ, p' = z − p/τ for a pulse."""
    tau, step = 0.05, 1e-5
    leak, second = 1.0, 0.0
    for _ in range(10_000):
        leak, second = leak - step * leak / tau, second + step * (leak - second / tau)
    (expected,) = AlphaBasis([tau]).kernels([0.1])[0]
    assert np.e * second / tau == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("eligibility", "kernel"), [(None, [1.0]), (0.006, [0, 0, 0, 1.0]), ([0.5, 0.0, -0.25], [0.5, 0, -0.25])]
)
@pytest.mark.parametrize("online", [False, True])
def test_learning_follows_its_equation(dtype: str, eligibility: Any, kernel: list[float], online: bool) -> None:
    rng = np.random.default_rng(0)
    basis, rate = BASES[2], 0.3
    inputs, targets = rng.normal(size=(3, 30, 2)), rng.normal(size=(3, 30, 2))
    targets[1, 4:9, 0] = np.nan
    ours = AdaptiveFilter(basis, 2, n_inputs=2, dt=DT, eligibility=eligibility, dtype=dtype)
    course = ours.learn(inputs, targets, learning_rate=rate, online=online, n_epochs=2)
    assert ours.weights.dtype == ours.run(inputs).dtype == np.dtype(dtype)
    features = basis.expand(inputs, DT)
    weights, expected = np.zeros((2, 4)), []
    for _ in range(2):
        squares = []
        for trial in range(3):
            x = features[trial]
            traces = np.column_stack([np.convolve(x[:, j], kernel)[:30] for j in range(4)])
            change = np.zeros_like(weights)
            for step in range(30):
                error = targets[trial, step] - weights @ x[step]
                squares.append(error**2)
                increment = rate * np.outer(np.nan_to_num(error), traces[step])
                weights, change = (weights + increment, change) if online else (weights, change + increment)
            weights = weights + change
        expected.append(np.nanmean(squares))
    tolerance = 1e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(ours.weights, weights, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(course, expected, rtol=tolerance)


def test_errors_from_elsewhere_teach_as_targets_do() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(1, 20, 3)), rng.normal(size=(1, 20, 1))
    by_targets, by_errors = (AdaptiveFilter(None, n_inputs=3) for _ in range(2))
    by_targets.learn(inputs, targets, learning_rate=0.1, online=False)
    by_errors.learn(inputs, errors=targets - by_errors.run(inputs), learning_rate=0.1, online=False)
    np.testing.assert_allclose(by_targets.weights, by_errors.weights, rtol=1e-14)


def test_it_finds_the_least_squares() -> None:
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(1, 200, 3)), rng.normal(size=(1, 200, 1))
    ours = AdaptiveFilter(None, n_inputs=3)
    ours.learn(inputs, targets, learning_rate=0.004, online=False, n_epochs=200)
    best = np.linalg.lstsq(inputs[0], targets[0], rcond=None)[0]
    np.testing.assert_allclose(ours.weights, best.T, atol=1e-10)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: GaussianBasis([], 0.1), ValueError, r"centres has the shape \(0,\)"),
        (lambda: GaussianBasis([0.1], 0.0), ValueError, "sd is 0.0"),
        (lambda: AlphaBasis([0.1, -0.1]), ValueError, "taus hold -0.1, expected times above 0"),
        (lambda: ExponentialBasis("long"), TypeError, "taus is of dtype"),
        (lambda: AlphaBasis([0.1]).expand(np.zeros(3), 0.1), ValueError, r"signal has the shape \(3,\)"),
        (lambda: AlphaBasis([0.1]).kernels([[0.1]]), ValueError, "time has the shape"),
        (lambda: AdaptiveFilter("alpha"), TypeError, "basis is 'alpha', expected a Basis or None"),  # type: ignore[arg-type]
        (lambda: AdaptiveFilter(None, 0), ValueError, "n_outputs is 0"),
        (lambda: AdaptiveFilter(None, eligibility=0.0015), ValueError, "expected a whole number of steps"),
        (lambda: AdaptiveFilter(None, eligibility=[0.0, 0.0]), ValueError, "not all of them zero"),
        (lambda: AdaptiveFilter(None).run(np.zeros((2, 3))), ValueError, r"inputs has the shape \(2, 3\)"),
        (lambda: AdaptiveFilter(None).run(np.full((1, 3, 1), np.nan)), ValueError, "inputs holds NaN"),
        (lambda: AdaptiveFilter(None).learn(np.zeros((1, 3, 1)), learning_rate=0.1), ValueError, "expected either"),
        (
            lambda: AdaptiveFilter(None).learn(np.zeros((1, 3, 1)), np.zeros((1, 2, 1)), learning_rate=0.1),
            ValueError,
            r"targets has the shape \(1, 2, 1\), expected \(1, 3, 1\)",
        ),
        (
            lambda: AdaptiveFilter(None).learn(np.ones((1, 900, 1)), np.ones((1, 900, 1)), learning_rate=9.0),
            FloatingPointError,
            "a weight is not finite after trial 0",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()


def test_weights_that_do_not_fit_are_refused() -> None:
    ours = fg.cerebellum.AdaptiveFilter(None)
    ours.weights = np.zeros((1, 4))
    with pytest.raises(ValueError, match="weights has shape"):
        ours.run(np.zeros((1, 3, 1)))
