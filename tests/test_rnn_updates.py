"""Updates within trials: `fg.train(update_every=…)` does what a loop over windows by hand does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common.rnn_cases import CELLS, N_INPUTS, N_OUTPUTS, make_net

import fastigial as fg
from fastigial.rnn.batches import NOISE
from fastigial.rnn.seeds import derived

N_TRIALS, N_STEPS, N_EPOCHS, RATE = 3, 7, 3, 0.1


class Fixed:
    """The same trials whenever they are asked for, in the same order."""

    def __init__(self, observed: Any = None) -> None:
        rng = np.random.default_rng(4)
        self.inputs = rng.normal(size=(N_TRIALS, N_STEPS, N_INPUTS))
        self.targets = rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))
        self.targets[0, 2, 1] = np.nan
        if observed is not None:
            self.targets[:, ~np.isin(np.arange(N_STEPS), observed)] = np.nan

    def sample(self, n_trials: int, seed: int) -> fg.Trials:
        del n_trials, seed
        return fg.Trials(self.inputs, self.targets)


def train(net: Any, update_every: Any, task: Any = None, n_epochs: int = N_EPOCHS, **options: Any) -> Any:
    given: dict[str, Any] = {"optimizer": fg.optim.SGD(RATE), "batch_size": N_TRIALS, **options}
    return fg.train(net, Fixed() if task is None else task, n_epochs=n_epochs, update_every=update_every, **given)


def train_by_hand(net: Any, every: int, task: Fixed) -> tuple[list[float], list[int]]:
    """Follow every window's gradient from the state in which the weights before have left the trials."""
    losses, updates = [], []
    for epoch in range(N_EPOCHS):
        state, losses_of_windows, counts = None, [], []
        for index, start in enumerate(range(0, N_STEPS, every)):
            inputs, targets = (part[:, start : start + every] for part in (task.inputs, task.targets))
            options: dict[str, Any] = {"seed": derived(0, NOISE, epoch, 0, index), "initial_state": state}
            state = net.run(inputs, **options).final
            if not np.isfinite(targets).any():
                continue
            loss, gradient = net.gradient(inputs, targets, **options)
            net.set_parameters({name: net.parameters[name] - RATE * slope for name, slope in gradient.items()})
            losses_of_windows.append(loss)
            counts.append(np.isfinite(targets).sum())
        losses.append(np.average(losses_of_windows, weights=counts))
        updates.append(len(counts))
    return losses, updates


def assert_equal(found: Any, expected: Any) -> None:
    assert found.parameters.keys() == expected.parameters.keys()
    for name, value in expected.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value, err_msg=name)


@pytest.mark.parametrize("every", [1, 3, 6])
@pytest.mark.parametrize("name", CELLS)
def test_weights_follow_each_window_as_by_hand(name: str, every: int) -> None:
    options = {**CELLS[name], "trainable_initial_state": True, "noise": 0.1, "input_noise": 0.05}
    net, by_hand = make_net(options), make_net(options)
    history = train(net, every)
    losses, _ = train_by_hand(by_hand, every, Fixed())
    np.testing.assert_allclose(history.loss, losses, rtol=1e-9)
    for parameter, value in by_hand.parameters.items():
        np.testing.assert_allclose(net.parameters[parameter], value, rtol=0, atol=1e-12, err_msg=parameter)


def test_windows_without_any_target_are_passed_over_and_their_state_is_handed_on() -> None:
    task = Fixed(observed=[0, 6])
    net, by_hand = make_net({}), make_net({})
    history = train(net, 2, task)
    losses, updates = train_by_hand(by_hand, 2, task)
    assert updates == [2] * N_EPOCHS
    np.testing.assert_allclose(history.loss, losses, rtol=1e-9)
    for parameter, value in by_hand.parameters.items():
        np.testing.assert_allclose(net.parameters[parameter], value, rtol=0, atol=1e-12, err_msg=parameter)


@pytest.mark.parametrize("every", [N_STEPS, N_STEPS + 5])
def test_a_window_that_is_the_trial_is_no_window(every: int) -> None:
    net, usual = make_net({"noise": 0.1}), make_net({"noise": 0.1})
    train(net, every)
    train(usual, None)
    assert_equal(net, usual)


def test_later_windows_teach_nothing_of_the_networks_own_initial_state() -> None:
    net = make_net({"trainable_initial_state": True})
    task = Fixed(observed=[6])
    before = np.array(net.parameters["h0"])
    train(net, 3, task, n_epochs=1)
    np.testing.assert_array_equal(net.parameters["h0"], before)


