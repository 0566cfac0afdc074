"""Run every notebook of this folder from a clean kernel, and fail if one of them does not run clean.

::

    python notebooks/execute.py                       # run all, change no file
    python notebooks/execute.py --only 01 --out DIR   # run some, put the executed copies into DIR
    python notebooks/execute.py --write               # run all, keep their outputs in place

The kernel is the interpreter that runs this script; no kernel needs to be registered. A cell fails if it
raises, and also if it writes to standard error: a warning that a reader would see is a defect. Notebooks are
committed without outputs (some recordings may be looked at but not passed on), so ``--write`` is for reading,
not for committing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).resolve().parent
TIMEOUT_SECONDS = 300


class ThisInterpreter(AsyncKernelManager):
    """Starts kernels with the Python that runs this script, registered or not."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """What to start; the log level leaves out the kernel's remarks on its transport."""
        launcher = ["-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        return KernelSpec(argv=[sys.executable, *launcher], display_name="Python", language="python")


def execute(path: Path) -> nbformat.NotebookNode:
    """Run one notebook and return it with its outputs.

    Raises
    ------
    CellExecutionError
        If a cell raises.
    RuntimeError
        If a cell writes to standard error.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_manager_class=ThisInterpreter,
        resources={"metadata": {"path": str(HERE)}},
    )
    client.execute()
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"cell {number} wrote to standard error:\n{output.text}")
    return notebook


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only notebooks whose name holds TEXT")
    parser.add_argument("--write", action="store_true", help="keep the outputs in the notebooks themselves")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at once")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the executed copies into DIR")
    return parser.parse_args()


def main() -> int:
    """Run them all, some side by side, report each on one line as it ends, return 1 if one failed."""
    options = arguments()
    # Bars redraw themselves on standard error; nobody watches them here.
    os.environ["TQDM_DISABLE"] = "1"
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    paths = [path for path in sorted(HERE.glob("[0-9][0-9]_*.ipynb")) if options.only in path.name]
    if not paths:
        print(f"no notebook in this folder has {options.only!r} in its name", file=sys.stderr)
        return 1
    with ThreadPoolExecutor(options.jobs) as pool:
        ended = pool.map(partial(run_one, options), paths)
        return 0 if all(list(ended)) else 1


def run_one(options: argparse.Namespace, path: Path) -> bool:
    """Run one, say how it ended, keep its outputs where that is asked for; whether it ran clean."""
    start = time.perf_counter()
    try:
        notebook = execute(path)
    except (CellExecutionError, RuntimeError) as error:
        print(f"{path.name}: FAILED after {time.perf_counter() - start:.1f} s\n{error}", flush=True)
        return False
    print(f"{path.name}: ok in {time.perf_counter() - start:.1f} s", flush=True)
    targets = [path] if options.write else []
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        targets.append(options.out / path.name)
    for target in targets:
        nbformat.write(notebook, target)
    return True


if __name__ == "__main__":
    sys.exit(main())
