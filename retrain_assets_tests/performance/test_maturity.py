"""No batch is judged before its labels are there."""

from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets.data.windows import Batch
from retrain_assets.performance.maturity import maturity
from retrain_assets.spec import TargetSpec

BATCH = Batch(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2013, 1, 8, tzinfo=UTC), key="2013-01-01")
TARGET = TargetSpec(column="y", label_delay=timedelta(weeks=1), mature_share=0.9)
DUE = datetime(2013, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "labelled", "as_of", "mature", "reason"),
    [
        (100, 90, DUE, True, "90 of 100 rows have a label (90.0%)"),
        (100, 89, DUE, False, "90.0% must"),
        (100, 100, DUE - timedelta(seconds=1), False, "labels are due at 2013-01-15 00:00 UTC"),
        (0, 0, DUE, False, "the batch has no rows"),
    ],
)
def test_maturity_needs_the_delay_and_the_share(rows, labelled, as_of, mature, reason):
    made = maturity(BATCH, rows=rows, labelled=labelled, as_of=as_of, target=TARGET)
    assert made.mature is mature
    assert reason in made.reason
