"""Macaque motor cortex while reaches adapt to a force field, with and without cerebellar block.

Israely et al. 2025, Nature Communications: one file per unit, joined here into sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict

import numpy as np

from fastigial.datasets.files import data_folder
from fastigial.datasets.pmd_reach import count_samples, samples_per_bin
from fastigial.datasets.registry import FORCE_FIELD
from fastigial.preprocess import COUNTS, bin_centres
from fastigial.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ForceFieldDay", "fetch_force_field_days", "list_force_field_days", "load_force_field_day"]

BLOCKS = ("cont8", "cont1", "FF", "HFS", "FFHFS")
ALIGNMENTS = ("inCenter", "cue", "go", "to")
MILLISECONDS = 1e-3
# The files hold 6001 samples of 1 ms, from 3 s before to 3 s after the event.
SAMPLES_BEFORE_EVENT = 3000


class ForceFieldDay(TypedDict):
    """One row of :func:`list_force_field_days`."""

    date: str
    session: str
    n_units: int
    n_excluded: int
    learned_target: int
    n_trials: dict[str, int]
    missing: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """One trial of one unit: what the unit's file says of it."""

    block: str
    column: int
    row: int
    target: int
    force_direction: int
    valid: bool
    # In centre, cue, movement onset and end, in ms relative to the go signal.
    events: tuple[float, float, float, float]
    path: NDArray[np.float64]

    def is_same(self, other: Trial) -> bool:
        """Tell whether two units' files mean the same moment of the day."""
        return (self.block, self.target, self.events) == (other.block, other.target, other.events)


@dataclass(frozen=True)
class Unit:
    """One unit's file."""

    name: str
    date: str
    area: str
    learned_target: int
    table: NDArray[Any]
    rows: dict[str, int]
    trials: dict[int, Trial]

    def spikes(self, align: str, column: int) -> NDArray[Any]:
        """Return the 1-ms spike trains of a block, (n_trials, 6001)."""
        trains: NDArray[Any] = self.table[self.rows[f"sp_{align}"], column]
        return trains


def fetch_force_field_days() -> NoReturn:
    """Say how to get the force-field recordings; many files without a licence, they are not downloaded.

    Raises
    ------
    NotImplementedError
        Always; the message holds the commands.

    Examples
    --------
    >>> from fastigial.datasets import fetch_force_field_days
    >>> fetch_force_field_days()
    Traceback (most recent call last):
    ...
    NotImplementedError: The force-field recordings are many files without a licence...
    """
    raise NotImplementedError(
        "The force-field recordings are many files without a licence, so they are not downloaded for you. " + _how_to()
    )


def list_force_field_days(folder: str | Path | None = None) -> list[ForceFieldDay]:
    """List what can be loaded, one row per date and session; it reads every file, which takes seconds.

    Parameters
    ----------
    folder : path, optional
        With the ``s*_D*_*.mat`` files. By default ``monkey_cerebellar_block/force_field`` below
        FASTIGIAL_DATA.

    Returns
    -------
    list of dict
        date, session, n_units (joined), n_excluded (see :func:`load_force_field_day`), learned_target,
        n_trials (per block) and missing (per block, share of unit × trial pairs that are not observed or not
        valid). ``pandas.DataFrame(rows)`` makes a table of it.

    Raises
    ------
    FileNotFoundError
        If the files are not there; the message says how to get them.

    Examples
    --------
    >>> from fastigial.datasets import list_force_field_days
    >>> [row["date"] for row in list_force_field_days()]  # doctest: +SKIP
    ['s051219', 's051219', 's051219', 's111219', ...]
    """
    rows: list[ForceFieldDay] = []
    for session in sorted({path.stem.rsplit("_", 1)[0] for path in _files(folder)}, key=_natural):
        units, excluded = _joined([_read_unit(path) for path in _files(folder, f"{session}_*.mat")])
        trials = _all_trials(units)
        numbers = {block: [n for n, trial in trials.items() if trial.block == block] for block in BLOCKS}
        seen = {
            block: sum(n in unit.trials and unit.trials[n].valid for unit in units for n in numbers[block])
            for block in BLOCKS
        }
        rows.append(
            {
                "date": units[0].date,
                "session": session.split("_")[1],
                "n_units": len(units),
                "n_excluded": len(excluded),
                "learned_target": units[0].learned_target,
                "n_trials": {block: len(numbers[block]) for block in BLOCKS if numbers[block]},
                "missing": {
                    block: round(1 - seen[block] / (len(units) * len(numbers[block])), 3)
                    for block in BLOCKS
                    if numbers[block]
                },
            }
        )
    return rows


