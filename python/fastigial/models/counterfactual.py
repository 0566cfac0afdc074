"""Counterfactual predictive control: a cerebellum that learns to anticipate what a reactive loop would correct."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial import _core
from fastigial.cerebellum.bases import Basis
from fastigial.cerebellum.eligibility import as_steps
from fastigial.models.counterfactual_history import ControlTrial, LearningCourse
from fastigial.models.counterfactual_loop import FeedbackLoop
from fastigial.models.counterfactual_rules import LinearCourse, RuleStability, stability
from fastigial.models.counterfactual_settings import pendulum_setting, pursuit_setting
from fastigial.rnn.checks import as_positive, as_real, one_of
from fastigial.rnn.seeds import as_seed
from fastigial.tensor.checks import as_count
from fastigial.tensor.progress import Callback, Report

__all__ = ["CounterfactualPredictiveControl"]

Rule = Literal["forward_model", "widrow_hoff", "feedback_error"]
_RULES = ("forward_model", "widrow_hoff", "feedback_error")
_DOUBLE: np.dtype[Any] = np.dtype(np.float64)


class CounterfactualPredictiveControl(FeedbackLoop):
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

    Limits: the rule tolerates a wrong gain or inertia of its model, but not a delay that is longer than its model says:
    it diverges then. See `fixed_point`.

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

    @classmethod
    def smooth_pursuit(
        cls,
        *,
        time_constant: float = 0.1,
        delay: float = 0.05,
        gain: float = 1.0,
        reference: ArrayLike | None = None,
        basis: Basis | ArrayLike | None = None,
    ) -> CounterfactualPredictiveControl:
        """The eye follows a target that starts, stops and comes back: the benchmark of the paper.

        Two leaky integrators in a row, of 100 and 3 ms, under proportional-integral control (20 and 100 per second) of
        an error that is seen 50 ms late; steps of 1 ms; 20 Gaussian basis signals, one every 100 ms, with an SD of
        50 ms. The parameters are those of the *true* plant; traces are built from the nominal one, which has their
        defaults.

        Parameters
        ----------
        time_constant : float
            Of the first integrator, in seconds.
        delay : float
            In seconds.
        gain : float
            Of the plant's input.
        reference : array_like, shape (n_steps,), optional
            Position of the target. Default: 0.5 s of rest, 0.5 s to the right at a constant velocity of 2 per second,
            rest, back, rest; 2.5 s in all.
        basis : Basis or array_like, optional
            As in the class. Default: centres at 0.1, 0.2, …, 2.0 s.

        Returns
        -------
        CounterfactualPredictiveControl

        Raises
        ------
        TypeError, ValueError
            As of the class, and if a parameter of the plant is not above 0.

        Notes
        -----
        Explicit Euler, integrator by integrator (the second sees the first as it is after its step), as the reference
        numbers were made; the general constructor discretises exactly.

        Examples
        --------
        >>> import fastigial as fg
        >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
        >>> rms = pursuit.train()
        >>> rms[[0, 7]].round(4), round(pursuit.optimum.rms, 4)
        (array([0.1019, 0.0102]), 0.0102)
        """
        return cls(**pursuit_setting(time_constant, delay, gain, reference, basis))

    @classmethod
    def inverted_pendulum(
        cls,
        *,
        mass: float = 67.0,
        height: float = 0.85,
        delay: float = 0.1,
        push: float = 100.0,
        basis: Basis | ArrayLike | None = None,
    ) -> CounterfactualPredictiveControl:
        """A standing body that is pushed half a second after a cue: anticipatory postural adjustment.

        A nonlinear inverted pendulum under proportional-derivative control (1250 N m per rad and 250 N m s per rad) of
        an angle that is felt 100 ms late; steps of 10 ms. Traces are led through the linearised loop of a body of 67 kg
        and 0.85 m with a delay of 100 ms; the parameters are those of the true one.

        With ``rule="forward_model"`` the filter's output is a counterfactual error (hierarchical sensory predictive
        control), with ``rule="feedback_error"`` a torque.

        Parameters
        ----------
        mass, height : float
            In kg and m.
        delay : float
            In seconds.
        push : float
            Horizontal force at the top, in N, from 0.5 to 0.7 s after the cue.
        basis : Basis or array_like, optional
            Default: 50 alpha functions after the cue, time constants spaced logarithmically from 0.05 to 2 s.

        Returns
        -------
        CounterfactualPredictiveControl

        Raises
        ------
        TypeError, ValueError
            As of the class, and if a size of the body is not above 0.

        Notes
        -----
        Body, gains, delay and time constants are those of the public description of the system in Maffei, Herreros,
        Sanchez-Fibla, Friston & Verschure (2017) Proc R Soc B 284:20171780. Push, cue, length of the trial (3 s), the
        derivative (a difference over one step), the trace through the linearised loop and the learning rate are a
        design of this package: the original delays its traces, in ten pools of Purkinje cells, and has random basis
        signals beside the alpha functions, which are left out here.

        Examples
        --------
        >>> import fastigial as fg
        >>> stance = fg.models.CounterfactualPredictiveControl.inverted_pendulum()
        >>> rms = stance.train(50)
        >>> bool(rms[-1] < 0.7 * rms[0])
        True
        """
        return cls(**pendulum_setting(mass, height, delay, push, basis))

    @cached_property
    def baseline(self) -> ControlTrial:
        """A trial of the reactive loop alone."""
        return self.run(np.zeros(self.n_features))

    @property
    def optimum(self) -> ControlTrial:
        """The trial with the least squared error that any weights reach: w* = (𝒯X)⁺ e₀.

        Of a pendulum, the weights are those of the linearised loop, and the trial that of the true one.
        """
        return self.run(self.optimal_weights)

    @cached_property
    def optimal_weights(self) -> NDArray[np.float64]:
        """w* = (𝒯X)⁺ e₀, (n_features,)."""
        effect, _ = self._answers(self.features, at_command=False)
        return np.asarray(np.linalg.lstsq(effect, self.baseline.error, rcond=None)[0])

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

    def traces(self, rule: Rule = "forward_model", trace_delay: float = 0.0) -> NDArray[np.float64]:
        """Eligibility traces E, (n_steps, n_features), as synapses compute them, step by step.

        Parameters
        ----------
        rule, trace_delay
            As in `train`.

        Raises
        ------
        ValueError
            As in `train`.
        """
        model, lag = self._trace(rule, trace_delay)
        return _core.counterfactual_traces(self.features, model=model, trace_delay=lag)

    def default_learning_rate(self, rule: Rule = "forward_model", trace_delay: float = 0.0) -> float:
        """η = 1 / σ_max(EᵀX̃) with X̃ from the nominal loop.

        Feedback error learning has the answer of the feedback command to the basis in the true loop in place of X̃.

        Parameters
        ----------
        rule, trace_delay
            As in `train`.

        Raises
        ------
        ValueError
            As in `train`, and if there is nothing to learn from: basis signals or their effects that are all zero.
        """
        traces = self.traces(rule, trace_delay)
        if rule == "feedback_error":
            _, against = self._answers(self.features, at_command=True)
        else:
            against = self.traces("forward_model")
        steepest = float(np.linalg.norm(traces.T @ against, 2))
        if not steepest > 0:
            raise ValueError("basis has no effect on what teaches it within the trial, expected one that has")
        return 1.0 / steepest

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
            If the output leaves the finite numbers: the rule diverges. `fixed_point` says why.
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

    def fixed_point(
        self,
        rule: Rule = "forward_model",
        trace_delay: float = 0.0,
        *,
        learning_rate: float | None = None,
        n_trials: int = 1000,
    ) -> RuleStability:
        """Where a rule leads in the end, and what happens on the way; without running it.

        A rule that seems to diverge may do something else: go through a long transient, in which errors grow, and
        converge to weights that are bad. Of a pendulum all of this is said of the linearised loop.

        Parameters
        ----------
        rule, trace_delay, learning_rate
            As in `train`.
        n_trials : int
            How long to follow it.

        Returns
        -------
        RuleStability

        Raises
        ------
        TypeError, ValueError
            As in `train`, and if `n_trials` is 0.

        Examples
        --------
        >>> import fastigial as fg
        >>> pursuit = fg.models.CounterfactualPredictiveControl.smooth_pursuit()
        >>> print(pursuit.fixed_point("widrow_hoff", trace_delay=0.05))
        widrow_hoff + 50 ms: converges; rms at the fixed point 0.01064 (optimum 0.01019), ...
        """
        rate = self._rate(rule, trace_delay, learning_rate)
        if as_count("n_trials", n_trials) == 0:
            raise ValueError("n_trials is 0, expected at least 1")
        at_command = rule == "feedback_error"
        effect, commands = self._answers(self.features, at_command=at_command)
        start = self.baseline
        linear = LinearCourse(
            error=start.error,
            effect=effect,
            taught=start.command if at_command else start.error,
            teaching=-commands if at_command else effect,
            traces=self.traces(rule, trace_delay),
        )
        return stability(linear, rule, float(trace_delay), rate, n_trials)

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

    def _trace(self, rule: str, trace_delay: float) -> tuple[Any, int]:
        one_of("rule", rule, _RULES)
        lag = as_steps("trace_delay", trace_delay, self.dt)
        if rule != "forward_model":
            return None, lag
        if lag:
            raise ValueError(
                f'trace_delay is {trace_delay}, expected 0 with rule="forward_model", whose traces know their delay'
            )
        return (self._nominal_plant.matrices, self._controller.matrices, self._nominal_delay), 0

    def _rate(self, rule: Any, trace_delay: float, learning_rate: float | None) -> float:
        if learning_rate is None:
            return self.default_learning_rate(rule, trace_delay)
        return as_positive("learning_rate", learning_rate, zero=True)

    def __repr__(self) -> str:
        seconds = self.time.size * self.dt
        return (
            f"CounterfactualPredictiveControl({self.n_features} features, {seconds:g} s in steps of {self.dt:g} s, "
            f"delay={self.delay:g})"
        )
