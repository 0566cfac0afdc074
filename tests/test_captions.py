"""Captions: reading them, and saying them word by word."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial import datasets, tasks
from fastigial.datasets.vocabulary import Vocabulary, words_of

COCO10 = Path(datasets.data_folder() or "-") / "captions_coco10" / "annotations.jsonl"
needs_coco = pytest.mark.skipif(not COCO10.is_file(), reason="needs FASTIGIAL_DATA with captions_coco10")

COCO = {
    "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 4, "file_name": "a.jpg"}, {"id": 5, "file_name": "c.jpg"}],
    "annotations": [
        {"image_id": 4, "id": 1, "caption": "A bird."},
        {"image_id": 9, "id": 2, "caption": "The bird's nest, a home "},
        {"image_id": 4, "id": 3, "caption": " ... "},
    ],
}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("A man's dog -- on 2 wheels!", "a man's dog on 2 wheels"),
            ("it’s 'quoted' rock'n'roll", "it's quoted rock'n'roll"),
            ("Café, CAFE\N{COMBINING ACUTE ACCENT} snake_case", "café café snake case"),
            ("...", ""),
        ],
    )
    def test_texts_are_taken_apart(self, text: str, words: str) -> None:
        assert " ".join(words_of(text)) == words

    def test_rare_words_are_unknown(self) -> None:
        captions = [("a", "bird"), ("a", "red", "bird")]
        vocabulary = Vocabulary.of(captions, min_count=2)
        assert vocabulary.words == ("<start>", "<end>", "<unknown>", "a", "bird")
        assert vocabulary.encode(captions[1]).tolist() == [3, 2, 4]
        assert "red" not in vocabulary and "bird" in vocabulary and len(vocabulary) == 5

    def test_encoding_and_decoding_are_inverse(self) -> None:
        vocabulary = Vocabulary(["a", "bird", "sings"])
        numbers = vocabulary.encode(["a", "bird", "sings"])
        assert vocabulary.decode([*numbers, vocabulary.END, 4]) == "a bird sings"
        assert vocabulary.decode([]) == ""
        again = Vocabulary(vocabulary.words)
        assert again == vocabulary == pickle.loads(pickle.dumps(vocabulary)) and again.words == vocabulary.words

    def test_other_things_are_refused(self) -> None:
        with pytest.raises(ValueError, match="words must be different, and the marks come first; got 'a' twice"):
            Vocabulary(["a", "b", "a"])
        with pytest.raises(ValueError, match="got '<end>' twice"):
            Vocabulary(["<end>"])
        with pytest.raises(TypeError, match="words must be a sequence of text"):
            Vocabulary("abc")
        with pytest.raises(ValueError, match="min_count is 0, expected 1 or more"):
            Vocabulary.of([], min_count=0)
        with pytest.raises(IndexError, match="there is no word 5 in a vocabulary of 4"):
            Vocabulary(["a"]).decode([5])


class TestReading:
    def test_a_coco_file(self, tmp_path: Path) -> None:
        found = datasets.read_captions(write(tmp_path / "captions.json", COCO))
        assert found.captions == (("a", "bird"), ("the", "bird's", "nest", "a", "home"))
        assert found.images == ("b.jpg", "a.jpg", "c.jpg") and found.ids == ("9", "4", "5")
        assert found.image_of.tolist() == [1, 0] and found.n_words.tolist() == [2, 5]
        assert repr(found) == "<CaptionSet: 2 captions of 3 images with no features, 9 words>"

    def test_lines_of_json(self, tmp_path: Path) -> None:
        lines = [
            '{"file_name": "0.jpg", "captions": [{"caption": "A bird"}, "two birds"]}',
            "",
            '{"id": 7, "captions": ["a cat"]}',
        ]
        found = datasets.read_captions(write(tmp_path / "captions.jsonl", "\n".join(lines) + "\n"))
        assert found.captions == (("a", "bird"), ("two", "birds"), ("a", "cat"))
        assert found.images == found.ids == ("0.jpg", "7") and found.image_of.tolist() == [0, 0, 1]
        one = datasets.read_captions(write(tmp_path / "one.jsonl", "\ufeff" + lines[0]))
        assert len(one) == 2

    def test_a_vocabulary_of_others_is_kept(self, tmp_path: Path) -> None:
        path = write(tmp_path / "captions.json", COCO)
        vocabulary = Vocabulary(["bird"])
        assert datasets.read_captions(path, vocabulary=vocabulary).vocabulary is vocabulary
        assert datasets.read_captions(path, min_count=2).vocabulary.words[3:] == ("a",)

    @pytest.mark.parametrize("key", ["id", "file_name", "stem"])
    @pytest.mark.parametrize("form", ["each", "table", "mapping"])
    def test_features_find_their_images(self, tmp_path: Path, key: str, form: str) -> None:
        path = write(tmp_path / "captions.json", COCO)
        keys = {"id": [4, 9, 5], "file_name": ["a.jpg", "b.jpg", "c.jpg"], "stem": ["a", "b", "c"]}[key]
        rows = np.arange(12.0).reshape(3, 4)
        given: Any = dict(zip(keys, rows, strict=True))
        if form == "each":
            np.savez(tmp_path / "f.npz", **{str(key): row for key, row in given.items()})
            given = tmp_path / "f.npz"
        elif form == "table":
            np.savez_compressed(tmp_path / "f.npz", ids=keys, features=rows)
            given = str(tmp_path / "f.npz")
        found = datasets.read_captions(path, given)
        assert found.features is not None
        np.testing.assert_array_equal(found.features, rows[[1, 0, 2]])

    def test_features_in_order(self, tmp_path: Path) -> None:
        path = write(tmp_path / "captions.json", COCO)
        rows = np.arange(6, dtype=np.float32).reshape(3, 2)
        np.save(tmp_path / "f.npy", rows)
        for given in (tmp_path / "f.npy", rows, rows.tolist()):
            found = datasets.read_captions(path, given).features
            assert found is not None and found.dtype == np.float64
            np.testing.assert_array_equal(found, rows)

    def test_images_can_be_selected(self, tmp_path: Path) -> None:
        found = datasets.read_captions(write(tmp_path / "captions.json", COCO), np.arange(3.0)[:, None])
        part = found.of_images([2, 1])
        assert part.images == ("c.jpg", "a.jpg") and part.captions == (("a", "bird"),)
        assert part.image_of.tolist() == [1] and part.vocabulary is found.vocabulary
        assert part.features is not None and part.features.tolist() == [[2], [1]]
        assert len(found.of_images(np.array([True, False, False]))) == 1

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "captions.json holds no caption: expected a COCO file"),
            ("{}", "captions.json, image 0, has neither id nor file_name"),
            ("3", "captions.json holds int: expected"),
            ("[3]", "captions.json, image 0, is int: expected"),
            ('{"file_name": "0.jpg"}', "captions.json, image 0, has no list of captions"),
            ('{"file_name": "0.jpg", "captions": [3]}', "captions.json, image 0, has a caption that is not text"),
            ('{"file_name": "0.jpg", "captions": ["..."]}', "captions.json holds no caption"),
            ('{"id": 1, "captions": ["a"]}\n{"id": 1, "captions": ["b"]}', "captions.json has image 1 twice"),
            ('{"id": 1, "captions": ["a"]}\n{"id": 2, "capt', "captions.json, line 2, is not JSON"),
            (json.dumps(COCO)[:-9], "captions.json, line 1, is not JSON"),
            ({**COCO, "images": COCO["images"][:1]}, "annotation 0, is of image 4, which is not among the 1 images"),
            ({"annotations": COCO["annotations"]}, "has annotations and images that are not both lists"),
            ({**COCO, "images": COCO["images"] * 2}, "captions.json has image 9 twice"),
            ({**COCO, "annotations": [{"image_id": 4}]}, "annotation 0, has a caption that is not text"),
            ({**COCO, "annotations": ["a bird"]}, "annotation 0, is str"),
        ],
    )
    def test_files_that_are_no_captions_are_refused(self, tmp_path: Path, content: Any, message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)):
            datasets.read_captions(write(tmp_path / "captions.json", content))

    def test_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "captions.json").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(ValueError, match=r"captions\.json is not text in UTF-8"):
            datasets.read_captions(tmp_path / "captions.json")
        with pytest.raises(FileNotFoundError):
            datasets.read_captions(tmp_path / "none.json")

    @pytest.mark.parametrize(
        ("features", "message"),
        [
            (np.zeros((2, 4)), r"features must be numbers \(n_images, n_features\) of 3 images, got an array \(2, 4\)"),
            (np.zeros(3), "features must be numbers"),
            (np.full((3, 2), np.nan), "features must be finite, got 6 numbers that are not"),
            ([["a"], ["b"], ["c"]], "features must be numbers"),
            ({"a": [1], "b": [2]}, r"features has none for image 5 \(c\.jpg\), expected all 3 images"),
            ({"a": [1], "b": [2], "c": [1, 2]}, "features must be as many for each image"),
        ],
    )
    def test_features_that_are_none_are_refused(self, tmp_path: Path, features: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            datasets.read_captions(write(tmp_path / "captions.json", COCO), features)

    def test_files_of_features_that_are_none_are_refused(self, tmp_path: Path) -> None:
        path, file = write(tmp_path / "captions.json", COCO), tmp_path / "f.npz"
        np.savez(file, ids=["a", "b"], features=np.zeros((3, 2)))
        with pytest.raises(ValueError, match=r"f\.npz must hold as many ids as features, got \(2,\) and \(3, 2\)"):
            datasets.read_captions(path, file)
        whole = file.read_bytes()
        for content in (b"", b"nonsense", whole[:60], whole[:-30]):
            file.write_bytes(content)
            with pytest.raises(ValueError, match=r"f\.npz is not a file \.npy or \.npz of numbers"):
                datasets.read_captions(path, file)
        np.save(tmp_path / "f.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"f\.npy is not a file"):
            datasets.read_captions(path, tmp_path / "f.npy")

    @needs_coco
    def test_ten_images_of_coco_from_file_to_network(self) -> None:
        found = datasets.read_captions(COCO10, np.random.default_rng(0).normal(size=(10, 6)), min_count=2)
        assert len(found) == 50 and np.bincount(found.image_of).tolist() == [5] * 10
        assert found.images[:2] == ("0.jpg", "1.jpg")
        assert found.captions[0] == words_of("A large white airplane and a person on a lot.")
        assert len(found.vocabulary) == 80 and found.n_words.max() == 23
        task = tasks.Captions(found, max_words=15, dtype="float32")
        trials = task.sample(task.n_captions, seed=0)
        assert trials.inputs.shape == (46, 16, 86)
        net = fg.RNN(task.n_inputs, 40, task.n_outputs, cell="lstm", seed=0)
        before = task.bits_per_word(net.run(trials).outputs, trials).mean()
        fg.train(net, trials, n_epochs=60, batch_size=23, optimizer=fg.optim.Adam(1e-2), loss=task.loss)
        after = task.bits_per_word(net.run(trials).outputs, trials).mean()
        assert before == pytest.approx(np.log2(80), abs=0.5) and after < 2.0
        texts = task.describe(net, trials)
        assert len(texts) == 46 and all(word in found.vocabulary for text in texts for word in text.split())


def small_set() -> datasets.CaptionSet:
    words = (("a", "bird"), ("a", "red", "bird", "sings"), ("two", "birds"), ("a", "zebra", "runs"))
    vocabulary = Vocabulary(sorted({word for caption in words[:3] for word in caption}))
    return datasets.CaptionSet(
        words, np.array([0, 0, 1, 2]), ("0.jpg", "1.jpg", "2.jpg"), ("0", "1", "2"), vocabulary, np.eye(3) + 0.5
    )


class TestCaptions:
    def test_inputs_and_targets_are_those_of_teacher_forcing(self) -> None:
        captions = small_set()
        task = tasks.Captions(captions)
        trials = task.sample(4, seed=0)
        n_words = len(captions.vocabulary)
        assert task.n_steps == 5 and trials.input_names[2:4] == ("feature 2", "<start>")
        for k in range(4):
            words = trials.info["caption"][k].split()
            numbers = captions.vocabulary.encode(words).tolist()
            expected = np.zeros((5, 3 + n_words))
            expected[0, :3] = captions.features[trials.info["image"][k]]  # type: ignore[index]
            for t, number in enumerate([captions.vocabulary.START, *numbers]):
                expected[t, 3 + number] = 1.0
            np.testing.assert_array_equal(trials.inputs[k], expected)
            labels = [*numbers, captions.vocabulary.END] + [-1] * (4 - len(words))
            assert trials.info["label"][k].tolist() == labels
            assert trials.mask[k].tolist() == [label >= 0 for label in labels]
            assert trials.info["n_words"][k] == len(words)
        assert (trials.info["label"] == captions.vocabulary.UNKNOWN).sum() == 2

    def test_every_caption_comes_before_one_comes_again(self) -> None:
        task = tasks.Captions(small_set())
        drawn = task.sample(8, seed=3).info["caption"]
        assert sorted(drawn[:4]) == sorted(drawn[4:]) == ["a bird", "a red bird sings", "a zebra runs", "two birds"]

    def test_long_and_short_captions_can_be_had_apart(self) -> None:
        short, long = tasks.Captions(small_set(), max_words=2), tasks.Captions(small_set(), min_words=3)
        assert (short.n_captions, short.n_steps, long.n_captions, long.n_steps) == (2, 3, 2, 5)
        assert set(short.sample(4, 0).info["n_words"]) == {2} and set(long.sample(4, 0).info["n_words"]) == {3, 4}
        assert short.input_names == long.input_names

    def test_other_features_may_be_given(self) -> None:
        trials = tasks.Captions(small_set(), np.full((3, 2), 7)).sample(3, 0)
        np.testing.assert_array_equal(trials.inputs[:, 0, :2], 7.0)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"captions": [("a",)]}, TypeError, "captions must be a CaptionSet, as from read_captions; got list"),
            ({"features": np.zeros((2, 3))}, ValueError, r"features must be numbers .* of the 3 images, got an array"),
            ({"features": [["a"]] * 3}, ValueError, "features must be numbers"),
            ({"features": np.full((3, 1), np.inf)}, ValueError, "features must be finite"),
            ({"min_words": 9}, ValueError, "captions must have one of at least 9 words, got none of 4"),
            ({"min_words": 3, "max_words": 2}, ValueError, "max_words must be at least 3, got 2"),
            ({"min_words": 0}, ValueError, "min_words must be at least 1, got 0"),
        ],
    )
    def test_arguments_that_make_no_sense(
        self, arguments: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            tasks.Captions(**{"captions": small_set(), **arguments})

    def test_captions_without_features_ask_for_them(self, tmp_path: Path) -> None:
        bare = datasets.read_captions(write(tmp_path / "captions.json", COCO))
        with pytest.raises(ValueError, match=r"features must be numbers .* of the 3 images, got none"):
            tasks.Captions(bare)


class TestBits:
    def test_they_are_those_of_the_softmax_word_by_word(self) -> None:
        task = tasks.Captions(small_set())
        trials = task.sample(4, seed=0)
        y = np.random.default_rng(0).normal(size=trials.targets.shape)
        for k, found in enumerate(task.bits_per_word(y, trials)):
            labels = [label for label in trials.info["label"][k] if label >= 0]
            bits = [-np.log2(np.exp(y[k, t, w]) / np.exp(y[k, t]).sum()) for t, w in enumerate(labels)]
            assert found == pytest.approx(np.mean(bits)) and len(bits) == trials.info["n_words"][k] + 1

    def test_together_they_are_the_loss_of_training(self) -> None:
        task = tasks.SceneCaptions()
        trials = task.sample(20, seed=0)
        net = fg.RNN(task.n_inputs, 8, task.n_outputs, cell="lstm", dtype="float64")
        bits = task.bits_per_word(net.run(trials).outputs, trials)
        loss = net.gradient(trials.inputs, trials.targets, mask=trials.mask, loss="cross_entropy")[0]
        assert np.average(bits, weights=trials.info["n_words"] + 1) == pytest.approx(loss / np.log(2))

    def test_certainty_costs_nothing_and_large_outputs_do_no_harm(self) -> None:
        task = tasks.SceneCaptions()
        trials = task.sample(5, seed=0)
        np.testing.assert_allclose(task.bits_per_word(1e5 * trials.targets, trials), 0.0, atol=1e-12)
        with pytest.raises(ValueError, match="outputs must have the shape of the targets"):
            task.bits_per_word(trials.targets[:, :3], trials)

    def test_words_of_outputs_and_networks_of_another_size(self) -> None:
        task = tasks.SceneCaptions()
        trials = task.sample(5, seed=0)
        assert task.decode(trials.targets) == trials.info["caption"].tolist()
        with pytest.raises(ValueError, match=r"outputs must be \(n_trials, n_steps, 30\), got \(5, 16, 2\)"):
            task.decode(trials.targets[:, :, :2])
        with pytest.raises(ValueError, match="net must have 30 outputs, one per word; got 3"):
            task.describe(fg.RNN(task.n_inputs, 5, 3), trials)

    def test_a_network_hears_what_it_said(self) -> None:
        task = tasks.SceneCaptions(n_features=16)
        trials = task.sample(6, seed=0)
        net = fg.RNN(task.n_inputs, 12, task.n_outputs, cell="lstm", seed=3, dtype="float64")
        said = task.describe(net, trials)
        # Shown its own words as a caption, it says the same again.
        numbers = np.full((6, 16), -1)
        x = np.zeros_like(trials.inputs)
        x[:, 0] = trials.inputs[:, 0]
        for t in range(16):
            numbers[:, t] = net.run(x).outputs[:, t].argmax(axis=1)
            if t < 15:
                x[np.arange(6), t + 1, 16 + numbers[:, t]] = 1.0
        assert said == [task.vocabulary.decode(row) for row in numbers]
