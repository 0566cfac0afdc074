"""How a representation moves between two stages: how far, along which directions, and whether its subspace turns.

With m_c (before) and m'_c (after) the averages of condition c over trials, at the same steps, N units:

    d_c        = m'_c − m_c
    size       = √( Σ|d_c|² / Σ|m_c − m̄|² )                next to how far conditions differ before
    along_B    = Σ|Q_Bᵀ d_c|² / Σ|d_c|²                    share along directions B; Q_B is an orthonormal basis
    angles     = principal angles of the leading subspaces of m and m'

Of an isotropic displacement along_B is k / N for k directions. Trial noise moves averages too: the same numbers for
random halves of the trials before are the floor (halves are noisier than wholes, so the floor is a cautious one).

Principal angles: Björck & Golub, Math Comp 27:579, 1973. The rest is a design of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.population import population_of
from fastigial.analysis.subspaces import principal_angles
from fastigial.tensor.checks import as_count, as_seed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reshaping", "reshaping"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reshaping:
    """How condition averages moved.

    Attributes
    ----------
    conditions : tuple of str
    displacement : ndarray, shape (n_conditions, n_steps, n_units)
        After less before, in the data's unit.
    size : float
        Its root sum of squares, next to that of the differences between conditions before.
    size_floor : ndarray, shape (n_splits,)
        The same of random halves of the trials before.
    along : dict of str to float
        Share of the squares along the directions of that name.
    isotropic : dict of str to float
        What a displacement without direction would have.
    angles : ndarray, shape (n_components,)
        Of the leading subspaces before and after, degrees, the smallest first.
    angles_floor : ndarray, shape (n_splits, n_components)
        The same of random halves of the trials before.
    """

    conditions: tuple[str, ...]
    displacement: Array
    size: float
    size_floor: Array
    along: dict[str, float]
    isotropic: dict[str, float]
    angles: Array
    angles_floor: Array

    def to_pandas(self) -> pd.DataFrame:
        """One row for each number, beside what noise or no direction would give."""
        import pandas as pd

        rows = [("size", self.size, float(self.size_floor.mean()))]
        rows += [(f"along {name}", share, self.isotropic[name]) for name, share in self.along.items()]
        floor = self.angles_floor.mean(axis=0)
        rows += [(f"angle {at + 1} (°)", angle, floor[at]) for at, angle in enumerate(self.angles.tolist())]
        return pd.DataFrame(rows, columns=["what", "found", "floor"]).set_index("what")

    def __repr__(self) -> str:
        parts = "".join(f", {share:.2f} along {name}" for name, share in self.along.items())
        return f"<Reshaping: size {self.size:.2f} (floor {self.size_floor.mean():.2f}){parts}>"


def reshaping(
    before: Any,
    after: Any,
    condition: str | tuple[ArrayLike, ArrayLike] = "direction",
    *,
    directions: Mapping[str, ArrayLike] | None = None,
    n_components: int = 2,
    n_splits: int = 20,
    seed: int | None = 0,
) -> Reshaping:
    r"""How condition averages of a population moved from one stage to another.

    .. math:: d_c = m'_c - m_c, \qquad
        \text{along}_B = \frac{\sum_c \lVert Q_B^\top d_c \rVert^2}{\sum_c \lVert d_c \rVert^2}

    Parameters
    ----------
    before, after : Recording, xarray.DataArray or array_like
        The same units at the same steps, all observed: before and after learning, or without and with a block. To look
        at preparation, select its steps first.
    condition : str, or pair of array_like
        Label of the trials, by name of a coordinate or for both recordings. Conditions of both are compared.
    directions : mapping of str to array_like, shape (n_units,) or (n_units, k)
        By name, where displacements may point: columns of a readout, of weights from the cerebellum.
    n_components : int
        Dimensions of the subspaces that are compared.
    n_splits : int
        Random halves of the trials before, for the floor.
    seed : int, optional
        Of the halves.

    Returns
    -------
    Reshaping
        With ``.size``, ``.along``, ``.angles``, their floors, and ``.to_pandas()``. Principal angles are those of
        Björck & Golub (1973); the rest is a design of this package.

    Raises
    ------
    TypeError
        If activity does not hold real numbers.
    ValueError
        If units or steps differ, samples are missing, fewer than two conditions are in both or have fewer than two
        trials before, or directions do not fit the units.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> labels, rng = np.repeat(np.arange(4), 6), np.random.default_rng(0)
    >>> before = rng.normal(size=(4, 10, 5))[labels] + 0.01 * rng.normal(size=(24, 10, 5))
    >>> after = before + np.eye(10)[0][:, None]  # the first unit fires more
    >>> found = fg.analysis.reshaping(before, after, (labels, labels), directions={"unit 0": np.eye(10)[0]})
    >>> round(found.along["unit 0"], 3), found.isotropic["unit 0"]
    (1.0, 0.1)
    """
    first, second = population_of(before, "before"), population_of(after, "after")
    if (first.n_units, first.n_steps) != (second.n_units, second.n_steps):
        raise ValueError(
            f"after has {second.n_units} units and {second.n_steps} steps, expected {first.n_units} and "
            f"{first.n_steps} as before"
        )
    for name, one in (("before", first), ("after", second)):
        if not one.seen.all():
            raise ValueError(f"{name} has {int((~one.seen).sum())} samples that were not observed, expected none")
    n_splits, seed = as_count("n_splits", n_splits), as_seed(seed)
    pair = (condition, condition) if isinstance(condition, str) else condition
    own, other = first.trial_values(pair[0], "condition")[0], second.trial_values(pair[1], "condition")[0]
    both = np.intersect1d(own, other)
    if len(both) < 2:
        raise ValueError(f"{len(both)} conditions are in both recordings, expected at least 2")
    fewest = min(int(np.sum(own == one)) for one in both)
    if fewest < 2:
        raise ValueError("a condition has one trial before, expected at least 2 to know its noise")
    values, moved = first.values * first.scale, second.values * second.scale
    start, end = _averages(values, own, both), _averages(moved, other, both)
    displacement = end - start
    total = float(np.sum(displacement**2))
    along, isotropic = {}, {}
    for name, given in (directions or {}).items():
        basis = _basis(name, given, first.n_units)
        along[name] = float(np.sum((displacement @ basis) ** 2) / total) if total > 0 else float("nan")
        isotropic[name] = basis.shape[1] / first.n_units
    rng = np.random.default_rng(seed)
    sizes, angles = np.empty(n_splits), np.empty((n_splits, n_components))
    for split in range(n_splits):
        halves = _halves(own, both, rng)
        left, right = (_averages(values[half], own[half], both) for half in halves)
        sizes[split] = _size(left, right)
        angles[split] = _angles(left, right, n_components)
    return Reshaping(
        tuple(str(one) for one in both),
        displacement,
        _size(start, end),
        sizes,
        along,
        isotropic,
        _angles(start, end, n_components),
        angles,
    )


def _averages(values: Array, labels: NDArray[Any], conditions: NDArray[Any]) -> Array:
    return np.array([values[labels == one].mean(axis=0) for one in conditions])


def _size(start: Array, end: Array) -> float:
    spread = float(np.sum((start - start.mean(axis=0)) ** 2))
    return float(np.sqrt(np.sum((end - start) ** 2) / spread)) if spread > 0 else float("nan")


def _angles(start: Array, end: Array, n: int) -> Array:
    # What differs between conditions: the course that all have in common says nothing of them.
    rows = [(one - one.mean(axis=0)).reshape(-1, one.shape[2]) for one in (start, end)]
    return principal_angles(rows[0], rows[1], n)


def _halves(labels: NDArray[Any], conditions: NDArray[Any], rng: np.random.Generator) -> tuple[Any, Any]:
    one: list[int] = []
    two: list[int] = []
    for condition in conditions:
        mine = rng.permutation(np.flatnonzero(labels == condition))
        one.extend(mine[: len(mine) // 2].tolist())
        two.extend(mine[len(mine) // 2 :].tolist())
    return np.array(one), np.array(two)


def _basis(name: str, given: ArrayLike, n_units: int) -> Array:
    columns = np.asarray(given, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or len(columns) != n_units or not np.isfinite(columns).all() or not columns.any():
        raise ValueError(
            f"directions[{name!r}] has shape {np.shape(given)}, expected ({n_units}, k), finite and not zero"
        )
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, singular > 1e-10 * singular[0]])
