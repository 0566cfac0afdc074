"""From sessions to tensors: planted courses, lags and rotations come back, and sessions are what they were."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pytest

import fastigial as fg
from fastigial.models import Block

matplotlib.use("agg")

TRIAL = np.arange(60)
SLOW, FAST = 1 - np.exp(-TRIAL / 20), np.exp(-TRIAL / 3)


def test_planted_fast_and_slow_factors_are_found_apart() -> None:
    rng = np.random.default_rng(0)
    factors = [(course, rng.normal(size=12), rng.normal(size=15)) for course in (SLOW, FAST)]
    data = sum(np.einsum("i,j,k->ijk", *parts) for parts in factors)
    data = data + 0.05 * rng.normal(size=data.shape)
    found = fg.analysis.component_courses(fg.TCA(2, random_state=0).fit(data), slow=SLOW, fast=FAST)
    best = found.r2.argmax(axis=0)
    assert sorted(best) == [0, 1]  # each has a component of its own
    for course, component in enumerate(best):
        assert found.r2[component, course] > 0.98
        assert found.r2[component, course] > found.r2[component, 1 - course]
        assert found.unique[component, course] > 10 * found.unique[component, 1 - course]
        assert found.p[component, course] < 0.05
    assert found.kinds == ("tca", "tca")
    assert len(found.to_pandas()) == 4


def test_a_slow_trial_slice_and_a_fast_neuron_slice_are_told_apart() -> None:
    rng = np.random.default_rng(1)
    slow = np.multiply.outer(SLOW, rng.normal(size=(12, 15)))  # the whole pattern of neurons and time grows
    fast = np.einsum("n,kt->knt", rng.normal(size=12), np.outer(FAST, rng.normal(size=15)) * 1.0)
    fast = fast + np.einsum("n,kt->knt", rng.normal(size=12), np.outer(FAST, rng.normal(size=15)))
    model = fg.SliceTCA((1, 2, 0), random_state=0, n_init=3).fit(slow + fast)
    found = fg.analysis.component_courses(model, slow=SLOW, fast=FAST)
    assert found.kinds == ("trial", "neuron", "neuron")
    assert model.explained_variance_ > 0.999
    assert found.best("fast", "neuron") > 0.8
    assert np.isnan(found.best("fast", "time"))


def test_r2_beyond_other_courses_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(2)
    model = fg.TCA(1).fit(np.einsum("i,j,k->ijk", rng.normal(size=60), rng.normal(size=8), rng.normal(size=9)))
    found = fg.analysis.component_courses(model, slow=SLOW, fast=FAST)
    value = model.factors_[0][:, 0]

    def r2(*courses: Any) -> float:
        design = np.column_stack([np.ones(60), *courses])
        return float(1 - np.var(value - design @ np.linalg.lstsq(design, value, rcond=None)[0]) / np.var(value))

    np.testing.assert_allclose(found.r2[0], [r2(SLOW), r2(FAST)], atol=1e-9)
    np.testing.assert_allclose(found.unique[0], [r2(SLOW, FAST) - r2(FAST), r2(SLOW, FAST) - r2(SLOW)], atol=1e-9)


def test_courses_that_do_not_fit_are_refused() -> None:
    model = fg.TCA(1).fit(np.random.default_rng(0).normal(size=(10, 4, 5)))
    with pytest.raises(ValueError, match=r"slow has shape \(9,\), expected \(10,\)"):
        fg.analysis.component_courses(model, slow=np.arange(9))
    with pytest.raises(ValueError, match="slow is the same on all trials"):
        fg.analysis.component_courses(model, slow=np.ones(10))
    with pytest.raises(ValueError, match="no course is given"):
        fg.analysis.component_courses(model)
    with pytest.raises(AttributeError, match="not fitted yet"):
        fg.analysis.component_courses(fg.TCA(1), slow=np.arange(10))
    with pytest.raises(TypeError):
        fg.analysis.component_courses(3, slow=np.arange(10))  # type: ignore[arg-type]


@pytest.mark.parametrize("lag", [-4, 0, 3])
def test_a_planted_lag_is_found_at_the_stage_that_has_it(lag: int) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(40, 5, 50))
    b = np.roll(a, lag, axis=2)[:, ::-1]
    b[:20] = rng.normal(size=(20, 5, 50))  # early: nothing in common
    stages = np.repeat(["early", "late"], 20)
    found = fg.analysis.co_emergence(a, b, stages, lags=range(-8, 9), estimator="unbiased")
    assert found.peak_lag[1] == lag
    assert found.cka[1].max() == pytest.approx(1.0, abs=1e-9)
    assert found.cka[0].max() < 0.1
    assert list(found.to_pandas().index) == ["early", "late"]


def test_what_emerges_late_is_read_late() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(["left", "right"], 40)
    a, b = (rng.normal(size=(80, 4, 20)) for _ in range(2))
    b[40:, 0] += np.where(labels == "left", 2.0, -2.0)[40:, None]
    stages = np.repeat(["early", "late"], 40)
    found = fg.analysis.co_emergence(a, b, stages, labels=labels, names=("cortex", "nuclei"))
    assert found.accuracy[1, 1] > 0.95
    assert np.all(np.abs(found.accuracy[[0, 0, 1], [0, 1, 0]] - 0.5) < 0.25)
    assert found.participation_ratio[1, 1] < found.participation_ratio[0, 1] - 0.5
    assert len(found.plot().axes) == 3


def test_a_common_course_makes_any_two_alike_unless_it_is_taken_away() -> None:
    rng = np.random.default_rng(0)
    course = np.sin(np.linspace(0, 6, 40))
    weights = rng.normal(size=(2, 5))
    a, b = (course * one[:, None] + 0.3 * rng.normal(size=(30, 5, 40)) for one in weights)
    with_it, without = (
        fg.analysis.co_emergence(a, b, np.repeat("all", 30), centre=centre).cka[0, 0] for centre in (False, True)
    )
    # Covariances v w wᵀ + σ² I: CKA in closed form, up to the scatter of 1200 samples.
    covariances = [course.var() * np.outer(one, one) + 0.3**2 * np.eye(5) for one in weights]
    shared = course.var() ** 2 * np.prod([one @ one for one in weights])
    expected = shared / np.prod([np.linalg.norm(one) for one in covariances])
    assert with_it == pytest.approx(expected, abs=0.03)
    assert with_it > 0.5 > 0.05 > without


def test_populations_that_do_not_fit_are_refused() -> None:
    a, stages = np.random.default_rng(0).normal(size=(6, 3, 10)), np.repeat("all", 6)
    with pytest.raises(ValueError, match="b has 5 trials of 10 steps, expected 6 of 10"):
        fg.analysis.co_emergence(a, a[:5], stages)
    with pytest.raises(ValueError, match="lags reach 5 steps, expected less than half of the 10"):
        fg.analysis.co_emergence(a, a, stages, lags=[5])
    with pytest.raises(ValueError, match="lags is empty"):
        fg.analysis.co_emergence(a, a, stages, lags=[])
    with pytest.raises(ValueError, match="stages holds no stage"):
        fg.analysis.co_emergence(a, a, np.repeat("", 6))


def test_a_planted_rotation_comes_back_as_its_angle() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), 8)
    plane = rng.normal(size=(6, 2, 5))
    basis = np.linalg.qr(rng.normal(size=(20, 4)))[0]
    turn = np.radians(30.0)
    turned = np.column_stack([basis[:, 0], np.cos(turn) * basis[:, 1] + np.sin(turn) * basis[:, 2]])
    before, after = (
        np.einsum("nk,ckt->cnt", axes, plane)[labels] + 0.01 * rng.normal(size=(48, 20, 5))
        for axes in (basis[:, :2], turned)
    )
    found = fg.analysis.reshaping(
        before, after, (labels, labels), directions={"turn": basis[:, 1:3], "no": basis[:, 3]}
    )
    np.testing.assert_allclose(found.angles, [0.0, 30.0], atol=1.0)
    assert found.angles_floor.max() < 2.0
    assert found.along["turn"] > 0.99
    assert found.along["no"] < 0.01
    assert found.isotropic == {"turn": 0.1, "no": 0.05}
    assert found.size > 10 * found.size_floor.mean()


def test_what_has_not_moved_is_at_the_floor() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 20)
    means = rng.normal(size=(4, 10, 6))
    before, after = (means[labels] + rng.normal(size=(80, 10, 6)) for _ in range(2))
    found = fg.analysis.reshaping(before, after, (labels, labels))
    assert found.size < found.size_floor.max()
    with pytest.raises(ValueError, match="0 conditions are in both"):
        fg.analysis.reshaping(before, after, (labels, labels + 10))


@pytest.fixture(scope="module")
def session() -> Any:
    net = fg.models.CerebelloCorticalNetwork(40, 200, n_sources=20, seed=1)
    blocks = [Block(4, directions=[0.0, 1.0]), Block(6, field=5.0, directions=[0.0, 1.0])]
    return net.adapt(blocks, seed=1, record_granule=7)


def test_a_session_is_a_recording_of_its_regions(session: Any) -> None:
    found = session.recording("cortex", "granule", "nuclei")
    assert found.shape == (10, 49, 100)
    np.testing.assert_array_equal(found.data[:, :40], session.activity.transpose(0, 2, 1))
    np.testing.assert_array_equal(found.data[:, 47:], session.nuclei.transpose(0, 2, 1))
    assert np.unique(found["region"], return_counts=True)[1].tolist() == [40, 7, 2]
    np.testing.assert_array_equal(found["field"], session.field)
    assert found["time"][session.reach.time == session.reach.go] == 0.0


def test_baseline_leaves_what_adaptation_added(session: Any) -> None:
    found = session.recording(baseline=0)
    for direction in np.unique(session.directions):
        mine = (session.block == 0) & (session.directions == direction)
        np.testing.assert_allclose(found.data[mine].mean(axis=0), 0.0, atol=1e-12)
    assert np.abs(found.data[session.block == 1]).max() > 0
    with pytest.raises(ValueError, match="regions are"):
        session.recording("thalamus")
    with pytest.raises(ValueError, match="baseline is block 5"):
        session.recording(baseline=5)


# A model's session: what the page on the bridge says of five networks, in one small one


@pytest.fixture(scope="module")
def network() -> Any:
    return fg.models.CerebelloCorticalNetwork(60, 600, seed=0).prepare(300)


def test_slow_and_fast_learning_of_a_rotation_are_two_trial_slicing_components(network: Any) -> None:
    """Slow: the turn of the cortex; fast: the cerebellum's plan. R² of the page: .88 and .72, three seeds .8 and .5."""
    ahead: dict[str, Any] = {"directions": [0.0]}
    blocks = [Block(n, rotation=by, **ahead) for n, by in ((40, 0.0), (160, 30.0), (40, 0.0))]
    session = network.calibrate([0.0]).adapt(blocks, seed=3)
    data = session.recording("cortex", baseline=0).data[:, :, 10::2]
    model = fg.SliceTCA((2, 0, 0), random_state=0).fit(data)
    found = fg.analysis.component_courses(model, slow=session.turn, fast=session.plan_turn)
    assert found.best("slow") > 0.8 and found.best("fast") > 0.4
    assert found.r2[:, 0].argmax() != found.r2[:, 1].argmax()
    assert (found.p[[found.r2[:, k].argmax() for k in (0, 1)], [0, 1]] < 0.1).all()


def test_nuclei_come_to_resemble_the_cortex_and_a_block_reshapes_it_more_than_learning_does(network: Any) -> None:
    blocks = [
        Block(64),
        Block(160, field=5.0),
        Block(64, field=5.0, blocked="all", fast=False),
    ]
    session = network.forget().calibrate().adapt(blocks, seed=3)
    place = np.arange(session.n_trials)
    stages = np.select([place < 64, place < 128, (place >= 160) & (place < 224)], ["before", "early", "late"], "")
    cortex, nuclei = (session.recording(name).select(time=(-0.1, 0.5)) for name in ("cortex", "nuclei"))
    found = fg.analysis.co_emergence(cortex, nuclei, stages, lags=range(-10, 11, 5), centre=True)
    before, early, late = found.cka.max(axis=1)
    assert min(early, late) > 2 * before
    prepared = session.recording("cortex").select(time=(-0.2, 0.0))
    start = prepared.select(trials=stages == "before")
    learned, blocked = (
        fg.analysis.reshaping(start, prepared.select(trials=which), n_splits=5)
        for which in (stages == "late", place >= 224)
    )
    assert learned.size < 3 * learned.size_floor.mean()
    assert blocked.size > 5 * learned.size and blocked.angles.min() > 10.0
