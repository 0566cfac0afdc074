"""From measurements to the table, and below it every reservation."""

from __future__ import annotations

from statistics import median
from typing import Any

from problem import FULL

Row = dict[str, Any]

SAME_ERRORS, SAME_DISTANCE = 1e-5, 1e-3
"""Relative differences that single precision explains: of validation errors, and of how far an array has moved."""

AIM = 6.0
"""Times faster than the plainest PyTorch."""

N_SIDE_BY_SIDE = 10
QUIET = 0.3
"""Cores."""

WAYS = {"interface": "interface", "windows": "windows", "at once": "all windows at once"}


def seconds(seen: list[Row], n_networks: int = 1) -> float | None:
    """Median over blocks and repetitions, of an epoch of one network."""
    blocks = [value for each in seen for value in each.get("seconds", ())]
    return median(blocks) / n_networks if blocks else None


def told(value: float | None, form: str, unit: str = "") -> str:
    """A number or a dash."""
    return "–" if value is None else f"{value:{form}}{unit}"


def ratio(theirs: float | None, ours: float | None) -> float | None:
    """How many times longer theirs takes."""
    return None if theirs is None or ours is None else theirs / ours


def learning(record: Row) -> list[str]:
    """One line for each way that fastigial is used."""
    found = record["learning"]
    lines = [
        f"| line drawing, s an epoch | fastigial | of peak | {' | '.join(f'PyTorch, {way}' for way in WAYS.values())} "
        f"| times faster than the plainest (aim {AIM:g}) | than the fastest |",
        f"| --- |{' ---: |' * (len(WAYS) + 4)}",
    ]
    rows = {
        "one network, 2 threads": (
            seconds(found["fastigial, one, 2 threads"]),
            [seconds(found[f"torch, {way}, 2 threads"]) for way in WAYS],
        ),
        "one network, 1 thread": (
            seconds(found["fastigial, one, 1 threads"]),
            [seconds(found[f"torch, {way}, 1 threads"]) for way in WAYS],
        ),
        "a network of ten, 2 cores": (
            seconds(found["fastigial, ten, 2 threads"], N_SIDE_BY_SIDE),
            [seconds(found.get(f"torch, {way}, 1 threads, 2 processes", []), 2) for way in WAYS],
        ),
    }
    for title, (ours, theirs) in rows.items():
        cores = 1 if title.endswith("1 thread") else 2
        share = None if ours is None else FULL.flops / ours / (record["product"] * cores / 2)
        known = [value for value in theirs if value is not None]
        plainest, fastest = ratio(known[0], ours), ratio(min(known), ours)
        cells = [told(ours, ".3f"), told(share, ".0%"), *(told(value, ".3f") for value in theirs)]
        missed = plainest is not None and plainest < AIM
        cells += [f"**{plainest:.1f} ×**" if missed else told(plainest, ".1f", " ×"), told(fastest, ".1f", " ×")]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def layers(record: Row) -> list[str]:
    """One line for each size of granule layer."""
    names = ("fastigial", "scipy.sparse", "NumPy, dense")
    titles = {"small": "10³ → 10⁴ cells, 1000 samples", "full": "10⁴ → 10⁵ cells, 1000 samples"}
    lines = [f"| granule layer, K = 4, ms | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for size, title in titles.items():
        found = [seconds(record["layers"][size].get(name, [])) for name in names]
        cells = [told(None if value is None else 1e3 * value, ".1f") for value in found]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def differences(record: Row) -> list[str]:
    """Whether all learn the same from the same weights."""
    courses = {name: course for name, course in record["courses"].items() if "errors" in course}
    reference = courses["torch, windows"]
    notes, worst_error, worst_distance = [], 0.0, 0.0
    for name, course in courses.items():
        pairs = zip(course["errors"], reference["errors"], strict=True)
        error = max(abs(one / other - 1) for one, other in pairs)
        distance = max(abs(course["moved"][key] / value - 1) for key, value in reference["moved"].items())
        worst_error, worst_distance = max(worst_error, error), max(worst_distance, distance)
        if error > SAME_ERRORS or distance > SAME_DISTANCE:
            notes.append(
                f"**{name} does not learn the same**: errors differ by {error:.1e}, distances by {distance:.1e}."
            )
    n_batches = len(reference["errors"])
    notes.append(
        f"From the same weights and batches, {', '.join(courses)} err equally after each of {n_batches} updates, to "
        f"{worst_error:.0e} relative, and move each array equally far, to {worst_distance:.0e}."
    )
    return notes


def busy(record: Row) -> list[str]:
    """What was measured while others used the machine."""
    seen = dict(record["learning"])
    seen |= {
        f"granule layer, {size}, {name}": found for size, by in record["layers"].items() for name, found in by.items()
    }
    seen["pursuit"] = [record["tracking"]]
    # A second process of the same contender is not a stranger.
    own = {name: 1.1 if "processes" in name else 0.0 for name in seen}
    which = [
        name
        for name, found in seen.items()
        if any((each.get("cores_busy_elsewhere") or 0.0) > QUIET + own[name] for each in found)
    ]
    if not which:
        return []
    named = "everything" if len(which) == len(seen) else "; ".join(which)
    return [f"**Others kept the machine busy**: longer than it takes on an idle one is {named}."]


def markdown(record: Row) -> str:
    """The tables and the notes."""
    ratios = record["tracking"].get("ratios", [])
    host = record["machine"]
    courses = record["courses"]
    versions = {name: number for course in courses.values() for name, number in course["versions"].items()}
    measured = [each for found in record["learning"].values() for each in found]
    measured += [each for by in record["layers"].values() for found in by.values() for each in found]
    refused = {each["refused"] for each in [*measured, record["tracking"]] if "refused" in each}
    notes = [
        *(f"fastigial: {each}." for each in sorted(refused)),
        *differences(record),
        *busy(record),
        "An epoch: 16 batches of 50 trials, K = 1, H = 50 LSTM units, granule layers of 400 and 400, Adam, clipping, "
        "drawing the trials, and validation on 200; float32; medians. PyTorch learns ten networks in two processes of "
        f"one thread. *Of peak*: {FULL.flops / 1e9:.1f} GFLOP an epoch at the least, by time, by what PyTorch's "
        f"2048 × 2048 product reaches on as many threads of two ({record['product'] / 1e9:.0f} GFLOP/s).",
        "PyTorch, *interface*: an autograd function between windows, C evaluated twice at each bound; *windows*: by "
        "hand, once at each bound; *all windows at once*: states first, then every step of every trial as one batch.",
        "Granule layer: float32, two threads (SciPy's sparse product has one); samples first for fastigial, last for "
        "the others, which suits each.",
        f"{host['cpu']}, {host['cores']} cores, {host['system']}, load {host['load_average']:.1f} at the start; "
        f"{record['repetitions']} repetitions. {', '.join(f'{name} {number}' for name, number in versions.items())}.",
    ]
    pursuit = (
        f"Smooth pursuit learned online: {told(median(ratios) if ratios else None, '.0f')} times faster than the clock."
    )
    return "\n".join([*learning(record), "", *layers(record), "", pursuit, "", *(f"- {note}" for note in notes), ""])
