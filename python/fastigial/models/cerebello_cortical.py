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
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum import LMS, Cerebellum, Delayed, GranuleLayer
from fastigial.models.adaptation import AdaptationSession
from fastigial.models.reaching import Block, DelayedReach, NullField
from fastigial.rnn import RNN
from fastigial.rnn.optim import Adam
from fastigial.rnn.seeds import as_seed, derived, stream
from fastigial.rnn.training import train
from fastigial.tensor.progress import Callback, Report

__all__ = ["CerebelloCorticalNetwork"]

_CORTEX, _SOURCES, _GRANULE, _REACHES, _CALIBRATION, _DIRECTIONS, _NOISE = range(7)
_EIGHT = tuple(45.0 * np.arange(8))


class CerebelloCorticalNetwork:
    """See the module; only what is asked of it in experiments is a parameter."""

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
        stiffness: float = 30.0,
        damping: float = 6.0,
        feedback_delay: float = 0.05,
        reflex: float = 1.0,
        aim_learning: float = 0.2,
        aim_retention: float = 1.0,
        reach: DelayedReach | None = None,
        seed: int = 0,
    ) -> None:
        self._arguments = {name: value for name, value in locals().items() if name != "self"}
        self.reach = DelayedReach() if reach is None else reach
        self.seed = as_seed("seed", seed)
        dt = self.reach.dt
        self.net = RNN(5, n_units, 2, tau=tau, dt=dt, leak="current", noise=noise, seed=derived(seed, _CORTEX))
        weights = np.array(self.net.parameters["W_in"])
        weights[:, 3:] *= nuclei_to_cortex
        self.net.set_parameters({"W_in": weights})
        self.sources = np.sort(stream(self.seed, _SOURCES).choice(n_units, n_sources, replace=False))
        n_mossy = n_sources + 3 + 4
        layer = GranuleLayer(
            n_mossy,
            n_granule,
            n_inputs=n_inputs,
            coding_level=coding_level,
            weights="normal",
            seed=derived(seed, _GRANULE),
        )
        self._shift, self._scale = np.zeros(n_mossy, np.float32), np.ones(n_mossy, np.float32)
        self._slow_rate = 0.0
        self.cerebellum = self._module(layer, 0.0)
        self._rest = np.array(self.net.parameters["W_out"])

    def _module(self, layer: GranuleLayer, rate: float) -> Cerebellum:
        given = self._arguments
        return Cerebellum(
            layer,
            2,
            plasticity=LMS(rate, forgetting=1.0 - given["retention_fast"], forgetting_per="trial"),
            eligibility=Delayed(given["feedback_delay"]),
            dt=self.reach.dt,
        )

    def prepare(self, n_updates: int = 750, batch_size: int = 64, progress: bool | Callback = False) -> Self:
        """Learn reaches without a field, by backpropagation through time; then `calibrate`."""
        task = NullField(self.reach, self._arguments["mass"], 2, "float32")
        for rate, share, number in ((2e-3, 0.8, 0), (3e-4, 0.2, 1)):
            train(
                self.net,
                task,
                n_epochs=1,
                n_batches=max(1, round(share * n_updates)),
                batch_size=batch_size,
                optimizer=Adam(rate, clip=1.0),
                regularization={"activity_l2": 1e-3},
                seed=derived(self.seed, _REACHES, number),
                progress=progress,
            )
        self._rest = np.array(self.net.parameters["W_out"])
        return self.calibrate()

    def calibrate(self, field: float = 3.0) -> Self:
        """Find thresholds of granule cells and both learning rates from trials of the present network."""
        given = self._arguments
        reaches = self.adapt([Block(16, fast=False, slow=False)], seed=derived(self.seed, _CALIBRATION))
        mossy = self._mossy(reaches)
        self._shift = mossy.mean(axis=(0, 1))
        spread = mossy.std(axis=(0, 1))
        self._scale = (1.0 / np.maximum(spread, 1e-3 * spread.mean())).astype(np.float32)
        layer = self.cerebellum.granule_layer
        assert isinstance(layer, GranuleLayer)
        layer.calibrate((self._scale * (mossy - self._shift)).reshape(-1, mossy.shape[2]))
        probe = 1e-6
        taught = [self._gain(direction, probe, field) for direction in _EIGHT]
        rate = given["learning_fast"] / float(np.mean(taught)) * probe
        self.cerebellum = self._module(layer, rate)
        followed = [self._slow_gain(direction, probe, field) for direction in _EIGHT]
        self._slow_rate = given["learning_slow"] / float(np.mean(followed)) * probe
        self.forget()
        return self

    def _gain(self, direction: float, rate: float, field: float) -> float:
        """Share of a field that one trial in one direction corrects, mean over all directions."""
        assert isinstance(self.cerebellum.granule_layer, GranuleLayer)
        self.cerebellum = self._module(self.cerebellum.granule_layer, rate)
        still: dict[str, Any] = {"fast": False, "slow": False, "directions": _EIGHT}
        blocks = [Block(8, **still), Block(1, field=field, slow=False, directions=[direction]), Block(8, **still)]
        found = self.adapt(blocks, noise=False).cerebellar_compensation
        return float((found[9:].mean() - found[:8].mean()) / field)

    def _slow_gain(self, direction: float, rate: float, field: float) -> float:
        """Share of what the cerebellum does in one direction that one trial there hands over, mean over all directions."""
        self.forget()
        self._slow_rate = rate
        still: dict[str, Any] = {"fast": False, "slow": False, "directions": _EIGHT}
        blocks = [
            Block(8, **still),
            Block(6, field=field, slow=False, directions=[direction]),
            Block(1, fast=False, directions=[direction]),
            Block(8, **still),
        ]
        found = self.adapt(blocks, noise=False)
        gained = found.cortical_compensation[15:].mean() - found.cortical_compensation[:8].mean()
        self.forget()
        return float(gained / found.cerebellar_compensation[14])

    def forget(self) -> Self:
        """Forget all adaptation: the weights of parallel fibres, and of the readout what it has learned since."""
        self.cerebellum.set_parameters({"W_pf": np.zeros_like(self.cerebellum.parameters["W_pf"])})
        self.net.set_parameters({"W_out": self._rest})
        return self

    def _mossy(self, session: AdaptationSession) -> NDArray[Any]:
        """What mossy fibres carried, before it was scaled."""
        before = np.zeros_like(session.activity)
        before[:, 1:] = session.activity[:, :-1]
        delay = round(self._arguments["feedback_delay"] / self.reach.dt)
        felt = np.zeros_like(session.hand)
        felt[:, delay:] = session.hand[:, : self.reach.n_steps - delay]
        parts = [before[..., self.sources], self.reach.inputs(session.directions), felt]
        return np.concatenate(parts, axis=2).astype(np.float32)

    def adapt(
        self,
        blocks: Iterable[Block],
        seed: int = 0,
        *,
        noise: bool = True,
        progress: bool | Callback = False,
    ) -> AdaptationSession:
        """Go through blocks of trials; cerebellum and cortex learn on the way, and keep what they have learned."""
        blocks = list(blocks)
        rng = stream(as_seed("seed", seed), _DIRECTIONS)
        directions = np.concatenate([block.drawn(rng) for block in blocks])
        number = np.repeat(np.arange(len(blocks)), [block.n_trials for block in blocks])

        def each(values: list[Any]) -> NDArray[Any]:
            return np.asarray(values)[number]

        field = each([block.field for block in blocks])
        rotation = np.radians(each([float(block.rotation) for block in blocks]))
        curl = np.array([0.0, 1.0, -1.0, 0.0])
        flags = np.array([(block.channel, block.fast, block.slow, block.aims) for block in blocks])[number]
        trials = {
            "inputs": self.reach.inputs(directions).astype(np.float32),
            "plan": self.reach.plan(directions),
            "blocked": np.array([block.is_blocked(self.reach) for block in blocks])[number],
            "field": field[:, None] * curl,
            "rotation": rotation,
            "flags": flags,
        }
        given = self._arguments
        middle = int(np.searchsorted(self.reach.time, self.reach.go + self.reach.duration / 2))
        settings = {
            "sources": self.sources.tolist(),
            "shift": self._shift,
            "scale": self._scale,
            "rest": self._rest,
            "mass": given["mass"],
            "dt": self.reach.dt,
            "delay": round(given["feedback_delay"] / self.reach.dt),
            "stiffness": given["stiffness"],
            "damping": given["damping"],
            "reflex": given["reflex"],
            "slow_rate": self._slow_rate,
            "slow_forgetting": 1.0 - given["retention_slow"],
            "aim_rate": given["aim_learning"],
            "aim_forgetting": 1.0 - given["aim_retention"],
            "aim_step": middle,
        }
        with Report(progress, "adapt", "trial") as report:
            found, n_finished, exception = _core.run_reaching(
                self.net._core,
                self.cerebellum._core,
                settings,
                trials,
                seed=derived(seed, _NOISE) if noise else None,
                progress=report.callback,
            )
        self.net.set_parameters({"W_out": found["readout"]})
        if exception is not None:
            raise exception
        return AdaptationSession(
            self.reach,
            given["mass"],
            directions[:n_finished],
            field[:n_finished],
            rotation[:n_finished],
            flags[:n_finished, 0],
            number[:n_finished],
            *(found[name][:n_finished] for name in ("hand", "cortical", "nuclei", "errors", "activity", "aim")),
            self.reach.dt,
        )
