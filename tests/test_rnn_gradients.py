"""Gradients of every cell with every option: finite differences of the public loss, and the slow reference.

Two routes to each gradient: central differences of the loss that `gradient` returns (relative error below 1e-6), and
the reference's complex steps (relative error below 1e-9). Spiking cells have the second only, with their surrogate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.common import reference_rnn as reference
from tests.common.rnn_cases import (
    ACTIVATIONS,
    CELLS,
    N_OUTPUTS,
    N_STEPS,
    N_TRIALS,
    N_UNITS,
    RATE,
    SMOOTH,
    SPIKING,
    assert_same,
    describe,
    make_net,
    make_trials,
    with_options,
)

INPUTS, TARGETS = make_trials()
SMOOTH_CASES = with_options(SMOOTH)
SPIKING_CASES = with_options(SPIKING)
CLASSES = np.random.default_rng(2).integers(-1, N_OUTPUTS, (N_TRIALS, N_STEPS))
REGULARIZATION = {"activity_l2": 0.3, "activity_l1": 0.2, "weight_l2": 0.1, "weight_l1": 0.05}


def with_nan(targets: Any, seed: int = 3) -> Any:
    """Targets of which a quarter was not observed."""
    return np.where(np.random.default_rng(seed).random(targets.shape) < 0.25, np.nan, targets)


def central_differences(net: Any, loss: Callable[[Any], float], where: dict[str, Any]) -> dict[str, Any]:
    """Differences of the loss over every entry that `where` allows, 0 elsewhere."""
    plain = {name: np.array(value) for name, value in net.parameters.items()}
    size = 1e-5
    moved = net.clone()
    found = {}
    for name, value in plain.items():
        found[name] = np.zeros(value.shape)
        for entry in zip(*np.nonzero(np.broadcast_to(where.get(name, True), value.shape)), strict=True):
            losses = []
            for sign in (1, -1):
                changed = value.copy()
                changed[entry] += sign * size
                moved.set_parameters({name: changed})
                losses.append(loss(moved))
            moved.set_parameters({name: value})
            found[name][entry] = (losses[0] - losses[1]) / (2 * size)
    return found


def learnable(net: Any, case: dict[str, Any]) -> dict[str, Any]:
    description = describe(net, case)
    return {name: reference.learnable(description, name) for name in description["parameters"]}


def assert_exact(net: Any, case: dict[str, Any], targets: Any, objective: Any = None, **options: Any) -> None:
    """The loss is the reference's; the gradient is that of the loss, and exactly 0 where nothing may change."""
    regularization = options.get("regularization")
    objective = ("mse", targets, None) if objective is None else objective
    description = describe(net, case)
    loss, gradient = net.gradient(INPUTS, targets, **options)
    expected = reference.loss_of(description, INPUTS, objective, regularization)
    assert loss == pytest.approx(float(expected), rel=1e-12)
    where = learnable(net, case)
    assert gradient.keys() == where.keys()
    for name, allowed in where.items():
        assert np.all(gradient[name][~allowed] == 0), name
    assert_same(gradient, reference.gradient(description, INPUTS, objective, regularization), 1e-9)
    if case.get("cell") in ("lif", "alif"):
        return

    def public_loss(moved: Any) -> float:
        return float(moved.gradient(INPUTS, targets, **options)[0])

    assert_same(gradient, central_differences(net, public_loss, where), 1e-6)


# Every cell, every option


@pytest.mark.parametrize("name", SMOOTH_CASES)
def test_gradients_are_finite_differences(name: str) -> None:
    case = SMOOTH_CASES[name]
    assert_exact(make_net(case), case, with_nan(TARGETS))


@pytest.mark.parametrize("name", SPIKING_CASES)
def test_gradients_of_spiking_cells_are_those_of_the_surrogate(name: str) -> None:
    case = SPIKING_CASES[name]
    net = make_net(case)
    assert 0.05 < net.run(INPUTS).states.mean() < 0.9
    assert_exact(net, case, with_nan(TARGETS))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("leak", RATE)
