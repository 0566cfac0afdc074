from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fastigial import Recording
from fastigial.datasets import data_folder, load_pmd_reach, make_learning_recording
from fastigial.preprocess import align, bin_spikes, drop_units, normalize, rebin, smooth, to_rate


def timed(data: np.ndarray, width: float = 0.1, **coords: tuple[str, np.ndarray]) -> Recording:
    time = (np.arange(data.shape[-1]) + 0.5) * width
    return Recording(data, coords={"time": ("time", time), **coords})


@pytest.fixture
def gaps() -> Recording:
    """Noise in which a neuron misses two trials and a trial ends early."""
    data = np.random.default_rng(0).gamma(2.0, 1.0, (6, 4, 20))
    data[:2, 1] = np.nan
    data[3, :, 15:] = np.nan
    return timed(data, condition=("trial", np.arange(6)), unit=("neuron", np.array(list("abcd"))))


class TestRecording:
    def test_integers_become_float64_and_floats_stay_without_a_copy(self):
        assert Recording(np.ones((2, 3, 4), dtype=np.int8)).dtype == np.float64
        single = np.ones((2, 3, 4), dtype=np.float32)
        assert Recording(single).data is single

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"data": np.ones((2, 3))}, r"data must have 3 axes .* got shape \(2, 3\)"),
            ({"dims": ("time", "neuron", "trial")}, "dims must be"),
            ({"coords": {"unit": ("neuron", [1, 2])}}, r"coords\['unit'\] has shape \(2,\), expected \(3,\)"),
            ({"coords": {"unit": ("cell", [1, 2, 3])}}, "names the dimension 'cell'"),
            ({"coords": {"unit": [1, 2, 3]}}, "must be a pair"),
            ({"coords": {"time": ("trial", [1, 2])}}, "belongs to the axis 'time'"),
            ({"coords": [("unit", [1, 2, 3])]}, "coords must map names"),
        ],
    )
    def test_wrong_shapes_and_labels_say_so(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Recording(**{"data": np.ones((2, 3, 4)), **arguments})

    @pytest.mark.parametrize("data", [np.ones((1, 1, 1), dtype=complex), np.array([[["a"]]])])
    def test_what_is_not_a_real_number_is_a_type_error(self, data):
        with pytest.raises(TypeError, match="got dtype"):
            Recording(data)

    def test_array_protocol_copies_only_when_asked(self, gaps):
        assert np.asarray(gaps) is gaps.data
        copied = np.array(gaps, copy=True)
        assert not np.shares_memory(copied, gaps.data)
        assert np.asarray(gaps, dtype=np.float32).dtype == np.float32
        with pytest.raises(ValueError, match="copy"):
            np.asarray(gaps, dtype=np.float32, copy=False)

    def test_select_carries_labels_and_order(self, gaps):
        part = gaps.select(trials=[4, 0], neurons=gaps["unit"] != "b", time=(0.5, 1.0))
        assert part["condition"].tolist() == [4, 0]
        assert part["unit"].tolist() == ["a", "c", "d"]
        np.testing.assert_allclose(part["time"], [0.55, 0.65, 0.75, 0.85, 0.95])
        np.testing.assert_array_equal(part.data, gaps.data[[4, 0]][:, [0, 2, 3]][:, :, 5:10])

    def test_selecting_by_slices_is_a_view(self, gaps):
        part = gaps.select(trials=slice(1, 4), time=(0.2, 0.9))
        assert np.shares_memory(part.data, gaps.data)

    def test_nothing_selected_is_empty_and_a_number_keeps_the_axis(self, gaps):
        assert gaps.select(trials=[]).shape == (0, 4, 20)
        assert gaps.select(neurons=-1).shape == (6, 1, 20)
        assert gaps.select(time=(100.0, 101.0)).shape == (6, 4, 0)

    def test_bad_selections(self, gaps):
        with pytest.raises(ValueError, match="trials is a boolean array of length 5, expected 6"):
            gaps.select(trials=np.ones(5, dtype=bool))
        with pytest.raises(TypeError, match="neurons must be"):
            gaps.select(neurons=[0.5])
        with pytest.raises(ValueError, match="start < stop"):
            gaps.select(time=(1.0, 0.5))
        with pytest.raises(ValueError, match="'time' coordinate"):
            Recording(gaps.data).select(time=(0.0, 1.0))

    def test_there_and_back_through_xarray(self, gaps):
        array = gaps.to_xarray()
        assert array.dims == ("trial", "neuron", "time")
        back = Recording.from_xarray(array.transpose("time", "trial", "neuron"))
        np.testing.assert_array_equal(back.data, gaps.data)
        assert back.name == gaps.name
        assert back.coords.keys() == gaps.coords.keys()
        for name, (dim, values) in gaps.coords.items():
            assert back.coords[name][0] == dim
            np.testing.assert_array_equal(back[name], values)

    def test_from_xarray_says_what_does_not_fit(self, gaps):
        array = gaps.to_xarray()
        with pytest.raises(ValueError, match=r"array\.rename"):
            Recording.from_xarray(array.rename(trial="trials"))
        with pytest.raises(ValueError, match="drop_vars"):
            Recording.from_xarray(array.assign_coords(both=(("trial", "neuron"), np.zeros((6, 4)))))
        assert Recording.from_xarray(array.assign_coords(session=7)).attrs["session"] == 7

    def test_what_a_notebook_shows(self, gaps):
        assert "6 trials x 4 neurons x 20 steps" in repr(gaps)
        html = Recording(gaps.data, name="<b>")._repr_html_()
        assert "&lt;b&gt;" in html
        assert "87.5%" in html
        assert f"{100 * gaps.observed_fraction:.3g}%" == "87.5%"

    def test_one_missing_entry_is_not_all_observed(self):
        data = np.zeros((10, 10, 100))
        data[0, 0, 0] = np.nan
        assert "99.9% observed" in repr(Recording(data))

    def test_a_missing_coordinate_names_the_others(self, gaps):
        with pytest.raises(KeyError, match="there are time, condition, unit"):
            gaps["block"]

    def test_bin_width_needs_even_times(self, gaps):
        assert gaps.bin_width == pytest.approx(0.1)
        uneven = Recording(np.zeros((1, 1, 3)), coords={"time": ("time", [0.0, 1.0, 3.0])})
        with pytest.raises(ValueError, match="evenly spaced"):
            _ = uneven.bin_width


class TestBinSpikes:
    def test_by_hand(self):
        recording = bin_spikes(
            [0.0, 0.019, 0.02, 0.039, 0.04, -0.001],
            [0, 0, 0, 1, 1, 1],
            [1, 1, 1, 0, 0, 0],
            window=(0.0, 0.04),
            bin_width=0.02,
        )
        expected = np.zeros((2, 2, 2))
        expected[0, 1] = [2, 1]
        expected[1, 0, 1] = 1
        np.testing.assert_array_equal(recording.data, expected)
        np.testing.assert_allclose(recording["time"], [0.01, 0.03])

    def test_edges_in_whole_milliseconds_go_to_the_later_bin(self):
        edges = np.arange(100) * 20 / 1000
        assert (np.floor(edges / 0.02) != np.arange(100)).any(), "rounding is what this test is about"
        recording = bin_spikes(edges, np.zeros(100, int), np.zeros(100, int), window=(0, 2), bin_width=0.02)
        np.testing.assert_array_equal(recording.data, 1.0)

    def test_every_spike_in_the_window_is_counted_once(self):
        rng = np.random.default_rng(1)
        times, trials, neurons = (
            rng.uniform(-1, 2, 5000),
            rng.integers(9, size=5000),
            rng.integers(7, size=5000),
        )
        recording = bin_spikes(times, trials, neurons, window=(-0.5, 1.5), bin_width=0.05)
        inside = (times >= -0.5) & (times < 1.5)
        assert recording.data.sum() == inside.sum()
        np.testing.assert_array_equal(recording.data.sum(axis=(1, 2)), np.bincount(trials[inside], minlength=9))

    def test_no_spikes_at_all(self):
        assert not bin_spikes([], [], [], window=(0, 1), bin_width=0.5, n_trials=2, n_neurons=3).data.any()

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"trial_ids": [0, 5]}, ValueError, "trial_ids must lie in"),
            ({"neuron_ids": [0, -1]}, ValueError, "neuron_ids must lie in"),
            ({"neuron_ids": [0]}, ValueError, "one entry per spike"),
            ({"neuron_ids": [0.0, 1.0]}, TypeError, "integers"),
            ({"spike_times": [0.1, np.nan]}, ValueError, "finite"),
            ({"bin_width": 0.3}, ValueError, "whole number of bins"),
            ({"window": (1.0, 0.0)}, ValueError, "start < stop"),
        ],
    )
    def test_bad_input(self, change, error, message):
        good = {"spike_times": [0.1, 0.2], "trial_ids": [0, 1], "neuron_ids": [0, 0]}
        with pytest.raises(error, match=message):
            bin_spikes(**{**good, "window": (0.0, 1.0), "bin_width": 0.1, "n_trials": 2, **change})


