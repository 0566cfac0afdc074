"""Linear systems in scipy's conventions, as the core steps them: discrete, one input, one output.

A closed loop of plant 𝒫, controller 𝒦 and D steps of delay has the states of all three. With s = [s_p, s_c, q],
q_i the error of i steps ago, e = −y and no reference,

    v = C_c s_c + D_c q_D,   y = C_p s_p + D_p v
    s_p ← A_p s_p + B_p v,   s_c ← A_c s_c + B_c q_D,   q_1 ← −y,   q_{i+1} ← q_i

which is a matrix times s. Without delay −y takes the place of q_D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.rnn.checks import as_positive

__all__ = ["Discrete", "as_discrete", "require_stable", "spectral_radius"]

Matrices = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]


@dataclass(frozen=True)
class Discrete:
    """y = C s + D u, s ← A s + B u; A (n, n), B (n,), C (n,)."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    c: NDArray[np.float64]
    direct: float

    @property
    def matrices(self) -> Matrices:
        """What the core takes."""
        return self.a, self.b, self.c, self.direct


def as_discrete(name: str, system: Any, dt: float) -> Discrete:
    """A system as scipy.signal writes it, exact at the steps for input that is constant between them.

    Parameters
    ----------
    name : str
        What the caller calls it.
    system : Discrete, scipy.signal.lti or dlti, or tuple
        Tuples of two, three and four are (num, den), (zeros, poles, gain) and (A, B, C, D) in continuous time, tuples
        of five (A, B, C, D, dt) in discrete time.
    dt : float
        Seconds per step.

    Raises
    ------
    TypeError
        If it is nothing of that kind.
    ValueError
        If it is improper, has several inputs or outputs, holds what is not finite, or has another step.
    """
    if isinstance(system, Discrete):
        return system
    from scipy import signal

    try:
        if isinstance(system, tuple | list) and 2 <= len(system) <= 5:
            parts = [np.asarray(part) for part in system[:4]]
            if any(part.dtype.kind not in "biufc" for part in parts):
                raise TypeError
            # Calling these makes one of their subclasses, which their stubs do not know.
            make: Any = signal.lti if len(system) < 5 else signal.dlti
            system = make(*parts, **({"dt": as_positive("dt", system[4])} if len(system) == 5 else {}))
        if not isinstance(system, signal.lti | signal.dlti):
            raise TypeError
        step: Any = system.dt
        space: Any = system.to_ss()
        a, b, c, d = (np.atleast_2d(matrix) for matrix in (space.A, space.B, space.C, space.D))
    except TypeError:
        raise TypeError(
            f"{name} is {system!r}, expected a system of scipy.signal, or a tuple (num, den), (zeros, poles, gain), "
            "(A, B, C, D) or (A, B, C, D, dt)"
        ) from None
    except (ValueError, IndexError) as error:
        raise ValueError(f"{name} is no proper system: {error}") from None
    if b.shape[1] != 1 or c.shape[0] != 1:
        raise ValueError(f"{name} has {b.shape[1]} inputs and {c.shape[0]} outputs, expected one of each")
    if any(np.abs(np.imag(part)).max(initial=0.0) > 1e-9 * np.abs(part).max() for part in (a, b, c, d) if part.size):
        raise ValueError(f"{name} has complex coefficients, expected real ones: zeros and poles in conjugate pairs")
    if not all(np.isfinite(part).all() for part in (a, b, c, d)):
        raise ValueError(f"{name} holds NaN or infinities, expected finite coefficients")
    if not (np.any(b) and np.any(c)):
        # A gain: scipy gives it a state that nothing reaches, which would count as one that never dies out.
        return Discrete(np.zeros((0, 0)), np.zeros(0), np.zeros(0), float(np.real(d[0, 0])))
    if step is None:
        a, b, c, d = (np.asarray(matrix) for matrix in signal.cont2discrete((a, b, c, d), dt)[:4])
    elif step is not True and abs(step - dt) > 1e-9 * dt:
        raise ValueError(f"{name} has a step of {step} s, expected dt = {dt} s")
    parts = [np.ascontiguousarray(np.real(part), dtype=np.float64) for part in (a, b, c)]
    return Discrete(parts[0], parts[1][:, 0].copy(), parts[2][0].copy(), float(np.real(d[0, 0])))


def spectral_radius(plant: Discrete, controller: Discrete, delay: int) -> float:
    """Largest eigenvalue, in modulus, of a step of the closed loop; `delay` in steps."""
    n_p, n_c = len(plant.b), len(controller.b)
    n = n_p + n_c + delay
    if n == 0:
        return 0.0
    # Rows are how the states of before make up each signal.
    command, output, arriving = np.zeros(n), np.zeros(n), np.zeros(n)
    command[n_p : n_p + n_c] = controller.c
    output[:n_p] = plant.c
    if delay:
        arriving[-1] = 1.0
        command += controller.direct * arriving
        output += plant.direct * command
    else:
        # One of the two answers a step later, or the core refuses the loop.
        output += plant.direct * command
        arriving = -output
        command += controller.direct * arriving
    step = np.zeros((n, n))
    step[:n_p, :n_p] = plant.a
    step[:n_p] += np.outer(plant.b, command)
    step[n_p : n_p + n_c, n_p : n_p + n_c] = controller.a
    step[n_p : n_p + n_c] += np.outer(controller.b, arriving)
    if delay:
        step[n_p + n_c] = -output
        later = np.arange(n_p + n_c + 1, n)
        step[later, later - 1] = 1.0
    return float(np.abs(np.linalg.eigvals(step)).max())


def require_stable(name: str, plant: Discrete, controller: Discrete, delay: int, dt: float) -> None:
    """Refuse a closed loop whose activity does not die out.

    Raises
    ------
    ValueError
        If an eigenvalue of a step lies on the unit circle or beyond.
    """
    if delay == 0 and plant.direct != 0 and controller.direct != 0:
        raise ValueError(
            "delay is 0, expected at least one step: plant and controller both answer at once, and would wait for each "
            "other"
        )
    radius = spectral_radius(plant, controller, delay)
    if radius >= 1.0:
        in_a_second = float(np.exp(min(700.0, np.log(radius) / dt)))
        grows = f"grows {in_a_second:.3g}-fold in a second" if in_a_second > 1 + 1e-6 else "does not die out"
        raise ValueError(
            f"the closed loop of {name} is unstable: its largest eigenvalue is {radius:.6f} in modulus, expected below "
            f"1 (a disturbance {grows}). Lower the gains of the controller, or the delay ({delay} steps)"
        )
