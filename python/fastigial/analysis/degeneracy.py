"""Components that grow without bound while they cancel one another: two-factor degeneracy.

A CP model may have no best fit: some tensors of rank three are limits of tensors of rank two (de Silva & Lim, SIAM J
Matrix Anal Appl 30:1084, 2008). A fit then goes on for ever, and two of its components become ever larger and ever more
alike with opposite signs. What gives it away is the cosine between two components' tensors, the product of the cosines
of their factors (the triple cosine, in three modes), near −1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.analysis.components import check_model, groups_of, inner_products, labels_of
from fastigial.tensor import TCA, SliceTCA

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Degeneracy", "degeneracy"]

_TROUBLESOME = -0.85


@dataclass(frozen=True, eq=False)
class Degeneracy:
    """How much two components of a model cancel each other.

    Attributes
    ----------
    cosine : float
        The most negative cosine between the tensors of two components, or the smallest if none is negative; NaN for a
        model with fewer than two components.
    pair : tuple or None
        The two: their numbers in a TCA, (slice type, number) each in a SliceTCA.
    cosines : ndarray, shape (n_components, n_components)
        Of each component with each; zero for components of weight zero.
    labels : list
        The components, in the order of `cosines`.
    """

    cosine: float
    pair: tuple[Any, Any] | None
    cosines: NDArray[np.float64]
    labels: list[Any]

    @property
    def troublesome(self) -> bool:
        """Whether the cosine is below −0.85: fewer components, non-negativity or another start may help."""
        return self.cosine < _TROUBLESOME

    def to_pandas(self) -> pd.DataFrame:
        """The cosines as a table, components by components.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        index: pd.Index[Any]
        if self.labels and isinstance(self.labels[0], tuple):
            index = pd.MultiIndex.from_tuples(self.labels, names=["slice_type", "component"])
        else:
            index = pd.Index(self.labels, name="component")
        return pd.DataFrame(self.cosines, index=index, columns=index)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.degeneracy`, which takes the options."""
        from fastigial.plot.degeneracy import degeneracy

        return degeneracy(self, **options)


def degeneracy(model: TCA | SliceTCA) -> Degeneracy:
    r"""Whether two components of a model cancel each other.

    .. math:: \min_{r < s} \frac{\langle \hat X_r, \hat X_s\rangle}{\lVert\hat X_r\rVert \lVert\hat X_s\rVert}
        = \min_{r < s} \prod_m \cos(a_{mr}, a_{ms})

    (the product for a TCA; Mitchell & Burdick, J Chemometrics 8:155, 1994). Near zero is healthy. Below −0.85, a common
    rule of thumb, two components hold large parts that cancel, their shapes are not to be interpreted, and the fit may
    not have an end: use fewer components, or non-negative ones.

    Parameters
    ----------
    model : TCA or SliceTCA
        A fitted model. For components of different slice types the cosine is that of their tensors as well; a SliceTCA
        in canonical form has orthogonal components within each type.

    Returns
    -------
    Degeneracy
        With ``.cosine``, ``.pair``, ``.troublesome``, and all ``.cosines``.

    Raises
    ------
    TypeError
        If the model is not a fitted TCA or SliceTCA.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> a, b = np.eye(2)
    >>> outer = lambda x, y, z: np.einsum("i,j,k->ijk", x, y, z)
    >>> X = outer(a, a, b) + outer(a, b, a) + outer(b, a, a)
    >>> found = fg.analysis.degeneracy(fg.TCA(2, init="random", max_iter=2000, tol=0, random_state=0).fit(X))
    >>> found.pair, found.troublesome
    ((0, 1), True)
    """
    model = check_model("model", model)
    groups = groups_of(model)
    labels = labels_of(groups)
    cosines = np.clip(inner_products(groups, model.shape_), -1.0, 1.0)
    absent = np.concatenate([group.weights for group in groups]) == 0
    cosines[:, absent] = cosines[absent] = 0.0
    first, second = np.triu_indices(len(labels), k=1)
    if not first.size:
        return Degeneracy(float("nan"), None, cosines, list(labels))
    least = int(np.argmin(cosines[first, second]))
    pair = (labels[first[least]], labels[second[least]])
    return Degeneracy(float(cosines[first[least], second[least]]), pair, cosines, list(labels))
