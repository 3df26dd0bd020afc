"""What the cost-aware policy knew stands in the metadata of the decision, as numbers that Dagster plots."""

from datetime import UTC, datetime
from typing import Any

import pytest

from retrain_assets.lifecycle.records import Decided
from retrain_assets.orchestration.model_metadata import _staleness, of_decision
from retrain_assets.policy.decision import Decision
from retrain_assets_tests.orchestration.test_performance_metadata import COMMIT, Stores

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def decision(state: dict[str, Any]) -> Decision:
    return Decision(
        model="m", batch="b", attempt=1, verdict="wait", reason="", cause="batch", triggers=(), as_of=NOW,
        decided_at=NOW, champion_version=1, state=state,
    )  # fmt: skip


def shown(state: dict[str, Any]) -> dict[str, Any]:
    record = Decided(decision=decision(state), commit=COMMIT)
    return dict(of_decision(Stores(), record))  # pyright: ignore[reportArgumentType]


def test_debt_and_gain_are_series():
    known = {"debt": 0.7, "debt_error": 0.1, "limit": 1.2, "gain": 0.05, "gain_error": 0.02, "slack": 0.1, "fired": 0}
    assert _staleness(decision({"staleness": known})) == {
        "staleness_debt": 0.7, "staleness_debt_error": 0.1, "staleness_limit": 1.2, "staleness_gain": 0.05,
        "staleness_gain_error": 0.02, "staleness_gain/lower": 0.0108007, "staleness_gain/upper": 0.0891993,
    }  # fmt: skip


def test_what_is_left_and_what_was_judged_are_series():
    left = {"budget_retrains": 3.0, "cooldown_days": 0.0, "spend_cpu_seconds": 12.5}
    made = shown({"left": left, "decay": {"value": 0.5, "limit": 0.6}})
    assert {name: value for name, value in made.items() if isinstance(value, float)} == {
        "left/budget_retrains": 3.0, "left/cooldown_days": 0.0, "left/spend_cpu_seconds": 12.5,
        "performance_decay": 0.5, "performance_decay/limit": 0.6,
    }  # fmt: skip


def test_what_would_change_it_is_told():
    assert shown({"would_change": "event or person"})["would_change"] == "event or person"
    assert shown({})["would_change"].startswith("unknown: ")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "none"),
        ({"hold": "b"}, "held for a person since b"),
        ({"open_hold": "a"}, "held for a person since a"),
        ({"open_hold": "a", "hold_answer": "rejected"}, "answered: rejected"),
        ({"hold": "b", "open_hold": "a"}, "held for a person since b"),
    ],
)
def test_whether_a_person_is_asked(state: dict[str, Any], said: str):
    assert shown(state)["hold"] == said


def test_what_is_not_known_is_no_number():
    assert _staleness(decision({})) == {}
    assert "staleness_limit" not in _staleness(decision({"staleness": {"debt": 0.0, "limit": None}}))
