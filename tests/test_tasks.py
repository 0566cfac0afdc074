"""Tasks: what they ask is recomputed here in another way, from the inputs that they show."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

import fastigial as fg
from fastigial import tasks


class Space(SimpleNamespace):
    """What is read of a gymnasium space."""


class TwoSides:
    """A trial-based environment with the interface of NeuroGym's: fixation, a stimulus on one side, a choice."""

    dt = 20
    observation_space = Space(shape=(3,), name={"fixation": 0, "stimulus": [1, 2]})
    action_space = Space(n=3, name={"fixation": 0, "choice": [1, 2]})

    def __init__(self, longest: int = 8) -> None:
        self.longest, self.n_done = longest, 0
        self.seed(None)

    def seed(self, seed: int | None) -> None:
        self.rng = np.random.RandomState(seed)

    def new_trial(self) -> dict[str, Any]:
        n_shown, side = self.rng.randint(3, self.longest + 1), int(self.rng.randint(2))
        self.start_t = {"fixation": 0, "stimulus": 40, "decision": 40 + 20 * n_shown}
        self.ob = np.zeros((n_shown + 4, 3), dtype=np.float32)
        self.ob[: n_shown + 2, 0] = 1
        self.ob[2 : n_shown + 2, 1 + side] = 0.5
        self.gt = np.zeros(n_shown + 4, dtype=np.int64)
        self.gt[n_shown + 2 :] = 1 + side
        # A block structure: what comes next depends on how many trials there were.
        self.n_done += 1
        return {"side": side, "number": self.n_done, "rng": self.rng}


class Reaching(TwoSides):
    """An environment whose ground truth are two numbers at each step, and that names nothing."""

    observation_space = Space(shape=(3,))
    action_space = Space(shape=(2,))

    def new_trial(self) -> dict[str, Any]:  # type: ignore[override]
        super().new_trial()
        del self.start_t
        self.gt = np.cumsum(self.ob[:, 1:], axis=0)
        return None  # type: ignore[return-value]


EVERY_TASK: dict[str, Callable[[], tasks.Task]] = {
    "sine": tasks.Sine,
    "sine, levels": lambda: tasks.Sine(frequency=(1, 4), n_frequencies=3, harmonics={1: 1, 2: 0.5, 4: 0.25}),
    "flip-flop": tasks.FlipFlop,
    "flip-flop, grace": lambda: tasks.FlipFlop(n_bits=2, grace=0.1, pulse_rate=10, dtype="float32"),
    "match": lambda: tasks.DelayedMatchToSample(n_stimuli=4),
    "evidence": lambda: tasks.EvidenceAccumulation(stimulus=(0.3, 0.9), delay=(0.0, 0.2)),
    "pulses": tasks.PulseAccumulation,
    "pulses, spikes": lambda: tasks.PulseAccumulation(coding="spikes", delay=(0.2, 0.5), dt=0.005),
    "context": tasks.ContextDecision,
    "ready set go": tasks.ReadySetGo,
    "ready set go, noise": lambda: tasks.ReadySetGo(weber=0.1, gain=1.5, n_intervals=5),
    "reach": lambda: tasks.DelayedReach(catch_fraction=0.3),
    "reach, position": lambda: tasks.DelayedReach(output="position", n_targets=None, target_duration=0.2),
    "recall": lambda: tasks.NStepMemory(kind="recall", n_back=3),
    "n-back": lambda: tasks.NStepMemory(kind="match"),
    "parity": lambda: tasks.NStepMemory(kind="parity", n_back=4, item_duration=0.03),
    "digits": tasks.SequentialDigits,
    "digits, pixels": lambda: tasks.SequentialDigits(by="pixel", label_at="all", split="test"),
    "lines": tasks.LineDrawing,
    "lines, noise": lambda: tasks.LineDrawing(noise=0.1, n_points=7, teacher_every=3),
    "neurogym": lambda: tasks.NeuroGym(TwoSides()),
    "neurogym, numbers": lambda: tasks.NeuroGym(Reaching()),
    "function": lambda: tasks.from_function(lambda n, rng: (rng.normal(size=(n, 4, 2)), np.ones((n, 4, 1)))),
}

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


