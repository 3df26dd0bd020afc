"""`retrain-assets demo`: a year of flights and of bike rentals through the real assets, jobs and sensors."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from retrain_assets.demo.pace import Pace, clock_time
from retrain_assets.home import DEFAULT_FOLDER, HOME_VARIABLE, Home
from retrain_assets.interrupts import Interrupts

if TYPE_CHECKING:
    import dagster as dg

    from retrain_assets.demo.data import DropFolder, WeekFile
    from retrain_assets.demo.location import Location
    from retrain_assets.demo.replay import Replay
    from retrain_assets.demo.standing import Goal, Standing
    from retrain_assets.orchestration.driver import Driver, Ran
    from retrain_assets.stores.protocols import Stores

DONE, FAILED, INTERRUPTED = 0, 1, 130


def main(home: Home, *, weeks: int | None = None, console: Console | None = None) -> int:
    """Plays the year from where it stands, shows what came of it, and returns the exit code.

    Args:
        home: where all state lies; the demo goes on from what it finds there.
        weeks: play no more batches of each model than this; by default the year.
        console: where it prints.
    """
    console = console or Console(highlight=False)
    os.environ[HOME_VARIABLE] = str(home.folder)
    try:
        with Interrupts() as interrupts:
            return _demo(home.prepare(), weeks, console, interrupts)
    except KeyboardInterrupt:
        console.print("\n[yellow]Interrupted.[/] Nothing that is done is lost: the same command goes on from here.")
        return INTERRUPTED


def _demo(home: Home, weeks: int | None, console: Console, interrupts: Interrupts) -> int:
    with console.status("Loading Dagster ..."):
        import dagster as dg

        from retrain_assets.demo.data import DropFolder, bike_weeks, flight_cache
        from retrain_assets.demo.location import load_location
        from retrain_assets.orchestration.driver import driving

        location = load_location()
    with console.status("Joining flights, weather and planes; cutting the bike rentals into weekly files ..."):
        flight_cache()
        files, folder = bike_weeks(), DropFolder.of(home)
        folder.prepare(files)
    with driving(home.driver_lock), dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        goals = _goals(location, files, folder, weeks)
        driver = _driver(instance, location, goals)
        driver.recover()
        failed = play(_replay(driver, goals, files, folder), console, interrupts)
    _tell(driver.stores, location, home, console)
    _print_next(files, folder, home, console)
    for ran in failed:
        console.print(f"[red]A run failed:[/] {ran.model} {ran.job} {ran.batch}, run {ran.run_id}")
    return FAILED if failed else DONE


def _goals(location: Location, files: Sequence[WeekFile], folder: DropFolder, weeks: int | None) -> Mapping[str, Goal]:
    """All flights, and the bike files but those that are kept for the user; or so many weeks of each."""
    from datetime import UTC, datetime

    from retrain_assets.demo.data import NEXT_WEEKS
    from retrain_assets.demo.location import BIKES, FLIGHTS
    from retrain_assets.demo.standing import Goal

    flights = [batch.key for batch in location.models[FLIGHTS].calendar.until(datetime.now(UTC))]
    played = len(files) - NEXT_WEEKS
    # What the user has dropped by now is played too.
    bikes = [file.batch for at, file in enumerate(files) if at < played or (folder.drop / file.name).exists()]
    return {
        name: Goal(model=location.models[name], batches=tuple(keys[:weeks]))
        for name, keys in ((FLIGHTS, flights), (BIKES, bikes))
    }


def _driver(instance: dg.DagsterInstance, location: Location, goals: Mapping[str, Goal]) -> Driver:
    from retrain_assets.orchestration import names
    from retrain_assets.orchestration.driver import Driver

    return Driver(
        instance,
        location.definitions,
        location.models,
        origin=location.origin,
        wanted=lambda request: goals[request.tags[names.MODEL_TAG]].holds(request.partition_key or ""),
    )


def _replay(driver: Driver, goals: Mapping[str, Goal], files: Sequence[WeekFile], folder: DropFolder) -> Replay:
    from retrain_assets.demo.location import BIKES
    from retrain_assets.demo.replay import Replay

    delivered = tuple(file for file in files if goals[BIKES].holds(file.batch))
    return Replay(driver, goals, folder=folder, weeks=delivered)


def play(replay: Replay, console: Console, interrupts: Interrupts) -> list[Ran]:
    """Plays and shows; returns the runs that failed."""
    from retrain_assets.demo.display import display

    standings = replay.standings()
    if all(each.finished for each in standings.values()):
        console.print("Everything is played already.")
        return []
    began, pace = time.monotonic(), Pace()
    failed: list[Ran] = []
    before = _done(standings)
    with display(console, standings) as shown:
        for each in standings.values():
            shown.show(each, None)
        for ran, each in replay.play():
            interrupts.check()
            standings[each.model] = each
            pace.note(_done(standings), at=time.monotonic())
            shown.show(each, pace.left(sum(each.total for each in standings.values())))
            if ran is not None and not ran.success:
                failed.append(ran)
                shown.tell(f"{ran.batch} {ran.model}: the job {ran.job} failed, run {ran.run_id}")
        interrupts.check()
        for each in replay.standings().values():
            shown.show(each, 0.0)
    played, seconds = _done(standings) - before, time.monotonic() - began
    console.print(f"\nPlayed {played} batches in {clock_time(seconds)} minutes.")
    return failed


def _done(standings: Mapping[str, Standing]) -> int:
    return sum(each.done for each in standings.values())


def _tell(stores: Stores, location: Location, home: Home, console: Console) -> None:
    """The summary, told anew only where something has happened since the last time."""
    from retrain_assets.demo.results import Written, read_stories, summary_table, write_results
    from retrain_assets.demo.story import tell

    folder, reached = home.folder / "demo", stores.state.last_outbox_id()
    stories = read_stories(folder, outbox_id=reached)
    if stories is None:
        with console.status("Scoring the first champions on the weeks that later ones served ..."):
            stories = tuple(tell(stores, location.models[name]) for name in sorted(location.models, reverse=True))
            write_results(stories, folder, outbox_id=reached)
    console.print()
    console.print(summary_table(stories))
    console.print("\n[bold]Written[/]")
    for path in Written.in_folder(folder, stories).paths:
        console.print(f"  {_short(path)}", soft_wrap=True)
    console.print(f"  {_short(home.folder)}  [dim]tables, models, runs: all state[/]", soft_wrap=True)


def _print_next(files: Sequence[WeekFile], folder: DropFolder, home: Home, console: Console) -> None:
    """The commands that open the UI and play the next week."""
    elsewhere = home.folder != Path(DEFAULT_FOLDER).absolute()
    option = f"--home {shlex.quote(_short(home.folder))} " if elsewhere else ""
    opens = f"retrain-assets {option}ui" if elsewhere else "make ui   [dim]or[/]  retrain-assets ui"
    console.print(f"\n[bold]Look at it[/]\n  {opens}", soft_wrap=True)
    left = [file for file in files if (folder.upcoming / file.name).exists() and not (folder.drop / file.name).exists()]
    if left:
        moved = f"mv {shlex.quote(_short(folder.upcoming / left[0].name))} {shlex.quote(_short(folder.drop))}/"
        console.print("\n[bold]Play the next week of bike rentals[/] while the UI is open")
        console.print(f"  {moved}", soft_wrap=True)
        console.print(f"  [dim]{len(left)} weeks are left there[/]")


def _short(path: Path) -> str:
    """Relative to the working directory where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
