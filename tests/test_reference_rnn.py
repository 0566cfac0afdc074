"""The slow references of recurrent networks agree with each other, so that kernels may be held to them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from tests.common import reference_rnn as reference
from tests.common import reference_rnn_adjoints as adjoints
from tests.common import reference_rnn_cells as cells
from tests.common import reference_rnn_rules as rules
from tests.common import reference_rnn_synthetic as synthetic
from tests.common.reference_rnn import Gradient, Objective
from tests.common.reference_rnn_cells import FloatArray, Net

N_UNITS, N_INPUTS, N_OUTPUTS, N_STEPS, N_TRIALS = 3, 2, 2, 6, 2
GATES = {"rate": 1, "gru": 3, "lstm": 4, "lif": 1, "alif": 1}
ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "rectified_tanh", "linear"]
MATRIX = np.random.default_rng(8).integers(0, 4, (N_UNITS, N_UNITS))
SILENCED = np.zeros((N_STEPS, N_UNITS), dtype=bool)
SILENCED[2:4, 1] = True

# What a network may have beyond its cell.
OPTIONS: dict[str, Net] = {
    "plain": {},
    "one delay": {"delays": {"recurrent": 2, "input": 1}},
    "delay matrix": {"delays": {"recurrent": MATRIX}},
    "feedback": {"feedback": True, "delays": {"feedback": 1}},
    "low rank": {"rank": 2},
    "masks": {"masks": {"W_in": np.array([[True, False]]), "W_out": np.eye(N_OUTPUTS, N_UNITS) < 1}},
    "initial state": {"trainable_initial_state": True, "delays": {"recurrent": 1}},
    "perturbed": {"silenced": SILENCED, "lesions": [("recurrent", 1, 2), ("input", 4, 6)]},
}
KINDS = [("rate", "rate"), ("rate", "current"), ("gru", ""), ("lstm", ""), ("lif", ""), ("alif", "")]
SMOOTH = KINDS[:4]
SPIKING = KINDS[4:]


def make_net(cell: str, leak: str = "", activation: str = "tanh", seed: int = 0, **options: Any) -> Net:
    rng = np.random.default_rng(seed)
    n_rows = GATES[cell] * N_UNITS

    def normal(*shape: int) -> FloatArray:
        return rng.normal(size=shape) * 0.7

    parameters = {"W": normal(n_rows, N_UNITS), "W_in": normal(n_rows, N_INPUTS), "b": normal(n_rows)}
    parameters |= {"W_out": normal(N_OUTPUTS, N_UNITS), "b_out": normal(N_OUTPUTS)}
    if options.pop("rank", None):
        del parameters["W"]
        parameters |= {"U": normal(n_rows, 2), "V": normal(N_UNITS, 2)}
    if options.pop("feedback", None):
        parameters["W_fb"] = normal(n_rows, N_OUTPUTS)
    if options.pop("trainable_initial_state", None):
        parameters["h0"] = normal(N_UNITS)
        if cell == "lstm":
            parameters["c0"] = normal(N_UNITS)
    if cell == "gru":
        parameters["b_n"] = normal(N_UNITS)
    if cell == "rate" and leak == "current":
        parameters["alpha"] = rng.uniform(0.2, 0.8, N_UNITS)
    spiking = {"beta": 0.8, "kappa": 0.6, "theta": 0.9, "gamma": 0.3, "rho_a": 0.9, "beta_a": 0.4}
    plain = {"cell": cell, "leak": leak, "activation": activation, "alpha": 0.4, "parameters": parameters}
    return {**plain, **spiking, **options}


def make_trials(seed: int = 1) -> tuple[FloatArray, Objective]:
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))
    targets[0, 3] = np.nan
    weights = rng.uniform(0.5, 1.5, (N_TRIALS, N_STEPS))
    weights[1, 1] = 0
    return 2 * rng.normal(size=(N_TRIALS, N_STEPS, N_INPUTS)), ("mse", targets, weights)


def assert_same(found: Gradient, expected: Gradient, rtol: float = 1e-10) -> None:
    assert found.keys() == expected.keys()
    for name in found:
        size = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=rtol * max(size, 1e-3), err_msg=name)


each_kind = pytest.mark.parametrize(("cell", "leak"), KINDS)
each_smooth = pytest.mark.parametrize(("cell", "leak"), SMOOTH)
each_option = pytest.mark.parametrize("option", OPTIONS)


# Simulation


def test_a_linear_leaky_unit_is_a_geometric_series() -> None:
    one = {"W": np.zeros((1, 1)), "W_in": np.ones((1, 1)), "W_out": np.ones((1, 1))}
    for leak in ("rate", "current"):
        net = {"cell": "rate", "leak": leak, "activation": "linear", "alpha": 0.3, "parameters": one}
        states = cells.run(net, np.ones((1, 9, 1)))["states"].ravel()
        np.testing.assert_allclose(states, 1 - 0.7 ** np.arange(1, 10), rtol=1e-14)


def test_a_delay_is_a_shift() -> None:
    inputs, _ = make_trials()
    net = make_net("rate", "rate")
    net["parameters"]["W"] *= 0
    late = cells.run({**net, "delays": {"input": 2}}, inputs)["states"]
    padded = np.concatenate([np.zeros((N_TRIALS, 2, N_INPUTS)), inputs[:, :-2]], axis=1)
    np.testing.assert_array_equal(late, cells.run(net, padded)["states"])


@each_kind
def test_a_matrix_of_equal_delays_is_one_delay(cell: str, leak: str) -> None:
    inputs, _ = make_trials()
    net = make_net(cell, leak)
    one = cells.run({**net, "delays": {"recurrent": 2}}, inputs)["states"]
    matrix = cells.run({**net, "delays": {"recurrent": np.full((N_UNITS, N_UNITS), 2)}}, inputs)["states"]
    np.testing.assert_allclose(matrix, one, rtol=0, atol=1e-14)


@each_kind
def test_silence_and_lesions_are_what_they_say(cell: str, leak: str) -> None:
    inputs, _ = make_trials()
    net = make_net(cell, leak, feedback=True)
    silenced = cells.run({**net, "silenced": SILENCED}, inputs)["states"]
    assert np.all(silenced[:, SILENCED] == 0)
    whole = {name: (name, 0, N_STEPS) for name in ("recurrent", "input", "feedback")}
    for name, matrix in [("recurrent", "W"), ("input", "W_in"), ("feedback", "W_fb")]:
        cut = {**net, "parameters": {**net["parameters"], matrix: 0 * net["parameters"][matrix]}}
        lesioned = cells.run({**net, "lesions": [whole[name]]}, inputs)["states"]
        np.testing.assert_array_equal(lesioned, cells.run(cut, inputs)["states"])


@pytest.mark.parametrize("cell", ["lif", "alif"])
def test_spiking_networks_spike_and_do_not_only_spike(cell: str) -> None:
    states = cells.run(make_net(cell), make_trials()[0])["states"]
    assert set(np.unique(states)) == {0.0, 1.0}
    assert 0.1 < states.mean() < 0.7


def test_lstm_and_gru_are_those_of_their_definitions_at_a_step_by_hand() -> None:
    x, h, c = 0.3, 0.2, -0.4
    common = {"W_out": np.ones((1, 1))}
    state = {"h": np.array([h]), "c": np.array([c])}
    W, W_in, b = np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([[0.5], [0.6], [0.7], [0.8]]), np.arange(4) / 10
    net = {"cell": "lstm", "parameters": {**common, "W": W, "W_in": W_in, "b": b}, "initial_state": state}
    i, f, g, o = (W[:, 0] * h + W_in[:, 0] * x + b).tolist()
    new_c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    found = cells.run(net, np.full((1, 1, 1), x))
    assert found["c"].item() == pytest.approx(new_c, rel=1e-14)
    assert found["states"].item() == pytest.approx(np.tanh(new_c) / (1 + np.exp(-o)), rel=1e-14)
    gru = {**common, "W": W[:3], "W_in": W_in[:3], "b": b[:3], "b_n": np.array([0.9])}
    net = {"cell": "gru", "parameters": gru, "initial_state": {"h": np.array([h])}}
    reset, update = 1 / (1 + np.exp(-np.array([i, f])))
    candidate = np.tanh(0.7 * x + 0.2 + reset * (0.3 * h + 0.9))
    found = cells.run(net, np.full((1, 1, 1), x))
    assert found["states"].item() == pytest.approx((1 - update) * candidate + update * h, rel=1e-14)


# Losses


def test_losses_leave_out_what_was_not_observed() -> None:
    rng = np.random.default_rng(3)
    outputs, targets = rng.normal(size=(2, 2, 5, 3))
    observed = rng.random((2, 5, 3)) < 0.6
    hidden = np.where(observed, targets, np.nan)
    expected = np.mean((outputs - targets)[observed] ** 2)
    assert reference.step_losses(outputs, ("mse", hidden, None)).sum() == pytest.approx(expected, rel=1e-14)
    assert reference.step_losses(outputs, ("mse", targets, observed)).sum() == pytest.approx(expected, rel=1e-14)


def test_cross_entropy_of_classes_is_that_of_their_indicators() -> None:
    rng = np.random.default_rng(4)
    outputs = rng.normal(size=(2, 5, 3))
    classes = rng.integers(-1, 3, (2, 5))
    assert (classes == -1).any()
    indicators = np.where(classes[:, :, None] >= 0, np.eye(3)[classes], np.nan)
    softmax = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    expected = [-np.log(softmax[b, t, classes[b, t]]) for b, t in np.ndindex(2, 5) if classes[b, t] >= 0]
    for targets in (classes, indicators):
        loss = reference.step_losses(outputs, ("cross_entropy", targets, None)).sum()
        assert loss == pytest.approx(np.mean(expected), rel=1e-14)


# Gradients


@each_option
@each_smooth
def test_complex_steps_are_finite_differences(cell: str, leak: str, option: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, **OPTIONS[option])
    regularization = {"activity_l2": 0.3, "activity_l1": 0.2, "weight_l2": 0.1, "weight_l1": 0.05}
    exact = reference.gradient(net, inputs, objective, regularization)
    small = reference.finite_differences(
        net, lambda moved: float(reference.loss_of(moved, inputs, objective, regularization))
    )
    assert_same(exact, small, 1e-7)


def test_complex_steps_are_finite_differences_of_cross_entropy() -> None:
    inputs, _ = make_trials()
    classes = np.random.default_rng(5).integers(-1, N_OUTPUTS, (N_TRIALS, N_STEPS))
    net = make_net("rate", "current")
    objective = ("cross_entropy", classes, None)
    small = reference.finite_differences(net, lambda moved: float(reference.loss_of(moved, inputs, objective)))
    assert_same(reference.gradient(net, inputs, objective), small, 1e-7)


@each_option
@pytest.mark.parametrize(("cell", "leak"), [*KINDS[:2], *SPIKING])
def test_adjoints_by_hand_are_complex_steps(cell: str, leak: str, option: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, **OPTIONS[option])
    assert_same(adjoints.adjoint(net, inputs, objective), reference.gradient(net, inputs, objective))


@pytest.mark.parametrize(("leak", "activation"), list(product(["rate", "current"], ACTIVATIONS)))
def test_adjoints_by_hand_are_finite_differences_for_every_activation(leak: str, activation: str) -> None:
    inputs, objective = make_trials()
    net = make_net("rate", leak, activation)
    small = reference.finite_differences(net, lambda moved: float(reference.loss_of(moved, inputs, objective)))
    assert_same(adjoints.adjoint(net, inputs, objective), small, 1e-7)


def test_the_reset_is_constant_and_the_threshold_is_not() -> None:
    """One unit without connections to itself: v̇ = Σ ψ ṡ β^k, and adaptation takes ψ β_a away."""
    one = {"W": np.zeros((1, 1)), "W_in": np.ones((1, 1)), "W_out": np.ones((1, 1)), "b": np.zeros(1)}
    net = {**make_net("alif"), "kappa": 0.0, "parameters": one}
    x = np.array([[[1.1], [0.3], [0.7]]])
    found = cells.run(net, x)
    np.testing.assert_array_equal(found["states"].ravel(), [1, 0, 0])
    v = [1.1, 0.8 * 1.1 + 0.3 - 0.9, 0.8 * 0.28 + 0.7]
    A = [0.9, 0.9 + 0.4 * 1, 0.9 + 0.4 * 0.9]
    psi = [0.3 / 0.9 * max(0, 1 - abs(v_t - A_t) / 0.9) for v_t, A_t in zip(v, A, strict=True)]
    # ∂s_2/∂b: through v_2 by 1 + β + β², and through a_2 = ρ s_0 + s_1.
    s_0 = psi[0]
    s_1 = psi[1] * (1.8 - 0.4 * s_0)
    s_2 = psi[2] * (1 + 0.8 + 0.64 - 0.4 * (0.9 * s_0 + s_1))
    objective = ("mse", np.array([[[np.nan], [np.nan], [-0.5]]]), None)
    assert reference.gradient(net, x, objective)["b"].item() == pytest.approx(2 * 0.5 * s_2, rel=1e-12)


# Truncation


@each_kind
def test_windows_as_long_as_the_trial_truncate_nothing(cell: str, leak: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, feedback=True, trainable_initial_state=True, delays={"recurrent": MATRIX})
    full = reference.gradient(net, inputs, objective)
    for window in (N_STEPS, N_STEPS + 3):
        assert_same(reference.truncated_gradient(net, inputs, objective, window), full)


def test_truncated_gradients_are_sums_over_windows_that_start_in_the_states_that_were_reached() -> None:
    inputs, (kind, targets, _) = make_trials()
    net = make_net("lstm", "")
    norm = (~np.isnan(targets)).sum()
    total = {name: np.zeros(value.shape) for name, value in net["parameters"].items()}
    for trial, start in product(range(N_TRIALS), range(0, N_STEPS, 2)):
        reached = [cells.initial_state(net), *cells.simulate(net, inputs[trial])][start]
        window = {**net, "initial_state": {name: reached[name] for name in ("h", "c")}}
        part = targets[trial : trial + 1, start : start + 2]
        share = reference.gradient(window, inputs[trial : trial + 1, start : start + 2], (kind, part, None))
        for name in total:
            total[name] += share[name] * (~np.isnan(part)).sum() / norm
    assert_same(reference.truncated_gradient(net, inputs, (kind, targets, None), 2), total)


# Rules


@each_option
@each_smooth
def test_rtrl_is_the_gradient(cell: str, leak: str, option: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, **OPTIONS[option])
    assert_same(rules.rtrl(net, inputs, objective), reference.gradient(net, inputs, objective))


@each_kind
def test_alignment_with_the_transposed_readout_is_the_gradient(cell: str, leak: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, feedback=True)
    aligned = rules.feedback_alignment(net, inputs, objective, net["parameters"]["W_out"].T)
    assert_same(aligned, reference.gradient(net, inputs, objective))


@pytest.mark.parametrize("option", ["plain", "delay matrix", "feedback", "low rank"])
@pytest.mark.parametrize(("cell", "leak"), [*KINDS[:2], *SPIKING])
def test_alignment_by_complex_steps_is_alignment_by_hand(cell: str, leak: str, option: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, **OPTIONS[option])
    B = np.random.default_rng(6).normal(size=(N_UNITS, N_OUTPUTS))
    found = rules.feedback_alignment(net, inputs, objective, B)
    assert_same(found, adjoints.adjoint({**net, "feedback_matrix": B}, inputs, objective))


@pytest.mark.parametrize(("cell", "leak"), [*KINDS[:2], *SPIKING])
def test_local_rules_are_the_gradient_where_units_do_not_talk(cell: str, leak: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, seed=2)
    net["parameters"]["W"] *= 0
    exact = reference.gradient({**net, "trainable": {"alpha": False}}, inputs, objective)
    assert_same(rules.local_rule(net, inputs, objective, net["parameters"]["W_out"].T), exact)


@pytest.mark.parametrize("leak", ["rate", "current"])
@pytest.mark.parametrize("option", ["plain", "delay matrix", "low rank", "perturbed"])
def test_local_rules_are_rtrl_without_what_units_tell_each_other(leak: str, option: str) -> None:
    """RTRL whose ∂s_t/∂s_{t−1} is only (1 − α) on the diagonal of the cell's variable."""
    inputs, objective = make_trials()
    net = make_net("rate", leak, **OPTIONS[option])
    B = np.random.default_rng(7).normal(size=(N_UNITS, N_OUTPUTS))
    errors = reference.output_errors(cells.run(net, inputs)["outputs"], objective)
    total = {name: np.zeros(value.shape) for name, value in net["parameters"].items()}
    variable = cells.variables(net)[0]
    retained = 1 - np.broadcast_to(net["parameters"].get("alpha", 0.4), N_UNITS)
    for x, error in zip(inputs, errors, strict=True):
        state = cells.initial_state(net)
        P = {name: np.zeros((N_UNITS, *value.shape)) for name, value in net["parameters"].items()}
        for t, x_t in enumerate(x):

            def advance(moved: Net, state: Any = state, x_t: FloatArray = x_t, t: int = t) -> Any:
                return cells.step(moved, state, x_t, t)[variable]

            *_, silent = cells.drives(net, net["parameters"], state, x_t, t)
            D = rules.influence(net, advance)
            state = cells.step(net, state, x_t, t)
            kept = np.where(silent & (leak == "rate"), 0, retained)
            gain = adjoints.slope("tanh", state["v"]) * ~silent if leak == "current" else np.ones(N_UNITS)
            for name in total:
                P[name] = np.einsum("i,i...->i...", kept, P[name]) + D[name]
                total[name] += np.einsum("i,i...->...", gain * (B @ error[t]), P[name])
    found = rules.local_rule(net, inputs, objective, B)
    for name in ("W", "U", "V", "W_in", "b"):
        if name in found:
            np.testing.assert_allclose(found[name], total[name], rtol=0, atol=1e-13)


