"""The head of the audit chain that the registry keeps: it moves on only along a chain that holds what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from retrain_assets.lifecycle.versions import show_stages
from retrain_assets.promotion.audit import AuditEntry, Fault, Head
from retrain_assets.stores.contradictions import note_contradiction
from retrain_assets.stores.protocols import Stores

HEAD_TAG = "audit_head"
"""Of the registered model: `<entry>:<hash>` of the newest entry that the registry saw."""


def seen_head(tags: Mapping[str, str]) -> Head | Fault | None:
    """The head that the registry saw, by the tags of the registered model; None before the first."""
    said = tags.get(HEAD_TAG)
    if said is None:
        return None
    sequence, _, digest = said.partition(":")
    if not (sequence.isascii() and sequence.isdigit()):
        message = f"the registry's tag audit_head must be <entry>:<hash> (got {said[:80]!r}): it was changed by hand"
        return Fault(sequence=None, message=message)
    return Head(sequence=int(sequence), entry_hash=digest)


def head_tag(entries: Sequence[AuditEntry]) -> dict[str, str]:
    """The tag that says how far the chain has come."""
    return {HEAD_TAG: f"{entries[-1].sequence}:{entries[-1].entry_hash}"} if entries else {}


def contradiction(entries: Sequence[AuditEntry], tags: Mapping[str, str], model: str) -> str | None:
    """Why the chain is not the one that the registry saw; None where it is, or goes on from it.

    Args:
        entries: of the chain, read after the tags: a run that wrote in between is then no contradiction.
        tags: of the registered model.
        model: its name.
    """
    seen = seen_head(tags)
    if seen is None or any((kept.sequence, kept.entry_hash) == _link(seen) for kept in entries):
        return None
    found = str(seen) if isinstance(seen, Fault) else f"the registry saw entry {seen.sequence} of the record"
    return (
        f"{found}, and the state database does not hold it as it was: an older backup was restored, or somebody "
        f"changed it. The registry stays as it is: `retrain-assets audit verify {model}` says what differs. Put the "
        f"right database back; or, if this one is right, `retrain-assets reconcile {model} --accept-head --reason ...`"
    )


def compare_heads(stores: Stores, model: str, tags: Mapping[str, str], *, now: datetime) -> str | None:
    """Why the chain is not the one that the registry saw; what is new of it is told (`record_contradicted`)."""
    said = contradiction(stores.state.audit_entries(model), tags, model)
    note_contradiction(stores.state, model, said, tags.get(HEAD_TAG), now=now)
    return said


def mirror_head(stores: Stores, model: str, *, now: datetime) -> str | None:
    """Shows the registry where the versions stand and how far the chain has come.

    Unless it saw another one: then it says and tells why not.
    """
    tags = stores.registry.model_tags(model)
    said = compare_heads(stores, model, tags, now=now)
    entries = stores.state.audit_entries(model)
    if said is None and entries and tags:
        stores.registry.tag_model(model, {**show_stages(stores, model, tags), **head_tag(entries)})
    return said


def _link(seen: Head | Fault) -> tuple[int, str] | None:
    return (seen.sequence, seen.entry_hash) if isinstance(seen, Head) else None
