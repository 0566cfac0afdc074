"""How far a curriculum of memory gets with more granule cells, denser pathways and a larger cortex.

    python benches/reproductions/memory_scaling.py            three seeds, tables; ten minutes on one core

The numbers of the page on cognition.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import fastigial as fg

SWEEPS: dict[str, tuple[tuple[float, ...], dict[str, Any]]] = {
    "granule_ratio": ((0, 1, 3, 10, 30, 100), {"n_units": 16, "n_purkinje": 16}),
    "pathway_density": ((0.1, 0.3, 1.0), {"n_units": 32, "n_purkinje": 16, "n_granule": 128}),
    "n_units": ((8, 16, 32, 64, 128), {"n_granule": 64, "n_purkinje": 16}),
}


def main() -> None:
    """Print a table for each sweep and task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--kinds", nargs="*", default=["match", "sum"])
    parser.add_argument("--sweeps", nargs="*", default=list(SWEEPS))
    given = parser.parse_args()
    for kind in given.kinds:
        for name in given.sweeps:
            values, options = SWEEPS[name]
            found = fg.models.memory_scaling(
                name,
                values,
                family=lambda n, kind=kind: fg.tasks.SequenceMemory(n_back=n, kind=kind, dtype="float32"),
                seeds=range(given.seeds),
                n_epochs=given.epochs,
                criterion_n=4,
                learning_rate=given.rate,
                **options,
            )
            print(f"\n{kind}: {name}, {given.epochs} epochs of 100 updates, {given.seeds} seeds")
            for j, value in enumerate(found.values):
                n, error = found.highest[:, j], found.error[:, j]
                print(
                    f"{value:6g} {found.n_parameters[j]:7d} weights: largest n {n.mean():.2f} ± "
                    f"{n.std(ddof=1) / np.sqrt(len(n)):.2f}; error at 4: {error.mean():.3f} ± "
                    f"{error.std(ddof=1) / np.sqrt(len(n)):.3f}; updates to 4: {found.updates[:, j].tolist()}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
