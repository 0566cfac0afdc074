"""A network and a cerebellar module in a loop: timing, ablation, learning, prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.cerebellum import LMS, Cerebellum, Delayed, GranuleLayer, couple

DT, N_TRIALS, N_STEPS = 0.01, 11, 30
rng = np.random.default_rng(5)
X = rng.normal(size=(N_TRIALS, N_STEPS, 2))
Y = rng.normal(size=(N_TRIALS, N_STEPS, 1))


def network(cell: str = "rate", dtype: str = "float64", **options: Any) -> fg.RNN:
    return fg.RNN(2 + 3, 12, 1, **{"cell": cell, "dt": DT, "tau": 0.05, "seed": 3, "dtype": dtype, **options})


def module(net: fg.RNN, n_sent: int = 14, **options: Any) -> Cerebellum:
    layer = GranuleLayer(n_sent, 60, n_inputs=min(4, n_sent), seed=4, dtype=net._structure.dtype)
    made = Cerebellum(layer, 3, **{"dt": DT, "plasticity": LMS(0.01), **options})
    weights = np.random.default_rng(6).normal(size=(3, 60)) * 0.2
    return made.set_parameters({"W_pf": weights})


MAPPING = np.array([[1.0], [-0.5], [0.25]])


@pytest.mark.parametrize("cell", ["rate", "gru", "lstm", "alif"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_gain_the_network_runs_as_it_does_alone(cell: str, dtype: str) -> None:
    net = network(cell, dtype, noise=0.1)
    loop = couple(net, module(net), gain=0.0, mapping=MAPPING, delay_to=0.02, delay_back=0.01)
    found = loop.run(X, Y, learn=True, seed=7)
    alone = net.run(np.concatenate([X, np.zeros((N_TRIALS, N_STEPS, 3))], axis=2), seed=7)
    np.testing.assert_array_equal(found.states, alone.states)
    np.testing.assert_array_equal(found.outputs, alone.outputs)
    assert np.abs(found.nuclei).max() > 0


@pytest.mark.parametrize("options", [{}, {"delays": {"input": 2, "recurrent": 1}}, {"feedback": True}])
def test_the_loop_repeats_as_a_run_of_the_network_with_what_came_in(options: dict[str, Any]) -> None:
    net = network(**options)
    found = couple(net, module(net), mapping=MAPPING, delay_back=0.03, gain=0.7).run(X)
    np.testing.assert_array_equal(net.run(found.inputs).states, found.states)
    np.testing.assert_array_equal(found.inputs[..., :2], X)
    np.testing.assert_allclose(found.inputs[:, 3:, 2:], 0.7 * found.nuclei[:, :-3], rtol=1e-15)
    assert (found.inputs[:, :3, 2:] == 0).all()


@pytest.mark.parametrize("delay_to", [0, 1, 4])
@pytest.mark.parametrize("mossy", [("activity", "inputs"), ("outputs",), ("activity", "inputs", "outputs")])
def test_mossy_fibres_carry_what_they_should_when_they_should(delay_to: int, mossy: tuple[str, ...]) -> None:
    net = network(initial_state=np.full(12, 0.3))
    sizes = {"activity": 12, "inputs": 2, "outputs": 1}
    made = module(net, sum(sizes[name] for name in mossy))
    found = couple(net, made, mapping=MAPPING, delay_to=delay_to * DT, mossy=mossy).run(X)
    shift = 1 + delay_to
    past = np.concatenate([np.full((N_TRIALS, shift, 12), 0.3), found.states], axis=1)[:, :N_STEPS]
    outputs = np.concatenate([np.zeros((N_TRIALS, shift, 1)), found.outputs], axis=1)[:, :N_STEPS]
    parts = {"activity": past, "inputs": X, "outputs": outputs}
    xi = np.concatenate([parts[name] for name in mossy], axis=2)
    np.testing.assert_array_equal(found.mossy, xi)
    expected = made.run(xi)
    np.testing.assert_allclose(found.nuclei, expected.nuclei, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.purkinje, expected.purkinje, rtol=1e-9, atol=1e-12)


def test_delays_shift_exactly() -> None:
    """A linear net without memory, y_t = c_{t−b}, and a module that copies its input: y_t = x_{t−b}."""
    net = fg.RNN(1 + 1, 1, 1, activation="linear", dt=DT, tau=DT, dtype="float64")
    net.set_parameters({"W": [[0.0]], "W_in": [[0.0, 1.0]], "W_out": [[1.0]]})
    x = rng.normal(size=(4, N_STEPS, 1))
    for delay in (0, 1, 5):
        copying = Cerebellum(1, 1, dt=DT, initial_weight=1.0, dtype="float64")
        found = couple(net, copying, delay_back=delay * DT, mossy=("inputs",)).run(x)
        np.testing.assert_array_equal(found.outputs[:, delay:], x[:, : N_STEPS - delay])
        assert (found.outputs[:, :delay] == 0).all()
        # Round and round: the activity comes back after both delays and the step between.
        echo = Cerebellum(2, 1, dt=DT, dtype="float64").set_parameters({"W_pf": [[0.5, 1.0]]})
        for there in (0, 3):
            found = couple(net, echo, delay_to=there * DT, delay_back=delay * DT).run(np.eye(1, N_STEPS)[..., None])
            period = 1 + there + delay
            expected = np.zeros(N_STEPS)
            for bounce, step in enumerate(range(delay, N_STEPS, period)):
                expected[step] = 0.5**bounce
            np.testing.assert_allclose(found.outputs[0, :, 0], expected, atol=1e-15)


@pytest.mark.parametrize("off", [slice(5, 12), np.arange(5, 12), np.isin(np.arange(N_STEPS), np.arange(5, 12))])
def test_the_cerebellum_can_be_off_for_some_steps(off: Any) -> None:
    net = network()
    made = module(net)
    loop = couple(net, made, mapping=MAPPING, delay_back=0.02)
    intact, ablated = loop.run(X), loop.run(X, cerebellum_off=off)
    assert (ablated.nuclei[:, 5:12] == 0).all()
    assert (ablated.inputs[:, 7:14, 2:] == 0).all()
    np.testing.assert_array_equal(ablated.states[:, :7], intact.states[:, :7])
    assert np.abs(ablated.states[:, 7:] - intact.states[:, 7:]).max() > 1e-6
    np.testing.assert_array_equal(ablated.off, np.isin(np.arange(N_STEPS), np.arange(5, 12)))
    before = made.parameters["W_pf"]
    throughout = loop.run(X, Y, learn=True, cerebellum_off=True)
    np.testing.assert_array_equal(made.parameters["W_pf"], before)
    alone = net.run(np.concatenate([X, np.zeros((N_TRIALS, N_STEPS, 3))], axis=2))
    np.testing.assert_array_equal(throughout.outputs, alone.outputs)


def by_hand(net: fg.RNN, made: Cerebellum, x: np.ndarray, y: np.ndarray, delays: tuple[int, int]) -> np.ndarray:
    """The loop closed in Python, learning online: outputs."""
    there, back = delays
    outputs = np.empty_like(y)
    for trial in range(len(x)):
        stepper, sent = net.stepper(), []
        made.reset()
        past = [np.zeros(net.n_units)] * (there + 1)
        for step in range(x.shape[1]):
            xi = np.concatenate([past[-1 - there], x[trial, step]])
            sent.append(made.step(xi[None])[0])
            arrived = sent[step - back] if step >= back else np.zeros(3)
            output, state = stepper.step(np.concatenate([x[trial, step], arrived])[None])
            past.append(state[0])
            outputs[trial, step] = output[0]
            made.teach(((y[trial, step] - output[0]) @ MAPPING.T)[None])
    return outputs


@pytest.mark.parametrize("delays", [(0, 0), (2, 1)])
def test_learning_online_is_the_loop_closed_by_hand(delays: tuple[int, int]) -> None:
    net = network()
    options: dict[str, Any] = {"eligibility": Delayed(0.02), "climbing_fibre_delay": 0.02}
    inside, outside = module(net, **options), module(net, **options)
    targets = np.where(rng.random(Y.shape) < 0.2, np.nan, Y)
    loop = couple(net, inside, mapping=MAPPING, delay_to=delays[0] * DT, delay_back=delays[1] * DT)
    found = loop.run(X, targets, learn=True)
    np.testing.assert_allclose(found.outputs, by_hand(net, outside, X, targets, delays), rtol=1e-8)
    np.testing.assert_allclose(inside.parameters["W_pf"], outside.parameters["W_pf"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.errors, (targets - found.outputs) @ MAPPING.T, rtol=1e-9)
    np.testing.assert_allclose(found.losses, (targets - found.outputs)[..., 0] ** 2)


def test_batched_learning_is_one_update_by_the_sum() -> None:
    net = network()
    made = module(net, climbing_fibre_delay=0.01)
    before = made.parameters["W_pf"]
    loop = couple(net, made, mapping=MAPPING)
    still = loop.run(X, Y)
    np.testing.assert_array_equal(made.parameters["W_pf"], before)
    granule = made.granule_layer.run(still.mossy)
    expected = 0.01 * np.einsum("btn,btg->ng", still.errors[:, :-1], granule[:, 1:])
    found = loop.run(X, Y, learn="batched")
    np.testing.assert_array_equal(found.outputs, still.outputs)
    np.testing.assert_allclose(made.parameters["W_pf"] - before, expected, rtol=1e-8, atol=1e-12)


def test_errors_of_steps_without_the_cerebellum_teach_nothing_later_either() -> None:
    net = network()
    made = module(net, climbing_fibre_delay=0.02)
    before = made.parameters["W_pf"]
    off = np.isin(np.arange(N_STEPS), np.arange(5, 9))
    found = couple(net, made, mapping=MAPPING).run(X, Y, learn="batched", cerebellum_off=off)
    granule = made.granule_layer.run(found.mossy)
    taught = ~off[2:] & ~off[:-2]
    expected = 0.01 * np.einsum("t,btn,btg->ng", taught, found.errors[:, :-2], granule[:, 2:])
    np.testing.assert_allclose(made.parameters["W_pf"] - before, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("learn", [False, "batched", "online"])
def test_no_number_depends_on_threads(learn: bool | str) -> None:
    found = []
    for n_threads in (1, 2, 5):
        net = network(dtype="float32", noise=0.05)
        made = module(net)
        trajectory = couple(net, made, mapping=MAPPING).run(X, Y, learn=learn, n_threads=n_threads)
        found.append((trajectory.states, trajectory.nuclei, trajectory.errors, made.parameters["W_pf"]))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_cerebellum_learns_what_is_missing_in_the_output() -> None:
    x = np.zeros((1, 100, 1))
    x[:, :10] = 1.0
    y = np.sin(2 * np.pi * np.arange(100) / 100)[None, :, None]
    net = fg.RNN(1 + 1, 40, 1, dt=DT, tau=0.05, seed=1, dtype="float64")
    made = Cerebellum(GranuleLayer(41, 400, seed=1, dtype="float64"), 1, plasticity=LMS(0.03), dt=DT)
    loop = couple(net, made, mapping="path", delay_to=0.01)
    alone = loop.run(x, y, cerebellum_off=True)
    made.granule_layer.calibrate(alone.mossy)
    losses = [loop.run(x, y, learn=True).losses.mean() for _ in range(60)]
    assert losses[-1] < 0.5 * alone.losses.mean()


def test_prediction_is_compared_with_the_target_when_it_comes() -> None:
    horizon = 4
    net = network()
    made = module(net)
    weights = made.parameters["W_pf"]
    loop = couple(net, made, mapping=MAPPING, horizon=horizon * DT)
    off = np.zeros(N_STEPS, dtype=bool)
    off[10] = True
    still = loop.run(X, Y, cerebellum_off=off)
    expected = (Y @ MAPPING.T)[:, horizon:] - still.nuclei[:, :-horizon]
    expected[:, 10] = np.nan
    np.testing.assert_allclose(still.errors[:, horizon:], expected, rtol=1e-12)
    assert np.isnan(still.errors[:, :horizon]).all()
    # The synapses that made the prediction learn from it.
    granule = made.granule_layer.run(still.mossy)
    teaching = np.where(off[horizon:, None] | np.isnan(expected), 0.0, expected)
    change = 0.01 * np.einsum("btn,btg->ng", teaching, granule[:, :-horizon])
    loop.run(X, Y, cerebellum_off=off, learn="batched")
    np.testing.assert_allclose(made.parameters["W_pf"] - weights, change, rtol=1e-8, atol=1e-12)


def test_prediction_of_a_target_ahead_is_learned_online() -> None:
    clock = np.tile(np.eye(50), (300, 1, 1))
    target = np.tile(np.sin(2 * np.pi * np.arange(50) / 25)[:, None], (300, 1, 1))
    net = fg.RNN(50 + 1, 5, 1, dt=DT, seed=0, dtype="float64")
    made = Cerebellum(50, 1, plasticity=LMS(0.3), dt=DT, dtype="float64")
    found = couple(net, made, mossy=("inputs",), horizon=0.1, gain=0.0).run(clock, target, learn=True)
    np.testing.assert_allclose(found.nuclei[-1, :40, 0], target[-1, 10:, 0], atol=1e-9)


def test_a_coupled_trajectory_is_a_trajectory() -> None:
    net = network()
    trials = fg.Trials(X, Y, np.ones((N_TRIALS, N_STEPS)), info={"kind": np.arange(N_TRIALS)}, dt=DT)
    found = couple(net, module(net), mapping=MAPPING).run(trials)
    assert found.to_tensor().shape == (N_TRIALS, 12, N_STEPS)
    dataset = found.to_xarray()
    assert dataset["nuclei"].shape == (N_TRIALS, N_STEPS, 3)
    assert dataset["errors"].dims == ("trial", "time", "nucleus")
    np.testing.assert_array_equal(dataset.coords["kind"], np.arange(N_TRIALS))
    assert found.losses is not None
    assert couple(net, module(net), mapping=MAPPING).run(X).errors is None


def test_a_mask_hides_targets() -> None:
    net = network()
    first, second = module(net), module(net)
    mask = rng.random((N_TRIALS, N_STEPS)) < 0.5
    couple(net, first, mapping=MAPPING).run(X, Y, mask=mask, learn=True)
    couple(net, second, mapping=MAPPING).run(X, np.where(mask[..., None], Y, np.nan), learn=True)
    np.testing.assert_array_equal(first.parameters["W_pf"], second.parameters["W_pf"])
    before = first.parameters["W_pf"]
    couple(net, first, mapping=MAPPING).run(X, np.full_like(Y, np.nan), learn=True)
    np.testing.assert_array_equal(first.parameters["W_pf"], before)


def test_a_loop_that_runs_away_is_an_error_and_is_not_kept() -> None:
    net = network(activation="linear")
    made = module(net, plasticity=LMS(1e200))
    before = made.parameters["W_pf"]
    with pytest.raises(FloatingPointError):
        couple(net, made, mapping=MAPPING, gain=1e100).run(X, Y, learn=True)
    np.testing.assert_array_equal(made.parameters["W_pf"], before)


@pytest.mark.parametrize("learn", [False, "online", "batched"])
def test_a_run_can_be_stopped_by_its_progress(learn: bool | str) -> None:
    net = network(dtype="float32")
    x = np.zeros((8, 30_000, 2), dtype=np.float32)
    with pytest.raises(ZeroDivisionError):
        couple(net, module(net), mapping=MAPPING).run(x, x[..., :1], learn=learn, progress=lambda *_: 1 / 0)


@pytest.mark.parametrize(
    ("options", "run", "message"),
    [
        ({}, {}, r"mapping is None, expected an array of shape \(n_nuclei, n_outputs\) = \(3, 1\)"),
        ({"mapping": np.ones((1, 3))}, {}, "mapping has the shape"),
        ({"mapping": MAPPING, "delay_to": 0.005}, {}, "delay_to is 0.005 s, expected a whole number"),
        ({"mapping": MAPPING, "delay_back": -0.01}, {}, "delay_back"),
        ({"mapping": MAPPING, "horizon": 0.005}, {}, "horizon"),
        ({"mapping": MAPPING, "gain": np.nan}, {}, "gain"),
        ({"mapping": MAPPING, "mossy": ("activity",)}, {}, r"n_mossy of the cerebellum is 14, expected 12 = 12 \(act"),
        ({"mapping": MAPPING, "mossy": "activity"}, {}, "n_mossy of the cerebellum is 14"),
        ({"mapping": MAPPING, "mossy": ()}, {}, r"mossy is \(\), expected some of"),
        ({"mapping": MAPPING, "mossy": ("inputs", "inputs")}, {}, "each once"),
        ({"mapping": MAPPING, "mossy": ("activity", "touch")}, {}, "mossy is 'touch'"),
        ({"mapping": MAPPING}, {"inputs": X[..., :1]}, "inputs has the shape"),
        ({"mapping": MAPPING}, {"targets": Y[:3]}, "targets have the shape"),
        ({"mapping": MAPPING}, {"targets": np.full_like(Y, np.inf)}, "targets is infinite"),
        ({"mapping": MAPPING}, {"targets": None, "learn": True}, "targets are None"),
        ({"mapping": MAPPING}, {"learn": "offline"}, "learn is 'offline'"),
        ({"mapping": MAPPING}, {"cerebellum_off": [99]}, "cerebellum_off does not fit 30 steps"),
        ({"mapping": MAPPING}, {"mask": np.ones((2, 2))}, "mask has the shape"),
    ],
)
def test_errors_say_what_was_got_and_what_is_expected(
    options: dict[str, Any], run: dict[str, Any], message: str
) -> None:
    net = network()
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        couple(net, module(net), **options).run(**{"inputs": X, "targets": Y, **run})


def test_network_and_module_must_fit() -> None:
    net = network()
    with pytest.raises(ValueError, match="dt of the cerebellum is 0"):
        couple(net, module(net, dt=0.001), mapping=MAPPING)
    with pytest.raises(ValueError, match="dtype of the cerebellum is float32, expected"):
        couple(net, module(network(dtype="float32")), mapping=MAPPING)
    with pytest.raises(TypeError, match="net is int"):
        couple(3, module(net))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cerebellum is RNN"):
        couple(net, net)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_inputs of the network is 2, expected at least 3, one"):
        couple(fg.RNN(2, 12, 1, dt=DT, dtype="float64"), module(net), mapping=MAPPING)
