"""A file belongs to the batch its path names, and is taken only when it is whole."""

import os
import threading
import time
from datetime import UTC, datetime

import fsspec
import pytest

from retrain_assets.data.windows import Calendar
from retrain_assets.errors import StoreError
from retrain_assets.spec import BatchesSpec, EnvReference, FilesSource
from retrain_assets.stores.sources import make_source
from retrain_assets.stores.sources.files import FileReader


def put(path, content=b"a\n1\n", *, age=60.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    moment = time.time() - age
    os.utime(path, (moment, moment))


def reader(path, root, **settings):
    return FileReader(FilesSource(type="files", path=path, **settings), root=root)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("drop/{batch}.csv", ["drop/2013-01-08.csv"]),
        ("drop/{batch}*.csv", ["drop/2013-01-08.csv", "drop/2013-01-08_b.csv"]),
        ("drop/flights_{batch}_?.csv", ["drop/flights_2013-01-08_1.csv", "drop/flights_2013-01-08_2.csv"]),
        ("drop/{batch}/*.parquet", ["drop/2013-01-08/a.parquet", "drop/2013-01-08/b.parquet"]),
        ("*/in/{batch}/part-*", ["east/in/2013-01-08/part-0", "west/in/2013-01-08/part-0"]),
        ("drop/{batch}/{batch}.csv", ["drop/2013-01-08/2013-01-08.csv"]),
        ("odd (1) [x]/{batch}+.csv", ["odd (1) [x]/2013-01-08+.csv"]),
    ],
)
def test_a_pattern_finds_the_files_of_a_batch(tmp_path, weeks, pattern, names):
    for name in names:
        put(tmp_path / name, name.encode())
    for name in (
        "drop/2013-01-09.csv",
        "drop/x2013-01-08.csv.txt",
        "drop/2013-01-08/2013-01-15.csv",
        "drop/2013-01-08.CSV",
    ):
        put(tmp_path / name)
    source = reader(pattern, tmp_path)
    assert list(source.listing(weeks)) == ["2013-01-08"]
    assert [file.content.decode() for file in source.read(weeks[1])] == names
    assert source.read(weeks[2]) == []


def test_names_are_told_below_the_fixed_part_and_sorted(tmp_path, weeks):
    for name in ("2013-01-01/b.csv", "2013-01-01/a.parquet"):
        put(tmp_path / "drop" / name)
    files = reader("drop/{batch}/*", tmp_path).read(weeks[0])
    assert [(file.name, file.media_type) for file in files] == [
        ("2013-01-01/a.parquet", "parquet"),
        ("2013-01-01/b.csv", "csv"),
    ]
    assert [f.media_type for f in reader("drop/{batch}/*", tmp_path, format="parquet").read(weeks[0])] == [
        "parquet"
    ] * 2


def test_keys_with_a_time_of_day(tmp_path):
    hours = list(
        Calendar(BatchesSpec(every="hour", start=datetime(2013, 1, 1, tzinfo=UTC))).until(
            datetime(2013, 1, 2, tzinfo=UTC)
        )
    )
    put(tmp_path / "2013-01-01T05:00.csv")
    assert list(reader("{batch}*.csv", tmp_path).listing(hours)) == ["2013-01-01T05:00"]


def test_the_fingerprint_follows_name_size_and_time(tmp_path, weeks):
    source = reader("{batch}*.csv", tmp_path)
    path = tmp_path / "2013-01-01.csv"
    put(path)
    seen = [source.listing(weeks)["2013-01-01"]]
    assert source.listing(weeks)["2013-01-01"] == seen[0]
    put(path, b"a\n1\n2\n")
    seen.append(source.listing(weeks)["2013-01-01"])
    put(path, b"a\n1\n2\n", age=30)
    seen.append(source.listing(weeks)["2013-01-01"])
    put(tmp_path / "2013-01-01_more.csv")
    seen.append(source.listing(weeks)["2013-01-01"])
    assert len(set(seen)) == 4


@pytest.mark.parametrize("name", ["2013-01-01.csv.part", "2013-01-01.csv.TMP", ".2013-01-01.csv", "~2013-01-01.csv"])
def test_temporary_names_are_not_there(tmp_path, weeks, name):
    put(tmp_path / name)
    source = reader("*{batch}*", tmp_path)
    assert source.listing(weeks) == {}
    assert source.read(weeks[0]) == []


def test_a_young_file_waits_for_the_next_look(tmp_path, weeks):
    """With all files of its batch: half a batch is no batch."""
    put(tmp_path / "2013-01-01_a.csv")
    put(tmp_path / "2013-01-01_b.csv", age=0)
    put(tmp_path / "2013-01-08.csv")
    source = FileReader(FilesSource(type="files", path="{batch}*.csv"), root=tmp_path, settle_seconds=0.3)
    assert list(source.listing(weeks)) == ["2013-01-08"]
    time.sleep(0.3)
    assert list(source.listing(weeks)) == ["2013-01-01", "2013-01-08"]


