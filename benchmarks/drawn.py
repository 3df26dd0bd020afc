"""Days of any number of rows, drawn as the profiles that their rows would have: a million rows cost what a thousand do.

The counts of fixed bins are multinomial whatever the rows are, so the profile of a day can be drawn from that law
without its rows. The columns are those of `benchmarks.streams.day_frame`, in fine bins of `DIGITS` binary digits,
which is what a profile of so many normal numbers has. Correlations are not drawn, because a profile has none.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from benchmarks.streams import CUTS, LABELS, Drift, Matrix, kind_of, moved_levels
from retrain_assets.data import sketch
from retrain_assets.data.bins import Bins
from retrain_assets.data.column_profile import ColumnProfile
from retrain_assets.data.profile import TableProfile

DIGITS = 5
_SMALLEST, _LARGEST = 2.0**-24, 2.0**6


def day_profile(level: Matrix, rows: int, rng: np.random.Generator, drift: Drift | None = None) -> TableProfile:
    """One day, as `profile_table(day_frame(...))` would be.

    Args:
        level: of the columns.
        rows: of the day.
        rng: of the rows.
        drift: planted in it.
    """
    drift = drift or Drift()
    moved, columns = moved_levels(level, drift), len(level)
    made: list[ColumnProfile] = []
    for place in range(columns):
        kind = kind_of(place, columns)
        if kind == "category":
            planted = drift if place == columns - 1 else Drift()
            made.append(_category(f"c{place}", moved[place], rows, rng, planted))
        else:
            missing = rng.binomial(rows, drift.size) if drift.kind == "missing" and place == 0 else 0
            made.append(_number(f"c{place}", moved[place], rows, rng, exp=kind == "lognormal", missing=missing))
    score = drift.size if drift.kind == "score" else 0.0
    made.append(_number("score", score, rows, rng, exp=False, missing=0))
    return TableProfile(rows=rows, columns=tuple(made))


@cache
def _grid(exp: bool) -> tuple[sketch.Keys, Matrix]:
    """Keys of all bins that there can be, ascending, and their edges in the units of the normal number."""
    low, high = sketch.ordered_keys(np.array([_SMALLEST, _LARGEST]), DIGITS)
    above = np.arange(low, high + 1)
    keys = above if exp else np.concatenate([-above[::-1], above])
    _, edges = sketch.edges_of(keys if exp else above, DIGITS)
    if exp:
        return keys, np.concatenate([[-np.inf], np.log(edges)])
    return keys, np.concatenate([-edges[::-1], [0.0], edges])


def _number(name: str, level: float, rows: int, rng: np.random.Generator, *, exp: bool, missing: int) -> ColumnProfile:
    keys, edges = _grid(exp)
    reached = ndtr(edges - level)
    reached[0], reached[-1] = 0.0, 1.0
    drawn = rng.multinomial(rows - missing, np.diff(reached))
    held = np.flatnonzero(drawn)
    first, last = int(held[0]), int(held[-1])
    # The smallest of k uniform numbers: 1 - u^(1/k) of the way.
    share = 1 - rng.random(2) ** (1 / drawn[[first, last]])
    low = reached[first] + share[0] * (reached[first + 1] - reached[first])
    high = reached[last + 1] - share[1] * (reached[last + 1] - reached[last])
    minimum, maximum = (float(ndtri(np.clip(end, 1e-300, 1 - 1e-16))) + level for end in (low, high))
    lower, upper = sketch.edges_of(keys[held], DIGITS)
    middles, counts = (lower + upper) / 2, drawn[held]
    mean = float(middles @ counts / counts.sum())
    return ColumnProfile(
        name=name,
        kind="numeric",
        rows=rows,
        missing=missing,
        minimum=float(np.exp(minimum)) if exp else minimum,
        maximum=float(np.exp(maximum)) if exp else maximum,
        mean=mean,
        m2=float((middles - mean) ** 2 @ counts),
        precision=DIGITS,
        bins=Bins(keys[held], counts),
    )


def _category(name: str, level: float, rows: int, rng: np.random.Generator, drift: Drift) -> ColumnProfile:
    shares: npt.NDArray[np.float64] = np.diff(ndtr(np.concatenate([[-np.inf], CUTS, [np.inf]]) - level))
    labels = [*LABELS, "new"]
    shares = np.append(shares, 0.0)
    if drift.kind in ("category", "unseen"):
        shares *= 1 - drift.size
        shares[labels.index("f" if drift.kind == "category" else "new")] += drift.size
    counts = rng.multinomial(rows, shares)
    counted = {label: int(count) for label, count in zip(labels, counts, strict=True) if count}
    ordered = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return ColumnProfile(name=name, kind="categorical", rows=rows, missing=0, categories=ordered)
