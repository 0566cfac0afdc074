"""A recording, two fits, and what their trial factors say: everything the report states, as numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.association import holm
from fastigial.demo.fits import AnyFit, Course, Fit, courses_of, fit_slicetca, fit_tca
from fastigial.demo.prepare import Step, prepare
from fastigial.demo.ranks import RankChoice, choose_slicetca, choose_tca
from fastigial.demo.sources import Material, UserError
from fastigial.demo.statistics import (
    N_PERMUTATIONS,
    Decoding,
    decode,
    permuted_eta_squared,
    permuted_spearman,
)
from fastigial.recording import Recording
from fastigial.tensor import TCA, SliceTCA

__all__ = ["Analysis", "Answer", "Answers", "Options", "analyse"]

LEVEL = 0.05
FEWEST_TRIALS = 8
GIVEN = "given, not chosen from the data"


@dataclass(frozen=True)
class Options:
    """What the user may set of the fits; None lets the demo choose.

    TCA is non-negative where the data are, unless `signed`: components of either sign tend to come in pairs
    that cancel, and such a pair means nothing by itself.
    """

    tca_components: int | None = None
    slicetca_components: tuple[int, int, int] | None = None
    signed: bool = False
    n_starts: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """One test: of what, its effect size, its p-value and that corrected for the tests of the same table."""

    name: str
    effect: float
    p: float
    p_corrected: float


@dataclass(frozen=True)
class Answers:
    """Tests that answer one question and are corrected together.

    Attributes
    ----------
    effect : str
        What is asked about, such as "change with trial number".
    statistic : str
        "η²" or "ρ".
    of : str
        What is tested, such as "TCA components".
    n_trials : int
    tests : tuple of Answer
    n_permutations : int
    """

    effect: str
    statistic: str
    of: str
    n_trials: int
    tests: tuple[Answer, ...]
    n_permutations: int = N_PERMUTATIONS

    @property
    def significant(self) -> tuple[Answer, ...]:
        """Those whose corrected p-value is below 0.05, strongest first."""
        found = [test for test in self.tests if test.p_corrected < LEVEL]
        return tuple(sorted(found, key=lambda test: -abs(test.effect)))

    @property
    def strongest(self) -> Answer | None:
        """The largest effect, significant or not."""
        tested = [test for test in self.tests if not np.isnan(test.effect)]
        return max(tested, key=lambda test: abs(test.effect), default=None)


@dataclass(frozen=True)
class Recovery:
    """How well a planted course of trials is found again: by one component, and by all of them together."""

    planted: str
    model: str
    component: str
    correlation: float
    r_squared: float


@dataclass(frozen=True)
class Analysis:
    """Everything about one recording.

    Attributes
    ----------
    behaviour : tuple of Answers
        Whether behaviour itself changes, so that a change of activity can be judged beside it.
    units : tuple of Answers
        The same questions asked of each unit's mean count, without any model.
    tables : tuple of Answers
        The questions asked of the components.
    decodings : dict of str to Decoding
        By model.
    """

    material: Material
    prepared: Recording
    steps: tuple[Step, ...]
    tca: Fit[TCA]
    slicetca: Fit[SliceTCA]
    behaviour: tuple[Answers, ...]
    units: tuple[Answers, ...]
    tables: tuple[Answers, ...]
    decodings: dict[str, Decoding] = field(default_factory=dict)
    recoveries: tuple[Recovery, ...] = ()
    seconds: float = 0.0

    @property
    def fits(self) -> tuple[AnyFit, AnyFit]:
        """Both fits."""
        return self.tca, self.slicetca

    @property
    def n_tests(self) -> int:
        """All tests of all tables, and one for each decoding."""
        tables = (*self.behaviour, *self.units, *self.tables)
        return sum(len(table.tests) for table in tables) + len(self.decodings)


def analyse(material: Material, options: Options) -> Analysis:
    """Prepare, choose ranks, fit, and ask the trial factors what the material wants to know.

    Parameters
    ----------
    material : Material
    options : Options

    Returns
    -------
    Analysis

    Raises
    ------
    UserError
        If the recording cannot be prepared or a rank does not fit it.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.demo.analysis import Options, analyse
    >>> from fastigial.demo.sources import Material, Plan, Questions
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, seed=0)
    >>> material = Material(recording, "toy", "simulated", "A toy.", Plan(), Questions(order=""))
    >>> analysis = analyse(material, Options(tca_components=2, slicetca_components=(1, 0, 0), n_starts=3))
    >>> [len(table.tests) for table in analysis.tables]
    [2, 1]
    """
    started = time.perf_counter()
    prepared, steps = prepare(material.recording, material.plan)
    sd_bins = material.plan.sd_bins or 0.0
    seed = options.seed
    nonnegative = not options.signed and float(np.nanmin(prepared.data)) >= 0
    try:
        tca_choice = (
            choose_tca(prepared, nonnegative=nonnegative, sd_bins=sd_bins, seed=seed)
            if options.tca_components is None
            else RankChoice((options.tca_components,), GIVEN)
        )
        slice_choice = (
            choose_slicetca(prepared, sd_bins=sd_bins, seed=seed)
            if options.slicetca_components is None
            else RankChoice(options.slicetca_components, GIVEN)
        )
    except ValueError as error:
        raise UserError(f"{prepared.name}: cannot be decomposed ({error})") from error
    tca = fit_tca(prepared, tca_choice, nonnegative=nonnegative, n_starts=options.n_starts, seed=seed)
    slicetca = fit_slicetca(prepared, slice_choice, seed=seed)

    asker = _Asker(material, np.random.default_rng(seed))
    courses = {fit.name: courses_of(fit.model) for fit in (tca, slicetca)}
    # One question after another, each of both models: the order of the report.
    tables = [
        table
        for ask in (asker.condition, asker.order, asker.behaviour)
        for name, found in courses.items()
        for table in ask(f"{name} components", found)
    ]
    units = _unit_courses(material.recording)
    return Analysis(
        material,
        prepared,
        steps,
        tca,
        slicetca,
        behaviour=tuple(asker.behaviour_itself()),
        units=tuple(table for ask in (asker.condition, asker.order) for table in ask("single units", units)),
        tables=tuple(tables),
        decodings=asker.decodings(courses),
        recoveries=tuple(_recoveries(material, courses)),
        seconds=time.perf_counter() - started,
    )


class _Asker:
    """Puts a material's questions to any set of courses over trials."""

    def __init__(self, material: Material, rng: np.random.Generator) -> None:
        self.recording = material.recording
        self.questions = material.questions
        self.rng = rng
        n_trials = self.recording.shape[0]
        within = self.questions.within
        self.inside = np.ones(n_trials, dtype=bool) if within is None else self.recording[within[0]] == within[1]
        self.where = "" if within is None else f" within {within[0]} {within[1]}"

    def condition(self, of: str, courses: tuple[Course, ...]) -> list[Answers]:
        labels, known = self._labels()
        if labels is None or not courses or known.sum() < FEWEST_TRIALS:
            return []
        # A unit or component that is unobserved in some trials is tested in the others.
        found = []
        for course in courses:
            seen = known & np.isfinite(course.rows).all(axis=1)
            enough = seen.sum() >= FEWEST_TRIALS and len(np.unique(labels[seen])) > 1
            found.append(
                permuted_eta_squared(course.rows[seen], labels[seen], self.rng) if enough else (np.nan, np.nan)
            )
        effect = f"difference between groups of {_words(self.questions.condition or '')}"
        return [_table(effect, "η²", of, int(known.sum()), courses, found)]

    def order(self, of: str, courses: tuple[Course, ...]) -> list[Answers]:
        if self.questions.order is None:
            return []
        numbers = self._order()
        return self._against(f"change with trial number{self.where}", of, courses, numbers)

    def behaviour(self, of: str, courses: tuple[Course, ...]) -> list[Answers]:
        return [
            table
            for name in self.questions.behaviour
            for table in self._against(
                f"correlation with {_words(name)}{self.where}", of, courses, self.recording[name]
            )
        ]

    def behaviour_itself(self) -> list[Answers]:
        if self.questions.order is None or not self.questions.behaviour:
            return []
        courses = tuple(
            Course(_words(name), values[:, None], values)
            for name in self.questions.behaviour
            for values in [np.asarray(self.recording[name], dtype=np.float64)]
        )
        return self.order("behaviour", courses)

    def decodings(self, courses: dict[str, tuple[Course, ...]]) -> dict[str, Decoding]:
        labels, known = self._labels()
        if labels is None:
            return {}
        found = {}
        for name, parts in courses.items():
            features = np.stack([course.scores for course in parts], axis=1)
            decoding = decode(features[known], labels[known], self.rng)
            if decoding is not None:
                found[name] = decoding
        return found

    def _labels(self) -> tuple[NDArray[Any] | None, NDArray[np.bool_]]:
        if self.questions.condition is None:
            return None, self.inside
        labels = self.recording[self.questions.condition]
        known = ~np.isnan(labels) if labels.dtype.kind == "f" else np.ones(len(labels), dtype=bool)
        return labels, np.asarray(known, dtype=np.bool_)

    def _order(self) -> NDArray[Any]:
        name = self.questions.order
        return self.recording[name] if name else np.arange(self.recording.shape[0])

    def _against(self, effect: str, of: str, courses: tuple[Course, ...], values: NDArray[Any]) -> list[Answers]:
        values = np.asarray(values, dtype=np.float64)
        known = self.inside & np.isfinite(values)
        if not courses or known.sum() < FEWEST_TRIALS:
            return []
        found = []
        for course in courses:
            seen = known & np.isfinite(course.scores)
            enough = seen.sum() >= FEWEST_TRIALS
            found.append(permuted_spearman(course.scores[seen], values[seen], self.rng) if enough else (np.nan, np.nan))
        return [_table(effect, "ρ", of, int(known.sum()), courses, found)]


