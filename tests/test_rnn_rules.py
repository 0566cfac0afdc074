"""Learning rules: one battery that all must pass, and each against its definition in the slow reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.common import reference_rnn as reference
from tests.common import reference_rnn_cells as cells
from tests.common import reference_rnn_rules as rules
from tests.common import reference_rnn_synthetic as synthetic
from tests.common.rnn_cases import (
    CELLS,
    N_INPUTS,
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
    mask,
    with_options,
)

import fastigial as fg

INPUTS, TARGETS = make_trials()

# Every rule; `seed` is that of what the rule draws.
RULES: dict[str, Callable[..., Any]] = {
    "BPTT": lambda **seed: fg.rules.BPTT(**seed),
    "BPTT truncated": lambda **seed: fg.rules.BPTT(truncation=2, **seed),
    "RTRL": lambda **seed: fg.rules.RTRL(**seed),
    "RFLO": lambda **seed: fg.rules.RFLO(feedback="random", **seed),
    "RFLO symmetric": lambda **seed: fg.rules.RFLO(feedback="symmetric", **seed),
    "EProp": lambda **seed: fg.rules.EProp(feedback="random", **seed),
    "EProp symmetric": lambda **seed: fg.rules.EProp(feedback="symmetric", **seed),
    "FeedbackAlignment": lambda **seed: fg.rules.FeedbackAlignment(**seed),
    "KolenPollack": lambda **seed: fg.rules.KolenPollack(decay=0.01, **seed),
    "NodePerturbation": lambda **seed: fg.rules.NodePerturbation(sigma=0.01, baseline="unperturbed", **seed),
    "NodePerturbation running": lambda **seed: fg.rules.NodePerturbation(sigma=0.01, baseline="running", **seed),
    "Reinforce": lambda **seed: fg.rules.Reinforce(sigma=0.05, **seed),
    "Miconi": lambda **seed: fg.rules.Miconi(**seed),
    "FORCE": lambda **seed: fg.rules.FORCE(alpha=1.0, every=2, **seed),
    "FullFORCE": lambda **seed: fg.rules.FullFORCE(**seed),
    "SyntheticGradient": lambda **seed: fg.rules.SyntheticGradient(window=2, hidden=(16,), **seed),
    "BPLambda": lambda **seed: fg.rules.BPLambda(**seed),
}
# Rules whose first answer depends on what they draw.
RANDOM = [
    "RFLO",
    "EProp",
    "FeedbackAlignment",
    "KolenPollack",
    "NodePerturbation",
    "NodePerturbation running",
    "Reinforce",
    "Miconi",
    "FullFORCE",
]
ROWS = N_UNITS
RESTRICTED = {
    "masks": {"W": mask(ROWS, N_UNITS), "W_in": mask(ROWS, N_INPUTS), "W_out": mask(N_OUTPUTS, N_UNITS)},
    "trainable": {"W": mask(ROWS, N_UNITS, 1), "b": np.array([True, False, True]), "b_out": False},
}

each_rule = pytest.mark.parametrize("rule", RULES)


@pytest.fixture(autouse=True)
def default_threads() -> Iterator[None]:
    yield
    fg.set_num_threads(None)


def gradient_of(net: Any, rule: Any, **options: Any) -> tuple[float, dict[str, Any]]:
    loss, gradient = net.gradient(INPUTS, TARGETS, rule=rule, **options)
    return loss, gradient


def with_targets(targets: Any = TARGETS) -> reference.Objective:
    return ("mse", targets, None)


# The battery


@each_rule
def test_every_rule_answers_for_every_parameter(rule: str) -> None:
    net = make_net({})
    before = {name: value.copy() for name, value in net.parameters.items()}
    loss, gradient = gradient_of(net, RULES[rule](seed=0))
    assert np.isfinite(loss)
    assert loss >= 0
    assert {name: value.shape for name, value in gradient.items()} == {
        name: value.shape for name, value in before.items()
    }
    assert all(np.isfinite(value).all() for value in gradient.values())
    assert any(np.any(value != 0) for value in gradient.values())
    for name, value in before.items():
        np.testing.assert_array_equal(net.parameters[name], value)


@each_rule
def test_every_rule_leaves_alone_what_does_not_exist_or_is_fixed(rule: str) -> None:
    net = make_net(RESTRICTED)
    description = describe(net, RESTRICTED)
    _, gradient = gradient_of(net, RULES[rule](seed=0))
    for name, value in gradient.items():
        assert np.all(value[~reference.learnable(description, name)] == 0), name


@each_rule
def test_every_rule_gives_the_same_from_the_same_seed(rule: str) -> None:
    net = make_net({})
    _, first = gradient_of(net, RULES[rule](seed=3))
    _, same = gradient_of(net, RULES[rule](seed=3))
    _, other = gradient_of(net, RULES[rule](seed=4))
    for name, value in first.items():
        np.testing.assert_array_equal(value, same[name])
    assert (rule in RANDOM) == any(not np.array_equal(first[name], other[name]) for name in first)


@each_rule
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_every_rule_gives_the_same_on_any_number_of_threads(rule: str, noise: float) -> None:
    net = make_net({}, noise=noise)
    inputs, targets = np.repeat(INPUTS, 7, axis=0), np.repeat(TARGETS, 7, axis=0)
    found = []
    for n_threads in (1, 2, 5):
        fg.set_num_threads(n_threads)
        found.append(net.gradient(inputs, targets, rule=RULES[rule](seed=0)))
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        for name, value in gradient.items():
            np.testing.assert_array_equal(value, found[0][1][name])


@each_rule
def test_every_rule_answers_in_the_precision_of_the_network(rule: str) -> None:
    net = make_net({}, dtype="float32")
    _, gradient = net.gradient(INPUTS.astype(np.float32), TARGETS.astype(np.float32), rule=RULES[rule](seed=0))
    assert all(value.dtype == np.float32 for value in gradient.values())


@each_rule
def test_every_rule_leaves_out_what_was_not_observed(rule: str) -> None:
    """Targets beyond a mask may be anything."""
    net = make_net({})
    observed = np.ones((N_TRIALS, N_STEPS), dtype=bool)
    observed[:, 3] = False
    other = TARGETS.copy()
    other[:, 3] = 1e6
    loss, gradient = net.gradient(INPUTS, TARGETS, mask=observed, rule=RULES[rule](seed=0))
    same_loss, same_gradient = net.gradient(INPUTS, other, mask=observed, rule=RULES[rule](seed=0))
    assert loss == same_loss
    for name, value in gradient.items():
        np.testing.assert_array_equal(value, same_gradient[name])


@each_rule
def test_every_rule_says_what_it_is(rule: str) -> None:
    made = RULES[rule](seed=0)
    assert repr(made).startswith(type(made).__name__)


# Exact rules


@pytest.mark.parametrize("name", [*with_options(SMOOTH)])
def test_rtrl_is_back_propagation_or_says_that_it_cannot(name: str) -> None:
    net = make_net(with_options(SMOOTH)[name])
    if any(word in name for word in ("delay", "areas", "feedback", "late", "low rank")):
        try:
            loss, gradient = gradient_of(net, fg.rules.RTRL())
        except ValueError as refusal:
            assert "RTRL" in str(refusal)
            return
    else:
        loss, gradient = gradient_of(net, fg.rules.RTRL())
    same_loss, expected = gradient_of(net, fg.rules.BPTT())
    assert loss == pytest.approx(same_loss, rel=1e-13)
    assert_same(gradient, expected, 1e-10)


@pytest.mark.parametrize("name", CELLS)
def test_no_rule_is_back_propagation(name: str) -> None:
    net = make_net(CELLS[name])
    loss, gradient = net.gradient(INPUTS, TARGETS)
    same_loss, same = gradient_of(net, fg.rules.BPTT())
    assert loss == same_loss
    for key, value in gradient.items():
        np.testing.assert_array_equal(value, same[key])


@pytest.mark.parametrize("name", with_options(CELLS))
def test_windows_as_long_as_the_trial_truncate_nothing(name: str) -> None:
    net = make_net(with_options(CELLS)[name])
    _, full = gradient_of(net, fg.rules.BPTT())
    for truncation in (N_STEPS, N_STEPS + 5):
        assert_same(gradient_of(net, fg.rules.BPTT(truncation=truncation))[1], full, 1e-12)


@pytest.mark.parametrize("option", ["plain", "delay matrix", "late feedback", "initial state", "low rank"])
@pytest.mark.parametrize("name", CELLS)
def test_truncated_gradients_are_those_of_the_reference(name: str, option: str) -> None:
    case = with_options({name: CELLS[name]})[f"{name}, {option}"]
    net = make_net(case)
    for truncation in (1, 3):
        found = gradient_of(net, fg.rules.BPTT(truncation=truncation))[1]
        expected = reference.truncated_gradient(describe(net, case), INPUTS, with_targets(), truncation)
        assert_same(found, expected, 1e-9)


@pytest.mark.parametrize("option", ["delay matrix", "late feedback"])
def test_checkpoints_need_states_that_say_all(option: str) -> None:
    net = make_net(with_options(RATE)[f"rate, {option}"])
    with pytest.raises(ValueError, match="checkpoint_every"):
        gradient_of(net, fg.rules.BPTT(checkpoint_every=2))


@pytest.mark.parametrize("option", ["plain", "low rank", "masks"])
@pytest.mark.parametrize("name", CELLS)
def test_checkpoints_change_nothing(name: str, option: str) -> None:
    net = make_net(with_options({name: CELLS[name]})[f"{name}, {option}"])
    _, full = gradient_of(net, fg.rules.BPTT())
    for every in (1, 2, 3, N_STEPS, N_STEPS + 1):
        assert_same(gradient_of(net, fg.rules.BPTT(checkpoint_every=every))[1], full, 1e-13)


# Rules with a feedback matrix


def local_parameters(gradient: dict[str, Any]) -> dict[str, Any]:
    """What RFLO and e-prop are defined for; leaks and initial states are left to others."""
    return {name: value for name, value in gradient.items() if name not in ("alpha", "h0")}


def assert_local(rule: Any, case: dict[str, Any]) -> None:
    """The rule's answer is the reference's, with the matrix that the rule used."""
    net = make_net(case)
    _, gradient = gradient_of(net, rule)
    B = np.array(rule.feedback_)
    assert B.shape == (N_UNITS, N_OUTPUTS)
    description = describe(net, case)
    expected = rules.local_rule(description, INPUTS, with_targets(), B)
    assert_same(local_parameters(gradient), local_parameters(expected), 1e-9)


RATE_OPTIONS = ["plain", "no bias", "input delay", "delay matrix", "late feedback", "masks", "leak of each unit"]


@pytest.mark.parametrize("feedback", ["random", "symmetric"])
@pytest.mark.parametrize("option", RATE_OPTIONS)
@pytest.mark.parametrize("leak", RATE)
def test_rflo_is_that_of_the_reference(leak: str, option: str, feedback: str) -> None:
    assert_local(fg.rules.RFLO(feedback=feedback, seed=1), with_options(RATE)[f"{leak}, {option}"])


@pytest.mark.parametrize("feedback", ["random", "symmetric"])
@pytest.mark.parametrize("option", ["plain", "no bias", "delay matrix", "late feedback", "masks"])
@pytest.mark.parametrize("name", [*RATE, *SPIKING])
def test_eprop_is_that_of_the_reference(name: str, option: str, feedback: str) -> None:
    case = with_options({name: CELLS[name]})[f"{name}, {option}"]
    assert_local(fg.rules.EProp(feedback=feedback, seed=1), case)


@pytest.mark.parametrize("option", ["plain", "delay matrix", "late feedback", "low rank", "initial state", "masks"])
@pytest.mark.parametrize("name", CELLS)
def test_feedback_alignment_is_that_of_the_reference(name: str, option: str) -> None:
    case = with_options({name: CELLS[name]})[f"{name}, {option}"]
    net = make_net(case)
    for rule, decay in [(fg.rules.FeedbackAlignment(seed=1), 0.0), (fg.rules.KolenPollack(decay=0.01, seed=1), 0.01)]:
        _, gradient = gradient_of(net, rule)
        B = np.array(rule.feedback_)
        assert B.shape == (N_UNITS, N_OUTPUTS)
        expected = dict(rules.feedback_alignment(describe(net, case), INPUTS, with_targets(), B))
        # Kolen-Pollack's decay is part of what it follows.
        expected["W_out"] = expected["W_out"] + decay * net.parameters["W_out"] * (gradient["W_out"] != 0)
        assert_same(gradient, expected, 1e-9)


@pytest.mark.parametrize("kind", ["RFLO symmetric", "EProp symmetric"])
def test_symmetric_feedback_is_the_transposed_readout(kind: str) -> None:
    net = make_net({})
    rule = RULES[kind](seed=0)
    gradient_of(net, rule)
    np.testing.assert_array_equal(rule.feedback_, net.parameters["W_out"].T)


@pytest.mark.parametrize("kind", ["RFLO", "EProp", "FeedbackAlignment"])
def test_random_feedback_stays_what_it_was(kind: str) -> None:
    net = make_net({})
    rule = RULES[kind](seed=0)
    gradient_of(net, rule)
    B = np.array(rule.feedback_)
    net.set_parameters({"W_out": 2 * net.parameters["W_out"]})
    gradient_of(net, rule)
    np.testing.assert_array_equal(rule.feedback_, B)


def test_random_feedback_has_the_variance_of_its_definition() -> None:
    """B ~ N(0, 1/n_outputs)."""
    net = fg.RNN(1, 4000, 3, density=0.001, seed=0)
    rule = fg.rules.RFLO(feedback="random", seed=2)
    net.gradient(np.ones((1, 1, 1), np.float32), np.ones((1, 1, 3), np.float32), rule=rule)
    squares = np.asarray(rule.feedback_, dtype=np.float64) ** 2
    assert abs(squares.mean() - 1 / 3) < 5 * squares.std() / np.sqrt(squares.size)


@pytest.mark.parametrize("name", RATE)
def test_rules_that_differ_from_the_gradient_do_differ(name: str) -> None:
    """A rule that quietly called back-propagation would pass much of the battery."""
    net = make_net(RATE[name])
    _, exact = gradient_of(net, fg.rules.BPTT())
    for rule in ("BPTT truncated", "RFLO", "RFLO symmetric", "EProp", "FeedbackAlignment", "NodePerturbation"):
        _, found = gradient_of(net, RULES[rule](seed=0))
        assert np.linalg.norm(found["W"] - exact["W"]) > 1e-2 * np.linalg.norm(exact["W"]), rule


# Perturbations


@pytest.mark.parametrize("option", ["plain", "delay matrix", "feedback"])
@pytest.mark.parametrize("name", [*RATE])
def test_node_perturbation_is_the_gradient_on_average(name: str, option: str) -> None:
    """One trial, many times over: the mean over draws lies within 5 standard errors of the gradient.

    The readout has its own, local rule, e_t q_tᵀ: the gradient too, unless outputs are fed back.
    """
    case = with_options({name: CELLS[name]})[f"{name}, {option}"]
    net = make_net(case)
    x, target = INPUTS[:1], TARGETS[:1]
    _, exact = net.gradient(x, target)
    n_draws, n_copies = 30, 400
    many = np.repeat(x, n_copies, axis=0), np.repeat(target, n_copies, axis=0)
    draws: list[dict[str, Any]] = []
    for seed in range(n_draws):
        rule = fg.rules.NodePerturbation(sigma=1e-5, baseline="unperturbed", seed=seed)
        draws.append(net.gradient(*many, rule=rule, seed=seed)[1])
    for key, expected in exact.items():
        if option == "feedback" and key in ("W_out", "b_out"):
            continue
        values = np.array([draw[key] for draw in draws])
        error = values.std(axis=0, ddof=1) / np.sqrt(n_draws)
        rounding = 1e-9 * max(np.abs(expected).max(), 1e-3)
        assert np.all(np.abs(values.mean(axis=0) - expected) <= 5 * error + rounding), key
        if key in ("W", "W_in", "b"):
            assert np.any(error > 0), "the estimate of a random rule must vary"


# Synthetic gradients


@pytest.mark.parametrize("hidden", [(), (16,), (8, 8)])
@pytest.mark.parametrize("name", SMOOTH)
def test_an_untrained_synthesiser_says_nothing(name: str, hidden: tuple[int, ...]) -> None:
    """Its last layer starts at zero: what is left is truncated back-propagation."""
    net = make_net(SMOOTH[name])
    for window in (1, 3, N_STEPS):
        rule = fg.rules.SyntheticGradient(window=window, bootstrap=1.0, hidden=hidden)
        expected = gradient_of(net, fg.rules.BPTT(truncation=window))[1]
        assert_same(gradient_of(net, rule)[1], expected, 1e-12)


def synthesise(layers: list[tuple[Any, Any]], state: Any) -> Any:
    """A perceptron of rectified layers and a linear one."""
    for weight, bias in layers[:-1]:
        state = np.maximum(0, weight @ state + bias)
    weight, bias = layers[-1]
    return weight @ state + bias


def taught(rule: Any, states: Any, answers: Any) -> list[tuple[Any, Any]]:
    """The rule's layers with the last one solved for these answers, states and answers (n, S)."""
    layers = [(np.array(weight), np.array(bias)) for weight, bias in rule.synthesiser_]
    features = states
    for weight, bias in layers[:-1]:
        features = np.maximum(0, features @ weight.T + bias)
    with_one = np.column_stack([features, np.ones(len(features))])
    solution = np.linalg.lstsq(with_one, answers, rcond=None)[0].T
    layers[-1] = (solution[:, :-1], solution[:, -1])
    return layers


