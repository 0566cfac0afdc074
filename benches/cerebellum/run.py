"""Time cortico-cerebellar learning against PyTorch, granule layers against SciPy, and pursuit against the clock.

Run with the Python that has fastigial; PyTorch lives in an environment of its own::

    python benches/cerebellum/run.py --peers-python .venv-peers/bin/python

Every measurement has a process to itself. Contenders take turns, and take turns in who goes first, ``--repetitions``
times; medians count. Before any timing, fastigial and PyTorch learn a few batches from the same weights and have to
err equally and to move equally far. Writes the record to ``--out`` (by default benches/results/cerebellum.json) and a
table beside it, which is printed at the end. About five minutes for three repetitions on two idle cores.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import markdown

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from children import run_child, write  # noqa: E402 (lies one folder up)
from machine import machine  # noqa: E402 (so does this)

N_THREADS = 2
N_BATCHES = 8
"""Learned by both before any timing."""


@dataclass(frozen=True)
class Contender:
    """One package that learns one way."""

    package: str
    way: str
    n_threads: int = N_THREADS
    n_processes: int = 1
    """At a time; each learns a network of its own."""

    @property
    def title(self) -> str:
        """As in the record."""
        processes = f", {self.n_processes} processes" if self.n_processes > 1 else ""
        return f"{self.package}, {self.way}, {self.n_threads} threads{processes}"


WAYS = ("interface", "windows", "at once")
CONTENDERS = [
    Contender("fastigial", "ten"),
    *(Contender("fastigial", "one", n) for n in (N_THREADS, 1)),
    *(Contender("torch", way, n) for way in WAYS for n in (N_THREADS, 1)),
    *(Contender("torch", way, 1, N_THREADS) for way in WAYS),
]


def learn(contender: Contender, options: argparse.Namespace, *arguments: str) -> list[dict[str, Any]]:
    """Measure in as many processes as it takes."""
    python = sys.executable if contender.package == "fastigial" else options.peers_python
    command = [str(python), str(HERE / "measure.py"), contender.package, contender.way]
    command += ["--threads", str(contender.n_threads), *arguments]
    with ThreadPoolExecutor(contender.n_processes) as pool:
        return list(pool.map(lambda _: run_child(command, contender.n_threads), range(contender.n_processes)))


def take_turns(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Measurements of learning by contender."""
    found: dict[str, list[dict[str, Any]]] = {each.title: [] for each in CONTENDERS}
    blocks = ["--blocks", "1", "--epochs", "1"] if options.quick else []
    for repetition in range(options.repetitions):
        for contender in CONTENDERS if repetition % 2 == 0 else CONTENDERS[::-1]:
            seen = learn(contender, options, *blocks)
            found[contender.title] += seen
            told = seen[0].get("refused") or f"{min(seen[0]['seconds']):.3f} s an epoch"
            print(f"{contender.title}: {told}", file=sys.stderr, flush=True)
    return found


def layers(options: argparse.Namespace) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Measurements of granule layers by size and contender."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {"small": {}, "full": {}}
    turns = [("small", name) for name in ("fastigial", "scipy.sparse", "NumPy, dense")]
    turns += [] if options.quick else [("full", "fastigial"), ("full", "scipy.sparse")]
    for repetition in range(options.repetitions):
        for size, name in turns if repetition % 2 == 0 else turns[::-1]:
            command = [sys.executable, str(HERE / "granule.py"), name, size]
            seen = run_child([*command, "--blocks", "1"] if options.quick else command, N_THREADS)
            found[size].setdefault(name, []).append(seen)
            told = seen.get("refused") or f"{min(seen['seconds']) * 1e3:.1f} ms"
            print(f"granule layer, {size}, {name}: {told}", file=sys.stderr, flush=True)
    return found


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--out", type=Path, help="record; the table goes beside it")
    parser.add_argument("--quick", action="store_true", help="one short repetition, to see whether it works")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    if not options.peers_python.exists():
        parser.error(f"--peers-python: expected a Python with peers/requirements.txt, got {options.peers_python}")
    if options.repetitions < 1:
        parser.error(f"--repetitions: expected at least 1, got {options.repetitions}")
    if options.quick:
        options.repetitions = 1
    return options


def main() -> None:
    options = arguments()
    course = ["--course", str(N_BATCHES)]
    each = [Contender("fastigial", "one", 1), *(Contender("torch", way, 1) for way in WAYS)]
    record: dict[str, Any] = {
        "machine": machine(),
        "repetitions": options.repetitions,
        "product": run_child([str(options.peers_python), str(HERE.parent / "networks" / "peak.py")], N_THREADS)[
            "flops"
        ],
        "courses": {f"{one.package}, {one.way}": learn(one, options, *course)[0] for one in each},
        "learning": take_turns(options),
        "layers": layers(options),
    }
    trials = ["--trials", "2", "--blocks", "1"] if options.quick else []
    record["tracking"] = run_child([sys.executable, str(HERE / "tracking.py"), *trials], 1)
    # Minutes of measurements are kept, whatever may be wrong with the table.
    write("cerebellum", record, "", options.out)
    table = markdown(record)
    write("cerebellum", record, table, options.out)
    print(table)


if __name__ == "__main__":
    main()
