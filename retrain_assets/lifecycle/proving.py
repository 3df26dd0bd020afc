"""The proof that a version can serve: loaded from the registry, past any cache, it scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets.training.predict import predict


def prove(
    stores: Stores,
    model: DeclaredModel,
    version: ModelVersion,
    rows: pd.DataFrame,
    *,
    expected: ModelBundle | None = None,
) -> tuple[bool, str]:
    """Loads a version from the registry, past any cache, and scores rows as the fitted pipeline does."""
    bundle = stores.registry.load(version, cached=False)
    classes = bundle.manifest.classes
    scores = predict(bundle.pipeline, rows, task=model.spec.task, classes=classes).values
    if expected is not None:
        fitted = predict(expected.pipeline, rows, task=model.spec.task, classes=classes).values
        if not np.array_equal(scores, fitted):
            return False, f"{version} scores {len(rows)} rows otherwise than the pipeline that was fitted"
    return True, f"{version} was loaded from the registry and scored {len(rows)} rows"
