"""Time scales of learning: two exponentials are found where they are, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from fastigial.analysis import learning_timescales

TRIALS = np.arange(100)
ONE = 2 + 30 * np.exp(-TRIALS / 12)
TWO = 2 + 20 * np.exp(-TRIALS / 3) + 15 * np.exp(-TRIALS / 40)


def noisy(curve, seed, sd=1.5):
    return curve + sd * np.random.default_rng(seed).normal(size=len(curve))


def test_without_noise_parameters_come_back():
    one = learning_timescales(ONE, n_resamples=0).one
    assert [one.asymptote, *one.amplitudes, *one.time_constants] == pytest.approx([2, 30, 12], rel=1e-4)
    two = learning_timescales(TWO, n_resamples=0).two
    found = [two.asymptote, *two.amplitudes, *two.time_constants]
    assert found == pytest.approx([2, 20, 15, 3, 40], rel=1e-2)
    np.testing.assert_allclose(two.predict(TRIALS), TWO, atol=1e-3)


def test_two_are_found_where_planted_and_one_otherwise():
    two = sum(learning_timescales(noisy(TWO, seed), n_resamples=0).n_exponentials == 2 for seed in range(20))
    # Two more parameters win by AIC with probability exp(-2) = .14 at most, by the limit for regular models.
    wrong = sum(learning_timescales(noisy(ONE, seed), n_resamples=0).n_exponentials == 2 for seed in range(20))
    assert two == 20
    assert wrong <= 4


def test_the_two_state_model_has_two():
    """Retention .59 and .992, learning .21 and .02 (Smith et al. 2006): its errors are two exponentials exactly."""
    fast = slow = 0.0
    errors = []
    for _ in range(200):
        error = 1 - fast - slow
        errors.append(error)
        fast, slow = 0.59 * fast + 0.21 * error, 0.992 * slow + 0.02 * error
    step = np.array([[0.59 - 0.21, -0.21], [-0.02, 0.992 - 0.02]])
    constants = np.sort(-1 / np.log(np.linalg.eigvals(step)))
    found = learning_timescales(noisy(np.array(errors), 0, sd=0.02), n_resamples=0)
    assert found.n_exponentials == 2
    np.testing.assert_allclose(found.two.time_constants, constants, rtol=0.2)


def test_never_worse_than_its_start_or_than_one():
    for seed in range(10):
        errors = np.random.default_rng(seed).normal(size=40)
        found = learning_timescales(errors, n_resamples=0)
        assert found.two.rss <= found.one.rss * (1 + 1e-9)
        assert found.one.rss <= np.sum((errors - errors.mean()) ** 2) * (1 + 1e-9)
        # AIC from the residuals themselves.
        rss = np.sum((errors - found.two.predict(np.arange(40))) ** 2)
        assert found.two.aic == pytest.approx(40 * np.log(rss / 40) + 12)


def test_curves_and_missing_trials():
    rng = np.random.default_rng(0)
    curves = TWO + rng.normal(size=(12, 100)) * 2
    curves[3, 60:] = np.nan
    curves[5, 10:14] = np.nan
    found = learning_timescales(curves, n_resamples=60)
    seen = np.isfinite(curves)
    residuals = (curves - found.two.predict(TRIALS))[seen]
    assert found.two.rss == pytest.approx(np.sum(residuals**2))
    table = found.to_pandas().loc["two"]
    truth = dict(zip(table.index, [2, 20, 15, 3, 40], strict=True))
    held = [table.loc[name, "low"] <= value <= table.loc[name, "high"] for name, value in truth.items()]
    assert sum(held) >= 4
    assert np.mean(found.resampled_preference > 0) > 0.9


def test_intervals_of_one_curve_hold_the_time_constant():
    held = 0
    for seed in range(6):
        found = learning_timescales(noisy(ONE, seed), n_resamples=40, seed=seed)
        row = found.to_pandas().loc[("one", "time constant")]
        held += row["low"] <= 12 <= row["high"]
    assert held >= 5


@pytest.mark.parametrize("scale", [1e-6, -1.0, 1e6])
def test_units_and_sign_change_nothing(scale):
    errors = noisy(TWO, 0)
    plain = learning_timescales(errors, n_resamples=0)
    scaled = learning_timescales(scale * errors, n_resamples=0)
    np.testing.assert_allclose(scaled.two.time_constants, plain.two.time_constants, rtol=1e-3)
    np.testing.assert_allclose(scaled.two.amplitudes, scale * plain.two.amplitudes, rtol=1e-3)
    assert scaled.preference == pytest.approx(plain.preference, abs=1e-3)


def test_refusals_and_figure():
    with pytest.raises(ValueError, match="8 or more"):
        learning_timescales(np.full(50, np.nan))
    with pytest.raises(ValueError, match="finite"):
        learning_timescales(np.full(50, np.inf))
    with pytest.raises(ValueError, match="expected"):
        learning_timescales(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="level"):
        learning_timescales(ONE, level=1.0)
    figure = learning_timescales(noisy(TWO, 0), n_resamples=0).plot(ylabel="angle")
    assert figure.axes[0].get_ylabel() == "angle"
