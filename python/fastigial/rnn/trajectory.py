"""What a network did: every unit at every step of every trial, with labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from fastigial.recording import Recording

__all__ = ["Trajectory"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """A run of a network.

    Parameters
    ----------
    states : ndarray, shape (n_trials, n_steps, n_units)
        r: what units send on. Activities, or spikes (0 or 1).
    outputs : ndarray, shape (n_trials, n_steps, n_outputs)
        y.
    inputs : ndarray, shape (n_trials, n_steps, n_inputs)
        x, as given (without the input noise).
    dt : float
        Seconds per step.
    internal : dict of str to ndarray, shape (n_trials, n_steps, n_units)
        State variables other than r: ``"current"`` (rate cells with ``leak="current"``), ``"cell"`` (lstm),
        ``"voltage"``, ``"filtered"`` and ``"adaptation"`` (spiking cells).
    final : dict of str to ndarray, shape (n_trials, n_units)
        State variables after the last step, by their letters; `RNN.run` takes them as ``initial_state``.
    state_names : tuple of (str, str)
        For each state variable, in order, where it is: ``"states"`` or a key of `internal`.
    losses : ndarray, shape (n_trials, n_steps), optional
        Loss of each step, if targets were given; NaN where none was observed.
    targets : ndarray, shape (n_trials, n_steps, n_outputs), optional
        Those targets.
    area : ndarray of str, shape (n_units,), optional
        Area of each unit.
    info : dict of str to ndarray, shape (n_trials,)
        What each trial was, if `RNN.run` was given `Trials`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.rnn import Trajectory
    >>> trajectory = Trajectory(np.zeros((5, 20, 8)), np.zeros((5, 20, 2)), np.zeros((5, 20, 3)), dt=0.01)
    >>> trajectory
    <Trajectory: 5 trials x 20 steps (0.2 s) x 8 units, 3 inputs, 2 outputs, float64>
    >>> trajectory.to_tensor().shape
    (5, 8, 20)
    """

    states: Array
    outputs: Array
    inputs: Array
    dt: float
    internal: dict[str, Array] = field(default_factory=dict)
    final: dict[str, Array] = field(default_factory=dict)
    state_names: tuple[tuple[str, str], ...] = (("h", "states"),)
    losses: Array | None = None
    targets: Array | None = None
    area: NDArray[np.str_] | None = None
    info: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("states", "outputs", "inputs"):
            if getattr(self, name).ndim != 3:
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}, expected (trials, time, …)")
        extent = self.states.shape[:2]
        for name in ("outputs", "inputs"):
            if getattr(self, name).shape[:2] != extent:
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}, expected {extent} to begin with")

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return int(self.states.shape[0])

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return int(self.states.shape[1])

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.states.shape[2])

    @property
    def time(self) -> NDArray[np.float64]:
        """Time of each step in seconds, (n_steps,): 0, dt, 2 dt and so on."""
        return np.arange(self.n_steps, dtype=np.float64) * self.dt

    @property
    def full_states(self) -> Array:
        """All state variables side by side, (n_trials, n_steps, S): what `RNN.jacobian` takes, step by step.

        Examples
        --------
        >>> import numpy as np
        >>> from fastigial.rnn import Trajectory
        >>> h, c, y = np.zeros((2, 4, 3)), np.ones((2, 4, 3)), np.zeros((2, 4, 1))
        >>> names = (("h", "states"), ("c", "cell"))
        >>> Trajectory(h, y, y, dt=0.01, internal={"cell": c}, state_names=names).full_states[0, 0]
        array([0., 0., 0., 1., 1., 1.])
        """
        parts = [self.states if where == "states" else self.internal[where] for _, where in self.state_names]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def __repr__(self) -> str:
        n_trials, n_steps, n_units = self.states.shape
        return (
            f"<Trajectory: {n_trials} trials x {n_steps} steps ({n_steps * self.dt:g} s) x {n_units} units, "
            f"{self.inputs.shape[2]} inputs, {self.outputs.shape[2]} outputs, {self.states.dtype}>"
        )

    @overload
    def to_tensor(self, *, labelled: Literal[False] = False) -> Array: ...
    @overload
    def to_tensor(self, *, labelled: Literal[True]) -> xr.DataArray: ...
    def to_tensor(self, *, labelled: bool = False) -> Array | xr.DataArray:
        """What units send, as a recording has it: (trials, units, time). The data are shared, not copied.

        Parameters
        ----------
        labelled : bool
            Return an xarray.DataArray with time, areas and what each trial was, instead of an array.

        Returns
        -------
        ndarray or xarray.DataArray, shape (n_trials, n_units, n_steps)

        See Also
        --------
        to_recording : The same with the package's own labels.
        """
        tensor = self.states.transpose(0, 2, 1)
        if not labelled:
            return tensor
        import xarray as xr

        return xr.DataArray(tensor, dims=("trial", "unit", "time"), coords=self._coords(), name="states")

    def to_recording(self, name: str = "network") -> Recording:
        """What units send, as a `fastigial.Recording`, which the decompositions and figures take.

        Examples
        --------
        >>> import numpy as np
        >>> from fastigial.rnn import Trajectory
        >>> trajectory = Trajectory(np.zeros((5, 20, 8)), np.zeros((5, 20, 2)), np.zeros((5, 20, 3)), dt=0.01)
        >>> trajectory.to_recording()
        <Recording 'network': 5 trials x 8 neurons x 20 steps, float64, 100% observed, coords: time>
        """
        from fastigial.recording import Recording

        coords = {key: ("neuron" if dim == "unit" else dim, values) for key, (dim, values) in self._coords().items()}
        return Recording(self.to_tensor(), coords=coords, name=name, attrs={"dt": self.dt})

    def to_xarray(self) -> xr.Dataset:
        """States, outputs, inputs, internal variables, targets and losses as an xarray.Dataset.

        Returns
        -------
        xarray.Dataset
            With dimensions trial, time (in seconds), unit, output and input. The area is a coordinate of unit, and what
            each trial was are coordinates of trial.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        import xarray as xr

        variables: dict[str, tuple[tuple[str, ...], Array]] = {
            "states": (("trial", "time", "unit"), self.states),
            "outputs": (("trial", "time", "output"), self.outputs),
            "inputs": (("trial", "time", "input"), self.inputs),
        }
        variables |= {name: (("trial", "time", "unit"), array) for name, array in self.internal.items()}
        if self.targets is not None:
            variables["targets"] = (("trial", "time", "output"), self.targets)
        if self.losses is not None:
            variables["losses"] = (("trial", "time"), self.losses)
        return xr.Dataset(variables, coords=self._coords(), attrs={"dt": self.dt})

    def _coords(self) -> dict[str, tuple[str, Array]]:
        coords: dict[str, tuple[str, Array]] = {"time": ("time", self.time)}
        if self.area is not None:
            coords["area"] = ("unit", self.area)
        # An axis' name belongs to that axis' own coordinate.
        taken = {
            "trial",
            "unit",
            "neuron",
            "output",
            "input",
            *coords,
            "states",
            "outputs",
            "inputs",
            "targets",
            "losses",
        }
        taken |= set(self.internal)
        for name, values in self.info.items():
            array = np.asarray(values)
            if array.shape == (self.n_trials,):
                coords[f"{name}_" if name in taken else name] = ("trial", array)
        return coords

    def plot(self, trial: int = 0, **options: Any) -> Figure:
        """Draw inputs, units and outputs of one trial; see `fastigial.plot.trajectory`."""
        from fastigial.plot import trajectory

        return trajectory(self, trial, **options)
