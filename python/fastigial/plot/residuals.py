"""Data, reconstruction and residual of a few neurons: what the model has caught, and what it has missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.observed import observed_mean
from fastigial.plot.colour import INK, MISSING, Group, colour_scale, signed_scale, trial_colours, trial_groups
from fastigial.plot.labels import (
    Axis,
    ReconstructingModel,
    axis_of,
    require_fitted,
    role_of,
    selection,
    trial_values,
)
from fastigial.plot.sorting import by_value
from fastigial.plot.style import (
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
    tidy,
    trial_key,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_SHOWN = 4


def reconstruction(
    X: ArrayLike,
    model: ReconstructingModel,
    *,
    neurons: int | ArrayLike | None = None,
    trials: int | ArrayLike | None = None,
    condition: str | ArrayLike | None = None,
    kind: Literal["auto", "mean", "trials"] = "auto",
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw data, reconstruction and residual (data − reconstruction) of a few neurons.

    One row per neuron. Its label gives the share of the neuron's sum of squares that the model explains over
    the trials drawn, ``1 − Σ(x − x̂)² / Σx²`` over observed entries.

    Parameters
    ----------
    X : array_like of shape (n_trials, n_neurons, n_time)
        The data; NaN is not observed. Drawn in grey in heat maps, left out of means.
    model : fitted TCA or SliceTCA
        With ``reconstruct()`` returning the shape of `X`.
    neurons : int or array_like of int, optional
        Neurons to draw. Default: four, evenly spaced from the best to the worst explained, so that the figure
        does not flatter the model.
    trials : int or array_like of int, optional
        Trials to draw, or to average over. Default: all.
    condition : str or array_like of shape (n_trials,), optional
        Name of a coordinate of the trial axis or one value per trial; must be categorical. Means are taken
        per condition, heat maps are sorted by it.
    kind : {"auto", "mean", "trials"}
        ``"mean"``: mean over trials against time, data (broad, pale) under reconstruction (thin).
        ``"trials"``: heat maps of single trials. ``"auto"`` is ``"mean"`` if there is a condition, else
        ``"trials"``.
    axes : array_like of Axes, optional
        Draw here: shape (n_neurons, 2) for means, (n_neurons, 3) for trials.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If `X` does not have the shape of the reconstruction, or an argument has another length, is a quantity
        instead of categories, or names what does not exist.

    Notes
    -----
    Means of the reconstruction are taken over the entries at which the data were observed, so that both means
    are over the same trials. Colour scales end at the 99.5th percentile of sizes, for data and reconstruction
    together.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.random.default_rng(0).random((8, 5, 6))
    >>> model = fg.TCA(2, random_state=0).fit(X)
    >>> fig = fg.plot.reconstruction(X, model, neurons=[0, 3], condition=["left", "right"] * 4)
    >>> [ax.get_title() for ax in fig.axes[:2]]
    ['data and reconstruction', 'residual']
    """
    require_fitted(model, "reconstruct", "dims_", "coords_")
    if kind not in ("auto", "mean", "trials"):
        raise ValueError(f'kind must be "auto", "mean" or "trials"; got {kind!r}')
    data = np.asarray(X, dtype=np.float64)
    estimate = np.asarray(model.reconstruct(), dtype=np.float64)
    if data.shape != estimate.shape:
        raise ValueError(f"X must have the shape of the reconstruction, {estimate.shape}; got {data.shape}")
    if [role_of(name) for name in model.dims_] != ["trial", "neuron", "time"]:
        raise ValueError(f"model must be of trials, neurons and time; its axes are {tuple(model.dims_)}")
    n_trials, n_neurons, n_time = data.shape
    kept = selection(trials, n_trials, "trials")
    values, label = (None, "") if condition is None else trial_values(model, condition, n_trials, "condition")
    if values is not None and not trial_groups(values):
        raise ValueError("condition must be categorical: text, booleans or at most nine different numbers")
    data, estimate = data[kept], estimate[kept]
    explained = explained_by_neuron(data, estimate)
    chosen = _spread(explained) if neurons is None else selection(neurons, n_neurons, "neurons")
    time = axis_of(model, 2, n_time)
    as_means = kind == "mean" or (kind == "auto" and condition is not None)
    if not as_means and values is not None:
        order = by_value(values[kept], label).indices
        kept, data, estimate = kept[order], data[order], estimate[order]
    groups = trial_groups(values[kept]) if values is not None else ()

    with house_style():
        shape = (chosen.size, 2 if as_means else 3)
        if axes is None:
            height = 0.65 + 1.3 * chosen.size + (0.35 if as_means and groups else 0.0)
            figure = new_figure(*(figsize or (PAGE_WIDTH, height)))
            grid = figure.subplots(*shape, squeeze=False)
            notes = ["broad and pale: data; thin: reconstruction"] if as_means else []
            notes += ["grey: not observed"] if np.isnan(data[:, chosen]).any() and not as_means else []
            notes += ["grey: never observed"] if as_means and np.isnan(data[:, chosen]).all(axis=0).any() else []
            figure.suptitle("; ".join(notes), x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, shape)
            figure = figure_of(grid)
        for index, (row, neuron) in enumerate(zip(grid, chosen, strict=True)):
            pair = data[:, neuron], estimate[:, neuron]
            note = f"neuron {neuron}\n{explained[neuron]:.0%} explained"
            if as_means:
                _draw_means(row, *pair, time, groups)
                row[0].set_ylabel(note, fontsize=SMALL)
            else:
                counted = f"trial (sorted by {label})" if groups else "trial"
                whole = kept.size == n_trials and not groups
                trial = (
                    axis_of(model, 0, n_trials)
                    if whole
                    else Axis("trial", np.arange(kept.size, dtype=np.float64), counted)
                )
                _draw_trials(figure, row, *pair, time, trial, groups)
                row[0].set_ylabel(f"{note}\n{counted if index == 0 else 'trial'}", fontsize=SMALL)
            for ax in row:
                ax.tick_params(labelbottom=index == chosen.size - 1)
        titles = ("data and reconstruction", "residual") if as_means else ("data", "reconstruction", "residual")
        for ax, title in zip(grid[0], titles, strict=True):
            ax.set_title(title)
        for ax in grid[-1]:
            ax.set_xlabel(time.label)
        if as_means and groups:
            colours = trial_colours(values, label, n_trials)
            trial_key(figure, colours, grid[:, 0].tolist(), own=axes is None)
    return figure


