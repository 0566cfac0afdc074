"""Errors of a block of trials with one exponential and two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy, zero_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.analysis.timescales import LearningTimescales


def timescales(
    result: LearningTimescales,
    *,
    ylabel: str = "error",
    axes: Any = None,
    figsize: tuple[float, float] = (3.2, 2.4),
) -> Figure:
    """Draw errors trial by trial, with the fits of one exponential and of two.

    Of several curves, dots are means over curves and lines their standard errors. The preferred fit is drawn full, the
    other dashed.

    Parameters
    ----------
    result : LearningTimescales
        From `fastigial.analysis.learning_timescales`.
    ylabel : str
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
        If `axes` are several.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> errors = np.exp(-np.arange(40) / 5) + 0.05 * np.random.default_rng(0).normal(size=40)
    >>> fg.analysis.learning_timescales(errors, n_resamples=0).plot().axes[0].get_xlabel()
    'trial of the block'
    """
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        seen = np.isfinite(result.errors)
        n = seen.sum(axis=0)
        trials = np.flatnonzero(n)
        values = np.where(seen, result.errors, 0.0)[:, trials]
        mean = values.sum(axis=0) / n[trials]
        if len(result.errors) > 1:
            squares = np.where(seen[:, trials], (values - mean) ** 2, 0.0).sum(axis=0)
            error = np.sqrt(squares / np.maximum(n[trials] - 1, 1) / n[trials])
            ax.vlines(trials + 1, mean - error, mean + error, color=FAINT, linewidth=0.8)
        ax.plot(trials + 1, mean, "o", color=FAINT, markersize=2.5)
        along = np.linspace(0, result.errors.shape[1] - 1, 300)
        for number, (fit, colour) in enumerate(zip((result.one, result.two), palette(2), strict=True), 1):
            style: Any = "-" if result.n_exponentials == number else (0, (4, 3))
            scales = " and ".join(f"{tau:.2g}" for tau in fit.time_constants)
            label = f"{'one' if number == 1 else 'two'}: τ = {scales}"
            ax.plot(along + 1, fit.predict(along), color=colour, linestyle=style, linewidth=1.2, label=label)
        zero_line(ax)
        ax.set_title(f"AIC of one − two: {result.preference:+.1f}", loc="left")
        ax.set_xlabel("trial of the block")
        ax.set_ylabel(ylabel)
        few_ticks(ax, x=5, y=4, whole=("x",))
        ax.legend(fontsize=SMALL)
        tidy(ax)
    return figure
