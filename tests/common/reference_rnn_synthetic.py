"""Synthetic gradients of recurrent networks, by their definition.

A trial is cut into windows of K steps. C, the synthesiser, guesses from a state s the gradient of all later losses.
    ΔW = Σ_windows ∂/∂θ [L_window + γ C(s_end)ᵀ s_end]     with s_start and C(s_end) held constant
    δ̄  = ∂/∂s_start [L_window + γ C(s_end)ᵀ s_end]         what C(s_start) should have been
The last window has a seed too.
L_window is the window's share of the loss of the whole batch. s: the cell's variables, [h; c] of an LSTM.
Jaderberg et al. 2017, arXiv 1608.05343; Pemberton et al. 2021, arXiv 2110.11501.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.common import reference_rnn_cells as cells
from tests.common.reference_rnn import (
    INFINITESIMAL,
    Gradient,
    Objective,
    complex_steps,
    detach,
    outputs_of,
    states_in_windows,
    step_losses,
)
from tests.common.reference_rnn_cells import FloatArray, Net, State

Synthesiser = Callable[[FloatArray], FloatArray]


def variables_of(net: Net, state: State) -> Any:
    """Return what a synthesiser sees: the cell's variables in one vector, [h; c] of an LSTM."""
    return np.concatenate([state[name] for name in cells.variables(net)])


def with_variables(net: Net, state: State, vector: Any) -> State:
    """Return the state of a network without delays whose variables are these."""
    names = cells.variables(net)
    moved = dict(zip(names, np.split(vector, len(names)), strict=True))
    r = moved["s"] if "s" in moved else moved[names[0]]
    if names == ["v"]:
        r = cells.activate(net["activation"], r)
    return {**state, **moved, "r_past": [r]}


def synthetic_gradient(
    net: Net, inputs: FloatArray, objective: Objective, window: int, bootstrap: float, C: Synthesiser
) -> Gradient:
    """Return ΔW of windows whose ends are seeded with γ C(s): the last one too."""

    def loss(moved: Net) -> Any:
        trials = states_in_windows(moved, inputs, window)
        total = step_losses(outputs_of(trials), objective).sum()
        for trial in trials:
            for end in {*range(window - 1, len(trial), window), len(trial) - 1}:
                state = variables_of(net, trial[end])
                total = total + bootstrap * C(np.real(state)) @ state
        return total

    return complex_steps(net, loss)


def rest_of_loss(
    net: Net, inputs: FloatArray, objective: Objective, trial: int, start: int, stop: int, vector: Any
) -> tuple[Any, Any]:
    """Return the loss of steps start … stop − 1 of a trial entered in this state, and its variables at the end."""
    trials = states_in_windows(net, inputs, len(inputs[0]))
    before = detach(trials[trial][start - 1]) if start > 0 else cells.initial_state(net)
    later = cells.simulate(net, inputs[trial][start:stop], with_variables(net, before, vector), start)
    outputs = outputs_of(trials).astype(complex)
    outputs[trial, start:stop] = [state["y_past"][0] for state in later]
    return step_losses(outputs, objective)[trial, start:stop].sum(), variables_of(net, later[-1])


def synthesiser_target(
    net: Net, inputs: FloatArray, objective: Objective, trial: int, start: int, stop: int, seed: FloatArray
) -> FloatArray:
    """Return δ̄ = ∂/∂s of [loss of steps start … stop − 1 + seedᵀ s_end], s the state before step `start`."""
    states = [cells.initial_state(net), *cells.simulate(net, inputs[trial])]
    vector = variables_of(net, states[start])
    target = np.zeros(len(vector))
    for k, direction in enumerate(np.eye(len(vector))):
        moved = vector + 1j * INFINITESIMAL * direction
        loss, end = rest_of_loss(net, inputs, objective, trial, start, stop, moved)
        target[k] = np.imag(loss + seed @ end) / INFINITESIMAL
    return target


def future_gradients(net: Net, inputs: FloatArray, objective: Objective) -> tuple[FloatArray, FloatArray]:
    """Return the states s_t and the gradients of all that comes after them, ∂L_{>t}/∂s_t, (B, T, S) each."""
    states = np.array([[variables_of(net, s) for s in cells.simulate(net, x)] for x in inputs])
    future = np.zeros(states.shape)
    n_trials, n_steps, n_variables = states.shape
    for trial, t in np.ndindex(n_trials, n_steps - 1):
        future[trial, t] = synthesiser_target(net, inputs, objective, trial, t + 1, n_steps, np.zeros(n_variables))
    return states, future