class TestSine:
    def test_targets_are_the_sum_of_harmonics(self) -> None:
        task = tasks.Sine(frequency=(0.5, 3.0), harmonics={1: 1.0, 2: 0.5, 4: 0.25}, duration=2.0, dt=0.02)
        trials = task.sample(10, seed=0)
        for k, frequency in enumerate(trials.info["frequency"]):
            for t in range(100):
                turn = 2 * np.pi * frequency * 0.02 * t
                expected = np.sin(turn) + np.sin(2 * turn) / 2 + np.sin(4 * turn) / 4
                assert trials.targets[k, t, 0] == pytest.approx(expected, abs=1e-12)

    def test_the_cue_is_static_and_in_proportion_to_the_frequency(self) -> None:
        trials = tasks.Sine(frequency=(1.0, 5.0), n_frequencies=3).sample(50, seed=0)
        assert set(trials.info["frequency"]) == {1.0, 3.0, 5.0}
        levels = {1.0: 0.25, 3.0: 0.625, 5.0: 1.0}
        for inputs, frequency in zip(trials.inputs[:, :, 0], trials.info["frequency"], strict=True):
            assert set(inputs) == {levels[frequency]}
        assert not tasks.Sine(cue="none").sample(2, seed=0).inputs.any()
        assert (tasks.Sine().sample(2, seed=0).inputs == 1).all()


class TestFlipFlop:
    @pytest.mark.parametrize("grace", [0.0, 0.08])
    def test_targets_are_the_sign_of_the_last_pulse(self, grace: float) -> None:
        task = tasks.FlipFlop(n_bits=2, pulse_rate=8.0, pulse_duration=0.03, grace=grace)
        trials = task.sample(40, seed=1)
        n_counted = 0
        for k in range(40):
            for bit in range(2):
                state, since_flip = 0.0, 10**9
                for t in range(task.n_steps):
                    pulse = trials.inputs[k, t, bit]
                    since_flip += 1
                    if pulse not in (0, state):
                        state, since_flip = pulse, 0
                    assert trials.targets[k, t, bit] == state
                    counts = state != 0 and since_flip >= round(grace / task.dt)
                    assert trials.mask[k, t, bit] == counts
                    n_counted += counts
        assert n_counted > 5000

    def test_pulses_have_the_rate_the_duration_and_both_signs(self) -> None:
        task = tasks.FlipFlop(n_bits=4, pulse_rate=2.0, pulse_duration=0.05, duration=10.0)
        inputs = task.sample(100, seed=2).inputs
        # A step begins a pulse with probability p if none is on, and a pulse takes 5 steps: renewals every 1/p + 4.
        share = 5 / (1 / (2.0 * 0.01) + 4)
        n_pulses = inputs.size * share / 5
        assert np.abs(inputs).mean() == pytest.approx(share, abs=5 * 5 * np.sqrt(n_pulses) / inputs.size)
        assert np.sum(inputs > 0) / np.sum(inputs != 0) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(n_pulses))

    def test_a_pulse_is_not_cut_short_by_the_next(self) -> None:
        inputs = tasks.FlipFlop(pulse_rate=30.0, pulse_duration=0.05).sample(50, seed=3).inputs
        shortest = 100
        for channel in inputs.transpose(0, 2, 1).reshape(-1, inputs.shape[1]):
            ends = np.flatnonzero(np.diff(channel)) + 1
            runs = np.split(channel, ends)[:-1]
            shortest = min([shortest, *(len(run) for run in runs if run[0] != 0)])
        assert shortest == 5

    def test_signs_are_scored(self) -> None:
        task = tasks.FlipFlop()
        trials = task.sample(20, seed=0)
        np.testing.assert_array_equal(task.accuracy(0.1 * trials.targets, trials), 1.0)
        np.testing.assert_array_equal(task.accuracy(-trials.targets, trials), 0.0)


