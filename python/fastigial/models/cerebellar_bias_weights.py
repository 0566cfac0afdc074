"""Initial weights of a recurrent cortex with a cerebellum that biases it, and which connections exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.seeds import stream

__all__ = ["BiasSizes", "initial_masks", "initial_weights"]

# Streams of the seed: one each, so that one more granule cell changes nothing else.
_CORE, _READOUT, _CEREBELLUM, _CONNECTIONS = range(4)
# Standard deviations of granule cells' weights, Purkinje cells' and those of the nuclei.
_SPREAD = {"W_gc": 0.01, "W_pc": 0.1, "W_dcn": 0.1}


@dataclass(frozen=True)
class BiasSizes:
    """Numbers of inputs, cortical units, outputs, granule cells and Purkinje cells."""

    inputs: int
    units: int
    outputs: int
    granule: int
    purkinje: int


def initial_weights(sizes: BiasSizes, seed: int, dtype: np.dtype[Any]) -> dict[str, NDArray[Any]]:
    """Core and readout uniform within ±1/√units, the cerebellum normal, its biases 0."""
    edge = 1.0 / np.sqrt(sizes.units)
    core, readout, cerebellum = (stream(seed, key) for key in (_CORE, _READOUT, _CEREBELLUM))
    weights = {
        "W_x": core.uniform(-edge, edge, (sizes.units, sizes.inputs)),
        "W_h": core.uniform(-edge, edge, (sizes.units, sizes.units)),
        "b": core.uniform(-edge, edge, sizes.units),
        "W_out": readout.uniform(-edge, edge, (sizes.outputs, sizes.units)),
        "b_out": readout.uniform(-edge, edge, sizes.outputs),
    }
    if sizes.granule:
        shapes = {
            "W_gc": (sizes.granule, sizes.units + sizes.inputs),
            "W_pc": (sizes.purkinje, sizes.granule),
            "W_dcn": (sizes.units, sizes.purkinje),
        }
        for name, shape in shapes.items():
            weights[name] = cerebellum.normal(0.0, _SPREAD[name], shape)
            weights[f"b{name[1:]}"] = np.zeros(shape[0])
    return {name: values.astype(dtype) for name, values in weights.items()}


def initial_masks(
    sizes: BiasSizes, seed: int, fan_in: int | None, sending: float, receiving: float, dtype: np.dtype[Any]
) -> dict[str, NDArray[Any]]:
    """1 where a connection exists: from some cortical units to granule cells, from the nuclei to some units."""
    if not sizes.granule or (fan_in is None and sending == receiving == 1.0):
        return {}
    rng = stream(seed, _CONNECTIONS)
    send = np.flatnonzero(_some(rng, sizes.units, sending))
    receive = _some(rng, sizes.units, receiving)
    mossy = np.concatenate([send, sizes.units + np.arange(sizes.inputs)])
    if fan_in is not None and fan_in > len(mossy):
        raise ValueError(f"fan_in is {fan_in}, expected at most {len(mossy)}, the mossy fibres that there are")
    granule = np.zeros((sizes.granule, sizes.units + sizes.inputs))
    for row in granule:
        row[mossy if fan_in is None else rng.choice(mossy, fan_in, replace=False)] = 1.0
    nuclei = np.repeat(receive[:, None], sizes.purkinje, axis=1)
    masks = {"W_gc": granule, "W_dcn": nuclei, "b_dcn": receive}
    return {name: values.astype(dtype) for name, values in masks.items()}


def _some(rng: np.random.Generator, n: int, share: float) -> NDArray[np.float64]:
    """1 for a share of the units, at least one of them."""
    chosen = np.zeros(n)
    chosen[rng.permutation(n)[: max(1, round(share * n))]] = 1.0
    return chosen
