"""Child process: what a granule layer of K = 4 mossy inputs a cell gives, by fastigial, SciPy or NumPy.

    g = [w ξ − θ]₊      of every cell and sample

The same connections, weights and thresholds for all. SciPy has them as a sparse matrix in rows, whose product with a
dense one runs on one thread; NumPy as a dense matrix. Both get samples last and keep them there, which suits them, and
have room for the result from the start as far as they can use it. Prints one line of JSON, last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastigial as fg

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import busy_seconds, cores_busy_elsewhere

K = 4
SIZES = {"small": (1_000, 10_000, 1_000), "full": (10_000, 100_000, 1_000)}
"""Mossy fibres, granule cells, samples."""


def by_fastigial(layer: Any, mossy: Any, n_threads: int) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """The call, and how its result is told samples first."""
    return lambda: layer.run(mossy, n_threads=n_threads), lambda found: found


def by_scipy(layer: Any, mossy: Any, n_threads: int) -> tuple[Callable[[], Any], Callable[[Any], Any]]:  # noqa: ARG001
    """Compressed rows times a dense matrix."""
    from scipy.sparse import csr_array

    n_granule = layer.n_granule
    rows = np.arange(0, n_granule * K + 1, K)
    shape = (n_granule, mossy.shape[1])
    matrix = csr_array((layer.weights.ravel(), layer.sources.ravel(), rows), shape=shape).astype(np.float32)
    last, thresholds = np.ascontiguousarray(mossy.T), layer.thresholds[:, None]

    def run() -> Any:
        found = matrix @ last
        found -= thresholds
        return np.maximum(found, 0, out=found)

    return run, np.transpose


def by_numpy(layer: Any, mossy: Any, n_threads: int) -> tuple[Callable[[], Any], Callable[[Any], Any]]:  # noqa: ARG001
    """A dense product; threads are those of its library."""
    dense = np.zeros((layer.n_granule, mossy.shape[1]), np.float32)
    np.add.at(dense, (np.arange(layer.n_granule)[:, None], layer.sources), layer.weights)
    last, thresholds = np.ascontiguousarray(mossy.T), layer.thresholds[:, None]
    found = np.empty((layer.n_granule, len(mossy)), np.float32)

    def run() -> Any:
        np.matmul(dense, last, out=found)
        np.subtract(found, thresholds, out=found)
        return np.maximum(found, 0, out=found)

    return run, np.transpose


CONTENDERS = {"fastigial": by_fastigial, "scipy.sparse": by_scipy, "NumPy, dense": by_numpy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    n_mossy, n_granule, n_samples = SIZES[options.size]
    record: dict[str, Any] = {}
    busy_before, start = busy_seconds(), time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        if hasattr(fg.cerebellum, "GranuleLayer"):
            mossy = np.random.default_rng(0).standard_normal((n_samples, n_mossy), np.float32)
            layer = fg.cerebellum.GranuleLayer(n_mossy, n_granule, n_inputs=K, seed=0)
            run, samples_first = CONTENDERS[options.contender](layer, mossy, options.threads)
            # One sample, so that what is compared is the same.
            record["sums"] = [float(value) for value in samples_first(run())[:3].sum(axis=1, dtype=np.float64)]
            record["seconds"] = []
            for _ in range(options.blocks):
                begin = time.perf_counter()
                run()
                record["seconds"].append(time.perf_counter() - begin)
        else:
            record["refused"] = "expected fastigial.cerebellum.GranuleLayer"
    record["cores_busy_elsewhere"] = cores_busy_elsewhere(busy_before, start)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
