"""Do components come out again from other trials? Split-half replicability.

Trials are split at random into halves, the model is fitted to each half by itself, and what the halves have in common
(the axes other than that of the split) is compared, component by component:

    s_r = mean or product over the other modes m of |cos(a_mr, b_mr)|,

with the parts a_mr and b_mr that component r has in the two halves. To say which component of a half is component r,
those of either half are paired with those of the model of the whole recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import as_axes, groups_of, labels_of
from fastigial.analysis.refits import Places, matched_similarities, side_by_side, whole_model
from fastigial.analysis.similarity import align
from fastigial.convergence import warn_of_many
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.checks import as_count, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["SplitHalf", "split_half"]

Method = Literal["mean_cosine", "factor_match"]
Order = Literal["random", "odd_even"]


@dataclass(frozen=True, eq=False)
class SplitHalf:
    """How alike each component is in two halves of the recording.

    Attributes
    ----------
    similarities : ndarray, shape (n_splits, ΣR)
        From 0 to 1.
    components : list
        What the columns are: r of a TCA, (slice type, r) of a SliceTCA.
    model : TCA or SliceTCA
        The model of the whole recording, whose components these are.
    method : {"mean_cosine", "factor_match"}
    axis : int
        The axis that was split.
    n_unconverged : int
        Fits of halves that ran out of iterations.
    """

    similarities: NDArray[np.float64]
    components: list[Any]
    model: TCA | SliceTCA = field(repr=False)
    method: Method
    axis: int
    n_unconverged: int

    @property
    def median(self) -> NDArray[np.float64]:
        """Median over the splits, (ΣR,)."""
        return np.asarray(np.median(self.similarities, axis=0))

    def to_pandas(self) -> pd.DataFrame:
        """One row per split, one column per component; those of a SliceTCA by slice type.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        columns: pd.Index[Any] = pd.RangeIndex(len(self.components), name="component")
        if isinstance(self.model, SliceTCA):
            named = [(self.model.dims_[kind], number) for kind, number in self.components]
            columns = pd.MultiIndex.from_tuples(named, names=["slice_type", "component"])
        return pd.DataFrame(
            self.similarities, index=pd.RangeIndex(len(self.similarities), name="split"), columns=columns
        )

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.replicability`, which takes the options."""
        from fastigial.plot.replicability import replicability

        return replicability(self, **options)


def split_half(
    estimator: TCA | SliceTCA,
    X: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    axis: int | str = 0,
    n_splits: int = 10,
    order: Order = "random",
    method: Method = "mean_cosine",
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    n_jobs: int | None = 1,
) -> SplitHalf:
    r"""Fit a model to random halves of the trials and compare what it finds in them, component by component.

    .. math:: s_r = \tfrac1M \sum_m |\cos(a_{mr}, b_{mr})| \quad\text{or}\quad \prod_m |\cos(a_{mr}, b_{mr})|

    over the M modes that the halves share. A component that is a property of the neurons rather than of a few trials,
    or of noise, comes out of both halves.

    Parameters
    ----------
    estimator : TCA or SliceTCA
        What to fit. If it is already fitted to X, it is taken as the model of the whole; if not, that is fitted first.
    X : array_like, Recording or xarray.DataArray
        The recording. NaN means *not observed*.
    mask : array_like of bool, shape of X, optional
        True where X was observed.
    axis : int or str
        What to split: trials by default; or neurons, or time, by number or name.
    n_splits : int
        Number of random splits.
    order : {"random", "odd_even"}
        "odd_even" is one split only, whatever `n_splits`: every second trial. Where the recording drifts, the two
        halves then share its drift.
    method : {"mean_cosine", "factor_match"}
        The mean or the product of the absolute cosines. The product (Tucker's congruence coefficient of the components
        without the axis of the split) is the stricter. Weights do not count: the halves are different trials.
    random_state : None, int or numpy.random.Generator
        Seed of the splits and of the fits' random starts.
    n_jobs : int, optional
        Fits side by side, in threads (joblib); −1 uses all processors, None leaves it to `joblib.parallel_config`.
        Numbers do not depend on it.

    Returns
    -------
    SplitHalf
        With ``.similarities`` (n_splits, ΣR), ``.median``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If the estimator is neither a TCA nor a SliceTCA.
    ValueError
        If an axis, order or method is not among the choices, or a half would be empty.

    Warns
    -----
    ConvergenceWarning
        Once, if fits of halves ran out of iterations.

    Notes
    -----
    *What is compared.* Of a TCA, all factors but that of the split axis: those of neurons and time. Of a SliceTCA, what
    does not involve the split axis: slices of the trial-slicing components, loadings of the neuron- and of the
    time-slicing ones. The trial-slicing loadings, and the slices of the other types, belong to the trials of their
    half.

    *Which component is which.* Those of either half are paired with those of the whole by the same similarity, and so
    component r is the same thing in all splits. Halves were fitted from their own starts, not from the whole.

    *How much is much.* Random vectors in d dimensions have absolute cosines around √(2 / πd), non-negative ones more.
    Halves hold half the trials, so that the whole replicates better than its halves. Components that are mixtures of
    the same subspace in either half (two of a SliceTCA with singular values close to one another; too many components
    of a TCA that share a real one among them) come out low though the subspace is there.

    A start that is a fitted model cannot start a half, whose trials are others: ``init="svd"`` then takes its place.

    References
    ----------
    Harshman & De Sarbo, in Law et al., Research Methods for Multimode Data Analysis, 1984 (split-half analysis of
    PARAFAC models); Lorenzo-Seva & ten Berge, Methodology 2:57, 2006 (0.85 to 0.94 is fair, above that equal).

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((40, 20, 25), 2, noise=0.5, seed=0)
    >>> halves = fg.analysis.split_half(fg.TCA(2), recording, n_splits=3, random_state=0)
    >>> bool(halves.median.min() > 0.98)
    True
    """
    if method not in ("mean_cosine", "factor_match"):
        raise ValueError(f'method is {method!r}, expected "mean_cosine" or "factor_match"')
    if order not in ("random", "odd_even"):
        raise ValueError(f'order is {order!r}, expected "random" or "odd_even"')
    n_splits, seed = as_count("n_splits", n_splits), as_seed(random_state)
    if not n_splits:
        raise ValueError("n_splits is 0, expected at least 1")
    model, data = whole_model(estimator, X, mask, seed)
    (split_axis,) = as_axes(model, axis)
    size = model.shape_[split_axis]
    if size < 2:
        raise ValueError(f"X has {size} {model.dims_[split_axis]}, expected at least 2 to split")
    others = tuple(other for other in range(len(model.shape_)) if other != split_axis)

    half = estimator.__sklearn_clone__()
    if not isinstance(half.init, str):
        half.init = "svd"
    estimators, parts = [], []
    for split in range(1 if order == "odd_even" else n_splits):
        places_seed, *fit_seeds = np.random.SeedSequence(seed, spawn_key=(split,)).spawn(3)
        places = np.random.default_rng(places_seed).permutation(size)
        halves = (places[: size // 2], places[size // 2 :])
        if order == "odd_even":
            halves = (np.arange(1, size, 2), np.arange(0, size, 2))
        for chosen, fit_seed in zip(halves, fit_seeds, strict=True):
            random_start = int(fit_seed.generate_state(1)[0])
            estimators.append(half.__sklearn_clone__().set_params(random_state=random_start))
            parts.append(Places(split_axis, np.sort(chosen)))
    weights = None if method == "mean_cosine" else False
    aligned = side_by_side(
        estimators, parts, data, n_jobs, lambda _, fit: align(fit, model, method, weights=weights, axes=others)
    )
    n_unconverged = sum(not fit.converged_ for fit in aligned)
    warn_of_many(n_unconverged, len(aligned))
    similarities = [
        matched_similarities(one, other, others, method) for one, other in zip(aligned[::2], aligned[1::2], strict=True)
    ]
    return SplitHalf(np.stack(similarities), labels_of(groups_of(model)), model, method, split_axis, n_unconverged)
