"""A report survives being written, also between other columns and in another order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.drift.report import ColumnDrift, ColumnVerdict, DriftReport

SCORES = st.one_of(st.none(), st.floats(0, 1))
COLUMNS = st.builds(
    ColumnDrift,
    name=st.text("abcdef", min_size=1, max_size=4),
    kind=st.sampled_from(["numeric", "categorical"]),
    distance=st.just("psi"),
    score=SCORES,
    floor=st.just(0.1),
    p_value=SCORES,
    verdict=st.sampled_from(["drift", "stable", "unknown"]),
    reason=st.just("because"),
    before=st.just("mean 1"),
    after=st.just("mean 2"),
)
REPORTS = st.builds(
    DriftReport,
    model=st.just("m"),
    batch=st.just("2013-01-01"),
    champion_version=st.one_of(st.none(), st.integers(1, 9)),
    verdict=st.sampled_from(["drift", "stable", "unknown", "not_applicable"]),
    reason=st.just("why"),
    score=SCORES,
    columns=st.lists(COLUMNS, max_size=4, unique_by=lambda c: c.name).map(tuple),
)


@given(REPORTS)
def test_writing_and_reading_give_the_same_report(report: DriftReport) -> None:
    frame = report.to_frame()
    assert len(frame) == 1 + len(report.columns)
    assert (frame["column"] == "").sum() == 1
    assert DriftReport.from_frame(frame) == report


def example(*columns: tuple[str, float | None, ColumnVerdict]) -> DriftReport:
    return DriftReport(
        model="m",
        batch="b",
        champion_version=3,
        verdict="drift",
        reason="why",
        score=0.4,
        columns=tuple(
            ColumnDrift(
                name=name,
                kind="numeric",
                distance="psi",
                score=score,
                floor=0.1,
                p_value=0.0,
                verdict=verdict,
                reason="r",
                before="",
                after="",
            )
            for name, score, verdict in columns
        ),
    )


def test_columns_that_the_store_adds_and_its_order_do_not_matter() -> None:
    report = example(("a", 0.2, "drift"))
    frame = report.to_frame().assign(ra_batch="b", episode="e").iloc[::-1].drop(columns=["model", "batch"])
    assert DriftReport.from_frame(frame, model="m", batch="b") == report


def test_the_verdict_on_the_whole_must_be_there_once() -> None:
    frame = example(("a", 0.2, "drift")).to_frame()
    with pytest.raises(ValueError, match="must have one row with the column ''"):
        DriftReport.from_frame(frame[frame["column"] != ""])


def test_the_drifted_columns_lead_by_distance() -> None:
    report = example(("a", 0.2, "drift"), ("b", 0.5, "drift"), ("c", 0.3, "stable"), ("d", None, "unknown"))
    assert report.drifted == ("b", "a")
    assert [column.name for column in report.ranked] == ["b", "a", "c", "d"]


def test_what_matters_to_the_model_leads_among_what_has_drifted() -> None:
    report = example(("a", 0.2, "drift"), ("b", 0.5, "drift"), ("c", 0.9, "stable"))
    known = {"a": 0.7, "b": 0.1, "c": 0.2}
    weighed = replace(report, columns=tuple(replace(c, importance=known[c.name]) for c in report.columns))
    assert [column.name for column in weighed.ranked] == ["a", "b", "c"]
    assert DriftReport.from_frame(weighed.to_frame()) == weighed
    assert DriftReport.from_frame(weighed.to_frame().drop(columns="importance")) == report
