"""What a person starts from the launchpad, and what the pages of the assets show of it."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retrain_assets import lifecycle
from retrain_assets.errors import StoreError
from retrain_assets.home import Home
from retrain_assets.lifecycle.renaming import retire
from retrain_assets.orchestration import StoresResource, approvals, build_retraining_definitions
from retrain_assets.orchestration.projection import champion_events
from retrain_assets.orchestration.showing import document
from retrain_assets.promotion.stages import stages
from retrain_assets.reporting.overview import overview
from retrain_assets.reporting.records import Records
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets_tests.lifecycle.champions import RECALL, SEASONS, copied, fail_to_score
from retrain_assets_tests.lifecycle.world import World
from retrain_assets_tests.orchestration.installation import Installation
from retrain_assets_tests.orchestration.test_sensors import tick


@pytest.fixture
def installed(promoted: World, instance: dg.DagsterInstance) -> Installation:
    """The installation with three champions, declared to Dagster."""
    return over(promoted, instance)


def over(world: World, instance: dg.DagsterInstance) -> Installation:
    """An installation on the folder of a world."""
    Home.at(world.root).prepare()
    made = Installation(root=world.root, model=world.model, instance=instance)
    stores = StoresResource(home=str(world.root), wait_seconds=1.0)
    made.__dict__["definitions"] = build_retraining_definitions(world.model.spec, root=world.root, stores=stores)
    return made


def start(installed: Installation, job: str, op: str, **config: object) -> dg.ExecuteInProcessResult:
    return installed.definitions.resolve_job_def(f"tiny__{job}").execute_in_process(
        instance=installed.instance,
        run_config={"ops": {f"tiny__{op}": {"config": config}}},
        raise_on_error=False,
    )


def test_a_rollback_from_the_launchpad(installed: Installation):
    result = start(installed, "rollback", "roll_back", reason="bad nights", person="ann")
    assert result.success
    made = installed.stores.state.promotions("tiny")[-1]
    assert (made.version, made.actor, made.reason) == (2, "person:ann", "bad nights")
    page = installed.metadata("champion")
    assert (page["version"], page["action"], page["candidate_partition"]) == (2, "rollback", "2024-01-03")
    assert [record.data["promotion"] for record in page["history"].records] == [
        "rollback v2 by person:ann",
        *(f"promote v{version} by retrain_assets" for version in (3, 2, 1)),
    ]
    version = installed.stores.state.model_versions("tiny")[1]
    assert (page["mlflow_version"], page["mlflow_run"]) == ("models:/tiny/2", version.run_id)
    assert page["model_card"] == installed.stores.registry.text(version.run_id, "model_card.md")
    assert page["approvals"] == installed.stores.registry.text(version.run_id, "approvals.md")
    retrained = [step for step in installed.stores.state.steps("tiny") if step.detail.get("version") == 2]
    assert page["retrained_by"] == retrained[0].run_id
    assert page["evaluation_report"] == dg.AssetKey(["tiny", "evaluation_report"])
    assert page["candidate"] == dg.AssetKey(["tiny", "candidate"])
    assert installed.stores.state.lease_owner("tiny", now=made.promoted_at) is None
    spec, now = installed.model.spec, made.promoted_at
    seen = overview(spec, Records.read(installed.stores.state, spec, now=now), now=now)
    assert seen.due_now == f"decision of {seen.decision_batch} (rollback)"


def test_whose_season_is_over_may_return_after_a_rollback_from_the_launchpad(installed: Installation):
    assert start(installed, "rollback", "roll_back", reason="winter", person="ann", may_return=True).success
    made = installed.stores.state.promotions("tiny")[-1]
    assert (made.version, made.action) == (2, "rollback")
    assert stages(installed.stores.state.stage_moves("tiny"))[3] == "retired"


def test_a_decision_is_launched_at_once_after_a_rollback(installed: Installation):
    state = installed.stores.state
    before = len(state.decisions("tiny"))
    quiet = tick(installed, "decisions_due")
    assert quiet.run_requests == []
    assert start(installed, "rollback", "roll_back", reason="bad nights", person="ann").success
    made = tick(installed, "decisions_due", quiet.cursor)
    (asked,) = made.run_requests or []
    assert (asked.job_name, asked.tags["retrain_assets/cause"]) == ("tiny__decide", "rollback")
    assert asked.partition_key == state.decisions("tiny")[-1].batch
    assert [(ran.sensor, ran.job, ran.success) for ran in installed.drive()][:1] == [("decisions_due", "decide", True)]
    decided = state.decisions("tiny")
    assert len(decided) == before + 1
    assert (decided[-1].cause, decided[-1].champion_version) == ("rollback", 2)
    assert [ran.job for ran in installed.drive() if ran.job == "decide"] == [], "once"


def test_a_promotion_of_which_dagster_was_not_told_is_shown_by_the_next_decision(installed: Installation):
    """As where a rollback by the command line was killed after the log had moved."""
    lifecycle.roll_back(
        installed.stores, installed.model, reason="bad nights", actor="person:ann", now=datetime.now(UTC)
    )
    champion = dg.AssetKey(["tiny", "champion"])
    assert installed.instance.get_latest_materialization_event(champion) is None
    assert [ran.job for ran in installed.drive()][:1] == ["decide"]
    page = installed.metadata("champion")
    assert (page["version"], page["action"], page["actor"]) == (2, "rollback", "person:ann")
    shown = installed.instance.fetch_materializations(champion, limit=10).records
    assert installed.run("decide", 3).success
    assert installed.instance.fetch_materializations(champion, limit=10).records == shown, "once"


def test_the_page_of_a_rollback_asks_the_tracking_server_nothing(promoted: World, monkeypatch: pytest.MonkeyPatch):
    """It would wait for it as long as the rollback itself did, and who rolls back holds the lease meanwhile."""
    for name, value in (("MAX_RETRIES", "0"), ("TIMEOUT", "1")):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    made = lifecycle.roll_back(promoted.stores, promoted.model, reason="x", actor="person:ann", now=promoted.now)
    run = promoted.stores.state.model_versions("tiny")[1].run_id
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        _, event = champion_events(replace(promoted.stores, registry=MlflowRegistry(address)), made)
        with pytest.raises(BlockingIOError):
            server.accept()
    page = {name: value.value for name, value in event.metadata.items()}
    assert page["mlflow_run"] == f"[{run}]({address}/#/runs/{run})"
    assert page["model_card"] == f"[model_card.html]({address}/get-artifact?run_uuid={run}&path=model_card.html)"


def test_a_card_that_cannot_be_read_does_not_fail_the_page_of_what_was_done(tmp_path: Path):
    card = tmp_path / "model_card.md"
    page = str(card.with_suffix(".html"))
    assert document(page, "card") == dg.MetadataValue.path(page)
    card.write_text("# tiny v3", encoding="utf-8")
    assert document(page, "card") == dg.MetadataValue.md("# tiny v3")
    card.write_bytes(b"\xff\xfe")
    assert document(page, "card") == dg.MetadataValue.path(page)


def test_what_is_held_is_shown_with_its_card_and_the_comparison(held: World, instance: dg.DagsterInstance):
    installed = over(held, instance)
    assert installed.materialize("champion", day=None).success
    records = instance.fetch_observations(dg.AssetKey(["tiny", "champion"]), limit=1).records
    assert records[0].asset_observation is not None
    page: dict[str, Any] = {name: value.value for name, value in records[0].asset_observation.metadata.items()}
    assert (page["version"], page["held_version"]) == (3, 4)
    assert page["held_because"] == "promote.approval is `always`"
    assert page["held_model_card"].startswith("# tiny v4\n")
    compared = [record.data for record in page["held_differences"].records]
    assert {"candidate - champion", "candidate - baseline"} <= {row["difference"] for row in compared}
    assert all(" to " in row["value"] for row in compared)
    assert all(record.data["says"].startswith("passed: ") for record in page["held_gates"].records)


def test_a_rollback_that_is_refused_fails_the_run_with_the_reason(installed: Installation):
    result = start(installed, "rollback", "roll_back", reason="x", person="ann", to_version=9)
    assert not result.success
    failure = result.get_step_failure_events()[0].event_specific_data
    assert "tiny v9 never was champion" in str(failure)
    for wrong, said in (
        ({"reason": ""}, "a reason must be given in words"),
        ({"person": " "}, "the name of a person must be given"),
        ({"as_of": "yesterday"}, "as_of must be a moment of batch time, such as 2013-06-01"),
        ({"as_of": "0001-01-01T00:00+02:00"}, "as_of must be a moment of batch time, such as 2013-06-01"),
        ({"as_of": "2024-01-04", "to_version": 2}, "go back to v2 or to the champion as of 2024-01-04 00:00, not both"),
    ):
        refused = start(installed, "rollback", "roll_back", **{"reason": "bad nights", "person": "ann"} | wrong)
        assert said in str(refused.get_step_failure_events()[0].event_specific_data)
    assert len(installed.stores.state.promotions("tiny")) == 3


def test_what_the_launchpad_offers_is_refused_until_it_is_filled_in(installed: Installation):
    """It shows the fields that have defaults, and none of a job that has a field without one."""
    for job, op, config, said in (
        ("rollback", "roll_back", {"person": "ann"}, "a reason must be given in words"),
        ("answer", "record_answer", {}, "verdict must be approve or reject (got '')"),
        ("answer", "record_answer", {"verdict": "approve", "reason": "good"}, "nobody is asked about tiny v0"),
        ("hold", "answer_hold", {}, "answer must be resume or reject (got '')"),
        ("hold", "answer_hold", {"answer": "resume"}, "the name of a person must be given"),
        ("event", "record_event", {}, "what happened must be given in words"),
    ):
        refused = start(installed, job, op, **config)
        assert said in str(refused.get_step_failure_events()[0].event_specific_data)


def test_a_rollback_by_itself_is_shown_by_the_run_that_made_it(three_champions: World, tmp_path, instance):
    declared = {"watch": "10 days", "max_loss": 1.0, "checks": []}
    world = copied(three_champions, tmp_path / "w", rollback=declared, retrain={"when": "event"})
    installed = over(world, instance)
    for day in (4, 5, 6):
        world.drop(day, flip=True)
    world.poll()
    # What leads there is played without Dagster, of which each job takes most of a second.
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if (job.job, job.batch) == ("settle", world.batch(4).key):
            break
        world.run(job)
    assert installed.drive()[0].job == "settle"
    assert [made.action for made in installed.stores.state.promotions("tiny")] == [*["promote"] * 3, "rollback"]
    page = installed.metadata("champion")
    assert (page["version"], page["actor"]) == (2, "retrain_assets")


def back_in_season(two_seasons: World, tmp_path: Path, instance: dg.DagsterInstance, **promote: object) -> Installation:
    """Two days of the first season have come again, and the second was retrained on by the job."""
    world = copied(two_seasons, tmp_path / "w", **SEASONS | {"promote": RECALL | promote})
    installed = over(world, instance)
    for day in (6, 7):
        world.drop(day, rows=1500)
    world.poll()
    while (job := lifecycle.next_job(world.stores, world.model, now=world.now)) is not None:
        if (job.job, job.batch) == ("retrain", world.batch(7).key):
            break
        world.run(job)
    assert installed.run("retrain", 7).success
    return installed


def test_where_no_recall_is_declared_the_page_of_the_evaluation_says_which_champion_of_before_is_better(
    two_seasons: World, tmp_path: Path, instance: dg.DagsterInstance
):
    installed = back_in_season(two_seasons, tmp_path, instance, recall=0, earlier=3)
    page = installed.metadata("evaluation_report")
    assert str(page["earlier_champions"]).startswith("v2, an earlier champion, is shown better than the champion: ")
    assert "retrain-assets rollback tiny --to 2 --may-return" in str(page["earlier_champions"])
    assert {"earlier_v5/log_loss", "earlier_v4/log_loss", "earlier_v2/log_loss"} <= page.keys()
    assert installed.stores.state.promotions("tiny")[-1].version == 6


def test_a_champion_of_before_is_recalled_by_the_retrain_of_its_season_and_the_page_says_so(
    two_seasons: World, tmp_path: Path, instance: dg.DagsterInstance
):
    installed = back_in_season(two_seasons, tmp_path, instance)
    made = installed.stores.state.promotions("tiny")[-1]
    assert (made.version, made.action) == (2, "recall")
    page = installed.metadata("champion")
    assert (page["version"], page["action"], page["candidate_partition"]) == (2, "recall", made.batch)
    assert page["history"].records[0].data["promotion"].startswith("recall v2 by ")
    assert made.reason in str(page["reason"])


def test_a_champion_that_cannot_score_a_batch_is_left_by_the_run_that_finds_out(
    three_champions: World, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    world = copied(three_champions, tmp_path / "w", rollback={"watch": "10 days"}, retrain={"when": "event"})
    installed = over(world, instance)
    world.drop(4)
    world.poll()
    fail_to_score(monkeypatch, {3})
    assert installed.run("watch", 4).success
    made = installed.stores.state.promotions("tiny")[-1]
    assert (made.action, made.version, made.as_of) == ("rollback", 2, world.batch(4).start)
    said = "the model's predict_proba failed with LibraryError: Input X contains infinity"
    assert f"predictions_are_valid: tiny v3 cannot score batch 2024-01-05: {said}" in made.reason
    assert installed.metadata("champion")["version"] == 2
    for asset, column in (("drift_report", "champion_version"), ("predictions", "version")):
        assert set(installed.stores.tables.read(f"tiny/{asset}", [world.batch(4).key])[column]) == {2}


def test_an_answer_from_the_launchpad_is_carried_out_by_the_sensor(held: World, instance: dg.DagsterInstance):
    installed = over(held, instance)
    hash_ = held.stores.state.model_versions("tiny")[-1].model_hash
    assert [ran.job for ran in installed.drive() if ran.job == "promote"] == []
    answer = {"version": 4, "model_hash": hash_[:10], "verdict": "approve", "person": "ann", "reason": "good"}
    refused = start(installed, "answer", "record_answer", **answer | {"model_hash": "0" * 10})
    assert not refused.success
    assert start(installed, "answer", "record_answer", **answer).success

    ran = [(ran.sensor, ran.success) for ran in installed.drive() if ran.job == "promote"]
    assert ran == [("approvals_answered", True)]
    made = installed.stores.state.promotions("tiny")[-1]
    assert (made.version, made.evidence["approved_by"]) == (4, ["ann"])
    assert installed.metadata("champion")["version"] == 4
    assert [ran.job for ran in installed.drive() if ran.job == "promote"] == []


class YearsAgo(datetime):
    """The time of a clock that was set back."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) - timedelta(days=730)


