"""Training steps of a policy that moves an arm of six muscles: fastigial against MotorNet, in turn, on one machine.

    python benches/control/run.py --peer PYTHON [--rounds 15]

PYTHON is an interpreter that has ``motornet`` and ``torch``. A round is one step of each, one after the other; each
line of the table has medians over all rounds, with the lowest and the highest. PyTorch's threads wait for each other by
spinning, which on a busy machine can take longer than the work: MotorNet runs on one thread and on two, and the ratio
is that to the better of the two.
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

    def __init__(self, python: str, script: str, n_threads: int, case: tuple[int, int, int]) -> None:
        command = [python, str(HERE / script), str(n_threads), *map(str, case)]
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
    print("| units | batch | steps | fastigial, 2 threads, ms | MotorNet, 1 thread, ms | 2 threads, ms | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        contenders = [
            Contender(sys.executable, "in_fastigial.py", 2, case),
            Contender(options.peer, "in_motornet.py", 1, case),
            Contender(options.peer, "in_motornet.py", 2, case),
        ]
        times = [[contender.step() for contender in contenders] for _ in range(options.rounds)]
        for contender in contenders:
            contender.close()
        columns = [sorted(1000 * row[i] for row in times) for i in range(len(contenders))]
        medians = [statistics.median(column) for column in columns]
        cells = [f"{m:.0f} ({c[0]:.0f}–{c[-1]:.0f})" for m, c in zip(medians, columns, strict=True)]
        ratio = min(medians[1:]) / medians[0]
        print(f"| {' | '.join([*map(str, case), *cells])} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()
