"""Networks that are asked for the impossible name the argument that asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.common.rnn_cases import (
    N_INPUTS,
    N_OUTPUTS,
    N_STEPS,
    N_TRIALS,
    N_UNITS,
    make_net,
    make_trials,
)

import fastigial as fg

INPUTS, TARGETS = make_trials()
NAN_INPUTS = INPUTS.copy()
NAN_INPUTS[1, 2, 0] = np.nan
SQUARE = np.zeros((N_UNITS, N_UNITS), dtype=np.int64)
Refusal = tuple[Any, type[Exception], str]


def refused(options: dict[str, Any], error: type[Exception] = ValueError, name: str = "") -> Refusal:
    return options, error, name or next(iter(options))


CONSTRUCTIONS: list[Refusal] = [
    refused({"cell": "transformer"}),
    refused({"cell": 3}, TypeError),
    refused({"activation": "swish"}),
    refused({"leak": "membrane"}),
    refused({"dt": 0.0}),
    refused({"dt": -0.01}),
    refused({"dt": np.nan}),
    refused({"dt": 0.2, "tau": 0.1}, name="tau"),
    refused({"tau": 0.0}),
    refused({"tau": np.inf}),
    refused({"tau": np.full(N_UNITS + 1, 0.1)}),
    refused({"tau": "slow"}, TypeError),
    refused({"noise": -0.1}),
    refused({"noise": np.nan}),
    refused({"input_noise": -1.0}),
    refused({"density": 0.0}),
    refused({"density": 1.5}),
    refused({"dale": 1.5}),
    refused({"dale": -0.1}),
    refused({"dale": 0.8, "rank": 2}, name="dale"),
    refused({"seed": -1}),
    refused({"seed": "one"}, TypeError),
    refused({"dtype": "float16"}),
    refused({"dtype": "int64"}),
    refused({"rank": 0}),
    refused({"rank": -1}),
    refused({"rank": 1.5}, TypeError),
    refused({"rank": 2, "delays": {"recurrent": SQUARE}}, name="delays"),
    refused({"delays": {"recurrent": -1}}),
    refused({"delays": {"recurrent": 1.5}}, TypeError),
    refused({"delays": {"recurrent": SQUARE - 1}}),
    refused({"delays": {"recurrent": SQUARE[:2]}}),
    refused({"delays": {"recurrent": SQUARE.astype(float)}}, TypeError),
    refused({"delays": {"input": -2}}),
    refused({"delays": {"output": 1}}),
    refused({"delays": {"feedback": 1}}),
    refused({"delays": {"recurrent": {("PFC", "M1"): 1}}}),
    refused({"areas": {"PFC": 2, "M1": N_UNITS - 2}, "delays": {"recurrent": {("PFC", "V1"): 1}}}, name="delays"),
    refused({"areas": {"PFC": 2, "M1": N_UNITS}}),
    refused({"areas": {"PFC": 0, "M1": N_UNITS}}),
    refused({"masks": {"W": np.ones((2, 2), dtype=bool)}}),
    refused({"masks": {"V_in": np.ones((2, 2), dtype=bool)}}),
    refused({"masks": {"W": np.full((N_UNITS, N_UNITS), 2.5)}}, TypeError),
    refused({"trainable": {"W": np.ones(3, dtype=bool)}}),
    refused({"trainable": {"nothing": False}}),
    refused({"initial_state": np.zeros(N_UNITS + 1)}),
    refused({"initial_state": np.full(N_UNITS, np.nan)}),
    refused({"initial": {"W": np.zeros((2, 2))}}),
    refused({"initial": {"Q": np.zeros((2, 2))}}),
    refused({"cell": "lif", "threshold": 0.0}, name="threshold"),
    refused({"cell": "lif", "tau_out": -0.1}, name="tau_out"),
    refused({"cell": "alif", "tau_adaptation": 0.0}, name="tau_adaptation"),
    refused({"cell": "lstm", "trainable_tau": True}, name="trainable_tau"),
    refused({"cell": "gru", "leak": "current"}, name="leak"),
]


@pytest.mark.parametrize(("options", "error", "name"), CONSTRUCTIONS)
def test_impossible_networks_are_refused(options: dict[str, Any], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=rf"\b{name}\b"):
        fg.RNN(N_INPUTS, N_UNITS, N_OUTPUTS, **options)


@pytest.mark.parametrize(("position", "name"), list(enumerate(["n_inputs", "n_units", "n_outputs"])))
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError), ("3", TypeError)])
def test_numbers_of_units_are_whole_and_positive(position: int, name: str, value: Any, error: type[Exception]) -> None:
    sizes: list[Any] = [N_INPUTS, N_UNITS, N_OUTPUTS]
    sizes[position] = value
    with pytest.raises(error, match=rf"\b{name}\b"):
        fg.RNN(*sizes)


def test_a_network_beyond_memory_is_an_error() -> None:
    with pytest.raises((ValueError, MemoryError)):
        fg.RNN(1, 2**40, 1)


# Runs

RUNS: list[Refusal] = [
    ({"inputs": INPUTS[:, :, :1]}, ValueError, "inputs"),
    ({"inputs": INPUTS[0]}, ValueError, "inputs"),
    ({"inputs": NAN_INPUTS}, ValueError, "inputs"),
    ({"inputs": np.where(np.isnan(NAN_INPUTS), np.inf, INPUTS)}, ValueError, "inputs"),
    ({"inputs": INPUTS[:0]}, ValueError, "inputs"),
    ({"inputs": INPUTS[:, :0]}, ValueError, "inputs"),
    ({"inputs": INPUTS.astype(complex)}, TypeError, "inputs"),
    ({"inputs": INPUTS.astype(str)}, TypeError, "inputs"),
    ({"inputs": None}, TypeError, "inputs"),
    ({"initial_state": np.zeros(N_UNITS + 1)}, ValueError, "initial_state"),
    ({"initial_state": np.zeros((N_TRIALS + 1, N_UNITS))}, ValueError, "initial_state"),
    ({"initial_state": np.full(N_UNITS, np.nan)}, ValueError, "initial_state"),
    ({"initial_state": {"h0": np.zeros(N_UNITS), "c0": np.zeros(N_UNITS)}}, ValueError, "initial_state"),
    ({"inject": np.zeros((N_STEPS, N_UNITS + 1))}, ValueError, "inject"),
    ({"inject": np.full((N_STEPS, N_UNITS), np.nan)}, ValueError, "inject"),
    ({"silence": np.zeros((N_STEPS + 1, N_UNITS), dtype=bool)}, ValueError, "silence"),
    ({"silence": np.full((N_STEPS, N_UNITS), 0.5)}, TypeError, "silence"),
    ({"lesion": [("thalamic", 0, 1)]}, ValueError, "lesion"),
    ({"lesion": [("recurrent", 3, 1)]}, ValueError, "lesion"),
    ({"lesion": [("recurrent", -1, 1)]}, ValueError, "lesion"),
    ({"lesion": [("recurrent", 0, N_STEPS + 1)]}, ValueError, "lesion"),
    ({"lesion": [("feedback", 0, 1)]}, ValueError, "lesion"),
    ({"targets": TARGETS[:, :-1]}, ValueError, "targets"),
    ({"targets": TARGETS, "mask": np.ones((N_TRIALS, N_STEPS + 1))}, ValueError, "mask"),
    ({"seed": -1}, ValueError, "seed"),
    ({"n_threads": 0}, ValueError, "n_threads"),
]


@pytest.mark.parametrize(("options", "error", "name"), RUNS)
def test_impossible_runs_are_refused(options: dict[str, Any], error: type[Exception], name: str) -> None:
    net = make_net({})
    with pytest.raises(error, match=rf"\b{name}\b"):
        net.run(**{"inputs": INPUTS, **options})


# Gradients

GRADIENTS: list[Refusal] = [
    ({"inputs": NAN_INPUTS}, ValueError, "inputs"),
    ({"inputs": INPUTS[:1]}, ValueError, "targets"),
    ({"targets": TARGETS[:, :, :1]}, ValueError, "targets"),
    ({"targets": TARGETS[0]}, ValueError, "targets"),
    ({"targets": np.full(TARGETS.shape, np.inf)}, ValueError, "targets"),
    ({"targets": None}, TypeError, "targets"),
    ({"mask": np.ones((N_TRIALS, N_STEPS + 1))}, ValueError, "mask"),
    ({"mask": np.ones((N_TRIALS, N_STEPS, N_OUTPUTS + 1))}, ValueError, "mask"),
    ({"mask": np.zeros((N_TRIALS, N_STEPS))}, ValueError, "mask"),
    ({"mask": -np.ones((N_TRIALS, N_STEPS))}, ValueError, "mask"),
    ({"mask": np.full((N_TRIALS, N_STEPS), np.nan)}, ValueError, "mask"),
    ({"loss": "hinge"}, ValueError, "loss"),
    ({"loss": 3}, TypeError, "loss"),
    ({"loss": lambda outputs: outputs}, TypeError, "loss"),
    ({"loss": lambda outputs: (0.0, outputs[:1])}, ValueError, "loss"),
    ({"loss": "cross_entropy", "targets": np.full((N_TRIALS, N_STEPS), N_OUTPUTS)}, ValueError, "targets"),
    ({"loss": "cross_entropy", "targets": np.full((N_TRIALS, N_STEPS), -2)}, ValueError, "targets"),
    ({"loss": "cross_entropy", "targets": -np.ones(TARGETS.shape)}, ValueError, "targets"),
    ({"rule": "BPTT"}, TypeError, "rule"),
    ({"regularization": {"activity_l3": 0.1}}, ValueError, "regularization"),
    ({"regularization": {"activity_l2": -0.1}}, ValueError, "regularization"),
    ({"regularization": {"rate_target": (0.1, 5.0)}}, ValueError, "regularization"),
]


@pytest.mark.parametrize(("options", "error", "name"), GRADIENTS)
def test_impossible_gradients_are_refused(options: dict[str, Any], error: type[Exception], name: str) -> None:
    net = make_net({})
    with pytest.raises(error, match=rf"\b{name}\b"):
        net.gradient(**{"inputs": INPUTS, "targets": TARGETS, **options})


def test_an_error_of_the_users_own_loss_is_the_error_that_comes_out() -> None:
    def broken(_: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        make_net({}).gradient(INPUTS, TARGETS, loss=broken)


# Parameters

SETTINGS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"W": np.zeros((N_UNITS, N_UNITS + 1))}, ValueError, "W"),
    ({"W": np.full((N_UNITS, N_UNITS), np.nan)}, ValueError, "W"),
    ({"W": "zeros"}, TypeError, "W"),
    ({"W_fb": np.zeros((N_UNITS, N_OUTPUTS))}, ValueError, "W_fb"),
    ({"nothing": np.zeros(3)}, ValueError, "nothing"),
    ({"b": np.zeros((N_UNITS, 1))}, ValueError, "b"),
]


@pytest.mark.parametrize(("parameters", "error", "name"), SETTINGS)
def test_impossible_parameters_are_refused_and_change_nothing(
    parameters: dict[str, Any], error: type[Exception], name: str
) -> None:
    net = make_net({})
    before = {key: value.copy() for key, value in net.parameters.items()}
    with pytest.raises(error, match=rf"\b{name}\b"):
        net.set_parameters({"b_out": np.ones(N_OUTPUTS), **parameters})
    for key, value in before.items():
        np.testing.assert_array_equal(net.parameters[key], value)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.5])
def test_leaks_out_of_range_are_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        make_net({"trainable_tau": True}).set_parameters({"alpha": np.full(N_UNITS, alpha)})


# Steps


def test_steps_take_one_input_for_each_trial() -> None:
    stepper = make_net({}).stepper(n_trials=2)
    for x in (np.zeros((3, N_INPUTS)), np.zeros((2, N_INPUTS + 1)), np.zeros(N_INPUTS), np.full((2, N_INPUTS), np.nan)):
        with pytest.raises(ValueError, match="x"):
            stepper.step(x)
    with pytest.raises(ValueError, match="n_trials"):
        make_net({}).stepper(n_trials=0)


def test_states_and_inputs_of_jacobians_match() -> None:
    net = make_net({"cell": "lstm"})
    states, inputs = np.zeros((4, 2 * N_UNITS)), np.zeros((4, N_INPUTS))
    for function in (net.jacobian, net.step_function):
        with pytest.raises(ValueError, match="states"):
            function(states[:, :N_UNITS], inputs)
        with pytest.raises(ValueError, match="inputs"):
            function(states, inputs[:3])


# Rules and optimisers

MAKERS: list[tuple[str, Callable[[], Any], type[Exception]]] = [
    ("truncation", lambda: fg.rules.BPTT(truncation=0), ValueError),
    ("truncation", lambda: fg.rules.BPTT(truncation=1.5), TypeError),
    ("checkpoint_every", lambda: fg.rules.BPTT(checkpoint_every=0), ValueError),
    ("feedback", lambda: fg.rules.RFLO(feedback="none"), ValueError),
    ("feedback", lambda: fg.rules.EProp(feedback="none"), ValueError),
    ("decay", lambda: fg.rules.KolenPollack(decay=-0.1), ValueError),
    ("sigma", lambda: fg.rules.NodePerturbation(sigma=0.0), ValueError),
    ("baseline", lambda: fg.rules.NodePerturbation(sigma=0.1, baseline="none"), ValueError),
    ("sigma", lambda: fg.rules.Reinforce(sigma=-1.0), ValueError),
    ("alpha", lambda: fg.rules.FORCE(alpha=0.0), ValueError),
    ("every", lambda: fg.rules.FORCE(every=0), ValueError),
    ("window", lambda: fg.rules.SyntheticGradient(window=0), ValueError),
    ("bootstrap", lambda: fg.rules.SyntheticGradient(bootstrap=-0.1), ValueError),
    ("hidden", lambda: fg.rules.SyntheticGradient(hidden=(0,)), ValueError),
    ("seed", lambda: fg.rules.RFLO(seed=-1), ValueError),
    ("lr", lambda: fg.optim.SGD(-0.1), ValueError),
    ("lr", lambda: fg.optim.Adam(np.nan), ValueError),
    ("lr", lambda: fg.optim.Adam("fast"), TypeError),
    ("momentum", lambda: fg.optim.SGD(0.1, momentum=1.0), ValueError),
    ("betas", lambda: fg.optim.Adam(betas=(0.9, 1.0)), ValueError),
    ("eps", lambda: fg.optim.Adam(eps=-1e-8), ValueError),
    ("clip", lambda: fg.optim.Adam(clip=0.0), ValueError),
    ("weight_decay", lambda: fg.optim.AdamW(weight_decay=-0.1), ValueError),
]


@pytest.mark.parametrize(("name", "make", "error"), MAKERS)
def test_impossible_rules_and_optimizers_are_refused(
    name: str, make: Callable[[], Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=rf"\b{name}\b"):
        make()


# Training

TRAININGS: list[Refusal] = [
    ({"n_epochs": -1}, ValueError, "n_epochs"),
    ({"n_epochs": 1.5}, TypeError, "n_epochs"),
    ({"batch_size": 0}, ValueError, "batch_size"),
    ({"batch_size": N_TRIALS + 1}, ValueError, "batch_size"),
    ({"task": None}, TypeError, "task"),
    ({"task": (INPUTS,)}, ValueError, "task"),
    ({"task": (INPUTS, TARGETS[:1])}, ValueError, "targets"),
    ({"task": (NAN_INPUTS, TARGETS)}, ValueError, "inputs"),
    ({"validation": (INPUTS[:, :, :1], TARGETS)}, ValueError, "validation"),
    ({"n_batches": 0}, ValueError, "n_batches"),
    ({"early_stopping": 3}, ValueError, "early_stopping"),
    ({"rule": "RFLO"}, TypeError, "rule"),
    ({"optimizer": "Adam"}, TypeError, "optimizer"),
    ({"loss": "hinge"}, ValueError, "loss"),
    ({"regularization": {"weight_l3": 1.0}}, ValueError, "regularization"),
    ({"n_threads": 0}, ValueError, "n_threads"),
    ({"progress": 3}, TypeError, "progress"),
]


@pytest.mark.parametrize(("options", "error", "name"), TRAININGS)
def test_impossible_trainings_are_refused_and_change_nothing(
    options: dict[str, Any], error: type[Exception], name: str
) -> None:
    net = make_net({})
    before = {key: value.copy() for key, value in net.parameters.items()}
    options = {"task": (INPUTS, TARGETS), "n_epochs": 2, "batch_size": N_TRIALS, **options}
    with pytest.raises(error, match=rf"\b{name}\b"):
        fg.train(net, options.pop("task"), **options)
    for key, value in before.items():
        np.testing.assert_array_equal(net.parameters[key], value)


def test_there_must_be_a_network_to_train() -> None:
    for nets, error in [([], ValueError), (None, TypeError), ([None], TypeError)]:
        with pytest.raises(error, match="net"):
            fg.train(nets, (INPUTS, TARGETS), n_epochs=1, batch_size=1)


def test_trials_have_shapes_that_belong_together() -> None:
    whole: dict[str, Any] = {"inputs": INPUTS, "targets": TARGETS, "mask": None, "info": {}, "dt": 0.01}
    for name, value in [
        ("inputs", INPUTS[0]),
        ("targets", TARGETS[:1]),
        ("mask", np.ones((N_TRIALS, N_STEPS + 1), dtype=bool)),
        ("info", {"angle": np.zeros(N_TRIALS + 1)}),
        ("dt", -0.01),
    ]:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            fg.Trials(**{**whole, name: value})


# Anything that can be read as numbers of the right shape goes in


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS.tolist(),
        np.asfortranarray(INPUTS),
        INPUTS[::-1],
        INPUTS.astype(np.float32),
        np.ones(INPUTS.shape, dtype=np.int32),
        np.ones(INPUTS.shape, dtype=bool),
        np.broadcast_to(INPUTS[:1], INPUTS.shape),
    ],
    ids=["list", "fortran", "reversed", "single", "integers", "bools", "broadcast"],
)
def test_anything_that_holds_numbers_goes_in(inputs: Any) -> None:
    net = make_net({})
    plain = np.array(inputs, dtype=np.float64, order="C")
    np.testing.assert_array_equal(net.run(inputs).outputs, net.run(plain).outputs)
    loss, gradient = net.gradient(inputs, TARGETS)
    same_loss, same = net.gradient(plain, TARGETS)
    assert loss == same_loss
    for name, value in gradient.items():
        np.testing.assert_array_equal(value, same[name])
