"""Child process: one contender on one workload. Prints one line of JSON, last.

A process has the first two processors to itself (where the system lets it choose) and two threads. In order:

1. the import of the package, in a process that has imported the standard library alone;
2. the first step: everything from NumPy arrays to the loss of one step, compilation included;
3. the step, each way that the package has in turn, in blocks of a fraction of a second: median and least seconds a
   step over blocks of the way whose median is lowest. Thread pools that wait for each other take many times longer on
   a machine that others use too, so blocks meanwhile are left out if there are enough others, and said if not;
4. the forward pass alone, the same way.

With ``--memory`` instead: resident memory that one step adds at its peak to what stays (weights, moments, code).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from contender import Contender, Job, find

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import busy_seconds, cores_busy_elsewhere, memory

N_THREADS = 2
BLOCK_SECONDS = 0.2
FEWEST_BLOCKS = 3
QUIET = 0.15
"""Cores."""


def keep_to_two_processors() -> None:
    """Some packages take their number of threads from nowhere but the processors they may run on."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:N_THREADS])


@dataclass(frozen=True)
class Block:
    """Some steps in a row."""

    seconds: float
    """A step."""
    elsewhere: float
    """Cores that others kept busy meanwhile; 0 where the system does not tell."""

    @property
    def quiet(self) -> bool:
        """Whether the machine was the block's own."""
        return self.elsewhere < QUIET


def block(train: Callable[[int], object], n: int) -> Block:
    """Do ``n`` steps."""
    busy, processor, start = busy_seconds(), time.process_time(), time.perf_counter()
    train(n)
    seconds = time.perf_counter() - start
    own, busy_after = time.process_time() - processor, busy_seconds()
    elsewhere = 0.0 if busy is None or busy_after is None else max(busy_after - busy - own, 0.0) / seconds
    return Block(seconds / n, elsewhere)


def blocks(ways: dict[str, Callable[[int], object]], seconds: float, patience: float) -> dict[str, list[Block]]:
    """Blocks of each way; ways take turns for ``seconds`` each, longer if others are busy."""
    sizes = {}
    for name, way in ways.items():
        # The first call may compile; later ones tell how many make a block.
        block(way, 1)
        size = max(1, round(BLOCK_SECONDS / block(way, 1).seconds))
        sizes[name] = max(1, round(BLOCK_SECONDS / block(way, size).seconds))
    found: dict[str, list[Block]] = {name: [] for name in ways}
    start = time.perf_counter()
    while True:
        for name, way in ways.items():
            found[name].append(block(way, sizes[name]))
        elapsed = (time.perf_counter() - start) / len(ways)
        fewest = min(len(done) for done in found.values())
        quiet = min(sum(each.quiet for each in done) for done in found.values())
        if fewest >= FEWEST_BLOCKS and elapsed > (seconds if quiet >= FEWEST_BLOCKS else seconds + patience):
            return found


def quickest(found: dict[str, list[Block]]) -> dict[str, Any]:
    """The way whose median is lowest, over its quiet blocks if there are enough."""
    chosen = {}
    for name, done in found.items():
        quiet = [each for each in done if each.quiet]
        chosen[name] = quiet if len(quiet) >= FEWEST_BLOCKS else done
    medians = {name: median(each.seconds for each in done) for name, done in chosen.items()}
    name = min(medians, key=lambda way: medians[way])
    return {
        "way": name,
        "seconds": medians[name],
        "least_seconds": min(each.seconds for each in chosen[name]),
        "quiet": all(each.quiet for each in chosen[name]),
        "medians": medians,
    }


def repeated(call: Callable[[], object]) -> Callable[[int], object]:
    """Call so many times."""

    def calls(n: int) -> None:
        for _ in range(n):
            call()

    return calls


def timed(contender: Contender, load: Callable[[], Job], seconds: float, patience: float) -> dict[str, Any]:
    """First call, step and forward pass."""
    start = time.perf_counter()
    job = load()
    loss = next(iter(job.variants.values()))(1)
    first = time.perf_counter() - start
    found: dict[str, Any] = {
        "first_seconds": first,
        "loss": loss,
        "step": quickest(blocks(dict(job.variants), seconds, patience)),
        "forward": quickest(blocks({"forward": repeated(job.forward)}, seconds / 2, patience)),
        "raw": None,
    }
    if job.raw is not None:
        try:
            found["raw"] = quickest(blocks({"raw": job.raw()}, seconds / 2, patience))
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            # The core is private: that it has changed takes nothing from what users see.
            print(f"{contender.name}: step of the core alone: {error!r}", file=sys.stderr)
    return found


def growth(job: Job) -> dict[str, Any]:
    """Bytes that one step adds at its peak; None where the system does not let the peak be reset."""
    job.warm()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return {"growth_bytes": None}
    before = memory("VmRSS")
    next(iter(job.variants.values()))(1)
    return {"growth_bytes": memory("VmHWM") - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload")
    parser.add_argument("cell")
    parser.add_argument("contender")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each way of doing a step")
    parser.add_argument("--patience", type=float, default=3.0, help="seconds more while others are busy")
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    keep_to_two_processors()
    contender = find(arguments.workload, arguments.cell, arguments.contender)
    busy_before, start = busy_seconds(), time.perf_counter()
    # Packages print progress; standard output is for the record alone.
    with contextlib.redirect_stdout(sys.stderr):
        importlib.import_module(contender.package)
        record: dict[str, Any] = {"import_seconds": time.perf_counter() - start}
        # Not before: it needs NumPy, whose import is part of the package's.
        import problem

        made = problem.make(contender.cell, problem.SIZES[arguments.workload])
        load = importlib.import_module(contender.module).load
        try:
            if arguments.memory:
                record |= growth(load(contender.kind, made))
            else:
                record |= timed(contender, lambda: load(contender.kind, made), arguments.seconds, arguments.patience)
        except NotImplementedError as error:
            record = {"refused": str(error)}
        record["cores_busy_elsewhere"] = cores_busy_elsewhere(busy_before, start)
        record["versions"] = {
            "python": platform.python_version(),
            **{package: version(package) for package in ("numpy", contender.package)},
        }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
