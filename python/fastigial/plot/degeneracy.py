"""Cosines between components: which of them hold parts that cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.style import SMALL, colour_bar, figure_of, given_axes, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More components than this have no room for names.
_MOST_NAMED = 16
_TYPES = ("trial", "neuron", "time")
_FRAME: Any = {"fill": False, "edgecolor": "#333333", "linewidth": 1.4}


def degeneracy(found: Any, *, axes: Any = None, figsize: tuple[float, float] = (3.0, 2.5)) -> Figure:
    """Draw the cosines between components as a matrix; the most negative pair is framed.

    Parameters
    ----------
    found : Degeneracy
        From `fastigial.analysis.degeneracy`.
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
        If there are no components.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> fig = fg.analysis.degeneracy(fg.TCA(3, random_state=0).fit(recording)).plot()
    >>> fig.axes[0].get_xlabel()
    'component'
    """
    n_components = len(found.labels)
    if not n_components:
        raise ValueError("the model has no components: there is nothing to draw")
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        artist = ax.imshow(found.cosines, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        triples = isinstance(found.labels[0], tuple)
        if n_components <= _MOST_NAMED:
            names = [f"{_TYPES[kind]} {number}" for kind, number in found.labels] if triples else found.labels
            ax.set_xticks(range(n_components), names, rotation=90 if triples else 0)
            ax.set_yticks(range(n_components), names)
        ax.set_xlabel("component")
        ax.set_ylabel("component")
        if found.pair is not None:
            from matplotlib.patches import Rectangle

            first, second = (found.labels.index(label) for label in found.pair)
            for row, column in ((first, second), (second, first)):
                ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **_FRAME))
            ax.set_title(f"most negative {round(found.cosine, 2) + 0.0:.2f}", loc="left", fontsize=SMALL)
        colour_bar(figure, artist, [ax], "cosine")
    return figure
