"""The same step in fastigial: reaches, forward, loss, backward, Adam. Reads a line, answers seconds."""

from __future__ import annotations

import sys
import time

import fastigial as fg


def main(n_threads: int, n_units: int, batch_size: int, n_steps: int) -> None:
    """Answer every line with the seconds of a step."""
    fg.set_num_threads(n_threads)
    delays = {"vision": fg.plants.Vision(delay=1), "proprioception": fg.plants.Proprioception(delay=1)}
    policy = fg.models.ReachingPolicy(fg.plants.MuscleArm(), n_units, **delays)

    def step() -> None:
        policy.train(1, batch_size=batch_size, duration=0.01 * n_steps)

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]))
