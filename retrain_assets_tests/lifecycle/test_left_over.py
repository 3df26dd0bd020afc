"""Killed between MLflow's registering of a version and our record of it: the next look makes the record true."""

from __future__ import annotations

from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import StoreError
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.evaluating import candidate_of
from retrain_assets.lifecycle.freeing import freeable
from retrain_assets.lifecycle.left_over import LEFT_OVER
from retrain_assets.lifecycle.reconciling import project
from retrain_assets.lifecycle.training_window import latest_training_set
from retrain_assets.lifecycle.versions import stage_of
from retrain_assets.stores.recently_used import RecentlyUsed
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore
from retrain_assets_tests.lifecycle.champions import registry_of
from retrain_assets_tests.lifecycle.world import World

STEPS = (lifecycle.freeze_training_set, lifecycle.train, lifecycle.evaluate, lifecycle.promote)


class Killed(BaseException):
    """As SIGKILL ends a process at this write."""


@pytest.fixture
def stopped(promoted: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The retrain of the fifth day was killed when MLflow had v4 and the record had not."""
    promoted.drop(4)
    promoted.poll()
    while (job := lifecycle.next_job(promoted.stores, promoted.model, now=promoted.now)) and job.job != "retrain":
        promoted.run(job)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SqlStateStore, "record_model_version", killed)
        with pytest.raises(Killed):
            retrain(promoted, "killed")
    assert recorded(promoted) == [1, 2, 3]
    assert len(entries(promoted)) == 4
    return promoted


def retrain(world: World, run_id: str) -> None:
    for step in STEPS:
        step(world.stores, world.model, world.batch(4), now=world.now, run_id=run_id)


def recorded(world: World) -> list[int]:
    return [version.version for version in world.stores.state.model_versions("tiny")]


def entries(world: World) -> dict[int, dict[str, str]]:
    """Tags by version, as MLflow has them."""
    with registry_of(world)._session.client() as client:
        return {int(found.version): found.tags for found in client.search_model_versions("name = 'tiny'")}


def test_reconcile_records_it_as_retired(stopped: World):
    found = lifecycle.reconcile(stopped.stores, stopped.model, now=stopped.now)
    assert found.left_over == (4,)
    assert f"v4 is {LEFT_OVER}" in str(found)
    assert recorded(stopped) == [1, 2, 3, 4]
    assert stage_of(stopped.stores, stopped.model, 4) == "retired"
    assert freeable(stopped.stores, stopped.model).pinned_by == (1, 2, 3, 4)
    assert verify(stopped.stores, "tiny").faults == ()
    assert entries(stopped)[4]["retrain_assets.stage"] == "retired"
    run = stopped.stores.state.model_versions("tiny")[-1].run_id
    assert "tiny v4" in (stopped.stores.registry.text(run, "model_card.md") or "")
    with registry_of(stopped)._session.client() as client:
        told = client.get_run(run)
    assert (told.info.status, told.data.tags["retrain_assets.outcome"]) == ("KILLED", "interrupted")
    assert stopped.stores.registry.shown("tiny").aliases == {"champion": 3}
    assert str(lifecycle.reconcile(stopped.stores, stopped.model, now=stopped.now)).endswith("the registry agrees")


def test_nothing_of_it_is_loaded_that_may_run_code(stopped: World, monkeypatch: pytest.MonkeyPatch):
    """No record vouches for its files: who may write to the registry could have put any there."""

    def deserialized(*_: Any, **__: Any) -> None:
        raise AssertionError

    for library in ("cloudpickle.loads", "skops.io.loads"):
        monkeypatch.setattr(library, deserialized)
    registry_of(stopped)._bundles = RecentlyUsed(1, size_of=lambda _: 1)
    project(stopped.stores, stopped.model, stopped.stores.state.promotions("tiny")[-1], now=stopped.now)
    assert recorded(stopped) == [1, 2, 3, 4]
    run = stopped.stores.state.model_versions("tiny")[-1].run_id
    assert "LogisticRegression" in (stopped.stores.registry.text(run, "model_card.md") or "")


def test_the_champion_is_shown_before_it_is_looked_for(stopped: World, monkeypatch: pytest.MonkeyPatch):
    """A rollback has seconds: what others serve by comes first."""

    def down(*_: Any, **__: Any) -> None:
        raise StoreError("no connection")

    monkeypatch.setattr(MlflowRegistry, "made_here", down)
    back = lifecycle.roll_back(stopped.stores, stopped.model, reason="x", actor="person:ann", now=stopped.now)
    assert "no connection" in back.reason
    assert stopped.stores.registry.alias("tiny", "champion") == 2


def test_the_next_run_records_it_and_goes_on_with_its_own(stopped: World):
    retrain(stopped, "again")
    assert recorded(stopped) == [1, 2, 3, 4, 5]
    assert [stage_of(stopped.stores, stopped.model, number) for number in (4, 5)] == ["retired", "champion"]
    frozen = latest_training_set(stopped.stores, stopped.model, stopped.batch(4))
    newest = candidate_of(stopped.stores, stopped.model, frozen)
    assert newest is not None
    assert newest.version == 5
    assert verify(stopped.stores, "tiny").faults == ()


def test_killed_while_it_is_recorded_the_next_look_goes_on(stopped: World, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    for write in ("tag_version", "log", "end_run"):
        with monkeypatch.context() as patch:
            patch.setattr(stopped.stores.registry, write, killed)
            with pytest.raises(Killed):
                lifecycle.reconcile(stopped.stores, stopped.model, now=stopped.now)
        assert recorded(stopped) == [1, 2, 3]
    assert lifecycle.reconcile(stopped.stores, stopped.model, now=stopped.now).left_over == (4,)
    assert verify(stopped.stores, "tiny").faults == ()


@pytest.mark.parametrize(
    ("tag", "value"), [("attempt", "one"), ("training_end", "soon"), ("training_end", "2024-01-01")]
)
def test_tags_that_were_written_over_by_hand_stop_nobody(stopped: World, tag: str, value: str):
    """Neither of a version of the record, nor of the one that was left over: of this nobody knows what it is."""
    with registry_of(stopped)._session.client() as client:
        client.set_model_version_tag("tiny", "2", f"retrain_assets.{tag}", value)
    assert lifecycle.reconcile(stopped.stores, stopped.model, now=stopped.now).left_over == (4,)


def test_what_a_person_registered_or_copied_is_not_ours(promoted: World):
    with registry_of(promoted)._session.client() as client:
        client.copy_model_version("models:/tiny/2", "tiny")
        client.create_model_version("tiny", source=str(promoted.root / "somewhere"))
    before = entries(promoted)
    assert sorted(before) == [1, 2, 3, 4, 5]
    assert lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now).left_over == ()
    assert recorded(promoted) == [1, 2, 3]
    assert entries(promoted) == before
