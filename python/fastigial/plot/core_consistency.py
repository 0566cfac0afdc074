"""The entries of the Tucker core: ones on the superdiagonal and zeros elsewhere, if the model is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastigial.analysis import core_array
from fastigial.plot.colour import INK, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fastigial.tensor import TCA


def core_consistency(
    model: TCA,
    X: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    axes: Any = None,
    figsize: tuple[float, float] = (3.5, 2.4),
) -> Figure:
    """Draw the entries of the core array: those within components first, then those across, each by size.

    The line is what the model assumes: one, then zero. Points off it are products of factors of different components
    that the data contain nevertheless, or components that the data hardly contain.

    Parameters
    ----------
    model, X, mask
        As in `fastigial.core_consistency`.
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
    TypeError, ValueError
        As in `fastigial.core_consistency`.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.1, seed=0)
    >>> fig = fg.plot.core_consistency(fg.TCA(2, random_state=0).fit(recording), recording)
    >>> fig.axes[0].get_ylabel()
    'core entry'
    """
    core = core_array(model, X, mask)
    n_components = len(core)
    within = np.zeros(core.shape, dtype=bool)
    within[(np.arange(n_components),) * core.ndim] = True
    own, across = -np.sort(-core[within]), -np.sort(-core[~within])
    consistency = 100 * (1 - (np.sum((own - 1) ** 2) + np.sum(across**2)) / n_components)

    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        blue, red = palette(2)
        # Few components among many products: the first get as much room as a tenth of the others.
        step = max(1.0, across.size / (10 * n_components))
        border = step * n_components
        places = [step * (np.arange(n_components) + 0.5), border + np.arange(across.size) + 0.5]
        end = border + max(across.size, 1)
        ax.plot([0, border, border, end], [1, 1, 0, 0], color=INK, linewidth=0.8, label="the model")
        for where, values, colour, label in zip(
            places, (own, across), (blue, red), ("within a component", "across components"), strict=True
        ):
            ax.plot(where, values, "o", color=colour, markersize=3, markeredgewidth=0, label=label)
        ax.set_xlim(-0.02 * end, 1.02 * end)
        few_ticks(ax, y=4)
        ax.set_xticks([])
        ax.set_xlabel("entries of the core, by size")
        ax.set_ylabel("core entry")
        ax.set_title(f"core consistency {consistency:.1f}", loc="left", fontsize=SMALL)
        ax.legend(loc="best")
        tidy(ax)
    return figure
