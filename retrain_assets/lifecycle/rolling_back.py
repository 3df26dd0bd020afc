"""Back to an earlier champion: by a person, or by itself within the declared watch after a promotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from retrain_assets.errors import DataError, RefusedError, StoreError, WithheldError
from retrain_assets.lifecycle.champions import newest_watched_end, registered
from retrain_assets.lifecycle.history import champion_losses
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.proving import newest_rows, prove
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.lifecycle.reconciling import project
from retrain_assets.lifecycle.records import Promoted
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.lifecycle.waiting import void_outdated
from retrain_assets.lifecycle.way_out import way_out
from retrain_assets.lifecycle.withholding import withholding, words_of
from retrain_assets.promotion.approvals import PLATFORM
from retrain_assets.promotion.log import Promotion, champion_as_of, earlier_champions
from retrain_assets.promotion.watch import breaks_ceiling, is_watched
from retrain_assets.spec import format_duration
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.predict import CANNOT_SCORE, CANNOT_SERVE

if TYPE_CHECKING:
    import pandas as pd

OF_THE_MOMENT = frozenset({"approved_by", "approval", "approval_proofs", "rolled_back", "recalled"})
"""Evidence that belongs to one promotion, not to the version."""


@withholding
def roll_back(
    stores: Stores,
    model: DeclaredModel,
    *,
    to: int | None = None,
    as_of: datetime | None = None,
    may_return: bool = False,
    reason: str,
    actor: str,
    now: datetime,
    since: datetime | None = None,
    rows: pd.DataFrame | None = None,
    announce: Callable[[Promotion], None] = lambda _: None,
) -> Promoted:
    """Puts an earlier champion back in force, from the end of the newest batch on.

    With the version come its reference profile, which is part of its bundle, and the holdout loss against which decay
    is told, which the new link repeats; its training end stays what it was, so that it is no younger. The champion
    that leaves is barred from promotion until a person clears it, unless it may return. A `decide` is asked for in the
    same transaction. What waits for an approval is void, because it was compared with the champion that leaves.

    Args:
        stores: all stores.
        model: the declared model; the caller holds its lease.
        to: the version to go back to. Without it and `as_of`: the champion before this one that is not barred.
        as_of: the champion as of this moment of batch time.
        may_return: whether the champion that leaves may come back by itself, as one whose season is over.
        reason: stands in the log.
        actor: who wants it.
        now: wall time.
        since: batch time from which it is in force, where that is later.
        rows: what it must be able to score; some of the newest batch that was watched by default.
        announce: is told as soon as the log has moved, before the registry is asked to show it.

    Raises:
        RefusedError: nobody to go back to, a version that never was champion, both `to` and `as_of`, or a blank reason.
        DataError: the version cannot score the rows of now: nothing was changed.
        StoreError: the version is not there any more, or is not what was registered: nothing was changed.
    """
    require_reason(reason)
    log = stores.state.promotions(model.name)
    target = _target(stores, model, log, to, as_of)
    asked = newest_rows(stores, model) if rows is None else rows
    barred: Exception | None = None
    try:
        prove(stores, model, registered(stores, model, target.version), asked, in_an_outage=True)
    except CANNOT_SERVE as error:
        barred = error
    if barred is not None:  # past the handler, which would tie what quotes a row to what is raised
        raise _refusal(stores, model, target, barred, asked) from None if model.spec.personal_columns else barred
    made = stores.state.append_promotion(_link(stores, model, log[-1], target, reason, actor, now, since, may_return))
    announce(made)
    told = reason + _ended(stores, model, now=now) + _shown(stores, model, made, now=now)
    return Promoted(promotion=made, current=made, reason=told, history=(*log, made))


def roll_back_if_broken(
    stores: Stores,
    model: DeclaredModel,
    *,
    as_of: datetime,
    red: Mapping[str, str],
    now: datetime,
    since: datetime | None = None,
    rows: pd.DataFrame | None = None,
) -> Promoted | None:
    """Goes back by itself if the newest promotion is still watched and something broke; None otherwise.

    A rollback that cannot be made is told once (outbox kind `rollback_failed`), and the champion serves on.

    Args:
        stores: all stores.
        model: the declared model.
        as_of: the cutoff in batch time.
        red: checks that are red now, with their reasons.
        now: wall time.
        since: batch time from which the earlier champion is in force, where that is later than what was watched.
        rows: what the earlier champion must be able to score; see `roll_back`.
    """
    log = stores.state.promotions(model.name)
    if not log or not is_watched(log[-1], model.spec.rollback, as_of):
        return None
    broken = [f"{check}: {reason}" for check, reason in red.items() if check in model.spec.rollback.checks]
    losses = champion_losses(stores, model, log[-1], as_of=as_of)
    above = breaks_ceiling(losses, model.spec.rollback, metric=model.spec.metric)
    if above is not None:
        broken.append(above)
    if not broken:
        return None
    watch = format_duration(model.spec.rollback.watch or timedelta(0))
    reason = f"within {watch} of its promotion v{log[-1].version} broke: " + "; ".join(broken)
    try:
        return roll_back(stores, model, reason=reason, actor=PLATFORM, now=now, since=since, rows=rows)
    except (RefusedError, StoreError, WithheldError, *CANNOT_SCORE) as error:
        # Whatever bars the way back (a column that the older version needs is gone), the step that saw it goes on.
        payload = {"text": reason, "failed": str(error)}
        stores.state.append_outbox("rollback_failed", model.name, payload=payload, key=str(log[-1].id), now=now)
        return None


def _target(
    stores: Stores, model: DeclaredModel, log: list[Promotion], to: int | None, as_of: datetime | None
) -> Promotion:
    if not log:
        raise RefusedError(f"{model.name} has no champion yet: there is nothing to roll back")
    earlier = earlier_champions(log)
    if to is not None and as_of is not None:
        raise RefusedError(
            f"go back to v{to} or to the champion as of {as_of:%Y-%m-%d %H:%M}, not both: nothing was done"
        )
    if as_of is not None:
        found = champion_as_of(log, as_of)
        if found is None:
            raise RefusedError(
                f"{model.name} had no champion as of {as_of:%Y-%m-%d %H:%M}: the first is of "
                f"{log[0].as_of:%Y-%m-%d %H:%M}"
            )
        to = found.version
    if to is None:
        free = [made for made in earlier if stage_of(stores, model, made.version) != "rolled_back"]
        if not free:
            raise RefusedError(
                f"{model.name} has no earlier champion than v{log[-1].version} to go back to: train another, by "
                f"materializing {model.name}/training_set to {model.name}/champion of the newest batch"
            )
        return free[0]
    if to == log[-1].version:
        raise RefusedError(f"{model.name} v{to} is champion already")
    chosen = next((made for made in earlier if made.version == to), None)
    if chosen is None:
        known = ", ".join(f"v{made.version}" for made in earlier)
        instead = f"go back to one of {known}" if known else f"nobody was before v{log[-1].version}"
        raise RefusedError(f"{model.name} v{to} never was champion, so no gate vouches for it: {instead}")
    return chosen


def _link(
    stores: Stores,
    model: DeclaredModel,
    current: Promotion,
    target: Promotion,
    reason: str,
    actor: str,
    now: datetime,
    since: datetime | None,
    may_return: bool,
) -> Promotion:
    evidence: dict[str, Any] = {name: value for name, value in target.evidence.items() if name not in OF_THE_MOMENT}
    back = {"from_version": current.version, "to_promotion": target.id} | ({"may_return": True} if may_return else {})
    return Promotion(
        id=0,
        model=model.name,
        version=target.version,
        action="rollback",
        previous_id=current.id,
        batch=target.batch,
        attempt=target.attempt,
        as_of=max(since or current.as_of, newest_watched_end(stores, model, current.as_of)),
        training_end=target.training_end,
        actor=actor,
        reason=reason,
        promoted_at=now,
        evidence=evidence | {"rolled_back": back},
    )


def _refusal(
    stores: Stores, model: DeclaredModel, target: Promotion, error: Exception, rows: pd.DataFrame
) -> Exception:
    """Why the version cannot serve, that nothing was changed, and which one can."""
    said = words_of(error, model).removesuffix(".")
    kind = type(error) if isinstance(error, StoreError) else DataError
    if kind is DataError:
        said = f"{model.name} v{target.version} cannot score rows of now: {said}"
    return kind(f"{said}. Nothing was changed. {way_out(stores, model, without=target.version, rows=rows)}")


def _ended(stores: Stores, model: DeclaredModel, *, now: datetime) -> str:
    """What waited for approval was compared with the champion that left."""
    voided = void_outdated(stores, model, now=now)
    waited = ", ".join(f"v{request.version}" for request in voided)
    return f" (void, as compared with the champion that leaves: the approval of {waited})" if voided else ""


def _shown(stores: Stores, model: DeclaredModel, made: Promotion, *, now: datetime) -> str:
    """The log has moved; a registry that is down must not keep the broken champion in force."""
    try:
        with stores.registry.briefly():
            shown = project(stores, model, made, now=now)
    except StoreError as error:
        stores.state.append_outbox("projection_behind", model.name, payload={"promotion_id": made.id}, now=now)
        return (
            f" (the registry does not show it yet: the next decision will, or `retrain-assets reconcile {model.name}`: "
            f"{error})"
        )
    return f" (the registry does not show it: {shown.broken})" if shown.broken else ""
