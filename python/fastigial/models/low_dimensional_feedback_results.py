"""What networks with low-dimensional feedback did, and how it depends on the strength of the feedback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.generalization import cross_condition_generalization, task_dimensionality

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FeedbackRun", "FeedbackSweep"]

_N_TARGETS = 8


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackRun:
    """One network in a closed loop, at one strength of feedback.

    Attributes
    ----------
    feedback_ratio : float
        β/α.
    rates : ndarray, shape (n_repeats, 8, n_units)
        tanh x at the last step but one of each target, ordered by target.
    outputs : ndarray, shape (n_repeats, 8, 2)
        z at the same steps.
    readout : ndarray, shape (n_units, 2)
        W.
    unexplained : float
        Share of the targets' squares that W left unexplained in the run it was fitted to.
    """

    feedback_ratio: float
    rates: NDArray[Any]
    outputs: NDArray[Any]
    readout: NDArray[np.float64]
    unexplained: float

    @classmethod
    def of(
        cls,
        feedback_ratio: float,
        order: NDArray[np.intp],
        rates: NDArray[Any],
        outputs: NDArray[Any],
        readouts: NDArray[np.float64],
        unexplained: float,
    ) -> FeedbackRun:
        """Order samples, which came in the order in which targets were shown, by target."""
        by_target = np.argsort(order.reshape(-1, _N_TARGETS), axis=1) + _N_TARGETS * np.arange(
            len(order) // _N_TARGETS
        ).reshape(-1, 1)
        return cls(feedback_ratio, rates[by_target], outputs[by_target], readouts.T, unexplained)

    def __repr__(self) -> str:
        n_repeats, _, n_units = self.rates.shape
        return (
            f"<FeedbackRun: {n_units} units, ratio {self.feedback_ratio:g}, {n_repeats} repeats, "
            f"dimensionality {self.dimensionality:.2f}>"
        )

    @cached_property
    def patterns(self) -> NDArray[np.float64]:
        """Activity at each target, (8, n_units): mean over repeats."""
        return np.asarray(self.rates.mean(axis=0, dtype=np.float64))

    @property
    def targets(self) -> NDArray[np.float64]:
        """t_k, (8, 2)."""
        return targets()

    @cached_property
    def dimensionality(self) -> float:
        """Participation ratio of `patterns`, each unit standardised over targets; at most 7."""
        return task_dimensionality(self.patterns, np.arange(_N_TARGETS))

    @cached_property
    def generalization(self) -> float:
        """Mean accuracy over the four divisions of `fastigial.analysis.cross_condition_generalization`; chance is .5.

        Raises
        ------
        ImportError
            If scikit-learn is not installed.
        """
        return cross_condition_generalization(self.patterns, np.arange(_N_TARGETS)).accuracy

    @cached_property
    def error(self) -> float:
        """Mean square of ‖z − t_k‖ over samples; the targets' own mean square is 1."""
        return float(np.mean(np.sum((self.outputs - targets()) ** 2, axis=2)))

    def measured(self) -> FeedbackRun:
        """The same, after all measures were taken and activity was let go."""
        kept = (self.dimensionality, self.generalization, self.error, self.patterns)
        slim = FeedbackRun(self.feedback_ratio, self.rates[:0], self.outputs[:0], self.readout, self.unexplained)
        for name, value in zip(("dimensionality", "generalization", "error", "patterns"), kept, strict=True):
            slim.__dict__[name] = value
        return slim


def targets() -> NDArray[np.float64]:
    """Eight points of the unit circle, (8, 2)."""
    angles = 2 * np.pi * np.arange(_N_TARGETS) / _N_TARGETS
    return np.column_stack([np.cos(angles), np.sin(angles)])


@dataclass(frozen=True, eq=False, repr=False)
class FeedbackSweep:
    """Measures against the strength of feedback.

    Attributes
    ----------
    ratios : ndarray, shape (n_ratios,)
        β/α.
    seeds : ndarray, shape (n_networks,)
        One for each network.
    dimensionality, generalization : ndarray, shape (n_networks, n_ratios)
        See `FeedbackRun`.
    error, unexplained : ndarray, shape (n_networks, n_ratios)
        Of the closed loop, and of the readout's fit.
    """

    ratios: NDArray[np.float64]
    seeds: NDArray[np.uint64]
    dimensionality: NDArray[np.float64]
    generalization: NDArray[np.float64]
    error: NDArray[np.float64]
    unexplained: NDArray[np.float64]

    @classmethod
    def of(cls, ratios: NDArray[np.float64], seeds: Sequence[int], rows: list[list[FeedbackRun]]) -> FeedbackSweep:
        """Collect the measures of runs, network after network."""

        def table(name: str) -> NDArray[np.float64]:
            return np.array([[getattr(run, name) for run in runs] for runs in rows], dtype=np.float64)

        names = ("dimensionality", "generalization", "error", "unexplained")
        return cls(ratios, np.array(seeds, dtype=np.uint64), *(table(name) for name in names))

    def __repr__(self) -> str:
        d, g = self.dimensionality.mean(axis=0), self.generalization.mean(axis=0)
        return (
            f"<FeedbackSweep: {len(self.seeds)} networks, ratios {self.ratios[0]:g} to {self.ratios[-1]:g}: "
            f"dimensionality {d[0]:.2f} to {d[-1]:.2f}, generalisation {g[0]:.3f} to {g[-1]:.3f}>"
        )

    def join(self, other: FeedbackSweep) -> FeedbackSweep:
        """Networks of both, measured at the same ratios.

        Raises
        ------
        ValueError
            If ratios differ, or a network is in both.
        """
        if not np.array_equal(self.ratios, other.ratios):
            raise ValueError(f"other has the ratios {other.ratios}, expected {self.ratios}")
        twice = np.intersect1d(self.seeds, other.seeds)
        if len(twice):
            raise ValueError(f"other holds networks of the seeds {twice}, expected others than those there are")
        names = ("seeds", "dimensionality", "generalization", "error", "unexplained")
        return FeedbackSweep(self.ratios, *(np.concatenate([getattr(self, n), getattr(other, n)]) for n in names))

    def to_pandas(self) -> pd.DataFrame:
        """Mean, standard error and standard deviation over networks.

        Returns
        -------
        pandas.DataFrame
            Columns ``mean``, ``sem`` and ``sd`` (NaN for a single network), by ``measure`` and ``ratio``.
        """
        import pandas as pd

        rows = []
        for name in ("dimensionality", "generalization", "error", "unexplained"):
            for ratio, column in zip(self.ratios, getattr(self, name).T, strict=True):
                spread = float(column.std(ddof=1)) if len(column) > 1 else float("nan")
                rows.append((name, float(ratio), float(column.mean()), spread / np.sqrt(len(column)), spread))
        names = ["measure", "ratio"]
        return pd.DataFrame(rows, columns=[*names, "mean", "sem", "sd"]).set_index(names)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.feedback_sweep`, which takes the options."""
        from fastigial.plot.feedback_sweep import feedback_sweep

        return feedback_sweep(self, **options)
