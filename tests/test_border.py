"""The border between Python and the core: junk in, an ordinary exception or a valid fit out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial import _core

# What the documentation promises: wrong types, wrong values, factorisations that fail.
DOCUMENTED = (TypeError, ValueError, np.linalg.LinAlgError)
SHAPE = (5, 4, 6)
N_COMBINATIONS = 600
COUNTS = ("n_components", "max_iter", "n_init")


# Junk


class Hostile:
    """Answers every question with an error."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError("no array here")

    def __repr__(self) -> str:
        return "Hostile()"


ANYTHING: list[Callable[[np.random.Generator], Any]] = [
    lambda _: None,
    lambda _: True,
    lambda rng: int(rng.integers(-3, 4)),
    lambda rng: np.int64(rng.integers(0, 4)),
    lambda rng: float(rng.normal()),
    lambda rng: rng.choice([np.nan, np.inf, -np.inf, 1e-300, 1e300]),
    lambda rng: [2**31, 2**63, 2**64, 10**30, -(2**63) - 1][rng.integers(5)],
    lambda rng: ["", "svd", "auto", "full", "\0", "\ud800", "näh", "x" * 10_000][rng.integers(8)],
    lambda _: b"svd",
    lambda rng: rng.normal(size=rng.integers(0, 4)),
    lambda rng: tuple(int(value) for value in rng.integers(-1, 4, size=rng.integers(0, 5))),
    lambda rng: [None] * int(rng.integers(0, 4)),
    lambda rng: [bool(flag) for flag in rng.integers(0, 2, size=rng.integers(0, 5))],
    lambda _: {},
    lambda _: object(),
    lambda _: Hostile(),
    lambda _: fg.TCA,
    lambda _: fg.TCA(2),
    lambda _: fg.SliceTCA((1, 1, 1)),
    lambda _: np.random.default_rng(0),
    lambda _: 1j,
    lambda _: Ellipsis,
    lambda _: np.array(3),
]


def tensor(rng: np.random.Generator) -> Any:
    """A recording of a random kind: often fine, often not."""
    good, odd = (
        [SHAPE] * 10,
        [(), (0,), (7,), (5, 4), (0, 4, 6), (5, 0, 6), (5, 4, 0), (1, 1, 1), (2, 3, 2, 3)],
    )
    shapes = [*good, *odd, (1, 9, 1)]
    shape = shapes[rng.integers(len(shapes))]
    X = np.asarray(rng.normal(size=shape))
    kinds = [*["f4"] * 3, *["f8"] * 6, *["i2", "u1", "?", "f2", "g", "c16", "O", "U5", "M8[s]", ">f8", ">f4"]]
    X = np.asarray(X * 10).astype(kinds[rng.integers(len(kinds))])
    if X.dtype.kind == "f":
        with np.errstate(all="ignore"):
            X = np.asarray(X * X.dtype.type(rng.choice([1.0, 0.0, 1e-30, 1e30, 1e-160, 1e160, np.nan, 1.0])))
            X[rng.random(shape) < rng.choice([0.0, 0.0, 0.0, 0.5, 0.95])] = np.nan
            if X.size and rng.random() < 0.1:
                X.flat[rng.integers(X.size)] = rng.choice([np.inf, -np.inf, 5e-324, 1e38])
    if rng.random() < 0.2:
        X = X.T
    return X if rng.random() < 0.9 else ANYTHING[rng.integers(len(ANYTHING))](rng)


def mask(rng: np.random.Generator, X: Any) -> Any:
    draw = rng.random()
    if draw < 0.6:
        return None
    if draw < 0.8:
        return rng.random(np.shape(X) if isinstance(X, np.ndarray) else SHAPE) < rng.random()
    return rng.random(SHAPE) < 0.5 if draw < 0.9 else ANYTHING[rng.integers(len(ANYTHING))](rng)


