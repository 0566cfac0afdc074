"""A cortex and a cerebellum that learn to reach, step by step in NumPy, from the equations alone."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["adapt"]


def adapt(model: Any, blocks: Any, directions: Any) -> dict[str, Any]:
    """Follow the trials of the blocks in the given directions, without noise; weights begin as the model has them.

    The model is left as it is. Only its arguments and weights are looked at.
    """
    given, reach = model._arguments, model.reach
    p = {name: np.array(value, dtype=np.float64) for name, value in model.net.parameters.items()}
    q = {name: np.array(value, dtype=np.float64) for name, value in model.cerebellum.parameters.items()}
    layer, limb = model.cerebellum.granule_layer, _Limb(model.limb)
    rest, kernel = np.array(model._rest, dtype=np.float64), model.cerebellum.eligibility.kernel(reach.n_steps, reach.dt)
    plan_rest, w_plan, chi = np.array(model._plan_rest, np.float64), np.array(model._plan, np.float64), model._turn
    rate, plan_rate = model.cerebellum.plasticity.learning_rate, model._plan_rate
    alpha, dt, delay = reach.dt / given["tau"], reach.dt, round(given["feedback_delay"] / reach.dt)
    trials = [block for block in blocks for _ in range(block.n_trials)]
    names = ("hand", "body", "cortical", "nuclei", "plan", "errors", "activity", "aim", "turn")
    found: dict[str, list[Any]] = {name: [] for name in names}
    tuned = 2 * np.pi * np.arange(given["n_cue"]) / given["n_cue"]
    preparing = [t for t in range(reach.n_steps) if reach.cue - 1e-12 <= t * dt < reach.go - 1e-12]
    middle = next(t for t in range(reach.n_steps) if t * dt >= reach.go + reach.duration / 2 - 1e-12)
    psi = 0.0
    for block, theta in zip(trials, directions, strict=True):
        target = np.array([np.cos(theta), np.sin(theta)])
        left = np.array([-target[1], target[0]])
        turn = _rotation(np.radians(block.rotation))
        blocked = [
            block.blocked == "all"
            or (block.blocked == "preparation" and t * dt < reach.go - 1e-12)
            or (block.blocked == "movement" and t * dt >= reach.go - 1e-12)
            for t in range(reach.n_steps)
        ]
        x, r = np.zeros(len(p["W"])), np.zeros(len(p["W"]))
        states, hand = [limb.start], []
        granule = np.zeros((reach.n_steps, q["W_pf"].shape[1]))
        rows: dict[str, list[Any]] = {name: [] for name in names[2:7]}
        for t in range(reach.n_steps):
            hand.append(limb.hand(states[t]))
            u = np.array([0.0, 0.0, float(t * dt < reach.go - 1e-12)])
            if t * dt >= reach.cue - 1e-12:
                u[:2] = _rotation(psi + chi) @ target
            # What is felt now was so some steps ago; before the trial, nothing.
            felt, error = np.zeros(4), np.zeros(2)
            if t >= delay:
                felt = states[t - delay] - limb.start
                s = np.clip(((t - delay) * dt - reach.go) / reach.duration, 0, 1)
                place = reach.extent * (10 * s**3 - 15 * s**4 + 6 * s**5) * target
                speed = reach.extent * (30 * s**2 - 60 * s**3 + 30 * s**4) / reach.duration * target
                then = hand[t - delay]
                error = given["stiffness"] * (place - turn @ then[:2]) + given["damping"] * (speed - turn @ then[2:])
                if block.channel:
                    error = error - (error @ left) * left
                error = limb.jacobian(states[t - delay]).T @ error
            mossy = model._scale * (np.concatenate([r[model.sources], u, felt]) - model._shift)
            drive = (layer.weights * mossy[layer.sources]).sum(axis=1) - layer.thresholds
            granule[t] = np.maximum(drive, 0)
            c, plan = q["W_pf"] @ granule[t], w_plan @ granule[t]
            if blocked[t]:
                c, plan = np.zeros(2), np.zeros(2)
            cells = np.hypot(*u[:2]) * np.exp(
                given["cue_sharpness"] * (u[0] * np.cos(tuned) + u[1] * np.sin(tuned) - 1)
            )
            seen = np.concatenate([cells, u[2:], c, plan])
            x = (1 - alpha) * x + alpha * (p["W"] @ r + p["W_in"] @ seen + p["b"])
            r = np.tanh(x)
            y = p["W_out"] @ r + p["b_out"]
            for name, value in zip(names[2:7], (y, c, plan, error, r), strict=True):
                rows[name].append(value)
            if block.fast:
                trace = sum(kernel[k] * granule[t - k] for k in range(t + 1))
                q["W_pf"] = q["W_pf"] + rate * np.outer(error, trace)
            force = block.field * np.array([hand[t][3], -hand[t][2]])
            if block.channel:
                force = force - (2000.0 * (hand[t][:2] @ left) + 50.0 * (hand[t][2:] @ left)) * left
            velocity = states[t][2:] + dt * limb.acceleration(states[t], y + c + given["reflex"] * error, force)
            states.append(np.concatenate([states[t][:2] + dt * velocity, velocity]))
        for name, value in (("hand", hand), ("body", states[:-1]), ("aim", psi), ("turn", chi), *rows.items()):
            found[name].append(value)
        g, sent = granule[preparing].mean(axis=0), np.array(rows["plan"])[preparing].mean(axis=0)
        cue = _rotation(psi + chi) @ target
        missing = _angle(turn @ hand[middle][:2], target)
        if block.fast:
            q["W_pf"] *= given["retention_fast"]
            planned = sent if np.linalg.norm(sent) >= 0.5 else cue
            error_of_plan = missing - _angle(hand[middle][:2], planned)
            error_of_plan = np.arctan2(np.sin(error_of_plan), np.cos(error_of_plan))
            across = _rotation(np.pi / 2) @ (w_plan @ g)
            learned = plan_rate * error_of_plan * np.outer(across, g) / (g @ g) if g.any() else 0.0
            w_plan = plan_rest + given["retention_fast"] * (w_plan + learned - plan_rest)
        if block.slow:
            learned = model.slow_rate * np.array(rows["nuclei"]).T @ np.array(rows["activity"])
            p["W_out"] = rest + given["retention_slow"] * (p["W_out"] + learned - rest)
            taught = given["learning_slow"] if plan_rate else 0.0
            chi = given["retention_slow"] * chi + taught * (cue[0] * sent[1] - cue[1] * sent[0])
        if block.aims:
            psi = given["aim_retention"] * psi + given["aim_learning"] * missing
    weights = {"W_out": p["W_out"], "W_pf": q["W_pf"], "W_plan": w_plan, "turn_after": chi}
    return {name: np.array(values) for name, values in found.items()} | weights


def _rotation(angle: float) -> Any:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _angle(of: Any, to: Any) -> float:
    """Angle that turns one vector into the direction of another."""
    return float(np.arctan2(of[0] * to[1] - of[1] * to[0], of @ to))


class _Limb:
    """A mass, or a two-link arm written as Lagrange's equations are in textbooks."""

    def __init__(self, limb: Any) -> None:
        self.plant, self.start = limb.plant, np.array(limb.start, dtype=np.float64)
        self.is_arm = hasattr(limb.plant, "numbers")
        self.origin = np.zeros(2)
        self.origin = self.hand(self.start)[:2]

    def hand(self, state: Any) -> Any:
        if not self.is_arm:
            return state
        (l1, l2), q1, q12 = self.plant.numbers.lengths, state[0], state[0] + state[1]
        place = np.array([l1 * np.cos(q1) + l2 * np.cos(q12), l1 * np.sin(q1) + l2 * np.sin(q12)])
        return np.concatenate([place - self.origin, self.jacobian(state) @ state[2:]])

    def jacobian(self, state: Any) -> Any:
        if not self.is_arm:
            return np.eye(2)
        (l1, l2), q1, q12 = self.plant.numbers.lengths, state[0], state[0] + state[1]
        upper = l1 * np.array([-np.sin(q1), np.cos(q1)])
        lower = l2 * np.array([-np.sin(q12), np.cos(q12)])
        return np.stack([upper + lower, lower], axis=1)

    def acceleration(self, state: Any, command: Any, force: Any) -> Any:
        plant = self.plant
        if not self.is_arm:
            return (command + force - plant.damping * state[2:]) / plant.mass
        (m1, m2), (l1, _), (g1, g2), (i1, i2) = (
            getattr(plant.numbers, name) for name in ("masses", "lengths", "centres", "inertias")
        )
        coupling, v1, v2 = m2 * l1 * g2, state[2], state[3]
        own = i2 + m2 * g2**2
        both = own + coupling * np.cos(state[1])
        whole = i1 + m1 * g1**2 + m2 * l1**2 + own + 2 * coupling * np.cos(state[1])
        coriolis = coupling * np.sin(state[1]) * np.array([-(2 * v1 + v2) * v2, v1**2])
        torque = command + self.jacobian(state).T @ force - coriolis - plant.damping * state[2:]
        return np.linalg.solve(np.array([[whole, both], [both, own]]), torque)
