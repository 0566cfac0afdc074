"""Child of rank_grid.py, run with the peers' Python: slicetca's grid search. Prints one line of JSON, last."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from slicetca import grid_search


def main() -> None:
    path, *largest = sys.argv[1:]
    with np.load(path) as file:
        X, train, test = (torch.tensor(file[name]) for name in ("X", "train", "test"))
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        losses, _ = grid_search(
            X,
            [int(rank) for rank in largest],
            mask_train=train,
            mask_test=test,
            processes_grid=2,
            # Its documentation says that ``positive`` implies the positive start, its code does not: asked for by name.
            positive=True,
            initialization="uniform-positive",
        )
    seconds = time.perf_counter() - start
    held_out = {str(rank): float(losses[(*rank, 0)]) for rank in np.ndindex(losses.shape[:-1])}
    print(json.dumps({"seconds": seconds, "test_losses": held_out, "slicetca": version("slicetca")}))


if __name__ == "__main__":
    main()
