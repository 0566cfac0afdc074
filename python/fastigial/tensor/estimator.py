"""What all decompositions share: the shape of a fit, scores, labels, files."""

from __future__ import annotations

import copy
import inspect
import warnings
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.convergence import ConvergenceWarning, is_quiet
from fastigial.parameters import Parameterized
from fastigial.tensor.checks import as_flags
from fastigial.tensor.chunks import Chunks, as_chunks
from fastigial.tensor.comparison import Comparison, compare
from fastigial.tensor.intake import Data, take
from fastigial.tensor.labels import Coords, as_frame
from fastigial.tensor.recognition import recognised, remember

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Decomposition"]


class Decomposition(Parameterized):
    """Base of the decompositions."""

    nonnegative: Any

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

    def __sklearn_clone__(self) -> Self:
        # scikit-learn would clone the parameters too, and an `init` model would come out unfitted.
        return type(self)(**self.get_params())

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

    def _of_trials(self, trials: NDArray[np.intp]) -> Self:
        """The same fitted model of some of its trials."""
        other = copy.copy(self)
        other.shape_ = (len(trials), *self.shape_[1:])
        return other

    def _bare(self, *, own: bool) -> Self:
        """The learned arrays only, to be sent elsewhere; without its `own` trials those that all trials share."""
        other = copy.copy(self) if own else self._of_trials(np.arange(0))
        others = inspect.signature(type(self).__init__).parameters
        for name in ("init", "random_state", "progress"):
            setattr(other, name, others[name].default)
        return other

    def _compress(self, X: ArrayLike, mask: ArrayLike | None, largest: Any) -> Any:
        """What fits of the same recording with up to `largest` components can share, or None.

        Given to an estimator as its attribute `_compressed`, it serves the next fit, which must be of that recording.
        """
        del X, mask, largest

    def _check_fitted(self) -> None:
        if not hasattr(self, "loss_"):
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit(X) first")

    def _store(self, data: Data | Chunks, found: dict[str, Any]) -> None:
        """Keep what every fit returns; what recordings in chunks are recognised by comes with that."""
        self.labels_ = (data.dims, data.coords)
        self.shape_ = data.shape
        self.dtype_ = data.dtype
        self.loss_ = found["loss"]
        self.explained_variance_ = found["score"]
        self.loss_history_ = found["loss_history"]
        self.restart_losses_ = found["start_losses"]
        self.n_iter_ = len(self.loss_history_)
        self.outcome_ = found["outcome"]
        self.converged_ = self.outcome_ == "converged"
        self._remembered = remember(data) if isinstance(data, Data) else found["remembered"]

    def _conclude(self, exception: BaseException | None) -> None:
        """Raise what stopped the fit, or warn that it ran out of iterations."""
        if exception is not None:
            raise exception
        if self.outcome_ == "max_iter" and not is_quiet():
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

    def _new_parts(self, data: Data) -> list[NDArray[Any]]:
        """What `transform` finds for other trials, in their precision."""
        raise NotImplementedError

    def _transformed(self, X: ArrayLike, mask: ArrayLike | None) -> list[list[NDArray[Any]]]:
        """The same for each chunk of other trials; one chunk if they are in memory."""
        self._check_fitted()
        chunks = as_chunks(X, mask)
        if chunks is None:
            return [self._new_parts(take(X, mask))]
        found = list(chunks.map(_new_parts_of_chunk, chunks.spans, self._bare(own=False)))
        if not any(observed for observed, _ in found):
            raise ValueError("X holds no observed entry: it is empty, all NaN, or all masked")
        return [parts for _, parts in found]

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
        return compare(self, X, mask).score

    def evaluate(self, X: ArrayLike, mask: ArrayLike | None = None) -> float:
        """Mean loss per observed entry, Σ(X − X̂)² / n, in the units of ``loss_``: of held-out entries, for example.

        Parameters
        ----------
        X : array_like, Recording or xarray.DataArray
            The recording that was fitted, or other trials of the same neurons and times; those are transformed first,
            by the very entries that are then compared (see `score`).
        mask : array_like of bool, optional
            True where X counts; for example the entries that were held out from the fit.

        Returns
        -------
        float
            In the data's units squared, not negative.

        Raises
        ------
        ValueError
            If nothing is observed, X holds infinities there, or the mask has another shape.

        Examples
        --------
        >>> import fastigial as fg
        >>> X = fg.datasets.make_tca((20, 15, 10), 2, noise=0.5, seed=0).data
        >>> train, test = fg.masks.blocked(X.shape, 0.1, block=(1, 1, 3), random_state=0)
        >>> model = fg.TCA(2, random_state=0).fit(X, mask=train)
        >>> bool(abs(model.evaluate(X, mask=train) / model.loss_ - 1) < 1e-9)
        True
        >>> 0.2 < model.evaluate(X, mask=test) < 0.3
        True
        """
        self._check_fitted()
        return compare(self, X, mask).mean_loss

    def _evaluate_new(self, X: NDArray[Any], given: NDArray[np.bool_], asked: NDArray[np.bool_]) -> float:
        """Mean loss over the entries `asked` of other trials, transformed by the entries `given`."""
        model = self._reconstruct_new(take(X, given))
        return Comparison.of(X[asked].astype(np.float64), model[asked]).mean_loss

    def _recognises(self, data: Data) -> bool:
        """Whether `data` is the fitted recording, as far as both were observed."""
        return data.shape == self.shape_ and recognised(self._remembered, data)

    def _exchanged(self) -> Self:
        """The same fitted model with the first two axes exchanged: its new trials are this model's new neurons."""
        self._check_fitted()
        other = copy.copy(self)
        dims, coords = self.labels_
        other.labels_ = ((dims[1], dims[0], *dims[2:]), coords)
        other.shape_ = (self.shape_[1], self.shape_[0], *self.shape_[2:])
        places, values = self._remembered.T
        first, second, *rest = np.unravel_index(places.astype(np.intp), self.shape_)
        there = np.ravel_multi_index((second, first, *rest), other.shape_)
        other._remembered = np.stack([there.astype(np.float64), values], axis=1)
        if not isinstance(self.nonnegative, bool | np.bool_):
            first_flag, second_flag, *others = as_flags("nonnegative", self.nonnegative, len(self.shape_))
            other.nonnegative = [second_flag, first_flag, *others]
        return other

    def _refuse_overflow(self, data: Data | Chunks, arrays: list[NDArray[Any]]) -> None:
        """A model of unit vectors has larger numbers than its data."""
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(
                f"X is so large that the model's numbers overflow {data.dtype}; pass float64, or rescale it"
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


def _new_parts_of_chunk(model: Decomposition, data: Data, span: tuple[int, int]) -> tuple[bool, list[NDArray[Any]]]:
    """Whether anything was observed, and what trials of other recordings come to; silent ones stand for hidden ones."""
    del span
    seen = ~np.isnan(data.array) if data.mask is None else data.mask & ~np.isnan(data.array)
    observed = bool(seen.any())
    if not observed:
        data = Data(np.zeros_like(data.array), None, data.dims, data.coords)
    return observed, model._new_parts(data)
