"""Counterfactual predictive control: published numbers, finite differences, and two routes to one answer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal as systems
from tests.common import reference_pursuit
from tests.common.junk import ANYTHING

import fastigial as fg
from fastigial import _core
from fastigial.models.linear_systems import Discrete, spectral_radius

Control = fg.models.CounterfactualPredictiveControl

FORWARD = ("forward_model", 0.0)
RULES = [
    FORWARD,
    ("widrow_hoff", 0.0),
    ("widrow_hoff", 0.05),
    ("widrow_hoff", 0.07),
    ("feedback_error", 0.0),
    ("feedback_error", 0.05),
    ("feedback_error", 0.07),
]
# RMS error in trials 7, 20 and 49 of the smooth pursuit with its nominal plant.
LEARNING = {
    RULES[0]: (0.0102, 0.0102, 0.0102),
    RULES[1]: (0.066, 1.00, 92.0),
    RULES[2]: (0.0123, 0.0106, 0.0106),
    RULES[3]: (0.0107, 0.0104, 0.0104),
}
# Error without learning, least error, and error in trial 49 by rule, for plants that the traces do not know.
ROBUSTNESS: list[tuple[dict[str, float], str, str, tuple[str | None, ...]]] = [
    ({}, "0.102", "0.0102", ("0.0102", "92.0", "0.0106", "0.0104", "57.0", "0.0235", "0.0152")),
    ({"time_constant": 0.2}, "0.068", "0.0039", ("0.0040", None, "0.0055", "0.0042", "513", "0.071", "0.019")),
    ({"delay": 0.08}, "0.118", "0.0116", ("629", None, "13.6", "1.6", "2797", "8.1", "0.60")),
    ({"gain": 1.3}, "0.082", "0.009", ("0.0094", None, "0.0106", "0.0102", "135", "0.031", "0.0215")),
]

each_rule = pytest.mark.parametrize(("rule", "trace_delay"), RULES)


@pytest.fixture(scope="module")
def pursuit() -> Any:
    return Control.smooth_pursuit()


def cart(**options: Any) -> Any:
    """A cart with friction, 60 ms late."""
    seconds = 0.01 * np.arange(200)
    sane: dict[str, Any] = {
        "plant": ([1.0], [1.0, 2.0, 0.0]),
        "controller": ([4.0], [1.0]),
        "delay": 0.06,
        "dt": 0.01,
        "reference": np.sin(3 * seconds),
    }
    return Control(**(sane | options))


def close(got: float, printed: str) -> bool:
    """Within 2 %, or half a unit of the last digit that is printed, zeros included."""
    half_a_unit = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    return abs(got - float(printed)) <= max(0.02 * float(printed), half_a_unit)


@pytest.mark.parametrize(("rule", "trace_delay"), LEARNING)
def test_learning_curves_are_the_published_ones(pursuit: Any, rule: str, trace_delay: float) -> None:
    rms = pursuit.train(50, rule, trace_delay)
    assert rms.shape == (50,)
    np.testing.assert_allclose(rms[[7, 20, 49]], LEARNING[rule, trace_delay], rtol=0.02)
    np.testing.assert_allclose(rms[0], 0.1019, rtol=0.02)


@pytest.mark.parametrize(("plant", "start", "optimum", "ends"), ROBUSTNESS)
def test_other_plants_end_where_they_should(
    plant: dict[str, float], start: str, optimum: str, ends: tuple[str | None, ...]
) -> None:
    loop = Control.smooth_pursuit(**plant)
    assert close(loop.baseline.rms, start)
    assert close(loop.optimum.rms, optimum)
    for (rule, trace_delay), expected in zip(RULES, ends, strict=True):
        if expected is not None:
            assert close(loop.train(50, rule, trace_delay)[-1], expected), (rule, trace_delay)


def test_the_reactive_loop_is_the_published_one(pursuit: Any) -> None:
    # A ramp of 2 per second; the lag at its end.
    assert pursuit.baseline.error[1000] / 2 == pytest.approx(0.092, rel=0.02)
    assert pursuit.impulse_response.argmax() == 61


@pytest.mark.parametrize(("rule", "trace_delay"), [FORWARD, ("widrow_hoff", 0.07), ("feedback_error", 0.05)])
@pytest.mark.parametrize("plant", [{}, {"tau": 0.2, "delay": 0.06, "gain": 0.9}])
def test_trials_agree_with_a_slow_simulation(plant: dict[str, float], rule: str, trace_delay: float) -> None:
    ours = {{"tau": "time_constant"}.get(name, name): value for name, value in plant.items()}
    loop = Control.smooth_pursuit(**ours)
    expected = reference_pursuit.learning(12, rule, trace_delay, **plant)
    np.testing.assert_allclose(loop.train(12, rule, trace_delay), expected, rtol=1e-9)


def test_traces_are_the_gradient(pursuit: Any) -> None:
    """One trial changes w by −η/2 times the derivative of the summed squares."""
    start = np.random.default_rng(0).normal(size=20)
    pursuit.train(1, weights=start, learning_rate=1e-3)
    step = (pursuit.history_.weights[1] - start) / 1e-3

    def half_squares(weights: Any) -> float:
        return 0.5 * float(np.sum(pursuit.run(weights).error ** 2))

    for j in range(20):
        shift = 1e-3 * np.eye(20)[j]
        slope = (half_squares(start + shift) - half_squares(start - shift)) / 2e-3
        assert step[j] == pytest.approx(-slope, rel=1e-6, abs=1e-6)


def test_no_perturbation_improves_the_optimum(pursuit: Any) -> None:
    best, rng = pursuit.optimal_weights, np.random.default_rng(0)
    least = pursuit.optimum.rms
    assert pursuit.run(best).rms == least
    for scale in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            assert pursuit.run(best + scale * rng.normal(size=best.size)).rms > least
    # Stationary: what is left is orthogonal to all that the weights can do.
    reach = pursuit.traces()
    assert np.abs(reach.T @ pursuit.optimum.error).max() < 1e-9 * np.linalg.norm(reach) * np.linalg.norm(
        pursuit.reference
    )


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.06])
def test_traces_of_synapses_equal_the_closed_form(delay: float) -> None:
    loop = cart(delay=delay)
    response = loop.impulse_response
    toeplitz = np.array([[response[n - m] if n >= m else 0.0 for m in range(200)] for n in range(200)])
    np.testing.assert_allclose(loop.traces(), toeplitz @ loop.features, atol=1e-13)
    np.testing.assert_array_equal(loop.traces("widrow_hoff", 0.03)[3:], loop.features[:-3])
    assert not loop.traces("widrow_hoff", 0.03)[:3].any()
    # The output is 𝒯 applied to reference and feed-forward together.
    weights = np.random.default_rng(1).normal(size=loop.n_features)
    trial = loop.run(weights)
    np.testing.assert_allclose(trial.output, toeplitz @ (loop.reference + loop.features @ weights), atol=1e-12)
    np.testing.assert_allclose(trial.feedforward, loop.features @ weights, atol=1e-13)


@each_rule
def test_small_online_steps_add_up_to_those_between_trials(pursuit: Any, rule: str, trace_delay: float) -> None:
    pursuit.train(2, rule, trace_delay, learning_rate=1e-8)
    between = pursuit.weights_
    pursuit.online(2, rule, trace_delay, learning_rate=1e-8)
    np.testing.assert_allclose(pursuit.weights_, between, rtol=1e-4, atol=1e-5 * np.abs(between).max())


def test_online_learning_gets_there_too(pursuit: Any) -> None:
    rms = pursuit.online(20)
    assert pursuit.history_.online
    assert rms[-1] < 1.02 * pursuit.optimum.rms
    assert pursuit.history_.real_time_ratio > 5
    assert pursuit.history_.simulated_seconds == pytest.approx(50.0)


@each_rule
def test_stability_predicts_the_trials(pursuit: Any, rule: str, trace_delay: float) -> None:
    found = pursuit.fixed_point(rule, trace_delay)
    rms = pursuit.train(50, rule, trace_delay)
    np.testing.assert_allclose(found.course[:50], rms, rtol=1e-8)
    assert found.converges
    assert found.course[-1] == pytest.approx(found.rms, rel=1e-3)
    assert found.peak_rms == found.course[found.peak_trial] == found.course.max()
    # The fixed point stays.
    still = pursuit.train(2, rule, trace_delay, weights=found.weights)
    np.testing.assert_allclose(still, found.rms, rtol=1e-6)
    assert found.rms >= found.optimum_rms * (1 - 1e-12)
    # Just below the bound it converges, just above it does not.
    below = pursuit.fixed_point(rule, trace_delay, learning_rate=0.99 * found.step_bound, n_trials=5)
    above = pursuit.fixed_point(rule, trace_delay, learning_rate=1.01 * found.step_bound, n_trials=5)
    assert below.spectral_radius < 1 < above.spectral_radius
    assert above.peak_rms == np.inf
    assert rule in str(found)


def test_plain_widrow_hoff_converges_to_a_bad_place(pursuit: Any) -> None:
    found = pursuit.fixed_point("widrow_hoff")
    assert found.spectral_radius == pytest.approx(0.905, abs=0.001)
    assert found.rms == pytest.approx(206, rel=0.02)
    assert found.growth > 1e4
    for trace_delay, expected in ((0.02, 0.914), (0.05, 0.0106), (0.07, 0.0104)):
        assert pursuit.fixed_point("widrow_hoff", trace_delay).rms == pytest.approx(expected, rel=0.02)
    true = pursuit.fixed_point()
    assert true.rms == pytest.approx(true.optimum_rms, rel=1e-9)
    assert true.growth == 1.0


def test_a_delay_that_is_longer_than_the_model_says_makes_it_diverge() -> None:
    late = Control.smooth_pursuit(delay=0.08)
    found = late.fixed_point()
    assert found.spectral_radius > 1.05
    assert found.peak_rms == np.inf
    with pytest.raises(FloatingPointError, match=r"the output of the plant is not finite in|a weight is not"):
        late.train(1000, learning_rate=30 * found.learning_rate)
    # Not for want of a fixed point: a smaller step gets there, through larger errors than at the beginning.
    careful = late.fixed_point(learning_rate=0.3 * found.learning_rate)
    assert careful.converges
    assert careful.rms == pytest.approx(0.0202, rel=0.02)
    assert careful.peak_rms > 5 * late.baseline.rms


def test_all_conventions_of_scipy_agree() -> None:
    num, den = [2.0, 3.0], [1.0, 3.0, 4.0, 1.0]
    zeros, poles, gain = systems.tf2zpk(num, den)
    space = systems.tf2ss(num, den)
    discrete = systems.cont2discrete(space, 0.01)
    plants = [
        (num, den),
        (zeros, poles, gain),
        space,
        systems.TransferFunction(num, den),
        systems.ZerosPolesGain(zeros, poles, gain),
        systems.StateSpace(*space),
        discrete,
        systems.dlti(*discrete[:4], dt=0.01),
        systems.dlti(*discrete[:4]),
    ]
    controllers: list[Any] = [
        ([1.0, 2.0], [1.0, 0.0]),
        ([-2.0], [0.0], 1.0),
        systems.TransferFunction([1.0, 2.0], [1.0, 0.0]),
    ]
    expected = cart(plant=plants[0], controller=controllers[0]).train(5)
    for plant in plants:
        for controller in controllers:
            np.testing.assert_allclose(cart(plant=plant, controller=controller).train(5), expected, rtol=1e-9)


def test_a_static_gain_gives_the_state_equation_of_the_paper() -> None:
    """Without delay, z ← (A − BKC) z + BK x and h = C z."""
    gain = 4.0
    a, b, c, _, _ = systems.cont2discrete(systems.tf2ss([1.0], [1.0, 2.0, 0.0]), 0.01)
    loop = cart(delay=0.0, controller=([gain], [1.0]))
    state, expected = np.zeros((2, loop.n_features)), []
    for features in loop.features:
        expected.append((c @ state)[0])
        state = (a - gain * b @ c) @ state + gain * b * features
    np.testing.assert_allclose(loop.traces(), expected, atol=1e-13)


def test_delays_are_whole_steps() -> None:
    early, late = (cart(delay=delay).impulse_response for delay in (0.0, 0.03))
    assert np.flatnonzero(late)[0] - np.flatnonzero(early)[0] == 3
    for name in ("delay", "nominal_delay"):
        with pytest.raises(ValueError, match=rf"{name} is 0.015 s, expected a whole number of steps of dt = 0.01 s"):
            cart(**{name: 0.015})
    with pytest.raises(ValueError, match=r"trace_delay is 0\.015 s"):
        cart().train(2, "widrow_hoff", 0.015)


def test_the_nominal_plant_is_for_traces_only() -> None:
    other = {"nominal_plant": ([1.5], [1.0, 2.0, 0.0]), "nominal_delay": 0.04}
    true, wrong = cart(), cart(**other)
    assert true.baseline.rms == wrong.baseline.rms
    assert true.optimum.rms == wrong.optimum.rms
    np.testing.assert_array_equal(true.traces("widrow_hoff"), wrong.traces("widrow_hoff"))
    known = cart(plant=other["nominal_plant"], delay=0.04)
    np.testing.assert_array_equal(wrong.traces(), known.traces())


def test_a_load_is_a_command_that_nobody_gave() -> None:
    push = np.exp(-(np.linspace(-3, 3, 200) ** 2))
    loop = cart(reference=np.zeros(200), load=push, basis=push[:, None])
    np.testing.assert_allclose(
        loop.baseline.output,
        cart(reference=np.zeros(200), basis=push[:, None]).run([1.0], "feedback_error").output,
        atol=1e-15,
    )
    # And what feeds the opposite forward removes it altogether.
    assert loop.run([-1.0], "feedback_error").rms < 1e-15
    assert loop.fixed_point("feedback_error").weights == pytest.approx([-1.0])


@pytest.mark.parametrize("delay", [0.5, 1.5])
def test_unstable_loops_are_refused(delay: float) -> None:
    with pytest.raises(ValueError, match=r"the closed loop of the plant is unstable: its largest eigenvalue is 1\.\d+"):
        cart(delay=delay, controller=([12.0], [1.0]))
    with pytest.raises(ValueError, match="the closed loop of the nominal plant is unstable"):
        cart(nominal_delay=delay, nominal_plant=([12.0], [1.0, 2.0, 0.0]))
    with pytest.raises(ValueError, match="a disturbance does not die out"):
        cart(controller=([1.0, 0.0], [1.0, 1.0]))
    with pytest.raises(ValueError, match="delay is 0, expected at least one step"):
        cart(plant=([1.0, 1.0], [1.0, 2.0]), delay=0.0)


def test_the_largest_eigenvalue_is_a_root_of_the_characteristic_polynomial() -> None:
    plant = Discrete(np.array([[0.99]]), np.array([0.01]), np.array([1.0]), 0.0)
    gain = Discrete(np.zeros((0, 0)), np.zeros(0), np.zeros(0), 2.0)
    for delay in (0, 1, 40):
        # z^D (z − .99) + .02 = 0.
        polynomial = np.append(np.zeros(delay + 1), 0.02)
        polynomial[:2] += [1.0, -0.99]
        assert spectral_radius(plant, gain, delay) == pytest.approx(np.abs(np.roots(polynomial)).max(), abs=1e-10)


def test_a_standing_body_learns_to_lean_into_the_push() -> None:
    stance = Control.inverted_pendulum()
    rms = stance.train(50)
    assert rms[-1] < 0.45 * rms[0]
    assert (np.diff(rms) < 0).all()
    # Before the push at 0.5 s nothing happens at first; afterwards the body moves before it comes.
    assert not stance.history_.trial(0).output[:50].any()
    assert np.abs(stance.history_.trial(-1).output[:50]).max() > 0.005
    torque = stance.train(50, "feedback_error", 0.1)
    assert torque[-1] < 0.7 * torque[0]


def test_a_light_push_meets_the_linear_pendulum() -> None:
    """Nonlinear trials agree with the linear theory up to the square of the angle."""
    gentle = Control.inverted_pendulum(push=1.0)
    found = gentle.fixed_point(n_trials=5)
    np.testing.assert_allclose(gentle.train(5), found.course, rtol=1e-5)
    strong = Control.inverted_pendulum(push=200.0)
    assert abs(strong.train(5)[-1] / strong.fixed_point(n_trials=5).course[-1] - 1) > 2e-5


def test_noise_that_teaches_is_seeded(pursuit: Any) -> None:
    first = pursuit.train(5, teaching_noise=0.3, seed=1)
    np.testing.assert_array_equal(first, pursuit.train(5, teaching_noise=0.3, seed=1))
    assert (first[1:] != pursuit.train(5, teaching_noise=0.3, seed=2)[1:]).all()
    assert first[0] == pursuit.train(1)[0]


def test_what_was_learned_is_kept(pursuit: Any) -> None:
    with pytest.raises(ValueError, match="expected a call of train or online first"):
        Control.smooth_pursuit().run()
    rms = pursuit.train(4)
    again = pursuit.train(3, weights=pursuit.history_.weights[1])
    np.testing.assert_array_equal(again, rms[1:])
    history = pursuit.history_
    assert history.weights.shape == (4, 20)
    np.testing.assert_array_equal(pursuit.weights_, history.weights[-1])
    np.testing.assert_allclose(np.sqrt(np.mean(history.errors**2, axis=1)), history.rms)
    assert history.trial(-1).rms == pytest.approx(history.rms[-1])
    assert "3 trials" in repr(history)
    assert pursuit.train(0).shape == (0,)


def test_a_callback_hears_of_trials_and_may_stop_them(pursuit: Any) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int, loss: float) -> None:
        assert 0 < done < total == 20_000
        assert loss > 0
        raise EnoughError

    with pytest.raises(EnoughError):
        pursuit.train(20_000, progress=stop)
    assert 0 < len(pursuit.history_.rms) < 20_000


def test_an_exception_within_a_trial_leaves_whole_trials() -> None:
    class EnoughError(Exception):
        pass

    # A trial of seconds: the first is finished, and the second is not.
    long = cart(reference=np.sin(0.03 * np.arange(40_000)), basis=np.random.default_rng(0).normal(size=(40_000, 30)))

    def stop(done: int, total: int, loss: float) -> None:
        raise EnoughError(done, total, loss)

    with pytest.raises(EnoughError):
        long.train(10**4, learning_rate=1e-9, progress=stop)
    history = long.history_
    assert 0 < len(history.rms) < 10**4
    assert history.outputs.shape == history.commands.shape == (len(history.rms), 40_000)
    assert history.weights.shape == (len(history.rms) + 1, 30)


LONG: dict[str, Callable[[Any], object]] = {
    "a trial": lambda loop: loop.train(1, learning_rate=1e-12),
    "traces": lambda loop: loop.traces(),
    "answers": lambda loop: loop.optimal_weights,
}


@pytest.mark.parametrize("what", LONG)
def test_ctrl_c_stops_within_half_a_second(what: str) -> None:
    # A plant of many states takes its time: seconds for a trial.
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    plant = 0.9 * rotation, 0.01 * rng.normal(size=(60, 1)), 0.01 * rng.normal(size=(1, 60)), np.zeros((1, 1)), 0.01
    n_steps = 200_000
    long = cart(plant=plant, reference=np.zeros(n_steps), basis=np.full((n_steps, 20), 0.1))
    sent: list[float] = []

    def press() -> None:
        time.sleep(0.1)
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=press)
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            LONG[what](long)
        seconds = time.perf_counter() - sent[0]
    finally:
        thread.join()
        signal.signal(signal.SIGINT, handler)
    # Half a second; the rest is for a loaded machine.
    assert seconds < 1.0


def test_what_the_last_update_destroys_is_reported(pursuit: Any) -> None:
    pursuit.train(2)
    kept, history = pursuit.weights_, pursuit.history_
    for learn in (pursuit.train, pursuit.online):
        with pytest.raises(FloatingPointError, match=r"a weight is not finite after trial 0|the output of the plant"):
            learn(1, learning_rate=1e308)
    assert pursuit.weights_ is kept and pursuit.history_ is history and np.isfinite(kept).all()
    # A trial that teaches nothing destroys nothing.
    assert pursuit.run(np.full(20, 1e290)).output.max() > 1e280


def test_traces_that_come_after_the_end_teach_nothing(pursuit: Any) -> None:
    rms = pursuit.train(2, "widrow_hoff", trace_delay=2e6, learning_rate=1.0)
    assert rms[0] == rms[1] == pytest.approx(pursuit.baseline.rms, rel=1e-12)
    assert not pursuit.traces("widrow_hoff", 2.5).any() and pursuit.traces("widrow_hoff", 1.5).any()
    # The core keeps as long a past as it is told to.
    with pytest.raises(MemoryError, match="does not fit into memory"):
        _core.counterfactual_traces(pursuit.features, model=None, trace_delay=2**62)


def test_cues_start_the_basis() -> None:
    cue = np.zeros(200)
    cue[30] = 100.0
    basis = fg.cerebellum.ExponentialBasis([0.1, 0.3])
    loop = cart(basis=basis, cue=cue)
    np.testing.assert_allclose(loop.features[30:], basis.kernels(loop.time[:170]), atol=1e-12)
    assert np.abs(loop.features[:30]).max() < 1e-12


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"plant": ([1.0, 0.0, 0.0], [1.0, 1.0])}, ValueError, "plant is no proper system"),
        ({"plant": "eye"}, TypeError, "plant is 'eye', expected a system of scipy.signal"),
        (
            {"plant": (np.eye(2), np.eye(2), np.eye(2), np.zeros((2, 2)))},
            ValueError,
            "plant has 2 inputs and 2 outputs",
        ),
        ({"controller": ([np.nan], [1.0])}, ValueError, "controller"),
        ({"plant": ([], [1j, -2.0], 1.0)}, ValueError, "plant has complex coefficients"),
        ({"plant": systems.dlti([1.0], [1.0, 0.5], dt=0.02)}, ValueError, "plant has a step of 0.02 s, expected dt"),
        ({"reference": np.zeros((2, 3))}, ValueError, r"reference has the shape \(2, 3\), expected \(n_steps,\)"),
        ({"reference": [0.0, np.nan]}, ValueError, "reference holds NaN"),
        ({"basis": np.zeros((7, 2))}, ValueError, r"basis has the shape \(7, 2\), expected \(200, n_features\)"),
        ({"load": np.zeros(3)}, ValueError, "load has the shape"),
        ({"basis": np.ones((200, 1)), "cue": np.ones(200)}, ValueError, "only a Basis can use a cue"),
        ({"dt": 0.0}, ValueError, "dt is 0.0"),
    ],
)
def test_loops_that_make_no_sense_are_refused(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        cart(**options)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"rule": "hebb"}, ValueError, "rule is 'hebb', expected one of 'forward_model'"),
        ({"trace_delay": 0.05}, ValueError, "trace_delay is 0.05, expected 0 with rule"),
        ({"rule": "widrow_hoff", "trace_delay": -0.1}, ValueError, "trace_delay is -0.1"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate is -1.0"),
        ({"weights": np.zeros(3)}, ValueError, r"weights has the shape \(3,\), expected \(20,\)"),
        ({"teaching_noise": -1.0}, ValueError, "teaching_noise is -1.0"),
        ({"n_trials": 2.5}, TypeError, "n_trials is 2.5"),
    ],
)
def test_trainings_that_make_no_sense_are_refused(
    pursuit: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    for learn in (pursuit.train, pursuit.online):
        with pytest.raises(kind, match=message):
            learn(**options)


def test_a_basis_that_does_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="basis has no effect"):
        cart(basis=np.zeros((200, 2))).train(2)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["plant", "controller", "delay", "reference", "basis", "cue", "load", "nominal_plant"])
def test_junk_never_passes_unnoticed(name: str) -> None:
    rng = np.random.default_rng(0)
    for make in ANYTHING:
        for _ in range(3):
            try:
                loop = cart(**{name: make(rng)})
                loop.train(1)
            except (TypeError, ValueError):
                continue
            assert loop.history_.rms.shape == (1,)


def test_figures_show_what_happened(pursuit: Any) -> None:
    courses = {}
    for rule, trace_delay in RULES[:3]:
        pursuit.train(6, rule, trace_delay)
        courses[f"{rule} {trace_delay}"] = pursuit.history_
    left, middle, right = fg.plot.anticipation(courses, trials=(0, 5)).axes
    np.testing.assert_array_equal(left.lines[2].get_ydata(), courses["forward_model 0.0"].outputs[5])
    assert [line.get_label() for line in right.lines] == list(courses)
    np.testing.assert_array_equal(right.lines[1].get_ydata(), courses["widrow_hoff 0.0"].rms)
    assert any(line.get_label() == "feed-forward" for line in middle.lines)
    figure = pursuit.fixed_point("widrow_hoff").plot()
    assert len(figure.axes) == 2
    assert pursuit.history_.plot().axes[0].get_xlabel() == "time (s)"
    for draw in (fg.plot.anticipation, fg.plot.rule_stability):
        with pytest.raises(ValueError, match="must hold at least one"):
            draw({})
    with pytest.raises(ValueError, match="one label for each"):
        fg.plot.anticipation(courses, labels=["one"])
