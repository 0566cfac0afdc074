"""How a reaching policy begins, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from fastigial.models.reaching_policy_results import PolicyHistory
from fastigial.plants import MuscleArm
from fastigial.plants.base import Plant
from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.initialisers import Orthogonal
from fastigial.rnn.network import RNN
from fastigial.rnn.optim import Optimizer
from fastigial.tensor.progress import Report

if TYPE_CHECKING:
    from fastigial.models.reaching_policy import ReachingPolicy

__all__ = ["learn", "new_network"]

# Bias of outputs that are excitations: muscles are quiet at first.
_QUIET = -3.0
_PARTS = ("position", "velocity", "effort", "activity", "gradient_norm")


def new_network(
    plant: Plant, n_inputs: int, n_units: int, cell: str, times: tuple[float, Any], seed: int, dtype: DTypeLike
) -> RNN:
    """A network that has learned nothing yet, with orthogonal recurrent weights; `times` are dt and tau."""
    dt, tau = times
    net = RNN(
        n_inputs,
        n_units,
        plant.n_controls,
        cell=one_of("cell", cell, ("gru", "rate", "lstm")),
        dt=dt,
        tau=max(as_positive("tau", tau), dt),
        initial={"W": Orthogonal()},
        seed=seed,
        dtype=dtype,
    )
    if isinstance(plant, MuscleArm):
        net.set_parameters({"b_out": np.full_like(net.parameters["b_out"], _QUIET)})
    return net


def learn(
    policy: ReachingPolicy,
    n_updates: int,
    draw: Callable[[], dict[str, Any]],
    optimizer: Optimizer,
    report: Report,
    n_threads: int | None,
) -> None:
    """Update after update, each from trials that `draw` gives; leaves the policy's history, also when it is stopped."""
    core = optimizer.of(policy.network)
    found: list[tuple[float, ...]] = []
    outcome = "interrupted"
    try:
        for update in range(n_updates):
            core.learning_rate = optimizer.learning_rate(update)
            terms, norm = policy._loop.train_step(policy.network._core, core, draw(), n_threads)
            found.append((*terms, norm))
            policy.n_updates_ += 1
            if report.callback is not None:
                report.callback(update + 1, n_updates, sum(terms))
        outcome = "finished"
    except FloatingPointError:
        outcome = "diverged"
        raise
    finally:
        columns = np.array(found, dtype=np.float64).reshape(-1, len(_PARTS)).T
        policy.history_ = PolicyHistory(**dict(zip(_PARTS, columns, strict=True)), outcome=outcome)
