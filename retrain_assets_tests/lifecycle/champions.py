"""An installation in which three versions were champion one after the other; made once, copied for each test."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.spec import ModelSpec
from retrain_assets.stores.registry import MlflowRegistry
from retrain_assets.stores.state import SqlStateStore
from retrain_assets.training.bundle import ModelBundle, ModelVersion
from retrain_assets_tests.lifecycle.world import World, declaration, make_world, open_stores
from retrain_assets_tests.tracking import copy_folder

DECLARED: dict[str, Any] = {"retrain": {"when": "new_labels", "min_new_labels": 1}}

HELD: dict[str, Any] = {"min_rows": 50, "approval": {"when": "always", "expires": "36500 days"}}
"""A hold that is pending both at the time of the tests' world and at that of the command line."""

DELIVERED: dict[str, Any] = {"source": {"type": "files", "path": "delivered/{batch}*.csv"}}
"""A folder that copies take along; their files come again, by other paths."""

SEASONS: dict[str, Any] = DECLARED | {"window": {"train": "3 days", "min_rows": 200, "holdout_batches": 1}}
RECALL: dict[str, Any] = {"min_rows": 50, "recall": 3}


def play(root: Path, days: int = 4, **changes: Any) -> World:
    """Each day brings new labels, and each retrain a new version."""
    world = make_world(root, **DECLARED | changes)
    for day in range(days):
        world.drop(day)
    world.play()
    return world


def seasons(root: Path, **changes: Any) -> World:
    """Two ordinary days, then four on which all is the other way round: v1, v2, v4 and v5 were champion."""
    world = make_world(root, **SEASONS | changes)
    for day in range(6):
        world.drop(day, flip=day >= 2, rows=1500)
    world.play()
    return world


def quiet(root: Path) -> World:
    """Six ordinary days: v1 is champion, and nothing asks for another."""
    return play(root, days=6, retrain={"when": "event"})


def opened(root: Path) -> World:
    """What was played there."""
    return make_world(root, **DECLARED)


def copied(made: World, root: Path, **changes: Any) -> World:
    """The same installation in another folder, without playing it again.

    Its models stay where they are, and what was delivered too: from another folder it would be delivered once more.
    """
    if root != made.root:
        copy_folder(made.root, root, "artifacts", "drop")
    spec = ModelSpec.model_validate(declaration(**DECLARED | changes))
    stores = open_stores(root)
    stores = replace(stores, registry=MlflowRegistry(f"sqlite:///{root / 'mlflow.db'}"))
    return World(root=root, stores=stores, model=DeclaredModel(spec=spec, root=root))


def registry_of(world: World) -> MlflowRegistry:
    """The registry, to be touched by hand."""
    assert isinstance(world.stores.registry, MlflowRegistry)
    return world.stores.registry


def version_tags(world: World, name: str = "tiny") -> dict[int, dict[str, str]]:
    """What the registry says of each version, without the prefix."""
    with registry_of(world)._session.client() as client:
        found = client.search_model_versions(f"name = '{name}'")
    return {
        int(version.version): {tag.removeprefix("retrain_assets."): value for tag, value in version.tags.items()}
        for version in found
    }


def execute(world: World, statement: str) -> None:
    """A statement in the state database, past the store."""
    assert isinstance(world.stores.state, SqlStateStore)
    with world.stores.state._database.writing() as connection:
        assert connection.execute(sa.text(statement)).rowcount > 0


def move_entry(world: World, version: int, *, to: int) -> None:
    """Somebody lets the registry's entry of a version name the files of another one."""
    uri = next(kept.uri for kept in world.stores.state.model_versions("tiny") if kept.version == to)
    with closing(sqlite3.connect(world.root / "mlflow.db")) as database, database:
        named = database.execute("UPDATE model_versions SET storage_location = ? WHERE version = ?", (uri, version))
        assert named.rowcount == 1


def lose_files(world: World, versions: set[int]) -> None:
    """The record says other folders than those of these versions; the files, which copies share, are not touched."""
    for version in versions:
        execute(world, f"UPDATE ra_model_versions SET uri = '{world.root}/lost/{version}' WHERE version = {version}")


class LibraryError(Exception):
    """As lightgbm, xgboost and catboost raise: an error of their own, derived from `Exception` itself."""


class Failing:
    """A pipeline that cannot take the rows."""

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        raise LibraryError("Input X contains infinity")


def fail_to_score(monkeypatch: pytest.MonkeyPatch, versions: set[int]) -> None:
    """From now on these versions load, and score nothing."""
    load = MlflowRegistry.load

    def loaded(self: MlflowRegistry, version: ModelVersion, **asked: Any) -> ModelBundle:
        bundle = load(self, version, **asked)
        if version.version not in versions:
            return bundle
        return replace(bundle, pipeline=Failing())  # nothing else is asked of it

    monkeypatch.setattr(MlflowRegistry, "load", loaded)
