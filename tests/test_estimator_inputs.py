"""What goes into an estimator: precision, memory layout, containers, labels and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.common.estimators import SHAPE, Case, assert_same_fit, each_case, fitted
from tests.common.reference_cp import BoolArray, FloatArray

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def speckled(seed: int = 1, shape: tuple[int, ...] = SHAPE, observed: float = 0.8) -> BoolArray:
    return np.random.default_rng(seed).random(shape) < observed


# Precision


@each_case
@FLOATS
def test_results_keep_the_precision_of_the_data(case: Case, dtype: type[np.floating[Any]]) -> None:
    X = case.recording().astype(dtype)
    model = case.make().fit(X)
    for name in case.learned:
        value = getattr(model, name)
        arrays = value if isinstance(value, list) else [value]
        assert {array.dtype for array in arrays} == {np.dtype(dtype)}, name
    assert model.reconstruct().dtype == dtype
    assert {array.dtype for array in case.transformed(model.transform(X[:3]))} == {np.dtype(dtype)}
    assert model.loss_history_.dtype == np.float64
    assert isinstance(model.loss_, float)
    assert isinstance(model.score(X), float)


@each_case
def test_single_precision_finds_the_same_model(case: Case) -> None:
    X = case.recording()
    single = case.make().fit(X.astype(np.float32))
    np.testing.assert_allclose(single.reconstruct(), fitted(case.name).reconstruct(), atol=1e-3)
    assert single.loss_ == pytest.approx(fitted(case.name).loss_, rel=1e-4)


@each_case
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", ">i2", "int64", "uint64"])
def test_integers_and_booleans_become_float64(case: Case, dtype: str) -> None:
    counts = np.random.default_rng(0).poisson(2.0, SHAPE).astype(dtype)
    model = case.make().fit(counts)
    assert model.reconstruct().dtype == np.float64
    assert_same_fit(model, case.make().fit(counts.astype(np.float64)))


# Memory


def negative_strides(X: FloatArray) -> FloatArray:
    return X[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1]


def spread_out(X: FloatArray) -> FloatArray:
    room = np.full(tuple(2 * size + 3 for size in X.shape), np.inf, dtype=X.dtype)
    room[1:-2:2, 1:-2:2, 1:-2:2] = X
    return room[1:-2:2, 1:-2:2, 1:-2:2]


def read_only(X: FloatArray) -> FloatArray:
    X = X.copy()
    X.flags.writeable = False
    return X


def unaligned(X: FloatArray) -> FloatArray:
    raw = np.zeros(X.nbytes + 1, dtype=np.uint8)
    out = raw[1:].view(X.dtype).reshape(X.shape)
    out[...] = X
    return out


LAYOUTS: list[Callable[[FloatArray], FloatArray]] = [
    np.asfortranarray,
    lambda X: X.transpose(2, 0, 1).copy().transpose(1, 2, 0),
    negative_strides,
    spread_out,
    read_only,
    unaligned,
    lambda X: X.astype(X.dtype.newbyteorder()),
]


@each_case
@FLOATS
@pytest.mark.parametrize(
    "layout", LAYOUTS, ids=["fortran", "permuted", "negative", "strided", "read-only", "unaligned", "swapped"]
)
def test_numbers_do_not_depend_on_memory_layout(
    case: Case, dtype: type[np.floating[Any]], layout: Callable[[FloatArray], FloatArray]
) -> None:
    X = case.recording().astype(dtype)
    laid_out = layout(X)
    np.testing.assert_array_equal(laid_out, X)
    assert_same_fit(case.make().fit(laid_out), case.make().fit(X))
    plain = case.transformed(fitted(case.name).transform(X))
    for one, other in zip(case.transformed(fitted(case.name).transform(laid_out)), plain, strict=True):
        np.testing.assert_array_equal(one, other)
    mask = speckled()
    masked = case.make(tol=1e-2).fit(laid_out, np.asfortranarray(mask[::-1])[::-1])
    assert_same_fit(masked, case.make(tol=1e-2).fit(X, mask))


# Containers


@each_case
def test_lists_are_arrays(case: Case) -> None:
    assert_same_fit(case.make().fit(case.recording().tolist()), fitted(case.name))
    mask = speckled()
    assert_same_fit(case.make().fit(case.recording(), mask.tolist()), case.make().fit(case.recording(), mask))


@each_case
def test_a_masked_array_hides_what_it_masks(case: Case) -> None:
    X, mask, second = case.recording(), speckled(), speckled(2)
    hidden = np.ma.masked_array(X, mask=~mask)
    assert_same_fit(case.make().fit(hidden), case.make().fit(X, mask))
    assert_same_fit(case.make().fit(hidden, second), case.make().fit(X, mask & second))
    assert_same_fit(case.make().fit(np.ma.masked_array(X)), fitted(case.name))


# Masks


@each_case
@FLOATS
def test_nan_and_mask_say_the_same(case: Case, dtype: type[np.floating[Any]]) -> None:
    X, mask = case.recording().astype(dtype), speckled()
    by_mask = case.make().fit(X, mask)
    assert_same_fit(case.make().fit(np.where(mask, X, dtype(np.nan))), by_mask)
    both = case.make().fit(np.where(speckled(2), X, dtype(np.nan)), mask)
    assert_same_fit(both, case.make().fit(X, mask & speckled(2)))


JUNK = pytest.mark.parametrize("junk", [0.0, 1e300, -np.inf, np.inf, np.nan])


@each_case
@JUNK
def test_what_stands_behind_the_mask_is_never_looked_at(case: Case, junk: float) -> None:
    X, mask = case.recording(), speckled()
    model = case.make().fit(X, mask)
    corrupted = np.where(mask, X, junk)
    assert_same_fit(case.make().fit(corrupted, mask), model)
    clean = case.transformed(model.transform(X, mask))
    for one, other in zip(case.transformed(model.transform(corrupted, mask)), clean, strict=True):
        np.testing.assert_array_equal(one, other)


@each_case
@JUNK
def test_the_score_ignores_what_stands_behind_the_mask(case: Case, junk: float) -> None:
    X, mask = case.recording(), speckled()
    model = case.make().fit(X, mask)
    assert model.score(np.where(mask, X, junk), mask) == model.score(X, mask)


@each_case
def test_a_mask_of_ones_is_no_mask(case: Case) -> None:
    assert_same_fit(case.make().fit(case.recording(), np.ones(SHAPE, dtype=bool)), fitted(case.name))
