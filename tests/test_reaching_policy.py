"""Policies that move plants: against a slow loop in NumPy, against finite differences, and whether they learn."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import fastigial as fg

HOME = np.array([0.0, 0.4])
PLANTS = {
    "mass": fg.plants.PointMass(1.2, damping=0.3),
    "arm": fg.plants.TwoLinkArm("nijhof_kouwenhoven", damping=0.1),
    "muscles": fg.plants.MuscleArm(),
}
TARGETS = HOME + 0.1 * np.array([[1.0, 0.0], [0.0, 1.0], [-0.6, -0.8]])


def small(plant: str = "arm", **options: Any) -> fg.models.ReachingPolicy:
    return fg.models.ReachingPolicy(PLANTS[plant], 12, **{"dtype": "float64", "seed": 3, **options})


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def cell_step(net: fg.RNN, h: np.ndarray, x: np.ndarray) -> np.ndarray:
    p, n = net.parameters, net.n_units
    if net.cell == "rate":
        alpha = net.dt / net.tau
        return (1 - alpha) * h + alpha * np.tanh(h @ p["W"].T + x @ p["W_in"].T + p["b"])
    given, sent = x @ p["W_in"].T + p["b"], h @ p["W"].T
    reset, update = sigmoid((given + sent)[:, :n]), sigmoid((given + sent)[:, n : 2 * n])
    new = np.tanh(given[:, 2 * n :] + reset * (sent[:, 2 * n :] + p["b_n"]))
    return (1 - update) * new + update * h


def felt(plant: Any, state: np.ndarray) -> np.ndarray:
    """What the limbs tell, in the network's units, by the words of the docstring."""
    if isinstance(plant, fg.plants.PointMass):
        return np.concatenate([(state[:, :2] - HOME) / 0.1, state[:, 2:] / 0.5], axis=1)
    home = plant.joints(HOME)[:2]
    if isinstance(plant, fg.plants.TwoLinkArm):
        return np.concatenate([(state[:, :2] - home) / 0.5, state[:, 2:] / 3.0], axis=1)
    lengths = plant.muscles.normalised_lengths(state[:, :2]) - plant.muscles.normalised_lengths(home)
    _, arms = plant.muscles.geometry(state[:, :2])
    rates = np.einsum("nmj,nj->nm", arms, state[:, 2:4]) / plant.muscles.optimal_lengths
    return np.concatenate([lengths / 0.1, rates], axis=1)


def slow_loop(policy: fg.models.ReachingPolicy, go: int, n_steps: int, field: Any, cursor: Any) -> dict[str, Any]:
    """The loop, written once more: step by step, without kernels."""
    plant, net = policy.plant, policy.network
    n = len(TARGETS)
    start = np.broadcast_to(HOME, (n, 2))
    if isinstance(plant, fg.plants.PointMass):
        state = np.concatenate([start, np.zeros((n, 2))], axis=1)
    else:
        state = plant.joints(start) if isinstance(plant, fg.plants.TwoLinkArm) else plant.relaxed(start)
    states, hs, efforts, loss = [state], [np.zeros((n, net.n_units))], [], 0.0
    for t in range(n_steps):
        place, speed = plant.hand(states[max(t - policy.vision.delay, 0)])
        seen = [(cursor(place) - HOME) / 0.1, (cursor(speed) - cursor([0.0, 0.0])) / 0.5]
        limbs = felt(plant, states[max(t - policy.proprioception.delay, 0)])
        goes = np.full((n, 1), float(t >= go))
        x = np.concatenate([(TARGETS - HOME) / 0.1, goes, *seen, limbs], axis=1)
        hs.append(cell_step(net, hs[-1], x))
        y = hs[-1] @ net.parameters["W_out"].T + net.parameters["b_out"]
        muscles = isinstance(plant, fg.plants.MuscleArm)
        efforts.append(sigmoid(y) if muscles else y)
        control = efforts[-1] * (1.0 if muscles else 5.0 if isinstance(plant, fg.plants.PointMass) else 2.0)
        states.append(plant.step(states[-1], control, policy.dt, field=field))
        place, speed = plant.hand(states[-1])
        away = np.linalg.norm(cursor(place) - (TARGETS if t >= go else HOME), axis=1)
        late = t - go >= 50
        weight = min((t - go + 1) / 50, 1.0) if t >= go else 1.0
        rest = 0.1 if late or t < go else 0.0
        parts = weight * (np.sqrt(away**2 + 0.01**2) - 0.01) + rest * (speed**2).sum(axis=1)
        loss += parts.mean() / n_steps
    h, p = np.array(hs[1:]), np.array(efforts)
    loss += 1e-3 * np.mean(p**2) + 0.1 * np.mean(np.diff(p, axis=0) ** 2)
    loss += 1e-4 * np.mean(h**2) + 1e-3 * np.mean(np.diff(h, axis=0) ** 2)
    return {"states": np.swapaxes(states, 0, 1), "activity": np.swapaxes(h, 0, 1), "loss": loss}


