"""How many threads the package computes on."""

from __future__ import annotations

from fastigial import _core

__all__ = ["get_num_threads", "set_num_threads"]


def get_num_threads() -> int:
    """Number of threads that fits use unless told otherwise.

    Returns
    -------
    int
        What `set_num_threads` set; else the environment variable FASTIGIAL_NUM_THREADS; else the machine's cores.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.get_num_threads() >= 1
    True
    """
    return _core.num_threads()


def set_num_threads(n_threads: int | None) -> None:
    """Set the number of threads that fits use unless told otherwise. Results do not depend on it.

    Parameters
    ----------
    n_threads : int or None
        1 to 1024; None returns to the default.

    Raises
    ------
    ValueError
        If `n_threads` is out of range.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.set_num_threads(2)
    >>> fg.get_num_threads()
    2
    >>> fg.set_num_threads(None)
    """
    from fastigial.tensor.checks import as_threads

    _core.set_num_threads(as_threads(n_threads))
