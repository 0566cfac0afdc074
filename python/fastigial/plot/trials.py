"""Trials of a task: what goes in, what should come out, and when that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.channels import UNCOUNTED, draw_channels, form_of, height_of
from fastigial.plot.colour import FAINT, INK
from fastigial.plot.labels import selection
from fastigial.plot.style import MEDIUM, PAGE_WIDTH, SMALL, figure_of, given_axes, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUIET = "#666666"
"""What is said of a trial beside its number."""
_EVENT_STYLES = ("-", "--", ":", "-.")


class DrawnTrials(Protocol):
    """What a figure needs to know of trials; :class:`fastigial.Trials` has it."""

    @property
    def inputs(self) -> NDArray[Any]:
        """What goes in, (n_trials, n_steps, n_inputs)."""

    @property
    def targets(self) -> NDArray[Any]:
        """What should come out, (n_trials, n_steps, n_outputs)."""

    @property
    def weights(self) -> NDArray[Any]:
        """How much each target counts, in the shape of the targets."""

    @property
    def dt(self) -> float:
        """Duration of a step in seconds."""

    @property
    def info(self) -> dict[str, NDArray[Any]]:
        """What each trial was."""

    @property
    def events(self) -> dict[str, NDArray[np.float64]]:
        """When things happened, (n_trials,), in seconds."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs."""

    @property
    def name(self) -> str:
        """What the trials are of."""


def trials(
    trials: DrawnTrials,
    n: int | ArrayLike = 3,
    *,
    outputs: ArrayLike | None = None,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw inputs and targets of a few trials against time, one column per trial.

    Steps at which no target counts have a grey ground, and a target is grey where it alone does not count. Vertical
    lines are events. One or two channels are drawn over one another; up to twelve, and those that are only ever 0
    or 1, one above the other, with a bar that says how high a number is (one for each if their ranges differ much);
    more as a heat map, or as strokes if all values are 0 or 1. Each step is drawn over the time that it lasts.

    Parameters
    ----------
    trials : fastigial.Trials
    n : int or array_like of int
        How many trials to draw, from the first; or which ones.
    outputs : array_like of shape (n_trials, n_steps, n_outputs), optional
        Of a network, drawn over the targets; for classes, give probabilities. Not drawn over a heat map.
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
        If there are no trials, one does not exist, `outputs` have another shape than the targets, or `axes` have
        another number.

    Examples
    --------
    >>> import fastigial as fg
    >>> fig = fg.plot.trials(fg.tasks.FlipFlop().sample(8, seed=0), n=2)
    >>> [ax.get_title(loc="left") for ax in fig.axes[:2]]
    ['trial 0', 'trial 1']
    """
    n_trials, n_steps = trials.inputs.shape[:2]
    chosen = chosen_trials(n, n_trials)
    edges = np.arange(n_steps + 1) * trials.dt
    inputs, targets, weights = (array[chosen] for array in (trials.inputs, trials.targets, trials.weights))
    over = None
    if outputs is not None:
        given = np.asarray(outputs, dtype=np.float64)
        if given.shape != trials.targets.shape:
            raise ValueError(f"outputs must have the shape of the targets, {trials.targets.shape}; got {given.shape}")
        over = given[chosen]

    with house_style():
        if axes is None:
            heights = [height_of(inputs), height_of(targets)]
            figure = new_figure(*(figsize or (PAGE_WIDTH, 1.2 + sum(heights))))
            grid = figure.subplots(2, chosen.size, squeeze=False, sharex=True, height_ratios=heights)
            figure.align_ylabels(grid[:, 0])
            figure.suptitle(f"{trials.name}: {chosen.size} of {n_trials} trials", x=0.01, ha="left", fontsize=SMALL)
        else:
            grid = given_axes(axes, (2, chosen.size))
            figure = figure_of(grid)
        draw_channels(grid[0], edges, inputs, trials.input_names, "input")
        draw_channels(grid[1], edges, targets, trials.output_names, "target", weights, over)
        for column, trial in enumerate(chosen):
            _events(grid[:, column], trials.events, int(trial))
            grid[0, column].set_title(f"trial {trial}", loc="left", fontsize=MEDIUM)
            _describe(grid[0, column], trials.info, int(trial), chosen.size)
            grid[1, column].set_xlabel("time (s)")
            if axes is None:
                grid[0, column].tick_params(labelbottom=False)
        with_outputs = over is not None and form_of(targets) in ("overlaid", "lanes")
        handles = _key(trials.events, bool((weights == 0).any()), with_outputs)
        if handles and axes is None:
            figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=SMALL)
        elif handles:
            # In a caller's figure, whose layout is not ours to change, within the last panel.
            legend = grid[1, -1].legend(handles=handles, loc="best", fontsize=SMALL, frameon=True, framealpha=0.85)
            legend.get_frame().set_edgecolor("none")
    return figure


def chosen_trials(n: int | ArrayLike, n_trials: int) -> NDArray[np.intp]:
    """Return which trials to draw: the first `n`, or those given."""
    if n_trials == 0:
        raise ValueError("trials must hold at least one trial, got none")
    if isinstance(n, int | np.integer) and not isinstance(n, bool):
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        return np.arange(min(int(n), n_trials))
    return selection(n, n_trials, "n")


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
        ax.set_title(", ".join(known), loc="right", fontsize=SMALL, color=_QUIET)


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _key(events: dict[str, NDArray[np.float64]], with_uncounted: bool, with_outputs: bool) -> list[Any]:
    """Return what explains the lines and the grounds."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = [(name, _EVENT_STYLES[number % len(_EVENT_STYLES)]) for number, name in enumerate(events)]
    handles: list[Any] = [
        Line2D([], [], color=INK, linewidth=0.6, ls=style, label=f"event: {name}") for name, style in styles
    ]
    if with_outputs:
        handles.append(Line2D([], [], color=INK, linewidth=0.7, label="output"))
    if with_uncounted:
        handles.append(Patch(facecolor=UNCOUNTED, edgecolor=FAINT, linewidth=0.4, label="grey: not counted"))
    return handles
