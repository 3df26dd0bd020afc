"""`performance` goes into its table and comes back."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.report import BatchPerformance, performance_frame
from retrain_assets.performance.slice_metrics import SliceMetrics


def made(version=3, mode="served", **changes):
    fields: dict[str, Any] = {
        "model": "m", "batch": "2013-01-01", "version": version, "mode": mode, "label_revision": 1, "rows": 100,
        "as_of": datetime(2013, 1, 15, tzinfo=UTC),
        "metrics": (
            MetricEstimate(metric="log_loss", value=0.5, lower=0.4, upper=0.6, standard_error=0.05, rows=100),
            MetricEstimate(metric="roc_auc", value=None, lower=None, upper=None, standard_error=None, rows=100),
        ),
    }  # fmt: skip
    return BatchPerformance(**{**fields, **changes})


def test_records_come_back_equal():
    records = (made(), made(mode="backscored"), made(version=4), made(label_revision=2))
    frame = performance_frame(records).assign(ra_batch="2013-01-01")
    assert BatchPerformance.from_frame(frame, model="m", batch="2013-01-01") == records


def test_slices_that_were_measured_later_belong_to_the_measurement_before_them():
    part, other = (SliceMetrics(name=f"kind={kind}", rows=40, metrics=(of_rows(40),)) for kind in "ab")
    first, revised = made(slices=(part,)), made(label_revision=2)
    later = performance_frame([made(as_of=datetime(2013, 2, 1, tzinfo=UTC), slices=(other,))])
    frame = pd.concat([performance_frame([first, revised]), later[later["slice"] != ""]], ignore_index=True)
    read = BatchPerformance.from_frame(frame, model="m", batch="2013-01-01")
    assert read == (made(slices=(part, other)), revised)
    # The rows are those of the whole batch, and of a slice that was measured anew the newest ones count.
    anew = replace(other, metrics=(replace(of_rows(40), value=0.7),))
    again = performance_frame([made(as_of=datetime(2013, 3, 1, tzinfo=UTC), slices=(anew,))])
    frame = pd.concat([frame, again[again["slice"] != ""]], ignore_index=True)
    assert BatchPerformance.from_frame(frame, model="m", batch="2013-01-01")[0].slices == (part, anew)
    # Without a measurement of the whole they are of nothing that is known.
    assert BatchPerformance.from_frame(frame[frame["slice"] != ""], model="m", batch="2013-01-01") == ()


def of_rows(rows):
    return MetricEstimate(metric="log_loss", value=0.4, lower=0.3, upper=0.5, standard_error=0.05, rows=rows)


def test_an_empty_table_has_the_same_columns_and_types():
    empty, full = performance_frame([]), made().to_frame()
    assert list(empty.columns) == list(full.columns)
    numbers = full.dtypes != "object"
    pd.testing.assert_series_equal(empty.dtypes[numbers], full.dtypes[numbers])
    assert BatchPerformance.from_frame(empty, model="m", batch="b") == ()


def test_a_metric_is_found_by_its_name():
    assert made().metric("log_loss").value == 0.5
    with pytest.raises(KeyError, match="'brier' was not measured"):
        made().metric("brier")
