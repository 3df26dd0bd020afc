"""Which columns look like personal data, by name and by value: a suggestion that a person must look at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from itertools import pairwise

import pandas as pd

from retrain_assets.spec import ColumnSpec

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ANYWHERE: Mapping[str, str] = {
    "email": "an e-mail address", "mail": "an e-mail address", "phone": "a telephone number",
    "telephone": "a telephone number", "mobile": "a telephone number", "tel": "a telephone number",
    "fax": "a telephone number", "msisdn": "a telephone number", "address": "an address", "addr": "an address",
    "street": "an address", "zip": "an address", "zipcode": "an address", "postcode": "an address",
    "postal": "an address", "ssn": "an identity number", "passport": "an identity number", "iban": "an account",
    "ip": "an IP address", "dob": "a date of birth", "birthday": "a date of birth", "birthdate": "a date of birth",
    "surname": "a person's name", "firstname": "a person's name", "lastname": "a person's name",
    "fullname": "a person's name", "forename": "a person's name", "username": "a person's name",
    "nickname": "a person's name",
}  # fmt: skip
"""Words of a column's name, and what they say that it holds."""
_TOGETHER: Mapping[tuple[str, str], str] = {
    ("social", "security"): "an identity number", ("national", "id"): "an identity number",
    ("tax", "id"): "an identity number", ("credit", "card"): "an account", ("card", "number"): "an account",
    ("account", "number"): "an account", ("license", "plate"): "a vehicle's plate",
    ("licence", "plate"): "a vehicle's plate", ("e", "mail"): "an e-mail address",
    ("birth", "date"): "a date of birth", ("birth", "day"): "a date of birth", ("birth", "year"): "a date of birth",
    ("of", "birth"): "a date of birth",
}  # fmt: skip
_OF_PERSONS = re.compile(
    "account|applicant|borrower|client|contact|customer|driver|employee|family|first|full|given|guest|holder|last|"
    "maiden|member|middle|owner|passenger|patient|person|student|user"
)
"""Words before `name` that make it a person's."""
# From the beginning of a word alone: a text of one very long word would be looked through from each of its letters.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "telephone numbers": re.compile(r"(\+|00)\d[\d ()./-]{6,17}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}"),
    "identity numbers": re.compile(r"\d{3}-\d{2}-\d{4}"),
    "accounts": re.compile(r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?"),
}
_BIRTH = "a date of birth"
_OF_NUMBERS = frozenset({"a telephone number", "an address", "an identity number", "an account", _BIRTH})
_LEAST_NUMBER = 1000
"""Smaller numbers count something: a year of birth, a postcode and a telephone number are larger."""
_SAMPLE = 500
_MOST, _SOME = 0.8, 0.05
"""Share of the values that must look so, and that of texts with an e-mail address somewhere in them."""


def personal_columns(frame: pd.DataFrame, columns: Mapping[str, ColumnSpec]) -> dict[str, str]:
    """The columns that look like personal data, with the reason for each.

    >>> frame = pd.DataFrame({"Name": ["Ada"], "contact": ["ada@example.org"], "price": [1.5]})
    >>> personal_columns(frame, {"Name": ColumnSpec(type="string"), "contact": ColumnSpec(type="string")})
    {'Name': 'named like a name, of a person perhaps', 'contact': 'its values hold e-mail addresses'}
    """
    found = {name: _by_values(frame[name], column) or _by_name(frame[name], column) for name, column in columns.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


def holds_births(name: str) -> bool:
    """Whether a column of times is one of births by its name."""
    return _BIRTH in _said(_words(name))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _said(words: list[str]) -> list[str]:
    """What a name says that the column holds."""
    said = [_ANYWHERE[word] for word in words if word in _ANYWHERE]
    return said + [_TOGETHER[pair] for pair in pairwise(words) if pair in _TOGETHER]


def _by_name(values: pd.Series, column: ColumnSpec) -> str | None:
    """What the words of a column's name say, as far as its values can be that: a truth value is nobody's address."""
    words = _words(str(values.name))
    said = [kind for kind in _said(words) if _can_be(kind, values.dropna(), column)]
    if said:
        return f"named like {said[0]}"
    if words[-1:] != ["name"] or column.type not in ("string", "category"):
        return None
    if len(words) == 1:
        return "named like a name, of a person perhaps"
    return "named like a person's name" if _OF_PERSONS.fullmatch(words[-2]) else None


def _can_be(kind: str, known: pd.Series, column: ColumnSpec) -> bool:
    if column.type == "datetime":
        return kind == _BIRTH
    if column.type in ("int", "float"):
        numbers = known.astype(float)
        return kind in _OF_NUMBERS and bool((numbers % 1 == 0).all() and numbers.median() >= _LEAST_NUMBER)
    return column.type != "bool" and known.nunique() > 2


def _by_values(values: pd.Series, column: ColumnSpec) -> str | None:
    if column.type not in ("string", "category"):
        return None
    known = values.dropna()
    texts = [str(value).strip() for value in known.sample(min(_SAMPLE, len(known)), random_state=0)]
    if not texts:
        return None
    found = next((kind for kind, share, least in _shares(texts) if share >= least), None)
    return None if found is None else f"its values hold {found}"


def _shares(texts: list[str]) -> Iterator[tuple[str, float, float]]:
    """Kind, share of the texts that are of it, and the share from which they count."""
    yield "e-mail addresses", sum(_EMAIL.search(text) is not None for text in texts) / len(texts), _SOME
    yield "IP addresses", sum(_is_ip(text) for text in texts) / len(texts), _MOST
    for kind, pattern in _PATTERNS.items():
        yield kind, sum(pattern.fullmatch(text) is not None for text in texts) / len(texts), _MOST


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
