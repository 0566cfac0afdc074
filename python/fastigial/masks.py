"""Which entries to fit and which to hold out: masks for cross-validation.

True means *use this entry*: pass the first mask to ``fit(X, mask=train)`` and the second to
``evaluate(X, mask=test)``. Entries that were never observed (NaN) may lie in either.

Neighbouring time bins of a recording are correlated, so a single held-out entry is told by the entries beside it, noise
included, and held-out loss goes on falling while the model learns noise. `blocked` holds out stretches, and leaves a
margin around them that is used by neither mask. `speckled` is right where the noise is independent from entry to
entry. Holding out whole trials or neurons (`leave_trials_out`, `leave_neurons_out`) asks another question: whether the
patterns carry over to trials or neurons that were not seen; their loadings must then be found by ``transform``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastigial.tensor.checks import as_count, as_number, as_seed

__all__ = ["blocked", "leave_neurons_out", "leave_trials_out", "speckled"]

Mask = NDArray[np.bool_]
RandomState = int | np.random.Generator | np.random.RandomState | None

# How far the share of test entries may be from what was asked for, and how many random draws to try on tensors that are
# so small that a single block is more than that.
_TOLERANCE = 0.01
_N_DRAWS = 50


def speckled(shape: Sequence[int], fraction: float, random_state: RandomState = None) -> Mask:
    """Hold out single entries, drawn without replacement.

    Parameters
    ----------
    shape : sequence of int
        Shape of the data; any number of axes.
    fraction : float
        Share of all entries to hold out, between 0 and 1; the number is rounded, but is at least one and never all.
    random_state : None, int or numpy.random.Generator
        Seed of the draw.

    Returns
    -------
    ndarray of bool
        The training mask, False where held out. The test mask is its complement, ``~train``.

    Raises
    ------
    ValueError
        If `fraction` is not between 0 and 1, or there is only one entry.

    Examples
    --------
    >>> import fastigial as fg
    >>> train = fg.masks.speckled((10, 8, 20), 0.1, random_state=0)
    >>> int((~train).sum())
    160
    """
    sizes, share = _shape(shape), _fraction(fraction)
    n_entries = math.prod(sizes)
    rng = np.random.default_rng(as_seed(random_state))
    train = np.ones(n_entries, dtype=np.bool_)
    train[_draw(n_entries, share, rng, f"a tensor of shape {sizes}")] = False
    return train.reshape(sizes)


def blocked(
    shape: Sequence[int],
    fraction: float,
    block: Sequence[int],
    buffer: Sequence[int] = (0, 0, 0),
    random_state: RandomState = None,
) -> tuple[Mask, Mask]:
    """Hold out blocks of neighbouring entries, with a margin that is used by neither mask.

    Blocks are placed at random, one after the other, until the share of test entries is `fraction`. They may overlap,
    but each has its full extent: the centre may be any entry, and a block that would stick out at a border is moved
    inside. Blocks and margins follow Pellegrino, Stein & Cayco-Gajic (Nature Neuroscience 27:1199, 2024, Methods),
    who fix the number of blocks instead, so that overlaps lower the share, and cut blocks off at the borders. The cost
    is in proportion to the number of entries, however many blocks there are.

    Parameters
    ----------
    shape : sequence of int
        Shape of the data; any number of axes.
    fraction : float
        Share of all entries to test on, between 0 and 1; kept within 0.01.
    block : sequence of int
        Full extent of a test block along each axis; ``(1, 1, 10)`` is ten time bins of one neuron on one trial.
    buffer : sequence of int
        Entries on each side of a test block, along each axis, that are neither fitted nor tested. About the distance
        over which the noise is correlated. Zeros, by default, mean none on any number of axes.
    random_state : None, int or numpy.random.Generator
        Seed of the draw.

    Returns
    -------
    train, test : ndarray of bool
        They never overlap. Entries in neither are margins.

    Raises
    ------
    ValueError
        If a block is larger than its axis, `fraction` is not between 0 and 1, or cannot be kept within 0.01 because
        one block is more than that; or if blocks and margins leave nothing to fit.

    Examples
    --------
    >>> import fastigial as fg
    >>> train, test = fg.masks.blocked((20, 10, 50), 0.1, block=(1, 1, 8), buffer=(0, 0, 4), random_state=0)
    >>> abs(float(test.mean()) - 0.1) < 0.01
    True
    >>> bool((train & test).any())
    False
    """
    sizes, share = _shape(shape), _fraction(fraction)
    extents = _per_axis("block", block, sizes, least=1)
    # The default must do for two and for four axes as well.
    margins = _per_axis(
        "buffer", (0,) * len(sizes) if isinstance(buffer, tuple) and buffer == (0, 0, 0) else buffer, sizes, least=0
    )
    for axis, (extent, size) in enumerate(zip(extents, sizes, strict=True)):
        if extent > size:
            raise ValueError(f"block has {extent} entries along axis {axis}, expected at most its length, {size}")
    rng = np.random.default_rng(as_seed(random_state))
    test = _place(sizes, share, extents, rng)
    train = ~_dilate(test, margins)
    if not train.any():
        raise ValueError(
            f"nothing is left to train on: test blocks of {extents} with a buffer of {margins} on each side cover all "
            f"of {sizes}; lower fraction={share:g} or the buffer"
        )
    return train, test


def leave_trials_out(shape: Sequence[int], fraction: float, random_state: RandomState = None) -> tuple[Mask, Mask]:
    """Hold out whole trials (entries of the first axis).

    A fit says nothing about a trial of which it saw nothing; find its loadings with ``transform``, from a part of its
    entries, as `RankSearch` does with ``cv="trials"``.

    Parameters
    ----------
    shape : sequence of int
        Shape of the data, trials first.
    fraction : float
        Share of trials to hold out, between 0 and 1; their number is rounded, but is at least one and never all.
    random_state : None, int or numpy.random.Generator
        Seed of the draw.

    Returns
    -------
    train, test : ndarray of bool
        Complements of one another.

    Raises
    ------
    ValueError
        If `fraction` is not between 0 and 1, or there is only one trial.

    Examples
    --------
    >>> import fastigial as fg
    >>> train, test = fg.masks.leave_trials_out((20, 10, 50), 0.25, random_state=0)
    >>> int(test[:, 0, 0].sum())
    5
    """
    return _leave_out(0, "trial", shape, fraction, random_state)


def leave_neurons_out(shape: Sequence[int], fraction: float, random_state: RandomState = None) -> tuple[Mask, Mask]:
    """Hold out whole neurons (entries of the second axis); otherwise as `leave_trials_out`.

    Parameters
    ----------
    shape : sequence of int
        Shape of the data, neurons second.
    fraction : float
        Share of neurons to hold out, between 0 and 1; their number is rounded, but is at least one and never all.
    random_state : None, int or numpy.random.Generator
        Seed of the draw.

    Returns
    -------
    train, test : ndarray of bool
        Complements of one another.

    Raises
    ------
    ValueError
        If `fraction` is not between 0 and 1, or there is only one neuron.

    Examples
    --------
    >>> import fastigial as fg
    >>> train, test = fg.masks.leave_neurons_out((20, 10, 50), 0.2, random_state=0)
    >>> bool((train ^ test).all()), int(test[0, :, 0].sum())
    (True, 2)
    """
    return _leave_out(1, "neuron", shape, fraction, random_state)


# Parts


def _leave_out(axis: int, what: str, shape: Any, fraction: Any, random_state: Any) -> tuple[Mask, Mask]:
    sizes, share = _shape(shape), _fraction(fraction)
    if axis >= len(sizes):
        raise ValueError(f"shape is {sizes}, expected an axis {axis} for the {what}s")
    rng = np.random.default_rng(as_seed(random_state))
    test = np.zeros(sizes, dtype=np.bool_)
    test[(slice(None),) * axis + (_draw(sizes[axis], share, rng, f"{sizes[axis]} {what}"),)] = True
    return ~test, test


def _draw(n: int, fraction: float, rng: np.random.Generator, what: str) -> NDArray[np.intp]:
    """Which of n to hold out: at least one, never all."""
    if n < 2:
        raise ValueError(f"nothing would be left to train on: one cannot hold out a part of {what}")
    n_held = min(max(round(fraction * n), 1), n - 1)
    return rng.choice(n, size=n_held, replace=False, shuffle=False)


def _place(sizes: tuple[int, ...], fraction: float, extents: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """Put down blocks in random order until the share that they cover is nearest to `fraction`.

    Every possible block gets a random time at which it is put down. An entry is covered at the first time among the
    blocks that hold it, a running minimum along each axis; when `fraction` of the entries are covered is then a matter
    of ranks, whatever the number of blocks and their overlaps.
    """
    # Along an axis that a block fills there is nothing to choose.
    free = tuple(1 if size == extent else size for size, extent in zip(sizes, extents, strict=True))
    widths = tuple(1 if size == 1 else extent for size, extent in zip(free, extents, strict=True))
    n_entries = math.prod(free)
    wanted = fraction * n_entries
    nearest, found = math.inf, None
    for _ in range(_N_DRAWS):
        times = _first_covered(free, widths, rng)
        rank = math.ceil(wanted) - 1
        full = np.partition(times, rank, axis=None)[rank]
        # Just before or just after the block that makes the number full.
        for test in (times < full, times <= full):
            n_covered = int(np.count_nonzero(test))
            if 0 < n_covered < n_entries and abs(n_covered - wanted) < nearest:
                nearest, found = abs(n_covered - wanted), test
        if found is not None and nearest <= _TOLERANCE * n_entries:
            return np.broadcast_to(found, sizes).copy()
    raise ValueError(
        f"fraction={fraction:g} cannot be kept within {_TOLERANCE:g}: a single block of {extents} is "
        f"{math.prod(extents) / math.prod(sizes):.2g} of a tensor of shape {sizes}; take a smaller block, or a "
        "fraction that whole blocks can make up"
    )


def _first_covered(sizes: tuple[int, ...], extents: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """When each entry is covered by a block, if blocks are put down at random times; shape `sizes`."""
    from scipy.ndimage import minimum_filter1d

    corners = tuple(size - extent + 1 for size, extent in zip(sizes, extents, strict=True))
    times = rng.standard_exponential(corners, dtype=np.float32)
    for axis, (n_corners, size, extent) in enumerate(zip(corners, sizes, extents, strict=True)):
        # Blocks at the border stand for all centres from which they were moved inside: they come that much sooner
        # (the first of m exponential times is exponential with rate m).
        centres = np.arange(size) - extent // 2
        chances = np.bincount(np.clip(centres, 0, n_corners - 1), minlength=n_corners).astype(np.float32)
        times /= np.expand_dims(chances, [other for other in range(len(sizes)) if other != axis])
    for axis, extent in enumerate(extents):
        if extent > 1:
            beyond = [(0, extent - 1 if other == axis else 0) for other in range(len(sizes))]
            times = np.pad(times, beyond, constant_values=np.inf)
            # The window of an entry ends at it: the corners of the blocks that hold it.
            times = minimum_filter1d(
                times, extent, axis=axis, mode="constant", cval=np.inf, origin=extent - 1 - extent // 2
            )
    return times


def _dilate(mask: Mask, margins: tuple[int, ...]) -> Mask:
    """Entries within these distances, along every axis, of one that is True."""
    from scipy.ndimage import maximum_filter1d

    wide = mask.view(np.uint8)
    for axis, margin in enumerate(margins):
        if margin:
            wide = maximum_filter1d(wide, 2 * min(margin, mask.shape[axis]) + 1, axis=axis, mode="constant", cval=0)
    return wide.view(np.bool_)


# Arguments


def _shape(shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(as_count("shape", size) for size in shape)
    except TypeError:
        raise TypeError(f"shape is {shape!r}, expected a whole number for each axis, as X.shape") from None
    if not sizes or min(sizes) == 0:
        raise ValueError(f"shape is {sizes}, expected one or more axes, none of them empty")
    return sizes


def _fraction(fraction: Any) -> float:
    share = as_number("fraction", fraction)
    if not 0 < share < 1:
        raise ValueError(f"fraction is {share:g}, expected a share of the entries between 0 and 1, both excluded")
    return share


def _per_axis(name: str, values: Any, sizes: tuple[int, ...], least: int) -> tuple[int, ...]:
    try:
        counts = tuple(as_count(name, value) for value in values)
    except TypeError:
        raise TypeError(f"{name} is {values!r}, expected a whole number for each of {len(sizes)} axes") from None
    if len(counts) != len(sizes):
        raise ValueError(f"{name} has {len(counts)} values, expected one for each of the {len(sizes)} axes of {sizes}")
    if min(counts) < least:
        raise ValueError(f"{name} is {counts}, expected at least {least} along each axis")
    return counts
