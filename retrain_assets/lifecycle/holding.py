"""Decisions that are held for a person: which is open, what was said to it, and how a person answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from retrain_assets.data.windows import Batch
from retrain_assets.errors import NotStoredError, RefusedError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.reasons import require_reason
from retrain_assets.policy.decision import Decision
from retrain_assets.policy.holds import open_hold
from retrain_assets.stores.protocols import Stores

Answer = Literal["resume", "reject"]
KINDS: dict[Answer, str] = {"resume": "hold_resumed", "reject": "hold_rejected"}
"""Outbox kinds of the answers; each is a cause to decide."""
HELD = "held"
"""Outbox kind that tells of a hold, for whoever alarms persons."""


def said_to(stores: Stores, model: DeclaredModel, hold: Decision, answer: Answer, *, until: int) -> tuple[str, ...]:
    """What persons answered since the hold began."""
    after = int(hold.state.get("outbox_id", 0))
    rows = stores.state.outbox(after=after, model=model.name, kinds=[KINDS[answer]], limit=10_000)
    return tuple(str(row.payload.get("text", "")) for row in rows if row.id <= until)


def rejected_until(stores: Stores, model: DeclaredModel, decisions: Sequence[Decision]) -> int:
    """The outbox row of the newest rejection that counted: who rejects a retrain answers all that asked for it before.

    What was asked afterwards is not answered by it, even where the decision that tells of the rejection saw it.
    """
    counted = [made for made in decisions if not made.retrospective and made.state.get("hold_answer") == "rejected"]
    if not counted:
        return 0
    rows = stores.state.outbox(model=model.name, kinds=[KINDS["reject"]], limit=1_000_000)
    return max((row.id for row in rows if row.id <= int(counted[-1].state.get("outbox_id", 0))), default=0)


def largest_drift(stores: Stores, model: DeclaredModel, batch: Batch) -> float | None:
    """The largest drift score of all batches before one; None where the declaration does not ask, or none is known."""
    if model.spec.retrain.hold_beyond is None:
        return None
    try:
        table = stores.tables.read(model.table("drift_report"))
    except NotStoredError:
        return None
    scores = table.loc[(table["column"] == "") & (table["ra_batch"] < batch.key), "score"].dropna()
    return float(scores.max()) if len(scores) else None


def tell(stores: Stores, decision: Decision, *, now: datetime) -> None:
    """Tells of a hold once, when it begins."""
    if decision.verdict == "hold" and decision.state.get("hold") == decision.batch:
        payload = {"reason": decision.reason, "attempt": decision.attempt}
        stores.state.append_outbox(
            HELD, decision.model, batch=decision.batch, payload=payload, key=decision.batch, now=now
        )


def answer_hold(
    stores: Stores, model: DeclaredModel, answer: Answer, *, person: str, reason: str, now: datetime
) -> Decision:
    """Records a person's answer to the open hold, which asks for a new decision; returns the decision it answers.

    Raises:
        RefusedError: nothing is held, it was rejected and is to be resumed, or the reason is blank.
    """
    require_reason(reason)
    hold = open_hold(stores.state.decisions(model.name))
    if hold is None:
        raise RefusedError(f"no retrain of {model.name} is held for a person: there is nothing to {answer}")
    rejected = said_to(stores, model, hold, "reject", until=stores.state.last_outbox_id())
    if answer == "resume" and rejected:
        raise RefusedError(
            f"the retrain of {model.name} that {hold.batch} held was rejected already ({rejected[-1]}), and the next "
            "decision will say so: nothing was recorded. To train all the same, ask for it "
            f"(retrain-assets retrain {model.name} --reason ...)"
        )
    payload = {"text": f"{person}: {reason}"}
    stores.state.append_outbox(KINDS[answer], model.name, batch=hold.batch, payload=payload, now=now)
    return hold
