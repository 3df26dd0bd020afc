"""A user's callable as a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import pyarrow as pa

from retrain_assets.data.windows import Batch
from retrain_assets.errors import StoreError
from retrain_assets.spec import EnvReference, PythonSource
from retrain_assets.spec.imports import load_object
from retrain_assets.stores.protocols import RawFile
from retrain_assets.stores.sources.parquet import parquet_bytes
from retrain_assets.stores.sources.settings import resolve


class PythonReader:
    """Calls `load(start, end, **arguments)` and keeps what it returns as Parquet.

    A batch is listed once its window has closed; whether there is anything is known by calling. What the callable
    raises reaches the caller as it is: it is the user's own code.
    """

    def __init__(self, spec: PythonSource, *, environ: Mapping[str, str] | None = None) -> None:
        self._spec = spec
        self._environ = environ

    def listing(self, batches: Sequence[Batch]) -> dict[str, str]:
        return {batch.key: "closed" for batch in batches}

    def arriving(self, batches: Sequence[Batch]) -> frozenset[str]:  # noqa: ARG002 - as the protocol has it
        return frozenset()  # what is read is one state

    def read(self, batch: Batch) -> list[RawFile]:
        load: Callable[..., object] = load_object(self._spec.load, field="source.load")
        arguments = {
            name: resolve(value, self._environ) if isinstance(value, EnvReference) else value
            for name, value in self._spec.arguments.items()
        }
        frame = load(batch.start, batch.end, **arguments)
        if not isinstance(frame, pd.DataFrame):
            raise StoreError(
                f"{self._spec.load} must return a pandas DataFrame (got {type(frame).__name__} for batch {batch.key})"
            )
        if frame.empty:
            return []
        try:
            table = pa.Table.from_pandas(frame, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise StoreError(
                f"the DataFrame of {self._spec.load} for batch {batch.key} must have columns of one type each ({error})"
            ) from error
        content = parquet_bytes(table.to_batches(), table.schema)
        return [RawFile(name=f"{batch.key}.parquet", media_type="parquet", content=content)]
