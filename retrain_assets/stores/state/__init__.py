"""Everything that has a state, in one SQL database: SQLite by default, PostgreSQL by URL."""

from retrain_assets.stores.state.store import SqlStateStore as SqlStateStore
