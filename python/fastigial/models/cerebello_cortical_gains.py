"""How much one trial changes: the measurements from which learning rates follow.

A learning rate η changes a command in proportion, as long as it is small. So a trial is learned from at a tiny η, and
what it has changed is measured in trials without learning, before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.models.reaching import Block

if TYPE_CHECKING:
    from fastigial.models.cerebello_cortical_preparation import PreparedRegions

__all__ = ["EIGHT", "gain_of_cerebellum", "gain_of_cortex"]

EIGHT = tuple(45.0 * number for number in range(8))
# So small that movements stay as they are, and so large that what they change is not lost in rounding.
_FAST, _SLOW = 1e-6, 1e-3


def gain_of_cerebellum(model: PreparedRegions, directions: tuple[float, ...], field: float) -> float:
    """Share of a field that one trial in one direction corrects per η_f, mean over directions taught and tested."""
    found = []
    for direction in directions:
        learned = []
        # Both signs of the field, so that what is wrong without a field has no part in it.
        for sign in (1.0, -1.0):
            model._set_rates(_FAST, 0.0)
            taught = Block(1, field=sign * field, slow=False, directions=[direction])
            session = model.adapt([taught, Block(len(directions), **_still(directions))], noise=False)
            learned.append(session.cerebellar_compensation[1:].mean())
        found.append((learned[0] - learned[1]) / (2 * field))
    return float(np.mean(found)) / _FAST


def gain_of_cortex(model: PreparedRegions, directions: tuple[float, ...], field: float) -> float:
    """Share of what the cerebellum sends in one direction that the cortex takes over in a trial, per η_s."""
    n, still = len(directions), _still(directions)
    found = []
    for direction in directions:
        model._set_rates(_FAST, _SLOW)
        blocks = [
            Block(6, field=field, slow=False, directions=[direction]),
            Block(n, **still),
            Block(1, fast=False, directions=[direction]),
            Block(n, **still),
        ]
        session = model.adapt(blocks, noise=False)
        command = session.cortical_compensation
        gained = command[n + 7 :].mean() - command[6 : n + 6].mean()
        found.append(gained / session.cerebellar_compensation[n + 6])
    return float(np.mean(found)) / _SLOW


def _still(directions: tuple[float, ...]) -> dict[str, Any]:
    """Trials in which nothing is learned."""
    return {"fast": False, "slow": False, "directions": directions}
