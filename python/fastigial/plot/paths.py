"""Paths in a plane: where a task's two outputs should take a hand or a pen, and where a network's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import FAINT, INK, trial_colours
from fastigial.plot.style import (
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    tidy,
    trial_key,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def paths(
    trials: Any,
    outputs: ArrayLike | None = None,
    *,
    condition: str | ArrayLike | None = None,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw trials of a task with two outputs as paths in a plane.

    Outputs whose names begin with "velocity" are summed up, times dt, from the origin on. Only steps that count are
    drawn of the targets of a trial, up to the last; where single ones do not count, those that do are marked.

    Parameters
    ----------
    trials : fastigial.Trials
        With two outputs.
    outputs : array_like of shape (n_trials, n_steps, 2), optional
        Of a network: drawn in colour, over the targets in grey. Without them the targets are in colour.
    condition : str or array_like of shape (n_trials,), optional
        Colours the trials: a name in ``trials.info``, or one value per trial. Text, booleans and up to nine different
        numbers are categories with a legend; other numbers get a colour bar.
    axes : Axes, optional
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
        If the trials have not two outputs, or `outputs` or `condition` another shape than the trials ask for.

    Examples
    --------
    >>> import fastigial as fg
    >>> fig = fg.plot.paths(fg.tasks.LineDrawing().sample(20, seed=0), condition="cue")
    >>> fig.axes[0].get_xlabel()
    'x'
    """
    shape = trials.targets.shape
    if shape[2] != 2:
        raise ValueError(f"trials must have two outputs to be drawn in a plane, got {shape[2]}")
    given = None if outputs is None else np.asarray(outputs, dtype=np.float64)
    if given is not None and given.shape != shape:
        raise ValueError(f"outputs must have the shape of the targets, {shape}; got {given.shape}")
    values, label = _condition(trials, condition, shape[0])
    colours = trial_colours(values, label, shape[0])
    are_velocities = all(name.startswith("velocity") for name in trials.output_names)
    counted = np.asarray(trials.weights).max(axis=2) > 0
    # All up to a trial's last step that counts; velocities need those between, to be summed up.
    reached = np.flip(np.maximum.accumulate(np.flip(counted, axis=1), axis=1), axis=1)
    targets = _places(np.asarray(trials.targets), are_velocities, trials.dt)
    sparse = bool((reached & ~counted).any())

    from matplotlib.lines import Line2D

    with house_style():
        if axes is None:
            figure = new_figure(*(figsize or ((4.4, 3.4) if colours.groups else (3.6, 3.4))))
            ax = figure.subplots()
            figure.suptitle(f"{trials.name}: {shape[0]} trials", x=0.02, ha="left", fontsize=SMALL)
        else:
            ax = given_axes(axes, (1,))[0]
            figure = figure_of(np.array([ax]))
        shown = None if given is None else _places(given, are_velocities, trials.dt)
        for trial, colour in enumerate(colours.colours):
            steps = reached[trial]
            if given is not None:
                ax.plot(*targets[trial, steps].T, color=FAINT, linewidth=0.8, zorder=1, label="_target")
            course = targets if shown is None else shown
            ax.plot(*course[trial, steps].T, color=colour, linewidth=1.0, zorder=2, label="_path")
            if steps.any():
                ax.plot(*course[trial, steps][-1], "o", color=colour, markersize=3, zorder=3, label="_end")
            if sparse:
                ax.plot(*course[trial, counted[trial]].T, ".", color=colour, markersize=3, zorder=3, label="_counted")
        ax.plot(0, 0, "+", color=INK, markersize=5, markeredgewidth=0.8, zorder=4, label="_origin")
        ax.set_aspect("equal", adjustable="datalim")
        tidy(ax)
        few_ticks(ax, x=4, y=4)
        names = [f"∫ {name} dt" if are_velocities else name for name in trials.output_names]
        ax.set_xlabel(names[0])
        ax.set_ylabel(names[1])
        if colours.groups and axes is None:
            handles: list[Any] = [Line2D([], [], color=group.colour, label=group.label) for group in colours.groups]
            figure.legend(handles=handles, title=colours.label, loc="outside center right", fontsize=SMALL)  # type: ignore[call-overload]  # its stubs lack the outside
        elif colours.label:
            trial_key(figure, colours, [ax], own=axes is None)
    return figure


def _places(values: NDArray[Any], are_velocities: bool, dt: float) -> NDArray[Any]:
    return np.cumsum(values, axis=1) * dt if are_velocities else values


def _condition(trials: Any, condition: str | ArrayLike | None, n_trials: int) -> tuple[NDArray[Any] | None, str]:
    if condition is None:
        return None, ""
    if isinstance(condition, str):
        known = [name for name, values in trials.info.items() if values.ndim == 1]
        if condition not in known:
            raise ValueError(
                f"condition={condition!r} is not in trials.info, which has {', '.join(known) or 'nothing'}"
            )
        return np.asarray(trials.info[condition]), condition
    values = np.asarray(condition)
    if values.shape != (n_trials,):
        raise ValueError(f"condition must hold one value per trial: expected ({n_trials},), got {values.shape}")
    return values, "condition"
