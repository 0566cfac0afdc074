"""A cortex that does not learn, with hardly any memory, and feedback from a cerebellum that predicts the answer.

    python benches/reproductions/cerebellar_feedback.py            five seeds; a minute on one core

The question of Pemberton, Chadderton & Costa (Nat Commun 15:10913, 2024) in this package's coupling of a network and a
module: in a decision from noisy evidence, does the feedback of a module that predicts the target τ ahead help a fixed
leaky network? Beside it: no feedback (gain 0), and a module without granule cells that hears the
cortex alone and has no horizon, the likes of a readout that is fed back. What each cortex knows is measured alike in
all three, by a linear readout of its last state, fitted by least squares on other trials.

Departures from the paper: the module learns its parallel-fibre synapses alone, by the LMS rule, and granule cells are
random; the target is the side, -1 or +1, held against the module's prediction at every step of the stimulus.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import fastigial as fg

DT, ALPHA, N_UNITS, AHEAD = 0.04, 0.1, 50, 2
N_EPOCHS, N_TRIALS = 6, 100
RATES = (2e-4, 1e-3, 5e-3, 2e-2)


def trials_of(n_trials: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs (fixation and two streams of 20 steps), and the side at every step."""
    task = fg.tasks.EvidenceAccumulation(
        fixation=0.0, stimulus=0.8, response=0.08, grace=0.04, noise=0.2, dt=DT, coherences=(0.2, 0.4)
    )
    trials = task.sample(n_trials, seed)
    side = 2.0 * trials.info["side"] - 1.0
    return trials.inputs[:, :20], np.repeat(side[:, None, None], 20, axis=1)


def readable(loop: fg.cerebellum.CoupledNetwork, seed: int) -> float:
    """Share of sides that a linear readout of the last state of the cortex tells, on fresh trials."""
    sets = []
    for key in (1, 2):
        inputs, target = trials_of(1000, 10**6 * key + seed)
        last = loop.run(inputs).states[:, -1]
        sets.append((np.column_stack([last, np.ones(len(last))]), target[:, 0, 0]))
    (states, side), (others, other_side) = sets
    ridge = 1e-3 * np.eye(states.shape[1])
    weights = np.linalg.solve(states.T @ states / len(states) + ridge, states.T @ side / len(states))
    return float(np.mean(np.sign(others @ weights) == other_side))


def loop_of(name: str, seed: int, rate: float) -> fg.cerebellum.CoupledNetwork:
    """A random cortex of the seed with one kind of feedback."""
    net = fg.RNN(4, N_UNITS, 1, dt=DT, tau=DT / (1 - ALPHA), seed=seed, dtype="float64")
    # Nothing but the leak remembers.
    net.set_parameters({"W": np.zeros((N_UNITS, N_UNITS))})
    mossy = ("activity",) if name == "readout" else ("activity", "inputs")
    n_mossy = N_UNITS + (0 if name == "readout" else 3)
    layer = n_mossy if name == "readout" else fg.cerebellum.GranuleLayer(n_mossy, 300, seed=seed, dtype="float64")
    rule = fg.cerebellum.LMS(rate)
    module = fg.cerebellum.Cerebellum(layer, 1, dt=DT, plasticity=rule, dtype="float64", seed=seed)
    horizon = 0.0 if name == "readout" else AHEAD * DT
    gain = 0.0 if name == "none" else 1.0
    return fg.cerebellum.couple(net, module, mossy=mossy, mapping=np.eye(1), horizon=horizon, gain=gain)


def main() -> None:
    """Print the share of right sides after each epoch."""
    runs = [("none", 0.0)] + [(name, rate) for name in ("readout", "cerebellum") for rate in RATES]
    for name, rate in runs:
        rows = []
        for seed in range(5):
            loop = loop_of(name, seed, rate)
            rows.append([readable(loop, seed)])
            for epoch in range(N_EPOCHS):
                inputs, target = trials_of(N_TRIALS, 1000 * seed + epoch)
                loop.run(inputs, target, learn=rate > 0)
                rows[-1].append(readable(loop, seed))
        means = " ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        error = np.std(rows, axis=0, ddof=1)[-1] / np.sqrt(len(rows))
        print(f"{name:12s} rate {rate:7g}: {means} (last ± {error:.3f})", flush=True)


if __name__ == "__main__":
    main()
