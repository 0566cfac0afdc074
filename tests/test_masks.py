"""Masks for cross-validation: the shares that were asked for, whole blocks, margins, seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

import fastigial as fg

BLOCKS = [
    ((30, 20, 50), 0.1, (1, 1, 10), (0, 0, 5)),
    ((30, 20, 50), 0.2, (3, 1, 5), (1, 0, 2)),
    ((30, 20, 50), 0.5, (2, 3, 4), (0, 0, 0)),
    ((12, 10, 200), 0.9, (1, 1, 3), (0, 0, 0)),
    ((12, 10, 200), 0.02, (2, 2, 5), (1, 1, 10)),
    ((20, 10, 15), 0.2, (1, 10, 15), (1, 0, 0)),
    ((80, 100), 0.15, (1, 7), (0, 3)),
    ((6, 7, 8, 30), 0.3, (2, 1, 2, 4), (0, 1, 0, 1)),
    ((400,), 0.25, (4,), (2,)),
]
each_layout = pytest.mark.parametrize(("shape", "fraction", "block", "buffer"), BLOCKS)


def union_of_whole_blocks(test, block):
    """The entries of `test` that lie in a box of this extent that is within `test`, by looking at every box."""
    covered = np.zeros_like(test)
    for corner in itertools.product(
        *(range(size - extent + 1) for size, extent in zip(test.shape, block, strict=True))
    ):
        box = tuple(slice(start, start + extent) for start, extent in zip(corner, block, strict=True))
        if test[box].all():
            covered[box] = True
    return covered


@each_layout
@pytest.mark.parametrize("seed", [0, 1])
def test_blocks_hold_out_the_share_that_was_asked_for(shape, fraction, block, buffer, seed):
    train, test = fg.masks.blocked(shape, fraction, block, buffer, random_state=seed)
    assert train.shape == test.shape == shape
    assert train.dtype == test.dtype == bool
    assert abs(test.mean() - fraction) <= 0.01
    assert not (train & test).any()


@each_layout
def test_every_test_entry_lies_in_a_whole_block(shape, fraction, block, buffer):
    _, test = fg.masks.blocked(shape, fraction, block, buffer, random_state=3)
    np.testing.assert_array_equal(union_of_whole_blocks(test, block), test)


@each_layout
def test_one_trains_on_all_that_is_farther_than_the_margin_from_every_block(shape, fraction, block, buffer):
    train, test = fg.masks.blocked(shape, fraction, block, buffer, random_state=4)
    near = ndimage.binary_dilation(test, np.ones([2 * margin + 1 for margin in buffer]))
    np.testing.assert_array_equal(train, ~near)


def test_margins_may_be_wider_than_the_axis():
    train, test = fg.masks.blocked((40, 6, 8), 0.05, (1, 1, 2), (0, 0, 100), random_state=0)
    np.testing.assert_array_equal(train, np.broadcast_to(~test.any(axis=2, keepdims=True), test.shape))


def test_no_place_is_tested_much_more_often_than_another():
    """Were corners drawn instead of centres, the first bin would be tested a tenth as often as those inside."""
    shape, block = (300, 20, 40), (1, 1, 10)
    often = fg.masks.blocked(shape, 0.1, block, random_state=0)[1].mean(axis=(0, 1))
    inside = often[10:-10].mean()
    assert often.min() > 0.4 * inside
    assert often.max() < 1.7 * inside


def test_blocks_along_axes_that_they_do_not_fill_are_drawn_independently():
    """The share of pairs of neighbouring fibres that are both held out is that of independent fibres."""
    _, test = fg.masks.blocked((200, 50, 20), 0.2, (1, 1, 5), random_state=0)
    both = (test[1:] & test[:-1]).mean()
    assert both == pytest.approx(0.04, abs=0.004)


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.37, 0.999])
def test_speckles_are_counted_exactly(fraction):
    train = fg.masks.speckled((10, 20, 30), fraction, random_state=0)
    assert train.dtype == bool
    assert (~train).sum() == round(6000 * fraction)


def test_at_least_one_entry_is_held_out_and_one_kept():
    assert (~fg.masks.speckled((2, 3), 0.01)).sum() == 1
    assert fg.masks.speckled((2, 3), 0.99).sum() == 1


@pytest.mark.parametrize(("leave_out", "axis"), [(fg.masks.leave_trials_out, 0), (fg.masks.leave_neurons_out, 1)])
@pytest.mark.parametrize(("fraction", "n_held"), [(0.3, 6), (0.001, 1), (0.999, 19)])
def test_whole_trials_or_neurons_are_left_out(leave_out, axis, fraction, n_held):
    train, test = leave_out((20, 20, 4), fraction, random_state=0)
    np.testing.assert_array_equal(train, ~test)
    lines = np.moveaxis(test, axis, 0).reshape(20, -1)
    assert (lines == lines[:, :1]).all()
    assert lines[:, 0].sum() == n_held


MAKERS = {
    "speckled": lambda seed: (fg.masks.speckled((9, 8, 7), 0.2, seed),),
    "blocked": lambda seed: fg.masks.blocked((9, 8, 20), 0.2, (1, 2, 3), random_state=seed),
    "trials": lambda seed: fg.masks.leave_trials_out((40, 8, 7), 0.2, seed),
    "neurons": lambda seed: fg.masks.leave_neurons_out((9, 40, 7), 0.2, seed),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_masks_repeat_with_their_seed(make):
    first, again, other = make(5), make(5), make(6)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(make(None)[0], make(None)[0])
    # A generator moves on.
    rng = np.random.default_rng(0)
    assert not np.array_equal(make(rng)[0], make(rng)[0])
    assert np.array_equal(make(np.random.RandomState(1))[0], make(np.random.RandomState(1))[0])


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "message"),
    [
        ("speckled", ((4, 5), 0), ValueError, "fraction is 0"),
        ("speckled", ((4, 5), 1.0), ValueError, "fraction is 1"),
        ("speckled", ((4, 5), np.nan), ValueError, "fraction is nan"),
        ("speckled", ((4, 5), "0.1"), TypeError, "fraction"),
        ("speckled", ((1, 1), 0.5), ValueError, "nothing would be left"),
        ("speckled", (7, 0.5), TypeError, "shape is 7"),
        ("speckled", ((3, 0), 0.5), ValueError, "none of them empty"),
        ("speckled", ((3, 2), 0.5, "seed"), TypeError, "random_state"),
        ("blocked", ((9, 8, 20), -0.1, (1, 1, 1)), ValueError, "fraction"),
        ("blocked", ((9, 8, 20), 0.1, (1, 1, 21)), ValueError, "axis 2, expected at most its length, 20"),
        ("blocked", ((9, 8, 20), 0.1, (1, 0, 2)), ValueError, "at least 1"),
        ("blocked", ((9, 8, 20), 0.1, (1, 2)), ValueError, "block has 2 values, expected one for each of the 3 axes"),
        ("blocked", ((9, 8, 20), 0.1, 5), TypeError, "block is 5"),
        ("blocked", ((9, 8, 20), 0.1, (1, 1, 2.5)), TypeError, "block"),
        ("blocked", ((9, 8, 20), 0.1, (1, 1, 2), (0, 1)), ValueError, "buffer has 2 values"),
        ("blocked", ((9, 8, 20), 0.1, (1, 1, 2), (0, 0, -1)), ValueError, "buffer"),
        ("blocked", ((9, 8, 20), 0.1, (1, 1, 2), (9, 8, 20)), ValueError, "nothing is left to train on"),
        ("blocked", ((4, 4, 10), 0.1, (4, 4, 5)), ValueError, "smaller block"),
        ("blocked", ((4, 4, 10), 0.5, (4, 4, 10)), ValueError, "smaller block"),
        ("leave_trials_out", ((1, 5, 5), 0.5), ValueError, "1 trial"),
        ("leave_neurons_out", ((5,), 0.5), ValueError, "axis 1"),
        ("leave_neurons_out", ((5, 5), 2), ValueError, "fraction"),
    ],
)
def test_what_cannot_be_is_refused(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(fg.masks, kind)(*arguments)


def test_a_share_that_whole_blocks_make_up_is_found_on_a_small_tensor():
    """Half a tensor in blocks of an eighth: only draws that overlap by chance as they should will do."""
    for seed in range(5):
        _, test = fg.masks.blocked((8, 4, 4), 0.5, (2, 2, 4), random_state=seed)
        assert test.mean() == 0.5


def test_millions_of_entries_and_of_blocks_are_no_matter():
    train, test = fg.masks.blocked((100, 100, 200), 0.8, (1, 1, 2), random_state=0)
    assert abs(test.mean() - 0.8) < 1e-5
    assert train.any()
