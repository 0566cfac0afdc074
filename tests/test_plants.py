"""Plants: the same movements as a slow reference, laws of mechanics, exact gradients, fields, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from typing import Any

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.common.reference_plants import ReferenceArm

import fastigial as fg
from fastigial.plants import (
    ARMS,
    ArmParameters,
    Channel,
    CurlField,
    LinearField,
    MuscleArm,
    Muscles,
    NullField,
    Plant,
    PointMass,
    StiffnessField,
    TwoLinkArm,
    ViscousField,
    VisualGain,
    VisuomotorRotation,
    schedule,
)

matplotlib.use("agg")

Array = NDArray[Any]

EACH_ARM = pytest.mark.parametrize("name", list(ARMS))
PLANTS: dict[str, Plant] = {
    "mass": PointMass(1.3, 0.2),
    "mass, rk4": PointMass(1.3, 0.2, method="rk4"),
    "arm": TwoLinkArm(),
    "arm, rk4": TwoLinkArm("nijhof_kouwenhoven", damping=0.2, method="rk4", n_substeps=2),
    "muscles": MuscleArm(),
    "muscles, rk4": MuscleArm(arm=TwoLinkArm("nijhof_kouwenhoven", damping=0.5, method="rk4")),
}
EACH_PLANT = pytest.mark.parametrize("plant", PLANTS.values(), ids=list(PLANTS))


def beginnings(plant: Plant, n_trials: int, seed: int = 0) -> Array:
    """Away from joint limits."""
    rng = np.random.default_rng(seed)
    states = rng.uniform(0.2, 0.4, (n_trials, plant.n_states))
    states[:, :2] += [0.4, 1.0]
    states[:, 2:4] -= 0.3
    return states


def drives(plant: Plant, n_trials: int, n_steps: int, seed: int = 1) -> Array:
    rng = np.random.default_rng(seed)
    low, high = (0.02, 0.3) if isinstance(plant, MuscleArm) else (-1.0, 1.0)
    return rng.uniform(low, high, (n_trials, n_steps, plant.n_controls))


def mixed_field() -> LinearField:
    line = Channel([0.0, 0.2], [0.1, 0.5], stiffness=300, damping=10)
    return schedule([NullField(), CurlField(13), line, StiffnessField([[40, 5], [0, 20]], [0.1, 0.3])])


# Against the reference


@EACH_ARM
@pytest.mark.parametrize("field", [NullField(), CurlField(13), StiffnessField([[50, 0], [10, 20]], [0.1, 0.3])])
def test_an_arm_moves_as_its_lagrangian_says(name: str, field: LinearField) -> None:
    numbers = ARMS[name]
    reference = ReferenceArm(numbers.masses, numbers.lengths, numbers.centres, numbers.inertias)
    arm = TwoLinkArm(name, limited=False)
    state, torques = beginnings(arm, 1)[0], drives(arm, 1, 60)
    expected = reference.run(state, torques[0], 0.01, field)
    move = arm.run(state, torques, 0.01, field=field)
    # The reference's Coriolis term is a finite difference.
    np.testing.assert_allclose(move.states[0], expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(move.hand_position[0], [reference.hand(s[:2]) for s in expected], atol=1e-8)


@EACH_ARM
def test_numbers_of_published_arms(name: str) -> None:
    expected = {
        "motornet": ((1.864572, 1.534315), (0.309, 0.26), (0.180496, 0.181479), (0.013193, 0.020062)),
        "nijhof_kouwenhoven": ((1.82, 1.43), (0.309, 0.333), (0.135, 0.165), (0.051, 0.057)),
    }[name]
    numbers = ARMS[name]
    assert (numbers.masses, numbers.lengths, numbers.centres, numbers.inertias) == expected
    np.testing.assert_allclose(np.rad2deg(numbers.limits), [[0, 135], [0, 155]])


def test_numbers_of_published_muscles() -> None:
    lengths, moment_arms = Muscles().geometry([np.pi / 2, 0.0])
    np.testing.assert_allclose(lengths, [0.151, 0.2322, 0.2859, 0.2355, 0.3329, 0.2989])
    np.testing.assert_allclose(moment_arms[:, 0], [-0.03, 0.03, 0, 0, -0.03, 0.03])
    # By hand at an elbow of one radian: a₁ + 2 a₂, and the length a₀ + a₁ + a₂.
    lengths, moment_arms = Muscles().geometry([np.pi / 2, 1.0])
    np.testing.assert_allclose(moment_arms[:, 1], [0, 0, -0.022, 0.0206, -0.0274, 0.0236], atol=1e-15)
    np.testing.assert_allclose(lengths[2:], [0.2679, 0.2583, 0.3112, 0.3257])


def test_activations_follow_their_equation() -> None:
    """Both methods in small steps, against the ordinary differential equation in smaller ones."""
    u, a = np.array([1.0, 0.5, 0.2, 0.0, 0.9, 0.3]), np.array([0.001, 0.8, 0.2, 1.0, 0.5, 0.6])
    fine = a.copy()
    for _ in range(40_000):
        slowness = 0.5 + 1.5 * fine
        tau = np.where(np.maximum(u, 0.001) > fine, 0.015 * slowness, 0.05 / slowness)
        fine = fine + 1e-6 * (np.maximum(u, 0.001) - fine) / tau

    def error(method: str, n_steps: int) -> float:
        arm = MuscleArm(arm=TwoLinkArm("nijhof_kouwenhoven", method=method))
        move = arm.run(np.concatenate([[0.8, 1.2, 0, 0], a]), np.tile(u, (1, n_steps, 1)), 0.04 / n_steps)
        return float(np.abs(move.states[0, -1, 4:] - fine).max())

    # Of the reference's own error, a few 1e-6, and no more.
    assert error("rk4", 40) < 1e-5
    assert error("semi_implicit_euler", 80) < 2e-3
    assert 1.8 < error("semi_implicit_euler", 40) / error("semi_implicit_euler", 80) < 2.2


def test_torques_of_muscles_accelerate_the_arm() -> None:
    arm = MuscleArm()
    states = beginnings(arm, 5)
    torques = arm.muscles.torques(states[:, :2], states[:, 4:])
    by_muscles = arm.acceleration(states, np.zeros(6))
    np.testing.assert_allclose(by_muscles, arm.arm.acceleration(states[:, :4], torques), rtol=1e-10)


# Laws


def test_steps_one_by_one_are_a_run() -> None:
    for plant in PLANTS.values():
        state, controls, field = beginnings(plant, 4), drives(plant, 4, 7), mixed_field()
        load = np.random.default_rng(3).normal(size=(4, 7, 2))
        move = plant.run(state, controls, 0.01, field=field, load=load)
        for n in range(7):
            state = plant.step(state, controls[:, n], 0.01, field=field, load=load[:, n])  # type: ignore[attr-defined]
            np.testing.assert_array_equal(state, move.states[:, n + 1])


def test_a_field_is_a_load_that_is_looked_up() -> None:
    """The contract: `step(state, torque, dt)` and `CurlField(b)(velocity)`, in the caller's own loop."""
    arm, field = TwoLinkArm(), CurlField(13)
    state, torque = beginnings(arm, 6), drives(arm, 6, 1)[:, 0]
    _, velocity = arm.hand(state)
    by_hand = arm.step(state, torque, 0.01, load=field(velocity))
    np.testing.assert_allclose(by_hand, arm.step(state, torque, 0.01, field=field), rtol=1e-13)


