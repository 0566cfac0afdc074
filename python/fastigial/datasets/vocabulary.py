"""Words and their numbers: texts taken apart, counted, and put together again."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Vocabulary", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words_of(text: str) -> tuple[str, ...]:
    """Take a text apart into words: letters and digits in lower case, with apostrophes inside.

    Examples
    --------
    >>> from fastigial.datasets.vocabulary import words_of
    >>> words_of("A man's dog, on 2 wheels.")
    ('a', "man's", 'dog', 'on', '2', 'wheels')
    """
    plain = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return tuple(_WORD.findall(plain.lower()))


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """Words by number: first ``<start>``, ``<end>`` and ``<unknown>``, then words.

    Parameters
    ----------
    words : sequence of str
        The marks come first, whether they are given there or not.

    Raises
    ------
    TypeError
        If words are not text.
    ValueError
        If a word comes twice, or a mark among the others.

    Examples
    --------
    >>> from fastigial.datasets import Vocabulary
    >>> vocabulary = Vocabulary(["a", "bird"])
    >>> vocabulary.encode(["a", "red", "bird"]).tolist()
    [3, 2, 4]
    >>> vocabulary.decode([3, 4, 1, 3])
    'a bird'
    """

    START: ClassVar[int] = 0
    END: ClassVar[int] = 1
    UNKNOWN: ClassVar[int] = 2
    MARKS: ClassVar[tuple[str, ...]] = ("<start>", "<end>", "<unknown>")

    words: Sequence[str]
    _numbers: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.words, str) or not all(isinstance(word, str) for word in self.words):
            raise TypeError(f"words must be a sequence of text, got {self.words!r}")
        given = tuple(self.words)
        every = given if given[: len(self.MARKS)] == self.MARKS else (*self.MARKS, *given)
        numbers = {word: number for number, word in enumerate(every)}
        if len(numbers) < len(every):
            twice = next(word for word, count in Counter(every).items() if count > 1)
            raise ValueError(f"words must be different, and the marks come first; got {twice!r} twice")
        object.__setattr__(self, "words", every)
        object.__setattr__(self, "_numbers", numbers)

    @staticmethod
    def of(captions: Iterable[Sequence[str]], min_count: int = 1) -> Vocabulary:
        """Make a vocabulary of the words that occur at least `min_count` times, in the order of the alphabet.

        Parameters
        ----------
        captions : iterable of sequences of str
        min_count : int

        Raises
        ------
        ValueError
            If `min_count` is below 1.
        """
        if min_count < 1:
            raise ValueError(f"min_count is {min_count}, expected 1 or more")
        counts = Counter(word for words in captions for word in words)
        return Vocabulary(sorted(word for word, count in counts.items() if count >= min_count))

    def encode(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the number of each word, that of ``<unknown>`` for those that are not in the vocabulary."""
        return np.array([self._numbers.get(word, self.UNKNOWN) for word in words], dtype=np.int64)

    def decode(self, numbers: ArrayLike) -> str:
        """Return the words of these numbers, up to ``<end>``, with spaces between.

        Raises
        ------
        IndexError
            If there is no word of a number.
        """
        text = []
        for number in np.asarray(numbers, dtype=np.int64).tolist():
            if not 0 <= number < len(self):
                raise IndexError(f"there is no word {number} in a vocabulary of {len(self)}")
            if number == self.END:
                break
            text.append(self.words[number])
        return " ".join(text)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: Any) -> bool:
        return word in self._numbers

    def __repr__(self) -> str:
        return f"<Vocabulary: {len(self)} words, {len(self.MARKS)} of them marks>"
