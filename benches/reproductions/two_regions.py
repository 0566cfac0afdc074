"""Ten networks of two regions, a cortex and a cerebellum, that adapt in one direction: what people do, in numbers.

Run: ``python benches/reproductions/two_regions.py``, with ``--plant arm`` for a two-link arm in place of a mass; two
minutes on two cores. The numbers are those of the page on two regions and of notebook 09. A network: 100 cortical
units, 1000 granule cells, 300 updates of preparation.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.models import Block

FIELD, ROTATION, N_SEEDS = 5.0, 30.0, 10
PLANTS = {"mass": fg.plants.PointMass(), "arm": fg.plants.TwoLinkArm()}
AHEAD: dict[str, Any] = {"directions": [0.0]}
OFF: dict[str, Any] = {"blocked": "all", "fast": False}
STILL: dict[str, Any] = {"fast": False, "slow": False}


def first_at(values: Any, level: float) -> int:
    """Number of the first trial that reaches a level, from 1."""
    return int(np.flatnonzero(values >= level)[0]) + 1


def preparation(net: Any) -> dict[str, float]:
    """Activity of the cortex in the last 100 ms before the go signal, in eight directions, without a field."""
    found: dict[str, float] = {}
    for name, blocked in (("intact", None), ("blocked", "all")):
        session = net.adapt([Block(160, blocked=blocked, **STILL)], seed=1)
        late = (session.reach.time >= 0.3) & (session.reach.time < 0.4)
        rates, labels = session.activity[:, late].mean(axis=1), np.round(np.degrees(session.directions)).astype(int)
        found[f"null field, {name}: dimensionality"] = fg.analysis.task_dimensionality(rates, labels)
        found[f"null field, {name}: generalisation"] = fg.analysis.cross_condition_generalization(
            rates, labels
        ).accuracy
        found[f"null field, {name}: distance from the target, mm"] = 1e3 * session.end_point_error.mean()
    return found


def eight_directions(net: Any) -> dict[str, float]:
    """A rotation in eight directions at once, for a network that is calibrated for them."""
    rotated = net.forget().adapt([Block(240, rotation=ROTATION)], seed=2)
    return {
        "rotation, eight directions: angle at mid-movement at first, degrees": rotated.angle[:8].mean(),
        "rotation, eight directions: at the end of 240 trials": rotated.angle[200:].mean(),
    }


def gains(net: Any) -> dict[str, float]:
    """Of the two states, early and late in a field, without noise; the cortex is told from its forgetting."""
    found = net.forget().adapt([Block(200, field=FIELD, **AHEAD)], noise=False)
    cortex = found.cortical_compensation - found.cortical_compensation[0]
    taken = (cortex[1:] - 0.992 * cortex[:-1]) / found.cerebellar_compensation[:-1]
    fast = found.cerebellar_compensation[160:].mean() / FIELD
    left = 1 - found.compensation[160:].mean() / FIELD
    return {
        "gain of the cortex, trials 3 to 8 (asked for: .039)": taken[2:8].mean(),
        "gain of the cortex, trials 150 to 200": taken[150:].mean(),
        "fast state at the end, next to B / (1 − A) of the error left": fast / (0.21 / 0.41 * left),
    }


def epochs(session: Any) -> dict[str, float]:
    """What a block of one epoch takes of what was learned in 20 trials, as a share of field or rotation.

    Learned is the difference to a network that has not learned and is blocked in the same epoch.
    """
    found: dict[str, float] = {}
    for name, course in (("field", {"field": FIELD}), ("rotation", {"rotation": ROTATION})):
        learned = {}
        for blocked in (None, "preparation", "movement"):
            test = (12, {**course, **STILL, "blocked": blocked})
            now, naive = session((20, course), test), session(test)
            if name == "field":
                learned[blocked] = (now.compensation[-12:] - naive.compensation).mean() / FIELD
            else:
                learned[blocked] = (naive.initial_angle - now.initial_angle[-12:]).mean() / ROTATION
        found[f"{name}: learned in 20 trials"] = learned[None]
        for blocked in ("preparation", "movement"):
            found[f"{name}: lost when {blocked} is blocked"] = learned[None] - learned[blocked]
    return found


def measured(seed: int, plant: str) -> dict[str, float]:
    """All numbers of one network."""
    net = fg.models.CerebelloCorticalNetwork(100, 1000, seed=seed, plant=PLANTS[plant]).prepare(300)
    null = preparation(net) | eight_directions(net)
    net.calibrate([0.0])

    def session(*blocks: tuple[int, dict[str, Any]]) -> Any:
        return net.forget().adapt([Block(n, **AHEAD, **options) for n, options in blocks], seed=seed)

    def share(found: Any, block: int) -> Any:
        return found.compensation[found.block == block] / FIELD

    field, opposite = {"field": FIELD}, {"field": -FIELD}
    met = session((200, field), (1, {}))
    asymptote = share(met, 0)[-40:].mean()
    scales = fg.analysis.learning_timescales(-met.angle[:200], n_resamples=0)
    reversed_ = session((200, field), (60, opposite))
    n_undone = int(np.flatnonzero(share(reversed_, 1) <= 0)[0])
    again = session((200, field), (n_undone, opposite), (100, field))
    clamped = share(session((200, field), (n_undone, opposite), (40, {"channel": True})), 2)
    blocked = session((200, {**field, **OFF}))
    late = share(session((200, field), (8, {**field, **OFF, "slow": False})), 1)
    rotated = session((200, {"rotation": ROTATION}), (1, {}))
    aimed = session((60, {**field, **OFF, "aims": True}))
    return {
        **null,
        "asymptote": asymptote,
        **gains(net),
        "AIC, one exponential minus two": float(scales.preference),
        "trials to half, naive": first_at(share(met, 0), 0.5),
        "trials to half, again": first_at(share(again, 2), 0.5),
        "trials to .3, naive": first_at(share(met, 0), 0.3),
        "trials to .3 of the opposite": first_at(-share(reversed_, 1), 0.3),
        "best in the channel": clamped.max(),
        "error of the naive, degrees": met.angle[0],
        "after-effect, degrees": met.angle[200],
        "blocked from the start, share of intact": (share(blocked, 0)[-40:] - share(blocked, 0)[:40]).mean()
        / asymptote,
        "blocked late, share of intact": late.mean() / asymptote,
        "rotation: angle at first, degrees": rotated.initial_angle[0],
        "rotation: angle at the end, degrees": rotated.initial_angle[160:200].mean(),
        "rotation: after-effect, degrees": rotated.initial_angle[200],
        "rotation: turn of the plan, trials 5 to 10, degrees": rotated.plan_turn[4:10].mean(),
        "rotation: turn of the plan at the end, degrees": rotated.plan_turn[160:200].mean(),
        "rotation: turn of the cortex at the end, degrees": np.degrees(rotated.turn[199]),
        "re-aiming, blocked in a field: aim, degrees": np.degrees(aimed.aim[40:].mean()),
        "re-aiming, blocked in a field: angle at first, degrees": aimed.angle[0],
        "re-aiming, blocked in a field: angle at the end, degrees": aimed.angle[40:].mean(),
        **epochs(session),
    }


def main() -> None:
    """Print the least, the mean and the greatest of each number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plant", choices=sorted(PLANTS), default="mass")
    plant = parser.parse_args().plant
    started = time.perf_counter()
    rows = [measured(seed, plant) for seed in range(N_SEEDS)]
    print(f"fastigial {fg.__version__}, {plant}, {N_SEEDS} seeds, {time.perf_counter() - started:.0f} s\n")
    print("| | least | mean | greatest |\n| --- | ---: | ---: | ---: |")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"| {name} | {values.min():.3g} | {values.mean():.3g} | {values.max():.3g} |")


if __name__ == "__main__":
    main()
