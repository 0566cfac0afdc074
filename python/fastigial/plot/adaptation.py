"""Adaptation trial by trial: people with a band, models with their states, the schedule behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.observed import observed_mean
from fastigial.plot.colour import FAINT, INK, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.models import Schedule, StateCourse

Array = NDArray[np.float64]

_CLAMP = "#EFEFEF"


def adaptation(
    course: StateCourse | Mapping[str, StateCourse],
    data: Any = None,
    *,
    schedule: Schedule | None = None,
    states: bool = True,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
    ylabel: str = "adaptation",
    axes: Any = None,
    figsize: tuple[float, float] = (4.4, 2.6),
) -> Figure:
    """Draw a model's course beside what people did.

    Trials without an error (clamps) are shaded, the perturbation is dotted, and pauses are ruled.

    Parameters
    ----------
    course : StateCourse, or mapping of str to StateCourse
        From `simulate`; several by label.
    data : array_like, shape (n_trials,) or (n_people, n_trials), optional
        NaN was not measured. Of several people the mean is drawn, with a percentile band over people who are drawn
        again.
    schedule : Schedule, optional
        Names the blocks above the axes, and rules the pauses.
    states : bool
        Draw the fast and the slow state of a course too (of a single one only).
    level : float
        Of the band.
    n_resamples, seed : int
        Of the band.
    ylabel : str
    axes : Axes, optional
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
        If there is no course, or courses, data and schedule have different numbers of trials, or `level` is not between
        0 and 1, or `n_resamples` is below 1.

    Examples
    --------
    >>> import fastigial as fg
    >>> schedule = fg.models.Schedule().perturbed(60, 1.0).perturbed(5, -1.0, "reversed").clamped(20)
    >>> figure = fg.plot.adaptation(fg.models.TwoStateModel().simulate(schedule), schedule=schedule)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['model', 'fast', 'slow', 'perturbation']
    """
    courses = dict(course) if isinstance(course, Mapping) else {"model": course}
    if not courses:
        raise ValueError("course is empty, expected at least one")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, expected between 0 and 1")
    if n_resamples < 1:
        raise ValueError(f"n_resamples is {n_resamples}, expected at least 1")
    first = next(iter(courses.values()))
    n_trials = len(first.total)
    for name, one in courses.items():
        if len(one.total) != n_trials:
            raise ValueError(f"course {name!r} has {len(one.total)} trials, expected {n_trials} as the first")
    if schedule is not None and len(schedule) != n_trials:
        raise ValueError(f"schedule has {len(schedule)} trials, expected {n_trials} as the course")
    people = None if data is None else np.atleast_2d(np.asarray(data, dtype=np.float64))
    if people is not None and (people.ndim != 2 or people.shape[1] != n_trials or not len(people)):
        raise ValueError(f"data have the shape {np.shape(data)}, expected ({n_trials},) or (n_people, {n_trials})")
    trials = np.arange(1.0, n_trials + 1.0)
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        zero_line(ax)
        _shade(ax, first.perturbation, schedule)
        if people is not None:
            _people(ax, trials, people, level, n_resamples, seed)
        colours = palette(max(len(courses), 3))
        for (name, one), colour in zip(courses.items(), colours, strict=False):
            ax.plot(trials, one.total, color=colour, linewidth=1.3, label=name)
        if states and len(courses) == 1:
            ax.plot(trials, first.fast, color=colours[1], linewidth=1.0, linestyle=(0, (4, 2)), label="fast")
            ax.plot(trials, first.slow, color=colours[2], linewidth=1.0, linestyle=(0, (4, 2)), label="slow")
        ax.plot(trials, first.perturbation, ":", color=INK, linewidth=0.9, label="perturbation")
        ax.set_xlim(0.5, n_trials + 0.5)
        ax.set_xlabel("trial")
        ax.set_ylabel(ylabel)
        few_ticks(ax, x=6, y=5, whole=("x",))
        ax.legend(fontsize=SMALL, loc="best")
        tidy(ax)
    return figure


def _people(ax: Axes, trials: Array, people: Array, level: float, n_resamples: int, seed: int) -> None:
    mean = observed_mean(people)
    if len(people) > 1:
        rng = np.random.default_rng(seed)
        draws = rng.integers(len(people), size=(n_resamples, len(people)))
        again = np.array([observed_mean(people[draw]) for draw in draws])
        # A trial that a draw holds of nobody has no mean in it.
        known = np.isfinite(again).any(axis=0)
        low, high = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
        tails = 50 * (1 - level), 100 - 50 * (1 - level)
        low[known], high[known] = np.nanpercentile(again[:, known], tails, axis=0)
        ax.fill_between(trials, low, high, color=FAINT, alpha=0.6, linewidth=0)
    label = f"people, mean and {100 * level:g} % band" if len(people) > 1 else "data"
    ax.plot(trials, mean, color=INK, linewidth=0.7, label=label)


def _shade(ax: Axes, perturbation: Array, schedule: Schedule | None) -> None:
    clamped = np.concatenate([[False], np.isnan(perturbation), [False]])
    edges = np.flatnonzero(np.diff(clamped.astype(int)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        ax.axvspan(begin + 0.5, end + 0.5, color=_CLAMP, linewidth=0, zorder=0)
    if schedule is None:
        return
    for start, phase in zip(schedule.starts, schedule.phases, strict=True):
        if phase.pause > 0.0:
            ax.axvline(start + 0.5, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)))
        # Neighbours of short blocks would print over one another: slanted, each stands on its own.
        ax.annotate(
            phase.label,
            (start + 0.5 + phase.n_trials / 2, 1.0),
            (0, 2),
            fontsize=SMALL,
            color=INK,
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="left",
            va="bottom",
            rotation=30,
        )
