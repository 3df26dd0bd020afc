"""What was known at a moment never changes afterwards, in whatever order labels arrive."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.data.labels import labels_as_of, merge_labels, no_labels, with_labels
from retrain_assets.data.tables import table_problems
from retrain_assets.errors import StoreError

START = datetime(2013, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def delivery(*rows: tuple[str, int, float]) -> pd.DataFrame:
    """Labels of events at the start, known at a day: (row, label, day)."""
    return pd.DataFrame(
        {
            "ra_row_id": pd.Series([row for row, _, _ in rows], dtype="object"),
            "event_time": pd.Series([START] * len(rows), dtype="datetime64[us, UTC]"),
            "label": pd.Series([label for _, label, _ in rows], dtype="int64"),
            "available_at": pd.Series([day(known) for _, _, known in rows], dtype="datetime64[us, UTC]"),
            "revision": pd.Series(1, index=range(len(rows)), dtype="int64"),
        }
    )


def known(labels: pd.DataFrame, number: float) -> dict[str, int]:
    rows = labels_as_of(labels, day(number))
    return dict(zip(rows["ra_row_id"], rows["label"], strict=True))


def test_a_correction_appends_and_changes_nothing_before_its_delivery():
    first = merge_labels(None, delivery(("a", 0, 1), ("b", 1, 2)), day(7))
    second = merge_labels(first.labels, delivery(("a", 1, 1), ("b", 1, 2)), day(14))
    assert (first.added, first.corrected, first.duplicates) == (2, 0, 0)
    assert (second.added, second.corrected, second.duplicates) == (0, 1, 1)
    assert known(second.labels, 13.9) == {"a": 0, "b": 1}
    assert known(second.labels, 14) == {"a": 1, "b": 1}
    assert second.labels.query("ra_row_id == 'a'")["revision"].tolist() == [1, 2]


def test_a_late_label_is_not_known_before_it_came():
    first = merge_labels(None, delivery(("a", 0, 1)), day(7))
    second = merge_labels(first.labels, delivery(("b", 1, 2)), day(14))
    assert known(second.labels, 13) == {"a": 0}
    assert known(second.labels, 14) == {"a": 0, "b": 1}


def test_a_label_of_the_future_waits():
    first = merge_labels(None, delivery(("a", 0, 1), ("a", 1, 9)), day(7))
    assert (first.added, first.pending) == (1, 1)
    assert known(first.labels, 30) == {"a": 0}
    second = merge_labels(first.labels, delivery(("a", 0, 1), ("a", 1, 9)), day(10))
    assert (second.corrected, second.duplicates) == (1, 1)
    assert known(second.labels, 9.9) == {"a": 0}
    assert known(second.labels, 10) == {"a": 1}


def test_within_a_delivery_the_newest_counts_in_any_order():
    for rows in ([("a", 0, 1), ("a", 1, 3)], [("a", 1, 3), ("a", 0, 1)]):
        merged = merge_labels(None, delivery(*rows), day(7))
        assert known(merged.labels, 7) == {"a": 1}
        assert (merged.added, merged.duplicates) == (1, 1)


def test_only_two_labels_for_a_row_of_one_moment_are_ambiguous():
    """What is known and is delivered again, or corrected later, is one label at a time, and so is the same twice."""
    first = merge_labels(None, delivery(("a", 0, 1), ("b", 1, 2)), day(7))
    again = merge_labels(
        first.labels, delivery(("a", 0, 1), ("b", 1, 2), ("a", 1, 8), ("c", 1, 2), ("c", 1, 2)), day(14)
    )
    twice = merge_labels(again.labels, delivery(("a", 1, 1), ("b", 1, 2), ("b", 0, 2), ("b", 0, 2)), day(21))
    assert (first.ambiguous, again.ambiguous, twice.ambiguous) == (0, 0, 1)


def test_an_empty_delivery_is_nothing_new():
    first = merge_labels(no_labels(), delivery(("a", 0, 1)), day(7))
    again = merge_labels(first.labels, delivery(), day(14))
    pd.testing.assert_frame_equal(again.labels, first.labels)
    assert len(merge_labels(None, no_labels(), day(7)).labels) == 0


DELIVERIES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.integers(0, 20)), max_size=8),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(DELIVERIES, st.lists(st.integers(1, 5), min_size=5, max_size=5))
def test_reading_as_of_a_moment_gives_the_same_whatever_comes_later(deliveries, steps):
    table, cutoff = None, 0
    histories: list[tuple[int, pd.DataFrame]] = []
    for rows, step in zip(deliveries, steps, strict=False):
        cutoff += step
        table = merge_labels(table, delivery(*rows), day(cutoff)).labels
        histories.append((cutoff, table))
    for made_at, history in histories:
        for moment in range(made_at + 1):
            assert known(history, moment) == known(histories[-1][1], moment)


@settings(deadline=None)
@given(DELIVERIES)
def test_the_same_delivery_twice_is_one_delivery_and_nothing_is_lost_of_the_past(deliveries):
    table = None
    for number, rows in enumerate(deliveries):
        once = merge_labels(table, delivery(*rows), day(10 + number))
        again = merge_labels(once.labels, delivery(*rows), day(10 + number))
        pd.testing.assert_frame_equal(once.labels, again.labels)
        assert again.corrected == again.added == 0
        assert once.added + once.corrected + once.duplicates + once.pending == len(rows)
        if table is not None:
            assert len(once.labels.merge(table)) == len(table)
        assert table_problems("labels", once.labels) == ()
        for _, found in once.labels.groupby("ra_row_id")["revision"]:
            assert sorted(found) == list(range(1, len(found) + 1))
        table = once.labels


def test_rows_get_the_label_that_was_known_at_a_moment_and_keep_their_order():
    rows = pd.DataFrame({"ra_batch": ["1", "1", "1", "2"], "ra_row_id": ["b", "a", "c", "a"]})
    labels = pd.DataFrame(
        {
            "ra_batch": ["1", "1", "1", "2"],
            "ra_row_id": ["a", "b", "b", "a"],
            "label": [10, 20, 21, 30],
            "available_at": [day(1), day(1), day(3), day(2)],
            "revision": [1, 1, 2, 1],
        }
    )
    known = [with_labels(rows, labels, day(moment)) for moment in (1, 2, 3)]
    assert [list(frame.itertuples(index=False, name=None)) for frame in known] == [
        [("1", "b", 20), ("1", "a", 10)],
        [("1", "b", 20), ("1", "a", 10), ("2", "a", 30)],
        [("1", "b", 21), ("1", "a", 10), ("2", "a", 30)],
    ]  # fmt: skip
    mixed = with_labels(rows.iloc[[3, 0, 2, 1]], labels, day(3), among=np.array([True, True, True, False]))
    assert list(mixed.itertuples(name=None)) == [(0, "2", "a", 30), (1, "1", "b", 21)]
    with pytest.raises(StoreError, match="hold a row twice"):
        with_labels(pd.concat([rows, rows]), labels, day(3))
