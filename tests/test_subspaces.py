"""Principal components, angles of subspaces that were built, alignment of subspaces that are the same or apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.reference_cp import FloatArray

from fastigial.analysis import alignment_index, principal_angles, principal_components


def rotation(size: int, seed: int = 0) -> FloatArray:
    found, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))
    return np.asarray(found)


def test_components_are_eigenvectors_of_the_covariance() -> None:
    x = np.random.default_rng(0).normal(size=(9, 5, 7)) * np.array([5, 4, 3, 2, 1.0])[:, None]
    found = principal_components(x, 3)
    rows = x.transpose(0, 2, 1).reshape(-1, 5)
    covariance = np.cov(rows.T)
    np.testing.assert_allclose(covariance @ found.axes, found.axes * found.variances, atol=1e-12)
    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(found.shares, found.variances / np.trace(covariance), rtol=1e-12)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-12)
    assert (found.axes[np.abs(found.axes).argmax(axis=0), range(3)] > 0).all()
    np.testing.assert_allclose(found.project(x).reshape(-1, 3), (rows - rows.mean(axis=0)) @ found.axes, atol=1e-12)


def test_projections_of_what_was_not_observed() -> None:
    x = np.random.default_rng(0).normal(size=(9, 5, 7))
    found = principal_components(x, 2)
    gaps = x.copy()
    gaps[2, :, 4:] = np.nan
    scores = found.project(gaps)
    assert np.isnan(scores[2, 4:]).all()
    assert np.isnan(scores).sum() == 6
    with pytest.raises(ValueError, match="x has 4 units, expected 5"):
        found.project(x[:, :4])


@pytest.mark.parametrize("angles", [[0.0, 0.0], [1e-7, 30.0], [10.0, 90.0], [90.0, 90.0]], ids=str)
def test_angles_of_constructed_subspaces(angles: list[float]) -> None:
    a = np.eye(6)[:, :2]
    cosines, sines = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    b = np.zeros((6, 2))
    b[[0, 1], [0, 1]], b[[2, 3], [0, 1]] = cosines, sines
    turned = rotation(6)
    mixing = np.array([[2.0, 1.0], [-1.0, 3.0]])
    # Bases may be any of the subspace: neither orthonormal, nor of one size.
    np.testing.assert_allclose(principal_angles(turned @ a @ mixing, 1e9 * turned @ b), angles, atol=1e-10)


def test_angles_of_activity_are_those_of_its_components() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 8, 6, 10))
    bases = principal_components(a, 3), principal_components(b, 3)
    np.testing.assert_allclose(principal_angles(a, b, 3), principal_angles(*bases), atol=1e-10)
    np.testing.assert_allclose(principal_angles(a, a, 3), 0, atol=1e-5)


def activity(axes: FloatArray, variances: list[float], seed: int) -> FloatArray:
    scores = np.random.default_rng(seed).normal(size=(200, len(variances))) * np.sqrt(variances)
    return np.asarray(scores @ axes[:, : len(variances)].T)


def test_alignment_of_the_same_and_of_orthogonal_subspaces() -> None:
    axes = rotation(12)
    a = activity(axes, [4, 3, 2], 0)
    same = alignment_index(a, 7 + 1e3 * activity(axes, [1, 1, 5], 1), 3, n_random=200, control="uniform")
    apart = alignment_index(a, activity(axes[:, 3:], [4, 3, 2], 1), 3, n_random=200)
    assert same.index == pytest.approx(1, abs=1e-12)
    assert apart.index == pytest.approx(0, abs=1e-12)
    assert same.p_above == pytest.approx(1 / 201)
    assert apart.p_below == pytest.approx(1 / 201)


def test_alignment_by_hand() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 8)) * np.array([[np.arange(1, 9)], [np.arange(8, 0, -1)]])
    D = principal_components(a, 3).axes
    C = np.cov(b.T)
    expected = np.trace(D.T @ C @ D) / np.sort(np.linalg.eigvalsh(C))[-3:].sum()
    assert alignment_index(a, b, 3).index == pytest.approx(expected, rel=1e-12)


def test_random_subspaces_lie_where_the_data_do() -> None:
    axes = rotation(60)
    a, b = activity(axes, [1] * 10, 0), activity(axes, [1] * 10, 1)
    biased = alignment_index(a, b, 5, seed=1)
    uniform = alignment_index(a, b, 5, control="uniform", seed=1)
    # Five random directions hold half of what fills ten evenly, and a twelfth where they come from sixty.
    values = np.linalg.eigvalsh(np.cov(b.T))
    most = values[-5:].sum() / values.sum()
    assert biased.expected == pytest.approx(1 / 2 / most, rel=0.02)
    assert uniform.expected == pytest.approx(1 / 12 / most, rel=0.02)
    assert biased.random.min() >= 0
    assert biased.random.max() <= 1
    np.testing.assert_array_equal(biased.random, alignment_index(a, b, 5, seed=1).random)


def test_controls_do_not_depend_on_the_units_of_either() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50, 8)) * np.arange(1, 9)
    found, scaled = (alignment_index(factor * a, b, 3, n_random=20) for factor in (1.0, 1e150))
    assert scaled.index == pytest.approx(found.index, rel=1e-12)
    np.testing.assert_allclose(scaled.random, found.random, rtol=1e-9)


X = np.random.default_rng(0).normal(size=(6, 4, 5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: principal_components(X, 0), ValueError, "n is 0, expected 1 to 4"),
        (lambda: principal_components(X, 5), ValueError, "n is 5, expected 1 to 4: x has 30 samples of 4 units"),
        (lambda: principal_components(X, 1.0), TypeError, "n is 1.0"),
        (lambda: principal_components(np.ones((3, 4, 5))), ValueError, "x does not vary"),
        (lambda: principal_angles(X, X), ValueError, "a has shape .* expected a basis"),
        (lambda: principal_angles(np.eye(3), np.eye(4)), ValueError, "a has 3 units and b has 4"),
        (lambda: principal_angles(np.zeros((3, 1)), np.eye(3)), ValueError, "a is zero"),
        (
            lambda: principal_angles(np.eye(3), np.full((3, 1), np.nan)),
            ValueError,
            "b holds values that are not finite",
        ),
        (lambda: principal_angles(np.eye(3), "abc"), TypeError, "b has dtype"),
        (lambda: alignment_index(X, X[:, :3], 2), ValueError, "a has 4 units and b has 3"),
        (lambda: alignment_index(X, np.ones((3, 4, 5)), 2), ValueError, "b does not vary"),
        (lambda: alignment_index(X, X, 9), ValueError, "n is 9, expected 1 to 4: a has"),
        (lambda: alignment_index(X, X, 2, control="x"), ValueError, "control is 'x'"),  # type: ignore[arg-type]
        (lambda: alignment_index(X, X, 2, n_random=-1), ValueError, "n_random is -1"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