def _table(
    effect: str,
    statistic: str,
    of: str,
    n_trials: int,
    courses: tuple[Course, ...],
    found: list[tuple[float, float]],
) -> Answers:
    corrected = holm([p for _, p in found])
    tests = tuple(
        Answer(course.name, size, p, float(p_corrected))
        for course, (size, p), p_corrected in zip(courses, found, corrected, strict=True)
    )
    return Answers(effect, statistic, of, n_trials, tests)


def _unit_courses(recording: Recording) -> tuple[Course, ...]:
    """Mean activity of each unit in each trial; NaN where not a single bin was observed."""
    observed = ~np.isnan(recording.data)
    n_observed = observed.sum(axis=2)
    total = np.where(observed, recording.data, 0.0).sum(axis=2, dtype=np.float64)
    means = np.divide(total, n_observed, out=np.full(total.shape, np.nan), where=n_observed > 0)
    names = recording["unit"] if "unit" in recording.coords else np.arange(recording.shape[1])
    return tuple(Course(f"unit {name}", column[:, None], column) for name, column in zip(names, means.T, strict=True))


def _recoveries(material: Material, courses: dict[str, tuple[Course, ...]]) -> list[Recovery]:
    found = []
    for planted, truth in material.questions.planted.items():
        for model, parts in courses.items():
            correlations = [float(np.corrcoef(course.scores, truth)[0, 1]) for course in parts]
            best = int(np.nanargmax(np.abs(correlations)))
            design = np.column_stack([np.ones(len(truth)), *(course.scores for course in parts)])
            residual = truth - design @ np.linalg.lstsq(design, truth, rcond=None)[0]
            r_squared = 1 - float(cast(float, residual.var())) / float(cast(float, truth.var()))
            found.append(Recovery(planted, model, parts[best].name, correlations[best], r_squared))
    return found


def _words(name: str) -> str:
    return name.replace("_", " ")
