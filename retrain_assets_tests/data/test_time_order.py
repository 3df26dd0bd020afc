"""Rows in the order of time: looking first must give what sorting gives."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from retrain_assets.data.time_order import in_time_order, time_order


def frame_of(rows: list[tuple[int, str]]) -> pd.DataFrame:
    times = pd.to_datetime([seconds for seconds, _ in rows], unit="s", utc=True)
    return pd.DataFrame({"at": times, "ra_row_id": [row_id for _, row_id in rows], "place": range(len(rows))})


@given(st.lists(st.tuples(st.integers(0, 5), st.text("abé", max_size=2))), st.booleans())
def test_it_is_the_order_that_sorting_gives(rows: list[tuple[int, str]], sorted_before: bool) -> None:
    frame = frame_of(sorted(rows) if sorted_before else rows)
    expected = frame.sort_values(["at", "ra_row_id"], kind="stable", ignore_index=True)
    assert_frame_equal(in_time_order(frame, "at"), expected)


@given(st.lists(st.tuples(st.integers(-3, 3), st.text("abé", max_size=2))))
def test_positions_are_by_time_and_of_equal_times_by_id_and_of_equal_ids_as_they_were(
    rows: list[tuple[int, str]],
) -> None:
    frame = frame_of(rows)
    assert time_order(frame["at"], frame["ra_row_id"]) == sorted(range(len(rows)), key=lambda place: rows[place])


def test_what_is_in_order_is_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of([(0, "b"), (1, "a"), (1, "b")])
    monkeypatch.setattr(pd.DataFrame, "sort_values", lambda *_, **__: pytest.fail("sorted what is in order"))
    assert in_time_order(frame.set_index(pd.Index([7, 8, 9])), "at").index.tolist() == [0, 1, 2]


def test_a_missing_time_is_sorted_last() -> None:
    frame = frame_of([(1, "a"), (0, "b"), (2, "c")])
    frame.loc[1, "at"] = pd.NaT
    assert in_time_order(frame, "at")["ra_row_id"].tolist() == ["a", "c", "b"]
