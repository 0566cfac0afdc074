"""From counts to what is decomposed, with a record of each step and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from fastigial import preprocess
from fastigial.demo.sources import Plan, UserError
from fastigial.recording import Recording

__all__ = ["Step", "prepare"]


@dataclass(frozen=True)
class Step:
    """One step of preprocessing: the function, what it did, and why."""

    function: str
    what: str
    why: str


def prepare(recording: Recording, plan: Plan) -> tuple[Recording, tuple[Step, ...]]:
    """Apply a plan.

    Parameters
    ----------
    recording : Recording
    plan : Plan

    Returns
    -------
    recording : Recording
        Ready to be decomposed.
    steps : tuple of Step
        What was done, in order.

    Raises
    ------
    UserError
        If no unit is left, or a unit never varies and so cannot be normalised.

    Examples
    --------
    >>> from fastigial.demo.prepare import prepare
    >>> from fastigial.demo.sources import Plan, simulated
    >>> recording, steps = prepare(simulated(0).recording, Plan(sd_bins=2.0))
    >>> [step.function for step in steps]
    ['smooth']
    """
    steps: list[Step] = []
    if plan.min_rate is not None:
        before = recording.shape[1]
        recording = preprocess.drop_units(recording, min_rate=plan.min_rate)
        kept = recording.shape[1]
        if kept == 0:
            raise UserError(f"no unit fires more than {plan.min_rate:g} spikes/s, so there is nothing to decompose")
        steps.append(
            Step(
                "drop_units",
                f"kept the {kept} of {before} units that fire more than {plan.min_rate:g} spikes/s on average",
                "a nearly silent unit adds noise, and once scaled to unit spread it would count as much as any other",
            )
        )
    if plan.sd_bins is not None and plan.sd_bins > 0:
        recording = preprocess.smooth(recording, sd_bins=plan.sd_bins)
        steps.append(
            Step(
                "smooth",
                f"Gaussian along time, SD {plan.sd_bins:g} bins{_in_seconds(recording, plan.sd_bins)}",
                "counts in narrow bins are mostly Poisson noise, which least squares would spend components on",
            )
        )
    if plan.normalization is not None:
        try:
            recording = preprocess.normalize(recording, cast(Any, plan.normalization))
        except ValueError as error:
            raise UserError(f"--normalize {plan.normalization}: {error}") from error
        what = {
            "sd": "divided each unit by its standard deviation; no mean is taken away",
            "zscore": "took each unit's mean away and divided by its standard deviation",
            "range": "divided each unit by its range",
            "soft": "divided each unit by its range plus 5, so that quiet units stay small",
        }[plan.normalization]
        steps.append(
            Step("normalize", what, "least squares would otherwise follow the few units with the highest rates")
        )
    return recording, tuple(steps)


def _in_seconds(recording: Recording, sd_bins: float) -> str:
    try:
        return f" ({1000 * sd_bins * recording.bin_width:g} ms)"
    except ValueError:
        return ""
