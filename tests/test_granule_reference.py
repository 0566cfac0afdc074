"""Granule layers do what the slow reference does, cell by cell, and are as sparse as they are asked to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common import reference_granule as reference
from tests.common.reference_granule import FloatArray

import fastigial as fg

N_MOSSY, N_GRANULE, N_SAMPLES = 9, 40, 30

GOLGI: dict[str, dict[str, Any]] = {
    "none": {},
    "feed-forward, subtractive": {"golgi": "feedforward", "inhibition": "subtractive", "golgi_gain": 0.7},
    "feed-forward, divisive": {"golgi": "feedforward", "inhibition": "divisive", "golgi_gain": 0.7},
    "feedback, subtractive": {"golgi": "feedback", "inhibition": "subtractive", "golgi_gain": 1.5},
    "feedback, divisive": {"golgi": "feedback", "inhibition": "divisive", "golgi_gain": 1.5},
}

each_golgi = pytest.mark.parametrize("golgi", GOLGI)
each_activation = pytest.mark.parametrize("activation", ["relu", "binary"])
each_weights = pytest.mark.parametrize("weights", ["equal", "normal", "lognormal"])
each_threshold = pytest.mark.parametrize("threshold", ["cell", "layer"])


def make_mossy(n_samples: int = N_SAMPLES, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n_samples, N_MOSSY))


def make_layer(golgi: str = "none", **options: Any) -> Any:
    told: dict[str, Any] = {"n_inputs": 3, "coding_level": 0.3, "seed": 1, "dtype": "float64"}
    return fg.cerebellum.GranuleLayer(N_MOSSY, N_GRANULE, **{**told, **GOLGI[golgi], **options})


def slowly(layer: Any, mossy: FloatArray, golgi: str, activation: str) -> FloatArray:
    told = dict(GOLGI[golgi])
    gain = told.pop("golgi_gain", 0.0)
    return reference.run(
        layer.sources, layer.weights, layer.thresholds, mossy, activation=activation, gain=gain, **told
    )


@each_golgi
@each_activation
@pytest.mark.parametrize("calibrated", [False, True])
def test_activity_is_that_of_the_reference(golgi: str, activation: str, calibrated: bool) -> None:
    layer = make_layer(golgi, activation=activation, weights="normal" if golgi == "none" else "lognormal")
    mossy = make_mossy()
    if calibrated:
        layer = layer.calibrate(make_mossy(200, seed=1))
    found = layer.run(mossy)
    expected = slowly(layer, mossy, golgi, activation)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert 0 < np.mean(expected > 0) < 0.9


@each_weights
@pytest.mark.parametrize("n_inputs", [1, 2, 4, N_MOSSY])
def test_cells_have_so_many_different_mossy_inputs(weights: str, n_inputs: int) -> None:
    layer = make_layer(weights=weights, n_inputs=n_inputs)
    assert layer.sources.shape == layer.weights.shape == (N_GRANULE, n_inputs)
    assert all(len(set(row)) == n_inputs for row in layer.sources.tolist())
    assert layer.sources.min() >= 0
    assert layer.sources.max() < N_MOSSY
    mossy = make_mossy()
    np.testing.assert_allclose(layer.run(mossy), slowly(layer, mossy, "none", "relu"), rtol=0, atol=1e-12)


@each_weights
@each_threshold
@pytest.mark.parametrize("coding_level", [0.01, 0.1, 0.5])
def test_thresholds_of_a_new_layer_are_exceeded_by_normal_inputs_as_often_as_asked(
    weights: str, threshold: str, coding_level: float
) -> None:
    layer = make_layer(weights=weights, threshold=threshold, coding_level=coding_level)
    spread = reference.deviations(layer.sources, layer.weights, N_MOSSY)
    expected = reference.normal_thresholds(spread, coding_level, threshold)
    np.testing.assert_allclose(layer.thresholds, expected, rtol=1e-9, atol=1e-12)


@each_threshold
def test_thresholds_of_a_new_layer_know_of_subtractive_inhibition_from_mossy_fibres(threshold: str) -> None:
    layer = make_layer("feed-forward, subtractive", weights="normal", threshold=threshold)
    spread = reference.deviations(layer.sources, layer.weights, N_MOSSY, kappa=0.7)
    np.testing.assert_allclose(layer.thresholds, reference.normal_thresholds(spread, 0.3, threshold), rtol=1e-9)


@each_golgi
@each_activation
@each_threshold
@pytest.mark.parametrize("coding_level", [0.05, 0.3])
def test_calibration_makes_the_asked_share_of_cells_and_samples_active(
    golgi: str, activation: str, threshold: str, coding_level: float
) -> None:
    layer = make_layer(golgi, activation=activation, threshold=threshold, coding_level=coding_level)
    mossy = make_mossy(400, seed=2)
    layer = layer.calibrate(mossy)
    assert np.mean(layer.run(mossy) > 0) == pytest.approx(coding_level, abs=2e-3)
    if threshold == "layer":
        assert np.ptp(layer.thresholds) == 0
    elif golgi == "none":
        np.testing.assert_allclose((layer.run(mossy) > 0).mean(axis=0), coding_level, atol=1 / 400)


@pytest.mark.parametrize("inhibition", ["subtractive", "divisive"])
def test_feedback_is_a_balance(inhibition: str) -> None:
    inhibited = make_layer(f"feedback, {inhibition}")
    gain = GOLGI[f"feedback, {inhibition}"]["golgi_gain"]
    mossy = make_mossy()
    u = reference.drive(inhibited.sources, inhibited.weights, mossy)
    g = inhibited.run(mossy)
    m = g.mean(axis=1, keepdims=True)
    a = u - gain * m if inhibition == "subtractive" else u / (1 + gain * m)
    np.testing.assert_allclose(g, np.maximum(a - inhibited.thresholds, 0), rtol=0, atol=1e-10)
    assert g.mean() < make_layer().run(mossy).mean()
    np.testing.assert_allclose(inhibited.inhibition(mossy), m[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", ["alpha", "exponential"])
def test_a_basis_in_time_is_a_sum_over_the_past(shape: str) -> None:
    taus, dt, n_steps = [0.02, 0.05, 0.2], 0.01, 15
    basis = fg.cerebellum.TemporalBasis(taus, shape=shape, dt=dt)
    layer = make_layer("feedback, divisive", basis=basis)
    mossy = make_mossy(2 * n_steps).reshape(2, n_steps, N_MOSSY)
    time = np.arange(n_steps) * dt
    kernels = [np.exp(-time / tau) * (time if shape == "alpha" else 1) for tau in taus]
    # Scaled to the sum 1, of all times and not of these alone.
    ages = np.arange(5000) * dt
    sums = [(np.exp(-ages / tau) * (ages if shape == "alpha" else 1)).sum() for tau in taus]
    kernels = [kernel / total for kernel, total in zip(kernels, sums, strict=True)]
    granule = np.array([slowly(layer, trial, "feedback, divisive", "relu") for trial in mossy])
    found = layer.run(mossy)
    assert layer.n_features == 3 * N_GRANULE == found.shape[2]
    np.testing.assert_allclose(found, reference.through_basis(granule, kernels), rtol=0, atol=1e-12)


def test_samples_do_not_know_of_each_other_nor_of_threads() -> None:
    layer = make_layer("feedback, subtractive")
    mossy = make_mossy(77)
    whole = layer.run(mossy, n_threads=1)
    np.testing.assert_array_equal(layer.run(mossy, n_threads=2), whole)
    np.testing.assert_array_equal(np.concatenate([layer.run(row[None]) for row in mossy]), whole)
    np.testing.assert_array_equal(layer.run(mossy.reshape(7, 11, N_MOSSY)), whole.reshape(7, 11, -1))


def test_in_single_precision_the_same_but_for_rounding() -> None:
    mossy = make_mossy()
    fine, coarse = make_layer(), make_layer(dtype="float32")
    np.testing.assert_array_equal(fine.sources, coarse.sources)
    found = coarse.run(mossy.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, fine.run(mossy), rtol=0, atol=1e-5)
