"""Training: every update is the one of its formula, and what must not change does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common import reference_rnn_cells as cells
from tests.common.rnn_cases import (
    CELLS,
    DELAYS,
    N_INPUTS,
    N_OUTPUTS,
    N_STEPS,
    N_TRIALS,
    N_UNITS,
    SPIKING,
    describe,
    make_net,
    make_trials,
    options_for,
)

import fastigial as fg

INPUTS, TARGETS = make_trials()
# More trials, for batches.
MANY = 2 * np.random.default_rng(8).normal(size=(12, N_STEPS, N_INPUTS))
MANY_TARGETS = np.random.default_rng(9).normal(size=(12, N_STEPS, N_OUTPUTS))
# Of 10,000 in the RFLO benchmark: enough for most of the variance of the target, few enough for a test.
N_TRIALS_OF_BENCHMARK = 500

each_cell = pytest.mark.parametrize("name", CELLS)


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    fg.set_num_threads(None)


def train(net: Any, optimizer: Any = None, n_epochs: int = 4, **options: Any) -> Any:
    """Train on all trials at once, unless told otherwise."""
    task = options.pop("task", (INPUTS, TARGETS))
    batch_size = options.pop("batch_size", len(task[0]) if isinstance(task, tuple) else N_TRIALS)
    optimizer = fg.optim.SGD(0.1) if optimizer is None else optimizer
    return fg.train(net, task, optimizer=optimizer, n_epochs=n_epochs, batch_size=batch_size, **options)


def copied(net: Any) -> dict[str, Any]:
    return {name: np.array(value) for name, value in net.parameters.items()}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# Optimisers, by hand: a state, a parameter, its gradient and the number of the update (from 1) give the next parameter.

State = dict[str, Any]
Update = Callable[[State, Any, Any, int], Any]


def sgd(lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> Update:
    def update(state: State, value: Any, gradient: Any, _: int) -> Any:
        gradient = gradient + weight_decay * value
        state["v"] = momentum * state.get("v", 0) + gradient
        return value - lr * state["v"]

    return update


def adam(lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, decay: float = 0.0) -> Update:
    def update(state: State, value: Any, gradient: Any, step: int) -> Any:
        state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * gradient
        state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * gradient**2
        mean, square = state["m"] / (1 - betas[0] ** step), state["v"] / (1 - betas[1] ** step)
        return value - lr * (mean / (np.sqrt(square) + eps) + decay * value)

    return update


OPTIMIZERS: dict[str, tuple[Callable[[], Any], Update]] = {
    "SGD": (lambda: fg.optim.SGD(0.1), sgd(0.1)),
    "momentum": (lambda: fg.optim.SGD(0.1, momentum=0.8), sgd(0.1, 0.8)),
    "decay": (lambda: fg.optim.SGD(0.1, momentum=0.5, weight_decay=0.3), sgd(0.1, 0.5, 0.3)),
    "Adam": (lambda: fg.optim.Adam(0.02), adam(0.02)),
    "Adam, other memory": (lambda: fg.optim.Adam(0.02, betas=(0.5, 0.9), eps=1e-3), adam(0.02, (0.5, 0.9), 1e-3)),
    "AdamW": (lambda: fg.optim.AdamW(0.02, weight_decay=0.4), adam(0.02, decay=0.4)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["rate", "lstm"])
def test_updates_are_those_of_the_optimizers_formula(name: str, optimizer: str) -> None:
    make, update = OPTIMIZERS[optimizer]
    net, by_hand = make_net(CELLS[name]), make_net(CELLS[name])
    history = train(net, make(), n_epochs=5)
    states: dict[str, State] = {}
    losses, norms = [], []
    for step in range(1, 6):
        loss, gradient = by_hand.gradient(INPUTS, TARGETS)
        losses.append(loss)
        norms.append(np.sqrt(sum(np.sum(value**2) for value in gradient.values())))
        by_hand.set_parameters(
            {
                key: update(states.setdefault(key, {}), value, gradient[key], step)
                for key, value in copied(by_hand).items()
            }
        )
    np.testing.assert_allclose(history.loss, losses, rtol=1e-10)
    np.testing.assert_allclose(history.gradient_norm, norms, rtol=1e-8)
    for key, value in by_hand.parameters.items():
        np.testing.assert_allclose(net.parameters[key], value, rtol=0, atol=1e-9, err_msg=key)


def test_clipping_shortens_the_gradient_of_all_parameters_together() -> None:
    net = make_net({})
    before = copied(net)
    _, gradient = net.gradient(INPUTS, TARGETS)
    norm = np.sqrt(sum(np.sum(value**2) for value in gradient.values()))
    for clip in (norm / 3, 3 * norm):
        net.set_parameters(before)
        history = train(net, fg.optim.SGD(0.1, clip=clip), n_epochs=1)
        assert history.gradient_norm[0] == pytest.approx(norm, rel=1e-10)
        factor = min(1, clip / norm)
        for key, value in before.items():
            np.testing.assert_allclose(net.parameters[key], value - 0.1 * factor * gradient[key], rtol=0, atol=1e-7)


# Learning rates that change


def test_a_learning_rate_may_be_a_function_of_the_epoch() -> None:
    net, by_hand = make_net({}), make_net({})
    rates = [0.1, 0.01, 0.0, 0.05]
    train(net, fg.optim.SGD(lambda epoch: rates[epoch]), n_epochs=4)
    for rate in rates:
        train(by_hand, fg.optim.SGD(rate), n_epochs=1)
    for key, value in by_hand.parameters.items():
        np.testing.assert_allclose(net.parameters[key], value, rtol=0, atol=1e-12)


def test_schedules_are_their_formulas() -> None:
    schedules = fg.optim.schedules
    epochs = range(12)
    np.testing.assert_allclose([schedules.constant(0.1)(e) for e in epochs], 0.1)
    np.testing.assert_allclose(
        [schedules.step(0.1, 3, 0.5)(e) for e in epochs], [0.1 * 0.5 ** (e // 3) for e in epochs]
    )
    np.testing.assert_allclose([schedules.exponential(0.1, 0.9)(e) for e in epochs], [0.1 * 0.9**e for e in epochs])
    cosine = [0.05 * (1 + np.cos(np.pi * min(e, 10) / 10)) for e in epochs]
    np.testing.assert_allclose([schedules.cosine(0.1, 10)(e) for e in epochs], cosine, atol=1e-15)
    warmup = [schedules.warmup(0.1, 5)(e) for e in epochs]
    assert np.all(np.diff(warmup[:5]) > 0)
    np.testing.assert_allclose(warmup[5:], 0.1)
    pieces = [schedules.piecewise({0: 0.1, 3: 0.01, 7: 0.001})(e) for e in epochs]
    np.testing.assert_allclose(pieces, [0.1] * 3 + [0.01] * 4 + [0.001] * 5)


def test_a_schedule_holds_in_training() -> None:
    net, by_hand = make_net({}), make_net({})
    train(net, fg.optim.SGD(fg.optim.schedules.exponential(0.1, 0.5)), n_epochs=3)
    for epoch in range(3):
        train(by_hand, fg.optim.SGD(0.1 * 0.5**epoch), n_epochs=1)
    for key, value in by_hand.parameters.items():
        np.testing.assert_allclose(net.parameters[key], value, rtol=0, atol=1e-12)


# What training must leave alone


@each_cell
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_entries_that_do_not_exist_or_are_fixed_stay_as_they_are(name: str, optimizer: str) -> None:
    options = options_for(CELLS[name].get("cell", "rate"))
    masks, trainable = options["masks"]["masks"], options["fixed"]["trainable"]
    net = make_net({**CELLS[name], "masks": masks, "trainable": trainable})
    before = copied(net)
    train(net, OPTIMIZERS[optimizer][0](), n_epochs=6)
    for key, value in net.parameters.items():
        exists = np.broadcast_to(masks.get(key, True), value.shape)
        assert np.all(value[~exists] == 0), key
        free = np.broadcast_to(trainable.get(key, True), value.shape)
        np.testing.assert_array_equal(value[~free], before[key][~free], err_msg=key)
        if (exists & free).any():
            assert np.any(value[exists & free] != before[key][exists & free]), key


@pytest.mark.parametrize("name", ["rate", "current", "gru", "lif", "alif"])
def test_signs_of_units_hold_through_large_updates(name: str) -> None:
    net = make_net({**CELLS[name], "dale": 0.5})
    signs = np.sign(net.parameters["W"][0])
    before = copied(net)
    for lr in (0.05, 1000.0):
        net.set_parameters(before)
        _, gradient = net.gradient(INPUTS, TARGETS)
        train(net, fg.optim.SGD(lr), n_epochs=1)
        moved = before["W"] - lr * gradient["W"]
        np.testing.assert_allclose(net.parameters["W"], np.where(moved * signs > 0, moved, 0), rtol=0, atol=1e-10)
    assert np.any(net.parameters["W"] == 0), "an update this large must meet the bound"


def test_sparse_networks_stay_sparse() -> None:
    net = make_net({"density": 0.5})
    absent = net.parameters["W"] == 0
    train(net, fg.optim.Adam(0.1), n_epochs=5)
    assert absent.any()
    assert np.all(net.parameters["W"][absent] == 0)


def test_leaks_stay_between_their_bounds() -> None:
    net = make_net({"trainable_tau": True})
    train(net, fg.optim.Adam(0.5), n_epochs=5)
    alpha = net.parameters["alpha"]
    assert np.all((alpha >= 1e-3) & (alpha <= 1))
    assert np.any((alpha == 1e-3) | (alpha == 1)), "updates this large must meet a bound"


@pytest.mark.parametrize("delays", [{"recurrent": 2, "input": 1}, {"recurrent": DELAYS, "feedback": 2}])
@each_cell
def test_delays_are_still_there_after_training(name: str, delays: dict[str, Any]) -> None:
    case = {**CELLS[name], "delays": delays, "feedback": "feedback" in delays}
    net = make_net(case)
    train(net, fg.optim.Adam(0.01), n_epochs=3)
    expected = cells.run(describe(net, case), INPUTS)
    np.testing.assert_allclose(net.run(INPUTS).outputs, expected["outputs"], rtol=0, atol=1e-10)


# The same training, another way


def trained(case: dict[str, Any], seed: int = 0, rule: Any = None, **options: Any) -> tuple[Any, Any]:
    """A network trained with noise, batches and momentum: everything that could come out in another order."""
    net = make_net(case, noise=0.1)
    rule = fg.rules.BPTT() if rule is None else rule
    optimizer = options.pop("optimizer", None) or fg.optim.Adam(0.01)
    options = {"task": (MANY, MANY_TARGETS), "batch_size": 5, "n_epochs": 3, **options}
    return net, train(net, optimizer, seed=seed, rule=rule, **options)


@each_cell
def test_training_is_the_same_on_any_number_of_threads(name: str) -> None:
    first, history = trained(CELLS[name], n_threads=1)
    for n_threads in (2, 5):
        net, other = trained(CELLS[name], n_threads=n_threads)
        assert_equal(net.parameters, first.parameters)
        np.testing.assert_array_equal(other.loss, history.loss)


def test_training_comes_from_its_seed() -> None:
    first, same, other = (trained({}, seed)[0] for seed in (1, 1, 2))
    assert_equal(same.parameters, first.parameters)
    assert not np.array_equal(other.parameters["W"], first.parameters["W"])


RULES: dict[str, Callable[[], Any]] = {
    "BPTT": lambda: fg.rules.BPTT(truncation=3),
    "FeedbackAlignment": lambda: fg.rules.FeedbackAlignment(seed=3),
    "KolenPollack": lambda: fg.rules.KolenPollack(decay=0.01, seed=3),
    "NodePerturbation": lambda: fg.rules.NodePerturbation(sigma=0.05, baseline="running", seed=3),
    "Miconi": lambda: fg.rules.Miconi(seed=3),
    "SyntheticGradient": lambda: fg.rules.SyntheticGradient(window=2, hidden=(8,), seed=3),
    "FORCE": lambda: fg.rules.FORCE(alpha=1.0, every=2),
}
# Lesions before the interruption in epoch 3, at it, and after it.
for lesion in ("freeze_at", "ablate_at"):
    for epoch in (2, 3, 4):
        one: dict[str, Any] = {lesion: epoch}
        RULES[f"SyntheticGradient, {lesion} {epoch}"] = partial(fg.rules.SyntheticGradient, 2, hidden=(8,), **one)
RULES["SyntheticGradient, both"] = partial(fg.rules.SyntheticGradient, 2, hidden=(8,), freeze_at=2, ablate_at=4)


@pytest.mark.parametrize("rule", RULES)
def test_training_goes_on_from_a_checkpoint_bit_for_bit(rule: str, tmp_path: Path) -> None:
    whole, history = trained({}, rule=RULES[rule](), n_epochs=6)
    trained({}, rule=RULES[rule](), n_epochs=3, checkpoint=tmp_path / "checkpoint")
    resumed, continued = trained({}, rule=RULES[rule](), n_epochs=6, checkpoint=tmp_path / "checkpoint")
    assert_equal(resumed.parameters, whole.parameters)
    np.testing.assert_array_equal(continued.loss, history.loss)
    np.testing.assert_array_equal(continued.gradient_norm, history.gradient_norm)
    again, _ = trained({}, rule=RULES[rule](), n_epochs=6, checkpoint=tmp_path / "checkpoint")
    assert_equal(again.parameters, whole.parameters)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    trained({}, n_epochs=1, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="checkpoint"):
        trained({}, n_epochs=2, seed=1, checkpoint=tmp_path / "checkpoint")


def test_a_list_of_networks_is_as_many_trainings() -> None:
    cases: list[dict[str, Any]] = [{}, {}, {"cell": "gru"}, {"delays": {"recurrent": 2}}]
    together = [make_net(case, seed, noise=0.1) for seed, case in enumerate(cases)]
    alone = [make_net(case, seed, noise=0.1) for seed, case in enumerate(cases)]
    options: dict[str, Any] = {"task": (MANY, MANY_TARGETS), "batch_size": 5, "n_epochs": 3, "seed": 4}
    rule = fg.rules.FeedbackAlignment(seed=2)
    histories = train(together, fg.optim.Adam(0.01), rule=rule, **options)
    assert isinstance(histories, list)
    for one, other, history in zip(together, alone, histories, strict=True):
        expected = train(other, fg.optim.Adam(0.01), rule=fg.rules.FeedbackAlignment(seed=2), **options)
        assert_equal(one.parameters, other.parameters)
        np.testing.assert_array_equal(history.loss, expected.loss)


# Tasks


class Sampled:
    """A task that draws its trials, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def sample(self, n_trials: int, seed: int) -> Any:
        self.asked.append((n_trials, seed))
        rng = np.random.default_rng(seed)
        inputs = rng.normal(size=(n_trials, N_STEPS, N_INPUTS))
        targets = np.repeat(inputs.sum(axis=2, keepdims=True), N_OUTPUTS, axis=2)
        mask = np.ones((n_trials, N_STEPS), dtype=bool)
        return fg.Trials(inputs=inputs, targets=targets, mask=mask, info={}, dt=0.01)


