"""The asset graph of one model as Dagster specs: keys, arrows, checks and what a person reads about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from retrain_assets import __version__
from retrain_assets.data.windows import Calendar
from retrain_assets.orchestration import names
from retrain_assets.orchestration.columns import column_schema
from retrain_assets.orchestration.partitions import batch_partitions
from retrain_assets.spec import GATES, ModelSpec

_STEP: Mapping[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One asset of the graph: `made_from` are the arrows into it."""

    name: str
    description: str
    made_from: tuple[str, ...]
    kinds: frozenset[str]
    stage: str
    checks: Mapping[str, str]
    blocking: frozenset[str] = frozenset()


TABLE = frozenset({"deltalake", "table"})
TABLE_CHECK = {"table_is_valid": "Every stored row of this batch respects the schema of the table."}

NODES: tuple[Node, ...] = (
    Node(
        name=names.RAW,
        description="The original bytes of a batch as its source delivered them, kept by their content hash.",
        made_from=(),
        kinds=frozenset({"file"}),
        stage="watch",
        checks={
            "batch_is_not_empty": "The source delivered more for this batch than files without rows.",
            "batch_arrived_in_time": "The batch arrived before its window's end plus the declared tolerance.",
        },
    ),
    Node(
        name=names.VALIDATED,
        description="Rows that respect the declared schema, without the target and the leak columns.",
        made_from=(names.RAW,),
        kinds=TABLE | {"pandera"},
        stage="watch",
        checks={"schema_is_respected": "The share of refused rows is within the declared tolerance.", **TABLE_CHECK},
        blocking=frozenset({"schema_is_respected"}),
    ),
    Node(
        name=names.QUARANTINE,
        description="Rows and files that break a rule, each with the column, the rule, the value and the reason.",
        made_from=(names.RAW,),
        kinds=TABLE | {"pandera"},
        stage="watch",
        checks=TABLE_CHECK,
    ),
    Node(
        name=names.PROFILE,
        description="Mergeable summaries of every input column of the batch.",
        made_from=(names.VALIDATED,),
        kinds=TABLE,
        stage="watch",
        checks=TABLE_CHECK,
    ),
    Node(
        name=names.DRIFT_REPORT,
        description="How far inputs, score and newest matured labels lie from the reference of the champion as of this "
        "batch, and the verdict.",
        made_from=(names.PROFILE, names.VALIDATED, names.REGISTRY),
        kinds=TABLE,
        stage="watch",
        checks={"inputs_have_not_drifted": "The inputs are distributed as in the champion's reference.", **TABLE_CHECK},
    ),
    Node(
        name=names.PREDICTIONS,
        description="Scores of the batch with the model version and the mode (served, backscored, rescored) of each.",
        made_from=(names.VALIDATED, names.REGISTRY),
        kinds=TABLE,
        stage="watch",
        checks={
            "predictions_are_valid": "Every row of the batch has one finite score of the champion as of the batch."
        },
    ),
    Node(
        name=names.LABELS,
        description="Outcomes of the batch's rows with event time, the moment they became known, and revision.",
        made_from=(names.RAW,),
        kinds=TABLE,
        stage="settle",
        checks={
            "labels_are_mature": "Enough rows of the batch have a label that was known by the cutoff.",
            "labels_are_unique": "No row was delivered two labels at once.",
            "labels_are_readable": "Each delivered label is of the model's type of labels, and keeps to the schema.",
            "labels_belong_to_rows": "Each delivered label is of a row of its batch, dated no earlier than its event.",
            **TABLE_CHECK,
        },
    ),
    Node(
        name=names.PERFORMANCE,
        description="Metrics with intervals by version, mode and label revision, of the batch and of its declared "
        "slices, against labels known by the cutoff.",
        made_from=(names.PREDICTIONS, names.LABELS),
        kinds=TABLE,
        stage="settle",
        checks={"champion_is_healthy": "The champion loses no more than it did on its holdout rows.", **TABLE_CHECK},
    ),
    Node(
        name=names.RETRAIN_DECISION,
        description="Retrain, wait, hold or unknown, with every trigger and why it fired or did not.",
        made_from=(names.DRIFT_REPORT, names.PERFORMANCE, names.RETRAIN_DECISION),
        kinds=TABLE,
        stage="decide",
        checks=TABLE_CHECK,
    ),
    Node(
        name=names.LABEL_REQUESTS,
        description="The rows most worth a label, by what the champion is least sure of and where labels are few, "
        "exported for whoever labels; the answers come back through the label source.",
        made_from=(names.RETRAIN_DECISION, names.PREDICTIONS),
        kinds=frozenset({"csv"}),
        stage="decide",
        checks={},
    ),
    Node(
        name=names.TRAINING_SET,
        description="The frozen training window of a decision: table versions, batches, rows and their hash.",
        made_from=(names.RETRAIN_DECISION, names.VALIDATED, names.LABELS),
        kinds=TABLE,
        stage="retrain",
        checks={
            "training_set_is_sufficient": "There are at least `window.min_rows` labelled training rows, "
            "each required column in some, and two classes where classes are told apart.",
            **TABLE_CHECK,
        },
        blocking=frozenset({"training_set_is_sufficient"}),
    ),
    Node(
        name=names.CANDIDATE,
        description="One fitted pipeline, registered with its reference profile and manifest.",
        made_from=(names.TRAINING_SET,),
        kinds=frozenset({"scikitlearn", "mlflow"}),
        stage="retrain",
        checks={
            "candidate_loads_and_scores": "The version loads from the registry and scores as the fitted pipeline did."
        },
        blocking=frozenset({"candidate_loads_and_scores"}),
    ),
    Node(
        name=names.EVALUATION_REPORT,
        description="Candidate, champion, baseline and the latest earlier champions on the same reserved rows, with "
        "paired differences and gates.",
        made_from=(names.CANDIDATE, names.REGISTRY),
        kinds=TABLE,
        stage="retrain",
        checks={**GATES, **TABLE_CHECK},
    ),
    Node(
        name=names.CHAMPION,
        description="The model in service: the latest promotion, the evidence for it, and the history.",
        made_from=(names.EVALUATION_REPORT,),
        kinds=frozenset({"scikitlearn", "mlflow"}),
        stage="retrain",
        checks={"champion_beats_baseline": "On its holdout rows the champion was better than the naive baseline."},
    ),
)
BY_NAME: Mapping[str, Node] = {node.name: node for node in NODES}


