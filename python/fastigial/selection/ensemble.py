"""The same fit from many random starts: whether its components are found again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis import align, distinct_solutions, similarity
from fastigial.convergence import warn_of_many
from fastigial.selection.parameters import Parameters
from fastigial.selection.ranks import Rank, as_ranks, key_of
from fastigial.selection.runner import Finished, Job, Stop, run
from fastigial.selection.seeds import derived_seed
from fastigial.selection.store import open_store
from fastigial.tensor.checks import as_count, as_seed
from fastigial.tensor.estimator import Decomposition
from fastigial.tensor.intake import take
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Ensemble"]

# Models at least this similar are one solution.
SAME_SOLUTION = 0.95


class Ensemble(Parameters):
    """Replicates of each rank from random starts: how well they fit, and how much they agree.

    The loss falls with every component; what one start finds, another finds again only as long as the data determine
    the components (Williams et al. 2018). For the replicates of a rank the recording is compressed once, to
    the small core on which they begin; each is what `fit` alone would give.

    Parameters
    ----------
    estimator : TCA or SliceTCA
        The method and its parameters; its `n_components`, `init`, `n_init` and `random_state` are set by the ensemble.
        It is not touched.
    ranks : int, iterable of int, or for SliceTCA a tuple of three or a list of triples
        The numbers of components to fit, or the largest, to fit 1 to it; for `SliceTCA` a grid or triples (see
        `RankSearch`).
    n_replicates : int
        Fits of each rank.
    n_jobs : int
        Fits to run at once; -1 for as many as there are cores. By threads, unless `joblib.parallel_config` says
        otherwise.
    random_state : None, int or numpy.random.Generator
        Seed of the starts. Each has a seed of its own, so that the same seed gives the same numbers whatever `n_jobs`.
    checkpoint : path, optional
        A folder for finished fits. An ensemble that was stopped goes on where it was; it needs a whole number as
        `random_state`. Ranks and replicates may be added later.
    progress : bool or callable
        True shows a bar; a callable is called after each fit as ``progress(done, total, loss)``.

    Attributes
    ----------
    losses_ : pandas.DataFrame, shape (n_ranks, n_replicates)
        ``loss_`` of the fits of each rank, the best first.
    similarities_ : pandas.DataFrame, shape (n_ranks, n_replicates)
        Their similarity to the best of their rank (`fastigial.similarity`, "mean_cosine"); the first column is 1.
    n_distinct_ : pandas.Series
        Number of distinct solutions of each rank, counted at a similarity of 0.95 (`fastigial.analysis
        .distinct_solutions`).
    models_ : dict
        From rank to its fitted models, in the order of `losses_`, aligned: the best of each rank to the best of the
        next larger one, from the largest down, and every replicate to the best of its rank.

    Notes
    -----
    For `SliceTCA` components are compared within each slice type, in the canonical form that a fit ends with. Where two
    components of a type explain equally much, that form is not unique, and similarity is low although the tensors of
    the type agree. The reverse holds too: within a type the canonical form is a singular value decomposition, which
    exists of noise as well, so that replicates of a SliceTCA agree at ranks that held-out data reject.

    Ctrl-C keeps the fits that are finished; places of the others are NaN.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((20, 15, 25), 3, noise=0.5, seed=0)
    >>> ensemble = fg.Ensemble(fg.TCA(1), ranks=4, n_replicates=5, random_state=0).fit(recording)
    >>> ensemble.losses_.shape
    (4, 5)
    >>> bool(ensemble.similarities_.loc[3].median() > 0.99)
    True
    >>> len(ensemble.models_[3]), ensemble.n_distinct_.name
    (5, 'distinct solutions')
    """

    losses_: pd.DataFrame
    similarities_: pd.DataFrame
    n_distinct_: pd.Series[int]
    models_: dict[Rank, list[Any]]

    def __init__(
        self,
        estimator: Any,
        ranks: Any,
        n_replicates: int = 10,
        n_jobs: int = 1,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
        *,
        checkpoint: str | PathLike[str] | None = None,
        progress: bool | Callback = False,
    ) -> None:
        self.estimator = estimator
        self.ranks = ranks
        self.n_replicates = n_replicates
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress

    def fit(self, X: ArrayLike, mask: ArrayLike | None = None) -> Self:
        """Fit all replicates of all ranks.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray
            The data, as for the estimator. NaN means *not observed*.
        mask : array_like of bool, shape of X, optional
            True where X was observed.

        Returns
        -------
        Ensemble
            This object, fitted.

        Raises
        ------
        TypeError
            If the estimator is not a decomposition, or X does not hold real numbers.
        ValueError
            If a rank cannot be fitted, a parameter is unknown or out of range, or the `checkpoint` is that of other
            data or parameters: all before the first fit.

        Warns
        -----
        ConvergenceWarning
            If fits stopped at `max_iter`; once, with their number.
        """
        if not isinstance(self.estimator, Decomposition):
            raise TypeError(f"estimator is {self.estimator!r}, expected a decomposition, as fg.TCA(1)")
        data = take(X, mask)
        if data.mask is not None and data.mask.shape != data.shape:
            raise ValueError(f"mask has shape {data.mask.shape}, expected that of X, {data.shape}")
        seed = as_seed(self.random_state)
        ranks = as_ranks(self.ranks, self.estimator, data.shape)
        if as_count("n_replicates", self.n_replicates) < 1:
            raise ValueError("n_replicates is 0, expected at least one fit of each rank")
        store = open_store(self.checkpoint, data.array, data.mask, self.estimator, self.random_state)
        # One layout for all fits, made once.
        X = np.ascontiguousarray(data.array)
        jobs = []
        for rank in ranks:
            # For each rank its own, as a fit alone would: else a fit would depend on which other ranks are asked for.
            shared = self.estimator._compress(X, data.mask, rank)
            jobs += [self._job(rank, number, seed, shared) for number in range(self.n_replicates)]
        found: dict[Rank, list[Finished]] = {rank: [] for rank in ranks}
        n_unsettled = 0
        try:
            with Report(self.progress, "Ensemble", unit="fit") as report:
                results: Any = run(jobs, X, data.mask, n_jobs=self.n_jobs, stop=Stop(), store=store)
                with closing(results):
                    for n_done, finished in enumerate(results, start=1):
                        finished.model.labels_ = (data.dims, data.coords)
                        found[finished.key[0]].append(finished)
                        n_unsettled += not finished.model.converged_
                        if report.callback is not None:
                            report.callback(n_done, len(jobs), finished.train_loss)
        except KeyboardInterrupt:
            self._conclude(found)
            raise
        self._conclude(found)
        warn_of_many(n_unsettled, len(jobs))
        return self

    def _job(self, rank: Rank, number: int, seed: int, shared: Any) -> Job:
        own = {"n_components": rank, "init": "random", "n_init": 1, "progress": False}
        own["random_state"] = derived_seed(seed, "fit", *key_of(rank), number)
        estimator = type(self.estimator)(**{**self.estimator.get_params(), **own})
        if shared is not None:
            estimator._compressed = shared
        return Job((rank, number), estimator)

    def _conclude(self, found: dict[Rank, list[Finished]]) -> None:
        """Sort, align and compare what is finished."""
        import pandas as pd

        # The number decides between equal losses, so that the order is always the same.
        sorted_fits = {rank: sorted(fits, key=lambda fit: (fit.train_loss, fit.key)) for rank, fits in found.items()}
        models = {rank: [fit.model for fit in fits] for rank, fits in sorted_fits.items() if fits}
        above: Any = None
        for rank in reversed(models):
            best, *others = models[rank]
            above = best if above is None else align(best, above)
            models[rank] = [above, *(align(model, above) for model in others)]
        self.models_ = models
        index = pd.Index(list(found), name="rank", tupleize_cols=False)
        columns = pd.RangeIndex(self.n_replicates, name="replicate")
        losses = [[fit.train_loss for fit in fits] for fits in sorted_fits.values()]
        likeness = [_likeness(models.get(rank, [])) for rank in found]
        self.losses_ = pd.DataFrame(_padded(losses, self.n_replicates), index=index, columns=columns)
        self.similarities_ = pd.DataFrame(_padded(likeness, self.n_replicates), index=index, columns=columns)
        distinct = [1 + int(distinct_solutions(fits, SAME_SOLUTION).max()) for fits in models.values()]
        self.n_distinct_ = pd.Series(
            distinct, index=pd.Index(list(models), name="rank", tupleize_cols=False), name="distinct solutions"
        )

    def plot(self, **options: Any) -> Figure:
        """Loss and similarity against rank; see `fastigial.plot.ensemble`.

        Parameters
        ----------
        **options
            Passed on.

        Returns
        -------
        matplotlib.figure.Figure
        """
        # By the front door: the rooms below know nothing of plots.
        import fastigial

        return fastigial.plot.ensemble(self, **options)


def _likeness(models: list[Any]) -> list[float]:
    """Similarities to the first."""
    return [1.0, *(similarity(model, models[0]) for model in models[1:])] if models else []


def _padded(rows: Sequence[Sequence[float]], width: int) -> NDArray[np.float64]:
    table = np.full((len(rows), width), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
