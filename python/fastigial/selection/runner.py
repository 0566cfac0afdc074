"""Many fits side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.selection.splits import Split

__all__ = ["Finished", "Job", "Stop", "run"]


@dataclass(frozen=True)
class Job:
    """A fit to do: an unfitted estimator with its final parameters, and what to hold out."""

    key: tuple[Any, ...]
    estimator: Any
    split: Split | None


@dataclass(frozen=True)
class Finished:
    """A fit that is done; `test_loss` is NaN if nothing was held out."""

    key: tuple[Any, ...]
    model: Any
    train_loss: float
    test_loss: float
    seconds: float


class Stop:
    """Ends running fits: called between their sweeps, it raises once `set`."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """From now on, raise."""
        self._event.set()

    def __call__(self, done: int, total: int, loss: float) -> None:
        """Progress of a fit."""
        del done, total, loss
        if self._event.is_set():
            raise RuntimeError("stopped")

    def __reduce__(self) -> tuple[type[Stop], tuple[()]]:
        return Stop, ()


def run(
    jobs: Sequence[Job],
    X: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    *,
    n_jobs: int,
    stop: Stop,
    store: Any = None,
) -> Iterator[Finished]:
    """Do all jobs, and yield each as it ends."""
    from joblib import Parallel, delayed

    del store
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator_unordered")
    try:
        yield from parallel(delayed(_do)(job, X, mask, stop, n_jobs != 1) for job in jobs)
    except BaseException:
        stop.set()
        raise


def _do(job: Job, X: NDArray[Any], mask: NDArray[np.bool_] | None, stop: Stop, several: bool) -> Finished:
    begin = time.perf_counter()
    if several and job.estimator.n_threads is None:
        job.estimator.set_params(n_threads=1)
    if job.split is None:
        job.estimator.set_params(progress=stop)
        model, test_loss = job.estimator.fit(X, mask), float("nan")
    else:
        model, test_loss = job.split.fit(job.estimator, X, mask, stop)
    return Finished(job.key, model, model.loss_, test_loss, time.perf_counter() - begin)
