"""Small recurrent networks of every kind, made with the public interface, and the plain description of each.

A case is a dict of keywords of `fg.RNN`. `make_net` gives the network parameters that are all different from zero (so
that no test passes because a bias is nothing), and `describe` says the same network in the words of the slow reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.common.reference_rnn_cells import FloatArray, Net

import fastigial as fg

N_UNITS, N_INPUTS, N_OUTPUTS, N_STEPS, N_TRIALS = 3, 2, 2, 6, 2
DT = 0.01
GATES = {"rate": 1, "gru": 3, "lstm": 4, "lif": 1, "alif": 1}
ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "rectified_tanh", "linear"]
DELAYS = np.array([[0, 1, 3], [2, 0, 0], [9, 4, 1]])

RATE: dict[str, dict[str, Any]] = {"rate": {}, "current": {"leak": "current"}}
SMOOTH: dict[str, dict[str, Any]] = {**RATE, "gru": {"cell": "gru"}, "lstm": {"cell": "lstm"}}
SPIKING: dict[str, dict[str, Any]] = {
    "lif": {"cell": "lif", "threshold": 0.8, "tau_out": None},
    "lif filtered": {"cell": "lif", "threshold": 0.8, "tau_out": 0.02},
    "alif": {"cell": "alif", "threshold": 0.8, "tau_out": 0.02, "tau_adaptation": 0.1, "adaptation": 0.4},
}
CELLS = {**SMOOTH, **SPIKING}


def mask(n_rows: int, n_columns: int, seed: int = 0) -> Any:
    """Return a boolean array about two thirds of whose entries are True."""
    return np.random.default_rng(seed).random((n_rows, n_columns)) < 2 / 3


def options_for(cell: str) -> dict[str, dict[str, Any]]:
    """Return what a network of this cell may have beyond it, by name."""
    n_rows = GATES[cell] * N_UNITS
    masks = {"W": mask(n_rows, N_UNITS), "W_in": mask(n_rows, N_INPUTS), "W_out": mask(N_OUTPUTS, N_UNITS)}
    trainable = {"W_in": False, "W": mask(n_rows, N_UNITS, 1)}
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "no bias": {"bias": False},
        "one delay": {"delays": {"recurrent": 2}},
        "input delay": {"delays": {"input": 3}},
        "delay matrix": {"delays": {"recurrent": DELAYS, "input": 1}},
        "delays beyond the trial": {"delays": {"recurrent": N_STEPS + 2}, "trainable_initial_state": True},
        "areas": {"areas": {"PFC": 2, "M1": 1}, "delays": {"recurrent": {("PFC", "M1"): 2, ("M1", "PFC"): 1}}},
        "feedback": {"feedback": True},
        "late feedback": {"feedback": True, "delays": {"feedback": 2, "recurrent": DELAYS}},
        "masks": {"masks": masks},
        "density": {"density": 0.6},
        "fixed": {"trainable": trainable},
        "low rank": {"rank": 2},
        "late low rank": {"rank": 2, "delays": {"recurrent": 1}},
        "initial state": {"trainable_initial_state": True},
    }
    if cell != "lstm":
        options["Dale"] = {"dale": 0.5}
    if cell == "rate":
        options["leak of each unit"] = {"tau": np.array([0.01, 0.02, 0.1])}
        options["trainable leak"] = {"trainable_tau": True, "trainable_initial_state": True}
    return options


def with_options(kinds: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the cases of all these cells with all their options, by name."""
    return {
        f"{kind}, {option}": {**cell, **extra}
        for kind, cell in kinds.items()
        for option, extra in options_for(cell.get("cell", "rate")).items()
    }


def make_net(case: dict[str, Any], seed: int = 0, **more: Any) -> Any:
    """Return the network of a case with random parameters, in double precision."""
    keywords = {"dt": DT, "tau": 0.03, "dtype": "float64", "seed": seed, **case, **more}
    net = fg.RNN(N_INPUTS, N_UNITS, N_OUTPUTS, **keywords)
    rng = np.random.default_rng(seed)
    parameters = {}
    for name, value in sorted(net.parameters.items()):
        drawn = rng.normal(size=value.shape) * 0.7
        if name == "alpha":
            drawn = rng.uniform(0.2, 0.8, value.shape)
        elif name == "W" and "dale" in case:
            drawn = np.abs(drawn) * np.sign(value)
        elif name == "W" and "density" in case:
            drawn = drawn * (value != 0)
        parameters[name] = np.where(keywords.get("masks", {}).get(name, True), drawn, 0)
    net.set_parameters(parameters)
    return net


def delay_matrix(areas: dict[str, int], delays: dict[tuple[str, str], int]) -> Any:
    """Return the (N, N) delays of pathways (from, to) between areas; what is not named has none."""
    labels = np.repeat(list(areas), list(areas.values()))
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for (source, target), steps in delays.items():
        matrix[np.ix_(labels == target, labels == source)] = steps
    return matrix


def describe(net: Any, case: dict[str, Any], **more: Any) -> Net:
    """Return the network as the slow reference wants it; `more` are entries of that description."""
    parameters = {name: np.array(value) for name, value in net.parameters.items()}
    delays = dict(case.get("delays", {}))
    if isinstance(delays.get("recurrent"), dict):
        delays["recurrent"] = delay_matrix(case["areas"], delays["recurrent"])
    masks = dict(case.get("masks", {}))
    if "dale" in case or "density" in case:
        masks["W"] = parameters["W"] != 0
    decay = np.exp(-DT / np.array([case.get("tau_out") or 1e-300, case.get("tau_adaptation", np.inf)]))
    return {
        "cell": case.get("cell", "rate"),
        "leak": case.get("leak", "rate"),
        "activation": case.get("activation", "tanh"),
        "parameters": parameters,
        "masks": masks,
        "trainable": case.get("trainable", {}),
        "delays": delays,
        "alpha": DT / np.asarray(case.get("tau", 0.03)),
        "beta": np.exp(-DT / 0.03),
        "kappa": decay[0],
        "rho_a": decay[1],
        "beta_a": case.get("adaptation", 0.0),
        "theta": case.get("threshold", 1.0),
        "gamma": 0.3,
        "dt": DT,
        **more,
    }


def make_trials(seed: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return inputs (B, T, I) and targets (B, T, O), everything observed."""
    rng = np.random.default_rng(seed)
    return 2 * rng.normal(size=(N_TRIALS, N_STEPS, N_INPUTS)), rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))


def assert_same(found: dict[str, Any], expected: dict[str, Any], rtol: float) -> None:
    """Every array differs from the expected one by less than `rtol` of its norm."""
    assert found.keys() == expected.keys()
    largest = max(float(np.linalg.norm(value)) for value in expected.values())
    for name, value in expected.items():
        assert np.shape(found[name]) == np.shape(value), name
        # An array of nothing but rounding is measured against the others.
        size = max(float(np.linalg.norm(value)), 1e-3 * largest)
        assert np.linalg.norm(found[name] - value) <= rtol * size, name
