"""What training lowers.

::

    mse            Σ w (y − y*)² / Σ w                                  over trials, steps and outputs
    cross_entropy  Σ w_bt (−Σ_o p_o log softmax(y_bt)_o) / Σ w_bt       over trials and steps

    symbol   name      shape
    y        outputs   (B, T, O)
    y*       targets   (B, T, O)                       NaN: not observed
    p        targets   (B, T, O), or (B, T) integers   the class, −1: not observed
    w        weights   (B, T) or (B, T, O)             1 unless a mask or weights are given; 0: not observed

Anything else is a function of the outputs that returns its own derivative.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_real

__all__ = ["MSE", "CrossEntropy", "NothingObservedError", "Prepared", "as_loss", "prepare"]

Array = NDArray[Any]
_Names = "expected 'mse', 'cross_entropy', an object of fastigial.losses or a function"


@dataclass(frozen=True)
class MSE:
    """Mean squared error over everything observed, in the outputs' units squared.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.losses.MSE().name
    'mse'
    """

    name = "mse"


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross-entropy over everything observed, in nats; the outputs are taken through a softmax."""

    name = "cross_entropy"


@dataclass(frozen=True)
class Custom:
    """A user's own: ``function(outputs)``, ``(outputs, targets)`` or ``(outputs, targets, weights)``.

    It returns (loss, derivative with respect to the outputs, (B, T, O)) and, if need be, the loss of each trial, (B,),
    which the rules that learn from rewards ask for.
    """

    function: Callable[..., Any]
    n_arguments: int
    name = "custom"


def as_loss(loss: Any) -> MSE | CrossEntropy | Custom:
    """A loss from its name, an object of this module or a function.

    Examples
    --------
    >>> from fastigial.rnn.losses import as_loss
    >>> as_loss("mse"), as_loss(lambda outputs, targets: None).n_arguments
    (MSE(), 2)
    """
    if isinstance(loss, MSE | CrossEntropy | Custom):
        return loss
    if isinstance(loss, str):
        for kind in (MSE, CrossEntropy):
            if loss == kind.name:
                return kind()
        raise ValueError(f"loss is {loss!r}, {_Names}")
    if not callable(loss):
        raise TypeError(f"loss is {loss!r}, {_Names}")
    try:
        parameters = inspect.signature(loss).parameters.values()
    except ValueError:
        return Custom(loss, 1)
    needed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    if not 1 <= len(needed) <= 3:
        raise TypeError(f"loss takes {len(needed)} arguments, expected (outputs[, targets[, weights]])")
    return Custom(loss, len(needed))


class NothingObservedError(ValueError):
    """No target of a batch counts."""


