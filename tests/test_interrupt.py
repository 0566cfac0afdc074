"""Processes of their own: Ctrl-C in long fits, sizes beyond memory, and what an import brings along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

# Ctrl-C must arrive within half a second; the rest is for a loaded machine and for starting threads.
PATIENCE = 0.5 + 1.0


def run(code: str, *, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("n_components", [2**27, 2**31])
def test_absurd_numbers_of_components_do_not_end_the_interpreter(n_components: int) -> None:
    """A slip of the keyboard must not take the notebook's other results with it."""
    done = run(
        f"""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
        import fastigial as fg, numpy as np
        try:
            fg.TCA({n_components}, max_iter=1).fit(np.random.default_rng(0).normal(size=(5, 4, 6)))
        except (ValueError, MemoryError) as error:
            print("survived", error)
        """
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith("survived")


LONG_FITS = {
    "tca-restarts": "fg.TCA(3, n_init=10**8)|small",
    "tca-large": "fg.TCA(12, n_init=10**6, tol=0.0, max_iter=10**9)|large",
    "tca-nonnegative": "fg.TCA(12, nonnegative=True, n_init=10**6, tol=0.0, max_iter=10**9)|large",
    "tca-gaps": "fg.TCA(12, n_init=10**6, tol=0.0, max_iter=10**9)|gaps",
    "slicetca-restarts": "fg.SliceTCA((1, 1, 1), n_init=10**8)|small",
    "slicetca-large": "fg.SliceTCA((3, 3, 3), n_init=10**6, tol=0.0, max_iter=10**9)|large",
    "slicetca-gaps": "fg.SliceTCA((3, 3, 3), n_init=10**6, tol=0.0, max_iter=10**9)|gaps",
    "slicetca-many-components": "fg.SliceTCA((40, 40, 40), n_init=3, tol=0.0, max_iter=10**9)|large",
}


@pytest.mark.parametrize("name", LONG_FITS)
@pytest.mark.parametrize("delay", [0.3, 1.5])
def test_ctrl_c_stops_a_long_fit_and_keeps_the_model(name: str, delay: float) -> None:
    model, data = LONG_FITS[name].split("|")
    code = f"""
        import json, signal, time
        # A test run in the background is started with Ctrl-C ignored, and so would this process be.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import fastigial as fg, numpy as np
        rng = np.random.default_rng(0)
        shape = (8, 7, 6) if "{data}" == "small" else (120, 100, 150)
        X = rng.normal(size=shape)
        if "{data}" == "gaps":
            X[rng.random(shape) < 0.1] = np.nan
        model = {model}
        print("ready", flush=True)
        try:
            model.fit(X)
            print(json.dumps({{"arrived": None}}))
        except KeyboardInterrupt:
            print(json.dumps({{"arrived": time.time(), "loss": model.loss_, "converged": model.converged_,
                               "outcome": model.outcome_, "shape": model.reconstruct().shape == shape}}))
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(delay)
            sent = time.time()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, errors[-500:]
    result = json.loads(output)
    assert result["arrived"] is not None
    assert result["arrived"] - sent < PATIENCE
    assert np.isfinite(result["loss"])
    assert result["converged"] is False
    assert result["outcome"] == "interrupted"
    assert result["shape"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    done = run(
        """
        import sys
        import fastigial
        heavy = {"matplotlib", "scipy", "xarray", "pandas", "sklearn", "joblib", "tqdm", "IPython"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_importing_the_package_takes_little_longer_than_numpy() -> None:
    """The quickest of five, taken in turns: what else the machine does at the time counts for neither."""

    def seconds(module: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        return time.perf_counter() - start

    both = [(seconds("numpy"), seconds("fastigial")) for _ in range(5)]
    numpy, fastigial = (min(times) for times in zip(*both, strict=True))
    assert fastigial - numpy < 0.2


@pytest.mark.parametrize("missing", ["sklearn", "joblib", "xarray", "pandas", "tqdm"])
def test_a_fit_needs_none_of_the_notebook_extras(missing: str) -> None:
    done = run(
        f"""
        import sys
        sys.modules["{missing}"] = None
        import fastigial as fg, numpy as np
        X = np.random.default_rng(0).normal(size=(8, 7, 6))
        fg.SliceTCA((1, 1, 1), progress=True).fit(X).score(X)
        print(fg.TCA(2, progress=True).fit(X).reconstruct().shape)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(8, 7, 6)"
