"""The cerebellum as an adaptive filter: a basis, weights, and synapses that learn from an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum.bases import Basis
from fastigial.cerebellum.eligibility import as_steps
from fastigial.rnn.checks import as_flag, as_positive, as_precision, as_real
from fastigial.tensor.checks import as_count

__all__ = ["AdaptiveFilter"]


class AdaptiveFilter:
    r"""Outputs that are weighted sums of basis signals, learned by a trace times an error.

    .. math::

        o_n = W x_n, \qquad h_n = \sum_m \kappa_m x_{n-m}, \qquad \Delta W = \eta\, e_n h_n^\top

    x are the inputs led through the basis, κ is the synapses' eligibility. Every trial begins with empty traces.

    Parameters
    ----------
    basis : Basis or None
        `GaussianBasis`, `ExponentialBasis` or `AlphaBasis`. None: inputs are taken as they are.
    n_outputs : int
        Purkinje cells.
    n_inputs : int
        Mossy fibres.
    dt : float
        Seconds per step.
    eligibility : float or array_like, optional
        κ: a delay in seconds, or κ itself from lag 0 on, one number per step. Default: a delay of 0, the rule of Widrow
        and Hoff.
    dtype : {"float64", "float32"}
        Precision.

    Attributes
    ----------
    weights : ndarray, shape (n_outputs, n_features)
        W; zero at the beginning. n_features is n_inputs × the functions of the basis.

    Raises
    ------
    TypeError, ValueError
        If a parameter is no number of its kind, or a delay is not a whole number of steps.

    Notes
    -----
    Fujita (1982) Biol Cybern 45:195; Dean, Porrill, Ekerot & Jörntell (2010) Nat Rev Neurosci 11:30. For traces that
    are led through a model of the loop that the filter works in, see
    `fastigial.models.CounterfactualPredictiveControl`.

    Examples
    --------
    A cue, and an answer that is due 300 ms later:

    >>> import numpy as np
    >>> import fastigial as fg
    >>> cue, answer = np.zeros((1, 600, 1)), np.zeros((1, 600, 1))
    >>> cue[0, 50] = 1000.0
    >>> answer[0, 300:400, 0] = np.sin(np.linspace(0, np.pi, 100))
    >>> basis = fg.cerebellum.GaussianBasis(np.arange(0.05, 0.5, 0.05), sd=0.03)
    >>> cerebellum = fg.cerebellum.AdaptiveFilter(basis)
    >>> errors = cerebellum.learn(cue, answer, learning_rate=0.01, n_epochs=50)
    >>> bool(errors[-1] < 0.1 * errors[0]), 320 < int(cerebellum.run(cue).argmax()) < 380
    (True, True)
    """

    def __init__(
        self,
        basis: Basis | None,
        n_outputs: int = 1,
        *,
        n_inputs: int = 1,
        dt: float = 0.001,
        eligibility: float | ArrayLike | None = None,
        dtype: str = "float64",
    ) -> None:
        if not (basis is None or isinstance(basis, Basis)):
            raise TypeError(f"basis is {basis!r}, expected a Basis or None")
        self.basis = basis
        self.n_outputs, self.n_inputs = as_count("n_outputs", n_outputs), as_count("n_inputs", n_inputs)
        for name, count in (("n_outputs", self.n_outputs), ("n_inputs", self.n_inputs)):
            if count == 0:
                raise ValueError(f"{name} is 0, expected at least 1")
        self.dt = as_positive("dt", dt)
        self.dtype = as_precision(dtype)
        self._taps = _taps(eligibility, self.dt)
        n_features = self.n_inputs * (1 if basis is None else basis.n_functions)
        self.weights: NDArray[Any] = np.zeros((self.n_outputs, n_features), self.dtype)

    def features(self, inputs: ArrayLike) -> NDArray[Any]:
        """Basis signals x, (n_trials, n_steps, n_features), of inputs (n_trials, n_steps, n_inputs).

        Raises
        ------
        TypeError, ValueError
            If inputs are no finite numbers, or of another shape.
        """
        given = as_real("inputs", inputs, self.dtype)
        if given.ndim != 3 or given.shape[1] == 0 or given.shape[2] != self.n_inputs:
            raise ValueError(f"inputs has the shape {given.shape}, expected (n_trials, n_steps, {self.n_inputs})")
        if self.basis is None:
            return given
        return self.basis.expand(given, self.dt).astype(self.dtype)

    def run(self, inputs: ArrayLike) -> NDArray[Any]:
        """Outputs o, (n_trials, n_steps, n_outputs), of inputs (n_trials, n_steps, n_inputs), without learning.

        Raises
        ------
        TypeError, ValueError
            If inputs are no finite numbers, or of another shape.
        """
        outputs, _ = self._pass(self.features(inputs), None, errors=False, learning_rate=0.0, online=False)
        return outputs

    def learn(
        self,
        inputs: ArrayLike,
        targets: ArrayLike | None = None,
        *,
        errors: ArrayLike | None = None,
        learning_rate: float,
        online: bool = True,
        n_epochs: int = 1,
    ) -> NDArray[np.float64]:
        """Learn from targets, or from errors that come from elsewhere.

        Parameters
        ----------
        inputs : array_like, shape (n_trials, n_steps, n_inputs)
            What mossy fibres carry.
        targets : array_like, shape (n_trials, n_steps, n_outputs), optional
            What outputs should be; NaN teaches nothing.
        errors : array_like, shape (n_trials, n_steps, n_outputs), optional
            What the climbing fibres carry, in place of targets − outputs.
        learning_rate : float
            η.
        online : bool
            Weights change after each step; else after each trial.
        n_epochs : int
            How often to go through all trials, in their order.

        Returns
        -------
        ndarray, shape (n_epochs,)
            Mean squared error (of what was observed) while learning.

        Raises
        ------
        TypeError, ValueError
            If arrays hold no numbers or do not fit, or both or neither of targets and errors are given.
        FloatingPointError
            If weights leave the finite numbers: lower the learning rate. Weights are then as they were before that
            pass; what earlier passes learned stays.
        KeyboardInterrupt
            On Ctrl-C, within a moment. What earlier passes learned stays, of the present one nothing.
        """
        if (targets is None) == (errors is None):
            raise ValueError("expected either targets or errors; got both or neither")
        features = self.features(inputs)
        name = "targets" if errors is None else "errors"
        teaching = as_real(name, targets if errors is None else errors, self.dtype, finite=False)
        expected = (*features.shape[:2], self.n_outputs)
        if teaching.shape != expected:
            raise ValueError(f"{name} has the shape {teaching.shape}, expected {expected}")
        if np.isinf(teaching).any():
            raise ValueError(f"{name} holds infinities, expected finite numbers, or NaN where nothing was observed")
        rate, is_online = as_positive("learning_rate", learning_rate, zero=True), as_flag("online", online)
        course = np.full(as_count("n_epochs", n_epochs), np.nan)
        for epoch in range(course.size):
            outputs, self.weights = self._pass(
                features, teaching, errors=errors is not None, learning_rate=rate, online=is_online
            )
            # Weights that run away are an error in the end, and until then large.
            with np.errstate(over="ignore"):
                missed = teaching if errors is not None else teaching - outputs
                observed = ~np.isnan(missed)
                if observed.any():
                    course[epoch] = np.mean(np.square(missed[observed], dtype=np.float64))
        return course

    def _pass(
        self, features: NDArray[Any], teaching: NDArray[Any] | None, *, errors: bool, learning_rate: float, online: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        return _core.run_adaptive_filter(
            features,
            np.ascontiguousarray(self.weights, self.dtype),
            self._taps,
            teaching=teaching,
            are_errors=errors,
            learning_rate=learning_rate,
            online=online,
        )

    def __repr__(self) -> str:
        return f"AdaptiveFilter({self.basis!r}, n_outputs={self.n_outputs}, n_inputs={self.n_inputs}, dt={self.dt:g})"


def _taps(eligibility: float | ArrayLike | None, dt: float) -> list[tuple[int, float]]:
    """Pairs of lag and gain."""
    if eligibility is None:
        return [(0, 1.0)]
    if np.ndim(eligibility) == 0:
        return [(as_steps("eligibility", np.asarray(eligibility).item(), dt), 1.0)]
    kernel = as_real("eligibility", eligibility, np.dtype(np.float64))
    if kernel.ndim != 1 or not kernel.any():
        raise ValueError(f"eligibility has the shape {kernel.shape}, expected (n_lags,), not all of them zero")
    return [(lag, float(kernel[lag])) for lag in np.flatnonzero(kernel).tolist()]
