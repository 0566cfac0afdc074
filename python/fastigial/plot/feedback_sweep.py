"""Dimensionality and generalisation against the strength of low-dimensional feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import INK, palette
from fastigial.plot.style import PAGE_WIDTH, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.models import FeedbackSweep

_PANELS = (("dimensionality", "dimensionality (of 7)"), ("generalization", "generalisation"))


def feedback_sweep(
    result: FeedbackSweep,
    *,
    published: dict[str, Any] | None = None,
    axes: Any = None,
    figsize: tuple[float, float] = (PAGE_WIDTH, 2.6),
) -> Figure:
    """Draw dimensionality and generalisation against β/α.

    Means over networks with their standard errors; thin lines are single networks, if there are at most thirty.

    Parameters
    ----------
    result : FeedbackSweep
        From `fastigial.models.LowDimensionalFeedbackRNN.sweep`.
    published : dict, optional
        Other means to draw beside them: "ratios", "dimensionality" and "generalization", each (n,).
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
        If `axes` are not two, or `published` lacks a measure.

    Examples
    --------
    >>> import fastigial as fg
    >>> found = fg.models.LowDimensionalFeedbackRNN.sweep([0.5, 1.5], 2, n_units=30, n_repeats=1, n_steps=60)
    >>> found.plot().axes[0].get_xlabel()
    'feedback strength β/α'
    """
    missing = [name for name in ("ratios", *dict(_PANELS)) if published is not None and name not in published]
    if missing:
        raise ValueError(f"published has no {missing[0]!r}, expected ratios, dimensionality and generalization")
    n_networks = len(result.seeds)
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            panels = figure.subplots(1, 2)
        else:
            panels = given_axes(axes, (2,))
            figure = figure_of(panels)
        for ax, (name, label), colour in zip(panels, _PANELS, palette(2), strict=True):
            values = getattr(result, name)
            if 1 < n_networks <= 30:
                ax.plot(result.ratios, values.T, color=colour, linewidth=0.5, alpha=0.25, zorder=1)
            spread = values.std(axis=0, ddof=1) / np.sqrt(n_networks) if n_networks > 1 else None
            style: Any = {"marker": "o", "markersize": 3, "linewidth": 1.2, "elinewidth": 0.9, "zorder": 3}
            noun = "networks" if n_networks > 1 else "network"
            ax.errorbar(
                result.ratios, values.mean(axis=0), yerr=spread, color=colour, label=f"{n_networks} {noun}", **style
            )
            if published is not None:
                ax.plot(
                    published["ratios"],
                    published[name],
                    color=INK,
                    linestyle="none",
                    marker="x",
                    markersize=5,
                    zorder=4,
                    label="published",
                )
            ax.set_xlabel("feedback strength β/α")
            ax.set_ylabel(label)
            few_ticks(ax, x=6)
            tidy(ax)
        panels[1].axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0, label="chance")
        for ax in panels:
            ax.legend(loc="best")
    return figure