def test_a_promotion_that_fails_rests_and_is_tried_again_however_long_the_outage_lasts(
    held: World, instance, monkeypatch
):
    installed = over(held, instance)
    hash_ = held.stores.state.model_versions("tiny")[-1].model_hash
    answer = {"version": 4, "model_hash": hash_[:10], "verdict": "approve", "person": "ann", "reason": "good"}
    assert start(installed, "answer", "record_answer", **answer).success

    def down(*_: object, **__: object) -> None:
        raise StoreError("connection refused")

    def ran() -> list[bool]:
        return [each.success for each in installed.drive() if each.job == "promote"]

    with monkeypatch.context() as patch:
        patch.setattr(MlflowRegistry, "load", down)
        assert (ran(), ran()) == ([False], [])
        for _ in range(4):
            ended = max(record.end_time for record in instance.get_run_records() if record.end_time)
            rested = datetime.fromtimestamp(ended, UTC)
            patch.setattr(approvals, "rest_until", lambda _, at, now, rested=rested: None if at <= rested else now)
            assert ran() == [False]
    assert installed.stores.state.promotions("tiny")[-1].version == 3
    assert ran() == [], "it rests"
    monkeypatch.setattr(approvals, "datetime", YearsAgo)
    assert ran() == [True], "its failures were written by a clock that was ahead"
    assert installed.stores.state.promotions("tiny")[-1].version == 4


def test_what_is_most_worth_a_label_is_asked_after_each_batch_until_the_model_is_retired(
    three_champions: World, tmp_path: Path, instance: dg.DagsterInstance
):
    asks = {"path": "to_label/{batch}.csv", "rows": 12}
    world = copied(three_champions, tmp_path / "w", label_next=asks, retrain={"when": "event"})
    installed = over(world, instance)
    world.drop(4)
    assert all(ran.success for ran in installed.drive())
    page, newest = installed.metadata("label_requests"), world.batch(4).key
    assert (page["rows"], page["dagster/uri"]) == (12, str(world.root / "to_label" / f"{newest}.csv"))
    assert sum(record.data["rows"] for record in page["asked"].records) == 12
    assert len((world.root / "to_label" / f"{newest}.csv").read_text().splitlines()) == 13

    retire(world.stores, world.model, reason="done", actor="person:ann", now=datetime.now(UTC))
    world.drop(5)
    before = world.stores.state.arrivals("tiny")
    assert installed.drive() == []
    assert world.stores.state.arrivals("tiny") == before, "its source is not looked at either"
    assert not installed.run("watch", 5).success
