"""The estimators that the contract tests run over: a new one joins the batteries by joining `CASES`.

A case is an estimator with parameters, data that it can explain, and slow answers to what the batteries ask:
what `transform` should give back for the fitted trials, and the tensor that transformed trials stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from tests.common.reference_cp import FloatArray, reconstruct_cp
from tests.common.reference_slicetca import reconstruct_slicetca

import fastigial as fg

SHAPE = (12, 9, 10)
Recordings = Callable[[int, tuple[int, int, int]], FloatArray]


def planted_cp(
    seed: int, shape: tuple[int, ...] = SHAPE, n_components: int = 2, *, noise: float = 0.1
) -> tuple[FloatArray, list[FloatArray]]:
    """Non-negative rank-one components of decreasing strength plus white noise, and the factors.

    Examples
    --------
    >>> data, factors = planted_cp(0)
    >>> data.shape, factors[2].shape
    ((12, 9, 10), (10, 2))
    """
    rng = np.random.default_rng(seed)
    factors = [np.abs(rng.normal(size=(size, n_components))) for size in shape]
    signal = reconstruct_cp(1.0 + np.arange(n_components)[::-1], factors)
    return signal + noise * rng.normal(size=shape), factors


def planted_slices(
    seed: int,
    shape: tuple[int, int, int] = SHAPE,
    ranks: tuple[int, int, int] = (1, 1, 1),
    *,
    noise: float = 0.1,
    nonnegative: tuple[bool, bool, bool] = (False, False, False),
) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """A SliceTCA model with Gaussian loadings and slices plus white noise; the loadings; the slices.

    Those of the non-negative types are absolute values.

    Examples
    --------
    >>> [loading.shape for loading in planted_slices(0)[1]]
    [(1, 12), (1, 9), (1, 10)]
    """
    rng = np.random.default_rng(seed)
    loadings = [rng.normal(size=(rank, size)) for rank, size in zip(ranks, shape, strict=True)]
    slices = [rng.normal(size=(rank, *shape[:axis], *shape[axis + 1 :])) for axis, rank in enumerate(ranks)]
    for axis, flag in enumerate(nonnegative):
        if flag:
            loadings[axis], slices[axis] = np.abs(loadings[axis]), np.abs(slices[axis])
    return reconstruct_slicetca(loadings, slices) + noise * rng.normal(size=shape), loadings, slices


def with_gaps(X: FloatArray, missing: float, seed: int = 1) -> FloatArray:
    """A copy in which a share of the entries was not observed.

    Examples
    --------
    >>> np.isnan(with_gaps(np.ones((50, 40)), 0.2)).mean().round(1)
    np.float64(0.2)
    """
    gaps = np.random.default_rng(seed).random(X.shape) < missing
    return np.where(gaps, np.nan, X)


@dataclass(frozen=True)
class Case:
    """One estimator under test."""

    name: str
    kind: Callable[..., Any]
    parameters: Mapping[str, Any]
    # A recording (trials, neurons, time) from a seed and a shape.
    data: Recordings
    # Names of the learned arrays: those that carry the data's units, and those that do not.
    with_units: tuple[str, ...]
    without_units: tuple[str, ...]
    # Of a fitted model and what `transform` returned: the tensor of the transformed trials.
    rebuilt: Callable[[Any, Any], FloatArray]
    # What `transform` returns as arrays, and what a fit holds for its own trials (None: not unique).
    transformed: Callable[[Any], list[FloatArray]]
    own_trials: Callable[[Any], list[FloatArray]] | None
    # Parameters that `fit` must refuse on data of SHAPE, beyond those that all estimators share.
    refused: tuple[tuple[dict[str, Any], type[Exception]], ...] = field(default=())

    def make(self, **changes: Any) -> Any:
        """The estimator, unfitted; keywords override the case's parameters."""
        return self.kind(**{**self.parameters, "random_state": 0, **changes})

    def recording(self, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> FloatArray:
        """Data for it."""
        return self.data(seed, shape)

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of all learned arrays."""
        return self.without_units + self.with_units


def _cp(seed: int, shape: tuple[int, int, int]) -> FloatArray:
    return planted_cp(seed, shape)[0]


def _slices(seed: int, shape: tuple[int, int, int]) -> FloatArray:
    return planted_slices(seed, shape)[0]


def _tca(name: str, **parameters: Any) -> Case:
    return Case(
        name=name,
        kind=fg.TCA,
        parameters={"n_components": 2, **parameters},
        data=_cp,
        with_units=("weights_",),
        without_units=("factors_",),
        rebuilt=lambda model, rows: reconstruct_cp(model.weights_, [rows, *model.factors_[1:]]),
        transformed=lambda rows: [rows],
        own_trials=lambda model: [model.factors_[0]],
        refused=(
            ({"n_components": 0}, ValueError),
            ({"n_components": -1}, ValueError),
            ({"n_components": 2.0}, TypeError),
            ({"n_components": (1, 1, 1)}, TypeError),
            ({"nonnegative": [True, False]}, ValueError),
            ({"n_init": "auto"}, TypeError),
        ),
    )


def _nonnegative_slices(seed: int, shape: tuple[int, int, int]) -> FloatArray:
    return planted_slices(seed, shape, nonnegative=(True, True, True))[0]


def _slicetca(name: str, *, unique: bool, data: Recordings = _slices, **parameters: Any) -> Case:
    def rebuilt(model: Any, new: Any) -> FloatArray:
        loadings = [new.loadings, *model.loadings_[1:]]
        return reconstruct_slicetca(loadings, [model.slices_[0], new.neuron_slices, new.time_slices])

    return Case(
        name=name,
        kind=fg.SliceTCA,
        parameters={"n_components": (1, 1, 1), **parameters},
        data=data,
        with_units=("slices_",),
        without_units=("loadings_",),
        rebuilt=rebuilt,
        transformed=lambda new: [new.loadings, new.neuron_slices, new.time_slices],
        own_trials=(lambda model: [model.loadings_[0], *model.slices_[1:]]) if unique else None,
        refused=(
            ({"n_components": (0, 0, 0)}, ValueError),
            ({"n_components": (SHAPE[0] + 1, 0, 0)}, ValueError),
            ({"n_components": (0, SHAPE[1] + 1, 0)}, ValueError),
            ({"n_components": (1, 1)}, ValueError),
            ({"n_components": 3}, ValueError),
            ({"n_components": (1, -1, 1)}, ValueError),
            ({"n_components": (1, 1.0, 1)}, TypeError),
            ({"invariance": "total"}, ValueError),
            ({"n_init": "many"}, ValueError),
        ),
    )


CASES = (
    _tca("tca"),
    _tca("tca-nonnegative", nonnegative=True),
    _slicetca("slicetca", unique=True),
    _slicetca("slicetca-within", unique=False, invariance="within"),
    _slicetca("slicetca-nonnegative", unique=False, data=_nonnegative_slices, nonnegative=True),
    _slicetca("slicetca-mixed", unique=False, data=_nonnegative_slices, nonnegative=(True, False, True)),
)

each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@lru_cache
def fitted(case_name: str) -> Any:
    """A case fitted to its first recording; shared between tests, which leave it as it is."""
    case = next(case for case in CASES if case.name == case_name)
    return case.make().fit(case.recording())


def arrays_of(model: Any) -> dict[str, FloatArray]:
    """Every array that a fit left behind, by name; lists of arrays are numbered."""
    found: dict[str, FloatArray] = {}
    for name, value in vars(model).items():
        if name.endswith("_") and isinstance(value, np.ndarray):
            found[name] = value
        elif name.endswith("_") and isinstance(value, list):
            found |= {f"{name}{index}": array for index, array in enumerate(value)}
    return found


def assert_same_fit(one: Any, other: Any) -> None:
    """Two fits are the same to the last bit: every array, the loss, and how they ended."""
    numbers, others = arrays_of(one), arrays_of(other)
    assert numbers.keys() == others.keys()
    assert numbers
    for name, array in numbers.items():
        assert array.dtype == others[name].dtype, name
        np.testing.assert_array_equal(array, others[name], err_msg=name)
    for name in ("loss_", "explained_variance_", "n_iter_", "converged_", "outcome_"):
        assert getattr(one, name) == getattr(other, name), name
