"""The home of an installation: the folder (or the URLs) where its state lives, and the stores opened on it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrain_assets.errors import RefusedError

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import StateStore, Stores
    from retrain_assets.stores.registry import MlflowRegistry

HOME_VARIABLE = "RETRAIN_ASSETS_HOME"
DEFAULT_FOLDER = ".retrain_assets"

_WRITTEN_BY_US = "# Written once by retrain_assets; yours to change."
_BASE_FOLDER = re.compile(r'class: InstallationStorage\s+config: \{base_dir: "(.*)"\}')
_SETTINGS = """\
telemetry: {enabled: false}
nux: {enabled: false}  # no sign-up window over the page
storage:
  custom:
    # Dagster's own SQLite storage takes four times as long for each batch.
    module: retrain_assets.orchestration.storage
    class: InstallationStorage
    config: {base_dir: "DAGSTER_HOME"}
compute_logs:
  # Dagster's own starts four processes for each run, and Ctrl-C fills the terminal with their tracebacks.
  module: retrain_assets.orchestration.run_output
  class: RunOutput
  config: {base_dir: "DAGSTER_HOME/storage"}
concurrency:
  runs:
    max_concurrent_runs: 4
    # Runs of one model wait for each other here; the lease in the state database is what guarantees it.
    tag_concurrency_limits:
      - {key: "retrain_assets/model", value: {applyLimitPerUniqueValue: true}, limit: 1}
run_retries: {enabled: false}  # faults of the data are not retried; crashed retrains are, by the platform itself
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 180
  max_runtime_seconds: 21600
  poll_interval_seconds: 30
sensors: {use_threads: true, num_workers: 4}
schedules: {use_threads: true, num_workers: 2}
freshness: {enabled: true}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where everything lies: by default below one folder, each store elsewhere by a URL.

    | variable | default | holds |
    |---|---|---|
    | `RETRAIN_ASSETS_HOME` | `./.retrain_assets` | the folder itself |
    | `RETRAIN_ASSETS_STATE_URL` | `sqlite:///<home>/state.db` | outbox, decisions, promotions, leases |
    | `RETRAIN_ASSETS_TABLES_URL` | `<home>/tables` | datasets, as Delta tables |
    | `RETRAIN_ASSETS_BLOBS_URL` | `<home>/blobs` | original bytes, by their hash |
    | `RETRAIN_ASSETS_TRACKING_URI` | `sqlite:///<home>/mlflow.db` | MLflow: runs and registered models |
    | `RETRAIN_ASSETS_ARTIFACTS_URL` | `<home>/mlartifacts` | MLflow: the models themselves, figures |
    """

    folder: Path
    state_url: str
    tables_url: str
    blobs_url: str
    tracking_uri: str
    artifacts_url: str

    @classmethod
    def at(cls, folder: Path, *, environ: Mapping[str, str] | None = None) -> Home:
        """The home in a folder, with the stores that the environment sends elsewhere."""
        values = {} if environ is None else environ
        folder = folder.expanduser().absolute()
        return cls(
            folder=folder,
            state_url=values.get("RETRAIN_ASSETS_STATE_URL") or f"sqlite:///{folder / 'state.db'}",
            tables_url=values.get("RETRAIN_ASSETS_TABLES_URL") or str(folder / "tables"),
            blobs_url=values.get("RETRAIN_ASSETS_BLOBS_URL") or str(folder / "blobs"),
            tracking_uri=values.get("RETRAIN_ASSETS_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}",
            artifacts_url=values.get("RETRAIN_ASSETS_ARTIFACTS_URL") or str(folder / "mlartifacts"),
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The home that the environment names, by default `.retrain_assets` in the working directory."""
        values = os.environ if environ is None else environ
        return cls.at(Path(values.get(HOME_VARIABLE) or DEFAULT_FOLDER), environ=values)

    @property
    def dagster_home(self) -> Path:
        """The folder of the Dagster instance."""
        return self.folder / "dagster"

    @property
    def driver_lock(self) -> Path:
        """Held by the one process that drives the instance beside the daemon."""
        return self.folder / "driver.lock"

    @property
    def drop(self) -> Path:
        """The folder that is watched for new files where a declaration says so."""
        return self.folder / "drop"

    @property
    def state_exists(self) -> bool:
        """The state database is there; one that is not a local file is taken to be."""
        local = self.state_url.removeprefix("sqlite:///")
        return local == self.state_url or Path(local).exists()

    def prepare(self) -> Home:
        """Makes the folders and the instance's `dagster.yaml`; what exists is left as it is."""
        for folder in (self.dagster_home, self.drop):
            folder.mkdir(parents=True, exist_ok=True)
        settings = self.dagster_home / "dagster.yaml"
        if not settings.exists():
            temporary = settings.with_name(f"dagster.yaml.{os.getpid()}")
            written = _SETTINGS.replace("DAGSTER_HOME", str(self.dagster_home))
            temporary.write_text(f"{_WRITTEN_BY_US}\n{written}", encoding="utf-8")
            temporary.replace(settings)
        return self


def refuse_copied(home: Home) -> None:
    """A folder that was copied or moved still names the one that it was: its Dagster history and its models are there.

    Both are kept by absolute paths, here in `dagster.yaml` and by MLflow for each model: what a copy runs would be
    written into the history of the original, whose own runs would then not fit its state.

    Raises:
        RefusedError: the home's `dagster.yaml`, as this package wrote it, names another folder.
    """
    settings = home.dagster_home / "dagster.yaml"
    text = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    named = _BASE_FOLDER.search(text)
    if named is None or not text.startswith(_WRITTEN_BY_US):
        return
    known = Path(named.group(1))
    if known.resolve() == home.dagster_home.resolve():
        return
    raise RefusedError(
        f"the home {home.folder} was copied or moved: {settings} keeps Dagster's history in {known}. Work in "
        f"{known.parent} (`--home`, or {HOME_VARIABLE}), where a moved folder must be put back, because the paths of "
        f"its models are kept as well; or begin with an empty home. Where that place is meant, remove the file's "
        f"first line"
    )


def open_state(home: Home) -> StateStore:
    """The state database alone: all that `status` needs."""
    from retrain_assets.stores.state import SqlStateStore

    return SqlStateStore(home.state_url)


def open_registry(home: Home) -> MlflowRegistry:
    """Tracking and registry."""
    from retrain_assets.stores.registry import MlflowRegistry

    return MlflowRegistry(home.tracking_uri, artifacts_url=home.artifacts_url)


def open_stores(home: Home) -> Stores:
    """All stores of a home; each is opened when it is first used."""
    from retrain_assets.stores.blobs import FsspecBlobStore
    from retrain_assets.stores.delta import DeltaTableStore
    from retrain_assets.stores.protocols import Stores

    return Stores(
        blobs=FsspecBlobStore(home.blobs_url),
        tables=DeltaTableStore(home.tables_url),
        state=open_state(home),
        registry=open_registry(home),
    )