@pytest.mark.parametrize("hidden", [(), (64,)])
@pytest.mark.parametrize("name", SMOOTH)
def test_exact_future_gradients_make_synthetic_gradients_exact(name: str, hidden: tuple[int, ...]) -> None:
    """Four steps of one trial: few enough states for a synthesiser that knows the answer to each."""
    net = make_net(SMOOTH[name])
    x, target = INPUTS[:1, :4], TARGETS[:1, :4]
    states, future = synthetic.future_gradients(describe(net, SMOOTH[name]), x, with_targets(target))
    _, exact = net.gradient(x, target)
    for window in (1, 2):
        rule = fg.rules.SyntheticGradient(window=window, bootstrap=1.0, hidden=hidden)
        net.gradient(x, target, rule=rule)
        layers = taught(rule, states[0], future[0])
        for state, answer in zip(states[0], future[0], strict=True):
            np.testing.assert_allclose(synthesise(layers, state), answer, rtol=0, atol=1e-8)
        rule.set_synthesiser(layers)
        assert_same(net.gradient(x, target, rule=rule)[1], exact, 1e-6)


@pytest.mark.parametrize("name", SMOOTH)
def test_synthetic_gradients_are_those_of_the_reference(name: str) -> None:
    """With any synthesiser, any strength of its answers, and windows that do not divide the trial."""
    net = make_net(SMOOTH[name])
    rng = np.random.default_rng(5)
    for window, bootstrap in [(1, 0.1), (2, 0.7), (3, 1.0)]:
        rule = fg.rules.SyntheticGradient(window=window, bootstrap=bootstrap, hidden=(5,))
        gradient_of(net, rule)
        layers = [(rng.normal(size=np.shape(weight)), rng.normal(size=np.shape(b))) for weight, b in rule.synthesiser_]
        rule.set_synthesiser(layers)
        expected = synthetic.synthetic_gradient(
            describe(net, SMOOTH[name]),
            INPUTS,
            with_targets(),
            window,
            bootstrap,
            lambda state, layers=layers: synthesise(layers, state),  # type: ignore[misc]
        )
        assert_same(gradient_of(net, rule)[1], expected, 1e-9)


