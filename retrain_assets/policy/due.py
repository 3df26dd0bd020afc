"""Since when a due date is unanswered: what a limit, a hold or missing knowledge kept from acting on is not lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from retrain_assets.data.windows import Batch
from retrain_assets.policy.decision import Decision


def due_since(made: Sequence[Decision], batch: Batch, start_of: Callable[[str], datetime]) -> datetime:
    """From when on a date that came due still counts at a decision of the batch.

    It goes back over the batches whose decisions left the matter open: a retrain was asked for, but a limit bound it or
    it was held, or whether to retrain could not be known. A retrain settles all that was due before it, and so do a
    person who rejected it and a condition that was false: `drift & schedule` asks on the date alone. Where this batch
    itself was settled that way, nothing of it is due any more.

    Args:
        made: Earlier decisions, in the order in which they were made.
        batch: The batch that is decided.
        start_of: The start of a batch by its key.
    """
    valid = [each for each in made if not each.retrospective and each.batch <= batch.key]
    settled = {each.batch for each in valid if each.verdict == "retrain" or each.state.get("hold_answer") == "rejected"}
    if batch.key in settled:
        return batch.end
    latest = {each.batch: each for each in valid if each.batch < batch.key}
    since = batch.start
    for key in sorted(latest, reverse=True):
        if key in settled or latest[key].state.get("wanted") is False:
            break
        since = start_of(key)
    return since
