"""Each field of a source changes what is read."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake
from pydantic import TypeAdapter

from retrain_assets.data.delivered_labels import join_labels
from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Calendar
from retrain_assets.errors import UnreadableFileError
from retrain_assets.spec import BatchesSpec, SourceSpec
from retrain_assets.stores.protocols import RawFile, Source
from retrain_assets.stores.sources import make_source
from retrain_assets_tests.data.contract_world import contract

BATCH = Calendar(BatchesSpec(every="week", start=datetime(2013, 1, 1, tzinfo=UTC))).first


def source(root: Path, environ: dict[str, str] | None = None, **declared: Any) -> Source:
    made = TypeAdapter(SourceSpec).validate_python(declared)
    return make_source(made, root=root, event_time="day", environ=environ)


def drop(root: Path, name: str, content: bytes = b"day,x\n2013-01-02,1\n") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (1e9, 1e9))  # long ago, not still being written


def names(files: list[RawFile]) -> list[str]:
    return [file.name for file in files]


def frame_of(files: list[RawFile]) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(io.BytesIO(file.content)) for file in files])


@pytest.mark.covers("source.files.path")
def test_the_path_says_which_files_are_of_a_batch(tmp_path: Path):
    for name in ("in/2013-01-01.csv", "in/2013-01-01_b.csv", "in/2013-01-08.csv", "other/2013-01-01.csv"):
        drop(tmp_path, name)
    assert names(source(tmp_path, type="files", path="in/{batch}*.csv").read(BATCH)) == [
        "2013-01-01.csv",
        "2013-01-01_b.csv",
    ]
    assert names(source(tmp_path, type="files", path="other/{batch}.csv").read(BATCH)) == ["2013-01-01.csv"]
    by_variable = source(tmp_path, {"WHERE": "other/{batch}.csv"}, type="files", path={"env": "WHERE"})
    assert names(by_variable.read(BATCH)) == ["2013-01-01.csv"]


@pytest.mark.covers("source.files.format")
def test_the_format_goes_before_the_ending(tmp_path: Path):
    drop(tmp_path, "2013-01-01.data")
    for form, expected in ((None, "csv"), ("csv", "csv"), ("parquet", "parquet")):
        [file] = source(tmp_path, type="files", path="{batch}.data", format=form).read(BATCH)
        assert file.media_type == expected


@pytest.mark.covers("source.files.encoding", "source.files.separator")
def test_encoding_and_separator_are_how_a_csv_file_is_read(tmp_path: Path):
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets_tests.spec.declarations import spec

    content = "day;shop\n2013-01-02;Köln\n".encode("latin-1")

    def read(**options: str) -> pd.DataFrame:
        model = DeclaredModel(spec(source={"type": "files", "path": "{batch}.csv", **options}), tmp_path)
        return read_part("a.csv", "csv", content, **model.reading(model.spec.source))

    assert read(encoding="latin-1", separator=";")["shop"].tolist() == ["Köln"]
    for options, reason in (({"encoding": "latin-1"}, "wrong_separator"), ({"separator": ";"}, "wrong_encoding")):
        with pytest.raises(UnreadableFileError) as caught:
            read(**options)
        assert caught.value.reason == reason


@pytest.mark.covers("source.files.storage_options")
def test_storage_options_reach_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import fsspec

    asked: list[dict[str, Any]] = []
    real = fsspec.core.url_to_fs

    def url_to_fs(url: str, **options: Any) -> Any:
        asked.append(options)
        return real(url)

    monkeypatch.setattr("fsspec.core.url_to_fs", url_to_fs)
    for options, environ in (({}, {}), ({"key": {"env": "KEY"}}, {"KEY": "secret"})):
        source(tmp_path, environ, type="files", path="memory://none/{batch}.csv", storage_options=options).read(BATCH)
    assert asked[0] == {}
    assert asked[-1] == {"key": "secret"}


@pytest.mark.covers("source.delta.path")
def test_the_path_is_the_table(tmp_path: Path):
    for number, name in enumerate(("a", "b")):
        rows = pd.DataFrame({"day": [pd.Timestamp("2013-01-02", tz="UTC")], "x": [number]})
        write_deltalake(str(tmp_path / name), pa.Table.from_pandas(rows))
    for number, name in enumerate(("a", "b")):
        assert frame_of(source(tmp_path, type="delta", path=name).read(BATCH))["x"].tolist() == [number]


@pytest.mark.covers("source.delta.storage_options")
def test_delta_storage_options_reach_the_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import deltalake

    asked: list[Any] = []
    real = deltalake.DeltaTable

    def table(uri: Any, *arguments: Any, storage_options: Any = None, **keywords: Any) -> Any:
        asked.append(storage_options)
        return real(uri, *arguments, **keywords)

    rows = pd.DataFrame({"day": [pd.Timestamp("2013-01-02", tz="UTC")], "x": [1]})
    write_deltalake(str(tmp_path / "t"), pa.Table.from_pandas(rows))
    monkeypatch.setattr("deltalake.DeltaTable", table)
    source(tmp_path, type="delta", path="t").read(BATCH)
    source(tmp_path, {"R": "eu"}, type="delta", path="t", storage_options={"region": {"env": "R"}}).read(BATCH)
    assert not asked[0]
    assert asked[-1] == {"region": "eu"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = sa.create_engine(url)
    rows = pd.DataFrame({"day": pd.date_range("2013-01-01", periods=20).strftime("%Y-%m-%d 12:00:00"), "x": range(20)})
    rows.to_sql("sales", engine, index=False)
    rows.assign(x=rows["x"] * 10).to_sql("stock", engine, index=False)
    engine.dispose()
    return url


QUERY = "select day, x from {} where day >= :start and day < :end order by day"


@pytest.mark.covers("source.sql.query", "source.sql.url")
def test_the_query_is_asked_of_the_database(tmp_path: Path, database: str):
    for table, factor in (("sales", 1), ("stock", 10)):
        files = source(tmp_path, type="sql", url=database, query=QUERY.format(table)).read(BATCH)
        assert frame_of(files)["x"].tolist() == [factor * day for day in range(7)]
    by_variable = source(tmp_path, {"DB": database}, type="sql", url={"env": "DB"}, query=QUERY.format("sales"))
    assert len(frame_of(by_variable.read(BATCH))) == 7


@pytest.mark.covers("source.sql.chunk_rows")
def test_rows_are_fetched_in_chunks(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch):
    """Whatever the size of a chunk, the rows are the same; only how many are held at once differs."""
    asked: list[int] = []
    real = sa.CursorResult.partitions

    def partitions(self: Any, size: int | None = None) -> Any:
        asked.append(size or 0)
        return real(self, size)

    monkeypatch.setattr(sa.CursorResult, "partitions", partitions)
    read = [
        frame_of(source(tmp_path, type="sql", url=database, query=QUERY.format("sales"), chunk_rows=size).read(BATCH))
        for size in (3, 1000)
    ]
    pd.testing.assert_frame_equal(read[0], read[1])
    assert set(asked) == {3, 1000}


LOADERS = "retrain_assets_tests.stores.sources.loaders"


@pytest.mark.covers("source.python.load", "source.python.arguments")
def test_the_callable_is_called_with_the_arguments(tmp_path: Path):
    def values(load: str, **arguments: Any) -> list[float]:
        files = source(tmp_path, type="python", load=f"{LOADERS}:{load}", arguments=arguments).read(BATCH)
        return frame_of(files)["value"].tolist() if files else []

    assert values("hourly") == [0, 1, 2, 3, 4, 5, 6]
    assert values("hourly", step="2D", scale=10.0) == [0, 10, 20, 30]
    files = source(tmp_path, type="python", load=f"{LOADERS}:nothing").read(BATCH)
    assert sum(len(pd.read_parquet(io.BytesIO(file.content))) for file in files) == 0


@pytest.mark.covers("source.files.type", "source.delta.type", "source.sql.type", "source.python.type")
def test_the_type_chooses_the_reader(tmp_path: Path):
    declared: list[dict[str, Any]] = [
        {"type": "files", "path": "{batch}.csv"},
        {"type": "delta", "path": "t"},
        {"type": "sql", "url": "sqlite://", "query": "select :start, :end"},
        {"type": "python", "load": f"{LOADERS}:hourly"},
    ]
    readers = [type(source(tmp_path, **each)).__name__ for each in declared]
    assert len(set(readers)) == 4


@pytest.mark.covers("source.files.decimal")
def test_the_decimal_mark_is_how_numbers_are_read(tmp_path: Path):
    """The other form is refused as it was delivered."""
    from retrain_assets.lifecycle import DeclaredModel
    from retrain_assets_tests.spec.declarations import spec

    def checked(mark: str) -> Any:
        form = {"type": "files", "path": "{batch}.csv", "separator": ";", "decimal": mark}
        columns = {"day": {"type": "datetime"}, "price": {"type": "float"}, "sold": {"type": "float"}}
        declared = spec(
            source=form,
            schema=columns,
            target={"column": "sold"},
            metric="squared_error",
            estimator={"class": "sklearn.linear_model.Ridge"},
        )
        model = DeclaredModel(declared, tmp_path)
        content = b"day;price;sold\n2013-01-02;12,5;1,5\n2013-01-02;12.25;2.5\n"
        return model.contract.check([("a.csv", read_part("a.csv", "csv", content, separator=";"))], BATCH)

    for mark, price, refused, target in ((",", 12.5, "12.25", 1.5), (".", 12.25, "12,5", 2.5)):
        made = checked(mark)
        assert made.accepted["price"].tolist() == [price]
        assert made.quarantine["value"].tolist() == [refused]
        assert made.outcomes["sold"].dropna().tolist() == [target]


def test_labels_are_read_by_the_decimal_mark_of_their_own_files():
    columns = {"day": {"type": "datetime"}, "id": {"type": "float"}, "price": {"type": "float"}}
    labels = {"type": "files", "path": "labels/{batch}.csv", "separator": ";", "decimal": ","}
    made = contract(
        schema=columns,
        event_time="day",
        row_id="id",
        target={"column": "sold", "labels": labels},
        metric="squared_error",
        estimator={"class": "sklearn.linear_model.Ridge"},
    )
    rows = read_part("a.csv", "csv", b"day,id,price\n2013-01-02,1.5,12.5\n2013-01-02,2.5,12.5\n")
    accepted = made.check([("a.csv", rows)], BATCH).accepted
    delivered = read_part("l.csv", "csv", b"id;sold\n1,5;7,25\n2,5;7.25\n", separator=";")
    joined = join_labels([("l.csv", delivered)], made, accepted)
    assert joined.labels["label"].tolist() == [7.25]
    assert (joined.unreadable, joined.unreadable_values) == (1, ("7.25",))


def test_the_usual_decimal_mark_leaves_what_was_hashed_before_there_was_another():
    from retrain_assets_tests.spec.declarations import spec

    files = {"type": "files", "path": "x/{batch}.csv"}
    for field in ("spec_hash", "contract_hash"):
        hashes = [getattr(spec(source={**files, **form}), field)() for form in ({}, {"decimal": "."}, {"decimal": ","})]
        assert hashes[0] == hashes[1] != hashes[2]
    assert "decimal" not in spec(source=files).model_dump(mode="json")["source"]
