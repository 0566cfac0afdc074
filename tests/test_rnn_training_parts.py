"""Batches from one seed, histories, early stopping and files of trainings, each without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common.networks import structure

import fastigial as fg
from fastigial.rnn.batches import Batches, as_data
from fastigial.rnn.checkpoints import Checkpoint, Saved, fingerprint
from fastigial.rnn.early_stopping import as_early_stopping
from fastigial.rnn.files import pack, unpack

INPUTS = np.arange(11.0)[:, None, None] * np.ones((11, 3, 2))
TARGETS = INPUTS[:, :, :1]


class Task:
    """A task whose trials hold the seed that they were drawn with."""

    def sample(self, n_trials: int, seed: int) -> Any:
        drawn = np.random.default_rng(seed).standard_normal((n_trials, 3, 2))
        return fg.rnn.trajectory.Trajectory(drawn, drawn, drawn, dt=0.1, targets=drawn)


# Batches


def test_a_fixed_set_is_gone_through_once_an_epoch_in_a_new_order() -> None:
    batches = Batches((INPUTS, TARGETS), 4, n_batches=1)
    assert batches.n_batches == 3
    orders = []
    for epoch in range(3):
        drawn = [batches.draw(5, epoch, batch) for batch in range(3)]
        assert [len(inputs) for inputs, *_ in drawn] == [4, 4, 3]
        order = np.concatenate([inputs[:, 0, 0] for inputs, *_ in drawn])
        np.testing.assert_array_equal(np.sort(order), np.arange(11))
        np.testing.assert_array_equal(order, np.concatenate([targets[:, 0, 0] for _, targets, *_ in drawn]))
        orders.append(tuple(order))
    assert len(set(orders)) == 3


def test_batches_follow_from_seed_epoch_and_number_alone() -> None:
    for source in (Task(), (INPUTS, TARGETS)):
        first, again = Batches(source, 4, 3), Batches(source, 4, 3)
        places = [(seed, epoch, batch) for seed in (0, 1) for epoch in range(2) for batch in range(3)]
        forwards = [first.draw(*place)[0] for place in places]
        backwards = [again.draw(*place)[0] for place in reversed(places)][::-1]
        for one, other in zip(forwards, backwards, strict=True):
            np.testing.assert_array_equal(one, other)
        if isinstance(source, Task):
            assert len({batch.tobytes() for batch in forwards}) == len(places)


def test_validation_trials_are_in_no_batch() -> None:
    batches = Batches(Task(), 4, 3)
    held_out = batches.validation(4, 0)
    assert held_out is not None
    again = batches.validation(Task(), 0)
    assert again is not None
    np.testing.assert_array_equal(held_out[0], again[0])
    for epoch in range(3):
        for batch in range(3):
            assert not np.isin(batches.draw(0, epoch, batch)[0], held_out[0]).any()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (INPUTS, TypeError, "task is ndarray, expected a task with sample"),
        ((INPUTS,), ValueError, "task holds 1 arrays"),
        ((INPUTS, TARGETS[:3]), ValueError, r"targets of shape \(3, 3, 1\), expected 11 trials"),
        ((INPUTS[0], TARGETS), ValueError, r"inputs of shape \(3, 2\)"),
    ],
)
def test_what_holds_no_trials_is_refused(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_data("task", given)


def test_a_fixed_set_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="validation is 7, but only a task can be sampled"):
        Batches((INPUTS, TARGETS), 4, 1).validation(7, 0)
    with pytest.raises(ValueError, match="batch_size is 12, expected at most the 11 trials of task"):
        Batches((INPUTS, TARGETS), 12, 1)
    with pytest.raises(ValueError, match="no trials"):
        Batches((INPUTS[:0], TARGETS[:0]), 4, 1)


# History


def filled(losses: list[float], held_out: list[float] | None = None) -> fg.rnn.History:
    history = fg.rnn.History()
    for epoch, loss in enumerate(losses):
        validation = np.nan if held_out is None else held_out[epoch]
        history.append(loss=loss, validation_loss=validation, gradient_norm=1, learning_rate=0.1, seconds=epoch + 1)
    return history


def test_a_history_has_one_number_per_epoch_and_survives_files() -> None:
    history = filled([3.0, 2.0, 1.0], [4.0, 2.5, 2.0])
    again = fg.rnn.History.from_array(history.as_array())
    for one in (history, again):
        np.testing.assert_array_equal(one.loss, [3, 2, 1])
        np.testing.assert_array_equal(one.validation_loss, [4, 2.5, 2])
        np.testing.assert_array_equal(one.epoch, [0, 1, 2])
        np.testing.assert_array_equal(one.followed(), [4, 2.5, 2])
    table = history.to_pandas()
    assert table.index.name == "epoch"
    assert table["seconds"].tolist() == [1, 2, 3]
    assert "validation loss 2" in repr(history)
    np.testing.assert_array_equal(filled([3.0, 2.0]).followed(), [3, 2])
    assert len(fg.rnn.History.from_array(fg.rnn.History().as_array())) == 0


def test_histories_are_drawn_as_they_are() -> None:
    one, other = filled([3.0, 1.0, 0.1], [4.0, 2.0, 0.2]), filled([2.0, 1.0, 0.5])
    one.best_epoch = 2
    upper, lower = fg.plot.history({"a": one, "b": other}).axes
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in upper.lines}
    np.testing.assert_array_equal(lines["a"], one.loss)
    np.testing.assert_array_equal(lines["b"], other.loss)
    np.testing.assert_array_equal(lines["_validation"], one.validation_loss)
    np.testing.assert_array_equal(lines["_best"], 0.2)
    assert upper.get_yscale() == "log"
    assert lower.get_xlabel() == "epoch"
    with pytest.raises(ValueError, match="at least one finished epoch"):
        fg.rnn.History().plot()


# Early stopping


def brute_force(losses: list[float], patience: int, min_delta: float) -> int | None:
    """Epochs that a loop runs until it stops, or None."""
    best, waited = np.inf, 0
    for epoch, loss in enumerate(losses):
        if loss < best - (min_delta if np.isfinite(best) else 0):
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= patience:
            return epoch + 1
    return None


@pytest.mark.parametrize("seed", range(20))
def test_stopping_is_that_of_a_loop_that_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    losses = (np.exp(-np.arange(40) / 8) + 0.2 * rng.random(40)).tolist()
    stopping = fg.rnn.EarlyStopping(patience=int(rng.integers(1, 8)), min_delta=float(rng.choice([0, 0.05])))
    stops = [n for n in range(1, 41) if stopping.should_stop(np.array(losses[:n]))]
    assert (stops[0] if stops else None) == brute_force(losses, stopping.patience, stopping.min_delta)


def test_stopping_at_a_target_and_without_a_finite_loss() -> None:
    stopping = fg.rnn.EarlyStopping(patience=2, target=0.5)
    assert stopping.should_stop(np.array([2.0, 0.5]))
    assert stopping.best(np.array([2.0, 0.5, 0.5])) == 1
    assert not stopping.should_stop(np.array([]))
    assert stopping.best(np.array([np.nan])) is None
    assert stopping.should_stop(np.array([np.nan, np.nan]))
    without_end = fg.rnn.EarlyStopping(patience=None, target=0.5)
    assert not without_end.should_stop(np.ones(1000))
    with pytest.raises(ValueError, match="patience is 0"):
        fg.rnn.EarlyStopping(patience=0)


def test_patience_needs_a_loss_of_other_trials() -> None:
    assert as_early_stopping(None, held_out=False) is None
    assert as_early_stopping(3, held_out=True) == fg.rnn.EarlyStopping(patience=3)
    target = fg.rnn.EarlyStopping(patience=None, target=0.1)
    assert as_early_stopping(target, held_out=False) is target
    for given in (3, fg.rnn.EarlyStopping()):
        with pytest.raises(ValueError, match="early_stopping with patience needs a validation"):
            as_early_stopping(given, held_out=False)
    with pytest.raises(TypeError, match="early_stopping is 'best'"):
        as_early_stopping("best", held_out=True)


# Files


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "double": rng.standard_normal((3, 4)),
        "single": rng.standard_normal(5).astype(np.float32),
        "flags": rng.random((2, 3)) < 0.5,
        "steps": np.array(2**53, dtype=np.int64),
        "signs": np.array([1, -1], dtype=np.int8),
        "number": np.array(0.5),
        "empty": np.zeros((0, 3)),
        "four": rng.standard_normal((2, 1, 3, 2)),
    }


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_arrays_of_every_kind_come_back_from_floating_point() -> None:
    packed, dtypes = pack(arrays())
    assert {array.dtype.kind for array in packed.values()} == {"f"}
    assert_same(unpack(packed, dtypes), arrays())
    with pytest.raises(ValueError, match=r"seed holds whole numbers beyond 2\*\*53"):
        pack({"seed": np.array(2**53 + 1)})


def test_a_checkpoint_gives_back_what_was_written(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "training.safetensors")
    description = {"seed": 3, "rule": {"kind": "bptt"}}
    assert checkpoint.read(description) is None
    saved = Saved(arrays(), {"W": np.ones(2)}, {"m.W": np.zeros(2)}, {}, filled([2.0, 1.0]).as_array())
    checkpoint.write(saved, description)
    found = checkpoint.read(description)
    assert found is not None
    assert_same(found.parameters, saved.parameters)
    assert_same(found.best, saved.best)
    assert_same(found.optimizer, saved.optimizer)
    assert found.rule == {}
    np.testing.assert_array_equal(found.history, saved.history)


def test_a_checkpoint_of_another_training_is_refused_by_what_differs(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "training.safetensors")
    checkpoint.write(Saved({}, {}, {}, {}, filled([1.0]).as_array()), {"seed": 3, "loss": "mse"})
    with pytest.raises(ValueError, match=r"is of another training: seed was 3 and is 4$"):
        checkpoint.read({"seed": 4, "loss": "mse"})


def test_files_that_are_no_checkpoints_are_os_errors(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(OSError, match=r"training\.safetensors"):
        Checkpoint(path).read({})
    fg.TCA(1, random_state=0).fit(np.random.default_rng(0).random((4, 3, 2))).save(path)
    with pytest.raises(OSError, match="not a checkpoint"):
        Checkpoint(path).read({})


def test_networks_in_company_have_files_of_their_own() -> None:
    assert Checkpoint("runs/a.safetensors", every=3).of_network(1) == Checkpoint(Path("runs/a-1.safetensors"), every=3)
    with pytest.raises(ValueError, match="every is 0"):
        Checkpoint("a", every=0)


def test_structures_are_told_apart() -> None:
    marks = {
        fingerprint(structure(**given))
        for given in (
            {},
            {"cell": "gru"},
            {"tau": 0.2},
            {"density": 0.5},
            {"density": 0.5, "seed": 1},
            {"dale": 0.5},
            {"delays": {"recurrent": 1}},
            {"trainable": {"W": False}},
            {"rank": 2},
        )
    }
    assert len(marks) == 9
    assert fingerprint(structure(density=0.5)) == fingerprint(structure(density=0.5))
