"""Profiles of tables that add up: `profile(a) + profile(b) == profile(a + b)`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from retrain_assets.data.column_names import refuse_twice, with_text_names
from retrain_assets.data.column_profile import (
    COUNTED,
    ColumnProfile,
    absent_column,
    column_of,
    merge_columns,
    sketch_record,
)
from retrain_assets.data.column_profiling import profile_column
from retrain_assets.data.small_tables import rows_of, table_of_rows
from retrain_assets.data.sound_texts import escaped
from retrain_assets.data.text_lengths import SUFFIX, length_column
from retrain_assets.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TableProfile:
    """The profiles of all columns of some rows."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    _by_name: Mapping[str, ColumnProfile] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {column.name: column for column in reversed(self.columns)})

    def __repr__(self) -> str:
        lines = [f"TableProfile of {_plural(self.rows, 'row')} in {_plural(len(self.columns), 'column')}"]
        lines += [f"  {column!r}" for column in self.columns[:_SHOWN]]
        return "\n".join(
            lines if len(self.columns) <= _SHOWN else [*lines, f"  and {len(self.columns) - _SHOWN:,} more"]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> ColumnProfile:
        """A column, or the lengths of a text: see `text_lengths`."""
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._find(name) is not None

    def _find(self, name: str) -> ColumnProfile | None:
        if name in self._by_name or not name.endswith(SUFFIX):
            return self._by_name.get(name)
        text = self._by_name.get(name.removesuffix(SUFFIX))
        return None if text is None else length_column(text)

    def __add__(self, other: TableProfile) -> TableProfile:
        return merge_tables([self, other]) if isinstance(other, TableProfile) else NotImplemented

    def __radd__(self, other: object) -> TableProfile:
        """Of 0, with which `sum` begins."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def to_frame(self) -> pd.DataFrame:
        """The `profile` table: one row for each column; what only a machine reads is JSON in `sketch`."""
        rows = [
            (
                *(getattr(column, "name" if told == "column" else told) for told in _TOLD),
                column.quantile(0.5),
                len(column.categories),
                _dumps(sketch_record(column)),
            )
            for column in self.columns
        ]
        return table_of_rows(rows, _TABLE)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> TableProfile:
        """Reads what `to_frame` wrote; of a table without columns nothing is left, not even its rows."""
        columns = tuple(
            column_of(
                {**json.loads(row["sketch"]), **{name: row[name] for name in COUNTED}},
                name=row["column"],
                kind=row["kind"],
            )
            for row in rows_of(frame, ("column", "kind", *COUNTED, "sketch"))
        )
        return cls(rows=columns[0].rows if columns else 0, columns=columns)

    def to_record(self) -> dict[str, Any]:
        """The whole profile in what JSON can say."""
        columns = [
            {"name": column.name, "kind": column.kind}
            | {counted: getattr(column, counted) for counted in COUNTED}
            | sketch_record(column)
            for column in self.columns
        ]
        return {"rows": self.rows, "columns": columns}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TableProfile:
        """Reads what `to_record` made."""
        columns = tuple(column_of(column, name=column["name"], kind=column["kind"]) for column in record["columns"])
        return cls(rows=int(record["rows"]), columns=columns)

    def to_json(self) -> str:
        """The whole profile as text."""
        return _dumps(self.to_record())

    @classmethod
    def from_json(cls, text: str) -> TableProfile:
        """Reads what `to_json` wrote.

        Raises:
            DataError: it is something else, or a later version of this package wrote it.
        """
        try:
            return cls.from_record(json.loads(text))
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            raise DataError(
                f"a profile must be text as TableProfile.to_json writes it ({type(error).__name__}: {error}): "
                "profile the rows again"
            ) from error


OWN = "ra_"
"""What the names of the platform's own columns begin with: they are no data."""
_SHOWN = 12
"""So many columns a profile shows of itself."""
_TABLE = {
    "column": "object",
    "kind": "object",
    "rows": "int64",
    "missing": "int64",
    "infinite": "int64",
    "zeros": "int64",
    "minimum": "float64",
    "maximum": "float64",
    "mean": "float64",
    "deviation": "float64",
    "median": "float64",
    "distinct_categories": "int64",
    "sketch": "object",
}
_TOLD = tuple(_TABLE)[:-3]
"""Columns of the table that are fields and properties of a profile."""


def profile_table(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> TableProfile:
    """Profiles a table.

    Args:
        frame: the rows; their order and index do not matter.
        columns: those to profile; by default all but the platform's own, which begin with `ra_`.

    Raises:
        DataError: two of the columns to profile share their name.
        TypeError: it is no data frame of pandas.

    >>> profile = profile_table(pd.DataFrame({"delay": [1.0, 2.0, None, 3.0]}))
    >>> profile["delay"].mean, profile["delay"].missing
    (2.0, 1)
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"profile_table takes a pandas data frame (got {type(frame).__name__}): "
            "retrain_assets.drift.prepare(rows).profiles holds those of a Polars frame or an Arrow table"
        )
    frame = with_text_names(frame)
    wanted = map(str, frame.columns if columns is None else columns)
    names = [name for name in wanted if columns is not None or not name.startswith(OWN)]
    refuse_twice(frame.columns[frame.columns.isin(names)].tolist(), "the table")
    return TableProfile(rows=len(frame), columns=tuple(profile_column(name, frame[name]) for name in names))


def merge_tables(profiles: Iterable[TableProfile]) -> TableProfile:
    """The profile of all rows together; a column that a table does not have is missing in all its rows.

    Raises:
        DataError: a column holds numbers in one table and texts or times in another.
        TypeError: one of them is no profile.
    """
    profiles = list(profiles)
    other = next((each for each in profiles if not isinstance(each, TableProfile)), None)
    if other is not None:
        raise TypeError(
            f"each of profiles must be a TableProfile (got {type(other).__name__}): profile_table(rows) makes it"
        )
    if len(profiles) == 1:
        return profiles[0]
    names = dict.fromkeys(name for profile in profiles for name in profile.names)
    by_name = [{column.name: column for column in profile.columns} for profile in profiles]
    return TableProfile(
        rows=sum(profile.rows for profile in profiles),
        columns=tuple(
            merge_columns(
                [
                    columns.get(name) or absent_column(name, profile.rows)
                    for profile, columns in zip(profiles, by_name, strict=True)
                ]
            )
            for name in names
        ),
    )


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _dumps(record: Mapping[str, Any]) -> str:
    return escaped(json.dumps(record, separators=(",", ":"), ensure_ascii=False))
