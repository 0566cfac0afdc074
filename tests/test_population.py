"""Runs of networks and recordings read as one: axes, labels, gaps, scale, refusals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import fastigial as fg
from fastigial.analysis.population import centred, levels_of, paired, population_of

X = np.random.default_rng(0).normal(size=(6, 4, 5))  # trials, neurons, time


def recording() -> fg.Recording:
    coords = {"time": ("time", 0.1 * np.arange(5)), "side": ("trial", np.array(list("abcabc")))}
    return fg.Recording(X, coords=coords)


INPUTS = {
    "array": lambda: X,
    "list": lambda: X.tolist(),
    "Recording": recording,
    "DataArray": lambda: xr.DataArray(X, dims=("trials", "units", "step")),
    "DataArray in another order": lambda: xr.DataArray(X.transpose(2, 0, 1), dims=("time", "trial", "neuron")),
    "trajectory": lambda: SimpleNamespace(states=X.transpose(0, 2, 1), time=np.arange(5) * 0.1),
    "masked array": lambda: np.ma.MaskedArray(X, mask=np.zeros(X.shape, dtype=bool)),
}


@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
def test_everything_is_read_as_trials_steps_units(make: Any) -> None:
    population = population_of(make())
    np.testing.assert_allclose(population.values * population.scale, X.transpose(0, 2, 1), rtol=1e-15)
    assert population.seen.all()
    assert (population.n_trials, population.n_steps, population.n_units) == (6, 5, 4)


def test_time_and_source() -> None:
    assert population_of(X).time_unit == "step"
    found = population_of(recording())
    assert (found.time_unit, found.source) == ("s", "recording")
    np.testing.assert_allclose(found.time, 0.1 * np.arange(5))
    run = population_of(INPUTS["trajectory"]())
    assert (run.time_unit, run.source) == ("s", "network")


def test_a_matrix_is_samples_by_units() -> None:
    assert population_of(X[:, :, 0]).values.shape == (6, 1, 4)
    assert population_of(xr.DataArray(X[0], dims=("neuron", "time"))).values.shape == (1, 5, 4)
    assert population_of(xr.DataArray(X[:, :, 0].T, dims=("neuron", "trial"))).values.shape == (6, 1, 4)


def test_labels_of_trials() -> None:
    population = population_of(recording())
    assert population.trial_values("side", "labels")[0].tolist() == list("abcabc")
    assert population.trial_values(np.arange(6), "labels")[1] == "labels"
    with pytest.raises(ValueError, match=r"labels is 'choice'.*there are 'side'"):
        population.trial_values("choice", "labels")
    with pytest.raises(ValueError, match=r"labels has shape \(5,\), expected \(6,\)"):
        population.trial_values(np.arange(5), "labels")


def test_levels_of_mixed_labels() -> None:
    levels, codes = levels_of(np.array(["b", 1, "b", 2.5], dtype=object))
    assert levels == ["b", 1, 2.5]
    assert codes.tolist() == [0, 1, 0, 2]


def test_whole_samples_may_be_missing() -> None:
    gaps = X.copy()
    gaps[0, :, 3:] = np.nan
    gaps[2] = np.nan
    population = population_of(gaps)
    assert population.seen.sum() == 30 - 2 - 5
    assert np.isfinite(population.samples()).all()
    masked = population_of(np.ma.MaskedArray(X, mask=np.isnan(gaps)))
    np.testing.assert_array_equal(masked.seen, population.seen)


def test_pairs_are_those_that_both_observed() -> None:
    a, b = X.copy(), X[:, :2].copy()
    a[0, :, 0] = b[1, :, 1] = np.nan
    rows_a, rows_b, first, second = paired(a, b)
    assert rows_a.shape == (28, 4)
    np.testing.assert_allclose(rows_a[:, :2] * first.scale, rows_b * second.scale)


def test_centred_columns_that_do_not_vary_are_zero() -> None:
    rows = np.full((7, 2), 0.1)
    rows[:, 1] = np.arange(7)
    assert not centred(rows)[:, 0].any()
    assert centred(rows)[:, 1].tolist() == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.where(np.arange(4)[None, :, None] == 1, np.nan, X),
            ValueError,
            "x holds 30 samples .* of which some units",
        ),
        (np.full((2, 3, 4), np.nan), ValueError, "no observed sample"),
        (np.where(X > 2, np.inf, X), ValueError, "infinite"),
        (np.zeros(4), ValueError, r"x has shape \(4,\), expected \(trials, neurons, time\)"),
        (np.zeros((0, 3, 4)), ValueError, "x is empty: 0 trials"),
        (np.array([["a"]]), TypeError, "x has dtype"),
        (1j * X, TypeError, "x has dtype complex128"),
        (None, TypeError, "x has dtype object"),
        (xr.DataArray(X, dims=("trial", "lag", "time")), ValueError, r"x has the axes \('trial', 'lag', 'time'\)"),
        (xr.DataArray(X[0], dims=("trial", "time")), ValueError, "expected trial, neuron"),
        (SimpleNamespace(states=X[0]), ValueError, r"x.states has shape \(4, 5\), expected \(trials, time, units\)"),
        (SimpleNamespace(states=X, time=np.arange(3)), ValueError, r"x.time has shape \(3,\), expected \(4,\)"),
    ],
)
def test_refusals(x: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        population_of(x)


def test_pairs_that_are_none() -> None:
    with pytest.raises(ValueError, match="a has 6 trials of 5 steps and b has 5 of 5"):
        paired(X, X[1:])
    gone = X.copy()
    gone[:3] = np.nan
    other = X.copy()
    other[3:] = np.nan
    with pytest.raises(ValueError, match="no sample that was observed in both"):
        paired(gone, other)
