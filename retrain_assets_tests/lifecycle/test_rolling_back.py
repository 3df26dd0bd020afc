"""Back to an earlier champion: all of it comes back, it is no younger, and what left stays out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import DataError, IntegrityError, NotStoredError, RefusedError, StoreError, WithheldError
from retrain_assets.lifecycle import DeclaredModel, rolling_back
from retrain_assets.lifecycle.approving import answer
from retrain_assets.lifecycle.auditing import verify
from retrain_assets.lifecycle.facts import _stale
from retrain_assets.lifecycle.history import holdout_of
from retrain_assets.lifecycle.holding import answer_hold
from retrain_assets.lifecycle.renaming import rename, retire, take_back
from retrain_assets.lifecycle.rolling_back import roll_back_if_broken
from retrain_assets.lifecycle.versions import clear, stage_of
from retrain_assets.lifecycle.withholding import words_of
from retrain_assets.promotion.log import champion_as_of
from retrain_assets.reporting.overview import overview
from retrain_assets.reporting.records import Records
from retrain_assets.reporting.unmade import unmade
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.adoption import Origin
from retrain_assets.stores.protocols import ShownModel, StepOutcome
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.training.predict import predict
from retrain_assets_tests.lifecycle.champions import DECLARED, Failing, copied, fail_to_score, lose_files, registry_of
from retrain_assets_tests.lifecycle.world import World, declaration


def back(world: World, **asked):
    return lifecycle.roll_back(
        world.stores, world.model, reason="it scores badly", actor="person:ann", now=world.now, **asked
    )


def test_the_champion_before_is_back_with_all_that_belongs_to_it(promoted: World):
    first = promoted.stores.state.promotions("tiny")[1]
    made = back(promoted).promotion
    assert made is not None
    assert (made.version, made.action, made.actor, made.reason) == (2, "rollback", "person:ann", "it scores badly")
    assert (made.batch, made.attempt, made.training_end) == (first.batch, first.attempt, first.training_end)
    assert holdout_of(made) == holdout_of(first)
    assert made.evidence["rolled_back"] == {"from_version": 3, "to_promotion": first.id}
    assert promoted.stores.registry.alias("tiny", "champion") == 2
    assert {number: stage_of(promoted.stores, promoted.model, number) for number in (1, 2, 3)} == {
        1: "retired",
        2: "champion",
        3: "rolled_back",
    }
    assert verify(promoted.stores, "tiny").faults == ()


def test_what_was_served_stays_as_it_was_and_the_next_batch_is_the_older_ones(promoted: World):
    before = promoted.stores.state.promotions("tiny")
    made = back(promoted).promotion
    log = promoted.stores.state.promotions("tiny")
    assert made is not None
    assert made.as_of == promoted.batch(3).end
    for day in range(4):
        start = promoted.batch(day).start
        assert champion_as_of(log, start) == champion_as_of(before, start)
    promoted.drop(4)
    promoted.play()
    table = promoted.stores.tables.read("tiny/predictions", [promoted.batch(4).key])
    assert set(table.loc[table["mode"] == "served", "version"]) == {2}
    drift = promoted.stores.tables.read("tiny/drift_report", [promoted.batch(4).key])
    assert set(drift["champion_version"]) == {2}


def test_a_decision_is_due_at_once_and_knows_why(promoted: World):
    assert lifecycle.next_job(promoted.stores, promoted.model, now=promoted.now) is None
    back(promoted)
    job = lifecycle.next_job(promoted.stores, promoted.model, now=promoted.now)
    assert job is not None
    assert (job.job, job.batch, job.cause) == ("decide", promoted.batch(3).key, "rollback")
    promoted.run(job)
    decision = promoted.stores.state.decisions("tiny")[-1]
    assert (decision.cause, decision.champion_version) == ("rollback", 2)


def test_what_was_rolled_back_is_not_promoted_again_by_itself(promoted: World):
    """Neither by the same step again, nor by hand without a word, nor as the same model under another number."""
    back(promoted)
    batch = promoted.batch(3)
    again = lifecycle.promote(promoted.stores, promoted.model, batch, now=promoted.now, run_id="again")
    assert again.promotion is None
    assert again.reason == "v3 was rolled back and is not promoted again by itself: v2 serves"
    asserted = lifecycle.assert_champion(promoted.stores, promoted.model, now=promoted.now, run_id="by hand")
    assert asserted.promotion is None
    assert asserted.current is not None
    assert asserted.current.version == 2

    lifecycle.begin_tracking(promoted.stores, promoted.model, batch, run_id="anew")
    twin = lifecycle.train(promoted.stores, promoted.model, batch, now=promoted.now, run_id="anew").version
    assert twin.version == 4
    lifecycle.evaluate(promoted.stores, promoted.model, batch, now=promoted.now, run_id="anew")
    refused = lifecycle.promote(promoted.stores, promoted.model, batch, now=promoted.now, run_id="anew")
    assert refused.promotion is None
    assert "tiny v4 is the model of v3, which was rolled back" in refused.reason


def test_a_person_clears_it(promoted: World):
    back(promoted)
    clear(promoted.stores, promoted.model, 3, actor="person:ann", reason="the feed was at fault", now=promoted.now)
    assert stage_of(promoted.stores, promoted.model, 3) == "retired"
    with pytest.raises(RefusedError, match="v3 is retired: there is nothing to clear"):
        clear(promoted.stores, promoted.model, 3, actor="person:ann", reason="again", now=promoted.now)


def outcome_of(world: World, version: int) -> str:
    run = world.stores.state.model_versions("tiny")[version - 1].run_id
    with registry_of(world)._session.client() as client:
        return client.get_run(run).data.tags["retrain_assets.outcome"]


def test_what_was_cleared_is_judged_anew_and_what_was_replaced_is_not_said_to_be_promoted(promoted: World):
    stores, model = promoted.stores, promoted.model

    def promote(day: int):
        return lifecycle.promote(stores, model, promoted.batch(day), now=promoted.now, run_id=f"again {day}")

    back(promoted)
    assert (promote(3).promotion, outcome_of(promoted, 3)) == (None, "rolled_back")
    clear(stores, model, 3, actor="person:ann", reason="the feed was at fault", now=promoted.now)
    watched = next(step for step in stores.state.steps("tiny") if step.job == "watch")
    stores.state.record_step(replace(watched, batch=promoted.batch(4).key, attempt=1))
    made = lifecycle.assert_champion(stores, model, now=promoted.now, run_id="by hand").promotion
    assert made is not None
    assert (made.version, made.action, made.as_of) == (3, "promote", promoted.batch(4).end)
    assert (promote(3).promotion, outcome_of(promoted, 3)) == (made, "promoted")

    replaced = promote(2)
    assert (replaced.promotion, outcome_of(promoted, 2)) == (None, "replaced")
    assert "v3 replaced it: `retrain-assets rollback tiny --to 2 --reason ...` puts it back" in replaced.reason
    log = stores.state.promotions("tiny")
    assert [(each.action, each.version) for each in log[3:]] == [("rollback", 2), ("promote", 3)]
    assert verify(stores, "tiny").faults == ()


def test_what_was_cleared_is_not_put_before_what_was_watched_since(promoted: World):
    stores, model = promoted.stores, promoted.model
    watched = next(step for step in stores.state.steps("tiny") if step.job == "watch")
    stores.state.record_step(replace(watched, batch=promoted.batch(4).key, attempt=1, outcome="refused"))
    back(promoted)
    clear(stores, model, 3, actor="person:ann", reason="the feed was at fault", now=promoted.now)
    asserted = lifecycle.assert_champion(stores, model, now=promoted.now, run_id="by hand")
    assert asserted.promotion is None
    assert "older than the promotion of v2: `retrain-assets rollback tiny --to 3" in asserted.reason
    assert outcome_of(promoted, 3) == "replaced"


UNKNOWN = Origin(estimator=None, name="old", version=1, content_hash="", inputs=())


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_what_a_person_does_needs_a_reason_in_words(promoted: World, blank: str):
    stores, model = promoted.stores, promoted.model
    said: dict[str, Any] = {"reason": blank, "now": promoted.now}
    by_ann: dict[str, Any] = said | {"actor": "person:ann"}
    before = stores.state.audit_entries("tiny"), stores.state.last_outbox_id()
    for act in (
        lambda: lifecycle.roll_back(stores, model, **by_ann),
        lambda: clear(stores, model, 3, **by_ann),
        lambda: retire(stores, model, **by_ann),
        lambda: take_back(stores, model, **by_ann),
        lambda: rename(stores, model, "arrivals", **by_ann),
        lambda: lifecycle.adopt(stores, model, UNKNOWN, training_end=promoted.now, run_id="x", **by_ann),
        lambda: answer_hold(stores, model, "resume", person="ann", **said),
        lambda: lifecycle.record_event(stores, model, "person", blank, now=promoted.now),
        lambda: answer(stores, model, 4, verdict="approve", model_hash="f" * 8, person="ann", token=None, **said),
    ):
        with pytest.raises(RefusedError, match="a reason must be given in words"):
            act()
    assert (stores.state.audit_entries("tiny"), stores.state.last_outbox_id()) == before


def test_back_again_skips_what_was_rolled_back_and_a_person_may_name_it(promoted: World):
    back(promoted)
    second = back(promoted).promotion
    assert second is not None
    assert second.version == 1
    with pytest.raises(RefusedError, match="has no earlier champion than v1 to go back to"):
        back(promoted)
    third = back(promoted, to=3).promotion
    assert third is not None
    assert third.version == 3
    assert verify(promoted.stores, "tiny").faults == ()


def test_to_the_champion_as_of_a_moment(promoted: World):
    made = back(promoted, as_of=promoted.batch(2).start).promotion
    assert made is not None
    assert made.version == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"to": 3}, "v3 is champion already"),
        ({"to": 9}, "v9 never was champion, so no gate vouches for it: go back to one of v2, v1"),
        ({"as_of": "early"}, "had no champion as of"),
    ],
)
def test_what_cannot_be_gone_back_to_is_refused(promoted: World, asked, message: str):
    if "as_of" in asked:
        asked = {"as_of": promoted.batch(0).start}
    with pytest.raises(RefusedError, match=message):
        back(promoted, **asked)
    assert len(promoted.stores.state.promotions("tiny")) == 3


def test_of_a_first_champion_nobody_is_named_to_go_back_to(after_six_days: Callable[..., World]):
    with pytest.raises(RefusedError, match="v9 never was champion, so no gate vouches for it: nobody was before v1"):
        back(after_six_days(), to=9)


def test_a_version_that_is_gone_changes_nothing(promoted: World, monkeypatch: pytest.MonkeyPatch):
    versions = promoted.stores.state.model_versions("tiny")
    gone = [replace(version, uri=str(promoted.root / "nowhere")) for version in versions]
    monkeypatch.setattr(promoted.stores.state, "model_versions", lambda _: gone)
    with pytest.raises(NotStoredError):
        back(promoted)
    assert promoted.stores.state.promotions("tiny")[-1].version == 3
    assert promoted.stores.registry.alias("tiny", "champion") == 3


def test_a_registry_that_is_down_holds_no_rollback_up(promoted: World, monkeypatch: pytest.MonkeyPatch):
    def down(*_: object) -> None:
        raise StoreError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(promoted.stores.registry, "set_alias", down)
        made = back(promoted)
    assert made.promotion is not None
    assert "the registry does not show it yet" in made.reason
    assert promoted.stores.registry.alias("tiny", "champion") == 3
    assert lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now).behind
    assert promoted.stores.registry.alias("tiny", "champion") == 2


def test_who_is_champion_is_said_before_the_registry_is_asked(promoted: World, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    project = MlflowRegistry.shown

    def asked(registry: MlflowRegistry, model: str) -> ShownModel:
        told.append(f"asked with a timeout of {os.environ.get('MLFLOW_HTTP_REQUEST_TIMEOUT')} s")
        return project(registry, model)

    monkeypatch.setattr(MlflowRegistry, "shown", asked)
    back(promoted, announce=lambda made: told.append(f"v{made.version}"))
    assert told[:2] == ["v2", "asked with a timeout of 5 s"]
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_a_tracking_database_that_cannot_be_read_holds_no_rollback_up(promoted: World):
    file = promoted.root / "mlflow.db"
    for part in promoted.root.glob("mlflow.db*"):
        part.unlink()
    file.write_bytes(b"this is no database " * 500)
    broken = replace(promoted, stores=replace(promoted.stores, registry=MlflowRegistry(f"sqlite:///{file}")))
    made = back(broken)
    assert made.promotion is not None
    assert made.promotion.version == 2
    assert "the registry does not show it yet" in made.reason
    with pytest.raises(
        StoreError, match=r"failed in the database of MLflow .*: (file is not a database|.* is malformed)"
    ):
        lifecycle.reconcile(broken.stores, broken.model, now=broken.now)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ({2}, r"the folder of tiny v2 .* \(put it back from a backup\). Nothing was changed. v1 loads .* --to 1 "),
        ({2, 1}, r"Nothing was changed. No earlier champion .* scores rows of now: train another, by materializing"),
    ],
)
def test_a_rollback_to_lost_files_names_another_way(promoted: World, lost: set[int], said: str):
    lose_files(promoted, lost)
    with pytest.raises(NotStoredError, match=said):
        back(promoted)
    assert promoted.stores.state.promotions("tiny")[-1].version == 3


def test_a_version_that_was_deleted_in_the_registry_is_no_way_out(promoted: World, monkeypatch: pytest.MonkeyPatch):
    """Its files are there, but no rollback goes to it."""
    lose_files(promoted, {3})
    place = MlflowRegistry.place
    monkeypatch.setattr(MlflowRegistry, "place", lambda self, asked: place(self, asked) if asked.version != 2 else None)
    with pytest.raises(NotStoredError, match=r"v2 was deleted in the registry .*\. Nothing was changed\. v1 loads"):
        back(promoted)
    found = lifecycle.reconcile(promoted.stores, promoted.model, now=promoted.now)
    assert "go back to it (retrain-assets rollback tiny --to 1 " in str(found.broken)


@pytest.mark.parametrize("personal", [[], ["z"]])
def test_a_version_that_cannot_score_rows_of_now_is_no_way_out(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, personal: list[str]
):
    world = copied(three_champions, tmp_path / "w", personal_columns=personal)
    fail_to_score(monkeypatch, {2})
    with pytest.raises(DataError) as refused:
        back(world)
    said = str(refused.value)
    assert said.startswith("tiny v2 cannot score rows of now: ")
    assert ("contains infinity" in said) == (not personal)
    assert ". Nothing was changed. v1 loads and scores rows of now: go back to it (retrain-assets " in said
    assert world.stores.state.promotions("tiny")[-1].version == 3
    fail_to_score(monkeypatch, {1, 2})
    with pytest.raises(DataError, match="No earlier champion that may serve loads and scores rows of now"):
        back(world)


def test_a_rollback_to_changed_files_says_so_in_sentences(promoted: World, monkeypatch: pytest.MonkeyPatch):
    def changed(*_: Any, **__: Any) -> None:
        raise IntegrityError("file manifest.json was changed after registration. Restore it.")

    monkeypatch.setattr(rolling_back, "prove", changed)
    with pytest.raises(IntegrityError, match=r"Restore it\. Nothing was changed\. v1 loads"):
        back(promoted)


def test_a_rollback_ends_no_failed_freshness(promoted: World):
    lifecycle.record_event(promoted.stores, promoted.model, "freshness_failed", "too old", now=promoted.now)
    back(promoted)
    assert _stale(promoted.stores, promoted.model)


def broken(world: World, red: dict[str, str], **declared: Any):
    """What becomes of a red check on the last day, under a declaration."""
    spec = ModelSpec.model_validate(declaration(**DECLARED, rollback=declared))
    model = DeclaredModel(spec=spec, root=world.root)
    as_of = world.batch(3).end + timedelta(days=2)
    return roll_back_if_broken(world.stores, model, as_of=as_of, red=red, now=world.now)


@pytest.mark.covers("rollback.watch", "rollback.checks")
def test_a_red_check_within_the_watch_rolls_back_by_itself(promoted: World):
    red = {"champion_is_healthy": "much worse"}
    assert broken(promoted, red) is None
    assert broken(promoted, red, watch="1 day") is None
    assert broken(promoted, red, watch="10 days", checks=["predictions_are_valid"]) is None
    assert broken(promoted, {}, watch="10 days") is None
    made = broken(promoted, red, watch="10 days")
    assert made is not None
    assert made.promotion is not None
    assert (made.promotion.version, made.promotion.actor) == (2, "retrain_assets")
    said = "within 10 days of its promotion v3 broke: champion_is_healthy: much worse"
    assert made.promotion.reason == said
    assert broken(promoted, red, watch="10 days") is None, "who came back is not watched"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"max_loss": 1.0, "checks": []}, r"log_loss of batch 2024-01-07 is .*, above rollback.max_loss 1"),
        (
            {"checks": ["champion_is_healthy"]},
            r"champion_is_healthy: .*champion's log_loss over the newest matured batch",
        ),
    ],
)
def test_what_matured_labels_show_rolls_back_by_itself(
    three_champions: World, tmp_path: Path, declared: dict[str, Any], said: str
):
    """v3 is promoted with the fourth day; the world turns round on the seventh, and its settling sees it.

    One batch tells: what batches differ by is known from those of the champions before.
    """
    retrain = {"when": "event", "decay": {"batches": 1}}
    world = copied(three_champions, tmp_path / "w", rollback={"watch": "10 days", **declared}, retrain=retrain)
    for day in range(4, 8):
        world.drop(day, flip=day > 5)
    world.play()
    log = world.stores.state.promotions("tiny")
    assert [(made.action, made.version) for made in log[3:]] == [("rollback", 2)]
    assert re.search(said, log[-1].reason)
    settled = [step for step in world.stores.state.steps("tiny", world.batch(6).key) if step.job == "settle"]
    assert settled[-1].detail["health"] is False
    assert [d.cause for d in world.stores.state.decisions("tiny")].count("rollback") == 1


@pytest.mark.parametrize("failing", [{3}, {2, 3}])
def test_a_champion_that_cannot_score_a_batch_is_replaced_by_the_one_before_if_that_can(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: set[int]
):
    declared = {"watch": "10 days", "checks": ["predictions_are_valid"]}
    world = copied(three_champions, tmp_path / "w", rollback=declared, retrain={"when": "event"})
    world.drop(4)
    world.poll()
    common: dict[str, Any] = {"now": world.now, "run_id": "run-4"}
    for step in (lifecycle.ingest, lifecycle.validate):
        step(world.stores, world.model, world.batch(4), **common)
    fail_to_score(monkeypatch, failing)
    if 2 in failing:  # the rows are at fault, not the version
        with pytest.raises(DataError, match="failed with LibraryError: Input X contains infinity"):
            lifecycle.score(world.stores, world.model, world.batch(4), **common)
        assert world.stores.state.promotions("tiny")[-1].version == 3
        return
    made = lifecycle.score(world.stores, world.model, world.batch(4), **common)
    newest = world.stores.state.promotions("tiny")[-1]
    assert (newest.action, newest.version, newest.as_of) == ("rollback", 2, world.batch(4).start)
    said = "the model's predict_proba failed with LibraryError: Input X contains infinity"
    assert f"predictions_are_valid: tiny v3 cannot score batch 2024-01-05: {said}" in newest.reason
    assert made.rolled_back is not None
    assert set(world.stores.tables.read("tiny/predictions", [world.batch(4).key])["version"]) == {2}
    assert verify(world.stores, "tiny").faults == ()


def test_what_a_library_says_of_rows_of_personal_data_is_not_told(tmp_path: Path):
    spec = ModelSpec.model_validate(declaration(personal_columns=["z"]))
    model = DeclaredModel(spec=spec, root=tmp_path)
    with pytest.raises(DataError, match="Input X contains infinity") as failed:
        predict(cast("Any", Failing()), pd.DataFrame({"z": [1.0]}), task="classification", classes=(0, 1))
    assert "infinity" not in words_of(failed.value, model)
    assert words_of(failed.value, model).startswith("DataError from LibraryError at ")


@pytest.mark.parametrize("outcome", ["failed", "done"])
def test_a_champion_that_cannot_score_is_left_at_a_second_try_but_not_where_the_batch_was_watched(
    three_champions: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: StepOutcome
):
    """After a watch the one before would be in force from the next batch on, and this one would still have nobody."""
    declared = {"watch": "10 days", "checks": ["predictions_are_valid"]}
    world = copied(three_champions, tmp_path / "w", rollback=declared, retrain={"when": "event"})
    world.drop(4)
    world.poll()
    batch = world.batch(4)
    common: dict[str, Any] = {"now": world.now, "run_id": "run-4"}
    for step in (lifecycle.ingest, lifecycle.validate):
        step(world.stores, world.model, batch, **common)
    earlier = world.stores.state.steps("tiny", world.batch(3).key)[0]
    world.stores.state.record_step(replace(earlier, batch=batch.key, job="watch", outcome=outcome))
    fail_to_score(monkeypatch, {3})
    if outcome == "done":
        with pytest.raises(DataError, match="failed with LibraryError: Input X contains infinity"):
            lifecycle.score(world.stores, world.model, batch, **common)
        assert world.stores.state.promotions("tiny")[-1].version == 3
    else:
        made = lifecycle.score(world.stores, world.model, batch, **common)
        assert made.version is not None
        assert (made.version.version, world.stores.state.promotions("tiny")[-1].version) == (2, 2)


@pytest.mark.parametrize("error", [NotStoredError, DataError, WithheldError])
def test_a_rollback_that_cannot_be_made_is_told_once(
    promoted: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    def lost(*_: object, **__: object) -> None:
        raise error("v2 is not there")

    state = promoted.stores.state
    with monkeypatch.context() as patch:
        patch.setattr(rolling_back, "prove", lost)
        for _ in range(2):
            assert broken(promoted, {"champion_is_healthy": "much worse"}, watch="10 days") is None
    assert state.promotions("tiny")[-1].version == 3
    failed = state.outbox(kinds=["rollback_failed"])
    assert ["v2 is not there. " in f"{row.payload['failed']}. " for row in failed] == [True]
    records = Records.read(state, promoted.model.spec, now=promoted.now)
    (said,) = overview(promoted.model.spec, records, now=promoted.now).unmade
    assert said.startswith("a rollback could not be made (")
    assert "v2 is not there" in said
    assert "): within 10 days" in said
    assert said.endswith("its promotion v3 broke: champion_is_healthy: much worse")
    back(promoted)
    assert unmade(state, "tiny") == (), "a person has gone back"
