"""Recordings in chunks of trials: the model that a fit in memory finds, whoever holds the chunks and however long.

Where two fits end at the same minimum, both have stopped at gains below 1e-12 of the loss L. Convergence that is linear
with a rate below .9 leaves less than 1e-11 L above the minimum; so losses agree within 1e-9, reconstructions (whose
mean squared distance is what the loss has still to fall) within 3e-6 √L, and factors within a few times that.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import distributed
import numpy as np
import pytest
import xarray as xr
from tests.common.chunked import KINDS, Source, in_dask
from tests.common.estimators import arrays_of, assert_same_fit, planted_cp, planted_slices, with_gaps

import fastigial as fg
from fastigial.tensor import chunks, progress
from fastigial.tensor.chunks import Chunks, as_chunks

# More trials than a sample has.
SHAPE = (100, 9, 8)
PRECISE = {"random_state": 0, "tol": 1e-12, "max_iter": 5000}
# Bytes of a chunk, where sources do not say: nine trials.
CHUNK_BYTES = 9 * 9 * 8 * 8


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", CHUNK_BYTES)


def in_parts(X: np.ndarray, n_trials: int = 7) -> Source:
    """Seven trials a chunk: that leaves a rest of two."""
    return Source(X, chunks=(n_trials, *X.shape[1:]))


def tca(n_components: int = 2, **parameters: Any) -> fg.TCA:
    return fg.TCA(n_components, **{**PRECISE, **parameters})


def slice_tca(n_components: tuple[int, int, int] = (1, 1, 1), **parameters: Any) -> fg.SliceTCA:
    return fg.SliceTCA(n_components, **{**PRECISE, **parameters})


def cp(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return planted_cp(seed, shape)[0]


def slices(seed: int = 0, *, nonnegative: bool = False) -> np.ndarray:
    return planted_slices(seed, SHAPE, nonnegative=(nonnegative,) * 3)[0]


def gappy(X: np.ndarray) -> np.ndarray:
    """A tenth is missing, and so is all of the second chunk of seven trials, and one trial more."""
    X = with_gaps(X, 0.1)
    X[7:14] = np.nan
    X[50] = np.nan
    return X


def speckles(X: np.ndarray) -> np.ndarray:
    return np.random.default_rng(3).random(X.shape) < 0.9


def assert_same_model(model: Any, reference: Any) -> None:
    """The same minimum, as far as two descents come.

    Non-negative SliceTCA creeps (a rate of .999), so that a gain of 1e-12 can leave a thousandfold of that; and several
    of its models have one reconstruction.
    """
    creeps = isinstance(model, fg.SliceTCA) and bool(model.nonnegative)
    noise = np.sqrt(reference.loss_)
    assert model.loss_ == pytest.approx(reference.loss_, rel=1e-9)
    assert model.explained_variance_ == pytest.approx(reference.explained_variance_, rel=1e-9)
    assert model.dtype_ == reference.dtype_
    distance = np.sqrt(np.mean((model.reconstruct() - reference.reconstruct()) ** 2))
    assert distance < 3e-6 * (30.0 if creeps else 1.0) * noise
    if creeps:
        return
    for name in model._arrays:
        for ours, theirs in zip(getattr(model, name), getattr(reference, name), strict=True):
            size = np.abs(theirs).max(initial=0.0)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * size, err_msg=name)


SAME: dict[str, tuple[Any, np.ndarray, np.ndarray | None]] = {
    "tca": (tca(), cp(), None),
    "tca-nonnegative": (tca(nonnegative=True), cp(), None),
    "tca-gaps": (tca(), gappy(cp()), None),
    "tca-nonnegative-gaps": (tca(nonnegative=True), gappy(cp()), None),
    "tca-mask": (tca(), cp(), speckles(cp())),
    "tca-two-axes": (tca(1), cp(0, (100, 12)), None),
    "tca-four-axes": (tca(), cp(0, (100, 4, 5, 3)), None),
    "tca-four-axes-gaps": (tca(), gappy(cp(0, (100, 4, 5, 3))), None),
    "slicetca": (slice_tca(), slices(), None),
    "slicetca-nonnegative": (slice_tca(nonnegative=True, n_init=2), slices(nonnegative=True)[:70, :6, :5], None),
    "slicetca-gaps": (slice_tca(), gappy(slices()), None),
    "slicetca-mask": (slice_tca(), slices(), speckles(slices())),
    "slicetca-two-types": (slice_tca((2, 0, 1)), planted_slices(0, SHAPE, (2, 0, 1))[0], None),
}


# How few trials a fit may read at a time, and how unevenly; in dask that can even be none.
CUTS: dict[str, tuple[int, ...]] = {
    "one": (1,) * 20 + (20, 60),
    "unequal rest": (24,) * 4 + (4,),
    "uneven": (1, 60, 0, 38, 1),
}
BOTH = {"tca": (tca, cp), "slicetca": (slice_tca, slices)}
both = pytest.mark.parametrize(("make", "data"), BOTH.values(), ids=list(BOTH))
with_few_sweeps = pytest.mark.filterwarnings("ignore::fastigial.ConvergenceWarning")


@pytest.mark.parametrize("name", SAME)
def test_the_model_is_that_of_a_fit_in_memory(name: str) -> None:
    estimator, X, mask = SAME[name]
    in_memory = type(estimator)(**estimator.get_params()).fit(X, mask)
    model = type(estimator)(**estimator.get_params()).fit(in_parts(X), mask)
    assert in_memory.converged_
    assert model.converged_
    assert_same_model(model, in_memory)
    assert model.evaluate(in_parts(X), mask) == pytest.approx(model.loss_, rel=1e-9)


@both
def test_single_precision_ends_where_double_precision_does(make: Any, data: Any) -> None:
    """Entries are read in single precision (6e-8), sums and factors are kept in double."""
    X = data().astype(np.float32)
    model, in_memory = make(tol=1e-8).fit(in_parts(X)), make().fit(X.astype(np.float64))
    assert model.dtype_ == model.reconstruct().dtype == np.float32
    assert model.loss_ == pytest.approx(in_memory.loss_, rel=1e-5)
    np.testing.assert_allclose(model.reconstruct(), in_memory.reconstruct(), rtol=0, atol=1e-4 * np.abs(X).max())


@both
@pytest.mark.parametrize(("gaps", "rounding"), [(False, 1e-11), (True, 1e-9)])
def test_the_chunks_make_no_difference(make: Any, data: Any, gaps: bool, rounding: float) -> None:
    """Three sweeps from one start: nothing but the order of sums differs."""
    X = gappy(data()) if gaps else data()
    fits = [_swept(make(max_iter=3), in_dask(X, cut)) for cut in CUTS.values()]
    for fit, other in itertools.pairwise(fits):
        np.testing.assert_allclose(fit.loss_history_, other.loss_history_, rtol=rounding)
        np.testing.assert_allclose(fit.reconstruct(), other.reconstruct(), rtol=0, atol=rounding * np.nanmax(np.abs(X)))


def _swept(estimator: Any, X: Any, mask: Any = None) -> Any:
    with pytest.warns(fg.ConvergenceWarning):
        return estimator.fit(X, mask)


@both
@pytest.mark.parametrize("factor", [1e-160, 1e160])
def test_units_do_not_matter(make: Any, data: Any, factor: float) -> None:
    """Squares of such entries do not exist; a chunk of zeros and one of NaN has no scale of its own."""
    X = gappy(data())
    X[14:21] = 0.0
    plain, scaled = make().fit(in_parts(X)), make().fit(in_parts(X * factor))
    assert scaled.explained_variance_ == pytest.approx(plain.explained_variance_, rel=1e-9)
    assert scaled.score(in_parts(X * factor)) == pytest.approx(plain.explained_variance_, rel=1e-9)
    size = np.abs(plain.reconstruct()).max()
    np.testing.assert_allclose(scaled.reconstruct() / factor, plain.reconstruct(), rtol=0, atol=1e-5 * size)


@both
def test_integers_are_numbers(make: Any, data: Any) -> None:
    counts = np.round(3 * np.abs(data())).astype(np.int16)
    assert_same_fit(make().fit(in_parts(counts)), make().fit(in_parts(counts.astype(np.float64))))


@pytest.mark.parametrize("make", [tca, slice_tca])
def test_silence_is_explained(make: Any) -> None:
    model = make().fit(in_parts(np.zeros(SHAPE)))
    assert model.loss_ == 0.0
    assert model.explained_variance_ == model.score(in_parts(np.zeros(SHAPE))) == 1.0
    assert not model.reconstruct().any()


# Sources


@both
@pytest.mark.parametrize("kind", KINDS)
def test_any_source_will_do(make: Any, data: Any, kind: str, tmp_path: Path) -> None:
    X = data()
    source = KINDS[kind](X, tmp_path)
    cut = as_chunks(source, None)
    assert cut is not None
    assert len(cut.spans) > 5
    assert max(b - a for a, b in cut.spans) <= 9
    few = {"max_iter": 2}
    model, reference = _swept(make(**few), source), _swept(make(**few), in_parts(X))
    np.testing.assert_allclose(model.loss_history_, reference.loss_history_, rtol=1e-11)
    assert model.score(source) == pytest.approx(reference.score(X), rel=1e-11)


def test_small_sources_are_simply_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    X = cp()
    monkeypatch.setattr(chunks, "CHUNK_BYTES", X.nbytes)
    for kind in ("memmap", "zarr", "h5py", "dask-along-neurons"):
        source = KINDS[kind](X, tmp_path)
        assert as_chunks(source, None) is None
        assert_same_fit(tca().fit(source), tca().fit(X))
    assert as_chunks(in_dask(X, 100), None) is None
    assert as_chunks(X, None) is None


def test_chunks_hold_what_the_kernels_take() -> None:
    """Bytes count in the kernels' precision: eight a number, except for float32; in either order of bytes."""
    for dtype, n_trials in (("u1", 9), ("i4", 9), ("<f8", 9), (">f8", 9), ("<f4", 18), (">f4", 18)):
        cut = as_chunks(Source(np.ones(SHAPE, dtype)), None)
        assert cut is not None
        assert cut.spans[0] == (0, n_trials), dtype
        assert cut.dtype == (np.float32 if "f4" in dtype else np.float64)


