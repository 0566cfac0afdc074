"""Fits of tensors that do not fit into memory: 1.5, 3 and 6 GB of float32 in a process that may hold 1 GB.

Run: ``python benches/beyond_memory.py``. Nothing is stored: trials are made when they are read, the same ones each
time, from planted components and noise. Each fit has a process to itself whose data segment is limited
(``RLIMIT_DATA``: everything the process allocates for itself, resident or not; where the system does not have it,
memory is measured only), and two threads. A pass is counted in processor time, of both threads together, so that what
else the machine does counts little; time for making trials is measured apart and subtracted. Memory is the highest
resident size of the whole process, interpreter and planted components included. What is recovered is the share of the
planted signal, without noise, that the model holds, over a hundred trials. Writes benches/results/beyond_memory.json
and .md, and prints the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import large_tensor
import numpy as np
from children import run_child, write
from machine import memory
from numpy.typing import NDArray

import fastigial as fg

N_THREADS = 2
TRIALS = (2500, 5000, 10000)
QUICK_TRIALS = (250, 500, 1000)
OTHERS = large_tensor.SHAPE[1:]
MODELS: dict[str, int | tuple[int, int, int]] = {"TCA rank 8": 8, "SliceTCA (2, 1, 2)": (2, 1, 2)}
# Noise is cut out of so many numbers, for each trial elsewhere: drawing it afresh would take longer than the fit.
POOL = 1 << 22


@dataclass
class Made:
    """A recording that is made as it is read."""

    shape: tuple[int, int, int]
    ranks: int | tuple[int, int, int]
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    chunks: None = None
    seconds: float = 0.0
    n_read: int = 0

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self._add_signal = large_tensor.signal(rng, self.shape, self.ranks)
        self._noise = rng.standard_normal(POOL, dtype=np.float32) * np.float32(large_tensor.NOISE_SD)
        size = self.shape[1] * self.shape[2]
        self._offsets = rng.integers(POOL - size, size=self.shape[0])

    def __getitem__(self, trials: slice) -> NDArray[np.float32]:
        start = time.process_time()
        chosen = range(*trials.indices(self.shape[0]))
        out = np.empty((len(chosen), *self.shape[1:]), np.float32)
        size = self.shape[1] * self.shape[2]
        for entries, trial in zip(out, chosen, strict=True):
            entries[:] = self._noise[self._offsets[trial] :][:size].reshape(entries.shape)
            self._add_signal(trial, entries)
        self.n_read += len(chosen)
        self.seconds += time.process_time() - start
        return out

    def signal(self, trial: int) -> NDArray[np.float32]:
        """A trial without noise."""
        entries = np.zeros(self.shape[1:], np.float32)
        self._add_signal(trial, entries)
        return entries


def limit_memory(limit: int) -> bool:
    """Limit what this process may allocate; whether the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, AttributeError, OSError, ValueError):
        return False
    return sys.platform == "linux"


def recovered(model: Any, made: Made) -> float:
    """Share of the planted signal that the model holds."""
    missed = total = 0.0
    for trial in np.linspace(0, made.shape[0] - 1, 100).astype(int):
        signal = made.signal(trial)
        said = model._of_trials(np.array([trial])).reconstruct()[0]
        missed += float(np.sum((said - signal) ** 2))
        total += float(np.sum(signal**2))
    return 1.0 - missed / total


def measure(name: str, n_trials: int, limit: int) -> dict[str, Any]:
    """What the child process finds."""
    limited = limit_memory(limit)
    warnings.simplefilter("ignore", fg.ConvergenceWarning)
    ranks = MODELS[name]
    made = Made((n_trials, *OTHERS), ranks)
    baseline = memory("VmRSS")
    estimator: Any = fg.TCA if isinstance(ranks, int) else fg.SliceTCA
    start, processor = time.perf_counter(), time.process_time()
    model = estimator(ranks, random_state=0, n_threads=N_THREADS).fit(made)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    passes = made.n_read / n_trials
    return {
        "tensor_bytes": int(np.prod(made.shape)) * 4,
        "limited": limited,
        "baseline_bytes": baseline,
        "peak_bytes": memory("VmHWM"),
        "seconds": seconds,
        "processor_seconds": processor,
        "processor_seconds_making": made.seconds,
        "passes": passes,
        "n_iter": model.n_iter_,
        "converged": model.converged_,
        "loss": model.loss_,
        "recovered": recovered(model, made),
    }


def row(name: str, found: dict[str, Any], limit: int) -> str:
    """One line of the table."""
    gigabytes = found["tensor_bytes"] / 1e9
    making = found["processor_seconds_making"]
    per_pass = (found["processor_seconds"] - making) / found["passes"]
    cells = [
        name,
        f"{gigabytes:.2g} GB",
        f"{found['peak_bytes'] / 1e6:.0f} MB{'' if found['peak_bytes'] <= limit else ' **too much**'}",
        f"{per_pass:.2f}",
        f"{per_pass / gigabytes:.3f}",
        f"{found['passes']:.0f}",
        f"{found['n_iter']}{'' if found['converged'] else ', not converged'}",
        f"{making / found['passes']:.2f}",
        f"{found['seconds']:.0f}",
        f"{found['recovered']:.5f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure every case in a process of its own; with ``--case`` be such a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials")
    parser.add_argument("--limit", type=float, default=1.0, help="GB that a process may hold")
    parser.add_argument("--only", choices=[*MODELS], action="append", help="only these (repeatable)")
    parser.add_argument("--case", nargs=2, metavar=("MODEL", "TRIALS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    limit = int(options.limit * 1e9)
    if options.case:
        name, n_trials = options.case
        print(json.dumps(measure(name, int(n_trials), limit)))
        return
    record: dict[str, Any] = {"limit": limit, "version": fg.__version__, "cases": []}
    lines = [
        f"| n x {' x '.join(map(str, OTHERS))} float32, limit {options.limit:g} GB | tensor | peak memory "
        "| processor s a pass | the same a GB | passes | sweeps | making trials | s in all | signal recovered |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in options.only or MODELS:
        for n_trials in QUICK_TRIALS if options.quick else TRIALS:
            command = [sys.executable, __file__, "--limit", str(options.limit), "--case", name, str(n_trials)]
            # The fits have their own number; NumPy, which makes trials by small products, is quicker with one.
            found = run_child(command, 1)
            record["cases"].append({"model": name, "n_trials": n_trials, **found})
            lines.append(row(name, found, limit))
            print(lines[-1], file=sys.stderr, flush=True)
            write("beyond_memory", record, "\n".join([*lines, ""]))
    print(Path(__file__).with_name("results").joinpath("beyond_memory.md").read_text())


if __name__ == "__main__":
    main()
