"""The registry follows the log; what was done to it by hand is noticed and put back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import IntegrityError, RefusedError, StoreError
from retrain_assets.lifecycle.accepting_head import accept_head
from retrain_assets.lifecycle.adopting_alias import adopt_alias
from retrain_assets.lifecycle.auditing import history, verify
from retrain_assets.lifecycle.mirroring import contradiction
from retrain_assets.lifecycle.renaming import retire, take_back
from retrain_assets.lifecycle.versions import clear
from retrain_assets.promotion.stages import stages
from retrain_assets.stores.contradictions import contradicted
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore, chain
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets_tests.lifecycle.champions import (
    HELD,
    copied,
    execute,
    lose_files,
    move_entry,
    play,
    registry_of,
    version_tags,
)
from retrain_assets_tests.lifecycle.world import World, open_stores


def told(world: World) -> list[dict]:
    return [dict(row.payload) for row in world.stores.state.outbox(kinds=["alias_repaired"])]


def test_an_alias_that_was_moved_by_hand_is_noticed_and_put_back(promoted: World):
    promoted.stores.registry.set_alias("tiny", "champion", 1)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert found.by_hand is not None
    assert "was moved to v1 by hand and is back at v3" in str(found)
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert told(promoted) == [{"found": 1, "put_back": 3}]


def test_an_alias_that_was_deleted_by_hand_is_noticed_and_put_back(promoted: World):
    with registry_of(promoted)._session.client() as client:
        client.delete_registered_model_alias("tiny", "champion")
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert "was deleted by hand and is back at v3" in str(found)
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert told(promoted) == [{"found": None, "put_back": 3}]


@pytest.mark.parametrize("moved", ["alias", "deleted alias", "promotion"])
def test_what_the_registry_shows_is_looked_at_in_each_batch(after_six_days: Callable[..., World], moved: str):
    """A model that is not retrained for months must not show another champion for months."""
    world = after_six_days(when="event")
    (promotion,) = world.stores.state.promotions("tiny")
    if moved == "alias":
        with registry_of(world)._session.client() as client:
            client.create_model_version("tiny", "somewhere")
        world.stores.registry.set_alias("tiny", "champion", 2)
    elif moved == "deleted alias":
        world.stores.registry.remove_alias("tiny", "champion")
    else:  # killed before all was shown: an alias that differs as well is no news
        world.stores.registry.remove_alias("tiny", "champion")
        world.stores.registry.tag_model("tiny", {"promotion_id": "0"})
    world.drop(6)
    assert {job.job for job in world.play()} == {"watch", "settle", "decide"}
    assert world.stores.registry.alias("tiny", "champion") == promotion.version == 1
    assert world.stores.registry.model_tags("tiny")["promotion_id"] == str(promotion.id)
    found = {"alias": 2, "deleted alias": None}
    assert told(world) == ([{"found": found[moved], "put_back": 1}] if moved in found else [])


def test_a_decision_does_not_hang_on_what_the_registry_shows(after_six_days: Callable[..., World]):
    world = after_six_days(when="event")
    (world.root / "mlflow.db").rename(world.root / "away.db")
    world.drop(6)
    world.play()
    assert world.stores.state.decisions("tiny")[-1].batch == world.batch(6).key
    assert not (world.root / "mlflow.db").exists()


def test_a_batch_without_a_retrain_needs_no_mlflow(after_six_days: Callable[..., World]):
    """To import it takes each run of a batch seconds."""
    world = after_six_days(when="event")
    play = f"play_days(make_world(Path({str(world.root)!r}), retrain={{'when': 'event'}}), 6, 7)"
    code = f"""
