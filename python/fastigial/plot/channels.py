"""Channels of a trial against time: over one another, one above the other in lanes, or as strokes and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, INK, colour_scale, palette
from fastigial.plot.style import SMALL, few_ticks, padded_limits, short_number, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNCOUNTED = "#ededed"
"""Ground of steps that do not count."""
Form = Literal["overlaid", "lanes", "strokes", "heat map"]

_MOST_OVERLAID, _MOST_LANES = 2, 12
_ALIKE = 3.0
"""Lanes whose ranges differ by more than this factor have a scale each."""
_FEW_STEPS = 40
"""Steps up to which each is marked by a point."""


def form_of(values: NDArray[Any]) -> Form:
    """Return how channels (…, n_channels) are drawn.

    Lines of 0 and 1 would hide one another, so that only a single one is drawn without a lane.
    """
    n_channels = values.shape[-1]
    binary = bool(np.isin(values, (0, 1)).all())
    if n_channels > _MOST_LANES:
        return "strokes" if binary else "heat map"
    return "lanes" if n_channels > _MOST_OVERLAID or (n_channels > 1 and binary) else "overlaid"


def height_of(values: NDArray[Any]) -> float:
    """Return the height in inches of a panel of these channels (…, n_channels)."""
    n_channels = int(values.shape[-1])
    return {"overlaid": 1.1, "lanes": max(0.9, 0.24 * n_channels)}.get(form_of(values), 1.7)


@dataclass(frozen=True)
class _Lanes:
    """Where channels one above the other lie: lane c is centred on -c, values lie at offset + scale · value."""

    offsets: NDArray[np.float64]
    scales: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[Any]) -> _Lanes:
        """Give values (n_drawn, n_steps, n_channels) lanes, on one scale unless their ranges differ much."""
        flat = np.nan_to_num(values).reshape(-1, values.shape[2])
        low, high = np.minimum(flat.min(axis=0), 0), np.maximum(flat.max(axis=0), 0)
        moving = high > low
        whole = float(high.max() - low.min()) or 1.0
        if not moving.any() or whole <= _ALIKE * (high - low)[moving].min():
            low[:], high[:] = low.min(), low.min() + whole
        high[high == low] += whole
        scales = 0.8 / (high - low)
        return cls(-np.arange(len(low)) - scales * (low + high) / 2, scales)

    @property
    def are_alike(self) -> bool:
        """Whether all channels have one scale."""
        return bool(np.ptp(self.scales) == 0)


def draw_channels(
    axes: NDArray[Any],
    edges: NDArray[np.float64],
    values: NDArray[Any],
    names: Sequence[str],
    kind: str,
    weights: NDArray[Any] | None = None,
    over: NDArray[Any] | None = None,
) -> None:
    """Draw the channels of several trials, one panel for each, on one scale.

    Parameters
    ----------
    axes : ndarray of Axes, shape (n_drawn,)
    edges : ndarray, shape (n_steps + 1,)
        When steps begin and end, in seconds.
    values : ndarray, shape (n_drawn, n_steps, n_channels)
    names : sequence of str
        Of the channels.
    kind : str
        What they are, in the singular.
    weights : ndarray, shape (n_drawn, n_steps, n_channels), optional
        What has the weight 0 is drawn in grey.
    over : ndarray, shape (n_drawn, n_steps, n_channels), optional
        Further courses, in ink.
    """
    n_channels = int(values.shape[2])
    form = form_of(values)
    everything = values if over is None else np.concatenate([values, over])
    lanes = _Lanes.of(everything) if form == "lanes" else _Lanes(np.zeros(n_channels), np.ones(n_channels))
    for column, ax in enumerate(axes):
        uncounted = np.asarray(np.zeros(values.shape[1:]) if weights is None else weights[column] == 0, dtype=np.bool_)
        _shade(ax, edges, np.asarray(uncounted.all(axis=1)))
        if form in ("strokes", "heat map"):
            _many(ax, edges, np.where(uncounted, np.nan, values[column]), values)
        else:
            colours = palette(_MOST_OVERLAID) if form == "overlaid" else palette(1) * n_channels
            for channel, (base, scale) in enumerate(zip(lanes.offsets, lanes.scales, strict=True)):
                course = base + scale * values[column, :, channel]
                _course(ax, edges, course, uncounted[:, channel], colours[channel], base)
                if over is not None:
                    course = base + scale * over[column, :, channel]
                    ax.stairs(course, edges, baseline=None, color=INK, linewidth=0.7, zorder=4, label="_output")
        tidy(ax)
        ax.set_xlim(edges[0], edges[-1])
        few_ticks(ax, x=4)
        if form == "lanes":
            ax.set_ylim(0.4 - n_channels, 0.6)
            ax.set_yticks(-np.arange(n_channels), names)
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
        elif form == "overlaid":
            ax.set_ylim(padded_limits(everything))
            few_ticks(ax, y=3)
        else:
            few_ticks(ax, y=4, whole=("y",))
        ax.tick_params(axis="y", labelleft=column == 0)
    many = form in ("strokes", "heat map")
    label = f"{kind} channel" if many else f"{kind}s" if n_channels > 1 else names[0]
    axes[0].set_ylabel(label, labelpad=6.0 if form == "lanes" else 2.0)
    if form == "lanes":
        _scale_bars(axes[-1], lanes)
    else:
        _name_channels(axes[-1], form, names, values)


def _course(
    ax: Axes,
    edges: NDArray[np.float64],
    values: NDArray[Any],
    uncounted: NDArray[np.bool_],
    colour: str,
    base: float,
) -> None:
    """Draw one channel over the steps: in colour where it counts, faint where it does not."""
    ax.axhline(base, color=FAINT, linewidth=0.5, zorder=0.5, label="_zero")
    if uncounted.any():
        ax.stairs(values, edges, baseline=None, color=FAINT, linewidth=1.0, zorder=2, label="_uncounted")
    counted = np.where(uncounted, np.nan, values)
    ax.stairs(counted, edges, baseline=None, color=colour, linewidth=1.0, zorder=3, label="_counted")
    if values.size <= _FEW_STEPS:
        ax.plot((edges[1:] + edges[:-1]) / 2, counted, ".", color=colour, markersize=3, zorder=3, label="_points")


def _many(ax: Axes, edges: NDArray[np.float64], values: NDArray[Any], everything: NDArray[Any]) -> None:
    """Draw many channels (n_steps, n_channels), the first on top: a stroke for each 1 of spikes, else a heat map."""
    bottom, top = values.shape[1] - 0.5, -0.5
    if form_of(everything) == "strokes":
        step, channel = np.nonzero(values == 1)
        ax.vlines(edges[step], channel - 0.45, channel + 0.45, color=INK, linewidth=0.6, rasterized=True)
        ax.set_ylim(bottom, top)
        return
    scale = colour_scale([everything])
    ax.imshow(
        np.ma.masked_invalid(values.T),
        extent=(float(edges[0]), float(edges[-1]), bottom, top),
        aspect="auto",
        cmap=scale.colormap,
        vmin=scale.low,
        vmax=scale.high,
        interpolation="antialiased",
        rasterized=True,
    )


def _shade(ax: Axes, edges: NDArray[np.float64], uncounted: NDArray[np.bool_]) -> None:
    """Give runs of steps that do not count a grey ground."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], uncounted, [False]]).astype(np.int8)))
    for start, stop in zip(changes[::2], changes[1::2], strict=True):
        ax.axvspan(edges[start], edges[stop], facecolor=UNCOUNTED, edgecolor="none", zorder=0, label="_uncounted")


