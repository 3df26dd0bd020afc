"""Windows that follow each other against one reference, with a declared number of false alarms a year."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import Any

from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.accumulation import REMEMBERED, Accumulation
from retrain_assets.drift.arguments import refuse_floor
from retrain_assets.drift.columns import compare_columns
from retrain_assets.drift.evidence_limit import SINGLE_SHARE, EvidenceLimit
from retrain_assets.drift.fitted_reference import Basis, FittedReference
from retrain_assets.drift.frames import Prepared, batches_of
from retrain_assets.drift.read_only import ReadOnly
from retrain_assets.drift.report import ColumnDrift, by_harm
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.watched import watched_columns
from retrain_assets.drift.wording import count_of, left_out, nothing_compared, plural
from retrain_assets.errors import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one window shows.

    Args:
        drifted: None where a side has too few rows to tell, the reference has too few batches for any rate of false
            alarms, or no column could be compared.
        alarm: it has drifted, and nothing of the last alarm was left: one cause alarms once.
        reason: in a sentence.
        basis: what significance rests on.
        columns: by name, with scores and verdict.
    """

    drifted: bool | None
    alarm: bool
    reason: str
    basis: Basis
    columns: Mapping[str, ColumnDrift] = field(repr=False)


@dataclass(slots=True)
class Monitor:
    """Checks one window after the other.

    Args:
        reference: profiles of the reference batches, in order of time: a list, a dict, or what `prepare` gives.
        checks_per_year: how many windows there are in a year.
        false_alarms_per_year: over all columns.
        options: fields of `Settings`; its `alpha` follows from the rates.

    >>> import numpy as np, pandas as pd
    >>> from retrain_assets.data.profile import profile_table
    >>> rng = np.random.default_rng(0)
    >>> days = [profile_table(pd.DataFrame({"x": rng.normal(size=500)})) for _ in range(30)]
    >>> monitor = Monitor(days[:20], checks_per_year=365, false_alarms_per_year=1)
    >>> any(monitor.check(day).alarm for day in days[20:])
    False
    >>> moved = [monitor.check(profile_table(pd.DataFrame({"x": rng.normal(1, 1, 500)}))) for _ in range(3)]
    >>> [check.alarm for check in moved], [check.drifted for check in moved]
    ([True, False, False], [True, True, True])
    """

    reference: Sequence[TableProfile] | Mapping[str, TableProfile] | Prepared = field(repr=False)
    checks_per_year: float
    false_alarms_per_year: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _fitted: FittedReference = field(init=False, repr=False)
    _evidence: dict[str, float] = field(init=False, repr=False, default_factory=dict[str, float])
    _silent: dict[str, int] = field(init=False, repr=False, default_factory=dict[str, int])
    _drifted: dict[str, float] = field(init=False, repr=False, default_factory=dict[str, float])

    def __post_init__(self) -> None:
        batches = batches_of(self.reference, "Monitor")
        for name, rate in (
            ("checks_per_year", self.checks_per_year),
            ("false_alarms_per_year", self.false_alarms_per_year),
        ):
            if not isinstance(rate, Real) or isinstance(rate, bool):
                raise TypeError(f"{name} must be a number (got {rate!r})")
            if not 0 < rate < math.inf:
                raise ValueError(f"{name} must be above 0 and finite (got {rate!r})")
        _refuse(self.options)
        alpha = min(self.false_alarms_per_year * SINGLE_SHARE / self.checks_per_year, 0.5)
        settings = replace(Settings(**self.options), alpha=alpha)
        refuse_floor(settings)
        self._fitted = FittedReference(batches, settings)

    def check(self, current: TableProfile) -> Check:
        """Compares the next window; one that cannot be compared changes nothing.

        Raises:
            TypeError: it is no profile.
        """
        if not isinstance(current, TableProfile):
            raise TypeError(
                f"a window must be a TableProfile (got {type(current).__name__}): profile_table(rows) makes it"
            )
        refused = self._refused(current)
        if refused:
            return self._unknown(refused)
        names = watched_columns(current, self._fitted.batches, None)
        limit = EvidenceLimit(
            columns=len(names),
            batches=self._fitted.trusted_batches,
            checks_per_year=self.checks_per_year,
            false_alarms_per_year=self.false_alarms_per_year,
        )
        accumulation = Accumulation(limit=limit, before=self._evidence, drifted=self._drifted)
        found = compare_columns(names, self._fitted, current, accumulation=accumulation)
        columns = ReadOnly({column.name: column for column in found.drifts})
        if all(column.verdict == "unknown" for column in found.drifts):
            return self._unknown(nothing_compared(found.drifts), columns)
        # What is not told of either, as the lengths of texts in a window without any, is as unknown.
        evidence = {**self._evidence, **accumulation.after}
        unknown = [name for name in evidence if name not in columns or columns[name].verdict == "unknown"]
        self._silent = {name: self._silent.get(name, 0) + 1 for name in unknown}
        self._evidence = {name: e for name, e in evidence.items() if self._silent.get(name, 0) <= REMEMBERED}
        moved = [column.name for column in sorted(found.drifts, key=by_harm) if column.verdict == "drift"]
        drifted = bool(moved)
        # One cause alarms once: what has drifted lasts while its evidence stands, be the distance of a day too small.
        lasting = [name for name in self._drifted if self._evidence.get(name, 0.0) >= limit.value]
        alarm = drifted and not lasting
        known_scores = {column.name: column.score for column in found.drifts if column.score is not None}
        self._drifted = {name: known_scores.get(name, self._drifted.get(name, 0.0)) for name in {*moved, *lasting}}
        known = sum(column.verdict != "unknown" for column in found.drifts)
        reason = f"{count_of(moved, known)}{left_out(found.drifts)}; {found.basis.sentence}"
        return Check(drifted=drifted, alarm=alarm, reason=reason, basis=found.basis, columns=columns)

    def _refused(self, current: TableProfile) -> str:
        """Why the window cannot be judged; empty where it can."""
        needed = self._fitted.settings.min_rows
        known = sum(batch.rows for batch in self._fitted.batches)
        for side, rows in (("window", current.rows), ("reference", known)):
            if rows < needed:
                return f"the {side} has {plural(rows, 'row', 'rows')}, fewer than min_rows = {needed}"
        return self._fitted.too_few

    def _unknown(self, reason: str, columns: Mapping[str, ColumnDrift] | None = None) -> Check:
        return Check(drifted=None, alarm=False, reason=reason, basis=self._fitted.basis, columns=columns or ReadOnly())


def _refuse(options: object) -> None:
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be fields of Settings by name (got {type(options).__name__})")
    known = [each.name for each in fields(Settings) if each.name != "alpha"]
    for name in options:
        if name == "alpha":
            raise TypeError("options must not name alpha: it follows from checks_per_year and false_alarms_per_year")
        if name not in known:
            raise TypeError(f"a Monitor has no option {name!r}.{did_you_mean(str(name), known)}")
