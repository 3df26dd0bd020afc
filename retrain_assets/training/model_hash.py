"""The identity of a trained model: what it was told, what it learned, and what it answers."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.training.predict import predict

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

GOLDEN_DIGITS = 9
"""Golden scores are rounded to so many digits: sums over threads may differ in the last bits."""

_TIMINGS = ("refit_time_", "mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


def model_hash(pipeline: BaseEstimator, *, golden: pd.DataFrame, classes: Sequence[Any]) -> str:
    """SHA-256 (hex) of the parameters, the fitted state and the scores of the golden rows.

    The state is walked by value: the order of dictionaries, memory addresses and timings have no part in it. The same
    code, data, seed, libraries and threads give the same hash in any process.
    """
    scores = predict(pipeline, golden, task="classification" if classes else "regression", classes=classes).values
    # Adding zero makes a negative zero positive.
    answers = np.round(scores, GOLDEN_DIGITS) + 0.0
    return hashlib.sha256(digest(pipeline) + digest(list(classes)) + digest(answers)).hexdigest()


def digest(value: object) -> bytes:
    """SHA-256 of a value and all that it holds.

    >>> digest({"a": 1.0, "b": [2]}) == digest({"b": [2], "a": 1.0})
    True
    """
    return _Walk().digest(value)


class _Walk:
    """One walk over a tree of values; knows the ancestors of the current one, so that a cycle ends."""

    def __init__(self) -> None:
        self._ancestors: list[int] = []

    def digest(self, value: Any) -> bytes:
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic):
            return self._array(np.asarray(value))
        scalar = _scalar(value)
        if scalar is not None:
            return _sha(*scalar)
        if id(value) in self._ancestors:
            return _sha(b"ancestor", str(len(self._ancestors) - self._ancestors.index(id(value))).encode())
        self._ancestors.append(id(value))
        try:
            return self._compound(value)
        finally:
            self._ancestors.pop()

    def _compound(self, value: Any) -> bytes:
        if isinstance(value, Mapping):
            items = sorted(self.digest(key) + self.digest(item) for key, item in value.items() if key not in _TIMINGS)
            return _sha(b"mapping", *items)
        if isinstance(value, set | frozenset):
            return _sha(b"set", *sorted(self.digest(item) for item in value))
        if isinstance(value, list | tuple):
            return _sha(b"sequence", *(self.digest(item) for item in value))
        if isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc):
            return _sha(b"name", _name(value))
        if isinstance(value, MethodType):
            return _sha(b"method", _name(value), self.digest(value.__self__))
        return self._object(value)

    def _array(self, array: npt.NDArray[Any]) -> bytes:
        head = (
            b"array",
            str(array.dtype.descr if array.dtype.names else array.dtype.str).encode(),
            repr(array.shape).encode(),
        )
        if array.dtype.names:
            # Field by field: between fields there may be padding with anything in it.
            return _sha(*head, *(self._array(array[name]) for name in array.dtype.names))
        if array.dtype == object:
            return _sha(*head, *(self.digest(item) for item in array.ravel()))
        if array.dtype.kind == "f":
            array = np.where(np.isnan(array), np.nan, array).astype(array.dtype)  # one NaN of the many
        return _sha(*head, np.ascontiguousarray(array).tobytes())

    def _object(self, value: Any) -> bytes:
        """Through what a pickle would keep, as values: the constructor, its arguments and the state."""
        reduced: Any = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return _sha(b"global", _name(type(value)), reduced.encode())
        constructor, arguments, *rest = reduced
        rest = [list(part) if position > 0 and part is not None else part for position, part in enumerate(rest[:3])]
        return _sha(
            b"object",
            _name(type(value)),
            self.digest(constructor),
            self.digest(arguments),
            *(self.digest(part) for part in rest),
        )


def _scalar(value: object) -> tuple[bytes, bytes] | None:
    if value is None or isinstance(value, bool | int | complex):
        return type(value).__name__.encode(), repr(value).encode()
    if isinstance(value, float):
        return b"float", struct.pack(">d", value) if value == value else b"nan"  # noqa: PLR0124 - NaN differs from itself
    if isinstance(value, str):
        return b"str", value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return b"bytes", bytes(value)
    if isinstance(value, np.dtype):
        return b"dtype", str(value).encode()
    return None


def _name(value: Callable[..., Any] | type | np.ufunc) -> bytes:
    module = getattr(value, "__module__", None)
    return f"{module}.{getattr(value, '__qualname__', getattr(value, '__name__', ''))}".encode()


def _sha(*parts: bytes) -> bytes:
    """Each part with its length, so that no two lists of parts read the same."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()
