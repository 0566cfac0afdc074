"""Initial weights.

An initialiser is called as ``initialiser(shape, rng, mask)`` with the shape (rows, columns) of one block of weights
(one gate, in gated cells), a `numpy.random.Generator` and the block's connections (True where one exists), and
returns an array of that shape; entries without a connection are set to 0 afterwards. Any function will do.

    symbol   name              shape
    k_i      in-degree         (rows,)      connections that row i receives
    g        gain              ()
    ρ        spectral radius   ()           largest |eigenvalue|

With entries of SD g / √k_i, the variances of each row sum to g², whatever the mask, and the spectral radius of a large
square block tends to g (the circular law for a profile of variances: its radius is the root of the profile's own
spectral radius).

Sommers, Crisanti, Sompolinsky & Stein, Phys Rev Lett 60:1895, 1988; Saxe, McClelland & Ganguli, ICLR 2014 (orthogonal).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Constant",
    "Gaussian",
    "Initialiser",
    "Orthogonal",
    "Sparse",
    "TwoUniforms",
    "Uniform",
    "as_initialiser",
    "spectral_radius",
]

Weights = NDArray[np.float64]
Connections = NDArray[np.bool_]


class Initialiser(Protocol):
    """What draws one block of weights."""

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Any:
        """Draw an array of this shape."""


def spectral_radius(weights: NDArray[Any]) -> float:
    """Largest absolute value of the eigenvalues of a square matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.rnn.initialisers import spectral_radius
    >>> spectral_radius(np.diag([0.5, -2.0]))
    2.0
    """
    return float(np.abs(np.linalg.eigvals(weights)).max(initial=0.0))


def _with_radius(weights: Weights, radius: float) -> Weights:
    rows, columns = weights.shape
    if rows != columns:
        raise ValueError(f"spectral_radius is for square weights, got the shape {weights.shape}; give a gain")
    found = spectral_radius(weights)
    if found == 0.0:
        raise ValueError("spectral_radius cannot be set: the connections hold no loop, so that all eigenvalues are 0")
    return weights * (radius / found)


def _per_row(mask: Connections) -> Weights:
    """1 / √k_i, (rows, 1)."""
    return np.asarray(1.0 / np.sqrt(np.maximum(mask.sum(axis=1, keepdims=True), 1)), dtype=np.float64)


@dataclass(frozen=True)
class Gaussian:
    """Normal weights of mean 0 and SD g / √k_i, k_i being the connections that row i receives.

    Parameters
    ----------
    gain : float
        g. The spectral radius of a large square block is then about g.
    spectral_radius : float, optional
        Scale a square block to exactly this spectral radius instead.
    sd : float, optional
        One SD for all entries instead of g / √k_i.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.rnn.initialisers import Gaussian, spectral_radius
    >>> draw = Gaussian(spectral_radius=1.2)((50, 50), np.random.default_rng(0), np.ones((50, 50), bool))
    >>> round(spectral_radius(draw), 12)
    1.2
    """

    gain: float = 1.0
    spectral_radius: float | None = None
    sd: float | None = None

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Draw an array of this shape."""
        scale = self.gain * _per_row(mask) if self.sd is None else self.sd
        weights = np.where(mask, scale * rng.standard_normal(shape), 0.0)
        return weights if self.spectral_radius is None else _with_radius(weights, self.spectral_radius)


@dataclass(frozen=True)
class Orthogonal:
    """Gain times a random orthogonal matrix, uniform over all of them; of other shapes, orthonormal rows or columns.

    Raises a ValueError, when it is called, if some connections do not exist: nothing orthogonal would remain.
    """

    gain: float = 1.0

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Draw an array of this shape."""
        if not mask.all():
            raise ValueError(f"orthogonal weights need every connection, but {int((~mask).sum())} do not exist")
        tall = rng.standard_normal((max(shape), min(shape)))
        q, r = np.linalg.qr(tall)
        # LAPACK chooses the signs of the diagonal of R; without them, Q is uniform (Haar).
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        return self.gain * (q if shape[0] >= shape[1] else q.T)


@dataclass(frozen=True)
class Sparse:
    """Few non-zero normal weights in each row; the others start at 0 and may grow (for those that never do: `density`).

    Parameters
    ----------
    density : float
        Share of a row's connections that start away from 0, above 0 and up to 1; at least one.
    gain : float
        g: the non-zero weights have SD g / √(their number in the row).
    """

    density: float = 0.1
    gain: float = 1.0

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Draw an array of this shape."""
        if not 0.0 < self.density <= 1.0:
            raise ValueError(f"density is {self.density}, expected above 0 and up to 1")
        rank = np.argsort(np.argsort(np.where(mask, rng.random(shape), 2.0), axis=1), axis=1)
        wanted = np.maximum(np.round(self.density * mask.sum(axis=1, keepdims=True)), 1.0)
        chosen = mask & (rank < wanted)
        return np.where(chosen, self.gain * _per_row(chosen) * rng.standard_normal(shape), 0.0)


@dataclass(frozen=True)
class Uniform:
    """Uniform weights within ± bound; 1 / √(number of columns) unless given, as PyTorch has it for linear layers."""

    bound: float | None = None

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Draw an array of this shape."""
        del mask
        bound = 1.0 / np.sqrt(max(shape[1], 1)) if self.bound is None else self.bound
        return np.asarray(rng.uniform(-bound, bound, shape))


@dataclass(frozen=True)
class TwoUniforms:
    """Sums of two uniform draws: what the two biases of PyTorch's recurrent cells come to.

    Parameters
    ----------
    bound : float
        Each of the two is uniform within ±bound.
    """

    bound: float

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Draw."""
        draw = Uniform(self.bound)
        return draw(shape, rng, mask) + draw(shape, rng, mask)


@dataclass(frozen=True)
class Constant:
    """The same weight everywhere."""

    value: float = 0.0

    def __call__(self, shape: tuple[int, int], rng: np.random.Generator, mask: Connections) -> Weights:
        """Return an array of this shape."""
        del rng, mask
        return np.full(shape, float(self.value))


_BY_NAME: dict[str, Callable[[], Initialiser]] = {
    "gaussian": Gaussian,
    "orthogonal": Orthogonal,
    "sparse": Sparse,
    "uniform": Uniform,
    "zeros": Constant,
}


def as_initialiser(name: str, value: Any) -> Initialiser:
    """An initialiser from its name, or the function that it is already; `name` is the argument's, for messages."""
    if isinstance(value, str):
        if value not in _BY_NAME:
            raise ValueError(f"{name} is {value!r}, expected one of {', '.join(_BY_NAME)}, a function or an array")
        return _BY_NAME[value]()
    if not callable(value):
        raise TypeError(f"{name} is {value!r}, expected the name of an initialiser, a function or an array")
    initialiser: Initialiser = value
    return initialiser
