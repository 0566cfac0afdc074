"""Figures: what is drawn is what the model holds, in the stated order, with shared and honest scales."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.common.models import random_slicetca, random_tca

import fastigial as fg
from fastigial import plot
from fastigial.plot.canvas import NotebookFigure
from fastigial.plot.colour import colour_scale, palette, trial_groups
from fastigial.plot.learning import running_median
from fastigial.plot.sorting import by_dominant_component

matplotlib.use("agg")

N_TRIALS, N_NEURONS, N_TIME = 24, 9, 15
TIME = np.linspace(-0.2, 0.5, N_TIME)
CHOICE = np.array(["right", "left", "left"] * 8)
SPEED = np.random.default_rng(5).random(N_TRIALS)
NOISE = np.random.default_rng(6).normal(size=(12, 9, 10))
# Residuals over a thousandfold range, and some trial far beyond the others.
GROWTH = np.append(np.exp(0.5 * np.arange(11)), 1e5)[:, None, None]


class FakeTCA(SimpleNamespace):
    """The attributes of a fitted TCA, with known values."""

    def reconstruct(self) -> np.ndarray:
        return np.einsum("ir,jr,kr,r->ijk", *self.factors_, self.weights_)


class FakeSliceTCA(SimpleNamespace):
    """The attributes of a fitted SliceTCA, with known values."""


def coordinates() -> dict[str, tuple[str, np.ndarray]]:
    return {
        "time": ("time", TIME),
        "choice": ("trial", CHOICE),
        "speed": ("trial", SPEED),
        "depth": ("neuron", np.arange(N_NEURONS) * 20.0),
    }


def tca_model(
    n_components: int = 3,
    shape: tuple[int, ...] = (N_TRIALS, N_NEURONS, N_TIME),
    dims: tuple[str, ...] = ("trial", "neuron", "time"),
) -> FakeTCA:
    generator = np.random.default_rng(0)
    factors = [generator.normal(size=(size, n_components)) for size in shape]
    return FakeTCA(
        factors_=[factor / np.linalg.norm(factor, axis=0) for factor in factors],
        weights_=np.arange(n_components, 0, -1) * 10.0,
        dims_=dims,
        coords_=coordinates() if shape == (N_TRIALS, N_NEURONS, N_TIME) else {},
        loss_history_=1.0 / np.arange(1, 41),
        explained_variance_=0.75,
        n_components=n_components,
    )


def slice_model(ranks: tuple[int, int, int] = (2, 1, 2), nonnegative: bool = False) -> FakeSliceTCA:
    generator = np.random.default_rng(1)
    sizes = (N_TRIALS, N_NEURONS, N_TIME)
    pairs = ((N_NEURONS, N_TIME), (N_TRIALS, N_TIME), (N_TRIALS, N_NEURONS))
    loadings = [generator.normal(size=(rank, size)) for rank, size in zip(ranks, sizes, strict=True)]
    slices = [generator.normal(size=(rank, *pair)) for rank, pair in zip(ranks, pairs, strict=True)]
    if nonnegative:
        loadings, slices = [np.abs(array) for array in loadings], [np.abs(array) for array in slices]
    return FakeSliceTCA(
        loadings_=loadings,
        slices_=slices,
        dims_=("trial", "neuron", "time"),
        coords_=coordinates(),
        loss_history_=np.linspace(2.0, 1.0, 30),
        explained_variance_=0.5,
        n_components=ranks,
        restart_losses_=np.array([1.0, 1.1, 1.0]),
    )


def images(figure: Figure) -> list[Any]:
    """Heat maps in drawing order, without colour bars."""
    return [ax.images[0] for ax in figure.axes if ax.images]


def points(ax: Any) -> np.ndarray:
    return np.asarray(ax.collections[0].get_offsets())


def bar_heights(ax: Any) -> np.ndarray:
    return np.array([patch.get_height() for patch in ax.patches])


def curves(ax: Any, label: str) -> list[Any]:
    return [line for line in ax.lines if line.get_label() == label]


EVERY_FIGURE: dict[str, Callable[[], Figure]] = {
    "tca": lambda: plot.tca(tca_model(), condition="choice"),
    "tca, one component": lambda: plot.tca(tca_model(1), condition="speed"),
    "tca, twelve components": lambda: plot.tca(tca_model(12)),
    "tca, two modes": lambda: plot.tca(tca_model(2, (9, 15), ("neuron", "time"))),
    "tca, four modes": lambda: plot.tca(tca_model(2, (7, 5, 6, 4), ("trial", "neuron", "time", "session"))),
    "tca, many": lambda: plot.tca(tca_model(2, (1266, 300, 20), ("trial", "neuron", "time"))),
    "slicetca": lambda: plot.slicetca(slice_model(), condition="choice", sort_trials=True),
    "slicetca, two types": lambda: plot.slicetca(slice_model((4, 0, 1)), condition="speed"),
    "slicetca, one type": lambda: plot.slicetca(slice_model((0, 2, 0)), sort_trials="speed"),
    "loss": lambda: plot.loss([tca_model(), slice_model()]),
    "reconstruction, means": lambda: plot.reconstruction(noisy(), tca_model(), condition="choice"),
    "reconstruction, trials": lambda: plot.reconstruction(noisy(), tca_model()),
    "trial factors": lambda: plot.trial_factors(tca_model(), condition="choice"),
    "trial factors, scale": lambda: plot.trial_factors(slice_model(), against="speed", condition="speed"),
    "degeneracy": lambda: fg.analysis.degeneracy(random_tca(0, (12, 9, 10), 4)).plot(),
    "degeneracy, slices": lambda: fg.analysis.degeneracy(random_slicetca(0, (12, 9, 10), (2, 1, 2))).plot(),
    "variance": lambda: fg.analysis.component_variance(random_tca(0, (12, 9, 10), 3), NOISE).plot(),
    "variance, forty": lambda: fg.analysis.component_variance(random_tca(0, (12, 9, 10), 40), NOISE).plot(),
    "variance, slices": lambda: fg.analysis.component_variance(
        random_slicetca(0, (12, 9, 10), (1, 2, 6)), NOISE
    ).plot(),
    "core consistency": lambda: plot.core_consistency(random_tca(0, (12, 9, 10), 3), NOISE),
    "influence": lambda: fg.analysis.influence(random_tca(0, (12, 9, 10), 3), NOISE * GROWTH).plot(),
    "influence, four modes": lambda: fg.analysis.influence(
        random_tca(0, (5, 4, 3, 6), 2), np.ones((5, 4, 3, 6))
    ).plot(),
    "permutation": lambda: permuted(5).plot(),
    "permutation, one, all orders": lambda: permuted(1, n_trials=6, correction="holm").plot(),
    "replicability": lambda: fg.analysis.split_half(fg.TCA(12, tol=1e-2), NOISE, n_splits=2).plot(),
    "replicability, slices": lambda: fg.analysis.split_half(
        fg.SliceTCA((1, 2, 1), n_init=1), NOISE, n_splits=2, method="factor_match"
    ).plot(),
    "bands": lambda: resampled(fg.TCA(3), NOISE).plot(),
    "bands, one component": lambda: resampled(fg.TCA(1), NOISE).plot(),
    "bands, two modes": lambda: resampled(fg.TCA(2), NOISE[0]).plot(),
    "bands, slices": lambda: resampled(fg.SliceTCA((1, 2, 1), n_init=1), NOISE).plot(),
    "bands, one slice type": lambda: resampled(fg.SliceTCA((0, 1, 0), n_init=1), NOISE).plot(),
    "rank search": lambda: plot.rank_search(searched(fg.TCA(1), 4)),
    "rank search, one": lambda: plot.rank_search(searched(fg.TCA(1), [7])),
    "rank search, triples": lambda: plot.rank_search(
        searched(fg.SliceTCA((1, 1, 1)), [(1, 0, 0), (1, 1, 0), (2, 1, 1)])
    ),
    "rank search, grid": lambda: plot.rank_search(searched(fg.SliceTCA((1, 1, 1)), (1, 1, 1))),
    "rank search, flat grid": lambda: plot.rank_search(searched(fg.SliceTCA((1, 1, 1)), (2, 0, 1))),
    "similarity": lambda: plot.similarity(random_tca(0, (12, 9, 10), 3), random_tca(1, (12, 9, 10), 3)),
    "similarity, slices": lambda: plot.similarity(*(random_slicetca(seed, (12, 9, 10), (2, 1, 3)) for seed in (0, 1))),
}


def searched(estimator: Any, ranks: Any) -> fg.RankSearch:
    """A search in which training means little: losses span orders of magnitude."""
    return fg.RankSearch(estimator.set_params(tol=1e-3), ranks, n_splits=2, random_state=0).fit(NOISE**3)


def permuted(n_components: int, n_trials: int = 12, **options: Any) -> fg.analysis.PermutationTest:
    """A test of random trial factors."""
    model = random_tca(0, (n_trials, 3, 4), n_components)
    return fg.analysis.permutation_test(model, np.arange(n_trials), n_permutations=1000, random_state=0, **options)


def resampled(estimator: Any, X: np.ndarray) -> fg.analysis.Bootstrap:
    """Bands that are good for nothing but to be drawn."""
    return fg.analysis.bootstrap(estimator.set_params(tol=1e-3), X, n_resamples=3, random_state=0)


def noisy() -> np.ndarray:
    """The model's data with noise, and entries that were not observed."""
    data = tca_model().reconstruct() + np.random.default_rng(2).normal(size=(N_TRIALS, N_NEURONS, N_TIME))
    data[:5, :, 10:] = np.nan
    data[:, :, 0] = np.nan
    return data


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_every_figure_is_readable_and_leaves_settings_alone(name: str) -> None:
    before = dict(matplotlib.rcParams)
    figure = EVERY_FIGURE[name]()
    figure.draw_without_rendering()
    assert dict(matplotlib.rcParams) == before
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    for index, first in enumerate(boxes):
        assert first.x0 >= -1 and first.x1 <= figure.bbox.width + 1
        assert first.y0 >= -1 and first.y1 <= figure.bbox.height + 1
        for second in boxes[:index]:
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            high = min(first.y1, second.y1) - max(first.y0, second.y0)
            # Labels of neighbouring panels, with their empty margins, may touch by a hair.
            assert wide <= 4 or high <= 4, f"panel {index} overlaps another by {wide:.0f} × {high:.0f} pixels"


