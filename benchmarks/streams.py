"""Streams of days with a known truth: stable in several ways, or with one planted drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float64]
STABLE = ("iid", "mild days", "shared days", "strong cycles", "trend, then flat")
"""Ways to be stable: what the levels of the days do."""
RARE = "iid, rare categories"
"""One more: two rows of a thousand have one of a thousand rare categories, most of which are new when they come."""
POWER_STREAMS = tuple(stream for stream in STABLE if stream != "shared days")
"""Those in which drifts are planted."""
RESEMBLING, HEAVY = "days like the one before", "heavy-tailed days"
"""Ways to be stable of a year, and of windows of several days: a level is .7 of the one before, or t-distributed with 3
degrees of freedom."""
COSTLY = ("strong cycles", "trend, then flat")
"""Of these in fewer seeds: what cycles and trends hide is seen in few windows too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A planted change of some columns of the current window.

    Args:
        kind: what changes; "none" nothing.
        size: how much, in the kind's own unit.
        columns: how many columns.
    """

    kind: str = "none"
    size: float = 0.0
    columns: int = 1


DRIFTS: Mapping[str, Drift] = {
    "0.05 sd in 1": Drift(kind="shift", size=0.05),
    "0.1 sd in 1": Drift(kind="shift", size=0.1),
    "0.2 sd in 1": Drift(kind="shift", size=0.2),
    "0.3 sd in 1": Drift(kind="shift", size=0.3),
    "0.5 sd in 1": Drift(kind="shift", size=0.5),
    "0.05 sd in 3": Drift(kind="shift", size=0.05, columns=3),
    "0.1 sd in 3": Drift(kind="shift", size=0.1, columns=3),
    "0.5 sd in 3": Drift(kind="shift", size=0.5, columns=3),
    "0.05 sd in all": Drift(kind="shift", size=0.05, columns=10_000),
    "0.1 sd in all": Drift(kind="shift", size=0.1, columns=10_000),
    "0.5 sd in all": Drift(kind="shift", size=0.5, columns=10_000),
    "category +5 points": Drift(kind="category", size=0.05),
    "correlation 0 to 0.2": Drift(kind="correlation", size=0.2),
    "2 % missing": Drift(kind="missing", size=0.02),
    "1 % unseen category": Drift(kind="unseen", size=0.01),
    "score only, 0.2 sd": Drift(kind="score", size=0.2),
}


def levels(kind: str, days: int, columns: int, rng: np.random.Generator) -> Matrix:
    """Level of each column on each day, in standard deviations of its rows."""
    time = np.arange(days)[:, None]
    if kind in ("iid", RARE):
        return np.zeros((days, columns))
    if kind in ("mild days", HEAVY):
        drawn = rng.normal(size=(days, columns))
        # A t-distribution with 3 degrees of freedom has a variance of 3.
        return 0.1 * (drawn if kind == "mild days" else drawn / np.sqrt(rng.chisquare(3, size=drawn.shape)))
    if kind == RESEMBLING:
        return 0.1 * _autoregression(rng.normal(size=(days, columns)))
    if kind == "shared days":
        return 0.1 * np.repeat(rng.normal(size=(days, 1)), columns, axis=1)
    if kind == "strong cycles":
        return 0.5 * np.sin(2 * np.pi * (time / 7 + rng.random(columns)))
    if kind == "trend, then flat":
        return 0.5 * np.minimum(2 * time / max(days - 1, 1), 1.0) + 0.05 * rng.normal(size=(days, columns))
    raise ValueError(f"unknown stream {kind!r}")


def _autoregression(drawn: Matrix) -> Matrix:
    for day in range(1, len(drawn)):
        drawn[day] = 0.7 * drawn[day - 1] + np.sqrt(1 - 0.7**2) * drawn[day]
    return drawn


def day_frame(
    level: Matrix, rows: int, rng: np.random.Generator, drift: Drift | None = None, *, rare: float = 0.0
) -> pd.DataFrame:
    """One day: half of the columns normal, a quarter lognormal, the last quarter categories, and a score.

    Args:
        level: of the columns.
        rows: of the day.
        rng: of the rows.
        drift: planted in it.
        rare: share of the rows of a category that have one of a thousand rare ones.
    """
    drift = drift or Drift()
    columns = len(level)
    moved = moved_levels(level, drift)
    values = rng.normal(size=(rows, columns)) + moved
    if drift.kind == "correlation":
        values[:, 1] = (
            moved[1] + drift.size * (values[:, 0] - moved[0]) + np.sqrt(1 - drift.size**2) * (values[:, 1] - moved[1])
        )
    score = rng.normal(size=rows) + (drift.size if drift.kind == "score" else 0.0)
    made: dict[str, npt.NDArray[Any]] = {}
    for place in range(columns):
        name = f"c{place}"
        kind = kind_of(place, columns)
        if kind == "normal":
            made[name] = values[:, place]
        elif kind == "lognormal":
            made[name] = np.exp(values[:, place])
        else:
            made[name] = _categories(values[:, place], rng, drift if place == columns - 1 else Drift())
            if rare:
                _make_rare(made[name], rare, rng)
    if drift.kind == "missing":
        made["c0"] = np.where(rng.random(rows) < drift.size, np.nan, values[:, 0])
    return pd.DataFrame(made).assign(score=score)


def moved_levels(level: Matrix, drift: Drift) -> Matrix:
    """With a planted shift."""
    moved = level.copy()
    if drift.kind == "shift":
        moved[: drift.columns] += drift.size
    return moved


def kind_of(place: int, columns: int) -> Literal["normal", "lognormal", "category"]:
    """What a column holds."""
    if place < columns // 2 or place == 0:
        return "normal"
    return "lognormal" if place < columns - columns // 4 else "category"


LABELS = tuple("abcdef")
CUTS = np.array([-0.5, 0.2, 0.8, 1.3, 1.8])


def _categories(values: Matrix, rng: np.random.Generator, drift: Drift) -> npt.NDArray[np.object_]:
    labels = np.array(LABELS, dtype=object)[np.searchsorted(CUTS, values)]
    if drift.kind == "category":
        labels[rng.random(len(labels)) < drift.size] = "f"
    if drift.kind == "unseen":
        labels[rng.random(len(labels)) < drift.size] = "new"
    return labels


def _make_rare(labels: npt.NDArray[np.object_], share: float, rng: np.random.Generator) -> None:
    chosen = rng.random(len(labels)) < share
    labels[chosen] = np.char.add("rare", rng.integers(0, 1_000, int(chosen.sum())).astype(str))
