"""A small world of scenes, its grammar, and the task of saying what is to be seen."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial import tasks
from fastigial.tasks import scene_grammar as grammar
from fastigial.tasks import scenes as world


def parsed(text: str) -> dict[str, Any]:
    """Read a caption with a grammar of one's own."""
    article, colour = "(?:a|the)", f"({'|'.join(world.COLOURS)})"
    noun = f"{article} (?:(small|large) )?{colour} ({'|'.join(world.SHAPES)})"
    relation = "(above|below|left of|right of)"
    pattern = f"{noun} (?:is|sits|lies) (?:(just|far) )?{relation} {noun}(?: and {relation} {noun})?"
    match = re.fullmatch(pattern + "(?: (on the left|in the middle|on the right))?", text)
    assert match, text
    names = ("size", "colour", "shape", "distance", "relation", "size 1", "colour 1", "shape 1")
    names += ("relation 1", "size 2", "colour 2", "shape 2", "side")
    return dict(zip(names, match.groups(), strict=True))


class TestScenes:
    scenes = world.draw_scenes(3000, 0.4, np.random.default_rng(0))
    styles = grammar.draw_styles(scenes, np.random.default_rng(1))
    captions = grammar.say(scenes, styles)

    def test_objects_are_apart_and_can_be_told_apart(self) -> None:
        n_objects = self.scenes.n_objects
        assert set(n_objects) == {2, 3} and np.mean(n_objects == 3) == pytest.approx(0.4, abs=0.05)
        for k in range(300):
            n = n_objects[k]
            kinds = set(zip(self.scenes.shape[k, :n], self.scenes.colour[k, :n], strict=True))
            assert len(kinds) == len(set(self.scenes.cell[k, :n])) == n
            assert (self.scenes.cell[k, n:] == -1).all()
        for values, n_values in ((self.scenes.shape, 4), (self.scenes.colour, 5), (self.scenes.size, 2)):
            assert set(values[:, 0]) == set(range(n_values))

    def test_captions_are_true_of_their_scenes(self) -> None:
        for k, words in enumerate(self.captions):
            found = parsed(" ".join(words))
            assert ("relation 1" in found and found["relation 1"] is not None) == (self.scenes.n_objects[k] == 3)
            row, column = np.divmod(self.scenes.cell[k], 3)
            for place, suffix in enumerate(["", " 1", " 2"][: self.scenes.n_objects[k]]):
                assert found[f"colour{suffix}"] == world.COLOURS[self.scenes.colour[k, place]]
                assert found[f"shape{suffix}"] == world.SHAPES[self.scenes.shape[k, place]]
                assert found[f"size{suffix}"] in (None, world.SIZES[self.scenes.size[k, place]])
                if place:
                    right, down = column[place] - column[0], row[place] - row[0]
                    expected = (
                        ("above" if down > 0 else "below")
                        if abs(down) >= abs(right)
                        else ("left of" if right > 0 else "right of")
                    )
                    assert found["relation" if place == 1 else "relation 1"] == expected
            far = max(abs(column[1] - column[0]), abs(row[1] - row[0])) == 2
            assert found["distance"] in (None, "far" if far else "just")
            assert found["side"] in (None, ("on the left", "in the middle", "on the right")[column[0]])

    def test_captions_have_8_to_15_words_all_of_which_are_in_the_vocabulary(self) -> None:
        n_words = np.array([len(words) for words in self.captions])
        assert set(n_words) == set(range(8, 16))
        np.testing.assert_array_equal(grammar.n_words_of(self.scenes, self.styles), n_words)
        used = {word for words in self.captions for word in words}
        assert used == set(grammar.VOCABULARY.words[3:]) and len(grammar.VOCABULARY) == 30

    @pytest.mark.parametrize("third_object", [0.0, 1.0])
    def test_style_is_worth_the_logarithm_of_the_number_of_captions(self, third_object: float) -> None:
        """All captions of a scene, named in every order, are found by drawing often enough; and all as often."""
        rng = np.random.default_rng(2)
        scene = world.draw_scenes(1, third_object, rng)
        n_drawn, n = 4000, int(scene.n_objects[0])
        order = np.tile(np.arange(3), (n_drawn, 1))
        order[:, :n] = rng.permuted(order[:, :n], axis=1)
        many = world.Scenes(
            *(values[0][order] for values in (scene.shape, scene.colour, scene.size, scene.cell, scene.offset))
        )
        said, counts = np.unique(
            [" ".join(words) for words in grammar.say(many, grammar.draw_styles(many, rng))], return_counts=True
        )
        assert np.log2(len(said)) == pytest.approx(grammar.style_bits_of(scene)[0])
        assert ((counts - n_drawn / len(said)) ** 2).sum() / (n_drawn / len(said)) < 1.5 * len(said)

    def test_splits_share_no_scene_whatever_its_order_place_or_seed(self) -> None:
        splits = world.split_of(self.scenes)
        assert np.bincount(splits) / 3000 == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
        flipped = world.Scenes(
            *(
                np.concatenate([values[:, [1, 0]], values[:, 2:]], axis=1)
                for values in (self.scenes.shape, self.scenes.colour, self.scenes.size, self.scenes.cell)
            ),
            self.scenes.offset + 0.1,
        )
        np.testing.assert_array_equal(world.split_of(flipped), splits)

    def test_tasks_draw_from_their_split(self) -> None:
        kinds = {}
        for split in ("train", "validation", "test"):
            task = tasks.SceneCaptions(split=split, third_object=0.0, n_features=4)
            kinds[split] = {image.round(1).tobytes() for image in task.sample(400, seed=0).info["image"]}
            assert len(kinds[split]) > 390
        assert not kinds["train"] & kinds["test"]

    def test_images_are_drawn_right(self) -> None:
        images = world.render(self.scenes)
        assert images.min() >= 0 and images.max() <= 1 and images.dtype == np.float32
        row, column = np.divmod(np.arange(9), 3)
        for k in range(300):
            cells = images[k].reshape(3, 10, 3, 10, 3)
            ink = cells.sum(axis=(1, 3))[row, column]
            shown = np.flatnonzero(ink.sum(axis=1) > 1)
            n = self.scenes.n_objects[k]
            assert sorted(self.scenes.cell[k, :n]) == shown.tolist()
            for place in range(n):
                mean = ink[self.scenes.cell[k, place]]
                palette = world._PALETTE[self.scenes.colour[k, place]]
                np.testing.assert_allclose(mean / mean.max(), palette / palette.max(), atol=0.03)

    def test_shapes_have_the_areas_of_their_geometry(self) -> None:
        areas = {"circle": np.pi, "square": 4 * 0.9**2, "triangle": 1.72**2 / np.sqrt(3)}
        areas["cross"] = 4 * 0.35 * (2 - 0.35)
        images = world.render(self.scenes)
        for k in range(300):
            row, column = divmod(self.scenes.cell[k, 0], 3)
            cell = images[k, 10 * row : 10 * row + 10, 10 * column : 10 * column + 10].sum(axis=(0, 1))
            area = cell.max() / world._PALETTE[self.scenes.colour[k, 0]].max()
            expected = areas[world.SHAPES[self.scenes.shape[k, 0]]] * world._RADII[self.scenes.size[k, 0]] ** 2
            assert area == pytest.approx(expected, rel=0.12)

    def test_features_are_rectified_projections_of_pooled_pixels(self) -> None:
        images = world.render(self.scenes)[:200]
        features = world.features_of(images, 512)
        pooled = (images[:, ::2, ::2] + images[:, 1::2, ::2] + images[:, ::2, 1::2] + images[:, 1::2, 1::2]) / 4
        expected = np.maximum(0, pooled.reshape(200, -1) @ world._projection(512, 675))
        np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
        assert 0.4 < np.mean(features > 0) < 0.6 and 0.5 < features[features > 0].std() < 1

    def test_the_task_shows_the_features_of_its_images(self) -> None:
        task = tasks.SceneCaptions(n_features=64, split="test")
        trials = task.sample(700, seed=0)
        assert trials.n_trials == 700 and trials.inputs.shape == (700, 16, 94)
        np.testing.assert_array_equal(trials.inputs[:, 0, :64], world.features_of(trials.info["image"], 64))
        assert not trials.inputs[:, 1:, :64].any()
        for k in range(700):
            found = parsed(trials.info["caption"][k])
            assert (found["colour 2"] is not None) == (trials.info["n_objects"][k] == 3)
        assert set(trials.info["style_bits"].round(3)) == {7.585, 7.17}

    def test_long_captions_can_be_had_apart(self) -> None:
        long = tasks.SceneCaptions(min_words=12, n_features=4).sample(300, seed=0)
        assert set(long.info["n_words"]) == {12, 13, 14, 15}
        short = tasks.SceneCaptions(max_words=9, n_features=4)
        assert short.n_steps == 10 and set(short.sample(100, seed=0).info["n_words"]) == {8, 9}

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"min_words": 7}, "min_words must be at least 8, got 7"),
            ({"max_words": 16}, "max_words must be at most 15, got 16"),
            ({"min_words": 12, "max_words": 10}, "min_words must be at most 10, got 12"),
            ({"third_object": 1.2}, "third_object must be"),
            ({"third_object": 1.0, "max_words": 12}, "max_words must be at least 13 with three objects"),
            ({"split": "all"}, "split must be 'train' or 'validation' or 'test', got 'all'"),
            ({"n_features": 0}, "n_features must be at least 1, got 0"),
        ],
    )
    def test_arguments_that_make_no_sense(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            tasks.SceneCaptions(**arguments)


class TestPlot:
    def test_each_scene_has_its_caption_and_what_was_said(self) -> None:
        trials = tasks.SceneCaptions().sample(7, seed=0)
        figure = fg.plot.scenes(trials, [2, 5], said=[f"number {k}" for k in range(7)])
        assert [ax.get_title().replace("\n", " ") for ax in figure.axes] == trials.info["caption"][[2, 5]].tolist()
        assert [ax.get_xlabel() for ax in figure.axes] == ["number 2", "number 5"]
        np.testing.assert_allclose(figure.axes[0].images[0].get_array(), trials.info["image"][2], rtol=1e-6)
        figure.canvas.draw()
        assert len(tasks.SceneCaptions().plot(5).axes) == 5

    def test_what_cannot_be_drawn_is_refused(self) -> None:
        trials = tasks.SceneCaptions().sample(3, seed=0)
        with pytest.raises(ValueError, match="said must hold one text per trial, 3; got 1"):
            fg.plot.scenes(trials, said=["a"])
        with pytest.raises(ValueError, match=r"trials must have info\['image'\] .* got none for image and caption"):
            fg.plot.scenes(tasks.Sine().sample(2, seed=0))
