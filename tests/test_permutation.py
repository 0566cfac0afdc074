"""Permutation tests of trial factors: all orders of few trials, uniform p without an effect, drift, blocks, labels."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal, pearsonr, spearmanr
from tests.common.models import slicetca_of, tca_of
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import permutation_test
from fastigial.analysis.association import holm
from fastigial.analysis.orders import all_orders, n_orders, random_orders

matplotlib.use("agg")


def model_with(trial_factor: Any) -> fg.TCA:
    """A model with these trial factors (n_trials, R)."""
    columns = np.asarray(trial_factor, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    return tca_of([columns, np.ones((2, columns.shape[1])), np.ones((3, columns.shape[1]))])


def slow_eta_squared(values: FloatArray, groups: Any) -> float:
    groups = np.asarray(groups)
    means = np.array([values[groups == group].mean() for group in groups])
    return float(np.sum((means - values.mean()) ** 2) / np.sum((values - values.mean()) ** 2))


# The statistics


def test_statistics_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    columns = rng.integers(6, size=(40, 3)).astype(float)
    label, groups = rng.integers(5, size=40).astype(float), rng.choice(["left", "right", "up"], size=40)
    found = {
        name: permutation_test(model_with(columns), by, statistic=name, n_permutations=9, random_state=0).observed
        for name, by in (("pearson", label), ("spearman", label), ("eta_squared", groups), ("kruskal", groups))
    }
    for r, column in enumerate(columns.T):
        assert found["pearson"][r] == pytest.approx(pearsonr(column, label).statistic)
        assert found["spearman"][r] == pytest.approx(spearmanr(column, label).statistic)
        assert found["eta_squared"][r] == pytest.approx(slow_eta_squared(column, groups))
        by_group = [column[groups == group] for group in np.unique(groups)]
        assert found["kruskal"][r] == pytest.approx(kruskal(*by_group).statistic / 39)


def test_the_statistic_follows_the_kind_of_label() -> None:
    model = model_with(np.random.default_rng(0).normal(size=6))

    def chosen(label: Any) -> str:
        return permutation_test(model, label, n_permutations=5, random_state=0).statistic

    assert chosen([1, 2, 3, 4, 5, 6]) == "pearson"
    assert chosen(np.array([1.5, None, 2, 3, 4, np.nan], dtype=object)) == "pearson"
    assert chosen(np.arange(6).astype("datetime64[s]")) == "pearson"
    assert chosen(list("aabbcc")) == "eta_squared"
    assert chosen([True, False] * 3) == "eta_squared"
    assert chosen(np.array([True, None, False, True, False, True], dtype=object)) == "eta_squared"
    assert chosen(pd.Categorical(list("aabbcc"))) == "eta_squared"
    assert chosen(np.array(["a", 1, ("b", 2), 1, "a", None], dtype=object)) == "eta_squared"


def test_neither_scale_nor_offset_of_factors_and_labels_counts() -> None:
    rng = np.random.default_rng(0)
    columns, label = rng.normal(size=(30, 2)), rng.normal(size=30)
    plain = permutation_test(model_with(columns), label, n_permutations=50, random_state=0)
    for scale in (1e-200, 1e200):
        other = permutation_test(model_with(scale * columns), scale * label, n_permutations=50, random_state=0)
        np.testing.assert_allclose(other.null, plain.null, atol=1e-12)
    offset = permutation_test(model_with(1e6 + columns), label - 1e6, n_permutations=50, random_state=0)
    np.testing.assert_allclose(offset.null, plain.null, atol=1e-8)


# All orders of few trials


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_few_trials_are_tested_under_all_their_orders(alternative: Any) -> None:
    columns = np.array([[0.1, 2.0], [1.0, 0.3], [2.5, 1.1], [2.6, 0.2], [4.0, 0.9]])
    label = np.array([0.0, 1.0, 1.0, 4.0, 9.0])
    found = permutation_test(model_with(columns), label, alternative=alternative)
    direction = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}[alternative]
    null = np.array(
        [
            [direction(np.corrcoef(column, label[list(order)])[0, 1]) for column in columns.T]
            for order in permutations(range(5))
        ]
    )
    assert found.exact
    assert found.n_permutations == 120
    for r in range(2):
        assert found.p[r] == pytest.approx(np.mean(null[:, r] >= null[0, r] - 1e-12))
        assert found.p_corrected[r] == pytest.approx(np.mean(null.max(axis=1) >= null[0, r] - 1e-12))


def test_drawn_orders_estimate_what_all_orders_give() -> None:
    # One trial of four is alone in its group, and so far out only there: a quarter of the orders.
    model, label = model_with([0.0, 1.0, 2.0, 10.0]), list("aaab")
    assert permutation_test(model, label).p[0] == pytest.approx(0.25)
    drawn = [permutation_test(model, label, n_permutations=20, random_state=seed) for seed in range(500)]
    assert not any(found.exact for found in drawn)
    # The standard error of 10,000 draws is 0.0043; 1/21 of the weight is on the observed order itself.
    assert np.mean([found.p[0] for found in drawn]) == pytest.approx((1 + 20 * 0.25) / 21, abs=0.017)


def test_all_orders_are_different_and_keep_to_their_blocks() -> None:
    blocks = np.array([1, 0, 1, 1, 0])
    shuffles, shifts = all_orders(blocks, "shuffle"), all_orders(blocks, "shift")
    assert len({tuple(order) for order in shuffles}) == n_orders(blocks, "shuffle") == 12
    assert len({tuple(order) for order in shifts}) == n_orders(blocks, "shift") == 6
    for order in (*shuffles, *shifts):
        np.testing.assert_array_equal(blocks[order], blocks)
        assert sorted(order) == list(range(5))
    by_hand = {(a, b, *rest) for (a, *rest), b in product([(0, 2, 3), (2, 3, 0), (3, 0, 2)], [1, 4])}
    assert {(order[0], order[1], order[2], order[3]) for order in shifts} == by_hand


@pytest.mark.parametrize("scheme", ["shuffle", "shift"])
def test_drawn_orders_are_all_equally_likely(scheme: Any) -> None:
    blocks = np.array([0, 1, 0, 0, 1])
    drawn = np.concatenate(list(random_orders(blocks, scheme, 12_000, np.random.default_rng(0), 1000)))
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    expected = len(drawn) / n_orders(blocks, scheme)
    assert counts.size == n_orders(blocks, scheme)
    # Five standard deviations of a count.
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


# Uniform p without an effect


def distance_from_uniform(p: list[float] | FloatArray, steps: int) -> float:
    """Largest difference between the shares of p up to i/steps and i/steps itself."""
    levels = np.arange(1, steps + 1) / steps
    return float(np.abs([np.mean(np.asarray(p) <= level + 1e-9) - level for level in levels]).max())


MIXING = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1], [0, 0, 0, 0.1]])
# Dvoretzky, Kiefer & Wolfowitz, with Massart's constant: exceeded by chance in one of a thousand sets of 1000 p.
KOLMOGOROV = float(np.sqrt(np.log(2 / 1e-3) / 2 / 1000))


@pytest.mark.parametrize("statistic", ["pearson", "spearman", "eta_squared", "kruskal"])
def test_p_is_uniform_without_an_effect(statistic: Any) -> None:
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1, 2], [12, 8, 5])
    single, smallest = [], []
    for _ in range(1000):
        # Components that depend on one another, with heavy tails: neither may matter.
        columns = rng.standard_t(3, size=(25, 4)) @ MIXING
        found = permutation_test(model_with(columns), label, statistic=statistic, n_permutations=99, random_state=rng)
        single.append(found.p[1])
        smallest.append(found.p_corrected.min())
    assert distance_from_uniform(single, 100) < KOLMOGOROV
    # The chance of any false positive among the components is the level itself, neither more nor less.
    assert distance_from_uniform(smallest, 100) < KOLMOGOROV


def circular_walk(rng: np.random.Generator, n: int) -> FloatArray:
    """A stationary process on a circle, whose neighbours are much alike."""
    spectrum = np.exp(-np.arange(n // 2 + 1) / 2.0) * (rng.normal(size=n // 2 + 1) + 1j * rng.normal(size=n // 2 + 1))
    return np.fft.irfft(spectrum, n)


def test_shifts_allow_for_drift_that_shuffles_take_for_an_effect() -> None:
    rng = np.random.default_rng(2)
    shuffled, shifted = [], []
    for _ in range(1000):
        model, label = model_with(circular_walk(rng, 40)), circular_walk(rng, 40)
        shuffled.append(permutation_test(model, label, n_permutations=99, random_state=rng).p[0])
        shifted.append(permutation_test(model, label, scheme="shift").p[0])
    assert distance_from_uniform(shifted, 40) < KOLMOGOROV
    assert np.mean(np.array(shuffled) <= 0.05) > 0.3


def test_blocks_take_out_what_differs_between_sessions() -> None:
    rng = np.random.default_rng(3)
    sessions = np.repeat([0, 1, 2, 3], [10, 6, 8, 12])
    without, within = [], []
    for _ in range(1000):
        offsets = rng.normal(size=4)[sessions] * 3
        model, label = model_with(offsets + rng.normal(size=36)), offsets + rng.normal(size=36)
        without.append(permutation_test(model, label, n_permutations=99, random_state=rng).p[0])
        within.append(permutation_test(model, label, blocks=sessions, n_permutations=99, random_state=rng).p[0])
    assert distance_from_uniform(within, 100) < KOLMOGOROV
    assert np.mean(np.array(without) <= 0.05) > 0.8


@pytest.mark.parametrize("statistic", ["pearson", "spearman", "eta_squared", "kruskal"])
def test_an_effect_within_blocks_is_found_whatever_their_offsets(statistic: Any) -> None:
    rng = np.random.default_rng(4)
    sessions = np.repeat(["a", "b", "c"], 12)
    label = np.tile(np.arange(4), 9)
    # Sessions with a high label have a low factor: without blocks the effect would be cancelled.
    model = model_with(label + 0.3 * rng.normal(size=36) + 100 * np.repeat([2, 1, 0], 12))
    found = permutation_test(model, label, blocks=sessions, statistic=statistic, n_permutations=999, random_state=0)
    assert abs(found.observed[0]) > 0.8
    assert found.p[0] == pytest.approx(1 / 1000)


# Correction


def test_the_largest_statistic_corrects_less_than_holm_where_components_are_alike() -> None:
    rng = np.random.default_rng(5)
    label = rng.normal(size=60)
    one = 0.3 * label + rng.normal(size=60)
    model = model_with(one[:, None] + 1e-3 * rng.normal(size=(60, 6)))
    largest, by_holm, none = (
        permutation_test(model, label, correction=correction, n_permutations=1999, random_state=0)
        for correction in ("max", "holm", None)
    )
    np.testing.assert_array_equal(largest.p, by_holm.p)
    np.testing.assert_array_equal(none.p_corrected, none.p)
    np.testing.assert_allclose(by_holm.p_corrected, holm(by_holm.p))
    assert np.all(largest.p <= largest.p_corrected)
    # Six times the same test is one test.
    assert largest.p_corrected.min() < 1.3 * largest.p.min()
    assert by_holm.p_corrected.min() > 4 * by_holm.p.min()


def test_holm_keeps_the_order_and_leaves_out_what_was_not_tested() -> None:
    np.testing.assert_allclose(holm([0.01, np.nan, 0.02, 0.5]), [0.03, np.nan, 0.04, 0.5])


def test_a_component_that_does_not_vary_is_not_tested() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(20, 3))
    label = rng.normal(size=20)
    with_constant = columns.copy()
    with_constant[:, 1] = 0.1
    found = permutation_test(model_with(with_constant), label, n_permutations=99, random_state=0)
    others = permutation_test(model_with(columns[:, [0, 2]]), label, n_permutations=99, random_state=0)
    assert np.isnan([found.observed[1], found.p[1], found.p_corrected[1]]).all()
    np.testing.assert_array_equal(found.p_corrected[[0, 2]], others.p_corrected)


# Fitted models and their labels


def test_planted_effects_are_found_and_only_those() -> None:
    recording = fg.datasets.make_learning_recording(seed=0)
    model = fg.TCA(3, nonnegative=True, random_state=0).fit(recording)
    learning = permutation_test(model, "learning", random_state=0)
    condition = permutation_test(model, "condition", statistic="eta_squared", random_state=0)
    assert learning.label == "learning"
    assert learning.p_corrected[np.argmax(np.abs(learning.observed))] == pytest.approx(1e-4, rel=1e-3)
    assert np.sum(condition.p_corrected < 0.01) == 1
    np.testing.assert_array_equal(permutation_test(model, recording["learning"], random_state=0).p, learning.p)


def test_trial_loadings_of_a_slicetca_are_tested() -> None:
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(2, 12))
    model = slicetca_of(
        [loadings, np.ones((1, 3)), np.ones((0, 4))], [np.ones((2, 3, 4)), np.ones((1, 12, 4)), np.ones((0, 12, 3))]
    )
    label = rng.normal(size=12)
    np.testing.assert_array_equal(
        permutation_test(model, label, n_permutations=99, random_state=0).null,
        permutation_test(model_with(loadings.T), label, n_permutations=99, random_state=0).null,
    )
    nothing = [np.ones((0, 12)), np.ones((1, 3)), np.ones((0, 4))]
    without = slicetca_of(nothing, [np.ones((0, 3, 4)), np.ones((1, 12, 4)), np.ones((0, 12, 3))])
    with pytest.raises(ValueError, match="no trial-slicing component"):
        permutation_test(without, label)


@pytest.mark.parametrize("gap", [np.nan, None, pd.NA, pd.NaT], ids=str)
def test_trials_without_a_label_or_block_are_left_out(gap: Any) -> None:
    rng = np.random.default_rng(0)
    columns, label, blocks = rng.normal(size=(20, 2)), rng.normal(size=20), np.repeat([0.0, 1.0], 10)
    kept = np.delete(np.arange(20), [3, 11, 12])
    gappy = label.astype(object)
    gappy[[3, 11]] = gap
    blocks[12] = np.nan
    found = permutation_test(model_with(columns), gappy, blocks=blocks, n_permutations=50, random_state=0)
    expected = permutation_test(
        model_with(columns[kept]), label[kept], blocks=blocks[kept], n_permutations=50, random_state=0
    )
    assert found.n_trials == 17
    np.testing.assert_array_equal(found.null, expected.null)


def test_the_same_seed_gives_the_same_permutations() -> None:
    rng = np.random.default_rng(0)
    model, label = model_with(rng.normal(size=(30, 2))), rng.normal(size=30)
    first, second, third = (permutation_test(model, label, n_permutations=99, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.null, second.null)
    assert np.any(first.null != third.null)


def test_the_table_has_a_row_for_each_component() -> None:
    rng = np.random.default_rng(0)
    found = permutation_test(model_with(rng.normal(size=(8, 3))), list("aabbccdd"), n_permutations=9, random_state=0)
    table = found.to_pandas()
    assert list(table.columns) == ["eta_squared", "p", "p_corrected"]
    np.testing.assert_array_equal(table["p"], found.p)
    assert table.index.name == "component"


# Refusals

LABEL = np.arange(6.0)
REFUSALS: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "unknown name": ("choice", {}, ValueError, "label is 'choice'.*the recording has none"),
    "length": (np.ones(5), {}, ValueError, r"label has shape \(5,\), expected \(6,\)"),
    "constant": (np.ones(6), {}, ValueError, "label does not vary among the 6 trials"),
    "all missing": (np.full(6, np.nan), {}, ValueError, "missing in every trial"),
    "constant in blocks": (list("aaabbb"), {"blocks": list("xxxyyy")}, ValueError, "within any block"),
    "length of blocks": (LABEL, {"blocks": [1, 2]}, ValueError, "blocks has shape"),
    "groups of one": (list("abcdef"), {}, ValueError, "each of the 6 labels occurs once"),
    "words as numbers": (list("aabbcc"), {"statistic": "pearson"}, TypeError, "'pearson' needs numbers"),
    "infinite": ([1, 2, 3, 4, 5, np.inf], {}, ValueError, "infinite"),
    "side of groups": (list("aabbcc"), {"alternative": "greater"}, ValueError, "no one direction"),
    "statistic": (LABEL, {"statistic": "anova"}, ValueError, "statistic is 'anova', expected 'eta_squared'"),
    "alternative": (LABEL, {"alternative": "larger"}, ValueError, "alternative is 'larger'"),
    "scheme": (LABEL, {"scheme": "roll"}, ValueError, "scheme is 'roll'"),
    "correction": (LABEL, {"correction": "fdr"}, ValueError, "correction is 'fdr', expected 'max' or 'holm' or None"),
    "no permutation": (LABEL, {"n_permutations": 0}, ValueError, "at least 1"),
}


@pytest.mark.parametrize(("label", "options", "error", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_tested_is_refused(
    label: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        permutation_test(model_with(np.arange(6.0) ** 2), label, **options)


def test_only_fitted_models_are_tested() -> None:
    with pytest.raises(TypeError, match="expected a fitted TCA or SliceTCA"):
        permutation_test(np.ones((3, 2)), LABEL)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="not fitted"):
        permutation_test(fg.TCA(2), LABEL)


# Figures


@pytest.mark.parametrize("correction", ["max", "holm", None])
@pytest.mark.parametrize("alternative", ["two-sided", "less"])
def test_figures_mark_what_was_observed(alternative: Any, correction: Any) -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(20, 4))
    columns[:, 2] = 1
    found = permutation_test(
        model_with(columns),
        pd.Series(np.arange(20.0), name="day"),
        alternative=alternative,
        correction=correction,
        n_permutations=99,
        random_state=0,
    )
    axes = found.plot().axes
    assert len(axes) == 4
    bar = "|" if alternative == "two-sided" else ""
    assert axes[3].get_xlabel() == f"{bar}correlation with day{bar}"
    for r, ax in enumerate(axes):
        if r == 2:
            assert ax.texts[0].get_text() == "does not vary"
            continue
        marked = float(np.asarray(ax.lines[0].get_xdata())[0])
        assert marked == pytest.approx(abs(found.observed[r]) if alternative == "two-sided" else found.observed[r])
        # Bars hold every permutation.
        assert sum(patch.get_height() for patch in ax.patches if hasattr(patch, "get_height")) == pytest.approx(1)


def test_figures_are_drawn_where_asked() -> None:
    found = permutation_test(model_with(np.arange(6.0) ** 2), list("aabbcc"), n_permutations=9, random_state=0)
    figure = matplotlib.figure.Figure()
    own = figure.subplots()
    assert fg.plot.permutation(found, axes=own) is figure
    with pytest.raises(ValueError, match="axes must hold 1 axes"):
        fg.plot.permutation(found, axes=figure.subplots(1, 2))
