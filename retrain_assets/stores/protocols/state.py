"""What the lifecycle needs of the state database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from retrain_assets.data.arrivals import Arrival
    from retrain_assets.drift.episodes import Episode
    from retrain_assets.policy.decision import Decision
    from retrain_assets.promotion.approvals import Answer, ApprovalRequest
    from retrain_assets.promotion.audit import AuditEntry
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.promotion.model_moves import ModelMove
    from retrain_assets.promotion.stages import StageMove
    from retrain_assets.training.bundle import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One state change, numbered."""

    id: int
    kind: str
    model: str
    batch: str | None
    payload: Mapping[str, Any]
    recorded_at: datetime


Job = Literal["watch", "settle", "decide", "retrain"]
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
    job: Job
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
        rollback `rolled_back`, unless that said it may return, with a further outbox row of that kind.

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
