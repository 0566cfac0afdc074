"""How long policies take to reach eight targets 10 cm away, all within 1 cm.

    python benches/control/learning.py [--large]

Looked at every 25 updates; the seconds are those of training alone. ``--large`` is the size of MotorNet's centre-out
example: 256 units and trials of 3 s, in steps of 10 ms, for one seed.
"""

from __future__ import annotations

import argparse
import time

import fastigial as fg

SENSES = {
    "vision": fg.plants.Vision(delay=8, noise=0.002),
    "proprioception": fg.plants.Proprioception(delay=3, noise=(0.005, 0.05)),
}
PLANTS = {
    "PointMass": fg.plants.PointMass(),
    "TwoLinkArm": fg.plants.TwoLinkArm("nijhof_kouwenhoven"),
    "MuscleArm": fg.plants.MuscleArm(),
}
STEP, MOST = 25, 1000


def learn(name: str, n_units: int, duration: float, go: tuple[float, float], seed: int) -> str:
    """A line of the table."""
    policy = fg.models.ReachingPolicy(PLANTS[name], n_units, seed=seed, **SENSES)
    optimizer = fg.optim.Adam(2e-3, clip=1.0)
    seconds, error = 0.0, float("inf")
    while error > 0.01 and policy.n_updates_ < MOST:
        start = time.perf_counter()
        policy.train(STEP, duration=duration, go=go, optimizer=optimizer, seed=seed)
        seconds += time.perf_counter() - start
        error = policy.center_out(duration=duration, go=go[0]).endpoint_error.max()
    each = 1000 * seconds / policy.n_updates_
    return f"| {name} | {n_units} | {seed} | {each:.0f} | {policy.n_updates_} | {seconds:.0f} | {100 * error:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    large = parser.parse_args().large
    print("| plant | units | seed | ms per update | updates | s | farthest end, cm |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in ["MuscleArm"] if large else PLANTS:
        for seed in range(1 if large else 3):
            setting = (256, 3.0, (0.75, 1.25)) if large else (128, 1.0, (0.05, 0.2))
            print(learn(name, *setting, seed), flush=True)


if __name__ == "__main__":
    main()
