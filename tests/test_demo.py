from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import fastigial as fg
from fastigial.demo.__main__ import main
from fastigial.demo.analysis import Answer, Answers, Options, analyse
from fastigial.demo.files import material_from_file, read_labels
from fastigial.demo.fits import congruence, courses_of
from fastigial.demo.ranks import hold_out
from fastigial.demo.sources import UserError, material_for_demo, real_materials, simulated
from fastigial.demo.statistics import (
    decode,
    eta_squared,
    permuted_eta_squared,
    permuted_spearman,
    spearman,
)
from fastigial.demo.words import table_sentence

SHAPE = (24, 8, 12)
# Few components, given: what these tests ask does not depend on how ranks are chosen.
QUICK = ["--tca-components", "2", "--slicetca-components", "1,1,1", "--starts", "3"]


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Counts of which one component follows the side of the trial."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.repeat([0, 1], SHAPE[0] // 2))
    trials = np.stack([np.ones(SHAPE[0]), side.astype(float)], axis=1)
    neurons, times = rng.gamma(2.0, 1.0, (SHAPE[1], 2)), rng.gamma(2.0, 1.0, (SHAPE[2], 2))
    return rng.poisson(np.einsum("kr,nr,tr->knt", trials, neurons, times)).astype(float), side


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The same recording as .npy, .npz and .mat, with labels."""
    data, side = planted()
    names = np.where(side == 0, "left", "right")
    np.save(tmp_path / "counts.npy", data)
    np.save(tmp_path / "flat.npy", data[0])
    np.savez(tmp_path / "counts.npz", spikes=data.transpose(1, 2, 0), side=names, speed=np.arange(24.0))
    np.savez(tmp_path / "two.npz", first=data, second=data)
    savemat(tmp_path / "counts.mat", {"spikes": data, "side": names.astype(object), "bin": 0.02})
    (tmp_path / "side.txt").write_text("\n".join(names), encoding="utf-8")
    (tmp_path / "short.txt").write_text("left\nright\n", encoding="utf-8")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 nothing more")
    (tmp_path / "new.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n" + b"\x00" * 512
    )
    np.save(tmp_path / "infinite.npy", np.where(data == data.max(), np.inf, data))
    np.save(tmp_path / "unobserved.npy", np.full(SHAPE, np.nan))
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object))
    return tmp_path


def own(source: Path, *more: str) -> list[str]:
    return ["--data", str(source), "--out", str(source.parent / "out"), *QUICK, *more]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page about a recording whose labels hold what HTML would read as markup."""
    folder = tmp_path_factory.mktemp("report")
    data, side = planted()
    np.savez(folder / "odd.npz", spikes=data, side=np.where(side == 0, "<b>left</b>", "right & up"))
    assert main(own(folder / "odd.npz", "--conditions", "side")) == 0
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


