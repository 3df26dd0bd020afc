"""The overview says of each model what the state database holds, and nothing that it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retrain_assets.policy.decision import Decision, TriggerState
from retrain_assets.promotion.approvals import holds_of
from retrain_assets.promotion.log import Promotion
from retrain_assets.reporting.age import age
from retrain_assets.reporting.due import next_due
from retrain_assets.reporting.overview import overview
from retrain_assets.reporting.records import Records
from retrain_assets.stores.protocols import OutboxRow, Step
from retrain_assets_tests.promotion.test_approvals import REQUEST, said
from retrain_assets_tests.spec.declarations import spec

START = datetime(2013, 1, 1, tzinfo=UTC)
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
WEEK = timedelta(weeks=1)
UNTIL = f"{REQUEST.expires_at:%Y-%m-%d %H:%M}"


def step(week: int, job: Any = "watch", **changes: Any) -> Step:
    start = START + week * WEEK
    values: dict[str, Any] = {
        "model": "sales",
        "batch": f"{start:%Y-%m-%d}",
        "job": job,
        "attempt": 1,
        "revision": 1,
        "outcome": "done",
        "cause": "batch",
        "as_of": start + WEEK,
        "finished_at": NOW,
        **changes,
    }
    return Step(**values)


def decision(week: int, *triggers: TriggerState, verdict: Any = "wait") -> Decision:
    start = START + week * WEEK
    return Decision(
        model="sales",
        batch=f"{start:%Y-%m-%d}",
        attempt=1,
        verdict=verdict,
        reason="no trigger fired",
        cause="batch",
        triggers=triggers,
        as_of=start + WEEK,
        decided_at=NOW,
        champion_version=1,
    )


def promotion(version: int = 1, **changes: Any) -> Promotion:
    values: dict[str, Any] = {
        "id": version,
        "model": "sales",
        "version": version,
        "action": "promote",
        "previous_id": None,
        "batch": "2013-01-08",
        "attempt": 1,
        "as_of": START + 2 * WEEK,
        "training_end": START + 2 * WEEK,
        "actor": "policy",
        "reason": "passed",
        "promoted_at": NOW - timedelta(days=3),
        **changes,
    }
    return Promotion(**values)


def test_what_became_of_the_newest_candidate_is_told():
    """Else a model whose candidates are all rejected would stand there without a champion, and nobody knew why."""
    judged = {"decision": 1, "version": 4, "outcome": "rejected", "reason": "not passed: beats_baseline"}
    steps = [step(2, "retrain", detail=judged), step(3, "retrain", outcome="failed", detail={"reason": "killed"})]
    seen = overview(spec(), Records(steps=[*steps, step(3)]), now=NOW)
    assert seen.last_retrain == "v4 of 2013-01-15 rejected: not passed: beats_baseline"
    assert overview(spec(), Records(steps=steps[1:]), now=NOW).last_retrain is None


def test_a_retrain_that_had_no_rows_to_train_on_is_told():
    judged = {"decision": 1, "version": 4, "outcome": "held", "reason": "passed"}
    refused = step(3, "retrain", outcome="refused", detail={"reason": "no labelled batch has w"})
    seen = overview(spec(), Records(steps=[step(2, "retrain", detail=judged), refused]), now=NOW)
    assert seen.last_retrain == f"the retrain of {refused.batch} could not begin: no labelled batch has w"


def test_refused_batches_that_another_declaration_judged_are_told_with_what_validates_them():
    def refused(week: int, by: str) -> Step:
        return step(week, "watch", outcome="refused", detail={"reason": "too many", "contract": by})

    own = spec().contract_hash()
    one = [refused(1, "other"), refused(2, own), refused(3, "other"), step(3, "watch")]
    said = overview(spec(), Records(steps=one), now=NOW).judged_otherwise
    assert said == (
        f"1 refused batch was judged by another declaration ({one[0].batch}): `retrain-assets run sales --batch "
        f"{one[0].batch}` validates it again"
    )
    two = overview(spec(), Records(steps=[refused(1, "other"), refused(2, "other")]), now=NOW).judged_otherwise
    assert two is not None
    assert two.startswith("2 refused batches were judged by another declaration (")
    assert two.endswith("`retrain-assets run sales --batch KEY` validates one again")
    assert overview(spec(), Records(steps=[refused(2, own)]), now=NOW).judged_otherwise is None
    assert spec(quarantine={"tolerance": 0.5}).contract_hash() != own
    assert spec(description="the same rows are accepted").contract_hash() == own


def test_a_model_that_never_ran():
    seen = overview(spec(), Records(), now=NOW)
    assert (seen.state, seen.champion, seen.last_batch, seen.decision) == ("not started", None, None, None)
    assert (seen.drift.light, seen.health.light) == ("unknown", "unknown")
    assert (seen.next_batch, seen.next_batch_closes) == ("2013-01-01", START + WEEK)


def test_a_model_without_a_champion_is_bootstrapping():
    seen = overview(spec(), Records(steps=[step(0)]), now=NOW)
    assert (seen.state, seen.last_batch, seen.last_batch_outcome) == ("bootstrapping", "2013-01-01", "done")
    assert seen.next_batch == "2013-01-08"


def test_two_ages_of_a_champion():
    """One is batch time since its data ended, the other wall time since it was promoted."""
    seen = overview(spec(), Records(steps=[step(5)], promotions=[promotion(1), promotion(4)]), now=NOW)
    assert (seen.state, seen.champion, seen.promotions) == ("serving", 4, 2)
    assert seen.model_age == 4 * WEEK
    assert seen.champion_age == timedelta(days=3)


def test_the_last_batch_is_the_newest_not_the_latest_run():
    records = Records(steps=[step(3), step(4, outcome="refused"), step(1, attempt=2)])
    seen = overview(spec(), records, now=NOW)
    assert (seen.last_batch, seen.last_batch_outcome) == ("2013-01-29", "refused")


def test_a_refused_batch_that_came_again_whole_is_no_longer_refused():
    records = Records(steps=[step(3), step(4, outcome="refused"), step(4, attempt=2, revision=2)])
    seen = overview(spec(), records, now=NOW)
    assert (seen.last_batch, seen.last_batch_outcome) == ("2013-01-29", "done")


@pytest.mark.parametrize(
    ("fired", "applicable", "light"),
    [(True, True, "red"), (False, True, "green"), (None, True, "unknown"), (None, False, "not applicable")],
)
def test_drift_is_what_the_last_decision_saw(fired: bool | None, applicable: bool, light: str):
    trigger = TriggerState(name="drift", fired=fired, reason="3 columns", applicable=applicable)
    seen = overview(spec(), Records(steps=[step(2)], decisions=[decision(1), decision(2, trigger)]), now=NOW)
    assert (seen.drift.light, seen.drift.reason, seen.drift.batch) == (light, "3 columns", "2013-01-15")
    assert (seen.decision, seen.decision_batch, seen.decision_reason) == ("wait", "2013-01-15", "no trigger fired")


def test_what_was_decided_of_an_older_batch_that_came_again_is_not_where_the_model_stands():
    again = replace(decision(0), retrospective=True)
    seen = overview(spec(), Records(steps=[step(2)], decisions=[decision(2), again]), now=NOW)
    assert seen.decision_batch == "2013-01-15"


@pytest.mark.parametrize(
    ("action", "days", "light"),
    [("rollback", -1, "unknown"), ("rollback", 0, "unknown"), ("rollback", 3, "green"), ("promote", -1, "green")],
)
def test_the_health_of_a_champion_that_came_back_is_not_that_of_the_one_before(action: str, days: int, light: str):
    log = [promotion(), promotion(2), promotion(1, id=3, action=action, promoted_at=NOW - timedelta(days=days))]
    seen = overview(spec(), Records(steps=[step(1, "settle", detail={"health": True})], promotions=log), now=NOW)
    assert seen.health.light == light
    assert ("v1 came back after batch 2013-01-08" in seen.health.reason) is (light == "unknown")


def test_what_cannot_judge_an_adopted_champion_is_told():
    """The default condition waited for nothing but its age, and said so nowhere but in the decision."""
    taken = promotion(1, action="adopt", evidence={})
    seen = overview(spec(retrain={"when": "staleness | performance_decay"}), Records(promotions=[taken]), now=NOW)
    said = "v1 was adopted, and its loss on a holdout is not known: staleness and performance_decay stay unknown"
    assert (seen.blind_triggers or "").startswith(said)
    assert overview(spec(retrain={"when": "event"}), Records(promotions=[taken]), now=NOW).blind_triggers is None
    held = promotion(2, evidence={"holdout": {"value": 0.5, "standard_error": 0.01}})
    assert overview(spec(), Records(promotions=[taken, held]), now=NOW).blind_triggers is None
    back = promotion(1, action="rollback", evidence={})
    assert overview(spec(), Records(promotions=[taken, held, back]), now=NOW).blind_triggers is not None


def test_a_champion_that_came_back_was_not_promoted_now():
    retrain = step(1, "retrain", detail={"outcome": "promoted", "version": 2, "reason": "passed: beats_baseline"})
    log = [promotion(), promotion(2)]
    before = overview(spec(), Records(steps=[retrain], promotions=log), now=NOW)
    assert before.came_back is None
    assert before.last_retrain == "v2 of 2013-01-08 promoted: passed: beats_baseline"
    back = promotion(1, id=3, action="rollback", actor="person:ann", reason="bad nights")
    seen = overview(spec(), Records(steps=[retrain], promotions=[*log, back]), now=NOW)
    assert seen.came_back == "rollback from v2 by person:ann: bad nights"
    assert seen.last_retrain == "v2 of 2013-01-08 promoted, and rolled back since: passed: beats_baseline"
    forth = promotion(2, id=4, action="rollback", actor="person:ann", reason="the nights were good")
    seen = overview(spec(), Records(steps=[retrain], promotions=[*log, back, forth]), now=NOW)
    assert seen.last_retrain == "v2 of 2013-01-08 promoted: passed: beats_baseline"


@pytest.mark.parametrize(("health", "light"), [(True, "green"), (False, "red"), (None, "unknown")])
def test_health_is_that_of_the_last_settled_batch(health: bool | None, light: str):
    settled = [
        step(0, "settle", detail={"health": True}),
        step(1, "settle", detail={"health": health}),
        step(2, "settle", outcome="failed"),
    ]
    seen = overview(spec(), Records(steps=settled), now=NOW)
    assert (seen.health.light, seen.health.batch) == (light, "2013-01-08")


def test_who_works_on_it():
    assert overview(spec(), Records(working="run-7"), now=NOW).working == "run-7"


@pytest.mark.parametrize(
    ("persons", "verdicts", "days", "text"),
    [
        (1, [], 1, "v3 waits for approval until UNTIL UTC"),
        (2, ["approve"], 1, "v3 waits for approval until UNTIL UTC (of 2 persons; 1 approved)"),
        (1, ["approve"], 1, "v3 is approved, to be carried out"),
        (1, [], 7, "v3 waited for approval until UNTIL UTC, and is to be rejected"),
        (1, ["reject"], 1, None),
        (1, ["approve", "void"], 1, None),
    ],
)
def test_what_waits_for_an_approval_or_to_be_carried_out(
    persons: int, verdicts: list[Any], days: int, text: str | None
):
    declared = spec(promote={"approval": {"when": "always", "persons": persons}})
    given = [said(verdict, f"p{number}", days=0) for number, verdict in enumerate(verdicts)]
    held = holds_of([REQUEST], given, [], declared.promote.approval)
    seen = overview(declared, Records(holds=held), now=REQUEST.requested_at + timedelta(days=days))
    assert [waits.text for waits in seen.approvals] == ([] if text is None else [text.replace("UNTIL", UNTIL)])
    made = promotion(3, evidence={"approval": REQUEST.id})
    assert not [hold for hold in holds_of([REQUEST], given, [made], declared.promote.approval) if hold.ready]


@pytest.mark.parametrize(
    ("verdicts", "log", "told"),
    [
        ([], [], "v3 of 2013-01-15 held: ask"),
        (["approve", "void"], [], "v3 of 2013-01-15 was held for approval, and is void: p1: "),
        (["approve"], [promotion(3, evidence={"approval": REQUEST.id})], "was held for approval, and is promoted"),
    ],
)
def test_a_candidate_that_was_held_says_what_became_of_it(verdicts: list[Any], log: list[Promotion], told: str):
    declared = spec(promote={"approval": "always"})
    held = [step(2, "retrain", detail={"version": 3, "outcome": "held", "reason": "ask"})]
    given = [said(verdict, f"p{number}", days=0) for number, verdict in enumerate(verdicts)]
    records = Records(steps=held, holds=holds_of([REQUEST], given, log, declared.promote.approval))
    seen = overview(declared, records, now=REQUEST.requested_at)
    assert told in (seen.last_retrain or "")
    assert seen.lapsed == (seen.last_retrain if "void" in verdicts else None)


def test_a_candidate_whose_time_to_be_approved_has_passed_is_not_told_as_one_that_can_be():
    held = [step(2, "retrain", detail={"version": 3, "outcome": "held", "reason": "`approve`"})]
    records = Records(
        steps=held, holds=holds_of([REQUEST], [], [], spec(promote={"approval": "always"}).promote.approval)
    )
    seen = overview(spec(promote={"approval": "always"}), records, now=REQUEST.expires_at)
    assert seen.last_retrain == "v3 of 2013-01-15 was held for approval, and nobody gave it in time"


def test_a_retrain_that_is_held_is_told_until_a_person_answers():
    """Also where a later decision waits for another reason."""
    began = decision(2, verdict="hold")
    began = replace(began, state={"hold": began.batch})
    records = Records(steps=[step(2), step(3)], decisions=[began, decision(3)])
    said = "a retrain is held for a person since 2013-01-15: `retrain-assets hold sales --resume` or `--reject` answers"
    assert overview(spec(), records, now=NOW).held == said
    answer = OutboxRow(id=9, kind="hold_resumed", model="sales", batch="2013-01-15", recorded_at=NOW, payload={})
    assert overview(spec(), replace(records, asked=[answer]), now=NOW).held is None
    answered = replace(decision(3), state={"hold_answer": "resumed"})
    assert overview(spec(), replace(records, decisions=[began, answered]), now=NOW).held is None


QUIET = "retrain of 2013-01-15 waits for the end of the quiet hours, 2013-03-02 06:00 UTC"
LATER = "retrain of 2013-01-15 failed, and is tried again from 2013-03-01 12:01:00 UTC"


@pytest.mark.parametrize(
    ("steps", "quiet", "waiting"),
    [
        ([], None, None),
        ([], "10:00-06:00", QUIET),
        ([], "13:00-06:00", None),
        ([step(2, "retrain")], "10:00-06:00", None),
        ([step(2, "retrain", outcome="failed")], None, LATER),
        ([step(2, "retrain", outcome="interrupted")], None, None),
        ([step(2, "retrain", detail={"decision": 7}, outcome="failed")], None, None),
        ([step(2, "retrain", outcome="failed", finished_at=NOW - timedelta(minutes=1))], None, None),
        ([step(2, "retrain", outcome="failed")] * 3, "10:00-06:00", None),
    ],
)
def test_why_a_decided_retrain_has_not_begun(steps: list[Step], quiet: str | None, waiting: str | None):
    declared = spec(retrain={"max_attempts": 3, **({"quiet_hours": quiet} if quiet else {})})
    records = Records(steps=[step(2), *steps], decisions=[decision(2, verdict="retrain")])
    assert overview(declared, records, now=NOW).retrain_waits == waiting
    assert overview(declared, replace(records, decisions=[decision(2)]), now=NOW).retrain_waits is None


def failed(week: int, job: str, times: int, ago: timedelta = timedelta(0)) -> list[Step]:
    detail = {"reason": "the disk is full\nTraceback"}
    return [step(week, job, outcome="failed", detail=detail, finished_at=NOW - ago)] * times


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([step(2)], []),
        (
            [step(1), *failed(2, "watch", 1)],
            ["watch of 2013-01-15 failed (the disk is full), and is tried again from 2013-03-01 12:01:00 UTC"],
        ),
        (
            [step(2), *failed(2, "settle", 3)],
            ["settle of 2013-01-15 failed 3 times (the disk is full), and is tried again from 2013-03-01 13:00:00"],
        ),
        ([*failed(2, "watch", 1, WEEK)], ["watch of 2013-01-15 failed (the disk is full), and is due again"]),
        ([*failed(2, "watch", 1), step(2)], []),
        (
            [step(2), step(2, "settle"), *failed(2, "settle", 1, WEEK)],
            ["settle of 2013-01-15 failed (the disk is full), and is due again"],
        ),
        ([step(3), *failed(3, "decide", 2, timedelta(minutes=10))], ["decide of 2013-01-22 failed 2 times (the disk"]),
        ([step(2), *failed(2, "decide", 3)], []),
        ([step(2), *failed(2, "retrain", 1)], []),
    ],
)
def test_a_job_that_failed_and_rests_or_was_given_up_is_told(steps: list[Step], told: list[str]):
    seen = overview(spec(), Records(steps=steps, decisions=[decision(2)]), now=NOW)
    assert len(seen.failing) == len(told)
    for each, text in zip(seen.failing, told, strict=True):
        assert each.text.startswith(text)
        assert each.text.endswith("; what follows no longer waits for it") is (each.failures >= 3)


def test_a_settle_that_failed_before_its_labels_came_anew_is_not_told():
    records = Records(steps=failed(2, "settle", 1, timedelta(seconds=9)))
    assert overview(spec(), records, now=NOW).failing
    assert not overview(spec(), replace(records, label_deliveries={"2013-01-15": NOW}), now=NOW).failing


def test_a_batch_that_was_delivered_anew_need_not_rest():
    before = [step(2, "retrain", outcome="failed", finished_at=NOW - timedelta(seconds=9))]
    records = Records(steps=before, decisions=[decision(2, verdict="retrain")], deliveries={"2013-01-15": NOW})
    assert overview(spec(), records, now=NOW).retrain_waits is None
    assert overview(spec(), replace(records, deliveries={}), now=NOW).retrain_waits is not None


def test_a_stream_may_end():
    declared = spec(batches={"every": "week", "start": "2013-01-01", "end": "2013-01-15"})
    seen = overview(declared, Records(steps=[step(1)]), now=NOW)
    assert (seen.next_batch, seen.next_batch_closes) == (None, None)


class TestNextDue:
    def test_only_the_data_can_tell(self):
        assert next_due(spec(retrain={"when": "drift | performance_decay"}), promotion(), START) is None

    def test_before_the_first_champion_no_age_is_due(self):
        declared = spec(freshness={"model_age": "12 weeks"})
        assert next_due(declared, None, START) is None

    def test_model_age_counts_from_the_training_end(self):
        due = next_due(spec(freshness={"model_age": "12 weeks"}), promotion(), START)
        assert due is not None
        assert (due.trigger, due.at, due.clock) == ("model_age", START + 14 * WEEK, "batch")

    def test_an_age_of_the_condition_is_due_by_its_own_limit(self):
        due = next_due(spec(retrain={"when": "drift | (age > 3 weeks) & age > 2 weeks"}), promotion(), START)
        assert due is not None
        assert (due.trigger, due.at) == ("age > 2 weeks", START + 4 * WEEK)

    def test_freshness_counts_from_the_promotion(self):
        declared = spec(freshness={"champion": "30 days"}, retrain={"when": "drift | freshness"})
        due = next_due(declared, promotion(), START)
        assert due is not None
        assert (due.trigger, due.at, due.clock) == ("freshness", NOW + timedelta(days=27), "wall")

    def test_a_declared_freshness_that_no_trigger_names_is_not_due(self):
        assert next_due(spec(freshness={"champion": "30 days"}), promotion(), START) is None

    def test_a_schedule_comes_due_after_the_batch_that_was_reached(self):
        declared = spec(retrain={"when": "schedule", "schedule": "0 6 * * 1"})
        due = next_due(declared, None, datetime(2013, 1, 8, tzinfo=UTC))
        assert due is not None
        assert due.at == datetime(2013, 1, 14, 6, tzinfo=UTC)

    def test_the_first_of_several(self):
        declared = spec(
            freshness={"model_age": "12 weeks"}, retrain={"when": "schedule | model_age", "schedule": "0 6 * * 1"}
        )
        due = next_due(declared, promotion(), START)
        assert due is not None
        assert due.trigger == "schedule"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=27), "27 days"),
        (timedelta(days=28), "4 weeks"),
    ],
)
def test_ages_are_said_in_a_fitting_unit(value: timedelta | None, text: str):
    assert age(value) == text


def test_a_column_that_drifted_alone_is_told_where_the_table_is_green():
    green = TriggerState(name="drift", fired=False, reason="1 of 6 columns drifted (debt); it takes 2")
    made = replace(decision(4), triggers=(green,), state={"drifted": ["debt"]})
    told = overview(spec(), Records(steps=[step(4)], decisions=[made]), now=NOW).drifted_columns
    assert told == (
        "columns of 2013-01-29: 1 drifted (debt), too few for drift by drift.columns_share; a source may be broken"
    )
    for other in (replace(made, state={"drifted": []}), replace(made, triggers=(replace(green, fired=True),))):
        assert overview(spec(), Records(steps=[step(4)], decisions=[other]), now=NOW).drifted_columns is None


class TestDueNow:
    """What the next free run works on before any further batch."""

    ASKED = OutboxRow(id=7, model="sales", kind="rolled_back", batch=None, payload={}, recorded_at=NOW)

    def test_a_rollback_asks_for_a_decision_of_the_newest_decided_batch(self):
        records = Records(steps=[step(4)], decisions=[decision(4)], promotions=[promotion()], asked=[self.ASKED])
        assert overview(spec(), records, now=NOW).due_now == "decision of 2013-01-29 (rollback)"
        assert overview(spec(), replace(records, asked=()), now=NOW).due_now is None

    def test_a_decided_retrain_comes_first_until_it_has_ended(self):
        retrain = decision(4, verdict="retrain")
        records = Records(steps=[step(4)], decisions=[retrain], asked=[self.ASKED])
        assert overview(spec(), records, now=NOW).due_now == "retrain of 2013-01-29"
        ended = replace(records, steps=[step(4), step(4, "retrain")])
        assert overview(spec(), ended, now=NOW).due_now == "decision of 2013-01-29 (rollback)"

    def test_a_decision_that_failed_is_due_when_its_rest_is_over(self):
        failed = step(4, "decide", outcome="failed", finished_at=NOW)
        records = Records(steps=[step(4), failed], decisions=[decision(4)], asked=[self.ASKED])
        assert overview(spec(), records, now=NOW + timedelta(seconds=30)).due_now is None
        assert overview(spec(), records, now=NOW + timedelta(minutes=2)).due_now == "decision of 2013-01-29 (rollback)"

    def test_a_batch_that_came_anew_is_to_be_watched(self):
        """Its watch had failed: only the delivery before counts as failed, and nothing else would tell."""
        failed = step(4, outcome="failed", finished_at=NOW - timedelta(minutes=9))
        records = Records(steps=[failed], unread=("2013-01-29",), deliveries={"2013-01-29": NOW})
        assert overview(spec(), records, now=NOW).due_now == "watch of 2013-01-29 (delivered anew)"
        asked = replace(records, decisions=[decision(4)], asked=[self.ASKED])
        assert overview(spec(), asked, now=NOW).due_now == "watch of 2013-01-29 (delivered anew)"
        older = replace(asked, unread=("2013-01-08",))
        assert overview(spec(), older, now=NOW).due_now == "decision of 2013-01-29 (rollback)"
        again = replace(records, steps=[failed, replace(failed, finished_at=NOW)])
        seen = overview(spec(), again, now=NOW)
        assert (seen.due_now, [each.batch for each in seen.failing]) == (None, ["2013-01-29"])

    def test_nothing_is_due_where_a_retrain_waits(self):
        declared = spec(retrain={"quiet_hours": "10:00-14:00"})
        records = Records(steps=[step(4)], decisions=[decision(4, verdict="retrain")])
        seen = overview(declared, records, now=NOW)
        assert (seen.due_now, seen.retrain_waits is None) == (None, False)
