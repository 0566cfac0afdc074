"""How large a cerebellum must be to learn a force field in eight directions: granule cells, pathways, cortex.

Run: ``python benches/reproductions/reach_scaling.py``; four minutes on one core. Networks of 60 cortical units with 10
granule cells each and 40 mossy fibres from the cortex, unless a row says otherwise; three seeds; 240 trials in a field
of 5 N s/m, then what is left of the error and of the field. Trials to criterion: until the mean over the last eight
trials meets half of the field. Numbers of the page on two regions.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.models import Block

FIELD, SEEDS, N_TRIALS = 5.0, range(3), 240


def learned(
    seed: int, n_units: int = 60, ratio: float = 10, share: float = 2 / 3, n_inputs: int = 4
) -> tuple[float, ...]:
    """Share of the field that is met at the end, deviation in mm at the start and the end, trials to criterion."""
    n_sources = max(1, round(share * n_units))
    n_granule = max(4, round(ratio * n_units))
    options: dict[str, Any] = {"n_sources": n_sources, "n_inputs": n_inputs, "seed": seed}
    net = fg.models.CerebelloCorticalNetwork(n_units, n_granule, **options).prepare(250)
    session = net.adapt([Block(N_TRIALS, field=FIELD)], seed=seed)
    met, off = session.compensation / FIELD, 1e3 * np.abs(session.deviation)
    running = np.convolve(met, np.ones(8) / 8, mode="valid")
    reached = np.flatnonzero(running >= 0.5)
    return met[-40:].mean(), off[:8].mean(), off[-40:].mean(), float(reached[0] + 8) if reached.size else np.nan


def row(name: str, **options: Any) -> None:
    """Print means and standard errors over seeds."""
    found: list[tuple[float, ...]] = []
    for seed in SEEDS:
        try:
            found.append(learned(seed, **options))
        except (ValueError, FloatingPointError) as error:
            print(f"| {name} | seed {seed}: {str(error)[:60]}… | | | |")
    if not found:
        return
    values = np.array(found)
    sem = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(4, np.nan)
    met, first, last, trials = (
        f"{mean:.3g} ± {error:.2g}" for mean, error in zip(values.mean(axis=0), sem, strict=True)
    )
    print(f"| {name} | {met} | {first} | {last} | {trials} |", flush=True)


def main() -> None:
    """Print all rows."""
    started = time.perf_counter()
    print("| | share of the field | deviation at first, mm | at the end, mm | trials to half |")
    print("| --- | --- | --- | --- | --- |")
    for ratio in (1, 3, 10, 30, 100):
        row(f"{ratio} granule cells per cortical unit", ratio=ratio)
    for share in (0.05, 0.2, 1.0):
        row(f"{share:.0%} of cortical units send mossy fibres", share=share)
    for n_inputs in (1, 2, 8, 16):
        row(f"{n_inputs} mossy fibres for each granule cell", n_inputs=n_inputs)
    for n_units in (20, 40, 120, 240):
        row(f"{n_units} cortical units", n_units=n_units)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
