"""Rank search: planted ranks are found, rules are as they are defined, numbers depend on nothing but the seed."""

from __future__ import annotations

import itertools
import pickle
import signal
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.base import clone

import fastigial as fg
from fastigial.selection.ranks import as_ranks, levels, n_parameters, one_fewer
from fastigial.selection.rules import RULES, summarise
from fastigial.selection.seeds import derived_seed

matplotlib.use("agg")

SHAPE = (20, 15, 24)
SLICES = fg.SliceTCA((1, 1, 1))
COLUMNS = ["rank", "split", "start", "train_loss", "test_loss", "seconds"]


def numbers(search):
    """What must not depend on how the fits were run."""
    return search.results_.drop(columns="seconds")


def small(seed=0, noise=0.5):
    return fg.datasets.make_tca((12, 10, 14), 2, noise=noise, seed=seed).data


# Planted ranks


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cv", ["blocked", "speckled", "trials", "neurons"])
def test_the_planted_number_of_components_is_chosen(cv, seed):
    planted = 2 + seed % 3
    recording = fg.datasets.make_tca(SHAPE, planted, noise=0.5, seed=seed)
    search = fg.RankSearch(fg.TCA(1), ranks=6, cv=cv, random_state=seed).fit(recording)
    assert search.best_rank_ == planted
    assert search.best_estimator_.n_components == planted
    # A model of the right rank leaves the noise, and what it got wrong for the noise that it saw.
    assert 0.25 * 0.9 < search.summary_.test_loss[planted] < 0.25 * 1.2


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("planted", [(1, 1, 1), (2, 1, 0), (0, 2, 1)])
@pytest.mark.parametrize("cv", ["blocked", "trials"])
@pytest.mark.filterwarnings("ignore::fastigial.ConvergenceWarning")
def test_the_planted_slice_ranks_are_chosen(cv, planted, seed):
    recording = fg.datasets.make_slicetca(SHAPE, planted, noise=0.2, seed=seed)
    search = fg.RankSearch(SLICES, ranks=(2, 2, 2), cv=cv, n_splits=2, random_state=seed).fit(recording)
    assert search.best_rank_ == planted
    assert [len(loading) for loading in search.best_estimator_.loadings_] == list(planted)


def test_the_planted_rank_is_found_where_much_is_missing():
    recording = fg.datasets.make_tca(SHAPE, 3, noise=0.5, missing=0.3, seed=2)
    mask = np.random.default_rng(0).random(SHAPE) > 0.2
    search = fg.RankSearch(fg.TCA(1), range(1, 6), random_state=0).fit(recording, mask=mask)
    assert search.best_rank_ == 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.filterwarnings("ignore::fastigial.ConvergenceWarning")
def test_noise_that_lasts_fools_speckles_and_not_blocks(seed):
    """Why blocks are the default: slow noise can be read off the neighbours of a held-out bin, and is then fitted."""
    rng = np.random.default_rng(seed)
    white = rng.normal(size=(30, 4, 65))
    slow = np.sqrt(6) * np.lib.stride_tricks.sliding_window_view(white, 6, axis=-1).mean(axis=-1)
    X = fg.datasets.make_tca((30, 4, 60), 2, noise=0.0, seed=seed).data + slow
    chosen = {
        cv: fg.RankSearch(fg.TCA(1, tol=1e-5), 9, cv=cv, rule="best", random_state=0).fit(X).best_rank_
        for cv in ("blocked", "speckled")
    }
    assert chosen == {"blocked": 2, "speckled": 9}


# What is in the tables


@pytest.fixture(scope="module")
def searched():
    return fg.RankSearch(fg.TCA(1, tol=1e-5), 3, n_splits=2, n_init=2, random_state=4).fit(small())


def test_results_have_a_row_for_each_rank_split_and_start(searched):
    results = searched.results_
    assert list(results.columns) == COLUMNS
    expected = list(itertools.product([1, 2, 3], [0, 1], [0, 1]))
    assert list(results[["rank", "split", "start"]].itertuples(index=False, name=None)) == expected
    assert (results.seconds > 0).all()
    assert (results[["train_loss", "test_loss"]] > 0).all(axis=None)


