"""Child process: outputs and gradients of every case by PyTorch or by JAX, in both precisions, into an .npz file.

Names in the file: case / precision / ``outputs`` or the parameter. The loss is the mean squared error of the steps that
count. Cases that PyTorch has a layer for are done by it there, all others and everything in JAX by ``equations.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import cases
import equations
import numpy as np
from cases import CASES, Case
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Solver = Callable[[Case, str], Arrays]


def arrays(case: Case, precision: str) -> tuple[Arrays, NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Parameters, inputs, targets and weights (trials, steps, 1) of the squared errors, which sum to one."""
    inputs, targets, mask = cases.data(case)
    counted = np.ones(targets.shape[:2], bool) if mask is None else mask
    weights = counted[:, :, None] / (counted.sum() * targets.shape[2])
    parameters = {name: array.astype(precision) for name, array in cases.parameters(case).items()}
    return parameters, inputs.astype(precision), targets.astype(precision), weights.astype(precision)


def torch_solver() -> Solver:
    """By PyTorch's autograd."""
    import torch
    from torch import nn

    torch.set_num_threads(1)

    def by_layer(case: Case, precision: str, inputs: torch.Tensor) -> tuple[torch.Tensor, Callable[[], Arrays]]:
        parameters = arrays(case, precision)[0]
        dtype = getattr(torch, precision)
        layer = getattr(nn, cases.LAYERS[case.cell])(cases.N_INPUTS, cases.N_UNITS, batch_first=True).to(dtype)
        state = cases.layer_state(case)
        layer.load_state_dict({name: torch.tensor(array.astype(precision)) for name, array in state.items()})
        readout = nn.Linear(cases.N_UNITS, cases.N_OUTPUTS).to(dtype)
        readout.load_state_dict(
            {"weight": torch.tensor(parameters["W_out"]), "bias": torch.tensor(parameters["b_out"])}
        )

        def gradients() -> Arrays:
            found = {"W": layer.weight_hh_l0, "W_in": layer.weight_ih_l0, "b": layer.bias_ih_l0}
            found |= {"W_out": readout.weight, "b_out": readout.bias}
            told = {name: tensor.grad.numpy() for name, tensor in found.items()}
            if case.cell == "gru":
                told["b_n"] = layer.bias_hh_l0.grad.numpy()[2 * cases.N_UNITS :]
            return told

        return readout(layer(inputs)[0]), gradients

    def solve(case: Case, precision: str) -> Arrays:
        parameters, *others = arrays(case, precision)
        inputs, targets, weights = map(torch.tensor, others)
        functions = equations.Functions(
            constant=lambda array: torch.tensor(np.asarray(array, precision)),
            stack=lambda steps: torch.stack(steps, dim=1),
            tanh=torch.tanh,
            sigmoid=torch.sigmoid,
            relu=torch.relu,
            softplus=nn.functional.softplus,
        )
        leaves = {name: torch.tensor(array, requires_grad=True) for name, array in parameters.items()}
        gradients: Callable[[], Arrays]
        if case.layer:
            outputs, gradients = by_layer(case, precision, inputs)
        else:
            outputs = equations.outputs(functions, leaves, inputs, case)

            def gradients() -> Arrays:
                return {name: leaf.grad.numpy() for name, leaf in leaves.items()}

        (weights * (outputs - targets) ** 2).sum().backward()
        return {"outputs": outputs.detach().numpy(), **gradients()}

    return solve


def jax_solver() -> Solver:
    """By JAX's grad."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def solve(case: Case, precision: str) -> Arrays:
        parameters, inputs, targets, weights = arrays(case, precision)
        functions = equations.Functions(
            constant=lambda array: jnp.asarray(np.asarray(array, precision)),
            stack=lambda steps: jnp.stack(steps, axis=1),
            tanh=jnp.tanh,
            sigmoid=jax.nn.sigmoid,
            relu=jax.nn.relu,
            softplus=jax.nn.softplus,
        )

        def loss(p: dict[str, Any]) -> tuple[Any, Any]:
            outputs = equations.outputs(functions, p, jnp.asarray(inputs), case)
            return (weights * (outputs - targets) ** 2).sum(), outputs

        leaves = {name: jnp.asarray(array) for name, array in parameters.items()}
        # Not compiled: that takes far longer than all the steps together.
        gradients, outputs = jax.grad(loss, has_aux=True)(leaves)
        return {name: np.asarray(array) for name, array in {"outputs": outputs, **gradients}.items()}

    return solve


def main() -> None:
    package, path = sys.argv[1:]
    solve = {"torch": torch_solver, "jax": jax_solver}[package]()
    found = {
        f"{case.title}/{precision}/{name}": array
        for case in CASES
        for precision in ("float64", "float32")
        for name, array in solve(case, precision).items()
    }
    np.savez(path, **found)
    print(json.dumps({"n_arrays": len(found)}))


if __name__ == "__main__":
    main()