def test_importing_the_room_does_not_import_matplotlib() -> None:
    code = "import sys, fastigial.plot; print('matplotlib' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_figures_are_not_held_by_pyplot_and_show_themselves_in_a_notebook() -> None:
    import matplotlib.pyplot as plt

    figure = plot.loss(tca_model())
    assert plt.get_fignums() == []
    assert isinstance(figure, NotebookFigure)
    assert figure._repr_png_().startswith(b"\x89PNG")


class TestTCA:
    def test_rows_are_components_and_columns_are_modes(self) -> None:
        figure = plot.tca(tca_model(3))
        assert len(figure.axes) == 9
        assert [ax.get_title() for ax in figure.axes[:3]] == ["trial", "neuron", "time"]
        assert [ax.get_title() for ax in figure.axes[3:]] == [""] * 6
        assert figure.axes[8].get_xlabel() == "time (s)"
        assert figure.axes[7].get_xlabel() == "neuron\n(sorted by strongest component)"
        assert figure.axes[2].get_xlabel() == ""

    def test_draws_the_factors_in_the_stated_order(self) -> None:
        model = tca_model(3)
        figure = plot.tca(model)
        order = by_dominant_component(model.factors_[1]).indices
        for row in range(3):
            trial, neuron, time = figure.axes[3 * row : 3 * row + 3]
            np.testing.assert_array_equal(points(trial)[:, 1], model.factors_[0][:, row])
            np.testing.assert_allclose(bar_heights(neuron), model.factors_[1][order, row])
            np.testing.assert_array_equal(time.lines[0].get_xdata(), TIME)
            np.testing.assert_array_equal(time.lines[0].get_ydata(), model.factors_[2][:, row])

    def test_dominant_order_is_a_permutation_with_descending_strength_in_each_group(self) -> None:
        factor = tca_model(3).factors_[1]
        order = by_dominant_component(factor).indices
        assert sorted(order) == list(range(N_NEURONS))
        size = np.abs(factor[order])
        owner = size.argmax(axis=1)
        assert (np.diff(owner) >= 0).all()
        for component in range(3):
            assert (np.diff(size[owner == component, component]) <= 0).all()

    def test_neurons_can_keep_their_order_or_be_given_one(self) -> None:
        model = tca_model(2)
        kept = plot.tca(model, sort_neurons=False)
        np.testing.assert_allclose(bar_heights(kept.axes[1]), model.factors_[1][:, 0])
        assert kept.axes[4].get_xlabel() == "neuron"
        order = np.arange(N_NEURONS)[::-1]
        given = plot.tca(model, sort_neurons=order)
        np.testing.assert_allclose(bar_heights(given.axes[1]), model.factors_[1][::-1, 0])
        assert "given order" in given.axes[4].get_xlabel()

    def test_chosen_components_carry_their_number_weight_and_share(self) -> None:
        figure = plot.tca(tca_model(3), components=[2, 0])
        labels = [figure.axes[0].get_ylabel(), figure.axes[3].get_ylabel()]
        assert labels == ["component 2\nλ 10\n(17%)", "component 0\nλ 30\n(50%)"]

    def test_columns_share_limits_unless_told_otherwise(self) -> None:
        shared = plot.tca(tca_model(3))
        assert len({ax.get_ylim() for ax in shared.axes[1::3]}) == 1
        free = plot.tca(tca_model(3), share_y=False)
        assert len({ax.get_ylim() for ax in free.axes[1::3]}) == 3

    def test_categories_get_one_legend_and_their_colours(self) -> None:
        figure = plot.tca(tca_model(2), condition="choice")
        (legend,) = figure.legends
        assert legend.get_title().get_text() == "choice"
        assert [text.get_text() for text in legend.get_texts()] == ["left", "right"]
        drawn = figure.axes[0].collections[0].get_facecolors()[:, :3]
        left, right = (matplotlib.colors.to_rgb(colour) for colour in palette(2))
        expected = np.where((CHOICE == "left")[:, None], left, right)
        np.testing.assert_allclose(drawn, expected)

    def test_a_quantity_gets_one_colour_bar(self) -> None:
        figure = plot.tca(tca_model(2), condition="speed")
        assert len(figure.axes) == 7
        assert figure.axes[-1].get_xlabel() == "speed"
        assert not figure.legends

    def test_kinds_can_be_chosen_by_axis_or_by_position(self) -> None:
        by_name = plot.tca(tca_model(1), kinds={"trial": "bar"})
        assert len(by_name.axes[0].patches) == N_TRIALS
        by_position = plot.tca(tca_model(1), kinds=["line", "scatter", "bar"])
        assert len(by_position.axes[2].patches) == N_TIME
        assert len(points(by_position.axes[1])) == N_NEURONS

    def test_missing_conditions_and_factors_are_tolerated(self) -> None:
        model = tca_model(2)
        model.factors_[0][3] = np.nan
        model.factors_[1][2] = np.nan
        condition = np.array([None, "a", "b"] * 8, dtype=object)
        figure = plot.tca(model, condition=condition)
        figure.draw_without_rendering()
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "missing"]
        assert np.isfinite(figure.axes[0].get_ylim()).all()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"condition": [1, 2, 3]},
                r"condition must hold one value per trial: expected \(24,\), got \(3,\)",
            ),
            (
                {"condition": "mood"},
                "condition='mood' is not a coordinate of the trial axis.*'choice', 'speed'",
            ),
            ({"condition": "depth"}, "condition='depth' is not a coordinate of the trial axis"),
            ({"components": 3}, "components must lie between 0 and 2; got 3"),
            ({"components": [-1]}, "components must lie between 0 and 2; got -1"),
            ({"components": [0.5]}, "components must be integer indices"),
            ({"sort_neurons": [0, 0, 1]}, r"sort_neurons must be True, False or a permutation of 0 … 8"),
            ({"kinds": {"space": "bar"}}, "kinds names the axis 'space'"),
            ({"kinds": ["bar"]}, "kinds must hold one kind for each of the 3 modes"),
            ({"kinds": {"time": "pie"}}, "kinds must be .* got 'pie'"),
            ({"axes": []}, r"axes must hold 9 axes, in the shape \(3, 3\); got 0"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plot.tca(tca_model(), **arguments)

    def test_needs_a_fitted_model_and_a_trial_axis_for_conditions(self) -> None:
        with pytest.raises(ValueError, match=r"must be fitted.*SimpleNamespace has no factors_, weights_"):
            plot.tca(SimpleNamespace(dims_=(), coords_={}))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="condition needs a trial axis"):
            plot.tca(tca_model(1, (9, 15), ("neuron", "time")), condition=np.zeros(9))


