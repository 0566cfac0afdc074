"""Loss and similarity of replicates against rank: whether random starts find the same components again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import INK, palette
from fastigial.plot.labels import require_fitted
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def ensemble(ensemble: Any, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw loss and similarity of all replicates against rank.

    Left: the loss of every fit (dots) and of the best of each rank (line). Right: the similarity of every other fit to
    the best of its rank (dots) and their mean (line); the small numbers along the top count distinct solutions.

    Parameters
    ----------
    ensemble : Ensemble
        Fitted; also one that was stopped.
    axes : array of two Axes, optional
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
        If the ensemble is not fitted, or axes have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((15, 10, 20), 2, noise=0.5, seed=0)
    >>> fig = fg.plot.ensemble(fg.Ensemble(fg.TCA(1), 3, 4, random_state=0).fit(recording))
    >>> [ax.get_ylabel() for ax in fig.axes]
    ['loss per entry', 'similarity to the best']
    """
    require_fitted(ensemble, "losses_", "similarities_", "n_distinct_")
    with house_style():
        if axes is None:
            n_ranks = len(ensemble.losses_)
            figure = new_figure(*(figsize or (min(7.0, 4.2 + 0.14 * n_ranks), 2.5)))
            panels = figure.subplots(1, 2)
        else:
            panels = given_axes(axes, (2,))
            figure = figure_of(np.asarray(panels))
        losses, likeness = ensemble.losses_, ensemble.similarities_.drop(columns=0)
        colour = palette(2)[1]
        _scatter(panels[0], losses, losses.min(axis=1), colour)
        panels[0].set_ylabel("loss per entry")
        few_ticks(panels[0], y=5)
        _scatter(panels[1], likeness, likeness.mean(axis=1), colour)
        panels[1].set_ylabel("similarity to the best")
        low = np.nanmin([likeness.to_numpy().min(initial=1.0, where=np.isfinite(likeness.to_numpy())), 0.5])
        panels[1].set_ylim(low - 0.03, 1.03)
        _count(panels[1], ensemble)
        for ax in panels:
            tidy(ax)
    return figure


def _scatter(ax: Axes, table: pd.DataFrame, line: pd.Series[float], colour: str) -> None:
    ranks = list(table.index)
    triples = isinstance(ranks[0], tuple)
    places = np.arange(len(ranks)) if triples else np.array(ranks)
    values = table.to_numpy()
    ax.plot(
        np.repeat(places, values.shape[1]),
        values.ravel(),
        linestyle="none",
        marker="o",
        markersize=2.5,
        markeredgewidth=0,
        alpha=0.5,
        color=colour,
    )
    ax.plot(places, line.to_numpy(), color=INK, linewidth=1.0)
    ax.set_xlim(places[0] - 0.5, places[-1] + 0.5)
    if triples:
        ax.set_xticks(places, [str(rank) for rank in ranks], rotation=90)
        ax.set_xlabel("rank (trial, neuron, time)")
    else:
        few_ticks(ax, x=8, least=min(3, len(ranks)), whole=("x",))
        ax.set_xlabel("number of components")


def _count(ax: Axes, ensemble: Any) -> None:
    """The numbers of distinct solutions, above the similarities."""
    ranks = list(ensemble.losses_.index)
    for place, rank in enumerate(ranks):
        if rank in ensemble.models_:
            ax.annotate(
                str(ensemble.n_distinct_.iloc[list(ensemble.n_distinct_.index).index(rank)]),
                (place if isinstance(rank, tuple) else rank, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=SMALL,
                color=INK,
            )
    ax.annotate(
        "distinct solutions",
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(0, 11),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        color=INK,
    )
