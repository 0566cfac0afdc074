"""One network in training: where its batches come from, how far it has come, and what to go on from."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.batches import NOISE, Batch, Batches, prepared
from fastigial.rnn.checkpoints import Checkpoint, Saved, fingerprint
from fastigial.rnn.early_stopping import EarlyStopping
from fastigial.rnn.history import History
from fastigial.rnn.losses import MSE, CrossEntropy, Custom, NothingObservedError
from fastigial.rnn.network import RNN
from fastigial.rnn.optim import Optimizer
from fastigial.rnn.regularization import as_regularization
from fastigial.rnn.rules.base import Rule
from fastigial.rnn.seeds import derived
from fastigial.rnn.snapshots import Snapshot

__all__ = ["Course"]

Arrays = dict[str, NDArray[Any]]

# The noise of validation runs is a stream that no batch has.
_VALIDATION_NOISE = 4


@dataclass(eq=False)
class Course:
    """The training of one network.

    Attributes
    ----------
    number : int or None
        Which of several networks it is.
    history : History
        Of the epochs that are finished; `epoch` is the number of the one that comes next.
    """

    net: RNN
    number: int | None
    batches: Batches
    rule: Rule
    optimizer: Optimizer
    loss: MSE | CrossEntropy | Custom
    seed: int
    n_epochs: int
    batch_size: int
    update_every: int | None
    regularization: Any
    validation: Any
    early_stopping: EarlyStopping | None
    checkpoint: Checkpoint | None
    n_threads: int | None
    snapshots: frozenset[int] = frozenset()
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        structure = self.net._structure
        self.core_rule, self.core_optimizer = self.rule.of(self.net), self.optimizer.of(self.net)
        self.terms = as_regularization(self.regularization, structure.dt, spiking=structure.kind.spiking)
        held_out = self.batches.validation(self.validation, self.seed)
        try:
            self._held_out = None if held_out is None else prepared(held_out, self.loss, structure)
        except ValueError as error:
            raise ValueError(f"validation: {error}") from error
        if self.update_every is not None and (structure.feedback or any(map(np.any, structure.delays.values()))):
            raise ValueError(
                f"update_every is {self.update_every}, but the network has signals on their way between steps, "
                "delays or output feedback, which would be lost at each update: expected None"
            )
        self._best: Arrays = {}
        self._started, self._before = time.perf_counter(), 0.0
        self._resume()
        self.net.history = self.history
        self._keep()

    @property
    def epoch(self) -> int:
        """Number of the next epoch."""
        return len(self.history)

    @property
    def is_over(self) -> bool:
        """Whether there is no next epoch."""
        return self.epoch >= self.n_epochs or self._stops_early()

    def _stops_early(self) -> bool:
        return self.early_stopping is not None and self.early_stopping.should_stop(self.history.followed())

    # ---- an epoch -----------------------------------------------------------------------------------------------

    def open_epoch(self) -> None:
        """Set the learning rate and what the rule changes on the way, and count from nothing."""
        self.core_rule = self.rule.of(self.net, self.epoch)
        self.core_optimizer.learning_rate = self.optimizer.learning_rate(self.epoch)
        self._loss, self._norm, self._trials, self._updates = 0.0, 0.0, 0.0, 0

    def noise_seed(self, batch: int, window: int | None = None) -> int:
        """Seed of the noise in a batch, or in a window of it."""
        return derived(self.seed, NOISE, self.epoch, batch, *(() if window is None else (window,)))

    def count(self, batch: Batch, share: float, loss: float, norm: float) -> None:
        """Take down what a batch came to, or the share of one that a window is."""
        self._loss += loss * batch.n_trials * share
        self._norm += norm
        self._trials += batch.n_trials * share
        self._updates += 1

    def close_epoch(self) -> float:
        """Validate, remember, write; returns the loss that is followed."""
        if self._updates == 0:
            raise NothingObservedError("targets and mask leave nothing observed in any batch")
        self.history.append(
            loss=self._loss / self._trials,
            validation_loss=self._validate(),
            gradient_norm=self._norm / self._updates,
            learning_rate=self.core_optimizer.learning_rate,
            seconds=self._before + time.perf_counter() - self._started,
        )
        self._keep()
        losses = self.history.followed()
        stopping = self.early_stopping
        if stopping is not None and stopping.restore_best and stopping.best(losses) == self.epoch - 1:
            self._best = self.net._core.parameters()
        if self.checkpoint is not None and (self.epoch % self.checkpoint.every == 0 or self.is_over):
            self.checkpoint.write(self._saved(), self._description())
        return float(losses[-1])

    def _keep(self) -> None:
        if self.epoch in self.snapshots:
            self.history.snapshots[self.epoch] = Snapshot(self.epoch, self.net.parameters, self.core_rule.state())

    def _validate(self) -> float:
        if self._held_out is None:
            return float("nan")
        found = self.net._core.run(
            self._held_out.inputs,
            initial_state=None,
            seed=derived(self.seed, _VALIDATION_NOISE),
            injected=None,
            silenced=None,
            lesions=[],
            record=[],
            n_threads=self.n_threads,
            progress=None,
        )
        return self._held_out.loss.evaluate(found["outputs"])

    def conclude(self, outcome: str | None = None) -> None:
        """Say how it ended, and give the best parameters back where that was asked for."""
        self.history.outcome = outcome or ("stopped early" if self._stops_early() else "finished")
        if outcome is None and self._best and self.early_stopping is not None:
            self.net._core.set_parameters(self._best)
            self.history.best_epoch = self.early_stopping.best(self.history.followed())

    # ---- files --------------------------------------------------------------------------------------------------

    def _description(self) -> dict[str, Any]:
        """What must be the same for a training to go on; the number of epochs may grow."""
        optimizer = {"kind": self.optimizer.kind, **self.optimizer.options(), "clip": self.optimizer.clip}
        description = {
            "network": fingerprint(self.net._structure),
            "seed": self.seed,
            "batch_size": self.batch_size,
            "n_batches": self.batches.n_batches,
            "update_every": self.update_every,
            "loss": self.loss.name,
            "regularization": self.terms,
            "rule": {"kind": self.rule.kind, **self.rule.arguments()},
            "optimizer": optimizer,
        }
        return {name: _listed(value) for name, value in description.items()}

    def _saved(self) -> Saved:
        return Saved(
            self.net._core.parameters(),
            self._best,
            self.core_optimizer.state(),
            self.core_rule.state(),
            self.history.as_array(),
        )

    def _resume(self) -> None:
        saved = None if self.checkpoint is None else self.checkpoint.read(self._description())
        if saved is None:
            return
        self.net._core.set_parameters(saved.parameters)
        self.core_optimizer.set_state(saved.optimizer)
        self.core_rule.set_state(saved.rule)
        self._best = saved.best
        self.history = History.from_array(saved.history)
        self._before = float(self.history.seconds[-1]) if len(self.history) else 0.0


def _listed(value: Any) -> Any:
    """As JSON would give it back: tuples are lists."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_listed(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