class TestDelayedMatch:
    def test_the_answer_follows_from_what_was_shown(self) -> None:
        task = tasks.DelayedMatchToSample(n_stimuli=3, noise=0.0, delay=(0.2, 0.6))
        trials = task.sample(60, seed=0)
        for k in range(60):
            shown = trials.inputs[k, :, 1:]
            on = shown.any(axis=1)
            starts = np.flatnonzero(np.diff(np.concatenate([[0], on])) == 1)
            first, second = (int(shown[start].argmax()) for start in starts)
            assert (first, second) == (trials.info["sample"][k], trials.info["test"][k])
            go = int((trials.inputs[k, :, 0] == 0).argmax())
            label = trials.info["label"][k]
            assert set(label[:go]) == {0}
            assert set(label[go + 5 : go + 30]) == {2 if first == second else 1}
            assert set(label[go : go + 5]) | set(label[go + 30 :]) == {-1}
            assert go * 0.01 == pytest.approx(trials.events["go"][k])
            assert starts[1] - starts[0] - 30 == round(trials.info["delay"][k] / 0.01)

    def test_matches_come_as_often_as_asked(self) -> None:
        for fraction in (0.0, 0.25, 1.0):
            match = tasks.DelayedMatchToSample(n_stimuli=4, match_fraction=fraction).sample(2000, seed=0).info["match"]
            assert match.mean() == pytest.approx(fraction, abs=5 * np.sqrt(fraction * (1 - fraction) / 2000))


class TestEvidence:
    def test_without_noise_the_stronger_stream_is_the_answer(self) -> None:
        task = tasks.EvidenceAccumulation(noise=0.0, stimulus=(0.2, 0.8), delay=0.1, coherences=(0.1, 0.6))
        trials = task.sample(80, seed=0)
        total = trials.inputs[:, :, 1:].sum(axis=1)
        stronger = total.argmax(axis=1)
        np.testing.assert_array_equal(stronger, trials.info["side"])
        np.testing.assert_array_equal(np.sign(trials.info["coherence"]), 2 * stronger - 1)
        np.testing.assert_array_equal(trials.info["label"].max(axis=1), 1 + stronger)
        np.testing.assert_allclose(total.sum(axis=1) * task.dt, trials.info["stimulus"])
        np.testing.assert_allclose((total[:, 1] - total[:, 0]) / total.sum(axis=1), trials.info["coherence"])

    @pytest.mark.parametrize("dt", [0.005, 0.02])
    def test_an_ideal_observer_is_right_as_often_as_stated_whatever_the_step(self, dt: float) -> None:
        task = tasks.EvidenceAccumulation(coherences=[0.1], stimulus=0.8, noise=0.1, dt=dt)
        trials = task.sample(4000, seed=1)
        on, go = (round(trials.events[name][0] / dt) for name in ("stimulus", "go"))
        difference = trials.inputs[:, on:go, 2].sum(axis=1) - trials.inputs[:, on:go, 1].sum(axis=1)
        right = (difference > 0) == (trials.info["side"] == 1)
        expected = norm.cdf(0.1 * np.sqrt(0.8) / (0.1 * np.sqrt(2)))
        assert right.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 4000))

    def test_the_psychometric_curve_rises_with_evidence(self) -> None:
        task = tasks.EvidenceAccumulation(coherences=(0.0, 0.1, 0.4))
        trials = task.sample(3000, seed=2)
        outputs = np.zeros_like(trials.targets)
        outputs[:, :, 1:] = np.cumsum(trials.inputs[:, :, 1:], axis=1)
        right = task.accuracy(outputs, trials)
        by_size = [right[np.abs(trials.info["coherence"]) == size].mean() for size in (0.0, 0.1, 0.4)]
        assert by_size[0] == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(1000))
        assert by_size[0] < by_size[1] < by_size[2]

    def test_a_network_that_goes_on_fixating_is_wrong(self) -> None:
        task = tasks.EvidenceAccumulation()
        trials = task.sample(10, seed=0)
        outputs = np.zeros_like(trials.targets)
        outputs[:, :, 0] = 1
        assert not task.accuracy(outputs, trials).any()


