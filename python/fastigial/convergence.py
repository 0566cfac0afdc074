"""What a fit says when it ended before it was done."""

from __future__ import annotations

__all__ = ["ConvergenceWarning"]


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
