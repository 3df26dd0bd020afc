"""How an installation ended, for two of them to be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrain_assets.training.bundle import ModelVersion
from retrain_assets_tests.lifecycle.world import World, make_world


def end_state(root: Path) -> dict[str, Any]:
    """What a user can see of an installation, without the numbers that count tries."""
    world = make_world(root)
    state, tables = world.stores.state, world.stores.tables
    hashes = {version.version: version.model_hash for version in state.model_versions("tiny")}
    champion = state.promotions("tiny")[-1]
    assert world.stores.registry.alias("tiny", "champion") == champion.version
    assert (
        world.stores.registry.load(champion_version(world, champion.version)).manifest.model_hash
        == hashes[champion.version]
    )
    return {
        "decisions": [(d.batch, d.verdict, d.fired) for d in state.decisions("tiny")],
        "written decisions": sorted(
            (row["ra_batch"], row["attempt"], row["verdict"], row["trigger"])
            for row in tables.read("tiny/retrain_decision").to_dict("records")
        ),
        "promotions": [(p.batch, p.action, hashes[p.version]) for p in state.promotions("tiny")],
        "validated": {key: commit.content_hash for key, commit in tables.commits("tiny/validated").items()},
        "labels": {key: commit.content_hash for key, commit in tables.commits("tiny/labels").items()},
        "scores": sorted(
            (row["ra_batch"], row["ra_row_id"], row["mode"], round(row["score"], 12))
            for row in tables.read("tiny/predictions").to_dict("records")
        ),
        "lease": state.lease_owner("tiny", now=world.now),
    }


def champion_version(world: World, version: int) -> ModelVersion:
    return next(known for known in world.stores.state.model_versions("tiny") if known.version == version)
