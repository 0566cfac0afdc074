"""Model files: damaged, foreign or lying ones are an OSError, nothing is executed, saves are whole."""

from __future__ import annotations

import json
import os
import pickle
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common.estimators import Case, assert_same_fit, each_case, fitted

import fastigial as fg

Header = dict[str, Any]
METADATA = "__metadata__"


def header_and_body(path: Path) -> tuple[Header, bytes]:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def assemble(header: Header | bytes, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def rewrite(path: Path, change: Callable[[Header], object]) -> None:
    """Change the description of the model in a file, leaving the arrays as they are."""
    header, body = header_and_body(path)
    (key,) = header[METADATA]
    description = json.loads(header[METADATA][key])
    change(description)
    header[METADATA][key] = json.dumps(description)
    path.write_bytes(assemble(header, body))


@pytest.fixture
def stored(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    fitted(case.name).save(path)
    return path


# Damage


@each_case
def test_a_file_cut_at_any_length_is_an_os_error(stored: Path) -> None:
    whole = stored.read_bytes()
    (in_header,) = struct.unpack("<Q", whole[:8])
    for length in (*range(8 + in_header + 1), *range(8 + in_header, len(whole), 37), len(whole) - 1):
        stored.write_bytes(whole[:length])
        with pytest.raises(OSError, match=r"model\.safetensors"):
            fg.load(stored)


@each_case
def test_a_flipped_byte_of_the_header_never_does_more_than_an_os_error(case: Case, stored: Path) -> None:
    whole = stored.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    rng = np.random.default_rng(0)
    for place in rng.choice(length + 8, size=400, replace=False):
        damaged = bytearray(whole)
        damaged[place] = rng.integers(256)
        stored.write_bytes(damaged)
        try:
            model = fg.load(stored)
        except OSError:
            continue
        # The byte stood in a parameter, a loss or a label: the rest still is a model.
        assert model.reconstruct().shape == fitted(case.name).shape_
        assert repr(model)


GARBAGE = {
    "nothing": b"",
    "zeros": bytes(1000),
    "noise": np.random.default_rng(0).bytes(5000),
    "text": b"loss = 3\n" * 100,
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "header beyond the end": struct.pack("<Q", 1000) + b"{}",
    "no json": assemble(b"{'a': 1"),
    "list": assemble(b"[]"),
    "deep": assemble(b"[" * 100_000),
    "no metadata": assemble({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
    "huge claim": assemble({"a": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}}, bytes(8)),
    "overflow": assemble({"a": {"dtype": "F64", "shape": [2**33, 2**33], "data_offsets": [0, 8]}}, bytes(8)),
    "negative": assemble({"a": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}, bytes(8)),
    "overlap": assemble({n: {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]} for n in "ab"}, bytes(8)),
    "integers": assemble({"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}, METADATA: {}}, bytes(8)),
    "not text": assemble({METADATA: {"fastigial": "{"}}),
    "not ours": assemble({METADATA: {"fastigial": "{}"}}),
    "a list": assemble({METADATA: {"fastigial": "[]"}}),
    "too deep": assemble({METADATA: {"fastigial": "[" * 50_000 + "]" * 50_000}}),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_model_is_an_os_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(GARBAGE[name])
    with pytest.raises(OSError, match=r"model\.safetensors"):
        fg.load(path)


LIES: dict[str, Callable[[Header], object]] = {
    "format": lambda d: d.update(format=2),
    "no class": lambda d: d.pop("class"),
    "other class": lambda d: d.update({"class": "Pipeline"}),
    "class is a list": lambda d: d.update({"class": ["TCA"]}),
    "shape": lambda d: d.update(shape=[99, 9, 10]),
    "shape too long": lambda d: d.update(shape=[12, 9, 10, 1]),
    "shape too short": lambda d: d.update(shape=[12, 9]),
    "shape is infinite": lambda d: d.update(shape=[float("inf"), 9, 10]),
    "shape is text": lambda d: d.update(shape="abc"),
    "dtype": lambda d: d.update(dtype="object"),
    "no parameters": lambda d: d.pop("parameters"),
    "unknown parameter": lambda d: d["parameters"].update(bandwidth=1),
    "loss is text": lambda d: d["fit"].update(loss_="low"),
    "loss is a list": lambda d: d["fit"].update(loss_=[1.0]),
    "converged is a number": lambda d: d["fit"].update(converged_=7),
    "no loss": lambda d: d["fit"].pop("loss_"),
    "too few dims": lambda d: d.update(dims=["trial"]),
    "dims is a number": lambda d: d.update(dims=3),
    "coords is a list": lambda d: d.update(coords=[1]),
    "coordinate of objects": lambda d: d.update(coords={"x": ["trial", "O", [1] * 12]}),
    "coordinate too short": lambda d: d.update(coords={"x": ["trial", "int64", [1]]}),
    "coordinate out of range": lambda d: d.update(coords={"x": ["trial", "int8", [10**9] * 12]}),
    "coordinate beyond any range": lambda d: d.update(coords={"x": ["trial", "int64", [10**40] * 12]}),
    "coordinate along nothing": lambda d: d.update(coords={"x": ["depth", "int64", [1] * 12]}),
    "coordinate of infinite time": lambda d: d.update(coords={"x": ["trial", "<M8[s]", [10**40] * 12]}),
}


@each_case
@pytest.mark.parametrize("lie", LIES)
def test_a_description_that_does_not_fit_is_an_os_error(stored: Path, lie: str) -> None:
    rewrite(stored, LIES[lie])
    with pytest.raises(OSError, match=r"model\.safetensors"):
        fg.load(stored)


@each_case
def test_a_model_of_the_other_class_is_an_os_error(case: Case, stored: Path) -> None:
    other = "SliceTCA" if case.kind is fg.TCA else "TCA"
    rewrite(stored, lambda description: description.update({"class": other}))
    with pytest.raises(OSError, match=r"model\.safetensors"):
        fg.load(stored)


@each_case
def test_a_missing_array_is_an_os_error(stored: Path) -> None:
    header, body = header_and_body(stored)
    for name in [name for name in header if name != METADATA]:
        renamed = {("lost" if key == name else key): value for key, value in header.items()}
        stored.write_bytes(assemble(renamed, body))
        with pytest.raises(OSError, match=r"model\.safetensors"):
            fg.load(stored)


class Trap:
    """A pickle that leaves a file behind when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(OSError, match="fastigial model"):
        fg.load(path)
    np.savez(path.with_suffix(".npz"), trap=np.array([Trap(mark)], dtype=object))
    with pytest.raises(OSError, match="fastigial model"):
        fg.load(path.with_suffix(".npz"))
    assert not mark.exists()


@pytest.mark.parametrize("path", ["", ".", "/", "/nowhere/model", "a\0b"])
def test_paths_that_are_no_files_are_os_errors(path: str) -> None:
    with pytest.raises(OSError):
        fg.load(path)
    with pytest.raises(OSError):
        fitted("tca").save(path)


def test_a_missing_file_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fg.load(tmp_path / "model")


@pytest.mark.parametrize("path", [None, 3, 1.5, object()])
def test_what_is_no_path_is_a_type_error(path: Any) -> None:
    with pytest.raises(TypeError):
        fg.load(path)
    with pytest.raises(TypeError):
        fitted("tca").save(path)


# Saving


@each_case
def test_parameters_that_no_file_can_hold_return_to_their_defaults(case: Case, tmp_path: Path) -> None:
    model = case.make(random_state=np.random.default_rng(0), progress=print, init=fitted(case.name))
    model.set_params(n_threads=np.int64(1), tol=np.float32(1e-6))
    model.fit(case.recording()).save(tmp_path / "model")
    again = fg.load(tmp_path / "model")
    assert again.get_params()["random_state"] is None
    assert again.get_params()["progress"] is False
    assert again.get_params()["init"] == "svd"
    assert again.get_params()["n_threads"] == 1
    np.testing.assert_array_equal(again.reconstruct(), model.reconstruct())


@each_case
def test_saving_replaces_the_old_file_and_leaves_nothing_beside_it(case: Case, stored: Path) -> None:
    model = case.make().fit(case.recording(1))
    model.save(stored)
    assert_same_fit(fg.load(stored), model)
    assert list(stored.parent.iterdir()) == [stored]


@each_case
def test_a_save_that_fails_leaves_the_old_file(case: Case, stored: Path) -> None:
    before = stored.read_bytes()
    broken = case.make().fit(case.recording())
    broken.loss_history_ = np.array(["not a number"])
    with pytest.raises(ValueError, match="not a number"):
        broken.save(stored)
    folder = stored.parent / "folder"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(OSError, match="folder"):
        fitted(case.name).save(folder)
    assert stored.read_bytes() == before
    assert sorted(path.name for path in stored.parent.iterdir()) == ["folder", stored.name]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_folder_without_permission_is_an_os_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            fitted("tca").save(tmp_path / "model")
    finally:
        tmp_path.chmod(0o700)


def test_threads_may_save_to_the_same_file_at_once(tmp_path: Path) -> None:
    path, errors = tmp_path / "model", []

    def save() -> None:
        try:
            for _ in range(30):
                fitted("tca").save(path)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert_same_fit(fg.load(path), fitted("tca"))
