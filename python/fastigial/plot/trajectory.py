"""One trial of a network: what came in, what every unit did, what went out."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import INK, colour_scale, palette
from fastigial.plot.labels import Axis, selection
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    colour_bar,
    few_ticks,
    figure_of,
    given_axes,
    heat_map,
    house_style,
    new_figure,
    tidy,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.rnn import Trajectory

_MOST_LINES = 9
_PANELS = 3


def trajectory(
    trajectory: Trajectory,
    trial: int = 0,
    *,
    units: int | ArrayLike | None = None,
    sort: Literal["peak"] | None = None,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw inputs, units and outputs of one trial against time.

    Units are rows of a heat map, ruled off by area; spikes are dots of ink. Targets are thick pale lines behind the
    outputs, with gaps where nothing was observed.

    Parameters
    ----------
    trajectory : Trajectory
        From `fastigial.RNN.run`.
    trial : int
        Number of the trial.
    units : int or array_like of int, optional
        Units to show. Default: all.
    sort : {"peak"}, optional
        Units of each area by the time of their largest activity.
    axes : array_like of Axes, shape (3,), optional
        Draw here instead of in a new figure.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If there is no such trial or unit, or `sort` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> r, y, x = (np.random.default_rng(0).random((2, 30, n)) for n in (8, 1, 2))
    >>> fg.plot.trajectory(fg.Trajectory(r, y, x, dt=0.01)).axes[2].get_xlabel()
    'time (s)'
    """
    (number,) = selection(trial, trajectory.n_trials, "trial")
    chosen = selection(units, trajectory.n_units, "units")
    if sort not in (None, "peak"):
        raise ValueError(f'sort must be "peak" or None; got {sort!r}')
    area = np.full(trajectory.n_units, "") if trajectory.area is None else np.asarray(trajectory.area)
    r = np.asarray(trajectory.states[number])
    chosen = _ordered(chosen, area, r, sort)
    time = Axis("time", np.asarray(trajectory.time), "time (s)")
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or (0.65 * PAGE_WIDTH, 4.2)))
            grid = figure.subplots(_PANELS, 1, sharex=True, height_ratios=(1.0, 2.2, 1.0))
        else:
            grid = given_axes(axes, (_PANELS,))
            figure = figure_of(grid)
        inputs, states, outputs = grid
        _lines(inputs, time, np.asarray(trajectory.inputs[number]), None)
        inputs.set_ylabel("input")
        _units(figure, states, time, r[:, chosen], area[chosen], order=sort)
        targets = None if trajectory.targets is None else _observed_targets(trajectory, number)
        _lines(outputs, time, np.asarray(trajectory.outputs[number]), targets)
        outputs.set_ylabel("output")
        outputs.set_xlabel(time.label)
        for ax in grid:
            ax.set_xlim(time.edges[0], time.edges[-1])
        title = f"trial {number}"
        if trajectory.losses is not None and np.isfinite(trajectory.losses[number]).any():
            title += f", loss {np.nanmean(trajectory.losses[number]):.3g}"
        inputs.set_title(title, loc="left")
        if targets is not None:
            outputs.set_title("pale: target", loc="right", fontsize=SMALL)
    return figure


def _ordered(chosen: NDArray[np.intp], area: NDArray[Any], r: NDArray[Any], sort: str | None) -> NDArray[np.intp]:
    """Units area by area, in the areas' order, and within each by the time of their peak if asked for."""
    names = list(dict.fromkeys(area.tolist()))
    place = np.array([names.index(name) for name in area[chosen].tolist()])
    peak = r[:, chosen].argmax(axis=0) if sort == "peak" else np.arange(chosen.size)
    return chosen[np.lexsort((peak, place))]


def _observed_targets(trajectory: Trajectory, number: int) -> NDArray[np.float64]:
    """Targets with NaN at steps of which nothing was observed."""
    targets = np.array(np.asarray(trajectory.targets)[number], dtype=np.float64)
    if trajectory.losses is not None:
        targets[np.isnan(trajectory.losses[number])] = np.nan
    return targets


def _lines(ax: Axes, time: Axis, values: NDArray[Any], behind: NDArray[np.float64] | None) -> None:
    n_lines = values.shape[1]
    colours = (INK,) if n_lines == 1 else palette(n_lines)
    zero_line(ax)
    for line in range(n_lines):
        if behind is not None:
            ax.plot(time.values, behind[:, line], color=colours[line], linewidth=2.6, alpha=0.35, label="_target")
        ax.plot(time.values, values[:, line], color=colours[line], linewidth=1.0, label="_value")
    if 1 < n_lines <= _MOST_LINES:
        ax.legend(
            handles=[line for line in ax.lines if line.get_label() == "_value"],
            labels=[str(line) for line in range(n_lines)],
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            fontsize=SMALL,
            handlelength=0.8,
            labelspacing=0.15,
        )
    few_ticks(ax, x=5, y=3)
    tidy(ax)


def _units(figure: Figure, ax: Axes, time: Axis, r: NDArray[Any], area: NDArray[Any], *, order: str | None) -> None:
    n_units = r.shape[1]
    rows = Axis("unit", np.arange(n_units, dtype=np.float64), "unit")
    if np.isin(r, (0, 1)).all() and (r == 1).any():
        step, unit = np.nonzero(r)
        ax.plot(time.values[step], unit, "|", color=INK, markersize=3, markeredgewidth=0.7, label="_spikes")
        ax.set_ylim(n_units - 0.5, -0.5)
        tidy(ax, box=True)
    else:
        scale = colour_scale([r])
        artist = heat_map(ax, r.T, rows=rows, columns=time, scale=scale)
        colour_bar(figure, artist, [ax], "activity")
    few_ticks(ax, x=5, y=4, whole=("y",))
    ax.set_ylabel("unit" if order is None else "unit (sorted by peak)")
    changes = np.flatnonzero(area[1:] != area[:-1]) + 0.5
    borders = [-0.5, *changes.tolist(), n_units - 0.5]
    if area[0]:
        for border in borders[1:-1]:
            ax.axhline(border, color=INK, linewidth=0.6)
        middle = [(low + high) / 2 for low, high in pairwise(borders)]
        names = [str(area[int(np.ceil(low))]) for low in borders[:-1]]
        ax.set_yticks(middle, names)
        ax.tick_params(axis="y", length=0)
        ax.set_ylabel("units by area" if order is None else "units by area and peak")