def test_a_task_is_asked_for_new_trials_every_time() -> None:
    first, second = Sampled(), Sampled()
    train(make_net({}), task=first, n_epochs=3, n_batches=2, batch_size=4, seed=5)
    train(make_net({}), task=second, n_epochs=3, n_batches=2, batch_size=4, seed=5)
    assert first.asked == second.asked
    assert [n_trials for n_trials, _ in first.asked] == [4] * 6
    assert len({seed for _, seed in first.asked}) == 6


def test_a_mask_in_the_data_holds() -> None:
    observed = np.random.default_rng(2).random((N_TRIALS, N_STEPS)) < 0.5
    masked, hidden = make_net({}), make_net({})
    train(masked, task=(INPUTS, TARGETS, observed))
    train(hidden, task=(INPUTS, np.where(observed[:, :, None], TARGETS, np.nan)))
    for key, value in masked.parameters.items():
        np.testing.assert_allclose(value, hidden.parameters[key], rtol=0, atol=1e-12)


def test_validation_is_the_loss_of_trials_that_are_not_trained_on() -> None:
    net = make_net({})
    history = train(net, n_epochs=3, validation=(MANY, MANY_TARGETS))
    assert len(history.validation_loss) == 3
    expected = np.mean((net.run(MANY).outputs - MANY_TARGETS) ** 2)
    assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-12)
    without = make_net({})
    train(without, n_epochs=3)
    assert_equal(without.parameters, net.parameters)


