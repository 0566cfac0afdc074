"""Threads: the setting, fits at the same time, worker processes, and forks after use."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from tests.common.estimators import CASES, Case, assert_same_fit, each_case, fitted

import fastigial as fg

# A hang is a failure: nothing here takes more than a few seconds on a loaded machine.
TIMEOUT = 60


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    fg.set_num_threads(None)


def in_new_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# The setting


def test_the_setting_is_kept_and_taken_back() -> None:
    default = fg.get_num_threads()
    assert default >= 1
    fg.set_num_threads(3)
    assert fg.get_num_threads() == 3
    fg.set_num_threads(None)
    assert fg.get_num_threads() == default


@pytest.mark.parametrize("n_threads", [0, -1, 1025, 2**40, 2**70])
def test_numbers_of_threads_out_of_range_are_a_value_error(n_threads: int) -> None:
    fg.set_num_threads(2)
    with pytest.raises(ValueError, match="n_threads"):
        fg.set_num_threads(n_threads)
    assert fg.get_num_threads() == 2


@pytest.mark.parametrize("n_threads", [1.5, "2", [2]])
def test_what_is_no_number_of_threads_is_a_type_error(n_threads: Any) -> None:
    with pytest.raises(TypeError):
        fg.set_num_threads(n_threads)


@pytest.mark.parametrize(("value", "expected"), [("3", "3"), (" 2 ", "2"), ("0", None), ("all", None), ("", None)])
def test_the_environment_variable_sets_the_default(value: str, expected: str | None) -> None:
    code = "import fastigial; print(fastigial.get_num_threads())"
    plain = in_new_process(code, FASTIGIAL_NUM_THREADS="")
    assert in_new_process(code, FASTIGIAL_NUM_THREADS=value) == (expected or plain)


@each_case
def test_neither_the_setting_nor_the_variable_changes_a_number(case: Case) -> None:
    for n_threads in (1, 3):
        fg.set_num_threads(n_threads)
        assert_same_fit(case.make().fit(case.recording()), fitted(case.name))


@each_case
@pytest.mark.parametrize("n_threads", [0, -1, 2.0])
def test_methods_check_the_number_of_threads_like_fit(case: Case, n_threads: Any) -> None:
    model = case.make().fit(case.recording()).set_params(n_threads=n_threads)
    with pytest.raises((TypeError, ValueError), match="n_threads"):
        model.transform(case.recording())


# At the same time


@each_case
def test_fits_in_several_python_threads_do_not_disturb_one_another(case: Case) -> None:
    X = [case.recording(seed, (40, 30, 20)) for seed in range(4)]
    alone = [case.make(n_init=3).fit(x) for x in X]
    together: dict[int, Any] = {}

    def work(index: int) -> None:
        together[index] = case.make(n_init=3).fit(X[index])

    threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(X))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    for index, model in enumerate(alone):
        assert_same_fit(together[index], model)


def test_a_fit_lets_other_python_threads_run() -> None:
    stop, ticks = threading.Event(), []

    def tick() -> None:
        while not stop.wait(0.001):
            ticks.append(None)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    during = []

    def watch(*_: Any) -> None:
        during.append(len(ticks))
        if len(during) == 4:
            raise StopIteration

    with pytest.raises(StopIteration):
        fg.TCA(3, n_init=10**6, n_threads=1, progress=watch).fit(CASES[0].recording())
    stop.set()
    thread.join(TIMEOUT)
    # Between two looks of the fit at Python lie 50 ms in which the other thread must have run.
    assert np.all(np.diff(during) > 0)


def test_a_callback_may_fit_a_model_itself() -> None:
    inner: list[Any] = []

    def nested(*_: Any) -> None:
        inner.append(fg.TCA(2, random_state=0, n_threads=2).fit(CASES[0].recording()))
        raise StopIteration

    with pytest.raises(StopIteration):
        fg.SliceTCA((1, 1, 1), n_init=10**6, n_threads=2, progress=nested).fit(CASES[0].recording())
    assert_same_fit(inner[0], fitted("tca"))


# Processes


def fit_in_worker(name: str, n_threads: int | None) -> Any:
    case = next(case for case in CASES if case.name == name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return case.make(n_threads=n_threads).fit(case.recording())


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_joblib_workers_find_the_same_models(backend: str) -> None:
    jobs = (joblib.delayed(fit_in_worker)(case.name, None) for case in CASES for _ in range(2))
    found = joblib.Parallel(n_jobs=2, backend=backend, timeout=TIMEOUT)(jobs)
    for index, model in enumerate(found):
        expected = fitted(CASES[index // 2].name)
        assert_same_fit(model.set_params(n_threads=None), expected)


WORKERS = """
    import multiprocessing, sys
    import fastigial as fg, numpy as np
    X = np.random.default_rng(0).normal(size=(20, 15, 10))

    def fit(kind, ranks, n_threads=2):
        return getattr(fg, kind)(ranks, random_state=0, n_threads=n_threads).fit(X)

    def work(call):
        model = fit(*call)
        return model, model.reconstruct()

    if __name__ == "__main__":
        calls = [("TCA", 2), ("SliceTCA", (1, 1, 1))] * 2
        before = [fit(*call) for call in calls]
        with multiprocessing.get_context("{method}").Pool(2) as pool:
            found = pool.map_async(work, calls).get(timeout=40)
        for here, (there, tensor) in zip(before, found, strict=True):
            assert there.loss_ == here.loss_ and np.array_equal(here.reconstruct(), tensor)
            assert there.score(X[:3]) == here.score(X[:3])
        print("fine")
