"""What decides about versions: promotions, stages, approvals with their answers, and the chain over it all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from retrain_assets.errors import PromotionConflictError, RefusedError, StoreError
from retrain_assets.promotion.approvals import Answer, ApprovalRequest
from retrain_assets.promotion.audit import AuditEntry
from retrain_assets.promotion.log import Promotion, bars_who_leaves
from retrain_assets.promotion.model_moves import ModelMove
from retrain_assets.promotion.stages import Stage, StageMove, require_legal
from retrain_assets.stores.state import records
from retrain_assets.stores.state.chain import entries, hashes, insert_chained
from retrain_assets.stores.state.model_moves import carry_out, refuse_away, require_free
from retrain_assets.stores.state.rows import find, tell
from retrain_assets.stores.state.schema import ANSWERS, APPROVALS, MODEL_MOVES, PROMOTIONS, STAGES


class GovernedTables(ABC):
    """The part of the state store whose every row is told to the hash chain."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that sees one state of the database."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that no other writer overlaps."""

    @abstractmethod
    def _followed(self, table: sa.Table, model: str, record_of: Callable[[records.Row], Any]) -> list[Any]:
        """The records of a model in a table whose rows are only ever added."""

    @abstractmethod
    def _whole(self, table: sa.Table, record_of: Callable[[records.Row], Any]) -> list[Any]:
        """The records of a small table, in order."""

    def append_promotion(self, promotion: Promotion) -> Promotion:
        model = promotion.model
        values = records.promotion_values(promotion)
        try:
            with self._writing() as connection:
                current = _newest_promotion(connection, model)
                if (None if current is None else current["id"]) != promotion.previous_id:
                    raise _conflict(promotion, None if current is None else current["id"])
                refuse_away(connection, model)
                _refuse_barred(connection, promotion)
                assigned = replace(promotion, id=insert_chained(connection, PROMOTIONS, values))
                for move in _moves(promotion, None if current is None else current["version"]):
                    _move(connection, move)
                payload = {
                    "promotion_id": assigned.id,
                    "version": promotion.version,
                    "action": promotion.action,
                    "previous_id": promotion.previous_id,
                }
                tell(connection, "promotion", model, batch=promotion.batch, payload=payload, now=promotion.promoted_at)
                if promotion.action == "rollback":
                    # A cause to decide: what now serves is older than what was thought to be good.
                    payload = {"promotion_id": assigned.id, "text": promotion.reason}
                    tell(connection, "rolled_back", model, payload=payload, now=promotion.promoted_at)
                return assigned
        except exc.IntegrityError as error:
            raise _conflict(promotion, None) from error

    def promotions(self, model: str) -> list[Promotion]:
        return self._followed(PROMOTIONS, model, records.promotion_of)

    def move_stage(self, move: StageMove) -> bool:
        with self._writing() as connection:
            stands = _stage(connection, move.model, move.version)
            if stands == move.stage:
                return False
            if stands == "champion":
                # Who decided on this move saw another stage: meanwhile the version was promoted.
                raise RefusedError(
                    f"{move.model} v{move.version} is champion and cannot become {move.stage} by itself: it leaves "
                    "when another version is promoted, or by a rollback"
                )
            made = _move(connection, move)
            payload = {"version": made.version, "stage": made.stage, "previous": made.previous}
            tell(connection, "stage", made.model, payload=payload, now=made.moved_at)
            return True

    def stage_moves(self, model: str) -> list[StageMove]:
        return self._followed(STAGES, model, lambda row: records.of_row(StageMove, row))

    def request_approval(self, request: ApprovalRequest) -> ApprovalRequest:
        values = records.approval_values(request)
        with self._writing() as connection:
            earlier = find(connection, APPROVALS, values, "model", "version", "attempt")
            if earlier is not None:
                return records.of_row(ApprovalRequest, earlier)
            made = replace(request, id=insert_chained(connection, APPROVALS, values))
            payload = {"approval_id": made.id, "version": made.version}
            tell(connection, "approval_requested", made.model, batch=made.batch, payload=payload, now=made.requested_at)
            return made

    def approvals(self, model: str) -> list[ApprovalRequest]:
        return self._followed(APPROVALS, model, lambda row: records.of_row(ApprovalRequest, row))

    def record_answer(self, answer: Answer) -> Answer:
        values = records.plain_values(answer)
        with self._writing() as connection:
            earlier = find(connection, ANSWERS, values, "approval_id", "person")
            if earlier is not None:
                raise RefusedError(
                    f"{answer.person} has answered request {answer.approval_id} of {answer.model} "
                    f"v{answer.version} already ({earlier['verdict']}, {earlier['answered_at']:%Y-%m-%d %H:%M} UTC): "
                    "an answer is given once"
                )
            insert_chained(connection, ANSWERS, values)
            payload = {"approval_id": answer.approval_id, "version": answer.version, "verdict": answer.verdict}
            tell(connection, "approval_answered", answer.model, payload=payload, now=answer.answered_at)
            return answer

    def answers(self, model: str) -> list[Answer]:
        return self._followed(ANSWERS, model, lambda row: records.of_row(Answer, row))

    def audit_entries(self, model: str) -> list[AuditEntry]:
        with self._reading() as connection:
            return entries(connection, model)

    def audited(self, model: str) -> tuple[list[AuditEntry], dict[str, dict[int, str]]]:
        with self._reading() as connection:
            told = entries(connection, model)
            return told, hashes(connection, model, told)

    def model_moves(self) -> list[ModelMove]:
        return self._whole(MODEL_MOVES, lambda row: records.of_row(ModelMove, row))

    def require_free(self, model: str, name: str) -> None:
        with self._reading() as connection:
            require_free(connection, model, name)

    def move_model(self, move: ModelMove) -> None:
        with self._writing() as connection:
            carry_out(connection, move)
            champion = _newest_promotion(connection, move.model)
            if champion is not None and move.action in ("retire", "return"):
                _let_serve(connection, move, champion["version"], serve=move.action == "return")


def _newest_promotion(connection: sa.Connection, model: str) -> records.Row | None:
    newest = sa.select(PROMOTIONS).where(PROMOTIONS.c.model == model).order_by(PROMOTIONS.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().first()


def _stage(connection: sa.Connection, model: str, version: int) -> Stage | None:
    newest = (
        sa.select(STAGES.c.stage)
        .where(STAGES.c.model == model, STAGES.c.version == version)
        .order_by(STAGES.c.id.desc())
        .limit(1)
    )
    return connection.execute(newest).scalar()


def _refuse_barred(connection: sa.Connection, promotion: Promotion) -> None:
    """Only a person's rollback by name brings back a version that was rolled back."""
    if promotion.action == "rollback":
        return
    if _stage(connection, promotion.model, promotion.version) == "rolled_back":
        raise RefusedError(
            f"{promotion.model} v{promotion.version} was rolled back and is not promoted again by itself: "
            f"`retrain-assets clear {promotion.model} {promotion.version} --reason ...` allows it again"
        )


