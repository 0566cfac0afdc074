"""Splits hold out what they say, and predict it by least squares from the rest alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.common.estimators import planted_cp, planted_slices

import fastigial as fg
from fastigial.selection.splits import AxisSplit, EntrySplit, as_splits, block_length
from fastigial.tensor.intake import take
from fastigial.tensor.recognition import recognised

SHAPE = (14, 12, 20)
AXES = {"trials": 0, "neurons": 1}
TIGHT = {"tol": 1e-13, "max_iter": 5000, "random_state": 0}


def recording(seed=0, noise=0.3):
    return planted_slices(seed, SHAPE, (1, 1, 1), noise=noise)[0]


# Evaluation


@pytest.mark.parametrize("model", [fg.TCA(2, random_state=0), fg.SliceTCA((1, 1, 1), random_state=0)], ids=repr)
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_evaluation_is_the_mean_square_of_what_the_model_leaves(model, scale):
    X = scale * recording()
    X[0, 0, :3] = np.nan
    train, test = fg.masks.blocked(SHAPE, 0.2, (1, 1, 3), random_state=0)
    model.fit(X, mask=train)
    left = (X - model.reconstruct())[test & ~np.isnan(X)]
    assert model.evaluate(X, mask=test) == pytest.approx(np.mean(left**2), rel=1e-9)
    assert model.evaluate(X, mask=train) == pytest.approx(model.loss_, rel=1e-6)
    # Score and loss are two ways to say the same.
    power = np.mean(X[test & ~np.isnan(X)] ** 2)
    assert 1 - model.evaluate(X, mask=test) / power == pytest.approx(model.score(X, mask=test), rel=1e-9)


def test_evaluation_of_other_trials_transforms_them_first():
    X = recording()
    model = fg.TCA(2, random_state=0).fit(X[:10])
    rows = model.transform(X[10:])
    predicted = np.einsum("r,kr,nr,tr->knt", model.weights_, rows, *model.factors_[1:])
    assert model.evaluate(X[10:]) == pytest.approx(np.mean((X[10:] - predicted) ** 2), rel=1e-6)


def test_nothing_to_evaluate_is_refused():
    X = recording()
    model = fg.TCA(1, random_state=0).fit(X)
    with pytest.raises(ValueError, match="no observed entry"):
        model.evaluate(X, mask=np.zeros(SHAPE, dtype=bool))
    with pytest.raises(ValueError, match="mask has shape"):
        model.evaluate(X, mask=np.ones((2, 2, 2), dtype=bool))
    with pytest.raises(AttributeError, match="not fitted"):
        fg.TCA(1).evaluate(X)


@pytest.mark.parametrize(
    "model",
    [
        fg.TCA(2, random_state=0),
        fg.TCA(2, nonnegative=(True, False, False), random_state=0),
        fg.SliceTCA((2, 1, 1), random_state=0),
        fg.SliceTCA((1, 2, 0), nonnegative=(False, True, False), random_state=0, tol=1e-4),
    ],
    ids=repr,
)
def test_exchanging_axes_exchanges_those_of_everything(model):
    X = recording()
    model.fit(X)
    other = model._exchanged()
    np.testing.assert_allclose(other.reconstruct(), model.reconstruct().swapaxes(0, 1), atol=1e-12)
    assert other.evaluate(X.swapaxes(0, 1)) == pytest.approx(model.loss_, rel=1e-6)
    assert other.dims_ == ("neuron", "trial", "time")
    assert recognised(other._remembered, take(X.swapaxes(0, 1)))
    # Twice is not at all; the model itself is left alone.
    twice = other._exchanged()
    assert twice.reconstruct().tobytes() == model.reconstruct().tobytes()
    assert np.array_equal(twice._remembered, model._remembered)
    assert model.dims_ == ("trial", "neuron", "time")


# Entries


@pytest.mark.parametrize("cv", ["blocked", "speckled"])
def test_a_split_by_entries_fits_the_one_mask_and_predicts_the_other(cv):
    X = recording()
    X[2, 3, 4:9] = np.nan
    mask = np.random.default_rng(0).random(SHAPE) > 0.1
    split = as_splits(cv, SHAPE, 2, seed=3)[1]
    model, loss = split.fit(fg.TCA(2, **TIGHT), X, mask, False)
    alone = fg.TCA(2, **TIGHT).fit(X, mask=split.train & mask)
    np.testing.assert_array_equal(model.factors_[0], alone.factors_[0])
    scored = split.test & mask & ~np.isnan(X)
    assert loss == pytest.approx(np.mean((X - alone.reconstruct())[scored] ** 2))


@pytest.mark.parametrize("shape", [(14, 12, 20), (30, 40), (6, 5, 4, 30), (20, 30, 3)])
def test_default_blocks_are_a_tenth_of_the_time_axis_with_half_of_that_around(shape):
    length = block_length(shape[-1])
    assert length == max(2, round(shape[-1] / 10))
    for split in as_splits("blocked", shape, 2, seed=0):
        assert abs(split.test.mean() - 0.1) <= 0.01
        runs = [
            sum(1 for _ in run)
            for fibre in split.test.reshape(-1, shape[-1])
            for held, run in itertools.groupby(fibre)
            if held
        ]
        assert min(runs) == length
        # No fitted entry is as near to a tested one as the margin.
        for fibre, fitted in zip(split.test.reshape(-1, shape[-1]), split.train.reshape(-1, shape[-1]), strict=True):
            if fibre.any() and fitted.any():
                distance = np.abs(np.subtract.outer(np.flatnonzero(fibre), np.flatnonzero(fitted)))
                assert distance.min() > length / 2


def test_splits_differ_from_one_another_and_repeat_with_their_seed():
    for cv in ("blocked", "speckled"):
        first, second = as_splits(cv, SHAPE, 2, seed=0)
        assert not np.array_equal(first.test, second.test)
        # The first of two is the first of five.
        assert np.array_equal(as_splits(cv, SHAPE, 5, seed=0)[0].test, first.test)
        assert not np.array_equal(as_splits(cv, SHAPE, 1, seed=1)[0].test, first.test)


def test_masks_may_be_given():
    pair = fg.masks.blocked(SHAPE, 0.2, (1, 1, 4), random_state=0)
    for cv in (pair, [pair], [list(pair)], np.stack([pair])):
        (split,) = as_splits(cv, SHAPE, 7, seed=0)
        assert isinstance(split, EntrySplit)
        np.testing.assert_array_equal(split.train, pair[0])
        np.testing.assert_array_equal(split.test, pair[1])
    assert len(as_splits([pair, pair, pair], SHAPE, 1, seed=0)) == 3


# Trials and neurons


@pytest.mark.parametrize("cv", AXES)
def test_each_trial_or_neuron_is_held_out_once(cv):
    splits = as_splits(cv, SHAPE, 4, seed=0)
    held = np.array([split.held_out for split in splits])
    assert (held.sum(axis=0) == 1).all()
    assert np.ptp(held.sum(axis=1)) <= 1
    assert held.shape == (4, SHAPE[AXES[cv]])
    for split in splits:
        assert split.training_shape(SHAPE)[AXES[cv]] == SHAPE[AXES[cv]] - split.held_out.sum()


@pytest.mark.parametrize("cv", AXES)
def test_each_step_and_each_fibre_has_entries_in_both_halves(cv):
    """Else the slices of a held-out trial could not be found at some steps, or for some neurons."""
    shape = (30, 30, 40)
    (split, *_) = as_splits(cv, shape, 2, seed=0)
    assert split.half.shape == (15, 30, 40)
    for half in (split.half, ~split.half):
        assert half.any(axis=1).all()
        assert half.any(axis=2).all()
        assert half.mean(axis=2).min() > 0.3


@pytest.mark.parametrize("cv", AXES)
def test_a_held_out_trial_or_neuron_is_predicted_half_from_half_by_least_squares(cv):
    """The slow way for TCA: solve for the loadings of each held-out row by itself, from one half of it."""
    X, _ = planted_cp(0, SHAPE, 2, noise=0.3)
    X[1, 2, 3:8] = np.nan
    mask = np.random.default_rng(0).random(SHAPE) > 0.1
    axis = AXES[cv]
    split = as_splits(cv, SHAPE, 3, seed=1)[0]
    model, loss = split.fit(fg.TCA(2, **TIGHT), X, mask, False)
    rest = [factor for mode, factor in enumerate(model.factors_) if mode != axis]
    design = np.einsum("r,ir,jr->ijr", model.weights_, *rest).reshape(-1, 2)
    squares = []
    for row, half in zip(np.flatnonzero(split.held_out), split.half, strict=True):
        truth = np.take(X, row, axis).ravel()
        seen = np.take(mask, row, axis).ravel() & ~np.isnan(truth)
        for given in (half.ravel(), ~half.ravel()):
            loadings = np.linalg.lstsq(design[seen & given], truth[seen & given])[0]
            squares.append((truth - design @ loadings)[seen & ~given] ** 2)
    assert loss == pytest.approx(np.concatenate(squares).mean(), rel=1e-6)


@pytest.mark.parametrize("cv", AXES)
@pytest.mark.parametrize("estimator", [fg.TCA(2, **TIGHT), fg.SliceTCA((1, 1, 1), random_state=0)], ids=repr)
def test_what_a_held_out_trial_holds_does_not_reach_the_fit(cv, estimator):
    X = recording()
    split = as_splits(cv, SHAPE, 3, seed=0)[0]
    model, loss = split.fit(estimator, X, None, False)
    there = (slice(None),) * AXES[cv] + (split.held_out,)
    changed = X.copy()
    changed[there] += 10.0
    again, worse = split.fit(estimator, changed, None, False)
    assert again.reconstruct().tobytes() == model.reconstruct().tobytes()
    assert worse > loss


@pytest.mark.parametrize("cv", AXES)
@pytest.mark.parametrize("seed", range(3))
def test_noiseless_trials_and_neurons_of_the_right_rank_are_predicted_exactly(cv, seed):
    shape = (16, 14, 24)
    cases = [
        (fg.TCA(2, **TIGHT), planted_cp(seed, shape, 2, noise=0.0)[0]),
        (fg.SliceTCA((2, 1, 0), tol=1e-13, random_state=0), planted_slices(seed, shape, (2, 1, 0), noise=0.0)[0]),
        (fg.SliceTCA((1, 0, 1), tol=1e-13, random_state=0), planted_slices(seed, shape, (1, 0, 1), noise=0.0)[0]),
    ]
    for estimator, X in cases:
        loss = as_splits(cv, shape, 2, seed)[0].fit(estimator, X, None, False)[1]
        assert loss < 1e-5 * np.mean(X**2), estimator


def test_tables_can_be_split_by_rows_and_columns():
    X = np.outer(np.arange(1.0, 13.0), np.arange(1.0, 31.0))
    for cv in ("trials", "neurons"):
        for split in as_splits(cv, X.shape, 3, seed=0):
            assert isinstance(split, AxisSplit)
            assert split.fit(fg.TCA(1, **TIGHT), X, None, False)[1] < 1e-12 * np.mean(X**2)


# Refusals

GOOD = np.zeros(SHAPE, dtype=bool)


@pytest.mark.parametrize(
    ("cv", "n_splits", "error", "message"),
    [
        ("bloked", 3, ValueError, "'blocked', 'speckled', 'trials', 'neurons'"),
        ("blocked", 0, ValueError, "n_splits is 0"),
        ("blocked", 1.5, TypeError, "n_splits"),
        ("trials", 1, ValueError, "expected 2 to 14"),
        ("neurons", 13, ValueError, "expected 2 to 12"),
        (None, 3, ValueError, "sequence of"),
        (7, 3, ValueError, "sequence of"),
        ([], 3, ValueError, "sequence of"),
        ([(GOOD,)], 3, ValueError, "sequence of"),
        (GOOD, 3, ValueError, "single masks"),
        ([GOOD], 3, ValueError, "single masks"),
        ([(~GOOD, GOOD), GOOD], 3, ValueError, "single masks"),
        ([(GOOD, GOOD[0], GOOD)], 3, ValueError, "sequence of"),
        ([(GOOD, GOOD.astype(float))], 3, TypeError, "test mask of split 0 has dtype float64"),
        ([(~GOOD, GOOD), (GOOD[1:], GOOD)], 3, ValueError, "train mask of split 1 has shape"),
        ([(~GOOD, ~GOOD)], 3, ValueError, "overlap"),
    ],
)
def test_what_is_no_way_to_hold_out_is_refused(cv, n_splits, error, message):
    with pytest.raises(error, match=message):
        as_splits(cv, SHAPE, n_splits, seed=0)


@pytest.mark.parametrize("cv", ["blocked", "speckled", "trials", "neurons"])
def test_a_split_without_anything_observed_on_one_side_is_refused(cv):
    split = as_splits(cv, SHAPE, 2, seed=0)[0]
    split.check(~GOOD, "split 0")
    if isinstance(split, EntrySplit):
        train, test = split.train, split.test
    else:
        test = np.zeros(SHAPE, dtype=bool)
        test[(slice(None),) * split.axis + (split.held_out,)] = True
        train = ~test
    with pytest.raises(ValueError, match="split 0 holds out everything that was observed"):
        split.check(test, "split 0")
    with pytest.raises(ValueError, match="split 0 holds out nothing that was observed"):
        split.check(train, "split 0")
