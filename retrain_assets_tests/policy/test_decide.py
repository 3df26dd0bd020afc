"""What is decided, in the order of precedence, and the laws that no context can break."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain_assets.performance.decay import HoldoutLoss
from retrain_assets.policy.decide import decide
from retrain_assets_tests.policy.conftest import START, matured

AS_OF = START + timedelta(weeks=11)


def test_nothing_fires_and_nothing_happens(facts):
    made = decide(facts(retrain={"when": "performance_decay | drift | event"}))
    assert made.verdict == "wait"
    assert made.fired == ()
    assert made.reason == "no trigger fired (performance_decay, drift, event)"
    assert (made.model, made.batch, made.champion_version) == ("m", "2013-03-12", 4)
    assert made.as_of == AS_OF


def test_a_trigger_retrains_and_is_named_in_the_reason(facts):
    made = decide(facts(events=("new timetable",)))
    assert made.verdict == "retrain"
    assert made.fired == ("event",)
    assert made.reason == "event: not answered yet: new timetable"


def test_a_refused_batch_is_unknown_whatever_fires(facts):
    made = decide(facts(batch_refused="12 % of the rows failed", persons=("ann",)))
    assert made.verdict == "unknown"
    assert made.reason == "batch refused: 12 % of the rows failed"
    assert made.triggers


def test_a_trigger_that_is_not_declared_does_not_retrain(facts, drift_report, episode):
    made = decide(facts(retrain={"when": "event"}, drift=drift_report(), episode=episode))
    assert made.verdict == "wait"
    assert made.fired == ()


def test_a_person_counts_without_being_declared(facts):
    assert decide(facts(retrain={"when": "drift"}, persons=("ann",))).verdict == "retrain"


def test_an_unknown_trigger_alone_makes_the_decision_unknown(facts):
    made = decide(facts(retrain={"when": "performance_decay | event"}, losses=()))
    assert made.verdict == "unknown"
    assert "performance_decay: the champion has 0 matured batches" in made.reason


def test_a_known_trigger_decides_over_an_unknown_one(facts):
    assert decide(facts(losses=(), events=("e",))).verdict == "retrain"
    assert decide(facts(retrain={"when": "performance_decay & event"}, losses=())).verdict == "wait"


def test_a_conjunction_tells_what_fired_and_was_not_enough(facts):
    made = decide(facts(retrain={"when": "drift & event"}, events=("e",)))
    assert made.verdict == "wait"
    assert made.reason == "drift & event does not hold (event: not answered yet: e)"


def test_a_negation_that_holds_is_named_itself(facts):
    made = decide(facts(retrain={"when": "~drift"}))
    assert made.verdict == "retrain"
    assert made.reason == "~drift holds"


def test_the_first_model_is_trained_as_soon_as_there_are_rows(facts):
    few = decide(facts(champion=None, labelled_rows=499))
    enough = decide(facts(champion=None, labelled_rows=500, data_is_newer=None))
    assert (few.verdict, enough.verdict) == ("wait", "retrain")
    assert "499 labelled rows are too few" in few.reason
    assert enough.fired == ("first_model",)
    assert enough.champion_version is None


def test_a_rejected_first_model_is_not_trained_again_on_the_same_rows(facts):
    made = decide(facts(champion=None, data_is_newer=False))
    assert made.verdict == "wait"
    assert made.reason.startswith("no labelled data is newer")


def test_cooldown_binds_a_person_too_and_says_until_when(facts):
    made = decide(facts(retrain={"cooldown": "2 weeks"}, retrains=(AS_OF - timedelta(weeks=1),), persons=("ann: now",)))
    assert made.verdict == "wait"
    assert made.reason.startswith("cooldown: 2 weeks must pass after the retrain as of 2013-03-12 00:00")
    assert "ann: now" in made.reason
    assert made.state["bound_by"] == [{"limit": "cooldown", "until": "2013-03-26T00:00:00+00:00"}]


def test_an_older_batch_is_decided_in_retrospect_and_launches_nothing(facts):
    made = decide(facts(newest_decided="2013-03-19", events=("e",)))
    assert made.retrospective is True
    assert made.verdict == "wait"
    assert made.reason.startswith("retrospective, launches nothing")


def test_the_newest_batch_may_be_decided_again(facts):
    made = decide(facts(newest_decided="2013-03-12", attempt=2, events=("e",)))
    assert (made.retrospective, made.verdict, made.attempt) == (False, "retrain", 2)


BOOLS = st.booleans()
CONTEXTS = st.fixed_dictionaries(
    {
        "losses": st.lists(st.sampled_from([0.4, 0.5, 0.53, 0.7]), max_size=5).map(matured),
        "holdout": st.sampled_from([None, HoldoutLoss(value=0.5, standard_error=0.005)]),
        "new_labels": st.integers(0, 3000),
        "labelled_rows": st.integers(0, 2000),
        "retrains": st.lists(st.integers(0, 12), max_size=4).map(
            lambda weeks: tuple(sorted(AS_OF - timedelta(weeks=week) for week in weeks))
        ),
        "champion_training_hash": st.sampled_from([None, "aa", "bb"]),
        "data_is_newer": st.sampled_from([None, True, False]),
        "events": st.sampled_from([(), ("e",)]),
        "persons": st.sampled_from([(), ("p",)]),
        "freshness_failed": BOOLS,
        "batch_refused": st.sampled_from([None, None, None, "too many bad rows"]),
        "newest_decided": st.sampled_from([None, "2013-03-05", "2013-03-12", "2013-03-19"]),
    }
)
EXPRESSIONS = st.sampled_from(
    [
        "performance_decay | drift | model_age | event", "~performance_decay", "drift & ~event",
        "~(drift | new_labels)",
        "freshness | changed_declaration", "schedule", "person", "new_labels & (drift | changed_declaration)",
    ]
)  # fmt: skip
DRIFT = st.sampled_from([None, "drift", "stable", "unknown", "not_applicable"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=CONTEXTS, when=EXPRESSIONS, verdict=DRIFT, bootstrapping=BOOLS, acknowledged=BOOLS)
def test_laws_of_every_decision(facts, drift_report, episode, parts, when, verdict, bootstrapping, acknowledged):
    context = facts(
        retrain={"when": when, "cooldown": "2 weeks", "budget": "2 per 8 weeks", "schedule": "0 0 14 * *"},
        freshness={"champion": "30 days", "model_age": "8 weeks"},
        drift=None if verdict is None else drift_report(verdict),
        episode=episode.acknowledged("2013-03-05") if acknowledged else episode,
        **parts,
    )
    if bootstrapping:
        context = replace(context, champion=None)
    made = decide(context)
    assert made.reason
    assert decide(context) == made
    assert made.verdict in {"retrain", "wait", "unknown"}
    if made.verdict == "retrain":
        assert not made.retrospective
        assert context.batch_refused is None
        assert context.data_is_newer is not False
        assert all(AS_OF - earlier >= timedelta(weeks=2) for earlier in context.retrains)
        assert sum(earlier > AS_OF - timedelta(weeks=8) for earlier in context.retrains) < 2
        if bootstrapping:
            assert context.labelled_rows >= 500
        else:
            known = {t.name: t.fired if t.applicable else False for t in made.triggers}
            assert context.persons or context.spec.retrain.expression.evaluate(known) is True
    if made.verdict == "unknown" and context.batch_refused is None:
        assert not context.persons
        assert any(t.fired is None for t in made.triggers)


@pytest.mark.parametrize("name", ["performance_decay", "drift", "changed_declaration"])
def test_unknown_alone_never_retrains_nor_counts_as_wait(facts, name):
    unknown = {
        "performance_decay": {"holdout": None},
        "drift": {"drift": None},
        "changed_declaration": {"champion_training_hash": None},
    }[name]
    assert decide(facts(retrain={"when": name}, **unknown)).verdict == "unknown"
    assert decide(facts(retrain={"when": f"~{name}"}, **unknown)).verdict == "unknown"
