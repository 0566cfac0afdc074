"""Trials: what is accepted, what is refused and how, and that selecting and joining lose nothing."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fastigial as fg

B, T, INPUTS, OUTPUTS = 5, 7, 3, 2
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(B, T, INPUTS)), RNG.normal(size=(B, T, OUTPUTS))


def trials(**changes: Any) -> fg.Trials:
    arguments: dict[str, Any] = {
        "inputs": X,
        "targets": Y,
        "mask": np.arange(B * T).reshape(B, T) % 3 > 0,
        "info": {"side": np.array(["left", "right", "left", "left", "right"]), "label": np.arange(B * T).reshape(B, T)},
        "events": {"go": [0.1, 0.2, np.nan, 0.4, 0.5]},
        "dt": 0.02,
    }
    return fg.Trials(**(arguments | changes))


class TestContents:
    def test_sizes_names_and_time(self) -> None:
        found = trials()
        assert (found.n_trials, found.n_steps, found.n_inputs, found.n_outputs) == (B, T, INPUTS, OUTPUTS)
        assert len(found) == B
        assert found.input_names == ("input 0", "input 1", "input 2")
        assert found.output_names == ("output 0", "output 1")
        np.testing.assert_allclose(found.time, [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12])

    def test_floats_are_kept_without_a_copy_and_integers_become_float64(self) -> None:
        assert trials().inputs is X
        single = trials(inputs=X.astype(np.float32), targets=Y.astype(np.float32))
        assert single.inputs.dtype == single.targets.dtype == single.weights.dtype == np.float32
        assert trials(inputs=X > 0, targets=np.ones((B, T, 1), dtype=np.int8)).dtype == np.float64

    def test_everything_counts_unless_told_otherwise(self) -> None:
        assert trials(mask=None).mask.shape == (B, T)
        assert trials(mask=None).mask.all()

    @pytest.mark.parametrize("n_axes", [2, 3])
    @pytest.mark.parametrize("kind", ["bool", "float"])
    def test_weights_are_the_mask_for_each_output_and_zero_where_a_target_is_missing(
        self, n_axes: int, kind: str
    ) -> None:
        mask = (RNG.random((B, T, OUTPUTS)[:n_axes]) * 2).astype(kind)
        targets = Y.copy()
        targets[1, 2, 0] = np.nan
        weights = trials(mask=mask, targets=targets).weights
        for b in range(B):
            for t in range(T):
                for o in range(OUTPUTS):
                    expected = float(mask[(b, t, o)[:n_axes]]) if (b, t, o) != (1, 2, 0) else 0.0
                    assert weights[b, t, o] == expected

    def test_the_text_says_what_they_are(self) -> None:
        assert repr(trials()) == (
            "<Trials: 5 trials x 7 steps of 20 ms, 3 inputs, 2 outputs, float64, 65.7% counted, "
            "info: side, label, events: go>"
        )

    def test_they_survive_pickling(self) -> None:
        again = pickle.loads(pickle.dumps(trials()))
        np.testing.assert_array_equal(again.targets, Y)
        assert list(again.info) == ["side", "label"]

    def test_a_change_of_type_keeps_values_to_its_precision(self) -> None:
        single = trials().astype("float32")
        assert single.inputs.dtype == single.targets.dtype == np.float32
        np.testing.assert_array_equal(single.inputs, X.astype(np.float32))
        assert single.astype("float32") is single
        with pytest.raises(ValueError, match="dtype must be float32 or float64, got int64"):
            trials().astype("int64")


class TestSelection:
    @pytest.mark.parametrize(
        ("index", "expected"),
        [
            (2, [2]),
            (-1, [4]),
            (np.int64(0), [0]),
            (slice(1, 4), [1, 2, 3]),
            (slice(None, None, -2), [4, 2, 0]),
            ([3, 0, 3], [3, 0, 3]),
            (np.array([True, False, False, True, False]), [0, 3]),
            ([False] * 5, []),
            ([], []),
        ],
    )
    def test_everything_of_a_trial_comes_along(self, index: Any, expected: list[int]) -> None:
        whole = trials(mask=RNG.random((B, T, OUTPUTS)))
        part = whole[index]
        assert isinstance(part, fg.Trials)
        assert part.dt == whole.dt
        np.testing.assert_array_equal(part.inputs, X[expected])
        np.testing.assert_array_equal(part.targets, Y[expected])
        np.testing.assert_array_equal(part.mask, whole.mask[expected])
        np.testing.assert_array_equal(part.info["side"], whole.info["side"][expected])
        np.testing.assert_array_equal(part.info["label"], whole.info["label"][expected])
        np.testing.assert_array_equal(part.events["go"], whole.events["go"][expected])

    def test_iteration_gives_one_trial_at_a_time(self) -> None:
        assert [one.events["go"][0] for one in trials()][:2] == [0.1, 0.2]
        assert [one.n_trials for one in trials()] == [1] * B

    @pytest.mark.parametrize(
        ("index", "error", "message"),
        [
            (5, IndexError, "trial 5 is out of range: there are 5"),
            (-6, IndexError, "trial -6 is out of range"),
            ([True, False], ValueError, "expected 5, got 2"),
            ("left", TypeError, "selected by a position, a slice, positions or booleans, got 'left'"),
            (1.5, TypeError, "selected by a position"),
            (None, TypeError, "selected by a position"),
            ((0, 1, slice(None)), TypeError, "selected by a position"),
        ],
    )
    def test_other_selections_are_refused(self, index: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            trials()[index]


class TestConcatenate:
    def test_parts_put_together_are_the_whole(self) -> None:
        whole = trials()
        again = fg.Trials.concatenate([whole[:2], whole[2:3], whole[3:]])
        for name in ("inputs", "targets", "mask"):
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
        np.testing.assert_array_equal(again.info["side"], whole.info["side"])
        np.testing.assert_array_equal(again.events["go"], whole.events["go"])

    def test_a_mask_for_all_outputs_and_one_for_each_go_together(self) -> None:
        one, other = trials(), trials(mask=RNG.random((B, T, OUTPUTS)))
        both = fg.Trials.concatenate([one, other])
        np.testing.assert_array_equal(both.weights, np.concatenate([one.weights, other.weights]))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"dt": 0.01}, "parts must have the same dt, got 0.02 and 0.01"),
            ({"input_names": "abc"}, "input_names"),
            ({"info": {}}, r"the same info, got \['label', 'side'\] and \[\]"),
            ({"events": {}}, "events"),
        ],
    )
    def test_what_differs_is_named(self, changes: dict[str, Any], message: str) -> None:
        if "input_names" in changes:
            changes = {"input_names": ["a", "b", "c"]}
        with pytest.raises(ValueError, match=message):
            fg.Trials.concatenate([trials(), trials(**changes)])

    def test_nothing_and_other_things_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one Trials"):
            fg.Trials.concatenate([])
        with pytest.raises(TypeError, match="parts must be Trials, got ndarray"):
            fg.Trials.concatenate([trials(), X])  # type: ignore[list-item]


class TestXarray:
    def test_axes_are_labelled(self) -> None:
        dataset = trials(output_names=("x", "y")).to_xarray()
        assert dataset.sizes == {"trial": B, "time": T, "input": INPUTS, "output": OUTPUTS}
        np.testing.assert_array_equal(dataset.targets.sel(output="y").values, Y[..., 1])
        np.testing.assert_array_equal(dataset.event_go.values, trials().events["go"])
        assert dataset["label"].dims == ("trial", "time")
        assert (dataset.attrs["dt"], dataset.time.attrs["units"]) == (0.02, "s")

    def test_names_that_are_taken_and_other_shapes_find_a_place(self) -> None:
        info = {"time": np.arange(B), "input": np.zeros((B, 4)), "trial": np.arange(B)}
        dataset = trials(info=info).to_xarray()
        assert dataset["info_time"].dims == ("trial",)
        assert dataset["info_input"].dims == ("trial", "input_1")
        assert dataset["info_trial"].dims == ("trial",)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"inputs": X[0]}, ValueError, r"inputs must have 3 axes \(trials, steps, inputs\), got shape \(7, 3\)"),
    ({"inputs": np.full_like(X, np.nan)}, ValueError, "inputs must be finite"),
    ({"inputs": X.astype(complex)}, TypeError, "inputs must be float32, float64 or integers, got dtype complex128"),
    ({"inputs": "abc"}, TypeError, "inputs must be float32"),
    ({"inputs": None}, TypeError, "inputs must be float32"),
    ({"inputs": [[1.0], [1.0, 2.0]]}, ValueError, "inputs must be one array, with rows of equal length"),
    ({"targets": Y[:4]}, ValueError, r"the trials and steps of inputs, \(5, 7\); got shape \(4, 7, 2\)"),
    ({"targets": np.zeros((B, T), dtype=int)}, ValueError, "classes as fg.tasks.one_hot"),
    ({"targets": np.full_like(Y, np.inf)}, ValueError, "targets must be finite, or NaN"),
    ({"mask": np.ones((B, T, 3))}, ValueError, r"mask must have the shape \(5, 7\) or \(5, 7, 2\), got \(5, 7, 3\)"),
    ({"mask": -np.ones((B, T))}, ValueError, "mask must hold booleans, or finite weights that are not negative"),
    ({"mask": np.full((B, T), np.nan)}, ValueError, "mask must hold booleans, or finite weights"),
    ({"mask": np.full((B, T), "yes")}, TypeError, "mask must be booleans or weights, got dtype <U3"),
    ({"info": [1, 2]}, TypeError, "info must map names to one value per trial, got list"),
    ({"info": {"a": 3}}, ValueError, r"info\['a'\] must hold one value per trial: expected \(5, …\), got \(\)"),
    ({"info": {"a": [1, 2]}}, ValueError, r"info\['a'\] must hold one value per trial"),
    ({"info": {3: np.arange(5)}}, TypeError, "info must have names that are text, got 3"),
    ({"events": {"go": [0.1]}}, ValueError, r"events\['go'\] must hold one time .* expected \(5,\), got \(1,\)"),
    ({"events": {"go": [np.inf] * 5}}, ValueError, "got infinity"),
    ({"events": {"go": ["now"] * 5}}, TypeError, r"events\['go'\] must hold times in seconds, got dtype <U3"),
    ({"events": None}, TypeError, "events must map names to one time per trial, got NoneType"),
    ({"events": {None: np.zeros(5)}}, TypeError, "events must have names that are text, got None"),
    ({"dt": 0}, ValueError, "dt must be a positive number of seconds, got 0"),
    ({"dt": np.nan}, ValueError, "dt must be a positive number"),
    ({"dt": "10 ms"}, TypeError, "dt must be a number of seconds, got '10 ms'"),
    ({"dt": True}, TypeError, "dt must be a number of seconds, got True"),
    ({"input_names": ["a", "b"]}, ValueError, "input_names must be 3 different names"),
    ({"input_names": ["a", "b", "a"]}, ValueError, "input_names must be 3 different names"),
    ({"input_names": "abc"}, TypeError, "input_names must be a sequence of text, got 'abc'"),
    ({"output_names": [0, 1]}, TypeError, "output_names must be a sequence of text"),
    ({"output_names": 3}, TypeError, "output_names must be a sequence of text, got 3"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD, ids=lambda value: str(value)[:40])
def test_junk_is_refused_with_its_name(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trials(**changes)


class TestOneHot:
    def test_rows_are_one_at_the_label_and_zero_without_one(self) -> None:
        labels = RNG.integers(-1, 4, size=(6, 5))
        hot = fg.tasks.one_hot(labels, 4)
        assert hot.shape == (6, 5, 4)
        for index, label in np.ndenumerate(labels):
            assert hot[index].tolist() == [float(k == label) for k in range(4)]

    def test_other_labels_are_refused(self) -> None:
        with pytest.raises(ValueError, match="labels must lie between -1 and 1, got 2"):
            fg.tasks.one_hot([0, 2], 2)
        with pytest.raises(TypeError, match="labels must be integers, got dtype float64"):
            fg.tasks.one_hot([0.0], 2)
        with pytest.raises(ValueError, match="n_classes must be at least 1, got 0"):
            fg.tasks.one_hot([0], 0)
