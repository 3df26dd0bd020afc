"""Sensors alone, real jobs: from files in a folder to a champion, and nothing twice."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from retrain_assets import lifecycle
from retrain_assets.stores.protocols import Stores
from retrain_assets_tests.orchestration.installation import Installation, copied, make_installation

RETRAINED = ("evaluation_report",)
TABLES = (
    "validated", "quarantine", "profile", "drift_report", "predictions", "labels", "performance", "retrain_decision",
    *RETRAINED,
)  # fmt: skip
HASHED = ("raw", "validated", "profile", "labels", "training_set", "candidate")


def data_versions(installation: Installation, *assets: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for asset in assets:
        event = installation.instance.get_latest_materialization_event(dg.AssetKey(["tiny", asset]))
        assert event is not None
        assert event.asset_materialization is not None
        tags[asset] = (event.asset_materialization.tags or {})["dagster/data_version"]
    return tags


def jobs_of(installation: Installation) -> list[tuple[str, str]]:
    return [(ran.job, ran.batch) for ran in installation.drive() if ran.success]


def test_files_become_a_champion_in_the_order_of_the_design(installation: Installation) -> None:
    for day in range(3):
        installation.drop(day)
    first, second, third = (installation.batch(day).key for day in range(3))

    assert jobs_of(installation) == [
        ("watch", first),
        ("decide", first),
        ("settle", first),
        ("watch", second),
        ("decide", second),
        ("retrain", second),
        ("settle", second),
        ("watch", third),
        ("decide", third),
        ("settle", third),
    ]
    assert [promotion.version for promotion in installation.stores.state.promotions("tiny")] == [1]
    assert installation.metadata("champion")["version"] == 1
    assert installation.metadata("predictions")["champion"] == "tiny v1"
    performance = installation.metadata("performance")
    assert {name for name, value in performance.items() if isinstance(value, float)} >= {"log_loss"}, "it is plotted"
    measured = {record.data["metric"]: record.data["value"] for record in performance["metrics"].records}
    value = measured["log_loss, served by v1"]
    assert value.startswith(f"{performance['log_loss']:.4g} (")
    assert value.endswith("), 400 rows")
    assert data_versions(installation, *TABLES) == {
        asset: installation.stores.tables.commits(f"tiny/{asset}")[second if asset in RETRAINED else third].content_hash
        for asset in TABLES
    }


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two days, driven until nothing is asked for: a champion of day 1. Look at it, or copy it."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = make_installation(tmp_path_factory.mktemp("settled"), instance)
        for day in range(2):
            made.drop(day)
        made.drive()
        yield made


def test_a_lost_cursor_launches_nothing_again(settled: Installation) -> None:
    runs = len(settled.instance.get_runs())

    assert settled.drive() == []
    assert len(settled.instance.get_runs()) == runs


def test_every_run_has_a_key_of_its_own_and_says_why(settled: Installation) -> None:
    runs = settled.instance.get_runs()

    keys = Counter(run.tags["dagster/run_key"] for run in runs)
    assert set(keys.values()) == {1}
    assert {run.tags["dagster/sensor_name"] for run in runs} == {
        "new_batches",
        "matured_labels",
        "decisions_due",
        "retrains_decided",
    }
    assert all(run.tags["retrain_assets/cause"] for run in runs)
    assert all(run.tags["dagster/max_retries"] == "0" for run in runs)


def test_the_lease_is_free_after_the_runs(settled: Installation) -> None:
    assert settled.stores.state.lease_owner("tiny", now=datetime.now(UTC)) is None


@pytest.fixture
def champion(settled: Installation, tmp_path: Path, instance: dg.DagsterInstance) -> Installation:
    """A copy of it, without the files that were delivered."""
    return copied(settled, tmp_path, instance)


def test_a_refused_batch_stops_at_its_check_and_is_decided_as_unknown(champion: Installation) -> None:
    frame = pd.read_csv(champion.drop(2)).assign(x=1000.0)
    champion.drop(2, frame)
    ran = champion.drive()

    refused = next(each for each in ran if (each.job, each.batch) == ("watch", champion.batch(2).key))
    assert not refused.success
    check = champion.check("validated", "schema_is_respected")
    assert not check.passed
    assert check.blocking
    assert "400 of 400 rows" in (check.description or "")
    assert champion.instance.get_materialized_partitions(dg.AssetKey(["tiny", "predictions"])) == {
        champion.batch(day).key for day in range(2)
    }
    decision = champion.stores.state.decisions("tiny")[-1]
    assert (decision.batch, decision.verdict) == (champion.batch(2).key, "unknown")
    assert [promotion.version for promotion in champion.stores.state.promotions("tiny")] == [1]


def test_drift_warns_and_is_plotted_by_column(champion: Installation) -> None:
    for day in (2, 3):
        champion.drop(day, shift=4.0 if day == 3 else 0.0)
    champion.drive()

    check = champion.check("drift_report", "inputs_have_not_drifted")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["state"].value == "failed"
    shown = champion.metadata("drift_report")
    assert shown["verdict"] == "drift"
    assert shown["drift/x"] > 0.1
    tables = [{*records[0].data} for name in ("columns", "changes", "reasons") if (records := shown[name].records)]
    assert max(map(len, tables)) <= 4  # of more the page shows the first ones only
    assert set().union(*tables) >= {"verdict", "score", "before", "after", "reason"}
    verdicts = {record.data["column"]: record.data["verdict"] for record in shown["columns"].records}
    assert re.fullmatch(r"drift \(location, adjusted p [0-9.e-]+\)", verdicts["x"])
    assert shown["reference_and_batch"].startswith("![reference_and_batch](data:image/png;base64,")


def test_bootstrapping_is_not_applicable_and_says_so(installation: Installation) -> None:
    installation.drop(0)
    installation.drive()
    for asset, name in (("drift_report", "inputs_have_not_drifted"), ("predictions", "predictions_are_valid")):
        check = installation.check(asset, name)
        assert check.passed
        assert check.metadata["state"].value == "not_applicable"
        assert (check.description or "").startswith("not applicable: bootstrapping")


def test_what_a_person_sees_of_a_batch(settled: Installation) -> None:
    raw = settled.metadata("raw")
    assert (raw["delivery"], raw["revision"], raw["files"]) == ("on_time", 1, 1)
    assert raw["manifest"].records[0].data["name"].endswith(".csv")
    validated = settled.metadata("validated")
    assert validated["dagster/row_count"] == 400
    assert {column.name for column in validated["dagster/column_schema"].columns} >= {"id", "x", "ra_row_id"}
    decision = settled.metadata("retrain_decision")
    assert (decision["verdict"], decision["cause"]) == ("retrain", "batch")
    said = {record.data["says"].split(": ")[0] for record in decision["triggers"].records}
    assert said <= {"fired", "did not fire", "unknown", "not applicable"}
    champion = settled.metadata("champion")
    assert champion["candidate_partition"] == settled.batch(1).key
    assert champion["history"].records[0].data["promotion"] == "promote v1 by retrain_assets"


def test_the_data_version_is_a_hash_of_the_content(settled: Installation, installation: Installation) -> None:
    for day in range(2):
        installation.drop(day)
    installation.drive()
    found = data_versions(settled, *HASHED)
    assert found == data_versions(installation, *HASHED), "another installation with the same files"
    assert len(set(found.values())) == len(found)


def test_any_asset_can_be_materialized_by_hand(champion: Installation) -> None:
    champion.drop(0)
    for asset in ("raw", "quarantine", "validated", "profile", "drift_report", "predictions", "labels", "performance"):
        result = champion.materialize(asset, day=0)
        assert result.success, asset
        made = [event.asset_key for event in result.get_asset_materialization_events()]
        assert made == [dg.AssetKey(["tiny", asset])]


def test_a_missing_upstream_names_what_to_launch(champion: Installation) -> None:
    champion.drop(2)
    result = champion.materialize("profile", day=2)
    assert not result.success
    failure = result.get_step_failure_events()[0].step_failure_data
    assert "materialize `tiny/validated partition 2024-01-03` first" in failure.error_display_string


def test_the_champion_by_hand_asserts_the_current_one_without_making_it_fresh(champion: Installation) -> None:
    key = dg.AssetKey(["tiny", "champion"])
    before = champion.instance.get_latest_materialization_event(key)
    result = champion.materialize("champion", day=None)

    assert result.success
    assert champion.instance.get_latest_materialization_event(key) == before
    [observation] = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    assert observation.asset_key == key
    assert [promotion.version for promotion in champion.stores.state.promotions("tiny")] == [1]


def test_a_training_set_by_hand_is_a_persons_retrain(champion: Installation) -> None:
    champion.drop(2)
    champion.drive()
    result = champion.run("retrain", 2)

    assert result.success
    decision = champion.stores.state.decisions("tiny")[-1]
    assert (decision.cause, decision.fired) == ("person", ("person",))
    assert champion.metadata("training_set")["cause"] == "person"


def hold(installation: Installation) -> None:
    """Somebody else works on the model."""
    now = datetime.now(UTC)
    assert installation.stores.state.acquire_lease("tiny", "somebody", ttl=timedelta(hours=1), now=now)


def test_a_run_is_refused_while_another_holds_the_model(champion: Installation) -> None:
    hold(champion)
    impatient = replace(champion, wait_seconds=0.0)
    result = impatient.run("watch", 0)

    assert not result.success
    [failure] = result.get_step_failure_events()
    assert "being worked on by run somebody" in failure.step_failure_data.error_display_string
    assert champion.stores.state.lease_owner("tiny", now=datetime.now(UTC)) == "somebody"


def test_waiting_in_vain_is_no_failed_try(champion: Installation) -> None:
    champion.drop(2)
    for _ in range(3):
        hold(champion)
        assert not replace(champion, wait_seconds=0.0).run("watch", 2).success
        assert stored(champion.stores)[-1] == ("watch", champion.batch(2).key, "interrupted")
    champion.stores.state.release_lease("tiny", "somebody")
    assert [(ran.job, ran.success) for ran in champion.drive()][:2] == [("watch", True), ("decide", True)]


def test_a_run_that_works_holds_the_model_by_a_heartbeat(
    champion: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion.drop(0)
    seen: list[tuple[str | None, int]] = []
    profile = lifecycle.profile

    def look(*args: Any, **kwargs: Any) -> Any:
        later = datetime.now(UTC) + timedelta(seconds=80)
        beating = [thread for thread in threading.enumerate() if thread.name == "retrain_assets.heartbeat"]
        seen.append((champion.stores.state.lease_owner("tiny", now=later), len(beating)))
        return profile(*args, **kwargs)

    monkeypatch.setattr(lifecycle, "profile", look)
    result = champion.run("watch", 0)
    assert result.success
    assert seen == [(result.run_id, 1)]
    assert not [thread for thread in threading.enumerate() if thread.name == "retrain_assets.heartbeat"]


def test_a_run_by_hand_waits_for_the_one_that_holds_the_model(champion: Installation) -> None:
    champion.drop(0)
    hold(champion)
    threading.Timer(2.0, champion.stores.state.release_lease, ("tiny", "somebody")).start()
    assert champion.run("watch", 0).success


def test_an_interrupted_run_is_no_failed_try_and_comes_again(
    champion: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)

    champion.drop(2)
    with monkeypatch.context() as patched:
        patched.setattr(lifecycle, "profile", interrupt)
        first = next(champion.driver().until_idle())
    assert (first.job, first.success) == ("watch", False)
    assert stored(champion.stores)[-1] == ("watch", champion.batch(2).key, "interrupted")
    assert champion.stores.state.lease_owner("tiny", now=datetime.now(UTC)) is None
    assert [(ran.job, ran.success) for ran in champion.drive()][:2] == [("watch", True), ("decide", True)]


def test_the_sensors_say_whom_they_wait_for(champion: Installation) -> None:
    champion.drop(2)
    hold(champion)
    repository = champion.definitions.get_repository_def()
    sensor = repository.get_sensor_def("new_batches")
    with dg.build_sensor_context(
        instance=champion.instance, repository_def=repository, resources=champion.resources
    ) as context:
        data = sensor.evaluate_tick(context)
    assert data.run_requests == []
    assert data.skip_message == "Waiting: run somebody is working on tiny."


def stored(stores: Stores) -> list[tuple[str, str, str]]:
    return [(step.job, step.batch, step.outcome) for step in stores.state.steps("tiny")]


def test_a_run_of_a_killed_driver_is_recovered_and_comes_again(champion: Installation) -> None:
    champion.drop(2)
    job = champion.definitions.resolve_job_def("tiny__watch")
    batch = champion.batch(2).key
    run = champion.instance.create_run_for_job(
        job,
        tags={
            "dagster/partition": batch,
            "dagster/run_key": f"tiny/watch/{batch}/1",
            "retrain_assets/driver": "true",
            "retrain_assets/model": "tiny",
            "retrain_assets/job": "watch",
        },
        status=dg.DagsterRunStatus.STARTED,
    )
    champion.stores.state.acquire_lease("tiny", run.run_id, ttl=timedelta(hours=1), now=datetime.now(UTC))
    driver = champion.driver()

    assert driver.recover() == [run.run_id]
    assert stored(champion.stores)[-1] == ("watch", batch, "interrupted")
    ran = list(driver.until_idle())
    assert (ran[0].job, ran[0].batch, ran[0].success) == ("watch", batch, True)
    again = champion.instance.get_run_by_id(ran[0].run_id)
    assert again is not None
    assert again.tags["dagster/run_key"] == f"tiny/watch/{batch}/2"
