"""The names of the graph: the same for every model, under the model's prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from retrain_assets.spec import ModelSpec
from retrain_assets.stores.protocols import Job

RAW = "raw"
VALIDATED = "validated"
QUARANTINE = "quarantine"
PROFILE = "profile"
DRIFT_REPORT = "drift_report"
PREDICTIONS = "predictions"
LABELS = "labels"
PERFORMANCE = "performance"
RETRAIN_DECISION = "retrain_decision"
TRAINING_SET = "training_set"
CANDIDATE = "candidate"
EVALUATION_REPORT = "evaluation_report"
CHAMPION = "champion"
LABEL_REQUESTS = "label_requests"
REGISTRY = "registry"
REPLAY_REPORT = "replay_report"

JOB_ASSETS: Mapping[Job, tuple[str, ...]] = {
    "watch": (RAW, VALIDATED, QUARANTINE, PROFILE, DRIFT_REPORT, PREDICTIONS),
    "settle": (LABELS, PERFORMANCE),
    "decide": (RETRAIN_DECISION, LABEL_REQUESTS),
    "retrain": (TRAINING_SET, CANDIDATE, EVALUATION_REPORT, CHAMPION),
}

OPTIONAL = frozenset({LABEL_REQUESTS})
"""Assets that a model has only where its declaration asks for them."""
PROMOTE = "promote"
"""The job that carries out an approval: it is none of the agenda's, and belongs to no partition."""

MODEL_TAG = "retrain_assets/model"
JOB_TAG = "retrain_assets/job"
ATTEMPT_TAG = "retrain_assets/attempt"
CAUSE_TAG = "retrain_assets/cause"
APPROVAL_TAG = "retrain_assets/approval"
AS_OF_TAG = "retrain_assets/as_of"


def key(model: str, asset: str) -> dg.AssetKey:
    """The key of an asset of a model.

    >>> key("flight_delay", CANDIDATE).to_user_string()
    'flight_delay/candidate'
    """
    return dg.AssetKey([model, asset])


def declared(spec: ModelSpec, assets: Iterable[str]) -> tuple[str, ...]:
    """Those of some assets that a declaration asks for."""
    asked = frozenset({LABEL_REQUESTS}) if spec.label_next is not None else frozenset[str]()
    return tuple(asset for asset in assets if asset not in OPTIONAL - asked)


def job_name(model: str, job: Job) -> str:
    """The name of a job of a model.

    >>> job_name("flight_delay", "watch")
    'flight_delay__watch'
    """
    return f"{model}__{job}"


def promote_job_name(model: str) -> str:
    """The name of the job that carries out an approval."""
    return f"{model}__{PROMOTE}"
