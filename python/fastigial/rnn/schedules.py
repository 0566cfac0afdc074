"""Learning rates that change over training: functions of the epoch, counted from 0.

    constant      η
    step          η · factor^⌊epoch / every⌋
    exponential   η · decay^epoch
    cosine        η_end + (η − η_end) (1 + cos(π epoch / n_epochs)) / 2,  η_end from n_epochs on
    warmup        (epoch + 1) / n_epochs of what follows, then what follows
    piecewise     the rate of the last boundary that was reached

Loshchilov & Hutter, ICLR 2017 (cosine, without restarts). Any function of the epoch is a schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastigial.rnn.checks import as_positive
from fastigial.tensor.checks import as_count

__all__ = ["Schedule", "as_schedule", "constant", "cosine", "exponential", "piecewise", "step", "warmup"]

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class _Formula:
    """A schedule that shows what it is, compares, and can be pickled."""

    name: str
    numbers: tuple[float, ...]
    inner: Schedule | None = None

    def __call__(self, epoch: int) -> float:
        return _FORMULAS[self.name](epoch, self)

    def __repr__(self) -> str:
        shown = [f"{number:g}" for number in self.numbers]
        return f"{self.name}({', '.join(([repr(self.inner)] if self.inner else []) + shown)})"


def _cosine(epoch: int, it: _Formula) -> float:
    rate, n_epochs, end = it.numbers
    return end + (rate - end) * (1.0 + math.cos(math.pi * min(epoch / n_epochs, 1.0))) / 2.0


def _warmup(epoch: int, it: _Formula) -> float:
    assert it.inner is not None
    return min((epoch + 1) / it.numbers[0], 1.0) * it.inner(epoch)


def _piecewise(epoch: int, it: _Formula) -> float:
    pairs = list(zip(it.numbers[::2], it.numbers[1::2], strict=True))
    return [rate for boundary, rate in pairs if epoch >= boundary][-1]


_FORMULAS: dict[str, Callable[[int, _Formula], float]] = {
    "constant": lambda _, it: it.numbers[0],
    "step": lambda epoch, it: it.numbers[0] * it.numbers[2] ** (epoch // it.numbers[1]),
    "exponential": lambda epoch, it: it.numbers[0] * it.numbers[1] ** epoch,
    "cosine": _cosine,
    "warmup": _warmup,
    "piecewise": _piecewise,
}


def constant(lr: float) -> Schedule:
    """The same rate in every epoch."""
    return _Formula("constant", (as_positive("lr", lr, zero=True),))


def step(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """The rate times `factor`, again after `every` epochs.

    Examples
    --------
    >>> import fastigial as fg
    >>> schedule = fg.optim.schedules.step(1.0, every=10, factor=0.5)
    >>> [schedule(epoch) for epoch in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    return _Formula("step", (as_positive("lr", lr, zero=True), _epochs("every", every), as_positive("factor", factor)))


def exponential(lr: float, decay: float) -> Schedule:
    """The rate times `decay` after every epoch."""
    return _Formula("exponential", (as_positive("lr", lr, zero=True), as_positive("decay", decay)))


def cosine(lr: float, n_epochs: int, end: float = 0.0) -> Schedule:
    """Half a cosine from `lr` at epoch 0 down to `end` at epoch `n_epochs`, and `end` from then on.

    Examples
    --------
    >>> import fastigial as fg
    >>> schedule = fg.optim.schedules.cosine(1.0, n_epochs=100)
    >>> schedule(0), round(schedule(50), 12), schedule(100)
    (1.0, 0.5, 0.0)
    """
    numbers = (as_positive("lr", lr, zero=True), _epochs("n_epochs", n_epochs), as_positive("end", end, zero=True))
    return _Formula("cosine", numbers)


def warmup(lr: float | Schedule, n_epochs: int) -> Schedule:
    """Linearly up over the first `n_epochs` epochs to a rate, or to another schedule that goes on from there.

    The first epoch already has 1 / n_epochs of the rate.

    Examples
    --------
    >>> import fastigial as fg
    >>> schedule = fg.optim.schedules.warmup(1.0, n_epochs=4)
    >>> [schedule(epoch) for epoch in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return _Formula("warmup", (_epochs("n_epochs", n_epochs),), as_schedule("lr", lr))


def piecewise(rates: Mapping[int, float]) -> Schedule:
    """A rate for each stretch of epochs, by the epoch in which it begins.

    Parameters
    ----------
    rates : mapping of int to float
        Must begin at epoch 0.

    Examples
    --------
    >>> import fastigial as fg
    >>> schedule = fg.optim.schedules.piecewise({0: 1e-2, 50: 1e-3})
    >>> schedule(49), schedule(50)
    (0.01, 0.001)
    """
    if not rates or min(rates) != 0:
        raise ValueError(f"rates begin at {min(rates, default=None)!r}, expected epoch 0")
    numbers: list[float] = []
    for epoch, rate in sorted(rates.items()):
        numbers += [as_count("epoch", epoch), as_positive("rate", rate, zero=True)]
    return _Formula("piecewise", tuple(numbers))


def as_schedule(name: str, value: float | Schedule) -> Schedule:
    """A schedule from a rate, or the function that it is already; `name` is the argument's, for messages."""
    if callable(value):
        return value
    return _Formula("constant", (as_positive(name, value, zero=True),))


def _epochs(name: str, value: int) -> int:
    count = as_count(name, value)
    if count == 0:
        raise ValueError(f"{name} is 0, expected at least 1 epoch")
    return count
