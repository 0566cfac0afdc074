"""Child process: smooth pursuit learned online, sample by sample, and how far ahead of the clock that is.

Prints one line of JSON, last: simulated seconds a second of each block of trials.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import fastigial as fg

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import busy_seconds, cores_busy_elsewhere

TRIAL_SECONDS = 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50, help="of a block")
    parser.add_argument("--blocks", type=int, default=5)
    options = parser.parse_args()
    record: dict[str, Any] = {}
    busy_before, start = busy_seconds(), time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        if hasattr(fg.models, "CounterfactualPredictiveControl"):
            control = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
            control.online(1)
            record["ratios"] = []
            for _ in range(options.blocks):
                begin = time.perf_counter()
                control.online(options.trials)
                record["ratios"].append(options.trials * TRIAL_SECONDS / (time.perf_counter() - begin))
        else:
            record["refused"] = "expected fastigial.models.CounterfactualPredictiveControl"
    record["cores_busy_elsewhere"] = cores_busy_elsewhere(busy_before, start)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
