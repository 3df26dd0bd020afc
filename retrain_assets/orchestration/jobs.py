"""The four jobs of a model: one run each, in process, because a process for each step would cost seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.orchestration import names
from retrain_assets.spec import ModelSpec

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

DESCRIPTIONS: Mapping[names.Job, str] = {
    "watch": "Ingest, validate, profile, compare and score one batch.",
    "settle": "Take in the labels of one batch that have matured, and measure every version that scored it.",
    "decide": "Decide from all that is known as of one batch whether to retrain.",
    "retrain": "Train as decided for one batch, evaluate, and promote what passes its gates.",
}


def model_job(spec: ModelSpec, job: names.Job) -> UnresolvedAssetJobDefinition:
    """One job of a model."""
    return dg.define_asset_job(
        names.job_name(spec.name, job),
        selection=dg.AssetSelection.assets(
            *(names.key(spec.name, asset) for asset in names.declared(spec, names.JOB_ASSETS[job]))
        ),
        description=DESCRIPTIONS[job],
        executor_def=dg.in_process_executor,
        # Faults of the data do not go away by repetition; what crashed comes again through the agenda.
        tags={names.MODEL_TAG: spec.name, names.JOB_TAG: job, "dagster/max_retries": "0"},
    )


def promote_job(spec: ModelSpec) -> UnresolvedAssetJobDefinition:
    """Carries out what persons approved: `champion` by itself."""
    return dg.define_asset_job(
        names.promote_job_name(spec.name),
        selection=dg.AssetSelection.assets(names.key(spec.name, names.CHAMPION)),
        description="Promote the version that was approved; without one, assert the champion in force.",
        executor_def=dg.in_process_executor,
        tags={names.MODEL_TAG: spec.name, names.JOB_TAG: names.PROMOTE, "dagster/max_retries": "0"},
    )
