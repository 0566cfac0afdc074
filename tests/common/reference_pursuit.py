"""A slow reference of the smooth pursuit: scalar state, one step after the other, and matrices written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DT, N_STEPS = 0.001, 2500
TIME = DT * np.arange(N_STEPS)
REFERENCE = np.interp(TIME, [0, 0.5, 1, 1.5, 2, 2.5], [0, 0, 1, 1, 0, 0])
FEATURES = np.exp(-0.5 * ((TIME[:, None] - 0.1 * np.arange(1, 21)) / 0.05) ** 2)

Array = NDArray[np.float64]


def simulate(
    reference: Array, at_error: Array, at_command: Array, *, tau: float = 0.1, delay: float = 0.05, gain: float = 1.0
) -> tuple[Array, Array]:
    """Outputs and feedback commands, of the shape of what is injected: (n_steps,) or (n_steps, signals)."""
    first, second, integral = (np.zeros(at_error.shape[1:]) for _ in range(3))
    lag = round(delay / DT)
    outputs, errors, commands = (np.zeros(at_error.shape) for _ in range(3))
    for n in range(len(at_error)):
        outputs[n] = second
        errors[n] = reference[n] - second + at_error[n]
        late = errors[n - lag] if n >= lag else np.zeros_like(second)
        integral = integral + 100.0 * late * DT
        commands[n] = 20.0 * late + integral
        first = first + DT * (-first / tau + gain * (commands[n] + at_command[n]))
        second = second + DT * (first - second) / 0.003
    return outputs, commands


def late(features: Array, delay: float) -> Array:
    """Features delayed."""
    lag = round(delay / DT)
    return np.concatenate([np.zeros_like(features[:lag]), features[: len(features) - lag]])


def learning(n_trials: int, rule: str, trace_delay: float, **plant: Any) -> Array:
    """Error of each trial, with matrices of responses in place of simulated trials."""
    nothing, still = np.zeros(N_STEPS), np.zeros_like(FEATURES)
    pulse = nothing.copy()
    pulse[0] = 1.0
    response, _ = simulate(nothing, pulse, nothing)
    nominal = np.column_stack([np.convolve(response, x)[:N_STEPS] for x in FEATURES.T])
    traces = nominal if rule == "forward_model" else late(FEATURES, trace_delay)
    output, command = simulate(REFERENCE, nothing, nothing, **plant)
    if rule == "feedback_error":
        effect, commands = simulate(nothing, still, FEATURES, **plant)
        rate = 1 / np.linalg.svd(traces.T @ commands, compute_uv=False)[0]
    else:
        effect, _ = simulate(nothing, FEATURES, still, **plant)
        rate = 1 / np.linalg.svd(traces.T @ nominal, compute_uv=False)[0]
    weights, rms = np.zeros(FEATURES.shape[1]), np.zeros(n_trials)
    for trial in range(n_trials):
        error = REFERENCE - output - effect @ weights
        rms[trial] = np.sqrt(np.mean(error**2))
        taught = command + commands @ weights if rule == "feedback_error" else error
        weights = weights + rate * traces.T @ taught
    return rms
