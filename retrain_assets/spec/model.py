"""`ModelSpec`: the one declarative language of a model that keeps itself fresh."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from retrain_assets.spec.approval import Approval, ApprovalSpec
from retrain_assets.spec.base import MODEL_NAME, ImportPath, SpecModel
from retrain_assets.spec.columns import ColumnSpec
from retrain_assets.spec.consistency import InconsistentError, inconsistencies
from retrain_assets.spec.drift import DriftSpec
from retrain_assets.spec.durations import Duration
from retrain_assets.spec.expressions import Expression, parse_expression
from retrain_assets.spec.holdout import HOLDOUT, kept_from_training
from retrain_assets.spec.label_next import LabelNextSpec
from retrain_assets.spec.limits import LimitsSpec
from retrain_assets.spec.retrain import RetrainSpec
from retrain_assets.spec.serving import ServeSpec
from retrain_assets.spec.sources import SourceSpec
from retrain_assets.spec.worth import WorthSpec

GATES: dict[str, str] = {
    "not_worse_than_champion": "the paired interval does not show the candidate worse than the champion by the margin",
    "beats_baseline": "the paired interval shows the candidate better than the naive baseline",
    "better_than_champion": "the paired interval shows the candidate better than the champion, by the margin",
    "meets_thresholds": "every metric of `promote.limits.metrics` lies, with its interval, on the good side",
    "has_enough_rows": "the rows would show a worsening by `promote.limits.detectable` with the declared power",
    "no_slice_regression": "no slice is shown worse than with the champion; the level is shared over the slices",
    "is_fair": "no rate differs between the declared groups by more than its limit",
    "is_stable": "churn, negative flips and the shift of the scores against the champion are within their limits",
    "is_calibrated": "the calibration error is within its limit",
    "is_affordable": "time and size of the candidate are within their limits",
    "has_no_leak": "no input column alone predicts the label better than its limit",
    "is_servable": "a fresh process loads the candidate from the registry and scores rows to the same bits",
    "is_robust": "without any one column that may be missing the loss grows by no more than its limit",
    "not_worth_less": "the paired interval does not show the candidate worth less than the champion (`promote.worth`)",
    "ranks_not_worse": "no paired interval shows the candidate's ranking worse than the champion's (NDCG, MRR)",
    "keeps_explanation": "the columns that matter do so in about the order in which they did to the champion",
}
CLASSIFICATION_METRICS = ("log_loss", "brier")
REGRESSION_METRICS = ("squared_error", "absolute_error", "poisson_deviance")

DRAFT: dict[str, bool] = {"draft": True}
"""Validation context in which fields may contradict each other."""

Metric = Literal["log_loss", "brier", "squared_error", "absolute_error", "poisson_deviance"]
ReportedMetric = Literal[
    "log_loss", "brier", "squared_error", "absolute_error", "poisson_deviance", "accuracy", "roc_auc", "r2"
]
Task = Literal["classification", "regression"]
Share = Annotated[float, Field(ge=0, le=1)]


def _utc(value: object) -> datetime:
    """Dates and times are UTC; a naive one is taken as UTC."""
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(f"must be an ISO date or time such as '2013-01-01' (got {value!r})") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcTime = Annotated[datetime, BeforeValidator(_utc, json_schema_input_type=str)]


class BatchesSpec(SpecModel):
    """The half-open UTC windows into which the stream is cut."""

    every: Literal["hour", "day", "week", "month"] = Field(
        description="Length of a batch; weeks begin on the weekday of `start`."
    )
    start: UtcTime = Field(description="Start of the first batch (UTC).")
    end: UtcTime | None = Field(default=None, description="End of the last batch; without it the stream goes on.")
    tolerance: Duration = Field(
        default=timedelta(days=1), description="A batch that arrives later than its window's end plus this is late."
    )

    @model_validator(mode="after")
    def _ordered(self) -> BatchesSpec:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end must be after start (got start {self.start}, end {self.end})")
        if self.every == "month" and self.start.day > 28:
            raise ValueError(f"start must be on day 1 to 28 for monthly batches (got day {self.start.day})")
        return self


class TargetSpec(SpecModel):
    """What the model predicts and when the truth is known."""

    column: str = Field(description="Column of the target in the source, or of the label in `labels`.")
    label_delay: Duration = Field(
        default=timedelta(0), description="Time from a row's event to the moment its label is known."
    )
    labels: SourceSpec | None = Field(
        default=None,
        description="A source of its own for labels: the row id columns, the target column and, where known, "
        "`available_at`. By default the target column of `source`. A query or a callable is asked when labels mature, "
        "and with each new batch until enough of them are there; what it answers later, only `run --batch` reads.",
    )
    mature_share: Share = Field(default=0.95, description="A batch is mature when this share of its rows has a label.")


class QuarantineSpec(SpecModel):
    """How much of a batch may be refused before the whole batch is."""

    tolerance: Share = Field(
        default=0.05, description="Largest share of rows in quarantine with which a batch goes on."
    )


class ReserveSpec(SpecModel):
    """Rows that no model ever trains on, chosen by a stable hash."""

    share: float = Field(default=0.2, gt=0, lt=1, description="Share of the rows (or blocks) of every batch.")
    block: str | None = Field(
        default=None, description="Column whose equal values are reserved together (an entity, a day)."
    )


class FeaturesSpec(SpecModel):
    """From validated rows to the matrix that the estimator sees; all of it inside the fitted pipeline."""

    transform: ImportPath | None = Field(
        default=None,
        description="`package.module:function`, a DataFrame of validated rows to a DataFrame of features, row by row.",
    )
    columns: tuple[str, ...] | None = Field(
        default=None, description="Features to keep, after the transform. Default: all."
    )
    impute: Literal["median", "mean", "none"] = Field(
        default="median",
        description="Missing numbers; missing categories become a category of their own. "
        "`none` for estimators that take NaN.",
    )
    encode: Literal["ordinal", "one_hot"] = Field(default="ordinal", description="Encoding of categorical features.")
    scale: bool = Field(default=False, description="Standardize numeric features.")


class SearchSpec(SpecModel):
    """A random search with time-ordered cross-validation on the training rows."""

    params: dict[str, tuple[Any, ...]] = Field(description="Values to draw from, for each parameter of the estimator.")
    draws: int = Field(default=10, ge=1, description="Number of parameter settings that are tried.")
    folds: int = Field(default=3, ge=2, description="Time-ordered folds.")


class EstimatorSpec(SpecModel):
    """Any scikit-learn compatible estimator."""

    class_: ImportPath = Field(alias="class", description="Import path of the estimator's class.")
    params: dict[str, Any] = Field(default_factory=dict, description="Constructor arguments.")
    seed: int = Field(default=0, ge=0, description="Passed as random_state where the estimator has one.")
    search: SearchSpec | None = None
    trusted_types: tuple[str, ...] = Field(
        default=(),
        description="Types that skops may load beside those the package trusts, for safe storage of the model.",
    )


class WindowSpec(SpecModel):
    """Which labelled batches a model trains on."""

    train: Literal["all_history"] | Literal["since_change"] | Duration = Field(  # noqa: PYI030 - each by itself in a message
        default="all_history",
        description="`all_history`, a span such as `12 weeks`, or `since_change`: since the relation of inputs and "
        "outcome last changed, and further back while that is less than `min_rows`.",
    )
    min_rows: int = Field(default=500, ge=10, description="Fewer labelled training rows than this are not sufficient.")
    holdout_batches: int = Field(
        default=4, ge=1, description="Newest matured batches whose reserved rows judge a candidate."
    )

    @field_validator("train", mode="before")
    @classmethod
    def _train(cls, value: object) -> object:
        if isinstance(value, str) and re.fullmatch(r"[a-z_]+", value) and value not in ("all_history", "since_change"):
            raise ValueError(f"must be 'all_history', 'since_change' or a duration such as '12 weeks' (got {value!r})")
        return value


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


class PromoteSpec(SpecModel):
    """What a candidate must show before it replaces the champion."""

    require: str = Field(
        default="not_worse_than_champion & beats_baseline",
        description=f"Gates joined by | & ~ and parentheses: {', '.join(GATES)}.",
    )
    margin: float = Field(
        default=0.0,
        ge=0,
        description="Non-inferiority margin: the relative worsening of the metric that is tolerated.",
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Level of the intervals.")
    min_rows: int = Field(default=200, ge=2, description="Fewer reserved rows than this make every gate `unknown`.")
    recall: int = Field(
        default=0,
        ge=0,
        le=20,
        description="So many of the latest earlier champions are judged beside the candidate; one that is shown better "
        "than the champion, and than a candidate that passed, takes over. None that was rolled back. Default: none.",
    )
    limits: LimitsSpec = LimitsSpec()
    approval: Approval = ApprovalSpec()
    worth: WorthSpec = WorthSpec()
    holdout: Duration | None = Field(default=None, description=HOLDOUT)
    draw_together: str | None = Field(
        default=None,
        description="Column whose equal values vary together (a customer): the bootstrap draws them whole. Default: "
        "batches, where there are eight of them, else rows.",
    )

    @field_validator("require")
    @classmethod
    def _parses(cls, value: str) -> str:
        parse_expression(value, GATES)
        return value

    @property
    def expression(self) -> Expression:
        """The parsed condition."""
        return parse_expression(self.require, GATES)


class RollbackSpec(SpecModel):
    """When the platform goes back to the champion before by itself. A person always may."""

    watch: Duration | None = Field(
        default=None,
        description="Batch time after a promotion within which a red check or too high a loss rolls it back. "
        "Default: never by itself.",
    )
    max_loss: float | None = Field(
        default=None,
        description="Ceiling of `metric` on a matured batch: broken where the whole interval of the champion's loss "
        "lies above it. Default: none.",
    )
    checks: tuple[Literal["champion_is_healthy", "predictions_are_valid"], ...] = Field(
        default=("champion_is_healthy", "predictions_are_valid"),
        description="Checks that roll back when they turn red within the watch.",
    )


class ModelSpec(SpecModel):
    """One model, declared once. Everything that has a sensible default has one."""

    name: str = Field(pattern=MODEL_NAME, description="Prefix of the asset keys and name in the registry.")
    description: str = Field(default="", description="What the model is for; shown in the UI.")
    owners: tuple[str, ...] = Field(default=(), description="`team:NAME` or e-mail addresses; shown in the UI.")
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

    def training_hash(self) -> str:
        """Hash of what decides how a model is trained; a change of it is the trigger `changed_declaration`.

        Owners, schedules and gates may change without making the champion another model.
        """
        training = self.model_dump(
            mode="json",
            by_alias=True,
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
        return _hash(training | kept_from_training(self))

    def spec_hash(self) -> str:
        """Hash of the whole declaration."""
        return _hash(self.model_dump(mode="json", by_alias=True))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
