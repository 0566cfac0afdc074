"""Two regions that learn to reach, slowly: one trial, one step, one cell after the other, from the written equations.

Without noise, in double precision. Of the package it takes weights, wiring and settings, and no arithmetic. Where the
equations leave something open, this is what is computed here:

    before the start       of a trial r = 0, and the limb is at rest: at t < d it is seen and felt where it starts
    κ                      forward_model: what a step of force on a mass does to later −e, reflex included, divided by
                           the sum of its magnitudes; delayed: 1 at d
    order in a step        c_t and q_t, cortex, command, limb; then synapses change with ε_t and E_t
    (x, y)                 the turned cue everywhere: cells, mossy fibres, χ, and where it stands in for a short plan
    δ'                     [direction of the target − of the seen hand] − [direction of q̄ − of the hand], within ±π
    in a channel           the field acts as well as the walls; what is left of e is its part along the line to the
                           target, as it is seen; δ and δ' are 0
    end of a trial         all that learns changes from values that the trial had; what does not learn does not fade
    ψ                      turns the cue in every trial, and changes in those that ask for it
    blocked                c_t and q_t are not sent; the synapses learn on, from W_q ĝ and ε
"""

from __future__ import annotations

from math import atan2, cos, exp, hypot, pi, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Of the walls of a channel, N/m and N s/m.
WALL, WALL_DAMPING = 2000.0, 50.0


def wrapped(angle: float) -> float:
    """The same angle within ±π."""
    return atan2(sin(angle), cos(angle))


def turned(vector: Any, angle: float) -> Array:
    """R(angle) of a vector in the plane."""
    x, y = vector
    return np.array([cos(angle) * x - sin(angle) * y, sin(angle) * x + cos(angle) * y])


# The limb


class Mass:
    """m v̇ = u + F − c v."""

    def __init__(self, plant: Any) -> None:
        self.mass, self.damping, self.start, self.meets = plant.mass, plant.damping, np.zeros(4), plant.mass

    def jacobian(self, _state: Array) -> Array:
        return np.eye(2)

    def place(self, state: Array) -> Array:
        return state[:2]

    def acceleration(self, state: Array, command: Array, force: Array) -> Array:
        return np.asarray((command + force - self.damping * state[2:]) / self.mass)

    def stop(self, state: Array) -> None:
        """Nothing stops a mass."""


class Arm:
    """M(q) q̈ + C(q, q̇) + d q̇ = τ + Jᵀ F."""

    def __init__(self, plant: Any, angles: tuple[float, float]) -> None:
        self.numbers, self.damping, self.limited = plant.numbers, plant.damping, plant.limited
        self.start = np.array([angles[0] * pi / 180, angles[1] * pi / 180, 0.0, 0.0])
        jacobian = self.jacobian(self.start)
        self.meets = 2 / np.trace(jacobian @ np.linalg.inv(self.inertia(self.start)) @ jacobian.T)

    def jacobian(self, state: Array) -> Array:
        (l1, l2), shoulder, both = self.numbers.lengths, state[0], state[0] + state[1]
        return np.array(
            [
                [-l1 * sin(shoulder) - l2 * sin(both), -l2 * sin(both)],
                [l1 * cos(shoulder) + l2 * cos(both), l2 * cos(both)],
            ]
        )

    def place(self, state: Array) -> Array:
        (l1, l2), shoulder, both = self.numbers.lengths, state[0], state[0] + state[1]
        return np.array([l1 * cos(shoulder) + l2 * cos(both), l1 * sin(shoulder) + l2 * sin(both)])

    def inertia(self, state: Array) -> Array:
        (m1, m2), (l1, _), (g1, g2) = self.numbers.masses, self.numbers.lengths, self.numbers.centres
        (i1, i2), c = self.numbers.inertias, cos(state[1])
        a2, b = m2 * g2**2 + i2, m2 * l1 * g2
        return np.array([[m1 * g1**2 + i1 + m2 * l1**2 + a2 + 2 * b * c, a2 + b * c], [a2 + b * c, a2]])

    def acceleration(self, state: Array, command: Array, force: Array) -> Array:
        b = self.numbers.masses[1] * self.numbers.lengths[0] * self.numbers.centres[1]
        v1, v2 = state[2:]
        coriolis = b * sin(state[1]) * np.array([-(2 * v1 + v2) * v2, v1**2])
        pushed = command + self.jacobian(state).T @ force - coriolis - self.damping * state[2:]
        return np.asarray(np.linalg.solve(self.inertia(state), pushed))

    def stop(self, state: Array) -> None:
        """At the limits of its joints."""
        for joint, (low, high) in enumerate(self.numbers.limits):
            if self.limited and not low <= state[joint] <= high:
                outwards = -1.0 if state[joint] < low else 1.0
                state[joint] = low if outwards < 0 else high
                if outwards * state[2 + joint] > 0:
                    state[2 + joint] = 0.0


