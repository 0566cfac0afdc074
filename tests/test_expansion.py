"""Theory of expansion: closed forms against simulations and integrals, two routes to one answer, the best K."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import fastigial as fg
from fastigial.cerebellum import GranuleLayer, correlated_mossy_input, expansion, granular_geometry

KS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)


# Mossy fibres


def test_fibres_are_correlated_as_they_were_asked_to_be() -> None:
    x = correlated_mossy_input(20, 20_000, 0.4, seed=1)
    np.testing.assert_allclose(np.cov(x.T), 0.4 + 0.6 * np.eye(20), atol=0.05)
    geometry = granular_geometry(30, 10, seed=2)
    y = correlated_mossy_input(30, 20_000, positions=geometry, length=20e-6, seed=1)
    distances = np.linalg.norm(geometry.mossy[:, None] - geometry.mossy, axis=2)
    np.testing.assert_allclose(np.cov(y.T), np.exp(-(distances**2) / 2 / (20e-6) ** 2), atol=0.05)
    none = correlated_mossy_input(30, 5000, positions=geometry.mossy, length=0.0)
    np.testing.assert_allclose(np.cov(none.T), np.eye(30), atol=0.1)


def test_binary_fibres_have_their_share_of_ones_and_the_correlation_of_thresholded_normals() -> None:
    x = correlated_mossy_input(10, 50_000, 0.5, active=0.3, seed=0)
    assert set(np.unique(x)) == {0.0, 1.0}
    np.testing.assert_allclose(x.mean(axis=0), 0.3, atol=0.01)
    both = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).cdf([norm.ppf(0.3)] * 2)
    expected = (both - 0.09) / 0.21
    assert np.corrcoef(x.T)[np.triu_indices(10, 1)].mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"correlation": -0.1},
        {"correlation": 1.1},
        {"active": 0.0},
        {"length": 1.0},
        {"positions": np.zeros((5, 3))},
        {"positions": np.zeros((4, 3)), "length": 1.0},
        {"positions": np.zeros((5, 3)), "length": 1.0, "correlation": 0.5},
        {"positions": np.zeros((5, 3)), "length": -1.0},
    ],
)
def test_input_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        correlated_mossy_input(5, 10, **options)


# Closed forms


@pytest.mark.parametrize("f", [0.03, 0.1, 0.5, 0.8])
def test_covariance_of_two_cells_is_that_of_a_bivariate_normal(f: float) -> None:
    z = norm.isf(f)
    for r in (-0.9, -0.3, 0.0, 0.25, 0.7, 0.99):
        both = multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([-z, -z])
        assert float(expansion.covariance_of_cells(r, f)) == pytest.approx(both - f * f, abs=2e-6)
    # A cell with itself: the variance of a coin, and of a rectified normal.
    assert float(expansion.covariance_of_cells(1.0, f)) == pytest.approx(f * (1 - f), abs=1e-8)
    mean = norm.pdf(z) - z * f
    square = (1 + z * z) * f - z * norm.pdf(z)
    assert float(expansion.covariance_of_cells(1.0, f, "relu")) == pytest.approx(square - mean**2, abs=1e-8)


def test_covariance_of_rectified_cells_is_the_integral_of_that_of_binary_ones() -> None:
    # d²c/dr² is the same density; and at f = 1/2 there is the arc-cosine kernel in closed form.
    r = np.linspace(-0.99, 0.99, 31)
    angle = np.arccos(r)
    kernel = (np.sin(angle) + (np.pi - angle) * r) / (2 * np.pi) - 1 / (2 * np.pi)
    np.testing.assert_allclose(expansion.covariance_of_cells(r, 0.5, "relu"), kernel, atol=1e-9)
    np.testing.assert_allclose(expansion.covariance_of_cells(r, 0.5), np.arcsin(r) / (2 * np.pi), atol=1e-12)


@pytest.mark.parametrize("activation", ["binary", "relu"])
@pytest.mark.parametrize("inhibition", [0.0, 1.0])
@pytest.mark.parametrize("correlation", [0.0, 0.2])
def test_dimension_is_what_theory_expects(activation: str, inhibition: float, correlation: float) -> None:
    # So many samples that the plain covariance will do.
    x = correlated_mossy_input(40, 12_000, correlation, seed=1).astype(np.float32)
    for k, f in ((1, 0.2), (4, 0.1), (15, 0.3)):
        gain = float(inhibition * np.sqrt(k))
        options: dict[str, Any] = {"golgi": "feedforward", "golgi_gain": gain} if gain else {}
        layer = GranuleLayer(40, 500, n_inputs=k, coding_level=f, activation=activation, **options)
        if correlation:
            layer.calibrate(x)
        covariance = np.cov(layer.run(x).T)
        found = np.trace(covariance) ** 2 / np.sum(covariance**2)
        expected = expansion.expected_dimension(
            40, 500, k, f, activation=activation, golgi_gain=gain, correlation=correlation
        )
        assert found == pytest.approx(expected, rel=0.05)


def test_dimension_is_the_corrected_participation_ratio() -> None:
    layer = GranuleLayer(30, 400, seed=1)
    x = np.random.default_rng(0).normal(size=(60, 30))
    corrected = fg.analysis.participation_ratio(layer.run(x).astype(np.float64), correction="trials")
    assert expansion.dimension(layer, x) == pytest.approx(corrected, rel=1e-9)


def test_dimension_does_not_depend_on_the_number_of_samples() -> None:
    layer = GranuleLayer(60, 3000, activation="binary", seed=0)
    x = np.random.default_rng(0).normal(size=(2000, 60))
    whole = expansion.dimension(layer, x)
    few = [expansion.dimension(layer, part) for part in np.split(x, 20)]
    assert np.mean(few) == pytest.approx(whole, rel=0.05)
    assert np.mean(few) > 100, "from a hundred samples the plain ratio is below a hundred"


def test_the_error_is_that_of_a_readout_made_by_hand() -> None:
    layer = GranuleLayer(40, 300, seed=3)
    n_patterns, noise = 25, 0.6
    found = expansion.classification_error(layer, n_patterns, noise=noise, n_readouts=7, seed=5)
    from fastigial.rnn.seeds import stream

    patterns, blur = (stream(5, key).standard_normal((n_patterns, 40)) for key in (0, 1))
    labels = stream(5, 2).choice([-1.0, 1.0], size=(n_patterns, 7))
    h, again = layer.run(patterns), layer.run(np.sqrt(1 - noise**2) * patterns + noise * blur)
    middle = h.mean(axis=0, dtype=np.float64)
    weights = (h - middle).T @ labels
    assert found == pytest.approx(np.mean(np.sign((again - middle) @ weights) != labels), abs=1e-12)


def test_the_error_comes_close_to_theory_for_many_fibres() -> None:
    M, k = 500, 4
    found = [
        expansion.classification_error(GranuleLayer(M, 5000, n_inputs=k, activation="binary", seed=s), 400, seed=s)
        for s in range(3)
    ]
    expected = expansion.expected_classification_error(M, 5000, k, n_patterns=400, noise=0.5)
    assert np.mean(found) == pytest.approx(expected, rel=0.1)
    chance = expansion.classification_error(GranuleLayer(M, 500, seed=0), 100, noise=1.0)
    assert chance == pytest.approx(0.5, abs=0.03)


def test_learning_speed_is_that_of_gradient_descent() -> None:
    layer = GranuleLayer(30, 600, coding_level=0.3, seed=2)
    x = correlated_mossy_input(30, 20, 0.1, seed=1)
    found = expansion.learning_speed(layer, x, criterion=0.3)
    for activity, epochs in ((layer.run(x), found.granule), (x, found.mossy)):
        h = activity - activity.mean(axis=0, dtype=np.float64)
        rate = 1 / np.linalg.eigvalsh(h @ h.T)[-1]
        # All label vectors of mean zero at once: an orthonormal basis of them stands for their expectation.
        basis = np.linalg.svd(np.ones((1, 20)))[2][1:].T
        weights, errors = np.zeros((h.shape[1], 19)), []
        for _ in range(int(epochs) + 2):
            residual = basis - h @ weights
            errors.append(np.sqrt(np.sum(residual**2) / 19))
            weights += rate * h.T @ residual
        below = np.argmax(np.array(errors) <= 0.3)
        assert below - 1 < epochs <= below


def test_learning_that_never_ends_is_infinite() -> None:
    layer = GranuleLayer(10, 400, coding_level=0.4, seed=0)
    found = expansion.learning_speed(layer, np.random.default_rng(0).normal(size=(60, 10)))
    assert np.isinf(found.mossy)
    assert np.isfinite(found.granule)
    assert np.isinf(found.ratio)
    both = expansion.learning_speed(GranuleLayer(10, 20, seed=0), np.random.default_rng(0).normal(size=(60, 10)))
    assert np.isnan(both.ratio)


# Where the best number of inputs is


@pytest.mark.parametrize("coding_level", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("n_mossy", [100, 700, 7000])
def test_at_fixed_synapses_the_expected_dimension_of_binary_cells_is_largest_for_few_inputs(
    n_mossy: int, coding_level: float
) -> None:
    total = round(836_000 / 7000 * n_mossy)
    dimensions = [expansion.expected_dimension(n_mossy, total // k, k, coding_level) for k in range(1, 31)]
    best = 1 + int(np.argmax(dimensions))
    assert 2 <= best <= 6
    # It rises before and falls after.
    assert (np.sign(np.diff(dimensions)) == [1] * (best - 1) + [-1] * (30 - best)).all()


def test_at_fixed_synapses_the_simulated_maximum_lies_between_two_and_six() -> None:
    found = fg.cerebellum.expansion_sweep(KS, (0.1, 0.3), n_mossy=60, n_samples=300, n_seeds=3)
    for measure in ("dimension", "classification_error"):
        best = found.best_by_seed(measure)
        assert best.shape == (3, 2)
        assert ((best >= 2) & (best <= 6)).all()
        mean, sem = found.mean(measure), found.sem(measure)
        place = [KS.index(k) for k in found.best(measure)]
        rows = np.arange(2)
        for edge in (0, -1):
            apart = np.abs(mean[rows, place] - mean[:, edge])
            assert (apart > 4 * np.hypot(sem[rows, place], sem[:, edge])).all()
    np.testing.assert_allclose(found.mean("dimension"), found.expected["dimension"], rtol=0.1)


def test_with_spatially_correlated_fibres_few_inputs_decorrelate_and_speed_learning() -> None:
    found = fg.cerebellum.expansion_sweep(
        (1, 2, 3, 4, 6, 10, 20),
        n_mossy=187,
        n_granule=487,
        measures=("learning_speed", "population_correlation"),
        activation="relu",
        inhibition=1.0,
        correlation_length=10e-6,
        n_samples=600,
        n_seeds=3,
    )
    speed, alike = found.mean("learning_speed")[0], found.mean("population_correlation")[0]
    assert 2 <= found.best("learning_speed")[0] <= 5
    assert 2 <= found.best("population_correlation")[0] <= 5
    # Few inputs are better than mossy fibres alone, many are worse, at the same coding level.
    assert speed[1:4].min() > 1 > speed[-1]
    assert alike[1:4].max() < 1 < alike[-1]


def test_the_sweep_does_not_depend_on_what_else_is_asked_for() -> None:
    options: dict[str, Any] = {"n_mossy": 20, "n_samples": 50, "n_seeds": 2, "n_synapses": 400}
    whole = fg.cerebellum.expansion_sweep((1, 4), (0.1, 0.2), measures=("dimension", "learning_speed"), **options)
    part = fg.cerebellum.expansion_sweep((1, 4), 0.1, measures=("dimension",), n_threads=1, **options)
    np.testing.assert_array_equal(whole.values["dimension"][:, :1], part.values["dimension"])
    table = whole.to_pandas()
    assert len(table) == 2 * 2 * 2
    assert list(table.n_granule.unique()) == [400, 100]
    assert np.isnan(fg.cerebellum.expansion_sweep((1, 4), n_mossy=20, n_seeds=1).sem("dimension")).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_inputs": ()}, "n_inputs"),
        ({"n_inputs": (0, 2)}, "expected 1 to 20"),
        ({"n_inputs": (21,)}, "expected 1 to 20"),
        ({"n_synapses": 10, "n_granule": 10}, "one of them"),
        ({"n_synapses": 3}, "no granule cells"),
        ({"coding_levels": ()}, "coding_levels"),
        ({"coding_levels": (1.5,)}, "coding_level"),
        ({"measures": ()}, "measures is empty"),
        ({"measures": ("speed",)}, "measures is 'speed'"),
        ({"correlation": 0.5}, "independent fibres"),
        ({"n_seeds": 0}, "n_seeds"),
    ],
)
def test_sweeps_out_of_range(options: dict[str, Any], message: str) -> None:
    given = {"n_inputs": (1, 4), "n_mossy": 20, **options}
    with pytest.raises(ValueError, match=message):
        fg.cerebellum.expansion_sweep(**given)


def test_measures_out_of_range() -> None:
    layer = GranuleLayer(20, 60)
    x = np.random.default_rng(0).normal(size=(30, 20))
    filtered = GranuleLayer(20, 60, basis=fg.cerebellum.TemporalBasis([0.1]))
    with pytest.raises(ValueError, match="temporal basis"):
        expansion.dimension(filtered, x)
    with pytest.raises(ValueError, match="samples or more"):
        expansion.dimension(layer, x[:3])
    with pytest.raises(ValueError, match="no granule cell varies"):
        expansion.dimension(layer, np.ones((10, 20)))
    with pytest.raises(ValueError, match="noise"):
        expansion.classification_error(layer, 10, noise=1.5)
    with pytest.raises(ValueError, match="criterion"):
        expansion.learning_speed(layer, x, criterion=0.0)
    with pytest.raises(ValueError, match="takes away all"):
        expansion.expected_dimension(20, 60, 20, golgi_gain=float(np.sqrt(20)))
    for wrong in ({"n_inputs": 21}, {"n_granule": 0}, {"coding_level": 0.0}, {"correlation": 1.0}):
        given: dict[str, Any] = {"n_mossy": 20, "n_granule": 60, "n_inputs": 4, **wrong}
        with pytest.raises(ValueError):
            expansion.expected_dimension(**given)


def test_the_figure_shows_means_and_the_best() -> None:
    found = fg.cerebellum.expansion_sweep((1, 4, 16), (0.1, 0.3), n_mossy=20, n_samples=60, n_seeds=2)
    figure = found.plot()
    first, second = figure.axes
    assert (first.get_ylabel(), second.get_ylabel()) == ("dimension", "classification error")
    lines = {line.get_label(): line for line in first.lines}
    assert "_best" in lines and "_expected" in lines
    data = first.containers[0].lines[0]
    np.testing.assert_allclose(data.get_ydata(), found.mean("dimension")[0])
    against = found.plot(against="coding_level", measures=["dimension"])
    np.testing.assert_allclose(against.axes[0].containers[2].lines[0].get_ydata(), found.mean("dimension")[:, 2])
    with pytest.raises(ValueError, match="measures are"):
        found.plot(measures=["learning_speed"])
    with pytest.raises(ValueError, match="against"):
        found.plot(against="K")
    with pytest.raises(ValueError, match="axes"):
        found.plot(axes=[first])
