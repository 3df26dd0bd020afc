"""Columns of rarer types are profiled as the plain ones that hold the same values, row by row and batch by batch."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.data.arrow_profiling import profile_arrow
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.pandas_types import in_plain_type
from retrain_assets.data.part_profiling import profile_parts
from retrain_assets.data.profile import profile_table
from retrain_assets.drift import compare, prepare
from retrain_assets.drift.comparing import Joint
from retrain_assets.drift.novelty import Novelty

ROWS = 300
PLACES = np.arange(ROWS)
SECONDS: Any = pd.Series(pd.to_timedelta(PLACES % 7, unit="s"))
DAYS: Any = pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(PLACES % 7, unit="D"))
TRUTHS = [None if place % 7 == 0 else place % 3 == 0 for place in range(ROWS)]
KEYS = [uuid.uuid5(uuid.NAMESPACE_OID, str(place % 5)) for place in range(ROWS)]
INTERVALS = [pa.MonthDayNano([place % 3, 1, 0]) for place in range(ROWS)]
STORED_TRUTHS = pa.array([None if truth is None else int(truth) for truth in TRUTHS], pa.int8())
BYTES = pa.array([key.bytes for key in KEYS], pa.binary(16))


def objects(values: Any) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def in_pandas(values: Any) -> pd.Series:
    return pd.Series(pd.arrays.ArrowExtensionArray(values))


SAME: dict[str, tuple[Any, Any, str]] = {
    "sparse durations": (SECONDS.astype(pd.SparseDtype(SECONDS.dtype)), SECONDS, "numeric"),
    "sparse times": (DAYS.astype(pd.SparseDtype(DAYS.dtype)), DAYS, "datetime"),
    "objects that are durations": (objects(SECONDS), SECONDS, "numeric"),
    "durations of Python": (objects(dt.timedelta(seconds=int(place % 7)) for place in PLACES), SECONDS, "numeric"),
    "durations of numpy": (objects(np.timedelta64(int(place % 7), "s") for place in PLACES), SECONDS, "numeric"),
    "durations with gaps": (objects(SECONDS.where(PLACES % 2 > 0)), SECONDS.where(PLACES % 2 > 0), "numeric"),
    "decimals that signal": (
        objects(Decimal("sNaN") if place % 3 == 0 else Decimal(place) for place in range(ROWS)),
        pd.Series(np.where(PLACES % 3 == 0, np.nan, PLACES)),
        "numeric",
    ),
    "one that signals among others": (
        objects(["a", Decimal("sNaN"), 1] * (ROWS // 3)), objects(["a", None, 1] * (ROWS // 3)), "categorical"
    ),
    "UUIDs of Arrow": (in_pandas(pa.ExtensionArray.from_storage(pa.uuid(), BYTES)), objects(KEYS), "categorical"),
    "truth values in 8 bits": (
        in_pandas(pa.ExtensionArray.from_storage(pa.bool8(), STORED_TRUTHS)), pd.Series(TRUTHS, dtype="boolean"),
        "boolean",
    ),
    "intervals of months": (
        in_pandas(pa.array(INTERVALS, pa.month_day_nano_interval())), objects(INTERVALS), "categorical"
    ),
    "intervals as Arrow hands them to pandas": (
        pa.array(INTERVALS, pa.month_day_nano_interval()).to_pandas(), objects(INTERVALS), "categorical"
    ),
    "whole numbers of some library": (
        in_pandas(pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "cents", "shop"), pa.array(PLACES))),
        pd.Series(PLACES), "numeric",
    ),
    "views": (in_pandas(pa.array(["a", "b"] * (ROWS // 2), pa.string_view())), objects("ab" * (ROWS // 2)),
              "categorical"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "plain", "kind"), SAME.values(), ids=SAME)
def test_a_column_is_profiled_as_the_plain_one(given: pd.Series, plain: pd.Series, kind: str) -> None:
    found = profile_table(given.to_frame("x"))["x"]
    assert found.kind == kind
    assert found == profile_table(plain.to_frame("x"))["x"]
    parts = PLACES % 4
    assert profile_parts(given.to_frame("x"), parts, 4) == profile_parts(plain.to_frame("x"), parts, 4)


@pytest.mark.parametrize(("given", "plain", "kind"), SAME.values(), ids=SAME)
def test_a_column_is_compared_with_the_plain_one_and_its_rows_are_as_novel(
    given: pd.Series, plain: pd.Series, kind: str
) -> None:
    frames = [
        pd.DataFrame({"x": values, "y": np.random.default_rng(0).normal(size=ROWS), "day": PLACES // 50})
        for values in (given, plain)
    ]
    joints: list[Joint] = ["classifier", "none"]
    for (before, after), joint in zip((frames, frames[::-1]), joints, strict=True):
        report = compare(before, after, batch="day", columns=["x", "y"], joint=joint)
        assert (report.columns["x"].kind, report.columns["x"].score, report.drifted) == (kind, 0.0, False)
    novelty = Novelty.of([profile_table(frames[1])], ["x"])
    assert novelty.scores(frames[0]).tolist() == novelty.scores(frames[1]).tolist()


@pytest.mark.parametrize("name", ["UUIDs of Arrow", "truth values in 8 bits", "intervals of months"])
def test_extensions_of_arrow_are_the_same_as_a_table(name: str) -> None:
    given, plain, _ = SAME[name]
    table = pa.table({"x": pa.array(given.array)})

    def counted(found: ColumnProfile) -> tuple[str, dict[str, int], int]:
        return found.kind, dict(found.categories), found.missing

    assert counted(profile_arrow([table])[""]["x"]) == counted(profile_table(plain.to_frame("x"))["x"])
    novelty = Novelty.of([profile_table(plain.to_frame("x"))])
    assert novelty.scores(table).tolist() == novelty.scores(plain.to_frame("x")).tolist()


def test_batches_may_be_told_by_any_of_them() -> None:
    rng = np.random.default_rng(0)
    for days in (objects(SECONDS), in_pandas(pa.ExtensionArray.from_storage(pa.uuid(), BYTES))):
        frame = pd.DataFrame({"x": rng.normal(size=ROWS), "day": days})
        assert compare(frame, frame, batch="day").drifted is False


def test_durations_beyond_all_nanoseconds_are_seconds() -> None:
    far = objects([dt.timedelta(days=999_999_999), np.timedelta64(10**12, "s"), None])
    found = profile_table(far.to_frame("x"))["x"]
    assert (found.kind, found.maximum, found.minimum, found.missing) == ("numeric", 86_399_999_913_600.0, 1e12, 1)


def test_a_plain_column_is_left_as_it_is() -> None:
    for values in (SECONDS, DAYS, objects("a"), pd.Series([1], dtype="Int64"), in_pandas(pa.array([1]))):
        assert in_plain_type(values) is values


@pytest.mark.parametrize("gaps", [False, True])
def test_a_duration_is_the_same_number_in_every_unit(gaps: bool) -> None:
    """Of 104 days and more not all nanoseconds are doubles; a neighbour of the double would be another fine bin."""
    whole = np.tile([86_400_000_990_141, 9_000_000_000_000_001, -86_400_000_990_141, 5], ROWS // 4)
    durations = pa.array(whole, pa.duration("us"), mask=PLACES % 4 == 3 if gaps else None)
    table = pa.table({"x": durations})
    finer = pa.table({"x": durations.cast(pa.duration("ns"))})
    sides = (table, finer, table.to_pandas(), finer.to_pandas(), finer.to_pandas(types_mapper=pd.ArrowDtype))
    for side in sides:
        assert prepare(side).profiles[""]["x"].bins == prepare(table).profiles[""]["x"].bins
        scores = compare(table, side, joint="none").columns["x"].scores
        assert (scores["kolmogorov_smirnov"], scores["wasserstein"]) == (0.0, 0.0)


MISSING: dict[str, Any] = {
    "objects": pd.DataFrame({"x": pd.Series([None] * 140_000, dtype=object), "y": 1.0}),
    "lists of Arrow": pa.table({"x": pa.chunked_array([pa.nulls(50, pa.list_(pa.int64()))] * 3), "y": [1.0] * 150}),
    "times of Arrow": pa.table({"x": pa.chunked_array([pa.nulls(50, pa.time64("us"))] * 3), "y": [1.0] * 150}),
}


@pytest.mark.parametrize("rows", MISSING.values(), ids=MISSING)
def test_a_column_without_any_value_may_be_of_several_parts(rows: Any) -> None:
    report = compare(rows, rows, joint="none")
    assert (report.drifted, report.columns["x"].before) == (False, "100 % missing")
