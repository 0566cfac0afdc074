"""What all learning rules share: a name and numbers for the core, a seed, and what they learn."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.recipe import Recipe
from fastigial.rnn.seeds import as_seed

if TYPE_CHECKING:
    from fastigial.rnn.network import RNN

__all__ = ["Rule"]


class Rule(Recipe["_core.Rule"]):
    """Base of the learning rules: frozen arguments, and what was learned for each network.

    A rule keeps its matrices for each network that it was used with. Attributes that end in an underscore show those of
    the network that it was used with last.
    """

    kind: ClassVar[str]
    # Whether it learns from its own predictions where nothing was observed.
    predicts: ClassVar[bool] = False
    seed: int

    def __post_init__(self) -> None:
        as_seed("seed", self.seed)
        self._check()

    def _check(self) -> None:
        """Raise an error that names an argument out of range."""

    def options(self) -> dict[str, Any]:
        """Numbers for the core, but the seed."""
        return {}

    def options_at(self, epoch: int) -> dict[str, Any]:
        """The same in an epoch of a training, for rules that change on the way."""
        del epoch
        return self.options()

    def of(self, net: RNN, epoch: int | None = None) -> _core.Rule:
        """The core's rule of one network, made when it is first asked for, and as it is in an epoch if one is named.

        What it has learned stays when it changes.
        """
        rule = self._of(net, lambda: self._made(0))
        if epoch is not None and self.options_at(epoch) != self.options_at(self._epochs.get(net, 0)):
            before, rule = rule, self._made(epoch)
            rule.set_state(before.state())
            self._hold(net, rule)
        if epoch is not None:
            self._epochs[net] = epoch
        return rule

    def _made(self, epoch: int) -> _core.Rule:
        return _core.Rule(self.kind, {**self.options_at(epoch), "seed": int(self.seed)})

    @property
    def _epochs(self) -> weakref.WeakKeyDictionary[RNN, int]:
        """The epoch that each network's rule was last asked for."""
        if "_epochs_of" not in vars(self):
            object.__setattr__(self, "_epochs_of", weakref.WeakKeyDictionary())
        epochs: weakref.WeakKeyDictionary[RNN, int] = vars(self)["_epochs_of"]
        return epochs

    def state(self, net: RNN | None = None) -> dict[str, NDArray[Any]]:
        """What was learned, by name: of a network, or of the one that the rule was used with last."""
        return self.of(self._latest_net() if net is None else net).state()

    def _learned(self, name: str) -> NDArray[Any]:
        held = self.state()
        if name not in held:
            raise AttributeError(
                f"this {type(self).__name__} has learned nothing yet; it holds {', '.join(held) or '—'}"
            )
        return np.asarray(held[name])
