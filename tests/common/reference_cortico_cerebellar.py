"""Cortico-cerebellar learning, one window, one batch after another: every derivative by hand.

Cortex with state s, which is h of a tanh cell and [h, c] of an LSTM (gates in the order i, f, g, o); σ is the sigmoid:

    tanh   h_t = tanh(z_t),  z_t = W h_{t−1} + W_in x_t + b
    lstm   c_t = σ(z_f) c_{t−1} + σ(z_i) tanh(z_g),  h_t = σ(z_o) tanh(c_t)
    both   y_t = W_out h_t + b_out

Cerebellum C(s): affine layers with ReLU between them. A trial is cut into windows of K steps (the last may be shorter).
Window w goes from s_w to s_{w+1}, where s_w and C(s_{w+1}) are held constant:

    L_w = Σ m (y − y*)² / Σ m                  over trials, steps and outputs of the window; 0 where nothing counts
    J_w = L_w + γ Σ_trials C(s_{w+1}) · s_{w+1}     in the last window too
    cortex       Σ_w ∂J_w/∂θ
    cerebellum   Σ_w Σ_trials 2 (C(s_w) − δ̄_w) ∂C(s_w)/∂θ_C,  δ̄_w = ∂J_w/∂s_w, of the starts alone

All windows and all trials of a batch add up, then one step: g ← g · min(1, clip / ‖g‖) with the norm over all that
learns together, and Adam.

| symbol | name       | shape                                                       |
| ------ | ---------- | ----------------------------------------------------------- |
| θ      | cortex     | dict: W (G·H, H), W_in (G·H, I), b, W_out (O, H), b_out      |
| θ_C    | cerebellum | list of (weight (out, in), bias (out,)), first layer first  |
| x, y*  | inputs, targets | (B, T, I), (B, T, O), NaN where not observed            |
| m      | weights    | (B, T, O)                                                    |

Pemberton, Boven, Apps & Costa, NeurIPS 2021 (arXiv 2110.11501); Boven, Pemberton et al., Nat Commun 14:51 (2023);
Jaderberg et al., arXiv 1608.05343; Kingma & Ba, ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Cortex = dict[str, FloatArray]
Cerebellum = list[tuple[FloatArray, FloatArray]]
Batch = tuple[FloatArray, FloatArray, Any]
"""Inputs, targets, weights; weights may be None, (B, T) or (B, T, O)."""

GATES = {"tanh": 1, "lstm": 4}
N_VARIABLES = {"tanh": 1, "lstm": 2}


def sigmoid(x: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-x))


# Cortex


def step(cell: str, p: Cortex, s: FloatArray, x: FloatArray) -> FloatArray:
    """Return the state after one step, (B, S)."""
    n_units = p["W"].shape[1]
    z = s[:, :n_units] @ p["W"].T + x @ p["W_in"].T + p["b"]
    if cell == "tanh":
        return np.tanh(z)
    i, f, g, o = np.split(z, 4, axis=1)
    c = sigmoid(f) * s[:, n_units:] + sigmoid(i) * np.tanh(g)
    return np.concatenate([sigmoid(o) * np.tanh(c), c], axis=1)


def step_adjoint(cell: str, p: Cortex, s: FloatArray, x: FloatArray, d_after: FloatArray) -> tuple[FloatArray, Cortex]:
    """From ∂J/∂s_after return ∂J/∂s and what the step gives to ∂J/∂W, ∂J/∂W_in and ∂J/∂b."""
    n_units = p["W"].shape[1]
    h = s[:, :n_units]
    z = h @ p["W"].T + x @ p["W_in"].T + p["b"]
    if cell == "tanh":
        d_z = d_after * (1 - np.tanh(z) ** 2)
        d_s = d_z @ p["W"]
    else:
        c = s[:, n_units:]
        i, f, g, o = np.split(z, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_after = f * c + i * g
        d_h = d_after[:, :n_units]
        d_c = d_after[:, n_units:] + d_h * o * (1 - np.tanh(c_after) ** 2)
        d_o = d_h * np.tanh(c_after)
        d_gates = [d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_c * i * (1 - g**2), d_o * o * (1 - o)]
        d_z = np.concatenate(d_gates, axis=1)
        d_s = np.concatenate([d_z @ p["W"], d_c * f], axis=1)
    return d_s, {"W": d_z.T @ h, "W_in": d_z.T @ x, "b": d_z.sum(axis=0)}


def states_of(cell: str, p: Cortex, inputs: FloatArray, start: FloatArray | None = None) -> FloatArray:
    """Return s_0, 0 by default, then the state after every step: (T + 1, B, S)."""
    n_trials, n_steps, _ = inputs.shape
    states = [np.zeros((n_trials, N_VARIABLES[cell] * p["W"].shape[1])) if start is None else start]
    for t in range(n_steps):
        states.append(step(cell, p, states[-1], inputs[:, t]))
    return np.array(states)


def outputs_of(cell: str, p: Cortex, inputs: FloatArray) -> FloatArray:
    """Return (B, T, O)."""
    h = states_of(cell, p, inputs)[1:, :, : p["W"].shape[1]]
    return np.moveaxis(h @ p["W_out"].T + p["b_out"], 0, 1)


# Cerebellum


def predict(cerebellum: Cerebellum, s: FloatArray) -> FloatArray:
    """Return C(s)."""
    for k, (weight, bias) in enumerate(cerebellum):
        s = (np.maximum(s, 0) if k > 0 else s) @ weight.T + bias
    return s


def predict_adjoint(cerebellum: Cerebellum, s: FloatArray, d_output: FloatArray) -> Cerebellum:
    """From the derivative with respect to C(s) return that with respect to its weights and biases."""
    inputs, u = [s], s
    for weight, bias in cerebellum:
        u = inputs[-1] @ weight.T + bias
        inputs.append(np.maximum(u, 0))
    gradient: Cerebellum = []
    for k in reversed(range(len(cerebellum))):
        gradient.insert(0, (d_output.T @ inputs[k], d_output.sum(axis=0)))
        d_output = (d_output @ cerebellum[k][0]) * (inputs[k] > 0)
    return gradient


# One batch


@dataclass(frozen=True)
class Lesson:
    """What one batch teaches, windows along the first axis."""

    losses: FloatArray
    """L_w, (n_windows,)."""
    states: FloatArray
    """At the bounds, (n_windows + 1, B, S)."""
    predictions: FloatArray
    """C there, zeros without a cerebellum."""
    targets: FloatArray
    """δ̄_w, (n_windows, B, S)."""
    cortex: Cortex
    """Gradient."""
    cerebellum: Cerebellum
    """Gradient; empty without one."""


def spread(weights: Any, targets: FloatArray) -> FloatArray:
    """Return weights of the targets' shape, 0 where a target is NaN."""
    full = np.ones(1) if weights is None else np.asarray(weights, dtype=np.float64)
    full = full[:, :, None] if full.ndim == 2 else full
    return np.where(np.isnan(targets), 0.0, np.broadcast_to(full, targets.shape))


