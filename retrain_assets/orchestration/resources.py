"""The stores as a Dagster resource; a run that works on a model holds its lease until the resource is torn down."""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

from retrain_assets.home import Home, open_stores

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import Stores

STORES_KEY = "retrain_stores"


class StoresResource(dg.ConfigurableResource[None]):
    """Where the platform keeps its data; what is left empty comes from the environment (`retrain_assets.home`)."""

    home: str = Field(default="", description="Folder of the installation; by default RETRAIN_ASSETS_HOME.")
    state_url: str = Field(default="", description="SQLAlchemy URL of the state database.")
    tables_url: str = Field(default="", description="Folder or URL of the Delta tables.")
    blobs_url: str = Field(default="", description="Folder or fsspec URL of the original bytes.")
    tracking_uri: str = Field(default="", description="MLflow tracking server or database.")
    artifacts_url: str = Field(default="", description="Folder or URL of the MLflow artifacts.")

    _held: dict[str, str] = PrivateAttr(default_factory=dict)

    def located(self) -> Home:
        """The home that the settings and the environment name."""
        environ = dict(os.environ)
        given = {
            "RETRAIN_ASSETS_STATE_URL": self.state_url,
            "RETRAIN_ASSETS_TABLES_URL": self.tables_url,
            "RETRAIN_ASSETS_BLOBS_URL": self.blobs_url,
            "RETRAIN_ASSETS_TRACKING_URI": self.tracking_uri,
            "RETRAIN_ASSETS_ARTIFACTS_URL": self.artifacts_url,
        }
        environ |= {name: value for name, value in given.items() if value}
        return Home.at(Path(self.home), environ=environ) if self.home else Home.from_environment(environ)

    def open(self) -> Stores:
        """The stores; a process opens those of one home once."""
        return _opened(self.located())

    def hold(self, model: str, *, owner: str, now: datetime) -> None:
        """Takes or renews the lease of a model until this resource is torn down, at the end of the run.

        Raises:
            LeaseHeldError: another run holds it.
        """
        from retrain_assets.lifecycle import take_lease

        take_lease(self.open(), model, owner=owner, now=now)
        self._held[model] = owner

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Gives back what the run held."""
        for model, owner in self._held.items():
            self.open().state.release_lease(model, owner)
        self._held.clear()


@lru_cache(maxsize=8)
def _opened(home: Home) -> Stores:
    return open_stores(home.prepare())


STORES = StoresResource()
"""The stores that the environment names: one object, so that the definitions of several models merge."""
