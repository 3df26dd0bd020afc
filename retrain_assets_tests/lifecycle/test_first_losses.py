"""What each champion lost on the first batch after its training, as the stores hold it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from retrain_assets.data.windows import Calendar
from retrain_assets.lifecycle.first_losses import first_losses
from retrain_assets.policy.first_losses import NEWEST
from retrain_assets.promotion.log import Promotion, PromotionAction
from retrain_assets.spec import BatchesSpec

START = datetime(2024, 1, 1, tzinfo=UTC)
CALENDAR = Calendar(BatchesSpec(every="day", start=START))


def day(number):
    return START + timedelta(days=number)


def key(number):
    batch = CALENDAR.containing(day(number))
    assert batch is not None
    return batch.key


def link(
    number: int, version: int, *, action: PromotionAction = "promote", previous: int | None = None,
    holdout: float | None = 0.5,
) -> Promotion:  # fmt: skip
    """Promoted at the end of day `number`, trained on all but that day."""
    evidence = {} if holdout is None else {"holdout": {"value": holdout, "standard_error": 0.01, "expected": 0.4}}
    return Promotion(
        id=number, model="tiny", version=version, action=action, previous_id=previous, batch=key(number), attempt=1,
        as_of=day(number + 1), training_end=day(number), actor="", reason="", promoted_at=START, evidence=evidence,
    )  # fmt: skip


def measured(*losses):
    """Version, day and loss; measured a day later, with what the version expected."""
    rows = [
        {"ra_batch": key(number), "version": version, "metric": metric, "mode": "served", "value": value,
         "as_of": pd.Timestamp(day(number + 2)), "standard_error": 0.02, "rows": 50}
        for version, number, loss in losses
        for metric, value in (("log_loss", loss), ("expected_log_loss", 0.4))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def found(log, table, *, hashes, rows, as_of):
    versions = [SimpleNamespace(version=version, training_hash=made_by) for version, made_by in hashes.items()]
    state = SimpleNamespace(promotions=lambda _name: log, model_versions=lambda _name: versions)
    trained = [SimpleNamespace(batch=key(number), attempt=1, rows=count) for number, count in rows.items()]
    model = SimpleNamespace(name="tiny", calendar=CALENDAR, spec=SimpleNamespace(metric="log_loss"))
    made = first_losses(
        cast("Any", SimpleNamespace(state=state)), cast("Any", model), log[-1], cast("Any", trained), table,
        as_of=day(as_of),
    )  # fmt: skip
    return {each.version: each for each in made}


LOG = [link(2, 1), link(5, 2, previous=2), link(8, 3, previous=5)]
TABLE = measured((1, 2, 0.61), (1, 3, 0.7), (1, 4, 0.7), (2, 5, 0.62), (2, 6, 0.9), (3, 8, 0.63), (3, 9, 0.9))
HASHES, ROWS = {1: "a", 2: "a", 3: "a"}, {2: 100, 5: 200, 8: 300}


def test_each_champion_tells_the_batch_after_its_training():
    told = found(LOG, TABLE, hashes=HASHES, rows=ROWS, as_of=12)
    assert list(told) == [1, 2, 3]
    assert [(each.loss.batch, each.loss.value, each.trained_rows) for each in told.values()] == [
        (key(2), 0.61, 100), (key(5), 0.62, 200), (key(8), 0.63, 300),
    ]  # fmt: skip
    assert {(each.loss.expected, each.holdout.value, each.holdout.expected) for each in told.values()} == {
        (0.4, 0.5, 0.4)
    }


def test_what_was_measured_later_is_not_known():
    assert list(found(LOG[:2], TABLE, hashes=HASHES, rows=ROWS, as_of=6)) == [1]


def test_another_declarations_models_and_those_rolled_back_tell_nothing():
    assert list(found(LOG, TABLE, hashes={**HASHES, 2: "b"}, rows=ROWS, as_of=12)) == [1, 3]
    back = [*LOG[:2], link(9, 1, action="rollback", previous=5)]
    assert list(found(back, TABLE, hashes=HASHES, rows={2: 100, 5: 200, 9: 100}, as_of=12)) == [1]


@pytest.mark.parametrize("missing", ["rows", "holdout", "losses"])
def test_a_champion_of_which_something_is_not_recorded_tells_nothing(missing):
    """An adopted one, or one that was replaced before its first labels came."""
    log = [LOG[0], link(5, 2, previous=2, holdout=None if missing == "holdout" else 0.5), LOG[2]]
    rows = {2: 100, 8: 300} if missing == "rows" else ROWS
    table = TABLE[TABLE["version"] != 2] if missing == "losses" else TABLE
    assert list(found(log, table, hashes=HASHES, rows=rows, as_of=12)) == [1, 3]


def test_the_newest_are_looked_at():
    log = [link(number, number, previous=number - 1) for number in range(2, 2 + NEWEST + 3)]
    table = measured(*((number, number, 0.6) for number in range(2, 2 + NEWEST + 3)))
    told = found(log, table, hashes=dict.fromkeys(range(20), "a"), rows=dict.fromkeys(range(20), 10), as_of=30)
    assert list(told) == [made.version for made in log[-NEWEST:]]
