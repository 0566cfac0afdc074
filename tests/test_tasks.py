"""What holds of every task: seeds, shapes, scores, refusals; and tasks of NeuroGym's and of a user's own."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.common.every_task import EVERY_TASK, Reaching, TwoSides

import fastigial as fg
from fastigial import tasks

each_task = pytest.mark.parametrize("name", EVERY_TASK)


def parts(trials: fg.Trials) -> dict[str, NDArray[Any]]:
    arrays = {"inputs": trials.inputs, "targets": trials.targets, "mask": trials.mask}
    return arrays | {f"info {k}": v for k, v in trials.info.items()} | {f"at {k}": v for k, v in trials.events.items()}


class TestEveryTask:
    @each_task
    def test_the_same_seed_gives_the_same_trials_and_another_others(self, name: str) -> None:
        task = EVERY_TASK[name]()
        one, again, other = task.sample(20, seed=3), task.sample(20, seed=3), task.sample(20, seed=4)
        for key, array in parts(one).items():
            np.testing.assert_array_equal(parts(again)[key], array)
        if name != "sine":
            assert not np.array_equal(one.inputs, other.inputs)

    @each_task
    def test_a_copy_of_a_task_draws_the_same(self, name: str) -> None:
        task = EVERY_TASK[name]()
        copied = copy.deepcopy(task) if name == "function" else pickle.loads(pickle.dumps(task))
        np.testing.assert_array_equal(copied.sample(5, seed=1).inputs, task.sample(5, seed=1).inputs)

    @each_task
    def test_sizes_and_names_are_those_of_the_task(self, name: str) -> None:
        task = EVERY_TASK[name]()
        trials = task.sample(100, seed=0)
        assert trials.inputs.shape == (100, task.n_steps, task.n_inputs)
        assert trials.targets.shape == (100, task.n_steps, task.n_outputs)
        assert (trials.input_names, trials.output_names) == (task.input_names, task.output_names)
        assert trials.dt == task.dt
        assert trials.inputs.dtype == trials.targets.dtype == task.dtype
        assert (trials.weights > 0).any(axis=1).all(axis=1).mean() > 0.5

    @each_task
    def test_targets_as_outputs_are_perfect_and_outputs_of_nan_are_not(self, name: str) -> None:
        task = EVERY_TASK[name]()
        trials = task.sample(30, seed=5)
        np.testing.assert_allclose(task.accuracy(trials.targets, trials), 1.0)
        assert not (task.accuracy(np.full_like(trials.targets, np.nan), trials) > 0).any()
        # Of selected trials, the scores selected.
        noisy = trials.targets + np.random.default_rng(0).normal(size=trials.targets.shape)
        chosen = np.arange(30) % 3 == 0
        np.testing.assert_array_equal(
            task.accuracy(noisy[chosen], trials[chosen]), task.accuracy(noisy, trials)[chosen]
        )

    # The place where a movement ends is reached by way of every step.
    @pytest.mark.parametrize("name", [name for name in EVERY_TASK if not name.startswith(("lines", "reach"))])
    def test_what_does_not_count_is_not_scored(self, name: str) -> None:
        task = EVERY_TASK[name]()
        trials = task.sample(30, seed=6)
        spoiled = np.where(trials.weights > 0, trials.targets, -9.0)
        np.testing.assert_allclose(task.accuracy(spoiled, trials), 1.0)

    @each_task
    def test_classes_are_one_hot_and_labels_tell_them(self, name: str) -> None:
        task = EVERY_TASK[name]()
        trials = task.sample(30, seed=7)
        if task.loss == "mse":
            assert "label" not in trials.info
            return
        labels = trials.info["label"]
        np.testing.assert_array_equal(trials.targets, tasks.one_hot(labels, task.n_outputs))
        np.testing.assert_array_equal(trials.mask, labels >= 0)

    @each_task
    def test_events_lie_within_the_trial_and_on_steps(self, name: str) -> None:
        task = EVERY_TASK[name]()
        trials = task.sample(30, seed=8)
        for times in trials.events.values():
            known = times[np.isfinite(times)]
            assert (known >= 0).all() and (known <= task.n_steps * task.dt + 1e-9).all()
            if name != "ready set go, noise":
                np.testing.assert_allclose(known / task.dt, np.rint(known / task.dt), atol=1e-6)

    @each_task
    def test_it_says_what_it_is(self, name: str) -> None:
        task = EVERY_TASK[name]()
        assert f"{task.n_steps} steps of {1e3 * task.dt:g} ms" in repr(task)
        assert isinstance(task, tasks.Sampler)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ((0, 1), ValueError, "n_trials must be at least 1, got 0"),
            ((2.0, 1), TypeError, "n_trials must be a whole number, got 2.0"),
            ((True, 1), TypeError, "n_trials must be a whole number, got True"),
            ((2, -1), ValueError, "seed must be at least 0, got -1"),
            ((2, None), TypeError, "seed must be a whole number, got None"),
            ((2, "a"), TypeError, "seed must be a whole number, got 'a'"),
            ((2, np.random.default_rng(0)), TypeError, "seed must be a whole number, got Generator"),
        ],
    )
    def test_numbers_and_seeds_that_are_none_are_refused(
        self, arguments: tuple[Any, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            tasks.FlipFlop().sample(*arguments)

    def test_seeds_may_be_large_and_sequences(self) -> None:
        task = tasks.FlipFlop()
        large = task.sample(2, 2**64 - 1)
        np.testing.assert_array_equal(task.sample(2, np.random.SeedSequence(2**64 - 1)).inputs, large.inputs)

    def test_outputs_of_another_shape_are_refused(self) -> None:
        for name, make in EVERY_TASK.items():
            trials = make().sample(3, seed=0)
            with pytest.raises(ValueError, match="outputs must have the shape of the targets"):
                make().accuracy(trials.targets[:2], trials)
            assert name


class TestNeuroGym:
    def test_trials_are_those_of_the_environment(self) -> None:
        trials = tasks.NeuroGym(TwoSides()).sample(20, seed=0)
        assert trials.dt == 0.02
        assert trials.name == "TwoSides"
        assert trials.input_names == ("fixation", "stimulus 0", "stimulus 1")
        assert trials.output_names == ("fixation", "choice 0", "choice 1")
        assert sorted(trials.info) == ["label", "n_steps", "number", "side"]
        assert trials.n_steps == trials.info["n_steps"].max()
        for k in range(20):
            length, side = trials.info["n_steps"][k], trials.info["side"][k]
            shown = np.zeros((trials.n_steps, 3))
            shown[: length - 2, 0], shown[2 : length - 2, 1 + side] = 1.0, 0.5
            np.testing.assert_array_equal(trials.inputs[k], shown)
            expected = [0] * (length - 2) + [1 + side] * 2 + [-1] * (trials.n_steps - length)
            assert trials.info["label"][k].tolist() == expected
            assert trials.mask[k].tolist() == [t < length for t in range(trials.n_steps)]
        np.testing.assert_allclose(trials.events["decision"], (trials.info["n_steps"] - 2) * 0.02)

    def test_numbers_as_ground_truth_are_targets(self) -> None:
        task = tasks.NeuroGym(Reaching())
        trials = task.sample(10, seed=0)
        assert task.loss == "mse" and trials.events == {} and list(trials.info) == ["n_steps"]
        sums = np.cumsum(trials.inputs[:, :, 1:], axis=1)
        np.testing.assert_allclose(np.where(trials.mask[:, :, None], sums, 0), trials.targets)

    def test_sampling_leaves_the_environment_alone(self) -> None:
        env = TwoSides()
        task = tasks.NeuroGym(env)
        assert task.sample(3, seed=0).info["number"].tolist() == [1, 2, 3]
        assert task.sample(3, seed=0).info["number"].tolist() == [1, 2, 3]
        assert env.n_done == 0

    def test_wrappers_are_seen_through(self) -> None:
        class Wrapper:
            def __init__(self, env: Any) -> None:
                self.unwrapped = env

        bare, wrapped = tasks.NeuroGym(TwoSides()), tasks.NeuroGym(Wrapper(TwoSides()))
        np.testing.assert_array_equal(wrapped.sample(4, seed=1).inputs, bare.sample(4, seed=1).inputs)
        assert wrapped.output_names == bare.output_names

    def test_a_number_of_steps_holds_or_is_an_error(self) -> None:
        assert tasks.NeuroGym(TwoSides(), n_steps=15).sample(4, seed=0).n_steps == 15
        with pytest.raises(ValueError, match="n_steps=8 is too short: a trial has 12 steps"):
            tasks.NeuroGym(TwoSides(), n_steps=8)

    def test_a_name_needs_neurogym_and_makes_its_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "neurogym", None)
        with pytest.raises(ImportError, match=r"'TwoSides-v0' comes with NeuroGym: pip install neurogym"):
            tasks.NeuroGym("TwoSides-v0")
        made: dict[str, Any] = {}
        fake = SimpleNamespace(make=lambda name, **kwargs: made.update(name=name) or TwoSides(**kwargs))
        monkeypatch.setitem(sys.modules, "neurogym", fake)
        task = tasks.NeuroGym("TwoSides-v0", longest=3)
        assert made == {"name": "TwoSides-v0"} and task.n_steps == 7

    def test_other_things_are_refused(self) -> None:
        with pytest.raises(TypeError, match="env must be the name of an environment or a trial-based environment"):
            tasks.NeuroGym(3)
        with pytest.raises(TypeError, match="only an environment given by its name takes further arguments, got dt"):
            tasks.NeuroGym(TwoSides(), dt=3)

        class Silent(TwoSides):
            def new_trial(self) -> dict[str, Any]:
                super().new_trial()
                self.gt = None  # type: ignore[assignment]
                return {}

        class Picture(TwoSides):
            def new_trial(self) -> dict[str, Any]:
                super().new_trial()
                self.ob = self.ob[:, :, None]
                return {}

        with pytest.raises(ValueError, match="a ground truth after new_trial"):
            tasks.NeuroGym(Silent())
        with pytest.raises(ValueError, match="env must give ob"):
            tasks.NeuroGym(Picture())


class Ramp(tasks.Task):
    """A task of a user's own, with attributes set as anybody would."""

    def __init__(self, slope: float) -> None:
        self.slope = slope
        self.dt = 0.1

    def draw(self, n_trials: int, rng: np.random.Generator) -> fg.Trials:
        inputs = rng.normal(size=(n_trials, 8, 1))
        return self.trials(inputs, self.slope * inputs, info={"first": inputs[:, 0, 0]})


