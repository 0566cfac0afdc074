"""Macaque motor and premotor cortex, reaching with and without a block of the cerebellum's output.

Israely et al. 2025, Nature Communications: high-frequency stimulation of the superior cerebellar peduncle.
Two sets: reaches to eight targets in a null field, and days on which a force field was learned.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fastigial.datasets.files import data_folder
from fastigial.datasets.force_field import list_force_field_days, load_force_field_day
from fastigial.datasets.pmd_reach import count_samples, samples_per_bin
from fastigial.datasets.registry import NULL_FIELD
from fastigial.preprocess import COUNTS, bin_centres
from fastigial.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["load_cerebellar_block"]

Align = Literal["go", "cue", "onset"]

MILLISECONDS = 1e-3
# Spike trains of the null field have 4001 samples of 1 ms, 2 s before to 2 s after the event.
SAMPLES_BEFORE_EVENT = 2000
FILE_ALIGNMENTS = {"go": "GO", "cue": "CUE", "onset": "TO"}
FORCE_FIELD_ALIGNMENTS: dict[str, Literal["go", "cue", "to"]] = {"go": "go", "cue": "cue", "onset": "to"}
CONDITIONS = {"control": "control", "dbs": "block"}
# What the file's code does to the hand of this animal: to the left or to the right of its reach.
FORCE_SIDES = {2: 1, 3: -1}


def load_cerebellar_block(
    which: Literal["null_field", "force_field"] = "null_field",
    *,
    align: Align = "go",
    window: tuple[float, float] = (-0.5, 0.5),
    bin_width: float = 0.02,
    min_trials: int = 0,
    folder: str | Path | None = None,
    dtype: Literal["float64", "float32"] = "float32",
) -> list[Recording]:
    """Load spike counts of macaque cortex with and without cerebellar block, one recording per session.

    Units of one recording were recorded together; those of different recordings were not. Functions such as
    :func:`fastigial.analysis.reaiming_angle` take the list and pool its units.

    ``"null_field"``: 777 files of three animals, eight targets, no force; reading takes some seconds. Trials
    of different units are the same where target and event times (to 1/32 ms) agree. Trials come in the order
    of the files, which do not say whether that is the order of the day. Where one control block was followed
    by two blocks of stimulation, the authors count its units twice; `session` differs, `control_session` is
    the same.

    ``"force_field"``: 194 files of one animal on ten days, as :func:`load_force_field_day` joins them, with
    all blocks of a session in the order performed. One target was learned per session.

    Parameters
    ----------
    which : {"null_field", "force_field"}
    align : {"go", "cue", "onset"}
        Event at time zero: go signal, target cue, movement onset.
    window : (start, stop)
        In seconds relative to the event, within (-2, 2), for the force field (-3, 3).
    bin_width : float
        In seconds, a whole number of milliseconds.
    min_trials : int
        Leave out units with fewer trials than this with or without block.
    folder : path, optional
        With the ``.mat`` files. By default ``monkey_cerebellar_block/null_field`` or ``/force_field`` below
        FASTIGIAL_DATA.
    dtype : {"float64", "float32"}

    Returns
    -------
    list of Recording, each of shape (n_trials, n_units, n_steps)
        NaN where a unit lacks a trial. Coordinates

        * trial: condition ("control", "block"), field ("null", "force"), target (1–8, counter-clockwise from
          the right in steps of 45°), direction (the same in radians), cue_time and onset_time (s after go;
          NaN where not told);
        * trial, force field only: all of :func:`load_force_field_day`, and relative_direction: radians from
          the learned target, counted towards the side that the force pushes to, so that sessions with
          opposite forces pool;
        * neuron: unit, session, area ("m1", "pm", "ss"), animal, and control_session (null field);
        * time: bin centres relative to the event, s.

    Raises
    ------
    FileNotFoundError
        If the files are not there; the message says how to get them.
    ValueError
        If an argument is none of its choices, or a window or bin width is not possible.

    Examples
    --------
    >>> from fastigial.datasets import load_cerebellar_block
    >>> sessions = load_cerebellar_block("null_field", min_trials=40)  # doctest: +SKIP
    >>> sum(session.shape[1] for session in sessions)  # doctest: +SKIP
    74
    """
    if which not in ("null_field", "force_field"):
        raise ValueError(f"which is {which!r}, expected 'null_field' or 'force_field'")
    if align not in FILE_ALIGNMENTS:
        raise ValueError(f"align is {align!r}, expected 'go', 'cue' or 'onset'")
    if which == "force_field":
        return _force_field(FORCE_FIELD_ALIGNMENTS[align], window, bin_width, min_trials, folder, dtype)
    samples = samples_per_bin(bin_width)
    centres = bin_centres(window, bin_width)
    first = round(window[0] / MILLISECONDS) + SAMPLES_BEFORE_EVENT
    last = first + samples * len(centres)
    if abs(first - SAMPLES_BEFORE_EVENT - window[0] / MILLISECONDS) > 1e-6 or first < 0 or last > 4000:
        raise ValueError(f"window must lie within (-2, 2) s and start at a whole millisecond, got {window}")
    sessions: dict[str, list[Unit]] = {}
    for path in _files(folder):
        unit = _read_unit(path, FILE_ALIGNMENTS[align], slice(first, last), samples)
        n_blocked = sum(trial.condition == "block" for trial in unit.trials.values())
        if min(n_blocked, len(unit.trials) - n_blocked) >= min_trials:
            sessions.setdefault(f"{unit.session} {unit.area}", []).append(unit)
    return [_joined(units, centres, align, dtype) for units in sessions.values()]


@dataclass(frozen=True)
class Trial:
    """What a unit's file says of one trial; times in seconds after the go signal."""

    condition: str
    target: int
    cue: float
    onset: float


