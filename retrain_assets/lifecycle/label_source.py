"""Labels from a source of their own: what it delivers for a batch, kept and parsed like the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from retrain_assets.data.reading import read_part
from retrain_assets.data.windows import Batch
from retrain_assets.errors import UnreadableFileError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Source, Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFiles:
    """The parsed files, and why the others cannot be read: those bring no labels until they are mended."""

    frames: tuple[tuple[str, pd.DataFrame], ...]
    unreadable: tuple[str, ...]


def read_label_files(
    stores: Stores, source: Source, model: DeclaredModel, batch: Batch, *, now: datetime, run_id: str
) -> LabelFiles:
    """Reads what the label source has for a batch and keeps the original bytes.

    The outbox row `labels_read` names the parts by their hashes, and up to which delivery was read.
    """
    seen = [
        row.id
        for row in stores.state.outbox(model=model.name, kinds=["labels_seen"], limit=1_000_000)
        if row.batch == batch.key
    ]
    declared = model.spec.target.labels
    reading = {} if declared is None else model.reading(declared)
    frames: list[tuple[str, pd.DataFrame]] = []
    unreadable: list[str] = []
    parts: dict[str, str] = {}
    for file in source.read(batch):
        parts[file.name] = stores.blobs.put(file.content)
        try:
            frames.append((file.name, read_part(file.name, file.media_type, file.content, **reading)))
        except UnreadableFileError as error:
            unreadable.append(str(error))
    stores.state.append_outbox(
        "labels_read",
        model.name,
        batch=batch.key,
        payload={"seen_id": max(seen, default=0), "parts": parts, "unreadable": unreadable, "run_id": run_id},
        now=now,
    )
    return LabelFiles(frames=tuple(frames), unreadable=tuple(unreadable))
