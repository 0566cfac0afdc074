"""The border between Python and the core: junk in, a documented exception or a valid answer out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.common.junk import ANYTHING, SHAPE, anything, junk_calls, mask, tensor

import fastigial as fg
from fastigial import _core

# What the documentation promises: wrong types, wrong values, factorisations that fail.
DOCUMENTED = (TypeError, ValueError, np.linalg.LinAlgError)
N_COMBINATIONS = 600
COUNTS = ("n_components", "max_iter", "n_init")

each_kind = pytest.mark.parametrize("kind", [fg.TCA, fg.SliceTCA])


class Failures:
    """What came out that should not have: reported at the end, by kind."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def note(self, error: BaseException, *what: Any) -> None:
        self.found.append((type(error).__name__, str(error)[:80], ", ".join(described(value) for value in what)))

    def report(self) -> None:
        kinds = sorted({(name, text) for name, text, _ in self.found})
        assert not self.found, f"{len(self.found)} failures of these kinds: {kinds}; the first: {self.found[0]}"


def described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype} {value.shape}"
    if isinstance(value, list) and any(isinstance(item, np.ndarray) for item in value):
        return f"arrays of {[np.shape(item) for item in value]}"
    return repr(value)[:200]


def check_model(model: Any, X: Any, observed: Any, path: Path | None) -> None:
    """Everything that can be asked of a fitted model has an answer."""
    assert model.loss_ >= 0, model.loss_
    assert model.n_iter_ == len(model.loss_history_) >= 1
    assert repr(model)
    assert model._repr_html_()
    shape = np.shape(X)
    assert model.reconstruct().shape == shape
    assert np.isfinite(model.reconstruct()).all()
    model.transform(X, observed)
    seen = np.asarray(X, dtype=np.float64)[~np.isnan(X) & (True if observed is None else observed)]
    # The square of the smallest numbers is none: their score is a matter of taste.
    if np.abs(seen).max() > 1e-300:
        assert model.score(X, observed) == pytest.approx(model.explained_variance_, abs=1e-3)
    assert model.score(X, observed) <= 1
    whole = model.reconstruct()
    size = float(np.abs(whole).max())
    # So is the canonical form of what is smaller or larger.
    if isinstance(model, fg.SliceTCA) and (size == 0 or 1e-150 < size < 1e150):
        if np.any(model.nonnegative):
            with pytest.raises(ValueError, match="canonical form"):
                model.canonicalize()
        else:
            np.testing.assert_allclose(model.canonicalize().reconstruct(), whole, rtol=0, atol=1e-3 * size)
    if path is not None:
        assert set(model.to_xarray().sizes) >= set(model.dims_)
        model.save(path)
        np.testing.assert_array_equal(fg.load(path).reconstruct(), model.reconstruct())


@each_kind
@pytest.mark.parametrize("seed", range(4))
def test_junk_arguments_give_a_documented_exception_or_a_valid_fit(
    kind: Callable[..., Any], seed: int, tmp_path: Path
) -> None:
    n_fits, n_refused, failures = 0, 0, Failures()
    for parameters, X, observed in islice(junk_calls(kind, seed), N_COMBINATIONS):
        # A thousand million components or restarts are a matter of memory and patience.
        if any(type(parameters[name]) is int and parameters[name] == 2**31 for name in COUNTS):
            continue
        try:
            model = kind(**parameters)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", fg.ConvergenceWarning)
                if hasattr(model, "fit_transform") and n_fits % 2:
                    assert model.fit_transform(X, observed).shape == (len(X), len(model.weights_))
                else:
                    model.fit(X, observed)
        except DOCUMENTED:
            n_refused += 1
            continue
        except BaseException as error:
            failures.note(error, parameters, X, observed)
            continue
        n_fits += 1
        try:
            # To save and to label takes longer than to fit.
            check_model(model, X, observed, tmp_path / "model" if n_fits % 8 == 0 else None)
        except BaseException as error:
            failures.note(error, parameters, X, observed)
    failures.report()
    # Neither side is idle: about half of the calls are fine.
    assert n_fits > N_COMBINATIONS // 3
    assert n_refused > N_COMBINATIONS // 3


# What may be done to a fitted model with an argument, and what is refused beside DOCUMENTED.
METHODS: dict[str, tuple[Callable[[Any, np.random.Generator], Any], tuple[type[Exception], ...]]] = {
    "reconstruct": (lambda model, rng: model.reconstruct(anything(rng)), (IndexError,)),
    "reconstruct two": (lambda model, rng: model.reconstruct(anything(rng), anything(rng)), (IndexError,)),
    "reconstruct typed": (lambda model, rng: model.reconstruct(1, anything(rng)), (IndexError,)),
    "transform": (lambda model, rng: model.transform(tensor(rng)), ()),
    "transform masked": (lambda model, rng: model.transform(X := tensor(rng), mask(rng, X)), ()),
    "score": (lambda model, rng: model.score(tensor(rng)), ()),
    "score masked": (lambda model, rng: model.score(X := tensor(rng), mask(rng, X)), ()),
    "set_params": (lambda model, rng: model.set_params(**{str(anything(rng)): 1}), ()),
    "save": (lambda model, rng: model.save(anything(rng)), (OSError,)),
    "load": (lambda _, rng: fg.load(anything(rng)), (OSError,)),
}


