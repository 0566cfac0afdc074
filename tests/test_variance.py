"""What each component explains: the slow definitions, sums, orthogonal models, gaps, scale, labels."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.estimators import planted_cp, planted_slices, with_gaps
from tests.common.models import random_slicetca, random_tca, slicetca_of, tca_of
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import ComponentVariance, component_variance, variance

matplotlib.use("agg")
SHAPE = (12, 9, 10)
SHARES = ("marginal", "unique", "sequential")


def parts_of(model: Any) -> list[FloatArray]:
    """The components' tensors, each formed whole."""
    if isinstance(model, fg.TCA):
        return [model.reconstruct(r) for r in range(model.weights_.size)]
    return [model.reconstruct(kind, r) for kind in range(3) for r in range(len(model.loadings_[kind]))]


def slow_shares(parts: list[FloatArray], X: FloatArray, seen: FloatArray) -> dict[str, list[float]]:
    """By the definitions: whole tensors, each score on its own, and the best size by a search."""

    def score(estimate: Any) -> float:
        return float(1 - np.sum((X - estimate)[seen] ** 2) / np.sum(X[seen] ** 2))

    def alone(part: FloatArray) -> float:
        # A parabola in the size: through three sizes, its top is known.
        low, middle, high = (score(size * part) for size in (0.0, 0.5, 1.0))
        curvature = 2 * (low - 2 * middle + high)
        slope = high - low - curvature
        return score(max(0.0, -slope / (2 * curvature)) * part)

    running = [score(sum(parts[:count])) if count else 0.0 for count in range(len(parts) + 1)]
    everything = sum(parts)
    return {
        "marginal": [alone(part) for part in parts],
        "unique": [score(everything) - score(everything - part) for part in parts],
        "sequential": list(np.diff(running)),
    }


CASES = {
    "TCA": lambda: (random_tca(0, SHAPE, 4), planted_cp(0)[0]),
    "TCA of a matrix": lambda: (random_tca(0, (12, 9), 3), planted_cp(0, (12, 9))[0]),
    "TCA of four modes": lambda: (random_tca(0, (5, 4, 6, 3), 3), planted_cp(0, (5, 4, 6, 3))[0]),
    "fitted TCA": lambda: (fg.TCA(3, random_state=0).fit(planted_cp(1)[0]), planted_cp(1)[0]),
    "SliceTCA": lambda: (random_slicetca(0, SHAPE, (2, 1, 2)), planted_cp(0)[0]),
    "fitted SliceTCA": lambda: (
        fg.SliceTCA((1, 2, 0), n_init=2, random_state=0).fit(planted_slices(1, ranks=(1, 2, 0))[0]),
        planted_slices(1, ranks=(1, 2, 0))[0],
    ),
}
each_case = pytest.mark.parametrize("make", CASES.values(), ids=CASES)


@each_case
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_shares_equal_their_slow_definitions(make: Any, missing: float) -> None:
    model, X = make()
    if missing:
        X = with_gaps(X, missing)
    found, slow = component_variance(model, X), slow_shares(parts_of(model), X, ~np.isnan(X))
    for share in SHARES:
        np.testing.assert_allclose(getattr(found, share), slow[share], rtol=1e-9, atol=1e-11)
    assert found.total == pytest.approx(found.sequential.sum(), abs=1e-11)
    assert found.total == pytest.approx(model.score(X) if hasattr(model, "_remembered") else sum(slow["sequential"]))


@each_case
def test_a_mask_is_the_same_as_nan(make: Any) -> None:
    model, X = make()
    gaps = with_gaps(X, 0.3)
    masked, missing = component_variance(model, X, mask=~np.isnan(gaps)), component_variance(model, gaps)
    for share in SHARES:
        assert np.array_equal(getattr(masked, share), getattr(missing, share))


def test_whole_slice_types_are_taken_as_components() -> None:
    model, X = random_slicetca(3, SHAPE, (2, 0, 3)), with_gaps(planted_cp(2)[0], 0.2)
    found = component_variance(model, X)
    assert found.by_type is not None
    assert found.by_type.labels == ["trial", "time"]
    slow = slow_shares([model.reconstruct(0), model.reconstruct(2)], X, ~np.isnan(X))
    for share in SHARES:
        np.testing.assert_allclose(getattr(found.by_type, share), slow[share], rtol=1e-9, atol=1e-11)
    assert found.by_type.total == pytest.approx(found.total, abs=1e-12)
    assert found.by_type.sequential[0] == pytest.approx(found.sequential[:2].sum(), abs=1e-12)
    assert component_variance(random_tca(0, SHAPE, 2), X).by_type is None


def orthogonal(size: int, n_columns: int, seed: int) -> FloatArray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, n_columns)))[0]


def test_orthogonal_components_share_nothing() -> None:
    X = np.random.default_rng(0).normal(size=SHAPE)
    factors = [orthogonal(size, 3, axis) for axis, size in enumerate(SHAPE)]
    weights = np.einsum("ijk,ir,jr,kr->r", X, *factors)
    model = tca_of([factors[0] * np.sign(weights), *factors[1:]], np.abs(weights))
    found = component_variance(model, X)
    expected = weights**2 / np.sum(X**2)
    for share in SHARES:
        np.testing.assert_allclose(getattr(found, share), expected, atol=1e-13)
    assert found.total == pytest.approx(expected.sum(), abs=1e-13)


def test_components_of_one_slice_type_are_the_singular_values() -> None:
    X = np.random.default_rng(1).normal(size=SHAPE)
    found = component_variance(fg.SliceTCA((3, 0, 0), random_state=0).fit(X), X)
    values = np.linalg.svd(X.reshape(len(X), -1), compute_uv=False)[:3]
    for share in SHARES:
        np.testing.assert_allclose(getattr(found, share), values**2 / np.sum(X**2), atol=1e-9)


