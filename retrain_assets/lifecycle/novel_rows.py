"""How unlike the reference of a version each row is, where it is declared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.lifecycle.model import DeclaredModel


def novelty_of(model: DeclaredModel, reference: ReferenceProfile, rows: pd.DataFrame) -> np.ndarray | None:
    """One score for each row; None where `drift.outputs` does not name the novelty."""
    spec = model.spec.drift
    return reference.novelty(spec.columns).scores(rows) if "novelty" in spec.outputs else None
