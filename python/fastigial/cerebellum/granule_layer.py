"""The granule layer: what users call, and what its arguments come to.

Equations and kernels are in the core; here arguments become wiring, weights and thresholds.

    symbol  name                shape
    ξ       mossy               (..., n_mossy)
    s, w    sources, weights    (n_granule, K), K = n_inputs
    θ       thresholds          (n_granule,)
    κ       golgi_gain          ()
    f       coding_level        ()
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum import granule_files, granule_parts
from fastigial.cerebellum.granule_parts import GranuleParts
from fastigial.cerebellum.mossy_input import GranularGeometry
from fastigial.cerebellum.temporal_basis import TemporalBasis
from fastigial.convergence import ConvergenceWarning
from fastigial.rnn.checks import as_real
from fastigial.tensor.checks import as_threads

__all__ = ["GranuleLayer"]

Array = NDArray[Any]


class GranuleLayer:
    r"""Many granule cells with a few mossy inputs each.

    .. math::

        u_i = \sum_{k=1}^{K} w_{ik}\, \xi_{s(i,k)}, \qquad g_i = \phi(u_i\, b - \theta_i - c)

    with :math:`\phi` rectification or a step, and inhibition by Golgi cells from the mean activity m of mossy fibres
    (feed-forward) or of the granule cells themselves (feedback): subtractive, :math:`b = 1, c = \kappa m`, or divisive,
    :math:`b = 1/(1 + \kappa [m]_+), c = 0`.

    Expansion and thresholds are those of Marr (1969) and Albus (1971), the random choice of exactly K inputs that of
    Litwin-Kumar, Harris, Axel, Sompolinsky & Abbott (Neuron 93:1153, 2017). Golgi cells as one number for the whole
    layer are a design of this package; so is feedback as a balance within each sample, m being the mean of the very
    activity that it leaves, as if Golgi cells were fast beside the input. Where binary cells allow no balance, m
    is the largest number that is not above the share of cells active under it.

    Samples do not depend on one another, nor numbers on the number of threads. The cost is that of K products for each
    cell and sample, whatever the number of mossy fibres.

    Parameters
    ----------
    n_mossy : int
        Number of mossy fibres.
    n_granule : int, optional
        Number of cells. Default: those of `positions` if it says where they are, else `expansion` · `n_mossy`.
    expansion : float, optional
        Cells for each mossy fibre, in place of `n_granule`. Default 10.
    n_inputs : int
        K, the number of different mossy fibres that reach each cell, 1 to `n_mossy`.
    coding_level : float
        f, between 0 and 1: the share of pairs of cells and samples that is active, for which thresholds are chosen.
        Until `calibrate` sees samples, they are those for independent standard normal mossy activity: exact without
        inhibition and with subtractive feed-forward inhibition; the other kinds are left out, and make cells rarer.
    activation : {"relu", "binary"}
        What cells do above their threshold.
    weights : {"equal", "normal", "lognormal"}
        All :math:`1/\sqrt K`; or drawn with this root mean square, from the normal distribution or from the lognormal
        one whose logarithm has an SD of 0.5 (a design of this package).
    threshold : {"cell", "layer"}
        A threshold for each cell, so that all are active equally often, or one for all.
    golgi : {None, "feedforward", "feedback"}
        Inhibition, and where it comes from.
    inhibition : {"subtractive", "divisive"}
        What it does.
    golgi_gain : float
        :math:`\kappa \ge 0`. Feed-forward and subtractive, :math:`\kappa = \sqrt K` makes equal weights sum to zero.
    basis : TemporalBasis, optional
        Filters in time that each cell's activity goes through.
    positions : GranularGeometry or array_like, shape (n_mossy, d), optional
        Where mossy fibres are: inputs are then local instead of random. Of an array, cells are drawn evenly from the
        smallest ball about the middle that holds all fibres, and take the nearest; a `granular_geometry` says both.
    seed : int
        For wiring, weights and positions; each has a stream of its own.
    dtype : {"float32", "float64"}
        Precision.

    Attributes
    ----------
    sources : ndarray of uint32, shape (n_granule, n_inputs)
        Which mossy fibres reach each cell, in ascending order.
    weights : ndarray, shape (n_granule, n_inputs)
        Their weights.
    thresholds : ndarray, shape (n_granule,)
        One for each cell.
    geometry : GranularGeometry or None
        Positions, where wiring is local.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> layer = fg.cerebellum.GranuleLayer(100, expansion=20, n_inputs=4, coding_level=0.1, seed=0)
    >>> mossy = np.random.default_rng(0).normal(size=(500, 100))
    >>> granule = layer.run(mossy)
    >>> granule.shape, f"{(granule > 0).mean():.2f}"
    ((500, 2000), '0.10')
    >>> layer.calibrate(1 + 0.3 * mossy)
    GranuleLayer(n_mossy=100, expansion=20)
    >>> f"{(layer.run(1 + 0.3 * mossy) > 0).mean():.3f}"
    '0.100'
    """

    def __init__(
        self,
        n_mossy: int,
        n_granule: int | None = None,
        *,
        expansion: float | None = None,
        n_inputs: int = 4,
        coding_level: float = 0.1,
        activation: str = "relu",
        weights: str = "equal",
        threshold: str = "cell",
        golgi: str | None = None,
        inhibition: str = "subtractive",
        golgi_gain: float = 0.0,
        basis: TemporalBasis | None = None,
        positions: GranularGeometry | ArrayLike | None = None,
        seed: int = 0,
        dtype: Any = "float32",
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name != "self"}
        parts = granule_parts.parts_of(arguments)
        drawn = granule_parts.draw(parts)
        thresholds = granule_parts.normal_thresholds(parts, drawn["weights"])
        self._become(arguments, parts, drawn | {"thresholds": thresholds})

    def _become(self, arguments: Mapping[str, Any], parts: GranuleParts, arrays: Mapping[str, Array]) -> None:
        """Everything that makes a layer: what it was asked to be, what that came to, and its arrays."""
        self._arguments = dict(arguments)
        self._parts = parts
        self._arrays = dict(arrays)
        for array in self._arrays.values():
            array.flags.writeable = False
        self._core = _core.GranuleLayer(
            arrays["sources"],
            arrays["weights"],
            arrays["thresholds"],
            n_mossy=parts.n_mossy,
            activation=parts.activation,
            golgi=None if parts.golgi is None else (parts.golgi, parts.inhibition, parts.golgi_gain),
            basis=None if parts.basis is None else parts.basis._as_core(),
        )

    def __repr__(self) -> str:
        return granule_parts.as_text(self._arguments)

    @property
    def n_mossy(self) -> int:
        """Number of mossy fibres."""
        return self._parts.n_mossy

    @property
    def n_granule(self) -> int:
        """Number of cells."""
        return self._parts.n_granule

    @property
    def n_inputs(self) -> int:
        """Number of mossy fibres that reach each cell, K."""
        return self._parts.n_inputs

    @property
    def coding_level(self) -> float:
        """The share of active cells that thresholds are for, f."""
        return self._parts.coding_level

    @property
    def basis(self) -> TemporalBasis | None:
        """Filters in time."""
        return self._parts.basis

    @property
    def n_features(self) -> int:
        """Numbers that come out for each sample: one for each cell and function of the basis."""
        return self._core.n_features

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision."""
        return self._parts.dtype

    @property
    def geometry(self) -> GranularGeometry | None:
        """Positions, where wiring is local."""
        return self._parts.geometry

    @property
    def sources(self) -> NDArray[np.uint32]:
        """Which mossy fibres reach each cell, (n_granule, n_inputs), in ascending order."""
        return self._arrays["sources"]

    @property
    def weights(self) -> Array:
        """Their weights, (n_granule, n_inputs)."""
        return self._arrays["weights"]

    @property
    def thresholds(self) -> Array:
        """One for each cell, (n_granule,)."""
        return self._arrays["thresholds"]

    def run(self, mossy: ArrayLike, n_threads: int | None = None) -> Array:
        """Activity of the granule cells.

        Parameters
        ----------
        mossy : array_like, shape (..., n_mossy), or (trials, time, n_mossy) with a basis
            Mossy activity, finite.
        n_threads : int, optional
            1 to 1024; default: the package's setting.

        Returns
        -------
        ndarray, shape (..., n_features)
            With a basis, all cells through the first function, then all through the second, and so on:
            ``reshape(trials, time, n_functions, n_granule)`` takes them apart. Filters start at rest in each trial.

        Raises
        ------
        TypeError, ValueError
            If `mossy` does not hold finite numbers or has another number of fibres, or of axes.
        """
        x = self._as_mossy(mossy)
        if self.basis is None:
            flat = x.reshape(1, -1, self.n_mossy)
            return self._core.features(flat, as_threads(n_threads)).reshape(*x.shape[:-1], self.n_granule)
        if x.ndim != 3:
            raise ValueError(
                f"mossy has shape {x.shape}, expected (trials, time, {self.n_mossy}), since there is a basis"
            )
        return self._core.features(x, as_threads(n_threads))

    def inhibition(self, mossy: ArrayLike, n_threads: int | None = None) -> Array:
        """The mean activity m that Golgi cells pass on, (...); zero without them. Arguments as for `run`."""
        x = self._as_mossy(mossy)
        found = self._core.inhibition(x.reshape(1, -1, self.n_mossy), as_threads(n_threads))
        return found.reshape(x.shape[:-1])

    def calibrate(self, mossy: ArrayLike, n_threads: int | None = None) -> Self:
        """Set thresholds so that the share `coding_level` of all pairs of cells and samples is active on these samples.

        Inhibition is taken into account. With a threshold for each cell, each is active in that share of samples. Where
        inputs take few values (binary fibres, equal weights) not every share can be had: the nearest is taken, and one
        at which something is active.

        Parameters
        ----------
        mossy : array_like, shape (..., n_mossy)
            Samples, finite: enough for at least one to be active.
        n_threads : int, optional
            1 to 1024; default: the package's setting.

        Returns
        -------
        GranuleLayer
            This one.

        Raises
        ------
        TypeError, ValueError
            If `mossy` does not hold finite numbers, has another number of fibres, or too few samples.

        Warns
        -----
        ConvergenceWarning
            If thresholds and strong feedback found no balance; the best thresholds are set.
        """
        x = self._as_mossy(mossy).reshape(1, -1, self.n_mossy)
        per_cell = self._parts.threshold == "cell"
        thresholds, balanced = self._core.calibrate(x, self.coding_level, per_cell, as_threads(n_threads))
        self._become(self._arguments, self._parts, self._arrays | {"thresholds": thresholds})
        if not balanced:
            message = "thresholds and feedback inhibition found no balance; a smaller golgi_gain would help"
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def clone(self) -> Self:
        """A layer of its own with the same wiring, weights and thresholds."""
        return copy.deepcopy(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the layer to a file (safetensors), which `fastigial.load` reads.

        The file is written beside and renamed, so an interrupted save leaves the old file as it was.

        Parameters
        ----------
        path : str or path
            The file, conventionally ``*.safetensors``.
        """
        granule_files.save(self, path)

    def _as_mossy(self, mossy: ArrayLike) -> Array:
        x = as_real("mossy", mossy, self.dtype)
        if x.ndim == 0 or x.shape[-1] != self.n_mossy or x.size == 0:
            raise ValueError(f"mossy has shape {x.shape}, expected (..., {self.n_mossy}), and at least one sample")
        return x

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": self._arguments, "parts": self._parts, "arrays": self._arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._become(state["arguments"], state["parts"], state["arrays"])
