"""Several processes on one state database: of two that want the same, one loses; nobody is lost or overlooked."""

import subprocess
import sys
import threading
from itertools import chain

import pytest

from retrain_assets.errors import PromotionConflictError
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.stores.state.records import NOW, promotion
from retrain_assets_tests.stores.state.state_writer import ROUNDS

WRITERS = ("a", "b", "c")


def run_writers(url, what):
    """All at once, on a database that none of them has seen before."""
    command = [sys.executable, "-m", "retrain_assets_tests.stores.state.state_writer", url, what, *WRITERS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    printed = [line.split() for line in done.stdout.splitlines()]
    assert len(printed) == len(WRITERS)
    return printed


def test_all_create_the_same_database_and_of_nobody_anything_is_lost(url, store):
    printed = run_writers(url, "all")
    ids = [[int(word) for word in words[:ROUNDS]] for words in printed]
    told = [row.id for row in store.outbox(kinds=["event"])]
    assert sorted(chain.from_iterable(ids)) == told
    assert len(told) == ROUNDS * len(WRITERS)
    assert all(sorted(mine) == mine for mine in ids)

    log = store.promotions("flight_delay")
    assert len(log) == sum(int(words[ROUNDS]) for words in printed) >= ROUNDS
    assert [link.previous_id for link in log] == [None, *[link.id for link in log[:-1]]]

    assert sorted(words[ROUNDS + 1] for words in printed) == ["False", "False", "True"]
    assert store.lease_owner("flight_delay", now=NOW) in WRITERS


OPENING = """
import os, sqlite3, sys
from retrain_assets.stores.state.engine import _prepare

for number in range(12):
    waiting, go = os.pipe()
    children = []
    for _ in range(8):
        if (child := os.fork()) == 0:
            os.close(go)
            os.read(waiting, 1)
            _prepare(sqlite3.connect(f"{sys.argv[1]}/{number}.db"), None)
            os._exit(0)
        children.append(child)
    os.close(waiting)
    os.close(go)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path):
    """SQLite lets nobody wait for the change to a write-ahead log: some were told that the file is locked."""
    done = subprocess.run([sys.executable, "-c", OPENING, tmp_path], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_never_misses_a_row(store, url):
    """A cursor that has passed an id has seen all below it, while writers go on."""
    store.upgrade()
    seen, cursor = [], 0
    done = threading.Event()

    def write():
        run_writers(url, "outbox")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while True:
        finished = done.is_set()
        for row in store.outbox(after=cursor):
            seen.append(row.id)
            cursor = row.id
        if finished:
            break
    writer.join()
    assert seen == [row.id for row in store.outbox()]
    assert len(seen) == ROUNDS * len(WRITERS)


def test_a_row_waits_for_the_rows_before_it(store):
    """A transaction that took a smaller id and has not committed yet holds the others back."""
    store.upgrade()
    order = []

    def append():
        store.append_outbox("event", "late", now=NOW)
        order.append("second committed")

    from retrain_assets.stores.state.store import _tell

    with store._database.writing() as connection:
        _tell(connection, "event", "early", now=NOW)
        other = threading.Thread(target=append)
        other.start()
        other.join(timeout=0.3)
        assert other.is_alive()
        assert store.outbox() == []
        order.append("first commits")
    other.join()
    assert order == ["first commits", "second committed"]
    assert [row.model for row in store.outbox()] == ["early", "late"]


def test_of_two_promotions_at_once_one_loses(store):
    store.upgrade()
    barrier = threading.Barrier(2)
    outcomes = []

    def promote(version):
        barrier.wait()
        try:
            outcomes.append(store.append_promotion(promotion(version=version)).version)
        except PromotionConflictError:
            outcomes.append("lost")

    threads = [threading.Thread(target=promote, args=(version,)) for version in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("lost") == 1
    assert [link.version for link in store.promotions("flight_delay")] == [each for each in outcomes if each != "lost"]


@pytest.mark.parametrize("moment", ["before commit", "after commit"])
def test_killed_in_the_middle_of_a_promotion(tmp_path, moment):
    """The change and its outbox row are both there or both not; the same call again says which."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    script = (
        "import os, signal, sys\n"
        "import sqlalchemy as sa\n"
        "from retrain_assets.stores.state import SqlStateStore\n"
        "from retrain_assets_tests.stores.state.records import promotion\n"
        "store = SqlStateStore(sys.argv[1])\n"
        "store.upgrade()\n"
        "if sys.argv[2] == 'before commit':\n"
        "    sa.event.listen(store._database.engine, 'commit', lambda c: os.kill(os.getpid(), signal.SIGKILL))\n"
        "store.append_promotion(promotion())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, url, moment], check=False).returncode == -9
    store = SqlStateStore(url)
    if moment == "before commit":
        assert store.outbox() == []
        store.append_promotion(promotion())
    else:
        with pytest.raises(PromotionConflictError):
            store.append_promotion(promotion())
    assert len(store.promotions("flight_delay")) == len(store.outbox()) == 1
    store.close()