class TestOwnTasks:
    def test_a_class_with_draw_is_a_task(self) -> None:
        task = Ramp(2.0)
        assert (task.n_inputs, task.n_outputs, task.n_steps) == (1, 1, 8)
        assert repr(task) == '<Ramp(): 1 input, 1 output, 8 steps of 100 ms, loss "mse">'
        trials = task.sample(4, seed=0)
        assert (trials.name, trials.dt) == ("Ramp", 0.1)
        np.testing.assert_allclose(task.accuracy(trials.targets * 1.5, trials), 1 - 0.25)

    def test_a_task_of_the_package_can_be_extended(self) -> None:
        class Slow(tasks.FlipFlop):
            def __init__(self, lag: int) -> None:
                super().__init__(n_bits=1)
                self.lag = lag

            def draw(self, n_trials: int, rng: np.random.Generator) -> fg.Trials:
                trials = super().draw(n_trials, rng)
                return replace(trials, targets=np.roll(trials.targets, self.lag, axis=1))

        np.testing.assert_array_equal(
            Slow(3).sample(2, seed=0).targets[:, 3:], tasks.FlipFlop(n_bits=1).sample(2, seed=0).targets[:, :-3]
        )

    def test_draw_must_return_as_many_trials_as_asked_for(self) -> None:
        few = tasks.from_function(lambda n, rng: (rng.normal(size=(n + 1, 4, 2)), np.ones((n + 1, 4, 1))))
        with pytest.raises(ValueError, match="draw must return 3 trials, got 4"):
            few.sample(3, seed=0)

        class Wrong(tasks.Task):
            def draw(self, n_trials: int, rng: np.random.Generator) -> Any:
                return rng.normal(size=n_trials)

        with pytest.raises(TypeError, match=r"Wrong\.draw must return Trials, got ndarray"):
            Wrong().sample(3, seed=0)

    def test_functions_may_return_trials_or_arrays(self) -> None:
        def pieces(n_trials: int, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
            inputs = rng.normal(size=(n_trials, 6, 2))
            return inputs, inputs[:, :, :1], inputs[:, :, 0] > 0

        def whole(n_trials: int, rng: np.random.Generator) -> fg.Trials:
            inputs, targets, mask = pieces(n_trials, rng)
            return fg.Trials(inputs, targets, mask, dt=0.5)

        one, other = tasks.from_function(pieces, dt=0.2), tasks.from_function(whole)
        np.testing.assert_array_equal(one.sample(3, 0).mask, other.sample(3, 0).mask)
        assert (one.sample(3, 0).dt, other.sample(3, 0).dt) == (0.2, 0.5)
        with pytest.raises(TypeError, match="function must be callable"):
            tasks.from_function(3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="loss must be 'mse' or 'cross_entropy', got 'l1'"):
            tasks.from_function(pieces, loss="l1")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"function must return Trials, \(inputs, targets\)"):
            tasks.from_function(lambda n, _: n).sample(1, 0)  # type: ignore[arg-type, return-value]


