"""Child process: one package learns line drawing one way. Prints one line of JSON, last.

Blocks of a few epochs after one that warms up; or with ``--course`` what is learned in some batches: the validation
error after each and, of every array, how far it has moved.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from problem import Size

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import busy_seconds, cores_busy_elsewhere

MODULES = {"fastigial": "in_fastigial", "torch": "in_torch"}


def timed(learner: Any, n_blocks: int, n_epochs: int) -> dict[str, Any]:
    """Seconds an epoch of each block."""
    learner.epochs(1)
    seconds = []
    for _ in range(n_blocks):
        start = time.perf_counter()
        learner.epochs(n_epochs)
        seconds.append((time.perf_counter() - start) / n_epochs)
    return {"seconds": seconds}


def learned(learner: Any, n_batches: int) -> dict[str, Any]:
    """Errors on the way and distances at its end."""
    before = learner.parameters()
    errors = learner.course(n_batches)
    moved = {name: float(np.linalg.norm(value - before[name])) for name, value in learner.parameters().items()}
    return {"errors": errors, "moved": moved}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", choices=MODULES)
    parser.add_argument("way")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="of a block")
    parser.add_argument("--course", type=int, help="batches to learn from, in place of timing")
    options = parser.parse_args()
    busy_before, start = busy_seconds(), time.perf_counter()
    # Packages print progress; standard output is for the record alone.
    with contextlib.redirect_stdout(sys.stderr):
        load = importlib.import_module(MODULES[options.package]).load
        try:
            learner = load(options.way, options.threads, Size(), guessing=options.course is not None)
            if options.course is None:
                record = timed(learner, options.blocks, options.epochs)
            else:
                record = learned(learner, options.course)
        except NotImplementedError as error:
            record = {"refused": str(error)}
    record["cores_busy_elsewhere"] = cores_busy_elsewhere(busy_before, start)
    record["versions"] = {
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", options.package)},
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
