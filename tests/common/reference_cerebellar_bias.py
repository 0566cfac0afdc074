"""A recurrent cortex with a cerebellar bias, unit by unit and trial by trial, as its equations are written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def run(
    weights: dict[str, NDArray[Any]], inputs: NDArray[Any], tau: float, leak: float, bound: float, silent: list[bool]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """States, bias and outputs, each (trials, steps, …)."""
    w = {name: values.astype(float) for name, values in weights.items()}
    states, biases, outputs = [], [], []
    for trial in inputs.astype(float):
        h = np.zeros(len(w["b"]))
        rows: list[list[NDArray[Any]]] = [[], [], []]
        for x, off in zip(trial, silent, strict=True):
            s = w["W_x"] @ x + w["W_h"] @ h + w["b"]
            beta = np.zeros_like(s)
            if "W_gc" in w and not off:
                g = np.maximum(0, w["W_gc"] @ np.concatenate([h, x]) + w["b_gc"])
                p = np.maximum(0, w["W_pc"] @ g + w["b_pc"])
                c = w["W_dcn"] @ p + w["b_dcn"]
                norm = np.linalg.norm(c)
                beta = c * min(1.0, bound * np.linalg.norm(s) / norm) if norm > 0 else c
            a = s + beta
            h = (1 - 1 / tau) * h + np.where(a > 0, a, leak * a) / tau
            for row, value in zip(rows, (h, beta, w["W_out"] @ h + w["b_out"]), strict=True):
                row.append(value)
        for whole, row in zip((states, biases, outputs), rows, strict=True):
            whole.append(np.array(row))
    return np.array(states), np.array(biases), np.array(outputs)
