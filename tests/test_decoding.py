"""Decoding: information that was planted and none, leakage between steps and folds, gaps, scale, refusals."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import decode

matplotlib.use("agg")


class Centroids(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The class whose mean is nearest: many fits in little time."""

    def fit(self, X: FloatArray, y: Any) -> Centroids:
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == each].mean(axis=0) for each in self.classes_])
        return self

    def predict(self, X: FloatArray) -> Any:
        return self.classes_[np.argmin(np.sum((X[:, None] - self.means_) ** 2, axis=2), axis=1)]


CHOICE = np.repeat(["left", "right"], 20)


def planted(seed: int = 0, size: float = 4.0) -> FloatArray:
    """Noise (trials, neurons, time) in which two neurons tell the choice at the last three of six steps."""
    x = np.random.default_rng(seed).normal(size=(40, 8, 6))
    x[CHOICE == "right", :2, 3:] += size
    return np.asarray(x)


@pytest.mark.parametrize("classifier", ["logistic", "lda", "ridge", SVC(kernel="linear")], ids=str)
def test_what_was_planted_is_found_where_it_is(classifier: Any) -> None:
    found = decode(planted(), CHOICE, classifier=classifier, cv=3, n_permutations=24)
    assert (found.score[3:] > 0.9).all()
    np.testing.assert_array_equal(found.p_corrected < 0.05, [False] * 3 + [True] * 3)
    assert found.score.shape == found.chance.shape == (6,)
    assert found.null.shape == (24, 6)
    assert found.classes == ["left", "right"]


def test_chance_is_what_noise_gives() -> None:
    # Each p is uniform: 30 recordings of two independent steps, of which one in ten is below 0.1.
    x = np.random.default_rng(0).normal(size=(30, 40, 4, 2))
    found = [decode(each, CHOICE, classifier=Centroids(), cv=4, n_permutations=39, seed=k) for k, each in enumerate(x)]
    scores, chances = (np.mean([getattr(each, name) for each in found]) for name in ("score", "chance"))
    assert abs(chances - 0.5) < 0.01
    assert abs(scores - 0.5) < 4 * 0.08 / np.sqrt(60)
    ps = np.concatenate([each.p for each in found])
    # Binomial (60, 0.1): more than 14 come once in a thousand.
    assert np.sum(ps <= 0.1) <= 14
    assert ps.min() >= 1 / 40


def test_classes_of_different_sizes() -> None:
    labels = np.array(["a"] * 32 + ["b"] * 8)
    x = np.random.default_rng(0).normal(size=(40, 3, 2))
    most = DummyClassifier(strategy="most_frequent")
    plain = decode(x, labels, classifier=most, n_permutations=5)
    np.testing.assert_allclose(plain.score, 0.8)
    np.testing.assert_allclose(plain.chance, 0.8)
    np.testing.assert_allclose(plain.p, 1)
    balanced = decode(x, labels, classifier=most, n_permutations=0, metric="balanced")
    np.testing.assert_allclose(balanced.score, 0.5)
    np.testing.assert_allclose(balanced.chance, 0.5)
    assert plain.n_trials.tolist() == [32, 8]


def test_a_trial_never_tells_its_own_label_at_another_step() -> None:
    # Each trial has a pattern of its own that lasts: who had met it at any step would know its label at all of them.
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(40, 30, 1)), 4, axis=2) + 0.01 * rng.normal(size=(40, 30, 4))
    labels = rng.permutation(CHOICE)
    nearest = KNeighborsClassifier(1)
    found = decode(x, labels, generalize=True, n_permutations=19, cv=3, classifier=nearest)
    assert found.score.shape == (4, 4)
    assert found.p_corrected.min() > 0.05
    # With every trial in training at another step, the same classifier is right on all.
    assert nearest.fit(x[:, :, 0], labels).score(x[:, :, 3], labels) == 1