def bounds(n_steps: int, window: int) -> list[int]:
    """Return where windows begin, and the end.

    Examples
    --------
    >>> bounds(7, 3)
    [0, 3, 6, 7]
    """
    return [*range(0, n_steps, window), n_steps]


def teach(
    cell: str,
    p: Cortex,
    cerebellum: Cerebellum,
    batch: Batch,
    window: int,
    bootstrap: float,
    s: FloatArray | None = None,
) -> Lesson:
    """Return gradients of one batch, begun in s; an empty list as cerebellum is a cortex on its own."""
    inputs, targets, weights = batch
    m, wanted = spread(weights, targets), np.nan_to_num(targets)
    states = states_of(cell, p, inputs, s)
    n_units = p["W"].shape[1]
    edges = bounds(inputs.shape[1], window)
    at_bounds = states[edges]
    guesses = np.array([predict(cerebellum, s) for s in at_bounds]) if cerebellum else np.zeros(at_bounds.shape)
    gradient = {name: np.zeros(value.shape) for name, value in p.items()}
    losses, found = [], []
    for w, (start, stop) in enumerate(pairwise(edges)):
        total = m[:, start:stop].sum()
        loss = 0.0
        d_s = bootstrap * guesses[w + 1]
        for t in reversed(range(start, stop)):
            h = states[t + 1][:, :n_units]
            error = h @ p["W_out"].T + p["b_out"] - wanted[:, t]
            d_y = 2 * m[:, t] * error / total if total > 0 else np.zeros(error.shape)
            loss += (m[:, t] * error**2).sum() / total if total > 0 else 0.0
            gradient["W_out"] += d_y.T @ h
            gradient["b_out"] += d_y.sum(axis=0)
            d_s = d_s.copy()
            d_s[:, :n_units] += d_y @ p["W_out"]
            d_s, share = step_adjoint(cell, p, states[t], inputs[:, t], d_s)
            for name, value in share.items():
                gradient[name] += value
        losses.append(loss)
        found.append(d_s)
    lessons: Cerebellum = [(np.zeros(a.shape), np.zeros(b.shape)) for a, b in cerebellum]
    for w, target in enumerate(found):
        share_of_window = predict_adjoint(cerebellum, at_bounds[w], 2 * (guesses[w] - target))
        lessons = [(a + c, b + d) for (a, b), (c, d) in zip(lessons, share_of_window, strict=True)]
    return Lesson(np.array(losses), at_bounds, guesses, np.array(found), gradient, lessons)