def test_gradients_of_every_activation_are_finite_differences(leak: str, activation: str) -> None:
    case = {**RATE[leak], "activation": activation}
    assert_exact(make_net(case), case, TARGETS)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_with_noise_are_finite_differences_at_the_same_noise(name: str) -> None:
    case = {**SMOOTH[name], "noise": 0.3, "input_noise": 0.2}
    case |= {"trainable_tau": True} if name in RATE else {}
    net = make_net(case)
    _, gradient = net.gradient(INPUTS, TARGETS, seed=5)
    assert net.gradient(INPUTS, TARGETS, seed=5)[0] != net.gradient(INPUTS, TARGETS, seed=6)[0]

    def loss(moved: Any) -> float:
        return float(moved.gradient(INPUTS, TARGETS, seed=5)[0])

    assert_same(gradient, central_differences(net, loss, learnable(net, case)), 1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_the_loss_is_that_of_the_run_with_the_same_seed(name: str) -> None:
    net = make_net(CELLS[name], noise=0.3, input_noise=0.2)
    outputs = net.run(INPUTS, seed=5).outputs
    expected = np.mean((outputs - TARGETS) ** 2)
    assert net.gradient(INPUTS, TARGETS, seed=5)[0] == pytest.approx(expected, rel=1e-12)


# What is observed, and how much it counts


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shape", [(N_TRIALS, N_STEPS), (N_TRIALS, N_STEPS, N_OUTPUTS)])
def test_masks_and_weights_say_how_much_each_step_counts(name: str, shape: tuple[int, ...]) -> None:
    net = make_net(CELLS[name])
    rng = np.random.default_rng(4)
    weights = rng.uniform(0.5, 2, shape)
    observed = rng.random(shape) < 0.6
    targets = with_nan(TARGETS)
    for mask in (observed, observed * weights):
        assert_exact(net, CELLS[name], targets, ("mse", targets, mask), mask=mask)


def test_a_mask_is_a_nan_in_the_targets() -> None:
    net = make_net({})
    observed = np.random.default_rng(5).random(TARGETS.shape) < 0.6
    loss, gradient = net.gradient(INPUTS, TARGETS, mask=observed)
    same_loss, same_gradient = net.gradient(INPUTS, np.where(observed, TARGETS, np.nan))
    assert loss == pytest.approx(same_loss, rel=1e-14)
    assert_same(gradient, same_gradient, 1e-13)


def test_weights_are_relative() -> None:
    net = make_net({})
    weights = np.random.default_rng(6).uniform(0.5, 2, (N_TRIALS, N_STEPS))
    loss, gradient = net.gradient(INPUTS, TARGETS, mask=weights)
    scaled_loss, scaled_gradient = net.gradient(INPUTS, TARGETS, mask=10 * weights)
    assert loss == pytest.approx(scaled_loss, rel=1e-13)
    assert_same(gradient, scaled_gradient, 1e-12)


def test_what_was_not_observed_has_no_influence() -> None:
    """Steps after the last observed one change nothing, whatever their inputs."""
    net = make_net({"cell": "lstm"})
    targets = TARGETS.copy()
    targets[:, 4:] = np.nan
    other = INPUTS.copy()
    other[:, 4:] = 7.0
    loss, gradient = net.gradient(INPUTS, targets)
    same_loss, same_gradient = net.gradient(other, targets)
    assert loss == pytest.approx(same_loss, rel=1e-14)
    assert_same(gradient, same_gradient, 1e-13)


# Other losses


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_cross_entropy_are_finite_differences(name: str) -> None:
    net = make_net(CELLS[name])
    probabilities = np.random.default_rng(7).dirichlet(np.ones(N_OUTPUTS), (N_TRIALS, N_STEPS))
    for targets in (CLASSES, probabilities):
        objective = ("cross_entropy", targets, None)
        assert_exact(net, CELLS[name], targets, objective, loss="cross_entropy")
        weights = np.random.default_rng(8).uniform(0, 2, (N_TRIALS, N_STEPS))
        assert_exact(net, CELLS[name], targets, (*objective[:2], weights), loss="cross_entropy", mask=weights)


def test_cross_entropy_does_not_overflow() -> None:
    net = make_net({"cell": "gru"})
    net.set_parameters({"b_out": np.array([2000.0, -2000.0])})
    loss, gradient = net.gradient(INPUTS, np.full((N_TRIALS, N_STEPS), 1), loss="cross_entropy")
    assert loss == pytest.approx(4000, rel=1e-2)
    assert all(np.isfinite(value).all() for value in gradient.values())


@pytest.mark.parametrize("name", CELLS)
def test_a_loss_of_the_users_own_is_differentiated_as_it_says(name: str) -> None:
    net = make_net(CELLS[name])

    def half_square(outputs: Any) -> tuple[float, Any]:
        return 0.5 * float(np.sum((outputs - TARGETS) ** 2)), outputs - TARGETS

    def with_trials(outputs: Any) -> tuple[float, Any, Any]:
        return *half_square(outputs), 0.5 * np.sum((outputs - TARGETS) ** 2, axis=(1, 2))

    mean_loss, mean_gradient = net.gradient(INPUTS, TARGETS)
    factor = TARGETS.size / 2
    for own in (half_square, with_trials):
        loss, gradient = net.gradient(INPUTS, None, loss=own)
        assert loss == pytest.approx(factor * mean_loss, rel=1e-12)
        assert_same(gradient, {key: factor * value for key, value in mean_gradient.items()}, 1e-12)


# Regularisers


@pytest.mark.parametrize("kind", REGULARIZATION)
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_each_regulariser_are_finite_differences(name: str, kind: str) -> None:
    case = {**CELLS[name], "feedback": True}
    assert_exact(make_net(case), case, TARGETS, regularization={kind: REGULARIZATION[kind]})


@pytest.mark.parametrize("option", ["low rank", "masks", "fixed", "initial state", "delay matrix"])
def test_regularisers_add_up_whatever_the_network(option: str) -> None:
    case = SMOOTH_CASES[f"rate, {option}"]
    assert_exact(make_net(case), case, TARGETS, regularization=REGULARIZATION)


@pytest.mark.parametrize("name", SPIKING)
def test_the_rate_target_pulls_units_to_a_rate(name: str) -> None:
    net = make_net(SPIKING[name])
    assert_exact(net, SPIKING[name], TARGETS, regularization={"rate_target": (1e-3, 20.0)})


# Invariances


@pytest.mark.parametrize("name", CELLS)
def test_a_batch_is_the_mean_of_its_trials(name: str) -> None:
    net = make_net(CELLS[name])
    loss, gradient = net.gradient(INPUTS, TARGETS)
    alone = [net.gradient(INPUTS[i : i + 1], TARGETS[i : i + 1]) for i in range(N_TRIALS)]
    assert loss == pytest.approx(np.mean([each[0] for each in alone]), rel=1e-13)
    assert_same(gradient, {key: np.mean([each[1][key] for each in alone], axis=0) for key in gradient}, 1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_single_precision_gradients_are_near(name: str) -> None:
    double, single = make_net(CELLS[name]), make_net(CELLS[name], dtype="float32")
    inputs, targets = INPUTS.astype(np.float32), TARGETS.astype(np.float32)
    _, gradient = single.gradient(inputs, targets)
    assert all(value.dtype == np.float32 for value in gradient.values())
    assert_same(gradient, double.gradient(inputs.astype(float), targets.astype(float))[1], 1e-3)


def test_a_gradient_of_nothing_observed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"targets|mask"):
        make_net({}).gradient(INPUTS, np.full(TARGETS.shape, np.nan))


@pytest.mark.parametrize("name", RATE)
def test_units_that_nothing_reads_have_no_gradient(name: str) -> None:
    net = make_net(RATE[name])
    W, W_out = net.parameters["W"].copy(), net.parameters["W_out"].copy()
    W[:, 1] = 0
    W_out[:, 1] = 0
    net.set_parameters({"W": W, "W_out": W_out})
    _, gradient = net.gradient(INPUTS, TARGETS)
    assert np.all(gradient["W"][1] == 0)
    assert np.all(gradient["W_in"][1] == 0)
    assert gradient["b"][1] == 0
    assert gradient["W"].shape == (N_UNITS, N_UNITS)
