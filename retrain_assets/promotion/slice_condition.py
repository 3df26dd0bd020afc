"""The gate on slices: those that are declared, and those that a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from retrain_assets.promotion.evaluation import EvaluationReport
from retrain_assets.promotion.measures import Measure, chosen
from retrain_assets.promotion.slices import PART


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

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
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
        worse = [each for each in judged if (each.lower or 0) > self._tolerated(report, "champion_loss", each)]
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
        found, loss = chosen(report.measures, "slice", PART), f"{PART}_champion_loss"
        dark = [each for each in found if each.lower is None or each.lower > self._tolerated(report, loss, each)]
        told = [f"{each.group}, which looks worse ({each.value:+.4g}): {each.reason}" for each in dark]
        return told, ", ".join(f"{each.group} ({each.value:+.4g})" for each in found if each not in dark)

    def _tolerated(self, report: EvaluationReport, name: str, part: Measure) -> float:
        """The margin in the unit of the loss: relative to the champion's there, and none where that is not known."""
        found = chosen(report.measures, "slice", name)
        return self.margin * next((abs(each.value or 0.0) for each in found if each.group == part.group), 0.0)

    def _not_looked_at(self, slices: Sequence[Measure], search: Measure | None) -> Iterator[str]:
        """What was asked for, and nobody could or did measure: the declaration may be newer than the evaluation."""
        for column in self.columns:
            if not any(each.group.startswith(f"{column}=") for each in slices):
                yield f"the slices of {column}, which were not measured"
        if search is None and self.searches:
            yield "weak slices, which were not looked for"
        if search is not None and search.value is None:
            yield f"weak slices: {search.reason}"


def _named(slices: Sequence[Measure]) -> str:
    return ", ".join(f"{each.group} ({each.rows:,})" for each in slices)
