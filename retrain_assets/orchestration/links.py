"""Where the evidence of a promotion lies: links from the page of `champion`, which has no lineage to an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.orchestration import names
from retrain_assets.orchestration.metadata import Metadata
from retrain_assets.orchestration.showing import document, link
from retrain_assets.reporting.model_card import APPROVALS, PAGE

if TYPE_CHECKING:
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.stores.protocols import Stores
    from retrain_assets.training.bundle import ModelVersion


def of_run(stores: Stores, version: ModelVersion, file: str) -> dg.MetadataValue:
    """A document that the run of a version keeps; the tracking server is not asked."""
    where = stores.registry.run_link(version, file)
    if where is None:
        return dg.MetadataValue.text(f"unknown: {version.uri} does not tell the folder of run {version.run_id}")
    return document(where, file)


def champion_links(stores: Stores, promotion: Promotion) -> Metadata:
    """The version in the registry, its card and what persons answered, and the run and the assets that made it.

    The tracking server is not asked: a rollback is shown also while it is down, and does not wait for it again.
    """
    known = next(each for each in stores.state.model_versions(promotion.model) if each.version == promotion.version)
    made = {
        "mlflow_version": link(stores.registry.version_url(known), f"models:/{known.model}/{known.version}"),
        "mlflow_run": link(stores.registry.run_link(known) or "", known.run_id),
    }
    for name, file in {"model_card": PAGE, **({} if promotion.batch is None else {"approvals": APPROVALS})}.items():
        made[name] = of_run(stores, known, file)
    if promotion.batch is None:
        return made
    retrained = [
        step.run_id
        for step in stores.state.steps(promotion.model)
        if step.job == "retrain" and step.outcome == "done" and step.detail.get("version") == promotion.version
    ]
    if retrained and retrained[0] is not None:
        made["retrained_by"] = dg.MetadataValue.dagster_run(retrained[0])
    for asset in (names.CANDIDATE, names.EVALUATION_REPORT):
        made[asset] = dg.MetadataValue.asset(names.key(promotion.model, asset))
    return made
