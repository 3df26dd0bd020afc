"""Drift episodes: one cause alarms once.

A drift verdict opens an episode. A decision acknowledges it, whatever the gate says later. It closes when a batch is
green again, and it re-arms (alarms once more) when its score has grown by the declared factor since the acknowledgement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch of drift; `id` is `<first batch>` of the stretch against one champion version."""

    model: str
    id: str
    champion_version: int
    opened_batch: str
    last_batch: str
    score: float
    acknowledged_batch: str | None = None
    acknowledged_score: float | None = None
    closed_batch: str | None = None

    def alarming(self, rearm_growth: float) -> bool:
        """Open, and either not acknowledged or grown by the factor since."""
        if self.closed_batch is not None:
            return False
        if self.acknowledged_score is None:
            return True
        return self.score >= self.acknowledged_score * rearm_growth

    def acknowledged(self, batch: str) -> Episode:
        """The episode after a decision that saw it."""
        return replace(self, acknowledged_batch=batch, acknowledged_score=self.score)
