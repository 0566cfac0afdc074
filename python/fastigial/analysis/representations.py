"""How alike two systems represent the same trials and steps, whatever their units: Procrustes distance and CKA.

With A (n, N_a) and B (n, N_b) the centred activity of two systems in the same n samples and ‖·‖_* the sum of singular
values:

* Procrustes   min over orthogonal Q of ‖A − B Q‖_F, that is √(‖A‖² + ‖B‖² − 2 ‖Aᵀ B‖_*) (Schönemann, Psychometrika
  31:1, 1966; as a metric of representations: Williams et al., NeurIPS 2021). The system with fewer units gets silent
  ones. Computed from the residual itself: near zero, the difference of squares would be rounding error.
* linear CKA   HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)), K = A Aᵀ, L = B Bᵀ (Kornblith et al., ICML 2019)
    biased     HSIC = ‖Aᵀ B‖_F²
    unbiased   of Song et al., JMLR 13:1393, 2012 (their HSIC₁), from the Gram matrices K̃, L̃ with zeros on the diagonal:
               [tr K̃ L̃ + 1ᵀK̃1 · 1ᵀL̃1 / ((n − 1)(n − 2)) − 2 · 1ᵀK̃L̃1 / (n − 2)] / (n (n − 3))

For centred A the rows of K sum to zero, those of K̃ therefore to −k_i, k_i = |a_i|². With l_i = |b_i|² the bracket is

    ‖Aᵀ B‖_F² − Σ k_i l_i + Σ k_i Σ l_i / ((n − 1)(n − 2)) − 2 Σ k_i l_i / (n − 2)

so that no matrix of n × n is ever formed, and no minibatches are needed.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.population import centred, paired

__all__ = ["cka", "procrustes"]


def procrustes(a: Any, b: Any, *, scaling: bool = True) -> float:
    r"""Distance between two systems' activity after the best rotation or reflection of one onto the other.

    .. math:: \min_Q \Bigl\lVert \tfrac{A}{\lVert A\rVert_F} - \tfrac{B}{\lVert B\rVert_F}\, Q \Bigr\rVert_F
        \quad\text{or, without scaling,}\quad
        \tfrac{1}{\sqrt n} \min_Q \lVert A - B\,Q \rVert_F

    Both are metrics: zero only for copies that are rotated, reflected and shifted (with scaling, larger or smaller).

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        Activity of two systems on the same trials and steps; they may have different numbers of units. Plain arrays are
        read as recordings, (trials, neurons, time), a matrix as (samples, units). Samples that were not observed in
        both are left out.
    scaling : bool
        Bring both to one size first. Then the distance lies between 0 and √2. Without, it is a root mean square over
        samples, in the unit of the data.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If one does not hold real numbers.
    ValueError
        If trials or steps have different numbers, no sample was observed in both, or, with scaling, one does not vary.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> a = np.random.default_rng(0).normal(size=(100, 3))
    >>> rotation = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    >>> fg.analysis.procrustes(a, 5 + 2 * a @ rotation) < 1e-12
    True
    """
    rows_a, rows_b, first, second = paired(a, b)
    rows_a, rows_b = centred(rows_a), centred(rows_b)
    scale = 1.0
    if scaling:
        _check_varies(rows_a, rows_b)
        rows_a, rows_b = rows_a / np.linalg.norm(rows_a), rows_b / np.linalg.norm(rows_b)
    else:
        # Both in units of the larger one.
        scale = max(first.scale, second.scale)
        rows_a, rows_b = rows_a * (first.scale / scale), rows_b * (second.scale / scale)
        scale /= np.sqrt(len(rows_a))
    n_units = max(rows_a.shape[1], rows_b.shape[1])
    rows_a, rows_b = (np.pad(rows, ((0, 0), (0, n_units - rows.shape[1]))) for rows in (rows_a, rows_b))
    left, _, right = np.linalg.svd(rows_b.T @ rows_a)
    return float(np.linalg.norm(rows_a - rows_b @ (left @ right)) * scale)


def cka(a: Any, b: Any, *, estimator: Literal["biased", "unbiased"] = "biased") -> float:
    r"""Linear centred kernel alignment: how alike two systems arrange the same samples.

    .. math:: \frac{\lVert A^\top B\rVert_F^2}{\lVert A^\top A\rVert_F\, \lVert B^\top B\rVert_F}

    Unchanged by rotations, reflections, shifts and a common scale of either system. Directions count by the square of
    their variance: it is dominated by the leading principal components.

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        As in `procrustes`.
    estimator : {"biased", "unbiased"}
        The first, of Kornblith et al. (2019), lies between 0 and 1 but is large for unrelated systems as well when they
        have more units than there are samples. The second takes the three inner products from the unbiased estimate of
        Song et al. (2012) over all samples at once: its mean is about zero for unrelated systems, and it can be
        negative. Its samples should be independent; steps of one trial are not, so take one per trial, or read it with
        care.

    Returns
    -------
    float
        NaN if the unbiased estimate says that a system does not vary.

    Raises
    ------
    TypeError, ValueError
        As in `procrustes`; or if one of the systems does not vary, `estimator` is neither, or there are fewer than four
        samples for the unbiased one.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> a, b = np.random.default_rng(0).normal(size=(2, 30, 200))  # nothing in common
    >>> round(fg.analysis.cka(a, b), 2), abs(fg.analysis.cka(a, b, estimator="unbiased")) < 0.1
    (0.87, True)
    """
    if estimator not in ("biased", "unbiased"):
        raise ValueError(f'estimator is {estimator!r}, expected "biased" or "unbiased"')
    rows_a, rows_b, _, _ = paired(a, b)
    if estimator == "unbiased" and len(rows_a) < 4:
        raise ValueError(f'estimator="unbiased" needs four samples or more; there are {len(rows_a)}')
    rows_a, rows_b = centred(rows_a), centred(rows_b)
    _check_varies(rows_a, rows_b)
    rows_a, rows_b = rows_a / np.linalg.norm(rows_a), rows_b / np.linalg.norm(rows_b)
    product = _biased if estimator == "biased" else _unbiased
    sizes = product(rows_a, rows_a), product(rows_b, rows_b)
    if min(sizes) <= 0:
        return float("nan")
    found = product(rows_a, rows_b) / (np.sqrt(sizes[0]) * np.sqrt(sizes[1]))
    return float(min(found, 1.0)) if estimator == "biased" else float(found)


def _check_varies(rows_a: NDArray[np.float64], rows_b: NDArray[np.float64]) -> None:
    for name, rows in (("a", rows_a), ("b", rows_b)):
        if not rows.any():
            raise ValueError(f"{name} does not vary: there is nothing to compare")


def _biased(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # The norm of the smaller of Aᵀ B and of the Gram matrices' product: both are the same number.
    if len(a) < max(a.shape[1], b.shape[1]):
        return float(np.sum((a @ a.T) * (b @ b.T)))
    return float(np.sum((a.T @ b) ** 2))


def _unbiased(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    n = len(a)
    own_a, own_b = np.sum(a * a, axis=1), np.sum(b * b, axis=1)
    shared = float(own_a @ own_b)
    bracket = _biased(a, b) - shared + own_a.sum() * own_b.sum() / ((n - 1) * (n - 2)) - 2 * shared / (n - 2)
    return float(bracket / (n * (n - 3)))
