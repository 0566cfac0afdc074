"""`Limb`: its commands carry the hand along the path, and its forces do the work of its commands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.models import DelayedReach
from fastigial.models.limb import Limb

DIRECTIONS = np.arange(8) * np.pi / 4
LIMBS: dict[str, Any] = {
    "mass": Limb(fg.plants.PointMass(1.2, damping=0.5)),
    "motornet": Limb(fg.plants.TwoLinkArm(damping=0.1)),
    "nijhof": Limb(fg.plants.TwoLinkArm("nijhof_kouwenhoven", damping=0.4), (45.0, 100.0)),
}


def reach_of(dt: float) -> DelayedReach:
    """A second, with the same movement whatever the length of its steps."""
    return DelayedReach(n_steps=round(1.0 / dt), dt=dt)


def missed(limb: Limb, dt: float) -> float:
    """Largest distance from the target at the end of a movement under the commands, metres."""
    reach = reach_of(dt)
    commands = limb.commands(reach, DIRECTIONS)
    move = limb.plant.run(np.tile(limb.start, (len(DIRECTIONS), 1)), commands, dt=dt)
    targets = limb.origin + 0.1 * np.stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)], axis=1)
    assert np.linalg.norm(move.hand_position[:, 0] - targets, axis=1).min() > 0.09
    return float(np.linalg.norm(move.hand_position[:, -1] - targets, axis=1).max())


@pytest.mark.parametrize("name", LIMBS)
def test_commands_carry_the_hand_to_the_target(name: str) -> None:
    """Within 1 mm of 10 cm."""
    assert missed(LIMBS[name], 0.01) < 1e-3


@pytest.mark.parametrize("name", ["motornet", "nijhof"])
def test_what_an_arm_misses_falls_with_the_step(name: str) -> None:
    """By 9 in steps a tenth as long, as of a method of first order.

    Not so of a mass: it misses by 7, 47 and 16 µm in steps of 10, 5 and 1 ms.
    """
    assert missed(LIMBS[name], 0.001) < 0.2 * missed(LIMBS[name], 0.01)


@pytest.mark.parametrize("name", ["motornet", "nijhof"])
def test_forces_on_the_hand_do_the_work_of_the_torques(name: str) -> None:
    """τ·q̇ = f·v at each step of the path, where v is that of the path, not of a Jacobian."""
    limb, reach = LIMBS[name], reach_of(0.01)
    torques = limb.commands(reach, DIRECTIONS) + np.random.default_rng(0).normal(size=(8, 100, 2))
    path = reach.plan(DIRECTIONS)
    rates = limb.plant.joints(limb.origin + path[..., :2], path[..., 2:])[..., 2:]
    by_joints = (torques * rates).sum(axis=2)
    by_hand = (limb.forces(torques, reach, DIRECTIONS) * path[..., 2:]).sum(axis=2)
    size = np.abs(by_joints).max()
    assert size > 0.1
    np.testing.assert_allclose(by_hand, by_joints, rtol=0, atol=1e-9 * size)


@pytest.mark.parametrize("name", ["motornet", "nijhof"])
def test_forces_push_any_small_move_of_the_hand_as_torques_do(name: str) -> None:
    """τ·δq = f·δx across the path as well, with δx by central differences of where the plant has its hand."""
    limb, reach = LIMBS[name], reach_of(0.01)
    torques = np.random.default_rng(1).normal(size=(8, 100, 2))
    path = reach.plan(DIRECTIONS)
    states = limb.plant.joints(limb.origin + path[..., :2], path[..., 2:])
    forces, h = limb.forces(torques, reach, DIRECTIONS), 1e-6
    for joint in range(2):
        by = h * np.eye(4)[joint]
        slope = (limb.plant.hand(states + by)[0] - limb.plant.hand(states - by)[0]) / (2 * h)
        np.testing.assert_allclose((forces * slope).sum(axis=2), torques[..., joint], rtol=0, atol=1e-8)


def test_forces_of_a_mass_are_its_commands() -> None:
    commands = np.random.default_rng(2).normal(size=(8, 100, 2))
    np.testing.assert_array_equal(LIMBS["mass"].forces(commands, reach_of(0.01), DIRECTIONS), commands)
