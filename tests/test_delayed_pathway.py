"""A pathway with a delay and a forward interface beside it; the tracking task; errors against the delay."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest

import fastigial as fg
from fastigial.models import DelayedPathway, DelaySweep, delay_sweep
from fastigial.tasks import Tracking

matplotlib.use("agg")
SMALL: dict[str, Any] = {"n_sensory": 16, "n_motor": 16, "n_granule": 40}


class TestTracking:
    def test_targets_are_turned_running_means_of_inputs_with_a_known_memory(self) -> None:
        task = Tracking(rotation=90, correlation_time=0.08, smoothing_time=0.03, duration=0.3)
        trials = task.sample(8_000, seed=0)
        x = trials.inputs
        rho, kept = np.exp(-1 / 8), np.exp(-1 / 3)
        np.testing.assert_allclose(x.var(axis=0), 1.0, atol=0.06)
        np.testing.assert_allclose((x[:, 1:] * x[:, :-1]).mean(axis=(0, 1)), rho, atol=0.02)
        # Turned back by 90 degrees.
        mean = np.stack([trials.targets[:, :, 1], -trials.targets[:, :, 0]], axis=2)
        np.testing.assert_allclose(mean[:, 1:], kept * mean[:, :-1] + (1 - kept) * x[:, 1:], atol=1e-12)
        np.testing.assert_allclose(mean.var(axis=0), mean.var(), rtol=0.06)
        assert trials.mask[0].tolist() == [step >= 15 for step in range(30)]

    @pytest.mark.parametrize("smoothing_time", [0.0, 0.05])
    @pytest.mark.parametrize("age", [1, 4, 11])
    def test_the_least_error_is_that_of_the_best_prediction(self, smoothing_time: float, age: int) -> None:
        task = Tracking(smoothing_time=smoothing_time)
        trials = task.sample(4000, seed=1)
        # All that the past tells of a Gaussian process of two stages is in the two, and linear.
        past = np.concatenate([trials.inputs, trials.targets], axis=2)[:, :-age].reshape(-1, 4)
        future = trials.targets[:, age:].reshape(-1, 2)
        residual = future - past @ np.linalg.lstsq(past, future, rcond=None)[0]
        assert task.least_error(age) == pytest.approx(residual.var() / future.var(), rel=0.03)

    def test_its_limits(self) -> None:
        task = Tracking(smoothing_time=0.0)
        errors = [task.least_error(age) for age in range(200)]
        # Without smoothing: what an exponential autocorrelation leaves.
        np.testing.assert_allclose(errors, 1 - np.exp(-0.2 * np.arange(200)), atol=1e-12)
        for options in ({"warm_up": 0.6}, {"correlation_time": 0.0}, {"smoothing_time": -1.0}, {"rotation": np.inf}):
            with pytest.raises(ValueError, match=next(iter(options))):
                Tracking(**options)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="age"):
            task.least_error(-1)


@pytest.mark.parametrize("delay", [0, 3])
def test_a_message_arrives_at_its_age_and_the_interface_answers_at_once(delay: int) -> None:
    model = DelayedPathway(delay=delay, **SMALL)
    x = np.zeros((1, 12, 2))
    silent = model.run(x)
    x[0, 4] = 1.0
    shown = model.run(x)

    def first(a: Any, b: Any) -> int:
        return int(np.flatnonzero(np.any(a != b, axis=(0, 2)))[0])

    assert model.age == delay + 1
    assert first(shown.states[:, :, :16], silent.states[:, :, :16]) == 4
    assert first(shown.states[:, :, 16:], silent.states[:, :, 16:]) == 4 + model.age
    assert first(shown.late_outputs, silent.late_outputs) == 4 + model.age
    # Neither before the message was sent, nor later than that.
    assert first(shown.outputs, silent.outputs) == 4


def test_the_interface_is_a_perceptron_and_stays_one() -> None:
    model = DelayedPathway(delay=2, **SMALL).fit(Tracking(), 1, n_batches=3)
    run = model.run(Tracking().sample(5, seed=3))
    assert model.interface_net is not None and run.predictions is not None
    weights, cortex = model.interface_net.parameters, model.net.parameters
    assert not weights["U"].any() and not weights["V"].any()
    granule = np.maximum(run.states[:, :, :16] @ weights["W_in"].T + weights["b"], 0.0)
    np.testing.assert_allclose(run.predictions, granule @ weights["W_out"].T + weights["b_out"], atol=1e-5)
    outputs = run.predictions @ cortex["W_out"][:, 16:].T + cortex["b_out"]
    np.testing.assert_allclose(run.outputs, outputs, atol=1e-5)


class Altered:
    """Tracking whose targets are others in the last steps."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def sample(self, n_trials: int, seed: int) -> fg.Trials:
        trials = Tracking().sample(n_trials, seed)
        trials.targets[:, trials.n_steps - self.n_steps :] += 9.0
        return trials


def test_targets_are_met_when_messages_arrive_and_no_earlier() -> None:
    def learned(task: Any) -> Any:
        return DelayedPathway(delay=3, **SMALL).fit(task, 1, n_batches=2).net.parameters["W_in"]

    expected = learned(Tracking())
    # Messages of the last four steps have not arrived by the end of the trial: nothing is known of them.
    np.testing.assert_array_equal(learned(Altered(4)), expected)
    assert not np.array_equal(learned(Altered(5)), expected)


