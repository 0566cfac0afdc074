"""The equations of the networks, step by step in whichever array package differentiates them.

With step t = 0 … T − 1, r what units send on (r_{−1} and earlier: of the initial state) and M_d the
connections of delay d:

    z_t = Σ_d (M_d ⊙ W) r_{t−1−d} + W_in x_{t−d_in} + W_fb y_{t−1−d_fb} + b        x, y before step 0: zero
    rate, leak of the rate:      h_t = (1 − α) h_{t−1} + α φ(z_t),   r_t = h_t
    rate, leak of the current:   v_t = (1 − α) v_{t−1} + α z_t,      r_t = φ(v_t)
    LSTM:   i, f, g, o = parts of z_t;   c_t = σ(f) c_{t−1} + σ(i) tanh(g),   r_t = h_t = σ(o) tanh(c_t)
    GRU:    r, z = σ(first parts of z_t);   n = tanh(input, feedback and b of the last + r ⊙ (W_n r_{t−1} + b_n)),
            r_t = h_t = (1 − z) n + z h_{t−1}
    y_t = W_out r_t + b_out,      W = U Vᵀ where the rank is low

Parts are in PyTorch's order. This is neither PyTorch's layers nor fastigial's core: it is checked against the former.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import N_UNITS, TIME_STEP, Case, delays

Array = Any
"""Of PyTorch or JAX."""


@dataclass(frozen=True)
class Functions:
    """What the equations need of an array package."""

    constant: Callable[[Any], Array]
    """From NumPy, in the precision of the case."""
    stack: Callable[[list[Array]], Array]
    """Along a new second axis."""
    tanh: Callable[[Array], Array]
    sigmoid: Callable[[Array], Array]
    relu: Callable[[Array], Array]
    softplus: Callable[[Array], Array]

    def activation(self, name: str) -> Callable[[Array], Array]:
        """φ by its name."""
        if name == "linear":
            return lambda z: z
        if name == "rectified_tanh":
            return lambda z: self.relu(self.tanh(z))
        found: Callable[[Array], Array] = getattr(self, name)
        return found


def recurrent(f: Functions, p: dict[str, Array], case: Case) -> Callable[[list[Array]], Array]:
    """From what units sent so far, most recent last and constant before, to the recurrent drive (trials, G N)."""
    if case.rank is not None:
        return lambda sent: sent[max(-1 - case.delay, -len(sent))] @ p["V"] @ p["U"].T
    steps = np.broadcast_to(delays(case), (N_UNITS, N_UNITS))
    gates = p["W"].shape[0] // N_UNITS
    parts = {int(d): f.constant(np.tile(steps == d, (gates, 1))) * p["W"] for d in np.unique(steps)}
    return lambda sent: sum(sent[max(-1 - d, -len(sent))] @ part.T for d, part in parts.items())


def outputs(f: Functions, p: dict[str, Array], inputs: Array, case: Case) -> Array:
    """Outputs (trials, steps, outputs) of ``inputs`` (trials, steps, inputs)."""
    n, phi = N_UNITS, f.activation(case.activation)
    n_trials, n_steps = inputs.shape[:2]
    alpha = p.get("alpha", case.alpha)
    zeros = f.constant(np.zeros((n_trials, n)))
    state = zeros + p["h0"] if case.initial_state else zeros
    cell = zeros + p["c0"] if case.initial_state and case.cell == "lstm" else zeros
    recurrent_drive = recurrent(f, p, case)
    sent = [phi(state) if case.leak == "current" else state]
    told: list[Array] = []
    for t in range(n_steps):
        rec = recurrent_drive(sent)
        z = p["b"] + f.constant(np.zeros((n_trials, len(p["b"]))))
        if t >= case.input_delay:
            z = z + inputs[:, t - case.input_delay] @ p["W_in"].T
        if case.feedback and t >= 1 + case.feedback_delay:
            z = z + told[t - 1 - case.feedback_delay] @ p["W_fb"].T
        if case.cell == "rate" and case.leak == "rate":
            state = (1 - alpha) * state + alpha * phi(z + rec)
            r = state
        elif case.cell == "rate":
            state = (1 - alpha) * state + alpha * (z + rec)
            r = phi(state)
        elif case.cell == "lstm":
            z = z + rec
            i, forget, g, o = (z[:, k * n : (k + 1) * n] for k in range(4))
            cell = f.sigmoid(forget) * cell + f.sigmoid(i) * f.tanh(g)
            r = f.sigmoid(o) * f.tanh(cell)
        else:
            reset, update = (f.sigmoid((z + rec)[:, k * n : (k + 1) * n]) for k in range(2))
            candidate = f.tanh(z[:, 2 * n :] + reset * (rec[:, 2 * n :] + p["b_n"]))
            state = (1 - update) * candidate + update * state
            r = state
        sent.append(r)
        told.append(r @ p["W_out"].T + p["b_out"])
    return f.stack(told)


def settings(case: Case) -> dict[str, Any]:
    """The same network as arguments of `fastigial.RNN`."""
    rate = {"activation": case.activation, "leak": case.leak, "dt": TIME_STEP, "tau": TIME_STEP / case.alpha}
    found: dict[str, Any] = {
        "cell": case.cell,
        **(rate if case.cell == "rate" else {}),
        "rank": case.rank,
        "feedback": case.feedback,
        "trainable_initial_state": case.initial_state,
        "trainable_tau": case.alpha_per_unit,
    }
    paths = {"recurrent": delays(case), "input": case.input_delay, "feedback": case.feedback_delay}
    chosen = {name: steps for name, steps in paths.items() if np.any(steps)}
    return {**found, "delays": chosen} if chosen else found
