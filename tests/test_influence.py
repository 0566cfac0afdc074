"""Leverage and residuals: the hat matrix, slow means, planted outliers of both kinds, labels."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.estimators import planted_cp, with_gaps
from tests.common.models import random_slicetca, random_tca, tca_of

import fastigial as fg
from fastigial.analysis import influence
from fastigial.analysis.influence import _robust_z

matplotlib.use("agg")
SHAPE = (30, 12, 15)


@pytest.mark.parametrize("shape", [(9, 7, 8), (9, 7), (5, 4, 6, 3)], ids=str)
def test_leverage_is_the_diagonal_of_the_hat_matrix(shape: tuple[int, ...]) -> None:
    model = random_tca(0, shape, 2)
    found = influence(model, np.random.default_rng(0).normal(size=shape))
    for leverage, factor in zip(found.leverage, model.factors_, strict=True):
        hat = factor @ np.linalg.inv(factor.T @ factor) @ factor.T
        np.testing.assert_allclose(leverage, np.diag(hat), atol=1e-12)
        assert leverage.sum() == pytest.approx(2, abs=1e-12)


def test_leverage_of_slice_types_is_along_their_own_axis() -> None:
    model = random_slicetca(0, (9, 7, 8), (2, 0, 1))
    found = influence(model, np.random.default_rng(0).normal(size=(9, 7, 8)))
    for axis, n_components in ((0, 2), (2, 1)):
        columns = model.loadings_[axis].T
        hat = columns @ np.linalg.inv(columns.T @ columns) @ columns.T
        np.testing.assert_allclose(found.leverage[axis], np.diag(hat), atol=1e-12)
        assert found.leverage[axis].sum() == pytest.approx(n_components, abs=1e-12)
    assert not found.leverage[1].any()
    assert not found.influential[1].any()


def test_leverage_of_parallel_and_of_too_many_columns() -> None:
    whole = random_tca(0, (9, 7, 3), 1)
    twice = tca_of([np.repeat(factor, 2, axis=1) for factor in whole.factors_])
    X = np.random.default_rng(0).normal(size=(9, 7, 3))
    for one, two in zip(influence(whole, X).leverage, influence(twice, X).leverage, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-12)
    many = influence(random_tca(0, (9, 7, 3), 5), X)
    np.testing.assert_allclose(many.leverage[2], 1, atol=1e-12)
    assert not many.influential[2].any()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "model", [random_tca(1, (6, 5, 7), 2), random_slicetca(1, (6, 5, 7), (1, 1, 1))], ids=["TCA", "SliceTCA"]
)
def test_residuals_are_means_over_what_was_observed(model: Any, masked: bool) -> None:
    X = np.random.default_rng(0).normal(size=(6, 5, 7))
    gaps = with_gaps(X, 0.3)
    gaps[2] = np.nan
    found = influence(model, X, mask=~np.isnan(gaps)) if masked else influence(model, gaps)
    squares = (gaps - model.reconstruct()) ** 2
    for axis in range(3):
        for place in range(squares.shape[axis]):
            slab = np.take(squares, place, axis=axis)
            seen = slab[~np.isnan(slab)]
            if axis == 0 and place == 2:
                assert np.isnan(found.residual[axis][place])
                assert np.isnan(found.residual_score[axis][place])
                assert not found.outlying[axis][place]
            else:
                assert found.residual[axis][place] == pytest.approx(seen.mean(), rel=1e-12)


def test_residual_scores_by_hand() -> None:
    # Residuals of the trials are 1, e, e², e³ and e⁹ times one another: the median log is 2, the deviations 2 1 0 1 7.
    model = random_tca(0, (5, 4, 3), 1)
    offsets = np.exp(np.array([0.0, 1, 2, 3, 9]) / 2)
    X = model.reconstruct() + offsets[:, None, None]
    found = influence(model, X)
    np.testing.assert_allclose(found.residual_score[0], np.array([-2, -1, 0, 1, 7]) / 1.4826, rtol=1e-8)
    assert np.flatnonzero(found.outlying[0]).tolist() == [4]
    assert not influence(model, X, residual_limit=5.0).outlying[0].any()


def test_trials_that_are_alike_raise_few_false_alarms() -> None:
    logs = np.random.default_rng(0).normal(size=(2000, 60))
    alarms = sum((_robust_z(np.exp(0.1 * row), 1.0) > 4.0).any() for row in logs)
    # 1.3 % are stated; five standard deviations around it.
    assert 5 <= alarms <= 52


def noisy(seed: int) -> Any:
    return planted_cp(seed, SHAPE, 2, noise=0.3)[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("estimator", [fg.TCA(2, random_state=0), fg.SliceTCA((2, 0, 0), random_state=0)], ids=str)
def test_a_trial_of_noise_is_the_one_that_is_outlying(seed: int, estimator: Any) -> None:
    X = noisy(seed)
    X[11] += 0.8 * np.random.default_rng(seed).normal(size=X[11].shape)
    found = influence(estimator.fit(X), X)
    assert np.flatnonzero(found.outlying[0]).tolist() == [11]


@pytest.mark.parametrize("seed", range(5))
def test_a_trial_with_a_component_of_its_own_is_the_one_that_is_influential(seed: int) -> None:
    X = noisy(seed)
    rng = np.random.default_rng(seed)
    X[11] += 8 * np.outer(rng.normal(size=SHAPE[1]), rng.normal(size=SHAPE[2]))
    found = influence(fg.TCA(3, n_init=3, random_state=0).fit(X), X)
    assert np.flatnonzero(found.influential[0]).tolist() == [11]
    assert found.leverage[0][11] > 0.95


@pytest.mark.parametrize("rank", [1, 3])
def test_random_factors_raise_few_false_alarms(rank: int) -> None:
    # The largest leverage of 25 rows is beyond the limit in at most one of twenty models.
    X = np.zeros((25, 2, 2))
    X[0] = 1
    alarms = [
        influence(random_tca(seed, X.shape, rank), X, false_alarm=0.05).influential[0].any() for seed in range(400)
    ]
    # Binomial: twenty are expected, thirty-five come about once in a thousand; the bound is loose by little.
    assert 5 <= sum(alarms) <= 35


def test_a_perfect_model_has_no_outliers() -> None:
    model = random_tca(0, SHAPE, 2)
    found = influence(model, model.reconstruct())
    for outlying, scores in zip(found.outlying, found.residual_score, strict=True):
        assert not outlying.any()
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scores_do_not_depend_on_the_scale(scale: float) -> None:
    model, X = random_tca(0, SHAPE, 2), noisy(0)
    found = influence(model, X)
    scaled = influence(tca_of(model.factors_, scale * model.weights_), scale * X)
    for axis in range(3):
        np.testing.assert_allclose(scaled.residual[axis], found.residual[axis] * scale * scale, rtol=1e-9)
        np.testing.assert_allclose(scaled.residual_score[axis], found.residual_score[axis], rtol=1e-7, atol=1e-9)


def labelled() -> tuple[Any, Any]:
    X = noisy(1)
    X[11] += 0.8 * np.random.default_rng(0).normal(size=X[11].shape)
    coords = {
        "trial": ("trial", np.array([f"day 1, {number}" for number in range(SHAPE[0])])),
        "condition": ("trial", np.arange(SHAPE[0]) % 2),
        "time": ("time", np.linspace(-0.1, 0.3, SHAPE[2])),
    }
    recording = fg.Recording(X, dims=("trial", "neuron", "time"), coords=coords)
    return fg.TCA(2, random_state=0).fit(recording), recording


def test_tables_carry_labels() -> None:
    model, recording = labelled()
    tables = influence(model, recording).to_pandas()
    assert list(tables) == ["trial", "neuron", "time"]
    trials = tables["trial"]
    assert trials.index.names == ["trial", "condition"]
    assert trials[trials["outlying"]].index.tolist() == [("day 1, 11", 1)]
    assert list(trials.columns) == ["leverage", "residual", "residual_score", "influential", "outlying"]


def test_the_figure_names_what_is_flagged() -> None:
    model, recording = labelled()
    found = influence(model, recording)
    figure = found.plot()
    for axis, ax in enumerate(figure.axes):
        drawn = np.concatenate([line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"])
        points = np.stack([found.leverage[axis], found.residual[axis]], axis=1)
        np.testing.assert_allclose(drawn[np.lexsort(drawn.T)], points[np.lexsort(points.T)])
    assert "day 1, 11" in [text.get_text() for text in figure.axes[0].texts]
    own = matplotlib.figure.Figure()
    assert fg.plot.influence(found, axes=own.subplots(1, 3)) is own
    with pytest.raises(ValueError, match="axes must hold 3"):
        fg.plot.influence(found, axes=own.subplots(1, 2))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"false_alarm": 0.0}, ValueError, "false_alarm is 0.0"),
        ({"false_alarm": "x"}, TypeError, "false_alarm is 'x'"),
        ({"residual_limit": None}, TypeError, "residual_limit is None"),
    ],
)
def test_refusals(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        influence(random_tca(0, SHAPE, 2), noisy(0), **options)
    with pytest.raises(ValueError, match="pass the recording"):
        influence(random_tca(0, SHAPE, 2), noisy(0)[1:])
