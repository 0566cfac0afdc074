"""Time a training step of recurrent networks against JAX and PyTorch, on the same weights and data in the same run.

Run with the Python that has fastigial; the peers live in an environment of their own::

    python benches/networks/run.py --peers-python .venv-peers/bin/python

Every measurement has a process to itself (``measure.py``), two processors and two threads. Per cell fastigial and its
peers take turns, and take turns in who goes first, ``--repetitions`` times; then memory is measured once each. The peak
rate of fused multiply-adds is measured by the ``kernels`` bench, and what PyTorch's largest product reaches of it by
``peak.py``. Writes the record to ``--out`` (by default benches/results/networks.json) and a Markdown table beside it
after each row, and prints the table at the end. About 15 minutes for three repetitions on two idle cores.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from contender import OURS, Contender, peers
from problem import CELLS, SIZES
from report import markdown, summarise

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from children import run_child, write  # noqa: E402 (lies one folder up)
from machine import machine  # noqa: E402 (so does this)

N_THREADS = 2


def measure(
    workload: str, cell: str, contender: Contender, options: argparse.Namespace, memory: bool
) -> dict[str, Any]:
    """Measure in a process of its own."""
    python = Path(sys.executable) if contender.package == "fastigial" else options.peers_python
    command = [str(python), str(HERE / "measure.py"), workload, cell, contender.name]
    if memory:
        command.append("--memory")
    elif options.quick:
        command += ["--seconds", "0.3", "--patience", "0"]
    found = run_child(command, N_THREADS)
    if "refused" in found:
        told = found["refused"]
    elif memory:
        told = f"{(found['growth_bytes'] or 0) / 1e6:.1f} MB"
    else:
        told = f"{found['step']['seconds'] * 1e3:.2f} ms{'' if found['step']['quiet'] else ' (others were busy)'}"
    print(f"{workload}: {cell}: {contender.name}: {told}", file=sys.stderr, flush=True)
    return found


def take_turns(workload: str, cell: str, options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Measurements of fastigial and its peers on one cell, by name."""
    contenders = [*peers(workload, cell)]
    if not options.only_peers:
        contenders.insert(0, OURS[cell])
    found: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    for repetition in range(options.repetitions):
        for contender in contenders if repetition % 2 == 0 else contenders[::-1]:
            seen = found[contender.name]
            # What is refused once is refused always.
            if not any("refused" in each for each in seen):
                seen.append(measure(workload, cell, contender, options, memory=False))
    for contender in contenders:
        seen = found[contender.name]
        if "refused" not in seen[0]:
            seen[0]["memory"] = measure(workload, cell, contender, options, memory=True)
    return found


def peak(options: argparse.Namespace) -> dict[str, float | None]:
    """Flops a second on two threads: of multiply-adds in registers, and of a large product by PyTorch."""
    product = run_child([str(options.peers_python), str(HERE / "peak.py")], N_THREADS)["flops"]
    registers = None
    if shutil.which("cargo"):
        # A filter that no kernel's name holds: the limits alone.
        command = ["cargo", "bench", "--quiet", "--bench", "kernels", "--", "limits alone"]
        told = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False).stdout
        if said := re.search(r"one core: (\d+) GFLOP/s in f32", told):
            registers = 1e9 * N_THREADS * float(said[1])
    return {"registers": registers, "product": product}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    parser.add_argument("--out", type=Path, help="record; the table goes beside it")
    parser.add_argument("--quick", action="store_true", help="the two smallest sizes, one short repetition")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--workload", choices=[*SIZES], action="append", help="only these (repeatable)")
    parser.add_argument("--cell", choices=[*CELLS], action="append", help="only these (repeatable)")
    parser.add_argument("--only-peers", action="store_true", help="leave fastigial out")
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
    workloads = options.workload or ([*SIZES][:2] if options.quick else [*SIZES])
    record: dict[str, Any] = {
        "machine": machine(),
        "peak": peak(options),
        "repetitions": options.repetitions,
        "rows": [],
    }
    table = ""
    for workload in workloads:
        for cell in options.cell or CELLS:
            if not peers(workload, cell):
                continue
            found = take_turns(workload, cell, options)
            ours = found.pop("fastigial", [])
            for peer, theirs in found.items():
                record["rows"].append(summarise(workload, cell, peer, theirs, ours))
            # A run takes minutes: what is measured is kept even if the rest fails.
            table = markdown(record)
            write("networks", record, table, options.out)
    print(table)


if __name__ == "__main__":
    main()
