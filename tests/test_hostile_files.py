"""Model files that lie about sizes: a clear error, and no more memory than a small multiple of the file."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.common.estimators import fitted

import fastigial as fg

METADATA = "__metadata__"


def array(shape: list[int], begin: int, end: int, dtype: str = "F64") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def description(tmp_path: Path) -> dict[str, str]:
    """What an ordinary file says of its model, as text."""
    fitted("tca").save(tmp_path / "ordinary")
    raw = (tmp_path / "ordinary").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    found: dict[str, str] = json.loads(raw[8 : 8 + length])[METADATA]
    return found


def assembled(arrays: dict[str, Any], body: bytes, about: dict[str, str]) -> bytes:
    header = json.dumps({**arrays, METADATA: about}).encode()
    return struct.pack("<Q", len(header)) + header + body


HUGE = 2**40
# By name: the arrays of the header, and how many bytes follow it.
LIES: dict[str, tuple[dict[str, Any], int]] = {
    "a huge shape": ({"weights_": array([HUGE], 0, 8 * HUGE)}, 8),
    "a huge shape, small offsets": ({"weights_": array([HUGE], 0, 8)}, 8),
    "a shape beyond any memory": ({"weights_": array([2**62, 2**62], 0, 8)}, 8),
    "a shape beyond 64 bits": ({"weights_": array([10**30], 0, 8)}, 8),
    "an empty array of huge axes": ({"weights_": array([0, HUGE], 0, 0)}, 0),
    "huge axes, and empty at the end": ({"weights_": array([HUGE, HUGE, 0], 0, 0)}, 0),
    "offsets beyond the end": ({"weights_": array([100], 0, 800)}, 8),
    "offsets that do not begin at the beginning": ({"weights_": array([1], 8, 16)}, 16),
    "offsets that run backwards": ({"weights_": array([1], 8, 0)}, 8),
    "offsets beyond 64 bits": ({"weights_": array([1], 0, 2**64 + 8)}, 8),
    "arrays that overlap": ({name: array([1000], 0, 8000) for name in ("a", "b", "c")}, 8000),
    "arrays that overlap by half": ({"a": array([2], 0, 16), "b": array([2], 8, 24)}, 24),
    "many arrays on the same bytes": ({f"a{i}": array([1000], 0, 8000) for i in range(20_000)}, 8000),
    "bytes that belong to no array": ({"weights_": array([1], 0, 8)}, 10_000_000),
    "other types": ({"weights_": array([8], 0, 8, "BOOL")}, 8),
    "unknown types": ({"weights_": array([1], 0, 8, "PICKLE")}, 8),
    "ten thousand empty arrays": ({f"a{i}": array([0], 0, 0) for i in range(10_000)}, 0),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_sizes_is_an_os_error(lie: str, tmp_path: Path) -> None:
    arrays, n_bytes = LIES[lie]
    path = tmp_path / "model.safetensors"
    path.write_bytes(assembled(arrays, bytes(n_bytes), description(tmp_path)))
    with pytest.raises(OSError, match=r"model\.safetensors.* model"):
        fg.load(path)


@pytest.mark.parametrize(
    "lie",
    [({"weights_": array([1] * 40, 0, 8)}, 8), ({"weights_": array([0, HUGE, HUGE], 0, 0)}, 0)],
    ids=["forty axes", "empty, of axes whose product is beyond 64 bits"],
)
def test_axes_that_no_array_can_have_are_an_os_error(lie: tuple[dict[str, Any], int], tmp_path: Path) -> None:
    arrays, n_bytes = lie
    path = tmp_path / "model.safetensors"
    path.write_bytes(assembled(arrays, bytes(n_bytes), description(tmp_path)))
    with pytest.raises(OSError, match=r"model\.safetensors.* model"):
        fg.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe: is not a file"):
        fg.load(tmp_path / "pipe")


@pytest.mark.skipif(not Path(os.devnull).is_char_device(), reason="this system has no devices among its files")
def test_a_device_is_refused_and_not_read() -> None:
    with pytest.raises(OSError, match="is not a file"):
        fg.load(os.devnull)


def large_files(about: dict[str, str]) -> dict[str, Callable[[], bytes]]:
    """Files of about ten million bytes, one way or another, and small ones that claim to be larger."""
    million = 1_000_000
    return {
        "one array": lambda: assembled({"a": array([million], 0, 8 * million)}, bytes(8 * million), about),
        "a hundred thousand empty arrays": lambda: assembled(
            {f"a{i}": array([0], 0, 0) for i in range(million // 10)}, b"", about
        ),
        "white space": lambda: struct.pack("<Q", 10 * million) + b" " * (10 * million),
        "deep brackets": lambda: struct.pack("<Q", 10 * million) + b"[" * (10 * million),
        "a long description": lambda: assembled({}, b"", {"fastigial": json.dumps("x" * 10 * million)}),
        "a huge header": lambda: struct.pack("<Q", 2**62) + b"{}",
        "a header of gigabytes": lambda: struct.pack("<Q", 2**33) + b"{}",
        "a huge array": lambda: assembled({"a": array([HUGE], 0, 8 * HUGE)}, bytes(8), about),
        "many arrays on the same bytes": lambda: assembled(
            {f"a{i}": array([million // 8], 0, million) for i in range(10_000)}, bytes(million), about
        ),
    }


# A process has a peak that only grows: the loading one is born for one file.
MEASURE = """
    import fastigial as fg

    def peak():
        lines = open("/proc/self/status").read().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    try:
        fg.load({ordinary!r})
        before = peak()
        fg.load({path!r})
    except OSError as error:
        print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux' /proc")
@pytest.mark.parametrize("name", large_files({}))
def test_a_file_costs_no_more_memory_than_a_few_times_its_size(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(large_files(description(tmp_path))[name]())
    code = textwrap.dedent(MEASURE).format(ordinary=str(tmp_path / "ordinary"), path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # The bytes, the parsed header, the arrays and their copies; and room for the interpreter itself.
    assert int(done.stdout) < 8 * path.stat().st_size + 2_000_000
