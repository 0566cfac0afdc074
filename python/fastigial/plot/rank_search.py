"""Loss against rank: where held-out data stop to be predicted better."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import INK, MISSING, palette
from fastigial.plot.labels import require_fitted
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    colour_bar,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

_TYPES = ("trial", "neuron", "time")
# More ranks than this, three numbers each, have no room below an axis.
_MOST_NAMED = 16
_CHOSEN: Any = {"fill": False, "edgecolor": "#E8442E", "linewidth": 1.6}
_LOWEST: Any = {"marker": "o", "color": "white", "markersize": 4, "markeredgecolor": INK, "markeredgewidth": 0.6}


def rank_search(search: Any, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw training and held-out loss against rank, and mark the rank that was chosen.

    Ranks that are numbers, and a few triples, are drawn as curves of means over splits with standard errors. A grid of
    triples is drawn as heat maps of the mean held-out loss: one panel for each rank of the slice type of which the
    fewest were tried (the neuron type if it is even), all on one scale of colours.

    Parameters
    ----------
    search : RankSearch
        Fitted; also one that was stopped after it had tried some ranks on all splits.
    axes : Axes or array of Axes, optional
        Draw here instead of in a new figure; as many as there are panels.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belongs to.

    Raises
    ------
    ValueError
        If the search is not fitted, or axes have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((15, 10, 20), 2, noise=0.5, seed=0)
    >>> search = fg.RankSearch(fg.TCA(1), ranks=4, random_state=0).fit(recording)
    >>> fig = fg.plot.rank_search(search)
    >>> fig.axes[0].get_xlabel()
    'number of components'
    """
    require_fitted(search, "summary_", "best_rank_")
    summary, chosen = search.summary_, search.best_rank_
    name = f"chosen ({search.rule}): {chosen}"
    with house_style():
        if not isinstance(chosen, tuple) or not _is_grid(summary):
            figure, (ax,) = _canvas(axes, 1, figsize or (3.5, 2.5))
            _curves(ax, summary, chosen, name)
            return figure
        panel, row, column = _arrangement(summary)
        shown = sorted({rank[panel] for rank in summary.index})
        n_rows, n_columns = (len({rank[axis] for rank in summary.index}) for axis in (row, column))
        width = min(PAGE_WIDTH, 1.6 + len(shown) * (0.35 + 0.33 * max(n_columns, 3)))
        height = 1.1 + 0.33 * max(n_rows, 3)
        figure, panels = _canvas(axes, len(shown), figsize or (width, height))
        _maps(figure, panels, summary, chosen, shown, (panel, row, column), name, own=axes is None)
    return figure


