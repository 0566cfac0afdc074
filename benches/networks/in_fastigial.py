"""The step in fastigial: `fg.train` on one batch an epoch, and the step of the core that it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from contender import Job
from problem import LEARNING_RATE, N_INPUTS, N_OUTPUTS, TIME_STEP, Problem

import fastigial as fg

CELLS = {"leaky": "rate", "elman": "rate", "lstm": "lstm", "gru": "gru"}
N_THREADS = 2


def networks(kind: str, problem: Problem) -> list[Any]:
    """Networks with the weights that all packages get."""
    options: dict[str, Any] = {"cell": CELLS[kind]}
    if CELLS[kind] == "rate":
        options |= {"dt": TIME_STEP, "tau": TIME_STEP / problem.cell.alpha}
    made = [fg.RNN(N_INPUTS, problem.size.n_units, N_OUTPUTS, **options) for _ in problem.parameters]
    for net, parameters in zip(made, problem.parameters, strict=True):
        net.set_parameters(parameters)
    return made


def core_step(kind: str, problem: Problem) -> Callable[[int], float]:
    """The same step by the core alone, as fg.train calls it."""
    nets = networks(kind, problem)
    rule, optimizer = fg.rules.BPTT(), fg.optim.Adam(LEARNING_RATE)
    cores, seeds = [net._core for net in nets], [0] * len(nets)
    rules, optimizers = [rule.of(net) for net in nets], [optimizer.of(net) for net in nets]
    batches = [(problem.inputs, ("mse", problem.targets, None), None)] * len(nets)

    def train(n: int) -> float:
        for _ in range(n):
            steps = fg._core.train_step(
                cores, rules, optimizers, batches, seeds, regularization={}, n_threads=N_THREADS
            )
        return float(np.mean([loss for loss, _ in steps]))

    return train


def load(kind: str, problem: Problem) -> Job:
    """As many networks as the problem has, side by side."""
    if not hasattr(fg, "RNN"):
        raise NotImplementedError(f"fastigial {fg.__version__} has no networks yet: expected fastigial.RNN")
    inputs, targets = problem.inputs, problem.targets
    nets = networks(kind, problem)
    # One object, whose moments are kept from call to call.
    optimizer = fg.optim.Adam(LEARNING_RATE)

    def fit(inputs: Any, targets: Any, n_epochs: int) -> float:
        histories = fg.train(
            nets if len(nets) > 1 else nets[0],
            (inputs, targets),
            optimizer=optimizer,
            n_epochs=n_epochs,
            batch_size=len(inputs),
            n_threads=N_THREADS,
        )
        losses = [history.loss[-1] for history in (histories if len(nets) > 1 else [histories])]
        return float(np.mean(losses))

    def forward() -> None:
        for net in nets:
            net.run(inputs, noise=False, n_threads=N_THREADS)

    return Job(
        variants={"fg.train": lambda n: fit(inputs, targets, n)},
        forward=forward,
        warm=lambda: fit(inputs[:1, :2], targets[:1, :2], 1),
        raw=lambda: core_step(kind, problem),
    )
