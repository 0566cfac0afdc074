"""What must neither end nor block Python: calls within calls, sizes beyond memory, Ctrl-C, weights that run away."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.cerebellum import LMS, AdaptiveFilter, Cerebellum, Covariance, GranuleLayer, couple

rng = np.random.default_rng(3)

# Ctrl-C must arrive within half a second; the rest is for a loaded machine.
PATIENCE = 0.5 + 1.0


def asked_meanwhile(start: Callable[[Any], Any], ask: Callable[[], Any]) -> list[Any]:
    """What `ask` gives when the progress callback of a call asks for it."""
    answers: list[Any] = []

    def progress(*_: float) -> None:
        if not answers:
            try:
                answers.append(ask())
            except RuntimeError as error:
                answers.append(error)

    thread = threading.Thread(target=start, args=(progress,), daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "blocked for ever"
    assert answers, "the call was over before it told of its progress"
    return answers


@pytest.mark.parametrize("online", [True, False])
def test_a_module_that_learns_says_so_to_its_own_callback(online: bool) -> None:
    made = Cerebellum(20, 2, plasticity=LMS(1e-5))
    x, y = rng.normal(size=(40, 400, 20)), rng.normal(size=(40, 400, 2))
    asks = {
        "parameters": lambda: made.parameters,
        "clone": made.clone,
        "copy": lambda: copy.deepcopy(made),
        "set": lambda: made.set_parameters({"b_p": np.zeros(2)}),
        "step": lambda: made.step(x[:, 0]),
        "reset": made.reset,
        "run": lambda: made.run(x[:1]),
        "learn": lambda: made.learn(x[:1], y[:1]),
    }
    failures = []

    def ask() -> str:
        for name, one in asks.items():
            with pytest.raises(RuntimeError, match="the module is learning"):
                one()
                failures.append(name)
        return "asked"

    def start(progress: Any) -> None:
        def once(*report: float) -> None:
            progress(*report)
            raise StopIteration

        with suppress(StopIteration):
            made.learn(x, y, online=online, n_epochs=10_000, n_threads=1, progress=once)

    assert asked_meanwhile(start, ask) == ["asked"], failures
    assert np.abs(made.parameters["W_pf"]).max() > 0
    made.reset().step(x[:, 0])


def test_a_module_that_runs_answers_its_own_callback() -> None:
    layer = GranuleLayer(20, 3000)
    made = Cerebellum(layer, 1, initial_weight=0.1)
    x = rng.normal(size=(120, 1000, 20))
    answers = asked_meanwhile(lambda progress: made.run(x, n_threads=1, progress=progress), lambda: made.parameters)
    assert (answers[0]["W_pf"] == np.float32(0.1)).all()


@pytest.mark.parametrize("learn", [False, True, "batched"])
def test_network_and_module_of_a_loop_can_be_asked_meanwhile(learn: bool | str) -> None:
    net = fg.RNN(3, 30, 1, dt=0.01)
    made = Cerebellum(GranuleLayer(32, 2000), 1, dt=0.01, plasticity=LMS(1e-7))
    loop = couple(net, made, mapping=[[1.0]])
    x, y = rng.normal(size=(40, 2500, 2)), rng.normal(size=(40, 2500, 1))

    def ask() -> str:
        assert net.parameters["W"].shape == (30, 30)
        if learn:
            with pytest.raises(RuntimeError, match="the module is learning"):
                _ = made.parameters
        else:
            assert made.parameters["W_pf"].shape == (1, 2000)
        return "asked"

    def start(progress: Any) -> None:
        loop.run(x, y, learn=learn, n_threads=1, progress=progress)

    assert asked_meanwhile(start, ask) == ["asked"]
    assert (np.abs(made.parameters["W_pf"]).max() > 0) == bool(learn)


ABSURD = {
    "wiring": "c.GranuleLayer(100, 2**31)",
    "local wiring": "c.GranuleLayer(9, 2**30, n_inputs=3, positions=np.arange(9.0)[:, None])",
    "one threshold for all": "c.GranuleLayer(100, 10**6, threshold='layer').calibrate(np.ones((5000, 100)))",
    "features": "c.GranuleLayer(10, 10**6).run(np.ones((5000, 10)))",
    "eligibility of a filter": "c.AdaptiveFilter(None, eligibility=1e12).learn(x, x, learning_rate=0.1)",
    "absurd eligibility": "c.AdaptiveFilter(None, eligibility=1e16).run(x)",
    "eligibility of a module": "c.Cerebellum(9, 1, eligibility=c.Delayed(2e6)).step(np.ones((1, 9)))",
    "synthesiser": "fg.models.CorticoCerebellarRNN(2, 10, 1, granule_layers=(2**31, 2**31))",
    "interface": "fg.models.ForwardInterface((2**31,)).fit(np.ones((20, 3)), np.arange(20) % 2)",
}


def test_absurd_sizes_do_not_end_the_interpreter() -> None:
    """A slip of the keyboard must not take the notebook's other results with it."""
    code = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
        import fastigial as fg, numpy as np
        c, x = fg.cerebellum, np.ones((1, 50, 1))
        for name, call in {ABSURD!r}.items():
            try:
                eval(call)
            except (ValueError, MemoryError) as error:
                print(name, type(error).__name__, error, flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-500:]
    lines = done.stdout.splitlines()
    assert len(lines) == len(ABSURD), done.stdout
    assert all(line.startswith(name) for line, name in zip(lines, ABSURD, strict=True))


