"""Perceptrons with forward and backward interfaces: a slow reference, digits, manners of an estimator, refusals."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split

from fastigial.models import ForwardInterface

Array = NDArray[np.float64]
MODES = [(False, False), (True, False), (False, True), (True, True)]

each_mode = pytest.mark.parametrize(("backward", "forward"), MODES)


class Reference:
    """The equations of the model's docstring, a batch of all samples at a time, in NumPy."""

    def __init__(self, weights: dict[str, Array], rates: tuple[float, float], loss: str) -> None:
        self.weights = {name: value.copy() for name, value in weights.items()}
        self.rates, self.loss, self.n_steps = rates, loss, 0
        self.first = {name: np.zeros_like(value) for name, value in weights.items()}
        self.second = {name: np.zeros_like(value) for name, value in weights.items()}
        self.n_hidden = sum(name.startswith("main") and "weight" in name for name in weights) - 1
        self.backward = "backward_0.weight_0" in weights
        self.forward = "forward_0.weight_0" in weights

    def run(self, piece: str, x: Array) -> list[Array]:
        """Activities of a perceptron, its input first."""
        activities = [x]
        n_layers = sum(name.startswith(f"{piece}.weight") for name in self.weights)
        for layer in range(n_layers):
            x = x @ self.weights[f"{piece}.weight_{layer}"].T + self.weights[f"{piece}.bias_{layer}"]
            x = np.maximum(x, 0.0) if layer < n_layers - 1 else x
            activities.append(x)
        return activities

    def gradient(self, piece: str, activities: list[Array], slope: Array, into: dict[str, Array]) -> Array:
        """Mean over samples of the gradient of a perceptron; returns the gradient at its input."""
        for layer in reversed(range(len(activities) - 1)):
            into[f"{piece}.weight_{layer}"] = slope.T @ activities[layer] / len(slope)
            into[f"{piece}.bias_{layer}"] = slope.mean(axis=0)
            slope = slope @ self.weights[f"{piece}.weight_{layer}"]
            slope = slope * (activities[layer] > 0) if layer > 0 else slope
        return slope

    def step(self, x: Array, y: Array) -> None:
        found: dict[str, Array] = {}
        layers = range(self.n_hidden)
        predicted = [self.run(f"forward_{layer}", x) for layer in layers] if self.forward else []
        given, active = [x], []
        for layer in layers:
            active.append(np.maximum(self.run(f"main_{layer}", given[-1])[-1], 0.0))
            given.append(predicted[layer][-1] if self.forward else active[-1])
        outputs = self.run(f"main_{self.n_hidden}", given[-1])[-1]
        if self.loss == "mse":
            slope = np.nan_to_num(2.0 * (outputs - y) / y.shape[1])
        else:
            powers = np.exp(outputs)
            slope = powers / powers.sum(axis=1, keepdims=True) - y
        arriving = self.gradient(f"main_{self.n_hidden}", [given[-1], outputs], slope, found)
        for layer in reversed(layers):
            if self.backward:
                guess = self.run(f"backward_{layer}", active[layer])
                self.gradient(f"backward_{layer}", guess, 2.0 * (guess[-1] - arriving), found)
                arriving = guess[-1]
            slope = arriving * (active[layer] > 0)
            arriving = self.gradient(f"main_{layer}", [given[layer], active[layer]], slope, found)
        for layer in layers if self.forward else []:
            error = predicted[layer][-1] - active[layer]
            self.gradient(f"forward_{layer}", predicted[layer], 2.0 * error, found)
        self.n_steps += 1
        # The main model learns from what was observed.
        found |= {name: slope / np.isfinite(y).mean() for name, slope in found.items() if name.startswith("main")}
        for name, slopes in found.items():
            rate = self.rates[not name.startswith("main")]
            self.first[name] = 0.9 * self.first[name] + 0.1 * slopes
            self.second[name] = 0.999 * self.second[name] + 0.001 * slopes**2
            mean = self.first[name] / (1 - 0.9**self.n_steps)
            size = np.sqrt(self.second[name] / (1 - 0.999**self.n_steps))
            self.weights[name] -= rate * mean / (size + 1e-8)


def points(n_samples: int = 40) -> tuple[Array, NDArray[Any]]:
    """Two classes that a line does not part."""
    X = np.random.default_rng(0).standard_normal((n_samples, 3))
    return X, np.where(X[:, 0] * X[:, 1] > 0, "same", "different")


