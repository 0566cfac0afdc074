"""How alike two fitted models are, component by component, and the same model in another's order and signs.

For unit parts p_m of model a and q_m of model b (see `fastigial.analysis.components`) the cosine of part m is
c_m[r, s] = p_mr · q_ms.

* mean cosine:         s[r, s] = mean over m of |c_m[r, s]|, as tensortools computes it (Williams et al., Neuron 2018)
* factor match score:  s[r, s] = Π_m |c_m[r, s]| · (1 − |w_r − w_s| / max(w_r, w_s)), Acar et al., J Chemometrics 25:80,
  2011; the bracket can be left out

Components are paired one to one so that the sum of s over the pairs is as large as it can be (the assignment problem:
Kuhn, Naval Research Logistics 2:83, 1955), and the similarity is the mean of s over the pairs.

Both scores were made for CP models. Here they are used for SliceTCA as well: a component then has two parts, its
loading and its slice, and pairs are sought within each slice type.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.components import Group, as_axes, check_model, groups_of
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.checks import as_flags, as_number

__all__ = ["align", "distinct_solutions", "similarity"]

Method = Literal["mean_cosine", "factor_match"]
Model = TypeVar("Model", TCA, SliceTCA)


@dataclass(frozen=True)
class Score:
    """How two components are compared: the method, whether weights count, and along which axes."""

    method: Method
    weights: bool
    axes: tuple[int, ...]


def similarity(
    a: TCA | SliceTCA,
    b: TCA | SliceTCA,
    method: Method = "mean_cosine",
    *,
    weights: bool | None = None,
    axes: int | str | Sequence[int | str] | None = None,
) -> float:
    r"""How alike two fitted models are, whatever the order, signs and scales of their components.

    .. math::
        s_{rs} = \tfrac1M \sum_m |\cos_m(r, s)|
        \quad\text{or}\quad
        s_{rs} = \Bigl(1 - \frac{|w_r - w_s|}{\max(w_r, w_s)}\Bigr) \prod_m |\cos_m(r, s)|

    averaged over the pairs of the one-to-one pairing with the largest sum. The modes m of a TCA's component are its
    factors; those of a SliceTCA's are its loading and its slice, and pairs are sought within each slice type.

    Parameters
    ----------
    a, b : TCA or SliceTCA
        Two fitted models of one kind, of recordings of one shape. Their ranks may differ: components of the larger
        model that find no partner are left out, and so are components of weight zero.
    method : {"mean_cosine", "factor_match"}
        The mean over modes of the absolute cosines (tensortools), or their product times the agreement of the weights
        (the factor match score of Acar et al., 2011). The product is the stricter: it falls to nothing when the
        components differ in a single mode. Unrelated components have absolute cosines around
        :math:`\sqrt{2 / \pi d}` in d dimensions, not zero, and non-negative ones far larger, so that the first is
        never small.
    weights : bool, optional
        Whether the agreement of the weights counts; only for ``"factor_match"``, where it does by default. For SliceTCA
        a component's weight is the length of its slice times that of its loading.
    axes : int, str or sequence of them, optional
        Compare along these axes only, by number or name, for example ``("neuron", "time")`` of models of different
        trials; of a SliceTCA, those loadings and slices that lie within them. All by default.

    Returns
    -------
    float
        Between 0 and 1; 1 for models that are the same. NaN where there is no pair to compare: slice types in which one
        of the models has no component, or nothing but components of weight zero.

    Raises
    ------
    TypeError
        If the models are not fitted ones of one kind.
    ValueError
        If they have different shapes along the axes that are compared, or method, weights or axes are not among the
        choices.

    See Also
    --------
    align : the components of one model in the order of another's.
    distinct_solutions : how many different solutions there are among many fits.

    Notes
    -----
    Components of a SliceTCA within a type come out of a singular value decomposition. Where two singular values are
    close, little noise turns the two into one another, and the similarity falls though the model's tensor has hardly
    changed.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> one = fg.TCA(3, init="random", random_state=0).fit(recording)
    >>> other = fg.TCA(3, init="random", random_state=1).fit(recording)
    >>> fg.similarity(one, other) > 0.999
    True
    >>> fg.similarity(one, other, "factor_match") > 0.99
    True
    """
    _check_pair(a, b)
    score = _score(a, method, weights, axes)
    return _similarity(_compared(a, score), _compared(b, score), score)


def align(
    a: Model,
    b: Model,
    method: Method = "mean_cosine",
    *,
    weights: bool | None = None,
    axes: int | str | Sequence[int | str] | None = None,
) -> Model:
    """A copy of model `a` with its components in the order and with the signs of model `b`.

    Components are paired as in `similarity`. Those of `a` that find no partner fill the places that are left, in the
    order they had: the last ones, unless a component of `b` found no partner either. Signs
    are flipped in an even number of modes, so that the model's tensor stays what it was: to agree with `b` in every
    mode, or, where an odd number of them disagree, in all but the one in which the two are the least alike. What was
    fitted to be non-negative is not flipped. A SliceTCA's components are paired within each slice type.

    Parameters
    ----------
    a, b : TCA or SliceTCA
        Two fitted models of one kind, of recordings of one shape; their ranks may differ.
    method, weights, axes
        As in `similarity`. Modes that are not compared take no part in the choice of signs other than to make it even.

    Returns
    -------
    TCA or SliceTCA
        A fitted model; `a` stays as it was. The components are no longer sorted by their weights, nor do they keep to
        the estimator's rule for signs.

    Raises
    ------
    TypeError, ValueError
        As in `similarity`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> three, two = fg.TCA(3, random_state=0).fit(recording), fg.TCA(2, random_state=0).fit(recording)
    >>> aligned = fg.align(three, two)
    >>> [bool(aligned.factors_[0][:, r] @ two.factors_[0][:, r] > 0.5) for r in range(2)]
    [True, True]
    >>> np.allclose(aligned.reconstruct(), three.reconstruct())
    True
    """
    _check_pair(a, b)
    score = _score(a, method, weights, axes)
    aligned = copy(a)
    if isinstance(aligned, TCA):
        (own,), (other,) = groups_of(a), groups_of(b)
        kept = as_flags("nonnegative", a.nonnegative, len(own.parts))
        order, signs = _order_and_signs(own, other, score, kept)
        aligned.factors_ = [
            factor[:, order] * sign.astype(factor.dtype) for factor, sign in zip(a.factors_, signs, strict=True)
        ]
        aligned.weights_ = a.weights_[order]
        return aligned
    loadings, slices = [], []
    flags = as_flags("nonnegative", a.nonnegative, 3)
    for axis, (own, other, nonnegative) in enumerate(zip(groups_of(a), groups_of(b), flags, strict=True)):
        order, signs = _order_and_signs(own, other, score, [nonnegative, nonnegative])
        loading, many = a.loadings_[axis][order], a.slices_[axis][order]
        loadings.append(loading * signs[0][:, None].astype(loading.dtype))
        slices.append(many * signs[1][:, None, None].astype(many.dtype))
    aligned.loadings_, aligned.slices_ = loadings, slices
    return aligned


def distinct_solutions(
    models: Sequence[TCA | SliceTCA],
    threshold: float = 0.95,
    method: Method = "mean_cosine",
    *,
    weights: bool | None = None,
    axes: int | str | Sequence[int | str] | None = None,
) -> NDArray[np.intp]:
    """Which of many fitted models are the same solution.

    Two models are the same if their `similarity` reaches the threshold, or if others lie between them of which each is
    the same as the next (single linkage: the connected parts of the graph of similar pairs).

    Parameters
    ----------
    models : sequence of TCA, or of SliceTCA
        Fitted, and of recordings of one shape.
    threshold : float
        From 0 to 1. Sensible values depend on the method: 0.95 suits ``"mean_cosine"``; the factor match score of
        models that agree as well is lower (0.95³ ≈ 0.86 in three modes).
    method, weights, axes
        As in `similarity`.

    Returns
    -------
    ndarray of int, shape (n_models,)
        The number of the solution that each model belongs to, from 0, in the order in which they first appear. For
        models that are sorted by loss, 0 is the best solution, and ``labels.max() + 1`` the number of solutions.

    Raises
    ------
    TypeError, ValueError
        As in `similarity`, or if the threshold is not between 0 and 1.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.1, seed=0)
    >>> models = [fg.TCA(2, init="random", random_state=seed).fit(recording) for seed in range(4)]
    >>> fg.analysis.distinct_solutions(models)
    array([0, 0, 0, 0])
    """
    models = list(models)
    threshold = as_number("threshold", threshold)
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}, expected 0 to 1")
    if not models:
        return np.empty(0, dtype=np.intp)
    for model in models:
        _check_pair(models[0], model)
    score = _score(models[0], method, weights, axes)
    compared = [_compared(model, score) for model in models]
    labels = np.full(len(models), -1, dtype=np.intp)
    for first in range(len(models)):
        if labels[first] >= 0:
            continue
        labels[first] = labels.max() + 1
        reached = [first]
        while reached:
            here = reached.pop()
            for there in np.flatnonzero(labels < 0):
                if _same(compared[here], compared[there], score, threshold):
                    labels[there] = labels[first]
                    reached.append(int(there))
    return labels


def _same(a: list[Group], b: list[Group], score: Score, threshold: float) -> bool:
    empty = [all(not group.weights.size for group in groups) for groups in (a, b)]
    # Models of nothing have no pair to compare, and are the same nevertheless.
    return all(empty) or _similarity(a, b, score) >= threshold


def _check_pair(a: Any, b: Any) -> None:
    if type(check_model("a", a)) is not type(check_model("b", b)):
        raise TypeError(f"a {type(a).__name__} cannot be compared with a {type(b).__name__}: pass two of one kind")
    if len(a.shape_) != len(b.shape_):
        raise ValueError(f"the models have {len(a.shape_)} and {len(b.shape_)} axes, expected the same number")


def _score(a: TCA | SliceTCA, method: Any, weights: Any, axes: Any) -> Score:
    if method not in ("mean_cosine", "factor_match"):
        raise ValueError(f'method is {method!r}, expected "mean_cosine" or "factor_match"')
    if weights is not None and not isinstance(weights, bool | np.bool_):
        raise TypeError(f"weights is {weights!r}, expected True, False or None")
    if weights and method == "mean_cosine":
        raise ValueError('weights=True is for method="factor_match"; the mean cosine knows no weights')
    return Score(method, method == "factor_match" if weights is None else bool(weights), as_axes(a, axes))


def _compared(model: TCA | SliceTCA, score: Score) -> list[Group]:
    """The model's components that are there at all, and of them the parts that are to be compared."""
    groups = []
    for group in groups_of(model):
        there = np.flatnonzero(group.weights > 0)
        groups.append(
            Group(
                group.slice_type,
                tuple(
                    type(part)(part.axes, part.vectors[:, there])
                    for part in group.parts
                    if set(part.axes) <= set(score.axes)
                ),
                group.weights[there],
            )
        )
    return groups


