"""Each trigger fires for its own cause alone, and says why or why not with its numbers."""

from dataclasses import replace
from datetime import timedelta

import pytest

from retrain_assets.drift.report import ColumnDrift
from retrain_assets.policy import triggers
from retrain_assets.policy.decide import decide
from retrain_assets.policy.triggers import TRIGGER_FUNCTIONS, evaluate_triggers
from retrain_assets.spec import TRIGGERS
from retrain_assets_tests.policy.conftest import START, matured


def state(context, name):
    return next(made for made in evaluate_triggers(context) if made.name == name)


def test_there_is_a_function_for_every_trigger_of_the_declaration():
    assert list(TRIGGER_FUNCTIONS) == list(TRIGGERS)


def test_every_trigger_gives_a_reason(facts):
    found = evaluate_triggers(facts())
    assert [made.name for made in found] == list(TRIGGERS)
    assert all(made.reason for made in found)


def test_performance_decay(facts):
    assert state(facts(), "performance_decay").fired is False
    decayed = state(facts(losses=matured([0.53] * 3)), "performance_decay")
    assert decayed.fired is True
    assert decayed.reason.startswith("champion's log_loss over 3 matured batches is 0.53, 6.0% above its holdout 0.5")
    alone = state(facts(losses=matured([0.5, 3.0, 0.5])), "performance_decay")
    assert alone.fired is None, "as for the health of the champion, which is no yes and no no"
    assert "; its rows do not explain that, and of 0 other batches nobody can tell" in alone.reason
    assert state(facts(losses=()), "performance_decay").fired is None
    assert state(facts(holdout=None), "performance_decay").fired is None


def test_drift_follows_the_episode(facts, drift_report, episode):
    drifting = drift_report()
    assert state(facts(), "drift").fired is False
    assert state(facts(drift=drifting, episode=episode), "drift").fired is True
    acknowledged = episode.acknowledged("2013-03-05")
    quiet = state(facts(drift=drifting, episode=acknowledged), "drift")
    assert quiet.fired is False
    assert "episode 2013-03-05 was acknowledged by the decision of 2013-03-05" in quiet.reason
    again = state(facts(drift=drifting, episode=replace(acknowledged, score=0.5)), "drift")
    assert again.fired is True
    assert "grown 1.5-fold" in again.reason


@pytest.mark.parametrize(
    ("verdict", "fired", "applicable"), [("unknown", None, True), ("not_applicable", False, False)]
)
def test_what_is_not_known_of_drift_is_no_alarm(facts, drift_report, episode, verdict, fired, applicable):
    made = state(facts(retrain={"when": "drift"}, drift=drift_report(verdict), episode=episode), "drift")
    assert (made.fired, made.applicable) == (fired, applicable)
    assert state(facts(drift=None), "drift").fired is None


def output_row(name, verdict):
    return ColumnDrift(
        name=name, kind="number", distance="jensen_shannon", score=0.4, floor=0.1, p_value=0.001, verdict=verdict,
        reason=f"{name} is {verdict}", before="", after="",
    )  # fmt: skip


@pytest.mark.parametrize("output", ["score", "label", "residual"])
def test_drift_of_an_output_fires_for_its_own_row_and_follows_the_episode(
    declare, facts, drift_report, episode, output
):
    name = f"{output}_drift"

    def context(verdict="drift", others="drift", **parts):
        rows = [
            output_row(f"ra_{each}", verdict if each == output else others) for each in ("score", "label", "residual")
        ]
        report = replace(drift_report(), columns=tuple(rows))
        spec = declare(retrain={"when": name}, drift={"outputs": [output]})
        return replace(facts(drift=report, episode=episode, **parts), spec=spec)

    moved = state(context(), name)
    assert (moved.fired, moved.applicable, moved.reason) == (True, True, f"ra_{output} is drift")
    assert state(context("stable"), name).fired is False
    assert state(context("unknown"), name).fired is None
    seen = replace(context(), episode=episode.acknowledged("2013-03-05"))
    assert state(seen, name).fired is False
    assert state(replace(context(), drift=None), name).fired is None
    # A version that was trained elsewhere has no outputs to compare; a new one has no labels yet.
    assert state(replace(context(), drift=drift_report()), name).fired is None
    young = replace(drift_report(), columns=(output_row("ra_score", "stable"),))
    assert state(replace(context(), drift=young), name).fired is False


