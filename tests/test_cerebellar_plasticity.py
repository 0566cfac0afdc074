"""Plasticity of cerebellar modules: against slow loops, gradients, least squares, fixed points, invariances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.reference_cerebellum_module import Reference, kernel, traces

import fastigial as fg
from fastigial.cerebellum import LMS, Alpha, Cerebellum, Covariance, Delayed, Exponential, Instantaneous

N_MOSSY, N_OUTPUTS, N_TRIALS, N_STEPS, DT = 7, 2, 5, 40, 0.01
rng = np.random.default_rng(0)
MOSSY = rng.normal(size=(N_TRIALS, N_STEPS, N_MOSSY))
TARGETS = rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))
GAPPY = np.where(rng.random(TARGETS.shape) < 0.3, np.nan, TARGETS)

KERNELS: dict[str, tuple[Any, np.ndarray]] = {
    "instantaneous": (Instantaneous(), np.ones(1)),
    "delayed": (Delayed(0.03), np.eye(1, 4, 3)[0]),
    "exponential": (Exponential(0.05), kernel("exponential", 0.05, 0, N_STEPS, DT)),
    "alpha": (Alpha(0.05, delay=0.02), kernel("alpha", 0.05, 2, N_STEPS, DT)),
    "array": (np.array([0.0, 0.5, -0.25]), np.array([0.0, 0.5, -0.25])),
}


def module(**options: Any) -> Cerebellum:
    defaults: dict[str, Any] = {"dt": DT, "dtype": "float64", "plasticity": LMS(0.02)}
    return Cerebellum(N_MOSSY, N_OUTPUTS, **{**defaults, **options})


def reference(cerebellum: Cerebellum, **settings: Any) -> Reference:
    rate = cerebellum.plasticity.learning_rate
    return Reference(cerebellum.parameters, cerebellum.zone, learning_rate=rate, **settings)


def randomised(cerebellum: Cerebellum, seed: int = 1) -> Cerebellum:
    draw = np.random.default_rng(seed)
    found = {name: 0.3 * draw.normal(size=value.shape) for name, value in cerebellum.parameters.items() if name != "C"}
    return cerebellum.set_parameters(found)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("targets", [TARGETS, GAPPY], ids=["observed", "gaps"])
def test_lms_is_the_slow_loop(name: str, delay: int, targets: np.ndarray) -> None:
    eligibility, kappa = KERNELS[name]
    made = randomised(module(eligibility=eligibility, climbing_fibre_delay=delay * DT, n_purkinje=4, n_zones=2))
    slow = reference(made, delay=delay, kappa=kappa)
    losses = made.learn(MOSSY, targets)
    np.testing.assert_allclose(losses[0], slow.learn_online(MOSSY, targets), rtol=1e-10)
    np.testing.assert_allclose(made.parameters["W_pf"], slow.W, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("targets", [TARGETS, GAPPY], ids=["observed", "gaps"])
def test_covariance_is_the_slow_loop(name: str, targets: np.ndarray) -> None:
    eligibility, kappa = KERNELS[name]
    rule = Covariance(0.02, tau=0.2)
    made = randomised(module(eligibility=eligibility, climbing_fibre_delay=2 * DT, n_purkinje=4, plasticity=rule))
    slow = reference(made, delay=2, kappa=kappa, rate=1 - np.exp(-DT / 0.2))
    made.learn(MOSSY, targets)
    slow.learn_online(MOSSY, targets)
    np.testing.assert_allclose(made.parameters["W_pf"], slow.W, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "rule", [LMS(0.01), Covariance(0.01), LMS(0.01, forgetting=1e-3), Covariance(0.01, (-0.1, 0.2))]
)
@pytest.mark.parametrize("name", KERNELS)
def test_a_batch_is_the_sum_over_trials(rule: Any, name: str) -> None:
    eligibility, kappa = KERNELS[name]
    made = module(eligibility=eligibility, climbing_fibre_delay=2 * DT, plasticity=rule, initial_weight=0.05)
    rate = 1.0 if isinstance(rule, Covariance) else None
    slow = reference(made, delay=2, kappa=kappa, rate=rate, bounds=rule.limits(), forget_step=rule.forgetting)
    losses = made.learn(MOSSY, GAPPY, online=False)
    slow.learn_batch(MOSSY, GAPPY)
    np.testing.assert_allclose(made.parameters["W_pf"], slow.W, rtol=1e-9, atol=1e-12)
    unlearned = module(initial_weight=0.05).run(MOSSY).nuclei
    np.testing.assert_allclose(losses[0], np.nanmean((GAPPY - unlearned) ** 2, axis=(1, 2)))


@pytest.mark.parametrize("per", ["step", "trial"])
@pytest.mark.parametrize("bounds", [None, "nonnegative", (-0.05, 0.1)])
@pytest.mark.parametrize("inhibited", [False, True])
def test_bounds_forgetting_and_inhibited_nuclei_are_the_slow_loop(per: str, bounds: Any, inhibited: bool) -> None:
    rule = LMS(0.1, bounds=bounds, forgetting=0.01, forgetting_per=per)
    made = module(plasticity=rule, nuclei="inhibited" if inhibited else "direct", initial_weight=0.02, n_purkinje=6)
    forget = {f"forget_{per}": 0.01}
    slow = reference(made, bounds=rule.limits(), inhibited=inhibited, **forget)
    made.learn(MOSSY, GAPPY, n_epochs=2)
    slow.learn_online(MOSSY, GAPPY)
    slow.learn_online(MOSSY, GAPPY)
    weights = made.parameters["W_pf"]
    np.testing.assert_allclose(weights, slow.W, rtol=1e-9, atol=1e-12)
    low, high = rule.limits()
    assert weights.min() >= low
    assert weights.max() <= high


@pytest.mark.parametrize("bottleneck", [None, "random"])
def test_a_batch_of_lms_is_minus_half_the_gradient_of_the_squared_error(bottleneck: str | None) -> None:
    made = randomised(module(plasticity=LMS(1.0), bottleneck=bottleneck, n_purkinje=4, n_zones=4, nuclei="inhibited"))
    scale = 1.0 if bottleneck else made.n_purkinje / made.n_outputs
    before = made.parameters
    made.set_parameters({"C": scale * before["B"].T})

    def half_error(weights: np.ndarray) -> float:
        nuclei = made.clone().set_parameters({"W_pf": weights}).run(MOSSY).nuclei
        return 0.5 * float(np.nansum((GAPPY - nuclei) ** 2))

    change = made.clone()
    change.learn(MOSSY, GAPPY, online=False)
    found = (change.parameters["W_pf"] - before["W_pf"]) / scale
    numeric = np.empty_like(found)
    for place in np.ndindex(found.shape):
        step = np.zeros_like(found)
        step[place] = 1e-4
        numeric[place] = (half_error(before["W_pf"] + step) - half_error(before["W_pf"] - step)) / 2e-4
    np.testing.assert_allclose(found, -numeric, rtol=1e-6, atol=1e-7)


def test_with_the_kernel_of_the_path_lms_is_a_gradient_of_the_error_after_it() -> None:
    path = np.array([0.0, 0.0, 0.3, 0.5, 0.2, -0.1])
    made = module(plasticity=LMS(1.0), eligibility=path)
    weights = made.set_parameters({"W_pf": rng.normal(size=(N_OUTPUTS, N_MOSSY))}).parameters["W_pf"]

    def errors(weights: np.ndarray) -> np.ndarray:
        nuclei = made.clone().set_parameters({"W_pf": weights}).run(MOSSY).nuclei
        return GAPPY - np.stack([traces(trial, path) for trial in nuclei])

    change = made.clone()
    change.learn(MOSSY, errors=errors(weights), online=False)
    found = change.parameters["W_pf"] - weights
    numeric = np.empty_like(found)
    for place in np.ndindex(found.shape):
        step = np.zeros_like(found)
        step[place] = 1e-4
        sums = [np.nansum(errors(weights + sign * step) ** 2) for sign in (1, -1)]
        numeric[place] = -0.5 * (sums[0] - sums[1]) / 2e-4
    np.testing.assert_allclose(found, numeric, rtol=1e-6, atol=1e-7)
    other = module(plasticity=LMS(1.0))
    other.learn(MOSSY, errors=errors(weights), online=False)
    assert np.abs(other.parameters["W_pf"] - numeric).max() > 0.1 * np.abs(numeric).max()


def test_lms_converges_to_least_squares() -> None:
    solution = np.linalg.lstsq(MOSSY.reshape(-1, N_MOSSY), TARGETS.reshape(-1, N_OUTPUTS), rcond=None)[0].T
    made = module(plasticity=LMS(1 / np.linalg.norm(MOSSY.reshape(-1, N_MOSSY), 2) ** 2))
    losses = made.learn(MOSSY, TARGETS, online=False, n_epochs=200)
    np.testing.assert_allclose(made.parameters["W_pf"], solution, atol=1e-8)
    assert (np.diff(losses.mean(axis=1)) <= 1e-12).all()


def test_learning_with_a_matched_delay_and_trace_converges_and_unmatched_does_not() -> None:
    clock = np.eye(30)[None]
    target = np.sin(2 * np.pi * np.arange(30) / 15)[None, :, None]
    errors = {}
    for name, eligibility in (("matched", Delayed(5 * DT)), ("unmatched", Instantaneous())):
        made = Cerebellum(
            30, 1, plasticity=LMS(0.5), eligibility=eligibility, climbing_fibre_delay=5 * DT, dt=DT, dtype="float64"
        )
        errors[name] = made.learn(clock, target, n_epochs=60)[-1, 0]
    # The last five errors arrive after the end of the trial: nobody learns from them.
    lost = (target[0, -5:] ** 2).sum() / 30
    np.testing.assert_allclose(errors["matched"], lost, rtol=1e-9)
    assert errors["unmatched"] > 0.5


@pytest.mark.parametrize("delay", [0, 1, 10])
def test_late_errors_bound_the_learning_rate(delay: int) -> None:
    """e_{t+1} = e_t − η e_{t−D} is stable for η < 2 sin(π / (4D + 2))."""
    bound = 2 * np.sin(np.pi / (4 * delay + 2))
    ends = []
    for rate in (0.98 * bound, 1.02 * bound):
        late: dict[str, Any] = {"eligibility": Delayed(delay * DT), "climbing_fibre_delay": delay * DT}
        made = Cerebellum(1, 1, plasticity=LMS(rate), dt=DT, dtype="float64", **late)
        made.learn(np.ones((1, 4000, 1)), np.ones((1, 4000, 1)))
        ends.append(abs(made.parameters["W_pf"][0, 0] - 1))
    assert ends[0] < 1e-2
    assert ends[1] > 1e2


@pytest.mark.parametrize("online", [True, False])
def test_a_constant_offset_of_the_error_does_not_move_the_covariance_rule(online: bool) -> None:
    errors = np.where(np.isnan(GAPPY), np.nan, rng.normal(size=GAPPY.shape))
    found = []
    for offset in (0.0, 3.0):
        made = module(plasticity=Covariance(0.02, tau=0.1), climbing_fibre_delay=DT)
        made.learn(MOSSY, errors=errors + offset, online=online)
        found.append(made.parameters["W_pf"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-11)
    lms = module()
    lms.learn(MOSSY, errors=np.where(np.isnan(errors), np.nan, 3.0))
    assert np.abs(lms.parameters["W_pf"]).max() > 0.01


@pytest.mark.parametrize("online", [True, False])
def test_forgetting_has_its_fixed_point(online: bool) -> None:
    """With one input x and target y, w* = η Σ x y / (η Σ x² + λ n), whatever the order if x is constant."""
    eta, lam, x, y = 0.1, 0.02, 0.8, 2.0
    made = Cerebellum(1, 1, plasticity=LMS(eta, forgetting=lam), dt=DT, dtype="float64")
    mossy, targets = np.full((1, 10, 1), x), np.full((1, 10, 1), y)
    made.learn(mossy, targets, online=online, n_epochs=200)
    np.testing.assert_allclose(made.parameters["W_pf"], [[eta * x * y / (eta * x * x + lam)]], rtol=1e-10)


def test_forgetting_by_trials_is_the_two_state_models_fast_process() -> None:
    """x ← A (x + B e) each trial: one step a trial, λ = 1 − A, η = B."""
    retention, learning = 0.59, 0.21
    made = Cerebellum(1, 1, plasticity=LMS(learning, forgetting=1 - retention, forgetting_per="trial"), dtype="float64")
    made.learn(np.ones((1, 1, 1)), np.ones((1, 1, 1)), n_epochs=100)
    expected = retention * learning / (1 - retention * (1 - learning))
    np.testing.assert_allclose(made.parameters["W_pf"], [[expected]], rtol=1e-12)


@pytest.mark.parametrize("rule", [LMS(0.1), Covariance(0.1)])
@pytest.mark.parametrize("online", [True, False])
def test_what_was_not_observed_teaches_nothing(rule: Any, online: bool) -> None:
    made = randomised(module(plasticity=rule))
    before = made.parameters["W_pf"]
    losses = made.learn(MOSSY, np.full_like(TARGETS, np.nan), online=online)
    assert np.isnan(losses).all()
    np.testing.assert_array_equal(made.parameters["W_pf"], before)
    made.learn(MOSSY, errors=np.full_like(TARGETS, np.nan), online=online)
    np.testing.assert_array_equal(made.parameters["W_pf"], before)
    one = np.full_like(TARGETS, np.nan)
    one[..., 0] = TARGETS[..., 0]
    made.learn(MOSSY, one, online=online)
    changed = (made.parameters["W_pf"] != before).any(axis=1)
    np.testing.assert_array_equal(changed, [True, False])


def test_purkinje_cells_of_a_microzone_learn_alike_and_others_apart() -> None:
    made = module(n_purkinje=6, n_zones=2)
    np.testing.assert_array_equal(made.zone, [0, 0, 0, 1, 1, 1])
    made.learn(MOSSY, TARGETS)
    weights = made.parameters["W_pf"]
    for zone in (weights[:3], weights[3:]):
        np.testing.assert_array_equal(zone, np.repeat(zone[:1], 3, axis=0))
    # Each zone averages its cells: it learns as fast as a single cell would.
    single = module()
    single.learn(MOSSY, TARGETS)
    np.testing.assert_allclose(weights[[0, 3]], single.parameters["W_pf"], rtol=1e-9)
    shared = module(n_zones=1)
    np.testing.assert_array_equal(shared.parameters["C"], [[0.5, 0.5]])


def test_kernels_are_what_they_say() -> None:
    for name in ("exponential", "alpha"):
        eligibility, kappa = KERNELS[name]
        np.testing.assert_allclose(eligibility.kernel(N_STEPS, DT), kappa, rtol=1e-12, atol=1e-15)
        assert abs(eligibility.kernel(3000, DT).sum() - 1) < 1e-12
    with pytest.raises(ValueError, match=r"delay of the eligibility is 0.025 s, expected a whole number of steps"):
        Delayed(0.025).kernel(3, 0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LMS(-1.0), "learning_rate is -1.0"),
        (lambda: LMS(float("nan")), "learning_rate"),
        (lambda: LMS(0.1, bounds=(1.0, 0.0)), "bounds"),
        (lambda: LMS(0.1, bounds="positive"), "bounds is 'positive'"),
        (lambda: LMS(0.1, bounds=(0.0,)), "bounds are"),
        (lambda: LMS(0.1, forgetting=1.5), "forgetting is 1.5"),
        (lambda: LMS(0.1, forgetting_per="epoch"), "forgetting_per"),
        (lambda: Covariance(0.1, tau=0.0), "tau"),
        (lambda: Exponential(0.0), "tau"),
        (lambda: Delayed(-0.1), "delay"),
        (lambda: module(eligibility=[]), "eligibility"),
        (lambda: module(eligibility=[[1.0]]), "eligibility"),
        (lambda: module(eligibility=[np.inf]), "eligibility"),
        (lambda: module(plasticity=LMS(0.1, forgetting=0.5)).learn(MOSSY, TARGETS, online=False), "forgetting is 0.5"),
        (lambda: module(plasticity=LMS(0.1, bounds=(0.1, 1.0))), "W_pf is 0"),
        (lambda: module(plasticity=LMS(bounds="nonnegative")).set_parameters({"W_pf": -np.ones((2, 7))}), "W_pf is -1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("online", [True, False])
def test_too_large_a_learning_rate_is_an_error_and_is_not_kept(online: bool) -> None:
    made = fg.cerebellum.Cerebellum(N_MOSSY, N_OUTPUTS, plasticity=LMS(1e30), dt=DT)
    made.learn(MOSSY[:1], TARGETS[:1] * 0)
    before = made.parameters["W_pf"]
    with pytest.raises(FloatingPointError, match="learning rate is too large"):
        made.learn(MOSSY, TARGETS, online=online, n_epochs=5)
    after = made.parameters["W_pf"]
    assert np.isfinite(after).all()
    if online:
        np.testing.assert_array_equal(after, before)
