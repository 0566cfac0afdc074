"""States that learn from errors: the numbers of the reference, and fits that find what was planted."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.models import CascadeModel, SingleStateModel, TwoStateModel

CLAMP = np.nan
LEARN, PARADIGM = np.ones(200), np.r_[np.zeros(32), np.ones(100), -np.ones(12), np.full(20, CLAMP)]
needs_data = pytest.mark.skipif(
    not (Path(os.environ.get("FASTIGIAL_DATA", "/nowhere")) / "behaviour_two_rate").is_dir(),
    reason="the reaches are not shipped",
)


def slow_course(model: Any, f: Any, pauses: Any = None) -> tuple[Any, Any]:
    """Follow the definition, one trial after the other."""
    fast, slow = [0.0], [0.0]
    one = isinstance(model, SingleStateModel)
    a_f, b_f = (0.0, 0.0) if one else (model.retention_fast, model.learning_fast)
    a_s, b_s = (model.retention, model.learning) if one else (model.retention_slow, model.learning_slow)
    for n, perturbation in enumerate(f):
        if pauses is not None:
            fast[-1], slow[-1] = fast[-1] * a_f ** pauses[n], slow[-1] * a_s ** pauses[n]
        error = 0.0 if np.isnan(perturbation) else perturbation - fast[-1] - slow[-1]
        teacher = fast[-1] if isinstance(model, CascadeModel) else error
        fast, slow = [*fast, a_f * fast[-1] + b_f * error], [*slow, a_s * slow[-1] + b_s * teacher]
    return np.array(fast[:-1]), np.array(slow[:-1])


@pytest.mark.parametrize("kind", [TwoStateModel, CascadeModel, SingleStateModel])
def test_a_course_is_the_recursion(kind: Any) -> None:
    pauses = np.zeros(len(PARADIGM))
    pauses[[40, 140, 150]] = 2.0, 0.5, 7.0
    for given in (None, pauses):
        course = kind().simulate(PARADIGM, given)
        fast, slow = slow_course(kind(), PARADIGM, given)
        np.testing.assert_allclose(course.fast, fast, atol=1e-14)
        np.testing.assert_allclose(course.slow, slow, atol=1e-14)
        np.testing.assert_allclose(course.total, fast + slow, atol=1e-14)
        expected = np.where(np.isnan(PARADIGM), 0.0, PARADIGM - course.total)
        np.testing.assert_allclose(course.error, expected, atol=1e-14)


def trials_until(values: Any, level: float) -> int:
    return int(np.flatnonzero(values >= level)[0])


@pytest.mark.parametrize(
    ("model", "end", "n_back", "rebound", "relearned", "naive"),
    [(TwoStateModel(), (0.131, 0.614), 4, 0.455, 2, 22), (CascadeModel(), (0.131, 0.615), 6, 0.417, 2, 24)],
)
def test_numbers_of_the_reference(
    model: Any, end: Any, n_back: int, rebound: float, relearned: int, naive: int
) -> None:
    """Simulated independently for the reference: asymptote, de-adaptation, rebound in the clamp, savings.

    Its numbers have three decimals: half a unit of the last one.
    """
    learned = model.simulate(LEARN)
    assert learned.total[-1] == pytest.approx(0.745, abs=5e-4)
    assert (learned.fast[-1], learned.slow[-1]) == pytest.approx(end, abs=5e-4)
    back = model.simulate(np.r_[LEARN, -np.ones(20)]).total[200:]
    assert int(np.flatnonzero(back <= 0)[0]) == n_back
    clamped = model.simulate(np.r_[LEARN, -np.ones(n_back), np.full(40, CLAMP)]).total[200 + n_back :]
    assert clamped.max() == pytest.approx(rebound, abs=5e-4)
    assert clamped.argmax() == 8
    again = model.simulate(np.r_[LEARN, -np.ones(n_back), LEARN]).total[200 + n_back :]
    assert (trials_until(again, 0.5), trials_until(learned.total, 0.5)) == (relearned, naive)
    opposite = -model.simulate(np.r_[LEARN, -LEARN]).total[200:]
    assert trials_until(opposite, 0.3) > trials_until(learned.total, 0.3)


def test_the_asymptote_is_that_of_the_equations() -> None:
    model = TwoStateModel()
    gain = model.learning_fast / (1 - model.retention_fast) + model.learning_slow / (1 - model.retention_slow)
    assert model.simulate(np.ones(5000)).total[-1] == pytest.approx(gain / (1 + gain), abs=1e-9)
    assert gain / (1 + gain) == pytest.approx(0.751, abs=5e-4)


def test_what_tells_the_cascade_from_states_side_by_side() -> None:
    """Without the fast state nothing, or slow learning to .71; in an early clamp the slow state rises, or does not."""
    assert np.abs(CascadeModel(learning_fast=0.0).simulate(LEARN).total).max() == 0.0
    assert TwoStateModel(learning_fast=0.0).simulate(np.ones(2000)).total[-1] == pytest.approx(0.714, abs=2e-3)
    early = np.r_[np.ones(12), np.full(10, CLAMP)]
    assert CascadeModel().simulate(early).slow[15] > CascadeModel().simulate(early).slow[12]
    assert TwoStateModel().simulate(early).slow[15] < TwoStateModel().simulate(early).slow[12]


def test_no_behaviour_tells_the_cascade_from_states_side_by_side() -> None:
    """Both are linear systems with the same poles"""
    cascade = CascadeModel()
    a_f, b_f, a_s, b_s = cascade.get_params().values()
    slow = b_s * b_f / (a_s - a_f)
    two = TwoStateModel(a_f, b_f - slow, a_s, slow)
    rng = np.random.default_rng(0)
    f = np.where(rng.random(300) < 0.2, CLAMP, rng.normal(size=300))
    np.testing.assert_allclose(two.simulate(f).total, cascade.simulate(f).total, atol=1e-12)
    assert two.simulate(LEARN).slow[1] > 0.0 == cascade.simulate(LEARN).slow[1]


# Fits


def planted(model: Any, n_people: int = 1, sd: float = 0.05, seed: int = 0) -> Any:
    noise = np.random.default_rng(seed).normal(0, sd, (n_people, len(PARADIGM)))
    return model.simulate(PARADIGM).total + noise


@pytest.mark.parametrize("model", [TwoStateModel(), CascadeModel(), SingleStateModel(0.95, 0.1)])
def test_exact_data_give_the_planted_parameters_back(model: Any) -> None:
    data = model.simulate(PARADIGM).total
    data[[3, 50, 133, 160]] = np.nan
    fits = type(model)().fit(data, PARADIGM, seed=1).fits_
    expected = list(model.get_params().values())
    np.testing.assert_allclose(fits.group, expected, atol=1e-6)
    np.testing.assert_array_equal(fits.people[0], fits.group)
    assert fits.n_observed.tolist() == [160, 160]


def test_a_fit_is_a_minimum_and_scales_with_its_units() -> None:
    data = 30 * planted(TwoStateModel(), sd=0.1, seed=3)
    fits = TwoStateModel().fit(data, 30 * PARADIGM).fits_
    rng = np.random.default_rng(0)
    for _ in range(200):
        near = TwoStateModel(*np.clip(fits.group * (1 + 0.02 * rng.normal(size=4)), 0, 1))
        assert ((data[0] - near.simulate(30 * PARADIGM).total) ** 2).sum() >= fits.squares[-1] * (1 - 1e-12)
    np.testing.assert_allclose(TwoStateModel().fit(data / 30, PARADIGM).fits_.group, fits.group, atol=1e-7)
    np.testing.assert_allclose(TwoStateModel().fit(-data, -30 * PARADIGM).fits_.group, fits.group, atol=1e-7)


def test_noisy_people_give_their_parameters_back_within_the_interval() -> None:
    model = TwoStateModel().fit(planted(TwoStateModel(), 20, 0.1), PARADIGM, n_bootstraps=500, seed=2)
    # Four parameters at once: 95 % of each would miss one of them in every fifth data set.
    low, high = model.fits_.interval(0.99)
    truth = np.array(list(TwoStateModel().get_params().values()))
    assert ((low <= truth) & (truth <= high)).all()
    assert (high - low < [0.3, 0.15, 0.05, 0.05]).all()
    one = TwoStateModel().fit(planted(TwoStateModel(), 1, 0.02), PARADIGM, n_bootstraps=500).fits_.interval(0.99)
    assert ((one[0] <= truth) & (truth <= one[1])).all()


@pytest.mark.parametrize("truth", [TwoStateModel(), SingleStateModel(0.97, 0.12)])
def test_aic_and_bic_choose_what_was_planted(truth: Any) -> None:
    data = planted(truth, 12, 0.05, seed=5)
    with warnings.catch_warnings():
        # Two states on data of one: that they are hard to tell apart is what is tested here.
        warnings.simplefilter("ignore", UserWarning)
        two, one = TwoStateModel().fit(data, PARADIGM).fits_, SingleStateModel().fit(data, PARADIGM).fits_
    better = two.bic[:-1] < one.bic[:-1]
    assert better.mean() > 0.9 if isinstance(truth, TwoStateModel) else better.mean() < 0.1


def test_criteria_are_their_formulas() -> None:
    fits = TwoStateModel().fit(planted(TwoStateModel(), 3), PARADIGM).fits_
    n, squares = fits.n_observed, fits.squares
    np.testing.assert_allclose(fits.aic, n * np.log(2 * np.pi * squares / n) + n + 10)
    np.testing.assert_allclose(fits.bic - fits.aic, 5 * np.log(n) - 10)
    np.testing.assert_allclose(fits.residual_sd, np.sqrt(squares / n))


def test_parameters_that_the_data_do_not_tell_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="hardly tell|stands at a bound"):
        TwoStateModel().fit(SingleStateModel(0.95, 0.1).simulate(np.ones(60)).total, np.ones(60))


def test_numbers_come_from_the_seed_on_any_number_of_threads() -> None:
    data = planted(TwoStateModel(), 5)
    one, two = (TwoStateModel().fit(data, PARADIGM, n_bootstraps=40, n_threads=n).fits_ for n in (1, 2))
    np.testing.assert_array_equal(one.bootstraps, two.bootstraps)
    other = TwoStateModel().fit(data, PARADIGM, n_bootstraps=40, seed=1).fits_
    assert not np.array_equal(one.bootstraps, other.bootstraps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TwoStateModel().simulate([]), "perturbation"),
        (lambda: TwoStateModel().simulate([np.inf]), "perturbation"),
        (lambda: TwoStateModel().simulate([1.0, 1.0], [0.0]), "pauses"),
        (lambda: TwoStateModel().simulate([1.0], [-1.0]), "pauses"),
        (lambda: TwoStateModel(np.nan).simulate([1.0]), "retention_fast"),
        (lambda: TwoStateModel().fit(np.ones(9), np.ones(10)), "data"),
        (lambda: TwoStateModel().fit(np.full(10, np.nan), np.ones(10)), "six trials"),
        (lambda: TwoStateModel().fit(np.ones(10), np.ones(10), n_starts=0), "n_starts"),
        (lambda: TwoStateModel().fit(np.full(10, np.inf), np.ones(10)), "infinite"),
    ],
)
def test_arguments_that_make_no_sense_are_named(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# People


@needs_data
def test_people_show_a_rebound_that_two_states_have_and_one_has_not() -> None:
    people = fg.datasets.load_two_rate()
    assert people.reaches.shape == (17, 164)
    assert np.isnan(people.reaches).mean() == pytest.approx(0.039, abs=1e-3)
    clamp = people.block == 4
    two = TwoStateModel().fit(people.reaches, people.perturbation)
    one = SingleStateModel().fit(people.reaches, people.perturbation)
    mean = np.nanmean(people.reaches, axis=0)[clamp]
    highest = [model.model_.simulate(people.perturbation).total[clamp].max() for model in (two, one)]
    assert np.isfinite(people.perturbation[~clamp]).all() and np.isnan(people.perturbation[clamp]).all()
    # The opposite rotation has turned reaches round; in the clamp they come back beyond straight ahead.
    assert mean[0] < 0 < 2.0 < mean[5:].mean()
    assert highest[0] > 2.0 > 0.0 >= highest[1]
    assert two.fits_.aic[-1] < one.fits_.aic[-1] - 10


def test_reaches_that_are_not_here_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="SMCL"):
        fg.datasets.load_two_rate(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns"):
        fg.datasets.load_two_rate(tmp_path / "other.csv")
