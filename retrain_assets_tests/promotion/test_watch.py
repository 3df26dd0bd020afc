"""How long a promotion is watched, and what breaks it."""

from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets.performance.decay import BatchLoss
from retrain_assets.promotion.watch import breaks_ceiling, is_watched
from retrain_assets.spec import RollbackSpec
from retrain_assets_tests.stores.state.records import promotion


def loss(value: float, error: float = 0.01) -> BatchLoss:
    return BatchLoss(batch="2013-01-15", value=value, standard_error=error, rows=100)


@pytest.mark.covers("rollback.max_loss")
@pytest.mark.parametrize(
    ("losses", "broken"),
    [
        ([], False),
        ([loss(0.49)], False),
        ([loss(0.51)], False),  # within its noise
        ([loss(0.53)], True),
        ([loss(0.9), loss(0.4)], False),  # the newest says
    ],
)
def test_a_ceiling_is_broken_by_more_than_noise(losses: list[BatchLoss], broken: bool):
    assert (breaks_ceiling(losses, RollbackSpec(max_loss=0.5), metric="log_loss") is not None) is broken
    assert breaks_ceiling(losses, RollbackSpec(max_loss=None), metric="log_loss") is None


def test_a_nan_breaks_nothing():
    assert breaks_ceiling([loss(float("nan"))], RollbackSpec(max_loss=0.5), metric="log_loss") is None


@pytest.mark.parametrize(
    ("changes", "after", "watched"),
    [
        ({"previous_id": 1}, 0, True),
        ({"previous_id": 1}, 7, True),
        ({"previous_id": 1}, 8, False),
        ({"previous_id": 1}, -1, False),
        ({"previous_id": None}, 0, False),
        ({"previous_id": 1, "action": "rollback"}, 0, False),
        ({"previous_id": 1, "action": "recall"}, 0, True),
    ],
)
def test_so_long_is_a_promotion_watched(changes, after: int, watched: bool):
    made = promotion(as_of=datetime(2013, 1, 8, tzinfo=UTC), **changes)
    as_of = made.as_of + timedelta(days=after)
    assert is_watched(made, RollbackSpec(watch=timedelta(days=7)), as_of) is watched
    assert not is_watched(made, RollbackSpec(), as_of)
