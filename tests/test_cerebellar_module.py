"""Cerebellar modules: cells, steps, files, threads, and what a session throws at them."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from tests.common.junk import anything

import fastigial as fg
from fastigial.cerebellum import LMS, Alpha, Cerebellum, Covariance, Delayed, GranuleLayer

rng = np.random.default_rng(2)
MOSSY = rng.normal(size=(9, 37, 6))
TARGETS = rng.normal(size=(9, 37, 2))
OTHER = rng.normal(size=(3, 20, 6))


def layer(dtype: str = "float64", **options: Any) -> GranuleLayer:
    return GranuleLayer(6, 50, n_inputs=3, seed=1, dtype=dtype, **options).calibrate(MOSSY)


def module(dtype: str = "float64", **options: Any) -> Cerebellum:
    defaults: dict[str, Any] = {"plasticity": LMS(0.01), "dt": 0.01, "n_purkinje": 4}
    return Cerebellum(layer(dtype), 2, **{**defaults, **options})


def test_cells_are_as_defined() -> None:
    made = module(nuclei="inhibited", bottleneck="random", n_purkinje=5)
    draw = np.random.default_rng(0)
    weights = {name: draw.normal(size=value.shape) for name, value in made.parameters.items()}
    made.set_parameters(weights)
    found = made.run(MOSSY, granule=True)
    granule = made.granule_layer.run(MOSSY)
    np.testing.assert_allclose(found.granule, granule, rtol=1e-12)
    purkinje = granule @ weights["W_pf"].T + weights["b_p"]
    np.testing.assert_allclose(found.purkinje, purkinje, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.nuclei, weights["b_n"] - purkinje @ weights["B"].T, rtol=1e-9, atol=1e-11)


def test_a_granule_layer_is_the_same_as_its_features_given_directly() -> None:
    basis = fg.cerebellum.TemporalBasis([0.02, 0.05], dt=0.01)
    expanded = layer(basis=basis)
    made = Cerebellum(expanded, 2, plasticity=LMS(0.01), eligibility=Alpha(0.03), dt=0.01)
    direct = Cerebellum(expanded.n_features, 2, plasticity=LMS(0.01), eligibility=Alpha(0.03), dt=0.01, dtype="float64")
    features = expanded.run(MOSSY)
    for online in (True, False):
        first, second = made.learn(MOSSY, TARGETS, online=online), direct.learn(features, TARGETS, online=online)
        np.testing.assert_allclose(first, second, rtol=1e-9)
    np.testing.assert_allclose(made.parameters["W_pf"], direct.parameters["W_pf"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(made.run(MOSSY).nuclei, direct.run(features).nuclei, rtol=1e-8, atol=1e-12)


def test_a_layer_that_is_calibrated_later_is_seen() -> None:
    fresh = GranuleLayer(6, 50, n_inputs=3, seed=1, dtype="float64")
    made = Cerebellum(fresh, 1, initial_weight=1.0)
    before = made.run(MOSSY).nuclei
    fresh.calibrate(5 * MOSSY)
    np.testing.assert_allclose(made.run(MOSSY).nuclei[..., 0], fresh.run(MOSSY).sum(axis=2), rtol=1e-9)
    assert np.abs(made.run(MOSSY).nuclei - before).max() > 0.1


@pytest.mark.parametrize("rule", [LMS(0.01), Covariance(0.01, tau=0.1)])
@pytest.mark.parametrize("given_to", ["teach", "step"])
def test_steps_of_ones_own_are_online_learning(rule: Any, given_to: str) -> None:
    options: dict[str, Any] = {"plasticity": rule, "climbing_fibre_delay": 0.02, "eligibility": Delayed(0.03)}
    whole, stepped = module(**options), module(**options)
    whole.learn(MOSSY, TARGETS)
    for trial in range(len(MOSSY)):
        stepped.reset()
        error = None
        for step in range(MOSSY.shape[1]):
            nuclei = stepped.step(MOSSY[trial : trial + 1, step], error=error)
            error = TARGETS[trial : trial + 1, step] - nuclei
            if given_to == "teach":
                stepped.teach(error)
                error = None
        if error is not None:
            stepped.teach(error)
    np.testing.assert_allclose(stepped.parameters["W_pf"], whole.parameters["W_pf"], rtol=1e-9, atol=1e-13)


def test_steps_side_by_side_are_a_run_and_their_lessons_add_up() -> None:
    made = module(initial_weight=0.1)
    nuclei = np.stack([made.step(MOSSY[:, step]) for step in range(MOSSY.shape[1])], axis=1)
    np.testing.assert_allclose(nuclei, made.run(MOSSY).nuclei, rtol=1e-9)
    together, apart = module(), module()
    together.step(MOSSY[:, 0])
    together.teach(TARGETS[:, 0])
    for trial in range(len(MOSSY)):
        apart.reset().step(MOSSY[trial : trial + 1, 0])
        apart.teach(TARGETS[trial : trial + 1, 0])
    np.testing.assert_allclose(together.parameters["W_pf"], apart.parameters["W_pf"], atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("online", [True, False])
def test_no_number_depends_on_threads(dtype: str, online: bool) -> None:
    found = []
    for n_threads in (1, 2, 5):
        made = module(dtype, eligibility=Alpha(0.05), plasticity=Covariance(0.01))
        losses = made.learn(MOSSY, TARGETS, online=online, n_epochs=2, n_threads=n_threads)
        found.append((losses, made.parameters["W_pf"], made.run(MOSSY, n_threads=n_threads).nuclei))
        assert found[-1][1].dtype == dtype
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_files_copies_and_pickles_go_on_exactly(tmp_path: Path) -> None:
    for options in (
        {"plasticity": Covariance(0.01, bounds=(-1.0, 1.0), tau=0.3), "eligibility": Alpha(0.05, delay=0.02)},
        {"nuclei": "inhibited", "bottleneck": "random", "n_zones": 2, "plasticity": LMS(0.01, forgetting=0.1)},
        {"eligibility": [0.5, 0.25], "climbing_fibre_delay": 0.03, "initial_weight": 0.01},
    ):
        made = module(**options)
        made.learn(MOSSY, TARGETS)
        made.save(tmp_path / "module.safetensors")
        others = [fg.load(tmp_path / "module.safetensors"), made.clone(), pickle.loads(pickle.dumps(made))]
        made.learn(MOSSY, TARGETS)
        for other in others:
            assert repr(other) == repr(made)
            other.learn(MOSSY, TARGETS)
            for name, value in made.parameters.items():
                np.testing.assert_array_equal(other.parameters[name], value)
    direct = Cerebellum(3, 1)
    direct.save(tmp_path / "direct.safetensors")
    assert fg.load(tmp_path / "direct.safetensors").granule_layer == 3


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "module.safetensors"
    module().save(path)
    content = path.read_bytes()
    for damaged in (content.replace(b'"n_purkinje', b'"n_parkinje'), content.replace(b"lms", b"lmz"), content[:-9]):
        path.write_bytes(damaged)
        with pytest.raises(OSError, match="module"):
            fg.load(path)


def test_a_trajectory_is_a_recording() -> None:
    found = module().run(MOSSY, granule=True)
    assert found.to_tensor().shape == (9, 4, 37)
    assert found.to_tensor("nuclei").shape == (9, 2, 37)
    assert found.to_tensor("granule").shape == (9, 50, 37)
    labelled = found.to_tensor(labelled=True)
    np.testing.assert_array_equal(labelled.coords["zone"], [0, 0, 1, 1])
    np.testing.assert_allclose(labelled.coords["time"], 0.01 * np.arange(37))
    dataset = found.to_xarray()
    assert set(dataset.data_vars) == {"mossy", "granule", "purkinje", "nuclei"}
    assert found.to_recording().shape == (9, 4, 37)
    assert "granule" not in module().run(MOSSY).to_xarray()
    with pytest.raises(ValueError, match="granule=True"):
        module().run(MOSSY).to_tensor("granule")


def test_labelled_arrays_come_in_any_order() -> None:
    labelled = xarray.DataArray(MOSSY.transpose(2, 0, 1), dims=("fibre", "trial", "time"))
    made = module(initial_weight=0.1)
    np.testing.assert_array_equal(made.run(labelled).nuclei, made.run(MOSSY).nuclei)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Cerebellum("layer", 1), TypeError, "granule_layer is 'layer'"),  # type: ignore[arg-type]
        (lambda: Cerebellum(0, 1), ValueError, "granule_layer is 0"),
        (lambda: Cerebellum(3, 0), ValueError, "n_outputs is 0"),
        (lambda: Cerebellum(3, 2, n_purkinje=3), ValueError, "n_purkinje is 3, expected a multiple of n_outputs, 2"),
        (lambda: Cerebellum(3, 2, n_purkinje=4, n_zones=3), ValueError, "n_zones is 3, expected a divisor"),
        (lambda: Cerebellum(3, 2, nuclei="both"), ValueError, "nuclei is 'both'"),
        (lambda: Cerebellum(3, 2, bottleneck="narrow"), ValueError, "bottleneck is 'narrow'"),
        (lambda: Cerebellum(3, 2, bottleneck=np.ones((2, 3))), ValueError, "bottleneck has the shape"),
        (lambda: Cerebellum(3, 2, plasticity="lms"), TypeError, "plasticity is 'lms'"),  # type: ignore[arg-type]
        (lambda: Cerebellum(3, 2, eligibility="alpha"), TypeError, "eligibility is 'alpha'"),
        (lambda: Cerebellum(3, 2, climbing_fibre_delay=0.0015), ValueError, "climbing_fibre_delay is 0.0015 s"),
        (
            lambda: Cerebellum(layer(basis=fg.cerebellum.TemporalBasis([0.1], dt=0.01)), 2, dt=0.001),
            ValueError,
            "expected that of the granule layer's basis, 0.01 s",
        ),
        (lambda: Cerebellum(layer(), 2, dtype="float32"), ValueError, "expected that of the granule layer"),
        (lambda: module().run(MOSSY[0]), ValueError, r"one trial is mossy\[None\]"),
        (lambda: module().run(MOSSY[:, :, :5]), ValueError, "mossy has the shape"),
        (lambda: module().run(MOSSY[:0]), ValueError, "mossy"),
        (lambda: module().run(MOSSY * np.nan), ValueError, "mossy holds NaN"),
        (lambda: module().run(MOSSY * 1j), TypeError, "mossy"),
        (lambda: module().learn(MOSSY), TypeError, "either targets or errors, got neither"),
        (lambda: module().learn(MOSSY, TARGETS, TARGETS), TypeError, "got both"),
        (lambda: module().learn(MOSSY, TARGETS[:3]), ValueError, "targets has 3 trials"),
        (lambda: module().learn(MOSSY, TARGETS / 0), ValueError, "targets is infinite"),
        (lambda: module().learn(MOSSY, errors=TARGETS / 0), ValueError, "errors is infinite"),
        (lambda: module().learn(MOSSY, TARGETS, online="yes"), TypeError, "online"),  # type: ignore[arg-type]
        (lambda: module().teach(TARGETS[:, 0]), ValueError, "before a step"),
        (lambda: module().step(MOSSY[0, 0]), ValueError, "mossy has the shape"),
        (lambda: module().step(MOSSY[:, 0, :4]), ValueError, "mossy has shape"),
        (lambda: module().set_parameters({"W": np.ones(3)}), ValueError, "parameters is W"),
        (lambda: module().set_parameters({"b_n": np.ones(3)}), ValueError, "b_n of shape"),
        (lambda: module().set_parameters({"b_n": [np.nan, 1.0]}), ValueError, "b_n"),
        (lambda: module().set_parameters(None), TypeError, "parameters are NoneType"),  # type: ignore[arg-type]
    ],
)
def test_errors_say_what_was_got_and_what_is_expected(call: Any, error: type[Exception], message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        call()


def test_an_error_of_another_size_leaves_the_steps_as_they_were() -> None:
    made = module()
    made.step(MOSSY[:, 0])
    with pytest.raises(ValueError, match="errors has shape"):
        made.teach(TARGETS[:3, 0])
    made.teach(TARGETS[:, 0])
    assert np.abs(made.parameters["W_pf"]).max() > 0


def test_delays_beyond_a_trial_cost_nothing_and_beyond_memory_are_an_error() -> None:
    made = module(eligibility=Delayed(2e7), climbing_fibre_delay=2e7)
    losses = made.learn(MOSSY, TARGETS)
    np.testing.assert_allclose(losses[0], (TARGETS**2).mean(axis=(1, 2)))
    assert (made.parameters["W_pf"] == 0).all()
    with pytest.raises(MemoryError):
        made.step(MOSSY[:, 0])
    almost, beyond = (module(eligibility=Delayed(delay), initial_weight=0.1) for delay in (0.36, 0.37))
    almost.learn(MOSSY, TARGETS)
    beyond.learn(MOSSY, TARGETS)
    assert (almost.parameters["W_pf"] != 0.1).any()
    assert (beyond.parameters["W_pf"] == 0.1).all()


SHOWN = [
    *("granule_layer", "n_mossy", "n_features", "n_purkinje", "n_outputs", "n_zones", "zone", "nuclei", "parameters"),
    *("plasticity", "eligibility", "climbing_fibre_delay", "dt", "dtype"),
]


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_module_shows_is_what_it_computes_with(name: str) -> None:
    """An attribute that could be assigned would be shown, saved, and not used."""
    found = module()
    with pytest.raises(AttributeError):
        setattr(found, name, getattr(found, name))


@pytest.mark.parametrize("seed", range(60))
def test_junk_is_refused_in_words(seed: int) -> None:
    draw = np.random.default_rng(seed)
    options = ["n_purkinje", "n_zones", "nuclei", "bottleneck", "plasticity", "eligibility", "climbing_fibre_delay"]
    options += ["dt", "initial_weight", "seed", "dtype"]
    chosen: dict[str, Any] = {str(draw.choice(options)): anything(draw)}
    mossy = anything(draw) if draw.random() < 0.3 else OTHER
    targets = anything(draw) if draw.random() < 0.3 else OTHER[..., :2]
    try:
        with np.errstate(all="ignore"):
            Cerebellum(6, 2, **chosen).learn(mossy, targets, online=bool(draw.random() < 0.5))
    except (TypeError, ValueError, FloatingPointError) as error:
        assert str(error)


def test_progress_counts_trials_and_ctrl_c_keeps_what_was_learned() -> None:
    made = Cerebellum(200, 1, plasticity=LMS(1e-4), dt=0.01)
    x = np.random.default_rng(1).normal(size=(40, 400, 200)).astype(np.float32)
    y = x[..., :1].copy()
    seen: list[tuple[int, int]] = []
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.3, interrupt)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            made.learn(x, y, n_epochs=5000, progress=lambda *report: seen.append(report[:2]))
        assert time.monotonic() - sent[0] < 0.5
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)
    assert seen
    assert seen[0][1] == 5000 * 40
    assert np.abs(made.parameters["W_pf"]).max() > 0
    with pytest.raises(ZeroDivisionError):
        made.learn(x, y, n_epochs=5000, online=False, progress=lambda *_: 1 / 0)


@pytest.mark.parametrize("online", [True, False])
def test_nuclei_that_are_no_numbers_are_not_taken_for_targets_that_were_not_observed(online: bool) -> None:
    mossy = np.random.default_rng(0).normal(size=(4, 50, 8)) * 1e18
    module = fg.cerebellum.Cerebellum(8, 1, plasticity=fg.cerebellum.LMS(0.1), dtype="float64")
    with pytest.raises(FloatingPointError, match="learning rate"):
        module.learn(mossy, np.ones((4, 50, 1)), online=online, n_epochs=20)
    assert np.isfinite(module.parameters["W_pf"]).all()
