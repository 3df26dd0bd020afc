"""A fitted estimator of somebody else's as one of our pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from retrain_assets.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from retrain_assets.spec import ModelSpec
    from retrain_assets.training.source import TransformSource


class ColumnChoice(TransformerMixin, BaseEstimator):
    """Hands on the columns that a model was fitted on, in its order, and nothing else.

    Args:
        columns: Their names.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn passes it
        """Remembers the types of the columns.

        Raises:
            DataError: a column is missing.
        """
        self.input_dtypes_ = {name: str(dtype) for name, dtype in self._chosen(X).dtypes.items()}
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The chosen columns, (n, number of columns).

        Raises:
            DataError: a column is missing.
        """
        return self._chosen(X)

    def _chosen(self, X: pd.DataFrame) -> pd.DataFrame:
        missing = [name for name in self.columns if name not in X.columns]
        if missing:
            hint = did_you_mean(missing[0], [str(name) for name in X.columns])
            raise DataError(f"the adopted model was fitted on columns that the rows lack: {', '.join(missing)}.{hint}")
        return X[list(self.columns)]


def adopted_pipeline(
    spec: ModelSpec,
    estimator: Any,
    rows: pd.DataFrame,
    *,
    inputs: Sequence[str] = (),
    source: TransformSource | None = None,
) -> Pipeline:
    """The declared transform, the columns that the estimator was fitted on, and the estimator as it is.

    The columns are those that scikit-learn remembers, else those of the model's signature, else `features.columns`.
    Validated `rows` tell the types of the columns; the estimator learns nothing from them.

    Raises:
        DataError: nothing tells which columns the estimator was fitted on, or the rows lack one.
    """
    from sklearn.pipeline import Pipeline

    from retrain_assets.training.transform import SourceTransform

    columns = list(getattr(estimator, "feature_names_in_", ())) or list(inputs) or list(spec.features.columns or ())
    if not columns:
        raise DataError(
            f"nothing tells which columns the adopted model of '{spec.name}' was fitted on: "
            "name them in features.columns"
        )
    steps: list[tuple[str, Any]] = [("columns", ColumnChoice([str(name) for name in columns]))]
    if source is not None:
        steps.insert(0, ("transform", SourceTransform(source.source, source.function, source.module)))
    for _, step in steps:
        rows = step.fit(rows).transform(rows)
    return Pipeline([*steps, ("estimator", estimator)])