def test_each_row_is_a_fit_that_anyone_can_repeat(searched):
    """Random starts, from the seeds of the rows: the same numbers by the estimator itself."""
    from fastigial.selection.splits import as_splits

    X = small()
    splits = as_splits("blocked", X.shape, 2, seed=4)
    for rank, split, start, train_loss, test_loss, _ in searched.results_.itertuples(index=False, name=None):
        if start == 1:
            seed = derived_seed(4, "fit", rank, split, start)
            model = fg.TCA(rank, tol=1e-5, init="random", random_state=seed).fit(X, mask=splits[split].train)
            assert model.loss_ == pytest.approx(train_loss, rel=1e-12)
            assert model.evaluate(X, mask=splits[split].test) == pytest.approx(test_loss, rel=1e-12)


def test_the_summary_holds_means_and_standard_errors_of_the_starts_that_fitted_best(searched):
    for rank, row in searched.summary_.iterrows():
        of_rank = searched.results_.query("rank == @rank")
        kept = of_rank.loc[of_rank.groupby("split").train_loss.idxmin()]
        assert row.test_loss == pytest.approx(kept.test_loss.mean())
        assert row.test_se == pytest.approx(kept.test_loss.sem())
        assert row.train_loss == pytest.approx(kept.train_loss.mean())
        assert row.n_components == rank


def test_the_best_estimator_is_a_fit_to_everything_with_its_labels():
    recording = fg.datasets.make_learning_recording(n_trials=20, n_neurons=10, seed=0)
    template = fg.TCA(9, nonnegative=True, tol=1e-4)
    search = fg.RankSearch(template, [1, 2], n_splits=2, random_state=0).fit(recording)
    best = search.best_estimator_
    assert best.get_params() == {
        **template.get_params(),
        "n_components": search.best_rank_,
        "random_state": derived_seed(0, "refit", search.best_rank_),
    }
    assert "condition" in best.coords_
    alone = fg.TCA(**best.get_params()).fit(recording)
    assert alone.reconstruct().tobytes() == best.reconstruct().tobytes()
    # The template is only read.
    assert template.n_components == 9
    assert not hasattr(template, "loss_")


def test_training_loss_falls_with_every_component():
    """Each rank grows out of the best one with a component fewer, so it cannot be worse."""
    X = fg.datasets.make_slicetca((12, 10, 14), (1, 1, 1), noise=1.0, seed=0).data
    search = fg.RankSearch(SLICES, (2, 1, 2), n_splits=2, random_state=0).fit(X)
    loss = search.results_.set_index(["rank", "split"]).train_loss
    grown = [(rank, split) for rank, split in loss.index if sum(rank) > 1]
    assert len(grown) == 2 * (17 - 3)
    for rank, split in grown:
        assert loss[rank, split] < min(loss[lower, split] for lower in one_fewer(rank))


# The same numbers however they are come by


@pytest.mark.parametrize(
    ("estimator", "ranks", "cv"),
    [
        (fg.TCA(1), 3, "blocked"),
        (fg.TCA(1), 3, "neurons"),
        (SLICES, (1, 1, 1), "trials"),
        (SLICES, (1, 0, 1), "speckled"),
    ],
)
def test_numbers_depend_on_neither_the_number_of_jobs_nor_the_order_of_ranks(estimator, ranks, cv):
    X = small()
    one, three = (
        fg.RankSearch(estimator, ranks, cv=cv, n_splits=2, n_init=2, n_jobs=n_jobs, random_state=1).fit(X)
        for n_jobs in (1, 3)
    )
    pd.testing.assert_frame_equal(numbers(one), numbers(three))
    assert one.best_estimator_.reconstruct().tobytes() == three.best_estimator_.reconstruct().tobytes()
    listed = list(reversed(one.summary_.index))
    backwards = fg.RankSearch(estimator, listed, cv=cv, n_splits=2, n_init=2, random_state=1).fit(X)
    pd.testing.assert_frame_equal(numbers(one), numbers(backwards))