@EACH_ARM
def test_energy_of_an_arm_that_nothing_drives_is_kept(name: str) -> None:
    def drift(method: str, n_steps: int) -> float:
        arm = TwoLinkArm(name, limited=False, method=method)
        move = arm.run([0.3, 1.4, 2.0, -3.0], np.zeros((1, n_steps, 2)), 1.0 / n_steps)
        energy = arm.energy(move.states[0])
        return float(np.abs(energy / energy[0] - 1).max())

    assert drift("rk4", 1000) < 1e-8
    assert 1.8 < drift("semi_implicit_euler", 2000) / drift("semi_implicit_euler", 4000) < 2.2


def test_a_curl_field_turns_but_does_no_work() -> None:
    mass, field = PointMass(1.0, method="rk4"), CurlField(13.0)
    move = mass.run([0, 0, 0, 0.3], np.zeros((1, 200, 2)), 0.005, field=field)
    speed = np.linalg.norm(move.hand_velocity[0], axis=-1)
    np.testing.assert_allclose(speed, 0.3, rtol=1e-6)
    # v turns clockwise at b/m radians a second.
    angle = np.unwrap(np.arctan2(move.hand_velocity[0, :, 1], move.hand_velocity[0, :, 0]))
    np.testing.assert_allclose(angle, np.pi / 2 - 13.0 * move.time, atol=1e-5)
    np.testing.assert_allclose((move.force * move.hand_velocity).sum(-1), 0, atol=1e-12)


