"""What champions have lost on the first batch after their training, from what was measured of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from retrain_assets.lifecycle.history import holdout_of, losses_in
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.lifecycle.records import TrainingSet
from retrain_assets.policy.first_losses import NEWEST, FirstLoss
from retrain_assets.promotion.log import Promotion, bars_who_leaves
from retrain_assets.stores.protocols import Stores


def first_losses(
    stores: Stores,
    model: DeclaredModel,
    current: Promotion | None,
    trained: Sequence[TrainingSet],
    measured: pd.DataFrame,
    *,
    as_of: datetime,
) -> tuple[FirstLoss, ...]:
    """Of the newest champions that the current one's declaration made, itself among them, oldest first.

    Args:
        stores: where promotions and versions are.
        model: whose champions they are.
        current: the champion in force; None while the model is bootstrapping.
        trained: the training sets, which know their rows.
        measured: the performance table.
        as_of: the cutoff.
    """
    if current is None:
        return ()
    rows = {(made.batch, made.attempt): made.rows for made in trained}
    found: list[FirstLoss] = []
    for promotion in _champions(stores, model, current, as_of):
        count, holdout = rows.get((promotion.batch or "", promotion.attempt or 0)), holdout_of(promotion)
        own = losses_in(measured, model, promotion.version, promotion.training_end, as_of=as_of)
        if count is not None and holdout is not None and own:
            found.append(FirstLoss(version=promotion.version, loss=own[0], holdout=holdout, trained_rows=count))
    return tuple(found)


def _champions(stores: Stores, model: DeclaredModel, current: Promotion, as_of: datetime) -> list[Promotion]:
    log = [promotion for promotion in stores.state.promotions(model.name) if promotion.as_of <= as_of]
    by_id = {promotion.id: promotion.version for promotion in log}
    left = {by_id.get(made.previous_id or 0) for made in log if bars_who_leaves(made)} - {current.version}
    made_by = {known.version: known.training_hash for known in stores.state.model_versions(model.name)}
    alike = {
        promotion.version: promotion
        for promotion in reversed(log)
        if promotion.version not in left and made_by.get(promotion.version) == made_by.get(current.version)
    }
    return list(reversed(alike.values()))[-NEWEST:]
