"""Searches on a cluster of worker processes: the same results, also when workers die in the middle."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import dask
import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

import fastigial as fg
from fastigial.selection.runner import Finished, Job, Stop, n_at_once, run
from fastigial.selection.splits import as_splits

X = fg.datasets.make_tca((40, 30, 35), 3, noise=0.5, seed=0).data


@pytest.fixture
def client() -> Iterator[Client]:
    """Two worker processes with one thread each; new ones for each test, as they are killed in it."""
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            # Any free port: the usual one may be taken by a cluster that runs already.
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        # How long a worker waits for one that it wanted data of and that is dead; half a minute by default. Not before
        # the workers are there: on a busy machine they need longer than that to come up.
        client.run(lambda: dask.config.set({"distributed.comm.timeouts.connect": "1s"}) and None)
        yield client


def jobs() -> list[Job]:
    splits = as_splits("speckled", X.shape, 2, 0)
    return [
        Job((rank, number, start), fg.TCA(rank, init="random", random_state=start, max_iter=40, tol=1e-12), split)
        for rank in (2, 3, 4)
        for number, split in enumerate([None, *splits])
        for start in range(2)
    ]


@pytest.fixture(scope="module")
def serial() -> dict[tuple[Any, ...], Finished]:
    return {done.key: done for done in run(jobs(), X, None, n_jobs=1, stop=Stop())}


def assert_same(found: dict[tuple[Any, ...], Finished], serial: dict[tuple[Any, ...], Finished]) -> None:
    assert found.keys() == serial.keys()
    for key, done in found.items():
        expected = serial[key]
        assert done.train_loss == expected.train_loss
        np.testing.assert_equal(done.test_loss, expected.test_loss)
        np.testing.assert_equal(done.model.weights_, expected.model.weights_)
        np.testing.assert_equal(done.model.factors_, expected.model.factors_)
        assert done.model.get_params() == expected.model.get_params()


def holdings(client: Client) -> dict[int, set[str]]:
    """What each worker process holds of the arguments that were sent once."""
    held: dict[int, set[str]] = dict(
        client.run(
            lambda dask_worker: (os.getpid(), {key for key in dask_worker.data if not key.startswith("batch")})
        ).values()
    )
    return held


def test_all_workers_count_whatever_n_jobs_says(client: Client) -> None:
    del client
    with joblib.parallel_config(backend="dask"):
        assert n_at_once(1) == 2
        assert n_at_once(7) == 2


def test_the_recording_is_sent_once(client: Client) -> None:
    """It has one name on the cluster, however many jobs share it, and so has what each split holds out."""
    seen: set[str] = set()
    with joblib.parallel_config(backend="dask"):
        results = run(jobs(), X, None, n_jobs=1, stop=Stop())
        for _ in results:
            seen |= set().union(*holdings(client).values())
    assert [key.split("-")[0] for key in seen] == ["_itself"] * 3


@pytest.mark.parametrize(("which", "n_finished"), [("holder", 1), ("holder", 9), ("other", 3)])
def test_a_worker_that_is_killed_changes_nothing(
    client: Client, serial: dict[tuple[Any, ...], Finished], which: str, n_finished: int
) -> None:
    """Also not if it held the only copy of what all jobs need."""
    found: dict[tuple[Any, ...], Finished] = {}
    with joblib.parallel_config(backend="dask"):
        for done in run(jobs(), X, None, n_jobs=1, stop=Stop()):
            assert done.key not in found
            found[done.key] = done
            if len(found) == n_finished:
                by_load = sorted(holdings(client).items(), key=lambda item: len(item[1]))
                os.kill(by_load[-1 if which == "holder" else 0][0], signal.SIGKILL)
    assert_same(found, serial)


def test_a_rank_search_with_a_death_in_the_middle(client: Client) -> None:
    """The whole way: the worker is killed from the progress callback after the third fit."""
    killed: list[int] = []

    def kill_one(done: int, total: int, loss: float) -> None:
        del total, loss
        if done == 3:
            killed.append(next(iter(holdings(client))))
            os.kill(killed[0], signal.SIGKILL)

    options: dict[str, Any] = {"ranks": 4, "n_splits": 2, "n_init": 2, "random_state": 0}
    expected = fg.RankSearch(fg.TCA(1), **options).fit(X)
    with joblib.parallel_config(backend="dask"):
        search = fg.RankSearch(fg.TCA(1), progress=kill_one, **options).fit(X)
    assert len(killed) == 1
    columns = ["rank", "split", "start", "train_loss", "test_loss"]
    assert search.results_[columns].equals(expected.results_[columns])
    assert search.best_rank_ == expected.best_rank_
    np.testing.assert_equal(search.best_estimator_.factors_, expected.best_estimator_.factors_)


def test_a_cluster_serves_again_after_a_run_that_was_left(
    client: Client, serial: dict[tuple[Any, ...], Finished]
) -> None:
    del client
    with joblib.parallel_config(backend="dask"):
        stop = Stop()
        results = run(jobs(), X, None, n_jobs=1, stop=stop)
        next(results)
        results.close()
        assert stop.is_set()
        with pytest.raises(ValueError, match="tol"):
            list(run([Job((0,), fg.TCA(1, tol=-1.0)), *jobs()], X, None, n_jobs=1, stop=Stop()))
        assert_same({done.key: done for done in run(jobs(), X, None, n_jobs=1, stop=Stop())}, serial)
