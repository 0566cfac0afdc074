r"""Two regions that learn a movement: a fast cerebellum corrects it, and teaches a slow cortex.

::

    cortex       r_t, y_t = step of an RNN with the input [u_t; c_t]
    cerebellum   c_t = nuclei of mossy fibres from cortical units, u, and the hand as it was d ago
    hand         μ v̇ = y_t + c_t + ρ e_t + F v
    error        e_t = k_p (p* − p) + k_v (v* − v), both d ago: the reflex, and what climbing fibres tell
    fast         ΔW_pf = η_f e_t g_{t−d}ᵀ at each step,   W_pf ← A_f W_pf at the end of the trial
    slow         ΔW_o = η_s Σ_t c_t r_tᵀ,   W_o − W_o⁰ ← A_s (W_o − W_o⁰) at the end of the trial

η_f and η_s follow from B_f and B_s of the two-state model by a measurement (`calibrate`): the share of an error, mean
over eight directions, that one trial in one of them corrects; and the share of what the cerebellum does that the cortex
takes over.

A design of this package; no published two-region model is known. Sources of its parts: Smith, Ghazizadeh & Shadmehr,
PLoS Biol 4:e179, 2006 (time scales); Kawato, Furukawa & Suzuki, Biol Cybern 57:169, 1987 (the feedback command as
error); Pemberton, Chadderton & Costa, Nat Commun 15:10913, 2024 (cerebellar output as cortical input).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastigial import _core
from fastigial.cerebellum import LMS, Cerebellum, Delayed, GranuleLayer
from fastigial.cerebellum.eligibility import as_steps
from fastigial.models.adaptation import AdaptationSession
from fastigial.models.cerebello_cortical_gains import EIGHT, gain_of_cerebellum, gain_of_cortex
from fastigial.models.reaching import Block, DelayedReach
from fastigial.models.reaching_trials import NullField, lay_out
from fastigial.rnn import RNN
from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.optim import Adam
from fastigial.rnn.seeds import as_seed, derived, stream
from fastigial.rnn.training import train
from fastigial.tensor.checks import as_count, as_number
from fastigial.tensor.progress import Callback, Report

__all__ = ["CerebelloCorticalNetwork"]

_CORTEX, _SOURCES, _GRANULE, _REACHES, _CALIBRATION, _DIRECTIONS, _NOISE = range(7)
# Cue and hold signal; forces and positions in the plane.
_N_INPUTS, _PLANE = 3, 2


class CerebelloCorticalNetwork:
    r"""A slow cortex and a fast cerebellum that learn to reach in force fields and under rotations.

    .. math::

        m_t = W_o r_t + b_o + c_t, \qquad \mu \dot v = m_t + \rho e_t + F v, \qquad
        e_t = k_p (p^*_{t-d} - p_{t-d}) + k_v (v^*_{t-d} - v_{t-d})

        \Delta W_{pf} = \eta_f\, e_t\, (\kappa * g)_t^\top, \qquad \Delta W_o = \eta_s \sum_t c_t r_t^\top

    `prepare` trains the cortex to reach without a field and measures both learning rates; `adapt` goes through blocks
    of trials. The cerebellum corrects the movement in which it acts and forgets within trials; the cortex learns from
    what the cerebellum sends, and keeps it. In one direction of movement the two together are the cascade of
    `CascadeModel`, with the same four numbers.

    Parameters
    ----------
    n_units, n_granule : int
        Of the cortex (tanh units), and granule cells.
    n_sources : int
        Cortical units that send mossy fibres; three inputs and four coordinates of the hand do as well.
    n_inputs, coding_level : int, float
        Mossy fibres of each granule cell, and the share of them that is active.
    retention_fast, learning_fast, retention_slow : float
        A_f, B_f and A_s of the two-state model, per trial.
    learning_slow : float
        B_s of the cascade: share of the cerebellum's contribution that the cortex takes over in a trial.
    tau, noise : float
        Time constant of the cortex in seconds, and its noise.
    nuclei_to_cortex : float
        Weights from the nuclei to the cortex, on the scale of those of its other inputs.
    mass : float
        μ of the hand, kg.
    stiffness, damping, feedback_delay, reflex : float
        k_p (N/m), k_v (N s/m), d (seconds), and ρ: the share of the error that a reflex corrects at once.
    eligibility : {"forward_model", "delayed"}
        κ: what a moment of force does to later errors, reflex and delay included, which makes the rule a gradient
        (as in `CounterfactualPredictiveControl`); or a delay of d alone.
    aim_learning, aim_retention : float
        How the cue is turned by the error of direction in blocks that ask for it (re-aiming): ψ ← A ψ + η error.
    reach : DelayedReach, optional
        Times and distance.
    dtype : {"float32", "float64"}
    seed : int
        Of all weights and wiring.

    Attributes
    ----------
    net : RNN
        The cortex; its last two inputs are the nuclei.
    cerebellum : Cerebellum
    sources : ndarray of int, shape (n_sources,)
        Cortical units that send mossy fibres.

    Notes
    -----
    A design of this package: rates per trial are those of Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006; other
    sources are in the file that defines it. Movements are learned by the error of the whole path of the hand, so that a
    rotation of what is seen, which the reflex corrects late in the movement, is compensated more slowly at its
    beginning than a field. In a network that has not adapted the cerebellum sends nothing: a block changes nothing.

    Examples
    --------
    >>> import fastigial as fg
    >>> net = fg.models.CerebelloCorticalNetwork(40, 200, n_sources=20, seed=1).prepare(60).calibrate([0.0])
    >>> session = net.adapt([fg.models.Block(20, field=5.0, directions=[0.0])], seed=1)
    >>> session.hand.shape, bool(session.compensation[-5:].mean() > 1.0 > session.cerebellar_compensation[0])
    ((20, 100, 4), True)
    """

    def __init__(
        self,
        n_units: int = 200,
        n_granule: int = 2000,
        *,
        n_sources: int = 60,
        n_inputs: int = 4,
        coding_level: float = 0.1,
        retention_fast: float = 0.59,
        learning_fast: float = 0.21,
        retention_slow: float = 0.992,
        learning_slow: float = 0.039,
        tau: float = 0.05,
        noise: float = 0.02,
        nuclei_to_cortex: float = 0.1,
        mass: float = 1.0,
        stiffness: float = 20.0,
        damping: float = 9.0,
        feedback_delay: float = 0.05,
        reflex: float = 1.0,
        eligibility: str = "forward_model",
        aim_learning: float = 0.2,
        aim_retention: float = 1.0,
        reach: DelayedReach | None = None,
        dtype: DTypeLike = "float32",
        seed: int = 0,
    ) -> None:
        self._arguments = {name: value for name, value in locals().items() if name != "self"}
        self._check()
        self.reach = DelayedReach() if reach is None else reach
        dt = self.reach.dt
        self._delay = as_steps("feedback_delay", feedback_delay, dt)
        options: dict[str, Any] = {"tau": tau, "dt": dt, "leak": "current", "noise": noise, "dtype": dtype}
        self.net = RNN(_N_INPUTS + _PLANE, n_units, _PLANE, seed=derived(seed, _CORTEX), **options)
        weights = np.array(self.net.parameters["W_in"])
        weights[:, _N_INPUTS:] *= nuclei_to_cortex
        self.net.set_parameters({"W_in": weights})
        self._dtype = weights.dtype
        self._rest = np.array(self.net.parameters["W_out"])
        self.sources = np.sort(stream(seed, _SOURCES).choice(n_units, n_sources, replace=False))
        n_mossy = n_sources + _N_INPUTS + 2 * _PLANE
        self._shift, self._scale = np.zeros(n_mossy, self._dtype), np.ones(n_mossy, self._dtype)
        layer = GranuleLayer(
            n_mossy,
            n_granule,
            n_inputs=n_inputs,
            coding_level=coding_level,
            weights="normal",
            dtype=dtype,
            seed=derived(seed, _GRANULE),
        )
        self._slow_rate = 0.0
        self.cerebellum = self._module(layer, 0.0)

    def _check(self) -> None:
        given = self._arguments
        as_seed("seed", given["seed"])
        n_sources, n_units = as_count("n_sources", given["n_sources"]), as_count("n_units", given["n_units"])
        if not 1 <= n_sources <= n_units:
            raise ValueError(f"n_sources is {n_sources}, expected 1 to n_units, {n_units}")
        for name in ("retention_fast", "retention_slow", "aim_retention"):
            if not 0.0 <= as_number(name, given[name]) <= 1.0:
                raise ValueError(f"{name} is {given[name]}, expected 0 to 1")
        for name in ("mass", "tau"):
            as_positive(name, given[name])
        for name in (
            *("learning_fast", "learning_slow", "aim_learning", "noise", "nuclei_to_cortex"),
            *("stiffness", "damping", "feedback_delay", "reflex"),
        ):
            as_positive(name, given[name], zero=True)
        one_of("eligibility", given["eligibility"], ("forward_model", "delayed"))
        if given["reach"] is not None and not isinstance(given["reach"], DelayedReach):
            raise TypeError(f"reach is {given['reach']!r}, expected a DelayedReach")

    @property
    def slow_rate(self) -> float:
        """η_s, which `calibrate` has found."""
        return self._slow_rate

    def _module(self, layer: GranuleLayer, rate: float) -> Cerebellum:
        given = self._arguments
        return Cerebellum(
            layer,
            2,
            plasticity=LMS(rate, forgetting=1.0 - given["retention_fast"], forgetting_per="trial"),
            eligibility=self._eligibility(),
            dt=self.reach.dt,
        )

    def _eligibility(self) -> Any:
        given = self._arguments
        if given["eligibility"] == "delayed":
            return Delayed(given["feedback_delay"])
        # What one step of force does to the error, from then on: reflex, delay and hand included.
        dt, delay = self.reach.dt, self._delay
        position, velocity = np.zeros(self.reach.n_steps + 1), np.zeros(self.reach.n_steps + 1)
        error = np.zeros(self.reach.n_steps)
        for step in range(self.reach.n_steps):
            seen = max(step - delay, 0)
            error[step] = -given["stiffness"] * position[seen] - given["damping"] * velocity[seen]
            force = float(step == 0) + given["reflex"] * error[step]
            velocity[step + 1] = velocity[step] + dt * force / given["mass"]
            position[step + 1] = position[step] + dt * velocity[step + 1]
        return -error / np.abs(error).sum()

    def prepare(self, n_updates: int = 750, batch_size: int = 64, progress: bool | Callback = False) -> Self:
        """Learn reaches without a field, by backpropagation through time; then `calibrate`.

        Parameters
        ----------
        n_updates, batch_size : int
            Updates by Adam, and reaches in random directions in each.
        progress : bool or callable
        """
        task = NullField(self.reach, self._arguments["mass"], _PLANE, self._dtype)
        for rate, share, number in ((2e-3, 0.8, 0), (3e-4, 0.2, 1)):
            train(
                self.net,
                task,
                n_epochs=1,
                n_batches=max(1, round(share * n_updates)),
                batch_size=batch_size,
                optimizer=Adam(rate, clip=1.0),
                regularization={"activity_l2": 1e-3},
                seed=derived(self._arguments["seed"], _REACHES, number),
                progress=progress,
            )
        self._rest = np.array(self.net.parameters["W_out"])
        return self.calibrate()

    def calibrate(self, directions: Iterable[float] = EIGHT, field: float = 3.0) -> Self:
        """Find thresholds of granule cells, and the learning rates at which trials correct what they should.

        All adaptation is forgotten.

        Parameters
        ----------
        directions : iterable of float
            Degrees: where movements will go. With several of them, B_f and B_s are means over all, of what a trial in
            one changes; each then learns faster by itself, and may overshoot where little is carried over to others.
            One direction makes the network a cascade of two states.
        field : float
            N s/m, in which the gains are measured. They fall a little with it: by 7 % from 1 to 3.
        """
        probed = tuple(directions)
        if not probed:
            raise ValueError("directions is empty, expected at least one")
        given = self._arguments
        self.forget()
        reaches = self.adapt([Block(16, fast=False, slow=False)], seed=derived(given["seed"], _CALIBRATION))
        mossy = self._mossy(reaches)
        spread = mossy.std(axis=(0, 1))
        self._shift = mossy.mean(axis=(0, 1))
        self._scale = (1.0 / np.maximum(spread, 1e-3 * spread.mean())).astype(self._dtype)
        layer = self.cerebellum.granule_layer
        assert isinstance(layer, GranuleLayer)
        layer.calibrate((self._scale * (mossy - self._shift)).reshape(-1, mossy.shape[2]))
        per_fast = gain_of_cerebellum(self, probed, field)
        per_slow = gain_of_cortex(self, probed, field)
        if not (per_fast > 0 and per_slow > 0):
            raise ValueError(
                f"a trial in a field makes the next ones worse, by {per_fast:.3g} (cerebellum) and {per_slow:.3g} "
                "(cortex) for each unit of a learning rate, expected more than 0: prepare longer, or choose another "
                "stiffness, damping or reflex"
            )
        self._set_rates(given["learning_fast"] / per_fast, given["learning_slow"] / per_slow)
        return self

    def _set_rates(self, fast: float, slow: float) -> None:
        """Learning rates η_f and η_s, of a network that has not adapted."""
        layer = self.cerebellum.granule_layer
        assert isinstance(layer, GranuleLayer)
        self._slow_rate = slow
        self.cerebellum = self._module(layer, fast)
        self.forget()

    def forget(self) -> Self:
        """Forget all adaptation: the weights of parallel fibres, and of the readout what it has learned since."""
        self.cerebellum.set_parameters({"W_pf": np.zeros_like(self.cerebellum.parameters["W_pf"])})
        self.net.set_parameters({"W_out": self._rest})
        return self

    def _mossy(self, session: AdaptationSession) -> NDArray[Any]:
        """What mossy fibres carried, before it was scaled."""
        before = np.zeros_like(session.activity)
        before[:, 1:] = session.activity[:, :-1]
        delay = self._delay
        felt = np.zeros_like(session.hand)
        felt[:, delay:] = session.hand[:, : self.reach.n_steps - delay]
        parts = [before[..., self.sources], self.reach.inputs(session.directions), felt]
        return np.concatenate(parts, axis=2).astype(self._dtype)

    def adapt(
        self,
        blocks: Iterable[Block],
        seed: int = 0,
        *,
        noise: bool = True,
        progress: bool | Callback = False,
    ) -> AdaptationSession:
        """Go through blocks of trials; cerebellum and cortex learn on the way, and keep what they have learned.

        Parameters
        ----------
        blocks : iterable of Block
        seed : int
            Of the order of directions and of the cortex's noise.
        noise : bool
            False runs the cortex without its noise.
        progress : bool or callable

        Returns
        -------
        AdaptationSession

        Raises
        ------
        FloatingPointError
            If a command or a weight is not finite. Cerebellum and cortex are then as they were before the call.
        KeyboardInterrupt
            After Ctrl-C. What was learned in the trials that were finished stays.

        Notes
        -----
        The aim, which blocks with ``aims=True`` turn, begins at the target in each call.
        """
        laid = lay_out(blocks, self.reach, stream(as_seed("seed", seed), _DIRECTIONS))
        with Report(progress, "adapt", "trial") as report:
            found, n_finished, exception = _core.run_reaching(
                self.net._core,
                self.cerebellum._core,
                self._settings(),
                laid.for_core(self._dtype),
                seed=derived(seed, _NOISE) if noise else None,
                progress=report.callback,
            )
        self.net.set_parameters({"W_out": found["readout"]})
        if exception is not None:
            raise exception
        return AdaptationSession(
            laid.first(n_finished),
            self._arguments["mass"],
            *(found[name][:n_finished] for name in ("hand", "cortical", "nuclei", "errors", "activity", "aim")),
        )

    def _settings(self) -> dict[str, Any]:
        """What the core needs to know beyond network, cerebellum and trials."""
        given = self._arguments
        middle = int(np.searchsorted(self.reach.time, self.reach.go + self.reach.duration / 2))
        return {
            "sources": self.sources.tolist(),
            "shift": self._shift,
            "scale": self._scale,
            "rest": self._rest,
            "mass": given["mass"],
            "dt": self.reach.dt,
            "delay": self._delay,
            "stiffness": given["stiffness"],
            "damping": given["damping"],
            "reflex": given["reflex"],
            "slow_rate": self._slow_rate,
            "slow_forgetting": 1.0 - given["retention_slow"],
            "aim_rate": given["aim_learning"],
            "aim_forgetting": 1.0 - given["aim_retention"],
            "aim_step": middle,
        }

    def __repr__(self) -> str:
        layer = self.cerebellum.granule_layer
        assert isinstance(layer, GranuleLayer)
        n_units = self._arguments["n_units"]
        return f"CerebelloCorticalNetwork({n_units}, {layer.n_granule}, n_sources={len(self.sources)})"
