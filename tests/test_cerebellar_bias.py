"""A recurrent cortex that a cerebellum biases: equations, gradients, lesions, freezing, and what may go wrong."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from tests.common.reference_cerebellar_bias import run as reference

import fastigial as fg
from fastigial.models import CerebellarBiasRNN, MemoryScaling, grow_memory, memory_scaling

SMALL: dict[str, Any] = {"n_units": 6, "n_granule": 9, "n_purkinje": 5}


def random_model(bound: float = 0.3, seed: int = 0, **options: Any) -> CerebellarBiasRNN:
    """Weights large enough for the bound to be reached."""
    model = CerebellarBiasRNN(2, 3, **{**SMALL, "dtype": "float64", "bound": bound, "seed": seed, **options})
    rng = np.random.default_rng(seed)
    return model.set_parameters({name: 0.6 * rng.normal(size=v.shape) for name, v in model.parameters.items()})


def a_lesson(n_trials: int = 7, n_steps: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(n_trials, n_steps, 2)), np.eye(3)[rng.integers(3, size=(n_trials, n_steps))]


@pytest.mark.parametrize("bound", [0.05, 0.4, 1e6])
@pytest.mark.parametrize("n_granule", [9, 0])
def test_runs_follow_the_equations(bound: float, n_granule: int) -> None:
    model = random_model(bound, n_granule=n_granule, tau=1.5, leak=0.2)
    inputs = np.random.default_rng(1).normal(size=(35, 6, 2))
    silent = [False, True, False, False, True, False]
    found = model.run(inputs, lesion=silent)
    expected = reference(model.parameters, inputs, 1.5, 0.2, bound, silent)
    for got, want in zip((found.states, found.bias, found.outputs), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    assert bool(found.bias.any()) == (n_granule > 0)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_gradients_are_those_of_the_reference(loss: str) -> None:
    model = random_model(0.3, loss=loss)
    inputs, targets = a_lesson()
    silent = [False, False, True, False, False]
    got, gradient = model.gradient(inputs, targets, lesion=silent)
    weights = model.parameters

    def loss_of(weights: dict[str, Any]) -> float:
        y = reference(weights, inputs, 1.5, 0.01, 0.3, silent)[2]
        if loss == "mse":
            return float(((y - targets) ** 2).mean())
        return float((np.log(np.exp(y).sum(axis=2)) - (targets * y).sum(axis=2)).mean())

    assert got == pytest.approx(loss_of(weights), rel=1e-12)
    rng = np.random.default_rng(2)
    size = max(np.abs(values).max() for values in gradient.values())
    for name, slopes in gradient.items():
        for place in rng.choice(slopes.size, min(3, slopes.size), replace=False):
            ends = []
            for by in (1e-5, -1e-5):
                moved = {key: values.copy() for key, values in weights.items()}
                moved[name].ravel()[place] += by
                ends.append(loss_of(moved))
            assert slopes.ravel()[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6 * size)


def test_single_precision_and_double_agree() -> None:
    double = random_model()
    single = random_model(dtype="float32").set_parameters(double.parameters)
    inputs, targets = a_lesson()
    assert single.run(inputs).outputs.dtype == np.float32
    one, other = double.gradient(inputs, targets)[1], single.gradient(inputs, targets)[1]
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("learns", [("core",), ("cerebellum",), ("readout", "cerebellum"), ()])
def test_what_does_not_learn_stays(learns: tuple[str, ...]) -> None:
    groups = {"core": ("W_x", "W_h", "b"), "readout": ("W_out", "b_out")}
    model = CerebellarBiasRNN(1, 2, **SMALL)
    before = model.parameters
    model.fit(fg.tasks.SequenceMemory(), updates=3, learns=learns)
    for name, values in model.parameters.items():
        group = next((group for group, names in groups.items() if name in names), "cerebellum")
        assert np.array_equal(values, before[name]) == (group not in learns), name


def test_a_lesioned_cerebellum_learns_nothing_and_says_nothing() -> None:
    model, plain = CerebellarBiasRNN(1, 2, **SMALL), CerebellarBiasRNN(1, 2, **{**SMALL, "n_granule": 0})
    task = fg.tasks.SequenceMemory()
    before = model.parameters
    model.fit(task, updates=20, lesion=True)
    plain.fit(task, updates=20)
    # The same network as one without, and the same trials.
    for name, values in plain.parameters.items():
        np.testing.assert_array_equal(model.parameters[name], values)
    np.testing.assert_array_equal(model.parameters["W_gc"], before["W_gc"])
    trials = task.sample(50, 1)
    assert model.accuracy(trials, lesion=True) == plain.accuracy(trials)


def test_absent_connections_stay_absent() -> None:
    model = CerebellarBiasRNN(1, 2, n_units=20, n_granule=50, n_purkinje=5, fan_in=4, sending=0.5, receiving=0.25)
    model.fit(fg.tasks.SequenceMemory(), updates=30)
    weights = model.parameters
    assert ((weights["W_gc"] != 0).sum(axis=1) == 4).all()
    assert (weights["W_gc"][:, :20] != 0).any(axis=0).sum() <= 10
    assert (weights["W_dcn"] != 0).any(axis=1).sum() == 5 == (weights["b_dcn"] != 0).sum()
    whole = CerebellarBiasRNN(1, 2, n_units=20, n_granule=50, n_purkinje=5)
    assert whole.n_parameters - model.n_parameters == 50 * (21 - 4) + 15 * 5 + 15


def test_numbers_do_not_depend_on_threads_and_repeat() -> None:
    task = fg.tasks.SequenceMemory(kind="sum")
    runs = [CerebellarBiasRNN(1, 2, **SMALL, batch_size=100, n_threads=n).fit(task, updates=5) for n in (1, 2, 3)]
    for other in runs[1:]:
        np.testing.assert_array_equal(other.losses_, runs[0].losses_)
        for name, values in runs[0].parameters.items():
            np.testing.assert_array_equal(other.parameters[name], values)
    assert not np.array_equal(CerebellarBiasRNN(1, 2, **SMALL, seed=1).parameters["W_h"], runs[0].parameters["W_h"])


def test_copies_go_their_own_way() -> None:
    model = CerebellarBiasRNN(1, 2, **SMALL, fan_in=3)
    for copy in (model.clone(), pickle.loads(pickle.dumps(model))):
        copy.fit(fg.tasks.SequenceMemory(), updates=2)
        assert len(copy.losses_) == 2 and not len(model.losses_)
        assert not np.array_equal(copy.parameters["W_h"], model.parameters["W_h"])
    np.testing.assert_array_equal(model.clone().parameters["W_gc"], model.parameters["W_gc"])


def test_an_exception_in_progress_keeps_what_was_learned() -> None:
    def stop(*_: float) -> None:
        raise KeyboardInterrupt

    model = CerebellarBiasRNN(1, 2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(fg.tasks.SequenceMemory(n_back=8), updates=2000, progress=stop)
    assert 1 <= len(model.losses_) < 2000
    assert np.isfinite(model.fit(fg.tasks.SequenceMemory(), updates=1).losses_).all()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"n_units": 0}, ValueError, "n_units is 0"),
        ({"n_purkinje": 2.5}, TypeError, "n_purkinje is 2.5"),
        ({"n_granule": -1}, ValueError, "n_granule is -1"),
        ({"tau": 0.5}, ValueError, "tau is 0.5"),
        ({"bound": float("nan")}, ValueError, "bound is NaN"),
        ({"leak": float("inf")}, ValueError, "leak is inf"),
        ({"fan_in": 0}, ValueError, "fan_in is 0"),
        ({"fan_in": 100}, ValueError, "fan_in is 100, expected at most 7"),
        ({"sending": 0}, ValueError, "sending is 0"),
        ({"receiving": 1.5}, ValueError, "receiving is 1.5"),
        ({"dtype": "int8"}, ValueError, "dtype is int8"),
        ({"loss": "hinge"}, ValueError, "loss is 'hinge'"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate is -1.0"),
        ({"clip": 0}, ValueError, "clip is 0"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"batch_size": True}, TypeError, "batch_size is True"),
    ],
)
def test_absurd_settings_are_refused(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        CerebellarBiasRNN(1, 2, **{**SMALL, **options})


def test_absurd_data_are_refused() -> None:
    model = random_model()
    inputs, targets = a_lesson()
    for bad in (inputs[0], inputs[..., :1], inputs[:0], np.full_like(inputs, np.nan)):
        with pytest.raises(ValueError, match="inputs"):
            model.run(bad)
    with pytest.raises(TypeError, match="inputs"):
        model.run([[["a", "b"]]])
    for bad in (targets[:, :2], np.full_like(targets, np.inf)):
        with pytest.raises(ValueError, match="targets"):
            model.gradient(inputs, bad)
    for mask, word in ((np.ones(3), "mask"), (np.zeros((7, 5)), "targets"), (-np.ones((7, 5)), "weights")):
        with pytest.raises(ValueError, match=word):
            model.gradient(inputs, targets, mask=mask)
    with pytest.raises(ValueError, match="lesion has the shape"):
        model.run(inputs, lesion=[True])
    with pytest.raises(TypeError, match="lesion"):
        model.run(inputs, lesion=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="W_none"):
        model.set_parameters({"W_none": np.ones(3)})
    with pytest.raises(ValueError, match="W_x"):
        model.set_parameters({"W_x": np.ones(3)})
    with pytest.raises(ValueError, match="learns"):
        model.fit(fg.tasks.SequenceMemory(), learns="cortex")
    with pytest.raises(ValueError, match="inputs"):
        model.fit(fg.tasks.SequenceMemory())


def test_a_curriculum_goes_on_when_it_has_mastered() -> None:
    model = CerebellarBiasRNN(1, 2, n_units=32, n_granule=64, n_purkinje=16)
    found = grow_memory(model, n_epochs=6, criterion=0.95)
    assert (np.diff(found.n_back) == (found.accuracy[:-1] >= 0.95)).all()
    assert found.highest >= 3
    assert found.updates_to(2) <= found.updates_to(3) < np.inf
    assert found.updates_to(40) == np.inf
    with pytest.raises(ValueError, match="criterion"):
        grow_memory(model, criterion=1.5)
    with pytest.raises(ValueError, match="n_epochs"):
        grow_memory(model, n_epochs=0)


@pytest.mark.parametrize("kind", ["match", "sum"])
def test_answers_are_those_of_the_bits(kind: str) -> None:
    task = fg.tasks.SequenceMemory(n_back=3, kind=kind, modulus=3)
    trials = task.sample(500, 3)
    length = trials.info["length"]
    assert length.min() == 5 and length.max() == task.n_steps == 13
    for trial, n in enumerate(length):
        bits = (trials.inputs[trial, :n, 0] > 0).astype(int)
        answer = int(bits[-1] == bits[-3]) if kind == "match" else int(bits[-3:].sum() % 3)
        assert trials.info["label"][trial].tolist() == [-1] * (n - 1) + [answer] + [-1] * (13 - n)
        assert not trials.inputs[trial, n:].any()
    shares = np.bincount(trials.info["label"].max(axis=1)) / 500
    expected = [0.5, 0.5] if kind == "match" else [2 / 8, 3 / 8, 3 / 8]
    np.testing.assert_allclose(shares, expected, atol=0.1)


@pytest.mark.parametrize(
    ("name", "values"), [("granule_ratio", (0, 2)), ("pathway_density", (0.2, 1)), ("n_units", (8, 16))]
)
def test_a_sweep_counts_its_weights_and_is_drawn(name: str, values: tuple[float, ...]) -> None:
    options: dict[str, Any] = {"n_units": 12} if name != "n_units" else {"n_granule": 20}
    found = memory_scaling(name, values, seeds=[0, 1], n_epochs=1, criterion_n=2, n_purkinje=4, **options)
    assert found.highest.shape == found.updates.shape == found.error.shape == (2, 2)
    assert found.n_parameters[0] < found.n_parameters[1]
    assert ((found.error >= 0) & (found.error <= 1)).all()
    axes = found.plot().axes
    assert len(axes) == 3 and axes[2].get_ylabel() == "updates to n = 2"


def test_a_sweep_is_drawn_where_some_or_all_failed() -> None:
    updates = np.array([[100.0, np.inf, np.inf], [300.0, 200.0, np.inf]])
    ones = np.ones((2, 3))
    found = MemoryScaling("granule_ratio", np.array([0.0, 1, 10]), ones, updates, ones, np.array([1, 2, 3]), 3)
    bars = found.plot().axes[2].containers[0]
    np.testing.assert_allclose(np.asarray(bars.lines[0].get_ydata(), dtype=float), [200, 200, np.nan])
    with pytest.raises(ValueError, match="name"):
        memory_scaling("n_cells")
