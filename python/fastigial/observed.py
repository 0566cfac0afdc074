"""Means over what was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["observed_mean"]


def observed_mean(
    values: NDArray[np.float64], observed: NDArray[np.bool_] | None = None, axis: int = 0
) -> NDArray[np.float64]:
    """Return the mean of observed entries along an axis, NaN where there is none; by default those that are not NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.observed import observed_mean
    >>> observed_mean(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
    [2.0, nan]
    """
    seen = ~np.isnan(values) if observed is None else observed
    count = seen.sum(axis=axis)
    total = np.where(seen, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
