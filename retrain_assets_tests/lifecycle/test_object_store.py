"""A life on an S3 server: tables, raw bytes and the registry's artifacts lie in a bucket, as in production."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import NotStoredError
from retrain_assets.home import Home
from retrain_assets.home import open_stores as open_home
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.freeing import free
from retrain_assets.lifecycle.renaming import rename
from retrain_assets.lifecycle.reproducing import reproduce
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.delta import DeltaTableStore
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of
from retrain_assets_tests.stores.delta_writer import ROWS, TABLE
from retrain_assets_tests.stores.test_delta_processes import finish, killed, start
from retrain_assets_tests.tracking import put_empty_database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server of its own, which forgets all when it ends."""
    with socket.socket() as free_port:
        free_port.bind(("127.0.0.1", 0))
        port = free_port.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("s3") / "server.log"
    with log.open("w") as told:
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        while process.poll() is None and not _answers(url):
            time.sleep(0.2)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return urlopen(url, timeout=5).status == 200
    except URLError:
        return False


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, and the environment as the AWS tools read it."""
    name = f"b{uuid4().hex}"
    urlopen(Request(f"{server}/{name}", method="PUT"), timeout=30).close()
    for variable, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(variable, value)
    return f"s3://{name}"


def opened(root: Path, bucket: str) -> World:
    """The installation as a new process finds it."""
    environ = {f"RETRAIN_ASSETS_{store}_URL": f"{bucket}/{store.lower()}" for store in ("TABLES", "BLOBS", "ARTIFACTS")}
    home = Home.at(root / "home", environ=environ).prepare()
    put_empty_database(home.folder / "mlflow.db")
    spec = ModelSpec.model_validate(declaration())
    return World(root=root, stores=open_home(home), model=DeclaredModel(spec=spec, root=root))


def test_a_model_lives_in_a_bucket_from_ingest_to_promotion_and_its_pins_hold(tmp_path: Path, bucket: str) -> None:
    world = opened(tmp_path, bucket)
    for day in range(3):
        world.drop(day)
    world.play()
    for seed in (1, 2):  # the first day, from which v1 learned, and the newest, from which none did, come again
        for day in (0, 2):
            world.drop(day, rows_of(world.batch(day), seed=10 * day + seed))
            world.play()

    world = opened(tmp_path, bucket)
    assert [promotion.version for promotion in world.stores.state.promotions("tiny")][:1] == [1]
    assert world.stores.registry.alias("tiny", "champion") is not None
    read, superseded = (
        [arrival.parts[0].content_hash for arrival in world.stores.state.arrivals("tiny", world.batch(day).key)]
        for day in (0, 2)
    )
    with lifecycle.lease(world.stores, world.model, owner="gc", now=world.now):
        freed = free(world.stores, world.model, actor="person:ann", now=world.now)
    assert freed.files > 0
    assert world.stores.blobs.get(read[0])
    with pytest.raises(NotStoredError):
        world.stores.blobs.get(superseded[0])
    world = opened(tmp_path, bucket)
    assert reproduce(world.stores, world.model, 1, now=world.now).same is True

    rename(world.stores, world.model, "other", reason="clearer", actor="person:ann", now=world.now)
    assert len(world.stores.tables.read("other/validated")) == 3 * len(rows_of(world.batch(0)))
    with pytest.raises(NotStoredError):
        opened(tmp_path, bucket).stores.tables.read("tiny/validated")


def test_two_writers_in_a_bucket_lose_none_and_write_none_twice(bucket: str) -> None:
    """They make the table at once; ten partitions are each one's own, ten are both's."""
    finish(start(bucket, "{n}", 0, 20), start(bucket, "{n}", 10, 30))
    store = DeltaTableStore(bucket)
    rows = store.read(TABLE).groupby("ra_batch")["n"].agg(["min", "max", "size"])
    expected = pd.DataFrame({"min": range(30), "max": range(30), "size": ROWS}, index=list(map(str, range(30))))
    assert rows.sort_index().eq(expected.sort_index()).all(axis=None)
    versions = [entry.commit.version for entry in store._table(TABLE)._log]
    # deltalake may let both make the table: the second time changes nothing.
    assert versions in (list(range(1, 31)), list(range(2, 32))), "one commit for each partition"


def test_two_writers_of_one_partition_in_a_bucket_follow_one_another(bucket: str) -> None:
    finish(start(bucket, "p", 0, 8), start(bucket, "p", 100, 108))
    store = DeltaTableStore(bucket)
    assert store.read(TABLE)["n"].tolist() in ([7] * ROWS, [107] * ROWS)
    for entry in store._table(TABLE)._log:
        assert len(store.read(TABLE, ["p"], version=entry.commit.version)) == ROWS


def test_killed_in_the_middle_of_a_write_to_a_bucket(bucket: str) -> None:
    told = killed(start(bucket, "p", 0, 10_000), "any", lambda: True)
    store = DeltaTableStore(bucket)
    found = store.read(TABLE, ["p"])
    assert len(found) == ROWS
    assert found["n"].unique().tolist() in ([told[-1]], [told[-1] + 1])
