"""How smooth, straight and accurate movements are, and how sure choices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.analysis import choice_uncertainty, end_point_error, mean_squared_jerk, path_irregularity

rng = np.random.default_rng(0)
WALKS = np.cumsum(rng.normal(size=(7, 30, 2)), axis=1)


def rotated(x: Any) -> Any:
    turn = np.linalg.qr(rng.normal(size=(x.shape[2], x.shape[2])))[0]
    return x @ turn + rng.normal(size=x.shape[2])


class TestPathIrregularity:
    def test_it_is_length_over_distance(self) -> None:
        for walk, found in zip(WALKS, path_irregularity(WALKS), strict=True):
            length = sum(np.sqrt(((walk[t + 1] - walk[t]) ** 2).sum()) for t in range(29))
            assert found == pytest.approx(length / np.sqrt(((walk[-1] - walk[0]) ** 2).sum()))

    def test_a_half_circle_is_half_of_pi(self) -> None:
        angle = np.linspace(0, np.pi, 20_001)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        assert path_irregularity(circle[None])[0] == pytest.approx(np.pi / 2, rel=1e-8)

    def test_it_is_one_for_straight_lines_at_any_speed_and_never_less(self) -> None:
        way = np.sort(rng.random((5, 40, 1)), axis=1) * rng.normal(size=(5, 1, 3))
        np.testing.assert_allclose(path_irregularity(way), 1.0)
        assert (path_irregularity(WALKS) > 1).all()
        trials = fg.tasks.LineDrawing().sample(20, seed=0)
        moving = trials.info["cue"] != 0
        np.testing.assert_allclose(path_irregularity(trials.targets)[moving], 1.0)
        assert np.isnan(path_irregularity(trials.targets)[~moving]).all()

    def test_neither_place_nor_size_nor_direction_matter(self) -> None:
        np.testing.assert_allclose(path_irregularity(rotated(3 * WALKS)), path_irregularity(WALKS))

    def test_a_return_to_the_start_is_infinite(self) -> None:
        assert path_irregularity([[[0.0], [1.0], [0.0]]])[0] == np.inf


class TestJerk:
    def test_it_is_that_of_the_third_derivative(self) -> None:
        dt = 0.01
        x = np.cumsum(rng.normal(size=(3, 12, 2)), axis=1)
        for walk, found in zip(x, mean_squared_jerk(x, dt), strict=True):
            v = [(walk[t + 1] - walk[t]) / dt for t in range(11)]
            jerk = [(v[t + 2] - 2 * v[t + 1] + v[t]) / dt**2 for t in range(9)]
            assert found == pytest.approx(np.mean([j @ j for j in jerk]))

    def test_a_minimum_jerk_reach_comes_to_its_known_value(self) -> None:
        """Of x = d (10 s³ − 15 s⁴ + 6 s⁵), s = t/T, the mean squared jerk is 720 d² / T⁶ (Flash & Hogan 1985)."""
        d, duration, n_steps = 0.1, 0.5, 4001
        s = np.linspace(0, 1, n_steps)
        reach = d * (10 * s**3 - 15 * s**4 + 6 * s**5)
        found = mean_squared_jerk(reach[None, :, None], dt=duration / (n_steps - 1))[0]
        assert found == pytest.approx(720 * d**2 / duration**6, rel=2e-3)

    def test_accelerations_that_do_not_change_have_none(self) -> None:
        t = np.arange(30)[:, None] * 0.1
        np.testing.assert_allclose(mean_squared_jerk((1 + 2 * t - 3 * t**2)[None], dt=0.1), 0.0, atol=1e-20)

    def test_it_scales_as_its_unit_says(self) -> None:
        np.testing.assert_allclose(mean_squared_jerk(3 * WALKS, dt=0.5), 9 * 64 * mean_squared_jerk(WALKS))
        np.testing.assert_allclose(mean_squared_jerk(rotated(WALKS)), mean_squared_jerk(WALKS))

    def test_what_makes_no_sense_is_refused(self) -> None:
        with pytest.raises(ValueError, match="positions has 3 steps, expected at least 4"):
            mean_squared_jerk(WALKS[:, :3])
        for dt in (0, -1, np.nan, np.inf):
            with pytest.raises(ValueError, match=r"dt is .* expected a positive number"):
                mean_squared_jerk(WALKS, dt=dt)


class TestEndPoint:
    def test_it_is_the_distance_at_the_end(self) -> None:
        targets = rng.normal(size=WALKS.shape)
        expected = np.sqrt(((WALKS[:, -1] - targets[:, -1]) ** 2).sum(axis=1))
        np.testing.assert_allclose(end_point_error(WALKS, targets), expected)
        np.testing.assert_allclose(end_point_error(WALKS, targets[:, -1]), expected)

    def test_targets_that_were_not_observed_tell_nothing(self) -> None:
        ends = WALKS[:, -1] + 1
        ends[2] = np.nan
        assert np.isnan(end_point_error(WALKS, ends)).tolist() == [k == 2 for k in range(7)]

    def test_other_shapes_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"targets has shape \(7, 3\), expected \(7, 30, 2\) or \(7, 2\)"):
            end_point_error(WALKS, np.zeros((7, 3)))


class TestMissing:
    def test_steps_before_and_after_a_movement_are_no_part_of_it(self) -> None:
        padded = np.full((7, 40, 2), np.nan)
        padded[:, 4:34] = WALKS
        np.testing.assert_allclose(path_irregularity(padded), path_irregularity(WALKS))
        np.testing.assert_allclose(mean_squared_jerk(padded), mean_squared_jerk(WALKS))
        targets = rng.normal(size=padded.shape)
        np.testing.assert_allclose(end_point_error(padded, targets), end_point_error(WALKS, targets[:, 33]))

    def test_trials_without_movement_are_nan(self) -> None:
        x = WALKS.copy()
        x[3] = np.nan
        x[4, 2:] = np.nan
        assert np.isnan(path_irregularity(x)).tolist() == [k == 3 for k in range(7)]
        assert np.isnan(mean_squared_jerk(x)).tolist() == [k in (3, 4) for k in range(7)]
        assert np.isnan(end_point_error(x, x[:, -1] * 0)).tolist()[3]

    @pytest.mark.parametrize("measure", [path_irregularity, mean_squared_jerk, lambda x: end_point_error(x, x)])
    def test_gaps_infinities_and_other_things_are_refused(self, measure: Any) -> None:
        x = WALKS.copy()
        x[5, 9, 0] = np.nan
        with pytest.raises(ValueError, match="positions is NaN within the movement of trial 5, at step 9"):
            measure(x)
        x[5, 9, 0] = np.inf
        with pytest.raises(ValueError, match="positions must be finite"):
            measure(x)
        with pytest.raises(ValueError, match=r"positions has shape \(7, 30\), expected \(n_trials, n_steps, n_dims\)"):
            measure(WALKS[:, :, 0])
        with pytest.raises(TypeError, match="positions must hold numbers"):
            measure([[["a"]]])


class TestUncertainty:
    def test_it_is_one_less_the_mean_of_the_largest_probability(self) -> None:
        y = rng.normal(size=(4, 9, 5))
        for k, found in enumerate(choice_uncertainty(y)):
            sure = [np.exp(row).max() / np.exp(row).sum() for row in y[k]]
            assert found == pytest.approx(1 - np.mean(sure))

    def test_it_goes_from_certain_to_one_of_many(self) -> None:
        np.testing.assert_allclose(choice_uncertainty(np.zeros((2, 3, 8))), 1 - 1 / 8)
        np.testing.assert_allclose(choice_uncertainty(1000 * np.eye(4)[None]), 0.0)
        np.testing.assert_allclose(choice_uncertainty(1e6 + np.zeros((1, 2, 4))), 0.75)

    def test_only_steps_that_count_count(self) -> None:
        task = fg.tasks.SequentialDigits()
        trials = task.sample(6, seed=0)
        y = rng.normal(size=trials.targets.shape)
        np.testing.assert_allclose(choice_uncertainty(y, trials.mask), choice_uncertainty(y[:, -1:]))
        y[:, 0] = np.nan
        assert np.isfinite(choice_uncertainty(y, trials.mask)).all()
        assert np.isnan(choice_uncertainty(y)).all()
        weights = rng.random((6, 8))
        weights[:, 0] = 0
        sure = 1 - choice_uncertainty(y.reshape(48, 1, 10)).reshape(6, 8)
        np.testing.assert_allclose(
            choice_uncertainty(y, weights), 1 - np.nansum(weights * sure, axis=1) / weights.sum(axis=1)
        )
        assert np.isnan(choice_uncertainty(y, np.zeros((6, 8)))).all()

    def test_other_things_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"outputs has shape \(3, 4\), expected"):
            choice_uncertainty(np.zeros((3, 4)))
        for mask in (np.ones((3, 5)), -np.ones((3, 4)), np.full((3, 4), np.nan)):
            with pytest.raises(ValueError, match=r"mask must hold booleans or weights of shape \(3, 4\), not negative"):
                choice_uncertainty(np.zeros((3, 4, 2)), mask)
        with pytest.raises(TypeError, match="outputs must hold numbers, got dtype"):
            choice_uncertainty([["a"]])
