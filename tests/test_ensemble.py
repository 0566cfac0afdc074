"""Ensembles: replicates agree where the data determine the components, and only there."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

import fastigial as fg

PLANTED = {"tca": 3, "slicetca": (2, 0, 1)}


def planted(method: str) -> Any:
    """A recording whose components differ in size: the canonical form of SliceTCA is then unique."""
    rng = np.random.default_rng(0)
    shape = (24, 18, 20)
    noise = 0.3 * rng.normal(size=shape)
    if method == "tca":
        return np.einsum("r,kr,nr,tr->knt", [3.0, 2.0, 1.5], *(rng.normal(size=(d, 3)) for d in shape)) + noise
    X = np.einsum("r,rk,rnt->knt", [3.0, 1.0], rng.normal(size=(2, 24)), rng.normal(size=(2, 18, 20)))
    return X + 1.5 * np.einsum("rt,rkn->knt", rng.normal(size=(1, 20)), rng.normal(size=(1, 24, 18))) + noise


def make(method: str, ranks: Any = None, n_replicates: int = 6, **options: Any) -> fg.Ensemble:
    estimator = fg.TCA(1) if method == "tca" else fg.SliceTCA((1, 1, 1))
    ranks = ranks or (range(1, 6) if method == "tca" else [(1, 0, 0), (1, 0, 1), (2, 0, 1), (2, 1, 2)])
    return fg.Ensemble(estimator, ranks, n_replicates, random_state=0, **options)


def reaches_the_best(ensemble: fg.Ensemble, rank: Any) -> Any:
    losses = ensemble.losses_.xs(rank).to_numpy()
    return losses < losses[0] * 1.0001


@pytest.fixture(scope="module", params=["tca", "slicetca"])
def fitted(request: pytest.FixtureRequest) -> tuple[str, fg.Ensemble]:
    return request.param, make(request.param).fit(planted(request.param))


def test_at_the_planted_rank_all_replicates_agree_and_above_it_they_do_not(fitted: tuple[str, fg.Ensemble]) -> None:
    method, ensemble = fitted
    true, largest = PLANTED[method], ensemble.losses_.index[-1]
    # One start of TCA in twenty ends in a local minimum here, the others in the only best model.
    reached = reaches_the_best(ensemble, true)
    assert reached.sum() >= 5
    assert ensemble.similarities_.xs(true)[reached].min() > 0.99
    assert ensemble.n_distinct_[true] == 1 + (~reached).sum()
    if method == "tca":
        # A SliceTCA that describes noise is found again too: within a type it is a singular value decomposition.
        assert ensemble.n_distinct_[largest] > 1
        assert ensemble.similarities_.xs(largest).min() < 0.9


def test_tables_are_sorted_and_say_what_the_models_say(fitted: tuple[str, fg.Ensemble]) -> None:
    _, ensemble = fitted
    assert ensemble.losses_.shape == ensemble.similarities_.shape == (len(ensemble.models_), 6)
    assert (np.diff(ensemble.losses_.to_numpy(), axis=1) >= 0).all()
    assert (ensemble.similarities_[0] == 1.0).all()
    for rank, models in ensemble.models_.items():
        assert [model.loss_ for model in models] == ensemble.losses_.xs(rank).tolist()
        assert all(model.n_components == rank for model in models)
        by_hand = [fg.similarity(model, models[0]) for model in models]
        np.testing.assert_allclose(ensemble.similarities_.xs(rank), by_hand)
    assert (ensemble.losses_[0].diff().dropna() < 0).all()


def test_components_keep_their_places_and_signs_from_rank_to_rank_and_start_to_start() -> None:
    ensemble = make("tca").fit(planted("tca"))
    for smaller, larger in itertools.pairwise(ensemble.models_):
        if larger > PLANTED["tca"]:
            continue
        below, above = (ensemble.models_[rank][0] for rank in (smaller, larger))
        pairs = zip(below.factors_, above.factors_, strict=True)
        cosines = np.mean([np.sum(a * b[:, :smaller], axis=0) for a, b in pairs], axis=0)
        # Matched on the diagonal, with equal signs: a component that one model lacks leaves the others as they are.
        assert (np.abs(cosines) > 0.5).sum() >= smaller - 1
    same = np.flatnonzero(reaches_the_best(ensemble, 3))
    assert len(same) >= 5
    best, *others = ensemble.models_[3]
    for model in others[: len(same) - 1]:
        for a, b in zip(model.factors_, best.factors_, strict=True):
            assert (np.sum(a * b, axis=0) > 0.99).all()


@pytest.mark.parametrize("method", ["tca", "slicetca"])
def test_how_many_fits_run_at_once_makes_no_difference(method: str) -> None:
    X, ranks = planted(method), [2, 3] if method == "tca" else [(1, 0, 1), (2, 0, 1)]
    plain = make(method, ranks, 3).fit(X)
    threads = make(method, ranks, 3, n_jobs=2).fit(X)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        processes = make(method, ranks, 3, n_jobs=2).fit(X)
    for other in (threads, processes):
        pd.testing.assert_frame_equal(plain.losses_, other.losses_, check_exact=True)
        for rank, models in plain.models_.items():
            for a, b in zip(models, other.models_[rank], strict=True):
                assert np.array_equal(a.reconstruct(), b.reconstruct())


def test_replicates_are_random_and_the_seed_decides() -> None:
    X = planted("tca")
    ensemble = make("tca", [5]).fit(X)
    assert len({model.random_state for model in ensemble.models_[5]}) == 6
    assert ensemble.losses_.xs(5).nunique() > 1
    again = make("tca", [5]).fit(X)
    pd.testing.assert_frame_equal(ensemble.losses_, again.losses_, check_exact=True)
    other = make("tca", [5]).set_params(random_state=1).fit(X)
    assert not np.array_equal(ensemble.losses_, other.losses_)


def test_a_replicate_is_what_fit_does_alone_whatever_other_ranks_are_asked_for() -> None:
    # Noise, in which other first descents would end elsewhere.
    noisy = fg.datasets.make_tca((30, 25, 20), 3, noise=1.0, seed=0).data
    few, many = (fg.Ensemble(fg.TCA(1), ranks, 3, random_state=0).fit(noisy) for ranks in ([2, 4], [2, 3, 4, 7]))
    for rank in (2, 4):
        assert few.losses_.loc[rank].equals(many.losses_.loc[rank])
        for model in few.models_[rank]:
            alone = fg.TCA(rank, init="random", random_state=model.random_state).fit(noisy)
            assert alone.loss_ == model.loss_


def test_labels_are_carried_and_masks_are_kept() -> None:
    recording = fg.datasets.make_learning_recording(seed=0)
    mask = fg.masks.speckled(recording.shape, 0.2, random_state=0)
    ensemble = fg.Ensemble(fg.TCA(1), [2], 2, random_state=0).fit(recording, mask)
    model = ensemble.models_[2][1]
    assert model.dims_ == ("trial", "neuron", "time")
    assert "condition" in model.coords_
    direct = fg.TCA(2, init="random", random_state=model.random_state).fit(recording, mask)
    assert model.loss_ == pytest.approx(direct.loss_, rel=1e-9)


def test_an_ensemble_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    X, done = planted("tca"), []

    class EnoughError(Exception):
        pass

    def stop_after_four(n_done: int, total: int, loss: float) -> None:
        assert total == 6 and loss > 0
        done.append(n_done)
        if n_done == 4:
            raise EnoughError

    with pytest.raises(EnoughError):
        make("tca", [2, 3], 3, checkpoint=tmp_path, progress=stop_after_four).fit(X)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fit-*.json")}
    assert len(kept) >= 4
    resumed = make("tca", [2, 3], 3, checkpoint=tmp_path).fit(X)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert len(list(tmp_path.glob("fit-*.json"))) == 6
    pd.testing.assert_frame_equal(resumed.losses_, make("tca", [2, 3], 3).fit(X).losses_, check_exact=True)
    with pytest.raises(ValueError, match=r"holds the fits of another search.*X differs"):
        make("tca", [2, 3], 3, checkpoint=tmp_path).fit(X + 1)
    assert json.loads(next(iter(kept)).read_text())["train_loss"] > 0


def test_ctrl_c_keeps_what_is_finished() -> None:
    ensemble = make("tca", [2, 3], 3)

    def interrupt(*step: float) -> None:
        if step[0] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensemble.set_params(progress=interrupt).fit(planted("tca"))
    assert int(ensemble.losses_.notna().to_numpy().sum()) == 4
    assert sum(map(len, ensemble.models_.values())) == 4
    ensemble.plot()


def test_fits_that_ran_out_of_iterations_are_counted_in_one_warning() -> None:
    ensemble = fg.Ensemble(fg.TCA(1, max_iter=1, tol=0.0), [2], 3, random_state=0)
    with pytest.warns(fg.ConvergenceWarning, match="3 of 3 fits") as caught:
        ensemble.fit(planted("tca"))
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"estimator": 3}, TypeError, "expected a decomposition"),
        ({"estimator": fg.TCA}, TypeError, "expected a decomposition"),
        ({"ranks": []}, ValueError, "nothing to try"),
        ({"ranks": [0]}, ValueError, "at least one component"),
        ({"n_replicates": 0}, ValueError, "at least one fit"),
        ({"n_replicates": 2.5}, TypeError, "n_replicates"),
        ({"n_jobs": 0}, ValueError, "n_jobs is 0"),
        ({"checkpoint": "x", "random_state": None}, ValueError, "whole number"),
        ({"estimator": fg.SliceTCA((1, 1, 1)), "ranks": (30, 1, 1)}, ValueError, "length of its axis"),
    ],
)
def test_bad_input_is_refused_before_the_first_fit(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    ensemble = make("tca", [2], 2).set_params(**change)
    with pytest.raises(error, match=message):
        ensemble.fit(planted("tca"))


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="mask has shape"):
        make("tca").fit(planted("tca"), np.ones((2, 2, 2), bool))


@pytest.mark.parametrize("method", ["tca", "slicetca"])
def test_the_figure_shows_every_fit(method: str) -> None:
    ensemble = make(method).fit(planted(method))
    left, right = ensemble.plot().axes
    n_ranks = len(ensemble.losses_)
    assert left.lines[0].get_xdata().size == 6 * n_ranks
    np.testing.assert_allclose(left.lines[1].get_ydata(), ensemble.losses_[0])
    assert right.lines[0].get_xdata().size == 5 * n_ranks
    counts = [text.get_text() for text in right.texts]
    assert counts == [*map(str, ensemble.n_distinct_), "distinct solutions"]
