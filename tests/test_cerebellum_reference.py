"""Cerebellar modules learn what the slow reference learns, synapse by synapse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common import reference_cerebellum as reference
from tests.common import reference_granule
from tests.common.reference_cerebellum import FloatArray

import fastigial as fg

N_MOSSY, N_OUTPUTS, N_TRIALS, N_STEPS = 5, 2, 3, 12
DT = 0.01
RHO = float(-np.expm1(-DT / 0.05))

FADING = np.exp(-DT / 0.03)
LAGS = np.arange(N_STEPS)
KERNELS: dict[str, tuple[Any, Any]] = {
    "instantaneous": (lambda: fg.cerebellum.Instantaneous(), [1.0]),
    "delayed": (lambda: fg.cerebellum.Delayed(3 * DT), [0, 0, 0, 1.0]),
    "exponential": (lambda: fg.cerebellum.Exponential(0.03), (1 - FADING) * FADING**LAGS),
    "alpha": (lambda: fg.cerebellum.Alpha(0.03), (1 - FADING) ** 2 * LAGS * FADING ** (LAGS - 1.0)),
    "late alpha": (
        lambda: fg.cerebellum.Alpha(0.03, delay=2 * DT),
        [0, 0, *((1 - FADING) ** 2 * LAGS * FADING ** (LAGS - 1.0))[:-2]],
    ),
    "array": (lambda: [0.5, 0.0, -1.0, 0.25], [0.5, 0.0, -1.0, 0.25]),
}
CIRCUITS: dict[str, dict[str, Any]] = {
    "plain": {},
    "inhibited": {"nuclei": "inhibited"},
    "many Purkinje cells": {"n_purkinje": 6},
    "zone for each Purkinje cell": {"n_purkinje": 4, "n_zones": 4},
    "one zone": {"n_purkinje": 4, "n_zones": 1, "nuclei": "inhibited"},
    "bottleneck": {"n_purkinje": 5, "bottleneck": "random", "nuclei": "inhibited"},
    "bottleneck with zones": {"n_purkinje": 6, "bottleneck": "random", "n_zones": 3},
}
RULES: dict[str, tuple[Any, dict[str, Any]]] = {
    "lms": (lambda **kw: fg.cerebellum.LMS(0.05, **kw), {"learning_rate": 0.05}),
    "covariance": (
        lambda **kw: fg.cerebellum.Covariance(0.05, tau=0.05, **kw),
        {"learning_rate": 0.05, "covariance": RHO},
    ),
}

each_kernel = pytest.mark.parametrize("kernel", KERNELS)
each_circuit = pytest.mark.parametrize("circuit", CIRCUITS)
each_rule = pytest.mark.parametrize("rule", RULES)
each_way = pytest.mark.parametrize("online", [True, False])


def make_pair(
    rule: str = "lms", kernel: str = "instantaneous", circuit: str = "plain", delay: int = 0, **options: Any
) -> tuple[Any, reference.Module]:
    """Return a module whose parallel fibres are its mossy fibres, all its numbers random, and the same as reference."""
    make_rule, plain = RULES[rule]
    make_kernel, kappa = KERNELS[kernel]
    told = dict(options)
    if "bounds" in told:
        told["bounds"] = {(0.0, np.inf): "nonnegative", (-np.inf, 0.0): "nonpositive"}.get(
            told["bounds"], told["bounds"]
        )
    if "forgets" in told:
        told["forgetting_per"] = told.pop("forgets")
    module = fg.cerebellum.Cerebellum(
        N_MOSSY,
        N_OUTPUTS,
        plasticity=make_rule(**told),
        eligibility=make_kernel(),
        climbing_fibre_delay=delay * DT,
        dt=DT,
        seed=3,
        dtype="float64",
        **CIRCUITS[circuit],
    )
    rng = np.random.default_rng(7)
    low, high = options.get("bounds", (-np.inf, np.inf))
    shapes = {name: np.shape(value) for name, value in module.parameters.items()}
    drawn = {name: 0.4 * rng.normal(size=shapes[name]) for name in ("W_pf", "b_p", "b_n")}
    drawn["W_pf"] = np.clip(drawn["W_pf"], low, high)
    module.set_parameters(drawn)
    return module, as_reference(module, kernel=kappa, delay=delay, **plain, **options)


def as_reference(module: Any, **options: Any) -> reference.Module:
    p = {name: np.array(value) for name, value in module.parameters.items()}
    return reference.Module(
        weights=p["W_pf"],
        mixing=p["B"],
        climbing=p["C"][module.zone],
        bias=p["b_p"],
        baseline=p["b_n"],
        inhibited=module.nuclei == "inhibited",
        **options,
    )


def make_trials(n_missing: int = 0, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    mossy = rng.normal(size=(N_TRIALS, N_STEPS, N_MOSSY))
    targets = rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS)) + 0.5
    for _ in range(n_missing):
        targets[rng.integers(N_TRIALS), rng.integers(N_STEPS)] = np.nan
    return mossy, targets


def assert_learns_the_same(
    module: Any, slow: reference.Module, mossy: FloatArray, told: dict[str, Any], online: bool, n_epochs: int = 2
) -> None:
    np.testing.assert_allclose(module.run(mossy).nuclei, reference.run(slow, mossy), rtol=0, atol=1e-12)
    before = slow.weights
    errors = module.learn(mossy, **told, online=online, n_epochs=n_epochs)
    learn = reference.learn_online if online else reference.learn_batch
    expected = np.array([learn(slow, mossy, **told) for _ in range(n_epochs)])
    np.testing.assert_allclose(errors, np.nanmean(expected**2, axis=(2, 3)), rtol=1e-10)
    np.testing.assert_allclose(module.parameters["W_pf"], slow.weights, rtol=0, atol=1e-11 * np.abs(slow.weights).max())
    assert np.abs(slow.weights - before).max() > 1e-3
    np.testing.assert_allclose(module.run(mossy).nuclei, reference.run(slow, mossy), rtol=0, atol=1e-10)


# Learning


@each_rule
@each_kernel
@each_way
@pytest.mark.parametrize("delay", [0, 3])
def test_every_eligibility_and_delay(rule: str, kernel: str, online: bool, delay: int) -> None:
    mossy, targets = make_trials()
    assert_learns_the_same(*make_pair(rule, kernel, delay=delay), mossy, {"targets": targets}, online)


@each_rule
@each_circuit
@each_way
def test_every_circuit(rule: str, circuit: str, online: bool) -> None:
    mossy, targets = make_trials()
    assert_learns_the_same(*make_pair(rule, "exponential", circuit, delay=1), mossy, {"targets": targets}, online)


@each_rule
@each_way
@pytest.mark.parametrize("bounds", [(0.0, np.inf), (-np.inf, 0.0), (-0.2, 0.3)])
def test_weights_stay_within_their_bounds_at_every_step(rule: str, online: bool, bounds: tuple[float, float]) -> None:
    mossy, targets = make_trials()
    module, slow = make_pair(rule, "exponential", bounds=bounds)
    assert_learns_the_same(module, slow, mossy, {"targets": targets}, online)
    weights = module.parameters["W_pf"]
    assert np.all((weights >= bounds[0]) & (weights <= bounds[1]))
    free = as_reference(make_pair(rule, "exponential", bounds=bounds)[0], kernel=slow.kernel, **RULES[rule][1])
    for _ in range(2):
        (reference.learn_online if online else reference.learn_batch)(free, mossy, targets)
    assert np.abs(free.weights - weights).max() > 1e-2


@each_rule
@pytest.mark.parametrize("forgets", ["step", "trial"])
def test_forgetting_of_each_step_or_trial(rule: str, forgets: str) -> None:
    mossy, targets = make_trials()
    pair = make_pair(rule, "exponential", delay=2, forgetting=0.03, forgets=forgets)
    assert_learns_the_same(*pair, mossy, {"targets": targets}, online=True)


@pytest.mark.parametrize("forgets", ["step", "trial"])
def test_forgetting_in_batches_is_as_often(forgets: str) -> None:
    mossy, targets = make_trials()
    pair = make_pair("lms", "exponential", forgetting=1e-3, forgets=forgets)
    assert_learns_the_same(*pair, mossy, {"targets": targets}, online=False)


@each_rule
@each_way
@pytest.mark.parametrize("delay", [0, 2])
def test_steps_without_an_observed_target_teach_nothing(rule: str, online: bool, delay: int) -> None:
    mossy, targets = make_trials(n_missing=12)
    pair = make_pair(rule, "exponential", delay=delay, forgetting=1e-3)
    assert_learns_the_same(*pair, mossy, {"targets": targets}, online)


@each_rule
@each_way
def test_an_output_that_is_not_observed_teaches_its_own_zone_nothing(rule: str, online: bool) -> None:
    mossy, targets = make_trials()
    targets[:, 4:, 1] = np.nan
    assert_learns_the_same(*make_pair(rule, "alpha", delay=1), mossy, {"targets": targets}, online)


@each_way
def test_of_mixed_errors_those_that_are_observed_teach(online: bool) -> None:
    mossy, targets = make_trials()
    targets[:, 4:, 1] = np.nan
    assert_learns_the_same(*make_pair("lms", "alpha", "bottleneck", delay=1), mossy, {"targets": targets}, online)


@each_rule
@each_way
def test_errors_may_be_given_whatever_the_nuclei_send(rule: str, online: bool) -> None:
    mossy, errors = make_trials()
    errors[1, 3] = np.nan
    assert_learns_the_same(*make_pair(rule, "delayed", "inhibited", delay=3), mossy, {"errors": errors}, online)


def test_the_granule_layer_in_front_is_its_reference() -> None:
    layer = fg.cerebellum.GranuleLayer(N_MOSSY, 20, n_inputs=3, coding_level=0.4, seed=2, dtype="float64")
    module = fg.cerebellum.Cerebellum(layer, N_OUTPUTS, plasticity=fg.cerebellum.LMS(0.05), dt=DT)
    mossy, targets = make_trials()
    granule = np.array([reference_granule.run(layer.sources, layer.weights, layer.thresholds, xi) for xi in mossy])
    slow = as_reference(module, learning_rate=0.05)
    module.learn(mossy, targets)
    reference.learn_online(slow, granule, targets)
    np.testing.assert_allclose(module.parameters["W_pf"], slow.weights, rtol=0, atol=1e-12)


# Steps of one's own


@each_rule
@pytest.mark.parametrize("delay", [0, 2])
def test_steps_of_a_loop_of_ones_own_are_those_of_a_trial(rule: str, delay: int) -> None:
    module, slow = make_pair(rule, "alpha", "inhibited", delay=delay, forgetting=0.01)
    mossy, targets = make_trials()
    for trial, wanted in zip(mossy, targets, strict=True):
        module.reset()
        for xi, target in zip(trial, wanted, strict=True):
            nuclei = module.step(xi[None])
            module.teach(target[None] - nuclei)
    reference.learn_online(slow, mossy, targets)
    np.testing.assert_allclose(module.parameters["W_pf"], slow.weights, rtol=0, atol=1e-11)


# What the rules are for


def test_without_delays_the_batched_rule_is_half_the_gradient_of_the_squared_error() -> None:
    mossy, targets = make_trials()
    module, slow = make_pair("lms", circuit="zone for each Purkinje cell")
    before = slow.weights.copy()
    module.learn(mossy, targets, online=False)
    # C is Bᵀ up to a factor, that of the Purkinje cells of an output.
    factor = module.n_purkinje / module.n_outputs
    for q, i in np.ndindex(before.shape):
        losses = []
        for size in (1e-5, -1e-5):
            moved = before.copy()
            moved[q, i] += size
            slow.weights = moved
            losses.append(((targets - reference.run(slow, mossy)) ** 2).sum() / 2)
        slope = (losses[0] - losses[1]) / 2e-5
        assert module.parameters["W_pf"][q, i] - before[q, i] == pytest.approx(
            -0.05 * factor * slope, rel=1e-6, abs=1e-9
        )


def test_a_delayed_eligibility_undoes_the_delay_of_the_climbing_fibres() -> None:
    mossy, targets = make_trials()
    late, _ = make_pair("lms", "delayed", delay=3)
    prompt, _ = make_pair("lms")
    late.learn(mossy, targets, online=False)
    # The last errors of a trial never arrive.
    targets[:, -3:] = np.nan
    prompt.learn(mossy, targets, online=False)
    np.testing.assert_allclose(late.parameters["W_pf"], prompt.parameters["W_pf"], rtol=0, atol=1e-12)
