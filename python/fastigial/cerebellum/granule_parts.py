"""What the arguments of a granule layer come to: sizes, wiring, weights, and thresholds before any sample is seen.

For independent standard normal mossy activity the sum of cell i is normal, with the variance

    without inhibition                 σ_i² = Σ_k w_ik²
    subtractive and feed-forward       σ_i² = Σ_k (w_ik − κ/M)² + (M − K) (κ/M)²

so that a threshold of its own is θ_i = σ_i z with z = Φ⁻¹(1 − f), and one for all solves mean_i Φ(−θ/σ_i) = f.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum.mossy_input import GranularGeometry, ball
from fastigial.cerebellum.temporal_basis import TemporalBasis
from fastigial.rnn.checks import as_positive, as_precision, one_of
from fastigial.rnn.seeds import as_seed, derived, stream
from fastigial.tensor.checks import as_count, as_number

__all__ = ["EXPANSION", "GranuleParts", "as_text", "draw", "normal_thresholds", "parts_of"]

# Cells for each mossy fibre, unless something else is asked for.
EXPANSION = 10.0
# SD of the logarithm of lognormal weights.
_SPREAD = 0.5
# Keys of the streams of a seed.
_WIRING, _WEIGHTS, _POSITIONS = 0, 1, 2

Array = NDArray[Any]


@dataclass(frozen=True)
class GranuleParts:
    """Checked arguments; see `GranuleLayer`."""

    n_mossy: int
    n_granule: int
    n_inputs: int
    coding_level: float
    activation: str
    weights: str
    threshold: str
    golgi: str | None
    inhibition: str
    golgi_gain: float
    basis: TemporalBasis | None
    geometry: GranularGeometry | None
    seed: int
    dtype: np.dtype[Any]


def parts_of(arguments: Mapping[str, Any]) -> GranuleParts:
    """Check arguments.

    Raises
    ------
    TypeError, ValueError
        If one of them is not what it should be.
    """
    n_mossy = as_count("n_mossy", arguments["n_mossy"])
    if n_mossy == 0:
        raise ValueError("n_mossy is 0, expected at least one mossy fibre")
    seed = as_seed("seed", arguments["seed"])
    n_granule, geometry = _cells(arguments, n_mossy, seed)
    n_inputs = as_count("n_inputs", arguments["n_inputs"])
    if not 1 <= n_inputs <= n_mossy:
        raise ValueError(f"n_inputs is {n_inputs}, expected 1 to {n_mossy}, the number of mossy fibres")
    coding_level = as_number("coding_level", arguments["coding_level"])
    if not 0 < coding_level < 1:
        raise ValueError(f"coding_level is {coding_level}, expected a number between 0 and 1")
    golgi = arguments["golgi"]
    if golgi is not None:
        golgi = one_of("golgi", golgi, ("feedforward", "feedback"))
    golgi_gain = as_positive("golgi_gain", arguments["golgi_gain"], zero=True)
    if golgi is None and golgi_gain > 0:
        raise ValueError(f'golgi_gain is {golgi_gain:g} without inhibition, expected golgi="feedforward" or "feedback"')
    basis = arguments["basis"]
    if basis is not None and not isinstance(basis, TemporalBasis):
        raise TypeError(f"basis is {basis!r}, expected a TemporalBasis or None")
    return GranuleParts(
        n_mossy=n_mossy,
        n_granule=n_granule,
        n_inputs=n_inputs,
        coding_level=coding_level,
        activation=one_of("activation", arguments["activation"], ("relu", "binary")),
        weights=one_of("weights", arguments["weights"], ("equal", "normal", "lognormal")),
        threshold=one_of("threshold", arguments["threshold"], ("cell", "layer")),
        golgi=golgi,
        inhibition=one_of("inhibition", arguments["inhibition"], ("subtractive", "divisive")),
        golgi_gain=golgi_gain,
        basis=basis,
        geometry=geometry,
        seed=seed,
        dtype=as_precision(arguments["dtype"]),
    )


def _cells(arguments: Mapping[str, Any], n_mossy: int, seed: int) -> tuple[int, GranularGeometry | None]:
    """How many cells, and where they are."""
    n_granule, expansion, positions = (arguments[name] for name in ("n_granule", "expansion", "positions"))
    known = positions if isinstance(positions, GranularGeometry) else None
    if n_granule is not None and expansion is not None:
        raise ValueError(f"n_granule is {n_granule} and expansion is {expansion}, expected one of them")
    if n_granule is not None:
        n = as_count("n_granule", n_granule)
    elif expansion is None and known is not None:
        n = known.n_granule
    else:
        wanted = as_positive("expansion", EXPANSION if expansion is None else expansion) * n_mossy
        n = as_count("expansion · n_mossy", round(wanted))
    if n == 0:
        raise ValueError("n_granule comes to 0, expected at least one cell")
    if known is not None:
        if (n_mossy, n) != (known.n_mossy, known.n_granule):
            raise ValueError(
                f"positions are those of {known.n_mossy} mossy fibres and {known.n_granule} cells, "
                f"expected those of {n_mossy} and {n}"
            )
        return n, known
    if positions is None:
        return n, None
    mossy = np.asarray(positions, dtype=np.float64)
    if mossy.ndim != 2 or len(mossy) != n_mossy or mossy.shape[1] == 0 or not np.isfinite(mossy).all():
        raise ValueError(f"positions have shape {mossy.shape}, expected ({n_mossy}, d), finite")
    middle = mossy.mean(axis=0)
    radius = float(np.linalg.norm(mossy - middle, axis=1).max())
    granule = middle + ball(n, mossy.shape[1], radius, stream(seed, _POSITIONS))
    return n, GranularGeometry(mossy, granule, radius, 0.0)


def draw(parts: GranuleParts) -> dict[str, Array]:
    """Sources and weights of each cell."""
    if parts.geometry is None:
        seed = derived(parts.seed, _WIRING)
        sources = _core.random_wiring(parts.n_mossy, parts.n_granule, parts.n_inputs, seed=seed)
    else:
        geometry = parts.geometry
        sources = _core.local_wiring(geometry.mossy, geometry.granule, parts.n_inputs, length=geometry.dendrite_length)
    size = 1 / np.sqrt(parts.n_inputs)
    rng = stream(parts.seed, _WEIGHTS)
    if parts.weights == "equal":
        weights = np.full(sources.shape, size)
    elif parts.weights == "normal":
        weights = size * rng.standard_normal(sources.shape)
    else:
        # E w² = exp(2 μ + 2 SD²) is 1 for μ = −SD².
        weights = size * np.exp(_SPREAD * rng.standard_normal(sources.shape) - _SPREAD**2)
    return {"sources": sources, "weights": weights.astype(parts.dtype)}


def normal_thresholds(parts: GranuleParts, weights: Array) -> Array:
    """Thresholds for independent standard normal mossy activity; see the head of this file."""
    w = weights.astype(np.float64)
    variance = np.sum(w**2, axis=1)
    if (parts.golgi, parts.inhibition) == ("feedforward", "subtractive"):
        share = parts.golgi_gain / parts.n_mossy
        variance = np.sum((w - share) ** 2, axis=1) + (parts.n_mossy - parts.n_inputs) * share**2
    sd = np.sqrt(variance)
    z = NormalDist().inv_cdf(1 - parts.coding_level)
    if parts.threshold == "cell" or np.ptp(sd) <= 1e-12 * sd.max():
        thresholds = sd * z
    else:
        thresholds = np.full(len(sd), _common(sd, z, parts.coding_level))
    return np.asarray(thresholds.astype(parts.dtype))


def _common(sd: NDArray[np.float64], z: float, coding_level: float) -> float:
    """θ with mean Φ(−θ/σ_i) = f, which lies between σ_i z of the smallest and of the largest σ_i."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def excess(theta: float) -> float:
        return float(ndtr(-theta / sd).mean()) - coding_level

    # No input, no spread: a cell that is never driven has the share of those above 0 or below.
    sd = np.maximum(sd, 1e-12 * sd.max())
    low, high = sorted((float(sd.min()) * z, float(sd.max()) * z))
    return float(brentq(excess, low - 1e-12, high + 1e-12, xtol=1e-14))


def as_text(arguments: Mapping[str, Any]) -> str:
    """The call that makes such a layer: what is not as by default."""
    from fastigial.cerebellum.granule_layer import GranuleLayer

    known = inspect.signature(GranuleLayer.__init__).parameters
    shown = []
    for name, value in arguments.items():
        default = known[name].default
        if isinstance(value, np.ndarray | list) or hasattr(value, "__array__"):
            shown.append(f"{name}=<array {np.shape(value)}>")
        elif default is inspect.Parameter.empty or (value is not default and value != default):
            shown.append(f"{name}={value!r}")
    return f"GranuleLayer({', '.join(shown)})"
