"""The two benchmarks of counterfactual predictive control, as keywords of its constructor."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastigial.cerebellum.bases import AlphaBasis, GaussianBasis
from fastigial.models.inverted_pendulum import InvertedPendulum
from fastigial.models.linear_systems import Discrete
from fastigial.rnn.checks import as_positive

__all__ = ["pendulum_setting", "pursuit_setting"]

# Smooth pursuit: steps (s), gains of the controller, time constant of the second integrator (s), nominal values.
_PURSUIT_DT = 0.001
_PROPORTIONAL, _INTEGRAL = 20.0, 100.0
_SECOND = 0.003
_NOMINAL_TIME_CONSTANT, _NOMINAL_DELAY = 0.1, 0.05

# Inverted pendulum: steps (s), gains (N m / rad, N m s / rad), delay (s).
_STANCE_DT = 0.01
_STIFFNESS, _DAMPING = 1250.0, 250.0
_STANCE_DELAY = 0.1


def pursuit_setting(time_constant: float, delay: float, gain: float, reference: Any, basis: Any) -> dict[str, Any]:
    """Keywords of the smooth pursuit."""
    if reference is None:
        reference = np.interp(_PURSUIT_DT * np.arange(2500), [0, 0.5, 1, 1.5, 2, 2.5], [0, 0, 1, 1, 0, 0])
    return {
        "plant": _eye(as_positive("time_constant", time_constant), as_positive("gain", gain)),
        # The integral counts the error of this step already.
        "controller": Discrete(
            np.ones((1, 1)),
            np.array([_INTEGRAL * _PURSUIT_DT]),
            np.ones(1),
            _PROPORTIONAL + _INTEGRAL * _PURSUIT_DT,
        ),
        "delay": delay,
        "dt": _PURSUIT_DT,
        "reference": reference,
        "basis": GaussianBasis(0.1 * np.arange(1, 21), 0.05) if basis is None else basis,
        "nominal_plant": _eye(_NOMINAL_TIME_CONSTANT, 1.0),
        "nominal_delay": _NOMINAL_DELAY,
    }


def _eye(time_constant: float, gain: float) -> Discrete:
    """y₁ ← y₁ + dt(−y₁/τ + gain·u), then y₂ ← y₂ + dt(y₁ − y₂)/τ₂ with the new y₁."""
    keeps, follows = 1 - _PURSUIT_DT / time_constant, _PURSUIT_DT / _SECOND
    a = np.array([[keeps, 0.0], [follows * keeps, 1 - follows]])
    b = np.array([gain * _PURSUIT_DT, follows * gain * _PURSUIT_DT])
    return Discrete(a, b, np.array([0.0, 1.0]), 0.0)


def pendulum_setting(mass: float, height: float, delay: float, push: float, basis: Any) -> dict[str, Any]:
    """Keywords of the inverted pendulum."""
    time = _STANCE_DT * np.arange(300)
    return {
        "plant": InvertedPendulum(mass, height),
        # u = P e + D (e_n − e_{n−1}) / dt, with the error of a step ago as state.
        "controller": Discrete(
            np.zeros((1, 1)),
            np.ones(1),
            np.array([-_DAMPING / _STANCE_DT]),
            _STIFFNESS + _DAMPING / _STANCE_DT,
        ),
        "delay": delay,
        "dt": _STANCE_DT,
        "reference": np.zeros(time.size),
        "basis": AlphaBasis(np.geomspace(0.05, 2.0, 50)) if basis is None else basis,
        "load": np.where((time > 0.495) & (time < 0.695), push, 0.0),
        "nominal_plant": InvertedPendulum(),
        "nominal_delay": _STANCE_DELAY,
    }
