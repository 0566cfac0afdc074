"""Marginalised variance: parts that were planted, sums, the slow definition, noise and its correction, comparison."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from tests.common.reference_cp import FloatArray

import fastigial as fg
from fastigial.analysis import DemixedVariance, demixed_comparison, demixed_variance

matplotlib.use("agg")
STIMULUS = np.tile([0, 1, 2], 8)
DECISION = np.repeat([0, 1], 12)
CONDITIONS = {"stimulus": STIMULUS, "decision": DECISION}
PARTS = ["time", "stimulus", "decision", "stimulus × decision"]


def planted(part: str, seed: int = 0) -> FloatArray:
    """Trials (24, 5, 7) that hold one part alone, on a constant."""
    rng = np.random.default_rng(seed)
    courses, levels = rng.normal(size=(5, 7)), rng.normal(size=(3, 2))
    stimulus = levels[:, 0] - levels[:, 0].mean()
    weights = {
        "time": np.ones(24),
        "stimulus": stimulus[STIMULUS],
        "decision": DECISION - 0.5,
        "stimulus × decision": stimulus[STIMULUS] * (DECISION - 0.5),
    }[part]
    return np.asarray(100 + weights[:, None, None] * courses)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_alone_has_all_of_the_variance(part: str) -> None:
    found = demixed_variance(planted(part), CONDITIONS)
    assert found.parts == PARTS
    np.testing.assert_allclose(found.shares, [part == name for name in PARTS], atol=1e-10)
    np.testing.assert_allclose(found.signal_shares, found.shares, atol=1e-10)
    assert found.n_trials.tolist() == [[4, 4]] * 3
    assert found.levels == {"stimulus": [0, 1, 2], "decision": [0, 1]}


def test_shares_equal_the_slow_definition() -> None:
    x = np.random.default_rng(0).normal(size=(24, 5, 7))
    means = np.array(
        [[x[(s == STIMULUS) & (d == DECISION)].mean(axis=0) for d in range(2)] for s in range(3)]
    )  # 3, 2, neurons, time
    means -= means.mean(axis=(0, 1, 3), keepdims=True)
    time = means.mean(axis=(0, 1), keepdims=True) + 0 * means
    stimulus = means.mean(axis=1, keepdims=True) - time
    decision = means.mean(axis=0, keepdims=True) - time
    both = means - time - stimulus - decision
    energies = np.array([np.sum(part**2) for part in (time, stimulus, decision, both)])
    np.testing.assert_allclose(demixed_variance(x, CONDITIONS).shares, energies / np.sum(means**2), rtol=1e-12)
    assert energies.sum() == pytest.approx(np.sum(means**2), rel=1e-12)


def test_three_conditions_have_seven_parts_and_time() -> None:
    x = planted("time") + np.random.default_rng(0).normal(size=(24, 5, 7))
    found = demixed_variance(x, {**CONDITIONS, "context": np.tile([0, 0, 0, 1, 1, 1], 4)})
    assert len(found.parts) == 8
    assert found.parts[-1] == "stimulus × decision × context"
    assert found.shares.sum() == pytest.approx(1, abs=1e-12)
    assert found.signal_shares.sum() == pytest.approx(1, abs=1e-9)


def test_a_matrix_has_no_time() -> None:
    x = np.random.default_rng(0).normal(size=(24, 5))
    found = demixed_variance(x, CONDITIONS)
    assert found.parts == PARTS[1:]
    assert found.shares.sum() == pytest.approx(1, abs=1e-12)


def test_noise_is_taken_out() -> None:
    # Signal: two thirds of its variance with time, a third with the decision. Noise alike at neighbouring steps, not
    # of one size in all cells, and unequal numbers of trials.
    keep = np.flatnonzero((STIMULUS > 0) | (np.arange(24) % 12 != 0))
    time = planted("time") - 100
    time -= time.mean(axis=2, keepdims=True)
    decision = planted("decision") - 100
    signal = time * np.sqrt(2 / np.mean(time**2)) + decision * np.sqrt(1 / np.mean(decision**2))
    truth = np.array([2, 0, 1, 0]) / 3
    rng = np.random.default_rng(0)
    raw, corrected = [], []
    for _ in range(400):
        noise = rng.normal(size=(24, 5, 7)) + 2 * rng.normal(size=(24, 5, 1))
        found = demixed_variance(
            (signal + 0.4 * (1 + STIMULUS[:, None, None]) * noise)[keep], {k: v[keep] for k, v in CONDITIONS.items()}
        )
        raw.append(found.shares)
        corrected.append(found.signal_shares)
    # Shares are ratios, of which medians are compared; noise alone gives every part a share.
    assert np.abs(np.median(raw, axis=0) - truth).max() > 0.1
    np.testing.assert_allclose(np.median(corrected, axis=0), truth, atol=0.02)


def test_shares_without_noise_are_unbiased() -> None:
    rng = np.random.default_rng(0)
    # With noise this small shares are linear in it, up to what 400 draws can tell; those of the averages are not.
    signal = sum(planted(part) for part in PARTS)
    clean = demixed_variance(signal, CONDITIONS).shares
    found = [demixed_variance(signal + 0.5 * rng.normal(size=(24, 5, 7)), CONDITIONS) for _ in range(400)]
    for name, unbiased in (("signal_shares", True), ("shares", False)):
        values = np.array([getattr(each, name) for each in found])
        errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        assert (np.abs(values.mean(axis=0) - clean) < 4 * errors).all() == unbiased


def test_single_trials_leave_noise_unknown() -> None:
    chosen = [np.flatnonzero((s == STIMULUS) & (d == DECISION))[0] for s in range(3) for d in range(2)]
    found = demixed_variance(planted("time")[chosen], {key: values[chosen] for key, values in CONDITIONS.items()})
    assert np.isnan(found.signal_shares).all()
    assert found.shares[0] == pytest.approx(1)
    found.plot()


def test_missing_trials_and_steps() -> None:
    x = planted("stimulus") + planted("time", 1)
    gaps = x.copy()
    gaps[:3] = np.nan
    gaps[5, :, 4:] = np.nan
    found, expected = demixed_variance(gaps, CONDITIONS), demixed_variance(x, CONDITIONS)
    np.testing.assert_allclose(found.shares, expected.shares, atol=1e-10)
    labels = STIMULUS.astype(float)
    labels[:3] = np.nan
    unlabelled = demixed_variance(x, {"stimulus": labels, "decision": DECISION})
    np.testing.assert_allclose(unlabelled.shares, expected.shares, atol=1e-10)
    assert unlabelled.n_trials.sum() == 21


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_scale_does_not_matter(scale: float) -> None:
    x = np.random.default_rng(0).normal(size=(24, 5, 7))
    one, other = (demixed_variance(factor * x, CONDITIONS) for factor in (1.0, scale))
    np.testing.assert_allclose(one.shares, other.shares, rtol=1e-9)
    np.testing.assert_allclose(one.signal_shares, other.signal_shares, rtol=1e-9)


def test_a_network_beside_a_recording() -> None:
    network = SimpleNamespace(states=planted("stimulus").transpose(0, 2, 1))
    coords = {key: ("trial", values) for key, values in CONDITIONS.items()}
    recording = fg.Recording((planted("stimulus") + planted("time", 1))[:, :3], coords=coords)
    found = demixed_comparison(network, recording, CONDITIONS, ["stimulus", "decision"])
    assert found.a.parts == found.b.parts
    assert found.distance == pytest.approx(found.b.signal_shares[0], abs=1e-9)
    assert 0 < found.distance < 1
    table = found.to_pandas()
    assert table.columns.tolist()[0] == ("network", "share")
    np.testing.assert_array_equal(table["recording"]["share"], found.b.shares)
    apart = demixed_comparison(planted("time"), planted("decision"), CONDITIONS)
    assert apart.distance == pytest.approx(1, abs=1e-9)
    assert demixed_comparison(planted("time"), 5 * planted("time"), CONDITIONS).distance < 1e-9


def test_figures_show_the_shares() -> None:
    x = np.random.default_rng(0).normal(size=(24, 5, 7))
    found = demixed_comparison(x, planted("time"), CONDITIONS)
    ax = found.plot().axes[0]
    heights = np.array([[bar.get_height() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(heights, 100 * np.stack([found.a.shares, found.b.shares]), atol=1e-9)
    own = matplotlib.figure.Figure()
    assert fg.plot.demixed(found.a, axes=own.subplots()) is own
    assert isinstance(found.a, DemixedVariance)


X = planted("time")


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        ({}, ValueError, "conditions is empty"),
        ("stimulus", TypeError, "conditions is 'stimulus', expected a dict"),
        (["stimulus"], ValueError, r"conditions\['stimulus'\] is 'stimulus'"),
        ({"stimulus": STIMULUS[1:]}, ValueError, r"conditions\['stimulus'\] has shape \(23,\)"),
        ({"stimulus": np.zeros(24)}, ValueError, "has 1 level, expected two or more"),
        ({"a": DECISION, "b": 1 - DECISION}, ValueError, r"x has no trial with {'a': 0, 'b': 0}: every combination"),
    ],
)
def test_refusals(conditions: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        demixed_variance(X, conditions)


def test_refusals_of_data() -> None:
    with pytest.raises(ValueError, match="do not vary"):
        demixed_variance(np.full((24, 5, 7), 0.1), CONDITIONS)
    gaps = X.copy()
    gaps[(STIMULUS == 1) & (DECISION == 0), :, 6] = np.nan
    with pytest.raises(ValueError, match=r"no trial with {'stimulus': 1, 'decision': 0} at step 6"):
        demixed_variance(gaps, CONDITIONS)
    with pytest.raises(ValueError, match="expected the same conditions and order"):
        demixed_comparison(X, X, CONDITIONS, {"stimulus": STIMULUS})
    with pytest.raises(ValueError, match="names is 'ab', expected two names"):
        demixed_comparison(X, X, CONDITIONS, names="ab")  # type: ignore[arg-type]
