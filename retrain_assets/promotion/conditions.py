"""The gates: small immutable conditions on an evaluation report, each with its own margin or limit.

Each answers true, false or unknown (None), and a sentence with the numbers that it saw and what it held them to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from retrain_assets.promotion.evaluation import EvaluationReport, PairedDifference, Role
from retrain_assets.promotion.fairness import RATES
from retrain_assets.promotion.luck import owed_to_luck
from retrain_assets.promotion.measures import Measure, MeasureKind, chosen, value_of
from retrain_assets.promotion.model_conditions import IsRobust, IsServable, KeepsExplanation, NotShownLess
from retrain_assets.promotion.power import HasEnoughRows
from retrain_assets.promotion.slices import PART
from retrain_assets.spec import LimitsSpec, PromoteSpec

Verdict = tuple[bool | None, str]
LARGER_IS_BETTER = frozenset({"accuracy", "roc_auc", "r2"})


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
        difference, loss = report.difference("candidate", "champion"), _value(report, "champion")
        if difference is None or loss is None:
            return None, "the evaluation has no paired difference to the champion"
        text = _compared(report, difference)
        if self.margin == 0:
            passed = difference.lower <= 0
            return passed, f"{text}: {'not shown worse' if passed else 'shown worse'}"
        luck, less = _luck(report)
        tolerated = self.margin * abs(loss)
        passed = difference.upper - luck <= tolerated
        shown = "" if passed else "not "
        return passed, f"{text}{less}: {shown}shown to be within the margin of {tolerated:.4g} ({self.margin:.2%})"


@dataclass(frozen=True, slots=True)
class BetterThanChampion:
    """The paired interval shows the candidate better; with a margin, by at least the margin."""

    margin: float = 0.0
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        difference, loss = report.difference("candidate", "champion"), _value(report, "champion")
        if difference is None or loss is None:
            return None, "the evaluation has no paired difference to the champion"
        wanted = self.margin * abs(loss)
        luck, less = _luck(report)
        passed = difference.upper - luck < -wanted
        by = f" by {wanted:.4g} ({self.margin:.2%})" if self.margin else ""
        return passed, f"{_compared(report, difference)}{less}: {'' if passed else 'not '}shown better{by}"


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
                said.append(f"{name} is not known: report_metrics must name it, and enough rows or entities define it")
                continue
            good = found.lower >= limit if name in LARGER_IS_BETTER else found.upper <= limit
            truths.append(good)
            sign = "at least" if name in LARGER_IS_BETTER else "at most"
            said.append(f"{name} {found.value:.4g} [{found.lower:.4g}, {found.upper:.4g}], {sign} {limit:g} wanted")
        return _all(truths), "; ".join(said)


@dataclass(frozen=True, slots=True)
class NoSliceRegression:
    """No slice is shown worse than with the champion by more than the margin.

    A slice of fewer than `min_rows` rows is named, and binds nobody: the small values of a column are one slice, so
    that fewer rows of it than that are not judged. Unknown are a slice of more rows that cannot be judged, a declared
    column of which nothing was measured, a search that was asked for and could not be made, and a part that it found
    clearly worse and that can be judged with what is around it alone.
    """

    margin: float = 0.0
    min_rows: int = 2
    columns: tuple[str, ...] = ()
    searches: bool = False
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        slices = chosen(report.measures, "slice", "difference")
        search = next(iter(chosen(report.measures, "slice", "searched")), None)
        judged = [each for each in slices if each.lower is not None]
        small = [each for each in slices if each.lower is None and each.rows < self.min_rows]
        unknown = [f"{each.group}: {each.reason}" for each in slices if each not in judged and each not in small]
        unknown += self._not_looked_at(slices, search)
        left = f"; of fewer than {self.min_rows} rows, and not judged: {_named(small)}" if small else ""
        dark, by_chance = self._parts(report)
        unknown += dark
        left += (
            f"; looked worse where it was searched, not beyond chance, and judged with what is around: {by_chance}"
            if by_chance
            else ""
        )
        worse = [each for each in judged if (each.lower or 0) > self.margin * abs(_champion_loss(report, each.group))]
        if worse:
            said = ", ".join(
                f"{each.group} {each.value:+.4g} [{each.lower:+.4g}, {each.upper:+.4g}] on {each.rows:,} rows"
                for each in worse
            )
            return False, f"shown worse in {len(worse)} of {len(judged)} slices: {said}{left}"
        if unknown:
            others = f"; shown worse in none of {len(judged)} others" if judged else ""
            return None, f"unknown of {'; '.join(unknown)}{others}{left}"
        if not slices and search is not None:
            return True, f"searched on {search.rows:,} rows: no part of them is worse than with the champion"
        if not judged:
            return None, f"no slice has enough rows to be judged{left}"
        return True, f"shown worse in none of {len(judged)} slices{left}"

    def _parts(self, report: EvaluationReport) -> tuple[list[str], str]:
        """Of the parts that were found worse and cannot be judged, those that are clearly worse, and the others."""
        found = chosen(report.measures, "slice", PART)
        dark = [each for each in found if each.lower is None or each.lower > self.margin * _part_loss(report, each)]
        told = [f"{each.group}, which looks worse ({each.value:+.4g}): {each.reason}" for each in dark]
        return told, ", ".join(f"{each.group} ({each.value:+.4g})" for each in found if each not in dark)

    def _not_looked_at(self, slices: Sequence[Measure], search: Measure | None) -> Iterator[str]:
        """What was asked for, and nobody could or did measure: the declaration may be newer than the evaluation."""
        for column in self.columns:
            if not any(each.group.startswith(f"{column}=") for each in slices):
                yield f"the slices of {column}, which were not measured"
        if search is None and self.searches:
            yield "weak slices, which were not looked for"
        if search is not None and search.value is None:
            yield f"weak slices: {search.reason}"


@dataclass(frozen=True, slots=True)
class IsFair:
    """No rate differs between the groups by more than its limit.

    A rate that a group of enough rows does not define is unknown, and so is a column with fewer than two such groups;
    groups of fewer rows are named.
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
                truths.append(None if gap.value is None else gap.value <= limits[limit])
                reason = f" ({gap.reason})" if gap.reason else ""
                said.append(f"{rate} by {gap.group} differs by {_shown(gap)}, at most {limits[limit]:g}{reason}")
        measured = {each.group for each in chosen(report.measures, "fairness")}
        for column in self.columns:
            if column not in measured:
                truths.append(None)
                said.append(f"the groups of {column} were not measured")
        return (_all(truths), "; ".join(said)) if truths else (None, "no group was measured")


