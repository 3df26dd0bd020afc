"""What goes wrong between a candidate and its promotion: a clear error or `unknown`, and the champion serves on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from retrain_assets import lifecycle
from retrain_assets.data.windows import Batch
from retrain_assets.errors import DataError, IntegrityError, NotStoredError, StoreError
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.promote import read_evaluation
from retrain_assets.lifecycle.training_window import read_judging_rows
from retrain_assets.lifecycle.waiting import holds
from retrain_assets.promotion.log import champion_as_of
from retrain_assets.promotion.measures import chosen
from retrain_assets.promotion.recall import NOT_JUDGED
from retrain_assets_tests.lifecycle.champions import copied, execute, registry_of
from retrain_assets_tests.lifecycle.world import World


@pytest.fixture(scope="module")
def evaluated_once(three_champions: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The candidate of the fifth day has passed its gates and is not promoted yet."""
    world = copied(three_champions, tmp_path_factory.mktemp("evaluated") / "w")
    world.drop(4)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if job.job == "retrain":
            common: dict[str, Any] = {"now": world.now, "run_id": "run-9"}
            batch = world.model.calendar.batch(job.batch)
            assert lifecycle.freeze_training_set(world.stores, world.model, batch, **common).sufficient
            lifecycle.train(world.stores, world.model, batch, **common)
            assert lifecycle.evaluate(world.stores, world.model, batch, **common).gates.passed
            return world
        world.run(job)
    raise AssertionError("the fifth day was not to be retrained")


@pytest.fixture
def evaluated(evaluated_once: World, tmp_path: Path) -> World:
    return copied(evaluated_once, tmp_path / "w")


def newest(world: World) -> Batch:
    return world.batch(4)


def promote(world: World) -> Any:
    return lifecycle.promote(world.stores, world.model, newest(world), now=world.now, run_id="run-9")


def unchanged(world: World) -> None:
    """v3 is champion, is loaded and scores the next batch."""
    assert [made.version for made in world.stores.state.promotions("tiny")] == [1, 2, 3]
    assert verify(world.stores, "tiny").faults == ()
    fresh = copied(world, world.root)
    fresh.drop(5)
    fresh.poll()
    job = lifecycle.next_job(fresh.stores, fresh.model, now=fresh.now)
    while job is not None and job.job == "settle":
        fresh.run(job)
        job = lifecycle.next_job(fresh.stores, fresh.model, now=fresh.now)
    assert scored_by(fresh) == 3


def scored_by(world: World) -> int:
    """The version that scores the day after the newest one, which has arrived."""
    asked: dict[str, Any] = {"now": world.now, "run_id": "next"}
    for step in (lifecycle.ingest, lifecycle.validate, lifecycle.profile, lifecycle.detect):
        step(world.stores, world.model, world.batch(5), **asked)
    scored = lifecycle.score(world.stores, world.model, world.batch(5), **asked)
    assert scored.version is not None
    return scored.version.version


def test_a_version_that_is_promoted_late_is_not_champion_of_what_another_scored_meanwhile(evaluated: World):
    """The retrain was given up before it promoted, and the stream went on; then a person materializes `champion`."""
    evaluated.drop(5)
    evaluated.poll()
    assert scored_by(evaluated) == 3
    made = lifecycle.assert_champion(evaluated.stores, evaluated.model, now=evaluated.now, run_id="by hand").promotion
    assert made is not None
    assert (made.version, made.as_of) == (4, evaluated.batch(5).end)
    served = champion_as_of(evaluated.stores.state.promotions("tiny"), evaluated.batch(5).start)
    assert served is not None
    assert served.version == 3


def test_the_cooldown_counts_from_the_training_of_a_first_version_that_is_promoted_late(worlds):
    """Its promotion holds from later than it was trained for; what it learned is as fresh as before."""
    world = worlds("w", retrain={"when": "new_labels", "min_new_labels": 1, "cooldown": "10 days"})
    asked: dict[str, Any] = {"now": world.now, "run_id": "by hand"}
    for day in range(2):
        world.drop(day)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None and job.job != "retrain":
        world.run(job)
    for step in (lifecycle.freeze_training_set, lifecycle.train, lifecycle.evaluate):
        step(world.stores, world.model, world.batch(1), **asked)
    for day in (2, 3):
        world.drop(day)
        world.poll()
        for step in (lifecycle.ingest, lifecycle.validate, lifecycle.profile, lifecycle.detect, lifecycle.score):
            step(world.stores, world.model, world.batch(day), **asked)
    made = lifecycle.assert_champion(world.stores, world.model, **asked).promotion
    assert made is not None
    assert (made.batch, made.as_of) == (world.batch(1).key, world.batch(3).end)
    world.drop(4)
    world.play()
    last = world.stores.state.decisions("tiny")[-1]
    assert (last.batch, last.verdict) == (world.batch(4).key, "wait")
    assert "cooldown" in last.reason
    assert [each.version for each in world.stores.state.promotions("tiny")] == [1]


