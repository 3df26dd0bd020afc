"""Rows as other libraries hand them over, as what can be read: plans, datasets, and types that Arrow does not have."""

from __future__ import annotations

from typing import Any, Protocol

_WIDE = ("Int128", "UInt128")
"""Whole numbers of Polars that Arrow has no type for."""


class LazyRows(Protocol):
    """A plan that gives rows when it is collected: a lazy frame of Polars."""

    def collect(self) -> Any:
        """The rows."""
        ...


def as_given(side: Any) -> Any:
    """A lazy frame of Polars as the frame, a Delta table, a dataset of Arrow or a scanner as a reader, else as it is.

    Whole numbers of 128 bits are those of 64 where they fit, else doubles, as other large ones are.
    """
    if _is_of(side, "polars"):
        side = side.collect() if type(side).__name__ == "LazyFrame" else side
        return _narrowed(side) if hasattr(side, "columns") else side
    if _is_of(side, "deltalake"):
        side = side.to_pyarrow_dataset() if hasattr(side, "to_pyarrow_dataset") else side
    if not _is_of(side, "pyarrow") or hasattr(side, "__arrow_c_stream__"):
        return side
    scanner: Any = side.scanner() if hasattr(side, "scanner") else side
    return scanner.to_reader() if hasattr(scanner, "to_reader") else side


def _is_of(side: object, package: str) -> bool:
    return type(side).__module__.partition(".")[0] == package


def _narrowed(frame: Any) -> Any:
    wide = [name for name, kind in frame.schema.items() if str(kind) in _WIDE]
    if not wide:
        return frame
    import polars as pl

    columns: list[Any] = []
    for name in wide:
        column = frame.get_column(name)
        narrow = column.cast(pl.Int64, strict=False)
        columns.append(narrow if narrow.null_count() == column.null_count() else column.cast(pl.Float64))
    return frame.with_columns(columns)


def name_of(given: object, what: str) -> str:
    """The text of a column's name: a frame of pandas may name columns by numbers, or by several levels.

    Raises:
        TypeError: it is a list, so that no column is named so.

    >>> name_of(0, "batch"), name_of("day", "batch")
    ('0', 'day')
    """
    if given is None or isinstance(given, (list, dict, set)):
        raise TypeError(f"{what} must be the name of a column (got {given!r}): write one name, as in 'day'")
    return str(given)
