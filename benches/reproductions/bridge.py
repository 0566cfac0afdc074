"""Slow cortex and fast cerebellum in the tensor of a session, and the same code on the days of a monkey.

Run: ``python benches/reproductions/bridge.py [--seeds 5]`` (0: recordings alone); the page on the bridge quotes it. A
network: 100 cortical units, 1000 granule cells, 300 updates of preparation; 20 trials without, 120 in a field or under
a rotation, 40 without.
The recordings are looked for as `fastigial.datasets` does, and left out where there are none.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import fastigial as fg
from fastigial.models import Block

FIELD, ROTATION, BEFORE, LEARN, AFTER = 5.0, 30.0, 20, 120, 40
STEPS = slice(0, 100, 4)


def standardized(recording: Any) -> Any:
    """Each neuron less its mean and divided by its standard deviation over trials and steps."""
    data = recording.data[:, :, STEPS] if recording.shape[2] > 60 else recording.data
    spread = data.std(axis=(0, 2), keepdims=True)
    return (data - data.mean(axis=(0, 2), keepdims=True)) / np.where(spread > 0, spread, 1.0)


def decomposed(data: Any, slow: Any, fast: Any) -> dict[str, Any]:
    """Ranks by cross-validation, and how well components follow the two courses."""
    found: dict[str, Any] = {}
    searches = {
        "tca": fg.RankSearch(fg.TCA(1), ranks=6, n_splits=2, random_state=0),
        "slicetca": fg.RankSearch(fg.SliceTCA((1, 0, 0)), ranks=(3, 2, 1), n_splits=2, random_state=0),
    }
    for name, search in searches.items():
        model = search.fit(data).best_estimator_
        courses = fg.analysis.component_courses(model, slow=slow, fast=fast)
        found[f"{name} rank"] = search.best_rank_
        kinds = ("tca",) if name == "tca" else ("trial", "neuron", "time")
        for at, course in enumerate(courses.courses):
            for kind in kinds:
                own = np.array([value == kind for value in courses.kinds])
                if own.any() and np.isfinite(courses.r2[own, at]).any():
                    best = int(np.flatnonzero(own)[np.nanargmax(courses.r2[own, at])])
                    for what in ("r2", "unique", "p"):
                        found[f"{name} {kind} {course} {what}"] = float(getattr(courses, what)[best, at])
    return found


def prepared(seed: int) -> Any:
    """A network that reaches without a field."""
    return fg.models.CerebelloCorticalNetwork(100, 1000, seed=seed).prepare(300)


def learning(net: Any, seed: int, course: str) -> dict[str, Any]:
    """Decompositions of a session in one direction: in a field with what the nuclei send, under a rotation without."""
    net = net.forget().calibrate([0.0])
    ahead: dict[str, Any] = {"directions": [0.0]}
    change: dict[str, Any] = {"field": {"field": FIELD}, "rotation": {"rotation": ROTATION}}[course]
    blocks = [Block(BEFORE, **ahead), Block(LEARN, **change, **ahead), Block(AFTER, **ahead)]
    session = net.adapt(blocks, seed=seed)
    if course == "field":
        data = standardized(session.recording("cortex", "nuclei", baseline=0))
        return decomposed(data, session.cortical_compensation, session.cerebellar_compensation)
    return decomposed(standardized(session.recording("cortex", baseline=0)), session.turn, session.plan_turn)


def regions(net: Any, seed: int) -> dict[Any, Any]:
    """Eight directions: what either region tells of them, stage by stage, and how the cortex moves."""
    net = net.forget().calibrate()
    blocks = [Block(64), Block(240, field=FIELD), Block(64), Block(64, field=FIELD, blocked="all", fast=False)]
    session = net.adapt(blocks, seed=seed, record_granule=100)
    place = np.arange(session.n_trials)
    stages = np.select(
        [place < 64, place < 128, (place >= 152) & (place < 216), (place >= 240) & (place < 304)],
        ["before", "early", "middle", "late"],
        "",
    )
    cortex = session.recording("cortex").select(time=(-0.1, 0.5))
    labels = np.round(np.degrees(session.directions)).astype(int).astype(str)
    more: dict[Any, Any] = {"stages": {}}
    for other in ("granule", "nuclei"):
        region = session.recording(other).select(time=(-0.1, 0.5))
        for centre in (False, True):
            more["stages"][other, centre] = fg.analysis.co_emergence(
                cortex,
                region,
                stages,
                labels=labels,
                lags=range(-10, 11, 2),
                centre=centre,
                n_permutations=5,
                cv=4,
                names=("cortex", other),
            )
    weights = {
        "readout": np.asarray(net.net.parameters["W_out"], dtype=float),
        "from cerebellum": np.asarray(net.net.parameters["W_in"], dtype=float)[:, -4:],
    }
    weights = {name: one if len(one) == 100 else one.T for name, one in weights.items()}
    chosen = {
        "late": stages == "late",
        "washout": (place >= 336) & (place < 368),
        "blocked": (place >= 368) & (place < 432),
    }
    epochs = {"preparation": (-0.2, 0.0), "movement": (0.0, 0.5)}
    whole = session.recording("cortex")
    for epoch, window in epochs.items():
        start = whole.select(trials=stages == "before", time=window)
        for name, which in chosen.items():
            end = whole.select(trials=which, time=window)
            more[epoch, name] = fg.analysis.reshaping(start, end, directions=weights, n_splits=10)
    return more


def time_constants(paths: list[Any]) -> dict[str, Any]:
    """Fast and slow of the animals' errors in the field, trials: two exponentials fitted to all sessions together."""
    found = {}
    for block in ("FF", "FFHFS"):
        rows = []
        for path in paths:
            mine = (path.block == block) & path.learned
            if mine.sum() >= 14:
                angle = fg.analysis.initial_angular_error(path.positions, path.direction, dt=path.dt)
                rows.append(path.force_side * angle[mine])
        errors = np.full((len(rows), max(map(len, rows))), np.nan)
        for row, one in zip(errors, rows, strict=True):
            row[: len(one)] = one
        fitted = fg.analysis.learning_timescales(errors, n_resamples=200)
        table = fitted.to_pandas().loc["two"]
        print(f"\n{block}: {len(rows)} sessions, {fitted}\n{table.round(1)}")
        found[block] = fitted.two.time_constants
    return found


