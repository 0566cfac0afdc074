"""Reading digits written with a pen from a file in the UNIPEN format, as far as the pendigits use it.

::

    .SEGMENT DIGIT 0 ? "8"      a digit, and which
    .COMMENT 8 12 224           the same, who wrote it, and how many digits the writer had written
    .PEN_DOWN                   a stroke begins: x and y in tablet units, y upwards, one point a line
     267  333
    .PEN_UP
    .DT 100                     how long the pen was up

(I. Guyon, L. Schomaker, R. Plamondon, M. Liberman & S. Janet, ICPR 1994.)
"""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Strokes", "parse_unipen"]

Strokes: TypeAlias = "tuple[NDArray[np.float64], ...]"
"""One digit: what was drawn between putting the pen down and lifting it, (n_points, 2) each, in the order drawn."""

_SEGMENT = re.compile(r'DIGIT\s+\S+\s+\S+\s+"(\d)"\s*')
_COMMENT = re.compile(r"\.COMMENT\s+\d+\s+(\d+)\s+\d+\s*")


def parse_unipen(text: str, name: str) -> tuple[tuple[Strokes, ...], NDArray[np.int64], NDArray[np.int64]]:
    r"""Return the strokes, the label and the writer of each digit in a file.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        Of the file, for messages.

    Raises
    ------
    ValueError
        If it holds no digit, or one is not as the head of this file says; the message says which and where.

    Examples
    --------
    >>> from fastigial.datasets.unipen import parse_unipen
    >>> text = '.SEGMENT DIGIT 0 ? "1"\n.COMMENT 1 7 30\n.PEN_DOWN\n 10 20\n 10 5\n.PEN_UP\n.DT 100\n'
    >>> strokes, labels, writers = parse_unipen(text, "example")
    >>> strokes[0][0].tolist(), labels.tolist(), writers.tolist()
    ([[10.0, 20.0], [10.0, 5.0]], [1], [7])
    """
    _, *segments = text.split(".SEGMENT ")
    if not segments:
        raise ValueError(f"{name} must hold digits in the UNIPEN format, got a file without .SEGMENT")
    digits = [_digit(segment, f"{name}, digit {number}") for number, segment in enumerate(segments)]
    strokes, labels, writers = zip(*digits, strict=True)
    return strokes, np.array(labels, dtype=np.int64), np.array(writers, dtype=np.int64)


def _digit(segment: str, where: str) -> tuple[Strokes, int, int]:
    head, *bodies = segment.split(".PEN_DOWN")
    kind = _SEGMENT.match(head)
    if not kind:
        raise ValueError(f'{where}: expected .SEGMENT DIGIT with a label such as "8", got {head.splitlines()[0]!r}')
    comment = _COMMENT.match(head, kind.end())
    if not comment:
        raise ValueError(f"{where}: expected .COMMENT with the digit, the writer and a number after .SEGMENT")
    strokes = tuple(_points(body, where) for body in bodies)
    if not strokes:
        raise ValueError(f"{where}: expected at least one .PEN_DOWN, got none")
    return strokes, int(kind[1]), int(comment[1])


def _points(body: str, where: str) -> NDArray[np.float64]:
    drawn, ended, _ = body.partition(".PEN_UP")
    if not ended:
        raise ValueError(f"{where}: expected .PEN_UP after each .PEN_DOWN: the file may be cut short")
    try:
        values = np.array(drawn.split(), dtype=np.float64)
    except ValueError:
        raise ValueError(f"{where}: expected x and y in each line of a stroke, got something else") from None
    if values.size == 0 or values.size % 2 or not np.isfinite(values).all():
        raise ValueError(f"{where}: expected x and y in each line of a stroke, got {values.size} finite numbers or not")
    return values.reshape(-1, 2)