# Many batches


def clipped(gradients: list[FloatArray], longest: float) -> list[FloatArray]:
    """Return the gradients, shortened together so that their common norm is at most this."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return [g * min(1.0, longest / norm) if norm > 0 else g for g in gradients]


@dataclass(frozen=True)
class Recipe:
    """How a network learns."""

    cell: str
    window: int
    bootstrap: float = 0.1
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-9
    clip: float = 1.0


def train(
    cortex: Cortex,
    cerebellum: Cerebellum,
    batches: list[Batch],
    recipe: Recipe,
    stages: list[str] | None = None,
    mossy: Any = None,
    every_window: bool = False,
) -> Iterator[tuple[Cortex, Cerebellum]]:
    """Yield the parameters after each batch, learned from as a whole or window by window.

    A stage for each batch: "whole"; "frozen": C guesses and does not learn, and has no share in the norm; "absent": C
    does neither. `mossy`, like the first weight matrix, is 1 where an input exists.
    """
    stages = ["whole" if cerebellum else "absent"] * len(batches) if stages is None else stages
    names = list(cortex)
    values = [cortex[name].copy() for name in names] + [a.copy() for layer in cerebellum for a in layer]
    if mossy is not None:
        values[len(names)] *= mossy
    first = [np.zeros(value.shape) for value in values]
    second = [np.zeros(value.shape) for value in values]
    n = 0
    for batch, stage in zip(batches, stages, strict=True):
        edges = bounds(batch[0].shape[1], recipe.window if every_window else batch[0].shape[1])
        s = None
        for start, stop in pairwise(edges):
            inputs, targets, weights = (None if part is None else np.asarray(part)[:, start:stop] for part in batch)
            assert inputs is not None and targets is not None
            p = dict(zip(names, values, strict=False))
            rest = values[len(names) :]
            c = list(zip(rest[::2], rest[1::2], strict=True))
            guide = [] if stage == "absent" else c
            lesson = teach(recipe.cell, p, guide, (inputs, targets, weights), recipe.window, recipe.bootstrap, s)
            s = lesson.states[-1]
            n += 1
            gradients = [lesson.cortex[name] for name in names]
            if stage == "whole":
                gradients += [a for layer in lesson.cerebellum for a in layer]
                if mossy is not None:
                    gradients[len(names)] = gradients[len(names)] * mossy
            for k, g in enumerate(clipped(gradients, recipe.clip)):
                first[k] = recipe.betas[0] * first[k] + (1 - recipe.betas[0]) * g
                second[k] = recipe.betas[1] * second[k] + (1 - recipe.betas[1]) * g**2
                mean = first[k] / (1 - recipe.betas[0] ** n)
                square = second[k] / (1 - recipe.betas[1] ** n)
                values[k] = values[k] - recipe.learning_rate * mean / (np.sqrt(square) + recipe.eps)
        rest = values[len(names) :]
        yield dict(zip(names, values, strict=False)), list(zip(rest[::2], rest[1::2], strict=True))


def validation_error(cell: str, p: Cortex, trials: Batch) -> float:
    """Return the squared Euclidean error averaged over trials and all steps, taught or not."""
    inputs, targets, _ = trials
    return float(((outputs_of(cell, p, inputs) - targets) ** 2).sum(axis=2).mean())
