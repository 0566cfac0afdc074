"""A task from a function: for the quick case in which a class would say no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tasks.base import Loss, Task
from fastigial.tasks.timing import choice
from fastigial.tasks.trials import Trials

__all__ = ["from_function"]

Drawer = Callable[[int, np.random.Generator], "Trials | tuple[NDArray[Any], ...]"]


class _FunctionTask(Task):
    """What :func:`from_function` returns."""

    def __init__(self, function: Drawer, dt: float, loss: Loss, dtype: str) -> None:
        self.function, self.dt, self.loss, self.dtype = function, dt, loss, dtype
        self.__post_init__()

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials with the function."""
        drawn = self.function(n_trials, rng)
        if isinstance(drawn, Trials):
            return drawn
        if not isinstance(drawn, tuple) or len(drawn) not in (2, 3):
            raise TypeError(
                f"function must return Trials, (inputs, targets) or (inputs, targets, mask), got {type(drawn).__name__}"
            )
        mask = drawn[2] if len(drawn) == 3 else None
        return Trials(drawn[0], drawn[1], mask=mask, dt=self.dt, name=self._name)  # type: ignore[arg-type]

    @property
    def _name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __repr__(self) -> str:
        return super().__repr__().replace("_FunctionTask()", f"from_function({self._name})", 1)


def from_function(function: Drawer, *, dt: float = 0.01, loss: Loss = "mse", dtype: str = "float64") -> Task:
    """Make a task of a function that draws trials.

    Parameters
    ----------
    function : callable
        ``function(n_trials, rng)`` returns Trials, or (inputs, targets), or (inputs, targets, mask), in the shapes of
        :class:`Trials`. All that is random must come from `rng`, a ``numpy.random.Generator``.
    dt : float
        Duration of a step, in seconds. Trials that the function returns keep their own.
    loss : {"mse", "cross_entropy"}
    dtype : {"float64", "float32"}

    Returns
    -------
    Task

    Raises
    ------
    TypeError
        If `function` cannot be called.
    ValueError
        If another argument makes no sense.

    Examples
    --------
    >>> import fastigial as fg
    >>> def integrate(n_trials, rng):
    ...     inputs = rng.standard_normal((n_trials, 30, 1))
    ...     return inputs, inputs.cumsum(axis=1) * 0.1
    >>> task = fg.tasks.from_function(integrate, dt=0.1)
    >>> task
    <from_function(integrate): 1 input, 1 output, 30 steps of 100 ms, loss "mse">
    >>> task.sample(2, seed=0).n_trials
    2
    """
    if not callable(function):
        raise TypeError(f"function must be callable with (n_trials, rng), got {function!r}")
    choice("loss", loss, ("mse", "cross_entropy"))
    return _FunctionTask(function, dt, loss, dtype)
