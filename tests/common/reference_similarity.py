"""How alike two CP models are, up to the order, signs and scales of their components.

For unit columns a_mr and b_ms the cosine of mode m is c_m[r, s] = a_mr · b_ms.

* mean cosine:         s[r, s] = mean over m of |c_m[r, s]|
* factor match score:  s[r, s] = Π_m |c_m[r, s]| · (1 − |λ_r − μ_s| / max(λ_r, μ_s)), the bracket only if
  weights count, where λ and μ are the weights after all column norms have been moved into them.

Either score is the mean of s over the matched pairs of the one-to-one matching that makes the sum of s
largest. With different numbers of components, the surplus of the larger model is left out.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from scipy.optimize import linear_sum_assignment
from tests.common.reference_cp import CP, FloatArray, normalise_cp


def cosines(a: CP, b: CP) -> FloatArray:
    """Return the cosines of all column pairs in all modes, shape (n_modes, R_a, R_b)."""
    _, factors_a = normalise_cp(*a)
    _, factors_b = normalise_cp(*b)
    return np.stack([left.T @ right for left, right in zip(factors_a, factors_b, strict=True)])


def best_matching(similarity: FloatArray) -> tuple[list[int], list[int]]:
    """Return row and column indices of the best one-to-one matching, found by the Hungarian method.

    Examples
    --------
    >>> best_matching(np.array([[0.1, 0.9], [0.8, 0.7]]))
    ([0, 1], [1, 0])
    """
    rows, columns = linear_sum_assignment(-similarity)
    return [int(row) for row in rows], [int(column) for column in columns]


def best_total_by_enumeration(similarity: FloatArray) -> float:
    """Return the largest sum over one-to-one matchings, by trying all R! of them: keep R below eight."""
    wide = similarity if similarity.shape[0] <= similarity.shape[1] else similarity.T
    n_rows, n_columns = wide.shape
    return max(float(wide[range(n_rows), list(chosen)].sum()) for chosen in permutations(range(n_columns), n_rows))


def mean_cosine_score(a: CP, b: CP) -> float:
    """Return the mean over matched components of the mean over modes of the absolute cosine."""
    similarity = np.abs(cosines(a, b)).mean(axis=0)
    return float(similarity[best_matching(similarity)].mean())


def factor_match_score(a: CP, b: CP, *, consider_weights: bool = True) -> float:
    """Return the mean over matched components of the product of cosines times the agreement of weights.

    Examples
    --------
    >>> a = (np.ones(1), [np.array([[3.0], [4.0]]), np.array([[1.0], [0.0]])])
    >>> b = (np.ones(1), [np.array([[-6.0], [-8.0]]), np.array([[1.0], [0.0]])])
    >>> factor_match_score(a, b), round(factor_match_score(a, b, consider_weights=False), 12)
    (0.5, 1.0)
    """
    similarity = np.abs(cosines(a, b)).prod(axis=0)
    if consider_weights:
        weights_a = normalise_cp(*a)[0][:, None]
        weights_b = normalise_cp(*b)[0][None, :]
        larger = np.maximum(weights_a, weights_b)
        similarity = similarity * (1 - np.abs(weights_a - weights_b) / np.where(larger > 0, larger, 1.0))
    return float(similarity[best_matching(similarity)].mean())
