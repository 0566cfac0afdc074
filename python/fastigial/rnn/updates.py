"""One batch of each network: drawn, cut into windows where weights change within trials, and learned from.

With ``update_every`` = K the weights θ change after each window k of K steps, by its own mean loss L_k alone::

    s_{k+1} = the state after window k, from s_k under θ_k      θ_{k+1} = θ_k − update(∂L_k/∂θ at θ_k, s_k held fixed)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.batches import Batch, prepared
from fastigial.rnn.course import Course
from fastigial.rnn.losses import NothingObservedError

__all__ = ["learn_batch"]


@dataclass(frozen=True)
class _Window:
    """What one update learns from.

    Attributes
    ----------
    number : int or None
        Of the window; None: the batch is not cut.
    share : float
        Part of what is observed in the batch that lies in the window.
    initial_state : dict of str to ndarray, or None
        Where its trials begin; None: where the network does.
    """

    course: Course
    batch: Batch
    number: int | None
    seed: int
    share: float
    initial_state: dict[str, NDArray[Any]] | None

    def for_core(self) -> tuple[Any, Any, Any]:
        """Inputs, loss and initial state as `_core.train_step` takes them."""
        loss = self.batch.loss.for_core() if self.share > 0 else ("unobserved", self.batch.loss.targets, None)
        return self.batch.inputs, loss, self.initial_state


def learn_batch(courses: Sequence[Course], number: int, n_threads: int | None) -> None:
    """One batch of each, numbered within the epoch."""
    cut = [_windows(course, batch, number, n_threads) for course, batch in _drawn(courses, number)]
    # Nobody runs ahead: a window is cut when the weights have learned from the one before.
    for side_by_side in zip_longest(*cut):
        _learn([window for window in side_by_side if window is not None], number, n_threads)


def _drawn(courses: Sequence[Course], number: int) -> Iterator[tuple[Course, Batch]]:
    """Trials of each network that has something to learn from them."""
    drawn: dict[tuple[int, int, int], Any] = {}
    ready: dict[tuple[Any, ...], Batch] = {}
    for course in courses:
        # Networks with one task, one seed and as many epochs behind them share their trials.
        key = (id(course.batches), course.seed, course.epoch)
        if key not in drawn:
            drawn[key] = course.batches.draw(course.seed, course.epoch, number)
        structure = course.net._structure
        form = (*key, course.loss, structure.n_inputs, structure.n_outputs, structure.dt, structure.dtype)
        try:
            if form not in ready:
                ready[form] = prepared(drawn[key], course.loss, structure)
            yield course, ready[form]
        except NothingObservedError:
            # Trials without a target are ordinary in recordings: there is nothing to learn from them.
            continue


def _windows(course: Course, batch: Batch, number: int, n_threads: int | None) -> Iterator[_Window]:
    """The windows of a batch in which there is something to learn, each cut when it is asked for."""
    every = course.update_every
    if every is None or every >= batch.n_steps:
        yield _Window(course, batch, None, course.noise_seed(number), 1.0, None)
        return
    state = None
    for index, start in enumerate(range(0, batch.n_steps, every)):
        part, seed, begun = batch.steps(start, start + every), course.noise_seed(number, index), state
        if start + every < batch.n_steps:
            state = _end(course, part, begun, seed, n_threads)
        share = _share(part, batch)
        if share > 0 or course.rule.predicts:
            yield _Window(course, part, index, seed, share, begun)


def _share(part: Batch, whole: Batch) -> float:
    """Of what is observed in the whole."""
    if part.loss.weights is None or whole.loss.weights is None:
        return part.n_steps / whole.n_steps
    return float(part.loss.weights.sum(dtype=np.float64) / whole.loss.weights.sum(dtype=np.float64))


def _end(course: Course, batch: Batch, initial_state: Any, seed: int, n_threads: int | None) -> dict[str, Any]:
    """State after the last step, with the noise that the lesson has too."""
    found = course.net._core.run(
        batch.inputs,
        initial_state=initial_state,
        seed=seed,
        injected=None,
        silenced=None,
        lesions=[],
        record=[],
        n_threads=n_threads,
        progress=None,
    )
    return dict(found["final"])


def _learn(windows: Sequence[_Window], number: int, n_threads: int | None) -> None:
    """One update of each network."""
    if not windows:
        return
    courses = [window.course for window in windows]
    try:
        found = _core.train_step(
            [course.net._core for course in courses],
            [course.core_rule for course in courses],
            [course.core_optimizer for course in courses],
            [window.for_core() for window in windows],
            [window.seed for window in windows],
            regularization=courses[0].terms,
            n_threads=n_threads,
        )
    except FloatingPointError as error:
        raise FloatingPointError(_placed(str(error), windows, number)) from error
    for window, (loss, norm) in zip(windows, found, strict=True):
        window.course.count(window.batch, window.share, loss, norm)


def _placed(message: str, windows: Sequence[_Window], batch: int) -> str:
    """An error of the core, which counts the networks that it was given, with network, epoch and batch in our count."""
    named = re.match(r"network (\d+)\W*", message)
    window = windows[int(named[1])] if named else windows[0]
    course = window.course
    who = "" if course.number is None else f"network {course.number}, "
    taken = course.epoch * course.batches.n_batches + batch
    where = f"step {taken} of the training" if window.number is None else f"window {window.number}"
    what = message[named.end() :] if named else message
    return f"{who}epoch {course.epoch}, batch {batch} ({where}): {what}"
