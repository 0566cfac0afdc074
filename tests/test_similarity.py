"""Similarity of models: published values, a slow reference, invariants, and the same components in another's order."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.common.models import cp_of, random_slicetca, random_tca, slicetca_of, tca_of
from tests.common.reference_similarity import factor_match_score, mean_cosine_score

import fastigial as fg
from fastigial.analysis.similarity import _even_signs

matplotlib.use("agg")

METHODS: list[dict[str, Any]] = [
    {"method": "mean_cosine"},
    {"method": "factor_match"},
    {"method": "factor_match", "weights": False},
]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: "-".join(map(str, method.values())))
SHAPE = (9, 7, 8)


def numbers(text: str, n_columns: int) -> NDArray[np.float64]:
    return np.array(text.split(), dtype=np.float64).reshape(-1, n_columns)


# Random matrices and their factor match scores as MATLAB's Tensor Toolbox computes them, from the tests of TLViz
# (tensorly/viz, tests/test_factor_tools.py, commit 00edd940). Data, for comparison of numbers.
THREE_MODES = (
    [
        numbers(
            """-3.17188834 0.12037674 -0.52441857  0.77006048 -1.46279475 1.15829157
            -1.18581816 0.48408977 -1.09991184  1.16631215 1.04360917 1.36915614""",
            3,
        ),
        numbers(
            """1.53796467 -0.63422707 0.45490094  -1.22797090 -1.00880186 -0.68148948  0.99478163 0.56521819 1.77120808
            0.32201656 0.38783583 -0.80020482  0.57868839 -1.25683464 0.45556118""",
            3,
        ),
        numbers(
            """0.9931878 -0.95281053 -0.76501819  0.36991261 -1.14379257 -1.25567542  1.19267987 -0.34327929 0.5883692
            -1.76280424 -0.04712039 0.12633968  -0.21826917 0.4038183 -0.96475298  0.45657526 1.82831411 -0.49339521""",
            3,
        ),
    ],
    [
        numbers(
            """-1.30262887 -0.4169056 -0.93705999  0.6507304 -0.35287475 -1.3054718
            2.3391102 -1.62249815 -2.44364441  0.03060683 1.1635985 -0.96374088""",
            3,
        ),
        numbers(
            """2.59245268 -2.27144787 -0.2187818  -0.81465855 -0.35188988 -1.64408907  -0.20094789 1.10495721 0.72345472
            0.43747334 1.24612605 -0.94359963  -0.32968311 1.29134727 -0.73294861""",
            3,
        ),
        numbers(
            """1.09267308 -1.05671575 0.19105565  -0.54742553 -0.18846809 0.12229789  0.75474572 0.71870513 0.73885282
            1.0305555 -0.02279294 1.57613977  -0.2184589 -0.48151848 2.38306396  1.85820322 -2.10472093 -0.02799594""",
            3,
        ),
    ],
)
FOUR_MODES = (
    [
        numbers(
            """-1.25305822 0.41480863 0.67937122 -1.41094398  -0.61751106 -1.07501907 1.53552703 1.73289436
            -1.10167628 0.10916708 0.15440049 0.71191913  -0.75397339 -0.53277329 -0.31800362 -1.39385172""",
            4,
        ),
        numbers(
            """0.55524731 0.18657303 0.56951858 -0.45689014  -0.45996235 0.46204667 -1.14346653 -1.17044652
            -0.43544214 2.11642726 -2.53224555 0.37626344  0.62684971 -1.46490152 -0.72183586 -0.5028133
            1.07613603 0.28500245 0.59924702 -0.74853447""",
            4,
        ),
        numbers(
            """-0.40255827 1.66766184 0.45864578 0.74544796  -0.74191489 0.22902213 -0.03567836 1.20862804
            -2.09713766 -1.62251038 0.00501596 0.76610473  0.35926428 0.55441067 1.57895469 0.14168695
            -0.02182733 -0.04726342 -0.53751347 0.4963245  1.26656772 -0.08609847 1.49541366 0.23812769""",
            4,
        ),
        numbers(
            """0.16535113 0.53760458 1.42702119 0.82964388  1.05943545 0.62382289 0.99240215 -0.61245248
            -0.03280214 -0.21058093 -1.23180961 -1.17422252  -1.79503608 -0.61318651 0.38374694 -0.70810762
            -0.96153239 1.21283919 0.3295456 -0.40590376  -0.0443726 -0.62473263 -0.9840032 0.66008108
            0.48558508 1.7994932 1.23246065 -0.02151854""",
            4,
        ),
    ],
    [
        numbers(
            """-0.91375871 1.25690037 2.02901623 1.23133122  0.21117567 -0.04855492 -0.33869225 0.24722038
            -1.04180422 1.43493527 -0.98951756 1.30852824  -0.88917527 -1.15392866 1.38868925 0.51818143""",
            4,
        ),
        numbers(
            """0.11685685 0.00346736 -1.14081191 0.03363361  0.06782851 -0.12775747 -0.54999814 -0.73082095
            1.99588507 1.07894308 0.58721622 0.56918949  1.40235112 2.1899298 0.62988048 -1.3539888
            1.8810379 0.37515909 1.25157966 0.20167407""",
            4,
        ),
        numbers(
            """-1.35248615 0.28876374 -0.48831322 1.30607284  -1.01727243 1.70950614 -0.6432707 2.27651227
            -0.07297823 -0.0599663 -1.54827796 -0.90780148  2.18938174 0.6736972 -0.21463208 0.84751937
            -0.80608285 0.0103886 1.39146945 -0.09375545  -1.08319207 -0.65801888 -1.46349547 -0.40689636""",
            4,
        ),
        numbers(
            """-1.74672431 0.73026699 -0.25879295 -1.9992047  -0.92546903 0.13632921 -1.0511824 2.06251471
            -0.36672464 -0.19523376 -1.0453565 -0.31365466  -0.83074898 0.50937367 -0.18895524 0.57345223
            -1.43804184 0.02874416 0.02366292 0.09117656  -0.40793959 0.6383231 -0.71778188 -0.62907123
            -0.22739631 0.62798532 0.87659409 1.03663001""",
            4,
        ),
    ],
)


@pytest.mark.parametrize(
    ("matrices", "without", "with_weights"),
    [(THREE_MODES, 0.027696956568833, 0.019965399034340), (FOUR_MODES, 0.015619878684950, 0.007867447488467)],
    ids=["three modes", "four modes"],
)
def test_factor_match_score_is_the_published_one(matrices: Any, without: float, with_weights: float) -> None:
    a, b = (tca_of(factors) for factors in matrices)
    assert fg.similarity(a, b, "factor_match", weights=False) == pytest.approx(without, rel=1e-8)
    assert fg.similarity(a, b, "factor_match") == pytest.approx(with_weights, rel=1e-8)


def test_scores_worked_out_by_hand() -> None:
    # Cosines: 0.6 in the first mode, 1 in the second and the third; weights 5 and 4.
    a = tca_of([np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]), np.array([[1.0], [1.0]])], np.array([5.0]))
    b = tca_of([np.array([[-3.0], [4.0]]), np.array([[0.8], [0.0]]), np.array([[1.0], [1.0]])], np.array([1.0]))
    assert fg.similarity(a, b) == pytest.approx((0.6 + 1 + 1) / 3, abs=1e-15)
    assert fg.similarity(a, b, "factor_match", weights=False) == pytest.approx(0.6, abs=1e-15)
    assert fg.similarity(a, b, "factor_match") == pytest.approx(0.6 * 4 / 5, abs=1e-15)


@pytest.mark.parametrize("ranks", [(3, 3), (2, 4), (4, 2), (1, 1)])
@pytest.mark.parametrize("shape", [SHAPE, (6, 5), (4, 5, 3, 6)], ids=str)
def test_tca_scores_equal_the_slow_reference(ranks: tuple[int, int], shape: tuple[int, ...]) -> None:
    for seed in range(5):
        a, b = (random_tca(seed + 10 * place, shape, rank) for place, rank in enumerate(ranks))
        assert fg.similarity(a, b) == pytest.approx(mean_cosine_score(cp_of(a), cp_of(b)), abs=1e-14)
        for weights in (True, False):
            slow = factor_match_score(cp_of(a), cp_of(b), consider_weights=weights)
            assert fg.similarity(a, b, "factor_match", weights=weights) == pytest.approx(slow, abs=1e-14)


def slow_slicetca_score(a: fg.SliceTCA, b: fg.SliceTCA, method: str, weights: bool = True) -> float:
    """Every pairing of the components of each slice type is tried, and tensors are compared entry by entry."""
    values: list[float] = []
    for axis in range(3):
        own, other = (
            [(model.loadings_[axis][r], model.slices_[axis][r]) for r in range(len(model.loadings_[axis]))]
            for model in (a, b)
        )
        if len(own) > len(other):
            own, other = other, own
        best: list[float] = []
        for chosen in permutations(range(len(other)), len(own)):
            trial = []
            for r, s in enumerate(chosen):
                cosines, sizes = [], [1.0, 1.0]
                for left, right in zip(own[r], other[s], strict=True):
                    lengths = np.sqrt(np.sum(left**2)), np.sqrt(np.sum(right**2))
                    cosines.append(abs(np.sum(left * right)) / (lengths[0] * lengths[1]))
                    sizes = [size * length for size, length in zip(sizes, lengths, strict=True)]
                if method == "mean_cosine":
                    trial.append(sum(cosines) / 2)
                else:
                    agreement = 1 - abs(sizes[0] - sizes[1]) / max(sizes) if weights else 1.0
                    trial.append(cosines[0] * cosines[1] * agreement)
            best = max(best, trial, key=sum) if best else trial
        values += best
    return float(np.mean(values))


@pytest.mark.parametrize("ranks", [((2, 1, 3), (2, 1, 3)), ((3, 0, 1), (1, 2, 2)), ((2, 0, 0), (2, 0, 0))], ids=str)
@each_method
def test_slicetca_scores_equal_every_pairing_tried(ranks: Any, method: dict[str, Any]) -> None:
    for seed in range(3):
        a, b = random_slicetca(seed, SHAPE, ranks[0]), random_slicetca(seed + 5, SHAPE, ranks[1])
        assert fg.similarity(a, b, **method) == pytest.approx(slow_slicetca_score(a, b, **method), abs=1e-14)


def disguised(model: Any, seed: int) -> Any:
    """The same tensor with its components in another order, with other signs, and lengths moved about."""
    rng = np.random.default_rng(seed)
    if isinstance(model, fg.TCA):
        n_components = model.weights_.size
        order = rng.permutation(n_components)
        scales = rng.uniform(0.2, 3.0, (len(model.factors_), n_components)) * rng.choice([-1, 1], (1, n_components))
        scales[-1] /= np.abs(scales[:-1]).prod(axis=0) * np.abs(scales[-1])
        scales[1] *= np.where(scales.prod(axis=0) < 0, -1, 1)
        factors = [factor[:, order] * scale for factor, scale in zip(model.factors_, scales, strict=True)]
        return tca_of(factors, model.weights_[order])
    loadings, slices = [], []
    for loading, many in zip(model.loadings_, model.slices_, strict=True):
        order = rng.permutation(len(loading))
        scale = rng.uniform(0.2, 3.0, len(loading)) * rng.choice([-1, 1], len(loading))
        loadings.append(loading[order] * scale[:, None])
        slices.append(many[order] / scale[:, None, None])
    return slicetca_of(loadings, slices)


MODELS = {
    "TCA": lambda seed: random_tca(seed, SHAPE, 4),
    "TCA of a matrix": lambda seed: random_tca(seed, (9, 7), 4),
    "TCA of four modes": lambda seed: random_tca(seed, (5, 4, 6, 3), 3),
    "SliceTCA": lambda seed: random_slicetca(seed, SHAPE, (3, 2, 2)),
}
each_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


@each_model
@each_method
def test_similarity_knows_neither_order_nor_sign_nor_scale(make: Any, method: dict[str, Any]) -> None:
    for seed in range(4):
        model, other = make(seed), make(seed + 50)
        same = disguised(model, seed)
        np.testing.assert_allclose(same.reconstruct(), model.reconstruct(), atol=1e-12)
        assert fg.similarity(model, same, **method) == pytest.approx(1, abs=1e-14)
        forth = fg.similarity(model, other, **method)
        assert 0 < forth < 0.95
        assert fg.similarity(other, same, **method) == pytest.approx(forth, abs=1e-14)


@each_model
@each_method
def test_align_undoes_the_disguise(make: Any, method: dict[str, Any]) -> None:
    for seed in range(6):
        model = make(seed)
        same = disguised(model, seed)
        before = [array.copy() for array in same._columns()]
        aligned = fg.align(same, model, **method)
        assert all(np.array_equal(now, then) for now, then in zip(same._columns(), before, strict=True))
        np.testing.assert_allclose(aligned.reconstruct(), model.reconstruct(), atol=1e-12)
        for own, other in zip(aligned._columns(), model._columns(), strict=True):
            cosines = (own * other).sum(axis=0) / np.linalg.norm(own, axis=0) / np.linalg.norm(other, axis=0)
            np.testing.assert_allclose(cosines, 1, atol=1e-12)


@each_model
def test_align_keeps_the_tensor_and_flips_as_well_as_can_be(make: Any) -> None:
    for seed in range(6):
        a, b = make(seed), make(seed + 50)
        aligned = fg.align(a, b)
        np.testing.assert_allclose(aligned.reconstruct(), a.reconstruct(), atol=1e-12)
        assert fg.similarity(aligned, b) == pytest.approx(fg.similarity(a, b), abs=1e-14)
        if isinstance(aligned, fg.TCA):
            cosines = np.array([(x * y).sum(axis=0) for x, y in zip(aligned.factors_, b.factors_, strict=True)])
            # The components now stand in the order that they are paired in.
            assert ((cosines < 0).sum(axis=0) <= 1).all()


@pytest.mark.parametrize("kept", [(False, False, False), (True, False, False), (True, False, True), (True, True, True)])
def test_signs_are_the_best_of_all_that_leave_the_tensor(kept: tuple[bool, ...]) -> None:
    allowed = [
        signs
        for signs in product((1.0, -1.0), repeat=3)
        if np.prod(signs) > 0 and all(sign > 0 for sign, flag in zip(signs, kept, strict=True) if flag)
    ]
    for cosines in np.random.default_rng(0).uniform(-1, 1, (40, 3)):
        found = _even_signs(cosines, np.array(kept))
        assert tuple(found) in allowed
        assert found @ cosines == pytest.approx(max(np.array(signs) @ cosines for signs in allowed), abs=1e-15)


def test_align_leaves_nonnegative_factors_nonnegative() -> None:
    a, b = random_tca(0, SHAPE, 3, nonnegative=[True, False, False]), random_tca(1, SHAPE, 3)
    a.factors_[0] = np.abs(a.factors_[0])
    b.factors_[0] = -np.abs(b.factors_[0])
    aligned = fg.align(a, b)
    assert (aligned.factors_[0] >= 0).all()
    np.testing.assert_allclose(aligned.reconstruct(), a.reconstruct(), atol=1e-12)
    slices = random_slicetca(2, SHAPE, (2, 1, 0), nonnegative=[True, False, False])
    turned = slicetca_of([-loading for loading in slices.loadings_], [-many for many in slices.slices_])
    found = fg.align(slices, turned)
    assert np.array_equal(found.loadings_[0], slices.loadings_[0])
    assert np.array_equal(found.loadings_[1], -slices.loadings_[1])


def test_unmatched_components_come_last() -> None:
    large = random_tca(3, SHAPE, 5)
    small = tca_of([factor[:, [3, 0]] for factor in large.factors_])
    assert fg.similarity(large, small) == pytest.approx(1, abs=1e-14)
    aligned = fg.align(large, small)
    assert np.array_equal(aligned.weights_, large.weights_[[3, 0, 1, 2, 4]])
    back = fg.align(small, large)
    assert np.array_equal(back.factors_[0], small.factors_[0][:, [1, 0]])
    slices = random_slicetca(3, SHAPE, (3, 0, 2))
    fewer = slicetca_of([x[::-1][:1] for x in slices.loadings_], [x[::-1][:1] for x in slices.slices_])
    assert fg.similarity(slices, fewer) == pytest.approx(1, abs=1e-14)
    assert np.array_equal(fg.align(slices, fewer).slices_[0], slices.slices_[0][[2, 0, 1]])


def test_components_of_no_weight_are_not_there() -> None:
    model = random_tca(4, SHAPE, 3)
    silent = tca_of([np.insert(factor, 1, 0.0, axis=1) for factor in model.factors_], np.insert(model.weights_, 1, 0.0))
    for method in METHODS:
        assert fg.similarity(silent, model, **method) == pytest.approx(1, abs=1e-14)
    assert fg.align(silent, model).weights_[-1] == 0
    nothing = tca_of(model.factors_, np.zeros(3))
    assert np.isnan(fg.similarity(nothing, model))
    assert np.isnan(fg.similarity(random_slicetca(0, SHAPE, (1, 0, 0)), random_slicetca(0, SHAPE, (0, 1, 2))))
    assert fg.analysis.distinct_solutions([nothing, model, nothing]).tolist() == [0, 1, 0]


def test_some_axes_only() -> None:
    a, b = random_tca(5, (9, 7, 8), 3), random_tca(6, (4, 7, 8), 3)
    tail = [tca_of(model.factors_[1:], model.weights_) for model in (a, b)]
    for axes in [("neuron", "time"), (1, 2), [2, 1, 1]]:
        assert fg.similarity(a, b, axes=axes) == pytest.approx(fg.similarity(*tail), abs=1e-14)
    only_neurons = fg.similarity(a, b, axes="neuron")
    assert only_neurons == pytest.approx(
        fg.similarity(*(tca_of([model.factors_[1]], model.weights_) for model in (a, b))), abs=1e-14
    )
    np.testing.assert_allclose(fg.align(a, b, axes=(1, 2)).reconstruct(), a.reconstruct(), atol=1e-12)
    # Of a SliceTCA: the slices of trial components, and the loadings of the two other types.
    one, two = random_slicetca(7, (9, 7, 8), (2, 1, 1)), random_slicetca(8, (4, 7, 8), (2, 1, 1))
    two.slices_[0], two.loadings_[1] = one.slices_[0][::-1], -one.loadings_[1]
    two.loadings_[2] = one.loadings_[2]
    assert fg.similarity(one, two, axes=(1, 2)) == pytest.approx(1, abs=1e-14)
    aligned = fg.align(two, one, axes=(1, 2))
    np.testing.assert_allclose(aligned.slices_[0], one.slices_[0], atol=1e-14)
    np.testing.assert_allclose(aligned.loadings_[1], one.loadings_[1], atol=1e-14)
    np.testing.assert_allclose(aligned.reconstruct(), two.reconstruct(), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_scores_do_not_depend_on_the_scale_of_both_models(scale: float) -> None:
    a, b = random_slicetca(0, SHAPE, (2, 1, 1)), random_slicetca(1, SHAPE, (2, 1, 1))
    scaled = [slicetca_of(m.loadings_, [scale * many for many in m.slices_]) for m in (a, b)]
    for method in METHODS:
        assert fg.similarity(*scaled, **method) == pytest.approx(fg.similarity(a, b, **method), rel=1e-12)


def test_distinct_solutions_are_joined_by_what_lies_between() -> None:
    # One component that turns by 0.4 rad a step: neighbours are alike, the ends are not.
    def turned(angle: float) -> fg.TCA:
        return tca_of([np.array([[np.cos(angle)], [np.sin(angle)]]), np.ones((3, 1))])

    steps = [turned(0.4 * step) for step in range(4)]
    assert fg.similarity(steps[0], steps[1]) > 0.95 > fg.similarity(steps[0], steps[2])
    far = turned(np.pi / 2 + 0.6)
    assert fg.similarity(steps[3], far) < 0.95
    chain = [steps[0], far, steps[3], steps[2], steps[1]]
    assert fg.analysis.distinct_solutions(chain).tolist() == [0, 1, 0, 0, 0]
    assert fg.analysis.distinct_solutions(chain[:4]).tolist() == [0, 1, 2, 2]
    assert fg.analysis.distinct_solutions(chain, threshold=1.0).tolist() == [0, 1, 2, 3, 4]
    assert fg.analysis.distinct_solutions(chain, threshold=0.0).tolist() == [0] * 5
    assert fg.analysis.distinct_solutions([]).size == 0


def test_fits_of_planted_components_recover_one_solution() -> None:
    recording = fg.datasets.make_tca((15, 12, 10), 3, noise=0.1, seed=1)
    models = [fg.TCA(3, init="random", random_state=seed).fit(recording) for seed in range(4)]
    assert fg.analysis.distinct_solutions(models, threshold=0.999).tolist() == [0, 0, 0, 0]
    smaller = fg.TCA(2, random_state=0).fit(recording)
    assert len(set(fg.analysis.distinct_solutions([*models, smaller], threshold=0.999))) == 2
    slices = fg.datasets.make_slicetca((15, 12, 10), (1, 2, 0), noise=0.1, seed=1)
    pair = [fg.SliceTCA((1, 2, 0), init="random", random_state=seed).fit(slices) for seed in range(2)]
    assert fg.similarity(*pair) > 0.999


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((random_tca(0, SHAPE, 2), random_slicetca(0, SHAPE, (1, 1, 1))), {}, TypeError, "pass two of one kind"),
        ((random_tca(0, SHAPE, 2), "model"), {}, TypeError, "b is a str"),
        ((random_tca(0, SHAPE, 2), fg.TCA(2)), {}, AttributeError, "not fitted yet"),
        ((random_tca(0, SHAPE, 2), random_tca(0, (9, 7), 2)), {}, ValueError, "3 and 2 axes"),
        ((random_tca(0, SHAPE, 2), random_tca(0, (9, 6, 8), 2)), {}, ValueError, "along axis 1.*axes="),
        ((random_tca(0, SHAPE, 2),) * 2, {"method": "cosine"}, ValueError, "method is 'cosine'"),
        ((random_tca(0, SHAPE, 2),) * 2, {"weights": True}, ValueError, "knows no weights"),
        ((random_tca(0, SHAPE, 2),) * 2, {"weights": 1}, TypeError, "weights is 1"),
        ((random_tca(0, SHAPE, 2),) * 2, {"axes": 3}, ValueError, "axes holds 3, expected 0 to 2 or one of trial"),
        ((random_tca(0, SHAPE, 2),) * 2, {"axes": "day"}, ValueError, "axes holds 'day'"),
        ((random_tca(0, SHAPE, 2),) * 2, {"axes": ()}, ValueError, "axes is empty"),
    ],
)
def test_refusals(arguments: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    for function in (fg.similarity, fg.align):
        with pytest.raises(error, match=message):
            function(*arguments, **options)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_thresholds_out_of_range_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        fg.analysis.distinct_solutions([random_tca(0, SHAPE, 2)], threshold=threshold)


def test_align_leaves_the_place_of_a_partner_that_died_to_what_is_left() -> None:
    b = random_tca(0, (9, 7, 8), 3)
    order = [2, 1, 0]
    weights = b.weights_[order].copy()
    weights[1] = 0.0
    a = tca_of([factor[:, order] for factor in b.factors_], weights)
    aligned = fg.align(a, b)
    np.testing.assert_array_equal(aligned.weights_, [b.weights_[0], 0.0, b.weights_[2]])
    np.testing.assert_array_equal(aligned.factors_[0], b.factors_[0])
    np.testing.assert_allclose(aligned.reconstruct(), a.reconstruct())


@each_model
def test_the_figure_lays_matched_components_over_one_another(make: Any) -> None:
    model = make(0)
    same = disguised(model, 1)
    figure = fg.plot.similarity(same, model, names=("turned", "kept"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["turned", "kept"]
    assert figure.get_suptitle() == "similarity 1.000"
    drawn = [[line.get_ydata() for line in ax.lines if line.get_label()[0] != "_"] for ax in figure.axes]
    overlaid = [vectors for vectors in drawn if vectors]
    for one, other in overlaid:
        np.testing.assert_allclose(one, other, atol=1e-12)
    slices = [ax.images[0].get_array() for ax in figure.axes if ax.images]
    for one, other in zip(slices[::2], slices[1::2], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    n_pairs = model.weights_.size if isinstance(model, fg.TCA) else 7
    n_vectors = len(model.factors_) if isinstance(model, fg.TCA) else 1
    assert len(overlaid) == n_pairs * n_vectors
    assert len(slices) == (0 if isinstance(model, fg.TCA) else 2 * n_pairs)


def test_the_figure_leaves_out_components_without_a_partner() -> None:
    # Of trial slices the first model has more, of neuron slices the second.
    large = random_slicetca(0, SHAPE, (3, 2, 1))
    one = slicetca_of(
        [x[:n] for x, n in zip(large.loadings_, (3, 1, 1), strict=True)],
        [x[:n] for x, n in zip(large.slices_, (3, 1, 1), strict=True)],
    )
    other = slicetca_of(
        [x[::-1][:n] for x, n in zip(large.loadings_, (1, 2, 1), strict=True)],
        [x[::-1][:n] for x, n in zip(large.slices_, (1, 2, 1), strict=True)],
    )
    own = matplotlib.figure.Figure()
    assert fg.plot.similarity(one, other, axes=own.subplots(3, 3)) is own
    labels = [ax.get_ylabel() for ax in own.axes[::3]]
    assert labels == ["trial 0\ncos 1.000", "neuron 0\ncos 1.000", "time 0\ncos 1.000"]


def test_figures_that_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        fg.plot.similarity(random_slicetca(0, SHAPE, (1, 0, 0)), random_slicetca(0, SHAPE, (0, 1, 2)))
    with pytest.raises(ValueError, match="two names"):
        fg.plot.similarity(random_tca(0, SHAPE, 1), random_tca(1, SHAPE, 1), names="ab")
