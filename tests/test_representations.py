"""Procrustes distance and CKA: invariances, metrics, slow definitions, bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from tests.common.reference_cp import FloatArray

from fastigial.analysis import cka, procrustes


def systems(seed: int = 0, n: int = 30) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3))
    a = shared @ rng.normal(size=(3, 6)) + rng.normal(size=(n, 6))
    b = shared @ rng.normal(size=(3, 4)) + rng.normal(size=(n, 4))
    return a, b


def rotation(size: int, seed: int = 0) -> FloatArray:
    found, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return np.asarray(found)


def test_rotated_copies_are_at_distance_zero() -> None:
    a, _ = systems()
    turned = a @ rotation(6) + 100
    assert procrustes(a, turned, scaling=False) == pytest.approx(0, abs=1e-12)
    assert procrustes(a, 1e-9 * turned) == pytest.approx(0, abs=1e-12)
    # More units, among which the same activity lies along other directions.
    wide = np.pad(a, ((0, 0), (0, 5))) @ rotation(11)
    assert procrustes(a, wide, scaling=False) == pytest.approx(0, abs=1e-12)


def test_the_distance_is_a_metric() -> None:
    rng = np.random.default_rng(0)
    for scaling in (True, False):
        for _ in range(20):
            a, b, c = (rng.normal(size=(9, size)) for size in (3, 4, 5))
            ab, bc, ac = (procrustes(*pair, scaling=scaling) for pair in ((a, b), (b, c), (a, c)))
            assert ac <= ab + bc
            assert procrustes(b, a, scaling=scaling) == pytest.approx(ab, rel=1e-10)


def test_distances_by_hand() -> None:
    a, _ = systems()
    centred = a - a.mean(axis=0)
    # A copy twice as large is as far as a itself is from zero, root mean square.
    assert procrustes(a, 2 * a, scaling=False) == pytest.approx(np.sqrt(np.sum(centred**2) / len(a)), rel=1e-12)
    one = np.eye(4)[:, :1] - 0.25
    other = np.array([[0.0], [1], [-1], [0]]) * 3
    # Orthogonal courses over samples but for their product: cos = 1 / √(2 · 3/4) · 1/2 …
    cosine = abs((one.T @ other).item()) / (np.linalg.norm(one) * np.linalg.norm(other))
    assert procrustes(one, other) == pytest.approx(np.sqrt(2 - 2 * cosine), rel=1e-12)
    # SciPy's disparity is 1 − (nuclear norm)², ours √(2 − 2 · nuclear norm).
    x, y = systems()[0][:, :4], systems()[1]
    nuclear = np.sqrt(1 - scipy_procrustes(x, y)[2])
    assert procrustes(x, y) == pytest.approx(np.sqrt(2 - 2 * nuclear), rel=1e-10)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_cka_does_not_see_rotations_shifts_and_scales(estimator: Any) -> None:
    a, b = systems()
    expected = cka(a, b, estimator=estimator)
    assert cka(a @ rotation(6) * 1e150 + 3e150, 7e-150 - 1e-150 * b, estimator=estimator) == pytest.approx(
        expected, rel=1e-9
    )
    assert cka(b, a, estimator=estimator) == pytest.approx(expected, rel=1e-12)
    assert cka(a, 5 - a @ rotation(6), estimator=estimator) == pytest.approx(1, rel=1e-12)
    # It does see other linear maps, unlike a correlation of canonical variables.
    assert cka(a, a * np.array([1, 1, 1, 1, 1, 10.0]), estimator=estimator) < 0.95


@pytest.mark.parametrize("n", [5, 30])
def test_cka_equals_its_definition_by_gram_matrices(n: int) -> None:
    a, b = systems(n=n)
    H = np.eye(n) - 1 / n

    def biased(K: FloatArray, L: FloatArray) -> float:
        return float(np.trace(K @ H @ L @ H))

    def unbiased(K: FloatArray, L: FloatArray) -> float:
        K, L, ones = K - np.diag(np.diag(K)), L - np.diag(np.diag(L)), np.ones(n)
        bracket = np.trace(K @ L) + (ones @ K @ ones) * (ones @ L @ ones) / ((n - 1) * (n - 2))
        return float((bracket - 2 * (ones @ K @ L @ ones) / (n - 2)) / (n * (n - 3)))

    for estimator, product in (("biased", biased), ("unbiased", unbiased)):
        K, L = a @ a.T, b @ b.T
        own = product(K, K), product(L, L)
        if min(own) > 0:
            expected = product(K, L) / np.sqrt(own[0] * own[1])
            assert cka(a, b, estimator=estimator) == pytest.approx(expected, rel=1e-9)  # type: ignore[arg-type]


def test_unrelated_systems_have_no_unbiased_alignment() -> None:
    rng = np.random.default_rng(0)
    pairs = [rng.normal(size=(2, 20, 50)) for _ in range(300)]
    found = np.array([[cka(a, b), cka(a, b, estimator="unbiased")] for a, b in pairs])
    assert found[:, 0].min() > 0.5
    error = found[:, 1].std(ddof=1) / np.sqrt(len(found))
    assert abs(found[:, 1].mean()) < 4 * error


def test_missing_samples_are_left_out_of_both() -> None:
    a, b = systems()
    gaps_a, gaps_b = a.copy(), b.copy()
    gaps_a[3], gaps_b[7] = np.nan, np.nan
    kept = np.delete(np.arange(30), [3, 7])
    for measure in (cka, procrustes):
        assert measure(gaps_a, gaps_b) == pytest.approx(measure(a[kept], b[kept]), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, b: cka(a, b[1:]), "a has 30 trials of 1 steps and b has 29"),
        (lambda a, b: cka(a, 0 * b), "b does not vary"),
        (lambda a, b: procrustes(0 * a, b), "a does not vary"),
        (lambda a, b: cka(a, b, estimator="x"), "estimator is 'x'"),
        (lambda a, b: cka(a[:3], b[:3], estimator="unbiased"), "four samples or more; there are 3"),
    ],
)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*systems())