class TestReport:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("counts.npy", "--bin-width", "0.02", "--smooth", "1", "--normalize", "sd"),
            ("counts.npz", "--axes", "neuron,time,trial", "--conditions", "speed"),
            ("counts.mat", "--key", "spikes", "--conditions", "side"),
        ],
    )
    def test_own_files_end_in_a_report_and_models_that_load(self, files, capsys, arguments):
        name, *more = arguments
        assert main(own(files / name, *more)) == 0
        out = files / "out"
        assert str(out / "report.html") in capsys.readouterr().out
        assert sorted(path.name for path in out.iterdir()) == [
            "report.html",
            "slicetca.safetensors",
            "tca.safetensors",
        ]
        for model in ("tca", "slicetca"):
            assert fg.load(out / f"{model}.safetensors").reconstruct().shape == SHAPE

    def test_the_page_needs_nothing_but_itself(self, report):
        sources = re.findall(r"<(?:img|script|iframe|link|source)\b[^>]*?\b(?:src|href)=\"([^\"]{0,40})", report)
        assert len(sources) >= 5
        assert all(source.startswith("data:image/png;base64,") for source in sources)
        assert "url(" not in report and "@import" not in report and "<script" not in report
        assert all(re.search(r'alt="[^"]{20,}"', image) for image in re.findall(r"<img[^>]*>", report))

    def test_links_lead_to_places_in_the_page(self, report):
        targets = set(re.findall(r'href="#([^"]+)"', report))
        assert len(targets) > 5
        assert targets <= set(re.findall(r'id="([^"]+)"', report))

    def test_text_of_the_file_is_escaped(self, report):
        assert "<b>left" not in report
        assert "&lt;b&gt;left&lt;/b&gt;" in report

    def test_a_planted_condition_is_found_and_a_change_with_trial_order_is_not(self, report):
        assert re.search(r"Difference between groups of condition in [12] of the 2 TCA components", report)
        assert "No clear change with trial number in any of the 2 TCA components" in report

    def test_the_axes_are_put_in_order(self, files):
        usual = material_from_file(files / "counts.npy").recording
        permuted = material_from_file(files / "counts.npz", key="spikes", axes=("neuron", "time", "trial"))
        np.testing.assert_array_equal(permuted.recording.data, usual.data)

    def test_without_data_it_simulates_and_says_so(self, monkeypatch, tmp_path, capsys):
        monkeypatch.delenv("FASTIGIAL_DATA", raising=False)
        assert main(["--out", str(tmp_path), *QUICK]) == 0
        assert "Simulated data, because FASTIGIAL_DATA is not set" in capsys.readouterr().out
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "No animal took part" in text and "What was planted" in text

    def test_an_empty_data_folder_is_no_mistake(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FASTIGIAL_DATA", str(tmp_path))
        materials, reason = material_for_demo(seed=0)
        assert [material.origin for material in materials] == ["simulated"]
        assert str(tmp_path) in reason

    def test_the_command_as_users_type_it(self, files):
        command = [sys.executable, "-m", "fastigial.demo", "--data", str(files / "absent.npy")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr and "absent.npy" in done.stderr


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (("absent.npy",), "absent.npy: there is no such file"),
            (("side.txt",), "expected a .npy, .npz or .mat file"),
            (("flat.npy",), "expected an array of real numbers with 3 axes"),
            (("objects.npy",), "objects.npy: cannot be read"),
            (("damaged.npz",), "damaged.npz: cannot be read"),
            (("new.mat",), "h5py"),
            (("two.npz",), "choose one with --key"),
            (("two.npz", "--key", "third"), "--key third"),
            (("counts.npz", "--key", "side"), "--key side"),
            (("infinite.npy",), "infinities"),
            (("unobserved.npy",), "no observed entry"),
            (("counts.npy", "--bin-width", "-1"), "--bin-width is -1"),
            (("counts.npy", "--conditions", "nowhere"), "--conditions nowhere"),
            (("counts.npy", "--slicetca-components", "99,0,0"), "--slicetca-components 99,0,0"),
            (("counts.npy", "--simulated"), "--simulated and --data"),
        ],
    )
    def test_one_line_that_names_the_file_or_argument_and_status_2(self, files, capsys, arguments, named):
        name, *more = arguments
        assert main(own(files / name, *more)) == 2
        said = capsys.readouterr()
        assert named in said.err
        assert said.err.count("\n") == 1
        assert not (files / "out" / "report.html").exists()

    def test_labels_of_another_number_of_trials(self, files, capsys):
        assert main(own(files / "counts.npy", "--conditions", str(files / "short.txt"))) == 2
        assert "expected one label for each of the 24 trials" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--tca-components", "0"],
            ["--slicetca-components", "1,1"],
            ["--slicetca-components", "0,0,0"],
            ["--seed", "-1"],
            ["--axes", "trial,neuron"],
            ["--smooth", "much"],
        ],
    )
    def test_arguments_that_cannot_be_parsed(self, capsys, arguments):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert arguments[0] in capsys.readouterr().err

    def test_options_of_a_file_need_a_file(self, capsys):
        assert main(["--bin-width", "0.02"]) == 2
        assert "--bin-width needs --data" in capsys.readouterr().err

    def test_a_file_in_the_place_of_the_folder(self, files, capsys):
        taken = files / "side.txt"
        assert main(["--data", str(files / "counts.npy"), "--out", str(taken), *QUICK]) == 2
        assert f"--out {taken}" in capsys.readouterr().err

    def test_control_c_is_130_and_no_traceback(self, files, monkeypatch, capsys):
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("fastigial.demo.__main__.analyse", interrupted)
        assert main(own(files / "counts.npy")) == 130
        assert "interrupted" in capsys.readouterr().err

    def test_too_many_text_labels(self):
        labels = {"name": np.array([f"trial {k}" for k in range(24)])}
        with pytest.raises(UserError, match="24 different labels for 24 trials"):
            read_labels("name", Path("x.npz"), labels, 24)


