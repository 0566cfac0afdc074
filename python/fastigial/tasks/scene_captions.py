"""Captions of scenes: see coloured shapes, and say where they are, in 8 to 15 words.

A task of the kind of the image captions of Boven, Pemberton, Chadderton, Apps & Costa (Nature Communications 14:51,
2023), in a small world that needs no files: a design of this package. `fastigial.tasks.scenes` has the world,
`fastigial.tasks.scene_grammar` what is said of it, and `fastigial.tasks.words` the equations of the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.datasets.vocabulary import Vocabulary
from fastigial.tasks.scene_grammar import LONGEST, SHORTEST, VOCABULARY, draw_styles, n_words_of, say, style_bits_of
from fastigial.tasks.scenes import SPLITS, draw_scenes, features_of, render, split_of
from fastigial.tasks.timing import choice, number, whole
from fastigial.tasks.trials import Trials
from fastigial.tasks.words import WordTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SceneCaptions"]

_AT_ONCE = 512


@dataclass(kw_only=True, repr=False)
class SceneCaptions(WordTask):
    """Say what is to be seen in an image of two or three coloured shapes, word by word.

    Inputs: features of the image and "<start>" at the first step; at each later one the word before, 1 among the
    words. Classes: the next word, and "<end>" after the last. "a small red circle is far above the large blue square on
    the left" is one of the 192 captions of its scene; which of them is said is a matter of style, drawn anew for each
    trial, and all else is in the image. The vocabulary has 30 words, three of them marks.

    Parameters
    ----------
    n_features : int
        Of an image; from fewer than 512 the shapes are hard to tell.
    third_object : float
        Probability of a third object. Captions of two have 8 to 15 words, of three 13 to 15.
    min_words, max_words : int
        Only captions of so many words, from 8 to 15, to test long ones apart, say.
    split : {"train", "validation", "test"}
        No scene is ever in two of them: eight in ten are for training, and one for each of the others.
    dt : float
        Duration of a step, in seconds.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import fastigial as fg
    >>> task = fg.tasks.SceneCaptions()
    >>> trials = task.sample(50, seed=0)
    >>> trials.inputs.shape, trials.info["image"].shape
    ((50, 16, 542), (50, 30, 30, 3))
    >>> str(trials.info["caption"][3])
    'the blue circle is below a green cross and above the green square'
    """

    n_features: int = 512
    third_object: float = 0.4
    min_words: int = SHORTEST
    max_words: int = LONGEST
    split: str = "train"
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("n_features", self.n_features, 1, 100_000)
        number("third_object", self.third_object, low=0.0, high=1.0)
        whole("max_words", self.max_words, SHORTEST, LONGEST)
        whole("min_words", self.min_words, SHORTEST, self.max_words)
        if self.max_words < 13 and self.third_object == 1:
            raise ValueError(f"max_words must be at least 13 with three objects in each scene, got {self.max_words}")
        choice("split", self.split, SPLITS)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: one more than the words of the longest caption."""
        return self.max_words + 1

    @property
    def vocabulary(self) -> Vocabulary:
        """Words and their numbers."""
        return VOCABULARY

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, counted."""
        return tuple(f"feature {number}" for number in range(self.n_features))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials, each of a scene of its own.

        ``info``: caption, n_words, n_objects, style_bits (of the caption that are a matter of style: what a perfect
        network would need for all its words and its end together), image (30 × 30 pixels, red, green and blue), label.
        """
        parts, n_drawn = [], 0
        while n_drawn < n_trials:
            scenes = draw_scenes(_AT_ONCE, self.third_object, rng)
            styles = draw_styles(scenes, rng)
            n_words = n_words_of(scenes, styles)
            fits = (n_words >= self.min_words) & (n_words <= self.max_words)
            fits &= split_of(scenes) == SPLITS.index(self.split)
            kept = np.flatnonzero(fits)[: n_trials - n_drawn]
            parts.append((scenes[kept], styles[kept]))
            n_drawn += len(kept)
        images = np.concatenate([render(scenes) for scenes, _ in parts])
        captions = [words for scenes, styles in parts for words in say(scenes, styles)]
        info = {
            "n_objects": np.concatenate([scenes.n_objects for scenes, _ in parts]),
            "style_bits": np.concatenate([style_bits_of(scenes) for scenes, _ in parts]),
            "image": images,
        }
        return self._say(features_of(images, self.n_features), captions, info)

    def plot(self, n: int = 6, seed: int = 0, **options: Any) -> Figure:
        """Draw the first `n` scenes of a sample with their captions: see :func:`fastigial.plot.scenes`."""
        from fastigial import plot

        return plot.scenes(self.sample(n, seed), n, **options)
