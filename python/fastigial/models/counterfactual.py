"""Counterfactual predictive control: a cerebellum that learns to anticipate what a reactive loop would correct."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.models.counterfactual_analysis import AnalysedLoop
from fastigial.models.counterfactual_history import ControlTrial, LearningCourse
from fastigial.models.counterfactual_traces import Rule
from fastigial.rnn.checks import as_positive, as_real
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback, Report

__all__ = ["CounterfactualPredictiveControl"]

_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


class CounterfactualPredictiveControl(AnalysedLoop):
    r"""A feedback loop with a delay, and an adaptive filter that learns what the loop should have seen.

    .. math::

        y = \mathcal T (r + o) , \qquad o = X w , \qquad e = r - y , \qquad
        w \leftarrow w + \eta \sum_n h[n]\, e[n] , \qquad h_j = \hat{\mathcal T} x_j

    𝒯 leads from the reference to the output: controller, transport delay, plant and feedback together. The filter's
    output o is added to the *error* before the delay, a counterfactual error. The trace h_j of a synapse is its basis
    signal led through a model of that whole loop; with a true model the rule follows the gradient of the squared error.

    Parameters
    ----------
    plant : scipy.signal.lti or dlti, tuple, or InvertedPendulum
        Any linear system with one input and one output. Tuples of two, three and four are (num, den),
        (zeros, poles, gain) and (A, B, C, D) in continuous time, of five (A, B, C, D, dt) in discrete time. Continuous
        systems become discrete by zero-order hold.
    controller : as plant
        From error to command; proper.
    delay : float
        Transport delay of the error, in seconds: a whole number of steps.
    dt : float
        Seconds per step.
    reference : array_like, shape (n_steps,)
        r: where the output should be.
    basis : Basis or array_like of shape (n_steps, n_features), optional
        The signals x: a basis that starts with the trial (or with `cue`), or the signals themselves. Default: a
        Gaussian every 100 ms, with an SD of 50 ms.
    cue : array_like, shape (n_steps,), optional
        A signal that is led through the basis, in place of a pulse at the beginning of the trial.
    load : array_like, shape (n_steps,), optional
        What pushes the plant: added to the command; of a pendulum, a force in N at its top.
    nominal_plant : as plant, optional
        What the traces take the plant to be. Default: what it is.
    nominal_delay : float, optional
        What the traces take the delay to be. Default: what it is.

    Attributes
    ----------
    time : ndarray, shape (n_steps,)
        Seconds.
    features : ndarray, shape (n_steps, n_features)
        X.
    weights_ : ndarray, shape (n_features,)
        w after the last training.
    history_ : LearningCourse
        All trials of the last training.

    Raises
    ------
    TypeError, ValueError
        If a system is none of these, improper, or not of one input and one output; a delay is no whole number of steps;
        an array has the wrong length or is not finite; or a closed loop, the true or the nominal one, is unstable.

    Notes
    -----
    Herreros, Arsiwalla & Verschure (2016) NIPS, "A forward model at Purkinje cell synapses facilitates cerebellar
    anticipatory control". The rules it is compared with are those of Widrow & Hoff (1960), with a trace that is a
    delayed basis signal, and feedback error learning (Kawato & Gomi 1992). Departure: traces go through controller and
    delay line too, where the paper's state equation has a static gain. All in double precision, on one thread.

    Limits: the rule tolerates a wrong gain or inertia of its model, and a true delay up to 20 ms longer than its model
    says in the smooth pursuit. With 30 ms more it diverges at the default learning rate, and converges at steps below
    0.7 of it, through larger errors on the way. See `fixed_point`.

    Examples
    --------
    A cart with friction that should follow a ramp, seen 100 ms late:

    >>> import numpy as np
    >>> import fastigial as fg
    >>> seconds = np.arange(300) * 0.01
    >>> loop = fg.models.CounterfactualPredictiveControl(
    ...     ([1.0], [1.0, 2.0, 0.0]), ([4.0], [1.0]), delay=0.1, dt=0.01, reference=np.clip(seconds - 0.5, 0, 1)
    ... )
    >>> rms = loop.train(20)
    >>> bool(rms[-1] < 0.1 * rms[0]), loop.history_.outputs.shape
    (True, (20, 300))
    """

    def run(self, weights: ArrayLike | None = None, rule: Rule = "forward_model") -> ControlTrial:
        """One trial without learning.

        Parameters
        ----------
        weights : array_like, shape (n_features,), optional
            w. Default: those of the last training.
        rule : str
            Says where the filter's output is injected; see `train`.

        Returns
        -------
        ControlTrial

        Raises
        ------
        ValueError
            If weights do not fit, or there was no training.
        """
        if weights is None:
            if not hasattr(self, "weights_"):
                raise ValueError("weights are not given and were not learned, expected a call of train or online first")
            weights = self.weights_
        course = self._learn(1, rule, 0.0, 0.0, online=False, weights=weights, noise=0.0, seed=0, progress=False)
        return course.trial(0)

    def train(
        self,
        n_trials: int = 50,
        rule: Rule = "forward_model",
        trace_delay: float = 0.0,
        *,
        learning_rate: float | None = None,
        weights: ArrayLike | None = None,
        teaching_noise: float = 0.0,
        seed: int = 0,
        progress: bool | Callback = False,
    ) -> NDArray[np.float64]:
        """Learn over trials, each from rest: w ← w + η Eᵀ e after each.

        Parameters
        ----------
        n_trials : int
            Trials.
        rule : {"forward_model", "widrow_hoff", "feedback_error"}
            ``"forward_model"``: traces are led through a model of the closed loop. ``"widrow_hoff"``: traces are the
            basis signals, delayed by `trace_delay`. ``"feedback_error"``: the same traces, but the filter's output is
            added to the motor command, and what teaches is the feedback controller's command.
        trace_delay : float
            In seconds; of the two last rules only.
        learning_rate : float, optional
            η. Default: `default_learning_rate`.
        weights : array_like, shape (n_features,), optional
            To start from. Default: zero.
        teaching_noise : float
            SD of noise that is added to what teaches, in each step anew.
        seed : int
            Of the noise.
        progress : bool or callable(done, total, rms)
            Show a bar, or be told.

        Returns
        -------
        ndarray, shape (n_trials,)
            Root mean square of the error in each trial, before its update.

        Raises
        ------
        TypeError, ValueError
            If a parameter is no number of its kind, unknown, or does not fit.
        FloatingPointError
            If the output or a weight leaves the finite numbers: the rule diverges. `fixed_point` says why. What was
            learned before this training stays.
        MemoryError
            If all trials do not fit into memory: the history keeps three numbers for each step.

        Examples
        --------
        >>> import fastigial as fg
        >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
        >>> pursuit.train(21, "widrow_hoff", trace_delay=0.07)[[7, 20]].round(4)
        array([0.0107, 0.0104])
        """
        return self._remember(
            self._learn(
                n_trials,
                rule,
                trace_delay,
                learning_rate,
                online=False,
                weights=weights,
                noise=teaching_noise,
                seed=seed,
                progress=progress,
            )
        )

    def online(
        self,
        n_trials: int = 50,
        rule: Rule = "forward_model",
        trace_delay: float = 0.0,
        *,
        learning_rate: float | None = None,
        weights: ArrayLike | None = None,
        teaching_noise: float = 0.0,
        seed: int = 0,
        progress: bool | Callback = False,
    ) -> NDArray[np.float64]:
        """Learn step by step while trials run: w ← w + η h[n] e[n].

        Traces are computed by each synapse as time goes, from a copy of the loop's states; no impulse response is
        needed. ``history_.real_time_ratio`` says how much faster than the world it went. Parameters, results and errors
        are those of `train`.

        Parameters
        ----------
        n_trials, rule, trace_delay, learning_rate, weights, teaching_noise, seed, progress
            As in `train`.

        Returns
        -------
        ndarray, shape (n_trials,)
            Root mean square of the error in each trial.

        Raises
        ------
        TypeError, ValueError, FloatingPointError, MemoryError
            As in `train`.

        Examples
        --------
        >>> import fastigial as fg
        >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
        >>> rms = pursuit.online(10)
        >>> bool(rms[-1] < 0.2 * rms[0]), pursuit.history_.real_time_ratio > 1
        (True, True)
        """
        return self._remember(
            self._learn(
                n_trials,
                rule,
                trace_delay,
                learning_rate,
                online=True,
                weights=weights,
                noise=teaching_noise,
                seed=seed,
                progress=progress,
            )
        )

    def _learn(
        self,
        n_trials: int,
        rule: str,
        trace_delay: float,
        learning_rate: float | None,
        *,
        online: bool,
        weights: ArrayLike | None,
        noise: float,
        seed: int,
        progress: bool | Callback,
    ) -> LearningCourse:
        model, lag = self._trace(rule, trace_delay)
        rate = self._rate(rule, trace_delay, learning_rate)
        start = np.zeros(self.n_features) if weights is None else as_real("weights", weights, _DOUBLE)
        if start.shape != (self.n_features,):
            raise ValueError(f"weights has the shape {start.shape}, expected ({self.n_features},)")
        plant: Any = self._plant.matrices
        if self._pendulum is not None:
            plant = (float(self._pendulum.mass), float(self._pendulum.height), self.dt)
        with Report(progress, "trials", "trial") as report:
            begin = time.perf_counter()
            found, stopped = _core.learn_counterfactual(
                plant,
                self._controller.matrices,
                self._delay,
                reference=self.reference,
                load=self.load,
                features=self.features,
                weights=start,
                model=model,
                trace_delay=lag,
                feedback_error=rule == "feedback_error",
                online=online,
                learning_rate=rate,
                noise=as_positive("teaching_noise", noise, zero=True),
                seed=as_seed("seed", seed),
                n_trials=as_count("n_trials", n_trials),
                progress=report.callback,
            )
            seconds = time.perf_counter() - begin
        course = LearningCourse(
            rule=rule,
            trace_delay=float(trace_delay),
            learning_rate=rate,
            online=online,
            time=self.time,
            reference=self.reference,
            seconds=seconds,
            **found,
        )
        if stopped is not None:
            self._remember(course)
            raise stopped
        return course

    def _remember(self, course: LearningCourse) -> NDArray[np.float64]:
        self.history_, self.weights_ = course, course.weights[-1]
        return course.rms

    def __repr__(self) -> str:
        seconds = self.time.size * self.dt
        return (
            f"CounterfactualPredictiveControl({self.n_features} features, {seconds:g} s in steps of {self.dt:g} s, "
            f"delay={self.delay:g})"
        )
