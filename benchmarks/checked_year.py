"""A year of daily checks: false alarms of a stable one, and how long a planted drift stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.streams import DRIFTS, day_frame, levels
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import Monitor

DAYS, CHECKS, COLUMNS, ROWS, WATCHED = 30, 365, 50, 500, 90
PLANTED = {
    "0.1 sd in 1": "c0",
    "0.2 sd in 1": "c0",
    "0.3 sd in 1": "c0",
    "0.5 sd in 1": "c0",
    "category +5 points": f"c{COLUMNS - 1}",
    "1 % unseen category": f"c{COLUMNS - 1}",
    "2 % missing": "c0",
    "score only, 0.2 sd": "score",
}
"""The column that each drift changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One seeded year."""

    seed: int


def year(task: Year) -> dict[str, float]:
    """Alarms of a stable year, and after it the days until each planted drift is found; one more where it is not."""
    rng = np.random.default_rng([7, task.seed])
    days = levels("mild days", DAYS + CHECKS, COLUMNS, rng)
    reference = [profile_table(day_frame(level, ROWS, rng)) for level in days[:DAYS]]
    monitor = _monitor(reference)
    alarms = sum(monitor.check(profile_table(day_frame(level, ROWS, rng))).alarm for level in days[DAYS:])
    fresh = levels("mild days", WATCHED, COLUMNS, rng)
    stable = [profile_table(day_frame(level, ROWS, rng)) for level in fresh]
    delays = {drift: float(_delay(drift, column, reference, fresh, stable, rng)) for drift, column in PLANTED.items()}
    return {"false alarms": float(alarms), **delays}


def _monitor(reference: Sequence[TableProfile]) -> Monitor:
    return Monitor(reference, checks_per_year=CHECKS, false_alarms_per_year=1)


def _delay(
    drift: str,
    column: str,
    reference: Sequence[TableProfile],
    fresh: np.ndarray,
    stable: Sequence[TableProfile],
    rng: np.random.Generator,
) -> int:
    """All days are the same stable ones but for the column that the drift changes."""
    monitor = _monitor(reference)
    for day, (level, profile) in enumerate(zip(fresh, stable, strict=True), start=1):
        changed = profile_table(day_frame(level, ROWS, rng, DRIFTS[drift])[[column]])[column]
        columns = tuple(changed if own.name == column else own for own in profile.columns)
        if monitor.check(replace(profile, columns=columns)).columns[column].verdict == "drift":
            return day
    return WATCHED + 1


def year_section(years: Sequence[Mapping[str, float]]) -> list[str]:
    """As Markdown; nothing of no years."""
    if not years:
        return []
    alarms = np.array([each["false alarms"] for each in years])
    # Of a count: that of chance where the years show less.
    half = 2 * np.sqrt(max(alarms.var(ddof=1) if len(years) > 1 else 0.0, alarms.mean(), 1 / len(years)) / len(years))
    delays = [
        f"| {name} of {COLUMNS} columns | {np.median([each[name] for each in years]):.0f} | "
        f"{np.mean([each[name] <= WATCHED for each in years]):.0%} |"
        for name in PLANTED
    ]
    sentence = (
        f"**A year of daily checks** on {COLUMNS} columns of {ROWS} rows whose days differ by 0.1 deviations, "
        f"{len(years)} simulated years, declared: 1 false alarm a year. Found: {alarms.mean():.2f} ± {half:.2f} a year."
    )
    head = [
        f"| planted from one day on | median days until it is found | found within {WATCHED} days |",
        "|---|---|---|",
    ]
    return [sentence, "\n".join([*head, *delays])]
