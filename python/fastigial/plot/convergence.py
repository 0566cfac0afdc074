"""Loss against iteration: whether the fit settled, and whether its restarts agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import INK, palette
from fastigial.plot.labels import require_fitted
from fastigial.plot.style import few_ticks, figure_of, given_axes, house_style, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scale = Literal["auto", "linear", "log"]


def loss(
    models: Any,
    *,
    labels: Sequence[str] | None = None,
    y_scale: Scale = "auto",
    x_scale: Literal["linear", "log"] = "linear",
    restarts: bool = True,
    axes: Any = None,
    figsize: tuple[float, float] = (3.5, 2.5),
) -> Figure:
    """Draw loss against iteration for one fitted model or several.

    The last iteration is marked by a dot. Where a model has ``restart_losses_``, the end of each restart is a
    tick to the right of the curves: ticks that lie together say that the restarts found the same solution.

    Parameters
    ----------
    models : fitted model, sequence of them, or mapping of label to model
        Each with ``loss_history_`` (n_iter,); NaN leaves a gap.
    labels : sequence of str, optional
        One label per model. Default: the mapping's keys, or the class and number of components.
    y_scale : {"auto", "linear", "log"}
        ``"auto"`` is logarithmic if all losses are positive and span more than a factor of ten.
    x_scale : {"linear", "log"}
        A logarithmic axis shows the first iterations and a long tail at once.
    restarts : bool
        Draw the ends of restarts where a model has them.
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
        If there is no model, one is not fitted, the labels have another number, or a scale is unknown or
        cannot show the values.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.random.default_rng(0).random((8, 5, 6))
    >>> fig = fg.plot.loss({"two": fg.TCA(2).fit(X), "three": fg.TCA(3).fit(X)})
    >>> fig.axes[0].get_xlabel()
    'iteration'
    """
    named = _named(models, labels)
    if not named:
        raise ValueError("models must hold at least one fitted model; got none")
    for _, model in named:
        require_fitted(model, "loss_history_")
    histories = [np.atleast_1d(np.asarray(model.loss_history_, dtype=np.float64)) for _, model in named]
    ends = [_restart_ends(model) if restarts else np.empty(0) for _, model in named]
    scale = _y_scale(y_scale, np.concatenate([*histories, *ends]))
    if x_scale not in ("linear", "log"):
        raise ValueError(f'x_scale must be "linear" or "log"; got {x_scale!r}')

    with house_style():
        if axes is None:
            figure = new_figure(*figsize)
            ax = figure.subplots()
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        colours = (INK,) if len(named) == 1 else palette(len(named))
        longest = max(history.size for history in histories)
        for index, ((label, _), history, colour) in enumerate(zip(named, histories, colours, strict=True)):
            iterations = np.arange(1, history.size + 1)
            ax.plot(iterations, history, color=colour, linewidth=1.0, label=label)
            if history.size:
                ax.plot(iterations[-1], history[-1], "o", color=colour, markersize=3, label="_end")
            if ends[index].size:
                # Each model's restarts get a column of their own: overlaid ticks could not be told apart.
                place = _beside(longest, index, x_scale)
                ax.plot(
                    np.full(ends[index].size, place),
                    ends[index],
                    linestyle="none",
                    marker="_",
                    markersize=6,
                    markeredgewidth=0.9,
                    color=colour,
                    label="_restarts",
                    clip_on=False,
                )
        ax.set_xscale(x_scale)
        ax.set_yscale(scale)
        if scale == "linear":
            few_ticks(ax, y=5)
        if x_scale == "linear":
            few_ticks(ax, x=5, whole=("x",))
        ax.set_xlabel("iteration")
        ax.set_ylabel("loss")
        if any(end.size for end in ends):
            ax.set_title("dashes at the right: ends of restarts", loc="right", fontsize=7)
        if len(named) > 1:
            ax.legend(fontsize=7)
        tidy(ax)
        ax.tick_params(which="minor", length=1.5, width=0.4, labelsize=7)
    return figure


def _named(models: Any, labels: Sequence[str] | None) -> list[tuple[str, Any]]:
    if isinstance(models, Mapping):
        names, members = [str(name) for name in models], list(models.values())
    else:
        members = list(models) if isinstance(models, Sequence) else [models]
        names = [_describe(model) for model in members]
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(members):
            raise ValueError(f"labels must hold one label for each of {len(members)} models; got {labels!r}")
        names = [str(label) for label in labels]
    return list(zip(names, members, strict=True))


def _describe(model: Any) -> str:
    n_components = getattr(model, "n_components", "")
    return f"{type(model).__name__} {n_components}".strip()


def _restart_ends(model: Any) -> NDArray[np.float64]:
    return np.ravel(np.asarray(getattr(model, "restart_losses_", ()), dtype=np.float64))


def _beside(longest: int, index: int, x_scale: str) -> float:
    share = 0.04 + 0.03 * index
    return float(longest * (longest**share if x_scale == "log" else 1 + share)) + (x_scale == "linear")


def _y_scale(scale: Scale, values: NDArray[np.float64]) -> Literal["linear", "log"]:
    finite = values[np.isfinite(values)]
    positive = bool(finite.size and (finite > 0).all())
    if scale == "auto":
        return "log" if positive and finite.max() > 10 * finite.min() else "linear"
    if scale not in ("linear", "log"):
        raise ValueError(f'y_scale must be "auto", "linear" or "log"; got {scale!r}')
    if scale == "log" and not positive:
        raise ValueError('y_scale="log" needs positive losses; got values at or below zero')
    return scale
