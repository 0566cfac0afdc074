"""Any input: one table of what may come in and what must come out, for every estimator.

A row names its input, makes it from an ordinary recording, and states the outcome: the same numbers as for another
input, a model that explains it, a model of other units, or an error that names the argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike
from tests.common.estimators import SHAPE, Case, each_case, with_gaps
from tests.common.outcomes import (
    Given,
    Outcome,
    any_rank,
    canonical,
    explained,
    honest_with_few_entries,
    left_out,
    like,
    nothing,
    refused,
    scaled,
    usable,
)
from tests.common.reference_cp import BoolArray, FloatArray


@dataclass(frozen=True)
class Row:
    name: str
    # From an ordinary recording of SHAPE in double precision.
    given: Callable[[FloatArray], Given]
    outcome: Outcome


def speckled(seed: int = 1) -> BoolArray:
    return np.random.default_rng(seed).random(SHAPE) < 0.8


# Inputs


def in_dtype(dtype: DTypeLike) -> Callable[[FloatArray], Given]:
    return lambda X: Given(X.astype(dtype))


def laid_out(layout: Callable[[FloatArray], FloatArray], dtype: DTypeLike) -> Callable[[FloatArray], Given]:
    return lambda X: Given(layout(X.astype(dtype)))


def always(X: Any, mask: Any = None) -> Callable[[FloatArray], Given]:
    return lambda _: Given(X, mask)


def masked(mask: Any) -> Callable[[FloatArray], Given]:
    return lambda X: Given(X, mask)


def changed(place: Any, value: float, mask: Any = None) -> Callable[[FloatArray], Given]:
    def given(X: FloatArray) -> Given:
        X[place] = value
        return Given(X, mask)

    return given


def along(axis: int, places: Any) -> tuple[Any, ...]:
    return (slice(None),) * axis + (places,)


def times(factor: float, dtype: DTypeLike, missing: float) -> Callable[[FloatArray], Given]:
    return lambda X: Given(with_gaps(X, missing).astype(dtype) * np.dtype(dtype).type(factor))


def small(shape: tuple[int, ...], missing: float) -> FloatArray:
    X = with_gaps(1.0 + np.random.default_rng(8).random(shape), missing)
    X[0, 0, 0] = 1.0
    return X


def counts(dtype: DTypeLike) -> FloatArray:
    return np.random.default_rng(0).poisson(2.0, SHAPE).astype(dtype)


def constant_neurons(X: FloatArray) -> Given:
    """One rank-one component of all neurons but three, which fire the same all the time."""
    one = np.einsum("i,j,k->ijk", 1 + X[:, 0, 0] ** 2, 1 + X[0, :, 0] ** 2, 1 + X[0, 0, :] ** 2)
    one[:, 2:5] = np.array([2.5, 0.0, 40.0])[:, None]
    return Given(one)


def spread_out(X: FloatArray) -> FloatArray:
    room = np.full(tuple(2 * size + 3 for size in X.shape), np.inf, dtype=X.dtype)
    room[1:-2:2, 1:-2:2, 1:-2:2] = X
    return room[1:-2:2, 1:-2:2, 1:-2:2]


def read_only(X: FloatArray) -> FloatArray:
    X.flags.writeable = False
    return X


def unaligned(X: FloatArray) -> FloatArray:
    raw = np.zeros(X.nbytes + 1, dtype=np.uint8)
    out = raw[1:].view(X.dtype).reshape(X.shape)
    out[...] = X
    return out


LAYOUTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "Fortran order": np.asfortranarray,
    "permuted axes": lambda X: X.transpose(2, 0, 1).copy().transpose(1, 2, 0),
    "negative strides": lambda X: X[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
    "every second entry": spread_out,
    "read-only": read_only,
    "unaligned": unaligned,
    "swapped bytes": lambda X: X.astype(X.dtype.newbyteorder()),
    "a memory view": lambda X: memoryview(X),  # type: ignore[arg-type,return-value]
}
GONE = [4, 7]
NO_NUMBERS: dict[str, Any] = {
    "complex": np.ones(SHAPE, dtype=complex),
    "half precision": np.ones(SHAPE, dtype=np.float16),
    "extended precision": np.ones(SHAPE, dtype=np.longdouble),
    "objects": np.ones(SHAPE, dtype=object),
    "text": np.ones(SHAPE, dtype=str),
    "dates": np.zeros(SHAPE, dtype="M8[s]"),
    "records": np.zeros(SHAPE, dtype=[("x", "f8")]),
    "ragged lists": [[[1.0, 2.0], [3.0]]],
    "one text": "recording",
    "None": None,
    "a dict": {"x": 1},
    "an object": object(),
}


# The table

TABLE: list[Row] = [
    *(
        Row(f"{name}, {dtype}", laid_out(layout, dtype), like(in_dtype(dtype)))
        for name, layout in LAYOUTS.items()
        for dtype in ("float32", "float64")
    ),
    *(
        Row(f"{name}, with a mask", lambda X, f=layout: Given(f(X), speckled()), like(masked(speckled())))
        for name, layout in LAYOUTS.items()
    ),
    Row("a mask in any layout", masked(np.asfortranarray(speckled()[::-1])[::-1]), like(masked(speckled()))),
    *(
        Row(f"{dtype} counts", always(counts(dtype)), like(always(counts(dtype).astype(np.float64))))
        for dtype in ("bool", "int8", "uint8", ">i2", "int64", "uint64")
    ),
    Row("lists", lambda X: Given(X.tolist(), speckled().tolist()), like(masked(speckled()))),
    Row("a masked array", lambda X: Given(np.ma.masked_array(X, ~speckled())), like(masked(speckled()))),
    Row(
        "a masked array and a mask",
        lambda X: Given(np.ma.masked_array(X, ~speckled()), speckled(2)),
        like(masked(speckled() & speckled(2))),
    ),
    Row("a masked array without mask", lambda X: Given(np.ma.masked_array(X)), like(Given)),
    Row("a mask of ones", masked(np.ones(SHAPE, dtype=bool)), like(Given)),
    *(
        Row(
            f"NaN for a mask, {dtype}",
            lambda X, d=dtype: Given(np.where(speckled(), X, np.nan).astype(d)),
            like(lambda X, d=dtype: Given(X.astype(d), speckled())),
        )
        for dtype in ("float32", "float64")
    ),
    Row(
        "NaN and a mask",
        lambda X: Given(np.where(speckled(2), X, np.nan), speckled()),
        like(masked(speckled() & speckled(2))),
    ),
    *(
        Row(f"{junk} behind the mask", changed(~speckled(), junk, speckled()), like(masked(speckled())))
        for junk in (0.0, 1e300, np.inf, -np.inf, np.nan)
    ),
    *(
        Row(f"all-missing slices of axis {axis}", changed(along(axis, GONE), np.nan), left_out(axis, GONE))
        for axis in range(3)
    ),
    *(
        Row(
            f"all-missing slices of axis {axis}, random start",
            changed(along(axis, GONE), np.nan),
            left_out(axis, GONE, init="random"),
        )
        for axis in range(3)
    ),
    Row("constant neurons", constant_neurons, explained()),
    Row("only constant neurons", always(np.broadcast_to(np.arange(9.0)[:, None], SHAPE)), explained()),
    *(Row(f"all {value}", always(np.full(SHAPE, value)), explained()) for value in (3.0, 1e-200, 1e150)),
    *(
        Row(f"zeros, {dtype}", always(np.zeros(SHAPE, dtype=dtype)), nothing())
        for dtype in ("float32", "float64", "int8")
    ),
    Row("zeros with gaps", always(np.where(speckled(), 0.0, np.nan)), nothing()),
    Row(
        "zeros with many gaps",
        always(np.where(np.random.default_rng(0).random(SHAPE) < 0.3, 0.0, np.nan)),
        nothing(),
    ),
    Row(
        "zeros and few sweeps",
        always(np.zeros(SHAPE)),
        nothing(max_iter=3),
    ),
    Row(
        "one entry in a hundred",
        Given,
        honest_with_few_entries,
    ),
    *(
        Row(
            f"the canonical form, times {unit}",
            lambda X, f=unit: Given(f * X),
            canonical,
        )
        for unit in (1e-160, 1.0, 1e160)
    ),
    Row("zeros behind a mask", masked(np.zeros(SHAPE, dtype=bool)), refused(ValueError, "observed")),
    *(
        Row(f"shape {shape}, {missing} missing", always(small(shape, missing)), usable)
        for shape in ((1, 9, 10), (5, 1, 6), (5, 6, 1), (1, 1, 6), (1, 6, 1), (6, 1, 1), (1, 1, 1))
        for missing in (0.0, 0.2)
    ),
    *(Row(f"rank {rank}", Given, any_rank(rank)) for rank in (9, 10, 12, 13, 40)),
    *(
        Row(
            f"times {factor}, {dtype}, {missing} missing", times(factor, dtype, missing), scaled(factor, dtype, missing)
        )
        for factor in (1e-30, 1e-15, 1e15, 1e30)
        for dtype in ("float32", "float64")
        for missing in (0.0, 0.2)
    ),
    *(Row(name, always(X), refused(TypeError, "X")) for name, X in NO_NUMBERS.items()),
    *(
        Row(f"{value} at {place}", changed(place, value), refused(ValueError, "infinite"))
        for value in (np.inf, -np.inf)
        for place in ((0, 0, 0), (3, 4, 5))
    ),
    *(
        Row(f"a mask of {dtype.__name__}", masked(np.ones(SHAPE, dtype=dtype)), refused(TypeError, "mask"))
        for dtype in (int, float, str, object)
    ),
    *(
        Row(f"a mask of shape {shape}", masked(np.ones(shape, dtype=bool)), refused(ValueError, "mask"))
        for shape in ((), (1,), (12, 9), (12, 9, 1), (10, 9, 12), (1, 12, 9, 10))
    ),
    Row("all NaN", always(np.full(SHAPE, np.nan)), refused(ValueError, "observed")),
    *(
        Row(f"ones of shape {shape}", always(np.ones(shape)), refused(ValueError, r"X|n_components"))
        for shape in ((), (5,), (0, 9, 10), (12, 0, 10), (12, 9, 0))
    ),
]


@each_case
@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_any_input_has_the_outcome_of_the_table(case: Case, row: Row) -> None:
    row.outcome(case, row.given(case.recording()))
