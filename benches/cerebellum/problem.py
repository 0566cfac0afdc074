"""What is learned: simple line drawing by a cortico-cerebellar network, with sizes and initial weights that all get.

A cortex of H LSTM units, I = 1 input and O = 2 outputs, and a cerebellum of two layers of G granule cells that guesses
from s = [h, c] the gradient of later losses. Windows of K = 1 step, bootstrap γ = .1, teacher at every second of T = 10
steps. An epoch is 16 batches of 50 new trials and 200 trials for validation. Multiply-adds of a batch of B trials, at
the least, with P = 2 H G + G² + 2 H G weights of the cerebellum and Q = 4 H (H + I) of the cortex:

    cerebellum    (T + 1) P forward,  T P  for its weights,  T (G² + 2 H G)  for its hidden layers    a trial
    cortex        T Q forward,  T Q  for its weights,  nothing for the states: windows of one step     a trial

and a multiply-add is two flops; readout, activations and Adam are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Arrays = dict[str, Array]
Layers = list[tuple[Array, Array]]

N_INPUTS, N_OUTPUTS, N_STEPS = 1, 2, 10
TEACHER_EVERY = 2
BOOTSTRAP, LEARNING_RATE, BETAS, EPSILON, LONGEST = 0.1, 1e-3, (0.9, 0.98), 1e-9, 1.0
N_VALIDATION = 200

CUES = np.array([-3, -2, -1, 0, 1, 2, 3])
ANGLES = 2 * np.pi * np.array([5, 4, 3, 0, 2, 1, 0]) / 6
ENDS = 10 * np.stack([np.sin(ANGLES), np.cos(ANGLES)], axis=1) * (CUES != 0)[:, None]


@dataclass(frozen=True)
class Size:
    """One workload."""

    n_units: int = 50
    granule_layers: tuple[int, ...] = (400, 400)
    batch: int = 50
    n_batches: int = 16
    """An epoch."""

    @property
    def flops(self) -> int:
        """Of an epoch."""
        sizes = [2 * self.n_units, *self.granule_layers, 2 * self.n_units]
        products = [before * after for before, after in pairwise(sizes)]
        cerebellum = (2 * N_STEPS + 1) * sum(products) + N_STEPS * sum(products[1:])
        cortex = 2 * N_STEPS * 4 * self.n_units * (self.n_units + N_INPUTS)
        return 2 * self.batch * self.n_batches * (cerebellum + cortex)


FULL = Size()


class Batch(NamedTuple):
    """Trials first."""

    inputs: Array
    targets: Array
    mask: NDArray[np.bool_]


def draw(n_trials: int, seed: int) -> Batch:
    """Trials of line drawing."""
    line = np.random.default_rng(seed).integers(len(CUES), size=n_trials)
    inputs = np.zeros((n_trials, N_STEPS, N_INPUTS), np.float32)
    inputs[:, 0, 0] = CUES[line] / 10
    targets = np.linspace(0, 1, N_STEPS)[:, None] * ENDS[line][:, None]
    mask = np.tile(np.arange(N_STEPS) % TEACHER_EVERY == 0, (n_trials, 1))
    return Batch(inputs, targets.astype(np.float32), mask)


def weights(size: Size, seed: int, guessing: bool = False) -> tuple[Arrays, Layers]:
    """Weights of cortex and cerebellum, drawn as PyTorch draws them; one bias for each gate.

    The last layer of a cerebellum is zero at first, unless it is to be `guessing` from the start.
    """
    rng = np.random.default_rng(seed)

    def uniform(bound: float, *shape: int) -> Any:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    n, bound = size.n_units, size.n_units**-0.5
    cortex = {"W": uniform(bound, 4 * n, n), "W_in": uniform(bound, 4 * n, N_INPUTS), "b": uniform(bound, 4 * n)}
    cortex |= {"W_out": uniform(bound, N_OUTPUTS, n), "b_out": uniform(bound, N_OUTPUTS)}
    sizes = [2 * n, *size.granule_layers, 2 * n]
    layers = [(uniform(before**-0.5, after, before), uniform(before**-0.5, after)) for before, after in pairwise(sizes)]
    if not guessing:
        layers[-1] = (0 * layers[-1][0], 0 * layers[-1][1])
    return cortex, layers
