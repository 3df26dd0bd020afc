"""The graph of a model as it is reviewed: a change of it shows in the diff of `graph.txt`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.data.windows import Calendar
from retrain_assets.lifecycle import DeclaredModel
from retrain_assets.orchestration import build_retraining_definitions, names
from retrain_assets.orchestration.assets import STEPS, model_assets
from retrain_assets.orchestration.partitions import batch_partitions
from retrain_assets.orchestration.specs import NODES
from retrain_assets.spec import GATES, BatchesSpec, ModelSpec
from retrain_assets_tests.lifecycle.world import declaration

SNAPSHOT = Path(__file__).with_name("graph.txt")


def spec(**changes: object) -> ModelSpec:
    return ModelSpec.model_validate(declaration(**changes))


def described(definitions: dg.Definitions) -> str:
    """One paragraph for each asset, in the order of the graph."""
    graph = definitions.resolve_asset_graph()
    lines: list[str] = []
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        asset = node.to_asset_spec()
        partitions = type(asset.partitions_def).__name__ if asset.partitions_def else "none"
        arrows = ", ".join(
            f"{dep.asset_key.path[-1]}{f' [{dep.partition_mapping}]' if dep.partition_mapping else ''}"
            for dep in sorted(asset.deps, key=lambda dep: dep.asset_key)
        )
        lines += [
            key.to_user_string(),
            f"  {asset.description}",
            f"  from: {arrows or '-'}",
            f"  kinds: {', '.join(sorted(asset.kinds))}; group: {asset.group_name}; owners: {', '.join(asset.owners)}",
            f"  partitions: {partitions}; freshness: {asset.freshness_policy}",
        ]
        schema = asset.metadata.get("dagster/column_schema")
        if schema is not None:
            lines.append(f"  columns: {', '.join(column.name for column in schema.columns)}")
        lines += [
            f"  check {check.name}{' (blocking)' if graph.get_check_spec(check).blocking else ''}: "
            f"{graph.get_check_spec(check).description}"
            for check in sorted(node.check_keys, key=lambda check: check.name)
        ]
    return "\n".join(lines) + "\n"


def test_the_graph_is_the_reviewed_one() -> None:
    """To accept a change: delete the file, run this test twice, and look at the diff."""
    found = described(
        build_retraining_definitions(
            spec(
                owners=["team:operations"],
                freshness={"champion": "30 days"},
                window={"train": "12 days", "min_rows": 200},
            )
        )
    )
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(found, encoding="utf-8")
        pytest.fail(f"{SNAPSHOT.name} was written: review it")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def test_every_node_is_made_by_exactly_one_step() -> None:
    made = [asset for step in STEPS for asset in step.assets]
    assert sorted(made) == sorted(node.name for node in NODES)
    assert sorted(made) == sorted(asset for assets in names.JOB_ASSETS.values() for asset in assets)
    for step in STEPS:
        assert set(step.assets) <= set(names.JOB_ASSETS[step.job])


def test_nothing_depends_on_the_champion() -> None:
    assert all(names.CHAMPION not in node.made_from for node in NODES)


def test_jobs_hold_their_assets_with_all_checks() -> None:
    asked = spec(label_next={"path": "to_label/{batch}.csv"})
    plain = build_retraining_definitions(spec()).resolve_job_def(names.job_name("tiny", "decide"))
    assert {key.path[-1] for key in plain.asset_layer.selected_asset_keys} == {names.RETRAIN_DECISION}
    definitions = build_retraining_definitions(asked)
    for job, assets in names.JOB_ASSETS.items():
        resolved = definitions.resolve_job_def(names.job_name("tiny", job))
        assert {key.path[-1] for key in resolved.asset_layer.selected_asset_keys} == set(assets)
        required = spec().promote.expression.names()
        wanted = {
            (node.name, check)
            for node in NODES
            if node.name in assets
            for check in node.checks
            if check not in GATES or check in required
        }
        assert {
            (key.asset_key.path[-1], key.name) for key in resolved.asset_layer.asset_graph.asset_check_keys
        } >= wanted


def test_a_changed_declaration_changes_the_code_version(tmp_path: Path) -> None:
    def versions(**changes: object) -> set[str | None]:
        assets = model_assets(DeclaredModel(spec(**changes), tmp_path))
        return {each.code_version for made in assets if isinstance(made, dg.AssetsDefinition) for each in made.specs}

    assert len(versions()) == 1
    assert versions() == versions()
    assert versions() != versions(metric="brier")


@pytest.mark.parametrize(
    ("every", "start", "end", "count", "first", "last"),
    [
        ("week", "2013-01-01", "2014-01-01", 52, "2013-01-01", "2013-12-24"),
        ("day", "2024-02-27", "2024-03-02", 4, "2024-02-27", "2024-03-01"),
        ("month", "2024-01-15", "2024-06-20", 5, "2024-01-15", "2024-05-15"),
        ("hour", "2024-01-01", "2024-01-02", 24, "2024-01-01T00:00", "2024-01-01T23:00"),
        ("day", "2024-01-01T06:30:00", "2024-01-04T06:30:00", 3, "2024-01-01T06:30", "2024-01-03T06:30"),
    ],
)
def test_partitions_are_the_batches(every: str, start: str, end: str, count: int, first: str, last: str) -> None:
    calendar = Calendar(BatchesSpec.model_validate({"every": every, "start": start, "end": end}))
    keys = batch_partitions(calendar).get_partition_keys()
    assert (len(keys), keys[0], keys[-1]) == (count, first, last)
    assert keys == [batch.key for batch in calendar.until(calendar.spec.end or calendar.first.end)]
    for key in keys:
        window = batch_partitions(calendar).time_window_for_partition_key(key)
        assert (window.start.timestamp(), window.end.timestamp()) == (
            calendar.batch(key).start.timestamp(),
            calendar.batch(key).end.timestamp(),
        )


def test_a_stream_without_end_has_only_closed_partitions() -> None:
    calendar = Calendar(BatchesSpec.model_validate({"every": "day", "start": "2024-01-01"}))
    partitions = batch_partitions(calendar)
    assert partitions.end is None
    last = partitions.get_last_partition_key()
    assert last is not None
    assert calendar.batch(last) == list(calendar.until(datetime.now(UTC)))[-1]
