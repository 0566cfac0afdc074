"""Seeds of fits and splits, derived from one: each depends on what it is for and on nothing else.

So results depend neither on the order in which fits end nor on what else was asked for.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["derived_seed"]

# Different first words keep apart what is drawn for different purposes.
_PURPOSES = {"fit": 0, "split": 1, "refit": 2}


def derived_seed(seed: int, purpose: Literal["fit", "split", "refit"], *key: int) -> int:
    """A seed for one of many draws.

    Parameters
    ----------
    seed : int
        The seed that the user gave.
    purpose : {"fit", "split", "refit"}
        What it is for.
    *key : int
        Which one: rank, split and start, for example.

    Returns
    -------
    int
        Below 2**64.

    Examples
    --------
    >>> from fastigial.selection.seeds import derived_seed
    >>> derived_seed(0, "fit", 3, 1) == derived_seed(0, "fit", 3, 1)
    True
    >>> len({derived_seed(0, "fit", rank, split) for rank in range(5) for split in range(5)})
    25
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(_PURPOSES[purpose], *key))
    return int(sequence.generate_state(1, np.uint64)[0])
