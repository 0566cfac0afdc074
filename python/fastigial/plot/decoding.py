"""How well labels of trials are read from activity, at each step or from each step to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, INK, PLAIN, ColourScale, palette
from fastigial.plot.labels import Axis
from fastigial.plot.style import (
    SMALL,
    colour_bar,
    few_ticks,
    figure_of,
    given_axes,
    heat_map,
    house_style,
    new_figure,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis import Decoding

_LEVEL = 0.05
_NAMES = {"accuracy": "accuracy", "balanced": "balanced accuracy"}
# Of shuffled labels, one in twenty scores lies outside the band at each step.
_BAND = (2.5, 97.5)


def decoding(result: Decoding, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw scores of decoding beside those of shuffled labels.

    Over time: a line, the mean of shuffled labels (dashed) with the band that holds 95 % of them at each step, and a
    bar below where the score is above chance, p < 0.05 corrected over steps. From each step to each other: a matrix,
    training from bottom to top, with a line around what is above chance; its colours are centred on chance. Of whole
    trials: the histogram of shuffled labels and the score.

    Parameters
    ----------
    result : Decoding
        From `fastigial.analysis.decode`.
    axes : Axes, optional
        Draw here instead of in a new figure.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belongs to.

    Raises
    ------
    ValueError
        If `axes` is not one.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> x = np.random.default_rng(0).normal(size=(40, 10, 8))
    >>> found = fg.analysis.decode(x, np.tile([0, 1], 20), classifier="lda", n_permutations=20)
    >>> fg.plot.decoding(found).axes[0].get_ylabel()
    'accuracy'
    """
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or ((3.5, 3.0) if result.score.ndim == 2 else (3.5, 2.3))))
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        draw = (_draw_whole, _draw_line, None)[result.score.ndim]
        if draw is None:
            _draw_matrix(figure, ax, result)
        else:
            draw(ax, result)
            tidy(ax)
        sizes = " + ".join(str(count) for count in result.n_trials) if len(result.classes) <= 4 else ""
        sizes = sizes or f"{len(result.classes)} classes, {result.n_trials.sum()}"
        # Over time, the legend stands between the title and the axes: inside, it would cover the line of some result.
        pad = 16 if result.score.ndim == 1 else 4
        ax.set_title(f"{result.label}, {sizes} trials", loc="left", fontsize=SMALL, pad=pad)
    return figure


def _time(result: Decoding, name: str = "time") -> Axis:
    return Axis(name, result.time, f"{name} ({result.time_unit})")


def _draw_line(ax: Axes, result: Decoding) -> None:
    (blue,) = palette(1)
    time, chance = result.time, result.chance
    if len(result.null):
        low, high = np.percentile(result.null, _BAND, axis=0)
        ax.fill_between(time, low, high, color=FAINT, alpha=0.5, linewidth=0, label="95 % of shuffled")
    ax.plot(time, chance, color=PLAIN, linewidth=0.8, dashes=(4, 2), label="chance")
    ax.plot(time, result.score, color=blue, linewidth=1.2)
    floor = float(np.nanmin([np.nanmin(result.score), np.nanmin(chance), *np.ravel(result.null)]))
    above = result.p_corrected < _LEVEL
    span = 1.0 - floor or 1.0
    bottom = floor - 0.08 * span
    if above.any():
        edges = _time(result).edges
        starts, stops = _stretches(above)
        ax.hlines(
            np.full(len(starts), bottom),
            edges[starts],
            edges[stops],
            color=blue,
            linewidth=2.5,
            label="p < 0.05, corrected",
        )
    ax.set_ylim(bottom - 0.06 * span, 1.0 + 0.03 * span)
    ax.set_xlim(*_time(result).edges[[0, -1]])
    ax.set_xlabel(_time(result).label)
    ax.set_ylabel(_NAMES[result.metric])
    few_ticks(ax, x=5, y=4)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, columnspacing=1.0, borderaxespad=0.2, borderpad=0.2)


def _stretches(flags: Any) -> tuple[Any, Any]:
    """Where stretches of True start, and where they have stopped."""
    changes = np.diff(np.concatenate([[False], flags, [False]]).astype(int))
    return np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)


def _draw_matrix(figure: Figure, ax: Axes, result: Decoding) -> None:
    level = float(np.nanmean(result.chance))
    reach = float(np.nanmax(np.abs(result.score - level))) or 1.0
    scale = ColourScale(level - reach, level + reach, "RdBu_r")
    rows = _time(result)
    artist = heat_map(ax, result.score, rows=rows, columns=rows, scale=scale)
    ax.set_ylim(float(rows.edges[0]), float(rows.edges[-1]))
    above = result.p_corrected < _LEVEL
    if above.any():
        _outline(ax, above, rows.edges)
    ax.plot(rows.edges[[0, -1]], rows.edges[[0, -1]], color=INK, linewidth=0.5, dashes=(2, 2))
    ax.set_aspect("equal")
    ax.set_xlabel(f"tested at ({result.time_unit})")
    ax.set_ylabel(f"trained at ({result.time_unit})")
    few_ticks(ax, x=4, y=4)
    colour_bar(figure, artist, [ax], _NAMES[result.metric])


def _outline(ax: Axes, flags: Any, edges: Any) -> None:
    """Rule off cells that are True from those that are not, along the borders of cells."""
    from matplotlib.collections import LineCollection

    padded = np.pad(flags, 1).astype(int)
    lines = [
        [(edges[column], edges[row]), (edges[column + 1], edges[row])]
        for row, column in np.argwhere(np.diff(padded, axis=0)[:, 1:-1])
    ]
    lines += [
        [(edges[column], edges[row]), (edges[column], edges[row + 1])]
        for row, column in np.argwhere(np.diff(padded, axis=1)[1:-1])
    ]
    ax.add_collection(LineCollection(lines, colors=INK, linewidths=0.8), autolim=False)


def _draw_whole(ax: Axes, result: Decoding) -> None:
    _, red = palette(2)
    score = float(result.score)
    if len(result.null):
        shares = np.full(len(result.null), 1 / len(result.null))
        ax.hist(result.null, bins=np.linspace(0, 1, 41).tolist(), weights=shares, color=FAINT, label="shuffled labels")
        ax.set_title(f"p = {short_number(float(f'{float(result.p):.2g}'))}", loc="right", fontsize=SMALL)
    ax.axvline(score, color=red, linewidth=1.2, label=f"{_NAMES[result.metric]} {score:.2f}")
    ax.set_xlim(0, 1.02)
    ax.set_xlabel(_NAMES[result.metric])
    ax.set_ylabel("share of shuffles")
    few_ticks(ax, x=5, y=3)
    ax.legend(loc="upper left")