@pytest.mark.parametrize(
    ("stored", "n_trials"),
    [((4, 9, 8), 8), ((4, 3, 2), 8), ((9, 9, 8), 9), ((20, 9, 8), 20), ((100, 1, 1), 9), ((20, 3, 8), 9)],
)
def test_chunks_of_files_are_read_whole_unless_they_are_long_and_narrow(stored: tuple[int, ...], n_trials: int) -> None:
    """Nine trials may be read at a time, or as many as one stored chunk has entries."""
    cut = as_chunks(Source(np.ones(SHAPE), chunks=stored), None)
    assert cut is not None
    assert cut.spans[0] == (0, n_trials)
    assert cut.spans[-1][1] == 100


def test_labels_come_along() -> None:
    trials = np.arange(100) * 10
    X = xr.DataArray(
        in_dask(cp()), dims=("k", "n", "t"), coords={"k": trials, "area": ("n", list("aabbccdda"))}, name="rates"
    )
    model = _swept(tca(max_iter=1), X)
    assert model.dims_ == ("k", "n", "t")
    np.testing.assert_array_equal(model.coords_["k"][1], trials)
    assert model.to_pandas()["n"].groupby("area").mean().shape == (4, 2)
    assert_same_fit(model, _swept(tca(max_iter=1), in_dask(cp())))