# FORCE


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("option", ["no bias", "plain", "feedback"])
@pytest.mark.parametrize("leak", RATE)
def test_force_ends_where_recursive_least_squares_ends(leak: str, option: str, every: int) -> None:
    """What FORCE returns for W_out is its beginning minus its end: descent by one times that goes all the way."""
    case = with_options(RATE)[f"{leak}, {option}"]
    net = make_net(case)
    _, gradient = net.gradient(INPUTS[:1], TARGETS[:1], rule=fg.rules.FORCE(alpha=0.7, every=every))
    weights, _, _ = rules.force(describe(net, case), INPUTS[0], TARGETS[0], 0.7, every)
    np.testing.assert_allclose(net.parameters["W_out"] - gradient["W_out"], weights[-1], rtol=0, atol=1e-9)
    for name, value in gradient.items():
        assert name == "W_out" or np.all(value == 0), name


def test_force_goes_from_trial_to_trial_with_what_it_knows() -> None:
    """Two trials, one after the other: the ridge regression on both, since nothing is fed back."""
    net = make_net({"bias": False})
    rule = fg.rules.FORCE(alpha=0.7, every=1)
    description = describe(net, {"bias": False})
    W_0 = net.parameters["W_out"].copy()
    for trial in range(2):
        _, gradient = net.gradient(INPUTS[trial : trial + 1], TARGETS[trial : trial + 1], rule=rule)
        net.set_parameters({"W_out": net.parameters["W_out"] - gradient["W_out"]})
    r = cells.run(description, INPUTS[:2])["states"].reshape(-1, N_UNITS)
    targets = TARGETS[:2].reshape(-1, N_OUTPUTS)
    P = np.linalg.inv(r.T @ r + 0.7 * np.eye(N_UNITS))
    np.testing.assert_allclose(net.parameters["W_out"], W_0 + (targets - r @ W_0.T).T @ r @ P, rtol=0, atol=1e-9)