@pytest.mark.parametrize("rule", [fg.rules.BPTT(), fg.rules.RTRL(), fg.rules.SyntheticGradient(window=2, hidden=(5,))])
@pytest.mark.parametrize("name", ["rate", "current", "gru", "lstm"])
def test_a_state_that_is_given_leaves_the_networks_own_without_a_gradient(name: str, rule: Any) -> None:
    net, task = make_net({**CELLS[name], "trainable_initial_state": True}), Fixed()
    state = net.run(task.inputs).final
    _, replaced = net.gradient(task.inputs, task.targets, rule=rule, initial_state=state)
    _, own = net.gradient(task.inputs, task.targets, rule=rule)
    initial = {"h0", "c0"} & set(own)
    assert initial and all(np.abs(own[parameter]).max() > 1e-4 for parameter in initial)
    for parameter in initial:
        np.testing.assert_array_equal(replaced[parameter], 0.0, err_msg=parameter)
    # It plays no part in the run: the loss does not change with it.
    loss, _ = net.gradient(task.inputs, task.targets, rule=rule, initial_state=state)
    net.set_parameters({parameter: net.parameters[parameter] + 1.0 for parameter in initial})
    assert net.gradient(task.inputs, task.targets, rule=rule, initial_state=state)[0] == loss


def test_half_a_state_replaces_half_of_the_networks() -> None:
    net, task = make_net({"cell": "lstm", "trainable_initial_state": True}), Fixed()
    _, gradient = net.gradient(task.inputs, task.targets, initial_state={"h": np.full(net.n_units, 0.2)})
    assert np.abs(gradient["c0"]).max() > 1e-4
    np.testing.assert_array_equal(gradient["h0"], 0.0)


@pytest.mark.parametrize(("rule", "n_updates"), [("BPTT", 1), ("SyntheticGradient", 4)])
def test_rules_that_predict_learn_where_nothing_is_observed_and_others_pass_over_it(rule: str, n_updates: int) -> None:
    made = {"BPTT": fg.rules.BPTT(), "SyntheticGradient": fg.rules.SyntheticGradient(window=2, hidden=(5,))}[rule]
    net, optimizer = make_net({}), fg.optim.Adam(0.01)
    train(net, 2, Fixed(observed=[6]), rule=made, optimizer=optimizer)
    assert optimizer.of(net).state()["n_steps"].max() == n_updates * N_EPOCHS


def test_networks_side_by_side_have_windows_of_their_own() -> None:
    cases: list[tuple[dict[str, Any], Any]] = [({}, 2), ({"cell": "gru"}, None), ({}, 3), ({"noise": 0.1}, 2)]
    nets = [make_net(options) for options, _ in cases]
    histories = train(nets, [every for _, every in cases])
    for (options, every), net, history in zip(cases, nets, histories, strict=True):
        alone = make_net(options)
        np.testing.assert_array_equal(train(alone, every).loss, history.loss)
        assert_equal(net, alone)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_numbers_do_not_depend_on_threads(n_threads: int) -> None:
    nets = [make_net({"noise": 0.1, "dtype": "float32"}) for _ in range(2)]
    train(nets[0], 2, n_threads=1)
    train(nets[1], 2, n_threads=n_threads)
    assert_equal(nets[1], nets[0])


def test_a_checkpoint_knows_the_windows(tmp_path: Path) -> None:
    def started(n_epochs: int, every: int) -> Any:
        net = make_net({"noise": 0.1})
        train(net, every, n_epochs=n_epochs, optimizer=fg.optim.Adam(0.05), checkpoint=tmp_path / "checkpoint")
        return net

    whole = make_net({"noise": 0.1})
    train(whole, 2, n_epochs=6, optimizer=fg.optim.Adam(0.05))
    started(3, 2)
    assert_equal(started(6, 2), whole)
    with pytest.raises(ValueError, match="update_every"):
        started(7, 3)


def test_what_explodes_is_named_with_its_window() -> None:
    net = make_net({"activation": "linear"})
    with pytest.raises(FloatingPointError, match=r"epoch \d+, batch 0 \(window \d\)"):
        train(net, 2, n_epochs=100, optimizer=fg.optim.SGD(1e12))
    assert all(np.isfinite(value).all() for value in net.parameters.values())


@pytest.mark.parametrize("options", [{"feedback": True}, {"delays": {"recurrent": 2}}, {"delays": {"input": 1}}])
def test_signals_on_their_way_cannot_be_handed_on(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"update_every is 2.*delays or output feedback"):
        train(make_net(options), 2)


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "2", [1, 2]])
def test_windows_that_make_no_sense_are_named(every: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="update_every"):
        train(make_net({}), every)
