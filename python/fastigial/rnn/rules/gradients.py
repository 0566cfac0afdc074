"""Rules that follow the gradient of the loss, exactly or cut short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_flag, as_positive
from fastigial.rnn.rules.base import Rule
from fastigial.tensor.checks import as_count

__all__ = ["BPTT", "RTRL", "BPLambda", "SyntheticGradient"]

Layers = list[tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class BPTT(Rule):
    r"""Backpropagation through time: the gradient of the loss, by the adjoint of the network.

    .. math:: \lambda_t = \frac{\partial L_t}{\partial s_t} + J_{t+1}^\top \lambda_{t+1}, \qquad
              \frac{\partial L}{\partial \theta} = \sum_t \Big(\frac{\partial s_t}{\partial \theta}\Big)^\top \lambda_t

    with the Jacobian J of a step.

    Exact for every cell with a derivative; that of spikes is the surrogate's, and their reset counts as constant.

    Parameters
    ----------
    truncation : int, optional
        Steps in a window; at the borders of windows the adjoint is cut off, which departs from the gradient. None:
        none.
    checkpoint_every : int, optional
        Keep the state of every so many steps only, and compute the others once more on the way back: less memory, one
        more forward run, and the same numbers.
    seed : int
        Not used; all rules have one.

    References
    ----------
    Werbos, Proc IEEE 78:1550, 1990. Windows: Williams & Peng, Neural Comput 2:490, 1990, without overlap.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.rules.BPTT(truncation=20)
    BPTT(truncation=20, checkpoint_every=None, seed=0)
    """

    kind: ClassVar[str] = "bptt"
    truncation: int | None = None
    checkpoint_every: int | None = None
    seed: int = 0

    def _check(self) -> None:
        _steps("truncation", self.truncation)
        _steps("checkpoint_every", self.checkpoint_every)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"truncation": self.truncation, "checkpoint_every": self.checkpoint_every}


@dataclass(frozen=True, eq=False)
class RTRL(Rule):
    r"""Real-time recurrent learning: the same gradient, carried forward with the network.

    .. math:: P_t = J_t P_{t-1} + \frac{\partial s_t}{\partial \theta}\Big|_{s_{t-1}}, \qquad
              \frac{\partial L}{\partial \theta} = \sum_t P_t^\top \frac{\partial L_t}{\partial s_t}

    Exact, where it applies: it equals `BPTT`. It needs no memory of the past, but O(N³) memory and O(N⁴) time a step:
    for small networks.

    Parameters
    ----------
    seed : int
        Not used; all rules have one.

    References
    ----------
    Williams & Zipser, Neural Comput 1:270, 1989.
    """

    kind: ClassVar[str] = "rtrl"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SyntheticGradient(Rule):
    r"""Backpropagation within windows of a few steps, with a prediction of the gradient from beyond.

    .. math:: \delta_t = \sum_{\tau \in \text{window}} \frac{\partial L_\tau}{\partial s_t}
              + \gamma\, C(s_{t+K})^\top \frac{\partial s_{t+K}}{\partial s_t}, \qquad
              L_C = \lVert C(s_t) - \delta_t \rVert^2

    The synthesiser C, a network of rectified layers whose last layer starts at 0, learns δ at the first state of each
    window while the recurrent network learns by it, by the same optimiser and clipped together with it.
    In cortico-cerebellar networks C is the cerebellum.

    Exact only if C is: with γ = 1 and C the true gradient of all later losses, one window's update is that of `BPTT`.
    With γ = 0 it is `BPTT(truncation=window)`.

    Parameters
    ----------
    window : int
        K, steps in a window.
    bootstrap : float
        γ, weight of the prediction, 0 to 1.
    hidden : sequence of int
        Units in each hidden layer of C; none makes C linear.
    n_mossy_inputs : int, optional
        Entries of the state that each unit of C's first hidden layer receives, drawn once; all of them by default.
    frozen : bool
        Whether C stays as it is: its predictions are used, and it does not learn (a lesion of the inferior olive).
    freeze_at, ablate_at : int, optional
        Epoch of a training, counted from 0, at which C is frozen, or taken away: from then on γ = 0.
    random_start : bool
        Whether C's last layer starts at random weights instead of 0.
    equal_windows : bool
        Whether the loss is averaged within each window, as in the published code, instead of over all that is
        observed: a window in which little is observed then teaches as much as any other. The loss that is reported is
        not affected.
    seed : int
        Draws C's weights.

    Attributes
    ----------
    synthesiser_ : list of (ndarray, ndarray)
        Weights (n_out, n_in) and biases (n_out,) of C's layers.

    References
    ----------
    Jaderberg et al., ICML 2017; Pemberton, Boven, Apps & Costa, NeurIPS 2021; Boven, Pemberton, Chadderton, Apps &
    Costa, Nat Commun 14:51, 2023.
    """

    kind: ClassVar[str] = "synthetic_gradient"
    predicts: ClassVar[bool] = True
    window: int = 1
    bootstrap: float = 0.1
    hidden: Sequence[int] = (400, 400)
    n_mossy_inputs: int | None = None
    frozen: bool = False
    freeze_at: int | None = None
    ablate_at: int | None = None
    random_start: bool = False
    equal_windows: bool = False
    seed: int = 0

    def _check(self) -> None:
        _steps("window", self.window)
        if as_positive("bootstrap", self.bootstrap, zero=True) > 1.0:
            raise ValueError(f"bootstrap is {self.bootstrap}, expected 0 to 1")
        _layers(self.hidden)
        _steps("n_mossy_inputs", self.n_mossy_inputs)
        for name in ("frozen", "random_start", "equal_windows"):
            as_flag(name, getattr(self, name))
        for name in ("freeze_at", "ablate_at"):
            if getattr(self, name) is not None:
                as_count(name, getattr(self, name))

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {
            "window": self.window,
            "bootstrap": self.bootstrap,
            "hidden": [int(size) for size in self.hidden],
            "n_mossy_inputs": self.n_mossy_inputs,
            "frozen": self.frozen,
            "random_start": self.random_start,
            "equal_windows": self.equal_windows,
        }

    def options_at(self, epoch: int) -> dict[str, Any]:
        """Numbers for the core in an epoch of a training."""
        ablated = self.ablate_at is not None and epoch >= self.ablate_at
        frozen = self.frozen or ablated or (self.freeze_at is not None and epoch >= self.freeze_at)
        return {**self.options(), "frozen": frozen, "bootstrap": 0.0 if ablated else self.bootstrap}

    @property
    def synthesiser_(self) -> Layers:
        """Weights and biases of the synthesiser's layers."""
        return [(self._learned(f"weight_{i}"), self._learned(f"bias_{i}")) for i in range(len(self.hidden) + 1)]

    def set_synthesiser(self, layers: Layers) -> None:
        """Replace the synthesiser of the network that the rule was used with last.

        Parameters
        ----------
        layers : list of (ndarray, ndarray)
            As `synthesiser_` gives them.
        """
        held = self.state()
        for i, (weight, bias) in enumerate(layers):
            for name, value in [(f"weight_{i}", weight), (f"bias_{i}", bias)]:
                known = self._learned(name)
                if np.shape(value) != known.shape:
                    raise ValueError(f"layers has {name} of shape {np.shape(value)}, expected {known.shape}")
                held[name] = np.ascontiguousarray(value, dtype=known.dtype)
        self.of(self._latest_net()).set_state(held)