@dataclass(frozen=True, slots=True)
class IsStable:
    """Whoever relied on the champion's answers finds most of them unchanged."""

    churn: float
    negative_flips: float
    score_shift: float
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> Verdict:
        limits = {"churn": self.churn, "negative_flips": self.negative_flips, "score_shift": self.score_shift}
        found = {each.name: each.value for each in chosen(report.measures, "change")}
        if found.get("score_shift") is None:
            return None, "the change against the champion is not known"
        measured = {name: value for name, value in found.items() if value is not None}
        said = "; ".join(f"{name} {value:.3g}, at most {limits[name]:g}" for name, value in measured.items())
        return all(value <= limits[name] for name, value in measured.items()), said


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
    "is_calibrated": _limits(lambda limits: Within("calibration", (("calibration_error", limits.calibration_error),))),
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


def _champion_loss(report: EvaluationReport, group: str) -> float:
    """What a margin is relative to; none is tolerated where it is not known."""
    found = chosen(report.measures, "slice", "champion_loss")
    return next((each.value or 0.0 for each in found if each.group == group), 0.0)


def _part_loss(report: EvaluationReport, part: Measure) -> float:
    found = chosen(report.measures, "slice", f"{PART}_champion_loss")
    return next((abs(each.value or 0.0) for each in found if each.group == part.group), 0.0)


def _named(slices: Sequence[Measure]) -> str:
    return ", ".join(f"{each.group} ({each.rows:,})" for each in slices)


def _compared(report: EvaluationReport, difference: PairedDifference) -> str:
    return (
        f"{report.metric} of the candidate {_loss(report, 'candidate')}, of the {difference.b} "
        f"{_loss(report, difference.b)}; difference {difference.value:+.4g} "
        f"[{difference.lower:+.4g}, {difference.upper:+.4g}] on {difference.rows:,} {report.kind_of_rows}"
    )


def _luck(report: EvaluationReport) -> tuple[float, str]:
    """What the difference to the champion owes to its luck, and the words for taking it off."""
    owed = owed_to_luck(report.measures)
    if owed is None or owed.value is None:
        return 0.0, ""
    return owed.value, f", less {owed.value:+.4g} ({owed.reason})"


def _loss(report: EvaluationReport, name: Role) -> str:
    value = _value(report, name)
    return "unknown" if value is None else f"{value:.4g}"


def _all(truths: list[bool | None]) -> bool | None:
    """Kleene's conjunction."""
    if False in truths:
        return False
    return None if None in truths else True
