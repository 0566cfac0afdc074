"""SliceTCA with ranks (2, 3, 2): gradient descent, plain NumPy, and fastigial."""

from __future__ import annotations

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

RANKS = (2, 3, 2)


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.slice_tensor(shape, RANKS)


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial

    return Job(
        fit=lambda: fastigial.SliceTCA(RANKS, random_state=0).fit(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
    )


def load_slicetca(data: NDArray[np.float32], _repetition: int) -> Job:
    import slicetca
    import torch

    tensor = torch.tensor(data)
    return Job(
        fit=lambda: slicetca.decompose(tensor, RANKS)[1],
        reconstruct=lambda model: model.construct().detach().numpy(),
        n_iter=lambda model: len(model.losses),
    )


def load_numpy(data: NDArray[np.float32], _repetition: int) -> Job:
    import numpy_block

    return Job(
        fit=lambda: numpy_block.fit(data, RANKS),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: model.n_iter,
    )


WORKLOAD = Workload(
    title="SliceTCA (2, 3, 2)",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(
        Contender("slicetca", load_slicetca, ("slicetca", "torch"), slow=True, aim=2000),
        Contender("NumPy block method", load_numpy, ()),
    ),
)
