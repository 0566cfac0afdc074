"""``python -m fastigial.demo``: decompose a recording and write a report about it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fastigial.demo.analysis import Options, analyse
from fastigial.demo.files import material_from_file
from fastigial.demo.sources import Material, Plan, UserError, material_for_demo, simulated
from fastigial.demo.words import console_lines
from fastigial.recording import DIMS

USER_ERROR, INTERRUPTED = 2, 130

EPILOG = """\
examples
  python -m fastigial.demo
      the real recordings below the folder that FASTIGIAL_DATA names, else a simulated session
  python -m fastigial.demo --data counts.npy --bin-width 0.02 --smooth 2 --normalize sd
      your own array of spike counts, (trials, neurons, time)
  python -m fastigial.demo --data session.mat --key spikes --axes neuron,time,trial --conditions side
      another order of axes, and labels of the trials from the same file
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Examples
    --------
    >>> from fastigial.demo.__main__ import parser
    >>> parser().parse_args(["--slicetca-components", "2,1,0"]).slicetca_components
    (2, 1, 0)
    """
    found = argparse.ArgumentParser(
        prog="python -m fastigial.demo",
        description="Decompose a recording (trials × neurons × time) with TCA and SliceTCA, and write a "
        "report (one HTML file) and both models (.safetensors).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--out", type=Path, default=Path("demo-report"), metavar="DIR", help="default: demo-report")
    found.add_argument(
        "--tca-components",
        type=_at_least_one,
        metavar="R",
        help="default: chosen from 1 to 8 on held-out data",
    )
    found.add_argument(
        "--slicetca-components",
        type=_three_ranks,
        metavar="R0,R1,R2",
        help="trial-, neuron-, time-slicing components; default: chosen from a short list on held-out data",
    )
    found.add_argument("--starts", type=_at_least_one, default=20, metavar="N", help="starts of TCA; default: 20")
    found.add_argument("--signed", action="store_true", help="let TCA factors be negative even where the data are not")
    found.add_argument("--seed", type=_seed, default=0, metavar="N", help="of all that is random; default: 0")
    found.add_argument(
        "--simulated", action="store_true", help="the simulated session, even where there are real recordings"
    )
    own = found.add_argument_group("your own recording")
    own.add_argument(
        "--data", type=Path, metavar="FILE", help=".npy, .npz or .mat (before version 7.3); NaN: not observed"
    )
    own.add_argument("--key", metavar="NAME", help="which array of the file; default: the only one with 3 axes")
    own.add_argument(
        "--axes", type=_names, metavar="A,B,C", help="order of the file's axes; default: trial,neuron,time"
    )
    own.add_argument("--bin-width", type=float, metavar="SECONDS", help="width of a time bin")
    own.add_argument(
        "--conditions",
        metavar="NAME|FILE",
        help="one label per trial: array in the file, .npy, or text, one a line",
    )
    own.add_argument("--smooth", type=_not_negative, metavar="BINS", help="SD of a Gaussian along time; default: none")
    own.add_argument(
        "--normalize",
        choices=("sd", "zscore", "range", "soft"),
        help="scale each neuron; default: leave as it is",
    )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the demo.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line; those of this process by default.

    Returns
    -------
    int
        0, or 2 for a mistake in the arguments, or 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With status 2, if the arguments cannot be parsed.

    Examples
    --------
    >>> from fastigial.demo.__main__ import main
    >>> main(["--key", "spikes"])
    2
    """
    given = parser().parse_args(arguments)
    try:
        _run(given)
    except UserError as error:
        print(f"fastigial.demo: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\nfastigial.demo: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _run(given: argparse.Namespace) -> None:
    started = time.perf_counter()
    options = Options(given.tca_components, given.slicetca_components, given.signed, given.starts, given.seed)
    materials, reason = _materials(given)
    out: Path = given.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be made a folder ({error.strerror})") from error
    print(reason)
    analyses = []
    for material in materials:
        print(f"\n{material.title}\n  {material.recording!r}")
        for name in ("licence", "citation"):
            if name in material.recording.attrs:
                print(f"  {name}: {material.recording.attrs[name]}")
        analyses.append(analyse(material, options))
        for line in console_lines(analyses[-1]):
            print(f"  {line}")

    # Only now, so that a mistake in the arguments is told without waiting for matplotlib.
    from fastigial.demo.report import write

    try:
        report = write(analyses, out, reason, seed=options.seed)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error})") from error
    print(f"\nDone in {time.perf_counter() - started:.1f} s. The report is at {report}")


def _materials(given: argparse.Namespace) -> tuple[list[Material], str]:
    if given.data is not None:
        if given.simulated:
            raise UserError("--simulated and --data exclude each other")
        material = material_from_file(
            given.data,
            key=given.key,
            axes=given.axes or DIMS,
            bin_width=given.bin_width,
            conditions=given.conditions,
            plan=Plan(sd_bins=given.smooth, normalization=given.normalize),
        )
        return [material], f"Your recording, from {given.data.name}."
    for name in ("key", "axes", "bin_width", "conditions", "smooth", "normalize"):
        if getattr(given, name) is not None:
            raise UserError(f"--{name.replace('_', '-')} needs --data FILE")
    if given.simulated:
        return [simulated(given.seed)], "Simulated data, as --simulated asks."
    try:
        return material_for_demo(given.seed)
    except (OSError, ValueError) as error:
        raise UserError(f"FASTIGIAL_DATA: {error}") from error


def _at_least_one(text: str) -> int:
    value = int(text) if text.strip().isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number from 1")
    return value


def _seed(text: str) -> int:
    if not text.strip().isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a whole number from 0 to 2**32 - 1")
    return int(text)


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected a number of bins from 0")
    return value


def _three_ranks(text: str) -> tuple[int, int, int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() for part in parts) or not any(int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected three whole numbers such as 2,1,1, not all 0")
    return int(parts[0]), int(parts[1]), int(parts[2])


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if sorted(names) != sorted(DIMS):
        raise argparse.ArgumentTypeError(f"is {text!r}, expected trial, neuron and time once each, in any order")
    return names


if __name__ == "__main__":
    sys.exit(main())
