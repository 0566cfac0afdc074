"""What the core is told of a network: numbers without time constants, masks of every gate, and errors that name
arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.networks import arguments, parameters, structure

from fastigial.rnn.parameters import as_parameters, states_by_name
from fastigial.rnn.structure import structure_of

KEYS = {
    *("n_inputs", "n_units", "n_outputs", "cell", "activation", "leak", "alpha", "threshold", "gamma", "beta", "kappa"),
    *("rho_a", "beta_a", "noise", "input_noise", "feedback", "recurrent_delays", "input_delay", "feedback_delay"),
    *("masks", "trainable", "signs"),
}
GATES = {"rate": 1, "gru": 3, "lstm": 4, "lif": 1, "alif": 1}

each_cell = pytest.mark.parametrize("cell", GATES)


@each_cell
def test_the_core_is_told_everything_by_its_names(cell: str) -> None:
    told = structure(cell=cell).as_core()
    assert set(told) == KEYS
    assert (told["alpha"] is not None) == (cell == "rate")
    assert (told["beta"] is not None) == (cell in ("lif", "alif"))
    assert (told["beta_a"] is not None) == (cell == "alif")
    assert told["masks"] == told["trainable"] == {}


# Time constants


@pytest.mark.parametrize("dt", [0.1, 0.3, 0.7, 1e-3, 1 / 3])
def test_tau_of_dt_is_no_leak(dt: float) -> None:
    alpha = structure(dt=dt, tau=dt).alpha
    np.testing.assert_array_equal(alpha, np.ones(10))


def test_alpha_is_dt_over_tau_for_each_unit_or_area() -> None:
    tau = np.linspace(0.02, 0.2, 10)
    np.testing.assert_allclose(structure(tau=tau).alpha, 0.01 / tau, rtol=1e-15)
    by_area = structure(areas={"PFC": 4, "M1": 6}, tau={"M1": 0.05, "PFC": 0.1}).alpha
    np.testing.assert_allclose(by_area, [0.1] * 4 + [0.2] * 6, rtol=1e-15)


def test_spiking_cells_decay_as_their_time_constants_say() -> None:
    given = {"cell": "alif", "dt": 1e-3, "tau": 0.02, "tau_out": 0.03, "tau_adaptation": 0.2, "threshold": 0.6}
    told = structure(**given).as_core()
    beta, rho = np.exp(-1 / 20), np.exp(-1 / 200)
    assert told["beta"] == pytest.approx(beta, rel=1e-14)
    assert told["kappa"] == pytest.approx(np.exp(-1 / 30), rel=1e-14)
    assert told["rho_a"] == pytest.approx(rho, rel=1e-14)
    assert told["beta_a"] == pytest.approx(1.7 * 0.6 * (1 - rho) / (1 - beta), rel=1e-14)
    assert (told["threshold"], told["gamma"]) == (0.6, 0.3)
    assert structure(cell="lif").as_core()["kappa"] == 0.0
    assert structure(**given, adaptation=0.1).as_core()["beta_a"] == 0.1


# Shapes, masks, what is trained


@each_cell
def test_parameters_have_the_shapes_of_the_gates(cell: str) -> None:
    rows = GATES[cell] * 10
    given = {"cell": cell, "feedback": True, "trainable_initial_state": True}
    expected = {"W": (rows, 10), "W_in": (rows, 2), "W_fb": (rows, 3), "b": (rows,), "W_out": (3, 10), "b_out": (3,)}
    expected |= {"h0": (10,)} | ({"c0": (10,)} if cell == "lstm" else {}) | ({"b_n": (10,)} if cell == "gru" else {})
    assert structure(**given).shapes == expected
    assert {name: value.shape for name, value in parameters(**given).items()} == expected
    assert not {"b", "b_n", "b_out"} & set(structure(**given, bias=False).shapes)
    low = structure(**given, rank=2).shapes
    assert (low["U"], low["V"]) == ((rows, 2), (10, 2))
    assert "W" not in low


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_gates_mask_stands_for_all(cell: str) -> None:
    mask = np.random.default_rng(0).random((10, 10)) < 0.5
    found = structure(cell=cell, masks={"W": mask}, trainable={"W": ~mask}).as_core()
    np.testing.assert_array_equal(found["masks"]["W"], np.tile(mask, (GATES[cell], 1)))
    np.testing.assert_array_equal(found["trainable"]["W"], np.tile(~mask, (GATES[cell], 1)))


def test_density_is_the_same_in_every_gate_and_meets_masks() -> None:
    mask = np.random.default_rng(0).random((10, 10)) < 0.5
    dense = structure(cell="lstm", density=0.5).masks["W"].reshape(4, 10, 10)
    assert (dense == dense[0]).all()
    both = structure(cell="lstm", density=0.5, masks={"W": mask}).masks["W"].reshape(4, 10, 10)
    np.testing.assert_array_equal(both, dense & mask)


def test_parameters_are_zero_where_there_is_no_connection() -> None:
    given = {"density": 0.3, "masks": {"W_in": np.eye(10, 2, dtype=bool), "b": np.arange(10) > 4}}
    drawn = parameters(**given, initial={"b": "uniform"})
    for name, mask in structure(**given).masks.items():
        assert not drawn[name][~mask].any()
        assert drawn[name][mask].all()


def test_flags_stand_for_whole_parameters() -> None:
    found = structure(trainable={"W": False, "W_in": True}).trainable
    assert set(found) == {"W"}
    assert not found["W"].any()


def test_a_fixed_initial_state_is_known_to_the_core_and_hidden_from_the_user() -> None:
    h = np.arange(10.0)
    fixed, trained = structure(initial_state=h), structure(initial_state=h, trainable_initial_state=True)
    assert not fixed.trainable["h0"].any()
    assert "h0" not in fixed.shown
    assert "h0" not in trained.trainable
    assert "h0" in trained.shown
    np.testing.assert_array_equal(parameters(initial_state=h)["h0"], h)
    both = parameters(cell="lstm", initial_state={"c": h}, trainable_initial_state=True)
    np.testing.assert_array_equal(both["c0"], h)
    assert not both["h0"].any()


@pytest.mark.parametrize(
    ("cell", "leak", "names"),
    [
        ("rate", "rate", {"h": "h", "h0": "h"}),
        ("rate", "current", {"v": "v", "h0": "v", "v0": "v"}),
        ("lstm", "rate", {"h0": "h", "c0": "c", "c": "c"}),
        ("alif", "rate", {"v": "v", "h0": "v", "a": "a", "q": "q"}),
    ],
)
def test_initial_states_go_by_letters_or_the_names_of_parameters(cell: str, leak: str, names: dict[str, str]) -> None:
    found = structure(cell=cell, leak=leak)
    for given, letter in names.items():
        assert list(states_by_name(found, {given: np.zeros(10)})) == [letter]
    with pytest.raises(ValueError, match="initial_state names 'x'"):
        states_by_name(found, {"x": np.zeros(10)})


# Setting parameters


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"Q": np.zeros(3)}, "no parameter 'Q'; the network has W, W_in"),
        ({"W": np.zeros((3, 3))}, r"'W' has the shape \(3, 3\), expected \(10, 10\)"),
        ({"W": np.ones((10, 10))}, "other than 0 where its mask"),
        ({"b": np.full(10, np.inf)}, "'b' holds NaN or infinities"),
        ({"alpha": np.full(10, 1.5)}, "'alpha' holds values outside 0 to 1"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        as_parameters(structure(density=0.5, trainable_tau=True), given)


def test_parameters_come_in_the_networks_precision() -> None:
    found = as_parameters(structure(dtype="float32"), {"b": np.arange(10)})
    assert found["b"].dtype == np.float32


# Refusals


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"n_units": 0}, ValueError, "n_units is 0"),
        ({"n_units": 2.5}, TypeError, "n_units is 2.5"),
        ({"n_inputs": -1}, ValueError, "n_inputs is -1"),
        ({"n_inputs": 0}, ValueError, "n_inputs is 0"),
        ({"cell": 3}, TypeError, "cell is 3"),
        ({"cell": "elman"}, ValueError, "cell is 'elman', expected one of 'rate'"),
        ({"activation": "sin"}, ValueError, "activation is 'sin'"),
        ({"leak": "both"}, ValueError, "leak is 'both'"),
        ({"cell": "gru", "activation": "relu"}, ValueError, "activation is 'relu', but only cell=\"rate\""),
        ({"cell": "lstm", "leak": "current"}, ValueError, "leak is 'current'"),
        ({"cell": "gru", "trainable_tau": True}, ValueError, "trainable_tau"),
        ({"dt": 0.0}, ValueError, "dt is 0.0"),
        ({"tau": 0.005}, ValueError, "tau is 0.005 s, expected at least dt = 0.01"),
        ({"tau": np.ones(3)}, ValueError, r"tau has the shape \(3,\)"),
        ({"tau": "slow"}, TypeError, "tau is 'slow'"),
        ({"areas": {"A": 4, "B": 6}, "tau": {"A": 0.1}}, ValueError, "tau has the areas"),
        ({"cell": "lif", "tau": np.ones(10)}, TypeError, "tau is"),
        ({"cell": "lif", "tau_out": -1.0}, ValueError, "tau_out is -1.0"),
        ({"cell": "lif", "threshold": 0.0}, ValueError, "threshold is 0.0"),
        ({"noise": -0.1}, ValueError, "noise is -0.1"),
        ({"bias": "no"}, TypeError, "bias is 'no'"),
        ({"dtype": "int32"}, ValueError, "dtype is int32"),
        ({"dtype": "flat"}, TypeError, "dtype is 'flat'"),
        ({"seed": 1.5}, TypeError, "seed is 1.5"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"density": 0.0}, ValueError, "density is 0.0"),
        ({"rank": 11}, ValueError, "rank is 11, expected 1 to n_units = 10"),
        ({"rank": 2, "density": 0.5}, ValueError, "density is 0.5 with rank=2"),
        ({"rank": 2, "dale": 0.8}, ValueError, "dale was given with rank=2"),
        ({"rank": 2, "delays": {"recurrent": np.eye(10, dtype=int)}}, ValueError, "delays of single connections"),
        ({"masks": {"W": np.ones((3, 3), bool)}}, ValueError, r"masks\['W'\] has the shape \(3, 3\)"),
        ({"masks": {"W": np.ones((10, 10))}}, TypeError, "expected booleans"),
        ({"trainable": {"Q": False}}, ValueError, "trainable names 'Q'; the parameters are W"),
        ({"trainable": "W"}, TypeError, "trainable is 'W'"),
        ({"delays": 3}, TypeError, "delays is 3"),
        ({"delays": {"inputs": 3}}, ValueError, "delays has the pathway 'inputs'"),
        ({"delays": {"input": -1}}, ValueError, r"delays\['input'\] is -1"),
        ({"delays": {"feedback": 1}}, ValueError, "no output feedback"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_arguments_that_make_no_network_are_refused_by_name(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        structure_of(arguments(**given))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (np.zeros(3), r"initial_state has the shape \(3,\), expected \(10,\)"),
        ({"x": 0.0}, "initial_state names 'x'"),
        (np.full(10, np.nan), "initial_state holds NaN"),
    ],
)
def test_initial_states_that_do_not_fit_are_refused(state: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parameters(initial_state=state)
