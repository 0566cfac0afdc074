"""What a network and a cerebellar module did in their loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.trajectory import Trajectory

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["CoupledTrajectory"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class CoupledTrajectory(Trajectory):
    """A run of a network in a loop with a cerebellar module: a `Trajectory`, and what the module did.

    Its `inputs` are all inputs of the network, those from the nuclei included, as they arrived: a run of the network
    alone with these repeats it.

    Parameters
    ----------
    mossy : ndarray, shape (n_trials, n_steps, n_mossy)
        ξ, when it reached the granule layer: what to calibrate a layer on.
    nuclei : ndarray, shape (n_trials, n_steps, n_nuclei)
        c, when it was sent.
    purkinje : ndarray, shape (n_trials, n_steps, n_purkinje)
        p.
    errors : ndarray, shape (n_trials, n_steps, n_nuclei), optional
        e, when it arose, if targets were given; NaN where nothing was observed.
    off : ndarray of bool, shape (n_steps,), optional
        Steps at which the cerebellum was off.
    """

    mossy: Array | None = None
    nuclei: Array | None = None
    purkinje: Array | None = None
    errors: Array | None = None
    off: NDArray[np.bool_] | None = None

    def to_xarray(self) -> xr.Dataset:
        """As `Trajectory.to_xarray`, with the cells of the cerebellum, errors, and when it was off."""
        found = super().to_xarray()
        dims = {"mossy": "mossy_fibre", "nuclei": "nucleus", "purkinje": "purkinje_cell", "errors": "nucleus"}
        for name, dim in dims.items():
            values = getattr(self, name)
            if values is not None:
                found[name] = (("trial", "time", dim), values)
        if self.off is not None:
            found = found.assign_coords(cerebellum_off=("time", self.off))
        return found
