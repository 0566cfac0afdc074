"""Many fits side by side: by joblib, in threads unless somebody says otherwise.

Fits leave the interpreter, so that threads compute at the same time, share the recording, and nothing is copied. Within
``joblib.parallel_config(backend=...)`` the fits go where that says: to processes ("loky"), to a cluster ("dask", or
"ray" once Ray's own `register_ray` was called; joblib knows nothing of Ray by itself).

What a fit returns depends on none of this: each has its own seed, and its numbers are the same on any number of
threads.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastigial.convergence import quiet
from fastigial.tensor.checks import as_count

if TYPE_CHECKING:
    from fastigial.selection.splits import Split

__all__ = ["Finished", "Job", "Keeper", "Stop", "Stopped", "n_at_once", "run"]

# How a backend says that workers were lost, and with them what it cannot make up for by itself: dask, loky.
_LOST = (CancelledError, BrokenExecutor)
# Times that workers may be lost without a single fit in between.
_PATIENCE = 3
# Seconds to wait for running fits to notice that they should end; ours look every 50 ms.
_FAREWELL = 5.0


@dataclass(frozen=True)
class Job:
    """A fit to do.

    Attributes
    ----------
    key : tuple
        Tells it from the others: numbers, strings, and tuples of those.
    estimator : object
        Unfitted, with its final parameters. It is not touched.
    split : Split or None
        What to hold out.
    """

    key: tuple[Any, ...]
    estimator: Any
    split: Split | None = None


@dataclass(frozen=True)
class Finished:
    """A fit that is done.

    Attributes
    ----------
    key : tuple
        Of its job.
    model : object
        The fitted model, with the parameters that the job's estimator had.
    train_loss, test_loss : float
        Mean loss per entry; the second is NaN if nothing was held out.
    seconds : float
        What it took.
    """

    key: tuple[Any, ...]
    model: Any
    train_loss: float
    test_loss: float
    seconds: float


class Keeper(Protocol):
    """Where finished fits are kept (`fastigial.selection.store.Store`)."""

    def get(self, key: tuple[Any, ...]) -> Finished | None:
        """The fit of this key, if it was kept."""

    def put(self, finished: Finished) -> None:
        """Keep a fit."""


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """A fit was told to end."""


class Stop:
    """Ends running fits: they call it as their ``progress``, and once it is set it raises `Stopped`.

    It reaches the threads of this process. Pickled, for fits in other processes, it becomes one that is never set;
    joblib ends processes by its own means.

    Examples
    --------
    >>> from fastigial.selection.runner import Stop
    >>> stop = Stop()
    >>> stop(1, 10, 0.5)
    >>> stop.set()
    >>> stop(2, 10, 0.4)
    Traceback (most recent call last):
    fastigial.selection.runner.Stopped: the search was stopped
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._changed = threading.Condition()
        self._n_running = 0

    def set(self) -> None:
        """Let every running fit end at its next look, and none begin."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether fits should end."""
        return self._event.is_set()

    def __call__(self, done: int, total: int, loss: float) -> None:
        """Progress of a fit."""
        del done, total, loss
        if self._event.is_set():
            raise Stopped("the search was stopped")

    def __reduce__(self) -> tuple[type[Stop], tuple[()]]:
        return Stop, ()

    @contextmanager
    def running(self) -> Iterator[None]:
        """A fit runs in this block."""
        with self._changed:
            self._n_running += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_running -= 1
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until no fit runs in this process; whether that came to be."""
        with self._changed:
            return self._changed.wait_for(lambda: self._n_running == 0, seconds)


def run(
    jobs: Sequence[Job],
    X: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    *,
    n_jobs: int | None,
    stop: Stop,
    store: Keeper | None = None,
) -> Generator[Finished]:
    """Do all jobs, and yield each as it ends.

    Fits that are in the store already come first and are not done again; those that end are put there before they are
    yielded. If more than one fit runs at once, each has one thread, unless its estimator asks for a number.

    If a worker of a cluster dies, what it was at is done by others. Where a backend gives up (loky, when a process is
    killed), the fits that are not finished are sent out anew, until that fails three times with nothing finished.

    Parameters
    ----------
    jobs : sequence of Job
        With distinct keys.
    X : ndarray
        The recording.
    mask : ndarray of bool or None
        True where X was observed.
    n_jobs : int or None
        Fits to run at once, -1 for as many as there are cores; None leaves it to `joblib.parallel_config`. A cluster
        uses all its workers.
    stop : Stop
        Ends the fits, in this process; it is set if anything is raised, or if the iterator is closed.
    store : Store, optional
        For finished fits.

    Yields
    ------
    Finished
        In no particular order.

    Raises
    ------
    TypeError, ValueError
        If `n_jobs` is not a number, or 0.
    KeyboardInterrupt
        On Ctrl-C, after the fits that ran in this process have ended; what they had is dropped.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.selection.runner import Job, Stop, run
    >>> X = fg.datasets.make_tca((10, 9, 8), 2, seed=0).data
    >>> jobs = [Job((rank,), fg.TCA(rank, random_state=0), None) for rank in (1, 2)]
    >>> sorted((done.key, done.model.n_components) for done in run(jobs, X, None, n_jobs=2, stop=Stop()))
    [((1,), 1), ((2,), 2)]
    """
    n_jobs = _as_n_jobs(n_jobs)
    waiting = {}
    for job in jobs:
        kept = None if store is None else store.get(job.key)
        if kept is None:
            waiting[job.key] = job
        else:
            # A file keeps no callbacks and no models among the parameters; the job does.
            kept.model.set_params(**job.estimator.get_params())
            yield kept
    # One layout, whatever the backend makes of arrays that are not: the last bits of a sum can depend on it.
    X = np.ascontiguousarray(X)
    n_losses = 0
    while waiting:
        try:
            with closing(_side_by_side(list(waiting.values()), X, mask, n_jobs, stop)) as results:
                for finished in results:
                    del waiting[finished.key]
                    n_losses = 0
                    if store is not None:
                        store.put(finished)
                    yield finished
        except _LOST:
            n_losses += 1
            if n_losses == _PATIENCE:
                raise


def n_at_once(n_jobs: int | None) -> int:
    """How many fits `run` does at once, as the active `joblib.parallel_config` has it.

    Parameters
    ----------
    n_jobs : int or None
        As in `run`.

    Returns
    -------
    int
        At least one.

    Examples
    --------
    >>> from fastigial.selection.runner import n_at_once
    >>> n_at_once(3)
    3
    """
    from joblib.parallel import get_active_backend

    # Not joblib.effective_n_jobs: for n_jobs=1 it returns 1 unseen, though a cluster uses all its workers.
    backend, of_config = get_active_backend(prefer="threads")
    wanted = of_config if n_jobs is None else n_jobs
    return max(1, int(backend.effective_n_jobs(backend.default_n_jobs if wanted is None else wanted)))


def _as_n_jobs(n_jobs: Any) -> int | None:
    if n_jobs is None:
        return None
    if isinstance(n_jobs, int | np.integer) and not isinstance(n_jobs, bool) and n_jobs < 0:
        return int(n_jobs)
    if as_count("n_jobs", n_jobs) == 0:
        raise ValueError("n_jobs is 0, expected a number of fits to run at once, or -1 for one on each core")
    return int(n_jobs)


def _side_by_side(
    jobs: list[Job], X: NDArray[Any], mask: NDArray[np.bool_] | None, n_jobs: int | None, stop: Stop
) -> Generator[Finished]:
    """All jobs by joblib. On the way out, however that is, none is left running in this process."""
    from joblib import Parallel, delayed

    several = min(n_at_once(n_jobs), len(jobs)) > 1
    place = _placer()
    splits = {id(job.split): place(job.split) for job in jobs}
    shared = place(X), place(mask)
    calls = (delayed(_do)(job.key, job.estimator, splits[id(job.split)], *shared, stop, several) for job in jobs)
    # One fit is no small thing: several to a batch would only delay the news of the first.
    parallel = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator_unordered", batch_size=1)
    results = parallel(calls)
    try:
        # Not `yield from`: that would close the results before the fits know that they should end.
        for finished in results:  # noqa: UP028
            yield finished
    except BaseException as error:
        if not isinstance(error, _LOST):
            stop.set()
        with warnings.catch_warnings():
            # joblib warns of fits that nobody wants any more.
            warnings.simplefilter("ignore")
            results.close()
        stop.wait(_FAREWELL)
        raise


def _placer() -> Callable[[Any], Any]:
    """Where an argument that many jobs share is put before they are sent out: for dask on the cluster, once.

    joblib would scatter it there by itself. But scattered data stand on the worker they were sent to and nowhere else,
    and joblib waits for ever for jobs that need what went down with it. The result of a task can be made again.
    """
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend(prefer="threads")
    client = getattr(backend, "client", None)
    if type(backend).__name__ != "DaskDistributedBackend" or client is None:
        return _itself

    def place(value: Any) -> Any:
        if value is None:
            return None
        with warnings.catch_warnings():
            # That it is large is why it is sent once.
            warnings.filterwarnings("ignore", message="Sending large graph", category=UserWarning)
            return client.submit(_itself, value, pure=False)

    return place


def _itself(value: Any) -> Any:
    return value


def _here(value: Any) -> Any:
    """An argument that was placed on a cluster; where a job runs there, dask has fetched it already."""
    return value.result() if hasattr(value, "result") else value


def _do(
    key: tuple[Any, ...],
    estimator: Any,
    split: Any,
    X: Any,
    mask: Any,
    stop: Stop,
    several: bool,
) -> Finished:
    stop(0, 0, float("nan"))
    # A cluster of one worker is none to joblib: the jobs run here.
    split, X, mask = _here(split), _here(X), _here(mask)
    begin = time.perf_counter()
    # The job's own stays unfitted: it may have to be done again.
    fitted = copy(estimator)
    during: dict[str, Any] = {}
    if split is None and hasattr(estimator, "progress"):
        during["progress"] = stop
    if several and getattr(estimator, "n_threads", 1) is None:
        during["n_threads"] = 1
    if during:
        fitted.set_params(**during)
    with stop.running(), quiet():
        if split is None:
            model, test_loss = fitted.fit(X, mask=mask), float("nan")
        else:
            model, test_loss = split.fit(fitted, X, mask, stop)
    # So that a model does not depend on how many were fitted at once.
    model.set_params(**{name: getattr(estimator, name) for name in ("progress", "n_threads") if hasattr(model, name)})
    return Finished(key, model, float(model.loss_), float(test_loss), time.perf_counter() - begin)
