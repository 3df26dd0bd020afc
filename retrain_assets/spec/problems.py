"""The mistakes that pydantic finds, as sentences for the person who wrote the declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from retrain_assets.errors import did_you_mean
from retrain_assets.spec.consistency import InconsistentError
from retrain_assets.spec.fields import Location, Place, place_of

_WHAT = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}
_PATTERNS = {
    "^[a-z][a-z0-9_]{0,62}$": "lower-case letters, digits and underscores, beginning with a letter, at most 63 of them"
}
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake at one place of the data.

    `wants` is what a value must be where the mistake is its type: findings of one place, from the members of a union,
    are joined by it.
    """

    path: Location
    message: str
    wants: str | None = None
    unknown_key: bool = False
    missing_key: bool = False
    contradicts: bool = False
    involves: tuple[str, ...] = ()


def dotted(path: Sequence[str | int]) -> str:
    """A path as it is written in messages.

    >>> dotted(("report_metrics", 0))
    'report_metrics[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def undotted(field: str) -> Location:
    """The inverse of `dotted` for names without dots and brackets."""
    parts = re.findall(r"[^.\[\]]+|\[\d+\]", field)
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in parts)


def findings(errors: Sequence[ErrorDetails], data: object) -> list[Finding]:
    """All mistakes, one for each place, without what is only an echo of another one."""
    found = [each for error in errors for each in _read(error, data)]
    found = [each for each in found if not (each.wants and any(_below(other, each) for other in found))]
    found = [each for each in found if not _misspelt(each, found)]
    places: dict[Location, list[Finding]] = {}
    for each in found:
        places.setdefault(each.path, []).append(each)
    return [one for group in places.values() for one in _joined(group)]


def _below(other: Finding, finding: Finding) -> bool:
    return len(other.path) > len(finding.path) and other.path[: len(finding.path)] == finding.path


def _misspelt(finding: Finding, found: Sequence[Finding]) -> bool:
    """A required key is missing because it was mistyped: the unknown key's hint says it all."""
    if not finding.missing_key:
        return False
    wrong = [str(each.path[-1]) for each in found if each.unknown_key and each.path[:-1] == finding.path[:-1]]
    return bool(get_close_matches(str(finding.path[-1]), wrong, n=1, cutoff=0.6))


def _joined(group: Sequence[Finding]) -> Iterator[Finding]:
    said = [each for each in group if each.wants is None]
    if said:  # a sentence of a field's own knows more than the types of a union
        yield from {each.message: each for each in said}.values()
        return
    wants = list(dict.fromkeys(each.wants for each in group if each.wants))
    got = group[0].message
    yield replace(group[0], message=f"must be {' or '.join(wants)} {got}")


def shown(value: object) -> str:
    """A value as it is shown in a message: short, and in YAML's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _got(value: object) -> str:
    return f"(got {shown(value)})"


def _read(error: ErrorDetails, data: object) -> Iterator[Finding]:
    kind = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    place = place_of(error["loc"], data)
    cause = context.get("error")
    if isinstance(cause, InconsistentError):
        for each in cause.found:
            yield Finding(path=undotted(each.field), message=each.message, contradicts=True, involves=each.involves)
    elif kind in _WHAT:
        yield Finding(path=place.path, message=_got(error["input"]), wants=_WHAT[kind])
    elif kind == "model_type":
        yield Finding(path=place.path, message=_got(error["input"]), wants=_model_wanted(context))
    elif kind in _SENTENCES:
        yield _SENTENCES[kind](place, error, context)
    elif kind in _LIMITS:
        name, sign = _LIMITS[kind]
        yield Finding(path=place.path, message=f"must be {sign} {context[name]:g} {_got(error['input'])}")
    else:
        said = str(cause) if cause is not None else f"{error['msg'][:1].lower()}{error['msg'][1:]}"
        yield Finding(path=place.path, message=said if "(got" in said or cause else f"{said} {_got(error['input'])}")


def _model_wanted(context: Mapping[str, Any]) -> str:
    return "{env: NAME}" if context.get("class_name") == "EnvReference" else "a mapping"


def _missing(place: Place, _error: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    meaning = place.info.description if place.info is not None else None
    return Finding(path=place.path, message=f"must be set{f': {meaning}' if meaning else ''}", missing_key=True)


def _unknown(place: Place, _error: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    hint = did_you_mean(str(place.path[-1]), place.known_keys)
    return Finding(path=place.path, message=f"is not a known key.{hint}", unknown_key=True)


def _literal(place: Place, error: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    allowed = _QUOTED.findall(context["expected"])
    value = error["input"]
    close = get_close_matches(value, allowed, n=1) if isinstance(value, str) else []
    hint = f". Did you mean '{close[0]}'?" if close else ""
    if len(allowed) == 1:
        return Finding(path=place.path, message=_got(value), wants=repr(allowed[0]))
    return Finding(path=place.path, message=f"must be one of {', '.join(allowed)} {_got(value)}{hint}")


def _tag_invalid(place: Place, _error: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    allowed, tag = _QUOTED.findall(context["expected_tags"]), str(context["tag"])
    close = get_close_matches(tag, allowed, n=1)
    hint = f". Did you mean '{close[0]}'?" if close else ""
    message = f"must be one of {', '.join(allowed)} (got '{tag}'){hint}"
    return Finding(path=(*place.path, "type"), message=message)


def _tag_missing(place: Place, _error: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    kinds = "files, delta, sql or python"
    return Finding(
        path=(*place.path, "type"), message=f"must be set: the kind of the source, {kinds}", missing_key=True
    )


def _pattern(place: Place, error: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    pattern = context["pattern"]
    rule = _PATTERNS.get(pattern, f"a text that matches {pattern}")
    return Finding(path=place.path, message=f"must be {rule} {_got(error['input'])}")


def _too_short(place: Place, error: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    return Finding(path=place.path, message=f"must not be shorter than {context['min_length']} {_got(error['input'])}")


def _too_long(place: Place, error: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    return Finding(path=place.path, message=f"must not be longer than {context['max_length']} {_got(error['input'])}")


_SENTENCES: dict[str, Callable[[Place, ErrorDetails, Mapping[str, Any]], Finding]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _literal,
    "union_tag_invalid": _tag_invalid,
    "union_tag_not_found": _tag_missing,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "too_short": _too_short,
    "too_long": _too_long,
}
