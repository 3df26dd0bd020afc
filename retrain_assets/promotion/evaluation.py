"""Candidate, champion and baseline on the same reserved rows, with paired differences.

Two models that are judged by the same rows share most of the noise: the interval of the mean difference of their row
losses is what tells them apart, not their two intervals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.grouped import MANY_ROWS
from retrain_assets.performance.intervals import MetricEstimate, estimates, percentile_interval, resampled_means
from retrain_assets.performance.metrics import row_losses
from retrain_assets.performance.scores import Scores, Values
from retrain_assets.promotion.measures import KINDS, Measure

Role = Literal["candidate", "champion", "baseline", "earlier"]
Unit = Literal["rows", "batches", "entities"]
Scope = Literal["reserved", "newer"]

ROLES: tuple[Role, ...] = ("candidate", "champion", "baseline")
PAIRS: tuple[tuple[Role, Role], ...] = (
    ("candidate", "champion"),
    ("candidate", "baseline"),
    ("champion", "baseline"),
)
AGAINST: tuple[Role, ...] = ("champion", "candidate", "baseline")
"""What each earlier champion is compared with."""
ENOUGH_BATCHES = ENOUGH_UNITS = 8
"""From so many batches on whole batches are resampled; fewer make too few different resamples for an interval. Of so
many declared entities there must be at least: from fewer no difference is known."""

METRIC_RESAMPLES = 200
COLUMN_TYPES = {
    "attempt": "int64", "role": "object", "version": "Int64", "metric": "object", "scope": "object",
    "value": "float64", "lower": "float64", "upper": "float64", "standard_error": "float64",
    "rows": "int64", "rows_newer_than_both": "int64", "batches": "object", "confidence": "float64",
    "resampled": "object", "passed": "boolean", "applicable": "boolean", "reason": "object",
}  # fmt: skip
"""Columns of the `evaluation_report` table; the rows of the gates stand in it too, with role `gate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvaluation:
    """One model of the comparison; the baseline has no version. Earlier champions share a role."""

    role: Role
    version: int | None
    metrics: tuple[MetricEstimate, ...]

    @property
    def label(self) -> str:
        """The name of the model in series, where each has one of its own."""
        return f"{self.role}_v{self.version}" if self.role == "earlier" else self.role

    def metric(self, name: str) -> MetricEstimate:
        """The estimate of a metric.

        Raises:
            KeyError: it was not measured.
        """
        for estimate in self.metrics:
            if estimate.metric == name:
                return estimate
        raise KeyError(f"{name!r} was not measured for the {self.role}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """Mean of loss(a) - loss(b) over the same rows, with its interval: negative = `a` is better.

    `scope` is `reserved` for all rows of the report, `newer` for those newer than what either model was trained on.
    `version` tells earlier champions apart.
    """

    a: Role
    b: Role
    metric: str
    value: float
    lower: float
    upper: float
    rows: int
    scope: Scope = "reserved"
    version: int | None = None

    @property
    def label(self) -> str:
        """Both sides in words."""
        return f"{self.a}{f' v{self.version}' if self.version else ''} - {self.b}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """`evaluation_report`: the evidence for or against a candidate.

    `resampled` tells what the bootstrap of the differences drew: single rows, or whole batches where there are at least
    `ENOUGH_BATCHES` of them, or declared entities. There is no difference where fewer than two rows carry it.
    """

    model: str
    batch: str
    attempt: int
    metric: str
    rows: int
    batches: tuple[str, ...]
    rows_newer_than_both: int
    confidence: float
    resampled: Unit
    roles: tuple[RoleEvaluation, ...]
    differences: tuple[PairedDifference, ...]
    measures: tuple[Measure, ...] = ()

    def role(self, name: Role) -> RoleEvaluation | None:
        """One model of the comparison; None where it took no part."""
        return next((role for role in self.roles if role.role == name), None)

    @property
    def earlier(self) -> tuple[RoleEvaluation, ...]:
        """The earlier champions."""
        return tuple(role for role in self.roles if role.role == "earlier")

    def difference(
        self, a: Role, b: Role, scope: Scope = "reserved", *, version: int | None = None
    ) -> PairedDifference | None:
        """The paired difference of two models; None where there is none. Of an earlier champion, by its version."""
        wanted = (a, b, scope, version)
        found = (pair for pair in self.differences if (pair.a, pair.b, pair.scope, pair.version) == wanted)
        return next(found, None)

    def to_frame(self) -> pd.DataFrame:
        """One row for each model and metric, and one for each paired difference."""
        shared = {
            "attempt": self.attempt,
            "rows_newer_than_both": self.rows_newer_than_both,
            "batches": json.dumps(self.batches),
            "confidence": self.confidence,
            "resampled": self.resampled,
        }
        rows: list[dict[str, Any]] = [
            {
                **shared, "role": role.role, "version": role.version, "scope": "reserved",
                "metric": made.metric, "value": made.value, "lower": made.lower, "upper": made.upper,
                "standard_error": made.standard_error, "rows": made.rows,
            }
            for role in self.roles for made in role.metrics
        ]  # fmt: skip
        rows += [
            {
                **shared, "role": f"{pair.a}-{pair.b}", "scope": pair.scope, "metric": pair.metric,
                "value": pair.value, "lower": pair.lower, "upper": pair.upper, "rows": pair.rows,
                "version": pair.version,
            }
            for pair in self.differences
        ]  # fmt: skip
        rows += [{**shared, **measure.to_row()} for measure in self.measures]
        return report_frame(rows)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str, batch: str, attempt: int | None = None) -> EvaluationReport:
        """The report of an attempt (the latest by default) from its rows of the table.

        Raises:
            ValueError: no row of that attempt.
        """
        chosen = frame["attempt"].max() if attempt is None else attempt
        own = frame[frame["attempt"] == chosen]
        records = cast("list[dict[str, Any]]", own.to_dict("records"))
        models = [row for row in records if row["role"] in (*ROLES, "earlier")]
        if not models:
            raise ValueError(f"the table holds no evaluation of {model} {batch} attempt {attempt}")
        first = models[0]
        return cls(
            model=model,
            batch=batch,
            attempt=int(first["attempt"]),
            metric=str(first["metric"]),
            rows=int(first["rows"]),
            batches=tuple(json.loads(first["batches"])),
            rows_newer_than_both=int(first["rows_newer_than_both"]),
            confidence=float(first["confidence"]),
            resampled=first["resampled"],
            roles=_roles(models),
            differences=tuple(_difference(row) for row in records if "-" in row["role"]),
            measures=tuple(Measure.from_row(row) for row in records if row["role"] in KINDS),
        )


def evaluate_models(
    *,
    model: str,
    batch: str,
    attempt: int,
    labels: npt.ArrayLike,
    scores: Mapping[Role, Scores],
    versions: Mapping[Role, int | None],
    batches: Sequence[str],
    metric: str,
    report_metrics: Sequence[str] = (),
    confidence: float,
    rng: np.random.Generator,
    newer_than_both: npt.NDArray[np.bool_] | None = None,
    earlier: Mapping[int, Scores] | None = None,
    together: npt.NDArray[Any] | None = None,
    resamples: int = 1000,
) -> EvaluationReport:
    """Judges all models by the same rows.

    Args:
        model: name of the declared model.
        batch: partition of the candidate.
        attempt: attempt of the candidate.
        labels: truth of each row.
        scores: of the candidate, the baseline and, unless bootstrapping, the champion. A class that a model does not
            know has probability 0 for it.
        versions: registered version of each role.
        batches: batch of each row.
        metric: the declared loss, by which differences are taken.
        report_metrics: further metrics of each model.
        confidence: level of all intervals.
        rng: source of the resamples.
        newer_than_both: rows that are newer than what either model was trained on.
        earlier: scores of earlier champions by their versions. The level of their differences is shared over them.
        together: entity of each row; the rows of one are drawn together. By default batches where there are enough.
        resamples: of the differences; the models' own intervals take 200, and of many rows as many.

    Raises:
        DataError: scores or labels that no metric can be computed from.
    """
    truth = np.asarray(labels)
    before = dict(earlier or {})
    aligned, aligned_before = _aligned(scores, before)
    metrics = list(dict.fromkeys([metric, *report_metrics]))
    newer = np.zeros(len(truth), dtype=bool) if newer_than_both is None else np.asarray(newer_than_both, dtype=bool)
    batch_of_row, found = pd.factorize(np.asarray(batches, dtype=object))
    names = tuple(sorted(str(name) for name in found))
    resampled: Unit = "batches" if len(names) >= ENOUGH_BATCHES else "rows"
    blocks = batch_of_row if resampled == "batches" else None
    if together is not None:
        resampled, blocks = "entities", together
    of_metrics = resamples if len(truth) >= MANY_ROWS else METRIC_RESAMPLES
    roles = tuple(
        RoleEvaluation(
            role=role,
            version=versions.get(role),
            metrics=estimates(
                metrics,
                truth,
                aligned[role],
                confidence=confidence,
                rng=rng,
                resamples=of_metrics,
                blocks=blocks,
            ),
        )
        for role in ROLES
        if role in aligned
    )
    roles += tuple(
        RoleEvaluation(
            role="earlier",
            version=version,
            metrics=estimates(
                metrics, truth, scored, confidence=confidence, rng=rng, resamples=of_metrics, blocks=blocks
            ),
        )
        for version, scored in aligned_before.items()
    )
    losses: dict[Role, Values] = {role: row_losses(metric, truth, scored) for role, scored in aligned.items()}
    paired = _Pairing(
        metric=metric,
        losses=losses,
        earlier={version: row_losses(metric, truth, scored) for version, scored in aligned_before.items()},
        confidence=confidence,
        resamples=resamples,
    )
    return EvaluationReport(
        model=model,
        batch=batch,
        attempt=attempt,
        metric=metric,
        rows=len(truth),
        batches=names,
        rows_newer_than_both=int(newer.sum()),
        confidence=confidence,
        resampled=resampled,
        roles=roles,
        differences=()
        if together is not None and len(np.unique(together)) < ENOUGH_UNITS
        else (
            *paired.differences(np.arange(len(truth)), "reserved", rng, blocks),
            *paired.differences(np.flatnonzero(newer), "newer", rng, None),
        ),
    )


def report_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of the `evaluation_report` table, in its columns and types."""
    return pd.DataFrame(list(rows), columns=list(COLUMN_TYPES)).astype(COLUMN_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairing:
    metric: str
    losses: Mapping[Role, Values]
    earlier: Mapping[int, Values]
    confidence: float
    resamples: int

    def differences(
        self, rows: npt.NDArray[np.intp], scope: Scope, rng: np.random.Generator, blocks: npt.NDArray[Any] | None
    ) -> tuple[PairedDifference, ...]:
        """All pairs over some rows, from the same resamples; earlier champions are of interest on all rows alone."""
        pairs = self._pairs(scope)
        if len(rows) < 2 or not pairs:
            return ()
        excess = np.column_stack([excess[rows] for *_, excess in pairs])
        drawn = resampled_means(excess, self.resamples, rng=rng, blocks=blocks)
        means = excess.mean(axis=0)
        shared = 1 - (1 - self.confidence) / max(len(self.earlier), 1)
        levels = [shared if a == "earlier" else self.confidence for a, *_ in pairs]
        bounds = [percentile_interval(drawn[:, k], level) for k, level in enumerate(levels)]
        return tuple(
            PairedDifference(
                a=a, b=b, version=version, metric=self.metric, value=float(mean), lower=lower, upper=upper,
                rows=len(rows), scope=scope,
            )
            for (a, b, version, _), mean, (lower, upper) in zip(pairs, means, bounds, strict=True)
        )  # fmt: skip

    def _pairs(self, scope: Scope) -> list[tuple[Role, Role, int | None, Values]]:
        """Both roles, the version of an earlier champion, and the difference of the losses of each row."""
        known = self.losses
        earlier: Role = "earlier"
        pairs: list[tuple[Role, Role, int | None, Values]] = []
        pairs.extend((a, b, None, known[a] - known[b]) for a, b in PAIRS if a in known and b in known)
        for version, losses in self.earlier.items() if scope == "reserved" else ():
            pairs.extend((earlier, b, version, losses - known[b]) for b in AGAINST if b in known)
        return pairs


def _aligned(
    scores: Mapping[Role, Scores], earlier: Mapping[int, Scores]
) -> tuple[dict[Role, Scores], dict[int, Scores]]:
    """All scores over the union of the classes that the models know."""
    known = [*(scores[role] for role in ROLES if role in scores), *earlier.values()]
    union = tuple(dict.fromkeys(name for scored in known for name in scored.classes))
    return (
        {role: scored.over(union) for role, scored in scores.items()},
        {version: scored.over(union) for version, scored in earlier.items()},
    )


def _roles(rows: Sequence[Mapping[str, Any]]) -> tuple[RoleEvaluation, ...]:
    """The models in the order of their roles, earlier champions in that of the rows."""
    own: dict[tuple[Role, int | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        own.setdefault((row["role"], None if pd.isna(row["version"]) else int(row["version"])), []).append(row)
    order = [*ROLES, "earlier"]
    return tuple(_role(*key, own[key]) for key in sorted(own, key=lambda each: order.index(each[0])))


def _role(name: Role, version: int | None, own: Sequence[Mapping[str, Any]]) -> RoleEvaluation:
    return RoleEvaluation(
        role=name,
        version=version,
        metrics=tuple(
            MetricEstimate(
                metric=str(row["metric"]),
                value=_number(row["value"]),
                lower=_number(row["lower"]),
                upper=_number(row["upper"]),
                standard_error=_number(row["standard_error"]),
                rows=int(row["rows"]),
            )
            for row in own
        ),
    )


def _difference(row: Mapping[str, Any]) -> PairedDifference:
    a, _, b = str(row["role"]).partition("-")
    return PairedDifference(
        a=cast(Role, a),
        b=cast(Role, b),
        metric=str(row["metric"]),
        value=float(row["value"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        rows=int(row["rows"]),
        scope=row["scope"],
        version=None if pd.isna(row["version"]) else int(row["version"]),
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
