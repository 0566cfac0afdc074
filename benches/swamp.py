"""Sweeps that TCA needs where components are nearly collinear, against plain alternating least squares.

Run: ``python benches/swamp.py``. Each of ten random starts descends on a 30 × 30 × 30 tensor of four components whose
factors have the given cosine in every mode, with 1 % noise; counted are the sweeps until the loss is within 0.1 % of
the best of twenty restarts.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

import fastigial as fg

LENGTH, RANK, NOISE, MOST = 30, 4, 0.01, 3000

Array = NDArray[np.float64]


def collinear_factor(rng: np.random.Generator, cosine: float) -> Array:
    """Unit columns, each pair at the same cosine."""
    basis = np.linalg.qr(rng.standard_normal((LENGTH, RANK)))[0]
    return basis @ np.linalg.cholesky((1 - cosine) * np.eye(RANK) + cosine).T


def planted(rng: np.random.Generator, cosine: float) -> Array:
    """The tensor."""
    signal = np.einsum("ir,jr,kr->ijk", *(collinear_factor(rng, cosine) for _ in range(3)))
    return signal + NOISE * np.sqrt(np.mean(signal**2)) * rng.standard_normal(signal.shape)


def plain_sweeps(X: Array, factors: list[Array], target: float) -> int:
    """Sweeps of plain alternating least squares until the target is reached."""
    for sweep in range(1, MOST + 1):
        for mode in range(3):
            first, second = (factors[m] for m in range(3) if m != mode)
            gram = (first.T @ first) * (second.T @ second)
            rhs = np.einsum("ijk,jr,kr->ir", np.moveaxis(X, mode, 0), first, second)
            factors[mode] = np.linalg.solve(gram, rhs.T).T
        if np.mean((X - np.einsum("ir,jr,kr->ijk", *factors)) ** 2) <= target:
            return sweep
    return MOST


def main() -> None:
    """Print a line per cosine."""
    warnings.simplefilter("ignore", fg.ConvergenceWarning)
    for cosine in (0.5, 0.9, 0.95):
        ours, plain = [], []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            X = planted(rng, cosine)
            best = fg.TCA(RANK, n_init=20, max_iter=MOST, tol=1e-12, random_state=0).fit(X).loss_
            model = fg.TCA(RANK, init="random", max_iter=MOST, tol=1e-12, random_state=seed).fit(X)
            ours.append(int(np.argmax(model.loss_history_ <= 1.001 * best)) + 1)
            plain.append(plain_sweeps(X, [rng.standard_normal((LENGTH, RANK)) for _ in range(3)], 1.001 * best))
        print(f"cosine {cosine}: {np.median(ours):.0f} sweeps, plain {np.median(plain):.0f} (medians of ten starts)")


if __name__ == "__main__":
    main()
