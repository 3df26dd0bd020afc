"""A partition that is appended here is, to deltalake, one that deltalake appended."""

import errno
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from retrain_assets.errors import StoreError
from retrain_assets.stores import delta_log
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.delta_append import append_partition, can_append, commits_after
from retrain_assets.stores.delta_create import CHECKPOINT_INTERVAL

TABLE = "flights/validated"


def frame(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"n": values})


@pytest.fixture
def store(tmp_path):
    """A table with two partitions, of which the second was appended."""
    made = DeltaTableStore(tmp_path / "tables")
    for key, values in {"a": (1.0,), "b": (2.0, 3.0)}.items():
        made.write(TABLE, key, frame(*values))
    return made


@pytest.fixture
def appended(monkeypatch):
    """The versions that were appended by this package."""
    versions = []

    def noted(*args, **kwargs):
        append_partition(*args, **kwargs)
        versions.append(kwargs["version"])

    monkeypatch.setattr(delta_log, "append_partition", noted)
    return versions


def folder(store) -> Path:
    return Path(store.uri(TABLE))


def test_deltalake_tells_it_apart_by_its_name_alone(store):
    handle = DeltaTable(store.uri(TABLE))
    told = handle.history(1)[0]
    assert (told["operation"], told["engineInfo"], told["version"]) == ("WRITE", "retrain-assets", 2)
    actions = pa.table(handle.get_add_actions(flatten=True)).to_pylist()
    assert {(each["partition.ra_batch"], each["num_records"]) for each in actions} == {("a", 1), ("b", 2)}
    assert handle.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True) == []
    assert all(not path.name.endswith(".tmp") for path in (folder(store) / "_delta_log").iterdir())


def test_a_version_is_given_once(store):
    before = sorted(folder(store).rglob("*.json"))
    rows = pa.table({"n": [1.0], "ra_row": [0]})
    with pytest.raises(FileExistsError):
        append_partition(folder(store), "c", rows, version=2, metadata={}, token="t")
    assert sorted(folder(store).rglob("*.json*")) == before
    assert [version for version, _ in commits_after(folder(store), 0)] == [1, 2]


@pytest.mark.parametrize("theirs", ["c", "d"])
def test_who_comes_second_goes_on_top_of_the_first(store, monkeypatch, theirs):
    """Somebody else commits between the look at the log and the own commit: another partition, or the same one."""
    other = DeltaTableStore(folder(store).parents[1])

    def late(*args, **kwargs):
        monkeypatch.setattr(delta_log, "append_partition", append_partition)
        other.write(TABLE, theirs, frame(9.0))
        append_partition(*args, **kwargs)

    monkeypatch.setattr(delta_log, "append_partition", late)
    assert store.write(TABLE, "d", frame(4.0)).version == 4
    for reader in (store, other, DeltaTableStore(folder(store).parents[1])):
        assert reader.read(TABLE, ["d"])["n"].tolist() == [4.0]
        assert reader.commits(TABLE)[theirs].version == (3 if theirs == "c" else 4)


def test_deltalake_refuses_to_append_the_partition_too(store):
    old = DeltaTable(store.uri(TABLE), version=1)
    rows = pa.table({"n": [1.0], "ra_row": [0], "ra_batch": ["b"]})
    with pytest.raises(CommitFailedError):
        write_deltalake(
            old, rows, mode="append", commit_properties=CommitProperties(app_transactions=[Transaction("b", version=1)])
        )


