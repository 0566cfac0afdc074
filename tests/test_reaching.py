"""Errors of reaches in a force field, from hand paths."""

from __future__ import annotations

import numpy as np
import pytest

from fastigial.analysis import initial_angular_error, lateral_deviation

TIME = np.linspace(0, 1, 51)
ALONG = 10 * TIME**3 - 15 * TIME**4 + 6 * TIME**5


def reach(angle, aside, start=(0.3, -2.0)):
    """A minimum-jerk reach of length 1 that is pushed aside by aside · sin²(πt): at peak speed, by aside."""
    unit, left = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    return np.array(start) + np.outer(ALONG, unit) + np.outer(aside * np.sin(np.pi * TIME) ** 2, left)


@pytest.mark.parametrize("angle", np.arange(8) * np.pi / 4)
def test_deviation_at_peak_speed(angle):
    path = np.stack([reach(angle, 0.1), reach(angle, -0.2)])
    for at in ("peak_speed", "largest"):
        found = lateral_deviation(path, [angle, angle], dt=0.02, at=at)
        np.testing.assert_allclose(found, [0.1, -0.2], atol=1e-6)


def test_initial_error_of_straight_lines_turned():
    angles, errors = np.arange(8) * np.pi / 4, np.array([-90.0, -30, -5, 0, 5, 30, 90, 170])
    heading = angles + np.radians(errors)
    paths = np.stack([np.outer(TIME, [np.cos(h), np.sin(h)]) + 4 for h in heading])
    for after in (0.02, 0.1, 0.5):
        np.testing.assert_allclose(initial_angular_error(paths, angles, dt=0.02, after=after), errors, atol=1e-9)


def test_turning_and_mirroring_the_workspace():
    rng = np.random.default_rng(0)
    paths, angles = np.cumsum(rng.normal([0.5, 0.2], size=(5, 40, 2)), axis=1), rng.uniform(-3, 3, 5)
    turn = 0.7
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for measure in (initial_angular_error, lateral_deviation):
        plain = measure(paths, angles, dt=0.01)
        np.testing.assert_allclose(measure(paths @ rotation.T + 3, angles + turn, dt=0.01), plain, atol=1e-9)
        np.testing.assert_allclose(measure(paths * [1, -1], -angles, dt=0.01), -plain, atol=1e-9)


def test_peak_speed_survives_noise_of_the_hand():
    rng = np.random.default_rng(0)
    paths = np.stack([reach(0.0, 0.1) + 0.002 * rng.normal(size=(51, 2)) for _ in range(50)])
    found = lateral_deviation(paths, np.zeros(50), dt=0.02, smoothing=0.06)
    assert np.abs(found - 0.1).max() < 0.02


def test_missing_samples_around_a_movement():
    path = reach(0.0, 0.1)[None]
    padded = np.concatenate([np.full((1, 4, 2), np.nan), path, np.full((1, 9, 2), np.nan)], axis=1)
    for measure in (initial_angular_error, lateral_deviation):
        np.testing.assert_allclose(measure(padded, [0.0], dt=0.02), measure(path, [0.0], dt=0.02))
    assert np.isnan(initial_angular_error(padded, [0.0], dt=0.02, after=1.5)).all()
    assert np.isnan(initial_angular_error(np.full((1, 5, 2), np.nan), [0.0], dt=0.02)).all()
    assert np.isnan(lateral_deviation(np.full((1, 5, 2), np.nan), [0.0], dt=0.02)).all()
    assert np.isnan(lateral_deviation(path[:, :2], [0.0], dt=0.02)).all()
    assert np.isnan(initial_angular_error(np.ones((1, 20, 2)), [0.0], dt=0.02)).all()
    padded[0, 20] = np.nan
    with pytest.raises(ValueError, match="NaN within the movement"):
        lateral_deviation(padded, [0.0], dt=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": [0.0, 1.0]}, r"expected \(1,\)"),
        ({"dt": 0.0}, "dt is 0.0"),
        ({"at": "end"}, "peak_speed"),
        ({"smoothing": -1.0}, "not negative"),
        ({"positions": np.zeros((1, 5, 3))}, "3 dimensions"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        lateral_deviation(**{"positions": reach(0.0, 0.1)[None], "directions": [0.0], "dt": 0.02, **options})
    with pytest.raises(ValueError, match="after is"):
        initial_angular_error(reach(0.0, 0.1)[None], [0.0], dt=0.02, after=0.0)