def seen_of(limb: Any, state: Array) -> Array:
    """Place from the start, and velocity, of the hand, (4,)."""
    return np.concatenate([limb.place(state) - limb.place(limb.start), limb.jacobian(state) @ state[2:]])


def moved(limb: Any, state: Array, command: Array, push: Any, dt: float, n_substeps: int) -> Array:
    """One step of semi-implicit Euler under a command and a force that depends on the hand."""
    state = state.copy()
    for _ in range(n_substeps):
        h = dt / n_substeps
        state[2:] += h * limb.acceleration(state, command, push(seen_of(limb, state)))
        state[:2] += h * state[2:]
        limb.stop(state)
    return state


# Synapses


def kernel(net: Any, limb: Any, delay: int) -> Array:
    """κ of the fast rule, (n_steps,)."""
    given, reach = net._arguments, net.reach
    found = np.zeros(reach.n_steps)
    if given["eligibility"] == "delayed":
        found[delay] = 1.0
        return found
    places, speeds = [0.0], [0.0]
    for step in range(reach.n_steps):
        if step >= delay:
            found[step] = given["stiffness"] * places[step - delay] + given["damping"] * speeds[step - delay]
        force = (1.0 if step == 0 else 0.0) - given["reflex"] * found[step]
        speeds.append(speeds[-1] + reach.dt * force / limb.meets)
        places.append(places[-1] + reach.dt * speeds[-1])
    return found / np.abs(found).sum()


def granule(layer: Any, mossy: Array) -> Array:
    """g of one step: what is above threshold of a sum of few mossy fibres."""
    found = np.zeros(layer.n_granule)
    for cell in range(layer.n_granule):
        drive = sum(w * mossy[i] for w, i in zip(layer.weights[cell], layer.sources[cell], strict=True))
        found[cell] = max(drive - layer.thresholds[cell], 0.0)
    return found


# Trials


def adapt(net: Any, blocks: list[Any], directions: Array) -> dict[str, Any]:
    """What `net.adapt(blocks, noise=False)` finds, trial by trial, and the weights that it ends with."""
    two = Trials(net)
    conditions = [block for block in blocks for _ in range(block.n_trials)]
    trials = [two.trial(block, theta) for block, theta in zip(conditions, directions, strict=True)]
    found: dict[str, Any] = {name: np.array([trial[name] for trial in trials]) for name in trials[0]}
    return {**found, "W_out": two.W_o, "W_pf": two.W_pf, "W_plan": two.W_q, "turn_after": two.chi}


