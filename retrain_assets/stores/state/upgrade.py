"""Bringing a state database to the schema of this release."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from retrain_assets.errors import StoreError
from retrain_assets.stores.state.chain import begin
from retrain_assets.stores.state.engine import Database

HEAD = "0003"
"""The newest revision in `migrations/versions`."""
VERSION_TABLE = "ra_schema_version"
MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Runs the migrations that are missing, in one transaction; cheap when there are none.

    Raises:
        StoreError: the database is newer than this release.
    """
    with database.reading() as connection:
        if _revision(connection) == HEAD:
            return
    with database.writing() as connection:
        # Somebody else may have done it while this one waited.
        if _revision(connection) != HEAD:
            _migrate(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = _revision(connection)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the state database has revision {found}, which this release (revision {HEAD}) does not know: {error}. "
            "Install the release that wrote it, or a newer one."
        ) from error
    if found == "0001":
        begin(connection)