def test_an_eligibility_beyond_the_trial_needs_no_memory() -> None:
    """2e9 steps of one thousand features would be 16 terabytes."""
    made = AdaptiveFilter(None, n_inputs=1000, eligibility=2e6)
    x = rng.normal(size=(2, 5, 1000))
    made.learn(x, np.ones((2, 5, 1)), learning_rate=0.1)
    assert not made.weights.any()


def dense(n_granule: int = 20_000, **options: Any) -> GranuleLayer:
    return GranuleLayer(200, n_granule, n_inputs=200, **options)


def ones(*shape: int) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


LONG: dict[str, Callable[[], Callable[[], Any]]] = {
    "run": lambda: partial(dense().run, ones(4000, 200), n_threads=1),
    "run-basis": lambda: partial(dense(basis=fg.cerebellum.TemporalBasis([0.01])).run, ones(1, 4000, 200), n_threads=1),
    "inhibition": lambda: partial(dense(golgi="feedback", golgi_gain=2.0).inhibition, ones(20_000, 200), n_threads=1),
    "calibrate": lambda: partial(dense(100_000).calibrate, ones(2000, 200), n_threads=1),
    "filter": lambda: partial(
        AdaptiveFilter(None, 20, n_inputs=200).learn,
        np.ones((1, 20_000, 200)),
        np.ones((1, 20_000, 20)),
        learning_rate=1e-9,
        n_epochs=1000,
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_stops_what_takes_long(name: str) -> None:
    call = LONG[name]()
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, interrupt)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            call()
            raise AssertionError("it was over too soon to be stopped")
        assert time.monotonic() - sent[0] < PATIENCE
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize("rule", [LMS(1e30), Covariance(1e30)])
def test_a_lesson_that_runs_away_is_an_error_and_is_not_kept(rule: Any) -> None:
    made = Cerebellum(3, 1, plasticity=rule, initial_weight=0.5)
    made.step([[1e6, 0.0, 1.0]])
    made.teach([[0.0]])
    before, means = made.parameters["W_pf"], made._core.means()
    made.step([[3e6, 0.0, 1.0]])
    with pytest.raises(FloatingPointError, match="at this step: the learning rate is too large"):
        made.teach([[1e10]])
    np.testing.assert_array_equal(made.parameters["W_pf"], before)
    for name, value in made._core.means().items():
        np.testing.assert_array_equal(value, means[name])


@pytest.mark.parametrize("online", [True, False])
def test_a_filter_that_runs_away_keeps_what_earlier_passes_learned(online: bool) -> None:
    made = AdaptiveFilter(None)
    x = np.full((3, 10, 1), 10.0)
    with pytest.raises(FloatingPointError):
        made.learn(x, np.ones((3, 10, 1)), learning_rate=1.0, online=online, n_epochs=60)
    assert np.isfinite(made.weights).all()
    assert np.abs(made.weights).max() > 1e100
