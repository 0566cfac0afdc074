"""Leverage against residual: the trials, neurons and time steps that a model hangs on, and those that it misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, PLAIN, palette
from fastigial.plot.labels import role_of
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis import Influence

# More names than that in one panel cannot be read.
_MOST_NAMES = 12


def influence(result: Influence, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw leverage against residual, one panel per axis of the data, one point per trial, neuron or time step.

    Points beyond a faint line are named by the coordinate of their axis, or counted from 0: to the right of it are
    those that the model hangs on, above it those that it does not describe. At most twelve are named, the most extreme
    first.

    Parameters
    ----------
    result : Influence
        From `fastigial.analysis.influence`.
    axes : array_like of Axes, shape (n_axes,), optional
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
        If `axes` have another number than the data's axes.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> found = fg.analysis.influence(fg.TCA(3, random_state=0).fit(recording), recording)
    >>> [ax.get_title() for ax in fg.plot.influence(found).axes]
    ['trial', 'neuron', 'time']
    """
    names = result.model.dims_
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or (PAGE_WIDTH, 2.4)))
            grid = figure.subplots(1, len(names), squeeze=False)[0]
        else:
            grid = given_axes(axes, (len(names),))
            figure = figure_of(grid)
        for axis, (ax, name) in enumerate(zip(grid, names, strict=True)):
            _draw(ax, result, axis)
            ax.set_title(name)
            ax.set_xlabel("leverage")
            tidy(ax)
            ax.tick_params(which="minor", length=1.5, width=0.4, labelsize=SMALL)
        grid[0].set_ylabel("mean squared residual")
    return figure


def _draw(ax: Axes, result: Influence, axis: int) -> None:
    leverage, residual = result.leverage[axis], result.residual[axis]
    flagged = result.influential[axis] | result.outlying[axis]
    shown = np.isfinite(residual)
    _, red = palette(2)
    for chosen, colour in ((shown & ~flagged, PLAIN), (shown & flagged, red)):
        ax.plot(leverage[chosen], residual[chosen], "o", color=colour, markersize=3, markeredgewidth=0)
    positive = residual[shown & (residual > 0)]
    if positive.size == shown.sum() and positive.size and positive.max() > 10 * positive.min():
        _log_scale(ax)
    else:
        few_ticks(ax, y=4)
        ax.set_ylim(0, 1.08 * float(residual[shown].max(initial=0.0)) or 1.0)
    limit = _residual_at_limit(result, axis)
    if limit is not None and limit <= 3 * np.nanmax(residual):
        ax.axhline(limit, color=FAINT, linewidth=0.6, zorder=0)
    high = float(leverage.max(initial=0.0))
    if result.leverage_limit[axis] <= 1.5 * high:
        ax.axvline(result.leverage_limit[axis], color=FAINT, linewidth=0.6, zorder=0)
        high = max(high, result.leverage_limit[axis])
    high = high or 1.0
    ax.set_xlim(-0.05 * high, 1.08 * high)
    few_ticks(ax, x=4)
    # By how far a point is beyond its limits, in units of them.
    excess = np.fmax(leverage / result.leverage_limit[axis], result.residual_score[axis] / result.residual_limit)
    for place in sorted(np.flatnonzero(shown & flagged), key=lambda place: -excess[place])[:_MOST_NAMES]:
        # Names point to the middle of the panel: they would leave it at the right.
        to_left = leverage[place] > 0.6 * high
        name = ax.annotate(
            _name(result, axis, int(place)),
            (leverage[place], residual[place]),
            xytext=(-4 if to_left else 4, 0),
            textcoords="offset points",
            ha="right" if to_left else "left",
            va="center",
            fontsize=SMALL,
        )
        # Names lie within the panel; the layout would make room for them beside it before limits are settled.
        name.set_in_layout(False)


def _log_scale(ax: Axes) -> None:
    """A logarithmic axis with numbers at 1, 2 and 5 where decades alone would be too few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    subs = (1.0,) if high > 200 * low else (1.0, 2.0, 5.0) if high < 20 * low else (1.0, 3.0)
    ax.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _residual_at_limit(result: Influence, axis: int) -> float | None:
    """The mean squared residual whose robust z is the limit: log residual is a straight line in z."""
    logs: NDArray[np.float64] = np.log(np.where(result.residual[axis] > 0, result.residual[axis], np.nan))
    scores = result.residual_score[axis]
    usable = np.isfinite(logs) & np.isfinite(scores)
    if usable.sum() < 2 or np.ptp(scores[usable]) == 0:
        return None
    slope, offset = np.polyfit(scores[usable], logs[usable], 1)
    return float(np.exp(offset + slope * result.residual_limit))


def _name(result: Influence, axis: int, place: int) -> str:
    dim = result.model.dims_[axis]
    owner, values = result.model.coords_.get(dim, ("", np.empty(0)))
    if owner != dim or len(values) <= place:
        return str(place)
    value = values[place]
    unit = " s" if role_of(dim) == "time" and not dim.endswith("_ms") else ""
    return f"{value:.4g}{unit}" if isinstance(value, float | np.floating) else str(value)
