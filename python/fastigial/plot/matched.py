"""A measure in two conditions with matched trials: intervals over draws of trials and over units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import INK, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis.matched import MatchedComparison


def matched(
    result: MatchedComparison,
    *,
    published: tuple[float, float] | None = None,
    axes: Any = None,
    figsize: tuple[float, float] = (3.6, 2.3),
) -> Figure:
    """Draw a measure of two conditions, and their difference, with intervals.

    Thick: over draws of trials. Thin: over units. Open symbols are values to compare with.

    Parameters
    ----------
    result : MatchedComparison
        From `fastigial.analysis.compare_matched`.
    published : (float, float), optional
        Values of the two conditions found elsewhere.
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
        If `axes` are not two.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> rates = np.random.default_rng(0).normal(size=(160, 10, 1))
    >>> found = fg.analysis.compare_matched(
    ...     rates, target=np.tile(np.arange(8), 20), condition=np.repeat(["control", "block"], 80), n_draws=20,
    ...     n_resamples=20, n_exchanges=20,
    ... )
    >>> found.plot(published=(5.0, 5.5)).axes[0].get_ylabel()
    'dimensionality'
    """
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            panels = figure.subplots(1, 2, width_ratios=[1.6, 1])
        else:
            panels = given_axes(axes, (2,))
            figure = figure_of(panels)
        left, right = panels
        over_draws, over_units = result.interval("draws"), result.interval("units")
        colours = [*palette(2), INK]
        centres = [*result.mean, result.difference]
        places = [(left, 0), (left, 1), (right, 0)]
        for (ax, place), centre, draws, units, colour in zip(
            places, centres, over_draws, over_units, colours, strict=True
        ):
            ax.plot([place, place], units, color=colour, linewidth=1.0)
            ax.plot([place, place], draws, color=colour, linewidth=3.5, alpha=0.45, solid_capstyle="butt")
            ax.plot(place, centre, "o", color=colour, markersize=4)
        if published is not None:
            _published(left, (0.22, 1.22), published)
            _published(right, (0.22,), (published[1] - published[0],))
            left.plot([], [], "o", markersize=4, markerfacecolor="white", color=INK, label="published")
            left.legend(fontsize=SMALL, loc="best")
        left.set_xticks([0, 1], [str(name) for name in result.conditions])
        left.set_xlim(-0.5, 1.5)
        left.set_ylabel(result.measure)
        right.set_xticks([0], ["difference"])
        right.set_xlim(-0.5, 0.5)
        right.set_title(f"p = {result.p:.2f}" if result.p >= 0.01 else "p < .01", loc="left")
        zero_line(right)
        for ax in (left, right):
            few_ticks(ax, y=4)
            tidy(ax)
    return figure


def _published(ax: Axes, places: tuple[float, ...], values: tuple[float, ...]) -> None:
    ax.plot(np.array(places), np.array(values), "o", markersize=4, markerfacecolor="white", color=INK, linestyle="none")
