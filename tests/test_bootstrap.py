"""Bootstrap bands: coverage of planted truth, theory for one component, resamples by hand, gaps, labels, refusals."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from tests.common.models import random_slicetca, random_tca, tca_of
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import bootstrap
from fastigial.analysis.bootstrap import _band, _by_place, _draw
from fastigial.analysis.refits import model_at

matplotlib.use("agg")


def planted(seed: int, n_trials: int, noise: float = 1.0) -> tuple[FloatArray, fg.TCA]:
    """New trials of the same two components, and the model that made them."""
    fixed, rng = np.random.default_rng(1), np.random.default_rng(seed)
    factors = [rng.normal(size=(n_trials, 2)) * [1.0, 0.7], fixed.normal(size=(12, 2)), fixed.normal(size=(15, 2))]
    norms = [np.linalg.norm(factor, axis=0) for factor in factors]
    truth = tca_of([factor / norm for factor, norm in zip(factors, norms, strict=True)], np.prod(norms, axis=0))
    return truth.reconstruct() + noise * rng.normal(size=truth.shape_), truth


def planted_slices(seed: int, n_trials: int) -> tuple[FloatArray, FloatArray]:
    """New trials of the same two trial-slicing, one neuron- and one time-slicing component; with and without noise."""
    fixed, rng = np.random.default_rng(1), np.random.default_rng(seed)
    slices = fixed.normal(size=(2, 12, 15)) * np.array([2.0, 1.0])[:, None, None]
    neuron, time = fixed.normal(size=12), fixed.normal(size=15)
    signal = np.einsum("rk,rnt->knt", rng.normal(size=(2, n_trials)), slices)
    signal += np.einsum("n,kt->knt", neuron, rng.normal(size=(n_trials, 15)))
    signal += np.einsum("t,kn->knt", time, rng.normal(size=(n_trials, 12)))
    return signal + rng.normal(size=signal.shape), signal


def covered(band: Any, truth: FloatArray) -> float:
    return float(np.mean((band.low <= truth) & (truth <= band.high)))


# What the bands mean


def test_bands_cover_the_planted_factors_nearly_as_often_as_they_should() -> None:
    shares = []
    for seed in range(20):
        X, truth = planted(seed, 40)
        found = bootstrap(fg.TCA(2), X, n_resamples=100, random_state=seed)
        aligned = fg.align(truth, found.model)
        shares.append([covered(found.factors[i], aligned.factors_[i]) for i in (1, 2)])
    # Forty data sets gave 0.93 and 0.92, with a standard error of 0.05 for one set: 0.011 for the mean of twenty. Less
    # than 0.95, as percentile intervals of 40 trials are. The tolerance is four standard errors.
    neuron, time = np.mean(shares, axis=0)
    assert neuron == pytest.approx(0.93, abs=0.045)
    assert time == pytest.approx(0.92, abs=0.045)


def test_bands_cover_planted_loadings_and_slices() -> None:
    shares = []
    for seed in range(8):
        X, signal = planted_slices(seed, 40)
        estimator = fg.SliceTCA((2, 1, 1), n_init=4, random_state=0)
        found = bootstrap(estimator, X, n_resamples=60, random_state=seed)
        truth = fg.align(fg.SliceTCA((2, 1, 1), n_init=4, random_state=0).fit(signal), found.model)
        assert found.slices is not None
        bands = [found.factors[1], found.factors[2], found.slices]
        shares.append(list(map(covered, bands, [truth.loadings_[1].T, truth.loadings_[2].T, truth.slices_[0]])))
    neuron, time, slices = np.mean(shares, axis=0)
    # 12 sets of 100 resamples gave 0.93 and 0.95; ends from 60 resamples lie a little closer.
    assert neuron == pytest.approx(0.93, abs=0.07)
    assert time == pytest.approx(0.93, abs=0.07)
    # The truth is that of the very trials, from which bands of other trials' slices must be wide enough and wider.
    assert slices > 0.95


def test_standard_errors_of_one_component_are_those_of_theory() -> None:
    rng = np.random.default_rng(0)
    noise, sizes = 0.5, (200, 12, 15)
    factors = [rng.normal(size=(size, 1)) for size in sizes]
    unit = [factor / np.linalg.norm(factor) for factor in factors]
    weight = np.prod([np.linalg.norm(factor) for factor in factors])
    X = np.einsum("kr,nr,tr->knt", *factors) + noise * rng.normal(size=sizes)
    found = bootstrap(fg.TCA(1), X, n_resamples=300, random_state=0)
    # To first order, noise moves a unit vector within its tangent plane, by σ / w in each direction.
    for band, vector in zip(found.factors[1:], unit[1:], strict=True):
        expected = noise / weight * np.sqrt(1 - vector**2)
        # Each has a relative standard error of 1/√(2 · 200) + 1/√(2 · 300), 0.065 in all; their mean a fourth of it.
        assert np.mean(band.standard_error / expected) == pytest.approx(1, abs=0.07)
    # The weight is √n times the size of the trials' factor, and that of Gaussian trials has an error of 1 / √(2 n).
    (error,) = found.weights.standard_error / found.weights.estimate
    assert error == pytest.approx(1 / np.sqrt(2 * 200), rel=0.25)


def test_bands_shrink_with_the_root_of_the_number_of_trials() -> None:
    widths = []
    for n_trials in (40, 160):
        found = [bootstrap(fg.TCA(2), planted(seed, n_trials)[0], n_resamples=60, random_state=0) for seed in range(3)]
        widths.append([np.mean([b.factors[i].high - b.factors[i].low for b in found]) for i in (1, 2)])
    np.testing.assert_allclose(np.divide(*widths), 2, rtol=0.15)


def test_higher_levels_have_wider_bands_of_the_same_resamples() -> None:
    X, _ = planted(0, 30)
    narrow, wide = (bootstrap(fg.TCA(2), X, n_resamples=40, level=level, random_state=0) for level in (0.5, 0.9))
    for a, b in zip([*narrow.factors, narrow.weights], [*wide.factors, wide.weights], strict=True):
        assert np.all(b.low <= a.low)
        assert np.all(a.high <= b.high)
        assert np.any(b.low < a.low)
        np.testing.assert_array_equal(a.standard_error, b.standard_error)


def test_noise_of_a_trial_itself_is_not_in_its_band() -> None:
    widths, errors = [], []
    for n_trials in (40, 160):
        X, truth = planted(0, n_trials)
        found = bootstrap(fg.TCA(2), X, n_resamples=60, random_state=0)
        aligned, trials = fg.align(truth, found.model), found.factors[0]
        # In the units of the data, which those of a unit vector are not.
        widths.append(np.mean((trials.high - trials.low) * found.weights.estimate))
        difference = trials.estimate * found.weights.estimate - aligned.factors_[0] * aligned.weights_
        errors.append(np.sqrt(np.mean(difference**2)))
    # With more trials the other factors are known better, which is all that the band knows of.
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.25)
    assert errors[0] / errors[1] == pytest.approx(1, rel=0.2)


# Resamples


def test_resamples_by_hand() -> None:
    X, _ = planted(0, 30)
    model = fg.TCA(2, random_state=0).fit(X)
    found = bootstrap(model, X, n_resamples=5, random_state=3)
    seeds = [np.random.SeedSequence(3, spawn_key=(number,)) for number in range(5)]
    draws = [np.random.default_rng(seed).choice(30, size=30) for seed in seeds]
    # From a start of its own, each resample ends at the same minimum.
    fits = [fg.align(fg.TCA(2, random_state=0, tol=1e-10).fit(X[np.sort(draw)]), model, axes=(1, 2)) for draw in draws]
    for axis in (1, 2):
        stack = np.stack([fit.factors_[axis] for fit in fits])
        np.testing.assert_allclose(found.factors[axis].standard_error, stack.std(axis=0, ddof=1), rtol=1e-2)
        np.testing.assert_allclose(found.factors[axis].low, np.quantile(stack, 0.025, axis=0), atol=1e-4)
    rows = np.full((5, 30, 2), np.nan)
    for b, (fit, draw) in enumerate(zip(fits, draws, strict=True)):
        rows[b, np.sort(draw)] = fit.factors_[0] * fit.weights_ / model.weights_
    drawn = np.unique(np.concatenate(draws))
    np.testing.assert_allclose(found.factors[0].high[drawn], np.nanquantile(rows[:, drawn], 0.975, axis=0), atol=1e-3)
    assert np.isnan(np.delete(found.factors[0].low, drawn, axis=0)).all()


@pytest.mark.parametrize("estimator", [fg.TCA(2, random_state=0), fg.SliceTCA((1, 1, 1), n_init=3)], ids=repr)
def test_resamples_that_hold_every_trial_once_give_no_width(estimator: Any) -> None:
    X, _ = planted(0, 20)
    found = bootstrap(estimator, X, n_resamples=3, stratify=np.arange(20), random_state=0)
    for band in [*found.factors, found.weights]:
        np.testing.assert_allclose(band.low, band.estimate, atol=2e-3 * np.abs(band.estimate).max(initial=0))
        np.testing.assert_allclose(band.high, band.low, atol=1e-8 * np.abs(band.estimate).max(initial=0))
    np.testing.assert_allclose(found.similarities, 1, atol=1e-5)


def test_strata_keep_their_sizes() -> None:
    strata = np.array([0, 1, 1, 2, 0, 2, 2, 2])
    drawn = [_draw(strata, np.random.default_rng(seed)) for seed in range(200)]
    for places in drawn:
        np.testing.assert_array_equal(np.bincount(strata[places]), [2, 2, 4])
    # Every trial is drawn about once a resample; the standard error of a mean of 200 is at most 0.06.
    np.testing.assert_allclose(np.bincount(np.concatenate(drawn)) / 200, 1, atol=0.3)


def test_strata_come_by_name() -> None:
    recording = fg.datasets.make_learning_recording(n_trials=30, n_neurons=8, seed=0)
    by_name, by_value, without = (
        bootstrap(fg.TCA(1, random_state=0), recording, n_resamples=3, stratify=strata, random_state=0)
        for strata in ("condition", recording["condition"], None)
    )
    np.testing.assert_array_equal(by_name.weights.low, by_value.weights.low)
    assert np.any(by_name.weights.low != without.weights.low)


@pytest.mark.parametrize(
    "model", [random_tca(0, (5, 4, 6), 2), random_slicetca(0, (5, 4, 6), (2, 1, 3))], ids=["TCA", "SliceTCA"]
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_model_at_some_places_is_the_model_of_those(model: Any, axis: int) -> None:
    places = np.array([3, 0, 3, 2])
    part = model_at(model, axis, places)
    np.testing.assert_allclose(part.reconstruct(), np.take(model.reconstruct(), places, axis=axis))
    assert part.shape_ == part.reconstruct().shape
    assert model.shape_ == (5, 4, 6)


def test_rows_go_back_to_their_places() -> None:
    rows = np.array([[1.0], [3.0], [5.0], [7.0]])
    np.testing.assert_array_equal(_by_place(rows, np.array([2, 0, 2, 2]), 4), [[3.0], [np.nan], [13 / 3], [np.nan]])


def test_quantiles_leave_out_what_is_nan() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(21, 3, 4))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[:, 0, 0], values[1:, 1, 1] = np.nan, np.nan
    values[0, 1, 1] = 2.0
    band = _band(np.zeros((3, 4)), list(values), 0.8)
    assert np.isnan([band.low[0, 0], band.high[0, 0], band.standard_error[0, 0], band.standard_error[1, 1]]).all()
    assert band.low[1, 1] == band.high[1, 1] == 2
    rest = np.ones((3, 4), dtype=bool)
    rest[0, 0] = rest[1, 1] = False
    np.testing.assert_allclose(band.low[rest], np.nanquantile(values[:, rest], 0.1, axis=0))
    np.testing.assert_allclose(band.high[rest], np.nanquantile(values[:, rest], 0.9, axis=0))
    np.testing.assert_allclose(band.standard_error[rest], np.nanstd(values[:, rest], axis=0, ddof=1))


# Fits


@pytest.mark.parametrize(
    "estimator", [fg.TCA(2, random_state=0), fg.SliceTCA((2, 1, 1), n_init=2, random_state=0)], ids=repr
)
def test_resamples_start_near_their_end(estimator: Any) -> None:
    X = planted_slices(0, 40)[0]
    found = bootstrap(estimator, X, n_resamples=10, random_state=0)
    rng = np.random.default_rng(0)
    cold = [estimator.__sklearn_clone__().fit(X[rng.integers(40, size=40)]).n_iter_ for _ in range(10)]
    assert found.n_iter.sum() < 0.8 * np.sum(cold)


@pytest.mark.parametrize("estimator", [fg.TCA(2), fg.SliceTCA((1, 1, 1), n_init=3)], ids=repr)
def test_numbers_depend_on_the_seed_and_not_on_the_number_of_jobs(estimator: Any) -> None:
    X, _ = planted(0, 20)
    alone, together, other = (
        bootstrap(estimator, X, n_resamples=4, random_state=seed, n_jobs=n_jobs)
        for seed, n_jobs in ((1, 1), (1, 2), (2, 1))
    )
    for a, b in zip([*alone.factors, alone.weights], [*together.factors, together.weights], strict=True):
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.high, b.high)
    assert np.any(alone.weights.low != other.weights.low)


def test_a_model_of_the_recording_is_taken_as_it_is() -> None:
    X, _ = planted(0, 20)
    model = fg.TCA(2, random_state=0).fit(X)
    found = bootstrap(model, X, n_resamples=2, random_state=0)
    assert found.model is model
    np.testing.assert_array_equal(found.factors[1].estimate, model.factors_[1])
    assert bootstrap(model, 2 * X, n_resamples=2, random_state=0).model is not model


def test_nonnegative_models_have_nonnegative_bands() -> None:
    X, _ = planted(0, 20)
    for estimator in (fg.TCA(2, nonnegative=True), fg.SliceTCA((1, 1, 0), nonnegative=True, invariance=None)):
        found = bootstrap(estimator, np.abs(X), n_resamples=5, random_state=0)
        assert all(np.all(band.low >= 0) for band in found.factors)


@pytest.mark.parametrize("axis", [1, "time"])
def test_other_axes_can_be_resampled(axis: Any) -> None:
    X = planted_slices(0, 30)[0]
    found = bootstrap(fg.SliceTCA((1, 2, 1), n_init=3), X, n_resamples=4, axis=axis, random_state=0)
    assert found.slices is not None
    assert found.slices.low.shape == ((2, 30, 15) if axis == 1 else (1, 30, 12))
    assert [band.low.shape for band in found.factors] == [(30, 1), (12, 2), (15, 1)]
    tca = bootstrap(fg.TCA(2), X, n_resamples=4, axis=axis, random_state=0)
    assert tca.slices is None
    assert [band.high.shape for band in tca.factors] == [(30, 2), (12, 2), (15, 2)]


def test_what_was_not_observed_has_no_band() -> None:
    X, _ = planted(0, 20, noise=0.1)
    X[1:, 3] = np.nan
    X[7] = np.nan
    X[:, :, 5] = np.nan
    for estimator in (fg.TCA(2), fg.SliceTCA((1, 1, 1), n_init=2)):
        found = bootstrap(estimator, X, n_resamples=40, random_state=0)
        trial, neuron, time = found.factors
        assert np.isnan(trial.low[7]).all()
        assert np.isnan(time.low[5]).all()
        assert np.isfinite(np.delete(time.low, 5, axis=0)).all()
        # Neuron 3 was observed in trial 0 only: two thirds of the resamples hold it.
        assert np.isfinite(neuron.low).all()
        assert np.isfinite(np.delete(trial.low, 7, axis=0)).all()
        if found.slices is not None:
            assert np.isnan(found.slices.low[:, :, 5]).all()
    mask = ~np.isnan(X)
    by_mask = bootstrap(fg.TCA(2), np.nan_to_num(X, nan=9.0), mask, n_resamples=5, random_state=0)
    by_nan = bootstrap(fg.TCA(2), X, n_resamples=5, random_state=0)
    np.testing.assert_array_equal(by_mask.factors[1].low, by_nan.factors[1].low)


def test_single_precision_is_accepted() -> None:
    X, _ = planted(0, 20)
    single = bootstrap(fg.TCA(2, random_state=0), X.astype(np.float32), n_resamples=5, random_state=0)
    double = bootstrap(fg.TCA(2, random_state=0), X, n_resamples=5, random_state=0)
    np.testing.assert_allclose(single.factors[2].low, double.factors[2].low, atol=1e-3)


def test_resamples_that_ran_out_of_iterations_are_counted_in_one_warning() -> None:
    X, _ = planted(0, 20, noise=3)
    model = fg.TCA(2, random_state=0).fit(X)
    model.set_params(max_iter=1)
    with pytest.warns(fg.ConvergenceWarning, match="3 of 3 fits") as caught:
        found = bootstrap(model, X, n_resamples=3, random_state=0)
    assert len(caught) == 1
    assert found.n_unconverged == 3


# Tables and figures


def test_tables_keep_the_labels_of_the_data() -> None:
    recording = fg.datasets.make_learning_recording(n_trials=30, n_neurons=8, seed=0)
    found = bootstrap(fg.TCA(2, random_state=0), recording, n_resamples=4, random_state=0)
    tables = found.to_pandas()
    assert list(tables) == list(found.model.dims_)
    assert isinstance(tables["trial"].index, pd.MultiIndex)
    assert "condition" in tables["trial"].index.names
    np.testing.assert_array_equal(tables["time"][1]["high"], found.factors[2].high[:, 1])
    assert list(tables["time"][0].columns) == ["estimate", "low", "high", "standard_error"]


def test_figures_of_a_tca_have_a_row_for_each_component() -> None:
    X, _ = planted(0, 20)
    found = bootstrap(fg.TCA(2), X, n_resamples=4, random_state=0)
    axes = np.reshape(found.plot().axes, (2, 3))
    assert [ax.get_title() for ax in axes[0]] == ["trial", "neuron", "time"]
    for r in range(2):
        np.testing.assert_array_equal(axes[r, 2].lines[0].get_ydata(), found.factors[2].estimate[:, r])
        (band,) = axes[r, 2].collections
        heights = band.get_paths()[0].vertices[:, 1]
        assert heights.min() == pytest.approx(found.factors[2].low[:, r].min())
        assert heights.max() == pytest.approx(found.factors[2].high[:, r].max())
        assert f"component {r}" in axes[r, 0].get_ylabel()
    only = fg.plot.bands(found, components=[1]).axes
    assert len(only) == 3
    assert "component 1" in only[0].get_ylabel()


def test_figures_of_a_slicetca_name_the_types() -> None:
    X, _ = planted(0, 20)
    found = bootstrap(fg.SliceTCA((1, 0, 2), n_init=2), X, n_resamples=4, random_state=0)
    figure = matplotlib.figure.Figure()
    own = figure.subplots(3, 1)
    assert fg.plot.bands(found, axes=own) is figure
    assert [ax.get_ylabel().split("\n")[0] for ax in own] == ["trial 0", "time 0", "time 1"]
    assert [ax.get_xlabel() for ax in own] == ["trial", "", "time (step)"]
    with pytest.raises(ValueError, match="components must lie between 0 and 2"):
        found.plot(components=3)


# Refusals

REFUSALS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "level": (fg.TCA(1), {"level": 1.0}, "level is 1.0, expected a share between 0 and 1"),
    "one resample": (fg.TCA(1), {"n_resamples": 1}, "n_resamples is 1, expected at least 2"),
    "axis": (fg.TCA(1), {"axis": "day"}, "axes holds 'day'"),
    "strata": (fg.TCA(1), {"stratify": "day"}, "stratify is 'day', expected one value for each trial"),
    "length of strata": (fg.TCA(1), {"stratify": [1, 2]}, r"stratify has shape \(2,\), expected \(6,\)"),
    "mask": (fg.TCA(1), {"mask": np.ones(3, dtype=bool)}, "mask has shape"),
    "invariance": (fg.SliceTCA((1, 1, 0), invariance=None), {}, "its components are not unique"),
}


@pytest.mark.parametrize(("estimator", "options", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_gives_no_bands_is_refused(estimator: Any, options: dict[str, Any], message: str) -> None:
    X, _ = planted(0, 6)
    with pytest.raises(ValueError, match=message):
        bootstrap(estimator, X, **options)


def test_only_decompositions_are_resampled() -> None:
    with pytest.raises(TypeError, match="estimator is a ndarray"):
        bootstrap(np.ones(3), planted(0, 6)[0])  # type: ignore[arg-type]