@pytest.mark.parametrize("delays", [(0, 0), (4, 1), (200, 3)])
@pytest.mark.parametrize("cell", ["gru", "rate"])
@pytest.mark.parametrize("plant", PLANTS)
def test_a_slow_loop_comes_to_the_same_numbers(plant: str, cell: str, delays: tuple[int, int]) -> None:
    senses = {
        "vision": fg.plants.Vision(delays[0], velocity=True),
        "proprioception": fg.plants.Proprioception(delays[1]),
    }
    policy = small(plant, cell=cell, **senses)
    field = fg.plants.CurlField([8.0, 0.0, -5.0])
    cursor = fg.plants.VisuomotorRotation(25, origin=(0.0, 0.4))
    reaches = policy.run(TARGETS, go=0.07, duration=0.7, field=field, cursor=cursor)
    slow = slow_loop(policy, 7, 70, field, cursor)
    np.testing.assert_allclose(reaches.movement.states, slow["states"], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(reaches.activity, slow["activity"], rtol=1e-9, atol=1e-10)
    assert reaches.loss == pytest.approx(slow["loss"], rel=1e-10)
    np.testing.assert_allclose(reaches.cursor_position, cursor(reaches.hand_position), atol=1e-12)


def test_the_gradient_is_that_of_the_loss() -> None:
    senses = {
        "vision": fg.plants.Vision(5, noise=0.003),
        "proprioception": fg.plants.Proprioception(2, noise=(0.01, 0.1)),
    }
    policy = small("muscles", **senses)
    options = {"duration": 0.4, "field": fg.plants.CurlField(10), "go": 0.05, "seed": 11}
    loss, gradient = policy.gradient(TARGETS, **options)
    assert loss == policy.run(TARGETS, **options).loss
    rng = np.random.default_rng(0)
    before = policy.network.parameters
    way = {name: rng.standard_normal(value.shape) for name, value in before.items()}

    def moved(h: float) -> float:
        policy.network.set_parameters({name: before[name] + h * way[name] for name in before})
        return policy.run(TARGETS, **options).loss

    h = 1e-4
    slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    assert sum((gradient[name] * way[name]).sum() for name in before) == pytest.approx(slope, rel=1e-6)


@pytest.fixture(scope="module")
def trained() -> fg.models.ReachingPolicy:
    policy = fg.models.ReachingPolicy(PLANTS["mass"], 64, seed=1)
    optimizer = fg.optim.Adam(fg.optim.schedules.cosine(5e-3, 250), clip=1.0)
    history = policy.train(250, batch_size=32, optimizer=optimizer)
    assert len(history) == policy.n_updates_ == 250
    assert history.outcome == "finished"
    return policy


def copy_of(policy: fg.models.ReachingPolicy) -> fg.models.ReachingPolicy:
    return fg.models.ReachingPolicy(policy.plant, network=policy.network.clone())


def test_a_mass_learns_to_reach_and_a_catch_trial_does_not_go(trained: fg.models.ReachingPolicy) -> None:
    reaches = trained.center_out()
    assert reaches.endpoint_error.max() < 0.01
    # Before go, and where go never comes, hands stay.
    early = np.linalg.norm(reaches.hand_position[:, 10] - HOME, axis=1)
    assert early.max() < 0.01
    caught = trained.center_out(go=np.nan)
    assert np.isnan(caught.go).all()
    assert np.linalg.norm(caught.hand_position[:, -1] - HOME, axis=1).max() < 0.01


def test_a_curl_field_is_learned_and_leaves_an_aftereffect(trained: fg.models.ReachingPolicy) -> None:
    policy, field = copy_of(trained), fg.plants.CurlField(10)
    first = policy.center_out(field=field).lateral_deviation
    # The field pushes to the right of every movement.
    assert first.max() < -0.01
    policy.train(60, batch_size=32, field=field, optimizer=fg.optim.Adam(1e-3, clip=1.0))
    last, after = policy.center_out(field=field).lateral_deviation, policy.center_out().lateral_deviation
    assert np.abs(last).mean() < 0.5 * np.abs(first).mean()
    assert after.mean() > 0.5 * np.abs(first).mean()


def test_a_rotation_turns_the_hand_against_it(trained: fg.models.ReachingPolicy) -> None:
    policy, cursor = copy_of(trained), fg.plants.VisuomotorRotation(30, origin=(0.0, 0.4))
    policy.train(150, batch_size=32, cursor=cursor, optimizer=fg.optim.Adam(2e-3, clip=1.0))
    reaches = policy.center_out(cursor=cursor)
    assert reaches.endpoint_error.max() < 0.015
    way = reaches.hand_position[:, -1] - HOME
    turned = np.rad2deg(np.arctan2(way[:, 1], way[:, 0])) - 45.0 * np.arange(8)
    # Clockwise, for the cursor is turned counterclockwise.
    np.testing.assert_allclose((turned + 180) % 360 - 180, -30.0, atol=8.0)


def test_the_number_of_threads_and_a_pause_change_nothing() -> None:
    senses = {"vision": fg.plants.Vision(3, noise=0.01), "proprioception": fg.plants.Proprioception(1, noise=0.01)}
    ends = []
    for pieces, n_threads in (((4,), 1), ((4,), 2), ((1, 3), 3)):
        policy = fg.models.ReachingPolicy(n_units=20, seed=2, **senses)
        for n in pieces:
            policy.train(n, batch_size=40, duration=0.3, n_threads=n_threads, seed=5)
        ends.append(policy.network.parameters)
    for other in ends[1:]:
        for name, value in ends[0].items():
            np.testing.assert_array_equal(value, other[name])


def test_noise_has_the_deviation_that_it_was_given() -> None:
    vision = fg.plants.Vision(noise=(0.02, 0.3), velocity=True)
    policy = small("arm", vision=vision, proprioception=fg.plants.Proprioception(noise=(0.05, 0.4)))
    targets = np.repeat(TARGETS[:1], 300, axis=0)
    told = policy.run(targets, duration=0.05, seed=4).inputs[:, 0, 3:]
    # 300 trials: five standard errors of a standard deviation are 20 %.
    np.testing.assert_allclose(told.std(axis=0), [0.2, 0.2, 0.6, 0.6, 0.1, 0.1, 0.4 / 3, 0.4 / 3], rtol=0.2)
    still = policy.run(targets, duration=0.05, noise=False).inputs[:, 0, 3:]
    np.testing.assert_allclose(still, 0.0, atol=1e-12)
    again = policy.run(targets, duration=0.05, seed=4).inputs[:, 0, 3:]
    np.testing.assert_array_equal(told, again)
    assert np.abs(told - policy.run(targets, duration=0.05, seed=5).inputs[:, 0, 3:]).max() > 0.1


def test_a_channel_holds_the_hand_and_loads_push_it() -> None:
    policy = small("mass")
    free = policy.run(TARGETS[:1], duration=0.5)
    pushed = policy.run(TARGETS[:1], duration=0.5, load=[0.0, 1.0])
    assert pushed.hand_position[0, -1, 1] > free.hand_position[0, -1, 1] + 0.01
    channel = fg.plants.Channel(HOME, TARGETS[0])
    held = policy.run(TARGETS[:1], duration=0.5, load=[0.0, 1.0], field=channel)
    assert abs(held.lateral_deviation[0]) < 0.002 < abs(pushed.lateral_deviation[0])
    assert pushed.lateral_deviation[0] > 0


def test_a_policy_is_kept_in_a_file(tmp_path: Any) -> None:
    policy = small("muscles")
    policy.train(2, batch_size=4, duration=0.2)
    policy.network.save(tmp_path / "policy.safetensors")
    other = fg.models.ReachingPolicy(PLANTS["muscles"], network=fg.load(tmp_path / "policy.safetensors"))
    np.testing.assert_array_equal(policy.center_out().hand_position, other.center_out().hand_position)


def test_a_training_can_be_interrupted() -> None:
    policy = fg.models.ReachingPolicy(n_units=64)
    # A test run in the background ignores the signal otherwise.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.4, _thread.interrupt_main)
    timer.start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            policy.train(1_000_000, batch_size=64)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - began < 5.0
    assert policy.history_.outcome == "interrupted"
    assert len(policy.history_) == policy.n_updates_
    assert np.isfinite(policy.center_out().hand_position).all()


def test_what_is_remembered_of_a_reach() -> None:
    policy = small()
    reaches = policy.run(TARGETS, go=[0.1, np.nan, 0.2], duration=0.3)
    assert repr(policy) == "<ReachingPolicy: 12 gru units, TwoLinkArm, 0 updates>"
    assert repr(reaches) == "<Reaches: 3 trials of 30 steps, 12 units>"
    assert reaches.to_tensor().shape == (3, 12, 30)
    assert reaches.time[-1] == pytest.approx(0.3)
    np.testing.assert_array_equal(np.isnan(reaches.go), [False, True, False])
    still = policy.run(HOME[None], duration=0.1)
    assert np.isnan(still.lateral_deviation).all()
    # The line to the right, from home: to the left of it is up.
    assert reaches.lateral_deviation.shape == (3,)
    figure = reaches.plot(condition=["a", "b", "c"])
    assert figure.axes[0].get_xlabel() == "x (cm)"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (TypeError, {"plant": "arm"}, "plant is 'arm'"),
        (TypeError, {"vision": 3}, "vision is 3, expected Vision or None"),
        (ValueError, {"home": (5.0, 5.0)}, "position is"),
        (ValueError, {"home": (0.0, 0.4, 1.0)}, "home has the shape"),
        (ValueError, {"cell": "lif"}, "cell"),
        (ValueError, {"effort": -1.0}, "effort"),
        (ValueError, {"control_scale": 0.0}, "control_scale"),
        (ValueError, {"network": fg.RNN(3, 5, 2)}, "network has 3 inputs and 2 outputs, expected 9 and 2"),
        (TypeError, {"network": "net"}, "network is 'net'"),
    ],
)
def test_odd_arguments_are_refused(kind: type[Exception], options: dict[str, Any], message: str) -> None:
    with pytest.raises(kind, match=message):
        fg.models.ReachingPolicy(**options)


