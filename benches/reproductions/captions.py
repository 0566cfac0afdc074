"""Captions of small scenes with a cerebellum and without, weights changed after each batch or after each window.

Run: ``python benches/reproductions/captions.py``; about a quarter of an hour on two cores. The table is that of
notebook 05: LSTM of 64 units, two granule layers of 400, three seeds, 800 batches of 100 trials; bits a word beyond
what style costs, over 2000 captions of the test set. After each window with plain Adam and no clipping, as in the
published code.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import fastigial as fg

SEEDS = range(3)
LENGTHS = {"all": (8, 15), "8–9 words": (8, 9), "14–15 words": (14, 15)}
CASES = [("each batch", 1), ("each batch", 4), ("each window", 1), ("each window", 4)]


def fitted(task: Any, cerebellum: bool, window: int, after: str) -> list[Any]:
    """Networks that are to be trained, one for each seed."""
    published = {"betas": (0.9, 0.999), "clip": None, "update_every_window": True} if after == "each window" else {}
    options: dict[str, Any] = {"granule_layers": (400, 400), "batch_size": 100, "learning_rate": 1e-3, **published}
    make = fg.models.CorticoCerebellarRNN
    sizes = (task.n_inputs, 64, task.n_outputs)
    return [make(*sizes, window=window, cerebellum=cerebellum, seed=seed, **options) for seed in SEEDS]


def main() -> None:
    """Train and test, case after case."""
    task, test = (fg.tasks.SceneCaptions(dtype="float32", split=split) for split in ("train", "test"))
    trials = test.sample(2000, seed=99)
    words = trials.info["n_words"]
    print(f"fastigial {fg.__version__}\n\n| after | K | model | {' | '.join(LENGTHS)} | seconds |")
    print("| --- | ---: | --- |" + " ---: |" * (len(LENGTHS) + 1))
    for after, window in CASES:
        groups = {name: fitted(task, name == "ccRNN", window, after) for name in ("cRNN", "ccRNN")}
        started = time.perf_counter()
        # Two fits of ten epochs: the second has trials of its own.
        for _ in range(2):
            fg.models.fit_together(
                groups["cRNN"] + groups["ccRNN"], task, 10, n_trials=4000, seed=[*SEEDS, *SEEDS], n_validation=200
            )
        seconds = time.perf_counter() - started
        for name, models in groups.items():
            beyond = [
                test.bits_per_word(model.predict(trials), trials) - trials.info["style_bits"] / (words + 1)
                for model in models
            ]
            cells = []
            for low, high in LENGTHS.values():
                values = np.array([bits[(words >= low) & (words <= high)].mean() for bits in beyond])
                cells.append(f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}")
            print(f"| {after} | {window} | {name} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
