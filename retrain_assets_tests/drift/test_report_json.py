"""The report for machines, key by key; and how far its distances may be from those of the rows."""

import copy
import dataclasses
import json
import operator
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retrain_assets.data.profile import TableProfile, merge_tables, profile_table
from retrain_assets.drift import compare
from retrain_assets.drift.distances import DISTANCES
from retrain_assets.drift.fitted_reference import Basis
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.measures import Measures
from retrain_assets.drift.report import ColumnDrift
from retrain_assets.drift.settings import Settings

RNG = np.random.default_rng(0)
COUNT = 4_000
BEFORE = pd.DataFrame(
    {
        "day": np.repeat(np.arange(10), COUNT // 10),
        "x": np.where(RNG.random(COUNT) < 0.1, np.nan, np.where(RNG.random(COUNT) < 0.2, 0.0, RNG.normal(5, 2, COUNT))),
        "c": RNG.choice(np.array(["a", "b", None], dtype=object), COUNT),
        "t": pd.to_datetime(RNG.integers(0, 2**30, COUNT), unit="s"),
        "gone": 1.0,
        "other": "text",
    }
)
AFTER = pd.DataFrame(
    {
        "day": 99,
        "x": np.where(
            np.arange(500) % 10 == 0, -np.inf, np.where(np.arange(500) % 5 == 1, 77.0, RNG.normal(5, 2, 500))
        ),
        "c": np.where(np.arange(500) % 4 == 0, "new", "a"),
        "t": pd.to_datetime(RNG.integers(2**30, 2**31, 500), unit="s"),
        "new": 1.0,
        "other": 3.0,
    }
)
NAMES = ["x", "c", "t", "gone", "new", "other"]
REPORT = compare(BEFORE, AFTER, batch="day", columns=NAMES, importance={"x": 0.5})
RECORD: dict[str, Any] = json.loads(REPORT.to_json(), parse_constant=pytest.fail)
COLUMNS: dict[str, Any] = {column["name"]: column for column in RECORD["columns"]}


def fields(of: type) -> set[str]:
    return {field.name for field in dataclasses.fields(of)}


def test_the_whole_has_these_keys() -> None:
    assert set(RECORD) == {"format", "drifted", "reason", "rows", "basis", "settings", "columns", "joint", "locations"}
    assert (RECORD["format"], RECORD["drifted"], RECORD["reason"]) == (2, True, REPORT.reason)
    assert RECORD["rows"] == {"reference": COUNT, "current": 500}
    assert set(RECORD["basis"]) == fields(Basis) == {"significance", "batches", "sentence"}
    assert (RECORD["basis"]["significance"], RECORD["basis"]["batches"]) == ("batches", 10)
    assert RECORD["settings"] == dataclasses.asdict(Settings())
    assert set(RECORD["joint"]) == fields(JointDrift)
    assert RECORD["locations"] is None  # of a single number on both sides
    assert [column["name"] for column in RECORD["columns"]] == [column.name for column in REPORT.ranked]


def test_a_column_has_these_keys() -> None:
    assert set(COLUMNS["x"]) == fields(ColumnDrift) | {"shape"}
    assert set(COLUMNS["new"]) == fields(ColumnDrift)
    assert set(COLUMNS["x"]["scores"]) == set(COLUMNS["x"]["score_errors"]) == set(DISTANCES)
    assert set(COLUMNS["x"]["shape"]) == {"cells", "before", "after"}
    assert (COLUMNS["x"]["importance"], COLUMNS["c"]["importance"]) == (0.5, 0.0)
    for name, column in COLUMNS.items():
        assert column["verdict"] == REPORT.columns[name].verdict
        assert column["score"] == REPORT.columns[name].score
        assert column["reason"] == REPORT.columns[name].reason
    assert (COLUMNS["new"]["verdict"], COLUMNS["new"]["scores"]) == ("unknown", {})


def test_numbers_are_measured_before_and_after() -> None:
    sides = COLUMNS["x"]["measures"]
    assert set(sides["before"]) == set(sides["after"]) == fields(Measures)
    for side, frame in (("before", BEFORE), ("after", AFTER)):
        measured, values = sides[side], frame["x"]
        finite = values[np.isfinite(values)]
        assert measured["rows"] == len(frame)
        assert measured["missing"] == values.isna().sum()
        assert measured["missing_share"] == pytest.approx(values.isna().mean())
        assert measured["infinite"] == measured["minus_infinite"] == np.isinf(values).sum()
        assert measured["infinite_share"] == pytest.approx(np.isinf(values).mean())
        assert measured["zeros"] == (values == 0).sum()
        assert measured["zero_share"] == pytest.approx((values == 0).mean())
        assert (measured["minimum"], measured["maximum"]) == (finite.min(), finite.max())
        assert measured["mean"] == pytest.approx(finite.mean())
        assert measured["deviation"] == pytest.approx(finite.std())
        assert measured["median"] == pytest.approx(finite.median(), rel=0.02)
        assert measured["categories"] is None
    assert sides["after"]["novel_share"] == pytest.approx(0.2, abs=0.01)
    assert sides["before"]["novel_share"] < 0.001


def test_categories_times_and_what_one_side_lacks_are_measured() -> None:
    before, after = (COLUMNS["c"]["measures"][side] for side in ("before", "after"))
    assert (before["novel_share"], after["novel_share"]) == (0.0, 0.25)
    assert (before["categories"], after["categories"]) == (2, 2)
    assert before["missing_share"] == pytest.approx(BEFORE["c"].isna().mean())
    assert {before[name] for name in ("zeros", "zero_share", "infinite", "infinite_share", "mean", "median")} == {None}
    moved = COLUMNS["t"]["measures"]
    assert moved["before"]["maximum"] == BEFORE["t"].max().timestamp()
    assert moved["after"]["mean"] == pytest.approx(pd.Timestamp(AFTER["t"].mean()).timestamp())
    assert moved["after"]["novel_share"] == pytest.approx(1, abs=0.01)
    assert (COLUMNS["gone"]["measures"]["before"]["mean"], COLUMNS["gone"]["measures"]["after"]) == (1.0, None)
    assert (COLUMNS["new"]["measures"]["before"], COLUMNS["new"]["measures"]["after"]["mean"]) == (None, 1.0)
    other = COLUMNS["other"]["measures"]
    assert (other["before"]["categories"], other["after"]["mean"], other["after"]["novel_share"]) == (1, 3.0, None)


def test_the_documentation_names_every_key() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "drift.md").read_text()
    told = docs.partition("## The report as JSON")[2].partition("\n## ")[0]
    named = {key for row in re.findall(r"^\| (`.*?) \|", told, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == set(RECORD) | fields(ColumnDrift) | {"shape"} | fields(Measures)


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.clear(),
        lambda held: held.pop("x"),
        lambda held: held.popitem(),
        lambda held: held.update(x=99),
        lambda held: held.setdefault("x", 99),
        lambda held: operator.setitem(held, "psi", 99),
        lambda held: operator.delitem(held, "psi"),
        lambda held: operator.ior(held, {"psi": 99}),
    ],
)
def test_a_report_stays_as_it_was_found(change: Callable[[Any], Any]) -> None:
    told, column = REPORT.to_json(), REPORT.columns["x"]
    for held in (REPORT.columns, REPORT.shapes, column.scores, column.score_errors, REPORT.columns["new"].scores):
        with pytest.raises(TypeError, match="must stay as it was found"):
            change(held)
    assert REPORT.to_json() == told


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda report: pickle.loads(pickle.dumps(report))])
def test_a_copy_of_a_report_is_the_same_report(copied: Callable[[Any], Any]) -> None:
    made = copied(REPORT)
    assert (made, made.to_json(), repr(made)) == (REPORT, REPORT.to_json(), repr(REPORT))
    assert made.columns == dict(REPORT.columns)
    with pytest.raises(TypeError, match="must stay as it was found"):
        made.columns["x"].scores["psi"] = 99


