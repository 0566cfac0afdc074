"""A training step in MotorNet: its arm of six muscles, its policy, random reaches. Reads a line, answers seconds.

The muscle is its ``ReluMuscle``, whose force is proportional to the activation: the same arm as
``fastigial.plants.MuscleArm`` with the same damping, but stepped by explicit Euler.
"""

from __future__ import annotations

import sys
import time

import torch
from motornet.effector import RigidTendonArm26
from motornet.environment import RandomTargetReach
from motornet.muscle import ReluMuscle
from motornet.policy import PolicyGRU


def main(n_threads: int, n_units: int, batch_size: int, n_steps: int) -> None:
    """Answer every line with the seconds of a step."""
    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    cpu = torch.device("cpu")
    arm = RigidTendonArm26(muscle=ReluMuscle(tau_activation=0.015, tau_deactivation=0.05), timestep=0.01, damping=0.5)
    env = RandomTargetReach(effector=arm, max_ep_duration=0.01 * n_steps)
    policy = PolicyGRU(env.observation_space.shape[0], n_units, env.n_muscles, device=cpu)
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)

    def step() -> None:
        h = policy.init_hidden(batch_size)
        obs, info = env.reset(options={"batch_size": batch_size})
        places, units, drives = [], [], []
        for _ in range(n_steps):
            u, h = policy(obs, h)
            obs, _, _, _, info = env.step(u)
            places.append(info["states"]["fingertip"])
            units.append(h[0])
            drives.append(u)
        place, unit, drive = (torch.stack(x, dim=1) for x in (places, units, drives))
        away = (place - info["goal"][:, None]).square().sum(-1)
        loss = ((away + 1e-4).sqrt() - 1e-2).mean()
        loss = loss + 1e-3 * drive.square().mean() + 0.1 * drive.diff(dim=1).square().mean()
        loss = loss + 1e-4 * unit.square().mean() + 1e-3 * unit.diff(dim=1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]))
