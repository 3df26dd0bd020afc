"""The four states of a verdict in Dagster's two words, and what a person reads beside them."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from retrain_assets.lifecycle.records import Measured, Promoted, Scored
from retrain_assets.orchestration import checks, showing
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import TableCommit

ASSET = dg.AssetKey(["tiny", "performance"])
COMMIT = TableCommit(
    table="tiny/performance", partition="2024-01-01", version=1, content_hash="0", rows=0, run_id=None, changed=True
)


@pytest.mark.parametrize(
    ("state", "passed", "severity", "said"),
    [
        ("passed", True, dg.AssetCheckSeverity.ERROR, "because"),
        ("failed", False, dg.AssetCheckSeverity.ERROR, "because"),
        ("unknown", False, dg.AssetCheckSeverity.WARN, "unknown: because"),
        ("not_applicable", True, dg.AssetCheckSeverity.ERROR, "not applicable: because"),
    ],
)
def test_an_unknown_is_never_green(
    state: checks.State, passed: bool, severity: dg.AssetCheckSeverity, said: str
) -> None:
    result = checks.result(ASSET, "champion_is_healthy", state, "because")
    assert (result.passed, result.severity, result.description) == (passed, severity, said)
    assert result.metadata["state"].value == state


@pytest.mark.parametrize(
    ("health", "reason", "state"),
    [
        (True, "no decay", "passed"),
        (False, "decayed", "failed"),
        (None, "labels are not mature", "unknown"),
        (None, "bootstrapping: there is no champion to judge", "not_applicable"),
    ],
)
def test_health_of_a_champion(health: bool | None, reason: str, state: str) -> None:
    record = Measured(performances=(), backscored=(), health=health, reason=reason, commit=COMMIT)
    [result] = checks.of_performance(ASSET, record)
    assert result.metadata["state"].value == state
    assert result.severity is dg.AssetCheckSeverity.WARN or state == "not_applicable"


def test_faults_of_the_stored_table_fail_the_predictions_also_while_bootstrapping() -> None:
    record = Scored(version=None, mode=None, rows=0, mean_score=None, commit=COMMIT)
    [fine] = checks.of_predictions(ASSET, record, ())
    [faulty] = checks.of_predictions(ASSET, record, ("score: 3 rows are infinite",))
    assert fine.metadata["state"].value == "not_applicable"
    assert (faulty.passed, faulty.description) == (False, "score: 3 rows are infinite")


def promoted(evidence: dict[str, object]) -> Promoted:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    promotion = Promotion(
        id=1,
        model="tiny",
        version=1,
        action="promote",
        previous_id=None,
        batch="2024-01-01",
        attempt=1,
        as_of=moment,
        training_end=moment,
        actor="retrain_assets",
        reason="passed",
        promoted_at=moment,
        evidence=evidence,
    )
    return Promoted(promotion=promotion, current=promotion, reason="passed", history=(promotion,))


def test_an_adopted_champion_was_never_compared_with_a_baseline() -> None:
    [result] = checks.of_champion(ASSET, promoted({}))
    assert (result.metadata["state"].value, result.description) == ("unknown", "unknown: v1 was not evaluated")


def test_the_champions_evidence_is_its_check() -> None:
    gate = {"name": "beats_baseline", "passed": True, "applicable": True, "reason": "shown better"}
    [result] = checks.of_champion(ASSET, promoted({"gates": [gate]}))
    assert (result.passed, result.description) == (True, "shown better")


def test_a_missing_number_is_a_gap_and_no_zero() -> None:
    assert showing.number("log_loss", None) == {}
    assert showing.number("log_loss", float("nan")) == {}
    assert showing.number("log_loss", 0.0) == {"log_loss": 0.0}


def test_a_table_without_rows_is_said_in_words() -> None:
    assert showing.table([]).value == "none"
    shown = showing.table([{"a": 1, "b": float("nan"), "c": None, "d": datetime(2024, 1, 1, tzinfo=UTC)}])
    assert isinstance(shown, dg.TableMetadataValue)
    assert shown.records[0].data == {"a": 1, "b": None, "c": None, "d": "2024-01-01 00:00:00+00:00"}


def test_a_large_figure_stays_out_of_the_event_log() -> None:
    assert showing.figure("picture", b"0" * (showing.MAX_FIGURE_BYTES + 1)) == {}
    assert showing.figure("picture", None) == {}
    assert "data:image/png;base64,MDAw" in str(showing.figure("picture", b"000")["picture"].value)


def test_a_link_is_one_only_where_a_browser_can_go() -> None:
    assert showing.link("http://host/run", "run") == dg.MetadataValue.md("[run](http://host/run)")
    assert showing.link("sqlite:///mlflow.db#run", "run") == dg.MetadataValue.text("run")
