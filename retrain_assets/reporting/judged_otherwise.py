"""Refused batches that another declaration judged than that of now: nothing validates them again by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from retrain_assets.stores.protocols import Step

CONTRACT = "contract"
"""Key of the detail of a refused watch: by which contract the batch was judged."""


def judged_otherwise(spec: ModelSpec, steps: Sequence[Step]) -> str | None:
    """Which they are and what validates them; None where there are none, or nobody wrote down how they were judged."""
    newest = {step.batch: step for step in steps if step.job == "watch"}
    now = spec.contract_hash()
    found = sorted(
        batch for batch, step in newest.items() if step.outcome == "refused" and step.detail.get(CONTRACT, now) != now
    )
    if not found:
        return None
    told = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
    if len(found) == 1:
        again = f"`retrain-assets run {spec.name} --batch {told}` validates it again"
        return f"1 refused batch was judged by another declaration ({told}): {again}"
    again = f"`retrain-assets run {spec.name} --batch KEY` validates one again"
    return f"{len(found)} refused batches were judged by another declaration ({told}): {again}"
