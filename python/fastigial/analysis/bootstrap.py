"""Bands for factors: what they would have been from other trials of the same kind.

| symbol | name         | shape    |                                                                           |
| ------ | ------------ | -------- | ------------------------------------------------------------------------- |
| θ      | Band.estimate | any     | of the model of the whole recording                                       |
| θ*_b   |              | any      | of the model of resample b, aligned to the whole                          |
|        | low, high    | any      | the (1 − level)/2 and (1 + level)/2 quantiles of θ*_b over b               |
| w      | weights      | (ΣR,)    | weights of a TCA; lengths of a SliceTCA's slices                          |
| A      | factors      | (d_i, R) | along the resampled axis: rows w*_b A*_b / w, of trial k over the b that hold k |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import as_axes, groups_of, labels_of
from fastigial.analysis.refits import Places, at_places, matched_similarities, observed_in, side_by_side, whole_model
from fastigial.analysis.similarity import align
from fastigial.analysis.trial_labels import as_codes, values_along
from fastigial.convergence import warn_of_many
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.checks import as_count, as_flags, as_number, as_seed
from fastigial.tensor.intake import Data
from fastigial.tensor.labels import as_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Band", "Bootstrap", "bootstrap"]


@dataclass(frozen=True, eq=False)
class Band:
    """An estimate with its pointwise band: arrays of one shape.

    Attributes
    ----------
    estimate, low, high : ndarray
    standard_error : ndarray
        Standard deviation over the resamples.
    """

    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    standard_error: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Bands for what a decomposition found.

    Attributes
    ----------
    factors : list of Band, shapes (d_i, R_i)
        One per axis: the factors of a TCA; of a SliceTCA the loadings of the slice type of that axis, transposed.
    slices : Band or None, shape (r, d_j, d_k)
        Of a SliceTCA, the slices of the type whose loadings lie along the resampled axis; its others hold the trials.
    weights : Band, shape (ΣR,)
        Weights of a TCA; lengths of a SliceTCA's slices, type after type.
    similarities : ndarray, shape (n_resamples, ΣR)
        Of each component of each resample with that of the whole, along the axes that are not resampled (mean absolute
        cosine). A component that is low in some resamples is another component there.
    components : list
        What ΣR counts: r of a TCA, (slice type, r) of a SliceTCA.
    n_iter : ndarray of int, shape (n_resamples,)
        Sweeps that the fits of the resamples took.
    n_unconverged : int
        How many ran out of them.
    level : float
    axis : int
        The axis that was resampled.
    model : TCA or SliceTCA
        The model of the whole recording.
    """

    factors: list[Band] = field(repr=False)
    slices: Band | None = field(repr=False)
    weights: Band = field(repr=False)
    similarities: NDArray[np.float64] = field(repr=False)
    components: list[Any]
    n_iter: NDArray[np.intp] = field(repr=False)
    n_unconverged: int
    level: float
    axis: int
    model: TCA | SliceTCA = field(repr=False)

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """One table per axis, by the axis' name, with the data's labels as index.

        Columns are (component, estimate | low | high | standard_error).

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        names = ("estimate", "low", "high", "standard_error")
        tables = {}
        for axis, (dim, band) in enumerate(zip(self.model.dims_, self.factors, strict=True)):
            parts = [as_frame(self.model, axis, getattr(band, name)) for name in names]
            table = pd.concat(parts, axis=1, keys=names, names=["value"])
            tables[dim] = table.swaplevel(axis=1).reindex(
                columns=pd.MultiIndex.from_product([parts[0].columns, names], names=["component", "value"])
            )
        return tables

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.bands`, which takes the options."""
        from fastigial.plot.bands import bands

        return bands(self, **options)


