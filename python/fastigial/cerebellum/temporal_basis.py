r"""Filters in time for granule cells.

    exponential:  κ_b(t) ∝ e^{−t/τ_b}        alpha:  κ_b(t) ∝ t e^{−t/τ_b}

at the times t = 0, dt, 2 dt, … of the steps, scaled to a sum of one: activity that stays comes through as it is. They
are computed by recursions, so that a step costs the same whatever τ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive, one_of
from fastigial.tensor.checks import as_count

__all__ = ["TemporalBasis"]


@dataclass(frozen=True)
class TemporalBasis:
    r"""Functions of time that the activity of every granule cell goes through, each with the sum 1 over steps.

    **The sum is 1, not the peak**: activity that stays comes through as it is. `AlphaBasis` and `ExponentialBasis` have
    the same shapes with a peak of 1 instead.

    .. math:: z_{b,i}(t) = \sum_{n \ge 0} \kappa_b(n)\, g_i(t - n),
        \qquad \kappa_b(n) \propto e^{-n\,dt/\tau_b} \text{ or } n\,e^{-n\,dt/\tau_b}

    A design of this package: granule cells whose answers are spread over time are what models of cerebellar timing
    assume (Medina & Mauk 2000); where the spread comes from is left open.

    Parameters
    ----------
    taus : sequence of float
        Time constants in seconds, one for each function. An alpha function peaks :math:`\tau` after its cause.
    shape : {"alpha", "exponential"}
        The shape of the kernels.
    dt : float
        Length of a step in seconds.

    Raises
    ------
    TypeError, ValueError
        If a time constant or `dt` is not a finite number above 0, there is no time constant, or the shape is unknown.

    Examples
    --------
    >>> import fastigial as fg
    >>> basis = fg.cerebellum.TemporalBasis([0.02, 0.05], dt=0.01)
    >>> basis.n_functions, basis.kernels(30).argmax(axis=1)
    (2, array([2, 5]))
    """

    taus: Sequence[float]
    shape: str = "alpha"
    dt: float = 0.001

    def __post_init__(self) -> None:
        if np.ndim(self.taus) != 1 or len(self.taus) == 0:
            raise ValueError(f"taus is {self.taus!r}, expected one or more time constants in seconds")
        object.__setattr__(self, "taus", tuple(as_positive("taus", tau) for tau in self.taus))
        object.__setattr__(self, "dt", as_positive("dt", self.dt))
        one_of("shape", self.shape, ("alpha", "exponential"))

    @property
    def n_functions(self) -> int:
        """Number of functions."""
        return len(self.taus)

    def kernels(self, n_steps: int) -> NDArray[np.float64]:
        """The first steps of each kernel, (n_functions, n_steps)."""
        steps = np.arange(as_count("n_steps", n_steps))
        decay = np.exp(-self.dt / np.array(self.taus))[:, None]
        if self.shape == "exponential":
            return np.asarray((1 - decay) * decay**steps)
        return np.asarray((1 - decay) ** 2 * steps * decay ** (steps - 1.0))

    def _as_core(self) -> tuple[str, list[float]]:
        return self.shape, [tau / self.dt for tau in self.taus]
