"""`fg.models.CorticoCerebellarRNN` learns what the slow reference learns: every parameter, update after update."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.common import reference_cortico_cerebellar as reference
from tests.common.reference_cortico_cerebellar import Batch, Cerebellum, Cortex

import fastigial as fg

N_UNITS, N_INPUTS, N_OUTPUTS, N_STEPS = 4, 2, 2, 7
HIDDEN = (6, 5)
BATCH_SIZE, N_TRIALS, N_VALIDATION, N_EPOCHS = 4, 8, 3, 3
N_BATCHES = N_EPOCHS * N_TRIALS // BATCH_SIZE
# Of the largest number of each array. Adam's first steps are near to the sign of the gradient: a difference would show.
TOLERANCE = 1e-9

each_cell = pytest.mark.parametrize("cell", ["lstm", "tanh"])


class Recorded:
    """A task of random trials that keeps what it has handed out."""

    def __init__(self, shown: Any, n_steps: int = N_STEPS, partial: bool = False) -> None:
        self.shown = np.asarray(shown)
        """Steps that the teacher shows."""
        self.n_steps = n_steps
        self.partial = partial
        """Whether trials have weights of their own and targets that were not observed."""
        self.batches: list[Batch] = []
        self.validations: list[Batch] = []

    def sample(self, n_trials: int, seed: int) -> fg.Trials:
        rng = np.random.default_rng(seed)
        inputs = rng.normal(size=(n_trials, self.n_steps, N_INPUTS))
        targets = 2 * rng.normal(size=(n_trials, self.n_steps, N_OUTPUTS))
        weights = np.zeros((n_trials, self.n_steps))
        weights[:, self.shown] = 1.0
        if self.partial and n_trials == BATCH_SIZE:
            weights *= rng.uniform(0.5, 1.5, weights.shape)
            targets[rng.random(targets.shape) < 0.2] = np.nan
        trials = (inputs, targets, weights)
        {BATCH_SIZE: self.batches, N_VALIDATION: self.validations}[n_trials].append(trials)
        return fg.Trials(inputs, targets, mask=weights if self.partial else weights > 0)


EVERY_THIRD = [0, 3, 6]


def make_model(cell: str, window: int = 1, seed: int = 0, **options: Any) -> Any:
    """Return a model all of whose numbers differ from zero, the last layer of its cerebellum too."""
    sizes: dict[str, Any] = {"granule_layers": HIDDEN, "batch_size": BATCH_SIZE, "dtype": "float64"}
    model = fg.models.CorticoCerebellarRNN(
        N_INPUTS, N_UNITS, N_OUTPUTS, cell=cell, window=window, **{**sizes, **options}, seed=seed
    )
    rng = np.random.default_rng(seed + 100)
    parameters = {name: np.asarray(value) for name, value in model.net.parameters.items()}
    model.net.set_parameters({name: 0.5 * rng.normal(size=value.shape) for name, value in parameters.items()})
    if options.get("cerebellum", True):
        mossy = np.asarray(model.synthesiser[0][0]) != 0
        layers = [(rng.normal(size=a.shape) / 2, rng.normal(size=b.shape) / 2) for a, b in model.synthesiser]
        model.set_synthesiser([(layers[0][0] * mossy, layers[0][1]), *layers[1:]])
    return model


def parameters_of(model: Any, cerebellum: bool = True) -> tuple[Cortex, Cerebellum]:
    cortex = {name: np.array(value) for name, value in model.net.parameters.items()}
    return cortex, [(np.array(a), np.array(b)) for a, b in model.synthesiser] if cerebellum else []


def assert_close(found: Any, expected: Any, name: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max(), err_msg=name)


def assert_same(found: tuple[Cortex, Cerebellum], expected: tuple[Cortex, Cerebellum]) -> None:
    assert found[0].keys() == expected[0].keys()
    for name, value in expected[0].items():
        assert_close(found[0][name], value, name)
    for k, ((a, b), (weight, bias)) in enumerate(zip(found[1], expected[1], strict=True)):
        assert_close(a, weight, f"weight_{k}")
        assert_close(b, bias, f"bias_{k}")


def follow(
    model: Any,
    cell: str,
    window: int,
    task: Recorded,
    *,
    stages: list[str] | None = None,
    mossy: Any = None,
    cerebellum: bool = True,
    every_window: bool = False,
    **recipe: Any,
) -> tuple[Cortex, Cerebellum]:
    """Fit the model, hold it to the reference given the same batches, and return what it has learned."""
    before = parameters_of(model, cerebellum)
    model.fit(task, n_epochs=N_EPOCHS, n_trials=N_TRIALS, n_validation=N_VALIDATION, seed=3)
    assert len(task.batches) == N_BATCHES >= 5
    how = reference.Recipe(cell, window, **recipe)
    steps = list(reference.train(*before, task.batches, how, stages=stages, mossy=mossy, every_window=every_window))
    found = parameters_of(model, cerebellum)
    assert_same(found, steps[-1])
    # The error after each epoch, so that the way is held to the reference and not its end alone.
    after = steps[N_TRIALS // BATCH_SIZE - 1 :: N_TRIALS // BATCH_SIZE]
    if len(task.validations) == 1:
        task.validations *= N_EPOCHS
    expected = [
        reference.validation_error(cell, cortex, trials)
        for (cortex, _), trials in zip(after, task.validations, strict=True)
    ]
    np.testing.assert_allclose(model.history_.validation_loss, expected, rtol=TOLERANCE)
    return found


# The update


@each_cell
@pytest.mark.parametrize("window", [1, 3, N_STEPS])
def test_every_update_is_that_of_the_reference(cell: str, window: int) -> None:
    """Windows of one step and of three have some without any teacher; three does not divide seven."""
    follow(make_model(cell, window), cell, window, Recorded(EVERY_THIRD))


@each_cell
@pytest.mark.parametrize("window", [1, 3])
def test_weights_of_trials_and_missing_targets_count_in_the_mean_of_their_window(cell: str, window: int) -> None:
    follow(make_model(cell, window), cell, window, Recorded([0, 2, 3, 6], partial=True))


@each_cell
@pytest.mark.parametrize("shown", [[N_STEPS - 1], [0], [2, 3]])
def test_windows_without_any_teacher_have_the_synthetic_gradient_alone(cell: str, shown: list[int]) -> None:
    follow(make_model(cell, 2), cell, 2, Recorded(shown))


@each_cell
@pytest.mark.parametrize("bootstrap", [0.0, 1.0])
def test_the_bootstrap_scales_what_is_believed(cell: str, bootstrap: float) -> None:
    follow(make_model(cell, 2, bootstrap=bootstrap), cell, 2, Recorded(EVERY_THIRD), bootstrap=bootstrap)


@pytest.mark.parametrize("clip", [1e-3, 0.5, 1e3])
def test_the_norm_that_is_clipped_is_that_of_all_parameters(clip: float) -> None:
    # Adam does not see a scale that is always the same; this one differs from batch to batch.
    model = make_model("lstm", clip=clip)
    follow(model, "lstm", 1, Recorded(EVERY_THIRD), clip=clip)


def test_learning_rate_and_betas_are_those_asked_for() -> None:
    options: dict[str, Any] = {"learning_rate": 7e-3, "betas": (0.8, 0.9)}
    follow(make_model("tanh", 2, **options), "tanh", 2, Recorded(EVERY_THIRD), **options)


@pytest.mark.parametrize("granule_layers", [(), (5,), (5, 4, 3)])
def test_a_cerebellum_has_as_many_layers_as_asked_for(granule_layers: tuple[int, ...]) -> None:
    model = make_model("lstm", 2, granule_layers=granule_layers)
    sizes = [2 * N_UNITS, *granule_layers, 2 * N_UNITS]
    assert [a.shape for a, _ in model.synthesiser] == [(after, before) for before, after in pairwise(sizes)]
    follow(model, "lstm", 2, Recorded(EVERY_THIRD))


@each_cell
@pytest.mark.parametrize("window", [1, 2, 3, N_STEPS])
@pytest.mark.parametrize("cerebellum", [True, False])
def test_updates_may_come_after_every_window(cell: str, window: int, cerebellum: bool) -> None:
    """Windows without any teacher too: they have predictions to learn from."""
    model = make_model(cell, window, cerebellum=cerebellum, update_every_window=True)
    follow(model, cell, window, Recorded([0, 3, 4]), cerebellum=cerebellum, every_window=True)


@each_cell
def test_lesions_hold_with_updates_after_every_window(cell: str) -> None:
    for lesion, stage in (("freeze_at", "frozen"), ("ablate_at", "absent")):
        model = make_model(cell, 2, update_every_window=True, **{lesion: 1})
        task = Recorded([0, 3, 4])
        follow(model, cell, 2, task, stages=stages("whole", stage, 1), every_window=True)


# Without a cerebellum, or with one that does not learn


@each_cell
@pytest.mark.parametrize("window", [1, 3, N_STEPS])
def test_a_cortex_on_its_own_learns_within_windows(cell: str, window: int) -> None:
    model = make_model(cell, window, cerebellum=False)
    follow(model, cell, window, Recorded(EVERY_THIRD), cerebellum=False)


def stages(before: str, after: str, epoch: int) -> list[str]:
    """Return the stage of every batch; the second holds from the epoch of this number, counted from 0."""
    in_epoch = N_TRIALS // BATCH_SIZE
    return [before if k // in_epoch < epoch else after for k in range(N_BATCHES)]


@each_cell
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_an_ablated_cerebellum_neither_guesses_nor_learns(cell: str, epoch: int) -> None:
    model = make_model(cell, 2, ablate_at=epoch)
    follow(model, cell, 2, Recorded(EVERY_THIRD), stages=stages("whole", "absent", epoch))


@each_cell
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_frozen_cerebellum_guesses_and_does_not_learn(cell: str, epoch: int) -> None:
    model = make_model(cell, 2, freeze_at=epoch)
    follow(model, cell, 2, Recorded(EVERY_THIRD), stages=stages("whole", "frozen", epoch))


@each_cell
def test_a_fixed_cerebellum_never_learns(cell: str) -> None:
    model = make_model(cell, 1, fixed=True)
    _, before = parameters_of(model)
    _, after = follow(model, cell, 1, Recorded(EVERY_THIRD), stages=["frozen"] * N_BATCHES)
    for (a, b), (c, d) in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_a_cerebellum_without_its_olive_may_be_ablated_later() -> None:
    model = make_model("lstm", 2, freeze_at=1, ablate_at=2)
    in_epoch = N_TRIALS // BATCH_SIZE
    told = ["whole"] * in_epoch + ["frozen"] * in_epoch + ["absent"] * in_epoch
    follow(model, "lstm", 2, Recorded(EVERY_THIRD), stages=told)


@each_cell
@pytest.mark.parametrize("n_mossy_inputs", [1, 3])
def test_granule_cells_keep_the_mossy_inputs_that_they_have(cell: str, n_mossy_inputs: int) -> None:
    model = make_model(cell, 1, n_mossy_inputs=n_mossy_inputs)
    mossy = np.asarray(model.synthesiser[0][0]) != 0
    assert np.all(mossy.sum(axis=1) == n_mossy_inputs)
    _, cerebellum = follow(model, cell, 1, Recorded(EVERY_THIRD), mossy=mossy)
    np.testing.assert_array_equal(cerebellum[0][0] != 0, mossy)


# As it begins


@each_cell
def test_a_cerebellum_begins_without_a_word(cell: str) -> None:
    model = fg.models.CorticoCerebellarRNN(N_INPUTS, N_UNITS, N_OUTPUTS, cell=cell, granule_layers=HIDDEN, seed=4)
    *hidden, (weight, bias) = model.synthesiser
    n_variables = reference.N_VARIABLES[cell] * N_UNITS
    assert weight.shape == (n_variables, HIDDEN[-1])
    assert not np.any(weight)
    assert not np.any(bias)
    for layer, n_inputs in zip(hidden, (n_variables, HIDDEN[0]), strict=True):
        for values in layer:
            assert 0.5 * n_inputs**-0.5 < np.abs(values).max() <= n_inputs**-0.5


@pytest.mark.parametrize("window", [1, 3])
def test_a_cerebellum_that_cannot_be_heard_changes_nothing_for_the_cortex_but_the_norm(window: int) -> None:
    learned = []
    for options in ({"bootstrap": 0.0, "clip": 1e9}, {"cerebellum": False, "clip": 1e9}):
        model = make_model("lstm", window, **options)
        model.fit(Recorded(EVERY_THIRD), n_epochs=2, n_trials=N_TRIALS, n_validation=N_VALIDATION, seed=3)
        learned.append(parameters_of(model, cerebellum=False))
    assert_same(*learned)


def test_the_same_seed_gives_the_same_batches_and_numbers_on_any_number_of_threads() -> None:
    learned = []
    for n_threads in (1, 2):
        model, task = make_model("lstm", 2), Recorded(EVERY_THIRD)
        fg.set_num_threads(n_threads)
        try:
            model.fit(task, n_epochs=2, n_trials=N_TRIALS, n_validation=N_VALIDATION, seed=3)
        finally:
            fg.set_num_threads(None)
        learned.append((parameters_of(model), task.batches))
    (one, batches), (other, same_batches) = learned
    for (x, y, _), (v, w, _) in zip(batches, same_batches, strict=True):
        np.testing.assert_array_equal(x, v)
        np.testing.assert_array_equal(y, w)
    for name in one[0]:
        np.testing.assert_array_equal(one[0][name], other[0][name])
    assert not np.array_equal(batches[0][0], batches[1][0])
