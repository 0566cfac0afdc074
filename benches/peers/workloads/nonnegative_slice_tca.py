"""Nonnegative SliceTCA with ranks (2, 3, 2) of the slice tensor clipped at zero: gradient descent and fastigial."""

from __future__ import annotations

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

RANKS = (2, 3, 2)


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.clipped(planted.slice_tensor(shape, RANKS))


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial

    return Job(
        fit=lambda: fastigial.SliceTCA(RANKS, nonnegative=True, random_state=0).fit(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
    )


def load_slicetca(data: NDArray[np.float32], _repetition: int) -> Job:
    import slicetca
    import torch

    tensor = torch.tensor(data)
    # Its documentation says that ``positive`` implies the positive start, its code does not: asked for by name.
    return Job(
        fit=lambda: slicetca.decompose(tensor, RANKS, positive=True, initialization="uniform-positive")[1],
        reconstruct=lambda model: model.construct().detach().numpy(),
        n_iter=lambda model: len(model.losses),
    )


WORKLOAD = Workload(
    title="nonnegative SliceTCA (2, 3, 2)",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(Contender("slicetca positive", load_slicetca, ("slicetca", "torch"), slow=True, aim=500),),
)
