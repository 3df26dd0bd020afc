"""The target of the rows of a batch, read as labels: a type of its own, and never a reason for quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrain_assets.data.conversion import Kind, kind_of, read_as
from retrain_assets.data.personal import WITHHELD
from retrain_assets.data.row_ids import as_text
from retrain_assets.data.schemas import listed_categories, value_checks
from retrain_assets.errors import DeclarationError, Problem
from retrain_assets.spec import ModelSpec, decimal_mark

if TYPE_CHECKING:
    from pandera.pandas import Check, Column, DataFrameSchema


_TYPICAL = 0.9
"""A class label is an integer or a boolean where at least this share of the known ones is: one typing error does not
make the others text."""
_SHOWN = 3
_LONGEST = 40


def read_targets(
    frames: Sequence[pd.DataFrame], spec: ModelSpec, schema: DataFrameSchema, *, kind: Kind | None = None
) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Target of each row of all frames, null where it is missing or none of this model's, and a mask of the latter.

    It is none where it cannot be read, or where a check of single values of the schema's target column refuses it.

    Args:
        frames: Raw rows; one without the target column has no targets.
        spec: Tells the column and the task.
        schema: Tells the type of the target, if it names it.
        kind: What to read the targets as; by default what `target_kind` makes of these frames.
    """
    parts = _parts(frames, spec)
    kind = target_kind(frames, spec, schema) if kind is None else kind
    declared = schema.columns.get(spec.target.column)
    targets: list[pd.Series] = []
    masks: list[NDArray[np.bool_]] = [np.empty(0, dtype=bool)]
    for part in parts:
        values, bad = read_as(part, kind, lenient=True, decimal=decimal_mark(spec.target.labels or spec.source))
        if kind == "float":
            bad = bad | np.isinf(values.to_numpy(dtype=float))
            values = values.where(~bad)
        if declared is not None:
            refused = _refused(values, part, kind, declared)
            values, bad = values.where(~refused), bad | refused
        targets.append(values)
        masks.append(bad)
    filled = [target for target in targets if len(target)] or targets[:1]
    joined = pd.concat(filled, ignore_index=True) if filled else pd.Series(dtype="object")
    return joined.rename(spec.target.column), np.concatenate(masks)


def target_kind(
    frames: Sequence[pd.DataFrame], spec: ModelSpec, schema: DataFrameSchema, *, stored: pd.Series | None = None
) -> Kind:
    """What the targets of a model are read as.

    Numbers for a regression. Class labels have the type that the schema gives the target column, if it names it; else
    that of the labels that are stored already; and of the first ones, booleans and integers stay what they are and all
    else is text.
    """
    if spec.task == "regression":
        return "float"
    declared: Any = schema.columns.get(spec.target.column)
    if declared is not None and declared.dtype is not None:
        kind = kind_of(getattr(declared.dtype, "type", None))
        # A class given as a float, such as 1.0 where other rows have none, is the integer.
        kinds: dict[Kind, Kind] = {"float": "int", "other": "string", "category": "string"}
        return kinds.get(kind, kind)
    if stored is not None and stored.notna().any():
        kind = kind_of(stored.dtype)
        return kind if kind in ("bool", "int") else "string"
    parts = _parts(frames, spec)
    known = sum(int(part.notna().sum()) for part in parts)
    for kind in ("bool", "int"):
        if known and sum(_count(part, kind) for part in parts) >= _TYPICAL * known:
            return kind
    return "string"


def unreadable_values(
    frames: Sequence[pd.DataFrame], spec: ModelSpec, unreadable: NDArray[np.bool_]
) -> tuple[str, ...]:
    """The first different targets that cannot be read, as a person wants to see them."""
    found: dict[str, None] = {}
    start = 0
    for part in _parts(frames, spec):
        bad = part[unreadable[start : start + len(part)]]
        start += len(part)
        found |= dict.fromkeys(str(value)[:_LONGEST] for value in bad.unique()[:_SHOWN])
    if found and spec.target.column in spec.personal_columns:
        return (WITHHELD,)
    return tuple(found)[:_SHOWN]


def _refused(values: pd.Series, raw: pd.Series, kind: Kind, declared: Column) -> NDArray[np.bool_]:
    """The values that a check of the target's column refuses, where both are of one type; missing ones are none.

    Of a column that may hold anything nothing tells whether its rules see labels, what a file holds, texts or numbers:
    a label that satisfies a rule as any of them is none of the refused.

    Raises:
        DeclarationError: a check crashes.
    """
    dtype: Any = getattr(declared.dtype, "type", None)
    of_column = kind_of(dtype)
    anything = dtype is None or (isinstance(dtype, np.dtype) and dtype.kind == "O")
    refused = np.zeros(len(values), dtype=bool)
    known = values.reset_index(drop=True).dropna()
    checks, views = value_checks(declared), [known]
    if anything or (kind == "string" and of_column == "category"):
        texts = as_text(known)
        written = read_as(raw.reset_index(drop=True), "other", lenient=True)[0].loc[known.index]
        numbers = pd.to_numeric(texts, errors="coerce")
        views = [known, written, texts, *([numbers] if numbers.notna().all() else [])]
        for named in _named_classes(declared):
            listed = as_text(pd.Series(named, dtype="object"))
            among = [texts.isin(listed), as_text(written).isin(listed), known.isin(named), written.isin(named)]
            refused[known.index[~np.logical_or.reduce(among)]] = True
        checks = [check for check in checks if check.name != "isin"] if anything else []
    elif kind != of_column and not {kind, of_column} <= {"int", "float"}:
        return refused
    for check in checks:
        refused[known.index[_broken(check, views)]] = True
    return refused


def _broken(check: Check, views: Sequence[pd.Series]) -> NDArray[np.bool_]:
    """The rows that a check refuses in every view of them that it can judge.

    Raises:
        DeclarationError: it can judge none.
    """
    crash: Exception | None = None
    refused: list[NDArray[np.bool_]] = []
    for view in views:
        try:
            output = check(view).check_output
        except (AttributeError, TypeError, ValueError) as error:
            crash = error
            continue
        # Missing values are left out of the output.
        refused.append(view.index.isin(output.index[~output.to_numpy(dtype=bool)]))
    if not refused:
        message = f"the check {check.error or check.name} of the target '{views[0].name}' crashed: {crash}"
        raise DeclarationError([Problem(field="schema", message=message)])
    return np.logical_and.reduce(refused)


def _named_classes(declared: Column) -> list[list[Any]]:
    """The classes that a column lists, in its categorical type and in its checks; labels of it are their texts."""
    checked = [list(check.statistics["allowed_values"]) for check in value_checks(declared) if check.name == "isin"]
    listed = listed_categories(getattr(declared.dtype, "type", None))
    return checked if listed is None else [listed, *checked]


def _parts(frames: Sequence[pd.DataFrame], spec: ModelSpec) -> list[pd.Series]:
    column = spec.target.column
    return [
        frame[column] if column in frame.columns else pd.Series(None, index=frame.index, dtype="object")
        for frame in frames
    ]


def _count(values: pd.Series, kind: Kind) -> int:
    """The number of values that are of a kind."""
    if kind == "bool":
        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            return 0
        known = values.dropna().astype("object")
        return int(known.map(lambda value: str(value).lower() in ("true", "false")).sum())
    return int(values.notna().sum() - read_as(values, kind, lenient=True)[1].sum())