def test_training_stops_early_at_the_best_it_was() -> None:
    """Training leads away from the outputs it begins with: by these, the best network is that of the first epoch."""
    net = make_net({})
    beginning = net.run(INPUTS).outputs
    history = train(net, n_epochs=50, validation=(INPUTS, beginning), early_stopping=3)
    assert len(history.loss) == 4
    assert np.all(np.diff(history.validation_loss) > 0)
    best = np.mean((net.run(INPUTS).outputs - beginning) ** 2)
    assert best == pytest.approx(min(history.validation_loss), rel=1e-12)


def test_training_that_goes_well_does_not_stop_early() -> None:
    net = make_net({})
    history = train(net, fg.optim.SGD(0.01), n_epochs=10, validation=(INPUTS, TARGETS), early_stopping=2)
    assert len(history.loss) == 10


def test_progress_is_told() -> None:
    told: list[tuple[int, int, float]] = []
    history = train(make_net({}), n_epochs=3, progress=lambda *news: told.append(news))
    assert told
    done, total, loss = told[-1]
    assert done == total
    assert loss == pytest.approx(history.loss[-1])


def test_a_history_is_as_long_as_the_training() -> None:
    history = train(make_net({}), n_epochs=4)
    for values in (history.loss, history.gradient_norm, history.seconds, history.epoch):
        assert len(values) == 4
    assert np.all(np.diff(history.epoch) == 1)
    assert np.all(np.asarray(history.seconds) >= 0)


