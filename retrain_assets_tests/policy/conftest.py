"""The facts of a decision with sensible values, to be changed one at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retrain_assets.data.windows import Calendar
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.report import DriftReport, TableVerdict
from retrain_assets.performance.decay import BatchLoss, HoldoutLoss
from retrain_assets.policy.context import DecisionContext
from retrain_assets.promotion.log import Promotion
from retrain_assets.spec import BatchesSpec, ModelSpec

START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def declare():
    """A declaration; parts of it by keyword."""

    def build(**parts):
        return ModelSpec.model_validate(
            {
                "name": "m",
                "batches": {"every": "week", "start": "2013-01-01"},
                "source": {"type": "python", "load": "somewhere:load"},
                "schema": {"x": {"type": "float"}},
                "event_time": "at",
                "target": {"column": "y", "label_delay": "1 week"},
                "estimator": {"class": "sklearn.linear_model.LogisticRegression"},
                "metric": "log_loss",
                **parts,
            }
        )

    return build


@pytest.fixture(scope="session")
def batch_at():
    """The batch of a week, counted from 0."""
    calendar = Calendar(BatchesSpec(every="week", start=START))

    def find(week):
        return calendar.containing(START + timedelta(weeks=week))

    return find


@pytest.fixture(scope="session")
def champion():
    """Trained on the first five weeks."""
    return Promotion(
        id=1, model="m", version=4, action="promote", previous_id=None, batch="2013-02-05", attempt=1,
        as_of=START + timedelta(weeks=6), training_end=START + timedelta(weeks=5), actor="retrain_assets", reason="",
        promoted_at=START,
    )  # fmt: skip


@pytest.fixture(scope="session")
def drift_report():
    """A report by its verdict."""

    def build(verdict: TableVerdict = "drift", reason="2 of 5 columns drifted"):
        return DriftReport(
            model="m", batch="b", champion_version=4, verdict=verdict, reason=reason, score=0.3, columns=()
        )

    return build


@pytest.fixture(scope="session")
def episode():
    """An open episode, not acknowledged."""
    return Episode(
        model="m", id="2013-03-05", champion_version=4, opened_batch="2013-03-05", last_batch="2013-03-12", score=0.3
    )


@pytest.fixture(scope="session")
def facts(declare, batch_at, champion, drift_report):
    """A context in which nothing fires, week 10; its parts by keyword, those of the declaration by their names."""

    def build(retrain=None, freshness=None, window=None, **parts):
        declared = {"retrain": retrain, "freshness": freshness, "window": window}
        spec = declare(**{name: part for name, part in declared.items() if part is not None})
        values: dict[str, Any] = {
            "spec": spec, "batch": batch_at(10), "attempt": 1, "cause": "watched", "now": START,
            "champion": champion, "drift": drift_report("stable", "no column has drifted"), "episode": None,
            "losses": matured([0.5] * 3), "holdout": HoldoutLoss(value=0.5, standard_error=0.005),
            "new_labels": 100, "labelled_rows": 10_000, "retrains": (),
            "champion_training_hash": "aa", "current_training_hash": "aa", "data_is_newer": True,
            "newest_decided": "2013-03-05", **parts,
        }  # fmt: skip
        return DecisionContext(**values)

    return build


def matured(values):
    """Losses of matured batches."""
    return tuple(
        BatchLoss(batch=f"2013-02-{k + 1:02}", value=value, standard_error=0.005, rows=5000)
        for k, value in enumerate(values)
    )
