"""Two models of one recording, component beside component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis import align
from fastigial.analysis import similarity as similarity_of
from fastigial.analysis.components import groups_of
from fastigial.plot.colour import INK, colour_scale, palette
from fastigial.plot.labels import Axis, axis_of, role_of
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    heat_map,
    house_style,
    new_figure,
    padded_limits,
    tidy,
    zero_line,
)
from fastigial.tensor import TCA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.tensor import SliceTCA


class Pair(NamedTuple):
    """Two components that belong together: a name, and for each part its axes and both vectors."""

    name: str
    parts: list[tuple[tuple[int, ...], NDArray[np.float64], NDArray[np.float64]]]

    @property
    def similarity(self) -> float:
        """Mean over the parts of the absolute cosine."""
        return float(np.mean([abs(one @ other) for _, one, other in self.parts]))


def similarity(
    a: TCA | SliceTCA,
    b: TCA | SliceTCA,
    *,
    names: Sequence[str] = ("a", "b"),
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw the matched components of two models beside one another, one row per pair.

    Vectors of both models lie over one another; of a SliceTCA, the two slices stand side by side. All are at length one
    and have the signs that agree best. Beside each row stands the pair's mean cosine; components without a partner are
    left out.

    Parameters
    ----------
    a, b : TCA or SliceTCA
        Two fitted models of one kind, of recordings of one shape; their ranks may differ.
    names : (str, str)
        What to call them.
    axes : array_like of Axes, shape (n_pairs, n_modes) for TCA and (n_pairs, 3) for SliceTCA, optional
        Draw here instead of in a new figure.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    TypeError, ValueError
        As in `fastigial.similarity`; or if no two components can be matched, there are not two names, or `axes` have
        another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.1, seed=0)
    >>> one, other = (fg.TCA(2, init="random", random_state=seed).fit(recording) for seed in (0, 1))
    >>> len(fg.plot.similarity(one, other).axes)
    6
    """
    if isinstance(names, str) or len(names) != 2:
        raise ValueError(f"names must hold two names; got {names!r}")
    total = similarity_of(a, b)
    pairs = _pairs(a, b)
    if not pairs:
        raise ValueError("the models have no two components that can be matched: there is nothing to draw")
    n_columns = sum(len(places) for places, _, _ in pairs[0].parts)
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or (PAGE_WIDTH, 0.6 + 0.95 * len(pairs))))
            grid = figure.subplots(len(pairs), n_columns, squeeze=False)
            figure.suptitle(f"similarity {total:.3f}", x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, (len(pairs), n_columns))
            figure = figure_of(grid)
        for row, pair in zip(grid, pairs, strict=True):
            _draw_pair(row, a, pair, names)
            row[0].set_ylabel(
                f"{pair.name}\ncos {pair.similarity:.3f}", rotation=0, ha="right", va="center", labelpad=4
            )
            row[0].yaxis.label.set_fontsize(SMALL)
        if isinstance(a, TCA):
            # Every row has the same axes.
            for ax in grid[1:].flat:
                ax.set_title("")
        handles = [line for line in grid[0, 0].lines if not line.get_label().startswith("_")]
        if axes is None:
            figure.legend(handles=handles, loc="outside upper right", ncols=2, borderaxespad=0.2)
        else:
            grid[0, 0].legend(handles=handles)
    return figure


def _pairs(a: Any, b: Any) -> list[Pair]:
    # First a in the order of b, then b in that of the result: now the first components of both are the pairs, whichever
    # has more of them.
    first: Any = align(a, b)
    second = align(b, first)
    pairs = []
    for own, other in zip(groups_of(first), groups_of(second), strict=True):
        kind = "" if own.slice_type is None else f"{a.dims_[own.slice_type]} "
        pairs += [
            Pair(
                f"{kind}{place}",
                [
                    (one.axes, one.vectors[:, place], two.vectors[:, place])
                    for one, two in zip(own.parts, other.parts, strict=True)
                ],
            )
            for place in range(min(own.weights.size, other.weights.size))
        ]
    return pairs


def _draw_pair(row: NDArray[Any], model: TCA | SliceTCA, pair: Pair, names: Sequence[str]) -> None:
    column = 0
    for places, one, other in pair.parts:
        along = [axis_of(model, place, model.shape_[place]) for place in places]
        if len(places) == 1:
            _draw_vectors(row[column], along[0], one, other, names)
            column += 1
            continue
        scale = colour_scale([one, other], percentile=99.5)
        for values, name in ((one, names[0]), (other, names[1])):
            shape = tuple(model.shape_[place] for place in places)
            heat_map(row[column], values.reshape(shape), rows=along[0], columns=along[1], scale=scale)
            row[column].set_title(f"{name}: {along[0].name} × {along[1].name}", fontsize=SMALL)
            few_ticks(row[column], x=4, y=2)
            column += 1


def _draw_vectors(
    ax: Axes, axis: Axis, one: NDArray[np.float64], other: NDArray[np.float64], names: Sequence[str]
) -> None:
    # Neighbours in time belong together; trials and neurons stand for themselves.
    style: dict[str, Any] = {"linestyle": "-"} if role_of(axis.name) == "time" else {"linestyle": "", "marker": "."}
    _, red = palette(2)
    ax.plot(
        axis.values, one, color=INK, linewidth=2.2, markersize=6, alpha=0.35, markeredgewidth=0, label=names[0], **style
    )
    ax.plot(axis.values, other, color=red, linewidth=0.9, markersize=3, markeredgewidth=0, label=names[1], **style)
    zero_line(ax)
    ax.set_ylim(padded_limits(np.concatenate([one, other])))
    ax.set_title(axis.label, fontsize=SMALL)
    few_ticks(ax, x=4, y=2)
    tidy(ax)
    ax.title.set_fontsize(SMALL)
