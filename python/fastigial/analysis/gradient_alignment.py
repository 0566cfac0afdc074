"""How far the update of a learning rule points along the gradient.

With g the exact gradient and u what a rule has in its place, both over all parameters or over one,

    cos = u · g / (|u| |g|),   angle = arccos cos

Below 90° a small step against u lowers the loss. Rules that draw noise differ from one draw to the next, for two
reasons that only several draws tell apart: the angle of the *average* over draws is their bias, that of single draws
contains their variance too. Angles are computed as 2 atan2(‖û − ĝ‖, ‖û + ĝ‖) of unit vectors (Kahan), which is exact
for small ones, where the arc cosine is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.tensor.checks import as_count, as_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["GradientAlignment", "gradient_alignment"]

_FIELDS = ("cosine", "angle", "cosine_sem", "angle_sem", "average_cosine", "average_angle", "size")


@dataclass(frozen=True, eq=False, repr=False)
class GradientAlignment:
    """Cosines and angles between rules' updates and the gradient.

    In all arrays rows are rules; the first column is over all parameters together, the others are single parameters.

    Attributes
    ----------
    rules : list of str
    parameters : list of str
        "total", then the names of the parameters.
    cosine, angle : ndarray, shape (n_rules, 1 + n_parameters)
        Mean over draws of the cosine, and of the angle in degrees. NaN where one of the two vectors is zero.
    cosine_sem, angle_sem : ndarray, shape (n_rules, 1 + n_parameters)
        Standard errors of these means; NaN for a single draw.
    average_cosine, average_angle : ndarray, shape (n_rules, 1 + n_parameters)
        Between the average over draws of the rule's updates and that of the gradients: what is left without noise.
    size : ndarray, shape (n_rules, 1 + n_parameters)
        Length of the average update over that of the average gradient.
    n_draws : int
    """

    rules: list[str]
    parameters: list[str]
    cosine: NDArray[np.float64]
    angle: NDArray[np.float64]
    cosine_sem: NDArray[np.float64]
    angle_sem: NDArray[np.float64]
    average_cosine: NDArray[np.float64]
    average_angle: NDArray[np.float64]
    size: NDArray[np.float64]
    n_draws: int

    def __repr__(self) -> str:
        angles = ", ".join(f"{rule} {angle:.1f}°" for rule, angle in zip(self.rules, self.angle[:, 0], strict=True))
        return f"<GradientAlignment, {self.n_draws} draw{'s' * (self.n_draws > 1)}: {angles}>"

    def to_pandas(self) -> pd.DataFrame:
        """One row per rule and parameter, one column per array above.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([self.rules, self.parameters], names=["rule", "parameter"])
        return pd.DataFrame({name: getattr(self, name).ravel() for name in _FIELDS}, index=index)

    def plot(self, **options: Any) -> Figure:
        """Draw it: see `fastigial.plot.gradient_alignment`, which takes the options."""
        from fastigial.plot.gradient_alignment import gradient_alignment

        return gradient_alignment(self, **options)


