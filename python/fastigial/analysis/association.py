"""Association of numbers with labels of trials, as inner products, so that permutations are matrix products.

| symbol | name    | shape  |                                                                            |
| ------ | ------- | ------ | -------------------------------------------------------------------------- |
| Z      | columns | (n, R) | one component a column, mean 0 and length 1                                 |
| L      | rows    | (k, n) | labels: one row (mean 0, length 1), or one a group (1 / √n_g at its trials) |
| π      | orders  | (p, n) | orders of the trials                                                       |

With one row, L Z is the correlation of Pearson, or, of ranks, that of Spearman. With one row a group, Σ_g (L Z)_g² is
η², the share of the variance that lies between groups; of ranks it is H / (n − 1), H the statistic of Kruskal & Wallis
(JASA 47:583, 1952) with its correction for ties. In either case permuted labels are L[:, π].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["group_rows", "holm", "p_values", "products", "ranked", "standardised"]

# Equal statistics must count as equal whatever the order of their sums. Those here are at most one.
ROUNDING = 1e-10


def standardised(columns: ArrayLike, blocks: ArrayLike | None = None) -> NDArray[np.float64]:
    """Columns with mean 0, in each block if there are any, and length 1; NaN where a column does not vary.

    Parameters
    ----------
    columns : array_like, shape (n, R)
    blocks : array_like of int, shape (n,), optional

    Examples
    --------
    >>> standardised([[1.0], [3.0]]).round(3).tolist()
    [[-0.707], [0.707]]
    >>> standardised([[1.0], [3.0], [11.0], [13.0]], [0, 0, 1, 1]).tolist()
    [[-0.5], [0.5], [-0.5], [0.5]]
    """
    values = np.asarray(columns, dtype=np.float64)
    # The span says exactly whether anything varies; a length after centring is rounded, and squares can vanish.
    spans = np.max([np.ptp(values[block], axis=0) for block in _members(values, blocks)], axis=0)
    centred = np.empty_like(values)
    for block in _members(values, blocks):
        # The first value is taken off before the scale is, and rounding does not make a variation of a large mean.
        scaled = (values[block] - values[block[0]]) / np.where(spans > 0, spans, np.nan)
        centred[block] = scaled - scaled.mean(axis=0)
    return np.asarray(centred / np.linalg.norm(centred, axis=0), dtype=np.float64)


def ranked(columns: ArrayLike, blocks: ArrayLike | None = None) -> NDArray[np.float64]:
    """Ranks of each column (n, R), in each block if there are any, from 1; equal values share the mean of their ranks.

    Examples
    --------
    >>> ranked([[0.1], [7.0], [0.1]]).tolist()
    [[1.5], [3.0], [1.5]]
    """
    from scipy.stats import rankdata

    values = np.asarray(columns)
    ranks = np.empty(values.shape, dtype=np.float64)
    for block in _members(values, blocks):
        ranks[block] = rankdata(values[block], axis=0)
    return ranks


def _members(values: NDArray[Any], blocks: ArrayLike | None) -> list[NDArray[np.intp]]:
    if blocks is None:
        return [np.arange(len(values))]
    return [np.flatnonzero(np.asarray(blocks) == block) for block in np.unique(blocks)]


def group_rows(labels: ArrayLike) -> NDArray[np.float64]:
    """One row per group, 1 / √n_g at its trials: ‖rows @ columns‖² is then the sum of squares between groups.

    Columns must have mean 0.
    """
    _, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return np.asarray((codes == np.arange(len(counts))[:, None]) / np.sqrt(counts)[:, None], dtype=np.float64)


def products(rows: NDArray[np.float64], columns: NDArray[np.float64], orders: NDArray[np.intp]) -> NDArray[np.float64]:
    """Products of permuted rows (k, n) with columns (n, R), for orders (p, n) of the trials.

    Returns
    -------
    ndarray, shape (p, k, R)
    """
    return np.asarray(rows[:, orders].transpose(1, 0, 2) @ columns)


def p_values(null: NDArray[np.float64], observed: ArrayLike, *, exact: bool = False) -> NDArray[np.float64]:
    """Shares of the null at least as large as what was observed, (1 + #) / (1 + n); NaN stays NaN.

    Parameters
    ----------
    null : ndarray, shape (n, R) or (n, 1)
        Statistics, at most about one in size, of random permutations; or of all permutations, the observed order among
        them.
    observed : array_like, shape (R,)
    exact : bool
        Whether the null holds all permutations: then # / n, which cannot be 0 either.

    Returns
    -------
    ndarray, shape (R,)

    References
    ----------
    Phipson & Smyth, Statistical Applications in Genetics and Molecular Biology 9:39, 2010.
    """
    found = np.asarray(observed, dtype=np.float64)
    extra = 0 if exact else 1
    shares = (extra + np.sum(null >= found - ROUNDING, axis=0)) / (extra + len(null))
    return np.where(np.isnan(found), np.nan, shares)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct p-values for their number (Holm 1979): the chance of any false positive stays below the level.

    Parameters
    ----------
    p_values : array_like, shape (n,)
        NaN is no test, and stays NaN.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    corrected = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected
