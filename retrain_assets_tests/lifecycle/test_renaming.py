"""A model gets another name, is retired, or returns: its history goes with it, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import LeaseHeldError, RefusedError, StoreError
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.lifecycle.approving import answer
from retrain_assets.lifecycle.auditing import history, verify
from retrain_assets.lifecycle.ledger import RENAMING
from retrain_assets.lifecycle.promote import carry_out
from retrain_assets.lifecycle.renaming import in_service, rename, retire, take_back
from retrain_assets.lifecycle.reproducing import reproduce
from retrain_assets.lifecycle.waiting import holds
from retrain_assets_tests.lifecycle.champions import copied, execute, registry_of
from retrain_assets_tests.lifecycle.world import World

WHY: dict[str, Any] = {"reason": "clearer", "actor": "person:ann"}


def called(world: World, name: str) -> World:
    """The world after its declaration was changed."""
    spec = world.model.spec.model_copy(update={"name": name})
    return replace(world, model=DeclaredModel(spec=spec, root=world.root))


def renamed(world: World, name: str = "arrivals") -> World:
    rename(world.stores, world.model, name, **WHY, now=world.now)
    return called(world, name)


def known(world: World) -> dict[str, Any]:
    """All that is recorded of a model but its name."""
    state, name = world.stores.state, world.model.name
    tables = ("validated", "labels", "predictions", "training_set", "evaluation_report")
    return {
        "history": [(line.promotion.version, line.stage, line.data_hash) for line in history(state, name)],
        "steps": [(step.batch, step.job, step.outcome) for step in state.steps(name)],
        "decisions": [(made.batch, made.verdict) for made in state.decisions(name)],
        "arrivals": [made.content_hash for made in state.arrivals(name)],
        "versions": [version.model_hash for version in state.model_versions(name)],
        "rows": {table: len(world.stores.tables.read(f"{name}/{table}")) for table in tables},
        "alias": world.stores.registry.alias(name, "champion"),
    }


def test_all_that_is_known_of_a_model_goes_with_it_and_it_lives_on(promoted: World):
    before, entries = known(promoted), promoted.stores.state.audit_entries("tiny")
    world = renamed(promoted)
    assert known(world) == before
    fresh = called(copied(world, world.root), "arrivals")
    assert known(fresh) == before, "also as another process sees it"
    for state in (fresh.stores.state, world.stores.state):
        assert state.steps("tiny") == []
        assert state.promotions("tiny") == [], "nor does a process remember what it read of it before"

    chain = fresh.stores.state.audit_entries("arrivals")
    assert chain[: len(entries)] == entries, "what was written stays as it was written"
    assert [(each.kind, each.model) for each in chain[len(entries) :]] == [("model", "arrivals")]
    assert (verify(fresh.stores, "arrivals").faults, verify(fresh.stores, "arrivals").unseen) == ((), None)

    fresh.drop(4)
    fresh.play()
    made = fresh.stores.state.promotions("arrivals")
    assert [each.version for each in made] == [1, 2, 3, 4]
    assert fresh.stores.registry.alias("arrivals", "champion") == 4
    assert verify(fresh.stores, "arrivals").faults == ()
    assert reproduce(fresh.stores, fresh.model, 2, now=fresh.now).same
    with registry_of(fresh)._session.client() as client:
        runs = {
            client.get_run(version.run_id).info.experiment_id
            for version in fresh.stores.state.model_versions("arrivals")
        }
    assert len(runs) == 1, "earlier and later runs stand in one experiment"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ra_promotions SET reason = 'because I say so' WHERE version = 2",
        "DELETE FROM ra_model_moves",
        "UPDATE ra_model_moves SET previous = 'other'",
        "UPDATE ra_promotions SET model = 'other' WHERE version = 3",
        "UPDATE ra_audit SET model = 'arrivals' WHERE sequence = 1",
    ],
)
def test_who_touches_the_record_of_a_renamed_model_is_found_out(promoted: World, statement: str):
    world = renamed(promoted)
    execute(world, statement)
    assert verify(world.stores, "arrivals").faults != ()


def test_back_to_the_name_that_it_had(promoted: World):
    before = known(promoted)
    world = renamed(renamed(promoted), "tiny")
    assert known(world) == before
    assert verify(world.stores, "tiny").faults == ()
    with lifecycle.lease(world.stores, world.model, owner="x", now=world.now):
        pass


def test_nothing_runs_under_the_old_name_and_nobody_else_gets_it(promoted: World):
    world = renamed(promoted)
    with pytest.raises(RefusedError, match=r"tiny was renamed to arrivals on .* change `name`"):
        lifecycle.take_lease(promoted.stores, "tiny", owner="x", now=promoted.now)
    assert promoted.stores.state.lease_owner("tiny", now=promoted.now) is None
    models = {"tiny": promoted.model, "arrivals": world.model}
    assert list(in_service(world.stores, models)) == ["arrivals"]
    with pytest.raises(RefusedError, match="change `name`"):
        lifecycle.record_event(promoted.stores, promoted.model, "event", "x", now=promoted.now)
    with pytest.raises(RefusedError, match="change `name`"):
        rename(promoted.stores, promoted.model, "departures", **WHY, now=promoted.now)


@pytest.mark.parametrize("name", ["tiny", "Arrivals", "a-b", ""])
def test_a_name_that_is_none_is_refused(promoted: World, name: str):
    with pytest.raises(RefusedError):
        rename(promoted.stores, promoted.model, name, **WHY, now=promoted.now)


def test_a_name_with_a_history_of_its_own_is_refused_and_nothing_changes(promoted: World):
    before = known(promoted)
    promoted.stores.state.append_outbox("event", "arrivals", now=promoted.now)
    with pytest.raises(RefusedError, match="which has a history of its own: ra_outbox hold rows of it"):
        rename(promoted.stores, promoted.model, "arrivals", **WHY, now=promoted.now)
    assert known(promoted) == before
    assert promoted.stores.state.lease_owner("tiny", now=promoted.now) is None


def test_a_name_that_the_registry_has_given_is_refused_and_nothing_changes(promoted: World):
    before = known(promoted)
    registry_of(promoted)._session.ensure_registered_model("arrivals")
    with pytest.raises(StoreError, match="the registry has a model of that name already"):
        rename(promoted.stores, promoted.model, "arrivals", **WHY, now=promoted.now)
    assert known(promoted) == before
    assert promoted.stores.state.lease_owner("tiny", now=promoted.now) is None


def test_what_a_run_works_on_is_not_renamed_or_retired(promoted: World):
    with lifecycle.lease(promoted.stores, promoted.model, owner="run-7", now=promoted.now):
        for refused in (
            lambda: rename(promoted.stores, promoted.model, "arrivals", **WHY, now=promoted.now),
            lambda: retire(promoted.stores, promoted.model, **WHY, now=promoted.now),
        ):
            with pytest.raises(LeaseHeldError, match="run-7"):
                refused()


def test_a_new_name_on_which_somebody_works_leaves_the_old_one_free(promoted: World):
    assert promoted.stores.state.acquire_lease("arrivals", "run-8", ttl=timedelta(minutes=5), now=promoted.now)
    with pytest.raises(LeaseHeldError, match="arrivals is being worked on by run run-8"):
        rename(promoted.stores, promoted.model, "arrivals", **WHY, now=promoted.now)
    assert promoted.stores.state.lease_owner("tiny", now=promoted.now) is None
    assert promoted.stores.state.lease_owner("arrivals", now=promoted.now) == "run-8"


def test_a_killed_renaming_says_how_it_ends(promoted: World):
    owner = f"{RENAMING}tiny to arrivals"
    assert promoted.stores.state.acquire_lease("tiny", owner, ttl=timedelta(days=36500), now=promoted.now)
    with pytest.raises(LeaseHeldError, match="repeat the same `retrain-assets rename`") as refused:
        lifecycle.take_lease(promoted.stores, "tiny", owner="run-9", now=promoted.now)
    assert "seconds" not in str(refused.value)


def test_a_model_of_which_nothing_is_known_has_no_history_to_keep(world: World):
    with pytest.raises(RefusedError, match="nothing is known of tiny"):
        rename(world.stores, world.model, "arrivals", **WHY, now=world.now)
    with pytest.raises(RefusedError, match="nothing is known of tiny"):
        retire(world.stores, world.model, **WHY, now=world.now)


def test_retired_it_keeps_its_history_and_nobody_is_champion(held: World):
    retire(held.stores, held.model, **WHY, now=held.now)
    assert [line.stage for line in history(held.stores.state, "tiny")] == ["retired"] * 3
    assert held.stores.registry.alias("tiny", "champion") is None
    assert [hold.state for hold in holds(held.stores.state, held.model)] == ["void"]
    found = verify(held.stores, "tiny")
    assert (found.faults, found.unseen) == ((), None)
    with pytest.raises(RefusedError, match=r"tiny was retired on .* by person:ann \(clearer\)"):
        lifecycle.take_lease(held.stores, "tiny", owner="x", now=held.now)
    assert in_service(held.stores, {"tiny": held.model}) == {}
    told = held.stores.state.outbox(kinds=["model_retired"])
    assert len(told) == 1
    retire(held.stores, held.model, **WHY, now=held.now)
    assert held.stores.state.outbox(kinds=["model_retired"]) == told, "it is retired once"


def test_an_approval_that_was_not_carried_out_does_not_outlive_a_retirement(held: World):
    hash_ = held.stores.state.model_versions("tiny")[-1].model_hash
    said: dict[str, Any] = {"person": "ann", "reason": "good", "token": None, "now": held.now}
    given = answer(held.stores, held.model, 4, verdict="approve", model_hash=hash_[:12], **said)
    assert given.state == "approved"
    retire(held.stores, held.model, **WHY, now=held.now)
    take_back(held.stores, held.model, **WHY, now=held.now)
    assert [hold.state for hold in holds(held.stores.state, held.model)] == ["void"]
    assert carry_out(held.stores, held.model, now=held.now, run_id="x") is None
    assert held.stores.state.promotions("tiny")[-1].version == 3


def test_a_retired_model_returns_with_the_champion_that_it_had(promoted: World):
    retire(promoted.stores, promoted.model, **WHY, now=promoted.now)
    take_back(promoted.stores, promoted.model, **WHY, now=promoted.now)
    assert history(promoted.stores.state, "tiny")[-1].stage == "champion"
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert promoted.stores.state.outbox(kinds=["alias_repaired"]) == [], "nobody moved it by hand"
    promoted.drop(4)
    promoted.play()
    assert promoted.stores.state.promotions("tiny")[-1].version == 4
    assert verify(promoted.stores, "tiny").faults == ()
    with pytest.raises(RefusedError, match="is not retired"):
        take_back(promoted.stores, promoted.model, **WHY, now=promoted.now)


def test_a_retired_model_may_be_renamed_and_stays_retired(promoted: World):
    retire(promoted.stores, promoted.model, **WHY, now=promoted.now)
    world = renamed(promoted)
    with pytest.raises(RefusedError, match="arrivals was retired"):
        lifecycle.take_lease(world.stores, "arrivals", owner="x", now=world.now)
    take_back(world.stores, world.model, **WHY, now=world.now)
    assert world.stores.registry.alias("arrivals", "champion") == 3
    assert verify(world.stores, "arrivals").faults == ()
