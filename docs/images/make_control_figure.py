"""Draws docs/images/control.png: reaches of a policy in a field that it does not know yet, knows, and knew."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt

import fastigial as fg

senses = {
    "vision": fg.plants.Vision(delay=8, noise=0.002),
    "proprioception": fg.plants.Proprioception(delay=3, noise=(0.005, 0.05)),
}
policy = fg.models.ReachingPolicy(**senses)
policy.train(400, optimizer=fg.optim.Adam(fg.optim.schedules.cosine(5e-3, 400), clip=1.0))

field = fg.plants.CurlField(8)
runs = {"null field": policy.center_out(), "curl field, at first": policy.center_out(field=field)}
policy.train(30, field=field, optimizer=fg.optim.Adam(3e-4, clip=1.0))
runs["curl field, after 30 updates"] = policy.center_out(field=field)
runs["null field again"] = policy.center_out()

figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
for axis, (name, run) in zip(axes.flat, runs.items(), strict=True):
    fg.plot.hand_paths(run.hand_position, targets=run.target, axes=axis)
    axis.set_title(name)
    print(
        f"{name}: sideways {100 * run.lateral_deviation.mean():.1f} cm, "
        f"end {100 * run.endpoint_error.mean():.2f} cm on average, {100 * run.endpoint_error.max():.2f} cm at most"
    )
figure.savefig(Path(__file__).with_name("control.png"), dpi=110)
