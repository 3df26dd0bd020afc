"""What each step of the lifecycle answers: frozen records that callers turn into metadata, tables or text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from retrain_assets.data.arrivals import Arrival
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.importances import ImportanceChange
from retrain_assets.drift.report import DriftReport
from retrain_assets.performance.estimation import LossEstimate
from retrain_assets.performance.loss_chart import ChartReading
from retrain_assets.performance.maturity import LabelDelay
from retrain_assets.performance.report import BatchPerformance
from retrain_assets.policy.decision import Decision
from retrain_assets.promotion.approvals import ApprovalRequest
from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.gates import GateReport
from retrain_assets.promotion.health import HealthVerdict
from retrain_assets.promotion.log import Promotion
from retrain_assets.stores.protocols import Job, TableCommit
from retrain_assets.training.bundle import ModelVersion

PredictionMode = Literal["served", "backscored", "rescored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """`raw`: the delivery that is now kept, and whether it holds no rows.

    `kept` tells that the source answered without rows this time, so that an earlier delivery stays the valid one.
    """

    arrival: Arrival
    empty: bool
    uris: tuple[str, ...]
    kept: bool = False

    @property
    def data_version(self) -> str:
        """Content hash of the delivery."""
        return self.arrival.content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """`validated` and `quarantine`: parsed rows = accepted rows + quarantined rows.

    `refused` tells why the whole batch is refused; None when it goes on. `extra_columns` were delivered and are
    dropped, because the schema does not name them.
    """

    parsed_rows: int
    accepted: TableCommit
    quarantined: TableCommit
    quarantined_rows: int
    reasons: Mapping[str, int]
    unreadable_files: Mapping[str, str]
    refused: str | None
    columns: Mapping[str, str]
    extra_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """`profile`."""

    profile: TableProfile
    commit: TableCommit


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """`drift_report`, with the episode it belongs to."""

    report: DriftReport
    episode: Episode | None
    commit: TableCommit
    figure: bytes | None = None
    rolled_back: Promoted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """`predictions`: `version` is None while the model is bootstrapping. `failures` are rows without a score.

    `mode` is None where nobody scored, as where the champion cannot since the declaration changed.

    `weights` are those of the versions that served together, by version; empty where the champion served alone.
    `estimate` is the loss that is expected before labels come.
    """

    version: ModelVersion | None
    mode: PredictionMode | None
    rows: int
    mean_score: float | None
    commit: TableCommit
    failures: tuple[str, ...] = ()
    rolled_back: Promoted | None = None
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    estimate: LossEstimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsSettled:
    """`labels` of a batch as of a cutoff.

    `ambiguous` counts rows of which several labels were delivered for one moment, `unreadable` those whose label is
    there and is none of this model's; `unreadable_values` are the first of those. `pending` counts delivered labels
    that become known after the cutoff, `quarantined` those of rows of the batch that are in quarantine, `unknown`
    those of no row of the batch (`unknown_ids` are the first of their ids), `early` those that are dated before the
    event of their row, `undated` those whose date cannot be read. `delay` is how late the labels came.
    """

    rows: int
    labelled: int
    mature: bool
    reason: str
    ambiguous: int
    corrected: int
    unreadable: int
    unreadable_values: tuple[str, ...]
    as_of: datetime
    commit: TableCommit
    pending: int = 0
    quarantined: int = 0
    unknown: int = 0
    unknown_ids: tuple[str, ...] = ()
    early: int = 0
    undated: int = 0
    delay: LabelDelay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`performance` of a batch: one record for each version and mode that scored it.

    `judged` is the verdict on the champion by all that has matured, `chart` what the declared chart of its losses
    shows; None where the batch has not matured, or nobody can tell. `slices_left_out` is by column of `retrain.slices`
    how many values of the labelled rows have no metrics, as others have more rows.
    """

    performances: tuple[BatchPerformance, ...]
    backscored: tuple[int, ...]
    health: bool | None
    reason: str
    commit: TableCommit
    rolled_back: Promoted | None = None
    judged: HealthVerdict | None = None
    chart: ChartReading | None = None
    slices_left_out: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """`retrain_decision`."""

    decision: Decision
    commit: TableCommit


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """`training_set`: the frozen window of one attempt. `table_versions` pin what is read."""

    model: str
    batch: str
    attempt: int
    as_of: datetime
    training_end: datetime
    batches: tuple[str, ...]
    holdout_batches: tuple[str, ...]
    table_versions: Mapping[str, int]
    rows: int
    reserved_rows: int
    data_hash: str
    cause: str
    sufficient: bool
    reason: str
    run_id: str
    reproduced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """`candidate`: the registered version and how long it took."""

    version: ModelVersion
    loads_and_scores: bool
    reason: str
    fit_seconds: float
    features: tuple[str, ...]
    run_url: str
    importance: ImportanceChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """`evaluation_report` with the verdict of its gates."""

    candidate: ModelVersion
    champion: ModelVersion | None
    report: EvaluationReport
    gates: GateReport
    commit: TableCommit
    figure: bytes | None = None
    card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """`champion`: the promotion that was made, or why none was and who stays; `hold` while a person has to answer.

    The promotion may be a recall: of an earlier champion instead of the candidate.
    """

    promotion: Promotion | None
    current: Promotion | None
    reason: str
    history: tuple[Promotion, ...] = ()
    hold: ApprovalRequest | None = None

    @property
    def held(self) -> bool:
        """A person has to answer."""
        return self.hold is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextJob:
    """What should run next for a model, from the ledger alone; the run key is unique for its cause."""

    model: str
    job: Job
    batch: str
    attempt: int
    cause: str
    as_of: datetime
    run_key: str
