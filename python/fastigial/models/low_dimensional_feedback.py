"""A random network with low-dimensional feedback, which stands for what the cerebellum gives back to the cortex."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.models.low_dimensional_feedback_results import FeedbackRun, FeedbackSweep
from fastigial.rnn.checks import as_positive, as_precision, as_real
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_count, as_number, as_threads
from fastigial.tensor.progress import Callback, Report
from fastigial.threads import get_num_threads

__all__ = ["LowDimensionalFeedbackRNN"]

_DOUBLE: np.dtype[Any] = np.dtype(np.float64)
_RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5)


class LowDimensionalFeedbackRNN:
    r"""A random network that is told its target in eight dimensions, and its own output in two.

    .. math::

        \tau \dot x = -x + J \tanh x + \alpha V e_k + \beta U d , \qquad z = W^\top \tanh x

    Nothing of J, V and U is learned. In a first run :math:`d = t_k`, where the target is, and W is fitted to it by
    least squares; in a second one the loop is closed, :math:`d = z`. A small β/α stands for a cerebellum that is
    blocked. How many dimensions the eight targets fill, and how far what tells some of them apart tells others apart,
    is measured in the second run.

    Parameters
    ----------
    n_units : int
        N.
    feedback_ratio : float
        β/α.
    seed : int
        Of the network, its initial states and the orders of targets.
    gain : float
        g: entries of J have a variance of g²/N. Above 1 the network is chaotic when left alone.
    target_gain : float
        α, where entries of V have a variance of 1.
    feedback_sd : float
        Standard deviation of the entries of U: their variance is ½.
    dt, tau : float
        Euler step and time constant, in one unit.
    dtype : {"float32", "float64"}
        Precision of the runs. Chaos makes runs of the two differ after a while; their statistics do not.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of range.

    See Also
    --------
    fastigial.analysis.task_dimensionality, fastigial.analysis.cross_condition_generalization : the two measures.

    Notes
    -----
    Israely, Ninou, …, Kadmon & Prut (2025) Nat Commun, s41467-025-57832-4, with its constants. Published for 600
    networks of 1000 units at each strength: from β/α = 0.5 to 1.5 the dimensionality falls from 5.53 to 4.85 and
    generalisation rises from .629 to .870. In networks of 200 units dimensionality does not fall. The model is about
    movements in a null field; it learns no force field.

    Examples
    --------
    >>> import fastigial as fg
    >>> run = fg.models.LowDimensionalFeedbackRNN(n_units=50, feedback_ratio=1.5).run(n_repeats=2, n_steps=100)
    >>> run.patterns.shape, 1 <= run.dimensionality <= 7
    ((8, 50), True)
    """

    def __init__(
        self,
        n_units: int = 1000,
        feedback_ratio: float = 1.0,
        seed: int = 0,
        *,
        gain: float = 1.75,
        target_gain: float = 0.25,
        feedback_sd: float = 0.5**0.5,
        dt: float = 0.1,
        tau: float = 1.0,
        dtype: str = "float32",
    ) -> None:
        self.n_units = as_count("n_units", n_units)
        self.feedback_ratio = float(as_real("feedback_ratio", as_number("feedback_ratio", feedback_ratio), _DOUBLE))
        self.seed = as_seed("seed", seed)
        self.gain = as_number("gain", gain)
        self.target_gain = as_number("target_gain", target_gain)
        self.feedback_sd = as_number("feedback_sd", feedback_sd)
        self.dt, self.tau = as_positive("dt", dt), as_positive("tau", tau)
        self.dtype = as_precision(dtype)
        # Anything out of range is an error now, not in the first run.
        self._draw()

    def __repr__(self) -> str:
        return (
            f"LowDimensionalFeedbackRNN(n_units={self.n_units}, feedback_ratio={self.feedback_ratio}, seed={self.seed})"
        )

    @property
    def parameters(self) -> dict[str, NDArray[np.float64]]:
        """J (n_units, n_units), V (n_units, 8) and U (n_units, 2), by name, before they are rounded to `dtype`."""
        parts = self._draw()
        return {"J": parts["recurrent"], "V": parts["targets_in"].T, "U": parts["feedback_in"].T}

    def run(
        self, n_repeats: int = 20, *, n_steps: int = 500, n_discarded: int = 50, n_threads: int | None = None
    ) -> FeedbackRun:
        """Fit the readout in one run, close the loop in another, and sample activity at each target.

        Parameters
        ----------
        n_repeats : int
            Random orders of the eight targets, in each of the two runs. Few of them make the trends weaker.
        n_steps : int
            Steps for which each target is held; the state is carried over from one to the next.
        n_discarded : int
            First steps of each target that the readout is not fitted to.
        n_threads : int, optional
            Ratios of one network run side by side on one thread, so this is for `sweep`.

        Returns
        -------
        FeedbackRun
            With ``.dimensionality``, ``.generalization`` and what they come from.

        Raises
        ------
        TypeError, ValueError
            If an argument is no whole number or out of range.
        FloatingPointError
            If activity does not stay finite.
        """
        timing = _timing(n_repeats, n_steps, n_discarded)
        return self._runs([self.seed], [self.feedback_ratio], timing, n_threads)[0][0]

    @classmethod
    def sweep(
        cls,
        ratios: ArrayLike = _RATIOS,
        n_networks: int = 10,
        seed: int = 0,
        *,
        n_repeats: int = 20,
        n_steps: int = 500,
        n_discarded: int = 50,
        n_threads: int | None = None,
        progress: bool | Callback = False,
        **options: Any,
    ) -> FeedbackSweep:
        """Measure many networks at many strengths of feedback.

        Network i has the seed ``seed + i``, so what is measured in portions can be joined. All ratios of a network
        advance together, four of them in about twice the time of one; what each gives does not depend on the others.

        Parameters
        ----------
        ratios : array_like, shape (n_ratios,)
            β/α.
        n_networks : int
            How many.
        seed : int
            Of the first.
        n_repeats, n_steps, n_discarded : int
            As in `run`.
        n_threads : int, optional
            Networks that run at once; the numbers do not depend on it.
        progress : bool or callable
            True shows a bar; a callable is called as ``progress(done, total, generalization)``, in networks.
        **options
            For the class.

        Returns
        -------
        FeedbackSweep
            With ``.dimensionality``, ``.generalization``, ``.to_pandas()`` and ``.plot()``.

        Raises
        ------
        TypeError, ValueError
            As in the class and in `run`, or if there is no ratio or no network.

        Examples
        --------
        >>> import fastigial as fg
        >>> found = fg.models.LowDimensionalFeedbackRNN.sweep([0.5, 1.5], 2, n_units=30, n_repeats=1, n_steps=60)
        >>> found.generalization.shape
        (2, 2)
        """
        values = as_real("ratios", ratios, _DOUBLE)
        n_networks = as_count("n_networks", n_networks)
        if values.ndim != 1 or not len(values) or not n_networks:
            raise ValueError(
                f"ratios have the shape {values.shape} and n_networks is {n_networks}, expected a row and at least one "
                "of each"
            )
        model = cls(seed=seed, **options)
        as_seed("seed + n_networks", model.seed + n_networks)
        timing = _timing(n_repeats, n_steps, n_discarded)
        seeds = [model.seed + i for i in range(n_networks)]
        at_once = as_threads(n_threads) or get_num_threads()
        rows: list[list[FeedbackRun]] = []
        with Report(progress, "networks", "network") as report:
            for first in range(0, n_networks, at_once):
                some = model._runs(seeds[first : first + at_once], values.tolist(), timing, n_threads)
                rows.extend([run.measured() for run in runs] for runs in some)
                if report.callback is not None:
                    report.callback(len(rows), n_networks, float(np.mean([run.generalization for run in rows[-1]])))
        return FeedbackSweep.of(values, seeds, rows)

    def _numbers(self, timing: tuple[int, int, int]) -> tuple[int, float, float, float, float, int, int, int]:
        n_repeats, n_steps, n_discarded = timing
        rate = self.dt / self.tau
        weights = (self.n_units, self.gain, self.target_gain, self.feedback_sd, rate)
        return (*weights, n_steps, n_discarded, n_repeats)

    def _draw(self) -> dict[str, Any]:
        return _core.low_dimensional_feedback_parts(self._numbers((1, 2, 0)), self.seed)

    def _runs(
        self, seeds: list[int], ratios: list[float], timing: tuple[int, int, int], n_threads: int | None
    ) -> list[list[FeedbackRun]]:
        double = self.dtype == _DOUBLE
        found, exception = _core.run_low_dimensional_feedback(
            self._numbers(timing), seeds, ratios, double=double, n_threads=as_threads(n_threads), progress=None
        )
        if exception is not None:
            raise exception
        orders = [
            _core.low_dimensional_feedback_parts((1, *self._numbers(timing)[1:]), seed)["orders"][1] for seed in seeds
        ]
        return [
            [
                FeedbackRun.of(
                    ratio,
                    np.asarray(order),
                    found["rates"][i, j],
                    found["outputs"][i, j],
                    found["readouts"][i, j],
                    float(found["unexplained"][i, j]),
                )
                for j, ratio in enumerate(ratios)
            ]
            for i, order in enumerate(orders)
        ]


def _timing(n_repeats: Any, n_steps: Any, n_discarded: Any) -> tuple[int, int, int]:
    return as_count("n_repeats", n_repeats), as_count("n_steps", n_steps), as_count("n_discarded", n_discarded)
