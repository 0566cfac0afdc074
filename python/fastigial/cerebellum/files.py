"""Modules in files: weights, running means and the granule layer as arrays, arguments in words; nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum import eligibility, granule_files, plasticity
from fastigial.rnn.files import FORMAT, pack, unpack

if TYPE_CHECKING:
    from fastigial.cerebellum.base import Module
    from fastigial.cerebellum.module import Cerebellum

__all__ = ["build", "save"]

Arrays = dict[str, NDArray[Any]]

_NUMBERS = ("n_outputs", "n_purkinje", "n_zones", "nuclei", "climbing_fibre_delay", "dt")
_LAYER = "granule."


def save(module: Module, path: str | PathLike[str]) -> None:
    """Write a module; see `Cerebellum.save`."""
    layer = module.granule_layer
    arrays, dtypes = pack(
        {f"parameters.{name}": value for name, value in module.parameters.items()}
        | {f"means.{name}": value for name, value in module._core.means().items()}
    )
    described: int | dict[str, Any]
    if isinstance(layer, int):
        described = layer
    else:
        own, described = granule_files.described(layer)
        arrays |= {_LAYER + name: value for name, value in own.items()}
    description = {
        "format": FORMAT,
        "class": "Cerebellum",
        "arguments": {name: getattr(module, name) for name in _NUMBERS},
        "plasticity": module.plasticity._as_plain(),
        "eligibility": module.eligibility._as_plain(),
        "granule_layer": described,
        "dtype": module.dtype.name,
        "dtypes": dtypes,
    }
    _core.write_arrays(path, arrays, json.dumps(description))


def build(arrays: Arrays, description: Mapping[str, Any]) -> Cerebellum:
    """The module of a file that `save` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the file is not what it says.
    """
    from fastigial.cerebellum.module import Cerebellum

    own = {name.removeprefix(_LAYER): value for name, value in arrays.items() if name.startswith(_LAYER)}
    held = unpack({name: value for name, value in arrays.items() if not name.startswith(_LAYER)}, description["dtypes"])
    described = description["granule_layer"]
    layer = described if isinstance(described, int) else granule_files.build(own, described)

    def group(name: str) -> Arrays:
        return {key.removeprefix(f"{name}."): value for key, value in held.items() if key.startswith(f"{name}.")}

    numbers = {name: description["arguments"][name] for name in _NUMBERS}
    parameters, means = group("parameters"), group("means")
    dtype = np.dtype({"float32": np.float32, "float64": np.float64}[description["dtype"]])
    if any(value.dtype != dtype for value in (*parameters.values(), *means.values())):
        raise ValueError(f"its arrays are not {dtype}")
    rule = plasticity.restored(description["plasticity"])
    # The file's own weights may lie where a fresh module's would not.
    low, high = rule.limits()
    module = Cerebellum(
        layer,
        **numbers,
        # Any array of the right shape: the file's own takes its place.
        bottleneck=np.zeros((numbers["n_outputs"], numbers["n_purkinje"])),
        plasticity=rule,
        eligibility=eligibility.restored(description["eligibility"]),
        initial_weight=float(np.clip(0.0, low, high)),
        dtype=dtype,
    )
    if {name: value.shape for name, value in parameters.items()} != {
        name: value.shape for name, value in module.parameters.items()
    }:
        raise ValueError("its parameters do not fit its sizes")
    module.set_parameters(parameters)
    module._core.set_means(means)
    return module