class TestScores:
    """The score that tasks have unless they say otherwise."""

    def test_it_is_one_less_the_weighted_share_of_squares(self) -> None:
        rng = np.random.default_rng(0)
        x, targets, y = rng.normal(size=(4, 6, 1)), rng.normal(size=(4, 6, 2)), rng.normal(size=(4, 6, 2))
        targets[0, 0, 0] = np.nan
        weights = rng.random((4, 6))
        trials = fg.Trials(x, targets, weights)
        expected = []
        for k in range(4):
            lost = whole = 0.0
            for t in range(6):
                for o in range(2):
                    if not np.isnan(targets[k, t, o]):
                        lost += weights[k, t] * (y[k, t, o] - targets[k, t, o]) ** 2
                        whole += weights[k, t] * targets[k, t, o] ** 2
            expected.append(1 - lost / whole)
        np.testing.assert_allclose(Ramp(1.0).accuracy(y, trials), expected)

    def test_targets_of_zero_have_no_score(self) -> None:
        trials = fg.Trials(np.zeros((2, 3, 1)), np.zeros((2, 3, 1)))
        assert np.isnan(Ramp(1.0).accuracy(trials.targets, trials)).all()


BAD: list[tuple[type[tasks.Task], dict[str, Any], type[Exception], str]] = [
    (tasks.Sine, {"dt": 0}, ValueError, "dt must be a finite number above 0, got 0"),
    (tasks.Sine, {"dt": "1"}, TypeError, "dt must be a number, got '1'"),
    (tasks.Sine, {"dtype": "int8"}, ValueError, "dtype must be 'float64' or 'float32', got 'int8'"),
    (tasks.Sine, {"frequency": (3, 1)}, ValueError, r"frequency must be \(lowest, highest\), got \(3, 1\)"),
    (tasks.Sine, {"frequency": (1, 2, 3)}, TypeError, "frequency must be in Hz"),
    (tasks.Sine, {"frequency": -1.0}, ValueError, "frequency must be a finite number above 0, got -1.0"),
    (tasks.Sine, {"frequency": 60.0}, ValueError, "dt=0.01 s is too long for 60 Hz"),
    (tasks.Sine, {"frequency": (1, 2), "cue": "none"}, ValueError, "frequency must be a single one"),
    (tasks.Sine, {"harmonics": {}}, TypeError, "harmonics must map multiples"),
    (tasks.Sine, {"harmonics": {0.5: 1}}, TypeError, "harmonics must be a whole number, got 0.5"),
    (tasks.Sine, {"harmonics": {1: np.inf}}, ValueError, r"harmonics\[1\] must be a finite number, got inf"),
    (tasks.Sine, {"duration": 0.001}, ValueError, "duration must last at least 1 step of dt=0.01 s, got 0.001 s"),
    (tasks.Sine, {"n_frequencies": 0}, ValueError, "n_frequencies must be at least 1, got 0"),
    (tasks.FlipFlop, {"n_bits": 0}, ValueError, "n_bits must be at least 1, got 0"),
    (tasks.FlipFlop, {"n_bits": 2.0}, TypeError, "n_bits must be a whole number, got 2.0"),
    (
        tasks.FlipFlop,
        {"pulse_rate": 101},
        ValueError,
        "pulse_rate must be a finite number of at least 0 and at most 100",
    ),
    (tasks.FlipFlop, {"pulse_duration": np.nan}, ValueError, "pulse_duration must be a finite number"),
    (tasks.FlipFlop, {"grace": -1}, ValueError, "grace must be a finite number of at least 0, got -1"),
    (tasks.DelayedMatchToSample, {"n_stimuli": 1}, ValueError, "n_stimuli must be at least 2, got 1"),
    (tasks.DelayedMatchToSample, {"match_fraction": 1.5}, ValueError, "match_fraction must be .* at most 1, got 1.5"),
    (tasks.DelayedMatchToSample, {"delay": (0.5, 0.2)}, ValueError, r"delay must be \(shortest, longest\), got"),
    (tasks.DelayedMatchToSample, {"delay": "long"}, TypeError, r"delay must be seconds, or \(shortest, longest\)"),
    (tasks.DelayedMatchToSample, {"grace": 0.3}, ValueError, "grace must be shorter than response=0.3 s, got 0.3 s"),
    (tasks.DelayedMatchToSample, {"noise": -0.1}, ValueError, "noise must be"),
    (tasks.EvidenceAccumulation, {"coherences": []}, TypeError, "coherences must be a sequence of numbers from 0 to 1"),
    (tasks.EvidenceAccumulation, {"coherences": 0.5}, TypeError, "coherences must be a sequence"),
    (tasks.EvidenceAccumulation, {"coherences": [0.5, 1.5]}, ValueError, "coherences must be .* got 1.5"),
    (tasks.EvidenceAccumulation, {"stimulus": 0.0}, ValueError, "stimulus must last at least 1 step"),
    (tasks.ContextDecision, {"coherences": [None]}, TypeError, "coherences must be a number, got None"),
    (tasks.ContextDecision, {"delay": (0.1,)}, TypeError, "delay must be seconds, or"),
    (tasks.PulseAccumulation, {"n_cues": 6}, ValueError, "n_cues must be odd, so that one side has more; got 6"),
    (tasks.PulseAccumulation, {"side_fraction": 0.3}, ValueError, "side_fraction must be"),
    (
        tasks.PulseAccumulation,
        {"cue_duration": 0.2},
        ValueError,
        "cue_duration must not be longer than cue_period=0.15",
    ),
    (tasks.PulseAccumulation, {"coding": "latency"}, ValueError, "coding must be 'rate' or 'spikes', got 'latency'"),
    (tasks.ReadySetGo, {"interval": (0.8, 0.4)}, ValueError, "interval must be"),
    (tasks.ReadySetGo, {"n_intervals": 99}, ValueError, "n_intervals must be at most 33, the whole steps in the range"),
    (
        tasks.ReadySetGo,
        {"pulse_duration": 0.6},
        ValueError,
        "pulse_duration must be shorter than the shortest interval",
    ),
    (tasks.ReadySetGo, {"gain": 0}, ValueError, "gain must be a finite number above 0 and at most 100, got 0"),
    (tasks.ReadySetGo, {"weber": 0.5}, ValueError, "weber must be a finite number of at least 0 and at most 0.3"),
    (tasks.DelayedReach, {"output": "force"}, ValueError, "output must be 'velocity' or 'position', got 'force'"),
    (tasks.DelayedReach, {"n_targets": 0}, ValueError, "n_targets must be at least 1, got 0"),
    (tasks.DelayedReach, {"radius": 0}, ValueError, "radius must be a finite number above 0, got 0"),
    (tasks.DelayedReach, {"movement_duration": 0.01}, ValueError, "movement_duration must last at least 2 steps"),
    (tasks.DelayedReach, {"catch_fraction": None}, TypeError, "catch_fraction must be a number, got None"),
    (tasks.NStepMemory, {"kind": "sum"}, ValueError, "kind must be 'recall' or 'match' or 'parity', got 'sum'"),
    (tasks.NStepMemory, {"n_items": 2}, ValueError, "n_items must be at least 3, got 2"),
    (tasks.NStepMemory, {"n_back": 0}, ValueError, "n_back must be at least 1, got 0"),
    (tasks.NStepMemory, {"item_duration": 0.0}, ValueError, "item_duration must last at least 1 step"),
    (tasks.SequentialDigits, {"by": "column"}, ValueError, "by must be 'row' or 'pixel', got 'column'"),
    (tasks.SequentialDigits, {"split": None}, ValueError, "split must be 'train' or 'test' or 'all', got None"),
    (tasks.SequentialDigits, {"test_fraction": 0}, ValueError, "test_fraction must be"),
    (tasks.OnlineLineDrawing, {"radius": 0}, ValueError, "radius must be a finite number above 0, got 0"),
    (tasks.OnlineDigitDrawing, {"teacher_every": 0}, ValueError, "teacher_every must be at least 1, got 0"),
    (tasks.SceneCaptions, {"n_features": 2.0}, TypeError, "n_features must be a whole number, got 2.0"),
    (tasks.LineDrawing, {"n_points": 1}, ValueError, "n_points must be at least 2, got 1"),
    (tasks.LineDrawing, {"teacher_every": 0}, ValueError, "teacher_every must be at least 1, got 0"),
    (tasks.LineDrawing, {"radius": np.inf}, ValueError, "radius must be a finite number above 0, got inf"),
]