def bootstrap(
    estimator: TCA | SliceTCA,
    X: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    n_resamples: int = 200,
    axis: int | str = 0,
    level: float = 0.95,
    stratify: str | ArrayLike | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    n_jobs: int | None = 1,
) -> Bootstrap:
    r"""Percentile bands for factors and weights, from resampled trials.

    .. math:: [\,\theta^*_{(1-\ell)/2},\ \theta^*_{(1+\ell)/2}\,]

    the quantiles, over resamples, of each number of the model fitted to trials drawn with replacement, in the order
    and with the signs of the model of the whole recording; ℓ is `level`.

    Parameters
    ----------
    estimator : TCA or SliceTCA
        What to fit. If it is already fitted to X, it is taken as the model of the whole (the best of many starts, for
        example); if not, that is fitted first.
    X : array_like, Recording or xarray.DataArray
        The recording. NaN means *not observed*.
    mask : array_like of bool, shape of X, optional
        True where X was observed.
    n_resamples : int
        At least 2; ends of a 95 % band need some hundreds.
    axis : int or str
        What to resample: what is independent of one another and stands for more of its kind. Trials by default; or
        neurons, by number or name.
    level : float
        Share of the resamples between the ends of a band, between 0 and 1.
    stratify : str or array_like, shape (n_trials,), optional
        Draw trials within each condition, session…, so that every resample has as many of each: name of a coordinate,
        or the values. Trials without a label are a condition of their own.
    random_state : None, int or numpy.random.Generator
        Seed of the resamples.
    n_jobs : int, optional
        Fits side by side, in threads (joblib); −1 uses all processors, None leaves it to `joblib.parallel_config`.
        Numbers do not depend on it.

    Returns
    -------
    Bootstrap
        With ``.factors``, ``.weights`` and ``.slices``, each a `Band` of ``.estimate``, ``.low``, ``.high`` and
        ``.standard_error``; ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If the estimator is neither a TCA nor a SliceTCA.
    ValueError
        If an axis or coordinate does not exist, level is not between 0 and 1, there are fewer than 2 resamples, or a
        signed SliceTCA has ``invariance=None``: its components are not unique.

    Warns
    -----
    ConvergenceWarning
        Once, if fits of resamples ran out of iterations.

    Notes
    -----
    *What the bands mean.* They cover what varies from one draw of trials to another, given the number of components
    and given the minimum that the whole recording's model sits in: every resample starts there. Whether another rank
    or start would give other components is for `RankSearch`, `Ensemble` and `split_half`. They are pointwise: of 100
    time steps, five are expected outside of 95 % bands. They say nothing of errors that all trials share.

    *The trials' own factor.* Its band, of trial k, comes from the resamples that k is part of. The other factors
    differ between these, the data of trial k do not: noise in trial k itself is not in its band. Its scale is that of
    the whole recording's weight, so that it does not matter which other trials were drawn. Where the resampled axis is
    that of a SliceTCA's slices (of the neuron- and time-slicing types), there are no bands.

    *How good they are.* Percentile intervals are right to first order (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, ch. 13); with few trials they are too narrow, by about √((n − 1) / n) and more for tails. Of
    planted components (40 trials) we measured 93 to 95 % coverage of the true time factor for 95 % bands. For three-way
    models, see Kiers, J Chemometrics 18:22, 2004, and Timmerman, Kiers & Smilde, Br J Math Stat Psych 60:295, 2007, who
    resample likewise and find coverage near the level where components are well apart.

    *SliceTCA.* Resampled models are brought into canonical form by their fit, then aligned. Where two components of a
    type have singular values close to one another, resamples turn them into one another, and bands are wide: rightly.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((40, 20, 25), 2, noise=0.5, seed=0)
    >>> bands = fg.analysis.bootstrap(fg.TCA(2), recording, n_resamples=50, random_state=0)
    >>> time = bands.factors[2]
    >>> bool((time.low <= time.high).all()), time.low.shape
    (True, (25, 2))
    """
    level = as_number("level", level)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    n_resamples, seed = as_count("n_resamples", n_resamples), as_seed(random_state)
    if n_resamples < 2:
        raise ValueError(f"n_resamples is {n_resamples}, expected at least 2")
    if isinstance(estimator, SliceTCA) and estimator.invariance is None and not _nonnegative(estimator):
        raise ValueError('the estimator has invariance=None, so its components are not unique; use invariance="full"')
    model, data = whole_model(estimator, X, mask, seed)
    (resampled,) = as_axes(model, axis)
    strata = np.zeros(model.shape_[resampled], dtype=np.intp)
    if stratify is not None:
        strata = as_codes(values_along(model, stratify, "stratify", resampled)[0])

    parts = [
        Places(
            resampled, _draw(strata, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))), model
        )
        for number in range(n_resamples)
    ]
    fresh = estimator.__sklearn_clone__().set_params(random_state=0)
    found = side_by_side(
        [fresh] * n_resamples, parts, data, n_jobs, lambda number, fit: _kept(fit, model, data, parts[number])
    )
    n_unconverged = sum(not fit.converged for fit in found)
    warn_of_many(n_unconverged, n_resamples)
    whole = _Parts.of(model, model, resampled)
    return Bootstrap(
        [_band(whole.factors[i], [fit.parts.factors[i] for fit in found], level) for i in range(len(whole.factors))],
        None if whole.slices is None else _band(whole.slices, [fit.parts.slices for fit in found], level),
        _band(whole.weights, [fit.parts.weights for fit in found], level),
        np.stack([fit.similarities for fit in found]),
        labels_of(groups_of(model)),
        np.array([fit.n_iter for fit in found], dtype=np.intp),
        n_unconverged,
        level,
        resampled,
        model,
    )