SHAPES = st.sampled_from(["normal", "whole", "wide", "far", "few", "huge", "tiny"])


def drawn(shape: str, rows: int, rng: np.random.Generator) -> np.ndarray:
    return {
        "normal": rng.normal(size=rows),
        "whole": rng.poisson(300, rows).astype(float),
        "wide": rng.choice([-1, 1], rows) * 2.0 ** rng.uniform(-90, 90, rows),
        "far": rng.normal(1e6, 1, rows),
        "few": rng.choice([0.0, 1.5, 7.0], rows),
        "huge": rng.normal(size=rows) * 1e300,
        "tiny": rng.normal(size=rows) * 1e-304,
    }[shape]


@settings(max_examples=60, deadline=None)
@given(SHAPES, SHAPES, st.integers(0, 2**32), st.integers(1, 5))
def test_distances_of_rows_are_within_the_error_of_those_of_profiles(
    one: str, other: str, seed: int, parts: int
) -> None:
    rng = np.random.default_rng(seed)
    before, after = drawn(one, 3_000, rng), drawn(other, 1_500, rng)
    profiles = [profile_table(pd.DataFrame({"x": part})) for part in np.array_split(before, parts)]
    column = compare(merge_tables(profiles), profile_table(pd.DataFrame({"x": after}))).columns["x"]
    exact = stats.ks_2samp(before, after).statistic
    error = column.score_errors["kolmogorov_smirnov"]
    assert error is not None
    assert column.scores["kolmogorov_smirnov"] - 1e-9 <= exact <= column.scores["kolmogorov_smirnov"] + error + 1e-9
    error = column.score_errors["wasserstein"]
    scale = max(np.abs(before).max(), np.abs(after).max())
    deviation = float((before / scale).std())
    if error is not None and deviation > 1e-12:
        exact = stats.wasserstein_distance(before / scale, after / scale) / deviation
        assert abs(exact - column.scores["wasserstein"]) <= error + 1e-7 * max(1.0, exact)
    assert all(column.score_errors[name] == 0 for name in DISTANCES if not DISTANCES[name].fine)