# When it goes wrong


def test_a_training_that_explodes_says_where_and_keeps_the_last_good_parameters() -> None:
    net = make_net({"activation": "linear"})
    with pytest.raises(FloatingPointError, match=r"epoch \d+.*step \d+"):
        train(net, fg.optim.SGD(1e12), n_epochs=100)
    assert all(np.isfinite(value).all() for value in net.parameters.values())
    net.run(INPUTS)


def test_a_loss_that_is_not_a_number_changes_nothing() -> None:
    net = make_net({})
    before = copied(net)

    def broken(outputs: Any) -> tuple[float, Any]:
        return float("nan"), np.zeros_like(outputs)

    with pytest.raises(FloatingPointError, match=r"epoch \d+.*step \d+"):
        train(net, loss=broken)
    assert_equal(net.parameters, before)


def test_one_network_of_many_that_explodes_is_named() -> None:
    nets = [make_net({}), make_net({"activation": "linear"})]
    nets[1].set_parameters({"W_out": np.full((N_OUTPUTS, N_UNITS), 1e200)})
    before = copied(nets[1])
    with pytest.raises(FloatingPointError, match=r"network 1.*epoch \d+.*step \d+"):
        train(nets, n_epochs=3)
    assert_equal(nets[1].parameters, before)


# It learns