@pytest.mark.parametrize(
    ("kind", "method", "options", "message"),
    [
        (ValueError, "train", {"n_updates": 1, "batch_size": 0}, "batch_size is 0"),
        (ValueError, "train", {"n_updates": 1, "catch": 1.5}, "catch is 1.5"),
        (ValueError, "train", {"n_updates": 1, "go": (0.3, 0.1)}, "go is"),
        (ValueError, "train", {"n_updates": 1, "duration": 0.001}, "duration is"),
        (TypeError, "train", {"n_updates": 1, "optimizer": "adam"}, "optimizer is 'adam'"),
        (ValueError, "train", {"n_updates": 1, "extent": 3.0}, "position is"),
        (TypeError, "run", {"targets": TARGETS, "field": 13}, "field is 13"),
        (ValueError, "run", {"targets": TARGETS, "field": fg.plants.CurlField([1.0, 2.0])}, "field is of 2 trials"),
        (TypeError, "run", {"targets": TARGETS, "cursor": 30}, "cursor is 30"),
        (ValueError, "run", {"targets": TARGETS, "cursor": [None] * 2}, "cursor is a list of 2"),
        (ValueError, "run", {"targets": TARGETS[0]}, "targets has the shape"),
        (ValueError, "run", {"targets": TARGETS, "go": -1.0}, "go is -1.0"),
        (ValueError, "run", {"targets": TARGETS, "load": np.zeros((2, 5, 2))}, "load has the shape"),
        (TypeError, "gradient", {"targets": TARGETS, "speed": 3}, "gradient has no argument 'speed'"),
    ],
)
def test_odd_trials_are_refused(kind: type[Exception], method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(kind, match=message):
        getattr(small(), method)(**options)


def test_senses_check_what_they_are_given() -> None:
    with pytest.raises(ValueError, match="noise"):
        fg.plants.Vision(noise=-0.1)
    with pytest.raises(ValueError, match="a pair of numbers"):
        fg.plants.Proprioception(noise=(0.1, 0.1, 0.1))
    with pytest.raises(TypeError, match="delay"):
        fg.plants.Vision(delay=0.5)


def test_a_state_that_runs_away_is_an_error_and_weights_stay() -> None:
    policy = small("mass", control_scale=1e306)
    before = policy.network.parameters
    with pytest.raises(FloatingPointError):
        policy.train(3, batch_size=4)
    assert policy.history_.outcome == "diverged"
    for name, value in policy.network.parameters.items():
        np.testing.assert_array_equal(value, before[name])
