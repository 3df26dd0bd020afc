"""The promotion log shown in Dagster where no run does it: an adoption happens on the command line."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from retrain_assets.lifecycle.records import Promoted
from retrain_assets.orchestration import metadata, names
from retrain_assets.promotion.log import Promotion

DATA_VERSION_TAG = "dagster/data_version"


def report_champion(instance: dg.DagsterInstance, promotion: Promotion, history: Sequence[Promotion]) -> None:
    """Reports `champion` as materialized and `registry` as observed: freshness counts from here, lineage shows it."""
    record = Promoted(promotion=promotion, current=promotion, reason=promotion.reason, history=tuple(history))
    shown = metadata.of_champion(record)
    instance.report_runless_asset_event(dg.AssetObservation(names.key(promotion.model, names.REGISTRY), metadata=shown))
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            names.key(promotion.model, names.CHAMPION),
            metadata=shown,
            tags={DATA_VERSION_TAG: f"v{promotion.version}"},
        )
    )
