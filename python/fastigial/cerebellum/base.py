"""What a module is, whatever it computes: what it is made of, weights, copies and files."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum import files
from fastigial.cerebellum.circuit import zones_of
from fastigial.cerebellum.eligibility import Eligibility, as_steps
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.cerebellum.plasticity import Plasticity
from fastigial.rnn.checks import as_precision, as_real
from fastigial.tensor.checks import as_count

__all__ = ["Module", "Parts", "as_expansion", "as_size"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Parts:
    """What a module is made of, but for its weights."""

    granule_layer: GranuleLayer | int
    n_mossy: int
    n_features: int
    n_purkinje: int
    n_outputs: int
    n_zones: int
    nuclei: str
    plasticity: Plasticity
    eligibility: Eligibility
    climbing_fibre_delay: float
    dt: float
    dtype: np.dtype[Any]


class Module:
    """Base of `Cerebellum`: parts that are there for good, weights in the core."""

    _parts: Parts

    @property
    def granule_layer(self) -> GranuleLayer | int:
        """The granule layer, or the number of mossy fibres that reach the Purkinje cells themselves."""
        return self._parts.granule_layer

    @property
    def n_mossy(self) -> int:
        """Number of mossy fibres."""
        return self._parts.n_mossy

    @property
    def n_features(self) -> int:
        """Number of parallel fibres: one for each function of the granule layer's basis."""
        return self._parts.n_features

    @property
    def n_purkinje(self) -> int:
        """Number of Purkinje cells."""
        return self._parts.n_purkinje

    @property
    def n_outputs(self) -> int:
        """Number of nuclei."""
        return self._parts.n_outputs

    @property
    def n_zones(self) -> int:
        """Number of microzones."""
        return self._parts.n_zones

    @property
    def nuclei(self) -> str:
        """Whether nuclei follow the Purkinje cells, "direct", or are "inhibited" by them."""
        return self._parts.nuclei

    @property
    def plasticity(self) -> Plasticity:
        """How synapses learn."""
        return self._parts.plasticity

    @property
    def eligibility(self) -> Eligibility:
        """What synapses remember."""
        return self._parts.eligibility

    @property
    def climbing_fibre_delay(self) -> float:
        """What an error needs to reach the synapses, in seconds."""
        return self._parts.climbing_fibre_delay

    @property
    def dt(self) -> float:
        """Seconds per step."""
        return self._parts.dt

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision."""
        return self._parts.dtype

    def _become(self, parameters: dict[str, Array]) -> None:
        settings = {
            "zones": self.zone.tolist(),
            "inhibited": self.nuclei == "inhibited",
            "delay": as_steps("climbing_fibre_delay", self.climbing_fibre_delay, self.dt),
            "eligibility": self.eligibility.as_core(self.dt),
            "plasticity": self.plasticity.as_core(self.dt),
        }
        layer = self.granule_layer
        self._layer = layer._core if isinstance(layer, GranuleLayer) else layer
        self._held = _core.Cerebellum(self._layer, parameters, settings)

    @property
    def _core(self) -> _core.Cerebellum:
        """The module in the core, with the granule layer as it is now: it may have been calibrated since."""
        if isinstance(self.granule_layer, GranuleLayer) and self.granule_layer._core is not self._layer:
            means = self._held.means()
            self._become(self._held.parameters())
            self._held.set_means(means)
        return self._held

    @property
    def zone(self) -> NDArray[np.intp]:
        """Microzone of each Purkinje cell."""
        return zones_of(self.n_purkinje, self.n_zones)

    @property
    def parameters(self) -> dict[str, Array]:
        """All weights, as copies; change them with `set_parameters`.

        "W_pf" (n_purkinje, n_features), which learn; "b_p" (n_purkinje,), "B" (n_outputs, n_purkinje), "b_n"
        (n_outputs,) and "C" (n_zones, n_outputs).
        """
        return self._core.parameters()

    def set_parameters(self, parameters: Mapping[str, ArrayLike]) -> Self:
        """Set some or all weights, and return the module.

        Parameters
        ----------
        parameters : mapping of str to array_like
            By name; others stay as they are.

        Raises
        ------
        ValueError
            If there is no such parameter, a shape is wrong, or a number is not finite or out of the rule's bounds.
            Nothing is set then.
        """
        if not isinstance(parameters, Mapping):
            raise TypeError(f"parameters are {type(parameters).__name__}, expected names with arrays")
        self._core.set_parameters(
            {str(name): as_real(f"parameter {name!r}", value, self.dtype) for name, value in parameters.items()}
        )
        return self

    def clone(self) -> Self:
        """A module of its own with the same weights."""
        return copy.deepcopy(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the module to a file (safetensors), which `fastigial.load` reads, granule layer included.

        The file is written beside and renamed, so an interrupted save leaves the old file as it was.

        Parameters
        ----------
        path : str or path
            The file, conventionally ``*.safetensors``.
        """
        files.save(self, path)

    def _rows(self, name: str, value: Any, width: int, *, finite: bool = True) -> Array:
        """Trials × steps × width in the module's precision."""
        if {"trial", "time"} < set(getattr(value, "dims", ())):
            value = value.transpose("trial", "time", ...)
        array = as_real(name, value, self.dtype, finite=finite)
        if array.ndim != 3 or array.shape[2] != width:
            single = f"; one trial is {name}[None]" if array.ndim == 2 else ""
            raise ValueError(f"{name} has the shape {array.shape}, expected (trials, time, {width}){single}")
        return array

    def __repr__(self) -> str:
        layer = self.granule_layer
        front = f"{layer} mossy fibres" if isinstance(layer, int) else repr(layer)
        delay = f", climbing fibres after {self.climbing_fibre_delay:g} s" if self.climbing_fibre_delay else ""
        return (
            f"<Cerebellum: {front}, {self.n_purkinje} Purkinje cells in {self.n_zones} zones, {self.n_outputs} nuclei"
            f"{delay}, {self.plasticity!r}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self._parts, "parameters": self._core.parameters(), "means": self._core.means()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._parts = state["parts"]
        self._become(state["parameters"])
        self._core.set_means(state["means"])


def as_size(name: str, value: Any) -> int:
    """A whole number of cells, at least one."""
    count = as_count(name, value)
    if count == 0:
        raise ValueError(f"{name} is 0, expected at least 1")
    return count


def as_expansion(granule_layer: Any, dtype: Any) -> tuple[np.dtype[Any], int, int]:
    """Precision, mossy fibres and parallel fibres of what is in front of the Purkinje cells."""
    if isinstance(granule_layer, GranuleLayer):
        own = granule_layer.dtype
        if dtype is not None and as_precision(dtype) != own:
            raise ValueError(f"dtype is {as_precision(dtype)}, expected that of the granule layer, {own}")
        return own, granule_layer.n_mossy, granule_layer.n_features
    if isinstance(granule_layer, bool | np.bool_) or not isinstance(granule_layer, int | np.integer):
        raise TypeError(f"granule_layer is {granule_layer!r}, expected a GranuleLayer or a number of mossy fibres")
    n_mossy = as_size("granule_layer", granule_layer)
    return as_precision("float32" if dtype is None else dtype), n_mossy, n_mossy
