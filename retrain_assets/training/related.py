"""The inputs of which the relation to the outcome is followed from batch to batch."""

from __future__ import annotations

import pandas as pd

from retrain_assets.spec import ModelSpec


def related_inputs(spec: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Validated columns, without what identifies a row, without its time, and without personal data."""
    left_out = {spec.event_time, *spec.row_id, *spec.personal_columns}
    return rows[[name for name in rows.columns if name not in left_out and not str(name).startswith("ra_")]]
