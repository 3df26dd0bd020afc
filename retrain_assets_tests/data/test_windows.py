"""Batches cut time without gaps or overlaps, and their keys lead back to them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.data.windows import Calendar
from retrain_assets.spec import BatchesSpec

LENGTHS: tuple[Literal["hour", "day", "week", "month"], ...] = ("hour", "day", "week", "month")
starts = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - hypothesis wants naive bounds
    lambda moment: moment.replace(day=min(moment.day, 28), second=0, microsecond=0, tzinfo=UTC)
)


def calendar(every: Any, start: Any, end: Any = None) -> Calendar:
    return Calendar(BatchesSpec(every=every, start=start, end=end))


@given(st.sampled_from(LENGTHS), starts, st.timedeltas(timedelta(0), timedelta(days=700)))
def test_every_moment_from_the_start_on_lies_in_one_batch_whose_key_leads_back_to_it(every, start, after) -> None:
    made = calendar(every, start)
    batch = made.containing(start + after)
    assert batch is not None
    assert batch.start <= start + after < batch.end
    assert made.batch(batch.key) == batch


@given(st.sampled_from(LENGTHS), starts)
def test_batches_follow_each_other_without_a_gap_and_keys_order_as_they_do(every, start) -> None:
    made = calendar(every, start)
    batches = list(made.until(start + timedelta(days=3 if every == "hour" else 100)))
    assert batches[0].start == start
    for earlier, later in pairwise(batches):
        assert earlier.end == later.start
        assert earlier.key < later.key
        assert made.next(earlier) == later
        assert made.previous(later) == earlier


def test_weeks_begin_on_the_weekday_of_the_start_and_a_part_of_a_week_at_the_end_is_no_batch() -> None:
    made = calendar("week", "2013-01-01", "2014-01-01")
    batches = list(made.until(datetime(2020, 1, 1, tzinfo=UTC)))
    assert (len(batches), batches[0].key, batches[-1].key) == (52, "2013-01-01", "2013-12-24")
    assert made.containing(datetime(2013, 12, 31, tzinfo=UTC)) is None
    assert made.cron == "0 0 * * 2"


def test_months_differ_in_length() -> None:
    made = calendar("month", "2024-01-05")
    assert [batch.key for batch in made.until(datetime(2024, 4, 5, tzinfo=UTC))] == [
        "2024-01-05",
        "2024-02-05",
        "2024-03-05",
    ]
    assert made.batch("2024-02-05").end - made.batch("2024-02-05").start == timedelta(days=29)


def test_a_window_that_is_still_open_is_not_until_now() -> None:
    made = calendar("day", "2024-01-01")
    assert [batch.key for batch in made.until(datetime(2024, 1, 2, 23, 59, tzinfo=UTC))] == ["2024-01-01"]


@pytest.mark.parametrize(
    ("key", "message"),
    [("2024-13-01", "must look like '2024-01-01'"), ("../etc", "must look like"), ("2024-01-02", "no batch starts at")],
)
def test_a_key_that_is_none_is_refused(key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calendar("week", "2024-01-01").batch(key)


def test_nothing_before_the_start_is_in_a_batch() -> None:
    made = calendar("day", "2024-01-01")
    assert made.containing(datetime(2023, 12, 31, tzinfo=UTC)) is None
    assert made.previous(made.first) is None
