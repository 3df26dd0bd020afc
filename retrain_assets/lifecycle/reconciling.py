"""The registry shows what the promotion log says: its alias and tags are projections, put right where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from retrain_assets.errors import IntegrityError, NotStoredError, StoreError
from retrain_assets.lifecycle.approval_record import show_answers
from retrain_assets.lifecycle.champions import registered
from retrain_assets.lifecycle.left_over import LEFT_OVER, record_left_over
from retrain_assets.lifecycle.mirroring import compare_heads, head_tag
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.proving import require_place
from retrain_assets.lifecycle.versions import require_registry, show_challenger, show_stages
from retrain_assets.lifecycle.way_out import way_out
from retrain_assets.promotion.audit import canonical
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores

CHAMPION = "champion"
PROMOTION_TAG = "promotion_id"
"""Written last: it names the promotion that the registry shows in full."""


LONGEST_REASON = 1500
"""Characters of the reason in a tag."""
LONGEST_WRITTEN = 3000
"""Characters of it as JSON, which writes a control character as six: a tag may have 5,000 with all else."""
CUT = " ... (cut: `retrain-assets history` has all of it)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What was found and done. `by_hand` is a sentence where somebody moved or deleted the alias, else None.

    `behind` tells that the registry had not seen the newest promotion; `broken` why the champion cannot be loaded, or
    is not what its entry in the registry names, or that the registry saw another record than the state database holds;
    `left_over` are versions that were recorded now, because the run that registered them was stopped before.
    """

    model: str
    champion: int | None
    by_hand: str | None = None
    behind: bool = False
    broken: str | None = None
    left_over: tuple[int, ...] = ()

    def __str__(self) -> str:
        said = [self.by_hand] if self.by_hand else []
        said += [f"v{number} is {LEFT_OVER}: recorded now, as retired" for number in self.left_over]
        if self.champion is None:
            return "; ".join([f"{self.model}: no champion yet", *said, *([self.broken] if self.broken else [])])
        if self.behind:
            said.append("the registry had not seen the newest promotion: shown now")
        if self.broken:
            said.append(self.broken)
        return f"{self.model}: v{self.champion} is champion; " + ("; ".join(said) or "the registry agrees")


def reconcile(stores: Stores, model: DeclaredModel, *, now: datetime) -> Reconciled:
    """Compares the registry with the log and puts it right; also says whether the champion can still be loaded."""
    log = stores.state.promotions(model.name)
    if not log:
        return project_nobody(stores, model, now=now)
    found = project(stores, model, log[-1], now=now)
    try:
        champion = registered(stores, model, log[-1].version)
        stores.registry.load(champion, cached=False)
    except (IntegrityError, NotStoredError) as error:
        broken = f"v{log[-1].version} cannot be loaded: {str(error).removesuffix('.')}. {way_out(stores, model)}"
        return replace(found, broken=f"{broken}; {found.broken}" if found.broken else broken)
    if found.broken is None:
        try:
            require_place(champion, stores.registry.place(champion))
        except IntegrityError as error:
            return replace(found, broken=str(error))
    return found


def project(stores: Stores, model: DeclaredModel, current: Promotion, *, now: datetime) -> Reconciled:
    """Puts the alias where the log says, and mirrors the promotion and the head of the audit chain to tags.

    The tag with the number of the promotion is written last. An alias that differs although the tag is there was
    moved or deleted by hand; one that differs without it was left behind by a crash, and is no news. A champion whose
    entry in the registry was deleted serves on from its files, and is told. Where the registry saw another record than
    the state database holds, nothing in it is touched: it is what proves that.
    """
    try:
        return _show(stores, model, current, now=now)
    except NotStoredError as error:
        require_registry(stores, model)
        return _not_registered(stores, model, current, str(error), now=now)


def glance(stores: Stores, model: DeclaredModel, *, now: datetime) -> None:
    """Puts the registry right where a glance at it shows another champion, or another promotion, than the log.

    Nothing waits for that: a registry that cannot be seen is left to the next batch, retrain or `reconcile`.
    """
    log = stores.state.promotions(model.name)
    if not log:
        return
    with suppress(StoreError), stores.registry.briefly():
        seen = stores.registry.glance(model.name)
        if (seen.aliases.get(CHAMPION), seen.tags.get(PROMOTION_TAG)) != (log[-1].version, str(log[-1].id)):
            project(stores, model, log[-1], now=now)


def project_nobody(stores: Stores, model: DeclaredModel, *, now: datetime) -> Reconciled:
    """The registry of a model that has no champion yet: an alias on one of its versions was set by hand and goes.

    One on a version that the platform did not register is not its to take away: that model may be adopted.
    """
    seen = stores.registry.shown(model.name)
    if said := compare_heads(stores, model.name, seen.tags, now=now):
        return Reconciled(model=model.name, champion=None, broken=said)
    left_over = record_left_over(stores, model, seen, now=now)
    by_hand = None
    pointed = seen.aliases.get(CHAMPION)
    if pointed in {version.version for version in stores.state.model_versions(model.name)}:
        stores.registry.remove_alias(model.name, CHAMPION)
        by_hand = _tell(stores, model.name, pointed, None, now=now)
    # A first version may have been rejected, by its gates or by persons.
    if shown := show_answers(stores, model, seen.tags) | show_stages(stores, model.name, seen.tags):
        stores.registry.tag_model(model.name, shown)
    return Reconciled(model=model.name, champion=None, by_hand=by_hand, left_over=left_over)


