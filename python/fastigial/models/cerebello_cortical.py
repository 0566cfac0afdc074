r"""Two regions that learn a movement: a fast cerebellum corrects it, and teaches a slow cortex.

::

    cortex       r_t, y_t = step of an RNN with the input [cells tuned to the cue; hold; c_t; q_t]
    cerebellum   c_t = W_pf g_t, q_t = W_q g_t; mossy fibres from cortical units, the cue, and the limb as it was d ago
    command      m_t = y_t + c_t + ρ ε_t,   ε_t = Jᵀ (k_p (p* − p) + k_v (v* − v)), both d ago: the reflex, and what
                 climbing fibres tell
    fast         ΔW_pf = η_f ε_t (κ * g)_tᵀ at each step,   W_pf ← A_f W_pf at the end of the trial
                 W_q turns the plan q by η_q δ', the error of planning, and what it has learned fades to A_f of it
    slow         ΔW_o = η_s Σ_t c_t r_tᵀ,   W_o − W_o⁰ ← A_s (W_o − W_o⁰) at the end of the trial
                 χ ← A_s χ + B_s (x q_y − y q_x), (x, y) the cue:  it turns by χ in the cortex

η_f and η_s follow from B_f and B_s of the two-state model by a measurement (`calibrate`): the share of an error, mean
over eight directions, that one trial in one of them corrects; and the share of what the cerebellum does that the cortex
takes over. The plan is in angles, and needs none.

A design of this package; no published two-region model is known. Sources of its parts: Smith, Ghazizadeh & Shadmehr,
PLoS Biol 4:e179, 2006 (time scales); Kawato, Furukawa & Suzuki, Biol Cybern 57:169, 1987 (the feedback command as
error); Pemberton, Chadderton & Costa, Nat Commun 15:10913, 2024 (cerebellar output as cortical input); Israely et al.,
Nat Commun 2025, s41467-025-57832-4 (the cerebellum adds few dimensions to a cue of many, during preparation).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastigial import _core
from fastigial.cerebellum import GranuleLayer
from fastigial.cerebellum.eligibility import as_steps
from fastigial.models import cerebello_cortical_files as files
from fastigial.models.adaptation import AdaptationSession
from fastigial.models.cerebello_cortical_preparation import PreparedRegions
from fastigial.models.limb import Limb
from fastigial.models.reaching import Block, DelayedReach
from fastigial.models.reaching_trials import Cue, ReachingTrials, lay_out
from fastigial.plants import PointMass, TwoLinkArm
from fastigial.rnn import RNN
from fastigial.rnn.checks import as_positive, one_of
from fastigial.rnn.seeds import as_seed, derived, stream
from fastigial.tensor.checks import as_count, as_number
from fastigial.tensor.progress import Callback, Report

__all__ = ["CerebelloCorticalNetwork"]

# Streams of random numbers; those between belong to the preparation.
_CORTEX, _SOURCES, _GRANULE, _DIRECTIONS, _NOISE = 0, 1, 2, 5, 6
# Cue (x, y) and hold; commands, places and plans in the plane.
_N_SHOWN, _PLANE = 3, 2


class CerebelloCorticalNetwork(PreparedRegions):
    r"""A slow cortex and a fast cerebellum that learn to reach in force fields and under rotations.

    .. math::

        m_t = W_o r_t + b_o + c_t + \rho \varepsilon_t, \qquad
        \varepsilon_t = J^\top \bigl( k_p (p^*_{t-d} - R p_{t-d}) + k_v (v^*_{t-d} - R v_{t-d}) \bigr)

        \Delta W_{pf} = \eta_f\, \varepsilon_t\, (\kappa * g)_t^\top, \qquad
        \Delta W_o = \eta_s \sum_t c_t r_t^\top

    `prepare` trains the cortex to reach without a field, with and without the cerebellum, and measures both learning
    rates; `adapt` goes through blocks of trials. The cerebellum corrects the movement in which it acts and forgets
    within trials; the cortex learns from what the cerebellum sends, and keeps it. In one direction of movement the two
    are near the cascade of `CascadeModel` with the same four numbers: ten networks that moved a mass ended at .69 to
    .74 of the field, and it at .745, since gains fall as learning goes on.

    R turns what is seen of the hand. The cerebellum sends two things: c, commands that are added to those of the
    cortex, and q, the direction in which the movement is to go, which the cortex follows while it is there. Without q
    it follows its own cue.

    Parameters
    ----------
    n_units, n_granule : int
        Of the cortex (tanh units), and granule cells.
    n_sources : int
        Cortical units that send mossy fibres; cue, hold signal and four coordinates of the limb do as well.
    n_inputs, coding_level : int, float
        Mossy fibres of each granule cell, and the share of them that is active.
    retention_fast, learning_fast, retention_slow : float
        A_f, B_f and A_s of the two-state model, per trial.
    learning_slow : float
        B_s of the cascade: share of the cerebellum's contribution that the cortex takes over in a trial.
    plan_learning : float
        η_q: share of the error of planning by which the cerebellum's plan turns in a trial.
    tau, noise : float
        Time constant of the cortex in seconds, and its noise.
    nuclei_to_cortex : float
        Weights from the nuclei to the cortex, on the scale of those of its other inputs.
    n_cue, cue_sharpness : int, float
        Cells of the cue, and κ of their tuning.
    cue_gain, plan_gain : float
        Weights of the cue and of the plan before the cortex has learned, on the scale of its other inputs. Many sharp
        cells and strong weights give preparatory activity many dimensions; the plan has two.
    plant : PointMass or TwoLinkArm, optional
        What is moved: by default a mass of 1 kg.
    start : (float, float)
        Angles of the shoulder and elbow of an arm, degrees.
    stiffness, damping, feedback_delay, reflex : float
        k_p (N/m), k_v (N s/m), d (seconds), and ρ: the share of the error that a reflex corrects at once.
    eligibility : {"forward_model", "delayed"}
        κ: what a moment of force does to later errors, reflex and delay included, which makes the rule a gradient
        (as in `CounterfactualPredictiveControl`); of a hand without friction, of an arm as if it were a mass. Or a
        delay of d alone.
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
        The cortex; its last four inputs are the nuclei and the plan.
    cerebellum : Cerebellum
        The part of it that sends commands.
    limb : Limb
    sources : ndarray of int, shape (n_sources,)
        Cortical units that send mossy fibres.

    Notes
    -----
    A design of this package: rates per trial are those of Smith, Ghazizadeh & Shadmehr, PLoS Biol 4:e179, 2006; other
    sources are in the file that defines it. Fields are learned from errors of the whole path of the hand, rotations
    from errors of planning: the angle from the seen hand to the target, less that from the hand to the plan. The cortex
    learns nothing from errors themselves; a strategy does.

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
        plan_learning: float = 0.21,
        n_cue: int = 16,
        cue_sharpness: float = 8.0,
        cue_gain: float = 2.0,
        plan_gain: float = 2.0,
        plant: PointMass | TwoLinkArm | None = None,
        start: tuple[float, float] = (60.0, 90.0),
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
        if not self.reach.preparing.any():
            raise ValueError(f"cue of reach is {self.reach.cue} s, expected before go, {self.reach.go} s")
        self.limb = Limb(PointMass() if plant is None else plant, start)
        self._cue = Cue(n_cue, cue_sharpness)
        dt = self.reach.dt
        self._delay = as_steps("feedback_delay", feedback_delay, dt)
        options: dict[str, Any] = {"tau": tau, "dt": dt, "leak": "current", "noise": noise, "dtype": dtype}
        n_inputs_of_cortex = n_cue + 1 + 2 * _PLANE
        self.net = RNN(n_inputs_of_cortex, n_units, _PLANE, seed=derived(seed, _CORTEX), **options)
        weights = np.array(self.net.parameters["W_in"])
        weights[:, :n_cue] *= cue_gain
        weights[:, -_PLANE:] *= plan_gain
        weights[:, n_cue + 1 : n_cue + 1 + _PLANE] *= nuclei_to_cortex
        self.net.set_parameters({"W_in": weights})
        self._dtype = weights.dtype
        self.sources = np.sort(stream(seed, _SOURCES).choice(n_units, n_sources, replace=False))
        n_mossy = n_sources + _N_SHOWN + 2 * _PLANE
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
        self._rest = np.array(self.net.parameters["W_out"])
        self._plan_rest = np.zeros((_PLANE, n_granule), self._dtype)
        self._plan, self._turn = self._plan_rest, 0.0
        self._slow_rate = self._plan_rate = 0.0
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
        as_positive("tau", given["tau"])
        if as_count("n_cue", given["n_cue"]) < 3:
            raise ValueError(f"n_cue is {given['n_cue']}, expected 3 or more")
        for name in (
            *("learning_fast", "learning_slow", "plan_learning", "aim_learning", "noise", "nuclei_to_cortex"),
            *("stiffness", "damping", "feedback_delay", "reflex", "cue_sharpness", "cue_gain", "plan_gain"),
        ):
            as_positive(name, given[name], zero=True)
        one_of("eligibility", given["eligibility"], ("forward_model", "delayed"))
        if given["reach"] is not None and not isinstance(given["reach"], DelayedReach):
            raise TypeError(f"reach is {given['reach']!r}, expected a DelayedReach")

    def adapt(
        self,
        blocks: Iterable[Block],
        seed: int = 0,
        *,
        noise: bool = True,
        record_granule: int = 0,
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
        record_granule : int
            So many granule cells are recorded, the first of them; which they are has no order.
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
        n_recorded, n_granule = as_count("record_granule", record_granule), self._layer.n_granule
        if n_recorded > n_granule:
            raise ValueError(f"record_granule is {n_recorded}, expected up to {n_granule}")
        with Report(progress, "adapt", "trial") as report:
            session, exception = self._run(
                laid, derived(seed, _NOISE) if noise else None, n_recorded, callback=report.callback
            )
        if exception is not None:
            raise exception
        return session

    def _run(
        self,
        laid: ReachingTrials,
        seed: int | None,
        n_recorded: int = 0,
        *,
        plan_given: bool = False,
        callback: Any = None,
    ) -> tuple[AdaptationSession, BaseException | None]:
        """Trials through the core; what was learned is kept, and how they ended is told."""
        found, n_finished, exception = _core.run_reaching(
            self.net._core,
            self.cerebellum._core,
            {**self._settings(), "recorded": list(range(n_recorded))},
            {**laid.for_core(self._dtype), "given": plan_given},
            seed=seed,
            progress=callback,
        )
        self.net.set_parameters({"W_out": found["readout"]})
        self._plan, self._turn = found["plan_weights"], float(found["turn_after"])
        names = [field.name for field in fields(AdaptationSession)][2:]
        arrays = {name: found[name][:n_finished] for name in names}
        return AdaptationSession(laid.first(n_finished), self.limb, **arrays), exception

    def _settings(self) -> dict[str, Any]:
        """What the core needs to know beyond network, cerebellum and trials."""
        given, reach, plant = self._arguments, self.reach, self.limb.plant
        preparing = np.flatnonzero(reach.preparing)
        return {
            "sources": self.sources.tolist(),
            "shift": self._shift,
            "scale": self._scale,
            "rest": self._rest,
            "readout": np.asarray(self.net.parameters["W_out"]),
            "plan_rest": self._plan_rest,
            "plan_weights": self._plan,
            "turn": self._turn,
            "body": plant._body,
            "method": plant.method,
            "n_substeps": int(plant.n_substeps),
            "start": self.limb.start.tolist(),
            "dt": reach.dt,
            "delay": self._delay,
            **{name: given[name] for name in ("stiffness", "damping", "reflex", "cue_sharpness")},
            "cue_directions": self._cue.directions.tolist(),
            "prepare_from": int(preparing[0]),
            "prepare_to": int(preparing[-1]) + 1,
            "direction_step": reach.middle,
            "plan_rate": self._plan_rate,
            "plan_forgetting": 1.0 - given["retention_fast"],
            "slow_rate": self._slow_rate,
            "slow_forgetting": 1.0 - given["retention_slow"],
            "turn_rate": given["learning_slow"] if self._plan_rate else 0.0,
            "aim_rate": given["aim_learning"],
            "aim_forgetting": 1.0 - given["aim_retention"],
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write both regions to a file, with what they have learned, for `fastigial.load`."""
        files.save(self, path)

    def __repr__(self) -> str:
        n_units = self._arguments["n_units"]
        return f"CerebelloCorticalNetwork({n_units}, {self._layer.n_granule}, n_sources={len(self.sources)})"
