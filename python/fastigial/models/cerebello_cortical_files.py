"""Two regions in files: weights, thresholds and memories as arrays; arguments in words. Nothing is drawn again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum import granule_files
from fastigial.models.reaching import DelayedReach
from fastigial.plants import ArmParameters, PointMass, TwoLinkArm
from fastigial.rnn.files import FORMAT, pack, unpack

if TYPE_CHECKING:
    from fastigial.models.cerebello_cortical import CerebelloCorticalNetwork

__all__ = ["build", "save"]

Arrays = dict[str, NDArray[Any]]

_CORTEX, _CEREBELLUM, _GRANULE = "cortex.", "cerebellum.", "granule."
_OWN = ("sources", "_shift", "_scale", "_rest", "_plan_rest", "_plan")
_RATES = ("_slow_rate", "_plan_rate", "_turn")


def save(model: CerebelloCorticalNetwork, path: str | PathLike[str]) -> None:
    """Write a model; see `CerebelloCorticalNetwork.save`."""
    granule, layer = granule_files.described(model._layer)
    own = {name: getattr(model, name) for name in _OWN}
    own |= {_CORTEX + name: value for name, value in model.net.parameters.items()}
    own |= {_CEREBELLUM + name: value for name, value in model.cerebellum.parameters.items()}
    packed, dtypes = pack(own)
    plain = dict(model._arguments)
    plain["dtype"] = model._dtype.name
    plain["reach"] = asdict(model.reach)
    plain["plant"] = {"kind": type(model.limb.plant).__name__, **asdict(model.limb.plant)}
    description = {
        "format": FORMAT,
        "class": "CerebelloCorticalNetwork",
        "arguments": {name: value.item() if isinstance(value, np.generic) else value for name, value in plain.items()},
        "rates": {name: float(getattr(model, name)) for name in _RATES},
        "fast_rate": float(model.cerebellum.plasticity.learning_rate),
        "granule_layer": layer,
        "dtypes": dtypes,
    }
    _core.write_arrays(
        path, packed | {_GRANULE + name: value for name, value in granule.items()}, json.dumps(description)
    )


def build(arrays: Arrays, description: Mapping[str, Any]) -> CerebelloCorticalNetwork:
    """The model of a file that `save` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the file is not what it says.
    """
    from fastigial.models.cerebello_cortical import CerebelloCorticalNetwork

    granule = {name.removeprefix(_GRANULE): value for name, value in arrays.items() if name.startswith(_GRANULE)}
    held = unpack({n: value for n, value in arrays.items() if not n.startswith(_GRANULE)}, description["dtypes"])
    given = dict(description["arguments"])
    given["start"] = tuple(given["start"])
    given["reach"], given["plant"] = DelayedReach(**given["reach"]), _plant(given["plant"])
    model = CerebelloCorticalNetwork(**given)
    for name in _OWN:
        new, known = held[name], getattr(model, name)
        if new.shape != known.shape or new.dtype.kind != known.dtype.kind:
            raise ValueError(f"its {name.removeprefix('_')} does not fit its arguments")
        setattr(model, name, new)
    if len(model.sources) and not 0 <= model.sources.min() <= model.sources.max() < given["n_units"]:
        raise ValueError("its sources are no units of its cortex")
    layer = granule_files.build(granule, description["granule_layer"])
    if (layer.n_mossy, layer.n_granule) != (model._layer.n_mossy, model._layer.n_granule):
        raise ValueError("its granule layer does not fit its arguments")
    for name in _RATES:
        setattr(model, name, float(description["rates"][name]))
    model.cerebellum = model._module(layer, description["fast_rate"])
    for part, prefix in ((model.net, _CORTEX), (model.cerebellum, _CEREBELLUM)):
        part.set_parameters({name.removeprefix(prefix): held[name] for name in held if name.startswith(prefix)})
    return model


def _plant(described: Mapping[str, Any]) -> PointMass | TwoLinkArm:
    numbers = {name: value for name, value in described.items() if name != "kind"}
    if described["kind"] == "PointMass":
        return PointMass(**numbers)
    if isinstance(numbers["parameters"], dict):
        bones = {name: _tuples(value) for name, value in numbers["parameters"].items()}
        numbers["parameters"] = ArmParameters(**bones)
    return TwoLinkArm(**numbers)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
