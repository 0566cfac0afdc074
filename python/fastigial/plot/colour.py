"""Colours that stay distinct with the common forms of colour blindness, and scales that fit their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap

INK = "#333333"
"""Lines, bars and text."""
PLAIN = "#8c8c8c"
"""Trials without a condition, where a line is drawn over them."""
FAINT = "#b8b8b8"
"""Zero lines and borders between groups."""
MISSING = "#c4c4c4"
"""Entries that were not observed, and trials without a condition."""

# Okabe and Ito (2008) without yellow and black, which vanish against paper and against text.
_SIX = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Paul Tol's muted scheme, for as many reach directions as people commonly use.
_NINE = ("#332288", "#CC6677", "#117733", "#88CCEE", "#882255", "#DDCC77", "#44AA99", "#AA4499", "#999933")
_MOST_NUMERIC_GROUPS = 9
_MOST_GROUPS = 24
_SEQUENTIAL = "viridis"
_DIVERGING = "RdBu_r"


@dataclass(frozen=True)
class Group:
    """Trials of one condition: what to call them, their colour, and which they are, (n_trials,) bool."""

    label: str
    colour: str
    members: NDArray[np.bool_]


@dataclass(frozen=True)
class TrialColours:
    """A colour for each trial and what is needed to explain it.

    Attributes
    ----------
    colours : ndarray of shape (n_trials, 4)
        RGBA.
    label : str
        What the colours stand for; empty if all trials are alike.
    groups : tuple of Group
        The conditions, if they are categories.
    mappable : ScalarMappable or None
        The colour scale, if the condition is a quantity.
    """

    colours: NDArray[np.float64]
    label: str
    groups: tuple[Group, ...] = ()
    mappable: ScalarMappable | None = None


@dataclass(frozen=True)
class ColourScale:
    """Limits and colour map of a heat map; symmetric about zero when the values are signed."""

    low: float
    high: float
    name: str
    extend: str = "neither"

    @property
    def colormap(self) -> Colormap:
        """The colour map, with unobserved entries in a neutral grey."""
        import matplotlib

        return matplotlib.colormaps[self.name].with_extremes(bad=MISSING)


def palette(n_colours: int) -> tuple[str, ...]:
    """Return `n_colours` distinct colours as hexadecimal strings.

    Examples
    --------
    >>> from fastigial.plot.colour import palette
    >>> palette(2)
    ('#0072B2', '#D55E00')
    """
    if n_colours <= len(_SIX):
        return _SIX[:n_colours]
    if n_colours <= len(_NINE):
        return _NINE[:n_colours]
    import matplotlib
    from matplotlib.colors import to_hex

    # The last tenth of viridis is a yellow too light for a point on white paper.
    return tuple(to_hex(colour) for colour in matplotlib.colormaps[_SEQUENTIAL](np.linspace(0, 0.9, n_colours)))


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which entries are NaN or None, for numbers, strings and mixed objects alike."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values), dtype=np.bool_)
    if values.dtype.kind == "O":
        return np.array([value is None or value != value for value in values], dtype=bool)
    return np.zeros(values.shape, dtype=bool)


def _as_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def trial_groups(values: NDArray[Any], argument: str = "condition") -> tuple[Group, ...]:
    """Split trials into categories: text, booleans, or numbers of which there are few. Empty for a quantity.

    Parameters
    ----------
    values : ndarray of shape (n_trials,)
        One value per trial; NaN and None form a group called "missing".
    argument : str
        Name of the caller's argument, for messages.

    Raises
    ------
    ValueError
        If there are more than 24 text labels: a reader could not tell their colours apart.
    """
    missing = is_missing(values)
    present = values[~missing]
    if present.dtype.kind == "O":
        try:
            present = present.astype(np.float64)
        except (TypeError, ValueError):
            present = present.astype(str)
    levels, codes = np.unique(present, return_inverse=True)
    if present.dtype.kind in "iuf" and levels.size > _MOST_NUMERIC_GROUPS:
        return ()
    if levels.size > _MOST_GROUPS:
        raise ValueError(
            f"{argument} has {levels.size} different labels; at most {_MOST_GROUPS} can be told apart. "
            "Give numbers to draw them as a colour scale"
        )
    all_codes = np.full(values.size, -1)
    all_codes[~missing] = codes
    groups = [
        Group(_as_text(level), colour, all_codes == code)
        for code, (level, colour) in enumerate(zip(levels, palette(levels.size), strict=True))
    ]
    if missing.any():
        groups.append(Group("missing", MISSING, missing))
    return tuple(groups)


def trial_colours(values: NDArray[Any] | None, label: str, n_trials: int) -> TrialColours:
    """Colour trials by category or, for numbers of which there are many, along a sequential scale."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize, to_rgba

    if values is None:
        return TrialColours(np.tile(to_rgba(PLAIN), (n_trials, 1)), "")
    groups = trial_groups(values)
    if groups:
        colours = np.tile(to_rgba(MISSING), (n_trials, 1))
        for group in groups:
            colours[group.members] = to_rgba(group.colour)
        return TrialColours(colours, label, groups)
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    shades = matplotlib.colormaps[_SEQUENTIAL](np.linspace(0, 0.92, 256))
    colormap = ListedColormap(shades).with_extremes(bad=MISSING)
    mappable = ScalarMappable(Normalize(float(finite.min()), float(finite.max())), colormap)
    mappable.set_array(numbers)
    colours = np.asarray(mappable.to_rgba(np.ma.masked_invalid(numbers)), dtype=np.float64)
    return TrialColours(colours, label, mappable=mappable)


def colour_scale(arrays: Iterable[NDArray[Any]], percentile: float = 100.0) -> ColourScale:
    """Return one scale for several arrays: from zero up if none is negative, else symmetric about zero.

    Parameters
    ----------
    arrays : iterable of ndarray
        Values that share the scale; NaN is left out.
    percentile : float
        Where the scale ends, in per cent of the sizes; beyond it colours saturate and the colour bar has
        arrows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.plot.colour import colour_scale
    >>> scale = colour_scale([np.array([1.0, -3.0]), np.array([np.nan, 2.0])])
    >>> scale.low, scale.high
    (-3.0, 3.0)
    """
    values, end, clipped = _extent(arrays, percentile)
    if (values < 0).any():
        return ColourScale(-end, end, _DIVERGING, "both" if clipped else "neither")
    return ColourScale(0.0, end, _SEQUENTIAL, "max" if clipped else "neither")


def signed_scale(arrays: Iterable[NDArray[Any]], percentile: float = 100.0) -> ColourScale:
    """Return a scale that is symmetric about zero whatever the signs, as residuals need."""
    _, end, clipped = _extent(arrays, percentile)
    return ColourScale(-end, end, _DIVERGING, "both" if clipped else "neither")


def _extent(arrays: Iterable[NDArray[Any]], percentile: float) -> tuple[NDArray[Any], float, bool]:
    """Return the finite values, where their scale ends (never 0), and whether that leaves some outside."""
    values = np.concatenate([np.ravel(array)[np.isfinite(np.ravel(array))] for array in arrays])
    sizes = np.abs(values)
    largest = float(sizes.max()) if sizes.size else 0.0
    end = float(np.percentile(sizes, percentile)) if sizes.size else 0.0
    end = end or largest or 1.0
    return values, end, end < largest
