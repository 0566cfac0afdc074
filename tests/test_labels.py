"""Labels: what names the axes of the data names the rows of the results, in xarray, in pandas, and after a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.common.estimators import SHAPE, Case, assert_same_fit, each_case, fitted, planted_cp

import fastigial as fg

DIMS = ("trial", "neuron", "time")


def labelled(case: Case, **coords: Any) -> xr.DataArray:
    return xr.DataArray(case.recording(), dims=DIMS, coords=coords)


def hierarchical(case: Case) -> xr.DataArray:
    """Trials labelled by day and cue at once, neurons by probe and depth."""
    days = pd.date_range("2026-11-01", periods=3)
    trials = pd.MultiIndex.from_product([days, list("abcd")], names=["day", "cue"])
    neurons = pd.MultiIndex.from_product([[1, 2, 3], [0.5, 1.0, 1.5]], names=["probe", "depth"])
    X = xr.DataArray(case.recording(), dims=DIMS)
    for dim, index in (("trial", trials), ("neuron", neurons)):
        X = X.assign_coords(xr.Coordinates.from_pandas_multiindex(index, dim))
    return X


# xarray


@each_case
def test_labels_of_a_recording_come_out_again(case: Case) -> None:
    X = case.recording()
    coords = {"condition": ("trial", np.array(["a", "b", "c"] * 4)), "time": ("time", np.arange(10) / 10)}
    model = case.make().fit(fg.Recording(X, coords=coords))
    assert_same_fit(model, fitted(case.name))
    assert model.dims_ == ("trial", "neuron", "time")
    assert set(model.coords_) == set(coords)
    for name, (dim, values) in coords.items():
        assert model.coords_[name][0] == dim
        np.testing.assert_array_equal(model.coords_[name][1], values)
    dataset = model.to_xarray()
    np.testing.assert_array_equal(dataset.coords["condition"], coords["condition"][1])
    assert dataset.coords["time"].dims == ("time",)


@each_case
def test_labels_of_a_data_array_come_out_again(case: Case) -> None:
    X = xr.DataArray(
        case.recording(),
        dims=("session", "cell", "bin"),
        coords={
            "cell": [f"u{i}" for i in range(SHAPE[1])],
            "reward": ("session", np.arange(SHAPE[0]) % 2 == 0),
            "speed": (("session", "bin"), np.zeros((SHAPE[0], SHAPE[2]))),
            "animal": "M1",
        },
    )
    model = case.make().fit(X)
    assert_same_fit(model, fitted(case.name))
    assert model.dims_ == ("session", "cell", "bin")
    assert set(model.coords_) == {"cell", "reward"}
    dataset = model.to_xarray()
    assert {"session", "cell", "bin"} <= set(dataset.dims)
    assert dataset["reward"].dims == ("session",)
    assert list(dataset.indexes["cell"][:2]) == ["u0", "u1"]
    held = [array for variable in dataset.variables.values() for array in [variable.values]]
    for name in case.learned:
        value = getattr(model, name)
        for array in value if isinstance(value, list) else [value]:
            assert any(np.array_equal(array, other) for other in held), name


@each_case
def test_an_array_has_default_labels(case: Case) -> None:
    assert fitted(case.name).dims_ == ("trial", "neuron", "time")
    assert fitted(case.name).coords_ == {}


@each_case
def test_a_hierarchical_index_comes_out_whole(case: Case, tmp_path: Path) -> None:
    X = hierarchical(case)
    model = case.make().fit(X)
    assert_same_fit(model, fitted(case.name))
    model.save(tmp_path / "model")
    for dataset in (model.to_xarray(), fg.load(tmp_path / "model").to_xarray()):
        for dim in ("trial", "neuron"):
            assert dataset.indexes[dim].equals(X.indexes[dim])
            assert dataset.indexes[dim].names == X.indexes[dim].names
        assert dataset.sel(day="2026-11-02").sizes["cue"] == 4
    np.testing.assert_array_equal(model.coords_["day"][1], X["day"])


@each_case
def test_labels_of_any_type_come_out_as_they_were(case: Case, tmp_path: Path) -> None:
    X = labelled(
        case,
        trial=np.datetime64("2026-11-25T09:00", "ns") + np.arange(SHAPE[0]) * np.timedelta64(1500, "ms"),
        neuron=[3 * i for i in range(SHAPE[1])],
        time=np.arange(SHAPE[2]) * np.timedelta64(20, "ms"),
        depth=("neuron", np.arange(SHAPE[1], dtype=np.float32) / 3),
        rewarded=("trial", np.arange(SHAPE[0]) % 2 == 0),
        area=("neuron", ["M1", "PMd", "ζ"] * 3),
    )
    model = case.make().fit(X)
    model.save(tmp_path / "model")
    for dataset in (model.to_xarray(), fg.load(tmp_path / "model").to_xarray()):
        assert set(dataset.coords) == set(X.coords)
        for name, coord in X.coords.items():
            assert dataset[name].dims == coord.dims
            assert dataset[name].dtype.kind == coord.dtype.kind
            np.testing.assert_array_equal(dataset[name], coord)


@each_case
def test_names_that_are_no_text_become_text(case: Case) -> None:
    X = xr.DataArray(case.recording(), dims=(("session", 1), "neuron", None))
    X = X.assign_coords({7: ("neuron", np.arange(SHAPE[1]))})
    model = case.make().fit(X)
    assert model.dims_ == ("('session', 1)", "neuron", "None")
    np.testing.assert_array_equal(model.to_xarray()["7"], np.arange(SHAPE[1]))


@each_case
def test_names_that_the_results_need_are_kept_apart(case: Case) -> None:
    """A recording may have an axis called component, or a coordinate called weights."""
    X = xr.DataArray(
        case.recording(),
        dims=("component", "trial_component", "weights"),
        coords={
            name: ("component", np.arange(SHAPE[0]))
            for name in ("component_factors", "component_loadings", "component_slices", "component_component")
        },
    )
    model = case.make().fit(X)
    dataset = model.to_xarray()
    assert {dim: dataset.sizes[dim] for dim in X.dims} == X.sizes
    for name in case.learned:
        value = getattr(model, name)
        for array in value if isinstance(value, list) else [value]:
            assert any(np.array_equal(array, other) for other in dataset.data_vars.values()), name
    assert len(dataset.coords) == len(X.coords)
    assert all(coord.dims == ("component",) for coord in dataset.coords.values())


@each_case
def test_two_axes_of_one_name_are_a_value_error(case: Case) -> None:
    with pytest.warns(UserWarning, match="Duplicate dimension"):
        X = xr.DataArray(case.recording(), dims=("trial", "neuron", "neuron"))
    with pytest.raises(ValueError, match=r"X has the axes .*different name"):
        case.make().fit(X)


@each_case
def test_a_labelled_mask_is_read_by_the_names_of_its_axes(case: Case) -> None:
    X = labelled(case)
    mask = xr.DataArray(np.random.default_rng(1).random(SHAPE) < 0.8, dims=DIMS)
    expected = case.make().fit(X, mask.values)
    assert_same_fit(case.make().fit(X, mask.transpose("time", "trial", "neuron")), expected)
    assert_same_fit(case.make().fit(X.values, mask), expected)
    with pytest.raises(ValueError, match="mask has the axes"):
        case.make().fit(X, mask.rename(time="bin"))


@each_case
def test_a_dataset_of_several_variables_is_a_type_error(case: Case) -> None:
    with pytest.raises(TypeError, match=r"X .*DataArray"):
        case.make().fit(xr.Dataset({"rates": labelled(case)}))


# pandas


def table() -> pd.DataFrame:
    neurons = pd.Index([f"u{i}" for i in range(9)], name="neuron")
    trials = pd.MultiIndex.from_product([[1, 2, 3], list("abcd")], names=["day", "cue"])
    return pd.DataFrame(planted_cp(0)[0][:, :, 0], index=trials, columns=neurons)


def test_a_table_is_a_matrix_with_labels() -> None:
    frame = table()
    model = fg.TCA(2, random_state=0).fit(frame)
    assert_same_fit(model, fg.TCA(2, random_state=0).fit(frame.to_numpy()))
    assert model.dims_ == ("mode_0", "neuron")
    dataset = model.to_xarray()
    assert dataset.indexes["mode_0"].equals(frame.index)
    assert dataset.indexes["neuron"].equals(frame.columns)


def test_a_table_without_labels_has_default_ones() -> None:
    model = fg.TCA(2, random_state=0).fit(pd.DataFrame(table().to_numpy()))
    assert model.dims_ == ("mode_0", "mode_1")
    assert model.coords_ == {}


def test_rows_and_columns_of_one_name_are_told_apart() -> None:
    correlations = table().corr()
    assert correlations.index.name == correlations.columns.name == "neuron"
    model = fg.TCA(2, random_state=0).fit(correlations.rename_axis(columns="neuron"))
    assert model.dims_ == ("mode_0", "mode_1")
    assert list(model.coords_["mode_1"][1]) == list(correlations.columns)


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "Int64"])
def test_na_in_a_table_is_not_observed(dtype: str) -> None:
    frame = table().round() if dtype == "Int64" else table()
    frame = frame.astype(dtype).where(frame > frame.iloc[0, 0])
    observed = frame.notna().to_numpy()
    assert not observed.all()
    plain = np.where(observed, frame.fillna(0).to_numpy(dtype=np.float64), np.nan)
    expected = fg.TCA(1, random_state=0).fit(plain)
    assert_same_fit(fg.TCA(1, random_state=0).fit(frame), expected)
    assert_same_fit(fg.TCA(1, random_state=0).fit(frame.fillna(0), frame.notna()), expected)


def long_table() -> pd.DataFrame:
    X = xr.DataArray(planted_cp(0)[0], dims=DIMS, coords={"neuron": list("abcdefghi")}, name="rate")
    return X.to_dataframe().reset_index()


@each_case
def test_a_long_table_is_refused_with_the_way_out(case: Case) -> None:
    frame = long_table()
    with pytest.raises(TypeError, match=r"X .*neuron.*to_xarray"):
        case.make().fit(frame)
    series = frame.set_index(list(DIMS))["rate"]
    with pytest.raises(ValueError, match=r"X .*Series.*to_xarray"):
        case.make().fit(series)
    # The advice works.
    model = case.make().fit(series.to_xarray())
    assert model.dims_ == DIMS
    assert list(model.coords_["neuron"][1]) == list("abcdefghi")


@pytest.mark.parametrize("odd", [["x"] * 12, pd.Categorical([1.0, 2.0] * 6), pd.date_range("2026", periods=12)])
def test_a_table_with_columns_that_are_no_numbers_is_a_type_error(odd: Any) -> None:
    frame = table()
    frame["odd"] = odd
    for X in (frame, frame[["odd", "odd"]]):
        with pytest.raises(TypeError, match=r"X .*odd"):
            fg.TCA(1).fit(X)


def test_a_table_is_no_tensor_of_three_axes() -> None:
    with pytest.raises(ValueError, match="three axes"):
        fg.SliceTCA((1, 1, 1)).fit(table())


@each_case
def test_tables_of_the_components_are_labelled(case: Case) -> None:
    X = hierarchical(case).assign_coords(time=np.arange(SHAPE[2]) / 50)
    tables = case.make().fit(X).to_pandas()
    assert list(tables) == list(DIMS)
    assert tables["trial"].index.equals(X.indexes["trial"])
    assert tables["time"].index.name == "time"
    np.testing.assert_array_equal(tables["time"].index, X["time"])
    model = fitted(case.name)
    for axis, (dim, frame) in enumerate(model.to_pandas().items()):
        columns = model.factors_[axis] if case.kind is fg.TCA else model.loadings_[axis].T
        np.testing.assert_array_equal(frame.to_numpy(), columns)
        assert frame.index.equals(pd.RangeIndex(SHAPE[axis]))
        assert (frame.index.name, frame.columns.name) == (dim, "component")


@each_case
def test_tables_group_by_any_coordinate(case: Case) -> None:
    X = labelled(case, trial=np.arange(100, 112), cue=("trial", list("ab") * 6))
    frame = case.make().fit(X).to_pandas()["trial"]
    expected = frame.to_numpy()[::2].mean(axis=0)
    np.testing.assert_allclose(frame.groupby("cue").mean().loc["a"], expected)