def test_a_table_that_asks_for_more_is_left_to_deltalake(store, appended):
    store.write(TABLE, "c", frame(4.0))
    handle = DeltaTable(store.uri(TABLE))
    assert can_append(handle)
    handle.alter.add_constraint({"positive": "n > 0"})
    assert not can_append(handle)
    store.write(TABLE, "d", frame(5.0))
    assert appended == [3]
    assert store.read(TABLE)["n"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_column_that_somebody_else_added_is_known(store, appended):
    DeltaTableStore(folder(store).parents[1]).write(TABLE, "c", pd.DataFrame({"n": [4.0], "text": ["x"]}))
    store.write(TABLE, "d", pd.DataFrame({"n": [5.0], "text": ["y"]}))
    store.write(TABLE, "e", frame(6.0))
    assert appended == [4, 5]
    assert DeltaTable(store.uri(TABLE)).to_pandas().sort_values("n")["text"].tolist()[3:] == ["x", "y", None]


def test_a_table_that_took_the_place_of_another_is_not_broken(store):
    """A folder was restored from an older copy, or deleted and made again, while a process knew the newer one."""
    shutil.copytree(folder(store), copy := folder(store).with_name("copy"))
    for key in "cde":
        store.write(TABLE, key, frame(4.0))
    shutil.rmtree(folder(store))
    copy.rename(folder(store))
    assert store.write(TABLE, "f", frame(9.0)).version == 3
    assert DeltaTableStore(folder(store).parents[1]).read(TABLE)["n"].tolist() == [1.0, 2.0, 3.0, 9.0]
    assert list(store.commits(TABLE)) == ["a", "b", "f"]

    shutil.rmtree(folder(store))
    assert store.write(TABLE, "g", frame(5.0)).rows == 1
    assert store.read(TABLE)["n"].tolist() == [5.0]


@pytest.mark.parametrize("appends", [1, CHECKPOINT_INTERVAL - 3])
def test_what_others_commit_right_after_an_append_is_known(store, monkeypatch, appends):
    """Also where a checkpoint is due, for which the handle is brought to the end of the log."""
    other = DeltaTableStore(folder(store).parents[1])
    for number in range(appends - 1):
        store.write(TABLE, f"before {number:02}", frame(0.0))
    note = delta_log.DeltaLog._note

    def overtaken(log, written, version):
        note(log, written, version)
        monkeypatch.undo()
        other.write(TABLE, "theirs", frame(7.0))

    monkeypatch.setattr(delta_log.DeltaLog, "_note", overtaken)
    assert store.write(TABLE, "mine", frame(8.0)).version == appends + 2
    assert store.commits(TABLE)["theirs"].version == appends + 3
    store.write(TABLE, "theirs", frame(6.0, 7.0))
    assert store.read(TABLE, ["mine", "theirs"])["n"].tolist() == [8.0, 6.0, 7.0]


def test_a_version_is_read_as_it_was_though_others_went_on(store, monkeypatch):
    reader = DeltaTableStore(folder(store).parents[1])
    assert reader.commits(TABLE)["b"].version == 2
    store.write(TABLE, "c", frame(3.0))
    newest = delta_log.DeltaLog.newest

    def overtaken(log, version):
        found = newest(log, version)
        monkeypatch.undo()
        store.write(TABLE, "b", frame(70.0, 80.0))
        return found

    monkeypatch.setattr(delta_log.DeltaLog, "newest", overtaken)
    assert reader.read(TABLE, ["b"], version=3)["n"].tolist() == [2.0, 3.0]
    assert reader.read(TABLE, ["b"])["n"].tolist() == [70.0, 80.0]


@pytest.mark.parametrize("theirs", ["a", "b"])
def test_two_that_make_a_table_at_once_agree_on_its_types(tmp_path, monkeypatch, theirs):
    store, other = DeltaTableStore(tmp_path), DeltaTableStore(tmp_path)
    create = delta_log.DeltaLog._create

    def late(log, schema):
        monkeypatch.undo()
        other.write(TABLE, theirs, frame(1.0, 2.0))
        create(log, schema)

    monkeypatch.setattr(delta_log.DeltaLog, "_create", late)
    with pytest.raises(StoreError, match="n"):
        store.write(TABLE, "b", pd.DataFrame({"n": ["text"]}))
    store.write(TABLE, "b", frame(3.0))
    assert DeltaTableStore(tmp_path).read(TABLE, ["b"])["n"].tolist() == [3.0]


def test_any_character_in_the_name_of_a_column_is_read(store):
    name = "y\x85\u2028z"
    DeltaTableStore(folder(store).parents[1]).write(TABLE, "c", pd.DataFrame({"n": [4.0], name: ["x"]}))
    assert store.read(TABLE, ["c"])[name].tolist() == ["x"]


def test_without_hard_links_deltalake_writes(store, appended, monkeypatch):
    def refused(_source, _target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)
    files = set(folder(store).rglob("*.parquet"))
    for key in "cd":
        store.write(TABLE, key, frame(4.0))
    assert appended == []
    assert store.read(TABLE)["n"].tolist() == [1.0, 2.0, 3.0, 4.0, 4.0]
    assert len(set(folder(store).rglob("*.parquet")) - files) == 2


def test_a_table_is_made_once_by_however_many(tmp_path):
    logs = [DeltaTableStore(tmp_path)._table(TABLE) for _ in range(2)]
    schemas = [
        pa.schema([("n", kind), ("ra_row", pa.int64()), ("ra_batch", pa.string())])
        for kind in (pa.float64(), pa.string())
    ]
    for log, schema in zip(logs, schemas, strict=True):
        log._create(schema)
    handle = DeltaTable(DeltaTableStore(tmp_path).uri(TABLE))
    assert (handle.version(), pa.schema(handle.schema().to_arrow()).field("n").type) == (0, pa.float64())
    assert [path.name for path in Path(DeltaTableStore(tmp_path).uri(TABLE)).iterdir()] == ["_delta_log"]
