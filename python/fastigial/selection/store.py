"""Finished fits in a folder, so that a search that was ended (Ctrl-C, kill -9, a power cut) goes on where it was.

Two files for each fit: the model, and beside it a JSON file with the numbers and the model file's digest, written last
and renamed into place. A fit counts only if its JSON is there and the model file is what it says. A third file says
what was searched: the data, the estimator and its parameters, the version; a folder of another search is refused.

Models of this package are kept as safetensors (`fastigial.load` reads them); those of others by joblib, which executes
what it reads: keep such folders out of others' reach.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.io import load
from fastigial.selection.runner import Finished
from fastigial.tensor.estimator import Decomposition

__all__ = ["Store", "fingerprint", "open_store"]

_FORMAT = 1
_SEARCH = "search.json"


def fingerprint(
    X: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    estimator: Any,
    *,
    without: Sequence[str] = (),
    **others: Any,
) -> dict[str, Any]:
    """What a search is about, as JSON can hold it, each thing under the name that an error should give it.

    Parameters
    ----------
    X : ndarray
        The recording. What was not observed counts the same, be it NaN or masked.
    mask : ndarray of bool or None
        True where X was observed.
    estimator : object
        Its class and parameters count, but for ``n_threads`` and ``progress``, on which results do not depend.
    without : sequence of str
        Parameters of the estimator that the search sets itself.
    **others
        Parameters of the search: numbers, strings, arrays, dataclasses, fitted models, sequences of those.

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> from fastigial.selection.store import fingerprint
    >>> what = fingerprint(np.ones((2, 3, 4)), None, fg.TCA(2), without=["n_components"], seed=0)
    >>> what["estimator"], what["tol"], what["seed"], "n_components" in what
    ('TCA', 1e-07, 0, False)
    """
    import fastigial

    left_out = {"n_threads", "progress", *without}
    parameters = {name: _plain(value) for name, value in estimator.get_params().items() if name not in left_out}
    return {
        "X": f"{X.dtype.name} {X.shape} {_digest(X, mask)}",
        "fastigial": fastigial.__version__,
        "estimator": type(estimator).__name__,
        **parameters,
        **{name: _plain(value) for name, value in others.items()},
    }


def open_store(
    folder: str | PathLike[str] | None,
    X: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    estimator: Any,
    random_state: Any,
    **others: Any,
) -> Store | None:
    """The store of a search, or None if it was not asked for.

    Parameters
    ----------
    folder : path or None
        The search's ``checkpoint``.
    X, mask : ndarray
        The recording.
    estimator : object
        Its parameters count, but for ``n_components`` and ``random_state``, which are in the keys of fits.
    random_state : int
        Of the search.
    **others
        Its other parameters, as in `fingerprint`.

    Returns
    -------
    Store or None

    Raises
    ------
    ValueError
        If `random_state` is not a whole number, or the folder holds the fits of another search.
    """
    if folder is None:
        return None
    if isinstance(random_state, bool) or not isinstance(random_state, int | np.integer):
        raise ValueError(
            f"random_state is {random_state!r}; with a checkpoint expected a whole number: a search that goes on must "
            "draw what the first one drew"
        )
    without = ("n_components", "random_state")
    return Store(folder, fingerprint(X, mask, estimator, without=without, random_state=random_state, **others))


class Store:
    """Finished fits of one search in a folder.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    fingerprint : dict
        What is searched; see `fingerprint`.

    Raises
    ------
    ValueError
        If the folder holds the fits of another search, or of another version; it says what differs.
    OSError
        If the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> import fastigial as fg
    >>> from fastigial.selection.runner import Finished
    >>> from fastigial.selection.store import Store
    >>> model = fg.TCA(2, random_state=0).fit(fg.datasets.make_tca((8, 7, 6), 2, seed=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Store(folder, {"seed": 0}).put(Finished((2, 0), model, model.loss_, 0.5, 1.0))
    ...     again = Store(folder, {"seed": 0}).get((2, 0))
    >>> again.test_loss, bool((again.model.weights_ == model.weights_).all())
    (0.5, True)
    """

    def __init__(self, folder: str | PathLike[str], fingerprint: Mapping[str, Any]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        # As it comes back from a file: no tuples.
        own = json.loads(json.dumps({"format": _FORMAT, **fingerprint}))
        path = self._folder / _SEARCH
        if path.exists():
            _refuse_another(_read(path), own, self._folder)
        else:
            _write(path, own)

    def get(self, key: tuple[Any, ...]) -> Finished | None:
        """The fit of this key, or None if it is not there or not whole."""
        numbers = _read(self._path(key, "json"))
        if numbers is None or numbers.get("key") != _listed(key):
            return None
        path = self._folder / numbers["model"]
        try:
            if _digest_of_file(path) != numbers["digest"]:
                return None
        except FileNotFoundError:
            return None
        model: Any
        if path.suffix == ".safetensors":
            model = load(path)
        else:
            import joblib

            model = joblib.load(path)
        return Finished(key, model, numbers["train_loss"], numbers["test_loss"], numbers["seconds"])

    def put(self, finished: Finished) -> None:
        """Keep a fit; a former one of the same key is replaced."""
        if isinstance(finished.model, Decomposition):
            path = self._path(finished.key, "safetensors")
            finished.model.save(path)
        else:
            import joblib

            path = self._path(finished.key, "joblib")
            beside = _beside(path)
            joblib.dump(finished.model, beside)
            beside.replace(path)
        numbers = {
            "key": _listed(finished.key),
            "model": path.name,
            "digest": _digest_of_file(path),
            "train_loss": finished.train_loss,
            "test_loss": finished.test_loss,
            "seconds": finished.seconds,
        }
        _write(self._path(finished.key, "json"), numbers)

    def _path(self, key: tuple[Any, ...], ending: str) -> Path:
        digest = hashlib.blake2b(json.dumps(_listed(key)).encode(), digest_size=16).hexdigest()
        return self._folder / f"fit-{digest}.{ending}"


def _refuse_another(stored: Any, own: dict[str, Any], folder: Path) -> None:
    if stored is None:
        raise ValueError(f"checkpoint: {folder / _SEARCH} is damaged; name another folder, or remove this one")
    differing = [name for name in {**stored, **own} if stored.get(name) != own.get(name)]
    if differing:
        what = "; ".join(
            "X differs" if name == "X" else f"{name} was {stored.get(name)!r} and is {own.get(name)!r}"
            for name in differing
        )
        raise ValueError(
            f"checkpoint: {folder} holds the fits of another search ({what}); name another folder, or remove this one"
        )


def _listed(key: Any) -> Any:
    """A key as JSON gives it back."""
    if isinstance(key, tuple | list):
        return [_listed(part) for part in key]
    return key.item() if isinstance(key, np.generic) else key


def _plain(value: Any) -> Any:
    """Anything that a search depends on as JSON: arrays by their digest, objects by what they hold."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return f"{value.dtype.name} {value.shape} {_digest(value, None)}"
    if isinstance(value, Mapping):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, Sequence):
        return [_plain(member) for member in value]
    if dataclasses.is_dataclass(value):
        fields = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, Decomposition):
        arrays = {name: _plain(getattr(value, name, None)) for name in value._arrays}
        return {"class": type(value).__name__, **_plain(value.get_params()), **arrays}
    return type(value).__name__


def _digest(array: NDArray[Any], mask: NDArray[np.bool_] | None) -> str:
    """A digest of the observed entries and of which those are, a row at a time: the array may fill the memory."""
    digest = hashlib.blake2b(digest_size=16)
    array = np.atleast_1d(array)
    for place in range(len(array)):
        row = array[place]
        if row.dtype.kind == "f":
            hidden = np.isnan(row) if mask is None else np.isnan(row) | ~mask[place]
            row = np.where(hidden, row.dtype.type(np.nan), row)
        digest.update(np.asarray(row).tobytes())
    return digest.hexdigest()


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _read(path: Path) -> Any:
    """What a JSON file holds; None if there is none, or it is not whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, content: dict[str, Any]) -> None:
    beside = _beside(path)
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    beside.replace(path)


def _beside(path: Path) -> Path:
    # Two processes may share the folder.
    return path.with_name(f"{path.name}.{os.getpid()}.partial")