JUNK: list[Any] = [
    *(None, True, -1, 0, 1, 3, np.int64(3), 10**30, 3.5, np.float64(0.2), 1e300, np.nan, np.inf, -np.inf, 1 + 2j),
    *("", "x", b"x", [], [1], [None, 1], (1, 2), (2, 1), (0.1, 0.2), ("a", "b"), {}, {1: 1}, object()),
    *(np.zeros(3), np.array(0.2), np.array([0.1, 0.2])),
]


@pytest.mark.parametrize("kind", list(dict.fromkeys(kind for kind, _, _, _ in BAD)), ids=lambda kind: kind.__name__)
def test_whatever_is_given_is_refused_or_makes_a_task(kind: type[tasks.Task]) -> None:
    n_made = 0
    for entry in fields(kind):  # type: ignore[arg-type]
        for value in JUNK:
            try:
                task = kind(**{entry.name: value})
            except (TypeError, ValueError) as error:
                assert "must" in str(error) or "too long" in str(error), f"{entry.name}={value!r}: {error}"
                continue
            assert repr(task)
            task.sample(2, seed=0)
            n_made += 1
    assert n_made > len(fields(kind))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "arguments", "error", "message"), BAD, ids=lambda value: str(value)[:40])
def test_arguments_that_make_no_sense_are_named(
    kind: type[tasks.Task], arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(**arguments)
