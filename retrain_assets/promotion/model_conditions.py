"""Gates on the model itself: does it serve elsewhere, does it bear missing columns, does it listen to the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.measures import Measure, MeasureKind, chosen
from retrain_assets.promotion.robustness import GROWTH, NONE, UNDEFINED

SAME_BITS = "same_bits"


@dataclass(frozen=True, slots=True)
class IsServable:
    """A fresh process loads the version from the registry and scores rows to the same bits."""

    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
        found = chosen(report.measures, "servability", SAME_BITS)
        if not found:
            return None, "no fresh process was asked"
        value = found[0].value
        return None if value is None else value == 1.0, found[0].reason


@dataclass(frozen=True, slots=True)
class IsRobust:
    """Without any one column that may be missing the loss grows by no more than the limit; to fail is not passed."""

    limit: float
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
        found = [each for each in chosen(report.measures, "robustness") if each.name in (GROWTH, UNDEFINED)]
        if not found and chosen(report.measures, "robustness", NONE):
            return True, "the schema lets no input column be missing"
        if not found:
            return None, "the columns that may be missing were not tried"
        failed = [f"{each.group} ({each.reason})" for each in found if each.value is None and each.name == GROWTH]
        if failed:
            return False, f"the model cannot do without {', '.join(failed)}"
        unknown = ", ".join(f"{each.group} ({each.reason})" for each in found if each.value is None)
        known = [each for each in found if each.value is not None]
        worst = max(known, key=lambda each: each.value or 0.0, default=None)
        grown = 0.0 if worst is None else worst.value or 0.0
        said = [f"how the loss grows is not known without {unknown}"] if unknown else []
        if worst is not None:
            said.append(
                f"without {worst.group} the loss grows by {100 * grown:.3g} %, at most {100 * self.limit:.3g} %"
            )
        passed = False if grown > self.limit else None if unknown else True
        return passed, f"{'; '.join(said)}; {len(found)} column{'' if len(found) == 1 else 's'} may be missing"


@dataclass(frozen=True, slots=True)
class KeepsExplanation:
    """The columns that matter come in about the order in which they mattered to the champion."""

    least: float
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
        found = chosen(report.measures, "explanation", "rank_correlation")
        if not found or found[0].value is None:
            return None, found[0].reason if found else "the importances of one of the models are not known"
        value = found[0].value
        said = f"the importances of candidate and champion have a rank correlation of {value:.3g} {found[0].reason}"
        return value >= self.least, f"{said}, at least {self.least:g}: the number decides, which has no interval"


@dataclass(frozen=True, slots=True)
class NotShownLess:
    """No paired interval of a kind of measures lies below zero: the candidate is not shown to be worse by it."""

    kind: MeasureKind
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
        found = [each for each in chosen(report.measures, self.kind) if each.group == "difference"]
        if not found:
            why = "; ".join(f"{each.name}: {each.reason}" for each in chosen(report.measures, self.kind) if each.reason)
            return None, f"the {self.kind} of candidate and champion is not known{f': {why}' if why else ''}"
        said = "; ".join(
            f"{each.name} {_interval(each)} against the champion on {each.rows:,} "
            f"{'rows' if self.kind == 'worth' else 'groups'}"
            for each in found
        )
        if any(each.upper is not None and each.upper < 0 for each in found):
            return False, said
        return (True if all(each.upper is not None for each in found) else None), said


def _interval(made: Measure) -> str:
    if made.value is None or made.lower is None or made.upper is None:
        return "unknown"
    return f"{made.value:+.4g} [{made.lower:+.4g}, {made.upper:+.4g}]"
