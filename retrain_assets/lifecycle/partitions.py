"""The rows of one batch of a table."""

from __future__ import annotations

import pandas as pd

from retrain_assets.data.windows import Batch
from retrain_assets.lifecycle.model import DeclaredModel
from retrain_assets.stores.protocols import Stores


def rows_of_batch(stores: Stores, model: DeclaredModel, asset: str, batch: Batch) -> pd.DataFrame:
    """As they were written.

    Raises:
        NotStoredError: the table has no such batch.
    """
    rows = stores.tables.read(model.table(asset), [batch.key])
    del rows["ra_batch"]  # in place: the frame is ours, and `drop` would copy it
    return rows
