"""One restrained look for all figures, applied to our own artists only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plot.colour import FAINT, INK, ColourScale, TrialColours
from fastigial.plot.labels import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure

PAGE_WIDTH = 7.2
"""Width in inches of a double-column figure: fonts below are sizes in print."""
SMALL, MEDIUM = 7.0, 8.0
"""Font sizes in points of ticks and notes, and of labels and titles."""
_STYLE: Any = {
    "font.size": MEDIUM,
    "axes.labelsize": MEDIUM,
    "axes.titlesize": MEDIUM,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "axes.axisbelow": True,
    "axes.grid": False,
    "axes.formatter.useoffset": False,
    "figure.titlesize": MEDIUM,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.4,
    "lines.linewidth": 1.0,
    "text.color": INK,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Apply our settings inside a ``with`` block; the caller's come back after it."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, with constrained layout."""
    from fastigial.plot.canvas import NotebookFigure

    figure = NotebookFigure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    return figure


def given_axes(axes: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the caller's axes as an array of `shape`.

    Raises
    ------
    ValueError
        If their number is not what the figure needs.
    """
    found = np.asarray(axes, dtype=object)
    n_needed = int(np.prod(shape))
    if found.size != n_needed:
        raise ValueError(f"axes must hold {n_needed} axes, in the shape {shape}; got {found.size}")
    return found.reshape(shape)


def figure_of(axes: NDArray[Any]) -> Figure:
    """Return the figure that the axes stand in, also when that is by way of a subfigure."""
    from matplotlib.figure import Figure

    parent: Figure | SubFigure | None = axes.flat[0].figure
    while parent is not None and not isinstance(parent, Figure):
        parent = parent.figure
    if parent is None:
        raise ValueError("axes must belong to a figure; got axes that were removed from theirs")
    return parent


def tidy(ax: Axes, *, box: bool = False) -> None:
    """Give axes our ticks and spines; `box` keeps all four sides, for heat maps."""
    # Not by rcParams alone: matplotlib makes ticks when it draws, after the style has been left.
    ax.tick_params(labelsize=SMALL, length=2.5, width=0.6, color=INK, labelcolor=INK, pad=2.0)
    # In axes of the caller's making, labels and titles exist already, in the caller's sizes.
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set_fontsize(MEDIUM)
        text.set_color(INK)
    for side, spine in ax.spines.items():
        spine.set_linewidth(0.6)
        spine.set_color(INK)
        spine.set_visible(box or side in ("left", "bottom"))


def few_ticks(
    ax: Axes, *, x: int | None = None, y: int | None = None, least: int = 3, whole: Sequence[str] = ()
) -> None:
    """Aim at `x` and `y` tick intervals, but `least` ticks; axes in `whole` ("x", "y") get integers only."""
    from matplotlib.ticker import MaxNLocator

    for name, axis, n_intervals in (("x", ax.xaxis, x), ("y", ax.yaxis, y)):
        if n_intervals is not None:
            axis.set_major_locator(
                MaxNLocator(n_intervals, integer=name in whole, steps=[1, 2, 5, 10], min_n_ticks=least)
            )


def zero_line(ax: Axes) -> None:
    """Draw a faint line at zero, beneath the data."""
    ax.axhline(0.0, color=FAINT, linewidth=0.6, zorder=0)


def padded_limits(values: NDArray[Any]) -> tuple[float, float]:
    """Return limits that hold zero and all finite values, with a margin of 6 % where there are values."""
    finite = values[np.isfinite(values)]
    low = min(0.0, float(finite.min())) if finite.size else 0.0
    high = max(0.0, float(finite.max())) if finite.size else 0.0
    span = (high - low) or 1.0
    return low - 0.06 * span, high + 0.06 * span


def heat_map(ax: Axes, values: NDArray[Any], *, rows: Axis, columns: Axis, scale: ColourScale) -> ScalarMappable:
    """Draw values (rows, columns) with real coordinates, the first row on top.

    Evenly spaced coordinates are drawn as an image, others as a mesh with cells of their true width. Both are
    rasterised, so that a vector file stays small.
    """
    x, y = columns.edges, rows.edges
    masked = np.ma.masked_invalid(values)
    artist: ScalarMappable
    if rows.is_regular and columns.is_regular:
        artist = ax.imshow(
            masked,
            cmap=scale.colormap,
            vmin=scale.low,
            vmax=scale.high,
            extent=(float(x[0]), float(x[-1]), float(y[-1]), float(y[0])),
            aspect="auto",
            interpolation="antialiased",
            rasterized=True,
        )
    else:
        artist = ax.pcolormesh(x, y, masked, cmap=scale.colormap, vmin=scale.low, vmax=scale.high, rasterized=True)
        # A mesh draws nothing where values are missing; the axes behind it show through.
        ax.set_facecolor(scale.colormap.get_bad().tolist())
        ax.set_ylim(float(y[-1]), float(y[0]))
    tidy(ax, box=True)
    return artist


def mark_groups(ax: Axes, borders: NDArray[np.float64], names: Sequence[str]) -> None:
    """Rule off groups of rows in a heat map at `borders` (n_groups + 1,), and name them if all names fit."""
    for border in borders[1:-1]:
        ax.axhline(border, color="black", linewidth=0.5)
    sizes = np.diff(borders)
    # A panel is about 1.1 in high and a line of 7 pt needs a tenth of an inch.
    if sizes.size and sizes.min() >= 0.09 * sizes.sum():
        ax.set_yticks((borders[1:] + borders[:-1]) / 2, list(names))
        ax.tick_params(axis="y", length=0)


def short_number(value: float) -> str:
    """Return a number in about three digits, without an exponent where none is needed.

    Examples
    --------
    >>> from fastigial.plot.style import short_number
    >>> short_number(1030.4), short_number(0.05678)
    ('1030', '0.0568')
    """
    return f"{value:.0f}" if 100 <= abs(value) < 1e5 else f"{value:.3g}"


def colour_bar(
    figure: Figure, artist: ScalarMappable, axes: Sequence[Axes], label: str, extend: str = "neither"
) -> None:
    """Draw one thin colour bar to the right of `axes`."""
    bar = figure.colorbar(
        artist, ax=list(axes), label=label, extend=extend, aspect=16 * len(axes), pad=0.02, fraction=0.05
    )
    _tidy_bar(bar, "y")


def trial_key(figure: Figure, colours: TrialColours, axes: Sequence[Axes], *, own: bool, shrink: float = 0.9) -> None:
    """Explain the trials' colours once: a legend for categories, a colour bar below `axes` for a quantity.

    In a figure of our `own` the legend stands outside, below everything. In a caller's figure, whose layout
    is not ours to change, it stands in the first of `axes`.
    """
    if colours.mappable is not None:
        bar = figure.colorbar(
            colours.mappable,
            ax=list(axes),
            location="bottom",
            label=colours.label,
            aspect=30,
            pad=0.02,
            shrink=shrink,
        )
        _tidy_bar(bar, "x")
    elif colours.groups:
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], linestyle="none", marker="o", markersize=4, color=group.colour, label=group.label)
            for group in colours.groups
        ]
        if own:
            n_columns = _columns_that_fit([group.label for group in colours.groups])
            legend = figure.legend(handles=handles, title=colours.label, loc="outside lower center", ncols=n_columns)
        else:
            legend = axes[0].legend(
                handles=handles, title=colours.label, loc="upper right", frameon=True, framealpha=0.85
            )
            legend.get_frame().set_edgecolor("none")
            legend.set_zorder(6)
        for text in (*legend.get_texts(), legend.get_title()):
            text.set_fontsize(SMALL)


def _columns_that_fit(labels: Sequence[str]) -> int:
    # A letter at 7 pt is about 0.055 in wide, a marker with its gaps 0.4 in.
    widest = 0.4 + 0.055 * max(len(label) for label in labels)
    return max(1, min(len(labels), int((PAGE_WIDTH - 0.4) / widest)))


def _tidy_bar(bar: Any, axis: str) -> None:
    from matplotlib.ticker import MaxNLocator

    bar.ax.tick_params(labelsize=SMALL, length=2.0, width=0.6, pad=2.0)
    bar.outline.set_linewidth(0.6)
    bar.outline.set_edgecolor(INK)
    bar.locator = MaxNLocator(4, steps=[1, 2, 5, 10])
    bar.update_ticks()
    getattr(bar.ax, f"{axis}axis").label.set_size(SMALL)
