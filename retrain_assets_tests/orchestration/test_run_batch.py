"""`retrain-assets run`: one batch by hand, again by hand, and after a SIGKILL in the middle of a job."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from retrain_assets.errors import DataError, LeaseHeldError, RefusedError
from retrain_assets.home import Home, open_stores
from retrain_assets.lifecycle import LEASE_TTL, next_job, poll_sources, record_event
from retrain_assets.lifecycle.renaming import retire
from retrain_assets.orchestration import by_hand as by_hand_module
from retrain_assets.orchestration.by_hand import run_batch
from retrain_assets.orchestration.driver import Ran
from retrain_assets.reporting.records import Records
from retrain_assets.spec import ModelSpec, RetrainSpec
from retrain_assets.stores.protocols import Step
from retrain_assets_tests.lifecycle.world import declaration, rows_of
from retrain_assets_tests.orchestration.installation import Installation, copied, make_installation
from retrain_assets_tests.orchestration.test_lost import take


@pytest.fixture(scope="module")
def played_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Three days by hand: a champion of the second. Copy it, do not change it."""
    with dg.DagsterInstance.ephemeral() as instance:
        files = tmp_path_factory.mktemp("files")
        made = make_installation(tmp_path_factory.mktemp("played"), instance, source=source_in(files))
        made.files = files
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RETRAIN_ASSETS_HOME", str(made.root / "home"))
            for day in range(3):
                made.drop(day)
                by_hand(made)
        assert [decision.verdict for decision in made.stores.state.decisions("tiny")][1] == "retrain"
        shutil.copytree(files, made.root / "drop")
        yield made


def source_in(files: Path) -> dict[str, Any]:
    """The same folder for an installation and its copies: from another one its files would come anew."""
    return {"type": "files", "path": f"{files}/{{batch}}*.csv"}


