"""Losses of recurrent networks and their gradients by the definition: change a parameter, watch the loss.

mean squared error   L = Σ w (y − y*)² / Σ w                        over trials, steps and outputs
cross-entropy        L = Σ w (−Σ_o p_o log softmax(y)_o) / Σ w      over trials and steps
A NaN target has w = 0; of cross-entropy, a step whose target is NaN or the class −1.

Regularisers, by name: activity_l2 c mean(r²), activity_l1 c mean|r|, weight_l2 c Σ w², weight_l1 c Σ |w| (of every
parameter whose name begins with W, U or V), rate_target (c, f): c mean over units of (mean of s/dt − f)², f in Hz.

| symbol | name    | shape                                   |
| ------ | ------- | --------------------------------------- |
| y      | outputs | (B, T, O)                               |
| y*     | targets | (B, T, O), or (B, T) integers: classes  |
| w      | weights | (B, T) or (B, T, O), 1 where not given  |

An objective is what `loss_of` needs: (kind, targets, weights).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.common import reference_rnn_cells as cells
from tests.common.reference_rnn_cells import FloatArray, Net, State

Gradient = dict[str, FloatArray]
Objective = tuple[str, Any, Any]

# So small that its square is nothing beside one: the complex step has no truncation error.
INFINITESIMAL = 1e-60


# Losses


def spread_weights(weights: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return weights of `shape`; (B, T) weights hold for every output."""
    if weights is None:
        return np.ones(shape)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim == 2 and len(shape) == 3:
        weights = weights[:, :, None]
    return np.broadcast_to(weights, shape).copy()


def squared_errors(outputs: Any, targets: FloatArray, weights: Any) -> Any:
    """Return each step's share of the mean squared error, (B, T): they add up to it."""
    w = spread_weights(weights, targets.shape) * ~np.isnan(targets)
    errors = np.where(np.isnan(targets), 0, outputs - np.nan_to_num(targets))
    return (w * errors**2).sum(axis=2) / w.sum()


