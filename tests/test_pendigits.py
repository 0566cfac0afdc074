"""Digits written with a pen: the format of their files, resampling, images, and the tasks that use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fastigial import datasets, tasks
from fastigial.datasets.pen_rendering import render
from fastigial.datasets.pen_resampling import resample
from fastigial.datasets.registry import PENDIGITS
from fastigial.datasets.unipen import parse_unipen

needs_files = pytest.mark.skipif(
    not (Path(datasets.data_folder() or "-") / PENDIGITS.folder).is_dir(),
    reason=f"needs FASTIGIAL_DATA with {PENDIGITS.folder}",
)

HEAD = '.INCLUDE dene.doc\n\n.LEXICON "0" "1"\n.HIERARCHY DIGIT\n\n'
FOUR = '.SEGMENT DIGIT    0 ? "4"\n.COMMENT 4  7  31\n'
FOUR += ".PEN_DOWN\n 10  90\n 10  50\n 60  50\n.PEN_UP\n.DT 100\n.PEN_DOWN\n 50  70\n 50  10\n.PEN_UP\n.DT 100\n\n"
ONE = '.SEGMENT DIGIT    1 ? "1"\n.COMMENT 1 12 32\n.PEN_DOWN\n 5 5\n.PEN_UP\n.DT 100\n'


class TestFormat:
    def test_strokes_labels_and_writers_are_read(self) -> None:
        strokes, labels, writers = parse_unipen(HEAD + FOUR + ONE, "toy")
        assert labels.tolist() == [4, 1] and writers.tolist() == [7, 12]
        assert [[stroke.tolist() for stroke in digit] for digit in strokes] == [
            [[[10, 90], [10, 50], [60, 50]], [[50, 70], [50, 10]]],
            [[[5, 5]]],
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "toy must hold digits in the UNIPEN format, got a file without .SEGMENT"),
            (HEAD, r"a file without \.SEGMENT"),
            (FOUR + ONE.replace('"1"', '"x"'), r"toy, digit 1: expected \.SEGMENT DIGIT with a label such as"),
            (FOUR.replace("DIGIT ", "WORD "), "toy, digit 0: expected .SEGMENT DIGIT"),
            (FOUR.replace("4  7  31", "4"), r"toy, digit 0: expected \.COMMENT with the digit, the writer"),
            (FOUR[: FOUR.index(".PEN_DOWN")], r"toy, digit 0: expected at least one \.PEN_DOWN, got none"),
            (FOUR[: FOUR.index(" 60")], r"toy, digit 0: expected \.PEN_UP after each \.PEN_DOWN: the file may be cut"),
            (FOUR.replace("60  50", "60"), "toy, digit 0: expected x and y in each line of a stroke"),
            (FOUR.replace("60  50", "60  y"), "toy, digit 0: expected x and y"),
            (FOUR.replace("60  50", "60  nan"), "toy, digit 0: expected x and y"),
            (ONE.replace(" 5 5\n", ""), "toy, digit 0: expected x and y"),
        ],
    )
    def test_files_that_are_no_such_files_are_refused(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            parse_unipen(text, "toy")


class TestResampling:
    CROSS = (np.array([[0.0, 0.0], [30.0, 40.0]]), np.array([[30.0, 0.0], [0.0, 40.0]]))

    def test_points_along_the_path_are_equally_far_apart(self) -> None:
        turns = (np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 20.0], [-5.0, 20.0]]),)
        points = resample(turns, 46, by_length=True)
        np.testing.assert_allclose(np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1), 2 / 20, atol=1e-12)
        assert points[:, 2].all()

    def test_points_in_time_are_those_of_the_tablet(self) -> None:
        stroke = np.random.default_rng(0).random((17, 2))
        points = resample((stroke,), 17, by_length=False)
        low, high = stroke.min(axis=0), stroke.max(axis=0)
        np.testing.assert_allclose(points[:, :2], (stroke - (low + high) / 2) / (high - low).max() * 2, atol=1e-12)

    def test_the_longer_side_reaches_from_minus_one_to_one(self) -> None:
        points = resample(self.CROSS, 11, by_length=True)[:, :2]
        np.testing.assert_allclose([points[:, 1].min(), points[:, 1].max()], [-1, 1])
        np.testing.assert_allclose([points[:, 0].min(), points[:, 0].max()], [-0.75, 0.75])

    def test_the_pen_is_up_between_strokes(self) -> None:
        # 50 units of ink, 40 through the air, 50 of ink; one point every 10 units.
        pen = resample(self.CROSS, 15, by_length=True)[:, 2]
        assert pen.tolist() == [1.0] * 6 + [0.0] * 4 + [1.0] * 5
        assert resample(self.CROSS, 4, by_length=False)[:, 2].tolist() == [1.0, 1.0, 0.0, 1.0]

    def test_a_dot_is_a_place(self) -> None:
        for by_length in (True, False):
            np.testing.assert_array_equal(resample((np.array([[3.0, 4.0]]),), 5, by_length), [[0, 0, 1]] * 5)


def slowly_rendered(lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ink of lines (n_lines, 2, 2), x and y in pixels from the top left, pixel by pixel."""
    image = np.zeros((28, 28))
    for row in range(28):
        for column in range(28):
            here = np.array([column + 0.5, row + 0.5])
            for start, end in lines:
                way = end - start
                part = np.clip((here - start) @ way / max(way @ way, 1e-12), 0, 1)
                image[row, column] = max(image[row, column], min(1, 1.5 - np.linalg.norm(here - start - part * way)))
    return image


