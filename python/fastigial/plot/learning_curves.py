"""Error against epoch for groups of models that differ in their seeds: mean and standard error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.observed import observed_mean
from fastigial.plot.colour import FAINT, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND_ALPHA = 0.2


def learning_curves(
    curves: Mapping[str, Any],
    *,
    events: Mapping[str, float] | None = None,
    ylabel: str = "validation error",
    scale: Literal["linear", "log"] = "linear",
    axes: Any = None,
    figsize: tuple[float, float] = (3.2, 2.4),
) -> Figure:
    """Draw learning curves as mean ± standard error over seeds.

    Parameters
    ----------
    curves : mapping of str to array_like of shape (n_seeds, n_epochs), or to one or several History
        By label; of a history, the validation loss, or the loss where there is none. Value e stands after e + 1 epochs.
        One curve alone, (n_epochs,), has no error. The error is the standard deviation (n − 1) over √n; NaN is left
        out.
    events : mapping of str to float, optional
        Epochs at which something happens, marked by a line.
    ylabel : str
    scale : {"linear", "log"}
        Of the error.
    axes : Axes, optional
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
        If there is no curve, or one has another number of dimensions, or the scale is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> error = np.exp(-np.arange(20) / np.array([[5.0], [6.0], [7.0]]))
    >>> fg.plot.learning_curves({"ccRNN": error, "cRNN": error**0.3}).axes[0].get_xlabel()
    'epoch'
    """
    if not curves:
        raise ValueError("curves is empty, expected at least one")
    if scale not in ("linear", "log"):
        raise ValueError(f'scale is {scale!r}, expected "linear" or "log"')
    taken = {name: _curve(name, values) for name, values in curves.items()}
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        for (name, values), colour in zip(taken.items(), palette(len(taken)), strict=True):
            _draw(ax, values, name, colour)
        ax.set_yscale(scale)
        if scale == "linear":
            ax.set_ylim(bottom=0.0)
            few_ticks(ax, y=4)
        for name, epoch in (events or {}).items():
            ax.axvline(epoch, color=FAINT, linewidth=0.8, zorder=0)
            ax.annotate(name, (epoch, 1.0), (2, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
                        fontsize=SMALL, va="top")  # fmt: skip
        few_ticks(ax, x=5, whole=("x",))
        ax.set_xlabel("epoch")
        ax.set_ylabel(ylabel)
        if len(taken) > 1:
            ax.legend(fontsize=SMALL)
        tidy(ax)
    return figure


def _curve(name: str, values: Any) -> NDArray[np.float64]:
    if hasattr(values, "followed"):
        values = [values]
    if isinstance(values, list | tuple) and values and all(hasattr(one, "followed") for one in values):
        values = [one.followed() for one in values]
    curve = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if curve.ndim != 2 or curve.size == 0:
        raise ValueError(f"curves[{name!r}] has the shape {np.shape(values)}, expected (n_seeds, n_epochs)")
    return curve


def _draw(ax: Axes, values: NDArray[np.float64], label: str, colour: str) -> None:
    epochs = np.arange(1, values.shape[1] + 1)
    seen = np.isfinite(values)
    n = seen.sum(axis=0)
    mean = observed_mean(values, seen)
    ax.plot(epochs, mean, color=colour, linewidth=1.2, label=label)
    if len(values) > 1:
        squares = np.where(seen, (values - mean) ** 2, 0.0).sum(axis=0)
        sem = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
        ax.fill_between(epochs, mean - sem, mean + sem, color=colour, alpha=BAND_ALPHA, linewidth=0)
