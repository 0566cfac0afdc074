"""Ways to hold out a part of the data: entries by masks, or whole trials or neurons.

Held-out entries are predicted by the fit to the others. Of a held-out trial or neuron a fit says nothing but which
patterns to look for; its loadings are found from one half of its entries and the other half is predicted, then the
halves are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastigial import masks
from fastigial.selection.seeds import derived_seed
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback

__all__ = ["AxisSplit", "EntrySplit", "Split", "as_splits"]

Mask = NDArray[np.bool_]

# Share of the entries that "blocked" and "speckled" test on. Blocks with their margins keep about three times that from
# the fit.
_FRACTION = 0.1
_NAMES = ("blocked", "speckled", "trials", "neurons")


class Split(Protocol):
    """One way to hold out a part of the data."""

    def fit(self, estimator: Any, X: NDArray[Any], mask: Mask | None, progress: bool | Callback) -> tuple[Any, float]:
        """Fit a clone of `estimator` to the training part; the fitted model and the mean held-out loss."""

    def check(self, observed: Mask, name: str) -> None:
        """Refuse a split of which nothing is observed on one side."""

    def training_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of what is fitted, for data of this shape."""


@dataclass(frozen=True)
class EntrySplit:
    """Entries to fit and entries to predict.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.selection.splits import EntrySplit
    >>> X = fg.datasets.make_tca((15, 10, 12), 2, noise=0.1, seed=0).data
    >>> model, loss = EntrySplit(*fg.masks.blocked(X.shape, 0.1, (1, 1, 2), random_state=0)).fit(fg.TCA(2), X, None, False)
    >>> loss < 0.02
    True
    """  # noqa: E501 (one call)

    train: Mask
    test: Mask

    def fit(self, estimator: Any, X: NDArray[Any], mask: Mask | None, progress: bool | Callback) -> tuple[Any, float]:
        """Fit a clone of `estimator` to the training entries; the model and its mean loss on the test entries."""
        model = _clone(estimator, progress).fit(X, mask=_both(self.train, mask))
        return model, model.evaluate(X, mask=_both(self.test, mask))

    def check(self, observed: Mask, name: str) -> None:
        """Refuse a split of which nothing is observed on one side."""
        _check_sides((observed & self.train).any(), (observed & self.test).any(), name)

    def training_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape itself: masks leave all axes whole."""
        return shape


@dataclass(frozen=True)
class AxisSplit:
    """Whole trials (axis 0) or neurons (axis 1) to hold out.

    Attributes
    ----------
    axis : int
        0 or 1.
    held_out : ndarray of bool, shape (d_axis,)
        Which trials or neurons.
    half : ndarray of bool, shape (n_held_out, …)
        The held-out axis first: the entries from which loadings are found to predict the others, and the reverse.
    """

    axis: int
    held_out: Mask
    half: Mask

    def fit(self, estimator: Any, X: NDArray[Any], mask: Mask | None, progress: bool | Callback) -> tuple[Any, float]:
        """Fit a clone of `estimator` to the other trials; the model and its mean loss on these, half from half."""
        kept = (slice(None),) * self.axis + (~self.held_out,)
        model = _clone(estimator, progress).fit(X[kept], mask=None if mask is None else mask[kept])
        unseen = X.swapaxes(0, self.axis)[self.held_out]
        observed = _observed(unseen, None if mask is None else mask.swapaxes(0, self.axis)[self.held_out])
        # A neuron is to the model with exchanged axes what a trial is to the model.
        towards = model._exchanged() if self.axis == 1 else model
        total = 0.0
        for given in (self.half, ~self.half):
            asked = observed & ~given
            if asked.any():
                total += towards._evaluate_new(unseen, observed & given, asked) * np.count_nonzero(asked)
        return model, float(total / np.count_nonzero(observed))

    def check(self, observed: Mask, name: str) -> None:
        """Refuse a split of which nothing is observed on one side, or nothing in a half."""
        along = observed.swapaxes(0, self.axis)
        held = along[self.held_out]
        halves = (held & self.half).any() and (held & ~self.half).any()
        _check_sides(along[~self.held_out].any(), halves, name)

    def training_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape without the trials or neurons that are held out."""
        n_held = int(np.count_nonzero(self.held_out))
        return tuple(size - n_held if axis == self.axis else size for axis, size in enumerate(shape))


