"""The promotion log: the truth about who is champion, as an append-only chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

PromotionAction = Literal["promote", "adopt", "rollback", "recall"]
"""`rollback`: back to an earlier champion, whose `batch`, `attempt`, `training_end` and evidence the link repeats.
`recall`: the gate found an earlier champion better than the candidate and than the one in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One link of the chain: from `as_of` on, `version` is the champion.

    `previous_id` is the promotion that it replaced (None for the first); at most one promotion may name a given
    predecessor, so that of two at once one loses. `batch` and `attempt` name the training partition, `evidence` the
    evaluation that allowed it.
    """

    id: int
    model: str
    version: int
    action: PromotionAction
    previous_id: int | None
    batch: str | None
    attempt: int | None
    as_of: datetime
    training_end: datetime
    actor: str
    reason: str
    promoted_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def caused_by(self) -> tuple[str, int]:
        """Batch and attempt whose evaluation led to it; of a recall not those of the version that it names."""
        recalled = self.evidence.get("recalled")
        if recalled is not None:
            return recalled["batch"], recalled["attempt"]
        return self.batch or "", self.attempt or 0


def bars_who_leaves(promotion: Promotion) -> bool:
    """Whether the champion that leaves may not come back by itself: by a rollback, unless a person said otherwise."""
    rolled_back: Mapping[str, Any] = promotion.evidence.get("rolled_back", {})
    return promotion.action == "rollback" and not rolled_back.get("may_return", False)


def earlier_champions(log: Sequence[Promotion]) -> tuple[Promotion, ...]:
    """The promotions of the versions that were champion before the one in force, the latest first, each once."""
    current = log[-1].version if log else None
    newest = {promotion.version: promotion for promotion in log if promotion.version != current}
    return tuple(sorted(newest.values(), key=lambda promotion: promotion.id, reverse=True))


def champion_as_of(log: Sequence[Promotion], moment: datetime) -> Promotion | None:
    """The promotion in force at a moment of batch time; `log` is in the order of promotion."""
    in_force = [promotion for promotion in log if promotion.as_of <= moment]
    return in_force[-1] if in_force else None
