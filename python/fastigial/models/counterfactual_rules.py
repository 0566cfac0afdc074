"""Where a learning rule of counterfactual predictive control leads, and whether it gets there.

| symbol | name       | shape                |                                                                   |
| ------ | ---------- | -------------------- | ----------------------------------------------------------------- |
| e₀     | `error`    | (n_steps,)           | error without feed-forward                                         |
| S      | `effect`   | (n_steps, n_features) | what the weights take away from it: e = e₀ − S w                  |
| t₀, T  | `taught`, `teaching` | as e₀, S   | the same for what teaches: t = t₀ − T w                           |
| E      | `traces`   | (n_steps, n_features) |                                                                   |
| M      | `step`     | (n_features,) * 2    | I − η EᵀT: how far from the fixed point a trial leaves the weights |

w ← w + η Eᵀ t has its fixed point where Eᵀ(t₀ − T w) = 0. It gets there if all eigenvalues of M lie inside the unit
circle, which for an eigenvalue λ of EᵀT asks η < 2 Re λ / |λ|²: no step will do where Re λ ≤ 0. On the way there
the error can grow by any factor, if M is not normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LinearCourse", "RuleStability", "stability"]

# Directions learned so much slower than the fastest that no number of trials would tell.
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class LinearCourse:
    """What a rule does to a linear loop; see the table above."""

    error: NDArray[np.float64]
    effect: NDArray[np.float64]
    taught: NDArray[np.float64]
    teaching: NDArray[np.float64]
    traces: NDArray[np.float64]


@dataclass(frozen=True)
class RuleStability:
    """Where a learning rule leads from weights of zero, and how.

    Attributes
    ----------
    rule : str
        Its name.
    trace_delay : float
        In seconds.
    learning_rate : float
        η.
    weights : ndarray, shape (n_features,)
        The fixed point.
    rms : float
        Error there.
    optimum_rms : float
        Least error that any weights of this filter reach, injected where this rule injects.
    eigenvalues : ndarray of complex, shape (n_features,)
        Of a trial's step, I − η EᵀT. Directions that learn 10¹² times slower than the fastest are left out. Where
        `growth` is large, eigenvalues are known to fewer digits: to two or so where it is 10¹⁰.
    spectral_radius : float
        The largest of them in modulus. Below 1: the rule converges to the fixed point.
    step_bound : float
        Learning rate below which it does; 0 if there is none.
    course : ndarray, shape (n_trials,)
        Error of each trial.
    peak_rms, peak_trial : float, int
        Largest error on the way, and when; infinite if the rule diverges.
    growth : float
        Largest factor, over these trials, by which a distance of the weights from the fixed point can have grown. One:
        every trial brings them nearer.

    Examples
    --------
    >>> import fastigial as fg
    >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
    >>> found = pursuit.fixed_point("widrow_hoff")
    >>> found.converges, found.spectral_radius < 1, found.rms > 100
    (True, True, True)
    """

    rule: str
    trace_delay: float
    learning_rate: float
    weights: NDArray[np.float64]
    rms: float
    optimum_rms: float
    eigenvalues: NDArray[np.complex128]
    spectral_radius: float
    step_bound: float
    course: NDArray[np.float64]
    peak_rms: float
    peak_trial: int
    growth: float

    @property
    def converges(self) -> bool:
        """Whether the rule gets to its fixed point at this learning rate, however long it takes."""
        return self.spectral_radius < 1

    def plot(self, **options: Any) -> Figure:
        """Draw the course of the error and the eigenvalues; see `fastigial.plot.rule_stability`."""
        from fastigial.plot import rule_stability

        return rule_stability(self, **options)

    def __str__(self) -> str:
        delay = f" + {1000 * self.trace_delay:g} ms" if self.trace_delay else ""
        end = "converges" if self.converges else "diverges"
        return (
            f"{self.rule}{delay}: {end}; rms at the fixed point {self.rms:.4g} (optimum {self.optimum_rms:.4g}), "
            f"spectral radius {self.spectral_radius:.3f}, step bound {self.step_bound / self.learning_rate:.3g} steps, "
            f"peak rms {self.peak_rms:.4g} at trial {self.peak_trial}"
        )


def stability(
    course: LinearCourse, rule: str, trace_delay: float, learning_rate: float, n_trials: int
) -> RuleStability:
    """Fixed point, eigenvalues and the way there."""
    n = course.traces.shape[1]
    square = course.traces.T @ course.teaching
    weights = _least_squares(square, course.traces.T @ course.taught)
    optimum = _least_squares(course.effect, course.error)
    eigenvalues = np.linalg.eigvals(square).astype(np.complex128)
    size = np.abs(eigenvalues)
    learned = size > _NEGLIGIBLE * size.max()
    bounds = 2 * eigenvalues.real[learned] / size[learned] ** 2
    steps = 1 - learning_rate * eigenvalues[learned]
    radius = float(np.abs(steps).max()) if steps.size else 1.0
    course_rms, growth = _way(course, np.eye(n) - learning_rate * square, learning_rate, weights, n_trials)
    highest = int(course_rms.argmax())
    return RuleStability(
        rule=rule,
        trace_delay=trace_delay,
        learning_rate=learning_rate,
        weights=weights,
        rms=_rms(course.error - course.effect @ weights),
        optimum_rms=_rms(course.error - course.effect @ optimum),
        eigenvalues=steps,
        spectral_radius=radius,
        step_bound=max(0.0, float(bounds.min())) if bounds.size else 0.0,
        course=course_rms,
        peak_rms=float(course_rms[highest]) if radius < 1 else np.inf,
        peak_trial=highest,
        growth=growth,
    )


def _least_squares(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.lstsq(matrix, values, rcond=None)[0], dtype=np.float64)


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _way(
    course: LinearCourse, step: NDArray[np.float64], rate: float, goal: NDArray[np.float64], n_trials: int
) -> tuple[NDArray[np.float64], float]:
    """Error of each trial from weights of zero, and how far a distance from the goal can have grown."""
    # |e| = |R (−w, 1)|: the long error vectors are needed once only.
    triangle = np.linalg.qr(np.column_stack([course.effect, course.error]), mode="r")
    n_steps, push = len(course.error), rate * (course.traces.T @ course.taught)
    weights, power = np.zeros_like(goal), np.eye(len(goal))
    found, growth = np.empty(n_trials), 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for trial in range(n_trials):
            left = triangle @ np.append(-weights, 1.0)
            found[trial] = np.sqrt(np.sum(left**2) / n_steps)
            if not np.isfinite(found[trial]):
                found[trial:] = np.inf
                return found, np.inf
            # The Frobenius norm bounds the spectral one from above: the costly one is only asked for if it can matter.
            if np.linalg.norm(power) > growth:
                growth = max(growth, float(np.linalg.norm(power, 2)))
            weights, power = step @ weights + push, step @ power
    return found, growth
