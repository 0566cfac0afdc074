"""Which components of a decomposition follow a course over trials, such as a slow or a fast state of learning.

For a component with the course p over trials, and courses s_1 … s_m that are known from elsewhere:

    R²_j     = corr(p, s_j)²                                     alone
    unique_j = R²(p ~ s_1 … s_m) − R²(p ~ all but s_j)           beyond the other courses

p is the trial factor of a TCA's component and the loading of a trial-slicing one. A neuron- or time-slicing component
has a slice (trials, time) or (trials, neurons) instead: its p is the leading left singular vector, the share of which
in the slice's squares is reported.

| symbol | name    | shape                      |
| ------ | ------- | -------------------------- |
| p      | values  | (n_components, n_trials)   |
| R²     | r2      | (n_components, n_courses)  |
|        | unique  | (n_components, n_courses)  |

Courses of learning are smooth, and any two smooth curves correlate: chance is therefore not that of shuffled trials but
of p moved round along the trials (all n − 1 circular shifts). Slow and fast courses overlap; `unique` is what tells
them apart. A design of this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import check_model
from fastigial.tensor import TCA, SliceTCA

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComponentCourses", "component_courses"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComponentCourses:
    """Components beside courses over trials.

    Attributes
    ----------
    kinds : tuple of str
        Of each component: "tca", or the axis that a SliceTCA's component slices: "trial", "neuron", "time".
    courses : tuple of str
    values : ndarray, shape (n_components, n_trials)
        Course of each component, of length 1, its sign such that its sum is not negative.
    shares : ndarray, shape (n_components,)
        How much of the component this course holds; 1 for a TCA and for trial-slicing components.
    r2, unique, p : ndarray, shape (n_components, n_courses)
        R² alone, beyond the other courses, and the share of circular shifts whose R² alone is as large, itself
        included. NaN where a component does not vary.
    """

    kinds: tuple[str, ...]
    courses: tuple[str, ...]
    values: Array
    shares: Array
    r2: Array
    unique: Array
    p: Array

    def best(self, course: str, kind: str | None = None) -> float:
        """Largest R² alone with a course, of all components or of those of one kind; NaN if there is none."""
        if course not in self.courses:
            raise ValueError(f"course is {course!r}, expected one of {', '.join(self.courses)}")
        mine = [
            value
            for value, own in zip(self.r2[:, self.courses.index(course)], self.kinds, strict=True)
            if kind in (None, own) and np.isfinite(value)
        ]
        return float(max(mine, default=float("nan")))

    def to_pandas(self) -> pd.DataFrame:
        """One row for each component and course."""
        import pandas as pd

        return pd.DataFrame(
            [
                (number, kind, course, self.r2[number, at], self.unique[number, at], self.p[number, at])
                for number, kind in enumerate(self.kinds)
                for at, course in enumerate(self.courses)
            ],
            columns=["component", "kind", "course", "r2", "unique", "p"],
        )

    def __repr__(self) -> str:
        best = ", ".join(f"{course} {self.best(course):.2f}" for course in self.courses)
        return f"<ComponentCourses of {len(self.kinds)} components: largest R² {best}>"


def component_courses(model: TCA | SliceTCA, **courses: ArrayLike) -> ComponentCourses:
    r"""How well components of a fitted decomposition follow known courses over trials.

    .. math:: R^2_j = \mathrm{corr}(p, s_j)^2, \qquad
        U_j = R^2(p \sim s_1 \dots s_m) - R^2(p \sim \text{all but } s_j)

    Parameters
    ----------
    model : TCA or SliceTCA
        Fitted to (trials, neurons, time).
    **courses : array_like, shape (n_trials,)
        By name: the compensation of cortex and cerebellum of a network, states fitted to an animal's errors.

    Returns
    -------
    ComponentCourses
        With ``.r2``, ``.unique``, ``.p``, ``.best(course)`` and ``.to_pandas()``. A design of this package.

    Raises
    ------
    TypeError
        If `model` is no TCA or SliceTCA.
    AttributeError
        If it is not fitted.
    ValueError
        If there is no course, or one has another length than the trials, is not finite or does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> trial, rng = np.arange(40), np.random.default_rng(0)
    >>> slow, fast = 1 - np.exp(-trial / 15), np.exp(-trial / 3)
    >>> data = sum(np.multiply.outer(s, rng.normal(size=(10, 12))) for s in (slow, fast))
    >>> model = fg.SliceTCA((2, 0, 0), random_state=0).fit(data)
    >>> fg.analysis.component_courses(model, slow=slow, fast=fast).values.shape
    (2, 40)
    """
    check_model("model", model)
    kinds, values, shares = _courses_of(model)
    n_trials = values.shape[1]
    if not courses:
        raise ValueError("no course is given, expected at least one, such as slow=…")
    known = []
    for name, given in courses.items():
        course = np.asarray(given, dtype=np.float64)
        if course.shape != (n_trials,):
            raise ValueError(f"{name} has shape {course.shape}, expected ({n_trials},), one value for each trial")
        if not np.isfinite(course).all():
            raise ValueError(f"{name} holds values that are not finite")
        if np.ptp(course) == 0:
            raise ValueError(f"{name} is the same on all trials, expected a course that varies")
        known.append((course - course.mean()) / np.linalg.norm(course - course.mean()))
    wanted = np.array(known)
    r2, unique, p = (np.full((len(values), len(wanted)), np.nan) for _ in range(3))
    for number, value in enumerate(values):
        moved = value - value.mean()
        if np.linalg.norm(moved) <= 1e-12:
            continue
        moved = moved / np.linalg.norm(moved)
        r2[number] = (wanted @ moved) ** 2
        whole = _explained(wanted, moved)
        unique[number] = [whole - _explained(np.delete(wanted, at, axis=0), moved) for at in range(len(wanted))]
        turned = np.array([np.roll(moved, shift) for shift in range(n_trials)])
        p[number] = np.mean((turned @ wanted.T) ** 2 >= r2[number] - 1e-12, axis=0)
    return ComponentCourses(kinds, tuple(courses), values, shares, r2, unique, p)


def _explained(predictors: Array, values: Array) -> float:
    """R² of centred values of length 1."""
    if not len(predictors):
        return 0.0
    weights = np.linalg.lstsq(predictors.T, values, rcond=None)[0]
    return float(1 - np.sum((values - weights @ predictors) ** 2))


def _courses_of(model: TCA | SliceTCA) -> tuple[tuple[str, ...], Array, Array]:
    found: list[tuple[str, Any, float]] = []
    if isinstance(model, TCA):
        found = [("tca", factor, 1.0) for factor in np.asarray(model.factors_[0], dtype=np.float64).T]
        n_trials = len(model.factors_[0])
    else:
        n_trials = model.loadings_[0].shape[1]
        found = [("trial", loading, 1.0) for loading in model.loadings_[0]]
        for axis, kind in ((1, "neuron"), (2, "time")):
            for one in model.slices_[axis]:
                left, singular, _ = np.linalg.svd(np.asarray(one, dtype=np.float64), full_matrices=False)
                total = float(np.sum(singular**2))
                found.append((kind, left[:, 0], float(singular[0] ** 2 / total) if total > 0 else float("nan")))
    values = np.array([course for _, course, _ in found], dtype=np.float64).reshape(-1, n_trials)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    signs = np.where(values.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return (
        tuple(kind for kind, _, _ in found),
        np.asarray(signs * values / np.where(lengths > 0, lengths, 1.0)),
        np.array([share for _, _, share in found]),
    )
