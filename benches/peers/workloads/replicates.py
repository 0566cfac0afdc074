"""100 fits of TCA, ranks 1 to 10 from ten random starts each: what choosing a rank costs. One group of losses a rank.

The best loss of each rank is what must be no higher: single starts may end in other minima on either side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import planted
from contender import Contender, Job, Shape, Workload
from numpy.typing import NDArray

N_COMPONENTS = 8
"""Of the planted tensor."""

RANKS = tuple(range(1, 11))
N_STARTS = 10


def data(shape: Shape) -> NDArray[np.float32]:
    return planted.cp_tensor(shape, N_COMPONENTS)


def fit_all(data: NDArray[np.float32]) -> dict[Any, list[Any]]:
    """Fit every rank from every start with fastigial."""
    import fastigial

    ensemble = fastigial.Ensemble(fastigial.TCA(1), RANKS, N_STARTS, n_jobs=-1, random_state=0)
    return ensemble.fit(data).models_


def by_rank(fits: dict[Any, list[Any]]) -> dict[str, list[Any]]:
    return {f"rank {rank}": models for rank, models in fits.items()}


def load_fastigial(data: NDArray[np.float32], _repetition: int) -> Job:
    import fastigial  # noqa: F401 (importing is not timed)

    return Job(
        fit=lambda: fit_all(data),
        reconstruct=lambda model: model.reconstruct(),
        n_iter=lambda model: int(model.n_iter_),
        groups=by_rank,
    )


def load_tensortools(data: NDArray[np.float32], repetition: int) -> Job:
    import tensortools

    # A generator, not a number: with a number all replicates of a rank would be one and the same fit.
    options = {"random_state": np.random.RandomState(repetition)}
    ensemble = tensortools.Ensemble(fit_options=options)

    def fit() -> dict[int, list[Any]]:
        ensemble.fit(data, ranks=list(RANKS), replicates=N_STARTS, verbose=False)
        return dict(ensemble.results)

    return Job(
        fit=fit,
        reconstruct=lambda result: result.factors.full(),
        n_iter=lambda result: int(result.iterations),
        groups=by_rank,
    )


WORKLOAD = Workload(
    title="100 fits of TCA, ranks 1 to 10",
    data=data,
    fastigial=Contender("fastigial", load_fastigial, ("fastigial",)),
    peers=(Contender("tensortools Ensemble", load_tensortools, ("tensortools",), slow=True, aim=300),),
)
