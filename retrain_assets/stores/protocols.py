"""What the lifecycle needs of a store. Adapters for folders, SQL databases and MLflow stand beside this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from retrain_assets.data.arrivals import Arrival
    from retrain_assets.data.windows import Batch
    from retrain_assets.drift.episodes import Episode
    from retrain_assets.policy.decision import Decision
    from retrain_assets.promotion.approvals import Answer, ApprovalRequest
    from retrain_assets.promotion.audit import AuditEntry
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.promotion.model_moves import ModelMove
    from retrain_assets.promotion.stages import StageMove
    from retrain_assets.training.bundle import ModelBundle, ModelVersion

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]


class BlobStore(Protocol):
    """Bytes by their SHA-256; writing the same bytes twice is one blob."""

    def put(self, content: bytes) -> str:
        """Stores the bytes (atomically) and returns their hash (hex)."""
        ...

    def get(self, content_hash: str) -> bytes:
        """The bytes of a hash, verified. Raises NotStoredError or IntegrityError."""
        ...

    def uri(self, content_hash: str) -> str:
        """Where the bytes lie, for a person to look at."""
        ...

    def size(self, content_hash: str) -> int:
        """Length of the bytes; 0 where they are not there."""
        ...

    def delete(self, content_hash: str) -> None:
        """Frees the bytes; nothing happens where they are not there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedFiles:
    """Files that nobody needs any more, and their size."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCommit:
    """One atomic write of one partition; `version` is the table's, `content_hash` a function of the rows alone."""

    table: str
    partition: str
    version: int
    content_hash: str
    rows: int
    run_id: str | None
    changed: bool