def test_more_ranks_change_nothing_about_those_below():
    X = small()
    few, many = (fg.RankSearch(fg.TCA(1), ranks, n_splits=2, random_state=1).fit(X) for ranks in (2, 4))
    pd.testing.assert_frame_equal(numbers(few), numbers(many).iloc[:4])


def test_another_seed_gives_other_numbers():
    X = small()
    first, again, other = (fg.RankSearch(fg.TCA(1), 2, random_state=seed).fit(X) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(numbers(first), numbers(again))
    assert not np.allclose(first.results_.test_loss, other.results_.test_loss)


@pytest.mark.parametrize("cv", ["blocked", "trials"])
@pytest.mark.parametrize(
    ("estimator", "ranks"), [(fg.TCA(1), 3), (fg.TCA(1, nonnegative=True), 2), (SLICES, (1, 1, 1))]
)
@pytest.mark.parametrize("scale", [2.0**-40, 2.0**30])
def test_losses_scale_with_the_square_of_the_data_and_the_choice_stays(estimator, ranks, cv, scale):
    plain, scaled = (
        fg.RankSearch(estimator, ranks, cv=cv, n_splits=2, random_state=0).fit(unit * small()) for unit in (1.0, scale)
    )
    assert plain.best_rank_ == scaled.best_rank_
    np.testing.assert_allclose(scaled.results_.test_loss, scale**2 * plain.results_.test_loss, rtol=1e-9)


def test_single_precision_and_lists_are_searched_too():
    X = small()
    for data in (X.astype(np.float32), X.tolist()):
        search = fg.RankSearch(fg.TCA(1), 3, random_state=0).fit(data)
        assert search.best_rank_ == 2


# Ranks


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (3, [1, 2, 3]),
        (np.int64(2), [1, 2]),
        ([4, 2, 2], [2, 4]),
        (range(2, 5), [2, 3, 4]),
        (np.arange(1, 3), [1, 2]),
        ((5,), [5]),
        ((r for r in (1, 9)), [1, 9]),
        ((100, 1, 7), [1, 7, 100]),
    ],
)
def test_numbers_of_components(ranks, expected):
    assert as_ranks(ranks, fg.TCA(1), (10, 8, 9)) == expected


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ((1, 0, 1), [(0, 0, 1), (1, 0, 0), (1, 0, 1)]),
        ((range(1, 3), [0, 2], 0), [(1, 0, 0), (2, 0, 0), (1, 2, 0), (2, 2, 0)]),
        ((np.array([2]), 0, (1,)), [(2, 0, 1)]),
        ([(2, 1, 1), (1, 0, 0), (1, 0, 0)], [(1, 0, 0), (2, 1, 1)]),
        (np.array([[1, 2, 3]]), [(1, 2, 3)]),
    ],
)
def test_slice_ranks(ranks, expected):
    assert as_ranks(ranks, SLICES, (10, 8, 9)) == expected


def test_a_grid_is_the_whole_product():
    assert len(as_ranks((3, 2, 4), SLICES, (10, 8, 9))) == 4 * 3 * 5 - 1


def test_levels_have_the_same_number_of_components_and_neighbours_lie_one_below():
    ranks = as_ranks((2, 2, 1), SLICES, (10, 8, 9))
    for number, level in enumerate(levels(ranks), start=1):
        assert {sum(rank) for rank in level} == {number}
        for rank in level:
            assert set(one_fewer(rank)) == {
                other
                for other in ranks
                if sum(other) == number - 1 and all(a <= b for a, b in zip(other, rank, strict=True))
            }
    assert one_fewer(1) == []
    assert one_fewer(5) == [4]


def test_parameters_are_counted_as_a_fitted_model_holds_them():
    X = small()
    model = fg.SliceTCA((2, 1, 1), random_state=0).fit(X)
    held = sum(array.size for array in (*model.loadings_, *model.slices_))
    assert n_parameters((2, 1, 1), X.shape) == held
    assert n_parameters(3, X.shape) == sum(factor.size for factor in fg.TCA(3).fit(X).factors_)


# Rules


