"""Rows of a table by their event time; a commit concerns the batches it touched."""

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake

from retrain_assets.errors import StoreError
from retrain_assets.spec import DeltaSource
from retrain_assets.stores.sources import make_source


def rows(first, days, *, zone="UTC"):
    times = pd.date_range(first, periods=days, freq="D", tz=zone).as_unit("us")
    return pd.DataFrame({"when": times[::-1], "n": range(days)})


def reader(root, path="flights", event_time="when"):
    return make_source(DeltaSource(type="delta", path=path), root=root, event_time=event_time)


def append(root, frame):
    write_deltalake(root / "flights", frame, mode="append")


@pytest.mark.parametrize("zone", ["UTC", None])
def test_a_batch_is_its_half_open_window_in_order(tmp_path, weeks, frame_in, zone):
    append(tmp_path, rows("2013-01-01", 10, zone=zone))
    append(tmp_path, rows("2013-01-11", 10, zone=zone))
    found = frame_in(reader(tmp_path).read(weeks[1]))
    assert found["when"].dt.day.tolist() == [8, 9, 10, 11, 12, 13, 14]


def test_batches_are_listed_where_files_reach(tmp_path, weeks):
    assert reader(tmp_path).listing(weeks) == {}
    append(tmp_path, rows("2013-01-01", 10))
    first = reader(tmp_path).listing(weeks)
    assert list(first) == ["2013-01-01", "2013-01-08"]
    append(tmp_path, rows("2013-01-11", 10))
    second = reader(tmp_path).listing(weeks)
    assert list(second) == ["2013-01-01", "2013-01-08", "2013-01-15"]
    assert second["2013-01-01"] == first["2013-01-01"]
    assert second["2013-01-08"] != first["2013-01-08"]


def test_a_file_without_statistics_may_hold_anything(tmp_path, weeks):
    write_deltalake(
        tmp_path / "flights", rows("2013-01-01", 3), configuration={"delta.dataSkippingNumIndexedCols": "0"}
    )
    assert len(reader(tmp_path).listing(weeks)) == 52
    assert reader(tmp_path).read(weeks[1]) == []


def test_a_compacted_table_has_the_same_bytes(tmp_path, weeks):
    """It looks changed, is read again, and is found to be the same delivery."""
    for first in ("2013-01-01", "2013-01-04"):
        append(tmp_path, rows(first, 3))
    source = reader(tmp_path)
    before, seen = source.read(weeks[0]), source.listing(weeks)
    DeltaTable(tmp_path / "flights").optimize.compact()
    assert source.listing(weeks) != seen
    assert source.read(weeks[0]) == before


def test_nothing_there_is_nothing(tmp_path, weeks):
    assert reader(tmp_path).read(weeks[0]) == []
    append(tmp_path, rows("2013-01-01", 3))
    assert reader(tmp_path).read(weeks[5]) == []


def test_mistakes_are_said(tmp_path, weeks):
    append(tmp_path, rows("2013-01-01", 3))
    with pytest.raises(StoreError, match=r"must have the event_time column 'whne' \(got when, n\)"):
        reader(tmp_path, event_time="whne").read(weeks[0])
    with pytest.raises(StoreError, match="must be a timestamp or a date"):
        reader(tmp_path, event_time="n").read(weeks[0])