def test_scaling_is_learned_from_training_trials() -> None:
    class Spy(DummyClassifier):  # type: ignore[misc]
        seen: list[FloatArray] = []  # noqa: RUF012

        def fit(self, X: FloatArray, y: Any) -> Any:
            self.seen.append(X)
            return super().fit(X, y)

    x = planted()
    decode(x, CHOICE, classifier=Spy(), cv=4, n_permutations=0)
    assert [len(each) for each in Spy.seen] == [30] * 4 * 6
    rows = {row.tobytes() for row in (x / np.abs(x).max()).transpose(0, 2, 1).reshape(-1, 8)}
    assert all(row.tobytes() in rows for each in Spy.seen for row in each)


def test_generalisation_over_time() -> None:
    found = decode(planted(), CHOICE, generalize=True, n_permutations=30, classifier=Centroids())
    # The code is the same at the last three steps, and not there before.
    assert (found.score[3:, 3:] > 0.9).all()
    assert (found.p_corrected[3:, 3:] < 0.05).all()
    assert found.p_corrected[:3].min() > 0.05
    diagonal = decode(planted(), CHOICE, n_permutations=0, classifier=Centroids())
    np.testing.assert_array_equal(np.diagonal(found.score), diagonal.score)


def test_a_code_that_moves_does_not_generalise() -> None:
    x = np.random.default_rng(0).normal(size=(40, 6, 6))
    for step in range(6):
        x[CHOICE == "right", step, step] += 5
    found = decode(x, CHOICE, generalize=True, n_permutations=0, classifier=Centroids()).score
    assert np.diagonal(found).min() > 0.9
    assert found[~np.eye(6, dtype=bool)].mean() < 0.6


def test_whole_trials_take_all_steps_together() -> None:
    # The sum of two steps tells the label; neither does alone.
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 1, 1))
    x = np.concatenate([hidden, 0.2 * (CHOICE == "right")[:, None, None] - hidden], axis=2)
    x += 0.01 * rng.normal(size=x.shape)
    whole = decode(x, CHOICE, time_resolved=False, classifier=LinearDiscriminantAnalysis(), n_permutations=30)
    assert whole.score.shape == ()
    assert whole.score == 1
    assert whole.p == pytest.approx(1 / 31)
    assert decode(x, CHOICE, n_permutations=0).score.max() < 0.8


def test_missing_trials_and_steps() -> None:
    x = planted()
    x[:4] = np.nan
    x[4:8, :, 4:] = np.nan
    found = decode(x, CHOICE, n_permutations=0, cv=4, classifier=Centroids())
    assert (found.score[3:] > 0.9).all()
    # A step at which one class was never observed has no score.
    x[CHOICE == "left", :, 5] = np.nan
    gone = decode(x, CHOICE, n_permutations=5, cv=4, classifier=Centroids())
    assert np.isnan(gone.score).tolist() == [False] * 5 + [True]
    assert np.isnan(gone.p).tolist() == [False] * 5 + [True]
    gone.plot()


def test_trials_without_a_label_are_left_out() -> None:
    labels = CHOICE.astype(object)
    labels[[0, 30]] = None
    x = planted()
    kept = np.array([label is not None for label in labels])
    found, expected = (
        decode(*each, classifier=Centroids(), n_permutations=0) for each in ((x, labels), (x[kept], CHOICE[kept]))
    )
    assert found.n_trials.tolist() == [19, 19]
    np.testing.assert_array_equal(found.score, expected.score)


def test_labels_by_name_and_networks() -> None:
    x = planted()
    recording = fg.Recording(x, coords={"choice": ("trial", CHOICE), "time": ("time", 0.1 * np.arange(6))})
    found = decode(recording, "choice", classifier="ridge", n_permutations=3)
    assert (found.label, found.time_unit) == ("choice", "s")
    run = decode(SimpleNamespace(states=x.transpose(0, 2, 1)), CHOICE, classifier="ridge", n_permutations=3)
    np.testing.assert_array_equal(found.score, run.score)
    table = found.to_pandas()
    assert table.index.name == "time"
    np.testing.assert_array_equal(table["score"], found.score)
    assert "2 classes, 40 trials, 6 steps" in repr(found)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_scale_does_not_matter(scale: float) -> None:
    one, other = (decode(factor * planted(), CHOICE, classifier="lda", n_permutations=2) for factor in (1.0, scale))
    np.testing.assert_array_equal(one.score, other.score)
    np.testing.assert_array_equal(one.null, other.null)


def test_the_seed_decides_whatever_the_number_of_workers() -> None:
    one = decode(planted(), CHOICE, n_permutations=6, seed=3, classifier="ridge")
    many = decode(planted(), CHOICE, n_permutations=6, seed=3, classifier="ridge", n_jobs=2)
    np.testing.assert_array_equal(one.null, many.null)
    assert (one.null != decode(planted(), CHOICE, n_permutations=6, seed=4, classifier="ridge").null).any()


def test_splitters_of_scikit_learn() -> None:
    found = decode(planted(), CHOICE, cv=LeaveOneOut(), n_permutations=0, classifier=Centroids())
    assert (found.score[3:] > 0.9).all()
    np.testing.assert_allclose(found.score * 40, (found.score * 40).round())


@pytest.mark.parametrize("options", [{}, {"generalize": True}, {"time_resolved": False}], ids=str)
def test_the_figure_shows_the_scores(options: dict[str, Any]) -> None:
    found = decode(planted(), CHOICE, classifier=Centroids(), n_permutations=20, **options)
    ax = found.plot().axes[0]
    if "generalize" in options:
        np.testing.assert_array_equal(ax.images[0].get_array(), found.score)
        # Training runs from bottom to top.
        assert ax.get_ylim()[0] < ax.get_ylim()[1]
    elif "time_resolved" in options:
        assert ax.lines[0].get_xdata()[0] == found.score
    else:
        np.testing.assert_array_equal(ax.lines[1].get_ydata(), found.score)
        bars = next(bar for bar in ax.collections if bar.get_label() == "p < 0.05, corrected")
        assert [segment[:, 0].tolist() for segment in bars.get_segments()] == [[2.5, 5.5]]
    own = matplotlib.figure.Figure()
    assert fg.plot.decoding(found, axes=own.subplots()) is own


X = planted()


@pytest.mark.parametrize(
    ("labels", "options", "error", "message"),
    [
        (CHOICE[1:], {}, ValueError, r"labels has shape \(39,\), expected \(40,\)"),
        ("choice", {}, ValueError, "labels is 'choice'"),
        (np.ones(40), {}, ValueError, "labels hold 1 class"),
        (np.arange(40), {}, ValueError, "class 0 has 1 trials, expected at least one for each of cv=5"),
        (CHOICE, {"cv": 1}, ValueError, "cv is 1"),
        (CHOICE, {"cv": "x"}, TypeError, "cv is 'x'"),
        (CHOICE, {"classifier": "svm"}, ValueError, "classifier is 'svm', expected one of"),
        (CHOICE, {"classifier": SVC}, TypeError, "an instance"),
        (CHOICE, {"classifier": 3}, TypeError, "classifier is 3"),
        (CHOICE, {"metric": "auc"}, ValueError, "metric is 'auc'"),
        (CHOICE, {"generalize": True, "time_resolved": False}, ValueError, "needs time_resolved=True"),
        (CHOICE, {"n_permutations": -1}, ValueError, "n_permutations is -1"),
    ],
)
def test_refusals(labels: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decode(X, labels, **options)


def test_whole_trials_need_whole_trials() -> None:
    gaps = X.copy()
    gaps[0, :, 5] = np.nan
    with pytest.raises(ValueError, match="needs whole trials, but 1 samples are missing"):
        decode(gaps, CHOICE, time_resolved=False)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match="decoding needs scikit-learn: python -m pip install scikit-learn"):
        decode(X, CHOICE)


def test_regressors_are_no_classifiers() -> None:
    for other in (LinearRegression(), fg.TCA(2)):
        with pytest.raises(TypeError, match="expected a name or a classifier"):
            decode(X, CHOICE, classifier=other)
