"""TCA (CP) with rank 8: two packages of alternating least squares, and fastigial, to the same error.

Every package runs with its own defaults. The peers stop where they stop; fastigial must end at least as low.
"""

from __future__ import annotations

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

N_COMPONENTS = 8


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.cp_tensor(shape, N_COMPONENTS)


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial

    return Job(
        fit=lambda: fastigial.TCA(N_COMPONENTS, random_state=0).fit(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
    )


def load_tensorly(data: NDArray[np.float32], _repetition: int) -> Job:
    import tensorly
    from tensorly.decomposition import parafac

    # The errors are computed either way, for the stopping rule; returning them tells the iterations.
    return Job(
        fit=lambda: parafac(data, rank=N_COMPONENTS, return_errors=True),
        reconstruct=lambda fitted: tensorly.cp_to_tensor(fitted[0]),
        n_iter=lambda fitted: len(fitted[1]),
    )


def load_tensortools(data: NDArray[np.float32], repetition: int) -> Job:
    import tensortools

    # Its start is random: the repetition's number as the seed makes the record repeatable.
    return Job(
        fit=lambda: tensortools.cp_als(data, rank=N_COMPONENTS, random_state=repetition),
        reconstruct=lambda result: result.factors.full(),
        n_iter=lambda result: int(result.iterations),
    )


WORKLOAD = Workload(
    title="TCA rank 8",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(
        Contender("tensorly parafac", load_tensorly, ("tensorly",), aim=20),
        Contender("tensortools cp_als", load_tensortools, ("tensortools",), aim=100),
    ),
)
