"""`promote.approval`: when a person must agree to a promotion, and who may."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from retrain_assets.spec.base import Share, SpecModel
from retrain_assets.spec.durations import Duration


def spelt_alike(name: str) -> str:
    """What names of one person have in common: neither case nor blanks, nor other forms of the same characters, tell.

    >>> spelt_alike(" \uff21nn") == spelt_alike("ann")
    True
    """
    return unicodedata.normalize("NFKC", name).strip().casefold()


class ApproverSpec(SpecModel):
    """One person who may answer."""

    role: str = Field(default="", description="What the person answers as; `promote.approval.role` names one.")
    key: str | None = Field(
        default=None, description="The person's public key, as `retrain-assets approval key` prints it."
    )

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, value: str | None) -> str | None:
        if value is not None and not (len(value) == 64 and all(c in "0123456789abcdef" for c in value)):
            raise ValueError(f"must be the 64 hexadecimal digits of an Ed25519 public key (got {value!r})")
        return value


class LargeChangeSpec(SpecModel):
    """How far a candidate must lie from the champion to count as a large change: either of these suffices."""

    churn: Share = Field(default=0.1, description="Share of the reserved rows whose predicted class is another one.")
    score_shift: float = Field(
        default=0.1,
        ge=0,
        description="Mean distance of the scores: of the probabilities, or of the predictions in standard deviations "
        "of the champion's.",
    )


class ApprovalSpec(SpecModel):
    """When a promotion waits for persons. Written out, or as `never`, `always` or `on_large_change`."""

    when: Literal["never", "always", "on_large_change"] = Field(
        default="never",
        description="`on_large_change` holds what `large_change` calls large; it never holds the first champion.",
    )
    large_change: LargeChangeSpec = LargeChangeSpec()
    approvers: dict[str, ApproverSpec] = Field(
        default_factory=dict[str, ApproverSpec],
        description="Who may answer, by name. Without any, and with names on trust, anybody may.",
    )
    persons: int | None = Field(
        default=None,
        ge=1,
        description="So many persons must approve; one rejection rejects. Default: one; where a `role` is declared, no "
        "number of others suffices.",
    )
    role: str | None = Field(
        default=None, description="One person of this role must approve, or as many others as `persons` says."
    )
    names: Literal["signed", "on_trust"] = Field(
        default="on_trust",
        description="`signed`: an answer carries a token made with the person's private key. `on_trust`: whoever "
        "types a name is believed; Dagster's open-source UI has no login.",
    )
    expires: Duration = Field(
        default=timedelta(days=7), description="Wall time after which a hold that nobody settled is rejected."
    )

    @property
    def roles(self) -> dict[str, str]:
        """The role of each person on the list."""
        return {name: approver.role for name, approver in self.approvers.items()}


def _written_short(value: object) -> object:
    return {"when": value} if isinstance(value, str) else value


Approval = Annotated[ApprovalSpec, BeforeValidator(_written_short, json_schema_input_type=str | ApprovalSpec)]
