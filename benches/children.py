"""Measurements run in processes of their own: a clean environment, one line of JSON back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
"""Where records and tables go; git ignores it."""

# Settings that steer OpenBLAS to kernels or block sizes other than those it would choose itself: whoever calls NumPy
# is measured as on a machine that has neither.
BLAS_OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

THREAD_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "FASTIGIAL_NUM_THREADS")


def run_child(command: list[str], n_threads: int | None = None) -> dict[str, Any]:
    """Run a command and return the JSON of its last line of output; exits with its complaint if it fails.

    With ``n_threads`` every package's threads are as many, whoever is measured; otherwise each has its default.
    """
    environment = {name: value for name, value in os.environ.items() if name not in BLAS_OVERRIDES}
    if n_threads is not None:
        environment |= dict.fromkeys(THREAD_SETTINGS, str(n_threads))
    child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command[1:])} failed:\n{child.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return measured


def write(name: str, record: dict[str, Any], table: str, out: Path | None = None) -> None:
    """Write the record and, beside it, the table; by default to ``benches/results/<name>.json`` and ``.md``."""
    path = out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")
    path.with_suffix(".md").write_text(table)
