"""Recordings with and without cerebellar block: files made up here, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from fastigial import datasets
from fastigial.analysis import initial_angular_error, lateral_deviation
from fastigial.datasets import load_cerebellar_block, load_hand_paths
from fastigial.datasets.registry import FORCE_FIELD, NULL_FIELD


def needs(source):
    there = (Path(datasets.data_folder() or "-") / source.folder).is_dir()
    return pytest.mark.skipif(not there, reason=f"needs FASTIGIAL_DATA with {source.folder}")


def struct(rows, event):
    """Trials as (target, cue, onset, n): n spikes at the first sample after the event, and one just before it."""
    spikes = np.zeros((len(rows), 4001), dtype=np.uint8)
    for row, (_, _, _, n) in enumerate(rows):
        spikes[row, 1999] = 1
        spikes[row, 2000 : 2000 + n] = 1
    shift = {"GO": 0.0, "CUE": 1.0, "TO": 2.0}[event]
    columns = {name: np.array([[row[k] for row in rows]]) for k, name in enumerate(("targets", "cue", "b2cev"))}
    return {"spikes": spikes, **columns, "loads": np.ones((1, len(rows))), "goev": columns["cue"] * 0 + shift}


def save_unit(folder, unit, control, block, *, site="m1", control_name="c01ee", block_name=2):
    events = ("GO", "CUE", "TO")
    record = {
        f"dat{kind}{event}": struct(rows, event)
        for event in events
        for kind, rows in (("control", control), ("dbs", block))
    }
    record |= {"sessname": "x010101", "subcontrol": control_name, "subdbs": block_name, "unitID": unit, "site": site}
    savemat(folder / f"Hx010101_{control_name}_c0{block_name}ee_unit{unit}.mat", record)


@pytest.fixture
def null_field(tmp_path):
    """Two units recorded together that share some trials, one of another area, one of another block."""
    a, b, c = (1, -500.25, 200.5, 1), (3, -480.0, 210.0, 2), (8, -470.0, 190.0, 3)
    d, e = (1, -500.25, 250.0, 4), (2, -450.0, 260.0, 5)
    save_unit(tmp_path, 101, [a, b, c], [d])
    save_unit(tmp_path, 102, [a, c], [d, e])
    save_unit(tmp_path, 201, [b], [e], site="pm")
    save_unit(tmp_path, 103, [a], [e], block_name=3)
    return tmp_path


class TestNullField:
    def load(self, folder, **options):
        options = {"window": (0.0, 0.01), "bin_width": 0.01, **options}
        return load_cerebellar_block("null_field", folder=folder, **options)

    def test_units_are_joined_by_their_trials(self, null_field):
        sessions = self.load(null_field)
        assert [one.shape for one in sessions] == [(5, 2, 1), (2, 1, 1), (2, 1, 1)]
        nan = np.nan
        np.testing.assert_array_equal(sessions[0].data[:, :, 0], [[1, 1], [2, nan], [3, 3], [4, 4], [nan, 5]])
        assert sessions[0]["condition"].tolist() == ["control"] * 3 + ["block"] * 2
        assert sessions[0]["target"].tolist() == [1, 3, 8, 1, 2]
        np.testing.assert_allclose(sessions[0]["direction"], np.array([0, 2, 7, 0, 1]) * np.pi / 4)
        np.testing.assert_allclose(sessions[0]["cue_time"][:2], [-0.50025, -0.48])
        np.testing.assert_allclose(sessions[0]["onset_time"][3:], [0.25, 0.26])
        assert {one["area"][0] for one in sessions} == {"m1", "pm"}
        assert sorted({one["session"][0] for one in sessions}) == ["x010101 c01ee 2", "x010101 c01ee 3"]
        assert {one["control_session"][0] for one in sessions} == {"x010101 c01ee"}
        assert sessions[0]["animal"].tolist() == ["x", "x"]

    def test_windows_and_bins(self, null_field):
        (first, *_) = self.load(null_field, window=(-0.001, 0.003), bin_width=0.001)
        np.testing.assert_array_equal(first.data[1, 0], [1, 1, 1, 0])
        np.testing.assert_allclose(first["time"], [-0.0005, 0.0005, 0.0015, 0.0025])
        assert first.dtype == np.float32
        assert self.load(null_field, align="cue", dtype="float64")[0].dtype == np.float64

    def test_units_with_few_trials_are_left_out(self, null_field):
        sessions = self.load(null_field, min_trials=2)
        assert [one["unit"].tolist() for one in sessions] == [["Hx010101_c01ee_c02ee_unit102"]]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"window": (-2.5, 0.0)}, r"within \(-2, 2\) s"),
            ({"window": (0.0, 2.5)}, r"within \(-2, 2\) s"),
            ({"align": "to"}, "'go', 'cue' or 'onset'"),
            ({"bin_width": 0.0015}, "whole number of milliseconds"),
        ],
    )
    def test_bad_arguments(self, null_field, change, message):
        with pytest.raises(ValueError, match=message):
            self.load(null_field, **change)
        with pytest.raises(ValueError, match="'null_field' or 'force_field'"):
            load_cerebellar_block("null", folder=null_field)

    def test_without_files(self, tmp_path, monkeypatch):
        with pytest.raises(FileNotFoundError, match=NULL_FIELD.commit):
            load_cerebellar_block(folder=tmp_path)
        monkeypatch.delenv("FASTIGIAL_DATA", raising=False)
        for which in ("null_field", "force_field"):
            with pytest.raises(FileNotFoundError, match=r"(?s)FASTIGIAL_DATA.*Licence: none stated"):
                load_cerebellar_block(which)
        with pytest.raises(FileNotFoundError, match="FASTIGIAL_DATA"):
            load_hand_paths()

    @needs(NULL_FIELD)
    def test_all_units(self):
        sessions = load_cerebellar_block("null_field", window=(-0.3, 0.0), bin_width=0.1)
        assert sum(one.shape[1] for one in sessions) == 777
        assert max(one.shape[1] for one in sessions) <= 15
        areas = np.concatenate([one["area"] for one in sessions])
        assert {name: int(np.sum(areas == name)) for name in ("m1", "pm")} == {"m1": 524, "pm": 253}
        for one in sessions:
            assert set(one["condition"]) == {"control", "block"}
            assert one["target"].min() >= 1
            assert one["target"].max() <= 8
        enough = load_cerebellar_block("null_field", window=(-0.3, 0.0), bin_width=0.1, min_trials=40)
        assert sum(one.shape[1] for one in enough) == 74


class TestForceField:
    @needs(FORCE_FIELD)
    def test_all_days(self):
        sessions = load_cerebellar_block("force_field", window=(-0.3, 0.0), bin_width=0.1, min_trials=1)
        # Of 28 sessions with 185 units; on the three of one date nothing was blocked, and some units missed the block.
        assert len(sessions) == 25
        assert sum(one.shape[1] for one in sessions) == 157
        for one in sessions:
            force = np.isin(one["block"], ["FF", "FFHFS"])
            assert set(one["field"][force]) == {"force"}
            blocked = np.isin(one["block"], ["HFS", "FFHFS"])
            np.testing.assert_array_equal(one["condition"], np.where(blocked, "block", "control"))
            assert one.attrs["force_side"] in (-1, 1)
            assert set(one["relative_direction"][one["target"] == one.attrs["learned_target"]]) == {0.0}
            assert (np.diff(one["trial_number"]) > 0).all()
        # The first reaches in the field deviate to the side that the file's code names, in nearly all sessions.
        aside = [one.attrs["force_side"] * one["peak_deviation"][one["block"] == "FF"][:10].mean() for one in sessions]
        assert sum(mean > 0 for mean in aside) >= 23

    @needs(FORCE_FIELD)
    def test_hand_paths(self):
        paths = load_hand_paths()
        day = datasets.load_force_field_day(blocks=("cont8", "cont1", "FF", "HFS", "FFHFS"))
        np.testing.assert_array_equal(paths.trial_number, day["trial_number"])
        np.testing.assert_array_equal(paths.block, day["block"])
        largest = lateral_deviation(paths.positions, paths.direction, dt=paths.dt, at="largest")
        np.testing.assert_allclose(largest, day["peak_deviation"])
        assert paths.force_side == -1
        # To the side that the force pushes to at first; by the end less so.
        force = (paths.block == "FF") & paths.learned
        aside = paths.force_side * largest[force]
        assert aside[:10].mean() > 1.5 * aside[-10:].mean() > 0
        angle = initial_angular_error(paths.positions[~force], paths.direction[~force], dt=paths.dt)
        assert np.abs(np.nanmedian(angle)) < 15
