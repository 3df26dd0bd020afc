"""Better than the newest: an earlier champion may be the best there is, as when a season comes back.

It is recalled where the reserved rows show it better than the champion, at a level that is shared over all earlier
champions that were looked at; where it passes the gates in the candidate's place; and, if the candidate passed, where
it is shown better than the candidate as well. What was rolled back is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from retrain_assets.promotion.evaluation import EvaluationReport, Role, RoleEvaluation
from retrain_assets.promotion.gates import GateReport, GateResult
from retrain_assets.promotion.luck import owed_to_luck, without_luck
from retrain_assets.promotion.measures import Measure, chosen

GATES_PASSED = "gates_passed"
NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The earlier champion that should take over, and why."""

    version: int
    reason: str
    gates: tuple[GateResult, ...]


def most_promising(report: EvaluationReport) -> int | None:
    """The earlier champion of the smallest loss among those that are shown better than the champion."""
    shown = [each for each in report.earlier if _shown_better(report, each, "champion")]
    best = min(shown, key=lambda each: _loss(report, each), default=None)
    return None if best is None else best.version


def in_candidates_place(report: EvaluationReport, version: int) -> EvaluationReport:
    """The comparison as if an earlier champion were the candidate; of its measures luck and margins are its own."""
    best = next(each for each in report.earlier if each.version == version)
    others = tuple(role for role in report.roles if role.role in ("champion", "baseline"))
    moved = tuple(
        replace(pair, a="candidate", version=None)
        for pair in report.differences
        if pair.version == version and pair.b != "candidate"
    )
    kept = tuple(pair for pair in report.differences if pair.a == "champion")
    own = (each for each in report.measures if each.kind in ("luck", "margin") and each.group == f"v{version}")
    return replace(
        report,
        roles=(replace(best, role="candidate"), *others),
        differences=(*moved, *kept),
        measures=tuple(replace(each, group="") for each in own),
    )


def judged(version: int, gates: GateReport) -> Iterator[Measure]:
    """The gates as they were tried on an earlier champion in the candidate's place, and all of them together."""
    for gate in gates.results:
        yield _gate(gate.name, version, gate.passed, gate.reason)
    yield _gate(GATES_PASSED, version, gates.passed, gates.reason)


def _gate(name: str, version: int, passed: bool | None, reason: str) -> Measure:
    value = None if passed is None else float(passed)
    return Measure(kind="recall", name=name, group=f"v{version}", value=value, reason=reason)


def not_judged(version: int, reason: str) -> Measure:
    """That an earlier champion could not be asked."""
    return Measure(kind="recall", name=NOT_JUDGED, group=f"v{version}", value=None, reason=reason)


def recall_of(report: EvaluationReport, *, candidate_passed: bool | None) -> Recall | None:
    """The recall that the evidence supports; None for none."""
    version = most_promising(report)
    if version is None:
        return None
    tried = {each.name: each for each in chosen(report.measures, "recall") if each.group == f"v{version}"}
    whole = tried.pop(GATES_PASSED, None)
    if whole is None or whole.value != 1.0:
        return None
    best = next(each for each in report.earlier if each.version == version)
    if candidate_passed is True and not _shown_better(report, best, "candidate"):
        return None
    difference = report.difference("earlier", "champion", version=version)
    if difference is None:
        return None
    left = without_luck(difference, owed_to_luck(report.measures, f"v{version}"))[1]
    many = len(report.earlier)
    shared = f", at a level shared over {many} earlier champions" if many > 1 else ""
    return Recall(
        version=version,
        reason=f"v{version}, an earlier champion, is shown better than the champion: {report.metric} "
        f"{difference.value:+.4g} [{difference.lower:+.4g}, {difference.upper:+.4g}] on {difference.rows:,} "
        f"{report.kind_of_rows}{left}{shared}; {whole.reason}",
        gates=tuple(
            GateResult(
                name=each.name, passed=None if each.value is None else bool(each.value), applicable=True,
                reason=each.reason,
            )
            for each in tried.values()
        ),
    )  # fmt: skip


def _shown_better(report: EvaluationReport, each: RoleEvaluation, than: Role) -> bool:
    difference = report.difference("earlier", than, version=each.version)
    if difference is None:
        return False
    luck = owed_to_luck(report.measures, f"v{each.version}") if than == "champion" else None
    return difference.upper - without_luck(difference, luck)[0] < 0


def _loss(report: EvaluationReport, each: RoleEvaluation) -> float:
    value = each.metric(report.metric).value
    return float("inf") if value is None else value
