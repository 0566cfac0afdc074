"""Targeted dimensionality reduction and re-aiming: planted planes and rotations come back, null ones do not appear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastigial as fg
from fastigial import Recording
from fastigial.analysis import condition_averages, reaiming_angle, targeted_dimensionality

EIGHT = np.arange(8) * np.pi / 4


def tuned(intended, tuning, noise=0.0, rng=None):
    """Rates (n_trials, n_units, 3 steps) of cosine-tuned units."""
    rates = np.column_stack([np.cos(intended), np.sin(intended)]) @ tuning
    course = np.array([0.5, 1.0, 0.8])
    found = 5 + rates[:, :, None] * course
    return found if rng is None else found + noise * rng.normal(size=found.shape)


@pytest.fixture
def session():
    """160 trials to eight targets in two conditions, the second turned by 25 degrees."""
    rng = np.random.default_rng(1)
    direction, turned = np.tile(EIGHT, 20), np.repeat(["null", "force"], 80)
    intended = direction + np.where(turned == "force", np.radians(25), 0.0)
    # The two tunings differ in size: the plane shows targets on an ellipse.
    tuning = rng.normal(size=(2, 30)) * np.array([[1.0], [0.4]])
    return intended, direction, turned, tuning


class TestTargetedDimensionality:
    def test_follows_its_equations(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(40, 9, 5)) + np.cos(np.tile(EIGHT, 5))[:, None, None] * rng.normal(size=(9, 1))
        direction, n_components = np.tile(EIGHT, 5), 4
        found = targeted_dimensionality(x, direction, n_components=n_components)
        # The same, one number at a time.
        mean = np.array([x[direction == theta].mean(axis=0) for theta in EIGHT])
        z = np.empty_like(mean)
        for unit in range(9):
            z[:, unit] = (mean[:, unit] - mean[:, unit].mean()) / mean[:, unit].std()
        design = np.array([[1, np.cos(theta), np.sin(theta)] for theta in EIGHT])
        stacked = np.concatenate([z[:, :, t] for t in range(5)])
        values, vectors = np.linalg.eigh(stacked.T @ stacked)
        leading = vectors[:, np.argsort(values)[::-1][:n_components]]
        beta = np.array([leading @ leading.T @ np.linalg.lstsq(design, z[:, :, t], rcond=None)[0].T for t in range(5)])
        norms = np.linalg.norm(beta, axis=1)
        np.testing.assert_allclose(found.norms, norms, rtol=1e-9)
        axes: list[np.ndarray] = []
        for k in range(3):
            direction_k = beta[norms[:, k].argmax(), :, k]
            for earlier in axes:
                direction_k = direction_k - earlier * (earlier @ direction_k)
            axes.append(direction_k / np.linalg.norm(direction_k))
        np.testing.assert_allclose(found.axes, np.array(axes).T, atol=1e-9)

    def test_a_planted_plane_is_found_and_read(self, session):
        _, direction, _, tuning = session
        x = tuned(direction, tuning)
        found = targeted_dimensionality(x, direction)
        averages = condition_averages(x, direction).data
        spread = averages.std(axis=(0, 2))
        angles = fg.analysis.principal_angles(found.axes[:, 1:], (tuning / spread).T)
        assert angles.max() < 1e-5
        np.testing.assert_allclose(
            found.read(averages.mean(axis=2)), np.column_stack([np.cos(EIGHT), np.sin(EIGHT)]), atol=1e-9
        )
        assert found.peaks[1:].tolist() == [1, 1]
        assert found.r2 == pytest.approx(1.0)

    def test_silent_units_and_missing_trials(self, session):
        _, direction, _, tuning = session
        x = tuned(direction, tuning, 0.5, np.random.default_rng(0))
        plain = targeted_dimensionality(x, direction)
        x = np.concatenate([x, np.full((160, 1, 3), 2.0), x[:, :1]], axis=1)
        x[direction == EIGHT[3], -1] = np.nan
        found = targeted_dimensionality(x, direction)
        np.testing.assert_allclose(found.axes[:30], plain.axes, atol=1e-9)
        assert not found.axes[30:].any()
        assert found.n_units == 30

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"direction": np.zeros(160)}, "three or more"),
            ({"direction": np.zeros(3)}, r"expected \(160,\)"),
            ({"direction": "angle"}, "expected the name of a label"),
            ({"n_components": 2}, "expected 3 or more"),
        ],
    )
    def test_refusals(self, session, change, message):
        _, direction, _, tuning = session
        with pytest.raises(ValueError, match=message):
            targeted_dimensionality(tuned(direction, tuning), **{"direction": direction, **change})

    def test_a_part_of_a_trial_may_not_be_missing(self, session):
        _, direction, _, tuning = session
        x = tuned(direction, tuning)
        x[0, 0, 0] = np.nan
        with pytest.raises(ValueError, match="misses some of the steps"):
            targeted_dimensionality(x, direction)
        x[0, 0, 0] = np.inf
        with pytest.raises(ValueError, match="infinite"):
            targeted_dimensionality(x, direction)
        with pytest.raises(TypeError, match="expected real numbers"):
            targeted_dimensionality(x.astype(complex), direction)


class TestReaiming:
    def angle(self, x, direction, turned, **options):
        options = {"reference": "null", "test": "force", "n_resamples": 0, **options}
        return reaiming_angle(x, direction, turned, **options)

    def test_without_noise_the_angle_is_exact(self, session):
        intended, direction, turned, tuning = session
        assert self.angle(tuned(intended, tuning), direction, turned).angle == pytest.approx(25, abs=1e-6)

    def test_rotating_neural_space_changes_nothing_without_noise(self, session):
        intended, direction, turned, tuning = session
        rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(30, 30)))
        x = np.einsum("kut,uv->kvt", tuned(intended, tuning), rotation)
        assert self.angle(x, direction, turned).angle == pytest.approx(25, abs=1e-6)

    def test_of_one_target_alone(self, session):
        intended, direction, turned, tuning = session
        role = np.where((turned == "force") & (direction != EIGHT[2]), "other", turned)
        found = self.angle(tuned(intended, tuning), direction, role)
        assert found.angle == pytest.approx(25, abs=1e-6)
        assert found.directions.tolist() == [EIGHT[2]]

    def test_invariances(self, session):
        intended, direction, turned, tuning = session
        rng = np.random.default_rng(3)
        x = tuned(intended, tuning, 1.0, rng)
        plain = self.angle(x, direction, turned)
        order = rng.permutation(30)
        assert self.angle(x[:, order], direction, turned).angle == pytest.approx(plain.angle, abs=1e-9)
        gain, offset = rng.uniform(0.1, 9, size=(30, 1)), rng.normal(size=(30, 1))
        assert self.angle(x * gain + offset, direction, turned).angle == pytest.approx(plain.angle, abs=1e-8)
        trials = rng.permutation(160)
        assert self.angle(x[trials], direction[trials], turned[trials]).angle == pytest.approx(plain.angle, abs=1e-9)
        # Where angles are counted from does not matter, as long as the axes span the same plane.
        clean = tuned(intended, tuning)
        assert self.angle(clean, direction + 0.3, turned).angle == pytest.approx(25, abs=1e-6)
        assert self.angle(clean, -direction, turned).angle == pytest.approx(-25, abs=1e-6)

    def test_back_is_minus_there(self, session):
        intended, direction, turned, tuning = session
        x = tuned(intended, tuning, 1.0, np.random.default_rng(3))
        there = self.angle(x, direction, turned, fit="null")
        back = self.angle(x, direction, turned, reference="force", test="null", fit="null")
        assert back.angle == pytest.approx(-there.angle, abs=1e-9)

    @pytest.mark.parametrize("planted", [0.0, 25.0])
    def test_intervals_hold_the_truth(self, planted):
        held, found = 0, []
        for seed in range(20):
            rng = np.random.default_rng(seed)
            direction, turned = np.tile(EIGHT, 12), np.repeat(["null", "force"], 48)
            intended = direction + np.where(turned == "force", np.radians(planted), 0.0)
            x = tuned(intended, rng.normal(size=(2, 40)), 1.5, rng)
            angle = self.angle(x, direction, turned, n_resamples=100, seed=seed)
            held += angle.low <= planted <= angle.high
            found.append(angle.angle)
        assert held >= 18
        # Unbiased: within three standard errors of the mean.
        assert abs(np.mean(found) - planted) < 3 * np.std(found) / np.sqrt(20)

    def test_pooled_units_are_side_by_side(self, session):
        intended, direction, turned, tuning = session
        x = tuned(intended, tuning, 1.0, np.random.default_rng(3))
        coords = {"direction": ("trial", direction), "condition": ("trial", turned)}
        whole = Recording(x, coords=coords)
        parts = [whole.select(neurons=slice(0, 10)), whole.select(neurons=slice(10, 30))]
        options = {"reference": "null", "test": "force", "n_resamples": 0}
        assert reaiming_angle(parts, **options).angle == pytest.approx(reaiming_angle(whole, **options).angle, abs=1e-9)
        # In another session units may lack trials, and trials may come in another order.
        other = parts[1].select(trials=np.arange(160)[::-1])
        assert reaiming_angle([parts[0], other], **options).angle == pytest.approx(
            reaiming_angle(whole, **options).angle, abs=1e-9
        )

    def test_same_seed_same_numbers(self, session):
        intended, direction, turned, tuning = session
        x = tuned(intended, tuning, 1.0, np.random.default_rng(3))
        first, second = (self.angle(x, direction, turned, n_resamples=20, seed=4) for _ in range(2))
        np.testing.assert_array_equal(first.resamples, second.resamples)

    def test_refusals(self, session):
        intended, direction, turned, tuning = session
        x = tuned(intended, tuning)
        with pytest.raises(ValueError, match="no such trials"):
            self.angle(x, direction, turned, test="block")
        with pytest.raises(ValueError, match="share no direction"):
            self.angle(x, direction + np.where(turned == "force", 0.1, 0), turned)
        with pytest.raises(ValueError, match='"both", "trials" or "units"'):
            self.angle(x, direction, turned, resample="all")
        with pytest.raises(ValueError, match="labels for 1 recordings, expected 2"):
            reaiming_angle([x, x], [direction], [turned], reference="null", test="force")

    def test_the_figure(self, session):
        intended, direction, turned, tuning = session
        figure = self.angle(tuned(intended, tuning), direction, turned, n_resamples=10).plot()
        assert figure.axes[1].get_title(loc="left").startswith("+25°")
        with pytest.raises(ValueError, match="axes must hold 2"):
            self.angle(tuned(intended, tuning), direction, turned).plot(axes=figure.axes[:1])


class TestConditionAverages:
    def test_labels_come_along(self):
        a = Recording(
            np.arange(24.0).reshape(4, 2, 3),
            coords={"target": ("trial", [1, 2, 1, 2]), "unit": ("neuron", ["a", "b"]), "time": ("time", [0, 1, 2])},
        )
        b = replace(a, data=-a.data)
        found = condition_averages([a, b], "target")
        assert found["condition"].tolist() == [1, 2]
        assert found["unit"].tolist() == ["a", "b", "a", "b"]
        np.testing.assert_allclose(found.data[0, :2], a.data[[0, 2]].mean(axis=0))
        np.testing.assert_allclose(found.data[1, 2:], -a.data[[1, 3]].mean(axis=0))
