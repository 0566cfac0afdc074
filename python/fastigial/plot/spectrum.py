"""Eigenvalues in the complex plane, with the unit circle that parts decay from growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, palette
from fastigial.plot.style import (
    SMALL,
    colour_bar,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# States that have a colour and an entry in the legend each; more share a scale.
_MOST_NAMED = 6
_RING: Any = {"markersize": 3.5, "markerfacecolor": "none", "markeredgewidth": 0.8}


def spectrum(result: Any, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw eigenvalues of Jacobians in the complex plane.

    Inside the unit circle deviations decay, outside they grow; off the real axis they turn. Up to six states, or fixed
    points, have a colour each, of more the colour is their time or number. The title names the largest modulus and its
    time constant.

    Parameters
    ----------
    result : JacobianSpectrum or FixedPoints
        From `fastigial.analysis.jacobian_spectrum` or `fastigial.analysis.fixed_points`.
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
        If there is no eigenvalue, or `axes` is not one.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> class Linear:
    ...     def jacobian(self, states, inputs):
    ...         return np.tile(np.diag([0.9, 0.5]), (len(states), 1, 1))
    >>> fg.analysis.jacobian_spectrum(Linear(), np.zeros(2), np.zeros(1)).plot().axes[0].get_xlabel()
    'Re λ'
    """
    eigenvalues = np.asarray(result.eigenvalues)
    if not eigenvalues.size:
        raise ValueError("result holds no eigenvalue: there is nothing to draw")
    rows = eigenvalues.reshape(-1, eigenvalues.shape[-1])
    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or (2.9 + 0.8 * (len(rows) > 1), 2.9)))
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        ax.axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)
        ax.axvline(0.0, color=FAINT, linewidth=0.6, zorder=0)
        angles = np.linspace(0, 2 * np.pi, 361)
        ax.plot(np.cos(angles), np.sin(angles), color=FAINT, linewidth=0.8, zorder=1)
        if len(rows) <= _MOST_NAMED:
            names = _names(result, len(rows))
            for values, colour, name in zip(rows, palette(len(rows)), names, strict=True):
                # Rings, for eigenvalues of several states lie on one another.
                ax.plot(values.real, values.imag, "o", label=name, color=colour, **_RING)
            if len(rows) > 1 and axes is None:
                figure.legend(loc="outside right upper")
            elif len(rows) > 1:
                ax.legend(loc="best")
        else:
            _many(figure, ax, result, rows)
        _frame(ax, rows)
        ax.set_xlabel("Re λ")
        ax.set_ylabel("Im λ")
        ax.set_title(_summary(result, rows), loc="left", fontsize=SMALL)
        tidy(ax)
    return figure


def _names(result: Any, n_rows: int) -> list[str]:
    kinds = getattr(result, "kinds", None)
    return [f"{place}: {kind}" for place, kind in enumerate(kinds)] if kinds else [f"state {k}" for k in range(n_rows)]


def _many(figure: Figure, ax: Axes, result: Any, rows: NDArray[np.complex128]) -> None:
    """Eigenvalues of many states, coloured by time where it is known."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    time = getattr(result, "time", None)
    shape = np.asarray(result.eigenvalues).shape
    if len(shape) == 3:
        steps = np.arange(shape[1], dtype=np.float64) if time is None else np.asarray(time)
        shades, label = np.tile(steps, shape[0]), "step" if time is None else "time (s)"
    else:
        shades, label = np.arange(len(rows), dtype=np.float64), "state"
    scale = ListedColormap(matplotlib.colormaps["viridis"](np.linspace(0, 0.92, 256)))
    artist = ax.scatter(
        rows.real.ravel(),
        rows.imag.ravel(),
        c=np.repeat(shades, rows.shape[1]),
        cmap=scale,
        s=4,
        linewidths=0,
        alpha=0.6,
        rasterized=rows.size > 2000,
    )
    # A transparent scale would be pale beside the points, which lie over one another.
    opaque = matplotlib.cm.ScalarMappable(artist.norm, scale)
    colour_bar(figure, opaque, [ax], label)


def _frame(ax: Axes, rows: NDArray[np.complex128]) -> None:
    """A square with equal units that holds all eigenvalues and the point 1, where growth begins for slow steps."""
    low, high = float(rows.real.min()), max(float(rows.real.max()), 1.0)
    side = 0.55 * max(high - low, 2 * float(np.abs(rows.imag).max()), 0.2)
    middle = (low + high) / 2
    ax.set_xlim(middle - side, middle + side)
    ax.set_ylim(-side, side)
    ax.set_aspect("equal", adjustable="box")
    few_ticks(ax, x=4, y=4)


def _summary(result: Any, rows: NDArray[np.complex128]) -> str:
    largest = int(np.abs(rows[:, 0]).argmax())
    modulus = float(np.abs(rows[largest, 0]))
    constant = float(np.asarray(result.time_constants).reshape(rows.shape)[largest, 0])
    unit = "s" if result.dt != 1 else "steps"
    if np.isinf(constant):
        return f"largest |λ| = {modulus:.3f}: stays"
    word = "decays" if constant >= 0 else "grows"
    return f"largest |λ| = {modulus:.3f}: {word}, τ = {short_number(abs(constant))} {unit}"
