"""Temporal bases: what parallel fibres could carry in the time after a signal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.rnn.checks import as_positive, as_real

__all__ = ["AlphaBasis", "Basis", "ExponentialBasis", "GaussianBasis"]

_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


class Basis(ABC):
    """Functions of the time since an event, and what a signal leaves behind through them.

    Subclasses give `kernels`; `expand` follows. The time before the event counts for nothing: all bases are causal.
    """

    @property
    @abstractmethod
    def n_functions(self) -> int:
        """How many functions."""

    @abstractmethod
    def _values(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (n_steps, n_functions) at times that are not negative."""

    def kernels(self, time: ArrayLike) -> NDArray[np.float64]:
        """Values at given times after the event.

        Parameters
        ----------
        time : array_like, shape (n_steps,)
            Seconds since the event.

        Returns
        -------
        ndarray, shape (n_steps, n_functions)
            Zero before the event.

        Raises
        ------
        TypeError, ValueError
            If the times are no finite numbers, or have more than one axis.
        """
        times = as_real("time", time, _DOUBLE)
        if times.ndim != 1:
            raise ValueError(f"time has the shape {times.shape}, expected (n_steps,)")
        values = np.zeros((times.size, self.n_functions))
        after = times >= 0
        values[after] = self._values(times[after])
        return values

    def expand(self, signal: ArrayLike, dt: float) -> NDArray[np.float64]:
        """Lead signals through all functions: x_j(t) = ∫ κ_j(s) signal(t − s) ds, as a sum over steps.

        Parameters
        ----------
        signal : array_like, shape (..., n_steps, n_inputs)
            What mossy fibres carry.
        dt : float
            Seconds per step.

        Returns
        -------
        ndarray, shape (..., n_steps, n_inputs * n_functions)
            All functions of the first input, then those of the second, and so on.

        Raises
        ------
        TypeError, ValueError
            If `signal` holds no finite numbers or has fewer than two axes, or `dt` is not above 0.

        Examples
        --------
        >>> import numpy as np
        >>> import fastigial as fg
        >>> pulse = np.zeros((1, 100, 1))
        >>> pulse[0, 10] = 1 / 0.001
        >>> fg.cerebellum.AlphaBasis([0.01, 0.03]).expand(pulse, 0.001)[0].argmax(axis=0)
        array([20, 40])
        """
        signals, step = as_real("signal", signal, _DOUBLE), as_positive("dt", dt)
        if signals.ndim < 2 or signals.shape[-2] == 0:
            raise ValueError(f"signal has the shape {signals.shape}, expected (..., n_steps, n_inputs)")
        from scipy.signal import oaconvolve

        n_steps, n_inputs = signals.shape[-2:]
        kernels = step * self.kernels(step * np.arange(n_steps))
        one = kernels.reshape((1,) * (signals.ndim - 2) + (n_steps, 1, self.n_functions))
        wide = oaconvolve(signals[..., None], one, axes=-3)[..., :n_steps, :, :]
        return np.ascontiguousarray(wide).reshape(*signals.shape[:-1], n_inputs * self.n_functions)


def _listed(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.atleast_1d(as_real(name, values, _DOUBLE))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has the shape {array.shape}, expected (n_functions,) with at least one")
    return array


def _time_constants(values: ArrayLike) -> NDArray[np.float64]:
    taus = _listed("taus", values)
    if not (taus > 0).all():
        raise ValueError(f"taus hold {taus.min()}, expected times above 0")
    return taus


class GaussianBasis(Basis):
    """Bumps at given times: κ_j(t) = exp(−(t − c_j)² / (2 sd²)).

    The "cortical basis" of Herreros, Arsiwalla & Verschure (2016): each stands for a population of granule cells that
    is active around one moment of the trial.

    Parameters
    ----------
    centres : array_like, shape (n_functions,)
        c, in seconds.
    sd : float
        In seconds.

    Raises
    ------
    TypeError, ValueError
        If centres are no finite numbers or `sd` is not above 0.

    Examples
    --------
    >>> import fastigial as fg
    >>> basis = fg.cerebellum.GaussianBasis([0.1, 0.2, 0.3], sd=0.05)
    >>> basis.kernels([0.1, 0.15]).round(3)
    array([[1.   , 0.135, 0.   ],
           [0.607, 0.607, 0.011]])
    """

    def __init__(self, centres: ArrayLike, sd: float) -> None:
        self.centres = _listed("centres", centres)
        self.sd = as_positive("sd", sd)

    @property
    def n_functions(self) -> int:
        """How many functions."""
        return self.centres.size

    def _values(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * ((time[:, None] - self.centres) / self.sd) ** 2))

    def __repr__(self) -> str:
        first, last = self.centres.min(), self.centres.max()
        return f"GaussianBasis({self.n_functions} centres from {first:g} to {last:g} s, sd={self.sd:g})"


class ExponentialBasis(Basis):
    """Decays: κ_j(t) = exp(−t / τ_j), with the peak 1 at the event.

    **The peak is 1, not the sum**, whatever τ; the area is τ. The kernels of `Exponential` (eligibility) and
    `TemporalBasis` (granule cells) have the *sum* 1 instead: the same shape, times about dt / τ.

    Parameters
    ----------
    taus : array_like, shape (n_functions,)
        τ, in seconds.

    Raises
    ------
    TypeError, ValueError
        If time constants are no finite numbers above 0.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.ExponentialBasis([0.1, 0.2]).kernels([0.0, 0.1]).round(3)
    array([[1.   , 1.   ],
           [0.368, 0.607]])
    """

    def __init__(self, taus: ArrayLike) -> None:
        self.taus = _time_constants(taus)

    @property
    def n_functions(self) -> int:
        """How many functions."""
        return self.taus.size

    def _values(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-time[:, None] / self.taus))

    def __repr__(self) -> str:
        return f"ExponentialBasis({self.n_functions} taus from {self.taus.min():g} to {self.taus.max():g} s)"


class AlphaBasis(Basis):
    """Two leaky integrators in a row: κ_j(t) = (t / τ_j) exp(1 − t / τ_j), with the peak 1 at τ_j.

    **The peak is 1, not the sum**, whatever τ; the area is e τ. The kernels of `Alpha` (eligibility) and
    `TemporalBasis` (granule cells) have the *sum* 1 instead: the same shape, times about dt / (e τ).

    Parameters
    ----------
    taus : array_like, shape (n_functions,)
        τ, in seconds.

    Raises
    ------
    TypeError, ValueError
        If time constants are no finite numbers above 0.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.AlphaBasis([0.1, 0.2]).kernels([0.0, 0.1, 0.2]).round(3)
    array([[0.   , 0.   ],
           [1.   , 0.824],
           [0.736, 1.   ]])
    """

    def __init__(self, taus: ArrayLike) -> None:
        self.taus = _time_constants(taus)

    @property
    def n_functions(self) -> int:
        """How many functions."""
        return self.taus.size

    def _values(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = time[:, None] / self.taus
        return np.asarray(scaled * np.exp(1 - scaled))

    def __repr__(self) -> str:
        return f"AlphaBasis({self.n_functions} taus from {self.taus.min():g} to {self.taus.max():g} s)"
