"""A cerebellar module, one trial and one step at a time, from given granule activity.

    p_t = W g_t + b_p                                 Purkinje cells
    c_t = b_n + B p_t, or b_n − B p_t if inhibited      nuclei
    E_t = Σ_k κ_k g_{t−k}                              eligibility; g is 0 before a trial
    e_t = y*_t − c_t, or given                         error: what is missing in the output
    f_t = ± M e_{t−d}                                 climbing fibres; − if nuclei are inhibited

    LMS           ΔW = η f_t E_tᵀ
    covariance    ΔW = η (f_t − ⟨f⟩)(E_t − ⟨E⟩)ᵀ
    both          W ← clip(W + ΔW − λ W, low, high)

An error that is NaN counts as 0 in M e. A Purkinje cell all of whose errors are NaN, or none of whose errors has
arrived yet, is taught nothing. ⟨E⟩ is a running mean over all steps, ⟨f⟩ over those at which there is something to
learn; both begin with their first value and move by the share ρ of the difference, after they are used. In batches
they are means over the steps at which there is something to learn.

Online, W changes at every step and with it what follows; λ is of a step or, at the end of a trial, of a trial. In
batches all steps of all trials meet one W, and the sum of what they teach changes it once.

| symbol | name        | shape                         |
| ------ | ----------- | ----------------------------- |
| g      | granule     | (n_trials, n_steps, n_features) |
| κ      | kernel      | (n_lags,)                     |
| W, b_p | weights, bias | (n_purkinje, n_features), (n_purkinje,) |
| B, b_n | mixing, baseline | (n_nuclei, n_purkinje), (n_nuclei,) |
| M      | climbing    | (n_purkinje, n_errors)        |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass
class Module:
    """Weights, and how they change."""

    weights: FloatArray
    mixing: FloatArray
    climbing: FloatArray
    bias: FloatArray | float = 0.0
    baseline: FloatArray | float = 0.0
    inhibited: bool = False
    kernel: Any = (1.0,)
    delay: int = 0
    """Of the climbing fibres, in steps."""
    learning_rate: float = 0.0
    forgetting: float = 0.0
    forgets: str = "step"
    bounds: tuple[float, float] = (-np.inf, np.inf)
    covariance: float | None = None
    """ρ of the covariance rule; None is LMS."""
    mean_e: FloatArray | None = None
    """⟨E⟩, from trial to trial."""
    mean_f: dict[int, float] = field(default_factory=dict)
    """⟨f⟩ of each Purkinje cell that has been taught."""

    def nuclei(self, g: FloatArray) -> FloatArray:
        """Return c of one step."""
        sign = -1.0 if self.inhibited else 1.0
        return self.baseline + sign * (self.mixing @ (self.weights @ g + self.bias))

    def lesson(self, f: FloatArray, eligible: FloatArray) -> FloatArray:
        """Return what one step teaches, forgetting apart; NaN in f teaches nothing."""
        change = np.zeros(self.weights.shape)
        if self.covariance is None:
            for q in np.flatnonzero(~np.isnan(f)):
                change[q] = self.learning_rate * f[q] * eligible
            return change
        mean_e = eligible if self.mean_e is None else self.mean_e
        for q in np.flatnonzero(~np.isnan(f)):
            mean_f = self.mean_f.get(int(q), f[q])
            change[q] = self.learning_rate * (f[q] - mean_f) * (eligible - mean_e)
            self.mean_f[int(q)] = mean_f + self.covariance * (f[q] - mean_f)
        self.mean_e = mean_e + self.covariance * (eligible - mean_e)
        return change

    def update(self, change: FloatArray, forgetting: float) -> None:
        """Take a step."""
        self.weights = np.clip(self.weights + change - forgetting * self.weights, *self.bounds)


def eligibility(granule: FloatArray, kernel: Any, t: int) -> FloatArray:
    """Return E_t of one trial, granule (n_steps, n_features)."""
    total = np.zeros(granule.shape[1])
    for k, kappa in enumerate(kernel):
        if t - k >= 0:
            total += kappa * granule[t - k]
    return total


def climbing_fibres(module: Module, errors: list[FloatArray], t: int) -> FloatArray:
    """Return f_t, (n_purkinje,), from the errors of steps 0 … t; NaN where there is nothing to learn."""
    n_purkinje = len(module.climbing)
    f = np.full(n_purkinje, np.nan)
    if t >= module.delay:
        e = errors[t - module.delay]
        for q in range(n_purkinje):
            told = (module.climbing[q] != 0) & ~np.isnan(e)
            if told.any():
                f[q] = module.climbing[q, told] @ e[told]
    return -f if module.inhibited else f


def run(module: Module, granule: FloatArray) -> FloatArray:
    """Return c, (n_trials, n_steps, n_nuclei)."""
    return np.array([[module.nuclei(g) for g in trial] for trial in granule])


def learn_online(module: Module, granule: FloatArray, targets: Any = None, errors: Any = None) -> FloatArray:
    """Let a module learn from trials, once; return the errors, (n_trials, n_steps, n_nuclei)."""
    found = []
    for i, trial in enumerate(granule):
        seen: list[FloatArray] = []
        for t, g in enumerate(trial):
            seen.append(errors[i][t] if targets is None else targets[i][t] - module.nuclei(g))
            change = module.lesson(climbing_fibres(module, seen, t), eligibility(trial, module.kernel, t))
            module.update(change, module.forgetting if module.forgets == "step" else 0.0)
        if module.forgets == "trial":
            module.update(np.zeros(module.weights.shape), module.forgetting)
        found.append(seen)
    return np.array(found)


def learn_batch(module: Module, granule: FloatArray, targets: Any = None, errors: Any = None) -> FloatArray:
    """The same with one change of the weights at the end, by the sum of all lessons and as much forgetting."""
    found = (np.asarray(targets) - run(module, granule)) if errors is None else np.asarray(errors)
    n_trials, n_steps, _ = granule.shape
    told = [
        (climbing_fibres(module, list(found[i]), t), eligibility(granule[i], module.kernel, t))
        for i, t in np.ndindex(n_trials, n_steps)
    ]
    total = np.zeros(module.weights.shape)
    for q in range(len(total)):
        pairs = [(f[q], eligible) for f, eligible in told if not np.isnan(f[q])]
        mean_f = np.mean([f for f, _ in pairs]) if module.covariance is not None and pairs else 0.0
        mean_e = np.mean([e for _, e in pairs], axis=0) if module.covariance is not None and pairs else 0.0
        for f, eligible in pairs:
            total[q] += module.learning_rate * (f - mean_f) * (eligible - mean_e)
    module.update(total, module.forgetting * (n_trials * n_steps if module.forgets == "step" else n_trials))
    return found
