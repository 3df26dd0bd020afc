"""A schema written in the declaration; compiled into a pandera schema by `retrain_assets.data.contracts`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retrain_assets.spec.base import SpecModel

ColumnType = Literal["int", "float", "string", "bool", "datetime", "category"]


class ColumnSpec(SpecModel):
    """The rules of one column."""

    type: ColumnType = Field(description="What the values are read as.")
    nullable: bool = Field(default=False, description="A value may be missing.")
    required: bool = Field(default=True, description="The column must be there.")
    unique: bool = Field(default=False, description="No two rows of a batch have the same value.")
    min: float | None = Field(default=None, description="Smallest allowed value.")
    max: float | None = Field(default=None, description="Largest allowed value.")
    values: tuple[str | int | float | bool, ...] | None = Field(default=None, description="The allowed values.")
    pattern: str | None = Field(default=None, description="Regular expression that a whole text must match.")

    @property
    def whole_pattern(self) -> str | None:
        """The pattern as it is matched from the beginning of a text."""
        return None if self.pattern is None else rf"^(?:{self.pattern})\Z"