@pytest.mark.parametrize("kind", ["numpy", "dask", "dask-cut-otherwise", "list", "labelled"])
@pytest.mark.parametrize("source", [in_dask, in_parts])
def test_masks_may_be_anything(kind: str, source: Callable[[np.ndarray], Any]) -> None:
    X = cp()
    mask = speckles(X)
    reference = _swept(tca(max_iter=2), source(X), mask)
    given: Any = {
        "numpy": mask,
        "dask": in_dask(mask),
        "dask-cut-otherwise": da.from_array(mask, chunks=(13, 4, 8)),
        "list": mask.tolist(),
        "labelled": xr.DataArray(in_dask(mask), dims=("k", "n", "t")),
    }[kind]
    assert_same_fit(_swept(tca(max_iter=2), source(X), given), reference)
    assert reference.score(source(X), given) == pytest.approx(reference.explained_variance_, rel=1e-9)


def test_labelled_masks_may_have_their_axes_in_another_order() -> None:
    X = xr.DataArray(in_dask(cp()), dims=("k", "n", "t"))
    mask = xr.DataArray(speckles(cp()), dims=("k", "n", "t"))
    model = _swept(tca(max_iter=2), X, mask)
    assert_same_fit(_swept(tca(max_iter=2), X, mask.transpose("t", "k", "n")), model)
    with pytest.raises(ValueError, match="mask has the axes"):
        tca().fit(X, mask.rename(k="trials"))


