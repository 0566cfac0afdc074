"""From spikes to a tensor: binning, smoothing along time, scaling per neuron, cutting around an event.

Every function takes a :class:`~fastigial.Recording` or an array whose last axis is time (and whose axis
before that is neurons, where neurons matter) and returns the same kind. Labels are kept, float32 stays
float32, the input is never changed, and NaN (not observed) stays NaN without spreading to its neighbours.

The usual pipeline, for counts of spikes per bin:

>>> from fastigial.datasets import make_learning_recording
>>> from fastigial import preprocess
>>> counts = make_learning_recording(seed=0)
>>> kept = preprocess.drop_units(counts, min_rate=1.0)
>>> smoothed = preprocess.smooth(kept, sd_bins=2.0)
>>> X = preprocess.normalize(smoothed, method="sd")
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from fastigial.recording import Recording

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.floating[Any]]

Data = TypeVar("Data", Recording, "NDArray[Any]")

__all__ = ["align", "bin_spikes", "drop_units", "normalize", "rebin", "smooth", "to_rate"]

COUNTS = "spikes per bin"
RATES = "spikes/s"

# A spike on a bin edge belongs to the later bin, also where rounding puts 0.58 / 0.02 just below 29.
EDGE_TOLERANCE = 1e-9


def bin_spikes(
    spike_times: ArrayLike,
    trial_ids: ArrayLike,
    neuron_ids: ArrayLike,
    *,
    window: tuple[float, float],
    bin_width: float,
    n_trials: int | None = None,
    n_neurons: int | None = None,
    dtype: str = "float64",
) -> Recording:
    """Count spikes in time bins: one spike per entry of three parallel arrays.

    The bin of a spike at ``t`` is ``floor((t - start) / bin_width)``; spikes outside the window are left out.
    A trial or neuron without spikes counts zero everywhere: set entries that were not recorded to NaN
    yourself.

    Parameters
    ----------
    spike_times : array_like, shape (n_spikes,)
        In seconds.
    trial_ids, neuron_ids : array_like of int, shape (n_spikes,)
        Position of the trial and neuron, from 0.
    window : (start, stop)
        In seconds; the stop is not part of it.
    bin_width : float
        In seconds; the window must hold a whole number of bins.
    n_trials, n_neurons : int, optional
        By default one more than the largest position.
    dtype : {"float64", "float32"}

    Returns
    -------
    Recording
        Counts, with the coordinate ``"time"`` (bin centres in seconds).

    Raises
    ------
    ValueError
        If lengths differ, positions are out of range, times are not finite or the window does not hold whole
        bins.
    TypeError
        If `trial_ids` or `neuron_ids` are not integers.

    Examples
    --------
    >>> from fastigial.preprocess import bin_spikes
    >>> times, trials, neurons = [0.01, 0.02, 0.03, 0.01], [0, 0, 0, 1], [0, 0, 0, 1]
    >>> recording = bin_spikes(times, trials, neurons, window=(0, 0.04), bin_width=0.02)
    >>> recording.data[0, 0].tolist()
    [1.0, 2.0]
    """
    times = np.asarray(spike_times, dtype=np.float64)
    trials = _checked_ids(trial_ids, times.size, n_trials, "trial_ids", "n_trials")
    neurons = _checked_ids(neuron_ids, times.size, n_neurons, "neuron_ids", "n_neurons")
    if times.ndim != 1 or not np.isfinite(times).all():
        raise ValueError(f"spike_times must be one axis of finite numbers, got shape {times.shape}")
    centres = bin_centres(window, bin_width)
    shape = (
        int(trials.max(initial=-1)) + 1 if n_trials is None else n_trials,
        int(neurons.max(initial=-1)) + 1 if n_neurons is None else n_neurons,
        len(centres),
    )
    bins = np.floor((times - window[0]) / bin_width + EDGE_TOLERANCE).astype(np.int64)
    inside = (bins >= 0) & (bins < len(centres))
    counts = np.zeros(shape, dtype=np.dtype(dtype))
    np.add.at(counts, (trials[inside], neurons[inside], bins[inside]), 1)
    return Recording(counts, coords={"time": ("time", centres)}, name="spike counts", attrs={"units": COUNTS})


def rebin(X: Data, n_bins: int, *, method: Literal["sum", "mean"] = "sum") -> Data:
    """Join every `n_bins` neighbouring time bins into one.

    A wider bin is observed only if all its parts are: anything else would pass a part of a count off as a
    whole one.

    Parameters
    ----------
    X : Recording or ndarray, shape (..., n_steps)
    n_bins : int
        How many bins to join; it must divide n_steps.
    method : {"sum", "mean"}
        Sum for counts, mean for rates.

    Returns
    -------
    Recording or ndarray, shape (..., n_steps // n_bins)
        Coordinates along time become the mean over the joined bins.

    Raises
    ------
    ValueError
        If `n_bins` does not divide the number of steps, `method` is unknown, or rates would be summed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.preprocess import rebin
    >>> rebin(np.array([[1.0, 2.0, 3.0, 4.0]]), 2)
    array([[3., 7.]])
    """
    values = _values(X, 1)
    n_steps = values.shape[-1]
    if n_bins < 1 or n_steps % n_bins:
        raise ValueError(f"n_bins must divide the {n_steps} steps, got {n_bins}; select a multiple of it first")
    if method not in ("sum", "mean"):
        raise ValueError(f"method must be 'sum' or 'mean', got {method!r}")
    if method == "sum" and _units(X) == RATES:
        raise ValueError("method='sum' would add rates: use method='mean' for a recording in spikes/s")
    parts = values.reshape(*values.shape[:-1], n_steps // n_bins, n_bins)
    joined: FloatArray = parts.sum(axis=-1) if method == "sum" else parts.mean(axis=-1)
    if not isinstance(X, Recording):
        return joined
    coords = {
        name: (dim, labels.reshape(-1, n_bins).mean(axis=1) if dim == "time" else labels)
        for name, (dim, labels) in X.coords.items()
        if dim != "time" or labels.dtype.kind in "iuf"
    }
    return replace(X, data=joined, coords=coords)


def smooth(X: Data, sd_bins: float = 2.0, *, truncate: float = 4.0) -> Data:
    """Smooth along time with a Gaussian; along no other axis.

    The ends of the window are reflected (``c b a | a b c``), so that the mean over time is kept. At gaps in
    the data the weights that fall on missing entries are given to the others (normalised convolution);
    missing entries stay NaN.

    Parameters
    ----------
    X : Recording or ndarray, shape (..., n_steps)
    sd_bins : float
        Standard deviation in *bins*; 0 changes nothing. For an SD in seconds: ``sd / recording.bin_width``.
    truncate : float
        Half width of the kernel in SDs, rounded to whole bins.

    Returns
    -------
    Recording or ndarray, same shape

    Raises
    ------
    ValueError
        If `sd_bins` is negative or not finite, or `truncate` not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.preprocess import smooth
    >>> smooth(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), sd_bins=0.5).round(3)
    array([0.   , 0.106, 0.787, 0.106, 0.   ])
    """
    values = _values(X, 1)
    if not (np.isfinite(sd_bins) and sd_bins >= 0 and truncate > 0):
        raise ValueError(f"sd_bins must be finite and >= 0 and truncate > 0, got {sd_bins} and {truncate}")
    radius = int(truncate * sd_bins + 0.5)
    if radius == 0 or values.size == 0:
        return _like(X, values.copy())
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sd_bins) ** 2)
    weights /= weights.sum()
    missing = np.isnan(values)
    if not missing.any():
        return _like(X, _convolved(values, weights))
    total = _convolved(np.where(missing, 0.0, values), weights)
    share = _convolved((~missing).astype(values.dtype), weights)
    # An observed entry always has the weight of its own bin, so no share that is kept can be zero.
    smoothed = np.divide(total, share, out=np.full_like(total, np.nan), where=~missing)
    return _like(X, smoothed)


def normalize(X: Data, method: Literal["sd", "zscore", "range", "soft"] = "sd", *, constant: float = 5.0) -> Data:
    """Bring neurons to a common scale, each by one number over all its observed entries.

    Parameters
    ----------
    X : Recording or ndarray, shape (..., n_neurons, n_steps)
    method : {"sd", "zscore", "range", "soft"}
        ``"sd"``: divide by the standard deviation (no mean is taken away: what was non-negative stays so).
        ``"zscore"``: subtract the mean, then divide by the standard deviation.
        ``"range"``: divide by the range (largest minus smallest value).
        ``"soft"``: divide by range + `constant`, so that quiet neurons stay small.
        The standard deviation divides by the number of entries (``ddof=0``).
    constant : float
        For ``"soft"``, in the units of the data; the customary 5 is in spikes/s, so apply it to rates
        (:func:`to_rate`).

    Returns
    -------
    Recording or ndarray, same shape

    Raises
    ------
    ValueError
        If `method` is unknown, `constant` not positive, or a neuron has nothing to scale by because it never
        varies or was never observed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.preprocess import normalize
    >>> normalize(np.array([[1.0, 3.0], [10.0, 30.0]]), "sd")
    array([[1., 3.],
           [1., 3.]])
    """
    if method not in ("sd", "zscore", "range", "soft"):
        raise ValueError(f"method must be 'sd', 'zscore', 'range' or 'soft', got {method!r}")
    if method == "soft" and not constant > 0:
        raise ValueError(f"constant must be > 0, got {constant}")
    values = _values(X, 2)
    per_neuron = np.moveaxis(values, -2, 0).reshape(values.shape[-2], -1).astype(np.float64)
    silent = np.isnan(per_neuron).all(axis=1)
    per_neuron[silent] = 0.0
    mean = np.nanmean(per_neuron, axis=1)
    if method in ("sd", "zscore"):
        scale = np.nanstd(per_neuron, axis=1)
    else:
        scale = np.nanmax(per_neuron, axis=1) - np.nanmin(per_neuron, axis=1)
    flat = silent | (scale <= 1e-12 * np.abs(mean)) if method != "soft" else silent
    if flat.any():
        raise ValueError(
            f"neurons {np.flatnonzero(flat).tolist()} never vary or were never observed, so they have no "
            "scale; leave them out first, e.g. with drop_units"
        )
    scale = scale + constant if method == "soft" else scale
    shift = mean if method == "zscore" else np.zeros_like(mean)
    scaled = (values - shift[:, None].astype(values.dtype)) / scale[:, None].astype(values.dtype)
    return _like(X, scaled, units="spread of the neuron")


def drop_units(X: Data, min_rate: float = 1.0, *, bin_width: float | None = None) -> Data:
    """Keep the neurons that fire above `min_rate` on average over everything that was observed of them.

    Parameters
    ----------
    X : Recording or ndarray, shape (..., n_neurons, n_steps)
        Spikes per bin, or rates in spikes/s.
    min_rate : float
        In spikes/s; a neuron exactly at it is dropped.
    bin_width : float, optional
        In seconds, if `X` holds counts. A Recording knows: its time coordinate is used unless
        ``attrs["units"]`` is
        ``"spikes/s"``. An array without `bin_width` is taken to hold rates.

    Returns
    -------
    Recording or ndarray, shape (..., n_kept, n_steps)

    Raises
    ------
    ValueError
        If `bin_width` is not positive or a Recording of counts has no evenly spaced time coordinate.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.preprocess import drop_units
    >>> counts = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    >>> drop_units(counts, min_rate=1.0, bin_width=0.1).shape
    (1, 1, 2)
    """
    values = _values(X, 2)
    if bin_width is None:
        bin_width = X.bin_width if isinstance(X, Recording) and _units(X) != RATES else 1.0
    if not bin_width > 0:
        raise ValueError(f"bin_width must be > 0 seconds, got {bin_width}")
    per_neuron = np.moveaxis(values, -2, 0).reshape(values.shape[-2], -1)
    n_observed = np.maximum(np.sum(~np.isnan(per_neuron), axis=1), 1)
    rate = np.nansum(per_neuron, axis=1, dtype=np.float64) / (n_observed * bin_width)
    keep = rate > min_rate
    if isinstance(X, Recording):
        return X.select(neurons=keep)
    return values[..., keep, :]


def to_rate(X: Data, bin_width: float | None = None) -> Data:
    """Turn spikes per bin into spikes per second.

    Parameters
    ----------
    X : Recording or ndarray, shape (..., n_steps)
        Spikes per bin.
    bin_width : float, optional
        In seconds; for a Recording, by default the spacing of its time coordinate. Needed for an array.

    Returns
    -------
    Recording or ndarray, same shape

    Raises
    ------
    ValueError
        If there is no bin width to divide by, or a Recording already holds rates.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial.preprocess import to_rate
    >>> to_rate(np.array([1.0, 2.0]), bin_width=0.02)
    array([ 50., 100.])
    """
    values = _values(X, 1)
    if _units(X) == RATES:
        raise ValueError("X already holds spikes/s")
    if bin_width is None:
        if not isinstance(X, Recording):
            raise ValueError("bin_width (in seconds) is needed for an array")
        bin_width = X.bin_width
    if not bin_width > 0:
        raise ValueError(f"bin_width must be > 0 seconds, got {bin_width}")
    return _like(X, (values / bin_width).astype(values.dtype, copy=False), units=RATES)


def align(X: Recording, event_times: ArrayLike, window: tuple[float, float]) -> Recording:
    """Cut every trial around its own event; the event becomes time zero.

    Trials are shifted by whole bins, so that an event sits at most half a bin from time zero. Where a trial
    has no data within the window, and for trials without an event, the result is NaN.

    Parameters
    ----------
    X : Recording, shape (n_trials, n_neurons, n_steps)
        With an evenly spaced ``"time"`` coordinate.
    event_times : array_like, shape (n_trials,)
        In seconds on the recording's time axis; NaN where the event did not happen.
    window : (start, stop)
        In seconds relative to the event; it must hold a whole number of bins.

    Returns
    -------
    Recording, shape (n_trials, n_neurons, n_bins)
        With a new ``"time"`` coordinate (bin centres relative to the event); other labels along time are left
        out.

    Raises
    ------
    ValueError
        If there is not one event per trial, or the window does not hold whole bins.
    TypeError
        If `X` is not a Recording: an array does not know its time axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastigial import Recording
    >>> from fastigial.preprocess import align
    >>> ramp = Recording(np.arange(4.0).reshape(1, 1, 4), coords={"time": ("time", [0.05, 0.15, 0.25, 0.35])})
    >>> align(ramp, [0.3], window=(-0.2, 0.2)).data
    array([[[ 1.,  2.,  3., nan]]])
    """
    if not isinstance(X, Recording):
        raise TypeError(f"X must be a Recording, got {type(X).__name__}: aligning needs its time axis")
    n_trials, n_neurons, n_steps = X.shape
    events = np.asarray(event_times, dtype=np.float64)
    if events.shape != (n_trials,):
        raise ValueError(f"event_times must have shape ({n_trials},), one per trial, got {events.shape}")
    width = X.bin_width
    centres = bin_centres(window, width)
    left_edge = float(X["time"][0]) - width / 2
    # Bins from the recording's first to the window's first, for each trial.
    happened = np.isfinite(events)
    first = np.rint((np.where(happened, events, 0.0) + window[0] - left_edge) / width).astype(np.int64)
    source = first[:, None] + np.arange(len(centres))
    inside = (source >= 0) & (source < n_steps) & happened[:, None]
    data = np.full((n_trials, n_neurons, len(centres)), np.nan, dtype=X.dtype)
    trial, step = np.nonzero(inside)
    data[trial, :, step] = X.data[trial, :, source[trial, step]]
    coords = {name: entry for name, entry in X.coords.items() if entry[0] != "time"}
    return replace(X, data=data, coords={**coords, "time": ("time", centres)})


def bin_centres(window: tuple[float, float], bin_width: float) -> NDArray[np.float64]:
    """Place the centres of the bins that fill a window, in seconds.

    Parameters
    ----------
    window : (start, stop)
    bin_width : float
        It must divide the window.

    Returns
    -------
    ndarray, shape (n_bins,)

    Raises
    ------
    ValueError
        If the window is empty, or is not a whole number of bins.

    Examples
    --------
    >>> from fastigial.preprocess import bin_centres
    >>> bin_centres((-0.5, 0.5), 0.25).tolist()
    [-0.375, -0.125, 0.125, 0.375]
    """
    start, stop = window
    if not (bin_width > 0 and np.isfinite([start, stop]).all() and start < stop):
        raise ValueError(f"window must be (start, stop) with start < stop and bin_width > 0, got {window}, {bin_width}")
    n_bins = round((stop - start) / bin_width)
    if n_bins < 1 or abs(n_bins * bin_width - (stop - start)) > 1e-6 * bin_width:
        raise ValueError(f"window {window} must hold a whole number of bins of {bin_width} s")
    centres: NDArray[np.float64] = start + (np.arange(n_bins, dtype=np.float64) + 0.5) * bin_width
    return centres


def _convolved(values: FloatArray, weights: NDArray[np.float64]) -> FloatArray:
    """Correlate along the last axis with reflected ends; a loop over the few taps needs no copy per trial."""
    radius, n_steps = len(weights) // 2, values.shape[-1]
    padding = [(0, 0)] * (values.ndim - 1) + [(radius, radius)]
    padded = np.pad(values, padding, mode="symmetric")
    result = np.zeros_like(values)
    for tap, weight in enumerate(weights):
        result += values.dtype.type(weight) * padded[..., tap : tap + n_steps]
    return result


def _values(X: Recording | NDArray[Any], min_ndim: int) -> FloatArray:
    if not isinstance(X, (Recording, np.ndarray)):
        raise TypeError(
            f"X must be a Recording or an ndarray, got {type(X).__name__}; "
            "an xarray.DataArray goes in through Recording.from_xarray, a list through np.asarray"
        )
    values = X.data if isinstance(X, Recording) else X
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    if values.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"X must hold float32, float64 or integers, got dtype {values.dtype}")
    if values.ndim < min_ndim:
        raise ValueError(f"X must have at least {min_ndim} axes (time last), got shape {values.shape}")
    return values


def _units(X: Recording | NDArray[Any]) -> str | None:
    return X.attrs.get("units") if isinstance(X, Recording) else None


def _like(X: Data, values: FloatArray, units: str | None = None) -> Data:
    if not isinstance(X, Recording):
        return values
    return replace(X, data=values, attrs=X.attrs if units is None else {**X.attrs, "units": units})


def _checked_ids(ids: ArrayLike, n_spikes: int, limit: int | None, name: str, limit_name: str) -> NDArray[np.int64]:
    values = np.asarray(ids)
    if values.size == 0:
        values = values.astype(np.int64)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {values.dtype}")
    if values.shape != (n_spikes,):
        raise ValueError(f"{name} must have one entry per spike, ({n_spikes},), got shape {values.shape}")
    if n_spikes and (values.min() < 0 or (limit is not None and values.max() >= limit)):
        raise ValueError(
            f"{name} must lie in [0, {limit_name}), got {values.min()} to {values.max()}, {limit_name}={limit}"
        )
    return values.astype(np.int64)