@each_kind
@pytest.mark.parametrize("method", METHODS)
def test_junk_for_a_method_gives_a_documented_exception_and_leaves_the_model(
    kind: Callable[..., Any], method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=SHAPE)
    model = kind(2 if kind is fg.TCA else (1, 1, 1), random_state=0).fit(X)
    before = model.reconstruct()
    rng, failures = np.random.default_rng(0), Failures()
    call, refused = METHODS[method]
    for _ in range(N_COMBINATIONS // 2):
        state = rng.bit_generator.state["state"]["state"]
        try:
            call(model, rng)
        except (*DOCUMENTED, *refused):
            pass
        except BaseException as error:
            failures.note(error, method, state)
    failures.report()
    np.testing.assert_array_equal(model.reconstruct(), before)


@each_kind
def test_junk_parameters_after_the_fit_never_spoil_it(kind: Callable[..., Any], tmp_path: Path) -> None:
    """`set_params` stores anything; whatever uses a parameter says what is wrong with it, or does not need it."""
    X = np.random.default_rng(0).normal(size=SHAPE)
    model = kind(2 if kind is fg.TCA else (1, 1, 1), random_state=0).fit(X)
    whole, sane = model.reconstruct(), model.get_params()
    rng, failures = np.random.default_rng(1), Failures()
    for _ in range(N_COMBINATIONS // 4):
        name, value = str(rng.choice(list(sane))), anything(rng)
        model.set_params(**{name: value})
        calls = {
            "show": lambda: repr(model) + model._repr_html_(),
            "reconstruct": model.reconstruct,
            "transform": lambda: model.transform(X),
            "score": lambda: model.score(X[:2]),
            "canonicalize": getattr(model, "canonicalize", model.reconstruct),
            "label": model.to_xarray,
        }
        for use, call in calls.items():
            try:
                call()
            except DOCUMENTED:
                assert use in ("transform", "score", "canonicalize", "reconstruct"), (use, name, value)
            except BaseException as error:
                failures.note(error, use, name, value)
        model.save(tmp_path / "model")
        again = fg.load(tmp_path / "model").set_params(**sane)
        np.testing.assert_allclose(again.reconstruct(), whole, rtol=0, atol=1e-9)
        model.set_params(**sane)
    failures.report()
    np.testing.assert_allclose(model.reconstruct(), whole, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_junk_given_to_the_core_itself_never_panics(seed: int) -> None:
    """The compiled functions are not for users, but nothing reachable from Python may panic."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=SHAPE)
    good: dict[str, dict[str, Any]] = {
        "transform_tca": {
            "x": X,
            "mask": None,
            "weights": np.ones(2),
            "factors": [rng.normal(size=(n, 2)) for n in SHAPE],
            "nonnegative": False,
            "n_threads": 1,
        },
        "reconstruct_tca": {
            "weights": np.ones(2),
            "factors": [rng.normal(size=(n, 2)) for n in SHAPE],
            "components": [0, 1],
            "single": False,
        },
        "reconstruct_slicetca": {
            "loadings": [rng.normal(size=(1, n)) for n in SHAPE],
            "slices": [rng.normal(size=(1, 4, 6)), rng.normal(size=(1, 5, 6)), rng.normal(size=(1, 5, 4))],
            "components": [[0], [0], [0]],
            "single": False,
            "n_threads": 1,
        },
    }
    good["canonicalize_slicetca"] = {
        name: good["reconstruct_slicetca"][name] for name in ("loadings", "slices", "n_threads")
    }
    matrices: list[Any] = [
        [],
        [np.ones((2, 2))],
        [np.ones((n, 3)) for n in SHAPE],
        [np.ones((3, n)) for n in SHAPE],
        [np.asfortranarray(rng.normal(size=(n, 2))) for n in SHAPE],
        [np.zeros((0, n)) for n in SHAPE],
        [np.ones((1, 2, 2))] * 3,
        [np.full((n, 2), np.nan) for n in SHAPE],
        [[7], [0], [0]],
        np.ones(5),
    ]
    failures = []
    for function, arguments in good.items():
        for name in arguments:
            for value in [*matrices, *(make(rng) for make in ANYTHING)]:
                try:
                    getattr(_core, function)(**{**arguments, name: value})
                except (*DOCUMENTED, OverflowError, IndexError):
                    pass
                except BaseException as error:
                    failures.append(f"{function}({name}={described(value)}): {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)