class TestRebin:
    def test_counts_are_conserved_and_gaps_stay_gaps(self, gaps):
        wide = rebin(gaps, 4)
        observed = ~np.isnan(wide.data)
        parts = gaps.data.reshape(6, 4, 5, 4)
        np.testing.assert_allclose(wide.data[observed], parts.sum(-1)[observed])
        np.testing.assert_array_equal(observed, ~np.isnan(parts).any(-1))
        np.testing.assert_allclose(wide["time"], [0.2, 0.6, 1.0, 1.4, 1.8])
        assert wide["unit"].tolist() == list("abcd")

    def test_mean_is_for_rates(self, gaps):
        rates = to_rate(gaps)
        with pytest.raises(ValueError, match="method='mean'"):
            rebin(rates, 2)
        np.testing.assert_allclose(rebin(rates, 2, method="mean").data, rebin(gaps, 2).data / 0.2)

    @pytest.mark.parametrize("n_bins", [0, 3, 21])
    def test_only_whole_bins(self, gaps, n_bins):
        with pytest.raises(ValueError, match="must divide the 20 steps"):
            rebin(gaps, n_bins)


class TestSmooth:
    @pytest.mark.parametrize("sd_bins", [0.4, 2.0, 7.0])
    @pytest.mark.parametrize("n_steps", [1, 3, 50])
    def test_scipy_gives_the_same_where_all_is_observed(self, sd_bins, n_steps):
        from scipy.ndimage import gaussian_filter1d

        data = np.random.default_rng(2).standard_normal((3, 4, n_steps))
        np.testing.assert_allclose(smooth(data, sd_bins), gaussian_filter1d(data, sd_bins, axis=-1), atol=1e-14)

    def test_the_mean_over_time_is_kept(self):
        data = np.random.default_rng(3).random((2, 3, 30))
        np.testing.assert_allclose(smooth(data, 3.0).mean(-1), data.mean(-1), rtol=1e-13)

    def test_a_constant_with_gaps_stays_constant_and_the_gaps_stay(self, gaps):
        flat = Recording(np.where(np.isnan(gaps.data), np.nan, 5.0))
        np.testing.assert_allclose(smooth(flat, 2.0).data, flat.data, rtol=1e-13)

    def test_what_is_missing_has_no_influence_and_neighbours_do_not_mix(self, gaps):
        smoothed = smooth(gaps, 2.0).data
        np.testing.assert_allclose(smoothed[4], smooth(gaps.data[4], 2.0), rtol=1e-13)
        np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(gaps.data))

    def test_normalised_convolution_by_hand(self):
        weight = np.exp(-0.5 / 0.25)
        smoothed = smooth(np.array([3.0, np.nan, 6.0, 9.0, 9.0]), 0.5, truncate=2.0)
        # The first bin reflects onto itself; the third has lost its left neighbour.
        np.testing.assert_allclose(smoothed[0], 3.0)
        np.testing.assert_allclose(smoothed[2], (6.0 + weight * 9.0) / (1 + weight))

    def test_zero_width_is_a_copy(self, gaps):
        same = smooth(gaps, 0.0)
        np.testing.assert_array_equal(same.data, gaps.data)
        assert not np.shares_memory(same.data, gaps.data)

    @pytest.mark.parametrize("sd_bins", [-1.0, np.nan, np.inf])
    def test_bad_width(self, sd_bins):
        with pytest.raises(ValueError, match="sd_bins"):
            smooth(np.zeros(3), sd_bins)


