"""Learning rates over epochs, and what optimisers and rules tell the core."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.rnn import schedules
from fastigial.rnn.optim import Optimizer
from fastigial.rnn.rules import Rule

RATE = 0.3
EVERY_SCHEDULE: dict[str, tuple[schedules.Schedule, Callable[[int], float]]] = {
    "constant": (schedules.constant(RATE), lambda _: RATE),
    "step": (schedules.step(RATE, every=7, factor=0.5), lambda epoch: RATE * 0.5 ** (epoch // 7)),
    "exponential": (schedules.exponential(RATE, 0.9), lambda epoch: RATE * 0.9**epoch),
    "cosine": (
        schedules.cosine(RATE, 20, end=0.1),
        lambda epoch: 0.1 + 0.2 * math.cos(math.pi * min(epoch, 20) / 40) ** 2,
    ),
    "warmup": (
        schedules.warmup(schedules.exponential(RATE, 0.9), 5),
        lambda epoch: min(1, (epoch + 1) / 5) * RATE * 0.9**epoch,
    ),
    "piecewise": (schedules.piecewise({10: 0.1, 0: RATE, 3: 0.2}), lambda e: RATE if e < 3 else 0.2 if e < 10 else 0.1),
}
EVERY_RULE = [getattr(fg.rules, name) for name in fg.rules.__all__ if name != "Rule"]
EVERY_OPTIMIZER = [fg.optim.SGD(0.1), fg.optim.Adam(), fg.optim.AdamW(1e-2, clip=1.0)]

each_schedule = pytest.mark.parametrize("name", EVERY_SCHEDULE)
each_rule = pytest.mark.parametrize("rule", EVERY_RULE)


# Schedules


@each_schedule
def test_every_schedule_follows_its_formula(name: str) -> None:
    schedule, formula = EVERY_SCHEDULE[name]
    for epoch in range(45):
        assert schedule(epoch) == pytest.approx(formula(epoch), rel=1e-12)


@each_schedule
def test_schedules_can_be_read_compared_and_pickled(name: str) -> None:
    schedule = EVERY_SCHEDULE[name][0]
    assert repr(schedule).startswith(f"{name}(")
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert pickle.loads(pickle.dumps(schedule))(3) == schedule(3)


def test_a_warmup_may_lead_to_any_function() -> None:
    assert schedules.warmup(lambda epoch: 10.0 + epoch, 2)(4) == 14.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedules.constant(-1.0), "lr is -1.0"),
        (lambda: schedules.step(1.0, every=0), "every is 0"),
        (lambda: schedules.cosine(1.0, 0), "n_epochs is 0"),
        (lambda: schedules.cosine(1.0, 5, end=math.nan), "end is nan"),
        (lambda: schedules.piecewise({}), "begin at None"),
        (lambda: schedules.piecewise({1: 0.1}), "begin at 1, expected epoch 0"),
    ],
)
def test_schedules_that_are_none_are_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


# Optimisers


def test_optimisers_follow_their_schedule() -> None:
    assert fg.optim.Adam(0.01).learning_rate(7) == 0.01
    assert fg.optim.SGD(lambda epoch: 1.0 / (1 + epoch)).learning_rate(3) == 0.25
    with pytest.raises(ValueError, match="lr in epoch 3 is nan"):
        fg.optim.SGD(lambda _: math.nan).learning_rate(3)


def test_optimisers_tell_their_numbers() -> None:
    assert fg.optim.SGD(0.1, momentum=0.9, weight_decay=0.2).options() == {"momentum": 0.9, "weight_decay": 0.2}
    assert fg.optim.Adam(betas=[0.8, 0.9], eps=1e-6).options() == {"betas": (0.8, 0.9), "eps": 1e-6}
    assert fg.optim.AdamW().options() == {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}


@pytest.mark.parametrize("optimizer", EVERY_OPTIMIZER, ids=lambda optimizer: optimizer.kind)
def test_optimisers_are_frozen_and_copied_by_their_arguments(optimizer: Optimizer) -> None:
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert other is not optimizer
        assert repr(other) == repr(optimizer)
    with pytest.raises(AttributeError):
        optimizer.clip = 3.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fg.optim.SGD(-1.0), "lr is -1.0"),
        (lambda: fg.optim.SGD(0.1, momentum=1.0), "momentum is 1.0"),
        (lambda: fg.optim.Adam(betas=(0.9, 1.0)), "betas is 1.0"),
        (lambda: fg.optim.Adam(betas=0.9), "betas is 0.9, expected two"),
        (lambda: fg.optim.Adam(eps=0.0), "eps is 0.0"),
        (lambda: fg.optim.AdamW(clip=0.0), "clip is 0.0"),
        (lambda: fg.optim.AdamW(weight_decay=-0.1), "weight_decay is -0.1"),
    ],
)
def test_optimisers_that_are_none_are_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


# Rules


@each_rule
def test_rules_are_frozen_and_copied_by_their_arguments(rule: type[Rule]) -> None:
    one = rule(seed=3)
    assert one.arguments()["seed"] == 3
    # Epochs at which something changes are not for the core: `options_at` heeds them.
    assert set(one.options()) == set(one.arguments()) - {"seed", "freeze_at", "ablate_at"}
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert repr(other) == repr(one)
    with pytest.raises(AttributeError):
        one.seed = 4


@each_rule
def test_rules_say_their_equation_and_where_it_comes_from(rule: type[Rule]) -> None:
    text = rule.__doc__ or ""
    assert ".. math::" in text
    assert "References" in text
    assert "seed : int" in text


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len({rule.kind for rule in EVERY_RULE}) == len(EVERY_RULE) == 13


def test_what_was_not_learned_yet_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="RFLO has not been used"):
        getattr(fg.rules.RFLO(), "feedback_")  # noqa: B009


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fg.rules.BPTT(truncation=0), "truncation is 0"),
        (lambda: fg.rules.BPTT(checkpoint_every=-1), "checkpoint_every is -1"),
        (lambda: fg.rules.RFLO(feedback="learned"), "feedback is 'learned'"),
        (lambda: fg.rules.EProp(feedback="none"), "feedback is 'none'"),
        (lambda: fg.rules.RTRL(seed=-1), "seed is -1"),
        (lambda: fg.rules.KolenPollack(decay=1.0), "decay is 1.0"),
        (lambda: fg.rules.NodePerturbation(sigma=0.0), "sigma is 0.0"),
        (lambda: fg.rules.NodePerturbation(baseline="none"), "baseline is 'none'"),
        (lambda: fg.rules.Miconi(probability=1.5), "probability is 1.5"),
        (lambda: fg.rules.FORCE(alpha=0.0), "alpha is 0.0"),
        (lambda: fg.rules.FullFORCE(every=0), "every is 0"),
        (lambda: fg.rules.SyntheticGradient(window=0), "window is 0"),
        (lambda: fg.rules.SyntheticGradient(bootstrap=1.1), "bootstrap is 1.1"),
        (lambda: fg.rules.SyntheticGradient(hidden=(10, 0)), "a layer without units"),
    ],
)
def test_rules_that_are_none_are_refused(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_numbers_of_numpy_are_numbers() -> None:
    assert fg.optim.Adam(np.float64(0.1)).learning_rate(0) == 0.1
    assert fg.rules.BPTT(truncation=np.int64(3)).options()["truncation"] == 3
