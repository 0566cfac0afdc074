"""Line drawing with the olive lesioned, or the cerebellum removed, early and late: the ten seeds of the published code.

Run: ``python benches/reproductions/olive_lesion.py``; about five minutes on two cores. The numbers are those of
notebook 05: squared distance after 100 epochs.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

import fastigial as fg

SEEDS = [1, 2, 1243, 34521, 135235, 236236, 7, 12, 1115, 987]


def final_errors(lesion: str, epoch: int) -> np.ndarray:
    """Of each seed, after 100 epochs."""
    make = fg.models.CorticoCerebellarRNN
    models = [make(1, 50, 2, seed=seed, **{lesion: epoch}) for seed in SEEDS]
    fg.models.fit_together(models, fg.tasks.LineDrawing(), 100, seed=SEEDS)
    return np.array([model.history_.validation_loss[-1] for model in models])


def main() -> None:
    """Print both lesions at both epochs, and how they compare."""
    print(f"fastigial {fg.__version__}")
    for epoch in (20, 60):
        found = {lesion: final_errors(lesion, epoch) for lesion in ("freeze_at", "ablate_at")}
        for lesion, values in found.items():
            print(
                f"{lesion} {epoch}: {values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}", flush=True
            )
        difference = found["freeze_at"] - found["ablate_at"]
        p = stats.ttest_1samp(difference, 0.0).pvalue
        print(f"  olive worse in {(difference > 0).sum()} of {len(SEEDS)}, paired t-test p = {p:.3f}", flush=True)


if __name__ == "__main__":
    main()
