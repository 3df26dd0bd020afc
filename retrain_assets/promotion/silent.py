"""A champion that cannot be asked: its files are gone or changed, or it cannot score the rows that judge.

Nothing is known of it then, so no gate against it can pass. Its place in the report stays, with unknown metrics.
"""

from __future__ import annotations

from dataclasses import replace

from retrain_assets.performance.intervals import MetricEstimate
from retrain_assets.promotion.evaluation import EvaluationReport, RoleEvaluation
from retrain_assets.promotion.measures import Measure, chosen

SILENT = "cannot_be_asked"


def with_silent_champion(report: EvaluationReport, version: int, reason: str) -> EvaluationReport:
    """The comparison of the others, in which the champion is named and unknown."""
    metrics = tuple(
        MetricEstimate(metric=each.metric, value=None, lower=None, upper=None, standard_error=None, rows=each.rows)
        for each in report.roles[0].metrics
    )
    champion = RoleEvaluation(role="champion", version=version, metrics=metrics)
    said = Measure(kind="opponent", name=SILENT, group=f"v{version}", value=None, reason=reason)
    return replace(report, roles=(report.roles[0], champion, *report.roles[1:]), measures=(*report.measures, said))


def why_silent(report: EvaluationReport) -> str | None:
    """Why nothing is known of the champion; None where it was asked, or there is none."""
    said = chosen(report.measures, "opponent", SILENT)
    return f"the champion {said[0].group} cannot be asked ({said[0].reason})" if said else None
