"""Recurrent networks, one trial and one step at a time.

A network is a plain dict, `net`:

| key                        | meaning                                                                            |
| -------------------------- | ---------------------------------------------------------------------------------- |
| cell                       | "rate", "gru", "lstm", "lif", "alif"                                               |
| activation, leak           | rate cells: φ; "rate" (h leaks) or "current" (v leaks, r = φ(v))                   |
| parameters                 | dict of float arrays: W or U and V, W_in, W_fb, b, b_n, W_out, b_out, h0, c0, alpha |
| masks, trainable           | dicts of bool arrays (or one bool) shaped like the parameters: exists; may change  |
| alpha                      | rate cells: dt/τ, a number or (N,); parameters["alpha"] comes first                |
| beta, kappa, theta, gamma  | spiking cells: decays of v and q, threshold, height of the surrogate               |
| rho_a, beta_a              | alif: decay and strength of the adaptation                                         |
| delays                     | dict: "recurrent" (number or (N, N)), "input", "feedback" (numbers), extra steps   |
| initial_state              | dict of (N,): "h", "c", "v", "s", "q", "a"; what is missing is zero                |
| injected, silenced         | (T, N) drive that is added; (T, N) bool, True where a unit is silent               |
| lesions                    | list of (pathway, start, stop): "recurrent", "input", "feedback" cut in these steps |
| feedback_matrix            | B (N, O), takes the place of W_outᵀ in derivatives                                 |

Derivatives. Parameters and states may be complex: value + i·ε, where ε stands for an infinitesimal change (complex
step: its products vanish). `real(x)` is then x held constant. Two rules differ from calculus, both as
    y = value + slope · (x − real(x)):
a spike, whose slope is the surrogate ψ, and a readout whose errors come back through B.

State: a dict of the cell's variables and of what delays still need, newest first: r_past, x_past, y_past.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Net = dict[str, Any]
State = dict[str, Any]
Parameters = dict[str, Any]

# The variables of a cell's state, in the order in which a flat state holds them.
VARIABLES = {"rate": ["h"], "gru": ["h"], "lstm": ["h", "c"], "lif": ["v", "s", "q"], "alif": ["v", "s", "q", "a"]}


def variables(net: Net) -> list[str]:
    """Return the names of the state's variables; a rate cell whose current leaks holds v."""
    return ["v"] if net["cell"] == "rate" and net["leak"] == "current" else VARIABLES[net["cell"]]


