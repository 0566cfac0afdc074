"""How many components: predict blocks of time that were kept out of the fit.

For a random fifth of all trial × neuron pairs, a block of time is held out for testing; on both sides of it a
buffer is used by neither fit nor test, for smoothing makes neighbours in time alike. A model is fitted to the
rest and scored by 1 − Σ(x − x̂)² / Σx² over the held-out blocks. Of the ranks whose mean score lies within
one standard error of the best, the smallest is taken.

This is a small sweep (few splits, one start each, a loose tolerance) to have a defensible number for a
report.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.convergence import ConvergenceWarning
from fastigial.recording import Recording
from fastigial.tensor import TCA, SliceTCA

__all__ = ["RankChoice", "Score", "choose", "choose_slicetca", "choose_tca", "hold_out"]

MOST_COMPONENTS = 8
SHARE = 0.2
N_SPLITS, N_SPLITS_OF_LARGE, LARGE = 4, 2, 1_000_000
TOL, MAX_ITER_TCA, MAX_ITER_SLICETCA = 1e-5, 60, 25
SLICE_RANKS = (
    (1, 0, 0),
    (0, 1, 0),
    (0, 0, 1),
    (2, 0, 0),
    (1, 1, 0),
    (0, 2, 0),
    (3, 0, 0),
    (2, 1, 0),
    (1, 2, 0),
    (1, 1, 1),
    (3, 1, 0),
    (2, 2, 0),
)

Rank = tuple[int, ...]


@dataclass(frozen=True)
class Score:
    """Held-out score of one rank: a value per split."""

    rank: Rank
    splits: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """Mean over splits."""
        return float(np.mean(self.splits))

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; splits overlap, so that it is a rough guide."""
        return float(np.std(self.splits, ddof=1) / np.sqrt(len(self.splits)))


@dataclass(frozen=True)
class RankChoice:
    """A rank and where it comes from: the scores it was chosen by, or why there are none."""

    rank: Rank
    reason: str = ""
    scores: tuple[Score, ...] = ()
    block: int = 0
    buffer: int = 0
    seconds: float = 0.0

    @property
    def chosen(self) -> Score | None:
        """The score of the rank that was taken."""
        return next((score for score in self.scores if score.rank == self.rank), None)


def hold_out(
    shape: tuple[int, int, int], *, block: int, buffer: int, seed: int, share: float = SHARE
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw the entries to fit and the entries to test.

    Parameters
    ----------
    shape : (n_trials, n_neurons, n_steps)
    block, buffer : int
        Length of a held-out block and of the buffer on each side of it, in bins.
    seed : int
    share : float
        Share of the trial × neuron pairs that have a held-out block.

    Returns
    -------
    train, test : ndarray of bool, shape `shape`
        They share no entry; the buffer is in neither.

    Examples
    --------
    >>> from fastigial.demo.ranks import hold_out
    >>> train, test = hold_out((20, 10, 30), block=5, buffer=3, seed=0)
    >>> bool((train & test).any()), int(test.sum(axis=2).max())
    (False, 5)
    """
    n_trials, n_neurons, n_steps = shape
    rng = np.random.default_rng(seed)
    chosen = rng.random((n_trials, n_neurons, 1)) < share
    first = rng.integers(0, n_steps - block + 1, (n_trials, n_neurons, 1))
    step = np.arange(n_steps)
    test = chosen & (step >= first) & (step < first + block)
    near = chosen & (step >= first - buffer) & (step < first + block + buffer)
    return ~near, test


def choose(
    recording: Recording,
    ranks: Sequence[Rank],
    make: Callable[[Rank], TCA | SliceTCA],
    *,
    sd_bins: float,
    seed: int,
) -> RankChoice:
    """Score ranks on held-out blocks and take the smallest within one standard error of the best.

    Parameters
    ----------
    recording : Recording
    ranks : sequence of tuple of int
    make : callable
        From a rank to an estimator.
    sd_bins : float
        SD of the smoothing that the recording went through, in bins: the buffer is four of them.
    seed : int

    Returns
    -------
    RankChoice

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.demo.ranks import choose
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.3, seed=0)
    >>> make = lambda rank: fg.TCA(rank[0], random_state=0)
    >>> choose(recording, [(1,), (2,), (3,)], make, sd_bins=0.0, seed=0).rank
    (2,)
    """
    started = time.perf_counter()
    n_steps = recording.shape[2]
    block = max(1, n_steps // 5)
    # The correlation that smoothing leaves between bins four SDs apart is exp(−4), under 2 %.
    buffer = int(np.ceil(4 * sd_bins)) if sd_bins else n_steps // 10
    splits = []
    for split in range(N_SPLITS if recording.data.size <= LARGE else N_SPLITS_OF_LARGE):
        train, test = hold_out(recording.shape, block=block, buffer=buffer, seed=seed + split)
        if (test & ~np.isnan(recording.data)).any() and (train & ~np.isnan(recording.data)).any():
            splits.append((train, test))
    if len(splits) < 2:
        return RankChoice(min(ranks, key=sum), "the recording is too small to hold any of it out")
    scores = tuple(Score(rank, _scores(recording, make, rank, splits)) for rank in ranks)
    best = max(scores, key=lambda score: score.mean)
    enough = [score for score in scores if score.mean >= best.mean - best.standard_error]
    rank = min(enough, key=lambda score: (sum(score.rank), -score.mean)).rank
    return RankChoice(rank, "", scores, block, buffer, time.perf_counter() - started)


def _scores(
    recording: Recording,
    make: Callable[[Rank], TCA | SliceTCA],
    rank: Rank,
    splits: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
) -> NDArray[np.float64]:
    scores = []
    for train, test in splits:
        with warnings.catch_warnings():
            # A sweep that is not quite done tells the rank apart all the same.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = make(rank).fit(recording, mask=train)
        scores.append(model.score(recording, mask=test))
    return np.array(scores)


def choose_tca(recording: Recording, *, nonnegative: bool, sd_bins: float, seed: int) -> RankChoice:
    """Choose the number of components of TCA from 1 to 8; see `choose`."""
    ranks = [(rank,) for rank in range(1, MOST_COMPONENTS + 1)]

    def make(rank: Rank) -> TCA:
        return TCA(rank[0], nonnegative=nonnegative, tol=TOL, max_iter=MAX_ITER_TCA, random_state=seed)

    return choose(recording, ranks, make, sd_bins=sd_bins, seed=seed)


def choose_slicetca(recording: Recording, *, sd_bins: float, seed: int) -> RankChoice:
    """Choose the three ranks of SliceTCA from a short list; see `choose`."""
    shape = recording.shape
    ranks = [rank for rank in SLICE_RANKS if all(r <= length for r, length in zip(rank, shape, strict=True))]

    def make(rank: Rank) -> SliceTCA:
        triple = (rank[0], rank[1], rank[2])
        return SliceTCA(triple, n_init=1, tol=TOL, max_iter=MAX_ITER_SLICETCA, random_state=seed)

    return choose(recording, ranks, make, sd_bins=sd_bins, seed=seed)
