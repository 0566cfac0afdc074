"""What is trained: sizes, initial weights and data that every package gets, and what a step needs at least.

A step is forward pass, exact gradient and Adam on one batch: mean squared error over all steps, I = 8 inputs, O = 2
outputs, float32. Of N units in a cell of G gates, a batch of B trials and T steps, with z_t = W r_{t−1} + W_in x_t + b
and y_t = W_out r_t + b_out:

    forward     G N² + G N I + N O          multiply-adds a trial and step
    weights     G N² + G N I + N O          dL/dW = Σ δ_t r_{t−1}ᵀ and the like
    states      G N²         + N O          dL/dr_{t−1} = Wᵀ δ_t and the like; none for the inputs

and a multiply-add is two flops. This is what is divided by the time for the share of the machine's peak; activations,
Adam and whatever a package does besides are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_INPUTS, N_OUTPUTS = 8, 2
LEARNING_RATE = 1e-3
TIME_STEP = 0.01
"""Seconds, where a package asks."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Cell:
    """A kind of unit."""

    title: str
    gates: int
    kept: int
    """Numbers a unit and step that the adjoint needs from the forward pass."""
    alpha: float = 1.0
    """The leak, of rate units."""


CELLS = {
    # h and φ(z); recovering φ(z) from two h costs digits in proportion to 1/α.
    "leaky": Cell("rate, α = .1", 1, 2, alpha=0.1),
    # h is φ(z).
    "elman": Cell("rate, α = 1", 1, 1),
    # The gates i, f, g, o, and c and h.
    "lstm": Cell("LSTM", 4, 6),
    # The gates r, z, n, what r multiplies, and h.
    "gru": Cell("GRU", 3, 5),
}


@dataclass(frozen=True)
class Size:
    """One workload."""

    n_units: int
    batch: int
    n_steps: int
    n_networks: int = 1
    """Trained at once, on the same batch, from different weights."""

    @property
    def title(self) -> str:
        """Units, batch, steps."""
        size = f"{self.n_units}, {self.batch}, {self.n_steps}"
        return f"{self.n_networks} networks of {size}" if self.n_networks > 1 else size

    def flops(self, cell: Cell) -> tuple[int, int]:
        """Flops of a forward pass and of a whole step."""
        recurrent, inputs = cell.gates * self.n_units**2, cell.gates * self.n_units * N_INPUTS
        outputs = self.n_units * N_OUTPUTS
        samples = 2 * self.n_networks * self.batch * self.n_steps
        return samples * (recurrent + inputs + outputs), samples * (3 * recurrent + 2 * inputs + 3 * outputs)

    def kept_bytes(self, cell: Cell) -> int:
        """Bytes of the states that the adjoint needs."""
        return 4 * cell.kept * self.n_networks * self.batch * self.n_steps * self.n_units


SIZES = {
    "units_64": Size(64, 16, 100),
    "units_128": Size(128, 32, 200),
    "units_256": Size(256, 64, 200),
    "units_512": Size(512, 64, 100),
    "sixteen": Size(64, 16, 100, n_networks=16),
}


@dataclass(frozen=True)
class Problem:
    """A size, a cell, and their numbers."""

    cell: Cell
    size: Size
    parameters: tuple[Arrays, ...]
    """Of each network: W (G N, N), W_in (G N, I), b (G N,), b_n (N,) of a GRU, W_out (O, N), b_out (O,).

    Gates are in PyTorch's order.
    """
    inputs: NDArray[np.float32]
    """(batch, steps, inputs)."""
    targets: NDArray[np.float32]
    """(batch, steps, outputs)."""


def parameters(cell: str, n_units: int, seed: int) -> Arrays:
    """Uniform weights within 1/√N, as PyTorch draws them, and no biases.

    Examples
    --------
    >>> parameters("lstm", 5, seed=0)["W"].shape
    (20, 5)
    """
    rng = np.random.default_rng(seed)
    gates, bound = CELLS[cell].gates, n_units**-0.5
    weights = {
        "W": rng.uniform(-bound, bound, (gates * n_units, n_units)),
        "W_in": rng.uniform(-bound, bound, (gates * n_units, N_INPUTS)),
        "b": np.zeros(gates * n_units),
        "W_out": rng.uniform(-bound, bound, (N_OUTPUTS, n_units)),
        "b_out": np.zeros(N_OUTPUTS),
    }
    if cell == "gru":
        weights["b_n"] = np.zeros(n_units)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def make(cell: str, size: Size) -> Problem:
    """Draw the numbers, the same in every process."""
    rng = np.random.default_rng(5)
    shape = (size.batch, size.n_steps)
    return Problem(
        cell=CELLS[cell],
        size=size,
        parameters=tuple(parameters(cell, size.n_units, seed) for seed in range(size.n_networks)),
        inputs=rng.standard_normal((*shape, N_INPUTS)).astype(np.float32),
        targets=rng.standard_normal((*shape, N_OUTPUTS)).astype(np.float32),
    )
