"""What an expansion sweep found: measures by seed, coding level and number of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import one_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["MEASURES", "ExpansionSweep"]

MEASURES = ("dimension", "classification_error", "learning_speed", "population_correlation")
# Smaller is better.
_COSTS = ("classification_error", "population_correlation")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExpansionSweep:
    """What `expansion_sweep` found.

    Attributes
    ----------
    n_inputs : ndarray of int, shape (n_K,)
        K.
    coding_levels : ndarray, shape (n_levels,)
        f.
    n_mossy : int
        Number of mossy fibres.
    n_granule : ndarray of int, shape (n_K,)
        Number of granule cells for each K.
    values : dict of str to ndarray, shape (n_seeds, n_levels, n_K)
        Each measure.
    expected : dict of str to ndarray, shape (n_levels, n_K)
        What theory says of it, as far as it does.
    """

    n_inputs: NDArray[np.int_]
    coding_levels: Array
    n_mossy: int
    n_granule: NDArray[np.int_]
    values: dict[str, Array]
    expected: dict[str, Array]

    def __repr__(self) -> str:
        levels = ", ".join(f"{f:g}" for f in self.coding_levels)
        return (
            f"ExpansionSweep({self.n_seeds} seeds, {self.n_mossy} mossy fibres, K = {self.n_inputs.min()} to "
            f"{self.n_inputs.max()}, coding levels {levels}: {', '.join(self.values)})"
        )

    @property
    def n_seeds(self) -> int:
        """Number of seeds."""
        return len(next(iter(self.values.values())))

    def mean(self, measure: str) -> Array:
        """Mean over seeds, (n_levels, n_K)."""
        return np.asarray(self._of(measure).mean(axis=0))

    def sem(self, measure: str) -> Array:
        """Standard error of the mean over seeds, (n_levels, n_K); NaN from a single seed."""
        found = self._of(measure)
        if len(found) < 2:
            return np.full(found.shape[1:], np.nan)
        return np.asarray(found.std(axis=0, ddof=1) / np.sqrt(len(found)))

    def best(self, measure: str) -> NDArray[np.int_]:
        """The K with the best mean for each coding level, (n_levels,): errors and correlations are best small."""
        return np.asarray(self.n_inputs[self._rank(measure, self.mean(measure))])

    def best_by_seed(self, measure: str) -> NDArray[np.int_]:
        """The best K of each seed and coding level, (n_seeds, n_levels), which says how sure `best` is."""
        return np.asarray(self.n_inputs[self._rank(measure, self._of(measure))])

    def to_pandas(self) -> pd.DataFrame:
        """One row for each measure, coding level and K: mean, standard error, and what was expected."""
        import pandas as pd

        rows = []
        for measure in self.values:
            mean, sem = self.mean(measure), self.sem(measure)
            expected = self.expected.get(measure, np.full(mean.shape, np.nan))
            for level, f in enumerate(self.coding_levels):
                for place, k in enumerate(self.n_inputs):
                    numbers = (mean[level, place], sem[level, place], expected[level, place])
                    rows.append((measure, f, k, self.n_granule[place], *numbers))
        names = ["measure", "coding_level", "n_inputs", "n_granule", "mean", "sem", "expected"]
        return pd.DataFrame(rows, columns=names)

    def plot(self, **options: Any) -> Figure:
        """Draw it; see `fastigial.plot.expansion`."""
        from fastigial import plot

        return plot.expansion(self, **options)

    def _of(self, measure: str) -> Array:
        one_of("measure", measure, tuple(self.values))
        return self.values[measure]

    def _rank(self, measure: str, values: Array) -> NDArray[np.intp]:
        ranks = np.argmin(values, axis=-1) if measure in _COSTS else np.argmax(values, axis=-1)
        return np.asarray(ranks)
