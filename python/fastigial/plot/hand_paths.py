"""Paths of the hand in the plane, with the places it should reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastigial.plot.colour import FAINT, trial_colours
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def hand_paths(
    positions: ArrayLike,
    *,
    targets: ArrayLike | None = None,
    condition: ArrayLike | None = None,
    label: str = "condition",
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw where hands went; each path ends in a dot.

    Parameters
    ----------
    positions : array_like of shape (n_trials, n_time, 2)
        In m; NaN where the hand was not seen.
    targets : array_like of shape (n_targets, 2), optional
        Drawn as grey circles.
    condition : array_like of shape (n_trials,), optional
        Colours the trials: text, booleans and up to nine different numbers are categories with a legend, other numbers
        get a colour bar.
    label : str
        What the colours stand for.
    axes : Axes, optional
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
        If `positions`, `targets` or `condition` have another shape.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> move = fg.plants.PointMass().run(np.zeros(4), np.ones((3, 20, 2)), dt=0.01)
    >>> fig = fg.plot.hand_paths(move.hand_position, condition=["a", "b", "a"])
    >>> fig.axes[0].get_xlabel()
    'x (cm)'
    """
    paths = np.asarray(positions, dtype=np.float64)
    if paths.ndim != 3 or paths.shape[2] != 2 or 0 in paths.shape:
        raise ValueError(f"positions must have the shape (n_trials, n_time, 2), got {paths.shape}")
    places = None if targets is None else np.asarray(targets, dtype=np.float64)
    if places is not None and (places.ndim != 2 or places.shape[1] != 2):
        raise ValueError(f"targets must have the shape (n_targets, 2), got {places.shape}")
    values = None if condition is None else np.asarray(condition)
    if values is not None and values.shape != (len(paths),):
        raise ValueError(f"condition must hold one value per trial: expected ({len(paths)},), got {values.shape}")
    colours = trial_colours(values, label, len(paths))

    from matplotlib.lines import Line2D

    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or ((4.4, 3.2) if colours.label else (3.4, 3.2))))
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        if places is not None:
            ax.plot(*(100 * places.T), "o", color=FAINT, markersize=9, fillstyle="none", zorder=1, label="_target")
        for path, colour in zip(paths, colours.colours, strict=True):
            ax.plot(*(100 * path.T), color=colour, linewidth=1.0, zorder=2, label="_path")
            seen = path[np.isfinite(path).all(axis=1)]
            if len(seen):
                ax.plot(*(100 * seen[-1]), "o", color=colour, markersize=3, zorder=3, label="_end")
        ax.set_aspect("equal", adjustable="datalim")
        tidy(ax)
        few_ticks(ax, x=4, y=4)
        ax.set_xlabel("x (cm)")
        ax.set_ylabel("y (cm)")
        if colours.groups:
            handles: list[Any] = [Line2D([], [], color=group.colour, label=group.label) for group in colours.groups]
            if axes is None:
                figure.legend(handles=handles, title=colours.label, loc="outside center right", fontsize=SMALL)  # type: ignore[call-overload]  # its stubs lack the outside
            else:
                ax.legend(handles=handles, title=colours.label, fontsize=SMALL)
        elif colours.mappable is not None and axes is None:
            figure.colorbar(colours.mappable, ax=ax, label=colours.label, shrink=0.8)
    return figure
