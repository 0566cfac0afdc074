"""What all decompositions share: parameters, the shape of a fit, scores, labels, files."""

from __future__ import annotations

import inspect
import warnings
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.convergence import ConvergenceWarning
from fastigial.tensor.intake import Data, take
from fastigial.tensor.labels import Coords, as_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Decomposition"]

# Entries of the training data that are kept to recognise it again, twice this many; and in how many of each stretch the
# largest is looked for.
_N_REMEMBERED = 64
_N_LOOKED_AT = 1 << 10


class Decomposition:
    """Base of the estimators. Constructors only store their arguments; learned values end in an underscore."""

    labels_: tuple[tuple[str, ...], Coords]
    loss_: float
    loss_history_: NDArray[np.float64]
    restart_losses_: NDArray[np.float64]
    explained_variance_: float
    n_iter_: int
    converged_: bool
    outcome_: str
    shape_: tuple[int, ...]
    dtype_: np.dtype[Any]

    # Names of the learned arrays, for files.
    _arrays: ClassVar[tuple[str, ...]]

    # ---- parameters ---------------------------------------------------------------------------------------------

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Hyper-parameters by name (`deep` is accepted for scikit-learn; there is nothing nested)."""
        del deep
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Set hyper-parameters by name.

        Raises
        ------
        ValueError
            If a name is not one of the estimator's parameters.
        """
        known = self._parameter_names()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_clone__(self) -> Self:
        # scikit-learn would clone the parameters too, and an `init` model would come out unfitted.
        return type(self)(**self.get_params())

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        # Each value is asked once: a model may hold the model it started from, and that one another.
        shown = {name: repr(value) for name, value in self.get_params().items()}
        changed = [f"{name}={text}" for name, text in shown.items() if text != repr(defaults[name].default)]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        from fastigial.tensor.summary import as_html

        return as_html(self)

    # ---- a fit --------------------------------------------------------------------------------------------------

    @property
    def dims_(self) -> tuple[str, ...]:
        """Names of the axes, as they came with the data."""
        self._check_fitted()
        return self.labels_[0]

    @property
    def coords_(self) -> Coords:
        """Coordinates along single axes, as they came with the data: name to (axis, values)."""
        self._check_fitted()
        return self.labels_[1]

    def _compress(self, X: ArrayLike, mask: ArrayLike | None, largest: Any) -> Any:
        """What fits of the same recording with up to `largest` components can share, or None.

        Given to an estimator as its attribute `_compressed`, it serves the next fit, which must be of that recording.
        """
        del X, mask, largest

    def _check_fitted(self) -> None:
        if not hasattr(self, "loss_"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit(X) first")

    def _store(self, data: Data, found: dict[str, Any]) -> None:
        """Keep what every fit returns."""
        self.labels_ = (data.dims, data.coords)
        self.shape_ = data.array.shape
        self.dtype_ = data.array.dtype
        self.loss_ = found["loss"]
        self.explained_variance_ = found["score"]
        self.loss_history_ = found["loss_history"]
        self.restart_losses_ = found["start_losses"]
        self.n_iter_ = len(self.loss_history_)
        self.outcome_ = found["outcome"]
        self.converged_ = self.outcome_ == "converged"
        self._remembered = _sample(data)

    def _conclude(self, exception: BaseException | None) -> None:
        """Raise what stopped the fit, or warn that it ran out of iterations."""
        if exception is not None:
            raise exception
        if self.outcome_ == "max_iter":
            warnings.warn(
                f"{type(self).__name__} stopped after max_iter={getattr(self, 'max_iter', None)} sweeps, before a "
                "sweep gained less than tol of the loss; raise max_iter, or tol if the loss is good enough",
                ConvergenceWarning,
                stacklevel=3,
            )

    def reconstruct(self) -> NDArray[Any]:
        """The model's tensor."""
        raise NotImplementedError

    def _reconstruct_new(self, data: Data) -> NDArray[Any]:
        raise NotImplementedError

    def score(self, X: ArrayLike, mask: ArrayLike | None = None) -> float:
        """Share of the data that the model explains, 1 − Σ(X − X̂)² / ΣX², over the observed entries.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray
            The recording that was fitted, or other trials of the same neurons and times; those are transformed first.
            Which it is, is told by comparing X with a few entries of the fitted recording.
        mask : array_like of bool, optional
            True where X counts; for example the entries that were held out from the fit.

        Returns
        -------
        float
            1 for a perfect model, 0 for one no better than silence. The data are not centred.
        """
        self._check_fitted()
        data = take(X, mask)
        if data.mask is not None and data.mask.shape != data.array.shape:
            raise ValueError(f"mask has shape {data.mask.shape}, expected that of X, {data.array.shape}")
        observed = ~np.isnan(data.array)
        if data.mask is not None:
            observed &= data.mask
        if not observed.any():
            raise ValueError("X holds no observed entry: it is all NaN, or all masked")
        truth = data.array[observed].astype(np.float64)
        if not np.isfinite(truth).all():
            raise ValueError("X holds infinite values; mark what was not observed as NaN")
        same = data.array.shape == self.shape_ and self._recognises(data)
        model = self.reconstruct() if same else self._reconstruct_new(data)
        size = float(np.max(np.abs(truth))) or 1.0
        difference = (truth - model[observed]) / size
        return float(1.0 - np.sum(difference**2) / max(np.sum((truth / size) ** 2), np.finfo(np.float64).tiny))

    def _recognises(self, data: Data) -> bool:
        """Whether `data` is the fitted recording, as far as both were observed."""
        places, values = self._remembered.T
        now = _observed_at(data, places.astype(np.intp))
        both = ~(np.isnan(now) | np.isnan(values))
        return bool(np.array_equal(now[both], values[both]))

    def _refuse_overflow(self, data: Data, arrays: list[NDArray[Any]]) -> None:
        """A model of unit vectors has larger numbers than its data."""
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(
                f"X is so large that the model's numbers overflow {data.array.dtype}; pass float64, or rescale it"
            )

    # ---- tables -------------------------------------------------------------------------------------------------

    def _columns(self) -> list[NDArray[Any]]:
        """The vectors of the components along each axis, as the columns of a matrix (d_i, R_i)."""
        raise NotImplementedError

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """The factors (TCA) or loadings (SliceTCA) as one table per axis, by the axis' name.

        Returns
        -------
        dict of str to pandas.DataFrame
            One row per trial, neuron or time step, one column per component. Every coordinate along the axis is a
            level of the index, so that ``groupby("condition")`` works.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import fastigial as fg
        >>> recording = fg.datasets.make_learning_recording(seed=0)
        >>> tables = fg.TCA(2, random_state=0).fit(recording).to_pandas()
        >>> tables["trial"].groupby("condition").mean().shape
        (4, 2)
        """
        self._check_fitted()
        return {dim: as_frame(self, axis, self._columns()[axis]) for axis, dim in enumerate(self.dims_)}

    # ---- files --------------------------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a file (safetensors; see `fastigial.load`).

        The file is written beside and renamed, so an interrupted save leaves the old file as it was.

        Parameters
        ----------
        path : str or path
            The file, conventionally ``*.safetensors``.
        """
        from fastigial.io import save

        self._check_fitted()
        save(self, path)


def _sample(data: Data) -> NDArray[np.float64]:
    """Places of a few entries and what stands there: some spread evenly, and the largest of each stretch.

    Evenly spread places alone would not tell apart two recordings that are mostly zeros.
    """
    last = data.array.size - 1
    even = np.linspace(0, last, _N_REMEMBERED).astype(np.intp)
    many = np.linspace(0, last, _N_REMEMBERED * _N_LOOKED_AT).astype(np.intp).reshape(_N_REMEMBERED, _N_LOOKED_AT)
    sizes = np.nan_to_num(np.abs(_observed_at(data, many)), nan=0.0)
    largest = np.take_along_axis(many, sizes.argmax(axis=1)[:, None], axis=1)[:, 0]
    places = np.concatenate([even, largest])
    return np.stack([places.astype(np.float64), _observed_at(data, places)], axis=1)


def _observed_at(data: Data, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Entries at flat places, NaN where not observed."""
    values = _at(data.array, places).astype(np.float64)
    if data.mask is not None:
        values[~_at(data.mask, places)] = np.nan
    return values


def _at(array: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    # Indices of all axes take longer than many a fit; only an array with strides needs them.
    if array.flags.c_contiguous:
        return np.asarray(array.reshape(-1)[places])
    return np.asarray(array[np.unravel_index(places, array.shape)])
