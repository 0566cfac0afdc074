"""The slow reference of cortico-cerebellar learning is the derivative of what it says: kernels may be held to it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.common import reference_cortico_cerebellar as reference
from tests.common import reference_rnn_synthetic as synthetic
from tests.common.reference_cortico_cerebellar import Batch, Cerebellum, Cortex, FloatArray

N_UNITS, N_INPUTS, N_OUTPUTS, N_STEPS, N_TRIALS = 3, 2, 2, 7, 3
GAMMA = 0.3
SIZE = 1e-5

each_cell = pytest.mark.parametrize("cell", ["tanh", "lstm"])
each_window = pytest.mark.parametrize("window", [1, 3, N_STEPS])


def make_cortex(cell: str, seed: int = 0) -> Cortex:
    rng = np.random.default_rng(seed)
    n_rows = reference.GATES[cell] * N_UNITS
    shapes = {"W": (n_rows, N_UNITS), "W_in": (n_rows, N_INPUTS), "b": (n_rows,)}
    shapes |= {"W_out": (N_OUTPUTS, N_UNITS), "b_out": (N_OUTPUTS,)}
    return {name: 0.7 * rng.normal(size=shape) for name, shape in shapes.items()}


def make_cerebellum(cell: str, hidden: tuple[int, ...] = (5, 4), seed: int = 1) -> Cerebellum:
    rng = np.random.default_rng(seed)
    n_variables = reference.N_VARIABLES[cell] * N_UNITS
    sizes = [n_variables, *hidden, n_variables]
    return [(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(sizes)]


def make_batch(seed: int = 2) -> Batch:
    """Steps 0, 3 and 6 are taught: windows of one step and of three have some without any teacher."""
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(N_TRIALS, N_STEPS, N_OUTPUTS))
    targets[0, 3, 1] = np.nan
    weights = np.zeros((N_TRIALS, N_STEPS))
    weights[:, ::3] = rng.uniform(0.5, 1.5, (N_TRIALS, 3))
    return rng.normal(size=(N_TRIALS, N_STEPS, N_INPUTS)), targets, weights


def slopes(values: list[FloatArray], loss: Callable[[], float]) -> list[FloatArray]:
    """Return central differences of a loss in every entry of arrays that it reads."""
    found = []
    for value in values:
        slope = np.zeros(value.shape)
        for where in np.ndindex(value.shape):
            kept = value[where]
            value[where] = kept + SIZE
            above = loss()
            value[where] = kept - SIZE
            slope[where] = (above - loss()) / (2 * SIZE)
            value[where] = kept
        found.append(slope)
    return found


def assert_same(found: list[FloatArray], expected: list[FloatArray], rtol: float = 1e-8) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rtol * max(np.abs(other).max(), 1e-2))


def window_loss(cell: str, p: Cortex, batch: Batch, start: int, stop: int, s: FloatArray) -> tuple[float, FloatArray]:
    """Return the mean squared error of a window entered in the state s, and the state at its end."""
    inputs, targets, weights = batch
    total, weight = 0.0, 0.0
    for t in range(start, stop):
        s = reference.step(cell, p, s, inputs[:, t])
        outputs = s[:, :N_UNITS] @ p["W_out"].T + p["b_out"]
        for trial, k in np.ndindex(outputs.shape):
            if not np.isnan(targets[trial, t, k]):
                total += weights[trial, t] * (outputs[trial, k] - targets[trial, t, k]) ** 2
                weight += weights[trial, t]
    return (total / weight if weight > 0 else 0.0), s


def bootstrapped_loss(cell: str, p: Cortex, batch: Batch, window: int, starts: FloatArray, seeds: FloatArray) -> float:
    """Return Σ_w J_w from given states at the starts of windows and given seeds at their ends."""
    edges = reference.bounds(N_STEPS, window)
    total = 0.0
    for w, (start, stop) in enumerate(pairwise(edges)):
        loss, end = window_loss(cell, p, batch, start, stop, starts[w])
        total += loss + GAMMA * (seeds[w + 1] * end).sum()
    return total


# One batch


@each_cell
@each_window
def test_gradients_are_those_of_what_the_reference_says(cell: str, window: int) -> None:
    p, cerebellum, batch = make_cortex(cell), make_cerebellum(cell), make_batch()
    lesson = reference.teach(cell, p, cerebellum, batch, window, GAMMA)
    starts = lesson.states[:-1].copy()

    def loss() -> float:
        return bootstrapped_loss(cell, p, batch, window, starts, lesson.predictions)

    assert_same([lesson.cortex[name] for name in p], slopes(list(p.values()), loss))
    assert_same([lesson.targets], slopes([starts], loss))

    def cerebellar_loss() -> float:
        guesses = [reference.predict(cerebellum, s) for s in lesson.states[:-1]]
        return float(((np.array(guesses) - lesson.targets) ** 2).sum())

    both = [a for layer in cerebellum for a in layer]
    assert_same([a for layer in lesson.cerebellum for a in layer], slopes(both, cerebellar_loss))


@each_cell
@each_window
def test_losses_are_means_over_what_each_window_is_taught(cell: str, window: int) -> None:
    p, batch = make_cortex(cell), make_batch()
    lesson = reference.teach(cell, p, [], batch, window, GAMMA)
    edges = reference.bounds(N_STEPS, window)
    pairs = zip(edges[:-1], edges[1:], lesson.states[:-1], strict=True)
    expected = [window_loss(cell, p, batch, start, stop, s)[0] for start, stop, s in pairs]
    np.testing.assert_allclose(lesson.losses, expected, rtol=1e-13)
    np.testing.assert_array_equal(lesson.losses == 0, [not (batch[2][:, a:b] > 0).any() for a, b in pairwise(edges)])


@each_cell
@each_window
def test_a_second_reference_that_knows_no_adjoint_gives_the_same(cell: str, window: int) -> None:
    p, cerebellum, (inputs, targets, weights) = make_cortex(cell), make_cerebellum(cell), make_batch()
    lesson = reference.teach(cell, p, cerebellum, (inputs, targets, weights), window, GAMMA)
    net = {"cell": "lstm", "parameters": p}
    if cell == "tanh":
        net = {"cell": "rate", "leak": "rate", "activation": "tanh", "alpha": 1.0, "parameters": p}
    # Its loss is one mean over the batch: weights that make this a sum of means over windows, and γ to its scale.
    spread = reference.spread(weights, targets)
    for start in range(0, N_STEPS, window):
        total = spread[:, start : start + window].sum()
        spread[:, start : start + window] /= total if total > 0 else 1.0
    objective = ("mse", targets, spread)
    gamma = GAMMA / spread.sum()
    found = synthetic.synthetic_gradient(
        net, inputs, objective, window, gamma, lambda s: reference.predict(cerebellum, s)
    )
    assert_same([lesson.cortex[name] for name in p], [spread.sum() * found[name] for name in p], rtol=1e-11)


@each_cell
def test_one_window_without_cerebellum_is_backpropagation_through_all_time(cell: str) -> None:
    p, batch = make_cortex(cell), make_batch()
    lesson = reference.teach(cell, p, [], batch, N_STEPS, GAMMA)
    start = np.zeros(lesson.states[0].shape)
    exact = slopes(list(p.values()), lambda: window_loss(cell, p, batch, 0, N_STEPS, start)[0])
    assert_same([lesson.cortex[name] for name in p], exact)
    silent = reference.teach(cell, p, make_cerebellum(cell), batch, N_STEPS, 0.0)
    for name in p:
        np.testing.assert_array_equal(silent.cortex[name], lesson.cortex[name])


class Oracle:
    """Knows the gradient of all later windows' losses with respect to the state at each bound."""

    def __init__(self, cell: str, p: Cortex, batch: Batch, window: int) -> None:
        self.edges = reference.bounds(N_STEPS, window)
        self.states = reference.states_of(cell, p, batch[0])[self.edges]
        self.futures = np.zeros(self.states.shape)
        for w in range(len(self.edges) - 1):
            s = self.states[w].copy()

            def rest(w: int = w, s: FloatArray = s) -> float:
                total = 0.0
                for start, stop in zip(self.edges[w:-1], self.edges[w + 1 :], strict=True):
                    loss, s = window_loss(cell, p, batch, start, stop, s)
                    total += loss
                return total

            self.futures[w] = slopes([s], rest)[0]

    def __call__(self, _: Any, s: FloatArray) -> FloatArray:
        """Return the future of the bound whose states these are."""
        return self.futures[[np.array_equal(s, known) for known in self.states].index(True)]


