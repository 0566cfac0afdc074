"""Granule layers in files: arrays and the arguments in words; nothing is drawn again when one is read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum import granule_parts
from fastigial.cerebellum.mossy_input import GranularGeometry
from fastigial.cerebellum.temporal_basis import TemporalBasis
from fastigial.rnn.files import FORMAT, pack, unpack

if TYPE_CHECKING:
    from fastigial.cerebellum.granule_layer import GranuleLayer

__all__ = ["build", "described", "save"]

Arrays = dict[str, NDArray[Any]]


def save(layer: GranuleLayer, path: str | PathLike[str]) -> None:
    """Write a layer; see `GranuleLayer.save`."""
    arrays, description = described(layer)
    _core.write_arrays(path, arrays, json.dumps(description))


def described(layer: GranuleLayer) -> tuple[Arrays, dict[str, Any]]:
    """A layer as arrays and words, for `build`."""
    arguments = dict(layer._arguments)
    basis, geometry = layer.basis, layer.geometry
    arrays = dict(layer._arrays)
    if geometry is not None:
        arrays |= {"positions_mossy": geometry.mossy, "positions_granule": geometry.granule}
    packed, dtypes = pack(arrays)
    plain = {name: value for name, value in arguments.items() if name not in ("basis", "positions", "dtype")}
    description = {
        "format": FORMAT,
        "class": "GranuleLayer",
        "arguments": {name: value.item() if isinstance(value, np.generic) else value for name, value in plain.items()},
        "basis": None if basis is None else [list(basis.taus), basis.shape, basis.dt],
        "geometry": None if geometry is None else [geometry.radius, geometry.dendrite_length],
        "dtype": layer.dtype.name,
        "dtypes": dtypes,
    }
    return packed, description


def build(arrays: Arrays, description: Mapping[str, Any]) -> GranuleLayer:
    """The layer of a file that `save` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the file is not what it says.
    """
    from fastigial.cerebellum.granule_layer import GranuleLayer

    held = unpack(arrays, description["dtypes"])
    known = inspect.signature(GranuleLayer.__init__).parameters
    arguments = {name: parameter.default for name, parameter in known.items() if name != "self"}
    arguments |= {name: description["arguments"][name] for name in arguments if name in description["arguments"]}
    if description["basis"] is not None:
        taus, shape, dt = description["basis"]
        arguments["basis"] = TemporalBasis(taus, shape, dt)
    if description["geometry"] is not None:
        radius, length = description["geometry"]
        places = held.pop("positions_mossy"), held.pop("positions_granule")
        arguments["positions"] = GranularGeometry(*places, radius, length)
    arguments["dtype"] = description["dtype"]
    parts = granule_parts.parts_of(arguments)
    shape = (parts.n_granule, parts.n_inputs)
    expected = {
        "sources": (shape, np.dtype(np.uint32)),
        "weights": (shape, parts.dtype),
        "thresholds": (shape[:1], parts.dtype),
    }
    if {name: (value.shape, value.dtype) for name, value in held.items()} != expected:
        raise ValueError("its arrays do not fit its sizes")
    layer = GranuleLayer.__new__(GranuleLayer)
    layer._become(arguments, parts, held)
    return layer
