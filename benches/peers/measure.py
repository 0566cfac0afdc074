"""Child process: one timed fit of one contender. Prints one line of JSON, last.

The policy on one-time costs is the same for everybody: the process first does the whole job once, untimed, on a tiny
tensor of the same kind, so that lazy imports, compilation (numba) and thread pools are paid for; then imports are
done, the data are made, and only the fit itself is timed. Reconstruction and error come after the clock has stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import planted
from contender import Job
from numpy.typing import NDArray
from workloads import WORKLOADS

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import busy_seconds, cores_busy_elsewhere


def mean_squared_error(data: NDArray[Any], reconstruction: NDArray[Any]) -> float:
    """Mean squared error per observed entry (NaN is not observed), in float64 whatever the inputs are.

    Examples
    --------
    >>> mean_squared_error(np.zeros(4, np.float32), np.ones(4, np.float32))
    1.0
    >>> mean_squared_error(np.array([np.nan, 0.0]), np.array([7.0, 2.0]))
    4.0
    """
    squares = (data.astype(np.float64) - np.asarray(reconstruction, np.float64)) ** 2
    # Only the data may have gaps: a NaN of the model's own is an error and shows in the mean.
    return float(squares.mean(where=~np.isnan(data)))


def n_threads(name: str) -> int:
    """Threads the contender may use: its thread pools' size, or the package setting of fastigial."""
    if name == "fastigial":
        import fastigial

        return fastigial.get_num_threads()
    from threadpoolctl import threadpool_info

    return max(int(pool["num_threads"]) for pool in threadpool_info())


def timed(job: Job) -> tuple[Any, dict[str, Any]]:
    """Run the fit and return what it returned and how long it took."""
    cpu_start, start = time.process_time(), time.perf_counter()
    fitted = job.fit()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return fitted, {"seconds": seconds, "cpu_seconds": cpu_seconds}


def reached(job: Job, fitted: Any, data: NDArray[np.float32]) -> dict[str, Any]:
    """Losses of every model by group, the best of each group, their mean, and the iterations of all."""
    losses, n_iter = {}, []
    for group, models in job.groups(fitted).items():
        losses[group] = []
        for model in models:
            losses[group].append(mean_squared_error(data, job.reconstruct(model)))
            n_iter.append(job.n_iter(model))
    best = {group: min(values) for group, values in losses.items()}
    return {
        "loss": sum(best.values()) / len(best),
        "best_losses": best,
        "losses": losses,
        "n_iter": None if None in n_iter else sum(n_iter),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload")
    parser.add_argument("contender")
    parser.add_argument("repetition", type=int)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()

    busy_before, start = busy_seconds(), time.perf_counter()
    workload = WORKLOADS[arguments.workload]
    contender = workload.contender(arguments.contender)
    record: dict[str, Any]
    # Packages print progress; standard output is for the record alone.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            contender.load(workload.data(planted.WARM_UP_SHAPE), arguments.repetition).fit()
        except ValueError as error:
            record = {"refused": str(error)}
        else:
            data = workload.data(planted.QUICK_SHAPE if arguments.quick else planted.SHAPE)
            job = contender.load(data, arguments.repetition)
            fitted, record = timed(job)
            record |= reached(job, fitted, data)
        record["cores_busy_elsewhere"] = cores_busy_elsewhere(busy_before, start)
        record["threads"] = n_threads(contender.name)
        record["versions"] = {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", *contender.packages)},
        }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
