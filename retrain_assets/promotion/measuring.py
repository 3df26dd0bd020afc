"""All further measures of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy.typing as npt

from retrain_assets.performance.scores import Scores
from retrain_assets.promotion.change import change_of
from retrain_assets.promotion.evaluation import EvaluationReport, Role
from retrain_assets.promotion.measures import Measure


def measured(report: EvaluationReport, scores: Mapping[Role, Scores], labels: npt.ArrayLike) -> tuple[Measure, ...]:
    """What the gates beyond the losses are judged by, on the same rows."""
    return tuple(_change(report, scores, labels))


def _change(report: EvaluationReport, scores: Mapping[Role, Scores], labels: npt.ArrayLike) -> Iterator[Measure]:
    if "champion" not in scores:
        return
    made = change_of(scores["candidate"], scores["champion"], labels)
    for name in ("churn", "negative_flips", "score_shift"):
        yield Measure(kind="change", name=name, value=getattr(made, name), rows=report.rows)
