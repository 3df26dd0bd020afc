"""Asset checks of the internal tables: what was stored is read back and held to its pandera schema."""

from __future__ import annotations

import dagster as dg

from retrain_assets.orchestration import checks
from retrain_assets.orchestration.work import Work


def table_check(work: Work, asset: str) -> dg.AssetCheckResult:
    """Does the stored partition respect the schema of its table."""
    from retrain_assets.data.tables import table_problems

    frame = work.stores.tables.read(work.model.table(asset), [work.the_batch.key])
    problems = table_problems(asset, frame)
    said = "; ".join(problems) or f"{len(frame):,} rows respect the schema"
    return checks.result(work.key(asset), "table_is_valid", checks.state_of(not problems), said)
