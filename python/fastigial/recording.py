"""A recording of many neurons over many trials, with its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Selection = slice | Sequence[int] | Sequence[bool] | NDArray[np.integer[Any]] | NDArray[np.bool_]

__all__ = ["Recording"]

DIMS = ("trial", "neuron", "time")


@dataclass(frozen=True, eq=False, repr=False)
class Recording:
    """Trials × neurons × time, and what each trial, neuron and moment is.

    Parameters
    ----------
    data : array_like, shape (n_trials, n_neurons, n_steps)
        Spike counts, rates or any other activity; NaN means *not observed*. float32 and float64 are kept as
        they are, without a copy; integers and booleans become float64.
    dims : tuple of str
        Always ``("trial", "neuron", "time")``: the axes come in this order.
    coords : mapping of str to (str, array_like)
        Labels along one axis each: ``{"condition": ("trial", [...]), "time": ("time", seconds)}``. By
        convention
        ``"time"`` holds the *centre* of every bin in seconds.
    name : str
        What the recording is, for plots and tables.
    attrs : dict
        Anything else worth keeping: licence, citation, ``"units"`` (``"spikes per bin"`` or ``"spikes/s"``),
        …

    Raises
    ------
    TypeError
        If `data` are not real numbers.
    ValueError
        If `data` do not have three axes, `dims` are not the three names above, or a coordinate names another
        axis or has another length than its axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial import Recording
    >>> counts = np.arange(12).reshape(2, 3, 2)
    >>> recording = Recording(counts, coords={"condition": ("trial", ["left", "right"])}, name="toy")
    >>> recording
    <Recording 'toy': 2 trials x 3 neurons x 2 steps, float64, 100% observed, coords: condition>
    >>> recording["condition"]
    array(['left', 'right'], dtype='<U5')
    >>> recording.select(trials=recording["condition"] == "left").shape
    (1, 3, 2)
    """

    data: NDArray[np.floating[Any]]
    dims: tuple[str, str, str] = DIMS
    coords: dict[str, tuple[str, NDArray[Any]]] = field(default_factory=dict)
    name: str = "recording"
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _as_floating(self.data))
        if self.data.ndim != 3:
            raise ValueError(f"data must have 3 axes (trial, neuron, time), got shape {self.data.shape}")
        if tuple(self.dims) != DIMS:
            raise ValueError(f"dims must be {DIMS}, got {tuple(self.dims)}")
        object.__setattr__(self, "dims", DIMS)
        object.__setattr__(self, "coords", _checked_coords(self.coords, self.data.shape))
        object.__setattr__(self, "attrs", dict(self.attrs))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_trials, n_neurons, n_steps)."""
        n_trials, n_neurons, n_steps = self.data.shape
        return n_trials, n_neurons, n_steps

    @property
    def ndim(self) -> int:
        """Number of axes, always 3."""
        return self.data.ndim

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of the numbers."""
        return self.data.dtype

    @property
    def observed_fraction(self) -> float:
        """Share of entries that were observed (are not NaN), between 0 and 1; NaN for an empty recording."""
        return float(np.mean(~np.isnan(self.data))) if self.data.size else float("nan")

    @property
    def bin_width(self) -> float:
        """Width of a time bin in seconds, from the spacing of the ``"time"`` coordinate.

        Raises
        ------
        ValueError
            If there is no such coordinate, it has fewer than two values, or they are not evenly spaced.
        """
        if "time" not in self.coords or self.shape[2] < 2:
            raise ValueError("bin_width needs a 'time' coordinate with at least two values")
        steps = np.diff(self["time"].astype(float))
        width = float((self["time"][-1] - self["time"][0]) / len(steps))
        if not (width > 0 and np.allclose(steps, width, rtol=1e-6, atol=0.0)):
            raise ValueError("bin_width needs an increasing, evenly spaced 'time' coordinate")
        return width

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, key: str) -> NDArray[Any]:
        """Return the values of one coordinate, by name."""
        if not isinstance(key, str):
            raise TypeError(
                f"a Recording is indexed by coordinate name, got {key!r}; for entries use select() or .data"
            )
        if key not in self.coords:
            raise KeyError(f"no coordinate {key!r}; there are {', '.join(self.coords) or 'none'}")
        return self.coords[key][1]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Hand the data to NumPy: without a copy unless `dtype` or `copy` asks for one."""
        return np.array(self.data, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        n_trials, n_neurons, n_steps = self.shape
        coords = f", coords: {', '.join(self.coords)}" if self.coords else ""
        return (
            f"<Recording {self.name!r}: {n_trials} trials x {n_neurons} neurons x {n_steps} steps, "
            f"{self.dtype}, {_percent(self.observed_fraction)} observed{coords}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("shape", " × ".join(f"{n} {dim}" for n, dim in zip(self.shape, self.dims, strict=True))),
            ("observed", f"{_percent(self.observed_fraction)} of entries ({self.dtype})"),
        ]
        rows += [(name, f"{dim}: {_preview(values)}") for name, (dim, values) in self.coords.items()]
        body = "".join(f"<tr><th>{escape(key)}</th><td>{escape(text)}</td></tr>" for key, text in rows)
        return f"<table><caption>Recording: {escape(self.name)}</caption>{body}</table>"

    def select(
        self,
        trials: Selection | None = None,
        neurons: Selection | None = None,
        time: tuple[float, float] | None = None,
    ) -> Recording:
        """Select a part of the recording; its labels come along.

        Parameters
        ----------
        trials, neurons : slice, bool array or int array, optional
            What to keep. A boolean array has one entry per trial (neuron); an integer array gives positions,
            may reorder and repeat. None keeps all.
        time : (start, stop), optional
            In seconds: bins whose ``"time"`` coordinate (the centre) lies in ``start <= time < stop``.

        Returns
        -------
        Recording
            With a view of the data where all selections are slices.

        Raises
        ------
        ValueError
            If a boolean array has another length than its axis, `time` is not ``(start, stop)`` with
            ``start < stop``, or the recording has no ``"time"`` coordinate.
        IndexError
            If a position is out of range.
        TypeError
            If a selection is neither a slice nor booleans nor integers.

        Examples
        --------
        >>> import numpy as np
        >>> from fastigial import Recording
        >>> recording = Recording(np.zeros((3, 2, 4)), coords={"time": ("time", [-0.15, -0.05, 0.05, 0.15])})
        >>> recording.select(trials=slice(1, None), time=(0.0, 0.2)).shape
        (2, 2, 2)
        """
        index = {
            "trial": _positions(trials, self.shape[0], "trials"),
            "neuron": _positions(neurons, self.shape[1], "neurons"),
            "time": self._time_slice(time),
        }
        data = self.data
        for axis, dim in enumerate(DIMS):
            data = data[(slice(None),) * axis + (index[dim],)]
        coords = {name: (dim, values[index[dim]]) for name, (dim, values) in self.coords.items()}
        return replace(self, data=data, coords=coords)

    def _time_slice(self, time: tuple[float, float] | None) -> slice | NDArray[np.intp]:
        if time is None:
            return slice(None)
        if "time" not in self.coords:
            raise ValueError("select(time=...) needs a recording with a 'time' coordinate in seconds")
        if len(time) != 2 or not time[0] < time[1]:
            raise ValueError(f"time must be (start, stop) in seconds with start < stop, got {time!r}")
        kept = np.flatnonzero((self["time"] >= time[0]) & (self["time"] < time[1]))
        if len(kept) and len(kept) == kept[-1] - kept[0] + 1:
            return slice(int(kept[0]), int(kept[-1]) + 1)
        return kept

    def to_xarray(self) -> xr.DataArray:
        """Return the recording as an ``xarray.DataArray``, with dimensions, coordinates, name and attributes.

        Returns
        -------
        xarray.DataArray
            Sharing memory with `data`.

        Raises
        ------
        ImportError
            If xarray is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from fastigial import Recording
        >>> Recording(np.zeros((4, 3, 2)), name="quiet").to_xarray().sizes["neuron"]
        3
        """
        import xarray as xr

        return xr.DataArray(self.data, dims=self.dims, coords=dict(self.coords), name=self.name, attrs=dict(self.attrs))

    @classmethod
    def from_xarray(cls, array: xr.DataArray) -> Recording:
        """Make a recording from an ``xarray.DataArray`` with dimensions trial, neuron, time in any order.

        Coordinates along one dimension are kept; coordinates without a dimension (left over from selecting
        one value) go to `attrs`.

        Parameters
        ----------
        array : xarray.DataArray

        Returns
        -------
        Recording

        Raises
        ------
        ValueError
            If the dimensions have other names, or a coordinate runs along several of them.

        Examples
        --------
        >>> import numpy as np, xarray as xr
        >>> from fastigial import Recording
        >>> array = xr.DataArray(np.zeros((5, 4, 3)), dims=("time", "trial", "neuron"))
        >>> Recording.from_xarray(array).shape
        (4, 3, 5)
        """
        if set(array.dims) != set(DIMS):
            raise ValueError(
                f"array must have the dimensions {DIMS} in any order, got {tuple(array.dims)}; "
                "give them these names with array.rename({'old': 'new'})"
            )
        coords: dict[str, tuple[str, NDArray[Any]]] = {}
        attrs = {str(key): value for key, value in array.attrs.items()}
        for name, coordinate in array.coords.items():
            if coordinate.ndim == 0:
                attrs[str(name)] = coordinate.item()
            elif coordinate.ndim == 1:
                coords[str(name)] = (str(coordinate.dims[0]), np.asarray(coordinate.values))
            else:
                raise ValueError(
                    f"coordinate {name!r} runs along {coordinate.dims}; a Recording labels one axis at "
                    f"a time: leave it out with array.drop_vars({name!r})"
                )
        name_ = "recording" if array.name is None else str(array.name)
        return cls(array.transpose(*DIMS).values, coords=coords, name=name_, attrs=attrs)


def _as_floating(data: ArrayLike) -> NDArray[np.floating[Any]]:
    values = np.asarray(data)
    if values.dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        return values
    if values.dtype.kind in "iub":
        return values.astype(np.float64)
    raise TypeError(f"data must be float32, float64 or integers, got dtype {values.dtype}")


def _checked_coords(
    coords: Mapping[str, tuple[str, ArrayLike]], shape: tuple[int, ...]
) -> dict[str, tuple[str, NDArray[Any]]]:
    if not isinstance(coords, Mapping):
        raise ValueError(f"coords must map names to (dim, values), got {type(coords).__name__}")
    lengths = dict(zip(DIMS, shape, strict=True))
    checked = {}
    for name, entry in coords.items():
        if not (isinstance(entry, tuple) and len(entry) == 2):
            raise ValueError(f"coords[{name!r}] must be a pair (dim, values), got {type(entry).__name__}")
        dim, values = entry[0], np.asarray(entry[1])
        if dim not in lengths:
            raise ValueError(f"coords[{name!r}] names the dimension {dim!r}, expected one of {DIMS}")
        if name in lengths and name != dim:
            raise ValueError(f"coords[{name!r}] labels the axis {dim!r}; that name belongs to the axis {name!r}")
        if values.shape != (lengths[dim],):
            raise ValueError(f"coords[{name!r}] has shape {values.shape}, expected ({lengths[dim]},) along {dim!r}")
        checked[name] = (dim, values)
    return checked


def _positions(selection: Selection | None, length: int, name: str) -> slice | NDArray[Any]:
    if selection is None:
        return slice(None)
    if isinstance(selection, slice):
        return selection
    if isinstance(selection, SupportsIndex) and np.ndim(selection) == 0:
        return np.array([int(selection)])
    index = np.atleast_1d(np.asarray(selection))
    if index.size == 0 and index.dtype.kind == "f":
        return np.zeros(0, dtype=np.intp)
    if index.ndim != 1 or index.dtype.kind not in "iub":
        raise TypeError(f"{name} must be a slice, booleans or integers along one axis, got {selection!r}")
    if index.dtype.kind == "b" and len(index) != length:
        raise ValueError(f"{name} is a boolean array of length {len(index)}, expected {length}")
    return index


def _percent(fraction: float) -> str:
    """Write a share as text; 100 % only if nothing at all is missing."""
    return "100%" if fraction == 1.0 else f"{min(100.0 * fraction, 99.9):.3g}%"


def _preview(values: NDArray[Any]) -> str:
    if values.size == 0:
        return "empty"
    if values.dtype.kind == "f":
        low, high = np.nanmin(values), np.nanmax(values)
        return f"{low:.4g} to {high:.4g}" if np.isfinite(low) else "not observed"
    distinct = list(dict.fromkeys(values.tolist()))
    shown = ", ".join(str(value) for value in distinct[:4])
    return shown if len(distinct) <= 4 else f"{shown}, … ({len(distinct)} different)"
