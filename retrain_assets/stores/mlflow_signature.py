"""The columns of a pipeline's input, in MLflow's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.models import ModelSignature


def signature_of(pipeline: Any) -> ModelSignature:
    """The input columns with their types.

    A type that MLflow does not know (categories, nullable numbers, times with a zone) is `Any` and passed on as it is.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    # The first step of a pipeline of ours remembers them: the transform, or the feature matrix where there is none.
    dtypes: dict[str, str] = pipeline[0].input_dtypes_
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