@pytest.mark.parametrize("bins_apart", [0, 1])
def test_rows_at_the_edges_of_their_bins_need_all_of_the_error(bins_apart: int) -> None:
    """All rows go from the upper edge of a bin to its lower one, which no profile sees; or to that of the next bin,
    which is no distance at all.
    """
    edges = np.sort(np.ldexp(1 + np.arange(64) / 64, np.arange(12)[:, None]), axis=None)
    before, after = np.nextafter(edges[1:], 0), edges[bins_apart:][: len(edges) - 1]
    column = compare(*(profile_table(pd.DataFrame({"x": side})) for side in (before, after))).columns["x"]
    error, exact = column.score_errors["wasserstein"], stats.wasserstein_distance(before, after) / before.std()
    assert error is not None
    assert 0.9 * error < abs(exact - column.scores["wasserstein"]) <= error + 1e-9


def test_the_error_of_numbers_is_small_and_that_of_few_values_is_none() -> None:
    normal = profile_table(pd.DataFrame({"x": RNG.normal(size=20_000), "n": RNG.integers(0, 50, 20_000)}))
    report = compare(normal, normal)
    errors = {name: report.columns[name].score_errors for name in "xn"}
    assert 0 < (errors["x"]["kolmogorov_smirnov"] or 0) < 0.02
    assert 0 < (errors["x"]["wasserstein"] or 0) < 0.02
    assert set(errors["n"].values()) == {0.0}


def _without_limit(texts: np.ndarray) -> TableProfile:
    """As if all categories were known by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrain_assets.data.categories.MAX_CATEGORIES", 10**6)
        return profile_table(pd.DataFrame({"x": texts}))


@pytest.mark.parametrize("seed", range(6))
def test_hidden_categories_are_within_the_error(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def texts(exponent: float, rows: int) -> np.ndarray:
        return rng.zipf(exponent, rows).clip(max=900).astype(str)

    sides = [[texts(1.5 + 0.3 * place, 1_000) for _ in range(4)] for place in range(2)]
    merged = [merge_tables([profile_table(pd.DataFrame({"x": part})) for part in parts]) for parts in sides]
    found = compare(*merged).columns["x"]
    cells = dict(zip(*_shape_of(compare(*merged)), strict=True))
    exact = [_without_limit(np.concatenate(parts))["x"] for parts in sides]
    named = [label for label in cells if label not in ("all others", "unseen", "missing")]
    counts = np.array([[each.categories.get(label, 0) for label in named] for each in exact])
    counts = np.column_stack([counts, [each.rows for each in exact] - counts.sum(axis=1)])
    counts = np.column_stack([counts, np.zeros((2, len(cells) - len(named) - 1), dtype=np.int64)])
    told = 0
    for name, distance in DISTANCES.items():
        error = found.score_errors[name]
        if error is None:
            continue
        told += 1
        assert abs(distance(counts[0], counts[1], 0.5) - found.scores[name]) <= error + 1e-9, name
    assert told == len(DISTANCES) - 3


def _shape_of(report: Any) -> tuple[Any, Any]:
    shape = report.shapes["x"]
    return shape.cells, shape.before


def test_what_a_profile_does_not_name_is_not_said_to_be_nothing() -> None:
    texts = pd.DataFrame({"x": [f"id{place % 700}" for place in range(7_000)]})
    column = compare(texts, texts[300:700]).columns["x"]
    assert " 0 %" not in column.before
    assert column.aspect == "shape"


def test_half_of_a_surrogate_pair_is_written_as_an_escape_and_read_again() -> None:
    half = "x" + chr(0xD800)
    frame = pd.DataFrame({half: np.arange(200.0), "t": ["a" + chr(0xDC80), "ä"] * 100})
    for report in (compare(frame, frame), compare(frame, frame.assign(**{half: 1e9}))):
        record = json.loads(report.to_json().encode())
        assert {column["name"] for column in record["columns"]} == {half, "t"}
        assert "ä" in report.to_json()
        assert str(report).encode()
        assert str(report.figure()).encode()
    profile = profile_table(frame)
    assert TableProfile.from_json(profile.to_json().encode().decode()) == profile
    assert repr(profile).encode()
