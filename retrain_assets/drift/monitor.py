"""Windows that follow each other against one reference, with a declared number of false alarms a year."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import Any, Literal

from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.arguments import refuse_floor
from retrain_assets.drift.columns import compare_columns
from retrain_assets.drift.evidence_limit import SINGLE_SHARE, EvidenceLimit
from retrain_assets.drift.fitted_reference import Basis, FittedReference
from retrain_assets.drift.frames import Prepared, Side, batches_of
from retrain_assets.drift.given import LazyRows
from retrain_assets.drift.joint import JointDrift
from retrain_assets.drift.joint_watch import JointWatch
from retrain_assets.drift.memory import Memory
from retrain_assets.drift.read_only import ReadOnly
from retrain_assets.drift.report import ColumnDrift, by_harm
from retrain_assets.drift.settings import Settings
from retrain_assets.drift.together import JOINT_SHARE
from retrain_assets.drift.watched import watched_columns
from retrain_assets.drift.window import read_window
from retrain_assets.drift.wording import count_of, left_out, nothing_compared, plural
from retrain_assets.errors import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one window shows.

    Args:
        drifted: any column, or the columns together. None where a side has too few rows to tell, the reference has too
            few batches for any rate of false alarms, or no column could be compared.
        alarm: it has drifted, and nothing of the last alarm was left: one cause alarms once.
        reason: in a sentence.
        basis: what significance rests on.
        columns: by name, with scores and verdict.
        joint: what the columns show together, by this window or by the evidence of several; None where the reference
            has no rows, or the window is not compared.
    """

    drifted: bool | None
    alarm: bool
    reason: str
    basis: Basis
    columns: Mapping[str, ColumnDrift] = field(repr=False)
    joint: JointDrift | None = field(default=None, repr=False)


@dataclass(slots=True)
class Monitor:
    """Checks one window after the other.

    Args:
        reference: profiles of the reference batches, in order of time: a list, a dict, or what `prepare` gives. Rows
            that it was given are kept for the joint test.
        checks_per_year: how many windows there are in a year.
        false_alarms_per_year: over all columns, and the joint test where there is one: it gets a tenth of them.
        options: fields of `Settings`; its `alpha` follows from the rates.
        joint: `correlation` looks for changed correlations too, where the reference has rows; `none` does not.

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
    joint: Literal["correlation", "none"] = "correlation"
    _fitted: FittedReference = field(init=False, repr=False)
    _share: float = field(init=False, repr=False)
    _together: JointWatch | None = field(init=False, repr=False, default=None)
    _memory: Memory = field(init=False, repr=False, default_factory=Memory)

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
        if self.joint not in ("correlation", "none"):
            other = ": the dozens of fits of a classifier are for compare, not for every check"
            more = other if self.joint == "classifier" else ""
            raise ValueError(f"joint must be 'correlation' or 'none' (got {self.joint!r}){more}")
        alpha = min(self.false_alarms_per_year * SINGLE_SHARE / self.checks_per_year, 0.5)
        settings = replace(Settings(**self.options), alpha=alpha)
        refuse_floor(settings)
        given = self.reference if isinstance(self.reference, Prepared) else None
        watched = given is not None and given.rows is not None and self.joint != "none"
        self._share = 1.0 - JOINT_SHARE if watched else 1.0
        own = replace(settings, alpha=alpha * self._share)
        self._fitted = FittedReference(batches, own) if given is None else given.fitted(own)
        if given is not None and watched:
            self._together = JointWatch(
                prepared=given,
                fitted=self._fitted,
                settings=settings,
                checks_per_year=self.checks_per_year,
                false_alarms_per_year=self.false_alarms_per_year,
            )

    def check(self, current: Side | LazyRows) -> Check:
        """Compares the next window; one that cannot be compared changes nothing.

        Args:
            current: a profile, or whatever else `compare` takes. The batch column of the reference is no data.

        Raises:
            DataError: rows have gaps in the batch column, or two columns of one name.
            TypeError: it is neither rows nor profiles.
        """
        window = read_window(current, self.reference, self.joint, self._fitted.settings)
        refused = self._refused(window.profile)
        if refused:
            return self._unknown(refused)
        names = tuple(dict.fromkeys((*watched_columns(window.profile, self._fitted.batches, None), *window.apart)))
        limit = EvidenceLimit(
            columns=len(names),
            batches=self._fitted.trusted_batches,
            checks_per_year=self.checks_per_year,
            false_alarms_per_year=self.false_alarms_per_year * self._share,
        )
        accumulation = self._memory.accumulation(limit)
        found = compare_columns(
            names,
            self._fitted,
            window.profile,
            window=window.batches,
            apart=window.apart,
            accumulation=accumulation,
        )
        columns = ReadOnly({column.name: column for column in found.drifts})
        if all(column.verdict == "unknown" for column in found.drifts):
            return self._unknown(nothing_compared(found.drifts), columns)
        beside = [] if self._together is None else [self._together.judge(window, found, self._memory)]
        rows = (*found.drifts, *(each.row for each in beside))
        alarm = self._memory.take(rows, accumulation, *(each.accumulation for each in beside))
        drifted = any(row.verdict == "drift" for row in rows)
        moved = [column.name for column in sorted(found.drifts, key=by_harm) if column.verdict == "drift"]
        known = sum(column.verdict != "unknown" for column in found.drifts)
        reason = f"{count_of(moved, known)}{left_out(found.drifts)}; {found.basis.sentence}"
        joint = beside[0].drift if beside else None
        reason = joint.counted + reason if joint else reason
        return Check(drifted=drifted, alarm=alarm, reason=reason, basis=found.basis, columns=columns, joint=joint)

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
