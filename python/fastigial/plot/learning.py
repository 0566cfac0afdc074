"""Trial factors along the session or along behaviour: where learning shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from fastigial.plot.colour import INK, MISSING, trial_colours
from fastigial.plot.factors import draw_vector
from fastigial.plot.labels import (
    FactorModel,
    SliceModel,
    find_role,
    require_fitted,
    role_of,
    selection,
    trial_values,
)
from fastigial.plot.style import (
    MEDIUM,
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    padded_limits,
    trial_key,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def trial_factors(
    model: FactorModel | SliceModel,
    *,
    against: str | ArrayLike = "trial",
    condition: str | ArrayLike | None = None,
    components: int | ArrayLike | None = None,
    window: int | None = None,
    share_y: bool = False,
    axes: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Draw each component's trial factor against trial number or behaviour, with a running median.

    The median runs over `window` trials that are neighbours along the horizontal axis, and only where the
    window is full: it does not reach the first and last half window. With a categorical `condition` there is
    one median per category, in its colour, and none for trials without a condition; else one over all trials.

    Parameters
    ----------
    model : fitted TCA or SliceTCA
        Of SliceTCA, the loadings of the trial-slicing components are drawn.
    against : str or array_like of shape (n_trials,)
        Numeric coordinate of the trial axis, or its values. Default: the trials in order.
    condition : str or array_like of shape (n_trials,), optional
        Colours the trials, such as by block; as in :func:`tca`.
    components : int or array_like of int, optional
        Components to draw. Default: all.
    window : int, optional
        Trials in the running median, at least 3. Default: a twentieth of the trials, at least 7. A category
        with fewer trials than this gets no median.
    share_y : bool
        Same limits in all panels.
    axes : array_like of Axes, shape (n_components,), optional
        Draw here instead of in a new figure.
    figsize : (float, float), optional
        Width and height of a new figure in inches.

    Returns
    -------
    matplotlib.figure.Figure
        The new figure, or the one that `axes` belong to.

    Raises
    ------
    ValueError
        If the model has no trial factors, `against` is not numeric, `window` is too short, or an argument has
        another length, names no coordinate of the trials or a component that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> X = np.random.default_rng(0).random((20, 5, 6))
    >>> model = fg.TCA(2, random_state=0).fit(X)
    >>> fig = fg.plot.trial_factors(model, condition=["early"] * 10 + ["late"] * 10)
    >>> fig.axes[-1].get_xlabel()
    'trial'
    """
    factor = _trial_matrix(model)
    n_trials, n_components = factor.shape
    chosen = selection(components, n_components, "components")
    x, x_label = _positions(model, against, n_trials)
    values, label = (None, "") if condition is None else trial_values(model, condition, n_trials, "condition")
    colours = trial_colours(values, label, n_trials)
    known = [(group.members, group.colour) for group in colours.groups if group.colour != MISSING]
    if window is None:
        window = max(7, n_trials // 20)
    if window < 3:
        raise ValueError(f"window must be at least 3 trials; got {window}")

    with house_style():
        n_columns = 1 if chosen.size <= 3 else 2 if chosen.size <= 8 else 3
        n_rows = -(-chosen.size // n_columns)
        if axes is None:
            figure = new_figure(*(figsize or (PAGE_WIDTH, 0.9 + 1.25 * n_rows)))
            grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
            for spare in grid.flat[chosen.size :]:
                spare.remove()
            panels = grid.ravel()[: chosen.size]
            figure.suptitle(f"line: running median of {window} trials", x=0.01, ha="left", fontsize=SMALL)
        else:
            panels = given_axes(axes, (chosen.size,))
            figure = figure_of(panels)
        for index, (ax, component) in enumerate(zip(panels, chosen, strict=True)):
            draw_vector(ax, x, factor[:, component], "scatter", colours)
            for members, colour in known or [(np.ones(n_trials, dtype=bool), INK)]:
                centres, medians = running_median(x[members], factor[members, component], window)
                ax.plot(centres, medians, color=colour, linewidth=1.4, zorder=5, label="_median")
            ax.set_ylim(padded_limits(factor[:, chosen] if share_y else factor[:, component]))
            few_ticks(ax, x=5, y=4)
            ax.set_title(f"component {component}", loc="left", fontsize=MEDIUM)
            if index + n_columns >= chosen.size or axes is not None:
                ax.set_xlabel(x_label.replace("_", " "))
                ax.tick_params(labelbottom=True)
            if index % n_columns == 0 or axes is not None:
                ax.set_ylabel("trial factor")
        if colours.label:
            trial_key(figure, colours, panels.tolist(), own=axes is None, shrink=0.4 if n_columns == 1 else 0.6)
    return figure


def running_median(
    x: NDArray[Any], values: NDArray[Any], window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the medians of x and of values over each run of `window` neighbours along x.

    Parameters
    ----------
    x, values : ndarray of shape (n,)
        Positions in any order, and values; pairs with NaN are left out.
    window : int
        Number of neighbours.

    Returns
    -------
    centres, medians : ndarray of shape (n_complete - window + 1,)
        Empty if fewer than `window` pairs are complete.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.plot.learning import running_median
    >>> centres, medians = running_median(np.arange(5), np.array([0.0, 9.0, 1.0, 2.0, 3.0]), 3)
    >>> centres.tolist(), medians.tolist()
    ([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    """
    pairs = np.stack([x, values]).astype(np.float64)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < window:
        return np.empty(0), np.empty(0)
    pairs = pairs[:, np.argsort(pairs[0], kind="stable")]
    centres, medians = np.median(sliding_window_view(pairs, window, axis=1), axis=2)
    return centres, medians


def _trial_matrix(model: Any) -> NDArray[Any]:
    require_fitted(model, "dims_", "coords_")
    mode = find_role(model.dims_, "trial")
    if mode is None:
        raise ValueError(f"model needs a trial axis, but its axes are {tuple(model.dims_)}")
    if hasattr(model, "factors_"):
        return np.asarray(model.factors_[mode])
    require_fitted(model, "loadings_")
    loadings = np.asarray(model.loadings_[mode])
    if not len(loadings):
        raise ValueError("model has no trial-slicing component, so there are no trial factors to draw")
    return loadings.T


def _positions(model: Any, against: str | ArrayLike, n_trials: int) -> tuple[NDArray[np.float64], str]:
    if isinstance(against, str) and role_of(against) == "trial":
        # The default must also find an axis that is called "trials".
        against = str(model.dims_[find_role(model.dims_, "trial") or 0])
    values, label = trial_values(model, against, n_trials, "against")
    if values.dtype.kind not in "iufb":
        raise ValueError(
            f"against must be numeric, but {label!r} is of dtype {values.dtype}; give categories as condition"
        )
    return values.astype(np.float64), label
