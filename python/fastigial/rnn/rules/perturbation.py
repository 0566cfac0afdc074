"""Rules that try something and keep what paid: they know the loss of a trial, and no derivative of it.

They take the loss of each trial, L, from the loss function (its ``per_trial``, where it is a user's own).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.rules.base import Rule

__all__ = ["Miconi", "NodePerturbation", "Reinforce"]


class _WithBaseline(Rule):
    @property
    def baseline_(self) -> float:
        """L̄, the running mean of the loss."""
        # The core keeps what rules of reward keep: minus the loss.
        sign = 1.0 if self.kind == "node_perturbation" else -1.0
        return sign * float(self._learned("baseline")[0])


@dataclass(frozen=True, eq=False)
class NodePerturbation(_WithBaseline):
    r"""Noise in the drive of every unit, and its correlation with the loss.

    .. math:: \tilde z_t = z_t + \sigma \xi_t, \qquad
              \frac{\partial L}{\partial W} \approx \frac{\tilde L - \bar L}{\sigma} \sum_t \xi_t\, r_{t-1}^\top

    For small σ its mean over draws is the gradient (with the baseline of the unperturbed run, up to terms in σ²); its
    variance grows with the number of units and steps.

    Parameters
    ----------
    sigma : float
        σ, SD of the noise in the drive.
    baseline : {"unperturbed", "running"}
        L̄: the same trial without the noise (a second run), or a running mean of the loss (more variance, no second
        run).
    decay : float
        Share of the running mean that is kept with each batch.
    seed : int
        Draws ξ.

    Attributes
    ----------
    baseline_ : float
        The running mean, if it is in use.

    References
    ----------
    Williams, Mach Learn 8:229, 1992; Fiete & Seung, Phys Rev Lett 97:048104, 2006.
    """

    kind: ClassVar[str] = "node_perturbation"
    sigma: float = 0.01
    baseline: str = "unperturbed"
    decay: float = 0.9
    seed: int = 0

    def _check(self) -> None:
        as_positive("sigma", self.sigma)
        one_of("baseline", self.baseline, ("unperturbed", "running"))
        _decay(self.decay)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"sigma": self.sigma, "baseline": self.baseline, "decay": self.decay}


@dataclass(frozen=True, eq=False)
class Reinforce(_WithBaseline):
    r"""Noise in the drive of every unit, as a Gaussian policy, and what it paid.

    .. math:: \tilde z_t \sim \mathcal N(z_t, \sigma^2), \qquad
              \frac{\partial L}{\partial W} \approx (L - \bar L)\,
              \sum_t \frac{\tilde z_t - z_t}{\sigma^2}\, p_t^\top

    p: presynaptic activity. Its mean over draws is the gradient of the mean loss under the policy, for any σ. The
    readout, which is no part of the policy, follows its exact gradient.

    Parameters
    ----------
    sigma : float
        σ, SD of the exploration in the drive.
    decay : float
        Share of the running mean L̄ that is kept with each batch.
    seed : int
        Draws the exploration.

    Attributes
    ----------
    baseline_ : float
        L̄.

    References
    ----------
    Williams, Mach Learn 8:229, 1992.
    """

    kind: ClassVar[str] = "reinforce"
    sigma: float = 0.1
    decay: float = 0.9
    seed: int = 0

    def _check(self) -> None:
        as_positive("sigma", self.sigma)
        _decay(self.decay)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"sigma": self.sigma, "decay": self.decay}


@dataclass(frozen=True, eq=False)
class Miconi(_WithBaseline):
    r"""Rare perturbations, a supralinear Hebbian trace, and a reward at the end of the trial.

    .. math:: e_{ij} = \sum_t \big(r_{j,t-1}\, (z_{i,t} - \bar z_{i,t})\big)^3, \qquad
              \Delta W_{ij} \propto -(L - \bar L)\, e_{ij}

    z̄ is a running mean of the drive, so a sudden departure from it leaves its mark, while the return, slow and many
    times smaller, is wiped out by the cube. The readout follows its exact gradient.

    An estimate of the direction of descent, not of the gradient's length.

    Parameters
    ----------
    amplitude : float
        Perturbations of the drive are uniform within ± this.
    probability : float
        Of a perturbation, per unit and step.
    trace_decay : float
        Share of z̄ that is kept with each step.
    decay : float
        Share of the running mean L̄ that is kept with each batch.
    seed : int
        Draws the perturbations.

    Attributes
    ----------
    baseline_ : float
        L̄.

    References
    ----------
    Miconi, eLife 6:e20899, 2017. There L̄ is kept for each condition; here for all trials together.
    """

    kind: ClassVar[str] = "miconi"
    amplitude: float = 0.5
    probability: float = 0.03
    trace_decay: float = 0.05
    decay: float = 0.75
    seed: int = 0

    def _check(self) -> None:
        as_positive("amplitude", self.amplitude)
        if as_positive("probability", self.probability) > 1.0:
            raise ValueError(f"probability is {self.probability}, expected above 0 and up to 1")
        _decay(self.trace_decay, "trace_decay")
        _decay(self.decay)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {
            "amplitude": self.amplitude,
            "probability": self.probability,
            "trace_decay": self.trace_decay,
            "decay": self.decay,
        }


def _decay(value: Any, name: str = "decay") -> None:
    if as_positive(name, value, zero=True) >= 1.0:
        raise ValueError(f"{name} is {value!r}, expected 0 up to, but not, 1")