def _show(stores: Stores, model: DeclaredModel, current: Promotion, *, now: datetime) -> Reconciled:
    seen = stores.registry.shown(model.name)
    tags = seen.tags
    if said := compare_heads(stores, model.name, tags, now=now):
        return Reconciled(model=model.name, champion=current.version, broken=said)
    pointed = seen.aliases.get(CHAMPION)
    shown = tags.get(PROMOTION_TAG) == str(current.id)
    by_hand = None
    if pointed != current.version:
        stores.registry.set_alias(model.name, CHAMPION, current.version)
        if shown:
            by_hand = _tell(stores, model.name, pointed, current.version, now=now)
    # After the alias, which a rollback has seconds to move.
    left_over = record_left_over(stores, model, seen, now=now)
    show_challenger(stores, model, shown=seen)
    if not shown:
        _tag_promotions(stores, model, current, since=tags.get(PROMOTION_TAG, ""))
    news = show_answers(stores, model, tags) | show_stages(stores, model.name, tags)
    _mirror(stores, model, current, tags, news)
    return Reconciled(
        model=model.name, champion=current.version, by_hand=by_hand, behind=not shown, left_over=left_over
    )


def _tell(stores: Stores, model: str, pointed: int | None, current: int | None, *, now: datetime) -> str:
    payload = {"found": pointed, "put_back": current}
    stores.state.append_outbox("alias_repaired", model, payload=payload, now=now)
    if current is None:
        return f"the alias '{CHAMPION}' was set to v{pointed} by hand and is gone: no version has been promoted yet"
    was = "was deleted" if pointed is None else f"was moved to v{pointed}"
    return (
        f"the alias '{CHAMPION}' {was} by hand and is back at v{current}: the promotion log says who is champion, and "
        "`retrain-assets rollback` changes it"
    )


def _not_registered(
    stores: Stores, model: DeclaredModel, current: Promotion, error: str, *, now: datetime
) -> Reconciled:
    said = (
        f"v{current.version} was deleted in the registry by hand: it serves on from its files, and no alias can show "
        f"it. Restore it there. {way_out(stores, model)}"
    )
    payload = {"version": current.version, "text": said, "error": error}
    key = str(current.id)
    stores.state.append_outbox("champion_not_registered", current.model, payload=payload, key=key, now=now)
    return Reconciled(model=current.model, champion=current.version, broken=said)


def _tag_promotions(stores: Stores, model: DeclaredModel, current: Promotion, *, since: str) -> None:
    """Each promotion that the registry has not seen, on its version: while it was down there may have been several."""
    log = [made for made in stores.state.promotions(model.name) if made.id <= current.id]
    seen = int(since) if since.isdecimal() else 0
    for version, tags in _wanted(log, seen).items():
        try:
            stores.registry.tag_version(model.name, version, tags)
        except NotStoredError:
            # One that was deleted by hand needs no tag; the promotion of another must not hang on it.
            if version == current.version:
                raise
    for made in log:
        if made.id > seen and made.action == "adopt":
            # That of a retrain ends with its own outcome.
            with suppress(NotStoredError):
                stores.registry.end_run(registered(stores, model, made.version).run_id, "FINISHED")


def _wanted(log: Sequence[Promotion], seen: int) -> dict[int, dict[str, str]]:
    """By version what its tags have to say of the promotions after number `seen`, and of the one that these ended."""
    wanted: dict[int, dict[str, str]] = {}
    known: set[int] = set()
    for made, following in zip_longest(log, log[1:]):
        tags = {} if made.id <= seen else _tags_of(made)
        if following is not None and following.id > seen:
            tags["in_force_until"] = following.as_of.isoformat()
        elif following is None and made.version in known:
            tags["in_force_until"] = ""
        known.add(made.version)
        if tags:
            wanted[made.version] = wanted.get(made.version, {}) | tags
    return wanted


def _tags_of(current: Promotion) -> dict[str, str]:
    """Of the version: the promotion, and under its number a tag that a later one does not overwrite."""
    asked = "no approval was required" if current.action == "promote" else f"{current.action} asks for no approval"
    said = {
        "action": current.action,
        "promoted_by": current.actor,
        "promoted_at": current.promoted_at.isoformat(),
        "promotion_reason": _short_enough(current.reason),
        "approved_by": ", ".join(current.evidence.get("approved_by", ())) or f"nobody: {asked}",
        "in_force_from": current.as_of.isoformat(),
        "evaluated": "" if current.batch is None else f"batch {current.batch}, attempt {current.attempt}",
        "code_version": str(current.evidence.get("code_version", "")),
        "data_hash": str(current.evidence.get("data_hash", "")),
    }
    return {**said, f"promotion_{current.id}": canonical(said)}


def _short_enough(reason: str) -> str:
    """So short that a tag holds it with all else that is told of the promotion; the record keeps all of it.

    >>> len(_short_enough("x" * 9_000))
    1500
    """
    if len(reason) <= LONGEST_REASON and len(canonical(reason)) <= LONGEST_WRITTEN:
        return reason
    kept = LONGEST_REASON - len(CUT)
    while len(canonical(reason[:kept] + CUT)) > LONGEST_WRITTEN:
        kept //= 2
    return reason[:kept] + CUT


def _mirror(
    stores: Stores, model: DeclaredModel, current: Promotion, tags: Mapping[str, str], news: dict[str, str]
) -> None:
    entries = stores.state.audit_entries(model.name)
    wanted = {"champion": str(current.version), **news}
    wanted |= head_tag(entries)
    wanted[PROMOTION_TAG] = str(current.id)
    changed = {name: value for name, value in wanted.items() if tags.get(name) != value}
    if changed:
        stores.registry.tag_model(model.name, changed)
