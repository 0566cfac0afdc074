"""A plant under delayed feedback, a reference, and the basis signals of a cerebellum beside it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum.bases import Basis, GaussianBasis
from fastigial.cerebellum.eligibility import as_steps
from fastigial.models.inverted_pendulum import InvertedPendulum
from fastigial.models.linear_systems import Discrete, as_discrete, require_stable
from fastigial.rnn.checks import as_positive, as_real

__all__ = ["FeedbackLoop"]

_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


class FeedbackLoop:
    """What does not learn in `CounterfactualPredictiveControl`, whose parameters it takes."""

    def __init__(
        self,
        plant: Any,
        controller: Any,
        *,
        delay: float,
        dt: float,
        reference: ArrayLike,
        basis: Basis | ArrayLike | None = None,
        cue: ArrayLike | None = None,
        load: ArrayLike | None = None,
        nominal_plant: Any = None,
        nominal_delay: float | None = None,
    ) -> None:
        self.dt = as_positive("dt", dt)
        self.delay = as_positive("delay", delay, zero=True)
        self.nominal_delay = (
            self.delay if nominal_delay is None else as_positive("nominal_delay", nominal_delay, zero=True)
        )
        self._delay = as_steps("delay", self.delay, self.dt)
        self._nominal_delay = as_steps("nominal_delay", self.nominal_delay, self.dt)
        self.reference = as_real("reference", reference, _DOUBLE)
        if self.reference.ndim != 1 or self.reference.size == 0:
            raise ValueError(f"reference has the shape {self.reference.shape}, expected (n_steps,)")
        self.time: NDArray[np.float64] = np.asarray(self.dt * np.arange(self.reference.size), dtype=np.float64)
        self.load = self._course("load", load)
        self.basis = basis
        self.features = self._features(basis, None if cue is None else self._course("cue", cue))
        self._pendulum = plant if isinstance(plant, InvertedPendulum) else None
        self._plant = _linear("plant", plant, self.dt)
        self._controller = as_discrete("controller", controller, self.dt)
        nominal = plant if nominal_plant is None else nominal_plant
        self._nominal_plant = _linear("nominal_plant", nominal, self.dt)
        require_stable("the plant", self._plant, self._controller, self._delay, self.dt)
        # Eigenvalues of a loop with a long delay take their time.
        if nominal_plant is not None or self._nominal_delay != self._delay:
            require_stable("the nominal plant", self._nominal_plant, self._controller, self._nominal_delay, self.dt)

    @property
    def n_features(self) -> int:
        """Basis signals, and weights."""
        return int(self.features.shape[1])

    @cached_property
    def impulse_response(self) -> NDArray[np.float64]:
        """Output after an error of 1 is injected in the first step, (n_steps,): the first column of 𝒯."""
        pulse = np.zeros((self.time.size, 1))
        pulse[0] = 1.0
        return self._answers(pulse, at_command=False)[0][:, 0]

    def _answers(
        self, signals: NDArray[np.float64], *, at_command: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Outputs and commands of the true (linearised) loop."""
        model = (self._plant.matrices, self._controller.matrices, self._delay)
        return _core.closed_loop_responses(model, np.ascontiguousarray(signals), at_command=at_command)

    def _course(self, name: str, values: ArrayLike | None) -> NDArray[np.float64]:
        found = np.zeros_like(self.reference) if values is None else as_real(name, values, _DOUBLE)
        if found.shape != self.reference.shape:
            raise ValueError(
                f"{name} has the shape {found.shape}, expected that of the reference, {self.reference.shape}"
            )
        return found

    def _features(self, basis: Any, cue: NDArray[np.float64] | None) -> NDArray[np.float64]:
        if basis is None:
            last = self.time.size * self.dt
            basis = GaussianBasis(0.1 * np.arange(1, max(1, round(10 * last)) + 1), 0.05)
        if isinstance(basis, Basis):
            found = basis.kernels(self.time) if cue is None else basis.expand(cue[:, None], self.dt)
        elif cue is not None:
            raise ValueError("cue was given beside basis signals, expected one of them: only a Basis can use a cue")
        else:
            found = as_real("basis", basis, _DOUBLE)
        if found.ndim != 2 or len(found) != self.time.size or found.shape[1] == 0:
            raise ValueError(f"basis has the shape {found.shape}, expected ({self.time.size}, n_features)")
        return found


def _linear(name: str, plant: Any, dt: float) -> Discrete:
    return plant.linearised(dt) if isinstance(plant, InvertedPendulum) else as_discrete(name, plant, dt)
