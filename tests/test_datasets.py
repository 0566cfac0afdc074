from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from fastigial import Recording, datasets
from fastigial.datasets import files
from fastigial.datasets.force_field import peak_deviation
from fastigial.datasets.registry import FORCE_FIELD, PMD_REACH, RAT_MOTOR_TIMING, Source

CONTENT = b"four spikes"
TOY = Source(
    folder="toy",
    repository="someone/something",
    commit="0" * 40,
    path="data",
    files={"toy.bin": hashlib.sha256(CONTENT).hexdigest()},
    licence="CC0",
    citation="nobody",
)


def needs(source: Source) -> pytest.MarkDecorator:
    there = (Path(datasets.data_folder() or "-") / source.folder).is_dir()
    return pytest.mark.skipif(not there, reason=f"needs FASTIGIAL_DATA with {source.folder}")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty data folder and an empty cache."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    data.mkdir()
    monkeypatch.setenv("FASTIGIAL_DATA", str(data))
    monkeypatch.setenv("FASTIGIAL_CACHE", str(cache))
    return data, cache


@pytest.fixture
def server(monkeypatch):
    """A stand-in for the network: what it sends, and the addresses it was asked for."""

    class Server:
        content = CONTENT
        asked: list[str]

    server = Server()
    server.asked = []

    def read_url(url: str) -> bytes:
        server.asked.append(url)
        return server.content

    monkeypatch.setattr(files, "read_url", read_url)
    return server


def put(folder: Path, content: bytes) -> Path:
    path = folder / "toy" / "toy.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


