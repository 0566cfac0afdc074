"""A training: loss, held-out loss and length of the gradient against the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import INK, palette
from fastigial.plot.style import SMALL, few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scale = Literal["auto", "linear", "log"]


def history(
    histories: Any,
    *,
    labels: Sequence[str] | None = None,
    y_scale: Scale = "auto",
    axes: Any = None,
    figsize: tuple[float, float] = (3.5, 3.6),
) -> Figure:
    """Draw the losses of one training or several, and below them the length of the gradient.

    Solid lines are the training loss, dashed ones that of the validation. A dot marks the epoch whose parameters early
    stopping gave back.

    Parameters
    ----------
    histories : History, sequence of them, or mapping of label to History
        From `fastigial.train`.
    labels : sequence of str, optional
        One label per training. Default: the mapping's keys, or numbers.
    y_scale : {"auto", "linear", "log"}
        Of the loss; ``"auto"`` is logarithmic if all losses are positive and span more than a factor of ten.
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
        If there is no history, none has an epoch, the labels have another number, or a scale is unknown or cannot show
        the values.

    Examples
    --------
    >>> import fastigial as fg
    >>> history = fg.rnn.History()
    >>> for loss in (3.0, 1.0, 0.2):
    ...     history.append(loss=loss, validation_loss=1.1 * loss, gradient_norm=1, learning_rate=0.1, seconds=1)
    >>> fg.plot.history(history).axes[0].get_yscale()
    'log'
    """
    named = _named(histories, labels)
    losses = np.concatenate([part for _, one in named for part in (one.loss, one.validation_loss)] or [np.empty(0)])
    if not np.isfinite(losses).any():
        raise ValueError("histories must hold at least one finished epoch; got none")
    scale = _scale(y_scale, losses)
    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            grid = figure.subplots(2, 1, sharex=True, height_ratios=(2.0, 1.0))
        else:
            grid = given_axes(axes, (2,))
            figure = figure_of(grid)
        upper, lower = grid
        colours = (INK,) if len(named) == 1 else palette(len(named))
        for (label, one), colour in zip(named, colours, strict=True):
            _draw(upper, one, label, colour)
            lower.plot(one.epoch, one.gradient_norm, color=colour, linewidth=1.0, label="_norm")
        upper.set_yscale(scale)
        upper.set_ylabel("loss")
        norms = np.concatenate([one.gradient_norm for _, one in named])
        lower.set_yscale(_scale("auto", norms))
        lower.set_ylabel("gradient norm")
        lower.set_xlabel("epoch")
        if any(np.isfinite(one.validation_loss).any() for _, one in named):
            upper.set_title("dashed: validation", loc="right", fontsize=SMALL)
        if len(named) > 1:
            upper.legend(fontsize=SMALL)
        for ax in grid:
            few_ticks(ax, x=5, whole=("x",))
            if ax.get_yscale() == "linear":
                few_ticks(ax, y=4)
            tidy(ax)
            ax.tick_params(which="minor", length=1.5, width=0.4, labelsize=SMALL)
    return figure


def _draw(ax: Axes, one: Any, label: str, colour: str) -> None:
    ax.plot(one.epoch, one.loss, color=colour, linewidth=1.0, label=label)
    followed = one.loss
    if np.isfinite(one.validation_loss).any():
        followed = one.validation_loss
        ax.plot(one.epoch, followed, color=colour, linewidth=1.0, linestyle=(0, (3, 1.5)), label="_validation")
    if one.best_epoch is not None:
        ax.plot(one.best_epoch, followed[one.best_epoch], "o", color=colour, markersize=3.5, label="_best")


def _named(histories: Any, labels: Sequence[str] | None) -> list[tuple[str, Any]]:
    if isinstance(histories, Mapping):
        names, members = [str(name) for name in histories], list(histories.values())
    else:
        members = list(histories) if isinstance(histories, list | tuple) else [histories]
        names = [str(number) for number in range(len(members))]
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(members):
            raise ValueError(f"labels must hold one label for each of {len(members)} histories; got {labels!r}")
        names = [str(label) for label in labels]
    return list(zip(names, members, strict=True))


def _scale(scale: Scale, values: NDArray[np.float64]) -> Literal["linear", "log"]:
    finite = values[np.isfinite(values)]
    positive = bool(finite.size and (finite > 0).all())
    if scale == "auto":
        return "log" if positive and finite.max() > 10 * finite.min() else "linear"
    if scale not in ("linear", "log"):
        raise ValueError(f'y_scale must be "auto", "linear" or "log"; got {scale!r}')
    if scale == "log" and not positive:
        raise ValueError('y_scale="log" needs positive losses; got values at or below zero')
    return scale
