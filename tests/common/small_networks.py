"""Small networks in NumPy, with what the analysis of networks asks of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class LinearNetwork:
    """s → A s + B x."""

    def __init__(self, A: FloatArray, B: FloatArray, dt: float = 1.0) -> None:
        self.A, self.B, self.dt, self.n_units = A, B, dt, len(A)

    def step_function(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        return states @ self.A.T + inputs @ self.B.T

    def jacobian(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        del inputs
        return np.tile(self.A, (len(states), 1, 1))


class TanhNetwork:
    """s → (1 − α) s + α c tanh((W s + B x) / c): a leaky rate network whose activity has the size c."""

    def __init__(self, W: FloatArray, B: FloatArray, alpha: float = 0.3, size: float = 1.0, dtype: Any = np.float64):
        self.W, self.B, self.alpha, self.size = W.astype(dtype), B.astype(dtype), alpha, size
        self.n_units, self.dtype, self.dt = len(W), dtype, 0.01

    def _drive(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        assert states.dtype == inputs.dtype == self.dtype
        return (states @ self.W.T + inputs @ self.B.T) / self.dtype(self.size)

    def step_function(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        alpha, size = self.dtype(self.alpha), self.dtype(self.size)
        return (1 - alpha) * states + alpha * size * np.tanh(self._drive(states, inputs))

    def jacobian(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        gain = self.alpha * (1 - np.tanh(self._drive(states, inputs)) ** 2)
        return (1 - self.alpha) * np.eye(self.n_units) + gain[:, :, None] * self.W

    def run(self, inputs: FloatArray, seed: int = 0) -> Any:
        """A trajectory from random states: .states and .inputs (trials, time, ·), .time (s)."""
        state = (self.size * np.random.default_rng(seed).normal(size=(len(inputs), self.n_units))).astype(self.dtype)
        states = np.empty((*inputs.shape[:2], self.n_units), dtype=self.dtype)
        for step in range(inputs.shape[1]):
            state = self.step_function(state, inputs[:, step])
            states[:, step] = state
        return SimpleNamespace(states=states, inputs=inputs, time=0.01 * np.arange(inputs.shape[1]), internal={})