def test_hidden_entries_of_masked_arrays_are_not_observed() -> None:
    X = cp()
    seen = speckles(X)
    hidden = in_dask(np.where(seen, X, 1e6)).map_blocks(np.ma.masked_greater, 1e5)
    assert_same_fit(_swept(tca(max_iter=2), hidden), _swept(tca(max_iter=2), in_dask(X), seen))


# What is read


class TestReads:
    """Every pass reads each chunk once."""

    n_chunks = 15

    @with_few_sweeps
    @pytest.mark.parametrize(
        ("estimator", "shape", "per_sweep"),
        [
            (tca(1), (100, 72), 1),
            (tca(), SHAPE, 2),
            (tca(), (100, 2, 6, 6), 3),
            (tca(nonnegative=True), SHAPE, 2),
            (slice_tca((1, 1, 1)), SHAPE, 3),
            (slice_tca((2, 0, 1)), SHAPE, 2),
            (slice_tca((0, 1, 0)), SHAPE, 1),
        ],
    )
    def test_one_sweep(self, estimator: Any, shape: tuple[int, ...], per_sweep: int) -> None:
        """The survey, a sweep, and the loss at the end."""
        source = in_parts(cp(0, shape))
        type(estimator)(**{**estimator.get_params(), "max_iter": 1}).fit(source)
        n_passes = 1 + per_sweep + 1
        assert source.reads == [(a, min(a + 7, 100)) for a in range(0, 100, 7)] * n_passes

    @both
    def test_many_sweeps(self, make: Any, data: Any) -> None:
        """A sweep whose extrapolation failed is repeated, so each may count twice."""
        source = in_parts(data())
        model = make().fit(source)
        per_sweep = 2 if isinstance(model, fg.TCA) else 3
        sweeps, rest = divmod(len(source.reads) // self.n_chunks - 2, per_sweep)
        assert rest == 0
        assert model.n_iter_ <= sweeps < 2 * model.n_iter_

    @both
    def test_comparing_and_transforming(self, make: Any, data: Any) -> None:
        """One pass; to recognise the recording, its first and its last chunk besides."""
        X = data()
        model, source = make().fit(X), in_parts(X)
        for ask, n_reads in ((model.transform, 15), (model.score, 17), (model.evaluate, 17)):
            source.reads.clear()
            ask(source)
            assert len(source.reads) == n_reads

    @pytest.mark.parametrize(
        ("estimator", "message"),
        [
            (tca(0), "n_components"),
            (tca(nonnegative=[True]), "nonnegative"),
            (tca(init="best"), "init is 'best'"),
            (tca(tol=-1.0), "tol"),
            (tca(init=fg.TCA(2)), "not fitted"),
            (tca(init=fg.TCA(2, random_state=0).fit(cp(0, (99, 9, 8)))), "init has shape"),
            (tca(init=fg.TCA(1, random_state=0).fit(cp(0, (99, 9, 8)))), "init has shape"),
            (slice_tca((1, 10, 1)), r"n_components is \[1, 10, 1\]"),
            (slice_tca((0, 0, 0)), "n_components"),
            (slice_tca(invariance="total"), "invariance"),
            (slice_tca(n_init="many"), "n_init"),
            (slice_tca(init=fg.SliceTCA((1, 0, 0), random_state=0).fit(cp(0, (99, 9, 8)))), "init has shape"),
        ],
    )
    def test_parameters_are_refused_before_anything_is_read(self, estimator: Any, message: str) -> None:
        source = in_parts(cp())
        with pytest.raises(ValueError, match=message):
            estimator.fit(source)
        assert source.reads == []


# Where a fit begins


@both
def test_trials_that_tell_nothing_are_not_where_a_fit_begins(make: Any, data: Any) -> None:
    """The 64 trials that would be drawn are hidden: others are, of which the fit is then made."""
    X = data()
    X[np.linspace(0, 99, 64).round().astype(int)] = np.nan
    assert_same_model(make().fit(in_parts(X)), make().fit(X))
    X[np.isnan(X)] = 0.0
    assert make().fit(in_parts(X)).loss_ == pytest.approx(make().fit(X).loss_, rel=1e-9)


@both
def test_a_fitted_model_is_a_start(make: Any, data: Any) -> None:
    X = data()
    known = make().fit(X)
    model = make(init=known, max_iter=4, tol=1e-9).fit(in_parts(X))
    assert model.converged_
    assert_same_model(model, known)


@pytest.mark.parametrize(
    ("small", "large", "data"), [(tca(1), tca(2), cp), (slice_tca((1, 0, 1)), slice_tca(), slices)]
)
def test_a_smaller_model_is_a_start(small: Any, large: Any, data: Any) -> None:
    X = data()
    start = small.fit(in_parts(X))
    grown = type(large)(**{**large.get_params(), "init": start}).fit(in_parts(X))
    assert_same_model(grown, large.fit(X))


@both
def test_restarts_are_made_on_the_sample(make: Any, data: Any) -> None:
    model = make(n_init=3, init="random").fit(in_parts(data()))
    assert len(model.restart_losses_) == 3


# Scores and other trials


@both
def test_scores_are_those_in_memory(make: Any, data: Any) -> None:
    X, other = data(), data(5)
    mask = speckles(X)
    in_memory, model = make().fit(X, mask), make().fit(in_parts(X), mask)
    for fitted in (in_memory, model):
        for recording in (X, other, other[:33]):
            hidden = ~mask[: len(recording)]
            assert fitted.score(in_parts(recording)) == pytest.approx(fitted.score(recording), rel=1e-9)
            assert fitted.evaluate(in_dask(recording), hidden) == pytest.approx(
                fitted.evaluate(recording, hidden), rel=1e-9
            )
        assert fitted.score(in_parts(X), mask) == pytest.approx(fitted.explained_variance_, rel=1e-9)
        # Chunks at the ends may tell nothing.
        assert fitted.score(in_parts(gappy(X)), mask) == pytest.approx(fitted.score(gappy(X), mask), rel=1e-9)


@both
def test_another_recording_is_not_taken_for_the_fitted_one(make: Any, data: Any) -> None:
    """It has the same trials in the middle, and its first chunk was not observed."""
    X = data()
    X[:7] = np.nan
    other = X.copy()
    other[90:] = -3 * other[90:] + 1.0
    for fitted in (make().fit(X), make().fit(in_parts(X))):
        said = fitted._reconstruct_new(fg.tensor.intake.take(other))
        seen = ~np.isnan(other)
        expected = np.mean((other - said)[seen] ** 2)
        assert fitted.evaluate(in_parts(other)) == pytest.approx(expected, rel=1e-9)
        assert fitted.evaluate(other) == pytest.approx(expected, rel=1e-9)


@both
def test_other_trials_are_transformed_chunk_by_chunk(make: Any, data: Any) -> None:
    model, new = make().fit(data()), gappy(data(3))
    mask = speckles(new)
    whole, parts = model.transform(new, mask), model.transform(in_parts(new), mask)
    if isinstance(model, fg.TCA):
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-9 * np.abs(whole).max())
        return
    for name in ("loadings", "neuron_slices", "time_slices"):
        ours, theirs = getattr(parts, name), getattr(whole, name)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())
    with pytest.raises(ValueError, match="X has shape"):
        model.transform(in_parts(new[:, :5]))


