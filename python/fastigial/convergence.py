"""What a fit says when it ended before it was done, and how many fits say it once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["ConvergenceWarning", "is_quiet", "quiet", "warn_of_many"]

# Not by Python's filters of warnings: those belong to the whole process, and fits may run in many threads of it.
_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


class ConvergenceWarning(UserWarning):
    """A fit used up its iterations; its model is usable, but a longer fit would still change it.

    Examples
    --------
    >>> import warnings
    >>> import fastigial as fg
    >>> X = fg.datasets.make_tca((8, 7, 6), 2, seed=0).data
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = fg.TCA(2, max_iter=1, random_state=0).fit(X)
    >>> caught[0].category.__name__, model.converged_
    ('ConvergenceWarning', False)
    """


@contextmanager
def quiet() -> Iterator[None]:
    """Fits in this block, in this thread, do not warn: whoever runs many of them warns once for all.

    Examples
    --------
    >>> import fastigial as fg
    >>> from fastigial.convergence import quiet
    >>> X = fg.datasets.make_tca((8, 7, 6), 2, seed=0).data
    >>> with quiet():
    ...     model = fg.TCA(2, max_iter=1, random_state=0).fit(X)
    >>> model.converged_
    False
    """
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


def is_quiet() -> bool:
    """Whether fits should leave the warning to whoever runs them."""
    return _QUIET.get()


def warn_of_many(n_unsettled: int, n_fits: int, *, stacklevel: int = 2) -> None:
    """One `ConvergenceWarning` for many fits, if any of them used up its iterations.

    Parameters
    ----------
    n_unsettled : int
        How many did.
    n_fits : int
        Of how many.
    stacklevel : int
        As for `warnings.warn`, seen from the caller: 2 points to the caller's caller.
    """
    if n_unsettled:
        warnings.warn(
            f"{n_unsettled} of {n_fits} fits stopped after max_iter sweeps, before a sweep gained less than tol of the "
            "loss; raise max_iter of the estimator, or tol if their losses are good enough",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )
