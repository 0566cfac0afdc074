"""What can be read from activity: cross-validated classification of labels of trials, step by step.

A thin layer over scikit-learn. What it adds are the things that go wrong when one writes it by hand:

* folds are of whole trials, the same at all steps: a decoder that was trained at one step and is tested at another
  (King & Dehaene, Trends Cogn Sci 18:203, 2014) has never met the tested trial at any step
* scaling and whatever else the classifier learns come from the training trials alone
* chance is what the same procedure finds with the labels of trials shuffled, fold by fold (Ojala & Garriga, JMLR
  11:1833, 2010), and p counts the order that was observed (Phipson & Smyth 2010); over steps it is corrected by the
  largest score of each shuffle (Nichols & Holmes, Hum Brain Mapp 15:1, 2002)

Shuffles assume that trials could have come in any order. With slow drift, and labels in blocks, they could not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.association import p_values
from fastigial.analysis.population import Population, levels_of, population_of
from fastigial.analysis.trial_labels import missing
from fastigial.tensor.checks import as_count, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Decoding", "decode"]

_CLASSIFIERS = ("logistic", "lda", "ridge")


@dataclass(frozen=True, eq=False, repr=False)
class Decoding:
    """How well labels of trials are read from activity.

    Attributes
    ----------
    score : ndarray, shape (), (n_steps,) or (n_steps, n_steps)
        Share of tested trials that were labelled rightly: of whole trials, at each step, or of each step of training
        (rows) at each step of testing (columns). NaN where too few trials were observed.
    null : ndarray, shape (n_permutations, …), as score
        The same with shuffled labels.
    time : ndarray, shape (n_steps,)
    time_unit : {"s", "ms", "step"}
    classes : list
        The labels.
    n_trials : ndarray of int, shape (n_classes,)
        Trials of each.
    label : str
        What was decoded.
    metric : {"accuracy", "balanced"}
    """

    score: NDArray[np.float64]
    null: NDArray[np.float64]
    time: NDArray[np.float64]
    time_unit: str
    classes: list[Any]
    n_trials: NDArray[np.intp]
    label: str
    metric: Literal["accuracy", "balanced"]

    def __repr__(self) -> str:
        steps = f"{' x '.join(map(str, self.score.shape))} steps" if self.score.ndim else "whole trials"
        best = float(np.nanmax(self.score)) if np.isfinite(self.score).any() else float("nan")
        return (
            f"<Decoding of {self.label!r}: {len(self.classes)} classes, {self.n_trials.sum()} trials, "
            f"{steps}, best {best:.2f}, chance {float(np.nanmean(self.chance)):.2f}>"
        )

    @property
    def chance(self) -> NDArray[np.float64]:
        """Mean score of shuffled labels, in the shape of `score`.

        Without permutations, the score of who always names the commonest class.
        """
        if len(self.null):
            return np.asarray(self.null.mean(axis=0))
        level = self.n_trials.max() / self.n_trials.sum() if self.metric == "accuracy" else 1 / len(self.classes)
        return np.full(self.score.shape, level)

    @property
    def p(self) -> NDArray[np.float64]:
        """Share of shuffles that score as high, (1 + #) / (1 + n_permutations), in the shape of `score`."""
        return p_values(self.null, self.score)

    @property
    def p_corrected(self) -> NDArray[np.float64]:
        """As `p`, next to the highest score of each shuffle over all steps."""
        flat = self.null.reshape(len(self.null), -1)
        highest = np.max(np.where(np.isnan(flat), -np.inf, flat), axis=1, initial=-np.inf)
        return p_values(highest.reshape(-1, *(1,) * self.score.ndim), self.score)

    def to_pandas(self) -> pd.DataFrame:
        """One row per step (per pair of steps): score, chance, p, p_corrected.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        columns = {name: np.ravel(getattr(self, name)) for name in ("score", "chance", "p", "p_corrected")}
        index: pd.Index[Any] = pd.RangeIndex(1)
        if self.score.ndim == 1:
            index = pd.Index(self.time, name="time")
        elif self.score.ndim == 2:
            index = pd.MultiIndex.from_product([self.time, self.time], names=["train_time", "test_time"])
        return pd.DataFrame(columns, index=index)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.decoding`, which takes the options."""
        from fastigial.plot.decoding import decoding

        return decoding(self, **options)


def decode(
    x: Any,
    labels: str | ArrayLike,
    *,
    cv: Any = 5,
    classifier: Any = "logistic",
    time_resolved: bool = True,
    generalize: bool = False,
    metric: Literal["accuracy", "balanced"] = "accuracy",
    n_permutations: int = 100,
    seed: int | None = 0,
    n_jobs: int | None = 1,
) -> Decoding:
    """Read labels of trials from activity, with cross-validation, and compare with shuffled labels.

    Parameters
    ----------
    x : trajectory, Recording, xarray.DataArray or array_like
        Plain arrays are read as recordings, (trials, neurons, time), a matrix as (trials, units). At each step the
        trials count that were observed then (not NaN).
    labels : str or array_like, shape (n_trials,)
        One of two or more classes for each trial, or the name of a coordinate of the trials. Trials without a label
        (NaN, None) are left out.
    cv : int, or scikit-learn splitter
        Number of folds, each with its share of every class and shuffled; each class needs as many trials. Or an object
        with ``split(X, y)``.
    classifier : {"logistic", "lda", "ridge"} or scikit-learn classifier
        Logistic regression (C = 1), linear discriminants with shrinkage (Ledoit & Wolf), or ridge regression (α = 1),
        each of units standardised by the training trials. An estimator of yours is cloned and used as it is.
    time_resolved : bool
        One decoder for each step. Otherwise one for whole trials, which takes all units at all steps.
    generalize : bool
        Test each step's decoder at all steps: diagonal, a code that moves on; square, one that stays.
    metric : {"accuracy", "balanced"}
        Share of trials labelled rightly, or its mean over classes, for classes of different sizes.
    n_permutations : int
        Shuffles of the labels. Each costs as much as the decoding itself, a millisecond or more for each step and fold;
        p is at least 1 / (1 + n_permutations).
    seed : int, optional
        Of folds and shuffles.
    n_jobs : int, optional
        Shuffles side by side, through joblib; −1 for all processors. The numbers do not depend on it.

    Returns
    -------
    Decoding
        With ``.score``, ``.chance``, ``.null``, ``.p``, ``.p_corrected``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    TypeError
        If `x` does not hold real numbers, or the classifier is none.
    ValueError
        If labels do not fit the trials, there is one class only or one with fewer trials than folds, whole trials are
        asked for where samples are missing, or a name is not among the choices.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> choice = np.repeat([0, 1], 30)
    >>> x = np.random.default_rng(0).normal(size=(60, 20, 6))  # trials, neurons, time
    >>> x[choice == 1, :5, 3:] += 2.0
    >>> found = fg.analysis.decode(x, choice, classifier="lda", n_permutations=50)
    >>> (found.p_corrected < 0.05).tolist()
    [False, False, False, True, True, True]
    """
    population = population_of(x)
    values, label = population.trial_values(labels, "labels")
    n_permutations, seed = as_count("n_permutations", n_permutations), as_seed(seed)
    if metric not in ("accuracy", "balanced"):
        raise ValueError(f'metric is {metric!r}, expected "accuracy" or "balanced"')
    if generalize and not time_resolved:
        raise ValueError("generalize=True needs time_resolved=True: whole trials have one decoder only")
    kept = ~missing(values)
    classes, codes = levels_of(values[kept])
    if len(classes) < 2:
        raise ValueError(f"labels hold {len(classes)} class, expected two or more")
    counts = np.bincount(codes)
    activity, seen = _features(population, kept, time_resolved)
    model = _model(classifier)
    fold_seed, shuffle_seed = np.random.SeedSequence(seed).spawn(2)
    split_seeds = [int(number) for number in fold_seed.generate_state(n_permutations + 1)]
    rng = np.random.default_rng(shuffle_seed)
    orders = [codes, *(rng.permutation(codes) for _ in range(n_permutations))]
    how = _How(model, isinstance(classifier, str), generalize, metric)
    # An error of the labels or of the classifier comes here, not from a worker.
    tasks = [
        (activity, seen, order, _folds(cv, activity, order, counts, classes, split), how)
        for order, split in zip(orders, split_seeds, strict=True)
    ]
    score = _score(*tasks[0])
    if n_jobs == 1:
        null = [_score(*task) for task in tasks[1:]]
    else:
        import joblib

        null = joblib.Parallel(n_jobs)(joblib.delayed(_score)(*task) for task in tasks[1:])
    null_scores = np.array(null, dtype=np.float64).reshape(n_permutations, *score.shape)
    if not time_resolved:
        score, null_scores = score[0], null_scores[:, 0]
    return Decoding(
        np.asarray(score), null_scores, population.time, population.time_unit, classes, counts, label, metric
    )


class _How(NamedTuple):
    """What one decoding does, whatever its labels."""

    model: Any
    standardize: bool
    generalize: bool
    metric: str


def _features(
    population: Population, kept: NDArray[np.bool_], time_resolved: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features (n_trials, n_decoders, n_features) and which of them were observed (n_trials, n_decoders)."""
    activity, seen = population.values[kept], population.seen[kept]
    if time_resolved:
        return activity, seen
    if not seen.all():
        raise ValueError(f"time_resolved=False needs whole trials, but {(~seen).sum()} samples are missing")
    return activity.reshape(len(activity), 1, -1), seen[:, :1]


def _model(classifier: Any) -> Any:
    try:
        from sklearn.base import clone, is_classifier
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.linear_model import LogisticRegression, RidgeClassifier
    except ImportError as error:
        raise ImportError("decoding needs scikit-learn: python -m pip install scikit-learn") from error
    if isinstance(classifier, str):
        if classifier not in _CLASSIFIERS:
            raise ValueError(f"classifier is {classifier!r}, expected one of {_CLASSIFIERS}, or one of scikit-learn")
        known = {
            "logistic": lambda: LogisticRegression(max_iter=1000),
            "lda": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
            "ridge": lambda: RidgeClassifier(),
        }
        return known[classifier]()
    try:
        usable = not isinstance(classifier, type) and hasattr(classifier, "get_params") and is_classifier(classifier)
    except AttributeError:
        # scikit-learn asks for tags that only its own base classes give.
        usable = False
    if not usable:
        raise TypeError(f"classifier is {classifier!r}, expected a name or a classifier of scikit-learn (an instance)")
    return clone(classifier)


def _folds(
    cv: Any,
    activity: NDArray[np.float64],
    codes: NDArray[np.intp],
    counts: NDArray[np.intp],
    classes: list[Any],
    seed: int,
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Trials to train with and to test, in each fold."""
    from sklearn.model_selection import StratifiedKFold

    if hasattr(cv, "split") and not isinstance(cv, str):
        return [(np.asarray(train), np.asarray(test)) for train, test in cv.split(activity[:, 0], codes)]
    n_folds = as_count("cv", cv)
    if n_folds < 2:
        raise ValueError(f"cv is {n_folds}, expected two folds or more")
    if counts.min() < n_folds:
        raise ValueError(
            f"class {classes[counts.argmin()]!r} has {counts.min()} trials, expected at least one for each of cv="
            f"{n_folds} folds"
        )
    return list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(codes, codes))


def _score(
    activity: NDArray[np.float64],
    seen: NDArray[np.bool_],
    codes: NDArray[np.intp],
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    how: _How,
) -> NDArray[np.float64]:
    """Score of each decoder, (n_decoders,), or of each at each step, (n_decoders, n_decoders)."""
    from sklearn import config_context
    from sklearn.base import clone

    n_decoders, n_classes = activity.shape[1], int(codes.max()) + 1
    tested = np.zeros((n_classes, n_decoders, n_decoders if how.generalize else 1))
    right = np.zeros_like(tested)
    # Entries were checked when they came in; checking them again at each fit takes longer than the fit.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        for train, test in folds:
            for step in range(n_decoders):
                members = train[seen[train, step]]
                if len(np.unique(codes[members])) < n_classes:
                    continue
                known = activity[members, step]
                mean, spread = known.mean(axis=0), known.std(axis=0)
                if not how.standardize:
                    mean, spread = np.zeros_like(mean), np.ones_like(spread)
                # A unit that is silent in all training trials tells nothing, whatever it does in the others.
                gain = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
                fitted = clone(how.model).fit((known - mean) * gain, codes[members])
                others = np.arange(n_decoders) if how.generalize else np.array([step])
                trials, places = np.nonzero(seen[np.ix_(test, others)])
                if not trials.size:
                    continue
                truth = codes[test[trials]]
                hits = fitted.predict((activity[test[trials], others[places]] - mean) * gain) == truth
                cells, size = truth * len(others) + places, n_classes * len(others)
                tested[:, step] += np.bincount(cells, minlength=size).reshape(n_classes, -1)
                right[:, step] += np.bincount(cells, weights=hits, minlength=size).reshape(n_classes, -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = right.sum(axis=0) / tested.sum(axis=0) if how.metric == "accuracy" else np.mean(right / tested, axis=0)
    return np.asarray(found if how.generalize else found[:, 0], dtype=np.float64)
