"""One short demo that was really played, for all tests of this folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from retrain_assets.home import Home, open_stores
from retrain_assets.stores.protocols import Stores

COMMAND = (sys.executable, "-c", "from retrain_assets.cli import main; main()")


@dataclass(frozen=True)
class Played:
    """A home in which the demo was played, and what the command printed."""

    folder: Path
    code: int
    output: str

    @property
    def stores(self) -> Stores:
        return open_stores(Home.at(self.folder))


def start(home: Path, weeks: int) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("RETRAIN_ASSETS", "DAGSTER"))}
    return subprocess.Popen(
        [*COMMAND, "--home", str(home), "demo", "--weeks", str(weeks)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home.parent,
        env={**environ, "COLUMNS": "120", "OMP_WAIT_POLICY": "PASSIVE"},
        # A test run in the background of a script inherits that Ctrl-C is ignored; a person's terminal does not.
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread runs in the child before it
        process_group=0,
    )


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def play(home: Path, weeks: int) -> Played:
    process = start(home, weeks)
    output, _ = process.communicate(timeout=900)
    return Played(home, process.returncode, output)


def stop(home: Path, weeks: int, number: signal.Signals, when: Callable[[Stores], bool]) -> Played:
    """Starts the demo, and sends a signal as soon as the stores show what is waited for."""
    process = start(home, weeks)
    deadline = time.monotonic() + 120
    stores = None
    while process.poll() is None and time.monotonic() < deadline:
        stores = stores or (open_stores(Home.at(home)) if (home / "state.db").exists() else None)
        if stores is not None and when(stores):
            break
        time.sleep(0.05)
    if number == signal.SIGINT:  # as a terminal does: to all that the command has started, too
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    return Played(home, process.returncode, output)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Three weeks: no model is trained yet."""
    return play(tmp_path_factory.mktemp("demo") / "home", 3)


@pytest.fixture
def home(played: Played, tmp_path: Path) -> Path:
    """A fresh home that need not join the tables of the flights again."""
    shutil.copytree(played.folder / "cache", tmp_path / "home" / "cache")
    return tmp_path / "home"
