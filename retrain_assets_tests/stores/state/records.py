"""Records as the lifecycle writes them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from retrain_assets.data.arrivals import Arrival, RawPart
from retrain_assets.drift.episodes import Episode
from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Step
from retrain_assets.training.bundle import ModelVersion

NOW = datetime(2013, 1, 8, 12, 30, 15, 123456, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


def arrival(**changes: Any) -> Arrival:
    values: dict[str, Any] = {
        "model": "flight_delay",
        "batch": "2013-01-01",
        "revision": 1,
        "kind": "on_time",
        "content_hash": "c0ffee",
        "parts": (
            RawPart(name="a.csv", media_type="csv", content_hash="aa", size=3),
            RawPart(name="b.parquet", media_type="parquet", content_hash="bb", size=2**40),
        ),
        "arrived_at": NOW,
    }
    return Arrival(**values | changes)


def step(**changes: Any) -> Step:
    values: dict[str, Any] = {
        "model": "flight_delay",
        "batch": "2013-01-01",
        "job": "watch",
        "attempt": 1,
        "revision": 1,
        "outcome": "done",
        "cause": "batch arrived",
        "as_of": NOW,
        "finished_at": NOW + timedelta(seconds=1),
        "run_id": "run",
        "detail": {"rows": 3, "nested": {"share": 0.25}},
    }
    return Step(**values | changes)


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "model": "flight_delay",
        "batch": "2013-01-01",
        "attempt": 1,
        "verdict": "retrain",
        "reason": "drift",
        "cause": "matured",
        "triggers": (
            TriggerState(name="drift", fired=True, reason="distance 0.3"),
            TriggerState(name="event", fired=None, reason="unknown", applicable=False),
        ),
        "as_of": NOW,
        "decided_at": NOW,
        "champion_version": None,
        "retrospective": False,
        "state": {"cusum": 0.1 + 0.2, "seen": ["a", "b"]},
    }
    return Decision(**values | changes)


def promotion(**changes: Any) -> Promotion:
    values: dict[str, Any] = {
        "id": 0,
        "model": "flight_delay",
        "version": 1,
        "action": "promote",
        "previous_id": None,
        "batch": "2013-01-01",
        "attempt": 1,
        "as_of": NOW,
        "training_end": NOW - timedelta(days=7),
        "actor": "run",
        "reason": "first_model",
        "promoted_at": NOW,
        "evidence": {"holdout_loss": 0.25, "holdout_standard_error": 0.01},
    }
    return Promotion(**values | changes)


def model_version(**changes: Any) -> ModelVersion:
    values: dict[str, Any] = {
        "model": "flight_delay",
        "version": 1,
        "model_hash": "mm",
        "uri": "models:/flight_delay/1",
        "run_id": "run",
        "batch": "2013-01-01",
        "attempt": 1,
        "training_end": NOW,
        "training_hash": "tt",
        "data_hash": "dd",
        "artifact_hash": "aa",
    }
    return ModelVersion(**values | changes)


def episode(**changes: Any) -> Episode:
    values: dict[str, Any] = {
        "model": "flight_delay",
        "id": "2013-01-01",
        "champion_version": 1,
        "opened_batch": "2013-01-01",
        "last_batch": "2013-01-08",
        "score": 1 / 3,
    }
    return Episode(**values | changes)
