"""What the demo decomposes: the real recordings where they lie on this computer, else a simulated one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import datasets
from fastigial.datasets.registry import FORCE_FIELD, PMD_REACH
from fastigial.recording import Recording

__all__ = ["Material", "Plan", "Questions", "UserError", "material_for_demo", "real_materials", "simulated"]

DATE, SESSION = "s220120", "D1"
ERROR = "absolute_deviation"


class UserError(Exception):
    """A mistake in what the user asked for; its message is one line that names the argument or the file."""


@dataclass(frozen=True)
class Plan:
    """What is done to a recording before it is decomposed; None leaves a step out.

    Attributes
    ----------
    min_rate : float or None
        Units that fire less are left out, in spikes/s.
    sd_bins : float or None
        SD of the Gaussian along time, in bins.
    normalization : str or None
        Method of `fastigial.preprocess.normalize`.
    """

    min_rate: float | None = None
    sd_bins: float | None = None
    normalization: str | None = None


@dataclass(frozen=True)
class Questions:
    """What to ask of the trial factors; each name is a coordinate along trials.

    Attributes
    ----------
    condition : str or None
        Labels whose groups are compared.
    order : str or None
        Trial number, where the trials are in the order they were performed; "" is the position in the array.
    within : (str, str) or None
        Coordinate and value: order and behaviour are tested in these trials only.
    behaviour : tuple of str
        Quantities, one per trial.
    planted : mapping of str to ndarray, shape (n_trials,)
        What a simulation put there.
    cautions : tuple of str
        What a reader must know before believing an answer.
    """

    condition: str | None = None
    order: str | None = None
    within: tuple[str, str] | None = None
    behaviour: tuple[str, ...] = ()
    planted: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Material:
    """A recording with its story, what to do to it and what to ask of it."""

    recording: Recording
    title: str
    origin: str
    about: str
    plan: Plan
    questions: Questions


def material_for_demo(seed: int) -> tuple[list[Material], str]:
    """Return what to decompose when the user names no file, and a sentence that says why it is this.

    Parameters
    ----------
    seed : int
        Of the simulation, if it comes to that.

    Returns
    -------
    materials : list of Material
    reason : str

    Raises
    ------
    ValueError
        If a file of the real recordings is there but is not the pinned version.

    Examples
    --------
    >>> from fastigial.demo.sources import material_for_demo
    >>> materials, reason = material_for_demo(seed=0)
    >>> len(materials) >= 1 and reason.endswith(".")
    True
    """
    folder = datasets.data_folder()
    if folder is None:
        return [simulated(seed)], "Simulated data, because FASTIGIAL_DATA is not set and no --data was given."
    found = real_materials()
    if found:
        return found, "Real recordings, found in the folder that FASTIGIAL_DATA names."
    return [simulated(seed)], (
        f"Simulated data: {folder} (FASTIGIAL_DATA) holds neither {FORCE_FIELD.folder} nor {PMD_REACH.folder}."
    )


def real_materials() -> list[Material]:
    """Return those of the two real recordings that lie below FASTIGIAL_DATA: learning first, then conditions.

    Returns
    -------
    list of Material
        Empty if there is none.

    Raises
    ------
    ValueError
        If a file is there but is not the pinned version.

    Examples
    --------
    >>> from fastigial.demo.sources import real_materials
    >>> len(real_materials()) in (0, 1, 2)
    True
    """
    folder = datasets.data_folder()
    found = []
    if folder is not None and (folder / FORCE_FIELD.folder).is_dir():
        # A folder may hold other days only: go on with what there is.
        with suppress(FileNotFoundError):
            found.append(_force_field(datasets.load_force_field_day(DATE, SESSION)))
    if folder is not None and (folder / PMD_REACH.folder).is_dir():
        with suppress(FileNotFoundError):
            found.append(_pmd_reach(datasets.load_pmd_reach("ex2")))
    return found


def _force_field(recording: Recording) -> Material:
    deviation = recording["peak_deviation"]
    recording = replace(recording, coords={**recording.coords, ERROR: ("trial", np.abs(deviation))})
    return Material(
        recording,
        title="Learning: reaches adapt to a force field",
        origin="real recording",
        about=(
            f"Units of macaque motor cortex recorded together in session {DATE} {SESSION}, while the animal "
            "reached to one target: first without a force (block cont1), then in a velocity-dependent force "
            "field (block FF). Of the sessions in this set it is the one with the most units; nothing else "
            "speaks for it. Time zero is the go signal. The behavioural error is the absolute peak "
            "deviation of the hand from the straight line to the target, in the recording's own position "
            "units (the target is about 2500 away)."
        ),
        plan=Plan(min_rate=1.0, sd_bins=2.0, normalization="sd"),
        questions=Questions(
            condition="block",
            order="trial_number",
            within=("block", "FF"),
            behaviour=(ERROR,),
            cautions=(
                "The two blocks were run one after the other. A difference between them can be the force, "
                "learning, or anything that drifts over a session; this recording cannot tell these apart.",
                "A correlation with trial number is change during the block. Calling it learning needs "
                "more: the same change absent where nothing is learned, and more than one session.",
                "Behavioural error and trial number go together, so a component that correlates with one "
                "may owe it to the other.",
            ),
        ),
    )


def _pmd_reach(recording: Recording) -> Material:
    return Material(
        recording,
        title="Conditions: delayed reaches in two directions",
        origin="real recording",
        about=(
            "Units of macaque dorsal premotor and motor cortex recorded together during delayed reaches to "
            "two targets. Time runs from the start of the trial; the files give no event times, so trials "
            "are aligned to nothing else. The file lists the trials reach by reach, not in the order they "
            "were performed: change over the session cannot be asked of it, and is not."
        ),
        plan=Plan(min_rate=1.0, sd_bins=2.0, normalization="sd"),
        questions=Questions(
            condition="condition",
            cautions=(
                "The order of the trials is not in the file. If the two reaches were not interleaved, "
                "drift over the session would look like a difference between them.",
            ),
        ),
    )


def simulated(seed: int) -> Material:
    """Return the package's simulated session of learning.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Material

    Examples
    --------
    >>> from fastigial.demo.sources import simulated
    >>> simulated(0).recording.shape
    (120, 50, 60)
    """
    recording = datasets.make_learning_recording(seed=seed)
    truth = recording.attrs["truth"]
    return Material(
        recording,
        title="Simulated session of learning",
        origin="simulated",
        about=(
            "Poisson spike counts simulated by fastigial.datasets.make_learning_recording. Planted are: a "
            "steady baseline; a pattern that grows over the session along a sigmoid (learning); a pattern "
            "whose size follows the condition (tuning); and a bump of activity that comes earlier as the "
            "session goes on and jitters in time from trial to trial. No animal took part: it shows what "
            "the methods find where the truth is known."
        ),
        plan=Plan(min_rate=1.0, sd_bins=2.0, normalization="sd"),
        questions=Questions(
            condition="condition",
            order="trial_number",
            planted={
                "learning": truth["learning"],
                "tuning": truth["tuning"],
                "bump time": truth["bump_times"],
            },
        ),
    )
