"""Targeted dimensionality reduction: the directions of neural space along which activity follows the target's angle.

With r_i(c, t) the rate of unit i averaged over trials of condition c, whose target lies at the angle θ_c:

    z_i(c, t) = (r_i(c, t) − mean_i) / sd_i          over conditions and steps
    z(c, t)   = β_1(t) + β_cos(t) cos θ_c + β_sin(t) sin θ_c + …       least squares at every step
    β ← D Dᵀ β                                        D: the leading n_components principal axes of z
    t_max     = argmax_t ‖β(t)‖                       for each of the three
    Q R       = [β_1(t_max), β_cos(t_max), β_sin(t_max)]

(Mante et al. 2013; with these choices Israely et al. 2025 and, with the same regressors, Sun et al. 2022.) Columns of Q
are the axes. Here the signs of R's diagonal are positive, so that axes point along their regressors.

*Where we depart.* Q's columns are orthonormal and the β are not, so that in the plane of Q the eight targets lie on an
ellipse and equal steps of θ are not equal angles. To read directions, we fit the map from (cos θ, sin θ) to the plane
and undo it:

    q(c) = Q₂ᵀ mean_t z(c, t) ≈ q₀ + A (cos θ_c, sin θ_c)ᵀ        u = A⁻¹ (q − q₀)

u of the conditions it was fitted to lies about the unit circle at θ_c. This calibration is a design of this package.

| symbol   | name          | shape                          |
| -------- | ------------- | ------------------------------ |
| z        | z             | (n_conditions, n_steps, n_units) |
| β        | betas         | (n_steps, 3, n_units)          |
| Q        | axes          | (n_units, 3)                   |
| A, q₀    | gain, offset  | (2, 2), (2,)                   |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.pooling import labels_of_parts, parts_of, weighted_averages, whole_labels
from fastigial.tensor.checks import as_count

__all__ = ["TargetedAxes", "fit_axes", "targeted_dimensionality"]


@dataclass(frozen=True, eq=False)
class TargetedAxes:
    """Axes along which condition averages follow the target, and how to read directions from them.

    Attributes
    ----------
    axes : ndarray, shape (n_units, 3)
        Orthonormal columns: of what all conditions share (zero if that does not change), of cos θ, of sin θ.
    peaks : ndarray of int, shape (3,)
        Step of the largest norm of each regressor's coefficients.
    norms : ndarray, shape (n_steps, 3)
        Norm of each regressor's coefficients, within the principal components.
    directions : ndarray, shape (n_conditions,)
        Angles of the conditions, in radians.
    mean, scale : ndarray, shape (n_units,)
        What each unit's rate was centred and divided by; scale is 0 for units that do not vary, which are left out.
    gain : ndarray, shape (2, 2)
        From (cos θ, sin θ) to the plane of the last two axes.
    offset : ndarray, shape (2,)
    r2 : float
        Share of the variance in the plane that the calibration explains, over conditions.
    n_units : int
        Units that vary and have all conditions.
    """

    axes: NDArray[np.float64]
    peaks: NDArray[np.intp]
    norms: NDArray[np.float64]
    directions: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    gain: NDArray[np.float64]
    offset: NDArray[np.float64]
    r2: float
    n_units: int

    def project(self, averages: ArrayLike) -> NDArray[np.float64]:
        """Averages (…, n_units), in rates, along the three axes: (…, 3)."""
        values = np.asarray(averages, dtype=np.float64)
        if values.shape[-1:] != self.mean.shape:
            raise ValueError(f"averages have shape {values.shape}, expected (…, {len(self.mean)} units)")
        used = self.scale > 0
        z = (values[..., used] - self.mean[used]) / self.scale[used]
        return np.asarray(z @ self.axes[used])

    def read(self, averages: ArrayLike) -> NDArray[np.float64]:
        """Directions (…, 2) that averages (…, n_units) stand for: about (cos θ, sin θ) for the fitted conditions."""
        plane = self.project(averages)[..., 1:] - self.offset
        return np.asarray(plane @ np.linalg.inv(self.gain).T)


def targeted_dimensionality(
    x: Any,
    direction: str | ArrayLike | Sequence[ArrayLike] = "direction",
    *,
    n_components: int = 12,
) -> TargetedAxes:
    r"""Directions of neural space along which activity follows the angle of the target.

    .. math:: z(c, t) = \beta_1(t) + \beta_{\cos}(t) \cos\theta_c + \beta_{\sin}(t) \sin\theta_c

    of condition-averaged, z-scored rates; the coefficients within the leading principal components, at the step of
    their largest norm, made orthogonal in this order (Israely et al. 2025).

    Parameters
    ----------
    x : Recording, trajectory, xarray.DataArray or array_like (n_trials, n_neurons, n_steps), or list of recordings
        In a window of interest and bins that suit it (in the paper 10 of 30 ms). Units of a list are pooled. NaN where
        a unit misses a trial; units without a trial of some condition are left out.
    direction : str, array_like, or list of array_like
        Angle of the target on each trial, in radians: name of a coordinate, values, or one array per recording. Trials
        with NaN are left out.
    n_components : int
        Principal components that coefficients are kept in; all, if there are fewer.

    Returns
    -------
    TargetedAxes
        With ``.axes``, ``.peaks``, ``.norms``, ``.project(averages)`` and ``.read(averages)``.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If there are fewer than three directions, labels do not fit, or fewer than three units vary.

    Notes
    -----
    Nothing here is cross-validated: the plane is the one in which these averages look most like a circle. Other trials,
    projected, lie closer to its centre.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> theta = np.tile(np.arange(8) * np.pi / 4, 10)
    >>> rng = np.random.default_rng(0)
    >>> tuning = rng.normal(size=(2, 30))
    >>> rates = np.cos(theta)[:, None] * tuning[0] + np.sin(theta)[:, None] * tuning[1] + rng.normal(size=(80, 30))
    >>> found = fg.analysis.targeted_dimensionality(rates[:, :, None], theta)
    >>> found.axes.shape, round(found.r2, 1)
    ((30, 3), 1.0)
    """
    n_components = as_count("n_components", n_components)
    parts = parts_of(x)
    angles = labels_of_parts(parts, direction, "direction")
    directions = whole_labels(angles)
    weights = [
        np.stack([angle == value for value in directions] or [np.zeros(len(angle), dtype=bool)]).astype(np.float64)
        for angle in angles
    ]
    averages, _ = weighted_averages(parts, weights)
    return fit_axes(averages, np.array(directions, dtype=np.float64), n_components)


def fit_axes(averages: NDArray[np.float64], directions: NDArray[np.float64], n_components: int) -> TargetedAxes:
    """Fit axes to averages (n_conditions, n_steps, n_units); units with NaN are left out.

    Raises
    ------
    ValueError
        If there are fewer than three directions, or fewer than three units vary.
    """
    design = np.column_stack([np.ones(len(directions)), np.cos(directions), np.sin(directions)])
    if len(directions) < 3 or np.linalg.matrix_rank(design) < 3:
        raise ValueError(f"direction holds {len(directions)} different angles, expected three or more")
    if n_components < 3:
        raise ValueError(f"n_components is {n_components}, expected 3 or more: there are three regressors")
    mean, spread = averages.mean(axis=(0, 1)), averages.std(axis=(0, 1))
    used = np.isfinite(mean) & (spread > 1e-12 * np.maximum(np.abs(mean), 1e-300))
    if used.sum() < 3:
        raise ValueError(f"{used.sum()} units vary and have all conditions, expected three or more")
    scale = np.where(used, spread, 0.0)
    z = (averages[:, :, used] - mean[used]) / scale[used]
    betas = np.einsum("kc,ctn->tkn", np.linalg.pinv(design), z)
    _, _, rotation = np.linalg.svd(z.reshape(-1, z.shape[2]), full_matrices=False)
    leading = rotation[:n_components]
    betas = betas @ leading.T @ leading
    norms = np.linalg.norm(betas, axis=2)
    peaks = norms.argmax(axis=0)
    strongest = betas[peaks, np.arange(3)].T
    # Rounding is no direction: where conditions share nothing that changes, there is no axis for it.
    real = np.linalg.norm(strongest, axis=0) > 1e-9 * np.linalg.norm(strongest)
    basis = np.zeros_like(strongest)
    basis[:, real], triangle = np.linalg.qr(strongest[:, real])
    basis[:, real] *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
    axes = np.zeros((len(mean), 3))
    axes[used] = basis
    plane = z.mean(axis=1) @ basis[:, 1:]
    fitted, *_ = np.linalg.lstsq(design, plane, rcond=None)
    gain = fitted[1:].T
    if np.linalg.cond(gain) > 1e9:
        raise ValueError("activity does not follow direction: its plane has fewer than two dimensions")
    total = np.sum((plane - plane.mean(axis=0)) ** 2)
    return TargetedAxes(
        axes=axes,
        peaks=peaks.astype(np.intp),
        norms=norms,
        directions=directions,
        mean=np.where(used, mean, 0.0),
        scale=scale,
        gain=gain,
        offset=fitted[0],
        r2=float(1 - np.sum((plane - design @ fitted) ** 2) / total),
        n_units=int(used.sum()),
    )
