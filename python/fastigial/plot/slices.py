"""The components of a SliceTCA model: each loading vector beside its slice, grouped by slice type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import TrialColours, colour_scale, trial_colours, trial_groups
from fastigial.plot.factors import Kind, draw_vector
from fastigial.plot.labels import Axis, SliceModel, axis_of, require_fitted, role_of, selection, trial_values
from fastigial.plot.sorting import Order, by_slices, by_value, component_norms, resolve_order
from fastigial.plot.style import (
    MEDIUM,
    PAGE_WIDTH,
    SMALL,
    colour_bar,
    few_ticks,
    figure_of,
    given_axes,
    heat_map,
    house_style,
    mark_groups,
    new_figure,
    padded_limits,
    short_number,
    trial_key,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KINDS: Mapping[str, Kind] = {"trial": "scatter", "neuron": "bar", "time": "line"}


@dataclass(frozen=True)
class _Layout:
    """The three axes as drawn: order, coordinates, labels, and the borders between groups of trials."""

    axes: tuple[Axis, Axis, Axis]
    orders: tuple[Order, Order, Order]
    borders: NDArray[np.float64]
    group_names: tuple[str, ...]
    colours: TrialColours | None


def slicetca(
    model: SliceModel,
    *,
    components: Mapping[str, int | ArrayLike] | None = None,
    condition: str | ArrayLike | None = None,
    sort_trials: bool | str | ArrayLike | None = None,
    sort_neurons: bool | ArrayLike = True,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw the components of a SliceTCA model: loading vectors beside their slices, grouped by slice type.

    The slices of one type share a colour scale with one colour bar: symmetric about zero if any of them is
    negative, from zero up otherwise. Neurons and trials have the same order in every panel, and the axis says
    which. Components are counted from 0, as in ``model.loadings_``; below each stands the norm of ``loading ⊗
    slice``.

    Parameters
    ----------
    model : fitted SliceTCA
        With ``loadings_`` [(r_i, d_i)] and ``slices_`` [(r_i, d_j, d_k)], ``dims_`` and ``coords_``.
    components : mapping of axis name to int or array_like of int, optional
        Components to draw, such as ``{"trial": [0, 1], "time": 0}``; types not named are left out. Default:
        all.
    condition : str or array_like of shape (n_trials,), optional
        Colours the trials, as in :func:`tca`.
    sort_trials : bool, str or array_like, optional
        True sorts trials by `condition`; a name sorts by that coordinate; an array of int, shape (n_trials,),
        is the order itself. Default: as recorded. Borders are drawn between categories.
    sort_neurons : bool or array_like of int, shape (n_neurons,)
        True sorts by the time of the peak in the strongest trial-slicing component (without one: by the
        loading on the strongest neuron-slicing component, or else by mean size); False keeps the recorded
        order.
    axes : array_like of Axes, shape (n_drawn, 2), optional
        Draw here: loading and slice of each component, in the order trial-, neuron-, time-slicing.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If the model is not fitted, a component or slice type does not exist, `condition` or `sort_trials` has
        another length or names no coordinate of the trials, `sort_neurons` is no permutation, or `axes` have
        another number.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.random.default_rng(0).random((8, 5, 6))
    >>> model = fg.SliceTCA((1, 0, 1), random_state=0).fit(X)
    >>> fig = fg.plot.slicetca(model)
    >>> [ax.get_title(loc="left") for ax in fig.axes[0:4:2]]
    ['trial-slicing', 'time-slicing']
    """
    require_fitted(model, "loadings_", "slices_", "dims_", "coords_")
    chosen = _chosen(model, components)
    layout = _layout(model, condition, sort_trials, sort_neurons)
    n_rows = sum(indices.size for indices in chosen)
    n_groups = sum(indices.size > 0 for indices in chosen)

    with house_style():
        if axes is None:
            height = 0.5 + 1.15 * n_rows + 0.5 * n_groups + (0.35 if layout.colours else 0.0)
            figure = new_figure(*(figsize or (PAGE_WIDTH, height)))
            grid = figure.subplots(n_rows, 2, squeeze=False, width_ratios=[1.0, 1.25])
            explained = getattr(model, "explained_variance_", None)
            fit = "" if explained is None else f", explained variance {float(explained):.3f}"
            ranks = ", ".join(str(len(loadings)) for loadings in model.loadings_)
            figure.suptitle(
                f"{type(model).__name__}, components ({ranks}){fit}.  ‖·‖: norm of loading ⊗ slice",
                x=0.01,
                ha="left",
                fontsize=SMALL,
            )
        else:
            grid = given_axes(axes, (n_rows, 2))
            figure = figure_of(grid)
        first = 0
        for kind, indices in enumerate(chosen):
            if indices.size:
                _draw_type(figure, grid[first : first + indices.size], model, kind, indices, layout)
                first += indices.size
        if layout.colours is not None and chosen[0].size:
            trial_key(figure, layout.colours, grid[: chosen[0].size, 0].tolist(), own=axes is None)
    return figure


