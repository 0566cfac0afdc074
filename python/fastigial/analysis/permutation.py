"""Do components follow a label of the trials? Permutation tests, corrected over the components.

| symbol | name           | shape          |                                                            |
| ------ | -------------- | -------------- | ---------------------------------------------------------- |
| s_r    | observed       | (R,)           | η², rank η², or a correlation; see `association`             |
| s_r^π  | null           | (P, R)         | the same with the labels in another order π                |
| p_r    | p              | (R,)           | (1 + #{π : abs s_r^π ≥ abs s_r}) / (1 + P)                 |
| p̃_r    | p_corrected    | (R,)           | (1 + #{π : max_q abs s_q^π ≥ abs s_r}) / (1 + P)           |

One order is used for all components at once, so that their dependence is kept in the maximum (Westfall & Young,
Resampling-Based Multiple Testing, 1993). Where there are no more orders than were asked for, each is used once and p is
the plain share of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.analysis.association import group_rows, holm, p_values, products, ranked, standardised
from fastigial.analysis.components import check_model
from fastigial.analysis.orders import Scheme, all_orders, n_orders, random_orders
from fastigial.analysis.trial_labels import as_codes, missing, values_along
from fastigial.tensor import TCA, SliceTCA
from fastigial.tensor.checks import as_count, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["PermutationTest", "permutation_test"]

Statistic = Literal["eta_squared", "kruskal", "pearson", "spearman"]
Alternative = Literal["two-sided", "greater", "less"]
Correction = Literal["max", "holm"]

_OF_GROUPS = ("eta_squared", "kruskal")
_OF_NUMBERS = ("pearson", "spearman")
_OF_RANKS = ("kruskal", "spearman")
# Numbers in the largest array of one step, 16 MB.
_AT_ONCE = 1 << 21


@dataclass(frozen=True, eq=False)
class PermutationTest:
    """Whether each component follows a label of the trials.

    Attributes
    ----------
    label : str
        Name of the label.
    statistic : {"eta_squared", "kruskal", "pearson", "spearman"}
    alternative : {"two-sided", "greater", "less"}
    scheme : {"shuffle", "shift"}
    correction : {"max", "holm"} or None
    observed : ndarray, shape (R,)
        η² (of ranks, for "kruskal"), from 0 to 1, or the correlation, from −1 to 1. NaN where a component does not
        vary.
    null : ndarray, shape (n_permutations, R)
        The same with permuted labels.
    p, p_corrected : ndarray, shape (R,)
        Of each component by itself; and corrected, so that the chance that any component comes out below a level
        though none follows the label is at most that level. NaN where the component does not vary.
    n_trials : int
        Trials that have a label.
    n_permutations : int
        Orders of the labels that were looked at.
    exact : bool
        Whether these are all the orders there are.
    """

    label: str
    statistic: Statistic
    alternative: Alternative
    scheme: Scheme
    correction: Correction | None
    observed: NDArray[np.float64]
    null: NDArray[np.float64] = field(repr=False)
    p: NDArray[np.float64]
    p_corrected: NDArray[np.float64]
    n_trials: int
    n_permutations: int
    exact: bool

    @property
    def sizes(self) -> NDArray[np.float64]:
        """What is compared, (R,): the statistic in the direction of the alternative."""
        return in_direction(self.observed, self.alternative)

    @property
    def null_sizes(self) -> NDArray[np.float64]:
        """The same with permuted labels, (n_permutations, R)."""
        return in_direction(self.null, self.alternative)

    @property
    def null_maximum(self) -> NDArray[np.float64]:
        """The largest over the components for each order of the labels, (n_permutations,)."""
        return np.asarray(self.null_sizes[:, ~np.isnan(self.observed)].max(axis=1, initial=-np.inf))

    def to_pandas(self) -> pd.DataFrame:
        """One row per component: the statistic (under its own name), p and p_corrected.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        columns = {self.statistic: self.observed, "p": self.p, "p_corrected": self.p_corrected}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self.p), name="component"))

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.permutation`, which takes the options."""
        from fastigial.plot.permutation import permutation

        return permutation(self, **options)


def in_direction(values: NDArray[np.float64], alternative: Alternative) -> NDArray[np.float64]:
    """Statistics as they are compared: their sizes, or the side asked for."""
    if alternative == "two-sided":
        return np.abs(values)
    return values if alternative == "greater" else -values


def permutation_test(
    model: TCA | SliceTCA,
    label: str | ArrayLike,
    *,
    statistic: Statistic | None = None,
    alternative: Alternative = "two-sided",
    correction: Correction | None = "max",
    scheme: Scheme = "shuffle",
    blocks: str | ArrayLike | None = None,
    n_permutations: int = 10_000,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> PermutationTest:
    r"""Test whether each component's trial factor follows a label of the trials.

    .. math::
        p_r = \frac{1 + \#\{\pi : |s_r^\pi| \ge |s_r|\}}{1 + P}, \qquad
        \tilde p_r = \frac{1 + \#\{\pi : \max_q |s_q^\pi| \ge |s_r|\}}{1 + P}

    with the statistic :math:`s_r` of component r and the label, and :math:`s_r^\pi` with the labels in another order.

    Parameters
    ----------
    model : TCA or SliceTCA
        A fitted model, whose first axis is trials. Tested are the columns of ``factors_[0]``, or the trial-slicing
        components' ``loadings_[0]``.
    label : str or array_like, shape (n_trials,)
        Name of a coordinate of the trials, or the values. Text, booleans and other objects are groups; numbers are
        quantities, unless `statistic` is one of groups. Trials whose label is None or NaN are left out.
    statistic : {"eta_squared", "kruskal", "pearson", "spearman"}, optional
        Of groups: η², the share of the trial factor's variance that lies between them (it orders permutations as the F
        of an analysis of variance does), which is the default; or η² of ranks, H / (n − 1) of Kruskal & Wallis. Of
        quantities: the correlation, the default, or that of ranks.
    alternative : {"two-sided", "greater", "less"}
        The sign of the correlation that counts. A component's sign is a convention, except of non-negative models.
    correction : {"max", "holm"}, optional
        For the number of components: by the largest statistic of all of them under each order, or Holm's (1979) of the
        single p, which knows nothing of the components' dependence and needs R/0.05 permutations to find anything at
        all; or None.
    scheme : {"shuffle", "shift"}
        "shuffle" gives the labels to the trials in any order. "shift" keeps their order and starts it at another
        trial, the end going on at the beginning. See the notes.
    blocks : str or array_like, shape (n_trials,), optional
        Sessions, animals, or other blocks of trials: a coordinate's name, or the values. Labels change places within a
        block only, ranks are taken within it, and its mean is taken off, so that differences between blocks neither
        count nor disturb. Trials without a block are left out.
    n_permutations : int
        The smallest p is 1 / (1 + n_permutations). If there are no more orders than this, all are looked at.
    random_state : None, int or numpy.random.Generator
        Seed of the permutations.

    Returns
    -------
    PermutationTest
        With ``.observed``, ``.p`` and ``.p_corrected``, one value per component; ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If the model is not a fitted one, or labels are no numbers for a statistic of numbers.
    ValueError
        If there is no such coordinate, label or blocks have another length, the label does not vary (within any block)
        or, of groups, each occurs once only, a choice is unknown, or a SliceTCA has no trial-slicing component.

    Notes
    -----
    *What is assumed.* With "shuffle", that without an effect the trials (of a block) could have come in any order.
    Drift breaks this: when attention wanes and the label, say success, wanes too, or when trials of a kind come in
    runs, neighbouring trials are alike for reasons that have nothing to do with the label, and shuffled labels make p
    far too small. If the order of trial kinds was randomised by the experimenter, "shuffle" is right whatever the
    neurons do.

    "shift" keeps the label's own course. It is exact if either the label or the factor is *circularly stationary*:
    equally likely to have started anywhere, the end no further from the beginning than from what precedes it. It is
    good in sessions much longer than either remembers. It is not valid for trends over the whole session: a trend has
    only one place to start at, and of two trends no test on one session can tell whether one follows the other
    (Harris, Nonsense correlations in neuroscience, bioRxiv 2020.11.29.402719); test many sessions against one another
    instead. As only n shifts exist, p is no smaller than 1/n; with blocks, each is shifted by itself, and there are
    their product. Trials that are left out close up, and shifts then cross gaps.

    *What is not.* That the label took no part in the fit. If components, their number, or the trials were chosen with
    the label in view, choose anew under each permutation instead.

    References
    ----------
    Phipson & Smyth, Statistical Applications in Genetics and Molecular Biology 9:39, 2010 (p is never 0); Westfall &
    Young, Resampling-Based Multiple Testing, Wiley 1993 (the largest statistic; here their single-step version).

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_learning_recording(seed=0)
    >>> model = fg.TCA(3, nonnegative=True, random_state=0).fit(recording)
    >>> tested = fg.analysis.permutation_test(model, "learning", random_state=0)
    >>> bool(tested.p_corrected.min() < 0.001)
    True
    """
    model = check_model("model", model)
    columns = model._columns()[0].astype(np.float64)
    if not columns.shape[1]:
        raise ValueError("the model has no trial-slicing component, and only those have a loading for each trial")
    values, name = values_along(model, label, "label")
    _check_choice("correction", correction, ("max", "holm", None))
    _check_choice("scheme", scheme, ("shuffle", "shift"))
    _check_choice("alternative", alternative, ("two-sided", "greater", "less"))
    n_permutations, seed = as_count("n_permutations", n_permutations), as_seed(random_state)
    if not n_permutations:
        raise ValueError("n_permutations is 0, expected at least 1")
    used = ~missing(values)
    codes = np.zeros(len(values), dtype=np.intp)
    if blocks is not None:
        of_blocks = values_along(model, blocks, "blocks")[0]
        used &= ~missing(of_blocks)
        codes = as_codes(of_blocks)
    values, columns, codes = values[used], columns[used], codes[used]
    if not used.any():
        raise ValueError("label holds no value: it is missing in every trial")
    numbers = _as_numbers(values)
    statistic = _statistic(statistic, numbers is not None)
    if statistic in _OF_GROUPS and alternative != "two-sided":
        raise ValueError(f'alternative is {alternative!r}, expected "two-sided": groups differ in no one direction')
    rows = _label_rows(values, numbers, codes, statistic)
    columns = standardised(ranked(columns, codes) if statistic in _OF_RANKS else columns, codes)

    observed = _statistics(products(rows, columns, np.arange(len(values))[None]), statistic)[0]
    exact = n_orders(codes, scheme) <= n_permutations
    at_once = max(1, _AT_ONCE // rows.size)
    orders = (
        np.array_split(found := all_orders(codes, scheme), -(-len(found) // at_once))
        if exact
        else random_orders(codes, scheme, n_permutations, np.random.default_rng(seed), at_once)
    )
    null = np.concatenate([_statistics(products(rows, columns, some), statistic) for some in orders])
    sizes, null_sizes = in_direction(observed, alternative), in_direction(null, alternative)
    p = p_values(null_sizes, sizes, exact=exact)
    corrected = holm(p) if correction == "holm" else p
    if correction == "max":
        maximum = null_sizes[:, ~np.isnan(sizes)].max(axis=1, initial=-np.inf)
        corrected = p_values(maximum[:, None], sizes, exact=exact)
    return PermutationTest(
        name,
        statistic,
        alternative,
        scheme,
        correction,
        observed,
        null,
        p,
        corrected,
        n_trials=len(values),
        n_permutations=len(null),
        exact=exact,
    )


def _check_choice(name: str, value: Any, choices: tuple[str | None, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, expected {' or '.join(map(repr, choices))}")


def _as_numbers(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Labels that are quantities as numbers, None for groups."""
    if values.dtype.kind == "O":
        kinds = (int, float, np.integer, np.floating)
        if any(isinstance(value, bool | np.bool_) or not isinstance(value, kinds) for value in values):
            return None
    elif values.dtype.kind in "mM":
        values = values.astype(np.int64)
    elif values.dtype.kind not in "iuf":
        return None
    return values.astype(np.float64)


def _statistic(asked: Any, numeric: bool) -> Statistic:
    if asked is None:
        return "pearson" if numeric else "eta_squared"
    _check_choice("statistic", asked, (*_OF_GROUPS, *_OF_NUMBERS))
    chosen: Statistic = asked
    return chosen


def _label_rows(
    values: NDArray[Any], numbers: NDArray[np.float64] | None, blocks: NDArray[np.intp], statistic: Statistic
) -> NDArray[np.float64]:
    """The label as the rows that `products` takes."""
    groups = as_codes(values)
    if not any(np.ptp(groups[blocks == block]) for block in np.unique(blocks)):
        where = " within any block" if np.ptp(blocks) else ""
        raise ValueError(f"label does not vary{where} among the {len(values)} trials that have one")
    if statistic in _OF_GROUPS:
        if groups.max() + 1 == len(groups):
            raise ValueError(
                f"each of the {len(groups)} labels occurs once, expected groups of trials; for quantities, pass "
                'numbers and statistic="pearson" or "spearman"'
            )
        return group_rows(groups)
    if numbers is None and values.dtype.kind == "b":
        numbers = values.astype(np.float64)
    if numbers is None:
        raise TypeError(
            f"label holds {values.dtype}, and {statistic!r} needs numbers; for groups, use one of {_OF_GROUPS}"
        )
    if not np.isfinite(numbers).all():
        raise ValueError("label holds infinite values; mark what is not known as NaN")
    column = numbers[:, None]
    return standardised(ranked(column, blocks) if statistic == "spearman" else column, blocks).T


def _statistics(found: NDArray[np.float64], statistic: Statistic) -> NDArray[np.float64]:
    """Of products (p, k, R), the statistics (p, R)."""
    return np.asarray(np.sum(found**2, axis=1) if statistic in _OF_GROUPS else found[:, 0])
