"""What was decided about a model, and whether the record of it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from retrain_assets.errors import DamagedRecordError, StoreError
from retrain_assets.lifecycle.mirroring import seen_head
from retrain_assets.promotion.audit import Fault, Head, find_faults
from retrain_assets.promotion.identity import find_changed
from retrain_assets.promotion.log import Promotion
from retrain_assets.promotion.proofs import find_unproven
from retrain_assets.promotion.stages import Stage, stages
from retrain_assets.stores.protocols import StateStore, Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """`unseen` says why the registry's copy of the head was not compared; None where it was.

    `unread`: a row that cannot be read hides the others, and nothing of the chain could be told.
    """

    model: str
    entries: int
    head: str | None
    faults: tuple[Fault, ...]
    unseen: str | None
    unread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One change of champion with all that names what served: stage now, code, data, approval."""

    promotion: Promotion
    stage: Stage | None
    model_hash: str | None
    data_hash: str | None
    training_hash: str | None
    approved_by: tuple[str, ...]
    until: datetime | None


def verify(stores: Stores, name: str) -> Verified:
    """Recomputes the chain of a model, compares it with the rows it tells of, and its head with the registry's.

    The rows of the versions, which the chain does not tell of, are compared with the hashes that it vouches for, and
    the answers of persons with the signatures that they claim.
    """
    try:
        return _verify(stores, name)
    except DamagedRecordError as error:  # a row that is none any more hides the others: it alone is told
        fault = Fault(sequence=None, message=str(error))
        return Verified(model=name, entries=0, head=None, faults=(fault,), unseen=None, unread=True)


def _verify(stores: Stores, name: str) -> Verified:
    entries, records = stores.state.audited(name)
    log, requests = stores.state.promotions(name), stores.state.approvals(name)
    faults = [
        *find_faults(entries, records),
        *_forked(log),
        *find_changed(stores.state.model_versions(name), log, requests),
        *find_unproven(stores.state.answers(name), requests, {entry.model for entry in entries}),
    ]
    head, unseen = _mirrored(stores, name)
    if isinstance(head, Fault):
        faults.append(head)
    elif head is not None:
        faults += [fault for fault in find_faults(entries, records, heads=[head]) if fault not in faults]
    return Verified(
        model=name,
        entries=len(entries),
        head=entries[-1].entry_hash if entries else None,
        faults=tuple(faults),
        unseen=unseen,
    )


def history(state: StateStore, name: str) -> list[HistoryLine]:
    """Every change of champion in order, each with the end of its time in force (batch time)."""
    log = state.promotions(name)
    standing = stages(state.stage_moves(name))
    versions = {version.version: version for version in state.model_versions(name)}
    lines: list[HistoryLine] = []
    for promotion, following in zip_longest(log, log[1:]):
        version = versions.get(promotion.version)
        lines.append(
            HistoryLine(
                promotion=promotion,
                stage=standing.get(promotion.version),
                model_hash=None if version is None else version.model_hash,
                data_hash=None if version is None else version.data_hash,
                training_hash=None if version is None else version.training_hash,
                approved_by=tuple(promotion.evidence.get("approved_by", ())),
                until=None if following is None else following.as_of,
            )
        )
    return lines


def _forked(log: list[Promotion]) -> list[Fault]:
    """The promotions themselves are a chain too: each names the one before it."""
    before: int | None = None
    faults: list[Fault] = []
    for promotion in log:
        if promotion.previous_id != before:
            faults.append(
                Fault(
                    sequence=None,
                    message=f"promotion {promotion.id} follows {promotion.previous_id}, but {before} is the one before",
                )
            )
        before = promotion.id
    return faults


def _mirrored(stores: Stores, name: str) -> tuple[Head | Fault | None, str | None]:
    try:
        tags = stores.registry.model_tags(name)
    except StoreError as error:
        return None, f"the registry cannot be asked for the head that it saw: {error}"
    seen = seen_head(tags)
    if seen is None:
        return None, "the registry holds no head yet: it is mirrored with each retrain, rollback and reconcile"
    return seen, None
