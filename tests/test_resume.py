"""Searches that end before they are done, and go on: nothing is done twice, and nothing comes out different."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastigial as fg
from fastigial.selection.runner import Finished, Job, Stop, run
from fastigial.selection.splits import as_splits
from fastigial.selection.store import Store, fingerprint

SHAPE = (20, 15, 18)
X = fg.datasets.make_tca(SHAPE, 3, noise=0.5, seed=0).data

# What the killed process and the undisturbed one both do. A fit writes its key down before it begins.
DRIVER = """
import json, sys, time
import fastigial as fg
from fastigial.selection.runner import Job, Stop, run
from fastigial.selection.splits import as_splits
from fastigial.selection.store import Store, fingerprint

class Noted:
    def __init__(self, key, split, log):
        self.key, self.split, self.log = key, split, log
    def fit(self, estimator, X, mask, progress):
        with open(self.log, "a") as log:
            log.write(json.dumps(self.key) + "\\n")
        time.sleep(0.05)
        return self.split.fit(estimator, X, mask, progress)

def search(folder, log, n_jobs):
    X = fg.datasets.make_tca((20, 15, 18), 3, noise=0.5, seed=0).data
    splits = as_splits("speckled", X.shape, 3, 0)
    store = None if folder is None else Store(folder, fingerprint(X, None, fg.TCA(1), splits=splits))
    jobs = [
        Job((rank, i), fg.TCA(rank, init="random", random_state=10 * rank + i), Noted((rank, i), split, log))
        for rank in range(1, 6)
        for i, split in enumerate(splits)
    ]
    return run(jobs, X, None, n_jobs=n_jobs, stop=Stop(), store=store)
