"""Memory and decisions with a cerebellum intact, lesioned or frozen, and with a frozen cortex; and a matched network.

    python benches/reproductions/cognition.py            five seeds, a table; minutes on one core

The numbers of the page on cognition. A curriculum of matches and parities (n grows at an accuracy of 0.98), and a
decision from noisy evidence, each within a budget of updates.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import fastigial as fg

BIASED: dict[str, Any] = {"n_units": 32, "n_granule": 128, "n_purkinje": 32}
# A plain network of about as many weights.
MATCHED = 101
ALL = ("core", "readout", "cerebellum")
CONDITIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "intact": (BIASED, ALL),
    "lesioned from the start": ({**BIASED, "n_granule": 0}, ALL),
    "cerebellum frozen at the start": (BIASED, ("core", "readout")),
    "core frozen at the start": (BIASED, ("readout", "cerebellum")),
    "matched plain network": ({"n_units": MATCHED, "n_granule": 0}, ALL),
}


def bits(kind: str) -> Callable[[int], fg.tasks.SequenceMemory]:
    """The family of tasks of a kind."""
    return lambda n: fg.tasks.SequenceMemory(n_back=n, kind=kind, dtype="float32")


def memory(kind: str, seeds: range, n_epochs: int, rate: float, names: list[str]) -> None:
    """Print the largest n of each condition, and what a lesion after training leaves."""
    print(f"\n{kind}, {n_epochs} epochs of 100 updates, learning rate {rate:g}, {len(seeds)} seeds")
    for name in names:
        options, learns = CONDITIONS[name]
        runs = []
        for seed in seeds:
            model = fg.models.CerebellarBiasRNN(1, 2, seed=seed, learning_rate=rate, **options)
            runs.append(fg.models.grow_memory(model, bits(kind), n_epochs=n_epochs, learns=learns))
        report(name, [run.highest for run in runs], [run.updates_to(3) for run in runs])
    if names == list(CONDITIONS):
        late(kind, seeds, n_epochs, rate)


def late(kind: str, seeds: range, n_epochs: int, rate: float) -> None:
    """A core that learned two bits and is frozen from then on; the readout learns on, with the cerebellum or alone."""
    for name, learns in (
        ("core frozen after 2 bits", ("readout", "cerebellum")),
        ("the same, readout only", ("readout",)),
    ):
        highest, updates = [], []
        for seed in seeds:
            model = fg.models.CerebellarBiasRNN(1, 2, seed=seed, learning_rate=rate, **BIASED)
            used = 0
            while used < n_epochs and model.accuracy(bits(kind)(2).sample(500, 10**7 + used)) < 0.98:
                model.fit(bits(kind)(2))
                used += 1
            found = fg.models.grow_memory(model, bits(kind), n_epochs=max(1, n_epochs - used), learns=learns)
            highest.append(found.highest)
            updates.append(found.updates_to(3) + 100 * used)
        report(name, highest, updates)


def report(name: str, highest: list[int], updates: list[float]) -> None:
    """One row of the table."""
    n = np.array(highest)
    middle = np.median(updates)
    print(
        f"{name:32s} largest n {n.mean():5.2f} ± {n.std(ddof=1) / np.sqrt(len(n)):4.2f} {highest}; "
        f"updates to n = 3: median {middle:g}",
        flush=True,
    )


def lesion(kind: str, seeds: range, rate: float) -> None:
    """Networks that have just mastered three bits, with the cerebellum and with it cut off."""
    rows = []
    for seed in seeds:
        model, n = fg.models.CerebellarBiasRNN(1, 2, seed=seed, learning_rate=rate, **BIASED), 2
        for epoch in range(12):
            model.fit(bits(kind)(n))
            n += model.accuracy(bits(kind)(n).sample(500, 10**7 + epoch)) >= 0.98
            if n > 3:
                break
        trials = bits(kind)(3).sample(1000, 10**6 + seed)
        rows.append((model.accuracy(trials), model.accuracy(trials, lesion=True)))
    intact, cut = np.mean(rows, axis=0)
    print(f"{kind}, three bits just mastered: right {intact:.3f}, lesioned {cut:.3f}", flush=True)


def evidence(seeds: range, n_epochs: int, rate: float) -> None:
    """Print the accuracy of decisions after each epoch."""
    task = fg.tasks.EvidenceAccumulation(
        fixation=0.16, stimulus=(0.4, 0.8), response=0.32, grace=0.08, noise=0.1, dt=0.08, dtype="float32"
    )
    trials = task.sample(2000, 10**8)
    print(
        f"\nevidence, {n_epochs} epochs of 60 updates, learning rate {rate:g}, {len(seeds)} seeds: accuracy after each"
    )
    for name, (options, learns) in CONDITIONS.items():
        rows, after = [], []
        for seed in seeds:
            model = fg.models.CerebellarBiasRNN(3, 3, seed=seed, learning_rate=rate, **options)
            rows.append([])
            for _ in range(n_epochs):
                model.fit(task, updates=60, learns=learns)
                rows[-1].append(task.accuracy(model.run(trials.inputs).outputs, trials).mean())
            after.append(task.accuracy(model.run(trials.inputs, lesion=True).outputs, trials).mean())
        means = " ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        error = np.std(rows, axis=0, ddof=1)[-1] / np.sqrt(len(seeds))
        print(f"{name:32s} {means} (last ± {error:.3f}); lesioned after: {np.mean(after):.3f}", flush=True)


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--conditions", nargs="*", default=list(CONDITIONS))
    parser.add_argument("--parts", nargs="*", default=["match", "sum", "lesion", "evidence"])
    given = parser.parse_args()
    seeds = range(given.seeds)
    for part in given.parts:
        if part == "lesion":
            lesion("match", seeds, given.rate)
            lesion("sum", seeds, given.rate)
        elif part == "evidence":
            evidence(seeds, 7, given.rate)
        else:
            memory(part, seeds, given.epochs, given.rate, given.conditions)


if __name__ == "__main__":
    main()
