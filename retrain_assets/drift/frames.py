"""What `compare` is given, as profiles of batches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.data.column_names import refuse_twice, with_text_names
from retrain_assets.data.pandas_types import in_plain_type, with_plain_arrow
from retrain_assets.data.part_profiling import SMALL, profile_parts
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift.fitted_reference import FittedReference
from retrain_assets.drift.given import LazyRows, as_given, name_of
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.stream_sample import MAX_ROWS, StreamSample
from retrain_assets.drift.wording import plural
from retrain_assets.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


Matrix = npt.NDArray[np.float64]
Made = TypeVar("Made")


@runtime_checkable
class ArrowStream(Protocol):
    """Whatever exports Arrow data: a Polars frame, an Arrow table or reader, a DuckDB relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The PyCapsule of the stream."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A reference that is profiled and cut into cells once, for any number of comparisons: see `prepare`.

    Args:
        profiles: by batch.
        rows: for the joint tests; None where the reference was given as profiles.
        batch: column of the rows that says which came together.
    """

    profiles: Mapping[str, TableProfile]
    rows: pd.DataFrame | ArrowStream | None
    batch: str | None = None
    _fitted: dict[Settings, FittedReference] = field(default_factory=dict, init=False, repr=False, compare=False)
    _kept: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any], init=False, repr=False, compare=False)

    def __repr__(self) -> str:
        rows = plural(sum(profile.rows for profile in self.profiles.values()), "row", "rows")
        return f"Prepared({rows} in {plural(len(self.profiles), 'batch', 'batches')}, batch={self.batch!r})"

    def agree_with(self, batch: str | None) -> None:
        """Refuses another batch column than the rows were prepared with.

        Raises:
            DataError: it is another one, or they were prepared without.
        """
        if self.rows is not None and batch not in (None, self.batch):
            raise DataError(
                f"a prepared reference must be compared with the batch column that it was prepared with, "
                f"{self.batch!r} (got {batch!r}): call prepare(reference, batch={batch!r}), or leave batch out"
            )

    def fitted(self, settings: Settings) -> FittedReference:
        """The reference as `compare_columns` takes it."""
        if settings not in self._fitted:
            self._fitted[settings] = FittedReference(list(self.profiles.values()), settings)
        return self._fitted[settings]

    def once(self, asked: Hashable, make: Callable[[], Made]) -> Made:
        """What is made of the rows when it is first asked for, and kept until something else is."""
        if asked not in self._kept:
            made = make()
            self._kept.clear()
            self._kept[asked] = made
        return self._kept[asked]


def prepare(reference: Side | LazyRows, *, batch: str | None = None) -> Prepared:
    """Does once what every comparison with a reference would do again; its rows are kept for the joint tests.

    Args:
        reference: rows or profiles, as `compare` takes them.
        batch: column that says which rows came together. `compare` may be given the same, for the current window.

    Raises:
        DataError: as by `compare`.
    """
    if isinstance(reference, Prepared):
        reference.agree_with(batch)
        return reference
    batch = None if batch is None else name_of(batch, "batch")
    given: Any = as_given(reference)
    if is_stream(given):
        return _of_stream(given, "the reference", batch, MAX_ROWS)
    profiles = profiles_of(given, name="the reference", batch=batch)
    profiled = isinstance(given, (TableProfile, Mapping, Sequence))
    return Prepared(profiles, None) if profiled else Prepared(profiles, given, batch)


def batch_of(reference: Side, current: Side) -> str | None:
    """The batch column of a prepared reference, where the current window has it too: it is no data on either side."""
    if not isinstance(reference, Prepared) or reference.batch is None or isinstance(current, Prepared):
        return None
    side: Any = current
    # Data frames have names as columns, Arrow's tables and readers a schema with names; profiles have neither.
    names = side.columns if hasattr(side, "dtypes") else getattr(getattr(side, "schema", None), "names", ())
    return reference.batch if reference.batch in [str(name) for name in names] else None


def is_stream(side: object) -> TypeGuard[ArrowStream]:
    """Whether the rows can be read once only."""
    return isinstance(side, ArrowStream) and not hasattr(side, "columns")


def read_once(side: Side, *, name: str, batch: str | None, most: int) -> Side:
    """A side whose rows can be looked at again: of a stream the profiles and a sample, anything else as it is.

    Args:
        side: rows or profiles.
        name: of the side, for messages.
        batch: column that says which rows came together.
        most: rows of the sample.
    """
    return _of_stream(side, name, batch, most) if is_stream(side) else side


def _of_stream(side: ArrowStream, name: str, batch: str | None, most: int) -> Prepared:
    from retrain_assets.data.arrow_profiling import profile_arrow

    sample = StreamSample(most)
    profiles = profile_arrow(sample.passing(_chunks(side, name)), batch=batch, name=name)
    return Prepared(profiles, sample.table(), batch)


Side = pd.DataFrame | ArrowStream | Prepared | TableProfile | Sequence[TableProfile] | Mapping[str, TableProfile]
"""One side of a comparison: rows, or profiles (of batches, or of all rows together)."""


def profiles_of(side: Side, *, name: str, batch: str | None) -> dict[str, TableProfile]:
    """Profiles by batch; the key is "" where no batches are told.

    Args:
        side: rows or profiles.
        name: of the side, for messages.
        batch: column that says which rows came together; of rows only.

    Raises:
        DataError: the batch column is missing or has gaps, is another one than the side was prepared with, or two
            columns share their name.
        TypeError: the side is neither rows nor profiles.
    """
    if isinstance(side, TableProfile):
        return {"": side}
    if isinstance(side, Prepared):
        side.agree_with(batch)
        return dict(side.profiles)
    if isinstance(side, pd.DataFrame):
        return _of_pandas(side, name, batch)
    if isinstance(side, Mapping):
        _refuse_alike(side, f"the batches of {name}")
        return {str(key): _profile(profile, name) for key, profile in side.items()}
    if isinstance(side, Sequence) and not isinstance(side, (str, bytes)):
        return {str(place): _profile(profile, name) for place, profile in enumerate(side)}
    if isinstance(side, ArrowStream):
        from retrain_assets.data.arrow_profiling import profile_arrow

        return profile_arrow(_chunks(side, name), batch=batch, name=name)
    raise _neither(side, name)


def batches_of(reference: object, what: str) -> list[TableProfile]:
    """Of a reference that must be given as profiles, those of its batches.

    Args:
        reference: a list of profiles, profiles by batch, or what `prepare` gives.
        what: it is for, for messages.

    Raises:
        TypeError: it is something else.
    """
    given = reference.profiles if isinstance(reference, Prepared) else reference
    given = list(cast("Mapping[object, object]", given).values()) if isinstance(given, Mapping) else given
    if not isinstance(given, Sequence) or not all(isinstance(batch, TableProfile) for batch in given):
        raise TypeError(
            f"the reference of a {what} must be the TableProfile of each batch, in a list or a dict (got "
            f"{type(reference).__name__}): of rows prepare(rows, batch='day') makes them, and is taken as it is"
        )
    return list(cast("Sequence[TableProfile]", given))


def _neither(side: object, name: str) -> TypeError:
    return TypeError(
        f"{name} must be a pandas or Polars data frame, an Arrow table or reader, a TableProfile, or several of them "
        f"by batch (got {type(side).__name__})"
    )


def _profile(profile: object, name: str) -> TableProfile:
    if not isinstance(profile, TableProfile):
        raise TypeError(
            f"the batches of {name} must be TableProfile (got {type(profile).__name__}): profile_table(rows) makes one "
            "of a data frame; or give all rows as one frame, and batch= names the column that tells them apart"
        )
    return profile


def _of_pandas(frame: pd.DataFrame, name: str, batch: str | None) -> dict[str, TableProfile]:
    frame = with_text_names(frame)
    refuse_twice(frame.columns.tolist(), name)
    if batch is None:
        return {"": profile_table(frame)}
    if batch not in frame:
        from retrain_assets.data.arrow_profiling import without_batches

        missing = without_batches(batch, name, frame.columns.tolist())
        if batch in map(str, frame.index.names):
            raise DataError(f"{missing} It is in the index: call reset_index('{batch}').")
        raise missing
    frame = with_plain_arrow(frame)
    batches = in_plain_type(frame[batch])
    gaps = int(batches.isna().sum())
    if gaps:
        raise DataError(f"the batch column '{batch}' must have a value in every row of {name} ({gaps} have none)")
    groups = frame.groupby(batches, sort=True, observed=True)
    try:
        keys = groups.size().index.tolist()
    except TypeError as error:
        raise DataError(
            f"the batch column '{batch}' of {name} must hold texts, numbers or times, which can be told apart ({error})"
        ) from None
    _refuse_alike(keys, f"the batches in column '{batch}' of {name}")
    if len(frame) <= SMALL * len(keys):
        made = profile_parts(frame.drop(columns=batch), groups.ngroup().to_numpy(), len(keys))
        return {str(key): profile for key, profile in zip(keys, made, strict=True)}
    return {str(key): profile_table(rows.drop(columns=batch)) for key, rows in groups}


def _refuse_alike(keys: Iterable[object], what: str) -> None:
    """Two keys with one text would be one batch, whose rows are those of the last."""
    known: dict[str, object] = {}
    for key in keys:
        if str(key) in known:
            raise DataError(
                f"{what} must differ by their text (got {known[str(key)]!r} and {key!r}): give all of them one type"
            )
        known[str(key)] = key


def _chunks(side: ArrowStream, name: str) -> Iterator[Any]:
    import pyarrow as pa

    table: Any = side if isinstance(side, pa.Table) else None
    if table is not None:
        # What is in memory as a whole is profiled as a whole: parts of it would only have to be added up.
        refuse_twice(table.column_names, name)
        yield table
        return
    _refuse_objects(side, name)
    try:
        reader: pa.RecordBatchReader = pa.RecordBatchReader.from_stream(side)
    except pa.ArrowInvalid as error:
        if is_stream(side):  # a single column is no table
            raise _neither(side, name) from error
        raise DataError(f"{name} holds a column that is no Arrow data, convert it first: {error}") from error
    refuse_twice(reader.schema.names, name)
    empty = True
    for chunk in reader:
        empty = empty and not chunk.num_rows
        yield chunk
    if empty:
        yield reader.schema.empty_table()


def _refuse_objects(side: ArrowStream, name: str) -> None:
    """Of a column of Python objects Polars exports the places in memory, as bytes."""
    schema: Any = getattr(side, "schema", None) if type(side).__module__.startswith("polars.") else None
    objects = [column for column, kind in (schema or {}).items() if str(kind) == "Object"]
    if objects:
        raise DataError(
            f"{name} holds Python objects of Polars in column '{objects[0]}', which are no Arrow data: cast it to a "
            "type of values, or drop it"
        )
