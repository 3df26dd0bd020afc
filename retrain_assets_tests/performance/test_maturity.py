"""No batch is judged before its labels are there."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from retrain_assets.data.windows import Batch, Calendar
from retrain_assets.performance.maturity import maturity, observed_delay
from retrain_assets.spec import BatchesSpec, TargetSpec

BATCH = Batch(start=datetime(2013, 1, 1, tzinfo=UTC), end=datetime(2013, 1, 8, tzinfo=UTC), key="2013-01-01")
TARGET = TargetSpec(column="y", label_delay=timedelta(weeks=1), mature_share=0.9)
CALENDAR = Calendar(BatchesSpec.model_validate({"every": "week", "start": "2013-01-01"}))
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


def labels_after(*days, revision=1):
    return pd.DataFrame(
        {
            "available_at": [pd.Timestamp(BATCH.end) + timedelta(days=day) for day in days],
            "revision": revision,
        }
    )


def test_the_observed_delay_is_told_against_the_declared_one():
    in_time = observed_delay(BATCH, labels_after(*[1] * 5, *[2] * 5), TARGET, CALENDAR)
    assert in_time is not None
    assert (in_time.most, in_time.late) == (timedelta(days=2), 0)
    assert in_time.reason.endswith("90% within 2 days; target.label_delay is 1 week")


def test_labels_that_come_later_than_declared_say_what_to_declare():
    late = observed_delay(BATCH, labels_after(*[1] * 5, *[9] * 5), TARGET, CALENDAR)
    assert late is not None
    assert late.late == 0.5
    assert late.reason.endswith("50% came later: declare at least 9 days")


def test_a_correction_is_no_late_label():
    both = pd.concat([labels_after(1, 1), labels_after(30, revision=2)])
    made = observed_delay(BATCH, both, TARGET, CALENDAR)
    assert made is not None
    assert made.most == timedelta(days=1)
    assert observed_delay(BATCH, labels_after(30, revision=2), TARGET, CALENDAR) is None


def test_a_label_that_was_there_before_the_batch_had_ended_had_no_delay():
    made = observed_delay(BATCH, labels_after(-3, -1, 0), TARGET, CALENDAR)
    assert made is not None
    assert (made.most, made.late) == (timedelta(0), 0)


@pytest.mark.parametrize(("days", "late"), [(14, 0), (15, 1)])
def test_a_label_that_is_due_within_a_batch_is_in_time_where_that_ends(days: int, late: float):
    """Weekly batches take in after two weeks what is known after ten days: nothing is to be declared for that."""
    target = TARGET.model_copy(update={"label_delay": timedelta(days=10)})
    made = observed_delay(BATCH, labels_after(days), target, CALENDAR)
    assert made is not None
    assert (made.most, made.late) == (timedelta(days=days), late)
    told = "declare at least 15 days" if late else "labels are taken in where a batch ends"
    assert made.reason.endswith(told)


def test_a_label_that_is_due_where_a_batch_ends_is_late_after_that():
    made = observed_delay(BATCH, labels_after(7.5), TARGET, CALENDAR)
    assert made is not None
    assert made.late == 1