def _similarity(a: list[Group], b: list[Group], score: Score) -> float:
    paired = [table[_pairs(table)] for table in (_table(x, y, score) for x, y in zip(a, b, strict=True))]
    values = np.concatenate(paired)
    return float(values.mean()) if values.size else float("nan")


def _cosines(a: Group, b: Group, axes: tuple[int, ...]) -> NDArray[np.float64]:
    """Cosines (n_parts, R_a, R_b) of the parts within the axes."""
    both = [(own, other) for own, other in zip(a.parts, b.parts, strict=True) if set(own.axes) <= set(axes)]
    for own, other in both:
        if len(own.vectors) != len(other.vectors):
            raise ValueError(
                f"the models differ in size along axis {' or '.join(map(str, own.axes))}: compare models of recordings "
                "of one shape, or leave that axis out with axes="
            )
    shape = (len(both), a.weights.size, b.weights.size)
    return np.array([own.vectors.T @ other.vectors for own, other in both]).reshape(shape)


def _table(a: Group, b: Group, score: Score) -> NDArray[np.float64]:
    """Similarity of each component with each, (R_a, R_b); nothing at all where the group has no part to compare."""
    cosines = np.minimum(np.abs(_cosines(a, b, score.axes)), 1.0)
    if not len(cosines):
        return np.empty((0, 0))
    if score.method == "mean_cosine":
        return np.asarray(cosines.mean(axis=0))
    table = cosines.prod(axis=0)
    if score.weights:
        larger = np.maximum(a.weights[:, None], b.weights)
        # 1 − |w − w'| / max is min / max.
        table = table * np.minimum(a.weights[:, None], b.weights) / np.where(larger > 0, larger, 1.0)
    return np.asarray(table)


