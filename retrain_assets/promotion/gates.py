"""May a candidate be promoted? Small conditions on the evaluation report that compose."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.spec import PromoteSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate: `passed` is None where it cannot be known; a gate that is not applicable binds nobody."""

    name: str
    passed: bool | None
    applicable: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """All gates and what their expression comes to."""

    passed: bool | None
    results: tuple[GateResult, ...]
    expression: str
    reason: str


def evaluate_gates(report: EvaluationReport, spec: PromoteSpec, bootstrapping: bool) -> GateReport:
    raise NotImplementedError
