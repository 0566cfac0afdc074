"""What a session of reaching was: hand paths, commands, activity, and measures of each trial.

::

    k_n = Σ_t ⟨m_t − μ a*_t, −E v*_t⟩ / Σ_t |v*_t|²,   E = [[0, 1], [−1, 0]]

is the curl field, in N s/m, that the feed-forward command m of trial n would cancel on the planned path: k = b is full
compensation of a field b. It is linear in m, so that cortex and cerebellum add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial.models.reaching import DelayedReach
from fastigial.models.reaching_trials import ReachingTrials
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
    mass : float
        Of the hand, kg.
    hand : ndarray, shape (n_trials, n_steps, 4)
        Position and velocity at the beginning of each step, metres and metres per second.
    cortical, nuclei : ndarray, shape (n_trials, n_steps, 2)
        Commands of cortex and cerebellum, newtons.
    errors : ndarray, shape (n_trials, n_steps, 2)
        What climbing fibres tell, newtons.
    activity : ndarray, shape (n_trials, n_steps, n_units)
        Of the cortex.
    aim : ndarray, shape (n_trials,)
        Radians by which the cue is turned.
    """

    trials: ReachingTrials
    mass: float
    hand: Array
    cortical: NDArray[Any]
    nuclei: NDArray[Any]
    errors: NDArray[Any]
    activity: NDArray[Any]
    aim: Array

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
        step = int(np.searchsorted(self.reach.time, self.reach.go + self.reach.duration / 2))
        along, left = (np.einsum("nk,nk->n", self.seen[:, step], axis) for axis in self._axes)
        return np.asarray(np.degrees(np.arctan2(left, along)))

    @property
    def end_point_error(self) -> Array:
        """Distance of the seen hand from the target at the last step, metres, (n_trials,)."""
        targets = self.reach.extent * self._axes[0]
        return np.asarray(np.linalg.norm(self.seen[:, -1] - targets, axis=1))

    @property
    def cortical_compensation(self) -> Array:
        """Curl field that the command of the cortex would cancel, N s/m, (n_trials,)."""
        return self._curl(self.cortical - self.reach.forces(self.directions, self.mass))

    @property
    def cerebellar_compensation(self) -> Array:
        """Curl field that the command of the cerebellum would cancel, N s/m, (n_trials,)."""
        return self._curl(self.nuclei)

    @property
    def compensation(self) -> Array:
        """Of both together."""
        return self.cortical_compensation + self.cerebellar_compensation

    def recording(
        self, region: Literal["cortex", "nuclei", "both"] = "cortex", *, baseline: int | None = None
    ) -> Recording:
        """The session as the recording of an experiment.

        Parameters
        ----------
        region : {"cortex", "nuclei", "both"}
            Units of the cortex; the two outputs of the cerebellum, in newtons; or one beside the other. They have
            different scales: standardise neurons before both are decomposed together.
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
            If `region` is none of these, or no trial of the baseline has the direction of another trial.

        Examples
        --------
        >>> import fastigial as fg
        >>> net = fg.models.CerebelloCorticalNetwork(100, 200, seed=0)
        >>> session = net.adapt([fg.models.Block(3, directions=[0.0]), fg.models.Block(4, field=5.0, directions=[0.0])])
        >>> session.recording("both", baseline=0).shape
        (7, 102, 100)
        """
        if region not in ("cortex", "nuclei", "both"):
            raise ValueError(f'region is {region!r}, expected "cortex", "nuclei" or "both"')
        parts = {"cortex": self.activity, "nuclei": self.nuclei}
        names = ["cortex", "nuclei"] if region == "both" else [region]
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
        return Recording(data.transpose(0, 2, 1), coords=coords, name=region)

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
        return np.asarray((command * against).sum(axis=(1, 2)) / (velocity**2).sum(axis=(1, 2)))

    def __repr__(self) -> str:
        return (
            f"<AdaptationSession: {self.n_trials} trials of {self.reach.seconds:g} s, {self.activity.shape[2]} units>"
        )
