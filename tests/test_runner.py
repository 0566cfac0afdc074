"""Many fits side by side: the same numbers wherever they run, no more threads than asked for, and an end on demand."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from concurrent.futures import BrokenExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest

import fastigial as fg
from fastigial.convergence import quiet, warn_of_many
from fastigial.selection.runner import Finished, Job, Stop, Stopped, n_at_once, run
from fastigial.selection.splits import as_splits

# Above the size at which joblib hands arrays to processes by files.
SHAPE = (60, 50, 45)
X = fg.datasets.make_tca(SHAPE, 3, noise=0.5, seed=0).data
# Ctrl-C should end fits within a tenth of a second or so; the rest is for a loaded machine.
PATIENCE = 0.5 + 1.0


def jobs_of_both_kinds() -> list[Job]:
    splits = [None, *as_splits("speckled", X.shape, 1, 0), *as_splits("trials", X.shape, 2, 0)]
    starts = [
        fg.TCA(2, init="random", random_state=3, max_iter=30),
        fg.TCA(4, init="random", random_state=4, max_iter=30),
        fg.SliceTCA((1, 0, 1), random_state=5, n_init=2, max_iter=20),
    ]
    return [Job((i, k), start, split) for i, start in enumerate(starts) for k, split in enumerate(splits)]


def by_key(jobs: list[Job], n_jobs: int | None = 1, **options: Any) -> dict[tuple[Any, ...], Finished]:
    return {done.key: done for done in run(jobs, X, None, n_jobs=n_jobs, stop=Stop(), **options)}


def assert_same(one: Finished, other: Finished) -> None:
    assert type(one.model) is type(other.model)
    assert one.train_loss == other.train_loss
    np.testing.assert_equal(one.test_loss, other.test_loss)
    for name in one.model._arrays:
        np.testing.assert_equal(getattr(one.model, name), getattr(other.model, name))
    assert one.model.get_params() == other.model.get_params()


@pytest.fixture(scope="module")
def serial() -> dict[tuple[Any, ...], Finished]:
    return by_key(jobs_of_both_kinds())


@pytest.mark.parametrize("n_jobs", [2, 5])
def test_threads_give_the_same_models(serial: dict[tuple[Any, ...], Finished], n_jobs: int) -> None:
    found = by_key(jobs_of_both_kinds(), n_jobs)
    assert found.keys() == serial.keys()
    for key, done in found.items():
        assert_same(done, serial[key])


def test_processes_give_the_same_models(serial: dict[tuple[Any, ...], Finished]) -> None:
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = by_key(jobs_of_both_kinds(), None)
    assert found.keys() == serial.keys()
    for key, done in found.items():
        assert_same(done, serial[key])


def test_other_layouts_in_memory_give_the_same_models(serial: dict[tuple[Any, ...], Finished]) -> None:
    job = jobs_of_both_kinds()[0]
    (done,) = run([job], np.asfortranarray(X), None, n_jobs=1, stop=Stop())
    assert_same(done, serial[job.key])


def test_a_run_is_what_fit_does_alone(serial: dict[tuple[Any, ...], Finished]) -> None:
    for job in jobs_of_both_kinds():
        if job.split is None:
            with quiet():
                alone = job.estimator.fit(X)
            assert alone.loss_ == serial[job.key].train_loss
            assert np.isnan(serial[job.key].test_loss)


class Probe:
    """A way to hold out nothing that tells how its fit was run."""

    def fit(self, estimator: Any, X: Any, mask: Any, progress: Any) -> tuple[Any, float]:
        del progress
        model = estimator.fit(X, mask)
        model.told = (estimator.n_threads, threading.get_ident(), X)
        return model, 0.0


@pytest.mark.parametrize(
    ("n_jobs", "n_fits", "n_threads", "expected"),
    [(1, 2, None, None), (2, 2, None, 1), (2, 1, None, None), (2, 2, 3, 3), (1, 2, 3, 3)],
)
def test_fits_have_one_thread_each_if_several_run(
    n_jobs: int, n_fits: int, n_threads: int | None, expected: int | None
) -> None:
    probe: Any = Probe()
    jobs = [Job((i,), fg.TCA(1, n_threads=n_threads), probe) for i in range(n_fits)]
    for done in by_key(jobs, n_jobs).values():
        during, _, _ = done.model.told
        assert during == expected
        # Afterwards no trace of it is left.
        assert done.model.n_threads == n_threads


def test_threads_share_the_recording() -> None:
    probe: Any = Probe()
    jobs = [Job((i,), fg.TCA(1), probe) for i in range(4)]
    told = [done.model.told for done in by_key(jobs, 2).values()]
    assert all(seen is X for _, _, seen in told)
    assert threading.get_ident() not in {ident for _, ident, _ in told}


def test_how_many_run_at_once_is_joblibs_to_say() -> None:
    assert n_at_once(1) == 1
    assert n_at_once(None) == 1
    assert n_at_once(7) == 7
    assert n_at_once(-1) == joblib.cpu_count()
    with joblib.parallel_config(backend="threading", n_jobs=5):
        assert n_at_once(None) == 5
        assert n_at_once(2) == 2
    with joblib.parallel_config(backend="loky", n_jobs=3):
        assert n_at_once(None) == 3
    with joblib.parallel_config(backend="sequential"):
        assert n_at_once(8) == 1


def test_estimators_stay_as_they_were() -> None:
    jobs = [Job((i,), fg.TCA(1, random_state=i)) for i in range(3)]
    by_key(jobs, 2)
    for i, job in enumerate(jobs):
        assert not hasattr(job.estimator, "loss_")
        assert job.estimator.get_params() == fg.TCA(1, random_state=i).get_params()


@pytest.mark.parametrize(("n_jobs", "error"), [(0, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError)])
def test_numbers_of_jobs_that_mean_nothing_are_refused(n_jobs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="n_jobs"):
        by_key([Job((0,), fg.TCA(1))], n_jobs)


# ---- warnings


def test_fits_of_a_run_do_not_warn_one_by_one() -> None:
    """Warnings are errors here: not one may come out of any thread."""
    jobs = [Job((i,), fg.TCA(3, max_iter=2, tol=0.0, random_state=i)) for i in range(6)]
    found = by_key(jobs, 3)
    n_unsettled = sum(not done.model.converged_ for done in found.values())
    assert n_unsettled == 6
    with pytest.warns(fg.ConvergenceWarning, match="6 of 8 fits") as caught:
        warn_of_many(n_unsettled, 8, stacklevel=1)
    assert len(caught) == 1
    assert Path(caught[0].filename) == Path(__file__)
    warn_of_many(0, 8)


def test_quiet_is_for_its_own_thread_and_block() -> None:
    model = fg.TCA(3, max_iter=2, tol=0.0, random_state=0)
    counts = []

    def elsewhere() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X)
        counts.append(len(caught))

    with quiet():
        model.fit(X)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert counts == [1]
    with pytest.warns(fg.ConvergenceWarning):
        model.fit(X)


# ---- ends


def endless(**options: Any) -> fg.TCA:
    return fg.TCA(3, tol=0.0, max_iter=10**9, n_init=10**8, random_state=0, **options)


def test_a_stop_ends_what_runs_and_keeps_the_rest_from_beginning() -> None:
    stop = Stop()
    jobs = [Job((i,), endless()) for i in range(6)]
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped):
        list(run(jobs, X, None, n_jobs=2, stop=stop))
    assert stop.wait(0)
    begin = time.perf_counter()
    with pytest.raises(Stopped):
        list(run(jobs, X, None, n_jobs=1, stop=stop))
    assert time.perf_counter() - begin < PATIENCE


def test_closing_the_iterator_ends_the_fits() -> None:
    stop = Stop()
    results = run([Job((0,), fg.TCA(1)), *(Job((i,), endless()) for i in range(1, 6))], X, None, n_jobs=2, stop=stop)
    assert next(results).key == (0,)
    results.close()
    assert stop.is_set()
    assert stop.wait(0)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_of_one_fit_ends_all(n_jobs: int) -> None:
    stop = Stop()
    jobs = [Job((0,), fg.TCA(1)), Job((1,), fg.TCA(1, tol=-1.0)), *(Job((i,), endless()) for i in range(2, 5))]
    finished = []
    with pytest.raises(ValueError, match="tol"):
        for done in run(jobs, X, None, n_jobs=n_jobs, stop=stop):
            finished.append(done.key)
    assert finished in ([], [(0,)])
    assert stop.is_set()
    assert stop.wait(0)


def test_a_stop_that_travels_is_not_set() -> None:
    stop = Stop()
    stop.set()
    assert not pickle.loads(pickle.dumps(stop)).is_set()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_keeps_what_is_finished_and_leaves_nothing_running(n_jobs: int) -> None:
    code = f"""
        import json, signal, time
        # A test run in the background is started with Ctrl-C ignored, and so would this process be.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import fastigial as fg
        from fastigial.selection.runner import Job, Stop, run
        X = fg.datasets.make_tca({SHAPE}, 3, noise=0.5, seed=0).data
        endless = dict(tol=0.0, max_iter=10**9, n_init=10**8, random_state=0)
        jobs = [Job((0,), fg.TCA(1)), Job((1,), fg.TCA(2))]
        jobs += [Job((i,), fg.TCA(3, **endless)) for i in range(2, 7)]
        stop, finished = Stop(), []
        try:
            for done in run(jobs, X, None, n_jobs={n_jobs}, stop=stop):
                finished.append(done.key)
                if len(finished) == 2:
                    print("ready", flush=True)
        except KeyboardInterrupt:
            print(json.dumps({{"arrived": time.time(), "finished": finished, "idle": stop.wait(0)}}))
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            sent = time.time()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors[-500:]
    result = json.loads(output)
    assert result["arrived"] - sent < PATIENCE
    assert sorted(result["finished"]) == [[0], [1]]
    assert result["idle"]


