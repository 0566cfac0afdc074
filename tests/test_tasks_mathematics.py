"""What tasks ask is recomputed here in another way, from the inputs that they show."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from fastigial import tasks


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
        from fastigial.tasks import images

        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        images._sklearn_digits.cache_clear()
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
