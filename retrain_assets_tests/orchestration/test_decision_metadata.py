"""What the cost-aware policy knew stands in the metadata of the decision, as numbers that Dagster plots."""

from datetime import UTC, datetime
from typing import Any

from retrain_assets.orchestration.model_metadata import _staleness
from retrain_assets.policy.decision import Decision

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def decision(state: dict[str, Any]) -> Decision:
    return Decision(
        model="m", batch="b", attempt=1, verdict="wait", reason="", cause="batch", triggers=(), as_of=NOW,
        decided_at=NOW, champion_version=1, state=state,
    )  # fmt: skip


def test_debt_and_gain_are_series():
    known = {"debt": 0.7, "debt_error": 0.1, "limit": 1.2, "gain": 0.05, "gain_error": 0.02, "slack": 0.1, "fired": 0}
    assert _staleness(decision({"staleness": known})) == {
        "staleness_debt": 0.7, "staleness_debt_error": 0.1, "staleness_limit": 1.2, "staleness_gain": 0.05,
        "staleness_gain_error": 0.02,
    }  # fmt: skip


def test_what_is_not_known_is_no_number():
    assert _staleness(decision({})) == {}
    assert "staleness_limit" not in _staleness(decision({"staleness": {"debt": 0.0, "limit": None}}))
