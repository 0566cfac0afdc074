"""Learning rules of recurrent networks, each by its definition, trial by trial and step by step.

Every rule returns a dict shaped like the parameters that stands for the gradient: descent goes against it.
e_t = ∂L/∂y_t (O,) is the error of the loss itself, with its factors; B (N, O) is the feedback matrix.

RTRL           P_t = J_t P_{t−1} + D_t,   Δθ = Σ e_tᵀ ∂y_t/∂s_t P_t,   J_t = ∂s_t/∂s_{t−1},   D_t = ∂s_t/∂θ;
               s holds r, y and what delays still need; J and D by complex steps
RFLO           p_t = (1 − α) p_{t−1} + α φ'(z_t) pre_t,   ΔW = Σ (B e_t) 1ᵀ ⊙ p_t
               leak of the current: p_t = (1 − α) p_{t−1} + α pre_t,   ΔW = Σ (B e_t) 1ᵀ ⊙ φ'(v_t) p_t
e-prop         rate cells: as RFLO. Spiking: ε_t = β ε_{t−1} + pre_t,   ε_a,t = ρ_a ε_a,t−1 + η_{t−1},
               η_t = ψ_t (ε_t − β_a ε_a,t),   η̄_t = κ η̄_{t−1} + (1 − κ) η_t,   ΔW = Σ (B e_t) 1ᵀ ⊙ η̄_t
alignment      the gradient with B in place of W_outᵀ
perturbation   ΔW = (L̃ − L)/σ Σ_t ξ_t pre_tᵀ, where L̃ is the loss with z_t + σ ξ_t
FORCE          P ← P − P r rᵀP / (1 + rᵀP r),   W_out ← W_out − e rᵀP,   P_0 = I/α,   e = y − y* before the update

Readouts of RFLO and e-prop: ΔW_out = Σ e_t q_tᵀ, Δb_out = Σ e_t. pre_t: what a connection carried at step t.
RTRL: Williams & Zipser 1989, Neural Computation 1:270. RFLO: Murray 2019, eLife 8:e43299.
e-prop: Bellec et al. 2020, Nature Communications 11:3625.
Feedback alignment: Lillicrap et al. 2016, Nature Communications 7:13276.
Node perturbation: Fiete & Seung 2006, Physical Review Letters 97:048104. FORCE: Sussillo & Abbott 2009, Neuron 63:544.
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
    changed,
    gradient,
    learnable,
    output_errors,
    step_losses,
)
from tests.common.reference_rnn_adjoints import as_parameters, presynaptic, slope
from tests.common.reference_rnn_cells import FloatArray, Net, State

# Real-time recurrent learning


def flatten(net: Net, state: State) -> Any:
    """Return the state as one vector: the cell's variables, then what delays need, then outputs."""
    return np.concatenate([*(state[name] for name in cells.variables(net)), *state["r_past"], *state["y_past"]])


def unflatten(net: Net, vector: Any, like: State) -> State:
    """Return the state that a vector stands for; the inputs of the past are those of `like`."""
    names, n_units = cells.variables(net), len(like["r_past"][0])
    n_parts = len(names) + len(like["r_past"])
    parts = list(vector[: n_parts * n_units].reshape(n_parts, n_units))
    return {
        **dict(zip(names, parts, strict=False)),
        "r_past": parts[len(names) :],
        "x_past": like["x_past"],
        "y_past": list(vector[n_parts * n_units :].reshape(len(like["y_past"]), -1)),
    }


def step_jacobian(net: Net, state: State, x: FloatArray, t: int) -> FloatArray:
    """Return ∂s_t/∂s_{t−1}, (S, S)."""
    vector = flatten(net, state)
    columns = []
    for direction in np.eye(len(vector)):
        moved = unflatten(net, vector + 1j * INFINITESIMAL * direction, state)
        columns.append(np.imag(flatten(net, cells.step(net, moved, x, t))) / INFINITESIMAL)
    return np.stack(columns, axis=1)


