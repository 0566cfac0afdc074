"""The learning in fastigial, one network or many side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from problem import (
    BETAS,
    BOOTSTRAP,
    LEARNING_RATE,
    LONGEST,
    N_INPUTS,
    N_OUTPUTS,
    N_VALIDATION,
    Arrays,
    Size,
    draw,
    weights,
)

import fastigial as fg

N_SIDE_BY_SIDE = 10


@dataclass
class InOrder:
    """A task that hands out the batches that every package gets, in their order."""

    n_handed: int = field(default=0, init=False)

    def sample(self, n_trials: int, seed: int) -> fg.Trials:  # noqa: ARG002 (of a task)
        """The next trials."""
        if n_trials == N_VALIDATION:
            batch = draw(N_VALIDATION, 10**6)
        else:
            batch = draw(n_trials, self.n_handed)
            self.n_handed += 1
        return fg.Trials(batch.inputs, batch.targets, mask=batch.mask)


class Learner:
    """Networks that learn together."""

    def __init__(self, n_networks: int, n_threads: int, size: Size, guessing: bool) -> None:
        self.size = size
        fg.set_num_threads(n_threads)
        self.models = [self.make(seed, guessing) for seed in range(n_networks)]
        self.task = fg.tasks.LineDrawing(dtype="float32")

    def make(self, seed: int, guessing: bool) -> Any:
        """A model with the weights that all packages get."""
        model = fg.models.CorticoCerebellarRNN(
            N_INPUTS,
            self.size.n_units,
            N_OUTPUTS,
            window=1,
            granule_layers=self.size.granule_layers,
            bootstrap=BOOTSTRAP,
            learning_rate=LEARNING_RATE,
            betas=BETAS,
            clip=LONGEST,
            batch_size=self.size.batch,
            seed=seed,
        )
        cortex, layers = weights(self.size, seed, guessing)
        model.net.set_parameters(cortex)
        model.set_synthesiser(layers)
        return model

    def epochs(self, n: int) -> None:
        """So many epochs of new trials."""
        options = {"n_trials": self.size.n_batches * self.size.batch, "n_validation": N_VALIDATION}
        if len(self.models) == 1:
            self.models[0].fit(self.task, n_epochs=n, **options)
        else:
            fg.models.fit_together(self.models, self.task, n_epochs=n, **options)

    def course(self, n: int) -> list[float]:
        """The validation error after each of so many batches."""
        (model,) = self.models
        model.fit(InOrder(), n_epochs=n, n_trials=self.size.batch, n_validation=N_VALIDATION)
        return [float(error) for error in model.history_.validation_loss]

    def parameters(self) -> Arrays:
        """All that learns, by the names of `problem`."""
        (model,) = self.models
        found = {name: np.array(value) for name, value in model.net.parameters.items()}
        for k, (weight, bias) in enumerate(model.synthesiser):
            found |= {f"weight_{k}": np.array(weight), f"bias_{k}": np.array(bias)}
        return found


def load(way: str, n_threads: int, size: Size, guessing: bool = False) -> Learner:
    """Networks of a way: "one" or "ten"."""
    if not hasattr(fg.models, "CorticoCerebellarRNN"):
        raise NotImplementedError("expected fastigial.models.CorticoCerebellarRNN")
    return Learner({"one": 1, "ten": N_SIDE_BY_SIDE}[way], n_threads, size, guessing)
