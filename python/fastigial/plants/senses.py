"""What a controller is told of a plant: the hand as it is seen, the limbs as they are felt, late and with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastigial.plants.muscles import MuscleArm
from fastigial.plants.point_mass import PointMass
from fastigial.rnn.checks import as_flag, as_positive
from fastigial.tensor.checks import as_count

if TYPE_CHECKING:
    from fastigial.plants.base import Plant

__all__ = ["Proprioception", "Vision"]

#: What makes a one for a network: m and m/s of a hand, rad and rad/s of a joint, optimal lengths (and per second).
_PLACE, _SPEED, _ANGLE, _TURN, _LENGTH, _STRETCH = 0.1, 0.5, 0.5, 3.0, 0.1, 1.0

# Delay, standard deviations of noise, gains and offsets, as the core reads them.
Sense = tuple[int, list[float], list[float], list[float]]


@dataclass(frozen=True)
class Vision:
    """The hand, or the cursor that stands for it, as it was some steps ago.

    Before the first step everything was as it is then: a delay beyond the end of a trial shows the start throughout.
    A network is told (position − home) / 0.1 m and velocity / 0.5 m/s.

    Parameters
    ----------
    delay : int
        Steps.
    noise : float or (float, float)
        Standard deviation of Gaussian noise of the position, in m, and of the velocity, in m/s, fresh in every step.
    velocity : bool
        Whether velocity is seen too.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.Vision(delay=10, noise=0.002)
    Vision(delay=10, noise=0.002, velocity=False)
    """

    delay: int = 0
    noise: float | tuple[float, float] = 0.0
    velocity: bool = False

    def __post_init__(self) -> None:
        as_count("delay", self.delay)
        as_flag("velocity", self.velocity)
        _deviations(self.noise)

    def _of(self, plant: Plant, home: NDArray[np.float64]) -> Sense:
        del plant
        place, speed = _deviations(self.noise)
        n = 4 if self.velocity else 2
        gain = [1 / _PLACE] * 2 + [1 / _SPEED] * 2
        offset = [*map(float, home), 0.0, 0.0]
        return int(self.delay), [place, place, speed, speed][:n], gain[:n], offset[:n]


@dataclass(frozen=True)
class Proprioception:
    """The limbs as they were some steps ago.

    Of a mass: its position and velocity; of an arm: angles and their velocities; of an arm with muscles: their lengths
    and velocities, (length − tendon) / optimal length and its rate. A network is told differences from what they are
    at home, in units of 0.1 m and 0.5 m/s, 0.5 rad and 3 rad/s, 0.1 optimal lengths and 1 per second.

    Parameters
    ----------
    delay : int
        Steps.
    noise : float or (float, float)
        Standard deviation of Gaussian noise, of places and of speeds: m and m/s, rad and rad/s, optimal lengths and
        optimal lengths per second.

    Examples
    --------
    >>> import fastigial as fg
    >>> fg.plants.Proprioception(delay=3)
    Proprioception(delay=3, noise=0.0)
    """

    delay: int = 0
    noise: float | tuple[float, float] = 0.0

    def __post_init__(self) -> None:
        as_count("delay", self.delay)
        _deviations(self.noise)

    def _of(self, plant: Plant, home: NDArray[np.float64]) -> Sense:
        places, speeds = _deviations(self.noise)
        if isinstance(plant, MuscleArm):
            optimal = np.asarray(plant.muscles.optimal_lengths, dtype=np.float64)
            lengths, _ = plant.muscles.geometry(plant.joints(home)[:2])
            deviations = [*(places * optimal), *(speeds * optimal)]
            gains = [*(1 / (_LENGTH * optimal)), *(1 / (_STRETCH * optimal))]
            offsets = [*lengths, *np.zeros(6)]
        else:
            is_mass = isinstance(plant, PointMass)
            place, speed = (_PLACE, _SPEED) if is_mass else (_ANGLE, _TURN)
            deviations = [places, places, speeds, speeds]
            gains = [1 / place, 1 / place, 1 / speed, 1 / speed]
            offsets = [*(home if is_mass else plant.joints(home)[:2]), 0.0, 0.0]  # type: ignore[attr-defined]
        as_floats = [[float(value) for value in values] for values in (deviations, gains, offsets)]
        return int(self.delay), as_floats[0], as_floats[1], as_floats[2]


def _deviations(noise: Any) -> tuple[float, float]:
    if isinstance(noise, tuple | list):
        if len(noise) != 2:
            raise ValueError(f"noise is {noise!r}, expected a number or a pair of numbers")
        return as_positive("noise", noise[0], zero=True), as_positive("noise", noise[1], zero=True)
    both = as_positive("noise", noise, zero=True)
    return both, both
