"""Split-half replicability: planted components come back, others do not; halves by hand; labels; refusals."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import split_half

matplotlib.use("agg")


def noisy_cp(seed: int = 0, shape: tuple[int, ...] = (40, 14, 16), noise: float = 0.5) -> FloatArray:
    """Three components of different strength and noise."""
    rng = np.random.default_rng(seed)
    factors = [rng.normal(size=(size, 3)) for size in shape]
    letters = "abcd"[: len(shape)]
    signal = np.einsum(",".join(f"{letter}r" for letter in letters) + f",r->{letters}", *factors, [2.0, 1.4, 1.0])
    return np.asarray(signal + noise * rng.normal(size=shape))


def noisy_slices(seed: int = 0, n_trials: int = 40) -> FloatArray:
    """Two trial-slicing components, the second half as strong, one neuron- and one time-slicing one, and noise."""
    rng = np.random.default_rng(seed)
    trial = np.einsum("rk,rnt,r->knt", rng.normal(size=(2, n_trials)), rng.normal(size=(2, 12, 15)), [2.0, 1.0])
    neuron = np.einsum("n,kt->knt", rng.normal(size=12), rng.normal(size=(n_trials, 15)))
    time = np.einsum("t,kn->knt", rng.normal(size=15), rng.normal(size=(n_trials, 12)))
    return np.asarray(trial + neuron + time + 0.5 * rng.normal(size=trial.shape))


def test_planted_components_replicate_and_another_one_does_not() -> None:
    X = noisy_cp()
    right = split_half(fg.TCA(3), X, n_splits=4, random_state=0)
    assert right.similarities.min() > 0.95
    over = split_half(fg.TCA(4), X, n_splits=4, random_state=0)
    assert over.median[:3].min() > 0.95
    # A component of noise is a random vector in 14 and in 16 dimensions: around 0.2 on average.
    assert over.median[3] < 0.5


def test_planted_slices_replicate_and_another_one_does_not() -> None:
    X = noisy_slices(n_trials=80)
    right = split_half(fg.SliceTCA((2, 1, 1), n_init=4), X, n_splits=3, random_state=0)
    assert right.components == [(0, 0), (0, 1), (1, 0), (2, 0)]
    assert right.median.min() > 0.95
    over = split_half(fg.SliceTCA((2, 2, 1), n_init=4), X, n_splits=3, random_state=0)
    assert over.median[[0, 1, 2, 4]].min() > 0.95
    assert over.median[3] < 0.6


def test_without_noise_all_halves_agree() -> None:
    found = split_half(fg.TCA(3, tol=1e-12), noisy_cp(noise=0), n_splits=3, random_state=0)
    np.testing.assert_allclose(found.similarities, 1, atol=1e-6)


def test_a_component_of_one_trial_is_the_one_that_does_not_replicate() -> None:
    rng = np.random.default_rng(1)
    X = noisy_cp(noise=0.1)
    X[7] += 20 * np.outer(rng.normal(size=14), rng.normal(size=16))
    found = split_half(fg.TCA(4), X, n_splits=4, random_state=0)
    # Not the last one: its number is that of the whole recording's model, in every split.
    lone = int(np.argmax(np.abs(found.model.factors_[0][7])))
    assert lone != 3
    assert found.similarities[:, lone].max() < 0.6
    assert np.delete(found.median, lone).min() > 0.95


@pytest.mark.parametrize("method", ["mean_cosine", "factor_match"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_odd_and_even_halves_by_hand(axis: int, method: Any) -> None:
    X = noisy_cp()
    found = split_half(fg.TCA(3), X, axis=axis, order="odd_even", method=method, random_state=0)
    even, odd = (fg.TCA(3).fit(np.take(X, range(first, X.shape[axis], 2), axis=axis)) for first in (0, 1))
    others = [other for other in range(3) if other != axis]
    weights = None if method == "mean_cosine" else False
    assert found.similarities.shape == (1, 3)
    assert found.similarities.mean() == pytest.approx(fg.similarity(odd, even, method, weights=weights, axes=others))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_odd_and_even_halves_of_slices_by_hand(axis: int) -> None:
    X = noisy_slices()
    model = fg.SliceTCA((2, 1, 1), n_init=1)
    found = split_half(model, X, axis=("trial", "neuron", "time")[axis], order="odd_even", random_state=0)
    even, odd = (
        fg.SliceTCA((2, 1, 1), n_init=1).fit(np.take(X, range(first, X.shape[axis], 2), axis=axis)) for first in (0, 1)
    )
    for kind, r in found.components:
        # Slices of the split type, and loadings of the others, are free of the split axis.
        whole, a, b = (
            [one.slices_[kind].reshape(len(one.slices_[kind]), -1) if kind == axis else one.loadings_[kind]][0]
            for one in (found.model, odd, even)
        )
        a, b = (part[np.argmax(np.abs(part @ whole[r]) / np.linalg.norm(part, axis=1))] for part in (a, b))
        cosine = abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b)
        assert found.similarities[0, found.components.index((kind, r))] == pytest.approx(cosine, abs=1e-8)


@pytest.mark.parametrize("shape", [(40, 14), (30, 8, 9, 7)], ids=str)
def test_other_numbers_of_modes(shape: tuple[int, ...]) -> None:
    found = split_half(fg.TCA(3), noisy_cp(shape=shape, noise=0.01), n_splits=2, random_state=0)
    assert found.similarities.shape == (2, 3)
    # The factors of a matrix are only determined up to a mixture.
    assert np.all(found.similarities <= 1)
    assert len(shape) == 2 or found.similarities.min() > 0.99


def test_missing_entries_are_left_out_however_they_are_marked() -> None:
    X = noisy_cp()
    mask = np.random.default_rng(0).random(X.shape) > 0.3
    by_mask = split_half(fg.TCA(3), np.where(mask, X, 1e3), mask, n_splits=2, random_state=0)
    by_nan = split_half(fg.TCA(3), np.where(mask, X, np.nan), n_splits=2, random_state=0)
    np.testing.assert_array_equal(by_mask.similarities, by_nan.similarities)
    assert by_mask.similarities.min() > 0.95


@pytest.mark.parametrize("estimator", [fg.TCA(4, init="random"), fg.SliceTCA((1, 1, 1), n_init=3)], ids=repr)
def test_numbers_depend_on_the_seed_and_not_on_the_number_of_jobs(estimator: Any) -> None:
    X = noisy_cp(noise=2)
    alone, together, other = (
        split_half(estimator, X, n_splits=3, random_state=seed, n_jobs=n_jobs)
        for seed, n_jobs in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(alone.similarities, together.similarities)
    assert np.any(alone.similarities != other.similarities)


def test_the_first_splits_are_the_same_however_many_follow() -> None:
    few, many = (split_half(fg.TCA(2), noisy_cp(), n_splits=n, random_state=0).similarities for n in (2, 4))
    np.testing.assert_array_equal(many[:2], few)


def test_a_model_of_the_recording_is_taken_as_it_is_and_another_is_not() -> None:
    X = noisy_cp()
    model = fg.TCA(3, random_state=0).fit(X)
    assert split_half(model, X, n_splits=1, random_state=0).model is model
    other = split_half(model, X + 1, n_splits=1, random_state=0).model
    assert other is not model
    np.testing.assert_array_equal(other.factors_[0], fg.TCA(3, random_state=0).fit(X + 1).factors_[0])


def test_the_estimator_stays_as_it_was() -> None:
    estimator = fg.TCA(2, progress=lambda *_: None)
    before = estimator.get_params()
    split_half(estimator, noisy_cp(), n_splits=1, random_state=0, n_jobs=2)
    assert estimator.get_params() == before
    assert not hasattr(estimator, "loss_")


def test_halves_do_not_start_from_a_model_of_all_trials() -> None:
    X = noisy_cp()
    grown = fg.TCA(3, init=fg.TCA(2, random_state=0).fit(X), random_state=0).fit(X)
    assert split_half(grown, X, n_splits=1, random_state=0).similarities.min() > 0.95


def test_halves_that_ran_out_of_iterations_are_counted_in_one_warning() -> None:
    X = noisy_cp(noise=3)
    model = fg.TCA(3, random_state=0).fit(X)
    model.set_params(max_iter=1)
    with pytest.warns(fg.ConvergenceWarning, match="4 of 4 fits") as caught:
        found = split_half(model, X, n_splits=2, random_state=0)
    assert len(caught) == 1
    assert found.n_unconverged == 4


def test_tables_name_the_components() -> None:
    tca = split_half(fg.TCA(2), noisy_cp(), n_splits=3, random_state=0).to_pandas()
    assert (tca.index.name, tca.columns.name, tca.shape) == ("split", "component", (3, 2))
    found = split_half(fg.SliceTCA((1, 0, 1), n_init=2), noisy_cp(), n_splits=3, random_state=0)
    table = found.to_pandas()
    assert list(table.columns) == [("trial", 0), ("time", 0)]
    np.testing.assert_array_equal(table["time"][0], found.similarities[:, 1])


def test_figures_show_every_split_and_the_median() -> None:
    found = split_half(fg.SliceTCA((1, 0, 1), n_init=2), noisy_cp(), n_splits=3, random_state=0)
    (ax,) = found.plot().axes
    np.testing.assert_array_equal([line.get_ydata() for line in ax.lines], found.similarities.T)
    (dashes,) = ax.collections
    np.testing.assert_allclose([path.vertices[0][1] for path in dashes.get_paths()], found.median)
    assert [text.get_text() for text in ax.texts] == ["trial", "time"]
    figure = matplotlib.figure.Figure()
    own = figure.subplots()
    assert fg.plot.replicability(split_half(fg.TCA(1), noisy_cp(), n_splits=1, random_state=0), axes=own) is figure


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "axis": ({"axis": 3}, "axes holds 3, expected 0 to 2"),
    "name of axis": ({"axis": "day"}, "axes holds 'day', expected 0 to 2 or one of trial, neuron, time"),
    "order": ({"order": "halves"}, "order is 'halves'"),
    "method": ({"method": "cosine"}, "method is 'cosine'"),
    "no split": ({"n_splits": 0}, "n_splits is 0, expected at least 1"),
    "mask": ({"mask": np.ones((2, 2, 2), dtype=bool)}, "mask has shape"),
}


@pytest.mark.parametrize(("options", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_makes_no_halves_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_half(fg.TCA(2), noisy_cp(shape=(6, 5, 4)), **options)


def test_one_trial_has_no_halves() -> None:
    with pytest.raises(ValueError, match="X has 1 trial, expected at least 2"):
        split_half(fg.TCA(1), noisy_cp(shape=(1, 5, 4)))


def test_only_decompositions_are_fitted() -> None:
    with pytest.raises(TypeError, match="estimator is a str, expected a TCA or SliceTCA"):
        split_half("TCA", noisy_cp())  # type: ignore[arg-type]
