"""`ModelSpec`: the one declarative language of a model that keeps itself fresh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from retrain_assets.spec.base import MODEL_NAME, ImportPath, Owner, SpecModel
from retrain_assets.spec.batches import BatchesSpec, QuarantineSpec, ReserveSpec, TargetSpec
from retrain_assets.spec.columns import ColumnSpec
from retrain_assets.spec.consistency import InconsistentError, inconsistencies
from retrain_assets.spec.drift import DriftSpec
from retrain_assets.spec.durations import Duration
from retrain_assets.spec.fitting import EstimatorSpec, FeaturesSpec, WindowSpec
from retrain_assets.spec.holdout import kept_from_training
from retrain_assets.spec.label_next import LabelNextSpec
from retrain_assets.spec.promote import PromoteSpec, RollbackSpec
from retrain_assets.spec.retrain import RetrainSpec
from retrain_assets.spec.serving import ServeSpec
from retrain_assets.spec.sources import SourceSpec

CLASSIFICATION_METRICS = ("log_loss", "brier")
REGRESSION_METRICS = ("squared_error", "absolute_error", "poisson_deviance")

DRAFT: dict[str, bool] = {"draft": True}
"""Validation context in which fields may contradict each other."""

Metric = Literal["log_loss", "brier", "squared_error", "absolute_error", "poisson_deviance"]
ReportedMetric = Literal[
    "log_loss", "brier", "squared_error", "absolute_error", "poisson_deviance", "accuracy", "roc_auc", "r2"
]
Task = Literal["classification", "regression"]


class FreshnessSpec(SpecModel):
    """How old a champion may become."""

    champion: Duration | None = Field(
        default=None,
        description="FreshnessPolicy on the champion asset: wall time since the last promotion. At least 60 seconds.",
    )
    model_age: Duration | None = Field(default=None, description="Batch time since the champion's training end.")

    @field_validator("champion", "model_age")
    @classmethod
    def _at_least_a_minute(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(seconds=60):
            raise ValueError(f"must be at least '60 seconds' (got {value}): any champion is older than that soon")
        return value


class ModelSpec(SpecModel):
    """One model, declared once. Everything that has a sensible default has one."""

    name: str = Field(pattern=MODEL_NAME, description="Prefix of the asset keys and name in the registry.")
    description: str = Field(default="", description="What the model is for; shown in the UI.")
    owners: tuple[Owner, ...] = Field(default=(), description="`team:NAME` or e-mail addresses; shown in the UI.")
    batches: BatchesSpec
    source: SourceSpec
    schema_: ImportPath | dict[str, ColumnSpec] = Field(
        alias="schema", description="A pandera DataFrameModel by import path, or the columns."
    )
    event_time: str = Field(description="Column with the time of a row; must lie in the batch's window.")
    row_id: tuple[str, ...] = Field(
        default=(), description="Columns that identify a row within a batch. Default: a hash of the row's content."
    )
    target: TargetSpec
    leak_columns: tuple[str, ...] = Field(
        default=(),
        description="Columns known only after the event; split off with the target, out of any transform's reach.",
    )
    personal_columns: tuple[str, ...] = Field(
        default=(),
        description="Columns of personal data: named, and never shown by value in a report, log or quarantine. They "
        "are not profiled, and are inputs only through a transform, or where `features.columns` names a number.",
    )
    quarantine: QuarantineSpec = QuarantineSpec()
    reserve: ReserveSpec = ReserveSpec()
    features: FeaturesSpec = FeaturesSpec()
    estimator: EstimatorSpec
    metric: Metric = Field(description="Proper loss, smaller is better, by which models are compared.")
    report_metrics: tuple[ReportedMetric, ...] = Field(
        default=(), description="Further metrics that are measured and shown."
    )
    window: WindowSpec = WindowSpec()
    drift: DriftSpec = DriftSpec()
    freshness: FreshnessSpec = FreshnessSpec()
    retrain: RetrainSpec = RetrainSpec()
    promote: PromoteSpec = PromoteSpec()
    rollback: RollbackSpec = RollbackSpec()
    serve: ServeSpec = ServeSpec()
    label_next: LabelNextSpec | None = Field(
        default=None, description="Exports the rows most worth a label after each batch. Default: nothing is asked."
    )

    @field_validator("row_id", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> ModelSpec:
        found = () if info.context is DRAFT else tuple(inconsistencies(self))
        if found:
            raise InconsistentError(found)
        return self

    @property
    def task(self) -> Task:
        """Told by the metric."""
        return "classification" if self.metric in CLASSIFICATION_METRICS else "regression"

    @property
    def task_metrics(self) -> tuple[str, ...]:
        """The metrics that this task can be measured by."""
        if self.task == "classification":
            return (*CLASSIFICATION_METRICS, "accuracy", "roc_auc")
        return (*REGRESSION_METRICS, "r2")

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """Every column of the source that the declaration names, hidden or not, with the field that names it."""
        yield "event_time", self.event_time
        if self.target.labels is None:
            yield "target.column", self.target.column
        yield from ((f"row_id[{index}]", name) for index, name in enumerate(self.row_id))
        yield from ((f"leak_columns[{index}]", name) for index, name in enumerate(self.leak_columns))
        if self.reserve.block is not None:
            yield "reserve.block", self.reserve.block

    def chosen_inputs(self) -> Iterator[tuple[str, str]]:
        """Every column that is chosen among the validated ones, with the field that chooses it."""
        yield from ((f"drift.columns[{index}]", name) for index, name in enumerate(self.drift.columns or ()))
        yield from ((f"retrain.slices[{index}]", name) for index, name in enumerate(self.retrain.slices))
        if self.features.transform is None:  # the features of a transform are its own
            yield from ((f"features.columns[{index}]", name) for index, name in enumerate(self.features.columns or ()))

    @property
    def hidden_columns(self) -> tuple[str, ...]:
        """Columns that no feature transform may see: the target and the declared leaks."""
        return (self.target.column, *self.leak_columns)

    def training_fields(self) -> dict[str, Any]:
        """What decides how a model is trained, as it would stand in JSON."""
        training = self.model_dump(
            mode="json",
            by_alias=True,
            exclude={"target": {"labels": {"recheck"}}},
            include={
                "schema_",
                "event_time",
                "row_id",
                "target",
                "leak_columns",
                "reserve",
                "features",
                "estimator",
                "metric",
                "window",
                # Where nothing is declared, versions from before there was the field keep their hash.
                *(["personal_columns"] if self.personal_columns else []),
            },
        )
        return training | kept_from_training(self)

    def training_hash(self) -> str:
        """Hash of what decides how a model is trained; a change of it is the trigger `changed_declaration`.

        Owners, schedules and gates may change without making the champion another model.
        """
        return _hash(self.training_fields())

    def contract_hash(self) -> str:
        """Hash of what decides which rows of a delivery are accepted; of a schema in a module its import path alone."""
        judging = {"source", "schema_", "event_time", "row_id", "leak_columns", "quarantine"}
        return _hash(self.model_dump(mode="json", by_alias=True, include=judging) | {"target": self.target.column})

    def spec_hash(self) -> str:
        """Hash of the whole declaration."""
        return _hash(self.model_dump(mode="json", by_alias=True))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
