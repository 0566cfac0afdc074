"""From timed fits to a record: the machine, and one row for each peer on each workload."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

from contender import Contender
from table import markdown

sys.path.append(str(Path(__file__).resolve().parents[1]))

from machine import machine

__all__ = ["machine", "markdown", "summarise", "versions"]

SLACK = 1e-6
"""Relative difference of losses that still counts as the same error."""

Measurement = dict[str, Any]


def side(fits: list[Measurement]) -> dict[str, Any]:
    """Medians of one side, and the fits that ended above the best of their own side."""
    low = min(fit["loss"] for fit in fits)
    iterations = [fit["n_iter"] for fit in fits if fit["n_iter"] is not None]
    return {
        "seconds": median(fit["seconds"] for fit in fits),
        "least_seconds": min(fit["seconds"] for fit in fits),
        "cpu_seconds": median(fit["cpu_seconds"] for fit in fits),
        "loss": median(fit["loss"] for fit in fits),
        "lowest_loss": low,
        "highest_loss": max(fit["loss"] for fit in fits),
        "n_iter": median(iterations) if iterations else None,
        "n_above_lowest": sum(fit["loss"] > low * (1 + SLACK) for fit in fits),
        "threads": fits[0]["threads"],
        "fits": fits,
    }


def groups_above(theirs: list[Measurement], ours: list[Measurement]) -> list[str]:
    """Groups of fits (ranks, where there are several) in which fastigial's best ended above the peer's.

    The highest of fastigial's repetitions counts against the lowest of the peer's.
    """
    return [
        group
        for group in theirs[0]["best_losses"]
        if max(fit["best_losses"][group] for fit in ours)
        > min(fit["best_losses"][group] for fit in theirs) * (1 + SLACK)
    ]


def summarise(
    workload: str, title: str, peer: Contender, theirs: list[Measurement], ours: list[Measurement]
) -> dict[str, Any]:
    """One row: medians of both sides, whether they reached the same error, and every measurement behind them."""
    row: dict[str, Any] = {
        "workload": workload,
        "title": title,
        "peer": peer.name,
        "peer_ran_once": peer.slow,
        "aim": peer.aim,
        "ratio": None,
        "ratio_of_least": None,
        "same_error": None,
        "groups_above": [],
        "n_peer_fits_below": None,
        "refused": next((fit["refused"] for fit in ours if "refused" in fit), None),
        "theirs": side(theirs),
        "ours": None,
    }
    if ours and row["refused"] is None:
        row["ours"] = side(ours)
        row["ratio"] = row["theirs"]["seconds"] / row["ours"]["seconds"]
        row["ratio_of_least"] = row["theirs"]["least_seconds"] / row["ours"]["least_seconds"]
        row["groups_above"] = groups_above(theirs, ours)
        row["same_error"] = not row["groups_above"]
        row["n_peer_fits_below"] = sum(bool(groups_above([fit], ours)) for fit in theirs)
    return row


def versions(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Versions seen on each side of the comparison."""
    sides: dict[str, dict[str, str]] = {"theirs": {}, "ours": {}}
    for row in rows:
        for name, seen in sides.items():
            for fit in row[name]["fits"] if row[name] else ():
                seen.update(fit["versions"])
    return sides


def busy_elsewhere(rows: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Median and most of the cores that other processes kept busy during the measurements."""
    seen = [
        fit["cores_busy_elsewhere"]
        for row in rows
        for name in ("theirs", "ours")
        if row[name]
        for fit in row[name]["fits"]
    ]
    known = [cores for cores in seen if cores is not None]
    return (median(known), max(known)) if known else None
