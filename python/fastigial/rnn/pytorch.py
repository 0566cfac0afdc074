"""Weights of PyTorch's recurrent layers, in our terms.

    PyTorch                               here
    weight_ih_l0 (G·N, I)                 W_in
    weight_hh_l0 (G·N, N)                 W
    bias_ih_l0 + bias_hh_l0               b                            nn.RNN, nn.LSTM
    bias_ih_l0 + (bias_hh_l0, n: 0)       b,  b_n = bias_hh_l0[n]      nn.GRU, whose reset gate acts on W_n h + b_n
    nn.Linear weight, bias                W_out, b_out

Gates have the same order in both: i, f, g, o and r, z, n. nn.RNN is a rate cell with α = 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import one_of

__all__ = ["read"]

_CELL_OF_GATES = {1: "rate", 3: "gru", 4: "lstm"}


def read(
    state_dict: Mapping[str, Any], *, cell: str | None, readout: Any, activation: str, dt: float
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Arguments and parameters of the network that computes what the layer does; see `RNN.from_torch`."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict is {type(state_dict).__name__}, expected names with weights")
    one_of("activation", activation, ("tanh", "relu"))
    arrays = {str(name): _as_array(str(name), value) for name, value in state_dict.items()}
    prefix, suffix = _layer(arrays)
    W, W_in = arrays[f"{prefix}weight_hh{suffix}"], arrays[f"{prefix}weight_ih{suffix}"]
    n_units = W.shape[1] if W.ndim == 2 else 0
    n_gates = len(W) // n_units if n_units else 0
    if n_gates not in _CELL_OF_GATES or len(W) != n_gates * n_units or W_in.ndim != 2 or len(W_in) != len(W):
        raise ValueError(f"state_dict has weights of shapes {W_in.shape} and {W.shape}, expected (G·N, I) and (G·N, N)")
    found = _CELL_OF_GATES[n_gates]
    if cell is not None and cell != found:
        raise ValueError(f"cell is {cell!r}, but the weights of shape {W.shape} are those of a {found!r}")
    b, b_n = _biases(arrays, prefix, suffix, len(W), n_units, found)
    W_out, b_out = _readout(arrays, prefix, readout, n_units)
    n_outputs = n_units if W_out is None else len(W_out)
    has_bias = b is not None or b_out is not None
    parameters = {"W": W, "W_in": W_in, "W_out": np.eye(n_units) if W_out is None else W_out}
    if has_bias:
        parameters["b"] = np.zeros(len(W)) if b is None else b
        parameters["b_out"] = np.zeros(n_outputs) if b_out is None else b_out
        if found == "gru":
            parameters["b_n"] = np.zeros(n_units) if b_n is None else b_n
    arguments = {
        "n_inputs": W_in.shape[1],
        "n_units": n_units,
        "n_outputs": n_outputs,
        "cell": found,
        "dt": dt,
        "tau": dt,
        "bias": has_bias,
        "dtype": W.dtype.name if W.dtype in (np.float32, np.float64) else "float32",
    }
    if found == "rate":
        arguments["activation"] = activation
    return arguments, parameters


def _as_array(name: str, value: Any) -> NDArray[Any]:
    # A tensor may ask for a gradient, or live on another device; who has one has PyTorch.
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"state_dict[{name!r}] is of dtype {array.dtype}, expected numbers")
    return array


def _layer(arrays: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """What stands before and after "weight_ih" in the names of the one recurrent layer."""
    recurrent = [name for name in arrays if "weight_hh" in name]
    beyond = [name for name in arrays if "weight_hr" in name]
    if beyond:
        raise ValueError(f"state_dict has the projection {beyond[0]!r}, expected a layer without proj_size")
    if len(recurrent) != 1:
        named = ", ".join(map(repr, recurrent)) or "none"
        raise ValueError(f"state_dict has the recurrent weights {named}, expected those of one layer in one direction")
    prefix, _, suffix = recurrent[0].partition("weight_hh")
    if f"{prefix}weight_ih{suffix}" not in arrays:
        raise ValueError(f"state_dict has {recurrent[0]!r}, but no {prefix}weight_ih{suffix}")
    return prefix, suffix


def _biases(
    arrays: Mapping[str, NDArray[Any]], prefix: str, suffix: str, n_rows: int, n_units: int, cell: str
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    names = [f"{prefix}bias_{side}{suffix}" for side in ("ih", "hh")]
    if not any(name in arrays for name in names):
        return None, None
    for name in names:
        if name not in arrays or arrays[name].shape != (n_rows,):
            raise ValueError(f"state_dict has no {name!r} of shape ({n_rows},)")
    into, across = (arrays[name] for name in names)
    if cell != "gru":
        return into + across, None
    gates = np.arange(n_rows) < 2 * n_units
    return into + np.where(gates, across, 0.0), across[2 * n_units :]


def _readout(
    arrays: Mapping[str, NDArray[Any]], prefix: str, readout: Any, n_units: int
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Weight and bias of the readout that was given, or of the one linear layer in the state_dict that fits."""
    if readout is None:
        recurrent = [name for name in arrays if name.startswith(f"{prefix}weight_")]
        linear = [
            name
            for name, array in arrays.items()
            if name.endswith("weight") and name not in recurrent and array.ndim == 2 and array.shape[1] == n_units
        ]
        if not linear:
            return None, None
        if len(linear) > 1:
            raise ValueError(f"state_dict has the linear layers {', '.join(linear)}: say which is the readout")
        return arrays[linear[0]], arrays.get(f"{linear[0].removesuffix('weight')}bias")
    if isinstance(readout, Mapping):
        given = [readout.get("weight"), readout.get("bias")]
    elif isinstance(readout, Sequence) and len(readout) == 2:
        given = list(readout)
    else:
        raise TypeError(f"readout is {type(readout).__name__}, expected (weight, bias) or a mapping with these")
    if given[0] is None:
        raise ValueError("readout has no weight")
    weight = _as_array("readout weight", given[0])
    bias = None if given[1] is None else _as_array("readout bias", given[1])
    if weight.ndim != 2 or weight.shape[1] != n_units or (bias is not None and bias.shape != weight.shape[:1]):
        shapes = weight.shape if bias is None else (weight.shape, bias.shape)
        raise ValueError(f"readout has the shapes {shapes}, expected (n_outputs, {n_units}) and (n_outputs,)")
    return weight, bias