@pytest.mark.parametrize("output", ["score", "label", "residual"])
def test_drift_of_an_output_that_is_not_declared_is_a_mistake_and_never_counts(declare, facts, output):
    with pytest.raises(
        ValueError, match=rf"names {output}_drift: drift\.outputs must be set \(for example '\[{output}\]'"
    ):
        declare(retrain={"when": f"{output}_drift | event"})
    made = state(facts(), f"{output}_drift")
    assert (made.fired, made.applicable) == (False, False)


def test_model_age_is_batch_time_since_the_training_end(facts):
    due = {"model_age": "6 weeks"}
    assert state(facts(freshness=due), "model_age").fired is False
    old = facts(freshness={"model_age": "5 weeks"})
    assert state(old, "model_age").fired is True
    assert "is 6 weeks old, 5 weeks may be" in state(old, "model_age").reason
    assert state(facts(), "model_age").applicable is False


def test_freshness_fires_where_the_policy_failed(facts):
    declared = {"retrain": {"when": "freshness"}, "freshness": {"champion": "30 days"}}
    assert state(facts(**declared), "freshness").fired is False
    assert state(facts(**declared, freshness_failed=True), "freshness").fired is True
    assert state(facts(freshness_failed=True), "freshness").applicable is False


def test_new_labels_are_counted(facts):
    declared = {"when": "new_labels", "min_new_labels": 1000}
    assert state(facts(retrain=declared, new_labels=999), "new_labels").fired is False
    made = state(facts(retrain=declared, new_labels=1000), "new_labels")
    assert made.fired is True
    assert made.reason.startswith("1,000 labels matured")


def test_the_share_of_new_labels_is_told_and_unknown_of_an_adopted_model(facts):
    declared = {"when": "new_labels", "min_new_labels": 10, "min_new_share": 0.5}
    made = state(facts(retrain=declared, new_labels=999, trained_rows=2000, losses=()), "new_labels")
    assert made.fired is False
    assert made.reason.endswith("1,000 are asked for (50% of the 2,000 rows of the last training)")
    assert state(facts(retrain=declared, new_labels=999, trained_rows=None), "new_labels").fired is None


def test_a_changed_declaration(facts):
    declared = {"when": "changed_declaration"}
    assert state(facts(retrain=declared), "changed_declaration").fired is False
    assert state(facts(retrain=declared, current_training_hash="bb"), "changed_declaration").fired is True
    assert state(facts(retrain=declared, champion_training_hash=None), "changed_declaration").fired is None


def test_a_schedule_fires_once_in_the_window_that_holds_it(facts, batch_at):
    monthly = {"when": "schedule", "schedule": "0 6 1 * *"}
    fired = [week for week in range(20) if state(facts(retrain=monthly, batch=batch_at(week)), "schedule").fired]
    assert fired == [0, 4, 8, 12, 17]  # 1 January, 1 February, 1 March, 1 April, 1 May
    assert "'0 6 1 * *' next comes due at 2013-04-01 06:00 UTC" in state(facts(retrain=monthly), "schedule").reason


def test_the_end_of_a_window_belongs_to_the_next(facts, batch_at):
    at_midnight = {"when": "schedule", "schedule": "0 0 8 1 *"}
    assert state(facts(retrain=at_midnight, batch=batch_at(0)), "schedule").fired is False
    assert state(facts(retrain=at_midnight, batch=batch_at(1)), "schedule").fired is True


def test_a_batch_that_could_not_be_estimated_is_no_batch_without_decay(facts):
    made = state(facts(retrain={"when": "estimated_decay"}), "estimated_decay")
    assert made.fired is None
    assert made.reason.endswith("it takes what its probabilities expected of its holdout, which is not recorded")
    matured_too = (*matured([0.5] * 3), replace(matured([0.5])[0], batch=facts().batch.key))
    assert state(facts(losses=matured_too), "estimated_decay").fired is False, "its labels are there"


