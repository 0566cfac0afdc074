"""Tasks that are shown images of digits: where the images come from, and what is to be drawn or named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial import tasks
from fastigial.tasks.images import Images, resized

IMAGE_TASKS = (tasks.SequentialDigits, tasks.OnlineLineDrawing, tasks.OnlineDigitDrawing)
each_task = pytest.mark.parametrize("kind", IMAGE_TASKS, ids=lambda kind: kind.__name__)
rng = np.random.default_rng(0)
OWN = rng.integers(0, 256, (60, 12, 12)).astype(np.uint8)
LABELS = np.arange(60) % 10


class TestResizing:
    def test_linear_images_stay_linear_within(self) -> None:
        rows, columns = np.meshgrid(np.arange(8) + 0.5, np.arange(8) + 0.5, indexing="ij")
        larger = resized((2 * rows - columns + 1)[None], 28)[0]
        rows, columns = np.meshgrid((np.arange(28) + 0.5) * 8 / 28, (np.arange(28) + 0.5) * 8 / 28, indexing="ij")
        inside = (slice(2, 26), slice(2, 26))
        np.testing.assert_allclose(larger[inside], (2 * rows - columns + 1)[inside], atol=1e-12)

    @pytest.mark.parametrize("n_rows", [2, 5, 8, 13, 28])
    def test_it_is_that_of_an_interpolation_pixel_by_pixel(self, n_rows: int) -> None:
        image = rng.random((1, 8, 8))
        found = resized(image, n_rows)[0]
        step = 8 / n_rows
        for r in range(n_rows):
            for c in range(n_rows):
                total = weight = 0.0
                for k in range(8):
                    for m in range(8):
                        near_row = max(0.0, 1 - abs((r + 0.5) * step - k - 0.5) / max(1.0, step))
                        near_column = max(0.0, 1 - abs((c + 0.5) * step - m - 0.5) / max(1.0, step))
                        total += near_row * near_column * image[0, k, m]
                        weight += near_row * near_column
                assert found[r, c] == pytest.approx(total / weight, rel=1e-12)

    def test_even_images_stay_even_and_none_leaves_its_range(self) -> None:
        np.testing.assert_allclose(resized(np.full((2, 9, 9), 0.3), 17), 0.3)
        image = rng.random((3, 8, 8))
        for n_rows in (3, 11, 28):
            assert resized(image, n_rows).min() >= image.min() and resized(image, n_rows).max() <= image.max()
        assert resized(image, 8) is image


class TestImages:
    @each_task
    def test_inputs_are_the_images_row_by_row(self, kind: type[Any]) -> None:
        from sklearn.datasets import load_digits

        digits = load_digits()
        trials = kind(n_rows=28).sample(40, seed=0)
        expected = resized(digits.images / 16, 28)[trials.info["image"]]
        np.testing.assert_allclose(trials.inputs, expected, rtol=1e-12)
        np.testing.assert_array_equal(trials.info["digit"], digits.target[trials.info["image"]])

    @each_task
    def test_own_images_are_shown_as_they_are(self, kind: type[Any]) -> None:
        whole = kind(images=OWN, labels=LABELS, split="all", n_rows=12).sample(60, seed=0)
        np.testing.assert_allclose(whole.inputs, OWN[whole.info["image"]] / 255)
        np.testing.assert_array_equal(whole.info["digit"], LABELS[whole.info["image"]])
        real = OWN.astype(np.float64) - 100
        np.testing.assert_allclose(
            kind(images=real.tolist(), labels=LABELS.tolist(), n_rows=12).sample(5, seed=1).inputs,
            (real[kind(images=real, labels=LABELS, n_rows=12).sample(5, seed=1).info["image"]]),
        )

    @each_task
    @pytest.mark.parametrize("own", [False, True])
    def test_no_test_image_is_among_those_to_train_on_whatever_the_seed(self, kind: type[Any], own: bool) -> None:
        given = {"images": OWN, "labels": LABELS} if own else {}
        seen = {}
        for split in ("train", "test", "all"):
            task = kind(split=split, test_fraction=0.3, **given)
            found = [set(task.sample(task.n_images, seed=seed).info["image"]) for seed in (0, 1)]
            assert found[0] == found[1] and len(found[0]) == task.n_images
            seen[split] = found[0]
        assert not seen["train"] & seen["test"]
        assert seen["train"] | seen["test"] == seen["all"] == set(range(60 if own else 1797))

    def test_the_three_tasks_share_one_split(self) -> None:
        parts = [set(kind(split="test").sample(359, seed=0).info["image"]) for kind in IMAGE_TASKS]
        assert parts[0] == parts[1] == parts[2]

    def test_a_split_that_images_came_with_is_kept(self) -> None:
        images = Images(OWN, LABELS, is_test=np.arange(60) >= 50)
        assert images.chosen("test", 0.2).tolist() == list(range(50, 60))
        assert images.chosen("train", 0.9).tolist() == list(range(50))

    def test_an_image_comes_again_only_when_all_have_come(self) -> None:
        task = tasks.OnlineLineDrawing(images=OWN, labels=LABELS)
        drawn = task.sample(3 * task.n_images, seed=0).info["image"]
        assert (np.bincount(drawn, minlength=60)[list(set(drawn))] == 3).all()

    def test_what_is_printed_of_own_images_is_their_shape(self) -> None:
        text = repr(tasks.OnlineLineDrawing(images=OWN, labels=LABELS))
        assert "images=array of (60, 12, 12), labels=array of (60,)" in text

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"images": "mnist"}, "images must be 'digits' or 'pendigits', got 'mnist'"),
            ({"images": OWN}, "labels must be a digit for each of the 60 images, got None"),
            ({"images": OWN, "labels": LABELS[:9]}, r"labels must be .* got an array \(9,\) of int64"),
            ({"images": OWN, "labels": LABELS + 1}, "labels must lie from 0 to 9, got 1 to 10"),
            ({"images": OWN, "labels": LABELS / 2}, "labels must be a digit"),
            ({"images": OWN[:, :3], "labels": LABELS}, r"images must be .* got an array \(60, 3, 12\) of uint8"),
            ({"images": OWN[0], "labels": LABELS[:12]}, "images must be"),
            ({"images": OWN[:0], "labels": LABELS[:0]}, "images must be"),
            ({"images": np.full((3, 2, 2), np.nan), "labels": [0, 1, 2]}, "images must be finite"),
            ({"images": OWN[:2], "labels": [1, 2], "split": "test"}, "images must be enough for split='test'"),
            ({"labels": LABELS}, "labels must be None with images='digits', which has its own"),
            ({"n_rows": 1}, "n_rows must be at least 2, got 1"),
            ({"n_rows": 2000}, "n_rows must be at most 1024, got 2000"),
            ({"split": "validation"}, "split must be 'train' or 'test' or 'all'"),
        ],
    )
    def test_images_that_make_no_sense_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        for kind in IMAGE_TASKS:
            with pytest.raises(ValueError, match=message):
                kind(**arguments)


class TestOnlineLineDrawing:
    def test_lines_are_straight_and_end_on_ten_points_of_the_circle(self) -> None:
        task = tasks.OnlineLineDrawing()
        trials = task.sample(50, seed=0)
        np.testing.assert_array_equal(trials.targets[:, 0], 0.0)
        for k in range(50):
            angle = 2 * np.pi * trials.info["digit"][k] / 10
            end = 10 * np.array([np.sin(angle), np.cos(angle)])
            for t in range(28):
                np.testing.assert_allclose(trials.targets[k, t], t / 27 * end, atol=1e-12)
        gaps = np.linalg.norm(np.diff(np.vstack([task.end_points, task.end_points[:1]]), axis=0), axis=1)
        np.testing.assert_allclose(gaps, 20 * np.sin(np.pi / 10))

    def test_the_teacher_comes_every_fourth_step_and_targets_are_known_at_all(self) -> None:
        trials = tasks.OnlineLineDrawing().sample(3, seed=0)
        assert np.flatnonzero(trials.mask[1]).tolist() == [0, 4, 8, 12, 16, 20, 24]
        assert np.isfinite(trials.targets).all()
        rare = tasks.OnlineLineDrawing(teacher_every=30, radius=2.0).sample(3, seed=0)
        assert np.flatnonzero(rare.mask[0]).tolist() == [0]
        np.testing.assert_allclose(np.linalg.norm(rare.targets[:, -1], axis=1), 2.0)

    def test_the_nearest_end_is_the_answer(self) -> None:
        task = tasks.OnlineLineDrawing()
        trials = task.sample(40, seed=0)
        np.testing.assert_array_equal(task.accuracy(0.2 * trials.targets, trials), 1.0)
        other = task.end_points[(trials.info["digit"] + 1) % 10]
        np.testing.assert_array_equal(task.accuracy(np.tile(other[:, None], (1, 28, 1)), trials), 0.0)


class TestOnlineDigitDrawing:
    def test_templates_run_through_their_way_points_with_equal_steps_per_segment(self) -> None:
        task = tasks.OnlineDigitDrawing(n_rows=61)
        for digit, path in enumerate(task.templates):
            points = task.way_points(digit)
            n_segments = len(points) - 1
            np.testing.assert_allclose(path[:: 60 // n_segments], points, atol=1e-12)
            for segment in range(n_segments):
                steps = np.diff(path[60 // n_segments * segment : 60 // n_segments * (segment + 1) + 1], axis=0)
                np.testing.assert_allclose(steps, np.tile(steps[0], (len(steps), 1)), atol=1e-12)

    def test_templates_are_ten_different_ones_on_the_grid_of_the_unit_box(self) -> None:
        task = tasks.OnlineDigitDrawing()
        for digit in range(10):
            points = task.way_points(digit)
            assert np.isin(points, [0, 0.5, 1]).all()
            assert points[:, 1].min() == 0 and points[:, 1].max() == 1
            assert (np.abs(np.diff(points, axis=0)).sum(axis=1) > 0).all()
        apart = np.linalg.norm(task.templates[:, None] - task.templates[None], axis=3).mean(axis=2)
        assert (apart + np.eye(10)).min() > 0.2

    def test_targets_are_the_digits_template(self) -> None:
        task = tasks.OnlineDigitDrawing()
        trials = task.sample(40, seed=0)
        for k, digit in enumerate(trials.info["digit"]):
            points = task.way_points(digit)
            for t in range(28):
                along = t / 27 * (len(points) - 1)
                first = min(int(along), len(points) - 2)
                expected = points[first] + (along - first) * (points[first + 1] - points[first])
                np.testing.assert_allclose(trials.targets[k, t], expected, atol=1e-12)
        assert np.flatnonzero(trials.mask[0]).tolist() == [0, 4, 8, 12, 16, 20, 24]

    def test_the_nearest_template_is_the_answer(self) -> None:
        task = tasks.OnlineDigitDrawing()
        trials = task.sample(40, seed=0)
        np.testing.assert_array_equal(task.accuracy(trials.targets + 0.05, trials), 1.0)
        np.testing.assert_array_equal(task.accuracy(task.templates[(trials.info["digit"] + 3) % 10], trials), 0.0)

    @pytest.mark.parametrize("digit", [-1, 10, 2.0, None])
    def test_there_are_no_other_digits(self, digit: Any) -> None:
        with pytest.raises((TypeError, ValueError), match="digit must be"):
            tasks.OnlineDigitDrawing.way_points(digit)


def test_drawings_are_drawn_as_paths() -> None:
    for kind in (tasks.OnlineLineDrawing, tasks.OnlineDigitDrawing):
        assert fg.plot.paths(kind().sample(10, seed=0), condition="digit").axes
