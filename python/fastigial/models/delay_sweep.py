"""What a conduction delay costs, with a forward interface beside it, without, and after freezing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.models.delayed_pathway import DelayedPathway
from fastigial.rnn.seeds import derived
from fastigial.tasks.base import Sampler
from fastigial.tasks.tracking import Tracking
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["DelaySweep", "delay_sweep"]

# A stream of the seed that no model draws its trials from.
_TEST = 2


@dataclass(frozen=True, eq=False, repr=False)
class DelaySweep:
    """Errors against delay.

    Attributes
    ----------
    delays : ndarray, shape (n_delays,)
        D in steps beyond the one that every connection takes.
    error : dict of str to ndarray, shape (n_seeds, n_delays)
        "without" and "interface": squared error of test trials as a share of the targets' squares, after learning.
    error_after : dict of str to ndarray, shape (n_seeds, n_delays)
        "without", "interface" and "frozen", of the second task: after the cortices went on to learn it, with the
        interface learning too, or frozen as it was at the end of the first.
    least_error, least_error_after : ndarray, shape (n_delays,), or None
        No answer that is made of messages of that age can have a smaller error; None for tasks that do not tell.
    """

    delays: NDArray[np.intp]
    error: dict[str, NDArray[np.float64]]
    error_after: dict[str, NDArray[np.float64]]
    least_error: NDArray[np.float64] | None
    least_error_after: NDArray[np.float64] | None

    def __repr__(self) -> str:
        n_seeds = len(self.error["interface"])
        ends = ", ".join(f"{name} {values[:, -1].mean():.3g}" for name, values in self.error.items())
        return f"<DelaySweep: {len(self.delays)} delays, {n_seeds} seeds; error at {self.delays[-1]} steps: {ends}>"

    def to_pandas(self) -> pd.DataFrame:
        """Mean and standard error over seeds, one row per stage, condition and delay.

        Returns
        -------
        pandas.DataFrame
            Columns ``mean`` and ``sem`` (NaN for a single seed), by ``stage`` ("first", "second"), ``condition`` and
            ``delay``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        rows = [
            (stage, condition, int(delay), column.mean(), standard_error(column))
            for stage, errors in (("first", self.error), ("second", self.error_after))
            for condition, values in errors.items()
            for delay, column in zip(self.delays, values.T, strict=True)
        ]
        names = ["stage", "condition", "delay"]
        return pd.DataFrame(rows, columns=[*names, "mean", "sem"]).set_index(names)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.delay_sweep`, which takes the options."""
        from fastigial.plot.delay_sweep import delay_sweep

        return delay_sweep(self, **options)


def standard_error(values: NDArray[np.float64]) -> float:
    """Standard error of a mean; NaN of a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def delay_sweep(
    task: Sampler | None = None,
    task_after: Sampler | None = None,
    *,
    delays: Sequence[int] = tuple(range(11)),
    seeds: Sequence[int] = tuple(range(5)),
    n_epochs: int = 25,
    n_epochs_after: int = 25,
    n_test_trials: int = 200,
    progress: bool | Callback = False,
    **options: Any,
) -> DelaySweep:
    """Measure the error against the delay, with a forward interface, without it, and after freezing it.

    For each delay and seed, two models of the same initial weights learn the same trials of `task`, one with an
    interface. Then the task becomes `task_after`, and three copies go on from there: that without an interface, that
    with it, and that with its interface frozen at this moment, whose cortex goes on to learn as the others do. A design
    of this package.

    Parameters
    ----------
    task, task_after : objects with ``sample(n_trials, seed)``, optional
        `fastigial.tasks.Tracking`, and then the same turned by 90°, by default. Equal tasks show what freezing alone
        costs.
    delays : sequence of int
        In steps, see `DelayedPathway`.
    seeds : sequence of int
        Of the models and their trials.
    n_epochs, n_epochs_after : int
        Epochs of twenty batches, in each stage.
    n_test_trials : int
        Trials that errors are taken from.
    progress : bool or callable
        True shows a bar; a callable is called after each delay and seed as ``progress(done, total, error)``.
    **options
        For `DelayedPathway`.

    Returns
    -------
    DelaySweep
        With ``.error``, ``.error_after``, ``.to_pandas()`` and ``.plot()``.

    Examples
    --------
    >>> import fastigial as fg
    >>> found = fg.models.delay_sweep(delays=[0, 8], seeds=[0], n_epochs=1, n_epochs_after=1, batch_size=4)
    >>> found.error["without"].shape
    (1, 2)
    """
    task = Tracking() if task is None else task
    task_after = Tracking(rotation=90.0) if task_after is None else task_after
    steps = np.array([as_count("delays", delay) for delay in delays], dtype=np.intp)
    if not len(steps) or not len(seeds):
        raise ValueError(f"delays and seeds have {len(steps)} and {len(seeds)} values, expected at least one of each")
    n_test_trials = as_count("n_test_trials", n_test_trials)
    shape = (len(seeds), len(steps))
    error = {name: np.empty(shape) for name in ("without", "interface")}
    error_after = {name: np.empty(shape) for name in ("without", "interface", "frozen")}
    with Report(progress, "delay sweep", "model") as report:
        for i, seed in enumerate(seeds):
            test = [one.sample(n_test_trials, derived(seed, _TEST)) for one in (task, task_after)]
            for j, delay in enumerate(steps.tolist()):
                for name in error:
                    model = DelayedPathway(
                        test[0].inputs.shape[2],
                        test[0].targets.shape[2],
                        delay=delay,
                        interface=name == "interface",
                        seed=seed,
                        **options,
                    ).fit(task, n_epochs)
                    error[name][i, j] = model.error(test[0])
                    copies = {name: model.clone()}
                    if name == "interface":
                        copies["frozen"] = model.clone().freeze()
                    for later, one in copies.items():
                        error_after[later][i, j] = one.fit(task_after, n_epochs_after).error(test[1])
                if report.callback is not None:
                    report.callback(i * shape[1] + j + 1, shape[0] * shape[1], float(error["interface"][i, j]))
    return DelaySweep(steps, error, error_after, _least(task, steps), _least(task_after, steps))


def _least(task: Any, delays: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """What a task that knows its limits says of messages that are so late."""
    if not hasattr(task, "least_error"):
        return None
    return np.array([task.least_error(delay + 1) for delay in delays.tolist()])
