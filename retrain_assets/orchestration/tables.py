"""Asset checks of the internal tables: what was stored is read back and held to its pandera schema."""

from __future__ import annotations

import dagster as dg

from retrain_assets.data.stored_schemas import schema_problems, validated_schema
from retrain_assets.data.tables import table_problems
from retrain_assets.orchestration import checks, names
from retrain_assets.orchestration.work import Work


def table_check(work: Work, asset: str) -> dg.AssetCheckResult:
    """Does the stored partition respect the schema of its table."""
    faults = table_faults(work, asset)
    said = "; ".join(faults) or "every stored row respects the schema"
    return checks.result(work.key(asset), "table_is_valid", checks.state_of(not faults), said)


def table_faults(work: Work, asset: str) -> tuple[str, ...]:
    """What is wrong with the stored partition, as sentences."""
    frame = work.stores.tables.read(work.model.table(asset), [work.the_batch.key])
    if asset == names.VALIDATED:
        return schema_problems(validated_schema(work.model.contract), frame.drop(columns="ra_batch"))
    return table_problems(asset, frame)
