"""What two regions go through before they adapt: reaches without a field, thresholds, a plan, and learning rates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastigial.cerebellum import LMS, Cerebellum, Delayed, GranuleLayer
from fastigial.models.adaptation import AdaptationSession
from fastigial.models.cerebello_cortical_gains import EIGHT, gain_of_cerebellum, gain_of_cortex
from fastigial.models.cerebello_cortical_plan import carried_over, kernel_of_errors, mossy_of, plan_weights
from fastigial.models.limb import Limb
from fastigial.models.reaching import Block, DelayedReach
from fastigial.models.reaching_trials import Cue, FreeReaches, ReachingTrials, lay_out
from fastigial.rnn import RNN
from fastigial.rnn.optim import Adam
from fastigial.rnn.seeds import derived, stream
from fastigial.rnn.training import train
from fastigial.tensor.progress import Callback

__all__ = ["PreparedRegions"]

_REACHES, _CALIBRATION = 3, 4
# Reaches of which a cerebellum learns what is normal: thresholds of granule cells, and the plan.
_SURVEY = Block(96, fast=False, slow=False, directions=[7.5 * number for number in range(48)])


class PreparedRegions(ABC):
    """A cortex and a cerebellum that can be prepared and calibrated; not made by itself."""

    net: RNN
    cerebellum: Cerebellum
    limb: Limb
    reach: DelayedReach
    sources: NDArray[np.intp]
    _arguments: dict[str, Any]
    _cue: Cue
    _delay: int
    _dtype: np.dtype[Any]
    _shift: NDArray[Any]
    _scale: NDArray[Any]
    # Readout and plan without adaptation, and what was learned since.
    _rest: NDArray[Any]
    _plan_rest: NDArray[Any]
    _plan: NDArray[Any]
    _turn: float
    _slow_rate: float
    _plan_rate: float

    @abstractmethod
    def adapt(
        self, blocks: Iterable[Block], seed: int = 0, *, noise: bool = True, record_granule: int = 0
    ) -> AdaptationSession:
        """Go through blocks of trials."""

    @abstractmethod
    def _run(
        self, laid: ReachingTrials, seed: int | None, *, plan_given: bool = False
    ) -> tuple[AdaptationSession, BaseException | None]:
        """Trials through the core."""

    @property
    def slow_rate(self) -> float:
        """η_s, which `calibrate` has found."""
        return self._slow_rate

    @property
    def _layer(self) -> GranuleLayer:
        layer = self.cerebellum.granule_layer
        assert isinstance(layer, GranuleLayer)
        return layer

    def _module(self, layer: GranuleLayer, rate: float) -> Cerebellum:
        given = self._arguments
        return Cerebellum(
            layer,
            2,
            plasticity=LMS(rate, forgetting=1.0 - given["retention_fast"], forgetting_per="trial"),
            eligibility=self._eligibility(),
            dt=self.reach.dt,
        )

    def _eligibility(self) -> Any:
        given = self._arguments
        if given["eligibility"] == "delayed":
            return Delayed(given["feedback_delay"])
        return kernel_of_errors(
            self.reach, self.limb.mass, self._delay, given["stiffness"], given["damping"], given["reflex"]
        )

    def prepare(self, n_updates: int = 750, batch_size: int = 64, progress: bool | Callback = False) -> Self:
        """Learn reaches without a field, by backpropagation through time; then `calibrate`.

        Parameters
        ----------
        n_updates, batch_size : int
            Updates by Adam, and reaches in random directions in each.
        progress : bool or callable
        """
        task = FreeReaches(self.reach, self.limb, self._cue, self._dtype)
        for rate, share, number in ((2e-3, 0.8, 0), (3e-4, 0.2, 1)):
            train(
                self.net,
                task,
                n_epochs=1,
                n_batches=max(1, round(share * n_updates)),
                batch_size=batch_size,
                optimizer=Adam(rate, clip=1.0),
                regularization={"activity_l2": 1e-3},
                seed=derived(self._arguments["seed"], _REACHES, number),
                progress=progress,
            )
        self._rest = np.array(self.net.parameters["W_out"])
        return self.calibrate()

    def calibrate(self, directions: Iterable[float] = EIGHT, field: float = 3.0) -> Self:
        """Find thresholds of granule cells, and the learning rates at which trials correct what they should.

        All adaptation is forgotten.

        Parameters
        ----------
        directions : iterable of float
            Degrees: where movements will go. With several of them, B_f, B_s and the learning of the plan are means
            over all, of what a trial in one changes; each then learns faster by itself, and may overshoot where little
            is carried over to others. One direction brings the network near a cascade of two states.
        field : float
            N s/m, in which the gains are measured. They fall a little with it: by 7 % from 1 to 3.
        """
        probed = tuple(directions)
        if not probed:
            raise ValueError("directions is empty, expected at least one")
        given = self._arguments
        layer = self._layer
        self._plan_rest = np.zeros_like(self._plan_rest)
        self._set_rates(0.0, 0.0)
        laid = lay_out([_SURVEY], self.reach, stream(given["seed"], _CALIBRATION))
        reaches, exception = self._run(laid, derived(given["seed"], _CALIBRATION), plan_given=True)
        if exception is not None:
            raise exception
        mossy = mossy_of(reaches, self.sources, self._delay).astype(self._dtype)
        spread = mossy.std(axis=(0, 1))
        self._shift = mossy.mean(axis=(0, 1))
        self._scale = (1.0 / np.maximum(spread, 1e-3 * spread.mean())).astype(self._dtype)
        scaled = self._scale * (mossy - self._shift)
        layer.calibrate(scaled.reshape(-1, mossy.shape[2]))
        self._plan_rest = plan_weights(layer.run(scaled), reaches.plan).astype(self._dtype)
        per_fast = gain_of_cerebellum(self, probed, field)
        per_slow = gain_of_cortex(self, probed, field)
        if not (per_fast > 0 and per_slow > 0):
            raise ValueError(
                f"a trial in a field makes the next ones worse, by {per_fast:.3g} (cerebellum) and {per_slow:.3g} "
                "(cortex) for each unit of a learning rate, expected more than 0: prepare longer, or choose another "
                "stiffness, damping or reflex"
            )
        self._set_rates(0.0, 0.0)
        still = Block(len(probed), fast=False, slow=False, directions=probed)
        spread = carried_over(self.adapt([still], noise=False, record_granule=self._layer.n_granule))
        # A plan that turns by more than its error would never settle.
        plan = min(1.0, given["plan_learning"] / spread) if spread > 0 else given["plan_learning"]
        self._set_rates(given["learning_fast"] / per_fast, given["learning_slow"] / per_slow, plan)
        return self

    def _set_rates(self, fast: float, slow: float, plan: float = 0.0) -> None:
        """Learning rates η_f, η_s and η_q, of a network that has not adapted; without a plan that turns, no turn."""
        self._slow_rate, self._plan_rate = slow, plan
        self.cerebellum = self._module(self._layer, fast)
        self.forget()

    def forget(self) -> Self:
        """Forget all adaptation: the weights of parallel fibres, and what plan, readout and cue have learned since."""
        self.cerebellum.set_parameters({"W_pf": np.zeros_like(self.cerebellum.parameters["W_pf"])})
        self.net.set_parameters({"W_out": self._rest})
        self._plan, self._turn = self._plan_rest, 0.0
        return self
