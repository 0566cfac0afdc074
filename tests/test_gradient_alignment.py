"""Angles to the gradient: known vectors, bias and noise told apart, seeds, scale, refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pytest

import fastigial as fg
from fastigial.analysis import gradient_alignment

matplotlib.use("agg")
GRADIENT = {"W": np.array([[3.0, 0.0], [0.0, 0.0]]), "b": np.array([0.0, 4.0])}


@dataclass
class Turned:
    """A rule whose update of W is the gradient's, turned by an angle, with noise of a size."""

    angle: float = 0.0
    noise: float = 0.0


class Network:
    """Its gradient does not depend on inputs; what it was asked is kept."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.asked: list[tuple[Any, ...]] = []

    def gradient(
        self, inputs: Any, targets: Any, *, mask: Any, rule: Any, loss: Any, seed: int
    ) -> tuple[float, dict[str, Any]]:
        self.asked.append((inputs, targets, mask, loss, seed))
        found = {key: values.copy() for key, values in GRADIENT.items()}
        if rule is not None:
            angle = np.radians(rule.angle)
            found["W"][0] = 3 * np.cos(angle), 3 * np.sin(angle)
            found["W"] += rule.noise * np.random.default_rng(seed).normal(size=(2, 2))
        return 0.0, {key: self.scale * values for key, values in found.items()}


@pytest.mark.parametrize("angle", [0.0, 1e-6, 30.0, 90.0, 135.0, 180.0])
def test_angles_that_are_known(angle: float) -> None:
    found = gradient_alignment(Network(), None, None, Turned(angle))
    assert found.rules == ["Turned"]
    assert found.parameters == ["total", "W", "b"]
    total = (9 * np.cos(np.radians(angle)) + 16) / 25
    np.testing.assert_allclose(found.cosine, [[total, np.cos(np.radians(angle)), 1]], atol=1e-14)
    np.testing.assert_allclose(found.angle[0, 1:], [angle, 0], rtol=1e-6, atol=1e-13)
    np.testing.assert_allclose(
        found.angle[0, 0], 2 * np.degrees(np.arcsin(0.6 * np.sin(np.radians(angle / 2)))), rtol=1e-6
    )
    np.testing.assert_allclose(found.size, 1, rtol=1e-12)
    np.testing.assert_array_equal(found.average_angle, found.angle)
    assert np.isnan(found.angle_sem).all()


def test_the_exact_rule_is_at_zero() -> None:
    found = gradient_alignment(Network(), None, None, None)
    assert found.rules == ["BPTT"]
    assert not found.angle.any()


def test_draws_tell_bias_from_noise() -> None:
    noisy = gradient_alignment(Network(), None, None, Turned(0, 2.0), n_draws=400)
    biased = gradient_alignment(Network(), None, None, Turned(50, 0), n_draws=400)
    assert noisy.angle[0, 1] > 30
    assert noisy.average_angle[0, 1] < 8
    assert noisy.angle_sem[0, 1] == pytest.approx(
        np.std(
            [gradient_alignment(Network(), None, None, Turned(0, 2.0), seed=k).angle[0, 1] for k in range(400)], ddof=1
        )
        / 20,
        rel=1e-9,
    )
    np.testing.assert_allclose(biased.angle[0, 1], 50, rtol=1e-9)
    np.testing.assert_allclose(biased.average_angle[0, 1], 50, rtol=1e-9)
    np.testing.assert_allclose(biased.angle_sem, 0, atol=1e-9)


def test_rule_and_reference_share_the_seed_of_a_draw_and_what_was_asked() -> None:
    net = Network()
    mask = np.ones(3)
    gradient_alignment(net, "x", "y", [Turned(), Turned(5)], mask=mask, loss="cross_entropy", seed=7, n_draws=3)
    assert [asked[-1] for asked in net.asked] == [7, 8, 9] * 3
    assert all(asked[:4] == ("x", "y", mask, "cross_entropy") for asked in net.asked)


def test_another_reference() -> None:
    found = gradient_alignment(Network(), None, None, Turned(50), reference=Turned(20))
    np.testing.assert_allclose(found.angle[0, 1], 30, rtol=1e-9)


def test_names_of_rules() -> None:
    rules = [Turned(), Turned(1), None]
    assert gradient_alignment(Network(), None, None, rules).rules == ["Turned", "Turned (2)", "BPTT"]
    named = gradient_alignment(Network(), None, None, {"one": Turned(10), "other": Turned(20)})
    table = named.to_pandas()
    assert table.loc[("other", "W"), "angle"] == pytest.approx(20)
    assert len(table) == 6
    assert repr(gradient_alignment(Network(), None, None, {"a": Turned(90)})) == "<GradientAlignment, 1 draw: a 50.2°>"


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_scale_does_not_matter(scale: float) -> None:
    one, other = (gradient_alignment(Network(factor), None, None, Turned(30)) for factor in (1.0, scale))
    np.testing.assert_allclose(one.angle, other.angle, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.size, other.size, rtol=1e-9)


def test_nothing_has_no_direction() -> None:
    class Still(Network):
        def gradient(self, *_: Any, rule: Any, **__: Any) -> tuple[float, dict[str, Any]]:
            return 0.0, {"W": np.array([1.0, 2.0]), "b": np.array([0.0 if rule is None else 1.0, 0.0])}

    found = gradient_alignment(Still(), None, None, Turned())
    assert np.isnan(found.angle).tolist() == [[False, False, True]]
    assert np.isnan(found.size).tolist() == [[False, False, True]]
    found.plot()


@pytest.mark.parametrize("n_draws", [1, 4])
def test_the_figure_shows_the_angles(n_draws: int) -> None:
    rules = {"small": Turned(20, 0.1), "large": Turned(120, 0.1)}
    found = gradient_alignment(Network(), None, None, rules, n_draws=n_draws)
    ax = found.plot().axes[0]
    bars = [container for container in ax.containers if hasattr(container, "patches")]
    heights = [[bar.get_height() for bar in container] for container in bars]
    np.testing.assert_allclose(heights, found.angle)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["total", "W", "b"]
    assert ax.get_ylim()[1] == 180
    own = matplotlib.figure.Figure()
    assert fg.plot.gradient_alignment(found, axes=own.subplots()) is own


class Other(Network):
    """Answers rules with something else than the reference."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer

    def gradient(self, *args: Any, rule: Any, **options: Any) -> tuple[float, dict[str, Any]]:
        return super().gradient(*args, rule=None, **options) if rule is None else (0.0, self.answer)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradient_alignment(object(), None, None, None), TypeError, "net is a object without gradient"),
        (lambda: gradient_alignment(Network(), None, None, []), ValueError, "rule is empty"),
        (lambda: gradient_alignment(Network(), None, None, None, n_draws=0), ValueError, "n_draws is 0"),
        (lambda: gradient_alignment(Other({"W": np.ones(4)}), None, None, "a"), ValueError, "a returned parameters"),
        (
            lambda: gradient_alignment(Other({"W": np.full(4, np.nan), "b": np.ones(2)}), None, None, "a"),
            ValueError,
            "a returned values for 'W' that are not finite",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
