"""What is left of the limits, and what would have changed a decision, stand in its record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.policy.decide import decide
from retrain_assets.policy.shared_budget import Draw, SharedUse
from retrain_assets_tests.policy.conftest import START, matured

AS_OF = START + timedelta(weeks=11)


def weeks_ago(*weeks):
    return tuple(AS_OF - timedelta(weeks=week) for week in weeks)


def would_change(context):
    return decide(context).state["would_change"]


def test_only_declared_limits_have_something_left(facts):
    assert decide(facts(retrain={"when": "event"})).state["left"] == {}
    shared = {"name": "all", "budget": "3 per 4 weeks"}
    limits = {"cooldown": "3 weeks", "budget": "2 per 4 weeks", "shared_budget": shared}
    draw = Draw(model="other", as_of=AS_OF, priority=0, standing="retrain")
    made = decide(
        facts(retrain={"when": "event", **limits}, retrains=weeks_ago(9, 1), shared=SharedUse(draws=(draw, draw)))
    )
    assert made.state["left"] == {"cooldown_days": 14.0, "budget_retrains": 1.0, "shared_budget_retrains": 1.0}
    # A cooldown that is over, and a budget that was overdrawn by hand, have none left.
    late = decide(facts(retrain={"when": "event", **limits}, retrains=weeks_ago(3, 3, 3)))
    assert late.state["left"] == {"cooldown_days": 0.0, "budget_retrains": 0.0, "shared_budget_retrains": 3.0}


@pytest.mark.parametrize(
    ("spend", "left"),
    [("10 cpu seconds per 4 weeks", {"spend_cpu_seconds": 7.5}), ("5 money per 4 weeks", {"spend_money": 4.0})],
)
def test_what_may_still_be_spent(facts, spend, left):
    declared = {"when": "event", "spend": spend, "cost": {"retrain": 1.0, "unit_loss": 0.01}}
    paid = tuple((when, 2.5) for when in weeks_ago(9, 2))
    assert decide(facts(retrain=declared, retrains=weeks_ago(9, 2), spent=paid)).state["left"] == left


@pytest.mark.parametrize(
    ("when", "parts", "said"),
    [
        ("performance_decay | event", {}, "performance_decay or event or person"),
        ("performance_decay & event", {}, "person"),
        ("performance_decay & event", {"events": ("e",)}, "performance_decay or person"),
        ("performance_decay | event", {"losses": ()}, "performance_decay or event or person"),
        ("event & ~drift", {"events": ("e",), "drift": None}, "no drift or person"),
        # Now those that retrain.
        ("event | drift", {"events": ("e",)}, "no event"),
        ("event & ~drift", {"events": ("e",)}, "drift or no event"),
        ("event | performance_decay", {"events": ("e",), "losses": matured([0.6] * 3)}, "more than one trigger: event"),
        ("event", {"events": ("e",), "persons": ("ann",)}, "more than one trigger: person and event"),
        ("event", {"persons": ("ann",)}, "no request of a person"),
        # And those that nothing of the condition would change.
        ("event", {"events": ("e",), "data_is_newer": False}, "labels of a batch that the last attempt did not have"),
        ("event", {"batch_refused": "too few"}, "the batch, delivered so that it is accepted"),
        ("event", {"newest_decided": "2013-03-19"}, "nothing: a newer batch is decided"),
        ("event", {"champion": None, "labelled_rows": 3}, "500 labelled rows"),
        ("event", {"champion": None, "judging": (3,)}, "500 labelled rows, and 200 to judge by"),
    ],
)
def test_what_would_change_it(facts, when, parts, said):
    assert would_change(facts(retrain={"when": when}, **parts)).startswith(said)


def test_a_trigger_that_does_not_apply_changes_nothing(facts):
    """The default names `model_age`, for which this declaration sets no limit."""
    assert would_change(facts()) == "staleness or event or person"
    assert would_change(facts(freshness={"model_age": "12 weeks"})) == "staleness or model_age or event or person"


def test_what_says_so_is_so(facts):
    """Each single change that is named turns the decision."""
    waits = facts(retrain={"when": "performance_decay & ~event"}, events=("e",), losses=matured([0.6] * 3))
    assert (decide(waits).verdict, would_change(waits)) == ("wait", "no event or person")
    retrains = replace(waits, events=())
    assert (decide(retrains).verdict, would_change(retrains)) == ("retrain", "no performance_decay or event")
    assert decide(replace(waits, persons=("ann",))).verdict == "retrain"
    both = facts(retrain={"when": "event"}, events=("e",), persons=("ann",))
    assert would_change(both) == "more than one trigger: person and event"
    for one, other in ({"persons": ()}, {"events": ()}), ({"events": ()}, {"persons": ()}):
        assert decide(replace(both, **one)).verdict == "retrain"
        assert decide(replace(both, **one, **other)).verdict == "wait"


CALM = "event or person, and "
HOLD = "a person's answer: `retrain-assets hold m --resume`"


@pytest.mark.parametrize(
    ("declared", "bound", "said", "ends"),
    [
        ({"cooldown": "3 weeks"}, {"retrains": weeks_ago(1)}, CALM + "the end of the cooldown at 2013-04-02 00:00",
         {"retrains": weeks_ago(3)}),
        ({"budget": "1 per 4 weeks"}, {"retrains": weeks_ago(3)}, CALM + "the end of the budget at 2013-03-26 00:00",
         {"retrains": weeks_ago(4)}),
        ({}, {"data_is_newer": False}, CALM + "labels of a batch that the last attempt did not have",
         {"data_is_newer": True}),
        ({"hold_beyond": 2}, {"open_hold": "2013-03-05"}, CALM + HOLD, {"resumed": ("ann: go",)}),
    ],
)  # fmt: skip
def test_what_nothing_asks_for_waits_for_its_limits_too(facts, declared, bound, said, ends):
    calm = facts(retrain={"when": "event", **declared}, **bound)
    assert (decide(calm).verdict, would_change(calm)) == ("wait", said)
    over = replace(calm, **ends)
    for asks in ({"events": ("e",)}, {"persons": ("ann",)}):
        assert decide(replace(calm, **asks)).verdict != "retrain"
        assert decide(replace(over, **asks)).verdict == "retrain"
    assert decide(over).verdict == "wait"


def test_what_a_person_need_not_wait_for_stands_with_the_triggers(facts):
    calm = facts(retrain={"when": "event", "confirm": "2 of 3"}, wanted_before=(False, False))
    assert would_change(calm) == "event (and the condition, in enough of the next decisions) or person"
    assert decide(replace(calm, persons=("ann",))).verdict == "retrain"
    assert decide(replace(calm, events=("e",))).verdict == "wait"
    assert decide(replace(calm, events=("e",), wanted_before=(False, True))).verdict == "retrain"
    first = facts(champion=None, labelled_rows=3, retrain={"cooldown": "3 weeks"}, retrains=weeks_ago(1))
    assert would_change(first) == "500 labelled rows, and the end of the cooldown at 2013-04-02 00:00"


@pytest.mark.parametrize(
    ("declared", "bound", "said"),
    [
        (
            {"confirm": "2 of 3"},
            {"wanted_before": (False, False)},
            "the condition, in enough of the next decisions or person",
        ),
        (
            {"min_rows_since_change": 500, "cooldown": "3 weeks"},
            {"rows_since_change": 100, "retrains": weeks_ago(1)},
            "enough labelled rows since the change or person, and the end of the cooldown at 2013-04-02 00:00",
        ),
    ],
)
def test_a_limit_that_binds_no_person_names_a_person_too(facts, episode, declared, bound, said):
    waits = facts(retrain={"when": "event", **declared}, events=("e",), episode=episode, **bound)
    assert (decide(waits).verdict, would_change(waits)) == ("wait", said)
    assert decide(replace(waits, persons=("ann",), retrains=())).verdict == "retrain"
    assert (decide(replace(waits, persons=("ann",))).verdict == "wait") is ("cooldown" in declared)


def test_limits_and_holds_say_what_ends_them(facts, drift_report):
    limits = {"when": "event", "cooldown": "2 weeks", "budget": "1 per 4 weeks"}
    bound = would_change(facts(retrain=limits, events=("e",), retrains=weeks_ago(1)))
    assert bound == "the end of the cooldown at 2013-03-26 00:00; the end of the budget at 2013-04-09 00:00"
    held = facts(retrain={"when": "event", "hold_beyond": 2}, events=("e",), largest_drift=0.1)
    assert would_change(held) == "a person's answer: `retrain-assets hold m --resume`, or `--reject`"
    after = decide(replace(held, largest_drift=0.3, open_hold="2013-03-05"))
    assert after.state["open_hold"] == "2013-03-05"
    refused = replace(held, largest_drift=0.3, open_hold="2013-03-05", rejected=("ann: no",))
    assert would_change(refused) == "a later batch: a person has refused this one"


def test_the_loss_that_was_judged_stands_beside_its_limit(facts):
    calm, decayed = (decide(facts(losses=matured([value] * 3))).state["decay"] for value in (0.5, 0.53))
    assert calm["value"] == pytest.approx(0.5)
    assert decayed["limit"] == calm["limit"]
    assert calm["value"] < calm["limit"] < decayed["value"]
    assert "decay" not in decide(facts(losses=())).state


def reading(*alarms, batches=8):
    return ChartReading(detector="ewma", reads="loss", batches=batches, alarms=alarms, level=0.2)


@pytest.mark.parametrize(
    ("chart", "trained_until", "fired"),
    [
        (None, None, None),
        (reading(batches=3), None, None),
        (reading(), None, False),
        (reading("2013-02-26"), None, True),
        (reading("2013-02-26", batches=1), None, True),
        (reading("2013-02-26"), START + timedelta(weeks=10), False),
        (reading("2013-01-29"), None, False),
    ],
)
def test_an_alarm_of_the_chart_stands_until_a_training_has_seen_it(facts, chart, trained_until, fired):
    made = decide(facts(retrain={"when": "loss_chart"}, chart=chart, trained_until=trained_until))
    state = next(each for each in made.triggers if each.name == "loss_chart")
    assert (state.fired, state.applicable) == (fired, True)
    assert made.verdict == {True: "retrain", False: "wait", None: "unknown"}[fired]