def explained_by_neuron(data: NDArray[np.float64], estimate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``1 − Σ(x − x̂)² / Σx²`` (n_neurons,) over observed entries; NaN where all are 0.

    Parameters
    ----------
    data, estimate : ndarray of shape (n_trials, n_neurons, n_time)
        Data, with NaN where not observed, and reconstruction.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.plot.residuals import explained_by_neuron
    >>> explained_by_neuron(np.array([[[2.0, np.nan]]]), np.array([[[1.0, 7.0]]])).tolist()
    [0.75]
    """
    residual = np.nansum((data - estimate) ** 2, axis=(0, 2))
    total = np.nansum(data**2, axis=(0, 2))
    return np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), np.nan)


def _spread(explained: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return neurons evenly spaced from the best to the worst explained."""
    ranked = np.argsort(-explained, kind="stable")[: max(1, int(np.isfinite(explained).sum()))]
    places = np.linspace(0, ranked.size - 1, min(_N_SHOWN, ranked.size)).round().astype(np.intp)
    return ranked[places]


def _draw_means(
    row: NDArray[Any],
    data: NDArray[np.float64],
    estimate: NDArray[np.float64],
    time: Axis,
    groups: Sequence[Group],
) -> None:
    """Draw the means of one neuron, data and estimate (n_trials, n_time), and grey where nothing was seen."""
    observed = np.isfinite(data)
    shown, missed = row
    everything: list[NDArray[np.float64]] = []
    residuals: list[NDArray[np.float64]] = []
    everyone = (np.ones(len(data), dtype=bool), INK)
    for members, colour in [(group.members, group.colour) for group in groups] or [everyone]:
        mean = observed_mean(data[members], observed[members])
        fitted = observed_mean(estimate[members], observed[members])
        shown.plot(time.values, mean, color=colour, linewidth=2.6, alpha=0.35, label="_data")
        shown.plot(time.values, fitted, color=colour, linewidth=1.0, label="_reconstruction")
        missed.plot(time.values, mean - fitted, color=colour, linewidth=1.0, label="_residual")
        everything += [mean, fitted]
        residuals.append(mean - fitted)
    low, high = padded_limits(np.concatenate(everything))
    shown.set_ylim(low, high)
    # The residual keeps the scale of the data, so that a small one looks small; it moves off it only to stay
    # whole.
    half = max((high - low) / 2, padded_limits(np.abs(np.concatenate(residuals)))[1])
    missed.set_ylim(-half, half)
    unseen = ~observed.any(axis=0)
    for ax in row:
        zero_line(ax)
        tidy(ax)
        few_ticks(ax, x=4, y=3)
        ax.set_xlim(time.edges[0], time.edges[-1])
        if unseen.any():
            ax.fill_between(
                time.values,
                0,
                1,
                where=unseen,
                step="mid",
                transform=ax.get_xaxis_transform(),
                color=MISSING,
                lw=0,
            )


def _draw_trials(
    figure: Figure,
    row: NDArray[Any],
    data: NDArray[np.float64],
    estimate: NDArray[np.float64],
    time: Axis,
    trial: Axis,
    groups: Sequence[Group],
) -> None:
    """Draw single trials of one neuron, data and estimate (n_trials, n_time); not observed is grey."""
    shared = colour_scale([data, estimate], percentile=99.5)
    residual = signed_scale([data - estimate], percentile=99.5)
    ends = np.cumsum([group.members.sum() for group in groups]) if groups else np.empty(0)
    scales = (shared, shared, residual)
    artists = [
        heat_map(ax, values, rows=trial, columns=time, scale=scale)
        for ax, values, scale in zip(row, (data, estimate, data - estimate), scales, strict=True)
    ]
    for ax in row:
        few_ticks(ax, x=4, y=3, whole=("y",))
        if groups:
            mark_groups(ax, np.concatenate(([0], ends)) - 0.5, [group.label for group in groups])
    for ax in row[1:]:
        ax.tick_params(labelleft=False)
    colour_bar(figure, artists[0], row[:2].tolist(), "", shared.extend)
    colour_bar(figure, artists[2], row[2:].tolist(), "", residual.extend)
