from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrain_assets_tests.lifecycle.champions import copied
from retrain_assets_tests.lifecycle.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def worlds(tmp_path: Path) -> Callable[..., World]:
    """Makes further installations, each in a folder of its own."""

    def make(name: str, **changes: Any) -> World:
        root = tmp_path / name
        root.mkdir()
        return make_world(root, **changes)

    return make


@pytest.fixture
def after_six_days(six_days: World, tmp_path: Path) -> Callable[..., World]:
    """Makes an installation that has had six ordinary days, with how it is retrained from now on."""

    def make(**retrain: Any) -> World:
        return copied(six_days, tmp_path / "w", retrain=retrain)

    return make
