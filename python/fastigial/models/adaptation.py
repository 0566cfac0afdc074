"""What a session of reaching was: hand paths, commands, activity, and measures of each trial.

::

    k_n = Σ_t ⟨f_t, −E v*_t⟩ / Σ_t |v*_t|²,   E = [[0, 1], [−1, 0]]

is the curl field, in N s/m, that the feed-forward command of trial n would cancel on the path to the target, f being
the force on the hand that it adds to what carries the limb along this path: k = b is full compensation of a field b. It
is linear in the command, so that cortex and cerebellum add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.models.limb import Limb
from fastigial.models.reaching import DelayedReach
from fastigial.models.reaching_trials import ReachingTrials
from fastigial.plants import Channel
from fastigial.recording import Recording

__all__ = ["AdaptationSession"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class AdaptationSession:
    """Trials of reaching, one after the other; n_trials is the number of those that were finished.

    Attributes
    ----------
    trials : ReachingTrials
        What each trial was.
    limb : Limb
        What was moved; commands are newtons of a mass, newton metres of an arm.
    hand : ndarray, shape (n_trials, n_steps, 4)
        Position, from the start, and velocity at the beginning of each step, metres and metres per second.
    body : ndarray, shape (n_trials, n_steps, 4)
        States of the limb: of an arm, angles and their velocities, radians and radians per second.
    cortical, nuclei : ndarray, shape (n_trials, n_steps, 2)
        Commands of cortex and cerebellum.
    plan : ndarray, shape (n_trials, n_steps, 2)
        Direction of the movement that the cerebellum tells the cortex, of length 1 in the null field.
    errors : ndarray, shape (n_trials, n_steps, 2)
        What climbing fibres tell, as a command.
    activity : ndarray, shape (n_trials, n_steps, n_units)
        Of the cortex.
    granule : ndarray, shape (n_trials, n_steps, n_recorded)
        Of the granule cells that were asked for.
    aim, turn : ndarray, shape (n_trials,)
        Radians by which the cue is turned: by a strategy, and by what the cortex has learned from the cerebellum.
    """

    trials: ReachingTrials
    limb: Limb
    hand: Array
    body: Array
    cortical: NDArray[Any]
    nuclei: NDArray[Any]
    plan: NDArray[Any]
    errors: NDArray[Any]
    activity: NDArray[Any]
    granule: NDArray[Any]
    aim: Array
    turn: Array

    @property
    def reach(self) -> DelayedReach:
        """Times and distance."""
        return self.trials.reach

    @property
    def directions(self) -> Array:
        """Of targets, radians, (n_trials,)."""
        return self.trials.directions

    @property
    def rotation(self) -> Array:
        """Of what is seen, radians, (n_trials,)."""
        return self.trials.rotation

    @property
    def field(self) -> Array:
        """Curl of the field, N s/m, (n_trials,)."""
        return self.trials.field

    @property
    def block(self) -> NDArray[np.intp]:
        """Which of the blocks each trial belongs to, (n_trials,)."""
        return self.trials.block

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.directions)

    @property
    def _axes(self) -> tuple[Array, Array]:
        """Unit vectors along the line to the target, and to the left of it."""
        along = np.stack([np.cos(self.directions), np.sin(self.directions)], axis=1)
        return along, np.stack([-along[:, 1], along[:, 0]], axis=1)

    @property
    def seen(self) -> Array:
        """Positions of the hand as they are seen, turned by the rotation, (n_trials, n_steps, 2)."""
        cos, sin = np.cos(self.rotation)[:, None], np.sin(self.rotation)[:, None]
        x, y = self.hand[..., 0], self.hand[..., 1]
        return np.stack([cos * x - sin * y, sin * x + cos * y], axis=2)

    @property
    def deviation(self) -> Array:
        """Largest distance of the seen hand from the line to the target, to the left, metres, (n_trials,)."""
        across = np.einsum("ntk,nk->nt", self.seen, self._axes[1])
        return np.take_along_axis(across, np.abs(across).argmax(axis=1)[:, None], axis=1)[:, 0]

    @property
    def angle(self) -> Array:
        """Angle of the seen hand off the line to the target at the middle of the movement, degrees, (n_trials,)."""
        return self._angle_of(self.seen[:, self.reach.middle])

    @property
    def initial_angle(self) -> Array:
        """Angle of the way of the seen hand in the first fifth of the movement, degrees, (n_trials,)."""
        reach = self.reach
        go, fifth = reach.step_at(reach.go), reach.step_at(reach.go + 0.2 * reach.duration)
        return self._angle_of(self.seen[:, fifth] - self.seen[:, go])

    def _angle_of(self, way: Array) -> Array:
        along, left = (np.einsum("nk,nk->n", way, axis) for axis in self._axes)
        return np.asarray(np.degrees(np.arctan2(left, along)))

    @property
    def plan_turn(self) -> Array:
        """Angle from the cue, as the cortex has turned it, to the cerebellum's plan, during preparation, degrees.

        NaN in trials in which no plan arrives; (n_trials,).
        """
        x, y = self.plan[:, self.reach.preparing].mean(axis=1, dtype=np.float64).T
        planned = np.where((x == 0) & (y == 0), np.nan, np.arctan2(y, x))
        off = planned - (self.directions + self.aim + self.turn)
        return np.degrees(np.arctan2(np.sin(off), np.cos(off)))

    @property
    def lateral_force(self) -> Array:
        """Force with which the hand presses to the left in channels, newtons, (n_trials, n_steps); NaN elsewhere."""
        walls = Channel(np.zeros(2), np.stack([np.cos(self.directions), np.sin(self.directions)], axis=1))
        on_hand = walls.lateral(walls(self.hand[..., 2:], position=self.hand[..., :2]))
        return np.where(self.trials.channel[:, None], -on_hand, np.nan)

    @property
    def end_point_error(self) -> Array:
        """Distance of the seen hand from the target at the last step, metres, (n_trials,)."""
        targets = self.reach.extent * self._axes[0]
        return np.asarray(np.linalg.norm(self.seen[:, -1] - targets, axis=1))

    @property
    def cortical_compensation(self) -> Array:
        """Curl field that the command of the cortex would cancel, N s/m, (n_trials,)."""
        return self._curl(self.cortical - self.limb.commands(self.reach, self.directions))

    @property
    def cerebellar_compensation(self) -> Array:
        """Curl field that the command of the cerebellum would cancel, N s/m, (n_trials,)."""
        return self._curl(self.nuclei)

    @property
    def compensation(self) -> Array:
        """Of both together."""
        return self.cortical_compensation + self.cerebellar_compensation

    def recording(
        self, *regions: Literal["cortex", "granule", "nuclei", "plan"], baseline: int | None = None
    ) -> Recording:
        """The session as the recording of an experiment.

        Parameters
        ----------
        *regions : {"cortex", "granule", "nuclei", "plan"}
            One or more, side by side; the cortex by default: its units, granule cells that were asked for, or what the
            cerebellum sends, commands and plan. They have different scales: standardise neurons before regions are
            decomposed together.
        baseline : int, optional
            Subtract the mean of the trials of this block in the same direction, at each step: what is left is what
            adaptation added.

        Returns
        -------
        Recording
            (n_trials, n_neurons, n_steps) with trial labels ``direction`` (radians), ``field`` (N s/m), ``rotation``
            (radians) and ``block``, neuron label ``region``, and ``time`` in seconds from the go signal.

        Raises
        ------
        ValueError
            If a region is none of these, is named twice or was not recorded, or no trial of the baseline has the
            direction of another trial.

        Examples
        --------
        >>> import fastigial as fg
        >>> net = fg.models.CerebelloCorticalNetwork(40, 200, n_sources=20, seed=1)
        >>> blocks = [fg.models.Block(3, directions=[0.0]), fg.models.Block(4, field=5.0, directions=[0.0])]
        >>> net.adapt(blocks).recording("cortex", "nuclei", baseline=0).shape
        (7, 42, 100)
        """
        parts = {"cortex": self.activity, "granule": self.granule, "nuclei": self.nuclei, "plan": self.plan}
        names = regions or ("cortex",)
        for name in names:
            if name not in parts or names.count(name) > 1:
                raise ValueError(f"regions are {names}, expected some of {', '.join(parts)}, each once")
            if parts[name].shape[2] == 0:
                raise ValueError(f"no unit of the region {name!r} was recorded in this session")
        data = np.concatenate([np.asarray(parts[name], dtype=np.float64) for name in names], axis=2)
        if baseline is not None:
            data = data - self._baseline(data, baseline)
        coords: dict[str, tuple[str, NDArray[Any]]] = {
            "direction": ("trial", self.directions),
            "field": ("trial", self.field),
            "rotation": ("trial", self.rotation),
            "block": ("trial", self.block),
            "region": ("neuron", np.repeat(names, [parts[name].shape[2] for name in names])),
            "time": ("time", self.reach.time - self.reach.go),
        }
        return Recording(data.transpose(0, 2, 1), coords=coords, name=" and ".join(names))

    def _baseline(self, data: Array, block: int) -> Array:
        found = np.empty_like(data)
        for direction in np.unique(self.directions):
            mine = self.directions == direction
            before = mine & (self.block == block)
            if not before.any():
                raise ValueError(
                    f"baseline is block {block!r}, which has no trial in the direction {direction:g} rad; expected a "
                    "block with every direction of the session"
                )
            found[mine] = data[before].mean(axis=0)
        return found

    def _curl(self, command: NDArray[Any]) -> Array:
        velocity = self.reach.plan(self.directions)[..., 2:]
        against = np.stack([-velocity[..., 1], velocity[..., 0]], axis=2)
        force = self.limb.forces(command, self.reach, self.directions)
        return np.asarray((force * against).sum(axis=(1, 2)) / (velocity**2).sum(axis=(1, 2)))

    def __repr__(self) -> str:
        return (
            f"<AdaptationSession: {self.n_trials} trials of {self.reach.seconds:g} s, {self.activity.shape[2]} units>"
        )
