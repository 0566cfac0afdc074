"""What each component explains: alone, beyond all others, and added in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, palette
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

    from fastigial.analysis import ComponentVariance


def variance(result: ComponentVariance, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw what each component explains.

    A grey bar is what the score gains when the component is added to those on its left: the bars sum to the score. An
    open circle is what the component explains alone, a dot what would be lost without it. Where circle, dot and bar
    meet, the component shares nothing with the others.

    Parameters
    ----------
    result : ComponentVariance
        From `fastigial.analysis.component_variance`; or its ``by_type``.
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
        If there is no component, or `axes` is not one.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> shares = fg.analysis.component_variance(fg.TCA(3, random_state=0).fit(recording), recording)
    >>> fg.plot.variance(shares).axes[0].get_ylabel()
    'share of Σx² (%)'
    """
    n_components = len(result.labels)
    if not n_components:
        raise ValueError("result must hold at least one component; got none")
    places, groups = _places(result)
    with house_style():
        if axes is None:
            width, height = figsize or (min(PAGE_WIDTH, 3.0 + 0.2 * n_components), 2.5)
            figure = new_figure(width, height)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        (colour,) = palette(1)
        ax.bar(places, 100 * result.sequential, width=0.7, color=FAINT, label="added in order")
        ax.vlines(places, 100 * result.unique, 100 * result.marginal, color=colour, linewidth=0.8)
        ax.plot(places, 100 * result.marginal, "o", color=colour, markerfacecolor="white", markersize=5, label="alone")
        ax.plot(places, 100 * result.unique, "o", color=colour, markersize=3, label="lost without it")
        zero_line(ax)
        few_ticks(ax, y=4)
        ax.set_ylabel("share of Σx² (%)")
        # The title stands above the legend, which stands above the axes: inside, it would cover some component.
        # Axes of the caller's may be narrow: there it has a line for each entry.
        n_lines = 1 if axes is None else 3
        ax.set_title(f"together {100 * result.total:.1f} %", loc="left", fontsize=SMALL, pad=6 + 9 * n_lines)
        _name(ax, result, places, groups)
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=4 - n_lines,
            columnspacing=1.0,
            labelspacing=0.3,
            borderaxespad=0,
            borderpad=0.2,
        )
        tidy(ax)
        ax.tick_params(axis="x", length=0)
    return figure


def _places(result: ComponentVariance) -> tuple[np.ndarray[Any, Any], list[tuple[str, float]]]:
    """Where each component stands, with room between slice types; names and middles of those."""
    count = np.arange(len(result.labels), dtype=np.float64)
    if not isinstance(result.labels[0], tuple):
        return count, []
    types = np.array([slice_type for slice_type, _ in result.labels])
    places = count + 0.8 * np.concatenate([[0], np.cumsum(np.diff(types) > 0)])
    return places, [(result.dims[kind], float(places[types == kind].mean())) for kind in np.unique(types)]


def _name(ax: Any, result: ComponentVariance, places: Any, groups: list[tuple[str, float]]) -> None:
    """Number the components; name slice types below them, or instead of them where a bar is a whole type."""
    if isinstance(result.labels[0], str):
        ax.set_xticks(places, result.labels)
        ax.set_xlabel("slice type")
        return
    numbers = [label[1] if groups else label for label in result.labels]
    # More than about thirty numbers run into one another.
    step = 1 + len(numbers) // 30
    ax.set_xticks(places[::step], [str(number) for number in numbers[::step]])
    if groups:
        for name, middle in groups:
            ax.annotate(
                name,
                (middle, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, -14),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=SMALL,
            )
        ax.set_xlabel("component of slice type", labelpad=14)
    else:
        ax.set_xlabel("component")
