"""From columns to the matrix that the estimator sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from retrain_assets.errors import DataError, DeclarationError, Problem, did_you_mean

MISSING = "<missing>"
"""The category of a missing value; where training had none, it is one more unknown category."""
MOST_ONE_HOT = 1000

Kind = Literal["numeric", "categorical"]

_NUMERIC_OBJECTS = ("boolean", "integer", "floating", "mixed-integer-float", "decimal")
_TEXT_OBJECTS = ("string", "empty", "categorical")


class FeatureMatrix(TransformerMixin, BaseEstimator):
    """Selects, imputes, encodes and scales; everything is learned in `fit` and fixed from then on.

    Numbers and booleans are numeric, text and categories categorical, told by the dtype in the training rows. A missing
    number is imputed, with 0 where training had none, whatever `impute` says; a missing category is a category of its
    own; a category that training did not see is -1 (`ordinal`) or all zeros (`one_hot`). Columns that are not features
    are ignored; a feature that is missing is an error. The result is a DataFrame of floats whose columns do not depend
    on the order of the input's.

    Args:
        columns: The features, in this order. None: every column but `ignored`, in order of their names.
        ignored: Columns that are no features unless `columns` names them.
        impute: For missing numbers; "none" leaves them to the estimator.
        encode: For categories.
        scale: Standardize the numeric features (zero mean, unit variance in the training rows).
    """

    empty_: npt.NDArray[np.bool_] | None = None
    """Which numeric features had no value in training; None for none of them."""

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        ignored: Sequence[str] = (),
        impute: Literal["median", "mean", "none"] = "median",
        encode: Literal["ordinal", "one_hot"] = "ordinal",
        scale: bool = False,
    ) -> None:
        self.columns = columns
        self.ignored = ignored
        self.impute = impute
        self.encode = encode
        self.scale = scale

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn passes it
        """Learns the features, their kinds, and what imputing, encoding and scaling need.

        Raises:
            DeclarationError: a declared feature is not there, a column cannot be one, or none is left.
        """
        self.features_ = self._select(X)
        self.input_dtypes_ = {name: str(X[name].dtype) for name in self.features_}
        kinds = {name: _kind(X[name]) for name in self.features_}
        self.numeric_ = [name for name in self.features_ if kinds[name] == "numeric"]
        self.categorical_ = [name for name in self.features_ if kinds[name] == "categorical"]
        numbers = _numbers(X, self.numeric_)
        empty = np.asarray(np.isnan(numbers).all(axis=0))
        vars(self).pop("empty_", None)
        if self.impute == "none" and empty.any():  # an estimator that takes missing values may refuse a column of them
            self.empty_ = empty
        self.imputer_ = None
        if self.impute != "none" and self.numeric_:
            self.imputer_ = SimpleImputer(strategy=self.impute, keep_empty_features=True).fit(numbers)
            numbers = self.imputer_.transform(numbers)
        self.scaler_ = StandardScaler().fit(numbers) if self.scale and self.numeric_ else None
        self.encoder_ = self._encoder(_texts(X, self.categorical_)) if self.categorical_ else None
        self.names_ = [*self.numeric_, *self._category_names()]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The matrix, (n, number of names), as a DataFrame.

        Raises:
            DataError: a feature is missing, is no number although it was in training, or is infinite.
        """
        check_is_fitted(self, "names_")
        missing = [name for name in self.features_ if name not in X.columns]
        if missing:
            raise DataError(
                f"the rows must have every feature the model was trained on (missing: {', '.join(missing)}): mend the "
                "schema or the transform, or retrain under the new declaration."
            )
        parts: list[Any] = []
        if self.numeric_:
            numbers = _numbers(X, self.numeric_)
            if self.imputer_ is not None:
                numbers = self.imputer_.transform(numbers)
            elif self.empty_ is not None:
                numbers[np.isnan(numbers) & self.empty_] = 0.0
            parts.append(numbers if self.scaler_ is None else self.scaler_.transform(numbers))
        if self.encoder_ is not None:
            parts.append(np.asarray(self.encoder_.transform(_texts(X, self.categorical_))))
        matrix = np.hstack(parts)
        return pd.DataFrame(matrix, columns=self.names_, index=X.index, copy=False)

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[Any]:  # noqa: ARG002 - as above
        """Names of the matrix's columns; one-hot columns are named `column=category`."""
        check_is_fitted(self, "names_")
        return np.asarray(self.names_, dtype=object)

    def _select(self, X: pd.DataFrame) -> list[str]:
        available = [str(name) for name in X.columns if not str(name).startswith("ra_")]
        if self.columns is not None:
            missing = [name for name in self.columns if name not in available]
            if missing:
                raise _problem(
                    "columns",
                    "; ".join(
                        f"there is no feature '{name}' after the transform.{did_you_mean(name, available)}"
                        for name in missing
                    ),
                )
            return list(self.columns)
        chosen = sorted(name for name in available if name not in self.ignored)
        if not chosen:
            raise _problem("columns", "no column is left as a feature: name some, or return some from the transform.")
        return chosen

    def _encoder(self, texts: npt.NDArray[Any]) -> OrdinalEncoder | OneHotEncoder:
        if self.encode == "ordinal":
            encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float64)
            return encoder.fit(texts)
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float64).fit(texts)
        for name, categories in zip(self.categorical_, encoder.categories_, strict=True):
            if len(categories) > MOST_ONE_HOT:
                raise _problem(
                    "encode",
                    f"one_hot allows at most {MOST_ONE_HOT} categories a column ('{name}' has {len(categories)}): use "
                    "ordinal, or leave the column out by features.columns.",
                )
        return encoder

    def _category_names(self) -> list[str]:
        if self.encode == "ordinal" or self.encoder_ is None:
            return list(self.categorical_)
        return [
            f"{name}={category}"
            for name, categories in zip(self.categorical_, self.encoder_.categories_, strict=True)
            for category in categories
        ]


