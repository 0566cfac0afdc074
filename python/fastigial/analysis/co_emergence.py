"""Two populations at each stage of learning: how alike they are and at which lag, how rich, and what can be read.

For the trials of a stage, with L the largest lag in steps and t = L … T − L − 1, the same steps of a for every lag:

    CKA(τ) = CKA( a[k, :, t], b[k, :, t + τ] )        τ > 0: b follows a

| symbol | name                | shape               |                                        |
| ------ | ------------------- | ------------------- | -------------------------------------- |
| CKA(τ) | cka                 | (n_stages, n_lags)  | `fastigial.analysis.cka`               |
| D      | participation_ratio | (n_stages, 2)       | `fastigial.analysis.participation_ratio` |
|        | accuracy, chance    | (n_stages, 2)       | `fastigial.analysis.decode` of means over time |

CKA is that of Kornblith et al., ICML 2019. To shift one population against the other and to put the measures side by
side for stages is a design of this package; no published source is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.decoding import decode
from fastigial.analysis.dimensionality import participation_ratio
from fastigial.analysis.population import population_of
from fastigial.analysis.representations import cka

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["CoEmergence", "co_emergence"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CoEmergence:
    """Two populations at each stage.

    Attributes
    ----------
    stages : tuple of str
        In the order of the first trial of each.
    names : (str, str)
        Of the populations.
    lags : ndarray, shape (n_lags,)
        In the unit of time; where positive, b follows a.
    time_unit : str
        "s", "ms" or "step".
    cka : ndarray, shape (n_stages, n_lags)
    participation_ratio : ndarray, shape (n_stages, 2)
    accuracy, chance : ndarray, shape (n_stages, 2)
        Of reading the labels, and what shuffled labels give; NaN where nothing was to be read.
    n_trials : ndarray of int, shape (n_stages,)
    """

    stages: tuple[str, ...]
    names: tuple[str, str]
    lags: Array
    time_unit: str
    cka: Array
    participation_ratio: Array
    accuracy: Array
    chance: Array
    n_trials: NDArray[np.intp]

    @property
    def peak_lag(self) -> Array:
        """The lag with the largest CKA at each stage, (n_stages,)."""
        return np.asarray(self.lags[self.cka.argmax(axis=1)])

    def to_pandas(self) -> pd.DataFrame:
        """One row for each stage."""
        import pandas as pd

        table: dict[str, Any] = {"n_trials": self.n_trials, "cka": self.cka.max(axis=1), "peak_lag": self.peak_lag}
        for place, name in enumerate(self.names):
            table[f"participation_ratio, {name}"] = self.participation_ratio[:, place]
            table[f"accuracy, {name}"] = self.accuracy[:, place]
            table[f"chance, {name}"] = self.chance[:, place]
        return pd.DataFrame(table, index=pd.Index(self.stages, name="stage"))

    def plot(self, **options: Any) -> Figure:
        """Draw it: `fastigial.plot.co_emergence`."""
        from fastigial.plot.co_emergence import co_emergence as draw

        return draw(self, **options)

    def __repr__(self) -> str:
        peaks = ", ".join(
            f"{stage} {value:.2f}" for stage, value in zip(self.stages, self.cka.max(axis=1), strict=True)
        )
        return f"<CoEmergence of {self.names[0]} and {self.names[1]}: largest CKA {peaks}>"


def co_emergence(
    a: Any,
    b: Any,
    stages: str | ArrayLike,
    *,
    labels: str | ArrayLike | None = None,
    lags: Iterable[int] = (0,),
    centre: bool = False,
    estimator: Literal["biased", "unbiased"] = "biased",
    cv: int = 5,
    n_permutations: int = 20,
    names: tuple[str, str] = ("a", "b"),
    seed: int | None = 0,
) -> CoEmergence:
    r"""How two populations change together over the stages of learning.

    .. math:: \mathrm{CKA}(\tau) = \mathrm{CKA}\bigl(a_{k}(t),\ b_{k}(t + \tau)\bigr)

    over the trials k of a stage and the same steps t for every lag; with it the participation ratio of either, and what
    a linear classifier reads from averages over time. CKA: Kornblith et al., ICML 2019. The lags and the comparison of
    stages are a design of this package.

    Parameters
    ----------
    a, b : trajectory, Recording, xarray.DataArray or array_like
        Two populations on the same trials and steps; plain arrays are (trials, neurons, time). All observed.
    stages : str or array_like, shape (n_trials,)
        Which stage each trial belongs to, or the name of a coordinate of the trials of `a`. Trials without one (an
        empty string, None, NaN) are left out.
    labels : str or array_like, shape (n_trials,), optional
        What to read from activity, such as the direction or the field.
    lags : iterable of int
        In steps; where positive, b follows a.
    centre : bool
        Subtract the mean over the trials of a stage at each step first: without it, CKA is high for any two populations
        that go through the same movement in time.
    estimator : {"biased", "unbiased"}
        Of `cka`.
    cv, n_permutations, seed
        As in `decode`; there are no more folds than trials of the rarest label.
    names : (str, str)
        For tables and plots.

    Returns
    -------
    CoEmergence
        With ``.cka``, ``.peak_lag``, ``.participation_ratio``, ``.accuracy``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If activity does not hold real numbers, or a lag is not a whole number.
    ValueError
        If trials or steps of a and b differ, samples are missing, there is no stage or lag, or lags are too long.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> a = np.random.default_rng(0).normal(size=(40, 4, 30))
    >>> b = np.roll(a, 3, axis=2)  # three steps later
    >>> found = fg.analysis.co_emergence(a, b, np.repeat(["early", "late"], 20), lags=range(-5, 6))
    >>> found.peak_lag
    array([3., 3.])
    """
    first, second = population_of(a, "a"), population_of(b, "b")
    if (first.n_trials, first.n_steps) != (second.n_trials, second.n_steps):
        raise ValueError(
            f"b has {second.n_trials} trials of {second.n_steps} steps, expected {first.n_trials} of {first.n_steps} "
            "as in a"
        )
    for name, one in (("a", first), ("b", second)):
        if not one.seen.all():
            raise ValueError(f"{name} has {int((~one.seen).sum())} samples that were not observed, expected none")
    shifts = _lags(lags, first.n_steps)
    where, _ = first.trial_values(stages, "stages")
    known = [value for value in dict.fromkeys(where.tolist()) if value not in ("", None) and value == value]
    if not known:
        raise ValueError("stages holds no stage, expected one for at least some trials")
    read = None if labels is None else first.trial_values(labels, "labels")[0]
    longest = int(np.abs(shifts).max())
    inside = slice(longest, first.n_steps - longest)
    table: dict[str, list[Any]] = {"cka": [], "ratio": [], "accuracy": [], "chance": [], "n": []}
    for stage in known:
        mine = np.array([value == stage for value in where.tolist()])
        pair = [one.values[mine] for one in (first, second)]
        moving = [one - one.mean(axis=0) if centre else one for one in pair]
        row = []
        for shift in shifts:
            later = moving[1][:, longest + shift : first.n_steps - longest + shift]
            row.append(cka(_samples(moving[0][:, inside]), _samples(later), estimator=estimator))
        table["cka"].append(row)
        table["ratio"].append([participation_ratio(_samples(one)) for one in pair])
        reads = [_read(one.mean(axis=1), read, mine, cv, n_permutations, seed) for one in pair]
        table["accuracy"].append([score for score, _ in reads])
        table["chance"].append([chance for _, chance in reads])
        table["n"].append(int(mine.sum()))
    step = float(first.time[1] - first.time[0]) if first.n_steps > 1 else 1.0
    return CoEmergence(
        tuple(str(stage) for stage in known),
        names,
        np.asarray(step * shifts, dtype=np.float64),
        first.time_unit,
        np.asarray(table["cka"], dtype=np.float64),
        np.asarray(table["ratio"], dtype=np.float64),
        np.asarray(table["accuracy"], dtype=np.float64),
        np.asarray(table["chance"], dtype=np.float64),
        np.asarray(table["n"], dtype=np.intp),
    )


def _samples(values: Array) -> Array:
    return values.reshape(-1, values.shape[2])


def _lags(lags: Iterable[int], n_steps: int) -> NDArray[np.intp]:
    found = np.asarray(list(lags))
    if found.size == 0:
        raise ValueError("lags is empty, expected at least one")
    if found.dtype.kind not in "iu":
        raise TypeError(f"lags has dtype {found.dtype}, expected whole numbers of steps")
    if 2 * int(np.abs(found).max()) >= n_steps:
        raise ValueError(f"lags reach {int(np.abs(found).max())} steps, expected less than half of the {n_steps} steps")
    return found.astype(np.intp)


def _read(
    patterns: Array,
    labels: NDArray[Any] | None,
    mine: NDArray[np.bool_],
    cv: int,
    n_permutations: int,
    seed: int | None,
) -> tuple[float, float]:
    """Accuracy and chance; NaN if there is nothing to tell apart, or too few trials of something."""
    if labels is None:
        return float("nan"), float("nan")
    counts = np.unique(labels[mine], return_counts=True)[1]
    folds = min(cv, int(counts.min()))
    if len(counts) < 2 or folds < 2:
        return float("nan"), float("nan")
    # Labels need not be strings: numbers of directions are classes here, not quantities.
    found = decode(
        patterns, labels[mine].astype(str), cv=folds, classifier="ridge", n_permutations=n_permutations, seed=seed
    )
    return float(np.mean(found.score)), float(np.mean(found.chance))
