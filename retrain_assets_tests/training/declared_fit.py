"""A declared model fitted on real batches of its own, as its first retrain fits it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from retrain_assets.data.contracts import Accepted
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.training.trainer import FittedModel, train


def fitted_on(model: DeclaredModel, results: Iterable[Accepted]) -> FittedModel:
    """The model of the rows that may train and have a label; they must be as many as it asks for."""
    checked = list(results)
    rows = pd.concat([result.accepted for result in checked], ignore_index=True)
    labels = pd.concat([result.outcomes for result in checked]).set_index("ra_row_id")[model.spec.target.column]
    truth = rows["ra_row_id"].map(labels)
    usable = ~rows["ra_reserved"] & truth.notna()
    assert usable.sum() >= model.spec.window.min_rows, "the first model would wait for more"
    return train(model.spec, rows[usable].drop(columns="ra_reserved"), truth[usable], source=model.transform())
