"""Junk for the border between Python and the core: values of any type, recordings that are often fine and often not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastigial as fg

SHAPE = (5, 4, 6)


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


def anything(rng: np.random.Generator) -> Any:
    """A value of a random type.

    Examples
    --------
    >>> len({type(anything(np.random.default_rng(seed))) for seed in range(100)}) > 10
    True
    """
    return ANYTHING[rng.integers(len(ANYTHING))](rng)


def tensor(rng: np.random.Generator) -> Any:
    """A recording of a random kind: three times in four one that a fit takes.

    Examples
    --------
    >>> sum(np.shape(tensor(np.random.default_rng(seed))) == SHAPE for seed in range(100)) > 50
    True
    """
    odd = [(), (0,), (7,), (5, 4), (0, 4, 6), (5, 0, 6), (5, 4, 0), (1, 1, 1), (2, 3, 2, 3), (1, 9, 1), (6, 4, 5)]
    shape = SHAPE if rng.random() < 0.85 else odd[rng.integers(len(odd))]
    usual, unusual = ["f4", "f8", "i2", "u1", "?", ">f8", ">f4"], ["f2", "g", "c16", "O", "U5", "M8[s]"]
    kinds = usual if rng.random() < 0.93 else unusual
    X = np.asarray(np.asarray(rng.normal(size=shape)) * 10).astype(kinds[rng.integers(len(kinds))])
    if X.dtype.kind == "f":
        with np.errstate(all="ignore"):
            scale = rng.choice([1.0, 0.0, 1e-30, 1e30, 1e-160, 1e160, np.nan]) if rng.random() < 0.3 else 1.0
            X = np.asarray(X * X.dtype.type(scale))
            X[rng.random(shape) < rng.choice([0.0, 0.0, 0.0, 0.5, 0.95])] = np.nan
            if X.size and rng.random() < 0.1:
                X.flat[rng.integers(X.size)] = rng.choice([np.inf, -np.inf, 5e-324, 1e38])
    if rng.random() < 0.1:
        X = X.T
    return X if rng.random() < 0.95 else anything(rng)


def mask(rng: np.random.Generator, X: Any) -> Any:
    """Which entries of X were observed, or junk.

    Examples
    --------
    >>> sum(mask(np.random.default_rng(seed), np.ones(SHAPE)) is None for seed in range(100)) > 50
    True
    """
    draw = rng.random()
    if draw < 0.7:
        return None
    if draw < 0.9:
        return rng.random(np.shape(X) if isinstance(X, np.ndarray) else SHAPE) < rng.random()
    return rng.random(SHAPE) < 0.5 if draw < 0.95 else anything(rng)


def junk_calls(kind: Callable[..., Any], seed: int) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """Yield (estimator parameters, X, mask): up to two parameters are junk, the rest is sane and quick.

    Examples
    --------
    >>> parameters, X, observed = next(junk_calls(fg.TCA, 0))
    >>> set(parameters) >= {"n_components", "max_iter", "n_init", "n_threads", "random_state"}
    True
    """
    rng = np.random.default_rng(seed)
    sane: dict[str, Any] = {"max_iter": 5, "n_init": 1, "n_threads": 1, "random_state": 0}
    while True:
        parameters = {**sane, "n_components": int(rng.integers(1, 6))}
        if kind is fg.SliceTCA:
            parameters["n_components"] = tuple(int(rank) for rank in rng.integers(0, 4, size=3))
        names = list(kind(**parameters).get_params())
        for name in rng.choice(names, size=rng.choice([0, 0, 0, 1, 2]), replace=False):
            parameters[str(name)] = anything(rng)
        X = tensor(rng)
        yield parameters, X, mask(rng, X)
