"""The promotion log shown in Dagster where no run does it: adoptions and rollbacks on the command line."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from retrain_assets.lifecycle.records import Promoted
from retrain_assets.orchestration import model_metadata, names
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Stores

DATA_VERSION_TAG = "dagster/data_version"


def champion_events(stores: Stores, record: Promoted) -> tuple[dg.AssetObservation, dg.AssetMaterialization]:
    """`registry` as observed and `champion` as materialized: the page of the asset shows who serves."""
    made = record.promotion or record.current
    if made is None:
        raise ValueError("there is no champion to show")
    shown = model_metadata.of_champion(stores, record)
    return (
        dg.AssetObservation(names.key(made.model, names.REGISTRY), metadata=shown),
        dg.AssetMaterialization(
            names.key(made.model, names.CHAMPION), metadata=shown, tags={DATA_VERSION_TAG: f"v{made.version}"}
        ),
    )


def report_champion(
    instance: dg.DagsterInstance, stores: Stores, promotion: Promotion, history: Sequence[Promotion]
) -> None:
    """Reports a promotion that no run made."""
    record = Promoted(promotion=promotion, current=promotion, reason=promotion.reason, history=tuple(history))
    for event in champion_events(stores, record):
        instance.report_runless_asset_event(event)


def report_champion_if_changed(instance: dg.DagsterInstance, stores: Stores, history: Sequence[Promotion]) -> bool:
    """Reports the newest promotion where the newest event of `champion` tells of another one; True when it did."""
    if not is_behind(instance, history):
        return False
    report_champion(instance, stores, history[-1], history)
    return True


def is_behind(instance: dg.DagsterInstance, history: Sequence[Promotion]) -> bool:
    """Whether the newest event of `champion` tells of another promotion than the newest."""
    if not history:
        return False
    newest = instance.get_latest_materialization_event(names.key(history[-1].model, names.CHAMPION))
    shown = newest.asset_materialization.metadata.get("promotion") if newest and newest.asset_materialization else None
    return shown is None or shown.value != history[-1].id
