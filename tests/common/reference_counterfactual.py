"""Smooth pursuit under counterfactual predictive control, one sample at a time.

    e'_n = (r − y + o)_{n−D}, 0 in the first D samples      what the controller sees, with the output o of the filter
    I_n = I_{n−1} + k_i e'_n dt,   u_n = k_p e'_n + I_n
    v_{n+1} = v_n + dt (−v_n/τ + gain u_n),   y_{n+1} = y_n + dt (v_{n+1} − y_n)/τ₂

    o = X w,  X: a Gaussian of 50 ms around each 100 ms of the trial
    w ← w + η Eᵀ (r − y) after each trial,   η = 1/σ_max(Eᵀ X̃)

| rule           | E                                                            |
| -------------- | ------------------------------------------------------------ |
| forward model  | X̃: what the columns of X do to y, in the nominal plant       |
| Widrow–Hoff    | X, d samples late                                            |
| feedback error | X, d samples late; o is added to u, whose part from feedback is in the place of r − y, and what |
|                | X does to that part, in the true plant, in that of X̃         |

Online, w changes at every sample: w ← w + η h_n (r_n − y_n) with h_n the row n of E.

Herreros, Arsiwalla & Verschure, NIPS 2016 (arXiv 1701.07775).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def shifted(x: FloatArray, seconds: float) -> FloatArray:
    """Return x so much later."""
    n = round(seconds / DT)
    return np.concatenate([np.zeros((n, *x.shape[1:])), x[: len(x) - n]])


def train(rule: str, plant: Any = None, n_trials: int = 50, trace_delay: float = 0.0) -> FloatArray:
    """Return the root mean square of r − y in each trial."""
    plant = Plant() if plant is None else plant
    to_command = rule == "feedback_error"
    silent = np.zeros(X.shape)
    r = REFERENCE[:, None]
    in_nominal = Plant().respond(silent, X)[0]
    E = in_nominal if rule == "forward_model" else shifted(X, trace_delay)
    driven = plant.respond(silent, X, to_command=True)[1] if to_command else in_nominal
    eta = 1 / np.linalg.norm(E.T @ driven, 2)
    w, found = np.zeros(X.shape[1]), []
    for _ in range(n_trials):
        y, u = plant.respond(r, (X @ w)[:, None], to_command)
        found.append(np.sqrt(np.mean((r - y) ** 2)))
        w = w + eta * E.T @ (u if to_command else r - y)[:, 0]
    return np.array(found)


def optimum(plant: Any = None) -> float:
    """Return the least root mean square that any w reaches."""
    plant = Plant() if plant is None else plant
    alone = REFERENCE - plant.respond(REFERENCE[:, None], np.zeros((N, 1)))[0][:, 0]
    driven = plant.respond(np.zeros(X.shape), X)[0]
    w, *_ = np.linalg.lstsq(driven, alone, rcond=None)
    return float(np.sqrt(np.mean((alone - driven @ w) ** 2)))
