"""Errors against a conduction delay, with a forward interface, without, and after freezing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import INK, palette
from fastigial.plot.style import PAGE_WIDTH, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.models import DelaySweep

_LABELS = {
    "without": "without interface",
    "interface": "interface learns",
    "frozen": "interface frozen at the change",
}


def delay_sweep(result: DelaySweep, *, axes: Any = None, figsize: tuple[float, float] = (PAGE_WIDTH, 2.6)) -> Figure:
    """Draw the error against the delay, after the first task and after the second.

    Means over seeds with their standard errors. The dashed line is the smallest error that an answer from messages of
    that age can have, where the task tells.

    Parameters
    ----------
    result : DelaySweep
        From `fastigial.models.delay_sweep`.
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
    >>> from fastigial.models import DelaySweep
    >>> error = {"without": np.array([[0.1, 0.5]]), "interface": np.array([[0.1, 0.1]])}
    >>> DelaySweep(np.array([0, 5]), error, error, None, None).plot().axes[0].get_xlabel()
    'conduction delay (steps)'
    """
    stages = (
        ("first task", result.error, result.least_error),
        ("second task", result.error_after, result.least_error_after),
    )
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            panels = figure.subplots(1, 2, sharey=True)
        else:
            panels = given_axes(axes, (2,))
            figure = figure_of(panels)
        colours = dict(zip(_LABELS, palette(len(_LABELS)), strict=True))
        for ax, (title, errors, least) in zip(panels, stages, strict=True):
            for name, values in errors.items():
                _curve(ax, result.delays, values, colours[name], _LABELS[name])
            if least is not None:
                ax.plot(result.delays, least, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0, label="least")
            ax.set_yscale("log")
            ax.set_title(title, loc="left")
            ax.set_xlabel("conduction delay (steps)")
            few_ticks(ax, x=6, least=2, whole=("x",))
            tidy(ax)
            ax.tick_params(which="minor", length=1.5, width=0.4, labelleft=False)
        panels[0].set_ylabel("squared error / target's square")
        _name(figure, panels[1], own=axes is None)
    return figure


def _curve(ax: Axes, delays: NDArray[np.intp], values: NDArray[np.float64], colour: str, label: str) -> None:
    n_seeds = len(values)
    spread = values.std(axis=0, ddof=1) / np.sqrt(n_seeds) if n_seeds > 1 else None
    style: Any = {"marker": "o", "markersize": 3, "linewidth": 1.0, "elinewidth": 0.8}
    ax.errorbar(delays, values.mean(axis=0), yerr=spread, color=colour, label=label, **style)


def _name(figure: Figure, ax: Axes, *, own: bool) -> None:
    """Explain the lines: the second panel has them all."""
    handles, names = ax.get_legend_handles_labels()
    names = ["least error of late answers" if name == "least" else name for name in names]
    if own:
        figure.legend(handles, names, loc="outside upper left", ncols=len(names), columnspacing=1.2)
    else:
        ax.legend(handles, names)