class TestPulses:
    def test_cues_come_when_they_should_and_the_side_with_more_is_right(self) -> None:
        task = tasks.PulseAccumulation(n_cues=5, delay=(0.2, 0.6))
        trials = task.sample(50, seed=0)
        for k in range(50):
            left, right, recall = trials.inputs[k].T
            for cue in range(5):
                start = 15 * cue + 5
                window = slice(15 * cue, 15 * cue + 15)
                on = right if trials.info["cues"][k, cue] else left
                np.testing.assert_array_equal(on[window], (np.arange(15 * cue, 15 * cue + 15) >= start))
                assert left[window].sum() + right[window].sum() == 10
            assert left.sum() + right.sum() == 50
            assert trials.info["evidence"][k] == round((right.sum() - left.sum()) / 10)
            assert trials.info["side"][k] == (right.sum() > left.sum())
            np.testing.assert_array_equal(trials.mask[k], recall == 1)
            assert recall.sum() == 15
            assert recall.argmax() * 0.01 == pytest.approx(trials.events["recall"][k])

    def test_the_likelier_side_has_its_share_of_cues(self) -> None:
        trials = tasks.PulseAccumulation(side_fraction=0.7).sample(5000, seed=0)
        # 7 cues, each on the likelier side with probability 0.7: it has k of them with the binomial probability.
        more = np.maximum(trials.info["cues"].sum(axis=1), 7 - trials.info["cues"].sum(axis=1))
        for k in (4, 5, 6, 7):
            expected = math.comb(7, k) * (0.7**k * 0.3 ** (7 - k) + 0.3**k * 0.7 ** (7 - k))
            assert (more == k).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 5000))
        assert trials.info["side"].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(5000))

    def test_spikes_follow_the_cues_at_their_rates(self) -> None:
        arguments: dict[str, Any] = {"delay": 0.3, "dt": 0.001, "n_per_population": 10}
        spikes = tasks.PulseAccumulation(coding="spikes", **arguments).sample(30, seed=4)
        rates = tasks.PulseAccumulation(coding="rate", **arguments).sample(30, seed=4)
        np.testing.assert_array_equal(spikes.info["cues"], rates.info["cues"])
        assert set(np.unique(spikes.inputs)) == {0.0, 1.0}
        populations = spikes.inputs.reshape(30, -1, 4, 10)
        on = rates.inputs.astype(bool)
        assert not populations[:, :, :3][~on].any()
        for found, expected in ((populations[:, :, :3][on], 40.0), (populations[:, :, 3], 10.0)):
            probability = 1 - np.exp(-expected * 0.001)
            assert found.mean() == pytest.approx(probability, abs=4 * np.sqrt(probability / found.size))

    def test_published_sizes(self) -> None:
        task = tasks.PulseAccumulation(coding="spikes", dt=0.001)
        assert (task.n_inputs, task.n_outputs, task.n_steps) == (40, 2, 7 * 150 + 1050 + 150)


class TestContext:
    def test_the_answer_is_the_side_of_the_stream_that_the_context_names(self) -> None:
        task = tasks.ContextDecision(noise=0.0)
        trials = task.sample(200, seed=0)
        for k in range(200):
            fixation, motion, colour, attend_motion, attend_colour = trials.inputs[k].T
            assert set(attend_motion + attend_colour) == {1.0}
            attended = motion if attend_motion[0] else colour
            label = trials.info["label"][k].max()
            assert label == (2 if attended.sum() > 0 else 1)
            np.testing.assert_array_equal(trials.info["label"][k] == 0, fixation == 1)
            assert trials.info["congruent"][k] == (np.sign(motion.sum()) == np.sign(colour.sum()))
            assert trials.info["context"][k] == ("motion" if attend_motion[0] else "colour")

    def test_streams_contexts_and_sides_are_independent(self) -> None:
        trials = tasks.ContextDecision().sample(4000, seed=1)
        for name in ("congruent", "side"):
            assert trials.info[name].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))
        assert (trials.info["context"] == "motion").mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))

    def test_a_network_that_listens_to_the_wrong_stream_fails_on_incongruent_trials(self) -> None:
        task = tasks.ContextDecision(noise=0.0)
        trials = task.sample(100, seed=2)
        other = np.where(trials.info["context"] == "motion", trials.info["colour"], trials.info["motion"])
        outputs = np.zeros_like(trials.targets)
        outputs[:, :, 1], outputs[:, :, 2] = -other[:, None], other[:, None]
        np.testing.assert_array_equal(task.accuracy(outputs, trials) == 1, trials.info["congruent"])


