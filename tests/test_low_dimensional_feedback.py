"""A random network with low-dimensional feedback: against its equations, its measures, its invariances, its trend."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
from tests.common import reference_low_dimensional_feedback as reference

from fastigial import _core
from fastigial.models import FeedbackRun, FeedbackSweep, LowDimensionalFeedbackRNN

TIMING = {"n_steps": 15, "n_discarded": 4}


def slow(
    model: LowDimensionalFeedbackRNN, n_repeats: int, n_steps: int, n_discarded: int
) -> tuple[reference.Closed, Any]:
    numbers = model._numbers((n_repeats, n_steps, n_discarded))
    parts = _core.low_dimensional_feedback_parts(numbers, model.seed)
    parameters = model.parameters
    found = reference.simulate(
        parameters["J"],
        parameters["V"],
        parameters["U"],
        parts["initial"],
        parts["orders"],
        alpha=model.target_gain,
        beta=model.target_gain * model.feedback_ratio,
        dt=model.dt / model.tau,
        n_steps=n_steps,
        n_discarded=n_discarded,
    )
    return found, parts["orders"][1]


@pytest.mark.parametrize("n_units", [20, 33])
@pytest.mark.parametrize("ratio", [0.5, 1.5])
def test_double_precision_follows_the_equations(n_units: int, ratio: float) -> None:
    # 240 steps in each run. Chaos multiplies rounding by e within a few time constants: 1e-7 is left of 1e-16.
    model = LowDimensionalFeedbackRNN(n_units, ratio, seed=5, dtype="float64", dt=0.2, tau=2.0)
    found = model.run(2, **TIMING)
    right, order = slow(model, 2, **TIMING)
    np.testing.assert_allclose(found.readout, right.readout, rtol=0, atol=1e-7 * np.abs(right.readout).max())
    assert found.unexplained == pytest.approx(right.unexplained, rel=1e-8)
    np.testing.assert_allclose(found.rates, reference.by_target(right.rates, order), rtol=0, atol=1e-7)
    np.testing.assert_allclose(found.outputs, reference.by_target(right.outputs, order), rtol=0, atol=1e-6)


def test_single_precision_follows_them_as_long_as_chaos_lets_it() -> None:
    # Without feedback weights, so that the readout, of which the data determine few digits, does not act.
    single, double = (
        LowDimensionalFeedbackRNN(24, seed=2, feedback_sd=0.0, dtype=dtype).run(1, **TIMING)
        for dtype in ("float32", "float64")
    )
    assert single.rates.dtype == np.float32
    assert double.rates.dtype == np.float64
    np.testing.assert_allclose(single.rates, double.rates, rtol=0, atol=1e-4)
    assert single.unexplained == pytest.approx(double.unexplained, rel=1e-2)


def test_measures_are_those_of_the_reference() -> None:
    rng = np.random.default_rng(0)
    circle = np.column_stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)])
    for size in (0.0, 0.3, 1.0, 3.0):
        rates = (size * rng.normal(size=(1, 8, 60)) + circle @ rng.normal(size=(2, 60))) * 0.3
        run = FeedbackRun(1.0, rates, np.zeros((1, 8, 2)), np.zeros((60, 2)), 0.0)
        assert run.dimensionality == pytest.approx(reference.dimensionality(rates[0]), rel=1e-9)
        assert run.generalization == reference.generalization(rates[0])


def test_a_flat_circle_generalises_and_a_simplex_does_not() -> None:
    angles = np.arange(8) * np.pi / 4
    plane = np.random.default_rng(1).normal(size=(2, 80))
    nothing = (np.zeros((1, 8, 2)), np.zeros((80, 2)), 0.0)
    flat = FeedbackRun(1.0, (np.column_stack([np.cos(angles), np.sin(angles)]) @ plane)[np.newaxis], *nothing)
    assert flat.generalization == 1.0
    # Standardising units changes the variances of the two dimensions a little.
    assert 1.8 < flat.dimensionality <= 2.0 + 1e-9
    scores = []
    for seed in range(20):
        spread = np.random.default_rng(seed).normal(size=(1, 8, 80))
        run = FeedbackRun(1.0, spread, *nothing)
        assert 6 < run.dimensionality < 7
        scores.append(run.generalization)
    # Twenty means of sixteen guesses.
    assert abs(np.mean(scores) - 0.5) < 5 * 0.5 / np.sqrt(320)


def test_measures_do_not_depend_on_the_order_or_the_unit_of_activity() -> None:
    run = LowDimensionalFeedbackRNN(40, seed=3, dtype="float64").run(2, n_steps=60)
    moved = FeedbackRun(1.0, 3.0 * run.rates[:, :, ::-1] + 5.0, run.outputs, run.readout, run.unexplained)
    assert moved.dimensionality == pytest.approx(run.dimensionality, rel=1e-9)
    assert moved.generalization == run.generalization
    # Two targets on: quadrants change places.
    turned = FeedbackRun(1.0, np.roll(run.rates, 2, axis=1), run.outputs, run.readout, run.unexplained)
    assert turned.dimensionality == pytest.approx(run.dimensionality, rel=1e-9)


def test_a_run_is_one_of_a_sweep_whatever_the_threads() -> None:
    timing = {"n_repeats": 2, **TIMING}
    ratios = [0.5, 0.8, 1.0, 1.5]
    sweeps = [
        LowDimensionalFeedbackRNN.sweep(ratios, 3, 7, n_units=30, n_threads=n_threads, **timing)
        for n_threads in (1, 2, 5)
    ]
    for name in ("dimensionality", "generalization", "error", "unexplained"):
        for other in sweeps[1:]:
            assert np.array_equal(getattr(sweeps[0], name), getattr(other, name))
        for i in range(3):
            for j, ratio in enumerate(ratios):
                run = LowDimensionalFeedbackRNN(30, ratio, 7 + i).run(**timing)
                assert getattr(run, name) == getattr(sweeps[0], name)[i, j]


def test_portions_of_a_sweep_join() -> None:
    sweep = LowDimensionalFeedbackRNN.sweep
    options = {"n_units": 20, "n_repeats": 1, "n_steps": 10, "n_discarded": 2}
    whole = sweep([0.5, 1.5], 3, 4, **options)
    joined = sweep([0.5, 1.5], 2, 4, **options).join(sweep([0.5, 1.5], 1, 6, **options))
    assert np.array_equal(joined.generalization, whole.generalization)
    assert np.array_equal(joined.seeds, [4, 5, 6])
    with pytest.raises(ValueError, match="seeds"):
        joined.join(whole)
    with pytest.raises(ValueError, match="ratios"):
        joined.join(sweep([0.5], 1, 9, **options))


def test_without_feedback_the_readout_changes_nothing() -> None:
    run = LowDimensionalFeedbackRNN(30, 0.0, seed=1, dtype="float64").run(1, **TIMING)
    model = LowDimensionalFeedbackRNN(30, 0.0, seed=1, feedback_sd=0.0, dtype="float64")
    assert np.array_equal(run.rates, model.run(1, **TIMING).rates)


def test_a_quiet_network_reads_its_targets() -> None:
    """Without recurrence, activity is what the inputs say, and the readout undoes it."""
    run = LowDimensionalFeedbackRNN(60, 1.0, seed=0, gain=0.0, dtype="float64").run(3, n_steps=300, n_discarded=150)
    assert run.unexplained < 1e-3
    assert run.error < 1e-2
    angles = np.arctan2(run.outputs[..., 1], run.outputs[..., 0])
    assert np.abs(np.angle(np.exp(1j * (angles - np.arange(8) * np.pi / 4)))).max() < 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_sweep_has_its_tables_and_its_figure(dtype: str) -> None:
    found = LowDimensionalFeedbackRNN.sweep(
        [0.5, 1.5], 2, n_units=20, n_repeats=1, n_steps=10, n_discarded=1, dtype=dtype
    )
    table = found.to_pandas()
    assert list(table.columns) == ["mean", "sem", "sd"]
    values = found.dimensionality[:, 1]
    assert table.loc[("dimensionality", 1.5), "mean"] == pytest.approx(values.mean())
    assert table.loc[("dimensionality", 1.5), "sem"] == pytest.approx(abs(values[0] - values[1]) / 2)
    assert "2 networks" in repr(found)
    figure = found.plot(published={"ratios": [0.5], "dimensionality": [5.53], "generalization": [0.629]})
    assert [ax.get_ylabel() for ax in figure.axes] == ["dimensionality (of 7)", "generalisation"]
    one = LowDimensionalFeedbackRNN.sweep([1.0], 1, n_units=20, n_repeats=1, n_steps=10, n_discarded=1)
    assert np.isnan(one.to_pandas()["sem"]).all()
    one.plot()
    with pytest.raises(ValueError, match="published has no 'ratios'"):
        found.plot(published={})


def test_progress_counts_networks() -> None:
    seen: list[tuple[int, int]] = []
    LowDimensionalFeedbackRNN.sweep(
        [1.0],
        3,
        n_units=20,
        n_repeats=1,
        n_steps=10,
        n_discarded=1,
        n_threads=1,
        progress=lambda done, total, _: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_units": 0}, ValueError, "n_units is 0, expected at least 1"),
        ({"n_units": 2.5}, TypeError, "n_units is 2.5"),
        ({"n_units": 2**31}, MemoryError, "does not fit into memory"),
        ({"feedback_ratio": "much"}, TypeError, "feedback_ratio is 'much'"),
        ({"feedback_ratio": np.nan}, ValueError, "feedback_ratio holds NaN"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"gain": np.inf}, ValueError, "gain is inf"),
        ({"target_gain": np.nan}, ValueError, "target_gain is NaN"),
        ({"dt": 0.0}, ValueError, "dt is 0.0"),
        ({"dt": 2.0}, ValueError, "dt / tau is 2, expected at most 1"),
        ({"dtype": "int32"}, ValueError, "dtype is int32"),
    ],
)
def test_wrong_networks_are_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LowDimensionalFeedbackRNN(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_repeats": 0}, ValueError, "n_repeats is 0"),
        ({"n_steps": 1}, ValueError, "n_steps is 1"),
        ({"n_discarded": 500}, ValueError, "n_discarded is 500, expected less than n_steps = 500"),
        ({"n_repeats": 2**31}, ValueError, "n_repeats is 2147483648, expected 1 to 1000000"),
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
    ],
)
def test_wrong_runs_are_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LowDimensionalFeedbackRNN(10).run(**options)


def test_wrong_sweeps_are_refused() -> None:
    sweep = LowDimensionalFeedbackRNN.sweep
    for ratios, n_networks in [([], 1), ([1.0], 0), (1.0, 1)]:
        with pytest.raises(ValueError, match="expected a row and at least one"):
            sweep(ratios, n_networks, n_units=10)
    with pytest.raises(ValueError, match="ratios holds NaN"):
        sweep([np.nan], 1, n_units=10)
    with pytest.raises(FloatingPointError, match="activity is not finite"):
        sweep([1e300], 1, n_units=10, n_repeats=1, target_gain=1e30)


def test_generalisation_rises_with_feedback() -> None:
    """In networks of 200 units only this: their dimensionality does not fall for certain."""
    found: FeedbackSweep = LowDimensionalFeedbackRNN.sweep([0.3, 2.0], 6, n_units=200)
    rise = found.generalization[:, 1] - found.generalization[:, 0]
    assert rise.mean() > 0.05


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_stops_a_long_run(n_threads: int) -> None:
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            LowDimensionalFeedbackRNN.sweep([0.5, 1.5], 10, n_units=300, n_repeats=1000, n_threads=n_threads)
        assert time.perf_counter() - sent[0] < 1.5
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)