# Errors


@both
def test_infinities_are_refused_wherever_they_stand(make: Any, data: Any) -> None:
    X = data()
    X[60, 1, 1] = np.inf
    for method in (make().fit, make().fit(data()).score, make().fit(data()).transform):
        with pytest.raises(ValueError, match="X holds infinite values; mark what was not observed as NaN"):
            method(in_parts(X))
    hidden = np.isfinite(X)
    assert make().fit(in_parts(X), hidden).converged_


@both
def test_nothing_observed_is_refused(make: Any, data: Any) -> None:
    X = data()
    for arguments in ((np.full(SHAPE, np.nan), None), (X, np.zeros(SHAPE, bool))):
        in_memory = _message(make(), *arguments)
        assert "no observed entry" in in_memory
        assert _message(make(), in_parts(arguments[0]), arguments[1]) == in_memory


def _message(estimator: Any, *arguments: Any) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        estimator.fit(*arguments)
    return str(caught.value)


def test_what_cannot_be_a_recording_is_refused_as_in_memory() -> None:
    X = cp()
    complex_numbers, short, text = X.astype(complex), X.astype(np.float16), X.astype(str)
    for bad in (complex_numbers, short, text, X[:, 0, 0], np.zeros((0, 9, 8))):
        for source in (in_dask, in_parts):
            assert _message(tca(), source(bad)) == _message(tca(), bad)
    assert _message(slice_tca(), in_dask(X[0])) == _message(slice_tca(), X[0])
    assert _message(tca(), in_dask(X), np.ones(SHAPE)) == _message(tca(), X, np.ones(SHAPE))


