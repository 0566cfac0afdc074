"""Networks in files, and in words.

A file holds parameters, masks and the like as arrays, and in its text the arguments and the numbers that they came to.
Nothing is drawn again when it is read, and nothing in it is executed.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.areas import Areas
from fastigial.rnn.structure import Structure

if TYPE_CHECKING:
    from fastigial.rnn.base import Network
    from fastigial.rnn.network import RNN

__all__ = ["FORMAT", "as_text", "build", "pack", "save", "unpack"]

FORMAT = 1

# Whole numbers beyond this are not all doubles.
_LARGEST = 2**53
# An argument with more numbers than this is not repeated in the text; the file holds what it came to.
_MOST_NUMBERS = 4096

Arrays = dict[str, NDArray[Any]]


def save(net: Network, path: str | PathLike[str]) -> None:
    """Write a network; see `RNN.save`."""
    structure = net._structure
    arrays: Arrays = {f"parameters.{name}": value for name, value in net._core.parameters().items()}
    for group in ("masks", "trainable"):
        arrays |= {f"{group}.{name}": value for name, value in getattr(structure, group).items()}
    for name, value in {"alpha": structure.alpha, "signs": structure.signs, **structure.delays}.items():
        if isinstance(value, np.ndarray):
            arrays[f"structure.{name}"] = value
    packed, dtypes = pack(arrays)
    description = {
        "format": FORMAT,
        "class": "RNN",
        "arguments": {name: _plain(value) for name, value in net._arguments.items()},
        "structure": {name: _plain(value) for name, value in vars(structure).items() if name not in _APART},
        "areas": structure.areas.sizes,
        "dtype": structure.dtype.name,
        "delays": {name: value for name, value in structure.delays.items() if not isinstance(value, np.ndarray)},
        "dtypes": dtypes,
    }
    _core.write_arrays(path, packed, json.dumps(description))


_APART = ("areas", "dtype", "alpha", "signs", "delays", "masks", "trainable")


def build(arrays: Arrays, description: Mapping[str, Any]) -> RNN:
    """The network of a file that `save` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the file is not what it says.
    """
    from fastigial.rnn.network import RNN

    held = unpack(arrays, description["dtypes"])

    def group(name: str) -> Arrays:
        return {key.removeprefix(f"{name}."): value for key, value in held.items() if key.startswith(f"{name}.")}

    numbers = {name: _restored(value) for name, value in description["structure"].items()}
    extra = group("structure")
    structure = Structure(
        **numbers,
        areas=Areas.of(None, numbers["n_units"]) if "" in description["areas"] else Areas(dict(description["areas"])),
        dtype=np.dtype({"float32": np.float32, "float64": np.float64}[description["dtype"]]),
        alpha=extra.get("alpha"),
        signs=extra.get("signs"),
        delays={**description["delays"], **({"recurrent": extra["recurrent"]} if "recurrent" in extra else {})},
        masks=group("masks"),
        trainable=group("trainable"),
    )
    parameters = group("parameters")
    if {name: value.shape for name, value in parameters.items()} != structure.shapes:
        raise ValueError("its parameters do not fit its structure")
    for name in ("masks", "trainable"):
        for key, value in group(name).items():
            if value.dtype != np.bool_ or value.shape != structure.shapes[key]:
                raise ValueError(f"its {name} of {key} do not fit its parameters")
    if any(value.dtype != structure.dtype or not np.isfinite(value).all() for value in parameters.values()):
        raise ValueError("its parameters are not finite numbers of its precision")
    known = inspect.signature(RNN.__init__).parameters
    arguments = {name: parameter.default for name, parameter in known.items() if name != "self"}
    arguments |= {name: _restored(value) for name, value in description["arguments"].items() if name in known}
    net = RNN.__new__(RNN)
    net._become(arguments, structure, parameters)
    return net


def pack(arrays: Arrays) -> tuple[Arrays, dict[str, str]]:
    """Arrays as files take them, in floating point, and the dtype that each had.

    Raises
    ------
    ValueError
        If a whole number would not survive.
    """
    packed: Arrays = {}
    dtypes: dict[str, str] = {}
    for name, value in arrays.items():
        array = np.asarray(value)
        dtypes[name] = array.dtype.name
        if array.dtype.kind == "b":
            array = array.astype(np.float32)
        elif array.dtype.kind in "iu":
            if array.size and max(abs(int(array.max())), abs(int(array.min()))) > _LARGEST:
                raise ValueError(f"{name} holds whole numbers beyond 2**53, which a file cannot keep")
            array = array.astype(np.float64)
        # Unlike ascontiguousarray, this leaves a single number without axes.
        packed[name] = np.asarray(array, order="C")
    return packed, dtypes


def unpack(arrays: Arrays, dtypes: Mapping[str, str]) -> Arrays:
    """The arrays that `pack` was given."""
    found = {}
    for name, array in arrays.items():
        dtype = np.dtype(dtypes[name])
        if dtype.kind not in "biuf":
            raise ValueError(f"its array {name} is of dtype {dtype}")
        found[name] = array.astype(dtype, copy=False)
    return found


def _plain(value: Any) -> Any:
    """An argument as JSON; what a file cannot keep (a function, a generator, large arrays) returns to None."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, Mapping):
        return {"pairs": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item) for item in value]}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    array = np.asarray(value)
    if array.dtype.kind in "biuf" and array.size <= _MOST_NUMBERS:
        return {"array": array.tolist(), "dtype": array.dtype.name}
    return None


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {_restored(key): _restored(item) for key, item in value["pairs"]}
    if "tuple" in value:
        return tuple(_restored(item) for item in value["tuple"])
    dtype = np.dtype(value["dtype"])
    if dtype.kind not in "biuf":
        raise ValueError(f"it holds an argument of type {dtype}")
    return np.array(value["array"], dtype=dtype)


def as_text(net: Network) -> str:
    """The call that makes such a network: the kind of cell, and what is not as by default."""
    defaults = inspect.signature(type(net).__init__).parameters
    sizes, others = [], []
    for name, value in net._arguments.items():
        if defaults[name].default is inspect.Parameter.empty:
            sizes.append(repr(value))
        elif name == "cell" or not (type(value) is type(defaults[name].default) and value == defaults[name].default):
            others.append(f"{name}={_shown(value)}")
    return f"{type(net).__name__}({', '.join(sizes + others)})"


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<array {value.shape}>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, type):
        return value.__name__
    return repr(value)
