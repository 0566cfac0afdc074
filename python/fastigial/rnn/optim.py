"""How parameters follow a gradient.

    SGD      m ← μ m + g;  θ ← θ − η m                                                  g includes λ θ
    Adam     m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²
             θ ← θ − η m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
    AdamW    θ ← θ − η λ θ, then as Adam

    symbol   name           meaning
    η        lr             learning rate, or a schedule: a function of the epoch
    μ        momentum
    λ        weight_decay
    β₁, β₂   betas          decay of the two means
    ε        eps
    c        clip           g ← g · min(1, c / ‖g‖), ‖g‖ over all parameters together, before anything else

Kingma & Ba, ICLR 2015; Loshchilov & Hutter, ICLR 2019 (AdamW); Pascanu, Mikolov & Bengio, ICML 2013 (clipping). The
conventions are PyTorch's: weight decay of SGD enters the momentum, and that of AdamW is scaled by the learning rate.

An optimiser keeps its means for each network that it trains: a second `fastigial.train` with the same object goes on
where the first stopped. A new object starts from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fastigial import _core
from fastigial.rnn import schedules
from fastigial.rnn.checks import as_positive
from fastigial.rnn.recipe import Recipe

if TYPE_CHECKING:
    from fastigial.rnn.network import RNN

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "schedules"]


class Optimizer(Recipe["_core.Optimizer"]):
    """Base of the optimisers."""

    kind: ClassVar[str]
    lr: float | schedules.Schedule
    clip: float | None

    def options(self) -> dict[str, Any]:
        """Numbers for the core, but the learning rate, which may change."""
        raise NotImplementedError

    def learning_rate(self, epoch: int) -> float:
        """Learning rate in an epoch, counted from 0.

        Raises
        ------
        ValueError
            If a schedule returns something else than a finite number that is not negative.
        """
        return as_positive(f"lr in epoch {epoch}", schedules.as_schedule("lr", self.lr)(epoch), zero=True)

    def of(self, net: RNN) -> _core.Optimizer:
        """The core's optimiser of one network, made when it is first asked for."""
        options = {**self.options(), "clip": self.clip, "learning_rate": self.learning_rate(0)}
        return self._of(net, lambda: _core.Optimizer(self.kind, options))

    def _check(self) -> None:
        schedules.as_schedule("lr", self.lr)
        if self.clip is not None:
            as_positive("clip", self.clip)


@dataclass(frozen=True, eq=False)
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Parameters
    ----------
    lr : float or callable
        Learning rate, or a function of the epoch (see `fastigial.optim.schedules`).
    momentum : float
        Share of the last step that is taken again, 0 up to 1.
    weight_decay : float
        Coefficient of ½ Σ θ² in the loss.
    clip : float, optional
        Longest gradient; a longer one is shortened to this.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.optim.SGD(0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9, weight_decay=0.0, clip=None)
    """

    kind: ClassVar[str] = "sgd"
    lr: float | schedules.Schedule
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        self._check()
        _share("momentum", self.momentum)
        as_positive("weight_decay", self.weight_decay, zero=True)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"momentum": self.momentum, "weight_decay": self.weight_decay}


@dataclass(frozen=True, eq=False)
class Adam(Optimizer):
    """Adam: steps of about the learning rate in every parameter, whatever the scale of its gradient.

    Parameters
    ----------
    lr : float or callable
        Learning rate, or a function of the epoch (see `fastigial.optim.schedules`).
    betas : (float, float)
        Decay of the means of the gradient and of its square, 0 up to 1.
    eps : float
        Added to the root of the second mean.
    clip : float, optional
        Longest gradient; a longer one is shortened to this.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.optim.Adam(fg.optim.schedules.cosine(1e-3, 100), clip=1.0).learning_rate(50)
    0.0005
    """

    kind: ClassVar[str] = "adam"
    lr: float | schedules.Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    clip: float | None = None

    def __post_init__(self) -> None:
        self._check()
        _betas(self.betas)
        as_positive("eps", self.eps)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"betas": tuple(map(float, self.betas)), "eps": self.eps}


@dataclass(frozen=True, eq=False)
class AdamW(Optimizer):
    """Adam with a weight decay of its own, which the means of the gradient do not see.

    Parameters
    ----------
    lr, betas, eps, clip
        As for `Adam`.
    weight_decay : float
        λ: every step takes η λ θ from each parameter.
    """

    kind: ClassVar[str] = "adamw"
    lr: float | schedules.Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01
    clip: float | None = None

    def __post_init__(self) -> None:
        self._check()
        _betas(self.betas)
        as_positive("eps", self.eps)
        as_positive("weight_decay", self.weight_decay, zero=True)

    def options(self) -> dict[str, Any]:
        """Numbers for the core."""
        return {"betas": tuple(map(float, self.betas)), "eps": self.eps, "weight_decay": self.weight_decay}


def _share(name: str, value: Any) -> None:
    if as_positive(name, value, zero=True) >= 1.0:
        raise ValueError(f"{name} is {value!r}, expected 0 up to, but not, 1")


def _betas(betas: Any) -> None:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"betas is {betas!r}, expected two numbers")
    for beta in betas:
        _share("betas", beta)
