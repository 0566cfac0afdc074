"""Core consistency and degeneracy: exact models, Kronecker products written out, planted failures."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.estimators import planted_cp, with_gaps
from tests.common.models import random_slicetca, random_tca, tca_of
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import core_array, degeneracy

matplotlib.use("agg")
SHAPES = [(9, 7, 8), (9, 7), (5, 4, 6, 3)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def slow_core(model: fg.TCA, X: FloatArray) -> FloatArray:
    """vec G = (A_0 ⊗ A_1 ⊗ …)⁺ vec X: one regression on all products of columns."""
    design = np.ones((1, 1))
    for mode, factor in enumerate(model.factors_):
        design = np.kron(design, factor * model.weights_ if mode == 0 else factor)
    found = np.linalg.lstsq(design, X.ravel(), rcond=None)[0]
    return found.reshape((model.weights_.size,) * X.ndim)


def slow_consistency(core: FloatArray, normalised: bool) -> float:
    error = 0.0
    for index in np.ndindex(*core.shape):
        error += (core[index] - (1.0 if len(set(index)) == 1 else 0.0)) ** 2
    return float(100 * (1 - error / (np.sum(core**2) if normalised else len(core))))


@each_shape
@pytest.mark.parametrize("n_components", [1, 2, 3])
@pytest.mark.parametrize("normalised", [False, True])
def test_consistency_equals_one_regression_on_all_products(
    shape: tuple[int, ...], n_components: int, normalised: bool
) -> None:
    X = np.random.default_rng(0).normal(size=shape)
    model = random_tca(1, shape, n_components)
    core = slow_core(model, X)
    np.testing.assert_allclose(core_array(model, X), core, atol=1e-10)
    slow = slow_consistency(core, normalised)
    assert fg.core_consistency(model, X, normalised=normalised) == pytest.approx(slow, rel=1e-9)


@each_shape
def test_an_exact_model_of_the_right_rank_has_a_hundred(shape: tuple[int, ...]) -> None:
    model = random_tca(0, shape, 3)
    for normalised in (False, True):
        assert fg.core_consistency(model, model.reconstruct(), normalised=normalised) == pytest.approx(100, abs=1e-8)
    fitted = fg.TCA(3, tol=1e-14, max_iter=5000, random_state=0).fit(model.reconstruct())
    assert fg.core_consistency(fitted, model.reconstruct()) == pytest.approx(100, abs=1e-3)


@pytest.mark.filterwarnings("ignore::fastigial.ConvergenceWarning")
def test_one_component_too_many_splits_another_and_has_little() -> None:
    # Factors around two rather than zero: all components are alike enough for a third to split one of them.
    for seed in range(3):
        rng = np.random.default_rng(seed)
        factors = [2 + rng.normal(size=(size, 2)) for size in (15, 12, 10)]
        X = np.einsum("ir,jr,kr->ijk", *factors)
        X += 0.02 * X.std() * rng.normal(size=X.shape)
        right, surplus = (fg.TCA(rank, n_init=4, random_state=0).fit(X) for rank in (2, 3))
        assert fg.core_consistency(right, X) > 99
        assert fg.core_consistency(surplus, X) < 0


def test_a_fit_of_a_matrix_has_a_hundred_at_any_rank() -> None:
    X = np.random.default_rng(2).normal(size=(9, 7))
    model = fg.TCA(3, tol=1e-15, max_iter=5000, random_state=0).fit(X)
    assert fg.core_consistency(model, X) == pytest.approx(100, abs=1e-4)


def test_interactions_stand_where_they_were_planted() -> None:
    model = random_tca(3, (9, 7, 8), 2)
    a, b, c = model.factors_
    X = model.reconstruct() + 0.7 * np.einsum("i,j,k->ijk", model.weights_[0] * a[:, 0], b[:, 1], c[:, 0])
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 1, 1] = 1
    expected[0, 1, 0] = 0.7
    np.testing.assert_allclose(core_array(model, X), expected, atol=1e-12)
    assert fg.core_consistency(model, X) == pytest.approx(100 * (1 - 0.49 / 2), abs=1e-10)


def test_missing_entries_are_filled_from_the_model() -> None:
    X = planted_cp(0)[0]
    model = fg.TCA(2, random_state=0).fit(X)
    gaps = with_gaps(X, 0.3)
    filled = np.where(np.isnan(gaps), model.reconstruct(), X)
    expected = fg.core_consistency(model, filled)
    assert fg.core_consistency(model, gaps) == pytest.approx(expected, abs=1e-10)
    assert fg.core_consistency(model, X + 1e6 * np.isnan(gaps), mask=~np.isnan(gaps)) == pytest.approx(
        expected, abs=1e-10
    )


def test_more_components_than_an_axis_has_entries_and_parallel_ones() -> None:
    X = np.random.default_rng(0).normal(size=(6, 5, 2))
    model = random_tca(0, X.shape, 4)
    assert fg.core_consistency(model, X) == pytest.approx(slow_consistency(slow_core(model, X), False), rel=1e-8)
    whole = random_tca(0, (9, 7, 8), 1)
    halves = tca_of([np.repeat(factor, 2, axis=1) for factor in whole.factors_], np.repeat(whole.weights_ / 2, 2))
    # The one thing there is to explain is spread evenly over all eight products of two equal halves.
    np.testing.assert_allclose(core_array(halves, whole.reconstruct()), 0.25, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_consistency_does_not_depend_on_the_scale(scale: float) -> None:
    model, X = random_tca(0, (9, 7, 8), 2), np.random.default_rng(0).normal(size=(9, 7, 8))
    scaled = tca_of(model.factors_, scale * model.weights_)
    assert fg.core_consistency(scaled, scale * X) == pytest.approx(fg.core_consistency(model, X), rel=1e-10)


@pytest.mark.parametrize(
    ("model", "X", "error", "message"),
    [
        (random_slicetca(0, (4, 3, 5), (1, 1, 1)), np.ones((4, 3, 5)), TypeError, "slices, not a factor.*no core"),
        (random_tca(0, (4, 3, 5), 2), np.ones((4, 3)), ValueError, "pass the recording"),
        (fg.TCA(2), np.ones((4, 3, 5)), AttributeError, "not fitted yet"),
        ("model", np.ones((4, 3, 5)), TypeError, "model is a str"),
    ],
)
def test_refusals(model: Any, X: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fg.core_consistency(model, X)


def test_a_core_of_nothing_cannot_be_normalised() -> None:
    model = random_tca(0, (4, 3, 5), 2)
    assert fg.core_consistency(model, np.zeros((4, 3, 5))) == 0
    with pytest.raises(ValueError, match="core is zero"):
        fg.core_consistency(model, np.zeros((4, 3, 5)), normalised=True)


def test_the_figure_shows_every_entry_of_the_core() -> None:
    model, X = random_tca(0, (9, 7, 8), 3), np.random.default_rng(0).normal(size=(9, 7, 8))
    core = core_array(model, X)
    (ax,) = fg.plot.core_consistency(model, X).axes
    _, within, across = (line.get_ydata() for line in ax.lines)
    own = core[np.arange(3), np.arange(3), np.arange(3)]
    np.testing.assert_allclose(within, np.sort(own)[::-1])
    np.testing.assert_allclose(np.sort(np.concatenate([within, across])), np.sort(core.ravel()))
    assert f"{fg.core_consistency(model, X):.1f}" in ax.get_title(loc="left")
    (single,) = fg.plot.core_consistency(random_tca(0, (9, 7, 8), 1), X).axes
    assert len(single.lines[1].get_ydata()) == 1


# Degeneracy


def test_cosines_are_those_of_whole_tensors() -> None:
    for model in (random_tca(0, (5, 4, 6, 3), 4), random_tca(1, (6, 5), 3), random_slicetca(0, (6, 5, 4), (2, 1, 2))):
        if isinstance(model, fg.TCA):
            parts = [model.reconstruct(r).ravel() for r in range(model.weights_.size)]
        else:
            parts = [model.reconstruct(*label).ravel() for label in degeneracy(model).labels]
        unit = np.array([part / np.linalg.norm(part) for part in parts])
        found = degeneracy(model)
        np.testing.assert_allclose(found.cosines, unit @ unit.T, atol=1e-13)
        assert found.pair is not None
        first, second = (found.labels.index(label) for label in found.pair)
        assert found.cosine == found.cosines[first, second]
        assert found.cosine == pytest.approx((unit @ unit.T).min(), abs=1e-13)


def test_the_product_of_cosines_by_hand() -> None:
    # Cosines 0.6, −1 and 0.8 between the two components.
    a = np.array([[1.0, 0.6], [0.0, 0.8]])
    b = np.array([[1.0, -1.0], [1.0, -1.0]])
    c = np.array([[0.8, 1.0], [0.6, 0.0]])
    found = degeneracy(tca_of([a, b, c], np.array([2.0, 3.0])))
    assert found.cosine == pytest.approx(-0.48, abs=1e-15)
    assert found.pair == (0, 1)
    assert not found.troublesome


def test_two_factors_that_have_no_best_fit_are_found() -> None:
    # a⊗a⊗b + a⊗b⊗a + b⊗a⊗a is a limit of tensors of rank two, and of rank three itself.
    rng = np.random.default_rng(0)
    a, b = np.linalg.qr(rng.normal(size=(6, 2)))[0].T
    X = sum(np.einsum("i,j,k->ijk", *vectors) for vectors in ((a, a, b), (a, b, a), (b, a, a)))
    found = degeneracy(fg.TCA(2, n_init=3, tol=1e-12, random_state=0).fit(X + 1e-6 * rng.normal(size=X.shape)))
    assert found.cosine < -0.95
    assert found.troublesome
    healthy = degeneracy(fg.TCA(2, random_state=0).fit(planted_cp(0)[0]))
    assert not healthy.troublesome


def test_components_of_a_slice_type_are_orthogonal() -> None:
    X = np.random.default_rng(0).normal(size=(9, 7, 8))
    found = degeneracy(fg.SliceTCA((2, 2, 0), n_init=1, random_state=0).fit(X))
    assert found.labels == [(0, 0), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_allclose(found.cosines[:2, :2], np.eye(2), atol=1e-9)
    np.testing.assert_allclose(found.cosines[2:, 2:], np.eye(2), atol=1e-9)
    assert found.to_pandas().index.tolist() == found.labels


def test_fewer_than_two_components_have_no_pair() -> None:
    found = degeneracy(random_tca(0, (4, 3, 5), 1))
    assert np.isnan(found.cosine)
    assert found.pair is None
    assert not found.troublesome
    assert found.to_pandas().shape == (1, 1)


def test_components_of_no_weight_are_alike_to_nothing() -> None:
    model = random_tca(0, (4, 3, 5), 3)
    model.weights_[1] = 0
    cosines = degeneracy(model).cosines
    assert not cosines[1].any()
    assert not cosines[:, 1].any()
    assert cosines[0, 2] != 0


def test_the_figure_of_degeneracy_frames_the_pair() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=(length, 3)) for length in (6, 5, 4))
    a[:, 2], b[:, 2], c[:, 2] = -a[:, 0], b[:, 0], c[:, 0]
    found = degeneracy(tca_of([a, b, c], np.array([3.0, 2.0, 1.0])))
    assert found.pair == (0, 2)
    ax = found.plot().axes[0]
    np.testing.assert_array_equal(ax.images[0].get_array(), found.cosines)
    assert sorted(patch.get_xy() for patch in ax.patches) == [(-0.5, 1.5), (1.5, -0.5)]
