"""A training in a file, from which it goes on as if nothing had happened.

    parameters     of the network, after the last epoch that was finished
    best           those of the best epoch, if early stopping keeps them
    optimizer      its means
    rule           what it learned
    history        the losses so far
    description    what the training was asked to do; another training does not go on from this file

Batches, shuffles and noise follow from the seed, the epoch and the batch (see `batches`), so nothing of them is kept.
The file is written beside and renamed: an interrupted write leaves the one before it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.rnn.files import FORMAT, pack, unpack
from fastigial.rnn.structure import Structure
from fastigial.tensor.checks import as_count

__all__ = ["Checkpoint", "Saved", "as_checkpoint", "fingerprint"]

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Saved:
    """What a file of a training holds."""

    parameters: Arrays
    best: Arrays
    optimizer: Arrays
    rule: Arrays
    history: NDArray[np.float64]


@dataclass(frozen=True)
class Checkpoint:
    """Keep a training in a file, and go on from it if it is there.

    Parameters
    ----------
    path : str or path
        The file, conventionally ``*.safetensors``. Of several networks each has its own, with the network's number
        before the extension.
    every : int
        Epochs from one write to the next; the last epoch is always written.
    """

    path: str | PathLike[str]
    every: int = 1

    def __post_init__(self) -> None:
        if as_count("every", self.every) == 0:
            raise ValueError("every is 0, expected at least 1 epoch")

    def of_network(self, number: int) -> Checkpoint:
        """The checkpoint of one of several networks."""
        path = Path(self.path)
        return Checkpoint(path.with_name(f"{path.stem}-{number}{path.suffix}"), self.every)

    def write(self, saved: Saved, description: dict[str, Any]) -> None:
        """Replace the file."""
        groups = {"parameters": saved.parameters, "best": saved.best, "optimizer": saved.optimizer, "rule": saved.rule}
        arrays = {f"{group}.{name}": value for group, held in groups.items() for name, value in held.items()}
        packed, dtypes = pack({**arrays, "history": saved.history})
        shapes: dict[str, list[int]] = {}
        for name, array in packed.items():
            # A file's arrays have three axes at the most; what rules hold may have more.
            if array.ndim > 3:
                shapes[name] = list(array.shape)
                packed[name] = array.reshape(-1)
        text = {"format": FORMAT, "class": "Training", "training": description, "dtypes": dtypes, "shapes": shapes}
        _core.write_arrays(self.path, packed, json.dumps(text))

    def read(self, description: dict[str, Any]) -> Saved | None:
        """What the file holds, or None if there is none.

        Raises
        ------
        ValueError
            If it is of another training; what differs is named.
        OSError
            If it cannot be read, or is no checkpoint.
        """
        if not Path(self.path).exists():
            return None
        arrays, raw = _core.read_arrays(self.path)
        try:
            text = json.loads(raw)
            if text["format"] != FORMAT or text["class"] != "Training":
                raise ValueError(f"it holds {text['class']!r} in format {text['format']!r}")
            shapes = text["shapes"]
            held = {
                name: array.reshape(shapes[name]) if name in shapes else array
                for name, array in unpack(arrays, text["dtypes"]).items()
            }
            found = text["training"]
            differ = [name for name in description if found[name] != description[name]]
            history = held.pop("history")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise OSError(f"{self.path}: is not a checkpoint this version can read ({error!r})") from error
        if differ:
            shown = "; ".join(f"{name} was {found[name]!r} and is {description[name]!r}" for name in differ)
            raise ValueError(f"checkpoint {self.path} is of another training: {shown}")

        def group(name: str) -> Arrays:
            return {key.removeprefix(f"{name}."): value for key, value in held.items() if key.startswith(f"{name}.")}

        return Saved(group("parameters"), group("best"), group("optimizer"), group("rule"), history)


def as_checkpoint(checkpoint: Any) -> Checkpoint | None:
    """A checkpoint from a path, or as it is."""
    if checkpoint is None or isinstance(checkpoint, Checkpoint):
        return checkpoint
    if not isinstance(checkpoint, str | PathLike):
        raise TypeError(f"checkpoint is {checkpoint!r}, expected a path or a Checkpoint")
    return Checkpoint(checkpoint)


def fingerprint(structure: Structure) -> str:
    """Sixteen digits that tell one structure from another."""
    digest = hashlib.sha256()
    for name, value in sorted({**structure.as_core(), "shapes": structure.shapes}.items()):
        for key, item in sorted(value.items()) if isinstance(value, dict) else [("", value)]:
            content = item.tobytes() if isinstance(item, np.ndarray) else repr(item).encode()
            digest.update(f"{name}.{key}:".encode() + content)
    return digest.hexdigest()[:16]
