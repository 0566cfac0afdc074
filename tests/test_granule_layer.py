"""Granule layers: equations, what arguments come to, calibration, filters, copies and files, and what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastigial as fg
from fastigial import _core
from fastigial.cerebellum import GranularGeometry, GranuleLayer, TemporalBasis, granular_geometry

Array = NDArray[Any]
GOLGI = [
    {},
    {"golgi": "feedforward", "golgi_gain": 1.5},
    {"golgi": "feedforward", "inhibition": "divisive", "golgi_gain": 1.5},
    {"golgi": "feedback", "golgi_gain": 1.5},
    {"golgi": "feedback", "inhibition": "divisive", "golgi_gain": 1.5},
]
each_golgi = pytest.mark.parametrize("golgi", GOLGI, ids=lambda g: "-".join(map(str, g.values())) or "none")
each_activation = pytest.mark.parametrize("activation", ["relu", "binary"])


def samples(n: int, n_mossy: int, seed: int = 0, mean: float = 1.0) -> Array:
    return mean + 0.5 * np.random.default_rng(seed).normal(size=(n, n_mossy))


def by_hand(layer: GranuleLayer, mossy: Array, m: Array, options: dict[str, Any]) -> Array:
    u = np.einsum("ik,sik->si", layer.weights, mossy[:, layer.sources])
    kappa = options.get("golgi_gain", 0.0)
    if options.get("inhibition") == "divisive":
        above = u / (1 + kappa * np.maximum(m, 0))[:, None] - layer.thresholds
    else:
        above = u - layer.thresholds - kappa * m[:, None]
    return (above > 0) * 1.0 if options.get("activation") == "binary" else np.maximum(above, 0)


@each_golgi
@each_activation
def test_activity_is_that_of_the_equations(golgi: dict[str, Any], activation: str) -> None:
    options = {**golgi, "activation": activation, "weights": "lognormal"}
    layer = GranuleLayer(30, 200, n_inputs=3, dtype="float64", **options)
    mossy = samples(50, 30)
    layer.calibrate(mossy)
    found, m = layer.run(mossy), layer.inhibition(mossy)
    # Of binary cells in balance, one is just at its threshold.
    less = 1 - 1e-9 if golgi.get("golgi") == "feedback" and activation == "binary" else 1.0
    np.testing.assert_allclose(found, by_hand(layer, mossy, less * m, options), atol=1e-12)
    if golgi.get("golgi") == "feedforward":
        np.testing.assert_allclose(m, mossy.mean(axis=1), rtol=1e-14)
    elif "golgi" in golgi and activation == "relu":
        np.testing.assert_allclose(m, found.mean(axis=1), rtol=1e-12)
    elif "golgi" in golgi:
        # As many as inhibition accounts for or more, and under any more of it too few.
        assert (found.mean(axis=1) >= m - 1e-12).all()
        above = m * (1 + 1e-9) + 1e-12
        assert (by_hand(layer, mossy, above, options).mean(axis=1) < above).all()
    else:
        assert not m.any()


@each_golgi
def test_samples_do_not_depend_on_others_or_on_threads(golgi: dict[str, Any]) -> None:
    layer = GranuleLayer(40, 500, **golgi)
    mossy = samples(37, 40).astype(np.float32)
    whole = layer.run(mossy, n_threads=1)
    np.testing.assert_array_equal(whole, layer.run(mossy, n_threads=3))
    np.testing.assert_array_equal(whole[[5]], layer.run(mossy[[5]]))
    np.testing.assert_array_equal(whole[::-1], layer.run(mossy[::-1]))
    np.testing.assert_array_equal(whole[:36].reshape(4, 9, -1), layer.run(mossy[:36].reshape(4, 9, 40)))
    np.testing.assert_array_equal(whole[0], layer.run(mossy[0]))


@pytest.mark.parametrize("threshold", ["cell", "layer"])
@pytest.mark.parametrize("weights", ["equal", "normal", "lognormal"])
@pytest.mark.parametrize("gain", [0.0, 2.0])
def test_thresholds_of_normal_activity_are_exact(threshold: str, weights: str, gain: float) -> None:
    golgi = {"golgi": "feedforward", "golgi_gain": gain} if gain else {}
    layer = GranuleLayer(50, 2000, coding_level=0.2, threshold=threshold, weights=weights, **golgi)
    active = layer.run(np.random.default_rng(1).normal(size=(2000, 50))) > 0
    # Cells share fibres: the standard error is more than that of independent pairs, and below 0.002 here.
    assert active.mean() == pytest.approx(0.2, abs=0.01)
    spread = active.mean(axis=0).std()
    if threshold == "cell":
        assert spread < 2.5 * np.sqrt(0.2 * 0.8 / 2000)
    else:
        assert len(np.unique(layer.thresholds)) == 1


@each_golgi
@each_activation
@pytest.mark.parametrize("threshold", ["cell", "layer"])
def test_calibration_meets_the_coding_level(golgi: dict[str, Any], activation: str, threshold: str) -> None:
    layer = GranuleLayer(40, 300, coding_level=0.15, activation=activation, threshold=threshold, **golgi)
    mossy = samples(400, 40)
    assert layer.calibrate(mossy) is layer
    active = layer.run(mossy) > 0
    assert active.mean() == pytest.approx(0.15, rel=0.02)
    if threshold == "cell":
        assert np.ptp(active.mean(axis=0)) < 0.05


def test_calibration_to_few_values_comes_as_near_as_it_can() -> None:
    mossy = (np.random.default_rng(0).random((500, 20)) < 0.5).astype(float)
    layer = GranuleLayer(20, 100, n_inputs=2, coding_level=0.1).calibrate(mossy)
    # Two of two fibres: a quarter, and nothing lies between that and silence.
    active = (layer.run(mossy) > 0).mean(axis=0)
    assert (active > 0.15).all()
    assert active.mean() == pytest.approx(0.25, abs=0.02)


def test_every_cell_has_k_different_fibres_and_seeds_differ() -> None:
    layer = GranuleLayer(12, 500, n_inputs=5, seed=3)
    assert all(len(set(row)) == 5 for row in layer.sources.tolist())
    assert layer.sources.max() < 12
    np.testing.assert_array_equal(layer.sources, GranuleLayer(12, 500, n_inputs=5, seed=3).sources)
    assert (layer.sources != GranuleLayer(12, 500, n_inputs=5, seed=4).sources).any()
    # More weights or another level change no wiring.
    other = GranuleLayer(12, 500, n_inputs=5, seed=3, weights="normal", coding_level=0.4)
    np.testing.assert_array_equal(layer.sources, other.sources)
    np.testing.assert_allclose(np.sum(layer.weights**2, axis=1), 1.0, rtol=1e-6)
    spread = GranuleLayer(100, 20_000, n_inputs=5, weights="lognormal").weights
    assert np.mean(spread**2) * 5 == pytest.approx(1.0, abs=0.02)
    assert np.log(spread).std() == pytest.approx(0.5, abs=0.01)


def test_sizes_come_from_one_of_three() -> None:
    assert GranuleLayer(20).n_granule == 200
    assert GranuleLayer(20, expansion=0.5).n_granule == 10
    assert GranuleLayer(20, 33).n_granule == 33
    geometry = granular_geometry(20, 44)
    assert GranuleLayer(20, positions=geometry).n_granule == 44
    assert GranuleLayer(20, positions=geometry.mossy).n_granule == 200
    with pytest.raises(ValueError, match="expected one of them"):
        GranuleLayer(20, 33, expansion=2)
    with pytest.raises(ValueError, match="44 cells"):
        GranuleLayer(20, 33, positions=geometry)


def test_local_wiring_takes_the_fibres_at_the_length_of_a_dendrite() -> None:
    geometry = granular_geometry(60, 80, seed=1)
    distances = np.linalg.norm(geometry.granule[:, None] - geometry.mossy, axis=2)
    for length, positions in ((15e-6, geometry), (0.0, GranularGeometry(geometry.mossy, geometry.granule, 40e-6, 0.0))):
        layer = GranuleLayer(60, positions=positions, n_inputs=4)
        nearest = np.sort(np.argsort(np.abs(distances - length), axis=1)[:, :4], axis=1)
        np.testing.assert_array_equal(layer.sources, nearest)
    drawn = GranuleLayer(60, 500, positions=geometry.mossy).geometry
    assert drawn is not None
    middle = geometry.mossy.mean(axis=0)
    assert np.linalg.norm(drawn.granule - middle, axis=1).max() <= drawn.radius


def test_a_ball_is_filled_evenly() -> None:
    geometry = granular_geometry(20_000, 10, diameter=2.0)
    distances = np.linalg.norm(geometry.mossy, axis=1)
    assert distances.max() <= 1
    # A share r³ lies within r.
    for r in (0.3, 0.5, 0.8):
        assert np.mean(distances < r) == pytest.approx(r**3, abs=0.02)


# Filters in time


@pytest.mark.parametrize("shape", ["alpha", "exponential"])
def test_filters_are_convolutions_with_their_kernels(shape: str) -> None:
    basis = TemporalBasis([0.02, 0.05, 0.1], shape, dt=0.01)
    kernels = basis.kernels(40)
    np.testing.assert_allclose(basis.kernels(400).sum(axis=1), 1.0, rtol=1e-12)
    plain = GranuleLayer(15, 60, dtype="float64", seed=2)
    layer = GranuleLayer(15, 60, dtype="float64", seed=2, basis=basis)
    mossy = samples(3 * 40, 15).reshape(3, 40, 15)
    granule = plain.run(mossy)
    found = layer.run(mossy)
    assert found.shape == (3, 40, layer.n_features) == (3, 40, 180)
    for b, kernel in enumerate(kernels):
        expected = np.stack([sum(kernel[n] * granule[:, t - n] for n in range(t + 1)) for t in range(40)], axis=1)
        np.testing.assert_allclose(found.reshape(3, 40, 3, 60)[:, :, b], expected, atol=1e-13)
    np.testing.assert_array_equal(found[1], layer.run(mossy[[1]])[0])


def test_an_alpha_function_peaks_at_its_time_constant() -> None:
    kernels = TemporalBasis([0.02, 0.2], dt=0.001).kernels(1000)
    np.testing.assert_allclose(kernels.argmax(axis=1), [20, 200], atol=1)
    shape = np.arange(1000) * np.exp(-np.arange(1000) / 200)
    np.testing.assert_allclose(kernels[1] / kernels[1].max(), shape / shape.max(), atol=1e-12)


# Copies and files


def layers() -> dict[str, GranuleLayer]:
    return {
        "plain": GranuleLayer(20, 60, seed=1),
        "golgi": GranuleLayer(20, 60, golgi="feedback", golgi_gain=2.0, inhibition="divisive", weights="normal"),
        "basis": GranuleLayer(20, 60, basis=TemporalBasis([0.01], dt=0.002), dtype="float64", activation="binary"),
        "places": GranuleLayer(20, positions=granular_geometry(20, 40), n_inputs=3, coding_level=0.3),
        "array": GranuleLayer(20, expansion=2.5, positions=np.random.default_rng(0).normal(size=(20, 2))),
    }


@pytest.mark.parametrize("kind", layers())
@pytest.mark.parametrize("way", ["file", "pickle", "copy", "clone"])
def test_copies_are_the_same(kind: str, way: str, tmp_path: Path) -> None:
    layer = layers()[kind].calibrate(samples(200, 20))
    if way == "file":
        layer.save(tmp_path / "layer.safetensors")
        again = fg.load(tmp_path / "layer.safetensors")
    elif way == "pickle":
        again = pickle.loads(pickle.dumps(layer))
    else:
        again = copy.copy(layer) if way == "copy" else layer.clone()
    mossy = samples(12, 20, seed=5).reshape(2, 6, 20)
    np.testing.assert_array_equal(layer.run(mossy), again.run(mossy))
    assert type(again) is GranuleLayer
    assert again.dtype == layer.dtype and again.coding_level == layer.coding_level
    for name in ("sources", "weights", "thresholds"):
        np.testing.assert_array_equal(getattr(layer, name), getattr(again, name))
    if kind not in ("places", "array"):
        assert repr(again) == repr(layer)
    # A copy goes its own way.
    before = layer.thresholds.copy()
    again.calibrate(samples(200, 20, seed=9, mean=3.0))
    np.testing.assert_array_equal(layer.thresholds, before)


def test_the_text_is_the_call() -> None:
    layer = GranuleLayer(
        30, expansion=4, n_inputs=3, golgi="feedback", golgi_gain=0.5, basis=TemporalBasis([0.1]), seed=7
    )
    again = eval(repr(layer), {"GranuleLayer": GranuleLayer, "TemporalBasis": TemporalBasis})
    np.testing.assert_array_equal(again.sources, layer.sources)
    assert repr(again) == repr(layer)


def test_arrays_of_a_layer_cannot_be_written_to() -> None:
    layer = GranuleLayer(20, 60)
    for name in ("sources", "weights", "thresholds"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(layer, name)[0] = 0


@pytest.mark.parametrize(
    "change",
    [
        {"sources": lambda values: values * 0},
        {"sources": lambda values: values + 100},
        {"weights": lambda values: values[:5]},
        {"thresholds": lambda values: values * np.float32(np.nan)},
        {"thresholds": None},
        {"arguments": {"n_mossy": 3}},
        {"arguments": {"golgi": "feet"}},
        {"geometry": None, "arguments": None},
        {"dtype": "float64"},
        {"basis": [[-1.0], "alpha", 0.1]},
        {"format": 99},
    ],
)
def test_files_that_lie_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "layer.safetensors"
    GranuleLayer(20, 60).save(path)
    arrays, text = _core.read_arrays(path)
    description = json.loads(text)
    for name, new in change.items():
        if name in arrays:
            arrays[name] = new and new(arrays[name])
        elif isinstance(new, dict):
            description[name] |= new
        else:
            description[name] = new
    _core.write_arrays(
        path, {name: value for name, value in arrays.items() if value is not None}, json.dumps(description)
    )
    with pytest.raises(OSError, match="is not a fastigial model"):
        fg.load(path)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_inputs": 0}, "n_inputs is 0, expected 1 to 20"),
        ({"n_inputs": 21}, "n_inputs is 21, expected 1 to 20"),
        ({"n_granule": 0}, "at least one cell"),
        ({"expansion": -1.0}, "expansion"),
        ({"expansion": 0.01}, "at least one cell"),
        ({"coding_level": 0.0}, "between 0 and 1"),
        ({"coding_level": np.nan}, "between 0 and 1"),
        ({"activation": "tanh"}, "activation is 'tanh'"),
        ({"weights": "odd"}, "weights is 'odd'"),
        ({"threshold": "all"}, "threshold is 'all'"),
        ({"golgi": "both"}, "golgi is 'both'"),
        ({"golgi": "feedback", "golgi_gain": -1.0}, "golgi_gain"),
        ({"golgi_gain": 1.0}, "without inhibition"),
        ({"inhibition": "strong"}, "inhibition is 'strong'"),
        ({"positions": np.zeros((3, 2))}, "expected \\(20, d\\)"),
        ({"positions": np.full((20, 2), np.inf)}, "finite"),
        ({"seed": -1}, "seed is -1"),
        ({"dtype": "int32"}, "float32"),
    ],
)
def test_arguments_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GranuleLayer(20, **options)


@pytest.mark.parametrize(
    "options", [{"n_inputs": 2.5}, {"coding_level": "low"}, {"golgi": 3}, {"basis": "alpha"}, {"seed": 1.5}]
)
def test_arguments_of_other_types(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        GranuleLayer(20, **options)


def test_mossy_activity_that_does_not_fit() -> None:
    layer = GranuleLayer(20, 60)
    for wrong in (np.zeros((5, 19)), np.zeros((0, 20)), np.float64(1.0), np.full((5, 20), np.nan)):
        with pytest.raises(ValueError, match="mossy"):
            layer.run(wrong)
        with pytest.raises(ValueError, match="mossy"):
            layer.calibrate(wrong)
    with pytest.raises(TypeError, match="mossy"):
        layer.run(np.zeros((5, 20), dtype=complex))
    with pytest.raises(ValueError, match="or more"):
        layer.calibrate(np.ones((4, 20)))
    with pytest.raises(ValueError, match="there is a basis"):
        GranuleLayer(20, 60, basis=TemporalBasis([0.1])).run(np.zeros((5, 20)))
    with pytest.raises(ValueError, match="n_threads"):
        layer.run(np.zeros((5, 20)), n_threads=0)


@pytest.mark.parametrize("taus", [[], [0.0], [-1.0], [np.inf], 0.1, [[0.1]]])
def test_time_constants_out_of_range(taus: Any) -> None:
    with pytest.raises(ValueError, match="taus"):
        TemporalBasis(taus)


def test_feedback_without_balance_says_so() -> None:
    # Divisive inhibition of sums below zero makes cells more active, and at a high level thresholds are there.
    options: dict[str, Any] = {"inhibition": "divisive", "golgi": "feedback", "golgi_gain": 1e4, "coding_level": 0.9}
    layer = GranuleLayer(20, 40, **options)
    with pytest.warns(fg.ConvergenceWarning, match="no balance"):
        layer.calibrate(samples(100, 20, mean=0.0))
    assert np.isfinite(layer.run(samples(5, 20))).all()
