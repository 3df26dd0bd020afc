"""Every row that decides is told to the chain in its own transaction, on every database."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from retrain_assets.errors import RefusedError
from retrain_assets.promotion.approvals import Answer, ApprovalRequest
from retrain_assets.promotion.audit import find_faults
from retrain_assets.promotion.model_moves import ModelAction, ModelMove
from retrain_assets.promotion.stages import StageMove, stages
from retrain_assets.stores.state.upgrade import MIGRATIONS
from retrain_assets_tests.stores.state.records import NOW, decision, promotion

MODEL = "flight_delay"


def request(**changes):
    values: dict[str, Any] = {
        "id": 0, "model": MODEL, "version": 2, "model_hash": "mm", "artifact_hash": "aa", "batch": "2013-01-08",
        "attempt": 1, "champion_version": 1, "reason": "a large change", "requested_at": NOW, "expires_at": NOW,
        "evidence": {"difference": float("nan")},
    }  # fmt: skip
    return ApprovalRequest(**values | changes)


def answer(**changes):
    values: dict[str, Any] = {
        "approval_id": 1, "model": MODEL, "version": 2, "verdict": "approve", "person": "ann", "proof": "on trust",
        "reason": "looks good", "answered_at": NOW,
    }  # fmt: skip
    return Answer(**values | changes)


def move(stage, version=1):
    return StageMove(
        model=MODEL, version=version, stage=stage, previous=None, actor="ann", reason="because", moved_at=NOW
    )


def fill(store):
    """One of each kind."""
    store.record_decision(decision())
    first = store.append_promotion(promotion())
    kept = store.request_approval(request())
    store.record_answer(answer(approval_id=kept.id))
    store.append_promotion(promotion(version=2, previous_id=first.id))
    store.append_promotion(promotion(version=1, previous_id=first.id + 1, action="rollback"))


def faults(store):
    return [str(fault) for fault in find_faults(*store.audited(MODEL))]


def tamper(store, statement):
    with store._database.writing() as connection:
        assert connection.execute(sa.text(statement)).rowcount > 0


def test_the_chain_tells_of_every_row(store):
    fill(store)
    kinds = [entry.kind for entry in store.audit_entries(MODEL)]
    assert kinds == [
        "decision", "promotion", "stage", "approval", "answer", "promotion", "stage", "stage",
        "promotion", "stage", "stage",
    ]  # fmt: skip
    assert faults(store) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE ra_promotions SET version = 7 WHERE version = 2", "promotion 2, of which it tells, was changed"),
        ("UPDATE ra_promotions SET evidence = '{}' WHERE id = 1", "promotion 1, of which it tells, was changed"),
        ("UPDATE ra_decisions SET verdict = 'wait'", "decision 1, of which it tells, was changed"),
        ("UPDATE ra_answers SET person = 'bob'", "answer 1, of which it tells, was changed"),
        ("UPDATE ra_stages SET stage = 'champion' WHERE id = 2", "stage 2, of which it tells, was changed"),
        ("DELETE FROM ra_decisions", "decision 1, of which it tells, was deleted"),
        ("DELETE FROM ra_audit WHERE sequence = 3", "entry 4: entry 3 must come here"),
        ("UPDATE ra_audit SET summary = '{}' WHERE sequence = 2", "entry 2: it was changed after it was written"),
        (
            (
                "INSERT INTO ra_stages (model, version, stage, actor, reason, moved_at) "
                "SELECT model, 9, stage, actor, reason, moved_at FROM ra_stages WHERE id = 1"
            ),
            "is in the database, but no entry tells of it",
        ),
    ],
)
def test_what_was_changed_by_hand_is_found(store, statement, found):
    fill(store)
    tamper(store, statement)
    assert any(found in fault for fault in faults(store)), faults(store)


def test_a_promotion_moves_both_versions_at_once(store):
    fill(store)
    assert stages(store.stage_moves(MODEL)) == {1: "champion", 2: "rolled_back"}
    assert [row.kind for row in store.outbox()][-2:] == ["promotion", "rolled_back"]


def test_a_version_that_was_rolled_back_comes_back_by_a_person_only(store):
    fill(store)
    newest = store.promotions(MODEL)[-1].id
    before = store.audit_entries(MODEL)
    with pytest.raises(RefusedError, match="v2 was rolled back and is not promoted again by itself"):
        store.append_promotion(promotion(version=2, previous_id=newest))
    assert store.audit_entries(MODEL) == before
    assert len(store.promotions(MODEL)) == 3
    store.move_stage(move("retired", 2))
    assert store.append_promotion(promotion(version=2, previous_id=newest)).version == 2


def test_a_move_that_was_decided_on_too_early_leaves_the_champion(store):
    """A person clears what was rolled back, and somebody else has made it champion meanwhile."""
    fill(store)
    newest = store.promotions(MODEL)[-1].id
    store.append_promotion(promotion(version=2, previous_id=newest, action="rollback"))
    with pytest.raises(RefusedError, match="v2 is champion and cannot become retired by itself"):
        store.move_stage(move("retired", 2))
    assert stages(store.stage_moves(MODEL))[2] == "champion"


def test_an_illegal_move_changes_nothing(store):
    store.move_stage(move("champion"))
    with pytest.raises(RefusedError, match="is champion and cannot become candidate"):
        store.move_stage(move("candidate"))
    assert store.move_stage(move("champion")) is False
    assert [made.stage for made in store.stage_moves(MODEL)] == ["champion"]
    assert faults(store) == []


def test_a_hold_is_kept_once_and_a_person_answers_once(store):
    kept = store.request_approval(request())
    assert store.request_approval(request(reason="again")).reason == kept.reason
    store.record_answer(answer(approval_id=kept.id))
    with pytest.raises(RefusedError, match="ann has answered request 1 of flight_delay v2 already"):
        store.record_answer(answer(approval_id=kept.id, verdict="reject"))
    assert [given.verdict for given in store.answers(MODEL)] == ["approve"]


def test_what_was_recorded_before_there_was_a_chain_is_told_by_the_upgrade(store):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store._database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, previous in ((1, "NULL"), (2, "1")):
            connection.execute(
                sa.text(
                    "INSERT INTO ra_promotions (model, version, action, previous_id, as_of, training_end, actor, "
                    f"reason, promoted_at, evidence) VALUES ('{MODEL}', {number}, 'promote', {previous}, "
                    "'2013-01-08 00:00:00', '2013-01-01 00:00:00', 'ra', 'r', '2013-01-08 12:00:00', '{}')"
                )
            )
    entries = store.audit_entries(MODEL)
    assert [entry.summary["version"] for entry in entries] == [1, 2]
    assert all(entry.summary["recorded_before_the_chain"] for entry in entries)
    assert faults(store) == []
    tamper(store, "UPDATE ra_promotions SET version = 3 WHERE version = 2")
    assert faults(store) == ["entry 2: promotion 2, of which it tells, was changed"]


def model_move(action: ModelAction = "rename", model: str = "arrivals", previous: str | None = MODEL):
    return ModelMove(model=model, action=action, previous=previous, actor="ann", reason="clearer", moved_at=NOW)


def test_a_model_takes_every_row_to_its_new_name_and_the_chain_stays_whole(store):
    fill(store)
    before = store.audit_entries(MODEL)
    store.move_model(model_move())
    assert (store.promotions(MODEL), store.decisions("arrivals")[0].model) == ([], "arrivals")
    assert {made.model for made in store.promotions("arrivals")} == {"arrivals"}
    assert store.audit_entries("arrivals")[:-1] == before
    assert find_faults(*store.audited("arrivals")) == []
    newest = store.promotions("arrivals")[-1]
    store.append_promotion(promotion(model="arrivals", version=3, previous_id=newest.id))
    assert find_faults(*store.audited("arrivals")) == []
    assert store.outbox(model=MODEL) == []
    with pytest.raises(RefusedError, match="a name that arrivals had"):
        store.require_free("other", MODEL)


def test_with_a_retirement_the_champion_leaves_and_with_a_return_it_is_back(store):
    fill(store)
    actions: tuple[tuple[ModelAction, str], ...] = (("retire", "retired"), ("return", "champion"))
    for action, stage in actions:
        store.move_model(model_move(action, MODEL, None))
        assert stages(store.stage_moves(MODEL))[1] == stage
    assert faults(store) == []