class TestImages:
    def test_ink_is_a_matter_of_the_distance_from_the_line(self) -> None:
        strokes = (np.array([[0.0, 300.0], [120.0, 310.0], [10.0, 0.0]]), np.array([[60.0, 150.0], [150.0, 140.0]]))
        [image] = render([strokes])
        lines = np.array([[strokes[0][0], strokes[0][1]], [strokes[0][1], strokes[0][2]], strokes[1]]) * (1, -1)
        lines *= 18 / 310
        lengths = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1)
        lines += 14 - (lengths[:, None] * lines.mean(axis=1)).sum(axis=0) / lengths.sum()
        np.testing.assert_allclose(image, slowly_rendered(lines), atol=1e-5)

    def test_up_is_up_and_the_box_is_twenty_pixels(self) -> None:
        [image] = render([(np.array([[0.0, 0.0], [0.0, 100.0], [80.0, 100.0], [0.0, 100.0], [0.0, 0.0]]),)])
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert rows[-1] - rows[0] + 1 in (20, 21, 22)
        assert image[rows[:3]].sum() > 2 * image[rows[-3:]].sum()
        assert columns[0] < 14 < columns[-1]

    def test_images_do_not_depend_on_place_scale_or_company(self) -> None:
        rng = np.random.default_rng(1)
        digits = [tuple(rng.random((rng.integers(1, 12), 2)) for _ in range(rng.integers(1, 4))) for _ in range(1203)]
        together = render(digits)
        for k in (0, 499, 500, 1202):
            np.testing.assert_array_equal(render([digits[k]])[0], together[k])
            np.testing.assert_allclose(render([tuple(7 * s + 3 for s in digits[k])])[0], together[k], atol=1e-4)

    def test_ink_that_the_centre_of_mass_pushes_out_stays_within(self) -> None:
        heavy = np.array([[0.0, 0.0], *([1.0, 0.0], [0.0, 0.0]) * 100, [0.0, 30.0]])
        [image] = render([(heavy,)])
        assert image[0].sum() + image[-1].sum() < image.sum() / 20
        assert image[:4].any()

    def test_a_dot_is_drawn(self) -> None:
        [image] = render([(np.array([[9.0, 9.0]]),)])
        assert 0 < image.sum() < 9 and image[13:15, 13:15].all()


@pytest.mark.parametrize("split", ["both", None])
def test_other_splits_are_refused(split: str) -> None:
    with pytest.raises(ValueError, match=r"split is .* expected 'train', 'test' or 'all'"):
        datasets.load_pendigits(split)


