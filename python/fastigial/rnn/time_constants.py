"""From seconds to numbers per step.

    symbol   name          of the arguments
    α        alpha         dt / tau                             rate cells, (N,)
    β        beta          exp(−dt / tau)                       spiking cells
    κ        kappa         exp(−dt / tau_out), 0 without        spiking cells
    ρ_a      rho_a         exp(−dt / tau_adaptation)            alif
    β_a      beta_a        adaptation                           alif
    θ        threshold     threshold                            spiking cells
    γ        gamma         dampening of the surrogate           spiking cells

β_a is 1.7 θ (1 − ρ_a) / (1 − β) unless given: the units of Bellec et al., Nat Commun 11:3625, 2020, for any θ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.areas import Areas
from fastigial.rnn.checks import as_positive

__all__ = ["alpha_of", "spiking_numbers"]


def alpha_of(tau: Any, dt: float, areas: Areas) -> NDArray[np.float64]:
    """α of each unit, from one tau, one per unit, or one per area."""
    if isinstance(tau, Mapping):
        values = np.full(areas.n_units, np.nan)
        for name, value in tau.items():
            values[areas.units(name, "tau")] = value
        if np.isnan(values).any():
            raise ValueError(f"tau has the areas {sorted(tau)}, expected one for each of {list(areas.sizes)}")
    else:
        values = np.asarray(tau)
        if values.dtype.kind not in "iuf":
            raise TypeError(f"tau is {tau!r}, expected seconds")
        if values.shape not in ((), (areas.n_units,)):
            raise ValueError(f"tau has the shape {values.shape}, expected a number or ({areas.n_units},)")
    # A hair below dt is rounding: tau = 0.1 with dt = 0.1 must be α = 1.
    if not (np.isfinite(values) & (values >= dt * (1 - 1e-9))).all():
        raise ValueError(f"tau is {tau!r} s, expected at least dt = {dt} s and finite")
    return np.minimum(dt / np.broadcast_to(values.astype(np.float64), (areas.n_units,)), 1.0)


def spiking_numbers(arguments: Mapping[str, Any], dt: float) -> dict[str, float]:
    """Numbers of spiking cells, by the names above."""

    def decay(name: str) -> float:
        return float(np.exp(-dt / as_positive(name, arguments[name])))

    numbers = {
        "threshold": as_positive("threshold", arguments["threshold"]),
        "gamma": as_positive("dampening", arguments["dampening"], zero=True),
        "beta": decay("tau"),
        "kappa": 0.0 if arguments["tau_out"] is None else decay("tau_out"),
    }
    if arguments["cell"] == "alif":
        numbers["rho_a"] = decay("tau_adaptation")
        adaptation = arguments["adaptation"]
        if adaptation is None:
            numbers["beta_a"] = 1.7 * (1.0 - numbers["rho_a"]) / (1.0 - numbers["beta"]) * numbers["threshold"]
        else:
            numbers["beta_a"] = as_positive("adaptation", adaptation, zero=True)
    return numbers
