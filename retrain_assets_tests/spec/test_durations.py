"""A duration is read as people write it and written as it was read; whatever else is a sentence with a hint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from retrain_assets.spec import Duration, format_duration, parse_duration
from retrain_assets.spec.durations import UNITS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 week", timedelta(weeks=1)),
        ("2 weeks", timedelta(weeks=2)),
        ("90 minutes", timedelta(hours=1.5)),
        ("1.5 hours", timedelta(minutes=90)),
        ("0 days", timedelta(0)),
        (" 30  Days ", timedelta(days=30)),
        ("45 seconds", timedelta(seconds=45)),
        ("3days", timedelta(days=3)),
    ],
)
def test_reads_what_people_write(text: str, expected: timedelta):
    assert parse_duration(text) == expected


def test_leaves_a_timedelta_alone():
    assert parse_duration(timedelta(days=3)) == timedelta(days=3)


@pytest.mark.parametrize("value", ["week", "12", 12, 1.5, None, "", "-1 day", "1 week 2 days", ["1 week"], "1,5 hours"])
def test_needs_a_number_with_a_unit(value: object):
    with pytest.raises(ValueError, match="must be a number with a unit, such as '1 week'"):
        parse_duration(value)


@pytest.mark.parametrize(("text", "hint"), [("1 weekz", "weeks"), ("2 houres", "hours"), ("5 mintes", "minutes")])
def test_an_unknown_unit_has_a_hint(text: str, hint: str):
    with pytest.raises(ValueError, match=f"unknown unit .* Did you mean '{hint}'"):
        parse_duration(text)


def test_a_month_is_no_duration():
    """Months and years differ in length: as a span of time they would not mean one thing."""
    with pytest.raises(ValueError, match="Known: days, hours, minutes, seconds, weeks"):
        parse_duration("1 fortnight")


@pytest.mark.parametrize("text", ["99999999999 weeks", "10001 weeks", f"{'9' * 400} seconds"])
def test_a_span_that_no_table_can_hold_is_refused(text: str):
    with pytest.raises(ValueError, match=r"must be at most 10000 weeks, some 190 years \(got '.*'\): write a shorter"):
        parse_duration(text)


@given(st.integers(0, 10_000), st.sampled_from(sorted(UNITS)))
def test_singular_and_plural_are_one(number: int, unit: str):
    assert parse_duration(f"{number} {unit}") == parse_duration(f"{number} {unit}s") == number * UNITS[unit]


@given(
    st.timedeltas(timedelta(0), timedelta(days=4000)).map(lambda value: timedelta(seconds=int(value.total_seconds())))
)
def test_what_is_written_is_read_again(value: timedelta):
    assert parse_duration(format_duration(value)) == value


@given(st.timedeltas(timedelta(0), timedelta(days=1)))
def test_fractions_of_a_second_survive(value: timedelta):
    assert abs(parse_duration(format_duration(value)) - value) <= timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=7), "1 week"),
        (timedelta(days=8), "8 days"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(seconds=1.5), "1.5 seconds"),
        (timedelta(microseconds=10), "0.00001 seconds"),
    ],
)
def test_is_written_in_the_largest_whole_unit(value: timedelta, text: str):
    assert format_duration(value) == text


def test_a_field_round_trips_through_json():
    adapter = TypeAdapter(Duration)
    assert adapter.dump_python(adapter.validate_python("14 days"), mode="json") == "2 weeks"


def test_the_json_schema_shows_the_form():
    schema = TypeAdapter(Duration).json_schema()
    assert schema["type"] == "string"
    assert "1 week" in schema["examples"]


def test_a_field_refuses_a_bare_number():
    with pytest.raises(ValidationError, match="must be a number with a unit"):
        TypeAdapter(Duration).validate_python(12)
