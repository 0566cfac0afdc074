"""Cortico-cerebellar networks in files: what they have learned, and their history, as arrays; arguments in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.files import FORMAT, pack, unpack
from fastigial.rnn.history import History

if TYPE_CHECKING:
    from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN

__all__ = ["build", "contents", "restored", "save"]

Arrays = dict[str, NDArray[Any]]

_CORTEX, _CEREBELLUM, _HISTORY, _FITS = "cortex.", "cerebellum.", "history", "fits"


def contents(model: CorticoCerebellarRNN) -> Arrays:
    """All that a model has learned."""
    arrays = {f"{_CORTEX}{name}": value for name, value in model.net.parameters.items()}
    arrays |= {f"{_CEREBELLUM}{name}": value for name, value in model._rule.of(model.net).state().items()}
    arrays[_FITS] = np.array([model.n_fits])
    if hasattr(model, "history_"):
        arrays[_HISTORY] = model.history_.as_array()
    return arrays


def restored(arguments: Mapping[str, Any], arrays: Arrays) -> CorticoCerebellarRNN:
    """The model of these arguments that has learned that."""
    from fastigial.models.cortico_cerebellar import CorticoCerebellarRNN

    def group(prefix: str) -> Arrays:
        return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}

    model = CorticoCerebellarRNN(**arguments)
    model.net.set_parameters(group(_CORTEX))
    known, learned = model._rule.of(model.net).state(), group(_CEREBELLUM)
    if known and {name: value.shape for name, value in known.items()} != {k: v.shape for k, v in learned.items()}:
        raise ValueError("its cerebellum does not fit its arguments")
    if learned:
        model._rule.of(model.net).set_state(learned)
    model.n_fits = int(arrays[_FITS][0])
    if _HISTORY in arrays:
        model.history_ = History.from_array(arrays[_HISTORY])
        model.history_.outcome = "finished"
    return model


def save(model: CorticoCerebellarRNN, path: str | PathLike[str]) -> None:
    """Write a model; see `CorticoCerebellarRNN.save`."""
    packed, dtypes = pack(contents(model))
    arguments = dict(model._arguments)
    arguments["dtype"] = model.net._structure.dtype.name
    description = {
        "format": FORMAT,
        "class": "CorticoCerebellarRNN",
        "arguments": {name: _plain(value) for name, value in arguments.items()},
        "dtypes": dtypes,
    }
    _core.write_arrays(path, packed, json.dumps(description))


def build(arrays: Arrays, description: Mapping[str, Any]) -> CorticoCerebellarRNN:
    """The model of a file that `save` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the file is not what it says.
    """
    arguments = {name: tuple(v) if isinstance(v, list) else v for name, v in description["arguments"].items()}
    return restored(arguments, unpack(arrays, description["dtypes"]))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
