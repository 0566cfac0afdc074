"""Areas: named groups of units, which of them are connected, how densely, and with what conduction delays.

W_ij leads from unit j to unit i. A connection is named by the pair (from, to), so ("PFC", "M1") is the block of W with
M1's rows and PFC's columns; a matrix of densities has its rows and columns as W has, [to, from]. The outside is named
"input" and "output": ("input", "PFC"), ("M1", "output"), and ("output", "PFC") for output feedback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Areas", "Densities", "as_steps", "densities_of", "draw_connections", "recurrent_delays"]

_OUTSIDE = ("input", "output")


@dataclass(frozen=True)
class Areas:
    """Named groups of consecutive units; without names, all units are one group called ``""``.

    Attributes
    ----------
    sizes : dict of str to int
        Units per area, in order.
    """

    sizes: dict[str, int]

    @classmethod
    def of(cls, areas: Mapping[str, int] | None, n_units: int) -> Areas:
        """Check ``areas={"PFC": 50, "M1": 50}``."""
        if areas is None:
            return cls({"": n_units})
        if not isinstance(areas, Mapping) or not areas:
            raise TypeError(f"areas is {areas!r}, expected names with numbers of units")
        for name, size in areas.items():
            if not isinstance(name, str) or not name or name in _OUTSIDE:
                raise ValueError(f'areas has the name {name!r}, expected text other than "input" and "output"')
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise ValueError(f"areas[{name!r}] is {size!r}, expected a number of units, at least 1")
        total = sum(areas.values())
        if total != n_units:
            raise ValueError(f"areas hold {total} units, expected n_units = {n_units}")
        return cls({name: int(size) for name, size in areas.items()})

    @property
    def n_units(self) -> int:
        """Units of all areas together."""
        return sum(self.sizes.values())

    @property
    def is_named(self) -> bool:
        """Whether the user gave areas."""
        return "" not in self.sizes

    @property
    def slices(self) -> dict[str, slice]:
        """Units of each area, as a slice with a start and a stop."""
        ends = np.cumsum([0, *self.sizes.values()]).tolist()
        return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(self.sizes)}

    @property
    def labels(self) -> NDArray[np.str_] | None:
        """Name of each unit's area, (N,), or None without areas."""
        if not self.is_named:
            return None
        return np.repeat(np.array(list(self.sizes), dtype=np.str_), list(self.sizes.values()))

    def units(self, chosen: Any, argument: str) -> NDArray[np.intp]:
        """Numbers of the units that `chosen` names: an area, a unit, several units, or a boolean per unit.

        Raises
        ------
        ValueError
            If there is no such area or unit; `argument` is named.
        TypeError
            If it is neither a name nor whole numbers nor booleans.
        """
        if isinstance(chosen, str):
            if chosen not in self.slices or not self.is_named:
                known = ", ".join(map(repr, self.sizes)) if self.is_named else "none"
                raise ValueError(f"{argument} names the area {chosen!r}; the network has {known}")
            return np.arange(self.n_units)[self.slices[chosen]]
        units = np.atleast_1d(np.asarray(chosen))
        if units.dtype == np.bool_ and units.shape == (self.n_units,):
            return np.flatnonzero(units)
        if units.dtype.kind not in "iu" or units.ndim != 1:
            raise TypeError(f"{argument} is {chosen!r}, expected an area, unit numbers, or {self.n_units} booleans")
        wrong = units[(units < 0) | (units >= self.n_units)]
        if wrong.size:
            raise ValueError(f"{argument} holds the unit {wrong[0]}, expected 0 to {self.n_units - 1}")
        return units.astype(np.intp)


@dataclass(frozen=True)
class Densities:
    """Share of possible connections that exist: (A, A) between areas [to, from], and (A,) from and to the outside."""

    recurrent: NDArray[np.float64]
    input: NDArray[np.float64]
    output: NDArray[np.float64]
    feedback: NDArray[np.float64]


def densities_of(areas: Areas, connections: Any, density: float) -> Densities:
    """Densities of all pathways.

    Parameters
    ----------
    areas : Areas
        The areas.
    connections : None, sequence of (from, to), mapping of (from, to) to density, or array_like of shape (A, A)
        None: all. Pairs: these, beside the connections within each area, which a list always keeps; a matrix [to, from]
        says everything about the recurrent ones. As soon as one pair names the input, the input reaches only the areas
        that are named; and so the output, and the feedback.
    density : float
        For recurrent connections that have none of their own, above 0 and up to 1.
    """
    if not 0.0 < density <= 1.0:
        raise ValueError(f"density is {density!r}, expected above 0 and up to 1")
    n = len(areas.sizes)
    outside = {name: np.ones(n) for name in ("input", "output", "feedback")}
    if connections is None:
        return Densities(np.full((n, n), density), **outside)
    if not areas.is_named:
        raise ValueError("connections were given without areas; for single connections there is masks={'W': …}")
    if isinstance(connections, Mapping):
        pairs: dict[tuple[str, str], Any] = dict(connections)
    elif _is_pairs(connections):
        pairs = dict.fromkeys((str(source), str(target)) for source, target in connections)
    else:
        matrix = np.asarray(connections)
        if matrix.dtype.kind not in "iufb" or matrix.shape != (n, n):
            raise ValueError(f"connections is {connections!r}, expected pairs (from, to) or a matrix ({n}, {n})")
        return Densities(_shares(matrix.astype(np.float64)), **outside)
    recurrent = np.diag(np.full(n, density))
    places = {name: i for i, name in enumerate(areas.sizes)}
    for pathway, named in _outside(pairs).items():
        if named:
            outside[pathway] = np.zeros(n)
    for (source, target), value in pairs.items():
        pathway, area = _pathway(source, target)
        for name in (source, target) if pathway == "recurrent" else (area,):
            if name not in places:
                raise ValueError(f"connections names {name!r}; the areas are {', '.join(map(repr, places))}")
        if pathway == "recurrent":
            recurrent[places[target], places[source]] = density if value is None else value
        else:
            outside[pathway][places[area]] = 1.0 if value is None else value
    return Densities(_shares(recurrent), **{name: _shares(values) for name, values in outside.items()})


