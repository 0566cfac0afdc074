"""Nonnegative TCA with rank 8 of the CP tensor clipped at zero: two packages' HALS, and fastigial, to the same error.

The clipped tensor is not of low rank, so the fit ends far above the noise and has many minima: which one a start
reaches decides the loss more than how long it runs.
"""

from __future__ import annotations

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

N_COMPONENTS = 8


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.clipped(planted.cp_tensor(shape, N_COMPONENTS))


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial

    return Job(
        fit=lambda: fastigial.TCA(N_COMPONENTS, nonnegative=True, random_state=0).fit(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
    )


def load_tensorly(data: NDArray[np.float32], _repetition: int) -> Job:
    import tensorly
    from tensorly.decomposition import non_negative_parafac_hals

    return Job(
        fit=lambda: non_negative_parafac_hals(data, rank=N_COMPONENTS, return_errors=True),
        reconstruct=lambda fitted: tensorly.cp_to_tensor(fitted[0]),
        n_iter=lambda fitted: len(fitted[1]),
    )


def load_tensortools(data: NDArray[np.float32], repetition: int) -> Job:
    import tensortools

    # Its start is random: the repetition's number as the seed makes the record repeatable.
    return Job(
        fit=lambda: tensortools.ncp_hals(data, rank=N_COMPONENTS, random_state=repetition),
        reconstruct=lambda result: result.factors.full(),
        n_iter=lambda result: int(result.iterations),
    )


WORKLOAD = Workload(
    title="nonnegative TCA rank 8",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(
        Contender("tensorly non_negative_parafac_hals", load_tensorly, ("tensorly",), aim=10),
        Contender("tensortools ncp_hals", load_tensortools, ("tensortools",), aim=60),
    ),
)
