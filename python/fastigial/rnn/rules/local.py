"""Rules with what a synapse could know: traces of its two sides, and errors that do not come the way they went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.rules.base import Rule

__all__ = ["RFLO", "EProp", "FeedbackAlignment", "KolenPollack"]

_FEEDBACK = ("random", "symmetric")


class _WithFeedback(Rule):
    @property
    def feedback_(self) -> NDArray[Any]:
        """B, (n_units, n_outputs): what brings output errors to the units."""
        if getattr(self, "feedback", None) == "symmetric":
            transposed: NDArray[Any] = self._latest_net().parameters["W_out"].T
            return transposed
        return self._learned("feedback")


@dataclass(frozen=True, eq=False)
class RFLO(_WithFeedback):
    r"""Random feedback local online learning.

    .. math:: p_{ij,t} = (1 - \alpha_i)\, p_{ij,t-1} + \alpha_i\, \phi'(z_{i,t})\, r_{j,t-1}, \qquad
              \frac{\partial L}{\partial W_{ij}} \approx \sum_t \Big[B \frac{\partial L_t}{\partial y_t}\Big]_i p_{ij,t}

    and likewise for the other weights that lead to the units; the readout follows its exact gradient.

    Exact for rate cells without recurrent connections and with ``feedback="symmetric"``. It departs from the gradient
    in that it drops what a unit does to others later (W in the Jacobian), and, with random feedback, in that B is not
    W_outᵀ.

    Parameters
    ----------
    feedback : {"random", "symmetric"}
        B: normal numbers of SD 1/√(n_outputs), fixed; or W_outᵀ as it is at each moment.
    seed : int
        Draws B.

    Attributes
    ----------
    feedback_ : ndarray, shape (n_units, n_outputs)
        B.

    References
    ----------
    Murray, eLife 8:e43299, 2019.
    """

    kind: ClassVar[str] = "rflo"
    feedback: str = "random"
    seed: int = 0

    def _check(self) -> None:
        one_of("feedback", self.feedback, _FEEDBACK)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"feedback": self.feedback}


@dataclass(frozen=True, eq=False)
class EProp(_WithFeedback):
    r"""Eligibility propagation: traces of each synapse, and a learning signal for each unit.

    .. math:: \frac{\partial L}{\partial W_{ij}} \approx \sum_t L_{i,t}\, \bar e_{ij,t}, \qquad
              L_{i,t} = \Big[B \frac{\partial L_t}{\partial y_t}\Big]_i, \qquad e_{ij,t} = \psi_{i,t}\, \epsilon_{ij,t}

    ε is what a unit's own state keeps of the synapse's past: low-passed spikes (lif), and a second, slow part for the
    adapting threshold (alif): ε_a ← ψ ε_v + (ρ_a − ψ β_a) ε_a, e = ψ (ε_v − β_a ε_a). ē is e, low-passed as the readout
    is. Of rate cells it is `RFLO`'s trace.

    Exact for units without recurrent connections and symmetric feedback (up to the surrogate of the spike). It departs
    from the gradient in that it drops the ways that lead through other units.

    Parameters
    ----------
    feedback : {"random", "symmetric"}
        B: normal numbers of SD 1/√(n_outputs), fixed; or W_outᵀ as it is at each moment.
    seed : int
        Draws B.

    Attributes
    ----------
    feedback_ : ndarray, shape (n_units, n_outputs)
        B.

    References
    ----------
    Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass, Nat Commun 11:3625, 2020.
    """

    kind: ClassVar[str] = "eprop"
    feedback: str = "symmetric"
    seed: int = 0

    def _check(self) -> None:
        one_of("feedback", self.feedback, _FEEDBACK)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"feedback": self.feedback}


@dataclass(frozen=True, eq=False)
class FeedbackAlignment(_WithFeedback):
    r"""Backpropagation through time with fixed random feedback in place of the readout's transpose.

    .. math:: \lambda_t = B \frac{\partial L_t}{\partial y_t} + J_{t+1}^\top \lambda_{t+1}

    Exact for the readout. It departs from the gradient in B alone: errors still travel back through time, and through
    the network's own W.

    Parameters
    ----------
    seed : int
        Draws B: normal numbers of SD 1/√(n_outputs).

    Attributes
    ----------
    feedback_ : ndarray, shape (n_units, n_outputs)
        B.

    References
    ----------
    Lillicrap, Cownden, Tweed & Akerman, Nat Commun 7:13276, 2016.
    """

    kind: ClassVar[str] = "feedback_alignment"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class KolenPollack(_WithFeedback):
    r"""Feedback alignment whose feedback learns: it changes as the readout does, and both decay alike.

    .. math:: \Delta B = \Delta W_{out}^\top - \lambda B, \qquad
              W_{out} \leftarrow W_{out} + \Delta W_{out} - \lambda W_{out}

    ΔW_out is the optimiser's step, so B − W_outᵀ shrinks by 1 − λ with each: B converges to W_outᵀ, and the rule to
    `BPTT`.

    Parameters
    ----------
    decay : float
        λ, per update, 0 up to 1.
    seed : int
        Draws the first B: normal numbers of SD 1/√(n_outputs).

    Attributes
    ----------
    feedback_ : ndarray, shape (n_units, n_outputs)
        B.

    References
    ----------
    Kolen & Pollack, Proc IEEE Int Conf Neural Networks 1994; Akrout et al., NeurIPS 2019.
    """

    kind: ClassVar[str] = "kolen_pollack"
    decay: float = 1e-3
    seed: int = 0

    def _check(self) -> None:
        if as_positive("decay", self.decay, zero=True) >= 1.0:
            raise ValueError(f"decay is {self.decay}, expected 0 up to, but not, 1")

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"decay": self.decay}
