"""How parallel-fibre synapses follow the climbing fibres.

::

    LMS            ΔW = s η f E − λ W
    Covariance     ΔW = s η (f − ⟨f⟩)(E − ⟨E⟩) − λ W

    symbol   name                meaning
    η        learning_rate
    f        climbing fibre of the Purkinje cell's microzone: errors, after their delay
    E        eligibility of the synapse
    λ        forgetting          of the weights, at each step or at the end of each trial
    s        +1, or −1 where Purkinje cells inhibit the nuclei
    ⟨·⟩      running mean over `tau`; over the batch where learning is batched

An error that was not observed (NaN) teaches nothing and enters no mean; forgetting goes on. Online, ⟨E⟩ moves at every
step, observed or not, since the synapse knows its own activity; ⟨f⟩ moves at observed steps only.

In batches the weights change once, and lose at once what all steps would have taken: λ · n_steps · n_trials of
themselves, or λ · n_trials with ``forgetting_per="trial"``. More than 1 is an error.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from fastigial.rnn.checks import as_positive, one_of
from fastigial.tensor.checks import as_number

__all__ = ["LMS", "Covariance", "Plasticity", "restored"]

Bounds = tuple[float, float] | str | None


@dataclass(frozen=True)
class Plasticity:
    """Base of the rules: what they have in common."""

    kind: ClassVar[str]
    learning_rate: float = 1e-3
    bounds: Bounds = None
    forgetting: float = 0.0
    forgetting_per: str = "step"

    def __post_init__(self) -> None:
        as_positive("learning_rate", self.learning_rate, zero=True)
        if not 0.0 <= as_number("forgetting", self.forgetting) <= 1.0:
            raise ValueError(f"forgetting is {self.forgetting}, expected 0 to 1")
        one_of("forgetting_per", self.forgetting_per, ("step", "trial"))
        self.limits()

    def limits(self) -> tuple[float, float]:
        """The lowest and the highest weight."""
        if self.bounds is None:
            return -np.inf, np.inf
        if isinstance(self.bounds, str):
            one_of("bounds", self.bounds, ("nonnegative", "nonpositive"))
            return (0.0, np.inf) if self.bounds == "nonnegative" else (-np.inf, 0.0)
        if not isinstance(self.bounds, tuple | list) or len(self.bounds) != 2:
            raise ValueError(f'bounds are {self.bounds!r}, expected (low, high), "nonnegative" or "nonpositive"')
        low, high = (as_number("bounds", bound) for bound in self.bounds)
        if not low <= high:
            raise ValueError(f"bounds are {self.bounds!r}, expected low not above high")
        return low, high

    def as_core(self, dt: float) -> dict[str, Any]:
        """Numbers for the core."""
        del dt
        low, high = self.limits()
        return {
            "kind": self.kind,
            "learning_rate": float(self.learning_rate),
            "low": low,
            "high": high,
            "forgetting": float(self.forgetting),
            "per": self.forgetting_per,
        }

    def _as_plain(self) -> dict[str, Any]:
        """For files."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class LMS(Plasticity):
    r"""Least mean squares: weights follow the product of error and eligibility.

    .. math:: \Delta W = \eta\, f_t E_t^\top - \lambda W

    Without delays and traces this is minus half the gradient of the squared error, and converges to the least-squares
    solution, if the learning rate is below 2 / Σ g², twice the inverse of the parallel fibres' power. Online, an error
    that comes D steps late corrects what has been corrected since: then it must be below 2 sin(π / (4D + 2)) / Σ g²,
    the bound for steady input, with an eligibility that is as late. Other paths from the nuclei to the error need
    other eligibilities: a trace shaped like the path makes the rule a gradient again.

    Parameters
    ----------
    learning_rate : float
        η.
    bounds : (float, float), "nonnegative" or "nonpositive", optional
        Weights are clipped to these after each update.
    forgetting : float
        λ, 0 to 1: share of the weights that is lost. In batched learning λ · n_steps · n_trials at once (λ · n_trials
        with "trial"), which must not be above 1.
    forgetting_per : {"step", "trial"}
        When. With "trial" at the end of each trial of `Cerebellum.learn` and of runs with a network.

    Notes
    -----
    Widrow & Hoff, IRE WESCON 1960; Fujita, Biol Cybern 45:195, 1982.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.LMS(0.01, bounds="nonnegative")
    LMS(learning_rate=0.01, bounds='nonnegative', forgetting=0.0, forgetting_per='step')
    """

    kind: ClassVar[str] = "lms"


@dataclass(frozen=True)
class Covariance(Plasticity):
    r"""Weights follow the covariance of error and eligibility; a constant offset of the error does not teach.

    .. math:: \Delta W = \eta\, (f_t - \langle f \rangle)(E_t - \langle E \rangle)^\top - \lambda W

    The first values that are observed are the first means. Means go on from trial to trial: ⟨E⟩ at every step, ⟨f⟩ at
    observed steps only. Where errors are observed at certain times alone, ⟨E⟩ is therefore not the mean over these
    times. In batched learning both means are those over what was observed in the batch.

    Parameters
    ----------
    learning_rate, bounds, forgetting, forgetting_per
        As for `LMS`.
    tau : float
        Time constant of the running means, in seconds.

    Notes
    -----
    Sejnowski, J Math Biol 4:303, 1977. What the error's mean would have taught, namely the constant part of the
    target, is never learned.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.cerebellum.Covariance(0.01, tau=0.5).tau
    0.5
    """

    kind: ClassVar[str] = "covariance"
    tau: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        as_positive("tau", self.tau)

    def as_core(self, dt: float) -> dict[str, Any]:
        """Numbers for the core."""
        return {**super().as_core(dt), "rate": float(-np.expm1(-dt / self.tau))}


def restored(plain: dict[str, Any]) -> LMS | Covariance:
    """The rule of a file."""
    numbers = dict(plain)
    kind = {rule.kind: rule for rule in (LMS, Covariance)}[numbers.pop("kind")]
    if isinstance(numbers["bounds"], list):
        numbers["bounds"] = tuple(numbers["bounds"])
    return kind(**numbers)
