"""Run by alembic: migrates over the connection that `upgrade` gives, inside its transaction."""

from alembic import context

from retrain_assets.stores.state.schema import METADATA
from retrain_assets.stores.state.upgrade import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
