"""Several processes on one table: nobody's rows are lost or mixed, whoever is killed and whenever."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets_tests.stores.delta_writer import ROWS, TABLE, rows


def start(root, *arguments):
    command = [sys.executable, "-m", "retrain_assets_tests.stores.delta_writer", str(root), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(*writers):
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error


def test_writers_of_different_partitions_both_succeed(tmp_path):
    """They also create the table at the same time, and each brings a column that the other does not have."""
    finish(start(tmp_path, "a", 0, 8, "left"), start(tmp_path, "b", 100, 108, "right"))
    store = DeltaTableStore(tmp_path)
    assert store.read(TABLE, ["a"])["left"].tolist() == [7] * ROWS
    assert store.read(TABLE, ["b"])["right"].tolist() == [107] * ROWS
    written = [str(entry.commit.run_id) for entry in store._table(TABLE)._log]
    assert sorted(written) == sorted([f"a {n}" for n in range(8)] + [f"b {n}" for n in range(100, 108)])


def test_writers_of_the_same_partition_follow_one_another(tmp_path):
    finish(start(tmp_path, "p", 0, 8), start(tmp_path, "p", 100, 108))
    store = DeltaTableStore(tmp_path)
    assert store.read(TABLE)["n"].tolist() in ([7] * ROWS, [107] * ROWS)
    for entry in store._table(TABLE)._log:
        assert len(store.read(TABLE, ["p"], version=entry.commit.version)) == ROWS


def test_writers_of_new_partitions_lose_none_and_write_none_twice(tmp_path):
    """Each appends ten of its own and the same ten as the other, in the same order."""
    finish(start(tmp_path, "{n}", 0, 20), start(tmp_path, "{n}", 10, 30))
    store = DeltaTableStore(tmp_path)
    log = store._table(TABLE)
    assert sorted(store.commits(TABLE), key=int) == [str(number) for number in range(30)]
    assert [entry.commit.version for entry in log._log] == list(range(1, 31))
    handle = DeltaTable(store.uri(TABLE))
    assert handle.version() == 30
    assert handle.to_pandas().groupby("ra_batch")["n"].agg(["min", "max", "size"]).eq(
        pd.DataFrame({"min": range(30), "max": range(30), "size": ROWS}, index=list(map(str, range(30))))
    ).all(axis=None)  # fmt: skip


def test_threads_share_a_store(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    store = DeltaTableStore(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.write(TABLE, f"{n % 4}", rows(n)), range(16)))
        frames = list(pool.map(lambda n: store.read(TABLE, [f"{n % 4}"]), range(16)))
    assert all(frame["n"].nunique() == 1 and len(frame) == ROWS for frame in frames)


def killed(writer, moment, data_written):
    """Kills a writer at a moment after its first write; what it told of."""
    assert writer.stdout.readline().strip() == "0"
    if moment == "data written":
        while not data_written():
            pass
    else:
        time.sleep(random.Random(moment).uniform(0.05, 0.4))
    writer.send_signal(signal.SIGKILL)
    return [0, *map(int, writer.communicate()[0].split())]


@pytest.mark.parametrize("moment", ["data written", "any", pytest.param("any again", marks=pytest.mark.slow)])
def test_killed_in_the_middle_of_a_write(tmp_path, moment):
    """The next process finds the old rows or the new ones, and the same call again succeeds."""
    root = tmp_path / "tables"
    # "data written": a second data file is there; its commit is not yet, or only just.
    told = killed(start(root, "p", 0, 10_000), moment, lambda: len(list(Path(root, TABLE, "ra_batch=p").iterdir())) > 1)

    store = DeltaTableStore(root)
    found = store.read(TABLE, ["p"])
    assert len(found) == ROWS
    assert found["n"].nunique() == 1
    assert found["n"][0] in (told[-1], told[-1] + 1)
    commit = store.commits(TABLE)["p"]
    assert commit.run_id == f"p {found['n'][0]}"
    again = store.write(TABLE, "p", rows(told[-1] + 1))
    assert again.changed == (found["n"][0] == told[-1])
    assert store.read(TABLE, ["p"])["n"].tolist() == [told[-1] + 1] * ROWS


@pytest.mark.parametrize("moment", ["data written", "any", pytest.param("any again", marks=pytest.mark.slow)])
def test_killed_while_it_appends(tmp_path, moment):
    """A partition is there as a whole or not at all, for this package and for others, and the next ones follow."""
    root = tmp_path / "tables"
    # The folder of the new partition is there; its file and its commit are not yet, or only just.
    told = killed(start(root, "{n}", 0, 10_000), moment, Path(root, TABLE, "ra_batch=7").exists)

    store = DeltaTableStore(root)
    found = sorted(map(int, store.commits(TABLE)))
    assert found in (told, [*told, told[-1] + 1])
    assert store.write(TABLE, str(told[-1] + 1), rows(told[-1] + 1)).changed == (found == told)
    store.write(TABLE, "after", rows(-1))
    there = DeltaTable(store.uri(TABLE)).to_pandas().groupby("ra_batch")["n"].agg(["nunique", "size"])
    assert set(there.index) == {*map(str, range(told[-1] + 2)), "after"}
    assert (there["nunique"] == 1).all()
    assert (there["size"] == ROWS).all()
