"""Strokes of a pen as grey images, in the manner of MNIST.

A pixel is min(1, max(0, r + ½ − d)), with d its distance in pixels from the line and r = 1 the half width of the ink.
The digit is scaled so that its ink fills the longer side of a box of 20 × 20 pixels, and moved so that the centre of
mass of its line is the middle of 28 × 28 pixels (as far as all ink stays within). MNIST puts the centre of mass of the
pixels there (LeCun, Bottou, Bengio & Haffner 1998), which is the same but where lines cross.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.unipen import Strokes

__all__ = ["SIZE", "render"]

SIZE = 28
_BOX = 20.0
_HALF_WIDTH = 1.0
_AT_ONCE = 500
"""Digits that are drawn together: some tens of megabytes of distances."""


def render(digits: Sequence[Strokes]) -> NDArray[np.float32]:
    """Return images (n_digits, 28, 28) of ink from 0 to 1, the top row first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.datasets.pen_rendering import render
    >>> [image] = render([(np.array([[0.0, 0.0], [0.0, 50.0]]),)])
    >>> image[14, 11:17].tolist(), image[[3, 4, 5, 22, 23, 24], 13].astype(float).round(2).tolist()
    ([0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.79, 1.0, 1.0, 0.79, 0.0])
    """
    images = np.zeros((len(digits), SIZE, SIZE), dtype=np.float32)
    for first in range(0, len(digits), _AT_ONCE):
        some = [_placed(strokes) for strokes in digits[first : first + _AT_ONCE]]
        which = np.repeat(np.arange(len(some)), [len(lines) for lines in some])
        _draw(images[first : first + _AT_ONCE], which, np.concatenate(some))
    return images


def _placed(strokes: Strokes) -> NDArray[np.float64]:
    """Return the lines of a digit in pixels from the top left, (n_lines, 2 ends, 2); a dot is a line without length."""
    lines = np.concatenate([np.stack([s[:-1], s[1:]], axis=1) if len(s) > 1 else s[[0, 0]][None] for s in strokes])
    lines = lines * (1.0, -1.0)
    low, high = lines.min(axis=(0, 1)), lines.max(axis=(0, 1))
    extent = float((high - low).max())
    scale = (_BOX - 2 * _HALF_WIDTH) / extent if extent > 0 else 1.0
    lengths = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1)
    weights = lengths if lengths.sum() > 0 else np.ones(len(lines))
    centre = np.average(lines.mean(axis=1), axis=0, weights=weights)
    # Ink that the centre of mass would push over the edge is kept in the image.
    margin = _HALF_WIDTH + 0.5
    shift = np.clip(SIZE / 2 - scale * centre, margin - scale * low, SIZE - margin - scale * high)
    return scale * lines + shift


def _draw(images: NDArray[np.float32], which: NDArray[np.intp], lines: NDArray[np.float64]) -> None:
    """Draw line k, in pixels, into image which[k]."""
    # In pieces of at most one pixel, each reaches the 5 × 5 pixels around it and no others.
    n_pieces = np.maximum(1, np.ceil(np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1))).astype(np.intp)
    owner = np.repeat(np.arange(len(lines)), n_pieces)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    start, way = lines[owner, 0], (lines[owner, 1] - lines[owner, 0]) / n_pieces[owner, None]
    start = start + number[:, None] * way
    corner = np.floor(start + way / 2).astype(np.intp) - 2
    first = (corner + 0.5 - start).astype(np.float32)
    x = first[:, 0, None, None] + np.arange(5, dtype=np.float32)
    y = first[:, 1, None, None] + np.arange(5, dtype=np.float32)[:, None]
    along, down = way.astype(np.float32).T[:, :, None, None]
    part = np.clip((x * along + y * down) / np.maximum(along**2 + down**2, 1e-12), 0.0, 1.0)
    ink = _HALF_WIDTH + 0.5 - np.hypot(x - part * along, y - part * down)
    piece, row, column = np.nonzero(ink > 0)
    ink = np.minimum(1.0, ink[piece, row, column])
    row, column = row + corner[piece, 1], column + corner[piece, 0]
    inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE)
    flat = (which[owner[piece]] * SIZE + row) * SIZE + column
    # A view that is not contiguous would be drawn into a copy.
    np.maximum.at(images.reshape(-1), flat[inside], ink[inside])
