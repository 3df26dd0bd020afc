"""`retrain-assets demo` for real: through sensors, jobs and assets, interrupted and gone on with."""

import io
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from retrain_assets.demo.data import NEXT_WEEKS, bike_weeks
from retrain_assets.demo.replay import Replay
from retrain_assets.demo.run import main
from retrain_assets.demo.standing import Standing
from retrain_assets.errors import LeaseHeldError
from retrain_assets.home import Home
from retrain_assets.orchestration.driver import Ran
from retrain_assets.stores.protocols import Stores
from retrain_assets_tests.demo.conftest import Played, play, stop

MODELS = ("flight_delay", "bike_rentals")


def ledger(stores: Stores) -> Mapping[tuple[str, str], object]:
    """What the stores say happened, without when it happened and in which run; by model and kind of record."""
    found: dict[tuple[str, str], object] = {}
    for model in MODELS:
        state = stores.state
        done = [step for step in state.steps(model) if step.outcome != "interrupted"]
        records = {
            "steps": sorted((step.job, step.batch, step.outcome, step.as_of) for step in done),
            "decisions": [
                (made.batch, made.verdict, made.fired, made.champion_version) for made in state.decisions(model)
            ],
            "promotions": [(made.batch, made.version, made.training_end) for made in state.promotions(model)],
            "tables": {
                asset: {key: commit.content_hash for key, commit in stores.tables.commits(f"{model}/{asset}").items()}
                for asset in ("validated", "quarantine", "profile", "labels", "predictions")
            },
            "models": [(version.version, version.model_hash) for version in state.model_versions(model)],
        }
        found |= {(model, kind): rows for kind, rows in records.items()}
    return found


def test_every_batch_of_both_models_is_watched_and_decided(played: Played) -> None:
    assert played.code == 0, played.output
    for model in MODELS:
        steps = played.stores.state.steps(model)
        assert {step.outcome for step in steps} == {"done"}
        assert len([step for step in steps if step.job == "watch"]) == 3
        assert len(played.stores.state.decisions(model)) == 3


def test_it_says_what_was_written_and_how_to_go_on(played: Played) -> None:
    for said in (
        "flight_delay 2013-01-15 (3/3)",
        "Played 6 batches",
        "retrain-assets --home home ui",
        "weeks are left there",
    ):
        assert said in played.output
    for name in ("flight_delay.png", "bike_rentals.png", "weeks.csv", "summary.json"):
        assert (played.folder / "demo" / name).stat().st_size > 100
    flights = json.loads((played.folder / "demo" / "summary.json").read_text())["models"][0]
    assert [week["batch"] for week in flights["weeks"]] == ["2013-01-01", "2013-01-08", "2013-01-15"]


def test_the_printed_command_moves_the_next_week_into_the_watched_folder(played: Played, tmp_path: Path) -> None:
    (line,) = [line for line in played.output.splitlines() if line.startswith("  mv ")]
    _, source, target = line.split()
    first = bike_weeks()[-NEXT_WEEKS]
    assert (played.folder.parent / source).read_bytes() == first.content
    assert (played.folder.parent / target).resolve() == played.folder / "drop" / "bike_rentals"


def test_no_more_is_delivered_than_is_played(played: Played) -> None:
    delivered = sorted(path.stem for path in (played.folder / "drop" / "bike_rentals").glob("*.csv"))
    assert delivered == ["2011-01-01", "2011-01-08", "2011-01-15"]


def test_when_all_is_played_it_says_so_and_changes_nothing(played: Played) -> None:
    before = ledger(played.stores), played.stores.state.last_outbox_id()
    again = play(played.folder, 3)
    assert again.code == 0
    assert "Everything is played already." in again.output
    assert again.output[again.output.index("Written") :] == played.output[played.output.index("Written") :]
    assert (ledger(played.stores), played.stores.state.last_outbox_id()) == before


def test_runs_are_linked_to_the_code_location(played: Played) -> None:
    import dagster as dg

    with dg.DagsterInstance.from_config(str(played.folder / "dagster")) as instance:
        runs = instance.get_runs()
    assert len(runs) == sum(len(played.stores.state.steps(model)) for model in MODELS)
    assert {run.status.value for run in runs} == {"SUCCESS"}
    assert {run.remote_job_origin.location_name for run in runs if run.remote_job_origin} == {"retrain_assets"}
    assert all(run.remote_job_origin for run in runs)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupted_it_says_so_and_the_same_command_ends_in_the_same_story(
    played: Played, home: Path, number: signal.Signals
) -> None:
    stopped = stop(home, 3, number, lambda stores: len(stores.state.decisions("flight_delay")) >= 1)
    assert stopped.code == 130, stopped.output
    assert "Interrupted." in stopped.output
    assert "Traceback" not in stopped.output
    assert len(stopped.stores.state.decisions("flight_delay")) < 3
    assert play(home, 3).code == 0
    assert ledger(stopped.stores) == ledger(played.stores)


def _at_work(stores: Stores, models: Sequence[str] = MODELS) -> bool:
    from datetime import UTC, datetime

    return bool(stores.state.steps("flight_delay")) and any(
        stores.state.lease_owner(model, now=datetime.now(UTC)) for model in models
    )


@pytest.mark.slow
def test_killed_in_the_middle_of_a_run_it_goes_on_and_frees_what_was_held(played: Played, home: Path) -> None:
    killed = stop(home, 3, signal.SIGKILL, _at_work)
    assert killed.code == -signal.SIGKILL
    again = play(home, 3)
    assert again.code == 0, again.output
    assert LeaseHeldError.__name__ not in again.output
    assert ledger(again.stores) == ledger(played.stores)


def test_a_failed_run_is_told_and_so_is_the_exit_code(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(replay: Replay) -> Iterator[tuple[Ran, Standing]]:
        run = Ran(
            sensor="new_batches", model=MODELS[0], job="watch", batch="2013-01-22", run_id="r1", success=False,
            seconds=1.0,
        )  # fmt: skip
        yield run, replay.standings()[MODELS[0]]

    monkeypatch.setenv("RETRAIN_ASSETS_HOME", "")  # set back also where the demo sets it
    monkeypatch.setattr(Replay, "play", fail)
    console = Console(file=io.StringIO(), width=120)
    assert main(Home.at(played.folder), weeks=4, console=console) == 1
    assert isinstance(console.file, io.StringIO)
    assert "A run failed: flight_delay watch 2013-01-22, run r1" in console.file.getvalue()


@pytest.mark.slow
def test_stopped_while_it_trains_it_goes_on_to_the_same_models(played: Played, home: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    (whole / "cache").parent.mkdir()
    subprocess.run(["cp", "-r", str(played.folder / "cache"), str(whole / "cache")], check=True)
    assert play(whole, 8).code == 0
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        stopped = stop(home, 8, number, _training)
        assert stopped.code == code, stopped.output
    again = play(home, 8)
    assert again.code == 0, again.output
    expected = ledger(Played(whole, 0, "").stores)
    assert ledger(again.stores) == expected
    assert all(expected[model, "promotions"] for model in MODELS)


def _training(stores: Stores) -> bool:
    """A run works on a retrain that was decided and has not ended."""
    decided = {made.batch for made in stores.state.decisions("flight_delay") if made.verdict == "retrain"}
    steps = [step for step in stores.state.steps("flight_delay") if step.job == "retrain"]
    ended = {step.batch for step in steps if step.outcome != "interrupted"}
    frozen = stores.tables.commits("flight_delay/training_set")
    return _at_work(stores, ["flight_delay"]) and len(decided - ended) > 0 and bool(frozen)