class TestNormalize:
    def test_each_method_does_what_it_says(self, gaps):
        def per_neuron(function, recording):
            return function(np.moveaxis(recording.data, 1, 0).reshape(4, -1), axis=1)

        np.testing.assert_allclose(per_neuron(np.nanstd, normalize(gaps, "sd")), 1.0)
        np.testing.assert_allclose(per_neuron(np.nanstd, normalize(gaps, "zscore")), 1.0)
        np.testing.assert_allclose(per_neuron(np.nanmean, normalize(gaps, "zscore")), 0.0, atol=1e-13)
        spread = per_neuron(np.nanmax, gaps) - per_neuron(np.nanmin, gaps)
        np.testing.assert_allclose(normalize(gaps, "range").data * spread[:, None], gaps.data)
        np.testing.assert_allclose(normalize(gaps, "soft", constant=2.0).data * (spread[:, None] + 2.0), gaps.data)

    @pytest.mark.parametrize("method", ["sd", "zscore", "range"])
    @pytest.mark.parametrize("value", [0.1, 0.0, np.nan])
    def test_a_neuron_without_a_scale_is_named(self, gaps, method, value):
        data = gaps.data.copy()
        data[:, 2] = value
        with pytest.raises(ValueError, match=r"neurons \[2\]"):
            normalize(Recording(data), method)

    def test_unknown_method(self, gaps):
        with pytest.raises(ValueError, match="method must be"):
            normalize(gaps, "minmax")