"""

FORK = """
    import multiprocessing, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    import fastigial as fg, numpy as np
    X = np.random.default_rng(0).normal(size=(40, 30, 50))

    def loss(n_threads):
        tca = fg.TCA(2, random_state=0, n_threads=n_threads).fit(X)
        return tca.loss_, fg.SliceTCA((1, 1, 1), random_state=0, n_threads=n_threads).fit(X).loss_

    def child(_):
        return [loss(n) for n in (2, 1, 3)]

    if __name__ == "__main__":
        before = loss({parent})
        {meanwhile}
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map_async(child, range(4)).get(timeout=40)
        assert all(found == before for result in results for found in result), results
        assert loss(2) == before
        print("fine")
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_started_workers_find_the_same_models_after_use_here(method: str, tmp_path: Path) -> None:
    """Both ways run the script again in the worker, so that it has to be a file."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(WORKERS.format(method=method)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs an OS with fork")
@pytest.mark.parametrize("parent", [1, 2])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_fork_after_use_neither_hangs_nor_crashes(parent: int, busy: bool) -> None:
    meanwhile = "pass"
    if busy:
        # A thread that fits over and over holds and releases the pools while the process forks.
        endless = "lambda: [loss(2) for _ in range(10**6)]"
        meanwhile = f"import threading; threading.Thread(target={endless}, daemon=True).start()"
    assert in_new_process(FORK.format(parent=parent, meanwhile=meanwhile)) == "fine"


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs an OS with fork")
def test_a_fork_while_another_thread_starts_a_pool_does_not_hang() -> None:
    """The child inherits every lock as it stood: one held by another thread of the parent stays so."""
    code = """
        import os, threading, time
        import fastigial as fg, numpy as np
        X = np.random.default_rng(0).normal(size=(6, 5, 4))

        def fit(n_threads):
            return fg.TCA(1, random_state=0, n_threads=n_threads).fit(X)

        starter = threading.Thread(target=lambda: [fit(n) for n in range(2, 150)], daemon=True)
        starter.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                fit(2)
                os._exit(0)
            end = time.monotonic() + 10
            while not os.waitpid(child, os.WNOHANG)[0]:
                if time.monotonic() > end:
                    os.kill(child, 9)
                    raise SystemExit("the child hangs")
                time.sleep(0.002)
        starter.join()
        print("fine")
    """
    assert in_new_process(code) == "fine"


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs an OS with fork")
def test_ending_the_interpreter_during_a_fit_does_not_hang() -> None:
    code = """
        import threading, time, fastigial as fg, numpy as np
        X = np.random.default_rng(0).normal(size=(40, 30, 50))
        model = fg.TCA(3, n_init=10**6, n_threads=2)
        threading.Thread(target=model.fit, args=(X,), daemon=True).start()
        time.sleep(0.3)
        print("fine")
    """
    assert in_new_process(code) == "fine"