@each_cell
@pytest.mark.parametrize("window", [1, 2, 3])
def test_with_exact_futures_undiscounted_windows_give_the_whole_gradient(
    cell: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    p, batch = make_cortex(cell), make_batch()
    oracle = Oracle(cell, p, batch, window)
    start = np.zeros(oracle.states[0].shape)

    def whole() -> float:
        total, s = 0.0, start
        for begin, end in pairwise(oracle.edges):
            loss, s = window_loss(cell, p, batch, begin, end, s)
            total += loss
        return total

    exact = slopes(list(p.values()), whole)
    monkeypatch.setattr(reference, "predict", oracle)
    lesson = reference.teach(cell, p, make_cerebellum(cell), batch, window, 1.0)
    assert_same([lesson.cortex[name] for name in p], exact, rtol=1e-7)
    # The oracle is what a cerebellum should have been: its own targets.
    np.testing.assert_allclose(lesson.targets, oracle.futures[:-1], rtol=0, atol=1e-8)
    np.testing.assert_array_equal(oracle.futures[-1], 0)


@each_cell
def test_a_cerebellum_that_says_nothing_leaves_a_truncated_gradient(cell: str) -> None:
    p, batch = make_cortex(cell), make_batch()
    *hidden, (weight, bias) = make_cerebellum(cell)
    at_first = reference.teach(cell, p, [*hidden, (0 * weight, 0 * bias)], batch, 2, GAMMA)
    alone = reference.teach(cell, p, [], batch, 2, GAMMA)
    for name in p:
        np.testing.assert_array_equal(at_first.cortex[name], alone.cortex[name])
    np.testing.assert_array_equal(at_first.targets, alone.targets)
    # Only its last layer learns at first.
    assert all(not a.any() and not b.any() for a, b in at_first.cerebellum[:-1])
    assert at_first.cerebellum[-1][0].any()


# Many batches


def last_of(cell: str, stages: list[str] | None = None, n: int = 4, mossy: Any = None, **options: Any) -> Any:
    batches = [make_batch(seed) for seed in range(n)]
    recipe = reference.Recipe(cell, 2, **options)
    *_, (cortex, cerebellum) = reference.train(make_cortex(cell), make_cerebellum(cell), batches, recipe, stages, mossy)
    return cortex, cerebellum


@each_cell
def test_the_first_step_has_the_length_of_the_learning_rate_whatever_the_clip(cell: str) -> None:
    for clip in (1e-3, 1.0, 1e6):
        cortex, cerebellum = last_of(cell, n=1, clip=clip, eps=1e-30)
        lesson = reference.teach(cell, make_cortex(cell), make_cerebellum(cell), make_batch(0), 2, 0.1)
        for name, before in make_cortex(cell).items():
            np.testing.assert_allclose(cortex[name] - before, -1e-3 * np.sign(lesson.cortex[name]), rtol=1e-9)
        for (a, _), (b, _), (g, _) in zip(cerebellum, make_cerebellum(cell), lesson.cerebellum, strict=True):
            np.testing.assert_allclose(a - b, -1e-3 * np.sign(g), rtol=1e-9)


def test_clipping_keeps_the_direction_and_never_lengthens() -> None:
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=(3, 4)), rng.normal(size=5)]
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in gradients]))
    for longest in (0.1, norm / 2, 2 * norm):
        found = reference.clipped(gradients, longest)
        scale = min(1.0, longest / norm)
        for g, expected in zip(found, gradients, strict=True):
            np.testing.assert_allclose(g, scale * expected, rtol=1e-13)
    assert not reference.clipped([np.zeros(3)], 1.0)[0].any()


