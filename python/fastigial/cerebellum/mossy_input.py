"""Activity of mossy fibres for simulations, and where fibres and granule cells lie.

    independent or alike   ξ = √c z_s + √(1 − c) ε        cov(ξ_i, ξ_j) = c for any two fibres
    by distance            ξ ~ N(0, C),  C_ij = exp(−d_ij² / (2 ℓ²))
    binary                 [ξ > Φ⁻¹(1 − a)]: a share a of all entries is 1

    symbol  name         shape
    ξ       (returned)   (n_samples, n_mossy)
    c       correlation  ()
    d_ij    distance of two fibres, from positions (n_mossy, d)
    ℓ       length       ()
    a       active       ()

Thresholded normal variables as correlated binary ones: Macke, Berens, Ecker, Tolias & Bethge (Neural Comput 21:397,
2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.rnn.checks import as_positive
from fastigial.rnn.seeds import as_seed, stream
from fastigial.tensor.checks import as_count, as_number

__all__ = ["GranularGeometry", "ball", "correlated_mossy_input", "granular_geometry"]

# Keys of the streams of a seed.
_MOSSY, _GRANULE = 0, 1
# Eigenvalues of a covariance below this share of the largest are rounding.
_ROUNDING = 1e-12

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GranularGeometry:
    """Where mossy fibres and granule cells lie.

    Attributes
    ----------
    mossy : ndarray, shape (n_mossy, d)
        Positions of the fibres' terminals, in metres.
    granule : ndarray, shape (n_granule, d)
        Positions of the cells.
    radius : float
        Radius of the ball that holds them.
    dendrite_length : float
        Each cell takes the fibres whose distance from it is closest to this; 0: the nearest.
    """

    mossy: Points
    granule: Points
    radius: float
    dendrite_length: float

    def __post_init__(self) -> None:
        for name in ("mossy", "granule"):
            points = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            if points.ndim != 2 or 0 in points.shape or not np.isfinite(points).all():
                raise ValueError(f"{name} has shape {points.shape}, expected (points, dimensions), finite")
            object.__setattr__(self, name, points)
        if self.mossy.shape[1] != self.granule.shape[1]:
            raise ValueError(
                f"granule has {self.granule.shape[1]} dimensions, expected {self.mossy.shape[1]}, those of mossy"
            )
        object.__setattr__(self, "radius", as_positive("radius", self.radius, zero=True))
        object.__setattr__(self, "dendrite_length", as_positive("dendrite_length", self.dendrite_length, zero=True))

    def __repr__(self) -> str:
        return f"GranularGeometry(n_mossy={self.n_mossy}, n_granule={self.n_granule}, radius={self.radius:g})"

    @property
    def n_mossy(self) -> int:
        """Number of mossy fibres."""
        return len(self.mossy)

    @property
    def n_granule(self) -> int:
        """Number of granule cells."""
        return len(self.granule)


def ball(n_points: int, n_dimensions: int, radius: float, rng: np.random.Generator) -> Points:
    """Points (n_points, n_dimensions) drawn evenly from a ball about 0."""
    directions = rng.standard_normal((n_points, n_dimensions))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Volume grows with the d-th power of the distance.
    return np.asarray(radius * directions * rng.random((n_points, 1)) ** (1 / n_dimensions))


def granular_geometry(
    n_mossy: int = 187,
    n_granule: int = 487,
    *,
    diameter: float = 80e-6,
    dendrite_length: float = 15e-6,
    seed: int = 0,
) -> GranularGeometry:
    """Mossy fibres and granule cells in a ball of the granular layer.

    The numbers are those of the local network of Cayco-Gajic, Clopath & Silver (Nat Commun 8:1116, 2017), after
    Billings, Piasini, Lőrincz, Nusser & Silver (Neuron 83:960, 2014), as far as we remember them: 187 mossy fibres
    and 487 granule cells within 80 µm, and dendrites of about 15 µm. We take 80 µm to be the diameter: densities of
    1.9 million granule cells and 0.66 million terminals in a cubic millimetre give 509 and 177 then, and eight times
    as many if it were the radius. Positions drawn evenly and independently, and the choice of the fibres whose
    distance is closest to the length of a dendrite, are designs of this package.

    Parameters
    ----------
    n_mossy, n_granule : int
        Numbers of fibres and cells.
    diameter : float
        Of the ball, in metres.
    dendrite_length : float
        In metres; see `GranularGeometry`.
    seed : int
        For the positions.

    Returns
    -------
    GranularGeometry
        For `GranuleLayer(n_mossy, positions=geometry)` and `correlated_mossy_input`.

    Raises
    ------
    TypeError, ValueError
        If a number is not one, or out of range.

    Examples
    --------
    >>> import fastigial as fg
    >>> geometry = fg.cerebellum.granular_geometry(seed=0)
    >>> layer = fg.cerebellum.GranuleLayer(187, positions=geometry, n_inputs=4)
    >>> layer.n_granule, layer.sources.shape
    (487, (487, 4))
    """
    n_mossy, n_granule = as_count("n_mossy", n_mossy), as_count("n_granule", n_granule)
    seed = as_seed("seed", seed)
    radius = 0.5 * as_positive("diameter", diameter)
    mossy = ball(n_mossy, 3, radius, stream(seed, _MOSSY))
    granule = ball(n_granule, 3, radius, stream(seed, _GRANULE))
    return GranularGeometry(mossy, granule, radius, dendrite_length)


def correlated_mossy_input(
    n_mossy: int,
    n_samples: int,
    correlation: float = 0.0,
    *,
    positions: GranularGeometry | ArrayLike | None = None,
    length: float | None = None,
    active: float | None = None,
    seed: int = 0,
) -> NDArray[np.float64]:
    r"""Draw activity of mossy fibres that are correlated: all alike, or the more the closer they are.

    .. math:: \xi = \sqrt{c}\, z_s + \sqrt{1 - c}\, \varepsilon, \qquad \text{or} \quad
        \xi \sim N(0, C), \; C_{ij} = e^{-d_{ij}^2 / 2\ell^2}

    Spatially correlated patterns are those of Cayco-Gajic, Clopath & Silver (Nat Commun 8:1116, 2017) in spirit; that
    correlations fall off as a Gaussian, and that `correlation` and `length` are those *before* fibres are made binary,
    are choices of this package. Binary fibres are less correlated.

    Parameters
    ----------
    n_mossy, n_samples : int
        Numbers of fibres and of samples, which are independent.
    correlation : float
        c of any two fibres, 0 to 1; only without `positions`.
    positions : GranularGeometry or array_like, shape (n_mossy, d), optional
        Where the fibres are.
    length : float, optional
        :math:`\ell`, in the units of the positions; needed with them. 0: independent fibres.
    active : float, optional
        Make fibres binary, with this share of ones. Default: standard normal activity.
    seed : int
        For the draws.

    Returns
    -------
    ndarray, shape (n_samples, n_mossy)

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be, or `length` and `positions` do not come together.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> x = fg.cerebellum.correlated_mossy_input(50, 4000, 0.3, seed=0)
    >>> f"{fg.analysis.mean_correlation(x):.1f}"
    '0.3'
    >>> geometry = fg.cerebellum.granular_geometry(seed=0)
    >>> y = fg.cerebellum.correlated_mossy_input(187, 100, positions=geometry, length=20e-6, active=0.5)
    >>> y.shape, np.unique(y)
    ((100, 187), array([0., 1.]))
    """
    n_mossy, n_samples = as_count("n_mossy", n_mossy), as_count("n_samples", n_samples)
    correlation = as_number("correlation", correlation)
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation is {correlation}, expected 0 to 1")
    if (positions is None) != (length is None):
        raise ValueError("positions and length come together: fibres at these places, correlated over this length")
    if active is not None and not 0 < as_number("active", active) < 1:
        raise ValueError(f"active is {active}, expected a number between 0 and 1")
    rng = stream(as_seed("seed", seed))
    own = rng.standard_normal((n_samples, n_mossy))
    if positions is None:
        common = rng.standard_normal((n_samples, 1))
        x = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    elif correlation != 0:
        raise ValueError(f"correlation is {correlation} beside positions, expected one of them")
    else:
        x = own @ _root(_places(positions, n_mossy), as_positive("length", length, zero=True))
    if active is not None:
        x = (x > NormalDist().inv_cdf(1 - active)).astype(np.float64)
    return np.asarray(x)


def _places(positions: GranularGeometry | ArrayLike, n_mossy: int) -> Points:
    given = positions.mossy if isinstance(positions, GranularGeometry) else positions
    points: Points = np.asarray(given, dtype=np.float64)
    if points.ndim != 2 or len(points) != n_mossy or not np.isfinite(points).all():
        raise ValueError(f"positions have shape {points.shape}, expected ({n_mossy}, d), finite")
    return points


def _root(points: Points, length: float) -> Points:
    """The symmetric square root of C."""
    if length == 0:
        return np.eye(len(points))
    squares = np.sum(points**2, axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    values, vectors = np.linalg.eigh(np.exp(-0.5 * distances / length**2))
    values = np.where(values > _ROUNDING * values[-1], values, 0.0)
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)
