"""Tables keep every version, tell it from their log, and give back what was written."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain_assets.data.hashing import frame_hash
from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.stores import delta
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets.stores.delta_create import CHECKPOINT_INTERVAL
from retrain_assets.stores.frames import joined

TABLE = "flights/validated"
ROWS = pd.DataFrame(
    {
        "id": ["a", "b", "c"],
        "when": pd.to_datetime(["2013-01-01", "2013-01-02", "NaT"], utc=True).as_unit("us"),
        "delay": [1.5, np.nan, -3.0],
        "seats": [10, 20, 30],
        "late": [True, False, True],
    }
)


@pytest.fixture(params=["cached", "from the files"])
def store(request, tmp_path):
    return DeltaTableStore(tmp_path / "tables", cache_bytes=2**20 if request.param == "cached" else 0)


def again(store):
    """The same tables as another process sees them."""
    return DeltaTableStore(store.uri("x/y").removesuffix("/x/y"))


def assert_read(store, expected, *args, **kwargs):
    for reader in (store, again(store)):
        found = reader.read(*args, **kwargs)
        pd.testing.assert_frame_equal(found, expected)


def test_gives_back_what_was_written(store):
    commit = store.write(TABLE, "2013-01-01", ROWS, run_id="run")
    assert_read(store, ROWS.assign(ra_batch="2013-01-01"), TABLE, ["2013-01-01"])
    assert (commit.table, commit.partition, commit.rows, commit.run_id) == (TABLE, "2013-01-01", 3, "run")
    assert commit.content_hash == frame_hash(ROWS)
    assert commit.changed
    assert store.commits(TABLE) == again(store).commits(TABLE) == {"2013-01-01": commit}


TYPES = {
    "int": ([1, 2], "int64"),
    "int8": (np.array([1, 2], dtype="int8"), "int64"),
    "Int64": (pd.array([1, 2], dtype="Int64"), "Int64"),
    "Int64 with a missing value": (pd.array([2**62 + 1, None], dtype="Int64"), "Int64"),
    "objects of int": (pd.Series([2**62 + 1, None], dtype=object), "Int64"),
    "bool": ([True, False], "bool"),
    "boolean": (pd.array([True, None], dtype="boolean"), "boolean"),
    "float32": (np.array([0.5, np.nan], dtype="float32"), "float64"),
    "Float64": (pd.array([0.5, None], dtype="Float64"), "float64"),
    "text": (["a", None], "object"),
    "string": (pd.array(["a", pd.NA], dtype="string"), "object"),
    "category": (pd.Categorical(["b", None], categories=["c", "b"]), "object"),
    "category of numbers": (pd.Categorical([3, 1], categories=[3, 1]), "int64"),
    "time without a zone": (pd.to_datetime(["2013-01-01", "NaT"]), "datetime64[us, UTC]"),
    "time of another zone": (pd.to_datetime(["2013-01-01", "NaT"]).tz_localize("Asia/Tokyo"), "datetime64[us, UTC]"),
    "date": ([date(2013, 1, 1), None], "object"),
    "list": ([[0.25, 0.75], None], "object"),
    "nothing": ([None, None], "object"),
}


@pytest.mark.parametrize(("values", "dtype"), TYPES.values(), ids=TYPES.keys())
def test_types_are_stable(store, values, dtype):
    """Read once and written again, a frame has the same types and the same content."""
    frame = pd.DataFrame({"x": values})
    commit = store.write(TABLE, "p", frame)
    for reader in (store, again(store)):
        found = reader.read(TABLE, ["p"], columns=["x"])
        assert str(found["x"].dtype) == dtype
        assert found["x"].isna().tolist() == frame["x"].isna().tolist()
        assert frame_hash(found) == commit.content_hash
        assert not reader.write(TABLE, "p", reader.read(TABLE, ["p"])).changed


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), min_size=1),
    partition=st.text(
        st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cc"]), min_size=1, max_size=20
    ),
)
def test_any_text_and_any_partition_name(tmp_path, texts, partition):
    store = DeltaTableStore(tmp_path / frame_hash(pd.DataFrame({"x": [*texts, partition]})), cache_bytes=0)
    frame = pd.DataFrame({"x": pd.Series(texts, dtype=object), "n": range(len(texts))})
    store.write(TABLE, "other", frame.assign(n=-1))
    store.write(TABLE, partition, frame)
    pd.testing.assert_frame_equal(store.read(TABLE, [partition], columns=["x", "n"]), frame)


FORMS = {
    "whole": [pd.Series([1, 2]), pd.Series([1, None], dtype="Int64"), pd.Series([None, None], dtype=object)],
    "text": [pd.Series(["a", "b"]), pd.Series(["a", None]), pd.Series([None, None], dtype=object)],
    "real": [pd.Series([0.5, np.nan]), pd.Series([None, None], dtype=object)],
}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={name: st.sampled_from(forms) for name, forms in FORMS.items()}),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_read_before_is_read_as_by_somebody_new(tmp_path_factory, partitions):
    """A warm store has frames of partitions that were made before others gave their columns a type."""
    folder = tmp_path_factory.mktemp("tables")
    warm = DeltaTableStore(folder)
    for number, columns in enumerate(partitions):
        warm.write(TABLE, f"{number}", pd.DataFrame({"id": [number, -number], **columns}))
        for asked in (None, [f"{number}"], ["0"]):
            fresh = DeltaTableStore(folder, cache_bytes=0)
            pd.testing.assert_frame_equal(warm.read(TABLE, asked), fresh.read(TABLE, asked))


WRITE = st.tuples(
    st.sampled_from(["mine", "another's"]),
    st.sampled_from(["1", "2", "3", "4"]),
    st.integers(0, 3),
    st.fixed_dictionaries({}, optional={name: st.integers(0, len(forms) - 1) for name, forms in FORMS.items()}),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(WRITE, min_size=2, max_size=8))
def test_a_whole_table_is_never_of_before(tmp_path_factory, writes):
    """Partitions come before others and after, are rewritten, by another store too, and their old files are freed."""
    folder = tmp_path_factory.mktemp("tables")
    warm, other = DeltaTableStore(folder), DeltaTableStore(folder)
    for number, (writer, partition, rows, columns, frees) in enumerate(writes):
        values = {name: FORMS[name][form][:rows] for name, form in columns.items()}
        written = pd.DataFrame({"id": np.arange(min(rows, 2)) + number, **values}, index=range(min(rows, 2)))
        (warm if writer == "mine" else other).write(TABLE, partition, written)
        if frees:
            other.free(TABLE, keep=[], dry_run=False)
        fresh = DeltaTableStore(folder, cache_bytes=0)
        pd.testing.assert_frame_equal(warm.read(TABLE), fresh.read(TABLE))
        pd.testing.assert_frame_equal(warm.read(TABLE, columns=["id"]), fresh.read(TABLE, columns=["id"]))


def test_of_a_whole_table_only_what_was_written_since_is_joined(tmp_path, monkeypatch):
    store = DeltaTableStore(tmp_path)
    parts = []
    monkeypatch.setattr(delta, "joined", lambda frames, names: parts.append(len(frames)) or joined(frames, names))
    for number in range(6):
        store.write(TABLE, f"{number}", ROWS.assign(seats=number))
    assert store.read(TABLE)["seats"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    store.write(TABLE, "6", ROWS)
    again(store).write(TABLE, "5", ROWS.assign(seats=-1))
    found = store.read(TABLE)
    assert found["seats"].tolist()[-9:] == [4, 4, 4, -1, -1, -1, 10, 20, 30]
    found["seats"] = 0
    store.write(TABLE, "7", ROWS.head(1))
    assert store.read(TABLE)["seats"].tolist()[-4:] == [10, 20, 30, 10]
    assert parts == [6, 1 + 2, 1 + 1], "what was there before, and a frame for each partition behind it"


def test_the_same_content_is_not_committed_again(store):
    first = store.write(TABLE, "p", ROWS, run_id="one")
    for writer in (store, again(store)):
        second = writer.write(TABLE, "p", ROWS.astype({"id": "category"}), run_id="two")
        assert not second.changed
        assert (second.version, second.run_id) == (first.version, "one")


def test_replaces_one_partition_and_keeps_every_version(store):
    first = store.write(TABLE, "a", ROWS)
    other = store.write(TABLE, "b", ROWS.head(1))
    third = store.write(TABLE, "a", ROWS.assign(seats=0))
    assert first.version < other.version < third.version
    assert_read(store, ROWS.assign(seats=0, ra_batch="a"), TABLE, ["a"])
    assert_read(store, ROWS.assign(ra_batch="a"), TABLE, ["a"], version=first.version)
    assert_read(store, ROWS.assign(ra_batch="a"), TABLE, ["a"], version=other.version)
    assert store.commits(TABLE, version=other.version) == {"a": first, "b": other}
    assert store.commits(TABLE) == {"a": third, "b": other}
    with pytest.raises(NotStoredError, match="no partition b in version"):
        store.read(TABLE, ["b"], version=first.version)


def test_back_to_an_earlier_content_is_a_new_version(store):
    first = store.write(TABLE, "p", ROWS)
    store.write(TABLE, "p", ROWS.head(1))
    third = store.write(TABLE, "p", ROWS)
    assert third.changed
    assert third.content_hash == first.content_hash
    assert third.version > first.version


def test_partitions_come_in_the_order_asked_for(store):
    for key in ("c", "a", "b"):
        store.write(TABLE, key, ROWS.assign(seats=ord(key)))
    assert store.read(TABLE)["ra_batch"].unique().tolist() == ["a", "b", "c"]
    assert store.read(TABLE, ["c", "a"])["seats"].tolist() == [99] * 3 + [97] * 3
    assert store.read(TABLE, ["c", "c"])["seats"].tolist() == [99] * 3


def test_rows_keep_their_order(tmp_path):
    store = DeltaTableStore(tmp_path, cache_bytes=0)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=300_000)})
    store.write(TABLE, "p", frame)
    pd.testing.assert_frame_equal(store.read(TABLE, ["p"], columns=["x"]), frame)


def test_columns_are_given_as_asked(store):
    store.write(TABLE, "p", ROWS)
    assert list(store.read(TABLE, columns=["seats", "ra_batch", "id"])) == ["seats", "ra_batch", "id"]
    assert store.read(TABLE, columns=[]).shape == (3, 0)
    assert store.read(TABLE, columns=["ra_batch"])["ra_batch"].tolist() == ["p"] * 3
    with pytest.raises(NotStoredError, match="no column seat; it has delay, id, late, seats, when"):
        store.read(TABLE, columns=["seat"])


def test_no_rows_are_remembered(store):
    """An empty quarantine is an answer; it has its columns, and replaces what was there."""
    empty = pd.DataFrame(columns=["row_id", "reason"])
    commit = store.write(TABLE, "first", empty)
    assert (commit.rows, commit.changed) == (0, True)
    assert_read(
        store,
        empty.assign(ra_batch=pd.Series(dtype=object)),
        TABLE,
        ["first"],
        columns=["row_id", "reason", "ra_batch"],
    )
    store.write(TABLE, "second", ROWS)
    store.write(TABLE, "second", ROWS.head(0))
    for reader in (store, again(store)):
        found = reader.read(TABLE, ["second"])
        assert found.empty
        assert found.drop(columns="ra_batch").dtypes.to_dict() == ROWS.dtypes.to_dict()
        assert len(reader.read(TABLE, ["second"], version=commit.version + 1)) == 3
    assert not store.write(TABLE, "first", empty).changed


def test_a_new_column_is_missing_in_older_partitions(store):
    store.write(TABLE, "old", ROWS)
    store.write(TABLE, "new", ROWS.assign(gate=[1, 2, 3], open=True, airline="UA"))
    assert list(store.read(TABLE, ["old"])) == [*ROWS, "ra_batch"]
    for reader in (store, again(store)):
        both = reader.read(TABLE, ["old", "new"])
        assert both["gate"].dtype == "Int64"
        assert both["open"].dtype == "boolean"
        assert both["gate"].isna().tolist() == [True] * 3 + [False] * 3
        assert both["airline"].tolist() == [None] * 3 + ["UA"] * 3
        assert reader.read(TABLE, ["new"])["gate"].dtype == "int64"
        assert reader.read(TABLE, ["old"], columns=["gate"])["gate"].isna().all()


def test_a_dropped_column_is_gone_from_newer_partitions(store):
    store.write(TABLE, "old", ROWS)
    store.write(TABLE, "new", ROWS.drop(columns="seats"))
    assert "seats" not in store.read(TABLE, ["new"])


def test_a_column_that_was_all_missing_takes_the_type_that_comes(store):
    store.write(TABLE, "a", ROWS.assign(note=None, scores=None))
    store.write(TABLE, "b", ROWS.assign(note="x", scores=pd.Series([[0.5, 0.5]] * 3)))
    store.write(TABLE, "c", ROWS.assign(note=None, scores=None))
    for reader in (store, again(store)):
        found = reader.read(TABLE)
        assert found["note"].tolist() == [None] * 3 + ["x"] * 3 + [None] * 3
        assert found["scores"][4].tolist() == [0.5, 0.5]


def test_whole_floats_and_integers_fit_each_other(store):
    """A missing value turns pandas integers into floats: that is no other type."""
    store.write(TABLE, "a", pd.DataFrame({"i": [1, 2], "f": [0.5, 1.5]}))
    store.write(TABLE, "b", pd.DataFrame({"i": [3.0, np.nan], "f": [1, 2]}))
    for reader in (store, again(store)):
        found = reader.read(TABLE)
        assert found["i"].dtype == "Int64"
        assert found["i"].tolist()[:3] == [1, 2, 3]
        assert found["f"].tolist() == [0.5, 1.5, 1.0, 2.0]


@pytest.mark.parametrize("values", [["x", "y", "z"], [0.5, 1.5, 2.5], [True, False, True]])
def test_another_type_is_refused_and_changes_nothing(store, values):
    before = store.write(TABLE, "p", ROWS)
    with pytest.raises(StoreError, match=r"flights/validated.seats must stay int64.*Write it in the old type"):
        store.write(TABLE, "q", ROWS.assign(seats=values))
    assert store.commits(TABLE) == {"p": before}


def test_what_cannot_be_stored_is_said(store):
    with pytest.raises(StoreError, match="column 'x' must hold values of one type"):
        store.write(TABLE, "p", pd.DataFrame({"x": ["a", 1]}))
    with pytest.raises(StoreError, match="must be 'p'"):
        store.write(TABLE, "p", ROWS.assign(ra_batch="q"))
    with pytest.raises(StoreError, match="ra_row"):
        store.write(TABLE, "p", ROWS.assign(ra_row=1))
    assert store.commits(TABLE) == {}


@pytest.mark.parametrize("name", ["", "../x", "a//b", "/a/b", "a/b/", "a/../b", "a b"])
def test_names_stay_inside_the_root(store, name):
    with pytest.raises(StoreError, match="named like"):
        store.read(name)


def test_absent_is_said(store):
    assert store.commits(TABLE) == {}
    with pytest.raises(NotStoredError, match="flights/validated has nothing"):
        store.read(TABLE)
    store.write(TABLE, "a", ROWS)
    with pytest.raises(NotStoredError, match="no partition b, c"):
        store.read(TABLE, ["b", "a", "c"])


def test_another_store_sees_what_was_written_since(store):
    reader = again(store)
    store.write(TABLE, "a", ROWS)
    assert len(reader.read(TABLE)) == 3
    store.write(TABLE, "a", ROWS.head(1))
    assert len(reader.read(TABLE)) == 1
    reader.write(TABLE, "b", ROWS)
    assert sorted(store.commits(TABLE)) == ["a", "b"]


def test_a_frame_that_was_read_belongs_to_the_reader(store):
    store.write(TABLE, "p", ROWS)
    found = store.read(TABLE)
    found.loc[:, "seats"] = 0
    assert store.read(TABLE)["seats"].tolist() == [10, 20, 30]


def test_a_lost_file_is_noticed(tmp_path):
    store = DeltaTableStore(tmp_path)
    store.write(TABLE, "p", ROWS)
    handle = DeltaTable(store.uri(TABLE))
    handle.delete()
    with pytest.raises(IntegrityError, match=r"partition p .* must have 3 rows .*got 0"):
        again(store).read(TABLE)


def test_others_read_it_as_a_plain_delta_table(store):
    store.write(TABLE, "p", ROWS, run_id="run")
    handle = DeltaTable(store.uri(TABLE))
    assert handle.metadata().partition_columns == ["ra_batch"]
    assert len(handle.to_pandas()) == 3
    assert handle.history(1)[0]["ra.run_id"] == "run"


def test_many_commits_stay_readable_from_a_checkpoint(tmp_path):
    """The log is kept behind a checkpoint: what was known when is told from it."""
    store = DeltaTableStore(tmp_path)
    for number in range(60):
        store.write(TABLE, f"{number % 7}", pd.DataFrame({"n": [number]}))
    log = Path(store.uri(TABLE)) / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    assert len(list(log.glob("*.json"))) == 61
    fresh = again(store)
    assert fresh.commits(TABLE) == store.commits(TABLE)
    assert fresh.read(TABLE, version=10)["n"].tolist() == [7, 8, 9, 3, 4, 5, 6]


def test_a_handle_is_opened_anew_from_the_checkpoints(tmp_path):
    """One that follows the log for ever becomes slower with every version."""
    store = DeltaTableStore(tmp_path)
    handles = []
    writes = 2 * CHECKPOINT_INTERVAL + 5
    for number in range(writes):
        store.write(TABLE, f"{number % 3}", pd.DataFrame({"n": [number]}))
        handles.append(store._table(TABLE)._handle)
    assert len({id(handle) for handle in handles}) == 3
    assert sorted(store.read(TABLE)["n"]) == [writes - 3, writes - 2, writes - 1]
    assert len(store._table(TABLE)._log) == writes


def test_the_log_is_read_once(tmp_path, monkeypatch):
    store = DeltaTableStore(tmp_path)
    for number in range(3):
        store.write(TABLE, f"{number}", pd.DataFrame({"n": [number]}))
    asked = []
    history, read = DeltaTable.history, Path.read_text
    monkeypatch.setattr(DeltaTable, "history", lambda self, limit=None: asked.append(limit) or history(self, limit))
    reader = again(store)
    assert len(reader.commits(TABLE)) == len(reader.commits(TABLE)) == 3
    store.write(TABLE, "new", ROWS[["id"]])

    def noted(path, *args, **kwargs):
        text = read(path, *args, **kwargs)
        asked.append(path.name)
        return text

    monkeypatch.setattr(Path, "read_text", noted)
    assert len(reader.commits(TABLE)) == len(reader.commits(TABLE)) == 4
    assert asked == [4, f"{4:020d}.json"], "who follows reads a commit once"


def test_the_cache_is_bounded(tmp_path):
    store = DeltaTableStore(tmp_path, cache_bytes=20_000)
    for number in range(10):
        store.write(TABLE, f"{number}", pd.DataFrame({"n": np.arange(500) + number}))
    assert store.read(TABLE)["n"].sum() == sum(np.arange(500).sum() + 500 * number for number in range(10))
    assert 0 < store._frames_read.size <= 20_000


def test_decisions_of_the_moment_are_kept_in_utc(store):
    moment = datetime(2013, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    store.write(TABLE, "p", pd.DataFrame({"at": [moment]}))
    assert store.read(TABLE)["at"][0] == moment
