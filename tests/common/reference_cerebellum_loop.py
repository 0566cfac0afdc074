"""A leaky rate network and a cerebellar module in a loop, one trial and one step at a time.

    ξ_t = [r_{t−1−a}; x_t; y_{t−1−a}], as far as sent; what lies before the trial is 0
    c_t = nuclei of ξ_t, 0 where the module is off
    r_t = (1 − α) r_{t−1} + α tanh(W r_{t−1} + W_in [x_t; γ c_{t−b}] + b),   y_t = W_out r_t + b_out
    e_t = M (y*_t − y_t), or to predict h steps ahead e_t = M y*_t − c_{t−h}, with E_{t−h} eligible

The module learns from e_t at the end of step t as in `reference_cerebellum`. With a horizon, nothing was predicted for
the first h steps: they teach nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.common.reference_cerebellum import FloatArray, Module, climbing_fibres, eligibility


@dataclass
class Loop:
    """Both, and the paths between them."""

    net: dict[str, FloatArray]
    alpha: float
    module: Module
    sent: tuple[str, ...]
    mapping: FloatArray
    there: int = 0
    back: int = 0
    gain: float = 1.0
    horizon: int | None = None

    def trial(self, x: FloatArray, targets: Any = None, off: Any = (), learns: bool = False) -> dict[str, FloatArray]:
        """Return "states", "outputs", "nuclei" and "errors" of one trial, x (n_steps, n_inputs)."""
        p, n_steps = self.net, len(x)
        n_outputs, n_units = p["W_out"].shape
        states, outputs, nuclei, granule = [], [], [], []
        errors: list[FloatArray] = []
        r = np.zeros(n_units)
        for t in range(n_steps):
            late = t - 1 - self.there
            parts = {
                "activity": states[late] if late >= 0 else np.zeros(n_units),
                "inputs": x[t],
                "outputs": outputs[late] if late >= 0 else np.zeros(n_outputs),
            }
            granule.append(np.concatenate([parts[name] for name in self.sent]))
            c = self.module.nuclei(granule[t])
            nuclei.append(np.zeros(c.shape) if t in off else c)
            arriving = nuclei[t - self.back] if t >= self.back else np.zeros(c.shape)
            z = p["W"] @ r + p["W_in"] @ np.concatenate([x[t], self.gain * arriving]) + p["b"]
            r = (1 - self.alpha) * r + self.alpha * np.tanh(z)
            states.append(r)
            outputs.append(p["W_out"] @ r + p["b_out"])
            if targets is None:
                continue
            if self.horizon is None:
                errors.append(self.mapping @ (targets[t] - outputs[t]))
                eligible = eligibility(np.array(granule), self.module.kernel, t)
            elif t < self.horizon:
                errors.append(np.full(len(self.mapping), np.nan))
                eligible = np.zeros(granule[0].shape)
            else:
                errors.append(self.mapping @ targets[t] - nuclei[t - self.horizon])
                eligible = eligibility(np.array(granule), self.module.kernel, t - self.horizon)
            if learns:
                self.module.update(
                    self.module.lesson(climbing_fibres(self.module, errors, t), eligible), self.module.forgetting
                )
        found = {"states": states, "outputs": outputs, "nuclei": nuclei, "errors": errors}
        return {name: np.array(values) for name, values in found.items()}
