"""Learn one period of a sum of sines by backpropagation through time and by RFLO, as in Murray's published example.

Fifty units without input or biases start at h₀ = 0.1 and have to produce y*, one trial and one update at a time::

    h_t = (1 − 1/τ) h_{t−1} + tanh(W h_{t−1}) / τ        y_t = W_out h_t
    y*_t = sin φ_t + ½ sin 2φ_t + ¼ sin 4φ_t             φ_t = 2π t / T

    symbol   value                            meaning
    N, T     50, 100                          units; steps of a trial
    τ        10                               time constant in steps
    W        N(0, 1.5² / N)                   recurrent weights at the start
    W_out    U(±0.1 / √N)                     readout at the start
    η        0 (W_in), 0.03 (W), 0.03 (W_out) learning rates of the example
    l        ½ ⟨(y − y*)²⟩                    loss of the example, mean over steps

The example changes weights by η times the sum over steps of what lowers ½ (y_t − y*_t)², divided by T: gradient
descent on l at rate η. Here the loss is L = ⟨(y − y*)²⟩ = 2 l, with twice the gradient, so the rate has to be η / 2 for
the same steps. The same holds for RFLO, which takes ∂L/∂y_t = 2 (y_t − y*_t) / T where the example takes
(y_t − y*_t) / T. What is printed is l. The example ends at 2.3e-4 (its backpropagation, whose adjoint is a step off)
and 1.5e-4 (RFLO) after 10 000 trials, for a single draw of the weights; draws differ, hence several seeds.

Murray, eLife 8:e43299, 2019. We depart in that T steps are learnt from where the example holds the first one fixed.
About six seconds a seed::

    python benches/networks/rflo.py --seeds 5
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

import fastigial as fg
from fastigial.rnn.initialisers import Gaussian, Uniform

N_UNITS, N_STEPS = 50, 100
STEP = 0.01
"""Seconds; τ is ten of them."""
RATE = 0.03
"""η, of the example's loss."""
LIMIT = 1e-3
"""What both rules have to fall below."""


def network(seed: int) -> fg.RNN:
    """The example's network before learning."""
    return fg.RNN(
        1,
        N_UNITS,
        1,
        dt=STEP,
        tau=10 * STEP,
        bias=False,
        initial={"W": Gaussian(1.5), "W_out": Uniform(0.1 / math.sqrt(N_UNITS))},
        initial_state=np.full(N_UNITS, 0.1),
        trainable={"W_in": False},
        seed=seed,
    )


def losses(rule: fg.rules.Rule, seed: int, n_trials: int) -> np.ndarray:
    """Loss l of every trial."""
    task = fg.tasks.Sine(harmonics={1: 1.0, 2: 0.5, 4: 0.25}, cue="none", duration=N_STEPS * STEP, dt=STEP)
    trial = task.sample(1, seed=0)
    history = fg.train(
        network(seed), trial, rule=rule, optimizer=fg.optim.SGD(RATE / 2), n_epochs=n_trials, batch_size=1
    )
    return history.loss / 2


def main() -> None:
    """Print a row for each seed and rule; leave with 1 if a median is not below the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    last: dict[str, list[float]] = {"BPTT": [], "RFLO": []}
    print("| seed | rule | first loss | last loss | seconds |\n| ---: | --- | ---: | ---: | ---: |")
    for seed in range(options.seeds):
        for name, rule in {"BPTT": fg.rules.BPTT(), "RFLO": fg.rules.RFLO(seed=seed)}.items():
            start = time.perf_counter()
            found = losses(rule, seed, options.trials)
            last[name].append(float(found[-1]))
            seconds = time.perf_counter() - start
            print(f"| {seed} | {name} | {found[0]:.2e} | {found[-1]:.2e} | {seconds:.1f} |", flush=True)
    medians = {name: float(np.median(values)) for name, values in last.items()}
    for name, values in last.items():
        below = sum(value < LIMIT for value in values)
        print(f"{name}: median {medians[name]:.2e}; below {LIMIT:g} for {below} of {len(values)} seeds")
    raise SystemExit(any(value >= LIMIT for value in medians.values()))


if __name__ == "__main__":
    main()