@pytest.mark.parametrize("plant", [PointMass(0.8, 0.3), TwoLinkArm(damping=0.4)])
def test_inverse_dynamics_come_back(plant: Plant) -> None:
    states = beginnings(plant, 30)
    drive, load = drives(plant, 30, 1)[:, 0], np.random.default_rng(5).normal(size=(30, 2)) * 5
    acceleration = plant.acceleration(states, drive, load=load)
    np.testing.assert_allclose(plant.inverse_dynamics(states, acceleration, load=load), drive, atol=1e-12)


def test_activations_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match=r"activations has the shape \(5,\), expected \(6,\)"):
        fg.plants.Muscles().torques([1.0, 1.0], np.zeros(5))


def test_torques_of_inverse_dynamics_make_the_movement() -> None:
    """Semi-implicit Euler gives back the very velocities that accelerations were taken from."""
    arm = TwoLinkArm("nijhof_kouwenhoven")
    time = np.arange(101) * 0.01
    s = time / time[-1]
    shape = 10 * s**3 - 15 * s**4 + 6 * s**5
    angles = np.array([0.7, 1.4]) + shape[:, None] * np.array([0.4, -0.5])
    velocities = np.concatenate([np.zeros((1, 2)), np.diff(angles, axis=0) / 0.01])
    states = np.concatenate([angles, velocities], axis=1)
    torques = arm.inverse_dynamics(states[:-1], np.diff(velocities, axis=0) / 0.01)
    move = arm.run(states[0], torques[None], 0.01)
    np.testing.assert_allclose(move.states[0], states, atol=1e-10)


@EACH_ARM
def test_kinematics_come_back(name: str) -> None:
    arm = TwoLinkArm(name)
    rng = np.random.default_rng(0)
    states = np.concatenate([rng.uniform([0, 0.05], [2.3, 2.7], (5, 40, 2)), rng.normal(size=(5, 40, 2))], axis=-1)
    position, velocity = arm.hand(states)
    assert position.shape == (5, 40, 2)
    np.testing.assert_allclose(arm.joints(position, velocity), states, atol=1e-10)


def test_joints_stop_at_their_limits() -> None:
    move = TwoLinkArm().run([2.0, 2.4, 0, 0], np.full((1, 100, 2), 2.0), 0.01)
    np.testing.assert_allclose(move.states[0, -1], [np.deg2rad(135), np.deg2rad(155), 0, 0])
    free = TwoLinkArm(limited=False).run([2.0, 2.4, 0, 0], np.full((1, 100, 2), 2.0), 0.01)
    assert free.states[0, -1, 0] > np.deg2rad(135)


# Gradients


