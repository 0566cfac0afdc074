"""What a session throws at networks: weights that overflow, Ctrl-C in one long call, trials in any form."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import xarray

import fastigial as fg

rng = np.random.default_rng(0)
INPUTS, TARGETS = rng.normal(size=(6, 20, 2)), rng.normal(size=(6, 20, 1))


@pytest.mark.parametrize("rule", [fg.rules.BPTT(), fg.rules.RFLO(), fg.rules.KolenPollack()])
@pytest.mark.parametrize("optimizer", [fg.optim.Adam(1e39), fg.optim.SGD(1e39, momentum=0.9)])
def test_an_update_that_overflows_is_not_kept(rule: Any, optimizer: Any) -> None:
    net = fg.RNN(2, 10, 1)
    before = net.parameters
    with pytest.raises(FloatingPointError, match=r"epoch 0, batch 0 \(step 0 .*weight"):
        fg.train(net, (INPUTS, TARGETS), rule=rule, optimizer=optimizer, n_epochs=1, batch_size=6)
    for name, value in net.parameters.items():
        np.testing.assert_array_equal(value, before[name])


LONG: dict[str, Any] = {
    "gradient": lambda net, x: net.gradient(x, np.zeros((*x.shape[:2], 1))),
    "train": lambda net, x: fg.train(net, (x, np.zeros((*x.shape[:2], 1))), n_epochs=5, batch_size=len(x)),
    "RTRL": lambda net, x: net.gradient(x, np.zeros((*x.shape[:2], 1)), rule=fg.rules.RTRL()),
    "BPLambda": lambda net, x: net.gradient(x, np.zeros((*x.shape[:2], 1)), rule=fg.rules.BPLambda()),
    "FullFORCE": lambda net, x: net.gradient(x, np.zeros((*x.shape[:2], 1)), rule=fg.rules.FullFORCE()),
    "run": lambda net, x: net.run(x, n_threads=1),
    "jacobian": lambda net, x: net.jacobian(np.zeros((200, net.n_units)), x[0, 0]),
}
SIZES = {"RTRL": (60, 32, 2000), "BPLambda": (60, 32, 2000), "FullFORCE": (300, 8, 4000)}


@pytest.mark.parametrize("name", LONG)
def test_one_long_call_hears_ctrl_c(name: str) -> None:
    n_units, n_trials, n_steps = SIZES.get(name, (600, 32, 6000))
    net = fg.RNN(2, n_units, 1)
    before = net.parameters
    x = np.random.default_rng(1).normal(size=(n_trials, n_steps, 2)).astype(np.float32)
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.15, interrupt)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            LONG[name](net, x)
        # Half a second on a machine that is not busy; whole calls here take several.
        assert time.monotonic() - sent[0] < 2.0
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, handler)
    for key, value in net.parameters.items():
        np.testing.assert_array_equal(value, before[key])
    assert np.isfinite(net.gradient(INPUTS, TARGETS)[0])


def test_a_loss_of_ones_own_does_not_lock_out_other_threads() -> None:
    """One asks for the loss in Python, which needs the interpreter, while others use the same network and rule."""
    net, rule = fg.RNN(2, 20, 1), fg.rules.KolenPollack()

    def loss(outputs: Any) -> Any:
        time.sleep(0.002)
        return float((outputs**2).mean()), 2 * outputs / outputs.size

    net.gradient(INPUTS, None, rule=rule, loss=loss)
    failed: list[BaseException] = []

    def repeat(what: Any) -> None:
        try:
            for _ in range(60):
                what()
        except BaseException as error:
            failed.append(error)

    work = [
        lambda: net.gradient(INPUTS, None, rule=rule, loss=loss),
        lambda: net.gradient(INPUTS, TARGETS, rule=rule),
        lambda: (rule.feedback_, rule.of(net).set_state(rule.state()), net.parameters),
    ]
    threads = [threading.Thread(target=repeat, args=(what,), daemon=True) for what in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert not failed


class Tuples:
    """A task of one's own that knows no class of the package."""

    def sample(self, n_trials: int, seed: int) -> Any:
        draws = np.random.default_rng(seed)
        x = draws.normal(size=(n_trials, 20, 2))
        return x, x[..., :1]


