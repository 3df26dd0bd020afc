"""Code as a user would write it, named by the declarations of the tests."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series
from sklearn.base import BaseEstimator


class Sales(pa.DataFrameModel):
    day: Series[pd.Timestamp]
    price: Series[float]
    shop: Series[str]
    sold: Series[int]


OBJECT_SCHEMA = Sales.to_schema()
OWN_NAMES = OBJECT_SCHEMA.add_columns({"ra_row_id": pa.Column(str)})
NOT_A_SCHEMA = {"day": "datetime"}
ANY_COLUMN = pa.DataFrameSchema({"p.*": pa.Column(float, regex=True)})


def load(start: datetime, end: datetime, *, region: str = "north") -> pd.DataFrame:
    return pd.DataFrame({"start": [start], "end": [end], "region": [region]})


def load_anything(start: datetime, end: datetime, **options: str) -> pd.DataFrame:
    return pd.DataFrame({"start": [start], "end": [end], **options})


def load_all() -> pd.DataFrame:
    return pd.DataFrame()


def build(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def build_from_two(frame: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    return frame.join(other)


class NoProbabilities(BaseEstimator):
    """A classifier by its tags, without predict_proba."""

    _estimator_type = "classifier"

    def fit(self, X: pd.DataFrame, y: pd.Series) -> NoProbabilities:
        return self
