"""The chain breaks wherever it was touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets.promotion.audit import AuditEntry, Head, canonical, entry_hash, find_faults, next_entry, record_hash

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def chain(length: int = 4) -> tuple[list[AuditEntry], dict[str, dict[int, str]]]:
    entries: list[AuditEntry] = []
    records: dict[str, dict[int, str]] = {"promotion": {}}
    head = None
    for number in range(1, length + 1):
        values = {"id": number, "version": number, "share": 0.1 + 0.2, "at": NOW}
        entry = next_entry(
            head,
            model="sales",
            kind="promotion",
            record_id=number,
            values=values,
            summary={"version": number},
            now=NOW + timedelta(days=number),
        )
        entries.append(entry)
        records["promotion"][number] = record_hash(values)
        head = Head(sequence=entry.sequence, entry_hash=entry.entry_hash)
    return entries, records


def said(entries: list[AuditEntry], records: Mapping[str, Mapping[int, str]], *heads: Head) -> str:
    return "; ".join(map(str, find_faults(entries, records, heads=heads)))


def test_an_untouched_chain_is_whole():
    entries, records = chain()
    assert find_faults(entries, records) == []
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        {"summary": {"version": 9}},
        {"recorded_at": NOW},
        {"record_hash": "0" * 64},
        {"kind": "decision"},
        {"model": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_is_found(change):
    entries, records = chain()
    entries[1] = replace(entries[1], **change)
    assert "entry 2: it was changed after it was written" in said(entries, records)


def test_a_changed_entry_with_a_new_hash_breaks_the_next():
    entries, records = chain()
    forged = replace(entries[1], summary={"version": 9})
    entries[1] = replace(forged, entry_hash=entry_hash(forged))
    assert said(entries, records) == "entry 3: it does not follow the entry before it"


def test_a_changed_record_is_found():
    entries, records = chain()
    records["promotion"][3] = record_hash({"id": 3, "version": 1})
    assert said(entries, records) == "entry 3: promotion 3, of which it tells, was changed"


def test_a_deleted_and_an_added_record_are_found():
    entries, records = chain()
    del records["promotion"][2]
    records["promotion"][9] = "x"
    found = said(entries, records)
    assert "entry 2: promotion 2, of which it tells, was deleted" in found
    assert "promotion 9 is in the database, but no entry tells of it" in found


def test_an_entry_that_was_taken_out_is_missed():
    entries, records = chain()
    del entries[1], records["promotion"][2]
    assert "entry 3: entry 2 must come here: something was taken out" in said(entries, records)


def test_the_newest_entries_dropped_together_with_their_records_are_missed_by_the_registry_alone():
    entries, records = chain()
    seen = Head(sequence=4, entry_hash=entries[-1].entry_hash)
    assert said(entries, records, seen) == ""
    entries.pop()
    del records["promotion"][4]
    assert said(entries, records) == ""
    assert "entry 4: the registry saw it" in said(entries, records, seen)


def test_a_chain_that_was_made_anew_has_another_head():
    entries, records = chain()
    seen = Head(sequence=2, entry_hash="f" * 64)
    assert "entry 2: the registry saw it with the hash ffffffffffffffff" in said(entries, records, seen)


def test_the_order_of_keys_and_the_zone_of_times_change_no_hash():
    tokyo = NOW.astimezone()
    assert canonical({"b": tokyo, "a": {2: "x"}}) == canonical({"a": {"2": "x"}, "b": NOW})