def load_force_field_day(
    date: str = "s220120",
    session: str = "D1",
    *,
    blocks: Sequence[str] = ("cont1", "FF"),
    align: Literal["go", "cue", "to", "inCenter"] = "go",
    window: tuple[float, float] = (-0.5, 1.0),
    bin_width: float = 0.02,
    valid_only: bool = True,
    folder: str | Path | None = None,
    dtype: Literal["float64", "float32"] = "float64",
) -> Recording:
    """Load the units recorded together in one session, trials in the order they were performed.

    On one date the animal learned up to four targets one after another, each with other units and with trial
    numbers that start again from 1. These sessions (``"D1"``, ``"D2"``, … in the file names) are loaded one
    at a time, for units of different sessions were not recorded together. Units are joined by trial number. A
    few units were recorded for part of a session and number (and label) their trials on their own, so that
    their event times contradict the others': they are left out and named in ``attrs["excluded_units"]``.
    Spike times were rounded to milliseconds separately for each alignment.

    Parameters
    ----------
    date : str
        As in :func:`list_force_field_days`, e.g. ``"s220120"``.
    session : str
        ``"D1"`` to ``"D4"``.
    blocks : sequence of str
        From ``"cont8"`` (null field, eight targets), ``"cont1"`` (null field, the target to learn), ``"FF"``
        (force field), ``"HFS"`` (cerebellar block), ``"FFHFS"`` (force field under cerebellar block).
    align : {"go", "cue", "to", "inCenter"}
        Event at time zero: go signal, target cue, movement onset, hand in the centre.
    window : (start, stop)
        In seconds relative to the event, within (-3, 3).
    bin_width : float
        In seconds, a whole number of milliseconds.
    valid_only : bool
        Treat a unit as not observed (NaN) in the trials that its file flags as not valid.
    folder : path, optional
        With the ``.mat`` files. By default ``monkey_cerebellar_block/force_field`` below FASTIGIAL_DATA.
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording, shape (n_trials, n_units, n_steps)
        NaN where a unit misses a trial. Coordinates

        * trial: trial_number, block, target (1–8, counter-clockwise from the right in steps of 45°),
          force_direction (the file's code), n_valid_units, reaction_time (go to movement onset, s),
          movement_time (onset to end, s), peak_deviation (of the hand path, see below);
        * neuron: unit, area;
        * time: bin centres relative to the event, s.

        peak_deviation is the largest distance of the hand from the straight line that leaves the first hand
        sample in the direction of the target: positive to the left of the reach, in the recording's own
        position units (the targets are about 2500 away). NaN where no path was stored.

    Raises
    ------
    FileNotFoundError
        If the files are not there (the message says how to get them), or not for this date and session.
    ValueError
        If a block, alignment, window or bin width is not possible, or no trial of these blocks was run.

    Examples
    --------
    >>> from fastigial.datasets import load_force_field_day
    >>> load_force_field_day("s220120", "D1").shape  # doctest: +SKIP
    (69, 12, 75)
    """
    unknown = [block for block in blocks if block not in BLOCKS]
    if isinstance(blocks, str) or unknown or not blocks:
        raise ValueError(f"blocks must be a sequence of names from {BLOCKS}, got {blocks!r}")
    if align not in ALIGNMENTS:
        raise ValueError(f"align must be one of {ALIGNMENTS}, got {align!r}")
    samples = samples_per_bin(bin_width)
    centres = bin_centres(window, bin_width)
    first = round(window[0] / MILLISECONDS) + SAMPLES_BEFORE_EVENT
    last = first + samples * len(centres)
    if abs(first - SAMPLES_BEFORE_EVENT - window[0] / MILLISECONDS) > 1e-6 or first < 0 or last > 6000:
        raise ValueError(f"window must lie within (-3, 3) s and start at a whole millisecond, got {window}")
    units, excluded = _joined(_read_session(date, session, folder))
    trials = {number: trial for number, trial in _all_trials(units).items() if trial.block in blocks}
    if not trials:
        raise ValueError(f"{date} {session} has no trials in blocks {tuple(blocks)}")
    numbers = sorted(trials)
    counts = np.full((len(numbers), len(units), len(centres)), np.nan, dtype=dtype)
    for neuron, unit in enumerate(units):
        binned: dict[int, NDArray[Any]] = {}
        for position, number in enumerate(numbers):
            trial = unit.trials.get(number)
            if trial is None or (valid_only and not trial.valid):
                continue
            if trial.column not in binned:
                binned[trial.column] = count_samples(unit.spikes(align, trial.column)[:, first:last], samples)
            counts[position, neuron] = binned[trial.column][trial.row]
    ordered = [trials[number] for number in numbers]
    n_valid = [sum(n in unit.trials and unit.trials[n].valid for unit in units) for n in numbers]
    to_onset = np.array([trial.events[2] for trial in ordered])
    to_end = np.array([trial.events[3] for trial in ordered])
    return Recording(
        counts,
        coords={
            "trial_number": ("trial", np.array(numbers)),
            "block": ("trial", np.array([trial.block for trial in ordered])),
            "target": ("trial", np.array([trial.target for trial in ordered])),
            "force_direction": ("trial", np.array([trial.force_direction for trial in ordered])),
            "n_valid_units": ("trial", np.array(n_valid)),
            "reaction_time": ("trial", to_onset * MILLISECONDS),
            "movement_time": ("trial", (to_end - to_onset) * MILLISECONDS),
            "peak_deviation": ("trial", np.array([peak_deviation(t.path, t.target) for t in ordered])),
            "unit": ("neuron", np.array([unit.name for unit in units])),
            "area": ("neuron", np.array([unit.area for unit in units])),
            "time": ("time", centres),
        },
        name=f"force field {date} {session}",
        attrs={
            **FORCE_FIELD.attrs(),
            "units": COUNTS,
            "trial_order": "as performed, by trial_number; numbers left out were not stored",
            "aligned_to": align,
            "learned_target": units[0].learned_target,
            "excluded_units": excluded,
        },
    )


