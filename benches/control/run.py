"""Training steps of a policy that moves an arm of six muscles: fastigial against MotorNet, in turn, on the same machine.

    python benches/control/run.py --peer PYTHON [--rounds 15]

PYTHON is an interpreter that has ``motornet`` and ``torch``; both take two threads. Each line of the table is the median of all
rounds, with the lowest and the highest; a round is one step of each, one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CASES = [(128, 64, 100), (256, 64, 300)]


class Contender:
    """A process that makes a step for every line."""

    def __init__(self, python: str, script: str, case: tuple[int, int, int]) -> None:
        command = [python, str(HERE / script), *map(str, case)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            raise RuntimeError(f"{script} did not start")

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def step(self) -> float:
        """Seconds of one."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print("| units | batch | steps | fastigial, ms | MotorNet, ms | ratio |\n| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        pair = [
            Contender(sys.executable, "in_fastigial.py", case),
            Contender(options.peer, "in_motornet.py", case),
        ]
        times = [[contender.step() for contender in pair] for _ in range(options.rounds)]
        for contender in pair:
            contender.close()
        columns = [sorted(1000 * row[i] for row in times) for i in range(2)]
        ours, theirs = (f"{statistics.median(c):.0f} ({c[0]:.0f}–{c[-1]:.0f})" for c in columns)
        ratio = statistics.median(theirs / ours for ours, theirs in times)
        print(f"| {' | '.join(map(str, case))} | {ours} | {theirs} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