def test_a_read_waits_for_a_file_that_is_being_written(tmp_path, weeks):
    source = FileReader(FilesSource(type="files", path="{batch}*.csv"), root=tmp_path, settle_seconds=0.3)
    path = tmp_path / "2013-01-01.csv"
    path.write_bytes(b"a\n")

    def go_on():
        for number in range(5):
            time.sleep(0.1)
            with path.open("ab") as file:
                file.write(b"%d\n" % number)

    writer = threading.Thread(target=go_on)
    writer.start()
    (file,) = source.read(weeks[0])
    writer.join()
    assert file.content == b"a\n0\n1\n2\n3\n4\n"


def test_a_file_that_never_rests_is_given_up(tmp_path, weeks):
    path = tmp_path / "2013-01-01.csv"
    put(path)
    moments = iter(range(0, 1000, 5))

    def touched():
        moment = 1_000_000_000 + next(moments)
        os.utime(path, (moment, moment))
        return moment

    declared = FilesSource(type="files", path="{batch}.csv")
    source = FileReader(declared, root=tmp_path, settle_seconds=1e-3, clock=touched)
    with pytest.raises(StoreError, match=r"2013-01-01 keep changing while they are read: .*2013-01-01\.csv"):
        source.read(weeks[0])


def test_a_clock_that_is_behind_does_not_hide_a_file(tmp_path, weeks):
    put(tmp_path / "2013-01-01.csv", age=-3600)
    assert list(reader("{batch}.csv", tmp_path).listing(weeks)) == ["2013-01-01"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path, weeks):
    assert reader("nowhere/{batch}.csv", tmp_path).listing(weeks) == {}
    assert reader("nowhere/*/{batch}.csv", tmp_path).read(weeks[0]) == []


def test_no_batches_need_no_look(tmp_path):
    assert reader("{batch}.csv", tmp_path).listing([]) == {}


def test_paths_may_be_absolute_urls_or_in_the_environment(tmp_path, weeks):
    put(tmp_path / "in" / "2013-01-01.csv")
    for path in (str(tmp_path / "in" / "{batch}.csv"), f"file://{tmp_path}/in/{{batch}}.csv"):
        assert list(reader(path, tmp_path / "elsewhere").listing(weeks)) == ["2013-01-01"]
    declared = FilesSource(type="files", path=EnvReference(env="DROP"))
    source = make_source(declared, root=tmp_path, event_time="t", environ={"DROP": "in/{batch}.csv"})
    assert list(source.listing(weeks)) == ["2013-01-01"]
    with pytest.raises(StoreError, match="environment variable DROP must be set"):
        make_source(declared, root=tmp_path, event_time="t", environ={}).listing(weeks)


def test_home_stands_for_the_installations_folder(tmp_path, weeks):
    put(tmp_path / "drop" / "2013-01-01.csv")
    declared = FilesSource(type="files", path="{home}/drop/{batch}.csv")
    environ = {"RETRAIN_ASSETS_HOME": str(tmp_path)}
    source = make_source(declared, root=tmp_path / "elsewhere", event_time="t", environ=environ)
    assert list(source.listing(weeks)) == ["2013-01-01"]


def test_one_look_serves_all_batches(tmp_path, weeks, monkeypatch):
    for week in weeks:
        put(tmp_path / f"{week.key}.csv")
    looks = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: looks.append(folder) or scan(folder))
    assert len(reader("{batch}.csv", tmp_path).listing(weeks)) == 52
    assert looks == [str(tmp_path)]


class TestMemory:
    """Any fsspec URL; the memory file system stands for them."""

    @pytest.fixture(autouse=True)
    def folder(self):
        fs = fsspec.filesystem("memory")
        yield fs
        fs.store.clear()

    def test_files_are_found_and_read(self, folder, tmp_path, weeks):
        folder.pipe_file("/drop/2013-01-08/b.parquet", b"b")
        folder.pipe_file("/drop/2013-01-08/a.parquet", b"a")
        folder.pipe_file("/drop/2013-01-08/c.parquet.tmp", b"c")
        source = reader("memory://drop/{batch}/*", tmp_path)
        first = source.listing(weeks)
        assert list(first) == ["2013-01-08"]
        assert [(file.name, file.content) for file in source.read(weeks[1])] == [
            ("2013-01-08/a.parquet", b"a"),
            ("2013-01-08/b.parquet", b"b"),
        ]
        folder.pipe_file("/drop/2013-01-08/a.parquet", b"A")
        assert source.listing(weeks) != first

    def test_nothing_there(self, tmp_path, weeks):
        assert reader("memory://drop/{batch}.csv", tmp_path).listing(weeks) == {}

    @pytest.mark.parametrize("broken", ["ls", "cat_file"])
    def test_what_a_library_raises_is_told_as_the_fault_of_the_source(
        self, folder, broken, tmp_path, weeks, monkeypatch
    ):
        """Cloud libraries have exceptions of their own, which are no OSErrors: they must not stop the other sources."""

        class ClientError(Exception):
            pass

        def denied(*_args, **_kwargs):
            raise ClientError("AccessDenied for s3://key:secret@drop")

        folder.pipe_file("/drop/2013-01-08.csv", b"a")
        source = reader("memory://drop/{batch}.csv", tmp_path)
        assert source.listing(weeks)
        monkeypatch.setattr(type(folder), broken, denied)
        with pytest.raises(StoreError, match=r"ClientError: AccessDenied for s3://key:\*\*\*@drop"):
            source.listing(weeks) if broken == "ls" else source.read(weeks[1])
