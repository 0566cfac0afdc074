"""Eigenvalues of the Jacobian of a network's step, and the time constants and frequencies that they stand for.

For one noise-free step s_t = F(s_{t−1}, x_t) of duration dt and an eigenvalue λ of J = ∂F/∂s, a small deviation along
the eigenvector shrinks or grows by |λ| in each step and turns by arg λ:

* time constant   τ = −dt / ln |λ|      positive: it decays; negative: it grows; ∞ on the unit circle; 0 for λ = 0
* frequency       f = |arg λ| / (2π dt)

At a fixed point this is its linear stability. Elsewhere the Jacobian tells what happens to a deviation within a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.checks import as_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "JacobianSpectrum",
    "eigenvalues_of",
    "frequencies_of",
    "jacobian_spectrum",
    "number_type",
    "state_vectors",
    "step_of",
    "time_constants_of",
]

# Numbers held at once for Jacobians: 128 MB.
_N_AT_ONCE = 1 << 24


def time_constants_of(eigenvalues: NDArray[np.complex128], dt: float) -> NDArray[np.float64]:
    """−dt / ln abs(λ), in the unit of dt."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(eigenvalues))
        found = -dt / logs
    # A logarithm of zero would make −0 or −∞ of what neither decays nor grows.
    return np.asarray(np.where(logs == 0, np.inf, found) + 0.0)


def frequencies_of(eigenvalues: NDArray[np.complex128], dt: float) -> NDArray[np.float64]:
    """abs(arg λ) / (2π dt), in cycles per unit of dt."""
    return np.asarray(np.abs(np.angle(eigenvalues)) / (2 * np.pi * dt))


