"""`personal_columns`: what contradicts that a column's values are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrain_assets.errors import did_you_mean

if TYPE_CHECKING:
    from retrain_assets.spec.model import ModelSpec

_LEARNED_BY_VALUE = ("string", "category")
Contradiction = tuple[str, str, str]
"""Field, message, and the other field that takes part."""


def personal_problems(spec: ModelSpec) -> Iterator[Contradiction]:
    """Every contradiction of the personal columns with the rest of a declaration."""
    for index, name in enumerate(spec.personal_columns):
        field = f"personal_columns[{index}]"
        yield from _shown_everywhere(spec, field, name)
        yield from _unknown(spec, field, name)
        yield from _learned(spec, field, name)
        if name in spec.retrain.slices:
            yield (
                "retrain.slices",
                f"must not name the personal column '{name}': the ledger names slices by value",
                field,
            )
        if name in (spec.drift.columns or ()):
            message = f"must not name the personal column '{name}': profiles and drift reports show values"
            yield "drift.columns", message, field


def _shown_everywhere(spec: ModelSpec, field: str, name: str) -> Iterator[Contradiction]:
    if name == spec.event_time:
        yield field, f"must not be the event time (got '{name}'): every report tells of times", "event_time"
    if name == spec.target.column and spec.task == "classification":
        message = f"must not be the target of a classification (got '{name}'): its classes stand in every report"
        yield field, message, "target.column"


def _unknown(spec: ModelSpec, field: str, name: str) -> Iterator[Contradiction]:
    if isinstance(spec.schema_, dict):
        known = {*spec.schema_, *(column for _, column in spec.named_columns()), spec.target.column}
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"must be a column of the schema, or one that the declaration names (got '{name}').{hint}"
            yield field, message, "schema"


def _learned(spec: ModelSpec, field: str, name: str) -> Iterator[Contradiction]:
    declared = spec.schema_.get(name) if isinstance(spec.schema_, dict) else None
    chosen = name in (spec.features.columns or ()) and spec.features.transform is None
    if chosen and declared is not None and declared.type in _LEARNED_BY_VALUE:
        message = (
            f"must not name the personal column '{name}': the encoder would write its values into the model. "
            "Derive a feature from it in a transform"
        )
        yield "features.columns", message, field
