"""Whether an expression of triggers can fire in a replay at all: what never could is told, not shown as no retrain."""

from __future__ import annotations

from collections.abc import Mapping

from retrain_assets.replay.stream import EVENT_TIME
from retrain_assets.spec import TRIGGERS, ModelSpec
from retrain_assets.spec.expressions import age_limit, parse_expression
from retrain_assets.spec.firing import can_fire

SILENT: Mapping[str, str] = {
    "event": "a history holds no business events",
    "person": "a history holds no persons",
    "freshness": "it counts wall time, and a replay has none",
    "changed_declaration": "the declaration of a replay is one",
}
"""Triggers that no replay can fire, and why; they count as not fired."""


def require_fireable(when: str, spec: ModelSpec) -> None:
    """An expression that a replay of the declaration can fire.

    Raises:
        ValueError: it cannot be read, or can never be true: as such, or because of what a replay or the declaration
            lacks.
    """
    expression = parse_expression(when, TRIGGERS)
    names = expression.names()
    if not can_fire(expression, model_age=spec.freshness.model_age):
        raise ValueError(f"can never be true, whatever happens: {when!r}")
    needs = {
        "model_age": ("freshness.model_age", spec.freshness.model_age),
        "schedule": ("retrain.schedule", spec.retrain.schedule),
        "slice_decay": ("retrain.slices, the columns whose values are watched", spec.retrain.slices or None),
    }
    for name, (field, value) in needs.items():
        if name in names and value is None:
            raise ValueError(f"needs {field}: replay a model that declares them, with --model, to try {name}")
    aged = sorted(name for name in names if age_limit(name) is not None)
    if aged and spec.event_time == EVENT_TIME:
        raise ValueError(f"counts time ({aged[0]}), which the batches of a file have none of: every:N counts batches")
    silent = names & SILENT.keys()
    if not can_fire(expression, model_age=spec.freshness.model_age, never=silent):
        why = "; ".join(f"{name}: {SILENT[name]}" for name in sorted(silent))
        raise ValueError(f"can never fire in a replay ({why}): leave it out")