@pytest.fixture
def played(
    played_once: Installation, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """A copy of it, with the files of the three days where they were."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    made = copied(played_once, tmp_path, instance)
    made.files = played_once.files
    assert made.files is not None
    shutil.rmtree(made.files)
    shutil.copytree(played_once.root / "drop", made.files)
    return made


def by_hand(installation: Installation, day: int | None = None) -> list[tuple[str, str]]:
    batch = None if day is None else installation.batch(day).key
    ran = list(run_batch(installation.instance, installation.model, batch))
    assert all(each.success for each in ran)
    return [(each.job, each.batch) for each in ran]


def test_an_old_batch_is_watched_and_decided_again_and_launches_nothing(
    played: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    record_event(played.stores, played.model, "person", "please", now=datetime.now(UTC))
    old = played.batch(1).key
    capfd.readouterr()
    assert by_hand(played, 1) == [("watch", old), ("decide", old)]
    assert "STEP_START" not in capfd.readouterr().err  # the event log holds it all
    decision = played.stores.state.decisions("tiny")[-1]
    assert (decision.batch, decision.retrospective) == (old, True)
    assert len(played.stores.state.promotions("tiny")) == 1


def test_of_an_old_batch_whose_file_changed_no_later_batch_is_run(played: Installation) -> None:
    """Those that wait stay, and so does the decision of the newest batch that the change asks for."""
    old, newest = played.batch(1).key, played.batch(2).key
    for day in (3, 4):
        played.drop(day)
    played.drop(1, rows=390, seed=5)
    assert by_hand(played, 1) == [("watch", old), ("decide", old)]
    assert played.stores.state.decisions("tiny")[-1].retrospective
    # Where its watch was interrupted, the same command does the same.
    played.drop(1, rows=380, seed=6)
    played.stores.state.record_step(replace(_watch_of(played, old), outcome="interrupted", run_id="killed"))
    assert by_hand(played, 1) == [("watch", old), ("decide", old)]
    # The newest decision weighs the labels of the rows as they are now.
    assert by_hand(played)[:2] == [("settle", old), ("decide", newest)]


def test_what_asks_for_a_decision_waits_for_the_newest_batch_that_came_anew(played: Installation) -> None:
    """It would be decided by what is replaced, as by a watch that failed, and once more by the rows."""
    state, newest = played.stores.state, played.batch(2).key
    crashed = replace(_watch_of(played, newest), outcome="failed", run_id="crashed", finished_at=datetime.now(UTC))
    state.record_step(crashed)
    record_event(played.stores, played.model, "event", "storm", now=datetime.now(UTC))
    played.drop(2, rows=390, seed=5)
    assert by_hand(played)[:2] == [("watch", newest), ("decide", newest)]
    told = Records.read(state, played.model.spec, now=datetime.now(UTC))
    assert told.unread == ()
    played.drop(2, rows=380, seed=6)
    poll_sources(played.stores, [played.model], now=datetime.now(UTC), budget_seconds=0, start=0, clock=time.monotonic)
    told = Records.read(state, played.model.spec, now=datetime.now(UTC))
    assert told.unread == (newest,)


def _watch_of(played: Installation, batch: str) -> Step:
    return next(step for step in played.stores.state.steps("tiny", batch) if step.job == "watch")


def test_of_a_batch_that_came_after_it_was_decided_as_missing_no_later_one_is_run(played: Installation) -> None:
    late = played.batch(3).key
    for day in (4, 5):
        played.drop(day)
    assert by_hand(played)[-1] == ("decide", late)
    assert by_hand(played)[-1] == ("decide", played.batch(4).key)
    played.drop(3)
    assert by_hand(played, 3) == [("watch", late), ("decide", late)]


def test_the_newest_batch_again_runs_the_retrain_that_it_decides(played: Installation) -> None:
    newest = played.batch(2).key
    assert by_hand(played, 2) == [("watch", newest), ("decide", newest)]
    played.drop(3)
    by_hand(played)
    newest = played.batch(3).key
    # What a person asks for is answered by the batch that is run again, not by a further run of the agenda.
    record_event(played.stores, played.model, "event", "new tariff", now=datetime.now(UTC))
    jobs = by_hand(played, 3)
    assert jobs[-1] == ("retrain", newest)
    assert [job for job, _ in jobs][-2:] == ["decide", "retrain"]
    assert played.stores.state.decisions("tiny")[-1].verdict == "retrain"


def test_a_refused_batch_is_validated_anew_under_a_declaration_that_changed(played: Installation) -> None:
    """Also where the change asks for a decision of the same batch, which would repeat the refusal."""
    played.drop(3, rows_of(played.batch(3)).rename(columns={"z": "w"}))
    list(run_batch(played.instance, played.model))
    assert "missing_column" in played.stores.state.decisions("tiny")[-1].reason
    schema = {"w" if name == "z" else name: column for name, column in declaration()["schema"].items()}
    assert played.files is not None
    spec = ModelSpec.model_validate(declaration(schema=schema, source=source_in(played.files)))
    changed = replace(played, model=replace(played.model, spec=spec))
    record_event(changed.stores, changed.model, "person", "renamed", now=datetime.now(UTC))
    newest = played.batch(3).key
    assert [(each.job, each.batch) for each in run_batch(changed.instance, changed.model, newest)][:2] == [
        ("watch", newest),
        ("decide", newest),
    ]
    assert "batch refused" not in changed.stores.state.decisions("tiny")[-1].reason


def test_what_stands_in_the_way_of_a_run_is_told(played: Installation) -> None:
    take(played, "somebody", datetime.now(UTC))
    with pytest.raises(LeaseHeldError, match="worked on by run somebody"):
        by_hand(played)
    take(played, "somebody", datetime.now(UTC) - 2 * LEASE_TTL)  # its process is gone
    with pytest.raises(DataError, match="nothing for it yet"):
        by_hand(played)
    # A retrain was decided, and may not begin.
    state, hour = played.stores.state, timedelta(hours=1)
    newest = state.decisions("tiny")[-1]
    asked = {**newest.state, "run_id": "asked"}
    state.record_decision(replace(newest, attempt=newest.attempt + 1, verdict="retrain", state=asked), run_id="asked")
    now = datetime.now(UTC)
    quiet = f"{now - hour:%H:%M}-{now + hour:%H:%M}"
    retrain = RetrainSpec.model_validate({**played.model.spec.retrain.model_dump(), "quiet_hours": quiet})
    played.model = replace(played.model, spec=played.model.spec.model_copy(update={"retrain": retrain}))
    with pytest.raises(DataError, match=f"retrain of {newest.batch} waits for the end of the quiet hours"):
        by_hand(played)
    retire(played.stores, played.model, reason="done", actor="person:ann", now=datetime.now(UTC))
    with pytest.raises(RefusedError, match=r"tiny was retired on .* by person:ann \(done\)"):
        by_hand(played)


def test_a_batch_that_cannot_be_run_costs_no_run_of_those_before_it(
    played: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.drop(3)
    steps = len(played.stores.state.steps("tiny"))

    class Early(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return played.batch(4).start.astimezone(tz)

    with monkeypatch.context() as patched:
        patched.setattr(by_hand_module, "datetime", Early)
        with pytest.raises(DataError, match=r"cannot be run before it ends, at .* UTC"):
            by_hand(played, 4)
    with pytest.raises(DataError, match="its source has nothing for it yet"):
        by_hand(played, 9)
    assert len(played.stores.state.steps("tiny")) == steps
    played.drop(5)  # the fourth day never came: a gap is decided as such
    assert by_hand(played, 4)[-1] == ("decide", played.batch(4).key)
    played.drop(6)
    steps = len(played.stores.state.steps("tiny"))
    with pytest.raises(DataError, match="its source has nothing for it yet"):
        by_hand(played, 4)
    assert len(played.stores.state.steps("tiny")) == steps


def test_a_lost_state_database_is_told_and_not_a_source_without_rows(played: Installation) -> None:
    """What Dagster holds and the database does not would never run again: its keys are taken."""
    watch_of_the_daemon(played, dg.DagsterRunStatus.SUCCESS)
    with pytest.raises(DataError, match=r"Dagster has run it already \(tiny/watch/.*was lost or replaced.*Restore"):
        by_hand(played)


def watch_of_the_daemon(played: Installation, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run of the next batch's watch, of which the ledger knows nothing."""
    played.drop(3)
    key = played.batch(3).key
    return played.instance.create_run_for_job(
        played.definitions.resolve_job_def("tiny__watch"),
        tags={"dagster/run_key": f"tiny/watch/{key}/1", "dagster/partition": key, "retrain_assets/model": "tiny"},
        status=status,
    )


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING])
def test_a_run_that_is_about_to_begin_is_told_and_canceled_it_makes_room(
    played: Installation, status: dg.DagsterRunStatus
) -> None:
    run = watch_of_the_daemon(played, status)
    with pytest.raises(DataError, match=f"under way: run {run.run_id} is {status.value}. Wait for its end"):
        by_hand(played)
    played.instance.report_run_canceled(run)
    newest = played.batch(3).key
    assert by_hand(played)[-2:] == [("watch", newest), ("decide", newest)]


