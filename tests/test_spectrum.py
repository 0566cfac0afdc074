"""Eigenvalues of Jacobians: rotations and decays that are known, trajectories, the figure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.small_networks import LinearNetwork, TanhNetwork

import fastigial as fg
from fastigial.analysis import jacobian_spectrum
from fastigial.analysis.spectrum import state_vectors

matplotlib.use("agg")
RNG = np.random.default_rng(0)
NET = TanhNetwork(RNG.normal(size=(6, 6)), RNG.normal(size=(6, 2)))
RUN = NET.run(RNG.normal(size=(3, 9, 2)))


def test_time_constants_and_frequencies_of_a_spiral() -> None:
    # 5 Hz, decaying with 50 ms; a growth with 20 ms; something that is gone after a step; something that stays.
    dt = 0.002
    angle, shrink = 2 * np.pi * 5 * dt, np.exp(-dt / 0.05)
    A = np.zeros((5, 5))
    A[:2, :2] = shrink * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    A[2, 2], A[4, 4] = np.exp(dt / 0.02), 1.0
    found = jacobian_spectrum(LinearNetwork(A, np.zeros((5, 1)), dt), np.zeros(5), np.zeros(1))
    np.testing.assert_allclose(found.time_constants, [[-0.02, np.inf, 0.05, 0.05, 0.0]], rtol=1e-9)
    np.testing.assert_allclose(found.frequencies, [[0, 0, 5, 5, 0]], rtol=1e-9, atol=1e-12)
    assert not np.signbit(found.time_constants[0, 4])
    np.testing.assert_allclose(found.radius, [np.exp(0.1)], rtol=1e-12)


def test_a_trajectory_brings_states_and_the_inputs_of_the_next_step() -> None:
    found = jacobian_spectrum(NET, RUN)
    assert found.eigenvalues.shape == (3, 8, 6)
    J = NET.jacobian(RUN.states[2, 4:5], RUN.inputs[2, 5:6])[0]
    expected = np.linalg.eigvals(J)
    for value in found.eigenvalues[2, 4]:
        assert np.abs(expected - value).min() < 1e-12
    assert (np.diff(np.abs(found.eigenvalues), axis=-1) < 1e-10).all()
    np.testing.assert_allclose(found.time, RUN.time[:-1])
    assert found.dt == 0.01


def test_one_input_for_all_states() -> None:
    drive = np.array([0.5, -1.0])
    one = jacobian_spectrum(NET, RUN.states[0], drive)
    each = jacobian_spectrum(NET, RUN.states[0], np.tile(drive, (9, 1)))
    np.testing.assert_array_equal(one.eigenvalues, each.eigenvalues)


def test_states_of_cells_that_keep_more_than_their_activity() -> None:
    r, v, f, a = (np.full((2, 3, 4), value) for value in (1.0, 2.0, 3.0, 4.0))

    def order(internal: dict[str, Any]) -> list[float]:
        return state_vectors(SimpleNamespace(states=r, internal=internal))[0, 0, ::4].tolist()

    assert order({}) == [1]
    assert order({"current": v}) == [2]
    assert order({"cell": v}) == [1, 2]
    assert order({"voltage": v, "filtered": f}) == [2, 1, 3]
    assert order({"voltage": v, "filtered": f, "adaptation": a}) == [2, 1, 3, 4]


@pytest.mark.parametrize("states", ["one", "few", "many", "trajectory"])
def test_the_figure_holds_every_eigenvalue(states: str) -> None:
    given = {"one": RUN.states[0, 0], "few": RUN.states[0, :4], "many": RUN.states[0], "trajectory": RUN}[states]
    found = jacobian_spectrum(NET, given, None if states == "trajectory" else np.zeros(2))
    ax = found.plot().axes[0]
    drawn = [line.get_xydata() for line in ax.lines if line.get_marker() == "o"]
    drawn += [points.get_offsets() for points in ax.collections]
    points = np.concatenate(drawn)
    assert len(points) == found.eigenvalues.size
    values = found.eigenvalues.ravel()
    np.testing.assert_allclose(np.sort(points[:, 0]), np.sort(values.real))
    assert ax.get_xlim()[0] < values.real.min()
    assert ax.get_xlim()[1] > max(values.real.max(), 1)
    assert ax.get_ylim()[1] > values.imag.max()
    own = matplotlib.figure.Figure()
    assert fg.plot.spectrum(found, axes=own.subplots()) is own


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jacobian_spectrum(object(), RUN), TypeError, "net is a object without jacobian"),
        (lambda: jacobian_spectrum(NET, RUN.states[0]), ValueError, "inputs is None"),
        (lambda: jacobian_spectrum(NET, RUN.states, np.zeros((3, 8, 2))), ValueError, r"inputs has shape \(3, 8, 2\)"),
        (lambda: jacobian_spectrum(NET, 1.0, np.zeros(2)), ValueError, "states is a single number"),
        (lambda: jacobian_spectrum(NET, ["a"], np.zeros(2)), TypeError, "states has dtype"),
        (lambda: jacobian_spectrum(NET, np.full(6, np.nan), np.zeros(2)), ValueError, "states holds values"),
        (lambda: jacobian_spectrum(NET, RUN, dt=0.0), ValueError, "dt is 0.0"),
        (lambda: jacobian_spectrum(NET, RUN, dt="x"), TypeError, "dt is 'x'"),  # type: ignore[arg-type]
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_jacobian_of_another_shape() -> None:
    net = SimpleNamespace(jacobian=lambda *_: np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match=r"net.jacobian returned shape \(1, 2, 2\), expected \(1, 3, 3\)"):
        jacobian_spectrum(net, np.zeros(3), np.zeros(1))