def _nonnegative(estimator: SliceTCA) -> bool:
    return any(as_flags("nonnegative", estimator.nonnegative, 3))


def _draw(strata: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Places drawn with replacement, as many from each stratum as it has."""
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    return np.sort(np.concatenate([rng.choice(places, size=len(places)) for places in members]))


@dataclass(frozen=True, eq=False)
class _Parts:
    """The numbers of a model that get bands."""

    factors: list[NDArray[np.float64]]
    slices: NDArray[np.float64] | None
    weights: NDArray[np.float64]

    @staticmethod
    def of(model: TCA | SliceTCA, whole: TCA | SliceTCA, axis: int) -> _Parts:
        """Of a model; along the axis in the scale of the weights of the whole."""
        factors = [columns.astype(np.float64) for columns in model._columns()]
        groups, of_whole = groups_of(model), groups_of(whole)
        kind = 0 if isinstance(model, TCA) else axis
        target = of_whole[kind].weights
        factors[axis] *= groups[kind].weights / np.where(target > 0, target, 1.0)
        slices = None if isinstance(model, TCA) else model.slices_[axis].astype(np.float64)
        return _Parts(factors, slices, np.concatenate([group.weights for group in groups]))


@dataclass(frozen=True, eq=False)
class _Refit:
    """What is kept of one resample."""

    parts: _Parts
    similarities: NDArray[np.float64]
    n_iter: int
    converged: bool


def _kept(fit: Any, whole: Any, data: Data, part: Places) -> _Refit:
    axis, places = part.axis, part.places
    # The start is of the same trials, so that all modes help to tell which component is which.
    aligned = align(fit, fit.init)
    parts = _Parts.of(aligned, whole, axis)
    seen = observed_in(*at_places(data.array, data.mask, axis, places))
    if not seen.all():
        _hide_unobserved(parts, seen, axis)
    parts.factors[axis] = _by_place(parts.factors[axis], places, whole.shape_[axis])
    others = tuple(other for other in range(seen.ndim) if other != axis)
    return _Refit(parts, matched_similarities(aligned, whole, others, "mean_cosine"), fit.n_iter_, fit.converged_)


def _hide_unobserved(parts: _Parts, seen: NDArray[np.bool_], axis: int) -> None:
    """What a resample holds no observation of was not estimated from it."""
    for i, factor in enumerate(parts.factors):
        factor[~seen.any(axis=tuple(other for other in range(seen.ndim) if other != i))] = np.nan
    if parts.slices is not None:
        parts.slices[:, ~seen.any(axis=axis)] = np.nan


def _by_place(rows: NDArray[np.float64], places: NDArray[np.intp], size: int) -> NDArray[np.float64]:
    """Mean of the rows that one place was drawn for; NaN where it was not drawn."""
    sums = np.zeros((size, rows.shape[1]))
    np.add.at(sums, places, rows)
    counts = np.bincount(places, minlength=size)[:, None]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _band(estimate: NDArray[np.float64], resamples: list[Any], level: float) -> Band:
    """Quantiles and standard deviation over resamples, without those that are NaN."""
    values = np.sort(np.stack(resamples), axis=0)
    # NaN are sorted last.
    counts = np.sum(~np.isnan(values), axis=0)
    ends = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        at = share * np.maximum(counts - 1, 0)
        below = np.floor(at).astype(np.intp)
        lower, upper = (
            np.take_along_axis(values, np.minimum(place, np.maximum(counts - 1, 0))[None], axis=0)[0]
            for place in (below, below + 1)
        )
        ends.append(lower + (at - below) * (upper - lower))
    known = np.where(np.isnan(values), 0.0, values)
    mean = known.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(np.isnan(values), 0.0, values - mean) ** 2
    error = np.sqrt(squares.sum(axis=0) / np.where(counts > 1, counts - 1, np.nan))
    return Band(estimate, ends[0], ends[1], error)