@each_mode
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_training_is_that_of_the_equations(backward: bool, forward: bool, loss: str) -> None:
    X, labels = points()
    options: dict[str, Any] = {"hidden": (6, 5), "synthesiser": (7,), "batch_size": 40, "loss": loss, "seed": 3}
    options |= {"backward": backward, "forward": forward}
    y = np.stack([X[:, 0], X[:, 1] ** 2], axis=1) if loss == "mse" else labels
    rates = 3e-3, 1e-2
    start = ForwardInterface(learning_rate=0.0, synthesiser_learning_rate=0.0, n_epochs=1, **options).fit(X, y)
    reference = Reference(start.parameters_, rates, loss)
    targets = y if loss == "mse" else (labels[:, None] == start.classes_).astype(np.float64)
    for _ in range(20):
        reference.step(X, targets)
    model = ForwardInterface(learning_rate=rates[0], synthesiser_learning_rate=rates[1], n_epochs=20, **options)
    model.fit(X, y)
    assert list(model.parameters_) == list(reference.weights)
    for name, values in model.parameters_.items():
        np.testing.assert_allclose(values, reference.weights[name], rtol=1e-7, atol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def digits() -> list[Any]:
    X, y = load_digits(return_X_y=True)
    return list(train_test_split((X / 16).astype(np.float32), y, test_size=0.25, random_state=0, stratify=y))


def test_an_unlocked_model_reads_digits_nearly_as_well_as_one_trained_from_end_to_end(digits: list[Any]) -> None:
    """Each at its own good rate. Smaller batches than by default, for the sake of time: the docstring has both."""
    train, test, y_train, y_test = digits
    rival = ForwardInterface(backward=False, forward=False, learning_rate=1e-3, n_epochs=30).fit(train, y_train)
    best = rival.score(test, y_test)
    assert best >= 0.96
    model = ForwardInterface(batch_size=32, n_epochs=60).fit(train, y_train)
    assert model.score(test, y_test) > 0.9 * best
    assert np.mean(model.predict_unlocked(test) == y_test) > 0.9 * best
    assert (model.history_.forward_error[-1] < 0.02).all()
    assert model.history_.loss.shape == (60,) and model.history_.backward_error.shape == (60, 2)
    assert model.parameters_["main_0.weight_0"].dtype == np.float32


@each_mode
def test_samples_without_targets_teach_the_others_nothing(backward: bool, forward: bool) -> None:
    """Slopes of a sample are its own, and the main model's means are over what was observed."""
    X, _ = points()
    y = np.stack([X[:, 0], X[:, 1] ** 2], axis=1)
    y[::4], y[1::4, 0] = np.nan, np.nan
    options: dict[str, Any] = {"hidden": (6, 5), "synthesiser": (7,), "batch_size": 40, "loss": "mse", "seed": 3}
    options |= {"backward": backward, "forward": forward}
    start = ForwardInterface(learning_rate=0.0, synthesiser_learning_rate=0.0, n_epochs=1, **options).fit(X, y)
    reference = Reference(start.parameters_, (3e-3, 1e-2), "mse")
    for _ in range(20):
        reference.step(X, y)
    model = ForwardInterface(learning_rate=3e-3, synthesiser_learning_rate=1e-2, n_epochs=20, **options).fit(X, y)
    for name, values in model.parameters_.items():
        np.testing.assert_allclose(values, reference.weights[name], rtol=1e-6, atol=1e-8, err_msg=name)
    outputs = start.predict_unlocked(X) if forward else start.predict(X)
    assert model.history_.loss[0] == pytest.approx(np.nanmean((outputs - y) ** 2))


@each_mode
def test_numbers_do_not_depend_on_threads(backward: bool, forward: bool) -> None:
    X, y = points(100)
    fits = [
        ForwardInterface((8,), backward=backward, forward=forward, batch_size=70, n_epochs=3, n_threads=n).fit(X, y)
        for n in (1, 2, 3)
    ]
    for other in fits[1:]:
        for name, values in fits[0].parameters_.items():
            np.testing.assert_array_equal(other.parameters_[name], values)


def test_what_layers_do_and_what_is_predicted_of_it() -> None:
    X, y = points(300)
    model = ForwardInterface((8, 6), n_epochs=2).fit(X, y)
    weights = model.parameters_
    active = X
    for layer, activity in enumerate(model.activity(X)):
        active = np.maximum(active @ weights[f"main_{layer}.weight_0"].T + weights[f"main_{layer}.bias_0"], 0.0)
        np.testing.assert_allclose(activity, active, atol=1e-12)
    last = model.activity(X, unlocked=True)[-1] @ weights["main_2.weight_0"].T + weights["main_2.bias_0"]
    np.testing.assert_array_equal(model.predict_unlocked(X), model.classes_[last.argmax(axis=1)])
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    assert set(model.classes_) == {"same", "different"}


def test_manners_of_an_estimator() -> None:
    X, y = points(60)
    model = ForwardInterface((8,), synthesiser=(4,), n_epochs=2)
    copy = clone(model)
    assert copy is not model and copy.get_params() == model.get_params()
    assert repr(model) == "ForwardInterface(hidden=(8,), synthesiser=(4,), n_epochs=2)"
    assert copy.set_params(n_epochs=3, loss="mse").n_epochs == 3
    assert is_classifier(model) and is_regressor(copy)
    assert cross_val_score(model, X, y, cv=3).shape == (3,)
    with pytest.raises(AttributeError, match="not fitted yet"):
        model.predict(X)
    fitted = model.fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))
    integers = ForwardInterface((8,), n_epochs=1).fit(np.rint(X).astype(int), y)
    assert integers.parameters_["main_0.weight_0"].dtype == np.float64


