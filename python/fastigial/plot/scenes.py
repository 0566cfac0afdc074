"""Scenes with what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastigial.plot.colour import FAINT, INK
from fastigial.plot.style import PAGE_WIDTH, SMALL, figure_of, given_axes, house_style, new_figure
from fastigial.plot.trials import chosen_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4
_LINE = 30
"""Letters that fit below an image of a quarter of a page."""


def scenes(
    trials: Any,
    n: int | ArrayLike = 8,
    *,
    said: Sequence[str] | None = None,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw the images of a few trials, each with its caption and, in italics below it, what a network said.

    Parameters
    ----------
    trials : fastigial.Trials
        Of `fastigial.tasks.SceneCaptions`, or others with ``info["image"]``, (n_trials, height, width) or (n_trials,
        height, width, 3) from 0 to 1, and ``info["caption"]``.
    n : int or array_like of int
        How many trials to draw, from the first; or which ones.
    said : sequence of str, one per trial, optional
        Such as from ``task.describe(net, trials)``.
    axes : array_like of Axes, one per trial drawn, optional
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
        If the trials have no images or captions, one does not exist, there is not one text of `said` per trial, or
        `axes` have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> fig = fg.plot.scenes(fg.tasks.SceneCaptions().sample(8, seed=0), n=2)
    >>> len(fig.axes)
    2
    """
    missing = [name for name in ("image", "caption") if name not in trials.info]
    if missing:
        raise ValueError(f"trials must have info['image'] and info['caption'], got none for {' and '.join(missing)}")
    if said is not None and len(said) != len(trials.inputs):
        raise ValueError(f"said must hold one text per trial, {len(trials.inputs)}; got {len(said)}")
    chosen = chosen_trials(n, len(trials.inputs))
    with house_style():
        if axes is None:
            n_columns = min(_COLUMNS, chosen.size)
            n_rows = -(-chosen.size // n_columns)
            height = 1.9 if said is None else 2.35
            figure = new_figure(*(figsize or (PAGE_WIDTH * n_columns / _COLUMNS, height * n_rows)))
            grid = figure.subplots(n_rows, n_columns, squeeze=False).reshape(-1)
            for ax in grid[chosen.size :]:
                ax.remove()
        else:
            grid = given_axes(axes, (chosen.size,))
            figure = figure_of(grid)
        for ax, trial in zip(grid, chosen, strict=False):
            image = np.clip(np.asarray(trials.info["image"][trial], dtype=np.float64), 0.0, 1.0)
            ax.imshow(image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_color(FAINT)
            caption = fill(str(trials.info["caption"][trial]), _LINE)
            ax.set_title(caption, fontsize=SMALL, color=INK, y=-0.04, va="top", pad=0)
            if said is not None:
                below = 4.0 + 1.25 * SMALL * (1 + caption.count("\n"))
                ax.set_xlabel(fill(said[trial], _LINE), fontsize=SMALL, color=INK, style="italic", labelpad=below)
    return figure