def of_monkey() -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[str]]]:
    """The same decompositions of each session in the field, without and with block, and the day of each.

    The courses have the time constants that the errors of all sessions have.
    """
    days = fg.datasets.load_cerebellar_block("force_field", window=(-0.3, 0.5), bin_width=0.05)
    scales = time_constants([fg.datasets.load_hand_paths(*day["session"][0].split()) for day in days])
    rows: dict[str, list[dict[str, Any]]] = {"FF": [], "FFHFS": []}
    dates: dict[str, list[str]] = {"FF": [], "FFHFS": []}
    for day in days:
        for block, found in rows.items():
            mine = (day["block"] == block) & np.isfinite(day.data).all(axis=(1, 2))
            if mine.sum() < 14 or day.shape[1] < 3:
                continue
            trial = np.arange(int(mine.sum()))
            fast, slow = (np.exp(-trial / tau) for tau in scales[block])
            data = standardized(fg.preprocess.smooth(day.select(trials=mine), sd_bins=2.0))
            found.append(decomposed(data, 1 - slow, fast))
            dates[block].append(str(day["session"][0]).split()[0])
    return rows, dates


def by_day(rows: list[dict[str, Any]], dates: list[str]) -> list[dict[str, Any]]:
    """Numbers of each day: means over its sessions; ranks are left out."""
    found = []
    for date in dict.fromkeys(dates):
        mine = [row for row, own in zip(rows, dates, strict=True) if own == date]
        names = {name for row in mine for name in row if "rank" not in name}
        found.append({name: float(np.mean([row[name] for row in mine if name in row])) for name in names})
    return found


def interval(values: Any) -> str:
    """Mean and its 95 % interval over networks or days drawn anew."""
    values = np.asarray(values, dtype=float)
    drawn = values[np.random.default_rng(0).integers(len(values), size=(4000, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{values.mean():6.2f} ({low:.2f} to {high:.2f}), {len(values)}"


def report(title: str, rows: list[dict[str, Any]]) -> None:
    """What decompositions of many networks or days have found."""
    print(f"\n{title}: {len(rows)}")
    for name in sorted({name for row in rows for name in row}):
        values = [row[name] for row in rows if name in row]
        print(f"  {name:32s}", values if "rank" in name else interval(values))


def of_networks(n_seeds: int) -> None:
    """Print what networks do."""
    networks = [prepared(seed) for seed in range(n_seeds)]
    for course in ("field", "rotation"):
        report(f"networks, {course}", [learning(net, seed, course) for seed, net in enumerate(networks)])
    both = [regions(net, seed) for seed, net in enumerate(networks)]
    for key in both[0]["stages"]:
        many = [more["stages"][key] for more in both]
        print(f"\ncortex and {key[0]}, {'less' if key[1] else 'with'} the common course")
        for at, stage in enumerate(many[0].stages):
            print(
                f"  {stage:8s} CKA {interval([one.cka[at].max() for one in many])}; lag "
                f"{[round(float(one.peak_lag[at]), 2) for one in many]}; PR "
                f"{np.mean([one.participation_ratio[at] for one in many], axis=0).round(2)}; read "
                f"{np.mean([one.accuracy[at] for one in many], axis=0).round(2)}"
            )
    for key in [key for key in both[0] if key != "stages"]:
        print("\n", key)
        tables = [more[key].to_pandas() for more in both]
        for name in tables[0].index:
            floor = np.mean([table.loc[name, "floor"] for table in tables])
            print(f"  {name:24s}{interval([table.loc[name, 'found'] for table in tables])}; floor {floor:.2f}")


def main() -> None:
    """Print all numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    n_seeds, start = parser.parse_args().seeds, time.perf_counter()
    if n_seeds:
        of_networks(n_seeds)
        print(f"\n{time.perf_counter() - start:.0f} s")
    try:
        sessions, dates = of_monkey()
    except FileNotFoundError as error:
        print(error)
    else:
        for name, found in sessions.items():
            print(f"\n{name}, ranks by session")
            for rank in ("tca rank", "slicetca rank"):
                print(f"  {rank:14s}", [row[rank] for row in found])
            report(f"{name}, days", by_day(found, dates[name]))
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
