"""What numbers of mossy inputs for each granule cell are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastigial.plot.colour import FAINT, palette
from fastigial.plot.style import (
    PAGE_WIDTH,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.cerebellum import ExpansionSweep

_NAMES = {
    "dimension": "dimension",
    "classification_error": "classification error",
    "learning_speed": "learning speed\n(granule / mossy)",
    "population_correlation": "population correlation\n(granule / mossy)",
}
# Coding levels that span as much are drawn on a logarithmic axis.
_DECADE = 10
# Where granule cells are no better than their inputs.
_RATIOS = ("learning_speed", "population_correlation")


def expansion(
    result: ExpansionSweep,
    *,
    measures: Sequence[str] | None = None,
    against: Literal["n_inputs", "coding_level"] = "n_inputs",
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw measures of granule layers against their number of inputs, or against their coding level.

    Points are means over seeds with their standard errors; against the number of inputs, the best of each line is
    ringed. Dashed lines are what theory expects, where it says something. A faint line marks where granule cells are as
    good as mossy fibres.

    Parameters
    ----------
    result : ExpansionSweep
        From `fastigial.cerebellum.expansion_sweep`.
    measures : sequence of str, optional
        Panels to draw. Default: all that were measured.
    against : {"n_inputs", "coding_level"}
        The horizontal axis; lines are for the other one.
    axes : array_like of Axes, shape (n_measures,), optional
        Draw here instead of in a new figure.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If a measure was not taken, `against` is something else, or `axes` have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> found = fg.cerebellum.expansion_sweep((1, 4, 16), n_mossy=30, n_seeds=2, n_samples=100)
    >>> [ax.get_ylabel() for ax in found.plot().axes]
    ['dimension', 'classification error']
    """
    if against not in ("n_inputs", "coding_level"):
        raise ValueError(f'against is {against!r}, expected "n_inputs" or "coding_level"')
    names = list(result.values) if measures is None else list(measures)
    unknown = [name for name in names if name not in result.values]
    if unknown or not names:
        raise ValueError(f"measures are {names}, expected some of {', '.join(map(repr, result.values))}")
    with house_style():
        if axes is None:
            width = min(PAGE_WIDTH, 0.3 + 2.4 * len(names))
            figure = new_figure(*(figsize or (width, 2.3)))
            grid = figure.subplots(1, len(names), squeeze=False)[0]
        else:
            grid = given_axes(axes, (len(names),))
            figure = figure_of(grid)
        for ax, name in zip(grid, names, strict=True):
            _draw(ax, result, name, against)
        lines = grid[0].get_legend_handles_labels()[0]
        if len(lines) > 1:
            title = "coding level" if against == "n_inputs" else "inputs K"
            if axes is None:
                figure.legend(handles=lines, title=title, loc="outside right upper")
            else:
                grid[0].legend(handles=lines, title=title)
    return figure


def _draw(ax: Axes, result: ExpansionSweep, name: str, against: str) -> None:
    mean, sem = result.mean(name), result.sem(name)
    expected = result.expected.get(name)
    best = np.argmax if name in ("dimension", "learning_speed") else np.argmin
    x, lines = np.asarray(result.n_inputs, dtype=np.float64), result.coding_levels
    if against == "coding_level":
        x, lines = lines, x
        mean, sem = mean.T, sem.T
        expected = None if expected is None else expected.T
    if name in _RATIOS:
        ax.axhline(1.0, color=FAINT, linewidth=0.8, zorder=0)
    for number, (line, colour) in enumerate(zip(lines, palette(len(lines)), strict=True)):
        ax.errorbar(
            x,
            mean[number],
            yerr=sem[number] if np.isfinite(sem[number]).all() else None,
            color=colour,
            marker="o",
            markersize=2.5,
            elinewidth=0.8,
            label=f"{line:g}",
        )
        if expected is not None:
            ax.plot(x, expected[number], color=colour, linestyle="--", linewidth=0.8, label="_expected")
        if against == "n_inputs" and x.size > 2 and np.isfinite(mean[number]).all():
            peak = int(best(mean[number]))
            ring: Any = {"markersize": 6, "markerfacecolor": "none", "markeredgecolor": colour}
            ax.plot(x[peak], mean[number, peak], "o", label="_best", **ring)
    ax.set_ylabel(_NAMES[name])
    if against == "n_inputs":
        ax.set_xlabel("inputs of each granule cell, K")
        few_ticks(ax, x=5, y=4, whole=("x",))
    else:
        ax.set_xlabel("coding level")
        few_ticks(ax, x=4, y=4)
        if x.max() >= _DECADE * x.min():
            ax.set_xscale("log")
    ax.set_ylim(bottom=0.0)
    tidy(ax)
