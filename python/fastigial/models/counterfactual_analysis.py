"""What a loop with a cerebellum beside it can reach at best, and where each rule leads; without learning."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastigial.models.counterfactual_history import ControlTrial
from fastigial.models.counterfactual_rules import LinearCourse, RuleStability, stability
from fastigial.models.counterfactual_traces import Rule, TracedLoop
from fastigial.tensor.checks import as_count

__all__ = ["AnalysedLoop"]


class AnalysedLoop(TracedLoop, ABC):
    """The loop of `CounterfactualPredictiveControl` with the theory of its rules."""

    @abstractmethod
    def run(self, weights: ArrayLike | None = None, rule: Rule = "forward_model") -> ControlTrial:
        """One trial without learning."""

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
