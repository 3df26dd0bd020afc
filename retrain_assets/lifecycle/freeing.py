"""What of the stored history nobody needs any more: shown first, then freed.

Pinned are the newest version of each table, every version that the training set of a registered version reads
(`retrain-assets reproduce` must find it), the newest delivery of each batch, and each delivery of a batch that a
registered version read in another form than the newest. What another model refers to is never freed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.lifecycle.training_window import READ_TABLES, stored_training_sets
from retrain_assets.stores.protocols import FreedFiles, Stores, TableCommit

TABLES = (
    "validated", "quarantine", "profile", "drift_report", "predictions", "labels", "performance", "retrain_decision",
    "training_set", "evaluation_report",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeable:
    """What would go, or went, of one model: files by table, deliveries; and by which versions the rest is pinned."""

    model: str
    tables: Mapping[str, FreedFiles]
    blobs: tuple[str, ...]
    blob_bytes: int
    pinned_by: tuple[int, ...]
    pinned_table_versions: int

    @property
    def files(self) -> int:
        """All files."""
        return len(self.blobs) + sum(freed.files for freed in self.tables.values())

    @property
    def bytes(self) -> int:
        """Their size."""
        return self.blob_bytes + sum(freed.bytes for freed in self.tables.values())


def freeable(stores: Stores, model: DeclaredModel) -> Freeable:
    """What nobody needs any more. Nothing is changed."""
    return _freed(stores, model, dry_run=True)


def free(stores: Stores, model: DeclaredModel, *, actor: str, now: datetime) -> Freeable:
    """Frees it; outbox kind `freed`. The caller holds the model's lease. Killed on the way, the next call goes on.

    Raises:
        StoreError: a store is out of reach.
    """
    freed = _freed(stores, model, dry_run=False)
    if freed.files:
        payload = {"files": freed.files, "bytes": freed.bytes, "actor": actor}
        stores.state.append_outbox("freed", model.name, payload=payload, now=now)
    return freed


def _freed(stores: Stores, model: DeclaredModel, *, dry_run: bool) -> Freeable:
    frozen = _needed_sets(stores, model)
    pinned = {asset: sorted({each.table_versions[asset] for each in frozen}) for asset in READ_TABLES}
    # Before a table is freed: afterwards its old commits are still told by the log, but nobody could read them.
    blobs = tuple(sorted(_unneeded_blobs(stores, model, frozen)))
    sizes = [stores.blobs.size(blob) for blob in blobs]
    tables = {
        asset: stores.tables.free(model.table(asset), keep=pinned.get(asset, ()), dry_run=dry_run) for asset in TABLES
    }
    if not dry_run:
        for blob in blobs:
            stores.blobs.delete(blob)
    present = tuple(blob for blob, size in zip(blobs, sizes, strict=True) if size)
    return Freeable(
        model=model.name,
        tables=tables,
        blobs=present,
        blob_bytes=sum(sizes),
        pinned_by=tuple(version.version for version in stores.state.model_versions(model.name)),
        pinned_table_versions=sum(len(versions) for versions in pinned.values()),
    )


def _needed_sets(stores: Stores, model: DeclaredModel) -> list[TrainingSet]:
    """The frozen training sets of registered versions, and the newest one of each batch, which a retrain may be at."""
    registered = {(made.batch, made.attempt, made.data_hash) for made in stores.state.model_versions(model.name)}
    newest = {frozen.batch: frozen for frozen in stored_training_sets(stores, model)}
    return [
        frozen
        for frozen in stored_training_sets(stores, model)
        if (frozen.batch, frozen.attempt, frozen.data_hash) in registered or newest[frozen.batch] == frozen
    ]


def _unneeded_blobs(stores: Stores, model: DeclaredModel, frozen: list[TrainingSet]) -> set[str]:
    arrivals = stores.state.arrivals(model.name)
    reads = stores.state.outbox(model=model.name, kinds=["labels_read"], limit=1_000_000)
    kept = _read_otherwise(stores, model, frozen)
    newest = {arrival.batch: arrival for arrival in arrivals}
    newest_read = {row.batch: row for row in reads}
    needed: set[str] = set()
    for arrival in arrivals:
        if arrival.batch in kept or newest[arrival.batch] == arrival:
            needed |= {part.content_hash for part in arrival.parts}
    for row in reads:
        if row.batch in kept or newest_read[row.batch] == row:
            needed |= set(row.payload["parts"].values())
    others = (name for name in stores.state.models() if name != model.name)
    elsewhere: set[str] = set().union(*(_referred(stores, name) for name in others))
    return _referred(stores, model.name) - needed - elsewhere


def _referred(stores: Stores, model: str) -> set[str]:
    """All blobs that a model's deliveries and label files ever named."""
    raw = {part.content_hash for arrival in stores.state.arrivals(model) for part in arrival.parts}
    reads = stores.state.outbox(model=model, kinds=["labels_read"], limit=1_000_000)
    return raw.union(*(row.payload["parts"].values() for row in reads))


def _read_otherwise(stores: Stores, model: DeclaredModel, frozen: Iterable[TrainingSet]) -> set[str]:
    """Batches that a registered version read in another form than they have now."""
    found: set[str] = set()
    for asset in READ_TABLES:
        newest = stores.tables.commits(model.table(asset))
        for each in frozen:
            then = stores.tables.commits(model.table(asset), version=each.table_versions[asset])
            read = {*each.batches, *each.holdout_batches} & then.keys()
            found |= {key for key in read if _differs(then[key], newest.get(key))}
    return found


def _differs(then: TableCommit, now: TableCommit | None) -> bool:
    return now is None or then.content_hash != now.content_hash
