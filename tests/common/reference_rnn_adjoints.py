"""Back-propagation through time, derived by hand, for rate and spiking cells.

Forward, for one trial (equations and names in reference_rnn_cells):
    z_t = W r_{t−1−d} + W_in x_{t−d} + W_fb y_{t−1−d} + b
    rate       h_t = (1 − α) h_{t−1} + α φ(z_t),  r = h        or   v_t = (1 − α) v_{t−1} + α z_t,  r_t = φ(v_t)
    spiking    v_t = β v_{t−1} + z_t − θ s_{t−1},  a_t = ρ a_{t−1} + s_{t−1},  s_t = H(v_t − θ − β_a a_t),  r = s
    readout    q_t = κ q_{t−1} + (1 − κ) s_t  (rate: q = r),  y_t = W_out q_t + b_out

Backward, with ẋ = ∂L/∂x of everything that x_t changes, and B = W_outᵀ unless a feedback matrix takes its place:
    q̇_t = B ẏ_t + κ q̇_{t+1},   ẏ_t = ∂L_t/∂y_t + W_fbᵀ ż_{t+1+d}
    ṙ_t = (1 − κ) q̇_t + Wᵀ ż_{t+1+d}
    rate       ḣ_t = ṙ_t + (1 − α) ḣ_{t+1},  ż_t = α φ'(z_t) ḣ_t
    or         v̇_t = φ'(v_t) ṙ_t + (1 − α) v̇_{t+1},  ż_t = α v̇_t
    spiking    ṡ_t = ṙ_t + ȧ_{t+1},  v̇_t = ψ_t ṡ_t + β v̇_{t+1},  ȧ_t = −ψ_t β_a ṡ_t + ρ ȧ_{t+1},  ż_t = v̇_t
The reset −θ s_{t−1} is a constant (Bellec et al. 2020, Nature Communications 11:3625).
A silent unit has ṙ_t = 0, and ḣ_t = 0 where h itself is set to 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.common import reference_rnn_cells as cells
from tests.common.reference_rnn import INFINITESIMAL, Gradient, Objective, learnable, output_errors
from tests.common.reference_rnn_cells import FloatArray, Net, State


def slope(activation: str, z: FloatArray) -> FloatArray:
    """Return φ'(z).

    Examples
    --------
    >>> slope("relu", np.array([-2.0, 3.0]))
    array([0., 1.])
    """
    return np.asarray(np.imag(cells.activate(activation, z + 1j * INFINITESIMAL)) / INFINITESIMAL)


def dense_recurrence(p: dict[str, Any]) -> FloatArray:
    """Return W, the product of its factors where it has low rank."""
    return np.asarray(p["U"] @ p["V"].T if "U" in p else p["W"])


def presynaptic(net: Net, p: dict[str, Any], state: State, x: FloatArray, t: int) -> Gradient:
    """Return ∂z_i/∂θ_ij of step t for "W" (dense), "W_in", "W_fb" (N, number of inputs each) and "b" (N,).

    Entry (i, j) of W sees r_j as it was when it left: t − 1 − d_ij.
    """
    n_units = p["W_out"].shape[1]
    delays = np.broadcast_to(cells.delay(net, "recurrent"), (n_units, n_units))
    r_past = np.array(state["r_past"])
    x_past = [x, *state["x_past"]]
    found = {
        "W": np.array([[r_past[delays[i, j], j] for j in range(n_units)] for i in range(n_units)]),
        "W_in": np.tile(x_past[cells.delay(net, "input")], (n_units, 1)),
        "b": np.ones(n_units),
    }
    found["W"] *= cells.intact(net, "recurrent", t)
    found["W_in"] *= cells.intact(net, "input", t)
    if "W_fb" in p:
        found["W_fb"] = np.tile(state["y_past"][cells.delay(net, "feedback")], (n_units, 1))
        found["W_fb"] *= cells.intact(net, "feedback", t)
    return found


def as_parameters(net: Net, gradient: Gradient) -> Gradient:
    """Return the gradient by the network's own parameters: factors of W instead of W, 0 where nothing may change."""
    if "U" in net["parameters"]:
        gradient["U"] = gradient["W"] @ net["parameters"]["V"]
        gradient["V"] = gradient["W"].T @ net["parameters"]["U"]
    return {
        name: np.where(learnable(net, name), gradient.get(name, 0), 0) + np.zeros(value.shape)
        for name, value in net["parameters"].items()
    }


