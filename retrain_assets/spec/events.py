"""Where business events come from beside persons and other systems that tell of them: files, or rows of a database."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, model_validator

from retrain_assets.spec.base import SpecModel, Text
from retrain_assets.spec.durations import Duration


class EventsSpec(SpecModel):
    """Each file, or each row of a query, is one event, whoever looks and how often."""

    files: Text | None = Field(
        default=None,
        description="Path or URL of files such as `events/*.txt`, each one event: its first line says what happened. A "
        "file that is written anew is another event. A relative path is relative to the declaration.",
    )
    url: Text | None = Field(
        default=None, description="SQLAlchemy URL of `query`; use `{env: NAME}` where it holds a password."
    )
    query: str | None = Field(
        default=None,
        description="A SELECT of the columns `id`, which tells events apart, and `text`, with the parameter :since "
        "(UTC), such as `SELECT id, text FROM recalls WHERE told_at >= :since`.",
    )
    look_back: Duration = Field(
        default=timedelta(days=7),
        description="How far before a look :since lies, in wall time; older rows are not seen. After looks that "
        "failed, or a time without any job of the model, it lies as far before these began.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> EventsSpec:
        if (self.query is None) != (self.url is None):
            raise ValueError("must have url and query together: one says where, the other what")
        if (self.files is None) == (self.query is None):
            raise ValueError("must have either files, or url and query")
        if isinstance(self.files, str) and "{batch}" in self.files:
            raise ValueError(f"files must not hold {{batch}}: an event belongs to no batch (got '{self.files}')")
        if self.query is not None and ":since" not in self.query:
            raise ValueError("query must name the parameter :since: else every look reads the whole history")
        return self
