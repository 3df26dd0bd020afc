"""`serve`: who scores a batch."""

from __future__ import annotations

from pydantic import Field

from retrain_assets.spec.base import SpecModel


class ServeSpec(SpecModel):
    """Whether the champion scores alone, or together with those before it."""

    members: int = Field(
        default=1,
        ge=1,
        le=10,
        description="So many of the newest champions score together, weighted by their recent labelled losses; each "
        "costs a prediction a row. 1: the champion alone.",
    )
