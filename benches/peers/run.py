"""Time fastigial against the packages a user would otherwise pick, on the same data in the same run.

Run with the Python that has fastigial; the peers live in an environment of their own::

    python benches/peers/run.py --peers-python .venv-peers/bin/python

Every fit has a process to itself. Peer and fastigial take turns, so a busy spell on the machine meets both.
Slow peers run once, the others ``--repetitions`` times. Writes the record to ``--out`` (by default
benches/results/peers.json) and a Markdown table beside it, and prints the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import planted
import report
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent

# Settings that may have been made to steer one machine's OpenBLAS; a user's machine has neither.
BLAS_OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def measure(python: Path, workload: str, contender: str, repetition: int, quick: bool) -> dict[str, Any]:
    """Run one fit in a process of its own and return what it measured."""
    environment = {name: value for name, value in os.environ.items() if name not in BLAS_OVERRIDES}
    command = [str(python), str(HERE / "measure.py"), workload, contender, str(repetition)]
    child = subprocess.run(
        [*command, "--quick"] if quick else command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode != 0:
        sys.exit(f"{contender} failed on {workload}:\n{child.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    print(f"{workload}: {contender}: {measured['seconds']:.3f} s, loss {measured['loss']:.7f}", file=sys.stderr)
    return measured


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--out", type=Path, default=Path("peers.json"), help="record; the table goes beside it")
    parser.add_argument("--quick", action="store_true", help="a small tensor, one repetition, no slow peers")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--workload", choices=[*WORKLOADS], action="append", help="only these (repeatable)")
    parser.add_argument("--only-peers", action="store_true", help="leave fastigial out")
    options = parser.parse_args()
    if not options.peers_python.exists():
        parser.error(f"--peers-python: expected a Python with requirements.txt, got {options.peers_python}")
    if options.repetitions < 1:
        parser.error(f"--repetitions: expected at least 1, got {options.repetitions}")
    return options


def main() -> None:
    options = arguments()
    repetitions = 1 if options.quick else options.repetitions
    machine = report.machine()
    rows, left_out = [], []
    for name in options.workload or WORKLOADS:
        workload = WORKLOADS[name]
        for peer in workload.peers:
            if peer.slow and options.quick:
                left_out.append(peer.name)
                continue
            theirs, ours = [], []
            for repetition in range(repetitions):
                if repetition == 0 or not peer.slow:
                    theirs.append(measure(options.peers_python, name, peer.name, repetition, options.quick))
                if not options.only_peers:
                    project_python = Path(sys.executable)
                    ours.append(measure(project_python, name, "fastigial", repetition, options.quick))
            rows.append(report.summarise(name, workload.title, peer.name, peer.slow, theirs, ours))
    record = {
        "machine": machine,
        "versions": report.versions(rows),
        "shape": planted.QUICK_SHAPE if options.quick else planted.SHAPE,
        "noise_sd": planted.NOISE_SD,
        "repetitions": repetitions,
        "left_out": left_out,
        "rows": rows,
    }
    table = report.markdown(record)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n")
    options.out.with_suffix(".md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
