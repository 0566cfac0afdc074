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
    layer = model.cerebellum.granule_layer
    rest, kernel = np.array(model._rest, dtype=np.float64), model.cerebellum.eligibility.kernel(reach.n_steps, reach.dt)
    rate = model.cerebellum.plasticity.learning_rate
    alpha, dt, delay = reach.dt / given["tau"], reach.dt, round(given["feedback_delay"] / reach.dt)
    trials = [block for block in blocks for _ in range(block.n_trials)]
    found: dict[str, list[Any]] = {"hand": [], "cortical": [], "nuclei": [], "errors": [], "aim": []}
    psi = 0.0
    for block, theta in zip(trials, directions, strict=True):
        target = np.array([np.cos(theta), np.sin(theta)])
        left = np.array([-target[1], target[0]])
        phi = np.radians(block.rotation)
        turn = np.array([[np.cos(phi), -np.sin(phi)], [np.sin(phi), np.cos(phi)]])
        field = block.field * np.array([[0.0, 1.0], [-1.0, 0.0]])
        blocked = {
            None: np.zeros(reach.n_steps, bool),
            "all": np.ones(reach.n_steps, bool),
            "preparation": np.arange(reach.n_steps) * dt < reach.go,
            "movement": np.arange(reach.n_steps) * dt >= reach.go,
        }[block.blocked]
        x, r = np.zeros(len(p["W"])), np.zeros(len(p["W"]))
        hand = np.zeros((reach.n_steps + 1, 4))
        granule = np.zeros((reach.n_steps, q["W_pf"].shape[1]))
        rows: dict[str, list[Any]] = {"cortical": [], "nuclei": [], "errors": [], "activity": []}
        for t in range(reach.n_steps):
            time = t * dt
            s = np.clip((time - reach.go) / reach.duration, 0, 1)
            u = np.array([0.0, 0.0, float(time < reach.go)])
            if time >= reach.cue:
                u[:2] = np.cos(theta + psi), np.sin(theta + psi)
            # What is felt now was so some steps ago; before the trial, nothing.
            felt = hand[t - delay] if t >= delay else np.zeros(4)
            error = np.zeros(2)
            if t >= delay:
                s = np.clip(((t - delay) * dt - reach.go) / reach.duration, 0, 1)
                place = reach.extent * (10 * s**3 - 15 * s**4 + 6 * s**5) * target
                speed = reach.extent * (30 * s**2 - 60 * s**3 + 30 * s**4) / reach.duration * target
                error = given["stiffness"] * (place - turn @ felt[:2]) + given["damping"] * (speed - turn @ felt[2:])
                if block.channel:
                    error = error - (error @ left) * left
            mossy = model._scale * (np.concatenate([r[model.sources], u, felt]) - model._shift)
            drive = (layer.weights * mossy[layer.sources]).sum(axis=1) - layer.thresholds
            granule[t] = np.maximum(drive, 0)
            c = q["W_pf"] @ granule[t]
            if blocked[t]:
                c = np.zeros(2)
            x = (1 - alpha) * x + alpha * (p["W"] @ r + p["W_in"] @ np.concatenate([u, c]) + p["b"])
            r = np.tanh(x)
            y = p["W_out"] @ r + p["b_out"]
            for name, value in (("cortical", y), ("nuclei", c), ("errors", error), ("activity", r)):
                rows[name].append(value)
            if block.fast:
                trace = sum(kernel[k] * granule[t - k] for k in range(t + 1))
                q["W_pf"] = q["W_pf"] + rate * np.outer(error, trace)
            force = y + c + given["reflex"] * error + field @ hand[t, 2:]
            if block.channel:
                force = force - (force @ left) * left
            hand[t + 1, 2:] = hand[t, 2:] + dt * force / given["mass"]
            hand[t + 1, :2] = hand[t, :2] + dt * hand[t + 1, 2:]
        found["aim"].append(psi)
        found["hand"].append(hand[:-1])
        for name in ("cortical", "nuclei", "errors"):
            found[name].append(rows[name])
        if block.fast:
            q["W_pf"] *= given["retention_fast"]
        if block.slow:
            learned = model.slow_rate * np.array(rows["nuclei"]).T @ np.array(rows["activity"])
            p["W_out"] = rest + given["retention_slow"] * (p["W_out"] + learned - rest)
        if block.aims:
            middle = next(t for t in range(reach.n_steps) if t * dt >= reach.go + reach.duration / 2 - 1e-12)
            seen = turn @ hand[middle, :2]
            missing = np.arctan2(seen[0] * target[1] - seen[1] * target[0], seen @ target)
            psi = given["aim_retention"] * psi + given["aim_learning"] * missing
    return {name: np.array(values) for name, values in found.items()} | {"W_out": p["W_out"], "W_pf": q["W_pf"]}
