"""Fixed points: linear networks in closed form, two attractors, line attractors, ghosts, scale, precision."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.small_networks import FloatArray, LinearNetwork, TanhNetwork

import fastigial as fg
from fastigial.analysis import fixed_points

matplotlib.use("agg")


def stable_matrix(size: int, seed: int) -> FloatArray:
    A = np.random.default_rng(seed).normal(size=(size, size))
    return np.asarray(0.9 * A / np.abs(np.linalg.eigvals(A)).max())


@pytest.mark.parametrize("seed", range(3))
def test_the_one_fixed_point_of_a_linear_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B, x = stable_matrix(7, seed), rng.normal(size=(7, 2)), rng.normal(size=2)
    found = fixed_points(LinearNetwork(A, B, dt=0.02), x, n_starts=20)
    np.testing.assert_allclose(found.states, [np.linalg.solve(np.eye(7) - A, B @ x)], rtol=1e-10)
    for value in np.linalg.eigvals(A):
        assert np.abs(found.eigenvalues - value).min() < 1e-12
    assert found.kinds == ["stable"]
    assert found.counts.tolist() == [20]
    assert found.n_lost == 0
    moduli = np.sort(np.abs(np.linalg.eigvals(A)))[::-1]
    np.testing.assert_allclose(found.time_constants[0], -0.02 / np.log(moduli), rtol=1e-9)


@pytest.mark.parametrize(
    ("diagonal", "kind"), [([0.5, 1.5], "saddle"), ([1.2, -3.0], "unstable"), ([0.9, -0.9], "stable")]
)
def test_kinds(diagonal: list[float], kind: str) -> None:
    found = fixed_points(LinearNetwork(np.diag(diagonal), np.eye(2)), [1.0, 2.0])
    assert found.kinds == [kind]
    assert found.n_unstable.tolist() == [int((np.abs(diagonal) > 1).sum())]
    assert found.stable.tolist() == [kind == "stable"]
    np.testing.assert_allclose(found.states, [[1 / (1 - diagonal[0]), 2 / (1 - diagonal[1])]], rtol=1e-12)


def flip_flop(size: float = 1.0, dtype: Any = np.float64) -> TanhNetwork:
    """Twelve units and one pattern that excites itself: two attractors, and a saddle at zero."""
    m = np.random.default_rng(0).normal(size=12)
    return TanhNetwork(2 * np.outer(m, m) / (m @ m), np.eye(12, 1), size=size, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e6])
def test_two_attractors_and_a_saddle(size: float, dtype: Any) -> None:
    net = flip_flop(size, dtype)
    run = net.run(np.zeros((8, 60, 1), dtype=dtype))
    found = fixed_points(net, [0.0], states=run)
    assert sorted(found.kinds) == ["saddle", "stable", "stable"]
    # The attractors are where the network goes by itself, and mirror images; the saddle is zero.
    settled = net.run(np.zeros((8, 2000, 1), dtype=dtype)).states[:, -1]
    tolerance = (1e-5 if dtype is np.float32 else 1e-9) * size
    for state in found.states[found.stable]:
        assert np.abs(settled - state).max(axis=1).min() < tolerance
    np.testing.assert_allclose(found.states[found.stable].sum(axis=0), 0, atol=2 * tolerance)
    np.testing.assert_allclose(found.states[~found.stable], 0, atol=tolerance)
    # At zero the Jacobian is (1 − α) I + α W, and W has one eigenvalue, 2.
    saddle = found.eigenvalues[[kind == "saddle" for kind in found.kinds]][0]
    np.testing.assert_allclose(np.abs(saddle), [1.3] + 11 * [0.7], rtol=1e-4)
    assert len(found.slow or []) == 0


def test_the_same_seed_finds_the_same() -> None:
    one, other = (fixed_points(flip_flop(), [0.3], seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.states, other.states)
    np.testing.assert_array_equal(one.counts, other.counts)


def test_points_of_a_line_attractor_are_apart() -> None:
    A = np.diag([1.0, 0.5])
    found = fixed_points(LinearNetwork(A, np.zeros((2, 1))), [0.0], n_starts=50, distance=0.1)
    np.testing.assert_allclose(found.states[:, 1], 0, atol=1e-10)
    assert len(found) > 3
    gaps = np.diff(np.sort(found.states[:, 0]))
    spread = 0.1 * np.sqrt(np.mean(found.reference**2) * 2)
    assert gaps.min() > spread
    assert np.isinf(found.time_constants[:, 0]).all()
    # On the unit circle is not within it.
    assert not found.stable.any()


class Ghost:
    """s → s + ε + s² along the first variable, s → s / 2 along the second: a saddle-node that just missed."""

    n_units = 2

    def __init__(self, gap: float) -> None:
        self.gap = gap

    def step_function(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        del inputs
        return np.stack([states[:, 0] + self.gap + states[:, 0] ** 2, states[:, 1] / 2], axis=1)

    def jacobian(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
        del inputs
        found = np.zeros((len(states), 2, 2))
        found[:, 0, 0], found[:, 1, 1] = 1 + 2 * states[:, 0], 0.5
        return found


def test_a_slow_point_is_kept_apart() -> None:
    found = fixed_points(Ghost(1e-3), [0.0])
    assert len(found) == 0
    assert found.slow is not None
    np.testing.assert_allclose(found.slow.states, [[0, 0]], atol=1e-3)
    np.testing.assert_allclose(found.slow.speed, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(found.slow.q, 0.5e-6, rtol=1e-2)
    assert found.slow.counts.sum() + found.n_lost == 100
    # Of a gap that is no longer slow, nothing is reported; of none, the point is fixed.
    fast = fixed_points(Ghost(0.1), [0.0])
    assert (len(fast), len(fast.slow or []), fast.n_lost) == (0, 0, 100)
    closed = fixed_points(Ghost(0.0), [0.0])
    assert len(closed) >= 1
    np.testing.assert_allclose(closed.states, 0, atol=2e-3)


def test_starts_that_run_away_are_counted() -> None:
    class Away(LinearNetwork):
        def step_function(self, states: FloatArray, inputs: FloatArray) -> FloatArray:
            del inputs
            return states + 1

    found = fixed_points(Away(np.eye(2), np.zeros((2, 1))), [0.0], n_starts=7)
    assert (len(found), found.n_lost) == (0, 7)
    assert found.to_pandas().empty
    assert "7 of 7 starts ended nowhere" in repr(found)


def test_the_table() -> None:
    found = fixed_points(flip_flop(), [0.0])
    table = found.to_pandas()
    assert table["kind"].tolist() == found.kinds
    assert table["count"].sum() == 100
    slow = fixed_points(Ghost(1e-3), [0.0]).to_pandas()["kind"]
    assert all(kind.startswith("slow, ") for kind in slow)
    assert len(slow) == 1


def test_the_figure() -> None:
    net = flip_flop()
    run = net.run(np.zeros((8, 60, 1)))
    found = fixed_points(net, [0.0], states=run)
    ax = found.plot().axes[0]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["states", "2 stable", "1 saddle"]
    marked = {line.get_label(): line for line in ax.lines}
    assert marked["1 saddle"].get_markerfacecolor() == "white"
    assert marked["2 stable"].get_markerfacecolor() != "white"
    # Distances within the plane are at most those in full, and here the attractors lie in it.
    drawn = np.linalg.norm(np.diff(marked["2 stable"].get_xydata(), axis=0))
    assert drawn == pytest.approx(np.linalg.norm(np.diff(found.states[found.stable], axis=0)), rel=1e-2)
    own = matplotlib.figure.Figure()
    assert fg.plot.fixed_points(found, axes=own.subplots()) is own
    for other in (fixed_points(Ghost(1e-3), [0.0]), fixed_points(flip_flop(), [0.0], states=run.states[0])):
        assert other.plot().axes[0].lines


NET = flip_flop()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fixed_points(object(), [0.0]), TypeError, "net is a object without step_function"),
        (lambda: fixed_points(NET, 0.0), ValueError, r"inputs has shape \(\), expected one finite value"),
        (lambda: fixed_points(NET, ["a"]), TypeError, "inputs has dtype"),
        (lambda: fixed_points(NET, [np.nan]), ValueError, "finite"),
        (lambda: fixed_points(NET, [0.0], n_starts=0), ValueError, "n_starts is 0"),
        (lambda: fixed_points(NET, [0.0], noise=-1.0), ValueError, "noise is -1.0"),
        (
            lambda: fixed_points(NET, [0.0], tol=0.1, slow_tol=0.01),
            ValueError,
            "slow_tol is 0.01, expected at least tol",
        ),
        (lambda: fixed_points(NET, [0.0], states=np.zeros(12)), ValueError, r"states has shape \(12,\)"),
        (lambda: fixed_points(NET, [0.0], states=np.full((3, 12), np.nan)), ValueError, "states holds values"),
        (lambda: fixed_points(NET, [0.0], states=[["a"]]), TypeError, "states has dtype"),
        (lambda: fixed_points(NET, [0.0], dt=-1.0), ValueError, "dt is -1.0"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_networks_that_answer_otherwise() -> None:
    def jacobian(states: FloatArray, inputs: FloatArray) -> FloatArray:
        del inputs
        return np.full((len(states), 2, 2), np.nan)

    still = SimpleNamespace(step_function=lambda states, _: states + 1, jacobian=jacobian)
    with pytest.raises(ValueError, match="does not say its n_units"):
        fixed_points(still, [0.0])
    with pytest.raises(ValueError, match=r"net.jacobian returned values that are not finite"):
        fixed_points(still, [0.0], states=np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"net.jacobian returned shape \(100, 2, 2\), expected \(100, 3, 3\)"):
        fixed_points(still, [0.0], states=np.ones((3, 3)))
    short = SimpleNamespace(step_function=lambda states, _: states[:, :1], jacobian=jacobian)
    with pytest.raises(ValueError, match=r"net.step_function returned shape .* do the states hold all"):
        fixed_points(short, [0.0], states=np.ones((3, 2)))