def as_splits(cv: Any, shape: tuple[int, ...], n_splits: int, seed: int) -> list[Split]:
    """Accept ways to hold out data.

    Parameters
    ----------
    cv : {"blocked", "speckled", "trials", "neurons"} or sequence of (train, test)
        How, or the masks themselves.
    shape : tuple of int
        Shape of the data.
    n_splits : int
        How many; without meaning if `cv` holds masks.
    seed : int
        Where random ones come from.

    Returns
    -------
    list of Split

    Raises
    ------
    TypeError
        If masks are not boolean.
    ValueError
        If the name is unknown, masks have another shape or overlap, or there are fewer trials than splits.

    Examples
    --------
    >>> from fastigial.selection.splits import as_splits
    >>> [split.training_shape((10, 8, 20)) for split in as_splits("trials", (10, 8, 20), 2, seed=0)]
    [(5, 8, 20), (5, 8, 20)]
    """
    if not isinstance(cv, str):
        return _given(cv, shape)
    if cv not in _NAMES:
        raise ValueError(f"cv is {cv!r}, expected one of {', '.join(map(repr, _NAMES))}, or (train, test) masks")
    if as_count("n_splits", n_splits) < 1:
        raise ValueError("n_splits is 0, expected at least one")
    if cv in ("trials", "neurons"):
        return _folds(0 if cv == "trials" else 1, cv, shape, n_splits, seed)
    splits: list[Split] = []
    for split in range(n_splits):
        own = derived_seed(seed, "split", split)
        if cv == "speckled":
            train = masks.speckled(shape, _FRACTION, own)
            splits.append(EntrySplit(train, ~train))
        else:
            extent = block_length(shape[-1])
            others = (1,) * (len(shape) - 1)
            margin = (0,) * (len(shape) - 1) + ((extent + 1) // 2 if shape[-1] > 1 else 0,)
            splits.append(EntrySplit(*masks.blocked(shape, _FRACTION, (*others, extent), margin, own)))
    return splits


def block_length(n_steps: int) -> int:
    """Length of a block along the last axis unless somebody says otherwise: a tenth of it, at least two steps."""
    return min(max(2, round(n_steps / 10)), n_steps)


# Parts


def _folds(axis: int, what: str, shape: tuple[int, ...], n_splits: int, seed: int) -> list[Split]:
    if not 2 <= n_splits <= shape[axis]:
        raise ValueError(
            f"n_splits is {n_splits}, but with cv={what!r} each of the {shape[axis]} {what} is held out once: expected "
            f"2 to {shape[axis]}"
        )
    rng = np.random.default_rng(derived_seed(seed, "split", 0))
    splits: list[Split] = []
    for members in np.array_split(rng.permutation(shape[axis]), n_splits):
        held_out = np.zeros(shape[axis], dtype=np.bool_)
        held_out[members] = True
        rest = [size for other, size in enumerate(shape) if other != axis]
        splits.append(AxisSplit(axis, held_out, _half((len(members), *rest), rng)))
    return splits


def _half(shape: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """Blocks along the last axis, every other one, from a start that differs from fibre to fibre.

    At each step about half of a trial's neurons are given, as neuron-slicing components need, and of each neuron half
    of the steps, as time-slicing components need.
    """
    length = block_length(shape[-1])
    starts = rng.integers(2 * length, size=(*shape[:-1], 1))
    return np.asarray((np.arange(shape[-1]) + starts) // length % 2 == 0)


def _given(cv: Any, shape: tuple[int, ...]) -> list[Split]:
    try:
        pairs = list(cv)
        if len(pairs) == 2 and all(np.shape(mask) == shape for mask in pairs):
            # What fg.masks.blocked returns, as it is.
            pairs = [pairs]
        pairs = [tuple(np.asarray(mask) for mask in pair) for pair in pairs]
    except TypeError:
        pairs = []
    if not pairs or any(len(pair) != 2 for pair in pairs):
        given = [cv, *cv] if isinstance(cv, list | tuple | np.ndarray) else []
        if any(isinstance(one, np.ndarray) and one.shape == shape for one in given):
            raise ValueError(
                "cv holds single masks, expected pairs (train mask, test mask); what fg.masks.speckled returns makes a "
                "pair as (train, ~train)"
            )
        raise ValueError(f"cv is not a sequence of (train mask, test mask), nor one of {', '.join(map(repr, _NAMES))}")
    for split, pair in enumerate(pairs):
        for side, mask in zip(("train", "test"), pair, strict=True):
            if mask.dtype != np.bool_:
                raise TypeError(f"the {side} mask of split {split} has dtype {mask.dtype}, expected bool")
            if mask.shape != shape:
                raise ValueError(
                    f"the {side} mask of split {split} has shape {mask.shape}, expected that of X, {shape}"
                )
        if (pair[0] & pair[1]).any():
            raise ValueError(f"the masks of split {split} overlap: what is fitted is not held out")
    return [EntrySplit(*pair) for pair in pairs]


def _check_sides(train: Any, test: Any, name: str) -> None:
    if not train:
        raise ValueError(f"{name} holds out everything that was observed: there is nothing to fit")
    if not test:
        raise ValueError(
            f"{name} holds out nothing that was observed: there is nothing to predict. Hold out more, or give masks "
            "that hold out observed entries"
        )


def _clone(estimator: Any, progress: bool | Callback) -> Any:
    return type(estimator)(**{**estimator.get_params(), "progress": progress})


def _both(mask: Mask, other: Mask | None) -> Mask:
    return mask if other is None else mask & other


def _observed(X: NDArray[Any], mask: Mask | None) -> Mask:
    return _both(~np.isnan(X), mask)
