"""The record of a decision: every trigger with its truth and its reason, and the verdict they led to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["retrain", "wait", "hold", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
    """One trigger: does it fire, and why or why not. `fired` is None where it cannot be known.

    A trigger that the declaration does not name, or that has nothing to go by, is not `applicable` and does not count.
    """

    name: str
    fired: bool | None
    reason: str
    applicable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided for a batch, and from what.

    A batch can be decided more than once (an event, a correction): `attempt` counts from 1 and the latest is valid.
    `cause` is what launched the decision. `retrospective` marks a batch older than the newest one decided; such a
    decision launches nothing. `state` is what a policy learned and reads back at the next decision.
    """

    model: str
    batch: str
    attempt: int
    verdict: Verdict
    reason: str
    cause: str
    triggers: tuple[TriggerState, ...]
    as_of: datetime
    decided_at: datetime
    champion_version: int | None
    retrospective: bool = False
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def fired(self) -> tuple[str, ...]:
        """Names of the triggers that fired and counted."""
        return tuple(trigger.name for trigger in self.triggers if trigger.fired and trigger.applicable)
