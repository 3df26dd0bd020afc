"""A declaration that may have mistakes: what is wrong, and what the rest says nevertheless."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from retrain_assets.spec.consistency import inconsistencies
from retrain_assets.spec.fields import Location
from retrain_assets.spec.model import DRAFT, ModelSpec
from retrain_assets.spec.problems import Finding, findings, undotted

_STAND_INS = {
    "name": "stand_in",
    "batches": {"every": "day", "start": "2000-01-01"},
    "source": {"type": "python", "load": "stand:in"},
    "schema": "stand:in",
    "event_time": "<event time>",
    "target": {"column": "<target>"},
    "estimator": {"class": "stand:in"},
    "metric": "log_loss",
}
_WHOLE = ("source", "schema", "labels")
"""Groups that are taken out as one: which keys they need depends on the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The declaration as far as it can be read.

    In the `spec` of a declaration with mistakes each wrong value is left out, or replaced by a stand-in where it is
    required: `wrong` says where. It is good for finding more mistakes and for nothing else.
    """

    spec: ModelSpec | None
    findings: tuple[Finding, ...] = ()
    wrong: tuple[Location, ...] = ()

    @property
    def valid(self) -> bool:
        """There are no mistakes."""
        return not self.findings and self.spec is not None

    def rests_on_wrong(self, *fields: Location) -> bool:
        """Whether one of the fields is wrong, or lies in or around what is."""
        return any(field[: len(path)] == path or path[: len(field)] == field for field in fields for path in self.wrong)


def draft_of(data: Mapping[str, Any]) -> Draft:
    """Reads the values of a declaration; all mistakes are in the draft."""
    try:
        return Draft(spec=ModelSpec.model_validate(data))
    except ValidationError as error:
        found = tuple(findings(error.errors(include_url=False), data))
    rest = copy.deepcopy(dict(data))
    if any(each.contradicts for each in found):  # each field is right by itself
        return Draft(spec=ModelSpec.model_validate(rest, context=DRAFT), findings=found)
    wrong = tuple(_removed(rest, each.path) for each in found)
    _fill(rest, _STAND_INS)
    try:
        spec = ModelSpec.model_validate(rest, context=DRAFT)
    except ValidationError:  # a mistake of a whole group that no single value bears
        return Draft(spec=None, findings=found, wrong=wrong)
    draft = Draft(spec=spec, findings=found, wrong=wrong)
    return Draft(spec=spec, findings=(*found, *_contradictions(draft, spec)), wrong=wrong)


def _contradictions(draft: Draft, spec: ModelSpec) -> tuple[Finding, ...]:
    """A contradiction that a wrong field takes part in is not told: it may vanish with the mistake."""
    return tuple(
        Finding(path=undotted(each.field), message=each.message, contradicts=True)
        for each in inconsistencies(spec)
        if not draft.rests_on_wrong(undotted(each.field), *map(undotted, each.involves))
    )


def _removed(data: Any, path: Location) -> Location:
    """Takes the value out, or the group that holds it where that cannot be without it; returns what was taken out."""
    whole = next((index + 1 for index, part in enumerate(path) if part in _WHOLE), len(path))
    path = path[:whole]
    groups: list[dict[str | int, Any]] = []
    for part in path:
        if not isinstance(data, dict):
            break
        groups.append(cast("dict[str | int, Any]", data))
        data = groups[-1].get(part)
    path = path[: len(groups)]
    if path:
        groups[-1].pop(path[-1], None)
    return path


def _fill(data: dict[str, Any], stand_ins: Mapping[str, Any]) -> None:
    for key, value in stand_ins.items():
        inner = data.setdefault(key, copy.deepcopy(value))
        if isinstance(inner, dict) and isinstance(value, dict) and key not in _WHOLE:
            _fill(cast("dict[str, Any]", inner), cast("dict[str, Any]", value))