"""


def driver() -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(DRIVER, names)
    search: Callable[..., Any] = names["search"]
    return search


def noted(log: Path) -> list[tuple[int, int]]:
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []


def whole(folder: Path) -> set[tuple[int, int]]:
    """Keys of the fits that the folder holds."""
    return {tuple(json.loads(path.read_text())["key"]) for path in folder.glob("fit-*.json")}


def assert_same_models(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    for name in (*one._arrays, "loss_history_", "restart_losses_"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name))
    for name in ("loss_", "explained_variance_", "n_iter_", "converged_", "outcome_", "shape_", "dtype_"):
        assert getattr(one, name) == getattr(other, name)
    assert one.get_params() == other.get_params()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_killed_search_goes_on_where_it_was(tmp_path: Path, n_jobs: int) -> None:
    folder, log = tmp_path / "checkpoint", tmp_path / "log"
    code = DRIVER + textwrap.dedent(
        f"""
        for done in search({str(folder)!r}, {str(log)!r}, {n_jobs}):
            print("done", flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for _ in range(4):
                assert process.stdout.readline() == "done\n"
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = whole(folder)
    assert 4 <= len(kept) < 15

    log.unlink()
    again = {done.key: done for done in driver()(folder, log, n_jobs)}
    assert len(again) == 15
    assert set(noted(log)) == set(again) - kept
    assert len(noted(log)) == 15 - len(kept)

    undisturbed = {done.key: done for done in driver()(None, tmp_path / "other", 1)}
    assert undisturbed.keys() == again.keys()
    for key, done in undisturbed.items():
        assert again[key].train_loss == done.train_loss
        assert again[key].test_loss == done.test_loss
        assert_same_models(again[key].model, done.model)

    log.unlink()
    assert len(list(driver()(folder, log, n_jobs))) == 15
    assert not noted(log)


# ---- the folder


def fitted(seed: int = 0, **options: Any) -> fg.TCA:
    return fg.TCA(2, init="random", random_state=seed, **options).fit(X)


def a_store(folder: Path) -> Store:
    return Store(folder, {"seed": 0})


@pytest.mark.parametrize(
    "model",
    [
        fitted(),
        fg.TCA(2, nonnegative=(True, True, False), random_state=0).fit(np.abs(X).astype(np.float32)),
        fg.SliceTCA((1, 0, 2), n_init=2, random_state=0).fit(X),
    ],
    ids=["tca", "single", "slicetca"],
)
def test_what_goes_in_comes_out(tmp_path: Path, model: Any) -> None:
    finished = Finished((1, (2, 0, 3), "a", ()), model, model.loss_, float("nan"), 0.1 + 0.2)
    a_store(tmp_path).put(finished)
    again = a_store(tmp_path).get((1, (2, 0, 3), "a", ()))
    assert again is not None
    assert_same_models(again.model, model)
    np.testing.assert_equal(
        (again.key, again.train_loss, again.test_loss, again.seconds),
        (finished.key, finished.train_loss, finished.test_loss, finished.seconds),
    )
    assert a_store(tmp_path).get((1, (2, 0, 3), "a")) is None


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    model = fitted()
    a_store(tmp_path).put(Finished((np.int64(2), 0), model, model.loss_, 0.0, 0.0))
    assert a_store(tmp_path).get((2, np.int32(0))) is not None


def test_models_of_others_are_kept_too(tmp_path: Path) -> None:
    a_store(tmp_path).put(Finished((0,), {"a": np.arange(3)}, 1.0, 2.0, 3.0))
    again = a_store(tmp_path).get((0,))
    assert again is not None
    np.testing.assert_equal(again.model, {"a": np.arange(3)})


def test_parameters_that_a_file_cannot_hold_come_back_from_the_job(tmp_path: Path) -> None:
    smaller = fitted()
    job = Job((0,), fg.TCA(2, init=smaller, random_state=0, nonnegative=[False, False, True]))
    first, second = (next(run([job], X, None, n_jobs=1, stop=Stop(), store=a_store(tmp_path))) for _ in range(2))
    assert first.model is not second.model
    assert_same_models(first.model, second.model)
    assert second.model.init is smaller


@pytest.mark.parametrize("ending", ["json", "safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_half_written_files_do_not_count(tmp_path: Path, ending: str, share: float) -> None:
    model = fitted()
    a_store(tmp_path).put(Finished((0,), model, model.loss_, 0.0, 0.0))
    (path,) = tmp_path.glob(f"fit-*.{ending}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert a_store(tmp_path).get((0,)) is None
    path.unlink()
    assert a_store(tmp_path).get((0,)) is None
    a_store(tmp_path).put(Finished((0,), model, model.loss_, 0.0, 0.0))
    assert a_store(tmp_path).get((0,)) is not None


def test_a_model_that_was_exchanged_does_not_count(tmp_path: Path) -> None:
    for seed in range(2):
        model = fitted(seed)
        a_store(tmp_path).put(Finished((seed,), model, model.loss_, 0.0, 0.0))
    one, other = tmp_path.glob("fit-*.safetensors")
    one.write_bytes(other.read_bytes())
    assert sum(a_store(tmp_path).get((seed,)) is not None for seed in range(2)) == 1


def test_the_folder_holds_nothing_but_whole_files(tmp_path: Path) -> None:
    model = fitted()
    a_store(tmp_path / "new" / "folder").put(Finished((0,), model, model.loss_, 0.0, 0.0))
    assert sorted(path.suffix for path in (tmp_path / "new" / "folder").iterdir()) == [".json", ".json", ".safetensors"]


# ---- whose folder it is


def changed_at(place: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    other = X.copy()
    other[place] += 1e-9
    return other


SAME = {"X": X, "mask": None, "estimator": fg.TCA(2), "seed": 0}
OTHERS = {
    "an entry": ({"X": changed_at((7, 8, 9))}, "X differs"),
    "the last entry": ({"X": changed_at((-1, -1, -1))}, "X differs"),
    "precision": ({"X": X.astype(np.float32)}, "X differs"),
    "shape": ({"X": X.reshape(SHAPE[1], SHAPE[0], SHAPE[2])}, "X differs"),
    "mask": ({"mask": np.arange(X.size).reshape(SHAPE) > 0}, "X differs"),
    "parameter": ({"estimator": fg.TCA(2, tol=1e-3)}, "tol was 1e-07 and is 0.001"),
    "flags": ({"estimator": fg.TCA(2, nonnegative=(True, False, False))}, "nonnegative was False and is"),
    "class": ({"estimator": fg.SliceTCA((1, 1, 1))}, "estimator was 'TCA' and is 'SliceTCA'"),
    "start": ({"estimator": fg.TCA(2, init=fitted())}, "init was 'svd' and is"),
    "seed": ({"seed": 1}, "seed was 0 and is 1"),
    "splits": ({"splits": as_splits("speckled", SHAPE, 1, 0)}, "splits was None and is"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_folder_of_another_search_is_refused(tmp_path: Path, name: str) -> None:
    changed, message = OTHERS[name]
    Store(tmp_path, fingerprint(**SAME))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"another search.*{message}.*another folder"):
        Store(tmp_path, fingerprint(**{**SAME, **changed}))  # type: ignore[arg-type]


def test_what_changes_no_result_changes_nothing(tmp_path: Path) -> None:
    gaps = np.random.default_rng(0).random(SHAPE) < 0.2
    with_nan, elsewhere = np.where(gaps, np.nan, X), np.where(gaps, 77.0, X)
    for array, mask in ((with_nan, None), (elsewhere, ~gaps), (np.asfortranarray(with_nan), ~gaps)):
        for estimator in (fg.TCA(2), fg.TCA(3, n_threads=2, progress=True)):
            Store(tmp_path, fingerprint(array, mask, estimator, without=["n_components"]))


@pytest.mark.parametrize("seeds", [(0, 0), (0, 1)])
def test_splits_and_models_are_told_apart_by_what_they_hold(seeds: tuple[int, int]) -> None:
    one, other = (
        fingerprint(X, None, fg.TCA(2, init=fitted(seed)), splits=as_splits("trials", SHAPE, 2, seed)) for seed in seeds
    )
    equal = seeds[0] == seeds[1]
    assert (one["splits"] == other["splits"]) is equal
    assert (one["init"] == other["init"]) is equal


def test_a_damaged_description_is_no_reason_to_mix_searches(tmp_path: Path) -> None:
    a_store(tmp_path)
    (tmp_path / "search.json").write_text('{"seed": ')
    with pytest.raises(ValueError, match="damaged"):
        a_store(tmp_path)