class TableStore(Protocol):
    """Versioned tables, replaced partition by partition.

    A table is named `<model>/<asset>`. The partition is kept in a column of its own, `ra_batch`, which the store adds
    and a reader sees. The content hash ignores the version and the run: the same rows have the same hash.
    """

    def write(self, table: str, partition: str, frame: pd.DataFrame, *, run_id: str | None = None) -> TableCommit:
        """Replaces one partition in one atomic commit; an identical content is not committed again (`changed=False`).

        New columns are added to the table; a column whose type changed incompatibly raises StoreError.
        """
        ...

    def read(
        self,
        table: str,
        partitions: Sequence[str] | None = None,
        *,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pd.DataFrame:
        """Rows of the partitions (all by default) as of a version; a partition written with zero rows is empty.

        Raises:
            NotStoredError: the table or a partition is not there.
        """
        ...

    def commits(self, table: str, *, version: int | None = None) -> dict[str, TableCommit]:
        """The newest commit of each partition up to a version; empty when there is no table."""
        ...

    def free(self, table: str, *, keep: Sequence[int], dry_run: bool) -> FreedFiles:
        """Frees what neither the newest version nor one of `keep` reads; with `dry_run` only says how much that is."""
        ...

    def rename(self, before: str, name: str) -> None:
        """Gives all tables of a model another model's name; done before, or killed on the way, it may be done again.

        Raises:
            StoreError: tables of that name are there already.
        """
        ...

    def uri(self, table: str) -> str:
        """Where the table lies, for a person to read: without a password that its URL may have."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One state change, numbered."""

    id: int
    kind: str
    model: str
    batch: str | None
    payload: Mapping[str, Any]
    recorded_at: datetime


StepOutcome = Literal["done", "refused", "failed", "interrupted"]
"""`refused`: the data was at fault. `failed`: we were, and the job is tried again a few times. `interrupted`: somebody
stopped the run, which does not count as a try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One job that was done (or failed) for a batch: the ledger from which the next job is told.

    `attempt` is 1-based per (model, batch, job); `revision` the arrival's revision it worked on.
    """

    model: str
    batch: str
    job: Literal["watch", "settle", "decide", "retrain"]
    attempt: int
    revision: int
    outcome: StepOutcome
    cause: str
    as_of: datetime
    finished_at: datetime
    run_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class StateStore(Protocol):
    """Everything that has a state, in one SQL database. Each method is one transaction.

    Every writing method also appends the outbox row that tells of it, in the same transaction.
    """

    def append_outbox(
        self,
        kind: str,
        model: str,
        *,
        batch: str | None = None,
        payload: Mapping[str, Any] | None = None,
        key: str | None = None,
        now: datetime,
    ) -> int | None:
        """Appends a row and returns its id; with a `key` that was used before for this kind and model: None, no row."""
        ...

    def outbox(
        self,
        *,
        after: int = 0,
        model: str | None = None,
        kinds: Iterable[str] | None = None,
        limit: int = 1000,
    ) -> list[OutboxRow]:
        """Rows with a larger id, in order."""
        ...

    def models(self) -> list[str]:
        """Every model of which a delivery or a label file is known, declared or not."""
        ...

    def last_outbox_id(self) -> int:
        """The newest id; 0 for none."""
        ...

    def record_arrival(self, arrival: Arrival) -> None:
        """Keeps a delivery; outbox kind `arrival`.

        The same (model, batch, revision, kind, content_hash) twice is kept once.
        """
        ...

    def arrivals(self, model: str, batch: str | None = None) -> list[Arrival]:
        """Deliveries in order of arrival."""
        ...

    def record_step(self, step: Step) -> None:
        """Keeps a step; outbox kind `step`. The same (model, batch, job, attempt) replaces its earlier record."""
        ...

    def steps(self, model: str, batch: str | None = None) -> list[Step]:
        """Steps in order of recording."""
        ...

    def record_decision(self, decision: Decision, *, run_id: str | None = None) -> None:
        """Keeps a decision; outbox kind `decision`.

        Append-only: the same (model, batch, attempt) again is an error unless equal.
        """
        ...

    def decisions(self, model: str, batch: str | None = None) -> list[Decision]:
        """Decisions in order of recording."""
        ...

    def append_promotion(self, promotion: Promotion) -> Promotion:
        """One conditional insert on `previous_id`; the argument's `id` is replaced. Outbox kind `promotion`.

        In the same transaction the version becomes `champion`, and the one that it replaces `retired`; after a
        rollback `rolled_back`, with a further outbox row of that kind.

        Raises:
            PromotionConflictError: the newest promotion of the model is not `previous_id`.
            RefusedError: the version was rolled back, and the action is none of a person; or the model was retired.
        """
        ...

    def promotions(self, model: str) -> list[Promotion]:
        """The chain in order."""
        ...

    def move_stage(self, move: StageMove) -> bool:
        """Moves a version to a stage; its own `previous` is replaced. False where it stands there. Outbox kind `stage`.

        Raises:
            RefusedError: the move is not legal, or would take away the champion, which only a promotion does.
        """
        ...

    def stage_moves(self, model: str) -> list[StageMove]:
        """Moves of all versions in order."""
        ...

    def request_approval(self, request: ApprovalRequest) -> ApprovalRequest:
        """Keeps a hold, or answers the one that is kept of this version and attempt; its `id` is replaced.

        Outbox kind `approval_requested`.
        """
        ...

    def approvals(self, model: str) -> list[ApprovalRequest]:
        """Holds in order."""
        ...

    def record_answer(self, answer: Answer) -> Answer:
        """Keeps what a person said; outbox kind `approval_answered`.

        Raises:
            RefusedError: the person has answered this request.
        """
        ...

    def answers(self, model: str) -> list[Answer]:
        """Answers in order."""
        ...

    def audit_entries(self, model: str) -> list[AuditEntry]:
        """The hash chain of a model, in order."""
        ...

    def audited(self, model: str) -> tuple[list[AuditEntry], dict[str, dict[int, str]]]:
        """The chain, and the hashes of the rows that it must tell of as they are stored now, of one state.

        The hashes are by kind and id.
        """
        ...

    def model_moves(self) -> list[ModelMove]:
        """Renamings, retirements and returns of all models, in order."""
        ...

    def require_free(self, model: str, name: str) -> None:
        """Refuses a new name of a model under which another one has, or had, a history.

        Raises:
            RefusedError: it has.
        """
        ...

    def move_model(self, move: ModelMove) -> None:
        """Renames a model with every record of it, or says that it is retired, or that it is back.

        A renaming ends the leases of both names. With a retirement the champion becomes `retired`, with a return it is
        `champion` again. Outbox kinds `renamed`, `model_retired` and `model_returned`.

        Raises:
            RefusedError: the new name has a history of its own, or it is retired or in service already.
        """
        ...

    def record_model_version(self, version: ModelVersion) -> None:
        """Keeps where a registered version lies and what its hash is; outbox kind `model_version`."""
        ...

    def model_versions(self, model: str) -> list[ModelVersion]:
        """Registered versions in order."""
        ...

    def save_episode(self, episode: Episode) -> None:
        """Inserts or updates an episode by (model, id)."""
        ...

    def episodes(self, model: str) -> list[Episode]:
        """Episodes in order of opening."""
        ...

    def acquire_lease(self, model: str, owner: str, *, ttl: timedelta, now: datetime) -> bool:
        """Takes or renews the lease; False while somebody else's has not expired."""
        ...

    def release_lease(self, model: str, owner: str) -> None:
        """Gives the lease back; nothing happens if the owner does not hold it."""
        ...

    def lease_owner(self, model: str, *, now: datetime) -> str | None:
        """Who holds the lease now."""
        ...


class ModelRegistry(Protocol):
    """Tracking and registry: one run for each retrain, versions, aliases."""

    @property
    def address(self) -> str:
        """Where another process finds it; may hold a password."""
        ...

    def begin_run(self, *, model: str, name: str, tags: Mapping[str, str]) -> str:
        """Opens a run and returns its id; the same `retrain_assets.key` tag finds the open run again."""
        ...

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        figures: Mapping[str, bytes] | None = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Adds to a run; figures are PNG bytes by artifact path."""
        ...

    def log_input(
        self, run_id: str, *, name: str, source: str, digest: str, schema: Mapping[str, str], context: str
    ) -> None:
        """Adds a dataset input."""
        ...

    def end_run(self, run_id: str, status: RunStatus) -> None:
        """Closes a run."""
        ...

    def run_url(self, run_id: str) -> str:
        """A link or path to the run."""
        ...

    def register(self, run_id: str, bundle: ModelBundle) -> ModelVersion:
        """Logs the bundle to the run and registers it as a version; the same hash of the same run is one version."""
        ...

    def load(self, version: ModelVersion, *, cached: bool = True) -> ModelBundle:
        """The bundle, its hash verified before anything is deserialized; read and verified anew if not `cached`.

        Raises:
            NotStoredError: it is not there.
            IntegrityError: its files are not what was registered.
        """
        ...

    def knows(self, version: ModelVersion) -> bool:
        """Whether the version is registered; its files may be there or not."""
        ...

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Points `champion` or `challenger` at a version."""
        ...

    def alias(self, model: str, alias: str) -> int | None:
        """The version an alias points at."""
        ...

    def remove_alias(self, model: str, alias: str) -> None:
        """Takes an alias away; nothing happens where there is none."""
        ...

    def rename(self, before: str, name: str) -> None:
        """Gives the registered model and its experiment another name; done before, it may be done again.

        Raises:
            StoreError: a registered model of that name is there already.
        """
        ...

    def model_tags(self, model: str) -> dict[str, str]:
        """The platform's tags of the registered model, without their prefix; empty when there is none."""
        ...

    def tag_model(self, model: str, tags: Mapping[str, str]) -> None:
        """Sets tags of the registered model; their prefix is added."""
        ...

    def tag_version(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Sets tags of one version; their prefix is added."""
        ...


class Source(Protocol):
    """Delivers the original bytes of a batch."""

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        """For each batch key that has something to read, a cheap fingerprint.

        It is made of names, sizes and times; for a callable or a query it says only that the window has closed. No
        content is read, so that many batches are answered fast.
        """
        ...

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:
        """Keys of batches that are there and may not be whole yet: neither listed nor missing."""
        ...

    def read(self, batch: Batch) -> list[RawFile]:
        """The files or query results of the batch; empty when there is nothing. Raises StoreError when out of reach."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """Original bytes with the name they had; a query result is written as Parquet bytes."""

    name: str
    media_type: Literal["csv", "parquet"]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All stores of one installation."""

    blobs: BlobStore
    tables: TableStore
    state: StateStore
    registry: ModelRegistry
