"""Small networks of every kind whose outputs and gradients have to be the same in fastigial, PyTorch and JAX."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_UNITS, N_INPUTS, N_OUTPUTS = 12, 3, 2
N_TRIALS, N_STEPS = 4, 30
TIME_STEP = 0.01
"""Seconds."""
LONGEST_DELAY = 3
"""Steps, where each connection has its own."""

GATES = {"rate": 1, "lstm": 4, "gru": 3}
LAYERS = {"rate": "RNN", "lstm": "LSTM", "gru": "GRU"}
"""The layer of PyTorch that does the same (rate: at α = 1)."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A network; delays are steps beyond the one that every connection takes."""

    title: str
    cell: str = "rate"
    leak: str = "rate"
    activation: str = "tanh"
    alpha: float = 0.1
    alpha_per_unit: bool = False
    """Different and trainable."""
    rank: int | None = None
    delay: int = 0
    delay_per_connection: bool = False
    input_delay: int = 0
    feedback: bool = False
    feedback_delay: int = 0
    initial_state: bool = False
    """Not zero, and trainable."""
    masked: bool = False
    """Loss of some steps alone."""
    layer: bool = False
    """By PyTorch's own layer, from its state dict."""

    def rng(self, what: str) -> np.random.Generator:
        """The same numbers in every process, others for each purpose."""
        return np.random.default_rng(zlib.crc32(f"{self.title}/{what}".encode()))


CASES = (
    Case("rate, α = .1"),
    Case("rate, α = 1", alpha=1.0),
    Case("rate, leak of the current", leak="current"),
    *(Case(f"rate, {name}", activation=name) for name in ("relu", "softplus", "sigmoid", "rectified_tanh", "linear")),
    Case("rate, leak of the current, softplus, loss of some steps", leak="current", activation="softplus", masked=True),
    Case("rate, α and initial state trained", alpha_per_unit=True, initial_state=True),
    Case(
        "rate, leak of the current, α and initial state trained",
        leak="current",
        alpha_per_unit=True,
        initial_state=True,
    ),
    Case("rate, low rank", rank=2),
    Case("rate, low rank, delay", rank=2, delay=2),
    Case("rate, delay", delay=2),
    Case("rate, a delay for each connection", delay_per_connection=True, initial_state=True),
    Case("rate, leak of the current, a delay for each connection", leak="current", delay_per_connection=True),
    Case("rate, delayed input", input_delay=3),
    Case("rate, feedback", feedback=True),
    Case("rate, every pathway delayed", delay=1, input_delay=2, feedback=True, feedback_delay=3, masked=True),
    Case("LSTM", cell="lstm"),
    Case("LSTM, initial state trained", cell="lstm", initial_state=True),
    Case("LSTM, low rank", cell="lstm", rank=2),
    Case("LSTM, every pathway delayed", cell="lstm", delay=1, input_delay=2, feedback=True, feedback_delay=1),
    Case("GRU", cell="gru"),
    Case("GRU, initial state trained", cell="gru", initial_state=True),
    Case("GRU, low rank", cell="gru", rank=2),
    Case("GRU, every pathway delayed", cell="gru", delay=1, input_delay=2, feedback=True, feedback_delay=1),
    Case("nn.RNN", alpha=1.0, layer=True),
    Case("nn.LSTM", cell="lstm", layer=True),
    Case("nn.GRU", cell="gru", layer=True),
)


def data(case: Case) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_] | None]:
    """Inputs (trials, steps, inputs), targets (trials, steps, outputs) and which steps count (trials, steps)."""
    rng = case.rng("data")
    inputs = rng.standard_normal((N_TRIALS, N_STEPS, N_INPUTS))
    targets = rng.standard_normal((N_TRIALS, N_STEPS, N_OUTPUTS))
    return inputs, targets, rng.random((N_TRIALS, N_STEPS)) < 0.6 if case.masked else None


def delays(case: Case) -> NDArray[np.int64] | int:
    """Of the recurrent connections: one, or (N, N)."""
    if case.delay_per_connection:
        return case.rng("delays").integers(0, LONGEST_DELAY + 1, (N_UNITS, N_UNITS))
    return case.delay


def layer_state(case: Case) -> Arrays:
    """State dict of PyTorch's layer."""
    rng, gates = case.rng("layer"), GATES[case.cell]
    shapes = {
        "weight_ih_l0": (gates * N_UNITS, N_INPUTS),
        "weight_hh_l0": (gates * N_UNITS, N_UNITS),
        "bias_ih_l0": (gates * N_UNITS,),
        "bias_hh_l0": (gates * N_UNITS,),
    }
    return {name: rng.standard_normal(shape) / np.sqrt(N_UNITS) for name, shape in shapes.items()}


def from_layer(case: Case, state: Arrays) -> Arrays:
    """Parameters of the equations from PyTorch's; a GRU's two biases of n differ in what r multiplies."""
    both = state["bias_ih_l0"] + state["bias_hh_l0"]
    parameters = {"W": state["weight_hh_l0"], "W_in": state["weight_ih_l0"], "b": both}
    if case.cell == "gru":
        parameters["b_n"] = state["bias_hh_l0"][2 * N_UNITS :]
        parameters["b"] = np.concatenate([both[: 2 * N_UNITS], state["bias_ih_l0"][2 * N_UNITS :]])
    return parameters


def parameters(case: Case) -> Arrays:
    """All parameters by name, in double precision."""
    rng, gates = case.rng("parameters"), GATES[case.cell]
    scale = N_UNITS**-0.5
    made: Arrays
    if case.layer:
        made = from_layer(case, layer_state(case))
    else:
        made = {
            "W_in": rng.standard_normal((gates * N_UNITS, N_INPUTS)) * scale,
            "b": rng.standard_normal(gates * N_UNITS) * 0.1,
        }
        if case.rank is None:
            made["W"] = rng.standard_normal((gates * N_UNITS, N_UNITS)) * scale
        else:
            made["U"] = rng.standard_normal((gates * N_UNITS, case.rank)) * scale
            made["V"] = rng.standard_normal((N_UNITS, case.rank))
        if case.cell == "gru":
            made["b_n"] = rng.standard_normal(N_UNITS) * 0.1
    made |= {
        "W_out": rng.standard_normal((N_OUTPUTS, N_UNITS)) * scale,
        "b_out": rng.standard_normal(N_OUTPUTS) * 0.1,
    }
    if case.feedback:
        made["W_fb"] = rng.standard_normal((gates * N_UNITS, N_OUTPUTS)) * scale
    if case.initial_state:
        for name in ("h0", "c0") if case.cell == "lstm" else ("h0",):
            made[name] = rng.standard_normal(N_UNITS) * 0.3
    if case.alpha_per_unit:
        made["alpha"] = rng.uniform(0.05, 0.9, N_UNITS)
    return made
