"""The instance's own storage: what Dagster writes is there for the next process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from retrain_assets.home import Home
from retrain_assets.orchestration.storage import EventLog, InstallationStorage, Runs

WRITER = """
import sys
import dagster as dg

@dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="rows")])
def rows():
    return dg.MaterializeResult(metadata={"n": 1}, check_results=[dg.AssetCheckResult(passed=True)])

instance = dg.DagsterInstance.from_config(sys.argv[1])
for _ in range(int(sys.argv[2])):
    assert dg.materialize([rows], instance=instance).success
"""


def write(home: Home, runs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(home.dagster_home), str(runs)],
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_installation_has_it_and_processes_share_it(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").prepare()
    with dg.DagsterInstance.from_config(str(home.dagster_home)) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        assert isinstance(instance.run_storage, Runs)
        writers = [write(home, 3), write(home, 3)]
        for writer in writers:
            _, said = writer.communicate(timeout=240)
            assert writer.returncode == 0, said
        assert instance.get_runs_count() == 6
        records = instance.fetch_materializations(dg.AssetKey("rows"), limit=10).records
        assert len(records) == 6
        checked = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("rows"), "fine"), limit=10
        )
        assert len(checked) == 6
    assert sorted(path.name for path in (home.dagster_home / "history").glob("*.db")) == ["event_log.db", "runs.db"]


def test_what_was_written_is_there_after_the_storage_was_disposed(tmp_path: Path) -> None:
    storage = InstallationStorage(str(tmp_path))
    storage.dispose()
    again = InstallationStorage(str(tmp_path))
    assert again.run_storage.get_runs() == []
    again.dispose()


def test_what_a_database_has_is_asked_once_and_what_it_lacks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = InstallationStorage(str(tmp_path)).event_log_storage
    assert isinstance(storage, EventLog)
    looks: list[str] = []
    of_parent: Callable[[object, str], bool] = EventLog.__base__.has_table  # pyright: ignore - Dagster's own

    def look(log: object, name: str) -> bool:
        looks.append(name)
        return of_parent(log, name)

    monkeypatch.setattr(EventLog.__base__, "has_table", look)
    assert [storage.has_table("later"), storage.supports_asset_checks, storage.supports_asset_checks] == [
        False, True, True,
    ]  # fmt: skip
    assert not storage.has_asset_key_col("later")
    with storage.index_connection() as connection:
        connection.execute(text("CREATE TABLE later (id INTEGER)"))
        connection.execute(text("ALTER TABLE asset_keys ADD COLUMN later TEXT"))
    assert storage.has_table("later")
    assert storage.has_asset_key_col("later")
    assert looks == ["later", "asset_check_executions", "later"]
    storage.dispose()
