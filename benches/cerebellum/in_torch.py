"""The same learning in PyTorch, from the plainest way to the fastest that was found.

* ``interface``: an interface between windows, an autograd function that lets the state through and, on the way back,
  teaches C what passes. C is evaluated twice at each bound: once to guess, once to be taught. nn.LSTM runs a window.
* ``windows``: the same by hand with nn.LSTMCell: detach the state, run the window, back-propagate its loss and the
  synthetic gradient of its end through it, teach C what arrived at the start. C is evaluated once at each bound, for
  the window that ends there and for the one that begins.
* ``at once``: parameters stay until the end of the batch, so nothing but a state joins windows of one step. All states
  first, without a graph; then all steps of all trials as one large batch of single steps; C at all bounds at once; one
  backward pass for the cortex and one for C.

Adam is the fused one. torch.compile is left out: it unrolls the loop of windows. One of PyTorch's two biases of each
gate is kept at zero: both would mean the same and double the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from problem import (
    BETAS,
    BOOTSTRAP,
    EPSILON,
    LEARNING_RATE,
    LONGEST,
    N_INPUTS,
    N_OUTPUTS,
    N_VALIDATION,
    TEACHER_EVERY,
    Arrays,
    Batch,
    Layers,
    Size,
    draw,
    weights,
)
from torch import Tensor, nn
from torch.nn import functional

State = tuple[Tensor, Tensor]


class Network(nn.Module):
    """Cortex, readout and cerebellum."""

    def __init__(self, cortex: Arrays, layers: Layers) -> None:
        super().__init__()
        n_units = cortex["W"].shape[1]
        self.layer = nn.LSTM(N_INPUTS, n_units)
        self.cell = nn.LSTMCell(N_INPUTS, n_units)
        self.readout = nn.Linear(n_units, N_OUTPUTS)
        parts: list[nn.Module] = []
        for weight, bias in layers:
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            linear.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
            parts += [linear, nn.ReLU()]
        self.cerebellum = nn.Sequential(*parts[:-1])
        named = {"weight_hh": cortex["W"], "weight_ih": cortex["W_in"], "bias_ih": cortex["b"]}
        for name, array in named.items():
            # One parameter, whether a step or a window is run.
            parameter = nn.Parameter(torch.tensor(array))
            setattr(self.cell, name, parameter)
            setattr(self.layer, f"{name}_l0", parameter)
        for bias in (self.cell.bias_hh, self.layer.bias_hh_l0):
            nn.init.zeros_(bias).requires_grad_(False)
        self.readout.load_state_dict({"weight": torch.tensor(cortex["W_out"]), "bias": torch.tensor(cortex["b_out"])})

    @torch.no_grad()
    def states(self, inputs: Tensor) -> Tensor:
        """[h, c] before the first step and after each one, (steps + 1, trials, 2 units), from (steps, trials, …)."""
        h = inputs.new_zeros(inputs.shape[1], self.cell.hidden_size)
        state = (h, h)
        found = [torch.cat(state, dim=1)]
        for x in inputs:
            state = self.cell(x, state)
            found.append(torch.cat(state, dim=1))
        return torch.stack(found)


class Interface(torch.autograd.Function):
    """Lets a state through; what comes back is what the guess about it should have been."""

    @staticmethod
    def forward(context: Any, state: Tensor, guess: Tensor) -> Tensor:
        """The state."""
        context.save_for_backward(guess)
        return state.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Of the squared error of the guess, summed over trials."""
        (guess,) = context.saved_tensors
        return gradient, 2 * (guess - gradient)


def teach_interface(network: Network, inputs: Tensor, targets: Tensor) -> None:
    """Add the gradients of a batch up, window by window, with an interface between windows."""
    h = inputs.new_zeros(1, inputs.shape[1], network.layer.hidden_size)
    state = (h, h)
    for t in range(len(inputs)):
        start = torch.cat(state, dim=2).detach()
        start = Interface.apply(start, network.cerebellum(start))
        h, c = start.chunk(2, dim=2)
        outputs, state = network.layer(inputs[t : t + 1], (h.contiguous(), c.contiguous()))
        end = torch.cat(state, dim=2)
        ends, seeds = [end], [BOOTSTRAP * network.cerebellum(end).detach()]
        if t % TEACHER_EVERY == 0:
            ends.append(functional.mse_loss(network.readout(outputs), targets[t : t + 1]))
            seeds.append(torch.ones(()))
        torch.autograd.backward(ends, seeds)


