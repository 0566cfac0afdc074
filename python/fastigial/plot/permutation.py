"""How large a component's association with a label is beside those of permuted labels."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from fastigial.plot.colour import FAINT, PLAIN, palette
from fastigial.plot.style import (
    PAGE_WIDTH,
    SMALL,
    few_ticks,
    figure_of,
    given_axes,
    house_style,
    new_figure,
    short_number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fastigial.analysis import PermutationTest

_NAMES = {
    "eta_squared": "η² of {label}",
    "kruskal": "η² of ranks, {label}",
    "pearson": "correlation with {label}",
    "spearman": "rank correlation with {label}",
}
_N_BINS = 50
_MOST_COLUMNS = 3


def permutation(result: PermutationTest, *, axes: Any = None, figsize: tuple[float, float] | None = None) -> Figure:
    """Draw the null distribution of each component with what was observed, one panel per component.

    Grey: the component's own statistic with permuted labels; the outline: the largest over all components, which the
    corrected p is taken from. The coloured line is what was observed, and each panel states its corrected p.

    Parameters
    ----------
    result : PermutationTest
        From `fastigial.analysis.permutation_test`.
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
        If `axes` have another number than there are components.

    Examples
    --------
    >>> import fastigial as fg
    >>> recording = fg.datasets.make_learning_recording(seed=0)
    >>> model = fg.TCA(3, nonnegative=True, random_state=0).fit(recording)
    >>> tested = fg.analysis.permutation_test(model, "learning", n_permutations=999, random_state=0)
    >>> fg.plot.permutation(tested).axes[0].get_title(loc="left")
    'component 0'
    """
    n_components = result.observed.size
    n_columns = min(n_components, _MOST_COLUMNS)
    n_rows = -(-n_components // n_columns)
    with house_style():
        if axes is None:
            width = min(PAGE_WIDTH, 0.6 + 2.2 * n_columns)
            figure = new_figure(*(figsize or (width, 0.85 + 1.25 * n_rows)))
            grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True).ravel()
            for ax in grid[n_components:]:
                ax.remove()
            figure.suptitle(
                "\n".join(textwrap.wrap(_summary(result), int(17 * width))), x=0.01, ha="left", fontsize=SMALL
            )
        else:
            grid = given_axes(axes, (n_components,))
            figure = figure_of(grid)
        edges = _edges(result)
        for component in range(n_components):
            _draw(grid[component], result, component, edges)
        for component in range(n_components):
            if component + n_columns >= n_components:
                grid[component].tick_params(labelbottom=True)
                grid[component].set_xlabel(_label(result))
            if component % n_columns == 0:
                grid[component].set_ylabel("share of orders")
    return figure


def _label(result: PermutationTest) -> str:
    text = _NAMES[result.statistic].format(label=result.label)
    return f"|{text}|" if result.alternative == "two-sided" and result.statistic in ("pearson", "spearman") else text


def _edges(result: PermutationTest) -> list[float]:
    """Bins for all panels, so that they can be compared."""
    sign = -1.0 if result.alternative == "less" else 1.0
    values = sign * np.concatenate([result.null_sizes.ravel(), result.sizes])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if result.alternative == "two-sided":
        low = 0.0
    # Few orders fill few bins.
    n_bins = int(np.clip(result.n_permutations // 8, 8, _N_BINS))
    return [float(edge) for edge in np.linspace(low, high if high > low else low + 1, n_bins + 1)]


def _draw(ax: Axes, result: PermutationTest, component: int, edges: list[float]) -> None:
    # Of "less", the sizes are the statistics turned round: they are turned back.
    sign = -1.0 if result.alternative == "less" else 1.0
    colour = palette(2)[1]
    observed = float(result.sizes[component])
    ax.set_title(f"component {component}", loc="left", fontsize=SMALL)
    if np.isnan(observed):
        ax.text(0.5, 0.5, "does not vary", transform=ax.transAxes, ha="center", va="center", fontsize=SMALL)
    else:
        shares = np.full(result.n_permutations, 1 / result.n_permutations)
        own, maximum = sign * result.null_sizes[:, component], sign * result.null_maximum
        ax.hist(own, bins=edges, weights=shares, color=FAINT)
        if result.correction == "max":
            ax.hist(maximum, bins=edges, weights=shares, histtype="step", color=PLAIN, linewidth=0.8)
        ax.axvline(sign * observed, color=colour, linewidth=1.2)
        ax.set_title(f"p = {short_number(float(f'{result.p_corrected[component]:.2g}'))}", loc="right", fontsize=SMALL)
    few_ticks(ax, x=3, y=2)
    ax.set_ylim(bottom=0)
    tidy(ax)


def _summary(result: PermutationTest) -> str:
    how = {
        "max": "corrected by the largest of all components (outline)",
        "holm": "corrected (Holm)",
        None: "uncorrected",
    }[result.correction]
    orders = f"all {result.n_permutations} orders" if result.exact else f"{result.n_permutations} random orders"
    return f"{result.n_trials} trials; {orders} of their labels (grey).  p: {how}"