def influence(net: Net, function: Callable[[Net], Any]) -> Gradient:
    """Return ∂function/∂θ, (S, *shape) for each parameter."""
    found = {}
    for name, value in net["parameters"].items():
        columns = np.zeros((len(function(net)), *value.shape))
        for where in zip(*np.nonzero(learnable(net, name)), strict=True):
            moved = function(changed(net, name, where, 1j * INFINITESIMAL))
            columns[:, *where] = np.imag(moved) / INFINITESIMAL
        found[name] = columns
    return found


def rtrl(net: Net, inputs: FloatArray, objective: Objective) -> Gradient:
    """Return the gradient of the loss by real-time recurrent learning."""
    errors = output_errors(cells.run(net, inputs)["outputs"], objective)
    total = {name: np.zeros(value.shape) for name, value in net["parameters"].items()}
    for x, error in zip(inputs, errors, strict=True):
        state = cells.initial_state(net)
        n_kept = len(flatten(net, state)) - len(np.concatenate(state["y_past"]))
        P = influence(net, lambda moved: flatten(moved, cells.initial_state(moved)))
        for t in range(len(x)):
            J = step_jacobian(net, state, x[t], t)
            D = influence(net, lambda moved, s=state, t=t, x=x: flatten(net, cells.step(moved, s, x[t], t)))  # type: ignore[misc]
            state = cells.step(net, state, x[t], t)
            y = slice(n_kept, n_kept + len(error[t]))
            for name in total:
                P[name] = np.tensordot(J, P[name], axes=1) + D[name]
                total[name] += np.tensordot(error[t], P[name][y], axes=1)
    return total


# Rules with a local trace


