"""The triggers that read the drift report: of a batch as a whole, and of one output by itself.

All of them follow the episode: what a decision has acknowledged fires again only after it has grown, or once its labels
have come.
"""

from __future__ import annotations

from retrain_assets.drift.episodes import Episode
from retrain_assets.drift.outputs import OUTPUTS
from retrain_assets.drift.report import ColumnDrift, DriftReport
from retrain_assets.policy.context import DecisionContext
from retrain_assets.policy.decision import TriggerState
from retrain_assets.policy.trigger_states import fires, no_champion, not_declared, unknown, waits


def drift(context: DecisionContext) -> TriggerState:
    """A drift episode is open that no decision has acknowledged."""
    name, report = "drift", context.drift
    if context.champion is None:
        return no_champion(name)
    if report is None:
        return unknown(name, "the batch has no drift report")
    if report.verdict != "drift":
        fired = None if report.verdict == "unknown" else False
        return TriggerState(name=name, fired=fired, applicable=report.verdict != "not_applicable", reason=report.reason)
    return _by_episode(name, context, report.reason)


def score_drift(context: DecisionContext) -> TriggerState:
    """The champion's scores have drifted."""
    return _output_drift("score", context)


def label_drift(context: DecisionContext) -> TriggerState:
    """The newest labels that have matured have drifted."""
    return _output_drift("label", context)


def residual_drift(context: DecisionContext) -> TriggerState:
    """Label less score has drifted: a relation has changed, whatever the inputs do."""
    return _output_drift("residual", context)


def _output_drift(output: str, context: DecisionContext) -> TriggerState:
    name, report = f"{output}_drift", context.drift
    if context.champion is None:
        return no_champion(name)
    if output not in context.spec.drift.outputs:
        return not_declared(name, f"'{output}' in drift.outputs")
    if report is None or report.verdict == "not_applicable" or _row(report, "score") is None:
        return unknown(name, f"the batch has no drift report of the champion's {output}")
    row = _row(report, output)
    if row is None:
        return waits(name, "no batch after the champion's training has labels yet")
    if row.verdict == "unknown":
        return unknown(name, row.reason)
    return _by_episode(name, context, row.reason) if row.verdict == "drift" else waits(name, row.reason)


def _row(report: DriftReport, output: str) -> ColumnDrift | None:
    return next((column for column in report.columns if column.name == OUTPUTS[output]), None)


def _by_episode(name: str, context: DecisionContext, reason: str) -> TriggerState:
    """What has drifted fires unless a decision has acknowledged it."""
    episode, growth = context.episode, context.spec.drift.rearm_growth
    if episode is None or episode.alarming(growth, context.labelled_until):
        return fires(name, f"{reason}{_why_again(episode, growth)}")
    return waits(
        name,
        f"{reason}; episode {episode.id} was acknowledged by the decision of {episode.acknowledged_batch} "
        f"and has neither grown {growth:g}-fold nor got its first labels since",
    )


def _why_again(episode: Episode | None, growth: float) -> str:
    if episode is None or episode.acknowledged_score is None:
        return ""
    if episode.score >= episode.acknowledged_score * growth:
        return f"; grown {growth:g}-fold since {episode.acknowledged_batch}"
    return f"; its first labels have matured since the decision of {episode.acknowledged_batch}"
