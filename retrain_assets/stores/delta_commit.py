"""One commit of a partition, as the log of a table in Delta Lake tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain_assets.stores.protocols import TableCommit


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One commit as the log tells it; `kinds` are the columns with their types, `token` is unique to the write."""

    commit: TableCommit
    kinds: Mapping[str, str]
    token: str

    def to_metadata(self) -> dict[str, str]:
        """What the commit says of itself in the log."""
        metadata = {
            "ra.partition": self.commit.partition,
            "ra.content_hash": self.commit.content_hash,
            "ra.rows": str(self.commit.rows),
            "ra.columns": json.dumps(dict(self.kinds)),
            "ra.token": self.token,
        }
        return metadata | ({} if self.commit.run_id is None else {"ra.run_id": self.commit.run_id})

    @classmethod
    def from_log(cls, table: str, raw: Mapping[str, Any]) -> Written | None:
        """Read back from the log, which has its version too; None of a commit that wrote no partition."""
        if "ra.partition" not in raw:
            return None
        return cls(
            commit=TableCommit(
                table=table,
                partition=raw["ra.partition"],
                version=raw["version"],
                content_hash=raw["ra.content_hash"],
                rows=int(raw["ra.rows"]),
                run_id=raw.get("ra.run_id"),
                changed=True,
            ),
            kinds=json.loads(raw["ra.columns"]),
            token=raw["ra.token"],
        )
