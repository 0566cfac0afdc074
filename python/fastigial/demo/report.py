"""The report: one HTML file that says what was decomposed, how, and what came of it; the models beside it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

import fastigial
from fastigial.demo import page
from fastigial.demo.analysis import LEVEL, Analysis, Answer, Answers
from fastigial.demo.figures import Picture, pictures
from fastigial.demo.fits import AnyFit, congruence
from fastigial.demo.ranks import N_SPLITS, SHARE, RankChoice
from fastigial.demo.statistics import N_DECODINGS, N_FOLDS, N_PERMUTATIONS
from fastigial.demo.words import decoding_sentence, findings, fit_sentence, p_value, table_sentence
from fastigial.recording import Recording

__all__ = ["write"]

REPORT = "report.html"
PARTS = (
    ("recording", "Recording"),
    ("ranks", "Number of components"),
    ("fits", "Fits"),
    ("components", "Components"),
    ("trials", "What the trial factors say"),
    ("reconstruction", "Data and reconstruction"),
)
MANY_TESTS = 12


def write(analyses: Sequence[Analysis], folder: Path, reason: str, *, seed: int) -> Path:
    """Write the report and the models.

    Parameters
    ----------
    analyses : sequence of Analysis
    folder : path
        Exists.
    reason : str
        Why these recordings.
    seed : int

    Returns
    -------
    pathlib.Path
        Of the report.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    saved = []
    for number, analysis in enumerate(analyses):
        # The first recording's models have the plain names, so that a script always finds them.
        prefix = "" if number == 0 else f"{_slug(analysis.prepared.name)}-"
        for fit in analysis.fits:
            name = f"{prefix}{fit.name.lower()}.safetensors"
            fit.model.save(folder / name)
            saved.append((name, f"{fit.name} of {analysis.prepared.name}"))
    body = [_head(analyses, reason)]
    body += [_section(number, analysis) for number, analysis in enumerate(analyses)]
    body += [_methods(seed), _files(saved)]
    text = page.page("Decomposition report: " + ", ".join(a.prepared.name for a in analyses), "\n".join(body))
    report = folder / REPORT
    beside = folder / f".{REPORT}.part"
    beside.write_text(text, encoding="utf-8")
    beside.replace(report)
    return report.absolute()


def _head(analyses: Sequence[Analysis], reason: str) -> str:
    sections = [
        (f"s{n}", analysis.material.title, [(f"s{n}-{anchor}", title) for anchor, title in PARTS])
        for n, analysis in enumerate(analyses)
    ]
    rows = []
    for analysis in analyses:
        rows.append(
            [escape(analysis.prepared.name), escape(analysis.material.origin), _shape(analysis.prepared)]
            + [_rank(fit.choice) for fit in analysis.fits]
            + [f"{fit.model.explained_variance_:.3f}" for fit in analysis.fits]
        )
    head = ["recording", "origin", "trials × units × bins"]
    head += ["TCA rank", "SliceTCA ranks", "EV of TCA", "EV of SliceTCA"]
    return "\n".join(
        [
            page.heading(
                1, "Decomposition of a recording" if len(analyses) == 1 else "Decomposition of two recordings"
            ),
            page.paragraph(f"{reason} Written by fastigial {fastigial.__version__}.", "soft"),
            page.contents([*sections, ("methods", "How the numbers were made", []), ("files", "Files", [])]),
            page.table(head, rows),
            page.paragraph(
                "EV, explained variance: 1 − Σ(x − x̂)² / Σx² over all observed entries of the data as "
                "decomposed. The data are not centred, so that describing the mean counts as explaining. "
                "Models of different size are to be compared by how they predict held-out data (in each "
                "section), not by this number.",
                "soft",
            ),
        ]
    )