def teach_windows(network: Network, inputs: Tensor, targets: Tensor) -> None:
    """Add the gradients of a batch up, window by window."""
    s = inputs.new_zeros(inputs.shape[1], 2 * network.cell.hidden_size)
    guess = network.cerebellum(s)
    for t, x in enumerate(inputs):
        start = s.detach().requires_grad_()
        s = torch.cat(network.cell(x, start.chunk(2, dim=1)), dim=1)
        next_guess = network.cerebellum(s.detach())
        ends, seeds = [s], [BOOTSTRAP * next_guess.detach()]
        if t % TEACHER_EVERY == 0:
            outputs = network.readout(s[:, : network.cell.hidden_size])
            ends.append(functional.mse_loss(outputs, targets[t]))
            seeds.append(torch.ones(()))
        torch.autograd.backward(ends, seeds)
        # The gradient of the squared error, summed over trials.
        guess.backward(2 * (guess.detach() - start.grad))
        guess = next_guess


def teach_at_once(network: Network, inputs: Tensor, targets: Tensor) -> None:
    """The same, all windows at once."""
    n_units = network.cell.hidden_size
    bounds = network.states(inputs)
    guesses = network.cerebellum(bounds)
    starts = bounds[:-1].flatten(0, 1).requires_grad_()
    ends = torch.cat(network.cell(inputs.flatten(0, 1), starts.chunk(2, dim=1)), dim=1)
    taught = ends.view(*inputs.shape[:2], -1)[::TEACHER_EVERY, :, :n_units]
    errors = network.readout(taught) - targets[::TEACHER_EVERY]
    # The mean within each window, summed over windows.
    loss = errors.square().sum() / errors[0].numel()
    torch.autograd.backward([loss, ends], [torch.ones(()), BOOTSTRAP * guesses[1:].detach().flatten(0, 1)])
    told = guesses[:-1]
    told.backward(2 * (told.detach() - starts.grad.view_as(told)))


TEACHERS: dict[str, Callable[[Network, Tensor, Tensor], None]] = {
    "interface": teach_interface,
    "windows": teach_windows,
    "at once": teach_at_once,
}


def time_first(batch: Batch) -> tuple[Tensor, Tensor]:
    """Inputs and targets, (steps, trials, …), contiguous."""
    inputs, targets = (torch.from_numpy(array).transpose(0, 1).contiguous() for array in batch[:2])
    return inputs, targets


class Learner:
    """A network that learns one way."""

    def __init__(self, way: str, cortex: Arrays, layers: Layers, size: Size) -> None:
        self.network = Network(cortex, layers)
        self.teach = TEACHERS[way]
        self.size = size
        self.learning = [each for each in self.network.parameters() if each.requires_grad]
        self.optimizer = torch.optim.Adam(self.learning, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, fused=True)
        self.validation = draw(N_VALIDATION, 10**6)

    def step(self, batch: Batch) -> None:
        """One batch, one update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.teach(self.network, *time_first(batch))
        nn.utils.clip_grad_norm_(self.learning, LONGEST)
        self.optimizer.step()

    def validate(self, batch: Batch) -> float:
        """Squared Euclidean error averaged over trials and all steps."""
        inputs, targets = time_first(batch)
        with torch.no_grad():
            outputs = self.network.readout(self.network.states(inputs)[1:, :, : self.network.cell.hidden_size])
            return float((outputs - targets).square().sum(dim=2).mean())

    def epochs(self, n: int) -> None:
        """So many epochs of new trials."""
        for epoch in range(n):
            for k in range(self.size.n_batches):
                self.step(draw(self.size.batch, epoch * self.size.n_batches + k))
            self.validate(self.validation)

    def course(self, n: int) -> list[float]:
        """The validation error after each of so many batches."""
        errors = []
        for k in range(n):
            self.step(draw(self.size.batch, k))
            errors.append(self.validate(self.validation))
        return errors

    def parameters(self) -> Arrays:
        """All that learns, by the names of `problem`."""
        cell, readout = self.network.cell, self.network.readout
        found = {"W": cell.weight_hh, "W_in": cell.weight_ih, "b": cell.bias_ih}
        found |= {"W_out": readout.weight, "b_out": readout.bias}
        for k, linear in enumerate(self.network.cerebellum[::2]):
            found |= {f"weight_{k}": linear.weight, f"bias_{k}": linear.bias}
        return {name: value.detach().numpy().copy() for name, value in found.items()}


def load(way: str, n_threads: int, size: Size, guessing: bool = False) -> Learner:
    """One network; `way` as above."""
    torch.set_num_threads(n_threads)
    return Learner(way, *weights(size, 0, guessing), size)