def test_what_the_interface_learns_is_what_the_motor_area_makes_of_the_message() -> None:
    task = Tracking()
    model = DelayedPathway(delay=4, **SMALL).fit(task, 8)
    run = model.run(task.sample(50, seed=5))
    assert run.predictions is not None
    predicted, made = run.predictions[:, :-5], run.states[:, 5:, 16:]
    assert ((predicted - made) ** 2).mean() < 0.1 * made.var()
    # No other lag fits as well.
    for lag in (4, 6):
        assert ((run.predictions[:, :-lag] - run.states[:, lag:, 16:]) ** 2).mean() > ((predicted - made) ** 2).mean()
    assert model.history_.interface_loss[-1] < 0.3 * model.history_.interface_loss[0]
    assert model.history_.loss.shape == (8,)


def test_an_interface_takes_the_delay_away_and_a_frozen_one_ages() -> None:
    rates = {"learning_rate": 5e-3, "interface_learning_rate": 5e-3}
    found = delay_sweep(delays=[0, 8], seeds=[0], n_epochs=5, n_epochs_after=4, **rates, **SMALL)
    least = found.least_error
    assert least is not None and least.tolist() == [Tracking().least_error(1), Tracking().least_error(9)]
    # Without it no answer is better than the messages allow; with it both delays cost the same.
    without, interface = found.error["without"][0], found.error["interface"][0]
    assert (without > 0.95 * least).all() and without[1] < 1.2 * least[1]
    assert interface[1] < 0.4 * least[1] and 0.7 < interface[0] / interface[1] < 1.4
    after = {name: values[0] for name, values in found.error_after.items()}
    assert (after["frozen"] > 2 * after["interface"]).all()
    assert after["frozen"][0] > after["without"][0]


def test_the_same_seed_gives_the_same_model_on_any_number_of_threads() -> None:
    def learned(n_threads: int, seed: int) -> float:
        fg.set_num_threads(n_threads)
        try:
            return DelayedPathway(seed=seed, **SMALL).fit(Tracking(), 1, n_batches=2).error(Tracking().sample(9, 1))
        finally:
            fg.set_num_threads(None)

    assert learned(1, 0) == learned(2, 0) != learned(1, 1)


def test_a_frozen_interface_stays_as_it_is_while_the_cortex_learns() -> None:
    model = DelayedPathway(delay=1, **SMALL).fit(Tracking(), 1, n_batches=2)
    copy = model.clone().freeze()
    assert copy.interface_net is not None and model.interface_net is not None
    before, cortex = copy.interface_net.parameters, copy.net.parameters
    copy.fit(Tracking(), 1, n_batches=2)
    for name, values in before.items():
        np.testing.assert_array_equal(copy.interface_net.parameters[name], values)
        np.testing.assert_array_equal(model.interface_net.parameters[name], values)
    assert not np.array_equal(copy.net.parameters["W_in"], cortex["W_in"])
    np.testing.assert_array_equal(model.net.parameters["W_in"], cortex["W_in"])
    assert np.isnan(copy.history_.interface_loss[-1]) and "frozen" in repr(copy)


def test_a_sweep_is_a_table_and_a_figure() -> None:
    rng = np.random.default_rng(0)
    error = {name: rng.random((4, 3)) for name in ("without", "interface")}
    after = {**error, "frozen": rng.random((4, 3))}
    sweep = DelaySweep(np.array([0, 4, 9]), error, after, np.array([0.1, 0.3, 0.6]), None)
    table = sweep.to_pandas()
    assert len(table) == 15
    row = table.loc[("second", "frozen", 4)]
    assert row["mean"] == after["frozen"][:, 1].mean()
    assert row["sem"] == pytest.approx(after["frozen"][:, 1].std(ddof=1) / 2)
    figure = sweep.plot()
    first, second = figure.axes
    assert [len(ax.containers) for ax in (first, second)] == [2, 3]
    curve = second.containers[2].lines[0]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(curve.get_ydata(), after["frozen"].mean(axis=0))
    np.testing.assert_array_equal(first.lines[-1].get_ydata(), sweep.least_error)
    with pytest.raises(ValueError, match="axes must hold 2 axes"):
        sweep.plot(axes=first)
    assert "3 delays, 4 seeds" in repr(sweep)


def test_what_makes_no_sense_is_named() -> None:
    for options, message in (({"delay": -1}, "delay is -1"), ({"seed": -1}, "seed is -1"), ({"dt": 0.0}, "dt is 0.0")):
        with pytest.raises(ValueError, match=message):
            DelayedPathway(**options)
    with pytest.raises(TypeError, match="interface is 1, expected True or False"):
        DelayedPathway(interface=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="interface is False, expected a model with an interface"):
        DelayedPathway(interface=False).freeze()
    with pytest.raises(TypeError, match="task is 3, expected an object with sample"):
        DelayedPathway().fit(3, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="trials last 20 steps, expected more than the age of messages, 21"):
        DelayedPathway(delay=20).fit(Tracking(duration=0.2, warm_up=0.0), 1)
    with pytest.raises(ValueError, match="delays and seeds have 0 and 5 values"):
        delay_sweep(delays=[])


def test_a_task_of_other_steps_and_epochs_without_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dt of the trials is 0\.02"):
        fg.models.DelayedPathway().fit(fg.tasks.Tracking(dt=0.02), 1)
    with pytest.raises(ValueError, match="n_batches is 0"):
        fg.models.DelayedPathway().fit(fg.tasks.Tracking(), 1, n_batches=0)