def test_rules_on_a_curve_by_hand():
    # Means 9, 3, 2.2, 2.0, 2.1; the standard error of the best is 0.3.
    curve = {
        1: [8.0, 10.0],
        2: [2.5, 3.5],
        3: [2.1, 2.3],
        4: [1.7, 2.3],
        5: [2.0, 2.2],
    }
    losses = {rank: np.array(loss) for rank, loss in curve.items()}
    chosen = {name: rule(losses, (9, 9, 9)) for name, rule in RULES.items()}
    assert chosen == {"best": 4, "one_se": 3, "elbow": 2}


def test_one_standard_error_takes_fewest_components_then_parameters_then_loss():
    shape = (10, 20, 30)
    losses = {
        (1, 1, 1): np.array([1.0, 2.0]),
        (1, 1, 0): np.array([1.4, 1.7]),
        (1, 0, 1): np.array([1.4, 1.7]),
        (0, 1, 1): np.array([1.45, 1.7]),
        (0, 0, 1): np.array([9.0, 9.0]),
    }
    # Slices of the time type are the smallest here, those of the trial type the largest.
    assert n_parameters((0, 1, 1), shape) < n_parameters((1, 0, 1), shape) < n_parameters((1, 1, 0), shape)
    assert RULES["one_se"](losses, shape) == (0, 1, 1)
    assert RULES["best"](losses, shape) == (1, 1, 1)
    cube = (10, 10, 10)
    assert RULES["one_se"]({**losses, (1, 0, 1): np.array([1.3, 1.7])}, cube) == (1, 0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_rules_know_nothing_of_units_and_order_of_ranks(seed):
    rng = np.random.default_rng(seed)
    ranks = as_ranks((2, 1, 2), SLICES, (10, 8, 9))
    losses = {rank: 1 / (1 + sum(rank)) + 0.1 * rng.random(4) for rank in ranks}
    for rule in RULES.values():
        chosen = rule(losses, (10, 8, 9))
        assert rule({rank: 1e-9 * losses[rank] for rank in reversed(ranks)}, (10, 8, 9)) == chosen
        assert rule({rank: losses[rank][::-1] for rank in ranks}, (10, 8, 9)) == chosen


def test_the_smallest_rank_within_the_error_is_never_larger_than_the_best():
    rng = np.random.default_rng(0)
    for _ in range(50):
        losses = {rank: rng.random(3) for rank in range(1, 8)}
        assert RULES["one_se"](losses, (9, 9, 9)) <= RULES["best"](losses, (9, 9, 9))


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([4.0, 1.0, 1.0, 1.0], 2),
        ([4.0, 3.0, 2.0, 0.0, 0.0, 0.1, 0.2], 4),
        # Two points, a straight line and one that bends the other way have no elbow.
        ([2.0, 1.0], 2),
        ([3.0, 2.0, 1.0], 3),
        ([5.0, 4.8, 4.0, 1.0], 4),
        ([1.0, 1.0, 1.0], 1),
        ([2.0], 1),
    ],
)
def test_elbows(curve, expected):
    assert RULES["elbow"]({n: np.array([loss]) for n, loss in enumerate(curve, start=1)}, (9, 9, 9)) == expected


def test_the_elbow_of_a_grid_is_that_of_its_lower_edge():
    losses = {
        (1, 0, 0): [9.0],
        (0, 1, 0): [5.0],
        (1, 1, 0): [1.0],
        (2, 0, 0): [8.0],
        (2, 1, 0): [0.9],
        (3, 1, 0): [0.8],
    }
    assert RULES["elbow"]({rank: np.array(loss) for rank, loss in losses.items()}, (9, 9, 9)) == (1, 1, 0)


def test_of_several_starts_the_one_that_fitted_best_counts_not_the_one_that_predicts_best():
    rows = [(1, 0, 0, 2.0, 0.1), (1, 0, 1, 1.0, 0.5), (1, 1, 0, 1.0, 0.7), (1, 1, 1, 3.0, 0.2)]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    train, test = summarise(table)
    np.testing.assert_array_equal(test[1], [0.5, 0.7])
    np.testing.assert_array_equal(train[1], [1.0, 1.0])


