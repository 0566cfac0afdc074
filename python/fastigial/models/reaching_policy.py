"""A recurrent network that learns to reach by moving a body."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastigial.models.reaching_policy_loop import new_loop
from fastigial.models.reaching_policy_results import PolicyHistory, Reaches
from fastigial.models.reaching_policy_training import learn, new_network
from fastigial.models.reaching_policy_trials import (
    Cursors,
    Goals,
    Timing,
    as_goals,
    as_timing,
    draw_goals,
    steps_between,
)
from fastigial.plants import LinearField, Movement, Proprioception, TwoLinkArm, Vision
from fastigial.plants.arrays import shaped
from fastigial.plants.base import Plant
from fastigial.plants.fields import NullField
from fastigial.rnn.checks import as_positive
from fastigial.rnn.network import RNN
from fastigial.rnn.optim import Adam, Optimizer
from fastigial.rnn.seeds import as_seed, derived, stream
from fastigial.tensor.checks import as_count, as_threads
from fastigial.tensor.progress import Callback, Report

__all__ = ["ReachingPolicy"]

_DOUBLE = np.dtype(np.float64)


class ReachingPolicy:
    r"""A recurrent network that moves a plant and learns through it: exact back-propagation through body and delays.

    .. math::

        o_t = (x^*,\ \text{go}_t,\ \text{vision}_{t-e} + \xi,\ \text{proprioception}_{t-f} + \xi'), \quad
        h_t = \text{cell}(h_{t-1}, o_t), \quad y_t = W_{out} h_t + b_{out}

        s_{t+1} = f(s_t, u_t, F), \qquad u_t = U y_t \ \text{(forces, torques)} \ \text{or}\ \sigma(y_t)
        \ \text{(excitations)}

        L = \langle a_t\,(\sqrt{\lVert x_{t+1} - x^*_t \rVert^2 + r^2} - r) + v_t \lVert \dot x_{t+1} \rVert^2
        + k_u p_t^2 + k_{du} (p_t - p_{t-1})^2 + k_h h_t^2 + k_{dh} (h_t - h_{t-1})^2 \rangle

    x is what is seen of the hand, p is y or, with muscles, u. Until go the hand should stay where it is. Then the
    target is x*, whose weight a rises from 0 to `position` over the movement time; once that is over (and before go)
    rest counts, with the weight `rest`. What is sensed before the first step is as it is then.

    Parameters
    ----------
    plant : PointMass, TwoLinkArm or MuscleArm, optional
        What is moved; the arm of Nijhof and Kouwenhoven driven by torques by default.
    n_units : int
        Units of the network.
    cell : {"gru", "rate", "lstm"}
        Rate cells are leaky tanh units with τ = `tau`.
    vision : Vision or None
        What is seen of the hand.
    proprioception : Proprioception or None
        What is felt of the limbs.
    dt, tau : float
        Seconds per step, and time constant of rate cells.
    home : (float, float)
        Where reaches are about, in m.
    movement_time : float
        Seconds that a reach may take.
    control_scale : float, optional
        U: an output of 1 in N or N m. By default 5 N of a mass, 2 N m of an arm; of no use with muscles.
    position, rest : float
        Weights of distance (per m) and of the square of speed (per m²/s²).
    effort, effort_change, activity, activity_change : float
        k: costs of controls in units of U (or of full excitation), of units, and of how both change.
    radius : float or None
        r, m: distances much smaller count by their square. None: all count by their square, ‖·‖² in place of the root.
    seed : int
        Of the initial weights.
    dtype : {"float32", "float64"}
        Precision of the network. The body moves in double precision.
    network : RNN, optional
        Another network to begin with, such as a trained one that was loaded; it is changed in place. It takes the place
        of `n_units`, `cell`, `tau`, `seed` and `dtype`.

    Attributes
    ----------
    network : RNN
        The policy itself; ``network.save(path)`` keeps it in a file, `fastigial.load` reads it.
    history_ : PolicyHistory
        Of the last training.
    n_updates_ : int
        Updates so far.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Notes
    -----
    After MotorNet, which trains policies through differentiable arms; the weights of the loss, the scales of what is
    sensed and the arm's muscles are this package's own. MotorNet's distance is the sum over both axes of absolute
    values; here it is Euclidean, and smooth at zero.

    References
    ----------
    Codol, Michaels, Kashefi, Pruszynski and Gribble 2024, eLife 12:RP88591 (MotorNet).

    Examples
    --------
    >>> import fastigial as fg
    >>> policy = fg.models.ReachingPolicy(fg.plants.PointMass(), n_units=32)
    >>> history = policy.train(60, batch_size=32)
    >>> bool(history.loss[-1] < 0.5 * history.loss[0])
    True
    >>> policy.center_out(4, distance=0.05).hand_position.shape
    (4, 101, 2)
    """

    history_: PolicyHistory

    def __init__(
        self,
        plant: Plant | None = None,
        n_units: int = 128,
        *,
        cell: str = "gru",
        vision: Vision | None = Vision(),  # noqa: B008  # frozen
        proprioception: Proprioception | None = Proprioception(),  # noqa: B008  # frozen
        dt: float = 0.01,
        tau: float = 0.05,
        home: tuple[float, float] = (0.0, 0.4),
        movement_time: float = 0.5,
        control_scale: float | None = None,
        position: float = 1.0,
        rest: float = 0.1,
        effort: float = 1e-3,
        effort_change: float = 0.1,
        activity: float = 1e-4,
        activity_change: float = 1e-3,
        radius: float | None = 0.01,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        network: RNN | None = None,
    ) -> None:
        self.plant = TwoLinkArm("nijhof_kouwenhoven") if plant is None else plant
        self.vision, self.proprioception = vision, proprioception
        self.dt, self.movement_time = as_positive("dt", dt), as_positive("movement_time", movement_time)
        self._home = shaped("home", home, (2,), _DOUBLE)
        self._weights = as_positive("position", position, zero=True), as_positive("rest", rest, zero=True)
        costs = {
            "effort": effort,
            "effort_change": effort_change,
            "activity": activity,
            "activity_change": activity_change,
        }
        self._loop, n_inputs = new_loop(
            self.plant, (vision, proprioception), self._home, self.dt, control_scale, radius, costs
        )
        if network is None:
            network = new_network(self.plant, n_inputs, n_units, cell, (self.dt, tau), seed, dtype)
        elif not isinstance(network, RNN):
            raise TypeError(f"network is {network!r}, expected RNN or None")
        wanted = (n_inputs, self.plant.n_controls)
        if (network.n_inputs, network.n_outputs) != wanted:
            got = f"{network.n_inputs} inputs and {network.n_outputs} outputs"
            raise ValueError(f"network has {got}, expected {wanted[0]} and {wanted[1]}")
        self.network = network
        self.n_updates_ = 0
        self._optimizer: Optimizer = Adam(1e-3, clip=1.0)

    def train(
        self,
        n_updates: int,
        *,
        batch_size: int = 64,
        duration: float = 1.0,
        field: LinearField | None = None,
        cursor: Cursors = None,
        extent: float = 0.12,
        catch: float = 0.4,
        go: tuple[float, float] = (0.05, 0.2),
        optimizer: Optimizer | None = None,
        seed: int = 0,
        progress: bool | Callback = False,
        n_threads: int | None = None,
    ) -> PolicyHistory:
        """Learn from random reaches, with fresh trials and fresh noise in every update.

        Starts and targets are anywhere in a square about home. A second call goes on where the first stopped, with
        other trials.

        Parameters
        ----------
        n_updates : int
            Updates of the weights.
        batch_size : int
            Reaches per update.
        duration : float
            Seconds of a trial.
        field : LinearField, optional
            Of all trials, or one for each of a batch.
        cursor : VisuomotorRotation, VisualGain, list of these and None, or None
            What is seen of the hand. The target is where the cursor should go.
        extent : float
            Half the side of the square, m.
        catch : float
            Share of trials that never go; 0.4 to 0.5 is common with MotorNet.
        go : (float, float)
            Earliest and latest time at which a trial may go, s.
        optimizer : Optimizer, optional
            Adam with a learning rate of 1e-3 and clipping at 1 by default, kept from call to call. The epoch that a
            schedule asks for is the number of the update in this call.
        seed : int
            Of trials and noise.
        progress : bool or callable
            True shows a bar; a callable is called as ``progress(done, total, loss)``.
        n_threads : int, optional
            The package's setting by default. It does not change the numbers.

        Returns
        -------
        PolicyHistory
            Also kept as ``history_``.

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        FloatingPointError
            If a state, a loss or a gradient leaves the finite numbers; weights are those of the update before.
        KeyboardInterrupt
            After Ctrl-C. What was learned is kept.
        """
        total, size = as_count("n_updates", n_updates), as_count("batch_size", batch_size)
        if size == 0:
            raise ValueError("batch_size is 0, expected at least 1")
        timing = as_timing(duration, self.movement_time, self.dt)
        between = steps_between(go, self.dt)
        half, never = as_positive("extent", extent), as_positive("catch", catch, zero=True)
        if never > 1:
            raise ValueError(f"catch is {catch}, expected 0 to 1")
        if optimizer is not None and not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {optimizer!r}, expected an object of fastigial.optim")
        follows = self._optimizer if optimizer is None else optimizer
        source = as_seed("seed", seed)

        def draw() -> dict[str, Any]:
            rng = stream(source, 0, self.n_updates_)
            goals = draw_goals(rng, size, self._home, half, never, between)
            return self._trials(goals, timing, (field, cursor, None), derived(source, 1, self.n_updates_))

        with Report(progress, type(self).__name__, "update") as report:
            learn(self, total, draw, follows, report, as_threads(n_threads))
        return self.history_

    def run(
        self,
        targets: ArrayLike,
        *,
        start: ArrayLike | None = None,
        go: ArrayLike = 0.1,
        duration: float = 1.0,
        field: LinearField | None = None,
        cursor: Cursors = None,
        load: ArrayLike | None = None,
        noise: bool = True,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> Reaches:
        """Reach for targets.

        Parameters
        ----------
        targets : array_like of shape (n_trials, 2)
            m.
        start : array_like of shape (2,) or (n_trials, 2), optional
            Where hands begin, at rest; home by default. m.
        go : float or array_like of shape (n_trials,)
            When it may go, s; NaN for a catch trial, which never does.
        duration : float
            Seconds of a trial.
        field, cursor
            As in `train`; fields may be one for each trial, of channels too.
        load : array_like of shape (n_trials, n_steps, 2), or what can be repeated to it, optional
            Other forces on the hand, N.
        noise : bool
            False: senses are without noise.
        seed : int
            Of the noise, a stream for each trial.
        n_threads : int, optional
            The package's setting by default.

        Returns
        -------
        Reaches

        Raises
        ------
        TypeError, ValueError
            Naming the argument.
        FloatingPointError
            If a state leaves the finite numbers.
        """
        goals = as_goals(targets, self._home if start is None else start, go, self.dt)
        timing = as_timing(duration, self.movement_time, self.dt)
        trials = self._trials(goals, timing, (field, cursor, load), as_seed("seed", seed) if noise else None)
        found = self._loop.run(self.network._core, trials, as_threads(n_threads))
        within = NullField() if field is None else field
        movement = Movement(found["states"], found["controls"], trials["loads"], self.dt, self.plant, within)
        numbers = trials["cursors"]
        matrix, origin = numbers[:, :4].reshape(-1, 2, 2), numbers[:, None, 4:]
        seen = origin + np.einsum("nij,ntj->nti", matrix, movement.hand_position - origin)
        when = np.where(goals.go < 0, np.nan, goals.go * self.dt)
        loss = float(sum(found["terms"]))
        return Reaches(movement, found["activity"], found["inputs"], seen, goals.start, goals.target, when, loss)

    def center_out(self, n_targets: int = 8, *, distance: float = 0.1, **options: Any) -> Reaches:
        """Reach from home to targets on a circle, the first to the right, the others counterclockwise.

        Parameters
        ----------
        n_targets : int
            Targets, each reached for once.
        distance : float
            Their distance from home, m.
        **options
            See `run`.

        Returns
        -------
        Reaches
        """
        angles = 2 * np.pi * np.arange(as_count("n_targets", n_targets)) / max(n_targets, 1)
        ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        return self.run(self._home + as_positive("distance", distance) * ways, **options)

    def gradient(
        self, targets: ArrayLike, *, start: ArrayLike | None = None, go: ArrayLike = 0.1, **options: Any
    ) -> tuple[float, dict[str, NDArray[Any]]]:
        """The loss of such reaches, and its gradient by the weights; for rules of learning of one's own.

        Parameters
        ----------
        targets, start, go, **options
            See `run`.

        Returns
        -------
        loss : float
        gradient : dict of str to ndarray
            Shaped as ``network.parameters``.
        """
        known = {"duration": 1.0, "field": None, "cursor": None, "load": None, "noise": True, "seed": 0}
        if unknown := options.keys() - known.keys() - {"n_threads"}:
            raise TypeError(f"gradient has no argument {sorted(unknown)[0]!r}")
        given = {**known, **options}
        goals = as_goals(targets, self._home if start is None else start, go, self.dt)
        timing = as_timing(given["duration"], self.movement_time, self.dt)
        surroundings = (given["field"], given["cursor"], given["load"])
        noise_seed = as_seed("seed", given["seed"]) if given["noise"] else None
        trials = self._trials(goals, timing, surroundings, noise_seed)
        terms, gradient = self._loop.gradient(self.network._core, trials, as_threads(options.get("n_threads")))
        return float(sum(terms)), gradient

    def _trials(
        self,
        goals: Goals,
        timing: Timing,
        surroundings: tuple[LinearField | None, Cursors, ArrayLike | None],
        seed: int | None,
    ) -> dict[str, Any]:
        dtype = self.network._structure.dtype
        return goals.for_core(self.plant, self._home, timing, self._weights, dtype, surroundings, seed)

    def __repr__(self) -> str:
        plant, net = type(self.plant).__name__, self.network
        return f"<ReachingPolicy: {net.n_units} {net.cell} units, {plant}, {self.n_updates_} updates>"
