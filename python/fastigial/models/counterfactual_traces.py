"""Rules of counterfactual predictive control: what synapses keep of their past, and how fast they may learn."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastigial import _core
from fastigial.cerebellum.eligibility import as_steps
from fastigial.models.counterfactual_benchmarks import BenchmarkLoop
from fastigial.rnn.checks import as_positive, one_of

__all__ = ["Rule", "TracedLoop"]

Rule = Literal["forward_model", "widrow_hoff", "feedback_error"]
_RULES = ("forward_model", "widrow_hoff", "feedback_error")


class TracedLoop(BenchmarkLoop):
    """The loop of `CounterfactualPredictiveControl` with the traces of its synapses."""

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

    def _trace(self, rule: str, trace_delay: float) -> tuple[Any, int]:
        one_of("rule", rule, _RULES)
        lag = as_steps("trace_delay", trace_delay, self.dt)
        if rule != "forward_model":
            # What comes after the end of the trial never comes, however late.
            return None, min(lag, self.time.size)
        if lag:
            raise ValueError(
                f'trace_delay is {trace_delay}, expected 0 with rule="forward_model", whose traces know their delay'
            )
        return (self._nominal_plant.matrices, self._controller.matrices, self._nominal_delay), 0

    def _rate(self, rule: Any, trace_delay: float, learning_rate: float | None) -> float:
        if learning_rate is None:
            return self.default_learning_rate(rule, trace_delay)
        return as_positive("learning_rate", learning_rate, zero=True)
