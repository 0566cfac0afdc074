"""Smooth pursuit under counterfactual predictive control, one sample at a time.

    e'_n = (r − y + o)_{n−D}, 0 in the first D samples      what the controller sees, with the output o of the filter
    I_n = I_{n−1} + k_i e'_n dt,   u_n = k_p e'_n + I_n
    v_{n+1} = v_n + dt (−v_n/τ + gain u_n),   y_{n+1} = y_n + dt (v_{n+1} − y_n)/τ₂

    o = X w,  X: a Gaussian of 50 ms around each 100 ms of the trial
    w ← w + η Eᵀ (r − y) after each trial,   η = 1/σ_max(Eᵀ X̃)

The rules differ in E, X̃ being what the columns of X do to y in the nominal plant:

    forward model     E = X̃
    Widrow–Hoff       E = X, d samples late
    feedback error    the same, but o is added to u; the part of u that comes from feedback is in the place of r − y,
                      and what X does to that part, in the true plant, in the place of X̃ for η

Online, w changes at every sample: w ← w + η h_n (r_n − y_n) with h_n the row n of E.

Herreros, Arsiwalla & Verschure, NIPS 2016 (arXiv 1701.07775).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DT, N = 1e-3, 2500
K_P, K_I, TAU_2 = 20.0, 100.0, 0.003
TIME = np.arange(N) * DT
REFERENCE = np.interp(TIME, [0, 0.5, 1, 1.5, 2, 2.5], [0, 0, 1, 1, 0, 0])
CENTRES = 0.1 * np.arange(1, 21)
X = np.exp(-((TIME[:, None] - CENTRES) ** 2) / (2 * 0.05**2))


@dataclass(frozen=True)
class Plant:
    """Of the two in a row, what may differ from the nominal one."""

    tau: float = 0.1
    delay: float = 0.05
    gain: float = 1.0

    def respond(self, r: FloatArray, o: FloatArray, to_command: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return y and u from feedback, (N, n) each, from r and o of the same shape; columns are separate loops."""
        n_late = round(self.delay / DT)
        y, u, seen = np.zeros(r.shape), np.zeros(r.shape), np.zeros(r.shape)
        integral, v, now = np.zeros(r.shape[1]), np.zeros(r.shape[1]), np.zeros(r.shape[1])
        for n in range(len(r)):
            y[n] = now
            seen[n] = r[n] - y[n] + (0.0 if to_command else o[n])
            late = seen[n - n_late] if n >= n_late else 0.0
            integral = integral + K_I * late * DT
            u[n] = K_P * late + integral
            force = u[n] + (o[n] if to_command else 0.0)
            v = v + DT * (-v / self.tau + self.gain * force)
            now = now + DT * (v - now) / TAU_2
        return y, u


NOMINAL = Plant()


def shifted(x: FloatArray, seconds: float) -> FloatArray:
    """Return x so much later."""
    n = round(seconds / DT)
    return np.concatenate([np.zeros((n, *x.shape[1:])), x[: len(x) - n]])


@cache
def driven(plant: Plant, to_command: bool) -> tuple[FloatArray, FloatArray]:
    """Return what each column of X alone does to y and to u."""
    return plant.respond(np.zeros(X.shape), X, to_command)


def traces(rule: str, trace_delay: float = 0.0) -> FloatArray:
    """Return E, (N, n_features)."""
    return driven(Plant(), False)[0] if rule == "forward_model" else shifted(X, trace_delay)


def learning_rate(rule: str, plant: Plant, trace_delay: float = 0.0) -> float:
    """Return η = 1/σ_max."""
    taught = driven(plant, True)[1] if rule == "feedback_error" else driven(Plant(), False)[0]
    return float(1 / np.linalg.norm(traces(rule, trace_delay).T @ taught, 2))


def train(rule: str, plant: Plant = NOMINAL, n_trials: int = 50, trace_delay: float = 0.0) -> FloatArray:
    """Return the root mean square of r − y in each trial."""
    to_command = rule == "feedback_error"
    E, eta = traces(rule, trace_delay), learning_rate(rule, plant, trace_delay)
    alone, alone_u = plant.respond(REFERENCE[:, None], np.zeros((N, 1)))
    w, found = np.zeros(X.shape[1]), []
    for _ in range(n_trials):
        # A linear loop: what it does alone, and what the filter adds.
        error = REFERENCE - alone[:, 0] - driven(plant, to_command)[0] @ w
        command = alone_u[:, 0] + driven(plant, to_command)[1] @ w
        found.append(np.sqrt(np.mean(error**2)))
        w = w + eta * E.T @ (command if to_command else error)
    return np.array(found)


def online(rule: str, plant: Plant = NOMINAL, n_trials: int = 3, trace_delay: float = 0.0) -> FloatArray:
    """The same with a change of the weights at every sample."""
    to_command = rule == "feedback_error"
    E, eta = traces(rule, trace_delay), learning_rate(rule, plant, trace_delay)
    n_late = round(plant.delay / DT)
    w, found = np.zeros(X.shape[1]), []
    for _ in range(n_trials):
        seen, errors = np.zeros(N), np.zeros(N)
        integral = v = y = 0.0
        for n in range(N):
            o = float(X[n] @ w)
            errors[n] = REFERENCE[n] - y
            seen[n] = errors[n] + (0.0 if to_command else o)
            late = seen[n - n_late] if n >= n_late else 0.0
            integral += K_I * late * DT
            u = K_P * late + integral
            v += DT * (-v / plant.tau + plant.gain * (u + (o if to_command else 0.0)))
            y += DT * (v - y) / TAU_2
            w = w + eta * E[n] * (u if to_command else errors[n])
        found.append(np.sqrt(np.mean(errors**2)))
    return np.array(found)


def optimum(plant: Plant = NOMINAL) -> float:
    """Return the least root mean square that any w reaches."""
    alone = REFERENCE - plant.respond(REFERENCE[:, None], np.zeros((N, 1)))[0][:, 0]
    effect = driven(plant, False)[0]
    w, *_ = np.linalg.lstsq(effect, alone, rcond=None)
    return float(np.sqrt(np.mean((alone - effect @ w) ** 2)))
