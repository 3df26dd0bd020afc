"""The stores as a Dagster resource; a run that works on a model holds its lease until the resource is torn down."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

from retrain_assets.errors import LeaseHeldError
from retrain_assets.home import Home, open_stores, refuse_copied

if TYPE_CHECKING:
    from retrain_assets.lifecycle.heartbeat import Heartbeat
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

    wait_seconds: float = Field(
        default=300.0, ge=0, description="How long a run waits for another run of the same model before it is refused."
    )

    _held: dict[tuple[str, str], Heartbeat] = PrivateAttr(default_factory=dict)
    _steps: set[str] = PrivateAttr(default_factory=set)

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
        """The stores; a process opens those of one home once.

        Raises:
            RefusedError: the home, which keeps its models too, is a copy that still names the original.
        """
        return _opened(self.located())

    def hold(self, model: str, *, owner: str, step: str) -> None:
        """Takes or renews the lease of a model until this resource is torn down, at the end of the run.

        Args:
            model: its name.
            owner: the run.
            step: the key of the step that works, of which the run may have several at once, in processes of their own.

        Raises:
            LeaseHeldError: another run still holds it after the time to wait.
        """
        from retrain_assets.lifecycle import keep_lease, take_lease

        stores, deadline = self.open(), time.monotonic() + self.wait_seconds
        while True:
            try:
                take_lease(stores, model, owner=owner, now=_now())
                break
            except LeaseHeldError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(1)
        self._steps.add(step)
        if (model, owner) not in self._held:
            # A step may take hours; the lease is short, so that a killed process is noticed soon.
            self._held[model, owner] = keep_lease(stores, model, owner=owner, clock=_now).start()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Gives back what the run held, unless another process of the same run still works with it."""
        for (model, owner), heartbeat in self._held.items():
            heartbeat.stop()
            if not self._others_work(context.instance, model, owner):
                self.open().state.release_lease(model, owner)
        self._held.clear()
        self._steps.clear()

    def _others_work(self, instance: dg.DagsterInstance | None, model: str, run_id: str) -> bool:
        """Whether a step of the model has begun in another process of the run: the last one gives the lease back."""
        steps = [] if instance is None else instance.get_run_step_stats(run_id)
        return any(
            step.start_time is not None
            and step.end_time is None
            and step.step_key.startswith(f"{model}__")
            and step.step_key not in self._steps
            for step in steps
        )


def _now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=8)
def _opened(home: Home) -> Stores:
    # Whatever Dagster runs it: a copy's models would be written among the original's. Those kept elsewhere would not.
    if Path(home.artifacts_url).is_relative_to(home.folder):
        refuse_copied(home)
    return open_stores(home.prepare())


STORES = StoresResource()
"""The stores that the environment names: one object, so that the definitions of several models merge."""
