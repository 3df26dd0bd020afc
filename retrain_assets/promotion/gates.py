"""May a candidate be promoted? Small conditions on the evaluation report that compose.

How often a gate errs, at the default confidence of 95 % (the interval is two-sided: 2.5 % on each side):

- `not_worse_than_champion` without a margin fails where the interval of candidate - champion lies above zero: where
  the rows show the candidate worse. A candidate as good as the champion fails in 2.5 % of the evaluations. A worse one
  passes as long as the rows cannot tell, so what protects is their number (`promote.min_rows`).
- With a margin it is a test of non-inferiority, and the burden of proof turns round: it passes where the interval of
  candidate - (1 + margin) x champion lies below zero. A candidate that is worse by the margin passes in 2.5 %; one that
  is as good as the champion fails wherever the rows are too few to show it.
- `beats_baseline` passes where the interval of candidate - baseline lies below zero. A candidate no better than the
  naive baseline passes in 2.5 %.

A comparison takes place because the champion looked bad; what the difference is estimated to owe to its luck in that is
taken off where a candidate must show something (`retrain_assets.promotion.luck`). That brings the rates given the
trigger close to those above where that was measured: decay told by one batch, without a floor, against a holdout loss
that is known well, or staleness told of a cheap retrain. With other settings it is an estimate of the same kind.

These three gates, and `better_than_champion`, are monotone in the candidate's row losses as long as no luck is taken
off: none can rise and turn a fail into a pass. What is taken off is a regression on the champion's losses, which a
candidate's loss changes too. Where the champion lost much more on a row than on most others, a loss of the candidate
there can rise by one, and what is taken off fall by more than the difference rose. Unknown never passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from retrain_assets.promotion.conditions import CONDITIONS, Condition
from retrain_assets.promotion.evaluation import EvaluationReport, report_frame
from retrain_assets.promotion.measures import chosen
from retrain_assets.promotion.power import GATE as POWER
from retrain_assets.promotion.silent import why_silent
from retrain_assets.spec import PromoteSpec
from retrain_assets.spec.expressions import Name, leaving_out
from retrain_assets.spec.holdout import more_rows_to_judge

LEAST_OF_A_FIRST_MODEL = "beats_baseline"
"""What a first model must do whatever is required of later ones."""
_SAID = {True: "passed", False: "not passed", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate: `passed` is None where it cannot be known; a gate that is not applicable binds nobody."""

    name: str
    passed: bool | None
    applicable: bool
    reason: str

    def __str__(self) -> str:
        said = _SAID[self.passed]
        return f"{self.name}: {said if self.applicable else 'not applicable'}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """All gates and what their expression comes to; only `passed=True` promotes."""

    passed: bool | None
    results: tuple[GateResult, ...]
    expression: str
    reason: str

    def __str__(self) -> str:
        """The tree of truths, one gate a line."""
        return "\n".join(
            [f"{self.expression}: {self.reason.partition(':')[0]}", *(f"  {gate}" for gate in self.results)]
        )

    def to_frame(self, *, attempt: int) -> pd.DataFrame:
        """Rows of the `evaluation_report` table: one for each gate and one, without a name, for the whole."""
        rows: list[dict[str, Any]] = [
            {"metric": gate.name, "passed": gate.passed, "applicable": gate.applicable, "reason": gate.reason}
            for gate in self.results
        ]
        rows.append({"metric": "", "passed": self.passed, "applicable": True, "reason": self.reason})
        shared = {"attempt": attempt, "role": "gate", "scope": self.expression, "rows": 0, "rows_newer_than_both": 0}
        return report_frame([{**shared, **row} for row in rows])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, attempt: int | None = None) -> GateReport:
        """The gates of an attempt (the latest by default).

        Raises:
            ValueError: no gate of that attempt.
        """
        gates = frame[frame["role"] == "gate"]
        chosen = gates["attempt"].max() if attempt is None else attempt
        rows = cast("list[dict[str, Any]]", gates[gates["attempt"] == chosen].to_dict("records"))
        if not rows:
            raise ValueError(f"the table holds no gates of attempt {attempt}")
        results = tuple(
            GateResult(
                name=str(row["metric"]),
                passed=_truth(row["passed"]),
                applicable=bool(row["applicable"]),
                reason=str(row["reason"]),
            )
            for row in rows
            if row["metric"]
        )
        whole = next(row for row in rows if not row["metric"])
        return cls(passed=_truth(whole["passed"]), results=results, expression=whole["scope"], reason=whole["reason"])


def evaluate_gates(report: EvaluationReport, spec: PromoteSpec, bootstrapping: bool) -> GateReport:
    """Every gate that `promote.require` names, and their expression.

    Without a champion the gates against it are not applicable: the expression is judged without them, and where it
    names no other, a first model must beat the baseline. Too few reserved rows make every gate unknown, and fewer than
    a declared power asks for every gate against the champion; so does a champion that cannot be asked.
    """
    silent = why_silent(report)
    asked, names = spec.expression, spec.expression.names()
    if bootstrapping:
        of_champion = [name for name, make in CONDITIONS.items() if name in names and make(spec).against_champion]
        asked = leaving_out(asked, of_champion) or Name(LEAST_OF_A_FIRST_MODEL)
    binding = asked.names()
    too_few = _too_few(report, spec) if POWER in binding and silent is None else None
    results = tuple(
        _result(name, make(spec), report, spec, too_few)
        if name in binding and not (silent and make(spec).against_champion)
        else _without_champion(name, silent, applicable=name in binding)
        for name, make in CONDITIONS.items()
        if name in names | binding
    )
    passed = asked.evaluate({result.name: result.passed for result in results})
    return GateReport(passed=passed, results=results, expression=spec.require, reason=_summary(passed, results))


def _without_champion(name: str, silent: str | None, *, applicable: bool) -> GateResult:
    """Unknown of a champion that cannot be asked, unless the gate is left out; not applicable where there is none."""
    reason = silent or "there is no champion to compare with yet"
    return GateResult(name=name, passed=None, applicable=applicable, reason=reason)


def _too_few(report: EvaluationReport, spec: PromoteSpec) -> str | None:
    """Why the rows do not have the declared power; None where they have it."""
    passed, reason = CONDITIONS[POWER](spec).evaluate(report)
    return None if passed else reason


def _result(name: str, gate: Condition, report: EvaluationReport, spec: PromoteSpec, too_few: str | None) -> GateResult:
    if report.rows < spec.min_rows:
        few = f"{report.rows:,} {report.kind_of_rows} are too few to judge by ({spec.min_rows:,} needed)"
        reason = f"{few}: {more_rows_to_judge(spec)}"
        return GateResult(name=name, passed=None, applicable=True, reason=reason)
    if too_few is not None and gate.against_champion:
        reason = too_few if name == POWER else f"too few rows for the declared power, see {POWER}"
        return GateResult(name=name, passed=None, applicable=True, reason=reason)
    unmeasured = next(iter(chosen(report.measures, "unmeasured", name)), None)
    passed, reason = gate.evaluate(report) if unmeasured is None else (None, unmeasured.reason)
    return GateResult(name=name, passed=passed, applicable=True, reason=reason)


def _summary(passed: bool | None, results: Sequence[GateResult]) -> str:
    """What decided first: the gates of the same truth as the whole, and those that do not apply by name alone."""
    binding = sorted((each for each in results if each.applicable), key=lambda each: each.passed is not passed)
    said = [
        f"{each.name}: {'' if each.passed is passed else f'{_SAID[each.passed]}: '}{each.reason}" for each in binding
    ]
    for reason in dict.fromkeys(each.reason for each in results if not each.applicable):
        names = ", ".join(each.name for each in results if not each.applicable and each.reason == reason)
        said.append(f"not applicable ({reason}): {names}")
    return f"{_SAID[passed]}: " + "; ".join(said)


def _truth(value: Any) -> bool | None:
    return None if pd.isna(value) else bool(value)
