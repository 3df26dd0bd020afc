"""The target of the rows of a batch, read as labels: a type of its own, and never a reason for quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import Kind, kind_of, read_as
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema


def read_targets(
    frames: Sequence[pd.DataFrame], spec: ModelSpec, schema: DataFrameSchema
) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Target of each row of all frames, null where it is missing or cannot be read, and a mask of the latter.

    Regression targets are float64. Class labels have the type that the schema gives the target column, if it names it;
    else booleans and integers stay what they are and all other values are text.
    """
    column = spec.target.column
    parts = [
        frame[column] if column in frame.columns else pd.Series(None, index=frame.index, dtype="object")
        for frame in frames
    ]
    kind = _kind(parts, spec, schema)
    targets: list[pd.Series] = []
    masks: list[NDArray[np.bool_]] = [np.empty(0, dtype=bool)]
    for part in parts:
        values, bad = read_as(part, kind, lenient=True)
        if kind == "float":
            bad = bad | np.isinf(values.to_numpy(dtype=float))
            values = values.where(~bad)
        targets.append(values)
        masks.append(bad)
    filled = [target for target in targets if len(target)] or targets[:1]
    joined = pd.concat(filled, ignore_index=True) if filled else pd.Series(dtype="object")
    return joined.rename(column), np.concatenate(masks)


def _kind(parts: Sequence[pd.Series], spec: ModelSpec, schema: DataFrameSchema) -> Kind:
    if spec.task == "regression":
        return "float"
    declared: Any = schema.columns.get(spec.target.column)
    if declared is not None and declared.dtype is not None:
        kind = kind_of(getattr(declared.dtype, "type", None))
        # A class given as a float, such as 1.0 where other rows have none, is the integer.
        return {"float": "int", "other": "string", "category": "string"}.get(kind, kind)  # pyright: ignore[reportReturnType]
    filled = [part for part in parts if part.notna().any()]
    for kind in ("bool", "int"):
        if filled and all(_all_are(part, kind) for part in filled):
            return kind
    return "string"


def _all_are(values: pd.Series, kind: Kind) -> bool:
    if kind == "bool":
        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            return False
        known = values.dropna().astype("object")
        return bool(known.map(lambda value: str(value).lower() in ("true", "false")).all())
    return not read_as(values, kind, lenient=True)[1].any()