# Activations


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + e^−z)."""
    return 1 / (1 + np.exp(-z))


def activate(name: str, z: Any) -> Any:
    """Return φ(z)."""
    if name == "tanh":
        return np.tanh(z)
    if name == "relu":
        return np.where(np.real(z) > 0, z, 0)
    if name == "softplus":
        return np.log(1 + np.exp(z))
    if name == "sigmoid":
        return sigmoid(z)
    if name == "rectified_tanh":
        return np.where(np.real(z) > 0, np.tanh(z), 0)
    return {"linear": z}[name]


def surrogate(net: Net, distance: Any) -> Any:
    """Return ψ = γ/θ max(0, 1 − |v − A|/θ) at a distance v − A from threshold."""
    return net["gamma"] / net["theta"] * np.maximum(0, 1 - np.abs(np.real(distance)) / net["theta"])


def spike(net: Net, distance: Any) -> Any:
    """Return H(v − A), 0 at threshold itself, with slope ψ."""
    return (np.real(distance) > 0) + surrogate(net, distance) * (distance - np.real(distance))


# Parameters and drives


def existing(net: Net) -> Parameters:
    """Return the parameters with 0 where their masks say that there is no entry."""
    masks = net.get("masks", {})
    return {name: np.where(masks.get(name, True), value, 0) for name, value in net["parameters"].items()}


def intact(net: Net, pathway: str, t: int) -> bool:
    """Return whether no lesion holds this pathway at step t."""
    return not any(name == pathway and start <= t < stop for name, start, stop in net.get("lesions", []))


def delay(net: Net, pathway: str) -> Any:
    """Return the delay of a pathway: extra steps, 0 where none is given."""
    return net.get("delays", {}).get(pathway, 0)


def recurrent_drive(net: Net, p: Parameters, r_past: list[Any]) -> Any:
    """Return Σ_d (M_d ⊙ W) r_{t−1−d}, (G·N,), where `r_past[d]` is r_{t−1−d}."""
    delays = np.asarray(delay(net, "recurrent"))
    if delays.ndim == 0:
        r = r_past[int(delays)]
        return p["U"] @ (p["V"].T @ r) if "U" in p else p["W"] @ r
    n_gates = len(p["W"]) // len(delays)
    total = np.zeros(len(p["W"]))
    for d in range(delays.max() + 1):
        same_delay = np.tile(delays == d, (n_gates, 1))
        total = total + np.where(same_delay, p["W"], 0) @ r_past[d]
    return total


# Cells: each takes the state, the recurrent drive, all other drive, what is injected and which units are silent, and
# returns the new variables, "r" (what units send on) and "q" (what the readout sees).


def rate_step(net: Net, p: Parameters, state: State, rec: Any, ext: Any, injected: Any, silent: Any) -> State:
    """Leaky rates: h_t = (1 − α) h_{t−1} + α φ(z_t), or v_t = (1 − α) v_{t−1} + α z_t and r_t = φ(v_t)."""
    alpha = p["alpha"] if "alpha" in p else net["alpha"]
    z = rec + ext + p.get("b", 0) + injected
    if net["leak"] == "rate":
        h = np.where(silent, 0, (1 - alpha) * state["h"] + alpha * activate(net["activation"], z))
        return {"h": h, "r": h, "q": h}
    v = (1 - alpha) * state["v"] + alpha * z
    r = np.where(silent, 0, activate(net["activation"], v))
    return {"v": v, "r": r, "q": r}


def lstm_step(net: Net, p: Parameters, state: State, rec: Any, ext: Any, injected: Any, silent: Any) -> State:  # noqa: ARG001
    """Long short-term memory, gates in the order i, f, g, o."""
    i, f, g, o = np.split(rec + ext + p.get("b", 0), 4)
    c = sigmoid(f) * state["c"] + sigmoid(i) * np.tanh(g + injected)
    h = np.where(silent, 0, sigmoid(o) * np.tanh(c))
    return {"h": h, "c": c, "r": h, "q": h}


def gru_step(net: Net, p: Parameters, state: State, rec: Any, ext: Any, injected: Any, silent: Any) -> State:  # noqa: ARG001
    """Gated recurrent unit, gates in the order r, z, n; the reset gate acts on W_n r + b_n."""
    rec_r, rec_z, rec_n = np.split(rec, 3)
    ext_r, ext_z, ext_n = np.split(ext + p.get("b", 0), 3)
    reset = sigmoid(rec_r + ext_r)
    update = sigmoid(rec_z + ext_z)
    candidate = np.tanh(ext_n + injected + reset * (rec_n + p.get("b_n", 0)))
    h = np.where(silent, 0, (1 - update) * candidate + update * state["h"])
    return {"h": h, "r": h, "q": h}


def spiking_step(net: Net, p: Parameters, state: State, rec: Any, ext: Any, injected: Any, silent: Any) -> State:
    """Leaky integrate-and-fire, for "alif" with a threshold that adapts; the reset is constant to derivatives."""
    z = rec + ext + p.get("b", 0) + injected
    v = net["beta"] * state["v"] + z - net["theta"] * np.real(state["s"])
    new = {"v": v}
    threshold = net["theta"]
    if net["cell"] == "alif":
        new["a"] = net["rho_a"] * state["a"] + state["s"]
        threshold = threshold + net["beta_a"] * new["a"]
    s = np.where(silent, 0, spike(net, v - threshold))
    q = net["kappa"] * state["q"] + (1 - net["kappa"]) * s
    return {**new, "s": s, "r": s, "q": q}


STEPS = {"rate": rate_step, "lstm": lstm_step, "gru": gru_step, "lif": spiking_step, "alif": spiking_step}


def readout(net: Net, p: Parameters, q: Any) -> Any:
    """Return y = W_out q + b_out; with a feedback matrix B, the slope with respect to q is Bᵀ."""
    b = p.get("b_out", 0)
    if "feedback_matrix" not in net:
        return p["W_out"] @ q + b
    return p["W_out"] @ np.real(q) + net["feedback_matrix"].T @ (q - np.real(q)) + b


# Time


def initial_state(net: Net) -> State:
    """Return the state before step 0: r_{−1} stands for every earlier step, inputs and outputs were 0."""
    p = existing(net)
    n_outputs, n_units = p["W_out"].shape
    given = dict(net.get("initial_state", {}))
    names = variables(net)
    if "h0" in p:
        given[names[0]] = p["h0"]
    if "c0" in p:
        given["c"] = p["c0"]
    state: State = {name: given.get(name, np.zeros(n_units)) for name in names}
    r = state["s" if "s" in state else names[0]]
    if names == ["v"]:
        r = activate(net["activation"], r)
    state["r_past"] = [r] * (int(np.max(delay(net, "recurrent"))) + 1)
    state["x_past"] = [np.zeros(p["W_in"].shape[1])] * delay(net, "input")
    state["y_past"] = [np.zeros(n_outputs)] * (delay(net, "feedback") + 1)
    return state


def drives(net: Net, p: Parameters, state: State, x: FloatArray, t: int) -> tuple[Any, Any, Any, Any]:
    """Return the recurrent drive, all other drive, what is injected and which units are silent at step t."""
    zeros = np.zeros(p["W_out"].shape[1])
    x_past = [x, *state["x_past"]]
    rec = recurrent_drive(net, p, state["r_past"]) * intact(net, "recurrent", t)
    ext = p["W_in"] @ x_past[delay(net, "input")] * intact(net, "input", t)
    if "W_fb" in p:
        ext = ext + p["W_fb"] @ state["y_past"][delay(net, "feedback")] * intact(net, "feedback", t)
    injected = net["injected"][t] if "injected" in net else zeros
    silent = net["silenced"][t] if "silenced" in net else zeros > 0
    return rec, ext, injected, silent


def total_drive(net: Net, p: Parameters, state: State, x: FloatArray, t: int) -> Any:
    """Return z_t of a rate or spiking cell, (N,)."""
    rec, ext, injected, _ = drives(net, p, state, x, t)
    return rec + ext + p.get("b", 0) + injected


def step(net: Net, state: State, x: FloatArray, t: int) -> State:
    """Return the state after step t with input x (I,); its `r_past[0]` is r_t and its `y_past[0]` is y_t."""
    p = existing(net)
    new = STEPS[net["cell"]](net, p, state, *drives(net, p, state, x, t))
    y = readout(net, p, new["q"])
    return {
        **{name: new[name] for name in variables(net)},
        "r_past": [new["r"], *state["r_past"][:-1]],
        "x_past": [x, *state["x_past"]][: delay(net, "input")],
        "y_past": [y, *state["y_past"][:-1]],
    }


def simulate(net: Net, x: FloatArray, state: State | None = None, start: int = 0) -> list[State]:
    """Return the states after each step of one trial, x (steps, I), begun at step `start` from `state`."""
    states = [initial_state(net) if state is None else state]
    for t, x_t in enumerate(x, start):
        states.append(step(net, states[-1], x_t, t))
    return states[1:]


def run(net: Net, inputs: FloatArray) -> dict[str, Any]:
    """Return what trials give, inputs (B, T, I): "states" r (B, T, N), "outputs" (B, T, O), and each state variable.

    Examples
    --------
    >>> one = {"W": np.zeros((1, 1)), "W_in": np.ones((1, 1)), "W_out": np.full((1, 1), 2.0)}
    >>> net = {"cell": "rate", "leak": "rate", "activation": "linear", "alpha": 0.5, "parameters": one}
    >>> run(net, np.ones((1, 3, 1)))["outputs"].ravel()
    array([1.  , 1.5 , 1.75])
    """
    trials = [simulate(net, x) for x in inputs]
    found = {name: np.array([[state[name] for state in trial] for trial in trials]) for name in variables(net)}
    found["states"] = np.array([[state["r_past"][0] for state in trial] for trial in trials])
    found["outputs"] = np.array([[state["y_past"][0] for state in trial] for trial in trials])
    return found