class TestSliceTCA:
    def test_groups_have_headings_and_real_coordinates(self) -> None:
        figure = plot.slicetca(slice_model((2, 1, 2)))
        headings = [ax.get_title(loc="left") for ax in figure.axes]
        assert [heading for heading in headings if "-slicing" in heading and "sorted" not in heading] == [
            "trial-slicing",
            "neuron-slicing",
            "time-slicing",
        ]
        assert len(images(figure)) == 5
        left, right, bottom, top = images(figure)[0].get_extent()
        step = TIME[1] - TIME[0]
        np.testing.assert_allclose((left, right), (TIME[0] - step / 2, TIME[-1] + step / 2))
        assert (bottom, top) == (N_NEURONS - 0.5, -0.5)
        assert figure.axes[3].get_xlabel() == "time (s)"

    def test_draws_slices_and_loadings_in_the_stated_order(self) -> None:
        model = slice_model((2, 1, 0))
        trials, neurons = np.random.default_rng(3).permutation(N_TRIALS), np.arange(N_NEURONS)[::-1]
        figure = plot.slicetca(model, sort_trials=trials, sort_neurons=neurons)
        first, second, third = (image.get_array() for image in images(figure))
        np.testing.assert_array_equal(first, model.slices_[0][0][neurons])
        np.testing.assert_array_equal(second, model.slices_[0][1][neurons])
        np.testing.assert_array_equal(third, model.slices_[1][0][trials])
        np.testing.assert_array_equal(points(figure.axes[0])[:, 1], model.loadings_[0][0][trials])
        np.testing.assert_allclose(bar_heights(figure.axes[4]), model.loadings_[1][0][neurons])

    def test_neurons_follow_the_peak_of_the_strongest_component(self) -> None:
        model = slice_model((2, 0, 0))
        model.loadings_[0][1] *= 100
        figure = plot.slicetca(model)
        drawn = np.abs(images(figure)[1].get_array())
        assert (np.diff(drawn.argmax(axis=1)) >= 0).all()
        assert figure.axes[1].get_title(loc="left") == "neurons sorted by peak time in trial-slicing 1"

    def test_neurons_follow_loadings_without_trial_slicing(self) -> None:
        figure = plot.slicetca(slice_model((0, 1, 0)))
        assert (np.diff(bar_heights(figure.axes[0])) <= 0).all()
        assert "loading on neuron-slicing 0" in figure.axes[0].get_xlabel()

    def test_signed_slices_share_a_symmetric_scale_within_their_type(self) -> None:
        model = slice_model((2, 1, 2))
        limits = [image.get_clim() for image in images(plot.slicetca(model))]
        for kind, members in enumerate((limits[:2], limits[2:3], limits[3:])):
            largest = np.abs(model.slices_[kind]).max()
            assert set(members) == {(-largest, largest)}

    def test_non_negative_slices_start_at_zero(self) -> None:
        model = slice_model((1, 1, 1), nonnegative=True)
        for image, slices in zip(images(plot.slicetca(model)), model.slices_, strict=True):
            assert image.get_clim() == (0.0, slices.max())

    def test_each_type_has_one_colour_bar(self) -> None:
        figure = plot.slicetca(slice_model((2, 0, 1)))
        assert [ax.get_ylabel() for ax in figure.axes].count("slice") == 2

    def test_trials_sorted_by_condition_keep_their_colours_and_names(self) -> None:
        model = slice_model((1, 1, 0))
        figure = plot.slicetca(model, condition="choice", sort_trials=True)
        order = np.argsort(CHOICE, kind="stable")
        np.testing.assert_array_equal(points(figure.axes[0])[:, 1], model.loadings_[0][0][order])
        colours = figure.axes[0].collections[0].get_facecolors()
        assert (colours[:16] == colours[0]).all() and (colours[16:] == colours[-1]).all()
        heat = images(figure)[1].axes
        np.testing.assert_allclose(heat.get_yticks(), [7.5, 19.5])
        assert [text.get_text() for text in heat.get_yticklabels()] == ["left", "right"]
        assert len(figure.legends) == 1

    def test_uneven_time_is_drawn_with_cells_of_their_true_width(self) -> None:
        model = slice_model((1, 0, 0))
        uneven = TIME + 0.5 * (TIME - TIME[0]) ** 2
        model.coords_["time"] = ("time", uneven)
        figure = plot.slicetca(model, sort_neurons=False)
        mesh = figure.axes[1].collections[0]
        np.testing.assert_allclose(mesh.get_coordinates()[0, 1:-1, 0], (uneven[1:] + uneven[:-1]) / 2)
        np.testing.assert_array_equal(mesh.get_array(), model.slices_[0][0])

    def test_components_can_be_chosen_by_type(self) -> None:
        model = slice_model((2, 1, 2))
        figure = plot.slicetca(model, components={"trial": 1, "time": [0]}, sort_neurons=False)
        first, second = (image.get_array() for image in images(figure))
        np.testing.assert_array_equal(first, model.slices_[0][1])
        np.testing.assert_array_equal(second, model.slices_[2][0])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"components": {"trial": 2}}, r"components\['trial'\] must lie between 0 and 1; got 2"),
            ({"components": {"neuron": 0}}, "has no neuron-slicing component"),
            ({"components": {"space": 0}}, "components names 'space', but the slice types are"),
            ({"components": [0]}, "components must name slice types"),
            ({"condition": np.zeros(5)}, "condition must hold one value per trial"),
            ({"sort_trials": True}, "sort_trials=True sorts by condition, but condition is None"),
            ({"sort_trials": "mood"}, "sort_trials='mood' is not a coordinate of the trial axis"),
            ({"sort_trials": np.arange(5)}, "sort_trials must be True, False or a permutation of 0 … 23"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plot.slicetca(slice_model((2, 0, 1)), **arguments)


class TestLoss:
    def test_curves_are_the_histories_with_labels(self) -> None:
        models = {"small": tca_model(2), "large": slice_model()}
        (ax,) = plot.loss(models).axes
        for label, model in models.items():
            (line,) = curves(ax, label)
            np.testing.assert_array_equal(line.get_ydata(), model.loss_history_)
            assert line.get_xdata()[0] == 1
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["small", "large"]

    def test_the_scale_is_logarithmic_only_for_positive_losses_of_wide_range(self) -> None:
        assert plot.loss(tca_model()).axes[0].get_yscale() == "log"
        assert plot.loss(slice_model()).axes[0].get_yscale() == "linear"
        negative = tca_model()
        negative.loss_history_ = negative.loss_history_ - 0.5
        assert plot.loss(negative).axes[0].get_yscale() == "linear"
        with pytest.raises(ValueError, match='y_scale="log" needs positive losses'):
            plot.loss(negative, y_scale="log")

    def test_restarts_end_to_the_right_of_the_curve(self) -> None:
        model = slice_model()
        (ax,) = plot.loss(model).axes
        (ends,) = curves(ax, "_restarts")
        np.testing.assert_array_equal(ends.get_ydata(), model.restart_losses_)
        assert (np.asarray(ends.get_xdata()) > model.loss_history_.size).all()
        assert not curves(plot.loss(model, restarts=False).axes[0], "_restarts")

    def test_wrong_arguments_are_named(self) -> None:
        with pytest.raises(ValueError, match="models must hold at least one"):
            plot.loss([])
        with pytest.raises(ValueError, match="labels must hold one label for each of 1 models"):
            plot.loss(tca_model(), labels=["a", "b"])
        with pytest.raises(ValueError, match="has no loss_history_"):
            plot.loss(SimpleNamespace())
        with pytest.raises(ValueError, match="y_scale must be"):
            plot.loss(tca_model(), y_scale="cubic")  # type: ignore[arg-type]


class TestReconstruction:
    def test_means_are_over_the_observed_entries_of_each_condition(self) -> None:
        data, model = noisy(), tca_model()
        figure = plot.reconstruction(data, model, neurons=[4], condition="choice")
        shown, missed = figure.axes
        for group, level in enumerate(("left", "right")):
            seen = data[level == CHOICE, 4, 1:]
            estimate = np.where(np.isnan(seen), np.nan, model.reconstruct()[level == CHOICE, 4, 1:])
            mean, fitted = np.nanmean(seen, axis=0), np.nanmean(estimate, axis=0)
            np.testing.assert_allclose(curves(shown, "_data")[group].get_ydata()[1:], mean)
            np.testing.assert_allclose(curves(shown, "_reconstruction")[group].get_ydata()[1:], fitted)
            np.testing.assert_allclose(curves(missed, "_residual")[group].get_ydata()[1:], mean - fitted)
            assert np.isnan(curves(shown, "_data")[group].get_ydata()[0])
        assert len(figure.legends) == 1

    def test_heat_maps_mask_what_was_not_observed_and_share_a_scale(self) -> None:
        data, model = noisy(), tca_model()
        drawn, estimate, residual = images(plot.reconstruction(data, model, neurons=2))
        np.testing.assert_array_equal(np.ma.getmaskarray(drawn.get_array()), np.isnan(data[:, 2]))
        np.testing.assert_array_equal(np.ma.getmaskarray(residual.get_array()), np.isnan(data[:, 2]))
        np.testing.assert_array_equal(estimate.get_array(), model.reconstruct()[:, 2])
        np.testing.assert_allclose(residual.get_array().filled(0), np.nan_to_num((data - model.reconstruct())[:, 2]))
        assert drawn.get_clim() == estimate.get_clim()
        low, high = residual.get_clim()
        assert low == -high
        red, green, blue, _ = drawn.get_cmap()(np.ma.masked)
        assert red == green == blue and 0.5 < red < 0.9

    def test_trials_can_be_chosen_and_are_sorted_by_condition(self) -> None:
        data, model = noisy(), tca_model()
        figure = plot.reconstruction(data, model, neurons=1, trials=[3, 1, 2], condition="choice", kind="trials")
        estimate = images(figure)[1].get_array()
        np.testing.assert_array_equal(estimate, model.reconstruct()[[1, 2, 3], 1])

    def test_default_neurons_run_from_the_best_to_the_worst_explained(self) -> None:
        data, model = noisy(), tca_model()
        estimate = model.reconstruct()
        lost = np.nansum((data - estimate) ** 2, axis=(0, 2)) / np.nansum(data**2, axis=(0, 2))
        figure = plot.reconstruction(data, model)
        labels = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel().startswith("neuron")]
        assert len(labels) == 4
        assert labels[0].startswith(f"neuron {lost.argmin()}\n{1 - lost.min():.0%} explained")
        assert labels[-1].startswith(f"neuron {lost.argmax()}\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"condition": "speed"}, "condition must be categorical"),
            ({"condition": [1, 2]}, "condition must hold one value per trial"),
            ({"neurons": [9]}, "neurons must lie between 0 and 8; got 9"),
            ({"trials": []}, "trials must be integer indices, at least one"),
            ({"kind": "raster"}, 'kind must be "auto", "mean" or "trials"'),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            plot.reconstruction(noisy(), tca_model(), **arguments)

    def test_data_of_another_shape_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"X must have the shape of the reconstruction, \(24, 9, 15\); got"):
            plot.reconstruction(noisy()[:3], tca_model())


