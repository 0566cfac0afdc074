"""From timed fits to a record (JSON) and a table (Markdown)."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from statistics import median
from typing import Any

SLACK = 1e-6
"""Relative difference of losses that still counts as the same error."""

Measurement = dict[str, Any]


def machine() -> dict[str, Any]:
    """Processor, cores available, load and system: what a time means nothing without."""
    model = platform.processor() or platform.machine()
    processors = Path("/proc/cpuinfo")
    if processors.exists():
        names = [line for line in processors.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
    }


def summarise(
    workload: str, title: str, peer: str, once: bool, theirs: list[Measurement], ours: list[Measurement]
) -> dict[str, Any]:
    """One row: medians of both sides, and every measurement behind them.

    ``same_error`` holds when the highest of fastigial's losses is at most the lowest of the peer's
    (within ``SLACK``); None when only the peers ran.
    """
    row: dict[str, Any] = {
        "workload": workload,
        "title": title,
        "peer": peer,
        "peer_ran_once": once,
        "peer_seconds": median(fit["seconds"] for fit in theirs),
        "peer_loss": median(fit["loss"] for fit in theirs),
        "fastigial_seconds": None,
        "fastigial_loss": None,
        "ratio": None,
        "same_error": None,
        "peer_fits": theirs,
        "fastigial_fits": ours,
    }
    if ours:
        row["fastigial_seconds"] = median(fit["seconds"] for fit in ours)
        row["fastigial_loss"] = median(fit["loss"] for fit in ours)
        row["ratio"] = row["peer_seconds"] / row["fastigial_seconds"]
        bound = min(fit["loss"] for fit in theirs) * (1 + SLACK)
        row["same_error"] = max(fit["loss"] for fit in ours) <= bound
    return row


def versions(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Versions seen on each side of the comparison."""
    sides: dict[str, dict[str, str]] = {"peers": {}, "fastigial": {}}
    for row in rows:
        for side, fits in (("peers", row["peer_fits"]), ("fastigial", row["fastigial_fits"])):
            for fit in fits:
                sides[side].update(fit["versions"])
    return sides


def losses(fits: list[Measurement]) -> str:
    """Loss of every fit if they agree within ``SLACK``, otherwise the lowest and the highest."""
    low, high = (extreme(fit["loss"] for fit in fits) for extreme in (min, max))
    return f"{low:.7f}" if high <= low * (1 + SLACK) else f"{low:.7f} to {high:.7f}"


def stuck(fits: list[Measurement]) -> int:
    """How many fits ended above the lowest loss of them all."""
    low = min(fit["loss"] for fit in fits)
    return sum(fit["loss"] > low * (1 + SLACK) for fit in fits)


def markdown(record: dict[str, Any]) -> str:
    """Return the table, and below it the machine, the versions and every reservation."""
    lines = [
        "| work | peer | peer seconds (median) | fastigial seconds (median) | ratio | loss peer "
        "| loss fastigial | threads (peer / fastigial) |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    notes = []
    for row in record["rows"]:
        ours = bool(row["fastigial_fits"])
        peer = f"{row['peer']} (1 run)" if row["peer_ran_once"] else row["peer"]
        cells = [
            row["title"],
            peer,
            f"{row['peer_seconds']:.3f}",
            f"{row['fastigial_seconds']:.3f}" if ours else "–",
            f"{row['ratio']:.1f}" if ours else "–",
            losses(row["peer_fits"]),
            losses(row["fastigial_fits"]) if ours else "–",
            f"{row['peer_fits'][0]['threads']} / {row['fastigial_fits'][0]['threads'] if ours else '–'}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
        for side, fits in ((row["peer"], row["peer_fits"]), ("fastigial", row["fastigial_fits"])):
            if fits and stuck(fits):
                notes.append(
                    f"{side} on {row['title']}: {stuck(fits)} of {len(fits)} fits ended above its lowest "
                    "loss; the median seconds include them."
                )
        if row["same_error"] is False:
            notes.append(f"**Not the same error**: fastigial ended above {row['peer']} on {row['title']}.")
    notes += [f"Left out (slow): {name}." for name in record["left_out"]]
    host = record["machine"]
    notes.append(
        f"{host['cpu']}, {host['cores']} cores, {host['system']}, "
        f"load {host['load_average']:.1f} at the start. "
        f"Tensor {' x '.join(map(str, record['shape']))}, float32, "
        f"{record['repetitions']} repetitions; loss: mean squared error per entry in float64."
    )
    for side, packages in record["versions"].items():
        if packages:
            notes.append(f"{side}: {', '.join(f'{name} {number}' for name, number in packages.items())}.")
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])
