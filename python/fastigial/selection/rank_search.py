"""Choosing the number of components by how well held-out data are predicted."""

from __future__ import annotations

import copy
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.convergence import warn_of_many
from fastigial.selection.parameters import Parameters
from fastigial.selection.ranks import Rank, as_ranks, check_ranks, key_of, levels, n_components, n_parameters, one_fewer
from fastigial.selection.rules import RULES, check_rule, standard_error, summarise
from fastigial.selection.runner import Finished, Job, Stop, run
from fastigial.selection.seeds import derived_seed
from fastigial.selection.splits import Split, as_splits
from fastigial.selection.store import open_store
from fastigial.tensor.checks import as_count, as_seed
from fastigial.tensor.intake import take
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["RankSearch"]


class RankSearch(Parameters):
    """Search for the rank by cross-validation: fit a part of the data, predict the rest.

    For each rank and each split of the data a model is fitted to the training part and its mean loss on the held-out
    part is taken; `rule` then chooses. Training loss falls with every component; held-out loss rises again once
    components describe noise, provided that the held-out part does not share its noise with the training part (see
    `fastigial.masks`).

    Ranks are climbed: the first start of a rank grows out of the best model with one component fewer on the same split,
    if that rank was tried; of a `SliceTCA` the best of up to three. That is quicker than to start anew. More starts
    (`n_init`) are random.

    Parameters
    ----------
    estimator : TCA or SliceTCA
        The method and its parameters; its `n_components` is set by the search. It is not touched.
    ranks : int, iterable of int, or for SliceTCA a tuple of three or a list of triples
        TCA: the numbers of components to try, or the largest, to try 1 to it. SliceTCA: a tuple (trial, neuron, time)
        with the largest rank (from 0) or an iterable of ranks for each slice type, of which the whole grid but (0, 0,
        0) is tried; or a list of triples.
    cv : {"blocked", "speckled", "trials", "neurons"} or sequence of (train, test)
        What is held out. ``"blocked"``: a tenth of all entries, in blocks along the last axis (time), each a tenth of
        the axis long (at least two steps) on one trial and neuron, with a margin of half a block at both ends that is
        neither fitted nor tested. ``"speckled"``: a tenth of all entries, one by one. ``"trials"``, ``"neurons"``: each
        trial or neuron once; one half of its entries gives its loadings and the other half is predicted, and the
        reverse. Or pairs of masks, True for the entries to fit and for those to predict.
    n_splits : int
        How many ways to hold out; without meaning if `cv` holds masks.
    n_init : int
        Starts for each rank and split. Of those, the one with the lowest training loss counts.
    rule : {"one_se", "best", "elbow"}
        ``"best"``: the lowest mean held-out loss. ``"one_se"``: the smallest rank within one standard error of it
        (Hastie, Tibshirani & Friedman 2009, §7.10). ``"elbow"``: the point farthest below the chord of the curve of
        mean held-out loss against number of components (after Satopää et al. 2011). The exact definitions are in
        `fastigial.selection.rules`.
    n_jobs : int
        Fits to run at once; -1 for as many as there are cores. By threads, unless `joblib.parallel_config` says
        otherwise.
    random_state : None, int or numpy.random.Generator
        Seed of splits and starts. Each start has a seed of its own, so that the same seed gives the same numbers
        whatever `n_jobs`.
    checkpoint : path, optional
        A folder for finished fits. A search that was stopped goes on where it was; it needs a whole number as
        `random_state`. Ranks may be added later.
    progress : bool or callable
        True shows a bar; a callable is called after each fit as ``progress(done, total, held_out_loss)``.

    Attributes
    ----------
    results_ : pandas.DataFrame
        One row for each fit: rank, split, start, train_loss, test_loss (mean loss per entry), seconds.
    summary_ : pandas.DataFrame
        One row for each rank that was tried on all splits, by rank: n_components, n_parameters, train_loss, train_se,
        test_loss, test_se: means over splits, each of the start with the lowest training loss, and their standard
        errors.
    best_rank_ : int or (int, int, int)
        What `rule` chose.
    best_estimator_ : TCA or SliceTCA
        Fitted with that rank to all that was observed, with the estimator's own `init` and `n_init`.

    Notes
    -----
    Ctrl-C keeps the fits that are finished in `results_`, chooses `best_rank_` among the ranks that were tried on all
    splits, if any, and raises KeyboardInterrupt; `best_estimator_` is then not there.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((20, 15, 25), 3, noise=0.5, seed=0)
    >>> search = fg.RankSearch(fg.TCA(1), ranks=5, random_state=0).fit(recording)
    >>> search.best_rank_
    3
    >>> search.best_estimator_.n_components
    3
    """

    results_: pd.DataFrame
    summary_: pd.DataFrame
    best_rank_: Rank
    best_estimator_: Any

    def __init__(
        self,
        estimator: Any,
        ranks: Any,
        *,
        cv: Any = "blocked",
        n_splits: int = 3,
        n_init: int = 1,
        rule: str = "one_se",
        n_jobs: int = 1,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
        checkpoint: str | PathLike[str] | None = None,
        progress: bool | Callback = False,
    ) -> None:
        self.estimator = estimator
        self.ranks = ranks
        self.cv = cv
        self.n_splits = n_splits
        self.n_init = n_init
        self.rule = rule
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress

    def fit(self, X: ArrayLike, mask: ArrayLike | None = None) -> Self:
        """Try all ranks, choose one, and fit it to everything.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray
            The data, as for the estimator. NaN means *not observed*.
        mask : array_like of bool, shape of X, optional
            True where X was observed; other entries are neither fitted nor predicted.

        Returns
        -------
        RankSearch
            This object, fitted.

        Raises
        ------
        TypeError
            If the estimator is not a decomposition with a loss, or X does not hold real numbers.
        ValueError
            If a rank cannot be fitted to the data or to the training part of a split, a split holds out nothing or
            everything that was observed, a parameter is unknown or out of range, or the `checkpoint` is that of other
            data or parameters: all before the first fit.

        Warns
        -----
        ConvergenceWarning
            If fits stopped at `max_iter`; once, with their number.
        """
        _check_estimator(self.estimator)
        data = take(X, mask)
        observed = _observed(data.array, data.mask)
        seed = as_seed(self.random_state)
        ranks = as_ranks(self.ranks, self.estimator, data.array.shape)
        splits = as_splits(self.cv, data.array.shape, self.n_splits, seed)
        for number, split in enumerate(splits):
            split.check(observed, f"split {number}")
            check_ranks(ranks, split.training_shape(data.array.shape), f"the training part of split {number}")
        check_rule(self.rule, len(splits))
        if as_count("n_init", self.n_init) < 1:
            raise ValueError("n_init is 0, expected at least one start")

        store = open_store(
            self.checkpoint,
            data.array,
            data.mask,
            self.estimator,
            self.random_state,
            cv=self.cv,
            n_splits=self.n_splits,
        )
        climb = _Climb(self.estimator, splits, self.n_init, seed)
        stop = Stop()
        n_fits = len(ranks) * len(splits) * self.n_init
        n_done = 0
        try:
            with Report(self.progress, "RankSearch", unit="fit") as report:
                for level in levels(ranks):
                    jobs = climb.jobs(level)
                    results: Any = run(jobs, data.array, data.mask, n_jobs=self.n_jobs, stop=stop, store=store)
                    # Closed when the callback raises, too: the fits that run then end.
                    with closing(results):
                        for finished in results:
                            climb.take(finished)
                            n_done += 1
                            if report.callback is not None:
                                report.callback(n_done, n_fits, finished.test_loss)
        except KeyboardInterrupt:
            self._conclude(climb, data.array.shape, len(splits))
            raise
        self._conclude(climb, data.array.shape, len(splits))
        warn_of_many(climb.n_unsettled, n_fits)
        self.best_estimator_ = _clone(
            self.estimator,
            n_components=self.best_rank_,
            random_state=derived_seed(seed, "refit", *key_of(self.best_rank_)),
        ).fit(X, mask)
        return self

    def _conclude(self, climb: _Climb, shape: tuple[int, ...], n_splits: int) -> None:
        """Tables of what is finished, and the choice; earlier results are dropped."""
        import pandas as pd

        for name in ("summary_", "best_rank_", "best_estimator_"):
            if hasattr(self, name):
                delattr(self, name)
        rows = [(n_components(row[0]), *row) for row in climb.rows]
        self.results_ = pd.DataFrame(
            [row[1:] for row in sorted(rows)],
            columns=["rank", "split", "start", "train_loss", "test_loss", "seconds"],
        )
        train, test = summarise(self.results_)
        complete = {rank: losses for rank, losses in test.items() if len(losses) == n_splits}
        self.summary_ = pd.DataFrame(
            {
                "n_components": [n_components(rank) for rank in complete],
                "n_parameters": [n_parameters(rank, shape) for rank in complete],
                "train_loss": [train[rank].mean() for rank in complete],
                "train_se": [standard_error(train[rank]) for rank in complete],
                "test_loss": [test[rank].mean() for rank in complete],
                "test_se": [standard_error(test[rank]) for rank in complete],
            },
            index=pd.Index(list(complete), name="rank", tupleize_cols=False),
        )
        self._complete, self._shape = complete, shape
        if complete:
            self.best_rank_ = self.choose(self.rule)

    def choose(self, rule: str) -> Rank:
        """What another rule chooses, from the same fits; nothing is fitted and nothing changes.

        Parameters
        ----------
        rule : {"one_se", "best", "elbow"}
            As the parameter of this name.

        Returns
        -------
        int or (int, int, int)

        Raises
        ------
        ValueError
            If the search is not fitted or has no rank that was tried on all splits, or the rule is unknown or needs
            more splits.

        Examples
        --------
        >>> import fastigial as fg
        >>> recording = fg.datasets.make_tca((20, 15, 25), 3, noise=0.5, seed=0)
        >>> search = fg.RankSearch(fg.TCA(1), ranks=5, random_state=0).fit(recording)
        >>> {rule: search.choose(rule) for rule in ("best", "one_se", "elbow")}
        {'best': 3, 'one_se': 3, 'elbow': 3}
        """
        losses = getattr(self, "_complete", {})
        if not losses:
            raise ValueError("no rank was tried on all splits: fit the search first")
        check_rule(rule, len(next(iter(losses.values()))))
        return RULES[rule](losses, self._shape)

    def plot(self, **options: Any) -> Figure:
        """Held-out loss against rank, with the chosen one; see `fastigial.plot.rank_search`.

        Parameters
        ----------
        **options
            Passed on.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from fastigial.plot.rank_search import rank_search

        return rank_search(self, **options)


@dataclass(frozen=True, order=True)
class _Ground:
    """A fit to grow from; the order says which of two is the better."""

    train_loss: float
    rank: tuple[int, ...]
    start: int
    # What it grew out of itself, the oldest first: (rank, start) each.
    ancestors: tuple[tuple[tuple[int, ...], int], ...]
    model: Any = field(compare=False)

    @property
    def lineage(self) -> tuple[tuple[tuple[int, ...], int], ...]:
        return (*self.ancestors, (self.rank, self.start))


class _Climb:
    """The fits of a search, level by level, each warm-started from the level before."""

    def __init__(self, estimator: Any, splits: list[Split], n_init: int, seed: int) -> None:
        self._estimator, self._splits, self._n_init, self._seed = estimator, splits, n_init, seed
        # The best fits of the level below and of the one that is being fitted, by rank and split.
        self._below: dict[tuple[Rank, int], _Ground] = {}
        self._level: dict[tuple[Rank, int], _Ground] = {}
        self.rows: list[tuple[Rank, int, int, float, float, float]] = []
        self.n_unsettled = 0

    def jobs(self, level: list[Rank]) -> list[Job]:
        """The fits of the next level."""
        self._below, self._level = self._level, {}
        return [
            self._job(rank, split, start)
            for rank in level
            for split in range(len(self._splits))
            for start in range(self._n_init)
        ]

    def _job(self, rank: Rank, split: int, start: int) -> Job:
        own: dict[str, Any] = {"n_components": rank, "progress": False}
        own["random_state"] = derived_seed(self._seed, "fit", *key_of(rank), split, start)
        below = [self._below[lower, split] for lower in one_fewer(rank) if (lower, split) in self._below]
        ground = min(below, default=None) if start == 0 else None
        if ground is not None:
            own["init"] = ground.model
        elif start > 0:
            own |= {"init": "random", "n_init": 1}
        # A fit is a function of its key, whatever other ranks were asked for: finished ones can serve another search.
        key = (rank, split, start, () if ground is None else ground.lineage)
        return Job(key, _clone(self._estimator, **own), self._splits[split])

    def take(self, finished: Finished) -> None:
        """Note a fit that is finished."""
        rank, split, start, ancestors = finished.key
        self.rows.append((rank, split, start, finished.train_loss, finished.test_loss, finished.seconds))
        self.n_unsettled += not finished.model.converged_
        model = copy.copy(finished.model)
        # Else each model would hold the one that it grew out of, and that one another.
        model.init = "svd"
        new = _Ground(finished.train_loss, key_of(rank), start, ancestors, model)
        self._level[rank, split] = min(self._level.get((rank, split), new), new)


def _check_estimator(estimator: Any) -> None:
    if isinstance(estimator, type):
        raise TypeError(f"estimator is the class {estimator.__name__}, expected an object, as {estimator.__name__}(1)")
    missing = [name for name in ("fit", "evaluate", "get_params") if not callable(getattr(estimator, name, None))]
    if missing:
        raise TypeError(
            f"estimator is a {type(estimator).__name__}, which has no {', '.join(missing)}; expected a decomposition "
            "with a loss, as fg.TCA(1)"
        )


def _clone(estimator: Any, **changed: Any) -> Any:
    return type(estimator)(**{**estimator.get_params(), **changed})


def _observed(X: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    if mask is not None and mask.shape != X.shape:
        raise ValueError(f"mask has shape {mask.shape}, expected that of X, {X.shape}")
    observed: NDArray[np.bool_] = ~np.isnan(X)
    return observed if mask is None else observed & mask
