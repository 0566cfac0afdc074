"""Ten networks of two regions, a cortex and a cerebellum, that adapt in one direction: what people do, in numbers.

Run: ``python benches/reproductions/two_regions.py``; a minute on two cores. The numbers are those of the page on two
regions and of notebook 09. A network: 100 cortical units, 1000 granule cells, 300 updates of preparation.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.models import Block

FIELD, N_SEEDS = 5.0, 10
AHEAD: dict[str, Any] = {"directions": [0.0]}
OFF: dict[str, Any] = {"blocked": "all", "fast": False}


def first_at(values: Any, level: float) -> int:
    """Number of the first trial that reaches a level, from 1."""
    return int(np.flatnonzero(values >= level)[0]) + 1


def measured(seed: int) -> dict[str, float]:
    """All numbers of one network."""
    net = fg.models.CerebelloCorticalNetwork(100, 1000, seed=seed).prepare(300).calibrate([0.0])

    def session(*blocks: tuple[int, dict[str, Any]]) -> Any:
        return net.forget().adapt([Block(n, **AHEAD, **options) for n, options in blocks], seed=seed)

    def share(found: Any, block: int) -> Any:
        return found.compensation[found.block == block] / FIELD

    field, opposite = {"field": FIELD}, {"field": -FIELD}
    learning = session((200, field), (1, {}))
    asymptote = share(learning, 0)[-40:].mean()
    scales = fg.analysis.learning_timescales(-learning.angle[:200], n_resamples=0)
    reversed_ = session((200, field), (60, opposite))
    n_undone = int(np.flatnonzero(share(reversed_, 1) <= 0)[0])
    again = session((200, field), (n_undone, opposite), (100, field))
    clamped = share(session((200, field), (n_undone, opposite), (40, {"channel": True})), 2)
    blocked = session((200, {**field, **OFF}))
    late = share(session((200, field), (8, {**field, **OFF, "slow": False})), 1)
    return {
        "asymptote": asymptote,
        "AIC, one exponential minus two": float(scales.preference),
        "trials to half, naive": first_at(share(learning, 0), 0.5),
        "trials to half, again": first_at(share(again, 2), 0.5),
        "trials to .3, naive": first_at(share(learning, 0), 0.3),
        "trials to .3 of the opposite": first_at(-share(reversed_, 1), 0.3),
        "best in the channel": clamped.max(),
        "error of the naive, degrees": learning.angle[0],
        "after-effect, degrees": learning.angle[200],
        "blocked from the start, share of intact": share(blocked, 0)[-40:].mean() / asymptote,
        "blocked late, share of intact": late.mean() / asymptote,
    }


def main() -> None:
    """Print the least, the mean and the greatest of each number."""
    started = time.perf_counter()
    rows = [measured(seed) for seed in range(N_SEEDS)]
    print(f"fastigial {fg.__version__}, {N_SEEDS} seeds, {time.perf_counter() - started:.0f} s\n")
    print("| | least | mean | greatest |\n| --- | ---: | ---: | ---: |")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"| {name} | {values.min():.3g} | {values.mean():.3g} | {values.max():.3g} |")


if __name__ == "__main__":
    main()