@dataclass(frozen=True)
class Prepared:
    """A loss with the targets of a batch, as the core takes it.

    Attributes
    ----------
    loss : MSE, CrossEntropy or Custom
        Which.
    targets : ndarray of shape (B, T, O), or None
        Without NaN; whatever stands where the weight is 0.
    weights : ndarray of shape (B, T, O) or (B, T, 1), or None
        None: all 1.
    """

    loss: MSE | CrossEntropy | Custom
    targets: Array | None
    weights: Array | None

    def steps(self, start: int, stop: int) -> Prepared:
        """The same of some steps, where it may be that nothing is observed."""
        targets, weights = (
            None if array is None else np.ascontiguousarray(array[:, start:stop])
            for array in (self.targets, self.weights)
        )
        return Prepared(self.loss, targets, weights)

    def for_core(self) -> tuple[str, Array, Array | None] | Callable[[Array], Any]:
        """The name with targets and weights, or a function of the outputs."""
        if isinstance(self.loss, Custom):
            return self._call
        assert self.targets is not None
        return self.loss.name, self.targets, self.weights

    def _call(self, outputs: Array) -> tuple[Any, ...]:
        assert isinstance(self.loss, Custom)
        given = (outputs, self.targets, self.weights)[: self.loss.n_arguments]
        answer = self.loss.function(*given)
        if not isinstance(answer, tuple) or len(answer) not in (2, 3):
            raise TypeError(f"loss returned {type(answer).__name__}, expected (loss, derivative[, loss of each trial])")
        derivative = np.ascontiguousarray(answer[1], dtype=outputs.dtype)
        if derivative.shape != outputs.shape:
            raise ValueError(f"loss returned a derivative of shape {derivative.shape}, expected {outputs.shape}")
        if len(answer) == 2:
            return float(answer[0]), derivative
        per_trial = np.ascontiguousarray(answer[2], dtype=np.float64)
        if per_trial.shape != outputs.shape[:1]:
            raise ValueError(f"loss returned losses of shape {per_trial.shape}, expected {outputs.shape[:1]}")
        return float(answer[0]), derivative, per_trial

    def evaluate(self, outputs: Array) -> float:
        """The loss of these outputs, in double precision."""
        if isinstance(self.loss, Custom):
            return float(self._call(outputs)[0])
        terms, weights = self._terms(outputs)
        return float((weights * terms).sum() / weights.sum())

    def per_step(self, outputs: Array) -> NDArray[np.float64]:
        """Loss of each step, (B, T): mean over the outputs observed then, NaN where there is none."""
        if isinstance(self.loss, Custom):
            raise ValueError("a loss of one's own has no value for single steps")
        terms, weights = self._terms(outputs)
        total = weights.sum(axis=2)
        return np.where(total > 0, (weights * terms).sum(axis=2) / np.where(total > 0, total, 1.0), np.nan)

    def _terms(self, outputs: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is averaged, and its weights, of one shape: (B, T, O), or (B, T, 1) for the cross-entropy."""
        y, target = outputs.astype(np.float64), np.asarray(self.targets, dtype=np.float64)
        if isinstance(self.loss, MSE):
            terms = (y - target) ** 2
        else:
            shifted = y - y.max(axis=2, keepdims=True)
            logarithms = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
            terms = -(target * logarithms).sum(axis=2, keepdims=True)
        weights = np.ones(1) if self.weights is None else self.weights.astype(np.float64)
        return terms, np.broadcast_to(weights, terms.shape)


def prepare(loss: Any, targets: Any, mask: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Prepared:
    """Targets, and a mask or weights, in the form that the core takes.

    Parameters
    ----------
    loss : str, object of this module, or callable
        See `as_loss`.
    targets : array_like, shape (B, T, O) or, for classes, integers of shape (B, T)
        A function may do without: None.
    mask : array_like, shape (B, T) or (B, T, O), optional
        Booleans (True: counts) or weights that are not negative.
    shape : (int, int, int)
        B, T and O, of the outputs.
    dtype : numpy.dtype
        Of the network.

    Raises
    ------
    ValueError
        If a shape is wrong, a class does not exist, a weight is negative, or nothing is observed.
    TypeError
        If targets or mask are not numbers.
    """
    chosen = as_loss(loss)
    weights = _weights(mask, shape, dtype)
    if targets is None:
        if not isinstance(chosen, Custom):
            raise TypeError(f"targets are None; the loss {chosen.name!r} needs them")
        return Prepared(chosen, None, weights)
    array = np.asarray(targets)
    if isinstance(chosen, CrossEntropy) and array.ndim == 2 and array.dtype.kind in "iu":
        array, observed = _one_hot(array, shape)
    else:
        array = as_real("targets", array, dtype, finite=False)
        if array.shape != shape:
            classes = f", or {shape[:2]} whole numbers" if isinstance(chosen, CrossEntropy) else ""
            raise ValueError(
                f"targets have the shape {array.shape}, expected (trials, time, outputs) = {shape}{classes}"
            )
        observed = ~np.isnan(array)
        if isinstance(chosen, CrossEntropy):
            observed = observed.all(axis=2, keepdims=True)
            counted = np.where(observed, array, 0.0)
            if (counted < 0).any():
                raise ValueError("targets hold negative probabilities")
    if isinstance(chosen, CrossEntropy) and weights is not None and weights.shape[2] != 1:
        raise ValueError(f"mask has the shape {weights.shape}, expected {shape[:2]} for the cross-entropy")
    if not observed.all():
        weights = np.where(observed, 1.0 if weights is None else weights, 0.0).astype(dtype)
        array = np.where(observed, array, 0.0)
    if weights is not None and not (weights > 0).any():
        raise NothingObservedError("targets and mask leave nothing observed")
    counts = np.broadcast_to(True if weights is None else weights > 0, array.shape)
    if not np.isfinite(array[counts]).all():
        raise ValueError("targets hold infinities, or numbers too large for the network's precision")
    # What lies under a weight of 0 is never looked at; an infinity there would still spoil a product.
    return Prepared(chosen, np.ascontiguousarray(np.where(counts, array, 0.0), dtype=dtype), weights)


def _weights(mask: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Array | None:
    if mask is None:
        return None
    weights = as_real("mask", mask, dtype)
    if weights.shape == shape[:2]:
        weights = weights[:, :, None]
    if weights.shape not in (shape, (*shape[:2], 1)):
        raise ValueError(f"mask has the shape {np.shape(mask)}, expected {shape[:2]} or {shape}")
    if (weights < 0).any():
        raise ValueError("mask holds negative weights")
    return weights


def _one_hot(classes: Array, shape: tuple[int, int, int]) -> tuple[Array, NDArray[np.bool_]]:
    """Probabilities of 0 and 1, (B, T, O), and where a class was observed, (B, T, 1)."""
    if classes.shape != shape[:2]:
        raise ValueError(f"targets have the shape {classes.shape}, expected {shape[:2]} classes or {shape}")
    if classes.size and not (classes.min() >= -1 and classes.max() < shape[2]):
        raise ValueError(f"targets hold classes outside −1 to {shape[2] - 1}; the network has {shape[2]} outputs")
    return (classes[:, :, None] == np.arange(shape[2])).astype(np.float64), (classes >= 0)[:, :, None]
