"""Strokes of a pen as a fixed number of points, evenly spaced along the path or in time.

With the points p_0 … p_M of all strokes in one row and u_0 = 0, the path is p(u), linear from each point to the next:

    by length:  u_k = u_(k-1) + ‖p_k − p_(k-1)‖        by time:  u_k = k

and the samples are p(i u_M / (n − 1)), i = 0 … n − 1. The way through the air from one stroke to the next is part of
the path: straight, and in time as long as one interval of the tablet. Points evenly spaced along the path serve
recognition better than points evenly spaced in time (Alimoglu & Alpaydin 1996).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.unipen import Strokes

__all__ = ["resample"]


def resample(strokes: Strokes, n_points: int, by_length: bool) -> NDArray[np.float64]:
    """Return x, y and whether the pen was on paper on its way to each point, (n_points, 3).

    x and y are centred on the middle of the digit and scaled alike, so that the longer side reaches from -1 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.datasets.pen_resampling import resample
    >>> down, across = np.array([[0.0, 8.0], [0.0, 0.0]]), np.array([[4.0, 0.0], [8.0, 0.0]])
    >>> resample((down, across), 5, by_length=True).tolist()
    [[-1.0, 1.0, 1.0], [-1.0, 0.0, 1.0], [-1.0, -1.0, 1.0], [0.0, -1.0, 0.0], [1.0, -1.0, 1.0]]
    """
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    half = float((high - low).max()) / 2 or 1.0
    points = (points - (low + high) / 2) / half
    lifted = np.zeros(len(points), dtype=bool)
    lifted[np.cumsum([len(stroke) for stroke in strokes[:-1]], dtype=np.intp)] = True
    along = np.arange(len(points), dtype=np.float64)
    if by_length:
        along[1:] = np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))
    wanted = np.linspace(0.0, along[-1], n_points)
    # The interval that leads to a sample ends with the first point at or after it.
    arrival = np.searchsorted(along, wanted)
    pen = ~lifted[arrival]
    return np.column_stack([*(np.interp(wanted, along, axis) for axis in points.T), pen])
