"""The factors of a CP model: one row per component, one column per mode."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import FAINT, INK, TrialColours, trial_colours
from fastigial.plot.labels import (
    Axis,
    FactorModel,
    Role,
    axis_of,
    find_role,
    require_fitted,
    role_of,
    selection,
    trial_values,
)
from fastigial.plot.sorting import Order, by_dominant_component, resolve_order
from fastigial.plot.style import (
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
    trial_key,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["line", "bar", "scatter"]

_KIND_OF_ROLE: Mapping[Role, Kind] = {"trial": "scatter", "neuron": "bar", "time": "line", "other": "line"}
_MANY_BARS = 200
_MANY_POINTS = 500


def tca(
    model: FactorModel,
    *,
    components: int | ArrayLike | None = None,
    condition: str | ArrayLike | None = None,
    sort_neurons: bool | ArrayLike = True,
    kinds: Mapping[str, Kind] | Sequence[Kind] | None = None,
    share_y: bool = True,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw the factors of a CP model (TCA), one row per component and one column per mode.

    Beside each row stand the component's number (counted from 0, as in ``model.factors_[mode][:, r]``), its
    weight λ and the share of that weight in the sum of all weights. The share is not a share of variance:
    components of a CP model are not orthogonal, and their variances do not add up.

    Parameters
    ----------
    model : fitted TCA
        With ``factors_`` [(d_i, R), …], ``weights_`` (R,), ``dims_`` and ``coords_``; any number of modes.
    components : int or array_like of int, optional
        Components to draw, in this order. Default: all.
    condition : str or array_like of shape (n_trials,), optional
        Colours the trials: the name of a coordinate of the trial axis, or one value per trial. Text, booleans
        and up to nine different numbers are categories with a legend; other numbers get a colour bar.
    sort_neurons : bool or array_like of int, shape (n_neurons,)
        True groups neurons by the component in which they are strongest; False keeps the recorded order; an
        array is the order itself.
    kinds : mapping of axis name to kind, or one kind per mode, optional
        ``"line"``, ``"bar"`` or ``"scatter"``. Default: trials scatter, neurons bar, anything else line.
    share_y : bool
        Same limits for all panels of a column, so that sizes can be compared.
    axes : array_like of Axes, shape (n_components, n_modes), optional
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
        If the model is not fitted, a component does not exist, `condition` has another length or names no
        coordinate of the trials, `sort_neurons` is no permutation, a kind is unknown, or `axes` have another
        number.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.random.default_rng(0).random((8, 5, 6))
    >>> model = fg.TCA(2, random_state=0).fit(X)
    >>> fig = fg.plot.tca(model, condition=["left", "right"] * 4)
    >>> len(fig.axes)
    6
    """
    require_fitted(model, "factors_", "weights_", "dims_", "coords_")
    factors = [np.asarray(factor) for factor in model.factors_]
    weights = np.asarray(model.weights_, dtype=np.float64)
    chosen = selection(components, weights.size, "components")
    columns = [axis_of(model, mode, len(factor)) for mode, factor in enumerate(factors)]
    column_kinds = _kinds(kinds, [column.name for column in columns])
    orders = _orders(model, factors, sort_neurons)
    trial_mode = find_role(model.dims_, "trial")
    colours: TrialColours | None = None
    if condition is not None:
        n_trials = 0 if trial_mode is None else len(factors[trial_mode])
        values, label = trial_values(model, condition, n_trials, "condition")
        colours = trial_colours(values, label, n_trials)

    with house_style():
        if axes is None:
            width, height = figsize or (PAGE_WIDTH, _height(chosen.size, colours))
            figure = new_figure(width, height)
            grid = figure.subplots(
                chosen.size,
                len(factors),
                squeeze=False,
                width_ratios=[1.3 if kind == "scatter" else 1.0 for kind in column_kinds],
            )
            summary = _summary(model, weights.size)
            figure.suptitle(summary, x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, (chosen.size, len(factors)))
            figure = figure_of(grid)
        least = 3 if chosen.size <= 6 else 2
        for mode, (column, order, kind) in enumerate(zip(columns, orders, column_kinds, strict=True)):
            drawn = factors[mode][order.indices][:, chosen]
            for row in range(chosen.size):
                ax = grid[row, mode]
                _draw(ax, column, drawn[:, row], kind, colours if mode == trial_mode else None, least)
                ax.set_ylim(padded_limits(drawn if share_y else drawn[:, row]))
                ax.tick_params(labelbottom=row == chosen.size - 1)
            grid[0, mode].set_title(column.name)
            grid[-1, mode].set_xlabel(_wrapped(order.label(column.label, "\n"), len(factors)))
        for row, component in enumerate(chosen):
            share = weights[component] / (weights.sum() or 1.0)
            text = f"component {component}\nλ {short_number(weights[component])}\n({share:.0%})"
            grid[row, 0].set_ylabel(
                text,
                rotation=0,
                ha="right",
                va="center",
                fontsize=SMALL,
                labelpad=6.0,
                multialignment="right",
            )
        if colours is not None and trial_mode is not None:
            trial_key(figure, colours, grid[:, trial_mode].tolist(), own=axes is None)
    return figure


