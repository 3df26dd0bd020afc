"""A small declaration and clean rows for the tests of contracts, targets, labels and tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from retrain_assets.data.contracts import Contract
from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.spec import ModelSpec

COLUMNS: dict[str, dict[str, Any]] = {
    "at": {"type": "datetime"},
    "id": {"type": "int"},
    "speed": {"type": "float", "min": 0, "max": 10},
    "gust": {"type": "float", "nullable": True},
    "kind": {"type": "category", "values": ["a", "b"]},
    "code": {"type": "string", "pattern": "[a-z]+"},
    "count": {"type": "int", "nullable": True},
    "open": {"type": "bool"},
    "y": {"type": "int", "nullable": True},
}


def declared(**changes: Any) -> ModelSpec:
    """A valid declaration; keyword arguments replace its parts."""
    attributes: dict[str, Any] = {
        "name": "shop",
        "batches": {"every": "week", "start": "2013-01-01"},
        "source": {"type": "files", "path": "drop/{batch}*.csv"},
        "schema": COLUMNS,
        "event_time": "at",
        "row_id": "id",
        "target": {"column": "y", "label_delay": "1 day"},
        "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
        "metric": "log_loss",
    }
    return ModelSpec.model_validate(attributes | changes)


def contract(**changes: Any) -> Contract:
    """Its contract."""
    return Contract.of(declared(**changes))


def first_batch(spec: ModelSpec) -> Batch:
    """The week from 2013-01-01."""
    return Calendar(spec.batches).first


def clean_rows(rows: int) -> pd.DataFrame:
    """Rows without a fault, typed as a Parquet file would be."""
    numbers = pd.Series(range(rows), dtype="int64")
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(numbers * 7 % (7 * 24 * 60), unit="min"),
            "id": numbers,
            "speed": (numbers % 10).astype(float),
            "gust": numbers.astype(float).where(numbers % 3 > 0),
            "kind": numbers.map(lambda number: "ab"[number % 2]).astype("object"),
            "code": "abc",
            "count": (numbers % 5).astype("Int64"),
            "open": numbers % 2 == 0,
            "y": numbers % 2,
        }
    )
