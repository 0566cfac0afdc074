"""What a parallel-fibre synapse remembers of its input until the climbing fibre tells of an error.

::

    E_t = Σ_k κ_k g_{t−k}                              g: activity of parallel fibres, one kernel κ for all of them

    Instantaneous()           κ = 1 at 0
    Delayed(d)                κ = 1 at d                              a climbing fibre that comes d late
    Exponential(tau)          κ_k = (1 − a) aᵏ                        a = exp(−dt/tau)
    Alpha(tau)                κ_k = (1 − a)² k aᵏ⁻¹                   peaks at tau
    an array                  κ_k as given

Exponential and alpha kernels have the sum 1, and both may begin after a delay.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.checks import as_positive, as_real
from fastigial.tensor.checks import as_count, as_number

__all__ = ["Alpha", "Delayed", "Eligibility", "Exponential", "Instantaneous", "as_eligibility", "as_steps", "restored"]

Core = tuple[str, int, list[float]]


class Eligibility:
    """Base of the kernels."""

    def as_core(self, dt: float) -> Core:
        """Kind, delay in steps, and its decay per step or its kernel."""
        raise NotImplementedError

    def kernel(self, n_steps: int, dt: float = 0.001) -> NDArray[np.float64]:
        """κ at the first steps: what a single spike of a parallel fibre leaves behind.

        Parameters
        ----------
        n_steps : int
            How many.
        dt : float
            Seconds per step.

        Returns
        -------
        ndarray, shape (n_steps,)

        Examples
        --------
        >>> import fastigial as fg
        >>> fg.cerebellum.Delayed(0.002).kernel(4, dt=0.001)
        array([0., 0., 1., 0.])
        """
        return _core.eligibility_kernel(self.as_core(as_positive("dt", dt)), as_count("n_steps", n_steps))

    def _as_plain(self) -> dict[str, Any]:
        """For files."""
        return {"kind": type(self).__name__, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Instantaneous(Eligibility):
    """Nothing is remembered: a synapse is eligible while its parallel fibre is active.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.Instantaneous().kernel(3)
    array([1., 0., 0.])
    """

    def as_core(self, dt: float) -> Core:
        """Kind, delay and numbers."""
        del dt
        return "instantaneous", 0, []


@dataclass(frozen=True)
class Delayed(Eligibility):
    """A synapse is eligible once, some time after its parallel fibre was active.

    The delay that matches that of the climbing fibre pairs each error with the activity that caused it.

    Parameters
    ----------
    delay : float
        Seconds, a whole number of steps.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.Delayed(0.02).kernel(4, dt=0.01)
    array([0., 0., 1., 0.])
    """

    delay: float

    def __post_init__(self) -> None:
        as_positive("delay", self.delay, zero=True)

    def as_core(self, dt: float) -> Core:
        """Kind, delay and numbers."""
        return "instantaneous", as_steps("delay of the eligibility", self.delay, dt), []


@dataclass(frozen=True)
class Exponential(Eligibility):
    """A trace that decays, with the sum 1 over steps: κ_k = (1 − a) aᵏ, a = exp(−dt/τ).

    **The sum is 1, not the peak**: one learning rate means the same for all τ. `ExponentialBasis` has the same shape
    with the largest value 1 instead.

    Parameters
    ----------
    tau : float
        Time constant in seconds.
    delay : float
        Seconds before it begins, a whole number of steps.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.Exponential(0.1).kernel(3, dt=0.01).round(3)
    array([0.095, 0.086, 0.078])
    """

    tau: float
    delay: float = 0.0

    def __post_init__(self) -> None:
        as_positive("tau", self.tau)
        as_positive("delay", self.delay, zero=True)

    def as_core(self, dt: float) -> Core:
        """Kind, delay and numbers."""
        return "exponential", as_steps("delay of the eligibility", self.delay, dt), [float(np.exp(-dt / self.tau))]


@dataclass(frozen=True)
class Alpha(Eligibility):
    """A trace that rises and decays, with the sum 1 over steps and its peak at `tau`: κ_k = (1 − a)² k aᵏ⁻¹.

    **The sum is 1, not the peak**: one learning rate means the same for all τ. `AlphaBasis` has the same shape with a
    peak of 1 instead.

    Parameters
    ----------
    tau : float
        Time constant in seconds, and time of the peak.
    delay : float
        Seconds before it begins, a whole number of steps.

    Examples
    --------
    >>> import fastigial as fg
    >>> int(fg.cerebellum.Alpha(0.1).kernel(50, dt=0.01).argmax())
    10
    """

    tau: float
    delay: float = 0.0

    def __post_init__(self) -> None:
        as_positive("tau", self.tau)
        as_positive("delay", self.delay, zero=True)

    def as_core(self, dt: float) -> Core:
        """Kind, delay and numbers."""
        return "alpha", as_steps("delay of the eligibility", self.delay, dt), [float(np.exp(-dt / self.tau))]


@dataclass(frozen=True)
class _Array(Eligibility):
    values: tuple[float, ...]

    def as_core(self, dt: float) -> Core:
        del dt
        return "array", 0, list(self.values)


def as_eligibility(value: Any) -> Eligibility:
    """A kernel of this module, or one given as an array of its values at each step."""
    if isinstance(value, Eligibility):
        return value
    if isinstance(value, str | type) or value is None:
        raise TypeError(
            f"eligibility is {value!r}, expected Instantaneous(), Delayed(…), Exponential(…), … or an array"
        )
    array = as_real("eligibility", value, np.dtype(np.float64))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"eligibility has the shape {array.shape}, expected one number per step, at least one")
    return _Array(tuple(array.tolist()))


def restored(plain: dict[str, Any]) -> Eligibility:
    """The kernel of a file."""
    kinds = {kind.__name__: kind for kind in (Instantaneous, Delayed, Exponential, Alpha)}
    numbers = dict(plain)
    kind = numbers.pop("kind")
    if kind == "_Array":
        return as_eligibility(numbers["values"])
    return kinds[kind](**numbers)


def as_steps(name: str, seconds: Any, dt: float) -> int:
    """A delay in steps, for all that has delays: modules, filters, controlled plants.

    Raises
    ------
    TypeError, ValueError
        If it is no number, negative, more than 2**31 steps, or not a whole number of steps, up to a millionth of it.

    Examples
    --------
    >>> from fastigial.cerebellum.eligibility import as_steps
    >>> as_steps("delay", 0.3, 0.1)
    3
    """
    steps = as_positive(name, as_number(name, seconds), zero=True) / dt
    if abs(steps - round(steps)) > 1e-6 * max(1.0, steps):
        raise ValueError(f"{name} is {seconds} s, expected a whole number of steps of dt = {dt:g} s")
    return as_count(f"{name} in steps of {dt:g} s", round(steps))
