"""How often models may be trained again: one by itself, and several together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from retrain_assets.spec.base import SpecModel
from retrain_assets.spec.durations import Period, format_duration, parse_period

if TYPE_CHECKING:
    from retrain_assets.spec.model import ModelSpec


class BudgetSpec(SpecModel):
    """At most so many retrains in a trailing period of batch time."""

    retrains: int = Field(ge=1, description="Number of retrains; written out, or as `12 per year`.")
    period: Period = Field(description="Length of the trailing period.")


_BUDGET = re.compile(r"\s*(\d+)\s+per\s+(.+?)\s*")


def _budget(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _BUDGET.fullmatch(value)
    if match is None:
        raise ValueError(f"must read like '12 per year' or '2 per 4 weeks' (got {value!r})")
    return {"retrains": int(match[1]), "period": parse_period(match[2])}


Budget = Annotated[BudgetSpec, BeforeValidator(_budget, json_schema_input_type=str | BudgetSpec)]


class SharedBudgetSpec(SpecModel):
    """A budget on which every model draws that names it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="Its name, the same at all of its models.")
    budget: Budget = Field(
        description="Such as `4 per week`, the same at all of its models: decisions to retrain within so much batch "
        "time of each other, of all of them together."
    )


def unequal_budgets(specs: Iterable[ModelSpec]) -> Iterator[tuple[ModelSpec, str]]:
    """Models that name a shared budget and declare it otherwise than the first one of that name, with what is wrong."""
    first: dict[str, ModelSpec] = {}
    for spec in specs:
        shared = spec.retrain.shared_budget
        if shared is None:
            continue
        other = first.setdefault(shared.name, spec)
        agreed = other.retrain.shared_budget
        if agreed is not None and agreed != shared:
            theirs = f"'{other.name}' declares {_shown(agreed)}"
            yield spec, f"must be the same at all models that share '{shared.name}' (got {_shown(shared)}; {theirs})"


def _shown(shared: SharedBudgetSpec) -> str:
    return f"{shared.budget.retrains} per {format_duration(shared.budget.period)}"