@dataclass(frozen=True)
class Unit:
    """One unit's file: its trials by what identifies them, and their counts in the same order."""

    name: str
    animal: str
    session: str
    control_session: str
    area: str
    trials: dict[Hashable, Trial]
    counts: NDArray[np.int64]


def _files(folder: str | Path | None) -> list[Path]:
    source = NULL_FIELD
    how = (
        f"Clone https://github.com/{source.repository}, check out commit {source.commit} and pass the path of its "
        f"folder {source.path} as folder=, or copy that folder to {source.folder} below the folder that the "
        f"environment variable FASTIGIAL_DATA names. Licence: {source.licence}."
    )
    if folder is None:
        base = data_folder()
        if base is None:
            raise FileNotFoundError(f"no folder given and FASTIGIAL_DATA is not set. {how}")
        folder = base / source.folder
    paths = sorted(Path(folder).glob("H*_unit*.mat"))
    if not paths:
        raise FileNotFoundError(f"no files H*_unit*.mat in {folder}. {how}")
    return paths


def _read_unit(path: Path, alignment: str, kept: slice, samples: int) -> Unit:
    from scipy.io import loadmat

    names = ["sessname", "subcontrol", "subdbs", "unitID", "site"]
    structs = [f"dat{kind}{event}" for kind in CONDITIONS for event in {"GO", alignment}]
    record = loadmat(path, variable_names=[*names, *structs])
    session, control, block, _, site = (str(np.ravel(record[name])[0]) for name in names)
    trials: dict[Hashable, Trial] = {}
    counts = []
    for kind, condition in CONDITIONS.items():
        go = record[f"dat{kind}GO"][0, 0]
        events = [np.ravel(go[name]).astype(np.float64) for name in ("targets", "cue", "b2cev")]
        trains = record[f"dat{kind}{alignment}"][0, 0]["spikes"]
        counts.append(count_samples(trains[:, kept], samples))
        for row, (target, cue, onset) in enumerate(zip(*events, strict=True)):
            key: Hashable = (condition, target, round(cue * 32), round(onset * 32))
            # No file holds such twins; were there any, they would not be joined with other units' trials.
            key = key if key not in trials else (path.stem, condition, row)
            trials[key] = Trial(condition, int(target), cue * MILLISECONDS, onset * MILLISECONDS)
    return Unit(
        name=path.stem,
        animal=session[0],
        session=f"{session} {control} {block}",
        control_session=f"{session} {control}",
        area=site.lower(),
        trials=trials,
        counts=np.concatenate(counts),
    )


