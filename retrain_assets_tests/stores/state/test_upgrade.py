"""A database is brought to this release's schema once, and never touched by a release that does not know it."""

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc

from retrain_assets.errors import StoreError
from retrain_assets.stores.state import SqlStateStore
from retrain_assets.stores.state.engine import with_driver
from retrain_assets.stores.state.schema import METADATA
from retrain_assets.stores.state.upgrade import HEAD, MIGRATIONS, VERSION_TABLE
from retrain_assets_tests.stores.state.records import NOW, arrival


def script_directory():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def test_head_is_the_newest_migration():
    assert script_directory().get_heads() == [HEAD]


def test_migrations_make_the_tables_of_the_schema(store):
    store.upgrade()
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert differences == []


def test_every_table_bears_the_prefix():
    """Dagster and MLflow may share the database; MLflow has a `model_versions` of its own."""
    assert all(name.startswith("ra_") for name in [*METADATA.tables, VERSION_TABLE])


def test_shares_a_database_with_another_user_of_alembic(store, url):
    with store._database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('theirs')"))
    store.record_arrival(arrival())
    with store._database.reading() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "theirs"


def test_a_second_upgrade_changes_nothing(store, url):
    store.record_arrival(arrival())
    other = SqlStateStore(url)
    other.upgrade()
    assert other.arrivals("flight_delay") == [arrival()]
    other.close()


def test_a_newer_database_is_refused(store, url):
    store.upgrade()
    with store._database.writing() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    other = SqlStateStore(url)
    with pytest.raises(StoreError, match=r"has revision 9999, which this release .* does not know"):
        other.append_outbox("event", "m", now=NOW)
    other.close()


def test_a_failed_migration_leaves_nothing(url, monkeypatch):
    """A table that is in the way: the transaction takes back what was made before it."""
    first = SqlStateStore(url)
    with first._database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE ra_leases (x INTEGER)"))
    with pytest.raises((exc.ProgrammingError, StoreError)):  # PostgreSQL's and SQLite's word for it
        first.upgrade()
    with first._database.reading() as connection:
        assert [name for name in sa.inspect(connection).get_table_names() if name.startswith("ra_")] == ["ra_leases"]
    with first._database.writing() as connection:
        connection.execute(sa.text("DROP TABLE ra_leases"))
    assert first.last_outbox_id() == 0
    first.close()


def test_alembic_is_loaded_for_a_migration_only(tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    script = (
        "import sys\n"
        "from retrain_assets.stores.state import SqlStateStore\n"
        "SqlStateStore(sys.argv[1]).last_outbox_id()\n"
        "print('alembic' in sys.modules, 'mlflow' in sys.modules, 'dagster' in sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True) for _ in "12"
    ]
    assert [run.stdout.split() for run in runs] == [["True", "False", "False"], ["False", "False", "False"]]


def test_a_bare_postgres_url_means_psycopg2():
    assert with_driver("postgresql://me@host/db") == "postgresql+psycopg2://me@host/db"
    assert with_driver("postgres://me@host/db") == "postgresql+psycopg2://me@host/db"
    assert with_driver("postgresql+psycopg://me@host/db") == "postgresql+psycopg://me@host/db"
    assert with_driver("sqlite:///a.db") == "sqlite:///a.db"
