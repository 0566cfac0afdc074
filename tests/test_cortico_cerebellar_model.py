"""What a cortico-cerebellar network does: it learns from feedback that has not come yet, and can be looked into."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.models import CorticoCerebellarRNN, fit_together

TASK = fg.tasks.LineDrawing()
SEEDS = (1, 2, 1243)


def small(**options: Any) -> CorticoCerebellarRNN:
    return CorticoCerebellarRNN(1, 8, 2, **{"granule_layers": (12,), "batch_size": 10, "seed": 3, **options})


def fitted(model: CorticoCerebellarRNN, n_epochs: int = 3, **options: Any) -> CorticoCerebellarRNN:
    return model.fit(TASK, n_epochs, n_trials=40, n_validation=14, **options)


CONDITIONS: dict[str, dict[str, Any]] = {
    "cRNN": {"cerebellum": False},
    "ccRNN": {},
    "ablated early": {"ablate_at": 20},
    "ablated late": {"ablate_at": 60},
    "olive late": {"freeze_at": 60},
    "cRNN, 3 steps": {"cerebellum": False, "window": 3},
    "ccRNN, 3 steps": {"window": 3},
    "cRNN, 5 steps": {"cerebellum": False, "window": 5},
    "ccRNN, 5 steps": {"window": 5},
}


@pytest.fixture(scope="module")
def models() -> dict[str, list[CorticoCerebellarRNN]]:
    found = {
        name: [CorticoCerebellarRNN(1, 50, 2, seed=seed, **options) for seed in SEEDS]
        for name, options in CONDITIONS.items()
    }
    fit_together([model for group in found.values() for model in group], TASK, 100, seed=len(found) * SEEDS)
    return found


class TestLineDrawing:
    """Boven et al. (2023): line drawing, 100 epochs, three of the published seeds."""

    @staticmethod
    def errors(group: list[CorticoCerebellarRNN]) -> Any:
        return np.array([model.history_.validation_loss for model in group])

    def test_a_cerebellum_learns_where_a_cortex_alone_hardly_does(self, models: Any) -> None:
        whole, without = self.errors(models["ccRNN"]), self.errors(models["cRNN"])
        # Nobody has learned anything yet: the mean square of the targets is 6/7 · 100 · Σ (t/9)² / 10.
        nothing = 6 / 7 * 100 * np.mean((np.arange(10) / 9) ** 2)
        assert np.all(np.abs(whole[:, 0] - nothing) < 0.1 * nothing)
        assert np.all(np.abs(without[:, 0] - nothing) < 0.1 * nothing)
        assert whole[:, -1].mean() < 0.25 * without[:, -1].mean()
        assert np.all(whole[:, -1] < without[:, -1])

    def test_predictions_come_to_point_where_they_are_taught_to(self, models: Any) -> None:
        signals = models["ccRNN"][0].feedback_signals(TASK.sample(70, seed=5))
        assert np.nanmean(signals.cosine("predicted", "target")) > 0.1

    def test_the_benefit_shrinks_as_the_horizon_grows(self, models: Any) -> None:
        pairs = [("cRNN", "ccRNN"), ("cRNN, 3 steps", "ccRNN, 3 steps"), ("cRNN, 5 steps", "ccRNN, 5 steps")]
        area = {name: np.mean([model.history_.area() for model in group]) for name, group in models.items()}
        benefits = [area[without] - area[whole] for without, whole in pairs]
        assert benefits[0] > 0
        assert benefits == sorted(benefits, reverse=True)

    def test_lesions_cost_early_and_hardly_late_unless_they_are_of_the_olive(self, models: Any) -> None:
        last = {name: self.errors(group)[:, -1].mean() for name, group in models.items()}
        assert last["ccRNN"] < last["ablated late"] < 0.5 * last["ablated early"]
        assert last["ablated early"] > 4 * last["ccRNN"]
        assert last["olive late"] > last["ablated late"]


@pytest.mark.parametrize("cell", ["lstm", "tanh"])
def test_the_exact_signal_is_the_gradient_by_differences(cell: str) -> None:
    model = small(cell=cell, dtype="float64", window=2)
    trials = TASK.sample(3, seed=0)
    trials.mask[:] = True
    signals = model.feedback_signals(trials)
    names = ("h", "c") if cell == "lstm" else ("h",)
    run = model.run(trials)
    # All windows weigh alike here: two steps, both shown, two outputs, three trials.
    scale = 2 * 2 * 3

    def loss(window: int, start: dict[str, Any]) -> Any:
        step = 2 * window
        outputs = model.run(trials.inputs[:, step:], initial_state=start).outputs
        return ((outputs - trials.targets[:, step:]) ** 2).sum(axis=(1, 2)) / scale

    for window in (1, 4):
        step = 2 * window
        states = {"h": run.states[:, step - 1]}
        if cell == "lstm":
            states["c"] = signals.states[:, window, 8:]
        np.testing.assert_allclose(signals.states[:, window, :8], states["h"], rtol=1e-12)
        for v, name in enumerate(names):
            for unit in (0, 5):
                above, below = ({k: x.copy() for k, x in states.items()} for _ in range(2))
                above[name][:, unit] += 1e-5
                below[name][:, unit] -= 1e-5
                slope = (loss(window, above) - loss(window, below)) / 2e-5
                np.testing.assert_allclose(signals.exact[:, window, 8 * v + unit], slope, rtol=1e-6, atol=1e-9)


def test_signals_without_a_word_from_the_cerebellum_end_with_the_window() -> None:
    model = small(window=10)
    signals = model.feedback_signals(TASK.sample(4, seed=1))
    # Silent at first: the target is the gradient of the window, which is the whole trial.
    assert not signals.predicted.any()
    np.testing.assert_allclose(signals.target, signals.exact, rtol=1e-6)
    assert np.isnan(signals.cosine()).all()
    np.testing.assert_allclose(signals.cosine("target", "exact"), 1.0, atol=1e-6)


def test_activity_of_granule_cells_and_nuclei_is_the_prediction() -> None:
    model = fitted(small(granule_layers=(12, 9)))
    signals = model.feedback_signals(TASK.sample(4, seed=1))
    first, second, nuclei = model.cerebellar_activity(signals.states)
    assert first.shape[-1] == 12 and second.shape[-1] == 9
    assert (first >= 0).all() and signals.predicted.any()
    np.testing.assert_allclose(nuclei, signals.predicted, rtol=1e-4, atol=1e-6)


def test_models_side_by_side_are_models_alone() -> None:
    options: list[dict[str, Any]] = [{}, {"ablate_at": 1}, {"freeze_at": 1}, {"cerebellum": False}, {"fixed": True}]
    together = fit_together([small(**o) for o in options], TASK, 3, n_trials=40, n_validation=14)
    for model, option in zip(together, options, strict=True):
        alone = fitted(small(**option))
        assert (alone.history_.validation_loss == model.history_.validation_loss).all()
    errors = np.array([model.history_.loss for model in together])
    # Until something happens they are one; after it, none is like another.
    assert (errors[:3, 0] == errors[0, 0]).all()
    assert len(set(errors[:, 2])) == len(options)


def test_a_model_with_its_cerebellum_ablated_from_the_start_is_a_cortex_alone() -> None:
    ablated, alone = fitted(small(ablate_at=0)), fitted(small(cerebellum=False))
    assert (ablated.history_.loss == alone.history_.loss).all()
    for name, value in alone.net.parameters.items():
        assert (value == ablated.net.parameters[name]).all()


def test_frozen_and_ablated_cerebella_stay_as_they_are() -> None:
    for option in ("freeze_at", "ablate_at"):
        model = fitted(small(**{option: 2}), 4, snapshots=[0, 1, 2, 4])
        weights = [model.at(epoch).synthesiser[-1][0] for epoch in (0, 1, 2, 4)]
        assert not weights[0].any() and (weights[1] != weights[2]).any()
        assert (weights[2] == weights[3]).all()
    fixed = fitted(small(fixed=True), snapshots=0)
    assert fixed.at(0).synthesiser[-1][0].any()
    assert all((a == b).all() for a, b in zip(fixed.synthesiser[-1], fixed.at(0).synthesiser[-1], strict=True))


def test_snapshots_are_the_model_as_it_was() -> None:
    model = fitted(small(), 4, snapshots=(0, 2))
    assert sorted(model.history_.snapshots) == [0, 2]
    shorter = fitted(small(), 2)
    for name, value in shorter.net.parameters.items():
        assert (model.at(2).net.parameters[name] == value).all()
    for (a, b), (c, d) in zip(model.at(2).synthesiser, shorter.synthesiser, strict=True):
        assert (a == c).all() and (b == d).all()
    with pytest.raises(ValueError, match=r"epoch is 3, but fit kept snapshots at \[0, 2\]"):
        model.at(3)


def test_files_and_pickles_hold_all_that_was_learned(tmp_path: Path) -> None:
    model = fitted(small(n_mossy_inputs=3, window=2))
    model.save(tmp_path / "model.safetensors")
    inputs = TASK.sample(3, seed=0)
    for again in (fg.load(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))):
        assert (again.predict(inputs) == model.predict(inputs)).all()
        assert (again.history_.validation_loss == model.history_.validation_loss).all()
        assert (again.synthesiser[0][0] == model.synthesiser[0][0]).all()
        assert ((again.synthesiser[0][0] != 0).sum(axis=1) == 3).all()
        assert repr(again) == repr(model)
        # The next trials are new to it, as they would be to the model itself.
        assert again.n_fits == model.n_fits == 1


def test_a_network_whose_cerebellum_learns_from_step_to_step_learns_too() -> None:
    model = CorticoCerebellarRNN(
        1, 12, 2, granule_layers=(), learning="bp_lambda", learning_rate=3e-3, batch_size=10, seed=0
    ).fit(TASK, 60, n_trials=100)
    assert model.history_.validation_loss[-1] < 0.8 * model.history_.validation_loss[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gru"}, "cell is 'gru'"),
        ({"window": 0}, "window is 0"),
        ({"bootstrap": 2.0}, "bootstrap is 2"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"granule_layers": (0,)}, "a layer without units"),
        ({"learning": "magic"}, "learning is 'magic'"),
        ({"learning": "bp_lambda", "freeze_at": 3}, "a cerebellum that is whole"),
        ({"learning": "bp_lambda", "window": 2}, "knows no windows"),
        ({"learning": "bp_lambda", "trace_decay": 2.0}, "decay is 2"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"ablate_at": -1}, "ablate_at is -1"),
        ({"n_mossy_inputs": 17}, "1 to 16"),
    ],
)
def test_arguments_that_make_no_sense_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_calls_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="n_trials is 5, expected at least the 10"):
        small().fit(TASK, 1, n_trials=5)
    with pytest.raises(ValueError, match="batch sizes"):
        fit_together([small(), small(batch_size=20)], TASK, 1)
    with pytest.raises(ValueError, match="models is empty"):
        fit_together([], TASK, 1)
    with pytest.raises(ValueError, match="no cerebellum"):
        small(cerebellum=False).feedback_signals(TASK.sample(2, seed=0))
    with pytest.raises(ValueError, match="no cerebellum"):
        small(cerebellum=False).cerebellar_activity(np.zeros((2, 16)))
    with pytest.raises(ValueError, match="expected 2"):
        small().set_synthesiser([])