def test_masks_of_another_shape_are_refused() -> None:
    for bad in (np.ones((100, 9), bool), in_dask(np.ones((99, 9, 8), bool))):
        with pytest.raises(ValueError, match=re.escape(f"mask has shape {bad.shape}, expected that of X, {SHAPE}")):
            tca().fit(in_dask(cp()), bad)


def test_chunks_of_unknown_size_are_refused() -> None:
    X = in_dask(cp())
    unknown = X[X[:, 0, 0] > np.median(cp()[:, 0, 0])]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        tca().fit(unknown)
    assert tca().fit(unknown.compute_chunk_sizes()).shape_[0] < 100


@both
@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError("the disk is gone")], ids=["Ctrl-C", "disk"])
def test_a_failure_in_the_middle_keeps_what_was_fitted(make: Any, data: Any, failure: BaseException) -> None:
    X = data()
    per_sweep = 2 if make is tca else 3
    # In the middle of a pass of the third sweep.
    source = in_parts(X)
    source.failure, source.n_good = failure, 15 * (1 + 2 * per_sweep) + 8
    model = make(tol=0.0)
    with pytest.raises(type(failure)) as caught:
        model.fit(source)
    assert caught.value is failure
    assert model.outcome_ == "interrupted"
    assert not model.converged_
    assert model.n_iter_ == 2
    assert model.loss_ == model.loss_history_[-1]
    # Loadings of the trials are those that the last sweep's equations used; later ones would only be better.
    assert model.evaluate(X) <= model.loss_ * (1 + 1e-9)


