"""Captions of images: from an image's features, say its caption word by word.

The visual-language task of Boven, Pemberton, Chadderton, Apps & Costa (Nature Communications 14:51, 2023), there with
the captions of MS-COCO: T = 1 + the words of the longest, a teacher at every word. The equations are in
`fastigial.tasks.words`. Departures: the features of images are the user's (there, those of a residual network), and are
shown as they are, without batch normalisation.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.datasets.captions import CaptionSet
from fastigial.datasets.vocabulary import Vocabulary
from fastigial.tasks.timing import whole
from fastigial.tasks.trials import Trials
from fastigial.tasks.words import WordTask

__all__ = ["Captions"]


@dataclass(repr=False, eq=False)
class Captions(WordTask):
    """Say the caption of an image, word by word.

    Inputs: the image's features and "<start>" at the first step; at each later one the word before, 1 among the
    words. Classes: the next word, and "<end>" after the last. Inputs hold a number for every feature and every word at
    every step: a batch of 100 captions of 15 words from a vocabulary of 10 000 with 2048 features takes 77 MB in
    single precision, and its targets 64 MB.

    Parameters
    ----------
    captions : fastigial.datasets.CaptionSet
        As from `fastigial.datasets.read_captions`. Those to test with should come from another file, or from
        `CaptionSet.of_images`, and have the vocabulary of those to train on.
    features : array_like, shape (n_images, n_features), optional
        Those of ``captions`` by default.
    min_words, max_words : int, optional
        Only captions of so many words, to test long ones apart, say. Default: all.
    dt : float
        Duration of a step, in seconds. The original has none.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense, or no caption is left.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> words = (("a", "bird"), ("a", "red", "bird"))
    >>> captions = fg.datasets.CaptionSet(
    ...     words, np.array([0, 0]), ("0.jpg",), ("0",), fg.datasets.Vocabulary.of(words), np.ones((1, 4))
    ... )
    >>> task = fg.tasks.Captions(captions)
    >>> task
    <Captions(captions=<CaptionSet: 2 captions of 1 images ...>): 10 inputs, 6 outputs, 4 steps of 10 ms, ...>
    >>> sorted(task.sample(2, seed=0).info["caption"])
    [np.str_('a bird'), np.str_('a red bird')]
    """

    captions: CaptionSet
    features: ArrayLike | None = None
    _: KW_ONLY
    min_words: int = 1
    max_words: int | None = None
    dt: float = 0.01
    dtype: str = "float64"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.captions, CaptionSet):
            raise TypeError(f"captions must be a CaptionSet, as from read_captions; got {type(self.captions).__name__}")
        whole("min_words", self.min_words, 1)
        if self.max_words is not None:
            whole("max_words", self.max_words, self.min_words)
        features = np.asarray(self.captions.features if self.features is None else self.features)
        if features.dtype.kind not in "iuf" or features.ndim != 2 or len(features) != len(self.captions.images):
            raise ValueError(
                f"features must be numbers (n_images, n_features) of the {len(self.captions.images)} images, got "
                f"{'none' if features.dtype == object else f'an array {features.shape} of {features.dtype}'}"
            )
        if not np.isfinite(features).all():
            raise ValueError("features must be finite, got some that are not")
        self._features = features.astype(np.float64)
        n_words = self.captions.n_words
        self._kept = np.flatnonzero((n_words >= self.min_words) & (n_words <= (self.max_words or np.inf)))
        if not self._kept.size:
            most = "" if self.max_words is None else f" and at most {self.max_words}"
            raise ValueError(
                f"captions must have one of at least {self.min_words}{most} words, got none of {len(n_words)}"
            )
        self._n_steps = int(n_words[self._kept].max()) + 1

    @property
    def n_captions(self) -> int:
        """Number of captions to draw from."""
        return len(self._kept)

    @property
    def n_steps(self) -> int:
        """Number of steps of each trial: one more than the words of the longest caption."""
        return self._n_steps

    @property
    def vocabulary(self) -> Vocabulary:
        """Words and their numbers."""
        return self.captions.vocabulary

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features, counted."""
        return tuple(f"feature {number}" for number in range(self._features.shape[1]))

    def draw(self, n_trials: int, rng: np.random.Generator) -> Trials:
        """Draw trials; ``info``: caption, n_words, image (its position in the set), label.

        Without replacement: a caption comes again only when all have come.
        """
        n_rounds = -(-n_trials // self.n_captions)
        drawn: NDArray[np.intp] = np.concatenate([rng.permutation(self._kept) for _ in range(n_rounds)])[:n_trials]
        image = self.captions.image_of[drawn]
        return self._say(
            self._features[image], [self.captions.captions[caption] for caption in drawn], {"image": image}
        )
