"""What is drawn whole where an interval is resampled: entities, batches, or single rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.spec import PromoteSpec


def blocks_of(report: EvaluationReport, rows: pd.DataFrame, spec: PromoteSpec) -> npt.NDArray[np.intp] | None:
    """What is drawn whole, as numbers, shape (rows,); None for single rows."""
    if report.resampled == "rows":
        return None
    return pd.factorize(rows["ra_batch"])[0] if report.resampled == "batches" else entities_of(rows, spec)


def entities_of(rows: pd.DataFrame, spec: PromoteSpec) -> npt.NDArray[np.intp] | None:
    """The number of each row's entity; a row without one is an entity of its own. None where none is declared."""
    if spec.draw_together is None:
        return None
    found = pd.factorize(rows[spec.draw_together])[0]
    alone = found < 0
    return np.where(alone, found.max(initial=-1) + np.cumsum(alone), found)
