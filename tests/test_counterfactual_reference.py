"""The slow reference of smooth pursuit gives the known table, and the package gives the slow reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.common import reference_counterfactual as reference
from tests.common.reference_counterfactual import NOMINAL, Plant

import fastigial as fg

RULES = [("forward_model", 0.0), ("widrow_hoff", 0.0), ("widrow_hoff", 0.05), ("feedback_error", 0.07)]
PLANTS = [NOMINAL, Plant(tau=0.2, gain=1.3), Plant(delay=0.08)]

each_rule = pytest.mark.parametrize(("rule", "trace_delay"), RULES)
each_plant = pytest.mark.parametrize("plant", PLANTS)


def pursuit(plant: Plant) -> Any:
    return fg.models.CounterfactualPredictiveControl.smooth_pursuit(
        time_constant=plant.tau, delay=plant.delay, gain=plant.gain
    )


def test_the_reference_gives_the_known_errors() -> None:
    known = {
        ("forward_model", 0.0): {0: 0.1019, 7: 0.0102, 49: 0.0102},
        ("widrow_hoff", 0.0): {7: 0.066, 20: 1.00, 49: 92},
        ("widrow_hoff", 0.05): {7: 0.0123, 20: 0.0106, 49: 0.0106},
        ("widrow_hoff", 0.07): {7: 0.0107, 20: 0.0104, 49: 0.0104},
        ("feedback_error", 0.0): {49: 57},
        ("feedback_error", 0.05): {49: 0.0235},
        ("feedback_error", 0.07): {49: 0.0152},
    }
    for (rule, delay), errors in known.items():
        found = reference.train(rule, trace_delay=delay)
        for trial, error in errors.items():
            assert found[trial] == pytest.approx(error, rel=0.02), (rule, delay, trial)
    assert reference.optimum() == pytest.approx(0.0102, rel=0.01)
    late = Plant(delay=0.08)
    assert reference.train("forward_model", late)[-1] == pytest.approx(629, rel=0.02)
    assert reference.optimum(late) == pytest.approx(0.0116, rel=0.01)


@each_rule
@each_plant
def test_trials_are_those_of_the_reference(rule: str, trace_delay: float, plant: Plant) -> None:
    loop = pursuit(plant)
    assert loop.default_learning_rate(rule, trace_delay) == pytest.approx(
        reference.learning_rate(rule, plant, trace_delay), rel=1e-9
    )
    np.testing.assert_allclose(loop.traces(rule, trace_delay), reference.traces(rule, trace_delay), rtol=0, atol=1e-12)
    found = loop.train(20, rule, trace_delay)
    np.testing.assert_allclose(found, reference.train(rule, plant, 20, trace_delay), rtol=1e-7)


@each_plant
def test_the_least_error_is_that_of_the_reference(plant: Plant) -> None:
    assert pursuit(plant).optimum.rms == pytest.approx(reference.optimum(plant), rel=1e-9)


@each_rule
@each_plant
def test_learning_sample_by_sample_is_that_of_the_reference(rule: str, trace_delay: float, plant: Plant) -> None:
    found = pursuit(plant).online(3, rule, trace_delay)
    np.testing.assert_allclose(found, reference.online(rule, plant, 3, trace_delay), rtol=1e-8)