def junk_calls(kind: Callable[..., Any], seed: int) -> Any:
    """Yield (estimator parameters, X, mask): one to three parameters are junk, the rest is sane and quick."""
    rng = np.random.default_rng(seed)
    sane: dict[str, Any] = {"max_iter": 5, "n_init": 1, "n_threads": 1, "random_state": 0}
    while True:
        parameters = {**sane, "n_components": int(rng.integers(1, 6))}
        if kind is fg.SliceTCA:
            parameters["n_components"] = tuple(int(rank) for rank in rng.integers(0, 4, size=3))
        names = list(kind(**parameters).get_params())
        for name in rng.choice(names, size=rng.choice([0, 0, 1, 1, 2]), replace=False):
            parameters[str(name)] = ANYTHING[rng.integers(len(ANYTHING))](rng)
        X = tensor(rng)
        yield parameters, X, mask(rng, X)


def check_fit(model: Any, X: Any) -> None:
    assert model.loss_ >= 0 or not np.isfinite(model.loss_), model.loss_
    assert model.reconstruct().shape == np.shape(X)
    assert model.n_iter_ == len(model.loss_history_) >= 1
    assert repr(model)


@pytest.mark.parametrize("kind", [fg.TCA, fg.SliceTCA])
@pytest.mark.parametrize("seed", range(4))
def test_junk_arguments_give_a_documented_exception_or_a_valid_fit(kind: Callable[..., Any], seed: int) -> None:
    n_fits, failures = 0, []
    for parameters, X, observed in islice(junk_calls(kind, seed), N_COMBINATIONS):
        # A thousand million components or restarts are a matter of memory and patience: see below.
        if any(type(parameters[name]) is int and parameters[name] == 2**31 for name in COUNTS):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", fg.ConvergenceWarning)
                model = kind(**parameters).fit(X, observed)
                check_fit(model, X)
                model.transform(X, observed)
            n_fits += 1
        except DOCUMENTED:
            pass
        except BaseException as error:
            failures.append((type(error).__name__, str(error)[:80], parameters, getattr(X, "shape", X)))
    kinds = sorted({(name, text) for name, text, *_ in failures})
    assert not failures, f"{len(failures)} failures of these kinds: {kinds}; the first: {failures[0]}"
    assert n_fits > N_COMBINATIONS // 12


def described(value: Any) -> str:
    return (
        f"arrays of {[np.shape(item) for item in value]}" if np.ndim(value) or isinstance(value, list) else repr(value)
    )


@pytest.mark.parametrize("seed", range(2))
def test_junk_given_to_the_core_itself_never_panics(seed: int) -> None:
    """The compiled functions are not for users, but nothing reachable from Python may panic."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=SHAPE)
    good: dict[str, dict[str, Any]] = {
        "transform_tca": {
            "x": X,
            "mask": None,
            "weights": np.ones(2),
            "factors": [rng.normal(size=(n, 2)) for n in SHAPE],
            "nonnegative": False,
            "n_threads": 1,
        },
        "reconstruct_tca": {
            "weights": np.ones(2),
            "factors": [rng.normal(size=(n, 2)) for n in SHAPE],
            "components": [0, 1],
            "single": False,
        },
        "reconstruct_slicetca": {
            "loadings": [rng.normal(size=(1, n)) for n in SHAPE],
            "slices": [rng.normal(size=(1, 4, 6)), rng.normal(size=(1, 5, 6)), rng.normal(size=(1, 5, 4))],
            "components": [[0], [0], [0]],
            "single": False,
            "n_threads": 1,
        },
    }
    good["canonicalize_slicetca"] = {
        name: good["reconstruct_slicetca"][name] for name in ("loadings", "slices", "n_threads")
    }
    matrices: list[Any] = [
        [],
        [np.ones((2, 2))],
        [np.ones((n, 3)) for n in SHAPE],
        [np.ones((3, n)) for n in SHAPE],
        [np.asfortranarray(rng.normal(size=(n, 2))) for n in SHAPE],
        [np.zeros((0, n)) for n in SHAPE],
        [np.ones((1, 2, 2))] * 3,
        [np.full((n, 2), np.nan) for n in SHAPE],
        [[7], [0], [0]],
        np.ones(5),
    ]
    failures = []
    for function, arguments in good.items():
        for name in arguments:
            for value in [*matrices, *(make(rng) for make in ANYTHING)]:
                try:
                    getattr(_core, function)(**{**arguments, name: value})
                except (*DOCUMENTED, OverflowError, IndexError):
                    pass
                except BaseException as error:
                    failures.append(f"{function}({name}={described(value)}): {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)
