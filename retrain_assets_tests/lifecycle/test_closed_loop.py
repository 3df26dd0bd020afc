"""A model's life on a real installation: from nothing to a champion that keeps itself fresh."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.lifecycle.history import champion_losses
from retrain_assets.lifecycle.watch import read_predictions
from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, declaration, rows_of


def drop_days(world: World, days: range, **kwargs: Any) -> None:
    for day in days:
        world.drop(day, **kwargs)


def test_the_first_champion_comes_as_soon_as_there_is_enough_to_train_on(world: World) -> None:
    drop_days(world, range(3))
    jobs = world.play()
    assert [(job.job, job.batch[-2:]) for job in jobs] == [
        ("watch", "01"),
        ("decide", "01"),
        ("settle", "01"),
        ("watch", "02"),
        ("decide", "02"),
        ("retrain", "02"),
        ("settle", "02"),
        ("watch", "03"),
        ("decide", "03"),
        ("settle", "03"),
    ]
    (promotion,) = world.stores.state.promotions("tiny")
    assert (promotion.batch, promotion.version, promotion.previous_id) == ("2024-01-02", 1, None)
    assert promotion.as_of == world.batch(1).end
    assert promotion.training_end == world.batch(0).end
    assert "first_model" in world.stores.state.decisions("tiny")[1].reason
    assert world.stores.registry.alias("tiny", "champion") == 1


def test_the_champion_serves_from_the_batch_after_its_promotion_and_is_backscored_on_the_one_before(
    world: World,
) -> None:
    drop_days(world, range(4))
    world.play()
    modes = {day: set(read_predictions(world.stores, world.model, world.batch(day))["mode"]) for day in range(4)}
    # Day 0 trained it; day 1 came after its training end, yet before it served.
    assert modes == {0: set(), 1: {"backscored"}, 2: {"served"}, 3: {"served"}}


def test_a_changed_relation_is_noticed_retrained_and_promoted_and_the_loss_comes_down(after_six_days) -> None:
    world = after_six_days(**declaration()["retrain"])
    drop_days(world, range(6, 16), flip=True)
    world.play()
    log = world.stores.state.promotions("tiny")
    assert len(log) >= 2
    decisions = [d for d in world.stores.state.decisions("tiny") if d.verdict == "retrain"]
    assert any("performance_decay" in decision.fired for decision in decisions[1:])
    first = champion_losses(world.stores, world.model, log[0], as_of=world.batch(15).end)
    last = champion_losses(world.stores, world.model, log[-1], as_of=world.batch(15).end)
    assert last[-1].value < max(loss.value for loss in first) / 1.5


def test_a_shift_of_the_inputs_alone_retrains_through_the_drift_trigger(after_six_days) -> None:
    drift_only = after_six_days(when="drift")
    drop_days(drift_only, range(6, 8))
    drop_days(drift_only, range(8, 13), shift=2.0)
    drift_only.play()
    decisions = drift_only.stores.state.decisions("tiny")
    fired = [decision for decision in decisions if "drift" in decision.fired]
    # One cause alarms once, and once more when a retrain can learn from it: its first labels matured.
    assert [decision.batch for decision in fired[:2]] == ["2024-01-09", "2024-01-10"]
    assert "first labels have matured" in fired[1].reason
    assert fired[0].verdict == "retrain"


def test_a_champion_that_is_no_longer_fresh_is_retrained_as_soon_as_there_is_newer_data(world: World, worlds) -> None:
    """The policy fails once; the decision that had nothing newer to train on must not be the last word."""
    aging = worlds("aging", freshness={"champion": "60 seconds"}, retrain={"when": "freshness"})
    drop_days(aging, range(2))
    aging.play()
    lifecycle.record_event(aging.stores, aging.model, "freshness_failed", "no promotion", now=aging.now)
    drop_days(aging, range(2, 5))
    aging.play()
    decisions = [(d.batch, d.attempt, d.verdict) for d in aging.stores.state.decisions("tiny")]
    assert decisions == [
        ("2024-01-01", 1, "wait"),
        ("2024-01-02", 1, "retrain"),
        ("2024-01-02", 2, "wait"),  # nothing newer than what the champion was trained on
        ("2024-01-03", 1, "retrain"),
        ("2024-01-04", 1, "wait"),  # promoted: fresh again
        ("2024-01-05", 1, "wait"),
    ]


def test_one_job_at_a_time_and_none_twice(world: World) -> None:
    drop_days(world, range(6))
    jobs = world.play()
    assert len({job.run_key for job in jobs}) == len(jobs)
    assert world.play() == []


def test_no_job_is_repeated_when_nothing_is_known_but_the_database(world: World, worlds) -> None:
    """The agenda comes from the ledger: a sensor that lost its cursor asks for the same next job, not for old ones."""
    drop_days(world, range(3))
    world.poll()
    first = lifecycle.next_job(world.stores, world.model, now=world.now)
    assert first == lifecycle.next_job(world.stores, world.model, now=world.now)
    assert first is not None
    assert first.job == "watch"


def test_a_business_event_leads_to_a_decision_and_only_a_retrain_where_it_is_a_declared_trigger(
    six_days, tmp_path
) -> None:
    listening, deaf = (copied(six_days, tmp_path / name, retrain={"when": name}) for name in ("event", "drift"))
    for world in (listening, deaf):
        lifecycle.record_event(world.stores, world.model, "event", "new tariff", now=world.now)
        world.play()
    decisions = listening.stores.state.decisions("tiny")
    assert (decisions[-1].batch, decisions[-1].attempt, decisions[-1].cause) == ("2024-01-06", 2, "event")
    assert decisions[-1].verdict == "retrain"
    assert "new tariff" in str(decisions[-1].triggers)
    assert deaf.stores.state.decisions("tiny")[-1].verdict == "wait"


def test_retraining_without_newer_labels_is_refused_with_that_reason(after_six_days) -> None:
    world = after_six_days(when="event")
    for text in ("one", "two"):
        lifecycle.record_event(world.stores, world.model, "event", text, now=world.now)
        world.play()
    first, second = world.stores.state.decisions("tiny")[-2:]
    assert (first.verdict, second.verdict) == ("retrain", "wait")
    assert "newer" in second.reason
    # Refused is not forgotten: with the next labels the event is answered.
    world.drop(6)
    world.play()
    assert world.stores.state.decisions("tiny", world.batch(6).key)[0].verdict == "retrain"


def test_cooldown_is_respected_in_batch_time(after_six_days) -> None:
    world = after_six_days(when="new_labels", min_new_labels=1, cooldown="4 days")
    drop_days(world, range(6, 12))
    world.play()
    retrains = [d.as_of for d in world.stores.state.decisions("tiny") if d.verdict == "retrain"]
    gaps = [(b - a).days for a, b in pairwise(retrains)]
    assert gaps == [5, 4], "the labels of each day would have been enough"


def test_a_rejected_candidate_changes_nothing(worlds) -> None:
    """A candidate that learned from one odd day alone is worse on the holdout, which is mostly other days."""
    world = worlds("w", retrain={"when": "event"}, window={"min_rows": 200, "holdout_batches": 8, "train": "1 day"})
    drop_days(world, range(8))
    world.play()
    before = world.stores.state.promotions("tiny")
    world.drop(8, flip=True)
    world.drop(9)
    world.play()
    lifecycle.record_event(world.stores, world.model, "event", "x", now=world.now)
    world.play()
    newest = world.stores.state.steps("tiny", "2024-01-10")
    outcome = [step for step in world.stores.state.steps("tiny") if step.job == "retrain"][-1].detail["outcome"]
    assert newest
    assert outcome == "rejected"
    assert world.stores.state.promotions("tiny") == before
    assert world.stores.registry.alias("tiny", "champion") == before[-1].version


def test_a_changed_declaration_is_a_cause_and_the_old_champion_serves_on_until_the_new_one_passed(
    after_six_days,
) -> None:
    changed = {"class": "sklearn.linear_model.LogisticRegression", "params": {"C": 0.5}}
    world = after_six_days(when="changed_declaration")
    assert world.play() == [], "its own training declared the same"
    after = World(
        root=world.root,
        stores=world.stores,
        model=lifecycle.DeclaredModel(
            spec=world.model.spec.model_validate(
                declaration(estimator=changed, retrain={"when": "changed_declaration"})
            ),
            root=world.root,
        ),
    )
    after.play()
    decision = world.stores.state.decisions("tiny")[-1]
    assert (decision.cause, decision.verdict) == ("declaration", "retrain")
    assert [promotion.version for promotion in world.stores.state.promotions("tiny")] == [1, 2]


def test_a_column_that_left_the_schema_is_no_feature_of_the_next_model_though_old_rows_have_it(
    after_six_days,
) -> None:
    world = after_six_days(when="changed_declaration")
    schema = {name: column for name, column in declaration()["schema"].items() if name != "z"}
    spec = world.model.spec.model_validate(declaration(schema=schema, retrain={"when": "changed_declaration"}))
    world.model = lifecycle.DeclaredModel(spec=spec, root=world.root)
    world.drop(6, rows_of(world.batch(6)).drop(columns="z"))
    world.play()
    served = world.stores.tables.read("tiny/predictions", [world.batch(6).key])
    assert set(served["version"]) == {2}
    reference = world.stores.registry.load(world.stores.state.model_versions("tiny")[-1]).reference
    assert all("z" not in profile.names for profile in reference.profiles.values())


@pytest.mark.parametrize("kind", ["regression", "multi_class"])
def test_other_tasks_take_the_same_path(worlds, kind: str) -> None:
    estimator = (
        {"class": "sklearn.linear_model.LinearRegression"} if kind == "regression" else declaration()["estimator"]
    )
    metric = "squared_error" if kind == "regression" else "log_loss"
    world = worlds(kind, estimator=estimator, metric=metric)

    for day in range(4):
        frame = rows_of(world.batch(day))
        frame["y"] = frame["x"] * 3 + 1 if kind == "regression" else frame["y"] + (frame["x"] > 1).astype(int)
        world.drop(day, frame)
    world.play()
    assert world.stores.state.promotions("tiny")
    measured = world.stores.tables.read("tiny/performance")
    assert metric in set(measured["metric"])


def test_a_running_number_that_identifies_rows_is_not_watched_for_drift(world: World) -> None:
    world.drop(0)
    world.play()
    assert "id" not in set(world.stores.tables.read("tiny/profile")["column"])


def test_a_first_candidate_that_was_rejected_does_not_start_the_cooldown(worlds) -> None:
    """Of the first day nothing can be learned that beats the baseline: the next candidate must not wait four days."""
    world = worlds("w", retrain={"when": "drift", "cooldown": "4 days"})
    noise = rows_of(world.batch(0), rows=320)
    world.drop(0, noise.assign(y=noise["y"].sample(frac=1, random_state=0).to_numpy()))
    drop_days(world, range(1, 4))
    world.play()
    retrained = [decision.batch for decision in world.stores.state.decisions("tiny") if decision.verdict == "retrain"]
    assert retrained == [world.batch(1).key, world.batch(2).key]
    (promotion,) = world.stores.state.promotions("tiny")
    assert promotion.batch == world.batch(2).key


def test_a_first_model_is_not_trained_before_rows_enough_would_judge_it(worlds) -> None:
    """A fifth of 85 rows a day: every day would train a candidate that no gate can pass."""
    small = {"window": {"min_rows": 60, "holdout_batches": 4}, "retrain": {"when": "drift"}}
    world = worlds("w", **small, promote={"min_rows": 50})
    drop_days(world, range(6), rows=85)
    world.play()
    first, second, *_, last = world.stores.state.decisions("tiny")
    assert "0 labelled rows are too few (60 needed)" in first.reason
    assert "are too few to judge it (50 needed): at this rate it takes" in second.reason
    retrains = [step for step in world.stores.state.steps("tiny") if step.job == "retrain"]
    assert [step.detail["outcome"] for step in retrains] == ["promoted"]
    assert last.champion_version == 1
    never = worlds("never", **small, promote={})
    drop_days(never, range(6), rows=85)
    never.play()
    assert not [step for step in never.stores.state.steps("tiny") if step.job == "retrain"]
    assert "(200 needed): raise window.holdout_batches" in never.stores.state.decisions("tiny")[-1].reason
