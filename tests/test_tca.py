"""TCA finds planted components, agrees with the slow reference, ends at a stationary point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common.estimators import planted_cp, with_gaps
from tests.common.reference_cp import FloatArray, cp_als, cp_loss, reconstruct_cp
from tests.common.reference_similarity import factor_match_score

import fastigial as fg

EXACT: dict[str, Any] = {"tol": 1e-14, "max_iter": 20_000, "random_state": 0}


def gaussian_cp(
    seed: int, shape: tuple[int, ...], n_components: int, noise: float
) -> tuple[FloatArray, list[FloatArray]]:
    rng = np.random.default_rng(seed)
    factors = [rng.normal(size=(size, n_components)) for size in shape]
    signal = reconstruct_cp(np.ones(n_components), factors)
    return signal + noise * rng.normal(size=shape), factors


def match(model: Any, factors: list[FloatArray]) -> float:
    return factor_match_score((model.weights_, model.factors_), (np.ones(factors[0].shape[1]), factors))


# Planted models


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize(
    ("shape", "n_components"), [((30, 20, 25), 3), ((60, 40, 50), 5), ((9, 8, 7, 6), 3), ((6, 5, 4, 5, 4), 2)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_components_are_found(shape: tuple[int, ...], n_components: int, missing: float, seed: int) -> None:
    X, factors = gaussian_cp(seed, shape, n_components, noise=0.05)
    model = fg.TCA(n_components, n_init=5, random_state=seed).fit(with_gaps(X, missing))
    assert match(model, factors) > 0.99
    # Σ residual² loses one degree of freedom a parameter, a fifth of them at the most here.
    assert 0.8 * 0.05**2 < model.loss_ < 1.05 * 0.05**2


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_planted_nonnegative_components_are_found(missing: float) -> None:
    X, factors = planted_cp(3, (30, 20, 25), 3)
    model = fg.TCA(3, nonnegative=True, n_init=3, random_state=0, max_iter=5000).fit(with_gaps(X, missing))
    weights = 1.0 + np.arange(3)[::-1]
    assert factor_match_score((model.weights_, model.factors_), (weights, factors)) > 0.99
    assert all((factor >= 0).all() for factor in model.factors_)


@pytest.mark.parametrize("seed", range(6))
def test_no_nonnegative_component_dies_in_the_default_start(seed: int) -> None:
    """A zero column is a stationary point of coordinate descent, but a random start ends far below it."""
    X, _ = planted_cp(seed, (12, 9, 10), 2)
    model = fg.TCA(2, nonnegative=True, random_state=0, max_iter=5000).fit(X)
    other = fg.TCA(2, nonnegative=True, init="random", n_init=5, random_state=0, max_iter=5000).fit(X)
    assert model.weights_.min() > 0
    assert model.loss_ <= 1.01 * other.loss_


def test_more_components_than_a_dimension_are_fine() -> None:
    """A generic 3 × 10 × 12 tensor of rank 5 has a unique decomposition although 5 > 3."""
    X, factors = gaussian_cp(4, (3, 10, 12), 5, noise=0.0)
    model = fg.TCA(5, n_init=20, init="random", **EXACT).fit(X)
    assert match(model, factors) > 0.99
    assert fg.TCA(7, max_iter=5000, random_state=0).fit(X[:, :2]).factors_[1].shape == (2, 7)


@pytest.mark.parametrize("shape", [(20, 13), (7, 30)])
@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_of_a_matrix_it_is_the_truncated_svd(shape: tuple[int, int], n_components: int) -> None:
    X = np.random.default_rng(5).normal(size=shape)
    left, singular, right = np.linalg.svd(X, full_matrices=False)
    expected = (left[:, :n_components] * singular[:n_components]) @ right[:n_components]
    model = fg.TCA(n_components, **EXACT).fit(X)
    assert model.loss_ == pytest.approx(np.sum(singular[n_components:] ** 2) / X.size, rel=1e-8)
    np.testing.assert_allclose(model.reconstruct(), expected, rtol=0, atol=1e-4)


# The slow reference


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(7, 6, 5), (4, 5, 3, 4)])
def test_it_ends_no_higher_than_the_reference_from_the_same_start(shape: tuple[int, ...], missing: float) -> None:
    X = with_gaps(gaussian_cp(6, shape, 2, noise=0.3)[0], missing)
    start = fg.TCA(2, init="random", n_init=1, random_state=7, tol=0.5).fit(X)
    slow = cp_als(X, 2, [start.factors_[0] * start.weights_, *start.factors_[1:]], 200)
    model = fg.TCA(2, init=start, **EXACT).fit(X)
    assert model.loss_ == pytest.approx(slow.losses[-1], rel=1e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("nonnegative", [True, (True, False, False), (False, True, True)])
def test_nonnegative_ends_no_higher_than_the_reference(missing: float, nonnegative: bool | tuple[bool, ...]) -> None:
    X = with_gaps(planted_cp(8, (8, 7, 6), 2, noise=0.5)[0], missing)
    flags = [nonnegative] * 3 if isinstance(nonnegative, bool) else list(nonnegative)
    model = fg.TCA(2, nonnegative=nonnegative, n_init=5, tol=1e-10, max_iter=20_000, random_state=0).fit(X)
    for factor, flag in zip(model.factors_, flags, strict=True):
        assert not flag or (factor >= 0).all()
    rng = np.random.default_rng(9)
    starts = [[np.abs(rng.normal(size=(size, 2))) for size in X.shape] for _ in range(3)]
    best = min(cp_als(X, 2, start, 60, nonnegative=flags).losses[-1] for start in starts)
    assert model.loss_ <= best * (1 + 1e-4)
    balanced = [factor * model.weights_ ** (1 / 3) for factor in model.factors_]
    further = cp_als(X, 2, balanced, 30, nonnegative=flags).losses[-1]
    assert further >= model.loss_ * (1 - 1e-4)


# Stationarity


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_no_small_change_of_the_factors_lowers_the_loss(missing: float) -> None:
    """At a minimum, the loss along any direction is even to first order: L(A ± εD) ≥ L(A)."""
    X = with_gaps(gaussian_cp(10, (9, 8, 7), 3, noise=0.5)[0], missing)
    model = fg.TCA(3, **EXACT).fit(X)
    balanced = [factor * model.weights_ ** (1 / 3) for factor in model.factors_]
    loss = cp_loss(X, np.ones(3), balanced)
    assert loss == pytest.approx(model.loss_, rel=1e-12)
    rng = np.random.default_rng(11)
    for size in (1e-2, 1e-4):
        for _ in range(50):
            moved = [factor + size * rng.normal(size=factor.shape) for factor in balanced]
            assert cp_loss(X, np.ones(3), moved) >= loss * (1 - 1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_gradient_vanishes(missing: float) -> None:
    X = with_gaps(gaussian_cp(10, (9, 8, 7), 3, noise=0.5)[0], missing)
    model = fg.TCA(3, **EXACT).fit(X)
    a, b, c = (factor * model.weights_ ** (1 / 3) for factor in model.factors_)
    residual = np.nan_to_num(X - model.reconstruct())
    gradient = np.concatenate(
        [
            np.einsum("knt,nr,tr->kr", residual, b, c).ravel(),
            np.einsum("knt,kr,tr->nr", residual, a, c).ravel(),
            np.einsum("knt,kr,nr->tr", residual, a, b).ravel(),
        ]
    )
    assert np.linalg.norm(gradient) <= 1e-4 * np.linalg.norm(residual)


# Standard form


@pytest.mark.parametrize("nonnegative", [False, True, (False, True, False)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_model_comes_in_standard_form(nonnegative: bool | tuple[bool, ...], dtype: type[np.floating[Any]]) -> None:
    X = planted_cp(12, (11, 9, 8), 3, noise=0.3)[0].astype(dtype)
    model = fg.TCA(3, nonnegative=nonnegative, random_state=0, max_iter=5000).fit(X)
    rounding = 100 * np.finfo(dtype).eps
    assert np.all(model.weights_ >= 0)
    assert np.all(np.diff(model.weights_) <= 0)
    for factor in model.factors_:
        np.testing.assert_allclose(np.linalg.norm(factor, axis=0), 1.0, atol=rounding)
    for factor in model.factors_[:-1]:
        assert np.all(np.sum(factor * np.abs(factor), axis=0) >= 0)
    rebuilt = reconstruct_cp(model.weights_, model.factors_)
    np.testing.assert_allclose(model.reconstruct(), rebuilt, atol=100 * rounding)


def test_components_add_up_and_count_like_numpy() -> None:
    X, _ = planted_cp(13, (11, 9, 8), 3)
    model = fg.TCA(3, random_state=0).fit(X)
    parts = [model.reconstruct(component=r) for r in range(3)]
    np.testing.assert_allclose(sum(parts), model.reconstruct(), atol=1e-12)
    np.testing.assert_array_equal(model.reconstruct(component=-1), parts[2])
    np.testing.assert_allclose(model.reconstruct([0, 2]), parts[0] + parts[2], atol=1e-12)
    np.testing.assert_array_equal(model.reconstruct([]), np.zeros(X.shape))
    with pytest.raises(IndexError):
        model.reconstruct(component=3)


def test_a_model_of_too_many_components_has_empty_ones_or_explains_all() -> None:
    X = np.zeros((5, 4, 3))
    X[1, 2, 0] = 7.0
    model = fg.TCA(3, random_state=0, max_iter=5000).fit(X)
    np.testing.assert_allclose(model.reconstruct(), X, atol=1e-6)
    assert all(np.isfinite(factor).all() for factor in model.factors_)


# Other trials


@pytest.mark.parametrize("nonnegative", [False, True])
def test_transform_is_the_regression_of_each_trial_on_the_components(nonnegative: bool) -> None:
    from scipy.optimize import nnls

    X, _ = planted_cp(14, (20, 9, 8), 3, noise=0.5)
    model = fg.TCA(3, nonnegative=nonnegative, random_state=0, max_iter=5000).fit(X[:12])
    new = with_gaps(X[12:], 0.2)
    design = np.einsum("nr,tr->ntr", *model.factors_[1:]).reshape(-1, 3) * model.weights_
    for row, trial in zip(model.transform(new), new.reshape(len(new), -1), strict=True):
        seen = ~np.isnan(trial)
        solve = nnls if nonnegative else np.linalg.lstsq
        np.testing.assert_allclose(row, solve(design[seen], trial[seen])[0], atol=1e-6)


def test_fit_transform_returns_the_trial_factors() -> None:
    X, _ = planted_cp(15)
    model = fg.TCA(2, random_state=0)
    np.testing.assert_array_equal(model.fit_transform(X), model.factors_[0])


@pytest.mark.parametrize("shape", [(20, 13), (6, 5, 4, 3)])
def test_other_numbers_of_axes_have_labels_files_and_scores_too(shape: tuple[int, ...], tmp_path: Any) -> None:
    X, _ = planted_cp(16, shape)
    model = fg.TCA(2, random_state=0).fit(X)
    assert model.dims_ == tuple(f"mode_{i}" for i in range(len(shape)))
    assert model.score(X) == pytest.approx(model.explained_variance_)
    np.testing.assert_allclose(model.transform(X), model.factors_[0], atol=1e-2)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(fg.load(tmp_path / "model").reconstruct(), model.reconstruct())
