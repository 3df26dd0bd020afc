"""A schema written in the declaration; compiled into a pandera schema by `retrain_assets.data.contracts`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retrain_assets.spec.base import SpecModel

ColumnType = Literal["int", "float", "string", "bool", "datetime", "category"]


class ColumnSpec(SpecModel):
    """The rules of one column."""

    type: ColumnType
    nullable: bool = False
    required: bool = True
    unique: bool = False
    min: float | None = Field(default=None, description="Smallest allowed value.")
    max: float | None = Field(default=None, description="Largest allowed value.")
    values: tuple[str | int | float | bool, ...] | None = Field(default=None, description="The allowed values.")
    pattern: str | None = Field(default=None, description="Regular expression that a whole text must match.")
