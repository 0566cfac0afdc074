"""Captions of images, as the COCO consortium and others publish them, and features of the images.

| file                 | holds                                                                                     |
| -------------------- | ----------------------------------------------------------------------------------------- |
| COCO, JSON           | {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}               |
| JSON lines           | a line per image: {"file_name" or "id", "captions": [{"caption": …} or a text, …]}        |
| features, .npy       | (n_images, n_features), in the order of the images in the file of captions                |
| features, .npz       | "features" (n_images, n_features) and "ids" (n_images,), or an array for each image's name |

An image is known by its id, its file name, or its file name without the ending.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.datasets.vocabulary import Vocabulary, words_of

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["CaptionSet", "read_captions"]

_SHAPE = 'expected a COCO file with images and annotations, or lines such as {"file_name": …, "captions": […]}'


@dataclass(frozen=True, eq=False, repr=False)
class CaptionSet:
    """Captions, word by word, of images.

    Attributes
    ----------
    captions : tuple of tuple of str
        The words of each caption.
    image_of : ndarray of int, shape (n_captions,)
        Which image each is of, as a position in `images`.
    images : tuple of str
        File names of the images; their ids where they have no name.
    ids : tuple of str
        Ids of the images; their file names where they have no id.
    vocabulary : Vocabulary
        Words and their numbers.
    features : ndarray of shape (n_images, n_features), or None
    """

    captions: tuple[tuple[str, ...], ...]
    image_of: NDArray[np.intp]
    images: tuple[str, ...]
    ids: tuple[str, ...]
    vocabulary: Vocabulary
    features: NDArray[np.float64] | None = None

    @property
    def n_words(self) -> NDArray[np.intp]:
        """Number of words of each caption, (n_captions,)."""
        return np.array([len(words) for words in self.captions], dtype=np.intp)

    def of_images(self, which: ArrayLike) -> CaptionSet:
        """Select images, with their captions and features; the vocabulary stays.

        So are sets made that share no image, where a file holds only one set.

        Parameters
        ----------
        which : array_like of int
            Positions in `images`, or one boolean per image.

        Returns
        -------
        CaptionSet

        Raises
        ------
        IndexError
            If there is no such image.
        """
        chosen = np.arange(len(self.images))[np.asarray(which)]
        place = np.full(len(self.images), -1)
        place[chosen] = np.arange(len(chosen))
        kept = np.flatnonzero(place[self.image_of] >= 0)
        return replace(
            self,
            captions=tuple(self.captions[caption] for caption in kept),
            image_of=place[self.image_of[kept]],
            images=tuple(self.images[image] for image in chosen),
            ids=tuple(self.ids[image] for image in chosen),
            features=None if self.features is None else self.features[chosen],
        )

    def __len__(self) -> int:
        return len(self.captions)

    def __repr__(self) -> str:
        features = "no features" if self.features is None else f"{self.features.shape[1]} features"
        return (
            f"<CaptionSet: {len(self)} captions of {len(self.images)} images with {features}, "
            f"{len(self.vocabulary)} words>"
        )


def read_captions(
    path: str | PathLike[str],
    features: str | PathLike[str] | Mapping[Any, ArrayLike] | ArrayLike | None = None,
    *,
    min_count: int = 1,
    vocabulary: Vocabulary | None = None,
) -> CaptionSet:
    """Read captions of images from a COCO file or from JSON lines, and features of the images from another.

    Captions without any word are left out.

    Parameters
    ----------
    path : str or path
        See the head of this module for what it may hold.
    features : str, path, mapping or array_like, optional
        A file .npy or .npz; a mapping from ids or file names to vectors; or an array (n_images, n_features) in the
        order of the images. The images need not all have captions, but all must have features.
    min_count : int
        Words that occur less often are ``<unknown>``.
    vocabulary : Vocabulary, optional
        Of the captions that a network was trained on, for others to test it with. Instead of `min_count`.

    Returns
    -------
    CaptionSet

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file does not hold what it should; the message says where.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from fastigial.datasets import read_captions
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "captions.jsonl"
    >>> _ = path.write_text('{"file_name": "0.jpg", "captions": ["A bird.", "A red bird sits on a branch."]}')
    >>> captions = read_captions(path, features=[[0.5, 1.0]])
    >>> captions
    <CaptionSet: 2 captions of 1 images with 2 features, 9 words>
    >>> captions.captions[0]
    ('a', 'bird')
    """
    path = Path(path)
    ids, names, texts = _entries(_records(path), path.name)
    found = [(words, image) for text, image in texts if (words := words_of(text))]
    if not found:
        raise ValueError(f"{path.name} holds no caption: {_SHAPE}")
    captions = tuple(words for words, _ in found)
    return CaptionSet(
        captions=captions,
        image_of=np.array([image for _, image in found], dtype=np.intp),
        images=names,
        ids=ids,
        vocabulary=Vocabulary.of(captions, min_count) if vocabulary is None else vocabulary,
        features=None if features is None else _features(features, ids, names),
    )


def _records(path: Path) -> Any:
    """Return what a file holds: one JSON value, or a list of those in its lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not text in UTF-8: {error}") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        records = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                if line.strip():
                    records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(f"{path.name}, line {number}, is not JSON ({error.msg}): {_SHAPE}") from None
        return records


