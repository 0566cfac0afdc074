"""Areas: who projects to whom and how densely, with what delays; and perturbations by area and in seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.networks import parameters, structure

from fastigial.rnn.areas import Areas, densities_of, draw_connections, recurrent_delays
from fastigial.rnn.perturbations import injected, lesions, silenced, step_range

SIZES = {"PFC": 5, "M1": 3, "S1": 2}
AREAS = Areas.of(SIZES, 10)
PFC, M1, S1 = (AREAS.slices[name] for name in SIZES)


def test_areas_are_consecutive_units() -> None:
    assert AREAS.slices == {"PFC": slice(0, 5), "M1": slice(5, 8), "S1": slice(8, 10)}
    assert AREAS.labels is not None
    assert AREAS.labels.tolist() == ["PFC"] * 5 + ["M1"] * 3 + ["S1"] * 2
    assert Areas.of(None, 10).labels is None
    np.testing.assert_array_equal(AREAS.units("M1", "units"), [5, 6, 7])
    np.testing.assert_array_equal(AREAS.units(np.arange(10) > 7, "units"), [8, 9])


# Connections


def test_a_pair_is_from_the_first_to_the_second() -> None:
    W = structure(areas=SIZES, connections=[("PFC", "M1")]).masks["W"]
    expected = np.zeros((10, 10), dtype=bool)
    # Rows receive. Pairs come beside the connections within each area.
    expected[M1, PFC] = True
    for area in (PFC, M1, S1):
        expected[area, area] = True
    np.testing.assert_array_equal(W, expected)


def test_a_matrix_of_densities_says_everything() -> None:
    shares = np.array([[0, 1, 0], [0.5, 0, 0], [0, 0, 1]])
    W = structure(areas={"A": 10, "B": 20, "C": 10}, n_units=40, connections=shares).masks["W"]
    blocks = [
        [W[rows, columns] for columns in (np.s_[:10], np.s_[10:30], np.s_[30:])]
        for rows in (np.s_[:10], np.s_[10:30], np.s_[30:])
    ]
    for i in range(3):
        for j in range(3):
            assert blocks[i][j].mean() == shares[i, j]


def test_the_outside_reaches_all_areas_until_a_pair_names_it() -> None:
    drawn = structure(areas=SIZES, feedback=True, connections=[("PFC", "M1")]).masks
    assert set(drawn) == {"W"}
    pairs = [("input", "S1"), ("M1", "output"), ("output", "PFC")]
    drawn = structure(areas=SIZES, feedback=True, connections=pairs).masks
    for name, area, axis in (("W_in", S1, 1), ("W_out", M1, 0), ("W_fb", PFC, 1)):
        reached = np.zeros(10, dtype=bool)
        reached[area] = True
        assert (drawn[name].all(axis=axis) == reached).all()
        assert (drawn[name].any(axis=axis) == reached).all()


@pytest.mark.parametrize("density", [0.1, 0.33, 0.5, 0.999])
def test_each_unit_receives_the_share_of_connections_up_to_rounding(density: float) -> None:
    whole = {"": slice(0, 400)}
    mask = draw_connections(whole, whole, np.array([[density]]), np.random.default_rng(0))
    counts = mask.sum(axis=1)
    assert set(counts) <= {int(np.floor(400 * density)), int(np.ceil(400 * density))}
    # The rounding is right on average: a coin for each row.
    assert abs(counts.mean() - 400 * density) < 5 * 0.5 / np.sqrt(400)
    # And no unit is favoured as a sender.
    assert abs(mask.sum(axis=0) - 400 * density).max() < 6 * np.sqrt(400 * density * (1 - density))


def test_more_density_only_adds_connections() -> None:
    few, many = (structure(n_units=60, density=density, seed=4).masks["W"] for density in (0.2, 0.6))
    assert (many | ~few).all()


def test_dale_and_areas_go_together() -> None:
    found = structure(areas=SIZES, dale=0.8)
    assert found.signs is not None
    assert found.signs.tolist() == [1, 1, 1, 1, -1, 1, 1, -1, 1, 1]
    drawn = parameters(areas=SIZES, dale=0.8, connections=[("PFC", "M1"), ("M1", "PFC")])["W"]
    assert not (drawn * found.signs < 0).any()
    assert not drawn[S1, PFC].any()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"areas": {"A": 4}}, ValueError, "areas hold 4 units, expected n_units = 10"),
        ({"areas": {"input": 10}}, ValueError, "areas has the name 'input'"),
        ({"areas": {"A": 10, "B": 0}}, ValueError, r"areas\['B'\] is 0"),
        ({"areas": [5, 5]}, TypeError, "areas is"),
        ({"connections": [("A", "B")]}, ValueError, "connections were given without areas"),
        ({"areas": SIZES, "connections": [("PFC", "V1")]}, ValueError, "connections names 'V1'; the areas are 'PFC'"),
        ({"areas": SIZES, "connections": np.ones((2, 2))}, ValueError, "or a matrix"),
        ({"areas": SIZES, "connections": {("PFC", "M1"): 1.5}}, ValueError, "a density outside 0 to 1"),
        ({"areas": SIZES, "connections": [("input", "output")]}, ValueError, "by way of units"),
        ({"areas": SIZES, "connections": "all"}, TypeError, "connections is 'all'"),
    ],
)
def test_areas_that_do_not_fit_are_refused(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        structure(**given)


def test_densities_of_pairs_are_their_own() -> None:
    found = densities_of(AREAS, {("PFC", "M1"): 0.25, ("M1", "M1"): 0.0}, 0.5)
    np.testing.assert_array_equal(found.recurrent, [[0.5, 0, 0], [0.25, 0, 0], [0, 0, 0.5]])


# Delays


def test_delays_of_pairs_are_blocks_to_from() -> None:
    found = recurrent_delays({("PFC", "M1"): 3, ("M1", "PFC"): 1}, AREAS)
    expected = np.zeros((10, 10), dtype=np.int64)
    expected[M1, PFC], expected[PFC, M1] = 3, 1
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("none", [None, 0, np.zeros((10, 10), dtype=int), {("PFC", "M1"): 0}])
def test_no_delay_is_none(none: Any) -> None:
    assert recurrent_delays(none, AREAS) is None


@pytest.mark.parametrize(
    ("delays", "error", "words"),
    [
        (-1, ValueError, "is -1"),
        (1.5, TypeError, "whole number of steps"),
        (np.full((10, 10), 0.5), TypeError, "expected whole steps"),
        (np.ones((2, 2), dtype=int), ValueError, r"shape \(2, 2\)"),
        (-np.eye(10, dtype=int), ValueError, "negative"),
        ({"PFC": 1}, TypeError, "pairs of areas"),
        ({("PFC", "V1"): 1}, ValueError, "'V1'"),
    ],
)
def test_delays_that_are_none_are_refused(delays: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        recurrent_delays(delays, AREAS)


# Perturbations


@pytest.mark.parametrize("dt", [0.1, 0.01, 1e-3, 1 / 3])
def test_seconds_that_are_whole_steps_are_those_steps(dt: float) -> None:
    for first in range(50):
        assert step_range(first * dt, (first + 7) * dt, dt, 100, "silence") == (first, first + 7)


def test_seconds_between_steps_begin_and_end_with_the_next() -> None:
    assert step_range(0.12, 0.38, 0.1, 10, "inject") == (2, 4)
    assert step_range(-1.0, 99.0, 0.1, 10, "inject") == (0, 10)
    assert step_range(2.0, 3.0, 0.1, 10, "inject") == (10, 10)


def test_currents_add_up_where_and_when_they_are_asked_for() -> None:
    both = [
        {"units": "M1", "amplitude": 2.0, "start": 0.1, "stop": 0.3},
        {"units": [7, 0], "amplitude": [1.0, 5.0], "start": 0.2},
    ]
    found = injected(both, AREAS, 0.1, 4, np.dtype(np.float32))
    expected = np.zeros((4, 10), dtype=np.float32)
    expected[1:3, M1] += 2
    expected[2:, 7] += 1
    expected[2:, 0] += 5
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(injected(expected, AREAS, 0.1, 4, found.dtype), expected)


def test_silence_is_of_units_at_times_or_throughout() -> None:
    expected = np.zeros((4, 10), dtype=bool)
    expected[1:3, S1] = True
    found = silenced({"units": "S1", "start": 0.1, "stop": 0.3}, AREAS, 0.1, 4)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(silenced(expected, AREAS, 0.1, 4), expected)
    for throughout in ("S1", [8, 9], np.arange(10) > 7):
        np.testing.assert_array_equal(silenced(throughout, AREAS, 0.1, 4), np.tile(np.arange(10) > 7, (4, 1)))


def test_lesions_are_in_seconds_or_in_steps() -> None:
    seconds = {"recurrent": (0.1, 0.3), "input": (None, 0.2)}
    assert lesions(seconds, 0.1, 5, feedback=False) == [("recurrent", 1, 3), ("input", 0, 2)]
    assert lesions("feedback", 0.1, 5, feedback=True) == [("feedback", 0, 5)]
    assert lesions([("input", 1, 3), ("input", 4, 5)], 0.1, 5, feedback=False) == [("input", 1, 3), ("input", 4, 5)]


@pytest.mark.parametrize(
    ("perturb", "given", "words"),
    [
        ("inject", {"units": "M1"}, "inject has the keys"),
        ("inject", {"amplitude": 1.0, "stat": 0.1}, "'stat'"),
        ("inject", {"amplitude": [1.0, 2.0]}, "a number or 10 of them"),
        ("inject", {"amplitude": np.nan}, "amplitude"),
        ("inject", np.zeros((3, 10)), r"shape \(3, 10\), expected \(time, units\) = \(4, 10\)"),
        ("silence", {"units": "V1"}, r"silence\[\"units\"\] names the area 'V1'; the network has 'PFC'"),
        ("silence", {"units": [10]}, "the unit 10, expected 0 to 9"),
        ("silence", {"units": "M1", "start": 0.3, "stop": 0.3}, "expected start < stop"),
        ("lesion", {"output": (0, 1)}, "lesion is 'output'"),
        ("lesion", {"input": 0.3}, r"expected \(start, stop\) in seconds"),
        ("lesion", [("input", 3, 2)], "from step 3 to 2"),
        ("lesion", [("input", 3, 5)], "at most 4"),
        ("lesion", "feedback", "no output feedback"),
    ],
)
def test_perturbations_that_make_no_sense_are_refused(perturb: str, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        if perturb == "inject":
            injected(given, AREAS, 0.1, 4, np.dtype(np.float64))
        elif perturb == "silence":
            silenced(given, AREAS, 0.1, 4)
        else:
            lesions(given, 0.1, 4, feedback=False)
