"""The user's feature transform as a step of the fitted pipeline."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from retrain_assets.errors import DataError, DeclarationError, Problem

_PROBED_ROWS = 8
_LOADING = threading.Lock()


class SourceTransform(TransformerMixin, BaseEstimator):
    """Runs the transform from the text that trained the model, so that editing the file changes no scores.

    The text is executed as a module of its own, named by its hash, when rows are first transformed; building or loading
    this step executes nothing. The text is code: whoever may write a bundle may run code where it scores, which is why
    the store verifies a bundle's hash first.

    A transform takes the validated rows (without the target, the leak columns and the platform's own `ra_` columns) and
    returns one row of features for each, on the same index, from that row alone.

    Args:
        source: Text of the user's module.
        function: Name of the transform in it.
        module: Name that the module had when it was read, for messages and relative names.
    """

    def __init__(self, source: str, function: str, module: str) -> None:
        self.source = source
        self.function = function
        self.module = module

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learns nothing but the names of columns; shows that each row is transformed by itself."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: object = None, **_: Any) -> pd.DataFrame:  # noqa: ARG002 - scikit-learn passes it
        """As `fit`, then `transform`, with the rows transformed once.

        Raises:
            DeclarationError: the text does not run, has no such function, or a row's features depend on other rows.
            DataError: the transform failed, or did not return one row for each.
        """
        inputs = _inputs(X)
        self.feature_names_in_ = np.asarray(inputs.columns, dtype=object)
        self.input_dtypes_ = {str(name): str(inputs[name].dtype) for name in inputs.columns}
        features = self._apply(inputs)
        self.feature_names_out_ = np.asarray(features.columns, dtype=object)
        probed = inputs.iloc[np.linspace(0, len(inputs) - 1, min(_PROBED_ROWS, len(inputs)), dtype=int)]
        for position in range(len(probed)):
            row = probed.iloc[[position]]
            self._check_same(self._apply(row), features.loc[row.index])
        return features

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Features of the rows; columns that training did not see are not shown to the transform.

        Raises:
            DataError: the transform failed (a column it needs is missing, for example) or did not return one row for
                each.
        """
        check_is_fitted(self, "feature_names_out_")
        known = set(self.feature_names_in_)
        return self._apply(X[[name for name in X.columns if name in known]])

    def get_feature_names_out(self, input_features: object = None) -> npt.NDArray[Any]:  # noqa: ARG002 - as above
        """Names of the features, as scikit-learn asks for them."""
        check_is_fitted(self, "feature_names_out_")
        return self.feature_names_out_

    def _apply(self, rows: pd.DataFrame) -> pd.DataFrame:
        build = self._function()
        try:
            features = build(rows.copy())
        except Exception as error:
            missing = sorted(set(self.feature_names_in_) - set(rows.columns))
            hint = f" Columns that training had and these rows do not: {', '.join(missing)}." if missing else ""
            raise DataError(f"transform '{self._path}' failed with {type(error).__name__}: {error}.{hint}") from error
        if not isinstance(features, pd.DataFrame):
            raise DataError(f"transform '{self._path}' must return a DataFrame (got {type(features).__name__}).")
        if len(features) != len(rows) or not features.index.equals(rows.index):
            raise DataError(
                f"transform '{self._path}' must return one row for each row it gets, on the same index "
                f"(got {len(features)} rows for {len(rows)}): do not filter, sort, group or reset the index in it."
            )
        if not features.columns.is_unique or not all(isinstance(name, str) for name in features.columns):
            raise DataError(f"transform '{self._path}' must return columns with different names that are text.")
        return features[[name for name in features.columns if not name.startswith("ra_")]]

    def _function(self) -> Callable[[pd.DataFrame], Any]:
        function = getattr(_module(self.source, self.module), self.function, None)
        if not callable(function):
            raise self._problem(f"module '{self.module}' must define the function '{self.function}'.")
        return function

    def _check_same(self, alone: pd.DataFrame, together: pd.DataFrame) -> None:
        different = [
            name
            for name in together.columns
            if name not in alone or not _equal(alone[name].iloc[0], together[name].iloc[0])
        ]
        if different or len(alone.columns) != len(together.columns):
            named = ", ".join(f"'{name}'" for name in different) or "the columns returned"
            raise self._problem(
                f"the features of a row must depend on that row alone, but {named} differ when '{self._path}' gets "
                "the row by itself: no ranks, means, dummies, lags or encodings over the rows of a batch. Encoding, "
                "imputing and scaling are declared under `features` and fitted on the training rows."
            )

    @property
    def _path(self) -> str:
        return f"{self.module}:{self.function}"

    def _problem(self, message: str) -> DeclarationError:
        return DeclarationError([Problem(field="features.transform", message=message)])


def _inputs(X: pd.DataFrame) -> pd.DataFrame:
    return X[[name for name in X.columns if not str(name).startswith("ra_")]]


def _equal(left: Any, right: Any) -> bool:
    try:
        return bool(np.isclose(float(left), float(right), rtol=1e-9, atol=1e-12, equal_nan=True))
    except (TypeError, ValueError):  # not two numbers
        if not (pd.api.types.is_scalar(left) and pd.api.types.is_scalar(right)):
            return bool(np.array_equal(left, right))
        missing = pd.isna(left), pd.isna(right)
        return all(missing) if any(missing) else bool(left == right)


class _TextLoader(importlib.abc.InspectLoader):
    """Gives the bundled text to Python's import machinery, which also shows it in tracebacks."""

    def __init__(self, text: str, origin: str) -> None:
        self.text = text
        self.origin = origin

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - of one module only
        return self.text

    def is_package(self, fullname: str) -> bool:  # noqa: ARG002 - as above
        return False


def _module(text: str, origin: str) -> ModuleType:
    """The module of a text; one for each text in a process."""
    name = f"_retrain_assets_transform_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    with _LOADING:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_loader(name, _TextLoader(text, origin), origin=f"<{origin} as bundled>")
        if spec is None or spec.loader is None:
            raise ImportError(f"no module can be made of the bundled source of '{origin}'")
        module = importlib.util.module_from_spec(spec)
        # Known while it runs: dataclasses and the like look their own module up.
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise DeclarationError(
                [
                    Problem(
                        field="features.transform",
                        message=f"the source of module '{origin}' does not run: {type(error).__name__}: {error}.",
                    )
                ]
            ) from error
        return module