def _entries(found: Any, file: str) -> tuple[tuple[str, ...], tuple[str, ...], list[tuple[str, int]]]:
    """Return ids and file names of the images, and the captions with the image that each is of."""
    if isinstance(found, dict) and "annotations" in found:
        return _coco(found, file)
    records = [found] if isinstance(found, dict) else found
    if not isinstance(records, list):
        raise ValueError(f"{file} holds {type(records).__name__}: {_SHAPE}")
    ids, names, texts = [], [], []
    for number, record in enumerate(records):
        where = f"{file}, image {number}"
        image, name = _known_as(record, where)
        given = record.get("captions")
        if not isinstance(given, list):
            raise ValueError(f"{where}, has no list of captions: {_SHAPE}")
        ids.append(image)
        names.append(name)
        texts += [(_text(entry, where), number) for entry in given]
    _no_image_twice(ids, file)
    return tuple(ids), tuple(names), texts


def _coco(found: dict[str, Any], file: str) -> tuple[tuple[str, ...], tuple[str, ...], list[tuple[str, int]]]:
    annotations, images = found["annotations"], found.get("images")
    if not isinstance(annotations, list) or not isinstance(images, list):
        raise ValueError(f"{file} has annotations and images that are not both lists: {_SHAPE}")
    known = [_known_as(image, f"{file}, image {number}") for number, image in enumerate(images)]
    ids = [image for image, _ in known]
    _no_image_twice(ids, file)
    place = {image: number for number, image in enumerate(ids)}
    texts = []
    for number, entry in enumerate(annotations):
        where = f"{file}, annotation {number}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where}, is {type(entry).__name__}: {_SHAPE}")
        text = _text(entry, where)
        image = str(entry.get("image_id"))
        if image not in place:
            raise ValueError(f"{where}, is of image {image}, which is not among the {len(ids)} images")
        texts.append((text, place[image]))
    return tuple(ids), tuple(name for _, name in known), texts


def _known_as(record: Any, where: str) -> tuple[str, str]:
    """Return id and file name of an image; one stands in for the other."""
    if not isinstance(record, dict):
        raise ValueError(f"{where}, is {type(record).__name__}: {_SHAPE}")
    image, name = record.get("id", record.get("image_id")), record.get("file_name")
    if image is None and name is None:
        raise ValueError(f"{where}, has neither id nor file_name: {_SHAPE}")
    return str(name if image is None else image), str(image if name is None else name)


def _text(entry: Any, where: str) -> str:
    text = entry.get("caption") if isinstance(entry, dict) else entry
    if not isinstance(text, str):
        raise ValueError(f"{where}, has a caption that is not text: {_SHAPE}")
    return text


def _no_image_twice(ids: Sequence[str], file: str) -> None:
    if len(set(ids)) < len(ids):
        twice = next(image for number, image in enumerate(ids) if image in ids[:number])
        raise ValueError(f"{file} has image {twice} twice")


def _features(given: Any, ids: Sequence[str], names: Sequence[str]) -> NDArray[np.float64]:
    """Return the features of the images, (n_images, n_features), in their order."""
    if isinstance(given, str | Path) or hasattr(given, "__fspath__"):
        given = _file_of_features(Path(given))
    if isinstance(given, Mapping):
        table = {str(key): vector for key, vector in given.items()}
        rows = []
        for image, name in zip(ids, names, strict=True):
            key = next((key for key in (image, name, Path(name).stem) if key in table), None)
            if key is None:
                raise ValueError(f"features has none for image {image} ({name}), expected all {len(ids)} images")
            rows.append(np.asarray(table[key]).reshape(-1))
        if len({len(row) for row in rows}) > 1:
            raise ValueError("features must be as many for each image, got different numbers")
        given = rows
    values = np.asarray(given)
    if values.dtype.kind not in "iuf" or values.ndim != 2 or len(values) != len(ids):
        raise ValueError(
            f"features must be numbers (n_images, n_features) of {len(ids)} images, got an array {values.shape} of "
            f"{values.dtype}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"features must be finite, got {np.sum(~np.isfinite(values))} numbers that are not")
    return values.astype(np.float64)


def _file_of_features(path: Path) -> Any:
    import zipfile

    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            table = dict(found)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is not a file .npy or .npz of numbers: {error}") from None
    if set(table) != {"features", "ids"}:
        return table
    if table["ids"].shape != table["features"].shape[:1]:
        raise ValueError(
            f"{path.name} must hold as many ids as features, got {table['ids'].shape} and {table['features'].shape}"
        )
    return dict(zip(table["ids"].astype(str).tolist(), table["features"], strict=True))
