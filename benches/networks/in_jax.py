"""The step in JAX: one compiled function of lax.scan, its gradient and Adam; many networks at once by vmap.

Time comes first, parameters and moments are donated, 64 bits are off. Written both ways that users write it: input
drive and readout of all steps in one product outside the scan, or step by step within it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from contender import Job
from problem import LEARNING_RATE, Problem

Tree = Any
BETAS, EPSILON = (0.9, 0.999), 1e-8


def outside(p: Tree, inputs: jax.Array, alpha: float) -> jax.Array:
    """Outputs (steps, batch, outputs); products with the inputs and for the outputs outside the scan."""

    def advance(state: jax.Array, drive: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = (1 - alpha) * state + alpha * jnp.tanh(state @ p["W"].T + drive)
        return state, state

    start = jnp.zeros((inputs.shape[1], p["W"].shape[0]), inputs.dtype)
    _, states = jax.lax.scan(advance, start, inputs @ p["W_in"].T + p["b"])
    return states @ p["W_out"].T + p["b_out"]


def within(p: Tree, inputs: jax.Array, alpha: float) -> jax.Array:
    """The same; everything within the scan."""

    def advance(state: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = (1 - alpha) * state + alpha * jnp.tanh(state @ p["W"].T + x @ p["W_in"].T + p["b"])
        return state, state @ p["W_out"].T + p["b_out"]

    start = jnp.zeros((inputs.shape[1], p["W"].shape[0]), inputs.dtype)
    return jax.lax.scan(advance, start, inputs)[1]


def adam(p: Tree, first: Tree, second: Tree, t: jax.Array, gradient: Tree) -> tuple[Tree, Tree, Tree, jax.Array]:
    """One update; ``t`` counts them."""
    t = t + 1
    first = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, first, gradient)
    second = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g**2, second, gradient)
    mean, size = 1 - BETAS[0] ** t, 1 - BETAS[1] ** t
    p = jax.tree.map(lambda w, m, v: w - LEARNING_RATE * (m / mean) / (jnp.sqrt(v / size) + EPSILON), p, first, second)
    return p, first, second, t


class Network:
    """Parameters, moments and the compiled step of one network or, stacked, of many."""

    def __init__(self, outputs: Callable[[Tree, jax.Array, float], jax.Array], problem: Problem) -> None:
        alpha, self.n_networks = problem.cell.alpha, problem.size.n_networks
        self.inputs, self.targets = (
            jnp.asarray(np.swapaxes(array, 0, 1).copy()) for array in (problem.inputs, problem.targets)
        )
        p = {name: jnp.asarray(np.stack([each[name] for each in problem.parameters])) for name in problem.parameters[0]}
        counts = jnp.zeros(self.n_networks, jnp.int32)
        self.state: Tree = (p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), counts)

        def step(state: Tree, inputs: jax.Array, targets: jax.Array) -> tuple[Tree, jax.Array]:
            def loss(p: Tree) -> jax.Array:
                return jnp.mean((outputs(p, inputs, alpha) - targets) ** 2)

            value, gradient = jax.value_and_grad(loss)(state[0])
            return adam(*state, gradient), value

        def forward(p: Tree, inputs: jax.Array) -> jax.Array:
            return outputs(p, inputs, alpha)

        if self.n_networks > 1:
            step = jax.vmap(step, in_axes=(0, None, None))
            forward = jax.vmap(forward, in_axes=(0, None))
        else:
            self.state = jax.tree.map(lambda array: array[0], self.state)
        self.step: Callable[..., Any] = jax.jit(step, donate_argnums=0)
        self.outputs = jax.jit(forward)

    def train(self, n: int) -> float:
        """Do so many steps; each is waited for, as a loop that looks at its loss does."""
        for _ in range(n):
            self.state, loss = self.step(self.state, self.inputs, self.targets)
            jax.block_until_ready((self.state, loss))
        return float(jnp.mean(loss))

    def forward(self) -> jax.Array:
        """Outputs of the batch."""
        return jax.block_until_ready(self.outputs(self.state[0], self.inputs))

    def compile(self) -> None:
        """Compile the step without doing it."""
        self.step = self.step.lower(self.state, self.inputs, self.targets).compile()


def load(_kind: str, problem: Problem) -> Job:
    """The leaky rate network both ways."""
    networks = {"outside": Network(outside, problem), "within": Network(within, problem)}
    return Job(
        variants={name: network.train for name, network in networks.items()},
        forward=networks["outside"].forward,
        warm=networks["outside"].compile,
    )
