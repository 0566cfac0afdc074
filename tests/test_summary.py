"""What a notebook shows of a model: short, escaped, and never an error."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.common.estimators import SHAPE, Case, each_case, fitted

import fastigial as fg


def parsed(html: str) -> ElementTree.Element:
    """The HTML as a tree: fails if a tag is not closed or a bracket not escaped."""
    return ElementTree.fromstring(f"<div>{html}</div>")


def rows_of(html: str) -> dict[str, str]:
    rows = parsed(html).findall("table/tr")
    return {row.findtext("th") or "": row.findtext("td") or "" for row in rows}


def call_of(html: str) -> str:
    return parsed(html).findtext("code") or ""


@each_case
def test_an_unfitted_model_shows_its_call_and_says_so(case: Case) -> None:
    html = case.make(max_iter=77)._repr_html_()
    assert call_of(html) == repr(case.make(max_iter=77))
    assert parsed(html).findtext("em") == "not fitted"
    assert not rows_of(html)


@each_case
def test_a_fitted_model_shows_what_the_fit_found(case: Case) -> None:
    model = fitted(case.name)
    html = model._repr_html_()
    assert call_of(html) == repr(model)
    rows = rows_of(html)
    assert rows["data"] == "12 trial × 9 neuron × 10 time, float64"
    assert float(rows["explained variance"]) == pytest.approx(model.explained_variance_, abs=1e-4)
    assert float(rows["loss per entry"]) == pytest.approx(model.loss_, rel=1e-5)
    assert rows["ended"].startswith(f"converged after {model.n_iter_} sweeps, {model.restart_losses_.size} start")


def test_one_start_is_no_starts() -> None:
    X = xr.DataArray(np.ones((3, 2)))
    assert rows_of(fg.TCA(1).fit(X)._repr_html_())["ended"].endswith(" 1 start")
    assert rows_of(fg.TCA(1, n_init=2).fit(X)._repr_html_())["ended"].endswith(" 2 starts")


@each_case
def test_names_and_parameters_are_shown_and_not_executed(case: Case) -> None:
    dims = ("<script>alert(1)</script>", "a & b", "\"time\" 'n' <b>")
    model = case.make().fit(xr.DataArray(case.recording(), dims=dims))
    html = model.set_params(loss="<img src=x>")._repr_html_()
    assert set(re.findall(r"<(/?\w+)", html)) == {
        "code",
        "/code",
        "table",
        "/table",
        "tr",
        "/tr",
        "th",
        "/th",
        "td",
        "/td",
    }
    assert rows_of(html)["data"].startswith(f"12 {dims[0]} × 9 {dims[1]} × 10 {dims[2]},")
    assert "loss='<img src=x>'" in call_of(html)


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@each_case
@pytest.mark.parametrize(
    "value",
    [
        [True] * 10**6,
        "x" * 10**7,
        10**4000,
        np.arange(10**6),
        np.random.default_rng(0).random((300, 300)),
        {i: list(range(100)) for i in range(1000)},
        Silent(),
    ],
    ids=["list", "text", "number", "array", "matrix", "dict", "silent"],
)
def test_huge_and_odd_parameters_stay_short(case: Case, value: Any) -> None:
    model = case.make().fit(case.recording()).set_params(nonnegative=value)
    start = time.perf_counter()
    html = model._repr_html_()
    assert time.perf_counter() - start < 1.0
    assert len(html) < 2000
    assert "nonnegative=" in call_of(html)
    assert rows_of(html)["data"].startswith(f"{SHAPE[0]} trial")


@each_case
def test_a_long_chain_of_warm_starts_stays_short(case: Case) -> None:
    model = case.make()
    for _ in range(50):
        model = case.make(init=model)
    assert len(model._repr_html_()) < 2000
