"""Rules of columns that no value could meet are mistakes of the declaration, not thousands of rows in quarantine."""

from __future__ import annotations

from typing import Any

import pytest

from retrain_assets.errors import DeclarationError
from retrain_assets.spec import spec_from
from retrain_assets_tests.spec.declarations import attributes, spec


def columns(**price: Any) -> dict[str, Any]:
    return {"day": {"type": "datetime"}, "price": price, "shop": {"type": "string"}}


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ({"type": "float", "min": 9, "max": 3}, "schema.price.min: must not be above max (got min 9, max 3)"),
        ({"type": "string", "min": 3}, "schema.price.min: is a limit of a number or a time (got 3 of a string)"),
        ({"type": "bool", "max": 1}, "schema.price.max: is a limit of a number or a time (got 1 of a bool)"),
        ({"type": "category", "values": []}, "schema.price.values: must name at least one value, or be left out"),
        ({"type": "float", "values": ["a", 2, "b"]}, "schema.price.values: must be values of a column of type float"),
        ({"type": "int", "values": [1.5, True]}, "schema.price.values: must be values of a column of type int"),
        ({"type": "bool", "values": [0, 1]}, "schema.price.values: must be values of a column of type bool"),
        ({"type": "datetime", "values": ["2013-01-01"]}, "schema.price.values: is not for times"),
        ({"type": "float", "pattern": "a.*"}, "schema.price.pattern: is a rule of texts (got 'a.*' of a float)"),
        ({"type": "string", "pattern": "(?i)ab"}, "schema.price.pattern: must be a regular expression (got '(?i)ab')"),
        ({"type": "string", "pattern": "a("}, "schema.price.pattern: must be a regular expression (got 'a(')"),
    ],
)
def test_a_rule_that_no_value_meets_is_refused(price: dict[str, Any], told: str):
    with pytest.raises(DeclarationError) as caught:
        spec_from(attributes(schema=columns(**price)))
    assert told in str(caught.value)


def test_all_of_them_are_told_at_once_beside_other_mistakes():
    rules = columns(type="float", min=9, max=3, pattern="a(") | {"shop": {"type": "string", "max": 1}}
    with pytest.raises(DeclarationError) as caught:
        spec_from(attributes(schema=rules, metric="log_los"))
    told = [problem.field for problem in caught.value.problems]
    assert told == ["metric", "schema.price.min", "schema.price.pattern", "schema.shop.max"]


@pytest.mark.parametrize(
    "price",
    [
        {"type": "float", "min": 3, "max": 3},
        {"type": "datetime", "min": 0},
        {"type": "int", "values": [0, 1]},
        {"type": "float", "values": [0, 1.5]},
        {"type": "bool", "values": [True]},
        {"type": "category", "values": ["a", 1, True]},
        {"type": "string", "pattern": "a.*"},
    ],
)
def test_rules_that_fit_are_taken(price: dict[str, Any]):
    assert spec(schema=columns(**price)).name == "sales"