def gradient_alignment(
    net: Any,
    inputs: Any,
    targets: Any = None,
    rule: Any = None,
    *,
    reference: Any = None,
    mask: ArrayLike | None = None,
    loss: Any = "mse",
    seed: int = 0,
    n_draws: int = 1,
) -> GradientAlignment:
    """Cosines and angles between what learning rules do and the gradient of the loss.

    Parameters
    ----------
    net : network
        With ``.gradient(inputs, targets, mask=, rule=, loss=, seed=) -> (loss, dict of arrays)``.
    inputs : array_like, shape (n_trials, n_steps, n_inputs), or Trials
        Trials bring their targets and mask along.
    targets : array_like, shape (n_trials, n_steps, n_outputs)
        Left out with Trials: ``gradient_alignment(net, trials, rule)``.
    rule : learning rule, or list or dict of them
        A dict gives them names; others are named by their class.
    reference : learning rule, optional
        What to compare with: by default the exact gradient, by backpropagation through time.
    mask, loss
        Handed to ``net.gradient``.
    seed : int
        Of the first draw; the others have the next ones. Rule and reference have the same seed in a draw, and so see
        the same run of a noisy network.
    n_draws : int
        For rules or networks with noise.

    Returns
    -------
    GradientAlignment
        With ``.cosine``, ``.angle``, their standard errors, ``.average_angle``, ``.to_pandas()`` and ``.plot()``.

    Raises
    ------
    TypeError
        If `net` has no gradient.
    ValueError
        If there is no rule or no draw, or a rule returns other parameters or shapes than the reference, or values that
        are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> class Toy:  # whose only rule is wrong about the second of two weights
    ...     def gradient(self, inputs, targets, *, mask, rule, loss, seed):
    ...         return 0.0, {"W": np.array([1.0, 1.0 if rule is None else 0.0])}
    >>> fg.analysis.gradient_alignment(Toy(), None, None, {"half": "half"})
    <GradientAlignment, 1 draw: half 45.0°>
    """
    if not callable(getattr(net, "gradient", None)):
        raise TypeError(f"net is a {type(net).__name__} without gradient(inputs, targets, …)")
    if rule is None and hasattr(inputs, "targets"):
        targets, rule = None, targets
    n_draws, seed = as_count("n_draws", n_draws), as_seed(seed)
    if n_draws == 0:
        raise ValueError("n_draws is 0, expected at least one draw")
    rules = _named(rule)

    def gradient(rule: Any, draw: int) -> dict[str, NDArray[np.float64]]:
        _, found = net.gradient(inputs, targets, mask=mask, rule=rule, loss=loss, seed=seed + draw)
        return {str(key): np.asarray(values, dtype=np.float64).ravel() for key, values in found.items()}

    exact = [gradient(reference, draw) for draw in range(n_draws)]
    names = list(exact[0])
    scale = _scale("the reference", exact, exact[0])
    rows = []
    for name, each in rules.items():
        updates = [gradient(each, draw) for draw in range(n_draws)]
        rows.append(_row(updates, exact, names, _scale(name, updates, exact[0]), scale))
    columns = {field: np.array([row[field] for row in rows]) for field in rows[0]}
    return GradientAlignment(rules=list(rules), parameters=["total", *names], n_draws=n_draws, **columns)


def _named(rule: Any) -> dict[str, Any]:
    if isinstance(rule, Mapping):
        rules = {str(name): each for name, each in rule.items()}
    else:
        rules = {}
        for each in rule if isinstance(rule, list | tuple) else [rule]:
            name = "BPTT" if each is None else each if isinstance(each, str) else type(each).__name__
            count = sum(known == name or known.startswith(f"{name} (") for known in rules)
            rules[f"{name} ({count + 1})" if count else name] = each
    if not rules:
        raise ValueError("rule is empty, expected at least one learning rule")
    return rules


def _scale(name: str, gradients: list[dict[str, NDArray[np.float64]]], like: dict[str, NDArray[np.float64]]) -> float:
    """The largest entry, by which to divide before squaring; what cannot be compared is an error."""
    sizes = [0.0]
    for found in gradients:
        shapes, expected = ({key: values.size for key, values in each.items()} for each in (found, like))
        if shapes != expected:
            raise ValueError(f"{name} returned parameters of the sizes {shapes}, expected {expected}")
        for key, values in found.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{name} returned values for {key!r} that are not finite")
            sizes.append(float(np.abs(values).max(initial=0.0)))
    return max(sizes) or 1.0


def _row(
    updates: list[dict[str, NDArray[np.float64]]],
    exact: list[dict[str, NDArray[np.float64]]],
    names: list[str],
    own_scale: float,
    scale: float,
) -> dict[str, NDArray[np.float64]]:
    """Fields of the result, (1 + n_parameters,) each, for one rule."""
    columns = []
    for chosen in (names, *([name] for name in names)):
        own = np.stack([np.concatenate([found[name] for name in chosen]) for found in updates]) / own_scale
        other = np.stack([np.concatenate([found[name] for name in chosen]) for found in exact]) / scale
        cosines, angles = _compare(own, other)
        (cosine,), (angle,) = _compare(own.mean(axis=0)[None], other.mean(axis=0)[None])
        length = np.linalg.norm(other.mean(axis=0))
        ratio = np.linalg.norm(own.mean(axis=0)) / length * (own_scale / scale) if length else np.nan
        sems = [values.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan for values in (cosines, angles)]
        columns.append([cosines.mean(), angles.mean(), *sems, cosine, angle, ratio])
    return dict(zip(_FIELDS, np.array(columns, dtype=np.float64).T, strict=True))


def _compare(own: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines and angles in degrees between rows (n, d); NaN where a row is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (own, other))
    apart, together = np.linalg.norm(own - other, axis=1), np.linalg.norm(own + other, axis=1)
    return np.sum(own * other, axis=1), np.degrees(2 * np.arctan2(apart, together))