class TestReadySetGo:
    @pytest.mark.parametrize("gain", [1.0, 0.5, 1.5])
    def test_pulses_are_the_interval_apart_and_the_ramp_takes_as_long_times_the_gain(self, gain: float) -> None:
        task = tasks.ReadySetGo(gain=gain, interval=(0.3, 0.9))
        trials = task.sample(60, seed=0)
        for k in range(60):
            ready, set_ = (int(channel.argmax()) for channel in trials.inputs[k].T)
            interval = (set_ - ready) * task.dt
            assert interval == pytest.approx(trials.info["interval"][k]) == pytest.approx(trials.info["shown"][k])
            for t in range(task.n_steps):
                expected = min(max((t - set_) * task.dt / (gain * interval), 0.0), 1.0)
                assert trials.targets[k, t, 0] == pytest.approx(expected, abs=1e-12)
            last = np.flatnonzero(trials.mask[k])[-1]
            assert last == np.floor(set_ + gain * (set_ - ready) + 10 + 1e-9)

    def test_intervals_cover_the_prior(self) -> None:
        interval = tasks.ReadySetGo(interval=(0.48, 0.8)).sample(2000, seed=0).info["interval"]
        assert set(np.rint(100 * interval)) == set(range(48, 81))
        five = tasks.ReadySetGo(interval=(0.48, 0.8), n_intervals=5).sample(200, seed=0).info["interval"]
        assert set(np.rint(100 * five)) == {48, 56, 64, 72, 80}

    def test_noise_of_the_shown_interval_grows_with_it_and_makes_the_prior_useful(self) -> None:
        trials = tasks.ReadySetGo(interval=(0.5, 1.0), weber=0.1, dt=0.002).sample(6000, seed=0)
        true, shown = trials.info["interval"], trials.info["shown"]
        error = (shown - true) / true
        assert error.std() == pytest.approx(0.1, rel=0.05)
        assert np.abs(error).max() <= 0.3 + 0.002 / 0.5
        # Regression to the mean: of the longest shown, the true ones are shorter on average.
        long = shown > np.quantile(shown, 0.9)
        assert true[long].mean() < shown[long].mean() - 0.03

    @pytest.mark.parametrize("threshold", [1.0, 0.9, 0.5])
    def test_the_interval_of_a_straight_ramp_is_found_at_any_height(self, threshold: float) -> None:
        task = tasks.ReadySetGo()
        trials = task.sample(20, seed=0)
        produced = task.produced_interval(trials.targets, trials, threshold)
        np.testing.assert_allclose(produced, trials.info["interval"], atol=1e-9)

    def test_a_ramp_of_another_slope_produces_another_interval(self) -> None:
        task = tasks.ReadySetGo(tolerance=0.2, hold=0.5)
        trials = task.sample(20, seed=0)
        t, set_ = np.arange(task.n_steps), np.rint(trials.events["set"] / task.dt)
        for factor, right in ((0.75, 0), (0.85, 1), (1.15, 1), (1.25, 0)):
            interval = factor * trials.info["interval"]
            outputs = ((t - set_[:, None]) * task.dt / interval[:, None])[:, :, None]
            np.testing.assert_allclose(task.produced_interval(outputs, trials), interval, atol=1e-9)
            np.testing.assert_array_equal(task.accuracy(outputs, trials), right)

    def test_an_output_that_never_rises_produces_nothing(self) -> None:
        task = tasks.ReadySetGo()
        trials = task.sample(5, seed=0)
        assert np.isnan(task.produced_interval(np.zeros_like(trials.targets), trials)).all()


