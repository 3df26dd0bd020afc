"""The comparison of a batch with its reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from retrain_assets.data.column_profile import ColumnProfile, absent_column
from retrain_assets.data.profile import TableProfile
from retrain_assets.drift.binning import fit_binning
from retrain_assets.drift.distances import DISTANCES
from retrain_assets.drift.report import ColumnDrift, ColumnVerdict, DriftReport, TableVerdict
from retrain_assets.drift.significance import homogeneity_p_value, significance_level
from retrain_assets.spec import DriftSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED_CATEGORIES = 3


def detect_drift(
    *,
    model: str,
    batch: str,
    champion_version: int | None,
    current: TableProfile,
    reference: TableProfile | None,
    spec: DriftSpec,
) -> DriftReport:
    """Compares a batch with the reference of the champion.

    A column has drifted when its distance reaches `effect_floor` and the difference is significant at `alpha` divided
    by the number of columns. The inputs have drifted when at least `columns_share` of the compared columns have, and
    at least one.

    Times are compared only where `drift.columns` names them: the clock goes on without any drift. A column that has
    gone from the batch is compared as missing in all rows; a column that the reference does not know is `unknown`.

    Args:
        model: name of the model.
        batch: key of the batch.
        champion_version: whose reference it is; None while there is no champion.
        current: profile of the batch.
        reference: profile of the reference; None when the champion has none for this batch.
        spec: what counts as drift.
    """

    def report(verdict: TableVerdict, reason: str, columns: tuple[ColumnDrift, ...] = ()) -> DriftReport:
        return DriftReport(
            model=model,
            batch=batch,
            champion_version=champion_version,
            verdict=verdict,
            reason=reason,
            score=_score(columns, spec.columns_share),
            columns=columns,
        )

    if champion_version is None:
        return report("not_applicable", "bootstrapping: there is no champion to compare the batch with")
    if reference is None:
        return report("unknown", f"the {spec.reference} reference of v{champion_version} holds nothing for this batch")
    for side, rows in (("batch", current.rows), ("reference", reference.rows)):
        if rows < spec.min_rows:
            return report("unknown", f"the {side} has {rows} rows, fewer than drift.min_rows = {spec.min_rows}")
    names = watched_columns(current, reference, spec)
    level = significance_level(spec.alpha, len(names))
    columns = tuple(_compare(name, current, reference, spec, level) for name in names)
    return report(*_verdict(columns, spec), columns)


def watched_columns(current: TableProfile, reference: TableProfile, spec: DriftSpec) -> tuple[str, ...]:
    """The declared columns, or else all of both sides but times; in the order of the reference."""
    if spec.columns is not None:
        return spec.columns
    both = dict.fromkeys((*reference.names, *current.names))
    times = {column.name for side in (reference, current) for column in side.columns if column.kind == "datetime"}
    return tuple(name for name in both if name not in times)


def _compare(name: str, current: TableProfile, reference: TableProfile, spec: DriftSpec, level: float) -> ColumnDrift:
    before = reference[name] if name in reference else absent_column(name, reference.rows)
    after = current[name] if name in current else absent_column(name, current.rows)
    score: float | None = None
    p_value: float | None = None
    verdict: ColumnVerdict = "unknown"
    reason = _incomparable(name, current, reference)
    if reason is None:
        score, p_value = _measure(before, after, spec)
        verdict, reason = _judge(score, p_value, spec.effect_floor, level)
        if name not in current:
            reason = f"the column has gone from the batch: {reason}"
    movers = _movers(before, after)
    return ColumnDrift(
        name=name,
        kind=before.kind if before.present else after.kind,
        distance=spec.distance,
        score=score,
        floor=spec.effect_floor,
        p_value=p_value,
        verdict=verdict,
        reason=reason,
        before=describe(before, movers) if name in reference else "not there",
        after=describe(after, movers) if name in current else "not there",
    )


def _incomparable(name: str, current: TableProfile, reference: TableProfile) -> str | None:
    """Why the two sides cannot be compared; None when they can."""
    if name not in reference and name not in current:
        return "neither the batch nor the reference has this column"
    if name not in reference:
        return "the column is new: the champion's reference does not know it"
    if name not in current:
        return None
    before, after = reference[name], current[name]
    if not (before.present and after.present) or _comparable(before, after):
        return None
    return f"the column was {before.kind} and is {after.kind} now: the two cannot be compared"


def _comparable(before: ColumnProfile, after: ColumnProfile) -> bool:
    by_name = ("categorical", "boolean")
    return before.kind == after.kind or (before.kind in by_name and after.kind in by_name)


def _measure(before: ColumnProfile, after: ColumnProfile, spec: DriftSpec) -> tuple[float, float]:
    """Distance and p-value over the same cells."""
    if not before.present:
        before = replace(before, kind=after.kind)
    binning = fit_binning(before, bins=spec.bins, precision=after.precision)
    old, new = binning.counts(before), binning.counts(after)
    p_value = homogeneity_p_value(old, new)
    return DISTANCES[spec.distance](old, new, spec.smoothing), 1.0 if p_value is None else p_value


def _judge(score: float, p_value: float, floor: float, level: float) -> tuple[ColumnVerdict, str]:
    if score < floor:
        return "stable", f"the distance {score:.3g} is below the floor {floor:g}"
    reached = f"the distance {score:.3g} reaches the floor {floor:g}"
    if p_value >= level:
        return "stable", f"{reached}, but chance explains it: p = {p_value:.2g} is not below {level:.2g}"
    return "drift", f"{reached}, and p = {p_value:.2g} is below {level:.2g}"


def _verdict(columns: tuple[ColumnDrift, ...], spec: DriftSpec) -> tuple[TableVerdict, str]:
    compared = [column for column in columns if column.verdict != "unknown"]
    drifted = [column.name for column in sorted(compared, key=lambda c: -(c.score or 0.0)) if column.verdict == "drift"]
    if not compared:
        return "unknown", "no column could be compared"
    needed = deciding_columns(len(compared), spec.columns_share)
    found = f"{len(drifted)} of {len(compared)} columns have drifted"
    named = f" ({', '.join(drifted[:3])}{', ...' if len(drifted) > 3 else ''})" if drifted else ""
    if len(drifted) >= needed:
        return "drift", f"{found}{named}; {needed} {'is' if needed == 1 else 'are'} enough for drift"
    return "stable", f"{found}{named}; it takes {needed}"


def deciding_columns(columns: int, share: float) -> int:
    """How many of the compared columns must drift for the table to drift.

    >>> deciding_columns(12, 0.2), deciding_columns(3, 0.2), deciding_columns(10, 0.3)
    (3, 1, 3)
    """
    return max(1, math.ceil(round(share * columns, 9)))


def _score(columns: tuple[ColumnDrift, ...], share: float) -> float | None:
    scores = sorted((column.score for column in columns if column.score is not None), reverse=True)
    if not scores:
        return None
    top = scores[: deciding_columns(len(scores), share)]
    return sum(top) / len(top)


def describe(column: ColumnProfile, categories: Sequence[str] = ()) -> str:
    """A column in a few words; of categories those asked for, by default the most frequent.

    >>> from retrain_assets.data.profile import profile_table
    >>> import pandas as pd
    >>> describe(profile_table(pd.DataFrame({"x": [1.0, 3.0, None, None]}))["x"])
    'mean 2.00, deviation 1.41, 50 % missing'
    """
    missing = f"{100 * column.missing_share:.3g} % missing" if column.missing else ""
    infinite = f"{column.infinite} infinite" if column.infinite else ""
    return ", ".join(part for part in (_middle(column, categories), missing, infinite) if part) or "no rows"


def _middle(column: ColumnProfile, categories: Sequence[str]) -> str:
    if not column.present:
        return ""
    if column.kind == "datetime" and column.minimum is not None and column.maximum is not None:
        first, last = (_EPOCH + timedelta(seconds=edge) for edge in (column.minimum, column.maximum))
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if column.kind == "numeric" and column.mean is not None:
        deviation = column.deviation or 0.0
        spread = f", deviation {_readable(deviation, deviation)}" if deviation else ""
        return f"mean {_readable(column.mean, deviation)}{spread}"
    labels = categories or list(column.categories)[:_NAMED_CATEGORIES]
    return ", ".join(f"{label} {100 * column.categories.get(label, 0) / column.rows:.3g} %" for label in labels)


def _readable(number: float, deviation: float) -> str:
    """With the digits that the deviation lets matter: 2001.3 where it is 6.7, 0.0012 where it is 0.0003."""
    scale = deviation or abs(number) or 1.0
    if not 1e-6 < scale < 1e9 or abs(number) >= 1e12:
        return f"{number:.3g}"
    return f"{number:.{max(0, 2 - math.floor(math.log10(scale)))}f}"


def _movers(before: ColumnProfile, after: ColumnProfile) -> list[str]:
    """The categories whose shares changed most."""
    labels = {**before.categories, **after.categories}
    rows = max(before.rows, 1), max(after.rows, 1)

    def moved(label: str) -> float:
        change = before.categories.get(label, 0) / rows[0] - after.categories.get(label, 0) / rows[1]
        return round(abs(change), 9)

    return sorted(labels, key=lambda label: (-moved(label), label))[:_NAMED_CATEGORIES]