import sys
from pathlib import Path
from retrain_assets_tests.lifecycle.play_on import play_days
from retrain_assets_tests.lifecycle.world import make_world
{play}
print("mlflow" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"
    assert reopened(world).stores.state.decisions("tiny")[-1].batch == world.batch(6).key


def test_an_alias_that_a_crash_left_behind_is_put_right_and_is_no_news(promoted: World):
    """Killed between the log and the registry: the registry shows the promotion before."""
    promoted.stores.registry.set_alias("tiny", "champion", 2)
    promoted.stores.registry.tag_model("tiny", {"promotion_id": "2"})
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert (found.by_hand, found.behind) == (None, True)
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert told(promoted) == []


def test_a_second_look_finds_nothing(promoted: World):
    lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert str(found) == "tiny: v3 is champion; the registry agrees"


@pytest.mark.parametrize(
    ("lost", "way", "no_way"),
    [
        ({3}, "v2 loads and scores rows of now: go back to it (retrain-assets rollback tiny --to 2 ", "v1"),
        ({3, 2}, "v1 loads and scores rows of now: go back to it (retrain-assets rollback tiny --to 1 ", "v2"),
        ({3, 2, 1}, "by materializing tiny/training_set to tiny/champion", "rollback"),
    ],
)
def test_a_champion_whose_files_are_gone_is_told_with_a_way_that_is_open(
    promoted: World, lost: set[int], way: str, no_way: str
):
    lose_files(promoted, lost)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert found.broken is not None
    assert found.broken.startswith(f"v3 cannot be loaded: the folder of tiny v3 is not there: {promoted.root}/lost")
    assert "put it back from a backup" in found.broken
    assert way in found.broken
    assert no_way not in found.broken


def test_a_champion_whose_entry_names_other_files_is_told(promoted: World):
    """The platform serves its own; whoever loads the alias from the registry gets another model."""
    move_entry(promoted, 3, to=1)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert found.broken is not None
    assert found.broken.startswith("the registry's entry of tiny v3 must name the files that were registered, ")
    move_entry(promoted, 3, to=3)
    assert lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now).broken is None


def test_a_version_whose_entry_names_other_files_is_not_gone_back_to(promoted: World):
    move_entry(promoted, 2, to=1)
    asked: dict[str, Any] = {"reason": "x", "actor": "person:ann", "now": promoted.now}
    with pytest.raises(IntegrityError, match=r"must name the files .* Nothing was changed\. v1 loads and scores"):
        lifecycle.roll_back(promoted.stores, promoted.model, **asked)
    assert promoted.stores.state.promotions("tiny")[-1].version == 3


def test_an_earlier_champion_that_this_library_cannot_read_is_no_way_out(
    promoted: World, monkeypatch: pytest.MonkeyPatch
):
    lose_files(promoted, {3})
    load = MlflowRegistry.load

    def unreadable(registry: MlflowRegistry, version: ModelVersion, **how: bool) -> ModelBundle:
        if version.version == 2:
            raise AttributeError("Can't get attribute '_loss'")
        return load(registry, version, **how)

    monkeypatch.setattr(MlflowRegistry, "load", unreadable)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert found.broken is not None
    assert "v1 loads and scores rows of now: go back to it" in found.broken


def test_the_registry_shows_what_the_log_says(promoted: World):
    with registry_of(promoted)._session.client() as client:
        tags = {number: client.get_model_version("tiny", str(number)).tags for number in (1, 2, 3)}
    assert [tags[number]["retrain_assets.stage"] for number in (1, 2, 3)] == ["retired", "retired", "champion"]
    assert tags[3]["retrain_assets.action"] == "promote"
    assert tags[3]["retrain_assets.promotion_reason"].startswith("passed: ")
    log = promoted.stores.state.promotions("tiny")
    assert tags[2]["retrain_assets.in_force_from"] == log[1].as_of.isoformat()
    assert tags[2]["retrain_assets.in_force_until"] == log[2].as_of.isoformat()
    assert tags[2]["retrain_assets.data_hash"] == log[1].evidence["data_hash"]
    assert tags[2]["retrain_assets.code_version"] == log[1].evidence["code_version"]
    lifecycle.roll_back(promoted.stores, promoted.model, reason="x", actor="person:ann", now=promoted.now)
    with registry_of(promoted)._session.client() as client:
        back = client.get_model_version("tiny", "2").tags
    assert back["retrain_assets.approved_by"] == "nobody: rollback asks for no approval"
    assert (back["retrain_assets.action"], back["retrain_assets.in_force_until"]) == ("rollback", "")
    told = [json.loads(back[f"retrain_assets.promotion_{number}"]) for number in (2, 4)]
    assert [act["action"] for act in told] == ["promote", "rollback"], "the former promotion is still told"
    assert [act["promotion_reason"] for act in told] == [log[1].reason, "x"]