class TestReach:
    @pytest.mark.parametrize("output", ["velocity", "position"])
    def test_the_hand_starts_at_rest_in_the_centre_and_ends_at_rest_in_the_target(self, output: str) -> None:
        task = tasks.DelayedReach(output=output, catch_fraction=0.0, radius=0.12)
        trials = task.sample(40, seed=0)
        hand = task.positions(trials.targets)
        for k in range(40):
            start = round(trials.events["move"][k] / task.dt)
            stop = start + 50
            np.testing.assert_allclose(hand[k, : start + 1], 0.0, atol=1e-15)
            # A sum over steps is the integral of the fifth-order polynomial but for terms of dt⁴.
            np.testing.assert_allclose(
                hand[k, stop:], np.tile(trials.info["target"][k], (len(hand[k, stop:]), 1)), atol=1e-6
            )
            assert np.linalg.norm(trials.info["target"][k]) == pytest.approx(0.12)
            np.testing.assert_allclose(hand[k, start + 25], trials.info["target"][k] / 2, atol=0.005)

    def test_peak_velocity_is_that_of_minimum_jerk(self) -> None:
        task = tasks.DelayedReach(catch_fraction=0.0, radius=0.1, movement_duration=0.4)
        speed = np.linalg.norm(task.sample(10, seed=0).targets, axis=2)
        np.testing.assert_allclose(speed.max(axis=1), 1.875 * 0.1 / 0.4)

    def test_velocity_is_the_derivative_of_position(self) -> None:
        arguments: dict[str, Any] = {"dt": 0.001, "catch_fraction": 0.0}
        velocity = tasks.DelayedReach(output="velocity", **arguments).sample(5, seed=3).targets
        position = tasks.DelayedReach(output="position", **arguments).sample(5, seed=3).targets
        slope = (position[:, 2:] - position[:, :-2]) / 0.002
        np.testing.assert_allclose(velocity[:, 1:-1], slope, atol=1e-4)

    def test_inputs_tell_the_target_and_the_go_cue(self) -> None:
        task = tasks.DelayedReach(n_targets=4, target_duration=0.15, catch_fraction=0.5)
        trials = task.sample(60, seed=1)
        for k in range(60):
            place, hold = trials.inputs[k, :, :2], trials.inputs[k, :, 2]
            shown = np.flatnonzero(np.linalg.norm(place, axis=1) > 0.5)
            assert shown.tolist() == list(range(round(trials.events["target"][k] / 0.01), shown[0] + 15))
            np.testing.assert_allclose(place[shown[0]] * 0.1, trials.info["target"][k])
            if trials.info["catch"][k]:
                assert hold.all() and np.isnan(trials.events["go"][k]) and not trials.targets[k].any()
            else:
                assert hold.argmin() == round(trials.events["go"][k] / 0.01)
        assert {round(angle) for angle in trials.info["angle"]} == {0, 90, 180, 270}

    def test_reaches_that_end_elsewhere_and_movements_on_catch_trials_are_wrong(self) -> None:
        task = tasks.DelayedReach(output="position", catch_fraction=0.5, tolerance=0.02)
        trials = task.sample(60, seed=2)
        catch = trials.info["catch"]
        np.testing.assert_array_equal(task.accuracy(0.7 * trials.targets, trials), catch)
        np.testing.assert_array_equal(task.accuracy(0.9 * trials.targets, trials), 1)
        strayed = trials.targets.copy()
        strayed[:, 50, 0] += 0.03
        np.testing.assert_array_equal(task.accuracy(strayed, trials), ~catch)


class TestNStepMemory:
    @pytest.mark.parametrize("n_back", [1, 2, 5])
    @pytest.mark.parametrize("kind", ["recall", "match", "parity"])
    def test_labels_follow_from_the_stream(self, kind: str, n_back: int) -> None:
        task = tasks.NStepMemory(kind=kind, n_back=n_back, n_items=12, n_symbols=3, item_duration=0.02)
        trials = task.sample(30, seed=0)
        for k in range(30):
            stream = trials.inputs[k, ::2]
            np.testing.assert_array_equal(stream, trials.inputs[k, 1::2])
            items = [int(row[0] > 0) for row in stream] if kind == "parity" else stream.argmax(axis=1).tolist()
            for i in range(12):
                if kind == "parity":
                    expected = sum(items[i - n_back + 1 : i + 1]) % 2 if i >= n_back - 1 else -1
                elif i < n_back:
                    expected = -1
                else:
                    expected = items[i - n_back] if kind == "recall" else int(items[i] == items[i - n_back])
                assert trials.info["label"][k, 2 * i : 2 * i + 2].tolist() == [expected] * 2

    @pytest.mark.parametrize(("fraction", "expected"), [(0.3, 0.3), (None, 0.25), (1.0, 1.0), (0.0, 0.0)])
    def test_matches_come_as_often_as_asked(self, fraction: float | None, expected: float) -> None:
        labels = tasks.NStepMemory(match_fraction=fraction, n_symbols=4).sample(500, seed=0).info["label"][:, 2:]
        assert labels.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / labels.size))


