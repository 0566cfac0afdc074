"""From measurements to the two tables: how many times faster, beside the aims; and everything behind it."""

from __future__ import annotations

from statistics import median
from typing import Any

from problem import CELLS, SIZES

AIMS = {
    "units_64": {"jax": 6.0, "leaky": 15.0, "lstm": 6.0, "gru": 15.0},
    "units_128": {"jax": 4.0, "leaky": 8.0, "lstm": 3.0, "gru": 7.0},
    "units_256": {"jax": 3.0, "leaky": 2.8, "lstm": 2.3, "gru": 3.3},
    "units_512": {"jax": 1.9, "leaky": 1.8, "lstm": 1.4, "gru": 2.0},
    "sixteen": {"jax": 8.0},
}
"""How many times faster fastigial is meant to be than JAX and than PyTorch's leaky (or plain) network, LSTM, GRU."""

AIM_SHARE = {"units_128": 0.7, "units_256": 0.7, "units_512": 0.7, "sixteen": 0.7}
"""Of the machine's peak, for fastigial."""

SAME = 1e-4
"""Relative difference of first losses that rounding explains."""

TORCH = {"leaky": ("PyTorch loop", "nn.RNN"), "lstm": ("nn.LSTM",), "gru": ("nn.GRU",)}

COLUMNS = (
    "units, batch, steps",
    "cell",
    "peer",
    "step ms",
    "ratio",
    "of least",
    "forward ms",
    "ratio",
    "of peak",
    "import s",
    "first step s",
    "memory / states",
)

Row = dict[str, Any]


def side(seen: list[Row]) -> Row | None:
    """Medians over repetitions; None if there are none."""
    if not seen or "refused" in seen[0]:
        return None
    summary: Row = {"loss": seen[0]["loss"], "raw_seconds": None, "repetitions": seen}
    for part in ("step", "forward"):
        summary[part] = median(each[part]["seconds"] for each in seen)
        summary[f"least_{part}"] = min(each[part]["least_seconds"] for each in seen)
    for part in ("import_seconds", "first_seconds"):
        summary[part] = median(each[part] for each in seen)
    if all(each["raw"] for each in seen):
        summary["raw_seconds"] = median(each["raw"]["seconds"] for each in seen)
    summary["ways"] = sorted({each["step"]["way"] for each in seen})
    summary["quiet"] = all(each[part]["quiet"] for each in seen for part in ("step", "forward"))
    summary["growth_bytes"] = seen[0]["memory"]["growth_bytes"]
    return summary


def summarise(workload: str, cell: str, peer: str, theirs: list[Row], ours: list[Row]) -> Row:
    """One peer on one cell of one workload."""
    return {
        "workload": workload,
        "cell": cell,
        "peer": peer,
        "theirs": side(theirs),
        "ours": side(ours),
        "refused": next((each["refused"] for each in ours if "refused" in each), None),
    }


def both(row: Row, key: str, form: str, scale: float = 1.0) -> str:
    """A number of the peer's / fastigial's."""
    sides = (row["theirs"], row["ours"])
    return " / ".join("–" if each is None or each[key] is None else f"{each[key] * scale:{form}}" for each in sides)


def ratio(row: Row, key: str) -> str:
    """How many times longer the peer takes."""
    return f"{row['theirs'][key] / row['ours'][key]:.2f}" if row["ours"] else "–"


def details(row: Row, peak: float | None) -> list[str]:
    """A line of the second table."""
    size, cell = SIZES[row["workload"]], CELLS[row["cell"]]
    shares = {}
    for name in ("theirs", "ours"):
        if row[name] is not None:
            row[name]["share"] = None if peak is None else size.flops(cell)[1] / row[name]["step"] / peak
            growth = row[name]["growth_bytes"]
            shares[name] = row[name]["share"]
            row[name]["states"] = None if growth is None else growth / size.kept_bytes(cell)
    return [
        size.title,
        cell.title,
        row["peer"],
        both(row, "step", ".2f", 1e3),
        ratio(row, "step"),
        ratio(row, "least_step"),
        both(row, "forward", ".2f", 1e3),
        ratio(row, "forward"),
        both(row, "share", ".0%"),
        both(row, "import_seconds", ".2f"),
        both(row, "first_seconds", ".3f"),
        both(row, "states", ".2f"),
    ]


def against(rows: list[Row], workload: str, cell: str, names: tuple[str, ...], key: str) -> str:
    """How many times faster fastigial is on a cell than the fastest of these peers, with the aim."""
    aim = AIMS[workload].get(key)
    ours = next((row["ours"] for row in rows if row["workload"] == workload and row["cell"] == cell), None)
    theirs = [row["theirs"]["step"] for row in rows if row["workload"] == workload and row["peer"] in names]
    told = f"{min(theirs) / ours['step']:.1f} ×" if ours and theirs else "–"
    if aim is None:
        return told
    missed = bool(ours and theirs) and min(theirs) / ours["step"] < aim
    return f"{'**' + told + '**' if missed else told} (aim {aim:g} ×)"


