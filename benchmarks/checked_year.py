"""A year of daily checks: false alarms of a stable one, and how long a planted drift stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.streams import DRIFTS, HEAVY, RESEMBLING, day_frame, levels
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
STREAMS = ("mild days", RESEMBLING, HEAVY)
MORE = 4
"""So many times the years without a planted drift: they are cheap, and alarms are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """One seeded year.

    Args:
        seed: of its days.
        drifts: that are planted after it, in years of their own.
        stream: what the levels of its days do.
    """

    seed: int
    drifts: tuple[str, ...] = tuple(PLANTED)
    stream: str = STREAMS[0]


def year_tasks(years: int) -> list[Year]:
    """So many years with planted drifts, and more of each stream without."""
    planted, stable = [Year(seed=seed) for seed in range(years)], range(MORE * years)
    others = [Year(seed=seed, drifts=(), stream=stream) for stream in STREAMS for seed in stable]
    return [*planted, *(year for year in others if year.stream != STREAMS[0] or year.seed >= years)]


def year(task: Year) -> dict[str, float]:
    """Alarms of a stable year; and of each planted drift the days until it is found, and its alarms.

    The days are one more than there are where it is not found.
    """
    rng = np.random.default_rng([7, task.seed])
    days = levels(task.stream, DAYS + CHECKS, COLUMNS, rng)
    reference = reference_of(days[:DAYS], rng)
    monitor = _monitor(reference)
    alarms = sum(monitor.check(day_frame(level, ROWS, rng)).alarm for level in days[DAYS:])
    fresh = levels(task.stream, WATCHED, COLUMNS, rng)
    stable = [profile_table(day_frame(level, ROWS, rng)) for level in fresh] if task.drifts else []
    found = {drift: followed(drift, reference, fresh, stable, rng) for drift in task.drifts}
    return {
        "false alarms": float(alarms),
        **{drift: float(day) for drift, (day, _) in found.items()},
        **{_alarms_of(drift): float(alarms) for drift, (_, alarms) in found.items()},
    }


def _alarms_of(drift: str) -> str:
    return f"alarms of {drift}"


def reference_of(days: np.ndarray, rng: np.random.Generator) -> Prepared:
    """Rows of days with these levels."""
    frames = [day_frame(level, ROWS, rng).assign(day=place) for place, level in enumerate(days)]
    return prepare(pd.concat(frames, ignore_index=True), batch="day")


def _monitor(reference: Prepared) -> Monitor:
    return Monitor(reference, checks_per_year=CHECKS, false_alarms_per_year=1)


def followed(
    drift: str, reference: Prepared, fresh: np.ndarray, stable: Sequence[TableProfile], rng: np.random.Generator
) -> tuple[int, int]:
    """Days until a planted drift is found, one more than there are where it is not; and how many of them alarm.

    Args:
        drift: name of one of the `PLANTED`.
        reference: of all of them.
        fresh: levels of the days.
        stable: the same days, of which a drift in one column changes that alone: they are the same for each. What other
            columns show, or all together, makes no difference to the verdict on one. A changed correlation has rows.
        rng: of the rows.
    """
    monitor, changed = _monitor(reference), PLANTED[drift]
    first, alarms = len(stable) + 1, 0
    for day, (level, profile) in enumerate(zip(fresh, stable, strict=True), start=1):
        rows = day_frame(level, ROWS, rng, DRIFTS[drift])
        check = monitor.check(rows if changed == JOINT else _with(profile, rows, changed))
        alarms += check.alarm
        first = min(first, day) if _found(check, changed) else first
    return first, alarms


def _with(profile: TableProfile, rows: pd.DataFrame, name: str) -> TableProfile:
    """One column of the rows in place of the profile's."""
    changed = profile_table(rows[[name]])[name]
    return replace(profile, columns=tuple(changed if own.name == name else own for own in profile.columns))


def _found(check: Check, changed: str) -> bool:
    if changed == JOINT:
        return check.joint is not None and check.joint.drifted is True
    return check.columns[changed].verdict == "drift"


def year_section(answers: Mapping[Year, Mapping[str, float]]) -> list[str]:
    """As Markdown; nothing of no years."""
    if not answers:
        return []
    stable = {
        stream: [of["false alarms"] for year, of in answers.items() if year.stream == stream] for stream in STREAMS
    }
    rows = [f"| {stream} | {len(alarms)} | {_rate(np.array(alarms))} |" for stream, alarms in stable.items() if alarms]
    sentence = (
        f"**A year of daily checks** on {COLUMNS} columns of {ROWS} rows whose days differ by 0.1 deviations, "
        f"{DAYS} reference days, declared: 1 false alarm a year over all columns and the joint test."
    )
    head = "| levels of the days | simulated years | false alarms a year |\n|---|---|---|"
    return [sentence, "\n".join([head, *rows]), *_planted([of for year, of in answers.items() if year.drifts])]


def _rate(alarms: np.ndarray) -> str:
    """Of a count: the error is that of chance where the years show less."""
    spread = max(alarms.var(ddof=1) if len(alarms) > 1 else 0.0, alarms.mean(), 1 / len(alarms))
    return f"{alarms.mean():.2f} ± {2 * np.sqrt(spread / len(alarms)):.2f}"


def _planted(years: Sequence[Mapping[str, float]]) -> list[str]:
    rows = list[str]()
    for name in PLANTED if years else ():
        days = np.array([each[name] for each in years])
        alarms = np.array([each[_alarms_of(name)] for each in years])[days <= WATCHED]
        shown = f"{alarms.mean():.2f}" if len(alarms) else "-"
        rows.append(
            f"| {name} of {COLUMNS} columns | {np.median(days):.0f} | {np.mean(days <= WATCHED):.0%} | {shown} |"
        )
    head = (
        f"| planted from one day of mild days on | median days until it is found | found within {WATCHED} days | "
        f"alarms in {WATCHED} days where it is found |\n|---|---|---|---|"
    )
    return ["\n".join([head, *rows])] if rows else []
