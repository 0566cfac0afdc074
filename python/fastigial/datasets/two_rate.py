"""Reaches of people in the schedule that tells fast from slow learning: rotation, its opposite, error clamp."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.files import data_folder

__all__ = ["TwoRateReaches", "load_two_rate"]

_FILE = Path("behaviour_two_rate") / "tworatedata.csv"
_ATTRS = {
    "source": "https://github.com/thartbm/SMCL, data/tworatedata.rda",
    "licence": "GPL-3 (the R package that holds the data)",
    "citation": "'t Hart & Henriques, SMCL; the paradigm: Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006",
}


@dataclass(frozen=True, eq=False)
class TwoRateReaches:
    """Directions of reaches under a visuomotor rotation.

    Attributes
    ----------
    reaches : ndarray, shape (n_people, n_trials)
        Degrees off the target, positive against the first rotation; NaN was not measured.
    perturbation : ndarray, shape (n_trials,)
        Degrees that a reach had to be off the target to hit it; NaN in the error clamp.
    block : ndarray of int, shape (n_trials,)
        1 aligned, 2 rotated, 3 rotated to the other side, 4 clamped.
    people : tuple of str
    attrs : dict of str to str
        Where they are from, their licence and whom to cite.
    """

    reaches: NDArray[np.float64]
    perturbation: NDArray[np.float64]
    block: NDArray[np.intp]
    people: tuple[str, ...]
    attrs: dict[str, str] = field(default_factory=lambda: dict(_ATTRS))

    def __repr__(self) -> str:
        return f"<TwoRateReaches: {len(self.people)} people, {len(self.block)} trials>"


def load_two_rate(path: str | PathLike[str] | None = None) -> TwoRateReaches:
    """Read the reaches of 17 people in 164 trials: 32 aligned, 100 rotated by −30°, 12 by +30°, 20 in an error clamp.

    Parameters
    ----------
    path : str or path, optional
        A table with the columns block, trial, schedule and one for each person; by default
        ``behaviour_two_rate/tworatedata.csv`` in the folder that FASTIGIAL_DATA names.

    Returns
    -------
    TwoRateReaches

    Raises
    ------
    FileNotFoundError
        If there is none; the message says where the data are from.
    ValueError
        If it is another table.

    Notes
    -----
    The authors publish an R file; ``write.csv(tworatedata, "tworatedata.csv", row.names = FALSE)`` in R makes the table
    that is read here.

    Examples
    --------
    >>> from fastigial.datasets import load_two_rate
    >>> load_two_rate()  # doctest: +SKIP
    <TwoRateReaches: 17 people, 164 trials>
    """
    folder = data_folder()
    file = Path(path) if path is not None else (folder / _FILE if folder is not None else None)
    if file is None or not file.is_file():
        raise FileNotFoundError(
            f"{_FILE} is not on this computer: set FASTIGIAL_DATA to a folder that holds it, or name the file. It is a "
            f"table of {_ATTRS['source']} ({_ATTRS['licence']}), written as CSV by R."
        )
    lines = file.read_text(encoding="utf-8").splitlines()
    names = [name.strip().strip('"') for name in lines[0].split(",")] if lines else []
    if names[:3] != ["block", "trial", "schedule"] or len(names) < 4:
        raise ValueError(f"{file} has the columns {names[:4]}, expected block, trial, schedule and one for each person")
    missing = {"", "na", "nan"}
    cells = [[cell.strip().strip('"') for cell in line.split(",")] for line in lines[1:] if line.strip()]
    if any(len(row) != len(names) for row in cells):
        raise ValueError(f"{file} has rows of several lengths, expected {len(names)} cells in each")
    table = np.array([[np.nan if cell.lower() in missing else float(cell) for cell in row] for row in cells])
    return TwoRateReaches(
        np.ascontiguousarray(table[:, 3:].T), -table[:, 2] + 0.0, table[:, 0].astype(np.intp), tuple(names[3:])
    )