@EACH_PLANT
def test_gradients_agree_with_finite_differences(plant: Plant) -> None:
    rng = np.random.default_rng(2)
    n_steps = 6
    inputs = {
        "state": beginnings(plant, 4),
        "controls": drives(plant, 4, n_steps),
        "load": rng.normal(size=(4, n_steps, 2)),
    }
    w_states = rng.normal(size=(4, n_steps + 1, plant.n_states))
    w_place, w_speed = rng.normal(size=(2, 4, n_steps + 1, 2))

    def run(values: dict[str, Array]) -> fg.plants.Movement:
        return plant.run(values["state"], values["controls"], 0.01, field=mixed_field(), load=values["load"])

    def loss(values: dict[str, Array]) -> float:
        move = run(values)
        hand = (w_place * move.hand_position**2).sum() + (w_speed * move.hand_velocity**2).sum()
        return float((w_states * move.states**2).sum() + hand)

    move = run(inputs)
    exact = move.gradient(
        2 * w_states * move.states,
        d_hand_position=2 * w_place * move.hand_position,
        d_hand_velocity=2 * w_speed * move.hand_velocity,
    )
    for name, value in inputs.items():
        found = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            losses = []
            for change in (1e-5, -1e-5):
                moved = value.copy()
                moved[place] += change
                losses.append(loss({**inputs, name: moved}))
            found[place] = (losses[0] - losses[1]) / 2e-5
        gradient = getattr(exact, name)
        assert gradient.shape == value.shape
        assert np.linalg.norm(gradient - found) < 1e-6 * np.linalg.norm(found), name


def test_a_pull_back_is_the_transpose_of_a_push() -> None:
    """⟨λ, J δ⟩ = ⟨Jᵀ λ, δ⟩ over a long movement, J δ by finite differences."""
    arm = MuscleArm()
    state, controls = beginnings(arm, 1), drives(arm, 1, 60)
    rng = np.random.default_rng(4)
    outer, direction = rng.normal(size=(1, 61, 10)), rng.normal(size=controls.shape)
    h = 1e-6
    ahead, behind = (arm.run(state, controls + sign * h * direction, 0.01).states for sign in (1, -1))
    pushed = ((ahead - behind) / (2 * h) * outer).sum()
    pulled = (arm.run(state, controls, 0.01).gradient(outer).controls * direction).sum()
    assert pulled == pytest.approx(pushed, rel=1e-6)


def test_nothing_passes_a_joint_at_its_limit() -> None:
    move = TwoLinkArm().run([0.75 * np.pi, 1.0, 0.0, 0.0], np.tile([5.0, 0.0], (1, 10, 1)), 0.01)
    outer = np.zeros((1, 11, 4))
    outer[0, -1, [0, 2]] = 1.0
    assert (move.states[0, -1, [0, 2]] == [0.75 * np.pi, 0]).all()
    assert not move.gradient(outer).controls[:, :1].any()


def test_torques_learn_a_reach_by_gradient_descent() -> None:
    arm = TwoLinkArm("nijhof_kouwenhoven", damping=0.5)
    start, target = arm.joints([0.0, 0.4]), np.array([0.05, 0.45])
    torques = np.zeros((1, 40, 2))
    losses = []
    for _ in range(60):
        move = arm.run(start, torques, 0.01)
        error = move.hand_position[:, -1] - target
        losses.append(float((error**2).sum()))
        d_place = np.zeros_like(move.hand_position)
        d_place[:, -1] = 2 * error
        torques = torques - 150 * move.gradient(d_hand_position=d_place).controls
    assert losses[-1] < 1e-4 * losses[0]


# Precision and threads


@EACH_PLANT
def test_single_precision_stays_and_is_near(plant: Plant) -> None:
    state, controls = beginnings(plant, 3), drives(plant, 3, 30)
    double = plant.run(state, controls, 0.01)
    single = plant.run(state.astype(np.float32), controls.astype(np.float32), 0.01)
    assert single.states.dtype == np.float32 and double.states.dtype == np.float64
    np.testing.assert_allclose(single.states, double.states, atol=2e-4)
    gradients = single.gradient(single.states)
    assert all(part.dtype == np.float32 for part in gradients)
    # Relative to the largest: small ones are differences of large ones.
    exact = double.gradient(double.states)
    for part, other in zip(gradients, exact, strict=True):
        assert np.abs(part - other).max() < 2e-3 * np.abs(other).max()
    assert plant.hand(single.states)[0].dtype == np.float32 == plant.energy(single.states).dtype


