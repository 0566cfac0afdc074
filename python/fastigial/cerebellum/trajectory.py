"""What a cerebellar module did: its cells at every step of every trial, with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import one_of

if TYPE_CHECKING:
    import xarray as xr

    from fastigial.recording import Recording

__all__ = ["CerebellumTrajectory"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class CerebellumTrajectory:
    """A run of a cerebellar module.

    Parameters
    ----------
    purkinje : ndarray, shape (n_trials, n_steps, n_purkinje)
        p.
    nuclei : ndarray, shape (n_trials, n_steps, n_outputs)
        c: the module's outputs.
    mossy : ndarray, shape (n_trials, n_steps, n_mossy)
        ξ, as given.
    dt : float
        Seconds per step.
    granule : ndarray, shape (n_trials, n_steps, n_features), optional
        g: activity of parallel fibres, if it was asked for.
    zone : ndarray of int, shape (n_purkinje,), optional
        Microzone of each Purkinje cell.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> module = fg.cerebellum.Cerebellum(4, n_outputs=2)
    >>> trajectory = module.run(np.ones((3, 10, 4)))
    >>> trajectory
    <CerebellumTrajectory: 3 trials x 10 steps (0.01 s), 4 mossy fibres, 2 Purkinje cells, 2 nuclei, float32>
    >>> trajectory.to_tensor("nuclei").shape
    (3, 2, 10)
    """

    purkinje: Array
    nuclei: Array
    mossy: Array
    dt: float
    granule: Array | None = None
    zone: NDArray[np.intp] | None = None

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.nuclei.shape[0])

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.nuclei.shape[1])

    @property
    def time(self) -> NDArray[np.float64]:
        """Time of each step in seconds, (n_steps,): 0, dt, 2 dt and so on."""
        return np.arange(self.n_steps, dtype=np.float64) * self.dt

    def __repr__(self) -> str:
        cells = f"{self.purkinje.shape[2]} Purkinje cells, {self.nuclei.shape[2]} nuclei"
        return (
            f"<CerebellumTrajectory: {self.n_trials} trials x {self.n_steps} steps ({self.n_steps * self.dt:g} s), "
            f"{self.mossy.shape[2]} mossy fibres, {cells}, {self.nuclei.dtype}>"
        )

    @overload
    def to_tensor(self, cells: str = "purkinje", *, labelled: Literal[False] = False) -> Array: ...
    @overload
    def to_tensor(self, cells: str = "purkinje", *, labelled: Literal[True]) -> xr.DataArray: ...
    def to_tensor(self, cells: str = "purkinje", *, labelled: bool = False) -> Array | xr.DataArray:
        """Cells as a recording has them: (trials, cells, time). The data are shared, not copied.

        Parameters
        ----------
        cells : {"purkinje", "nuclei", "granule", "mossy"}
            Which.
        labelled : bool
            Return an xarray.DataArray with time and microzones instead of an array.

        Returns
        -------
        ndarray or xarray.DataArray, shape (n_trials, n_cells, n_steps)

        Raises
        ------
        ValueError
            If granule cells were not kept.
        """
        one_of("cells", cells, ("purkinje", "nuclei", "granule", "mossy"))
        activity: Array | None = getattr(self, cells)
        if activity is None:
            raise ValueError("granule cells were not kept; expected a run with granule=True")
        tensor = activity.transpose(0, 2, 1)
        if not labelled:
            return tensor
        import xarray as xr

        return xr.DataArray(tensor, dims=("trial", "unit", "time"), coords=self._coords(cells), name=cells)

    def to_recording(self, cells: str = "purkinje", name: str = "cerebellum") -> Recording:
        """Cells as a `fastigial.Recording`, which the decompositions and figures take; see `to_tensor`."""
        from fastigial.recording import Recording

        coords = {key: ("neuron" if dim == "unit" else dim, v) for key, (dim, v) in self._coords(cells).items()}
        return Recording(self.to_tensor(cells), coords=coords, name=name, attrs={"dt": self.dt})

    def to_xarray(self) -> xr.Dataset:
        """All cells as an xarray.Dataset, with dimensions trial, time (in seconds), and one for each kind of cell.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        import xarray as xr

        kinds = ("mossy", "granule", "purkinje", "nuclei")
        variables = {
            kind: (("trial", "time", f"{kind}_cell"), getattr(self, kind))
            for kind in kinds
            if getattr(self, kind) is not None
        }
        coords: dict[str, tuple[str, Array]] = {"time": ("time", self.time)}
        if self.zone is not None:
            coords["zone"] = ("purkinje_cell", self.zone)
        return xr.Dataset(variables, coords=coords, attrs={"dt": self.dt})

    def _coords(self, cells: str) -> dict[str, tuple[str, Array]]:
        coords: dict[str, tuple[str, Array]] = {"time": ("time", self.time)}
        if cells == "purkinje" and self.zone is not None:
            coords["zone"] = ("unit", self.zone)
        return coords
