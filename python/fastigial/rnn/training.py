"""Training: epochs of batches, each one call of the core, for one network or several side by side.

Each network follows its own course: with the same seed it comes to the same numbers, bit for bit, alone or in company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict, Unpack, overload

from fastigial.rnn.batches import Batches
from fastigial.rnn.checkpoints import Checkpoint, as_checkpoint
from fastigial.rnn.course import Course
from fastigial.rnn.early_stopping import EarlyStopping, as_early_stopping
from fastigial.rnn.history import History
from fastigial.rnn.losses import MSE, CrossEntropy, as_loss
from fastigial.rnn.network import RNN
from fastigial.rnn.optim import Adam, Optimizer
from fastigial.rnn.rules import BPTT, Rule
from fastigial.rnn.seeds import as_seed
from fastigial.rnn.snapshots import as_epochs
from fastigial.rnn.updates import learn_batch
from fastigial.tensor.checks import as_count, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["train"]

Loss = str | MSE | CrossEntropy | Callable[..., Any]


class _Options(TypedDict, total=False):
    """Keywords of `train` that have a default."""

    rule: Rule | list[Rule] | None
    optimizer: Optimizer | list[Optimizer] | None
    validation: Any
    seed: int | list[int]
    progress: bool | Callback
    loss: Loss | None
    regularization: Mapping[str, Any] | None
    n_batches: int
    update_every: int | list[int | None] | None
    early_stopping: EarlyStopping | int | None
    checkpoint: str | PathLike[str] | Checkpoint | None
    snapshots: int | Iterable[int] | None
    n_threads: int | None


@overload
def train(net: RNN, task: Any, *, n_epochs: int, batch_size: int, **options: Unpack[_Options]) -> History: ...
@overload
def train(
    net: Sequence[RNN], task: Any, *, n_epochs: int, batch_size: int, **options: Unpack[_Options]
) -> list[History]: ...
def train(
    net: RNN | Sequence[RNN],
    task: Any,
    *,
    rule: Rule | list[Rule] | None = None,
    optimizer: Optimizer | list[Optimizer] | None = None,
    n_epochs: int,
    batch_size: int,
    validation: Any = None,
    seed: int | list[int] = 0,
    progress: bool | Callback = False,
    loss: Loss | None = None,
    regularization: Mapping[str, Any] | None = None,
    n_batches: int = 1,
    update_every: int | list[int | None] | None = None,
    early_stopping: EarlyStopping | int | None = None,
    checkpoint: str | PathLike[str] | Checkpoint | None = None,
    snapshots: int | Iterable[int] | None = None,
    n_threads: int | None = None,
) -> History | list[History]:
    """Train a network, or several side by side.

    Parameters
    ----------
    net : RNN or list of RNN
        Changed in place. With a list, `task`, `rule`, `optimizer` and `seed` may be lists too, one for each network; of
        one dtype. Networks with one seed see the same trials.
    task : object with ``sample(n_trials, seed)``, Trials, or (inputs, targets[, mask])
        A task is sampled: fresh trials in every batch. A fixed set is shuffled and gone through once in every epoch.
    rule : Rule, optional
        Learning rule, `fastigial.rules.BPTT` by default.
    optimizer : Optimizer, optional
        `fastigial.optim.Adam` with a learning rate of 1e-3 by default. An optimiser that has trained this network
        before goes on with its means.
    n_epochs : int
        Epochs; with a checkpoint those that it holds included.
    batch_size : int
        Trials per batch.
    validation : Trials, (inputs, targets[, mask]), task, or int, optional
        Trials whose loss is taken after every epoch; a number of fresh trials of the task. Their noise is the same
        every time.
    seed : int
        Of trials, shuffles and noise.
    progress : bool or callable
        True shows a bar; a callable is called after each epoch as ``progress(done, total, loss)``.
    loss : {"mse", "cross_entropy"}, or callable, optional
        See `fastigial.losses`. By default that of the task, if it names one as its attribute ``loss``, else "mse".
    regularization : mapping of str to float, optional
        What is added to the loss: "activity_l2", "activity_l1", "weight_l2", "weight_l1", "rate_target"; see
        `fastigial.rnn.regularization`.
    n_batches : int
        Batches in an epoch, of a task that is sampled.
    update_every : int, optional
        Steps of a trial after which the weights change already, by the loss of these steps alone: the trial goes on
        from the state that the weights before have left, and nothing is learned across that border but what the rule
        itself predicts (`SyntheticGradient`). By default the weights change once for each batch. Windows in which
        nothing is observed are passed over, but by rules that learn from predictions. With a list of networks, one for
        all or one for each.
    early_stopping : EarlyStopping or int, optional
        Stop when the loss no longer falls, or when it is low enough; a number is the patience.
    checkpoint : str, path or Checkpoint, optional
        Keep the training in this file, and go on from it if it is there: bit for bit as without the interruption.
    snapshots : int or iterable of int, optional
        Numbers of finished epochs at which parameters, and what the rule has learned, are kept in
        ``history.snapshots``; 0 is before the first. After an interruption a checkpoint has none of them.
    n_threads : int, optional
        Threads to use; the package setting by default. Numbers do not depend on it.

    Returns
    -------
    History or list of History
        Also kept as ``net.history``.

    Raises
    ------
    ValueError, TypeError
        Naming the argument.
    FloatingPointError
        If a loss or a gradient is not finite; epoch and batch are named, and the network keeps the parameters it had
        before that batch.
    KeyboardInterrupt
        After Ctrl-C. The network keeps the parameters of the last batch that was finished, ``net.history`` the epochs.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> inputs = np.random.default_rng(0).standard_normal((32, 20, 1))
    >>> net = fg.RNN(1, 30, 1, tau=0.02, seed=0)
    >>> history = fg.train(net, (inputs, np.cumsum(inputs, axis=1) / 5), n_epochs=20, batch_size=8)
    >>> bool(history.loss[-1] < history.loss[0])
    True
    """
    alone = not isinstance(net, list | tuple)
    nets: list[Any] = [net] if alone else list(net)  # type: ignore[arg-type]
    if not nets:
        raise ValueError("net is an empty list, expected at least one network")
    if not all(isinstance(one, RNN) for one in nets):
        raise TypeError(f"net is {net!r}, expected a network or a list of networks")
    if len(set(map(id, nets))) < len(nets):
        raise ValueError("net holds one network several times, expected different ones; RNN.clone makes copies")
    n_epochs, batch_size, n_batches = (
        _at_least_one(name, value)
        for name, value in (("n_epochs", n_epochs), ("batch_size", batch_size), ("n_batches", n_batches))
    )
    tasks = _each("task", task, nets)
    # One object for one task, so that networks that share it share its trials.
    sources = {id(one): Batches(one, batch_size, n_batches) for one in tasks}
    rules = _each("rule", BPTT() if rule is None else rule, nets)
    optimizers = _each("optimizer", Adam(1e-3) if optimizer is None else optimizer, nets)
    chosen = [as_loss(getattr(one, "loss", "mse") if loss is None else loss) for one in tasks]
    updates = _each("update_every", update_every, nets)
    file = as_checkpoint(checkpoint)
    courses = [
        Course(
            one,
            None if alone else i,
            sources[id(tasks[i])],
            _instance("rule", rules[i], Rule),
            _instance("optimizer", optimizers[i], Optimizer),
            chosen[i],
            as_seed("seed", _each("seed", seed, nets)[i]),
            n_epochs,
            batch_size,
            None if updates[i] is None else _at_least_one("update_every", updates[i]),
            regularization,
            validation,
            as_early_stopping(early_stopping, held_out=validation is not None or sources[id(tasks[i])].is_sampled),
            file if file is None or alone else file.of_network(i),
            as_threads(n_threads),
            as_epochs(snapshots),
        )
        for i, one in enumerate(nets)
    ]
    _check_alike(courses)
    with Report(progress, "train", "epoch") as report:
        _follow(courses, report, n_epochs, as_threads(n_threads))
    histories = [course.history for course in courses]
    return histories[0] if alone else histories


def _follow(courses: list[Course], report: Report, n_epochs: int, n_threads: int | None) -> None:
    """Take all courses to their end."""
    outcome: str | None = "interrupted"
    try:
        while active := [course for course in courses if not course.is_over]:
            for course in active:
                course.open_epoch()
            for batch in range(max(course.batches.n_batches for course in active)):
                learn_batch([course for course in active if batch < course.batches.n_batches], batch, n_threads)
            losses = [course.close_epoch() for course in active]
            if report.callback is not None:
                report.callback(min(course.epoch for course in active), n_epochs, sum(losses) / len(losses))
        outcome = None
    except FloatingPointError:
        outcome = "diverged"
        raise
    finally:
        for course in courses:
            course.conclude(None if course.is_over else outcome)


def _check_alike(courses: list[Course]) -> None:
    """What one call of the core shares between networks."""
    first = courses[0]
    for course in courses[1:]:
        if course.net._structure.dtype != first.net._structure.dtype:
            raise ValueError("net holds networks of float32 and of float64, expected one precision")
        if course.terms != first.terms:
            raise ValueError('regularization has a "rate_target", and net holds networks of different dt, expected one')


def _each(name: str, value: Any, nets: list[RNN]) -> list[Any]:
    """One for each network; a list is taken as such, anything else serves all."""
    if not isinstance(value, list):
        return [value] * len(nets)
    if len(value) != len(nets):
        raise ValueError(f"{name} has {len(value)} entries, expected one for each of {len(nets)} networks")
    return value


def _instance(name: str, value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {value!r}, expected an object of fastigial.{'rules' if kind is Rule else 'optim'}")
    return value


def _at_least_one(name: str, value: Any) -> int:
    count = as_count(name, value)
    if count == 0:
        raise ValueError(f"{name} is 0, expected at least 1")
    return count
