"""Every cell with every option computes what the slow reference computes; and what a run hands back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common import reference_rnn as reference
from tests.common import reference_rnn_cells as cells
from tests.common import reference_rnn_rules as rules
from tests.common.rnn_cases import (
    ACTIVATIONS,
    CELLS,
    DT,
    N_INPUTS,
    N_OUTPUTS,
    N_STEPS,
    N_TRIALS,
    N_UNITS,
    RATE,
    SMOOTH,
    SPIKING,
    describe,
    make_net,
    make_trials,
    with_options,
)

import fastigial as fg

CASES = with_options(CELLS)
INPUTS, TARGETS = make_trials()
# Names of the state's variables: those of the reference, those of a trajectory.
INTERNAL = {"v": "voltage", "a": "adaptation", "q": "filtered", "c": "cell"}

each_case = pytest.mark.parametrize("name", CASES)
each_cell = pytest.mark.parametrize("name", CELLS)


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    fg.set_num_threads(None)


def assert_runs_as(trajectory: Any, net: cells.Net, inputs: Any = INPUTS) -> None:
    expected = cells.run(net, inputs)
    np.testing.assert_allclose(trajectory.states, expected["states"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(trajectory.outputs, expected["outputs"], rtol=0, atol=1e-10)


# The equations


@each_case
def test_a_run_is_that_of_the_reference(name: str) -> None:
    net = make_net(CASES[name])
    assert_runs_as(net.run(INPUTS), describe(net, CASES[name]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("leak", RATE)
def test_every_activation_is_that_of_the_reference(leak: str, activation: str) -> None:
    case = {**RATE[leak], "activation": activation}
    net = make_net(case)
    assert_runs_as(net.run(INPUTS), describe(net, case))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", SPIKING)
def test_spiking_cells_spike_as_the_reference_does(name: str, seed: int) -> None:
    net = make_net(SPIKING[name], seed)
    inputs = 2 * np.random.default_rng(seed).normal(size=(4, 40, N_INPUTS))
    states = net.run(inputs).states
    assert set(np.unique(states)) == {0.0, 1.0}
    np.testing.assert_array_equal(states, cells.run(describe(net, SPIKING[name]), inputs)["states"])


@each_cell
def test_what_is_inside_a_cell_is_that_of_the_reference(name: str) -> None:
    net = make_net(CELLS[name])
    description = describe(net, CELLS[name])
    expected, internal = cells.run(description, INPUTS), net.run(INPUTS).internal
    for variable in cells.variables(description):
        if variable not in ("h", "s"):
            key = "current" if name == "current" else INTERNAL[variable]
            np.testing.assert_allclose(internal[key], expected[variable], rtol=0, atol=1e-10)


@each_cell
def test_single_precision_stays_single_and_is_near(name: str) -> None:
    double = make_net(CELLS[name])
    single = make_net(CELLS[name], dtype="float32")
    inputs = INPUTS[:, :4].astype(np.float32)
    found = single.run(inputs)
    assert found.states.dtype == found.outputs.dtype == np.float32
    assert all(value.dtype == np.float32 for value in single.parameters.values())
    expected = double.run(inputs.astype(np.float64))
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=0, atol=1e-4)


# Perturbations


@each_cell
def test_injected_current_is_that_of_the_reference(name: str) -> None:
    net = make_net(CELLS[name])
    injected = np.random.default_rng(2).normal(size=(N_STEPS, N_UNITS))
    assert_runs_as(net.run(INPUTS, inject=injected), describe(net, CELLS[name], injected=injected))


@each_cell
@pytest.mark.parametrize("delays", [{}, {"recurrent": 2}])
def test_silenced_units_are_those_of_the_reference(name: str, delays: dict[str, int]) -> None:
    case = {**CELLS[name], "delays": delays}
    net = make_net(case)
    silenced = np.random.default_rng(3).random((N_STEPS, N_UNITS)) < 0.3
    found = net.run(INPUTS, silence=silenced)
    assert np.all(found.states[:, silenced] == 0)
    assert_runs_as(found, describe(net, case, silenced=silenced))


@each_cell
@pytest.mark.parametrize("pathway", ["recurrent", "input", "feedback"])
def test_lesions_are_those_of_the_reference(name: str, pathway: str) -> None:
    case = {**CELLS[name], "feedback": True}
    net = make_net(case)
    lesions = [(pathway, 1, 3), (pathway, 5, 6)]
    found = net.run(INPUTS, lesion=lesions)
    assert_runs_as(found, describe(net, case, lesions=lesions))
    assert not np.array_equal(found.outputs, net.run(INPUTS).outputs)


# The state before the first step


@pytest.mark.parametrize("name", ["rate", "current", "gru"])
def test_a_run_starts_in_the_state_that_it_is_given(name: str) -> None:
    net = make_net(SMOOTH[name], delays={"recurrent": 1})
    variable = "v" if name == "current" else "h"
    states = np.random.default_rng(4).normal(size=(N_TRIALS, N_UNITS))
    case = {**SMOOTH[name], "delays": {"recurrent": 1}}
    one = describe(net, case, initial_state={variable: states[0]})
    assert_runs_as(net.run(INPUTS, initial_state=states[0]), one)
    each = net.run(INPUTS, initial_state=states)
    for trial in range(N_TRIALS):
        expected = cells.run(describe(net, case, initial_state={variable: states[trial]}), INPUTS[trial : trial + 1])
        np.testing.assert_allclose(each.states[trial], expected["states"][0], rtol=0, atol=1e-10)


def test_an_lstm_starts_in_the_state_and_the_cell_that_it_is_given() -> None:
    net = make_net(SMOOTH["lstm"])
    h, c = np.random.default_rng(5).normal(size=(2, N_UNITS))
    expected = describe(net, SMOOTH["lstm"], initial_state={"h": h, "c": c})
    assert_runs_as(net.run(INPUTS, initial_state={"h0": h, "c0": c}), expected)


def test_the_initial_state_of_a_network_is_where_its_runs_start() -> None:
    h = np.random.default_rng(6).normal(size=N_UNITS)
    fixed = make_net({"initial_state": h})
    assert "h0" not in fixed.parameters
    assert_runs_as(fixed.run(INPUTS), describe(fixed, {}, initial_state={"h": h}))
    trained = fg.RNN(
        N_INPUTS, N_UNITS, N_OUTPUTS, initial_state=h, trainable_initial_state=True, dtype="float64", dt=DT, tau=0.03
    )
    np.testing.assert_array_equal(trained.parameters["h0"], h)
    assert_runs_as(trained.run(INPUTS), describe(trained, {}))


# One step at a time


@each_case
def test_a_stepper_goes_where_a_run_goes(name: str) -> None:
    net = make_net(CASES[name])
    expected = net.run(INPUTS)
    stepper = net.stepper(n_trials=N_TRIALS)
    for _ in range(2):
        for t in range(N_STEPS):
            outputs, states = stepper.step(INPUTS[:, t])
            np.testing.assert_allclose(outputs, expected.outputs[:, t], rtol=0, atol=1e-12)
            np.testing.assert_allclose(states, expected.states[:, t], rtol=0, atol=1e-12)
        stepper.reset()


@pytest.mark.parametrize("name", SMOOTH)
def test_jacobians_are_those_of_the_reference(name: str) -> None:
    net = make_net(SMOOTH[name])
    description = describe(net, SMOOTH[name])
    start = cells.initial_state(description)
    visited = [start, *cells.simulate(description, INPUTS[0])][:-1]
    variables = cells.variables(description)
    flat = np.array([np.concatenate([state[v] for v in variables]) for state in visited])
    found = net.jacobian(flat, INPUTS[0])
    size = len(variables) * N_UNITS
    assert found.shape == (N_STEPS, size, size)
    for t, state in enumerate(visited):
        # In the reference r_{t−1} is a copy of h_{t−1}, or φ(v_{t−1}): its columns belong to that variable.
        J = rules.step_jacobian(description, state, INPUTS[0, t], t)[:size]
        expected = J[:, :size].copy()
        gain = 1 - np.tanh(state["v"]) ** 2 if name == "current" else np.ones(N_UNITS)
        expected[:, :N_UNITS] += J[:, size : size + N_UNITS] * gain
        np.testing.assert_allclose(found[t], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_step_function_maps_each_state_to_the_next(name: str) -> None:
    net = make_net(SMOOTH[name])
    description = describe(net, SMOOTH[name])
    states = [cells.initial_state(description), *cells.simulate(description, INPUTS[0])]
    flat = np.array([np.concatenate([state[v] for v in cells.variables(description)]) for state in states])
    np.testing.assert_allclose(net.step_function(flat[:-1], INPUTS[0]), flat[1:], rtol=0, atol=1e-10)


# Noise


def test_noise_comes_from_the_seed_and_from_the_trial() -> None:
    net = make_net({}, noise=0.3, input_noise=0.2)
    first = net.run(INPUTS, seed=3)
    np.testing.assert_array_equal(net.run(INPUTS, seed=3).states, first.states)
    np.testing.assert_array_equal(net.run(INPUTS[:2], seed=3).states, first.states[:2])
    assert not np.array_equal(net.run(INPUTS, seed=4).states, first.states)
    same_inputs = net.run(np.repeat(INPUTS[:1], 2, axis=0), seed=3).states
    assert not np.array_equal(same_inputs[0], same_inputs[1])
    for n_threads in (1, 2, 5):
        np.testing.assert_array_equal(net.run(INPUTS, seed=3, n_threads=n_threads).states, first.states)


@each_cell
def test_runs_without_noise_are_those_of_the_reference(name: str) -> None:
    net = make_net(CELLS[name], noise=0.5, input_noise=0.5)
    assert_runs_as(net.run(INPUTS, noise=False), describe(net, CELLS[name]))
    assert not np.array_equal(net.run(INPUTS, seed=0).outputs, net.run(INPUTS, noise=False).outputs)


@pytest.mark.parametrize("leak", ["rate", "current"])
@pytest.mark.parametrize("source", ["noise", "input_noise"])
def test_noise_has_the_variance_of_its_process(leak: str, source: str) -> None:
    """x_t = (1 − α) x_{t−1} + α σ √(2/α) ξ_t: variance 2σ²/(2 − α), correlation of successive steps 1 − α."""
    sigma, alpha, n_trials = 0.4, 0.25, 4000
    net = fg.RNN(
        1, 1, 1, activation="linear", leak=leak, dt=DT, tau=DT / alpha, bias=False, dtype="float64", **{source: sigma}
    )
    net.set_parameters({"W": np.zeros((1, 1)), "W_in": np.ones((1, 1)), "W_out": np.ones((1, 1))})
    x = net.run(np.zeros((n_trials, 60, 1)), seed=1).states[:, -2:, 0]
    variance = 2 * sigma**2 / (2 - alpha)
    squares, products = x[:, 1] ** 2, x[:, 0] * x[:, 1]
    for values, expected in [(squares, variance), (products, (1 - alpha) * variance)]:
        assert abs(values.mean() - expected) < 5 * values.std() / np.sqrt(n_trials)


# What is made


def test_dale_and_density_hold_from_the_start() -> None:
    net = fg.RNN(N_INPUTS, 60, N_OUTPUTS, dale=0.8, density=0.3, seed=1)
    W = net.parameters["W"]
    signs = np.sign(W.sum(axis=0))
    assert np.all((W == 0) | (np.sign(W) == signs))
    assert (signs > 0).sum() == 48
    assert abs((W != 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / W.size)


def test_the_seed_makes_the_network() -> None:
    first, same, other = (fg.RNN(2, 5, 1, seed=seed).parameters for seed in (1, 1, 2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, same[name])
    assert not np.array_equal(first["W"], other["W"])


@each_case
def test_parameters_have_the_names_and_shapes_that_are_promised(name: str) -> None:
    case = CASES[name]
    cell = case.get("cell", "rate")
    n_rows = {"gru": 3, "lstm": 4}.get(cell, 1) * N_UNITS
    expected: dict[str, tuple[int, ...]] = {"W_in": (n_rows, N_INPUTS), "W_out": (N_OUTPUTS, N_UNITS)}
    expected |= {"U": (n_rows, 2), "V": (N_UNITS, 2)} if "rank" in case else {"W": (n_rows, N_UNITS)}
    if case.get("bias", True):
        expected |= {"b": (n_rows,), "b_out": (N_OUTPUTS,), **({"b_n": (N_UNITS,)} if cell == "gru" else {})}
    if "feedback" in case:
        expected["W_fb"] = (n_rows, N_OUTPUTS)
    if "trainable_initial_state" in case:
        expected |= {"h0": (N_UNITS,), **({"c0": (N_UNITS,)} if cell == "lstm" else {})}
    if "trainable_tau" in case:
        expected["alpha"] = (N_UNITS,)
    assert {key: value.shape for key, value in make_net(case).parameters.items()} == expected


def test_parameters_are_a_copy() -> None:
    net = make_net({})
    before = net.run(INPUTS).outputs
    for value in net.parameters.values():
        if value.flags.writeable:
            value[...] = 0
    np.testing.assert_array_equal(net.run(INPUTS).outputs, before)


# What a run hands back


def test_a_trajectory_says_what_it_holds() -> None:
    net = make_net({})
    found = net.run(INPUTS, targets=TARGETS)
    assert found.states.shape == (N_TRIALS, N_STEPS, N_UNITS)
    assert found.outputs.shape == (N_TRIALS, N_STEPS, N_OUTPUTS)
    np.testing.assert_array_equal(found.inputs, INPUTS)
    np.testing.assert_allclose(np.diff(found.time), DT, rtol=1e-12)
    tensor = np.asarray(found.to_tensor())
    np.testing.assert_array_equal(tensor, found.states.transpose(0, 2, 1))
    loss = reference.step_losses(found.outputs, ("mse", TARGETS, None)).sum()
    assert found.losses.shape == (N_TRIALS, N_STEPS)
    assert found.losses.mean() == pytest.approx(loss, rel=1e-12)
    assert set(found.to_xarray()) >= {"states", "outputs", "inputs"}


@each_case
def test_copies_and_files_run_as_the_network_does(name: str, tmp_path: Path) -> None:
    net = make_net(CASES[name], noise=0.1)
    expected = net.run(INPUTS, seed=2)
    net.save(tmp_path / "net")
    for other in (net.clone(), fg.load(tmp_path / "net")):
        np.testing.assert_array_equal(other.run(INPUTS, seed=2).states, expected.states)
        np.testing.assert_array_equal(other.run(INPUTS, seed=2).outputs, expected.outputs)
        other.set_parameters({"W_out": 0 * other.parameters["W_out"]})
        np.testing.assert_array_equal(net.run(INPUTS, seed=2).outputs, expected.outputs)


@each_cell
def test_a_network_says_what_it_is(name: str) -> None:
    words = repr(make_net(CELLS[name]))
    assert CELLS[name].get("cell", "rate") in words
    assert str(N_UNITS) in words
