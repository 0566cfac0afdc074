"""What is added to the loss.

::

    activity_l2    c · mean over trials, steps and units of r²
    activity_l1    c · mean of |r|
    weight_l2      c · Σ w²       over W (U, V), W_in, W_fb and W_out, not over biases
    weight_l1      c · Σ |w|
    rate_target    c · mean over units of (⟨s⟩ / dt − f)²,  ⟨s⟩: mean over trials and steps      spiking cells

The core knows no seconds. It is told (c / dt², f dt), for c (⟨s⟩ / dt − f)² = c / dt² · (⟨s⟩ − f dt)².
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastigial.rnn.checks import as_positive

__all__ = ["as_regularization"]

_NUMBERS = ("activity_l2", "activity_l1", "weight_l2", "weight_l1")


def as_regularization(regularization: Any, dt: float, *, spiking: bool) -> dict[str, Any]:
    """Check the regularisers and free them of units.

    Parameters
    ----------
    regularization : None, or mapping of str to float
        By the names above; ``"rate_target"`` holds (c, f), f in Hz.
    dt : float
        Seconds per step.
    spiking : bool
        Whether the network's units are.

    Examples
    --------
    >>> from fastigial.rnn.regularization import as_regularization
    >>> as_regularization({"activity_l2": 0.1, "rate_target": (1.0, 10.0)}, 0.5, spiking=True)
    {'activity_l2': 0.1, 'rate_target': (4.0, 5.0)}
    """
    if regularization is None:
        return {}
    if not isinstance(regularization, Mapping):
        raise TypeError(f"regularization is {regularization!r}, expected names with coefficients")
    found: dict[str, Any] = {}
    for name, value in regularization.items():
        if name in _NUMBERS:
            found[name] = as_positive(f"regularization[{name!r}]", value, zero=True)
        elif name == "rate_target":
            if not spiking:
                raise ValueError('regularization has a "rate_target", but the units do not spike: take "activity_l2"')
            if not isinstance(value, tuple | list) or len(value) != 2:
                raise TypeError(f'regularization["rate_target"] is {value!r}, expected (coefficient, rate in Hz)')
            coefficient = as_positive('regularization["rate_target"]', value[0], zero=True)
            rate = as_positive('regularization["rate_target"]', value[1], zero=True)
            found[name] = (coefficient / dt**2, rate * dt)
        else:
            known = ", ".join(map(repr, (*_NUMBERS, "rate_target")))
            raise ValueError(f"regularization names {name!r}, expected one of {known}")
    return found
