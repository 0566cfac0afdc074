"""How memory grows with the size of the cerebellum, of its pathways and of the cortex."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.models.cerebellar_bias import CerebellarBiasRNN
from fastigial.models.memory_curriculum import MemoryCurriculum, grow_memory
from fastigial.rnn.checks import one_of
from fastigial.tasks.base import Sampler
from fastigial.tasks.sequence_memory import SequenceMemory
from fastigial.tasks.trials import Trials
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MemoryScaling", "memory_scaling"]

_SWEPT = ("granule_ratio", "pathway_density", "n_units")


@dataclass(frozen=True, eq=False, repr=False)
class MemoryScaling:
    """Memory against one size.

    Attributes
    ----------
    name : {"granule_ratio", "pathway_density", "n_units"}
        What was varied.
    values : ndarray, shape (n_points,)
    highest : ndarray, shape (n_seeds, n_points)
        The largest n mastered within the budget.
    updates : ndarray, shape (n_seeds, n_points)
        Updates until `criterion_n` was mastered; infinity where it was not.
    error : ndarray, shape (n_seeds, n_points)
        Least share of wrong answers for `criterion_n` bits after an epoch that trained them, for what comes later may
        be forgotten again; of networks that never came so far, that at the end.
    n_parameters : ndarray, shape (n_points,)
        Weights that exist.
    criterion_n : int
    """

    name: str
    values: NDArray[np.float64]
    highest: NDArray[np.float64]
    updates: NDArray[np.float64]
    error: NDArray[np.float64]
    n_parameters: NDArray[np.intp]
    criterion_n: int

    def __repr__(self) -> str:
        ends = ", ".join(f"{x:g}: {y:.3g}" for x, y in zip(self.values, self.highest.mean(axis=0), strict=True))
        return f"<MemoryScaling: {len(self.highest)} seeds; mean of the largest n by {self.name}: {ends}>"

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.memory_scaling`, which takes the options."""
        from fastigial.plot.memory_scaling import memory_scaling

        return memory_scaling(self, **options)


def memory_scaling(
    name: str = "granule_ratio",
    values: Sequence[float] = (0, 1, 3, 10, 30, 100),
    *,
    family: Callable[[int], Sampler] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    n_epochs: int = 40,
    criterion_n: int = 4,
    n_test_trials: int = 500,
    progress: bool | Callback = False,
    **options: Any,
) -> MemoryScaling:
    """Measure how far a curriculum of memory gets, for several sizes of the network. A design of this package.

    Parameters
    ----------
    name : {"granule_ratio", "pathway_density", "n_units"}
        Granule cells for each cortical unit, where 0 is a network without a cerebellum; the share of cortical units
        with mossy fibres and that of units that hear the nuclei, both at once; or cortical units.
    values : sequence of float
        Of it.
    family : callable, optional
        From n to a task; `fastigial.tasks.SequenceMemory` by default.
    seeds : sequence of int
        Of networks and trials.
    n_epochs : int
        Of 100 updates, the budget of each network.
    criterion_n : int
        The n that `updates` and `error` are of.
    n_test_trials : int
        Trials that the error of a network that did not come so far is measured on.
    progress : bool or callable
        Called after each network as ``progress(done, total, error)``.
    **options
        For `CerebellarBiasRNN`.

    Returns
    -------
    MemoryScaling

    Examples
    --------
    >>> import fastigial as fg
    >>> found = fg.models.memory_scaling(values=[0, 2], seeds=[0], n_epochs=1, n_units=16)
    >>> found.highest.shape
    (1, 2)
    """
    one_of("name", name, _SWEPT)
    if not len(values) or not len(seeds):
        raise ValueError(f"values and seeds have {len(values)} and {len(seeds)}, expected at least one of each")
    make = (lambda n: SequenceMemory(n_back=n)) if family is None else family
    shape = (len(seeds), len(values))
    highest, updates, error = (np.empty(shape) for _ in range(3))
    n_parameters = np.empty(len(values), dtype=np.intp)
    task = make(criterion_n)
    shown = task.sample(1, 0)
    channels = (shown.inputs.shape[2], shown.targets.shape[2])
    with Report(progress, "memory scaling", "network") as report:
        for i, seed in enumerate(seeds):
            for j, value in enumerate(values):
                model = CerebellarBiasRNN(*channels, seed=seed, **{**options, **_size(name, value, options)})
                found = grow_memory(model, make, n_epochs=n_epochs)
                n_parameters[j] = model.n_parameters
                highest[i, j] = found.highest
                updates[i, j] = found.updates_to(criterion_n)
                error[i, j] = 1.0 - _best(found, model, task.sample(n_test_trials, 2**40 + seed), criterion_n)
                if report.callback is not None:
                    report.callback(i * shape[1] + j + 1, shape[0] * shape[1], float(error[i, j]))
    return MemoryScaling(name, np.array(values, dtype=float), highest, updates, error, n_parameters, criterion_n)


def _best(found: MemoryCurriculum, model: CerebellarBiasRNN, trials: Trials, n: int) -> float:
    """The best accuracy while n was trained; that of the last network where it never was."""
    trained = found.accuracy[found.n_back == n]
    return float(trained.max()) if len(trained) else model.accuracy(trials)


def _size(name: str, value: float, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a network of this size."""
    if name == "granule_ratio":
        return {"n_granule": round(value * options.get("n_units", 64))}
    if name == "pathway_density":
        return {"sending": float(value), "receiving": float(value)}
    return {"n_units": round(value)}
