"""`label_next`: which rows are exported for labelling after each batch."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.sources import FilesSource

if TYPE_CHECKING:
    from retrain_assets.spec.model import ModelSpec


class LabelNextSpec(SpecModel):
    """The asset `label_requests`: a file for each batch with the rows most worth a label."""

    path: str = Field(
        description="Path or URL of the CSV file to write: `{batch}` stands for the batch key. Relative to the "
        "declaration; `{home}` at the beginning stands for the home of the installation."
    )
    rows: int = Field(default=100, ge=1, description="Most rows that are asked about.")
    batches: int = Field(default=4, ge=1, description="Newest watched batches whose unlabelled rows are looked at.")

    @field_validator("path")
    @classmethod
    def _of_a_batch(cls, value: str) -> str:
        if "{batch}" not in value:
            raise ValueError(f"must hold {{batch}}, such as 'to_label/{{batch}}.csv' (got {value!r})")
        return value


def label_next_problems(spec: ModelSpec) -> Iterator[tuple[str, str, str]]:
    """Field, message and other field: what is asked must not be read as if it were delivered."""
    if spec.label_next is None:
        return
    asked = spec.label_next.path.replace("{batch}", "-")
    for field, source in (("source", spec.source), ("target.labels", spec.target.labels)):
        looked_at = source.path if isinstance(source, FilesSource) else None
        if isinstance(looked_at, str) and fnmatchcase(asked, looked_at.replace("{batch}", "-")):
            yield (
                "label_next.path",
                f"must not be where {field} looks ({looked_at}): the open questions would be read as a delivery",
                field,
            )