def _section(number: int, analysis: Analysis) -> str:
    drawn = pictures(analysis)
    titles = {anchor: page.heading(3, title, f"s{number}-{anchor}") for anchor, title in PARTS}
    parts = [
        page.heading(2, analysis.material.title, f"s{number}"),
        page.bullets([*map(fit_sentence, analysis.fits), *findings(analysis)]),
        titles["recording"],
        _recording(analysis),
        titles["ranks"],
        _ranks(analysis, drawn),
        titles["fits"],
        _fits(analysis),
        page.figure(drawn["loss"]),
        titles["components"],
        page.figure(drawn["tca"]),
        page.figure(drawn["slicetca"]),
        titles["trials"],
        _trials(analysis, drawn),
        titles["reconstruction"],
        *(page.figure(drawn[f"reconstruction {fit.name}"]) for fit in analysis.fits),
    ]
    return "\n".join(parts)


def _recording(analysis: Analysis) -> str:
    material, raw = analysis.material, analysis.material.recording
    rows = [["name", escape(raw.name)], ["origin", escape(material.origin)]]
    rows.append(["shape", f"{_shape(raw)} (trials × units × bins), {raw.dtype}"])
    rows.append(["observed", f"{100 * raw.observed_fraction:.4g} % of entries"])
    rows.append(["units of the data", escape(str(raw.attrs.get("units", "not stated")))])
    rows.append(["time", _time(raw)])
    if material.questions.condition is not None:
        labels, counts = np.unique(raw[material.questions.condition].astype(str), return_counts=True)
        groups = ", ".join(f"{label}: {count}" for label, count in zip(labels, counts, strict=True))
        rows.append([escape(material.questions.condition.replace("_", " ")), escape(f"{groups} trials")])
    for name in ("trial_order", "licence", "citation"):
        if name in raw.attrs:
            rows.append([name.replace("_", " "), escape(str(raw.attrs[name]))])
    if "source" in raw.attrs:
        rows.append(["source", page.link(str(raw.attrs["source"]))])
    steps = page.paragraph("Preprocessing: none. The array was decomposed as it is in the file.")
    if analysis.steps:
        items = "".join(
            f"<li><code>{escape(step.function)}</code>: {escape(step.what)}; because {escape(step.why)}.</li>"
            for step in analysis.steps
        )
        steps = f"{page.paragraph('Preprocessing, in this order:')}<ol>{items}</ol>"
        steps += page.paragraph(f"What was decomposed is {_shape(analysis.prepared)}.")
    return page.paragraph(material.about) + page.table([], rows) + steps


def _ranks(analysis: Analysis, drawn: dict[str, Picture]) -> str:
    swept = [fit for fit in analysis.fits if fit.choice.scores]
    said = []
    for fit in analysis.fits:
        if not fit.choice.scores:
            said.append(f"{fit.name}: {_rank(fit.choice)}, {fit.choice.reason}.")
            continue
        best = max(fit.choice.scores, key=lambda score: score.mean)
        chosen = fit.choice.chosen or best
        score = f"{chosen.mean:.3f} ± {chosen.standard_error:.3f} SE"
        text = f"{fit.name}: {_rank(fit.choice)} taken (held-out {score})"
        if best.rank != fit.choice.rank:
            text += (
                f", the smallest within one standard error of the best, {','.join(map(str, best.rank))} "
                f"({best.mean:.3f} ± {best.standard_error:.3f})"
            )
        else:
            text += ", the best of those tried"
        if fit.name == "TCA" and fit.choice.rank == fit.choice.scores[-1].rank:
            text += "; it is the largest that was tried, so more components might predict better still"
        said.append(f"{text}.")
    if not swept:
        return page.bullets(said)
    choice = swept[0].choice
    explained = page.paragraph(
        f"A random {SHARE:.0%} of the trial × unit pairs lost a block of {choice.block} bins, and "
        f"{choice.buffer} more bins on each side of it that were used for nothing, since smoothing makes "
        "neighbours alike. Models were fitted to the rest and asked to predict the blocks, in "
        f"{len(choice.scores[0].splits)} random splits, with one start and a loose tolerance. This is a "
        "quick sweep, not a rank search: splits overlap, the standard error is a rough guide, scaling each "
        "unit used its held-out entries too, and of SliceTCA only a short list of ranks was tried. It took "
        f"{sum(fit.choice.seconds for fit in swept):.1f} s."
    )
    return explained + page.bullets(said) + page.figure(drawn["ranks"])


