"""Time fastigial against the packages a user would otherwise pick, on the same data in the same run.

Run with the Python that has fastigial; the peers live in an environment of their own::

    python benches/peers/run.py --peers-python .venv-peers/bin/python

Every fit has a process to itself, warmed up as ``measure.py`` says. Peer and fastigial take turns, and take turns in
who goes first, so that a busy spell on the machine meets both. Slow peers run once, between fits of fastigial, the
others ``--repetitions`` times. Writes the record to ``--out`` (by default benches/results/peers.json) and a Markdown
table beside it after each row, and prints the table at the end.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import planted
import report
from contender import Contender
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from children import run_child, write  # noqa: E402 (lies one folder up)


def measure(
    python: Path, workload: str, contender: str, repetition: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Run one fit in a process of its own and return what it measured."""
    command = [str(python), str(HERE / "measure.py"), workload, contender, str(repetition)]
    measured = run_child([*command, "--quick"] if options.quick else command, options.threads)
    told = measured.get("refused") or f"{measured['seconds']:.3f} s, loss {measured['loss']:.7f}"
    print(f"{workload}: {contender}: {told}", file=sys.stderr, flush=True)
    return measured


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--out", type=Path, help="record; the table goes beside it")
    parser.add_argument("--quick", action="store_true", help="a small tensor, one repetition, no slow peers")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--workload", choices=[*WORKLOADS], action="append", help="only these (repeatable)")
    parser.add_argument("--only-peers", action="store_true", help="leave fastigial out")
    # Thread pools that wait for each other lose far more than their share on a machine that others use too.
    parser.add_argument("--threads", type=int, help="threads of every package (default: each its own default)")
    options = parser.parse_args()
    if not options.peers_python.exists():
        parser.error(f"--peers-python: expected a Python with requirements.txt, got {options.peers_python}")
    if options.repetitions < 1:
        parser.error(f"--repetitions: expected at least 1, got {options.repetitions}")
    return options


def take_turns(
    name: str, peer: Contender, options: argparse.Namespace, repetitions: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Measure a peer and fastigial in turn; returns the peer's measurements and fastigial's."""
    theirs: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    for repetition in range(repetitions):
        turns = []
        # What is refused once is refused always.
        if not options.only_peers and not any("refused" in fit for fit in ours):
            turns.append((ours, Path(sys.executable), "fastigial"))
        if repetition == 0 or not peer.slow:
            turns.append((theirs, options.peers_python, peer.name))
        for fits, python, contender in turns if repetition % 2 == 0 else turns[::-1]:
            fits.append(measure(python, name, contender, repetition, options))
    return theirs, ours


def main() -> None:
    options = arguments()
    repetitions = 1 if options.quick else options.repetitions
    record: dict[str, Any] = {
        "machine": report.machine(),
        "shape": planted.QUICK_SHAPE if options.quick else planted.SHAPE,
        "noise_sd": planted.NOISE_SD,
        "repetitions": repetitions,
        "left_out": [],
        "rows": [],
    }
    table = ""
    for name in options.workload or WORKLOADS:
        workload = WORKLOADS[name]
        for peer in workload.peers:
            if peer.slow and options.quick:
                record["left_out"].append(f"{peer.name} on {workload.title}")
                continue
            theirs, ours = take_turns(name, peer, options, repetitions)
            record["rows"].append(report.summarise(name, workload.title, peer, theirs, ours))
            record["versions"] = report.versions(record["rows"])
            record["cores_busy_elsewhere"] = report.busy_elsewhere(record["rows"])
            # A run takes many minutes: what is measured is kept even if the rest fails.
            table = report.markdown(record)
            write("peers", record, table, options.out)
    print(table)


if __name__ == "__main__":
    main()