def _scale_bars(ax: Axes, lanes: _Lanes) -> None:
    """Draw how high a round number is, to the right: beside the top lane, or beside each if their scales differ."""
    along: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "clip_on": False}
    for channel, scale in enumerate(lanes.scales):
        height = 0.8 / scale
        size = 10.0 ** np.floor(np.log10(height))
        size *= max(step for step in (1, 2, 5) if step * size <= 1.0001 * height)
        ends = np.array([-0.5, 0.5]) * size * scale - channel
        ax.plot([1.03, 1.03], ends, color=INK, linewidth=1.2, label="_bar", **along)
        ax.text(1.05, -channel, short_number(float(size)), va="center", fontsize=SMALL, **along)
        if lanes.are_alike:
            return


def _name_channels(ax: Axes, form: Form, names: Sequence[str], values: NDArray[Any]) -> None:
    """Explain the colours of channels that have no lane, to the right of the last panel."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    if form == "overlaid" and len(names) > 1:
        colours = palette(_MOST_OVERLAID)
        handles = [Line2D([], [], color=colour, label=name) for name, colour in zip(names, colours, strict=True)]
    elif form == "heat map":
        scale = colour_scale([values])
        ends = [(1.0, scale.high), (0.0, scale.low)]
        handles = [Patch(facecolor=scale.colormap(where), label=short_number(value)) for where, value in ends]
    if handles:
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=SMALL, borderaxespad=0.2)
