"""Child process: one timed fit of one contender. Prints one line of JSON, last.

Imports and data are made before the clock starts; the reconstruction and its error come after it has stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from workloads import WORKLOADS


def mean_squared_error(data: NDArray[Any], reconstruction: NDArray[Any]) -> float:
    """Mean squared error per entry, in float64 whatever the inputs are.

    Examples
    --------
    >>> mean_squared_error(np.zeros(4, np.float32), np.ones(4, np.float32))
    1.0
    """
    return float(np.mean((data.astype(np.float64) - np.asarray(reconstruction, np.float64)) ** 2))


def n_threads(name: str) -> int:
    """Threads the contender may use: its thread pools' size, or the package setting of fastigial."""
    if name == "fastigial":
        setting = os.environ.get("FASTIGIAL_NUM_THREADS")
        return int(setting) if setting else len(os.sched_getaffinity(0))
    from threadpoolctl import threadpool_info

    return max(int(pool["num_threads"]) for pool in threadpool_info())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("contender")
    parser.add_argument("repetition", type=int)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()

    workload = WORKLOADS[arguments.workload]
    contender = workload.contender(arguments.contender)
    data = workload.data(arguments.quick)
    with contextlib.redirect_stdout(sys.stderr):
        job = contender.load(data, arguments.repetition)
        cpu_start, start = time.process_time(), time.perf_counter()
        fitted = job.fit()
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        record = {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "loss": mean_squared_error(data, job.reconstruct(fitted)),
            "n_iter": job.n_iter(fitted),
            "threads": n_threads(contender.name),
            "versions": {
                "python": platform.python_version(),
                **{package: version(package) for package in ("numpy", *contender.packages)},
            },
        }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