def _wrapped(label: str, n_columns: int) -> str:
    """Break an axis label so that it is not wider than one of `n_columns` panels of a page."""
    width = 34 if n_columns <= 3 else 84 // n_columns
    return "\n".join(part for line in label.split("\n") for part in textwrap.wrap(line, width))


def _height(n_rows: int, colours: TrialColours | None) -> float:
    per_row = 1.0 if n_rows <= 4 else 0.8 if n_rows <= 8 else 0.68
    return 0.85 + per_row * n_rows + (0.0 if colours is None else 0.4)


def _summary(model: FactorModel, n_components: int) -> str:
    explained = getattr(model, "explained_variance_", None)
    fit = "" if explained is None else f", explained variance {float(explained):.3f}"
    plural = "" if n_components == 1 else "s"
    return f"{type(model).__name__}, {n_components} component{plural}{fit}.  λ: weight (share of their sum)"


def _kinds(kinds: Mapping[str, Kind] | Sequence[Kind] | None, names: Sequence[str]) -> list[Kind]:
    chosen: list[Kind] = [_KIND_OF_ROLE[role_of(name)] for name in names]
    if isinstance(kinds, Mapping):
        unknown = [name for name in kinds if name not in names]
        if unknown:
            raise ValueError(f"kinds names the axis {unknown[0]!r}, but the model's axes are {tuple(names)}")
        chosen = [kinds.get(name, kind) for name, kind in zip(names, chosen, strict=True)]
    elif kinds is not None:
        if isinstance(kinds, str) or len(kinds) != len(names):
            raise ValueError(f"kinds must hold one kind for each of the {len(names)} modes; got {kinds!r}")
        chosen = list(kinds)
    wrong = [kind for kind in chosen if kind not in ("line", "bar", "scatter")]
    if wrong:
        raise ValueError(f'kinds must be "line", "bar" or "scatter"; got {wrong[0]!r}')
    return chosen


def _orders(model: FactorModel, factors: Sequence[NDArray[Any]], sort: bool | ArrayLike) -> list[Order]:
    orders = [Order(np.arange(len(factor)), "") for factor in factors]
    mode = find_role(model.dims_, "neuron")
    if mode is not None:
        neurons = factors[mode]
        orders[mode] = resolve_order(sort, len(neurons), "sort_neurons", lambda: by_dominant_component(neurons))
    elif not isinstance(sort, bool | np.bool_):
        raise ValueError(f"sort_neurons needs a neuron axis, but the model's axes are {tuple(model.dims_)}")
    return orders


def _draw(ax: Axes, column: Axis, values: NDArray[Any], kind: Kind, colours: TrialColours | None, least: int) -> None:
    draw_vector(ax, column.values, values, kind, colours)
    edges = column.edges
    margin = 0.02 * (edges[-1] - edges[0]) if kind == "scatter" else 0.0
    ax.set_xlim(edges[0] - margin, edges[-1] + margin)
    whole = () if role_of(column.name) == "time" or (column.values % 1).any() else ("x",)
    few_ticks(ax, x=4, y=3, least=least, whole=whole)


def draw_vector(
    ax: Axes, positions: NDArray[Any], values: NDArray[Any], kind: Kind, colours: TrialColours | None = None
) -> None:
    """Draw one factor or loading vector, (size,) at positions (size,), with a zero line.

    Points take the trials' `colours`; so do bars. A line has one colour, and coloured points are added on it.
    """
    size = values.size
    many = size > _MANY_POINTS
    colour: Any = INK if colours is None else colours.colours
    if kind == "scatter" or (kind == "line" and colours is not None):
        area = 9.0 if size <= 100 else 5.0 if not many else 2.5
        ax.scatter(
            positions,
            values,
            s=area,
            c=colour,
            linewidths=0,
            alpha=0.75 if many else 0.95,
            rasterized=many,
            zorder=3,
        )
    if kind == "line":
        ax.plot(positions, values, color=FAINT if colours is not None else INK, linewidth=1.0, zorder=2)
    if kind == "bar" and size > _MANY_BARS and colours is None:
        # One filled outline instead of hundreds of rectangles; gaps would be thinner than a pixel anyway.
        ax.fill_between(positions, np.nan_to_num(values), step="mid", color=INK, linewidth=0)
    elif kind == "bar":
        step = float(np.diff(positions).min()) if size > 1 else 1.0
        ax.bar(positions, np.nan_to_num(values), width=0.8 * step, color=colour, linewidth=0)
    zero_line(ax)
    tidy(ax)
