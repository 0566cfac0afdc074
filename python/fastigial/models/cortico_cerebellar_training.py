"""Training of cortico-cerebellar networks, one or several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.rnn.batches import as_data
from fastigial.rnn.history import COLUMNS, History
from fastigial.rnn.seeds import as_seed, derived
from fastigial.rnn.training import train
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback

if TYPE_CHECKING:
    from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN

__all__ = ["fit_together"]


def fit_together(
    models: Sequence[CorticoCerebellarRNN],
    task: Any,
    n_epochs: int = 100,
    *,
    seed: int | Sequence[int] = 0,
    progress: bool | Callback = False,
    n_trials: int = 800,
    n_validation: int = 200,
    snapshots: int | Iterable[int] | None = None,
    n_threads: int | None = None,
) -> list[CorticoCerebellarRNN]:
    """Train several cortico-cerebellar networks side by side: seeds, lesions, windows, each as it would alone.

    Parameters
    ----------
    models : sequence of CorticoCerebellarRNN
        Changed in place; of one precision and one batch size.
    task, n_epochs, progress, n_trials, n_validation, snapshots, n_threads
        As in `CorticoCerebellarRNN.fit`.
    seed : int or sequence of int
        Of the trials, one for all or one for each model.

    Returns
    -------
    list of CorticoCerebellarRNN
        The same models.

    Raises
    ------
    ValueError
        If batch sizes differ, or an epoch has no batch.

    Examples
    --------
    >>> import fastigial as fg
    >>> make = lambda **options: fg.models.CorticoCerebellarRNN(1, 20, 2, granule_layers=(40,), seed=1, **options)
    >>> models = [make(), make(cerebellum=False), make(ablate_at=2)]
    >>> whole, without, ablated = fg.models.fit_together(models, fg.tasks.LineDrawing(), n_epochs=3)
    >>> bool(whole.history_.loss[1] == ablated.history_.loss[1] != without.history_.loss[1])
    True
    """
    models = list(models)
    if not models:
        raise ValueError("models is empty, expected at least one")
    sizes = {model.batch_size for model in models}
    if len(sizes) > 1:
        raise ValueError(f"models have batch sizes {sorted(sizes)}, expected one")
    (batch_size,) = sizes
    n_batches = as_count("n_trials", n_trials) // batch_size
    if n_batches == 0:
        raise ValueError(f"n_trials is {n_trials}, expected at least the {batch_size} of a batch")
    is_classes = getattr(task, "loss", "mse") == "cross_entropy"
    validation = _Validation(task, as_count("n_validation", n_validation), counts_everywhere=not is_classes)
    seeds = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed] * len(models)
    if len(seeds) != len(models):
        raise ValueError(f"seed has {len(seeds)} entries, expected one for each of {len(models)} models")
    try:
        train(
            [model.net for model in models],
            task,
            rule=[model._rule for model in models],
            optimizer=[model._optimizer for model in models],
            n_epochs=n_epochs,
            batch_size=batch_size,
            n_batches=n_batches,
            update_every=[model.update_every for model in models],
            validation=validation if hasattr(task, "sample") and n_validation else None,
            seed=[_seed_of_fit(one, model.n_fits) for one, model in zip(seeds, models, strict=True)],
            progress=progress,
            snapshots=snapshots,
            n_threads=n_threads,
        )
    finally:
        for model in models:
            history = model.net.history
            if history is not None and (len(history) or history.snapshots):
                model.history_ = history if is_classes else _per_step(history, model.net.n_outputs)
                model.n_fits += 1
    return models


def _seed_of_fit(seed: Any, number: int) -> int:
    """Seed of the trials of a model's fit: that of the call, and another one in each later call."""
    seed = as_seed("seed", seed)
    return derived(seed, number) if number else seed


@dataclass(frozen=True)
class _Validation:
    """Trials to test on: as the task draws them, but for targets that count wherever they are known."""

    task: Any
    n_trials: int
    counts_everywhere: bool

    def sample(self, n_trials: int, seed: int) -> Any:
        """Draw, as many as there are to be in all."""
        del n_trials
        trials = self.task.sample(self.n_trials, seed)
        return as_data("validation", trials)[:2] if self.counts_everywhere else trials


def _per_step(history: History, n_outputs: int) -> History:
    """Losses that are means over outputs as squared Euclidean distances."""
    rows = history.as_array()
    rows[:, [COLUMNS.index("loss"), COLUMNS.index("validation_loss")]] *= n_outputs
    scaled = History.from_array(np.asarray(rows))
    scaled.outcome, scaled.best_epoch, scaled.snapshots = history.outcome, history.best_epoch, history.snapshots
    return scaled
