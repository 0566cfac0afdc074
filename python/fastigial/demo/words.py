"""Numbers in sentences: the same for the report and the console, and none that says more than its numbers."""

from __future__ import annotations

import numpy as np

from fastigial.demo.analysis import Analysis, Answers, Recovery
from fastigial.demo.fits import AnyFit
from fastigial.demo.statistics import Decoding

__all__ = ["console_lines", "decoding_sentence", "findings", "fit_sentence", "p_value", "table_sentence"]

MOST_NAMED = 4


def p_value(p: float) -> str:
    """Return a p-value in two digits.

    Examples
    --------
    >>> from fastigial.demo.words import p_value
    >>> p_value(0.00022), p_value(0.4231), p_value(float("nan"))
    ('0.00022', '0.42', 'not tested')
    """
    if np.isnan(p):
        return "not tested"
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def table_sentence(table: Answers) -> str:
    """Say what the tests of one table found.

    Parameters
    ----------
    table : Answers

    Returns
    -------
    str

    Examples
    --------
    >>> from fastigial.demo.analysis import Answer, Answers
    >>> from fastigial.demo.words import table_sentence
    >>> tests = (Answer("component 0", 0.1, 0.4, 0.8), Answer("component 1", -0.2, 0.5, 0.8))
    >>> print(table_sentence(Answers("change with trial number", "ρ", "TCA components", 40, tests)))
    No clear change with trial number in any of the 2 TCA components: the largest is ρ = −0.20
    (component 1, p = 0.80 corrected).
    """
    n_tests, strongest = len(table.tests), table.strongest
    if strongest is None:
        return f"{_capital(table.of)}: {table.effect} could not be tested, for nothing varies."
    found = table.significant
    if n_tests == 1:
        test = f"{table.statistic} = {_signed(strongest.effect)}, p = {p_value(strongest.p)}"
        who = strongest.name if table.of == "behaviour" else f"the only one of the {table.of}, {strongest.name},"
        return f"{_capital(who)} shows {'a' if found else 'no clear'} {table.effect} ({test})."
    if not found:
        return (
            f"No clear {table.effect} in any of the {n_tests} {table.of}: the largest is {table.statistic} = "
            f"{_signed(strongest.effect)} ({strongest.name}, p = {p_value(strongest.p_corrected)} corrected)."
        )
    named = ", ".join(
        f"{test.name} ({table.statistic} = {_signed(test.effect)}, p = {p_value(test.p_corrected)})"
        for test in found[:MOST_NAMED]
    )
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"{_capital(table.effect)} in {len(found)} of the {n_tests} {table.of}: {named}{more}; p corrected."


def decoding_sentence(name: str, decoding: Decoding, condition: str) -> str:
    """Say how well the conditions of trials can be told from a model's trial factors.

    Parameters
    ----------
    name : str
        Of the model.
    decoding : Decoding
    condition : str
        Name of the labels.

    Returns
    -------
    str
    """
    verdict = "" if decoding.p < 0.05 else " That is not clearly above chance."
    return (
        f"From the {decoding.n_features} {name} trial score{'s' if decoding.n_features > 1 else ''}, "
        f"{condition} of a trial is decoded with {100 * decoding.accuracy:.0f} % balanced accuracy (chance "
        f"{100 * decoding.chance:.0f} %; with permuted labels {100 * np.mean(decoding.null):.0f} % on "
        f"average and {100 * np.quantile(decoding.null, 0.95):.0f} % at the 95th percentile; p = "
        f"{p_value(decoding.p)}; n = {decoding.n_trials} trials, {decoding.n_folds} folds).{verdict}"
    )


def fit_sentence(fit: AnyFit) -> str:
    """Say what a fit reached.

    Parameters
    ----------
    fit : Fit of TCA or SliceTCA

    Returns
    -------
    str
    """
    model, held_out = fit.model, fit.choice.chosen
    rank = ", ".join(map(str, fit.choice.rank))
    rank = f"({rank})" if len(fit.choice.rank) > 1 else rank
    scored = "" if held_out is None else f" ({100 * held_out.mean:.1f} % of held-out blocks)"
    return (
        f"{fit.name} with {rank} component{'s' if rank != '1' else ''} explains "
        f"{100 * model.explained_variance_:.1f} % of the sum of squares{scored}; {model.outcome_} after "
        f"{model.n_iter_} sweeps, {fit.n_at_best} of {len(fit.ends)} starts at the best end, "
        f"{fit.seconds:.2f} s."
    )


def findings(analysis: Analysis) -> list[str]:
    """Say what was found of behaviour and of the components, question by question.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    list of str
    """
    said = [table_sentence(table) for table in (*analysis.behaviour, *analysis.tables)]
    condition = (analysis.material.questions.condition or "").replace("_", " ")
    said += [decoding_sentence(name, found, condition) for name, found in analysis.decodings.items()]
    return said


def recovery_sentence(found: Recovery) -> str:
    """Say how well something planted was found again."""
    return (
        f"Planted {found.planted}: the closest {found.model} course is {found.component} "
        f"(r = {_signed(found.correlation)}); all of them together account for {100 * found.r_squared:.0f} % "
        "of its variance."
    )


def console_lines(analysis: Analysis) -> list[str]:
    """Return what the console says of an analysis.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    list of str
    """
    steps = "; ".join(f"{step.function}: {step.what}" for step in analysis.steps) or "none"
    return [
        f"preprocessing: {steps}",
        *map(fit_sentence, analysis.fits),
        *findings(analysis),
        *map(table_sentence, analysis.units),
        *map(recovery_sentence, analysis.recoveries),
    ]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