def asset_specs(spec: ModelSpec, assets: tuple[str, ...]) -> list[dg.AssetSpec]:
    """Specs of some assets of a model."""
    return [_asset_spec(spec, BY_NAME[asset]) for asset in assets]


def check_specs(spec: ModelSpec, assets: tuple[str, ...]) -> list[dg.AssetCheckSpec]:
    """Specs of the checks of some assets of a model."""
    return [
        dg.AssetCheckSpec(
            check,
            asset=names.key(spec.name, asset),
            description=description[:1].upper() + description[1:],
            blocking=check in BY_NAME[asset].blocking,
        )
        for asset in assets
        for check, description in BY_NAME[asset].checks.items()
        if check not in GATES or check in spec.promote.expression.names()
    ]


def registry_spec(spec: ModelSpec) -> dg.AssetSpec:
    """The external registry, observed at each promotion: what needs the serving model depends on it."""
    return dg.AssetSpec(
        names.key(spec.name, names.REGISTRY),
        description="Registered versions of the model; the promotion log says which of them was champion when.",
        group_name=spec.name,
        kinds={"mlflow"},
        owners=list(spec.owners),
        tags={names.MODEL_TAG: spec.name},
    )


def _asset_spec(spec: ModelSpec, node: Node) -> dg.AssetSpec:
    partitioned = node.name != names.CHAMPION
    return dg.AssetSpec(
        names.key(spec.name, node.name),
        deps=[_dep(spec, node.name, upstream) for upstream in node.made_from],
        description="\n\n".join(filter(None, (node.description, None if partitioned else spec.description))),
        metadata=_metadata(node.name),
        group_name=spec.name,
        kinds=set(node.kinds),
        owners=list(spec.owners),
        tags={names.MODEL_TAG: spec.name, names.JOB_TAG: node.stage},
        code_version=f"{__version__}-{spec.spec_hash()[:8]}",
        partitions_def=batch_partitions(Calendar(spec.batches)) if partitioned else None,
        freshness_policy=None if partitioned else _freshness(spec),
    )


def _dep(spec: ModelSpec, asset: str, upstream: str) -> dg.AssetDep:
    key = names.key(spec.name, upstream)
    if upstream == asset:
        return dg.AssetDep(key, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))
    if asset == names.TRAINING_SET and upstream != names.RETRAIN_DECISION:
        return dg.AssetDep(key, partition_mapping=_training_window(spec))
    return dg.AssetDep(key)


def _training_window(spec: ModelSpec) -> dg.PartitionMapping:
    """The batches that a training set can read: the declared span, or all."""
    span = spec.window.train
    if isinstance(span, str):
        return dg.AllPartitionMapping()
    batches = -(-(span + spec.target.label_delay) // _STEP[spec.batches.every])
    return dg.TimeWindowPartitionMapping(start_offset=-batches)


def _freshness(spec: ModelSpec) -> dg.FreshnessPolicy | None:
    window = spec.freshness.champion
    return None if window is None else dg.FreshnessPolicy.time_window(fail_window=window)


def _metadata(asset: str) -> dict[str, Any]:
    columns = column_schema(asset)
    return {} if columns is None else {"dagster/column_schema": columns}