class TestStatistics:
    def test_eta_squared_is_the_squared_correlation_for_two_groups(self):
        rng = np.random.default_rng(0)
        labels, values = rng.integers(2, size=50), rng.standard_normal(50)
        assert eta_squared(values, labels) == pytest.approx(np.corrcoef(values, labels)[0, 1] ** 2)

    def test_eta_squared_of_rows_does_not_change_with_a_rotation(self):
        rng = np.random.default_rng(1)
        rows, labels = rng.standard_normal((40, 5)), rng.integers(3, size=40)
        rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
        assert eta_squared(rows @ rotation, labels) == pytest.approx(eta_squared(rows, labels))

    def test_spearman_agrees_with_scipy(self):
        from scipy.stats import spearmanr

        rng = np.random.default_rng(2)
        x, y = rng.integers(5, size=40), rng.standard_normal(40)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)

    @pytest.mark.parametrize("test", [permuted_eta_squared, permuted_spearman])
    def test_p_values_are_uniform_without_an_effect(self, test):
        rng = np.random.default_rng(3)
        labels = np.repeat([0, 1, 2], 10)
        p = np.array([test(rng.standard_normal(30), labels, rng, 199)[1] for _ in range(400)])
        # 400 draws: the standard error of a share of 0.05 is 0.011, of the mean of uniform numbers 0.014.
        assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.035)
        assert p.mean() == pytest.approx(0.5, abs=0.045)

    @pytest.mark.parametrize("test", [permuted_eta_squared, permuted_spearman])
    def test_p_values_are_as_small_as_they_can_be_with_a_large_effect(self, test):
        rng = np.random.default_rng(4)
        labels = np.repeat([0, 1, 2], 10)
        assert test(labels + 0.1 * rng.standard_normal(30), labels, rng, 499)[1] == pytest.approx(1 / 500)

    def test_the_permuted_sums_are_those_of_permuted_labels(self):
        values, labels = np.array([0.0, 1.0, 2.0, 10.0]), np.array([0, 0, 0, 1])
        # The lone trial is the last in a quarter of the permutations, and only then is η² as large.
        _, p = permuted_eta_squared(values, labels, np.random.default_rng(5), 4000)
        assert p == pytest.approx(0.25, abs=0.03)

    def test_what_does_not_vary_is_not_tested(self):
        rng = np.random.default_rng(6)
        assert np.isnan(permuted_eta_squared(np.ones(10), np.arange(10) % 2, rng, 19)).all()
        assert np.isnan(permuted_spearman(np.ones(10), np.arange(10), rng, 19)).all()

    def test_decoding_is_at_chance_without_an_effect_and_above_it_with_one(self):
        rng = np.random.default_rng(8)
        labels = np.repeat([0, 1], [40, 20])
        noise = rng.standard_normal((60, 3))
        without = decode(noise, labels, rng, n_permutations=99)
        with_one = decode(noise + 3 * labels[:, None], labels, rng, n_permutations=99)
        # Unequal classes: balanced accuracy must not reward always saying the larger one.
        assert without.null.mean() == pytest.approx(0.5, abs=0.03)
        assert without.p > 0.05
        assert with_one.accuracy > 0.95
        assert with_one.p == pytest.approx(0.01)

    def test_too_few_trials_of_a_class_are_not_decoded(self):
        assert decode(np.ones((9, 2)), np.array([0] * 6 + [1] * 3), np.random.default_rng(0)) is None


class TestAnalysis:
    def test_learning_and_tuning_are_recovered_from_the_simulation(self):
        found = analyse(simulated(0), Options(6, (2, 1, 1), n_starts=3))
        recovered = {(r.planted, r.model): r.r_squared for r in found.recoveries}
        assert recovered["learning", "TCA"] > 0.8
        assert recovered["tuning", "TCA"] > 0.8
        order = next(t for t in found.tables if t.of == "TCA components" and "trial number" in t.effect)
        assert order.strongest in order.significant

    @pytest.mark.skipif(len(real_materials()) < 2, reason="FASTIGIAL_DATA does not hold both recordings")
    def test_the_real_recordings_say_what_is_known_of_them(self):
        learning, reaches = real_materials()
        adapted = analyse(learning, Options(2, (1, 0, 0), n_starts=2))
        # The animal's error falls in the force field, whatever its units do.
        assert adapted.behaviour[0].significant[0].effect < -0.3
        directions = analyse(reaches, Options(4, (2, 1, 0), n_starts=2))
        assert all(decoding.accuracy > 0.9 for decoding in directions.decodings.values())
        assert not any("trial number" in table.effect for table in directions.tables)

    def test_the_same_seed_gives_the_same_numbers(self):
        options = Options(2, (1, 0, 0), n_starts=2, seed=5)
        first, second = (analyse(simulated(5), options) for _ in range(2))
        assert first.tables == second.tables

    def test_courses_of_tca_are_its_trial_factors(self):
        model = fg.TCA(3, random_state=0).fit(planted()[0])
        np.testing.assert_array_equal(
            np.stack([course.scores for course in courses_of(model)], axis=1), model.factors_[0]
        )

    def test_congruence_of_a_component_with_its_own_negative(self):
        model = fg.TCA(2, random_state=0).fit(planted()[0])
        for factor in model.factors_:
            factor[:, 1] = factor[:, 0]
        model.factors_[2][:, 1] *= -1
        assert congruence(model) == pytest.approx(-1.0)

    def test_held_out_blocks_keep_their_distance_from_what_is_fitted(self):
        train, test = hold_out((30, 20, 40), block=8, buffer=5, seed=0)
        gaps = ~train & ~test
        steps = np.arange(40)
        for trial, neuron in np.argwhere(test.any(axis=2)):
            held, fitted = steps[test[trial, neuron]], steps[train[trial, neuron]]
            assert len(held) == 8
            assert np.abs(held[:, None] - fitted).min(initial=99) > 5
        assert test.any(axis=2).mean() == pytest.approx(0.2, abs=0.04)
        assert gaps.any()

    def test_nothing_significant_is_said_as_nothing(self):
        tests = (Answer("component 0", 0.3, 0.02, 0.06), Answer("component 1", 0.1, 0.5, 0.5))
        said = table_sentence(Answers("change with trial number", "ρ", "TCA components", 40, tests))
        assert said.startswith("No clear change with trial number in any of the 2 TCA components")
        assert "0.30" in said and "0.06 corrected" in said