def overview(rows: list[Row], peak: float | None) -> list[str]:
    """The first table."""
    lines = [
        "| units, batch, steps | rate vs JAX | rate vs PyTorch | LSTM vs nn.LSTM | GRU vs nn.GRU | share of peak |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        cells = [against(rows, workload, "leaky", ("JAX",), "jax")]
        for cell in TORCH:
            cells.append(against(rows, workload, cell, TORCH[cell], cell) if cell in AIMS[workload] else "")
        size = SIZES[workload]
        ours = next((row["ours"] for row in rows if row["workload"] == workload and row["cell"] == "leaky"), None)
        share = "–" if ours is None or peak is None else f"{size.flops(CELLS['leaky'])[1] / ours['step'] / peak:.0%}"
        aim = AIM_SHARE.get(workload)
        lines.append(f"| {size.title} | {' | '.join(cells)} | {share}{f' (aim {aim:.0%})' if aim else ''} |")
    return lines


def measured(row: Row) -> dict[str, Row]:
    """Both sides by name, as far as there are numbers."""
    return {name: side for name, side in ((row["peer"], row["theirs"]), ("fastigial", row["ours"])) if side}


def reservations(rows: list[Row]) -> list[str]:
    """What the numbers alone would hide."""
    notes = dict.fromkeys(f"fastigial: {row['refused']}." for row in rows if row["refused"])
    busy: dict[str, None] = {}
    for row in rows:
        where = f"{CELLS[row['cell']].title}, {SIZES[row['workload']].title}"
        for name, side in measured(row).items():
            if not side["quiet"]:
                busy[f"{name} on {where}"] = None
        if row["ours"] and abs(row["ours"]["loss"] / row["theirs"]["loss"] - 1) > SAME:
            notes[f"**Not the same loss** as {row['peer']} on {where}."] = None
        if row["ours"] and row["ours"]["raw_seconds"]:
            notes[f"Step of the core alone on {where}: {row['ours']['raw_seconds'] * 1e3:.2f} ms."] = None
    if busy:
        n_measured = len({(row["workload"], row["cell"], name) for row in rows for name in measured(row)})
        which = "everything" if len(busy) == n_measured else "; ".join(busy)
        notes[f"**Others kept the machine busy**: longer than it takes on an idle one is {which}."] = None
    return list(notes)


def versions(rows: list[Row]) -> str:
    """Versions on both sides."""
    seen: dict[str, dict[str, str]] = {"theirs": {}, "ours": {}}
    for row in rows:
        for name, found in seen.items():
            for each in row[name]["repetitions"] if row[name] else ():
                found.update(each["versions"])
    told = [
        f"{label}: {', '.join(f'{package} {number}' for package, number in seen[name].items())}"
        for name, label in (("theirs", "peers"), ("ours", "fastigial"))
        if seen[name]
    ]
    return f"{'; '.join(told)}."


def markdown(record: Row) -> str:
    """Both tables, and below them every reservation."""
    rows, host = record["rows"], record["machine"]
    registers, product = record["peak"]["registers"], record["peak"]["product"]
    peak = registers or product
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * 3}{' ---: |' * (len(COLUMNS) - 3)}"]
    lines += [f"| {' | '.join(details(row, peak))} |" for row in rows]
    of = "multiply-adds in registers" if registers else "PyTorch's 2048 × 2048 product"
    notes = [
        *reservations(rows),
        "Pairs are peer / fastigial. A step is forward pass, gradient and Adam on one batch, float32, two threads; "
        "median over blocks of steps and over repetitions, *of least* the ratio of the least. The fastest way that a "
        "package has counts (JAX: products outside or within the scan; PyTorch: Adam foreach or fused; torch.compile, "
        "which needs over a minute for a hundred steps, is left out). *Rate vs PyTorch* compares fastigial at α = .1 "
        "with the faster of the loop and nn.RNN, which has α = 1 only; *share of peak* is fastigial's at α = .1. "
        "fastigial's step is an epoch of one batch of fg.train.",
        "*Import* is the package's in a process that has the standard library only, *first step* all from NumPy arrays "
        "to the loss, compilation included. *Memory* is what a step adds to resident memory at its peak, in units of "
        "the states that the adjoint needs (numbers a unit and step — "
        + "; ".join(f"{cell.title}: {cell.kept}" for cell in CELLS.values())
        + "; aim 1.2); at the smallest size allocators' rounding is much of it.",
        f"Peak: {peak / 1e9:.0f} GFLOP/s on two threads, {of}; PyTorch's 2048 × 2048 product reached "
        f"{product / 1e9:.0f}. Counted are three multiply-adds a recurrent and output weight, sample and step and two "
        "an input weight.",
        f"{host['cpu']}, {host['cores']} cores, {host['system']}, load {host['load_average']:.1f} at the start; "
        f"{record['repetitions']} repetitions. {versions(rows)}",
    ]
    return "\n".join([*overview(rows, peak), "", *lines, "", *(f"- {note}" for note in notes), ""])
