"""Factors with their bands: one row per component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import INK, PLAIN, palette
from fastigial.plot.factors import draw_vector
from fastigial.plot.labels import Axis, axis_of, role_of, selection
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    padded_limits,
    short_number,
    tidy,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis import Bootstrap

_SHADE = 0.3
"""How strongly a band is coloured."""
_MANY_BARS = 60
"""More bars than that are drawn as a line of steps with a shaded band: error bars would run into one another."""


def bands(
    result: Bootstrap,
    *,
    components: int | ArrayLike | None = None,
    share_y: bool = True,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw factors (TCA) or loadings (SliceTCA) with their bands, one row per component.

    A TCA has one column per axis; beside each row stand the component's weight and its band. A component of a SliceTCA
    has one loading, and its row one panel, named after its slice type.

    Parameters
    ----------
    result : Bootstrap
        From `fastigial.analysis.bootstrap`.
    components : int or array_like of int, optional
        Rows to draw, counted over all slice types. Default: all.
    share_y : bool
        Same limits for all panels of a TCA's column, so that sizes can be compared.
    axes : array_like of Axes, shape (n_rows, n_columns), optional
        Draw here instead of in a new figure. A SliceTCA has one column.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If a component does not exist, or `axes` have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((40, 20, 25), 2, noise=0.5, seed=0)
    >>> found = fg.analysis.bootstrap(fg.TCA(2), recording, n_resamples=20, random_state=0)
    >>> [ax.get_title() for ax in fg.plot.bands(found).axes[:3]]
    ['trial', 'neuron', 'time']
    """
    chosen = selection(components, len(result.components), "components")
    labels = [result.components[number] for number in chosen]
    by_type = isinstance(labels[0], tuple)
    n_columns = 1 if by_type else len(result.factors)
    columns = [axis_of(result.model, axis, len(band.estimate)) for axis, band in enumerate(result.factors)]
    with house_style():
        if axes is None:
            per_row = 1.0 if chosen.size <= 4 else 0.8
            width = 0.7 * PAGE_WIDTH if by_type else PAGE_WIDTH
            figure = new_figure(*(figsize or (width, 0.85 + (per_row + 0.35 * by_type) * chosen.size)))
            grid = figure.subplots(chosen.size, n_columns, squeeze=False)
            figure.suptitle(_summary(result), x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, (chosen.size, n_columns))
            figure = figure_of(grid)
        for row, label in enumerate(labels):
            number = label[1] if by_type else label
            last_of_kind = row == len(labels) - 1 or (by_type and labels[row + 1][0] != label[0])
            for place, axis in enumerate([label[0]] if by_type else range(n_columns)):
                ax, column, band = grid[row, place], columns[axis], result.factors[axis]
                _draw(ax, column, *(part[:, number] for part in (band.estimate, band.low, band.high)))
                shown = [label[1]] if by_type or not share_y else labels
                ax.set_ylim(padded_limits(np.stack([part[:, shown] for part in (band.low, band.high, band.estimate)])))
                ax.tick_params(labelbottom=bool(last_of_kind))
                if last_of_kind:
                    ax.set_xlabel(column.label)
                if row == 0 and not by_type:
                    ax.set_title(column.name)
            name = f"{result.model.dims_[label[0]]} {number}" if by_type else f"component {number}"
            grid[row, 0].set_ylabel(
                f"{name}\n{_weight(result, int(chosen[row]))}",
                rotation=0,
                ha="right",
                va="center",
                fontsize=SMALL,
                labelpad=6.0,
                multialignment="right",
            )
    return figure


def _summary(result: Bootstrap) -> str:
    n_resamples, resampled = len(result.similarities), result.model.dims_[result.axis]
    unit = "weight" if not isinstance(result.components[0], tuple) else "length of the slice"
    return f"{100 * result.level:g} % bands, {n_resamples} resamples of {resampled}.  λ: {unit}"


def _weight(result: Bootstrap, number: int) -> str:
    band = result.weights
    low, high = short_number(float(band.low[number])), short_number(float(band.high[number]))
    return f"λ {short_number(float(band.estimate[number]))}\n({low} to {high})"


def _draw(ax: Axes, column: Axis, estimate: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> None:
    (blue,) = palette(1)
    role = role_of(column.name)
    positions = column.values
    if role == "trial":
        ax.vlines(positions, low, high, color=blue, linewidth=0.8, alpha=0.7)
        draw_vector(ax, positions, estimate, "scatter")
    elif role == "neuron" and estimate.size <= _MANY_BARS:
        step = float(np.diff(positions).min()) if estimate.size > 1 else 1.0
        ax.bar(positions, estimate, width=0.8 * step, color=PLAIN, linewidth=0)
        ax.vlines(positions, low, high, color=blue, linewidth=1.0)
        zero_line(ax)
        tidy(ax)
    else:
        # Neurons have no neighbours: steps, not slopes, lead from one to the next.
        steps: Any = "mid" if role == "neuron" else None
        ax.fill_between(positions, low, high, step=steps, color=blue, alpha=_SHADE, linewidth=0)
        ax.plot(positions, estimate, drawstyle="steps-mid" if steps else "default", color=INK, linewidth=1.0)
        zero_line(ax)
        tidy(ax)
    edges = column.edges
    margin = 0.02 * (edges[-1] - edges[0]) if role == "trial" else 0.0
    ax.set_xlim(edges[0] - margin, edges[-1] + margin)
    whole = () if role == "time" or (positions % 1).any() else ("x",)
    few_ticks(ax, x=4, y=3, whole=whole)