def test_without_its_files_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTIGIAL_DATA", str(tmp_path))
    monkeypatch.setenv("FASTIGIAL_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"fetch_pendigits\(\).*FASTIGIAL_DATA"):
        datasets.load_pendigits()
    assert PENDIGITS.url("pendigits-orig.tes").endswith("/data/pendigits-test")


@needs_files
class TestFiles:
    def test_counts_are_those_that_the_donors_publish(self) -> None:
        everything = datasets.load_pendigits("all")
        train, test = ~everything.is_test, everything.is_test
        assert np.bincount(everything.labels[train]).tolist() == [780, 779, 780, 719, 780, 720, 720, 778, 719, 719]
        assert np.bincount(everything.labels[test]).tolist() == [363, 364, 364, 336, 364, 335, 336, 364, 336, 336]
        assert len(set(everything.writers[train])) == 30 and len(set(everything.writers[test])) == 14
        assert not set(everything.writers[train]) & set(everything.writers[test])
        assert repr(everything) == "<PenDigits: 10992 digits by 44 writers>"
        assert "CC BY" in everything.attrs["licence"]

    def test_strokes_are_those_of_the_file(self) -> None:
        train = datasets.load_pendigits("train")
        assert train.strokes[0][0][:3].tolist() == [[267, 333], [267, 336], [267, 339]]
        assert (train.labels[0], train.writers[0]) == (8, 12)
        assert sum(len(strokes) for strokes in train.strokes) == 9433
        n_points = [sum(map(len, strokes)) for strokes in datasets.load_pendigits("all").strokes]
        assert min(n_points) == 9 and max(n_points) == 231

    def test_eight_points_are_those_of_a_nearest_neighbour_that_the_donors_publish(self) -> None:
        """They give 97.74 % for k = 1, with their own resampling of 8 points, of each axis from 0 to 100."""
        train, test = datasets.load_pendigits("train"), datasets.load_pendigits("test")
        a, b = (part.resampled(8)[:, :, :2].reshape(len(part), -1) for part in (train, test))
        b, labels = b[::4], test.labels[::4]
        nearest = ((b**2).sum(axis=1)[:, None] - 2 * b @ a.T + (a**2).sum(axis=1)).argmin(axis=1)
        assert np.mean(train.labels[nearest] == labels) > 0.96

    def test_images_hold_ink_where_those_of_mnist_do(self) -> None:
        images = datasets.load_pendigits("test").to_images()
        assert images.shape == (3498, 28, 28) and images.dtype == np.float32
        assert images.min() == 0 and images.max() == 1
        edge = np.ones((28, 28), dtype=bool)
        edge[3:-3, 3:-3] = False
        assert images[:, edge].sum() < 0.02 * images.sum()
        rows = (images.sum(axis=2) * (np.arange(28) + 0.5)).sum(axis=1) / images.sum(axis=(1, 2))
        np.testing.assert_allclose(rows, 14, atol=1.5)

    @pytest.mark.parametrize("inputs", ["places", "steps"])
    def test_the_task_shows_the_path_and_asks_for_the_digit_at_the_end(self, inputs: str) -> None:
        data = datasets.load_pendigits("test")
        task = tasks.PenStrokes(split="test", inputs=inputs, n_points=20, by="time")
        trials = task.sample(30, seed=0)
        points = data.resampled(20, by="time")[trials.info["example"]]
        shown = np.cumsum(trials.inputs[:, :, :2], axis=1) + points[:, :1, :2] if inputs == "steps" else trials.inputs
        np.testing.assert_allclose(shown[:, :, :2], points[:, :, :2], atol=1e-12)
        np.testing.assert_array_equal(trials.inputs[:, :, 2], points[:, :, 2])
        np.testing.assert_array_equal(trials.info["digit"], data.labels[trials.info["example"]])
        np.testing.assert_array_equal(trials.info["writer"], data.writers[trials.info["example"]])
        assert trials.mask.tolist() == [[False] * 19 + [True]] * 30
        assert (trials.targets[:, -1].argmax(axis=1) == trials.info["digit"]).all()
        np.testing.assert_array_equal(task.accuracy(trials.targets, trials), 1.0)
        np.testing.assert_array_equal(task.sample(30, seed=0).inputs, trials.inputs)

    def test_writers_are_never_in_both_sets(self) -> None:
        train, test = tasks.PenStrokes(), tasks.PenStrokes(split="test")
        assert (train.n_digits, test.n_digits) == (7494, 3498)
        writers = [set(task.sample(2000, seed=0).info["writer"]) for task in (train, test)]
        assert not writers[0] & writers[1]

    def test_tasks_of_images_keep_the_split_of_the_writers(self) -> None:
        everything = datasets.load_pendigits("all")
        for split, n_images in (("train", 7494), ("test", 3498)):
            task = tasks.OnlineLineDrawing(images="pendigits", split=split)
            trials = task.sample(100, seed=0)
            assert task.n_images == n_images
            assert (everything.is_test[trials.info["image"]] == (split == "test")).all()
            np.testing.assert_array_equal(everything.labels[trials.info["image"]], trials.info["digit"])
            assert trials.inputs.shape == (100, 28, 28)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_points": 1}, "n_points must be at least 2, got 1"),
        ({"inputs": "speed"}, "inputs must be 'places' or 'steps', got 'speed'"),
        ({"by": "ink"}, "by must be 'length' or 'time', got 'ink'"),
        ({"split": "validation"}, "split must be 'train' or 'test' or 'all'"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tasks.PenStrokes(**arguments)  # type: ignore[arg-type]


def test_points_and_spacings_that_make_no_sense_are_refused() -> None:
    digits = datasets.PenDigits(((np.zeros((2, 2)),),), np.array([1]), np.array([1]))
    with pytest.raises(ValueError, match="n_points is 1, expected 2 to 10000"):
        digits.resampled(1)
    with pytest.raises(ValueError, match="by is 'ink', expected 'length' or 'time'"):
        digits.resampled(by="ink")
