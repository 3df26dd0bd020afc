"""How often stable data is called drift, and how often drift is found: rates over seeded streams."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.peers.verdicts import side_by_side
from benchmarks.streams import DRIFTS, STABLE, Drift, day_frame, levels

ALPHA = 0.05
DAYS = 30
WINDOWS = 5
"""Current windows that are compared with one reference."""
METHODS = ("retrain_assets", "KS per column, p < 0.05", "KS, Bonferroni")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of the table."""

    stream: str
    rows: int
    columns: int
    drift: str = ""
    references: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The tables of this benchmark, as Markdown."""

    sections: Sequence[str] = field(default=())

    def markdown(self, machine: str) -> str:
        """With the machine."""
        return "\n\n".join([*self.sections, f"Measured {machine}"])


_FALSE_ALARMS = (
    f"**False alarms of one check**, declared: {ALPHA:g} over all columns and the joint test; {DAYS} reference days, "
    f"{WINDOWS} windows for each reference; ± is two standard errors over references, where there are several."
)
_POWER = (
    "**Power**: share of windows with a planted drift that are called drift, 20 columns of 5,000 rows a day. In "
    "brackets where the method's false alarms on that stream are above the declared rate."
)


_PEERS = (
    "**Side by side**, each tool with its defaults in an environment of its own: share of windows called drift, "
    f"{DAYS} reference days, 20 columns of 500 rows a day. What alarms on stable streams finds planted drifts as well."
)


def measure(references: int, year_runs: int, *, peer_streams: int = 4, limit: float = 1_800) -> Rates:
    """All tables.

    Args:
        references: seeded streams a cell; each with `WINDOWS` windows.
        year_runs: simulated years.
        peer_streams: seeded streams a cell of the table with the peers; none without it.
        limit: seconds that each peer may take.
    """
    began = time.perf_counter()
    stable = [
        Case(
            stream=stream,
            rows=rows,
            columns=columns,
            references=references if columns < 100 else max(references // 4, 4),
        )
        for columns, rows in ((20, 500), (20, 5_000), (100, 500))
        for stream in STABLE
    ]
    planted = [
        Case(stream=stream, rows=5_000, columns=20, drift=drift, references=max(references // 2, 4))
        for stream in ("iid", "mild days")
        for drift in DRIFTS
    ]
    found: dict[Case, Mapping[str, tuple[float, float]]] = {}
    for case in (*stable, *planted):
        found[case] = run(case)
        print(
            f"{time.perf_counter() - began:.0f} s: {case}: {found[case][METHODS[0]][0]:.2f}",
            file=sys.stderr,
            flush=True,
        )
    years = [a_year(seed) for seed in range(year_runs)]
    return Rates(
        sections=[
            f"{_FALSE_ALARMS} {references} references a cell, a quarter of them for 100 columns, half for power.",
            _table(stable, found, lambda case: f"{case.stream}, {case.columns} columns, {case.rows:,} rows a day"),
            _POWER,
            _table(planted, found, lambda case: f"{case.stream}: {case.drift}", holds=_holding(stable, found)),
            *_year_section(years),
            *([_PEERS, side_by_side(peer_streams, limit=limit)] if peer_streams else []),
            f"Took {time.perf_counter() - began:.0f} s.",
        ]
    )


def run(case: Case) -> Mapping[str, tuple[float, float]]:
    """Mean and standard error of the verdicts of each method."""
    rates: dict[str, list[float]] = {method: [] for method in METHODS}
    for seed in range(case.references):
        rng = np.random.default_rng([seed, case.rows, case.columns])
        days = levels(case.stream, DAYS + WINDOWS, case.columns, rng)
        reference = [day_frame(level, case.rows, rng) for level in days[:DAYS]]
        drift = DRIFTS.get(case.drift, Drift())
        windows = [day_frame(level, case.rows, rng, drift) for level in days[DAYS:]]
        for method, verdicts in _verdicts(reference, windows).items():
            rates[method].append(float(np.mean(verdicts)))
    return {
        method: (float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(len(found))))
        for method, found in rates.items()
    }


def _verdicts(reference: Sequence[pd.DataFrame], windows: Sequence[pd.DataFrame]) -> Mapping[str, list[bool]]:
    from retrain_assets.drift import compare, prepare

    together = pd.concat([day.assign(day=place) for place, day in enumerate(reference)], ignore_index=True)
    prepared = prepare(together, batch="day")
    ours = [bool(compare(prepared, window.assign(day=-1), batch="day", alpha=ALPHA).drifted) for window in windows]
    p_values = [_textbook(together.drop(columns="day"), window) for window in windows]
    return {
        METHODS[0]: ours,
        METHODS[1]: [bool((p < ALPHA).any()) for p in p_values],
        METHODS[2]: [bool((p < ALPHA / len(p)).any()) for p in p_values],
    }


def _textbook(reference: pd.DataFrame, window: pd.DataFrame) -> np.ndarray:
    """Two-sample Kolmogorov-Smirnov of numbers without missing ones, chi-square of categories."""
    from scipy.stats import chi2_contingency, ks_2samp

    found: list[float] = []
    for name in reference.columns:
        before, after = reference[name].dropna(), window[name].dropna()
        if pd.api.types.is_numeric_dtype(before.dtype):
            found.append(float(ks_2samp(before, after, method="asymp").pvalue))
        else:
            table = pd.concat([before.value_counts(), after.value_counts()], axis=1).fillna(0)
            found.append(float(chi2_contingency(table).pvalue))
    return np.array(found)


def a_year(seed: int, *, columns: int = 50, rows: int = 500) -> Mapping[str, float]:
    """A stable year of daily checks, and the delay until each planted drift is found in the year's last third."""
    from retrain_assets.data.profile import profile_table
    from retrain_assets.drift import Monitor

    rng = np.random.default_rng([7, seed])
    days = levels("mild days", DAYS + 365, columns, rng)
    reference = [profile_table(day_frame(level, rows, rng)) for level in days[:DAYS]]
    monitor = Monitor(reference, checks_per_year=365, false_alarms_per_year=1)
    alarms = sum(monitor.check(profile_table(day_frame(level, rows, rng))).alarm for level in days[DAYS:])
    found: dict[str, float] = {"false alarms": float(alarms)}
    for size in (0.1, 0.2, 0.3, 0.5):
        watching = Monitor(reference, checks_per_year=365, false_alarms_per_year=1)
        drift = Drift(kind="shift", size=size)
        fresh = levels("mild days", 90, columns, rng)
        delay = next(
            (
                day + 1
                for day, level in enumerate(fresh)
                if watching.check(profile_table(day_frame(level, rows, rng, drift))).columns["c0"].verdict == "drift"
            ),
            91,
        )
        found[f"{size:g} sd"] = float(delay)
    return found


