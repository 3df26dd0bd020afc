"""Which columns of validated rows are left out of profiles, and so of drift."""

from __future__ import annotations

from retrain_assets.spec import ModelSpec


def unprofiled_columns(spec: ModelSpec) -> list[str]:
    """Columns that say nothing, or whose values a profile must not show."""
    return [*_identifiers(spec), *spec.personal_columns]


def _identifiers(spec: ModelSpec) -> list[str]:
    """A column that alone identifies a row: a running number always drifts, and says nothing."""
    wanted = {*(spec.features.columns or ()), *(spec.drift.columns or ())}
    return [name for name in spec.row_id if name not in wanted] if len(spec.row_id) == 1 else []