class TestDropUnits:
    def test_rate_over_what_was_observed(self):
        data = np.zeros((2, 3, 10))
        data[0, 0, :2] = 1.0
        data[1, 0] = np.nan
        data[:, 1, 0] = 1.0
        data[:, 2] = np.nan
        # 2 spikes in 1 s; 2 spikes in 2 s, which is not above 1; nothing observed.
        kept = drop_units(timed(data, unit=("neuron", np.array(["a", "b", "c"]))), min_rate=1.0)
        assert kept["unit"].tolist() == ["a"]
        assert drop_units(data, 0.9, bin_width=0.1).shape == (2, 2, 10)

    def test_counts_and_rates_agree(self):
        counts = make_learning_recording(seed=4)
        threshold = 8.0
        kept = drop_units(counts, threshold)
        assert 0 < kept.shape[1] < counts.shape[1]
        assert kept["unit"].tolist() == drop_units(to_rate(counts), threshold)["unit"].tolist()


class TestAlign:
    def test_by_hand(self):
        recording = timed(np.arange(16.0).reshape(2, 1, 8), condition=("trial", np.array(["x", "y"])))
        aligned = align(recording, [0.3, 0.7], window=(-0.2, 0.2))
        np.testing.assert_array_equal(aligned.data, [[[1, 2, 3, 4]], [[13, 14, 15, np.nan]]])
        np.testing.assert_allclose(aligned["time"], [-0.15, -0.05, 0.05, 0.15])
        assert aligned["condition"].tolist() == ["x", "y"]

    def test_a_trial_without_event_is_not_observed(self, gaps):
        events = np.full(6, 1.0)
        events[2] = np.nan
        aligned = align(gaps, events, window=(-0.5, 0.5))
        assert np.isnan(aligned.data[2]).all()
        np.testing.assert_array_equal(aligned.data[[0, 1, 3]], gaps.data[[0, 1, 3]][:, :, 5:15])

    def test_far_outside_is_empty(self, gaps):
        assert np.isnan(align(gaps, np.full(6, 50.0), window=(0.0, 0.5)).data).all()

    def test_bad_input(self, gaps):
        with pytest.raises(ValueError, match="event_times must have shape"):
            align(gaps, [1.0], window=(0.0, 0.5))
        with pytest.raises(ValueError, match="whole number of bins"):
            align(gaps, np.zeros(6), window=(0.0, 0.55))
        with pytest.raises(TypeError, match="Recording"):
            align(gaps.data, np.zeros(6), window=(0.0, 0.5))


@pytest.mark.parametrize(
    "step",
    [smooth, normalize, lambda X: rebin(X, 2), lambda X: drop_units(X, 0.5, bin_width=0.1)],
    ids=["smooth", "normalize", "rebin", "drop_units"],
)
class TestSameKindOut:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_kind_and_dtype_are_kept_and_values_agree(self, step, dtype, gaps):
        data = gaps.data.astype(dtype)
        before = data.copy()
        from_array = step(data)
        from_recording = step(Recording(data, coords=gaps.coords))
        assert isinstance(from_array, np.ndarray)
        assert isinstance(from_recording, Recording)
        assert from_array.dtype == from_recording.dtype == dtype
        np.testing.assert_array_equal(from_array, from_recording.data)
        np.testing.assert_array_equal(data, before)

    def test_other_kinds_are_refused_with_advice(self, step, gaps):
        with pytest.raises(TypeError, match="from_xarray"):
            step(gaps.to_xarray())


def leading_projector(tensor: np.ndarray, axis: int, rank: int) -> tuple[np.ndarray, float]:
    """The best projector of a rank on one axis, and the sum of squares that it leaves."""
    unfolded = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    values, vectors = np.linalg.eigh(unfolded @ unfolded.T)
    basis = vectors[:, len(values) - rank :]
    return basis @ basis.T, float(values[: len(values) - rank].sum())


def slicetca_loss(X: np.ndarray, ranks: tuple[int, int, int], n_sweeps: int = 60) -> float:
    """Least mean square that sums of slices leave: block descent over one projector per axis."""
    projectors = [leading_projector(X, axis, rank)[0] for axis, rank in enumerate(ranks)]
    left = np.inf
    for _ in range(n_sweeps):
        for axis, rank in enumerate(ranks):
            rest = X
            for other in {0, 1, 2} - {axis}:
                projected = np.moveaxis(np.tensordot(projectors[other], rest, axes=(1, other)), 0, other)
                rest = rest - projected
            projectors[axis], left = leading_projector(rest, axis, rank)
    return left / X.size


@pytest.mark.skipif(
    not (Path(data_folder() or "-") / "monkey_pmd_reach").is_dir(),
    reason="needs FASTIGIAL_DATA with monkey_pmd_reach",
)
def test_the_default_pipeline_reproduces_the_reference_losses():
    X = normalize(smooth(drop_units(load_pmd_reach("ex2"))))
    assert X.shape == (112, 57, 50)
    assert slicetca_loss(X.data, (2, 1, 2)) == pytest.approx(0.393853, abs=6e-7)
    assert slicetca_loss(X.data, (3, 2, 3)) == pytest.approx(0.285615, abs=6e-7)