def _is_pairs(connections: Any) -> bool:
    if isinstance(connections, str) or not isinstance(connections, Sequence | np.ndarray):
        raise TypeError(f"connections is {connections!r}, expected pairs of areas or a matrix of densities")
    return all(isinstance(item, tuple | list) and len(item) == 2 and isinstance(item[0], str) for item in connections)


def _pathway(source: str, target: str) -> tuple[str, str]:
    """Which pathway a pair belongs to, and its area."""
    if source == "input" or target == "output":
        if source == "input" and target == "output":
            raise ValueError('connections holds ("input", "output"), but the input reaches the output by way of units')
        return ("input", target) if source == "input" else ("output", source)
    return ("feedback", target) if source == "output" else ("recurrent", "")


def _outside(pairs: Mapping[tuple[str, str], Any]) -> dict[str, bool]:
    found = [_pathway(*pair)[0] for pair in pairs]
    return {pathway: pathway in found for pathway in ("input", "output", "feedback")}


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("connections holds a density outside 0 to 1")
    return values


def draw_connections(
    rows: Mapping[str, slice], columns: Mapping[str, slice], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which connections exist: in each row of a block, its share of the columns, chosen at random.

    The number in a row is the share times the number of columns, rounded up or down at random so that its mean is
    exact: in-degrees within a block differ by one at most.

    Parameters
    ----------
    rows, columns : mapping of str to slice
        Blocks of the matrix, from the first to the last.
    shares : ndarray, shape (n_rows, n_columns)
        Density of each block.
    rng : numpy.random.Generator
        Draws the same numbers whatever the densities.

    Returns
    -------
    ndarray of bool
        True where a connection exists.
    """
    n_rows, n_columns = (max(part.stop for part in parts.values()) for parts in (rows, columns))
    order = rng.random((n_rows, n_columns))
    rounding = rng.random((n_rows, len(columns)))
    mask = np.zeros((n_rows, n_columns), dtype=np.bool_)
    for i, down in enumerate(rows.values()):
        for j, across in enumerate(columns.values()):
            wanted = np.floor(shares[i, j] * (across.stop - across.start) + rounding[down, j])
            rank = np.argsort(np.argsort(order[down, across], axis=1), axis=1)
            mask[down, across] = rank < wanted[:, None]
    return mask


def recurrent_delays(delays: Any, areas: Areas) -> int | NDArray[np.int64] | None:
    """Delays of recurrent connections beyond the one step that all have.

    Parameters
    ----------
    delays : None, int, array_like of int of shape (N, N), or mapping of (from, to) to int
        In steps. A matrix has its rows and columns as W; pairs of areas that are not named have no delay.
    areas : Areas
        The areas.

    Returns
    -------
    int or ndarray of shape (N, N), or None where there is no delay
    """
    if delays is None:
        return None
    n = areas.n_units
    if isinstance(delays, Mapping):
        matrix = np.zeros((n, n), dtype=np.int64)
        for pair, steps in delays.items():
            if not (isinstance(pair, tuple) and len(pair) == 2):
                raise TypeError(f"delays holds {pair!r}, expected pairs of areas, (from, to)")
            source, target = (areas.units(name, 'delays["recurrent"]') for name in pair)
            matrix[np.ix_(target, source)] = as_steps(f'delays["recurrent"][{pair!r}]', steps)
    else:
        values = np.asarray(delays)
        if values.ndim == 0:
            return as_steps('delays["recurrent"]', delays) or None
        if values.dtype.kind not in "iu":
            raise TypeError(f'delays["recurrent"] is of dtype {values.dtype}, expected whole steps')
        if values.shape != (n, n):
            raise ValueError(f'delays["recurrent"] has the shape {values.shape}, expected a number or ({n}, {n})')
        if (values < 0).any():
            raise ValueError('delays["recurrent"] holds negative delays')
        matrix = values.astype(np.int64)
    return matrix if matrix.any() else None


def as_steps(name: str, value: Any) -> int:
    """A delay: whole, not negative."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is {value!r}, expected a whole number of steps")
    if value < 0:
        raise ValueError(f"{name} is {value}, expected a number of steps that is not negative")
    return int(value)
