"""Which trials, neurons and time steps a model hangs on, and which it does not describe.

| symbol | name           | shape  |                                                                          |
| ------ | -------------- | ------ | ------------------------------------------------------------------------ |
| A      | columns        | (d, p) | factor of a TCA along an axis; loadings of a SliceTCA's type of that axis |
| h      | leverage       | (d,)   | diagonal of A (AᵀA)⁺ Aᵀ: between 0 and 1, sum = rank of A                  |
| e      | residual       | (d,)   | mean over the slab's observed entries of (X − X̂)²                         |
| z      | residual_score | (d,)   | (log e − median log e) / (1.4826 · median absolute deviation of log e)    |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import check_model
from fastigial.analysis.observations import Observations, observations_of
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.checks import as_number
from fastigial.tensor.labels import as_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Influence", "influence"]

# Of Gaussian values, the median absolute deviation times this is the standard deviation.
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class Influence:
    """Leverage and residual of each slab along each axis; a slab is a trial, a neuron, or a time step.

    Every list holds one array (d_i,) per axis.

    Attributes
    ----------
    leverage : list of ndarray
        From 0 to 1.
    residual : list of ndarray
        Mean squared residual, in squares of the data's units; NaN for slabs of which nothing was observed.
    residual_score : list of ndarray
        Robust z of log residual; NaN where the residual is.
    leverage_limit : list of float
        Above which leverage is unusual, one per axis.
    residual_limit : float
        Above which the robust z is.
    model : TCA or SliceTCA
        The model, for its labels.
    """

    leverage: list[NDArray[np.float64]] = field(repr=False)
    residual: list[NDArray[np.float64]] = field(repr=False)
    residual_score: list[NDArray[np.float64]] = field(repr=False)
    leverage_limit: list[float]
    residual_limit: float
    model: TCA | SliceTCA

    @property
    def influential(self) -> list[NDArray[np.bool_]]:
        """Which slabs have unusual leverage: the model is as it is because of them."""
        return [h > limit for h, limit in zip(self.leverage, self.leverage_limit, strict=True)]

    @property
    def outlying(self) -> list[NDArray[np.bool_]]:
        """Which slabs have an unusually large residual: the model does not describe them."""
        return [z > self.residual_limit for z in self.residual_score]

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """One table per axis, by the axis' name, with the data's labels as index.

        Columns are leverage, residual, residual_score, influential and outlying.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        tables = {}
        for axis, dim in enumerate(self.model.dims_):
            columns = {
                "leverage": self.leverage[axis],
                "residual": self.residual[axis],
                "residual_score": self.residual_score[axis],
                "influential": self.influential[axis],
                "outlying": self.outlying[axis],
            }
            index = as_frame(self.model, axis, np.empty((self.leverage[axis].size, 0))).index
            tables[dim] = pd.DataFrame(columns, index=index)
        return tables

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.influence`, which takes the options."""
        from fastigial.plot.influence import influence

        return influence(self, **options)


def influence(
    model: TCA | SliceTCA,
    X: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    residual_limit: float = 4.0,
    false_alarm: float = 0.01,
) -> Influence:
    r"""Leverage and residual of every trial, neuron and time step: what holds the model up, and what it misses.

    .. math:: h = \operatorname{diag}\bigl(A (A^\top A)^+ A^\top\bigr), \qquad
        e_k = \operatorname{mean}_{\text{observed in slab } k} (x - \hat x)^2

    A bad trial shows in one of two ways. Either the model leaves it out, and it has a large residual; or a component
    has been spent on it alone, and it has a leverage close to one.

    Parameters
    ----------
    model : TCA or SliceTCA
        A fitted model. Leverage along an axis comes from the factor of that axis, or from the loadings of the slice
        type of that axis. Where a SliceTCA has no component of that type, leverage is zero, for what the slices of the
        other types hold of each slab is free to follow that slab alone; there, only the residual speaks.
    X : array_like, Recording or xarray.DataArray
        The recording it was fitted to. NaN means *not observed*.
    mask : array_like of bool, shape of X, optional
        True where X was observed.
    residual_limit : float
        A slab is outlying if its robust z, of the logarithm of its mean squared residual among those of its axis, is
        above this. Among 30 to 500 slabs that are all alike (log residuals Gaussian), one or more are above 4 in about
        2 % of recordings, and above 3.5, the limit of Iglewicz & Hoaglin (How to Detect and Handle Outliers, 1993), in
        5 to 12 %; among ten slabs, in 5 and 7 %.
    false_alarm : float
        A slab is influential if its leverage is above what the largest leverage along the axis would exceed with at
        most this probability, if the columns of A spanned a random subspace, as Gaussian ones do: h then follows the
        Beta distribution with p/2 and (d − p)/2, and the limit is its quantile at 1 − false_alarm/d. A few active
        neurons among many silent ones are no such case: they are influential, and rightly said to be.

    Returns
    -------
    Influence
        With ``.leverage``, ``.residual``, ``.residual_score``, ``.influential`` and ``.outlying`` (lists, one array per
        axis); ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If the model is not a fitted one, X does not hold real numbers, or the mask is not boolean.
    ValueError
        If X does not fit the model, holds infinities or no observed entry, or `false_alarm` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.array(fg.datasets.make_tca((30, 20, 25), 2, noise=0.1, seed=0))
    >>> X[7] += np.random.default_rng(0).normal(size=X[7].shape)
    >>> found = fg.analysis.influence(fg.TCA(2, random_state=0).fit(X), X)
    >>> np.flatnonzero(found.outlying[0])
    array([7])
    """
    model = check_model("model", model)
    residual_limit, false_alarm = as_number("residual_limit", residual_limit), as_number("false_alarm", false_alarm)
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm is {false_alarm}, expected a probability between 0 and 1")
    observations = observations_of(model, X, mask)
    leverage, limits = [], []
    for axis, columns in enumerate(model._columns()):
        basis = _basis(columns.astype(np.float64))
        leverage.append(np.minimum(np.sum(basis**2, axis=1), 1.0))
        limits.append(_leverage_limit(model.shape_[axis], basis.shape[1], false_alarm))
    relative = _mean_squares(model, observations)
    with np.errstate(over="ignore", under="ignore"):
        residual = [values * observations.scale * observations.scale for values in relative]
    scores = [_robust_z(values, observations.sum_of_squares / observations.seen.sum()) for values in relative]
    return Influence(leverage, residual, scores, limits, residual_limit, model)


def _basis(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal columns with the same span; singular values next to the largest one's rounding count as zero."""
    if not columns.shape[1]:
        return columns
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, values > values[0] * max(columns.shape) * np.finfo(np.float64).eps]


def _leverage_limit(size: int, rank: int, false_alarm: float) -> float:
    if not 0 < rank < size:
        # All leverages are zero, or all are one.
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(rank / 2, (size - rank) / 2, 1 - false_alarm / size))


def _mean_squares(model: TCA | SliceTCA, observations: Observations) -> list[NDArray[np.float64]]:
    """Mean squared residual of each slab along each axis, in squares of the scale; NaN where nothing was observed."""
    squares = observations.values - model.reconstruct().astype(np.float64) / observations.scale
    squares *= observations.seen
    squares *= squares
    found = []
    for axis in range(squares.ndim):
        others = tuple(other for other in range(squares.ndim) if other != axis)
        counts = observations.seen.sum(axis=others)
        sums = squares.sum(axis=others)
        found.append(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
    return found


def _robust_z(residuals: NDArray[np.float64], mean_square: float) -> NDArray[np.float64]:
    """Distance of log residuals from their median in robust standard deviations; NaN stays NaN."""
    # Below rounding error all residuals are alike, and zero has no logarithm.
    logs = np.log(np.maximum(residuals, (np.finfo(np.float64).eps ** 2) * (mean_square or 1.0)))
    seen = logs[np.isfinite(logs)]
    distance = logs - np.median(seen)
    spread = _MAD_TO_SD * float(np.median(np.abs(seen - np.median(seen))))
    if spread > 0:
        return np.asarray(distance / spread)
    # More than half are exactly alike: any other is infinitely far from them.
    return np.asarray(np.where(distance == 0, 0.0, np.copysign(np.inf, distance)) + 0 * distance)
