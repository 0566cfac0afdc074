"""Shares of the variance of condition averages: time, conditions, interactions, of one system or of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import palette
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
    from matplotlib.figure import Figure

    from fastigial.analysis import DemixedComparison, DemixedVariance


def demixed(
    result: DemixedVariance | DemixedComparison, *, axes: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Draw how the variance of condition averages is shared.

    Bars are shares of the averages as they are, dots those of the signal, without the noise of single trials.

    Parameters
    ----------
    result : DemixedVariance or DemixedComparison
        From `fastigial.analysis.demixed_variance` or `fastigial.analysis.demixed_comparison`.
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
    >>> side = np.repeat([0, 1], 10)
    >>> x = np.random.default_rng(0).normal(size=(20, 5, 8)) + side[:, None, None]
    >>> fg.analysis.demixed_variance(x, {"side": side}).plot().axes[0].get_ylabel()
    'share of variance (%)'
    """
    # A comparison is two results with names; the classes are not imported for one question.
    pair: Any = result if hasattr(result, "names") else None
    systems: list[Any] = [result] if pair is None else [pair.a, pair.b]
    names = ["averages"] if pair is None else list(pair.names)
    parts = systems[0].parts
    places = np.arange(len(parts), dtype=np.float64)
    width = 0.7 / len(systems)
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or (min(PAGE_WIDTH, 1.4 + 0.75 * len(parts)), 2.4)))
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        bars, dots = [], []
        for number, (system, name, colour) in enumerate(zip(systems, names, palette(len(systems)), strict=True)):
            where = places + (number - (len(systems) - 1) / 2) * width
            look: Any = {"width": 0.94 * width, "color": colour, "alpha": 0.45, "linewidth": 0}
            bars.append(ax.bar(where, 100 * system.shares, label=name, **look))
            if np.isfinite(system.signal_shares).all():
                label = "without noise"
                dots += ax.plot(where, 100 * system.signal_shares, "o", color=colour, markersize=3.5, label=label)
        zero_line(ax)
        # Dots at zero are drawn whole.
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, -0.04 * high), high)
        # Names of interactions have two lines or more.
        ax.set_xticks(places, [part.replace(" × ", "\n× ") for part in parts])
        ax.set_ylabel("share of variance (%)")
        few_ticks(ax, y=4)
        if pair is not None:
            ax.set_title(f"apart by {100 * pair.distance:.0f} %", loc="left", fontsize=SMALL, pad=16)
        ax.legend(
            handles=[*bars, *dots[:1]],
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=3,
            columnspacing=1.0,
            borderaxespad=0.2,
            borderpad=0.2,
        )
        tidy(ax)
        ax.tick_params(axis="x", length=0)
    return figure
