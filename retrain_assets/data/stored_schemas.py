"""What a stored table is held to: the user's schema as tables keep it, and what rows break of any schema."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from retrain_assets.data.contracts import RESERVED, Contract
from retrain_assets.data.conversion import kind_of
from retrain_assets.data.row_ids import ROW_ID
from retrain_assets.data.schemas import listed_categories

if TYPE_CHECKING:
    from pandera.pandas import Column, DataFrameSchema

_SHOWN_PROBLEMS = 10


def validated_schema(contract: Contract) -> DataFrameSchema:
    """The schema of the `validated` table of a model: the user's columns with the row id and the reserved mark."""
    import pandera.pandas as pa

    schema = deepcopy(contract.visible)
    for column in schema.columns.values():
        _as_stored(column)
    extra = {
        ROW_ID: pa.Column(str, unique=True, description="Id of the row, from the declared columns or its content."),
        RESERVED: pa.Column(bool, description="Kept from all training, to judge models by."),
    }
    return schema.add_columns(extra)


def _as_stored(column: Column) -> None:
    """A column of the user's as a table keeps it: categories are texts, and a missing optional column is null."""
    import pandera.pandas as pa

    dtype: Any = getattr(column.dtype, "type", None)
    if isinstance(dtype, pd.CategoricalDtype):
        categories = listed_categories(dtype)
        column.checks = [*column.checks, *([] if categories is None else [pa.Check.isin(categories)])]
        column.dtype = None
    if isinstance(dtype, pd.StringDtype):
        column.dtype = str
    if not column.required:
        column.nullable, column.required = True, not column.regex
        if dtype is not None and kind_of(dtype) in ("int", "bool"):
            column.dtype = pd.Int64Dtype() if kind_of(dtype) == "int" else pd.BooleanDtype()


def schema_problems(schema: DataFrameSchema, frame: pd.DataFrame) -> tuple[str, ...]:
    """Violations of a schema, one sentence for each rule with the number of rows and the first value."""
    from pandera.errors import SchemaErrors

    stored = _as_stored_types(schema, frame)
    try:
        with _texts_taken_as_such(schema, stored):
            schema.validate(stored, lazy=True)
    except SchemaErrors as errors:
        said = tuple(_sentence(error) for error in errors.schema_errors)
        rest = len(said) - _SHOWN_PROBLEMS
        return said if rest <= 0 else (*said[:_SHOWN_PROBLEMS], f"and {rest} further rules")
    return ()


@contextmanager
def _texts_taken_as_such(schema: DataFrameSchema, frame: pd.DataFrame) -> Generator[None]:
    """Meanwhile columns that hold nothing but texts are asked for no type: pandera looks at each value in Python."""
    texts = [
        (column, column.dtype)
        for name, column in schema.columns.items()
        if getattr(column.dtype, "type", None) == np.dtype("str")
        and name in frame.columns
        and pd.api.types.infer_dtype(frame[name], skipna=True) in ("string", "empty")
    ]
    for column, _ in texts:
        column.dtype = None
    try:
        yield
    finally:
        for column, dtype in texts:
            column.dtype = dtype


def _as_stored_types(schema: DataFrameSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the types that a store may lose (missing integers, units of time) put back where that is exact."""
    changed: dict[str, pd.Series] = {}
    for name, column in schema.columns.items():
        dtype: Any = getattr(column.dtype, "type", None)
        if name not in frame.columns or dtype is None or frame[name].dtype == dtype:
            continue
        values = frame[name]
        times = pd.api.types.is_datetime64_any_dtype(dtype) and pd.api.types.is_datetime64_any_dtype(values.dtype)
        exact = times or isinstance(dtype, pd.Int64Dtype | pd.BooleanDtype) or values.isna().all()
        try:
            changed |= {str(name): values.astype(dtype)} if exact else {}
        except (TypeError, ValueError):
            continue  # not exact: the schema says so
    return frame.assign(**changed)


def _sentence(error: Any) -> str:
    cases = error.failure_cases
    column = getattr(error.schema, "name", None)
    of = f"{column}: " if column else ""
    check = getattr(error.check, "error", None) or getattr(error.check, "name", None) or error.check
    if check == "multiple_fields_uniqueness":
        check = f"no two rows with the same {', '.join(error.schema.unique)}"
    if error.reason_code is not None and error.reason_code.name == "COLUMN_NOT_IN_DATAFRAME":
        return f"the column {cases.iloc[0, 0] if isinstance(cases, pd.DataFrame) else cases} is missing"
    if not isinstance(cases, pd.DataFrame) or cases.empty:
        return f"{of}{check} does not hold"
    count = cases["index"].nunique()
    rows = "1 row" if count == 1 else f"{count} rows"
    return f"{of}{check} does not hold in {rows}, for example {str(cases['failure_case'].iloc[0])[:80]!r}"