# An estimator like others


def test_parameters_are_stored_untouched_and_cloned():
    given = {"cv": object(), "n_splits": object(), "rule": object(), "n_jobs": object(), "checkpoint": object()}
    ranks = object()
    search = fg.RankSearch(fg.TCA(2), ranks, **given)
    assert all(getattr(search, name) is value for name, value in given.items())
    assert search.get_params(deep=False)["ranks"] is ranks
    assert search.get_params()["estimator__n_components"] == 2
    assert search.set_params(estimator__tol=0.5, n_init=7) is search
    assert (search.estimator.tol, search.n_init) == (0.5, 7)
    with pytest.raises(ValueError, match="bandwidth"):
        search.set_params(n_init=1, bandwidth=2)
    assert search.n_init == 7


def test_clones_and_pickles_find_the_same(searched):
    twin = clone(searched)
    assert twin.estimator is not searched.estimator
    assert not hasattr(twin, "results_")
    pd.testing.assert_frame_equal(numbers(twin.fit(small())), numbers(searched))
    again = pickle.loads(pickle.dumps(searched))
    pd.testing.assert_frame_equal(again.results_, searched.results_)
    assert again.best_rank_ == searched.best_rank_


def test_repr_is_the_call_that_makes_it():
    search = fg.RankSearch(fg.TCA(1), range(1, 4), rule="elbow")
    assert repr(search) == "RankSearch(estimator=TCA(n_components=1), ranks=range(1, 4), rule='elbow')"


def test_progress_is_told_after_each_fit():
    told = []
    fg.RankSearch(fg.TCA(1), 3, n_splits=2, random_state=0, progress=lambda *now: told.append(now)).fit(small())
    assert [done for done, _, _ in told] == [1, 2, 3, 4, 5, 6]
    assert {total for _, total, _ in told} == {6}
    assert all(loss > 0 for _, _, loss in told)


def test_fits_that_ran_out_of_sweeps_are_counted_in_one_warning():
    with pytest.warns(fg.ConvergenceWarning) as caught:
        fg.RankSearch(fg.TCA(1, max_iter=1, tol=0), 2, n_splits=2, random_state=0).fit(small())
    assert any("4 of 4 fits" in str(warning.message) for warning in caught)


@pytest.fixture
def interruptible():
    """SIGINT as Python has it: a shell starts background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_keeps_what_is_finished_and_chooses_among_it(n_jobs):
    X = small()
    whole = fg.RankSearch(fg.TCA(1), 4, n_splits=2, random_state=0).fit(X)

    def press(done, *_):
        if done == 5:
            signal.raise_signal(signal.SIGINT)

    search = fg.RankSearch(fg.TCA(1), 4, n_splits=2, n_jobs=n_jobs, random_state=0, progress=press)
    search.best_estimator_ = "of an earlier fit"
    with pytest.raises(KeyboardInterrupt):
        search.fit(X)
    assert len(search.results_) == 5
    pd.testing.assert_frame_equal(numbers(search).iloc[:4], numbers(whole).iloc[:4])
    assert list(search.summary_.index) == [1, 2]
    assert search.best_rank_ == 2
    assert not hasattr(search, "best_estimator_")
    assert isinstance(search.plot(), Figure)
    # And it can be used again.
    pd.testing.assert_frame_equal(numbers(search.set_params(progress=False).fit(X)), numbers(whole))


# Checkpoints


@pytest.fixture
def fits(monkeypatch):
    """Ranks of the fits that are really done, as they are."""
    from fastigial.selection.splits import EntrySplit

    done, fit = [], EntrySplit.fit

    def counted(self, estimator, *arguments):
        done.append(estimator.n_components)
        return fit(self, estimator, *arguments)

    monkeypatch.setattr(EntrySplit, "fit", counted)
    return done


KILLED = """
import os, signal, sys
import fastigial as fg

def kill(done, total, loss):
    if done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

