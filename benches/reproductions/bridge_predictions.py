"""What two regions predict for the experiment of Israely et al. 2025, in the measures of notebook 10.

Run: ``python benches/reproductions/bridge_predictions.py [--seeds 10]``; notebook 10 does the same with fewer networks.
Each network (100 cortical units, 1000 granule cells, 300 updates of preparation) goes through the blocks of the animals
in their order: eight targets in the null field, one target, a curl field, a block of the cerebellum, the field under
block; and through a session whose field is blocked from the start, which the animals did not do. With ``aims`` a
strategy turns the cue by what errs in direction; without it nothing does. Errors are in the middle of the reach.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.models import Block

FIELD = 5.0
STILL: dict[str, Any] = {"fast": False, "slow": False}
OFF: dict[str, Any] = {"blocked": "all", "fast": False}
AHEAD: dict[str, Any] = {"directions": [0.0]}


def null_field(net: Any) -> dict[str, float]:
    """Dimensionality and generalisation of preparation, the last 100 ms before go, intact and blocked."""
    found = {}
    for name, blocked in (("control", None), ("block", "all")):
        session = net.forget().adapt([Block(160, **STILL, blocked=blocked)], seed=1)
        rates = session.recording("cortex").select(time=(-0.1, 0.0)).data.mean(axis=2)
        labels = np.round(np.degrees(session.directions)).astype(int)
        found[f"dimensionality, {name}"] = fg.analysis.task_dimensionality(rates, labels)
        found[f"generalisation, {name}"] = fg.analysis.cross_condition_generalization(rates, labels).accuracy
    return found


def errors(session: Any) -> Any:
    """Angle of the hand off its line in the middle of the reach, degrees: positive to where the field pushes.

    The animals' is taken 100 ms into the reach. There, the network has hardly moved and a viscous field hardly pushes;
    what is learned then even turns it against the field (``after_100_ms``).
    """
    return -np.sign(FIELD) * session.angle


def after_100_ms(session: Any) -> Any:
    """The same as of the animals' hand paths."""
    hand = session.hand[:, session.reach.time >= session.reach.go, :2]
    angle = fg.analysis.initial_angular_error(hand, session.directions, dt=session.reach.dt, after=0.1)
    return -np.sign(FIELD) * angle


def in_the_field(net: Any, *, aims: bool = False, first: bool = False) -> Any:
    """A session in the order of the animals: blocks 0 to 4; `first`: blocked from the start."""
    ahead: dict[str, Any] = {**AHEAD, "aims": aims}
    blocks = [Block(56, **STILL), Block(28, **ahead)]
    if not first:
        blocks += [Block(55, field=FIELD, **ahead)]
    blocks += [Block(30, **OFF, **ahead), Block(35, field=FIELD, **OFF, **ahead)]
    return net.forget().calibrate([0.0]).adapt(blocks, seed=2)


def turn(session: Any, reference: int, test: int) -> float:
    """Re-aiming of preparation between two blocks, degrees, measured as on recordings; negative: against the force."""
    recording = session.recording("cortex").select(time=(-0.3, 0.0))
    found = fg.analysis.reaiming_angle(
        recording, "direction", "block", fit=0, reference=reference, test=test, n_resamples=2
    )
    return float(-np.sign(FIELD) * found.angle)


def predicted(seed: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Numbers of one network, and its errors trial by trial."""
    net = fg.models.CerebelloCorticalNetwork(100, 1000, seed=seed).prepare(300)
    found = null_field(net)
    session, blocked = in_the_field(net), in_the_field(net, first=True)
    course, naive = errors(session), errors(blocked)
    curves = {
        "FF": course[session.block == 2] - course[session.block == 1].mean(),
        "FFHFS": course[session.block == 4] - course[session.block == 3].mean(),
        "first": naive[blocked.block == 3] - naive[blocked.block == 2].mean(),
    }
    for name, values in curves.items():
        found[f"{name} early"], found[f"{name} late"] = values[:5].mean(), values[30:35].mean()
    found["late, FFHFS − FF"] = found["FFHFS late"] - found["FF late"]
    found["learned, FF − FFHFS"] = found["FF early"] - found["FF late"] - found["FFHFS early"] + found["FFHFS late"]
    found["late, first − FF"] = found["first late"] - found["FF late"]
    found["100 ms, FF late"] = after_100_ms(session)[session.block == 2][30:35].mean()
    for name, aims in (("", False), (", strategy", True)):
        one, naive_one = in_the_field(net, aims=aims), in_the_field(net, aims=aims, first=True)
        found[f"re-aiming{name}, control"] = turn(one, 1, 2)
        found[f"re-aiming{name}, block"] = turn(one, 3, 4)
        found[f"re-aiming{name}, block first"] = turn(naive_one, 2, 3)
        if aims:
            found["strategy, first late"] = errors(naive_one)[naive_one.block == 3][30:35].mean()
    return found, curves


def main() -> None:
    """Print means and 95 % intervals over networks drawn anew."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    start = time.perf_counter()
    both = [predicted(seed) for seed in range(parser.parse_args().seeds)]
    rng = np.random.default_rng(0)
    for name in both[0][0]:
        values = np.array([found[name] for found, _ in both])
        drawn = values[rng.integers(len(values), size=(4000, len(values)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        print(f"{name:36s}{values.mean():8.2f} ({low:.2f} to {high:.2f}); {values.min():.2f} to {values.max():.2f}")
    for name in ("FF", "FFHFS", "first"):
        found = fg.analysis.learning_timescales(np.array([curves[name] for _, curves in both]), n_resamples=200)
        share = np.mean(found.resampled_preference > 0)
        print(f"{name:8s}{found}; two are preferred in {share:.0%} of resamples")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