@dataclass(frozen=True, eq=False)
class BPLambda(Rule):
    r"""Synthetic gradients that are learned online, by temporal differences, without backpropagation through time.

    .. math:: \delta_t = J_t^\top (g_{t+1} + \gamma\, \hat g_{t+1}) - \hat g_t, \qquad
              E_t = \gamma \lambda\, J_{t-1} E_{t-1} + \frac{\partial \hat g_t}{\partial \theta}, \qquad
              \Delta \theta \propto \sum_t \delta_t^\top E_t

    ĝ = C(s) predicts the gradient of all later losses; E, its eligibility trace, makes the prediction right for all of
    the future at once (λ = 1), though no gradient ever travels back. The recurrent network learns from
    g_t + w ĝ_t and traces of each synapse, as in `EProp`.

    Exact, with λ = γ = 1, for the mean change of a linear C: it is that of regression on the true gradient.

    Parameters
    ----------
    decay : float
        λ, 0 to 1.
    discount : float
        γ, 0 to 1.
    weight : float
        w, of predictions in the recurrent network's learning signal.
    local_trace : bool
        Whether a synapse's trace keeps what the unit's own state carries over.
    hidden : sequence of int
        Units in each hidden layer of C; none makes it linear.
    seed : int
        Draws C's weights.

    References
    ----------
    Pemberton & Costa, TMLR 2024. There weights change at every step, here after a batch.
    """

    kind: ClassVar[str] = "bp_lambda"
    predicts: ClassVar[bool] = True
    decay: float = 1.0
    discount: float = 1.0
    weight: float = 0.1
    local_trace: bool = True
    hidden: Sequence[int] = ()
    seed: int = 0

    def _check(self) -> None:
        for name in ("decay", "discount"):
            if as_positive(name, getattr(self, name), zero=True) > 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 1")
        as_positive("weight", self.weight, zero=True)
        as_flag("local_trace", self.local_trace)
        _layers(self.hidden)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {
            "decay": self.decay,
            "discount": self.discount,
            "weight": self.weight,
            "local_trace": self.local_trace,
            "hidden": [int(size) for size in self.hidden],
        }


def _layers(hidden: Any) -> None:
    if not isinstance(hidden, Sequence) or isinstance(hidden, str):
        raise TypeError(f"hidden is {hidden!r}, expected a sequence: units of each hidden layer")
    for size in hidden:
        if as_count("hidden", size) == 0:
            raise ValueError("hidden holds a layer without units")


def _steps(name: str, value: Any) -> None:
    if value is not None and as_count(name, value) == 0:
        raise ValueError(f"{name} is 0, expected at least 1 step")