X = fg.datasets.make_tca((12, 10, 14), 2, noise=0.5, seed=0).data
fg.RankSearch(fg.TCA(1), 4, n_splits=2, random_state=0, checkpoint=sys.argv[1], progress=kill).fit(X)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 on this system")
def test_a_killed_search_goes_on_where_it_was(tmp_path, fits):
    X = small()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    search = fg.RankSearch(fg.TCA(1), 4, n_splits=2, random_state=0, checkpoint=tmp_path).fit(X)
    # Four of ranks 1 and 2, and one of rank 3, were there.
    assert fits == [3, 4, 4]
    without = fg.RankSearch(fg.TCA(1), 4, n_splits=2, random_state=0).fit(X)
    pd.testing.assert_frame_equal(numbers(search), numbers(without))
    assert search.best_estimator_.reconstruct().tobytes() == without.best_estimator_.reconstruct().tobytes()


def test_ranks_and_starts_can_be_added_and_nothing_is_done_twice(tmp_path, fits):
    X = small()

    def search(ranks, **options):
        fits.clear()
        kept = fg.RankSearch(fg.TCA(1), ranks, n_splits=2, random_state=0, checkpoint=tmp_path, **options).fit(X)
        n_done = len(fits)
        without = fg.RankSearch(fg.TCA(1), ranks, n_splits=2, random_state=0, **options).fit(X)
        pd.testing.assert_frame_equal(numbers(kept), numbers(without))
        return n_done

    assert search(2) == 4
    assert search(2, rule="best", n_jobs=2) == 0
    assert search(3) == 2
    # Where the further start of rank 1 is the better one, rank 2 grows out of that.
    assert 4 <= search(2, n_init=2) <= 6
    assert search(2, n_init=2) == 0
    # Without rank 1, rank 2 cannot grow out of it: another fit.
    assert search([2]) == 2
    assert search([2]) == 0


def test_slice_ranks_in_single_precision_are_kept_to_the_last_bit(tmp_path):
    X = small().astype(np.float32)
    once, again = (
        fg.RankSearch(SLICES, (1, 1, 1), n_splits=2, random_state=0, checkpoint=tmp_path).fit(X) for _ in range(2)
    )
    pd.testing.assert_frame_equal(once.results_, again.results_)


def test_a_checkpoint_of_another_search_is_refused(tmp_path, monkeypatch):
    X = small()
    search = fg.RankSearch(fg.TCA(1), 1, n_splits=2, random_state=0, checkpoint=tmp_path).fit(X)
    monkeypatch.setattr("fastigial.selection.rank_search.run", never)
    with pytest.raises(ValueError, match="X differs"):
        clone(search).fit(X + 1)
    for name, value in {"cv": "speckled", "n_splits": 3, "random_state": 1, "estimator__tol": 0.1}.items():
        with pytest.raises(ValueError, match=name.removeprefix("estimator__")):
            clone(search).set_params(**{name: value}).fit(X)
    with pytest.raises(ValueError, match="whole number"):
        clone(search).set_params(random_state=None).fit(X)


# Refusals