@both
def test_a_failure_before_the_first_sweep_keeps_the_earlier_fit(make: Any, data: Any) -> None:
    model = make().fit(in_parts(data()))
    before = arrays_of(model)
    source = in_parts(data(1))
    source.failure, source.n_good = KeyboardInterrupt(), 15 + 8
    with pytest.raises(KeyboardInterrupt):
        model.fit(source)
    assert all(np.array_equal(before[name], array) for name, array in arrays_of(model).items())


# Progress


def test_progress_tells_of_sweeps_and_shows_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    X = cp(0, (100, 90, 80))
    told: list[tuple[int, int, float]] = []
    _swept(tca(max_iter=3, progress=lambda *step: told.append(step)), Source(X))
    assert all(total == 3 and loss > 0 for _, total, loss in told)
    seen: list[str] = []
    monkeypatch.setattr(progress, "_BETWEEN_CHUNKS", 0.0)
    monkeypatch.setattr(progress, "_new_bar", lambda title, unit: _Bar(title, unit, seen))
    _swept(tca(max_iter=1, progress=True), in_parts(X))
    assert seen.count("TCA: chunk 15 of 15") == 4
    assert seen[-1] == "closed"


class _Bar(progress._Line):
    """Keeps what it shows."""

    def __init__(self, title: str, unit: str, seen: list[str]) -> None:
        super().__init__(title, unit)
        self._seen = seen

    def show_chunk(self, done: int, n_chunks: int) -> None:
        self._seen.append(f"{self._title}: chunk {done} of {n_chunks}")

    def close(self) -> None:
        self._seen.append("closed")


# Threads and clusters


@both
def test_the_same_numbers_on_any_number_of_threads(make: Any, data: Any) -> None:
    one, two = (make(n_threads=n).fit(in_parts(gappy(data()))) for n in (1, 2))
    assert_same_fit(one, two)


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """Two worker processes on this machine; a context, so that other tests run without them."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0", processes=True
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@both
@pytest.mark.parametrize("mask", ["none", "numpy", "dask"])
def test_a_cluster_gives_exactly_the_same(
    make: Any, data: Any, mask: str, client: distributed.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = in_dask(gappy(data()), 26)
    seen = speckles(data())
    given = {"none": None, "numpy": seen, "dask": in_dask(seen, 26)}[mask]
    here = _swept(make(max_iter=2), X, given)
    new = here.transform(X, given)
    monkeypatch.setattr(Chunks, "load", _refuse)
    with client.as_current(), distributed.get_task_stream(client=client) as stream:
        there = _swept(make(max_iter=2), X, given)
        again = there.transform(X, given)
    assert_same_fit(there, here)
    for ours, theirs in zip(_arrays(again), _arrays(new), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    workers = {task["worker"] for task in stream.data if "_on_worker" in str(task["key"])}
    assert len(workers) == 2
    monkeypatch.undo()
    with client.as_current():
        assert there.score(X, given) == here.score(X, given)


def _arrays(new: Any) -> list[np.ndarray]:
    return [new] if isinstance(new, np.ndarray) else [new.loadings, new.neuron_slices, new.time_slices]


def _refuse(chunks: Chunks, number: int) -> Any:
    raise AssertionError(f"chunk {number} of {chunks.shape} came to the process that asked")


def test_failures_on_a_cluster_come_home(client: distributed.Client) -> None:
    X = cp()
    X[60, 1, 1] = np.inf
    with client.as_current(), pytest.raises(ValueError, match="X holds infinite values"):
        tca().fit(in_dask(X))


def test_persisted_recordings_stay_where_they_are(client: distributed.Client) -> None:
    with client.as_current():
        X = in_dask(cp(), 50).persist()
        there = _swept(tca(max_iter=2), X)
    assert_same_fit(there, _swept(tca(max_iter=2), in_dask(cp(), 50)))
