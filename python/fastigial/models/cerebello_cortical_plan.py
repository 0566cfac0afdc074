r"""What two regions have before they adapt: the plan that granule cells give, and what errors follow from a force.

::

    W_q⁰ = argmin Σ |q*_t − W g_t|² + α |W|²,   α = 10⁻³ tr(Σ g gᵀ) / n_granule

with q* = (cos θ, sin θ) from the cue on: a direction of the movement, as it is known of reaches without a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.models.reaching import DelayedReach

if TYPE_CHECKING:
    from fastigial.models.adaptation import AdaptationSession

__all__ = ["carried_over", "kernel_of_errors", "mossy_of", "plan_weights"]

Array = NDArray[np.float64]


def mossy_of(session: AdaptationSession, sources: NDArray[np.intp], delay: int) -> Array:
    """What mossy fibres carried before it was scaled, (n_trials, n_steps, n_mossy), if no cue was turned."""
    before = np.zeros_like(session.activity)
    before[:, 1:] = session.activity[:, :-1]
    felt = np.zeros_like(session.body)
    felt[:, delay:] = (session.body - session.limb.start)[:, : session.reach.n_steps - delay]
    return np.concatenate([before[..., sources], session.reach.inputs(session.directions), felt], axis=2)


def plan_weights(features: NDArray[Any], plan: NDArray[Any]) -> Array:
    """W_q⁰, (2, n_granule), by ridge regression on every other step."""
    x = np.asarray(features, dtype=np.float64)[:, ::2].reshape(-1, features.shape[2])
    y = np.asarray(plan, dtype=np.float64)[:, ::2].reshape(-1, plan.shape[2])
    gram = x.T @ x
    gram[np.diag_indices_from(gram)] += 1e-3 * np.trace(gram) / len(gram)
    return np.asarray(np.linalg.solve(gram, x.T @ y).T)


def carried_over(session: AdaptationSession) -> float:
    """Share of a turn of the plan in one direction that is found in all, mean over those of the session's trials.

    From activity of granule cells in preparation, all of which are recorded: their overlap, times the cosine of the
    angle between directions, since the plan turns along itself.
    """
    mean = session.granule[:, session.reach.preparing].mean(axis=1, dtype=np.float64)
    overlap = mean @ mean.T / np.maximum((mean**2).sum(axis=1), np.finfo(np.float64).tiny)
    return float((overlap * np.cos(session.directions[:, None] - session.directions)).mean())


def kernel_of_errors(
    reach: DelayedReach, mass: float, delay: int, stiffness: float, damping: float, reflex: float
) -> Array:
    """What one step of force does to the error of a mass, from then on: reflex, delay and hand included, (n_steps,).

    Less the sign; magnitudes sum to 1.
    """
    position, velocity = np.zeros(reach.n_steps + 1), np.zeros(reach.n_steps + 1)
    error = np.zeros(reach.n_steps)
    for step in range(reach.n_steps):
        seen = max(step - delay, 0)
        error[step] = -stiffness * position[seen] - damping * velocity[seen]
        force = float(step == 0) + reflex * error[step]
        velocity[step + 1] = velocity[step] + reach.dt * force / mass
        position[step + 1] = position[step] + reach.dt * velocity[step + 1]
    return np.asarray(-error / np.abs(error).sum())