def test_whole_numbers_become_double() -> None:
    assert PointMass().step([0, 0, 1, 0], [0, 0], 1).dtype == np.float64


def test_threads_change_nothing() -> None:
    arm = MuscleArm()
    state, controls = beginnings(arm, 21), drives(arm, 21, 150)
    moves = [arm.run(state, controls, 0.01, n_threads=n) for n in (1, 2, 5)]
    gradients = [move.gradient(move.states) for move in moves]
    for move, gradient in zip(moves[1:], gradients[1:], strict=True):
        np.testing.assert_array_equal(move.states, moves[0].states)
        for one, other in zip(gradient, gradients[0], strict=True):
            np.testing.assert_array_equal(one, other)


def test_any_layout_is_read() -> None:
    arm = TwoLinkArm()
    state, controls = beginnings(arm, 4), drives(arm, 4, 9)
    expected = arm.run(state, controls, 0.01)
    turned = arm.run(np.asfortranarray(state), np.asfortranarray(controls), 0.01)
    np.testing.assert_array_equal(turned.states, expected.states)
    strided = arm.run(np.repeat(state, 2, axis=0)[::2], np.repeat(controls, 2, axis=1)[:, ::2], 0.01)
    np.testing.assert_array_equal(strided.states, expected.states)
    np.testing.assert_array_equal(strided.gradient(expected.states).load, expected.gradient(expected.states).load)


def test_plants_can_be_pickled_and_compared() -> None:
    for plant in PLANTS.values():
        assert pickle.loads(pickle.dumps(plant)) == plant
    move = pickle.loads(pickle.dumps(TwoLinkArm().run([0.5, 1, 0, 0], np.zeros((1, 3, 2)), 0.01)))
    assert move.gradient(move.states).state.shape == (1, 4)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("back", [False, True])
def test_a_long_movement_can_be_stopped(n_threads: int, back: bool) -> None:
    """Ctrl-C in a call that would take many seconds; half a second, and a second for a machine that is busy."""
    code = f"""
        import threading, time
        import numpy as np
        import fastigial as fg
        arm = fg.plants.TwoLinkArm(n_substeps=10_000 if not {back} else 1)
        start, torques = np.array([0.5, 1.0, 0, 0]), np.zeros((8, 60_000 if {back} else 3_000, 2))
        call = lambda: arm.run(start, torques, 0.01, n_threads={n_threads})
        if {back}:
            move = call()
            slow = fg.plants.TwoLinkArm(n_substeps=1_000)
            object.__setattr__(move, "plant", slow)
            call = lambda: move.gradient(move.states)
        threading.Timer(0.5, lambda: (asked.append(time.perf_counter()), signal.raise_signal(signal.SIGINT))).start()
        asked = []
        try:
            call()
        except KeyboardInterrupt:
            print(time.perf_counter() - asked[0])
    """
    # A process of a test run in the background ignores the signal otherwise.
    head = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = head + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert float(done.stdout) < 0.5 + 1.0


# Fields and cursors


def test_catch_trials_have_no_field() -> None:
    field = CurlField(13).on([True, False, True])
    move = PointMass().run([0, 0, 0, 0.3], np.zeros((3, 20, 2)), 0.01, field=field)
    np.testing.assert_array_equal(move.hand_position[1, :, 0], 0)
    np.testing.assert_array_equal(move.hand_position[0], move.hand_position[2])
    assert move.hand_position[0, -1, 0] > 0.005


def test_a_channel_holds_the_hand_in_position_and_feels_what_presses() -> None:
    """In position: a constant push is borne with a constant displacement, push / stiffness."""
    channel = Channel([0.0, 0.3], [0.0, 0.4])
    move = PointMass(1.0).run([0, 0.3, 0, 0.2], np.zeros((1, 200, 2)), 0.01, field=channel, load=[3.0, 0.0])
    np.testing.assert_allclose(move.hand_position[0, -1], [3 / 2000, 0.3 + 0.2 * 2.0], atol=1e-9)
    # The wall pushes back to the left, with what presses to the right.
    np.testing.assert_allclose(channel.lateral(move.force)[0, -1], 3.0, atol=1e-6)
    np.testing.assert_allclose(move.force[..., 1], 0, atol=1e-12)


