"""A sample of a stream: every row has the same chance, memory is bounded, and joint tests work on it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.drift import compare, prepare, stream_sample
from retrain_assets.drift.comparing import Joint
from retrain_assets.drift.stream_sample import StreamSample


def sampled(rows: int, *, most: int, chunk: int) -> pa.Table:
    sample = StreamSample(most)
    stream = pa.table({"x": np.arange(rows)})
    passed = list(sample.passing(stream.to_batches(max_chunksize=chunk) or [stream]))
    assert sum(part.num_rows for part in passed) == rows
    return sample.table()


@pytest.mark.parametrize("chunk", [100, 1_000, 50_000])
def test_every_part_of_a_stream_is_sampled_alike(chunk: int) -> None:
    rows = sampled(50_000, most=2_000, chunk=chunk)["x"].to_numpy()
    assert len(rows) == 2_000
    assert (np.diff(rows) > 0).all()
    tenths = np.bincount(rows // 5_000, minlength=10)
    # Hypergeometric: 200 of each tenth, with a deviation of about 13.
    assert abs(tenths - 200).max() < 5 * 13


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_of_few_rows_all_are_kept(rows: int) -> None:
    assert sampled(rows, most=50, chunk=7)["x"].to_pylist() == list(range(rows))


def test_no_more_than_twice_the_wanted_rows_are_ever_kept() -> None:
    sample = StreamSample(100)
    for _ in sample.passing(pa.table({"x": np.arange(5_000)}).to_batches(max_chunksize=150)):
        assert sum(part.num_rows for part in sample._kept) <= 200


def test_a_chunk_costs_the_same_however_many_have_passed() -> None:
    """Chunks of which nothing is taken leave nothing, and what is kept is gone through when it is thinned only."""

    class Counted(list[np.ndarray]):
        looks = 0

        def __iter__(self):
            Counted.looks += 1
            return super().__iter__()

    sample = StreamSample(20)
    for _ in sample.passing(pa.table({"x": np.arange(2_000)}).to_batches(max_chunksize=1)):
        assert all(part.num_rows for part in sample._kept)
        sample._drawn = sample._drawn if isinstance(sample._drawn, Counted) else Counted(sample._drawn)
    # Thinned when rows double: from 40 on about seven times, each time looked at for its numbers and for what is left.
    assert Counted.looks < 40
    assert sample.table().num_rows == 20


def test_a_stream_may_have_columns_of_any_type() -> None:
    """Arrow takes no rows of views, which Polars exports; dictionaries differ from chunk to chunk."""
    texts, numbers = pa.array(list("abcd") * 100), np.arange(400) % 7
    table = pa.table(
        {
            "view": texts.cast(pa.string_view()), "bytes": texts.cast(pa.binary()).cast(pa.binary_view()),
            "list": [[1, 2]] * 400, "none": pa.nulls(400), "number": numbers, "other": numbers[::-1] % 5,
        }
    )  # fmt: skip
    coded = [table.append_column("coded", pa.array([label] * 400).dictionary_encode()) for label in "pq"]
    stream = pa.RecordBatchReader.from_batches(coded[0].schema, [part.to_batches()[0] for part in coded])
    report = compare(stream, coded[0].to_reader(), joint="classifier")
    assert report.joint is not None
    assert report.joint.drifted is not None
    assert set(report.columns) == set(coded[0].column_names)


@pytest.mark.parametrize("joint", ["correlation", "classifier"])
def test_what_two_columns_of_a_stream_show_together_is_seen(joint: Joint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_sample.StreamSample.__init__, "__defaults__", (4_000,))
    rng = np.random.default_rng(0)
    days = pd.DataFrame(rng.normal(size=(9_000, 2)), columns=["a", "b"])
    days = days.assign(c=rng.choice(list("xy"), 9_000), day=np.repeat(np.arange(9), 1_000))
    changed = days[days["day"] == 8].assign(b=lambda rows: 0.9 * rows["a"] + 0.1 * rows["b"])

    def stream(rows: pd.DataFrame) -> pa.RecordBatchReader:
        return pa.table(rows).to_reader(max_chunksize=300)

    past = days[days["day"] < 8]
    stable = days[days["day"] == 8]
    for reference, now, drifted in ((stream(past), changed, True), (prepare(stream(past), batch="day"), stable, False)):
        found = compare(reference, stream(now), batch="day", joint=joint, min_rows=100).joint
        assert found is not None
        assert found.drifted is drifted, found