class Trials:
    """All that learns, and a trial of it."""

    def __init__(self, net: Any) -> None:
        self.net, self.given, self.reach = net, net._arguments, net.reach
        plant = net.limb.plant
        self.limb: Any = Arm(plant, net.limb.angles) if hasattr(plant, "numbers") else Mass(plant)
        self.delay = round(self.given["feedback_delay"] / self.reach.dt)
        self.kappa = kernel(net, self.limb, self.delay)
        cortex = net.net.parameters
        self.W, self.W_in, self.b, self.b_o = (np.array(cortex[name]) for name in ("W", "W_in", "b", "b_out"))
        self.W_o, self.W_o0 = np.array(cortex["W_out"]), np.array(net._rest)
        self.W_pf = np.array(net.cerebellum.parameters["W_pf"])
        self.W_q, self.W_q0 = np.array(net._plan), np.array(net._plan_rest)
        self.chi, self.psi = float(net._turn), 0.0

    def cells(self, cue: Array) -> Array:
        n, kappa = self.given["n_cue"], self.given["cue_sharpness"]
        angles = [2 * pi * j / n for j in range(n)]
        size = hypot(cue[0], cue[1])
        return np.array([size * exp(kappa * (cue[0] * cos(a) + cue[1] * sin(a) - 1.0)) for a in angles])

    def wanted(self, step: int, along: Array) -> Array:
        """p* and v* of a step: minimum jerk."""
        reach = self.reach
        s = min(max((step * reach.dt - reach.go) / reach.duration, 0.0), 1.0)
        place = 10 * s**3 - 15 * s**4 + 6 * s**5
        speed = (30 * s**2 - 60 * s**3 + 30 * s**4) / reach.duration
        return np.concatenate([reach.extent * place * along, reach.extent * speed * along])

    def error(self, seen: Array, step: int, along: Array, block: Any) -> Array:
        """e: of what was seen d ago."""
        wanted, phi = self.wanted(step, along), block.rotation * pi / 180
        place, speed = turned(seen[:2], phi), turned(seen[2:], phi)
        e = self.given["stiffness"] * (wanted[:2] - place) + self.given["damping"] * (wanted[2:] - speed)
        return np.asarray(along * (along @ e) if block.channel else e)

    def push(self, hand: Array, along: Array, block: Any) -> Array:
        """Force on the hand, of the field and of the walls."""
        force = np.array([block.field * hand[3], -block.field * hand[2]])
        if block.channel:
            across = np.array([-along[1], along[0]])
            force -= across * (WALL * across @ hand[:2] + WALL_DAMPING * across @ hand[2:])
        return force

    def trial(self, block: Any, theta: float) -> dict[str, Any]:
        """A trial, and what is learned from it."""
        reach, limb, given, net = self.reach, self.limb, self.given, self.net
        along, alpha = np.array([cos(theta), sin(theta)]), reach.dt / given["tau"]
        shown = turned(along, self.psi + self.chi)
        x, r, state = np.zeros(len(self.b)), np.zeros(len(self.b)), limb.start.copy()
        names = ("hand", "body", "cortical", "nuclei", "plan", "errors", "activity")
        kept: dict[str, Any] = {name: [] for name in names}
        gs: list[Array] = []
        for t in range(reach.n_steps):
            time = reach.time[t]
            cue, hold = (shown if time >= reach.cue else np.zeros(2)), (1.0 if time < reach.go else 0.0)
            kept["body"].append(state)
            kept["hand"].append(seen_of(limb, state))
            then = max(t - self.delay, 0)
            felt = kept["body"][then]
            mossy = np.concatenate([r[net.sources], cue, [hold], felt - limb.start])
            gs.append(granule(net.cerebellum.granule_layer, net._scale * (mossy - net._shift)))
            silent = block.blocked == "all" or block.blocked == ("preparation" if time < reach.go else "movement")
            c, q = (np.zeros(2), np.zeros(2)) if silent else (self.W_pf @ gs[t], self.W_q @ gs[t])
            given_to_cortex = np.concatenate([self.cells(cue), [hold], c, q])
            x = (1 - alpha) * x + alpha * (self.W @ r + self.W_in @ given_to_cortex + self.b)
            r = np.tanh(x)
            y = self.W_o @ r + self.b_o
            epsilon = limb.jacobian(felt).T @ self.error(kept["hand"][then], then, along, block)
            for name, value in zip(names[2:], (y, c, q, epsilon, r), strict=True):
                kept[name].append(value)
            state = moved(
                limb,
                state,
                y + c + given["reflex"] * epsilon,
                lambda hand: self.push(hand, along, block),
                reach.dt,
                net.limb.plant.n_substeps,
            )
            if block.fast:
                eligible = np.zeros_like(gs[t])
                for k in range(t + 1):
                    eligible += self.kappa[k] * gs[t - k]
                self.W_pf = self.W_pf + net.cerebellum.plasticity.learning_rate * np.outer(epsilon, eligible)
        found = {name: np.array(values) for name, values in kept.items()}
        found.update(aim=self.psi, turn=self.chi)
        self.learn(found, np.array(gs), block, theta, shown)
        return found

    def learn(self, found: dict[str, Any], gs: Array, block: Any, theta: float, shown: Array) -> None:
        """At the end of a trial."""
        net, given, reach = self.net, self.given, self.reach
        preparing = [t for t in range(reach.n_steps) if reach.cue <= reach.time[t] < reach.go]
        arrived = sum(found["plan"][t] for t in preparing) / len(preparing)
        mean = sum(gs[t] for t in preparing) / len(preparing)
        middle = next(t for t in range(reach.n_steps) if reach.time[t] >= reach.go + reach.duration / 2)
        felt = found["hand"][middle][:2]
        seen = turned(felt, block.rotation * pi / 180)
        delta = wrapped(theta - atan2(seen[1], seen[0]))
        plan = arrived if hypot(*arrived) >= 0.5 * hypot(*shown) else shown
        off = wrapped(atan2(plan[1], plan[0]) - atan2(felt[1], felt[0]))
        of_planning = wrapped(delta - off)
        if block.channel:
            delta = of_planning = 0.0
        if block.fast:
            self.W_pf = given["retention_fast"] * self.W_pf
            told = self.W_q @ mean
            turning = np.outer([-told[1], told[0]], mean) / (mean @ mean) if mean @ mean > 0 else 0.0
            changed = self.W_q + net._plan_rate * of_planning * turning - self.W_q0
            self.W_q = self.W_q0 + given["retention_fast"] * changed
        if block.slow:
            change = np.zeros_like(self.W_o)
            for c, r in zip(found["nuclei"], found["activity"], strict=True):
                change += net._slow_rate * np.outer(c, r)
            self.W_o = self.W_o0 + given["retention_slow"] * (self.W_o + change - self.W_o0)
            nu = given["learning_slow"] if net._plan_rate else 0.0
            crossed = shown[0] * arrived[1] - shown[1] * arrived[0]
            self.chi = given["retention_slow"] * self.chi + nu * crossed
        if block.aims:
            self.psi = given["aim_retention"] * self.psi + given["aim_learning"] * delta
