"""Where the rows of a batch come from, as declared. The readers are in `retrain_assets.stores.sources`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from retrain_assets.spec.base import ImportPath, SpecModel, Text


class FilesSource(SpecModel):
    """Files whose path holds the batch key; local or any fsspec URL."""

    type: Literal["files"] = Field(description="The kind of the source.")
    path: Text = Field(
        description="Path or URL of the files of one batch: `{batch}` stands for the batch key, `*` for anything, "
        "for example `drop/{batch}*.csv`. A relative path is relative to the declaration; `{home}` at the beginning "
        "stands for the home of the installation (RETRAIN_ASSETS_HOME)."
    )
    format: Literal["csv", "parquet"] | None = Field(default=None, description="By default told by the file's ending.")
    encoding: str = Field(
        default="utf-8", description="Text encoding of CSV files; another one is quarantined, not guessed."
    )
    separator: str = Field(default=",", min_length=1, max_length=1, description="Column separator of CSV files.")
    storage_options: dict[str, Text] = Field(
        default_factory=dict, description="Options of the fsspec file system; secrets by `{env: NAME}`."
    )


class DeltaSource(SpecModel):
    """Rows of a Delta table whose event time lies in the batch's window."""

    type: Literal["delta"] = Field(description="The kind of the source.")
    path: Text = Field(description="Path or URL of the table.")
    storage_options: dict[str, Text] = Field(default_factory=dict, description="Options of the object store.")


class SqlSource(SpecModel):
    """A query with `:start` and `:end` bound as parameters, read in chunks.

    A query shows no change: it is asked when a window has closed, while it answers nothing a few times more, and once
    again when `batches.tolerance` is over. What changes later, only `retrain-assets run --batch` reads.
    """

    type: Literal["sql"] = Field(description="The kind of the source.")
    url: Text = Field(description="SQLAlchemy URL; use `{env: NAME}` where it holds a password.")
    query: str = Field(
        description="A SELECT with the parameters :start (inclusive) and :end (exclusive). Without an ORDER BY the "
        "rows are sorted by all columns; one of your own must tell all rows apart."
    )
    chunk_rows: int = Field(default=50_000, ge=1, description="Rows fetched at a time.")


class PythonSource(SpecModel):
    """A callable `load(start, end) -> pandas.DataFrame`, for an API or anything else.

    It is asked when a query would be.
    """

    type: Literal["python"] = Field(description="The kind of the source.")
    load: ImportPath = Field(description="`package.module:function`, called with the window's start and end (UTC).")
    arguments: dict[str, Text | int | float | bool] = Field(
        default_factory=dict, description="Further keyword arguments of the callable; secrets by `{env: NAME}`."
    )


SourceSpec = Annotated[FilesSource | DeltaSource | SqlSource | PythonSource, Field(discriminator="type")]
