"""Re-aiming: where activity's direction points in two conditions, and by which angle it turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, INK, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis.reaiming import Reaiming


def reaiming(result: Reaiming, *, axes: Any = None, figsize: tuple[float, float] = (4.6, 2.3)) -> Figure:
    """Draw the plane of directions with both conditions, and the resampled angles.

    Left: what averages stand for; the grey circle is where targets lie if activity follows them fully, and a line joins
    the two conditions of each target. Right: angles of the resamples with the interval, the estimate and zero.

    Parameters
    ----------
    result : Reaiming
        From `fastigial.analysis.reaiming_angle`.
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
    >>> import fastigial as fg
    >>> theta = np.tile(np.arange(8) * np.pi / 4, 8)
    >>> rates = np.column_stack([np.cos(theta), np.sin(theta)]) @ np.random.default_rng(0).normal(size=(2, 20))
    >>> found = fg.analysis.reaiming_angle(
    ...     rates[:, :, None], theta, np.repeat([0, 1], 32), reference=0, test=1, n_resamples=20
    ... )
    >>> found.plot().axes[1].get_xlabel()
    'rotation (degrees)'
    """
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            panels = figure.subplots(1, 2)
        else:
            panels = given_axes(axes, (2,))
            figure = figure_of(panels)
        _plane(panels[0], result)
        _angles(panels[1], result)
    return figure


def _plane(ax: Axes, result: Reaiming) -> None:
    circle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(circle), np.sin(circle), color=FAINT, linewidth=0.8, zorder=0)
    ax.plot(0, 0, "+", color=FAINT, markersize=5, markeredgewidth=0.6, zorder=0)
    fitted = result.axes.directions
    ax.scatter(np.cos(fitted), np.sin(fitted), s=8, color=FAINT, zorder=0)
    for start, end in zip(result.reference, result.test, strict=True):
        ax.plot(*zip(start, end, strict=True), color=INK, linewidth=0.6, zorder=1)
    for points, name, colour in zip((result.reference, result.test), result.names, palette(2), strict=True):
        for point in points:
            ax.plot([0, point[0]], [0, point[1]], color=colour, linewidth=0.6, alpha=0.5, zorder=1)
        ax.scatter(points[:, 0], points[:, 1], s=16, color=colour, label=name, zorder=2)
    ax.set_aspect("equal")
    furthest = max(1.0, float(np.abs([result.reference, result.test]).max()))
    ax.set(xlim=(-1.15 * furthest, 1.15 * furthest), ylim=(-1.15 * furthest, 1.55 * furthest))
    few_ticks(ax, x=2, y=2)
    ax.set_xlabel("cos θ that activity stands for")
    ax.set_ylabel("sin θ")
    ax.legend(fontsize=SMALL, loc="upper left", ncols=2, columnspacing=0.8, borderaxespad=0.0)
    tidy(ax)


def _angles(ax: Axes, result: Reaiming) -> None:
    _, colour = palette(2)
    if len(result.resamples):
        ax.hist(result.resamples, bins=min(40, max(10, len(result.resamples) // 20)), color=FAINT)
        ax.axvspan(result.low, result.high, color=colour, alpha=0.15, linewidth=0)
    ax.axvline(result.angle, color=colour, linewidth=1.2)
    ax.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    title = f"{result.angle:+.0f}°"
    if len(result.resamples):
        title += f" ({result.low:+.0f} to {result.high:+.0f})"
    ax.set_title(title.replace("-", "\N{MINUS SIGN}"), loc="left")
    ax.set_xlabel("rotation (degrees)")
    ax.set_ylabel("resamples")
    few_ticks(ax, x=4, y=3, whole=("y",))
    tidy(ax)
