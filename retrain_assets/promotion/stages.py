"""The stages of a version's life and the moves between them that are legal.

```
candidate -> challenger -> shadow -> canary -> champion -> retired
```

A stage can be skipped forwards; any version can be retired. A champion that was rolled back is `rolled_back`, not
`retired`: the platform promotes or recalls it no more by itself until a person clears it. From `retired` a version
returns as champion by a recall or a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retrain_assets.errors import RefusedError

Stage = Literal["candidate", "challenger", "shadow", "canary", "champion", "retired", "rolled_back"]

LEGAL: Mapping[Stage, frozenset[Stage]] = {
    "candidate": frozenset({"challenger", "shadow", "canary", "champion", "retired"}),
    "challenger": frozenset({"shadow", "canary", "champion", "retired"}),
    "shadow": frozenset({"canary", "champion", "retired"}),
    "canary": frozenset({"champion", "retired"}),
    "champion": frozenset({"retired", "rolled_back"}),
    "retired": frozenset({"challenger", "champion"}),
    "rolled_back": frozenset({"retired", "champion"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMove:
    """A version came into a stage; `previous` is None for the first that is known of it."""

    model: str
    version: int
    stage: Stage
    previous: Stage | None
    actor: str
    reason: str
    moved_at: datetime


def stages(moves: Sequence[StageMove]) -> dict[int, Stage]:
    """Where each version stands, by moves in the order in which they were made."""
    return {move.version: move.stage for move in moves}


def require_legal(model: str, version: int, previous: Stage | None, stage: Stage) -> None:
    """Refuses a move that no version may make; of a version without any record every move is its first.

    >>> require_legal("sales", 3, "champion", "retired")

    Raises:
        RefusedError: the move is not legal.
    """
    if previous is None or stage in LEGAL[previous]:
        return
    allowed = ", ".join(sorted(LEGAL[previous]))
    raise RefusedError(f"{model} v{version} is {previous} and cannot become {stage}: from there it goes to {allowed}")
