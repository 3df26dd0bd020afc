"""Candidate, champion and baseline on the same reserved rows, with paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.performance.scores import Scores

Role = Literal["candidate", "champion", "baseline"]
Unit = Literal["rows", "batches"]
Scope = Literal["reserved", "newer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvaluation:
    """One model of the comparison; the baseline has no version."""

    role: Role
    version: int | None
    metrics: tuple[MetricEstimate, ...]

    def metric(self, name: str) -> MetricEstimate: raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """Mean of loss(a) - loss(b) over the same rows: negative = `a` is better."""

    a: Role
    b: Role
    metric: str
    value: float
    lower: float
    upper: float
    rows: int
    scope: Scope = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
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

    def role(self, name: Role) -> RoleEvaluation | None: raise NotImplementedError
    def difference(self, a: Role, b: Role, scope: Scope = "reserved") -> PairedDifference | None: raise NotImplementedError
    def to_frame(self) -> pd.DataFrame: raise NotImplementedError
    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, model: str, batch: str, attempt: int | None = None) -> EvaluationReport: raise NotImplementedError


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
    resamples: int = 1000,
) -> EvaluationReport:
    raise NotImplementedError
