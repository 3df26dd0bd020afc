"""The windows of one seeded stream, judged by this package and by the tests of textbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from benchmarks.drawn import day_profile
from benchmarks.rates import ALPHA
from benchmarks.streams import DRIFTS, Drift, day_frame, levels
from retrain_assets.data.profile import TableProfile, merge_tables
from retrain_assets.drift import compare, prepare

Method = str
Verdicts = Mapping[str, Mapping[Method, Sequence[bool]]]
"""By drift and method, one for each window."""
OURS, KS, BONFERRONI = "retrain_assets", "KS per column, p < 0.05", "KS, Bonferroni"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One seeded stream: a reference, and windows with each of the drifts planted.

    Args:
        stream: name of one of the `STABLE`.
        rows: of a reference day.
        columns: of each.
        drifts: by name, "" for none.
        seed: of the stream.
        batches: days of a window.
        larger: so many times the rows of a reference day has a day of a window.
    """

    stream: str
    rows: int
    columns: int
    drifts: tuple[str, ...]
    seed: int
    batches: int = 1
    larger: int = 1

    DAYS: ClassVar[int] = 30
    WINDOWS: ClassVar[int] = 5
    MOST_ROWS: ClassVar[int] = 5_000
    """Of days that are drawn row by row."""


def check(task: Checked) -> Verdicts:
    """The verdicts on all windows of a stream."""
    rng = np.random.default_rng([task.seed, task.rows, task.columns])
    days = levels(task.stream, task.DAYS + task.WINDOWS * task.batches, task.columns, rng)
    judge = _by_rows if task.rows <= task.MOST_ROWS else _by_profiles
    now = days[task.DAYS :].reshape(task.WINDOWS, task.batches, task.columns)
    return judge(task, days[: task.DAYS], now, rng)


def _by_rows(task: Checked, past: np.ndarray, now: np.ndarray, rng: np.random.Generator) -> Verdicts:
    reference = pd.concat(
        [day_frame(level, task.rows, rng).assign(day=place) for place, level in enumerate(past)], ignore_index=True
    )
    prepared = prepare(reference, batch="day")
    textbook = Textbook(reference.drop(columns="day"))
    found: dict[str, Mapping[Method, Sequence[bool]]] = {}
    for drift in task.drifts:
        windows = [_window(task, level, rng, DRIFTS.get(drift, Drift())) for level in now]
        ours = [bool(compare(prepared, window, batch="day", alpha=ALPHA).drifted) for window in windows]
        found[drift] = _with_textbook(ours, [textbook.p_values(window.drop(columns="day")) for window in windows])
    return found


def _window(task: Checked, by_day: np.ndarray, rng: np.random.Generator, drift: Drift) -> pd.DataFrame:
    days = [day_frame(level, task.rows * task.larger, rng, drift) for level in by_day]
    return pd.concat([day.assign(day=-1 - place) for place, day in enumerate(days)], ignore_index=True)


def _by_profiles(task: Checked, past: np.ndarray, now: np.ndarray, rng: np.random.Generator) -> Verdicts:
    reference = [day_profile(level, task.rows, rng) for level in past]
    prepared, merged = prepare(reference), merge_tables(reference)
    found: dict[str, Mapping[Method, Sequence[bool]]] = {}
    for drift in task.drifts:
        planted, rows = DRIFTS.get(drift, Drift()), task.rows * task.larger
        windows = [[day_profile(level, rows, rng, planted) for level in each] for each in now]
        reports = [compare(prepared, window, joint="none", alpha=ALPHA) for window in windows]
        distances = [
            {name: column.scores["kolmogorov_smirnov"] for name, column in report.columns.items()} for report in reports
        ]
        p_values = [_of_profiles(merged, merge_tables(each), d) for each, d in zip(windows, distances, strict=True)]
        found[drift] = _with_textbook([bool(report.drifted) for report in reports], p_values)
    return found


def _with_textbook(ours: Sequence[bool], p_values: Sequence[np.ndarray]) -> Mapping[Method, Sequence[bool]]:
    return {
        OURS: ours,
        KS: [bool((p < ALPHA).any()) for p in p_values],
        BONFERRONI: [bool((p < ALPHA / len(p)).any()) for p in p_values],
    }


class Textbook:
    """Two-sample Kolmogorov-Smirnov of numbers without missing ones, chi-square of categories.

    Args:
        reference: its numbers are sorted once, for all windows.
    """

    def __init__(self, reference: pd.DataFrame) -> None:
        self._numbers = {str(name): np.sort(reference[name].dropna()) for name in reference.select_dtypes("number")}
        self._counts = {name: reference[name].value_counts() for name in reference.columns if name not in self._numbers}

    def p_values(self, window: pd.DataFrame) -> np.ndarray:
        """Of each column."""
        numbers = [self._of_numbers(name, np.sort(window[name].dropna())) for name in self._numbers]
        return np.array(
            [*numbers, *(_chi_square(counts, window[name].value_counts()) for name, counts in self._counts.items())]
        )

    def _of_numbers(self, name: str, after: np.ndarray) -> float:
        before, steps = self._numbers[name], np.arange(len(after) + 1) / len(after)
        # The distance is largest beside a value of the shorter side.
        at, below = (np.searchsorted(before, after, side=side) / len(before) for side in ("right", "left"))
        distance = max(float((steps[1:] - below).max()), float((at - steps[:-1]).max()))
        return _kolmogorov(distance, len(before), len(after))


def _of_profiles(before: TableProfile, after: TableProfile, distances: Mapping[str, float]) -> np.ndarray:
    """The same from fine bins, between whose edges the distance can only be a little larger."""
    found: list[float] = []
    for name in before.names:
        if before[name].kind == "numeric":
            found.append(_kolmogorov(distances[name], before[name].present, after[name].present))
        else:
            found.append(_chi_square(pd.Series(before[name].categories), pd.Series(after[name].categories)))
    return np.array(found)


def _kolmogorov(distance: float, first: int, second: int) -> float:
    """As `scipy.stats.ks_2samp(method="asymp")` takes it; of many rows its limit, which takes no time."""
    from scipy.stats import kstwo, kstwobign

    rows = first * second / (first + second)
    if rows > 2_000:
        return float(kstwobign.sf(distance * np.sqrt(rows)))
    return float(kstwo.sf(distance, np.round(rows)))


def _chi_square(before: pd.Series, after: pd.Series) -> float:
    from scipy.stats import chi2_contingency

    return float(chi2_contingency(pd.concat([before, after], axis=1).fillna(0)).pvalue)
