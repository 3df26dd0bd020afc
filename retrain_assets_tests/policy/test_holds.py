"""What may bind a retrain beside cooldown and budget: spend, data from after the change, and a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from retrain_assets.policy.decide import decide
from retrain_assets.policy.limits import post_change_data, spend
from retrain_assets_tests.policy.conftest import START

AS_OF = START + timedelta(weeks=11)
DRIFT = {"when": "drift"}


def weeks_ago(*weeks):
    return tuple(sorted(AS_OF - timedelta(weeks=week) for week in weeks))


@pytest.fixture
def drifted(facts, drift_report, episode):
    """A batch whose drift, .3, asks for a retrain."""

    def build(retrain=None, **parts):
        return facts(retrain={**DRIFT, **(retrain or {})}, drift=drift_report(), episode=episode, **parts)

    return build


@pytest.mark.covers("retrain.hold_beyond")
def test_drift_beyond_all_that_was_seen_is_held_for_a_person(drifted):
    cases = [(2, 0.1, "hold"), (4, 0.1, "retrain"), (2, 0.2, "retrain"), (2, None, "retrain"), (None, 0.001, "retrain")]
    for beyond, largest, verdict in cases:
        made = decide(drifted({"hold_beyond": beyond}, largest_drift=largest))
        assert made.verdict == verdict
        if verdict == "hold":
            assert "the largest before was 0.1" in made.reason
            assert made.state["hold"] == made.batch


def test_a_hold_lasts_until_it_is_answered_and_an_answer_is_good_for_one_decision(drifted):
    held = drifted({"hold_beyond": 5}, open_hold="2013-03-05", largest_drift=0.3)
    waits = decide(held)
    assert (waits.verdict, waits.state["hold"]) == ("hold", "2013-03-05")
    resumed = decide(replace(held, resumed=("ann: it is real",)))
    assert (resumed.verdict, resumed.state["hold_answer"]) == ("retrain", "resumed")
    rejected = decide(replace(held, rejected=("ann: the feed is broken",)))
    assert (rejected.verdict, rejected.state["hold_answer"]) == ("wait", "rejected")
    assert "ann: the feed is broken" in rejected.reason
    # One who rejects and one who resumes: nothing is trained on what somebody calls broken.
    assert decide(replace(held, resumed=("bob: go",), rejected=("ann: no",))).verdict == "wait"


HELD = {"open_hold": "2013-02-26", "largest_drift": 0.3}
ANSWERS = {"resumed": {"resumed": ("ann: it is real",)}, "rejected": {"rejected": ("ann: the feed is broken",)}}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_ends_the_hold_whatever_becomes_of_the_decision_that_sees_it(drifted, drift_report, answer):
    """Else it would let go, or refuse, another drift that nobody was asked about."""
    held = drifted({"hold_beyond": 5}, **HELD, **ANSWERS[answer])
    cooling = drifted({"hold_beyond": 5, "cooldown": "9 weeks"}, retrains=weeks_ago(1), **HELD, **ANSWERS[answer])
    unknown = replace(held, drift=drift_report("unknown", "too few rows"), episode=None)
    cases = [(held, None), (cooling, "wait"), (replace(held, drift=drift_report("stable"), episode=None), "wait")]
    for context, verdict in [*cases, (unknown, "unknown")]:
        made = decide(context)
        assert made.state["hold_answer"] == answer
        assert made.verdict == (verdict or {"resumed": "retrain", "rejected": "wait"}[answer])
        assert ANSWERS[answer][answer][0] in made.reason
    # Neither a batch that cannot be judged nor one of before answers anything.
    for context in (replace(held, batch_refused="too many rows"), replace(held, newest_decided="2013-12-31")):
        assert "hold_answer" not in decide(context).state


def test_a_resume_that_finds_nothing_to_retrain_for_says_so(drifted, drift_report):
    calm = drifted({"hold_beyond": 5}, **HELD, **ANSWERS["resumed"])
    made = decide(replace(calm, drift=drift_report("stable"), episode=None))
    assert made.reason.endswith("ann: it is real (held since 2013-02-26); nothing is left to retrain for")


@pytest.mark.parametrize("said", [{}, *ANSWERS.values()])
def test_a_drift_beyond_the_one_that_is_held_begins_a_hold_of_its_own(drifted, said):
    """The answer was to another question: it neither lets go nor refuses what came since."""
    made = decide(drifted({"hold_beyond": 2}, open_hold="2013-02-26", largest_drift=0.1, **said))
    assert (made.verdict, made.state["hold"]) == ("hold", made.batch)
    assert "beyond all that was seen" in made.reason
    assert made.state.get("hold_answer") == ("overtaken" if said else None)
    assert ("an earlier drift, not this one" in made.reason) is bool(said)
    own = decide(drifted({"hold_beyond": 2}, open_hold=made.batch, largest_drift=0.1, **said))
    assert own.state.get("hold_answer") == next(iter(said), None)


def test_a_limit_does_not_let_a_drift_beyond_all_pass_for_seen(drifted):
    """What a cooldown only kept waiting would be the largest drift before the next batch, and retrain unasked."""
    bound = {"hold_beyond": 2, "cooldown": "9 weeks"}
    assert decide(drifted(bound, largest_drift=0.1, retrains=weeks_ago(1))).verdict == "hold"
    seen = decide(drifted(bound, largest_drift=9.0, retrains=weeks_ago(1)))
    assert (seen.verdict, seen.state["bound_by"][0]["limit"]) == ("wait", "cooldown")


@pytest.mark.covers("retrain.min_rows_since_change")
def test_a_retrain_waits_for_enough_rows_from_after_the_change(drifted):
    for needed, rows, bound in [(500, 499, True), (500, 500, False), (None, 1, False), (500, None, False)]:
        context = drifted({"min_rows_since_change": needed}, rows_since_change=rows)
        assert (post_change_data(context) is not None) is bound
        assert decide(context).verdict == ("wait" if bound else "retrain")
        assert post_change_data(replace(context, persons=("now",))) is None


@pytest.mark.covers("retrain.spend.limit", "retrain.spend.period")
def test_processor_time_is_a_budget(facts):
    cases = [
        ("100 cpu seconds per 4 weeks", [(1, 60), (2, 39)], False),
        ("100 cpu seconds per 4 weeks", [(1, 60), (2, 41)], True),
        ("100 cpu seconds per 4 weeks", [(1, 60), (5, 41)], False),
        ("100 cpu seconds per 6 weeks", [(1, 60), (5, 41)], True),
        ("1 cpu minute per 4 weeks", [(1, 60)], True),
    ]
    for allowed, spent, bound in cases:
        paid = tuple((AS_OF - timedelta(weeks=week), float(seconds)) for week, seconds in spent)
        made = spend(facts(retrain={"spend": allowed}, spent=paid))
        assert (made is not None) is bound


def test_an_overdrawn_spend_ends_when_enough_has_left_the_period(facts):
    spent = tuple((AS_OF - timedelta(weeks=week), 60.0) for week in (3, 2, 1))
    made = spend(facts(retrain={"spend": "100 cpu seconds per 4 weeks"}, spent=spent))
    assert made is not None
    assert made.until == AS_OF + timedelta(weeks=2)  # the second of the three has left by then
    assert made.reason.startswith("spend: 180 processor seconds in the last 4 weeks, 100 are allowed")


@pytest.mark.covers("retrain.spend.unit")
def test_money_is_a_budget_where_a_retrain_costs_money(facts):
    """40 each, 100 a month: a third would exceed it, whatever the processor did."""
    cost = {"retrain": 40, "unit_loss": 1}
    for retrains, bound in [((1,), False), ((1, 2), True), ((1, 5), False)]:
        made = spend(facts(retrain={"spend": "100 money per 4 weeks", "cost": cost}, retrains=weeks_ago(*retrains)))
        assert (made is not None) is bound
        assert spend(facts(retrain={"spend": "100 cpu seconds per 4 weeks"}, retrains=weeks_ago(*retrains))) is None


def test_money_that_pays_for_just_so_many_retrains_pays_for_them(facts):
    """In binary 0.1 + 0.1 + 0.1 is more than 0.3."""
    terms = {"spend": "0.3 money per 4 weeks", "cost": {"retrain": 0.1, "unit_loss": 1}}
    assert spend(facts(retrain=terms, retrains=weeks_ago(1, 2))) is None
    bound = spend(facts(retrain=terms, retrains=weeks_ago(1, 2, 3)))
    assert bound is not None
    assert bound.until == weeks_ago(3)[0] + timedelta(weeks=4)