@each_cell
def test_training_lowers_the_loss(name: str) -> None:
    net = make_net(CELLS[name])
    history = train(net, fg.optim.Adam(0.02), n_epochs=150)
    assert history.loss[-1] < (0.8 if name in SPIKING else 0.6) * history.loss[0]


@pytest.mark.parametrize("rule", ["RTRL", "RFLO", "EProp", "FeedbackAlignment", "KolenPollack"])
def test_rules_lower_the_loss(rule: str) -> None:
    net = make_net({})
    history = train(net, fg.optim.Adam(0.02), n_epochs=150, rule=getattr(fg.rules, rule)())
    assert history.loss[-1] < 0.8 * history.loss[0]


def test_kolen_pollack_turns_its_feedback_towards_the_readout() -> None:
    net = make_net({})
    rule = fg.rules.KolenPollack(decay=0.05, seed=2)
    net.gradient(INPUTS, TARGETS, rule=rule)
    distances = [np.linalg.norm(rule.feedback_ - net.parameters["W_out"].T)]
    for _ in range(4):
        train(net, fg.optim.SGD(0.05), n_epochs=25, rule=rule)
        distances.append(np.linalg.norm(rule.feedback_ - net.parameters["W_out"].T))
    assert np.all(np.diff(distances) < 0)


def test_rflo_learns_the_sinusoids_of_its_paper() -> None:
    """Murray 2019, the example published with it: 50 units, τ = 10 steps, three sinusoids in 100 steps, no input.

    There η = 0.03 multiplies the mean over steps of error times trace. The gradient of the mean squared error is twice
    that, so the learning rate is half.
    """
    n_units, n_steps, seed = 50, 100, 0
    net = fg.RNN(
        1,
        n_units,
        1,
        dt=0.01,
        tau=0.1,
        bias=False,
        dtype="float64",
        initial_state=np.full(n_units, 0.1),
        trainable={"W_in": False},
    )
    rng = np.random.default_rng(seed)
    W = 1.5 * rng.normal(size=(n_units, n_units)) / np.sqrt(n_units)
    net.set_parameters({"W": W, "W_out": 0.1 * rng.uniform(-1, 1, (1, n_units)) / np.sqrt(n_units)})
    phase = 2 * np.pi * np.arange(1, n_steps + 1) / n_steps
    target = np.sin(phase) + np.sin(2 * phase) / 2 + np.sin(4 * phase) / 4
    task = (np.zeros((1, n_steps, 1)), target.reshape(1, n_steps, 1))
    rule = fg.rules.RFLO(feedback="random", seed=seed)
    history = train(net, fg.optim.SGD(0.015), n_epochs=N_TRIALS_OF_BENCHMARK, task=task, rule=rule)
    half = np.asarray(history.loss) / 2
    # Silent, the network would have half the variance of the target: 0.328.
    assert half[0] == pytest.approx(np.mean(target**2) / 2, rel=0.1)
    assert half[-1] < 0.05