class TestTrialFactors:
    def test_draws_factors_against_behaviour(self) -> None:
        model = tca_model()
        figure = plot.trial_factors(model, against="speed", components=[1])
        np.testing.assert_array_equal(points(figure.axes[0]), np.stack([SPEED, model.factors_[0][:, 1]], axis=1))
        assert figure.axes[0].get_xlabel() == "speed"

    def test_draws_the_loadings_of_trial_slicing_components(self) -> None:
        model = slice_model((2, 1, 0))
        figure = plot.trial_factors(model)
        assert len(figure.axes) == 2
        np.testing.assert_array_equal(points(figure.axes[1])[:, 1], model.loadings_[0][1])

    def test_there_is_one_median_per_category_with_enough_trials(self) -> None:
        figure = plot.trial_factors(tca_model(), components=0, condition="choice", window=9)
        left, right = curves(figure.axes[0], "_median")
        assert (len(left.get_xdata()), len(right.get_xdata())) == (16 - 9 + 1, 0)

    def test_running_median_equals_the_median_of_each_window(self) -> None:
        generator = np.random.default_rng(4)
        x, values = generator.random(30), generator.normal(size=30)
        values[7] = np.nan
        order = [i for i in np.argsort(x) if i != 7]
        centres, medians = running_median(x, values, 5)
        expected = [np.median(values[order[i : i + 5]]) for i in range(25)]
        np.testing.assert_array_equal(medians, expected)
        np.testing.assert_array_equal(centres, x[order][2:-2])

    def test_wrong_arguments_are_named(self) -> None:
        with pytest.raises(ValueError, match="against must be numeric, but 'choice'"):
            plot.trial_factors(tca_model(), against="choice")
        with pytest.raises(ValueError, match="against='mood' is not a coordinate"):
            plot.trial_factors(tca_model(), against="mood")
        with pytest.raises(ValueError, match="window must be at least 3 trials; got 2"):
            plot.trial_factors(tca_model(), window=2)
        with pytest.raises(ValueError, match="no trial-slicing component"):
            plot.trial_factors(slice_model((0, 1, 1)))
        with pytest.raises(ValueError, match="model needs a trial axis"):
            plot.trial_factors(tca_model(1, (9, 15), ("neuron", "time")))