def peak_deviation(path: NDArray[np.float64], target: int) -> float:
    """Measure the largest signed distance of a hand path from the straight line to its target.

    Parameters
    ----------
    path : ndarray, shape (n_samples, 2)
        Horizontal and vertical position.
    target : int
        1–8, counter-clockwise from the right in steps of 45°.

    Returns
    -------
    float
        Positive to the left of the reach, in the units of `path`; NaN for an empty path.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.datasets.force_field import peak_deviation
    >>> peak_deviation(np.array([[0.0, 0.0], [5.0, -2.0], [10.0, 1.0]]), target=1)
    -2.0
    """
    if path.size == 0:
        return float("nan")
    angle = np.deg2rad(45.0 * (target - 1))
    lateral = (path - path[0]) @ np.array([-np.sin(angle), np.cos(angle)])
    return float(lateral[np.argmax(np.abs(lateral))])


def _how_to() -> str:
    source = FORCE_FIELD
    return (
        f"Clone https://github.com/{source.repository}, check out commit {source.commit} and pass "
        f"the path of its folder {source.path} as folder=, or copy that folder to {source.folder} below the "
        f"folder that the environment variable FASTIGIAL_DATA names. Licence: {source.licence}."
    )


def _files(folder: str | Path | None, pattern: str = "s*_D*_*.mat") -> list[Path]:
    if folder is None:
        base = data_folder()
        if base is None:
            raise FileNotFoundError(f"no folder given and FASTIGIAL_DATA is not set. {_how_to()}")
        folder = base / FORCE_FIELD.folder
    paths = sorted(Path(folder).glob(pattern), key=lambda path: _natural(path.stem))
    if not paths:
        raise FileNotFoundError(f"no files {pattern} in {folder}. {_how_to()}")
    return paths


