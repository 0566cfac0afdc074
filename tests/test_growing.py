"""A fitted model as the start of one with more components."""

from __future__ import annotations

import numpy as np
import pytest

import fastigial as fg

TIGHT = {"tol": 1e-12, "max_iter": 3000}


def _data(method, nonnegative):
    if method is fg.TCA:
        return fg.datasets.make_tca((24, 16, 20), 4, noise=0.2, nonnegative=nonnegative, seed=1).data
    X = fg.datasets.make_slicetca((24, 16, 20), (2, 1, 2), noise=0.2, seed=1).data
    return np.clip(X, 0, None) if nonnegative else np.array(X)


def _ladder(method):
    return [1, 2, 4] if method is fg.TCA else [(0, 0, 1), (1, 0, 1), (1, 1, 2), (2, 1, 2)]


@pytest.mark.parametrize("method", [fg.TCA, fg.SliceTCA])
@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("incomplete", [False, True])
def test_each_step_up_lowers_the_loss_and_the_top_is_as_good_as_a_fit_from_scratch(method, nonnegative, incomplete):
    X = _data(method, nonnegative)
    mask = np.random.default_rng(0).random(X.shape) > 0.2 if incomplete else None
    fit = {"nonnegative": nonnegative, **TIGHT}
    tops = []
    # A ladder ends in one minimum of several, as a single start does; of three one should find the best.
    for seed in range(3):
        previous = None
        for rank in _ladder(method):
            start = {} if previous is None else {"init": previous}
            model = method(rank, random_state=seed, **start, **fit).fit(X, mask)
            # More components can always do what fewer did, and on noise they do better.
            assert previous is None or model.loss_ < 0.999 * previous.loss_
            previous = model
        tops.append(model.loss_)
    scratch = method(rank, n_init=8, random_state=0, **fit).fit(X, mask)
    assert min(tops) < 1.01 * scratch.loss_


@pytest.mark.parametrize("method", [fg.TCA, fg.SliceTCA])
def test_growing_repeats_with_its_seed_on_any_number_of_threads(method):
    X = _data(method, True)
    low, *_, high = _ladder(method)
    small = method(low, random_state=0).fit(X)

    def grown(n_threads, seed):
        return method(high, init=small, random_state=seed, n_threads=n_threads, max_iter=3, tol=0).fit(X).reconstruct()

    with pytest.warns(fg.ConvergenceWarning):
        assert np.array_equal(grown(1, 5), grown(2, 5))
        assert not np.array_equal(grown(1, 5), grown(1, 6))


def test_a_start_with_too_many_components_is_refused():
    X = _data(fg.TCA, False)
    with pytest.raises(ValueError, match="at most n_components"):
        fg.TCA(1, init=fg.TCA(2, random_state=0).fit(X)).fit(X)
    with pytest.raises(ValueError, match="at most n_components"):
        fg.SliceTCA((1, 1, 0), init=fg.SliceTCA((0, 1, 1), random_state=0).fit(X)).fit(X)


def test_a_stop_while_components_are_added_keeps_what_there_is():
    X = fg.datasets.make_slicetca((150, 100, 120), (2, 1, 2), noise=0.2, seed=1).data
    mask = fg.masks.speckled(X.shape, 0.2, random_state=0)
    small = fg.SliceTCA((1, 0, 0), n_init=1, tol=1e-3, random_state=0).fit(X, mask)

    class EnoughError(Exception):
        pass

    def stop(*_):
        raise EnoughError

    grown = fg.SliceTCA((2, 1, 2), init=small, max_iter=10_000, tol=0.0, random_state=0, n_threads=1, progress=stop)
    with pytest.raises(EnoughError):
        grown.fit(X, mask)
    assert grown.outcome_ == "interrupted"
    assert grown.n_iter_ <= 3
    assert grown.loss_ < small.loss_