def _chosen(model: SliceModel, components: Mapping[str, int | ArrayLike] | None) -> list[NDArray[np.intp]]:
    sizes = [len(loadings) for loadings in model.loadings_]
    if components is None:
        return [np.arange(size) for size in sizes]
    if not isinstance(components, Mapping) or not components:
        raise ValueError(f"components must name slice types, such as {{{model.dims_[0]!r}: [0]}}; got {components!r}")
    unknown = [name for name in components if name not in model.dims_]
    if unknown:
        raise ValueError(f"components names {unknown[0]!r}, but the slice types are {tuple(model.dims_)}")
    empty = [name for name, size in zip(model.dims_, sizes, strict=True) if name in components and not size]
    if empty:
        raise ValueError(f"components names {empty[0]!r}, but the model has no {empty[0]}-slicing component")
    return [
        selection(components[name], size, f"components[{name!r}]") if name in components else np.arange(0)
        for name, size in zip(model.dims_, sizes, strict=True)
    ]


def _layout(
    model: SliceModel,
    condition: str | ArrayLike | None,
    sort_trials: bool | str | ArrayLike | None,
    sort_neurons: bool | ArrayLike,
) -> _Layout:
    n_trials, n_neurons, n_time = (np.shape(loadings)[1] for loadings in model.loadings_)
    trials, neurons, time = (axis_of(model, mode, n) for mode, n in enumerate((n_trials, n_neurons, n_time)))
    values, label = (None, "") if condition is None else trial_values(model, condition, n_trials, "condition")
    colours = None if values is None else trial_colours(values, label, n_trials)

    sorted_by: NDArray[Any] | None = None
    if sort_trials is True:
        if values is None:
            raise ValueError("sort_trials=True sorts by condition, but condition is None")
        sorted_by, sorted_name = values, label
    elif isinstance(sort_trials, str):
        sorted_by, sorted_name = trial_values(model, sort_trials, n_trials, "sort_trials")
    if sorted_by is not None:
        trial_order = by_value(sorted_by, sorted_name)
    else:
        given = False if sort_trials is None else sort_trials
        trial_order = resolve_order(given, n_trials, "sort_trials", lambda: Order(np.arange(n_trials), ""))
    if trial_order.reason:
        trials = Axis(trials.name, np.arange(n_trials, dtype=np.float64), trials.name)
    borders, names = _borders(sorted_by, trial_order)
    if colours is not None:
        colours = TrialColours(colours.colours[trial_order.indices], colours.label, colours.groups, colours.mappable)
    loadings = [np.asarray(array) for array in model.loadings_]
    slices = [np.asarray(array) for array in model.slices_]
    neuron_order = resolve_order(
        sort_neurons, n_neurons, "sort_neurons", lambda: by_slices(loadings, slices, model.dims_)
    )
    if neuron_order.reason:
        neurons = Axis(neurons.name, np.arange(n_neurons, dtype=np.float64), neurons.name)
    return _Layout(
        (trials, neurons, time),
        (trial_order, neuron_order, Order(np.arange(n_time), "")),
        borders,
        names,
        colours,
    )


