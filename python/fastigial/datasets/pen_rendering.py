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
    reach = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(25, 2)
    pixel = corner[:, None] + reach
    offset = (pixel + 0.5 - start[:, None]).astype(np.float32)
    along = way.astype(np.float32)[:, None]
    part = np.clip((offset * along).sum(axis=2) / np.maximum((along**2).sum(axis=2), 1e-12), 0.0, 1.0)
    distance = np.linalg.norm(offset - part[:, :, None] * along, axis=2)
    ink = np.clip(_HALF_WIDTH + 0.5 - distance, 0.0, 1.0).astype(np.float32)
    inside = ((pixel >= 0) & (pixel < SIZE)).all(axis=2) & (ink > 0)
    flat = (which[owner][:, None] * SIZE + pixel[:, :, 1]) * SIZE + pixel[:, :, 0]
    # A view that is not contiguous would be drawn into a copy.
    np.maximum.at(images.reshape(-1), flat[inside], ink[inside])
