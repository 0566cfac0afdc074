"""The step in PyTorch: its own recurrent layers, and the leaky network that it has none for written as a loop.

Layers get time first, their own layout. Of two biases, one is kept fixed where the two mean the same. ``torch.compile``
is left out: it unrolls the loop, and a hundred steps took a minute and a half to compile on a busy machine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from contender import Job
from numpy.typing import NDArray
from problem import LEARNING_RATE, N_INPUTS, N_OUTPUTS, Arrays, Problem
from torch import Tensor, nn
from torch.nn import functional

LAYERS = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Leaky(nn.Module):
    """h_t = (1 − α) h_{t−1} + α tanh(W h_{t−1} + W_in x_t + b), step by step; returns (steps, batch, units)."""

    def __init__(self, parameters: Arrays, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.W, self.W_in, self.b = (nn.Parameter(torch.tensor(parameters[name])) for name in ("W", "W_in", "b"))

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        """From (steps, batch, inputs); a tuple, as layers return."""
        # What does not depend on the state is one product for all steps.
        drive = functional.linear(inputs, self.W_in, self.b)
        transposed = self.W.t()
        state = inputs.new_zeros(inputs.shape[1], self.W.shape[0])
        states = []
        for step in drive.unbind(0):
            state = torch.lerp(state, torch.tanh(torch.addmm(step, state, transposed)), self.alpha)
            states.append(state)
        return (torch.stack(states),)


def layer(kind: str, parameters: Arrays) -> nn.Module:
    """PyTorch's layer with these weights."""
    n_units = parameters["W"].shape[1]
    made: nn.Module = LAYERS[kind](N_INPUTS, n_units)
    hidden_bias = np.zeros_like(parameters["b"])
    if kind == "gru":
        hidden_bias[2 * n_units :] = parameters["b_n"]
    named = {"weight_hh": parameters["W"], "weight_ih": parameters["W_in"], "bias_ih": parameters["b"]}
    named["bias_hh"] = hidden_bias
    made.load_state_dict({f"{name}_l0": torch.tensor(array) for name, array in named.items()})
    if kind != "gru":
        made.bias_hh_l0.requires_grad_(False)
    return made


class Network(nn.Module):
    """A recurrent layer and a linear readout of all steps."""

    def __init__(self, kind: str, problem: Problem) -> None:
        super().__init__()
        (parameters,) = problem.parameters
        self.recurrent = Leaky(parameters, problem.cell.alpha) if kind == "leaky" else layer(kind, parameters)
        self.readout = nn.Linear(parameters["W"].shape[1], N_OUTPUTS)
        self.readout.load_state_dict(
            {"weight": torch.tensor(parameters["W_out"]), "bias": torch.tensor(parameters["b_out"])}
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(steps, batch, outputs)."""
        return self.readout(self.recurrent(inputs)[0])


def time_first(array: NDArray[np.float32]) -> Tensor:
    """(batch, steps, …) to (steps, batch, …), contiguous."""
    return torch.tensor(array).transpose(0, 1).contiguous()


def trainer(network: Network, inputs: Tensor, targets: Tensor, optimizer: torch.optim.Adam) -> Callable[[int], float]:
    """So many steps on one batch."""

    def train(n: int) -> float:
        for _ in range(n):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.mse_loss(network(inputs), targets)
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    return train


def load(kind: str, problem: Problem) -> Job:
    """The network with Adam both ways that PyTorch offers on a CPU."""
    torch.set_num_threads(2)
    first = Network(kind, problem)
    second = copy.deepcopy(first)
    inputs, targets = time_first(problem.inputs), time_first(problem.targets)
    adam = torch.optim.Adam(first.parameters(), lr=LEARNING_RATE, foreach=True)
    fused = torch.optim.Adam(second.parameters(), lr=LEARNING_RATE, fused=True)

    @torch.no_grad()
    def forward() -> Tensor:
        return first(inputs)

    return Job(
        variants={
            "foreach": trainer(first, inputs, targets, adam),
            "fused": trainer(second, inputs, targets, fused),
        },
        forward=forward,
        warm=lambda: trainer(first, inputs[:2, :1], targets[:2, :1], adam)(1),
    )
