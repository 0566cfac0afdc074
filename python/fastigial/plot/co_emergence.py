"""Two populations at each stage of learning: likeness over lags, dimensions, and what can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.analysis.co_emergence import CoEmergence


def co_emergence(result: CoEmergence, *, axes: Any = None, figsize: tuple[float, float] = (7.0, 2.2)) -> Figure:
    """Draw CKA against the lag, participation ratios, and what can be read, stage by stage.

    Parameters
    ----------
    result : CoEmergence
        From `fastigial.analysis.co_emergence`.
    axes : sequence of three Axes, optional
        Draw here instead of in a new figure.
    figsize : (float, float)
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to. Dotted lines: what shuffled labels give.

    Raises
    ------
    ValueError
        If `axes` are not three.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> a = np.random.default_rng(0).normal(size=(20, 4, 30))
    >>> found = fg.analysis.co_emergence(a, a, np.repeat(["early", "late"], 10), lags=range(-5, 6))
    >>> found.plot().axes[0].get_ylabel()
    'CKA'
    """
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            three: Any = figure.subplots(1, 3)
        else:
            three = given_axes(axes, (3,))
            figure = figure_of(np.asarray(three))
        like, rich, read = three
        stages = np.arange(len(result.stages))
        for row, stage, colour in zip(result.cka, result.stages, palette(len(stages)), strict=True):
            like.plot(result.lags, row, "o-" if len(row) < 2 else "-", color=colour, markersize=3, label=stage)
        like.axvline(0, color=FAINT, linewidth=0.6)
        like.set_xlabel(f"lag of {result.names[1]} ({result.time_unit})")
        like.set_ylabel("CKA")
        like.legend(fontsize=SMALL)
        few_ticks(like, x=5, y=4)
        for place, (name, colour) in enumerate(zip(result.names, palette(2), strict=True)):
            rich.plot(stages, result.participation_ratio[:, place], "o-", color=colour, markersize=3, label=name)
            read.plot(stages, result.accuracy[:, place], "o-", color=colour, markersize=3, label=name)
            read.plot(stages, result.chance[:, place], ":", color=colour, linewidth=0.8)
        rich.set_ylabel("participation ratio")
        rich.set_ylim(bottom=0)
        rich.legend(fontsize=SMALL)
        read.set_ylabel("accuracy")
        read.set_ylim(0, 1.05)
        for ax in (rich, read):
            ax.set_xticks(stages, result.stages)
            ax.set_xlim(-0.4, len(stages) - 0.6)
        for ax in three:
            tidy(ax)
    return figure
