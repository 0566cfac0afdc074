"""What an expansion into granule cells is good for: dimension, errors of a readout, speed of learning.

    dimension  D = (tr C)² / tr C²                             C: covariance of granule cells over samples
    error      w = Σ_μ y_μ (h_μ − h̄),  ŷ = sign w · (h'_μ − h̄)    y = ±1 at random, h' the answer to a noisy pattern
    speed      batch LMS at the rate 1/λ₁:  e²(t) = (1/n) Σ_i (1 − λ_i/λ₁)^{2t},  t such that e(t) = criterion

Everything follows from products of samples, G = h hᵀ, so that no matrix of cells by cells is formed.

| symbol | name           | shape                  |                                          |
| ------ | -------------- | ---------------------- | ---------------------------------------- |
| h, h'  | (blocks)       | (samples, n_granule)   | activity                                 |
| G      | products       | (samples, samples)     |                                          |
| y      | labels         | (patterns, readouts)   |                                          |
| λ      | (eigenvalues)  | (patterns)             | of G without the mean, the largest first |

From n samples D of the sample covariance is too small: n is its largest value. Both traces are replaced by unbiased
estimates, averages over products of different samples (Chen, Zhang & Zhong, JASA 105:810, 2010).

Litwin-Kumar, Harris, Axel, Sompolinsky & Abbott, Neuron 93:1153, 2017 (dimension, Hebbian classification);
Cayco-Gajic, Clopath & Silver, Nat Commun 8:1116, 2017 (decorrelation and speed of learning).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.cerebellum.expansion_theory import (
    covariance_of_cells,
    expected_classification_error,
    expected_dimension,
)
from fastigial.cerebellum.granule_layer import GranuleLayer
from fastigial.rnn.seeds import as_seed, stream
from fastigial.tensor.checks import as_count, as_number

__all__ = [
    "LearningSpeed",
    "classification_error",
    "covariance_of_cells",
    "dimension",
    "expected_classification_error",
    "expected_dimension",
    "learning_speed",
]

# Keys of the streams of a seed.
_PATTERNS, _NOISE, _LABELS = 0, 1, 2
# Columns of activity that are in double precision at a time.
_BLOCK = 8192
# Eigenvalues below this share of the largest are zero up to rounding.
_ROUNDING = 1e-10

Matrix = NDArray[np.float64]


def dimension(layer: GranuleLayer, mossy: ArrayLike, *, n_threads: int | None = None) -> float:
    r"""Dimension of the granule cells' activity.

    .. math:: D = (\operatorname{tr} C)^2 / \operatorname{tr} C^2

    with C the covariance of the cells over *all* inputs of which `mossy` is a sample: both traces are estimated without
    bias, so that D can exceed the number of samples.

    Parameters
    ----------
    layer : GranuleLayer
        Without a temporal basis.
    mossy : array_like, shape (n_samples, n_mossy)
        Independent samples, four or more.
    n_threads : int, optional
        1 to 1024; default: the package's setting.

    Returns
    -------
    float
        NaN where so few samples say nothing (the estimate of the denominator is not positive).

    Raises
    ------
    TypeError, ValueError
        If `mossy` is not what it should be, or no cell varies.

    Notes
    -----
    Litwin-Kumar et al. (2017). `fastigial.analysis.participation_ratio` with ``correction="trials"`` is the same
    number, from activity that is there as a whole and in double precision.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> layer = fg.cerebellum.GranuleLayer(100, 2000, activation="binary", seed=0)
    >>> mossy = np.random.default_rng(0).normal(size=(300, 100))
    >>> found = fg.cerebellum.expansion.dimension(layer, mossy)
    >>> expected = fg.cerebellum.expansion.expected_dimension(100, 2000, 4, 0.1)
    >>> 0.9 < found / expected < 1.1
    True
    """
    x = _samples(layer, mossy, at_least=4)
    activity = layer.run(x, n_threads)
    products = _products(activity, activity)
    squared_trace, trace_of_square = _unbiased_traces(products)
    if not np.ptp(products):
        raise ValueError("no granule cell varies: there is no dimension")
    return squared_trace / trace_of_square if trace_of_square > 0 else float("nan")


def classification_error(
    layer: GranuleLayer,
    n_patterns: int = 200,
    *,
    noise: float = 0.5,
    n_readouts: int = 50,
    seed: int = 0,
    n_threads: int | None = None,
) -> float:
    r"""Share of noisy patterns that a Hebbian readout of the granule cells labels wrongly.

    Random patterns :math:`\xi_\mu \sim N(0, I)` have random labels :math:`y_\mu = \pm 1`; the weights are

    .. math:: w = \sum_\mu y_\mu (h(\xi_\mu) - \bar h)

    and each pattern comes back as :math:`\sqrt{1 - \sigma^2}\, \xi_\mu + \sigma\, \varepsilon`, to be labelled by the
    sign of :math:`w \cdot (h - \bar h)`. The mean :math:`\bar h` is that of the patterns.

    Parameters
    ----------
    layer : GranuleLayer
        Without a temporal basis; as it is: independent normal patterns are what uncalibrated thresholds are for.
    n_patterns : int
        P, two or more.
    noise : float
        σ, 0 to 1; noise that leaves the variance of fibres as it is is a choice of this package.
    n_readouts : int
        Sets of labels, over which errors are averaged.
    seed : int
        For patterns, noise and labels.
    n_threads : int, optional
        1 to 1024; default: the package's setting.

    Returns
    -------
    float
        0 to 1; 0.5 is chance. An output of exactly zero is half an error.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Notes
    -----
    Litwin-Kumar et al. (2017).

    Examples
    --------
    >>> import fastigial as fg
    >>> layer = fg.cerebellum.GranuleLayer(100, 1000, n_inputs=4, activation="binary", seed=0)
    >>> found = fg.cerebellum.expansion.classification_error(layer, 100, noise=0.5)
    >>> 0.10 < found < 0.16
    True
    """
    n_patterns, n_readouts = as_count("n_patterns", n_patterns), as_count("n_readouts", n_readouts)
    noise = as_number("noise", noise)
    if n_patterns < 2 or n_readouts < 1 or not 0 <= noise <= 1:
        raise ValueError(
            f"n_patterns is {n_patterns}, n_readouts {n_readouts} and noise {noise}, "
            "expected 2 or more, 1 or more, and 0 to 1"
        )
    seed = as_seed("seed", seed)
    patterns = stream(seed, _PATTERNS).standard_normal((n_patterns, layer.n_mossy))
    blur = stream(seed, _NOISE).standard_normal(patterns.shape)
    labels = stream(seed, _LABELS).choice([-1.0, 1.0], size=(n_patterns, n_readouts))
    _samples(layer, patterns, at_least=2)
    learned = layer.run(patterns, n_threads)
    met = layer.run(np.sqrt(1 - noise**2) * patterns + noise * blur, n_threads)
    middle = learned.mean(axis=0, dtype=np.float64)
    outputs = _products(met, learned, middle) @ labels
    # Sums of random signs of whole numbers can be zero up to rounding.
    size = np.abs(outputs).max(initial=0.0)
    right = np.sign(np.where(np.abs(outputs) > _ROUNDING * size, outputs, 0.0)) * labels
    return float(0.5 * np.mean(1 - right))


@dataclass(frozen=True)
class LearningSpeed:
    """How fast a linear readout learns.

    Attributes
    ----------
    granule, mossy : float
        Epochs until the error comes down to the criterion, from granule cells and from mossy fibres alone; infinite
        if it never does.
    """

    granule: float
    mossy: float

    @property
    def ratio(self) -> float:
        """How many times faster learning is from granule cells; NaN if it ends neither way."""
        if np.isinf(self.mossy):
            return float("nan") if np.isinf(self.granule) else float("inf")
        return self.mossy / self.granule if self.granule > 0 else float("nan")


def learning_speed(
    layer: GranuleLayer, mossy: ArrayLike, *, criterion: float = 0.2, n_threads: int | None = None
) -> LearningSpeed:
    r"""Epochs that a linear readout needs to learn random labels of patterns, from granule cells and from mossy fibres.

    Batch gradient descent on squared errors, with the mean of the activity taken away (a bias) and at the rate
    :math:`1/\lambda_1`, for patterns whose products have the eigenvalues :math:`\lambda_i`. For labels that are drawn
    independently, of mean zero, the expected error after t epochs is, exactly,

    .. math:: e^2(t) = \frac{1}{n} \sum_{i=1}^{n} (1 - \lambda_i/\lambda_1)^{2 t}

    as a share of its start, with n one less than the number of patterns. Learning is slow along directions with little
    variance: a population of which one direction dominates is a bad one to learn from.

    Parameters
    ----------
    layer : GranuleLayer
        Without a temporal basis.
    mossy : array_like, shape (n_patterns, n_mossy)
        Patterns, three or more.
    criterion : float
        Error to come down to, as a share of that at the start, between 0 and 1.
    n_threads : int, optional
        1 to 1024; default: the package's setting.

    Returns
    -------
    LearningSpeed
        Real numbers of epochs. Infinite where there are too few dimensions for so many patterns.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    Notes
    -----
    The comparison of granule cells with their inputs is that of Cayco-Gajic et al. (2017), who train sigmoidal
    readouts sample by sample at one rate for all. A rate that suits each population, and the expectation in closed
    form, are designs of this package: they leave neither the rate nor the scale of activity to choose.

    Examples
    --------
    >>> import numpy as np
    >>> import fastigial as fg
    >>> layer = fg.cerebellum.GranuleLayer(60, 600, golgi="feedforward", golgi_gain=2.0, seed=0)
    >>> patterns = fg.cerebellum.correlated_mossy_input(60, 40, 0.5, seed=0)
    >>> found = fg.cerebellum.expansion.learning_speed(layer, patterns)
    >>> found.ratio > 1
    True
    """
    criterion = as_number("criterion", criterion)
    if not 0 < criterion < 1:
        raise ValueError(f"criterion is {criterion}, expected a number between 0 and 1")
    x = _samples(layer, mossy, at_least=3)
    return LearningSpeed(_epochs(layer.run(x, n_threads), criterion), _epochs(x, criterion))


def _samples(layer: GranuleLayer, mossy: ArrayLike, at_least: int) -> NDArray[np.floating]:
    if layer.basis is not None:
        raise ValueError("layer has a temporal basis, expected one without: samples are independent")
    x = np.asarray(mossy)
    if x.ndim != 2 or len(x) < at_least:
        raise ValueError(f"mossy has shape {x.shape}, expected (samples, {layer.n_mossy}), {at_least} samples or more")
    return x


def _products(a: NDArray[np.floating], b: NDArray[np.floating], middle: Matrix | None = None) -> Matrix:
    """(a − middle)(b − middle)ᵀ in double precision, a few cells at a time."""
    found = np.zeros((len(a), len(b)))
    for start in range(0, a.shape[1], _BLOCK):
        part = slice(start, start + _BLOCK)
        left = a[:, part].astype(np.float64)
        right = left if b is a else b[:, part].astype(np.float64)
        if middle is not None:
            left, right = left - middle[part], right - middle[part]
        found += left @ right.T
    return found


def _unbiased_traces(products: Matrix) -> tuple[float, float]:
    """Averages over four different samples: estimates of (tr C)² and tr C², from G."""
    n = len(products)
    own = np.diag(products).copy()
    between = products.copy()
    np.fill_diagonal(between, 0.0)
    sums = between.sum(axis=1)
    two = n * (n - 1)
    three, four = two * (n - 2), two * (n - 2) * (n - 3)
    # Σ' over different indices, by inclusion and exclusion; g is an entry off the diagonal.
    squares = np.sum(between**2)
    pairs = (sums.sum() ** 2 - 4 * np.sum(sums**2) + 2 * squares) / four
    chains = (np.sum(sums**2) - squares) / three
    traces = (own.sum() ** 2 - np.sum(own**2)) / two
    mixed = (own.sum() * sums.sum() - 2 * np.sum(own * sums)) / three
    return float(traces - 2 * mixed + pairs), float(squares / two - 2 * chains + pairs)


def _epochs(activity: NDArray[np.floating], criterion: float) -> float:
    """The time t at which e(t) is the criterion."""
    middle = activity.mean(axis=0, dtype=np.float64)
    n = len(activity) - 1
    values = np.linalg.eigvalsh(_products(activity, activity, middle))[1:]
    if values[-1] <= 0:
        return float("inf")
    shares = values / values[-1]
    shares[shares < _ROUNDING] = 0.0
    # The first direction is learned in one epoch: its rate is infinite, but zero times it is zero.
    with np.errstate(divide="ignore"):
        rates = np.minimum(-2 * np.log1p(-shares), 1e9)

    def excess(t: float) -> float:
        return float(np.sum(np.exp(-t * rates))) / n - criterion**2

    if np.count_nonzero(shares == 0) / n >= criterion**2:
        return float("inf")
    high = 1.0
    while excess(high) > 0:
        high *= 2
    from scipy.optimize import brentq

    return float(brentq(excess, 0.0, high, rtol=1e-12))