@each_cell
def test_stages_say_who_learns(cell: str) -> None:
    before, cerebellum = make_cortex(cell), make_cerebellum(cell)
    frozen_cortex, frozen = last_of(cell, ["frozen"] * 4)
    absent_cortex, absent = last_of(cell, ["absent"] * 4)
    for kept in (frozen, absent):
        for (a, b), (c, d) in zip(kept, cerebellum, strict=True):
            np.testing.assert_array_equal(a, c)
            np.testing.assert_array_equal(b, d)
    on_its_own = last_of(cell, bootstrap=0.0, stages=["frozen"] * 4)[0]
    for name in before:
        assert np.abs(frozen_cortex[name] - absent_cortex[name]).max() > 1e-6
        np.testing.assert_array_equal(absent_cortex[name], on_its_own[name])


@each_cell
def test_mossy_inputs_that_do_not_exist_never_come_to_be(cell: str) -> None:
    weight = make_cerebellum(cell)[0][0]
    mossy = np.zeros(weight.shape)
    for k, row in enumerate(mossy):
        row[[k % len(row), (k + 2) % len(row)]] = 1
    _, cerebellum = last_of(cell, mossy=mossy)
    np.testing.assert_array_equal(cerebellum[0][0] == 0, mossy == 0)
    # Of a unit that is silent throughout, nothing moves.
    assert np.mean((cerebellum[0][0] != mossy * weight)[mossy == 1]) > 0.5