def never(*_, **__):
    raise AssertionError("a fit was started")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"estimator": fg.TCA}, TypeError, "the class TCA, expected an object"),
        ({"estimator": object()}, TypeError, "no fit, evaluate"),
        ({"ranks": 0}, ValueError, "nothing to try"),
        ({"ranks": []}, ValueError, "nothing to try"),
        ({"ranks": [0, 1]}, ValueError, "at least one component"),
        ({"ranks": [1.5]}, TypeError, "whole number"),
        ({"ranks": [-1]}, ValueError, "not negative"),
        ({"ranks": "3"}, TypeError, "whole number"),
        ({"ranks": (1, 1)}, None, ""),
        ({"estimator": SLICES, "ranks": 3}, TypeError, "tuple of three"),
        ({"estimator": SLICES, "ranks": (1, 1)}, ValueError, "2 entries"),
        ({"estimator": SLICES, "ranks": [1, 1, 1]}, ValueError, "a grid is a tuple"),
        ({"estimator": SLICES, "ranks": (0, 0, 0)}, ValueError, "nothing to try"),
        ({"estimator": SLICES, "ranks": [(0, 0, 0)]}, ValueError, "at least one component"),
        ({"estimator": SLICES, "ranks": (1, 11, 1)}, ValueError, "above the length of its axis"),
        ({"estimator": SLICES, "ranks": [(9, 1, 1)], "cv": "trials"}, ValueError, "training part of split 0"),
        ({"rule": "aic"}, ValueError, "'best', 'one_se', 'elbow'"),
        ({"rule": "one_se", "n_splits": 1}, ValueError, 'Use rule="best"'),
        ({"n_init": 0}, ValueError, "n_init"),
        ({"cv": "block"}, ValueError, "cv is 'block'"),
        ({"random_state": "seed"}, TypeError, "random_state"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_fit(change, error, message, monkeypatch):
    if error is None:
        fg.RankSearch(fg.TCA(1), **change, random_state=0).fit(small())
        return
    monkeypatch.setattr("fastigial.selection.rank_search.run", never)
    with pytest.raises(error, match=message):
        fg.RankSearch(**{"estimator": fg.TCA(1), "ranks": 2, **change}).fit(small())


def test_masks_that_leave_nothing_are_refused_before_any_fit(monkeypatch):
    monkeypatch.setattr("fastigial.selection.rank_search.run", never)
    X = small()
    everything = np.ones(X.shape, dtype=bool)
    with pytest.raises(ValueError, match="mask has shape"):
        fg.RankSearch(fg.TCA(1), 2).fit(X, mask=everything[1:])
    some = X.copy()
    some[:6] = np.nan
    below = np.zeros(X.shape, dtype=bool)
    below[:6] = True
    with pytest.raises(ValueError, match="split 0 holds out nothing"):
        fg.RankSearch(fg.TCA(1), 2, cv=[(~below, below)], rule="best").fit(some)
    with pytest.raises(ValueError, match="split 0 holds out everything"):
        fg.RankSearch(fg.TCA(1), 2, cv=[(below, ~below)], rule="best").fit(some)


def test_a_failed_search_keeps_the_earlier_one(searched):
    search = pickle.loads(pickle.dumps(searched))
    with pytest.raises(ValueError, match="infinit"):
        search.fit(np.full((6, 5, 20), np.inf))
    pd.testing.assert_frame_equal(search.results_, searched.results_)
    assert search.best_rank_ == searched.best_rank_


def test_other_rules_are_asked_without_another_fit(searched, monkeypatch):
    chosen = {rule: clone(searched).set_params(rule=rule).fit(small()).best_rank_ for rule in RULES}
    monkeypatch.setattr("fastigial.selection.rank_search.run", never)
    before = searched.best_rank_
    assert {rule: searched.choose(rule) for rule in RULES} == chosen
    assert searched.best_rank_ == before
    with pytest.raises(ValueError, match="fit the search first"):
        clone(searched).choose("best")
    with pytest.raises(ValueError, match="rule is 'median'"):
        searched.choose("median")


def test_one_split_has_no_standard_error_to_choose_by():
    search = fg.RankSearch(fg.TCA(1), 2, n_splits=1, rule="best", random_state=0).fit(small())
    with pytest.raises(ValueError, match="one_se"):
        search.choose("one_se")


# Figures


def table(losses, rule="one_se", chosen=None):
    """A search with these mean held-out losses, as far as a figure looks at it."""
    search = fg.RankSearch(fg.TCA(1), 1, rule=rule)
    ranks = list(losses)
    held = np.array(list(losses.values()))
    search.summary_ = pd.DataFrame(
        {
            "n_components": [np.sum(rank) for rank in ranks],
            "train_loss": 0.9 * held,
            "train_se": 0.0,
            "test_loss": held,
            "test_se": 0.1,
        },
        index=pd.Index(ranks, name="rank", tupleize_cols=False),
    )
    search.best_rank_ = min(losses, key=losses.get) if chosen is None else chosen
    return search


def test_a_curve_shows_means_and_errors_and_the_choice():
    figure = table({1: 3.0, 2: 1.0, 4: 1.5}, chosen=2).plot()
    (ax,) = figure.axes
    training, held_out, *_ = (container.lines[0] for container in ax.containers)
    np.testing.assert_allclose(held_out.get_xydata(), [[1, 3.0], [2, 1.0], [4, 1.5]])
    np.testing.assert_allclose(training.get_xydata()[:, 1], [2.7, 0.9, 1.35])
    bars = ax.containers[1].lines[2][0].get_segments()
    np.testing.assert_allclose(np.ptp(np.array(bars)[..., 1], axis=1), 0.2)
    assert ax.get_title() == "chosen (one_se): 2"
    assert any(np.array_equal(line.get_xdata(), [2, 2]) for line in ax.lines)
    assert ax.get_ylabel() == "loss per entry"


def grid(shape):
    rng = np.random.default_rng(0)
    return {rank: 1 + rng.random() for rank in itertools.product(*map(range, shape)) if any(rank)}


@pytest.mark.parametrize(
    ("shape", "panels"), [((3, 2, 4), 1), ((3, 3, 3), 1), ((2, 3, 4), 0), ((4, 4, 3), 2), ((3, 4, 1), 2)]
)
def test_a_grid_shows_each_loss_in_its_place_and_marks_the_choice(shape, panels):
    losses = grid(shape)
    chosen = sorted(losses)[len(losses) // 2]
    figure = table(losses, chosen=chosen).plot()
    rows, columns = (axis for axis in range(3) if axis != panels)
    maps = figure.axes[: shape[panels]]
    assert len(figure.axes) == shape[panels] + 1
    for number, ax in enumerate(maps):
        image = ax.images[0].get_array()
        assert ax.get_title() == f"{('trial', 'neuron', 'time')[panels]} rank {number}"
        for row, column in itertools.product(range(shape[rows]), range(shape[columns])):
            rank = [0, 0, 0]
            rank[panels], rank[rows], rank[columns] = number, row, column
            if any(rank):
                assert image[row, column] == losses[tuple(rank)]
            else:
                assert image.mask[row, column]
        # One frame, around the chosen rank.
        frames = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        assert len(frames) == (number == chosen[panels])
        for frame in frames:
            assert frame.get_xy() == (chosen[columns] - 0.5, chosen[rows] - 0.5)
    assert len({ax.images[0].get_clim() for ax in maps}) == 1
    assert str(chosen) in figure.legends[0].get_texts()[0].get_text()


def test_a_rank_that_fails_does_not_hide_the_others():
    losses = {**grid((3, 2, 3)), (2, 1, 2): 1e6}
    figure = table(losses).plot()
    assert figure.axes[0].images[0].get_clim()[1] < 3


def test_a_slice_type_that_cannot_predict_leaves_the_colours_to_the_others():
    losses = {rank: 50.0 if rank[2] else 1.0 - 0.1 * sum(rank[:2]) for rank in grid((3, 2, 2))}
    low, high = table(losses).plot().axes[0].images[0].get_clim()
    assert (low, high) == (min(losses.values()), losses[1, 0, 0])


def test_a_few_triples_are_a_curve():
    path = {(1, 0, 0): 3.0, (1, 1, 0): 1.0, (2, 1, 0): 1.2, (2, 2, 1): 2.0}
    (ax,) = table(path).plot().axes
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(rank) for rank in path]


def test_figures_go_into_given_axes_and_keep_their_legends_out_of_others():
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert fg.plot.rank_search(table({1: 2.0, 2: 1.0, 3: 1.1}), axes=axes[0]) is figure
    other = Figure()
    assert fg.plot.rank_search(table(grid((3, 2, 3))), axes=other.subplots(2, 1)) is other
    assert not other.legends
    assert any("chosen" in ax.get_title() for ax in other.axes)
    with pytest.raises(ValueError, match="2 axes"):
        fg.plot.rank_search(table(grid((3, 2, 3))), axes=axes[0])


def test_an_unfitted_search_cannot_be_drawn():
    with pytest.raises(ValueError, match="must be fitted"):
        fg.RankSearch(fg.TCA(1), 2).plot()
