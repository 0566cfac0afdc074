"""From the record to a table in Markdown, with every reservation below it."""

from __future__ import annotations

from typing import Any

HEADER = (
    "| work | peer | peer s | fastigial s | ratio | of least | aim | loss peer | loss fastigial | no higher "
    "| iterations | threads |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
)
POLICY = (
    "Seconds are medians of wall-clock time of the fit alone, both sides after one untimed run of the same job on a "
    "tiny tensor in the same process; *of least* is the ratio of the least seconds. Loss is the mean squared error per "
    "observed entry, in float64; *no higher* compares the highest of fastigial's with the lowest of the peer's. "
    "Iterations and threads are peer / fastigial. Everything runs with its own defaults except for what the row says."
)


def losses(side: dict[str, Any]) -> str:
    """Loss of every fit if they agree, otherwise the lowest and the highest."""
    low, high = side["lowest_loss"], side["highest_loss"]
    return f"{low:.7f} to {high:.7f}" if side["n_above_lowest"] else f"{low:.7f}"


def count(side: dict[str, Any] | None, key: str) -> str:
    """A number of a side, or a dash."""
    return "–" if side is None or side[key] is None else f"{side[key]:.0f}"


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    theirs, ours = row["theirs"], row["ours"]
    return [
        row["title"],
        f"{row['peer']} (1 run)" if row["peer_ran_once"] else row["peer"],
        f"{theirs['seconds']:.3f}",
        f"{ours['seconds']:.4f}" if ours else "–",
        f"{row['ratio']:.1f}" if ours else "–",
        f"{row['ratio_of_least']:.1f}" if ours else "–",
        f"{row['aim']:g}" if row["aim"] else "–",
        losses(theirs),
        losses(ours) if ours else ("refused" if row["refused"] else "–"),
        {True: "yes", False: "**no**", None: "–"}[row["same_error"]],
        f"{count(theirs, 'n_iter')} / {count(ours, 'n_iter')}",
        f"{count(theirs, 'threads')} / {count(ours, 'threads')}",
    ]


def reservations(row: dict[str, Any]) -> list[str]:
    """What the line alone would hide."""
    notes = []
    for name, side in ((row["peer"], row["theirs"]), ("fastigial", row["ours"])):
        if side and side["n_above_lowest"]:
            notes.append(
                f"{name} on {row['title']}: {side['n_above_lowest']} of {len(side['fits'])} repetitions ended above "
                "its lowest loss; the median seconds include them."
            )
    if row["same_error"] is False:
        where = ", ".join(group for group in row["groups_above"] if group)
        notes.append(
            f"**Not the same error**: fastigial ended above {row['n_peer_fits_below']} of {len(row['theirs']['fits'])} "
            f"repetitions of {row['peer']} on {row['title']}{f' ({where})' if where else ''}."
        )
    if row["refused"]:
        notes.append(f"fastigial refuses {row['title']}: {row['refused']}.")
    return notes


def by_group(row: dict[str, Any]) -> list[str]:
    """A table of its own for work of several groups of fits: the best loss of each on both sides."""
    names = [*row["theirs"]["fits"][0]["best_losses"]]
    if len(names) == 1:
        return []
    lines = ["", f"{row['title']}, best loss of each group:", "", f"| | {' | '.join(names)} |"]
    lines.append(f"| --- |{' ---: |' * len(names)}")
    for name, side, extreme in ((row["peer"], row["theirs"], min), ("fastigial", row["ours"], max)):
        if side:
            best = [extreme(fit["best_losses"][group] for fit in side["fits"]) for group in names]
            lines.append(f"| {name} | {' | '.join(f'{loss:.7f}' for loss in best)} |")
    return lines


def markdown(record: dict[str, Any]) -> str:
    """Return the table, and below it the machine, the versions and every reservation."""
    rows = record["rows"]
    host = record["machine"]
    notes = [note for row in rows for note in reservations(row)]
    notes += [f"Left out (slow): {name}." for name in record["left_out"]]
    notes.append(POLICY)
    notes.append(
        f"{host['cpu']}, {host['cores']} cores, {host['system']}, load {host['load_average']:.1f} at the start. "
        f"Tensor {' x '.join(map(str, record['shape']))}, float32, noise of SD {record['noise_sd']:g}, "
        f"{record['repetitions']} repetitions."
    )
    if record["cores_busy_elsewhere"]:
        usual, most = record["cores_busy_elsewhere"]
        notes.append(f"Other processes kept {usual:.1f} cores busy meanwhile (median; {most:.1f} at the most).")
    for name, label in (("theirs", "peers"), ("ours", "fastigial")):
        packages = record["versions"][name]
        if packages:
            notes.append(f"{label}: {', '.join(f'{package} {number}' for package, number in packages.items())}.")
    table = [*HEADER, *(f"| {' | '.join(cells(row))} |" for row in rows)]
    for row in rows:
        table += by_group(row)
    return "\n".join([*table, "", *(f"- {note}" for note in notes), ""])
