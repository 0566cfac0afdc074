"""Slice tensor component analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.tensor.beyond_memory import fit_slicetca
from fastigial.tensor.checks import as_count, as_flags, as_number, as_seed, as_threads, check_loss, pick
from fastigial.tensor.chunks import Chunks, as_chunks
from fastigial.tensor.estimator import Decomposition
from fastigial.tensor.intake import Data, take
from fastigial.tensor.labels import as_dataset
from fastigial.tensor.progress import Callback, Report

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NewTrials", "SliceTCA"]


@dataclass(frozen=True)
class NewTrials:
    """What is particular to trials that a fitted `SliceTCA` had not seen.

    Attributes
    ----------
    loadings : ndarray, shape (r_trial, n_new)
        Loadings of the trial-slicing components.
    neuron_slices : ndarray, shape (r_neuron, n_new, n_steps)
        The new trials' rows of the neuron-slicing components' slices.
    time_slices : ndarray, shape (r_time, n_new, n_neurons)
        The new trials' rows of the time-slicing components' slices.
    """

    loadings: NDArray[Any]
    neuron_slices: NDArray[Any]
    time_slices: NDArray[Any]


class SliceTCA(Decomposition):
    r"""Slice tensor component analysis: components that are low-rank in trials, in neurons, or in time.

    .. math:: \hat x_{knt} = \sum_r u_{rk} A_{r,nt} + \sum_r v_{rn} B_{r,kt} + \sum_r w_{rt} C_{r,kn}

    Each component is a loading vector along one axis times a slice over the other two (Pellegrino, Stein &
    Cayco-Gajic, Nature Neuroscience 27:1199, 2024). Where that paper descends by stochastic gradients, this fits by
    exact blocks (each span is the leading eigenvectors of a small matrix), restarts until a further start is not
    expected to find a new minimum, and brings the model into its canonical form in closed form: between slice types
    shared parts are shared equally (L2), within a type loadings are orthonormal and slices orthogonal (L3).

    Parameters
    ----------
    n_components : tuple of int
        (r_trial, r_neuron, r_time); any may be 0, none may exceed its axis.
    nonnegative : bool or sequence of bool
        Whether loadings and slices must not be negative: of all slice types, or of (trial, neuron, time) one by one.
        Such a model is fitted by hierarchical alternating least squares from several random starts and is not brought
        into canonical form: turning it would make it negative. Its components have loadings of length one, the
        strongest slice first.
    loss : {"gaussian"}
        Squared error.
    init : {"svd", "random"} or SliceTCA
        Where to start: the leading singular vectors (restarts follow random fibres of the data), random fibres only,
        or a fitted model (then there are no restarts). A model with fewer components keeps them; the others start
        from random fibres.
    n_init : "auto" or int
        Number of starts. For signed models, "auto" goes on until the ends found so far leave no unseen one to be expected (the rule of
        Boender & Rinnooy Kan, 1987) and the best has been found more than once: 8 starts where there is one minimum,
        30 where there are three, 200 at the most. For non-negative ones, and with missing entries, it is 8. Of those starts only the better half
        is followed twice as far, and so on until one is left.
    invariance : {"full", "within", None}
        What to bring into canonical form: everything; only the components within each type; nothing. Without meaning
        for non-negative models.
    max_iter : int
        Sweeps on the recording at the most.
    tol : float
        The fit has converged when a sweep lowers the loss by less than this share of it.
    random_state : None, int or numpy.random.Generator
        Seed of the restarts. The same seed gives the same numbers on any number of threads.
    n_threads : int, optional
        Threads to use; the package setting by default.
    progress : bool or callable
        True shows a bar; a callable is called as ``progress(done, total, loss)``.

    Attributes
    ----------
    loadings_ : list of ndarray, shapes (r_trial, n_trials), (r_neuron, n_neurons), (r_time, n_steps)
        Unit vectors; those of a type are orthogonal, strongest first, with Σ u|u| ≥ 0.
    slices_ : list of ndarray, shapes (r_trial, n_neurons, n_steps), (r_neuron, n_trials, n_steps), (r_time, n_trials, n_neurons)
        In the data's units; those of a type are orthogonal.
    loss_ : float
        Mean squared error per observed entry.
    explained_variance_ : float
        1 − Σ(X − X̂)² / ΣX² over the observed entries (the data are not centred).
    loss_history_ : ndarray, shape (n_iter_,)
        The loss after each sweep of the start that won: first on the compressed recording, at the end on the whole.
    restart_losses_ : ndarray
        Where each start ended, most of them on the compressed recording: the landscape's minima. Those of a sample of
        the trials where X is read in chunks.
    n_iter_ : int
        Sweeps in that history.
    converged_ : bool
        Whether `tol` was reached; `outcome_` says how else the fit ended ("max_iter", "interrupted").
    dims_, coords_
        Labels of the axes, carried over from the data.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_slicetca((30, 20, 25), (1, 2, 0), noise=0.1, seed=0)
    >>> model = fg.SliceTCA((1, 2, 0), random_state=0).fit(recording)
    >>> [slices.shape for slices in model.slices_]
    [(1, 20, 25), (2, 30, 25), (0, 30, 20)]
    >>> model.explained_variance_ > 0.98
    True
    """  # noqa: E501 (shapes on one line)

    _arrays: ClassVar[tuple[str, ...]] = ("loadings_", "slices_")

    loadings_: list[NDArray[Any]]
    slices_: list[NDArray[Any]]

    def __init__(
        self,
        n_components: tuple[int, int, int],
        *,
        nonnegative: bool | Sequence[bool] = False,
        loss: str = "gaussian",
        init: str | SliceTCA = "svd",
        n_init: int | str = "auto",
        invariance: str | None = "full",
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
        self.invariance = invariance
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_threads = n_threads
        self.progress = progress

    def fit(self, X: ArrayLike, mask: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray, shape (n_trials, n_neurons, n_steps)
            NaN means *not observed*. A dask array, and a numpy.memmap, zarr or h5py array that is large, is read a
            chunk of trials at a time, in passes.
        mask : array_like of bool, shape of X, optional
            True where X was observed; whatever X holds elsewhere is never looked at.

        Returns
        -------
        SliceTCA
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
        if self.n_init != "auto" and isinstance(self.n_init, str):
            raise ValueError(f'n_init is {self.n_init!r}, expected "auto" or a whole number')
        data = as_chunks(X, mask) or take(X, mask)
        with Report(self.progress, "SliceTCA") as report:
            if isinstance(data, Chunks):
                found, exception = fit_slicetca(self, data, report)
            else:
                found, exception = _core.fit_slicetca(
                    data.array,
                    data.mask,
                    n_components=self._ranks(),
                    nonnegative=as_flags("nonnegative", self.nonnegative, 3),
                    init=self._start(),
                    n_init=None if self.n_init == "auto" else as_count("n_init", self.n_init),
                    invariance=self.invariance,
                    max_iter=as_count("max_iter", self.max_iter),
                    tol=as_number("tol", self.tol),
                    seed=as_seed(self.random_state),
                    n_threads=as_threads(self.n_threads),
                    progress=report.callback,
                )
        self.loadings_ = [loading.astype(data.dtype, copy=False) for loading in found["loadings"]]
        with np.errstate(over="ignore"):
            self.slices_ = [slices.astype(data.dtype, copy=False) for slices in found["slices"]]
        self._refuse_overflow(data, self.slices_)
        self._store(data, found)
        self._conclude(exception)
        return self

    def _start(self) -> str | tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        if not isinstance(self.init, SliceTCA):
            if not isinstance(self.init, str):
                raise TypeError(f'init is {self.init!r}, expected "svd", "random" or a fitted SliceTCA')
            if self.init not in ("svd", "random"):
                raise ValueError(f'init is {self.init!r}, expected "svd", "random" or a fitted model')
            return self.init
        if not hasattr(self.init, "loss_"):
            raise ValueError("init is a SliceTCA that is not fitted, expected a fitted one")
        return self.init._loadings64(), self.init._slices64()

    def _loadings64(self) -> list[NDArray[np.float64]]:
        return [loading.astype(np.float64) for loading in self.loadings_]

    def _slices64(self) -> list[NDArray[np.float64]]:
        return [slices.astype(np.float64) for slices in self.slices_]

    def canonicalize(self) -> Self:
        """Bring the model into its canonical form, in place: the reconstruction stays, the components become unique.

        Between types: of all ways to share out what several types can hold, the one with the smallest Σ‖T_i‖², T_i the
        tensor of type i (the paper's L2, here in closed form). Within a type: the singular value decomposition of T_i
        (L3), with the sign rule of `loadings_`. `fit` ends with it, unless ``invariance`` says otherwise.

        Returns
        -------
        SliceTCA
            This object.

        Raises
        ------
        ValueError
            If the model is non-negative: it would not stay so.
        """
        self._check_fitted()
        if any(as_flags("nonnegative", self.nonnegative, 3)):
            raise ValueError("a non-negative model has no canonical form: it would become negative")
        found = _core.canonicalize_slicetca(self._loadings64(), self._slices64(), n_threads=as_threads(self.n_threads))
        self.loadings_ = [loading.astype(self.dtype_, copy=False) for loading in found["loadings"]]
        self.slices_ = [slices.astype(self.dtype_, copy=False) for slices in found["slices"]]
        return self

    def transform(self, X_new: ArrayLike, mask: ArrayLike | None = None) -> NewTrials:
        """Loadings and slice rows of other trials of the same neurons and times.

        The trial slices and the loadings of neurons and time are held; everything else of the new trials is fitted by
        least squares, and what both the neuron and the time slices could hold is shared equally.

        Parameters
        ----------
        X_new : array_like, Recording or xarray.DataArray, shape (n_new, n_neurons, n_steps)
            NaN means *not observed*. What `fit` reads in chunks is so here.
        mask : array_like of bool, shape of X_new, optional
            True where X_new was observed.

        Returns
        -------
        NewTrials
            ``.loadings`` (r_trial, n_new), ``.neuron_slices`` (r_neuron, n_new, n_steps) and ``.time_slices``
            (r_time, n_new, n_neurons). A trial of which nothing was observed gets zeros.

        Raises
        ------
        ValueError
            If X_new has other neurons or times than the fit.
        """
        parts = zip(*self._transformed(X_new, mask), strict=True)
        return NewTrials(*(np.concatenate(part, axis=1) for part in parts))

    def _new_parts(self, data: Data) -> list[NDArray[Any]]:
        return [part.astype(data.dtype, copy=False) for part in self._transform(data)]

    def _transform(self, data: Data) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        return _core.transform_slicetca(
            data.array,
            data.mask,
            self._loadings64(),
            self._slices64(),
            nonnegative=as_flags("nonnegative", self.nonnegative, 3),
            n_threads=as_threads(self.n_threads),
        )

    def reconstruct(self, slice_type: int | str | None = None, component: int | None = None) -> NDArray[Any]:
        """The model's tensor: whole, by slice type, or by component.

        Parameters
        ----------
        slice_type : {0, 1, 2} or {"trial", "neuron", "time"}, optional
            Only the components of this type (or its axis' name in the data).
        component : int, optional
            Only this component of the type, counted from 0; needs `slice_type`.

        Returns
        -------
        ndarray, shape of X
            In the data's units and precision.

        Raises
        ------
        ValueError
            If there is no such type, or a component is asked for without its type.
        IndexError
            If there is no such component.
        """
        self._check_fitted()
        chosen = [np.arange(len(loading)) for loading in self.loadings_]
        if slice_type is not None:
            kept = self._type_number(slice_type)
            chosen = [numbers if i == kept else numbers[:0] for i, numbers in enumerate(chosen)]
            if component is not None:
                chosen[kept] = pick(chosen[kept], component)
        elif component is not None:
            raise ValueError("component needs slice_type: components are counted within their type")
        return self._reconstruct(self._loadings64(), self._slices64(), chosen)

    def _type_number(self, slice_type: int | str) -> int:
        # The data's own names come first: their axes may stand in another order.
        names = [*self.dims_, "trial", "neuron", "time"]
        if isinstance(slice_type, str) and slice_type in names:
            return names.index(slice_type) % 3
        if isinstance(slice_type, int | np.integer) and 0 <= slice_type < 3:
            return int(slice_type)
        raise ValueError(f'slice_type is {slice_type!r}, expected 0, 1, 2, "trial", "neuron" or "time"')

    def _reconstruct(
        self,
        loadings: list[NDArray[np.float64]],
        slices: list[NDArray[np.float64]],
        chosen: list[NDArray[np.intp]],
    ) -> NDArray[Any]:
        return _core.reconstruct_slicetca(
            loadings,
            slices,
            components=[numbers.tolist() for numbers in chosen],
            single=self.dtype_ == np.float32,
            n_threads=as_threads(self.n_threads),
        )

    def _reconstruct_new(self, data: Data) -> NDArray[Any]:
        new_loadings, neuron_slices, time_slices = self._transform(data)
        loadings = [new_loadings, *self._loadings64()[1:]]
        slices = [self._slices64()[0], neuron_slices, time_slices]
        return self._reconstruct(loadings, slices, [np.arange(len(loading)) for loading in loadings])

    def to_xarray(self) -> xr.Dataset:
        """Loadings and slices as an xarray Dataset.

        Variables ``<axis>_loadings`` (``<axis>_component``, axis) and ``<axis>_slices`` (``<axis>_component``, the two
        other axes); coordinates of the data come along.
        """
        self._check_fitted()
        variables: dict[str, tuple[tuple[int | str, ...], NDArray[Any]]] = {}
        for axis, dim in enumerate(self.dims_):
            others = [other for other in range(3) if other != axis]
            variables[f"{dim}_loadings"] = ((f"{dim}_component", axis), self.loadings_[axis])
            variables[f"{dim}_slices"] = ((f"{dim}_component", *others), self.slices_[axis])
        return as_dataset(self, variables)

    def _of_trials(self, trials: NDArray[np.intp]) -> Self:
        other = super()._of_trials(trials)
        trial, neuron, time = self.loadings_
        other.loadings_ = [trial[:, trials], neuron, time]
        slices, *own = self.slices_
        other.slices_ = [slices, *(part[:, trials] for part in own)]
        return other

    def _exchanged(self) -> Self:
        other = super()._exchanged()
        first, second, third = self._ranks()
        other.n_components = (second, first, third)
        other.loadings_ = [self.loadings_[1], self.loadings_[0], self.loadings_[2]]
        other.slices_ = [self.slices_[1], self.slices_[0], self.slices_[2].swapaxes(1, 2)]
        return other

    def _columns(self) -> list[NDArray[Any]]:
        return [loading.T for loading in self.loadings_]

    def _ranks(self) -> list[int]:
        try:
            ranks = list(self.n_components)
        except TypeError:
            ranks = []
        if len(ranks) != 3:
            got = repr(self.n_components)
            raise ValueError(f"n_components is {got}, expected three numbers (r_trial, r_neuron, r_time)")
        return [as_count("n_components", rank) for rank in ranks]
