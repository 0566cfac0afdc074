"""States in which a network stays, and those in which it hardly moves, with their linear stability.

For one noise-free step s → F(s, x) with a constant input x, fixed points solve G(s) = F(s, x) − s = 0, and slow points
are other minima of q = ½ |G|² (Sussillo & Barak, Neural Comput 25:626, 2013; there q is of ds/dt, here of one step).
From many starts, each on its own:

    (JᵀJ + μ tr(JᵀJ)/S · I) δ = −Jᵀ G,   J = ∂F/∂s − I,   s ← s + δ if that lowers q

(Levenberg 1944; Marquardt 1963; μ as by Nielsen 1999). With μ → 0 it is Newton's method, which ends at fixed points of
any kind, saddles and unstable ones too, in a few steps. Gradient descent, as in the paper, needs thousands.

Lengths are in units of the root mean square of the starts, so that nothing depends on the scale of the network: speed
means |G| / √S, and a point is

* fixed   if its speed is at most tol (1e-6 by default, which single precision reaches)
* slow    if its speed is larger, at most slow_tol, and the gradient JᵀG vanishes: a minimum of q that is no zero

Ends within `distance` (root mean square over variables) of one another are one point. Of a line attractor, whose fixed
points lie side by side, as many are reported as starts reached places that far apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.descent import descend
from fastigial.analysis.spectrum import (
    eigenvalues_of,
    frequencies_of,
    state_vectors,
    step_of,
    time_constants_of,
)
from fastigial.tensor.checks import as_count, as_number, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FixedPoints", "fixed_points"]


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """Fixed points of a network for one input, those that most starts reached first.

    Attributes
    ----------
    states : ndarray, shape (n_points, S)
    inputs : ndarray, shape (I,)
        The constant input.
    speed : ndarray, shape (n_points,)
        ‖F(s) − s‖, the way the state goes in one step.
    eigenvalues : ndarray of complex, shape (n_points, S)
        Of the Jacobian ∂F/∂s, the largest modulus first.
    counts : ndarray of int, shape (n_points,)
        How many starts ended there.
    dt : float
        Duration of a step in seconds; 1 if it is not known.
    reference : ndarray, shape (n_trials, n_steps, S)
        The states that were given, or the starts: they span the plane of the figure. States in no order are trials of
        one step each.
    n_starts : int
    slow : FixedPoints or None
        Slow points, of the same form; None in that form itself.
    """

    states: NDArray[np.float64]
    inputs: NDArray[np.float64]
    speed: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    counts: NDArray[np.intp]
    dt: float
    reference: NDArray[np.float64]
    n_starts: int
    slow: FixedPoints | None

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        kinds = [f"{self.kinds.count(kind)} {kind}" for kind in ("stable", "saddle", "unstable") if kind in self.kinds]
        beside = f"; {len(self.slow)} slow" if self.slow is not None else ""
        lost = f"; {self.n_lost} of {self.n_starts} starts ended nowhere" if self.slow is not None else ""
        return f"<FixedPoints: {', '.join(kinds) or 'none'}{beside}{lost}>"

    @property
    def q(self) -> NDArray[np.float64]:
        """½ ‖F(s) − s‖² of each point."""
        return np.asarray(self.speed**2 / 2)

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Whether all eigenvalues lie within the unit circle."""
        return np.abs(self.eigenvalues[:, 0]) < 1

    @property
    def n_unstable(self) -> NDArray[np.intp]:
        """Number of eigenvalues on or outside the unit circle."""
        return np.asarray(np.sum(np.abs(self.eigenvalues) >= 1, axis=1))

    @property
    def kinds(self) -> list[str]:
        """Of each point: "stable", "unstable" (in every direction) or "saddle"."""
        size = self.eigenvalues.shape[1]
        return ["stable" if n == 0 else "unstable" if n == size else "saddle" for n in self.n_unstable]

    @property
    def time_constants(self) -> NDArray[np.float64]:
        """−dt / ln abs(λ), (n_points, S), in s (in steps where dt is not known); negative: deviations grow."""
        return time_constants_of(self.eigenvalues, self.dt)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """abs(arg λ) / (2π dt), (n_points, S), in Hz (in cycles per step where dt is not known)."""
        return frequencies_of(self.eigenvalues, self.dt)

    @property
    def n_lost(self) -> int:
        """Starts that ended at neither a fixed nor a slow point."""
        return int(self.n_starts - self.counts.sum() - (0 if self.slow is None else self.slow.counts.sum()))

    def to_pandas(self) -> pd.DataFrame:
        """One row per point, fixed ones first: kind, speed, n_unstable, radius (largest abs(λ)), time_constant, count.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        tables = [
            pd.DataFrame(
                {
                    "kind": [f"slow, {kind}" if part is self.slow else kind for kind in part.kinds],
                    "speed": part.speed,
                    "n_unstable": part.n_unstable,
                    "radius": np.abs(part.eigenvalues[:, 0]),
                    "time_constant": part.time_constants[:, 0],
                    "count": part.counts,
                }
            )
            for part in (self, self.slow)
            if part is not None and (len(part) or part is self)
        ]
        table = pd.concat(tables, ignore_index=True)
        table.index.name = "point"
        return table

    def plot(self, **options: Any) -> Figure:
        """Draw them: see `fastigial.plot.fixed_points`, which takes the options."""
        from fastigial.plot.fixed_points import fixed_points

        return fixed_points(self, **options)


def fixed_points(
    net: Any,
    inputs: ArrayLike,
    *,
    states: Any = None,
    n_starts: int = 100,
    noise: float = 0.1,
    tol: float = 1e-6,
    slow_tol: float = 1e-2,
    distance: float = 1e-3,
    max_iter: int = 300,
    dt: float | None = None,
    seed: int | None = 0,
) -> FixedPoints:
    """Find states in which a network stays for a constant input, and those in which it hardly moves.

    Parameters
    ----------
    net : network
        With ``.step_function(states (M, S), inputs (M, I)) -> (M, S)``, one step without noise, and
        ``.jacobian(states, inputs) -> (M, S, S)``, its derivative with respect to the states.
    inputs : array_like, shape (I,)
        The input, held constant.
    states : trajectory, or array_like of shape (n_states, S) or (n_trials, n_steps, S), optional
        Where the network goes: starts are drawn from these states, with noise added. Without them, starts are normal
        with unit variance, for networks that say their `n_units` and have no other variables.
    n_starts : int
        Fixed points that no start leads to are not found. More starts find more.
    noise : float
        Standard deviation of the noise, in root mean squares of the states.
    tol, slow_tol : float
        Speeds ‖F(s) − s‖ / √S, in root mean squares of the starts, up to which an end is fixed, or slow.
    distance : float
        Ends this close, root mean square over variables in that of the starts, are one point.
    max_iter : int
        Steps from each start.
    dt : float, optional
        Duration of a step in seconds, for time constants; by default the network's, if it says so.
    seed : int, optional

    Returns
    -------
    FixedPoints
        With ``.states``, ``.eigenvalues``, ``.stable``, ``.kinds``, ``.time_constants``, ``.slow`` and ``.plot()``.

    Raises
    ------
    TypeError
        If `net` lacks one of the two methods, or states and inputs are not real numbers.
    ValueError
        If shapes do not fit one another, values are not finite, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> class Bistable:  # one unit that excites itself: off, on, and a saddle between them
    ...     n_units = 1
    ...     def step_function(self, states, inputs):
    ...         return np.tanh(2 * states + inputs)
    ...     def jacobian(self, states, inputs):
    ...         return (2 * (1 - np.tanh(2 * states + inputs) ** 2))[:, :, None]
    >>> found = fg.analysis.fixed_points(Bistable(), [0.0])
    >>> found
    <FixedPoints: 2 stable, 1 unstable; 0 slow; 0 of 100 starts ended nowhere>
    >>> np.sort(found.states.ravel()).round(3) + 0.0
    array([-0.958,  0.   ,  0.958])
    """
    for method in ("step_function", "jacobian"):
        if not callable(getattr(net, method, None)):
            raise TypeError(f"net is a {type(net).__name__} without {method}(states, inputs)")
    if callable(getattr(net, "astype", None)):
        # In single precision rounding hides where a slow point is slowest.
        net = net.astype(np.float64)
    n_starts, max_iter = as_count("n_starts", n_starts), as_count("max_iter", max_iter)
    if n_starts == 0:
        raise ValueError("n_starts is 0, expected at least one start")
    sizes = {"noise": noise, "tol": tol, "slow_tol": slow_tol, "distance": distance}
    for name, value in sizes.items():
        if not 0 <= as_number(name, value) < np.inf:
            raise ValueError(f"{name} is {value}, expected a number that is not negative")
    if slow_tol < tol:
        raise ValueError(f"slow_tol is {slow_tol}, expected at least tol, {tol}")
    drive = np.asarray(inputs)
    if drive.dtype.kind not in "iufb":
        raise TypeError(f"inputs has dtype {drive.dtype}, expected real numbers")
    if drive.ndim != 1 or not np.isfinite(drive).all():
        raise ValueError(f"inputs has shape {drive.shape}, expected one finite value for each input, (n_inputs,)")
    drive = drive.astype(np.float64)
    rng = np.random.default_rng(as_seed(seed))
    reference, starts = _starts(net, states, n_starts, noise, rng)
    scale = float(np.sqrt(np.mean(starts**2))) or 1.0

    ends, residuals, flat = descend(net, starts, drive, scale, max_iter)
    speeds = np.linalg.norm(residuals, axis=1)
    relative = speeds / (scale * np.sqrt(starts.shape[1]))
    fixed = relative <= tol
    radius = distance * scale * np.sqrt(starts.shape[1])
    firsts, counts = _distinct(ends, relative, np.flatnonzero(fixed), radius)
    candidates = np.flatnonzero(~fixed & flat & (relative <= slow_tol))
    slow_firsts, slow_counts = _distinct(ends, relative, candidates, radius)
    step = step_of(net, dt)

    def points(chosen: NDArray[np.intp], counts: NDArray[np.intp], slow: FixedPoints | None) -> FixedPoints:
        eigenvalues = eigenvalues_of(net, ends[chosen], np.tile(drive, (len(chosen), 1)))
        return FixedPoints(ends[chosen], drive, speeds[chosen], eigenvalues, counts, step, reference, n_starts, slow)

    return points(firsts, counts, points(slow_firsts, slow_counts, None))


def _starts(
    net: Any, states: Any, n_starts: int, noise: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The states that span the figure (n_trials, n_steps, S), and the starts (n_starts, S)."""
    if states is None:
        n_units = getattr(net, "n_units", None)
        if n_units is None:
            raise ValueError("states is None, but the network does not say its n_units: pass states to start from")
        starts = rng.normal(size=(n_starts, as_count("net.n_units", n_units)))
        return starts[:, None], starts
    found = state_vectors(states) if hasattr(states, "states") else np.asarray(states)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"states has dtype {found.dtype}, expected real numbers")
    found = found.astype(np.float64)
    if found.ndim not in (2, 3) or 0 in found.shape:
        raise ValueError(f"states has shape {found.shape}, expected (n_states, S) or (n_trials, n_steps, S)")
    if not np.isfinite(found).all():
        raise ValueError("states holds values that are not finite")
    found = found[:, None] if found.ndim == 2 else found
    rows = found.reshape(-1, found.shape[-1])
    # Each state once, before any comes twice.
    chosen = np.concatenate([rng.permutation(len(rows)) for _ in range(-(-n_starts // len(rows)))])[:n_starts]
    spread = float(np.sqrt(np.mean(rows**2))) or 1.0
    return found, rows[chosen] + noise * spread * rng.normal(size=(n_starts, rows.shape[1]))


def _distinct(
    ends: NDArray[np.float64], speeds: NDArray[np.float64], candidates: NDArray[np.intp], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which ends stand for a point each, the slowest of those near it, and how many do; the most reached first."""
    firsts: list[int] = []
    counts: list[int] = []
    left = candidates[np.argsort(speeds[candidates], kind="stable")]
    while left.size:
        near = np.linalg.norm(ends[left] - ends[left[0]], axis=1) <= radius
        firsts.append(int(left[0]))
        counts.append(int(near.sum()))
        left = left[~near]
    order = np.argsort(-np.array(counts, dtype=np.intp), kind="stable")
    return np.array(firsts, dtype=np.intp)[order], np.array(counts, dtype=np.intp)[order]