def _fits(analysis: Analysis) -> str:
    rows: list[list[str]] = [["components", *(_rank(fit.choice) for fit in analysis.fits)]]
    signs = "not negative" if analysis.tca.model.nonnegative else "either sign"
    rows.append(["factors", signs, "either sign"])
    rows.append(["numbers in the model", *(f"{fit.n_parameters:,}".replace(",", " ") for fit in analysis.fits)])
    rows.append(["explained variance", *(f"{fit.model.explained_variance_:.4f}" for fit in analysis.fits)])
    rows.append(["… of held-out blocks", *(_held_out(fit) for fit in analysis.fits)])
    rows.append(["loss per entry", *(f"{fit.model.loss_:.5g}" for fit in analysis.fits)])
    rows.append(["outcome", *(f"{fit.model.outcome_} after {fit.model.n_iter_} sweeps" for fit in analysis.fits)])
    rows.append(["seconds (wall clock, all starts)", *(f"{fit.seconds:.3f}" for fit in analysis.fits)])
    rows.append(["starts", *(str(len(fit.ends)) for fit in analysis.fits)])
    rows.append(["… at the best end (within 0.1 %)", *(str(fit.n_at_best) for fit in analysis.fits)])
    rows.append(
        [
            "… end losses, best to worst",
            *(f"{fit.ends.min():.5g} to {fit.ends.max():.5g}" for fit in analysis.fits),
        ]
    )
    text = page.table(["", *(fit.name for fit in analysis.fits)], rows)
    model = analysis.tca.model
    extreme = congruence(model)
    if not np.isnan(extreme):
        size = f"{extreme:.2f}".replace("-", "−")
        said = f"The two most alike TCA components have a similarity (product of cosines) of {size}"
        if extreme < -0.8:
            said += ": they nearly cancel, a sign of too many components. Do not interpret them one by one"
        elif extreme > 0.8:
            said += ": they are nearly one component"
        text += page.paragraph(f"{said}.")
    if analysis.tca.model.nonnegative:
        text += page.paragraph(
            "The data hold no negative number, so TCA's factors were kept from being negative too (--signed "
            "lifts this): components of either sign tend to come in pairs that cancel, and such a pair means "
            "nothing by itself."
        )
    return text


def _held_out(fit: AnyFit) -> str:
    chosen = fit.choice.chosen
    return "not measured" if chosen is None else f"{chosen.mean:.4f} ± {chosen.standard_error:.4f} SE"


def _trials(analysis: Analysis, drawn: dict[str, Picture]) -> str:
    material = analysis.material
    tables = [*analysis.behaviour, *analysis.tables, *analysis.units]
    parts = []
    if tables:
        parts.append(
            page.paragraph(
                f"{analysis.n_tests} tests were made in this section; p-values are corrected within each "
                "question and model (Holm), not across them. Bold: corrected p below 0.05. A neuron- or "
                "time-slicing component of SliceTCA has a row of its slice for each trial: η² is that of the "
                "row, ρ that of its score on the rows' first principal component."
            )
        )
    else:
        parts.append(page.paragraph("There are no labels, or too few trials, to ask anything of."))
    if "behaviour" in drawn:
        parts += [page.figure(drawn["behaviour"]), page.bullets(map(table_sentence, analysis.behaviour))]
    if "order" in drawn:
        parts.append(page.figure(drawn["order"]))
    for fit in analysis.fits:
        parts.append(_tests([table for table in analysis.tables if table.of.startswith(f"{fit.name} ")]))
    if analysis.decodings:
        condition = (material.questions.condition or "").replace("_", " ")
        parts.append(
            page.bullets(decoding_sentence(name, found, condition) for name, found in analysis.decodings.items())
        )
    if analysis.units:
        parts.append(
            page.paragraph(
                "For comparison, without any model: the mean activity of each unit in each trial, before preprocessing."
            )
        )
        parts.append(_tests(analysis.units))
    if analysis.recoveries:
        rows = [
            [
                escape(r.planted),
                r.model,
                r.component,
                f"{r.correlation:.2f}".replace("-", "−"),
                f"{r.r_squared:.2f}",
            ]
            for r in analysis.recoveries
        ]
        head = ["planted", "model", "closest course", "its r", "R² of all courses"]
        parts.append(page.table(head, rows, caption="What was planted, and what was found"))
    if material.questions.cautions:
        parts.append(page.paragraph("Before believing any of this:") + page.bullets(material.questions.cautions))
    return "\n".join(parts)


