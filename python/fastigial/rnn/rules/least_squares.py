"""Rules that solve for weights while the network runs: recursive least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive
from fastigial.rnn.rules.base import Rule
from fastigial.tensor.checks import as_count

__all__ = ["FORCE", "FullFORCE"]


class _LeastSquares(Rule):
    @property
    def inverse_correlation_(self) -> NDArray[Any]:
        """P, (n_units, n_units)."""
        held = self.state()
        # In single precision the core gives P in two parts.
        return self._learned("P").astype(np.float64) + held.get("P_rest", 0.0)


@dataclass(frozen=True, eq=False)
class FORCE(_LeastSquares):
    r"""First-order reduced and controlled error: the readout learns, online, in a few steps.

    .. math:: P \leftarrow P - \frac{P r r^\top P}{1 + r^\top P r}, \qquad
              W_{out} \leftarrow W_{out} - (y - y^*)\, (P r)^\top, \qquad P_0 = 1 / \alpha

    Only W_out changes, and at once: the optimiser has no part in it. With ``feedback=True`` the network hears its own
    output, and the rule tames it.

    Exact: after the last step W_out is the ridge regression of all targets seen on all activity seen, with penalty α —
    for a network without feedback. With feedback the activity itself changes along the way.

    Parameters
    ----------
    alpha : float
        α, the ridge, which sets the first learning rate.
    every : int
        Steps from one update to the next.
    start : int
        Steps of each trial before the first update, in which the network runs in.
    seed : int
        Not used; all rules have one.

    Attributes
    ----------
    inverse_correlation_ : ndarray, shape (n_units, n_units)
        P.

    References
    ----------
    Sussillo & Abbott, Neuron 63:544, 2009.
    """

    kind: ClassVar[str] = "force"
    alpha: float = 1.0
    every: int = 2
    start: int = 0
    seed: int = 0

    def _check(self) -> None:
        _check(self.alpha, self.every)
        as_count("start", self.start)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"alpha": self.alpha, "every": self.every, "start": self.start}


@dataclass(frozen=True, eq=False)
class FullFORCE(_LeastSquares):
    r"""All recurrent weights learn to supply what a second, driven network shows them.

    .. math:: z^D_t = J^D r^D_{t-1} + u f_t + W_{in} x_t, \qquad
              W \leftarrow W - \big(W r - J^D r^D - u f\big)\, (P r)^\top

    The target-generating network J^D is random, with the task's target f as an input along u; the network itself has
    the same inputs x and no f. Each unit's recurrent drive learns to be what that unit of the driven network gets from
    its recurrence and from f, by recursive least squares with one P for all rows. The readout learns as in `FORCE`.

    Exact as `FORCE` is, for the drives as targets.

    Parameters
    ----------
    alpha : float
        α, the ridge: P starts at 1/α.
    every : int
        Steps from one update to the next.
    gain : float
        Spectral radius of J^D.
    seed : int
        Draws J^D and u.

    Attributes
    ----------
    inverse_correlation_ : ndarray, shape (n_units, n_units)
        P.

    References
    ----------
    DePasquale, Cueva, Rajan, Escola & Abbott, PLoS ONE 13:e0191527, 2018.
    """

    kind: ClassVar[str] = "full_force"
    alpha: float = 1.0
    every: int = 2
    gain: float = 1.5
    seed: int = 0

    def _check(self) -> None:
        _check(self.alpha, self.every)
        as_positive("gain", self.gain, zero=True)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"alpha": self.alpha, "every": self.every, "gain": self.gain}


def _check(alpha: Any, every: Any) -> None:
    as_positive("alpha", alpha)
    if as_count("every", every) == 0:
        raise ValueError("every is 0, expected at least 1 step")
