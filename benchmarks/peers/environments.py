"""The peers, and an environment for each: they do not agree with each other on pandas and NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".peers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One tool.

    Args:
        name: for the tables.
        module: of this package, which speaks to the tool.
        requirements: with the pins that the tool itself should have.
    """

    name: str
    module: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        """The interpreter of its environment; this one where it needs no other."""
        if not self.requirements:
            return Path(sys.executable)
        return FOLDER / self.module / "bin" / "python"


OURS = Peer(name="retrain_assets", module="retrain_assets_compare", requirements=())
WITH_SCORE = Peer(name="retrain_assets, `outputs=['score']`", module="retrain_assets_score", requirements=())
PEERS = (
    Peer(name="KS per column, p < 0.05", module="ks_tests", requirements=()),
    Peer(
        name="Evidently 0.7.23",
        module="evidently_report",
        requirements=("evidently==0.7.23", "pandas<3", "pyarrow"),  # it imports what pandas 3 no longer has
    ),
    Peer(
        name="NannyML 0.13.1",
        module="nannyml_univariate",
        requirements=("nannyml==0.13.1", "pandas<3", "statsmodels", "pyarrow"),  # it imports statsmodels unasked
    ),
    Peer(
        name="alibi-detect 0.13.0",
        module="alibi_tabular",
        requirements=("alibi-detect==0.13.0", "pyarrow<20"),  # it holds NumPy below 2
    ),
    Peer(name="whylogs 1.6.4", module="whylogs_profiles", requirements=("whylogs[viz]==1.6.4", "pandas<3", "pyarrow")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a peer said; `failure` why it said nothing, or not all."""

    seconds: float = 0.0
    gib: float = 0.0
    failure: str | None = None


def install(peer: Peer) -> str | None:
    """Makes the environment of a peer where it is not there yet; why it cannot be made."""
    done = FOLDER / peer.module / "installed"
    if not peer.requirements:
        return None
    if done.exists() and done.read_text() == repr(peer.requirements):
        return None
    uv = Path(sys.executable).parent / "uv"
    steps = (
        [str(uv), "--quiet", "venv", "--clear", "--python", sys.executable, str(FOLDER / peer.module)],
        [str(uv), "--quiet", "pip", "install", "--python", str(peer.python), *peer.requirements],
    )
    for step in steps:
        made = subprocess.run(step, capture_output=True, text=True, check=False)
        if made.returncode:
            return f"cannot be installed here: {made.stderr.strip().splitlines()[-1:]}"
    done.write_text(repr(peer.requirements))
    return None


def ask(peer: Peer, arguments: Sequence[str | Path], *, limit: float | None) -> Answer:
    """Runs a task of `benchmarks.peers.task` in the peer's environment.

    Args:
        peer: who is asked.
        arguments: of the task.
        limit: in seconds; a longer run is ended, and told as such. None for none.
    """
    refused = install(peer)
    if refused is not None:
        return Answer(failure=refused)
    command = [str(peer.python), "-m", f"benchmarks.peers.{peer.module}", *map(str, arguments)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=limit, cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Answer(failure=f"over {limit:g} s")
    if done.returncode:
        return Answer(failure=f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1][:100]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Answer(seconds=said.get("seconds", 0.0), gib=said["gib"])
