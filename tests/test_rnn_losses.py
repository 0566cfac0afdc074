"""Losses as the core takes them: nothing unobserved counts, and what is computed here is what the formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.rnn.losses import as_loss, prepare
from fastigial.rnn.regularization import as_regularization

N_TRIALS, N_STEPS, N_OUTPUTS = SHAPE = (3, 4, 2)
DOUBLE = np.dtype(np.float64)
RNG = np.random.default_rng(0)
OUTPUTS, TARGETS = RNG.standard_normal((2, *SHAPE))
CLASSES = RNG.integers(0, N_OUTPUTS, (N_TRIALS, N_STEPS))
WEIGHTS = RNG.random(SHAPE)


def slow_mse(outputs: Any, targets: Any, weights: Any) -> float:
    total = counted = 0.0
    for place in np.ndindex(SHAPE):
        if weights[place] > 0 and not np.isnan(targets[place]):
            total += weights[place] * (outputs[place] - targets[place]) ** 2
            counted += weights[place]
    return total / counted


def slow_cross_entropy(outputs: Any, classes: Any, weights: Any) -> float:
    total = counted = 0.0
    for place in np.ndindex(N_TRIALS, N_STEPS):
        if classes[place] >= 0:
            chances = np.exp(outputs[place]) / np.exp(outputs[place]).sum()
            total -= weights[place] * np.log(chances[classes[place]])
            counted += weights[place]
    return total / counted


def gappy() -> np.ndarray:
    targets = TARGETS.copy()
    targets[0, 1, 0] = targets[2, :, :] = np.nan
    return targets


@pytest.mark.parametrize("targets", [TARGETS, gappy()], ids=["whole", "gappy"])
@pytest.mark.parametrize(
    "mask", [None, WEIGHTS > 0.4, WEIGHTS, WEIGHTS[..., 0] > 0.3], ids=["no", "bool", "weights", "steps"]
)
def test_mse_is_the_mean_over_what_is_observed(targets: np.ndarray, mask: Any) -> None:
    weights = np.ones(SHAPE) if mask is None else np.broadcast_to(mask if mask.ndim == 3 else mask[..., None], SHAPE)
    found = prepare("mse", targets, mask, SHAPE, DOUBLE)
    assert found.evaluate(OUTPUTS) == pytest.approx(slow_mse(OUTPUTS, targets, weights.astype(float)), rel=1e-12)
    name, told, w = found.for_core()
    assert name == "mse"
    assert np.isfinite(told).all()
    w = np.broadcast_to(1.0 if w is None else w, SHAPE)
    assert (w * (OUTPUTS - told) ** 2).sum() / w.sum() == pytest.approx(found.evaluate(OUTPUTS), rel=1e-12)


def test_cross_entropy_of_classes_is_that_of_their_probabilities() -> None:
    classes = CLASSES.copy()
    classes[1, 2:] = -1
    found = prepare("cross_entropy", classes, WEIGHTS[..., 0], SHAPE, DOUBLE)
    assert found.evaluate(OUTPUTS) == pytest.approx(slow_cross_entropy(OUTPUTS, classes, WEIGHTS[..., 0]), rel=1e-12)
    probabilities = np.where((classes >= 0)[..., None], np.eye(N_OUTPUTS)[classes], np.nan)
    same = prepare("cross_entropy", probabilities, WEIGHTS[..., 0], SHAPE, DOUBLE)
    assert same.evaluate(OUTPUTS) == pytest.approx(found.evaluate(OUTPUTS), rel=1e-12)
    assert found.for_core()[2].shape == (N_TRIALS, N_STEPS, 1)


def test_cross_entropy_does_not_overflow() -> None:
    found = prepare("cross_entropy", CLASSES, None, SHAPE, DOUBLE)
    assert found.evaluate(1e4 * np.eye(N_OUTPUTS)[CLASSES]) == 0.0
    assert found.evaluate(OUTPUTS + 1e6) == pytest.approx(found.evaluate(OUTPUTS), rel=1e-9)


def test_steps_average_to_the_whole() -> None:
    found = prepare("mse", gappy(), None, SHAPE, DOUBLE)
    steps = found.per_step(OUTPUTS)
    observed = ~np.isnan(gappy())
    assert np.isnan(steps[2]).all()
    counts = observed.sum(axis=2)
    assert np.nansum(steps * counts) / counts.sum() == pytest.approx(found.evaluate(OUTPUTS), rel=1e-12)


def test_what_lies_under_a_mask_is_never_looked_at() -> None:
    mask = WEIGHTS > 0.4
    spoiled = np.where(mask, TARGETS, np.inf)
    found = prepare("mse", spoiled, mask, SHAPE, DOUBLE)
    assert found.evaluate(OUTPUTS) == prepare("mse", TARGETS, mask, SHAPE, DOUBLE).evaluate(OUTPUTS)


def test_the_networks_precision_is_kept() -> None:
    name, targets, weights = prepare("mse", gappy(), WEIGHTS, SHAPE, np.dtype(np.float32)).for_core()
    assert name == "mse"
    assert targets.dtype == weights.dtype == np.float32


@pytest.mark.parametrize("n_arguments", [1, 2, 3])
def test_functions_get_as_much_as_they_ask_for(n_arguments: int) -> None:
    got: list[Any] = []

    def answer(*given: Any) -> tuple[float, np.ndarray]:
        got.extend(given)
        return 1.0, np.zeros(SHAPE)

    loss = {
        1: lambda y: answer(y),
        2: lambda y, targets: answer(y, targets),
        3: lambda y, targets, weights: answer(y, targets, weights),
    }[n_arguments]
    function = prepare(loss, TARGETS, None, SHAPE, DOUBLE).for_core()
    assert callable(function)
    value, derivative = function(OUTPUTS)
    assert value == 1.0
    assert derivative.shape == SHAPE
    assert len(got) == n_arguments
    np.testing.assert_array_equal(got[0], OUTPUTS)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (1.0, TypeError, "loss returned float"),
        ((1.0, np.zeros(3)), ValueError, r"derivative of shape \(3,\), expected \(3, 4, 2\)"),
        ((1.0, np.zeros(SHAPE), np.zeros(7)), ValueError, r"losses of shape \(7,\), expected \(3,\)"),
    ],
)
def test_functions_that_answer_wrongly_are_told_so(answer: Any, error: type[Exception], words: str) -> None:
    def loss(outputs: Any) -> Any:
        assert outputs.shape == SHAPE
        return answer

    function = prepare(loss, None, None, SHAPE, DOUBLE).for_core()
    assert callable(function)
    with pytest.raises(error, match=words):
        function(OUTPUTS)


@pytest.mark.parametrize(
    ("loss", "targets", "mask", "words"),
    [
        ("mae", TARGETS, None, "loss is 'mae', expected 'mse'"),
        ("mse", TARGETS[:2], None, r"shape \(2, 4, 2\), expected \(trials, time, outputs\) = \(3, 4, 2\)"),
        ("mse", np.full(SHAPE, np.nan), None, "targets and mask leave nothing"),
        ("mse", TARGETS, np.zeros((N_TRIALS, N_STEPS), bool), "targets and mask leave nothing"),
        ("mse", np.full(SHAPE, np.inf), None, "infinities"),
        ("mse", TARGETS, np.ones(3), r"mask has the shape \(3,\)"),
        ("mse", TARGETS, -WEIGHTS, "negative weights"),
        ("cross_entropy", CLASSES + 1, None, "classes outside −1 to 1"),
        ("cross_entropy", CLASSES[:2], None, r"shape \(2, 4\)"),
        ("cross_entropy", TARGETS - 9, None, "negative probabilities"),
        ("cross_entropy", CLASSES, WEIGHTS, r"expected \(3, 4\) for the cross-entropy"),
    ],
)
def test_targets_that_do_not_fit_are_refused(loss: str, targets: Any, mask: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prepare(loss, targets, mask, SHAPE, DOUBLE)


def test_losses_are_names_objects_or_functions() -> None:
    assert as_loss("mse") == fg.losses.MSE()
    assert as_loss(fg.losses.CrossEntropy()).name == "cross_entropy"
    with pytest.raises(TypeError, match="loss is 3"):
        as_loss(3)
    with pytest.raises(TypeError, match="loss takes 4 arguments"):
        as_loss(lambda a, b, c, d: a + b + c + d)
    with pytest.raises(TypeError, match="targets are None; the loss 'mse' needs them"):
        prepare("mse", None, None, SHAPE, DOUBLE)
    with pytest.raises(TypeError, match="real numbers"):
        prepare("mse", np.full(SHAPE, "a"), None, SHAPE, DOUBLE)


# Regularisers


@pytest.mark.parametrize("dt", [1e-3, 0.01, 0.5])
def test_the_rate_regulariser_is_the_same_in_steps(dt: float) -> None:
    spikes = np.random.default_rng(0).random(7)
    c, f = as_regularization({"rate_target": (3.0, 10.0)}, dt, spiking=True)["rate_target"]
    assert (c * (spikes - f) ** 2).mean() == pytest.approx((3.0 * (spikes / dt - 10.0) ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"l2": 1.0}, ValueError, "names 'l2', expected one of 'activity_l2'"),
        ({"activity_l2": -1.0}, ValueError, "is -1.0"),
        ({"rate_target": (1.0, 10.0)}, ValueError, "do not spike"),
        (0.1, TypeError, "regularization is 0.1"),
    ],
)
def test_regularisers_that_are_none_are_refused(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_regularization(given, 0.01, spiking=False)
