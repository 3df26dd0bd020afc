"""Better than the newest: an earlier champion may be the best there is, as when a season comes back.

It is recalled where `promote.recall` reaches so far back and the reserved rows show it better than the champion, at a
level that is shared over all that may be recalled; where it passes the gates in the candidate's place; and, if the
candidate passed, where it is shown better than the candidate as well. One that is only judged beside them is told, and
left to a person. What was rolled back is not among them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from retrain_assets.promotion.evaluation import EvaluationReport, Role, RoleEvaluation
from retrain_assets.promotion.gates import GateReport, GateResult
from retrain_assets.promotion.luck import owed_to_luck, without_luck
from retrain_assets.promotion.measures import LEVEL, Measure, chosen
from retrain_assets.spec import PromoteSpec

GATES_PASSED = "gates_passed"
NOT_JUDGED = "not_judged"
LEFT_TO_A_PERSON = "left_to_a_person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The earlier champion that should take over, and why."""

    version: int
    reason: str
    gates: tuple[GateResult, ...]


def most_promising(report: EvaluationReport, among: Collection[int]) -> int | None:
    """The earlier champion of the smallest loss among those that are shown better than the champion."""
    shown = [each for each in report.earlier if each.version in among and _shown_better(report, each, "champion")]
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
    """The recall that the evidence supports: of the one on which the gates were tried; None for none."""
    tried = next((each for each in report.earlier if _of(report, each, GATES_PASSED) is not None), None)
    if tried is None or tried.version is None:
        return None
    whole, shown = _of(report, tried, GATES_PASSED), _shown(report, tried, candidate_passed=candidate_passed)
    if whole is None or whole.value != 1.0 or shown is None:
        return None
    aside = (GATES_PASSED, LEVEL)
    gates = (each for each in chosen(report.measures, "recall") if each.group == whole.group and each.name not in aside)
    return Recall(
        version=tried.version,
        reason=f"{shown}; {whole.reason}",
        gates=tuple(
            GateResult(
                name=each.name, passed=None if each.value is None else bool(each.value), applicable=True,
                reason=each.reason,
            )
            for each in gates
        ),
    )  # fmt: skip


def left_to_a_person(report: EvaluationReport, spec: PromoteSpec, *, candidate_passed: bool | None) -> Measure | None:
    """That an earlier champion is shown better which no recall may reach, and what a person may do; None for none."""
    version = most_promising(report, [each.version for each in report.earlier if each.version is not None])
    best = next((each for each in report.earlier if each.version == version), None)
    if best is None or _of(report, best, GATES_PASSED) is not None or report.rows < spec.min_rows:
        return None
    shown = _shown(report, best, candidate_passed=candidate_passed)
    difference = report.difference("earlier", "champion", version=version)
    if shown is None or difference is None:
        return None
    naive = "" if _shown_better(report, best, "baseline") else ", though not better than the naive baseline"
    declared = (
        f", or by the platform where `promote.recall: {max(spec.earlier, spec.recall)}` is declared and it passes "
        "the gates in the candidate's place"
        if spec.approval.when == "never"
        else ""
    )
    return Measure(
        kind="recall", name=LEFT_TO_A_PERSON, group=f"v{version}", value=difference.value, lower=difference.lower,
        upper=difference.upper, rows=difference.rows,
        reason=f"{shown}{naive}. It comes back by `{back_by(report.model, version)}`{declared}.",
    )  # fmt: skip


def said_of_earlier(report: EvaluationReport) -> str | None:
    """What a person should know of the earlier champions: that one is left to them, or could not be judged."""
    told = [each for each in chosen(report.measures, "recall") if each.name in (LEFT_TO_A_PERSON, NOT_JUDGED)]
    said = (
        each.reason if each.name == LEFT_TO_A_PERSON else f"{each.group} was not judged: {each.reason}" for each in told
    )
    return "; ".join(said) or None


def back_by(model: str, version: int | None) -> str:
    """The command by which a person puts an earlier champion in force whose season came back."""
    return f"retrain-assets rollback {model} --to {version} --may-return --reason ..."


def _shown(report: EvaluationReport, each: RoleEvaluation, *, candidate_passed: bool | None) -> str | None:
    """In words that it is better than the champion, and than a candidate that passed; None where it is not shown."""
    difference = report.difference("earlier", "champion", version=each.version)
    if difference is None or not _shown_better(report, each, "champion"):
        return None
    if candidate_passed is True and not _shown_better(report, each, "candidate"):
        return None
    left = without_luck(difference, owed_to_luck(report.measures, f"v{each.version}"))[1]
    level = _of(report, each, LEVEL)
    shared = "" if level is None or level.value == report.confidence else f", {level.reason}"
    return (
        f"v{each.version}, an earlier champion, is shown better than the champion"
        f"{' and than the candidate, which passed' if candidate_passed else ''}: {report.metric} "
        f"{difference.value:+.4g} [{difference.lower:+.4g}, {difference.upper:+.4g}] on {difference.rows:,} "
        f"{report.kind_of_rows}{left}{shared}"
    )


def _of(report: EvaluationReport, each: RoleEvaluation, name: str) -> Measure | None:
    found = (made for made in chosen(report.measures, "recall", name) if made.group == f"v{each.version}")
    return next(found, None)


def _shown_better(report: EvaluationReport, each: RoleEvaluation, than: Role) -> bool:
    difference = report.difference("earlier", than, version=each.version)
    if difference is None:
        return False
    luck = owed_to_luck(report.measures, f"v{each.version}") if than == "champion" else None
    return difference.upper - without_luck(difference, luck)[0] < 0


def _loss(report: EvaluationReport, each: RoleEvaluation) -> float:
    value = each.metric(report.metric).value
    return float("inf") if value is None else value