def through_spiking_unit(net: Net, now: State, dr: FloatArray, later: Gradient, silent: Any) -> Gradient:
    """Return ż_t and what step t − 1 needs of step t: "v" is v̇_t, "a" is ȧ_t."""
    beta_a, rho_a = (net["beta_a"], net["rho_a"]) if net["cell"] == "alif" else (0, 0)
    psi = cells.surrogate(net, now["v"] - net["theta"] - beta_a * now.get("a", 0))
    ds = np.where(silent, 0, dr + later["a"])
    dv = psi * ds + net["beta"] * later["v"]
    da = -psi * beta_a * ds + rho_a * later["a"]
    # Without adaptation nothing reads a.
    return {"z": dv, "v": dv, "a": da if net["cell"] == "alif" else 0 * da, "alpha": 0 * dv}


def through_rate_unit(
    net: Net, alpha: Any, before: State, now: State, z: FloatArray, dr: FloatArray, later: Gradient, silent: Any
) -> Gradient:
    """Return ż_t, what step t − 1 needs of step t ("v" is ḣ_t or v̇_t), and the share of ∂L/∂α."""
    phi = net["activation"]
    if net["leak"] == "rate":
        dh = np.where(silent, 0, dr + (1 - alpha) * later["v"])
        dz, dalpha = alpha * slope(phi, z) * dh, dh * (cells.activate(phi, z) - before["h"])
        return {"z": dz, "v": dh, "alpha": dalpha}
    dv = np.where(silent, 0, slope(phi, now["v"]) * dr) + (1 - alpha) * later["v"]
    return {"z": alpha * dv, "v": dv, "alpha": dv * (z - before["v"])}


def trial_adjoint(net: Net, x: FloatArray, errors: FloatArray) -> Gradient:
    """Return the gradient of one trial, x (T, I), whose ∂L/∂y is `errors` (T, O)."""
    p = cells.existing(net)
    states = [cells.initial_state(net), *cells.simulate(net, x)]
    n_units = p["W_out"].shape[1]
    W, B = dense_recurrence(p), net.get("feedback_matrix", p["W_out"].T)
    delays = np.broadcast_to(cells.delay(net, "recurrent"), (n_units, n_units))
    spiking = net["cell"] in ("lif", "alif")
    kappa = net["kappa"] if spiking else 0
    alpha: Any = 0 if spiking else p.get("alpha", net.get("alpha"))
    retained = net["beta"] if spiking else 1 - alpha
    gradient = {"W": np.zeros(W.shape), "b": np.zeros(n_units), "alpha": np.zeros(n_units)}
    gradient |= {name: np.zeros(p[name].shape) for name in ("W_in", "W_fb", "W_out") if name in p}
    gradient |= {"b_out": np.zeros(len(p["W_out"]))}
    dy = errors.copy()
    dr = np.zeros((len(x) + 1, n_units))  # dr[t + 1] belongs to r_t, dr[0] to r_{−1}
    dq = np.zeros(n_units)
    later = {"v": np.zeros(n_units), "a": np.zeros(n_units)}
    for t in reversed(range(len(x))):
        before, now = states[t], states[t + 1]
        *_, silent = cells.drives(net, p, before, x[t], t)
        z = cells.total_drive(net, p, before, x[t], t)
        gradient["W_out"] += np.outer(dy[t], now["q"] if spiking else now["r_past"][0])
        gradient["b_out"] += dy[t]
        dq = B @ dy[t] + kappa * dq
        dr[t + 1] += (1 - kappa) * dq
        if spiking:
            later = through_spiking_unit(net, now, dr[t + 1], later, silent)
        else:
            later = through_rate_unit(net, alpha, before, now, z, dr[t + 1], later, silent)
        dz = later["z"]
        gradient["alpha"] += later["alpha"]
        for name, carried in presynaptic(net, p, before, x[t], t).items():
            gradient[name] += dz * carried if name == "b" else dz[:, None] * carried
        for i, j in np.ndindex(n_units, n_units):
            dr[max(t - int(delays[i, j]), 0), j] += W[i, j] * dz[i] * cells.intact(net, "recurrent", t)
        sent = t - 1 - cells.delay(net, "feedback")
        if "W_fb" in p and sent >= 0:
            dy[sent] += p["W_fb"].T @ dz * cells.intact(net, "feedback", t)
    # The state that the trial began with: r_{−1} is h0, φ(h0), or no spike whatever h0.
    gradient["h0"] = retained * later["v"]
    if not spiking:
        gradient["h0"] += dr[0] if net["leak"] == "rate" else slope(net["activation"], states[0]["v"]) * dr[0]
    return gradient


def adjoint(net: Net, inputs: FloatArray, objective: Objective) -> Gradient:
    """Return the gradient of the loss by back-propagation, with the surrogate of spikes and B for W_outᵀ."""
    errors = output_errors(cells.run(net, inputs)["outputs"], objective)
    trials = [trial_adjoint(net, x, error) for x, error in zip(inputs, errors, strict=True)]
    return as_parameters(net, {name: np.sum([trial[name] for trial in trials], axis=0) for name in trials[0]})