def test_a_run_that_failed_before_it_began_rests_as_any_failure_does(played: Installation) -> None:
    run = watch_of_the_daemon(played, dg.DagsterRunStatus.STARTING)
    played.instance.report_run_failed(run)
    with pytest.raises(DataError, match=r"watch of 2024-01-04 failed \(.*\), and is tried again from"):
        by_hand(played)
    assert played.stores.state.steps("tiny")[-1].outcome == "failed"


def test_a_retrain_that_a_daemon_has_begun_meanwhile_is_told(
    played: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    played.drop(3)
    by_hand(played)
    again = by_hand_module._again

    def taken(*asked: Any) -> Iterator[Ran]:
        record_event(played.stores, played.model, "event", "new tariff", now=datetime.now(UTC))
        yield from again(*asked)
        due = next_job(played.stores, played.model, now=datetime.now(UTC))
        assert due is not None
        job = played.definitions.resolve_job_def("tiny__retrain")
        tags = {"dagster/run_key": due.run_key, "dagster/partition": due.batch, "retrain_assets/model": "tiny"}
        played.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTING)

    monkeypatch.setattr(by_hand_module, "_again", taken)
    with pytest.raises(DataError, match="the retrain of tiny's batch 2024-01-04 is under way"):
        by_hand(played, 3)


KILLED_IN = """
import os, signal, sys
from retrain_assets import lifecycle
lifecycle.{function} = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
from retrain_assets.cli import main
main()
"""


def command(root: Path, key: str, *, killed_in: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command, or the same in a process that gets a SIGKILL where it would call a function of the lifecycle."""
    code = "from retrain_assets.cli import main; main()" if killed_in is None else KILLED_IN.format(function=killed_in)
    return subprocess.run(
        [sys.executable, "-c", code, "--defs", str(root / "defs"), "run", "tiny", "--batch", key],
        cwd=root,
        env={**os.environ, "RETRAIN_ASSETS_HOME": str(root / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.mark.slow
def test_a_command_killed_in_a_job_goes_on_when_it_is_given_again(installation: Installation) -> None:
    folder = installation.root / "defs" / "tiny"
    folder.mkdir(parents=True)
    source = {"type": "files", "path": "../../drop/{batch}*.csv"}
    document = {"type": "retrain_assets.RetrainedModel", "attributes": declaration(source=source)}
    (folder / "defs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    for day in range(2):
        installation.drop(day)
    key = installation.batch(1).key
    state = open_stores(Home.at(installation.root / "home")).state

    for function, job in (("profile", "watch"), ("train", "retrain")):
        killed = command(installation.root, key, killed_in=function)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert job not in {step.job for step in state.steps("tiny") if step.outcome == "done"}
        assert state.lease_owner("tiny", now=datetime.now(UTC)) is not None
    done = command(installation.root, key)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{key}  retrain  ok" in done.stdout
    assert [(step.job, step.outcome) for step in state.steps("tiny", key)] == [
        ("watch", "done"),
        ("decide", "done"),
        ("retrain", "interrupted"),
        ("retrain", "done"),
    ]
    assert [step.outcome for step in state.steps("tiny") if step.job == "watch"] == ["interrupted", "done", "done"]
    assert [promotion.batch for promotion in state.promotions("tiny")] == [key]
    assert state.lease_owner("tiny", now=datetime.now(UTC)) is None