class TestDigits:
    def test_rows_and_pixels_are_the_images(self) -> None:
        from sklearn.datasets import load_digits

        digits = load_digits()
        rows = tasks.SequentialDigits(by="row").sample(50, seed=0)
        np.testing.assert_array_equal(16 * rows.inputs, digits.images[rows.info["image"]])
        np.testing.assert_array_equal(rows.info["digit"], digits.target[rows.info["image"]])
        pixels = tasks.SequentialDigits(by="pixel").sample(50, seed=0)
        np.testing.assert_array_equal(16 * pixels.inputs[:, :, 0], digits.data[pixels.info["image"]])

    def test_training_and_test_images_never_meet_and_are_all(self) -> None:
        seen = {}
        for split in ("train", "test"):
            task = tasks.SequentialDigits(split=split, test_fraction=0.3)
            seen[split] = set(task.sample(task.n_images, seed=1).info["image"])
            assert len(seen[split]) == task.n_images
            assert set(task.sample(3000, seed=2).info["image"]) == seen[split]
        assert not seen["train"] & seen["test"]
        assert seen["train"] | seen["test"] == set(range(1797))
        assert len(seen["test"]) == pytest.approx(0.3 * 1797, abs=5)

    def test_the_split_keeps_each_digits_share(self) -> None:
        task = tasks.SequentialDigits(split="test")
        digit = task.sample(task.n_images, seed=0).info["digit"]
        assert np.bincount(digit).tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]

    def test_what_counts_is_the_last_step_or_all(self) -> None:
        assert tasks.SequentialDigits().sample(2, seed=0).mask.tolist() == [[False] * 7 + [True]] * 2
        everywhere = tasks.SequentialDigits(label_at="all").sample(2, seed=0)
        assert everywhere.mask.all()
        np.testing.assert_array_equal(everywhere.info["label"], everywhere.info["digit"][:, None] * np.ones(8))

    def test_without_scikit_learn_it_says_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fastigial.tasks import digits

        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        digits._images.cache_clear()
        with pytest.raises(ImportError, match="pip install scikit-learn"):
            tasks.SequentialDigits().sample(1, seed=0)


class TestLineDrawing:
    def test_it_is_the_published_task(self) -> None:
        trials = tasks.LineDrawing().sample(500, seed=0)
        assert trials.inputs.shape == (500, 10, 1) and trials.targets.shape == (500, 10, 2)
        assert set(trials.info["cue"]) == {-3, -2, -1, 0, 1, 2, 3}
        turns = {-3: 5, -2: 4, -1: 3, 1: 2, 2: 1, 3: 0}
        for k, p in enumerate(trials.info["cue"]):
            assert trials.inputs[k, 0, 0] == pytest.approx(0.1 * p, rel=1e-15)
            assert not trials.inputs[k, 1:].any()
            angle, length = 2 * np.pi * turns.get(p, 0) / 6, 0.0 if p == 0 else 10.0
            for t in range(10):
                expected = length * t / 9 * np.array([np.sin(angle), np.cos(angle)])
                np.testing.assert_allclose(trials.targets[k, t], expected, atol=1e-12)
            assert np.flatnonzero(trials.mask[k]).tolist() == [0, 2, 4, 6, 8]

    def test_noise_comes_after_the_cue(self) -> None:
        trials = tasks.LineDrawing(noise=0.2).sample(2000, seed=1)
        np.testing.assert_allclose(trials.inputs[:, 0, 0], trials.info["cue"] / 10)
        assert trials.inputs[:, 1:].std() == pytest.approx(0.2, rel=0.02)

    def test_the_nearest_line_is_the_answer(self) -> None:
        task = tasks.LineDrawing()
        trials = task.sample(50, seed=0)
        near = trials.targets + np.random.default_rng(0).uniform(-3, 3, trials.targets.shape)
        assert task.accuracy(near, trials).all()
        # Half the way is as near to the centre; less is nearer.
        np.testing.assert_array_equal(task.accuracy(0.4 * trials.targets, trials), trials.info["cue"] == 0)


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
    (tasks.ReadySetGo, {"gain": 0}, ValueError, "gain must be a finite number above 0, got 0"),
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
    (tasks.LineDrawing, {"n_points": 1}, ValueError, "n_points must be at least 2, got 1"),
    (tasks.LineDrawing, {"teacher_every": 0}, ValueError, "teacher_every must be at least 1, got 0"),
    (tasks.LineDrawing, {"radius": np.inf}, ValueError, "radius must be a finite number above 0, got inf"),
]


@pytest.mark.parametrize(("kind", "arguments", "error", "message"), BAD, ids=lambda value: str(value)[:40])
def test_arguments_that_make_no_sense_are_named(
    kind: type[tasks.Task], arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        kind(**arguments)