@pytest.mark.parametrize(("cell", "leak"), KINDS[:2])
@pytest.mark.parametrize("option", ["plain", "delay matrix", "feedback", "low rank"])
def test_node_perturbation_is_the_gradient_on_average(cell: str, leak: str, option: str) -> None:
    """The mean over noise along ± each axis, √(T N) long, is that over Gaussian noise to first order."""
    inputs, objective = make_trials()
    fixed = {"alpha": False, "W_out": False, "b_out": False, "h0": False}
    net = make_net(cell, leak, **OPTIONS[option], trainable=fixed)
    exact = reference.gradient(net, inputs, objective)
    size = np.sqrt(N_STEPS * N_UNITS)
    total = {name: np.zeros(value.shape) for name, value in net["parameters"].items()}
    for trial, sign, t, unit in product(range(N_TRIALS), (1, -1), range(N_STEPS), range(N_UNITS)):
        noise = np.zeros((N_STEPS, N_UNITS))
        noise[t, unit] = sign * size
        estimate = rules.node_perturbation(net, inputs, objective, noise, 1e-6, trial)
        for name in total:
            total[name] += estimate[name] / (2 * size**2)
    assert_same(total, exact, 1e-6)


@pytest.mark.parametrize(("cell", "leak"), SMOOTH)
def test_exact_future_gradients_make_windows_of_one_step_exact(cell: str, leak: str) -> None:
    inputs, objective = make_trials()
    net = make_net(cell, leak, trainable_initial_state=True)
    states, future = synthetic.future_gradients(net, inputs, objective)

    def exact(state: FloatArray) -> FloatArray:
        distance = np.linalg.norm(states - state, axis=2)
        assert distance.min() < 1e-12
        return np.asarray(future[np.unravel_index(distance.argmin(), distance.shape)])

    full = reference.gradient(net, inputs, objective)
    for window in (1, 2, 4):
        assert_same(synthetic.synthetic_gradient(net, inputs, objective, window, 1.0, exact), full)
        truncated = reference.truncated_gradient(net, inputs, objective, window)
        assert_same(synthetic.synthetic_gradient(net, inputs, objective, window, 0.0, exact), truncated)
    for trial, start in product(range(N_TRIALS), range(1, N_STEPS)):
        stop = min(start + 2, N_STEPS)
        seed = future[trial, stop - 1]
        target = synthetic.synthesiser_target(net, inputs, objective, trial, start, stop, seed)
        np.testing.assert_allclose(target, future[trial, start - 1], rtol=0, atol=1e-12)


def test_force_without_feedback_ends_at_the_ridge_regression() -> None:
    inputs, _ = make_trials()
    net = make_net("rate", "rate")
    del net["parameters"]["b_out"]
    x, alpha = inputs[0], 0.5
    targets = np.random.default_rng(9).normal(size=(N_STEPS, N_OUTPUTS))
    W_0 = net["parameters"]["W_out"]
    r = cells.run(net, inputs)["states"][0]
    for every in (1, 2):
        weights, _, P = rules.force(net, x, targets, alpha, every)
        used = r[every - 1 :: every]
        expected = np.linalg.inv(used.T @ used + alpha * np.eye(N_UNITS))
        np.testing.assert_allclose(P, expected, rtol=0, atol=1e-12)
        ridge = W_0 + (targets[every - 1 :: every] - used @ W_0.T).T @ used @ expected
        np.testing.assert_allclose(weights[-1], ridge, rtol=0, atol=1e-12)
