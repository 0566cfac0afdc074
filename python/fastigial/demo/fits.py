"""Both decompositions of a recording, timed, and what each component does from trial to trial."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastigial.convergence import ConvergenceWarning
from fastigial.demo.ranks import RankChoice
from fastigial.demo.sources import UserError
from fastigial.recording import Recording
from fastigial.tensor import TCA, SliceTCA

__all__ = ["AnyFit", "Course", "Fit", "congruence", "courses_of", "fit_slicetca", "fit_tca"]

Model = TypeVar("Model", TCA, SliceTCA)

# Starts whose loss lies within this share of the best are counted as the same end.
SAME_END = 1e-3


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model with how it was found."""

    name: str
    model: Model
    choice: RankChoice
    seconds: float

    @property
    def ends(self) -> NDArray[np.float64]:
        """Loss at which each start ended, (n_starts,)."""
        ends = np.asarray(self.model.restart_losses_, dtype=np.float64)
        return ends if ends.size else np.array([self.model.loss_])

    @property
    def n_at_best(self) -> int:
        """How many starts ended within 0.1 % of the best."""
        return int(np.sum(self.ends <= self.ends.min() * (1 + SAME_END)))

    @property
    def n_parameters(self) -> int:
        """Numbers that the model holds (without subtracting what its invariances leave free)."""
        if isinstance(self.model, TCA):
            return sum(factor.size for factor in self.model.factors_)
        return sum(part.size for part in (*self.model.loadings_, *self.model.slices_))


AnyFit = Fit[TCA] | Fit[SliceTCA]


@dataclass(frozen=True)
class Course:
    """What one component does from trial to trial.

    Attributes
    ----------
    name : str
        Such as "component 2" or "neuron-slicing 0".
    rows : ndarray, shape (n_trials, d)
        All that the component says of a trial: one number, or a row of its slice.
    scores : ndarray, shape (n_trials,)
        That in one number: itself, or the row's score on the first principal component of the rows.
    """

    name: str
    rows: NDArray[np.float64]
    scores: NDArray[np.float64]


def fit_tca(recording: Recording, choice: RankChoice, *, nonnegative: bool, n_starts: int, seed: int) -> Fit[TCA]:
    """Fit TCA with the chosen number of components from `n_starts` starts."""
    model = TCA(choice.rank[0], nonnegative=nonnegative, n_init=n_starts, random_state=seed)
    return _fitted("TCA", "--tca-components", model, recording, choice)


def fit_slicetca(recording: Recording, choice: RankChoice, *, seed: int) -> Fit[SliceTCA]:
    """Fit SliceTCA with the chosen ranks, restarted until no new end is expected."""
    model = SliceTCA((choice.rank[0], choice.rank[1], choice.rank[2]), random_state=seed)
    return _fitted("SliceTCA", "--slicetca-components", model, recording, choice)


def _fitted(name: str, argument: str, model: Model, recording: Recording, choice: RankChoice) -> Fit[Model]:
    started = time.perf_counter()
    with warnings.catch_warnings():
        # The report and the console say how the fit ended; a warning on top would say it twice.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(recording)
        except ValueError as error:
            raise UserError(f"{argument} {','.join(map(str, choice.rank))}: {error}") from error
    return Fit(name, model, choice, time.perf_counter() - started)


def courses_of(model: TCA | SliceTCA) -> tuple[Course, ...]:
    """Return what each component of a model does from trial to trial.

    Of TCA these are the trial factors. A trial-slicing component of SliceTCA has a loading per trial; a
    neuron- or time-slicing component has a whole row of its slice per trial, which is reduced to its first
    principal component.

    Parameters
    ----------
    model : fitted TCA or SliceTCA

    Returns
    -------
    tuple of Course

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.demo.fits import courses_of
    >>> recording = fg.datasets.make_slicetca((30, 20, 25), (1, 1, 0), seed=0)
    >>> model = fg.SliceTCA((1, 1, 0), random_state=0).fit(recording)
    >>> [(course.name, course.rows.shape) for course in courses_of(model)]
    [('trial-slicing 0', (30, 1)), ('neuron-slicing 0', (30, 25))]
    """
    if isinstance(model, TCA):
        trials = np.asarray(model.factors_[0], dtype=np.float64)
        return tuple(_course(f"component {r}", column[:, None]) for r, column in enumerate(trials.T))
    courses = [
        _course(f"trial-slicing {r}", loading[:, None].astype(np.float64))
        for r, loading in enumerate(model.loadings_[0])
    ]
    for axis, kind in ((1, "neuron"), (2, "time")):
        courses += [_course(f"{kind}-slicing {r}", rows) for r, rows in enumerate(model.slices_[axis])]
    return tuple(courses)


def _course(name: str, rows: NDArray[Any]) -> Course:
    rows = np.asarray(rows, dtype=np.float64)
    if rows.shape[1] == 1:
        return Course(name, rows, rows[:, 0])
    left, sizes, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    # The sign of a principal component is free: let its largest part point up.
    sign = np.sign(right[0][np.argmax(np.abs(right[0]))]) or 1.0
    return Course(name, rows, sign * sizes[0] * left[:, 0])


def congruence(model: TCA) -> float:
    """Return the most extreme product of cosines between two components; NaN for a single component.

    Near −1 two components are almost the same and cancel (a degenerate solution), near 1 one would have done.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.demo.fits import congruence
    >>> model = fg.TCA(2, random_state=0).fit(fg.datasets.make_tca((30, 20, 25), 2, seed=0))
    >>> abs(congruence(model)) < 0.2
    True
    """
    cosines = np.ones((len(model.weights_), len(model.weights_)))
    for factor in model.factors_:
        cosines *= np.asarray(factor, dtype=np.float64).T @ np.asarray(factor, dtype=np.float64)
    pairs = cosines[np.triu_indices(len(cosines), k=1)]
    return float(pairs[np.argmax(np.abs(pairs))]) if pairs.size else float("nan")