@dataclass(frozen=True, eq=False)
class JacobianSpectrum:
    """Eigenvalues of the Jacobian at some states.

    Attributes
    ----------
    eigenvalues : ndarray of complex, shape (n_states, n_variables) or (n_trials, n_steps, n_variables)
        Of each state, the largest modulus first.
    dt : float
        Duration of a step in seconds; 1 if it is not known, and times are then in steps.
    time : ndarray, shape (n_steps,), or None
        Times of the states of a trajectory.
    """

    eigenvalues: NDArray[np.complex128]
    dt: float
    time: NDArray[np.float64] | None = None

    @property
    def time_constants(self) -> NDArray[np.float64]:
        """−dt / ln abs(λ), in seconds (in steps where dt is not known); negative where deviations grow."""
        return time_constants_of(self.eigenvalues, self.dt)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """abs(arg λ) / (2π dt), in Hz (in cycles per step where dt is not known)."""
        return frequencies_of(self.eigenvalues, self.dt)

    @property
    def radius(self) -> NDArray[np.float64]:
        """Largest modulus at each state."""
        return np.abs(self.eigenvalues[..., 0])

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.spectrum`, which takes the options."""
        from fastigial.plot.spectrum import spectrum

        return spectrum(self, **options)


def jacobian_spectrum(
    net: Any, states: Any, inputs: ArrayLike | None = None, *, dt: float | None = None
) -> JacobianSpectrum:
    """Eigenvalues of the Jacobian of a network's step at given states.

    Parameters
    ----------
    net : network
        With ``.jacobian(states (M, S), inputs (M, I)) -> (M, S, S)``, the derivative of the state after a noise-free
        step with respect to the state before it.
    states : trajectory, or array_like of shape (S,), (n_states, S) or (n_trials, n_steps, S)
        States before the step. Of a trajectory, all but the last of each trial, each with the input of the next step.
    inputs : array_like of shape (I,), or states' shape with I instead of S
        Input during the step: one for all states, or one for each. Left out only for a trajectory.
    dt : float, optional
        Duration of a step in seconds; by default that of the network, if it says so.

    Returns
    -------
    JacobianSpectrum
        With ``.eigenvalues``, ``.time_constants``, ``.frequencies``, ``.radius`` and ``.plot()``.

    Raises
    ------
    TypeError
        If `net` has no Jacobian, or states or inputs are not real numbers.
    ValueError
        If shapes do not fit one another, or there are values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> class Rotation:  # a quarter turn in each step of 10 ms, shrinking by a tenth
    ...     def jacobian(self, states, inputs):
    ...         return np.tile([[0.0, -0.9], [0.9, 0.0]], (len(states), 1, 1))
    >>> found = fg.analysis.jacobian_spectrum(Rotation(), np.zeros(2), np.zeros(1), dt=0.01)
    >>> found.frequencies.round(6).tolist(), found.time_constants.round(4).tolist()
    ([[25.0, 25.0]], [[0.0949, 0.0949]])
    """
    if not callable(getattr(net, "jacobian", None)):
        raise TypeError(f"net is a {type(net).__name__} without jacobian(states, inputs)")
    time = None
    if hasattr(states, "states"):
        if inputs is None:
            inputs = np.asarray(states.inputs)[:, 1:]
        found = getattr(states, "time", None)
        time = None if found is None else np.asarray(found, dtype=np.float64)[:-1]
        states = state_vectors(states)[:, :-1]
    if inputs is None:
        raise ValueError("inputs is None, expected the input of the step; only a trajectory brings its own")
    points, drive = _numbers(states, "states"), _numbers(inputs, "inputs")
    points = points[None] if points.ndim == 1 else points
    if points.ndim not in (2, 3) or 0 in points.shape:
        raise ValueError(f"states has shape {points.shape}, expected (S,), (n_states, S) or (n_trials, n_steps, S)")
    if drive.ndim != 1 and drive.shape[:-1] != points.shape[:-1]:
        raise ValueError(f"inputs has shape {drive.shape}, expected (I,) or {(*points.shape[:-1], 'I')}")
    drive = np.broadcast_to(drive, (*points.shape[:-1], drive.shape[-1]))
    flat, flat_drive = points.reshape(-1, points.shape[-1]), drive.reshape(-1, drive.shape[-1])
    eigenvalues = eigenvalues_of(net, flat, flat_drive)
    return JacobianSpectrum(eigenvalues.reshape(points.shape), step_of(net, dt), time)


def eigenvalues_of(net: Any, states: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Eigenvalues (M, S) of the Jacobians at states (M, S) with inputs (M, I), the largest modulus first."""
    size = states.shape[1]
    kind = number_type(net)
    found = np.empty(states.shape, dtype=np.complex128)
    at_once = max(1, _N_AT_ONCE // size**2)
    for start in range(0, len(states), at_once):
        rows = slice(start, start + at_once)
        jacobians = np.asarray(net.jacobian(states[rows].astype(kind), inputs[rows].astype(kind)), dtype=np.float64)
        if jacobians.shape != (len(states[rows]), size, size):
            raise ValueError(
                f"net.jacobian returned shape {jacobians.shape}, expected {(len(states[rows]), size, size)}: states "
                f"have {size} variables"
            )
        if not np.isfinite(jacobians).all():
            raise ValueError("net.jacobian returned values that are not finite")
        found[rows] = np.linalg.eigvals(jacobians)
    # Of a conjugate pair the one with the positive imaginary part comes first; moduli are equal up to rounding.
    order = np.lexsort((-found.imag, -np.abs(found).round(12)), axis=-1)
    return np.take_along_axis(found, order, axis=-1)


def state_vectors(trajectory: Any) -> NDArray[np.float64]:
    """Everything that a network's next step depends on, (trials, time, S), from its trajectory.

    The activity is the whole state of most cells. What others keep beside it the trajectory holds in ``.internal``:
    the current of a rate cell that leaks there, the cell state of an LSTM, the voltage, filtered spikes and adaptation
    of spiking cells. They are put in the order in which ``net.jacobian`` takes them.
    """
    internal = getattr(trajectory, "internal", None) or {}
    states = trajectory.states
    if "voltage" in internal:
        parts = [internal["voltage"], states, internal["filtered"]]
        parts += [internal["adaptation"]] if "adaptation" in internal else []
    elif "cell" in internal:
        parts = [states, internal["cell"]]
    else:
        parts = [internal.get("current", states)]
    found = np.concatenate([_numbers(part, "states") for part in parts], axis=-1)
    if found.ndim != 3:
        raise ValueError(f"states of the trajectory have shape {found.shape}, expected (trials, time, units)")
    return found


def number_type(net: Any) -> np.dtype[Any]:
    """What a network computes in: float32 or float64."""
    try:
        kind = np.dtype(getattr(net, "dtype", np.float64))
    except TypeError:
        return np.dtype(np.float64)
    return kind if kind in (np.dtype(np.float32), np.dtype(np.float64)) else np.dtype(np.float64)


def step_of(net: Any, dt: float | None) -> float:
    """Duration of a step: given, or the network's, or 1."""
    found = as_number("dt", getattr(net, "dt", 1.0) if dt is None else dt)
    if not 0 < found < np.inf:
        raise ValueError(f"dt is {found}, expected a positive duration in seconds")
    return found


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from None
    if found.dtype.kind not in "iufb":
        raise TypeError(f"{name} has dtype {found.dtype}, expected real numbers")
    if found.ndim == 0:
        raise ValueError(f"{name} is a single number, expected an array with one value per variable")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds values that are not finite")
    return found.astype(np.float64)