def _kind(column: pd.Series[Any]) -> Kind:
    dtype = column.dtype
    if pd.api.types.is_bool_dtype(dtype) or (
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
    ):
        return "numeric"
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "categorical"
    inferred = pd.api.types.infer_dtype(column, skipna=True) if dtype.kind == "O" else str(dtype)
    if inferred in _NUMERIC_OBJECTS:
        return "numeric"
    if inferred in _TEXT_OBJECTS:
        return "categorical"
    name = column.name
    if inferred.startswith(("date", "time", "period")):
        raise _problem(
            "transform",
            f"column '{name}' holds times ({inferred}), which are no feature by themselves: derive numbers "
            f"from it in a transform (such as rows['{name}'].dt.hour), or leave it out by features.columns.",
        )
    raise _problem(
        "transform",
        f"column '{name}' must hold numbers, booleans, text or categories (got {inferred}): convert it in a transform, "
        "or leave it out by features.columns.",
    )


def _numbers(X: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    numbers = np.empty((len(X), len(names)), dtype=np.float64)
    for position, name in enumerate(names):
        try:
            numbers[:, position] = X[name].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"feature '{name}' must be a number, as in training (got {X[name].dtype}): {error}"
            ) from error
    infinite = np.isinf(numbers).any(axis=0)
    if infinite.any():
        raise DataError(
            f"features must be finite or missing (infinite: {', '.join(np.asarray(names)[infinite])}): look for a "
            "division by zero in the transform."
        )
    return numbers


def _texts(X: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[Any]:
    texts = np.empty((len(X), len(names)), dtype=object)
    for position, name in enumerate(names):
        codes, uniques = pd.factorize(X[name])
        known = np.array([*(_text(value) for value in uniques), MISSING], dtype=object)
        texts[:, position] = known[codes]  # the code of a missing value is -1: the last
    return texts


def _text(value: object) -> str:
    """A number that turned into a float, because some other row misses it, is the same category as before."""
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _problem(field: str, message: str) -> DeclarationError:
    return DeclarationError([Problem(field=f"features.{field}", message=message)])