def cross_entropies(outputs: Any, targets: Any, weights: Any) -> Any:
    """Return each step's share of the cross-entropy, (B, T): they add up to it."""
    n_classes = outputs.shape[2]
    if targets.ndim == 2:
        seen = targets >= 0
        probabilities = np.eye(n_classes)[np.where(seen, targets, 0)]
    else:
        seen = ~np.isnan(targets).any(axis=2)
        probabilities = np.nan_to_num(targets)
    w = spread_weights(weights, seen.shape) * seen
    shifted = outputs - np.real(outputs).max(axis=2, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    return w * -(probabilities * log_softmax).sum(axis=2) / w.sum()


def step_losses(outputs: Any, objective: Objective) -> Any:
    """Return the losses of trials and steps, (B, T), whose sum is the loss."""
    kind, targets, weights = objective
    return {"mse": squared_errors, "cross_entropy": cross_entropies}[kind](outputs, targets, weights)


def output_errors(outputs: FloatArray, objective: Objective) -> FloatArray:
    """Return ∂L/∂y, (B, T, O), by complex steps."""
    errors = np.zeros(outputs.shape)
    for where in np.ndindex(outputs.shape):
        moved = outputs.astype(complex)
        moved[where] += 1j * INFINITESIMAL
        errors[where] = step_losses(moved, objective).sum().imag / INFINITESIMAL
    return errors


def magnitude(x: Any) -> Any:
    """Return |x| with the slope sign(x)."""
    return np.sign(np.real(x)) * x


def penalty(net: Net, r: Any, regularization: dict[str, Any], dt: float = 1.0) -> Any:
    """Return the sum of the regularisers at activity r (B, T, N)."""
    weights = [value.ravel() for name, value in cells.existing(net).items() if name[0] in "WUV"]
    total = 0.0
    for name, c in regularization.items():
        if name == "activity_l2":
            total = total + c * np.mean(r**2)
        elif name == "activity_l1":
            total = total + c * np.mean(magnitude(r))
        elif name == "weight_l2":
            total = total + c * np.sum(np.concatenate(weights) ** 2)
        elif name == "weight_l1":
            total = total + c * np.sum(magnitude(np.concatenate(weights)))
        else:
            strength, rate = {"rate_target": c}[name]
            total = total + strength * np.mean((np.mean(r, axis=(0, 1)) / dt - rate) ** 2)
    return total


def loss_of(net: Net, inputs: FloatArray, objective: Objective, regularization: dict[str, Any] | None = None) -> Any:
    """Return the loss of a network, with its regularisers."""
    found = cells.run(net, inputs)
    total = step_losses(found["outputs"], objective).sum()
    return total + penalty(net, found["states"], regularization or {}, net.get("dt", 1.0))


# Gradients by the definition


def changed(net: Net, name: str, where: tuple[int, ...], by: complex) -> Net:
    """Return the network with one entry of one parameter changed."""
    value = net["parameters"][name].astype(np.result_type(net["parameters"][name], type(by)))
    value[where] += by
    return {**net, "parameters": {**net["parameters"], name: value}}


def learnable(net: Net, name: str) -> Any:
    """Return where a parameter has entries that exist and may change."""
    shape = net["parameters"][name].shape
    exists = np.broadcast_to(net.get("masks", {}).get(name, True), shape)
    return exists & np.broadcast_to(net.get("trainable", {}).get(name, True), shape)


def over_entries(net: Net, slope: Callable[[str, tuple[int, ...]], float]) -> Gradient:
    """Return `slope(name, where)` of every entry that may change, 0 elsewhere."""
    gradient = {name: np.zeros(value.shape) for name, value in net["parameters"].items()}
    for name, values in gradient.items():
        for where in zip(*np.nonzero(learnable(net, name)), strict=True):
            values[where] = slope(name, where)
    return gradient


def finite_differences(net: Net, loss: Callable[[Net], float], size: float = 1e-5) -> Gradient:
    """Return (L(θ + size) − L(θ − size)) / (2 size) of every entry."""

    def slope(name: str, where: tuple[int, ...]) -> float:
        return (loss(changed(net, name, where, size)) - loss(changed(net, name, where, -size))) / (2 * size)

    return over_entries(net, slope)


def complex_steps(net: Net, loss: Callable[[Net], Any]) -> Gradient:
    """Return Im L(θ + iε) / ε of every entry: exact, with the slopes that spikes and feedback matrices are given."""

    def slope(name: str, where: tuple[int, ...]) -> float:
        return float(np.imag(loss(changed(net, name, where, 1j * INFINITESIMAL))) / INFINITESIMAL)

    return over_entries(net, slope)


def gradient(net: Net, inputs: FloatArray, objective: Objective, regularization: Any = None) -> Gradient:
    """Return the gradient of the loss; of spiking cells, the surrogate gradient."""
    return complex_steps(net, lambda changed_net: loss_of(changed_net, inputs, objective, regularization))


# Truncation


def detach(state: State) -> State:
    """Return the state held constant, with all that delays still need."""
    return {
        name: [np.real(item) for item in value] if isinstance(value, list) else np.real(value)
        for name, value in state.items()
    }


def states_in_windows(net: Net, inputs: FloatArray, window: int) -> list[list[State]]:
    """Return the states of trials; each is held constant where the next window begins: steps window, 2 window, …"""
    trials = []
    for x in inputs:
        state, trial = cells.initial_state(net), []
        for t, x_t in enumerate(x):
            state = cells.step(net, detach(state) if t % window == 0 and t > 0 else state, x_t, t)
            trial.append(state)
        trials.append(trial)
    return trials


def outputs_of(trials: list[list[State]]) -> Any:
    """Return the outputs (B, T, O) of trials of states."""
    return np.array([[state["y_past"][0] for state in trial] for trial in trials])


def truncated_gradient(net: Net, inputs: FloatArray, objective: Objective, window: int) -> Gradient:
    """Return what back-propagation within windows of that many steps gives."""

    def loss(moved: Net) -> Any:
        return step_losses(outputs_of(states_in_windows(moved, inputs, window)), objective).sum()

    return complex_steps(net, loss)
