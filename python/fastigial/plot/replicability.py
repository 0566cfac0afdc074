"""How alike each component is in two halves of the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import PLAIN, palette
from fastigial.plot.style import PAGE_WIDTH, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.analysis import SplitHalf

# Points of one component stand side by side within this share of the room between components.
_SPREAD = 0.5


def replicability(result: SplitHalf, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw the similarity of each component between the halves of the recording, one point per split.

    The dash is the median over the splits.

    Parameters
    ----------
    result : SplitHalf
        From `fastigial.analysis.split_half`.
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
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((40, 20, 25), 2, noise=0.5, seed=0)
    >>> halves = fg.analysis.split_half(fg.TCA(2), recording, n_splits=3, random_state=0)
    >>> fg.plot.replicability(halves).axes[0].get_xlabel()
    'component'
    """
    n_splits, n_components = result.similarities.shape
    places, kinds = _places(result)
    offsets = np.linspace(-_SPREAD / 2, _SPREAD / 2, n_splits) if n_splits > 1 else np.zeros(1)
    _, red = palette(2)
    with house_style():
        if axes is None:
            width, height = figsize or (min(PAGE_WIDTH, 1.6 + 0.35 * n_components), 2.4)
            figure = new_figure(width, height)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        for place, values in zip(places, result.similarities.T, strict=True):
            ax.plot(place + offsets, values, "o", color=PLAIN, markersize=3, markeredgewidth=0, clip_on=False)
        ax.hlines(result.median, places - 0.36, places + 0.36, color=red, linewidth=1.4, zorder=3, clip_on=False)
        ax.set_ylim(0, 1)
        ax.set_xlim(places[0] - 0.7, places[-1] + 0.7)
        few_ticks(ax, y=5)
        # More than about thirty numbers run into one another.
        step = 1 + n_components // 30
        numbers = [label[1] if isinstance(label, tuple) else label for label in result.components]
        ax.set_xticks(places[::step], [str(number) for number in numbers[::step]])
        for name, middle in kinds:
            ax.annotate(
                name,
                (middle, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, -14),
                textcoords="offset points",
                ha="center",
                va="top",
            )
        ax.set_xlabel("component", labelpad=13 if kinds else None)
        ax.set_ylabel("similarity of halves" + ("" if result.method == "mean_cosine" else "\n(product of cosines)"))
        tidy(ax)
        ax.tick_params(axis="x", length=0)
    return figure


def _places(result: SplitHalf) -> tuple[NDArray[np.float64], list[tuple[str, float]]]:
    """Where each component stands, with room between slice types; names and middles of those."""
    count = np.arange(len(result.components), dtype=np.float64)
    if not isinstance(result.components[0], tuple):
        return count, []
    types = np.array([slice_type for slice_type, _ in result.components])
    places = count + 0.8 * np.concatenate([[0], np.cumsum(np.diff(types) > 0)])
    return places, [(result.model.dims_[kind], float(places[types == kind].mean())) for kind in np.unique(types)]
