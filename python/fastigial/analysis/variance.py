"""How much of a recording each component explains, when components are not orthogonal.

With ⟨·,·⟩ over the observed entries, X̂_r the tensor of component r, S = ⟨X, X⟩, c_r = ⟨X̂_r, X⟩ and H_rs = ⟨X̂_r, X̂_s⟩:

* total       t     = 1 − ‖X − Σ_r X̂_r‖² / S = (2 Σ_r c_r − Σ_rs H_rs) / S
* marginal    m_r   = max over s ≥ 0 of 1 − ‖X − s X̂_r‖² / S = max(c_r, 0)² / (H_rr S)
* unique      u_r   = t − t without component r = (2 c_r + H_rr − 2 Σ_s H_rs) / S
* sequential  q_r   = t of the components 0…r − t of the components 0…r−1 = (2 c_r − H_rr − 2 Σ_{s<r} H_rs) / S

The slow definitions are on the left, what is computed is on the right. Everything follows from c and H, which are
summed up over the first axis piece by piece, so that not all components' tensors are held at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import Group, check_model, groups_of, labels_of, tensors
from fastigial.analysis.observations import Observations, observations_of
from fastigial.tensor import TCA, SliceTCA

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["ComponentVariance", "component_variance"]

# Numbers held at once for the components' tensors: 8 MB.
_N_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class ComponentVariance:
    """Shares of Σx² over the observed entries (the data are not centred), of each component.

    Attributes
    ----------
    labels : list of int, or of (int, int), or of str
        The components: their numbers in a TCA, (slice type, number) in a SliceTCA. In `by_type`, the types' names.
    marginal : ndarray, shape (n_components,)
        What the component explains alone, at its best size; 0 to 1.
    unique : ndarray, shape (n_components,)
        What is lost when it is taken out and the others stay as they are.
    sequential : ndarray, shape (n_components,)
        What is gained when it is added to those before it; the gains sum to `total`.
    total : float
        What the model explains: its score.
    by_type : ComponentVariance or None
        The same of whole slice types of a SliceTCA, of those that have components.
    dims : tuple of str
        Names of the data's axes.
    """

    labels: list[Any]
    marginal: NDArray[np.float64]
    unique: NDArray[np.float64]
    sequential: NDArray[np.float64]
    total: float
    by_type: ComponentVariance | None
    dims: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """One row per component, in a SliceTCA under the name of its slice type; columns marginal, unique, sequential.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        index: pd.Index[Any]
        if self.labels and isinstance(self.labels[0], tuple):
            named = [(self.dims[slice_type], number) for slice_type, number in self.labels]
            index = pd.MultiIndex.from_tuples(named, names=["slice_type", "component"])
        else:
            whole_types = bool(self.labels) and isinstance(self.labels[0], str)
            index = pd.Index(self.labels, name="slice_type" if whole_types else "component")
        columns = {"marginal": self.marginal, "unique": self.unique, "sequential": self.sequential}
        return pd.DataFrame(columns, index=index)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.variance`, which takes the options."""
        from fastigial.plot.variance import variance

        return variance(self, **options)


def component_variance(model: TCA | SliceTCA, X: ArrayLike, mask: ArrayLike | None = None) -> ComponentVariance:
    r"""How much of a recording each component explains: alone, beyond all others, and one after the other.

    Components that overlap share what they explain, so no single number is *the* variance of a component:

    .. math::
        m_r = \max_{s \ge 0}\; 1 - \frac{\lVert X - s \hat X_r\rVert^2}{\lVert X\rVert^2},\qquad
        u_r = \frac{\lVert X - \sum_{s \ne r} \hat X_s\rVert^2 - \lVert X - \hat X\rVert^2}{\lVert X\rVert^2},\qquad
        q_r = \frac{\lVert X - \sum_{s < r} \hat X_s\rVert^2
        - \lVert X - \sum_{s \le r} \hat X_s\rVert^2}{\lVert X\rVert^2}

    over the observed entries. Marginal :math:`m_r` is the score of the component alone, at the size that suits it best:
    the squared cosine between the component and the data. (At the size that it has in the model, which allows for the
    others, it can be worse than silence, the more so the more they overlap.) Unique :math:`u_r` is what the score loses
    without the component. Sequential :math:`q_r` is what it gains when components are added in their order, strongest
    first; these gains sum to the score.

    Where the components are orthogonal and each is at its best size, the three are equal and sum to the score. A
    marginal share well above the unique one says that others hold the same; a unique one above the marginal, that
    components cancel one another (see `degeneracy`).

    Parameters
    ----------
    model : TCA or SliceTCA
        A fitted model.
    X : array_like, Recording or xarray.DataArray
        The recording it was fitted to, or one of that shape, for example held-out entries. NaN means *not observed*.
    mask : array_like of bool, shape of X, optional
        True where X counts.

    Returns
    -------
    ComponentVariance
        With ``.marginal``, ``.unique``, ``.sequential``, ``.total``; for a SliceTCA ``.by_type`` has the same of whole
        slice types; ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If the model is not a fitted one, X does not hold real numbers, or the mask is not boolean.
    ValueError
        If X does not fit the model, holds infinities or no observed entry, or is zero throughout.

    Notes
    -----
    `unique` leaves the other components as they are. A model fitted anew with one component fewer explains more than
    what is left here, since the others then take over what they can: two components that are parallel have a unique
    share each, and yet either could be spared. `fastigial.RankSearch` answers that question.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 3, noise=0.1, seed=0)
    >>> model = fg.TCA(3, random_state=0).fit(recording)
    >>> shares = fg.analysis.component_variance(model, recording)
    >>> bool(abs(shares.sequential.sum() - model.score(recording)) < 1e-12)
    True
    """
    model = check_model("model", model)
    observations = observations_of(model, X, mask)
    if observations.sum_of_squares == 0:
        raise ValueError("X is zero wherever it was observed: there is nothing to explain")
    groups = groups_of(model)
    products, gram = _inner_products(groups, observations)
    size = observations.sum_of_squares
    by_type = None
    if isinstance(model, SliceTCA):
        kept = [place for place, group in enumerate(groups) if group.weights.size]
        # Sums over the components of a type: one column of ones for each.
        types = np.repeat(np.arange(len(groups)), [group.weights.size for group in groups])
        member = (types[:, None] == np.array(kept, dtype=np.intp)).astype(np.float64)
        by_type = _shares(
            [model.dims_[place] for place in kept],
            member.T @ products,
            member.T @ gram @ member,
            size,
            None,
            model.dims_,
        )
    return _shares(labels_of(groups), products, gram, size, by_type, model.dims_)


def _inner_products(
    groups: Sequence[Group], observations: Observations
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """C (ΣR,) and H (ΣR, ΣR) of the head of this file, over the observed entries."""
    values, shape = observations.values, observations.values.shape
    n_entries = values.size // shape[0]
    n_components = sum(group.weights.size for group in groups)
    at_once = max(1, _N_AT_ONCE // max(1, n_components * n_entries))
    products, gram = np.zeros(n_components), np.zeros((n_components, n_components))
    for start in range(0, shape[0], at_once):
        rows = slice(start, start + at_once)
        pieces = tensors(groups, shape, rows, observations.scale)
        pieces *= observations.seen[rows]
        flat = pieces.reshape(n_components, pieces.shape[1] * n_entries)
        products += flat @ values[rows].ravel()
        gram += flat @ flat.T
    return products, gram


def _shares(
    labels: list[Any],
    products: NDArray[np.float64],
    gram: NDArray[np.float64],
    size: float,
    by_type: ComponentVariance | None,
    dims: tuple[str, ...],
) -> ComponentVariance:
    own = np.diagonal(gram)
    positive = np.maximum(products, 0.0)
    return ComponentVariance(
        labels=list(labels),
        # In this order nothing overflows or underflows that need not: own and size may both be small.
        marginal=positive / np.where(own > 0, own, 1.0) * positive / size,
        unique=(2 * products + own - 2 * gram.sum(axis=1)) / size,
        sequential=(2 * products - own - 2 * np.tril(gram, -1).sum(axis=1)) / size,
        total=float((2 * products.sum() - gram.sum()) / size),
        by_type=by_type,
        dims=tuple(dims),
    )
