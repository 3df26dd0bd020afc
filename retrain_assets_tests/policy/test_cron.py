"""Cron means here what it means everywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.policy.cron import Cron


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("* * * * *", "2013-01-01T00:00:30", "2013-01-01T00:01"),
        ("0 6 * * 1", "2013-01-01", "2013-01-07T06:00"),
        ("0 6 * * MON-fri", "2013-01-05", "2013-01-07T06:00"),
        ("0 0 * * 7", "2013-01-01", "2013-01-06T00:00"),
        ("*/15 * * * *", "2013-01-01T00:46", "2013-01-01T01:00"),
        ("5/20 * * * *", "2013-01-01T00:26", "2013-01-01T00:45"),
        ("0 9-17/4 * * *", "2013-01-01T10:00", "2013-01-01T13:00"),
        ("30 2 1,15 * *", "2013-01-02", "2013-01-15T02:30"),
        ("0 0 1 jan,jul *", "2013-02-01", "2013-07-01T00:00"),
        ("0 0 13 * 5", "2013-01-12", "2013-01-13T00:00"),  # the 13th or a Friday
        ("0 0 29 2 *", "2013-01-01", "2016-02-29T00:00"),
        ("0 0 29 2 *", "2097-01-01", "2104-02-29T00:00"),
        ("0 0 31 * *", "2013-02-01", "2013-03-31T00:00"),
    ],
)
def test_the_next_due_minute(expression, after, due):
    assert Cron.parse(expression).next(at(after)) == at(due)


def test_a_moment_that_is_due_is_its_own_next():
    assert Cron.parse("0 6 * * *").next(at("2013-01-01T06:00")) == at("2013-01-01T06:00")


def test_what_never_comes_is_none():
    assert Cron.parse("0 0 30 2 *").next(at("2013-01-01")) is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("0 6 * *", "must have five fields"),
        ("60 * * * *", "minute of a cron expression must lie in 0-59"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of week"),
        ("5-1 * * * *", "low to high"),
        ("*/0 * * * *", "must lie in"),
        ("a * * * *", "must be a number or a name"),
        ("1,,2 * * * *", "cannot be read"),
        ("@daily", "must have five fields"),
    ],
)
def test_mistakes_are_told_with_the_field(expression, message):
    with pytest.raises(ValueError, match=message):
        Cron.parse(expression)


FIELD = st.integers(0, 5).map(str) | st.just("*") | st.sampled_from(["*/2", "1-4", "0,3", "2-5/3"])


@settings(max_examples=60, deadline=None)
@given(
    minute=FIELD, hour=FIELD, day=st.sampled_from(["*", "1", "*/10", "2-9"]), weekday=FIELD,
    start=st.datetimes(datetime(2012, 1, 1), datetime(2014, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
)  # fmt: skip
def test_next_skips_nothing(minute, hour, day, weekday, start):
    cron = Cron.parse(f"{minute} {hour} {day} * {weekday}")
    start = start.replace(tzinfo=UTC)
    due = cron.next(start)
    assert due is not None
    assert due >= start
    assert cron.next(due) == due
    if due - start > timedelta(minutes=2):
        middle = start + (due - start) / 2
        assert cron.next(middle) == due
        assert cron.next(due - timedelta(minutes=1)) == due