def _joined(units: list[Unit], centres: NDArray[np.float64], align: str, dtype: str) -> Recording:
    """Make a recording of units that were recorded together."""
    trials: dict[Hashable, Trial] = {}
    for unit in sorted(units, key=lambda unit: -len(unit.trials)):
        trials |= unit.trials
    # Control before block; within either, in the order of the file with most trials, then what others add.
    ordered = sorted(trials, key=lambda key: trials[key].condition == "block")
    place = {key: row for row, key in enumerate(ordered)}
    data = np.full((len(ordered), len(units), len(centres)), np.nan, dtype=dtype)
    for neuron, unit in enumerate(units):
        data[[place[key] for key in unit.trials], neuron] = unit.counts
    rows = [trials[key] for key in ordered]
    target = np.array([trial.target for trial in rows])
    return Recording(
        data,
        coords={
            "condition": ("trial", np.array([trial.condition for trial in rows])),
            "field": ("trial", np.full(len(rows), "null")),
            "target": ("trial", target),
            "direction": ("trial", _direction(target)),
            "cue_time": ("trial", np.array([trial.cue for trial in rows])),
            "onset_time": ("trial", np.array([trial.onset for trial in rows])),
            "unit": ("neuron", np.array([unit.name for unit in units])),
            "session": ("neuron", np.array([unit.session for unit in units])),
            "control_session": ("neuron", np.array([unit.control_session for unit in units])),
            "area": ("neuron", np.array([unit.area for unit in units])),
            "animal": ("neuron", np.array([unit.animal for unit in units])),
            "time": ("time", centres),
        },
        name=f"null field {units[0].session} {units[0].area}",
        attrs={
            **NULL_FIELD.attrs(),
            "units": COUNTS,
            "aligned_to": align,
            "trial_order": "of the files, control before block; whether that is the order performed is not told",
        },
    )


def _direction(target: NDArray[Any]) -> NDArray[np.float64]:
    """Radians, counter-clockwise from the right."""
    return np.asarray((target - 1) * (np.pi / 4), dtype=np.float64)


def _force_field(
    align: Literal["go", "cue", "to"],
    window: tuple[float, float],
    bin_width: float,
    min_trials: int,
    folder: str | Path | None,
    dtype: Literal["float64", "float32"],
) -> list[Recording]:
    found = []
    for row in list_force_field_days(folder):
        recording = load_force_field_day(
            row["date"],
            row["session"],
            blocks=tuple(row["n_trials"]),
            align=align,
            window=window,
            bin_width=bin_width,
            folder=folder,
            dtype=dtype,
        )
        block = recording["block"]
        blocked = np.isin(block, ["HFS", "FFHFS"])
        force = np.isin(block, ["FF", "FFHFS"])
        codes = recording["force_direction"][force]
        side = FORCE_SIDES.get(int(codes[0]), 0) if len(codes) else 0
        direction = _direction(recording["target"])
        # Whole steps of 45 degrees from -3 to 4, so that equal angles are equal numbers in all sessions.
        steps = (side * (recording["target"] - row["learned_target"]) + 3) % 8 - 3
        relative = steps * (np.pi / 4) if side else np.full(len(steps), np.nan)
        n_units = recording.shape[1]
        labels: dict[str, tuple[str, Any]] = {
            "condition": ("trial", np.where(blocked, "block", "control")),
            "field": ("trial", np.where(force, "force", "null")),
            "direction": ("trial", direction),
            "relative_direction": ("trial", relative),
            "onset_time": ("trial", recording["reaction_time"]),
            "session": ("neuron", np.full(n_units, f"{row['date']} {row['session']}")),
            "area": ("neuron", np.char.lower(recording["area"])),
            "animal": ("neuron", np.full(n_units, "s")),
        }
        recording = replace(
            recording, coords={**recording.coords, **labels}, attrs={**recording.attrs, "force_side": side}
        )
        if min_trials:
            seen = ~np.isnan(recording.data[:, :, 0])
            counts = np.minimum(seen[blocked].sum(axis=0), seen[~blocked].sum(axis=0))
            recording = recording.select(neurons=counts >= min_trials)
        if recording.shape[1]:
            found.append(recording)
    return found