def test_a_channel_in_a_learned_field_shows_the_compensation() -> None:
    """An arm that pushes against a curl field that is not there presses on the wall with b times its speed."""
    arm = TwoLinkArm("nijhof_kouwenhoven", n_substeps=10)
    time = np.arange(80) * 0.01
    s = np.clip(time / 0.7, 0, 1)
    speed = 0.1 / 0.7 * (30 * s**2 - 60 * s**3 + 30 * s**4)
    place = 0.1 * (10 * s**3 - 15 * s**4 + 6 * s**5)
    states = arm.joints(np.stack([0 * s, 0.35 + place], axis=-1), np.stack([0 * s, speed], axis=-1))
    acceleration = np.gradient(states[:, 2:], 0.01, axis=0)
    torques = arm.inverse_dynamics(states, acceleration, load=CurlField(13)(arm.hand(states)[1]))
    channel = Channel([0.0, 0.35], [0.0, 0.45])
    move = arm.run(states[0], torques[None], 0.01, field=channel)
    # To the left of the movement, against a field that pushes to the right; the wall pushes to the right.
    pressed = -channel.lateral(move.force)[0, :-1]
    slope = (pressed * speed).sum() / (speed**2).sum()
    assert slope == pytest.approx(13, rel=0.1)
    assert np.corrcoef(pressed, speed)[0, 1] > 0.98
    assert np.abs(channel.lateral(move.hand_position - [0.0, 0.35])).max() < 0.002


def test_fields_of_each_trial_are_those_of_one() -> None:
    rng = np.random.default_rng(7)
    position, velocity = rng.normal(size=(2, 4, 9, 2))
    field = mixed_field()
    ones = [NullField(), CurlField(13), Channel([0, 0.2], [0.1, 0.5], stiffness=300, damping=10)]
    ones += [StiffnessField([[40, 5], [0, 20]], [0.1, 0.3])]
    forces = field(velocity, position)
    for trial, one in enumerate(ones):
        np.testing.assert_allclose(forces[trial], one(velocity[trial], position[trial]), atol=1e-12)
    np.testing.assert_allclose(ViscousField([[0, 13], [-13, 0]])(velocity), CurlField(13)(velocity))
    assert CurlField([1.0, 2.0]).n_fields == 2
    assert CurlField(13)(velocity.astype(np.float32)).dtype == np.float32


def test_channels_of_each_trial_run_to_their_targets() -> None:
    targets = np.array([[0.1, 0.3], [0.0, 0.4], [-0.1, 0.3]])
    channel = Channel([0.0, 0.3], targets)
    vectors = np.broadcast_to(targets[:, None] - [0.0, 0.3], (3, 5, 2))
    np.testing.assert_allclose(channel.lateral(vectors), 0, atol=1e-15)
    np.testing.assert_allclose(channel([[0.0, 0.0]] * 3, position=targets), 0, atol=1e-12)
    assert np.allclose(channel.lateral([[0, 1.0], [-1.0, 0], [0, -1.0]]), 1.0)


def test_cursors_turn_and_stretch_about_their_origin() -> None:
    turn = VisuomotorRotation(30, origin=(0.0, 0.4))
    hands = np.random.default_rng(0).normal(size=(3, 5, 2))
    shown = turn(hands)
    np.testing.assert_allclose(VisuomotorRotation(-30, origin=(0.0, 0.4))(shown), hands, atol=1e-12)
    np.testing.assert_allclose(turn([0.1, 0.4]), [0.1 * np.cos(np.pi / 6), 0.45], atol=1e-12)
    np.testing.assert_allclose(VisualGain(2, origin=(0.0, 0.4))([0.1, 0.5]), [0.2, 0.6])
    assert turn(hands.astype(np.float32)).dtype == np.float32


