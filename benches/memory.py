"""Peak memory and scaling over threads of fits of a large tensor (1000 × 500 × 300 float32, 600 MB).

Run: ``python benches/memory.py``. Each fit has a process to itself, which makes the tensor in place, fits once with
the package's threads and reads its peak memory; then it fits with one and with two threads in turn. Peak memory is
counted from the imports on, input included, as a multiple of the tensor's bytes. One untimed fit of a tiny tensor
comes before everything. Writes benches/results/memory.json and .md, and prints the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import large_tensor
import numpy as np
from children import run_child, write
from machine import memory
from numpy.typing import NDArray

import fastigial as fg

MOST_MEMORY, LEAST_SPEED_UP = 2.2, 1.7
THREADS = (1, 2)


@dataclass(frozen=True)
class Case:
    """One model of a tensor that was planted with as many components."""

    title: str
    ranks: int | tuple[int, int, int]
    nonnegative: bool = False
    """Of a tensor that is clipped at zero."""
    missing: float = 0.0
    compute_bound: bool = False
    """Whether a second thread has work to do: reading the tensor alone does not get faster by it."""

    def estimator(self, n_threads: int | None) -> Any:
        """The estimator, not fitted."""
        model = fg.TCA if isinstance(self.ranks, int) else fg.SliceTCA
        return model(self.ranks, nonnegative=self.nonnegative, random_state=0, n_threads=n_threads)


SLICES = (2, 3, 2)
CASES = {
    "slice_tca": Case("SliceTCA (2, 3, 2)", SLICES, compute_bound=True),
    "tca_8": Case("TCA rank 8", 8),
    "tca_24": Case("TCA rank 24", 24, compute_bound=True),
    "nonnegative_slice_tca": Case("nonnegative SliceTCA (2, 3, 2)", SLICES, nonnegative=True),
    "nonnegative_tca_8": Case("nonnegative TCA rank 8", 8, nonnegative=True),
    "nonnegative_tca_24": Case("nonnegative TCA rank 24", 24, nonnegative=True),
    "missing_tca_8": Case("TCA rank 8, 30 % missing", 8, missing=0.3),
    "missing_tca_24": Case("TCA rank 24, 30 % missing", 24, missing=0.3),
}


def timed(case: Case, tensor: NDArray[np.float32], n_threads: int | None) -> tuple[float, Any]:
    """Seconds of one fit, and the model."""
    start = time.perf_counter()
    model = case.estimator(n_threads).fit(tensor)
    return time.perf_counter() - start, model


def measure(case: Case, quick: bool, repetitions: int) -> dict[str, Any]:
    """What the child process finds; ``refused`` says why there is nothing to find."""
    warnings.simplefilter("ignore", fg.ConvergenceWarning)
    make = partial(large_tensor.make, ranks=case.ranks, clipped=case.nonnegative, missing=case.missing)
    try:
        timed(case, make((30, 25, 26)), None)
    except ValueError as error:
        return {"refused": str(error)}
    baseline = memory("VmRSS")
    tensor = make(large_tensor.QUICK_SHAPE if quick else large_tensor.SHAPE)
    with_input = memory("VmHWM")
    _, model = timed(case, tensor, None)
    peak = memory("VmHWM")
    del model
    seconds: dict[int, list[float]] = {n_threads: [] for n_threads in THREADS}
    for repetition in range(repetitions):
        for n_threads in THREADS if repetition % 2 == 0 else THREADS[::-1]:
            elapsed, model = timed(case, tensor, n_threads)
            seconds[n_threads].append(elapsed)
    return {
        "tensor_bytes": tensor.nbytes,
        "baseline_bytes": baseline,
        "input_multiple": (with_input - baseline) / tensor.nbytes,
        "peak_multiple": (peak - baseline) / tensor.nbytes,
        "seconds": {str(n_threads): times for n_threads, times in seconds.items()},
        "loss": model.loss_,
        "n_iter": model.n_iter_,
        "converged": model.converged_,
    }


def row(case: Case, found: dict[str, Any]) -> str:
    """One line of the table."""
    if "refused" in found:
        return f"| {case.title} | refused: {found['refused']} | | | | | |"
    one, two = (median(found["seconds"][str(n_threads)]) for n_threads in THREADS)
    least = [min(found["seconds"][str(n_threads)]) for n_threads in THREADS]
    cells = [
        case.title,
        f"{found['peak_multiple']:.2f}{'' if found['peak_multiple'] <= MOST_MEMORY else ' **too much**'}",
        f"{one:.2f}",
        f"{two:.2f}",
        f"{one / two:.2f}{f' (aim {LEAST_SPEED_UP})' if case.compute_bound else ''}",
        f"{least[0] / least[1]:.2f}",
        f"{found['loss']:.6f} after {found['n_iter']}{'' if found['converged'] else ', not converged'}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure every case in a process of its own; with ``--case`` be such a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small tensor: times and memory mean little")
    parser.add_argument("--repetitions", type=int, default=2, help="fits with one and with two threads")
    parser.add_argument("--only", choices=[*CASES], action="append", help="only these (repeatable)")
    parser.add_argument("--case", choices=[*CASES], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(CASES[options.case], options.quick, options.repetitions)))
        return
    shape = large_tensor.QUICK_SHAPE if options.quick else large_tensor.SHAPE
    record: dict[str, Any] = {"shape": shape, "version": fg.__version__, "cases": {}}
    lines = [
        f"| {' x '.join(map(str, shape))} float32 | peak memory / tensor | s, 1 thread | s, 2 threads | ratio "
        "| of least | loss after sweeps |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in options.only or CASES:
        command = [sys.executable, __file__, "--case", name, "--repetitions", str(options.repetitions)]
        found = run_child([*command, "--quick"] if options.quick else command)
        record["cases"][name] = found
        lines.append(row(CASES[name], found))
        print(lines[-1], file=sys.stderr, flush=True)
        write("memory", record, "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
