"""What every part of a declaration has in common."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MODEL_NAME = r"^[a-z][a-z0-9_]{0,62}$"
_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[:.][A-Za-z_]\w*")
# What Dagster takes: with any other owner the whole code location does not load.
_OWNER = re.compile(r"team:.+|[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


class SpecModel(BaseModel):
    """Frozen; unknown keys are refused, and so are numbers that are none or without end; read by its YAML names."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def _import_path(value: str) -> str:
    if not _IMPORT_PATH.fullmatch(value):
        raise ValueError(f"must be an import path such as 'package.module:name' (got {value!r})")
    return value


def _owner(value: str) -> str:
    if not _OWNER.fullmatch(value):
        team = f". Did you mean 'team:{value}'?" if re.fullmatch(r"[\w-]+", value) else ""
        raise ValueError(f"must be team:NAME or an e-mail address, as Dagster takes them (got {value!r}){team}")
    return value


Share = Annotated[float, Field(ge=0, le=1)]

ImportPath = Annotated[str, AfterValidator(_import_path)]
"""`package.module:name`, or `package.module.name` for classes."""

Owner = Annotated[str, AfterValidator(_owner)]
"""Who is asked about a model."""


class EnvReference(SpecModel):
    """A value that is read from the environment when it is used, so that no secret stands in a declaration."""

    env: str = Field(description="Name of the environment variable.", min_length=1)

    def resolve(self, environ: dict[str, str] | None = None) -> str:
        """The value of the variable.

        Raises:
            LookupError: the variable is not set.
        """
        values = os.environ if environ is None else environ
        if self.env not in values:
            raise LookupError(f"environment variable {self.env} must be set (a declaration refers to it)")
        return values[self.env]


Text = str | EnvReference
"""A literal text, or `{env: NAME}`."""


def text_of(value: Text) -> str:
    """A literal as it is; an environment reference looked up now."""
    return value if isinstance(value, str) else value.resolve()