# What is refused


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: PointMass(mass=0), ValueError, "mass is 0"),
    (lambda: PointMass(mass="heavy"), TypeError, "mass is 'heavy'"),  # type: ignore[arg-type]
    (lambda: PointMass(damping=-1), ValueError, "damping is -1"),
    (lambda: PointMass(method="euler"), ValueError, "method is 'euler'"),
    (lambda: PointMass(n_substeps=0), ValueError, "n_substeps is 0"),
    (lambda: PointMass(n_substeps=10_001), ValueError, "n_substeps is 10001, expected 1 to 10000"),
    (lambda: TwoLinkArm("octopus"), ValueError, "parameters is 'octopus'"),
    (lambda: TwoLinkArm(3), TypeError, "parameters is 3"),  # type: ignore[arg-type]
    (lambda: TwoLinkArm(ArmParameters((1, 1), (1, 0), (0.5, 0.5), (1, 1))), ValueError, "lengths is 0"),
    (lambda: TwoLinkArm(ArmParameters((1, 1), (1, 1), (0.5,), (1, 1))), ValueError, r"centres is \(0.5,\)"),  # type: ignore[arg-type]
    (
        lambda: TwoLinkArm(ArmParameters((1, 1), (1, 1), (0.5, 0.5), (1, 1), ((0, 1), (-1, 1)))),
        ValueError,
        "limits is -1 to 1 at the elbow",
    ),
    (lambda: TwoLinkArm(limited=1), TypeError, "limited is 1"),  # type: ignore[arg-type]
    (lambda: Muscles(max_forces=(1.0,) * 5), ValueError, r"max_forces has the shape \(5,\)"),
    (lambda: Muscles(activation_time=0), ValueError, "activation_time is 0"),
    (lambda: Muscles(min_activation=1), ValueError, "min_activation is 1"),
    (lambda: MuscleArm(arm="left"), TypeError, "arm is 'left'"),  # type: ignore[arg-type]
    (lambda: TwoLinkArm().joints([0.6, 0.0]), ValueError, r"position is \(0.6, 0\).*0.049 m to 0.569 m"),
    (lambda: TwoLinkArm().joints([0.569, 0.0], [1.0, 0.0]), ValueError, "velocity is not 0"),
    (lambda: TwoLinkArm().joints([np.nan, 0.0]), ValueError, "position holds NaN"),
    (lambda: TwoLinkArm().step([0, 0, 0], [0, 0], 0.01), ValueError, r"state has the shape \(3,\)"),
    (lambda: TwoLinkArm().step(np.zeros((2, 4)), np.zeros((3, 2)), 0.01), ValueError, r"torque has the shape \(3, 2\)"),
    (lambda: PointMass().step(np.zeros(4), np.zeros(3), 0.01), ValueError, r"force has the shape \(3,\)"),
    (lambda: TwoLinkArm().step([0, 0, 0, np.nan], [0, 0], 0.01), ValueError, "state holds NaN"),
    (lambda: TwoLinkArm().step([0, 0, 0, 0], ["a", "b"], 0.01), TypeError, "torque is of dtype"),
    (lambda: TwoLinkArm().step([0, 0, 0, 0], [0, 1j], 0.01), TypeError, "torque is of dtype complex128"),
    (lambda: TwoLinkArm().step([0, 0, 0, 0], [0, 0], 0), ValueError, "dt is 0"),
    (lambda: TwoLinkArm().step([0, 0, 0, 0], [0, 0], np.nan), ValueError, "dt is nan"),
    (lambda: MuscleArm().step(np.zeros(10), [2, 0, 0, 0, 0, 0], 0.01), ValueError, "excitation is 2"),
    (lambda: MuscleArm().step(np.full(10, 1.5), np.zeros(6), 0.01), ValueError, "activation in state is 1.5"),
    (lambda: TwoLinkArm().run(np.zeros(4), np.zeros((5, 2)), 0.01), ValueError, r"controls has the shape \(5, 2\)"),
    (lambda: TwoLinkArm().run(np.zeros(4), np.zeros((0, 5, 2)), 0.01), ValueError, "at least one trial"),
    (
        lambda: TwoLinkArm().run(np.zeros(4), np.zeros((2, 5, 2)), 0.01, field=CurlField([1, 2, 3])),
        ValueError,
        "field is of 3 trials",
    ),
    (lambda: TwoLinkArm().run(np.zeros(4), np.zeros((2, 5, 2)), 0.01, field=13), TypeError, "field is 13"),  # type: ignore[arg-type]
    (
        lambda: TwoLinkArm().run(np.zeros(4), np.zeros((2, 5, 2)), 0.01, load=np.zeros((3, 2))),
        ValueError,
        r"load has the shape \(3, 2\)",
    ),
    (
        lambda: TwoLinkArm().run(np.zeros(4), np.zeros((2, 5, 2)), 0.01).gradient(np.zeros((2, 5, 4))),
        ValueError,
        r"d_states has the shape \(2, 5, 4\)",
    ),
    (lambda: CurlField("strong"), TypeError, "b is of dtype"),
    (lambda: CurlField(np.inf), ValueError, "b holds NaN or infinities"),
    (lambda: LinearField(np.zeros((3, 2, 2)), np.zeros((2, 2, 2))), ValueError, "of 3, 2, 1 trials"),
    (lambda: LinearField(np.zeros(2)), ValueError, r"viscosity has the shape \(2,\)"),
    (lambda: StiffnessField(np.eye(2))([0, 0]), ValueError, "position is None"),
    (lambda: CurlField([1, 2])([0.0, 1.0]), ValueError, r"velocity has the shape \(2,\)"),
    (lambda: Channel([0, 0], [0, 0]), ValueError, "target is where start is"),
    (lambda: Channel([0, 0], [0, 1], stiffness=0), ValueError, "stiffness is 0"),
    (lambda: CurlField(13).on([1, 0]), TypeError, "trials is of dtype int64"),
    (lambda: schedule([]), ValueError, "fields is empty"),
    (lambda: schedule([13]), TypeError, "fields holds 13"),  # type: ignore[list-item]
    (lambda: VisuomotorRotation(np.nan), ValueError, "angle is nan"),
    (lambda: VisualGain(1, origin=(0, 0, 0)), ValueError, "origin is"),  # type: ignore[arg-type]
    (lambda: VisualGain(1)([0, 0, 0]), ValueError, r"position has the shape \(3,\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_cannot_be_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_plant_that_runs_away_is_an_error_that_says_where() -> None:
    away = ViscousField([[1e4, 0], [0, 1e4]])
    # The velocity grows 101 times a step: the force of 1e4 · 101¹⁵² N is no number.
    with pytest.raises(FloatingPointError, match="the state is not finite after step 152 of trial 1"):
        PointMass().run([0, 0, 1, 0], np.zeros((2, 400, 2)), 0.01, field=away.on([False, True]))


# Figures


def test_paths_of_hands_are_drawn_where_they_went() -> None:
    from matplotlib.figure import Figure

    move = PointMass().run([[0, 0, 0.1, 0], [0, 0, 0, 0.1]], np.zeros((2, 10, 2)), 0.1)
    figure = move.plot(targets=[[0.1, 0.0]], condition=["right", "up"], label="to the")
    paths = [line for line in figure.axes[0].lines if line.get_label() == "_path"]
    for line, path in zip(paths, move.hand_position, strict=True):
        np.testing.assert_allclose(np.stack(line.get_data(), axis=-1), 100 * path)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["right", "up"]
    ax = Figure().subplots()
    assert fg.plot.hand_paths(move.hand_position, condition=[0.5, 1.5], axes=ax) is ax.figure
    for bad in ({"positions": np.zeros((3, 2))}, {"targets": np.zeros(2)}, {"condition": [1]}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            fg.plot.hand_paths(**{"positions": move.hand_position, **bad})
