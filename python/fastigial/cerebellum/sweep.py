"""One experiment: what K mossy inputs for each granule cell are worth, at a fixed number of synapses or of cells.

For every seed there is one set of mossy samples and patterns, which all layers meet: differences between layers are
within seeds. Layers are drawn anew for every seed, K and coding level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.cerebellum import expansion
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.cerebellum.mossy_input import correlated_mossy_input, granular_geometry
from fastigial.cerebellum.sweep_result import MEASURES, ExpansionSweep
from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.seeds import as_seed, derived
from fastigial.tensor.checks import as_count, as_number

__all__ = ["expansion_sweep"]

# Synapses for each mossy fibre: 209 000 granule cells with 4 inputs each over 7000 fibres.
_SYNAPSES = 836_000 / 7000
# Keys of the streams of a seed.
_SAMPLES, _PATTERNS, _LAYER, _PLACES, _LABELS = range(5)

Array = NDArray[np.float64]


def expansion_sweep(
    n_inputs: Sequence[int] = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20),
    coding_levels: Sequence[float] | float = (0.1,),
    *,
    n_mossy: int = 100,
    n_synapses: int | None = None,
    n_granule: int | None = None,
    measures: Sequence[str] = ("dimension", "classification_error"),
    activation: str = "binary",
    inhibition: float = 0.0,
    correlation: float = 0.0,
    correlation_length: float | None = None,
    diameter: float = 80e-6,
    n_samples: int = 400,
    n_patterns: int | None = None,
    noise: float = 0.5,
    criterion: float = 0.2,
    n_seeds: int = 5,
    seed: int = 0,
    n_threads: int | None = None,
) -> ExpansionSweep:
    r"""Measure layers with different numbers of inputs for each granule cell.

    At a fixed number S of synapses there are :math:`S / K` cells, rounded down: few inputs buy many cells, whose
    activity is alike; many inputs make cells share them. Weights are equal; thresholds are the cells' own, for the
    coding level.

    Parameters
    ----------
    n_inputs : sequence of int
        K.
    coding_levels : sequence of float, or float
        f.
    n_mossy : int
        M.
    n_synapses : int, optional
        S. Default: as many for each fibre as 209 000 cells with 4 inputs over 7000 fibres have, about 119, the sizes
        that Litwin-Kumar et al. (2017) estimate for the inputs of a Purkinje cell, as we remember them.
    n_granule : int, optional
        The same number of cells for each K instead.
    measures : sequence of str
        ``"dimension"``, ``"classification_error"`` and ``"learning_speed"`` (granule over mossy) are those of
        `fastigial.cerebellum.expansion`; ``"population_correlation"`` is that of the granule cells over that of the
        mossy fibres (`fastigial.analysis.population_correlation`).
    activation : {"binary", "relu"}
        What cells do.
    inhibition : float
        Feed-forward Golgi cells subtract :math:`\kappa = \text{inhibition} \cdot \sqrt K` times the mean of the
        fibres; at 1 a cell's weights and inhibition sum to zero.
    correlation : float
        Of any two fibres.
    correlation_length : float, optional
        Fibres and cells lie in a ball instead (`granular_geometry`), fibres are correlated over this length in
        metres, and wiring is local.
    diameter : float
        Of the ball.
    n_samples : int
        Samples for dimension, population correlation, and thresholds where fibres are correlated.
    n_patterns : int, optional
        Patterns to classify and to learn. Default: half as many as fibres, so that these alone can learn them.
    noise, criterion : float
        See `classification_error` and `learning_speed`.
    n_seeds : int
        Repetitions.
    seed : int
        For all of them.
    n_threads : int, optional
        1 to 1024; default: the package's setting.

    Returns
    -------
    ExpansionSweep

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be. Errors of classification are for independent fibres only: it is they
        that patterns are drawn for.

    Examples
    --------
    >>> import fastigial as fg
    >>> found = fg.cerebellum.expansion_sweep((1, 4, 16), n_mossy=50, n_seeds=3, n_samples=200)
    >>> found
    ExpansionSweep(3 seeds, 50 mossy fibres, K = 1 to 16, coding levels 0.1: dimension, classification_error)
    >>> found.best("dimension"), found.n_granule
    (array([4]), array([5971, 1492,  373]))
    """
    if isinstance(measures, str):
        raise TypeError(f"measures is {measures!r}, expected a sequence of names")
    n_mossy = as_count("n_mossy", n_mossy)
    n_seeds = as_count("n_seeds", n_seeds)
    plan = _Plan(
        n_inputs=np.array([as_count("n_inputs", k) for k in n_inputs]),
        coding_levels=np.atleast_1d(np.asarray(coding_levels, dtype=np.float64)),
        n_mossy=n_mossy,
        n_granule=_cells(n_inputs, n_mossy, n_synapses, n_granule),
        measures=tuple(dict.fromkeys(one_of("measures", name, MEASURES) for name in measures)),
        activation=activation,
        inhibition=as_positive("inhibition", inhibition, zero=True),
        correlation=as_number("correlation", correlation),
        correlation_length=correlation_length,
        diameter=diameter,
        n_samples=as_count("n_samples", n_samples),
        n_patterns=n_mossy // 2 if n_patterns is None else as_count("n_patterns", n_patterns),
        noise=noise,
        criterion=criterion,
        n_threads=n_threads,
    )
    plan.check()
    if n_seeds == 0:
        raise ValueError("n_seeds is 0, expected one or more")
    found = [plan.run(derived(as_seed("seed", seed), repeat)) for repeat in range(n_seeds)]
    values = {name: np.stack([one[name] for one in found]) for name in plan.measures}
    return ExpansionSweep(plan.n_inputs, plan.coding_levels, n_mossy, plan.n_granule, values, plan.expected())


def _cells(n_inputs: Sequence[int], n_mossy: int, n_synapses: int | None, n_granule: int | None) -> NDArray[np.int_]:
    """How many cells for each K."""
    if n_synapses is not None and n_granule is not None:
        raise ValueError(f"n_synapses is {n_synapses} and n_granule is {n_granule}, expected one of them")
    ks = np.array([as_count("n_inputs", k) for k in n_inputs])
    if ks.size == 0 or not 1 <= ks.min() <= ks.max() <= n_mossy:
        raise ValueError(f"n_inputs is {ks.tolist()}, expected 1 to {n_mossy}, the number of mossy fibres")
    if n_granule is not None:
        sizes = np.full(ks.shape, as_count("n_granule", n_granule))
    else:
        sizes = (round(_SYNAPSES * n_mossy) if n_synapses is None else as_count("n_synapses", n_synapses)) // ks
    if sizes.min() == 0:
        raise ValueError(f"there are no granule cells for n_inputs {ks[sizes == 0].tolist()}, expected one or more")
    return sizes


@dataclass(frozen=True)
class _Plan:
    """Arguments of `expansion_sweep`."""

    n_inputs: NDArray[np.int_]
    coding_levels: Array
    n_mossy: int
    n_granule: NDArray[np.int_]
    measures: tuple[str, ...]
    activation: str
    inhibition: float
    correlation: float
    correlation_length: float | None
    diameter: float
    n_samples: int
    n_patterns: int
    noise: float
    criterion: float
    n_threads: int | None

    @property
    def independent(self) -> bool:
        """Whether fibres are."""
        return self.correlation == 0 and self.correlation_length is None

    def check(self) -> None:
        """What single arguments do not show."""
        if self.coding_levels.ndim != 1 or self.coding_levels.size == 0:
            raise ValueError(f"coding_levels has shape {self.coding_levels.shape}, expected one or more numbers")
        if not self.measures:
            raise ValueError("measures is empty, expected one or more of " + ", ".join(map(repr, MEASURES)))
        if "classification_error" in self.measures and not self.independent:
            raise ValueError('"classification_error" is for independent fibres, expected no correlation')

    def run(self, seed: int) -> dict[str, Array]:
        """Each measure, (n_levels, n_K), on the same samples."""
        samples = self.mossy(self.n_samples, seed, _SAMPLES)
        patterns = self.mossy(self.n_patterns, seed, _PATTERNS)
        found = {name: np.empty((self.coding_levels.size, self.n_inputs.size)) for name in self.measures}
        for level, place in np.ndindex(self.coding_levels.size, self.n_inputs.size):
            layer = self.layer(level, place, seed)
            if not self.independent:
                layer.calibrate(samples, self.n_threads)
            for name in self.measures:
                found[name][level, place] = self.measure(name, layer, samples, patterns, derived(seed, _LABELS))
        return found

    def mossy(self, n: int, seed: int, key: int) -> Array:
        """Activity of fibres, (n, n_mossy)."""
        own = derived(seed, key)
        if self.correlation_length is None:
            return correlated_mossy_input(self.n_mossy, n, self.correlation, seed=own)
        geometry = granular_geometry(self.n_mossy, diameter=self.diameter, seed=derived(seed, _PLACES))
        return correlated_mossy_input(
            self.n_mossy, n, self.correlation, positions=geometry, length=self.correlation_length, seed=own
        )

    def layer(self, level: int, place: int, seed: int) -> GranuleLayer:
        """The layer for a coding level and a number of inputs."""
        n_granule = int(self.n_granule[place])
        geometry = None
        if self.correlation_length is not None:
            # Fibres are where they are for the samples, whatever the number of cells.
            own = derived(seed, _PLACES)
            geometry = granular_geometry(self.n_mossy, n_granule, diameter=self.diameter, seed=own)
        return GranuleLayer(
            self.n_mossy,
            n_granule,
            n_inputs=int(self.n_inputs[place]),
            coding_level=float(self.coding_levels[level]),
            activation=self.activation,
            golgi="feedforward" if self.inhibition else None,
            golgi_gain=self.gain(place),
            positions=geometry,
            seed=derived(seed, _LAYER, level, place),
        )

    def gain(self, place: int) -> float:
        """κ."""
        return float(self.inhibition * np.sqrt(self.n_inputs[place]))

    def measure(self, name: str, layer: GranuleLayer, samples: Array, patterns: Array, seed: int) -> float:
        """One measure of a layer."""
        threads = self.n_threads
        if name == "dimension":
            return expansion.dimension(layer, samples, n_threads=threads)
        if name == "classification_error":
            return expansion.classification_error(
                layer, self.n_patterns, noise=self.noise, seed=seed, n_threads=threads
            )
        if name == "learning_speed":
            return expansion.learning_speed(layer, patterns, criterion=self.criterion, n_threads=threads).ratio
        from fastigial.analysis import population_correlation

        return population_correlation(layer.run(samples, threads)) / population_correlation(samples)

    def expected(self) -> dict[str, Array]:
        """What theory says of the measures, as far as it does."""

        def table(of: Callable[..., float], **options: Any) -> Array:
            return np.array(
                [
                    [
                        of(
                            self.n_mossy,
                            int(n),
                            int(k),
                            float(f),
                            activation=self.activation,
                            golgi_gain=self.gain(place),
                            **options,
                        )
                        for place, (n, k) in enumerate(zip(self.n_granule, self.n_inputs, strict=True))
                    ]
                    for f in self.coding_levels
                ]
            )

        found = {}
        if "dimension" in self.measures and self.correlation_length is None:
            found["dimension"] = table(expansion.expected_dimension, correlation=self.correlation)
        if "classification_error" in self.measures:
            options = {"n_patterns": self.n_patterns, "noise": self.noise}
            found["classification_error"] = table(expansion.expected_classification_error, **options)
        return found
