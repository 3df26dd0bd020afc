"""What each input adds to the scores of single rows, where it is declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from retrain_assets.drift.reference import ReferenceProfile
from retrain_assets.errors import DataError
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.training.attribution import attributions

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """Attributions of some rows, or why there are none; neither where they are not declared.

    Args:
        values: a column for each input, a row for each row that was looked at.
        refused: why there are none.
    """

    values: pd.DataFrame | None = None
    refused: str | None = None


def attributions_of(
    model: DeclaredModel,
    pipeline: BaseEstimator,
    classes: Sequence[Any],
    reference: ReferenceProfile,
    rows: pd.DataFrame,
) -> Attributed:
    """Of rows of a batch, with or without their label, against values of the reference of the version."""
    spec = model.spec.drift
    if "attribution" not in spec.outputs:
        return Attributed()
    rows = rows.drop(columns="label", errors="ignore")
    try:
        values = attributions(pipeline, rows, reference.columns(spec.columns), classes=classes)
    except DataError as error:
        # Rows that cannot be may be refused; the words of the refusal may quote one.
        kind = type(error.__cause__ or error).__name__
        return Attributed(
            refused=f"the model refuses rows in which a value is replaced by one of the reference ({kind})"
        )
    if values.empty:
        return Attributed(refused="no column of the batch is one of which the reference shows values")
    return Attributed(values=values)