@pytest.mark.parametrize("after", ["reconcile", "retrain"])
def test_what_the_registry_missed_in_an_outage_is_shown_later(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
):
    world = copied(three_champions, tmp_path / "w")
    roll_back_in_an_outage(world, monkeypatch, "bad nights", "bad days")
    if after == "reconcile":
        assert lifecycle.reconcile(world.stores, world.model, now=world.now).behind
    else:
        world.drop(4)
        world.play()
    log = world.stores.state.promotions("tiny")
    assert [made.action for made in log[3:5]] == ["rollback"] * 2
    standing, tags = stages(world.stores.state.stage_moves("tiny")), version_tags(world)
    assert {number: told["stage"] for number, told in tags.items()} == standing
    for made, following in zip(log, [*log[1:], None], strict=True):
        assert json.loads(tags[made.version][f"promotion_{made.id}"])["promoted_by"] == made.actor
        if made.id == max(other.id for other in log if other.version == made.version):
            told = tags[made.version]
            assert (told["action"], told["in_force_from"]) == (made.action, made.as_of.isoformat())
            assert told.get("in_force_until", "") == ("" if following is None else following.as_of.isoformat())
    assert json.loads(tags[2]["promotion_4"])["promotion_reason"] == "bad nights"
    assert str(lifecycle.reconcile(world.stores, world.model, now=world.now)).endswith("the registry agrees")


