"""Decision, training, evaluation and champion as Dagster metadata: what a person sees on their pages."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.errors import without_password
from retrain_assets.orchestration.links import champion_links, of_run
from retrain_assets.orchestration.metadata import Metadata, of_table
from retrain_assets.orchestration.showing import (
    day,
    document,
    estimate,
    figure,
    link,
    moment,
    number,
    short,
    table,
    truth,
    truth_text,
    version_text,
)
from retrain_assets.promotion.evaluation import PairedDifference, differences_in
from retrain_assets.promotion.gates import GateResult
from retrain_assets.promotion.recall import said_of_earlier
from retrain_assets.reporting.model_card import PAGE

if TYPE_CHECKING:
    from retrain_assets.lifecycle.records import (
        Candidate,
        Decided,
        Evaluated,
        Promoted,
        TrainingSet,
    )
    from retrain_assets.policy.decision import Decision, TriggerState
    from retrain_assets.promotion.approvals import ApprovalRequest
    from retrain_assets.promotion.log import Promotion
    from retrain_assets.stores.protocols import Stores

_Z = NormalDist().inv_cdf(0.975)


def of_decision(stores: Stores, record: Decided) -> Metadata:
    """The verdict as a sentence, and every trigger with why and why not."""
    decision = record.decision
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "cause": decision.cause,
        "attempt": decision.attempt,
        "retrospective": decision.retrospective,
        "as_of": moment(decision.as_of),
        "champion": version_text(decision.champion_version),
        "would_change": str(decision.state.get("would_change", "unknown: decided by hand, or by an earlier version")),
        "hold": _hold(decision),
        "triggers_fired": len(decision.fired),
        **_left(decision),
        **_staleness(decision),
        **_decay(decision),
        "triggers": table(
            {"trigger": trigger.name, "says": f"{truth(trigger)}: {trigger.reason}"}
            for trigger in sorted(decision.triggers, key=_loudest)
        ),
        **of_table(stores, record.commit),
    }


def _hold(decision: Decision) -> str:
    """Whether a person is asked, or has answered."""
    if "hold_answer" in decision.state:
        return f"answered: {decision.state['hold_answer']}"
    since = decision.state.get("hold", decision.state.get("open_hold"))
    return "none" if since is None else f"held for a person since {since}"


def _left(decision: Decision) -> dict[str, float]:
    """What the declared limits still allowed, as series: `left/budget_retrains` and so on."""
    left: dict[str, float] = decision.state.get("left", {})
    return {key: value for name, each in left.items() for key, value in number(f"left/{name}", each).items()}


def _staleness(decision: Decision) -> dict[str, float]:
    """What the cost-aware policy knew, as series over the batches; nothing where it knew nothing.

    Beside the gain the ends of its 95 % interval, as if what it is off by were normal.
    """
    known: dict[str, float | None] = decision.state.get("staleness", {})
    gain, error = known.get("gain"), known.get("gain_error")
    ends = {} if gain is None or error is None else {"gain/lower": gain - _Z * error, "gain/upper": gain + _Z * error}
    measured = {kind: known.get(kind) for kind in ("debt", "debt_error", "limit", "gain", "gain_error")}
    return {
        name: value
        for kind, each in {**measured, **ends}.items()
        for name, value in number(f"staleness_{kind}", each).items()
    }


def _decay(decision: Decision) -> dict[str, float]:
    """The loss that `performance_decay` judged, and the limit above which it fires."""
    known: dict[str, float | None] = decision.state.get("decay", {})
    return {
        **number("performance_decay", known.get("value")),
        **number("performance_decay/limit", known.get("limit")),
    }


def _loudest(trigger: TriggerState) -> int:
    """What fired first, what does not apply last."""
    order = ("fired", "unknown", "did not fire", "not applicable")
    return order.index(truth(trigger))


def of_training_set(stores: Stores, record: TrainingSet) -> Metadata:
    """What is frozen, and by which versions it is read again."""
    return {
        "dagster/row_count": record.rows,
        "dagster/uri": stores.tables.uri(f"{record.model}/training_set"),
        "attempt": record.attempt,
        "cause": record.cause,
        "as_of": moment(record.as_of),
        "training_end": moment(record.training_end),
        "reserved_rows": record.reserved_rows,
        "batches": f"{len(record.batches)}: {record.batches[0]} to {record.batches[-1]}" if record.batches else "none",
        "holdout_batches": ", ".join(record.holdout_batches) or "none",
        "data_hash": short(record.data_hash),
        "table_versions": table(
            {"table": name, "version": number} for name, number in sorted(record.table_versions.items())
        ),
        "sufficiency": record.reason,
        "reproduced": record.reproduced,
    }


def of_candidate(stores: Stores, record: Candidate) -> Metadata:
    """The version, what it was trained on, its MLflow run, and its card as it was registered."""
    version = record.version
    return {
        "version": version.version,
        "model_hash": short(version.model_hash),
        "training_end": moment(version.training_end),
        "data_hash": short(version.data_hash),
        **number("fit_seconds", record.fit_seconds),
        "features": ", ".join(record.features),
        "proof": record.reason,
        "dagster/uri": without_password(version.uri),
        "mlflow_run": link(record.run_url, version.run_id),
        # Also that of a version whose evaluation fails; what it showed is on the page of `evaluation_report`.
        "model_card": of_run(stores, version, PAGE),
    }


def of_evaluation(stores: Stores, record: Evaluated) -> Metadata:
    """Metrics by role, paired differences with intervals, and the gates."""
    report = record.report
    return {
        "verdict": truth_text(record.gates.passed),
        "reason": record.gates.reason,
        "gate": record.gates.expression,
        "candidate": str(record.candidate),
        "champion": "bootstrapping: nobody to beat" if record.champion is None else str(record.champion),
        "reserved_rows": report.rows,
        "holdout_batches": ", ".join(report.batches),
        **figure("evaluation", record.figure),
        "model_card": dg.MetadataValue.md(record.card),
        "gates": _gates(record.gates.results),
        "differences": _differences(report.differences),
        **({"earlier_champions": said} if (said := said_of_earlier(report)) else {}),
        **{
            name: value
            for role in report.roles
            for metric in role.metrics
            for name, value in number(f"{role.label}/{metric.metric}", metric.value).items()
        },
        **of_table(stores, record.commit),
    }


def of_champion(stores: Stores, record: Promoted) -> Metadata:
    """Who is champion, why, and who was; of a candidate that is held, what persons are asked and on what evidence."""
    current = record.current
    if current is None:
        return {"champion": "none: bootstrapping", "reason": record.reason, **_of_hold(record.hold)}
    return {
        "version": current.version,
        "action": current.action,
        "promotion": current.id,
        "reason": record.reason,
        "candidate_partition": current.batch or "none: adopted",
        "attempt": current.attempt or 0,
        "training_end": moment(current.training_end),
        "in_force_since": moment(current.as_of),
        "promoted_at": moment(current.promoted_at),
        "actor": current.actor,
        **number("holdout_loss", _holdout_loss(current)),
        **champion_links(stores, current),
        **_of_hold(record.hold),
        "history": table(_promotion(promotion) for promotion in reversed(record.history)),
    }


def _of_hold(asked: ApprovalRequest | None) -> Metadata:
    """The evidence of a hold: the model card, and the comparison with the champion of then."""
    if asked is None:
        return {}
    card = asked.evidence.get("card", {})
    return {
        "held_version": asked.version,
        "held_until": moment(asked.expires_at),
        "held_because": asked.reason,
        "held_model_card": document(card["url"], PAGE)
        if card.get("sha256")
        else dg.MetadataValue.text(f"unknown: {card.get('reason', 'the hold names no card')}"),
        "held_gates": _gates(GateResult(**each) for each in asked.evidence["gates"]),
        "held_differences": _differences(differences_in(asked.evidence)),
    }


def _gates(results: Iterable[GateResult]) -> dg.MetadataValue:
    return table(
        {"gate": gate.name, "says": f"{truth_text(gate.passed, applicable=gate.applicable)}: {gate.reason}"}
        for gate in results
    )


def _differences(differences: Iterable[PairedDifference]) -> dg.MetadataValue:
    return table(
        {
            "difference": each.label,
            "metric": each.metric,
            "value": f"{estimate(each.value, each.lower, each.upper, each.rows)} ({each.scope})",
        }
        for each in differences
    )


def _promotion(promotion: Promotion) -> dict[str, Any]:
    """A line of the history, short enough for its page; the reason stands in the materialization of that promotion."""
    return {
        "promotion": f"{promotion.action} v{promotion.version} by {promotion.actor}",
        "batch": promotion.batch,
        "trained to": day(promotion.training_end),
        "loss": _holdout_loss(promotion),
    }


def _holdout_loss(promotion: Promotion) -> float | None:
    """The loss on reserved rows with which it was promoted; None for a model that was adopted without."""
    held = promotion.evidence.get("holdout")
    return None if held is None else held["value"]
