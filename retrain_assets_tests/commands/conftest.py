"""The installation with three champions, as the command line finds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from retrain_assets.cli import main
from retrain_assets_tests.lifecycle.champions import DECLARED
from retrain_assets_tests.lifecycle.world import World, declaration

Call = Callable[..., Result]


@pytest.fixture
def call(promoted: World, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command on a copy of the installation."""
    return calling(promoted, monkeypatch)


def calling(world: World, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command on an installation; `declare` changes its declaration first."""
    monkeypatch.chdir(world.root)
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", "")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: str, declare: dict[str, Any] | None = None) -> Result:
        file = world.root / "defs" / "tiny" / "defs.yaml"
        if declare is not None or not file.exists():
            attributes = declaration(**DECLARED | (declare or {}))
            attributes["source"] = {"type": "files", "path": str(world.root / "drop" / "{batch}*.csv")}
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump({"type": "retrain_assets.RetrainedModel", "attributes": attributes}))
        return CliRunner().invoke(main, ["--home", str(world.root), *arguments], catch_exceptions=False)

    return run
