"""The hash chain over what decides about a model: an entry that was changed, dropped or slipped in is found.

Each entry holds the hash of one record of the state database and the hash of the entry before it. Whoever changes a
record breaks its entry; whoever changes an entry breaks all that follow it. To drop the newest entries together with
their records leaves a chain that is whole: that is why its head is also kept in the model registry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""What the first entry names as the hash of its predecessor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One link. `record_id` and `record_hash` say of which row of which kind it tells; `summary` is for people."""

    model: str
    sequence: int
    kind: str
    record_id: int
    record_hash: str
    summary: Mapping[str, Any]
    recorded_at: datetime
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that cannot be if nobody tampered; `sequence` is None where no single entry is at fault."""

    sequence: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.sequence is None else f"entry {self.sequence}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a chain had come: the newest entry that somebody saw."""

    sequence: int
    entry_hash: str


def canonical(value: Any) -> str:
    """One text for one content: sorted keys, times in UTC, no blanks.

    >>> canonical({"b": datetime(2024, 1, 1, tzinfo=UTC), "a": (1, None)})
    '{"a":[1,null],"b":"2024-01-01T00:00:00+00:00"}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False)


def record_hash(values: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a record as it is stored."""
    return hashlib.sha256(canonical(dict(values)).encode()).hexdigest()


def next_entry(
    previous: Head | None,
    *,
    model: str,
    kind: str,
    record_id: int,
    values: Mapping[str, Any],
    summary: Mapping[str, Any],
    now: datetime,
) -> AuditEntry:
    """The link that follows; None for the first."""
    sequence = 1 if previous is None else previous.sequence + 1
    before = GENESIS if previous is None else previous.entry_hash
    made = AuditEntry(
        model=model,
        sequence=sequence,
        kind=kind,
        record_id=record_id,
        record_hash=record_hash(values),
        summary=dict(summary),
        recorded_at=now,
        previous_hash=before,
        entry_hash="",
    )
    return replace(made, entry_hash=entry_hash(made))


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 (hex) of all that an entry says, its predecessor's hash included.

    The summary is what JSON makes of it, as it is when it is read again.
    """
    said = _fields(entry)
    del said["entry_hash"]
    return record_hash(said)


def find_faults(
    entries: Sequence[AuditEntry], records: Mapping[str, Mapping[int, str]], *, heads: Iterable[Head] = ()
) -> list[Fault]:
    """What is wrong with a chain; empty for a whole one.

    Args:
        entries: the chain of one model, in the order of its sequence.
        records: for each kind the hashes of the rows that are stored now, by their id.
        heads: entries that were seen earlier and written down elsewhere.
    """
    faults = [*_broken_links(entries), *_changed_records(entries, records)]
    told = {(entry.kind, entry.record_id) for entry in entries}
    faults += [
        Fault(sequence=None, message=f"{kind} {number} is in the database, but no entry tells of it")
        for kind, rows in sorted(records.items())
        for number in sorted(rows)
        if (kind, number) not in told
    ]
    known = {entry.sequence: entry.entry_hash for entry in entries}
    faults += [
        Fault(
            sequence=head.sequence,
            message=f"the registry saw it with the hash {head.entry_hash[:16]}, here it "
            + (f"has {known[head.sequence][:16]}" if head.sequence in known else "is missing"),
        )
        for head in heads
        if known.get(head.sequence) != head.entry_hash
    ]
    return faults


def _broken_links(entries: Sequence[AuditEntry]) -> Iterable[Fault]:
    before, expected = GENESIS, 1
    for entry in entries:
        if entry.sequence != expected:
            yield Fault(sequence=entry.sequence, message=f"entry {expected} must come here: something was taken out")
        if entry.previous_hash != before:
            yield Fault(sequence=entry.sequence, message="it does not follow the entry before it")
        if entry_hash(entry) != entry.entry_hash:
            yield Fault(sequence=entry.sequence, message="it was changed after it was written")
        before, expected = entry.entry_hash, entry.sequence + 1


def _changed_records(entries: Sequence[AuditEntry], records: Mapping[str, Mapping[int, str]]) -> Iterable[Fault]:
    seen: set[tuple[str, int]] = set()
    for entry in entries:
        found = records.get(entry.kind, {}).get(entry.record_id)
        what = f"{entry.kind} {entry.record_id}"
        if (entry.kind, entry.record_id) in seen:
            yield Fault(sequence=entry.sequence, message=f"it tells of {what} a second time")
        elif found is None:
            yield Fault(sequence=entry.sequence, message=f"{what}, of which it tells, was deleted")
        elif found != entry.record_hash:
            yield Fault(sequence=entry.sequence, message=f"{what}, of which it tells, was changed")
        seen.add((entry.kind, entry.record_id))


def _fields(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in AuditEntry.__slots__}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a record must hold plain values (got {type(value).__name__}: {value!r})")
