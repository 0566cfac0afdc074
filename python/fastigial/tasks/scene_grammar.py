"""What can be said of a scene: captions of 8 to 15 words, some of them a matter of style.

::

    of two objects:    ART [SIZE] COLOUR SHAPE VERB [DISTANCE] RELATION ART [SIZE] COLOUR SHAPE [SIDE]
    of three:          ART COLOUR SHAPE VERB RELATION ART COLOUR SHAPE and RELATION ART COLOUR SHAPE

| part       | words                                                              | decided by            |
| ---------- | ------------------------------------------------------------------ | --------------------- |
| ART        | a, the                                                             | style                 |
| VERB       | is, sits, lies                                                     | style                 |
| [SIZE]     | small, large: of both objects or of none                           | scene; whether, style |
| [DISTANCE] | just, if their cells touch, at corners too; else far               | scene; whether, style |
| [SIDE]     | on the left, in the middle, on the right: the column of the first  | scene; whether, style |
| RELATION   | of the first to the other: above, below, left of, right of         | scene                 |

Which object is named first, and which second, is a matter of style too. The first is above or below if their rows
differ by at least as much as their columns. All choices of style are equally likely and independent of one another and
of the scene, and different choices give different captions: one of N equally likely captions has log2 N bits of style,
which nobody who sees the scene can foretell. What a network needs beyond those is what it has yet to learn. A design of
this package.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fastigial.datasets.vocabulary import Vocabulary
from fastigial.tasks.scenes import COLOURS, SHAPES, SIZES, Scenes

__all__ = ["LONGEST", "SHORTEST", "VOCABULARY", "Styles", "draw_styles", "n_words_of", "say", "style_bits_of"]

SHORTEST, LONGEST = 8, 15

_ARTICLES = ("a", "the")
_VERBS = ("is", "sits", "lies")
_SIDES = (("on", "the", "left"), ("in", "the", "middle"), ("on", "the", "right"))
_RELATIONS = (("above",), ("below",), ("left", "of"), ("right", "of"))
_DISTANCES = ("just", "far")

_OTHERS = ("above", "below", "left", "right", "of", "on", "in", "middle", "and")
VOCABULARY = Vocabulary((*_ARTICLES, *SIZES, *COLOURS, *SHAPES, *_VERBS, *_DISTANCES, *_OTHERS))


@dataclass(frozen=True, eq=False)
class Styles:
    """Choices of style, one set per caption; which object is named first is in the order of the scene's objects.

    Attributes
    ----------
    articles : ndarray of int, shape (n_captions, 3)
    verb : ndarray of int, shape (n_captions,)
    with_sizes, with_distance, with_side : ndarray of bool, shape (n_captions,)
        False where there are three objects.
    """

    articles: NDArray[np.intp]
    verb: NDArray[np.intp]
    with_sizes: NDArray[np.bool_]
    with_distance: NDArray[np.bool_]
    with_side: NDArray[np.bool_]

    def __getitem__(self, which: NDArray[np.intp]) -> Styles:
        return Styles(
            self.articles[which],
            self.verb[which],
            self.with_sizes[which],
            self.with_distance[which],
            self.with_side[which],
        )


def draw_styles(scenes: Scenes, rng: np.random.Generator) -> Styles:
    """Draw a style for a caption of each scene."""
    n_scenes = len(scenes.cell)
    articles = rng.integers(len(_ARTICLES), size=(n_scenes, 3))
    verb = rng.integers(len(_VERBS), size=n_scenes)
    options = (rng.random((3, n_scenes)) < 0.5) & (scenes.n_objects == 2)
    return Styles(articles, verb, *options)


def style_bits_of(scenes: Scenes) -> NDArray[np.float64]:
    """Return what the style of a caption of each scene costs in bits, (n_scenes,)."""
    articles_and_verb = len(_ARTICLES) ** scenes.n_objects * len(_VERBS)
    # Two objects can be named in 2 orders and with or without three things; three in 6 orders.
    return np.asarray(np.log2(articles_and_verb * np.where(scenes.n_objects == 2, 2 * 2**3, 6)))


def n_words_of(scenes: Scenes, styles: Styles) -> NDArray[np.intp]:
    """Return the number of words of each caption, (n_captions,)."""
    second, third = _relations(scenes)
    of_two = 2 * styles.with_sizes + styles.with_distance + 3 * styles.with_side
    of_three = np.where(scenes.n_objects == 3, 5 + (third >= 2), 0)
    return np.asarray(SHORTEST + (second >= 2) + of_two + of_three)


def say(scenes: Scenes, styles: Styles) -> list[tuple[str, ...]]:
    """Return the captions, word by word."""
    rows, columns = np.divmod(scenes.cell, 3)
    apart = np.maximum(abs(rows[:, 0] - rows[:, 1]), abs(columns[:, 0] - columns[:, 1]))
    # Single numbers are read from lists much faster than from arrays.
    objects = zip(*(values.tolist() for values in (scenes.size, scenes.colour, scenes.shape)), strict=True)
    places = zip(*(values.tolist() for values in (*_relations(scenes), apart, columns[:, 0])), strict=True)
    chosen = zip(*(getattr(styles, choice.name).tolist() for choice in fields(styles)), strict=True)
    captions = []
    for (sizes, colours, shapes), (second, third, distance, side), style in zip(objects, places, chosen, strict=True):
        articles, verb, with_sizes, with_distance, with_side = style
        names = [
            (_ARTICLES[article], *((SIZES[size],) if with_sizes else ()), COLOURS[colour], SHAPES[shape])
            for article, size, colour, shape in zip(articles, sizes, colours, shapes, strict=True)
        ]
        words = (*names[0], _VERBS[verb])
        if with_distance:
            words += (_DISTANCES[distance - 1],)
        words += _RELATIONS[second] + names[1]
        if shapes[2] >= 0:
            words += ("and", *_RELATIONS[third], *names[2])
        if with_side:
            words += _SIDES[side]
        captions.append(words)
    return captions


def _relations(scenes: Scenes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the relation of the first object to the second, and to the third, as positions in _RELATIONS."""
    rows, columns = np.divmod(scenes.cell, 3)
    down, right = rows[:, :1] - rows[:, 1:], columns[:, :1] - columns[:, 1:]
    vertical = np.where(down < 0, 0, 1)
    relations = np.where(abs(down) >= abs(right), vertical, np.where(right < 0, 2, 3))
    return relations[:, 0], relations[:, 1]
