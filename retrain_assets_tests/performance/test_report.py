"""`performance` goes into its table and comes back."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.report import COLUMNS, BatchPerformance, performance_frame


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


def test_an_empty_table_has_the_same_columns_and_types():
    empty, full = performance_frame([]), made().to_frame()
    assert list(empty.columns) == list(COLUMNS)
    numbers = full.dtypes != "object"
    pd.testing.assert_series_equal(empty.dtypes[numbers], full.dtypes[numbers])
    assert BatchPerformance.from_frame(empty, model="m", batch="b") == ()


def test_a_metric_is_found_by_its_name():
    assert made().metric("log_loss").value == 0.5
    with pytest.raises(KeyError, match="'brier' was not measured"):
        made().metric("brier")
