"""Outputs and all gradients of fastigial's networks against PyTorch's autograd and JAX's, for the same weights.

Run with the Python that has fastigial; the peers live in an environment of their own::

    python benches/networks/equal.py --peers-python .venv-peers/bin/python

A difference is the largest of an array's entries over the largest of its size. In double precision all of them have to
be below 1e-10, in single precision below 1e-5. Prints a table and exits with 1 if any is not, and with 2 if fastigial
has no networks yet: then PyTorch and JAX are compared with each other alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import cases
import equations
import numpy as np
from cases import CASES, Case
from numpy.typing import NDArray

import fastigial as fg

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from children import run_child  # noqa: E402 (lies one folder up)

ALLOWED = {"float64": 1e-10, "float32": 1e-5}
PEERS = ("torch", "jax")

Arrays = dict[str, NDArray[Any]]


def by_fastigial(case: Case, precision: str) -> Arrays:
    """Outputs and gradients by fastigial."""
    inputs, targets, mask = cases.data(case)
    inputs, targets = inputs.astype(precision), targets.astype(precision)
    parameters = {name: array.astype(precision) for name, array in cases.parameters(case).items()}
    net: Any
    if case.layer:
        state = {name: array.astype(precision) for name, array in cases.layer_state(case).items()}
        net = fg.RNN.from_torch(state, readout=(parameters["W_out"], parameters["b_out"]))
    else:
        sizes = (cases.N_INPUTS, cases.N_UNITS, cases.N_OUTPUTS)
        net = fg.RNN(*sizes, dtype=precision, **equations.settings(case))
        net.set_parameters(parameters)
    _, gradients = net.gradient(inputs, targets, mask=mask)
    return {"outputs": net.run(inputs, noise=False).outputs, **gradients}


def by_peer(package: str, python: Path) -> dict[tuple[str, str], Arrays]:
    """Outputs and gradients by a peer, by case and precision."""
    found: dict[tuple[str, str], Arrays] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.npz"
        run_child([str(python), str(HERE / "equal_peers.py"), package, str(path)], 1)
        with np.load(path) as file:
            for key in file:
                title, precision, name = key.rsplit("/", 2)
                found.setdefault((title, precision), {})[name] = file[key]
    return found


def difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Largest difference over the largest size; infinite if shapes differ or anything is not finite."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one - other).max() / max(np.abs(other).max(), np.finfo(float).tiny))


def compare(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Difference of the outputs, and the largest of the gradients'; infinite if parameters differ."""
    if ours.keys() != theirs.keys():
        return {"outputs": difference(ours["outputs"], theirs["outputs"]), "gradients": float("inf")}
    gradients = [difference(ours[name], theirs[name]) for name in theirs if name != "outputs"]
    return {"outputs": difference(ours["outputs"], theirs["outputs"]), "gradients": max(gradients)}


def line(title: str, peer: str, found: dict[str, dict[str, float]]) -> tuple[str, bool]:
    """One line of the table, and whether all is well."""
    cells, well = [], True
    for precision in ALLOWED:
        for value in found[precision].values():
            good = value < ALLOWED[precision]
            cells.append(f"{value:.1e}" if good else f"**{value:.1e}**")
            well &= good
    return f"| {title} | {peer} | {' | '.join(cells)} |", well


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-peers/bin/python"))
    options = parser.parse_args()
    if not options.peers_python.exists():
        parser.error(f"--peers-python: expected a Python with peers/requirements.txt, got {options.peers_python}")
    peers = {package: by_peer(package, options.peers_python) for package in PEERS}
    ready = hasattr(fg, "RNN")
    print("| network | against | outputs, f64 | gradients, f64 | outputs, f32 | gradients, f32 |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    all_well = True
    for case in CASES:
        for package, theirs in peers.items() if ready else [("torch and jax", peers["torch"])]:
            found = {}
            for precision in ALLOWED:
                key = (case.title, precision)
                ours = by_fastigial(case, precision) if ready else peers["jax"][key]
                found[precision] = compare(ours, theirs[key])
            told, well = line(case.title, package, found)
            print(told, flush=True)
            all_well &= well
    if not ready:
        print(f"fastigial {fg.__version__} has no networks yet: expected fastigial.RNN", file=sys.stderr)
    sys.exit(1 if not all_well else 0 if ready else 2)


if __name__ == "__main__":
    main()