def _natural(stem: str) -> list[tuple[str, int]]:
    """Build the sort key that puts s13 before s100."""
    return [(part.rstrip("0123456789"), int(part.lstrip("sD") or 0)) for part in stem.split("_")]


def _read_session(date: str, session: str, folder: str | Path | None) -> list[Unit]:
    """Read all units of a session; the date is inside the files, so one file of each prefix is opened."""
    first_of = {path.stem.split("_")[0]: path for path in reversed(_files(folder))}
    dates = {_date_of(path, path.stat().st_mtime_ns): prefix for prefix, path in first_of.items()}
    if date not in dates:
        raise FileNotFoundError(f"no recordings of date {date!r}; there are {', '.join(dates)}")
    prefix = dates[date]
    sessions = sorted({path.stem.split("_")[1] for path in _files(folder, f"{prefix}_D*_*.mat")})
    if session not in sessions:
        raise FileNotFoundError(f"no session {session!r} on {date}; there are {', '.join(sessions)}")
    return [_read_unit(path) for path in _files(folder, f"{prefix}_{session}_*.mat")]


@lru_cache(maxsize=256)
def _date_of(path: Path, _modified: int) -> str:
    """Read the date inside a file; once, for sessions of one folder are often loaded one after another."""
    return _read_unit(path).date


def _read_unit(path: Path) -> Unit:
    from scipy.io import loadmat

    record = loadmat(path)["short_dat"][0, 0]
    table = record["var_modas"]
    rows = {_text(label): row for row, label in enumerate(table[:, 0])}
    columns = {_text(label): column for column, label in enumerate(table[0])}
    trials: dict[int, Trial] = {}
    for block in BLOCKS:
        if block not in columns or table[rows["tr_number"], columns[block]].size == 0:
            continue
        column = columns[block]
        events = np.stack(
            [table[rows[name], column].ravel() for name in ("In_center_ev", "cue_ev", "to_ev", "end_tr_ev")],
            axis=1,
        ).astype(np.float64)
        for row, number in enumerate(table[rows["tr_number"], column].ravel().tolist()):
            in_centre, cue, onset, end = events[row].tolist()
            trials[number] = Trial(
                block=block,
                column=column,
                row=row,
                target=int(table[rows["targets"], column].ravel()[row]),
                force_direction=int(table[rows["FF_direction"], column].ravel()[row]),
                valid=bool(table[rows["valid_trials"], column].ravel()[row]),
                events=(in_centre, cue, onset, end),
                path=np.asarray(table[rows["XY_data"], column].ravel()[row], dtype=np.float64),
            )
    return Unit(
        name=path.stem,
        date=_text(record["date"]),
        area=_text(record["area"]),
        learned_target=int(_text(record["learned_traget"])),
        table=table,
        rows=rows,
        trials=trials,
    )


def _text(cell: Any) -> str:
    values = np.asarray(cell).ravel()
    return str(values[0]) if values.size else ""


def _joined(units: list[Unit]) -> tuple[list[Unit], list[str]]:
    """Separate units whose trial numbers mean the same trials as most others' from the rest (names)."""

    def agree(one: Unit, other: Unit) -> bool:
        shared = one.trials.keys() & other.trials.keys()
        return bool(shared) and all(one.trials[n].is_same(other.trials[n]) for n in shared)

    reference = max(units, key=lambda unit: sum(agree(unit, other) for other in units))
    kept = [unit for unit in units if agree(reference, unit)]
    names = {unit.name for unit in kept}
    return kept, [unit.name for unit in units if unit.name not in names]


def _all_trials(units: list[Unit]) -> dict[int, Trial]:
    """Collect every trial that any unit has."""
    return {number: trial for unit in units for number, trial in unit.trials.items()}