def elsewhere(world: World, folder: Path, version: int) -> Path:
    """The files of a version, to be touched: those of the others are shared between tests."""
    kept = next(each for each in world.stores.state.model_versions("tiny") if each.version == version)
    moved = folder / f"v{version}"
    shutil.copytree(kept.uri, moved)
    execute(world, f"UPDATE ra_model_versions SET uri = '{moved}' WHERE version = {version}")
    return moved


def test_a_registry_that_is_down_promotes_nobody_and_is_tried_again(evaluated: World, monkeypatch: pytest.MonkeyPatch):
    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(evaluated.stores.registry, "load", down)
        with pytest.raises(StoreError, match="connection refused"):
            promote(evaluated)
    assert [made.version for made in evaluated.stores.state.promotions("tiny")] == [1, 2, 3]
    assert promote(evaluated).promotion.version == 4


def test_while_the_registry_cannot_be_asked_nobody_is_promoted_from_the_files_alone(
    evaluated: World, monkeypatch: pytest.MonkeyPatch
):
    """The files are whole and lie on a disk of their own; what somebody deleted in the registry is not known."""

    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        for asked in ("place", "alias", "model_tags", "set_alias", "tag_model", "tag_version", "log"):
            patch.setattr(evaluated.stores.registry, asked, down)
        with pytest.raises(StoreError, match="connection refused"):
            promote(evaluated)
        assert [made.version for made in evaluated.stores.state.promotions("tiny")] == [1, 2, 3]
    assert promote(evaluated).promotion.version == 4


def test_a_registry_that_goes_down_after_the_log_moved_follows_later(evaluated: World, monkeypatch: pytest.MonkeyPatch):
    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(evaluated.stores.registry, "set_alias", down)
        with pytest.raises(StoreError, match="connection refused"):
            promote(evaluated)
    assert evaluated.stores.state.promotions("tiny")[-1].version == 4
    assert evaluated.stores.registry.alias("tiny", "champion") == 3
    assert promote(evaluated).promotion.version == 4
    assert evaluated.stores.registry.alias("tiny", "champion") == 4
    assert len(evaluated.stores.state.promotions("tiny")) == 4


def test_a_candidate_whose_files_are_gone_is_not_promoted(evaluated: World, tmp_path: Path):
    shutil.rmtree(elsewhere(evaluated, tmp_path, 4))
    with pytest.raises(NotStoredError, match="the folder of tiny v4 is not there"):
        promote(copied(evaluated, evaluated.root))
    unchanged(evaluated)


def test_a_candidate_whose_files_were_changed_is_not_promoted(evaluated: World, tmp_path: Path):
    files = sorted(path for path in elsewhere(evaluated, tmp_path, 4).rglob("*") if path.is_file())
    for path in files:
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="it was changed after registration"):
        promote(copied(evaluated, evaluated.root))
    unchanged(evaluated)


def delete(world: World, version: int) -> None:
    with registry_of(world)._session.client() as client:
        client.delete_model_version("tiny", str(version))


def test_a_candidate_that_somebody_deleted_in_the_registry_is_not_promoted(evaluated: World):
    delete(evaluated, 4)
    with pytest.raises(NotStoredError, match="v4 was deleted in the registry by hand"):
        promote(evaluated)
    unchanged(evaluated)


def test_a_registry_that_was_lost_is_told_as_such_and_decides_nothing(evaluated: World):
    """It would number from one again; a hold must not end as if somebody had deleted the version."""
    whole = evaluated.root / "whole"
    shutil.copy(evaluated.root / "mlflow.db", whole)
    with registry_of(evaluated)._session.client() as client:
        client.delete_registered_model("tiny")
    lost = "has no model tiny, of which versions were registered: it is another one than before"
    with pytest.raises(StoreError, match=lost):
        promote(evaluated)
    with pytest.raises(StoreError, match=lost):
        lifecycle.reconcile(evaluated.stores, evaluated.model, now=evaluated.now)
    with pytest.MonkeyPatch.context() as patch:
        elsewhere = NotStoredError("reading tiny failed in MLflow (ENDPOINT_NOT_FOUND): the URL was not found")
        patch.setattr(registry_of(evaluated)._session, "registered_model", Mock(side_effect=elsewhere))
        with pytest.raises(StoreError, match="the URL was not found") as told:
            promote(evaluated)
        assert not isinstance(told.value, NotStoredError)
    # Its training was killed before the version stood in the database.
    execute(evaluated, "DELETE FROM ra_model_versions WHERE version = 4")
    with pytest.raises(StoreError, match=lost):
        lifecycle.train(evaluated.stores, evaluated.model, newest(evaluated), now=evaluated.now, run_id="run-9")
    with registry_of(evaluated)._session.client() as client:
        assert client.search_model_versions("name = 'tiny'") == []
    unchanged(evaluated)