# ---- workers that die


class Fatal:
    """Kills the process it runs in: the first time, or always."""

    def __init__(self, mark: Path | None) -> None:
        self.mark = mark

    def fit(self, estimator: Any, X: Any, mask: Any, progress: Any) -> tuple[Any, float]:
        del progress
        if self.mark is None or not self.mark.exists():
            if self.mark is not None:
                self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return estimator.fit(X, mask), 0.0


def test_fits_lost_with_a_process_are_done_again(tmp_path: Path) -> None:
    fatal: Any = Fatal(tmp_path / "mark")
    jobs = [Job((i,), fg.TCA(1, random_state=i), fatal if i == 2 else None) for i in range(5)]
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = [done.key for done in run(jobs, X, None, n_jobs=None, stop=Stop())]
    assert sorted(found) == [(i,) for i in range(5)]


def test_a_fit_that_always_kills_its_process_is_given_up() -> None:
    fatal: Any = Fatal(None)
    jobs = [Job((i,), fg.TCA(1), fatal) for i in range(2)]
    with joblib.parallel_config(backend="loky", n_jobs=2), pytest.raises(BrokenExecutor):
        list(run(jobs, X, None, n_jobs=None, stop=Stop()))


def test_data_are_taken_while_another_thread_imports_masked_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module stands in its place before anything is in it."""
    monkeypatch.setitem(sys.modules, "numpy.ma", ModuleType("numpy.ma"))
    (done,) = run([Job((0,), fg.TCA(1, random_state=0))], X, None, n_jobs=1, stop=Stop())
    assert done.model.shape_ == X.shape
