"""`raw`: keeping what a source delivered, and noticing what it has not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from retrain_assets.data.arrivals import Arrival, ArrivalKind, RawPart, without_rows
from retrain_assets.data.holding import holds_rows
from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.looks import shown_labels, shown_rows
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import Ingested
from retrain_assets.spec import FilesSource
from retrain_assets.spec.sources import AskedSource
from retrain_assets.stores.protocols import OutboxRow, RawFile, Stores

EMPTY_HASH = hashlib.sha256(b"").hexdigest()


def ingest(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str) -> Ingested:
    """Reads the batch from its source and keeps the original bytes, content-addressed.

    Safe to repeat: the same content is the same revision. Content that differs from every earlier delivery is a new
    revision (`changed`); one that was seen before is a `duplicate`; nothing to read is `empty`. The newest delivery is
    the valid one. A query or a callable that has no rows any more takes none away: what it answered before stays.
    """
    made, seen_id = _keep(stores, model, batch, now=now)
    _tell_if_decided_without(stores, model, batch, made.arrival, now=now)
    stores.state.append_outbox(
        "ingested",
        model.name,
        batch=batch.key,
        payload={
            "seen_id": seen_id, "revision": made.arrival.revision, "run_id": run_id,
            "empty": made.empty, "kept": made.kept,
        },
        now=now,
    )  # fmt: skip
    return made


def keep(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime) -> Ingested:
    """Reads and keeps the batch as `ingest` does, for one who is not its watch: that is still to come, in its turn."""
    return _keep(stores, model, batch, now=now)[0]


def _keep(stores: Stores, model: DeclaredModel, batch: Batch, *, now: datetime) -> tuple[Ingested, int]:
    """The delivery, and the number of the newest look at the source before it was read."""
    # What is seen after this look is read by a later run.
    see_sources(stores, model, [batch], now=now)
    seen = _seen(stores, model, batch)
    parts: dict[str, RawPart] = {}
    files = sorted(model.source.read(batch), key=lambda file: file.name)
    empty = not any(_holds_rows(model, file) for file in files)
    asked = isinstance(model.spec.source, AskedSource)
    earlier = stores.state.arrivals(model.name, batch.key)
    kept = earlier[-1] if asked and empty and earlier and not _is_hollow(earlier[-1], earlier) else None
    for file in () if kept else files:
        content_hash = stores.blobs.put(file.content)
        # A second file with the same bytes is the same delivery twice: it adds no rows.
        parts.setdefault(
            content_hash,
            RawPart(name=file.name, media_type=file.media_type, content_hash=content_hash, size=len(file.content)),
        )
    arrival = kept or _classify(
        stores, model, batch, tuple(parts.values()), empty=empty, deliveries=0 if asked else len(seen), now=now
    )
    stores.state.record_arrival(arrival)
    made = Ingested(
        arrival=arrival,
        empty=empty and kept is None,
        kept=kept is not None,
        uris=tuple(stores.blobs.uri(part.content_hash) for part in arrival.parts),
    )
    return made, max(seen, default=0)


def _tell_if_decided_without(
    stores: Stores, model: DeclaredModel, batch: Batch, arrival: Arrival, *, now: datetime
) -> None:
    """A batch that was decided by other content, or by none, is a cause to decide again."""
    steps = stores.state.steps(model.name, batch.key)
    watched = [step for step in steps if step.job == "watch" and step.outcome in ("done", "refused")]
    is_news = not watched or watched[-1].revision != arrival.revision
    if is_news and arrival.parts and any(made.batch == batch.key for made in stores.state.decisions(model.name)):
        key = f"{batch.key}/{len(stores.state.arrivals(model.name, batch.key))}"
        stores.state.append_outbox("redelivered", model.name, batch=batch.key, key=key, now=now)


def _is_hollow(arrival: Arrival, arrivals: list[Arrival]) -> bool:
    return (arrival.batch, arrival.revision) in without_rows(arrivals)


def _holds_rows(model: DeclaredModel, file: RawFile) -> bool:
    source = model.spec.source
    text = {"encoding": source.encoding, "separator": source.separator} if isinstance(source, FilesSource) else {}
    return holds_rows(file.media_type, file.content, **text)


def see_sources(stores: Stores, model: DeclaredModel, batches: Sequence[Batch], *, now: datetime) -> list[str]:
    """Writes one outbox row for each batch whose source shows something not seen before; returns those keys."""
    last = _last(stores, model, "batch_seen")
    empty = _empty(stores, model) if isinstance(model.spec.source, AskedSource) else frozenset[str]()
    shown = shown_rows(model, batches, last=last, empty=empty, now=now)
    return _see(stores, model, "batch_seen", shown, last, now)


def see_labels(stores: Stores, model: DeclaredModel, batches: Sequence[Batch], *, now: datetime) -> list[str]:
    """The same for a label source of its own: a label that comes or changes is a cause to settle its batch."""
    declared = model.spec.target.labels
    if model.label_source is None or (isinstance(declared, AskedSource) and not declared.recheck):
        return []
    last = _last(stores, model, "labels_seen")
    shown = shown_labels(model, model.label_source, batches, last=last, now=now)
    return _see(stores, model, "labels_seen", shown, last, now)


def _last(stores: Stores, model: DeclaredModel, kind: str) -> dict[str, OutboxRow]:
    """The newest row of a kind for each batch."""
    return {row.batch or "": row for row in stores.state.outbox(model=model.name, kinds=[kind], limit=1_000_000)}


def _empty(stores: Stores, model: DeclaredModel) -> set[str]:
    """Batches whose newest delivery holds no rows; of files the arrivals, one more read at every tick, need not say."""
    if not isinstance(model.spec.source, AskedSource):
        return {batch for batch, row in _last(stores, model, "ingested").items() if row.payload.get("empty")}
    arrivals = stores.state.arrivals(model.name)
    newest = {arrival.batch: arrival for arrival in arrivals}
    hollow = without_rows(arrivals)
    return {batch for batch, arrival in newest.items() if (batch, arrival.revision) in hollow}


def _see(
    stores: Stores,
    model: DeclaredModel,
    kind: str,
    shown: Mapping[str, str],
    last: Mapping[str, OutboxRow],
    now: datetime,
) -> list[str]:
    news: list[str] = []
    for key, fingerprint in sorted(shown.items()):
        before = last.get(key)
        if before is not None and before.payload["fingerprint"] == fingerprint:
            continue
        # What was there before may come back: it is news after what came between.
        told = f"{key}/{fingerprint}" if before is None else f"{key}/{fingerprint}/{before.id}"
        row = stores.state.append_outbox(
            kind, model.name, batch=key, payload={"fingerprint": fingerprint}, key=told, now=now
        )
        if row is not None:
            news.append(key)
    return news


def declare(stores: Stores, model: DeclaredModel, *, now: datetime) -> datetime:
    """The moment at which this installation first saw the model; batches that were due before are history."""
    training_hash = model.training_hash()
    rows = stores.state.outbox(model=model.name, kinds=["declared"], limit=1_000_000)
    if not rows or rows[-1].payload["training_hash"] != training_hash:
        # Every row after the first is a changed declaration, a cause to decide.
        stores.state.append_outbox("declared", model.name, payload={"training_hash": training_hash}, now=now)
    return rows[0].recorded_at if rows else now


def note_missing(stores: Stores, model: DeclaredModel, *, now: datetime) -> list[str]:
    """Records as missing each batch that should have arrived by now and has not; returns the keys that are new.

    A batch is due at its window's end plus the declared tolerance; a delivery without rows is none. Windows that
    closed before the model was declared here are history: of those only a gap, a batch with a later one there, is
    missing.
    """
    declared_at = declare(stores, model, now=now)
    rows, empty = _last(stores, model, "missing"), _empty(stores, model)
    # What a clock told that has gone back since is told again when its time comes.
    told = {batch for batch, row in rows.items() if row.recorded_at <= now}
    seen = _last(stores, model, "batch_seen").keys()
    newest = max(seen | told, default="")
    tolerance = model.spec.batches.tolerance
    absent = [
        batch
        for batch in model.calendar.until(now - tolerance)
        if batch.key not in told
        and (batch.key not in seen or batch.key in empty)
        and not (batch.end + tolerance <= declared_at and batch.key > newest)
    ]
    arriving = model.source.arriving(absent) if absent else frozenset[str]()
    missing: list[str] = []
    for batch in absent:
        payload = {"due": (batch.end + tolerance).isoformat(), "empty": batch.key in empty}
        key = f"{batch.key}/{rows[batch.key].id}" if batch.key in rows else batch.key
        if batch.key not in arriving and (
            stores.state.append_outbox("missing", model.name, batch=batch.key, payload=payload, key=key, now=now)
            is not None
        ):
            missing.append(batch.key)
    return missing


def _classify(
    stores: Stores,
    model: DeclaredModel,
    batch: Batch,
    parts: tuple[RawPart, ...],
    *,
    empty: bool,
    deliveries: int,
    now: datetime,
) -> Arrival:
    content_hash = _hash(parts)
    earlier = stores.state.arrivals(model.name, batch.key)
    same = next((arrival for arrival in reversed(earlier) if arrival.content_hash == content_hash), None)
    if same is not None and same is earlier[-1] and len(earlier) >= deliveries:
        return same
    if same is not None and same.kind == "duplicate" and same is not earlier[-1]:
        same = None  # it came back a second time, after other content: a revision like any other
    return Arrival(
        model=model.name,
        batch=batch.key,
        revision=same.revision if same is not None else max((a.revision for a in earlier), default=0) + 1,
        kind="duplicate" if same is not None else "empty" if empty else _kind(stores, model, batch, earlier, now),
        content_hash=content_hash,
        parts=parts,
        arrived_at=now,
    )


def _kind(stores: Stores, model: DeclaredModel, batch: Batch, earlier: list[Arrival], now: datetime) -> ArrivalKind:
    """What is unusual about rows that were never delivered before."""
    if not all(_is_hollow(arrival, earlier) for arrival in earlier):
        return "changed"
    due = batch.end + model.spec.batches.tolerance
    return "late" if declare(stores, model, now=now) < due < now else "on_time"


def _seen(stores: Stores, model: DeclaredModel, batch: Batch) -> list[int]:
    rows = stores.state.outbox(model=model.name, kinds=["batch_seen"], limit=1_000_000)
    return [row.id for row in rows if row.batch == batch.key]


def _hash(parts: tuple[RawPart, ...]) -> str:
    if not parts:
        return EMPTY_HASH
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.name}\0{part.content_hash}\0".encode())
    return digest.hexdigest()


def latest_arrival(stores: Stores, model: DeclaredModel, batch: Batch) -> Arrival | None:
    """The delivery that is valid for a batch; None when nothing was ingested."""
    arrivals = stores.state.arrivals(model.name, batch.key)
    return arrivals[-1] if arrivals else None
