"""A cerebellar module in slow NumPy loops: one trial, one step, one synapse after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def kernel(kind: str, tau: float, delay: int, n_steps: int, dt: float) -> FloatArray:
    """κ of an exponential or alpha kernel from its definition."""
    a = np.exp(-dt / tau)
    found = np.zeros(n_steps)
    for step in range(delay, n_steps):
        k = step - delay
        found[step] = (1 - a) * a**k if kind == "exponential" else (1 - a) ** 2 * k * a ** max(k - 1, 0)
    return found


def traces(features: FloatArray, kappa: FloatArray) -> FloatArray:
    """E_t = Σ_k κ_k g_{t−k} of one trial, (steps, features)."""
    found = np.zeros_like(features)
    for step in range(len(features)):
        for k in range(min(step + 1, len(kappa))):
            found[step] += kappa[k] * features[step - k]
    return found


class Reference:
    """Weights and settings of a module whose features are given."""

    def __init__(self, weights: dict[str, FloatArray], zone: NDArray[np.intp], **settings: Any) -> None:
        self.W = weights["W_pf"].copy()
        self.b_p, self.B, self.b_n, self.C = (weights[name] for name in ("b_p", "B", "b_n", "C"))
        self.zone = zone
        self.sign = -1.0 if settings.get("inhibited", False) else 1.0
        self.eta = settings.get("learning_rate", 0.1)
        self.delay = settings.get("delay", 0)
        self.kappa = settings.get("kappa", np.ones(1))
        self.low, self.high = settings.get("bounds", (-np.inf, np.inf))
        self.forget_step, self.forget_trial = settings.get("forget_step", 0.0), settings.get("forget_trial", 0.0)
        self.rate = settings.get("rate")
        self.mean_f = np.full(len(self.C), np.nan)
        self.mean_E = np.full(self.W.shape[1], np.nan)

    def cells(self, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Purkinje cells and nuclei of one step."""
        p = self.W @ g + self.b_p
        return p, self.b_n + self.sign * self.B @ p

    def fibres(self, error: FloatArray) -> FloatArray:
        """Climbing fibres; NaN where no error reaches the zone."""
        found = np.full(len(self.C), np.nan)
        for zone, row in enumerate(self.C):
            seen = (row != 0) & ~np.isnan(error)
            if seen.any():
                found[zone] = row[seen] @ error[seen]
        return found

    def update(self, f: FloatArray, E: FloatArray) -> None:
        """One step of online learning."""
        mean_f, mean_E = np.zeros_like(f), np.zeros_like(E)
        if self.rate is not None:
            self.mean_E = np.where(np.isnan(self.mean_E), E, self.mean_E)
            self.mean_f = np.where(np.isnan(self.mean_f), f, self.mean_f)
            mean_f, mean_E = self.mean_f, self.mean_E
        for q, zone in enumerate(self.zone):
            change = np.zeros_like(E)
            if not np.isnan(f[zone]):
                change = self.sign * self.eta * (f[zone] - mean_f[zone]) * (E - mean_E)
            self.W[q] = np.clip((1 - self.forget_step) * self.W[q] + change, self.low, self.high)
        if self.rate is not None:
            self.mean_E = mean_E + self.rate * (E - mean_E)
            self.mean_f = np.where(np.isnan(f), mean_f, mean_f + self.rate * (f - mean_f))

    def learn_online(self, features: FloatArray, targets: FloatArray) -> FloatArray:
        """Trials one after the other; mean squared error of each."""
        losses = []
        for g, target in zip(features, targets, strict=True):
            E = traces(g, self.kappa)
            sent: list[FloatArray] = []
            squares = []
            for step in range(len(g)):
                error = target[step] - self.cells(g[step])[1]
                squares.append(error**2)
                sent.append(self.fibres(error))
                f = sent[step - self.delay] if step >= self.delay else np.full(len(self.C), np.nan)
                self.update(f, E[step])
            self.W = np.clip((1 - self.forget_trial) * self.W, self.low, self.high)
            losses.append(np.nanmean(squares))
        return np.array(losses)

    def learn_batch(self, features: FloatArray, targets: FloatArray) -> None:
        """One update from all trials."""
        rows_f, rows_E = [], []
        for g, target in zip(features, targets, strict=True):
            E = traces(g, self.kappa)
            sent = [self.fibres(target[step] - self.cells(g[step])[1]) for step in range(len(g))]
            for step in range(self.delay, len(g)):
                rows_f.append(sent[step - self.delay])
                rows_E.append(E[step])
        f, E = np.array(rows_f), np.array(rows_E)
        n_steps, n_trials = features.shape[1] * len(features), len(features)
        lost = self.forget_step * n_steps + self.forget_trial * n_trials
        for q, zone in enumerate(self.zone):
            seen = ~np.isnan(f[:, zone])
            signal, eligible = f[seen, zone], E[seen]
            if self.rate is not None:
                signal, eligible = signal - signal.mean(), eligible - eligible.mean(axis=0)
            change = self.sign * self.eta * signal @ eligible
            self.W[q] = np.clip((1 - lost) * self.W[q] + change, self.low, self.high)
