"""What other libraries hand over is read where it can be, and refused with a remedy where not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake

from retrain_assets.data.profile import profile_table
from retrain_assets.drift import Monitor, compare, prepare
from retrain_assets.drift.novelty import Novelty
from retrain_assets.errors import DataError

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"day": np.repeat(np.arange(8), 100), "x": RNG.normal(size=800), "c": RNG.choice(["a", "b"], 800)})
REFERENCE, CURRENT = ROWS[ROWS["day"] < 7], ROWS[ROWS["day"] == 7]
DAYS = [profile_table(rows[["x", "c"]]) for _, rows in REFERENCE.groupby("day")]
TIMES = pd.DataFrame({"t": pd.date_range("2020", periods=100), "b": np.arange(100) // 20})


def anything(value: object) -> Any:
    """What no type checker would let through."""
    return value


@pytest.mark.parametrize(
    "given",
    [
        lambda rows: pl.from_pandas(rows).lazy(),
        lambda rows: pl.from_pandas(rows).lazy().filter(pl.col("day") >= 0),
        lambda rows: ds.dataset(pa.table(rows)),
        lambda rows: ds.dataset(pa.table(rows)).scanner(),
        lambda rows: pa.table(rows).to_reader(),
    ],
)
def test_plans_and_datasets_are_read(given) -> None:
    report = compare(given(REFERENCE), given(CURRENT), batch="day")
    assert report.to_json() == compare(pa.table(REFERENCE), pa.table(CURRENT), batch="day").to_json()
    prepared = prepare(given(REFERENCE), batch="day")
    assert compare(prepared, given(CURRENT)).to_json() == report.to_json()


def test_delta_tables_are_read(tmp_path: Path) -> None:
    tables: list[Any] = []
    for name, rows in (("before", REFERENCE), ("after", CURRENT)):
        write_deltalake(tmp_path / name, pa.table(rows))
        tables.append(DeltaTable(tmp_path / name))
    expected = compare(pa.table(REFERENCE), pa.table(CURRENT), batch="day")
    assert compare(tables[0], tables[1], batch="day").to_json() == expected.to_json()
    assert compare(prepare(tables[0], batch="day"), tables[1]).to_json() == expected.to_json()


@pytest.mark.parametrize("large", [False, True])
def test_whole_numbers_of_128_bits_are_read(large: bool) -> None:
    values = [(10**30 if large else 1) * place for place in range(100)]
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.Int128), "day": pl.Series([1] * 100, dtype=pl.Int128)})
    report = compare(frame, pd.DataFrame({"x": values, "day": 2}), batch="day")
    assert report.columns["x"].score == 0
    assert list(prepare(frame, batch="day").profiles) == ["1"]


def test_columns_may_be_named_as_the_frame_names_them() -> None:
    report = compare(
        REFERENCE.set_axis([0, 1, 2], axis=1),
        CURRENT.set_axis([0, 1, 2], axis=1),
        **anything({"batch": 0, "columns": [1]}),
    )
    assert list(report.columns) == ["1"]
    assert report.drifted is False
    assert report.columns["1"].score == compare(REFERENCE, CURRENT, batch="day", columns=["x"]).columns["x"].score


def test_a_reader_that_was_read_before_says_what_to_do() -> None:
    reader = pa.table(REFERENCE).to_reader()
    assert compare(reader, CURRENT, batch="day").drifted is False
    again = compare(reader, CURRENT, batch="day")
    assert again.drifted is None
    assert again.reason.endswith("(a stream that was read before has none left: open it anew)")
    for empty in (pa.table(REFERENCE).slice(0, 0), ds.dataset(pa.table(REFERENCE).slice(0, 0))):
        assert "stream" not in compare(anything(empty), CURRENT, batch="day").reason


def test_a_frame_of_times_alone_says_how_they_are_compared() -> None:
    for batch in (None, "b"):
        frame = TIMES if batch else TIMES[["t"]]
        report = compare(frame, frame, batch=batch)
        assert report.drifted is None
        assert report.reason.endswith("none but times (t), which are compared where they are named: columns=['t']")
    assert compare(TIMES[["b"]], TIMES[["b"]], batch="b").reason.endswith("there is none, or none but the batch column")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: compare(REFERENCE, CURRENT, columns=[]), TypeError, "columns must be a list of at least one name"),
        (lambda: compare(REFERENCE, CURRENT, columns=anything(5)), TypeError, r"at least one name \(got 5\)"),
        (lambda: compare(REFERENCE, CURRENT, columns=["x", anything(None)]), TypeError, "name of a column .got None"),
        (lambda: compare(REFERENCE, CURRENT, batch=anything(["day"])), TypeError, "batch must be the name"),
        (lambda: prepare(REFERENCE, batch=anything(["day"])), TypeError, "batch must be the name"),
        (lambda: compare(REFERENCE, CURRENT, batch=anything(0)), DataError, "the batch column '0' must be"),
        (lambda: compare(REFERENCE, CURRENT, seed=anything("a")), TypeError, "seed must be a whole number .got 'a'"),
        (lambda: compare(REFERENCE, CURRENT, seed=-1), ValueError, "seed must be >= 0 .got -1"),
        (lambda: compare(anything([REFERENCE]), CURRENT), TypeError, "profile_table.rows. makes one"),
        (lambda: compare(REFERENCE, anything({"a": CURRENT})), TypeError, "batch= names the column"),
        (lambda: profile_table(anything(pl.from_pandas(CURRENT))), TypeError, "takes a pandas data frame"),
        (lambda: Monitor(DAYS, checks_per_year=anything("365")), TypeError, "checks_per_year must be a number"),
        (lambda: Monitor(DAYS, checks_per_year=True), TypeError, "checks_per_year must be a number .got True"),
        (lambda: Monitor(DAYS, checks_per_year=np.inf), ValueError, "checks_per_year must be above 0 and finite"),
        (lambda: Monitor(DAYS, 9, options={"alpha": 0.1}), TypeError, "options must not name alpha: it follows"),
        (lambda: Monitor(DAYS, 9, options={"bin": 9}), TypeError, "a Monitor has no option 'bin'. Did you mean 'bins'"),
        (lambda: Monitor(DAYS, 9, options=anything([1])), TypeError, "options must be fields of Settings by name"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_remedy(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_profiles_and_monitors_are_printed_in_few_words() -> None:
    profile = profile_table(ROWS)
    lines = repr(profile).splitlines()
    assert lines[0] == "TableProfile of 800 rows in 3 columns"
    assert lines[1].startswith(
        "  ColumnProfile(name='day', kind='numeric', rows=800, missing=0, minimum=0.0, maximum=7.0,"
    )
    assert lines[3] == "  ColumnProfile(name='c', kind='categorical', rows=800, missing=0, 2 categories)"
    many = profile_table(pd.DataFrame(np.zeros((3, 40)), columns=[f"c{place}" for place in range(40)]))
    assert repr(many).splitlines()[-1] == "  and 28 more"
    one = ROWS[["x"]].head(1)
    assert repr(profile_table(one)).startswith("TableProfile of 1 row in 1 column\n")
    assert repr(prepare(one)) == "Prepared(1 row in 1 batch, batch=None)"
    monitor = Monitor(DAYS, checks_per_year=365)
    assert repr(monitor) == "Monitor(checks_per_year=365, false_alarms_per_year=1.0, options={}, joint='correlation')"
    assert len(repr(monitor.check(profile_table(CURRENT[["x", "c"]])))) < 400


def test_novelty_reads_the_same() -> None:
    expected = Novelty.of(DAYS).scores(CURRENT)
    for given in (pl.from_pandas(CURRENT).lazy(), ds.dataset(pa.table(CURRENT)), pa.table(CURRENT).to_reader()):
        np.testing.assert_allclose(Novelty.of(DAYS).scores(anything(given)), expected)
