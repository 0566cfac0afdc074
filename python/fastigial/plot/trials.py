"""Trials of a task: what goes in, what should come out, and when that counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import FAINT, INK, colour_scale, palette
from fastigial.plot.labels import selection
from fastigial.plot.style import (
    MEDIUM,
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    padded_limits,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNCOUNTED = "#ededed"
"""Background of steps that do not count."""
_MOST_OVERLAID, _MOST_LANES = 2, 12
"""Channels up to which they are drawn over one another, and one above the other; more are a heat map."""
_FEW_STEPS = 40
"""Steps up to which each is marked by a point."""
_EVENT_STYLES = ("-", "--", ":", "-.")


class DrawnTrials(Protocol):
    """What a figure needs to know of trials; :class:`fastigial.Trials` has it."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    dt: float
    info: dict[str, NDArray[Any]]
    events: dict[str, NDArray[np.float64]]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    name: str

    @property
    def weights(self) -> NDArray[Any]:
        """How much each target counts."""


def trials(
    trials: Any,
    n: int | ArrayLike = 3,
    *,
    outputs: ArrayLike | None = None,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw inputs and targets of a few trials against time, one column per trial.

    Steps at which no target counts have a grey ground, and a target is grey where it alone does not count. Vertical
    lines are events. One or two channels are drawn over one another, up to twelve one above the other on one scale
    (the bar beside them says which), more as a heat map. Each step is drawn over the time it lasts.

    Parameters
    ----------
    trials : fastigial.Trials
    n : int or array_like of int
        How many trials to draw, from the first; or which ones.
    outputs : array_like of shape (n_trials, n_steps, n_outputs), optional
        Of a network, drawn over the targets; for classes, give probabilities.
    axes : array_like of Axes, shape (2, number of trials drawn), optional
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
        If a trial does not exist, `outputs` have another shape than the targets, or `axes` have another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> fig = fg.plot.trials(fg.tasks.FlipFlop().sample(8, seed=0), n=2)
    >>> [ax.get_title(loc="left") for ax in fig.axes[:2]]
    ['trial 0', 'trial 1']
    """
    drawn: DrawnTrials = trials
    n_trials = len(drawn.inputs)
    chosen = _chosen(n, n_trials)
    edges = np.arange(drawn.inputs.shape[1] + 1) * drawn.dt
    targets, weights = np.asarray(drawn.targets)[chosen], drawn.weights[chosen]
    given = None if outputs is None else np.asarray(outputs, dtype=np.float64)
    if given is not None and given.shape != drawn.targets.shape:
        raise ValueError(f"outputs must have the shape of the targets, {drawn.targets.shape}; got {given.shape}")
    over = None if given is None else given[chosen]

    with house_style():
        if axes is None:
            heights = [_height(drawn.inputs.shape[2]), _height(targets.shape[2])]
            figure = new_figure(*(figsize or (PAGE_WIDTH, 0.95 + sum(heights))))
            grid = figure.subplots(2, chosen.size, squeeze=False, sharex=True, height_ratios=heights)
            figure.suptitle(f"{drawn.name}: {chosen.size} of {n_trials} trials", x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, (2, chosen.size))
            figure = figure_of(grid)
        inputs = np.asarray(drawn.inputs)[chosen]
        _row(grid[0], edges, inputs, drawn.input_names, "input")
        _row(grid[1], edges, targets, drawn.output_names, "target", weights, over)
        for column, trial in enumerate(chosen):
            _events(grid[:, column], drawn.events, int(trial))
            grid[0, column].set_title(f"trial {trial}", loc="left", fontsize=MEDIUM)
            _describe(grid[0, column], drawn.info, int(trial), chosen.size)
            grid[1, column].set_xlabel("time (s)")
            if axes is None:
                grid[0, column].tick_params(labelbottom=False)
        _keys(grid[:, -1], drawn, weights, over is not None)
    return figure


def _chosen(n: int | ArrayLike, n_trials: int) -> NDArray[np.intp]:
    if isinstance(n, int | np.integer) and not isinstance(n, bool):
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        return np.arange(min(int(n), n_trials))
    return selection(n, n_trials, "n")


def _height(n_channels: int) -> float:
    """Return the height of a row of panels in inches."""
    if n_channels <= _MOST_OVERLAID:
        return 1.1
    return max(1.0, 0.24 * n_channels) if n_channels <= _MOST_LANES else 1.7


def _row(
    axes: NDArray[Any],
    edges: NDArray[np.float64],
    values: NDArray[Any],
    names: Sequence[str],
    kind: str,
    weights: NDArray[Any] | None = None,
    over: NDArray[Any] | None = None,
) -> None:
    """Draw the channels (n_drawn, n_steps, n_channels) of all trials drawn, one panel for each, on one scale."""
    n_channels = values.shape[2]
    for column, ax in enumerate(axes):
        uncounted = np.zeros(values.shape[1:], dtype=bool) if weights is None else weights[column] == 0
        own_over = None if over is None else over[column]
        if n_channels > _MOST_LANES:
            _heat(ax, edges, np.where(uncounted, np.nan, values[column]), values)
        else:
            _shade(ax, edges, uncounted.all(axis=1))
            lane = 0.0 if n_channels <= _MOST_OVERLAID else _lane(values, over)
            for channel, colour in enumerate(_colours(n_channels)):
                base = -lane * channel
                _course(ax, edges, base + values[column, :, channel], uncounted[:, channel], colour, base)
                if own_over is not None:
                    ax.stairs(base + own_over[:, channel], edges, baseline=None, color=INK, linewidth=0.7, zorder=4)
            if lane:
                ax.set_ylim(*_lane_limits(values, over, lane, n_channels))
                ax.set_yticks(-lane * np.arange(n_channels), names if column == 0 else [""] * n_channels)
                ax.tick_params(axis="y", length=0)
            else:
                ax.set_ylim(padded_limits(values if over is None else np.concatenate([values, over])))
        tidy(ax)
        ax.set_xlim(edges[0], edges[-1])
        few_ticks(ax, x=4)
        if n_channels > _MOST_LANES:
            few_ticks(ax, y=4, whole=("y",))
        elif n_channels <= _MOST_OVERLAID:
            few_ticks(ax, y=3)
        else:
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
        if column > 0:
            ax.tick_params(axis="y", labelleft=False)
    label = f"{kind}s" if n_channels > 1 else names[0]
    axes[0].set_ylabel(f"{kind} channel" if n_channels > _MOST_LANES else label)
    if _MOST_OVERLAID < n_channels <= _MOST_LANES:
        _scale_bar(axes[-1], _lane(values, over))


def _colours(n_channels: int) -> Sequence[str]:
    return palette(n_channels) if n_channels <= _MOST_OVERLAID else [palette(1)[0]] * n_channels


def _lane(values: NDArray[Any], over: NDArray[Any] | None) -> float:
    """Return the distance between lanes: what the channel that moves most needs, and a little."""
    everything = values if over is None else np.concatenate([values, over])
    flat = np.nan_to_num(everything).reshape(-1, values.shape[2])
    highest, lowest = np.maximum(flat.max(axis=0), 0), np.minimum(flat.min(axis=0), 0)
    return 1.2 * (float((highest - lowest).max()) or 1.0)


def _lane_limits(values: NDArray[Any], over: NDArray[Any] | None, lane: float, n_channels: int) -> tuple[float, float]:
    everything = np.nan_to_num(values if over is None else np.concatenate([values, over]))
    high = max(float(everything[..., 0].max()), 0.0)
    low = min(float(everything[..., -1].min()), 0.0)
    return -lane * (n_channels - 1) + low - 0.15 * lane, high + 0.15 * lane


def _course(
    ax: Axes,
    edges: NDArray[np.float64],
    values: NDArray[Any],
    uncounted: NDArray[np.bool_],
    colour: str,
    base: float,
) -> None:
    """Draw one channel over the steps: in colour where it counts, faint where it does not."""
    ax.axhline(base, color=FAINT, linewidth=0.5, zorder=0.5)
    if uncounted.any():
        ax.stairs(values, edges, baseline=None, color=FAINT, linewidth=1.0, zorder=2, label="_uncounted")
    counted = np.where(uncounted, np.nan, values)
    ax.stairs(counted, edges, baseline=None, color=colour, linewidth=1.0, zorder=3, label="_counted")
    if values.size <= _FEW_STEPS:
        ax.plot((edges[1:] + edges[:-1]) / 2, counted, ".", color=colour, markersize=3, zorder=3, label="_counted")


def _heat(ax: Axes, edges: NDArray[np.float64], values: NDArray[Any], everything: NDArray[Any]) -> None:
    scale = colour_scale([everything])
    colormap = "Greys" if scale.low == 0 else scale.name
    ax.imshow(
        np.ma.masked_invalid(values.T),
        extent=(float(edges[0]), float(edges[-1]), values.shape[1] - 0.5, -0.5),
        aspect="auto",
        cmap=colormap,
        vmin=scale.low,
        vmax=scale.high,
        interpolation="antialiased",
        rasterized=True,
    )


def _shade(ax: Axes, edges: NDArray[np.float64], uncounted: NDArray[np.bool_]) -> None:
    """Give runs of steps that do not count a grey ground."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], uncounted, [False]]).astype(np.int8)))
    for start, stop in zip(changes[::2], changes[1::2], strict=True):
        ax.axvspan(edges[start], edges[stop], facecolor=_UNCOUNTED, edgecolor="none", zorder=0)


def _scale_bar(ax: Axes, lane: float) -> None:
    """Draw how high one round number is, to the right of the top lane."""
    size = 10.0 ** np.floor(np.log10(lane / 1.2))
    size *= max(step for step in (1, 2, 5) if step * size <= lane / 1.2 * 1.0001)
    ax.annotate(
        short_number(float(size)),
        xy=(1.0, size / 2),
        xycoords=("axes fraction", "data"),
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        fontsize=SMALL,
        annotation_clip=False,
    )
    ax.plot(
        [1.02, 1.02],
        [0, size],
        transform=ax.get_yaxis_transform(),
        color=INK,
        linewidth=1.4,
        clip_on=False,
        label="_bar",
    )


def _events(axes: NDArray[Any], events: dict[str, NDArray[np.float64]], trial: int) -> None:
    for number, times in enumerate(events.values()):
        if np.isfinite(times[trial]):
            for ax in axes:
                style = _EVENT_STYLES[number % len(_EVENT_STYLES)]
                ax.axvline(times[trial], color=INK, linewidth=0.6, linestyle=style, zorder=1, label="_event")


def _describe(ax: Axes, info: dict[str, NDArray[Any]], trial: int, n_drawn: int) -> None:
    """Say what the trial was, as far as there is room."""
    known = [f"{name} {_text(values[trial])}" for name, values in info.items() if values.ndim == 1]
    room = 84 // n_drawn
    while known and len(", ".join(known)) + 12 > room:
        known.pop()
    if known:
        ax.set_title(", ".join(known), loc="right", fontsize=SMALL)
        ax._right_title.set_color("#666666")


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _keys(axes: NDArray[Any], drawn: DrawnTrials, weights: NDArray[Any], with_outputs: bool) -> None:
    """Explain lines and grounds, once, to the right of the last column."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    events = [
        Line2D([], [], color=INK, linewidth=0.6, linestyle=_EVENT_STYLES[number % len(_EVENT_STYLES)], label=name)
        for number, name in enumerate(drawn.events)
    ]
    above, below = _channel_key(drawn.input_names) + events, _channel_key(drawn.output_names)
    if with_outputs:
        below.append(Line2D([], [], color=INK, linewidth=0.7, label="output"))
    if (weights == 0).any():
        below.append(Patch(facecolor=_UNCOUNTED, edgecolor=FAINT, linewidth=0.4, label="not counted"))
    for ax, handles in zip(axes, (above, below), strict=True):
        if handles:
            # Lanes have their scale bar where the key would begin.
            ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=SMALL, borderaxespad=0.2)


def _channel_key(names: Sequence[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    if not 1 < len(names) <= _MOST_OVERLAID:
        return []
    return [Line2D([], [], color=colour, label=name) for name, colour in zip(names, palette(len(names)), strict=True)]
