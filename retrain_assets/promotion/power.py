"""A declared power: the gate `has_enough_rows`, and how many more batches must judge until it is met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from statistics import NormalDist
from typing import Any, ClassVar

from retrain_assets.promotion.evaluation import ENOUGH_BATCHES, EvaluationReport
from retrain_assets.promotion.measures import Measure, chosen, value_of
from retrain_assets.spec import PromoteSpec

GATE = "has_enough_rows"
ERROR = "standard_error"
NEEDED = "rows_needed"
_FEW = 10
"""Rows below which their number, of a normal approximation, means no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The worsening that so many rows show with the declared power, beside the one that they are asked to show.

    `needed` is how many rows that takes; None where it cannot be known.
    """

    rows: int
    worsening: float
    wanted: float
    needed: float | None

    @property
    def enough(self) -> bool:
        """Whether no more are asked for."""
        return self.needed is not None and self.rows >= self.needed


def _shown_by(report: EvaluationReport, *, detectable: float, power: float) -> _Shown | None:
    """What the rows of a report would show; None where there is no difference to a champion.

    With the standard error s of the paired difference, a difference d is shown at the two-sided level 1 - c with power
    p where d >= (z_c + z_p) s, and s falls with the root of the number of rows. How many are needed is told by the
    first look that knows it (see `carried`). Differences that do not vary tell nothing of how others would.
    """
    difference, champion = report.difference("candidate", "champion"), report.role("champion")
    loss = None if champion is None else champion.metric(report.metric).value
    if difference is None or loss is None:
        return None
    reach = NormalDist().inv_cdf((1 + report.confidence) / 2)
    error = (difference.value - difference.lower) / reach  # of the rows: the upper end may count the batches, too
    worsening, wanted = (reach + NormalDist().inv_cdf(power)) * error, detectable * abs(loss)
    needed = value_of(report.measures, "holdout", NEEDED)
    if needed is None and worsening > 0 and wanted > 0:
        needed = difference.rows * (worsening / wanted) ** 2
    return _Shown(rows=difference.rows, worsening=worsening, wanted=wanted, needed=needed)


@dataclass(frozen=True, slots=True)
class HasEnoughRows:
    """The rows would show a relative worsening with the declared power; too few is unknown, never false."""

    detectable: float
    power: float
    against_champion: ClassVar[bool] = True

    def evaluate(self, report: EvaluationReport) -> tuple[bool | None, str]:
        shown = _shown_by(report, detectable=self.detectable, power=self.power)
        if shown is None:
            return None, "the evaluation has no paired difference to the champion"
        text = (
            f"{shown.rows:,} rows of {len(report.batches)} batches show a worsening of {shown.worsening:.4g} with a "
            f"power of {self.power:.0%}; {shown.wanted:.4g} ({self.detectable:.1%}) is to be shown"
        )
        if shown.needed is None:
            return (
                None,
                f"{text}: how many rows that takes cannot be told from differences that do not vary, or a loss of 0",
            )
        takes = "fewer than 10" if shown.needed < _FEW else f"about {shown.needed:,.0f}"
        return shown.enough or None, f"{text}, which takes {takes} rows by the spread on the newest batches"


def batches_asked(report: EvaluationReport, spec: PromoteSpec, *, count: int, most: int, proof: bool = False) -> int:
    """How many of the newest batches are to judge, after `count` of them did; `count` where they are enough.

    Without a champion they always are. Where something is to be proven as many judge as can be drawn whole: fewer
    hardly tell what batches differ by. Beyond that only a declared power asks for more: the spread of the paired
    differences and the champion's mean loss decide, once: in the first look that knows both. To estimate them anew with
    each enlargement would stop at the first small estimate, and to go on until a candidate passes would let every one
    pass. Source: C. Stein, Annals of Mathematical Statistics 16(3), 1945.

    Args:
        report: the comparison on the rows of `count` batches, with what was `carried` from earlier looks.
        spec: declares a power where `require` names `has_enough_rows`.
        count: batches that judged.
        most: batches that there are.
        proof: whether a model must be shown better, or not worse by a margin, than another.
    """
    if report.role("champion") is None:
        return count
    if proof and report.resampled == "rows" and count < min(most, ENOUGH_BATCHES):
        return min(most, ENOUGH_BATCHES)
    if GATE not in spec.expression.names():
        return count
    shown = _shown_by(report, detectable=spec.limits.detectable, power=spec.limits.power)
    if shown is not None and shown.enough:
        return count
    growth = 2.0 if shown is None or shown.needed is None else shown.needed / shown.rows
    return max(count, min(most, max(count + 1, ceil(growth * count))))


def carried(report: EvaluationReport, spec: PromoteSpec) -> tuple[Measure, ...]:
    """What a look at more batches is told of those before: the metrics of the first, and how many rows are needed."""
    known = tuple(chosen(report.measures, "holdout")) or newest_alone(report)
    shown = _shown_by(report, detectable=spec.limits.detectable, power=spec.limits.power)
    told = any(each.name == NEEDED for each in known)
    if told or GATE not in spec.expression.names() or shown is None or shown.needed is None:
        return known
    return (*known, Measure(kind="holdout", name=NEEDED, value=shown.needed, rows=shown.rows))


def newest_alone(report: EvaluationReport) -> tuple[Measure, ...]:
    """The candidate's metrics on the batches that judge in any case: decay is told against these."""
    candidate = report.role("candidate")
    made = () if candidate is None else candidate.metrics
    losses = [Measure(kind="holdout", name=each.metric, value=each.value, rows=each.rows) for each in made]
    error = next((each.standard_error for each in made if each.metric == report.metric), None)
    return (*losses, Measure(kind="holdout", name=ERROR, value=error, rows=report.rows))


def holdout_evidence(report: EvaluationReport, expected: tuple[str, ...]) -> dict[str, Any] | None:
    """The candidate's loss with its error and what it expected of itself, against which its decay will be told.

    Args:
        report: how it was judged.
        expected: metric of what a model expects of itself, where there is one.
    """
    candidate = report.role("candidate")
    if candidate is None:
        return None
    held = asdict(candidate.metric(report.metric))
    known = {made.metric: made.value for made in candidate.metrics}
    alone = {made.name: made.value for made in chosen(report.measures, "holdout")}
    if alone:
        held |= {"value": alone[report.metric], "standard_error": alone[ERROR], "lower": None, "upper": None}
        known = alone
    return held | {"expected": next((known[name] for name in expected if name in known), None)}