def test_whether_an_event_waits_is_unknown_while_nobody_could_look(facts):
    unseen = "the query of retrain.events failed: no such table: recalls"
    made = facts(retrain={"when": "new_labels | event"}, events_unseen=unseen)
    assert state(made, "event").fired is None
    decision = decide(made)
    assert decision.verdict == "unknown"
    assert decision.reason == f"cannot be known: event: retrain.events cannot be looked at: {unseen}"
    assert decide(facts(retrain={"when": "new_labels & event"}, events_unseen=unseen)).verdict == "wait"
    known = facts(retrain={"when": "event"}, events_unseen=unseen, events=("a recall",))
    assert decide(known).verdict == "retrain", "one that is known needs no further look"


def test_events_and_persons_are_quoted(facts):
    made = facts(events=("new timetable",), persons=("ann: try the new columns",))
    assert "new timetable" in state(made, "event").reason
    assert "ann: try the new columns" in state(made, "person").reason
    assert state(made, "event").fired is state(made, "person").fired is True


def test_a_trigger_that_is_not_declared_is_shown_and_does_not_count(facts, drift_report, episode):
    made = state(facts(retrain={"when": "event"}, drift=drift_report(), episode=episode), "drift")
    assert (made.fired, made.applicable) == (True, False)
    assert made.reason.endswith("(not in retrain.when)")
    assert state(facts(retrain={"when": "event"}), "person").applicable is True


def test_without_a_champion_only_a_first_model_can_be_asked_for(facts):
    made = evaluate_triggers(facts(champion=None))
    assert made[0].name == "first_model"
    assert made[0].fired is True
    against_champion = {"performance_decay", "drift", "model_age", "freshness", "new_labels", "changed_declaration"}
    assert not any(t.fired or t.applicable for t in made if t.name in against_champion)
    few = triggers.first_model(facts(champion=None, labelled_rows=499))
    assert few.fired is False
    assert "499 labelled rows are too few (500 needed)" in few.reason


@pytest.mark.parametrize(
    ("judging", "said"),
    [
        ((100, 100), None),
        ((), "0 rows of 0 matured batches are too few to judge it (200 needed)"),
        (
            (70,),
            "70 rows of 1 matured batch are too few to judge it (200 needed): at this rate it takes 2 more batches",
        ),
        ((60, 60, 60), "at this rate it takes 1 more batch"),
        ((17, 16, 18, 17), "68 rows of 4 matured batches are too few to judge it (200 needed): raise window.holdout_"),
        (
            (17, 16, 18, 17),
            "raise window.holdout_batches, or lower promote.min_rows (at this rate it takes 12 batches, and 4 judge)",
        ),
        (
            (17,),
            "raise window.holdout_batches, or lower promote.min_rows (at this rate it takes 12 batches, and 4 judge)",
        ),
    ],
)
def test_a_first_model_waits_for_the_rows_that_judge_it(facts, judging, said):
    """Each batch trained one that no gate could pass."""
    context = facts(champion=None, judging=judging)
    made = triggers.first_model(context)
    assert made.fired is (said is None)
    assert said is None or said in made.reason, made.reason
    assert decide(context).verdict == ("retrain" if said is None else "wait")


def test_a_champion_as_old_as_the_limit_is_not_older_than_it(facts, champion):
    made = facts(
        freshness={"model_age": "1 week"}, champion=replace(champion, training_end=START + timedelta(weeks=10))
    )
    assert state(made, "model_age").fired is False


def test_an_age_in_the_condition_has_its_own_limit(facts):
    """Beside `model_age`, which keeps the declared one."""
    context = facts(retrain={"when": "(age > 2 weeks) & ~age > 20 weeks"})
    assert state(context, "age > 2 weeks").fired is True
    late = state(context, "age > 20 weeks")
    assert (late.fired, late.applicable) == (False, True)
    assert late.reason.endswith("old, 20 weeks may be")
    assert not state(context, "model_age").applicable
    assert decide(context).verdict == "retrain"
    assert not state(replace(context, champion=None), "age > 2 weeks").applicable


def test_two_of_three_triggers(facts):
    when = {"when": "2 of (performance_decay, event, age > 2 weeks)"}
    assert decide(facts(retrain=when)).verdict == "wait"
    assert decide(facts(retrain=when, events=("tariff",))).verdict == "retrain"
