"""Task dimensionality, cross-condition generalisation, and their comparison with matched trials."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

import fastigial as fg
from fastigial.analysis import compare_matched, cross_condition_generalization, task_dimensionality
from fastigial.datasets.registry import NULL_FIELD

EIGHT = np.arange(8) * np.pi / 4
CIRCLE = np.column_stack([np.cos(EIGHT), np.sin(EIGHT)])


class TestTaskDimensionality:
    def test_follows_its_equation(self):
        rng = np.random.default_rng(0)
        x, labels = rng.normal(size=(24, 6)), np.tile(np.arange(8), 3)
        mean = np.array([x[labels == k].mean(axis=0) for k in range(8)])
        z = (mean - mean.mean(axis=0)) / mean.std(axis=0)
        values = np.linalg.eigvalsh(np.cov(z.T))
        assert task_dimensionality(x, labels) == pytest.approx(values.sum() ** 2 / np.sum(values**2))

    def test_limits(self):
        rng = np.random.default_rng(0)
        # Many independent units fill what eight targets can: 7 dimensions; a circle of uniform tuning fills 2.
        assert task_dimensionality(rng.normal(size=(8, 20000)), EIGHT) == pytest.approx(7, abs=0.01)
        preferred = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        assert task_dimensionality(np.cos(EIGHT[:, None] - preferred), EIGHT) == pytest.approx(2)
        assert task_dimensionality(np.outer(np.arange(8), rng.normal(size=5)), EIGHT) == pytest.approx(1)

    def test_invariances(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(8, 12))
        plain = task_dimensionality(x, EIGHT)
        assert task_dimensionality(x[:, rng.permutation(12)], EIGHT) == pytest.approx(plain)
        assert task_dimensionality(x * rng.uniform(1e-6, 1e6, 12) + 3, EIGHT) == pytest.approx(plain, rel=1e-6)
        assert task_dimensionality(x, EIGHT[rng.permutation(8)]) == pytest.approx(plain)

    def test_time_is_averaged(self):
        x = np.random.default_rng(0).normal(size=(16, 5, 4))
        labels = np.tile(np.arange(8), 2)
        assert task_dimensionality(x, labels) == pytest.approx(task_dimensionality(x.mean(axis=2), labels))

    def test_refusals(self):
        with pytest.raises(ValueError, match="no unit differs"):
            task_dimensionality(np.ones((8, 3)), EIGHT)
        with pytest.raises(ValueError, match="1 target"):
            task_dimensionality(np.ones((8, 3)), np.zeros(8))


class TestGeneralization:
    def test_a_circle_generalises_and_corners_do_not(self):
        rng = np.random.default_rng(0)
        assert cross_condition_generalization(CIRCLE @ rng.normal(size=(2, 50)), EIGHT).accuracy == 1.0
        alone = [cross_condition_generalization(rng.normal(size=(8, 200)), EIGHT).accuracy for _ in range(60)]
        assert abs(np.mean(alone) - 0.5) < 3 * np.std(alone) / np.sqrt(60) + 1e-9

    def test_rotations_of_neural_space_and_order_change_nothing(self):
        rng = np.random.default_rng(0)
        x = CIRCLE @ rng.normal(size=(2, 20)) + rng.normal(size=(8, 20))
        rotation, _ = np.linalg.qr(rng.normal(size=(20, 20)))
        plain = cross_condition_generalization(x, EIGHT, standardize=False)
        turned = cross_condition_generalization(x @ rotation, EIGHT, standardize=False)
        np.testing.assert_array_equal(plain.by_division, turned.by_division)
        order = rng.permutation(8)
        np.testing.assert_array_equal(
            cross_condition_generalization(x[order], EIGHT[order]).by_division,
            cross_condition_generalization(x, EIGHT).by_division,
        )

    def test_divisions_never_test_what_they_learned(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(8, 30))
        found = cross_condition_generalization(x, np.arange(8))
        assert found.groups == [[0, 1], [2, 3], [4, 5], [6, 7]]
        for learned, tested in found.divisions:
            assert sorted((*learned, *tested)) == [0, 1, 2, 3]
            # Each tested group is next to the one that it goes with, around the circle.
            assert all((a - b) % 4 in (1, 3) for a, b in zip(learned, tested, strict=True))

    def test_groups_of_ones_own(self):
        x = CIRCLE @ np.random.default_rng(0).normal(size=(2, 50))
        groups = [[8, 1], [2, 3], [4, 5], [6, 7]]
        assert cross_condition_generalization(x, np.arange(1, 9), groups=groups).accuracy == 1.0
        with pytest.raises(ValueError, match=r"not known \[9\]"):
            cross_condition_generalization(x, np.arange(1, 9), groups=[[9, 1], [2, 3], [4, 5], [6, 7]])
        with pytest.raises(ValueError, match="cannot be cut into four"):
            cross_condition_generalization(x[:6], np.arange(6))
        with pytest.raises(ValueError, match="positive number"):
            cross_condition_generalization(x, np.arange(8), regularization=0.0)


def population(seed, *, same=True, n_units=60, n_control=12, n_block=5):
    """Trials of eight targets, more of them in control; the block is the same, or fills more dimensions."""
    rng = np.random.default_rng(seed)
    circle, own = CIRCLE @ rng.normal(size=(2, n_units)), rng.normal(size=(8, n_units))
    target = np.tile(np.arange(8), n_control + n_block)
    condition = np.repeat(["control", "block"], [8 * n_control, 8 * n_block])
    means = np.where((condition == "block")[:, None] & (not same), own[target], circle[target])
    return (means + 1.5 * rng.normal(size=means.shape))[:, :, None], target, condition


class TestMatched:
    options: dict = {"n_draws": 40, "n_resamples": 100, "n_exchanges": 100}  # noqa: RUF012

    def test_no_difference_is_found_where_there_is_none(self):
        held, significant = 0, 0
        for seed in range(20):
            x, target, condition = population(seed)
            found = compare_matched(x, target=target, condition=condition, seed=seed, **self.options)
            assert found.conditions == ("control", "block")
            low, high = found.interval("units")[2]
            held += low <= 0 <= high
            significant += found.p < 0.05
        assert held >= 18
        assert significant <= 3

    def test_without_matching_there_would_be_one(self):
        differences, matched = [], []
        for seed in range(10):
            x, target, condition = population(seed)
            each = [
                task_dimensionality(x[condition == name], target[condition == name]) for name in ("control", "block")
            ]
            differences.append(each[1] - each[0])
            matched.append(compare_matched(x, target=target, condition=condition, **self.options).difference)
        assert np.mean(differences) > 0.5
        assert abs(np.mean(matched)) < 0.15

    @pytest.mark.parametrize(("measure", "sign"), [("dimensionality", 1), ("generalization", -1)])
    def test_a_planted_difference_is_found(self, measure, sign):
        x, target, condition = population(0, same=False)
        found = compare_matched(x, measure, target=target, condition=condition, **self.options)
        ends = found.interval("units")[2] * sign
        assert ends.min() > 0
        assert found.p < 0.05
        assert found.n_units == 60
        assert found.n_trials.tolist() == [40] * 60

    def test_equal_trials_leave_nothing_to_draw(self):
        x, target, condition = population(0, n_control=5)
        found = compare_matched(x, target=target, condition=condition, **self.options)
        assert found.draws.std(axis=0).max() < 1e-12
        expected = task_dimensionality(x[condition == "control"], target[condition == "control"])
        assert found.mean[0] == pytest.approx(expected)

    def test_units_that_have_too_little_are_left_out(self):
        x, target, condition = population(0)
        x[(condition == "block") & (target == 3), 0] = np.nan
        x[np.flatnonzero(condition == "block")[:2], 1] = np.nan
        found = compare_matched(x, target=target, condition=condition, min_trials=39, **self.options)
        assert found.n_units == 58
        assert compare_matched(x, target=target, condition=condition, min_trials=30, **self.options).n_units == 59
        with pytest.raises(ValueError, match="0 units have 99 trials"):
            compare_matched(x, target=target, condition=condition, min_trials=99, **self.options)

    def test_order_of_units_and_seed(self):
        x, target, condition = population(0, n_control=5, same=False)
        plain = compare_matched(x, target=target, condition=condition, **self.options)
        turned = compare_matched(x[:, ::-1], target=target, condition=condition, **self.options)
        np.testing.assert_allclose(plain.mean, turned.mean)
        again = compare_matched(x, target=target, condition=condition, **self.options)
        np.testing.assert_array_equal(plain.units, again.units)

    def test_refusals(self):
        x, target, condition = population(0)
        with pytest.raises(ValueError, match="name two of them"):
            compare_matched(x, target=target, condition=target)
        with pytest.raises(ValueError, match="expected two of"):
            compare_matched(x, target=target, condition=condition, conditions=("control", "HFS"))
        with pytest.raises(ValueError, match="or a function"):
            compare_matched(x, "size", target=target, condition=condition)
        with pytest.raises(ValueError, match='"draws" or "units"'):
            compare_matched(x, target=target, condition=condition, **self.options).interval("both")

    def test_table_and_figure(self):
        x, target, condition = population(0)
        found = compare_matched(x, target=target, condition=condition, **self.options)
        assert found.to_pandas().index.tolist() == ["control", "block", "difference"]
        assert found.plot(published=(5.0, 5.5)).axes[0].get_ylabel() == "dimensionality"


@pytest.mark.skipif(
    not (Path(fg.datasets.data_folder() or "-") / NULL_FIELD.folder).is_dir(),
    reason=f"needs FASTIGIAL_DATA with {NULL_FIELD.folder}",
)
def test_published_null_field():
    """300 ms before go, SD 100 ms, 40 trials: an independent pass over 69 units gave 5.40 and 5.86 (± .2)."""
    sessions = fg.datasets.load_cerebellar_block("null_field", window=(-1.0, 1.0), bin_width=0.02, min_trials=40)
    window = [fg.preprocess.smooth(one, sd_bins=5.0).select(time=(-0.3, 0.0)) for one in sessions]

    def complete(one, unit):
        seen = ~np.isnan(one.data[:, unit, 0])
        pairs = product(("control", "block"), range(1, 9))
        return all(np.sum(seen & (one["condition"] == c) & (one["target"] == t)) >= 3 for c, t in pairs)

    kept = [one.select(neurons=[complete(one, unit) for unit in range(one.shape[1])]) for one in window]
    found = compare_matched([one for one in kept if one.shape[1]], n_draws=300, n_resamples=300, n_exchanges=300)
    assert found.n_units == 69
    np.testing.assert_allclose(found.mean, [5.40, 5.86], atol=0.2)
    whole = compare_matched(window, n_draws=300, n_resamples=300, n_exchanges=300)
    assert whole.n_units == 74
    # The published direction, 5.0 and 5.5; over units the interval holds zero.
    np.testing.assert_allclose(whole.mean, [5.0, 5.5], atol=0.3)
    assert whole.difference > 0.2
    low, high = whole.interval("units")[2]
    assert low < 0 < high
