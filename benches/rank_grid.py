"""A grid of ranks of non-negative SliceTCA as in the notebook of slicetca: 265 × 182 × 150, up to (5, 2, 5).

Run: ``python benches/rank_grid.py``. Its authors report 33 minutes for these 108 models with four processes on a GPU
machine; their recording is not at hand, so one of that size is simulated: 4 trial and 1 time component, smooth and
non-negative, and noise. (One of the 108 is the model of no components, which is not fitted here.)

1. The grid by `RankSearch`, one blocked split, as many fits at once as there are cores.
2. Every model of it fitted on, ten times as long as it took: the worst excess of its training loss.
3. On a small recording a grid of 8 models by slicetca's own ``grid_search`` and by `RankSearch`, same masks, in turn.

Writes benches/results/rank_grid.json and .md, and prints the table. About 15 minutes on two cores; ``--quick`` does
the second step for every tenth model and leaves the third out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from children import run_child, write
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

import fastigial as fg

SHAPE = (265, 182, 150)
SMALL_SHAPE = (60, 50, 40)
LARGEST = (5, 2, 5)
SMALL_LARGEST = (1, 1, 1)
TOLERANCE = 1e-4
LONGER = 10
ALLOWED = 0.005


def recording(shape: tuple[int, int, int], seed: int = 0) -> NDArray[np.float32]:
    """A non-negative recording of (4, 0, 1) components and noise, clipped at zero."""
    rng = np.random.default_rng(seed)
    n_trials, n_neurons, n_steps = shape
    trials = np.abs(gaussian_filter1d(rng.normal(size=(4, n_trials)), 10, axis=1))
    slices = np.abs(gaussian_filter1d(rng.normal(size=(4, n_neurons, n_steps)), 8, axis=2))
    course = np.abs(gaussian_filter1d(rng.normal(size=(1, n_steps)), 8, axis=1))
    rates = np.einsum("rk,rnt->knt", trials, slices)
    rates /= rates.mean()
    rates += np.einsum("rt,rkn->knt", course / course.mean(), rng.gamma(1, 0.5, size=(1, n_trials, n_neurons)))
    noisy = rates / rates.mean() * 0.5 + 0.3 * rng.normal(size=shape)
    return np.maximum(noisy, 0).astype(np.float32)


def split(X: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of a tenth held out in blocks along time."""
    block = X.shape[2] // 10
    return fg.masks.blocked(X.shape, 0.1, block=(1, 1, block), buffer=(0, 0, block // 2), random_state=0)


def search(X: NDArray[np.float32], largest: tuple[int, int, int], folder: str | None) -> tuple[fg.RankSearch, float]:
    """The grid, and the seconds it took."""
    estimator = fg.SliceTCA((1, 1, 1), nonnegative=True, n_init=1, tol=TOLERANCE)
    grid = fg.RankSearch(estimator, largest, cv=[split(X)], rule="best", n_jobs=-1, random_state=0, checkpoint=folder)
    start = time.perf_counter()
    grid.fit(X)
    return grid, time.perf_counter() - start


def excess(X: NDArray[np.float32], folder: str, every: int) -> list[dict[str, Any]]:
    """How far above the loss of a fit of ten times its sweeps each kept model ended."""
    train, _ = split(X)
    found = []
    for path in sorted(Path(folder).glob("*.safetensors"))[::every]:
        model = fg.load(path)
        longer = fg.SliceTCA(
            model.n_components, nonnegative=True, init=model, tol=0.0, max_iter=LONGER * model.n_iter_
        ).fit(X, mask=train)
        found.append({"rank": model.n_components, "sweeps": model.n_iter_, "excess": model.loss_ / longer.loss_ - 1})
        print(f"{found[-1]}", file=sys.stderr, flush=True)
    return found


def beside_slicetca(peers_python: Path) -> dict[str, Any]:
    """The grid search of slicetca and ours on a small recording, with the same masks, in turn."""
    X = recording(SMALL_SHAPE)
    train, test = split(X)
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, X=X, train=train, test=test)
        file.flush()
        peer = Path(__file__).with_name("rank_grid_slicetca.py")
        theirs = run_child([str(peers_python), str(peer), file.name, *map(str, SMALL_LARGEST)])
    ours, seconds = search(X, SMALL_LARGEST, None)
    own = {str(rank): loss for rank, loss in zip(ours.results_["rank"], ours.results_["test_loss"], strict=True)}
    return {"slicetca": theirs, "seconds": seconds, "test_losses": own}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", fg.ConvergenceWarning)
    X = recording(SHAPE)
    with tempfile.TemporaryDirectory() as folder:
        # Finished fits are kept for the second step; writing them is part of the time.
        grid, seconds = search(X, LARGEST, folder)
        longer = excess(X, folder, 10 if options.quick else 1)
    worst = max(longer, key=lambda found: found["excess"])
    record: dict[str, Any] = {
        "shape": SHAPE,
        "largest": LARGEST,
        "cores": os.cpu_count(),
        "seconds": seconds,
        "best_rank": grid.best_rank_,
        "longer": longer,
        "version": fg.__version__,
    }
    lines = [
        "| non-negative SliceTCA, grids of ranks | seconds | note |",
        "| --- | ---: | --- |",
        f"| {' × '.join(map(str, SHAPE))}, up to {LARGEST}: {len(grid.results_)} models | {seconds:.1f} | chosen "
        f"{grid.best_rank_}, planted (4, 0, 1) |",
        f"| the same, fitted {LONGER} times as long ({len(longer)} models) | | worst excess of a training loss "
        f"{100 * worst['excess']:.3f} % at {worst['rank']} (allowed {100 * ALLOWED} %) |",
    ]
    if not options.quick:
        record["small"] = small = beside_slicetca(options.peers_python)
        theirs = small["slicetca"]["seconds"]
        lines += [
            f"| slicetca grid_search, {' × '.join(map(str, SMALL_SHAPE))}, up to {SMALL_LARGEST} | {theirs:.1f} | "
            f"lowest held-out loss {min(small['slicetca']['test_losses'].values()):.6f} |",
            f"| fastigial RankSearch, the same | {small['seconds']:.3f} | {theirs / small['seconds']:.0f} × faster, "
            f"lowest held-out loss {min(small['test_losses'].values()):.6f} |",
        ]
    table = "\n".join([*lines, ""])
    write("rank_grid", record, table)
    print(table)


if __name__ == "__main__":
    main()
