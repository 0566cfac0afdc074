"""TCA with rank 8 where 30 % of the entries, at random, are missing; the loss is over the observed ones.

fastigial takes NaN. The peers take a mask of ones (observed) and zeros, and numbers where nothing was observed: zeros.
"""

from __future__ import annotations

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

N_COMPONENTS = 8
MISSING = 0.3


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.with_missing(planted.cp_tensor(shape, N_COMPONENTS), MISSING)


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial

    return Job(
        fit=lambda: fastigial.TCA(N_COMPONENTS, random_state=0).fit(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
    )


def filled_and_mask(data: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    # The mask has the data's type: tensorly subtracts it from one, which with booleans makes integers, and those times
    # float32 make float64, at twice the work.
    mask = (~np.isnan(data)).astype(np.float32)
    return np.nan_to_num(data, nan=0.0), mask


def load_tensorly(data: NDArray[np.float32], _repetition: int) -> Job:
    import tensorly
    from tensorly.decomposition import parafac

    filled, mask = filled_and_mask(data)
    return Job(
        fit=lambda: parafac(filled, rank=N_COMPONENTS, mask=mask, return_errors=True),
        reconstruct=lambda fitted: tensorly.cp_to_tensor(fitted[0]),
        n_iter=lambda fitted: len(fitted[1]),
    )


def load_tensortools(data: NDArray[np.float32], repetition: int) -> Job:
    import tensortools

    filled, mask = filled_and_mask(data)
    return Job(
        fit=lambda: tensortools.mcp_als(filled, rank=N_COMPONENTS, mask=mask, random_state=repetition),
        reconstruct=lambda result: result.factors.full(),
        n_iter=lambda result: int(result.iterations),
    )


WORKLOAD = Workload(
    title="TCA rank 8, 30 % missing",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(
        Contender("tensorly parafac with mask", load_tensorly, ("tensorly",), aim=20),
        Contender("tensortools mcp_als", load_tensortools, ("tensortools",), aim=20),
    ),
)
