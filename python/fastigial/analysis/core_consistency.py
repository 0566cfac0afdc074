"""Whether a recording, seen through a model's factors, is as trilinear as the model says (Bro & Kiers 2003).

| symbol | name     | shape          |                                                        |
| ------ | -------- | -------------- | ------------------------------------------------------ |
| A_m    | matrices | (d_m, R)       | the model's factors, with the weights in the first     |
| G      | core     | (R, R, …)      | X ×_0 A_0⁺ ×_1 A_1⁺ …: the Tucker core that fits X best |
| T      |          | (R, R, …)      | one where all indices are equal, zero elsewhere        |

Core consistency = 100 (1 − ‖G − T‖² / R), or with ‖G‖² in place of R when normalised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.components import check_model
from fastigial.analysis.observations import observations_of
from fastigial.tensor import TCA

__all__ = ["core_array", "core_consistency"]


def core_consistency(model: TCA, X: ArrayLike, mask: ArrayLike | None = None, normalised: bool = False) -> float:
    r"""Core consistency (CORCONDIA): whether the components interact as little as the model claims.

    The recording is regressed on all products of the model's factors, not only on those of one component:

    .. math::
        G = X \times_0 A_0^+ \times_1 A_1^+ \times_2 A_2^+, \qquad
        c = 100 \Bigl(1 - \frac{\lVert G - T\rVert^2}{R}\Bigr)

    with T the superdiagonal of ones that a CP model assumes, and the weights in :math:`A_0`. About 100: the model is
    appropriate; below 50: suspicious; near zero or negative: too many components. A drop from one rank to the next is
    more telling than the number (Bro & Kiers, J Chemometrics 17:274, 2003).

    Parameters
    ----------
    model : TCA
        A fitted model, of two or more modes.
    X : array_like, Recording or xarray.DataArray
        The recording it was fitted to. NaN means *not observed*; such entries are filled in from the model, which is in
        favour of it: with much missing, the number says little.
    mask : array_like of bool, shape of X, optional
        True where X was observed.
    normalised : bool
        Divide by :math:`\lVert G\rVert^2` instead of by R; the result is then never far below zero.

    Returns
    -------
    float
        At most 100.

    Raises
    ------
    TypeError
        If the model is a `SliceTCA`: its components have slices, not a factor along each axis, so there is no core.
    ValueError
        If X does not fit the model, holds infinities or no observed entry.

    See Also
    --------
    fastigial.analysis.core_array : the array G.
    fastigial.plot.core_consistency : its entries, drawn.

    Notes
    -----
    G depends on how a component's length is spread over its factors, though its superdiagonal does not: here, all of it
    is in the first factor and the others have columns of length one. Pseudo-inverses come from a singular value
    decomposition of each factor, in which singular values below max(d, R) · 2.2e-16 of the largest count as zero.

    It finds components that have been split in two, where it falls to large negative numbers. A surplus component that
    follows white noise is nearly orthogonal to the others and hardly lowers it: a high number does not show that there
    are not too many components (held-out data do: `fastigial.RankSearch`).

    A matrix (two modes) has consistency 100 at any least-squares fit without further constraints: its factors can be
    turned freely.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.1, seed=0)
    >>> fg.core_consistency(fg.TCA(2, random_state=0).fit(recording), recording) > 99
    True
    >>> fg.core_consistency(fg.TCA(4, random_state=0).fit(recording), recording) < 50
    True
    """
    core = core_array(model, X, mask)
    n_components = core.shape[0]
    difference = core.copy()
    difference[(np.arange(n_components),) * core.ndim] -= 1.0
    size = float(np.vdot(core, core)) if normalised else float(n_components)
    if size == 0:
        raise ValueError("the core is zero, and cannot be normalised: the model explains nothing of X")
    return float(100.0 * (1.0 - np.vdot(difference, difference) / size))


def core_array(model: TCA, X: ArrayLike, mask: ArrayLike | None = None) -> NDArray[np.float64]:
    """The Tucker core G of a recording in a model's factors: how strongly factors of different components go together.

    Parameters
    ----------
    model, X, mask
        As in `core_consistency`.

    Returns
    -------
    ndarray, shape (R, R, …), one axis per mode
        ``G[p, q, r]`` belongs to the product of trial factor p, neuron factor q and time factor r: one where p = q = r
        and zero elsewhere if the recording is what the model says.

    Raises
    ------
    TypeError, ValueError
        As in `core_consistency`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_tca((30, 20, 25), 2, noise=0.0, seed=0)
    >>> core = fg.analysis.core_array(fg.TCA(2, tol=1e-15, random_state=0).fit(recording), recording)
    >>> np.round(np.abs(core), 3).tolist()
    [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]
    """
    checked = check_model("model", model)
    if not isinstance(checked, TCA):
        raise TypeError(
            "core consistency is of a TCA: it asks which products of its factors along the axes the data contain. A "
            f"{type(checked).__name__} has slices, not a factor along each axis, and so no core; for one, see "
            "fg.analysis.component_variance and fg.RankSearch"
        )
    observations = observations_of(checked, X, mask)
    core: NDArray[Any] = observations.values
    if not observations.seen.all():
        core = np.where(observations.seen, core, checked.reconstruct().astype(np.float64) / observations.scale)
    for mode, factor in enumerate(checked.factors_):
        columns = factor.astype(np.float64)
        if mode == 0:
            columns = columns * (checked.weights_.astype(np.float64) / observations.scale)
        inverse = np.linalg.pinv(columns, rcond=max(columns.shape) * np.finfo(np.float64).eps)
        # The axis that is contracted comes back as the last: after all of them, they stand in their order again.
        core = np.tensordot(core, inverse, axes=(0, 1))
    return np.ascontiguousarray(core)
