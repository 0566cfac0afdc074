"""Hand paths of the force-field days: where the hand was on every trial, in the order performed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.cerebellar_block import FORCE_SIDES
from fastigial.datasets.force_field import _all_trials, _joined, _read_session

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HandPaths", "load_hand_paths"]

SECONDS_PER_SAMPLE = 0.01


@dataclass(frozen=True, eq=False)
class HandPaths:
    """Reaches of one session, trials in order.

    Attributes
    ----------
    positions : ndarray, shape (n_trials, n_samples, 2)
        Right and up, in the recording's own units (targets are about 2500 away); NaN after the end of a path.
    dt : float
        Seconds between samples.
    trial_number : ndarray of int, shape (n_trials,)
    block : ndarray of str, shape (n_trials,)
        cont8, cont1, FF, HFS or FFHFS, as in :func:`load_force_field_day`.
    direction : ndarray, shape (n_trials,)
        Of the target, in radians counter-clockwise from the right.
    learned : ndarray of bool, shape (n_trials,)
        Whether the target is the one that was learned in the force field.
    force_side : int
        1 if the force of this session pushes to the left of the reach, −1 to the right, 0 if not told.
    """

    positions: NDArray[np.float64]
    dt: float
    trial_number: NDArray[np.intp]
    block: NDArray[np.str_]
    direction: NDArray[np.float64]
    learned: NDArray[np.bool_]
    force_side: int


def load_hand_paths(date: str = "s220120", session: str = "D1", *, folder: str | Path | None = None) -> HandPaths:
    """Load the hand path of every trial of a force-field session (Israely et al. 2025).

    Paths run from about movement onset to the end of the movement, 10 ms a sample. The files do not say what
    their codes of the force mean: in 26 of 28 sessions the first ten reaches in the field deviate, on average,
    to the left with code 2 and to the right with code 3, and this is what `force_side` goes by.

    Parameters
    ----------
    date, session : str
        As in :func:`list_force_field_days`.
    folder : path, optional
        With the ``.mat`` files. By default ``monkey_cerebellar_block/force_field`` below FASTIGIAL_DATA.

    Returns
    -------
    HandPaths

    Raises
    ------
    FileNotFoundError
        If the files are not there (the message says how to get them), or not for this date and session.

    Examples
    --------
    >>> from fastigial.datasets import load_hand_paths
    >>> load_hand_paths("s220120", "D1").positions.shape  # doctest: +SKIP
    (188, 108, 2)
    """
    units, _ = _joined(_read_session(date, session, folder))
    trials = {number: trial for number, trial in sorted(_all_trials(units).items()) if trial.path.size}
    paths = [trial.path for trial in trials.values()]
    positions = np.full((len(paths), max(map(len, paths), default=0), 2), np.nan)
    for row, path in zip(positions, paths, strict=True):
        row[: len(path)] = path
    target = np.array([trial.target for trial in trials.values()])
    codes = {trial.force_direction for trial in trials.values() if trial.block in ("FF", "FFHFS")}
    return HandPaths(
        positions=positions,
        dt=SECONDS_PER_SAMPLE,
        trial_number=np.array(list(trials), dtype=np.intp),
        block=np.array([trial.block for trial in trials.values()]),
        direction=(target - 1) * (np.pi / 4),
        learned=target == units[0].learned_target,
        force_side=FORCE_SIDES.get(codes.pop(), 0) if len(codes) == 1 else 0,
    )
