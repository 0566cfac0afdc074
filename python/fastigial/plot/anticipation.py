"""Anticipatory control: a loop before and after learning, the error of each trial, and where rules lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, INK, PLAIN, palette
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    tidy,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DASHES = (0, (3, 1.5))


def anticipation(
    courses: Any,
    *,
    labels: Sequence[str] | None = None,
    trials: tuple[int, int] = (0, -1),
    axes: Any = None,
    figsize: tuple[float, float] = (PAGE_WIDTH, 2.3),
) -> Figure:
    """Draw what a loop did in two trials, what the cerebellum put in, and the error of all trials.

    The two panels on the left show the first training: reference and output in an early and a late trial; then the
    filter's output in the late one and, where it is injected as an error, its sum with the reference, which is what the
    loop is told to follow and should lead the reference. The panel on the right shows all trainings.

    Parameters
    ----------
    courses : LearningCourse, sequence of them, or mapping of label to LearningCourse
        ``history_`` of `fastigial.models.CounterfactualPredictiveControl`.
    labels : sequence of str, optional
        One label per training. Default: the mapping's keys, or the rules.
    trials : (int, int)
        An early and a late trial; negative numbers count from the end.
    axes : array_like of Axes, shape (3,), optional
        Draw here instead of in a new figure.
    figsize : (float, float)
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If there is no training, or one without trials, or labels have another number.
    IndexError
        If there is no such trial.

    Examples
    --------
    >>> import fastigial as fg
    >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
    >>> rms = pursuit.train(5)
    >>> fg.plot.anticipation(pursuit.history_).axes[2].get_yscale()
    'log'
    """
    named = _named(courses, labels)
    if not named or any(len(course.rms) == 0 for _, course in named):
        raise ValueError("courses must hold at least one training, each with at least one trial; got none")
    shown = named[0][1]
    early, late = (shown.trial(trial) for trial in trials)
    blue, red = palette(2)
    with house_style():
        grid, figure = _grid(axes, 3, figsize)
        left, middle, right = grid
        left.plot(shown.time, shown.reference, color=INK, linestyle=_DASHES, label="reference")
        for trial, number, colour in ((early, trials[0], PLAIN), (late, trials[1], blue)):
            number %= len(shown.rms)
            left.plot(trial.time, trial.output, color=colour, label=f"trial {number}")
        left.set_ylabel("output")
        middle.plot(shown.time, shown.reference, color=INK, linestyle=_DASHES, label="reference")
        if shown.rule != "feedback_error":
            # What the loop takes for its reference: the shift between the two is how far ahead it is told to be.
            middle.plot(late.time, late.reference + late.feedforward, color=FAINT, label="sum")
        middle.plot(late.time, late.feedforward, color=red, label="feed-forward")
        middle.set_ylabel(f"feed-forward, trial {trials[1] % len(shown.rms)}")
        for ax in (left, middle):
            ax.set_xlabel("time (s)")
            zero_line(ax)
            few_ticks(ax, x=5, y=4)
            ax.set_xlim(shown.time[0], shown.time[-1])
            # Above the curves, where nothing is drawn.
            low, high = ax.get_ylim()
            ax.set_ylim(low, high + 0.22 * (high - low))
            ax.legend(
                fontsize=SMALL,
                loc="upper right",
                ncols=3,
                columnspacing=0.6,
                handlelength=0.9,
                borderpad=0,
                borderaxespad=0,
            )
        colours = (INK,) if len(named) == 1 else palette(len(named))
        for (label, course), colour in zip(named, colours, strict=True):
            right.plot(np.arange(len(course.rms)), course.rms, color=colour, label=label)
        right.set_yscale("log")
        right.set_xlabel("trial")
        right.set_ylabel("rms error")
        few_ticks(right, x=5, whole=("x",))
        if len(named) > 1:
            right.legend(fontsize=SMALL)
        for ax in grid:
            tidy(ax)
            ax.tick_params(which="minor", length=1.5, width=0.4, labelsize=SMALL)
    return figure


def rule_stability(
    found: Any,
    *,
    labels: Sequence[str] | None = None,
    axes: Any = None,
    figsize: tuple[float, float] = (5.6, 2.4),
) -> Figure:
    """Draw the error on the way to a rule's fixed point, and the eigenvalues that decide whether it gets there.

    On the left, dashes mark the error at the fixed point, and the faint line the least error of the first rule's
    filter. On the right, eigenvalues of I − η EᵀT and the unit circle: inside, the rule converges.

    Parameters
    ----------
    found : RuleStability, sequence of them, or mapping of label to RuleStability
        From `fastigial.models.CounterfactualPredictiveControl.fixed_point`.
    labels : sequence of str, optional
        One label per rule. Default: the mapping's keys, or the rules.
    axes : array_like of Axes, shape (2,), optional
        Draw here instead of in a new figure.
    figsize : (float, float)
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If there is no rule, or labels have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
    >>> fg.plot.rule_stability(pursuit.fixed_point("widrow_hoff")).axes[0].get_xlabel()
    'trial'
    """
    named = _named(found, labels)
    if not named:
        raise ValueError("found must hold at least one rule; got none")
    colours = palette(len(named))
    with house_style():
        grid, figure = _grid(axes, 2, figsize)
        course, plane = grid
        course.axhline(named[0][1].optimum_rms, color=FAINT, linewidth=0.8, zorder=0)
        for (label, one), colour in zip(named, colours, strict=True):
            finite = np.where(np.isfinite(one.course), one.course, np.nan)
            course.plot(np.arange(1, len(finite) + 1), finite, color=colour, label=label)
            if one.converges:
                course.axhline(one.rms, color=colour, linewidth=0.7, linestyle=_DASHES, zorder=1)
            plane.plot(one.eigenvalues.real, one.eigenvalues.imag, "o", color=colour, markersize=2.5, label=label)
        course.set(xscale="log", yscale="log", xlabel="trial", ylabel="rms error")
        _unit_circle(plane)
        if len(named) > 1:
            course.legend(fontsize=SMALL)
        for ax in grid:
            tidy(ax)
            ax.tick_params(which="minor", length=1.5, width=0.4, labelsize=SMALL)
    return figure


def _unit_circle(ax: Axes) -> None:
    around = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(around), np.sin(around), color=FAINT, linewidth=0.8, zorder=0)
    ax.set_aspect("equal")
    ax.set_xlabel("real part")
    ax.set_ylabel("imaginary part")
    few_ticks(ax, x=4, y=4)


def _grid(axes: Any, n_panels: int, figsize: tuple[float, float]) -> tuple[NDArray[Any], Figure]:
    if axes is None:
        figure = new_figure(*figsize)
        return np.asarray(figure.subplots(1, n_panels), dtype=object), figure
    grid = given_axes(axes, (n_panels,))
    return grid, figure_of(grid)


def _named(results: Any, labels: Sequence[str] | None) -> list[tuple[str, Any]]:
    if isinstance(results, Mapping):
        names, members = [str(name) for name in results], list(results.values())
    else:
        members = list(results) if isinstance(results, list | tuple) else [results]
        names = [_rule(member) for member in members]
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(members):
            raise ValueError(f"labels must hold one label for each of {len(members)} results; got {labels!r}")
        names = [str(label) for label in labels]
    return list(zip(names, members, strict=True))


def _rule(result: Any) -> str:
    delay = f" + {1000 * result.trace_delay:g} ms" if result.trace_delay else ""
    return str(result.rule).replace("_", " ") + delay
