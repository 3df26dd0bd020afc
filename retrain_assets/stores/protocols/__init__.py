"""What the lifecycle needs of its stores. Adapters for folders, SQL databases and MLflow stand beside this package."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.stores.protocols.blobs import BlobStore as BlobStore
from retrain_assets.stores.protocols.registry import ModelRegistry as ModelRegistry
from retrain_assets.stores.protocols.registry import RunStatus as RunStatus
from retrain_assets.stores.protocols.registry import ShownModel as ShownModel
from retrain_assets.stores.protocols.source import RawFile as RawFile
from retrain_assets.stores.protocols.source import Source as Source
from retrain_assets.stores.protocols.state import Job as Job
from retrain_assets.stores.protocols.state import OutboxRow as OutboxRow
from retrain_assets.stores.protocols.state import StateStore as StateStore
from retrain_assets.stores.protocols.state import Step as Step
from retrain_assets.stores.protocols.state import StepOutcome as StepOutcome
from retrain_assets.stores.protocols.tables import FreedFiles as FreedFiles
from retrain_assets.stores.protocols.tables import TableCommit as TableCommit
from retrain_assets.stores.protocols.tables import TableStore as TableStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All stores of one installation."""

    blobs: BlobStore
    tables: TableStore
    state: StateStore
    registry: ModelRegistry
