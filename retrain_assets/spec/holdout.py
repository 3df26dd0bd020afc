"""`promote.holdout`: rows strictly newer than what any model was fitted on, kept to judge by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from retrain_assets.spec.durations import format_duration

if TYPE_CHECKING:
    from retrain_assets.spec.model import ModelSpec
    from retrain_assets.spec.promote import PromoteSpec

HOLDOUT = (
    "So much of the newest matured time no candidate trains on: all of its rows judge, strictly newer than what any of "
    "the models was fitted on. `retrain.cooldown` must be as long. Default: none; the reserved rows of "
    "`window.holdout_batches` judge."
)
_LONGEST = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=31),
}


def holdout_batches(spec: ModelSpec) -> int:
    """How many batches judge a candidate."""
    if spec.promote.holdout is None:
        return spec.window.holdout_batches
    return max(1, spec.promote.holdout // _LONGEST[spec.batches.every])


def more_rows_to_judge(promote: PromoteSpec) -> str:
    """What to change in a declaration so that rows enough judge a candidate."""
    return (
        f"raise {'window.holdout_batches' if promote.holdout is None else 'promote.holdout'}, or lower promote.min_rows"
    )


def kept_from_training(spec: ModelSpec) -> dict[str, Any]:
    """What the holdout adds to what decides how a model is trained; nothing where none is declared."""
    return {} if spec.promote.holdout is None else {"holdout": spec.promote.holdout.total_seconds()}


def holdout_problems(spec: ModelSpec) -> Iterator[tuple[str, str, str]]:
    """Field, message and other field of what a declared holdout contradicts."""
    span = spec.promote.holdout
    if span is None:
        return
    longest = _LONGEST[spec.batches.every]
    said, cooldown = format_duration(span), spec.retrain.cooldown
    if span < longest:
        message = f"must span at least one batch, {format_duration(longest)} (got {said})"
        yield "promote.holdout", message, "batches.every"
    if cooldown < span:
        message = f"must be at least promote.holdout, {said} (got {format_duration(cooldown)}): "
        message += "else the rows by which the champion was picked judge the next candidate too"
        yield "retrain.cooldown", message, "promote.holdout"
    if "holdout_batches" in spec.window.model_fields_set:
        yield (
            "window.holdout_batches",
            "must not be set beside promote.holdout, which says how much of the newest time judges",
            "promote.holdout",
        )
