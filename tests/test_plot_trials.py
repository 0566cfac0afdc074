"""Figures of trials: what is drawn is what the trials hold, and grey is what does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from tests.common.every_task import EVERY_TASK

import fastigial as fg
from fastigial import plot, tasks
from fastigial.plot.channels import UNCOUNTED, form_of
from fastigial.plot.colour import FAINT, palette

matplotlib.use("agg")

RNG = np.random.default_rng(0)


def many_channels(n_trials: int = 4) -> fg.Trials:
    return fg.Trials(RNG.normal(size=(n_trials, 20, 30)), RNG.normal(size=(n_trials, 20, 15)), dt=0.05)


def courses(ax: Any, label: str = "_counted") -> list[np.ndarray]:
    """Values of the lines of steps in axes, in drawing order."""
    return [
        np.asarray(patch.get_data().values)
        for patch in ax.patches
        if isinstance(patch, StepPatch) and patch.get_label() == label
    ]


def shaded(ax: Any) -> list[tuple[float, float]]:
    """Start and end of the grey grounds."""
    grounds = [
        patch
        for patch in ax.patches
        if patch.get_label() == "_uncounted" and to_hex(patch.get_facecolor()) == UNCOUNTED
    ]
    return [(ground.get_x(), ground.get_x() + ground.get_width()) for ground in grounds]


def events(ax: Any) -> list[float]:
    return [float(line.get_xdata()[0]) for line in ax.lines if line.get_label() == "_event"]


EVERY_FIGURE: dict[str, Callable[[], Figure]] = {
    **{name: (lambda make=make: make().sample(6, seed=2).plot()) for name, make in EVERY_TASK.items()},  # type: ignore[misc]
    "one trial": lambda: tasks.ContextDecision().sample(3, seed=0).plot(1),
    "five trials": lambda: tasks.FlipFlop().sample(6, seed=0).plot(5),
    "heat maps": lambda: many_channels().plot(2),
    "with outputs": lambda: plot.trials(tr := tasks.FlipFlop().sample(4, seed=0), outputs=0.7 * tr.targets),
    "nothing counts": lambda: fg.Trials(np.zeros((2, 9, 1)), np.full((2, 9, 4), np.nan)).plot(),
    "one step": lambda: fg.Trials(np.zeros((2, 1, 1)), np.ones((2, 1, 3))).plot(),
    "paths": lambda: plot.paths(tasks.LineDrawing().sample(30, seed=0), condition="cue"),
    "paths, plain": lambda: plot.paths(tasks.DelayedReach().sample(30, seed=0)),
    "paths, scale": lambda: plot.paths(tasks.DelayedReach(n_targets=None).sample(30, seed=0), condition="angle"),
}


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_every_figure_is_readable_and_leaves_settings_alone(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = EVERY_FIGURE[name]()
    figure.draw_without_rendering()
    assert dict(matplotlib.rcParams) == before
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    boxes = [ax.get_tightbbox() for ax in figure.axes] + [legend.get_window_extent() for legend in figure.legends]
    for index, first in enumerate(boxes):
        assert first.x0 >= -1 and first.x1 <= figure.bbox.width + 1
        assert first.y0 >= -1 and first.y1 <= figure.bbox.height + 1
        for second in boxes[:index]:
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            high = min(first.y1, second.y1) - max(first.y0, second.y0)
            # Labels of neighbouring panels, with their empty margins, may touch by a hair.
            assert wide <= 4 or high <= 4, f"panel {index} overlaps another by {wide:.0f} × {high:.0f} pixels"


class TestTrials:
    def test_one_column_per_trial_with_its_inputs_above_its_targets(self) -> None:
        trials = tasks.Sine(frequency=(1, 4)).sample(5, seed=0)
        figure = plot.trials(trials, n=[3, 1])
        assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["trial 3", "trial 1"]
        for column, trial in enumerate((3, 1)):
            np.testing.assert_array_equal(courses(figure.axes[column])[0], trials.inputs[trial, :, 0])
            np.testing.assert_array_equal(courses(figure.axes[2 + column])[0], trials.targets[trial, :, 0])
        assert [ax.get_ylabel() for ax in figure.axes] == ["cue", "", "sine", ""]
        assert figure.axes[2].get_xlabel() == "time (s)"
        assert figure.get_suptitle() == "Sine: 2 of 5 trials"

    def test_time_is_in_seconds_and_a_step_is_drawn_while_it_lasts(self) -> None:
        trials = fg.Trials(np.arange(4.0).reshape(1, 4, 1), np.zeros((1, 4, 1)), dt=0.25)
        figure = plot.trials(trials)
        steps = next(patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch))
        np.testing.assert_allclose(steps.get_data().edges, [0, 0.25, 0.5, 0.75, 1.0])
        assert figure.axes[0].get_xlim() == (0.0, 1.0)

    def test_lanes_hold_the_values_on_one_scale_and_carry_the_names(self) -> None:
        values = RNG.uniform(-2, 2, size=(3, 50, 4))
        trials = fg.Trials(values, np.zeros((3, 50, 1)), input_names=list("abcd"))
        figure = plot.trials(trials)
        for column in range(3):
            drawn = np.stack(courses(figure.axes[column]), axis=1)
            slope = (drawn[1] - drawn[0]) / (values[column, 1] - values[column, 0])
            np.testing.assert_allclose(slope, slope[0])
            np.testing.assert_allclose(drawn - drawn[0], slope[0] * (values[column] - values[column, 0]), atol=1e-12)
            lanes = np.rint(-drawn).astype(int)
            np.testing.assert_array_equal(lanes, np.tile(np.arange(4), (50, 1)))
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list("abcd")
        bar = next(line for line in figure.axes[2].lines if line.get_label() == "_bar")
        written = float(figure.axes[2].texts[0].get_text())
        np.testing.assert_allclose(np.ptp(bar.get_ydata()) / slope[0], written)

    def test_lanes_of_very_different_ranges_have_a_bar_each(self) -> None:
        scales = np.array([1.0, 100.0, 0.01])
        trials = fg.Trials(RNG.uniform(-1, 1, size=(1, 30, 3)) * scales, np.zeros((1, 30, 1)))
        ax = plot.trials(trials).axes[0]
        drawn, bars = courses(ax), [line for line in ax.lines if line.get_label() == "_bar"]
        assert len(bars) == len(ax.texts) == 3
        for channel, (bar, text) in enumerate(zip(bars, ax.texts, strict=True)):
            per_unit = np.ptp(drawn[channel]) / np.ptp(trials.inputs[0, :, channel])
            np.testing.assert_allclose(np.ptp(bar.get_ydata()) / per_unit, float(text.get_text()))

    def test_what_does_not_count_is_grey(self) -> None:
        mask = np.ones((1, 6, 3))
        mask[0, 2:4] = 0
        mask[0, 5, 1] = 0
        targets = np.arange(18.0).reshape(1, 6, 3)
        targets[0, 0] = np.nan
        figure = plot.trials(fg.Trials(np.zeros((1, 6, 1)), targets, mask, dt=1.0))
        assert shaded(figure.axes[0]) == []
        assert shaded(figure.axes[1]) == [(0.0, 1.0), (2.0, 4.0)]
        finite = [np.isfinite(course).tolist() for course in courses(figure.axes[1])]
        assert finite == [[False, True, False, False, True, last] for last in (True, False, True)]
        faint = [patch for patch in figure.axes[1].patches if isinstance(patch, StepPatch)]
        assert to_hex(faint[0].get_edgecolor()) == FAINT
        assert figure.legends[0].get_texts()[-1].get_text() == "grey: not counted"

    def test_events_are_lines_where_they_happened(self) -> None:
        times = {"go": [0.2, np.nan, 0.5], "stop": [0.7, 0.8, 0.9]}
        trials = fg.Trials(np.zeros((3, 10, 1)), np.zeros((3, 10, 1)), dt=0.1, events=times)
        figure = plot.trials(trials)
        found = [events(ax) for ax in figure.axes]
        assert found == [[0.2, 0.7], [0.8], [0.5, 0.9]] * 2
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["event: go", "event: stop"]

    def test_outputs_are_drawn_over_targets_on_their_scale(self) -> None:
        trials = tasks.FlipFlop(n_bits=3).sample(2, seed=0)
        outputs = 3 * trials.targets
        figure = plot.trials(trials, outputs=outputs)
        drawn, over = courses(figure.axes[2]), courses(figure.axes[2], "_output")
        for channel in range(3):
            zero = over[channel][trials.targets[0, :, channel] == 0]
            faint = courses(figure.axes[2], "_uncounted")[channel]
            np.testing.assert_allclose(
                over[channel] - (zero[0] if zero.size else 0.0), 3 * (faint - (zero[0] if zero.size else 0.0))
            )
            assert np.nanmax(np.abs(over[channel] + channel)) <= 0.5
        assert len(drawn) == len(over) == 3

    def test_classes_have_lanes_and_many_channels_none(self) -> None:
        assert form_of(np.zeros((4, 1))) == form_of(np.full((4, 2), 0.5)) == "overlaid"
        assert form_of(tasks.one_hot([0, 1], 2)) == form_of(np.full((4, 12), 0.5)) == "lanes"
        assert (form_of(np.ones((4, 13))), form_of(np.full((4, 13), 0.5))) == ("strokes", "heat map")

    def test_spikes_are_strokes_at_their_time_and_channel(self) -> None:
        inputs = (RNG.random((1, 25, 20)) < 0.1).astype(float)
        ax = plot.trials(fg.Trials(inputs, np.zeros((1, 25, 1)), dt=0.1)).axes[0]
        segments = [segment.mean(axis=0) for segment in ax.collections[0].get_segments()]
        step, channel = np.nonzero(inputs[0])
        np.testing.assert_allclose(segments, np.stack([step * 0.1, channel], axis=1), atol=1e-12)

    def test_heat_maps_share_one_scale_and_say_which(self) -> None:
        trials = many_channels()
        figure = plot.trials(trials, n=2)
        for column in range(2):
            image = figure.axes[column].images[0]
            np.testing.assert_array_equal(image.get_array(), trials.inputs[column].T)
            assert image.get_clim()[1] == np.abs(trials.inputs[:2]).max()
        key = figure.axes[1].get_legend()
        assert [float(text.get_text().replace("−", "-")) for text in key.get_texts()] == pytest.approx(
            [np.abs(trials.inputs[:2]).max(), -np.abs(trials.inputs[:2]).max()], rel=5e-3
        )

    def test_two_numbers_are_told_apart_by_colour(self) -> None:
        figure = tasks.DelayedReach().sample(3, seed=0).plot()
        key = figure.axes[5].get_legend()
        assert [text.get_text() for text in key.get_texts()] == ["velocity x", "velocity y"]
        assert tuple(to_hex(line.get_color()).upper() for line in key.get_lines()) == palette(2)

    def test_it_is_drawn_where_the_caller_says(self) -> None:
        figure = Figure(figsize=(9, 6), layout="constrained")
        axes = figure.subfigures(1, 2)[0].subplots(2, 2)
        trials = tasks.ContextDecision().sample(4, seed=0)
        assert plot.trials(trials, n=2, axes=axes) is figure
        assert all(ax.has_data() for ax in axes.flat)
        assert not figure.legends and figure.get_suptitle() == ""
        assert axes[1, 1].get_legend().get_texts()[0].get_text() == "event: stimulus"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n": 0}, "n must be at least 1, got 0"),
            ({"n": [7]}, "n must lie between 0 and 3; got 7"),
            ({"n": "all"}, "n must be integer indices, at least one; got 'all'"),
            ({"n": True}, "n must be integer indices"),
            ({"outputs": np.zeros((4, 3, 1))}, r"outputs must have the shape of the targets, \(4, 100, 1\)"),
            ({"axes": [1, 2, 3]}, r"axes must hold 6 axes, in the shape \(2, 3\); got 3"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plot.trials(tasks.Sine().sample(4, seed=0), **arguments)

    def test_no_trials_are_refused(self) -> None:
        with pytest.raises(ValueError, match="trials must hold at least one trial"):
            tasks.Sine().sample(1, seed=0)[:0].plot()


class TestPaths:
    def test_positions_are_drawn_as_they_are_up_to_the_last_that_counts(self) -> None:
        trials = tasks.LineDrawing().sample(6, seed=0)
        ax = plot.paths(trials).axes[0]
        drawn = [line for line in ax.lines if line.get_label() == "_path"]
        marked = [line for line in ax.lines if line.get_label() == "_counted"]
        for k in range(6):
            np.testing.assert_array_equal(drawn[k].get_xydata(), trials.targets[k, :9])
            np.testing.assert_array_equal(marked[k].get_xydata(), trials.targets[k, ::2])
        assert ax.get_aspect() == 1

    def test_velocities_are_summed_up(self) -> None:
        task = tasks.DelayedReach(catch_fraction=0.0)
        trials = task.sample(6, seed=0)
        ax = plot.paths(trials, 2 * trials.targets, condition="angle").axes[0]
        ends = [line.get_xydata()[0] for line in ax.lines if line.get_label() == "_end"]
        np.testing.assert_allclose(ends, 2 * trials.info["target"], atol=1e-6)
        grey = [line for line in ax.lines if line.get_label() == "_target"]
        np.testing.assert_allclose([line.get_xydata()[-1] for line in grey], trials.info["target"], atol=1e-6)
        assert ax.get_xlabel() == "∫ velocity x dt"

    def test_trials_have_the_colour_of_their_condition(self) -> None:
        trials = tasks.LineDrawing().sample(30, seed=0)
        figure = plot.paths(trials, condition=trials.info["cue"] > 0)
        colours = [to_hex(line.get_color()).upper() for line in figure.axes[0].lines if line.get_label() == "_path"]
        assert colours == [palette(2)[int(cue > 0)] for cue in trials.info["cue"]]
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["False", "True"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"outputs": np.zeros((4, 10, 3))}, "outputs must have the shape of the targets"),
            ({"condition": "mood"}, "condition='mood' is not in trials.info, which has cue"),
            ({"condition": [1, 2]}, r"condition must hold one value per trial: expected \(4,\), got \(2,\)"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plot.paths(tasks.LineDrawing().sample(4, seed=0), **arguments)

    def test_other_numbers_of_outputs_are_refused(self) -> None:
        with pytest.raises(ValueError, match="trials must have two outputs to be drawn in a plane, got 1"):
            plot.paths(tasks.Sine().sample(1, seed=0))