def _tests(tables: Sequence[Answers]) -> str:
    """All that was asked of the same things: a sentence for each question, and the numbers in one table."""
    if not tables:
        return ""
    of = tables[0].of
    groups = [(f"{table.effect} (n\u00a0=\u00a0{table.n_trials})", 3) for table in tables]
    head = ["", *(name for table in tables for name in (table.statistic, "p", "corrected"))]
    rows = [
        [escape(tests[0].name), *(cell for test in tests for cell in _cells(test))]
        for tests in zip(*(table.tests for table in tables), strict=True)
    ]
    text = page.table(head, rows, groups=[(of, 1), *groups], numbers=True)
    if len(rows) > MANY_TESTS:
        text = f"<details><summary>The numbers of all {len(rows)} {escape(of)}</summary>{text}</details>"
    return page.bullets(map(table_sentence, tables)) + text


def _cells(test: Answer) -> list[str]:
    cells = [f"{test.effect:.3f}".replace("-", "−"), p_value(test.p), p_value(test.p_corrected)]
    return [f"<b>{cell}</b>" for cell in cells] if test.p_corrected < LEVEL else cells


def _methods(seed: int) -> str:
    return (
        page.heading(2, "How the numbers were made", "methods")
        + page.bullets(
            [
                "TCA: x̂ = Σ_r w_r a_r(trial) b_r(neuron) c_r(time), by alternating least squares "
                "(hierarchical where factors are non-negative); the first start is from singular vectors, "
                "the others are random, the best is kept.",
                "SliceTCA: each component is a loading along one axis times a slice over the other two; "
                "starts go on until no new end is expected; components are in the method's canonical form.",
                "η²: share of a component's variance over trials that lies between groups; with g groups "
                "and n trials, chance alone gives about (g − 1) / (n − 1).",
                "ρ: Spearman's rank correlation, two-sided.",
                f"p: {N_PERMUTATIONS} permutations of the trials, p = (1 + number at least as extreme) / "
                f"{N_PERMUTATIONS + 1}. Permuting assumes that trials are exchangeable when there is no "
                "effect. Slow drift breaks that: it makes neighbouring trials alike and these p-values too "
                "small.",
                "Decoding: linear discriminant analysis with equal priors on a model's trial scores, "
                f"stratified {N_FOLDS}-fold cross-validation, {N_DECODINGS} permutations of the labels "
                "through the same procedure. The factors were fitted to all trials, but without their "
                "labels.",
                "Seconds are those of the fit alone, on this machine, without choosing the rank.",
                f"Ranks were chosen on {N_SPLITS} splits (2 for recordings of more than a million entries).",
            ]
        )
        + page.paragraph(
            f"fastigial {fastigial.__version__}, NumPy {np.__version__}, Python "
            f"{platform.python_version()}; seed {seed}, {fastigial.get_num_threads()} threads. The same "
            "seed gives the same numbers on the same processor.",
            "soft",
        )
    )


def _files(saved: Sequence[tuple[str, str]]) -> str:
    rows = [[f"<code>{escape(name)}</code>", escape(what)] for name, what in saved]
    return (
        page.heading(2, "Files", "files")
        + page.paragraph("Beside this page; fastigial.load(path) reads them, labels included.")
        + page.table([], rows)
    )


def _shape(recording: Recording) -> str:
    return " × ".join(map(str, recording.shape))


def _rank(choice: RankChoice) -> str:
    return ", ".join(map(str, choice.rank))


def _time(recording: Recording) -> str:
    try:
        width = recording.bin_width
    except ValueError:
        return f"{recording.shape[2]} bins of unknown width"
    start, stop = recording["time"][0] - width / 2, recording["time"][-1] + width / 2
    aligned = f", relative to {recording.attrs['aligned_to']}" if "aligned_to" in recording.attrs else ""
    return f"{start:.4g} to {stop:.4g} s in bins of {1000 * width:.4g} ms{aligned}".replace("-", "−")


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
