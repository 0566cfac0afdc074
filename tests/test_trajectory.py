"""Trajectories from arrays: shapes, labels, the way to recordings and xarray, and their figure."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest

import fastigial as fg

matplotlib.use("agg")

N_TRIALS, N_STEPS, N_UNITS, N_OUTPUTS, N_INPUTS = 4, 30, 6, 2, 3
AREA = np.array(["PFC"] * 4 + ["M1"] * 2)
CHOICE = np.array(["left", "right"] * 2)


def trajectory(**given: Any) -> fg.Trajectory:
    rng = np.random.default_rng(0)
    states, outputs, inputs = (rng.standard_normal((N_TRIALS, N_STEPS, n)) for n in (N_UNITS, N_OUTPUTS, N_INPUTS))
    return fg.Trajectory(states, outputs, inputs, **{"dt": 0.02, "area": AREA, "info": {"choice": CHOICE}, **given})


def test_time_is_in_seconds_from_zero() -> None:
    np.testing.assert_allclose(trajectory().time, 0.02 * np.arange(N_STEPS), rtol=1e-15)


def test_the_tensor_is_the_states_with_time_last_and_no_copy() -> None:
    found = trajectory()
    tensor = found.to_tensor()
    assert tensor.shape == (N_TRIALS, N_UNITS, N_STEPS)
    assert np.shares_memory(tensor, found.states)
    for place in [(0, 1, 2), (3, 5, 29)]:
        trial, unit, step = place
        assert tensor[place] == found.states[trial, step, unit]


def test_a_recording_of_a_network_is_labelled_and_can_be_decomposed() -> None:
    recording = trajectory().to_recording()
    assert recording.bin_width == pytest.approx(0.02)
    assert recording["area"].tolist() == AREA.tolist()
    assert recording["choice"].tolist() == CHOICE.tolist()
    model = fg.TCA(2, random_state=0).fit(recording)
    assert model.coords_["area"][0] == "neuron"


def test_labels_reach_xarray() -> None:
    targets, losses = np.zeros((N_TRIALS, N_STEPS, N_OUTPUTS)), np.zeros((N_TRIALS, N_STEPS))
    found = trajectory(targets=targets, losses=losses, internal={"cell": np.ones((N_TRIALS, N_STEPS, N_UNITS))})
    dataset = found.to_xarray()
    assert set(dataset) == {"states", "outputs", "inputs", "targets", "losses", "cell"}
    assert dataset["states"].dims == ("trial", "time", "unit")
    assert float(dataset["states"].sel(time=0.04, method="nearest")[1, 2]) == found.states[1, 2, 2]
    assert dataset.groupby("choice").mean()["outputs"].shape == (2, N_STEPS, N_OUTPUTS)
    labelled = found.to_tensor(labelled=True)
    assert labelled.dims == ("trial", "unit", "time")
    assert labelled["area"].values.tolist() == AREA.tolist()


def test_what_trials_were_takes_no_name_that_is_taken() -> None:
    found = trajectory(info={"time": np.arange(4), "states": np.arange(4), "angle": np.arange(4), "odd": np.arange(3)})
    dataset = found.to_xarray()
    assert {"time_", "states_", "angle"} <= set(dataset.coords)
    assert "odd" not in dataset.coords
    np.testing.assert_allclose(dataset["time"], found.time)


def test_full_states_are_the_variables_side_by_side() -> None:
    rng = np.random.default_rng(1)
    v, q = rng.random((2, N_TRIALS, N_STEPS, N_UNITS))
    names = (("v", "voltage"), ("s", "states"), ("q", "filtered"))
    found = trajectory(internal={"filtered": q, "voltage": v}, state_names=names)
    np.testing.assert_array_equal(found.full_states, np.concatenate([v, found.states, q], axis=2))
    assert trajectory().full_states.shape == (N_TRIALS, N_STEPS, N_UNITS)


def test_arrays_of_different_trials_are_refused() -> None:
    states = np.zeros((2, 3, 4))
    with pytest.raises(ValueError, match=r"outputs has the shape \(2, 4, 1\), expected \(2, 3\) to begin with"):
        fg.Trajectory(states, np.zeros((2, 4, 1)), states, dt=0.1)
    with pytest.raises(ValueError, match=r"states has the shape \(3, 4\)"):
        fg.Trajectory(states[0], states, states, dt=0.1)


# The figure


def test_the_figure_shows_the_trial_that_is_asked_for() -> None:
    targets = np.ones((N_TRIALS, N_STEPS, N_OUTPUTS))
    losses = np.ones((N_TRIALS, N_STEPS))
    losses[:, :10] = np.nan
    found = trajectory(targets=targets, losses=losses)
    inputs, units, outputs = found.plot(2).axes[:3]
    np.testing.assert_array_equal(inputs.lines[1].get_ydata(), found.inputs[2, :, 0])
    np.testing.assert_array_equal(np.asarray(units.images[0].get_array()), found.states[2].T)
    shown = {
        label: [np.asarray(line.get_ydata()) for line in outputs.lines if line.get_label() == label]
        for label in ("_value", "_target")
    }
    np.testing.assert_array_equal(np.array(shown["_value"]).T, found.outputs[2])
    # Targets are drawn where they were observed alone.
    expected = np.where(np.arange(N_STEPS)[:, None] < 10, np.nan, targets[2])
    np.testing.assert_array_equal(np.array(shown["_target"]).T, expected)
    assert inputs.get_title(loc="left") == "trial 2, loss 1"
    assert [text.get_text() for text in units.get_yticklabels()] == ["PFC", "M1"]


def test_units_are_sorted_by_their_peak_within_areas() -> None:
    peaks = np.array([20, 5, 10, 1, 9, 3])
    states = np.zeros((1, N_STEPS, N_UNITS))
    states[0, peaks, np.arange(N_UNITS)] = 0.5
    other = np.zeros((1, N_STEPS, 1))
    found = fg.Trajectory(states, other, other, dt=0.1, area=AREA).plot(sort="peak")
    drawn = np.asarray(found.axes[1].images[0].get_array())
    np.testing.assert_array_equal(drawn.argmax(axis=1), [1, 5, 10, 20, 3, 9])


def test_spikes_are_drawn_one_by_one() -> None:
    states = (np.random.default_rng(0).random((1, N_STEPS, N_UNITS)) < 0.2).astype(float)
    other = np.zeros((1, N_STEPS, 1))
    units = fg.Trajectory(states, other, other, dt=0.1).plot().axes[1]
    (spikes,) = units.lines
    step, unit = np.nonzero(states[0])
    np.testing.assert_allclose(spikes.get_xdata(), 0.1 * step)
    np.testing.assert_array_equal(spikes.get_ydata(), unit)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"trial": 9}, "trial must lie between 0 and 3; got 9"),
        ({"units": [6]}, "units must lie between 0 and 5"),
        ({"sort": "name"}, 'sort must be "peak"'),
        ({"axes": [None]}, "axes must hold 3 axes"),
    ],
)
def test_figures_of_what_is_not_there_are_refused(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        trajectory().plot(**given)
