"""A small world of scenes: two or three coloured shapes on a grid, drawn as images, and features of the images.

A design of this package, made so that captions can be learnt without any file.

* A scene has 2 or 3 objects in different cells of a 3 × 3 grid. An object has one of 4 shapes, 5 colours and 2 sizes;
  no two in a scene have both shape and colour alike.
* An image has 30 × 30 pixels of red, green and blue from 0 to 1, on black; a pixel is covered by min(1, max(0, d + ½)),
  d its depth in pixels below the outline. Objects are off the middle of their cells by up to 0.3 pixels.
* Features are φ = max(0, W p), with p the 15 × 15 × 3 means of 2 × 2 pixels and W fixed, of independent normal numbers
  of variance 1/25, which is about 1/‖p‖²: a stand-in for the features of a trained network.
* Which scenes are for training, validation and testing (8 : 1 : 1) is decided by a hash of the scene's objects with
  their cells, whatever the seed: no scene is ever in two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "SHAPES", "SIZES", "Scenes", "draw_scenes", "features_of", "render", "split_of"]

SHAPES = ("circle", "square", "triangle", "cross")
SIZES = ("small", "large")
COLOURS = ("red", "green", "blue", "yellow", "white")
SPLITS = ("train", "validation", "test")
N_CELLS = 9
WIDTH = 30

_PALETTE = np.array(
    [[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.2, 0.3, 1.0], [0.95, 0.85, 0.1], [1.0, 1.0, 1.0]], dtype=np.float32
)
_RADII = np.array([2.6, 4.3], dtype=np.float32)
_CELL = WIDTH // 3
_JITTER = 0.3
_PROJECTION_SEED = 20001


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes; objects in the order in which captions name them. Absent third objects have -1 everywhere.

    Attributes
    ----------
    shape, colour, size : ndarray of int, shape (n_scenes, 3)
        Positions in SHAPES, COLOURS, SIZES.
    cell : ndarray of int, shape (n_scenes, 3)
        3 × row + column, from the top left.
    offset : ndarray, shape (n_scenes, 3, 2)
        Pixels to the right and down from the middle of the cell.
    """

    shape: NDArray[np.intp]
    colour: NDArray[np.intp]
    size: NDArray[np.intp]
    cell: NDArray[np.intp]
    offset: NDArray[np.float64]

    @property
    def n_objects(self) -> NDArray[np.intp]:
        """Number of objects in each scene, (n_scenes,)."""
        return np.asarray((self.cell >= 0).sum(axis=1))

    def __getitem__(self, which: NDArray[np.intp]) -> Scenes:
        return Scenes(self.shape[which], self.colour[which], self.size[which], self.cell[which], self.offset[which])


def draw_scenes(n_scenes: int, third_object: float, rng: np.random.Generator) -> Scenes:
    """Draw scenes, of three objects with this probability and else of two; all else uniformly."""
    kind = rng.random((n_scenes, len(SHAPES) * len(COLOURS))).argsort(axis=1)[:, :3]
    cell = rng.random((n_scenes, N_CELLS)).argsort(axis=1)[:, :3]
    size = rng.integers(len(SIZES), size=(n_scenes, 3))
    offset = rng.uniform(-_JITTER, _JITTER, (n_scenes, 3, 2))
    absent = (np.arange(3) == 2) & (rng.random(n_scenes) >= third_object)[:, None]
    shape, colour = kind % len(SHAPES), kind // len(SHAPES)
    shape, colour, size, cell = (np.where(absent, -1, values) for values in (shape, colour, size, cell))
    return Scenes(shape, colour, size, cell, offset)


def split_of(scenes: Scenes) -> NDArray[np.intp]:
    """Return the split of each scene as a position in SPLITS, (n_scenes,), whatever the order of its objects."""
    code = ((scenes.shape * len(COLOURS) + scenes.colour) * len(SIZES) + scenes.size) * N_CELLS + scenes.cell
    code = np.sort(np.where(scenes.cell >= 0, code, -1), axis=1).astype(np.uint64)
    mixed = np.zeros(len(code), dtype=np.uint64)
    for column in code.T:
        # The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + column
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.searchsorted([0.8, 0.9], (mixed >> np.uint64(11)) / 2.0**53, side="right")


def render(scenes: Scenes) -> NDArray[np.float32]:
    """Draw scenes, (n_scenes, 30, 30, 3): red, green and blue from 0 to 1, the top row first."""
    cells = np.zeros((len(scenes.cell), 3, _CELL, 3, _CELL, 3), dtype=np.float32)
    # No object reaches a pixel of another cell, so each cell is drawn by itself.
    pixel = np.arange(_CELL, dtype=np.float32) + 0.5 - _CELL / 2
    for place in range(3):
        here = np.flatnonzero(scenes.cell[:, place] >= 0)
        offset = scenes.offset[here, place].astype(np.float32)
        radius = _RADII[scenes.size[here, place]]
        depth = _depth(scenes.shape[here, place], radius, pixel - offset[:, :1], offset[:, 1:] - pixel)
        row, column = np.divmod(scenes.cell[here, place], 3)
        cover = np.clip(depth + np.float32(0.5), 0, 1)[..., None]
        cells[here, row, :, column] = cover * _PALETTE[scenes.colour[here, place], None, None]
    return cells.reshape(-1, WIDTH, WIDTH, 3)


def _depth(
    shape: NDArray[np.intp], radius: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how deep below the outline of each object pixels lie, (n_objects, rows, columns); negative outside."""
    r, x, y = radius[:, None, None], x[:, None, :], y[:, :, None]
    side, arm, height = (np.float32(share) * r for share in (0.9, 0.35, 1.72))
    depths = (
        r - np.hypot(x, y),
        side - np.maximum(abs(x), abs(y)),
        np.minimum(height / 2 + y, height / 4 - (np.float32(np.sqrt(3)) * abs(x) + y) / 2),
        np.minimum(np.maximum(arm - abs(x), arm - abs(y)), r - np.maximum(abs(x), abs(y))),
    )
    return np.asarray(np.choose(shape[:, None, None], np.broadcast_arrays(*depths)))


def features_of(images: NDArray[np.float32], n_features: int) -> NDArray[np.float64]:
    """Return the features of images, (n_images, n_features)."""
    quarters = [images[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    flat = np.asarray(sum(quarters), dtype=np.float64).reshape(len(images), -1) / 4
    return np.asarray(np.maximum(0.0, flat @ _projection(n_features, flat.shape[1])))


@cache
def _projection(n_features: int, n_pixels: int) -> NDArray[np.float64]:
    return np.random.default_rng(_PROJECTION_SEED).standard_normal((n_features, n_pixels)).T / 5