def test_numbers_are_fitted_and_those_not_observed_teach_nothing() -> None:
    X, _ = points(200)
    y = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1)
    options: dict[str, Any] = {"loss": "mse", "learning_rate": 1e-3, "synthesiser_learning_rate": 1e-2}
    model = ForwardInterface((32,), n_epochs=150, **options).fit(X, y)
    assert model.score(X, y) > 0.8
    assert model.predict(X).shape == (200, 2) and model.fit(X, y[:, 1]).predict(X).shape == (200,)
    # In one batch of all samples, rows without targets are as good as gone.
    gaps = y.copy()
    gaps[::4] = np.nan
    locked: dict[str, Any] = {"backward": False, "forward": False, "batch_size": 200, "n_epochs": 5, **options}
    whole = ForwardInterface((8,), **locked).fit(X, gaps)
    seen = np.isfinite(gaps[:, 0])
    part = ForwardInterface((8,), **locked).fit(X[seen], y[seen])
    np.testing.assert_allclose(whole.predict(X), part.predict(X), rtol=1e-8)
    assert whole.score(X, gaps) == pytest.approx(whole.score(X[seen], y[seen]))


def test_what_was_learned_before_ctrl_c_is_kept() -> None:
    X, y = points(100)

    def stop(done: int, total: int, loss: float) -> None:
        assert total == 100_000 and np.isfinite(loss)
        if done >= 2:
            raise KeyboardInterrupt

    model = ForwardInterface((8,), n_epochs=100_000, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert model.history_.outcome == "interrupted" and 2 <= len(model.history_) < 100_000
    assert model.predict(X).shape == (100,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hidden": ()}, ValueError, r"hidden is \(\), expected 1 layers or more"),
        ({"hidden": 5}, TypeError, "hidden is 5, expected numbers of units"),
        ({"hidden": (4, 0)}, ValueError, r"hidden is \(4, 0\)"),
        ({"synthesiser": (2.5,)}, TypeError, "synthesiser is 2.5"),
        ({"backward": 1}, TypeError, "backward is 1, expected True or False"),
        ({"loss": "hinge"}, ValueError, "loss is 'hinge'"),
        ({"n_epochs": 0}, ValueError, "n_epochs is 0, expected at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size is 0, expected at least 1"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate is -1.0"),
        ({"synthesiser_learning_rate": np.nan}, ValueError, "synthesiser_learning_rate is nan"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
        ({"learning_rate": 1e300}, FloatingPointError, "is not finite in epoch"),
        ({"hidden": (2**31,)}, MemoryError, "does not fit into memory"),
        ({"synthesiser": (2**31, 2**31)}, MemoryError, "does not fit into memory"),
    ],
)
def test_parameters_that_make_no_sense_are_named(options: dict[str, Any], error: type[Exception], message: str) -> None:
    X, y = points()
    with pytest.raises(error, match=message):
        ForwardInterface(**{"hidden": (4,), "n_epochs": 3, **options}).fit(X, y)


def test_data_that_make_no_sense_are_named() -> None:
    X, y = points()
    cases: list[tuple[Any, Any, str]] = [
        (X[0], y, r"X has the shape \(3,\)"),
        (X * np.nan, y, "X is not finite somewhere"),
        (X.astype(complex), y, "X is of dtype complex128"),
        (X, y[:9], r"y has the shape \(9,\), expected \(40,\)"),
        (X, np.full(40, np.nan), "y holds NaN or infinities, expected labels"),
        (X, np.zeros(40), "y holds one class"),
    ]
    for data, labels, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            ForwardInterface((4,), n_epochs=1).fit(data, labels)
    numbers = ForwardInterface((4,), n_epochs=1, loss="mse", forward=False)
    for labels, message in ((y, "y is of dtype <U9"), (np.full(40, np.nan), "nothing but NaN"), (X[:5], "y has the")):
        with pytest.raises((ValueError, TypeError), match=message):
            numbers.fit(X, labels)
    numbers.fit(X, X)
    with pytest.raises(ValueError, match="forward=False"):
        numbers.predict_unlocked(X)
    with pytest.raises(ValueError, match='expected "cross_entropy" for probabilities'):
        numbers.predict_proba(X)
    with pytest.raises(ValueError, match=r"X has shape \[40, 2\]"):
        numbers.predict(X[:, :2])