def _moves(promotion: Promotion, replaced: int | None) -> list[StageMove]:
    """The champion that is replaced leaves first, so that there is never more than one."""
    shared: dict[str, Any] = {
        "model": promotion.model,
        "previous": None,
        "actor": promotion.actor,
        "reason": promotion.reason,
        "moved_at": promotion.promoted_at,
    }
    moves = [StageMove(version=promotion.version, stage="champion", **shared)]
    if replaced is None:
        return moves
    left: Stage = "rolled_back" if bars_who_leaves(promotion) else "retired"
    return [StageMove(version=replaced, stage=left, **shared), *moves]


def _move(connection: sa.Connection, move: StageMove) -> StageMove:
    previous = _stage(connection, move.model, move.version)
    require_legal(move.model, move.version, previous, move.stage)
    made = replace(move, previous=previous)
    insert_chained(connection, STAGES, records.plain_values(made))
    return made


def _let_serve(connection: sa.Connection, move: ModelMove, version: int, *, serve: bool) -> None:
    """Of a model that is retired nobody is champion; when it returns, the newest promotion's version is."""
    if (_stage(connection, move.model, version) == "champion") != serve:
        shared: dict[str, Any] = {"actor": move.actor, "reason": move.reason, "moved_at": move.moved_at}
        stage: Stage = "champion" if serve else "retired"
        _move(connection, StageMove(model=move.model, version=version, stage=stage, previous=None, **shared))


def _conflict(promotion: Promotion, current: int | None) -> StoreError:
    who = "somebody promoted first" if current is None else f"promotion {current} is the newest"
    return PromotionConflictError(
        f"{promotion.model} v{promotion.version} must follow promotion {promotion.previous_id}, but {who}: "
        "evaluate against the champion of now and promote again"
    )
