"""The columns of a pipeline's input, in MLflow's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from sklearn.base import BaseEstimator


def signature_of(pipeline: BaseEstimator) -> ModelSignature | None:
    """The input columns with their types, None for a pipeline that is not one of ours.

    A type that MLflow does not know (categories, nullable numbers, times with a zone) is `Any` and passed on as it is.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    steps: list[tuple[str, Any]] = getattr(pipeline, "steps", [])
    dtypes: dict[str, str] | None = getattr(steps[0][1], "input_dtypes_", None) if steps else None
    if dtypes is None:
        return None
    known = {
        "float64": DataType.double,
        "float32": DataType.float,
        "int64": DataType.long,
        "int32": DataType.integer,
        "bool": DataType.boolean,
        "object": DataType.string,
        "datetime64[ns]": DataType.datetime,
    }
    return ModelSignature(inputs=Schema([ColSpec(known.get(dtype, AnyType()), name) for name, dtype in dtypes.items()]))
