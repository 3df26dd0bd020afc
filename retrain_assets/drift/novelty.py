"""How unlike the reference each single row is, from profiles alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.arrow_types import in_plain_types
from retrain_assets.data.column_names import refuse_twice, with_text_names
from retrain_assets.data.column_profile import ColumnProfile, bin_edges, bins_of
from retrain_assets.data.column_profiling import floats_of, is_duration, kind_of, profile_column
from retrain_assets.data.older_labels import as_now
from retrain_assets.data.pandas_types import in_plain_type
from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.data.seconds import seconds_of_series
from retrain_assets.data.text_counts import codes_of_texts
from retrain_assets.data.value_texts import texts_of_series
from retrain_assets.drift.frames import ArrowStream, Prepared, batches_of
from retrain_assets.drift.given import as_given, name_of
from retrain_assets.errors import did_you_mean

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """Scores rows by how far in the tails of the reference their values lie.

    `sum over the columns of -log(tail)`, where the tail of a number is the share of reference rows that are as far out
    on its side, doubled; that of a category or of a missing value the share of rows with what is no more frequent. With
    independent columns each adds 1 on average. An unseen value has one in `rows + 1`. It is the outlier score ECOD,
    two-sided, from the fine bins of profiles instead of all rows; a combination of values that is odd although each is
    common it does not see.

    Source: Li, Zhao, Hu, Botta, Ionescu and Chen 2022, "ECOD: unsupervised outlier detection using empirical cumulative
    distribution functions", IEEE Transactions on Knowledge and Data Engineering.

    Args:
        columns: profiles of the reference.

    >>> from retrain_assets.data.profile import profile_table
    >>> novelty = Novelty.of([profile_table(pd.DataFrame({"x": np.arange(999.0), "k": ["a"] * 999}))])
    >>> novelty.scores(pd.DataFrame({"x": [500.0, 0.0, 5000.0], "k": ["a", "a", "b"]})).round(1).tolist()
    [0.0, 5.5, 13.1]
    """

    columns: tuple[ColumnProfile, ...]

    @classmethod
    def of(
        cls,
        reference: Sequence[TableProfile] | Mapping[str, TableProfile] | Prepared,
        names: Sequence[str] | None = None,
    ) -> Novelty:
        """Of the batches of a reference.

        Args:
            reference: profiles of its batches: a list, a dict, or what `prepare` gives.
            names: of the columns that count; by default all but times, which are always new.

        Raises:
            TypeError: the batches are no profiles, or the names are none.
            ValueError: there are no batches, or none has a column of one of the names.
        """
        batches = batches_of(reference, "Novelty")
        if not batches:
            raise ValueError(
                "the reference of a Novelty must have at least one batch (got none): no row could be scored"
            )
        merged = merge_tables(batches)
        if isinstance(names, str):
            raise TypeError(f"names must be a list of names (got the text {names!r}): write [{names!r}]")
        if names is None:
            wanted = [column.name for column in merged.columns if column.kind != "datetime"]
        else:
            wanted = [name_of(name, "each of names") for name in names]
        for name in wanted:
            if name not in merged:
                known = did_you_mean(name, merged.names)
                raise ValueError(f"names must be of columns of the reference (got {name!r}).{known}")
        return cls(columns=tuple(merged[name] for name in wanted if merged[name].rows))

    def scores(self, rows: pd.DataFrame | ArrowStream) -> Array:
        """One score for each row; a column that the rows do not have is missing in all of them.

        Args:
            rows: pandas, Polars, or what else exports Arrow data.

        Raises:
            DataError: two columns share their name.
            TypeError: they are no rows.
        """
        rows = _in_pandas(rows)
        refuse_twice(rows.columns.tolist(), "rows")
        total = np.zeros(len(rows))
        for column in self.columns:
            values = rows[column.name] if column.name in rows else pd.Series(np.nan, index=rows.index)
            total -= np.log(np.minimum(_tails(column, in_plain_type(values)), 1.0))
        return total


def _in_pandas(rows: object) -> pd.DataFrame:
    import pyarrow as pa

    rows = as_given(rows)
    if isinstance(rows, pd.DataFrame):
        return with_text_names(rows)
    if not isinstance(rows, ArrowStream):
        raise TypeError(
            f"rows must be a pandas or Polars data frame, or an Arrow table or reader (got {type(rows).__name__})"
        )
    return in_plain_types(pa.table(rows)).to_pandas(ignore_metadata=True, date_as_object=False)


def _tails(column: ColumnProfile, values: pd.Series) -> Array:
    if column.bins:
        return _of_numbers(column, _numbers_of(column, values))
    return _of_categories(column, values)


def _numbers_of(column: ColumnProfile, values: pd.Series) -> pd.Series:
    """Numbers, or of times seconds; what is neither is missing."""
    if pd.api.types.is_numeric_dtype(values.dtype) or is_duration(values.dtype):
        return values
    if column.kind != "datetime":
        return pd.to_numeric(values, errors="coerce")
    times = values if kind_of(values) == "datetime" else pd.to_datetime(values, "coerce", utc=True, format="mixed")
    return pd.Series(seconds_of_series(times), index=values.index)


def _of_numbers(column: ColumnProfile, values: pd.Series) -> Array:
    keys, counts = bins_of(column)
    low, high = bin_edges(column, keys)
    reached = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
    numbers = floats_of(values)
    absent = ~np.isfinite(numbers)
    numbers = np.where(absent, 0.0, numbers)
    bins = np.searchsorted(low, numbers, side="right")  # so many bins begin at or below the number
    inside = bins - ((bins > 0) & (numbers <= high[np.maximum(bins - 1, 0)]))
    count = reached[-1]
    tails = 2 * (np.minimum(reached[bins], count - reached[inside]) + 1) / (count + 1)
    return np.where(absent, (column.missing + column.infinite + 1) / (column.rows + 1), tails)


def _of_categories(column: ColumnProfile, values: pd.Series) -> Array:
    if column.older:
        column = as_now([column, profile_column(column.name, values)])[0]
        if column.older:  # it may have written any of the values otherwise: it says nothing about them
            return np.ones(len(values))
    counts = {**column.categories, _MISSING: column.missing}
    sizes = np.sort(np.array(list(counts.values()), dtype=np.float64))
    no_more_frequent = np.cumsum(sizes) + column.other
    tails: Mapping[str, float] = {
        label: (no_more_frequent[np.searchsorted(sizes, count, side="right") - 1] + 1) / (column.rows + 1)
        for label, count in counts.items()
    }
    truths = pd.api.types.is_bool_dtype(values.dtype)
    if column.kind == "boolean" and pd.api.types.is_numeric_dtype(values.dtype) and not truths:
        values = values.map({0: "False", 1: "True"})  # which pandas does not find by the truth values equal to them
    found = codes_of_texts(texts_of_series(values), tails, (column.other + 1) / (column.rows + 1))
    return np.where(np.isnan(found), tails[_MISSING], found)


_MISSING = "\0missing"
"""No text of a table begins so."""