def _borders(values: NDArray[Any] | None, order: Order) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the borders (n_groups + 1,) of the categories along the sorted trials, and their names."""
    groups = () if values is None else trial_groups(values, "sort_trials")
    sizes = [int(group.members.sum()) for group in groups]
    # Drawing order and legend order agree for all levels that compare the same way; if not, draw no borders.
    sequence = np.concatenate([np.flatnonzero(group.members) for group in groups]) if groups else order.indices
    if not groups or (sequence != order.indices).any():
        return np.empty(0), ()
    return np.concatenate(([0], np.cumsum(sizes))) - 0.5, tuple(group.label for group in groups)


def _draw_type(
    figure: Figure,
    grid: NDArray[Any],
    model: SliceModel,
    kind: int,
    indices: NDArray[np.intp],
    layout: _Layout,
) -> None:
    """Draw all chosen components of one slice type into grid (n, 2)."""
    j, k = (mode for mode in range(3) if mode != kind)
    loadings = np.asarray(model.loadings_[kind])[indices][:, layout.orders[kind].indices]
    slices = np.asarray(model.slices_[kind])[indices]
    norms = component_norms(loadings, slices)
    slices = slices[:, layout.orders[j].indices][:, :, layout.orders[k].indices]
    scale = colour_scale([slices])
    along, rows, columns = layout.axes[kind], layout.axes[j], layout.axes[k]
    limits = padded_limits(loadings)
    vector_kind = _KINDS.get(role_of(along.name), "line")
    for row, component in enumerate(indices):
        vector_ax, slice_ax = grid[row]
        last = row == indices.size - 1
        draw_vector(vector_ax, along.values, loadings[row], vector_kind, layout.colours if kind == 0 else None)
        margin = 0.02 * (along.edges[-1] - along.edges[0]) if vector_kind == "scatter" else 0.0
        vector_ax.set_xlim(along.edges[0] - margin, along.edges[-1] + margin)
        vector_ax.set_ylim(limits)
        few_ticks(vector_ax, x=4, y=3, whole=_whole(along, "x"))
        vector_ax.set_ylabel(
            f"component {component}\n‖·‖ {short_number(norms[row])}",
            rotation=0,
            ha="right",
            va="center",
            fontsize=SMALL,
            labelpad=6.0,
        )
        artist = heat_map(slice_ax, slices[row], rows=rows, columns=columns, scale=scale)
        few_ticks(slice_ax, x=4, y=3, whole=(*_whole(columns, "x"), *_whole(rows, "y")))
        slice_ax.set_ylabel(rows.name)
        if kind != 0:
            mark_groups(slice_ax, layout.borders, layout.group_names)
        for ax in (vector_ax, slice_ax):
            ax.tick_params(labelbottom=last)
    heading = f"{model.dims_[kind]}-slicing"
    grid[0, 0].set_title(heading, loc="left", fontsize=MEDIUM, fontweight="bold")
    # Rows are too short for a long label beside them, so their order is stated above.
    note = layout.orders[j].reason
    above = f"{rows.name}s sorted by {note}" if note else f"{rows.name} × {columns.name}"
    grid[0, 1].set_title(above, loc="left", fontsize=SMALL)
    grid[-1, 0].set_xlabel(_column_label(layout, kind))
    grid[-1, 1].set_xlabel(_column_label(layout, k))
    colour_bar(figure, artist, grid[:, 1].tolist(), "slice", scale.extend)


def _whole(axis: Axis, name: str) -> tuple[str, ...]:
    return () if role_of(axis.name) == "time" or (axis.values % 1).any() else (name,)


def _column_label(layout: _Layout, mode: int) -> str:
    return layout.orders[mode].label(layout.axes[mode].label, "\n")