def test_a_champion_that_somebody_deleted_in_the_registry_serves_on_and_is_replaced(evaluated: World):
    delete(evaluated, 3)
    unchanged(evaluated)
    for _ in range(2):
        found = lifecycle.reconcile(evaluated.stores, evaluated.model, now=evaluated.now)
        assert found.champion == 3
        assert found.broken is not None
        assert "v3 was deleted in the registry by hand: it serves on from its files" in found.broken
    assert len(evaluated.stores.state.outbox(kinds=["champion_not_registered"])) == 1
    assert promote(evaluated).promotion.version == 4
    assert evaluated.stores.registry.alias("tiny", "champion") == 4
    assert lifecycle.reconcile(evaluated.stores, evaluated.model, now=evaluated.now).broken is None
    with pytest.raises(NotStoredError, match="v3 was deleted in the registry"):
        lifecycle.roll_back(evaluated.stores, evaluated.model, to=3, reason="r", actor="person:ann", now=evaluated.now)


def test_a_rejected_candidate_beside_a_champion_that_was_deleted_ends_its_run(evaluated: World):
    """The champion that stays cannot be shown; that must not make the run fail for ever."""
    delete(evaluated, 3)
    held = copied(evaluated, evaluated.root, promote={"min_rows": 100_000})
    lifecycle.evaluate(held.stores, held.model, newest(held), now=held.now, run_id="run-9")
    assert promote(held).promotion is None
    assert held.stores.state.steps("tiny")[-1].detail["outcome"] == "rejected"


def test_a_candidate_of_another_schema_is_not_promoted(evaluated: World, monkeypatch: pytest.MonkeyPatch):
    """Between the evaluation and the promotion the batch was watched again under a declaration without its column."""
    batch = newest(evaluated)
    rows = evaluated.stores.tables.read("tiny/validated", [batch.key]).drop(columns=["ra_batch", "x"])
    evaluated.stores.tables.write("tiny/validated", batch.key, rows)
    with pytest.raises(DataError, match="must have every feature the model was trained on"):
        promote(evaluated)
    unchanged(evaluated)


def test_a_metric_that_a_slice_does_not_define_is_unknown_there_and_judged_elsewhere(evaluated: World):
    """A slice of one class has no area under the curve: unknown there, and the losses still judge the slice."""
    limits: dict[str, Any] = {"slices": ["kind"], "metrics": {"roc_auc": 0.1}}
    declared = {"min_rows": 50, "require": "no_slice_regression & meets_thresholds", "limits": limits}
    world = copied(evaluated, evaluated.root, promote=declared, report_metrics=["roc_auc"])

    def without_b_negatives(*args: Any, **kwargs: Any) -> Any:
        rows = read_judging_rows(*args, **kwargs)
        return rows[(rows["kind"] == "a") | (rows["label"] == 1)].reset_index(drop=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrain_assets.lifecycle.compared.read_judging_rows", without_b_negatives)
        made = lifecycle.evaluate(world.stores, world.model, newest(world), now=world.now, run_id="run-9")
    areas = {each.group: each.value for each in chosen(made.report.measures, "slice", "roc_auc")}
    assert areas["kind=b"] is None
    assert areas["kind=a"] is not None
    verdicts = {gate.name: gate.passed for gate in made.gates.results}
    assert verdicts["no_slice_regression"] is True, "the loss is defined on every slice"


def test_a_metric_that_the_judging_rows_do_not_define_is_unknown_and_says_why(evaluated: World):
    declared = {"min_rows": 50, "require": "meets_thresholds", "limits": {"metrics": {"roc_auc": 0.1}}}
    world = copied(evaluated, evaluated.root, promote=declared, report_metrics=["roc_auc"])

    def of_one_class(*args: Any, **kwargs: Any) -> Any:
        return read_judging_rows(*args, **kwargs).assign(label=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrain_assets.lifecycle.compared.read_judging_rows", of_one_class)
        made = lifecycle.evaluate(world.stores, world.model, newest(world), now=world.now, run_id="run-9")
    assert made.gates.passed is None
    assert "roc_auc is not known: these rows do not define it, such as labels of one class" in made.gates.reason


def test_a_champion_of_another_task_is_judged_by_nobody_and_its_successor_held_for_a_person(
    three_champions: World, tmp_path: Path
):
    """A declared metric that turns a classification into a regression: no score of before can be compared."""
    declared = {
        "estimator": {"class": "sklearn.linear_model.LinearRegression"}, "metric": "squared_error",
        "promote": {"min_rows": 50, "require": "beats_baseline"},
    }  # fmt: skip
    world = copied(three_champions, tmp_path / "w", **declared)
    for day in (4, 5):
        world.drop(day)
    world.play()
    assert world.stores.state.promotions("tiny")[-1].version == 3
    held = next(each for each in holds(world.stores.state, world.model) if each.state == "pending")
    assert "the champion v3 cannot be asked" in held.request.reason
    assert "the model was trained for another task than the declared one" in held.request.reason
    batch = world.model.calendar.batch(held.request.batch)
    made = read_evaluation(world.stores, world.model, batch, held.request.attempt)
    why = {each.group: each.reason for each in chosen(made.measures, "recall", NOT_JUDGED)}
    assert why.keys() == {"v2", "v1"}
    assert all("another task" in said for said in why.values())
