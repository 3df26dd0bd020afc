"""The inputs of which the relation to the outcome is followed from batch to batch."""

from __future__ import annotations

import pandas as pd

from retrain_assets.spec import ModelSpec


def with_score(spec: ModelSpec, rows: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """These inputs with what a model said of each row, in the order of the rows' ids, which says nothing."""
    scores = scored.drop_duplicates("ra_row_id").set_index("ra_row_id")["score"].astype("float64")
    ordered = rows.sort_values("ra_row_id")
    made = related_inputs(spec, ordered).reset_index(drop=True)
    return made.assign(ra_score=scores.reindex(ordered["ra_row_id"]).to_numpy())


def related_inputs(spec: ModelSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Validated columns, without what identifies a row, without its time, and without personal data."""
    left_out = {spec.event_time, *spec.row_id, *spec.personal_columns}
    return rows[[name for name in rows.columns if name not in left_out and not str(name).startswith("ra_")]]