def roll_back_in_an_outage(world: World, monkeypatch: pytest.MonkeyPatch, *reasons: str) -> None:
    def down(*_: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(world.stores.registry, "set_alias", down)
        for reason in reasons:
            back = lifecycle.roll_back(world.stores, world.model, reason=reason, actor="person:ann", now=world.now)
            assert "the registry does not show it yet" in back.reason


def test_an_ordinary_promotion_writes_no_more_tags_than_it_has_to_say(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each is a request to the tracking server."""
    world = copied(three_champions, tmp_path / "w")
    written: list[str] = []
    tag_version, tag_model = MlflowRegistry.tag_version, MlflowRegistry.tag_model

    def of_version(registry: MlflowRegistry, model: str, version: int, tags: dict[str, str]) -> None:
        written.extend(f"v{version} {name}" for name in tags)
        tag_version(registry, model, version, tags)

    def of_model(registry: MlflowRegistry, model: str, tags: dict[str, str]) -> None:
        written.extend(tags)
        tag_model(registry, model, tags)

    monkeypatch.setattr(MlflowRegistry, "tag_version", of_version)
    monkeypatch.setattr(MlflowRegistry, "tag_model", of_model)
    world.drop(4)
    world.play()
    assert world.stores.state.promotions("tiny")[-1].version == 4
    assert [name for name in written if not name.startswith("v4")] == [
        "v3 in_force_until", "v3 stage", "champion", "stages", "audit_head", "promotion_id",
    ]  # fmt: skip
    assert sum(name.startswith("v4") for name in written) == 11


def test_the_stage_of_who_was_rejected_cleared_or_retired_is_shown(three_champions: World, tmp_path: Path):
    world = copied(three_champions, tmp_path / "w", promote={"require": "has_enough_rows", "min_rows": 10**6})
    world.drop(4)
    world.play()
    assert world.stores.state.stage_moves("tiny")[-1].version == 4
    assert version_tags(world)[4]["stage"] == "retired", "rejected"

    lifecycle.roll_back(world.stores, world.model, reason="x", actor="person:ann", now=world.now)
    assert version_tags(world)[3]["stage"] == "rolled_back"
    clear(world.stores, world.model, 3, actor="person:ann", reason="the feed was at fault", now=world.now)
    lifecycle.reconcile(world.stores, world.model, now=world.now)
    assert version_tags(world)[3]["stage"] == "retired"

    said: dict[str, Any] = {"reason": "for now", "actor": "person:ann", "now": world.now}
    retire(world.stores, world.model, **said)
    assert {tags["stage"] for tags in version_tags(world).values()} == {"retired"}
    take_back(world.stores, world.model, **said)
    assert version_tags(world)[2]["stage"] == "champion"


def test_a_reason_that_no_tag_holds_is_cut_with_a_mark(promoted: World):
    long = 'it said "no"\n' * 500
    lifecycle.roll_back(promoted.stores, promoted.model, reason=long, actor="person:ann", now=promoted.now)
    with registry_of(promoted)._session.client() as client:
        tags = client.get_model_version("tiny", "2").tags
    cut = json.loads(tags["retrain_assets.promotion_4"])["promotion_reason"]
    assert cut == tags["retrain_assets.promotion_reason"]
    assert cut.startswith(long[:1000])
    assert cut.endswith("(cut: `retrain-assets history` has all of it)")
    assert promoted.stores.state.promotions("tiny")[-1].reason == long


def test_a_short_reason_that_is_long_where_it_is_escaped_is_cut_too(promoted: World):
    """MLflow would cut the tag anywhere, and what is left of it is no JSON."""
    long = "x" + "\x01" * 1400
    lifecycle.roll_back(promoted.stores, promoted.model, reason=long, actor="person:ann", now=promoted.now)
    with registry_of(promoted)._session.client() as client:
        tags = client.get_model_version("tiny", "2").tags
    cut = json.loads(tags["retrain_assets.promotion_4"])["promotion_reason"]
    assert cut.startswith(long[:300])
    assert cut.endswith("(cut: `retrain-assets history` has all of it)")


def test_history_names_code_data_and_time_in_force(promoted: World):
    lines = history(promoted.stores.state, "tiny")
    assert [(line.promotion.version, line.stage) for line in lines] == [(1, "retired"), (2, "retired"), (3, "champion")]
    assert [line.until for line in lines] == [lines[1].promotion.as_of, lines[2].promotion.as_of, None]
    assert all(line.data_hash and line.model_hash and line.training_hash for line in lines)
    assert all(line.promotion.evidence["code_version"] for line in lines)


def test_the_chain_of_a_life_is_whole_and_a_touched_one_is_not(promoted: World):
    whole = verify(promoted.stores, "tiny")
    assert (whole.faults, whole.unseen) == ((), None)
    execute(promoted, "DELETE FROM ra_audit WHERE sequence = (SELECT MAX(sequence) FROM ra_audit)")
    found = [str(fault) for fault in verify(promoted.stores, "tiny").faults]
    assert any("no entry tells of it" in fault for fault in found)
    assert any("the registry saw it" in fault for fault in found)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("ra_promotions SET evidence = '{broken'", "holds '{broken' where JSON must stand"),
        ("ra_audit SET recorded_at = 'never'", "holds 'never' where a time must stand"),
    ],
)
def test_a_row_that_is_none_any_more_is_found_and_said(promoted: World, change: str, found: str):
    """One byte suffices: what cannot be read at all was changed, too."""
    execute(promoted, f"UPDATE {change}")
    (fault,) = verify(reopened(promoted).stores, "tiny").faults
    assert found in str(fault)


def test_a_registry_that_is_down_is_said_and_hides_no_fault(promoted: World, monkeypatch: pytest.MonkeyPatch):
    def down(_: str) -> dict[str, str]:
        raise StoreError("connection refused")

    monkeypatch.setattr(promoted.stores.registry, "model_tags", down)
    found = verify(promoted.stores, "tiny")
    assert found.faults == ()
    assert found.unseen is not None
    assert "connection refused" in found.unseen


@pytest.mark.parametrize("put_back", [False, True])
def test_an_alias_that_was_moved_by_hand_can_be_adopted_by_a_person(promoted: World, put_back: bool):
    promoted.stores.registry.set_alias("tiny", "champion", 1)
    if put_back:
        lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    asked: dict[str, Any] = {"reason": "during the outage", "actor": "person:ann", "now": promoted.now}
    made = adopt_alias(promoted.stores, promoted.model, **asked).promotion
    assert made is not None
    assert (made.version, made.action, made.actor, made.reason) == (1, "rollback", "person:ann", "during the outage")
    assert promoted.stores.registry.alias("tiny", "champion") == 1
    assert verify(promoted.stores, "tiny").faults == ()
    with pytest.raises(RefusedError, match="agrees with the promotion log"):
        adopt_alias(promoted.stores, promoted.model, **asked)


def test_an_alias_on_a_version_for_which_no_gate_vouches_is_not_adopted(held: World):
    held.stores.registry.set_alias("tiny", "champion", 4)
    with pytest.raises(RefusedError, match="moved to v4, which never was champion"):
        adopt_alias(held.stores, held.model, reason="r", actor="person:ann", now=held.now)
    assert held.stores.state.promotions("tiny")[-1].version == 3


def cut(world: World, *, last: int) -> None:
    """Takes the newest promotions with all that followed out of the state database: as an older backup of it is."""
    state = world.stores.state
    first = next(
        entry.sequence
        for entry in state.audit_entries("tiny")
        if (entry.kind, entry.record_id) == ("promotion", state.promotions("tiny")[-last].id)
    )
    gone = [entry for entry in state.audit_entries("tiny") if entry.sequence >= first]
    tables = {"promotion": "ra_promotions", "stage": "ra_stages", "decision": "ra_decisions"}
    for entry in reversed(gone):
        execute(world, f"DELETE FROM {tables[entry.kind]} WHERE id = {entry.record_id}")
    execute(world, f"DELETE FROM ra_audit WHERE sequence >= {first}")


def reopened(world: World) -> World:
    """The installation as another process finds it."""
    return replace(world, stores=replace(world.stores, state=open_stores(world.root).state))


def rewritten(world: World) -> None:
    """Somebody who can write to the state database changes a row and makes the whole chain anew."""
    execute(world, "UPDATE ra_promotions SET actor = 'person:cfo' WHERE version = 2")
    execute(world, "DELETE FROM ra_audit")
    assert isinstance(world.stores.state, SqlStateStore)
    with world.stores.state._database.writing() as connection:
        chain.begin(connection)


@pytest.mark.parametrize("last", [0, 1, 3])
def test_the_registry_does_not_follow_another_record_until_a_person_accepts_it(promoted: World, last: int):
    """Cut off at the end, emptied, or made anew: the tag in the registry is what proves it."""
    if last:
        cut(promoted, last=last)
    else:
        rewritten(promoted)
    world = reopened(promoted)
    tags, faults = world.stores.registry.model_tags("tiny"), verify(world.stores, "tiny").faults
    assert faults
    for _ in range(2):
        found = lifecycle.reconcile(world.stores, world.model, now=world.now)
        assert found.broken is not None
        assert "reconcile tiny --accept-head" in found.broken
        assert found.broken in str(found)
    assert world.stores.registry.model_tags("tiny") == tags
    assert world.stores.registry.alias("tiny", "champion") == 3
    assert verify(world.stores, "tiny").faults == faults
    assert len(world.stores.state.outbox(kinds=["record_contradicted"])) == 1
    said = contradiction(world.stores.state.audit_entries("tiny"), tags, "tiny")
    assert said is not None
    assert contradicted(world.stores.state, "tiny") == said

    asked: dict[str, Any] = {"actor": "person:ann", "now": world.now}
    with pytest.raises(RefusedError, match="reason"):
        accept_head(world.stores, world.model, reason=" ", **asked)
    accepted = accept_head(world.stores, world.model, reason="restored the backup of Monday", **asked)
    assert (accepted.broken, accepted.by_hand, accepted.champion) == (None, None, {0: 3, 1: 2, 3: None}[last])
    assert verify(world.stores, "tiny").faults == ()
    assert world.stores.registry.alias("tiny", "champion") == accepted.champion
    assert world.stores.registry.alias("tiny", "challenger") == {0: None, 1: 3, 3: None}[last]
    with registry_of(world)._session.client() as client:
        stage = client.get_model_version("tiny", "3").tags["retrain_assets.stage"]
    assert stage == {0: "champion", 1: "candidate", 3: "not in the record"}[last]
    (move,) = world.stores.state.model_moves()
    assert (move.action, move.previous, move.actor) == ("accept", tags["audit_head"], "person:ann")
    with pytest.raises(RefusedError, match="nothing to accept"):
        accept_head(world.stores, world.model, reason="again", **asked)
    assert contradicted(world.stores.state, "tiny") is None


def test_an_acceptance_that_was_killed_before_the_registry_was_told_is_recorded_once(
    promoted: World, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    promoted.stores.registry.tag_model("tiny", {"audit_head": "2:abc"})
    asked: dict[str, Any] = {"actor": "person:ann", "reason": "the backup is right", "now": promoted.now}
    with monkeypatch.context() as patch:
        patch.setattr(MlflowRegistry, "tag_model", killed)
        with pytest.raises(KeyboardInterrupt):
            accept_head(promoted.stores, promoted.model, **asked)
    assert accept_head(promoted.stores, promoted.model, **asked).broken is None
    assert [(move.action, move.previous) for move in promoted.stores.state.model_moves()] == [("accept", "2:abc")]


def test_a_head_that_was_put_right_in_the_registry_speaks_against_nothing_any_more(promoted: World):
    """And the same contradiction is told anew when it comes back."""
    right = promoted.stores.registry.model_tags("tiny")["audit_head"]
    for _ in range(2):
        promoted.stores.registry.tag_model("tiny", {"audit_head": "2:abc"})
        broken = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now).broken
        assert contradicted(promoted.stores.state, "tiny") == broken is not None
        promoted.stores.registry.tag_model("tiny", {"audit_head": right})
        lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
        assert contradicted(promoted.stores.state, "tiny") is None
    kinds = [row.kind for row in promoted.stores.state.outbox(kinds=["record_contradicted", "record_agrees"])]
    assert kinds == ["record_contradicted", "record_agrees"] * 2


def test_an_alias_that_was_set_by_hand_before_there_is_a_champion_is_taken_away(tmp_path: Path):
    world = play(tmp_path, days=2, promote=HELD)
    assert world.stores.state.promotions("tiny") == []
    world.stores.registry.set_alias("tiny", "champion", 1)
    found = lifecycle.reconcile(world.stores, world.model, now=world.now)
    assert str(found) == (
        "tiny: no champion yet; the alias 'champion' was set to v1 by hand and is gone: no version has been "
        "promoted yet"
    )
    assert world.stores.registry.alias("tiny", "champion") is None
    assert told(world) == [{"found": 1, "put_back": None}]
    world.stores.registry.set_alias("tiny", "champion", 1)
    lifecycle.promote(world.stores, world.model, world.batch(1), now=world.now, run_id="by hand")
    assert world.stores.registry.alias("tiny", "champion") is None


def test_no_rollback_retirement_or_retrain_hides_that_the_record_is_another(promoted: World):
    cut(promoted, last=1)
    world = reopened(promoted)
    head = world.stores.registry.model_tags("tiny")["audit_head"]
    back = lifecycle.roll_back(world.stores, world.model, to=1, reason="x", actor="person:ann", now=world.now)
    assert "the registry does not show it: the registry saw entry 15 of the record" in back.reason
    world.drop(4)
    world.play()
    assert world.stores.state.promotions("tiny")[-1].version == 4
    retire(world.stores, world.model, reason="x", actor="person:ann", now=world.now)
    assert world.stores.registry.model_tags("tiny")["audit_head"] == head
    assert world.stores.registry.alias("tiny", "champion") == 3
    assert any("the registry saw it" in str(fault) for fault in verify(world.stores, "tiny").faults)


def test_a_champion_that_was_exchanged_for_another_version_is_found_and_not_loaded(promoted: World):
    """The row of v3 says where v1 lies, with v1's hashes: the files themselves are whole."""
    first = promoted.stores.state.model_versions("tiny")[0]
    execute(
        promoted,
        f"UPDATE ra_model_versions SET uri = '{first.uri}', artifact_hash = '{first.artifact_hash}', "
        f"model_hash = '{first.model_hash}' WHERE version = 3",
    )
    world = reopened(promoted)
    (fault,) = verify(world.stores, "tiny").faults
    assert str(fault).startswith(f"tiny v3 is not what was registered: model_hash {first.model_hash[:12]} instead of ")
    assert str(fault).endswith("(by promotion 3)")
    found = lifecycle.reconcile(world.stores, world.model, now=world.now)
    assert found.broken is not None
    assert "v3 cannot be loaded: tiny v3 is not what was registered" in found.broken
    back = lifecycle.roll_back(world.stores, world.model, reason="x", actor="person:ann", now=world.now)
    with pytest.raises(IntegrityError, match="after promotion 3"):
        lifecycle.roll_back(world.stores, world.model, to=3, reason="x", actor="person:ann", now=world.now)
    assert back.current is not None
    assert world.stores.state.promotions("tiny")[-1].version == back.current.version == 2
    execute(world, "DELETE FROM ra_model_versions WHERE version = 1")
    gone = [str(fault) for fault in verify(reopened(world).stores, "tiny").faults]
    assert "v1, of which promotion 1 tells, is not among the registered versions" in gone
