"""Memory against the size of the cerebellum, of its pathways or of the cortex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import palette
from fastigial.plot.style import PAGE_WIDTH, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.models import MemoryScaling

_LABELS = {
    "granule_ratio": "granule cells per cortical unit",
    "pathway_density": "share of cortical units connected",
    "n_units": "cortical units",
}


def memory_scaling(
    result: MemoryScaling, *, axes: Any = None, figsize: tuple[float, float] = (PAGE_WIDTH, 2.3)
) -> Figure:
    """Draw the largest n mastered, the error and the updates to criterion against size.

    Means over seeds with their standard errors; updates are means over the networks that came that far, with points
    open where some did not, and none where none did. A size of 0, no cerebellum, stands at the left end.

    Parameters
    ----------
    result : MemoryScaling
        From `fastigial.models.memory_scaling`.
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
        If `axes` are not three.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.models import MemoryScaling
    >>> numbers = np.array([[2.0, 4.0], [3.0, 4.0]])
    >>> found = MemoryScaling("n_units", np.array([8, 64]), numbers, 100 * numbers, 0.1 * numbers, np.array([9, 99]), 3)
    >>> found.plot().axes[0].get_xlabel()
    'cortical units'
    """
    n = result.criterion_n
    panels_of = (
        (result.highest, "largest n mastered"),
        (result.error, f"error, n = {n}"),
        (result.updates, f"updates to n = {n}"),
    )
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            panels = figure.subplots(1, 3)
        else:
            panels = given_axes(axes, (3,))
            figure = figure_of(panels)
        colour = palette(1)[0]
        positive = result.values[result.values > 0]
        # No cerebellum has no place on a logarithmic axis: a third of a decade to the left of the smallest.
        none = positive.min() / 2.2 if len(positive) else 1.0
        places = np.where(result.values > 0, result.values, none)
        for ax, (values, label) in zip(panels, panels_of, strict=True):
            _curve(ax, places, values, colour)
            ax.set_xlabel(_LABELS[result.name])
            ax.set_ylabel(label)
            ax.set_xscale("log")
            ax.set_xticks(places, [f"{value:g}" if value else "none" for value in result.values])
            ax.set_xticks([], minor=True)
            ax.set_ylim(0.0, 1.05 * ax.get_ylim()[1])
            few_ticks(ax, y=5, least=2)
            tidy(ax)
    return figure


def _curve(ax: Axes, places: NDArray[np.float64], values: NDArray[np.float64], colour: str) -> None:
    """Means with standard errors of what is finite."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    some = count > 0
    kept = np.where(there, values, 0.0)
    mean = np.divide(kept.sum(axis=0), count, out=np.full(len(count), np.nan), where=some)
    squares = np.where(there, (values - np.where(some, mean, 0.0)) ** 2, 0.0).sum(axis=0)
    spread = np.divide(squares, count * (count - 1.0), out=np.zeros(len(count)), where=count > 1)
    ax.errorbar(places, mean, yerr=np.sqrt(spread), color=colour, linewidth=1.0, elinewidth=0.8)
    whole = count == len(values)
    style: Any = {"linestyle": "none", "marker": "o", "markersize": 3.5, "color": colour}
    ax.plot(places[whole], mean[whole], **style)
    ax.plot(places[some & ~whole], mean[some & ~whole], markerfacecolor="white", **style)
