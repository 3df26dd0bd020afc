"""Where the rows of a batch come from, as declared. The readers are in `retrain_assets.stores.sources`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from retrain_assets.spec.base import ImportPath, SpecModel, Text
from retrain_assets.spec.durations import Duration


class FilesSource(SpecModel):
    """Files whose path holds the batch key; local or any fsspec URL."""

    type: Literal["files"] = Field(description="The kind of the source.")
    path: Text = Field(
        description="Path or URL of the files of one batch: `{batch}` stands for the batch key, `*` for anything, "
        "for example `drop/{batch}*.csv`. A relative path is relative to the declaration; `{home}` at the beginning "
        "stands for the home of the installation (RETRAIN_ASSETS_HOME)."
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="By default told by the file's ending. CSV files may be compressed with gzip."
    )
    encoding: str = Field(
        default="utf-8", description="Text encoding of CSV files; another one is quarantined, not guessed."
    )
    separator: str = Field(default=",", min_length=1, max_length=1, description="Column separator of CSV files.")
    decimal: Literal[".", ","] = Field(
        default=".",
        description="Decimal mark of the numbers in CSV files. By `,` `12,5` is a number, and `12.5` none: it is "
        "quarantined, not guessed.",
    )
    storage_options: dict[str, Text] = Field(
        default_factory=dict, description="Options of the fsspec file system; secrets by `{env: NAME}`."
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "x".encode(encoding)
        except LookupError:
            raise ValueError(f"must be a text encoding such as 'utf-8' or 'latin-1' (got {encoding!r})") from None
        return encoding

    @field_validator("separator")
    @classmethod
    def _separates(cls, separator: str) -> str:
        if separator in '"\r\n':
            raise ValueError(
                f"must be no quote and no line break, which have a meaning of their own (got {separator!r})"
            )
        return separator

    def format_of(self, path: str) -> Literal["csv", "parquet"]:
        """What a file is read as."""
        told = "parquet" if path.endswith((".parquet", ".pq")) else "csv"
        return told if self.format is None else self.format

    @model_serializer(mode="wrap")
    def _without_the_usual_mark(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Where none is declared, what was hashed before there was the field keeps its hash."""
        fields: dict[str, Any] = dump(self)
        if self.decimal == ".":
            fields.pop("decimal", None)
        return fields


class DeltaSource(SpecModel):
    """Rows of a Delta table whose event time lies in the batch's window."""

    type: Literal["delta"] = Field(description="The kind of the source.")
    path: Text = Field(description="Path or URL of the table.")
    storage_options: dict[str, Text] = Field(default_factory=dict, description="Options of the object store.")


class AskedSource(SpecModel):
    """A source that shows no change: it is asked when a window has closed, and again when the batch is due.

    While its answer holds no rows it is asked a few times more before, and after that at intervals that double.
    """

    recheck: Duration | None = Field(
        default=None,
        description="For so long after a batch was due (of `target.labels`: after its labels should be known) what was "
        "answered is asked for again, to see whether it changed: after `batches.tolerance`, then at intervals that "
        "double, and at the end of the span. Each time is a query and a run. By default an answer to a batch that "
        "is due is final, and only `retrain-assets run --batch` reads what changes later.",
    )


class SqlSource(AskedSource):
    """A query with `:start` and `:end` bound as parameters, read in chunks."""

    type: Literal["sql"] = Field(description="The kind of the source.")
    url: Text = Field(description="SQLAlchemy URL; use `{env: NAME}` where it holds a password.")
    query: str = Field(
        description="A SELECT with the parameters :start (inclusive) and :end (exclusive). Without an ORDER BY the "
        "rows are sorted by all columns; one of your own must tell all rows apart. SQLite compares times as texts: of "
        "a column with `T` between date and time, write `datetime(column) >= :start AND datetime(column) < :end`."
    )
    chunk_rows: int = Field(default=50_000, ge=1, description="Rows fetched at a time.")


class PythonSource(AskedSource):
    """A callable `load(start, end) -> pandas.DataFrame`, for an API or anything else."""

    type: Literal["python"] = Field(description="The kind of the source.")
    load: ImportPath = Field(description="`package.module:function`, called with the window's start and end (UTC).")
    arguments: dict[str, Text | int | float | bool] = Field(
        default_factory=dict, description="Further keyword arguments of the callable; secrets by `{env: NAME}`."
    )


def decimal_mark(source: FilesSource | DeltaSource | SqlSource | PythonSource) -> str:
    """The decimal mark of numbers that a source delivers as text."""
    return source.decimal if isinstance(source, FilesSource) else "."


SourceSpec = Annotated[FilesSource | DeltaSource | SqlSource | PythonSource, Field(discriminator="type")]