def _year_section(years: Sequence[Mapping[str, float]]) -> list[str]:
    if not years:
        return []
    alarms = np.array([year["false alarms"] for year in years])
    half = 2 * np.sqrt(max(alarms.mean(), 1 / len(years)) / len(years))
    delays = [
        f"| {name} in 1 of 50 columns | {np.median([year[name] for year in years]):.0f} | "
        f"{np.mean([year[name] <= 90 for year in years]):.0%} |"
        for name in years[0]
        if name != "false alarms"
    ]
    sentence = (
        f"**A year of daily checks** on 50 columns of 500 rows whose days differ by 0.1 deviations, {len(years)} "
        f"simulated years, declared: 1 false alarm a year. Found: {alarms.mean():.2f} ± {half:.2f} a year."
    )
    return [
        sentence,
        "\n".join(
            [
                "| planted from one day on | median days until it is found | found within 90 days |",
                "|---|---|---|",
                *delays,
            ]
        ),
    ]


def _holding(cases: Sequence[Case], found: Mapping[Case, Mapping[str, tuple[float, float]]]) -> set[tuple[str, str]]:
    """Pairs of stream and method that keep the declared rate, within two standard errors."""
    return {
        (case.stream, method)
        for case in cases
        if (case.rows, case.columns) == (5_000, 20)
        for method, (rate, error) in found[case].items()
        if rate - 2 * error <= ALPHA
    }


def _table(
    cases: Sequence[Case],
    found: Mapping[Case, Mapping[str, tuple[float, float]]],
    named: Callable[[Case], str],
    holds: set[tuple[str, str]] | None = None,
) -> str:
    lines = [f"| stream | {' | '.join(METHODS)} |", "|---" * (len(METHODS) + 1) + "|"]
    for case in cases:
        cells: list[str] = []
        for method in METHODS:
            rate, error = found[case][method]
            text = f"{rate:.2f} ± {2 * error:.2f}"
            cells.append(text if holds is None or (case.stream, method) in holds else f"({text})")
        lines.append(f"| {named(case)} | {' | '.join(cells)} |")
    return "\n".join(lines)