class TestGivenAxes:
    """Figures are drawn where the caller says, and nowhere else."""

    @pytest.mark.parametrize(
        ("shape", "draw"),
        [
            ((3, 3), lambda axes: plot.tca(tca_model(), axes=axes, condition="choice")),
            ((5, 2), lambda axes: plot.slicetca(slice_model(), axes=axes, condition="choice")),
            ((1, 1), lambda axes: plot.loss(slice_model(), axes=axes[0, 0])),
            ((2, 3), lambda axes: plot.reconstruction(noisy(), tca_model(), neurons=[0, 1], axes=axes)),
            ((3, 1), lambda axes: plot.trial_factors(tca_model(), axes=axes[:, 0], condition="choice")),
        ],
    )
    def test_axes_are_honoured_in_figures_and_subfigures(
        self, shape: tuple[int, int], draw: Callable[[Any], Figure]
    ) -> None:
        for nested in (False, True):
            figure = Figure(figsize=(9, 9), layout="constrained")
            parent = figure.subfigures(1, 2)[0] if nested else figure
            axes = parent.subplots(*shape, squeeze=False)
            assert draw(axes) is figure
            assert all(ax.has_data() for ax in axes.flat)
            assert not figure.legends and figure.get_suptitle() == ""
            figure.draw_without_rendering()


class TestColours:
    def test_few_numbers_are_categories_and_many_are_a_quantity(self) -> None:
        assert [group.label for group in trial_groups(np.array([3, 1, 1]))] == ["1", "3"]
        assert trial_groups(np.arange(30.0)) == ()

    def test_too_many_labels_are_refused(self) -> None:
        with pytest.raises(ValueError, match="condition has 25 different labels; at most 24"):
            trial_groups(np.array([f"label {i}" for i in range(25)]))

    @pytest.mark.parametrize("n_colours", [1, 6, 7, 9, 10, 24])
    def test_palettes_hold_distinct_colours(self, n_colours: int) -> None:
        assert len(set(palette(n_colours))) == n_colours

    def test_scales_of_constant_or_missing_values_are_not_empty(self) -> None:
        for values in (np.zeros(3), np.full(3, np.nan)):
            scale = colour_scale([values])
            assert scale.low < scale.high

    def test_a_clipped_scale_says_so(self) -> None:
        values = np.append(np.ones(999), 50.0)
        scale = colour_scale([values], percentile=99)
        assert (scale.high, scale.extend) == (1.0, "max")