def rows(values: FloatArray, like: FloatArray) -> FloatArray:
    """Return a value per unit, shaped to multiply the rows of `like`, (N, …)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))


def rate_trace(net: Net, alpha: Any, z: FloatArray, state: State, silent: Any, past: Gradient, pre: Any) -> Gradient:
    """Return the trace p_t of one kind of connection of a rate cell, and "bar", what the learning signal multiplies."""
    alpha, awake = rows(np.broadcast_to(alpha, z.shape), pre), rows(~silent, pre)
    if net["leak"] == "rate":
        p = awake * ((1 - alpha) * past["p"] + alpha * rows(slope(net["activation"], z), pre) * pre)
        return {"p": p, "bar": p}
    p = (1 - alpha) * past["p"] + alpha * pre
    return {"p": p, "bar": awake * rows(slope(net["activation"], state["v"]), pre) * p}


def spiking_trace(net: Net, state: State, silent: Any, past: Gradient, pre: Any) -> Gradient:
    """Return ε_t, ε_a,t, η_t and "bar", the low-pass η̄_t, of one kind of connection of a spiking cell."""
    beta_a, rho_a = (net["beta_a"], net["rho_a"]) if net["cell"] == "alif" else (0, 0)
    psi = np.where(silent, 0, cells.surrogate(net, state["v"] - net["theta"] - beta_a * state.get("a", 0)))
    voltage = net["beta"] * past["p"] + pre
    adaptation = rho_a * past["a"] + past["eta"]
    eta = rows(psi, pre) * (voltage - beta_a * adaptation)
    return {"p": voltage, "a": adaptation, "eta": eta, "bar": net["kappa"] * past["bar"] + (1 - net["kappa"]) * eta}


def local_traces(net: Net, x: FloatArray) -> list[Gradient]:
    """Return what the learning signal multiplies at each step, for "W" (dense), "W_in", "W_fb" and "b"."""
    p = cells.existing(net)
    state = cells.initial_state(net)
    shapes = {name: pre.shape for name, pre in presynaptic(net, p, state, x[0], 0).items()}
    traces = {name: {part: np.zeros(shape) for part in ("p", "a", "eta", "bar")} for name, shape in shapes.items()}
    history = []
    for t, x_t in enumerate(x):
        carried = presynaptic(net, p, state, x_t, t)
        *_, silent = cells.drives(net, p, state, x_t, t)
        z = cells.total_drive(net, p, state, x_t, t)
        state = cells.step(net, state, x_t, t)
        for name, pre in carried.items():
            if net["cell"] == "rate":
                traces[name] = rate_trace(net, p.get("alpha", net["alpha"]), z, state, silent, traces[name], pre)
            else:
                traces[name] = spiking_trace(net, state, silent, traces[name], pre)
        history.append({name: parts["bar"] for name, parts in traces.items()})
    return history


def local_rule(net: Net, inputs: FloatArray, objective: Objective, B: FloatArray) -> Gradient:
    """Return ΔW of RFLO (rate cells) and e-prop (rate and spiking cells) with the feedback matrix B (N, O)."""
    found = cells.run(net, inputs)
    errors = output_errors(found["outputs"], objective)
    seen = found["q"] if "q" in found else found["states"]
    total: Gradient = {"W_out": np.einsum("bto,btn->on", errors, seen), "b_out": errors.sum(axis=(0, 1))}
    for x, error in zip(inputs, errors, strict=True):
        for t, traces in enumerate(local_traces(net, x)):
            signal = B @ error[t]
            for name, trace in traces.items():
                share = signal * trace if name == "b" else signal[:, None] * trace
                total[name] = total.get(name, 0) + share
    return as_parameters(net, total)


# Feedback alignment


def feedback_alignment(net: Net, inputs: FloatArray, objective: Objective, B: FloatArray) -> Gradient:
    """Return back-propagation with B (N, O) wherever errors would pass W_outᵀ."""
    return gradient({**net, "feedback_matrix": B}, inputs, objective)


# Node perturbation


def node_perturbation(
    net: Net, inputs: FloatArray, objective: Objective, noise: FloatArray, sigma: float, trial: int = 0
) -> Gradient:
    """Return the estimate of one trial of the batch from the unit noise ξ (T, N) that it was given."""
    x = inputs[trial]
    p = cells.existing(net)
    still = net.get("injected", np.zeros(noise.shape))
    plain = cells.run(net, inputs)["outputs"]
    perturbed = plain.copy()
    perturbed[trial] = cells.run({**net, "injected": still + sigma * noise}, x[None])["outputs"][0]
    rise = step_losses(perturbed, objective).sum() - step_losses(plain, objective).sum()
    total = {
        name: np.zeros(value.shape) for name, value in presynaptic(net, p, cells.initial_state(net), x[0], 0).items()
    }
    for t, state in enumerate([cells.initial_state(net), *cells.simulate(net, x)[:-1]]):
        for name, pre in presynaptic(net, p, state, x[t], t).items():
            total[name] += rise / sigma * (noise[t] * pre if name == "b" else noise[t][:, None] * pre)
    return as_parameters(net, total)


# FORCE


def force(
    net: Net, x: FloatArray, targets: FloatArray, alpha: float = 1.0, every: int = 2
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return W_out after each step (T, O, N), the outputs before each update (T, O), and P (N, N) at the end.

    The readout changes while the trial runs, at steps every − 1, 2 every − 1, …; the y that is fed back is the one
    before the update.
    """
    W_out = net["parameters"]["W_out"].copy()
    P = np.eye(W_out.shape[1]) / alpha
    state = cells.initial_state(net)
    weights, outputs = [], []
    for t, x_t in enumerate(x):
        state = cells.step({**net, "parameters": {**net["parameters"], "W_out": W_out}}, state, x_t, t)
        r, y = state["r_past"][0], state["y_past"][0]
        if (t + 1) % every == 0:
            P = P - np.outer(P @ r, r @ P) / (1 + r @ P @ r)
            W_out = W_out - np.outer(y - targets[t], P @ r)
        weights.append(W_out)
        outputs.append(y)
    return np.array(weights), np.array(outputs), P
