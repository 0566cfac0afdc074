"""Finding a data file on this computer, and fetching it once from its pinned address."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastigial.datasets.registry import Source

__all__ = ["cache_folder", "data_folder", "fetch_file", "find_file"]

TIMEOUT_SECONDS = 60.0


def data_folder() -> Path | None:
    """Return the folder that FASTIGIAL_DATA names, or None if the variable is unset or empty.

    Returns
    -------
    pathlib.Path or None

    Examples
    --------
    >>> import os
    >>> from fastigial.datasets import data_folder
    >>> (data_folder() is None) == (not os.environ.get("FASTIGIAL_DATA"))
    True
    """
    name = os.environ.get("FASTIGIAL_DATA")
    return Path(name).expanduser() if name else None


def cache_folder() -> Path:
    """Return the folder that fetched files are kept in.

    FASTIGIAL_CACHE if that variable is set, otherwise ``fastigial`` in the user's cache folder of the
    platform.

    Returns
    -------
    pathlib.Path
        It may not exist yet.

    Examples
    --------
    >>> from fastigial.datasets import cache_folder
    >>> cache_folder().is_absolute()
    True
    """
    chosen = os.environ.get("FASTIGIAL_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base.absolute() / "fastigial"


def find_file(source: Source, file: str, fetcher: str) -> Path:
    """Find a file of a pinned source in FASTIGIAL_DATA or the cache, and verify its checksum.

    Parameters
    ----------
    source : Source
    file : str
        One of ``source.files``.
    fetcher : str
        Name of the function to recommend if the file is not here.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        If it is in neither place; the message says what to do.
    ValueError
        If it is there but is not the pinned version.
    """
    folders = [folder for folder in (data_folder(), cache_folder()) if folder is not None]
    for folder in folders:
        path = folder / source.folder / file
        if path.is_file():
            found = _sha256(path.read_bytes())
            if found != source.files[file]:
                raise ValueError(
                    f"{path} is damaged or another version: its SHA-256 is {found}, "
                    f"expected {source.files[file]}; "
                    f"remove it and call fastigial.datasets.{fetcher}() for the pinned one"
                )
            return path
    raise FileNotFoundError(
        f"{source.folder}/{file} is not on this computer (looked in {', '.join(map(str, folders))}). "
        f"Call fastigial.datasets.{fetcher}() once to download it, or set the environment variable "
        f"FASTIGIAL_DATA to a folder that holds {source.folder}/{file}. Licence: {source.licence}."
    )


def fetch_file(source: Source, file: str) -> Path:
    """Download a file of a pinned source into the cache, unless a good copy is there already.

    The file is written beside its final place, verified and renamed: an interrupted download leaves nothing
    behind.

    Parameters
    ----------
    source : Source
    file : str
        One of ``source.files``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        If what arrives does not have the pinned checksum; nothing is kept.
    OSError
        If the download fails.
    """
    expected = source.files[file]
    path = cache_folder() / source.folder / file
    if path.is_file() and _sha256(path.read_bytes()) == expected:
        return path
    content = read_url(source.url(file))
    found = _sha256(content)
    if found != expected:
        raise ValueError(
            f"{source.url(file)} sent {len(content)} bytes with SHA-256 {found}, expected {expected}; nothing was kept"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    import tempfile

    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{file}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path


def read_url(url: str) -> bytes:
    """Read all bytes behind a public address."""
    import urllib.request

    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
    return content


def _sha256(content: bytes) -> str:
    # Who only imports the package has no use for OpenSSL, nor above for the compressors behind tempfile.
    import hashlib

    return hashlib.sha256(content).hexdigest()
