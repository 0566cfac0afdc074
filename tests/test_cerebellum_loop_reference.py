"""A network and a module in a loop do and learn what the slow reference does and learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common import reference_cerebellum as reference
from tests.common.reference_cerebellum import FloatArray
from tests.common.reference_cerebellum_loop import Loop

import fastigial as fg

N_INPUTS, N_UNITS, N_OUTPUTS, N_TRIALS, N_STEPS = 2, 6, 2, 3, 20
DT, TAU, ETA = 0.01, 0.04, 0.05
FADING = float(np.exp(-DT / 0.03))
KERNEL = (1 - FADING) * FADING ** np.arange(N_STEPS)

PATHS: dict[str, dict[str, Any]] = {
    "prompt": {},
    "late there": {"delay_to": 3},
    "late back": {"delay_back": 2, "gain": 1.7},
    "late both ways": {"delay_to": 1, "delay_back": 4, "gain": -0.5},
    "outputs only": {"mossy": ("outputs",), "delay_to": 2},
    "all": {"mossy": ("activity", "inputs", "outputs"), "delay_back": 1},
}
SIZES = {"activity": N_UNITS, "inputs": N_INPUTS, "outputs": N_OUTPUTS}

each_path = pytest.mark.parametrize("path", PATHS)
each_horizon = pytest.mark.parametrize("horizon", [None, 0, 3])


def make_pair(path: str = "prompt", horizon: int | None = None, delay: int = 0, **module: Any) -> tuple[Any, Loop]:
    told = {"mossy": ("activity", "inputs"), "delay_to": 0, "delay_back": 0, "gain": 1.0, **PATHS[path]}
    net = fg.RNN(N_INPUTS + 2, N_UNITS, N_OUTPUTS, dt=DT, tau=TAU, seed=1, dtype="float64")
    rng = np.random.default_rng(2)
    drawn = {name: 0.5 * rng.normal(size=np.shape(value)) for name, value in net.parameters.items()}
    net.set_parameters(drawn)
    cerebellum = fg.cerebellum.Cerebellum(
        sum(SIZES[name] for name in told["mossy"]),
        2,
        plasticity=fg.cerebellum.LMS(ETA),
        eligibility=fg.cerebellum.Exponential(0.03),
        climbing_fibre_delay=delay * DT,
        dt=DT,
        dtype="float64",
        **module,
    )
    weights = {name: 0.3 * rng.normal(size=np.shape(cerebellum.parameters[name])) for name in ("W_pf", "b_p", "b_n")}
    cerebellum.set_parameters(weights)
    mapping = rng.normal(size=(2, N_OUTPUTS))
    loop = fg.cerebellum.couple(
        net,
        cerebellum,
        mossy=told["mossy"],
        delay_to=told["delay_to"] * DT,
        delay_back=told["delay_back"] * DT,
        gain=told["gain"],
        mapping=mapping,
        horizon=None if horizon is None else horizon * DT,
    )
    p = {name: np.array(value) for name, value in cerebellum.parameters.items()}
    slow = reference.Module(
        weights=p["W_pf"],
        mixing=p["B"],
        climbing=p["C"][cerebellum.zone],
        bias=p["b_p"],
        baseline=p["b_n"],
        inhibited=cerebellum.nuclei == "inhibited",
        kernel=KERNEL,
        delay=delay,
        learning_rate=ETA,
    )
    paths = {"there": told["delay_to"], "back": told["delay_back"], "gain": told["gain"], "horizon": horizon}
    return loop, Loop(drawn, DT / TAU, slow, told["mossy"], mapping, **paths)


def make_trials(seed: int = 0) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N_TRIALS, N_STEPS, N_INPUTS)), rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))


def assert_same(found: Any, trials: list[dict[str, FloatArray]]) -> None:
    for name in ("states", "outputs", "nuclei", "errors"):
        expected = np.array([trial[name] for trial in trials])
        if expected[0].size:
            np.testing.assert_allclose(getattr(found, name), expected, rtol=0, atol=1e-10, err_msg=name)


@each_path
@pytest.mark.parametrize("off", [(), range(5, 9), range(N_STEPS)])
def test_runs_are_those_of_the_reference(path: str, off: Any) -> None:
    loop, slow = make_pair(path)
    x, _ = make_trials()
    found = loop.run(x, cerebellum_off=list(off) if len(off) else None)
    assert_same(found, [slow.trial(trial, off=off) for trial in x])


@each_path
@each_horizon
@pytest.mark.parametrize("delay", [0, 2])
def test_learning_in_the_loop_is_that_of_the_reference(path: str, horizon: int | None, delay: int) -> None:
    loop, slow = make_pair(path, horizon, delay)
    x, targets = make_trials()
    targets[1, 4:7] = np.nan
    before = slow.module.weights
    found = loop.run(x, targets, learn=True)
    assert_same(found, [slow.trial(*trial, learns=True) for trial in zip(x, targets, strict=True)])
    np.testing.assert_allclose(loop.cerebellum.parameters["W_pf"], slow.module.weights, rtol=0, atol=1e-11)
    assert np.abs(slow.module.weights - before).max() > 1e-2


def test_inhibited_nuclei_in_the_loop() -> None:
    loop, slow = make_pair("late both ways", delay=1, nuclei="inhibited", n_purkinje=4)
    x, targets = make_trials()
    found = loop.run(x, targets, learn=True)
    assert_same(found, [slow.trial(*trial, learns=True) for trial in zip(x, targets, strict=True)])
    np.testing.assert_allclose(loop.cerebellum.parameters["W_pf"], slow.module.weights, rtol=0, atol=1e-11)
