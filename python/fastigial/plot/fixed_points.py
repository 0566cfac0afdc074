"""Fixed points of a network among the states that it goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, INK, palette
from fastigial.plot.style import few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.analysis import FixedPoints

# Beyond these, more lines or points make a plane of ink.
_MOST_TRIALS = 60
_MOST_STATES = 2000


def fixed_points(result: FixedPoints, *, axes: Any = None, figsize: tuple[float, float] = (4.2, 3.0)) -> Figure:
    """Draw fixed points in the plane of the first two principal components of the states.

    Filled: stable. Open: saddles, and squares that are unstable in every direction. Crosses: slow points. Grey: the
    states that were given, as paths of trials where they have an order. Points may lie far from the plane: what looks
    close need not be.

    Parameters
    ----------
    result : FixedPoints
        From `fastigial.analysis.fixed_points`.
    axes : Axes, optional
        Draw here instead of in a new figure.
    figsize : (float, float)
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
    >>> class Linear:
    ...     n_units = 2
    ...     def step_function(self, states, inputs):
    ...         return 0.5 * states + inputs
    ...     def jacobian(self, states, inputs):
    ...         return np.tile(0.5 * np.eye(2), (len(states), 1, 1))
    >>> fig = fg.analysis.fixed_points(Linear(), [1.0, 0.0]).plot()
    >>> [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    ['states', '1 stable']
    """
    mean, plane, shares = _plane(result.reference)
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        _draw_states(ax, (result.reference - mean) @ plane)
        blue, red = palette(2)
        kinds = np.array(result.kinds)
        points = (result.states - mean) @ plane
        looks: Any = {
            "stable": {"marker": "o", "color": blue},
            "saddle": {"marker": "o", "color": red, "markerfacecolor": "white"},
            "unstable": {"marker": "s", "color": red, "markerfacecolor": "white"},
        }
        for kind, look in looks.items():
            chosen = points[kinds == kind]
            if len(chosen):
                _mark(ax, chosen, f"{len(chosen)} {kind}", markersize=5, markeredgewidth=1.1, **look)
        if result.slow is not None and len(result.slow):
            slow = (result.slow.states - mean) @ plane
            _mark(ax, slow, f"{len(slow)} slow", marker="x", color=INK, markersize=4, markeredgewidth=0.9)
        for axis, name in enumerate("xy"):
            label = f"PC {axis + 1} ({100 * shares[axis]:.0f} %)" if axis < len(shares) else "no second direction"
            getattr(ax, f"set_{name}label")(label)
        few_ticks(ax, x=4, y=4)
        where: Any = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if axes is None else {"loc": "best"}
        ax.legend(**where)
        tidy(ax)
    return figure


def _plane(states: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean (S,), two orthonormal directions (S, 2), and the shares of variance along those that there are."""
    rows = states.reshape(-1, states.shape[-1])
    mean = rows.mean(axis=0)
    size = float(np.abs(rows - mean).max()) or 1.0
    _, values, directions = np.linalg.svd((rows - mean) / size, full_matrices=len(rows) < 2)
    plane = np.zeros((rows.shape[1], 2))
    n_directions = min(2, len(directions))
    plane[:, :n_directions] = directions[:n_directions].T
    shares = values**2 / (np.sum(values**2) or 1.0)
    return mean, plane, shares[:2]


def _draw_states(ax: Any, paths: NDArray[np.float64]) -> None:
    n_trials, n_steps, _ = paths.shape
    if n_steps > 1:
        # Trials spread over all of them, not the first ones.
        shown = paths[np.unique(np.linspace(0, n_trials - 1, min(n_trials, _MOST_TRIALS)).astype(int))]
        for number, path in enumerate(shown):
            ax.plot(*path.T, color=FAINT, linewidth=0.5, zorder=1, label="_path" if number else "states")
    else:
        flat = paths[:: max(1, n_trials // _MOST_STATES), 0]
        ax.plot(*flat.T, ".", color=FAINT, markersize=2.5, markeredgewidth=0, zorder=1, label="states")


def _mark(ax: Any, points: NDArray[np.float64], label: str, **look: Any) -> None:
    ax.plot(*points.T, linestyle="none", label=label, zorder=3, clip_on=False, **look)
