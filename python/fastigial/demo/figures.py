"""The report's figures, as PNG bytes at twice the resolution they are shown in."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from fastigial import plot
from fastigial.demo.analysis import Analysis
from fastigial.demo.ranks import RankChoice
from fastigial.plot.colour import INK, palette, trial_groups
from fastigial.plot.style import few_ticks, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Picture", "pictures"]

PIXELS_PER_INCH = 114
"""On the page: a figure of 7.2 inches is 820 pixels wide."""


@dataclass(frozen=True)
class Picture:
    """A figure for the page.

    Attributes
    ----------
    png : bytes
    width : int
        On the page, in pixels; the image has twice as many.
    alt : str
        What it shows, for those who cannot see it.
    caption : str
    """

    png: bytes
    width: int
    alt: str
    caption: str

    @property
    def address(self) -> str:
        """The picture itself as a data URI."""
        return f"data:image/png;base64,{b64encode(self.png).decode('ascii')}"


def pictures(analysis: Analysis) -> dict[str, Picture]:
    """Draw everything there is to draw of an analysis.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    dict of str to Picture
        "tca", "slicetca", "loss", "reconstruction TCA", "reconstruction SliceTCA", and of "ranks", "order"
        and "behaviour" those that this recording has.
    """
    questions = analysis.material.questions
    condition = questions.condition
    tca, slicetca = analysis.tca.model, analysis.slicetca.model
    coloured = "" if condition is None else f" Trials are coloured by {condition}."
    found = {}
    if analysis.tca.choice.scores or analysis.slicetca.choice.scores:
        found["ranks"] = _picture(
            _ranks(analysis),
            "Held-out explained variance against the number of components of TCA and the ranks of SliceTCA.",
            "Explained variance of blocks of time that were kept out of the fit: mean and standard error "
            "over splits, the dashed line one standard error below the best. Filled: the rank taken. "
            "SliceTCA's ranks are trial, neuron, time; scores below the axis are marked by a triangle.",
        )
    found["tca"] = _picture(
        plot.tca(tca, condition=condition),
        f"One row for each of the {analysis.tca.choice.rank[0]} TCA components: trial, neuron and time factor.",
        "TCA. Each row is a component: its trial, neuron and time factor, multiplied. λ is its weight; the "
        f"percentage is its share of the weights, not of the variance.{coloured}",
    )
    found["slicetca"] = _picture(
        plot.slicetca(slicetca, condition=condition),
        "SliceTCA components: loading vectors on the left, slices as heat maps on the right.",
        "SliceTCA. Each row is a component: a loading along one axis (left) times a slice over the other two "
        f"(right).{coloured}",
    )
    found["loss"] = _picture(
        plot.loss({fit.name: fit.model for fit in analysis.fits}, x_scale="log", figsize=(4.6, 2.6)),
        "Loss against iteration for both models, with the ends of all starts.",
        "Loss (mean squared error per entry) over the sweeps of the start that won. Ticks at the right: "
        "where each start ended, on a compressed copy of the recording; the last sweeps run on the recording "
        "itself and can go lower.",
    )
    if questions.order is not None:
        against = questions.order or "trial"
        found["order"] = _picture(
            plot.trial_factors(tca, against=against, condition=condition),
            "TCA trial factors against trial number, with a running median.",
            f"TCA trial factors over the session.{coloured}",
        )
    if questions.behaviour and questions.order is not None:
        found["behaviour"] = _picture(
            _behaviour(analysis),
            "Behaviour against trial number.",
            "Behaviour over the session: "
            f"{', '.join(name.replace('_', ' ') for name in questions.behaviour)}.{coloured}",
        )
    for fit in analysis.fits:
        found[f"reconstruction {fit.name}"] = _picture(
            plot.reconstruction(analysis.prepared, fit.model, condition=condition),
            f"Data, {fit.name} reconstruction and residual of up to four neurons, from best to worst explained.",
            f"Data and {fit.name} reconstruction of neurons spaced evenly from the best to the worst "
            "explained; the number beside each is its explained share.",
        )
    return found


def _picture(figure: Figure, alt: str, caption: str) -> Picture:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * PIXELS_PER_INCH)
    return Picture(buffer.getvalue(), round(figure.get_figwidth() * PIXELS_PER_INCH), alt, caption)


def _ranks(analysis: Analysis) -> Figure:
    with house_style():
        figure = new_figure(7.2, 2.6)
        left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.5], sharey=True)
        _draw_ranks(left, analysis.tca.choice, "TCA", "number of components")
        _draw_ranks(right, analysis.slicetca.choice, "SliceTCA", "ranks (trial, neuron, time)")
        means = [score.mean for choice in (fit.choice for fit in analysis.fits) for score in choice.scores]
        # A rank that fails on held-out data fails by any amount: keep the axis for those that do not.
        top = max(means)
        low = max(min(means), top - 0.35)
        left.set_ylim(low - 0.15 * (top - low) - 0.005, top + 0.15 * (top - low) + 0.005)
        for ax, fit in zip((left, right), analysis.fits, strict=True):
            for place, score in enumerate(fit.choice.scores):
                if score.mean < low:
                    ax.plot(place, left.get_ylim()[0], "v", color=INK, markersize=4, clip_on=False)
        left.set_ylabel("held-out explained variance")
    return figure


def _draw_ranks(ax: Axes, choice: RankChoice, title: str, label: str) -> None:
    ax.set_title(title, loc="left", fontweight="bold")
    ax.set_xlabel(label)
    tidy(ax)
    if not choice.scores:
        ax.text(0.5, 0.5, "given by the user, not chosen", transform=ax.transAxes, ha="center", fontsize=7)
        ax.set_xticks([])
        return
    places = np.arange(len(choice.scores))
    means = [score.mean for score in choice.scores]
    colour = palette(1)[0]
    ax.errorbar(
        places,
        means,
        [score.standard_error for score in choice.scores],
        fmt="o",
        color=colour,
        markerfacecolor="white",
        markersize=4.5,
        linewidth=0.9,
    )
    best = max(choice.scores, key=lambda score: score.mean)
    ax.axhline(best.mean - best.standard_error, color=INK, linewidth=0.6, linestyle="--")
    if choice.chosen is not None:
        ax.plot(choice.scores.index(choice.chosen), choice.chosen.mean, "o", color=colour, markersize=5, zorder=5)
    names = [",".join(map(str, score.rank)) for score in choice.scores]
    ax.set_xticks(places, names, rotation=45 if len(names[0]) > 1 else 0)
    few_ticks(ax, y=5)


def _behaviour(analysis: Analysis) -> Figure:
    recording, questions = analysis.material.recording, analysis.material.questions
    order = recording[questions.order] if questions.order else np.arange(recording.shape[0])
    with house_style():
        figure = new_figure(7.2, 0.5 + 1.6 * len(questions.behaviour))
        for ax, name in zip(
            figure.subplots(len(questions.behaviour), 1, squeeze=False)[:, 0],
            questions.behaviour,
            strict=True,
        ):
            values = recording[name]
            groups = () if questions.condition is None else trial_groups(recording[questions.condition])
            if not groups:
                ax.plot(order, values, "o", color=INK, markersize=3)
            for group in groups:
                ax.plot(
                    order[group.members],
                    values[group.members],
                    "o",
                    color=group.colour,
                    markersize=3,
                    label=group.label,
                )
            if groups:
                ax.legend(title=questions.condition, loc="upper right")
            ax.set_xlabel((questions.order or "trial").replace("_", " "))
            ax.set_ylabel(name.replace("_", " "))
            tidy(ax)
            few_ticks(ax, y=4)
    return figure
