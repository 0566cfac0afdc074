"""Tensor component analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.tensor.beyond_memory import fit_tca
from fastigial.tensor.checks import as_count, as_flags, as_number, as_seed, as_threads, check_loss, pick
from fastigial.tensor.chunks import Chunks, as_chunks
from fastigial.tensor.estimator import Decomposition
from fastigial.tensor.intake import Data, take
from fastigial.tensor.labels import as_dataset
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TCA"]

# Directions of each mode, and the recording in their coordinates.
Compressed = tuple[list[NDArray[np.float64]], NDArray[np.float64]]


class TCA(Decomposition):
    r"""Tensor component analysis: a recording as a sum of (trial × neuron × time) components.

    .. math:: \hat x_{knt} = \sum_{r=1}^{R} w_r \, a_{kr} \, b_{nr} \, c_{tr}

    and likewise for tensors with two, four or more modes. Also known as CP, CANDECOMP or PARAFAC. Fitted by
    alternating least squares on the observed entries, with extrapolation between sweeps; missing entries are left out
    of the equations exactly, not imputed. Restarts run on a small core of the tensor and cost little; from the best of
    them on, sweeps over the tensor and descents on the core that they point to take turns.

    Parameters
    ----------
    n_components : int
        R. May exceed a dimension.
    nonnegative : bool or sequence of bool
        Whether factors must not be negative: for all modes, or one value per mode. Fitted by hierarchical alternating
        least squares.
    loss : {"gaussian"}
        Squared error.
    init : {"svd", "random"} or TCA
        Where to start: the leading singular vectors of each mode, random factors, or a fitted model (then there are
        no restarts). A model with fewer components keeps them; the others start at random.
    n_init : int
        Number of starts, of which the best is kept; with ``init="svd"`` all but the first are random.
    max_iter : int
        Sweeps over the whole tensor at the most, and over each small core of it.
    tol : float
        The fit has converged when two sweeps in a row lower the loss by less than this share of it. Nothing depends on
        the scale of the data.
    random_state : None, int or numpy.random.Generator
        Seed of the random starts. The same seed gives the same numbers on any number of threads.
    n_threads : int, optional
        Threads to use; the package setting by default (see `fastigial.set_num_threads`).
    progress : bool or callable
        True shows a bar; a callable is called as ``progress(done, total, loss)``.

    Attributes
    ----------
    factors_ : list of ndarray, shapes (d_0, R), (d_1, R), …
        Columns of unit length, strongest component first. Sign: in every mode but the last, Σ a|a| ≥ 0 in each column;
        the last mode takes the sign that remains.
    weights_ : ndarray, shape (R,)
        w, not negative, descending, in the data's units.
    loss_ : float
        Mean squared error per observed entry.
    explained_variance_ : float
        1 − Σ(X − X̂)² / ΣX² over the observed entries (the data are not centred).
    loss_history_ : ndarray, shape (n_iter_,)
        The loss after each sweep of the start that won.
    restart_losses_ : ndarray, shape (n_init,)
        Where each start ended, before the last sweeps on the whole tensor; on a sample of the trials where X is read
        in chunks.
    n_iter_ : int
        Sweeps in that history.
    converged_ : bool
        Whether `tol` was reached; `outcome_` says how else the fit ended ("max_iter", "interrupted").
    dims_, coords_
        Labels of the axes, carried over from the data.

    References
    ----------
    Hitchcock, J Math Phys 1927; Harshman, UCLA Working Papers in Phonetics 1970; Williams et al., Neuron 98:1099, 2018.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> model = fg.TCA(3, random_state=0).fit(recording)
    >>> [factor.shape for factor in model.factors_]
    [(30, 3), (20, 3), (25, 3)]
    >>> model.explained_variance_ > 0.98
    True
    """

    _arrays: ClassVar[tuple[str, ...]] = ("factors_", "weights_")

    factors_: list[NDArray[Any]]
    weights_: NDArray[Any]

    def __init__(
        self,
        n_components: int,
        *,
        nonnegative: bool | Sequence[bool] = False,
        loss: str = "gaussian",
        init: str | TCA = "svd",
        n_init: int = 1,
        max_iter: int = 500,
        tol: float = 1e-7,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
        n_threads: int | None = None,
        progress: bool | Callback = False,
    ) -> None:
        self.n_components = n_components
        self.nonnegative = nonnegative
        self.loss = loss
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_threads = n_threads
        self.progress = progress

    def fit(self, X: ArrayLike, mask: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray, shape (n_trials, n_neurons, n_steps) or any of two or more axes
            NaN means *not observed*. A pandas.DataFrame is a matrix with labels. A dask array, and a numpy.memmap, zarr
            or h5py array that is large, is read a chunk of trials at a time, in passes.
        mask : array_like of bool, shape of X, optional
            True where X was observed; whatever X holds elsewhere is never looked at.

        Returns
        -------
        TCA
            This object, fitted.

        Raises
        ------
        TypeError
            If X does not hold real numbers or the mask is not boolean.
        ValueError
            If X holds infinities or no observed entry, or a parameter is out of range.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` sweeps were not enough.
        """
        check_loss(self.loss)
        data = as_chunks(X, mask) or take(X, mask)
        with Report(self.progress, "TCA") as report:
            if isinstance(data, Chunks):
                found, exception = fit_tca(self, data, report)
            else:
                found, exception = _core.fit_tca(
                    data.array,
                    data.mask,
                    n_components=as_count("n_components", self.n_components),
                    nonnegative=as_flags("nonnegative", self.nonnegative, data.array.ndim),
                    init=self._start(),
                    n_init=as_count("n_init", self.n_init),
                    max_iter=as_count("max_iter", self.max_iter),
                    tol=as_number("tol", self.tol),
                    seed=as_seed(self.random_state),
                    n_threads=as_threads(self.n_threads),
                    progress=report.callback,
                    core=vars(self).pop("_compressed", None),
                )
        self.factors_ = [factor.astype(data.dtype, copy=False) for factor in found["factors"]]
        with np.errstate(over="ignore"):
            self.weights_ = found["weights"].astype(data.dtype, copy=False)
        self._refuse_overflow(data, [self.weights_])
        self._store(data, found)
        self._conclude(exception)
        return self

    def _compress(self, X: ArrayLike, mask: ArrayLike | None, largest: int) -> Compressed | None:
        data = take(X, mask)
        if np.any(self.nonnegative):
            return None
        n_threads = as_threads(self.n_threads)
        return _core.compress_tca(data.array, data.mask, n_components=largest, n_threads=n_threads)

    def _start(self) -> str | list[NDArray[np.float64]]:
        if not isinstance(self.init, TCA):
            if not isinstance(self.init, str):
                raise TypeError(f'init is {self.init!r}, expected "svd", "random" or a fitted TCA')
            if self.init not in ("svd", "random"):
                raise ValueError(f'init is {self.init!r}, expected "svd", "random" or a fitted model')
            return self.init
        if not hasattr(self.init, "loss_"):
            raise ValueError("init is a TCA that is not fitted, expected a fitted one")
        # All weights go into the first mode: vectors of added components are drawn at random in the others, where
        # nothing then depends on the units of the data.
        first, *others = self.init._factors64()
        return [first * self.init.weights_.astype(np.float64), *others]

    def fit_transform(self, X: ArrayLike, mask: ArrayLike | None = None) -> NDArray[Any]:
        """Fit the model and return the first factor, shape (n_trials, R)."""
        return self.fit(X, mask).factors_[0]

    def transform(self, X_new: ArrayLike, mask: ArrayLike | None = None) -> NDArray[Any]:
        """Trial factors of other trials of the same neurons and times, everything else held.

        Parameters
        ----------
        X_new : array_like, Recording or xarray.DataArray, shape (n_new, n_neurons, n_steps)
            NaN means *not observed*. What `fit` reads in chunks is so here.
        mask : array_like of bool, shape of X_new, optional
            True where X_new was observed.

        Returns
        -------
        ndarray, shape (n_new, R)
            Rows in the units of ``factors_[0]``: for the fitted recording itself, ``factors_[0]`` up to the tolerance
            of the fit. A trial of which nothing was observed gets zeros.

        Raises
        ------
        ValueError
            If X_new has other neurons or times than the fit.
        """
        return np.concatenate([rows for (rows,) in self._transformed(X_new, mask)])

    def _new_parts(self, data: Data) -> list[NDArray[Any]]:
        return [self._transform(data)]

    def _transform(self, data: Data) -> NDArray[Any]:
        rows = _core.transform_tca(
            data.array,
            data.mask,
            self.weights_.astype(np.float64),
            self._factors64(),
            nonnegative=as_flags("nonnegative", self.nonnegative, len(self.factors_))[0],
            n_threads=as_threads(self.n_threads),
        )
        return rows.astype(data.array.dtype, copy=False)

    def _factors64(self) -> list[NDArray[np.float64]]:
        return [factor.astype(np.float64) for factor in self.factors_]

    def reconstruct(self, component: int | Sequence[int] | None = None) -> NDArray[Any]:
        """The model's tensor, or that of some components.

        Parameters
        ----------
        component : int or sequence of int, optional
            Component numbers, from 0; all by default.

        Returns
        -------
        ndarray, shape of X
            In the data's units and precision.

        Raises
        ------
        IndexError
            If there is no such component.
        """
        self._check_fitted()
        return self._reconstruct(self._factors64(), component)

    def _reconstruct(self, factors: list[NDArray[np.float64]], component: int | Sequence[int] | None) -> NDArray[Any]:
        chosen = np.arange(len(self.weights_))
        if component is not None:
            chosen = pick(chosen, component)
        return _core.reconstruct_tca(
            self.weights_.astype(np.float64),
            factors,
            components=chosen.tolist(),
            single=self.dtype_ == np.float32,
        )

    def _reconstruct_new(self, data: Data) -> NDArray[Any]:
        rows = self._transform(data).astype(np.float64)
        return self._reconstruct([rows, *self._factors64()[1:]], None)

    def to_xarray(self) -> xr.Dataset:
        """The factors as an xarray Dataset: one variable per axis, ``<axis>_factors`` (axis, component), and weights.

        Coordinates of the data come along.
        """
        self._check_fitted()
        variables: dict[str, tuple[tuple[int | str, ...], NDArray[Any]]] = {
            f"{dim}_factors": ((axis, "component"), self.factors_[axis]) for axis, dim in enumerate(self.dims_)
        }
        return as_dataset(self, {**variables, "weights": (("component",), self.weights_)})

    def _of_trials(self, trials: NDArray[np.intp]) -> Self:
        other = super()._of_trials(trials)
        other.factors_ = [self.factors_[0][trials], *self.factors_[1:]]
        return other

    def _exchanged(self) -> Self:
        other = super()._exchanged()
        other.factors_ = [self.factors_[1], self.factors_[0], *self.factors_[2:]]
        return other

    def _columns(self) -> list[NDArray[Any]]:
        return self.factors_