class TestFiles:
    def test_the_message_says_what_to_do(self, places):
        with pytest.raises(FileNotFoundError) as caught:
            files.find_file(TOY, "toy.bin", "fetch_toy")
        for part in (
            "toy/toy.bin",
            "fastigial.datasets.fetch_toy()",
            "FASTIGIAL_DATA",
            "CC0",
            *map(str, places),
        ):
            assert part in str(caught.value)

    @pytest.mark.parametrize(
        "load", [datasets.load_pmd_reach, datasets.load_rat_motor_timing, datasets.load_force_field_day]
    )
    @pytest.mark.usefixtures("places")
    def test_every_loader_says_so_without_its_files(self, load, monkeypatch):
        with pytest.raises(FileNotFoundError, match="FASTIGIAL_DATA"):
            load()
        monkeypatch.delenv("FASTIGIAL_DATA")
        with pytest.raises(FileNotFoundError, match="FASTIGIAL_DATA"):
            load()

    def test_the_data_folder_comes_before_the_cache(self, places):
        in_cache = put(places[1], CONTENT)
        assert files.find_file(TOY, "toy.bin", "fetch_toy") == in_cache
        in_data = put(places[0], CONTENT)
        assert files.find_file(TOY, "toy.bin", "fetch_toy") == in_data

    @pytest.mark.parametrize("place", [0, 1])
    def test_a_damaged_file_is_refused(self, place, places):
        put(places[place], CONTENT[:-1])
        with pytest.raises(ValueError, match=r"damaged or another version.*fetch_toy\(\)"):
            files.find_file(TOY, "toy.bin", "fetch_toy")

    def test_fetching_once_is_enough(self, places, server):
        path = files.fetch_file(TOY, "toy.bin")
        assert path == places[1] / "toy" / "toy.bin"
        assert path.read_bytes() == CONTENT
        assert files.fetch_file(TOY, "toy.bin") == path
        assert server.asked == [TOY.url("toy.bin")]
        assert files.find_file(TOY, "toy.bin", "fetch_toy") == path

    def test_a_damaged_cached_file_is_fetched_again(self, places, server):
        path = put(places[1], b"")
        assert files.fetch_file(TOY, "toy.bin") == path
        assert path.read_bytes() == CONTENT
        assert len(server.asked) == 1

    def test_a_wrong_download_leaves_nothing_behind(self, places, server):
        server.content = b"<html>sorry</html>"
        with pytest.raises(ValueError, match="nothing was kept"):
            files.fetch_file(TOY, "toy.bin")
        assert not list(places[1].rglob("*"))

    def test_an_interrupted_write_leaves_nothing_behind(self, places, server, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            files.fetch_file(TOY, "toy.bin")
        assert server.asked == [TOY.url("toy.bin")]
        assert [path.name for path in places[1].rglob("*")] == ["toy"]

    def test_the_cache_follows_the_platform(self, monkeypatch, tmp_path):
        monkeypatch.delenv("FASTIGIAL_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(files.sys, "platform", "linux")
        assert files.cache_folder() == tmp_path / "fastigial"
        monkeypatch.setattr(files.sys, "platform", "darwin")
        assert files.cache_folder() == Path.home() / "Library" / "Caches" / "fastigial"

    @pytest.mark.parametrize("source", [PMD_REACH, RAT_MOTOR_TIMING, FORCE_FIELD])
    def test_sources_are_pinned(self, source):
        assert len(source.commit) == 40
        assert all(len(checksum) == 64 for checksum in source.files.values())
        assert source.commit in source.url("x")
        assert source.url("x").endswith(f"/{source.path}/x")

    def test_nothing_is_downloaded_without_a_licence(self, server):
        with pytest.raises(NotImplementedError, match=rf"(?s)Clone .*{FORCE_FIELD.commit}.*FASTIGIAL_DATA"):
            datasets.fetch_force_field_days()
        assert not server.asked


def recomposed_tca(truth):
    a, b, c = truth["factors"]
    return sum(np.multiply.outer(np.outer(a[:, r], b[:, r]), c[:, r]) for r in range(a.shape[1]))


def recomposed_slicetca(truth):
    total = 0.0
    for axis, (loadings, slices) in enumerate(zip(truth["loadings"], truth["slices"], strict=True)):
        for loading, part in zip(loadings, slices, strict=True):
            total = total + np.moveaxis(np.multiply.outer(loading, part), 0, axis)
    return total


class TestSimulated:
    @pytest.mark.parametrize(
        ("make", "recompose"),
        [(datasets.make_tca, recomposed_tca), (datasets.make_slicetca, recomposed_slicetca)],
    )
    def test_without_noise_the_truth_is_the_data(self, make, recompose):
        recording = make((7, 6, 5), noise=0.0, seed=3)
        truth = recording.attrs["truth"]
        np.testing.assert_allclose(recompose(truth), recording.data, atol=1e-12)
        np.testing.assert_array_equal(truth["signal"], recording.data)

    @pytest.mark.parametrize("make", [datasets.make_tca, datasets.make_slicetca, datasets.make_learning_recording])
    def test_seeds_and_dtypes(self, make):
        first, again, other = make(seed=5, missing=0.1), make(seed=5, missing=0.1), make(seed=6, missing=0.1)
        np.testing.assert_array_equal(first.data, again.data)
        assert not np.array_equal(first.data, other.data)
        assert isinstance(first, Recording)
        assert make(seed=5, dtype="float32").dtype == np.float32
        assert first.dtype == np.float64

    @pytest.mark.parametrize("make", [datasets.make_tca, datasets.make_slicetca])
    def test_noise_and_missing_are_as_large_as_asked(self, make):
        recording = make((40, 40, 40), noise=0.5, missing=0.2, seed=1)
        residual = recording.data - recording.attrs["truth"]["signal"]
        assert np.nanstd(residual) == pytest.approx(0.5, rel=0.02)
        assert 1 - recording.observed_fraction == pytest.approx(0.2, abs=0.01)

    def test_the_slicetca_signal_has_unit_variance(self):
        variances = [
            np.var(datasets.make_slicetca((40, 40, 40), seed=seed).attrs["truth"]["signal"]) for seed in range(20)
        ]
        assert np.mean(variances) == pytest.approx(1.0, abs=0.1)

    def test_nonnegative_factors(self):
        factors = datasets.make_tca(nonnegative=True).attrs["truth"]["factors"]
        assert all((factor >= 0).all() for factor in factors)
        assert all((factor < 0).any() for factor in datasets.make_tca().attrs["truth"]["factors"])

    @pytest.mark.parametrize(
        ("make", "arguments", "message"),
        [
            (datasets.make_tca, {"shape": (3, 4)}, "three positive sizes"),
            (datasets.make_tca, {"n_components": 0}, "n_components must be at least 1"),
            (datasets.make_tca, {"noise": -1.0}, "noise must be >= 0"),
            (datasets.make_tca, {"missing": 1.0}, "missing must be in"),
            (datasets.make_slicetca, {"n_components": (0, 0, 0)}, "not all zero"),
            (datasets.make_slicetca, {"n_components": (1, 1)}, "three ranks"),
            (datasets.make_learning_recording, {"missing": 0.6}, "missing must be in"),
            (datasets.make_learning_recording, {"kind": "lfp"}, "kind must be"),
            (datasets.make_learning_recording, {"n_trials": 0}, "at least 1"),
            (datasets.make_learning_recording, {"duration": 1.01}, "whole number of bins"),
        ],
    )
    def test_bad_arguments(self, make, arguments, message):
        with pytest.raises(ValueError, match=message):
            make(**arguments)


class TestLearningRecording:
    def test_counts_are_poisson_around_the_truth(self):
        recording = datasets.make_learning_recording(seed=2)
        counts, mean = recording.data, recording.attrs["truth"]["signal"]
        assert np.array_equal(counts, np.rint(counts))
        # Pearson's statistic of Poisson counts is 1 on average.
        assert np.mean((counts - mean) ** 2 / mean) == pytest.approx(1.0, abs=0.02)
        assert recording.attrs["units"] == "spikes per bin"

    def test_rates_are_the_same_without_the_spikes(self):
        counts = datasets.make_learning_recording(seed=2)
        rates = datasets.make_learning_recording(seed=2, kind="rates")
        np.testing.assert_allclose(rates.data * counts.bin_width, counts.attrs["truth"]["signal"])

    def test_the_planted_equation(self):
        recording = datasets.make_learning_recording(n_trials=9, n_neurons=4, kind="rates", seed=1)
        truth = recording.attrs["truth"]
        for k in range(9):
            for n in range(4):
                expected = (
                    truth["baseline"][n]
                    + truth["learning"][k] * truth["neurons"][0, n] * truth["courses"][0]
                    + truth["tuning"][k] * truth["neurons"][1, n] * truth["courses"][1]
                    + truth["neurons"][2, n] * truth["bumps"][k]
                )
                np.testing.assert_allclose(recording.data[k, n], expected)

    def test_labels_follow_the_truth(self):
        recording = datasets.make_learning_recording(n_conditions=3, seed=1)
        truth = recording.attrs["truth"]
        assert (np.diff(truth["learning"]) > 0).all()
        assert np.bincount(recording["condition"]).tolist() == [40, 40, 40]
        for condition in range(3):
            assert len(np.unique(truth["tuning"][recording["condition"] == condition])) == 1
        early, late = truth["bump_times"][:40].mean(), truth["bump_times"][-40:].mean()
        assert late < early

    def test_units_are_lost_in_runs_of_whole_trials(self):
        recording = datasets.make_learning_recording(missing=0.2, n_neurons=200, seed=1)
        lost = np.isnan(recording.data)
        assert lost.mean() == pytest.approx(0.2, abs=0.03)
        np.testing.assert_array_equal(lost.any(axis=2), lost.all(axis=2))
        changes = np.abs(np.diff(lost.all(axis=2).astype(int), axis=0)).sum(axis=0)
        assert set(changes.tolist()) == {0, 1}


def save_pmd_reach(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short trials of one and two units' worth of hand-made spikes in the format of the real file."""
    from scipy.io import savemat

    trials = np.zeros((1, 2), dtype=[("data", "O"), ("condition", "O")])
    trials[0, 0] = (np.array([[1, 0, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=np.uint8), "reach1")
    trials[0, 1] = (np.array([[1, 1, 0], [0, 1, 1]], dtype=np.uint8), "reach2")
    path = folder / PMD_REACH.folder / "ex2_rawspiketrains.mat"
    path.parent.mkdir()
    savemat(path, {"D": trials})
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    toy = Source(**{**vars(PMD_REACH), "files": {path.name: checksum}})
    monkeypatch.setattr("fastigial.datasets.pmd_reach.PMD_REACH", toy)


class TestPmdReach:
    def test_by_hand(self, places, monkeypatch):
        save_pmd_reach(places[0], monkeypatch)
        recording = datasets.load_pmd_reach("ex2", bin_width=0.002, duration=None)
        nan = np.nan
        # The fifth and the third millisecond do not fill a bin.
        np.testing.assert_array_equal(recording.data, [[[1, 1], [0, 0]], [[2, nan], [1, nan]]])
        assert recording["condition"].tolist() == ["reach1", "reach2"]
        np.testing.assert_allclose(recording["duration"], [0.005, 0.003])
        np.testing.assert_allclose(recording["time"], [0.001, 0.003])

    def test_bad_arguments(self, places, monkeypatch):
        save_pmd_reach(places[0], monkeypatch)
        with pytest.raises(ValueError, match="'ex1' or 'ex2'"):
            datasets.load_pmd_reach("ex3")
        with pytest.raises(ValueError, match="whole number of milliseconds"):
            datasets.load_pmd_reach(bin_width=0.0025)
        with pytest.raises(ValueError, match="whole number of bins"):
            datasets.load_pmd_reach(bin_width=0.02, duration=0.05)

    @needs(PMD_REACH)
    def test_real_recordings(self):
        reach = datasets.load_pmd_reach("ex2")
        assert reach.shape == (112, 61, 50)
        assert reach.observed_fraction == 1.0
        assert datasets.load_pmd_reach("ex1").shape == (210, 61, 20)
        whole = datasets.load_pmd_reach("ex2", duration=None)
        assert whole.shape == (112, 61, 76)
        np.testing.assert_array_equal(whole.data[:, :, :50], reach.data)
        n_observed = (~np.isnan(whole.data[:, 0])).sum(axis=1)
        np.testing.assert_array_equal(n_observed, np.floor(reach["duration"] / 0.02 + 1e-9))


@needs(RAT_MOTOR_TIMING)
def test_real_rat_motor_timing():
    recording = datasets.load_rat_motor_timing()
    assert recording.shape == (1266, 30, 100)
    assert recording.data.sum() == 648889
    assert (np.diff(recording["interval"]) >= 0).all()
    assert "not learning" in recording.attrs["trial_order"]
    half = datasets.load_rat_motor_timing(window=(0.5, 1.5), bin_width=0.05)
    np.testing.assert_array_equal(half.data.sum(-1), recording.data[:, :, 25:75].sum(-1))
    with pytest.raises(ValueError, match="window must lie within"):
        datasets.load_rat_motor_timing(window=(-0.5, 2.0))


BLOCKS = ("cont8", "cont1", "FF", "HFS", "FFHFS")
ROWS = [
    "sp_inCenter",
    "sp_cue",
    "sp_go",
    "sp_to",
    "targets",
    "valid_trials",
    "FF_direction",
    "In_center_ev",
    "cue_ev",
    "to_ev",
    "end_tr_ev",
    "XY_data",
    "XY_time",
    "tr_number",
]


def save_unit(
    folder: Path,
    name: str,
    trials: dict[str, list[int]],
    *,
    date: str = "s010120",
    offset: int = 0,
    invalid: tuple[int, ...] = (),
) -> None:
    """One unit's file; in trial n it fires n spikes from the go signal on, one each millisecond.

    `offset`: the unit numbers trials on its own, its trial n being the others' trial n + offset.
    """
    from scipy.io import savemat

    table = np.empty((15, 6), dtype=object)
    table[:] = [[np.zeros((1, 0))] * 6] * 15
    for row, label in enumerate(ROWS, start=1):
        table[row, 0] = label
    for column, block in enumerate(BLOCKS, start=1):
        table[0, column] = block
        numbers = np.array(trials.get(block, []), dtype=int)
        if not len(numbers):
            continue
        true = numbers + offset
        spikes = np.zeros((len(numbers), 6001), dtype=np.uint8)
        for row, number in enumerate(true):
            spikes[row, 3000 : 3000 + number] = 1
        paths = np.empty((len(numbers), 1), dtype=object)
        for row, number in enumerate(true):
            # Straight up, with a detour of `number` to the left.
            paths[row, 0] = np.array([[10.0, 0.0], [10.0 - number, 50.0], [10.0, 100.0]])
        cells = {
            **{f"sp_{align}": spikes for align in ("inCenter", "cue", "go", "to")},
            "targets": np.full((1, len(numbers)), 3),
            "valid_trials": (~np.isin(numbers, invalid)[None]).astype(np.uint8),
            "FF_direction": np.full((len(numbers), 1), 2),
            "In_center_ev": -1000.0 - true[None],
            "cue_ev": -500.0 - true[None],
            "to_ev": 100.0 + true[None],
            "end_tr_ev": 600.0 + 2.0 * true[None],
            "XY_data": paths,
            "XY_time": paths,
            "tr_number": numbers[:, None],
        }
        for row, label in enumerate(ROWS, start=1):
            table[row, column] = cells[label]
    record = {"date": date, "area": "M1", "learned_traget": 3, "var_modas": table}
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / f"{name}.mat", {"short_dat": record})


@pytest.fixture
def day(tmp_path):
    """Two sessions of one date; in the first, three units share trials and one numbers its own."""
    folder = tmp_path / "force_field"
    save_unit(folder, "s7_D1_101", {"cont1": [1, 2], "FF": [3, 5, 4]})
    save_unit(folder, "s7_D1_102", {"cont1": [2], "FF": [3, 4]}, invalid=(4,))
    save_unit(folder, "s7_D1_201", {"FF": [3, 4, 5, 6]})
    save_unit(folder, "s7_D1_202", {"cont1": [1, 2, 3]}, offset=2)
    save_unit(folder, "s7_D2_101", {"cont1": [1], "FF": [2]}, offset=90)
    return folder


class TestForceField:
    def test_units_are_joined_by_trial_number(self, day):
        recording = datasets.load_force_field_day("s010120", "D1", window=(0.0, 0.01), bin_width=0.01, folder=day)
        nan = np.nan
        expected = [[1, nan, nan], [2, 2, nan], [3, 3, 3], [4, nan, 4], [5, nan, 5], [nan, nan, 6]]
        np.testing.assert_array_equal(recording.data[:, :, 0], expected)
        assert recording["trial_number"].tolist() == [1, 2, 3, 4, 5, 6]
        assert recording["block"].tolist() == ["cont1"] * 2 + ["FF"] * 4
        assert recording["unit"].tolist() == ["s7_D1_101", "s7_D1_102", "s7_D1_201"]
        assert recording["n_valid_units"].tolist() == [1, 2, 3, 2, 2, 1]
        assert recording.attrs["excluded_units"] == ["s7_D1_202"]

    def test_behaviour_of_each_trial(self, day):
        recording = datasets.load_force_field_day("s010120", "D1", folder=day)
        number = recording["trial_number"]
        np.testing.assert_allclose(recording["peak_deviation"], number)
        np.testing.assert_allclose(recording["reaction_time"], 0.1 + number / 1000)
        np.testing.assert_allclose(recording["movement_time"], 0.5 + number / 1000)

    def test_invalid_trials_can_be_kept_and_blocks_chosen(self, day):
        recording = datasets.load_force_field_day(
            "s010120", "D1", blocks=["FF"], window=(-0.01, 0.01), bin_width=0.01, valid_only=False, folder=day
        )
        assert recording["trial_number"].tolist() == [3, 4, 5, 6]
        np.testing.assert_array_equal(recording.data[1, 1], [0, 4])
        np.testing.assert_allclose(recording["time"], [-0.005, 0.005])

    def test_bins_split_the_spikes(self, day):
        recording = datasets.load_force_field_day("s010120", "D1", window=(-0.002, 0.006), bin_width=0.002, folder=day)
        np.testing.assert_array_equal(recording.data[4, 0], [0, 2, 2, 1])

    def test_the_list(self, day):
        rows = datasets.list_force_field_days(day)
        assert [(row["date"], row["session"], row["n_units"], row["n_excluded"]) for row in rows] == [
            ("s010120", "D1", 3, 1),
            ("s010120", "D2", 1, 0),
        ]
        assert rows[0]["n_trials"] == {"cont1": 2, "FF": 4}
        assert rows[0]["missing"] == {"cont1": 0.5, "FF": round(4 / 12, 3)}

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"date": "s999999"}, FileNotFoundError, "there are s010120"),
            ({"session": "D3"}, FileNotFoundError, "there are D1, D2"),
            ({"blocks": ("FFF",)}, ValueError, "blocks must be"),
            ({"blocks": "FF"}, ValueError, "blocks must be"),
            ({"blocks": ("HFS",)}, ValueError, "has no trials in blocks"),
            ({"align": "end"}, ValueError, "align must be one of"),
            ({"window": (-3.5, 0.0)}, ValueError, r"within \(-3, 3\) s"),
            ({"window": (0.0, 3.5)}, ValueError, r"within \(-3, 3\) s"),
        ],
    )
    def test_bad_arguments(self, day, arguments, error, message):
        with pytest.raises(error, match=message):
            datasets.load_force_field_day(**{"date": "s010120", "session": "D1", "folder": day, **arguments})

    @pytest.mark.parametrize("target", range(1, 9))
    def test_deviation_turns_with_the_target(self, target):
        angle = np.deg2rad(45 * (target - 1))
        along, left = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        path = np.array([3.0, 4.0]) + np.outer([0, 1, 2, 3], along) + np.outer([0, 0.2, -0.7, 0.1], left)
        assert peak_deviation(path, target) == pytest.approx(-0.7)
        assert np.isnan(peak_deviation(np.zeros((0, 2)), target))

    @needs(FORCE_FIELD)
    def test_real_day(self):
        recording = datasets.load_force_field_day()
        assert recording.shape == (69, 12, 75)
        assert recording.observed_fraction == 1.0
        assert recording["block"].tolist() == ["cont1"] * 22 + ["FF"] * 47
        assert (np.diff(recording["trial_number"]) > 0).all()
        # The force pushes the hand aside at first, and the animal learns to resist.
        deviation = np.abs(recording["peak_deviation"][recording["block"] == "FF"])
        assert deviation[:10].mean() > 1.5 * deviation[-10:].mean()
        # Spikes are rounded to milliseconds in each alignment: two of them differ by less than 1 ms.
        onset = datasets.load_force_field_day(align="to", window=(-0.1, 0.1), bin_width=0.001)
        go = datasets.load_force_field_day(align="go", window=(-1.0, 1.0), bin_width=0.001)
        for k, reaction_time in enumerate(go["reaction_time"]):
            for neuron in range(12):
                spikes = go["time"][go.data[k, neuron] > 0] - reaction_time
                for spike in onset["time"][onset.data[k, neuron] > 0]:
                    assert np.abs(spikes - spike).min() < 0.001
