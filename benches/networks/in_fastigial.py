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


def network(kind: str, problem: Problem, index: int) -> Any:
    """One network with the weights that all packages get."""
    cell: dict[str, Any] = {"cell": CELLS[kind]}
    if CELLS[kind] == "rate":
        cell |= {"dt": TIME_STEP, "tau": TIME_STEP / problem.cell.alpha}
    net = fg.RNN(N_INPUTS, problem.size.n_units, N_OUTPUTS, **cell)
    net.set_parameters(problem.parameters[index])
    return net


def structure(kind: str, problem: Problem) -> dict[str, Any]:
    """What the core asks for: a network without any options."""
    n_units = problem.size.n_units
    rate = {"activation": "tanh", "leak": "rate", "alpha": np.full(n_units, problem.cell.alpha)}
    return {
        "n_inputs": N_INPUTS,
        "n_units": n_units,
        "n_outputs": N_OUTPUTS,
        "cell": CELLS[kind],
        **(rate if CELLS[kind] == "rate" else {}),
        "noise": 0.0,
        "input_noise": 0.0,
        "feedback": False,
        "recurrent_delays": None,
        "input_delay": 0,
        "feedback_delay": 0,
        "masks": {},
        "trainable": {},
        "signs": None,
    }


def core_step(kind: str, problem: Problem) -> Callable[[int], float]:
    """The same step by the core alone."""
    core = fg._core
    shape = structure(kind, problem)
    networks = [core.Network(shape, parameters) for parameters in problem.parameters]
    rules = [core.Rule("bptt", {}) for _ in networks]
    optimizers = [core.Optimizer("adam", {"learning_rate": LEARNING_RATE}) for _ in networks]
    batches = [(problem.inputs, ("mse", problem.targets, None))] * len(networks)
    seeds = [0] * len(networks)

    def train(n: int) -> float:
        for _ in range(n):
            steps = core.train_step(networks, rules, optimizers, batches, seeds, regularization={}, n_threads=N_THREADS)
        return float(np.mean([loss for loss, _ in steps]))

    return train


def load(kind: str, problem: Problem) -> Job:
    """As many networks as the problem has, side by side."""
    if not hasattr(fg, "RNN"):
        raise NotImplementedError(f"fastigial {fg.__version__} has no networks yet: expected fastigial.RNN")
    inputs, targets = problem.inputs, problem.targets
    nets = [network(kind, problem, index) for index in range(problem.size.n_networks)]

    def fit(inputs: Any, targets: Any, n_epochs: int) -> float:
        histories = fg.train(
            nets if len(nets) > 1 else nets[0],
            (inputs, targets),
            optimizer=fg.optim.Adam(LEARNING_RATE),
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
