"""The core's loop of a plant and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.plants import MuscleArm, PointMass, Proprioception, TwoLinkArm, Vision
from fastigial.plants.base import Plant
from fastigial.rnn.checks import as_positive

__all__ = ["N_TASK", "new_loop"]

#: Inputs that tell of the task: where the target is, and whether it may go.
N_TASK = 3
# Outputs of 1 are this many N or N m.
_FORCE, _TORQUE = 5.0, 2.0


def new_loop(
    plant: Plant,
    senses: tuple[Vision | None, Proprioception | None],
    home: NDArray[np.float64],
    dt: float,
    control_scale: Any,
    radius: Any,
    costs: Mapping[str, Any],
) -> tuple[_core.ControlLoop, int]:
    """The loop, and how many inputs its network has."""
    if not isinstance(plant, PointMass | TwoLinkArm | MuscleArm):
        raise TypeError(f"plant is {plant!r}, expected PointMass, TwoLinkArm or MuscleArm")
    for name, sense, kind in zip(("vision", "proprioception"), senses, (Vision, Proprioception), strict=True):
        if sense is not None and not isinstance(sense, kind):
            raise TypeError(f"{name} is {sense!r}, expected {kind.__name__} or None")
    usual = _FORCE if isinstance(plant, PointMass) else _TORQUE
    scale = usual if control_scale is None else as_positive("control_scale", control_scale)
    seen, felt = (None if sense is None else sense._of(plant, home) for sense in senses)
    settings = {
        "dt": dt,
        "method": plant.method,
        "n_substeps": int(plant.n_substeps),
        "vision": seen,
        "proprioception": felt,
        "control_scale": None if isinstance(plant, MuscleArm) else scale,
        "radius": None if radius is None else as_positive("radius", radius),
        **{name: as_positive(name, value, zero=True) for name, value in costs.items()},
    }
    n_inputs = N_TASK + sum(len(sense[1]) for sense in (seen, felt) if sense is not None)
    return _core.ControlLoop(plant._body, settings), n_inputs
