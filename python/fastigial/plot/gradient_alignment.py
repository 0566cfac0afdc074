"""Angles between learning rules' updates and the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, INK, palette
from fastigial.plot.style import (
    PAGE_WIDTH,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis import GradientAlignment


def gradient_alignment(
    result: GradientAlignment, *, axes: Any = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Draw the angle between each rule's update and the gradient, over all parameters and for each of them.

    Bars are means over draws, with their standard errors; an open circle is the angle of the average update, where
    there are several draws: what is left of it when the noise is averaged away. Below the line, at 90°, a small step
    lowers the loss. No bar stands where an update, or the gradient, is zero.

    Parameters
    ----------
    result : GradientAlignment
        From `fastigial.analysis.gradient_alignment`.
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
    >>> class Toy:
    ...     def gradient(self, inputs, targets, *, mask, rule, loss, seed):
    ...         return 0.0, {"W": np.array([1.0, 1.0 if rule is None else 0.0])}
    >>> fg.analysis.gradient_alignment(Toy(), None, None, {"half": "half"}).plot().axes[0].get_ylabel()
    'angle to the gradient (°)'
    """
    n_rules, n_groups = result.angle.shape
    # The total stands apart from the parameters that it is made of.
    places = np.arange(n_groups) + 0.4 * (np.arange(n_groups) > 0)
    width = 0.8 / n_rules
    with house_style():
        if axes is None:
            needed = 1.2 + 0.16 * n_groups * max(n_rules, 3)
            figure = new_figure(*(figsize or (min(PAGE_WIDTH, max(2.6, needed)), 2.5)))
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        ax.axhline(90.0, color=FAINT, linewidth=0.8, zorder=0)
        for number, (rule, colour) in enumerate(zip(result.rules, palette(n_rules), strict=True)):
            where = places + (number - (n_rules - 1) / 2) * width
            several = result.n_draws > 1
            ax.bar(
                where,
                result.angle[number],
                yerr=result.angle_sem[number] if several else None,
                width=0.92 * width,
                color=colour,
                alpha=0.75,
                # An angle of zero is a line, one that there is not is nothing.
                edgecolor=colour,
                linewidth=0.8,
                error_kw={"elinewidth": 0.8},
                label=rule,
            )
            if several:
                ax.plot(
                    where,
                    result.average_angle[number],
                    "o",
                    color=colour,
                    markerfacecolor="white",
                    markersize=4,
                    clip_on=False,
                    label="_average",
                )
        ax.set_xticks(places, result.parameters)
        high = float(np.nanmax(result.angle, initial=90.0))
        # Below zero there is room for the line that a bar of zero is.
        ax.set_ylim(-2, 100 if high <= 95 else 180)
        ax.set_yticks(range(0, 181 if high > 95 else 91, 45 if high > 95 else 30))
        ax.set_ylabel("angle to the gradient (°)")
        _name(figure, ax, result, own=axes is None)
        tidy(ax)
        ax.tick_params(axis="x", length=0, pad=4)
    return figure


def _name(figure: Figure, ax: Axes, result: GradientAlignment, *, own: bool) -> None:
    """Explain colours, and rings where there are some, above the axes."""
    handles = list(ax.get_legend_handles_labels()[0])
    names = list(result.rules)
    if result.n_draws > 1:
        ring: Any = {"linestyle": "none", "marker": "o", "color": INK, "markerfacecolor": "white", "markersize": 4}
        handles += ax.plot([], [], label=f"average of {result.n_draws} draws", **ring)
        names.append(f"average of {result.n_draws} draws")
    # A letter at 7 pt is about 0.055 in wide, a patch with its gaps 0.4 in.
    room = figure.get_figwidth() - 0.4
    n_columns = max(1, min(len(names), int(room / (0.4 + 0.055 * max(map(len, names))))))
    if own:
        figure.legend(handles=handles, loc="outside upper left", ncols=n_columns, columnspacing=1.0)
    else:
        ax.legend(handles=handles, loc="upper right")