def _pairs(table: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    return rows.astype(np.intp), columns.astype(np.intp)


def _order_and_signs(
    a: Group, b: Group, score: Score, nonnegative: Sequence[bool]
) -> tuple[NDArray[np.intp], list[NDArray[np.float64]]]:
    """Order of a's components (R_a,), and the sign of each of them in each part."""
    rows, columns = np.flatnonzero(a.weights > 0), np.flatnonzero(b.weights > 0)
    table = _table(a, b, score)
    signs = np.ones((len(a.parts), a.weights.size))
    if not table.size:
        return np.arange(a.weights.size), list(signs)
    own, other = _pairs(table[np.ix_(rows, columns)])
    in_order = np.argsort(columns[other])
    matched, partners = rows[own][in_order], columns[other][in_order]
    # Partners have the same number; where the other model has more components than this one can have, the same order.
    places = partners if a.weights.size >= b.weights.size else np.arange(matched.size)
    order = np.full(a.weights.size, -1, dtype=np.intp)
    order[places] = matched
    order[order < 0] = np.setdiff1d(np.arange(a.weights.size), matched)
    looked_at = [place for place, part in enumerate(a.parts) if set(part.axes) <= set(score.axes)]
    cosines = np.zeros((len(a.parts), matched.size))
    cosines[looked_at] = _cosines(a, b, score.axes)[:, matched, partners]
    for column, place in enumerate(places):
        signs[:, place] = _even_signs(cosines[:, column], np.asarray(nonnegative))
    return order, list(signs)


def _even_signs(cosines: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Signs of which an even number is negative, and none where kept, with the largest Σ sign · cosine."""
    signs = np.where((cosines < 0) & ~kept, -1.0, 1.0)
    if signs.prod() < 0:
        free = np.flatnonzero(~kept)
        cheapest = free[np.argmin(np.abs(cosines[free]))]
        signs[cheapest] = -signs[cheapest]
    return signs