def test_parallel_components_are_unique_as_they_stand_and_alone_explain_everything() -> None:
    whole = random_tca(0, SHAPE, 1)
    halves = tca_of([np.repeat(factor, 2, axis=1) for factor in whole.factors_], np.repeat(whole.weights_ / 2, 2))
    found = component_variance(halves, whole.reconstruct())
    np.testing.assert_allclose(found.marginal, 1, atol=1e-13)
    np.testing.assert_allclose(found.unique, 0.25, atol=1e-13)
    np.testing.assert_allclose(found.sequential, [0.75, 0.25], atol=1e-13)


def test_a_component_against_the_data_explains_nothing_alone() -> None:
    model = random_tca(0, SHAPE, 1)
    found = component_variance(model, -model.reconstruct())
    assert found.marginal[0] == 0
    assert found.unique[0] == pytest.approx(-3, abs=1e-12)


def test_components_of_no_weight_explain_nothing() -> None:
    model = random_tca(0, SHAPE, 3)
    model.weights_[1] = 0
    found = component_variance(model, planted_cp(0)[0])
    assert [getattr(found, share)[1] for share in SHARES] == [0, 0, 0]


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_shares_do_not_depend_on_the_scale(scale: float) -> None:
    model, X = random_tca(0, SHAPE, 3), planted_cp(0)[0]
    scaled = component_variance(tca_of(model.factors_, scale * model.weights_), scale * X)
    for share in SHARES:
        np.testing.assert_allclose(getattr(scaled, share), getattr(component_variance(model, X), share), rtol=1e-11)


def test_pieces_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X = random_slicetca(0, SHAPE, (2, 1, 2)), planted_cp(0)[0]
    whole = component_variance(model, X)
    for n_at_once in (1, 5 * 5 * 90):
        monkeypatch.setattr(variance, "_N_AT_ONCE", n_at_once)
        np.testing.assert_allclose(component_variance(model, X).unique, whole.unique, rtol=1e-12)


def test_tables_carry_names() -> None:
    X = planted_cp(0)[0]
    table = component_variance(random_tca(0, SHAPE, 2), X).to_pandas()
    assert list(table.columns) == list(SHARES)
    assert table.index.name == "component"
    found = component_variance(random_slicetca(0, SHAPE, (1, 0, 2)), X)
    assert found.by_type is not None
    assert found.to_pandas().index.tolist() == [("trial", 0), ("time", 0), ("time", 1)]
    assert found.by_type.to_pandas().index.tolist() == ["trial", "time"]


def test_single_precision_is_summed_up_in_double() -> None:
    X = planted_cp(3)[0].astype(np.float32)
    model = fg.TCA(2, random_state=0).fit(X)
    assert component_variance(model, X).total == pytest.approx(model.score(X), abs=1e-6)


@pytest.mark.parametrize(
    ("model", "X", "mask", "error", "message"),
    [
        (random_tca(0, SHAPE, 2), np.ones((11, 9, 10)), None, ValueError, r"shape \(11, 9, 10\).*\(12, 9, 10\)"),
        (random_tca(0, SHAPE, 2), np.zeros(SHAPE), None, ValueError, "nothing to explain"),
        (random_tca(0, SHAPE, 2), np.full(SHAPE, np.nan), None, ValueError, "no observed entry"),
        (random_tca(0, SHAPE, 2), np.ones(SHAPE), np.zeros(SHAPE, bool), ValueError, "no observed entry"),
        (random_tca(0, SHAPE, 2), np.ones(SHAPE), np.ones((2, 2), bool), ValueError, r"mask has shape \(2, 2\)"),
        (random_tca(0, SHAPE, 2), np.full(SHAPE, np.inf), None, ValueError, "infinite"),
        (random_tca(0, SHAPE, 2), np.full(SHAPE, "x"), None, TypeError, "expected real numbers"),
        (fg.TCA(2), np.ones(SHAPE), None, AttributeError, "not fitted yet"),
        (3, np.ones(SHAPE), None, TypeError, "model is a int"),
    ],
)
def test_refusals(model: Any, X: Any, mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        component_variance(model, X, mask)


def heights(ax: Any) -> list[float]:
    return [bar.get_height() for bar in ax.patches]


@pytest.mark.parametrize("make", [lambda: random_tca(0, SHAPE, 3), lambda: random_slicetca(0, SHAPE, (2, 1, 2))])
def test_the_figure_shows_the_shares(make: Any) -> None:
    found: ComponentVariance = component_variance(make(), planted_cp(0)[0])
    (ax,) = found.plot().axes
    np.testing.assert_allclose(heights(ax), 100 * found.sequential)
    alone, unique = (line.get_ydata() for line in ax.lines[:2])
    np.testing.assert_allclose(alone, 100 * found.marginal)
    np.testing.assert_allclose(unique, 100 * found.unique)
    figure = matplotlib.figure.Figure()
    own = figure.subplots()
    assert fg.plot.variance(found, axes=own) is figure
    assert heights(own) == heights(ax)


def test_the_figure_of_slice_types_names_them() -> None:
    found = component_variance(random_slicetca(0, SHAPE, (2, 0, 2)), planted_cp(0)[0])
    assert found.by_type is not None
    (ax,) = found.by_type.plot().axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["trial", "time"]
    nothing = slicetca_of(
        [np.ones((0, size)) for size in SHAPE], [np.ones((0, 9, 10)), np.ones((0, 12, 10)), np.ones((0, 12, 9))]
    )
    with pytest.raises(ValueError, match="at least one component"):
        component_variance(nothing, planted_cp(0)[0]).plot()