def _canvas(axes: Any, n_panels: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    if axes is None:
        figure = new_figure(*size)
        return figure, list(figure.subplots(1, n_panels, squeeze=False)[0])
    given = given_axes(axes, (n_panels,))
    return figure_of(given), list(given)


# Curves


def _curves(ax: Axes, summary: pd.DataFrame, chosen: Any, name: str) -> None:
    ranks = list(summary.index)
    triples = isinstance(chosen, tuple)
    places = np.arange(len(ranks)) if triples else np.array(ranks)
    own, held = palette(2)
    for side, colour, label in (("train", own, "training"), ("test", held, "held out")):
        ax.errorbar(
            places,
            summary[f"{side}_loss"],
            yerr=summary[f"{side}_se"].fillna(0.0),
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.0,
            elinewidth=0.8,
            capsize=0,
            label=label,
        )
    place = places[ranks.index(chosen)]
    ax.axvline(place, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    ax.set_title(name)
    losses = summary[["train_loss", "test_loss"]].to_numpy()
    if (losses > 0).all() and losses.max() > 10 * losses.min():
        ax.set_yscale("log")
    else:
        few_ticks(ax, y=5)
    if triples:
        ax.set_xticks(places, [str(rank) for rank in ranks], rotation=90)
        ax.set_xlabel(f"rank ({', '.join(_TYPES)})")
    else:
        few_ticks(ax, x=8, least=min(3, len(ranks)), whole=("x",))
        ax.set_xlabel("number of components")
        ax.set_xlim(places[0] - 0.5, places[-1] + 0.5)
    ax.set_ylabel("loss per entry")
    legend = ax.legend(loc="upper right", frameon=True, framealpha=0.85, edgecolor="none")
    for text in legend.get_texts():
        text.set_fontsize(SMALL)
    tidy(ax)
    ax.tick_params(axis="y", which="minor", length=1.5, width=0.4, labelsize=SMALL)


# Heat maps


def _is_grid(summary: pd.DataFrame) -> bool:
    """Whether ranks fill most of a grid; a path of triples reads better as a curve."""
    ranks = list(summary.index)
    cells = math.prod(len({rank[axis] for rank in ranks}) for axis in range(3))
    varied = sum(len({rank[axis] for rank in ranks}) > 1 for axis in range(3))
    return len(ranks) > _MOST_NAMED or (varied > 1 and 2 * len(ranks) >= cells)


def _arrangement(summary: pd.DataFrame) -> tuple[int, int, int]:
    """Which slice type makes the panels, which their rows, which their columns."""
    counts = [len({rank[axis] for rank in summary.index}) for axis in range(3)]
    panel = min((1, 0, 2), key=lambda axis: counts[axis])
    row, column = (axis for axis in range(3) if axis != panel)
    return panel, row, column


def _maps(
    figure: Figure,
    panels: list[Axes],
    summary: pd.DataFrame,
    chosen: Any,
    shown: list[int],
    arrangement: tuple[int, int, int],
    name: str,
    *,
    own: bool,
) -> None:
    import matplotlib
    from matplotlib.colors import LogNorm
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch, Rectangle
    from matplotlib.ticker import FuncFormatter, LogLocator

    panel, row, column = arrangement
    rows, columns = (sorted({rank[axis] for rank in summary.index}) for axis in (row, column))
    values = np.full((len(shown), len(rows), len(columns)), np.nan)
    for rank, loss in summary["test_loss"].items():
        assert isinstance(rank, tuple)
        values[shown.index(rank[panel]), rows.index(rank[row]), columns.index(rank[column])] = loss
    scale, extend = _scale(summary)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad=MISSING)
    lowest: Any = summary["test_loss"].idxmin()
    for ax, rank, cells in zip(panels, shown, values, strict=True):
        artist = ax.imshow(np.ma.masked_invalid(cells), cmap=colours, norm=scale, origin="lower", aspect="auto")
        ax.set_xticks(range(len(columns)), [str(number) for number in columns])
        ax.set_yticks(range(len(rows)), [str(number) for number in rows])
        ax.set_xlabel(f"{_TYPES[column]} rank")
        ax.set_title(f"{_TYPES[panel]} rank {rank}")
        if lowest[panel] == rank:
            ax.plot(columns.index(lowest[column]), rows.index(lowest[row]), **_LOWEST)
        if chosen[panel] == rank:
            corner = (columns.index(chosen[column]) - 0.5, rows.index(chosen[row]) - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, clip_on=False, zorder=5, **_CHOSEN))
            if not own:
                # In lines of their own: panels of a caller's figure stand close to one another.
                ax.set_title("\n".join((ax.get_title(), *name.split(": ", 1))))
        tidy(ax, box=True)
        ax.tick_params(length=0)
    panels[0].set_ylabel(f"{_TYPES[row]} rank")
    colour_bar(figure, artist, panels, "held-out loss per entry", extend)
    if artist.colorbar is not None and isinstance(scale, LogNorm):
        # Few powers of ten lie between a good loss and a bad one.
        artist.colorbar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        artist.colorbar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        artist.colorbar.ax.minorticks_off()
    if own:
        handles = [
            Patch(label=name, **_CHOSEN),
            Line2D([], [], linestyle="none", label="lowest mean", **_LOWEST),
        ]
        for text in figure.legend(handles=handles, loc="outside lower center", ncols=2).get_texts():
            text.set_fontsize(SMALL)


def _scale(summary: pd.DataFrame) -> tuple[Normalize, str]:
    """Colours from the lowest loss to that of the best of the smallest ranks; all that are no better have the last.

    What competes for the choice would else have one colour: a slice type that cannot predict makes losses many times
    those of the others.
    """
    from matplotlib.colors import LogNorm, Normalize

    losses = summary["test_loss"].to_numpy()
    smallest = summary["n_components"].to_numpy() == summary["n_components"].min()
    low, high = float(losses.min()), float(losses[smallest].min())
    if not high > low:
        high = float(losses.max())
    extend = "max" if losses.max() > high else "neither"
    return (LogNorm if low > 0 and high > 4 * low else Normalize)(low, high), extend