def test_a_task_may_give_tuples() -> None:
    history = fg.train(fg.RNN(2, 20, 1), Tuples(), n_epochs=3, batch_size=8, validation=8)
    assert np.isfinite(history.validation_loss).all()


def test_trials_that_were_not_observed_are_passed_over() -> None:
    mask = np.ones((6, 20), dtype=bool)
    mask[2] = False
    history = fg.train(fg.RNN(2, 5, 1), (INPUTS, TARGETS, mask), n_epochs=4, batch_size=1)
    assert len(history) == 4
    assert np.isfinite(history.loss).all()
    with pytest.raises(ValueError, match="nothing observed"):
        fg.train(fg.RNN(2, 5, 1), (INPUTS, TARGETS, np.zeros((6, 20))), n_epochs=1, batch_size=1)


def test_a_task_names_its_loss() -> None:
    task = fg.tasks.EvidenceAccumulation()
    net = fg.RNN(task.n_inputs, 10, task.n_outputs, seed=0)
    other = net.clone()
    alone = fg.train(net, task, n_epochs=2, batch_size=4)
    named = fg.train(other, task, n_epochs=2, batch_size=4, loss="cross_entropy")
    np.testing.assert_array_equal(alone.loss, named.loss)


def test_steps_of_trials_are_those_of_the_network() -> None:
    task = fg.tasks.FlipFlop()
    net = fg.RNN(task.n_inputs, 5, task.n_outputs, dt=2 * task.dt)
    for use in (
        lambda: fg.train(net, task, n_epochs=1, batch_size=2),
        lambda: net.run(task.sample(2, 0)),
    ):
        with pytest.raises(ValueError, match=r"\bdt\b"):
            use()


def test_labelled_inputs_are_read_by_name() -> None:
    net = fg.RNN(2, 5, 1)
    labelled = xarray.DataArray(INPUTS, dims=("trial", "time", "input"))
    turned = labelled.transpose("time", "input", "trial")
    np.testing.assert_array_equal(net.run(turned).outputs, net.run(INPUTS).outputs)


@pytest.mark.parametrize(
    "rule", [fg.rules.Reinforce(), fg.rules.Miconi(), fg.rules.NodePerturbation(baseline="running")], ids=repr
)
def test_looking_at_a_gradient_does_not_change_the_rule(rule: Any) -> None:

    def losses(looks: bool) -> Any:
        net, one = fg.RNN(2, 10, 1, seed=0), type(rule)(**rule.arguments())

        def look(*_: Any) -> None:
            net.gradient(INPUTS, TARGETS, rule=one)

        if looks:
            look()
        options: dict[str, Any] = {"progress": look if looks else False}
        return fg.train(net, (INPUTS, TARGETS), rule=one, n_epochs=3, batch_size=6, **options).loss

    np.testing.assert_array_equal(losses(True), losses(False))


def test_a_network_in_another_precision_is_the_same_network() -> None:
    net = fg.RNN(2, 10, 1, cell="lstm", seed=0)
    double = net.astype("float64")
    assert (net.dtype, double.dtype) == ("float32", "float64")
    np.testing.assert_allclose(double.run(INPUTS).outputs, net.run(INPUTS).outputs, rtol=0, atol=1e-6)
    for name, value in double.astype("float32").parameters.items():
        np.testing.assert_array_equal(value, net.parameters[name])


def test_alignment_takes_trials() -> None:
    trials = fg.tasks.FlipFlop().sample(4, seed=0)
    net = fg.RNN(trials.n_inputs, 10, trials.n_outputs)
    short = fg.analysis.gradient_alignment(net, trials, fg.rules.RFLO())
    long = fg.analysis.gradient_alignment(net, trials.inputs, trials.targets, fg.rules.RFLO(), mask=trials.mask)
    np.testing.assert_array_equal(short.cosine, long.cosine)
