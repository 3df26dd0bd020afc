"""The gates: small immutable conditions on an evaluation report, each with its own margin or limit.

Each answers true, false or unknown (None), and a sentence with the numbers that it saw and what it held them to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from retrain_assets.performance.metrics import GREATER_IS_BETTER
from retrain_assets.promotion.evaluation import ENOUGH_BATCHES, EvaluationReport, PairedDifference, Role
from retrain_assets.promotion.fairness import RATES
from retrain_assets.promotion.luck import owed_to_luck, without_luck
from retrain_assets.promotion.margins import beyond
from retrain_assets.promotion.measures import Measure, MeasureKind, chosen, value_of
from retrain_assets.promotion.model_conditions import IsRobust, IsServable, KeepsExplanation, NotShownLess
from retrain_assets.promotion.power import HasEnoughRows
from retrain_assets.promotion.slice_condition import NoSliceRegression
from retrain_assets.spec import LimitsSpec, PromoteSpec

Verdict = tuple[bool | None, str]
TOO_FEW = "so few rows cannot tell: a larger window.holdout_batches or promote.limits.group_min_rows helps"
CANNOT_TELL = "so few rows cannot tell: more of them (window.holdout_batches, promote.holdout) help, or another limit"


class Condition(Protocol):
    """A gate. One that is `against_champion` is not applicable while there is none."""

    against_champion: ClassVar[bool]

    def evaluate(self, report: EvaluationReport) -> Verdict:
        """Its truth, and why."""
        ...


@dataclass(frozen=True, slots=True)
class NotWorseThanChampion:
    """The paired interval does not show the candidate worse; with a margin, it shows it not worse by the margin.

    What the difference owes to the champion's luck is taken off where the candidate must show something: without a
    margin the declared error is that of rejecting an equal one, which such luck makes rarer still.
    """

    margin: float = 0.0
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        difference = report.difference("candidate", "champion")
        if self.margin == 0 and difference is not None:
            passed = difference.lower <= 0
            return passed, f"{_compared(report, difference)}: {'not shown worse' if passed else 'shown worse'}"
        upper, text = _at_most_beyond(report, self.margin)
        passed = None if upper is None else upper <= 0
        return passed, text + _shown_to_be(report, passed, f"within the margin of {self.margin:.2%}")


@dataclass(frozen=True, slots=True)
class BetterThanChampion:
    """The paired interval shows the candidate better; with a margin, by at least the margin."""

    margin: float = 0.0
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        upper, text = _at_most_beyond(report, -self.margin)
        passed = None if upper is None else upper < 0
        return passed, text + _shown_to_be(report, passed, f"better by {self.margin:.2%}" if self.margin else "better")


@dataclass(frozen=True, slots=True)
class BeatsBaseline:
    """The paired interval shows the candidate better than the naive baseline."""

    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        difference = report.difference("candidate", "baseline")
        if difference is None:
            return None, "the evaluation has no paired difference to the baseline"
        passed = difference.upper < 0
        return passed, f"{_compared(report, difference)}: {'' if passed else 'not '}shown better"


@dataclass(frozen=True, slots=True)
class MeetsThresholds:
    """Each metric lies on the good side of its limit, with the whole of its interval."""

    limits: tuple[tuple[str, float], ...]
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        candidate = report.role("candidate")
        truths: list[bool | None] = []
        said: list[str] = []
        for name, limit in self.limits:
            found = next((each for each in candidate.metrics if each.metric == name), None) if candidate else None
            if found is None or found.value is None or found.lower is None or found.upper is None:
                truths.append(None)
                why = (
                    "report_metrics must name it"
                    if found is None
                    else "these rows do not define it, such as labels of one class alone, or too few rows or entities"
                )
                said.append(f"{name} is not known: {why}")
                continue
            good = found.lower >= limit if name in GREATER_IS_BETTER else found.upper <= limit
            truths.append(good)
            sign = "at least" if name in GREATER_IS_BETTER else "at most"
            said.append(f"{name} {found.value:.4g} [{found.lower:.4g}, {found.upper:.4g}], {sign} {limit:g} wanted")
        return _all(truths), "; ".join(said)


@dataclass(frozen=True, slots=True)
class IsFair:
    """No rate differs between the groups by more than its limit, with the whole of its interval.

    Where the limit lies within the interval the rows cannot tell, and it is unknown. So is a rate that a group of
    enough rows does not define, and a column with fewer than two such groups; groups of fewer rows are named.
    """

    selection_gap: float
    error_gap: float
    columns: tuple[str, ...] = ()
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        limits = {"selection_gap": self.selection_gap, "error_gap": self.error_gap}
        truths: list[bool | None] = []
        said: list[str] = []
        for rate, limit in RATES.items():
            for gap in chosen(report.measures, "fairness", f"{rate}_gap"):
                truths.append(_at_most(limits[limit], gap))
                told = [TOO_FEW] if gap.value is not None and truths[-1] is None else []
                told += [gap.reason] if gap.reason else []
                reason = f" ({'; '.join(told)})" if told else ""
                differs = (
                    "is not known" if gap.value is None else f"differs by {_shown(gap)}, at most {limits[limit]:g}"
                )
                said.append(f"{rate} by {gap.group} {differs}{reason}")
        measured = {each.group for each in chosen(report.measures, "fairness")}
        for column in self.columns:
            if column not in measured:
                truths.append(None)
                said.append(f"the groups of {column} were not measured")
        return (_all(truths), "; ".join(said)) if truths else (None, "no group was measured")


@dataclass(frozen=True, slots=True)
class IsStable:
    """Whoever relied on the champion's answers finds most of them unchanged, by the whole of each interval.

    Where a limit lies within the interval the rows cannot tell, and it is unknown.
    """

    churn: float
    negative_flips: float
    score_shift: float
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        limits = {"churn": self.churn, "negative_flips": self.negative_flips, "score_shift": self.score_shift}
        found = chosen(report.measures, "change")
        if value_of(report.measures, "change", "score_shift") is None:
            return None, "the change against the champion is not known"
        held = [_held_to(limits[each.name], each) for each in found if each.value is not None]
        return _all([truth for truth, _ in held]), "; ".join(said for _, said in held)


@dataclass(frozen=True, slots=True)
class IsCalibrated:
    """Probabilities mean what they say: the error is at most the limit, with the whole of its interval.

    Where the limit lies within the interval the rows cannot tell, and it is unknown.
    """

    limit: float
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        found = next((each for each in chosen(report.measures, "calibration") if not each.group), None)
        if found is None or found.value is None:
            return None, "the calibration error of the candidate is not known"
        return _held_to(self.limit, found)


@dataclass(frozen=True, slots=True)
class Within:
    """Numbers of one kind are at most their limits."""

    kind: MeasureKind
    limits: tuple[tuple[str, float], ...]
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        truths: list[bool | None] = []
        said: list[str] = []
        for name, limit in self.limits:
            value = value_of(report.measures, self.kind, name)
            truths.append(None if value is None else value <= limit)
            said.append(f"{name} {'unknown' if value is None else f'{value:.4g}'}, at most {limit:g}")
        return _all(truths), "; ".join(said)


@dataclass(frozen=True, slots=True)
class HasNoLeak:
    """No column alone predicts the label too well; one that could not be measured is named, and makes it unknown."""

    limit: float
    against_champion: ClassVar[bool] = False

    def evaluate(self, report: EvaluationReport) -> Verdict:
        found = chosen(report.measures, "leakage")
        columns = [each for each in found if each.value is not None]
        unknown = ", ".join(f"{each.group} ({each.reason})" for each in found if each.value is None)
        if not columns:
            return None, f"no column could be measured{f': {unknown}' if unknown else ''}"
        strongest: Measure = max(columns, key=lambda each: each.value or 0.0)
        of_class = f" ({strongest.reason})" if strongest.reason else ""
        said = f"{strongest.group} alone predicts with {strongest.value:.4g}{of_class}, at most {self.limit:g}"
        if (strongest.value or 0.0) > self.limit:
            easy = ", or the class is easy to tell, which looks the same" if of_class else ""
            return False, (
                f"{said}: if it is known only after the event, name it in leak_columns; "
                f"if it is an honest input{easy}, raise promote.limits.single_column"
            )
        if unknown:
            return None, f"what these columns predict alone could not be measured: {unknown}; of the others {said}"
        return True, said


def _limits(make: Callable[[LimitsSpec], Condition]) -> Callable[[PromoteSpec], Condition]:
    return lambda spec: make(spec.limits)


CONDITIONS: Mapping[str, Callable[[PromoteSpec], Condition]] = {
    "not_worse_than_champion": lambda spec: NotWorseThanChampion(spec.margin),
    "beats_baseline": lambda _: BeatsBaseline(),
    "better_than_champion": lambda spec: BetterThanChampion(spec.margin),
    "meets_thresholds": _limits(lambda limits: MeetsThresholds(tuple(sorted(limits.metrics.items())))),
    "has_enough_rows": _limits(lambda limits: HasEnoughRows(limits.detectable, limits.power)),
    "no_slice_regression": _limits(
        lambda limits: NoSliceRegression(
            limits.slice_margin, limits.group_min_rows, limits.slices, searches=limits.find_slices > 0
        )
    ),
    "is_fair": _limits(lambda limits: IsFair(limits.selection_gap, limits.error_gap, limits.groups)),
    "is_stable": _limits(lambda limits: IsStable(limits.churn, limits.negative_flips, limits.score_shift)),
    "is_calibrated": _limits(lambda limits: IsCalibrated(limits.calibration_error)),
    "is_affordable": _limits(
        lambda limits: Within(
            "cost",
            (
                ("milliseconds", limits.milliseconds),
                ("megabytes", limits.megabytes),
                ("memory_megabytes", limits.memory_megabytes),
            ),
        )
    ),
    "has_no_leak": _limits(lambda limits: HasNoLeak(limits.single_column)),
    "is_servable": lambda _: IsServable(),
    "not_worth_less": lambda _: NotShownLess("worth"),
    "ranks_not_worse": lambda _: NotShownLess("ranking"),
    "is_robust": _limits(lambda limits: IsRobust(limits.missing_column)),
    "keeps_explanation": _limits(lambda limits: KeepsExplanation(limits.rank_correlation)),
}
"""Every gate by its name in `promote.require`, made from what is declared."""


def _value(report: EvaluationReport, name: Role) -> float | None:
    role = report.role(name)
    return None if role is None else role.metric(report.metric).value


def _shown(made: Measure) -> str:
    if made.value is None:
        return "unknown"
    known = made.lower is not None and made.upper is not None
    return f"{made.value:.3g}{f' [{made.lower:.3g}, {made.upper:.3g}]' if known else ''}"


def _compared(report: EvaluationReport, difference: PairedDifference) -> str:
    return (
        f"{report.metric} of the candidate {_loss(report, 'candidate')}, of the {difference.b} "
        f"{_loss(report, difference.b)}; difference {difference.value:+.4g} "
        f"[{difference.lower:+.4g}, {difference.upper:+.4g}] on {difference.rows:,} {report.kind_of_rows}"
    )


def _at_most_beyond(report: EvaluationReport, margin: float) -> tuple[float | None, str]:
    """What the candidate loses at most beyond (1 + margin) times the champion's loss, luck taken off, and the numbers.

    None, and why, where that is not known.
    """
    difference = report.difference("candidate", "champion")
    if difference is None:
        return None, "the evaluation has no paired difference to the champion"
    held = beyond(report.measures, difference, margin)
    if held is None:
        return None, f"the evaluation has no interval at a margin of {margin:.2%}"
    luck, left = without_luck(held, owed_to_luck(report.measures, margin=margin))
    counted = (
        f"; beyond {1 + margin:.2%} of the champion's loss {held.value:+.4g} [{held.lower:+.4g}, {held.upper:+.4g}]"
    )
    return held.upper - luck, f"{_compared(report, difference)}{counted if margin else ''}{left}"


def _shown_to_be(report: EvaluationReport, passed: bool | None, what: str) -> str:
    if passed is None:
        return ""
    few = 1 < len(report.batches) < ENOUGH_BATCHES and report.resampled == "rows"
    count = f" by {len(report.batches)} batches, of which the upper end counts what they differ by: more of them"
    more = f"{count} (window.holdout_batches) show more" if few and not passed else ""
    return f": {'' if passed else 'not '}shown {what}{more}"


def _loss(report: EvaluationReport, name: Role) -> str:
    value = _value(report, name)
    return "unknown" if value is None else f"{value:.4g}"


def _held_to(limit: float, measure: Measure) -> Verdict:
    """A known number against the most that it may be."""
    truth = _at_most(limit, measure)
    if measure.lower is None or measure.upper is None:
        why = " (no interval: it takes more rows, batches or entities)"
    else:
        why = f" ({CANNOT_TELL})" if truth is None else ""
    return truth, f"{measure.name} {_shown(measure)}, at most {limit:g}{why}"


def _at_most(limit: float, gap: Measure) -> bool | None:
    """Whether it is, by its interval; None where the rows cannot tell."""
    if gap.value is None or gap.lower is None or gap.upper is None:
        return None
    return False if gap.lower > limit else True if gap.upper <= limit else None


def _all(truths: list[bool | None]) -> bool | None:
    """Kleene's conjunction."""
    if False in truths:
        return False
    return None if None in truths else True
