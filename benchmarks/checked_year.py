"""A year of daily checks: false alarms of a stable one, and how long a planted drift stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.streams import DRIFTS, day_frame, levels
from retrain_assets.data.profile import TableProfile, profile_table
from retrain_assets.drift import Monitor, prepare
from retrain_assets.drift.frames import Prepared
from retrain_assets.drift.monitor import Check
from retrain_assets.drift.together import JOINT

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
    "correlation 0 to 0.2": JOINT,
}
"""The column that each drift changes, and so what has to find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One seeded year.

    Args:
        seed: of its days.
        drifts: that are planted after it, in years of their own.
    """

    seed: int
    drifts: tuple[str, ...] = tuple(PLANTED)


def year(task: Year) -> dict[str, float]:
    """Alarms of a stable year, and after it the days until each planted drift is found; one more where it is not."""
    rng = np.random.default_rng([7, task.seed])
    days = levels("mild days", DAYS + CHECKS, COLUMNS, rng)
    reference = reference_of(days[:DAYS], rng)
    monitor = _monitor(reference)
    alarms = sum(monitor.check(day_frame(level, ROWS, rng)).alarm for level in days[DAYS:])
    fresh = levels("mild days", WATCHED, COLUMNS, rng)
    stable = [profile_table(day_frame(level, ROWS, rng)) for level in fresh]
    return {
        "false alarms": float(alarms),
        **{drift: float(delay(drift, reference, fresh, stable, rng)) for drift in task.drifts},
    }


def reference_of(days: np.ndarray, rng: np.random.Generator) -> Prepared:
    """Rows of days with these levels."""
    frames = [day_frame(level, ROWS, rng).assign(day=place) for place, level in enumerate(days)]
    return prepare(pd.concat(frames, ignore_index=True), batch="day")


def _monitor(reference: Prepared) -> Monitor:
    return Monitor(reference, checks_per_year=CHECKS, false_alarms_per_year=1)


def delay(
    drift: str, reference: Prepared, fresh: np.ndarray, stable: Sequence[TableProfile], rng: np.random.Generator
) -> int:
    """Days until a planted drift is found; one more than there are where it is not.

    Args:
        drift: name of one of the `PLANTED`.
        reference: of all of them.
        fresh: levels of the days.
        stable: the same days, of which a drift in one column changes that alone: they are the same for each. What other
            columns show, or all together, makes no difference to the verdict on one. A changed correlation has rows.
        rng: of the rows.
    """
    monitor, changed = _monitor(reference), PLANTED[drift]
    for day, (level, profile) in enumerate(zip(fresh, stable, strict=True), start=1):
        rows = day_frame(level, ROWS, rng, DRIFTS[drift])
        window = rows if changed == JOINT else _with(profile, rows, changed)
        if _found(monitor.check(window), changed):
            return day
    return len(stable) + 1


def _with(profile: TableProfile, rows: pd.DataFrame, name: str) -> TableProfile:
    """One column of the rows in place of the profile's."""
    changed = profile_table(rows[[name]])[name]
    return replace(profile, columns=tuple(changed if own.name == name else own for own in profile.columns))


def _found(check: Check, changed: str) -> bool:
    if changed == JOINT:
        return check.joint is not None and check.joint.drifted is True
    return check.columns[changed].verdict == "drift"


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
        f"{len(years)} simulated years, declared: 1 false alarm a year over all columns and the joint test. "
        f"Found: {alarms.mean():.2f} ± {half:.2f} a year."
    )
    head = [
        f"| planted from one day on | median days until it is found | found within {WATCHED} days |",
        "|---|---|---|",
    ]
    return [sentence, "\n".join([*head, *delays])]
